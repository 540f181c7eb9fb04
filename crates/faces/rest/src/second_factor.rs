//! The second factor: `/auth/totp` and `/auth/recovery-codes`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::Body,
    problem::Problem,
    view::{Moment, Shown, Typed},
};

/// How one's second factor stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorView {
    /// Whether it is on.
    is_on: bool,
    /// Since when.
    since: Option<Moment>,
    /// Recovery codes that were not used yet.
    recovery_codes_left: i64,
}

/// What an authenticator app needs. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpSetup {
    /// In base32, to type.
    secret: Shown,
    /// `otpauth://totp/…`, for a QR code.
    address: Shown,
}

/// A code that an app shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpCode {
    /// Six figures.
    code: Typed,
}

/// Recovery codes. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Each of them signs in once.
    codes: Vec<Shown>,
}

fn codes(codes: &[Secret<String>]) -> Json<RecoveryCodes> {
    Json(RecoveryCodes {
        codes: codes.iter().map(Shown::from).collect(),
    })
}

/// How one's second factor stands.
#[utoipa::path(get, path = "/auth/totp", tag = "auth", responses((status = 200, body = SecondFactorView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<SecondFactorView>, Problem> {
    let found = face.app.identity.second_factor(&who.actor).await?;
    Ok(Json(SecondFactorView {
        is_on: found.since.is_some(),
        since: found.since.map(Moment::from),
        recovery_codes_left: found.codes_left,
    }))
}

/// Begins to switch it on: the secret is worth nothing until a code of it was sent to
/// `/auth/totp/confirm`. Needs a fresh session.
#[utoipa::path(post, path = "/auth/totp", tag = "auth", responses((status = 201, body = TotpSetup)))]
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<(StatusCode, Json<TotpSetup>), Problem> {
    let session = who.session()?;
    let made = face.app.identity.begin_totp(&who.actor, session).await?;
    let setup = TotpSetup {
        secret: Shown::from(&made.secret),
        address: Shown::from(&made.address),
    };
    Ok((StatusCode::CREATED, Json(setup)))
}

/// Switches it on with a code; answers the recovery codes.
#[utoipa::path(post, path = "/auth/totp/confirm", tag = "auth", request_body = TotpCode, responses((status = 200, body = RecoveryCodes)))]
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(typed): Body<TotpCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let session = who.session()?;
    let code: Secret<String> = typed.code.into();
    let identity = &face.app.identity;
    let made = identity
        .confirm_totp(&who.actor, session, code.expose())
        .await?;
    Ok(codes(&made))
}

/// Switches it off and tells the mailbox. Needs a fresh session.
#[utoipa::path(delete, path = "/auth/totp", tag = "auth", responses((status = 204)))]
pub(crate) async fn disable(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    identity.disable_totp(&who.actor, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes fresh recovery codes; the old ones are void. Needs a fresh session.
#[utoipa::path(post, path = "/auth/recovery-codes", tag = "auth", responses((status = 200, body = RecoveryCodes)))]
pub(crate) async fn renew(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<RecoveryCodes>, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    let made = identity.renew_recovery_codes(&who.actor, session).await?;
    Ok(codes(&made))
}
