//! Twitch: chat is heard over EventSub, everything else is asked of Helix. [`Twitch`] hands out the
//! parts; all of them share one gate, one keeper of tokens and one HTTP client.
//!
//! Twitch forgets: when a WebSocket breaks, what happens until the subscriptions are made again is
//! told to nobody. Within a move that Twitch asks for (`session_reconnect`) nothing is lost. We
//! reconnect at once and never count anything twice; we cannot know what Twitch did not tell.
//!
//! Must never: retry what may have been done, put a token or a text into an error or a log, or say
//! that a whisper arrived.
//!
//! Sources: dev.twitch.tv/docs/api/reference, …/docs/eventsub, …/docs/authentication, …/docs/chat.

mod api;
mod connect;
mod courier;
mod interest;
mod listen;
mod own;
mod render;
mod schedule;
mod seen;
mod settings;
mod sign_in;
mod socket;
mod time;
mod token;
mod translate;
mod webhook;

use std::sync::Arc;

use kernel::{Clock, Entropy, Grants};

use crate::http::Http;
use api::Api;

pub use connect::TwitchConnector;
pub use courier::TwitchCourier;
pub use listen::TwitchListener;
pub use schedule::{Change, NewSegment, Recurrence, ScheduleError, Segment, TwitchSchedule};
pub use settings::{SCOPES, Settings};
pub use sign_in::TwitchSignIn;
pub use webhook::TwitchWebhook;

/// Everything about Twitch, from which its parts are taken. Cheap to clone.
#[derive(Clone)]
pub struct Twitch {
    api: Arc<Api>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Twitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twitch").finish_non_exhaustive()
    }
}

impl Twitch {
    /// Twitch as the settings say. Asks nothing yet.
    pub fn new(
        settings: Settings,
        http: Http,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let api = Api::new(Arc::new(settings), http, grants, clock);
        Self {
            api: Arc::new(api),
            entropy,
        }
    }

    /// Carries messages out.
    pub fn courier(&self) -> Arc<TwitchCourier> {
        Arc::new(TwitchCourier::new(Arc::clone(&self.api)))
    }

    /// Hears what happens, over WebSockets.
    pub fn listener(&self) -> Arc<TwitchListener> {
        let entropy = Arc::clone(&self.entropy);
        Arc::new(TwitchListener::new(Arc::clone(&self.api), entropy))
    }

    /// Hears what happens, over requests that Twitch makes.
    pub fn webhook(&self) -> Arc<TwitchWebhook> {
        Arc::new(TwitchWebhook::new(Arc::clone(&self.api)))
    }

    /// Connects channels.
    pub fn connector(&self) -> Arc<TwitchConnector> {
        Arc::new(TwitchConnector::new(Arc::clone(&self.api)))
    }

    /// Reads and writes stream schedules.
    pub fn schedule(&self) -> Arc<TwitchSchedule> {
        Arc::new(TwitchSchedule::new(Arc::clone(&self.api)))
    }
}
