//! Removing old raw messages. The roll-ups stay: a community's history of activity survives its
//! texts. Imported history is removed only when somebody asks for it.

use std::time::Duration;

use kernel::{Actor, CommunityId, Permission, Timestamp};

use crate::{Activity, ActivityError, store as tables};

/// Messages removed per transaction, so that others can write in between.
const PART: i64 = 5_000;

/// Counting for a preview stops here.
const PREVIEW_MAX: i64 = 100_000;

/// Which messages a removal touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What arrived live.
    Live,
    /// Imported history too.
    LiveAndImported,
}

impl Activity {
    /// Applies every community's retention period; answers how many messages were removed. Run by
    /// a job; live messages only.
    pub async fn apply_retention(&self) -> Result<u64, ActivityError> {
        let actor = Actor::System("retention");
        let now = self.clock.now();
        let mut removed = 0;
        for (community, _) in self.identity.communities(&actor).await? {
            let keep = Duration::from_secs(u64::from(community.retention_days) * 86_400);
            removed += self
                .purge(&actor, community.id, now.minus(keep), Scope::Live)
                .await?;
        }
        Ok(removed)
    }

    /// How many messages the next night removes if a community keeps live ones for so many days;
    /// counted up to 100,000.
    pub async fn retention_preview(
        &self,
        actor: &Actor,
        community: CommunityId,
        days: u32,
    ) -> Result<u64, ActivityError> {
        Self::require(actor, Permission::ManageCommunity, community)?;
        let keep = Duration::from_secs(u64::from(days) * 86_400);
        let cutoff = self.clock.now().minus(keep);
        Ok(tables::message::count_before(self.db.read(), community, cutoff, PREVIEW_MAX).await?)
    }

    /// Removes a community's raw messages sent before a cutoff; answers how many.
    pub async fn purge(
        &self,
        actor: &Actor,
        community: CommunityId,
        cutoff: Timestamp,
        scope: Scope,
    ) -> Result<u64, ActivityError> {
        Self::require(actor, Permission::ManageCommunity, community)?;
        let mut total = 0;
        loop {
            let work = self.db.begin(actor, self.clock.now()).await?;
            let removed = tables::message::purge(
                work.conn(),
                community,
                cutoff,
                scope == Scope::LiveAndImported,
                PART,
            )
            .await?;
            work.commit().await?;
            total += removed;
            if removed < PART.unsigned_abs() {
                break;
            }
        }
        if total > 0 {
            let mut work = self.db.begin(actor, self.clock.now()).await?;
            work.audit(store::audit::Entry {
                action: "message.purge",
                object: format!("community:{community}"),
                community: Some(community),
                detail: serde_json::json!({
                    "before": cutoff.to_string(),
                    "imported": scope == Scope::LiveAndImported,
                    "removed": total,
                }),
            });
            work.commit().await?;
        }
        Ok(total)
    }
}
