//! Handing a person's data out and erasing them: goes through what every domain declared, keeps the
//! files, gives tokens back. A run that was interrupted is repeated from its beginning.
//!
//! Must never log a name, an address or what is in a file.

mod archive;

use identity::{Erasure, IdentityError};
use kernel::{Actor, Draft, Secret, SessionId, UserId, random};
use store::{
    StoreError,
    personal::{self, Declared, Handling, Keeper, Subject},
};

use crate::{App, AppError};
use archive::Archive;

/// Largest export, in bytes before it is packed.
const EXPORT_MAX: usize = 200 * 1024 * 1024;

/// Largest file of an export, in bytes.
const FILE_MAX: u64 = 250 * 1024 * 1024;

/// Every table that says something about people, and what an export does with it.
pub fn declared() -> Vec<Declared> {
    [
        personal::DECLARED,
        identity::PERSONAL,
        activity::PERSONAL,
        delivery::PERSONAL,
        community::PERSONAL,
        webhook::PERSONAL,
    ]
    .concat()
}

impl App {
    /// Asks for one's own data as a file; needs a young session or the password. One at a time.
    pub async fn request_export(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
    ) -> Result<i32, AppError> {
        let id = self
            .identity
            .request_export(actor, session, password)
            .await?;
        self.tell(actor, "Your data at WaddleBot", "Somebody who is signed in as you asked for a file with all your data. If that was not you, change your password.").await;
        Ok(id)
    }

    /// Fetches one's export, once; the file is gone then.
    pub async fn fetch_export(&self, actor: &Actor, id: i32) -> Result<Vec<u8>, AppError> {
        let path = self.identity.take_export(actor, id).await?;
        let file = self
            .blobs
            .get(&path, FILE_MAX)
            .await
            .map_err(AppError::Files)?;
        self.remove_file(&path).await?;
        self.identity.export_removed(id).await?;
        Ok(file.bytes.to_vec())
    }

    /// Asks to be erased, in two weeks; needs a young session or the password.
    pub async fn request_erasure(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
    ) -> Result<Erasure, AppError> {
        let erasure = self
            .identity
            .request_erasure(actor, session, password)
            .await?;
        self.tell(actor, "Your account at WaddleBot will be erased", "Somebody who is signed in as you asked to erase your account and everything in it, in two weeks. You can take this back until then, on the page «Your data». If it was not you, change your password too.").await;
        Ok(erasure)
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
        let all = declared();
        let is_exported = |one: &&Declared| matches!(one.handling, Handling::Exported { .. });
        let tables: Vec<&Declared> = all.iter().filter(is_exported).collect();
        let total = u32::try_from(tables.len()).unwrap_or(u32::MAX);
        let mut archive = Archive::new(self.clock.now());
        for (done, table) in (0..).zip(tables) {
            self.identity.export_progress(id, done, total).await?;
            let mut rows = Vec::new();
            personal::read(self.db.read(), table, &subject, |row| rows.push(row)).await?;
            archive.table(table.table, &rows);
            if archive.size() > EXPORT_MAX {
                self.identity.export_failed(id).await?;
                tracing::error!(export.id = id, "an export is too large to be made");
                return Ok(());
            }
        }
        archive.readme(&all);
        let packed = tokio::task::spawn_blocking(move || archive.pack()).await;
        let bytes = packed
            .map_err(|error| StoreError::Data(error.to_string()))?
            .map_err(|error| {
                StoreError::Data(format!("the export could not be packed: {error}"))
            })?;
        let path = format!(
            "exports/{}.zip",
            random::hex(&random::bytes::<16>(&*self.entropy))
        );
        let stored = self.blobs.put_new(&path, bytes.into()).await;
        let stored = stored.map_err(AppError::Files)?;
        let file = (path.as_str(), stored.size_bytes);
        if !self.identity.export_ready(id, file).await? {
            // Its owner was erased meanwhile.
            self.remove_file(&path).await?;
        }
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
        let keepers: [&dyn Keeper; 3] = [&activity::Kept, &delivery::Kept, &webhook::Kept];
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

    /// Tells somebody by mail, if they have an address; what they asked for does not wait for it.
    async fn tell(&self, actor: &Actor, subject: &str, text: &str) {
        let Ok(Some(user)) = self.identity.me(actor).await else {
            return;
        };
        let Some(to) = user.email else { return };
        let draft = Draft {
            title: Some(subject.to_owned()),
            body: text.to_owned(),
            ..Draft::default()
        };
        self.notify(&to, &draft).await;
    }
}
