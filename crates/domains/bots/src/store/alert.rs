//! Rows of `bot_alert`.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{Alert, AlertKind};

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    kind: i16,
    scope: i32,
    words: String,
    numbers: String,
    at: i64,
    cleared_at: Option<i64>,
    cleared_by: Option<i32>,
}

impl TryFrom<Raw> for Alert {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Data(format!("alert {}: {what}", raw.id));
        Ok(Self {
            id: raw.id,
            kind: AlertKind::from_code(raw.kind).ok_or_else(|| broken("unknown kind"))?,
            community: super::community(raw.scope),
            numbers: serde_json::from_str(&raw.numbers)
                .map_err(|_unreadable| broken("numbers that do not read"))?,
            at: Timestamp(raw.at),
            cleared_at: raw.cleared_at.map(Timestamp),
            cleared_by: raw.cleared_by.map(UserId),
            words: raw.words,
        })
    }
}

/// The alerts, open ones first, then the newest.
pub(crate) async fn all(conn: &impl ConnectionTrait, limit: i64) -> Result<Vec<Alert>, StoreError> {
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT id, kind, scope, words, numbers, at, cleared_at, cleared_by FROM bot_alert \
             ORDER BY CASE WHEN cleared_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT {limit}"
        ),
        vec![],
    )
    .await?;
    rows.into_iter().map(Alert::try_from).collect()
}

/// Raises an alert, or renews the numbers of the one that is open; its id if it is new.
pub(crate) async fn raise(
    conn: &impl ConnectionTrait,
    kind: AlertKind,
    community: Option<CommunityId>,
    words: &str,
    numbers: &serde_json::Value,
    at: Timestamp,
) -> Result<Option<i32>, StoreError> {
    let scope = super::model::scope(community);
    let renewed = sql::execute(
        conn,
        "UPDATE bot_alert SET words = $3, numbers = $4 WHERE kind = $1 AND scope = $2 AND cleared_at IS NULL",
        vec![
            kind.code().into(),
            scope.into(),
            words.into(),
            numbers.to_string().into(),
        ],
    )
    .await?;
    if renewed > 0 {
        return Ok(None);
    }
    sql::optional(
        conn,
        "INSERT INTO bot_alert (kind, scope, words, numbers, at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (kind, scope) WHERE cleared_at IS NULL DO NOTHING RETURNING id",
        vec![
            kind.code().into(),
            scope.into(),
            words.into(),
            numbers.to_string().into(),
            at.0.into(),
        ],
    )
    .await
}

/// Somebody has seen to it; `false` if there is none that is open.
pub(crate) async fn clear(
    conn: &impl ConnectionTrait,
    id: i32,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_alert SET cleared_at = $2, cleared_by = $3 WHERE id = $1 AND cleared_at IS NULL",
        vec![id.into(), at.0.into(), by.map(|user| user.0).into()],
    )
    .await?;
    Ok(n > 0)
}

pub(crate) async fn exists(conn: &impl ConnectionTrait, id: i32) -> Result<bool, StoreError> {
    let query = "SELECT id FROM bot_alert WHERE id = $1";
    Ok(sql::optional::<i32>(conn, query, vec![id.into()])
        .await?
        .is_some())
}

/// The numbers of an alert that is open.
pub(crate) async fn numbers(
    conn: &impl ConnectionTrait,
    kind: AlertKind,
    community: Option<CommunityId>,
) -> Result<Option<serde_json::Value>, StoreError> {
    let query =
        "SELECT numbers FROM bot_alert WHERE kind = $1 AND scope = $2 AND cleared_at IS NULL";
    let scope = super::model::scope(community);
    let found: Option<String> =
        sql::optional(conn, query, vec![kind.code().into(), scope.into()]).await?;
    Ok(found.and_then(|numbers| serde_json::from_str(&numbers).ok()))
}

/// What raised an alert is over.
pub(crate) async fn is_over(
    conn: &impl ConnectionTrait,
    kind: AlertKind,
    community: Option<CommunityId>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_alert SET cleared_at = $3 WHERE kind = $1 AND scope = $2 AND cleared_at IS NULL",
        vec![
            kind.code().into(),
            super::model::scope(community).into(),
            at.0.into(),
        ],
    )
    .await?;
    Ok(n > 0)
}
