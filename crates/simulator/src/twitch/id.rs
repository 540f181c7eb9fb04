//! The id service («Authentication»): the page on which a person approves, tokens, refresh with a
//! new refresh token each time, validation, revocation. `scope` is a JSON array, as Twitch's is.

use std::{sync::Arc, time::Duration};

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Query, RawQuery, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Shared, emit, state::Code};

/// How long a code of the page is good.
const CODE_LIFE: Duration = Duration::from_secs(600);

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/oauth2/authorize", get(authorize).post(approve))
        .route("/oauth2/token", post(token))
        .route("/oauth2/validate", get(validate))
        .route("/oauth2/revoke", post(revoke))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    /// Who approves: the simulator's own addition.
    #[serde(default)]
    login_as: String,
    /// `deny` if the person refuses.
    #[serde(default)]
    answer: String,
}

async fn authorize(Extract(shared): Extract<Arc<Shared>>, Query(asked): Query<Asked>) -> Response {
    if let Some(refused) = refused(&shared, &asked) {
        return refused;
    }
    if shared.options.auto_approve {
        return send_back(&shared, &asked);
    }
    Html(page(&shared, &asked)).into_response()
}

async fn approve(Extract(shared): Extract<Arc<Shared>>, Form(asked): Form<Asked>) -> Response {
    refused(&shared, &asked).unwrap_or_else(|| send_back(&shared, &asked))
}

fn refused(shared: &Shared, asked: &Asked) -> Option<Response> {
    let refuse = |message: &str| Some(problem(400, message));
    if asked.client_id != shared.options.client_id {
        return refuse("invalid client");
    }
    if Url::parse(&asked.redirect_uri).is_err() {
        return refuse("Parameter redirect_uri does not match registered URI");
    }
    if asked.response_type != "code" {
        return refuse("Invalid response type");
    }
    None
}

fn send_back(shared: &Shared, asked: &Asked) -> Response {
    let Ok(mut back) = Url::parse(&asked.redirect_uri) else {
        return problem(400, "Parameter redirect_uri does not match registered URI");
    };
    if asked.answer == "deny" {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", "The user denied you access")
            .append_pair("state", &asked.state);
    } else {
        let mut state = shared.state();
        let who = if asked.login_as.is_empty() {
            state.first.clone().unwrap_or_else(|| "broadcaster".into())
        } else {
            asked.login_as.clone()
        };
        let user = state.user(&who);
        let code = state.ids.token();
        let now = shared.options.clock.now();
        state.codes.retain(|_, code| code.expires_at > now);
        let entry = Code {
            user,
            scopes: asked.scope.split_whitespace().map(str::to_owned).collect(),
            redirect: asked.redirect_uri.clone(),
            expires_at: now.plus(CODE_LIFE),
        };
        state.codes.insert(code.clone(), entry);
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("scope", &asked.scope)
            .append_pair("state", &asked.state);
    }
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

fn page(shared: &Shared, asked: &Asked) -> String {
    let state = shared.state();
    let mut people = String::new();
    for id in state.users.keys() {
        let user = state.person(id);
        let selected = if user.login == asked.login_as {
            " selected"
        } else {
            ""
        };
        let (id, name) = (escape(&user.id), escape(&user.name));
        let option = format!("<option value=\"{id}\"{selected}>{name}</option>");
        people.push_str(&option);
    }
    let mut scopes = String::new();
    for scope in asked.scope.split_whitespace() {
        let item = format!("<li>{}</li>", escape(scope));
        scopes.push_str(&item);
    }
    let hidden: String = [
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("scope", &asked.scope),
        ("state", &asked.state),
    ]
    .map(|(name, value)| {
        let value = escape(value);
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    })
    .concat();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Simulated Twitch</title>\
         <h1>Simulated Twitch</h1><p>An application wants to act for a channel:</p>\
         <form method=\"post\" action=\"/oauth2/authorize\">{hidden}\
         <p><label>Channel <select name=\"login_as\">{people}</select></label></p>\
         <ul>{scopes}</ul>\
         <button name=\"answer\" value=\"approve\">Approve</button> \
         <button name=\"answer\" value=\"deny\">Deny</button></form></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// What a token is asked for with: in the body or, as Twitch also takes it, in the query.
#[derive(Default)]
struct TokenForm {
    client_id: String,
    client_secret: String,
    grant_type: String,
    code: String,
    redirect_uri: String,
    refresh_token: String,
    scope: String,
}

impl TokenForm {
    fn read(query: &str, body: &[u8]) -> Self {
        let mut form = Self::default();
        let query = url::form_urlencoded::parse(query.as_bytes());
        for (name, value) in query.chain(url::form_urlencoded::parse(body)) {
            let field = match name.as_ref() {
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "grant_type" => &mut form.grant_type,
                "code" => &mut form.code,
                "redirect_uri" => &mut form.redirect_uri,
                "refresh_token" => &mut form.refresh_token,
                "scope" => &mut form.scope,
                _ => continue,
            };
            *field = value.into_owned();
        }
        form
    }
}

async fn token(
    Extract(shared): Extract<Arc<Shared>>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let asked = TokenForm::read(&query.unwrap_or_default(), &body);
    if asked.client_id != shared.options.client_id {
        return problem(400, "invalid client");
    }
    if asked.client_secret != shared.options.client_secret {
        return problem(403, "invalid client secret");
    }
    let now = shared.options.clock.now();
    let mut state = shared.state();
    let tokens = match asked.grant_type.as_str() {
        "authorization_code" => {
            let code = state.codes.remove(&asked.code);
            let good =
                code.filter(|code| code.expires_at > now && code.redirect == asked.redirect_uri);
            let Some(code) = good else {
                return problem(400, "Invalid authorization code");
            };
            state.authorise(&shared.options, &code.user, code.scopes)
        }
        "refresh_token" => {
            let Some((user, scopes)) = state.refresh.remove(&asked.refresh_token) else {
                return problem(400, "Invalid refresh token");
            };
            state.authorise(&shared.options, &user, scopes)
        }
        "client_credentials" => {
            let scopes = asked.scope.split_whitespace().map(str::to_owned).collect();
            let access = state.access(&shared.options, None, scopes);
            return Json(json!({
                "access_token": access,
                "expires_in": shared.options.token_life.as_secs(),
                "token_type": "bearer",
            }))
            .into_response();
        }
        _ => return problem(400, "invalid grant type"),
    };
    drop(state);
    shared.touch();
    Json(json!({
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "expires_in": tokens.expires_in,
        "scope": tokens.scopes,
        "token_type": "bearer",
    }))
    .into_response()
}

async fn validate(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Response {
    let text = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let access = text
        .strip_prefix("OAuth ")
        .or_else(|| text.strip_prefix("Bearer "));
    let Some(access) = access else {
        return problem(401, "missing authorization token");
    };
    let now = shared.options.clock.now();
    let state = shared.state();
    let token = state.tokens.get(access);
    let Some(token) = token.filter(|token| token.expires_at > now) else {
        return problem(401, "invalid access token");
    };
    let mut body = json!({
        "client_id": shared.options.client_id,
        "scopes": token.scopes,
        "expires_in": token.expires_at.since(now).as_secs(),
    });
    if let (Some(user), Value::Object(body)) = (&token.user, &mut body) {
        body.insert("user_id".to_owned(), user.as_str().into());
        body.insert("login".to_owned(), state.person(user).login.into());
    }
    Json(body).into_response()
}

#[derive(Deserialize)]
struct RevokeForm {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    token: String,
}

async fn revoke(Extract(shared): Extract<Arc<Shared>>, Form(asked): Form<RevokeForm>) -> Response {
    if asked.client_id != shared.options.client_id {
        return problem(404, "client does not exist");
    }
    let mut state = shared.state();
    let Some(token) = state.tokens.remove(&asked.token) else {
        return problem(400, "Invalid token");
    };
    if let Some(user) = token.user {
        // Refresh tokens and subscriptions of the authorisation end with it.
        emit::disconnect_user(&shared, &mut state, &user);
    }
    StatusCode::OK.into_response()
}

/// The id service's form of a refusal.
fn problem(status: u16, message: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (code, Json(json!({ "status": status, "message": message }))).into_response()
}
