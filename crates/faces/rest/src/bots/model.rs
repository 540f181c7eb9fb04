//! The registry of models: `/bots/models`. For those who run the instance. Files come in by the command line, which reads
//! them where they are.

use std::sync::Arc;

use ::bots::{ComparedMetric, Model, ModelComparison, ModelState, Probability};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::Moment,
};

/// What a model is used for.
#[derive(Serialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModelStateName {
    /// It is being made.
    Training,
    /// It is there and decides nothing.
    Testing,
    /// It is what scores.
    Deployed,
    /// It is used no more; it can be deployed again.
    Retired,
}

impl From<ModelState> for ModelStateName {
    fn from(state: ModelState) -> Self {
        match state {
            ModelState::Training => Self::Training,
            ModelState::Testing => Self::Testing,
            ModelState::Deployed => Self::Deployed,
            ModelState::Retired => Self::Retired,
        }
    }
}

/// A model: a registered one, the one that ships, or one that is being made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelView {
    /// Its id; 0 = the one that ships, a negative one = the number of the training that it is being made by.
    id: i32,
    /// Its name.
    name: String,
    /// Which of that name, from 1 on.
    version: u32,
    /// The community it is for; null = all that have none of their own.
    community_id: Option<i32>,
    /// What it is: `trees` or `linear`.
    kind: String,
    /// What it is used for.
    state: ModelStateName,
    /// SHA-256 of its file; empty while it is being made.
    sha256: String,
    /// The size of its file.
    size_bytes: u64,
    /// Whether it was made for the features of this program: no other can score.
    is_current: bool,
    /// The threshold that was chosen when it was made, 0 to 1.
    threshold: Option<f64>,
    /// What was measured.
    #[schema(value_type = Object)]
    metrics: Value,
    /// What is to be known of it: data, limits, parameters.
    #[schema(value_type = Object)]
    card: Value,
    /// The id of what was deployed before it.
    replaced: Option<i32>,
    /// When it was added, or its training was asked for; of the one that ships 1970.
    added_at: Moment,
    /// When it was deployed last.
    deployed_at: Option<Moment>,
    /// When it was retired last.
    retired_at: Option<Moment>,
}

impl From<Model> for ModelView {
    fn from(model: Model) -> Self {
        Self {
            id: model.id,
            is_current: model.is_current(),
            name: model.name,
            version: model.version,
            community_id: model.community.map(|community| community.0),
            kind: model.kind.as_str().to_owned(),
            state: model.state.into(),
            sha256: model.sha256,
            size_bytes: model.size_bytes,
            threshold: model.threshold.map(Probability::value),
            metrics: model.metrics,
            card: model.card,
            replaced: model.replaced,
            added_at: model.added_at.into(),
            deployed_at: model.deployed_at.map(Moment::from),
            retired_at: model.retired_at.map(Moment::from),
        }
    }
}

/// One number of two models.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetricView {
    /// Its name; parts of it are separated by dots.
    name: String,
    /// Of the first model.
    left: Option<f64>,
    /// Of the second.
    right: Option<f64>,
}

impl From<ComparedMetric> for MetricView {
    fn from(metric: ComparedMetric) -> Self {
        Self {
            name: metric.name,
            left: metric.left,
            right: metric.right,
        }
    }
}

/// Two models side by side.
#[derive(Serialize, ToSchema)]
pub(crate) struct ComparisonView {
    /// The first.
    left: ModelView,
    /// The second.
    right: ModelView,
    /// Their numbers.
    metrics: Vec<MetricView>,
}

impl From<ModelComparison> for ComparisonView {
    fn from(both: ModelComparison) -> Self {
        Self {
            left: both.left.into(),
            right: both.right.into(),
            metrics: both.metrics.into_iter().map(MetricView::from).collect(),
        }
    }
}

/// Whose model.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    /// The community's; null = that of all that have none of their own.
    pub(super) community_id: Option<i32>,
}

/// What scores after a model was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct RolledBack {
    /// The model before; null = there was none, the program scores as it came.
    model: Option<ModelView>,
}

/// The models: those that are being made, the registered, the newest first, at most 200, and the one that ships. For those who run the instance.
#[utoipa::path(get, path = "/bots/models", tag = "bots", responses((status = 200, body = List<ModelView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<ModelView>>, Problem> {
    let all = face.app.bots.models(&who.actor).await?;
    Ok(List::whole(all.into_iter().map(ModelView::from).collect()))
}

/// A model. For those who run the instance.
#[utoipa::path(get, path = "/bots/models/{model}", tag = "bots", params(("model" = i32, Path, description = "The model's id.")), responses((status = 200, body = ModelView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(model): Path<i32>,
) -> Result<Json<ModelView>, Problem> {
    let found = face.app.bots.model(&who.actor, model).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// Two models side by side. For those who run the instance.
#[utoipa::path(get, path = "/bots/models/{model}/comparison/{other}", tag = "bots", params(("model" = i32, Path, description = "The model's id."), ("other" = i32, Path, description = "The id of the other one.")), responses((status = 200, body = ComparisonView)))]
pub(crate) async fn compare(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((left, right)): Path<(i32, i32)>,
) -> Result<Json<ComparisonView>, Problem> {
    let bots = &face.app.bots;
    let pair = bots.compare_models(&who.actor, left, right).await?;
    Ok(Json(pair.into()))
}

/// A model's file, an ONNX graph. For those who run the instance.
#[utoipa::path(get, path = "/bots/models/{model}/file", tag = "bots", params(("model" = i32, Path, description = "The model's id.")), responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn file(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(model): Path<i32>,
) -> Result<Response, Problem> {
    let bytes = face.app.bots.model_file(&who.actor, model).await?;
    let name = format!("attachment; filename=\"model-{model}.onnx\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}

/// Lets a model score, in place of the one that does now. For those who run the instance.
#[utoipa::path(post, path = "/bots/models/{model}/promote", tag = "bots", params(("model" = i32, Path, description = "The model's id.")), responses((status = 200, body = ModelView)))]
pub(crate) async fn promote(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(model): Path<i32>,
) -> Result<Json<ModelView>, Problem> {
    let promoted = face.app.bots.promote_model(&who.actor, model).await?;
    Ok(Json(promoted.into()))
}

/// Says that a model is used no more; one that scores must be replaced or taken back instead. For those who run the
/// instance.
#[utoipa::path(post, path = "/bots/models/{model}/retire", tag = "bots", params(("model" = i32, Path, description = "The model's id.")), responses((status = 204)))]
pub(crate) async fn retire(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(model): Path<i32>,
) -> Result<StatusCode, Problem> {
    face.app.bots.retire_model(&who.actor, model).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the model that scores back and puts the one before in its place; where there was none, or its file cannot be used,
/// the next in line scores: the instance's model or the one that ships. For those who run the instance.
#[utoipa::path(post, path = "/bots/models/rollback", tag = "bots", request_body = Whose, responses((status = 200, body = RolledBack)))]
pub(crate) async fn roll_back(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(of): Body<Whose>,
) -> Result<Json<RolledBack>, Problem> {
    let community = of.community_id.map(CommunityId);
    let before = face.app.bots.roll_back_model(&who.actor, community).await?;
    Ok(Json(RolledBack {
        model: before.map(ModelView::from),
    }))
}
