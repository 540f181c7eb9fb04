//! Handing a person's data out and erasing them: goes through what every domain declared, keeps the
//! files, gives tokens back. A run that was interrupted is repeated from its beginning.
//!
//! Must never log a name, an address or what is in a file.

mod archive;

use bytes::Bytes;
use engines::{Blobs, BlobsError};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use identity::{Identity, IdentityError};
use kernel::{Actor, UserId, random};
use store::{
    StoreError,
    personal::{self, Declared, Handling, Keeper, Subject},
};
use tokio::sync::mpsc;

use crate::{App, AppError};
use archive::{ArchiveError, Form, Part};

/// Largest export, in bytes before it is packed.
const EXPORT_MAX: u64 = 1024 * 1024 * 1024;

/// Largest file of an export, in bytes.
const FILE_MAX: u64 = 250 * 1024 * 1024;

/// Parts of rows that wait to be packed, and packed pieces that wait to be stored: with what is being
/// stored this bounds the memory that an export takes, however large it is.
const PARTS: usize = 2;
const PIECES: usize = 16;

/// A file with everything about somebody, which is there once.
pub struct ExportFile {
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its bytes, in parts.
    pub parts: BoxStream<'static, Result<Bytes, AppError>>,
}

impl std::fmt::Debug for ExportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportFile")
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// A file that nobody may fetch again: removed when it was read, and also when reading it was given up.
/// What a crash leaves goes with the next look at stale files.
struct Leftover {
    what: Option<(Blobs, Identity)>,
    path: String,
    id: i32,
}

impl Leftover {
    async fn remove(mut self) {
        if let Some(what) = self.what.take() {
            clear(what, std::mem::take(&mut self.path), self.id).await;
        }
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(what) = self.what.take() {
            tokio::spawn(clear(what, std::mem::take(&mut self.path), self.id));
        }
    }
}

async fn clear((blobs, identity): (Blobs, Identity), path: String, id: i32) {
    if let Err(error) = blobs.delete(&path).await {
        tracing::warn!(export.id = id, error = %error, "the file of a fetched export could not be removed; it is tried again");
        return;
    }
    if let Err(error) = identity.export_removed(id).await {
        tracing::warn!(export.id = id, error = %error, "that an export was removed could not be written down; it is tried again");
    }
}

/// Every table that says something about people, and what an export does with it.
pub fn declared() -> Vec<Declared> {
    [
        personal::DECLARED,
        identity::PERSONAL,
        activity::PERSONAL,
        delivery::PERSONAL,
        community::PERSONAL,
        webhook::PERSONAL,
        bots::PERSONAL,
    ]
    .concat()
}

impl App {
    /// Fetches one's export, once; the file is gone when its parts were read, or are read no further.
    pub async fn fetch_export(&self, actor: &Actor, id: i32) -> Result<ExportFile, AppError> {
        let path = self.identity.take_export(actor, id).await?;
        let found = self.blobs.stream(&path, FILE_MAX).await;
        let leftover = Leftover {
            what: Some((self.blobs.clone(), self.identity.clone())),
            path,
            id,
        };
        let found = found.map_err(AppError::Files)?;
        let parts = stream::unfold(
            (found.parts, leftover),
            |(mut parts, leftover)| async move {
                if let Some(part) = parts.next().await {
                    return Some((part.map_err(AppError::Files), (parts, leftover)));
                }
                leftover.remove().await;
                None
            },
        );
        Ok(ExportFile {
            size_bytes: found.size_bytes,
            parts: parts.boxed(),
        })
    }

    /// The address of the page of one's own data, for chat.
    pub fn data_page(&self) -> String {
        format!("{}/me/data", self.public_url)
    }

    /// Makes an export. Run by a job.
    pub async fn make_export(&self, id: i32) -> Result<(), AppError> {
        let Some(subject) = self.identity.export_to_make(id).await? else {
            return Ok(());
        };
        let path = format!(
            "exports/{}.zip",
            random::hex(&random::bytes::<16>(&*self.entropy))
        );
        let readme = archive::readme(self.clock.now(), &declared());
        let (parts, rows) = mpsc::channel(PARTS);
        let (pipe, mut pieces) = mpsc::channel(PIECES);
        let packing =
            tokio::task::spawn_blocking(move || archive::write(rows, pipe, &readme, EXPORT_MAX));
        let pieces = stream::poll_fn(move |cx| pieces.poll_recv(cx));
        let (read, stored) = tokio::join!(
            self.hand_over(id, &subject, parts),
            self.blobs.put_stream(&path, pieces, FILE_MAX),
        );
        let packed = packing
            .await
            .map_err(|error| StoreError::Data(error.to_string()))?;
        read?;
        if matches!(packed, Err(ArchiveError::TooLarge))
            || matches!(stored, Err(BlobsError::TooLarge { .. }))
        {
            self.identity.export_failed(id).await?;
            tracing::error!(export.id = id, "an export is too large to be made");
            return Ok(());
        }
        let stored = stored.map_err(AppError::Files)?;
        if let Err(error) = packed {
            self.remove_file(&path).await?;
            return Err(StoreError::Data(error.to_string()).into());
        }
        let file = (path.as_str(), stored.size_bytes);
        if !self.identity.export_ready(id, file).await? {
            // Its owner was erased meanwhile.
            self.remove_file(&path).await?;
        }
        Ok(())
    }

    /// Reads everything about a person and hands it over, table by table, in both forms.
    async fn hand_over(
        &self,
        id: i32,
        subject: &Subject,
        parts: mpsc::Sender<Part>,
    ) -> Result<(), AppError> {
        let all = declared();
        let is_exported = |one: &&Declared| matches!(one.handling, Handling::Exported { .. });
        let tables: Vec<&Declared> = all.iter().filter(is_exported).collect();
        let total = u32::try_from(tables.len()).unwrap_or(u32::MAX);
        for (done, table) in (0..).zip(tables) {
            self.identity.export_progress(id, done, total).await?;
            for form in Form::ALL {
                if parts.send(Part::Table(table.table, form)).await.is_err() {
                    // Whoever packs has stopped, and says why.
                    return Ok(());
                }
                personal::read(self.db.read(), table, subject, &parts).await?;
            }
        }
        // The same.
        let _ = parts.send(Part::End).await;
        Ok(())
    }

    /// Erases whom it is time for, and removes files that nobody may fetch any more; answers how
    /// many people were erased. Run by a job.
    pub async fn tend_privacy(&self) -> Result<u64, AppError> {
        self.identity.key_tombstones().await?;
        let mut n_erased = 0;
        let mut failed = None;
        for user in self.identity.due_erasures().await? {
            match self.erase(user).await {
                Ok(()) => n_erased += 1,
                Err(AppError::Identity(IdentityError::Conflict(_))) => {
                    tracing::warn!(user.id = %user, "somebody who is to be erased is the only owner or administrator somewhere: name another");
                }
                // Whoever comes next does not wait for it.
                Err(error) => failed = Some(error),
            }
        }
        for (id, path) in self.identity.stale_exports().await? {
            self.remove_file(&path).await?;
            self.identity.export_removed(id).await?;
        }
        failed.map_or(Ok(n_erased), Err)
    }

    async fn erase(&self, user: UserId) -> Result<(), AppError> {
        let Some((subject, unlinked)) = self.identity.begin_erasing(user).await? else {
            return Ok(());
        };
        for link in unlinked {
            self.give_back(link).await;
        }
        self.erase_kept(&subject).await?;
        for path in self.identity.export_files(user).await? {
            self.remove_file(&path).await?;
        }
        if let (Some(outbox), Some(email)) = (&self.outbox, &subject.email) {
            outbox.forget(email).await.map_err(AppError::Mail)?;
        }
        self.identity.finish_erasing(&subject).await?;
        // What was said between the first step and the last.
        self.erase_kept(&subject).await
    }

    async fn erase_kept(&self, subject: &Subject) -> Result<(), AppError> {
        // Bots first: they find somebody by names that the others forget.
        let keepers: [&dyn Keeper; 4] = [
            &bots::Kept,
            &activity::Kept,
            &delivery::Kept,
            &webhook::Kept,
        ];
        for keeper in keepers {
            let who = Actor::System("erasure");
            let work = self.db.begin(&who, self.clock.now()).await?;
            keeper.erase(&work, subject).await?;
            work.commit().await?;
        }
        Ok(())
    }

    async fn remove_file(&self, path: &str) -> Result<(), AppError> {
        self.blobs.delete(path).await.map_err(AppError::Files)
    }
}
