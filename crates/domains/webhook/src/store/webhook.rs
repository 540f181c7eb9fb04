//! Rows of `webhook`.

use ::store::{
    Engine, StoreError,
    reseal::Batch,
    sea_orm::{ConnectionTrait, FromQueryResult, Value},
    sql,
};
use kernel::{CommunityId, Timestamp, UserId, WebhookId};

use super::{count, strange};
use crate::{
    SwitchedOff, Webhook, WebhookReason, WebhookState,
    change::{OLD_SECRET, SECRET, place},
    endpoint::site,
};

/// A row to insert.
pub(crate) struct New {
    pub(crate) community: CommunityId,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) created_by: Option<UserId>,
    pub(crate) at: Timestamp,
}

/// The sealed secrets of a webhook.
#[derive(FromQueryResult)]
pub(crate) struct Secrets {
    #[sea_orm(from_alias = "secret_sealed")]
    pub(crate) current: String,
    #[sea_orm(from_alias = "old_secret_sealed")]
    pub(crate) old: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    community_id: i32,
    url: String,
    description: String,
    kinds: String,
    state: i16,
    reason: Option<i16>,
    switched_off_at: Option<i64>,
    old_until: Option<i64>,
    failures: i32,
    failing_since: Option<i64>,
    last_success_at: Option<i64>,
    created_by: Option<i32>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Webhook {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: WebhookId(row.id),
            community: CommunityId(row.community_id),
            url: row.url,
            description: row.description,
            kinds: row.kinds.split_whitespace().map(str::to_owned).collect(),
            state: WebhookState::from_code(row.state).ok_or_else(|| strange("state"))?,
            reason: row.reason.and_then(WebhookReason::from_code),
            switched_off_at: row.switched_off_at.map(Timestamp),
            old_secret_until: row.old_until.map(Timestamp),
            failures: count(row.failures),
            failing_since: row.failing_since.map(Timestamp),
            last_success_at: row.last_success_at.map(Timestamp),
            created_by: row.created_by.map(UserId),
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

const COLUMNS: &str = "id, community_id, url, description, kinds, state, reason, switched_off_at, old_until, failures, \
                       failing_since, last_success_at, created_by, created_at, updated_at";

fn webhooks(rows: Vec<Row>) -> Result<Vec<Webhook>, StoreError> {
    rows.into_iter().map(Webhook::try_from).collect()
}

/// A community's, the oldest first, without those that were removed.
pub(crate) async fn of_community(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<Webhook>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM webhook WHERE community_id = $1 AND state < 3 ORDER BY id LIMIT 100"
    );
    webhooks(sql::all(conn, &query, vec![community.0.into()]).await?)
}

/// Those of some communities that are sent events, or will be.
pub(crate) async fn listening(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<Vec<Webhook>, StoreError> {
    let mut found = Vec::new();
    for part in communities.chunks(200) {
        let query = format!(
            "SELECT {COLUMNS} FROM webhook WHERE community_id IN ({}) AND state < 2 ORDER BY id",
            sql::in_list(1, part.len())
        );
        let values = part.iter().map(|community| community.0.into()).collect();
        found.extend(webhooks(sql::all(conn, &query, values).await?)?);
    }
    Ok(found)
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: WebhookId,
) -> Result<Option<Webhook>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM webhook WHERE id = $1"),
        vec![id.0.into()],
    )
    .await?;
    row.map(Webhook::try_from).transpose()
}

/// The state of a webhook, whose row is then held until the transaction ends.
pub(crate) async fn lock(
    conn: &impl ConnectionTrait,
    engine: Engine,
    id: WebhookId,
) -> Result<Option<WebhookState>, StoreError> {
    let code: Option<i16> = sql::optional(
        conn,
        &format!(
            "SELECT state FROM webhook WHERE id = $1{}",
            sql::for_update(engine)
        ),
        vec![id.0.into()],
    )
    .await?;
    Ok(code.and_then(WebhookState::from_code))
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    new: &New,
) -> Result<WebhookId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO webhook (community_id, url, description, kinds, state, secret_sealed, failures, created_by, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, 0, '', 0, $5, $6, $6) RETURNING id",
        vec![
            new.community.0.into(),
            new.url.clone().into(),
            new.description.clone().into(),
            new.kinds.join(" ").into(),
            new.created_by.map(|user| user.0).into(),
            new.at.0.into(),
        ],
    )
    .await?;
    Ok(WebhookId(id))
}

pub(crate) async fn put_secret(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    sealed: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook SET secret_sealed = $2 WHERE id = $1",
        vec![id.0.into(), sealed.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    after: &Webhook,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook SET url = $2, description = $3, kinds = $4, updated_at = $5 WHERE id = $1 AND state < 3",
        vec![
            after.id.0.into(),
            after.url.clone().into(),
            after.description.clone().into(),
            after.kinds.join(" ").into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn secrets(
    conn: &impl ConnectionTrait,
    id: WebhookId,
) -> Result<Option<Secrets>, StoreError> {
    sql::one(
        conn,
        "SELECT secret_sealed, old_secret_sealed FROM webhook WHERE id = $1",
        vec![id.0.into()],
    )
    .await
}

/// The secrets, whose row is then held until the transaction ends.
pub(crate) async fn lock_secrets(
    conn: &impl ConnectionTrait,
    engine: Engine,
    id: WebhookId,
) -> Result<Option<Secrets>, StoreError> {
    sql::one(
        conn,
        &format!(
            "SELECT secret_sealed, old_secret_sealed FROM webhook WHERE id = $1 AND state < 3{}",
            sql::for_update(engine)
        ),
        vec![id.0.into()],
    )
    .await
}

/// Puts another secret in the place of the one before, which stays until an instant.
pub(crate) async fn rotate(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    sealed: &str,
    (old, until): (&str, Timestamp),
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook SET secret_sealed = $2, old_secret_sealed = $3, old_until = $4, updated_at = $5 WHERE id = $1",
        vec![
            id.0.into(),
            sealed.into(),
            old.into(),
            until.0.into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Forgets secrets that sign no more.
pub(crate) async fn forget_secrets(
    conn: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook SET old_secret_sealed = NULL, old_until = NULL WHERE old_until IS NOT NULL AND old_until <= $1",
        vec![now.0.into()],
    )
    .await?;
    Ok(())
}

/// Switches on or pauses; `false` if it is so already, or what is off were paused.
pub(crate) async fn switch(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    to: WebhookState,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let from = match to {
        WebhookState::On => "1, 2",
        _ => "0",
    };
    let changed = sql::execute(
        conn,
        &format!(
            "UPDATE webhook SET state = $2, reason = NULL, switched_off_at = NULL, told_at = NULL, failures = 0, \
             failing_since = NULL, updated_at = $3 WHERE id = $1 AND state IN ({from})"
        ),
        vec![id.0.into(), to.code().into(), now.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Marks as removed and forgets where it goes; `false` if it is so already.
pub(crate) async fn remove(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE webhook SET state = 3, url = '', description = '', secret_sealed = '', old_secret_sealed = NULL, \
         old_until = NULL, updated_at = $2 WHERE id = $1 AND state < 3",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Removes the rows of those that were removed and have no messages left.
pub(crate) async fn remove_empty(conn: &impl ConnectionTrait) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM webhook WHERE state = 3 AND NOT EXISTS \
         (SELECT 1 FROM webhook_message m WHERE m.webhook_id = webhook.id)",
        vec![],
    )
    .await?;
    Ok(())
}

/// Something arrived. Written at most once a minute where nothing else changes, because many arrive
/// at a time.
pub(crate) async fn went_well(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let recently = now.minus(std::time::Duration::from_mins(1));
    sql::execute(
        conn,
        "UPDATE webhook SET failures = 0, failing_since = NULL, last_success_at = $2 WHERE id = $1 \
         AND (failures > 0 OR last_success_at IS NULL OR last_success_at < $3)",
        vec![id.0.into(), now.0.into(), recently.0.into()],
    )
    .await?;
    Ok(())
}

/// A try failed; answers how many in a row, and since when.
pub(crate) async fn went_badly(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    now: Timestamp,
) -> Result<Option<(i32, Timestamp)>, StoreError> {
    let rows = sql::rows(
        conn,
        "UPDATE webhook SET failures = CASE WHEN failures < 1000000 THEN failures + 1 ELSE failures END, \
         failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failures, failing_since",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((
        row.try_get_by_index(0)?,
        Timestamp(row.try_get_by_index(1)?),
    )))
}

/// Switches one off that is on or paused; `false` if it is neither.
pub(crate) async fn switch_off(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    reason: WebhookReason,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE webhook SET state = 2, reason = $2, switched_off_at = $3, told_at = NULL WHERE id = $1 AND state < 2",
        vec![id.0.into(), reason.code().into(), now.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

#[derive(FromQueryResult)]
struct Untold {
    id: i32,
    community_id: i32,
    url: String,
    reason: i16,
    switched_off_at: i64,
}

/// Those that were switched off without their people being told, the oldest first.
pub(crate) async fn untold(conn: &impl ConnectionTrait) -> Result<Vec<SwitchedOff>, StoreError> {
    let rows: Vec<Untold> = sql::all(
        conn,
        "SELECT id, community_id, url, reason, switched_off_at FROM webhook \
         WHERE state = 2 AND told_at IS NULL AND reason IS NOT NULL AND switched_off_at IS NOT NULL \
         ORDER BY switched_off_at, id LIMIT 100",
        vec![],
    )
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(SwitchedOff {
                id: WebhookId(row.id),
                community: CommunityId(row.community_id),
                site: site(&row.url).to_owned(),
                reason: WebhookReason::from_code(row.reason).ok_or_else(|| strange("reason"))?,
                at: Timestamp(row.switched_off_at),
            })
        })
        .collect()
}

pub(crate) async fn told(
    conn: &impl ConnectionTrait,
    id: WebhookId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook SET told_at = $2 WHERE id = $1 AND state = 2",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct SealedRow {
    id: i32,
    community_id: i32,
    secret_sealed: String,
    old_secret_sealed: Option<String>,
}

/// The sealed texts of the next rows.
pub(crate) async fn sealed_after(
    conn: &impl ConnectionTrait,
    after: i64,
    limit: i64,
) -> Result<Option<Batch>, StoreError> {
    let values: Vec<Value> = vec![after.into(), limit.into()];
    let rows: Vec<SealedRow> = sql::all(
        conn,
        "SELECT id, community_id, secret_sealed, old_secret_sealed FROM webhook WHERE id > $1 AND state < 3 \
         ORDER BY id LIMIT $2",
        values,
    )
    .await?;
    let Some(last) = rows.last().map(|row| i64::from(row.id)) else {
        return Ok(None);
    };
    let texts = rows.into_iter().flat_map(|row| {
        let at = |column| place(WebhookId(row.id), CommunityId(row.community_id), column);
        let old = row.old_secret_sealed.map(|text| (at(OLD_SECRET), text));
        [Some((at(SECRET), row.secret_sealed)), old]
            .into_iter()
            .flatten()
    });
    Ok(Some(Batch {
        last,
        texts: texts.collect(),
    }))
}
