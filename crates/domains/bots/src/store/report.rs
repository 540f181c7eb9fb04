//! Rows of `bot_report`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{
    CaseState, Probability, Report, ReportOutcome,
    report::{Record, Together},
};

#[derive(FromQueryResult)]
struct Raw {
    account_id: i64,
    id: i32,
    reporter_id: Option<i32>,
    reason: String,
    weight_ppm: i32,
    at: i64,
    outcome: i16,
}

/// What is read of a report.
const COLUMNS: &str = "account_id, id, reporter_id, reason, weight_ppm, at, outcome";

impl TryFrom<Raw> for Report {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("unknown outcome {}", raw.outcome));
        Ok(Self {
            id: raw.id,
            reporter: raw.reporter_id.map(UserId),
            reason: raw.reason,
            weight: Probability::read(raw.weight_ppm),
            at: Timestamp(raw.at),
            outcome: ReportOutcome::from_code(raw.outcome).ok_or_else(unknown)?,
        })
    }
}

/// What was reported about an account in a community, the newest first.
pub(crate) async fn of_account(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    limit: i64,
) -> Result<Vec<Report>, StoreError> {
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM bot_report \
             WHERE community_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT {limit}"
        ),
        vec![community.0.into(), account.0.into()],
    )
    .await?;
    rows.into_iter().map(Report::try_from).collect()
}

/// The open reports of a community about accounts of which no case is open and that nobody called bots, the newest
/// first.
pub(crate) async fn waiting(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    page: &PageRequest,
) -> Result<Vec<(AccountId, Report)>, StoreError> {
    let before = page.cursor().map_or(i64::MAX, |cursor| cursor.id);
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM bot_report AS r \
             WHERE community_id = $1 AND outcome = 0 AND id < $2 AND NOT EXISTS (SELECT 1 FROM bot_case AS c \
             WHERE c.community_id = r.community_id AND c.account_id = r.account_id AND c.state IN ({}, {})) \
             ORDER BY id DESC LIMIT {}",
            CaseState::Open.code(),
            CaseState::Bot.code(),
            page.fetch()
        ),
        vec![community.0.into(), before.into()],
    )
    .await?;
    let report = |row: Raw| Ok((AccountId(row.account_id), row.try_into()?));
    rows.into_iter().map(report).collect()
}

/// Whether somebody reported an account and nobody knows yet whether rightly.
pub(crate) async fn is_open(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    reporter: UserId,
) -> Result<bool, StoreError> {
    let found: Option<i32> = sql::optional(
        conn,
        "SELECT id FROM bot_report WHERE community_id = $1 AND account_id = $2 AND reporter_id = $3 \
         AND outcome = 0",
        vec![community.0.into(), account.0.into(), reporter.0.into()],
    )
    .await?;
    Ok(found.is_some())
}

/// How many accounts somebody reported since an instant, and how often they were right and wrong before.
pub(crate) async fn record(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    reporter: UserId,
    since: Timestamp,
) -> Result<Record, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT CAST(COALESCE(SUM(CASE WHEN at > $3 THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN outcome = 1 THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN outcome = 2 THEN 1 ELSE 0 END), 0) AS bigint) \
         FROM bot_report WHERE community_id = $1 AND reporter_id = $2",
        vec![community.0.into(), reporter.0.into(), since.0.into()],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(Record::default());
    };
    let n = |index: usize| -> Result<u32, StoreError> {
        Ok(u32::try_from(row.try_get_by_index::<i64>(index)?).unwrap_or(u32::MAX))
    };
    Ok(Record {
        lately: n(0)?,
        right: n(1)?,
        wrong: n(2)?,
    })
}

/// What the open reports about an account are together.
pub(crate) async fn together(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
) -> Result<Together, StoreError> {
    let row = sql::row(
        conn,
        "SELECT COUNT(*), CAST(COALESCE(SUM(weight_ppm), 0) AS bigint), \
         CAST(COALESCE(MAX(weight_ppm), 0) AS bigint) FROM bot_report \
         WHERE community_id = $1 AND account_id = $2 AND outcome = 0",
        vec![community.0.into(), account.0.into()],
    )
    .await?;
    let Some(row) = row else {
        return Ok(Together::default());
    };
    let n = |index: usize| -> Result<u32, StoreError> {
        Ok(u32::try_from(row.try_get_by_index::<i64>(index)?).unwrap_or(u32::MAX))
    };
    Ok(Together {
        n: n(0)?,
        weight: n(1)?,
        heaviest: n(2)?,
    })
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    reporter: Option<UserId>,
    (reason, weight): (&str, Probability),
    at: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_report (community_id, account_id, reporter_id, reason, weight_ppm, at, outcome) \
         VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id",
        vec![
            community.0.into(),
            account.0.into(),
            reporter.map(|user| user.0).into(),
            reason.into(),
            weight.stored().into(),
            at.0.into(),
        ],
    )
    .await
}

/// A review told whether the open reports about an account were right.
pub(crate) async fn settle(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    outcome: ReportOutcome,
    review: i64,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_report SET outcome = $3, review_id = $4 \
         WHERE community_id = $1 AND account_id = $2 AND outcome = 0",
        vec![
            community.0.into(),
            account.0.into(),
            outcome.code().into(),
            review.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Nobody knows again what a review had told; where somebody has reported anew meanwhile, that counts.
pub(crate) async fn unsettle(conn: &impl ConnectionTrait, review: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_report SET outcome = 0, review_id = NULL WHERE review_id = $1 AND NOT EXISTS \
         (SELECT 1 FROM bot_report AS newer WHERE newer.community_id = bot_report.community_id \
         AND newer.account_id = bot_report.account_id AND newer.reporter_id = bot_report.reporter_id \
         AND newer.outcome = 0)",
        vec![review.into()],
    )
    .await?;
    Ok(())
}

/// Gives the reports of one person to another, but those about whom both have reported; answers which.
pub(crate) async fn give_all(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<Vec<i32>, StoreError> {
    let rows = sql::rows(
        conn,
        "UPDATE bot_report SET reporter_id = $2 WHERE reporter_id = $1 AND NOT EXISTS \
         (SELECT 1 FROM bot_report AS own WHERE own.community_id = bot_report.community_id \
         AND own.account_id = bot_report.account_id AND own.reporter_id = $2 AND own.outcome = 0) \
         RETURNING id",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    let ids = rows.iter().map(|row| row.try_get_by_index::<i32>(0));
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Gives some reports back.
pub(crate) async fn give_back(
    conn: &impl ConnectionTrait,
    ids: &[i32],
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    for part in ids.chunks(super::IN_MAX) {
        let mut values: Vec<sea_orm::Value> = vec![from.0.into(), to.0.into()];
        values.extend(part.iter().map(|id| sea_orm::Value::from(*id)));
        let query = format!(
            "UPDATE bot_report SET reporter_id = $1 WHERE reporter_id = $2 AND id IN ({})",
            super::placeholders(3, part.len())
        );
        sql::execute(conn, &query, values).await?;
    }
    Ok(())
}

pub(crate) async fn count_of(
    conn: &impl ConnectionTrait,
    reporter: UserId,
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM bot_report WHERE reporter_id = $1",
        vec![reporter.0.into()],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}
