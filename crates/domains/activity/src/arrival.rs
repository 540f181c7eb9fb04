//! Who came without saying anything: joins, follows, and raids with how many they bring. For the domains above that go through
//! all of them, in the order in which they were recorded. They authorise before they ask.
//!
//! Must never hand out more rows at once than was asked for.

use std::{collections::BTreeMap, time::Duration};

use ::store::StoreError;
use kernel::{AccountId, CommunityId, EventId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::store::arrival as table;

/// How long a join counts as the coming of whoever says something later. Who was silent for longer comes with those who speak
/// then: accounts that sleep and wake together are a crowd too.
pub const JOIN_LASTS: Duration = Duration::from_hours(24);

/// How somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The account followed the channel.
    Follow,
    /// The account joined the server, or a channel of it.
    Join,
    /// The account sent its viewers over.
    Raid {
        /// How many.
        viewers: u32,
    },
}

/// An arrival as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Its id; ascending in the order of recording.
    pub id: EventId,
    /// Where.
    pub community: CommunityId,
    /// Who.
    pub account: AccountId,
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// How.
    pub how: Arrival,
}

/// The event of any kind that was recorded last. On a server others may still be recording ones with smaller ids.
pub async fn last_event(conn: &impl ConnectionTrait) -> Result<EventId, StoreError> {
    table::last(conn).await
}

/// Arrivals with `after < id <= until`, in their order.
pub async fn arrivals_after(
    conn: &impl ConnectionTrait,
    after: EventId,
    until: EventId,
    limit: u32,
) -> Result<Vec<Arrived>, StoreError> {
    table::between(conn, after, until, limit).await
}

/// Until when accounts count as having come, where they followed (for ever) or joined (for [`JOIN_LASTS`]), by events with an id
/// of `until` at most.
pub async fn came(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
    until: EventId,
) -> Result<BTreeMap<(CommunityId, AccountId), Timestamp>, StoreError> {
    table::came(conn, accounts, until).await
}
