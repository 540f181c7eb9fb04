//! To a provider of accounts and back, for signing in and for linking.
//!
//! Must never show, log or pass on a token, a code or a state; sends a browser away only to the
//! address that the provider made, and back only to a path on this server.

use std::sync::Arc;

use app::{AppError, Outcome, Returned};
use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::{IdentityError, Intent, Seat, Trip};
use kernel::{ConnectError, ErrorCode, Secret, random};
use serde::Deserialize;

use crate::{
    accounts,
    connections::{CODE_MAX, places, words},
    cookie,
    error::{PageError, sentence},
    guard, login, return_to,
    router::Face,
    viewer::{Client, Viewer},
};

/// Where to go afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    return_to: Option<String>,
}

/// What providers add to the address they send somebody back to. Others add more, which does not
/// matter. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// `POST /login/with/{provider}`
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    Path(key): Path<String>,
    Form(after): Form<After>,
) -> Result<Response, PageError> {
    let to = return_to::checked(after.return_to.as_deref(), "/");
    let browser = random::token(&*face.app.entropy);
    let redirect = face.app.callback(&key);
    let trip = Trip {
        provider: &key,
        redirect: &redirect,
        return_to: to,
    };
    match face.app.sign_in_url(trip, &browser).await {
        Ok(url) => cookie::visit(&face, &browser, &url),
        Err(error) => login::failed(&face, &message(&face, &key, error)?, to).await,
    }
}

/// `GET /auth/{provider}/callback`
pub(crate) async fn callback(
    State(face): State<Arc<Face>>,
    viewer: Viewer,
    Client(client): Client,
    headers: HeaderMap,
    Path(key): Path<String>,
    Query(back): Query<Back>,
) -> Result<Response, PageError> {
    let is_long = back.code.as_ref().is_some_and(|c| c.len() > CODE_MAX);
    let is_empty = back.code.is_none() && back.error.is_none();
    if is_long || is_empty || back.state.len() > CODE_MAX {
        return Err(unknown_visit());
    }
    let seat = Seat {
        browser: cookie::visited(&face, &headers),
        session: viewer.signed_in.as_ref().map(|(_, session)| *session),
    };
    let code = back.code.filter(|_| back.error.is_none()).map(Secret::new);
    let completed = face
        .app
        .complete_sign_in(&viewer.actor, &key, seat, (&back.state, code), &client)
        .await;
    let Returned {
        intent,
        return_to,
        outcome,
    } = match completed {
        Err(AppError::Identity(IdentityError::TokenInvalid)) => return Err(unknown_visit()),
        other => other?,
    };
    // Written down by us, and checked again all the same.
    let to = return_to::checked(Some(&return_to), "/");
    let outcome = match outcome {
        Ok(Outcome::Declined) if back.error.as_deref() != Some("access_denied") => {
            let said = [back.error, back.error_description];
            let said: Vec<String> = said.into_iter().flatten().collect();
            Err(AppError::Platform(ConnectError(said.join(": "))))
        }
        other => other,
    };
    match (outcome, intent) {
        (Ok(Outcome::SignedIn(entered)), _) => cookie::enter(&face, &entered, to),
        (Ok(Outcome::Linked(_)), _) => {
            Ok(Redirect::to(&return_to::with(to, "done", "linked")).into_response())
        }
        (Ok(Outcome::Declined), Intent::Link(_)) => {
            Ok(Redirect::to(&return_to::with(to, "done", "not-linked")).into_response())
        }
        (Ok(Outcome::Declined), Intent::SignIn) => {
            login::failed(&face, "you did not allow it, so you are not signed in", to).await
        }
        (Err(error), Intent::SignIn) => {
            login::failed(&face, &message(&face, &key, error)?, to).await
        }
        (Err(AppError::Identity(IdentityError::MergeNeeded(_))), Intent::Link(_)) => {
            Ok(Redirect::to("/me/merge?done=merge-asked").into_response())
        }
        (Err(error), Intent::Link(_)) => {
            let words = message(&face, &key, error)?;
            accounts::failed(&face, &viewer, &words).await
        }
    }
}

/// Lets the forms of a page lead to the providers, which browsers check along the whole way.
pub(crate) async fn lead_away(face: &Face, response: &mut Response) {
    let places = face.app.sign_in_places().await;
    let sources = places.iter().flat_map(|place| places::of(place));
    if let Ok(policy) = HeaderValue::try_from(guard::policy(sources)) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// What went wrong, for the reader; errors that are not theirs to know go on.
pub(crate) fn message(face: &Face, key: &str, error: AppError) -> Result<String, PageError> {
    match &error {
        AppError::Platform(said) => {
            let provider = face.app.providers().iter().find(|p| p.key() == key);
            let label = provider.map_or(key, |provider| provider.label());
            Ok(format!("{label} said: {}", words(&said.to_string())))
        }
        AppError::Identity(
            IdentityError::Conflict(_)
            | IdentityError::MergeNeeded(_)
            | IdentityError::Invalid { .. }
            | IdentityError::Throttled { .. },
        ) => Ok(sentence(&error.to_string())),
        _ => Err(error.into()),
    }
}

fn unknown_visit() -> PageError {
    PageError::new(
        ErrorCode::Forbidden,
        "This does not belong to anything that you began in this browser within the last ten minutes, so nobody was signed in and nothing was linked. Go back and press the button again.",
    )
}
