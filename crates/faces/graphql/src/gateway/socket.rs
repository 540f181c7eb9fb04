//! GraphQL over a WebSocket of ours, in either dialect: everything that bounds it.
//!
//! Must never outlive the session behind it, hold more unsent messages than are told at once, or let a client that
//! does not read keep anything but itself waiting.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::{
    SinkExt, StreamExt,
    future::AbortHandle,
    stream::{self, Abortable, BoxStream, SelectAll},
};
use kernel::ErrorCode;
use serde_json::{Map, Value};
use tokio::time::{self, Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tracing::debug;

use super::{
    Gateway,
    connection::Connection,
    dialect::Dialect,
    execute::Answer,
    operation,
    params::Params,
    protocol::{self, Close, Incoming, Order},
    refusal::Refusal,
    share::Told,
};

/// Read buffer of a socket, in bytes: idle sockets are many, and what they send is short.
const READ_BUFFER: usize = 1_024;
/// Messages that go out together wait for each other up to so many bytes. Room for them is only made when they come.
const WRITE_BUFFER: usize = 16 * 1024;
/// Events of a subscription that are told at once, if so many wait.
const TOGETHER: usize = 256;
/// Largest answer that may wait in a socket, in bytes.
const WRITE_MAX: usize = 16 * 1024 * 1024;
/// How long a closed socket may take to say goodbye.
const GOODBYE: time::Duration = time::Duration::from_secs(1);

/// Opens a WebSocket for somebody who is signed in.
pub(crate) async fn open(
    gateway: Arc<Gateway>,
    upgrade: WebSocketUpgrade,
    parts: &Parts,
) -> Response {
    let mut upgrade = upgrade.protocols(Dialect::NAMES);
    let dialect = upgrade
        .selected_protocol()
        .and_then(|name| name.to_str().ok())
        .and_then(Dialect::named);
    let Some(dialect) = dialect else {
        let reason = "use the subprotocol graphql-transport-ws";
        return (StatusCode::BAD_REQUEST, reason).into_response();
    };
    let connection = match Connection::open(&gateway, parts).await {
        Ok(connection) => connection,
        Err(closed) => return closed.into_response(),
    };
    let sockets = &gateway.settings.sockets;
    upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_MAX)
        .max_message_size(sockets.message_bytes)
        .max_frame_size(sockets.message_bytes);
    upgrade.on_upgrade(move |socket| async move {
        let conversation = Conversation {
            gateway,
            socket,
            dialect,
            connection,
            order: Order::default(),
            running: HashMap::new(),
            outputs: SelectAll::new(),
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
type Output = Option<Told>;

struct Conversation {
    gateway: Arc<Gateway>,
    socket: WebSocket,
    dialect: Dialect,
    connection: Connection,
    order: Order,
    running: HashMap<String, AbortHandle>,
    outputs: SelectAll<BoxStream<'static, (String, Output)>>,
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
                    if self.connection.is_due() {
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
                    check.as_mut().reset(self.connection.next_check());
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
        let message = Incoming::parse(text.as_str(), self.dialect)?;
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
            // Boxed, so that a socket that waits does not keep room for it.
            Incoming::Subscribe { id, payload } => Box::pin(self.subscribe(id, payload)).await,
            Incoming::Leave => Err(End::Left),
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
        let viewer = self.connection.viewer();
        let checked = match self.gateway.check(params, viewer).await {
            Ok(checked) => checked,
            Err(refusal) => return self.refuse(&id, refusal).await,
        };
        let (handle, registration) = AbortHandle::new_pair();
        let name = id.clone();
        let outputs = operation::run(self.gateway.stream(checked, TOGETHER))
            .map(Some)
            .chain(stream::iter([None]))
            .map(move |output| (name.clone(), output));
        self.outputs
            .push(Abortable::new(outputs, registration).boxed());
        self.running.insert(id, handle);
        Ok(())
    }

    async fn refuse(&mut self, id: &str, refusal: Refusal) -> Result<(), End> {
        self.tell(id.to_owned(), Some(Told::Answer(refusal.into())))
            .await
    }

    async fn tell(&mut self, id: String, output: Output) -> Result<(), End> {
        match output {
            Some(Told::Events(events)) => self.tell_events(&id, events).await,
            Some(Told::Answer(Answer::Executed(reply))) => {
                let payload = reply.json().map_err(|_unwritable| Close::internal())?;
                self.send_text(protocol::next(self.dialect, &id, &payload))
                    .await
            }
            Some(Told::Answer(Answer::Refused { errors, .. })) => {
                metrics::counter!("waddlebot_graphql_refused_total").increment(1);
                if let Some(operation) = self.running.remove(&id) {
                    operation.abort();
                }
                let errors = self.dialect.errors(&errors);
                let errors = errors.map_err(|_unwritable| Close::internal())?;
                self.send_text(protocol::error(&id, &errors)).await
            }
            None => {
                self.running.remove(&id);
                self.send_text(protocol::complete(&id)).await
            }
        }
    }

    /// Sends events, as few writes as their sizes allow.
    async fn tell_events(&mut self, id: &str, events: Vec<Arc<str>>) -> Result<(), End> {
        let write = self.gateway.settings.sockets.write;
        for event in events {
            // A client that does not read may have kept the last one waiting for long.
            if self.connection.is_due() {
                self.check_session().await?;
            }
            let text = protocol::next(self.dialect, id, &event);
            written(timeout(write, self.socket.feed(Message::Text(text.into()))).await)?;
        }
        written(timeout(write, self.socket.flush()).await)
    }

    async fn check_session(&mut self) -> Result<(), End> {
        if Box::pin(self.connection.check()).await {
            return Ok(());
        }
        Err(Close::unauthorized().into())
    }

    async fn send_text(&mut self, text: String) -> Result<(), End> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let write = self.gateway.settings.sockets.write;
        written(timeout(write, self.socket.send(message)).await)
    }
}

/// What became of a write.
fn written(outcome: Result<Result<(), axum::Error>, time::error::Elapsed>) -> Result<(), End> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_elapsed) => Err(Close::slow().into()),
    }
}
