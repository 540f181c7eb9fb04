//! Passkeys: one's own under `/auth/passkeys`; signing in, the second factor and confirming with one.
//! Questions and answers are those of `navigator.credentials`, binary as base64url.
//!
//! Must never look into a question or an answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use identity::{Passkey, PasskeyAnswer, PasskeyQuestion};
use kernel::{ErrorCode, PasskeyId, Secret, random};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Face,
    asker::{Asker, SignedIn},
    input::{Body, Path},
    page::List,
    problem::Problem,
    session::{self, LoginAnswer},
    view::{Moment, Shown, Typed},
};

/// A passkey as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyView {
    /// Its id.
    id: i32,
    /// What its owner calls it.
    name: String,
    /// When it was added.
    created_at: Moment,
    /// When it last proved who they are.
    last_used_at: Option<Moment>,
    /// Whether it is kept in more than one place, as of its last use.
    is_backed_up: bool,
    /// The host it was made for, where that is not this one any more.
    elsewhere: Option<String>,
}

/// A question for a browser.
#[derive(Serialize, ToSchema)]
pub(crate) struct Question {
    /// Comes back with the answer, within five minutes.
    ceremony: Shown,
    /// What `navigator.credentials` is asked for.
    #[schema(value_type = Object)]
    options: Value,
}

/// What a browser answered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    /// Of the question.
    ceremony: Typed,
    /// What `navigator.credentials` gave.
    #[schema(value_type = Object)]
    credential: Value,
}

/// What a browser answered that makes a new passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddedPasskey {
    /// Of the question.
    ceremony: Typed,
    /// What `navigator.credentials` gave.
    #[schema(value_type = Object)]
    credential: Value,
    /// What to call it, at most 80 characters.
    #[serde(default)]
    name: String,
}

/// What a passkey is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyName {
    /// 1 to 80 characters.
    name: String,
}

/// What stands for the first factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owed {
    /// From signing in.
    token: Typed,
}

/// What a browser answered that proves the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwedAnswer {
    /// What stands for the first factor.
    token: Typed,
    /// Of the question.
    ceremony: Typed,
    /// What `navigator.credentials` gave.
    #[schema(value_type = Object)]
    credential: Value,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.0,
            name: passkey.name,
            created_at: passkey.created_at.into(),
            last_used_at: passkey.last_used_at.map(Moment::from),
            is_backed_up: passkey.is_backed_up,
            elsewhere: passkey.elsewhere,
        }
    }
}

fn question(asked: &PasskeyQuestion) -> Result<Json<Question>, Problem> {
    let options = serde_json::from_str(&asked.options).map_err(|error| Problem {
        cause: Some(Arc::new(error)),
        ..Problem::new(ErrorCode::Internal, "")
    })?;
    Ok(Json(Question {
        ceremony: Shown::from(&asked.ceremony),
        options,
    }))
}

/// The two halves of an answer, to be lent to a service.
struct Given(Secret<String>, String);

impl Given {
    fn new(ceremony: Typed, credential: &Value) -> Self {
        Self(ceremony.into(), credential.to_string())
    }

    fn lend(&self) -> PasskeyAnswer<'_> {
        PasskeyAnswer {
            ceremony: self.0.expose(),
            credential: &self.1,
        }
    }
}

/// One's own passkeys, the oldest first.
#[utoipa::path(get, path = "/auth/passkeys", tag = "auth", responses((status = 200, body = List<PasskeyView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<PasskeyView>>, Problem> {
    let found = face.app.identity.passkeys(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(PasskeyView::from).collect(),
    ))
}

/// Asks for a new passkey. Needs a fresh session.
#[utoipa::path(post, path = "/auth/passkeys/begin", tag = "auth", responses((status = 200, body = Question)))]
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<Question>, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    question(&identity.begin_passkey(&who.actor, session).await?)
}

/// Adds the passkey that the browser answered with, and tells the mailbox.
#[utoipa::path(post, path = "/auth/passkeys", tag = "auth", request_body = AddedPasskey, responses((status = 204)))]
pub(crate) async fn add(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(added): Body<AddedPasskey>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let given = Given::new(added.ceremony, &added.credential);
    face.app
        .identity
        .add_passkey(&who.actor, session, given.lend(), &added.name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Calls one of one's own passkeys something else.
#[utoipa::path(patch, path = "/auth/passkeys/{id}", tag = "auth", params(("id" = i32, Path, description = "The passkey's id.")), request_body = PasskeyName, responses((status = 204)))]
pub(crate) async fn rename(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
    Body(wanted): Body<PasskeyName>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .rename_passkey(&who.actor, PasskeyId(id), &wanted.name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes one of one's own passkeys and tells the mailbox. Refused for the last way of signing in. Needs
/// a fresh session.
#[utoipa::path(delete, path = "/auth/passkeys/{id}", tag = "auth", params(("id" = i32, Path, description = "The passkey's id.")), responses((status = 204)))]
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    face.app
        .identity
        .remove_passkey(&who.actor, session, PasskeyId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for one of one's own passkeys to make the session fresh again.
#[utoipa::path(post, path = "/auth/confirm/passkey/begin", tag = "auth", responses((status = 200, body = Question)))]
pub(crate) async fn begin_confirmation(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<Question>, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    let asked = identity
        .begin_passkey_confirmation(&who.actor, session)
        .await?;
    question(&asked)
}

/// Makes the session fresh for five minutes with the passkey that the browser answered with.
#[utoipa::path(post, path = "/auth/confirm/passkey", tag = "auth", request_body = Answered, responses((status = 204)))]
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(answered): Body<Answered>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let given = Given::new(answered.ceremony, &answered.credential);
    face.app
        .identity
        .confirm_with_passkey(&who.actor, session, given.lend(), &who.client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for any passkey that the browser has here. The answer is good in this browser only: a cookie
/// comes along.
#[utoipa::path(post, path = "/auth/passkey/begin", tag = "auth", security(()), responses((status = 200, body = Question)))]
pub(crate) async fn begin_sign_in(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let secure = face.settings.secure_cookies;
    let names = app::session::BROWSER_COOKIE;
    let browser = app::session::named_value(secure, &headers, names)
        .map_or_else(|| random::token(&*face.app.entropy), str::to_owned);
    let identity = &face.app.identity;
    let asked = question(&identity.begin_passkey_sign_in(&browser).await?)?;
    let secs = app::session::BROWSER_SECS;
    let cookie = app::session::named_cookie(secure, names, &browser, secs);
    let cookie = HeaderValue::try_from(cookie)
        .map_err(|_impossible| Problem::new(ErrorCode::Internal, ""))?;
    Ok(([(header::SET_COOKIE, cookie)], asked).into_response())
}

/// Signs in with the passkey that the browser answered with; no code is asked for.
#[utoipa::path(post, path = "/auth/passkey/finish", tag = "auth", security(()), request_body = Answered, responses((status = 200, body = LoginAnswer)))]
pub(crate) async fn sign_in(
    State(face): State<Arc<Face>>,
    asker: Asker,
    headers: HeaderMap,
    Body(answered): Body<Answered>,
) -> Result<Response, Problem> {
    let secure = face.settings.secure_cookies;
    let names = app::session::BROWSER_COOKIE;
    let browser = app::session::named_value(secure, &headers, names).unwrap_or_default();
    let given = Given::new(answered.ceremony, &answered.credential);
    let done = face
        .app
        .identity
        .finish_passkey_sign_in(browser, given.lend(), &asker.client)
        .await?;
    session::begun(&face, &done)
}

/// Asks whoever proved the first factor for one of their passkeys.
#[utoipa::path(post, path = "/auth/second-factor/passkey/begin", tag = "auth", security(()), request_body = Owed, responses((status = 200, body = Question)))]
pub(crate) async fn begin_second_factor(
    State(face): State<Arc<Face>>,
    Body(owed): Body<Owed>,
) -> Result<Json<Question>, Problem> {
    let token: Secret<String> = owed.token.into();
    let identity = &face.app.identity;
    let asked = identity.begin_passkey_second_factor(token.expose()).await?;
    question(&asked)
}

/// Finishes a sign-in with the passkey that the browser answered with.
#[utoipa::path(post, path = "/auth/second-factor/passkey/finish", tag = "auth", security(()), request_body = OwedAnswer, responses((status = 200, body = LoginAnswer)))]
pub(crate) async fn second_factor(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(answered): Body<OwedAnswer>,
) -> Result<Response, Problem> {
    let token: Secret<String> = answered.token.into();
    let given = Given::new(answered.ceremony, &answered.credential);
    let done = face
        .app
        .identity
        .finish_passkey_second_factor(token.expose(), given.lend(), &asker.client)
        .await?;
    session::begun(&face, &done)
}
