//! Rows of `bot_list_correction`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{IN_MAX, placeholders, platform as platform_of};
use crate::{Correction, Listable, Ruling};

/// The code of a domain, where an account has its platform's.
const DOMAIN: i16 = 0;
/// The scope of what holds everywhere.
const EVERYWHERE: i32 = 0;
/// The account where whoever goes by the name is meant.
const ANYBODY: i64 = 0;

pub(crate) fn platform_code(what: &Listable) -> i16 {
    what.platform().map_or(DOMAIN, Platform::code)
}

fn scope_of(community: Option<CommunityId>) -> i32 {
    community.map_or(EVERYWHERE, |community| community.0)
}

#[derive(FromQueryResult)]
struct Row {
    scope: i32,
    platform: i16,
    value: String,
    verdict: i16,
    reason: String,
    decided_by: Option<i32>,
    decided_at: i64,
    account_id: i64,
}

impl TryFrom<Row> for Correction {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("unknown ruling {}", row.verdict));
        Ok(Self {
            what: match row.platform {
                DOMAIN => Listable::Domain(row.value),
                code => Listable::Account(platform_of(code)?, row.value),
            },
            ruling: Ruling::from_code(row.verdict).ok_or_else(unknown)?,
            reason: row.reason,
            community: (row.scope != EVERYWHERE).then_some(CommunityId(row.scope)),
            decided_by: row.decided_by.map(UserId),
            decided_at: Timestamp(row.decided_at),
            account: (row.account_id != ANYBODY).then_some(AccountId(row.account_id)),
        })
    }
}

const COLUMNS: &str = "scope, platform, value, verdict, reason, decided_by, decided_at, account_id";

/// What holds in a community about some values: its own and the instance's corrections.
pub(crate) async fn about(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    values: &[&str],
) -> Result<Vec<Correction>, StoreError> {
    let keys = values.iter().map(|value| Value::from(*value)).collect();
    where_(conn, community, "value", keys).await
}

/// The same about some accounts, whatever they are called by now.
pub(crate) async fn about_accounts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[AccountId],
) -> Result<Vec<Correction>, StoreError> {
    let keys = accounts.iter().map(|account| account.0.into()).collect();
    where_(conn, community, "account_id", keys).await
}

/// What calls accounts unwanted in a community: its own and the instance's corrections, at most twenty thousand.
pub(crate) async fn unwanted(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<Correction>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_list_correction WHERE scope IN ({EVERYWHERE}, $1) AND verdict = $2 AND platform <> {DOMAIN}"
    );
    let values = vec![community.0.into(), Ruling::Right.code().into()];
    let rows = sql::all::<Row>(conn, &query, values).await?;
    rows.into_iter().map(Correction::try_from).collect()
}

async fn where_(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    column: &str,
    keys: Vec<Value>,
) -> Result<Vec<Correction>, StoreError> {
    let mut found = Vec::new();
    for part in keys.chunks(IN_MAX) {
        let mut keys: Vec<Value> = vec![community.0.into()];
        keys.extend(part.iter().cloned());
        let query = format!(
            "SELECT {COLUMNS} FROM bot_list_correction WHERE scope IN ({EVERYWHERE}, $1) AND {column} IN ({})",
            placeholders(2, part.len())
        );
        for row in sql::all::<Row>(conn, &query, keys).await? {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

fn key(community: Option<CommunityId>, what: &Listable) -> Vec<Value> {
    vec![
        scope_of(community).into(),
        platform_code(what).into(),
        what.value().into(),
    ]
}

pub(crate) async fn one(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    what: &Listable,
) -> Result<Option<Correction>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_list_correction WHERE scope = $1 AND platform = $2 AND value = $3"
    );
    let row: Option<Row> = sql::one(conn, &query, key(community, what)).await?;
    row.map(Correction::try_from).transpose()
}

/// A community's own, by value and platform.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    page: &PageRequest,
) -> Result<Vec<Correction>, StoreError> {
    let mut values: Vec<Value> = vec![community.0.into()];
    let after = match page.cursor() {
        Some(cursor) => {
            values.push(cursor.key.replace('\0', "").into());
            values.push(i16::try_from(cursor.id).unwrap_or(i16::MAX).into());
            "AND (value, platform) > ($2, $3)"
        }
        None => "",
    };
    let query = format!(
        "SELECT {COLUMNS} FROM bot_list_correction WHERE scope = $1 {after} ORDER BY value, platform LIMIT {}",
        page.fetch()
    );
    let rows: Vec<Row> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Correction::try_from).collect()
}

pub(crate) async fn count(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM bot_list_correction WHERE scope = $1",
        vec![scope_of(community).into()],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    correction: &Correction,
) -> Result<(), StoreError> {
    let mut values = key(correction.community, &correction.what);
    values.extend([
        Value::from(correction.ruling.code()),
        correction.reason.clone().into(),
        correction.decided_by.map(|user| user.0).into(),
        correction.decided_at.0.into(),
        correction
            .account
            .map_or(ANYBODY, |account| account.0)
            .into(),
    ]);
    sql::execute(
        conn,
        "INSERT INTO bot_list_correction (scope, platform, value, verdict, reason, decided_by, decided_at, account_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (scope, platform, value) DO UPDATE SET \
         verdict = $4, reason = $5, decided_by = $6, decided_at = $7, account_id = $8",
        values,
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    what: &Listable,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_list_correction WHERE scope = $1 AND platform = $2 AND value = $3",
        key(community, what),
    )
    .await?;
    Ok(())
}
