//! «A bot we use», said from a case: a correction of the account's name in this community, and taking it back. It is the
//! same correction that the page of settings lists.

use std::sync::Arc;

use ::bots::{BotsError, CaseOrder, Listable, Ruling};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Community, PlatformAccount};
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

/// What a correction of an account is about.
pub(crate) fn what_of(account: &PlatformAccount) -> Listable {
    Listable::Account(account.platform, account.username.clone())
}

/// Whether an account is a bot that is used here by the community's own word.
pub(crate) async fn is_used(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    account: Option<&PlatformAccount>,
) -> Result<bool, PageError> {
    let Some(account) = account else {
        return Ok(false);
    };
    let (bots, what) = (&face.app.bots, what_of(account));
    match bots.listed(&viewer.actor, community.id, &what).await {
        Ok(listed) => Ok(listed.correction.is_some_and(|correction| {
            correction.ruling == Ruling::Service && correction.community.is_some()
        })),
        // A name that no list can have.
        Err(BotsError::Invalid { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
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
    let account = file.and_then(|file| file.case.account);
    let what = what_of(&account.ok_or_else(PageError::not_found)?);
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
