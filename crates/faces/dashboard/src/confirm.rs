//! Step-up: proving again that it is one, before something sensitive.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Confirmation;
use kernel::Secret;
use serde::Deserialize;

use crate::{
    email,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    passkeys, return_to,
    router::Face,
    security,
    viewer::{Client, SignedIn},
};

#[derive(Template)]
#[template(path = "me_confirm.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    return_to: String,
    needed: Confirmation,
    /// Whether a passkey would do instead.
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
    typed: String,
    return_to: Option<String>,
}

/// `GET /me/confirm`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Query(after): Query<After>,
) -> Result<Response, PageError> {
    let to = return_to::checked(after.return_to.as_deref(), security::home());
    show(&face, &who, Mistakes::default(), to).await
}

/// `POST /me/confirm`
pub(crate) async fn submit(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Client(client): Client,
    Form(form): Form<Typed>,
) -> Result<Response, PageError> {
    let to = return_to::checked(form.return_to.as_deref(), security::home());
    let typed = Secret::new(form.typed);
    let confirmed = face
        .app
        .identity
        .confirm_session(&who.viewer.actor, who.session, &typed, &client)
        .await;
    match confirmed {
        Ok(()) => Ok(Redirect::to(to).into_response()),
        Err(error) => show(&face, &who, email::mistakes(error.into())?, to).await,
    }
}

/// The page with what went wrong with a passkey.
pub(crate) async fn refused(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
    to: &str,
) -> Result<Response, PageError> {
    show(face, who, mistakes, to).await
}

async fn show(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
    to: &str,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let needed = identity
        .confirmation(&who.viewer.actor, who.session)
        .await?;
    if needed == Confirmation::Given {
        return Ok(Redirect::to(to).into_response());
    }
    let place = Place {
        title: "Confirm that it is you",
        section: Section::None,
        community: None,
    };
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        return_to: to.to_owned(),
        needed,
        has_passkey: passkeys::has_any(face, who).await?,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
