//! What a recurring job does: removes deliveries that came to their end long ago, and ends those
//! whose job died without a word, because its process ended three times while running it.

use ::store::job;
use kernel::{Actor, DeliveryId, Medium};

use crate::{Deliveries, DeliveryError, job_kind, store as tables};

/// Deliveries removed per transaction, so that others can write in between.
const PART: i64 = 1_000;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tended {
    /// Removed, because they ended longer ago than they are kept.
    pub n_removed: u64,
    /// Brought to an end, because their jobs are dead.
    pub n_abandoned: u64,
}

impl Deliveries {
    /// Removes what is old, and ends what nobody works on any more. Run by a job.
    pub async fn tend(&self) -> Result<Tended, DeliveryError> {
        let mut tended = Tended::default();
        for medium in Medium::ALL {
            tended.n_abandoned += self.abandon(medium).await?;
        }
        let before = self.clock.now().minus(self.settings.keep);
        loop {
            let work = self
                .db
                .begin(&Actor::System("retention"), self.clock.now())
                .await?
                .reaching(::store::Reach::Nothing);
            let n = tables::delivery::remove(work.conn(), before, PART).await?;
            work.commit().await?;
            tended.n_removed += n;
            if n < PART.unsigned_abs() {
                return Ok(tended);
            }
        }
    }

    async fn abandon(&self, medium: Medium) -> Result<u64, DeliveryError> {
        let dead = job::dead_keys(self.db.read(), job_kind(medium)).await?;
        let ids: Vec<DeliveryId> = dead.iter().filter_map(|key| key.parse().ok()).collect();
        let mut n_abandoned = 0;
        for ids in ids.chunks(100) {
            let work = self
                .db
                .begin(&Actor::System("delivery"), self.clock.now())
                .await?
                .reaching(::store::Reach::Nothing);
            let reason = "the program ended three times while sending it";
            n_abandoned += tables::delivery::abandon(work.conn(), ids, reason, work.now()).await?;
            tables::attempt::abandon(work.conn(), ids, work.now()).await?;
            work.commit().await?;
        }
        Ok(n_abandoned)
    }
}
