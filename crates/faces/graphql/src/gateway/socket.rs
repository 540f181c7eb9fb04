//! graphql-transport-ws over a WebSocket of ours: who may open one, and everything that bounds it.
//!
//! Must never outlive the session behind it, hold more than one unsent message, or let a client that
//! does not read keep anything but itself waiting.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{
    StreamExt,
    future::AbortHandle,
    stream::{self, Abortable, BoxStream, SelectAll},
};
use kernel::ErrorCode;
use serde_json::{Map, Value};
use tokio::time::{self, Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tracing::{debug, warn};

use super::{
    Gateway,
    execute::Answer,
    params::Params,
    protocol::{self, Close, Incoming, Order},
    refusal::Refusal,
    slots::Slot,
};
use crate::schema::Viewer;

/// Read buffer of a socket, in bytes: idle sockets are many.
const READ_BUFFER: usize = 4_096;
/// Largest answer that may wait in a socket, in bytes.
const WRITE_MAX: usize = 16 * 1024 * 1024;
/// Each socket's share of the time between two checks of a session: with 5,000 sockets idle, a
/// session is looked at every 5 s, and the database 1,000 times a second, never more.
const CHECK_SHARE: time::Duration = time::Duration::from_millis(1);
/// How long a closed socket may take to say goodbye.
const GOODBYE: time::Duration = time::Duration::from_secs(1);

/// Opens a WebSocket for somebody who is signed in.
pub(crate) async fn open(
    gateway: Arc<Gateway>,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
) -> Response {
    if !gateway.is_from_own_page(headers) {
        return (
            StatusCode::FORBIDDEN,
            "WebSockets from other sites are refused",
        )
            .into_response();
    }
    let speaks = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == protocol::NAME);
    if !speaks {
        let reason = "use the subprotocol graphql-transport-ws";
        return (StatusCode::BAD_REQUEST, reason).into_response();
    }
    let Some(credential) = app::Credential::of(headers) else {
        return (StatusCode::UNAUTHORIZED, "sign in first").into_response();
    };
    let signed_in = match gateway.app.caller(&credential).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return (StatusCode::UNAUTHORIZED, "sign in first").into_response(),
        Err(error) => {
            warn!(error = %error, "a WebSocket's session could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let sockets = &gateway.settings.sockets;
    let Some(slot) = gateway.slots.take(signed_in.user.id, sockets) else {
        return (StatusCode::TOO_MANY_REQUESTS, "too many open WebSockets").into_response();
    };
    upgrade
        .protocols([protocol::NAME])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_MAX)
        .max_message_size(sockets.message_bytes)
        .max_frame_size(sockets.message_bytes)
        .on_upgrade(move |socket| async move {
            let conversation = Conversation {
                gateway,
                socket,
                credential,
                signed_in,
                checked_at: Instant::now(),
                order: Order::default(),
                running: HashMap::new(),
                outputs: SelectAll::new(),
                _slot: slot,
            };
            conversation.run().await;
        })
}

/// Why a conversation ends.
enum End {
    /// The client is not there any more, or cannot be written to.
    Gone,
    /// The client said goodbye.
    Left,
    /// We close it.
    Close(Close),
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// What an operation has to say; `None` when it is over.
type Output = Option<Answer>;

struct Conversation {
    gateway: Arc<Gateway>,
    socket: WebSocket,
    credential: app::Credential,
    signed_in: app::Caller,
    checked_at: Instant,
    order: Order,
    running: HashMap<String, AbortHandle>,
    outputs: SelectAll<BoxStream<'static, (String, Output)>>,
    _slot: Slot,
}

impl Conversation {
    async fn run(mut self) {
        let Err(end) = self.talk().await;
        // Subscriptions end with the conversation, not with the goodbye.
        self.outputs.clear();
        let goodbye = match end {
            End::Gone => return,
            End::Left => None,
            End::Close(close) => {
                debug!(
                    close.code = close.code,
                    "WebSocket closed: {}", close.reason
                );
                Some(Message::Close(Some(CloseFrame {
                    code: close.code,
                    reason: close.reason.into(),
                })))
            }
        };
        let finish = async {
            if let Some(goodbye) = goodbye
                && self.socket.send(goodbye).await.is_err()
            {
                return;
            }
            // Answers the client's goodbye, or waits for it: dropping the connection before the
            // client has read the last frame would lose that frame.
            while let Some(Ok(_)) = self.socket.recv().await {}
        };
        // A client that takes its time has gone anyway.
        let _ = timeout(GOODBYE, finish).await;
    }

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        let bounds = self.gateway.settings.sockets.clone();
        let stop = self.gateway.app.stop.clone();
        let start = Instant::now();
        let init = sleep_until(start + bounds.init);
        tokio::pin!(init);
        let mut pings = interval_at(start + bounds.ping, bounds.ping);
        let check = sleep_until(start + bounds.session_check);
        tokio::pin!(check);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = true;
        loop {
            tokio::select! {
                frame = self.socket.recv() => {
                    heard = true;
                    match frame {
                        Some(Ok(frame)) => self.hear(frame).await?,
                        Some(Err(_)) | None => return Err(End::Gone),
                    }
                }
                Some((id, output)) = self.outputs.next(), if !self.outputs.is_empty() => {
                    // Whatever else waits, nothing is delivered on the word of an old check.
                    if self.checked_at.elapsed() >= bounds.session_check {
                        self.check_session().await?;
                    }
                    self.tell(id, output).await?;
                }
                _ = pings.tick() => {
                    if !heard {
                        return Err(Close::silent().into());
                    }
                    heard = false;
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
                () = &mut check => {
                    self.check_session().await?;
                    let pause = bounds.session_check.max(CHECK_SHARE * self.gateway.slots.n_open());
                    check.as_mut().reset(self.checked_at + pause);
                }
                () = &mut init, if !self.order.is_initialised() => {
                    return Err(Close::init_timeout().into());
                }
                () = stop.cancelled() => return Err(Close::going_away().into()),
            }
        }
    }

    async fn hear(&mut self, frame: Message) -> Result<(), End> {
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Close::bad("Messages are text").into()),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Left),
        };
        let message = Incoming::parse(text.as_str())?;
        self.order
            .admit(&message, |id| self.running.contains_key(id))?;
        match message {
            Incoming::Init => self.send_text(protocol::ack()).await,
            Incoming::Ping(payload) => self.send_text(protocol::pong(payload)).await,
            Incoming::Pong => Ok(()),
            Incoming::Complete { id } => {
                if let Some(operation) = self.running.remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
            Incoming::Subscribe { id, payload } => self.subscribe(id, payload).await,
        }
    }

    async fn subscribe(&mut self, id: String, payload: Map<String, Value>) -> Result<(), End> {
        let operations_max = self.gateway.settings.sockets.operations;
        if self.running.len() >= operations_max {
            let message = format!("at most {operations_max} operations run on one WebSocket");
            return self
                .refuse(&id, Refusal::not_now(ErrorCode::RateLimited, message))
                .await;
        }
        let params =
            Params::from_object(payload).map_err(|refusal| Close::bad(&refusal.message))?;
        let viewer = Viewer::new(
            &self.gateway.app,
            &self.gateway.settings,
            Some(self.signed_in.clone()),
        );
        let checked = match self.gateway.check(params, viewer) {
            Ok(checked) => checked,
            Err(refusal) => return self.refuse(&id, refusal).await,
        };
        let (handle, registration) = AbortHandle::new_pair();
        let counted = Running::new();
        let name = id.clone();
        let outputs = self
            .gateway
            .stream(checked)
            .map(Some)
            .chain(stream::iter([None]))
            .map(move |output| {
                // The stream owns the count: it goes down however the operation ends.
                let _ = &counted;
                (name.clone(), output)
            });
        self.outputs
            .push(Abortable::new(outputs, registration).boxed());
        self.running.insert(id, handle);
        Ok(())
    }

    async fn refuse(&mut self, id: &str, refusal: Refusal) -> Result<(), End> {
        self.tell(id.to_owned(), Some(refusal.into())).await
    }

    async fn tell(&mut self, id: String, output: Output) -> Result<(), End> {
        match output {
            Some(Answer::Executed(response)) => {
                let payload =
                    serde_json::to_string(&response).map_err(|_unwritable| Close::internal())?;
                self.send_text(protocol::next(&id, &payload)).await
            }
            Some(Answer::Refused { errors, .. }) => {
                metrics::counter!("waddlebot_graphql_refused_total").increment(1);
                if let Some(operation) = self.running.remove(&id) {
                    operation.abort();
                }
                let errors =
                    serde_json::to_string(&errors).map_err(|_unwritable| Close::internal())?;
                self.send_text(protocol::error(&id, &errors)).await
            }
            None => {
                self.running.remove(&id);
                self.send_text(protocol::complete(&id)).await
            }
        }
    }

    /// Looks at the session again: roles may have changed, or it is over.
    async fn check_session(&mut self) -> Result<(), End> {
        match self.gateway.app.caller(&self.credential).await {
            Ok(Some(signed_in)) => {
                self.signed_in = signed_in;
                self.checked_at = Instant::now();
                Ok(())
            }
            Ok(None) => Err(Close::unauthorized().into()),
            Err(error) => {
                // Nothing can be read from a database that is away, so nothing leaks either.
                warn!(error = %error, "a WebSocket's session could not be checked");
                self.checked_at = Instant::now();
                Ok(())
            }
        }
    }

    async fn send_text(&mut self, text: String) -> Result<(), End> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let write = self.gateway.settings.sockets.write;
        match timeout(write, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Counts a running operation while it exists.
struct Running;

impl Running {
    fn new() -> Self {
        metrics::gauge!("waddlebot_graphql_operations").increment(1);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("waddlebot_graphql_operations").decrement(1);
    }
}
