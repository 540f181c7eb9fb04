//! One call of the Web API: who asks, how often, and which method answers. Always `application/json`,
//! nearly always with status 200, errors included.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Shared,
    answer::{Args, Refusal, error, ok},
    chat, conversations, install, limits, people, schedule, sign_in, socket,
};

/// A call with a bot token: of which workspace.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) team: String,
    pub(super) args: &'a Args,
}

/// Answers `/api/{method}`.
pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = match Args::read(&headers, query.as_deref(), &body) {
        Ok(args) => answer(&shared, &method, &args),
        Err(refusal) => Ok(error(refusal)),
    };
    match answered {
        Ok(value) => Json(value).into_response(),
        Err(after_secs) => limits::refused(after_secs),
    }
}

/// The answer, or how many seconds to wait.
fn answer(shared: &Arc<Shared>, method: &str, args: &Args) -> Result<Value, u64> {
    let now = shared.options.clock.now();
    let asker = match method {
        "api.test" | "oauth.v2.access" | "openid.connect.token" | "openid.connect.userInfo" => {
            Ok(String::new())
        }
        "auth.revoke" if args.token.starts_with("xoxp-") => Ok(String::new()),
        "apps.connections.open" => {
            socket::app(shared, args).map(|()| shared.options.app_id.clone())
        }
        _ if args.token.is_empty() => Err("not_authed"),
        _ if args.token == shared.options.app_token => Err("not_allowed_token_type"),
        _ => shared.state().team_of(&args.token, now).map(str::to_owned),
    };
    let team = match asker {
        Ok(team) => team,
        Err(refusal) => return Ok(error(refusal)),
    };
    let channel = args.text("channel");
    if let Some(after) =
        shared
            .state()
            .meter
            .take(now, &shared.options.limits, method, &team, &channel)
    {
        return Err(after);
    }
    let call = Call { shared, team, args };
    Ok(match dispatch(&call, method) {
        Ok(value) => ok(value),
        Err(refusal) => error(refusal),
    })
}

fn dispatch(call: &Call<'_>, method: &str) -> Result<Value, Refusal> {
    match method {
        "api.test" => match call.args.given("error") {
            Some(_) => Err("simulated_error"),
            None => Ok(json!({"args": {}})),
        },
        "apps.connections.open" => Ok(socket::ticket(call.shared)),
        "apps.uninstall" => people::uninstall(call),
        "auth.test" => people::auth_test(call),
        "auth.revoke" if call.args.token.starts_with("xoxp-") => sign_in::revoke(call),
        "auth.revoke" => Ok(people::auth_revoke(call)),
        "chat.postMessage" => chat::post(call),
        "chat.postEphemeral" => chat::post_ephemeral(call),
        "chat.update" => chat::update(call),
        "chat.delete" => chat::delete(call),
        "chat.scheduleMessage" => schedule::schedule(call),
        "chat.scheduledMessages.list" => schedule::list(call),
        "chat.deleteScheduledMessage" => schedule::delete(call),
        "conversations.open" => conversations::open(call),
        "conversations.list" => conversations::list(call),
        "conversations.info" => conversations::info(call),
        "conversations.members" => conversations::members(call),
        "conversations.join" => conversations::join(call),
        "oauth.v2.access" => install::access(call),
        "openid.connect.token" => sign_in::token(call),
        "openid.connect.userInfo" => sign_in::info(call),
        "reactions.add" => people::react(call),
        "users.info" => people::info(call),
        "users.list" => people::list(call),
        "views.open" => people::open_view(call),
        _ => Err("unknown_method"),
    }
}
