//! Events that could not be recorded: put aside with the reason, so that the line goes on and
//! nothing is lost silently.

use kernel::{Actor, ChatEvent, CommunityId, Permission, Platform, Timestamp};

use crate::{Activity, ActivityError, Incoming, store as tables};

/// An event put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its id here.
    pub id: i64,
    /// Where it would have counted.
    pub community: CommunityId,
    /// When it was put aside.
    pub at: Timestamp,
    /// Its platform.
    pub platform: Platform,
    /// The platform's id of it.
    pub event_id: String,
    /// Why.
    pub reason: String,
}

impl Activity {
    /// Puts an event aside. `payload` is the event in the import format, so that it can be fed in
    /// again once the cause is mended.
    pub async fn quarantine(
        &self,
        incoming: &Incoming,
        reason: &str,
        payload: &str,
    ) -> Result<(), ActivityError> {
        let work = self
            .db
            .begin(&Actor::System("ingest"), self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let ChatEvent {
            platform, event_id, ..
        } = &incoming.event;
        tables::quarantine::insert(
            work.conn(),
            incoming.community,
            *platform,
            event_id,
            reason,
            payload,
            work.now(),
        )
        .await?;
        Ok(work.commit().await?)
    }

    /// The events put aside, newest first, at most 100.
    pub async fn quarantined(&self, actor: &Actor) -> Result<Vec<Quarantined>, ActivityError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(tables::quarantine::list(self.db.read()).await?)
    }

    /// How many events are put aside.
    pub async fn quarantined_count(&self, actor: &Actor) -> Result<u64, ActivityError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(tables::quarantine::count(self.db.read()).await?)
    }
}
