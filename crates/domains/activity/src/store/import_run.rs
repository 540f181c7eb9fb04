//! Rows of `import_run`.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::count;
use crate::{ImportRun, ImportRunId, Progress};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    community_id: i32,
    input_name: String,
    format: String,
    consumed: i64,
    recorded: i64,
    duplicates: i64,
    rejected: i64,
    finished: bool,
    started_at: i64,
    updated_at: i64,
}

impl From<Row> for ImportRun {
    fn from(row: Row) -> Self {
        Self {
            id: ImportRunId(row.id),
            community: (row.community_id != 0).then_some(CommunityId(row.community_id)),
            input_name: row.input_name,
            format: row.format,
            consumed: count(row.consumed),
            recorded: count(row.recorded),
            duplicates: count(row.duplicates),
            rejected: count(row.rejected),
            finished: row.finished,
            started_at: Timestamp(row.started_at),
            updated_at: Timestamp(row.updated_at),
        }
    }
}

/// Imports whose records name their communities are kept under 0.
fn scope(community: Option<CommunityId>) -> i32 {
    community.map_or(0, |id| id.0)
}

const COLUMNS: &str = "id, community_id, input_name, format, consumed, recorded, duplicates, rejected, finished, \
                       started_at, updated_at";

pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    key: &str,
) -> Result<Option<ImportRun>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM import_run WHERE community_id = $1 AND input_key = $2"),
        vec![scope(community).into(), key.into()],
    )
    .await?;
    Ok(row.map(ImportRun::from))
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    key: &str,
    name: &str,
    format: &str,
    now: Timestamp,
) -> Result<ImportRun, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!(
            "INSERT INTO import_run (community_id, input_key, input_name, format, consumed, recorded, duplicates, \
             rejected, finished, started_at, updated_at) VALUES ($1, $2, $3, $4, 0, 0, 0, 0, FALSE, $5, $5) \
             RETURNING {COLUMNS}"
        ),
        vec![scope(community).into(), key.into(), name.into(), format.into(), now.0.into()],
    )
    .await?;
    row.map(ImportRun::from)
        .ok_or_else(|| StoreError::Data("an insert answered no row".to_owned()))
}

pub(crate) async fn advance(
    conn: &impl ConnectionTrait,
    run: ImportRunId,
    progress: Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sql::execute(
        conn,
        "UPDATE import_run SET consumed = $2, recorded = recorded + $3, duplicates = duplicates + $4, \
         rejected = rejected + $5, updated_at = $6 WHERE id = $1",
        vec![
            run.0.into(),
            signed(progress.consumed).into(),
            signed(progress.recorded).into(),
            signed(progress.duplicates).into(),
            signed(progress.rejected).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Begins a finished import anew: its counts start from nothing.
pub(crate) async fn restart(
    conn: &impl ConnectionTrait,
    run: ImportRunId,
    now: Timestamp,
) -> Result<Option<ImportRun>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!(
            "UPDATE import_run SET consumed = 0, recorded = 0, duplicates = 0, rejected = 0, finished = FALSE, \
             started_at = $2, updated_at = $2 WHERE id = $1 RETURNING {COLUMNS}"
        ),
        vec![run.0.into(), now.0.into()],
    )
    .await?;
    Ok(row.map(ImportRun::from))
}

pub(crate) async fn finish(
    conn: &impl ConnectionTrait,
    run: ImportRunId,
    now: Timestamp,
) -> Result<Option<ImportRun>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("UPDATE import_run SET finished = TRUE, updated_at = $2 WHERE id = $1 RETURNING {COLUMNS}"),
        vec![run.0.into(), now.0.into()],
    )
    .await?;
    Ok(row.map(ImportRun::from))
}

pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<ImportRun>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM import_run WHERE community_id = $1 ORDER BY id DESC LIMIT 100"
        ),
        vec![community.0.into()],
    )
    .await?;
    Ok(rows.into_iter().map(ImportRun::from).collect())
}
