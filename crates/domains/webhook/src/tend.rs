//! What a recurring job does: removes old messages and removed webhooks, forgets secrets that sign no
//! more, ends messages whose job died without a word, and enqueues those that wait without a job.

use std::time::Duration;

use ::store::job;
use kernel::{Actor, CommunityId, HookMessageId, Timestamp, WebhookId};

use crate::{JOB, WebhookError, WebhookReason, Webhooks, job_for, store as tables};

/// Rows removed per transaction, so that others can write in between.
const PART: i64 = 1_000;
/// Messages enqueued again in one run.
const WOKEN_MAX: i64 = 5_000;
/// A message that waits so long past its time may have lost its job.
const OVERDUE: Duration = Duration::from_mins(10);
/// Who acts.
const ACTOR: Actor = Actor::System("webhooks");

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tended {
    /// Messages removed.
    pub n_removed: u64,
    /// Messages brought to an end, because their jobs are dead.
    pub n_abandoned: u64,
    /// Messages that had no job and have one now.
    pub n_woken: u64,
}

/// A webhook that the program switched off, and whose people were not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// Which.
    pub id: WebhookId,
    /// Whose.
    pub community: CommunityId,
    /// Where it goes, without what may be secret.
    pub site: String,
    /// Why.
    pub reason: WebhookReason,
    /// When.
    pub at: Timestamp,
}

impl Webhooks {
    /// Removes what is old and puts right what got stuck. Run by a job.
    pub async fn tend(&self) -> Result<Tended, WebhookError> {
        let mut tended = Tended {
            n_abandoned: self.abandon().await?,
            n_woken: self.wake_overdue().await?,
            ..Tended::default()
        };
        let work = self.begin(&ACTOR).await?;
        tables::webhook::forget_secrets(work.conn(), work.now()).await?;
        work.commit().await?;
        let before = self.clock.now().minus(self.settings.keep);
        loop {
            let work = self.begin(&ACTOR).await?;
            let n = tables::message::remove(work.conn(), before, PART).await?;
            work.commit().await?;
            tended.n_removed += n;
            if n == 0 {
                break;
            }
        }
        let work = self.begin(&ACTOR).await?;
        tables::webhook::remove_empty(work.conn()).await?;
        work.commit().await?;
        Ok(tended)
    }

    async fn abandon(&self) -> Result<u64, WebhookError> {
        let dead = job::dead_keys(self.db.read(), JOB).await?;
        let ids: Vec<HookMessageId> = dead.iter().filter_map(|key| key.parse().ok()).collect();
        let mut n_abandoned = 0;
        for ids in ids.chunks(100) {
            let work = self.begin(&ACTOR).await?;
            n_abandoned += tables::message::abandon(work.conn(), ids, work.now()).await?;
            work.commit().await?;
        }
        Ok(n_abandoned)
    }

    async fn wake_overdue(&self) -> Result<u64, WebhookError> {
        let mut work = self.begin(&ACTOR).await?;
        let before = work.now().minus(OVERDUE);
        let overdue = tables::message::overdue(work.conn(), before, WOKEN_MAX).await?;
        let jobs = overdue
            .into_iter()
            .map(|(message, webhook, community)| job_for(message, webhook, community));
        // Those that have a job keep it: its key is taken.
        let woken = job::enqueue_many(&mut work, jobs.collect()).await?;
        work.commit().await?;
        Ok(u64::try_from(woken.len()).unwrap_or(u64::MAX))
    }

    /// The webhooks that were switched off and whose people were not told. For the job that tells.
    pub async fn untold(&self) -> Result<Vec<SwitchedOff>, WebhookError> {
        Ok(tables::webhook::untold(self.db.read()).await?)
    }

    /// Their people were told. For the job that tells.
    pub async fn told(&self, id: WebhookId) -> Result<(), WebhookError> {
        let work = self.begin(&ACTOR).await?;
        tables::webhook::told(work.conn(), id, work.now()).await?;
        Ok(work.commit().await?)
    }
}
