//! Signing in with e-mail and password or with a one-time link, and signing out; the page also leads
//! to the providers of [`crate::auth`]. An unknown address
//! and a wrong password read the same. Opening a link changes nothing, because mail scanners open
//! links too; only its button does.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::IdentityError;
use kernel::Secret;
use serde::Deserialize;

use crate::{
    auth, cookie, display,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    return_to,
    router::Face,
    viewer::{Client, Viewer},
};

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    shell: Shell,
    mistakes: Mistakes,
    email: String,
    return_to: String,
    needs_setup: bool,
    providers: Vec<Choice>,
    is_open: bool,
    has_passkeys: bool,
}

/// A provider to sign in with.
struct Choice {
    key: String,
    label: String,
}

#[derive(Template)]
#[template(path = "login_link.html")]
struct LoginLink {
    shell: Shell,
    mistakes: Mistakes,
    token: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct After {
    return_to: Option<String>,
}

/// The token of a link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// The form. Has no `Debug`, because it holds a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    email: String,
    password: String,
    return_to: Option<String>,
}

/// `GET /login`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    viewer: Viewer,
    Query(after): Query<After>,
) -> Result<Response, PageError> {
    let to = return_to::checked(after.return_to.as_deref(), "/");
    if viewer.signed_in.is_some() {
        return Ok(Redirect::to(to).into_response());
    }
    let needs_setup = face.app.identity.needs_setup().await?;
    show(&face, Mistakes::default(), String::new(), to, needs_setup).await
}

/// The sign-in page with what went wrong with a passkey.
pub(crate) async fn refused(
    face: &Face,
    mistakes: Mistakes,
    to: &str,
) -> Result<Response, PageError> {
    show(face, mistakes, String::new(), to, false).await
}

/// The sign-in page with what went wrong at a provider.
pub(crate) async fn failed(face: &Face, message: &str, to: &str) -> Result<Response, PageError> {
    show(face, Mistakes::one("", message), String::new(), to, false).await
}

async fn show(
    face: &Face,
    mistakes: Mistakes,
    email: String,
    to: &str,
    needs_setup: bool,
) -> Result<Response, PageError> {
    let choices = face.app.providers().iter().map(|provider| Choice {
        key: provider.key().to_owned(),
        label: provider.label().to_owned(),
    });
    let page = Login {
        shell: Shell::bare("Sign in"),
        mistakes,
        email,
        return_to: to.to_owned(),
        needs_setup,
        providers: choices.collect(),
        is_open: face.app.identity.is_open(),
        has_passkeys: face.app.identity.passkeys_off().is_none(),
    };
    let mut response = (page.mistakes.status(), layout::page(&page)?).into_response();
    auth::lead_away(face, &mut response).await;
    Ok(response)
}

/// `POST /login`
pub(crate) async fn submit(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let to = return_to::checked(typed.return_to.as_deref(), "/");
    let password = Secret::new(typed.password);
    let error = match face
        .app
        .identity
        .sign_in(&typed.email, &password, &client)
        .await
    {
        Ok(entered) => return cookie::enter(&face, &entered, to),
        Err(error) => error,
    };
    let (status, retry_after, message) = match error {
        IdentityError::WrongCredentials => (
            StatusCode::UNPROCESSABLE_ENTITY,
            None,
            "the e-mail address or the password is wrong".to_owned(),
        ),
        IdentityError::Throttled { retry_after } => (
            StatusCode::TOO_MANY_REQUESTS,
            Some(retry_after.as_secs().max(1)),
            display::wait(retry_after),
        ),
        error => return Err(error.into()),
    };
    let mistakes = Mistakes::one("", &message);
    let mut response = show(&face, mistakes, typed.email.clone(), to, false).await?;
    *response.status_mut() = status;
    if let Some(value) = retry_after.and_then(|s| HeaderValue::try_from(s.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    Ok(response)
}

/// `GET /login/link`
pub(crate) async fn link(Query(link): Query<Link>) -> Result<Response, PageError> {
    layout::page(&LoginLink {
        shell: Shell::bare("Sign in with a link"),
        mistakes: Mistakes::default(),
        token: link.token,
    })
}

/// `POST /login/link`
pub(crate) async fn redeem(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(link): Form<Link>,
) -> Result<Response, PageError> {
    match face
        .app
        .identity
        .redeem_sign_in_link(&link.token, &client)
        .await
    {
        Ok(entered) => cookie::enter(&face, &entered, "/"),
        Err(IdentityError::TokenInvalid) => {
            let page = LoginLink {
                shell: Shell::bare("Sign in with a link"),
                mistakes: Mistakes::one(
                    "",
                    "this link was used or has expired: ask for a new one, or sign in with your password",
                ),
                token: String::new(),
            };
            Ok((page.mistakes.status(), layout::page(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /logout`
pub(crate) async fn sign_out(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    if let Some(token) = app::caller::session_token(&headers) {
        face.app.identity.sign_out(token).await?;
    }
    cookie::end(&face, "/?done=signed-out")
}
