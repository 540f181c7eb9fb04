//! Addresses: verifying, a forgotten password, registering. `/auth/email`, `/auth/password/…`,
//! `/auth/register`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::{Asker, SignedIn},
    input::Body,
    problem::Problem,
    session::{self, LoginAnswer},
    view::{Moment, Typed},
};

/// One's own address.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailView {
    /// The address one signs in with.
    address: Option<String>,
    /// When it was proved.
    verified_at: Option<Moment>,
    /// An address that a code was sent to.
    awaited: Option<String>,
    /// Whether one can sign in with a password.
    has_password: bool,
}

/// An address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// The address.
    email: String,
}

/// A code that was sent by mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailedCode {
    /// Eight letters and figures.
    code: Typed,
}

/// A new password, by the link that was sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    /// What the link carries.
    token: Typed,
    /// The password, at least ten characters.
    password: Typed,
}

/// Who registers, by the link that was sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// What the link carries.
    token: Typed,
    /// The name shown, 1 to 80 characters.
    display_name: String,
    /// The password, at least ten characters.
    password: Typed,
}

/// One's own address and whether it is proved.
#[utoipa::path(get, path = "/auth/email", tag = "auth", responses((status = 200, body = EmailView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<EmailView>, Problem> {
    let found = face.app.identity.email_status(&who.actor).await?;
    Ok(Json(EmailView {
        address: found.address,
        verified_at: found.verified_at.map(Moment::from),
        awaited: found.awaited,
        has_password: found.has_password,
    }))
}

/// Sends a code to an address that is to be one's own. Another address than the one of now needs a
/// fresh session.
#[utoipa::path(post, path = "/auth/email", tag = "auth", request_body = Address, responses((status = 202)))]
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(typed): Body<Address>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    face.app
        .send_email_code(&who.actor, session, None, &typed.email)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Proves an address by the code that was sent to it.
#[utoipa::path(post, path = "/auth/email/confirm", tag = "auth", request_body = MailedCode, responses((status = 200, body = EmailView)))]
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(typed): Body<MailedCode>,
) -> Result<Json<EmailView>, Problem> {
    let code: Secret<String> = typed.code.into();
    let identity = &face.app.identity;
    identity.confirm_email(&who.actor, code.expose()).await?;
    show(State(face), who).await
}

/// Asks for a link to set a new password. The answer is the same whether the address is known or not.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "auth", security(()), request_body = Address, responses((status = 202)))]
pub(crate) async fn forgot(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(typed): Body<Address>,
) -> Result<StatusCode, Problem> {
    face.app.request_reset(&typed.email, &asker.client).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password with the link that was sent. Every session and API key of the person ends.
#[utoipa::path(post, path = "/auth/password/reset", tag = "auth", security(()), request_body = Reset, responses((status = 204)))]
pub(crate) async fn reset(
    State(face): State<Arc<Face>>,
    Body(typed): Body<Reset>,
) -> Result<StatusCode, Problem> {
    let (token, password): (Secret<String>, _) = (typed.token.into(), typed.password.into());
    let identity = &face.app.identity;
    identity.finish_reset(token.expose(), &password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a link to register, where this instance lets people. The answer is the same whether the
/// address is known or not.
#[utoipa::path(post, path = "/auth/register", tag = "auth", security(()), request_body = Address, responses((status = 202)))]
pub(crate) async fn register(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(typed): Body<Address>,
) -> Result<StatusCode, Problem> {
    face.app
        .request_registration(&typed.email, &asker.client)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Registers with the link that was sent, and signs in.
#[utoipa::path(post, path = "/auth/register/finish", tag = "auth", security(()), request_body = Registration, responses((status = 200, body = LoginAnswer)))]
pub(crate) async fn finish_registration(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(typed): Body<Registration>,
) -> Result<Response, Problem> {
    let (token, password): (Secret<String>, _) = (typed.token.into(), typed.password.into());
    let begun = face
        .app
        .identity
        .finish_registration(
            token.expose(),
            &typed.display_name,
            &password,
            &asker.client,
        )
        .await?;
    session::begun(&face, &begun)
}
