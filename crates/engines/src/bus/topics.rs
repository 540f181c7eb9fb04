//! The topics somebody in this process listens to, and the fan-out to those who do.
//!
//! A topic is here exactly as long as it has a subscription. Must never wait for a subscriber: a
//! slow one loses notices and is told so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

/// How many notices a subscriber may be behind before it loses the oldest.
pub const CAPACITY: usize = 1_024;

/// What a subscriber hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Something was published on the topic. May come twice.
    Notice {
        /// The topic.
        topic: Arc<str>,
        /// What was published.
        payload: Arc<str>,
    },
    /// Notices were lost: read the state again from the database. The number of lost notices, or 0
    /// when nobody knows it (the connection to the engine was interrupted).
    Lagged(u64),
}

#[derive(Clone)]
enum Wire {
    Notice(Arc<str>),
    Lost,
}

struct Topic {
    sender: broadcast::Sender<Wire>,
    /// Whether notices from outside arrive.
    live: watch::Sender<bool>,
    /// Whether notices may have been lost since the topic was last live.
    doubtful: bool,
}

/// All topics of one bus in this process.
pub(super) struct Topics {
    map: Mutex<HashMap<Arc<str>, Topic>>,
    changed: Notify,
    born_live: bool,
}

impl Topics {
    /// Topics which are live as soon as they exist.
    pub(super) fn in_process() -> Arc<Self> {
        Self::new(true)
    }

    /// Topics which become live when a link to an outside engine says so.
    pub(super) fn behind_a_link() -> Arc<Self> {
        Self::new(false)
    }

    fn new(born_live: bool) -> Arc<Self> {
        Arc::new(Self {
            map: Mutex::default(),
            changed: Notify::new(),
            born_live,
        })
    }

    // A panic while the lock is held leaves the map whole: every change is one insert or remove.
    fn map(&self) -> MutexGuard<'_, HashMap<Arc<str>, Topic>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to a topic; the receiver turns true when notices from outside arrive.
    pub(super) fn join(self: &Arc<Self>, name: &str) -> (Subscription, watch::Receiver<bool>) {
        let mut map = self.map();
        let name = match map.get_key_value(name) {
            Some((name, _)) => Arc::clone(name),
            None => name.into(),
        };
        let topic = map.entry(Arc::clone(&name)).or_insert_with(|| {
            self.changed.notify_one();
            Topic {
                sender: broadcast::Sender::new(CAPACITY),
                live: watch::Sender::new(self.born_live),
                doubtful: false,
            }
        });
        let subscription = Subscription {
            topic: name,
            receiver: Some(topic.sender.subscribe()),
            topics: Arc::clone(self),
        };
        (subscription, topic.live.subscribe())
    }

    /// Hands a notice to the topic's subscribers in this process.
    pub(super) fn send(&self, name: &str, payload: &str) {
        if let Some(topic) = self.map().get(name) {
            // Fails only without receivers, and then there is nobody to tell.
            let _ = topic.sender.send(Wire::Notice(payload.into()));
        }
    }

    /// Tells every subscriber of every topic to read again.
    pub(super) fn tell_all_lost(&self) {
        for topic in self.map().values() {
            let _ = topic.sender.send(Wire::Lost);
        }
    }

    /// The topics somebody listens to.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.map().keys().map(Arc::clone).collect()
    }

    /// How many topics somebody listens to.
    pub(super) fn len(&self) -> usize {
        self.map().len()
    }

    /// Waits until a topic came or went since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Notices on these topics arrive from now on; whoever may have lost some is told.
    pub(super) fn mark_live<'a>(&self, names: impl Iterator<Item = &'a Arc<str>>) {
        let mut map = self.map();
        for name in names {
            if let Some(topic) = map.get_mut(name) {
                if topic.doubtful {
                    topic.doubtful = false;
                    let _ = topic.sender.send(Wire::Lost);
                }
                topic
                    .live
                    .send_if_modified(|live| !std::mem::replace(live, true));
            }
        }
    }

    /// The link to the engine is cut: notices on all topics are being lost.
    pub(super) fn mark_all_cut(&self) {
        for topic in self.map().values_mut() {
            topic.doubtful = true;
            topic.live.send_replace(false);
        }
    }

    /// A subscriber went ahead without waiting for the link, so it may lose notices until it is there.
    pub(super) fn mark_doubtful(&self, name: &str) {
        if let Some(topic) = self.map().get_mut(name)
            && !*topic.live.borrow()
        {
            topic.doubtful = true;
        }
    }

    /// Ends every subscription.
    pub(super) fn close(&self) {
        self.map().clear();
    }

    fn leave(&self, name: &str, receiver: Option<broadcast::Receiver<Wire>>) {
        let mut map = self.map();
        drop(receiver);
        if map
            .get(name)
            .is_some_and(|topic| topic.sender.receiver_count() == 0)
        {
            map.remove(name);
            self.changed.notify_one();
        }
    }
}

/// One listener on one topic. Dropping it stops listening; the last one takes the topic along.
///
/// Holds at most [`CAPACITY`] notices; when it falls further behind, the oldest are dropped and the
/// next signal is [`Signal::Lagged`].
pub struct Subscription {
    topic: Arc<str>,
    receiver: Option<broadcast::Receiver<Wire>>,
    topics: Arc<Topics>,
}

impl Subscription {
    /// The topic listened to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The next signal; `None` when the bus is gone. Safe to cancel: nothing is lost.
    pub async fn recv(&mut self) -> Option<Signal> {
        match self.receiver.as_mut()?.recv().await {
            Ok(Wire::Notice(payload)) => Some(Signal::Notice {
                topic: Arc::clone(&self.topic),
                payload,
            }),
            Ok(Wire::Lost) => Some(Signal::Lagged(0)),
            Err(RecvError::Lagged(n)) => Some(Signal::Lagged(n)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The same as a stream, which ends when the bus is gone.
    pub fn into_stream(self) -> impl Stream<Item = Signal> + Send + 'static {
        futures_util::stream::unfold(self, |mut subscription| async move {
            let signal = subscription.recv().await?;
            Some((signal, subscription))
        })
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let receiver = self.receiver.take();
        self.topics.leave(&self.topic, receiver);
    }
}
