//! Who must wait before a command answers again. In memory: a restart forgets, and each process
//! remembers for itself. Bounded: if more are waiting than can be remembered, the newest are not.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{CommunityId, Platform, Timestamp, UserId};

/// How many waits are remembered.
const WAITS_MAX: usize = 100_000;

/// Who waits for what.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Wait {
    /// A person, for a command of a community.
    User(CommunityId, String, UserId),
    /// A channel, for a command of a community.
    Channel(CommunityId, String, Platform, String),
}

/// The waits of this process.
#[derive(Debug, Default)]
pub(crate) struct Cooldowns(Mutex<Waits>);

#[derive(Debug, Default)]
struct Waits {
    until: HashMap<Wait, Timestamp>,
    swept_at: Timestamp,
}

impl Cooldowns {
    /// Begins waits of so many seconds, all or none: if one of them is not over, how long it still
    /// takes.
    pub(crate) fn begin(&self, now: Timestamp, waits: Vec<(Wait, u32)>) -> Result<(), Duration> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = waits
            .iter()
            .filter_map(|(wait, _)| held.until.get(wait))
            .map(|until| until.since(now))
            .max()
            .unwrap_or_default();
        if longest > Duration::ZERO {
            return Err(longest);
        }
        for (wait, secs) in waits.into_iter().filter(|(_, secs)| *secs > 0) {
            held.sweep(now);
            if held.until.len() < WAITS_MAX || held.until.contains_key(&wait) {
                let until = now.plus(Duration::from_secs(u64::from(secs)));
                held.until.insert(wait, until);
            }
        }
        Ok(())
    }
}

impl Waits {
    /// Forgets what is over, at most once a second, when half of the room is taken.
    fn sweep(&mut self, now: Timestamp) {
        let is_due = now.since(self.swept_at) >= Duration::from_secs(1);
        if self.until.len() >= WAITS_MAX / 2 && is_due {
            self.until.retain(|_, until| *until > now);
            self.swept_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{CommunityId, Platform, Timestamp, UserId};

    use super::{Cooldowns, WAITS_MAX, Wait};

    fn user(n: i32) -> Wait {
        Wait::User(CommunityId(1), "ping".into(), UserId(n))
    }

    fn channel(name: &str) -> Wait {
        Wait::Channel(CommunityId(1), "ping".into(), Platform::Twitch, name.into())
    }

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_wait_holds_for_its_seconds_and_a_refused_use_begins_nothing() {
        let cooldowns = Cooldowns::default();
        assert_eq!(cooldowns.begin(at(0), vec![(user(1), 5)]), Ok(()));
        let both = || vec![(user(1), 5), (channel("pond"), 60)];
        assert_eq!(cooldowns.begin(at(3), both()), Err(Duration::from_secs(2)));
        assert_eq!(
            cooldowns.begin(at(3), vec![(channel("pond"), 60)]),
            Ok(()),
            "nothing was begun by the refused use"
        );
        assert_eq!(
            cooldowns.begin(at(5), both()),
            Err(Duration::from_secs(58)),
            "the longest counts"
        );
        assert_eq!(cooldowns.begin(at(5), vec![(user(1), 5)]), Ok(()));
        assert_eq!(cooldowns.begin(at(5), vec![(user(2), 5)]), Ok(()));
        assert_eq!(cooldowns.begin(at(63), both()), Ok(()));
    }

    #[test]
    fn no_seconds_are_no_wait() {
        let cooldowns = Cooldowns::default();
        for _ in 0..3 {
            assert_eq!(cooldowns.begin(at(0), vec![(user(1), 0)]), Ok(()));
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_makes_room() {
        let cooldowns = Cooldowns::default();
        let n = i32::try_from(WAITS_MAX).unwrap();
        for person in 0..n + 10 {
            assert_eq!(cooldowns.begin(at(0), vec![(user(person), 10)]), Ok(()));
        }
        assert_eq!(cooldowns.0.lock().unwrap().until.len(), WAITS_MAX);
        assert!(cooldowns.begin(at(9), vec![(user(1), 10)]).is_err());
        assert_eq!(cooldowns.begin(at(10), vec![(user(n + 50), 10)]), Ok(()));
        assert_eq!(cooldowns.0.lock().unwrap().until.len(), 1);
    }
}
