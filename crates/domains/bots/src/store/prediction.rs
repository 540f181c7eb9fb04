//! Rows of `bot_prediction`.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count, stored};
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

/// The values from which predictions were made, by the predictions' ids; those that are gone, or of another schema, are left out.
pub(crate) async fn features(
    conn: &impl ConnectionTrait,
    ids: &[i64],
    schema_hash: &str,
) -> Result<HashMap<i64, String>, StoreError> {
    let mut found = HashMap::new();
    for part in sql::parts(ids, super::IN_MAX) {
        let query = format!(
            "SELECT id, features FROM bot_prediction WHERE id IN ({}) AND schema_hash = {}",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1)
        );
        let mut values: Vec<Value> = part.iter().map(|id| (*id).into()).collect();
        values.push(schema_hash.into());
        for row in sql::rows(conn, &query, values).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
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

/// The newest prediction about each account of a community after one, if it was made from this schema. Whoever linked to a
/// listed domain has a rule score of one half here: labels are made of it, and a listed link is no word on who is a bot.
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
            "SELECT account_id, CASE WHEN EXISTS (SELECT 1 FROM bot_link k WHERE k.community_id = p.community_id \
             AND k.account_id = p.account_id) THEN 500000 ELSE rule_ppm END AS rule_ppm, features, n_messages, at \
             FROM bot_prediction p \
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

/// The id of the newest prediction about an account that was made from this schema.
pub(crate) async fn last_of(
    conn: &impl ConnectionTrait,
    (community, account): (CommunityId, AccountId),
    schema_hash: &str,
) -> Result<Option<i64>, StoreError> {
    sql::optional(
        conn,
        "SELECT id FROM bot_prediction WHERE community_id = $1 AND account_id = $2 AND schema_hash = $3 \
         ORDER BY id DESC LIMIT 1",
        vec![community.0.into(), account.0.into(), schema_hash.into()],
    )
    .await
}

/// How many accounts of a community that nobody leaves alone were thought at least this probable at some time since an instant.
pub(crate) async fn reached(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    since: Timestamp,
    least: Probability,
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(DISTINCT p.account_id) FROM bot_prediction p JOIN bot_score s \
         ON s.community_id = p.community_id AND s.account_id = p.account_id \
         WHERE p.community_id = $1 AND p.at >= $2 AND p.probability_ppm >= $3 AND s.exemption IS NULL",
        vec![
            community.0.into(),
            since.0.into(),
            least.stored().into(),
        ],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// A prediction to write down.
pub(crate) struct New {
    pub(crate) seat: (CommunityId, AccountId),
    pub(crate) model: Option<i32>,
    pub(crate) probability: Probability,
    pub(crate) by_rules: Probability,
    pub(crate) features: String,
    pub(crate) why: String,
    pub(crate) n_messages: u32,
    pub(crate) at: Timestamp,
}

/// Writes predictions down, one for each account; answers their ids.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    rows: Vec<New>,
) -> Result<HashMap<(CommunityId, AccountId), i64>, StoreError> {
    let values = rows.into_iter().map(|new| {
        vec![
            new.seat.0.0.into(),
            new.seat.1.0.into(),
            new.model.into(),
            new.probability.stored().into(),
            new.by_rules.stored().into(),
            schema_hash.into(),
            new.features.into(),
            new.why.into(),
            stored(new.n_messages).into(),
            new.at.0.into(),
        ]
    });
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO bot_prediction (community_id, account_id, model_id, probability_ppm, rule_ppm, schema_hash, \
         features, why, n_messages, at)",
        values.collect(),
        " RETURNING community_id, account_id, id",
    )
    .await?;
    let mut ids = HashMap::with_capacity(inserted.len());
    for row in inserted {
        let seat = (
            CommunityId(row.try_get_by_index(0)?),
            AccountId(row.try_get_by_index(1)?),
        );
        ids.insert(seat, row.try_get_by_index(2)?);
    }
    Ok(ids)
}

/// The values that the newest predictions were made from, as JSON, of one schema.
pub(crate) async fn newest_features(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let query = format!(
        "SELECT features FROM bot_prediction WHERE schema_hash = $1 ORDER BY id DESC LIMIT {limit}"
    );
    let rows = sql::rows(conn, &query, vec![schema_hash.into()]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// Which predictions may not go: those that a case or a review points at.
const NEEDED: &str = "AND id NOT IN (SELECT prediction_id FROM bot_case WHERE prediction_id IS NOT NULL) \
                      AND id NOT IN (SELECT prediction_id FROM bot_review WHERE prediction_id IS NOT NULL)";

/// Removes up to `limit` predictions from before an instant that nobody needs.
pub(crate) async fn remove_old(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let query = format!(
        "DELETE FROM bot_prediction WHERE id IN (SELECT id FROM bot_prediction WHERE at < $1 {NEEDED} \
         ORDER BY at, id LIMIT {limit})"
    );
    sql::execute(conn, &query, vec![before.0.into()]).await
}

/// Accounts after one about which there are more than `keep` predictions, at most `limit`.
pub(crate) async fn with_more(
    conn: &impl ConnectionTrait,
    keep: i64,
    (community, account): (CommunityId, AccountId),
    limit: i64,
) -> Result<Vec<(CommunityId, AccountId)>, StoreError> {
    let query = format!(
        "SELECT community_id, account_id FROM bot_prediction WHERE (community_id, account_id) > ($1, $2) \
         GROUP BY community_id, account_id HAVING COUNT(*) > {keep} ORDER BY community_id, account_id LIMIT {limit}"
    );
    let values = vec![community.0.into(), account.0.into()];
    let rows = sql::rows(conn, &query, values).await?;
    rows.iter()
        .map(|row| {
            Ok((
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            ))
        })
        .collect()
}

/// Removes what is beyond the newest `keep` of some accounts and nobody needs; answers how many.
pub(crate) async fn remove_surplus(
    conn: &impl ConnectionTrait,
    keep: i64,
    seats: &[(CommunityId, AccountId)],
) -> Result<u64, StoreError> {
    let query = format!(
        "DELETE FROM bot_prediction WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER \
         (PARTITION BY community_id, account_id ORDER BY id DESC) AS place FROM bot_prediction \
         WHERE (community_id, account_id) IN (VALUES {})) AS ranked WHERE place > {keep} {NEEDED})",
        sql::pairs(1, seats.len())
    );
    let values = seats.iter();
    let values = values.flat_map(|(community, account)| [community.0.into(), account.0.into()]);
    sql::execute(conn, &query, values.collect()).await
}
