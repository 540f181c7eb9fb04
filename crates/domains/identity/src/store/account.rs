//! Rows of `platform_account`, and the unclaimed users made with them.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{IN_MAX, community::platform as platform_of, placeholders};
use crate::{PlatformAccount, Resolved, SeenAccount};

/// Accounts looked for at once, a power of two.
const KNOWN_MAX: usize = 512;

/// An account found by its platform id.
pub(crate) struct Known {
    pub(crate) resolved: Resolved,
    pub(crate) username: String,
}

pub(crate) async fn known(
    conn: &impl ConnectionTrait,
    platform: Platform,
    ids: &[&str],
) -> Result<HashMap<String, Known>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for part in sql::parts(ids, KNOWN_MAX) {
        let mut values: Vec<Value> = part.iter().map(|id| Value::from(*id)).collect();
        values.push(platform.code().into());
        let query = format!(
            "SELECT platform_user_id, id, user_id, username FROM platform_account \
             WHERE platform_user_id IN ({}) AND platform = {}",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1)
        );
        for row in sql::rows(conn, &query, values).await? {
            let resolved = Resolved {
                account: AccountId(row.try_get_by_index(1)?),
                user: UserId(row.try_get_by_index(2)?),
            };
            found.insert(
                row.try_get_by_index(0)?,
                Known {
                    resolved,
                    username: row.try_get_by_index(3)?,
                },
            );
        }
    }
    Ok(found)
}

/// Inserts accounts, each with a new unclaimed user.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    accounts: &[&SeenAccount],
    now: Timestamp,
) -> Result<Vec<(String, Resolved)>, StoreError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let users = accounts
        .iter()
        .map(|a| vec![shown(a).into(), false.into(), now.0.into()])
        .collect();
    let made = sql::insert_returning(
        conn,
        "INSERT INTO users (display_name, is_instance_admin, created_at)",
        users,
        " RETURNING id, display_name",
    )
    .await?;
    // The order of RETURNING is not promised: users are told apart by name, and those of the same
    // name are alike.
    let mut by_name: HashMap<String, Vec<i32>> = HashMap::new();
    for row in made {
        by_name
            .entry(row.try_get_by_index(1)?)
            .or_default()
            .push(row.try_get_by_index(0)?);
    }
    let mut owner_of = HashMap::with_capacity(accounts.len());
    let mut rows = Vec::with_capacity(accounts.len());
    for account in accounts {
        let user = by_name
            .get_mut(&shown(account))
            .and_then(Vec::pop)
            .ok_or_else(|| StoreError::Data("an inserted user did not come back".to_owned()))?;
        owner_of.insert(account.platform_user_id.clone(), UserId(user));
        rows.push(vec![
            account.platform.code().into(),
            account.platform_user_id.clone().into(),
            shown(account).into(),
            user.into(),
            account.is_bot.into(),
            account.account_created_at.map(|t| t.0).into(),
            now.0.into(),
        ]);
    }
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO platform_account \
         (platform, platform_user_id, username, user_id, is_bot, account_created_at, first_seen_at)",
        rows,
        " RETURNING platform_user_id, id",
    )
    .await?;
    let mut resolved = Vec::with_capacity(inserted.len());
    for row in inserted {
        let id: String = row.try_get_by_index(0)?;
        let user = owner_of.get(&id).copied();
        let user = user
            .ok_or_else(|| StoreError::Data("an inserted account did not come back".to_owned()))?;
        resolved.push((
            id,
            Resolved {
                account: AccountId(row.try_get_by_index(1)?),
                user,
            },
        ));
    }
    Ok(resolved)
}

/// Writes down an account that its owner proved to be theirs before it was met in chat.
pub(crate) async fn insert_owned(
    conn: &impl ConnectionTrait,
    account: &SeenAccount,
    user: UserId,
    now: Timestamp,
) -> Result<AccountId, StoreError> {
    let id: i64 = sql::scalar(
        conn,
        "INSERT INTO platform_account \
         (platform, platform_user_id, username, user_id, is_bot, account_created_at, first_seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        vec![
            account.platform.code().into(),
            account.platform_user_id.clone().into(),
            shown(account).into(),
            user.0.into(),
            account.is_bot.into(),
            account.account_created_at.map(|t| t.0).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(AccountId(id))
}

fn shown(account: &SeenAccount) -> String {
    if account.username.is_empty() {
        account.platform_user_id.clone()
    } else {
        account.username.clone()
    }
}

/// Gives an account its new name; an unclaimed user is called what the account is called.
pub(crate) async fn rename(
    conn: &impl ConnectionTrait,
    account: AccountId,
    name: &str,
) -> Result<(), StoreError> {
    let user: Option<i32> = sql::optional(
        conn,
        "UPDATE platform_account SET username = $2 WHERE id = $1 RETURNING user_id",
        vec![account.0.into(), name.into()],
    )
    .await?;
    if let Some(user) = user {
        sql::execute(
            conn,
            "UPDATE users SET display_name = $2 WHERE id = $1 AND claimed_at IS NULL",
            vec![user.into(), name.into()],
        )
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    user_id: i32,
    platform: i16,
    username: String,
    is_bot: bool,
    account_created_at: Option<i64>,
}

impl TryFrom<Row> for PlatformAccount {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AccountId(row.id),
            user: UserId(row.user_id),
            platform: platform_of(row.platform)?,
            username: row.username,
            is_bot: row.is_bot,
            account_created_at: row.account_created_at.map(Timestamp),
        })
    }
}

pub(crate) async fn of_users(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<Vec<PlatformAccount>, StoreError> {
    let keys: Vec<Value> = users.iter().map(|user| user.0.into()).collect();
    select(conn, "user_id", &keys).await
}

pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    ids: &[AccountId],
) -> Result<Vec<PlatformAccount>, StoreError> {
    let keys: Vec<Value> = ids.iter().map(|id| id.0.into()).collect();
    select(conn, "id", &keys).await
}

/// What of an account is read.
const COLUMNS: &str = "id, user_id, platform, username, is_bot, account_created_at";

/// Accounts of a platform by their names in lower case. SQLite folds ASCII only.
pub(crate) async fn named(
    conn: &impl ConnectionTrait,
    platform: Platform,
    folded: &[&str],
) -> Result<Vec<PlatformAccount>, StoreError> {
    let mut found = Vec::new();
    for part in sql::parts(folded, KNOWN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM platform_account WHERE LOWER(username) IN ({}) AND platform = {}",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1)
        );
        let mut values: Vec<Value> = part.iter().map(|name| Value::from(*name)).collect();
        values.push(platform.code().into());
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        for row in rows {
            found.push(PlatformAccount::try_from(row)?);
        }
    }
    found.sort_unstable_by_key(|account| account.id);
    Ok(found)
}

/// Accounts with all others of the same people; some may come more than once.
pub(crate) async fn with_others(
    conn: &impl ConnectionTrait,
    ids: &[AccountId],
) -> Result<Vec<PlatformAccount>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(IN_MAX) {
        let query = format!(
            "SELECT a.id, a.user_id, a.platform, a.username, a.is_bot, a.account_created_at \
             FROM platform_account k CROSS JOIN platform_account a WHERE k.id IN ({}) AND a.user_id = k.user_id",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|id| id.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            found.push(PlatformAccount {
                id: AccountId(row.try_get_by_index(0)?),
                user: UserId(row.try_get_by_index(1)?),
                platform: platform_of(row.try_get_by_index(2)?)?,
                username: row.try_get_by_index(3)?,
                is_bot: row.try_get_by_index(4)?,
                account_created_at: row.try_get_by_index::<Option<i64>>(5)?.map(Timestamp),
            });
        }
    }
    Ok(found)
}

async fn select(
    conn: &impl ConnectionTrait,
    column: &'static str,
    keys: &[Value],
) -> Result<Vec<PlatformAccount>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for part in keys.chunks(IN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM platform_account WHERE {column} IN ({}) ORDER BY platform, id",
            placeholders(1, part.len())
        );
        let rows: Vec<Row> = sql::all(conn, &query, part.to_vec()).await?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}
