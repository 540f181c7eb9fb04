//! Passkeys: adding, naming and removing one's own, and answering with one at sign-in, as the second
//! factor and before something sensitive. The script asks here for a question, has the browser
//! answer it, and sends the answer as a form like any other.
//!
//! Must never look into a question or an answer.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Confirmation, IdentityError, Passkey, PasskeyAnswer, PasskeyQuestion};
use kernel::{PasskeyId, random};
use serde::Deserialize;

use crate::{
    confirm, cookie,
    display::{self, When},
    email,
    error::{PageError, sentence},
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    login, return_to,
    router::Face,
    second_factor, security,
    viewer::{Client, SignedIn},
};

/// A passkey in the list.
pub(crate) struct Row {
    pub(crate) id: PasskeyId,
    pub(crate) name: String,
    pub(crate) added: When,
    pub(crate) used: Option<When>,
    pub(crate) is_backed_up: bool,
    pub(crate) elsewhere: Option<String>,
}

/// The list of one's own.
pub(crate) async fn rows(face: &Face, who: &SignedIn) -> Result<Vec<Row>, PageError> {
    let now = face.app.clock.now();
    let own = face.app.identity.passkeys(&who.viewer.actor).await?;
    let row = |passkey: Passkey| Row {
        id: passkey.id,
        name: passkey.name,
        added: display::when(now, passkey.created_at),
        used: passkey.last_used_at.map(|at| display::when(now, at)),
        is_backed_up: passkey.is_backed_up,
        elsewhere: passkey.elsewhere,
    };
    Ok(own.into_iter().map(row).collect())
}

/// Whether one has a passkey that works here.
pub(crate) async fn has_any(face: &Face, who: &SignedIn) -> Result<bool, PageError> {
    let own = face.app.identity.passkeys(&who.viewer.actor).await?;
    Ok(own.iter().any(Passkey::is_usable))
}

/// The form that the script sends. Has no `Debug`, because it holds a proof.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    ceremony: String,
    credential: String,
    return_to: Option<String>,
    /// What a new one is to be called.
    #[serde(default)]
    name: String,
}

impl Answered {
    fn answer(&self) -> PasskeyAnswer<'_> {
        PasskeyAnswer {
            ceremony: &self.ceremony,
            credential: &self.credential,
        }
    }

    fn to<'a>(&'a self, otherwise: &'a str) -> &'a str {
        return_to::checked(self.return_to.as_deref(), otherwise)
    }
}

/// A new name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    name: String,
}

#[derive(Template)]
#[template(path = "me_passkey.html")]
struct One {
    shell: Shell,
    mistakes: Mistakes,
    id: PasskeyId,
    name: String,
    needs_proof: bool,
}

/// A question for the script, in JSON.
fn question(asked: Result<PasskeyQuestion, IdentityError>) -> Result<Response, PageError> {
    let error = match asked {
        Ok(PasskeyQuestion { ceremony, options }) => {
            // The one is hexadecimal, the other is JSON.
            let body = format!(
                "{{\"ceremony\":\"{}\",\"options\":{options}}}",
                ceremony.expose()
            );
            return Ok(json(StatusCode::OK, body));
        }
        Err(error) => error,
    };
    let (status, words) = match &error {
        IdentityError::Invalid { .. } | IdentityError::Conflict(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
        }
        IdentityError::TokenInvalid => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the first step was too long ago: sign in again".to_owned(),
        ),
        IdentityError::Throttled { retry_after } => {
            (StatusCode::TOO_MANY_REQUESTS, display::wait(*retry_after))
        }
        _ => return Err(error.into()),
    };
    Ok(json(
        status,
        format!("{{\"message\":{}}}", quoted(&sentence(&words))),
    ))
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn json(status: StatusCode, body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What went wrong with an answer, for the reader; other errors go on.
fn mistakes(error: IdentityError) -> Result<Mistakes, PageError> {
    match error {
        IdentityError::TokenInvalid => Ok(Mistakes::one(
            "",
            "that took too long, or was answered already: press the button again",
        )),
        IdentityError::PasskeyCopied { .. } => Ok(Mistakes::one("", &error.to_string())),
        error => Ok(email::mistakes(error.into())?.of_the_whole()),
    }
}

/// `POST /me/security/passkeys/begin`
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let (actor, session) = (&who.viewer.actor, who.session);
    question(face.app.identity.begin_passkey(actor, session).await)
}

/// `POST /me/security/passkeys`
pub(crate) async fn add(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(form): Form<Answered>,
) -> Result<Response, PageError> {
    let (actor, session) = (&who.viewer.actor, who.session);
    let added = face
        .app
        .identity
        .add_passkey(actor, session, form.answer(), &form.name)
        .await;
    match added {
        Ok(()) => Ok(Redirect::to("/me/security?done=passkey-added").into_response()),
        Err(error) => security::failed(&face, &who, mistakes(error)?).await,
    }
}

/// `GET /me/security/passkeys/{id}`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    show(&face, &who, &id, Mistakes::default()).await
}

/// `POST /me/security/passkeys/{id}`
pub(crate) async fn rename(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<Named>,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let named = identity
        .rename_passkey(&who.viewer.actor, parsed(&id)?, &form.name)
        .await;
    match named {
        Ok(()) => Ok(Redirect::to("/me/security?done=saved").into_response()),
        Err(error) => show(&face, &who, &id, email::mistakes(error.into())?).await,
    }
}

/// `POST /me/security/passkeys/{id}/remove`
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (actor, session) = (&who.viewer.actor, who.session);
    let identity = &face.app.identity;
    let removed = identity.remove_passkey(actor, session, parsed(&id)?).await;
    match removed {
        Ok(()) => Ok(Redirect::to("/me/security?done=passkey-removed").into_response()),
        Err(error) => show(&face, &who, &id, mistakes(error)?).await,
    }
}

fn parsed(id: &str) -> Result<PasskeyId, PageError> {
    id.parse().ok().ok_or_else(PageError::not_found)
}

async fn show(
    face: &Face,
    who: &SignedIn,
    id: &str,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let id = parsed(id)?;
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let own = identity.passkeys(actor).await?;
    let found = own.into_iter().find(|passkey| passkey.id == id);
    let found = found.ok_or_else(PageError::not_found)?;
    let needed = identity.confirmation(actor, who.session).await?;
    let place = Place {
        title: "Passkey",
        section: Section::None,
        community: None,
    };
    let page = One {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        id,
        name: found.name,
        needs_proof: needed != Confirmation::Given,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// `POST /login/passkey/begin`
pub(crate) async fn begin_sign_in(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let browser = cookie::browser(&face, &headers).map_or_else(
        || random::token(&*face.app.entropy),
        std::borrow::ToOwned::to_owned,
    );
    let asked = face.app.identity.begin_passkey_sign_in(&browser).await;
    cookie::with_browser(&face, question(asked)?, &browser)
}

/// `POST /login/passkey`
pub(crate) async fn sign_in(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    headers: HeaderMap,
    Form(form): Form<Answered>,
) -> Result<Response, PageError> {
    let to = form.to("/");
    let browser = cookie::browser(&face, &headers).unwrap_or_default();
    let done = face
        .app
        .identity
        .finish_passkey_sign_in(browser, form.answer(), &client)
        .await;
    match done {
        Ok(session) => cookie::begin(&face, &session, to),
        Err(error) => login::refused(&face, mistakes(error)?, to).await,
    }
}

/// `POST /login/2fa/passkey/begin`
pub(crate) async fn begin_second_factor(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let awaited = cookie::awaited(&face, &headers).unwrap_or_default();
    question(face.app.identity.begin_passkey_second_factor(awaited).await)
}

/// `POST /login/2fa/passkey`
pub(crate) async fn second_factor(
    State(face): State<Arc<Face>>,
    Client(client): Client,
    headers: HeaderMap,
    Form(form): Form<Answered>,
) -> Result<Response, PageError> {
    let to = form.to("/");
    let Some(awaited) = cookie::awaited(&face, &headers) else {
        return Ok(Redirect::to("/login?done=again").into_response());
    };
    let done = face
        .app
        .identity
        .finish_passkey_second_factor(awaited, form.answer(), &client)
        .await;
    match done {
        Ok(session) => cookie::begin_for_good(&face, &session, to),
        Err(error) => second_factor::refused(&face, awaited, mistakes(error)?, to).await,
    }
}

/// `POST /me/confirm/passkey/begin`
pub(crate) async fn begin_confirmation(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let (actor, session) = (&who.viewer.actor, who.session);
    question(identity.begin_passkey_confirmation(actor, session).await)
}

/// `POST /me/confirm/passkey`
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Client(client): Client,
    Form(form): Form<Answered>,
) -> Result<Response, PageError> {
    let to = form.to(security::home());
    let done = face
        .app
        .identity
        .confirm_with_passkey(&who.viewer.actor, who.session, form.answer(), &client)
        .await;
    match done {
        Ok(()) => Ok(Redirect::to(to).into_response()),
        Err(error) => confirm::refused(&face, &who, mistakes(error)?, to).await,
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_text_is_quoted_for_json() {
        assert_eq!(quoted("say «a \"b\" \\ c»\n"), r#""say «a \"b\" \\ c» ""#);
    }
}
