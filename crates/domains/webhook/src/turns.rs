//! How many calls may be under way in this process: of one webhook, of one community, and of those
//! receivers together that were slow last, so that they keep no others waiting. Pure bookkeeping.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{CommunityId, Timestamp, WebhookId};

/// Calls of one webhook at a time; one that was slow last has one.
const PER_WEBHOOK: usize = 4;
/// Calls of one community at a time.
const PER_COMMUNITY: usize = 16;
/// A receiver that takes longer is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(5);
/// Who finds no place comes again after so long at least …
const WAIT_MIN: Duration = Duration::from_millis(250);
/// … and at most; the more wait for one webhook, the later.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How far apart those come again who wait for one webhook.
const STEP: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Load {
    flying: usize,
    is_slow: bool,
    /// When the last of those who wait comes again.
    line: Timestamp,
}

#[derive(Debug, Default)]
struct Loads {
    webhooks: HashMap<WebhookId, Load>,
    communities: HashMap<CommunityId, usize>,
    n_slow: usize,
}

/// The places. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    loads: Arc<Mutex<Loads>>,
    slow_max: usize,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    webhook: WebhookId,
    community: CommunityId,
    was_slow: bool,
    /// Whether the receiver is slow now; as before unless it is said.
    is_slow: bool,
}

impl Turns {
    /// For so many calls at a time, of which slow receivers may have a half.
    pub(crate) fn new(at_a_time: usize) -> Self {
        Self {
            loads: Arc::default(),
            slow_max: at_a_time / 2,
        }
    }

    fn loads(&self) -> MutexGuard<'_, Loads> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place now, or after how long to ask again.
    pub(crate) fn take(
        &self,
        webhook: WebhookId,
        community: CommunityId,
        now: Timestamp,
    ) -> Result<Turn, Duration> {
        let mut loads = self.loads();
        let loads = &mut *loads;
        let load = loads.webhooks.entry(webhook).or_default();
        let here = loads.communities.entry(community).or_default();
        let per_webhook = if load.is_slow { 1 } else { PER_WEBHOOK };
        let is_full = load.flying >= per_webhook
            || *here >= PER_COMMUNITY
            || load.is_slow && loads.n_slow >= self.slow_max;
        if is_full {
            let at = load.line.max(now.plus(WAIT_MIN)).plus(STEP);
            load.line = at.min(now.plus(WAIT_MAX));
            return Err(load.line.since(now));
        }
        load.flying += 1;
        *here += 1;
        loads.n_slow += usize::from(load.is_slow);
        Ok(Turn {
            turns: self.clone(),
            webhook,
            community,
            was_slow: load.is_slow,
            is_slow: load.is_slow,
        })
    }
}

impl Turn {
    /// Says how the call went.
    pub(crate) const fn was(&mut self, is_slow: bool) {
        self.is_slow = is_slow;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut loads = self.turns.loads();
        loads.n_slow = loads.n_slow.saturating_sub(usize::from(self.was_slow));
        if let Some(load) = loads.webhooks.get_mut(&self.webhook) {
            load.flying = load.flying.saturating_sub(1);
            load.is_slow = self.is_slow;
            if load.flying == 0 && !load.is_slow {
                loads.webhooks.remove(&self.webhook);
            }
        }
        if let Some(here) = loads.communities.get_mut(&self.community) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                loads.communities.remove(&self.community);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn take(turns: &Turns, webhook: i32, community: i32) -> Result<Turn, Duration> {
        turns.take(WebhookId(webhook), CommunityId(community), NOW)
    }

    #[test]
    fn a_webhook_has_four_places_and_those_who_wait_come_one_after_another() {
        let turns = Turns::new(64);
        let held: Vec<Turn> = (0..4).map(|_| take(&turns, 1, 1).unwrap()).collect();
        let waits: Vec<Duration> = (0..3).map(|_| take(&turns, 1, 1).unwrap_err()).collect();
        assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
        assert!(waits[0] >= WAIT_MIN);
        for _ in 0..10_000 {
            assert!(take(&turns, 1, 1).unwrap_err() <= WAIT_MAX);
        }
        take(&turns, 2, 1).unwrap();
        drop(held);
        assert_eq!(turns.loads().webhooks.len(), 0, "nothing is left behind");
        assert_eq!(turns.loads().communities.len(), 0);
        take(&turns, 1, 1).unwrap();
    }

    #[test]
    fn a_community_has_sixteen_places_and_its_neighbour_as_many() {
        let turns = Turns::new(64);
        let held: Vec<Turn> = (0..16).map(|n| take(&turns, n, 1).unwrap()).collect();
        assert!(take(&turns, 17, 1).is_err());
        take(&turns, 18, 2).unwrap();
        drop(held);
        take(&turns, 17, 1).unwrap();
    }

    #[test]
    fn slow_receivers_have_one_place_each_and_half_of_all_together() {
        let turns = Turns::new(8);
        for webhook in 0..10 {
            take(&turns, webhook, webhook).unwrap().was(true);
        }
        let held: Vec<Turn> = (0..4).map(|n| take(&turns, n, n).unwrap()).collect();
        assert!(take(&turns, 0, 0).is_err(), "one place");
        assert!(take(&turns, 5, 5).is_err(), "half of all");
        take(&turns, 11, 11).unwrap();
        for mut turn in held {
            turn.was(false);
        }
        let again: Vec<_> = (0..4).map(|_| take(&turns, 0, 0).unwrap()).collect();
        assert_eq!(again.len(), 4, "who is quick again has all places");
        assert_eq!(turns.loads().n_slow, 0);
    }
}
