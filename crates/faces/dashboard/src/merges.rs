//! Merging two people: what would move, confirming, rejecting and undoing it; for those it is about,
//! and for those who run the instance.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{
    Confirmation, IdentityError, Merge, MergeCard, MergeConsent, MergeSide, MergeState, RoleJoined,
};
use kernel::{MergeId, Role, Secret, Timestamp, UserId};
use serde::Deserialize;

use crate::{
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    suggestions,
    viewer::SignedIn,
};

const OWN: &str = "/me/merge";
const ALL: &str = "/admin/merges";

#[derive(Template)]
#[template(path = "merges.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    /// Where the forms lead.
    base: &'static str,
    is_admin: bool,
    open: Vec<Open>,
    rows: Vec<Row>,
    needs_password: bool,
    needs_session: bool,
    /// Who may be one person, for administrators.
    suggestions: Vec<suggestions::Row>,
    /// What may be the viewer's own.
    own_suggestions: Vec<suggestions::Own>,
}

/// A request that waits.
struct Open {
    id: MergeId,
    asked: When,
    until: String,
    kept: Card,
    merged: Card,
    roles: Option<Vec<RoleRow>>,
    sides: Vec<Side>,
}

/// One of the two people.
struct Card {
    user: UserId,
    name: String,
    counts: Option<Vec<(String, &'static str)>>,
    consent: String,
}

/// A side that the viewer may confirm.
struct Side {
    name: &'static str,
    label: String,
}

struct RoleRow {
    community: String,
    kept: &'static str,
    merged: &'static str,
    after: &'static str,
}

/// A request that came to its end.
struct Row {
    id: MergeId,
    what: String,
    state: &'static str,
    at: When,
    /// Until when it can be undone by the viewer.
    undo_until: Option<String>,
}

/// The form that confirms or undoes. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirming {
    #[serde(default)]
    side: String,
    #[serde(default)]
    password: String,
}

/// The form that names two people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Naming {
    #[serde(default)]
    kept: String,
    #[serde(default)]
    merged: String,
}

/// `GET /me/merge`
pub(crate) async fn own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, OWN, Mistakes::default()).await
}

/// `GET /admin/merges`
pub(crate) async fn all(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, ALL, Mistakes::default()).await
}

/// `POST /admin/merges`
pub(crate) async fn name(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Naming>,
) -> Result<Response, PageError> {
    let number = |text: &str| text.trim().parse::<UserId>().ok();
    let (Some(kept), Some(merged)) = (number(&typed.kept), number(&typed.merged)) else {
        let wrong = Mistakes::one("kept", "enter the numbers of two people");
        return show(&face, &who, ALL, wrong).await;
    };
    let identity = &face.app.identity;
    let asked = identity
        .request_merge(&who.viewer.actor, kept, merged)
        .await;
    match asked {
        Ok(_) => Ok(to(ALL, "merge-asked")),
        Err(IdentityError::NotFound) => {
            let wrong = Mistakes::one("merged", "there is nobody with one of these numbers");
            show(&face, &who, ALL, wrong).await
        }
        Err(error) => show(&face, &who, ALL, mistake(error)?).await,
    }
}

/// `POST /me/merge/{id}/confirm`
pub(crate) async fn confirm_own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Confirming>,
) -> Result<Response, PageError> {
    confirm(&face, &who, OWN, &id, typed).await
}

/// `POST /admin/merges/{id}/confirm`
pub(crate) async fn confirm_any(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Confirming>,
) -> Result<Response, PageError> {
    confirm(&face, &who, ALL, &id, typed).await
}

async fn confirm(
    face: &Face,
    who: &SignedIn,
    base: &'static str,
    id: &str,
    typed: Confirming,
) -> Result<Response, PageError> {
    let id: MergeId = id.parse().ok().ok_or_else(PageError::not_found)?;
    let side = MergeSide::from_name(&typed.side).ok_or_else(PageError::not_found)?;
    let password = Secret::new(typed.password);
    let identity = &face.app.identity;
    let actor = &who.viewer.actor;
    let done = identity
        .confirm_merge(actor, who.session, Some(&password), id, side)
        .await;
    match done {
        Ok(merge) if merge.state == MergeState::Done => Ok(to(base, "merged")),
        Ok(_) => Ok(to(base, "merge-confirmed")),
        Err(error) => show(face, who, base, mistake(error)?).await,
    }
}

/// `POST /me/merge/{id}/reject`
pub(crate) async fn reject_own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    reject(&face, &who, OWN, &id).await
}

/// `POST /admin/merges/{id}/reject`
pub(crate) async fn reject_any(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    reject(&face, &who, ALL, &id).await
}

async fn reject(
    face: &Face,
    who: &SignedIn,
    base: &'static str,
    id: &str,
) -> Result<Response, PageError> {
    let id: MergeId = id.parse().ok().ok_or_else(PageError::not_found)?;
    let identity = &face.app.identity;
    match identity.reject_merge(&who.viewer.actor, id).await {
        Ok(()) => Ok(to(base, "merge-rejected")),
        Err(error) => show(face, who, base, mistake(error)?).await,
    }
}

/// `POST /me/merge/{id}/undo`
pub(crate) async fn undo_own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Confirming>,
) -> Result<Response, PageError> {
    undo(&face, &who, OWN, &id, typed).await
}

/// `POST /admin/merges/{id}/undo`
pub(crate) async fn undo_any(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Confirming>,
) -> Result<Response, PageError> {
    undo(&face, &who, ALL, &id, typed).await
}

async fn undo(
    face: &Face,
    who: &SignedIn,
    base: &'static str,
    id: &str,
    typed: Confirming,
) -> Result<Response, PageError> {
    let id: MergeId = id.parse().ok().ok_or_else(PageError::not_found)?;
    let password = Secret::new(typed.password);
    let identity = &face.app.identity;
    let done = identity
        .undo_merge(&who.viewer.actor, who.session, Some(&password), id)
        .await;
    match done {
        Ok(()) => Ok(to(base, "unmerged")),
        Err(error) => show(face, who, base, mistake(error)?).await,
    }
}

fn to(base: &str, done: &str) -> Response {
    Redirect::to(&format!("{base}?done={done}")).into_response()
}

/// What somebody can put right; other errors are passed on.
fn mistake(error: IdentityError) -> Result<Mistakes, PageError> {
    match error {
        IdentityError::Invalid { message, .. } | IdentityError::Conflict(message) => {
            Ok(Mistakes::one("", &message))
        }
        IdentityError::Throttled { retry_after } => {
            Ok(Mistakes::one("", &display::wait(retry_after)))
        }
        error => Err(error.into()),
    }
}

async fn show(
    face: &Face,
    who: &SignedIn,
    base: &'static str,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let is_admin = base == ALL;
    let merges = if is_admin {
        identity.all_merges(actor).await?
    } else {
        identity.merges(actor).await?
    };
    let me = actor.user_id().ok_or_else(PageError::sign_in_first)?;
    let now = face.app.clock.now();
    let (mut open, mut rows) = (Vec::new(), Vec::new());
    for merge in merges {
        if merge.state == MergeState::Requested {
            let preview = identity.merge_preview(actor, merge.id).await?;
            open.push(Open {
                id: merge.id,
                asked: display::when(now, merge.requested_at),
                until: display::moment(merge.expires_at),
                sides: sides(&merge, me, is_admin),
                kept: card(preview.kept, merge.kept_consent, now),
                merged: card(preview.merged, merge.merged_consent, now),
                roles: preview
                    .roles
                    .map(|roles| roles.into_iter().map(role).collect()),
            });
        } else {
            rows.push(row(&merge, me, is_admin, now));
        }
    }
    let needed = identity.confirmation(actor, who.session).await?;
    let (found, own) = if is_admin {
        (identity.all_suggestions(actor).await?, Vec::new())
    } else {
        (Vec::new(), identity.own_suggestions(actor).await?)
    };
    let place = Place {
        title: if is_admin { "Merges" } else { "Merge" },
        section: if is_admin {
            Section::Merges
        } else {
            Section::None
        },
        community: None,
    };
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        base,
        is_admin,
        open,
        rows,
        needs_password: needed == Confirmation::Password,
        needs_session: needed.is_elsewhere(),
        suggestions: found
            .iter()
            .map(|one| suggestions::Row::of(one, now))
            .collect(),
        own_suggestions: own.into_iter().map(suggestions::Own::from).collect(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// The sides that the viewer may confirm: their own; on the page of administrators those of others.
fn sides(merge: &Merge, me: UserId, is_admin: bool) -> Vec<Side> {
    let own = merge.side_of(me);
    [MergeSide::Kept, MergeSide::Merged]
        .into_iter()
        .filter(|side| merge.consent(*side).is_none())
        .filter(|side| own.map_or(is_admin, |own| own == *side))
        .map(|side| Side {
            name: side.as_str(),
            label: match (own, side) {
                (Some(_), _) => "Confirm the merge".to_owned(),
                (None, MergeSide::Kept) => "Confirm for the kept side".to_owned(),
                (None, MergeSide::Merged) => "Confirm for the other side".to_owned(),
            },
        })
        .collect()
}

fn card(card: MergeCard, consent: Option<MergeConsent>, now: Timestamp) -> Card {
    let counts = card.counts.map(|counts| {
        let written = |(kind, n)| (display::count(n), kind);
        counts.into_iter().map(written).collect()
    });
    Card {
        consent: match consent {
            None => "has not confirmed yet".to_owned(),
            Some(consent) if consent.by == card.user => {
                format!("confirmed {}", display::ago(now, consent.at))
            }
            Some(consent) => {
                let ago = display::ago(now, consent.at);
                format!("an administrator confirmed {ago}")
            }
        },
        user: card.user,
        name: card.display_name,
        counts,
    }
}

fn role(joined: RoleJoined) -> RoleRow {
    RoleRow {
        community: joined.name,
        kept: joined.kept.map_or("none", Role::as_str),
        merged: joined.merged.as_str(),
        after: joined.after.as_str(),
    }
}

fn row(merge: &Merge, me: UserId, is_admin: bool, now: Timestamp) -> Row {
    let may_undo = is_admin || merge.kept == me;
    let until = merge.undo_until().filter(|until| may_undo && now < *until);
    Row {
        id: merge.id,
        what: format!("person {} into person {}", merge.merged, merge.kept),
        state: match merge.state {
            MergeState::Requested => "waits",
            MergeState::Done => "done",
            MergeState::Undone => "undone",
            MergeState::Rejected => "rejected",
            MergeState::Expired => "not confirmed in time",
        },
        at: display::when(now, merge.settled_at.unwrap_or(merge.requested_at)),
        undo_until: until.map(display::moment),
    }
}
