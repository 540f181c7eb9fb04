//! Rows of `bot_model`.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::count;
use crate::{Model, ModelKind, ModelState, Probability};

/// The scope of what is for everybody.
const EVERYWHERE: i32 = 0;

pub(crate) fn scope(community: Option<CommunityId>) -> i32 {
    community.map_or(EVERYWHERE, |community| community.0)
}

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    name: String,
    version: i32,
    scope: i32,
    kind: i16,
    state: i16,
    sha256: String,
    size_bytes: i64,
    schema_hash: String,
    threshold_ppm: Option<i32>,
    metrics: String,
    card: String,
    replaced_id: Option<i32>,
    added_by: Option<i32>,
    added_at: i64,
    deployed_at: Option<i64>,
    retired_at: Option<i64>,
}

impl TryFrom<Raw> for Model {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Data(format!("model {}: {what}", raw.id));
        let json = |text: &str| {
            serde_json::from_str(text).map_err(|_unreadable| broken("JSON that does not read"))
        };
        Ok(Self {
            id: raw.id,
            version: count(raw.version),
            community: (raw.scope != EVERYWHERE).then_some(CommunityId(raw.scope)),
            kind: ModelKind::from_code(raw.kind).ok_or_else(|| broken("unknown kind"))?,
            state: ModelState::from_code(raw.state).ok_or_else(|| broken("unknown state"))?,
            size_bytes: u64::try_from(raw.size_bytes).unwrap_or(0),
            threshold: raw.threshold_ppm.map(Probability::read),
            metrics: json(&raw.metrics)?,
            card: json(&raw.card)?,
            replaced: raw.replaced_id,
            added_by: raw.added_by.map(UserId),
            added_at: Timestamp(raw.added_at),
            deployed_at: raw.deployed_at.map(Timestamp),
            retired_at: raw.retired_at.map(Timestamp),
            name: raw.name,
            sha256: raw.sha256,
            schema_hash: raw.schema_hash,
        })
    }
}

const COLUMNS: &str = "id, name, version, scope, kind, state, sha256, size_bytes, schema_hash, \
                       threshold_ppm, metrics, card, replaced_id, added_by, added_at, deployed_at, \
                       retired_at";

async fn one(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Option<Model>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_model WHERE {which}");
    let raw: Option<Raw> = sql::one(conn, &query, values).await?;
    raw.map(Model::try_from).transpose()
}

pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<Model>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_model ORDER BY id DESC LIMIT {limit}");
    let rows: Vec<Raw> = sql::all(conn, &query, vec![]).await?;
    rows.into_iter().map(Model::try_from).collect()
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<Model>, StoreError> {
    one(conn, "id = $1", vec![id.into()]).await
}

pub(crate) async fn by_hash(
    conn: &impl ConnectionTrait,
    scope: i32,
    sha256: &str,
) -> Result<Option<Model>, StoreError> {
    one(
        conn,
        "scope = $1 AND sha256 = $2",
        vec![scope.into(), sha256.into()],
    )
    .await
}

/// The one that scores in a scope.
pub(crate) async fn deployed(
    conn: &impl ConnectionTrait,
    scope: i32,
) -> Result<Option<Model>, StoreError> {
    one(conn, "scope = $1 AND state = 2", vec![scope.into()]).await
}

/// Those that score anywhere.
pub(crate) async fn all_deployed(conn: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_model WHERE state = 2 ORDER BY id");
    let rows: Vec<Raw> = sql::all(conn, &query, vec![]).await?;
    rows.into_iter().map(Model::try_from).collect()
}

pub(crate) async fn next_version(
    conn: &impl ConnectionTrait,
    name: &str,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "SELECT COALESCE(MAX(version), 0) + 1 FROM bot_model WHERE name = $1",
        vec![name.into()],
    )
    .await
}

/// A model to write down.
pub(crate) struct New<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: i32,
    pub(crate) scope: i32,
    pub(crate) kind: ModelKind,
    pub(crate) blob: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) size_bytes: u64,
    pub(crate) schema_hash: &'a str,
    pub(crate) threshold: Option<Probability>,
    pub(crate) metrics: &'a str,
    pub(crate) card: &'a str,
    pub(crate) by: Option<UserId>,
    pub(crate) at: Timestamp,
}

/// Writes a model down as one that is tested.
pub(crate) async fn insert(conn: &impl ConnectionTrait, new: &New<'_>) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_model (name, version, scope, kind, state, blob, sha256, size_bytes, schema_hash, \
         threshold_ppm, metrics, card, added_by, added_at) \
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
        vec![
            new.name.into(),
            new.version.into(),
            new.scope.into(),
            new.kind.code().into(),
            new.blob.into(),
            new.sha256.into(),
            i64::try_from(new.size_bytes).unwrap_or(i64::MAX).into(),
            new.schema_hash.into(),
            new.threshold.map(Probability::stored).into(),
            new.metrics.into(),
            new.card.into(),
            new.by.map(|user| user.0).into(),
            new.at.0.into(),
        ],
    )
    .await
}

/// Lets a model score.
pub(crate) async fn deploy(
    conn: &impl ConnectionTrait,
    id: i32,
    replaced: Option<i32>,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_model SET state = 2, replaced_id = $2, deployed_at = $3, retired_at = NULL WHERE id = $1",
        vec![id.into(), replaced.into(), at.0.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn retire(
    conn: &impl ConnectionTrait,
    id: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_model SET state = 3, retired_at = $2 WHERE id = $1",
        vec![id.into(), at.0.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn forget_replaced(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_model SET replaced_id = NULL WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(())
}

/// What models are trained for: everybody, each community with a deployed model of its own, and each in which people said of so
/// many accounts what they are.
pub(crate) async fn scopes(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    own_min: u32,
) -> Result<Vec<i32>, StoreError> {
    let query = "SELECT scope FROM bot_model WHERE state = 2 AND scope <> 0 \
         UNION SELECT community_id FROM bot_label WHERE schema_hash = $1 AND source IN (1, 5) \
         GROUP BY community_id HAVING COUNT(DISTINCT account_id) >= $2 ORDER BY 1";
    let mut scopes = vec![EVERYWHERE];
    let values = vec![schema_hash.into(), i64::from(own_min).into()];
    for row in sql::rows(conn, query, values).await? {
        scopes.push(row.try_get_by_index(0)?);
    }
    Ok(scopes)
}
