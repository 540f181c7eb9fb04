//! Who uses a data directory. Everything that opens the system holds a shared lock on a file in it,
//! and `restore` takes that lock alone: a directory that is moved away under a running program
//! would swallow what the program writes from then on. The operating system lets go of the lock
//! when a process ends, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use anyhow::{Context, bail};

/// The file's name within the data directory; it stays empty.
const NAME: &str = "waddlebot.lock";

/// Held as long as the directory is used.
#[derive(Debug)]
pub(crate) struct Presence {
    _file: File,
}

impl Presence {
    /// For a process among others.
    pub(crate) fn shared(place: &Path) -> anyhow::Result<Self> {
        let file = open(place)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "a backup is just being put back into `{}`: wait until that is done",
                place.display()
            ),
            Err(TryLockError::Error(error)) => unlocked(place, &error),
        }
        Ok(Self { _file: file })
    }

    /// For whoever replaces the directory: refused while any other process uses it.
    pub(crate) fn alone(place: &Path) -> anyhow::Result<Self> {
        let file = open(place)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "a running WaddleBot uses `{}`: stop it first",
                place.display()
            ),
            Err(TryLockError::Error(error)) => unlocked(place, &error),
        }
        Ok(Self { _file: file })
    }
}

fn open(place: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(place.join(NAME))
        .with_context(|| format!("the data directory `{}` cannot be written", place.display()))
}

/// Some network file systems have no locks; with PostgreSQL the directory may be on one.
fn unlocked(place: &Path, error: &std::io::Error) {
    tracing::warn!(
        error = %error,
        "`{}` is on a file system without locks: nothing will stop a restore while the program runs",
        place.display()
    );
}

#[cfg(test)]
mod tests {
    use super::Presence;

    #[test]
    fn many_may_be_present_and_whoever_replaces_must_be_alone() {
        let place = tempfile::tempdir().unwrap();
        let one = Presence::shared(place.path()).unwrap();
        let two = Presence::shared(place.path()).unwrap();
        drop(one);
        let refused = Presence::alone(place.path()).unwrap_err();
        assert!(refused.to_string().contains("stop it first"), "{refused}");
        drop(two);
        let alone = Presence::alone(place.path()).unwrap();
        Presence::shared(place.path()).unwrap_err();
        drop(alone);
        Presence::shared(place.path()).unwrap();
    }
}
