//! Reading follows and raids one after the other.

use std::collections::BTreeSet;

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, EventId, Timestamp, event::EventTag};
use sea_orm::{ConnectionTrait, Value};

use crate::{Arrival, Arrived};

/// Accounts in one list.
const IN_MAX: usize = 512;

pub(crate) async fn last(conn: &impl ConnectionTrait) -> Result<EventId, StoreError> {
    let id: i64 = sql::scalar(
        conn,
        "SELECT COALESCE((SELECT id FROM chat_event ORDER BY id DESC LIMIT 1), CAST(0 AS bigint))",
        vec![],
    )
    .await?;
    Ok(EventId(id))
}

/// Arrivals after one event and up to another, in their order.
pub(crate) async fn between(
    conn: &impl ConnectionTrait,
    after: EventId,
    until: EventId,
    limit: u32,
) -> Result<Vec<Arrived>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT id, community_id, account_id, at, kind, amount FROM chat_event \
         WHERE id > $1 AND id <= $2 AND kind IN ($4, $5) ORDER BY id LIMIT $3",
        vec![
            after.0.into(),
            until.0.into(),
            i64::from(limit).into(),
            EventTag::Follow.code().into(),
            EventTag::Raid.code().into(),
        ],
    )
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let kind: i16 = row.try_get_by_index(4)?;
        let amount: i64 = row.try_get_by_index(5)?;
        let how = if kind == EventTag::Raid.code() {
            let viewers = u32::try_from(amount.max(0)).unwrap_or(u32::MAX);
            Arrival::Raid { viewers }
        } else {
            Arrival::Follow
        };
        found.push(Arrived {
            id: EventId(row.try_get_by_index(0)?),
            community: CommunityId(row.try_get_by_index(1)?),
            account: AccountId(row.try_get_by_index(2)?),
            at: Timestamp(row.try_get_by_index(3)?),
            how,
        });
    }
    Ok(found)
}

/// Where accounts followed, up to an event.
pub(crate) async fn followed(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
    until: EventId,
) -> Result<BTreeSet<(CommunityId, AccountId)>, StoreError> {
    let mut found = BTreeSet::new();
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT DISTINCT community_id, account_id FROM chat_event \
             WHERE account_id IN ({}) AND id <= {} AND kind = {}",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1),
            EventTag::Follow.code()
        );
        let mut values: Vec<Value> = part.iter().map(|account| account.0.into()).collect();
        values.push(until.0.into());
        for row in sql::rows(conn, &query, values).await? {
            found.insert((
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            ));
        }
    }
    Ok(found)
}
