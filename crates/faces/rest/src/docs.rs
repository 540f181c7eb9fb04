//! The document and a page to read it: `/api/v1/openapi.json` and `/api/v1`, which lists what there is.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::{any, get},
};

use crate::{Face, openapi, problem::Problem, user};

/// Made once: it does not change while the program runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::document);

/// The routes that the document does not describe.
pub(crate) fn routes() -> Router<Arc<Face>> {
    Router::new()
        .route("/api/v1/openapi.json", get(document))
        .route("/api/v1/{*rest}", any(nothing))
}

async fn document() -> Response {
    let about = [(header::CONTENT_TYPE, "application/json")];
    (about, DOCUMENT.as_str()).into_response()
}

async fn nothing() -> Problem {
    user::nothing()
}
