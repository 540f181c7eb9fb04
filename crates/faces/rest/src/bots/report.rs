//! Members report accounts that look like bots: `/communities/{id}/bots/reports`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use kernel::{AccountId, CommunityId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    problem::Problem,
};

/// What somebody says about an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReport {
    /// The account's id.
    account_id: i64,
    /// Why, on one line.
    #[serde(default)]
    #[schema(max_length = 300)]
    reason: String,
}

/// Says that an account looks like a bot; ten a day. What follows from it is not told. For everybody of the
/// community.
#[utoipa::path(post, path = "/communities/{community}/bots/reports", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), request_body = NewReport, responses((status = 204)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Body(new): Body<NewReport>,
) -> Result<StatusCode, Problem> {
    let (bots, account) = (&face.app.bots, AccountId(new.account_id));
    bots.report(&who.actor, CommunityId(community), account, &new.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
