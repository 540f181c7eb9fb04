//! Registering with an e-mail address, and setting a new password: ask for a link, then follow it.
//!
//! Must never tell whether an address is known here.

use std::sync::Arc;

use app::AppError;
use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::IdentityError;
use kernel::Secret;
use serde::Deserialize;

use crate::{
    cookie, email,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    router::Face,
    viewer::Client,
};

/// What a link by mail is asked for.
struct Errand {
    title: &'static str,
    action: &'static str,
    button: &'static str,
    help: &'static str,
}

const FORGOT: Errand = Errand {
    title: "Set a new password",
    action: "/forgot",
    button: "Send me a link",
    help: "The address you sign in with.",
};

const REGISTER: Errand = Errand {
    title: "Register",
    action: "/register",
    button: "Send me a link",
    help: "It is shown to nobody else.",
};

/// Asks for an address.
#[derive(Template)]
#[template(path = "mail_link.html")]
struct Asking {
    shell: Shell,
    mistakes: Mistakes,
    errand: Errand,
    address: String,
    /// Whether the link is on its way, if there is one.
    is_sent: bool,
}

#[derive(Template)]
#[template(path = "reset.html")]
struct Reset {
    shell: Shell,
    mistakes: Mistakes,
    token: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Register {
    shell: Shell,
    mistakes: Mistakes,
    token: String,
    /// The address the link went to; `None` = the link works no more.
    address: Option<String>,
    display_name: String,
}

/// The form with the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    address: String,
}

/// The token of a link. Has no `Debug`, because it is a secret.
#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// The form with the new password. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    token: String,
    password: String,
}

/// The form of somebody new. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    token: String,
    display_name: String,
    password: String,
}

/// `GET /forgot`
pub(crate) async fn forgot() -> Result<Response, PageError> {
    asking(FORGOT, Mistakes::default(), String::new(), false)
}

/// `POST /forgot`
pub(crate) async fn ask_reset(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(asked): Form<Asked>,
) -> Result<Response, PageError> {
    let sent = face.app.request_reset(&asked.address, &client).await;
    asked_for(FORGOT, asked.address, sent)
}

/// `GET /register`
pub(crate) async fn register(State(face): State<Arc<Face>>) -> Result<Response, PageError> {
    if !face.app.identity.is_open() {
        return Err(PageError::not_found());
    }
    asking(REGISTER, Mistakes::default(), String::new(), false)
}

/// `POST /register`
pub(crate) async fn ask_register(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(asked): Form<Asked>,
) -> Result<Response, PageError> {
    let sent = face.app.request_registration(&asked.address, &client).await;
    asked_for(REGISTER, asked.address, sent)
}

/// `GET /reset`
pub(crate) async fn reset(Query(link): Query<Link>) -> Result<Response, PageError> {
    layout::page(&Reset {
        shell: Shell::bare(FORGOT.title),
        mistakes: Mistakes::default(),
        token: link.token,
    })
}

/// `POST /reset`
pub(crate) async fn set_password(
    State(face): State<Arc<Face>>,
    Form(typed): Form<NewPassword>,
) -> Result<Response, PageError> {
    let new = Secret::new(typed.password);
    let done = face.app.identity.finish_reset(&typed.token, &new).await;
    let Err(error) = done else {
        return Ok(Redirect::to("/login?done=new-password").into_response());
    };
    let is_dead = matches!(error, IdentityError::TokenInvalid);
    let page = Reset {
        shell: Shell::bare(FORGOT.title),
        mistakes: email::mistakes(error.into())?,
        token: if is_dead { String::new() } else { typed.token },
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// `GET /register/finish`
pub(crate) async fn newcomer(
    State(face): State<Arc<Face>>,
    Query(link): Query<Link>,
) -> Result<Response, PageError> {
    let address = face.app.identity.registration_address(&link.token).await?;
    layout::page(&Register {
        shell: Shell::bare(REGISTER.title),
        mistakes: Mistakes::default(),
        token: link.token,
        address,
        display_name: String::new(),
    })
}

/// `POST /register/finish`
pub(crate) async fn finish(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    Form(typed): Form<Newcomer>,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let password = Secret::new(typed.password);
    let made = identity
        .finish_registration(&typed.token, &typed.display_name, &password, &client)
        .await;
    let error = match made {
        Ok(session) => return cookie::begin(&face, &session, "/me?done=registered"),
        Err(error) => error,
    };
    let page = Register {
        shell: Shell::bare(REGISTER.title),
        mistakes: email::mistakes(error.into())?,
        address: identity.registration_address(&typed.token).await?,
        token: typed.token,
        display_name: typed.display_name,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

fn asked_for(
    errand: Errand,
    address: String,
    sent: Result<(), AppError>,
) -> Result<Response, PageError> {
    match sent {
        Ok(()) => asking(errand, Mistakes::default(), address, true),
        Err(error) => {
            // The form has one field, whatever the service calls it.
            let mistakes = email::mistakes(error)?.of_the_whole();
            asking(errand, mistakes, address, false)
        }
    }
}

fn asking(
    errand: Errand,
    mistakes: Mistakes,
    address: String,
    is_sent: bool,
) -> Result<Response, PageError> {
    let page = Asking {
        shell: Shell::bare(errand.title),
        mistakes,
        errand,
        address,
        is_sent,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
