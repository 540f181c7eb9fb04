//! Reading joins, follows and raids one after the other.

use std::collections::BTreeMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, EventId, Timestamp, event::EventTag};
use sea_orm::{ConnectionTrait, Value};

use crate::{Arrival, Arrived, JOIN_LASTS};

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
         WHERE id > $1 AND id <= $2 AND kind IN ($4, $5, $6) ORDER BY id LIMIT $3",
        vec![
            after.0.into(),
            until.0.into(),
            i64::from(limit).into(),
            EventTag::Follow.code().into(),
            EventTag::Raid.code().into(),
            EventTag::Join.code().into(),
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
        } else if kind == EventTag::Join.code() {
            Arrival::Join
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

/// Until when accounts count as having come, by events up to one.
pub(crate) async fn came(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
    until: EventId,
) -> Result<BTreeMap<(CommunityId, AccountId), Timestamp>, StoreError> {
    let mut found = BTreeMap::new();
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT community_id, account_id, kind, MAX(at) FROM chat_event \
             WHERE account_id IN ({}) AND id <= {} AND kind IN ({}, {}) GROUP BY community_id, account_id, kind",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1),
            EventTag::Follow.code(),
            EventTag::Join.code(),
        );
        let mut values: Vec<Value> = part.iter().map(|account| account.0.into()).collect();
        values.push(until.0.into());
        for row in sql::rows(conn, &query, values).await? {
            let seat = (
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            );
            let kind: i16 = row.try_get_by_index(2)?;
            let at = Timestamp(row.try_get_by_index(3)?);
            let until = if kind == EventTag::Follow.code() {
                Timestamp(i64::MAX)
            } else {
                at.plus(JOIN_LASTS)
            };
            let known = found.entry(seat).or_insert(until);
            *known = until.max(*known);
        }
    }
    Ok(found)
}
