//! What the queue does by itself as time passes: waiting jobs become ready, lost leases come back,
//! useless jobs expire, old finished jobs go. Every statement is bounded.

use std::time::Duration;

use kernel::Timestamp;
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::State;
use crate::{Db, Engine, StoreError, sql};

/// How long finished jobs (done, expired, discarded) are kept. Dead ones stay until a person
/// decides.
pub const KEEP: Duration = Duration::from_hours(7 * 24);

/// Leases of a job that may run out, one after another without an outcome; see [`rescue`].
const MAX_CRASHES: i32 = 3;

/// Time between the starts of suspected jobs.
const APART: Duration = Duration::from_secs(2);

/// Rows per statement.
const BATCH: u64 = 1_000;

/// The condition «`id` is one of those in the query named `picked`». PostgreSQL is made to fetch them
/// by primary key; it would read the whole table if it believed there were many.
pub(super) fn among(engine: Engine, picked: &str) -> String {
    match engine {
        Engine::Sqlite => format!("id IN (SELECT id FROM {picked})"),
        Engine::Postgres => format!("id = ANY (ARRAY(SELECT id FROM {picked}))"),
    }
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// Some job is ready now.
    pub(super) ready: bool,
    /// When something happens next: a job falls due or expires, or a lease runs out.
    pub(super) next: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct OutlookRow {
    ready: i32,
    due: Option<i64>,
    lease: Option<i64>,
    useless: Option<i64>,
}

/// Looks without writing.
pub(super) async fn outlook(conn: &impl ConnectionTrait) -> Result<Outlook, StoreError> {
    let row: Option<OutlookRow> = sql::one(
        conn,
        "SELECT COALESCE((SELECT 1 FROM job WHERE state = 1 LIMIT 1), 0) AS ready, \
         (SELECT MIN(due_at) FROM job WHERE state = 0) AS due, \
         (SELECT MIN(lease_until) FROM job WHERE state = 2) AS lease, \
         (SELECT MIN(not_after) FROM job WHERE state < 2 AND not_after IS NOT NULL) AS useless",
        vec![],
    )
    .await?;
    let row =
        row.ok_or_else(|| StoreError::Data("a query that always answers gave no row".to_owned()))?;
    // A lease or a usefulness ends after its instant, a job is due at it.
    let after = |at: Option<i64>| at.map(|at| at.saturating_add(1));
    let next = [row.due, after(row.lease), after(row.useless)]
        .into_iter()
        .flatten()
        .min()
        .map(Timestamp);
    Ok(Outlook {
        ready: row.ready == 1,
        next,
    })
}

/// Brings the queue up to `now`.
pub(super) async fn tend(
    conn: &impl ConnectionTrait,
    engine: Engine,
    now: Timestamp,
) -> Result<(), StoreError> {
    let skip = sql::skip_locked(engine);
    rescue(conn, skip, now).await?;
    let expired = sql::execute(
        conn,
        &format!(
            "WITH useless AS MATERIALIZED (SELECT id FROM job \
             WHERE state < 2 AND not_after IS NOT NULL AND not_after < $1 ORDER BY not_after LIMIT {BATCH}{skip}) \
             UPDATE job SET state = 5, finished_at = $1 WHERE {}",
            among(engine, "useless")
        ),
        vec![now.0.into()],
    )
    .await?;
    if expired > 0 {
        tracing::warn!(
            job.n_expired = expired,
            "{expired} jobs expired before they could run"
        );
    }
    sql::execute(
        conn,
        &format!(
            "WITH due AS MATERIALIZED (SELECT id FROM job WHERE state = 0 AND due_at <= $1 \
             ORDER BY due_at, id LIMIT {BATCH}{skip}) \
             UPDATE job SET state = 1 WHERE {}",
            among(engine, "due")
        ),
        vec![now.0.into()],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Stranded {
    id: i64,
    kind: String,
    crashes: i32,
    attempt: i32,
    max_attempts: i32,
}

/// Takes back the jobs whose lease ran out: their worker ended, or could not reach the database for
/// longer than a lease.
///
/// A job that ends its worker is found by elimination. All jobs that ran beside it lose their lease
/// with it: the first time they start again at once, the second time two seconds apart, so that only
/// the culprit is still running the third time; it is then dead.
async fn rescue(conn: &impl ConnectionTrait, skip: &str, now: Timestamp) -> Result<(), StoreError> {
    let stranded: Vec<Stranded> = sql::all(
        conn,
        &format!(
            "SELECT id, kind, crashes, attempt, max_attempts FROM job WHERE state = 2 AND lease_until < $1 \
             ORDER BY lease_until, id LIMIT {BATCH}{skip}"
        ),
        vec![now.0.into()],
    )
    .await?;
    let mut later = now;
    for Stranded {
        id,
        kind,
        crashes,
        attempt,
        max_attempts,
    } in stranded
    {
        let crashes = crashes.saturating_add(1);
        let (state, due_at) = if crashes >= MAX_CRASHES || attempt >= max_attempts {
            tracing::error!(
                job.id = id,
                job.kind = kind,
                "job {id} of kind {kind} ended with its worker: it is dead"
            );
            (State::Dead, None)
        } else {
            tracing::warn!(
                job.id = id,
                job.kind = kind,
                "job {id} of kind {kind} lost its worker and goes back"
            );
            if crashes > 1 {
                later = later.plus(APART);
                (State::Waiting, Some(later))
            } else {
                (State::Ready, None)
            }
        };
        let reason = if crashes >= MAX_CRASHES {
            "its worker ended three times while running it"
        } else {
            "its worker ended while running it"
        };
        sql::execute(
            conn,
            "UPDATE job SET state = $1, crashes = $2, last_error = $3, due_at = COALESCE($4, due_at), \
             finished_at = $5, lease_until = NULL, worker = NULL WHERE id = $6",
            vec![
                state.code().into(),
                crashes.into(),
                reason.into(),
                due_at.map(|at| at.0).into(),
                (state == State::Dead).then_some(now.0).into(),
                id.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Deletes finished jobs older than [`KEEP`], a thousand at a time so that others can write in
/// between; answers how many. Dead jobs are never deleted here.
pub async fn prune(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    let before = now.minus(KEEP);
    let mut deleted = 0;
    for state in [State::Done, State::Expired, State::Discarded] {
        loop {
            let n = sql::execute(
                db.write(),
                // The predicate of the index must be visible in the text, so that it is used.
                &format!(
                    "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state > 2 AND state = {} \
                     AND finished_at < $1 ORDER BY finished_at, id LIMIT {BATCH})",
                    state.code()
                ),
                vec![before.0.into()],
            )
            .await?;
            deleted += n;
            if n < BATCH {
                break;
            }
        }
    }
    Ok(deleted)
}
