//! Discord: the gateway through twilight, REST through our own client and gate, because twilight's
//! sender does not learn buckets from answers and does not obey every `Retry-After`.
//!
//! One [`Discord`] is everything: it carries ([`kernel::Courier`]), listens ([`crate::Listener`]),
//! takes requests ([`crate::Webhook`]), installs ([`kernel::Connector`]), and has the calls that only
//! Discord has (roles, time-outs, scheduled events, slash commands).
//!
//! Must never: put the token, an interaction's token or a text into a log or an error; guess a limit
//! that Discord tells; wait for a limit longer than the caller agreed to.

mod api;
mod catch_up;
mod commands;
mod connect;
mod courier;
mod id;
mod linked_roles;
mod listen;
mod moderation;
mod recent;
mod render;
mod schedule;
mod settings;
mod sign_in;
mod translate;
mod webhook;

use std::sync::Arc;

use kernel::{Clock, Entropy};

pub use api::ApiError;
pub use id::created_at;
pub use schedule::{EventDraft, EventNow, EventPlace, EventStatus, Interested, InterestedPage};
pub use settings::{Settings, SettingsError};
pub use sign_in::DiscordSignIn;

use crate::http::Http;
use api::Api;
use commands::OptionOrder;
use courier::Known;
use recent::Recent;
use settings::Checked;

/// The connection to Discord.
pub struct Discord {
    api: Api,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Arc<Checked>,
    /// Direct channels and answered interactions.
    known: Known,
    option_order: Arc<OptionOrder>,
    /// Interactions that came over HTTP.
    delivered: Recent<String, ()>,
}

impl std::fmt::Debug for Discord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discord").finish_non_exhaustive()
    }
}

impl Discord {
    /// A connection that has asked nothing yet.
    ///
    /// # Errors
    /// If the settings cannot be right.
    pub fn new(
        settings: Settings,
        http: Http,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SettingsError> {
        let settings = Arc::new(settings.check()?);
        Ok(Self {
            api: Api::new(http, Arc::clone(&settings), Arc::clone(&clock)),
            clock,
            entropy,
            settings,
            known: Known::default(),
            option_order: Arc::default(),
            delivered: Recent::new(webhook::SEEN_MAX),
        })
    }
}

/// Counts something that came in and was not used.
fn ignored(why: &'static str) {
    metrics::counter!("waddlebot_platform_ignored_total", "platform" => "discord", "why" => why)
        .increment(1);
}
