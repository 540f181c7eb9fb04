//! One's e-mail address: verifying it by a code or a link, and changing it.
//!
//! Must never show a code, or tell anybody whether somebody else has an address.

use std::sync::Arc;

use app::AppError;
use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Confirmation, IdentityError};
use kernel::Secret;
use serde::Deserialize;

use crate::{
    display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

#[derive(Template)]
#[template(path = "me_email.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    address: Option<String>,
    verified: Option<String>,
    awaited: Option<String>,
    typed: String,
    needs_password: bool,
    needs_session: bool,
}

#[derive(Template)]
#[template(path = "verify_email.html")]
struct Verify {
    shell: Shell,
    mistakes: Mistakes,
    token: String,
}

/// The form that sends a code. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    address: String,
    #[serde(default)]
    password: String,
}

/// The form with the code. Has no `Debug`, because it holds a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    code: String,
}

/// The token of a link. Has no `Debug`, because it is a secret.
#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// `GET /me/email`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default(), String::new()).await
}

/// `POST /me/email`
pub(crate) async fn ask(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(asked): Form<Asked>,
) -> Result<Response, PageError> {
    let password = Secret::new(asked.password);
    let sent = face
        .app
        .send_email_code(
            &who.viewer.actor,
            who.session,
            Some(&password),
            &asked.address,
        )
        .await;
    match sent {
        Ok(()) => Ok(Redirect::to("/me/email?done=code-sent").into_response()),
        Err(error) => {
            let mistakes = mistakes(error)?;
            show(&face, &who, mistakes, asked.address).await
        }
    }
}

/// `POST /me/email/code`
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    match identity.confirm_email(actor, &typed.code).await {
        Ok(()) => Ok(Redirect::to("/me/email?done=email").into_response()),
        Err(error) => show(&face, &who, mistakes(error.into())?, String::new()).await,
    }
}

/// `GET /verify-email`: a mail program that opens links by itself changes nothing.
pub(crate) async fn verify(Query(link): Query<Link>) -> Result<Response, PageError> {
    layout::page(&Verify {
        shell: Shell::bare("Verify your address"),
        mistakes: Mistakes::default(),
        token: link.token,
    })
}

/// `POST /verify-email`
pub(crate) async fn follow(
    State(face): State<Arc<Face>>,
    Form(link): Form<Link>,
) -> Result<Response, PageError> {
    let Err(error) = face.app.identity.follow_email_link(&link.token).await else {
        return Ok(Redirect::to("/me/email?done=email").into_response());
    };
    let page = Verify {
        shell: Shell::bare("Verify your address"),
        mistakes: mistakes(error.into())?.of_the_whole(),
        token: String::new(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// What the reader can put right; other errors go on.
pub(crate) fn mistakes(error: AppError) -> Result<Mistakes, PageError> {
    Ok(match error {
        AppError::Identity(IdentityError::Invalid { field, message }) => {
            Mistakes::one(field, &message)
        }
        AppError::Identity(IdentityError::Throttled { retry_after }) => {
            Mistakes::one("", &display::wait(retry_after))
        }
        AppError::Identity(error @ (IdentityError::Conflict(_) | IdentityError::TokenInvalid)) => {
            Mistakes::one("", &error.to_string())
        }
        error @ AppError::NotSent(_) => Mistakes::one("", &error.to_string()),
        error => return Err(error.into()),
    })
}

async fn show(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
    typed: String,
) -> Result<Response, PageError> {
    let place = Place {
        title: "E-mail address",
        section: Section::None,
        community: None,
    };
    let identity = &face.app.identity;
    let actor = &who.viewer.actor;
    let status = identity.email_status(actor).await?;
    let needed = identity.confirmation(actor, who.session).await?;
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        address: status.address,
        verified: status.verified_at.map(|at| display::date(at.day())),
        awaited: status.awaited,
        typed,
        needs_password: needed == Confirmation::Password,
        needs_session: needed.is_elsewhere(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
