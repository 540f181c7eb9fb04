//! What an operator can turn: who may look at the schema, and every bound of the endpoint.
//!
//! Must never hold a value without a unit, or a bound that can be switched off.

use std::{net::IpAddr, time::Duration};

use crate::trusted::TrustedDocuments;

/// The settings of the GraphQL face.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Who may read the schema: introspection, GraphiQL and `/graphql/schema.graphql`.
    pub schema_readers: Readers,
    /// Where GraphiQL sends somebody who is not signed in.
    pub sign_in_path: String,
    /// Origins (`https://chat.example`) besides the server's own that may open a WebSocket or post:
    /// needed only behind a proxy that does not pass the `Host` header on.
    pub origins: Vec<String>,
    /// Proxies whose word on the address of a client is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The only documents that may be asked; `None`: all that keep the limits.
    pub trusted_documents: Option<TrustedDocuments>,
    /// Bounds of one request.
    pub limits: Limits,
    /// Bounds of WebSockets.
    pub sockets: Sockets,
}

/// Who may read the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readers {
    /// Everybody.
    Everyone,
    /// Whoever is signed in.
    SignedIn,
    /// Nobody.
    Nobody,
}

/// Bounds of one request. Counts of a document are taken with fragments written out, so that a
/// short document cannot stand for a long one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Largest document, in bytes.
    pub document_bytes: usize,
    /// Deepest nesting of brackets of any kind: what keeps the parser's stack short.
    pub brackets: usize,
    /// Most names, numbers, strings and signs in the document.
    pub tokens: usize,
    /// Deepest field below the root; introspection is counted on its own.
    pub depth: usize,
    /// Deepest nesting of selection sets, fragments included.
    pub nesting: usize,
    /// Most fields.
    pub fields: usize,
    /// Most fields below `__schema` and `__type`.
    pub introspection_fields: usize,
    /// Deepest nesting of lists below `__schema` and `__type`.
    pub introspection_lists: usize,
    /// Most aliases.
    pub aliases: usize,
    /// Most directives.
    pub directives: usize,
    /// Most fields of the root.
    pub root_fields: usize,
    /// Most operations in a document.
    pub operations: usize,
    /// Highest cost: one for a field, more for a field that costs more, times the length of the
    /// lists around it.
    pub cost: u64,
    /// What somebody who is signed in, or an API key, may ask in a minute, in units of cost.
    pub per_minute: u64,
    /// What a network of people who are not signed in may ask in a minute.
    pub per_minute_anonymous: u64,
    /// Memory for documents that were parsed, so that they need not be again, in bytes.
    pub documents_bytes: u64,
    /// Most values in the lists of an answer, counted while it is made.
    pub values: usize,
    /// Longest time to answer a query.
    pub deadline: Duration,
    /// A query that takes longer than this is logged.
    pub slow: Duration,
}

/// Bounds of WebSockets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sockets {
    /// Most open sockets of the whole server.
    pub total: usize,
    /// Most open sockets of one person.
    pub per_user: usize,
    /// Most operations at a time on one socket.
    pub operations: usize,
    /// Largest message a client may send, in bytes.
    pub message_bytes: usize,
    /// How long a client may take to say `connection_init`.
    pub init: Duration,
    /// How often the server pings; a client silent for two of these is gone.
    pub ping: Duration,
    /// How long one message may take to be written before the socket is closed.
    pub write: Duration,
    /// How often the session behind the socket is looked at, less often beyond 1,000 sockets, and
    /// always before something is delivered: nothing is sent later than this after signing out.
    pub session_check: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schema_readers: Readers::SignedIn,
            sign_in_path: "/login".to_owned(),
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            trusted_documents: None,
            limits: Limits::default(),
            sockets: Sockets::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            document_bytes: 64 * 1024,
            brackets: 64,
            tokens: 2_000,
            depth: 10,
            nesting: 30,
            fields: 1_000,
            introspection_fields: 400,
            introspection_lists: 3,
            aliases: 30,
            directives: 50,
            root_fields: 20,
            operations: 10,
            cost: 10_000,
            per_minute: 200_000,
            per_minute_anonymous: 20_000,
            documents_bytes: 16 * 1024 * 1024,
            values: 200_000,
            deadline: Duration::from_secs(10),
            slow: Duration::from_secs(1),
        }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_user: 50,
            operations: 50,
            message_bytes: 128 * 1024,
            init: Duration::from_secs(3),
            ping: Duration::from_secs(30),
            write: Duration::from_secs(10),
            session_check: Duration::from_secs(1),
        }
    }
}
