//! The page on which people approve, and the tokens that follow. Sources: Discord «OAuth2»; RFC 6749,
//! RFC 7636. Must never hand out a token for a code that was used, for another redirect, or without
//! the verifier of its challenge.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form as Posted, Json,
    extract::{Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    Shared, id,
    refusal::Refusal,
    router::{Answer, is_bot},
    state::{Approved, Bearer},
    view,
};

/// How long a bearer token lives: a week.
const LIFE_SECS: u64 = 604_800;

/// What the page is asked with.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    permissions: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    #[serde(default)]
    guild_id: String,
    /// Who approves; only from the page's own form.
    #[serde(default)]
    user: String,
    /// `no` = refuse.
    #[serde(default)]
    decision: String,
}

impl Wish {
    fn is_for_bot(&self) -> bool {
        self.scope.split([' ', '+']).any(|scope| scope == "bot")
    }

    fn complaint(&self, shared: &Shared) -> Option<&'static str> {
        if self.client_id != shared.options.application.to_string() {
            return Some("unknown application");
        }
        if self.response_type != "code" {
            return Some("response_type must be code");
        }
        if Url::parse(&self.redirect_uri).is_err() {
            return Some("invalid redirect_uri");
        }
        if self.scope.is_empty() {
            return Some("scope is missing");
        }
        if !self.code_challenge.is_empty() && self.code_challenge_method != "S256" {
            return Some("code_challenge_method must be S256");
        }
        None
    }
}

fn bad(text: &'static str) -> Response {
    (
        StatusCode::BAD_REQUEST,
        Html(format!(
            "<!doctype html><title>Discord (simulated)</title><p>{text}</p>"
        )),
    )
        .into_response()
}

pub(super) async fn page(
    Extract(shared): Extract<Arc<Shared>>,
    Query(wish): Query<Wish>,
) -> Response {
    if let Some(complaint) = wish.complaint(&shared) {
        return bad(complaint);
    }
    if let Some(user) = shared.options.auto_approve {
        let mut wish = wish;
        wish.user = user.to_string();
        return decide(&shared, &wish);
    }
    let state = shared.look();
    let users: String = state
        .users
        .values()
        .filter(|user| !user.is_bot)
        .take(500)
        .map(|user| option(user.id, &user.name))
        .collect();
    let guilds: String = state
        .guilds
        .values()
        .map(|guild| option(guild.id, &guild.name))
        .collect();
    let guild_choice = if wish.is_for_bot() && wish.guild_id.is_empty() {
        format!("<p><label>Add to server <select name=\"guild_id\">{guilds}</select></label></p>")
    } else {
        hidden("guild_id", &wish.guild_id)
    };
    let kept: String = [
        ("client_id", &wish.client_id),
        ("redirect_uri", &wish.redirect_uri),
        ("scope", &wish.scope),
        ("state", &wish.state),
        ("response_type", &wish.response_type),
        ("permissions", &wish.permissions),
        ("code_challenge", &wish.code_challenge),
        ("code_challenge_method", &wish.code_challenge_method),
    ]
    .into_iter()
    .map(|(name, value)| hidden(name, value))
    .collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Discord (simulated)</title>\
         <h1>{} wants access</h1><p>Scopes: {}</p><form method=\"post\" action=\"/oauth2/authorize\">{kept}\
         <p><label>You are <select name=\"user\">{users}</select></label></p>{guild_choice}\
         <p><button name=\"decision\" value=\"yes\">Approve</button> <button name=\"decision\" value=\"no\">Cancel</button></p></form>",
        escape(&shared.options.bot_name),
        escape(&wish.scope),
    ))
    .into_response()
}

fn option(id: u64, name: &str) -> String {
    format!("<option value=\"{id}\">{}</option>", escape(name))
}

fn hidden(name: &str, value: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
        escape(value)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

pub(super) async fn approve(
    Extract(shared): Extract<Arc<Shared>>,
    Posted(wish): Posted<Wish>,
) -> Response {
    match wish.complaint(&shared) {
        Some(complaint) => bad(complaint),
        None => decide(&shared, &wish),
    }
}

fn decide(shared: &Shared, wish: &Wish) -> Response {
    let Ok(mut target) = Url::parse(&wish.redirect_uri) else {
        return bad("invalid redirect_uri");
    };
    if wish.decision == "no" {
        target
            .query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair(
                "error_description",
                "The resource owner or authorization server denied the request",
            )
            .append_pair("state", &wish.state);
        return Redirect::to(target.as_str()).into_response();
    }
    let now = shared.now();
    let code = shared.random_name();
    let mut state = shared.state();
    let guild = if wish.is_for_bot() {
        let first = state.guilds.keys().next().copied();
        let guild = if wish.guild_id.is_empty() {
            first
        } else {
            Some(id::snowflake(&wish.guild_id))
        };
        match guild.filter(|guild| state.guilds.contains_key(guild)) {
            Some(guild) => {
                if state.ours(guild).is_none() {
                    state.install(guild, now);
                }
                Some(guild)
            }
            None => return bad("unknown server"),
        }
    } else {
        None
    };
    let user = id::snowflake(&wish.user);
    state.user(user);
    {
        let mut query = target.query_pairs_mut();
        query
            .append_pair("code", &code)
            .append_pair("state", &wish.state);
        if let Some(guild) = guild {
            query
                .append_pair("guild_id", &guild.to_string())
                .append_pair("permissions", &wish.permissions);
        }
    }
    state.codes.insert(
        code,
        Approved {
            user,
            redirect: wish.redirect_uri.clone(),
            scope: wish.scope.replace('+', " "),
            challenge: Some(wish.code_challenge.clone()).filter(|challenge| !challenge.is_empty()),
            guild,
        },
    );
    state.trim(now);
    Redirect::to(target.as_str()).into_response()
}

fn wrong(status: StatusCode, error: &'static str, description: &'static str) -> Response {
    (
        status,
        Json(json!({ "error": error, "error_description": description })),
    )
        .into_response()
}

/// Whether the application names itself, by HTTP Basic or in the body.
fn is_client(shared: &Shared, headers: &HeaderMap, form: &BTreeMap<String, String>) -> bool {
    let expected = (
        shared.options.application.to_string(),
        shared.options.client_secret.clone(),
    );
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|coded| base64::engine::general_purpose::STANDARD.decode(coded).ok())
        .and_then(|plain| String::from_utf8(plain).ok());
    if let Some(plain) = basic {
        return plain
            .split_once(':')
            .is_some_and(|(id, secret)| id == expected.0 && secret == expected.1);
    }
    form.get("client_id") == Some(&expected.0) && form.get("client_secret") == Some(&expected.1)
}

pub(super) async fn token(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    Posted(form): Posted<BTreeMap<String, String>>,
) -> Response {
    if !is_client(&shared, &headers, &form) {
        return wrong(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Invalid client credentials",
        );
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let mut guild = None;
    let bearer = match field("grant_type") {
        "authorization_code" => {
            let approved = shared.state().codes.remove(field("code"));
            let Some(approved) =
                approved.filter(|approved| approved.redirect == field("redirect_uri"))
            else {
                return wrong(
                    StatusCode::BAD_REQUEST,
                    "invalid_grant",
                    "Invalid \"code\" in request.",
                );
            };
            if let Some(challenge) = &approved.challenge {
                let hash = Sha256::digest(field("code_verifier").as_bytes());
                if base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash) != *challenge {
                    return wrong(
                        StatusCode::BAD_REQUEST,
                        "invalid_grant",
                        "Invalid code verifier",
                    );
                }
            }
            guild = approved.guild;
            Bearer {
                user: approved.user,
                scope: approved.scope,
            }
        }
        "refresh_token" => match shared.state().refreshes.remove(field("refresh_token")) {
            Some(bearer) => bearer,
            None => {
                return wrong(
                    StatusCode::BAD_REQUEST,
                    "invalid_grant",
                    "Invalid refresh token",
                );
            }
        },
        _ => {
            return wrong(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "Invalid grant_type",
            );
        }
    };
    let (access, refresh) = (shared.random_name(), shared.random_name());
    let mut state = shared.state();
    let mut answer = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": LIFE_SECS,
        "refresh_token": refresh,
        "scope": bearer.scope,
    });
    if let (Some(view), Some(map)) = (
        guild.and_then(|guild| state.guild_view(guild)),
        answer.as_object_mut(),
    ) {
        map.insert("guild".to_owned(), view);
    }
    state.bearers.insert(access, bearer.clone());
    state.refreshes.insert(refresh, bearer);
    Json(answer).into_response()
}

pub(super) async fn revoke(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    Posted(form): Posted<BTreeMap<String, String>>,
) -> Response {
    if !is_client(&shared, &headers, &form) {
        return wrong(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Invalid client credentials",
        );
    }
    let mut state = shared.state();
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    let known = [state.bearers.get(token), state.refreshes.get(token)];
    // «When you revoke a token, any active access or refresh tokens associated with that
    // authorization will be revoked.»
    let user = known.into_iter().flatten().map(|bearer| bearer.user).next();
    if let Some(user) = user {
        state.deauthorize(user);
    }
    Json(json!({})).into_response()
}

/// What a request's bearer token allows, if it is good.
pub(super) fn bearer(shared: &Shared, headers: &HeaderMap) -> Option<Bearer> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = value.strip_prefix("Bearer ")?;
    shared.look().bearers.get(token).cloned()
}

pub(super) async fn me(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let found = bearer(&shared, &headers);
    let mut state = shared.state();
    let id = match &found {
        Some(bearer) => bearer.user,
        None if is_bot(&shared, &headers) => state.app,
        None => return Err(Refusal::unauthorized()),
    };
    let user = state.user(id).clone();
    let mut view = view::user(&user);
    let has_mail =
        found.is_some_and(|bearer| bearer.scope.split(' ').any(|scope| scope == "email"));
    if let Some(map) = view.as_object_mut() {
        map.insert("mfa_enabled".to_owned(), json!(false));
        map.insert("verified".to_owned(), json!(true));
        map.insert("locale".to_owned(), json!("en-US"));
        map.insert("premium_type".to_owned(), json!(0));
        if has_mail {
            map.insert(
                "email".to_owned(),
                json!(format!("{}@example.org", user.id)),
            );
        }
    }
    Ok(Json(view).into_response())
}

pub(super) async fn authorization(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
) -> Answer {
    let found = bearer(&shared, &headers).ok_or(Refusal::unauthorized())?;
    let state = shared.look();
    let scopes: Vec<&str> = found.scope.split(' ').collect();
    let expires = shared.now().plus(std::time::Duration::from_secs(LIFE_SECS));
    let application: Value = json!({
        "id": state.app.to_string(),
        "type": null,
        "flags": 0,
        "flags_new": "0",
        "name": shared.options.bot_name,
        "icon": null,
        "description": "",
        "bot_public": true,
        "bot_require_code_grant": false,
        "verify_key": kernel::random::hex(shared.key.verifying_key().as_bytes()),
    });
    Ok(Json(json!({
        "application": application,
        "scopes": scopes,
        "expires": id::iso(expires),
        "user": state.user_view(found.user),
    }))
    .into_response())
}
