//! The two subprotocols of the WebSocket: graphql-transport-ws, and the older one of
//! subscriptions-transport-ws, which is called `graphql-ws` on the wire. They say the same in other words
//! (<https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>).
//!
//! Must never touch a socket, a clock or the schema.

use async_graphql::ServerError;

/// What is spoken on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// graphql-transport-ws.
    TransportWs,
    /// The older one. Its keep-alive message is not sent: clients that never saw one do not wait for
    /// the next, and pings of the WebSocket do its work.
    Old,
}

impl Dialect {
    /// The names on the wire, the better one first.
    pub(crate) const NAMES: [&str; 2] = ["graphql-transport-ws", "graphql-ws"];

    /// The dialect of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "graphql-transport-ws" => Some(Self::TransportWs),
            "graphql-ws" => Some(Self::Old),
            _ => None,
        }
    }

    /// What a client's message means, in the words of graphql-transport-ws, and `connection_terminate`
    /// for a goodbye.
    pub(crate) fn meaning(self, kind: &str) -> Option<&str> {
        match (self, kind) {
            (Self::Old, "start") => Some("subscribe"),
            (Self::Old, "stop") => Some("complete"),
            (Self::Old, "connection_init" | "connection_terminate") => Some(kind),
            (Self::Old, _) | (Self::TransportWs, "connection_terminate") => None,
            (Self::TransportWs, _) => Some(kind),
        }
    }

    /// How a result is called.
    pub(crate) const fn next(self) -> &'static str {
        match self {
            Self::TransportWs => "next",
            Self::Old => "data",
        }
    }

    /// The errors of an operation that is over, as JSON: all, or the first one alone.
    pub(crate) fn errors(self, errors: &[ServerError]) -> serde_json::Result<String> {
        match (self, errors) {
            (Self::Old, [first, ..]) => serde_json::to_string(first),
            _ => serde_json::to_string(errors),
        }
    }
}
