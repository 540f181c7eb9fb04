//! What can go wrong with a blob. Must never show a key or a secret.

use std::ops::Range;
use std::path::PathBuf;

/// Why a blob could not be stored, read, listed or removed, or the store not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// There is no such blob.
    #[error("there is no blob `{0}`")]
    Missing(String),
    /// There is such a blob already.
    #[error("there is a blob `{0}` already")]
    Exists(String),
    /// The path breaks a rule; which one.
    #[error("a blob's path {0}")]
    BadPath(&'static str),
    /// The range is empty, too long or begins after the blob's end.
    #[error("the range {}..{} is empty, too long or after the end", .0.start, .0.end)]
    BadRange(Range<u64>),
    /// The blob is larger than allowed.
    #[error("the blob `{path}` has {size_bytes} bytes, more than the {limit_bytes} allowed")]
    TooLarge {
        /// Which blob.
        path: String,
        /// How large it is.
        size_bytes: u64,
        /// How large it may be.
        limit_bytes: u64,
    },
    /// The address of the store is wrong; how to put it right.
    #[error("the address of the blob store {0}")]
    BadAddress(&'static str),
    /// The directory cannot be made or read.
    #[error("cannot use the directory {}", directory.display())]
    Directory {
        /// Which directory.
        directory: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is something else where the directory should be.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The store did not answer in time.
    #[error("the blob store did not answer in time")]
    Slow,
    /// What was to be stored broke off.
    #[error("what was to be stored broke off")]
    BrokenOff(#[source] std::io::Error),
    /// The program is stopping.
    #[error("the work on a blob was stopped")]
    Stopped(#[source] tokio::task::JoinError),
    /// Anything else: disk full, network, rights. Worth trying again later.
    #[error("the blob store failed on `{path}`")]
    Store {
        /// Which blob or folder.
        path: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
}

impl BlobsError {
    pub(super) fn from_store(path: &str, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::Missing(path.to_owned()),
            object_store::Error::AlreadyExists { .. } => Self::Exists(path.to_owned()),
            source => Self::Store {
                path: path.to_owned(),
                source,
            },
        }
    }
}
