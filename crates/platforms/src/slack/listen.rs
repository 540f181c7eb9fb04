//! Socket Mode («Using Socket Mode»): asks for an address, opens a socket, takes envelopes and
//! acknowledges each once the ear has it. A socket that is to go is replaced before it goes; one that
//! breaks is replaced at once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use kernel::{Ear, Platform, random};
use serde::Deserialize;
use serde_json::Value;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue,
    api::SlackApiAppsConnectionOpenRequest,
    events::{SlackCommandEvent, SlackInteractionEvent, SlackPushEventCallback},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Core, Slack,
    api::{ApiError, OPEN_SOCKET, SOCKETS},
    intake::{Ack, Arrived, key},
    translate::{self, Noted},
};
use crate::{Hopeless, Listener};

/// The largest message of a socket.
const FRAME_MAX: usize = 1024 * 1024;
/// Envelopes between the sockets and the ear.
const ARRIVALS_MAX: usize = 256;
/// Acknowledgements on their way to one socket.
const ACKS_MAX: usize = 1_024;
/// The longest wait for a socket to open and for its greeting.
const OPENING: Duration = Duration::from_secs(10);
/// How often we ping; Slack pings too.
const PING: Duration = Duration::from_secs(10);
/// A socket over which nothing comes for so long is dead.
const SILENCE: Duration = Duration::from_secs(30);
/// A socket that lived so long, or brought anything, was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Pauses between tries: the first is random up to this, then up to twice as much, …
const PAUSE: Duration = Duration::from_millis(500);
/// … and never more than this.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What a socket tells whoever keeps sockets open.
#[derive(Debug)]
enum News {
    /// It was greeted.
    Open(u64),
    /// It brought something, or lived long enough.
    Good(u64),
    /// It is to be replaced.
    Leaving(u64),
    /// It is gone.
    Gone(u64),
}

/// A message of a socket, as far as all have it.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    envelope_id: Option<String>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    reason: String,
}

#[async_trait]
impl Listener for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    /// Without an app token there is no Socket Mode, and this only waits for `stop`: events then come
    /// as requests ([`crate::Webhook`]).
    async fn listen(&self, ear: Arc<dyn Ear>, stop: CancellationToken) -> Result<(), Hopeless> {
        let core = &self.core;
        let meeting = AbortOnDropHandle::new(tokio::spawn(Arc::clone(core).meet_all()));
        if core.settings.app_token.expose().is_empty() {
            stop.cancelled().await;
            return Ok(());
        }
        let (arrivals, arrived) = mpsc::channel(ARRIVALS_MAX);
        let stop = stop.child_token();
        let work = Arc::clone(core).work(arrived, ear, stop.clone());
        let worker = AbortOnDropHandle::new(tokio::spawn(work));
        let kept = tokio::select! {
            kept = Arc::clone(core).keep_open(arrivals, stop.clone()) => kept,
            () = stop.cancelled() => Ok(()),
        };
        stop.cancel();
        // Ends by itself now; if it panicked, that was logged.
        let _ = worker.await;
        drop(meeting);
        kept
    }

    fn nudge(&self) {
        self.core.nudged.notify_one();
    }
}

impl Core {
    /// Reads the people of every workspace in advance, now and whenever the connections changed.
    async fn meet_all(self: Arc<Self>) {
        loop {
            match self.grants.all(Platform::Slack).await {
                Ok(grants) => {
                    for grant in grants {
                        if let Err(error) = self.who_are_we(&grant.server).await {
                            tracing::warn!(error = %error, "a workspace does not know us");
                            continue;
                        }
                        Arc::clone(&self).meet(grant.server).await;
                    }
                }
                Err(error) => tracing::warn!(error = %error, "the connections cannot be read"),
            }
            self.nudged.notified().await;
        }
    }

    /// Keeps a socket open.
    async fn keep_open(
        self: Arc<Self>,
        arrivals: mpsc::Sender<Arrived>,
        stop: CancellationToken,
    ) -> Result<(), Hopeless> {
        let (news, mut told) = mpsc::channel(64);
        // Sockets end when this does; the one being replaced lives on beside its successor.
        let mut sockets: Vec<(u64, AbortOnDropHandle<()>)> = Vec::new();
        let mut current = 0;
        let mut n_failed = 0_u32;
        loop {
            current += 1;
            match self.open_socket().await {
                Ok(url) => {
                    let socket = socket(
                        Arc::clone(&self),
                        current,
                        url,
                        arrivals.clone(),
                        news.clone(),
                    );
                    sockets.push((current, AbortOnDropHandle::new(tokio::spawn(socket))));
                }
                Err(error) if error.is_about_us() => {
                    return Err(Hopeless(format!("Socket Mode cannot be used: {error}")));
                }
                Err(error) => {
                    tracing::warn!(error = %error, "no socket was opened");
                    if let ApiError::RateLimited { after } | ApiError::NotNow { after } = error {
                        pause(after, &stop).await;
                    }
                    // Nobody else tells of it.
                    let _ = news.send(News::Gone(current)).await;
                }
            }
            // Waits until this socket must be replaced.
            loop {
                let Some(what) = told.recv().await else {
                    return Ok(());
                };
                match what {
                    News::Open(id) if id == current => {
                        tracing::info!("listening to Slack");
                    }
                    News::Good(id) if id == current => n_failed = 0,
                    News::Leaving(id) if id == current => break,
                    News::Gone(id) => {
                        sockets.retain(|(other, _)| *other != id);
                        if id == current {
                            pause(self.next_pause(n_failed), &stop).await;
                            n_failed = n_failed.saturating_add(1);
                            break;
                        }
                    }
                    News::Open(_) | News::Good(_) | News::Leaving(_) => {}
                }
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// None the first time, then random, growing.
    fn next_pause(&self, n_failed: u32) -> Duration {
        if n_failed == 0 {
            return Duration::ZERO;
        }
        let most = PAUSE.saturating_mul(2_u32.saturating_pow(n_failed.min(10)));
        most.min(PAUSE_MAX)
            .mul_f64(random::unit(self.entropy.as_ref()))
    }

    /// The address of a new socket.
    async fn open_socket(&self) -> Result<url::Url, ApiError> {
        let method = "apps.connections.open";
        let lanes = self
            .api
            .begin_in(SOCKETS, "", method, OPEN_SOCKET, Duration::from_secs(5))
            .await?;
        let token =
            SlackApiToken::new(SlackApiTokenValue(self.settings.app_token.expose().clone()));
        let session = self.api.client.open_session(&token);
        let result = session
            .apps_connections_open(&SlackApiAppsConnectionOpenRequest::new())
            .await;
        let url = self.api.end(SOCKETS, "", &lanes, result).await?.url.0;
        if self.settings.connects_to(&url) {
            Ok(url)
        } else {
            Err(ApiError::Named("socket_is_not_encrypted".to_owned()))
        }
    }

    /// What a message of a socket means.
    fn note(&self, frame: Frame) -> (String, Noted) {
        let now = self.clock.now();
        match frame.kind.as_str() {
            "events_api" => match SlackPushEventCallback::deserialize(&frame.payload) {
                Ok(callback) => {
                    let id = callback.event_id.0.clone();
                    let noted = translate::event(callback, |bot| self.is_our_bot(bot));
                    (key(&id, &noted), noted)
                }
                Err(_) => malformed(frame),
            },
            "slash_commands" => {
                let user_name = text_at(&frame.payload, "user_name");
                match SlackCommandEvent::deserialize(&frame.payload) {
                    Ok(command) => {
                        let noted = translate::command(command, user_name, now);
                        (key("", &noted), noted)
                    }
                    Err(_) => malformed(frame),
                }
            }
            "interactive" => match SlackInteractionEvent::deserialize(&frame.payload) {
                Ok(event) => {
                    let noted = translate::interaction(event, now);
                    let id = frame.envelope_id.unwrap_or_default();
                    (key(&id, &noted), noted)
                }
                Err(_) => malformed(frame),
            },
            _ => (
                frame.envelope_id.unwrap_or_default(),
                Noted::Ignored("unknown envelope"),
            ),
        }
    }
}

fn malformed(frame: Frame) -> (String, Noted) {
    (
        frame.envelope_id.unwrap_or_default(),
        Noted::Ignored("malformed"),
    )
}

fn text_at(payload: &Value, name: &str) -> Option<String> {
    Some(payload.get(name)?.as_str()?.to_owned())
}

async fn pause(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

/// One socket, from its opening to its end.
async fn socket(
    core: Arc<Core>,
    id: u64,
    url: url::Url,
    arrivals: mpsc::Sender<Arrived>,
    news: mpsc::Sender<News>,
) {
    talk(&core, id, url, &arrivals, &news).await;
    // Nobody keeps sockets any more.
    let _ = news.send(News::Gone(id)).await;
}

async fn talk(
    core: &Core,
    id: u64,
    url: url::Url,
    arrivals: &mpsc::Sender<Arrived>,
    news: &mpsc::Sender<News>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let opening = connect_async_with_config(url.as_str(), Some(config), true);
    // The error of a connection may name its address, which holds a ticket.
    let Ok(Ok((stream, _))) = timeout(OPENING, opening).await else {
        tracing::warn!("a socket to Slack could not be opened");
        return;
    };
    let (mut sink, mut stream) = stream.split();
    let (acks, mut to_send) = mpsc::channel::<String>(ACKS_MAX);
    let writing = async {
        let mut ping = tokio::time::interval(PING);
        ping.tick().await;
        loop {
            let message = tokio::select! {
                Some(ack) = to_send.recv() => Message::text(ack),
                _ = ping.tick() => Message::Ping(bytes::Bytes::new()),
            };
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let reading = async {
        let mut patience = OPENING;
        let mut is_good = false;
        while let Ok(Some(Ok(message))) = timeout(patience, stream.next()).await {
            patience = SILENCE;
            let Message::Text(text) = message else {
                if matches!(message, Message::Close(_)) {
                    return;
                }
                continue;
            };
            let Ok(frame) = serde_json::from_str::<Frame>(&text) else {
                core.ignore("not JSON");
                continue;
            };
            let said = match frame.kind.as_str() {
                "hello" => news.send(News::Open(id)).await,
                "disconnect" => {
                    tracing::debug!(reason = %printable(&frame.reason), "a socket is to be replaced");
                    news.send(News::Leaving(id)).await
                }
                _ => {
                    let ack = frame.envelope_id.clone().map(|envelope| Ack {
                        envelope,
                        socket: acks.clone(),
                    });
                    let (key, noted) = core.note(frame);
                    let arrived = Arrived { key, noted, ack };
                    if arrivals.send(arrived).await.is_err() {
                        return;
                    }
                    if is_good {
                        Ok(())
                    } else {
                        is_good = true;
                        news.send(News::Good(id)).await
                    }
                }
            };
            if said.is_err() {
                return;
            }
        }
    };
    let ageing = async {
        tokio::time::sleep(GOOD_AFTER).await;
        // Nobody keeps sockets any more; reading ends too.
        let _ = news.send(News::Good(id)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
        () = ageing => {}
    }
}

/// Slack's reasons are words.
fn printable(reason: &str) -> String {
    reason
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect()
}
