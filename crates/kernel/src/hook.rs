//! Calls to addresses that people gave us: outgoing webhooks. Whoever carries them decides which
//! addresses may be called at all; the domain decides when, and what an answer means.
//!
//! Must never follow a redirect, and never call an address of the machine's own networks unless the
//! operator listed it.

use async_trait::async_trait;

/// A request to make: always a `POST` of JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct HookCall {
    /// The whole address. It may hold a secret of the receiver: never logged.
    pub url: String,
    /// Names and values besides those that every call has.
    pub headers: Vec<(&'static str, String)>,
    /// The body, exactly as signed.
    pub body: String,
}

impl std::fmt::Debug for HookCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookCall")
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HookReply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as it came.
    pub retry_after: Option<String>,
    /// The beginning of the body, made printable.
    pub excerpt: String,
}

/// No answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HookError {
    /// The address may not be called: it is, or leads to, an address that is not public.
    #[error("the address leads to a network that may not be called")]
    Forbidden,
    /// The name of the host leads nowhere.
    #[error("the name of the host was not found")]
    NotFound,
    /// No connection, or no trusted encryption.
    #[error("no connection could be made, or its certificate is not trusted")]
    NotConnected,
    /// No answer in time.
    #[error("no answer came within 15 seconds")]
    TimedOut,
    /// The connection broke, or what came is no answer.
    #[error("the connection broke before the answer")]
    Broken,
}

impl HookError {
    /// Every error.
    pub const ALL: [Self; 5] = [
        Self::Forbidden,
        Self::NotFound,
        Self::NotConnected,
        Self::TimedOut,
        Self::Broken,
    ];

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Forbidden => 1,
            Self::NotFound => 2,
            Self::NotConnected => 3,
            Self::TimedOut => 4,
            Self::Broken => 5,
        }
    }

    /// The error of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }

    /// The name that programs rely on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::NotConnected => "not_connected",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
        }
    }
}

/// Makes the calls.
#[async_trait]
pub trait HookCaller: Send + Sync {
    /// The address as it is kept, if it has a form that may be called.
    ///
    /// # Errors
    /// How to put it right, for whoever typed it.
    fn check(&self, url: &str) -> Result<String, String>;

    /// Makes one call, and reads at most the beginning of the answer.
    async fn call(&self, call: &HookCall) -> Result<HookReply, HookError>;
}
