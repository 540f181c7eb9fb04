//! The file of a model, for use elsewhere: it is what was registered, or an error.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use super::models::id_of;
use crate::{error::PageError, router::Face, viewer::SignedIn};

/// `GET /admin/models/{id}/file`
pub(crate) async fn download(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let bytes = face.app.bots.model_file(&viewer.actor, id).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"model-{id}.onnx\""),
        ),
    ];
    Ok((headers, bytes).into_response())
}
