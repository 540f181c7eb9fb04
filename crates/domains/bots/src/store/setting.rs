//! Rows of `bot_setting`: only for communities that decided something.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, Role, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count, stored};
use crate::{Probability, Setting};

#[derive(FromQueryResult)]
struct Row {
    community_id: i32,
    likely_ppm: i32,
    possible_ppm: i32,
    is_dry_run: bool,
    exempt_role: Option<i16>,
    trusted_days: Option<i32>,
    trusted_score: Option<i32>,
}

fn role(code: i16) -> Result<Role, StoreError> {
    Role::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown role {code}")))
}

impl TryFrom<Row> for Setting {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            likely: Probability::read(row.likely_ppm),
            possible: Probability::read(row.possible_ppm),
            is_dry_run: row.is_dry_run,
            exempt_role: row.exempt_role.map(role).transpose()?,
            trusted_days: row.trusted_days.map(count),
            trusted_score: row.trusted_score.map(count),
        })
    }
}

/// What communities decided; those that decided nothing are left out.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, Setting>, StoreError> {
    let mut found = HashMap::new();
    for part in communities.chunks(super::IN_MAX) {
        let query = format!(
            "SELECT community_id, likely_ppm, possible_ppm, is_dry_run, exempt_role, trusted_days, \
             trusted_score FROM bot_setting WHERE community_id IN ({})",
            super::placeholders(1, part.len())
        );
        let values: Vec<Value> = part.iter().map(|id| id.0.into()).collect();
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        for row in rows {
            found.insert(CommunityId(row.community_id), row.try_into()?);
        }
    }
    Ok(found)
}

/// What a community decided, or the defaults.
pub(crate) async fn one(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Setting, StoreError> {
    let mut found = of(conn, &[community]).await?;
    Ok(found.remove(&community).unwrap_or_default())
}

/// The part of a statement that is what a community calls possible, in millionths; the community is in a column.
pub(crate) fn possible(community: &str) -> String {
    format!(
        "COALESCE((SELECT bot_setting.possible_ppm FROM bot_setting WHERE bot_setting.community_id = {community}), {})",
        Setting::default().possible.stored()
    )
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    setting: &Setting,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_setting (community_id, likely_ppm, possible_ppm, is_dry_run, exempt_role, \
         trusted_days, trusted_score, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (community_id) DO UPDATE SET likely_ppm = $2, possible_ppm = $3, is_dry_run = $4, \
         exempt_role = $5, trusted_days = $6, trusted_score = $7, updated_at = $8",
        vec![
            community.0.into(),
            setting.likely.stored().into(),
            setting.possible.stored().into(),
            setting.is_dry_run.into(),
            setting.exempt_role.map(Role::code).into(),
            setting.trusted_days.map(stored).into(),
            setting.trusted_score.map(stored).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}
