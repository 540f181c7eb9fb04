//! Finds what there is to import below a path, and gives each input a key by which an interrupted
//! import finds its place again.

use std::{
    io,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

use super::{Format, Options, detect_file, input, slack};

/// How many folders deep a directory is searched.
pub const MAX_DEPTH: usize = 16;
/// How many files a directory may have; more is an error, not a silent end.
pub const MAX_FILES: usize = 100_000;

/// One input: a file, or a whole Slack export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub format: Format,
    /// Its size on the disk.
    pub bytes: u64,
    /// Fingerprint of its content: the same after moving or touching it, another once it has
    /// grown. See [`InputFile::resume_key`].
    pub key: String,
}

impl InputFile {
    /// Identifies this input read with these options: progress saved under this key may be taken
    /// up again with [`super::Reader::skip_to`]. Options that change events change the key.
    pub fn resume_key(&self, options: &Options) -> String {
        let mut hasher = blake3::Hasher::new();
        let parts = format!(
            "{}|{:?}|{:?}|{:?}|{:?}|{:?}",
            self.key,
            options.utc_offset_secs,
            options.channel,
            options.server,
            options.encoding,
            options.limits
        );
        hasher.update(parts.as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

/// A file that was found and is not imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why not, as a sentence without its subject: `is empty`.
    pub why: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovery {
    /// To be imported, in the order of their paths.
    pub inputs: Vec<InputFile>,
    /// Not to be imported.
    pub skipped: Vec<Skipped>,
}

/// Nothing can be imported from the path.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The operating system failed.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The one file that was named is of no known format.
    #[error(transparent)]
    Detect(#[from] super::DetectError),
    /// The directory has too many files.
    #[error("`{}` has more than {MAX_FILES} files; import its folders one by one", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has nothing to import.
    #[error(
        "`{}` has no file to import ({n_skipped} of other kinds); the formats are {}",
        path.display(),
        Format::names()
    )]
    Nothing {
        /// The directory.
        path: PathBuf,
        /// How many files were looked at.
        n_skipped: usize,
    },
}

/// Finds the inputs at a path: a file, or every usable file of a directory (hidden ones and
/// symbolic links excepted). `format` is `None` for finding out; a named file is then an error
/// unless it is recognised, a file met in a directory is skipped.
pub fn discover(path: &Path, format: Option<Format>) -> Result<Discovery, DiscoverError> {
    if !path.is_dir() {
        let format = match format {
            Some(format) => format,
            None => detect_file(path)?,
        };
        let mut found = Discovery::default();
        found.inputs.push(file(path, format)?);
        return Ok(found);
    }
    let mut found = Discovery::default();
    let mut n_files = 0;
    let mut walk = WalkDir::new(path)
        .max_depth(MAX_DEPTH)
        .follow_links(false)
        .sort_by_file_name()
        .into_iter();
    while let Some(entry) = walk.next() {
        let entry = entry.map_err(|error| DiscoverError::Io {
            path: error.path().unwrap_or(path).to_owned(),
            source: error.into(),
        })?;
        if entry.depth() > 0 && is_hidden(&entry) {
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            continue;
        }
        if entry.file_type().is_dir() {
            let may_be_slack = format.is_none_or(|format| format == Format::SlackExport);
            if may_be_slack && slack::is_export_dir(entry.path()) {
                found.inputs.push(export(entry.path())?);
                walk.skip_current_dir();
            }
            continue;
        }
        n_files += 1;
        if n_files > MAX_FILES {
            return Err(DiscoverError::TooMany {
                path: path.to_owned(),
            });
        }
        match judge(&entry, format) {
            Ok(format) => found.inputs.push(file(entry.path(), format)?),
            Err(why) => found.skipped.push(Skipped {
                path: entry.into_path(),
                why,
            }),
        }
    }
    if found.inputs.is_empty() {
        return Err(DiscoverError::Nothing {
            path: path.to_owned(),
            n_skipped: found.skipped.len(),
        });
    }
    Ok(found)
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// The format of a file in a directory, or why it is skipped.
fn judge(entry: &DirEntry, wanted: Option<Format>) -> Result<Format, String> {
    if entry.path_is_symlink() {
        return Err("is a symbolic link".to_owned());
    }
    if !entry.file_type().is_file() {
        return Err("is not a regular file".to_owned());
    }
    match (detect_file(entry.path()), wanted) {
        (Ok(format), None) => Ok(format),
        (Ok(format), Some(wanted)) if format == wanted => Ok(format),
        (Ok(format), Some(_)) => Err(format!("is {format}")),
        (Err(_), Some(wanted)) if has_extension(entry.path(), wanted) => Ok(wanted),
        (Err(super::DetectError::Unknown { saw, .. }), _) => Err(saw),
        (Err(super::DetectError::Io { source, .. }), _) => Err(format!("cannot be read: {source}")),
    }
}

fn has_extension(path: &Path, format: Format) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    format
        .extensions()
        .iter()
        .any(|extension| name.ends_with(&format!(".{extension}")))
}

fn file(path: &Path, format: Format) -> Result<InputFile, DiscoverError> {
    if path.is_dir() {
        return export(path);
    }
    let io_error = |source| DiscoverError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = path.metadata().map_err(io_error)?.len();
    let head = input::head(path).map_err(io_error)?;
    let mut hasher = hasher(path, format);
    hasher.update(&bytes.to_le_bytes());
    hasher.update(&head);
    Ok(InputFile {
        path: path.to_owned(),
        format,
        bytes,
        key: hasher.finalize().to_hex().to_string(),
    })
}

/// A directory that is one input: its key covers the names and sizes of all its files.
fn export(path: &Path) -> Result<InputFile, DiscoverError> {
    let mut hasher = hasher(path, Format::SlackExport);
    let mut total = 0_u64;
    for entry in WalkDir::new(path).max_depth(MAX_DEPTH).sort_by_file_name() {
        let entry = entry.map_err(|error| DiscoverError::Io {
            path: path.to_owned(),
            source: error.into(),
        })?;
        if !entry.file_type().is_file() {
            continue;
        }
        let bytes = entry.metadata().map_or(0, |meta| meta.len());
        total = total.saturating_add(bytes);
        let name = entry.path().strip_prefix(path).unwrap_or(entry.path());
        hasher.update(name.to_string_lossy().as_bytes());
        hasher.update(&[0]);
        hasher.update(&bytes.to_le_bytes());
    }
    Ok(InputFile {
        path: path.to_owned(),
        format: Format::SlackExport,
        bytes: total,
        key: hasher.finalize().to_hex().to_string(),
    })
}

/// Begins a key with what the events of a file depend on besides its content: the format, and the
/// last parts of the path, from which IRC logs take channel and date.
fn hasher(path: &Path, format: Format) -> blake3::Hasher {
    const PARTS: usize = 5;
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let parts: Vec<_> = full.components().rev().take(PARTS).collect();
    let parts = match format {
        Format::Irc => parts.as_slice(),
        _ => parts.get(..1).unwrap_or_default(),
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(format.as_str().as_bytes());
    for part in parts {
        hasher.update(&[0]);
        hasher.update(part.as_os_str().to_string_lossy().as_bytes());
    }
    hasher.update(&[0]);
    hasher
}

#[cfg(test)]
mod tests;
