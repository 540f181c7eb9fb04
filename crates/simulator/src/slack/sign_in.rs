//! «Sign in with Slack»: a code becomes a token and an ID token, a token becomes a person. The ID
//! token is unsigned: whoever takes it straight from here over TLS need not check a signature
//! (OpenID Connect Core §3.1.3.7 point 6), and nobody else may take it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    answer::Refusal,
    call::Call,
    ids,
    state::{SECRETS_MAX, SignedIn},
};

/// How long an ID token is good.
const GOOD_FOR_SECS: i64 = 300;

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
    let claims = json!({
        "iss": call.shared.url(),
        "aud": ours.client_id,
        "sub": code.user,
        "nonce": code.nonce,
        "iat": now.secs(),
        "exp": now.secs() + GOOD_FOR_SECS,
        "https://slack.com/user_id": code.user,
        "https://slack.com/team_id": code.team,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let id_token = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims));
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
