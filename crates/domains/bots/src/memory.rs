//! What a process remembers of accounts that spoke lately, so that whoever goes on talking is not read from the database again.
//!
//! Invariants: what is remembered is what the database holds. Whatever changes a state raises the turn of its community in the same unit
//! of work (`bot_scene.turn`), and only what was remembered where the database is counts ([`Mark`]). Nothing is remembered of a unit
//! of work before it is committed. Bounded by bytes: [`BYTES_MAX`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::CommunityId;
use moka::{future::Cache, policy::EvictionPolicy};

use crate::{
    features::State,
    store::{scene::Mark, state::Seat},
};

/// How much is remembered, in bytes of stored states: some four thousand accounts that say much, many more that say little.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What one costs besides.
const BESIDES: usize = 128;
/// Who said nothing for so long is forgotten.
const IDLE: Duration = Duration::from_hours(1);

/// Which of the things that were remembered of a community belong together.
type Epoch = u64;

/// States by seat, in two steps: where a community is remembered, and the state with the epoch in which it counts.
#[derive(Clone)]
pub(crate) struct Memory {
    places: Arc<Mutex<HashMap<CommunityId, Place>>>,
    epochs: Arc<AtomicU64>,
    states: Cache<Seat, (Epoch, Arc<State>)>,
}

/// A community as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    mark: Mark,
    epoch: Epoch,
}

/// What is to be remembered once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Of each community the mark that was read, and the one that was written.
    pub(crate) marks: BTreeMap<CommunityId, (Mark, Mark)>,
    /// What changed or was read.
    pub(crate) states: Vec<(Seat, State)>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::holding(BYTES_MAX)
    }
}

impl Memory {
    fn holding(bytes: u64) -> Self {
        let states = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, (_, state): &(Epoch, Arc<State>)| {
                u32::try_from(state.stored_bytes() + BESIDES).unwrap_or(u32::MAX)
            })
            // Whoever spoke last speaks next, however often somebody else did.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        Self {
            places: Arc::default(),
            epochs: Arc::default(),
            states,
        }
    }

    /// The epoch of a community where the database is: what was remembered elsewhere is forgotten. `None` for who asks from behind.
    fn epoch(&self, community: CommunityId, mark: Mark) -> Option<Epoch> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.get(&community) {
            if known.mark == mark {
                return Some(known.epoch);
            }
            if known.mark.turn > mark.turn {
                return None;
            }
        }
        let epoch = self.epochs.fetch_add(1, Ordering::Relaxed);
        places.insert(community, Place { mark, epoch });
        Some(epoch)
    }

    /// What is remembered of an account, where the states of its community are there by the database.
    pub(crate) async fn state(&self, seat: Seat, mark: Mark) -> Option<Arc<State>> {
        let epoch = self.epoch(seat.0, mark)?;
        let (of, state) = self.states.get(&seat).await?;
        (of == epoch).then_some(state)
    }

    /// Remembers what was committed. Where somebody else wrote meanwhile it is left.
    pub(crate) async fn learn(&self, learned: Learned) {
        let epochs: HashMap<CommunityId, Epoch> = learned
            .marks
            .iter()
            .filter_map(|(community, (read, _))| {
                let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                let place = places.get(community).filter(|place| place.mark == *read)?;
                Some((*community, place.epoch))
            })
            .collect();
        // States before marks: until then the database is further than what is remembered, and nothing of it counts.
        for (seat, state) in learned.states {
            if let Some(epoch) = epochs.get(&seat.0) {
                self.states.insert(seat, (*epoch, Arc::new(state))).await;
            }
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (community, (read, written)) in learned.marks {
            let epoch = epochs.get(&community);
            let place = places.get_mut(&community);
            let same = place.filter(|place| place.mark == read && Some(&place.epoch) == epoch);
            if let Some(place) = same {
                place.mark = written;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::{AccountId, CommunityId, MessageId, Timestamp};

    use super::{Learned, Mark, Memory};
    use crate::features::{Digest, Message, State};

    const POND: CommunityId = CommunityId(1);
    const LAKE: CommunityId = CommunityId(2);
    const ANN: AccountId = AccountId(7);
    const BOB: AccountId = AccountId(8);

    /// Of somebody who said so much.
    fn state(messages: i64) -> State {
        let mut state = State::new();
        for n in 0..messages {
            state.observe(&Digest::alone(&Message {
                text: "quack",
                sent_at: Timestamp::from_secs(1_700_000_000 + n * 60),
                channel: 1,
                n_mentions: 0,
                n_embeds: 0,
                is_reply: false,
            }));
        }
        state
    }

    fn at(turn: i64) -> Mark {
        Mark {
            turn,
            seen: MessageId(turn * 10),
        }
    }

    fn learned((read, written): (i64, i64), accounts: &[(AccountId, i64)]) -> Learned {
        let states = accounts.iter().map(|(id, n)| ((POND, *id), state(*n)));
        Learned {
            marks: [(POND, (at(read), at(written)))].into(),
            states: states.collect(),
        }
    }

    async fn messages(memory: &Memory, account: AccountId, turn: i64) -> Option<u32> {
        let known = memory.state((POND, account), at(turn)).await;
        known.map(|state| state.total())
    }

    #[tokio::test]
    async fn what_was_committed_counts_in_its_turn_and_in_no_other() {
        let memory = Memory::default();
        assert_eq!(messages(&memory, ANN, 4).await, None);
        memory.learn(learned((4, 5), &[(ANN, 3), (BOB, 9)])).await;
        assert_eq!(messages(&memory, ANN, 5).await, Some(3));
        // Of the same community, another account: what was remembered of the first one still counts.
        memory.learn(learned((5, 6), &[(BOB, 10)])).await;
        assert_eq!(messages(&memory, ANN, 6).await, Some(3));
        assert_eq!(messages(&memory, BOB, 6).await, Some(10));
        assert!(memory.state((LAKE, ANN), at(6)).await.is_none());
        // Somebody else wrote: nothing counts, and not when the numbers meet again either.
        assert_eq!(messages(&memory, ANN, 7).await, None);
        assert_eq!(messages(&memory, ANN, 6).await, None);
        memory.learn(learned((7, 8), &[(BOB, 11)])).await;
        assert_eq!(messages(&memory, ANN, 8).await, None);
        assert_eq!(messages(&memory, BOB, 8).await, Some(11));
        // Who asks from behind learns nothing, and costs nobody else what is remembered.
        assert_eq!(messages(&memory, BOB, 7).await, None);
        assert_eq!(messages(&memory, BOB, 8).await, Some(11));
        // A process that knows no turns went on.
        let further = Mark {
            seen: MessageId(90),
            ..at(8)
        };
        assert!(memory.state((POND, BOB), further).await.is_none());
    }

    #[tokio::test]
    async fn who_learns_late_is_not_believed() {
        let memory = Memory::default();
        assert_eq!(messages(&memory, ANN, 4).await, None);
        // One follower read turn 4 and committed turn 5; before it says so another one read turn 5 and committed turn 6.
        assert_eq!(messages(&memory, ANN, 5).await, None);
        memory.learn(learned((5, 6), &[(ANN, 8)])).await;
        memory.learn(learned((4, 5), &[(ANN, 3), (BOB, 3)])).await;
        assert_eq!(messages(&memory, ANN, 6).await, Some(8));
        assert_eq!(messages(&memory, BOB, 6).await, None);
    }

    #[tokio::test]
    async fn it_holds_so_much_and_no_more() {
        let most = 64 * 1024;
        let memory = Memory::holding(most);
        assert_eq!(messages(&memory, ANN, 0).await, None);
        let full = state(60);
        let states = (0..200).map(|id| ((POND, AccountId(id)), full.clone()));
        let marks = [(POND, (at(0), at(1)))].into();
        let states = states.collect();
        memory.learn(Learned { marks, states }).await;
        memory.states.run_pending_tasks().await;
        let n = memory.states.entry_count();
        let each = u64::try_from(full.stored_bytes()).unwrap();
        assert!(n > 10 && n * each <= most, "{n} of {each} bytes");
        let last: Option<Arc<State>> = memory.state((POND, AccountId(199)), at(1)).await;
        assert_eq!(last.as_deref(), Some(&full), "who spoke last is remembered");
    }
}
