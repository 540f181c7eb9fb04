//! EventSub over WebSocket («Getting events using WebSockets»): welcome, keepalive, notifications,
//! moving to another address, and the close codes 4000 to 4007.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    Router,
    extract::{
        Query, State as Extract,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::get,
};
use bytes::Bytes;
use kernel::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    Delivery, Shared,
    emit::push,
    state::{KEPT_MAX, Out, Session, State},
};

/// Frames that wait for a slow reader.
const QUEUE: usize = 8_192;
/// How long frames are gathered to be sent in the opposite order.
const GATHER: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Asked {
    /// The session to take over.
    resume: Option<String>,
    keepalive_timeout_seconds: Option<u64>,
}

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/ws", get(open))
}

async fn open(
    Extract(shared): Extract<Arc<Shared>>,
    Query(asked): Query<Asked>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        Connection::run(shared, socket, asked).await;
    })
}

struct Connection {
    shared: Arc<Shared>,
    number: u64,
    session: String,
    keepalive: Duration,
}

impl Connection {
    async fn run(shared: Arc<Shared>, mut socket: WebSocket, asked: Asked) {
        let (out, mut queue) = mpsc::channel(QUEUE);
        let cut = CancellationToken::new();
        let keepalive = asked
            .keepalive_timeout_seconds
            .map_or(shared.options.keepalive, |secs| {
                Duration::from_secs(secs.clamp(10, 600))
            });
        let opened = open_session(&shared, asked.resume, out, &cut);
        let Some((number, session, connected_at, welcome_id)) = opened else {
            let reason = close(4007, "invalid reconnect");
            let _ = socket.send(reason).await;
            return;
        };
        let connection = Self {
            shared,
            number,
            session,
            keepalive,
        };
        let welcome = json!({
            "metadata": {
                "message_id": welcome_id,
                "message_type": "session_welcome",
                "message_timestamp": connected_at.to_string(),
            },
            "payload": { "session": {
                "id": connection.session,
                "status": "connected",
                "connected_at": connected_at.to_string(),
                "keepalive_timeout_seconds": connection.keepalive.as_secs().max(1),
                "reconnect_url": null,
                "recovery_url": null,
            }},
        });
        // Before the welcome: whoever reads it may leave the old connection at once. What happens from
        // here on waits in the queue until the welcome is written.
        connection.take_over();
        let welcomed = socket.send(Message::Text(welcome.to_string().into())).await;
        if welcomed.is_ok() {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = connection.serve(&mut socket, &mut queue) => {}
            }
        }
        // Before the other side can notice.
        connection.ended();
        drop(socket);
        connection.shared.touch();
    }

    async fn serve(&self, socket: &mut WebSocket, queue: &mut mpsc::Receiver<Out>) {
        let unused = Instant::now() + self.shared.options.unused;
        let mut silent = Instant::now() + self.keepalive;
        let mut is_used = false;
        let mut is_replaced = false;
        let mut leave = unused;
        loop {
            tokio::select! {
                biased;
                next = queue.recv(), if !is_replaced => {
                    let Some(next) = next else {
                        // Another connection took over; the client is to close this one.
                        is_replaced = true;
                        leave = Instant::now() + self.shared.options.reconnect_grace;
                        continue;
                    };
                    let Ok(()) = self.write(socket, queue, next).await else { return };
                    silent = Instant::now() + self.keepalive;
                }
                came = socket.recv() => match came {
                    Some(Ok(Message::Pong(payload))) => self.acknowledge(&payload),
                    Some(Ok(Message::Ping(_))) => {}
                    Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                        let _ = socket.send(close(4001, "client sent inbound traffic")).await;
                        return;
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                () = tokio::time::sleep_until(silent), if !is_replaced => {
                    let id = self.shared.state().ids.uuid();
                    let text = json!({
                        "metadata": {
                            "message_id": id,
                            "message_type": "session_keepalive",
                            "message_timestamp": self.shared.options.clock.now().to_string(),
                        },
                        "payload": {},
                    });
                    if socket.send(Message::Text(text.to_string().into())).await.is_err() {
                        return;
                    }
                    silent = Instant::now() + self.keepalive;
                }
                () = tokio::time::sleep_until(unused), if !is_used && !is_replaced => {
                    is_used = self.has_subscriptions();
                    if !is_used {
                        let _ = socket.send(close(4003, "connection unused")).await;
                        return;
                    }
                }
                () = tokio::time::sleep_until(leave), if is_replaced => {
                    let _ = socket.send(close(4004, "reconnect grace time expired")).await;
                    return;
                }
            }
        }
    }

    async fn write(
        &self,
        socket: &mut WebSocket,
        queue: &mut mpsc::Receiver<Out>,
        first: Out,
    ) -> Result<(), Over> {
        let mut batch = vec![first];
        if self.shared.options.delivery == Delivery::Reordered {
            tokio::time::sleep(GATHER).await;
            while let Ok(more) = queue.try_recv() {
                batch.push(more);
            }
            batch.reverse();
        }
        for out in batch {
            let result = match out {
                Out::Text(text) => socket.send(Message::Text(text.into())).await,
                Out::Counted(text, number) => {
                    let sent = socket.send(Message::Text(text.into())).await;
                    if sent.is_ok() && self.shared.options.keeps_undelivered {
                        let payload = Bytes::copy_from_slice(&number.to_be_bytes());
                        socket.send(Message::Ping(payload)).await
                    } else {
                        sent
                    }
                }
                Out::Close(code, why) => {
                    let _ = socket.send(close(code, why)).await;
                    return Err(Over);
                }
            };
            if result.is_err() {
                return Err(Over);
            }
        }
        Ok(())
    }

    /// A pong: what was counted with this number has arrived.
    fn acknowledge(&self, payload: &[u8]) {
        let Ok(number) = <[u8; 8]>::try_from(payload) else {
            return;
        };
        let number = u64::from_be_bytes(number);
        let mut state = self.shared.state();
        if let Some(session) = state.sessions.get_mut(&self.session) {
            session.unacked.retain(|(_, sent, _, _)| *sent != number);
        }
    }

    fn has_subscriptions(&self) -> bool {
        let state = self.shared.state();
        state
            .subscriptions
            .iter()
            .any(|one| one.session() == Some(&self.session))
    }

    /// From now on the session is told here.
    fn take_over(&self) {
        let mut state = self.shared.state();
        let state = &mut *state;
        let Some((out, cut)) = state.arriving.remove(&self.number) else {
            return;
        };
        if let Some(session) = state.sessions.get_mut(&self.session) {
            session.connection = self.number;
            session.out = out;
            session.cut = cut;
        }
        self.shared.touch();
    }

    /// The connection is over: what was not known to have arrived is sent again or kept, and if it
    /// was the session's last one, its subscriptions are gone.
    fn ended(&self) {
        let mut guard = self.shared.state();
        let state = &mut *guard;
        state.connections.remove(&self.number);
        state.arriving.remove(&self.number);
        let Some(session) = state.sessions.get_mut(&self.session) else {
            return;
        };
        let (mine, others): (VecDeque<_>, VecDeque<_>) = session
            .unacked
            .drain(..)
            .partition(|(connection, _, _, _)| *connection == self.number);
        session.unacked = others;
        if session.connection != self.number {
            for (_, _, interest, notice) in mine {
                push(&self.shared, state, &self.session, interest, notice);
            }
            return;
        }
        state.sessions.remove(&self.session);
        if self.shared.options.keeps_undelivered {
            for one in &state.subscriptions {
                if one.session() == Some(&self.session) {
                    state.lapsed.entry(one.interest()).or_default();
                }
            }
            for (_, _, interest, notice) in mine {
                let queue = state.lapsed.entry(interest).or_default();
                if queue.len() < KEPT_MAX {
                    queue.push_back(notice);
                }
            }
        }
        let session = &self.session;
        state
            .subscriptions
            .retain(|one| one.session() != Some(session));
    }
}

/// Nothing more can be written.
struct Over;

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

/// Makes a session, or prepares another connection of one that was asked to move. `None` if there is
/// no such session.
fn open_session(
    shared: &Shared,
    resume: Option<String>,
    out: mpsc::Sender<Out>,
    cut: &CancellationToken,
) -> Option<(u64, String, Timestamp, String)> {
    let mut guard = shared.state();
    let state = &mut *guard;
    let now = shared.options.clock.now();
    state.n_connections += 1;
    let number = state.n_connections;
    let welcome_id = state.ids.uuid();
    let (session, connected_at) = match resume {
        Some(session) => {
            let at = state.sessions.get(&session)?.connected_at;
            state.arriving.insert(number, (out, cut.clone()));
            (session, at)
        }
        None => (new_session(state, number, out, cut, now), now),
    };
    state.connections.insert(number, cut.clone());
    drop(guard);
    shared.touch();
    Some((number, session, connected_at, welcome_id))
}

fn new_session(
    state: &mut State,
    number: u64,
    out: mpsc::Sender<Out>,
    cut: &CancellationToken,
    now: Timestamp,
) -> String {
    let id = format!("AgoQ{}", state.ids.token());
    let session = Session {
        connection: number,
        out,
        cut: cut.clone(),
        connected_at: now,
        unacked: VecDeque::new(),
    };
    state.sessions.insert(id.clone(), session);
    id
}

/// Asks every session to move to another address; who does not within the grace is closed.
pub(crate) fn ask_to_move(shared: &Arc<Shared>) {
    let mut guard = shared.state();
    let state = &mut *guard;
    let now = shared.options.clock.now();
    let base = shared.url().replacen("http", "ws", 1);
    for (id, session) in &state.sessions {
        let text = json!({
            "metadata": {
                "message_id": state.ids.uuid(),
                "message_type": "session_reconnect",
                "message_timestamp": now.to_string(),
            },
            "payload": { "session": {
                "id": id,
                "status": "reconnecting",
                "keepalive_timeout_seconds": null,
                "reconnect_url": format!("{base}/ws?resume={id}"),
                "connected_at": session.connected_at.to_string(),
                "recovery_url": null,
            }},
        });
        let _ = session.out.try_send(Out::Text(text.to_string()));
        let (shared, id, connection) = (Arc::clone(shared), id.clone(), session.connection);
        tokio::spawn(async move {
            tokio::time::sleep(shared.options.reconnect_grace).await;
            let state = shared.state();
            let session = state.sessions.get(&id);
            if let Some(session) = session.filter(|session| session.connection == connection) {
                let out = Out::Close(4004, "reconnect grace time expired");
                let _ = session.out.try_send(out);
            }
        });
    }
}
