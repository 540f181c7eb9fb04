//! Brings events, presses and slash commands to the app: over sockets, or posted to its address.
//! What is not acknowledged comes again. Kinder than Slack in one thing: while no socket is open,
//! up to 10,000 wait for the next.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{Shared, push, respond, schedule};

/// Envelopes that wait, and that are under way.
const WAITING_MAX: usize = 10_000;
/// Tries after the first.
const RETRIES_MAX: u32 = 3;
/// How often late envelopes are looked for.
const TICK: Duration = Duration::from_millis(25);

/// Something for the app.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub(super) id: String,
    /// `events_api`, `interactive`, `slash_commands`
    pub(super) kind: &'static str,
    pub(super) payload: Value,
    /// 0 for the first try.
    pub(super) attempt: u32,
    pub(super) reason: &'static str,
}

/// What a socket is told.
#[derive(Debug)]
pub(super) enum Frame {
    /// This text.
    Text(String),
    /// Close as one should.
    Close,
    /// Break the connection without a word.
    Cut,
}

#[derive(Debug)]
struct Socket {
    id: u64,
    frames: mpsc::Sender<Frame>,
    /// It was told to leave: others are preferred.
    is_leaving: bool,
}

#[derive(Debug)]
struct UnderWay {
    envelope: Envelope,
    socket: u64,
    since: Instant,
}

/// The line to the app.
#[derive(Debug, Default)]
pub(super) struct Line {
    sockets: Vec<Socket>,
    waiting: VecDeque<Envelope>,
    under_way: HashMap<String, UnderWay>,
    /// Held back so that it comes late, and since when.
    held: Option<(Envelope, Instant)>,
    /// Addresses of sockets that were given out, each good once.
    pub(super) tickets: HashSet<String>,
    turn: usize,
    n_events: u32,
    /// Envelopes nobody ever acknowledged.
    pub(super) n_given_up: u64,
    /// Envelopes that were acknowledged.
    pub(super) n_acknowledged: u64,
}

impl Line {
    pub(super) fn n_sockets(&self) -> usize {
        self.sockets.len()
    }

    /// A new socket; what waited goes to it.
    pub(super) fn opened(&mut self, id: u64, frames: mpsc::Sender<Frame>) {
        self.sockets.push(Socket {
            id,
            frames,
            is_leaving: false,
        });
        for envelope in std::mem::take(&mut self.waiting) {
            self.send(envelope);
        }
    }

    /// A socket is no more; what was under way on it goes elsewhere.
    pub(super) fn closed(&mut self, id: u64) {
        self.sockets.retain(|socket| socket.id != id);
        let lost: Vec<String> = self
            .under_way
            .iter()
            .filter(|(_, one)| one.socket == id)
            .map(|(key, _)| key.clone())
            .collect();
        let mut again: Vec<Envelope> = lost
            .iter()
            .filter_map(|key| Some(self.under_way.remove(key)?.envelope))
            .collect();
        again.sort_by(|a, b| a.id.cmp(&b.id));
        for mut envelope in again {
            envelope.attempt += 1;
            envelope.reason = "connection_closed";
            self.send(envelope);
        }
    }

    /// Sends over one of the sockets, by turns.
    fn send(&mut self, envelope: Envelope) {
        let staying = self.sockets.iter().any(|socket| !socket.is_leaving);
        let mut tries = self.sockets.len();
        while tries > 0 {
            tries -= 1;
            self.turn = self.turn.wrapping_add(1);
            let at = self.turn % self.sockets.len();
            let Some(socket) = self.sockets.get(at) else {
                break;
            };
            if staying && socket.is_leaving {
                continue;
            }
            let frame = json!({
                "envelope_id": envelope.id,
                "type": envelope.kind,
                "accepts_response_payload": envelope.kind != "events_api",
                "payload": envelope.payload,
                "retry_attempt": envelope.attempt,
                "retry_reason": envelope.reason,
            });
            if socket
                .frames
                .try_send(Frame::Text(frame.to_string()))
                .is_ok()
            {
                let under_way = UnderWay {
                    socket: socket.id,
                    since: Instant::now(),
                    envelope,
                };
                self.under_way
                    .insert(under_way.envelope.id.clone(), under_way);
                return;
            }
        }
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
            self.n_given_up += 1;
        }
        self.waiting.push_back(envelope);
    }

    /// Tells every socket something.
    fn tell(&self, frame: impl Fn() -> Frame) {
        for socket in &self.sockets {
            // A socket that is gone is being removed already.
            let _ = socket.frames.try_send(frame());
        }
    }
}

/// Breaks every connection at once.
pub(super) fn cut(shared: &Shared) -> usize {
    let state = shared.state();
    state.line.tell(|| Frame::Cut);
    state.line.n_sockets()
}

/// Asks every socket to be replaced, and closes it a while later.
pub(super) fn refresh(shared: &Arc<Shared>) {
    let message = |reason: &str| {
        json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulator"}})
            .to_string()
    };
    let leaving: Vec<mpsc::Sender<Frame>> = {
        let mut state = shared.state();
        for socket in &mut state.line.sockets {
            socket.is_leaving = true;
        }
        state.line.tell(|| Frame::Text(message("warning")));
        let sockets = &state.line.sockets;
        sockets.iter().map(|socket| socket.frames.clone()).collect()
    };
    let after = shared.options.warning;
    let last = message("refresh_requested");
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        for frames in leaving {
            // Those that left before are gone, which is what was asked.
            let _ = frames.send(Frame::Text(last.clone())).await;
            let _ = frames.send(Frame::Close).await;
        }
    });
}

/// Brings something to the app, badly if that was asked for.
pub(super) fn deliver(shared: &Arc<Shared>, kind: &'static str, payload: Value) {
    let mut now: Vec<Envelope> = Vec::new();
    {
        let mut state = shared.state();
        let n = state.number();
        let noise = state.noise;
        let line = &mut state.line;
        let envelope = Envelope {
            id: format!("envelope-{n:012}"),
            kind,
            payload,
            attempt: 0,
            reason: "",
        };
        let held = line.held.take().map(|(envelope, _)| envelope);
        if kind == "events_api" {
            line.n_events = line.n_events.wrapping_add(1);
        }
        let hits =
            |every: u32| every > 0 && kind == "events_api" && line.n_events.is_multiple_of(every);
        let is_twice = hits(noise.twice_every);
        if hits(noise.late_every) {
            line.held = Some((envelope, Instant::now()));
        } else {
            if is_twice {
                let mut twin = envelope.clone();
                twin.id.push_str("-again");
                twin.attempt = 1;
                twin.reason = "timeout";
                now.push(twin);
            }
            now.push(envelope);
        }
        now.extend(held);
    }
    for envelope in now {
        go(shared, envelope);
    }
}

fn go(shared: &Arc<Shared>, envelope: Envelope) {
    if shared.options.request_url.is_some() {
        tokio::spawn(push::push(Arc::clone(shared), envelope));
    } else {
        shared.state().line.send(envelope);
    }
}

/// The app acknowledged; with something to say, perhaps.
pub(super) fn acknowledged(shared: &Arc<Shared>, id: &str, payload: Option<&Value>) {
    let envelope = {
        let mut state = shared.state();
        let Some(done) = state.line.under_way.remove(id) else {
            return;
        };
        state.line.n_acknowledged += 1;
        done.envelope
    };
    shared.changed.notify_waiters();
    answered(shared, &envelope, payload);
}

/// What came back with an acknowledgement is said.
pub(super) fn answered(shared: &Arc<Shared>, envelope: &Envelope, payload: Option<&Value>) {
    let Some(payload) =
        payload.filter(|payload| payload.get("text").is_some() || payload.get("blocks").is_some())
    else {
        return;
    };
    let url = envelope.payload.get("response_url").and_then(Value::as_str);
    if let Some(key) = url.and_then(|url| url.strip_prefix(shared.url())) {
        // An answer that is not in order is not shown; Slack does not say so either.
        let _ = respond::say(shared, key, payload);
    }
}

/// Looks again and again for what was not acknowledged in time, and for scheduled messages.
pub(super) async fn redeliver(shared: Weak<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        schedule::due(&shared);
        let held = {
            let mut state = shared.state();
            let is_late = state
                .line
                .held
                .as_ref()
                .is_some_and(|(_, since)| since.elapsed() > TICK * 4);
            if is_late {
                state.line.held.take()
            } else {
                None
            }
        };
        if let Some((envelope, _)) = held {
            go(&shared, envelope);
        }
        let patience = shared.options.acknowledge_within;
        let mut state = shared.state();
        let line = &mut state.line;
        let late: Vec<String> = line
            .under_way
            .iter()
            .filter(|(_, one)| one.since.elapsed() >= patience)
            .map(|(key, _)| key.clone())
            .collect();
        for key in late {
            let Some(one) = line.under_way.remove(&key) else {
                continue;
            };
            let mut envelope = one.envelope;
            if envelope.attempt >= RETRIES_MAX {
                line.n_given_up += 1;
                continue;
            }
            envelope.attempt += 1;
            envelope.reason = "timeout";
            line.send(envelope);
        }
    }
}
