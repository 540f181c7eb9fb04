//! Opens a file for reading: counts the bytes that leave the disk and unpacks gzip on the way.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

/// Bytes read from the disk at once.
const BUFFER_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Any source of bytes a reader works on.
pub(super) type Bytes = Box<dyn BufRead + Send>;

/// How many bytes have left the disk; shared between the source and the reader that reports it.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumed(Arc<AtomicU64>);

impl Consumed {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what passes through `inner`.
    pub(super) fn counting<R>(&self, inner: R) -> Counting<R> {
        Counting {
            inner,
            consumed: self.clone(),
        }
    }
}

/// A reader that adds what it reads to a [`Consumed`].
pub(super) struct Counting<R> {
    inner: R,
    consumed: Consumed,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.consumed.add(u64::try_from(n).unwrap_or(u64::MAX));
        Ok(n)
    }
}

/// Opens a file; a gzip file (by content, not by name) is unpacked while it is read.
pub(super) fn open(path: &Path, consumed: &Consumed) -> io::Result<Bytes> {
    let mut raw = buffered(consumed.counting(File::open(path)?));
    if raw.fill_buf()?.starts_with(&GZIP_MAGIC) {
        return Ok(Box::new(buffered(MultiGzDecoder::new(raw))));
    }
    Ok(Box::new(raw))
}

/// A buffer of the house size around any reader.
pub(super) fn buffered<R: Read>(inner: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER_BYTES, inner)
}

/// The beginning of what a gzip head unpacks to; the head itself if it is not gzip.
pub(super) fn unpack_head(head: &[u8]) -> Vec<u8> {
    if !head.starts_with(&GZIP_MAGIC) {
        return head.to_vec();
    }
    let limit = u64::try_from(BUFFER_BYTES).unwrap_or(u64::MAX);
    let mut unpacked = Vec::new();
    // The head is cut off by nature, so the error at its end says nothing.
    let _ = MultiGzDecoder::new(head)
        .take(limit)
        .read_to_end(&mut unpacked);
    unpacked
}

/// The first 64 KiB of a file, as they are on the disk.
pub(super) fn head(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(BUFFER_BYTES).unwrap_or(u64::MAX);
    let mut head = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut head)?;
    Ok(head)
}
