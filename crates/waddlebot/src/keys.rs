//! The keys that seal tokens of platforms: where they are kept (`keys.ring` in the configuration, or
//! `keys.toml` in the data directory, made at the first start), and `waddlebot keys`.
//!
//! Must never print a key. Never makes new keys while the database holds what only lost ones open.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use app::SystemEntropy;
use clap::Subcommand;
use kernel::Clock;
use serde::Deserialize;
use store::{
    Db, KeyRing, migration,
    seal::{self, Keys, RingError},
};

use crate::{compose, config::Config, console};

/// The file's name in the data directory.
pub(crate) const FILE: &str = "keys.toml";

const HEAD: &str = "# The keys that seal tokens of Discord, Twitch and Slack in WaddleBot's database.\n\
                    # Without this file the tokens cannot be opened: keep a copy where the database is not.\n\
                    # Several processes over one database need the same keys. Never delete a key that\n\
                    # `waddlebot keys list` shows in use.\n";

/// What to do about keys.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Command {
    /// Show the keys by id, which one is active, and how many tokens each seals
    List,
    /// Add a key and seal every token anew with it; may run while WaddleBot runs
    Rotate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    active: String,
    keys: BTreeMap<String, String>,
}

/// Where keys were found.
pub(crate) enum Kept {
    /// In the configuration: whoever runs the program changes them.
    Configured(Keys),
    /// In a file of ours.
    File(PathBuf, Keys),
    /// Nowhere yet.
    Nowhere(PathBuf),
}

/// Finds the keys.
pub(crate) fn find(config: &Config) -> anyhow::Result<Kept> {
    let ring = config.keys.ring.expose();
    if !ring.is_empty() {
        return Ok(Kept::Configured(
            Keys::parse(ring).context("reading `keys.ring`")?,
        ));
    }
    let path = config.data_dir.join(FILE);
    Ok(match read(&path) {
        Ok(Some(keys)) => Kept::File(path, keys),
        Ok(None) => Kept::Nowhere(path),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("reading the key file `{}`", path.display()));
        }
    })
}

/// The keys in a file; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Keys>, RingError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RingError::Source(error.to_string())),
    };
    // What the parser says would quote the line, and with it a key.
    let stored: Stored = toml::from_str(&text)
        .map_err(|_quotes_keys| RingError::Source("it is not a key file".to_owned()))?;
    let keys = stored.keys.iter().map(|(id, text)| {
        let key = seal::parse_key(id, text)?;
        Ok((id.clone(), key))
    });
    Keys::new(&stored.active, keys.collect::<Result<_, RingError>>()?).map(Some)
}

/// Writes the file whole, for this user only. Without `replace` an existing one is kept.
fn write(path: &Path, keys: &Keys, replace: bool) -> anyhow::Result<()> {
    let place = path.parent().unwrap_or(Path::new("."));
    let naming = || format!("writing the key file `{}`", path.display());
    // Made with the rights 0600.
    let mut file = tempfile::NamedTempFile::new_in(place).with_context(naming)?;
    let mut text = format!("{HEAD}\nactive = \"{}\"\n\n[keys]\n", keys.active());
    for (id, key) in keys.texts() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{id} = \"{}\"", key.expose());
    }
    file.write_all(text.as_bytes()).with_context(naming)?;
    file.as_file().sync_all().with_context(naming)?;
    if replace {
        file.persist(path).with_context(naming)?;
    } else {
        file.persist_noclobber(path).with_context(naming)?;
    }
    // So that the name is on the disk before something is sealed with the key.
    let folder = std::fs::File::open(place).with_context(naming)?;
    folder.sync_all().with_context(naming)
}

/// The ring of a running program over its migrated database; makes the keys at the first start.
/// Refuses to start if a stored token needs a key that is not there.
pub(crate) async fn ring(config: &Config, db: &Db) -> anyhow::Result<KeyRing> {
    let path = match find(config)? {
        Kept::Configured(keys) => {
            let ring = KeyRing::new(&keys);
            refuse_missing(db, &ring).await?;
            return Ok(ring);
        }
        Kept::File(path, keys) => {
            warn_if_open(&path);
            let ring = from_file(&path, &keys);
            refuse_missing(db, &ring).await?;
            return Ok(ring);
        }
        Kept::Nowhere(path) => path,
    };
    let keys = Keys::generate(&SystemEntropy);
    refuse_missing(db, &KeyRing::new(&keys)).await?;
    if let Err(error) = write(&path, &keys, false) {
        // Another process of this directory was faster: its keys hold.
        if let Kept::File(path, keys) = find(config)? {
            return Ok(from_file(&path, &keys));
        }
        return Err(error);
    }
    tracing::warn!(
        keys.file = %path.display(), keys.active = keys.active(),
        "MADE NEW KEYS in {}: they seal the tokens of connected platforms. BACK THIS FILE UP: without it the tokens in the database are lost (`waddlebot backup` takes it along)",
        path.display()
    );
    Ok(from_file(&path, &keys))
}

fn from_file(path: &Path, keys: &Keys) -> KeyRing {
    let path = path.to_owned();
    KeyRing::new(keys).with_source(Arc::new(move || {
        read(&path)?.ok_or_else(|| RingError::Source("the key file is gone".to_owned()))
    }))
}

async fn refuse_missing(db: &Db, ring: &KeyRing) -> anyhow::Result<()> {
    let missing = app::missing_key(db, ring)
        .await
        .context("reading which keys are in use")?;
    match missing {
        None => Ok(()),
        Some(id) => bail!(
            "tokens in the database are sealed with the key `{id}`, which is not there: put `{FILE}` that has it back into the data directory (it is in every backup), or set `keys.ring`"
        ),
    }
}

/// What others may read is no secret.
pub(crate) fn is_open(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn warn_if_open(path: &Path) {
    if is_open(path) {
        tracing::warn!(keys.file = %path.display(), "others on this machine can read the key file: chmod 600 {}", path.display());
    }
}

/// `waddlebot keys …`
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = compose::open_database(config).await?;
    migration::run(&db, kernel::SystemClock.now())
        .await
        .context("bringing the database up to date")?;
    match command {
        Command::List => list(config, &db).await?,
        Command::Rotate => rotate(config, &db).await?,
    }
    db.close().await.context("closing the database")
}

async fn list(config: &Config, db: &Db) -> anyhow::Result<()> {
    let (place, keys) = match find(config)? {
        Kept::Configured(keys) => ("the setting `keys.ring`".to_owned(), keys),
        Kept::File(path, keys) => (path.display().to_string(), keys),
        Kept::Nowhere(path) => {
            console::say(format!(
                "no keys yet: {} is made at the first start",
                path.display()
            ));
            return Ok(());
        }
    };
    let report = app::check_seals(db, &KeyRing::new(&keys))
        .await
        .context("reading the sealed tokens")?;
    console::say(format!("keys in {place}:"));
    for (id, _) in keys.texts() {
        let n = report.by_key.get(id).copied().unwrap_or(0);
        let mark = if id == keys.active() { "  active" } else { "" };
        console::say(format!("  {id:<32} seals {n} tokens{mark}"));
    }
    if let Some((holder, error)) = report.trouble {
        bail!("the tokens of {holder} cannot be opened: {error}");
    }
    Ok(())
}

/// Adds a key, unless an earlier rotation was broken off: then that one is finished.
async fn rotate(config: &Config, db: &Db) -> anyhow::Result<()> {
    let ring = match find(config)? {
        Kept::Configured(keys) => {
            console::say(
                "the keys are in `keys.ring`: to add one, put it in front there and restart every process; now everything is sealed with the first one",
            );
            KeyRing::new(&keys)
        }
        Kept::Nowhere(_) => ring(config, db).await?,
        Kept::File(path, keys) => {
            refuse_missing(db, &KeyRing::new(&keys)).await?;
            let report = app::check_seals(db, &KeyRing::new(&keys)).await?;
            let behind = report.by_key.keys().any(|id| id != keys.active());
            if behind {
                console::say(format!(
                    "an earlier rotation to the key {} was not finished: going on with it",
                    keys.active()
                ));
                KeyRing::new(&keys)
            } else {
                let grown = keys.with_fresh(&SystemEntropy)?;
                write(&path, &grown, true)?;
                console::say(format!(
                    "added the key {} to {}; back this file up",
                    grown.active(),
                    path.display()
                ));
                KeyRing::new(&grown)
            }
        }
    };
    let mut sealed = 0;
    // Texts that a running process writes meanwhile are few; each round finds fewer.
    for _ in 0..10 {
        let done = app::reseal(db, &ring, &SystemEntropy)
            .await
            .context("sealing the tokens anew")?;
        sealed += done.texts;
        if done.overtaken == 0 {
            break;
        }
    }
    console::say(format!(
        "sealed {sealed} tokens with the key {}; the older keys stay in the ring, for backups and for processes that still run",
        ring.active()
    ));
    Ok(())
}
