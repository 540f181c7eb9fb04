//! The files of an export, in a ZIP archive or an unpacked directory. Entries are read one after
//! the other and never extracted; what they grow to is bounded.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::{Crc, read::DeflateDecoder};
use walkdir::WalkDir;
use zip::{CompressionMethod, read::Config, unstable::read::ZipIterable};

use super::{lists::IS_SIGN, split};
use crate::format::{
    Fatal, Format, Limits, OpenError,
    input::{Bytes, Consumed, buffered},
    reject::{TooLarge, fatal},
};

/// What every entry may grow to, whatever its ratio: small files of equal lines compress well.
const ALWAYS_ALLOWED_BYTES: u64 = 16 << 20;
/// Bytes of the header in front of an entry's data, without its two variable parts.
const LOCAL_HEADER_BYTES: u64 = 30;
/// An export is channels with days in them, perhaps in a folder of its own.
const DEPTH_MAX: usize = 3;

/// One file of the export.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Path below the export, with `/`.
    pub(super) name: String,
    /// Bytes on the disk.
    pub(super) bytes: u64,
    packed: Option<Packed>,
}

/// Where an entry of an archive is, and what is promised about it.
#[derive(Clone, Copy, Debug)]
struct Packed {
    header_start: u64,
    method: CompressionMethod,
    unpacked_bytes: u64,
    crc: u32,
}

/// An opened export.
pub(super) struct Tree {
    path: PathBuf,
    entries: Vec<Entry>,
    limits: Limits,
}

impl Tree {
    /// Lists the files of an export; only those that end in `.json`.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, OpenError> {
        let entries = if path.is_dir() {
            directory(path, limits)?
        } else {
            archive(path, limits)?
        };
        Ok(Self {
            path: path.to_owned(),
            entries,
            limits: *limits,
        })
    }

    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Opens one file.
    pub(super) fn read(&self, entry: &Entry, consumed: &Consumed) -> Result<Bytes, Fatal> {
        let place = format!("{}/{}", self.path.display(), entry.name);
        let opened = match &entry.packed {
            None => File::open(self.path.join(&entry.name))
                .map(|file| -> Bytes { Box::new(buffered(consumed.counting(file))) }),
            Some(packed) => self.unpack(entry, packed, consumed),
        };
        opened.map_err(|source| fatal(&place, source))
    }

    fn unpack(&self, entry: &Entry, packed: &Packed, consumed: &Consumed) -> io::Result<Bytes> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(packed.header_start))?;
        let mut header = [0; 30];
        file.read_exact(&mut header)?;
        let [.., n0, n1, e0, e1] = header;
        let variable =
            u64::from(u16::from_le_bytes([n0, n1])) + u64::from(u16::from_le_bytes([e0, e1]));
        file.seek(SeekFrom::Start(
            packed
                .header_start
                .saturating_add(LOCAL_HEADER_BYTES + variable),
        ))?;
        let data = consumed.counting(file).take(entry.bytes);
        let inner: Box<dyn Read + Send> = match packed.method {
            CompressionMethod::Stored => Box::new(data),
            CompressionMethod::Deflated => Box::new(DeflateDecoder::new(buffered(data))),
            method => {
                let what = format!("compressed with {method}, which Slack does not use");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        };
        let by_ratio = entry.bytes.saturating_mul(self.limits.zip_ratio_max);
        Ok(Box::new(buffered(Checked {
            inner,
            crc: Crc::new(),
            produced: 0,
            promised: *packed,
            limit: by_ratio
                .max(ALWAYS_ALLOWED_BYTES)
                .min(self.limits.entry_bytes_max),
        })))
    }
}

/// Bounds what an entry grows to, and compares it with what the archive promised.
struct Checked {
    inner: Box<dyn Read + Send>,
    crc: Crc,
    produced: u64,
    promised: Packed,
    limit: u64,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n > 0 {
            self.crc.update(buffer.get(..n).unwrap_or_default());
            self.produced = self.produced.saturating_add(u64::try_from(n).unwrap_or(0));
            if self.produced > self.limit {
                let limit = self.limit;
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    TooLarge { limit },
                ));
            }
            return Ok(n);
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.produced < self.promised.unpacked_bytes {
            let what = "less data than the archive's table of contents promises";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        if self.crc.sum() != self.promised.crc {
            let what = "the checksum does not fit";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(0)
    }
}

fn archive(path: &Path, limits: &Limits) -> Result<Vec<Entry>, OpenError> {
    let file = File::open(path).map_err(|source| OpenError::Io {
        path: path.to_owned(),
        source,
    })?;
    let zip_error = |source| OpenError::Zip {
        path: path.to_owned(),
        source,
    };
    let mut contents =
        ZipIterable::try_new(BufReader::new(file), Config::default()).map_err(zip_error)?;
    if contents.len() > limits.entries_max {
        return Err(too_many(path, limits));
    }
    let mut entries = Vec::new();
    for entry in contents.files().map_err(zip_error)? {
        let entry = entry.map_err(zip_error)?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if !is_json(&name) || entry.is_dir() {
            continue;
        }
        if entry.encrypted() {
            return Err(OpenError::NotThisFormat {
                path: path.to_owned(),
                format: Format::SlackExport,
                what: format!("`{name}` in it is encrypted"),
            });
        }
        entries.push(Entry {
            bytes: entry.compressed_size(),
            packed: Some(Packed {
                header_start: entry.header_start(),
                method: entry.compression(),
                unpacked_bytes: entry.size(),
                crc: entry.crc32(),
            }),
            name,
        });
    }
    Ok(entries)
}

fn directory(path: &Path, limits: &Limits) -> Result<Vec<Entry>, OpenError> {
    let mut entries = Vec::new();
    // Links are not followed: nothing outside the directory is read.
    for found in WalkDir::new(path).max_depth(DEPTH_MAX).follow_links(false) {
        let found = found.map_err(|error| OpenError::Io {
            path: path.to_owned(),
            source: error.into(),
        })?;
        let name = found
            .path()
            .strip_prefix(path)
            .ok()
            .and_then(Path::to_str)
            .map(|name| name.replace(std::path::MAIN_SEPARATOR, "/"));
        let Some(name) = name.filter(|name| is_json(name) && found.file_type().is_file()) else {
            continue;
        };
        let bytes = found.metadata().map_or(0, |meta| meta.len());
        entries.push(Entry {
            name,
            bytes,
            packed: None,
        });
        if entries.len() > limits.entries_max {
            return Err(too_many(path, limits));
        }
    }
    Ok(entries)
}

fn too_many(path: &Path, limits: &Limits) -> OpenError {
    OpenError::TooMany {
        path: path.to_owned(),
        limit: limits.entries_max,
        what: "entries",
    }
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "json")
}

/// Whether a directory is an unpacked export: it has the lists.
pub(in crate::format) fn is_export_dir(path: &Path) -> bool {
    let has = |name: &&str| path.join(name).is_file();
    IS_SIGN.iter().any(has) && ["channels.json", "groups.json"].iter().any(has)
}

/// Whether a file is a ZIP archive with the lists in it; the names seen otherwise.
pub(in crate::format) fn is_export_zip(path: &Path) -> Result<(), String> {
    let limits = Limits::default();
    match archive(path, &limits) {
        Err(error) => Err(format!("is a ZIP archive that cannot be read: {error}")),
        Ok(entries) => {
            let has = |wanted: &str| entries.iter().any(|entry| split(&entry.name).1 == wanted);
            if IS_SIGN.iter().any(|name| has(name)) && (has("channels.json") || has("groups.json"))
            {
                return Ok(());
            }
            Err("is a ZIP archive without users.json and channels.json".to_owned())
        }
    }
}
