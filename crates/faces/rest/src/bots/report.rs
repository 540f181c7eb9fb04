//! Members report accounts that look like bots: `/communities/{id}/bots/reports`.

use std::sync::Arc;

use ::bots::WaitingReport;
use axum::{extract::State, http::StatusCode};
use kernel::{AccountId, CommunityId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{case::ReportView, view::JudgedView};
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
};

/// A report that no case shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaitingReportView {
    /// The account; null for one that was erased meanwhile.
    account: Option<JudgedView>,
    /// What was said.
    report: ReportView,
}

impl From<WaitingReport> for WaitingReportView {
    fn from(waiting: WaitingReport) -> Self {
        Self {
            account: waiting.account.map(JudgedView::from),
            report: waiting.report.into(),
        }
    }
}

/// The reports that wait without a case, the newest first: one word that is not enough, or about an account that is left
/// alone or was found to be a person's. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/reports", tag = "bots", params(("community" = i32, Path, description = "The community's id."), PageParams), responses((status = 200, body = List<WaitingReportView>)))]
pub(crate) async fn waiting(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    paging: Paging,
) -> Result<Listed<WaitingReportView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let page = bots
        .waiting_reports(&who.actor, community, &paging.request)
        .await?;
    Ok(paging.answer(page, WaitingReportView::from))
}

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
