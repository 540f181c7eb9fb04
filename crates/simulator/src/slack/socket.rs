//! Socket Mode: the address of a socket, and the socket itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{
        Query, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Shared,
    answer::{Args, Refusal},
    deliver::{self, Frame},
    ids,
    state::SECRETS_MAX,
};

/// Sockets of one app («up to 10 WebSocket connections»).
const SOCKETS_MAX: usize = 10;
/// Frames on their way to one socket.
const FRAMES_MAX: usize = 4_096;
/// How often a socket is pinged.
const PING: Duration = Duration::from_secs(5);
/// What `hello` says of how long a socket stays, in seconds.
const STAYS_SECS: u32 = 3_600;

/// Whether the app itself asks.
pub(super) fn app(shared: &Shared, args: &Args) -> Result<(), Refusal> {
    if args.token.is_empty() {
        Err("not_authed")
    } else if args.token == shared.options.app_token {
        Ok(())
    } else if args.token.starts_with("xoxb-") {
        Err("not_allowed_token_type")
    } else {
        Err("invalid_auth")
    }
}

/// `apps.connections.open`: an address that is good once.
pub(super) fn ticket(shared: &Shared) -> Value {
    let mut state = shared.state();
    let n = state.number();
    let ticket = ids::secret("socket", &format!("{n} {}", shared.url()));
    if state.line.tickets.len() >= SECRETS_MAX {
        state.line.tickets.clear();
    }
    state.line.tickets.insert(ticket.clone());
    let host = shared.url().replacen("http", "ws", 1);
    json!({ "url": format!("{host}/link/?ticket={ticket}&app_id={}", shared.options.app_id) })
}

/// Opens a socket.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = query.get("ticket").cloned().unwrap_or_default();
    if !shared.state().line.tickets.remove(&ticket) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(move |socket| talk(shared, socket))
}

async fn talk(shared: Arc<Shared>, mut socket: WebSocket) {
    let (frames, mut to_send) = mpsc::channel(FRAMES_MAX);
    let (id, n) = {
        let mut state = shared.state();
        (state.number(), state.line.n_sockets() + 1)
    };
    if n > SOCKETS_MAX {
        let refused = json!({"type": "disconnect", "reason": "too_many_websockets",
            "debug_info": {"host": "simulator"}});
        // Whoever hung up meanwhile needs no refusal.
        let _ = socket.send(Message::text(refused.to_string())).await;
        return;
    }
    let hello = json!({
        "type": "hello",
        "num_connections": n,
        "connection_info": {"app_id": shared.options.app_id},
        "debug_info": {
            "host": "simulator",
            "build_number": 1,
            "approximate_connection_time": STAYS_SECS,
        },
    });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    shared.state().line.opened(id, frames);
    shared.changed.notify_waiters();
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            frame = to_send.recv() => match frame {
                Some(Frame::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Frame::Close) => {
                    // It is being closed either way.
                    let _ = socket.send(Message::Close(None)).await;
                    break;
                }
                Some(Frame::Cut) | None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => heard_text(&shared, text.as_str()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            _ = ping.tick() => {
                if socket.send(Message::Ping("simulator".into())).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(socket);
    shared.state().line.closed(id);
    shared.changed.notify_waiters();
}

fn heard_text(shared: &Arc<Shared>, text: &str) {
    let Ok(ack) = serde_json::from_str::<Value>(text) else {
        return;
    };
    if let Some(id) = ack.get("envelope_id").and_then(Value::as_str) {
        deliver::acknowledged(shared, id, ack.get("payload"));
    }
}
