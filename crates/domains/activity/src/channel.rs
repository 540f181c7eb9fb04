//! The names of the channels in which a community was heard, for pages that know ids only.

use std::collections::HashMap;

use kernel::{Actor, CommunityId, Permission, Platform};

use crate::{Activity, ActivityError, store as tables};

/// Channels named at most; a community with more has the newest named.
pub(crate) const CHANNELS_MAX: u32 = 5_000;

impl Activity {
    /// The names by platform and the platform's id of the channel; a channel whose name is not known
    /// is left out.
    pub async fn channel_names(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<HashMap<(Platform, String), String>, ActivityError> {
        Self::require(actor, Permission::ViewActivity, community)?;
        Ok(tables::channel::names(self.db.read(), community, CHANNELS_MAX).await?)
    }
}
