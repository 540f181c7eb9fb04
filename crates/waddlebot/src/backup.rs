//! `waddlebot backup` and `waddlebot restore`: everything in one ZIP file with a manifest of hashes.
//!
//! SQLite is copied with `VACUUM INTO` while others write: the copy is what was committed at one
//! moment. PostgreSQL is dumped by its own `pg_dump` and put back by `pg_restore`, which must be
//! installed. Files in a directory are taken along; files in S3 are not: back the bucket up there.

mod archive;
mod postgres;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kernel::{Clock, SystemClock};
use store::{Db, Engine};

use crate::{
    compose,
    config::Config,
    console,
    keys::{self, Kept},
    presence::Presence,
};

/// Folders of the data directory that are saved along with the database.
const FOLDERS: [&str; 2] = ["blobs", "outbox"];
/// Names within the archive.
const SQLITE: &str = "waddlebot.db";
const DUMP: &str = "postgres.dump";

/// Saves everything into a new file.
pub(crate) async fn save(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        bail!("`{}` exists already: choose another name", file.display());
    }
    let db = compose::open_database(config).await?;
    db.health().await.context("reading the database")?;
    let work = tempfile::tempdir_in(&config.data_dir)
        .context("making a temporary directory in the data directory")?;
    let (name, copy) = match db.engine() {
        Engine::Sqlite => {
            let copy = work.path().join(SQLITE);
            db.copy_to(&copy).await.context("copying the database")?;
            (SQLITE, copy)
        }
        Engine::Postgres => {
            let copy = work.path().join(DUMP);
            postgres::dump(&config.database_url(), &copy)?;
            (DUMP, copy)
        }
    };
    db.close().await?;
    let mut files = vec![(name.to_owned(), copy)];
    for folder in FOLDERS {
        collect(&config.data_dir.join(folder), folder, &mut files)?;
    }
    // Last, so that a key that is added meanwhile is in the copy of whatever it seals.
    let kept = keys::find(config)?;
    if let Kept::File(path, _) = &kept {
        files.push((keys::FILE.to_owned(), path.clone()));
    }
    // Written beside and renamed, so that a file of this name is always whole.
    let part = part_of(file);
    let manifest = archive::write(&part, &files, SystemClock.now()).inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    })?;
    std::fs::rename(&part, file)
        .with_context(|| format!("naming the backup `{}`", file.display()))?;
    let size = std::fs::metadata(file).map_or(0, |meta| meta.len());
    console::say(format!(
        "saved {} into {} ({})",
        console::plural(manifest.files.len(), "file"),
        file.display(),
        console::bytes(size)
    ));
    match kept {
        Kept::File(..) => console::say(
            "the keys of the sealed tokens are in it: guard it like a password, or it opens your connections",
        ),
        Kept::Configured(_) => console::warn(
            "the keys in `keys.ring` are not in the backup: keep them elsewhere, or its tokens cannot be opened",
        ),
        Kept::Nowhere(_) => {}
    }
    if !config.blobs.url.is_empty() && !config.blobs.url.starts_with("file:") {
        console::warn("files in S3 are not in the backup: back the bucket up there");
    }
    Ok(())
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn collect(place: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading `{}`", place.display())),
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("reading `{}`", place.display()))?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &name, files)?;
        } else if kind.is_file() {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

/// Puts a backup back. The archive is read and checked completely before anything is replaced.
pub(crate) async fn restore(config: &Config, file: &Path, replace: bool) -> anyhow::Result<()> {
    let place = &config.data_dir;
    let parent = place
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| format!("making `{}`", parent.display()))?;
    let fresh = tempfile::tempdir_in(parent)
        .context("making a temporary directory beside the data directory")?;
    let manifest = archive::read(file, fresh.path())?;
    let is_dump = manifest.files.contains_key(DUMP);
    let url = config.database_url();
    let into_postgres = !url.expose().starts_with("sqlite:");
    if is_dump != into_postgres {
        bail!(
            "the backup is of {}, but `database.url` names {}",
            if is_dump { "PostgreSQL" } else { "SQLite" },
            if into_postgres {
                "PostgreSQL"
            } else {
                "SQLite"
            }
        );
    }
    if !into_postgres && !config.database.url.expose().is_empty() {
        bail!("restore puts the database into the data directory: leave `database.url` empty");
    }
    let used = place.exists()
        && std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some());
    if used && !replace {
        bail!(
            "`{}` is not empty: stop WaddleBot and add --replace (the old directory is kept)",
            place.display()
        );
    }
    let presence = if used {
        Some(Presence::alone(place)?)
    } else {
        None
    };
    if is_dump {
        let dump = fresh.path().join(DUMP);
        postgres::restore(&url, &dump, replace)?;
        std::fs::remove_file(&dump)?;
    } else {
        check_database(&fresh.path().join(SQLITE)).await?;
    }
    if used {
        let old = place.with_extension(format!("old-{}", SystemClock.now().secs()));
        std::fs::rename(place, &old)
            .with_context(|| format!("moving the old data directory to `{}`", old.display()))?;
        console::say(format!(
            "the old data directory is kept at {}",
            old.display()
        ));
        // The operator's settings are not in the backup: they stay in force. So do keys, if the
        // backup has none.
        for name in ["waddlebot.toml", keys::FILE] {
            let (kept, fresh) = (old.join(name), fresh.path().join(name));
            if kept.is_file() && !fresh.exists() {
                std::fs::copy(&kept, &fresh).with_context(|| format!("keeping {name}"))?;
            }
        }
    } else if place.exists() {
        std::fs::remove_dir(place).with_context(|| format!("replacing `{}`", place.display()))?;
    }
    drop(presence);
    let fresh = fresh.keep();
    std::fs::rename(&fresh, place)
        .with_context(|| format!("putting the data directory to `{}`", place.display()))?;
    console::say(format!(
        "restored {} of {} into {}{}",
        console::plural(manifest.files.len(), "file"),
        manifest.made_at,
        if is_dump {
            "the database of `database.url` and "
        } else {
            ""
        },
        place.display()
    ));
    Ok(())
}

/// Opens the restored copy once, so that a damaged one is never put in place.
async fn check_database(file: &Path) -> anyhow::Result<()> {
    let db = Db::open(&store::Options::new(format!("sqlite://{}", file.display()))).await?;
    let pending = store::migration::pending(&db)
        .await
        .context("the database in the backup cannot be used");
    let answer = store::sql::scalar::<String>(db.read(), "PRAGMA quick_check(1)", vec![]).await;
    db.close().await?;
    pending?;
    let answer = answer.context("checking the database in the backup")?;
    if answer != "ok" {
        bail!("the database in the backup is damaged: {answer}");
    }
    Ok(())
}
