//! Reputation for moderators: a community's highest scores and who is at risk, and a member's page with
//! what changed their score and a form to change it by hand. What counts is in `weights.rs`.

use std::sync::Arc;

use activity::{ActivityError, Doubt, MemberCard, Ranked};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Adjustment, Badge, Community, History, IdentityError, Score};
use kernel::{PageRequest, Permission, UserId};
use serde::Deserialize;

use crate::{
    bots::scores,
    charts::{Svg, spark::spark},
    community, display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    paging,
    router::Face,
    suggestions, suspicions,
    viewer::{SignedIn, Viewer},
    weights,
};

/// Entries of the history on a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "member.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    id: UserId,
    name: String,
    accounts: Vec<(&'static str, String)>,
    score: Score,
    badges: Vec<Badge>,
    doubt: Option<Doubt>,
    curve: Option<Svg>,
    rows: Vec<Row>,
    is_later: bool,
    next_href: Option<String>,
    may_adjust: bool,
    may_judge: bool,
    suggestions: Vec<suggestions::Row>,
    suspicions: Vec<suspicions::Row>,
    detection: scores::Panel,
    typed: Typed,
}

struct Row {
    at: String,
    at_exact: String,
    reason: &'static str,
    account: String,
    platform: &'static str,
    before: Score,
    after: Score,
    note: String,
}

#[derive(Template)]
#[template(path = "reputation.html")]
struct Standings {
    shell: Shell,
    slug: String,
    mistakes: Mistakes,
    leaders: Vec<Ranked>,
    at_risk: Vec<Ranked>,
    weights: Vec<weights::Row>,
    may_decide: bool,
}

/// Which page of the history.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

/// The form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    points: String,
    note: String,
    key: String,
}

/// `GET /c/{slug}/reputation`
pub(crate) async fn standings(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    overview(&face, &viewer, &community, None, Mistakes::default()).await
}

/// The page of a community's scores, with what was typed about what counts if that form came back.
pub(crate) async fn overview(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    typed: Option<&weights::Typed>,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let (app, actor) = (&face.app, &viewer.actor);
    let found = app.activity.standings(actor, community.id).await?;
    let weights = app.identity.reputation_weights(actor, community.id).await?;
    let place = Place {
        title: "Reputation",
        section: Section::Members,
        community: Some(community),
    };
    let page = Standings {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        mistakes,
        leaders: found.leaders,
        at_risk: found.at_risk,
        weights: weights
            .into_iter()
            .map(|setting| weights::Row::of(setting, typed))
            .collect(),
        may_decide: actor
            .require(Permission::ManageCommunity, community.id)
            .is_ok(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// `GET /c/{slug}/members/{user}`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, user)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let user: UserId = user.parse().ok().ok_or_else(PageError::not_found)?;
    let asked = paging::asked(wanted.after.as_deref(), ROWS)?;
    let typed = Typed::default();
    show(
        &face,
        &viewer,
        &community,
        user,
        &asked,
        typed,
        Mistakes::default(),
    )
    .await
}

/// `POST /c/{slug}/members/{user}/reputation`
pub(crate) async fn adjust(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, user)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let user: UserId = user.parse().ok().ok_or_else(PageError::not_found)?;
    let adjustment = Adjustment {
        // What is no number is refused like 0.
        points: typed.points.trim().parse().unwrap_or(0),
        note: typed.note.clone(),
        key: typed.key.clone(),
    };
    let answer = face
        .app
        .activity
        .adjust_reputation(&viewer.actor, community.id, user, &adjustment)
        .await;
    let mistakes = match answer {
        Ok(_) => {
            let to = format!("/c/{}/members/{user}?done=reputation", community.slug);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(ActivityError::Identity(error)) => match &*error {
            IdentityError::Invalid { field, message } => Mistakes::one(field, message),
            IdentityError::Conflict(message) => Mistakes::one("", message),
            _ => return Err(ActivityError::Identity(error).into()),
        },
        Err(error) => return Err(error.into()),
    };
    let asked = PageRequest::first(ROWS);
    show(&face, &viewer, &community, user, &asked, typed, mistakes).await
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    user: UserId,
    asked: &PageRequest,
    mut typed: Typed,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let activity = &face.app.activity;
    let card = activity
        .member_card(&viewer.actor, community.id, user)
        .await?;
    let MemberCard {
        name,
        accounts,
        score,
        badges,
        doubt,
        ..
    } = card.ok_or_else(PageError::not_found)?;
    let detection = scores::panel(face, viewer, community, (user, &accounts)).await?;
    let history = activity
        .reputation_history(&viewer.actor, community.id, user, asked)
        .await?;
    let like = face
        .app
        .identity
        .suggestions_of(&viewer.actor, community.id, user)
        .await?;
    let flags = activity
        .suspicions_of(&viewer.actor, community.id, user)
        .await?;
    let may_judge = viewer
        .actor
        .require(Permission::ModerateMembers, community.id)
        .is_ok();
    let now = face.app.clock.now();
    if typed.key.is_empty() {
        // The same form sent twice changes the score once.
        typed.key = format!("{user}-{}", now.0);
    }
    let base = format!("/c/{}/members/{user}", community.slug);
    let values: Vec<f64> = history
        .items
        .iter()
        .rev()
        .map(|entry| f64::from(entry.after.points()))
        .collect();
    let place = Place {
        title: "Member",
        section: Section::Members,
        community: Some(community),
    };
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        mistakes,
        slug: community.slug.clone(),
        id: user,
        name,
        accounts: accounts
            .into_iter()
            .map(|account| (account.platform.label(), account.username))
            .collect(),
        score,
        badges,
        doubt,
        curve: (values.len() > 1).then(|| spark(&values)),
        is_later: asked.cursor().is_some(),
        next_href: paging::next_href(&base, history.next.as_ref()),
        rows: history
            .items
            .into_iter()
            .map(|entry: History| Row {
                at: display::ago(now, entry.at),
                at_exact: entry.at.to_string(),
                reason: entry.reason.label(),
                account: entry.account,
                platform: entry.platform.label(),
                before: entry.before,
                after: entry.after,
                note: entry.note,
            })
            .collect(),
        may_adjust: may_judge && viewer.actor.user_id() != Some(user),
        may_judge,
        detection,
        suspicions: flags
            .into_iter()
            .map(|flag| suspicions::Row::of(flag, now))
            .collect(),
        suggestions: like
            .iter()
            .filter_map(|one| suggestions::Row::from(one, user, now))
            .collect(),
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
