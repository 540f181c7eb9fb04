//! One's own data as a file: asking for it, its progress, and fetching it, once, within a week.
//!
//! Must never know what is in the file or where files are kept; the program makes it.

use std::time::Duration;

use ::store::{StoreError, audit::Entry, job::NewJob, personal::Subject};
use kernel::{Actor, Secret, SessionId, Timestamp, UserId};

use crate::{Identity, IdentityError, Notice, notice, personal, store::export as table};

/// The kind of job that makes an export.
pub const EXPORT_JOB: &str = "privacy.export";
/// How long a file can be fetched.
const VALID: Duration = Duration::from_secs(7 * 86_400);
/// How long an export may take to be made.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// Where an export is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// Being made.
    Asked,
    /// Can be fetched, once.
    Ready,
    /// Could not be made.
    Failed,
    /// Was fetched.
    Fetched,
    /// Nobody fetched it in time.
    Gone,
}

impl ExportState {
    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Asked => 0,
            Self::Ready => 1,
            Self::Failed => 2,
            Self::Fetched => 3,
            Self::Gone => 4,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        [
            Self::Asked,
            Self::Ready,
            Self::Failed,
            Self::Fetched,
            Self::Gone,
        ]
        .into_iter()
        .find(|state| state.code() == code)
    }
}

/// An export as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataExport {
    /// Its number.
    pub id: i32,
    /// Whose it is.
    pub user: UserId,
    /// Where it is in its life.
    pub state: ExportState,
    /// Tables read so far.
    pub done: u32,
    /// Tables to read; 0 as long as nobody began.
    pub total: u32,
    /// The size of the file, in bytes.
    pub size_bytes: u64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when it can be fetched.
    pub expires_at: Option<Timestamp>,
    /// Where the file is; for the program.
    pub blob: Option<String>,
}

impl DataExport {
    /// How much of it is made, 0 to 1.
    pub fn progress(&self) -> f64 {
        match self.state {
            ExportState::Asked if self.total == 0 => 0.0,
            ExportState::Asked => (f64::from(self.done) / f64::from(self.total)).min(1.0),
            ExportState::Failed => 0.0,
            ExportState::Ready | ExportState::Fetched | ExportState::Gone => 1.0,
        }
    }
}

impl Identity {
    /// Asks for one's own data as a file; needs a young session or the password. One at a time.
    pub async fn request_export(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
    ) -> Result<i32, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, password).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let id = match table::insert(work.conn(), user, work.now()).await {
            Err(StoreError::Duplicate(_)) => {
                return Err(IdentityError::Conflict(
                    "your data is being put together already: wait until it is ready".to_owned(),
                ));
            }
            made => made?,
        };
        let job = NewJob::new(EXPORT_JOB, serde_json::json!({ "export": id }));
        work.enqueue(job.unique(id.to_string())).await?;
        work.audit(Entry {
            action: "data.export.request",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "export": id }),
        });
        notice::tell(&mut work, user, &Notice::ExportAsked).await?;
        work.commit().await?;
        Ok(id)
    }

    /// One's own exports, newest first, at most 20.
    pub async fn exports(&self, actor: &Actor) -> Result<Vec<DataExport>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::of_user(self.db.read(), user).await?)
    }

    /// Uses the one right to fetch an export up; of several at once exactly one succeeds. Answers
    /// where the file is.
    pub async fn take_export(&self, actor: &Actor, id: i32) -> Result<String, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let blob = table::take(work.conn(), user, id, work.now()).await?;
        let blob = blob.ok_or(IdentityError::NotFound)?;
        work.audit(Entry {
            action: "data.export.fetch",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "export": id }),
        });
        work.commit().await?;
        Ok(blob)
    }

    /// An export that is to be made, and whose; `None` if it is not. For the job.
    pub async fn export_to_make(&self, id: i32) -> Result<Option<Subject>, IdentityError> {
        let Some(user) = table::asked(self.db.read(), id).await? else {
            return Ok(None);
        };
        Ok(personal::subject(self.db.read(), user).await?)
    }

    /// Writes down how far an export is. For the job.
    pub async fn export_progress(
        &self,
        id: i32,
        done: u32,
        total: u32,
    ) -> Result<(), IdentityError> {
        Ok(table::progress(self.db.write(), id, done, total).await?)
    }

    /// An export is ready: `file` is where it is and how large. For the job.
    pub async fn export_ready(&self, id: i32, file: (&str, u64)) -> Result<bool, IdentityError> {
        let now = self.clock.now();
        Ok(table::ready(self.db.write(), id, file, now.plus(VALID)).await?)
    }

    /// An export cannot be made. For the job.
    pub async fn export_failed(&self, id: i32) -> Result<(), IdentityError> {
        Ok(table::failed(self.db.write(), id).await?)
    }

    /// The files of exports that nobody may fetch any more, by number; exports that were not made
    /// within a day are given up, so that their owners can ask again. For the sweep.
    pub async fn stale_exports(&self) -> Result<Vec<(i32, String)>, IdentityError> {
        let now = self.clock.now();
        table::give_up(self.db.write(), now.minus(PATIENCE)).await?;
        Ok(table::stale(self.db.read(), now).await?)
    }

    /// The file of an export was removed. For the sweep.
    pub async fn export_removed(&self, id: i32) -> Result<(), IdentityError> {
        Ok(table::removed(self.db.write(), id).await?)
    }

    /// Files of somebody's exports, whatever their state. For erasure.
    pub async fn export_files(&self, user: UserId) -> Result<Vec<String>, IdentityError> {
        let rows = table::of_user(self.db.read(), user).await?;
        Ok(rows.into_iter().filter_map(|row| row.blob).collect())
    }
}
