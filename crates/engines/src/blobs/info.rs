//! What is known of a blob: its bytes, its size, its hash. Values only.

use std::fmt;

use bytes::Bytes;
use kernel::Timestamp;
use sha2::Digest;

/// The SHA-256 of a blob's bytes; displays as 64 hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&kernel::random::hex(&self.0))
    }
}

/// What was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// How many bytes.
    pub size_bytes: u64,
    /// Their hash.
    pub sha256: Sha256,
}

/// A blob that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blob {
    /// Its bytes.
    pub bytes: Bytes,
    /// The hash of these bytes, to compare with what was stored.
    pub sha256: Sha256,
}

/// A line of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobInfo {
    /// The path, as given to `put`.
    pub path: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// When it was last stored, by the clock of the disk or the S3 server.
    pub modified_at: Timestamp,
}
