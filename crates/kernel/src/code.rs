//! Stable error codes that every face shows. Codes are never renamed or reused.

use std::fmt;

/// What went wrong, in a word that programs may rely on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// Sign in first.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// Absent, or not to be known of.
    NotFound,
    /// The input is wrong; the message says how to put it right.
    BadUserInput,
    /// It exists already, or somebody else changed it first.
    Conflict,
    /// Too many requests; try again later.
    RateLimited,
    /// A dependency is away or a queue is full; try again later.
    Unavailable,
    /// The disk or database is full.
    StorageFull,
    /// A fault of ours; the log has the request id.
    Internal,
}

impl ErrorCode {
    /// The code as the API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::StorageFull => "STORAGE_FULL",
            Self::Internal => "INTERNAL_SERVER_ERROR",
        }
    }

    /// The HTTP status that goes with it.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::BadUserInput => 422,
            Self::Conflict => 409,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::StorageFull => 507,
            Self::Internal => 500,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
