//! Live chat: listeners are woken by the bus, or by a timer when nothing wakes them, and read what
//! is new from the database, so that no message is lost when the bus is. One reader per community
//! serves all its listeners; the more there are, the longer it gathers what is said before it tells it
//! to all. A listener that cannot keep up is told how much it missed.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use engines::Bus;
use identity::Identity;
use kernel::{Actor, Clock, CommunityId, MessageId, Permission, Platform, Timestamp};
use store::{Db, Engine, StoreError};
use tokio::sync::broadcast;
use tracing::warn;

use crate::{Activity, ActivityError, ChatMessage, store as tables};

/// How many batches a listener may lag behind before it loses the oldest.
const BUFFER: usize = 256;
/// Messages read at once.
const READ_MAX: i64 = 500;
/// On PostgreSQL, transactions may commit in another order than they took ids: the reader looks
/// back this many ids and leaves out what it has seen.
const LOOK_BACK: i64 = 200;
/// How long a listener's rights are believed before they are checked again.
const RECHECK: Duration = Duration::from_secs(1);

/// How long the reader gathers for each listener after it told all of them something: about what telling
/// costs, so that it never has less time for it than it needs.
const GATHER_EACH: Duration = Duration::from_micros(20);
/// And how long at most. Chat that is shown so much later is still live.
const GATHER_MAX: Duration = Duration::from_millis(25);
/// Not worth a timer.
const GATHER_LEAST: Duration = Duration::from_millis(1);

/// The bus topic of a community's live chat.
pub fn chat_topic(community: CommunityId) -> String {
    format!("chat:{community}")
}

/// What a listener receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveItem {
    /// New messages, oldest first.
    Messages(Vec<ChatMessage>),
    /// Messages were left out: so many batches, because the listener was too slow or came back too
    /// late. Read the recent messages again.
    Skipped(u64),
}

/// Messages that were read together, for all who listen.
#[derive(Debug)]
pub struct LiveBatch {
    /// Its number in this process: what is made of a batch can be kept under it.
    pub number: u64,
    /// The messages, oldest first.
    pub messages: Vec<ChatMessage>,
}

/// What a listener hears, without a copy made for it.
#[derive(Debug)]
pub enum Heard {
    /// What it missed before it began to listen; oldest first.
    Missed(Vec<ChatMessage>),
    /// What all hear, in order. Of the messages, those are for this listener that it
    /// [wants](LiveFeed::wants).
    Batches(Vec<Arc<LiveBatch>>),
    /// As [`LiveItem::Skipped`].
    Skipped(u64),
}

type Batch = Arc<LiveBatch>;

static NEXT_BATCH: AtomicU64 = AtomicU64::new(0);

/// The readers of the communities that have listeners.
pub(crate) struct Hub {
    db: Db,
    bus: Arc<dyn Bus>,
    poll: Duration,
    readers: Mutex<HashMap<CommunityId, broadcast::WeakSender<Batch>>>,
}

impl Hub {
    pub(crate) fn new(db: Db, bus: Arc<dyn Bus>, poll: Duration) -> Self {
        Self {
            db,
            bus,
            poll,
            readers: Mutex::default(),
        }
    }

    /// Joins the community's reader, starting one if there is none.
    async fn join(
        self: &Arc<Self>,
        community: CommunityId,
    ) -> Result<broadcast::Receiver<Batch>, StoreError> {
        if let Some(receiver) = self.existing(community) {
            return Ok(receiver);
        }
        let tail = self.tail(community).await?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|_, sender| sender.strong_count() > 0);
        if let Some(sender) = readers
            .get(&community)
            .and_then(broadcast::WeakSender::upgrade)
        {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(BUFFER);
        readers.insert(community, sender.downgrade());
        tokio::spawn(Self::read(Arc::clone(self), community, tail, sender));
        Ok(receiver)
    }

    /// Where the chat is now.
    async fn tail(&self, community: CommunityId) -> Result<Tail, StoreError> {
        let last = tables::message::last_id(self.db.read(), community).await?;
        let mut tail = Tail::new(last, self.db.engine());
        if tail.look_back > 0 {
            let rows =
                tables::message::live_after(self.db.read(), community, tail.start(), READ_MAX)
                    .await?;
            for id in rows.iter().map(tables::message::Row::id) {
                if id <= last {
                    tail.accept(id);
                }
            }
        }
        Ok(tail)
    }

    fn existing(&self, community: CommunityId) -> Option<broadcast::Receiver<Batch>> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = readers.get(&community)?.upgrade()?;
        Some(sender.subscribe())
    }

    /// Reads until nobody listens.
    async fn read(
        self: Arc<Self>,
        community: CommunityId,
        mut tail: Tail,
        sender: broadcast::Sender<Batch>,
    ) {
        let mut wake = self.bus.subscribe(&chat_topic(community)).await.ok();
        while sender.receiver_count() > 0 {
            match self.new_messages(community, &mut tail).await {
                Ok(messages) if messages.is_empty() => self.wait(&mut wake).await,
                Ok(messages) => {
                    let number = NEXT_BATCH.fetch_add(1, Ordering::Relaxed);
                    // Fails only when the last listener has just left: the loop ends then.
                    let _ = sender.send(Arc::new(LiveBatch { number, messages }));
                    gather(sender.receiver_count()).await;
                }
                Err(error) => {
                    warn!(community.id = %community, error = %error, "live chat could not be read; trying again");
                    tokio::time::sleep(self.poll).await;
                }
            }
        }
    }

    async fn wait(&self, wake: &mut Option<engines::bus::Subscription>) {
        match wake {
            // A notice, a lag and the timer all mean: look again.
            Some(subscription) => {
                let mut heard = tokio::time::timeout(self.poll, subscription.recv()).await;
                // Everything heard by now means one look.
                while matches!(heard, Ok(Some(_))) {
                    heard = tokio::time::timeout(Duration::ZERO, subscription.recv()).await;
                }
                if matches!(heard, Ok(None)) {
                    *wake = None;
                }
            }
            None => tokio::time::sleep(self.poll).await,
        }
    }

    async fn new_messages(
        &self,
        community: CommunityId,
        tail: &mut Tail,
    ) -> Result<Vec<ChatMessage>, StoreError> {
        let rows =
            tables::message::live_after(self.db.read(), community, tail.start(), READ_MAX).await?;
        let fresh = rows
            .into_iter()
            .filter(|row| tail.accept(row.id()))
            .collect();
        tables::message::with_authors(self.db.read(), fresh).await
    }
}

/// Waits a little where many listen, so that what is said meanwhile goes to them together.
async fn gather(n_listeners: usize) {
    let n_listeners = u32::try_from(n_listeners).unwrap_or(u32::MAX);
    let wait = GATHER_EACH.saturating_mul(n_listeners).min(GATHER_MAX);
    if wait >= GATHER_LEAST {
        tokio::time::sleep(wait).await;
    }
}

/// Remembers what was read.
struct Tail {
    last: MessageId,
    look_back: i64,
    seen: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Tail {
    fn new(last: MessageId, engine: Engine) -> Self {
        let look_back = if engine == Engine::Postgres {
            LOOK_BACK
        } else {
            0
        };
        Self {
            last,
            look_back,
            seen: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Where to read from.
    const fn start(&self) -> MessageId {
        MessageId(self.last.0.saturating_sub(self.look_back))
    }

    /// Whether the message is new.
    fn accept(&mut self, id: MessageId) -> bool {
        if self.look_back > 0 {
            if !self.seen.insert(id) {
                return false;
            }
            self.order.push_back(id);
            if self.order.len() > 2 * usize::try_from(self.look_back).unwrap_or(0)
                && let Some(old) = self.order.pop_front()
            {
                self.seen.remove(&old);
            }
        }
        self.last = self.last.max(id);
        true
    }
}

/// One listener of a community's chat.
pub struct LiveFeed {
    receiver: broadcast::Receiver<Batch>,
    /// What goes before anything that is still to be received.
    first: VecDeque<LiveItem>,
    in_backlog: HashSet<MessageId>,
    platform: Option<Platform>,
    community: CommunityId,
    actor: Actor,
    checked_at: Timestamp,
    identity: Identity,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for LiveFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveFeed")
            .field("community", &self.community)
            .finish_non_exhaustive()
    }
}

impl LiveFeed {
    /// Waits for the next item. `None` when the listener's right to see the chat is gone, or the
    /// program stops.
    pub async fn next(&mut self) -> Option<LiveItem> {
        Some(match self.hear(1).await? {
            Heard::Missed(messages) => LiveItem::Messages(messages),
            Heard::Skipped(n) => LiveItem::Skipped(n),
            Heard::Batches(batches) => {
                let all = batches.iter().flat_map(|batch| &batch.messages);
                LiveItem::Messages(all.filter(|m| self.wants(m)).cloned().collect())
            }
        })
    }

    /// The same without copies: a batch, and those that wait behind it as long as all have fewer than so many
    /// messages.
    pub async fn hear(&mut self, enough: usize) -> Option<Heard> {
        loop {
            match self.first.pop_front() {
                Some(LiveItem::Messages(messages)) => return Some(Heard::Missed(messages)),
                Some(LiveItem::Skipped(n)) => return Some(Heard::Skipped(n)),
                None => {}
            }
            let mut batches = match self.receiver.recv().await {
                Ok(batch) => vec![batch],
                Err(broadcast::error::RecvError::Lagged(n)) => return Some(Heard::Skipped(n)),
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            let mut n: usize = batches.iter().map(|batch| batch.messages.len()).sum();
            while n < enough {
                match self.receiver.try_recv() {
                    Ok(batch) => {
                        n += batch.messages.len();
                        batches.push(batch);
                    }
                    Err(broadcast::error::TryRecvError::Lagged(n)) => {
                        self.first.push_back(LiveItem::Skipped(n));
                        break;
                    }
                    // If it is closed, the next look says so.
                    Err(_) => break,
                }
            }
            batches.retain(|batch| batch.messages.iter().any(|m| self.wants(m)));
            if batches.is_empty() {
                continue;
            }
            if !self.still_allowed().await {
                return None;
            }
            return Some(Heard::Batches(batches));
        }
    }

    /// Whether a message of a batch is for this listener.
    pub fn wants(&self, message: &ChatMessage) -> bool {
        self.platform.is_none_or(|p| p == message.platform)
            && !self.in_backlog.contains(&message.id)
    }

    async fn still_allowed(&mut self) -> bool {
        let now = self.clock.now();
        if now.since(self.checked_at) < RECHECK {
            return true;
        }
        self.checked_at = now;
        // Boxed, so that a listener that waits keeps no room for it.
        match Box::pin(self.identity.refresh(&self.actor)).await {
            Ok(Some(actor)) => {
                self.actor = actor;
                self.actor
                    .require(Permission::ViewActivity, self.community)
                    .is_ok()
            }
            Ok(None) => false,
            Err(error) => {
                warn!(community.id = %self.community, error = %error, "a listener's rights could not be checked");
                false
            }
        }
    }
}

impl Activity {
    /// Listens to a community's live chat from now on, or from right after a message that was seen
    /// (the newest 500; [`LiveItem::Skipped`] comes first if there were more).
    pub async fn live(
        &self,
        actor: &Actor,
        community: CommunityId,
        platform: Option<Platform>,
        since: Option<MessageId>,
    ) -> Result<LiveFeed, ActivityError> {
        Self::require(actor, Permission::ViewActivity, community)?;
        // Join first, read the backlog second: what arrives in between is in both and left out once.
        let receiver = self.live.join(community).await?;
        let mut feed = LiveFeed {
            receiver,
            first: VecDeque::new(),
            in_backlog: HashSet::new(),
            platform,
            community,
            actor: actor.clone(),
            checked_at: self.clock.now(),
            identity: self.identity.clone(),
            clock: Arc::clone(&self.clock),
        };
        if let Some(since) = since {
            let mut rows =
                tables::message::newest_live_after(self.db.read(), community, since, READ_MAX + 1)
                    .await?;
            // More than one look takes: the listener is told that there is a hole.
            if i64::try_from(rows.len()).is_ok_and(|n| n > READ_MAX) {
                rows.remove(0);
                feed.first.push_back(LiveItem::Skipped(1));
            }
            feed.in_backlog = rows.iter().map(tables::message::Row::id).collect();
            let mut messages = tables::message::with_authors(self.db.read(), rows).await?;
            messages.retain(|message| platform.is_none_or(|p| p == message.platform));
            if !messages.is_empty() {
                feed.first.push_back(LiveItem::Messages(messages));
            }
        }
        Ok(feed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;
    use kernel::MessageId;
    use store::Engine;

    #[test]
    fn a_message_that_commits_late_is_still_read_once() {
        let mut tail = Tail::new(MessageId(10), Engine::Postgres);
        assert!(tail.accept(MessageId(12)));
        assert!(tail.start() < MessageId(11), "11 may still commit");
        assert!(tail.accept(MessageId(11)));
        assert!(!tail.accept(MessageId(12)) && !tail.accept(MessageId(11)));
    }

    #[test]
    fn one_writer_needs_no_look_back() {
        let mut tail = Tail::new(MessageId(10), Engine::Sqlite);
        assert!(tail.accept(MessageId(11)));
        assert_eq!(tail.start(), MessageId(11));
    }
}
