//! Lists of known bots and phishing domains, and whether a community uses them: `/communities/{id}/bots/lists`.

use std::sync::Arc;

use ::bots::ListChoice;
use axum::{Json, extract::State, http::StatusCode};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::{Moment, PlatformName},
};

/// A list of the instance, as a community sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListView {
    /// Its id.
    id: i32,
    /// Its name here.
    name: String,
    /// What it is of.
    kind: String,
    /// Of accounts: where they are.
    platform: Option<PlatformName>,
    /// Where it comes from.
    source: String,
    /// Why its entries are on it, where they do not say so themselves.
    reason: String,
    /// What day it is of.
    as_of: Moment,
    /// After how many days an entry counts half; 0 = it does not fade.
    half_life_days: u32,
    /// How many entries it has.
    n_entries: u32,
    /// Whether it counts in the community.
    is_used: bool,
}

impl From<ListChoice> for ListView {
    fn from(choice: ListChoice) -> Self {
        let list = choice.list;
        Self {
            id: list.id,
            name: list.name,
            kind: list.kind.as_str().to_owned(),
            platform: list.platform.map(PlatformName::from),
            source: list.source,
            reason: list.reason,
            as_of: list.as_of.into(),
            half_life_days: list.half_life_days,
            n_entries: list.n_entries,
            is_used: choice.is_used,
        }
    }
}

/// Whether a list counts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListUse {
    /// Whether it counts in the community from now on.
    is_used: bool,
}

/// The lists of the instance, and which of them a community uses. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/lists", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<ListView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<ListView>>, Problem> {
    let bots = &face.app.bots;
    let all = bots.lists(&who.actor, CommunityId(community)).await?;
    Ok(List::whole(all.into_iter().map(ListView::from).collect()))
}

/// Decides whether a list counts in a community. For its administrators.
#[utoipa::path(put, path = "/communities/{community}/bots/lists/{list}/use", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("list" = i32, Path, description = "The list's id.")), request_body = ListUse, responses((status = 204)))]
pub(crate) async fn choose(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, list)): Path<(i32, i32)>,
    Body(wanted): Body<ListUse>,
) -> Result<StatusCode, Problem> {
    let bots = &face.app.bots;
    bots.use_list(&who.actor, CommunityId(community), list, wanted.is_used)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a list with its entries; what communities corrected stays. For those who run the instance.
#[utoipa::path(delete, path = "/bots/lists/{list}", tag = "bots", params(("list" = i32, Path, description = "The list's id.")), responses((status = 204)))]
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(list): Path<i32>,
) -> Result<StatusCode, Problem> {
    face.app.bots.remove_list(&who.actor, list).await?;
    Ok(StatusCode::NO_CONTENT)
}
