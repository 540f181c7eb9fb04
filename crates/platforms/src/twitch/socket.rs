//! One EventSub WebSocket («Getting events using WebSockets»): opening it, its welcome, its frames,
//! and how long it may be silent. Knows nothing of subscriptions or of what events mean.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use kernel::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::time;

/// The longest wait for the connection and its welcome.
const OPEN: Duration = Duration::from_secs(10);
/// The largest frame.
const FRAME_MAX: usize = 1024 * 1024;
/// Added to the silence that Twitch announces.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a connection that is left may go on telling what was under way.
const FAREWELL: Duration = Duration::from_secs(5);

/// An open connection that was welcomed.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The id that subscriptions name.
    pub(super) session: String,
    /// How long it may be silent.
    silence: Duration,
}

/// Why there is no connection, or no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It could not be opened.
    #[error("the connection could not be opened")]
    Unreachable,
    /// It said something that is no welcome.
    #[error("the connection was not welcomed")]
    Unwelcome,
    /// It was silent for too long.
    #[error("the connection fell silent")]
    Silent,
    /// It was closed, perhaps with a code («Close message», 4000 to 4007).
    #[error("the connection was closed ({0:?})")]
    Closed(Option<u16>),
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// The text, as it came.
    pub(super) text: String,
    /// EventSub's id of it.
    pub(super) id: String,
    /// When Twitch sent it.
    pub(super) at: Option<Timestamp>,
    /// What it is.
    pub(super) kind: Kind,
}

/// The kinds of frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The connection is there.
    Welcome {
        /// The session's id.
        session: String,
        /// How long it may be silent.
        silence: Duration,
    },
    /// Something happened.
    Notification,
    /// A subscription ended; why, in Twitch's words.
    Revocation {
        /// `authorization_revoked`, `user_removed`, …
        status: String,
    },
    /// Move to another address.
    Reconnect {
        /// Which.
        url: String,
    },
    /// Nothing happened.
    Keepalive,
    /// Something newer than we are.
    Unknown,
}

#[derive(Deserialize)]
struct Raw {
    metadata: Metadata,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "message_id")]
    id: String,
    #[serde(rename = "message_type")]
    kind: String,
    #[serde(rename = "message_timestamp", default)]
    at: String,
}

/// Reads a frame; `None` if it is no frame of EventSub.
pub(super) fn read(text: String) -> Option<Frame> {
    let raw: Raw = serde_json::from_str(&text).ok()?;
    let word = |path: &str| {
        let found = raw.payload.pointer(path).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let kind = match raw.metadata.kind.as_str() {
        "session_welcome" => {
            let silence = raw.payload.pointer("/session/keepalive_timeout_seconds");
            let secs = silence.and_then(Value::as_u64).unwrap_or(10).clamp(1, 600);
            Kind::Welcome {
                session: word("/session/id")?,
                silence: Duration::from_secs(secs),
            }
        }
        "notification" => Kind::Notification,
        "revocation" => Kind::Revocation {
            status: word("/subscription/status").unwrap_or_default(),
        },
        "session_reconnect" => Kind::Reconnect {
            url: word("/session/reconnect_url")?,
        },
        "session_keepalive" => Kind::Keepalive,
        _ => Kind::Unknown,
    };
    Some(Frame {
        id: raw.metadata.id,
        at: time::parse(&raw.metadata.at),
        text,
        kind,
    })
}

impl Socket {
    /// Opens a connection and waits for its welcome.
    pub(super) async fn open(url: &str) -> Result<Self, Broken> {
        let opened = timeout(OPEN, async {
            let config = WebSocketConfig::default()
                .max_message_size(Some(FRAME_MAX))
                .max_frame_size(Some(FRAME_MAX));
            let connected = connect_async_with_config(url, Some(config), true).await;
            // The reason may hold the address, which is a secret while we move.
            let (stream, _) = connected.map_err(|_secret| Broken::Unreachable)?;
            let mut socket = Self {
                stream,
                session: String::new(),
                silence: OPEN,
            };
            match socket.next().await?.kind {
                Kind::Welcome { session, silence } => {
                    socket.session = session;
                    socket.silence = silence + MARGIN;
                    Ok(socket)
                }
                _ => Err(Broken::Unwelcome),
            }
        });
        opened.await.unwrap_or(Err(Broken::Unreachable))
    }

    /// The next frame. What is no frame is an [`Kind::Unknown`] one without an id. Giving up in
    /// between loses nothing.
    pub(super) async fn next(&mut self) -> Result<Frame, Broken> {
        loop {
            let Ok(next) = timeout(self.silence, self.stream.next()).await else {
                return Err(Broken::Silent);
            };
            match next {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str().to_owned();
                    return Ok(read(text).unwrap_or_else(unknown));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(Broken::Closed(frame.map(|frame| frame.code.into())));
                }
                // Pings are answered by the stream itself.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Broken::Closed(None)),
            }
        }
    }

    /// Leaves the connection politely: whatever Twitch sent before it took notice is still read, so
    /// that a move loses nothing.
    pub(super) async fn farewell(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let ended = timeout(FAREWELL, async {
            if self.stream.send(Message::Close(None)).await.is_err() {
                return;
            }
            while let Ok(frame) = self.next().await {
                frames.push(frame);
            }
        });
        // What came until then is what there is.
        let _ = ended.await;
        frames
    }
}

fn unknown() -> Frame {
    Frame {
        text: String::new(),
        id: String::new(),
        at: None,
        kind: Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Kind, read};

    fn kind(text: &str) -> Option<Kind> {
        read(text.to_owned()).map(|frame| frame.kind)
    }

    #[test]
    fn frames_are_told_apart_and_nonsense_is_none() {
        let meta = |kind: &str| {
            format!(
                r#"{{"message_id":"m","message_type":"{kind}","message_timestamp":"2026-11-27T06:00:00Z"}}"#
            )
        };
        let frame = |kind: &str, payload: &str| {
            format!(r#"{{"metadata":{},"payload":{payload}}}"#, meta(kind))
        };
        let welcome = frame(
            "session_welcome",
            r#"{"session":{"id":"s","keepalive_timeout_seconds":10}}"#,
        );
        assert_eq!(
            kind(&welcome),
            Some(Kind::Welcome {
                session: "s".into(),
                silence: Duration::from_secs(10)
            })
        );
        assert_eq!(
            kind(&frame("session_keepalive", "{}")),
            Some(Kind::Keepalive)
        );
        let moved = frame(
            "session_reconnect",
            r#"{"session":{"reconnect_url":"ws://x"}}"#,
        );
        assert_eq!(
            kind(&moved),
            Some(Kind::Reconnect {
                url: "ws://x".into()
            })
        );
        let revoked = frame(
            "revocation",
            r#"{"subscription":{"status":"user_removed"}}"#,
        );
        assert_eq!(
            kind(&revoked),
            Some(Kind::Revocation {
                status: "user_removed".into()
            })
        );
        assert_eq!(kind(&frame("something_new", "[]")), Some(Kind::Unknown));
        for nonsense in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"metadata":{}}"#,
            &frame("session_welcome", "null"),
        ] {
            assert_eq!(kind(nonsense), None, "{nonsense}");
        }
    }
}
