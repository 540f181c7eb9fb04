//! A community in one line: for lists.

use std::{collections::HashMap, sync::Arc};

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
            .try_get_with(community, async {
                let mut found = self.summarise(&[community]).await?;
                Ok::<_, ActivityError>(found.remove(&community).unwrap_or_default())
            })
            .await
            .map(|summary| Summary::clone(&summary))
            .map_err(|error| ActivityError::clone(&error))
    }

    /// The summaries of several communities, asked for at once.
    pub async fn summaries(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Arc<Summary>>, ActivityError> {
        let mut found = HashMap::with_capacity(communities.len());
        let mut missing = Vec::new();
        for community in communities {
            Self::require(actor, Permission::ViewCommunity, *community)?;
            match self.summaries.get(community).await {
                Some(summary) => drop(found.insert(*community, summary)),
                None => missing.push(*community),
            }
        }
        for (community, summary) in self.summarise(&missing).await? {
            self.summaries.insert(community, Arc::clone(&summary)).await;
            found.insert(community, summary);
        }
        Ok(found)
    }

    async fn summarise(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Arc<Summary>>, ActivityError> {
        if communities.is_empty() {
            return Ok(HashMap::new());
        }
        let month = Period::last_days(self.clock.now().day(), 30);
        let facts = tables::overview::summaries(self.db.read(), communities, month).await?;
        let summaries = facts.into_iter().map(|(community, facts)| {
            let spark: Vec<u64> = month
                .each()
                .map(|day| facts.messages.get(&day).copied().unwrap_or(0))
                .collect();
            let summary = Summary {
                members: facts.members,
                messages_30d: spark.iter().sum(),
                active_7d: facts.active_7d,
                spark,
                last_at: facts.last_at,
            };
            (community, Arc::new(summary))
        });
        Ok(summaries.collect())
    }
}
