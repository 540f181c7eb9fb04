//! Rows of `bot_prediction`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::count;
use crate::{Cause, Prediction, Probability};

#[derive(FromQueryResult)]
struct Raw {
    id: i64,
    model_id: Option<i32>,
    probability_ppm: i32,
    rule_ppm: i32,
    why: String,
    n_messages: i32,
    at: i64,
}

fn causes(text: &str) -> Result<Vec<Cause>, StoreError> {
    let broken = || StoreError::Data("why something was predicted does not read".to_owned());
    let Ok(serde_json::Value::Array(causes)) = serde_json::from_str(text) else {
        return Err(broken());
    };
    let all = causes.iter().map(Cause::from_json);
    all.collect::<Option<_>>().ok_or_else(broken)
}

impl TryFrom<Raw> for Prediction {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            id: raw.id,
            model: raw.model_id,
            probability: Probability::read(raw.probability_ppm),
            by_rules: Probability::read(raw.rule_ppm),
            why: causes(&raw.why)?,
            n_messages: count(raw.n_messages),
            at: Timestamp(raw.at),
        })
    }
}

/// The predictions about an account in a community, the newest first.
pub(crate) async fn of_account(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    limit: i64,
) -> Result<Vec<Prediction>, StoreError> {
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT id, model_id, probability_ppm, rule_ppm, why, n_messages, at FROM bot_prediction \
             WHERE community_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT {limit}"
        ),
        vec![community.0.into(), account.0.into()],
    )
    .await?;
    rows.into_iter().map(Prediction::try_from).collect()
}

/// From what something was predicted.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Basis {
    pub(crate) schema_hash: String,
    pub(crate) features: String,
    pub(crate) n_messages: i32,
}

pub(crate) async fn basis(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<Basis>, StoreError> {
    sql::one(
        conn,
        "SELECT schema_hash, features, n_messages FROM bot_prediction WHERE id = $1",
        vec![id.into()],
    )
    .await
}

/// The newest prediction about an account, with what it was made from.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Newest {
    pub(crate) account_id: i64,
    pub(crate) rule_ppm: i32,
    pub(crate) features: String,
    pub(crate) n_messages: i32,
    pub(crate) at: i64,
}

/// The newest prediction about each account of a community after one, if it was made from this schema.
pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    schema_hash: &str,
    after: AccountId,
    limit: usize,
) -> Result<Vec<Newest>, StoreError> {
    sql::all(
        conn,
        &format!(
            "SELECT account_id, rule_ppm, features, n_messages, at FROM bot_prediction p \
             WHERE community_id = $1 AND account_id > $2 AND schema_hash = $3 AND id = \
             (SELECT MAX(q.id) FROM bot_prediction q WHERE q.community_id = p.community_id \
             AND q.account_id = p.account_id) ORDER BY account_id LIMIT {limit}"
        ),
        vec![community.0.into(), after.0.into(), schema_hash.into()],
    )
    .await
}

/// Communities in which something was predicted, after one.
pub(crate) async fn communities(
    conn: &impl ConnectionTrait,
    after: CommunityId,
) -> Result<Option<CommunityId>, StoreError> {
    let next: Option<i32> = sql::scalar(
        conn,
        "SELECT MIN(community_id) FROM bot_prediction WHERE community_id > $1",
        vec![after.0.into()],
    )
    .await?;
    Ok(next.map(CommunityId))
}

/// The newest prediction about an account, if it was made from this schema.
pub(crate) async fn newest_of(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    schema_hash: &str,
) -> Result<Option<Newest>, StoreError> {
    sql::one(
        conn,
        "SELECT account_id, rule_ppm, features, n_messages, at FROM bot_prediction WHERE community_id = $1 \
         AND account_id = $2 AND schema_hash = $3 ORDER BY id DESC LIMIT 1",
        vec![community.0.into(), account.0.into(), schema_hash.into()],
    )
    .await
}
