//! What a community has decided about what events are worth: looking at it, changing it, going back to
//! what everybody has. It counts for what is recorded from then on; scores that are there stay.

use kernel::{Actor, CommunityId, Permission};
use serde_json::{Map, Value};
use store::audit::Entry;

use super::{Reason, bounds, weight};
use crate::{
    Identity, IdentityError,
    store::{self as tables, reputation_weight as table},
};

/// What one event is worth in a community.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightSetting {
    /// Which.
    pub reason: Reason,
    /// What it is worth elsewhere, in thousandths of a point.
    pub standard: i64,
    /// What the community decided, if it did.
    pub own: Option<i64>,
    /// The least and the most that may be decided.
    pub bounds: (i64, i64),
}

impl WeightSetting {
    /// What it is worth here, in thousandths of a point.
    pub fn counts(&self) -> i64 {
        self.own.unwrap_or(self.standard)
    }
}

fn check(reason: Reason, own: Option<i64>) -> Result<(), IdentityError> {
    let Some((least, most)) = bounds(reason) else {
        return Err(IdentityError::invalid(
            reason.as_str(),
            "a moderator says each time what a change by hand is worth",
        ));
    };
    if own.is_none_or(|own| (least..=most).contains(&own)) {
        return Ok(());
    }
    let (least, most) = (least / 1_000, most / 1_000);
    Err(IdentityError::invalid(
        reason.as_str(),
        format!("enter points from {least} to {most}"),
    ))
}

impl Identity {
    /// What every event is worth in a community.
    pub async fn reputation_weights(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<WeightSetting>, IdentityError> {
        actor.require(Permission::ViewMembers, community)?;
        let weights = table::of(self.db.read(), community).await?;
        let setting = |reason| {
            Some(WeightSetting {
                reason,
                standard: weight(reason),
                own: weights.own(reason),
                bounds: bounds(reason)?,
            })
        };
        Ok(Reason::ALL.into_iter().filter_map(setting).collect())
    }

    /// Decides what events are worth in a community, in thousandths of a point; `None` = what everybody
    /// has. All or none; what is not named stays.
    pub async fn set_reputation_weights(
        &self,
        actor: &Actor,
        community: CommunityId,
        wanted: &[(Reason, Option<i64>)],
    ) -> Result<(), IdentityError> {
        actor.require(Permission::ManageCommunity, community)?;
        for (reason, own) in wanted {
            check(*reason, *own)?;
        }
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        // One change at a time, so that each entry says what it found.
        if !tables::community::lock(work.conn(), community).await? {
            return Err(IdentityError::NotFound);
        }
        let now = table::of(work.conn(), community).await?;
        let (mut before, mut after) = (Map::new(), Map::new());
        for (reason, own) in wanted {
            let held = now.own(*reason);
            if held == *own {
                continue;
            }
            table::put(work.conn(), community, *reason, *own, work.now()).await?;
            before.insert(reason.as_str().to_owned(), held.into());
            after.insert(reason.as_str().to_owned(), (*own).into());
        }
        if after.is_empty() {
            return Ok(());
        }
        work.audit(Entry {
            action: "community.reputation.weights",
            object: format!("community:{community}"),
            community: Some(community),
            detail: serde_json::json!({
                "before": Value::Object(before), "after": Value::Object(after),
            }),
        });
        Ok(work.commit().await?)
    }
}
