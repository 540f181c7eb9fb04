//! Signing in, sessions, step-up: `/auth`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use identity::{Confirmation, Entered, NewSession};
use kernel::{ErrorCode, Secret, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::{Asker, SignedIn},
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::{Moment, Typed},
};

/// The ways to come in here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ways {
    /// Providers of accounts: send the browser to `/login` for them.
    providers: Vec<ProviderView>,
    /// Whether people may register with an address.
    registration_is_open: bool,
}

/// A provider of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderView {
    /// Its key, such as `discord`.
    key: String,
    /// Its name for people.
    label: String,
}

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The e-mail address.
    email: String,
    /// The password.
    password: Typed,
}

/// What comes of proving the first factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginAnswer {
    /// Who is signed in; the session is in the cookie that comes with the answer. Absent while the
    /// second factor is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<BegunSession>,
    /// What stands for the first factor: send it to `/auth/second-factor/finish` with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factor: Option<OwedCode>,
}

/// A session just begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct BegunSession {
    /// Who signed in.
    user_id: i32,
    /// When it ends at the latest.
    expires_at: Moment,
}

/// A second factor that is owed.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwedCode {
    /// Stands for the first factor.
    token: String,
    /// Until when a code is taken.
    expires_at: Moment,
}

/// A code for a second factor that is owed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// What stands for the first factor.
    token: Typed,
    /// A code of the authenticator app, or a recovery code.
    code: Typed,
}

/// A proof of who sits there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// A code where the second factor is on, else the password.
    proof: Typed,
}

/// What something sensitive needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Needed {
    /// `nothing` while the session is fresh, `password`, `code`, `passkey`, or `sign_in`: again, because
    /// there is none of these.
    needs: String,
}

/// Two passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The one of now.
    current: Typed,
    /// The one to come, at least ten characters.
    new: Typed,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its id.
    id: i64,
    /// Whether it is the one that asks.
    is_current: bool,
    /// When it began.
    created_at: Moment,
    /// When it was last used, within five minutes.
    last_seen_at: Moment,
    /// The browser, in its own words.
    user_agent: String,
    /// The network it was in.
    network: String,
}

/// The answer to a sign-in, with the cookie if there is a session.
pub(crate) fn entered(face: &Face, entered: Entered) -> Result<Response, Problem> {
    match entered {
        Entered::Session(session) => begun(face, &session),
        Entered::SecondFactor(awaited) => {
            let answer = LoginAnswer {
                session: None,
                second_factor: Some(OwedCode {
                    token: awaited.token.expose().clone(),
                    expires_at: awaited.expires_at.into(),
                }),
            };
            Ok(Json(answer).into_response())
        }
    }
}

/// A session, with its cookie.
pub(crate) fn begun(face: &Face, session: &NewSession) -> Result<Response, Problem> {
    let lifetime = session.expires_at.since(face.app.clock.now()).as_secs();
    let secure = face.settings.secure_cookies;
    let cookie = app::session::cookie(secure, session.token.expose(), lifetime);
    let answer = LoginAnswer {
        session: Some(BegunSession {
            user_id: session.user.0,
            expires_at: session.expires_at.into(),
        }),
        second_factor: None,
    };
    Ok(([(header::SET_COOKIE, value(cookie)?)], Json(answer)).into_response())
}

fn value(cookie: String) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(cookie).map_err(|_impossible| Problem::new(ErrorCode::Internal, ""))
}

/// How people come in here.
#[utoipa::path(get, path = "/auth/methods", tag = "auth", security(()), responses((status = 200, body = Ways)))]
pub(crate) async fn ways(State(face): State<Arc<Face>>) -> Json<Ways> {
    let providers = face.app.providers().iter().map(|provider| ProviderView {
        key: provider.key().to_owned(),
        label: provider.label().to_owned(),
    });
    Json(Ways {
        providers: providers.collect(),
        registration_is_open: face.app.identity.is_open(),
    })
}

/// Signs in with address and password. An unknown address and a wrong password answer alike, and both
/// are slowed down.
#[utoipa::path(post, path = "/auth/login", tag = "auth", security(()), request_body = Login, responses((status = 200, body = LoginAnswer)))]
pub(crate) async fn login(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(typed): Body<Login>,
) -> Result<Response, Problem> {
    let password: Secret<String> = typed.password.into();
    let identity = &face.app.identity;
    let found = identity
        .sign_in(&typed.email, &password, &asker.client)
        .await?;
    entered(&face, found)
}

/// Finishes a sign-in with a code of the second factor.
#[utoipa::path(post, path = "/auth/second-factor/finish", tag = "auth", security(()), request_body = Code, responses((status = 200, body = LoginAnswer)))]
pub(crate) async fn finish_second_factor(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Body(typed): Body<Code>,
) -> Result<Response, Problem> {
    let (token, code): (Secret<String>, Secret<String>) = (typed.token.into(), typed.code.into());
    let session = face
        .app
        .identity
        .finish_second_factor(token.expose(), code.expose(), &asker.client)
        .await?;
    begun(&face, &session)
}

/// Signs out: ends the session of the cookie. Without one it is fine too.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(()), responses((status = 204)))]
pub(crate) async fn logout(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(token) = app::caller::session_token(&headers) {
        face.app.identity.sign_out(token).await?;
    }
    let ended = app::session::cookie(face.settings.secure_cookies, "", 0);
    let about = [(header::SET_COOKIE, value(ended)?)];
    Ok((StatusCode::NO_CONTENT, about).into_response())
}

/// Proves again who sits there: the session is fresh for five minutes then, as sensitive requests ask.
#[utoipa::path(post, path = "/auth/confirm", tag = "auth", request_body = Proof, responses((status = 204)))]
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(typed): Body<Proof>,
) -> Result<StatusCode, Problem> {
    let (session, proof) = (who.session()?, typed.proof.into());
    let identity = &face.app.identity;
    identity
        .confirm_session(&who.actor, session, &proof, &who.client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What something sensitive needs in this session.
#[utoipa::path(get, path = "/auth/confirm", tag = "auth", responses((status = 200, body = Needed)))]
pub(crate) async fn confirmation(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<Needed>, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    let needs = match identity.confirmation(&who.actor, session).await? {
        Confirmation::Given => "nothing",
        Confirmation::Password => "password",
        Confirmation::Code => "code",
        Confirmation::Passkey => "passkey",
        Confirmation::SignInAgain => "sign_in",
    };
    let needs = needs.to_owned();
    Ok(Json(Needed { needs }))
}

/// Changes one's password. Other sessions and all API keys end.
#[utoipa::path(put, path = "/auth/password", tag = "auth", request_body = PasswordChange, responses((status = 204)))]
pub(crate) async fn change_password(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(typed): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let (current, new) = (typed.current.into(), typed.new.into());
    face.app
        .identity
        .change_password(&who.actor, &current, &new, session)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's own sessions, the one used last first, at most 100.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth", responses((status = 200, body = List<SessionView>)))]
pub(crate) async fn sessions(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<SessionView>>, Problem> {
    let current = who.session().ok();
    let found = face.app.identity.sessions(&who.actor).await?;
    let view = |session: identity::Session| SessionView {
        id: session.id.0,
        is_current: current == Some(session.id),
        created_at: session.created_at.into(),
        last_seen_at: session.last_seen_at.into(),
        user_agent: session.user_agent,
        network: session.address_prefix,
    };
    Ok(List::whole(found.into_iter().map(view).collect()))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "auth", params(("id" = i64, Path, description = "The session's id.")), responses((status = 204)))]
pub(crate) async fn end_session(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity.revoke_session(&who.actor, SessionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
