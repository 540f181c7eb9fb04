//! Rows of `bot_label`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{LabelCount, LabelSource, Probability};

/// A label to write down.
pub(crate) struct New<'a> {
    pub(crate) seat: (CommunityId, AccountId),
    pub(crate) is_bot: bool,
    pub(crate) source: LabelSource,
    pub(crate) weight: Probability,
    pub(crate) review: Option<i64>,
    pub(crate) schema_hash: &'a str,
    pub(crate) features: &'a str,
    pub(crate) n_messages: i32,
    pub(crate) at: Timestamp,
}

/// Writes a label down; of one source there is one about each account.
pub(crate) async fn put(conn: &impl ConnectionTrait, new: &New<'_>) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, review_id, \
         schema_hash, features, n_messages, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (community_id, account_id, source) DO UPDATE SET is_bot = $3, weight_ppm = $5, \
         review_id = $6, schema_hash = $7, features = $8, n_messages = $9, at = $10",
        vec![
            new.seat.0.0.into(),
            new.seat.1.0.into(),
            new.is_bot.into(),
            new.source.code().into(),
            new.weight.stored().into(),
            new.review.into(),
            new.schema_hash.into(),
            new.features.into(),
            new.n_messages.into(),
            new.at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Takes back what a review said.
pub(crate) async fn delete_of_review(
    conn: &impl ConnectionTrait,
    review: i64,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_label WHERE review_id = $1",
        vec![review.into()],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Counted {
    source: i16,
    is_bot: bool,
    n: i64,
}

/// How many labels of a community say what, by source.
pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<LabelCount>, StoreError> {
    let rows: Vec<Counted> = sql::all(
        conn,
        "SELECT source, is_bot, COUNT(*) AS n FROM bot_label WHERE community_id = $1 \
         GROUP BY source, is_bot ORDER BY source, is_bot",
        vec![community.0.into()],
    )
    .await?;
    let count = |row: Counted| {
        let unknown = || StoreError::Data(format!("unknown source of a label {}", row.source));
        Ok(LabelCount {
            source: LabelSource::from_code(row.source).ok_or_else(unknown)?,
            is_bot: row.is_bot,
            n: u64::try_from(row.n).unwrap_or(0),
        })
    };
    rows.into_iter().map(count).collect()
}
