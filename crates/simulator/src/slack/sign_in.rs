//! «Sign in with Slack»: what the provider says of itself, a code that becomes a token and an ID token,
//! a token that becomes a person. Sources: docs.slack.dev «Sign in with Slack», OpenID Connect
//! Discovery §3.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    Shared,
    answer::Refusal,
    call::Call,
    ids,
    signer::IdTokenFlaw,
    state::{SECRETS_MAX, SignedIn},
};

/// How long an ID token is good.
const GOOD_FOR_SECS: i64 = 300;

/// Where everything is (OpenID Connect Discovery §3).
pub(super) async fn configuration(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = shared.url();
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/openid/connect/authorize"),
        "token_endpoint": format!("{url}/api/openid.connect.token"),
        "userinfo_endpoint": format!("{url}/api/openid.connect.userInfo"),
        "jwks_uri": format!("{url}/openid/connect/keys"),
        "scopes_supported": ["openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["form_post"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }))
}

/// The key that signs now.
pub(super) async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let n = shared.state().n_keys;
    Json(shared.signer.published(n))
}

/// `openid.connect.token`
pub(super) fn token(call: &Call<'_>) -> Result<Value, Refusal> {
    let ours = &call.shared.options;
    let (id, secret) = call.args.client.clone().ok_or("invalid_client_id")?;
    if id != ours.client_id {
        return Err("invalid_client_id");
    }
    if secret != ours.client_secret {
        return Err("bad_client_secret");
    }
    let now = ours.clock.now();
    let mut state = call.shared.state();
    let code = state.codes.remove(&call.args.text("code"));
    let code = code.ok_or("invalid_code")?;
    if now.since(code.at) > super::install::GOOD_FOR {
        return Err("code_expired");
    }
    if call.args.text("redirect_uri") != code.redirect {
        return Err("bad_redirect_uri");
    }
    if state.people.len() >= SECRETS_MAX {
        state.people.clear();
    }
    let n = state.number();
    let access = format!("xoxp-{}", ids::secret("person", &n.to_string()));
    let flaw = state.flaw;
    let wrong = |which: IdTokenFlaw, value: Value, instead: Value| {
        if flaw == Some(which) { instead } else { value }
    };
    let ends = wrong(
        IdTokenFlaw::Ended,
        json!(now.secs() + GOOD_FOR_SECS),
        json!(now.secs() - 1),
    );
    let claims = json!({
        "iss": wrong(IdTokenFlaw::Issuer, json!(call.shared.url()), json!("https://slack.example")),
        "aud": wrong(IdTokenFlaw::Audience, json!(ours.client_id), json!("3000.4000")),
        "sub": code.user,
        "nonce": wrong(IdTokenFlaw::Nonce, json!(code.nonce), json!("of another sign-in")),
        "iat": now.secs(),
        "exp": ends,
        "https://slack.com/user_id": code.user,
        "https://slack.com/team_id": code.team,
    });
    let id_token = call.shared.signer.token(state.n_keys, &claims, flaw);
    let id_token = id_token.ok_or("internal_error")?;
    let person = SignedIn {
        team: code.team,
        user: code.user,
    };
    state.people.insert(access.clone(), person);
    Ok(json!({
        "access_token": access,
        "token_type": "Bearer",
        "id_token": id_token,
    }))
}

/// `openid.connect.userInfo`
pub(super) fn info(call: &Call<'_>) -> Result<Value, Refusal> {
    let state = call.shared.state();
    let person = state.people.get(&call.args.token).ok_or("invalid_auth")?;
    let member = state
        .teams
        .get(&person.team)
        .and_then(|team| team.people.get(&person.user))
        .ok_or("user_not_found")?;
    let name = if member.display_name.is_empty() {
        &member.name
    } else {
        &member.display_name
    };
    Ok(json!({
        "sub": member.id,
        "https://slack.com/user_id": member.id,
        "https://slack.com/team_id": person.team,
        "name": name,
        "email": format!("{}@example.org", member.id.to_lowercase()),
        "email_verified": true,
    }))
}

/// `auth.revoke` of a person's token.
pub(super) fn revoke(call: &Call<'_>) -> Result<Value, Refusal> {
    let gone = call.shared.state().people.remove(&call.args.token);
    gone.map(|_| json!({"revoked": true})).ok_or("invalid_auth")
}
