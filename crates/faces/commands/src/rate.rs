//! How many commands one person may give in a minute, whatever they are. In memory and bounded,
//! like cooldowns.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{Timestamp, UserId};

/// How many commands a person may give within [`WINDOW`].
pub(crate) const COMMANDS_MAX: usize = 60;
/// The time over which commands are counted.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// How many people are remembered.
const PEOPLE_MAX: usize = 10_000;

/// What people have given lately.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    times: HashMap<UserId, VecDeque<Timestamp>>,
    swept_at: Timestamp,
}

impl Rates {
    /// Counts a command of a person; whether it is still within what one may give.
    pub(crate) fn take(&self, user: UserId, now: Timestamp) -> bool {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.minus(WINDOW);
        if given.times.len() >= PEOPLE_MAX && now.since(given.swept_at) >= Duration::from_secs(1) {
            let is_recent =
                |times: &VecDeque<Timestamp>| times.back().is_some_and(|at| *at > since);
            given.times.retain(|_, times| is_recent(times));
            given.swept_at = now;
        }
        if given.times.len() >= PEOPLE_MAX && !given.times.contains_key(&user) {
            return true;
        }
        let times = given.times.entry(user).or_default();
        while times.front().is_some_and(|at| *at <= since) {
            times.pop_front();
        }
        if times.len() >= COMMANDS_MAX {
            return false;
        }
        times.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Timestamp, UserId};

    use super::{COMMANDS_MAX, PEOPLE_MAX, Rates};

    #[test]
    fn sixty_commands_fit_into_any_sixty_seconds() {
        let rates = Rates::default();
        let at = Timestamp::from_secs;
        for n in 0..60 {
            assert!(rates.take(UserId(1), at(100 + n / 2)));
        }
        assert!(!rates.take(UserId(1), at(129)));
        assert!(rates.take(UserId(2), at(129)), "somebody else");
        assert!(!rates.take(UserId(1), at(159)));
        assert!(
            rates.take(UserId(1), at(160)),
            "the first two are a minute ago"
        );
        assert!(rates.take(UserId(1), at(160)));
        assert!(!rates.take(UserId(1), at(160)));
        assert_eq!(COMMANDS_MAX, 60);
    }

    #[test]
    fn the_people_remembered_are_bounded() {
        let rates = Rates::default();
        let n = i32::try_from(PEOPLE_MAX).unwrap();
        for user in 0..n + 100 {
            assert!(rates.take(UserId(user), Timestamp::from_secs(100)));
        }
        assert_eq!(rates.0.lock().unwrap().times.len(), PEOPLE_MAX);
        assert!(rates.take(UserId(-1), Timestamp::from_secs(200)));
        assert_eq!(rates.0.lock().unwrap().times.len(), 1);
    }
}
