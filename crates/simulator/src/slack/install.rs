//! Installing the app: the page on which somebody approves, and the code that becomes a token
//! («Installing with OAuth»).

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Shared, SlackOptions,
    answer::Refusal,
    call::Call,
    ids,
    state::{Code, SECRETS_MAX, Team},
};

/// How long a code is good.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(600);

type Fields = HashMap<String, String>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn oops(why: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>Slack (simulated)</title>\
         <h1>Something went wrong</h1><p>{why}</p></html>"
    );
    (StatusCode::BAD_REQUEST, Html(page)).into_response()
}

/// The page; or at once the way back, if the simulator approves by itself.
pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Fields>,
) -> Response {
    if field(&query, "client_id") != shared.options.client_id {
        return oops("invalid_client_id");
    }
    if field(&query, "scope").is_empty() {
        return oops("invalid_scope");
    }
    let teams: Vec<(String, String)> = shared
        .state()
        .teams
        .iter()
        .map(|(id, team)| (id.clone(), team.name.clone()))
        .collect();
    let wished = field(&query, "team");
    if shared.options.approves_itself {
        let team = teams
            .iter()
            .find(|(id, _)| id == wished)
            .or_else(|| teams.first());
        return match team {
            Some((id, _)) => back(&shared, &query, Some(id)),
            None => oops("there is no workspace"),
        };
    }
    let mut hidden = String::new();
    for name in ["client_id", "scope", "state", "redirect_uri", "nonce"] {
        // Writing to a String cannot fail.
        let _ = write!(
            hidden,
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(field(&query, name))
        );
    }
    let mut choice = String::new();
    for (id, name) in &teams {
        let chosen = if id == wished { " selected" } else { "" };
        let _ = write!(
            choice,
            "<option value=\"{}\"{chosen}>{}</option>",
            escape(id),
            escape(name)
        );
    }
    let person = if field(&query, "scope")
        .split(' ')
        .any(|scope| scope == "openid")
    {
        people(&shared)
    } else {
        String::new()
    };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Slack (simulated)</title>\
         <h1>WaddleBot is requesting permission</h1><p>This is the simulated Slack.</p>\
         <form method=\"post\">{hidden}<label>Workspace <select name=\"team\">{choice}</select></label>\
         {person}<p>Scopes: {}</p>\
         <button name=\"answer\" value=\"allow\">Allow</button> \
         <button name=\"answer\" value=\"cancel\">Cancel</button></form></html>",
        escape(field(&query, "scope"))
    ))
    .into_response()
}

/// Who one may be, when somebody signs in.
fn people(shared: &Shared) -> String {
    let mut choice = String::new();
    for team in shared.state().teams.values() {
        for member in team.people.values().filter(|member| !member.is_bot) {
            let _ = write!(
                choice,
                "<option value=\"{}\">{}</option>",
                escape(&member.id),
                escape(&member.name)
            );
        }
    }
    format!("<p><label>You are <select name=\"user\">{choice}</select></label></p>")
}

/// What the person pressed.
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    Form(form): Form<Fields>,
) -> Response {
    if field(&form, "client_id") != shared.options.client_id {
        return oops("invalid_client_id");
    }
    let team = field(&form, "team").to_owned();
    if field(&form, "answer") != "allow" {
        return back(&shared, &form, None);
    }
    if !shared.state().teams.contains_key(&team) {
        return oops("invalid_team");
    }
    back(&shared, &form, Some(&team))
}

/// Sends the person back, with a code or with a refusal.
fn back(shared: &Shared, fields: &Fields, team: Option<&str>) -> Response {
    let redirect = field(fields, "redirect_uri");
    let Ok(mut url) = url::Url::parse(redirect) else {
        return oops("bad_redirect_uri");
    };
    let now = shared.options.clock.now();
    match team {
        Some(team) => {
            let mut state = shared.state();
            let n = state.number();
            let code = format!("{n}.{}", ids::secret("code", &format!("{n} {redirect}")));
            if state.codes.len() >= SECRETS_MAX {
                state.codes.clear();
            }
            let wished = field(fields, "user");
            let user = state
                .teams
                .get(team)
                .and_then(|team| {
                    let named = team.people.get(wished);
                    named.or_else(|| team.people.values().find(|member| !member.is_bot))
                })
                .map_or_else(
                    || ids::slack_id('U', "installer"),
                    |member| member.id.clone(),
                );
            state.codes.insert(
                code.clone(),
                Code {
                    team: team.to_owned(),
                    redirect: redirect.to_owned(),
                    scope: field(fields, "scope").to_owned(),
                    user,
                    nonce: field(fields, "nonce").to_owned(),
                    at: now,
                },
            );
            url.query_pairs_mut().append_pair("code", &code);
        }
        None => {
            url.query_pairs_mut().append_pair("error", "access_denied");
        }
    }
    url.query_pairs_mut()
        .append_pair("state", field(fields, "state"));
    (StatusCode::FOUND, [(header::LOCATION, url.to_string())]).into_response()
}

/// `oauth.v2.access`
pub(super) fn access(call: &Call<'_>) -> Result<Value, Refusal> {
    let ours = &call.shared.options;
    let (id, secret) = call.args.client.clone().ok_or("invalid_client_id")?;
    if id != ours.client_id {
        return Err("invalid_client_id");
    }
    if secret != ours.client_secret {
        return Err("bad_client_secret");
    }
    let now = ours.clock.now();
    let ends = ours.tokens_live.map(|life| now.plus(life));
    let mut state = call.shared.state();
    if call.args.text("grant_type") == "refresh_token" {
        let refresh = call.args.text("refresh_token");
        let found = state.teams.iter_mut().find(|(_, team)| {
            let ours = team.rotation.as_ref();
            team.token.is_some() && ours.is_some_and(|(_, ours)| *ours == refresh)
        });
        let (id, team) = found.ok_or("invalid_refresh_token")?;
        let token = team.install(id, ends);
        let scope = "chat:write";
        return Ok(given(
            ours,
            (id, team),
            &token,
            scope,
            ends.map(|ends| ends.since(now)),
        ));
    }
    let code = state
        .codes
        .remove(&call.args.text("code"))
        .filter(|code| now.since(code.at) <= GOOD_FOR)
        .ok_or("invalid_code")?;
    let redirect = call.args.text("redirect_uri");
    if redirect != code.redirect {
        return Err("bad_redirect_uri");
    }
    let team = state.teams.get_mut(&code.team).ok_or("invalid_code")?;
    let token = team.install(&code.team, ends);
    let left = ends.map(|ends| ends.since(now));
    let mut answer = given(ours, (&code.team, team), &token, &code.scope, left);
    if let Value::Object(fields) = &mut answer {
        fields.insert("authed_user".to_owned(), json!({"id": code.user}));
    }
    Ok(answer)
}

/// What is given with a token.
fn given(
    ours: &SlackOptions,
    (id, team): (&str, &Team),
    token: &str,
    scope: &str,
    left: Option<Duration>,
) -> Value {
    let mut answer = json!({
        "access_token": token,
        "token_type": "bot",
        "scope": scope,
        "bot_user_id": team.bot_user,
        "app_id": ours.app_id,
        "team": {"id": id, "name": team.name},
        "enterprise": null,
        "is_enterprise_install": false,
    });
    if let (Value::Object(fields), Some(left), Some((_, refresh))) =
        (&mut answer, left, &team.rotation)
    {
        fields.insert("expires_in".to_owned(), json!(left.as_secs()));
        fields.insert("refresh_token".to_owned(), json!(refresh));
    }
    answer
}
