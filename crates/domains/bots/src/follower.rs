//! Goes through messages behind the recording of chat, so that recording neither waits for it nor fails because of it:
//! hears them, observes them, and scores who is due. Beside them through follows and raids.
//!
//! Invariants: each message is applied exactly once, however many processes follow and whenever one dies, because what
//! it changes and how far it was gone commit together; nothing is passed over, because it only goes as far as no smaller
//! id can appear any more ([0027](../../../../docs/decisions/0027-scoring-behind-recording.md)).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use ::store::{DomainEvent, StoreError, Work, job::NewJob};
use activity::Arrived;
use kernel::{Actor, CommunityId, EventId, MessageId, Timestamp};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    AlertKind, BURST, Bots, alert, channel,
    features::{BadState, State},
    hearing::{Heard, Hearing},
    listed,
    memory::Learned,
    outcome::{self, Candidate},
    scorer::Scorer,
    store::{
        alert as table_alert,
        scene::{self as table, Reached},
        state::Seat,
    },
};

/// Messages in one transaction.
pub(crate) const CHUNK: u32 = 1_000;
/// A statement of a step that takes longer, or waits so long for another, is given up: the step is tried again.
const STEP_MAX: std::time::Duration = std::time::Duration::from_mins(4);
/// How old a burst may be to be told of.
const FRESH: std::time::Duration = std::time::Duration::from_secs(3_600);
/// Scorings of which the duration is remembered.
const REMEMBERED: usize = 1_000;
/// The job that makes a community's states anew.
pub const RECOMPUTE_JOB: &str = "bots.recompute";

/// Up to where nothing can be missing any more, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    message: AtomicI64,
    event: AtomicI64,
}

impl Horizon {
    fn known(&self) -> Reached {
        Reached {
            message: MessageId(self.message.load(Ordering::Relaxed)),
            event: EventId(self.event.load(Ordering::Relaxed)),
        }
    }

    fn remember(&self, reached: Reached) {
        self.message.store(reached.message.0, Ordering::Relaxed);
        self.event.store(reached.event.0, Ordering::Relaxed);
    }
}

/// What scorings took lately, in microseconds.
pub(crate) type Latencies = Arc<Mutex<VecDeque<u32>>>;

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tick {
    /// Messages that were gone through.
    pub n_messages: u64,
    /// Accounts that were scored.
    pub n_scored: u64,
    /// Whether there is more to go through right now.
    pub is_behind: bool,
}

/// Who follows.
pub(crate) const FOLLOWER: Actor = Actor::System("bots");

impl Bots {
    /// Goes through the next messages, at most some hundreds; one step of what the program does all the time. Several
    /// processes may do it: one of them goes on, the others find nothing to do.
    pub async fn tick(&self) -> Result<Tick, StoreError> {
        let seen = table::seen(self.db.read()).await?;
        let newest = newest(self.db.read()).await?;
        if !newest.is_beyond(seen) {
            return Ok(Tick::default());
        }
        let horizon = self.horizon(seen).await?;
        if !horizon.is_beyond(seen) {
            return Ok(Tick::default());
        }
        let scorer = self.scorer().await?;
        let mut work = self.begin(&FOLLOWER).await?;
        table::end_before(&work, STEP_MAX).await?;
        // Nobody is erased or merged while it is looked at who said what.
        identity::hold_owners(&work).await?;
        if table::hold_progress(work.conn()).await? != seen {
            // Somebody else went on.
            return Ok(Tick {
                is_behind: true,
                ..Tick::default()
            });
        }
        let (after, until) = (seen.message, horizon.message);
        let messages = activity::messages_after(work.conn(), after, until, CHUNK).await?;
        let is_whole = u32::try_from(messages.len()).is_ok_and(|n| n >= CHUNK);
        let last = messages.last().filter(|_| is_whole);
        let (arrived, event) =
            arrivals(&work, (seen, horizon), last.map(|said| said.sent_at)).await?;
        let reached = Reached {
            message: last.map_or(until.max(after), |said| said.id),
            event,
        };
        let heard = Heard {
            messages: &messages,
            arrived: &arrived,
            after: seen.event,
        };
        let (n_scored, learned) = self.apply(&mut work, &scorer, heard, None).await?;
        if !table::advance(work.conn(), seen, reached, work.now()).await? {
            return Ok(Tick::default());
        }
        work.commit().await?;
        self.memory.learn(learned).await;
        Ok(Tick {
            n_messages: u64::try_from(messages.len()).unwrap_or(u64::MAX),
            n_scored,
            is_behind: newest.is_beyond(reached),
        })
    }

    /// Messages could not be gone through since an instant, for a reason: tells whoever runs the instance, once.
    pub async fn tell_stuck(&self, since: Timestamp, why: &str) -> Result<(), StoreError> {
        let mut work = self.begin(&FOLLOWER).await?;
        let minutes = work.now().since(since).as_secs() / 60;
        let words = format!("messages have not been gone through for {minutes} minutes: {why}");
        let numbers = json!({ "minutes": minutes });
        alert::raise(&mut work, AlertKind::Extraction, None, &words, numbers).await?;
        work.commit().await
    }

    /// Messages are gone through again: what [`Self::tell_stuck`] told is over.
    pub async fn tell_going(&self) -> Result<(), StoreError> {
        let mut work = self.begin(&FOLLOWER).await?;
        let now = work.now();
        table_alert::is_over(work.conn(), AlertKind::Extraction, None, now).await?;
        work.notify(alert::training_topic(), "");
        work.commit().await
    }

    /// Hears messages and writes everything that follows but how far it was gone; answers how many were scored, and what may be
    /// remembered once that is committed. Those of a community that is made anew count only for whoever does that.
    pub(crate) async fn apply(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        heard: Heard<'_>,
        rebuilds: Option<(CommunityId, bool)>,
    ) -> Result<(u64, Learned), StoreError> {
        let community = rebuilds.map(|(community, _)| community);
        let mut hearing =
            Hearing::of(work.conn(), heard, community, &self.memory, work.now()).await?;
        hearing.hear(heard);
        // Before scoring, which looks at it.
        hearing.write_links(work.conn()).await?;
        // Old messages are not scored one after the other when they are heard again.
        let due: BTreeSet<Seat> = if rebuilds.is_some() {
            BTreeSet::new()
        } else {
            let listed = listed::newcomers(work.conn(), hearing.newcomers(), work.now()).await?;
            hearing.due().into_iter().chain(listed).collect()
        };
        let silent = State::new();
        let candidates: Vec<Candidate<'_>> = due
            .iter()
            .filter_map(|seat| {
                let kept = hearing.kept(*seat);
                Some(Candidate {
                    seat: *seat,
                    state: kept.map_or(&silent, |kept| &kept.state),
                    before: kept.map(|kept| kept.row.score).unwrap_or_default(),
                    is_early: kept.is_none() || hearing.is_early(*seat),
                    hours: hearing.place(seat.0)?.scene.hours(),
                })
            })
            .collect();
        let mut took = Vec::with_capacity(candidates.len());
        let found = outcome::score(work, scorer, &candidates, &*self.clock, &mut took).await?;
        let n_scored = u64::try_from(found.len()).unwrap_or(u64::MAX);
        for (seat, score) in found {
            hearing.set_score(seat, score);
        }
        if !took.is_empty() {
            table::put_latency(work.conn(), self.slowest(&took)).await?;
        }
        tell_bursts(work, &hearing).await?;
        for (community, bad) in hearing.broken.iter() {
            make_anew(work, community, bad).await?;
        }
        if rebuilds.is_some_and(|(_, is_last)| is_last) {
            hearing.end_rebuilding();
        }
        let learned = hearing.write(work.conn()).await?;
        Ok((n_scored, learned))
    }

    /// Up to where no smaller id can appear any more. Once it is known it stays so.
    async fn horizon(&self, seen: Reached) -> Result<Reached, StoreError> {
        let known = self.horizon.known();
        if known.is_beyond(seen) {
            return Ok(known);
        }
        let work = self.begin(&FOLLOWER).await?;
        if !identity::no_batch_is_open(&work).await? {
            // Batches follow each other closely: the last resort is to wait for one.
            identity::let_batches_end(&work).await?;
        }
        let horizon = newest(work.conn()).await?;
        drop(work);
        self.horizon.remember(horizon);
        Ok(horizon)
    }

    /// What scoring took lately, at worst of a hundred, in microseconds.
    fn slowest(&self, took: &[u32]) -> u32 {
        let mut all = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.extend(took);
        let surplus = all.len().saturating_sub(REMEMBERED);
        all.drain(..surplus);
        let mut sorted: Vec<u32> = all.iter().copied().collect();
        drop(all);
        sorted.sort_unstable();
        let place = sorted.len().saturating_sub(1) * 99 / 100;
        sorted.get(place).copied().unwrap_or(0)
    }
}

/// What was recorded last.
async fn newest(conn: &impl ConnectionTrait) -> Result<Reached, StoreError> {
    Ok(Reached {
        message: activity::last_message(conn).await?,
        event: activity::last_event(conn).await?,
    })
}

/// The next arrivals, by time, and how far it is gone with them. While there are more messages than were read, only those
/// that came `before` the last of them: they are compared with who speaks in the same minutes.
async fn arrivals(
    work: &Work,
    (seen, horizon): (Reached, Reached),
    before: Option<Timestamp>,
) -> Result<(Vec<Arrived>, EventId), StoreError> {
    let (after, until) = (seen.event, horizon.event);
    if until <= after {
        return Ok((Vec::new(), after));
    }
    let mut arrived = activity::arrivals_after(work.conn(), after, until, CHUNK).await?;
    let is_all = u32::try_from(arrived.len()).is_ok_and(|n| n < CHUNK);
    let later = before.and_then(|last| arrived.iter().position(|arrived| arrived.at > last));
    if let Some(n) = later {
        arrived.truncate(n);
    }
    let last = arrived.last().map_or(after, |arrived| arrived.id);
    let reached = if is_all && later.is_none() {
        until
    } else {
        last
    };
    arrived.sort_by_key(|arrived| (arrived.at, arrived.id));
    Ok((arrived, reached))
}

/// Asks for a community to be made anew.
pub(crate) async fn enqueue_recompute(
    work: &mut Work,
    community: CommunityId,
) -> Result<(), StoreError> {
    let job = NewJob::new(RECOMPUTE_JOB, json!({ "community": community.0 }))
        .community(community)
        .unique(format!("{RECOMPUTE_JOB}:{community}"));
    work.enqueue(job).await?;
    Ok(())
}

/// What was known of a community does not read any more: has it made anew. Where it is damaged whoever runs the instance is told; what
/// an earlier version of the program wrote is nothing to see to.
pub(crate) async fn make_anew(
    work: &mut Work,
    community: CommunityId,
    bad: BadState,
) -> Result<(), StoreError> {
    match bad {
        BadState::Earlier => tracing::info!(
            community.id = %community,
            "what is known of accounts of a community is made anew from the messages: an earlier version of the program wrote it"
        ),
        BadState::Damaged => {
            let words = "what was known of accounts of a community does not read any more: it is made anew from the messages";
            let numbers = json!({ "community": community.0 });
            alert::raise(work, AlertKind::Extraction, Some(community), words, numbers).await?;
        }
    }
    enqueue_recompute(work, community).await
}

/// Tells of crowds that came just now.
async fn tell_bursts(work: &mut Work, hearing: &Hearing) -> Result<(), StoreError> {
    let now: Timestamp = work.now();
    let mut events = Vec::new();
    for (community, place) in hearing.places() {
        for (burst, at) in &place.bursts {
            if now.since(*at) > FRESH {
                continue;
            }
            events.push(DomainEvent {
                kind: BURST,
                community: Some(community),
                payload: json!({
                    "community": community.0, "crowd": burst.crowd.name(), "newcomers": burst.newcomers,
                    "usual": burst.usually(),
                }),
            });
        }
    }
    for community in events.iter().filter_map(|event| event.community) {
        work.notify(crate::case::topic(community), "");
    }
    channel::hear_crowds(work, &events).await?;
    work.emit_all(events, &[]).await
}
