//! Slack: Web API, Socket Mode or Events API, slash commands and presses, installing by OAuth. The
//! models are slack-morphism's; every request goes through our own [`crate::http::Http`] and
//! [`crate::gate::Gate`].
//!
//! Ids: a message is `team:channel:ts` everywhere outside this folder (heard, receipt, edit, answer),
//! because a time stamp alone is unique within its channel only.
//!
//! Must never: retry by itself, log or return a token, a response address or a text.

mod api;
mod connect;
mod courier;
mod intake;
mod listen;
mod methods;
mod names;
mod render;
mod settings;
mod sign_in;
mod translate;
mod webhook;
mod wire;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use kernel::{Clock, Entropy, Grants};
use tokio::sync::Notify;

pub use methods::{ScheduleError, Scheduled};
pub use settings::Settings;
pub use sign_in::SlackSignIn;

use api::Api;
use intake::Seen;
use names::Names;

use crate::http::Http;

/// The label of Slack's metrics.
const SLACK: &str = "slack";

/// Slack's adapter: [`kernel::Courier`], [`kernel::Connector`], [`crate::Listener`] and
/// [`crate::Webhook`] in one. Cheap to clone; clones are the same adapter.
#[derive(Clone)]
pub struct Slack {
    core: Arc<Core>,
}

/// What all parts share.
struct Core {
    settings: Settings,
    api: Api,
    names: Names,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    grants: Arc<dyn Grants>,
    /// What was heard already, over whichever way.
    seen: Mutex<Seen>,
    /// Why something was not heard, and how often.
    ignored: Mutex<BTreeMap<&'static str, u64>>,
    /// The direct conversation with a user of a workspace.
    directs: Mutex<HashMap<(String, String), String>>,
    /// Our bot ids, one for each workspace.
    bots: Mutex<HashSet<String>>,
    /// Messages in threads, and the message their thread hangs under.
    threads: Mutex<Threads>,
    nudged: Notify,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack").finish_non_exhaustive()
    }
}

impl Slack {
    /// An adapter that is connected to nothing yet.
    pub fn new(
        settings: Settings,
        http: Http,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let api = Api::new(
            http,
            settings.api_url.clone(),
            Arc::clone(&grants),
            Arc::clone(&clock),
        );
        Self {
            core: Arc::new(Core {
                names: Names::new(Arc::clone(&clock)),
                api,
                settings,
                clock,
                entropy,
                grants,
                seen: Mutex::default(),
                ignored: Mutex::default(),
                directs: Mutex::default(),
                bots: Mutex::default(),
                threads: Mutex::default(),
                nudged: Notify::new(),
            }),
        }
    }

    /// What was refused or not heard since the start, by reason. Also the metric
    /// `waddlebot_platform_ignored_total`.
    pub fn ignored(&self) -> BTreeMap<&'static str, u64> {
        self.core
            .ignored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Core {
    fn is_our_bot(&self, bot: &str) -> bool {
        let bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        bots.contains(bot)
    }

    /// Remembers a bot id of ours.
    fn know_bot(&self, bot: String) {
        let mut bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        if bots.len() < BOTS_MAX {
            bots.insert(bot);
        }
    }

    /// Counts something that is not heard.
    fn ignore(&self, why: &'static str) {
        let mut ignored = self.ignored.lock().unwrap_or_else(PoisonError::into_inner);
        *ignored.entry(why).or_default() += 1;
        metrics::counter!("waddlebot_platform_ignored_total", "platform" => SLACK, "why" => why)
            .increment(1);
    }
}

/// Bot ids remembered: one for each workspace.
const BOTS_MAX: usize = 100_000;
/// Threads remembered; older ones are forgotten, and an answer then hangs under the message itself.
const THREADS_MAX: usize = 20_000;

/// Which message a thread hangs under, by the messages in it.
#[derive(Default)]
struct Threads {
    parents: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Threads {
    fn remember(&mut self, message: &str, parent: &str) {
        if self
            .parents
            .insert(message.to_owned(), parent.to_owned())
            .is_some()
        {
            return;
        }
        self.order.push_back(message.to_owned());
        if self.order.len() > THREADS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.parents.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
