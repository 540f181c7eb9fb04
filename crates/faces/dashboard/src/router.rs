//! Every address of the dashboard, in one list.

use std::{net::IpAddr, sync::Arc};

use app::App;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::Redirect,
    routing::{get, post},
};
use tower_http::{
    CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer,
};

use crate::{
    accounts, admin, api_usage, assets, auth, bots, chat, commands, community, confirm,
    connections, data, deliveries, email, error::PageError, guard, health, keys, login, me,
    members, merges, passkeys, privacy, profile, reference, register, reputation, role,
    second_factor, security, settings, setup, suggestions, suspicions, verification, webhooks,
    weights,
};

/// What the operator decides about the dashboard.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether browsers reach the dashboard by https: the session cookie is `Secure` and
    /// `__Host-`, and browsers are told to insist on https. Off only for plain http on loopback.
    pub secure_cookies: bool,
    /// Proxies whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Vec<IpAddr>,
}

/// What handlers share.
pub(crate) struct Face {
    /// The services.
    pub(crate) app: Arc<App>,
    /// The operator's choices.
    pub(crate) settings: Settings,
}

/// The dashboard as an axum router. Serve it with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that sign-in limits know the address.
/// Its fallback is the «not found» page; its headers and limits apply to its own routes only.
pub fn router(app: Arc<App>, settings: Settings) -> Router {
    let face = Arc::new(Face { app, settings });
    Router::new()
        .route("/", get(community::index))
        .route(
            "/communities/new",
            get(community::new).post(community::create),
        )
        .route("/setup", get(setup::form).post(setup::submit))
        .route("/login", get(login::form).post(login::submit))
        .route("/login/link", get(login::link).post(login::redeem))
        .route("/login/with/{provider}", post(auth::begin))
        .route("/auth/{provider}/callback", get(auth::callback))
        .route("/logout", post(login::sign_out))
        .route("/me", get(me::page))
        .route("/me/profile", get(profile::form).post(profile::save))
        .route("/me/activity", get(profile::feed))
        .route("/me/privacy", get(privacy::page).post(privacy::save))
        .route("/me/data", get(data::page))
        .route("/me/data/export", post(data::export))
        .route("/me/data/exports/{id}", post(data::fetch))
        .route("/me/data/erase", post(data::erase))
        .route("/me/data/erase/cancel", post(data::cancel))
        .route("/u/{handle}", get(profile::public))
        .route("/me/password", post(me::change_password))
        .route(
            "/login/2fa",
            get(second_factor::page).post(second_factor::submit),
        )
        .route("/login/passkey", post(passkeys::sign_in))
        .route("/login/passkey/begin", post(passkeys::begin_sign_in))
        .route("/login/2fa/passkey", post(passkeys::second_factor))
        .route(
            "/login/2fa/passkey/begin",
            post(passkeys::begin_second_factor),
        )
        .route("/login/recovery", get(second_factor::recovery))
        .route("/me/security", get(security::page))
        .route("/me/security/totp", post(security::begin))
        .route("/me/security/totp/confirm", post(security::confirm))
        .route("/me/security/totp/off", post(security::disable))
        .route("/me/security/recovery", post(security::renew))
        .route("/me/security/passkeys", post(passkeys::add))
        .route("/me/security/passkeys/begin", post(passkeys::begin))
        .route(
            "/me/security/passkeys/{id}",
            get(passkeys::page).post(passkeys::rename),
        )
        .route("/me/security/passkeys/{id}/remove", post(passkeys::remove))
        .route("/me/confirm/passkey", post(passkeys::confirm))
        .route(
            "/me/confirm/passkey/begin",
            post(passkeys::begin_confirmation),
        )
        .route("/me/confirm", get(confirm::page).post(confirm::submit))
        .route("/me/verification", get(verification::page))
        .route("/me/email", get(email::page).post(email::ask))
        .route("/me/email/code", post(email::confirm))
        .route("/verify-email", get(email::verify).post(email::follow))
        .route("/forgot", get(register::forgot).post(register::ask_reset))
        .route("/reset", get(register::reset).post(register::set_password))
        .route(
            "/register",
            get(register::register).post(register::ask_register),
        )
        .route(
            "/register/finish",
            get(register::newcomer).post(register::finish),
        )
        .route("/me/bots", get(bots::verdicts::page))
        .route("/me/bots/{case}/appeal", post(bots::verdicts::appeal))
        .route("/me/keys", get(keys::page).post(keys::create))
        .route("/me/keys/{id}/regenerate", post(keys::regenerate))
        .route("/me/keys/{id}/revoke", post(keys::revoke))
        .route("/me/sessions/{id}/revoke", post(me::revoke))
        .route("/me/accounts", get(accounts::page))
        .route("/me/accounts/link", post(accounts::link))
        .route("/me/accounts/code", post(accounts::code))
        .route("/link", get(accounts::short))
        .route("/me/merge", get(merges::own))
        .route("/me/merge/suggestions", post(suggestions::say_own))
        .route("/me/merge/{id}/confirm", post(merges::confirm_own))
        .route("/me/merge/{id}/reject", post(merges::reject_own))
        .route("/me/merge/{id}/undo", post(merges::undo_own))
        .route("/admin/merges", get(merges::all).post(merges::name))
        .route("/admin/merges/{id}/confirm", post(merges::confirm_any))
        .route("/admin/merges/{id}/reject", post(merges::reject_any))
        .route("/admin/merges/{id}/undo", post(merges::undo_any))
        .route(
            "/me/accounts/{id}/unlink",
            get(accounts::ask_unlink).post(accounts::unlink),
        )
        .route("/me/accounts/{id}/first", post(accounts::choose_first))
        .route("/me/accounts/{id}/roles/push", post(accounts::push_roles))
        .route("/me/accounts/{id}/roles/stop", post(accounts::stop_roles))
        .route("/c/{slug}", get(community::home))
        .route("/c/{slug}/health", get(health::page))
        .route("/c/{slug}/health/{file}", get(health::download))
        .route("/c/{slug}/members", get(members::page))
        .route("/c/{slug}/reputation", get(reputation::standings))
        .route("/c/{slug}/reputation/weights", post(weights::save))
        .route(
            "/c/{slug}/members/suggestions",
            get(suggestions::page).post(suggestions::say),
        )
        .route("/c/{slug}/members/suspicious", get(suspicions::page))
        .route(
            "/c/{slug}/members/suspicious/{id}",
            post(suspicions::decide),
        )
        .route("/c/{slug}/members/{user}", get(reputation::page))
        .route(
            "/c/{slug}/members/{user}/reputation",
            post(reputation::adjust),
        )
        .route(
            "/c/{slug}/bots/settings",
            get(bots::settings::page).post(bots::settings::save),
        )
        .route(
            "/c/{slug}/bots/channel",
            get(bots::channel::page).post(bots::channel::choose),
        )
        .route("/c/{slug}/bots/appeals", get(bots::appeals::page))
        .route("/c/{slug}/bots/appeals/{id}", post(bots::appeals::answer))
        .route("/c/{slug}/bots/lists/{id}", post(bots::lists::choose))
        .route("/c/{slug}/bots/corrections", post(bots::corrections::say))
        .route(
            "/c/{slug}/bots/report",
            get(bots::reports::page).post(bots::reports::send),
        )
        .route("/c/{slug}/members.csv", get(members::download))
        .route(
            "/c/{slug}/members/{user}/role",
            get(role::form).post(role::change),
        )
        .route("/c/{slug}/bots", get(bots::overview::page))
        .route("/c/{slug}/bots/queue", get(bots::queue::page))
        .route("/c/{slug}/bots/cases/{id}", get(bots::case::page))
        .route(
            "/c/{slug}/bots/cases/{id}/stream",
            get(bots::looking::stream),
        )
        .route("/c/{slug}/bots/cases/{id}/look", post(bots::verdict::look))
        .route(
            "/c/{slug}/bots/cases/{id}/verdict",
            post(bots::verdict::decide),
        )
        .route("/c/{slug}/bots/cases/{id}/undo", post(bots::verdict::undo))
        .route(
            "/c/{slug}/bots/cases/{id}/service",
            post(bots::service::say),
        )
        .route(
            "/c/{slug}/bots/cases/{id}/service/undo",
            post(bots::service::take_back),
        )
        .route("/c/{slug}/deliveries", get(deliveries::page))
        .route("/c/{slug}/deliveries/{id}/retry", post(deliveries::retry))
        .route("/c/{slug}/deliveries/{id}/cancel", post(deliveries::cancel))
        .route("/c/{slug}/chat", get(chat::page))
        .route("/c/{slug}/chat/say", post(chat::say))
        .route("/c/{slug}/chat/stream", get(chat::stream))
        .route("/c/{slug}/commands", get(commands::page))
        .route(
            "/c/{slug}/commands/new",
            get(commands::custom::new).post(commands::custom::add),
        )
        .route(
            "/c/{slug}/commands/custom/{name}",
            get(commands::custom::form).post(commands::custom::save),
        )
        .route(
            "/c/{slug}/commands/custom/{name}/delete",
            get(commands::custom::ask_delete).post(commands::custom::delete),
        )
        .route(
            "/c/{slug}/commands/built-in/{name}",
            get(commands::built_in::form).post(commands::built_in::save),
        )
        .route(
            "/c/{slug}/settings",
            get(settings::form).post(settings::save),
        )
        .route("/c/{slug}/settings/connections", get(connections::page))
        .route(
            "/c/{slug}/settings/connections/connect/{platform}",
            post(connections::connect),
        )
        .route(
            "/c/{slug}/settings/connections/{id}/test",
            post(connections::test),
        )
        .route(
            "/c/{slug}/settings/connections/{id}/channel",
            get(connections::channel).post(connections::choose_channel),
        )
        .route(
            "/c/{slug}/settings/connections/{id}/disconnect",
            get(connections::ask_disconnect).post(connections::disconnect),
        )
        .route("/c/{slug}/settings/webhooks", get(webhooks::page))
        .route(
            "/c/{slug}/settings/webhooks/new",
            get(webhooks::form::new).post(webhooks::form::add),
        )
        .route("/c/{slug}/settings/webhooks/{id}", get(webhooks::one))
        .route(
            "/c/{slug}/settings/webhooks/{id}/change",
            get(webhooks::form::form).post(webhooks::form::save),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/remove",
            get(webhooks::ask_remove).post(webhooks::remove),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/secret",
            post(webhooks::rotate),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/ping",
            post(webhooks::ping),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/pause",
            post(webhooks::pause),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/resume",
            post(webhooks::resume),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/replay",
            post(webhooks::replay),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/messages/{message}",
            get(webhooks::message::page),
        )
        .route(
            "/c/{slug}/settings/webhooks/{id}/messages/{message}/replay",
            post(webhooks::message::replay),
        )
        .route("/connect/{platform}/callback", get(connections::callback))
        .route("/admin", get(admin::status))
        .route("/admin/jobs", get(admin::jobs))
        .route("/admin/jobs/{id}/replay", post(admin::replay))
        .route("/admin/jobs/{id}/discard", post(admin::discard))
        .route("/admin/mail", get(admin::mail))
        .route("/admin/mail/{name}", get(admin::letter))
        .route("/admin/models", get(bots::models::page))
        .route("/admin/models/compare", get(bots::comparison::page))
        .route("/admin/models/roll-back", post(bots::models::roll_back))
        .route(
            "/admin/models/trainings",
            get(bots::trainings::page).post(bots::trainings::start),
        )
        .route("/admin/models/trainings/{id}", get(bots::trainings::one))
        .route(
            "/admin/models/trainings/{id}/stream",
            get(bots::trainings::stream),
        )
        .route(
            "/admin/models/rollouts",
            get(bots::rollouts::page).post(bots::rollouts::start),
        )
        .route(
            "/admin/models/rollouts/{id}/advance",
            post(bots::rollouts::advance),
        )
        .route(
            "/admin/models/rollouts/{id}/halt",
            post(bots::rollouts::halt),
        )
        .route(
            "/admin/models/experiments",
            get(bots::experiments::page).post(bots::experiments::start),
        )
        .route(
            "/admin/models/experiments/{id}/stop",
            post(bots::experiments::stop),
        )
        .route("/admin/models/monitoring", get(bots::monitoring::page))
        .route(
            "/admin/models/alerts/{id}",
            post(bots::monitoring::clear_alert),
        )
        .route("/admin/models/{id}", get(bots::models::one))
        .route("/admin/models/{id}/file", get(bots::model_file::download))
        .route("/admin/models/{id}/promote", post(bots::models::promote))
        .route("/admin/models/{id}/retire", post(bots::models::retire))
        .route("/admin/audit", get(admin::audit))
        .route("/admin/api", get(api_usage::page))
        .route("/api/docs", get(reference::index))
        .route("/api/docs/graphql", get(reference::graphql))
        .route("/api/docs/rest/{tag}", get(reference::rest))
        .route("/assets/{bundle}/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        // A trailing slash is a typing habit, not another page.
        .route("/c/{slug}/", get(community::home))
        .route("/admin/", get(async || Redirect::permanent("/admin")))
        .fallback(async || PageError::not_found())
        .layer(DefaultBodyLimit::max(guard::BODY_MAX))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&face),
            guard::around,
        ))
        // Outermost, so that error pages are packed too; streams and pictures never are.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(face)
}
