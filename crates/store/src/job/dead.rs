//! What a person sees of the queue: how many jobs are where, and the dead letters, which stay until
//! they are replayed or discarded. Never authorises and never writes audit entries: the caller does
//! both, in the same unit of work.

use kernel::{CommunityId, Cursor, JobId, Page, PageRequest, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::State;
use crate::{StoreError, Work, sql};

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub kind: String,
    /// The state; never [`State::Done`].
    pub state: State,
    /// How many.
    pub n: i64,
    /// When the one that is due longest was, or will be, due.
    pub oldest_due: Timestamp,
}

#[derive(FromQueryResult)]
struct CountRow {
    kind: String,
    state: i16,
    n: i64,
    oldest_due: i64,
}

/// Counts the jobs that are not done, by state and kind. Done ones are not counted: they are the
/// many, they are pruned, and their number asks nothing of anybody.
pub async fn stats(conn: &impl ConnectionTrait) -> Result<Vec<Count>, StoreError> {
    let rows: Vec<CountRow> = sql::all(
        conn,
        // Each part reads one partial index.
        "SELECT kind, state, COUNT(*) AS n, MIN(due_at) AS oldest_due FROM job WHERE state = 0 GROUP BY kind, state \
         UNION ALL SELECT kind, state, COUNT(*), MIN(due_at) FROM job WHERE state = 1 GROUP BY kind, state \
         UNION ALL SELECT kind, state, COUNT(*), MIN(due_at) FROM job WHERE state = 2 GROUP BY kind, state \
         UNION ALL SELECT kind, state, COUNT(*), MIN(due_at) FROM job WHERE state > 2 AND state > 3 \
         GROUP BY kind, state ORDER BY state, kind",
        vec![],
    )
    .await?;
    // A state of a newer program is none of ours to show.
    let known = rows.into_iter().filter_map(|row| {
        let state = State::from_code(row.state)?;
        Some(Count {
            kind: row.kind,
            state,
            n: row.n,
            oldest_due: Timestamp(row.oldest_due),
        })
    });
    Ok(known.collect())
}

/// A job that gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// What it was given, JSON text.
    pub payload: String,
    /// The community it was for.
    pub community: Option<CommunityId>,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it gave up.
    pub reason: String,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it gave up.
    pub died_at: Timestamp,
}

#[derive(FromQueryResult)]
struct DeadRow {
    id: i64,
    kind: String,
    payload: String,
    community_id: Option<i32>,
    attempt: i32,
    last_error: Option<String>,
    created_at: i64,
    finished_at: i64,
}

/// The dead letters, newest first. A cursor whose key is not one of ours means the first page.
pub async fn dead_letters(
    conn: &impl ConnectionTrait,
    request: &PageRequest,
) -> Result<Page<DeadLetter>, StoreError> {
    let (at, id) = request.cursor().map_or((i64::MAX, i64::MAX), |cursor| {
        (cursor.key.parse().unwrap_or(i64::MAX), cursor.id)
    });
    let rows: Vec<DeadRow> = sql::all(
        conn,
        "SELECT id, kind, payload, community_id, attempt, last_error, created_at, finished_at FROM job \
         WHERE state > 2 AND state = 4 AND (finished_at, id) < ($1, $2) ORDER BY finished_at DESC, id DESC LIMIT $3",
        vec![at.into(), id.into(), i64::try_from(request.fetch()).unwrap_or(i64::MAX).into()],
    )
    .await?;
    let letters = rows
        .into_iter()
        .map(|row| DeadLetter {
            id: JobId(row.id),
            kind: row.kind,
            payload: row.payload,
            community: row.community_id.map(CommunityId),
            attempts: row.attempt,
            reason: row.last_error.unwrap_or_default(),
            created_at: Timestamp(row.created_at),
            died_at: Timestamp(row.finished_at),
        })
        .collect();
    Ok(Page::from_rows(letters, request, |letter: &DeadLetter| {
        Cursor {
            key: letter.died_at.0.to_string(),
            id: letter.id.0,
        }
    }))
}

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a refused replay leaves the job dead"]
pub enum Replay {
    /// It is ready again.
    Replayed,
    /// An open job has its unique key: that one does the work; this one stays dead.
    OpenTwin,
    /// There is no dead job with this id.
    NotDead,
}

/// Makes a dead job ready again: same payload and key, attempts counted afresh. Its `not_after`
/// still holds.
pub async fn replay(work: &mut Work, id: JobId) -> Result<Replay, StoreError> {
    let changed = sql::execute(
        work.conn(),
        "UPDATE job SET state = 1, attempt = 0, crashes = 0, due_at = $1, finished_at = NULL \
         WHERE id = $2 AND state = 4 AND NOT EXISTS (SELECT 1 FROM job twin \
         WHERE twin.kind = job.kind AND twin.unique_key = job.unique_key AND twin.state < 3)",
        vec![work.now().0.into(), id.0.into()],
    )
    .await?;
    if changed == 1 {
        work.wake_jobs();
        return Ok(Replay::Replayed);
    }
    let state: Option<i16> = sql::optional(
        work.conn(),
        "SELECT state FROM job WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(if state == Some(State::Dead.code()) {
        Replay::OpenTwin
    } else {
        Replay::NotDead
    })
}

/// Gives a dead job up for good; `false` if there is no dead job with this id. It is pruned later
/// like a done one.
pub async fn discard(work: &mut Work, id: JobId) -> Result<bool, StoreError> {
    let changed = sql::execute(
        work.conn(),
        "UPDATE job SET state = 6, finished_at = $1 WHERE id = $2 AND state = 4",
        vec![work.now().0.into(), id.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Gives up the job of a kind with this unique key that waits, is ready, or is dead: its owner has
/// decided that it is not to run. One that is running is left alone: its handler looks itself.
/// `false` if there is none.
pub async fn withdraw(work: &mut Work, kind: &str, key: &str) -> Result<bool, StoreError> {
    let mut n_changed = 0;
    // Two statements, so that each has its index.
    for states in ["state < 3 AND state < 2", "state > 2 AND state = 4"] {
        n_changed += sql::execute(
            work.conn(),
            &format!(
                "UPDATE job SET state = 6, finished_at = $1 WHERE kind = $2 AND unique_key = $3 AND {states}"
            ),
            vec![work.now().0.into(), kind.into(), key.into()],
        )
        .await?;
    }
    Ok(n_changed > 0)
}

/// The unique keys of the dead jobs of a kind, newest first, at most 1,000: for the owner of the
/// kind, who may have to say elsewhere that they will not run.
pub async fn dead_keys(conn: &impl ConnectionTrait, kind: &str) -> Result<Vec<String>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT unique_key FROM job WHERE state > 2 AND state = 4 AND kind = $1 AND unique_key IS NOT NULL \
         ORDER BY finished_at DESC, id DESC LIMIT 1000",
        vec![kind.into()],
    )
    .await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}
