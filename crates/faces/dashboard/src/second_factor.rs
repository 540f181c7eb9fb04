//! The second step of signing in: a code of the app, a recovery code, or a passkey (see
//! [`crate::passkeys`]).

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use identity::IdentityError;
use serde::Deserialize;

use crate::{
    cookie, display,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    return_to,
    router::Face,
    viewer::Client,
};

#[derive(Template)]
#[template(path = "login_2fa.html")]
struct Asking {
    shell: Shell,
    mistakes: Mistakes,
    return_to: String,
    /// The same as a query value.
    encoded: String,
    /// Whether a recovery code is asked for.
    is_recovery: bool,
    has_passkey: bool,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct After {
    return_to: Option<String>,
}

/// The form. Has no `Debug`, because it holds a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    code: String,
    return_to: Option<String>,
    /// Which page it was.
    #[serde(default)]
    recovery: String,
}

/// `GET /login/2fa`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Query(after): Query<After>,
) -> Result<Response, PageError> {
    ask(&face, &headers, &after, false).await
}

/// `GET /login/recovery`
pub(crate) async fn recovery(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Query(after): Query<After>,
) -> Result<Response, PageError> {
    ask(&face, &headers, &after, true).await
}

/// `POST /login/2fa`
pub(crate) async fn submit(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let to = return_to::checked(typed.return_to.as_deref(), "/");
    let Some(awaited) = cookie::awaited(&face, &headers) else {
        return Ok(Redirect::to("/login?done=again").into_response());
    };
    let finished = face
        .app
        .identity
        .finish_second_factor(awaited, &typed.code, &client)
        .await;
    let (status, message) = match finished {
        Ok(session) => return cookie::begin_for_good(&face, &session, to),
        Err(IdentityError::TokenInvalid) => {
            return Ok(Redirect::to("/login?done=again").into_response());
        }
        Err(IdentityError::Invalid { message, .. }) => (StatusCode::UNPROCESSABLE_ENTITY, message),
        Err(IdentityError::Throttled { retry_after }) => {
            (StatusCode::TOO_MANY_REQUESTS, display::wait(retry_after))
        }
        Err(error) => return Err(error.into()),
    };
    let is_recovery = !typed.recovery.is_empty();
    let has_passkey = face.app.identity.may_use_passkey(awaited).await?;
    let mistakes = Mistakes::one("code", &message);
    let page = asking(mistakes, to, is_recovery, has_passkey);
    Ok((status, layout::page(&page)?).into_response())
}

/// The page with what went wrong with a passkey.
pub(crate) async fn refused(
    face: &Face,
    awaited: &str,
    mistakes: Mistakes,
    to: &str,
) -> Result<Response, PageError> {
    let has_passkey = face.app.identity.may_use_passkey(awaited).await?;
    let page = asking(mistakes, to, false, has_passkey);
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

async fn ask(
    face: &Face,
    headers: &HeaderMap,
    after: &After,
    is_recovery: bool,
) -> Result<Response, PageError> {
    let Some(awaited) = cookie::awaited(face, headers) else {
        return Ok(Redirect::to("/login").into_response());
    };
    let has_passkey = face.app.identity.may_use_passkey(awaited).await?;
    let to = return_to::checked(after.return_to.as_deref(), "/");
    layout::page(&asking(Mistakes::default(), to, is_recovery, has_passkey))
}

fn asking(mistakes: Mistakes, to: &str, is_recovery: bool, has_passkey: bool) -> Asking {
    Asking {
        shell: Shell::bare("Second factor"),
        mistakes,
        return_to: to.to_owned(),
        encoded: return_to::encode(to),
        is_recovery,
        has_passkey,
    }
}
