//! A community in one line: for lists.

use std::sync::Arc;

use kernel::{Actor, CommunityId, Permission, Timestamp};

use crate::{Activity, ActivityError, Period, store as tables};

/// A few numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Everybody ever seen.
    pub members: u64,
    /// Messages in the last 30 days.
    pub messages_30d: u64,
    /// People who wrote in the last 7 days.
    pub active_7d: u64,
    /// Messages per day over the last 30 days, oldest first.
    pub spark: Vec<u64>,
    /// When somebody was seen last.
    pub last_at: Option<Timestamp>,
}

impl Activity {
    /// The summary of a community, as old as an overview may be.
    pub async fn summary(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Summary, ActivityError> {
        Self::require(actor, Permission::ViewCommunity, community)?;
        self.summaries
            .try_get_with(community, self.summarise(community))
            .await
            .map(|summary| Summary::clone(&summary))
            .map_err(|error| ActivityError::clone(&error))
    }

    async fn summarise(&self, community: CommunityId) -> Result<Arc<Summary>, ActivityError> {
        let month = Period::last_days(self.clock.now().day(), 30);
        let days = tables::overview::summary(self.db.read(), community, month).await?;
        let spark: Vec<u64> = month
            .each()
            .map(|day| days.messages.get(&day).copied().unwrap_or(0))
            .collect();
        Ok(Arc::new(Summary {
            members: days.members,
            messages_30d: spark.iter().sum(),
            active_7d: days.active_7d,
            spark,
            last_at: days.last_at,
        }))
    }
}
