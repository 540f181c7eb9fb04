//! «A bot we use», said from a case: a correction about its account in this community, and taking it back. It is the
//! same correction that the page of settings lists.

use std::sync::Arc;

use ::bots::{CaseFile, CaseOrder, Correction, Listable, Ruling};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::Permission;
use serde::Deserialize;

use super::{
    case,
    queue::{case_href, order_of},
    verdict::{self, Within},
};
use crate::{
    community,
    error::PageError,
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form of a verdict, sent by another button of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Using {
    #[serde(default)]
    reason: String,
    #[serde(rename = "revision")]
    _revision: i32,
    #[serde(default)]
    order: String,
}

/// Why, where nobody typed a reason: a correction has one.
const ON_ITS_CASE: &str = "said on its case";

/// The community's own correction that makes the account of a case a bot that is used here.
pub(crate) fn used(file: &CaseFile) -> Option<&Correction> {
    let correction = file.correction.as_ref()?;
    let is_own = correction.community.is_some();
    (is_own && correction.ruling == Ruling::Service).then_some(correction)
}

/// Says or takes back that the account of a case is a bot that is used here.
async fn put(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    (id, order): (i32, CaseOrder),
    (ruling, reason): (Option<Ruling>, &str),
) -> Result<Option<Response>, PageError> {
    let bots = &face.app.bots;
    let file = bots.case(&viewer.actor, community.id, id).await?;
    let file = file.ok_or_else(PageError::not_found)?;
    // What was said before may be about a name that the account had then.
    let what = match (used(&file), &file.case.account) {
        (Some(correction), _) => correction.what.clone(),
        (None, Some(account)) => Listable::Account(account.platform, account.username.clone()),
        (None, None) => return Err(PageError::not_found()),
    };
    let said = bots
        .correct(&viewer.actor, community.id, &what, ruling, reason)
        .await;
    let Err(error) = said else {
        return Ok(None);
    };
    let place = (id, order);
    let refused = verdict::refused(face, viewer, community, place, reason.to_owned(), error);
    Ok(Some(refused.await?))
}

/// `POST /c/{slug}/bots/cases/{id}/service`
pub(crate) async fn say(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Using>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let (id, order) = (case::id_of(&id)?, order_of(&typed.order)?);
    let reason = match typed.reason.trim() {
        "" => ON_ITS_CASE,
        typed => typed,
    };
    let said = (Some(Ruling::Service), reason);
    if let Some(refused) = put(&face, &viewer, &community, (id, order), said).await? {
        return Ok(refused);
    }
    let to = verdict::next(&face, &viewer, &community, (id, order)).await?;
    let to = return_to::with(&to, "done", "called-service");
    let to = return_to::with(&to, "used", &id.to_string());
    Ok(Redirect::to(&to).into_response())
}

/// `POST /c/{slug}/bots/cases/{id}/service/undo`
pub(crate) async fn take_back(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Within>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let (id, order) = (case::id_of(&id)?, order_of(&typed.order)?);
    if let Some(refused) = put(&face, &viewer, &community, (id, order), (None, "")).await? {
        return Ok(refused);
    }
    let to = return_to::with(
        &case_href(&community.slug, id, order),
        "done",
        "uncorrected",
    );
    Ok(Redirect::to(&to).into_response())
}
