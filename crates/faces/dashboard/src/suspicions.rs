//! Suspicious patterns for a community's moderators: the list with its states, the same on a member's
//! page, and the forms that say what became of a flag. Nothing here bans anybody.

use std::sync::Arc;

use activity::{Suspicion, SuspicionState};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::{Permission, Timestamp, UserId};
use serde::Deserialize;

use crate::{
    community,
    display::{self, When},
    error::PageError,
    layout::{self, Place, Section, Shell},
    paging, return_to,
    router::Face,
    viewer::SignedIn,
};

/// Rows on a page.
const ROWS: u32 = 50;

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    after: Option<String>,
}

/// The form that says what became of a flag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deciding {
    state: String,
    /// The member whose page the form is on, if it is on one.
    #[serde(default)]
    member: String,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

/// A flag as it is shown.
pub(crate) struct Row {
    pub(crate) id: i32,
    pub(crate) label: &'static str,
    pub(crate) sentence: String,
    /// Who, where, what they are called.
    pub(crate) accounts: Vec<(UserId, &'static str, String)>,
    /// How many more there are.
    pub(crate) n_more: u64,
    pub(crate) state: &'static str,
    pub(crate) mood: &'static str,
    pub(crate) is_open: bool,
    pub(crate) first: When,
    pub(crate) last: When,
    pub(crate) decided: Option<When>,
}

impl Row {
    pub(crate) fn of(suspicion: Suspicion, now: Timestamp) -> Self {
        let n_shown = u64::try_from(suspicion.accounts.len()).unwrap_or(0);
        Self {
            id: suspicion.id,
            label: suspicion.pattern().label(),
            sentence: suspicion.evidence.sentence(),
            n_more: suspicion.n_accounts.saturating_sub(n_shown),
            accounts: suspicion
                .accounts
                .into_iter()
                .map(|account| (account.user, account.platform.label(), account.username))
                .collect(),
            state: label(suspicion.state),
            mood: match suspicion.state {
                SuspicionState::Confirmed => " bad",
                SuspicionState::Dismissed => " good",
                SuspicionState::Open => "",
            },
            is_open: suspicion.state == SuspicionState::Open,
            first: display::when(now, suspicion.first_seen_at),
            last: display::when(now, suspicion.last_seen_at),
            decided: suspicion.decided_at.map(|at| display::when(now, at)),
        }
    }
}

const fn label(state: SuspicionState) -> &'static str {
    match state {
        SuspicionState::Open => "Open",
        SuspicionState::Dismissed => "Dismissed",
        SuspicionState::Confirmed => "Confirmed",
    }
}

#[derive(Template)]
#[template(path = "suspicions.html")]
struct Page {
    shell: Shell,
    slug: String,
    states: Vec<Choice>,
    is_filtered: bool,
    is_later: bool,
    may_judge: bool,
    rows: Vec<Row>,
    first_href: String,
    next_href: Option<String>,
}

fn list_of(slug: &str) -> String {
    format!("/c/{slug}/members/suspicious")
}

/// `GET /c/{slug}/members/suspicious`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let state = match wanted.state.as_str() {
        "" => None,
        name => Some(
            SuspicionState::from_name(name)
                .ok_or_else(|| PageError::bad_input("There is no such state of a flag."))?,
        ),
    };
    let asked = paging::asked(wanted.after.as_deref(), ROWS)?;
    let found = face
        .app
        .activity
        .suspicions(&viewer.actor, community.id, state, &asked)
        .await?;
    let base = list_of(&community.slug);
    let first_href = match state {
        Some(state) => return_to::with(&base, "state", state.as_str()),
        None => base,
    };
    let now = face.app.clock.now();
    let place = Place {
        title: "Suspicious patterns",
        section: Section::Members,
        community: Some(&community),
    };
    let may_judge = viewer
        .actor
        .require(Permission::ModerateMembers, community.id)
        .is_ok();
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place).await?,
        states: SuspicionState::ALL
            .into_iter()
            .map(|one| Choice {
                value: one.as_str(),
                label: label(one),
                is_chosen: state == Some(one),
            })
            .collect(),
        is_filtered: state.is_some(),
        is_later: asked.cursor().is_some(),
        may_judge,
        next_href: paging::next_href(&first_href, found.next.as_ref()),
        first_href,
        rows: found
            .items
            .into_iter()
            .map(|one| Row::of(one, now))
            .collect(),
        slug: community.slug,
    })
}

/// `POST /c/{slug}/members/suspicious/{id}`
pub(crate) async fn decide(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Deciding>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let id: i32 = id.parse().ok().ok_or_else(PageError::not_found)?;
    let state = SuspicionState::from_name(&typed.state).ok_or_else(PageError::not_found)?;
    face.app
        .activity
        .decide_suspicion(&viewer.actor, community.id, id, state)
        .await?;
    let to = community::member_or(&community.slug, &typed.member, list_of);
    let done = match state {
        SuspicionState::Open => "reopened",
        SuspicionState::Dismissed => "dismissed",
        SuspicionState::Confirmed => "confirmed",
    };
    Ok(Redirect::to(&return_to::with(&to, "done", done)).into_response())
}
