//! The gateway: hello, identify, heartbeats, events, resume. Sources: Discord «Gateway», «Gateway
//! Events», «Opcodes and Status Codes». Must never lose an event of a session that may be resumed,
//! as long as its buffer holds it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State as Extract,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use kernel::random;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Shared, state::intent, view};

/// What is done to open connections from outside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Nudge {
    /// Broken, without a word.
    Cut,
    /// Asked to come again (op 7).
    Reconnect,
    /// Told that the session is over (op 9); whether it may be resumed.
    Invalid(bool),
    /// Closed with this number.
    Close(u16),
    /// This text, as it is.
    Say(&'static str),
}

/// Events sent before the connection looks at anything else.
const BATCH: usize = 256;

pub(super) async fn connect(
    Extract(shared): Extract<Arc<Shared>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        let mut connection = Connection {
            shared,
            socket,
            session: None,
        };
        // Whoever hung up is gone; there is nobody to tell.
        let _ = connection.serve().await;
    })
}

struct Connection {
    shared: Arc<Shared>,
    socket: WebSocket,
    /// The session's name, what wakes it, and the last event sent.
    session: Option<(String, Arc<Notify>, u64)>,
}

/// The connection is over.
struct Over;

impl From<axum::Error> for Over {
    fn from(_: axum::Error) -> Self {
        Self
    }
}

impl Connection {
    async fn serve(&mut self) -> Result<(), Over> {
        let mut nudges = self.shared.nudges.subscribe();
        let beat = self.shared.options.heartbeat;
        self.shared.state().n_connections += 1;
        let millis = u64::try_from(beat.as_millis()).unwrap_or(41_250);
        self.say(&json!({ "op": 10, "d": { "heartbeat_interval": millis }, "s": null, "t": null }))
            .await?;
        let grace = beat + Duration::from_secs(20);
        let mut deadline = tokio::time::Instant::now() + grace;
        loop {
            let wake = self.session.as_ref().map(|(_, wake, _)| Arc::clone(wake));
            tokio::select! {
                nudge = nudges.recv() => match nudge {
                    Ok(nudge) => self.nudge(nudge).await?,
                    Err(_) => return Err(Over),
                },
                message = self.socket.recv() => {
                    deadline = tokio::time::Instant::now() + grace;
                    match message {
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over),
                        Some(Ok(_)) => self.close(4_002, "Error while decoding payload.").await?,
                    }
                },
                () = woken(wake), if self.session.is_some() => self.flush().await?,
                () = tokio::time::sleep_until(deadline) => self.close(4_009, "Session timed out.").await?,
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), Over> {
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            return self.close(4_002, "Error while decoding payload.").await;
        };
        let data = said.get("d").cloned().unwrap_or(Value::Null);
        match said.get("op").and_then(Value::as_u64) {
            Some(1) if self.shared.is_mute() => Ok(()),
            Some(1) => {
                self.say(&json!({ "op": 11, "d": null, "s": null, "t": null }))
                    .await
            }
            Some(2) => self.identify(&data).await,
            Some(6) => self.resume(&data).await,
            Some(3 | 4 | 8) if self.session.is_some() => Ok(()),
            Some(3 | 4 | 8) => self.close(4_003, "Not authenticated.").await,
            _ => self.close(4_001, "Unknown opcode.").await,
        }
    }

    async fn identify(&mut self, data: &Value) -> Result<(), Over> {
        if self.session.is_some() {
            return self.close(4_005, "Already authenticated.").await;
        }
        if !self.knows_token(data) {
            return self.close(4_004, "Authentication failed.").await;
        }
        let intents = data.get("intents").and_then(Value::as_u64).unwrap_or(0);
        if intents >> 26 != 0 {
            return self.close(4_013, "Invalid intent(s).").await;
        }
        if intents & self.shared.options.refused_intents != 0 {
            return self.close(4_014, "Disallowed intent(s).").await;
        }
        let number = |at: usize| {
            let shard = data.get("shard").and_then(Value::as_array)?;
            shard.get(at)?.as_u64()
        };
        let shard = (number(0).unwrap_or(0), number(1).unwrap_or(1));
        if shard.0 >= shard.1 {
            return self.close(4_010, "Invalid shard.").await;
        }
        let name = random::hex(&self.shared.random_bytes());
        let wake = {
            let mut state = self.shared.state();
            let wake = state.open_session(name.clone(), intents, shard);
            let ours: Vec<u64> = state
                .guilds
                .values()
                .filter(|guild| guild.is_installed && (guild.id >> 22) % shard.1 == shard.0)
                .map(|guild| guild.id)
                .collect();
            let app = state.app;
            let me = state.user(app).clone();
            let mut me = view::user(&me);
            if let Some(map) = me.as_object_mut() {
                map.insert("verified".to_owned(), json!(true));
                map.insert("mfa_enabled".to_owned(), json!(false));
                map.insert("email".to_owned(), Value::Null);
            }
            let ready = json!({
                "v": 10,
                "user": me,
                "guilds": ours.iter().map(|id| json!({ "id": id.to_string(), "unavailable": true })).collect::<Vec<_>>(),
                "session_id": name,
                "resume_gateway_url": self.shared.gateway_url(),
                "shard": [shard.0, shard.1],
                "application": { "id": app.to_string(), "flags": 0 },
            });
            state.dispatch_to(&name, "READY", &ready);
            if intents & intent::GUILDS != 0 {
                for guild in ours {
                    let view = state.guild_create(guild);
                    state.dispatch_to(&name, "GUILD_CREATE", &view);
                }
            }
            wake
        };
        self.session = Some((name, wake, 0));
        self.flush().await
    }

    async fn resume(&mut self, data: &Value) -> Result<(), Over> {
        if !self.knows_token(data) {
            return self.close(4_004, "Authentication failed.").await;
        }
        let name = data
            .get("session_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let seq = data.get("seq").and_then(Value::as_u64).unwrap_or(0);
        let wake = {
            let mut state = self.shared.state();
            let wake = state
                .sessions
                .get_mut(name)
                .filter(|session| session.after(seq, 0).is_some())
                .map(|session| {
                    // Whatever connection had the session before is woken no more.
                    session.wake = Arc::new(Notify::new());
                    Arc::clone(&session.wake)
                });
            if wake.is_some() {
                state.n_resumed += 1;
                // After the missed events, because it is the newest.
                state.dispatch_to(name, "RESUMED", &json!({}));
            }
            wake
        };
        match wake {
            Some(wake) => {
                self.session = Some((name.to_owned(), wake, seq));
                self.flush().await
            }
            None => {
                self.say(&json!({ "op": 9, "d": false, "s": null, "t": null }))
                    .await
            }
        }
    }

    fn knows_token(&self, data: &Value) -> bool {
        let token = data
            .get("token")
            .and_then(Value::as_str)
            .unwrap_or_default();
        token.strip_prefix("Bot ").unwrap_or(token) == self.shared.token()
    }

    /// Sends what the session has and this connection has not sent.
    async fn flush(&mut self) -> Result<(), Over> {
        loop {
            let Some((name, _, sent)) = &mut self.session else {
                return Ok(());
            };
            let events = {
                let state = self.shared.state();
                state
                    .sessions
                    .get(name)
                    .and_then(|session| session.after(*sent, BATCH))
            };
            let Some(events) = events else {
                return self.close(4_007, "Invalid sequence.").await;
            };
            let Some((last, _)) = events.last() else {
                return Ok(());
            };
            *sent = *last;
            for (_, text) in &events {
                self.socket.send(Message::text(&**text)).await?;
            }
        }
    }

    async fn nudge(&mut self, nudge: Nudge) -> Result<(), Over> {
        match nudge {
            Nudge::Cut => Err(Over),
            Nudge::Reconnect => {
                self.say(&json!({ "op": 7, "d": null, "s": null, "t": null }))
                    .await
            }
            Nudge::Invalid(is_resumable) => {
                if let (false, Some((name, _, _))) = (is_resumable, self.session.take()) {
                    self.shared.state().sessions.remove(&name);
                }
                self.say(&json!({ "op": 9, "d": is_resumable, "s": null, "t": null }))
                    .await
            }
            Nudge::Close(code) => self.close(code, "Closed by the simulator.").await,
            Nudge::Say(text) => Ok(self.socket.send(Message::text(text)).await?),
        }
    }

    async fn say(&mut self, payload: &Value) -> Result<(), Over> {
        Ok(self.socket.send(Message::text(payload.to_string())).await?)
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Over> {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        self.socket.send(Message::Close(Some(frame))).await?;
        // The other side answers the close; until then the connection stays open.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.socket.recv()).await;
        Err(Over)
    }
}

async fn woken(wake: Option<Arc<Notify>>) {
    match wake {
        Some(wake) => wake.notified().await,
        None => std::future::pending().await,
    }
}
