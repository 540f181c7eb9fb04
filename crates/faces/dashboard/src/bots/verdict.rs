//! What moderators do with a case: look at it, say what the account is, take that back. After a verdict the
//! next open case of the same order comes. Nobody is banned by any of it.

use std::sync::Arc;

use ::bots::{BotsError, CaseOrder, CaseState, NewReview, Verdict};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::Permission;
use serde::Deserialize;

use super::{
    case::{self, Typed},
    queue::{self, case_href, order_of},
};
use crate::{
    community,
    error::PageError,
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form that says what an account is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deciding {
    verdict: String,
    #[serde(default)]
    reason: String,
    revision: i32,
    #[serde(default)]
    order: String,
}

/// The forms that need no more than the order one is in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Within {
    #[serde(default)]
    pub(super) order: String,
}

/// `POST /c/{slug}/bots/cases/{id}/look`
pub(crate) async fn look(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Within>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let id = case::id_of(&id)?;
    let to = case_href(&community.slug, id, order_of(&typed.order)?);
    let looked = face
        .app
        .bots
        .look_at_case(&viewer.actor, community.id, id)
        .await?;
    let own = viewer.actor.user_id();
    let is_own = looked.viewers.iter().any(|user| Some(*user) == own);
    let to = if is_own {
        return_to::with(&to, "done", "looking")
    } else {
        to
    };
    Ok(Redirect::to(&to).into_response())
}

/// `POST /c/{slug}/bots/cases/{id}/verdict`
pub(crate) async fn decide(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Deciding>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let id = case::id_of(&id)?;
    let order = order_of(&typed.order)?;
    let verdict = Verdict::from_name(&typed.verdict)
        .ok_or_else(|| PageError::bad_input("There is no such verdict."))?;
    let new = NewReview {
        verdict,
        reason: typed.reason.clone(),
        revision: Some(typed.revision),
    };
    let bots = &face.app.bots;
    let answer = bots.review(&viewer.actor, community.id, id, &new).await;
    if let Err(error) = answer {
        return refused(&face, &viewer, &community, (id, order), typed.reason, error).await;
    }
    let to = next(&face, &viewer, &community, (id, order)).await?;
    let done = match verdict {
        Verdict::Bot => "called-bot",
        Verdict::Human => "called-human",
        Verdict::Skip => "skipped",
    };
    let to = return_to::with(&to, "done", done);
    let to = return_to::with(&to, "last", &id.to_string());
    Ok(Redirect::to(&to).into_response())
}

/// The address of the next case after one, which others see from then on that it is looked at; that of the queue if there
/// is none.
pub(crate) async fn next(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    (id, order): (i32, CaseOrder),
) -> Result<String, PageError> {
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let found = bots.next_case(actor, community.id, order).await?;
    Ok(match found.filter(|case| case.id != id) {
        Some(case) => {
            bots.look_at_case(actor, community.id, case.id).await?;
            case_href(&community.slug, case.id, order)
        }
        None => queue::href(&community.slug, CaseState::Open, order),
    })
}

/// `POST /c/{slug}/bots/cases/{id}/undo`
pub(crate) async fn undo(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Within>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let id = case::id_of(&id)?;
    let order = order_of(&typed.order)?;
    let bots = &face.app.bots;
    if let Err(error) = bots.undo_review(&viewer.actor, community.id, id).await {
        let place = (id, order);
        return refused(&face, &viewer, &community, place, String::new(), error).await;
    }
    let to = case_href(&community.slug, id, order);
    let to = return_to::with(&to, "done", "verdict-undone");
    Ok(Redirect::to(&to).into_response())
}

/// The case again, with what spoke against what was asked for; what was typed is kept.
pub(super) async fn refused(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    (id, order): (i32, CaseOrder),
    reason: String,
    error: BotsError,
) -> Result<Response, PageError> {
    let typed = Typed::refused(reason, order, &error).ok_or(error)?;
    case::show(face, viewer, community, id, typed).await
}
