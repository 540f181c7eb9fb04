//! What we said lately, to know it when EventSub tells it back: Twitch does not mark it, and where
//! the broadcaster's own account speaks it looks like the broadcaster. Also where the bot account
//! was seen with a moderator's badge, which raises its limit. In this process only.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Clock, Timestamp};

/// How long a message may take to come back.
const COMES_BACK: Duration = Duration::from_secs(60);
/// Messages remembered.
const KEPT_MAX: usize = 1_000;
/// Channels remembered.
const CHANNELS_MAX: usize = 10_000;

/// Ours.
pub(super) struct Own {
    clock: Arc<dyn Clock>,
    /// The account that speaks everywhere, if there is one.
    bot: Option<String>,
    said: Mutex<VecDeque<(Timestamp, String, String, String)>>,
    moderates: Mutex<BTreeSet<String>>,
}

impl Own {
    pub(super) fn new(clock: Arc<dyn Clock>, bot: Option<String>) -> Self {
        Self {
            clock,
            bot,
            said: Mutex::default(),
            moderates: Mutex::default(),
        }
    }

    /// We are about to say this.
    pub(super) fn saying(&self, server: &str, speaker: &str, text: &str) {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        while said
            .front()
            .is_some_and(|(at, ..)| now.since(*at) > COMES_BACK || said.len() >= KEPT_MAX)
        {
            said.pop_front();
        }
        said.push_back((now, server.to_owned(), speaker.to_owned(), text.to_owned()));
    }

    /// Whether this was said by us: by the bot account, or as the broadcaster, which is recognised
    /// once for each message.
    pub(super) fn is_ours(
        &self,
        server: &str,
        speaker: &str,
        text: &str,
        is_moderator: bool,
    ) -> bool {
        if self.bot.as_deref() == Some(speaker) {
            self.seen_in(server, is_moderator);
            return true;
        }
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let found = said.iter().position(|(at, place, who, what)| {
            now.since(*at) <= COMES_BACK && place == server && who == speaker && what == text
        });
        found.is_some_and(|at| said.remove(at).is_some())
    }

    /// Whether this is the account that speaks everywhere.
    pub(super) fn is_bot(&self, speaker: &str) -> bool {
        self.bot.as_deref() == Some(speaker)
    }

    /// The bot account was seen in a channel, as a moderator or not.
    fn seen_in(&self, server: &str, is_moderator: bool) {
        let mut moderates = self
            .moderates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !is_moderator {
            moderates.remove(server);
        } else if moderates.len() < CHANNELS_MAX {
            moderates.insert(server.to_owned());
        }
    }

    /// Whether the bot account is known to be a moderator of a channel.
    pub(super) fn moderates(&self, server: &str) -> bool {
        let moderates = self
            .moderates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        moderates.contains(server)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::{Clock, Timestamp};

    use super::Own;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(1)
        }
    }

    #[test]
    fn what_we_said_as_the_broadcaster_is_recognised_once() {
        let own = Own::new(Arc::new(Still), None);
        own.saying("1", "1", "pong");
        assert!(!own.is_ours("1", "1", "ping", true));
        assert!(!own.is_ours("1", "2", "pong", true));
        assert!(own.is_ours("1", "1", "pong", true));
        assert!(!own.is_ours("1", "1", "pong", true), "said by a person");
    }

    #[test]
    fn the_bot_account_is_known_and_so_is_where_it_moderates() {
        let own = Own::new(Arc::new(Still), Some("9".into()));
        assert!(own.is_ours("1", "9", "anything", true));
        assert!(own.moderates("1") && !own.moderates("2"));
        assert!(own.is_ours("1", "9", "anything", false));
        assert!(!own.moderates("1"));
    }
}
