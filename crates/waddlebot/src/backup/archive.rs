//! The backup file: a ZIP whose manifest names every file with its size and BLAKE3 hash. Must never
//! write outside the directory it is given.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

const MANIFEST: &str = "manifest.json";
/// The layout of this file; a newer one is refused.
const LAYOUT: u32 = 1;

/// What is in a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) layout: u32,
    pub(super) program: String,
    pub(super) made_at: String,
    pub(super) files: BTreeMap<String, Content>,
}

/// One file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

/// Writes the archive; readable only by this user.
pub(super) fn write(
    target: &Path,
    files: &[(String, PathBuf)],
    now: Timestamp,
) -> anyhow::Result<Manifest> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(target)
        .with_context(|| format!("making `{}`", target.display()))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let entry = SimpleFileOptions::default()
        .large_file(true)
        .unix_permissions(0o600);
    let mut manifest = Manifest {
        layout: LAYOUT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.to_string(),
        files: BTreeMap::new(),
    };
    for (name, path) in files {
        let source = File::open(path).with_context(|| format!("reading `{}`", path.display()))?;
        archive.start_file(name.as_str(), entry)?;
        let content = copy(BufReader::new(source), &mut archive)
            .with_context(|| format!("saving `{name}`"))?;
        manifest.files.insert(name.clone(), content);
    }
    archive.start_file(MANIFEST, entry)?;
    archive.write_all(serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    let mut file = archive.finish().context("finishing the backup")?;
    file.flush()?;
    file.get_ref()
        .sync_all()
        .context("writing the backup to the disk")?;
    Ok(manifest)
}

/// Unpacks an archive into an empty directory, readable only by this user, and checks every hash.
pub(super) fn read(source: &Path, into: &Path) -> anyhow::Result<Manifest> {
    let file = File::open(source).with_context(|| format!("opening `{}`", source.display()))?;
    let mut archive = ZipArchive::new(BufReader::new(file))
        .with_context(|| format!("`{}` is not a backup, or it is cut off", source.display()))?;
    let manifest: Manifest = {
        let entry = archive
            .by_name(MANIFEST)
            .context("the file has no manifest: it is not a backup of ours")?;
        serde_json::from_reader(entry.take(16 << 20))
            .context("the backup's manifest cannot be read")?
    };
    if manifest.layout > LAYOUT {
        bail!(
            "the backup was made by a newer version ({}): use that one",
            manifest.program
        );
    }
    for (name, expected) in &manifest.files {
        if !Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            bail!("the backup names a file outside of itself: `{name}`");
        }
        let target = into.join(name);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making `{}`", folder.display()))?;
        }
        let entry = archive
            .by_name(name)
            .with_context(|| format!("`{name}` is missing in the backup"))?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&target)
            .with_context(|| format!("writing `{}`", target.display()))?;
        let mut writer = BufWriter::new(file);
        let found = copy(entry.take(expected.bytes.saturating_add(1)), &mut writer)
            .with_context(|| format!("unpacking `{name}`"))?;
        writer.flush()?;
        if found != *expected {
            bail!("`{name}` in the backup is damaged: its hash does not fit");
        }
    }
    Ok(manifest)
}

fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<Content> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let n = from.read(&mut buffer)?;
        let part = buffer.get(..n).unwrap_or(&[]);
        if part.is_empty() {
            return Ok(Content {
                bytes,
                blake3: hasher.finalize().to_hex().to_string(),
            });
        }
        hasher.update(part);
        to.write_all(part)?;
        bytes += u64::try_from(n).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use kernel::Timestamp;

    #[test]
    fn what_was_saved_comes_back_and_a_flipped_byte_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a");
        std::fs::write(&source, vec![7; 300_000]).unwrap();
        let file = dir.path().join("b.zip");
        write(&file, &[("x/y".to_owned(), source.clone())], Timestamp(0)).unwrap();
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        read(&file, &out).unwrap();
        assert_eq!(
            std::fs::read(out.join("x/y")).unwrap(),
            std::fs::read(&source).unwrap()
        );

        let mut bytes = std::fs::read(&file).unwrap();
        bytes[80] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert!(read(&file, &out).is_err());
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(read(&file, &out).is_err(), "a cut file is refused");
    }

    #[test]
    fn a_name_that_climbs_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a");
        std::fs::write(&source, b"x").unwrap();
        let file = dir.path().join("b.zip");
        write(&file, &[("../evil".to_owned(), source)], Timestamp(0)).unwrap();
        let error = read(&file, &dir.path().join("out"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("outside of itself"), "{error}");
    }
}
