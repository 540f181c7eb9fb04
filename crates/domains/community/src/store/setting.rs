//! Rows of `command_setting`: only for commands about which a community decided something.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{role, secs, stored};
use crate::SettingChange;

#[derive(FromQueryResult)]
struct Row {
    name: String,
    is_enabled: bool,
    minimum_role: Option<i16>,
    cooldown_user_secs: Option<i32>,
    cooldown_channel_secs: Option<i32>,
}

impl Row {
    fn named(self) -> Result<(String, SettingChange), StoreError> {
        let setting = SettingChange {
            is_enabled: self.is_enabled,
            minimum_role: self.minimum_role.map(role).transpose()?,
            cooldown_user_secs: self.cooldown_user_secs.map(secs),
            cooldown_channel_secs: self.cooldown_channel_secs.map(secs),
        };
        Ok((self.name, setting))
    }
}

const COLUMNS: &str = "name, is_enabled, minimum_role, cooldown_user_secs, cooldown_channel_secs";

pub(crate) async fn all(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<HashMap<String, SettingChange>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("SELECT {COLUMNS} FROM command_setting WHERE community_id = $1 LIMIT 1000"),
        vec![community.0.into()],
    )
    .await?;
    rows.into_iter().map(Row::named).collect()
}

pub(crate) async fn one(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    name: &str,
) -> Result<Option<SettingChange>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM command_setting WHERE community_id = $1 AND name = $2"),
        vec![community.0.into(), name.into()],
    )
    .await?;
    row.map(|row| row.named().map(|(_, setting)| setting))
        .transpose()
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    name: &str,
    setting: &SettingChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO command_setting \
         (community_id, name, is_enabled, minimum_role, cooldown_user_secs, cooldown_channel_secs, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (community_id, name) DO UPDATE SET is_enabled = $3, minimum_role = $4, \
         cooldown_user_secs = $5, cooldown_channel_secs = $6, updated_at = $7",
        vec![
            community.0.into(),
            name.into(),
            setting.is_enabled.into(),
            setting.minimum_role.map(kernel::Role::code).into(),
            setting.cooldown_user_secs.map(stored).into(),
            setting.cooldown_channel_secs.map(stored).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}
