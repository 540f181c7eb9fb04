//! Rows of `bot_review`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{case::Row as CaseRow, count};
use crate::{Probability, Review, Verdict};

#[derive(FromQueryResult)]
struct Raw {
    id: i64,
    verdict: i16,
    reviewer_id: Option<i32>,
    reason: String,
    probability_ppm: i32,
    was_sampled: bool,
    took_secs: Option<i32>,
    at: i64,
    undone_at: Option<i64>,
}

impl TryFrom<Raw> for Review {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("unknown verdict {}", raw.verdict));
        Ok(Self {
            id: raw.id,
            verdict: Verdict::from_code(raw.verdict).ok_or_else(unknown)?,
            reviewer: raw.reviewer_id.map(UserId),
            reason: raw.reason,
            probability: Probability::read(raw.probability_ppm),
            was_sampled: raw.was_sampled,
            took_secs: raw.took_secs.map(count),
            at: Timestamp(raw.at),
            undone_at: raw.undone_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str = "id, verdict, reviewer_id, reason, probability_ppm, was_sampled, took_secs, at, \
                       undone_at";

/// The ids of the predictions about accounts of a community that people said something of lately, the newest review first.
pub(crate) async fn predicted_lately(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let query = format!(
        "SELECT prediction_id FROM bot_review WHERE community_id = $1 AND undone_at IS NULL AND verdict IN ({}, {}) \
         AND prediction_id IS NOT NULL ORDER BY at DESC, id DESC LIMIT {limit}",
        Verdict::Bot.code(),
        Verdict::Human.code()
    );
    let rows = sql::rows(conn, &query, vec![community.0.into()]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// What people said in a case, the newest first.
pub(crate) async fn of_case(
    conn: &impl ConnectionTrait,
    case: i32,
    limit: i64,
) -> Result<Vec<Review>, StoreError> {
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM bot_review WHERE case_id = $1 ORDER BY id DESC LIMIT {limit}"
        ),
        vec![case.into()],
    )
    .await?;
    rows.into_iter().map(Review::try_from).collect()
}

/// The last one that counts; those who left it to others do not.
pub(crate) async fn last(
    conn: &impl ConnectionTrait,
    case: i32,
) -> Result<Option<Review>, StoreError> {
    let row: Option<Raw> = sql::one(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM bot_review WHERE case_id = $1 AND verdict <> 3 AND undone_at IS NULL \
             ORDER BY id DESC LIMIT 1"
        ),
        vec![case.into()],
    )
    .await?;
    row.map(Review::try_from).transpose()
}

/// The prediction that a review was about, if it is known.
pub(crate) async fn prediction(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<i64>, StoreError> {
    let query = "SELECT prediction_id FROM bot_review WHERE id = $1";
    let found: Option<Option<i64>> = sql::optional(conn, query, vec![id.into()]).await?;
    Ok(found.flatten())
}

/// The one by which somebody left a case to others, if nothing new is known of it since.
pub(crate) async fn skip_of(
    conn: &impl ConnectionTrait,
    case: &CaseRow,
    reviewer: UserId,
) -> Result<Option<i64>, StoreError> {
    sql::optional(
        conn,
        "SELECT id FROM bot_review WHERE case_id = $1 AND verdict = 3 AND undone_at IS NULL \
         AND reviewer_id = $2 AND at >= $3 ORDER BY id DESC LIMIT 1",
        vec![case.id.into(), reviewer.0.into(), case.changed_at.0.into()],
    )
    .await
}

/// A review to write down.
pub(crate) struct New<'a> {
    pub(crate) case: i32,
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) verdict: Verdict,
    pub(crate) reviewer: Option<UserId>,
    pub(crate) reason: &'a str,
    pub(crate) probability: Probability,
    pub(crate) prediction: Option<i64>,
    pub(crate) was_sampled: bool,
    pub(crate) took_secs: Option<i32>,
    pub(crate) at: Timestamp,
}

pub(crate) async fn insert(conn: &impl ConnectionTrait, new: &New<'_>) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_review (case_id, community_id, account_id, verdict, reviewer_id, reason, \
         probability_ppm, prediction_id, was_sampled, took_secs, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        vec![
            new.case.into(),
            new.community.0.into(),
            new.account.0.into(),
            new.verdict.code().into(),
            new.reviewer.map(|user| user.0).into(),
            new.reason.into(),
            new.probability.stored().into(),
            new.prediction.into(),
            new.was_sampled.into(),
            new.took_secs.into(),
            new.at.0.into(),
        ],
    )
    .await
}

pub(crate) async fn undo(
    conn: &impl ConnectionTrait,
    id: i64,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_review SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL",
        vec![id.into(), at.0.into(), by.map(|user| user.0).into()],
    )
    .await?;
    Ok(())
}
