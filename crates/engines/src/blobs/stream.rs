//! Blobs that are stored and read in parts, so that their size does not matter for the memory they take.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{GetOptions, MultipartUpload, ObjectStoreExt, PutPayload};
use sha2::Digest;

use super::{Blobs, BlobsError, Sha256, Stored, path, size};

/// What is kept in memory of a blob that is being stored; S3 wants parts of at least 5 MiB.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// A blob that is being read.
pub struct BlobStream {
    /// How many bytes all parts together have.
    pub size_bytes: u64,
    /// The parts, in order.
    pub parts: BoxStream<'static, Result<Bytes, BlobsError>>,
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStream")
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

impl Blobs {
    /// Stores what a stream gives, at most `max_bytes`, replacing a blob of the same path. Nothing is
    /// there to be read before all of it is; nothing is stored if the stream breaks off.
    pub async fn put_stream<S>(
        &self,
        path: &str,
        from: S,
        max_bytes: u64,
    ) -> Result<Stored, BlobsError>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin + Send,
    {
        let place = path::checked(path)?;
        let failed = |error| BlobsError::from_store(path, error);
        let mut upload = self.store.put_multipart(&place).await.map_err(failed)?;
        let carried = carry(path, &mut *upload, from, max_bytes).await;
        match carried {
            Ok(stored) => {
                upload.complete().await.map_err(failed)?;
                Ok(stored)
            }
            Err(error) => {
                if let Err(left) = upload.abort().await {
                    tracing::warn!(error = %left, "the begun parts of a blob could not be removed");
                }
                Err(error)
            }
        }
    }

    /// Reads a blob of at most `max_bytes` in parts; a larger one is refused before it is read.
    pub async fn stream(&self, path: &str, max_bytes: u64) -> Result<BlobStream, BlobsError> {
        let found = self.open_at(path, GetOptions::default()).await?;
        let size_bytes = found.meta.size;
        if size_bytes > max_bytes {
            return Err(BlobsError::TooLarge {
                path: path.to_owned(),
                size_bytes,
                limit_bytes: max_bytes,
            });
        }
        let name = path.to_owned();
        let parts = found
            .into_stream()
            .map_err(move |error| BlobsError::from_store(&name, error))
            .boxed();
        Ok(BlobStream { size_bytes, parts })
    }
}

/// Hands a stream over in parts.
async fn carry<S>(
    path: &str,
    upload: &mut dyn MultipartUpload,
    mut from: S,
    max_bytes: u64,
) -> Result<Stored, BlobsError>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin + Send,
{
    let mut hash = sha2::Sha256::new();
    let mut size_bytes = 0;
    let mut part = BytesMut::new();
    loop {
        let next = from.try_next().await.map_err(BlobsError::BrokenOff)?;
        let is_end = next.is_none();
        if let Some(bytes) = next {
            size_bytes += size(bytes.len());
            if size_bytes > max_bytes {
                return Err(BlobsError::TooLarge {
                    path: path.to_owned(),
                    size_bytes,
                    limit_bytes: max_bytes,
                });
            }
            part.extend_from_slice(&bytes);
        }
        if part.len() >= PART_BYTES || (is_end && !part.is_empty()) {
            let full = std::mem::take(&mut part).freeze();
            let hashed = tokio::task::spawn_blocking(move || {
                hash.update(&full);
                (hash, full)
            });
            let full;
            (hash, full) = hashed.await.map_err(BlobsError::Stopped)?;
            upload
                .put_part(PutPayload::from_bytes(full))
                .await
                .map_err(|error| BlobsError::from_store(path, error))?;
        }
        if is_end {
            return Ok(Stored {
                size_bytes,
                sha256: Sha256(hash.finalize().into()),
            });
        }
    }
}
