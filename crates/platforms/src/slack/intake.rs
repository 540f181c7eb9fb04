//! What came is told to the ear in the order in which it came, once, however often Slack sends it.
//! Names are looked up for many at once; the order stays.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, PoisonError},
};

use futures_util::{StreamExt, stream::FuturesOrdered};
use kernel::{Deaf, Ear, Heard};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Core, courier::message_id, translate::Noted};

/// Keys remembered: at 30,000 events an hour (Slack's limit for one workspace) more than an hour.
const SEEN_MAX: usize = 50_000;
/// Names looked up at once.
const AT_ONCE: usize = 64;

/// What was heard already.
#[derive(Default)]
pub(super) struct Seen {
    keys: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    fn contains(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Remembers a key; what has none cannot be recognised.
    fn insert(&mut self, key: &str) {
        if key.is_empty() || !self.keys.insert(key.to_owned()) {
            return;
        }
        self.order.push_back(key.to_owned());
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// Acknowledges an envelope on the socket it came over.
#[derive(Debug)]
pub(super) struct Ack {
    pub(super) envelope: String,
    pub(super) socket: mpsc::Sender<String>,
}

impl Ack {
    fn send(self) {
        let text = serde_json::json!({ "envelope_id": self.envelope }).to_string();
        // The socket is gone: Slack sends the envelope again, over another.
        let _ = self.socket.try_send(text);
    }
}

/// Something that came over a socket.
#[derive(Debug)]
pub(super) struct Arrived {
    /// The same whenever Slack sends it again.
    pub(super) key: String,
    pub(super) noted: Noted,
    pub(super) ack: Option<Ack>,
}

impl Core {
    /// Whether this was heard already.
    pub(super) fn was_heard(&self, key: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains(key)
    }

    fn now_heard(&self, key: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(key);
    }

    /// Fills names in.
    pub(super) async fn complete(self: &Arc<Self>, heard: &mut Heard) {
        let (origin, account) = match heard {
            Heard::Event(event) => (&mut event.origin, &mut event.account),
            Heard::Interaction(asked) => (&mut asked.origin, &mut asked.account),
            Heard::Schedule(_) => return,
        };
        let team = origin.server.clone();
        tokio::join!(self.introduce(&team, account), self.locate(origin));
    }

    /// Tells the ear, or does what else is to be done.
    pub(super) async fn take(
        self: &Arc<Self>,
        key: &str,
        noted: Noted,
        ear: &Arc<dyn Ear>,
    ) -> Result<(), Deaf> {
        match noted {
            Noted::Ignored(why) => self.ignore(why),
            Noted::Gone { team, why } => self.api.is_unwell(&team, why).await,
            Noted::Heard { heard, thread } => {
                if let (Some(thread), Heard::Event(event)) = (thread, heard.as_ref()) {
                    let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                    threads.remember(&event.event_id, &thread);
                }
                ear.hear(*heard).await?;
            }
        }
        self.now_heard(key);
        Ok(())
    }

    /// Works through what arrives until it is told to stop or nobody sends any more.
    pub(super) async fn work(
        self: Arc<Self>,
        mut arrivals: mpsc::Receiver<Arrived>,
        ear: Arc<dyn Ear>,
        stop: CancellationToken,
    ) {
        let mut line = FuturesOrdered::new();
        let mut is_open = true;
        while is_open || !line.is_empty() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(Arrived { key, noted, ack }) = line.next(), if !line.is_empty() => {
                    if self.was_heard(&key) {
                        self.ignore("again");
                    } else if self.take(&key, noted, &ear).await.is_err() {
                        // Not acknowledged: whoever listens next hears it.
                        stop.cancel();
                        return;
                    }
                    if let Some(ack) = ack {
                        ack.send();
                    }
                }
                arrived = arrivals.recv(), if is_open && line.len() < AT_ONCE => match arrived {
                    Some(mut arrived) => {
                        let core = Arc::clone(&self);
                        line.push_back(async move {
                            if let Noted::Heard { heard, .. } = &mut arrived.noted
                                && !core.was_heard(&arrived.key)
                            {
                                core.complete(heard).await;
                            }
                            arrived
                        });
                    }
                    None => is_open = false,
                },
            }
        }
    }
}

/// The key of an event: the message itself where there is one, so that an event which is told twice
/// under two ids is heard once.
pub(super) fn key(event_id: &str, noted: &Noted) -> String {
    match noted {
        Noted::Heard { heard, .. } => match heard.as_ref() {
            Heard::Event(event) => event.event_id.clone(),
            Heard::Interaction(asked) => message_id(&asked.origin.server, "asked", &asked.id),
            Heard::Schedule(_) => event_id.to_owned(),
        },
        Noted::Gone { .. } | Noted::Ignored(_) => event_id.to_owned(),
    }
}
