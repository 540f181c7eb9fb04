//! Rows of `quarantine`.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::platform as platform_of;
use crate::Quarantined;

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    community_id: i32,
    at: i64,
    platform: i16,
    event_id: String,
    reason: String,
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    platform: Platform,
    event_id: &str,
    reason: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    // PostgreSQL cannot store U+0000, which may be just what put the event here.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sql::execute(
        conn,
        "INSERT INTO quarantine (community_id, at, platform, event_id, reason, payload) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        vec![
            community.0.into(),
            now.0.into(),
            platform.code().into(),
            clean(event_id).into(),
            clean(reason).into(),
            clean(payload).into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn list(conn: &impl ConnectionTrait) -> Result<Vec<Quarantined>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        "SELECT id, community_id, at, platform, event_id, reason FROM quarantine ORDER BY id DESC LIMIT 100",
        vec![],
    )
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Quarantined {
                id: row.id,
                community: CommunityId(row.community_id),
                at: Timestamp(row.at),
                platform: platform_of(row.platform)?,
                event_id: row.event_id,
                reason: row.reason,
            })
        })
        .collect()
}

pub(crate) async fn count(conn: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(super::count(
        sql::scalar(conn, "SELECT COUNT(*) FROM quarantine", vec![]).await?,
    ))
}
