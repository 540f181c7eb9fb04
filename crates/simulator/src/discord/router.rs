//! Which path is what, and what is done before any of them: limits, then the token. Must never let a
//! request reach a route without having been counted.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use serde_json::{Value, json};

use super::{
    Shared, control, gateway, guild, interaction, linked_roles, message, oauth,
    rate::{self, Verdict},
    refusal::Refusal,
    scheduled,
};

/// What a route below `/api/v10` answers.
pub(super) type Answer = Result<Response, Refusal>;

/// Everything the server serves.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/gateway", get(gateway_address))
        .route("/gateway/bot", get(gateway_advice))
        .route("/users/@me", get(oauth::me))
        .route("/users/@me/channels", post(message::open_direct))
        .route(
            "/users/@me/guilds/{guild}",
            axum::routing::delete(guild::leave),
        )
        .route(
            "/users/@me/applications/{app}/role-connection",
            get(linked_roles::connection).put(linked_roles::put_connection),
        )
        .route("/oauth2/@me", get(oauth::authorization))
        .route("/oauth2/applications/@me", get(application))
        .route(
            "/applications/@me",
            get(application).patch(linked_roles::patch_application),
        )
        .route(
            "/applications/{app}/role-connections/metadata",
            get(linked_roles::records).put(linked_roles::put_records),
        )
        .route(
            "/applications/{app}/commands",
            put(interaction::put_commands).get(interaction::commands),
        )
        .route(
            "/applications/{app}/guilds/{guild}/commands",
            put(interaction::put_guild_commands),
        )
        .route("/guilds/{guild}", get(guild::guild))
        .route("/guilds/{guild}/channels", get(guild::channels))
        .route("/guilds/{guild}/roles", get(guild::roles))
        .route(
            "/guilds/{guild}/members/{user}",
            get(guild::member)
                .patch(guild::patch_member)
                .delete(guild::kick),
        )
        .route(
            "/guilds/{guild}/members/{user}/roles/{role}",
            put(guild::put_role).delete(guild::delete_role),
        )
        .route(
            "/guilds/{guild}/bans/{user}",
            put(guild::ban).delete(guild::unban),
        )
        .route(
            "/guilds/{guild}/scheduled-events",
            get(scheduled::list).post(scheduled::create),
        )
        .route(
            "/guilds/{guild}/scheduled-events/{event}",
            get(scheduled::get)
                .patch(scheduled::update)
                .delete(scheduled::delete),
        )
        .route(
            "/guilds/{guild}/scheduled-events/{event}/users",
            get(scheduled::users),
        )
        .route("/channels/{channel}", get(guild::channel))
        .route(
            "/channels/{channel}/messages",
            get(message::list).post(message::create),
        )
        .route(
            "/channels/{channel}/messages/{message}",
            get(message::one)
                .patch(message::edit)
                .delete(message::delete),
        )
        .route(
            "/interactions/{id}/{token}/callback",
            post(interaction::callback),
        )
        .route("/webhooks/{app}/{token}", post(interaction::follow_up))
        .route(
            "/webhooks/{app}/{token}/messages/{message}",
            patch(interaction::edit)
                .delete(interaction::delete)
                .get(interaction::one),
        )
        .fallback(no_route)
        .layer(middleware::from_fn_with_state(Arc::clone(shared), guard));
    let router = Router::new()
        .nest("/api/v10", api)
        .route("/api/oauth2/token", post(oauth::token))
        .route("/api/v10/oauth2/token", post(oauth::token))
        .route("/api/oauth2/token/revoke", post(oauth::revoke))
        .route("/api/v10/oauth2/token/revoke", post(oauth::revoke))
        .route("/api/oauth2/@me", get(oauth::authorization))
        .route("/api/users/@me", get(oauth::me))
        .route("/oauth2/authorize", get(oauth::page).post(oauth::approve))
        .route("/gateway", get(gateway::connect))
        .route("/gateway/", get(gateway::connect))
        .nest("/_sim", control::router())
        .with_state(Arc::clone(shared));
    crate::wire::around(
        router,
        shared.exchanges.clone(),
        shared.faults.clone(),
        limited,
    )
}

fn limited(after_ms: u64, is_global: bool) -> Response {
    let scope = if is_global { "global" } else { "user" };
    rate::limited(Duration::from_millis(after_ms), scope, None)
}

async fn no_route() -> Refusal {
    Refusal::no_route()
}

/// Counts the request, checks its token, and puts the bucket's headers on its answer.
async fn guard(Extract(shared): Extract<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix("/api/v10").unwrap_or(path);
    let route = rate::route(request.method().as_str(), path);
    let now = shared.now();
    let verdict = shared
        .state()
        .rates
        .pass(&route, &shared.options.limits, now);
    let bucket = match verdict {
        Verdict::Pass(headers) => headers,
        Verdict::Refused(response) => return response,
    };
    let is_open = path.starts_with("/interactions/")
        || path.starts_with("/webhooks/")
        || path == "/gateway"
        || path == "/users/@me"
        || path.starts_with("/users/@me/applications/")
        || path == "/oauth2/@me";
    let mut response = if is_open || is_bot(&shared, request.headers()) {
        next.run(request).await
    } else {
        Refusal::unauthorized().into_response()
    };
    if matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        shared.state().rates.note_invalid(now);
    }
    response.headers_mut().extend(bucket);
    response
}

/// Whether a request brings the bot's token.
pub(super) fn is_bot(shared: &Shared, headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bot "))
        .is_some_and(|token| token == shared.token())
}

async fn gateway_address(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "url": shared.gateway_url() }))
}

async fn gateway_advice(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "url": shared.gateway_url(),
        "shards": shared.options.shards,
        "session_start_limit": { "total": 1_000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1 },
    }))
}

pub(super) async fn application(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.look();
    let owner = state.guilds.values().next().map(|guild| guild.owner);
    Json(json!({
        "id": shared.options.application.to_string(),
        "type": null,
        "name": shared.options.bot_name,
        "icon": null,
        "description": "",
        "bot_public": true,
        "bot_require_code_grant": false,
        "verify_key": kernel::random::hex(shared.key.verifying_key().as_bytes()),
        "flags": 0,
        "flags_new": "0",
        "owner": state.user_view(owner.unwrap_or(shared.options.application)),
        "team": null,
        "redirect_uris": [],
        "interactions_endpoint_url": shared.options.interactions_url,
        "role_connections_verification_url": state.role_page,
        "explicit_content_filter": 0,
        "approximate_guild_count": state.guilds.values().filter(|guild| guild.is_installed).count(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "eligible_oauth2_scopes": [],
    }))
}

/// The body as JSON.
pub(super) fn body_of(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        tracing::debug!(line = error.line(), "a client sent what is not JSON");
        Refusal::not_json()
    })
}

/// `204 No Content`.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
