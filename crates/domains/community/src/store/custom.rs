//! Rows of `custom_command`. Aliases are one text, ` a b `: each between spaces, so that one is
//! found by looking for ` a `.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{role, secs, stored};
use crate::{COMMANDS_MAX, CustomCommand};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    name: String,
    aliases: String,
    reply: String,
    minimum_role: i16,
    cooldown_user_secs: i32,
    cooldown_channel_secs: i32,
    is_enabled: bool,
    uses: i64,
    created_by: Option<i32>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for CustomCommand {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            aliases: row.aliases.split_whitespace().map(str::to_owned).collect(),
            reply: row.reply,
            minimum_role: role(row.minimum_role)?,
            cooldown_user_secs: secs(row.cooldown_user_secs),
            cooldown_channel_secs: secs(row.cooldown_channel_secs),
            is_enabled: row.is_enabled,
            uses: u64::try_from(row.uses).unwrap_or(0),
            created_by: row.created_by.map(UserId),
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

const COLUMNS: &str = "id, name, aliases, reply, minimum_role, cooldown_user_secs, \
     cooldown_channel_secs, is_enabled, uses, created_by, created_at, updated_at";

fn joined(aliases: &[String]) -> String {
    if aliases.is_empty() {
        return String::new();
    }
    format!(" {} ", aliases.join(" "))
}

pub(crate) async fn all(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<CustomCommand>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM custom_command WHERE community_id = $1 \
             ORDER BY name LIMIT {COMMANDS_MAX}"
        ),
        vec![community.0.into()],
    )
    .await?;
    rows.into_iter().map(CustomCommand::try_from).collect()
}

/// The command with this name, or else with this alias. `name` holds no wildcard but `_`, which is
/// compared again.
pub(crate) async fn called(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    name: &str,
) -> Result<Option<CustomCommand>, StoreError> {
    let named: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM custom_command WHERE community_id = $1 AND name = $2"),
        vec![community.0.into(), name.into()],
    )
    .await?;
    if let Some(row) = named {
        return Ok(Some(row.try_into()?));
    }
    let likely: Vec<Row> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM custom_command WHERE community_id = $1 AND aliases LIKE $2 \
             LIMIT {COMMANDS_MAX}"
        ),
        vec![community.0.into(), format!("% {name} %").into()],
    )
    .await?;
    let found = likely
        .into_iter()
        .find(|row| row.aliases.split_whitespace().any(|alias| alias == name));
    found.map(CustomCommand::try_from).transpose()
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    command: &CustomCommand,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO custom_command \
         (community_id, name, aliases, reply, minimum_role, cooldown_user_secs, \
          cooldown_channel_secs, is_enabled, uses, created_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $10) RETURNING id",
        vec![
            community.0.into(),
            command.name.clone().into(),
            joined(&command.aliases).into(),
            command.reply.clone().into(),
            command.minimum_role.code().into(),
            stored(command.cooldown_user_secs).into(),
            stored(command.cooldown_channel_secs).into(),
            command.is_enabled.into(),
            command.created_by.map(|user| user.0).into(),
            command.created_at.0.into(),
        ],
    )
    .await
}

pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    command: &CustomCommand,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE custom_command SET aliases = $2, reply = $3, minimum_role = $4, \
         cooldown_user_secs = $5, cooldown_channel_secs = $6, is_enabled = $7, updated_at = $8 \
         WHERE id = $1",
        vec![
            command.id.into(),
            joined(&command.aliases).into(),
            command.reply.clone().into(),
            command.minimum_role.code().into(),
            stored(command.cooldown_user_secs).into(),
            stored(command.cooldown_channel_secs).into(),
            command.is_enabled.into(),
            command.updated_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete(conn: &impl ConnectionTrait, id: i32) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM custom_command WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(())
}

/// One use more of an enabled command; `None` if there is none.
pub(crate) async fn count_use(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    id: i32,
) -> Result<Option<u64>, StoreError> {
    let uses: Option<i64> = sql::optional(
        conn,
        "UPDATE custom_command SET uses = uses + 1 \
         WHERE id = $1 AND community_id = $2 AND is_enabled RETURNING uses",
        vec![id.into(), community.0.into()],
    )
    .await?;
    Ok(uses.map(|uses| u64::try_from(uses).unwrap_or(0)))
}
