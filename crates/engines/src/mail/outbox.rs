//! Mail into a directory: the embedded default, which the dashboard shows to an administrator.
//!
//! One `.eml` file per mail, readable only by the user the program runs as. Must never overwrite a
//! file, show half a file, or open one whose name did not come from here.

mod name;
mod read;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use kernel::{Clock, Page, PageRequest, Timestamp};
use lettre::message::Mailbox;

pub use self::name::{NotAnOutboxId, OutboxId};
use self::name::{TEMPORARY, file_name};
pub use self::read::{OutboxEntry, OutboxMail};
use super::message::{compose, sender};
use super::{Mail, MailError, Mailer};

/// Writes mails into a directory, and lists and reads them back.
///
/// Nothing is removed until [`OutboxMailer::prune_before`] is called.
#[derive(Clone)]
pub struct OutboxMailer {
    directory: Arc<Path>,
    from: Mailbox,
    clock: Arc<dyn Clock>,
    n_sent: Arc<AtomicU64>,
}

impl OutboxMailer {
    /// Opens an outbox in a directory, which is made (with rights for this user only) if absent.
    pub fn open(directory: &Path, from: &str, clock: Arc<dyn Clock>) -> Result<Self, MailError> {
        let mut maker = std::fs::DirBuilder::new();
        maker.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(directory).map_err(MailError::Outbox)?;
        Ok(Self {
            directory: directory.into(),
            from: sender(from)?,
            clock,
            n_sent: Arc::default(),
        })
    }

    /// One page of mails, the newest first. A file that cannot be read is left out, with a warning.
    pub async fn list(&self, request: &PageRequest) -> Result<Page<OutboxEntry>, MailError> {
        let before = match request.cursor() {
            None => None,
            Some(cursor) => Some(OutboxId::of_cursor(cursor).ok_or(MailError::Malformed(
                "list has no such page; start again from the first",
            ))?),
        };
        let request = request.clone();
        self.aside(move |directory| {
            let fetch = usize::try_from(request.fetch()).unwrap_or(usize::MAX);
            let ids = newest(directory, before, fetch)?;
            let page = Page::from_rows(ids, &request, |id| id.cursor());
            let mut items = Vec::with_capacity(page.items.len());
            for id in page.items {
                match read::mail(directory, id) {
                    Ok(Some(mail)) => items.push(OutboxEntry {
                        id,
                        to: mail.to,
                        subject: mail.subject,
                    }),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(outbox.id = %id, error = %error, "cannot read a mail of the outbox");
                    }
                }
            }
            Ok(Page { items, next: page.next })
        })
        .await
    }

    /// One mail; `None` if there is none of this id.
    pub async fn read(&self, id: OutboxId) -> Result<Option<OutboxMail>, MailError> {
        self.aside(move |directory| read::mail(directory, id)).await
    }

    /// Removes the mails to an address, in any case of its letters; returns how many. For erasing a
    /// person.
    pub async fn forget(&self, address: &str) -> Result<u64, MailError> {
        let address = address.to_lowercase();
        self.aside(move |directory| {
            let mut n_removed = 0;
            for entry in std::fs::read_dir(directory)? {
                let entry = entry?;
                let name = entry.file_name();
                let Some(id) = name.to_str().and_then(OutboxId::of_file) else {
                    continue;
                };
                let mail = read::mail(directory, id)?;
                if mail.is_some_and(|mail| mail.to.to_lowercase().contains(&address)) {
                    std::fs::remove_file(entry.path())?;
                    n_removed += 1;
                }
            }
            Ok(n_removed)
        })
        .await
    }

    /// Removes the mails sent before an instant; returns how many. For a retention job: mails hold
    /// personal data and sign-in links.
    pub async fn prune_before(&self, before: Timestamp) -> Result<u64, MailError> {
        self.aside(move |directory| {
            let mut n_removed = 0;
            for entry in std::fs::read_dir(directory)? {
                let entry = entry?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                // Left behind by a process that was killed while it wrote.
                let leftover = name
                    .strip_prefix(TEMPORARY)
                    .and_then(|rest| rest.split_once('-')?.0.parse().ok())
                    .map(Timestamp);
                let mail = OutboxId::of_file(name).map(OutboxId::sent_at);
                if mail.or(leftover).is_some_and(|at| at < before) {
                    std::fs::remove_file(entry.path())?;
                    n_removed += u64::from(mail.is_some());
                }
            }
            Ok(n_removed)
        })
        .await
    }

    /// Runs file work on a thread that may wait.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, MailError> {
        let directory = Arc::clone(&self.directory);
        tokio::task::spawn_blocking(move || work(&directory))
            .await
            .map_err(io::Error::other)
            .and_then(|done| done)
            .map_err(MailError::Outbox)
    }
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let n = self.n_sent.fetch_add(1, Ordering::Relaxed);
        let at = self.clock.now();
        let bytes = compose(&self.from, mail, at, n)?.formatted();
        self.aside(move |directory| write(directory, at, n, &bytes))
            .await
    }

    async fn health(&self) -> Result<(), MailError> {
        let prefix = format!("{TEMPORARY}{}-", self.clock.now().0);
        // Writes and removes a file: rights and space, not only existence.
        self.aside(move |directory| {
            let mut file = temporary(directory, &prefix)?;
            file.write_all(b"health")?;
            file.as_file().sync_all()
        })
        .await
    }

    fn name(&self) -> &'static str {
        "outbox"
    }
}

fn temporary(directory: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    // The temporary file is made with mode 0600.
    tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(directory)
}

/// Writes the whole file under a temporary name, then gives it its own. Another process with the
/// same outbox may have taken that name, so takes the next.
fn write(directory: &Path, at: Timestamp, n: u64, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(directory, &format!("{TEMPORARY}{}-", at.0))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let mut n = n;
    loop {
        let path: PathBuf = directory.join(file_name(OutboxId::new(at, n)));
        match file.persist_noclobber(&path) {
            Ok(_) => break,
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                file = taken.file;
                n = n.saturating_add(1);
            }
            Err(failed) => return Err(failed.error),
        }
    }
    // Makes the new name durable.
    std::fs::File::open(directory)?.sync_all()
}

/// The newest mails older than one, newest first; memory is bounded by `limit`.
fn newest(directory: &Path, before: Option<OutboxId>, limit: usize) -> io::Result<Vec<OutboxId>> {
    let below = before.map_or(Bound::Unbounded, Bound::Excluded);
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(OutboxId::of_file) else {
            continue;
        };
        if std::ops::RangeBounds::contains(&(Bound::Unbounded, below), &id) {
            found.insert(id);
            if found.len() > limit {
                found.pop_first();
            }
        }
    }
    Ok(found.into_iter().rev().collect())
}
