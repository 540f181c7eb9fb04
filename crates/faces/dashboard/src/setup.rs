//! First-run set-up: the one-time link printed by the program makes the first administrator.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{IdentityError, NewAccount};
use kernel::Secret;
use serde::Deserialize;

use crate::{
    cookie,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    router::Face,
    viewer::Client,
};

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup {
    shell: Shell,
    mistakes: Mistakes,
    token: String,
    display_name: String,
    email: String,
}

/// The token of the printed link.
#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// The form. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    token: String,
    display_name: String,
    email: String,
    password: String,
}

/// `GET /setup`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    Query(link): Query<Link>,
) -> Result<Response, PageError> {
    if !face.app.identity.needs_setup().await? {
        return Ok(Redirect::to("/login").into_response());
    }
    layout::page(&Setup {
        shell: Shell::bare("Set up WaddleBot"),
        mistakes: Mistakes::default(),
        token: link.token,
        display_name: String::new(),
        email: String::new(),
    })
}

/// `POST /setup`
pub(crate) async fn submit(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let account = NewAccount {
        display_name: typed.display_name,
        email: typed.email,
        password: Secret::new(typed.password),
    };
    let answer = face
        .app
        .identity
        .set_up(&typed.token, &account, &client)
        .await;
    let mistakes = match answer {
        Ok(session) => return cookie::begin(&face, &session, "/?done=welcome"),
        Err(IdentityError::Invalid { field, message }) => Mistakes::one(field, &message),
        Err(IdentityError::TokenInvalid) => Mistakes::one(
            "",
            "this set-up link is no longer valid: restart WaddleBot, which prints a new one",
        ),
        Err(error) => return Err(error.into()),
    };
    let page = Setup {
        shell: Shell::bare("Set up WaddleBot"),
        mistakes,
        token: typed.token,
        display_name: account.display_name,
        email: account.email,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
