//! How far an import has come, stored in the transaction of each batch, so that an interrupted
//! import goes on where the last commit was.

use kernel::{Actor, CommunityId, Permission, Timestamp};
use store::{StoreError, Work};

use crate::{Activity, ActivityError, IMPORT_FINISHED, store as tables};

/// An import's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImportRunId(pub i32);

/// An import of one input into one community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRun {
    /// Its id.
    pub id: ImportRunId,
    /// Where it goes; `None` if each record names its community.
    pub community: Option<CommunityId>,
    /// The file's name.
    pub input_name: String,
    /// The format's name.
    pub format: String,
    /// Records read so far, rejected ones included: where to go on.
    pub consumed: u64,
    /// Events stored.
    pub recorded: u64,
    /// Events that were stored before.
    pub duplicates: u64,
    /// Records that could not be used.
    pub rejected: u64,
    /// Whether the end was reached.
    pub finished: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last got on.
    pub updated_at: Timestamp,
}

/// What a batch adds to an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Records read in all, this batch included.
    pub consumed: u64,
    /// Events this batch stored.
    pub recorded: u64,
    /// Events of this batch that were stored before.
    pub duplicates: u64,
    /// Records of this batch that could not be used.
    pub rejected: u64,
}

/// Adds a batch's progress, in the batch's transaction.
pub async fn advance(work: &Work, run: ImportRunId, progress: Progress) -> Result<(), StoreError> {
    tables::import_run::advance(work.conn(), run, progress, work.now()).await
}

fn require(actor: &Actor, community: Option<CommunityId>) -> Result<(), ActivityError> {
    match community {
        Some(community) => actor.require(Permission::ImportHistory, community)?,
        None => actor.require_instance(Permission::OperateInstance)?,
    }
    Ok(())
}

impl Activity {
    /// Finds the unfinished import of an input, or begins one; a finished one begins anew. Without
    /// a community each record names its own, which only instance administrators may import.
    pub async fn begin_import(
        &self,
        actor: &Actor,
        community: Option<CommunityId>,
        input_key: &str,
        input_name: &str,
        format: &str,
    ) -> Result<ImportRun, ActivityError> {
        require(actor, community)?;
        if let Some(id) = community
            && self.identity.community(actor, id).await?.is_none()
        {
            return Err(ActivityError::NotFound);
        }
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let known = tables::import_run::find(work.conn(), community, input_key).await?;
        if let Some(run) = known {
            if !run.finished {
                return Ok(run);
            }
            let run = tables::import_run::restart(work.conn(), run.id, work.now()).await?;
            work.commit().await?;
            return run.ok_or(ActivityError::NotFound);
        }
        let run = tables::import_run::insert(
            work.conn(),
            community,
            input_key,
            input_name,
            format,
            work.now(),
        )
        .await?;
        work.audit(store::audit::Entry {
            action: "import.begin",
            object: format!("import:{}", run.id.0),
            community,
            detail: serde_json::json!({ "input": input_name, "format": format }),
        });
        work.commit().await?;
        Ok(run)
    }

    /// Marks an import as finished and answers its totals.
    pub async fn finish_import(
        &self,
        actor: &Actor,
        run: &ImportRun,
    ) -> Result<ImportRun, ActivityError> {
        require(actor, run.community)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let done = tables::import_run::finish(work.conn(), run.id, work.now())
            .await?
            .ok_or(ActivityError::NotFound)?;
        if !run.finished {
            work.audit(store::audit::Entry {
                action: "import.finish",
                object: format!("import:{}", run.id.0),
                community: run.community,
                detail: serde_json::json!({ "recorded": done.recorded, "duplicates": done.duplicates, "rejected": done.rejected }),
            });
            if let Some(community) = run.community {
                let payload = serde_json::json!({
                    "community": community.0, "import": run.id.0, "recorded": done.recorded,
                    "duplicates": done.duplicates, "rejected": done.rejected,
                });
                let event = store::DomainEvent {
                    kind: IMPORT_FINISHED,
                    community: Some(community),
                    payload,
                };
                work.emit(event, &[]).await?;
            }
        }
        work.commit().await?;
        // Numbers that were kept from before it are not shown beside its members.
        if let Some(community) = run.community {
            self.summaries.invalidate(&community).await;
        }
        Ok(done)
    }

    /// The imports of a community, newest first, at most 100.
    pub async fn imports(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<ImportRun>, ActivityError> {
        Self::require(actor, Permission::ImportHistory, community)?;
        Ok(tables::import_run::list(self.db.read(), community).await?)
    }
}
