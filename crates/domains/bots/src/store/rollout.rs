//! Rows of `bot_rollout` and `bot_experiment`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::count;
use crate::{Probability, RolloutState};

/// A rollout without what its guards see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) id: i32,
    pub(crate) model: i32,
    pub(crate) step: u32,
    pub(crate) state: RolloutState,
    pub(crate) started_by: Option<UserId>,
    pub(crate) started_at: Timestamp,
    pub(crate) stepped_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) halted_why: Option<String>,
}

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    model_id: i32,
    step: i16,
    state: i16,
    started_by: Option<i32>,
    started_at: i64,
    stepped_at: i64,
    ended_at: Option<i64>,
    halted_why: Option<String>,
}

impl TryFrom<Raw> for Row {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("rollout {}: unknown state", raw.id));
        Ok(Self {
            id: raw.id,
            model: raw.model_id,
            step: count(raw.step.into()),
            state: RolloutState::from_code(raw.state).ok_or_else(unknown)?,
            started_by: raw.started_by.map(UserId),
            started_at: Timestamp(raw.started_at),
            stepped_at: Timestamp(raw.stepped_at),
            ended_at: raw.ended_at.map(Timestamp),
            halted_why: raw.halted_why,
        })
    }
}

async fn many(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let query = format!(
        "SELECT id, model_id, step, state, started_by, started_at, stepped_at, ended_at, halted_why FROM bot_rollout {which}"
    );
    let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Row::try_from).collect()
}

pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    many(conn, &format!("ORDER BY id DESC LIMIT {limit}"), vec![]).await
}

pub(crate) async fn by_id(conn: &impl ConnectionTrait, id: i32) -> Result<Option<Row>, StoreError> {
    Ok(many(conn, "WHERE id = $1", vec![id.into()]).await?.pop())
}

/// The one that goes on.
pub(crate) async fn running(conn: &impl ConnectionTrait) -> Result<Option<Row>, StoreError> {
    Ok(many(conn, "WHERE state = 0", vec![]).await?.pop())
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    model: i32,
    step: u32,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_rollout (model_id, step, state, started_by, started_at, stepped_at) \
         VALUES ($1, $2, 0, $3, $4, $4) RETURNING id",
        vec![
            model.into(),
            small(step).into(),
            by.map(|user| user.0).into(),
            at.0.into(),
        ],
    )
    .await
}

fn small(step: u32) -> i16 {
    i16::try_from(step).unwrap_or(i16::MAX)
}

/// Whether a model is what a rollout or an experiment that goes on is about.
pub(crate) async fn is_tried(conn: &impl ConnectionTrait, model: i32) -> Result<bool, StoreError> {
    let query = "SELECT 1 FROM bot_rollout WHERE state = 0 AND model_id = $1 \
                 UNION ALL SELECT 1 FROM bot_experiment WHERE state = 0 AND model_id = $1";
    Ok(!sql::rows(conn, query, vec![model.into()]).await?.is_empty())
}

/// Takes the next step, if it is still at the one before.
pub(crate) async fn advance(
    conn: &impl ConnectionTrait,
    id: i32,
    from: u32,
    to: u32,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_rollout SET step = $3, stepped_at = $4 WHERE id = $1 AND step = $2 AND state = 0",
        vec![id.into(), small(from).into(), small(to).into(), at.0.into()],
    )
    .await?;
    Ok(n > 0)
}

/// Ends it, if it goes on.
pub(crate) async fn end(
    conn: &impl ConnectionTrait,
    id: i32,
    state: RolloutState,
    why: Option<&str>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_rollout SET state = $2, halted_why = $3, ended_at = $4 WHERE id = $1 AND state = 0",
        vec![id.into(), state.code().into(), why.into(), at.0.into()],
    )
    .await?;
    Ok(n > 0)
}

/// An experiment without what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Experiment {
    pub(crate) id: i32,
    pub(crate) hypothesis: String,
    pub(crate) model: Option<i32>,
    pub(crate) is_over: bool,
    pub(crate) started_by: Option<UserId>,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) ended_why: Option<String>,
    pub(crate) smallest_p: Probability,
}

#[derive(FromQueryResult)]
struct RawExperiment {
    id: i32,
    hypothesis: String,
    model_id: Option<i32>,
    state: i16,
    started_by: Option<i32>,
    started_at: i64,
    ended_at: Option<i64>,
    ended_why: Option<String>,
    p_ppm: i32,
}

async fn experiments_where(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Vec<Experiment>, StoreError> {
    let query = format!(
        "SELECT id, hypothesis, model_id, state, started_by, started_at, ended_at, ended_why, p_ppm FROM bot_experiment {which}"
    );
    let rows: Vec<RawExperiment> = sql::all(conn, &query, values).await?;
    let experiment = |raw: RawExperiment| Experiment {
        id: raw.id,
        hypothesis: raw.hypothesis,
        model: raw.model_id,
        is_over: raw.state != 0,
        started_by: raw.started_by.map(UserId),
        started_at: Timestamp(raw.started_at),
        ended_at: raw.ended_at.map(Timestamp),
        ended_why: raw.ended_why,
        smallest_p: Probability::read(raw.p_ppm),
    };
    Ok(rows.into_iter().map(experiment).collect())
}

pub(crate) async fn experiments(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<Experiment>, StoreError> {
    experiments_where(conn, &format!("ORDER BY id DESC LIMIT {limit}"), vec![]).await
}

pub(crate) async fn experiment(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<Experiment>, StoreError> {
    Ok(experiments_where(conn, "WHERE id = $1", vec![id.into()])
        .await?
        .pop())
}

pub(crate) async fn running_experiment(
    conn: &impl ConnectionTrait,
) -> Result<Option<Experiment>, StoreError> {
    Ok(experiments_where(conn, "WHERE state = 0", vec![])
        .await?
        .pop())
}

pub(crate) async fn insert_experiment(
    conn: &impl ConnectionTrait,
    hypothesis: &str,
    model: Option<i32>,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_experiment (hypothesis, model_id, state, started_by, started_at, p_ppm) \
         VALUES ($1, $2, 0, $3, $4, 1000000) RETURNING id",
        vec![
            hypothesis.into(),
            model.into(),
            by.map(|user| user.0).into(),
            at.0.into(),
        ],
    )
    .await
}

/// Keeps the smallest p-value: whoever looks often looks at that.
pub(crate) async fn keep_p(
    conn: &impl ConnectionTrait,
    id: i32,
    p: Probability,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_experiment SET p_ppm = $2 WHERE id = $1 AND p_ppm > $2",
        vec![id.into(), p.stored().into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn end_experiment(
    conn: &impl ConnectionTrait,
    id: i32,
    why: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_experiment SET state = 1, ended_why = $2, ended_at = $3 WHERE id = $1 AND state = 0",
        vec![id.into(), why.into(), at.0.into()],
    )
    .await?;
    Ok(n > 0)
}
