//! The messages of graphql-transport-ws, or of the older dialect, and the order they may come in
//! (<https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverWebSocket.md>).
//!
//! Must never touch a socket, a clock or the schema.

use serde_json::{Map, Value, json};

use super::dialect::Dialect;

/// Longest id a client may give an operation, in bytes.
const ID_BYTES: usize = 128;

/// A reason to close the socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Close {
    /// The code.
    pub(crate) code: u16,
    /// For people; at most 123 bytes.
    pub(crate) reason: String,
}

impl Close {
    fn new(code: u16, reason: &str) -> Self {
        let mut reason = reason.to_owned();
        while reason.len() > 120 {
            reason.pop();
        }
        Self { code, reason }
    }

    /// The message makes no sense.
    pub(crate) fn bad(reason: &str) -> Self {
        Self::new(4400, reason)
    }

    /// Nobody is signed in, or no longer.
    pub(crate) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// The client never said `connection_init`.
    pub(crate) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// The client has gone silent.
    pub(crate) fn silent() -> Self {
        Self::new(4499, "No answer to ping")
    }

    /// The server stops.
    pub(crate) fn going_away() -> Self {
        Self::new(1001, "Server is stopping")
    }

    /// The client does not take what it is sent.
    pub(crate) fn slow() -> Self {
        Self::new(4490, "Messages are not read fast enough")
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(4500, "Internal server error")
    }
}

/// A client's message.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Incoming {
    /// Begin.
    Init,
    /// Are you there?
    Ping(Option<Value>),
    /// I am here.
    Pong,
    /// Run this.
    Subscribe {
        /// The client's name for the operation.
        id: String,
        /// Its parameters.
        payload: Map<String, Value>,
    },
    /// Stop that.
    Complete {
        /// The client's name for the operation.
        id: String,
    },
    /// Goodbye, in the older dialect.
    Leave,
}

impl Incoming {
    /// Reads a text message.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, Close> {
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
            return Err(Close::bad("Message is not a JSON object"));
        };
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err(Close::bad("Message has no type"));
        };
        let payload = message.remove("payload").filter(|value| !value.is_null());
        match dialect.meaning(&kind).unwrap_or_default() {
            "connection_terminate" => Ok(Self::Leave),
            "connection_init" => object_or_nothing(payload).map(|_| Self::Init),
            "ping" => object_or_nothing(payload).map(Self::Ping),
            "pong" => object_or_nothing(payload).map(|_| Self::Pong),
            "subscribe" => {
                let Some(Value::Object(payload)) = payload else {
                    return Err(Close::bad("Message `subscribe` has no payload"));
                };
                let id = id(&mut message)?;
                Ok(Self::Subscribe { id, payload })
            }
            "complete" => id(&mut message).map(|id| Self::Complete { id }),
            _ => Err(Close::bad("Message type is unknown")),
        }
    }
}

fn object_or_nothing(payload: Option<Value>) -> Result<Option<Value>, Close> {
    match payload {
        None | Some(Value::Object(_)) => Ok(payload),
        Some(_) => Err(Close::bad("Payload is not an object")),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= ID_BYTES => Ok(id),
        _ => Err(Close::bad("Message needs an id of 1 to 128 bytes")),
    }
}

/// How far the conversation has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Order {
    initialised: bool,
}

impl Order {
    /// Whether `connection_init` has come.
    pub(crate) const fn is_initialised(self) -> bool {
        self.initialised
    }

    /// Whether the message may come now. `is_running` tells whether an operation of that id runs.
    pub(crate) fn admit(
        &mut self,
        message: &Incoming,
        is_running: impl Fn(&str) -> bool,
    ) -> Result<(), Close> {
        match message {
            Incoming::Init if self.initialised => {
                Err(Close::new(4429, "Too many initialisation requests"))
            }
            Incoming::Init => {
                self.initialised = true;
                Ok(())
            }
            Incoming::Subscribe { .. } if !self.initialised => Err(Close::unauthorized()),
            Incoming::Subscribe { id, .. } if is_running(id) => Err(Close::new(
                4409,
                &format!("Subscriber for {id} already exists"),
            )),
            Incoming::Subscribe { .. }
            | Incoming::Complete { .. }
            | Incoming::Ping(_)
            | Incoming::Pong
            | Incoming::Leave => Ok(()),
        }
    }
}

/// `connection_ack`.
pub(crate) fn ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// `pong`, with what the ping carried.
pub(crate) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

/// `next`: a result, as JSON text. Text, because its fields have an order.
pub(crate) fn next(dialect: Dialect, id: &str, payload: &str) -> String {
    with_payload(dialect.next(), id, payload)
}

/// `error`: the operation was not executed, and is over. The errors are JSON text.
pub(crate) fn error(id: &str, errors: &str) -> String {
    with_payload("error", id, errors)
}

fn with_payload(kind: &str, id: &str, payload: &str) -> String {
    let id = Value::from(id);
    format!(r#"{{"id":{id},"type":"{kind}","payload":{payload}}}"#)
}

/// `complete`: the operation is over.
pub(crate) fn complete(id: &str) -> String {
    json!({ "id": id, "type": "complete" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Close, Dialect, Incoming, Order};
    use proptest::prelude::*;

    fn admitted(order: &mut Order, text: &str) -> Result<(), u16> {
        let message = Incoming::parse(text, Dialect::TransportWs).map_err(|close| close.code)?;
        order
            .admit(&message, |id| id == "running")
            .map_err(|close| close.code)
    }

    #[test]
    fn each_violation_has_its_close_code() {
        let mut order = Order::default();
        assert_eq!(admitted(&mut order, r#"{"type":"ping"}"#), Ok(()));
        assert_eq!(
            admitted(
                &mut order,
                r#"{"type":"subscribe","id":"a","payload":{"query":""}}"#
            ),
            Err(4401)
        );
        assert_eq!(
            admitted(&mut order, r#"{"type":"connection_init"}"#),
            Ok(())
        );
        assert_eq!(
            admitted(&mut order, r#"{"type":"connection_init","payload":{}}"#),
            Err(4429)
        );
        assert_eq!(
            admitted(
                &mut order,
                r#"{"type":"subscribe","id":"running","payload":{}}"#
            ),
            Err(4409)
        );
        assert_eq!(
            admitted(&mut order, r#"{"type":"subscribe","id":"b","payload":{}}"#),
            Ok(())
        );
        assert_eq!(
            admitted(&mut order, r#"{"type":"complete","id":"unknown"}"#),
            Ok(())
        );
    }

    #[test]
    fn nonsense_is_4400() {
        let long = format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(200));
        for text in [
            "",
            "1",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"start","id":"a"}"#,
            r#"{"type":"subscribe","id":"a"}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"connection_terminate"}"#,
            &long,
        ] {
            assert_eq!(
                Incoming::parse(text, Dialect::TransportWs).map_err(|close| close.code),
                Err(4400),
                "{text}"
            );
        }
    }

    #[test]
    fn the_older_dialect_says_the_same_in_its_own_words() {
        let read = |text| Incoming::parse(text, Dialect::Old).map_err(|close| close.code);
        let payload = serde_json::Map::default();
        let start = Incoming::Subscribe {
            id: "1".to_owned(),
            payload,
        };
        let stop = Incoming::Complete { id: "1".to_owned() };
        for (text, expected) in [
            (r#"{"type":"connection_init","payload":{}}"#, Incoming::Init),
            (r#"{"type":"start","id":"1","payload":{}}"#, start),
            (r#"{"type":"stop","id":"1"}"#, stop),
            (r#"{"type":"connection_terminate"}"#, Incoming::Leave),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in [
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"complete","id":"1"}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":""}"#,
        ] {
            assert_eq!(read(text), Err(4400), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_close_reason_fits_its_frame(reason in "\\PC{0,200}") {
            prop_assert!(Close::bad(&reason).reason.len() <= 123);
        }
    }
}
