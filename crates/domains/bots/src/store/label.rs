//! Rows of `bot_label`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

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

impl New<'_> {
    fn values(&self) -> Vec<Value> {
        vec![
            self.seat.0.0.into(),
            self.seat.1.0.into(),
            self.is_bot.into(),
            self.source.code().into(),
            self.weight.stored().into(),
            self.review.into(),
            self.schema_hash.into(),
            self.features.into(),
            self.n_messages.into(),
            self.at.0.into(),
        ]
    }
}

/// Writes a label down; of one source there is one about each account.
pub(crate) async fn put(conn: &impl ConnectionTrait, new: &New<'_>) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, review_id, \
         schema_hash, features, n_messages, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (community_id, account_id, source) DO UPDATE SET is_bot = $3, weight_ppm = $5, \
         review_id = $6, schema_hash = $7, features = $8, n_messages = $9, at = $10",
        new.values(),
    )
    .await?;
    Ok(())
}

/// Writes a label down unless it is there and says the same; then only what was missing of it is added.
pub(crate) async fn put_unless_same(
    conn: &impl ConnectionTrait,
    new: &New<'_>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, review_id, \
         schema_hash, features, n_messages, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (community_id, account_id, source) DO UPDATE SET is_bot = $3, weight_ppm = $5, \
         schema_hash = $7, features = $8, n_messages = $9, at = $10 \
         WHERE bot_label.is_bot <> $3 OR bot_label.schema_hash <> $7",
        new.values(),
    )
    .await?;
    Ok(())
}

/// Gives labels of people that are for older features, and those that were brought along before the account was scored, what is known
/// now: what somebody is stays so when the features change.
pub(crate) async fn complete(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    schema_hash: &str,
) -> Result<u64, StoreError> {
    let newest = |column: &str| {
        format!(
            "(SELECT p.{column} FROM bot_prediction p WHERE p.community_id = bot_label.community_id AND \
             p.account_id = bot_label.account_id AND p.schema_hash = $2 ORDER BY p.id DESC LIMIT 1)"
        )
    };
    sql::execute(
        conn,
        &format!(
            "UPDATE bot_label SET features = {}, n_messages = {}, schema_hash = $2 WHERE community_id = $1 AND source IN (1, 5) \
             AND schema_hash <> $2 AND EXISTS (SELECT 1 FROM bot_prediction p WHERE \
             p.community_id = bot_label.community_id AND p.account_id = bot_label.account_id AND p.schema_hash = $2)",
            newest("features"),
            newest("n_messages")
        ),
        vec![community.0.into(), schema_hash.into()],
    )
    .await
}

/// A label to learn from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Learnable {
    pub(crate) id: i64,
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) is_bot: bool,
    pub(crate) source: LabelSource,
    pub(crate) weight: Probability,
    pub(crate) features: String,
    pub(crate) n_messages: u32,
    pub(crate) at: Timestamp,
    /// What the rules say of the account now.
    pub(crate) by_rules: Option<Probability>,
}

#[derive(FromQueryResult)]
struct RawLearnable {
    id: i64,
    community_id: i32,
    account_id: i64,
    is_bot: bool,
    source: i16,
    weight_ppm: i32,
    features: String,
    n_messages: i32,
    at: i64,
    rule_ppm: Option<i32>,
}

impl TryFrom<RawLearnable> for Learnable {
    type Error = StoreError;

    fn try_from(raw: RawLearnable) -> Result<Self, StoreError> {
        Ok(Self {
            id: raw.id,
            community: CommunityId(raw.community_id),
            account: AccountId(raw.account_id),
            is_bot: raw.is_bot,
            source: source(raw.source)?,
            weight: Probability::read(raw.weight_ppm),
            features: raw.features,
            n_messages: super::count(raw.n_messages),
            at: Timestamp(raw.at),
            by_rules: raw.rule_ppm.map(Probability::read),
        })
    }
}

fn source(code: i16) -> Result<LabelSource, StoreError> {
    let unknown = || StoreError::Data(format!("unknown source of a label {code}"));
    LabelSource::from_code(code).ok_or_else(unknown)
}

/// Labels of a schema after an id, of one community or of all.
pub(crate) async fn learnable(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    scope: i32,
    after: i64,
    limit: i64,
) -> Result<Vec<Learnable>, StoreError> {
    let of = if scope == 0 {
        ""
    } else {
        " AND l.community_id = $3"
    };
    let mut values = vec![schema_hash.into(), after.into()];
    if scope != 0 {
        values.push(scope.into());
    }
    let rows: Vec<RawLearnable> = sql::all(
        conn,
        &format!(
            "SELECT l.id, l.community_id, l.account_id, l.is_bot, l.source, l.weight_ppm, l.features, \
             l.n_messages, l.at, (SELECT p.rule_ppm FROM bot_prediction p WHERE \
             p.community_id = l.community_id AND p.account_id = l.account_id ORDER BY p.id DESC LIMIT 1) \
             AS rule_ppm FROM bot_label l WHERE l.schema_hash = $1 AND l.id > $2{of} ORDER BY l.id LIMIT {limit}"
        ),
        values,
    )
    .await?;
    rows.into_iter().map(Learnable::try_from).collect()
}

/// The accounts of a community of which a label says more than that the rules take them for a person, of any schema.
pub(crate) async fn known(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<i64>, StoreError> {
    let query = "SELECT DISTINCT account_id FROM bot_label WHERE community_id = $1 AND (source <> $2 OR is_bot)";
    let values = vec![community.0.into(), LabelSource::Rules.code().into()];
    let rows = sql::rows(conn, query, values).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// What people said since an instant, and how many bots and people anybody but the rules vouches for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) new: u32,
    pub(crate) bots: u32,
    pub(crate) people: u32,
}

#[derive(FromQueryResult)]
struct RawFresh {
    is_bot: bool,
    n: i64,
    n_new: i64,
}

/// What there is to learn from, without what the rules said.
pub(crate) async fn fresh(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    scope: i32,
    since: Timestamp,
) -> Result<Fresh, StoreError> {
    let of = if scope == 0 {
        ""
    } else {
        " AND community_id = $3"
    };
    let mut values = vec![schema_hash.into(), since.0.into()];
    if scope != 0 {
        values.push(scope.into());
    }
    let rows: Vec<RawFresh> = sql::all(
        conn,
        &format!(
            "SELECT is_bot, COUNT(DISTINCT account_id) AS n, \
             COUNT(DISTINCT CASE WHEN at > $2 AND source IN (1, 5) THEN account_id END) AS n_new FROM bot_label \
             WHERE schema_hash = $1 AND source <> 2{of} GROUP BY is_bot"
        ),
        values,
    )
    .await?;
    let mut fresh = Fresh::default();
    for row in rows {
        let n = u32::try_from(row.n).unwrap_or(0);
        fresh.new += u32::try_from(row.n_new).unwrap_or(0);
        *(if row.is_bot {
            &mut fresh.bots
        } else {
            &mut fresh.people
        }) = n;
    }
    Ok(fresh)
}

/// Puts what is known without anybody having looked in place of what was known so before.
pub(crate) async fn replace_known(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    labels: &[New<'_>],
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_label WHERE community_id = $1 AND source IN (2, 3, 4)",
        vec![community.0.into()],
    )
    .await?;
    let rows = labels.iter().map(New::values).collect();
    let head = "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, review_id, \
                schema_hash, features, n_messages, at)";
    sql::insert(
        conn,
        head,
        rows,
        " ON CONFLICT (community_id, account_id, source) DO NOTHING",
    )
    .await
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
        Ok(LabelCount {
            source: source(row.source)?,
            is_bot: row.is_bot,
            n: u64::try_from(row.n).unwrap_or(0),
        })
    };
    rows.into_iter().map(count).collect()
}
