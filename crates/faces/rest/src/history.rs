//! A community's history: what was imported, and what is removed after how long.
//! `/communities/{id}/imports`, `/communities/{id}/retention`.

use std::sync::Arc;

use activity::ImportRun;
use axum::{Json, extract::State};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Path, Query},
    page::List,
    problem::Problem,
    view::Moment,
};

/// An import of one input.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// Its id.
    id: i32,
    /// The file's name.
    input_name: String,
    /// The format's name.
    format: String,
    /// Records read so far.
    consumed: u64,
    /// Events stored.
    recorded: u64,
    /// Events that were stored before.
    duplicates: u64,
    /// Records that could not be used.
    rejected: u64,
    /// Whether the end was reached.
    is_finished: bool,
    /// When it began.
    started_at: Moment,
    /// When it last got on.
    updated_at: Moment,
}

impl From<ImportRun> for ImportView {
    fn from(run: ImportRun) -> Self {
        Self {
            id: run.id.0,
            input_name: run.input_name,
            format: run.format,
            consumed: run.consumed,
            recorded: run.recorded,
            duplicates: run.duplicates,
            rejected: run.rejected,
            is_finished: run.finished,
            started_at: run.started_at.into(),
            updated_at: run.updated_at.into(),
        }
    }
}

/// For how long live messages would be kept.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Keeping {
    /// How many days.
    #[param(minimum = 1, maximum = 3650)]
    days: u32,
}

/// What a retention would remove.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionPreview {
    /// Messages that the next night would remove, counted up to 100,000.
    messages: u64,
}

/// The imports of a community, newest first, at most 100. For its administrators.
#[utoipa::path(get, path = "/communities/{community}/imports", tag = "communities", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<ImportView>)))]
pub(crate) async fn imports(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<ImportView>>, Problem> {
    let activity = &face.app.activity;
    let found = activity.imports(&who.actor, CommunityId(community)).await?;
    Ok(List::whole(
        found.into_iter().map(ImportView::from).collect(),
    ))
}

/// What the next night would remove if live messages were kept for so many days. For the community's
/// administrators.
#[utoipa::path(get, path = "/communities/{community}/retention", tag = "communities", params(("community" = i32, Path, description = "The community's id."), Keeping), responses((status = 200, body = RetentionPreview)))]
pub(crate) async fn retention(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(keeping): Query<Keeping>,
) -> Result<Json<RetentionPreview>, Problem> {
    if !(1..=3_650).contains(&keeping.days) {
        return Err(Problem::field(
            "days",
            "messages are kept for 1 to 3650 days",
        ));
    }
    let activity = &face.app.activity;
    let messages = activity
        .retention_preview(&who.actor, CommunityId(community), keeping.days)
        .await?;
    Ok(Json(RetentionPreview { messages }))
}
