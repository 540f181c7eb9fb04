//! One's own data: asking for it as a file, fetching the file, and being erased.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Confirmation, DataExport, ExportState, IdentityError};
use kernel::Secret;
use serde::Deserialize;

use crate::{
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

#[derive(Template)]
#[template(path = "me_data.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    exports: Vec<Row>,
    is_busy: bool,
    /// When the person is erased, if they asked for it.
    erased_on: Option<String>,
    needs_password: bool,
    needs_session: bool,
}

struct Row {
    id: i32,
    asked: When,
    state: String,
    is_ready: bool,
}

/// The form that asks for a file. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asking {
    #[serde(default)]
    password: String,
}

/// The form that asks to be erased. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasing {
    #[serde(default)]
    word: String,
    #[serde(default)]
    erase_password: String,
}

/// `GET /me/data`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default()).await
}

/// `POST /me/data/export`
pub(crate) async fn export(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Asking>,
) -> Result<Response, PageError> {
    let password = Secret::new(typed.password);
    let asked = face
        .app
        .identity
        .request_export(&who.viewer.actor, who.session, Some(&password))
        .await;
    match asked {
        Ok(_) => Ok(Redirect::to("/me/data?done=export").into_response()),
        Err(error) => show(&face, &who, mistake(error, "password")?).await,
    }
}

/// `POST /me/data/exports/{id}`: a fetch uses the file up, so that nothing fetches it by mistake.
pub(crate) async fn fetch(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id.parse().ok().ok_or_else(PageError::not_found)?;
    let file = face.app.fetch_export(&who.viewer.actor, id).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/zip"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"waddlebot-data.zip\""),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let length = [(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes))];
    let body = Body::from_stream(file.parts);
    Ok((headers, length, body).into_response())
}

/// `POST /me/data/erase`
pub(crate) async fn erase(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Erasing>,
) -> Result<Response, PageError> {
    if typed.word.trim().to_lowercase() != "erase" {
        let wrong = Mistakes::one("word", "type the word erase to confirm");
        return show(&face, &who, wrong).await;
    }
    let password = Secret::new(typed.erase_password);
    let asked = face
        .app
        .identity
        .request_erasure(&who.viewer.actor, who.session, Some(&password))
        .await;
    match asked {
        Ok(_) => Ok(Redirect::to("/me/data?done=erasure").into_response()),
        Err(error) => show(&face, &who, mistake(error, "erase_password")?).await,
    }
}

/// `POST /me/data/erase/cancel`
pub(crate) async fn cancel(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    face.app.identity.cancel_erasure(&who.viewer.actor).await?;
    Ok(Redirect::to("/me/data?done=erasure-cancelled").into_response())
}

/// What somebody can put right; other errors are passed on. `password` is the field of the form.
fn mistake(error: IdentityError, password: &'static str) -> Result<Mistakes, PageError> {
    match error {
        IdentityError::Invalid { message, .. } => Ok(Mistakes::one(password, &message)),
        IdentityError::Conflict(message) => Ok(Mistakes::one("", &message)),
        IdentityError::Throttled { retry_after } => {
            Ok(Mistakes::one(password, &display::wait(retry_after)))
        }
        error => Err(error.into()),
    }
}

fn state(export: &DataExport) -> String {
    match export.state {
        ExportState::Asked if export.total == 0 => "waits for its turn".to_owned(),
        ExportState::Asked => format!("{} of {} tables", export.done, export.total),
        ExportState::Ready => {
            let until = export.expires_at.map(display::moment).unwrap_or_default();
            format!("{}, ready until {until}", display::bytes(export.size_bytes))
        }
        ExportState::Failed => "could not be made: tell an administrator".to_owned(),
        ExportState::Fetched => "was fetched".to_owned(),
        ExportState::Gone => "was not fetched in time".to_owned(),
    }
}

async fn show(face: &Face, who: &SignedIn, mistakes: Mistakes) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let exports = identity.exports(actor).await?;
    let now = face.app.clock.now();
    let erasure = identity.erasure(actor).await?;
    let needed = identity.confirmation(actor, who.session).await?;
    let place = Place {
        title: "Your data",
        section: Section::None,
        community: None,
    };
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        is_busy: exports.iter().any(|one| one.state == ExportState::Asked),
        exports: exports
            .iter()
            .map(|export| Row {
                id: export.id,
                asked: display::when(now, export.requested_at),
                state: state(export),
                is_ready: export.state == ExportState::Ready
                    && export.expires_at.is_some_and(|at| at > now),
            })
            .collect(),
        erased_on: erasure.map(|erasure| display::moment(erasure.due_at)),
        needs_password: needed == Confirmation::Password,
        needs_session: needed.is_elsewhere(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
