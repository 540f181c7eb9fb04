//! Blobs: named byte strings (model files, exports, backups) in a directory or in an S3 bucket.
//!
//! Wraps the `object_store` crate, which is the trait with both implementations, and adds what every
//! caller needs: checked paths, bounds, and the SHA-256 of what was stored. Must never read more than
//! the caller allows, nor touch anything outside its directory or prefix.

mod error;
mod info;
mod open;
mod path;
mod stream;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use kernel::Timestamp;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use tokio::time::timeout;

pub use self::error::BlobsError;
pub use self::info::{Blob, BlobInfo, Sha256, Stored};
pub use self::open::S3Config;
pub use self::path::MAX_PATH_BYTES;
pub use self::stream::BlobStream;

/// The largest blob that can be stored, in bytes.
pub const MAX_BLOB_BYTES: usize = 256 * 1024 * 1024;
/// The longest listing.
pub const MAX_LIST: usize = 1_000;

/// From this size on, hashing moves off the thread that serves requests.
const HASH_ASIDE_BYTES: usize = 256 * 1024;
/// How long the health check may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// A store of blobs. Cheap to clone.
///
/// A path is 1 to [`MAX_PATH_BYTES`] bytes of letters, digits, `-`, `_`, `.`, `=`, `@` and `+` in
/// parts separated by `/`; no part may be empty, `.`, `..` or longer than 200 bytes. Because a
/// directory is one of the two homes, no blob's path may be the folder of another.
///
/// A put is atomic: readers see the old blob or the new one, never a part. On a directory it is also
/// on the disk when it returns.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    home: Home,
}

#[derive(Clone)]
enum Home {
    Directory(PathBuf),
    #[cfg(feature = "s3")]
    S3,
}

impl Blobs {
    /// Stores a blob, replacing one of the same path. At most [`MAX_BLOB_BYTES`].
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<Stored, BlobsError> {
        self.put_as(path, bytes, PutMode::Overwrite).await
    }

    /// Stores a blob only if there is none of this path, else [`BlobsError::Exists`]. Of several
    /// callers at once at most one succeeds. On S3, a caller whose connection broke may get
    /// `Exists` for the blob it stored itself; compare the hash.
    pub async fn put_new(&self, path: &str, bytes: Bytes) -> Result<Stored, BlobsError> {
        self.put_as(path, bytes, PutMode::Create).await
    }

    async fn put_as(&self, path: &str, bytes: Bytes, mode: PutMode) -> Result<Stored, BlobsError> {
        let place = path::checked(path)?;
        if bytes.len() > MAX_BLOB_BYTES {
            return Err(BlobsError::TooLarge {
                path: path.to_owned(),
                size_bytes: size(bytes.len()),
                limit_bytes: size(MAX_BLOB_BYTES),
            });
        }
        let sha256 = hash(&bytes).await?;
        let stored = Stored {
            size_bytes: size(bytes.len()),
            sha256,
        };
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        self.store
            .put_opts(&place, PutPayload::from_bytes(bytes), options)
            .await
            .map_err(|error| BlobsError::from_store(path, error))?;
        Ok(stored)
    }

    /// Reads a whole blob of at most `max_bytes`; a larger one is refused before it is read.
    pub async fn get(&self, path: &str, max_bytes: u64) -> Result<Blob, BlobsError> {
        let found = self.open_at(path, GetOptions::default()).await?;
        let size_bytes = found.meta.size;
        if size_bytes > max_bytes {
            return Err(BlobsError::TooLarge {
                path: path.to_owned(),
                size_bytes,
                limit_bytes: max_bytes,
            });
        }
        let bytes = found
            .bytes()
            .await
            .map_err(|error| BlobsError::from_store(path, error))?;
        let sha256 = hash(&bytes).await?;
        Ok(Blob { bytes, sha256 })
    }

    /// Reads a part of a blob: the bytes from `range.start` up to `range.end` or the blob's end,
    /// whichever comes first. Refuses an empty range, one longer than [`MAX_BLOB_BYTES`], and one
    /// that begins at or after the blob's end.
    pub async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobsError> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 || length > size(MAX_BLOB_BYTES) {
            return Err(BlobsError::BadRange(range));
        }
        // One request for the size more: the two homes disagree on how they refuse a bad start.
        if range.start >= self.info(path).await?.size_bytes {
            return Err(BlobsError::BadRange(range));
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self.open_at(path, options).await?;
        found
            .bytes()
            .await
            .map_err(|error| BlobsError::from_store(path, error))
    }

    async fn open_at(
        &self,
        path: &str,
        options: GetOptions,
    ) -> Result<object_store::GetResult, BlobsError> {
        let place = path::checked(path)?;
        self.store
            .get_opts(&place, options)
            .await
            .map_err(|error| BlobsError::from_store(path, error))
    }

    /// A blob's size and time without its bytes; [`BlobsError::Missing`] if there is none.
    pub async fn info(&self, path: &str) -> Result<BlobInfo, BlobsError> {
        let place = path::checked(path)?;
        let meta = self
            .store
            .head(&place)
            .await
            .map_err(|error| BlobsError::from_store(path, error))?;
        Ok(info_of(&meta))
    }

    /// Whether there is a blob of this path.
    pub async fn exists(&self, path: &str) -> Result<bool, BlobsError> {
        match self.info(path).await {
            Ok(_) => Ok(true),
            Err(BlobsError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a blob. Removing one that is not there succeeds.
    pub async fn delete(&self, path: &str) -> Result<(), BlobsError> {
        let place = path::checked(path)?;
        match self.store.delete(&place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobsError::from_store(path, error)),
        }
    }

    /// The first `limit` blobs (1 to [`MAX_LIST`]) below a folder, in byte order of their paths,
    /// that come after the path `after`. An empty folder means all. On a directory this walks the
    /// whole folder, so keep folders to some ten thousand blobs.
    pub async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<BlobInfo>, BlobsError> {
        let limit = limit.clamp(1, MAX_LIST);
        let prefix = match folder {
            "" => None,
            folder => Some(path::checked(folder)?),
        };
        let mut found = match after {
            Some(after) => self
                .store
                .list_with_offset(prefix.as_ref(), &path::checked(after)?),
            None => self.store.list(prefix.as_ref()),
        };
        let mut first = BTreeMap::new();
        while let Some(meta) = found
            .try_next()
            .await
            .map_err(|error| BlobsError::from_store(folder, error))?
        {
            first.insert(meta.location.to_string(), meta);
            if first.len() > limit {
                first.pop_last();
                if self.lists_in_order() {
                    break;
                }
            }
        }
        Ok(first.values().map(info_of).collect())
    }

    fn lists_in_order(&self) -> bool {
        match self.home {
            Home::Directory(_) => false,
            #[cfg(feature = "s3")]
            Home::S3 => true,
        }
    }

    /// Whether the home can be reached. Answers within three seconds.
    pub async fn health(&self) -> Result<(), BlobsError> {
        let check = async {
            match &self.home {
                Home::Directory(directory) => match tokio::fs::metadata(directory).await {
                    Ok(meta) if meta.is_dir() => Ok(()),
                    Ok(_) => Err(BlobsError::NotADirectory(directory.clone())),
                    Err(source) => Err(BlobsError::Directory {
                        directory: directory.clone(),
                        source,
                    }),
                },
                #[cfg(feature = "s3")]
                Home::S3 => self.list("", None, 1).await.map(drop),
            }
        };
        match timeout(HEALTH_TIMEOUT, check).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(BlobsError::Slow),
        }
    }

    /// The engine's name for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self.home {
            Home::Directory(_) => "directory",
            #[cfg(feature = "s3")]
            Home::S3 => "s3",
        }
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs")
            .field("home", &self.name())
            .finish_non_exhaustive()
    }
}

fn info_of(meta: &ObjectMeta) -> BlobInfo {
    BlobInfo {
        path: meta.location.to_string(),
        size_bytes: meta.size,
        modified_at: Timestamp(meta.last_modified.timestamp_micros()),
    }
}

async fn hash(bytes: &Bytes) -> Result<Sha256, BlobsError> {
    if bytes.len() < HASH_ASIDE_BYTES {
        return Ok(Sha256::of(bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Sha256::of(&bytes))
        .await
        .map_err(BlobsError::Stopped)
}

fn size(n_bytes: usize) -> u64 {
    u64::try_from(n_bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
