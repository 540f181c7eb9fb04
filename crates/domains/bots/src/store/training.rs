//! Rows of `bot_training`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::count;
use crate::{Training, TrainingState, TrainingTrigger};

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    scope: i32,
    state: i16,
    trigger_kind: i16,
    asked_by: Option<i32>,
    asked_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    progress: i32,
    n_rows: i32,
    n_bots: i32,
    n_people: i32,
    n_new: i32,
    snapshot: Option<String>,
    model_id: Option<i32>,
    log: String,
    error: Option<String>,
}

impl TryFrom<Raw> for Training {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Data(format!("training {}: {what}", raw.id));
        let log = serde_json::from_str(&raw.log)
            .map_err(|_unreadable| broken("a log that does not read"))?;
        Ok(Self {
            id: raw.id,
            community: super::community(raw.scope),
            state: TrainingState::from_code(raw.state).ok_or_else(|| broken("unknown state"))?,
            trigger: TrainingTrigger::from_code(raw.trigger_kind),
            asked_by: raw.asked_by.map(UserId),
            asked_at: Timestamp(raw.asked_at),
            started_at: raw.started_at.map(Timestamp),
            finished_at: raw.finished_at.map(Timestamp),
            progress: count(raw.progress),
            n_rows: count(raw.n_rows),
            n_bots: count(raw.n_bots),
            n_people: count(raw.n_people),
            n_new: count(raw.n_new),
            snapshot: raw.snapshot,
            model: raw.model_id,
            log,
            error: raw.error,
        })
    }
}

const COLUMNS: &str = "id, scope, state, trigger_kind, asked_by, asked_at, started_at, finished_at, progress, n_rows, n_bots, \
                       n_people, n_new, snapshot, model_id, log, error";

async fn many(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Vec<Training>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_training {which}");
    let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Training::try_from).collect()
}

pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<Training>, StoreError> {
    many(conn, &format!("ORDER BY id DESC LIMIT {limit}"), vec![]).await
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<Training>, StoreError> {
    Ok(many(conn, "WHERE id = $1", vec![id.into()]).await?.pop())
}

/// The first that a model came of: the same rows again make the same file, which is the same model.
pub(crate) async fn of_model(
    conn: &impl ConnectionTrait,
    model: i32,
) -> Result<Option<Training>, StoreError> {
    let which = "WHERE model_id = $1 ORDER BY id LIMIT 1";
    Ok(many(conn, which, vec![model.into()]).await?.pop())
}

/// Trainings that a model came of and of which the tracking server was never told, the oldest first; then those where it failed
/// before an instant, what failed first before others.
pub(crate) async fn untold(
    conn: &impl ConnectionTrait,
    failed_before: Timestamp,
    limit: i64,
) -> Result<Vec<i32>, StoreError> {
    let query = format!(
        "SELECT t.id FROM bot_training t JOIN bot_model m ON m.id = t.model_id \
         WHERE t.state = 2 AND (t.tracked_at = 0 OR t.tracked_at BETWEEN $1 AND -1) \
         ORDER BY t.tracked_at DESC, t.id LIMIT {limit}"
    );
    // An instant of a failure is kept with its sign turned: the earlier, the nearer to 0.
    let rows = sql::rows(conn, &query, vec![failed_before.0.saturating_neg().into()]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// The tracking server was told of a training.
pub(crate) async fn told(
    conn: &impl ConnectionTrait,
    id: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    let query = "UPDATE bot_training SET tracked_at = $2 WHERE id = $1";
    sql::execute(conn, query, vec![id.into(), at.0.into()]).await?;
    Ok(())
}

/// The tracking server could not be told of a training; one of which it was told before stays told.
pub(crate) async fn not_told(
    conn: &impl ConnectionTrait,
    id: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    let query = "UPDATE bot_training SET tracked_at = $2 WHERE id = $1 AND tracked_at <= 0";
    let failed = at.0.saturating_neg();
    sql::execute(conn, query, vec![id.into(), failed.into()]).await?;
    Ok(())
}

/// The one that waits or runs for a scope.
pub(crate) async fn open(
    conn: &impl ConnectionTrait,
    scope: i32,
) -> Result<Option<Training>, StoreError> {
    Ok(
        many(conn, "WHERE scope = $1 AND state < 2", vec![scope.into()])
            .await?
            .pop(),
    )
}

/// When the last training began that learned something for a scope.
pub(crate) async fn last_learned(
    conn: &impl ConnectionTrait,
    scope: i32,
) -> Result<Timestamp, StoreError> {
    let at: Option<i64> = sql::scalar(
        conn,
        "SELECT MAX(started_at) FROM bot_training WHERE scope = $1 AND state = 2",
        vec![scope.into()],
    )
    .await?;
    Ok(Timestamp(at.unwrap_or(i64::MIN)))
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: i32,
    (trigger, by): (TrainingTrigger, Option<UserId>),
    n_new: u32,
    at: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_training (scope, state, trigger_kind, asked_by, asked_at, progress, n_rows, n_bots, n_people, n_new, log) \
         VALUES ($1, 0, $2, $3, $4, 0, 0, 0, 0, $5, '[]') RETURNING id",
        vec![
            scope.into(),
            trigger.code().into(),
            by.map(|user| user.0).into(),
            at.0.into(),
            super::stored(n_new).into(),
        ],
    )
    .await
}

/// It runs from now on, also if it ran before and was broken off; `false` if it is over.
pub(crate) async fn begin(
    conn: &impl ConnectionTrait,
    id: i32,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_training SET state = 1, started_at = $2, progress = 0, log = '[]' WHERE id = $1 AND state < 2",
        vec![id.into(), at.0.into()],
    )
    .await?;
    Ok(n > 0)
}

/// How far it is. Only while it runs.
pub(crate) async fn goes_on(
    conn: &impl ConnectionTrait,
    training: &Training,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_training SET progress = $2, n_rows = $3, n_bots = $4, n_people = $5, snapshot = $6, log = $7 \
         WHERE id = $1 AND state = 1",
        vec![
            training.id.into(),
            super::stored(training.progress).into(),
            super::stored(training.n_rows).into(),
            super::stored(training.n_bots).into(),
            super::stored(training.n_people).into(),
            training.snapshot.clone().into(),
            log(training).into(),
        ],
    )
    .await?;
    Ok(())
}

/// It is over; `false` if it was before.
pub(crate) async fn end(
    conn: &impl ConnectionTrait,
    training: &Training,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_training SET state = $2, finished_at = $3, progress = 100, model_id = $4, log = $5, error = $6 \
         WHERE id = $1 AND state < 2",
        vec![
            training.id.into(),
            training.state.code().into(),
            at.0.into(),
            training.model.into(),
            log(training).into(),
            training.error.clone().into(),
        ],
    )
    .await?;
    Ok(n > 0)
}

fn log(training: &Training) -> String {
    serde_json::Value::from(training.log.clone()).to_string()
}

/// Forgets trainings that are long over: all but the newest.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, kept: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        &format!(
            "DELETE FROM bot_training WHERE state >= 2 AND id NOT IN \
             (SELECT id FROM bot_training ORDER BY id DESC LIMIT {kept})"
        ),
        vec![],
    )
    .await?;
    Ok(())
}

/// Snapshots that trainings name, the newest first, but those from which a deployed model was made.
pub(crate) async fn snapshots(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let query = "SELECT t.snapshot FROM bot_training t LEFT JOIN bot_model m ON m.id = t.model_id WHERE t.snapshot IS NOT NULL \
                 GROUP BY t.snapshot HAVING COUNT(CASE WHEN m.state = 2 THEN 1 END) = 0 ORDER BY MAX(t.id) DESC";
    let rows = sql::rows(conn, query, vec![]).await?;
    let name = |row: &sea_orm::QueryResult| Ok(row.try_get_by_index(0)?);
    rows.iter().map(name).collect()
}
