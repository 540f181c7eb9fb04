//! Claiming: a worker takes a batch of ready jobs, each with a lease and a fence.
//!
//! A lease of 30 s is extended by heartbeats every 10 s; when a worker dies, its jobs come back at
//! the end of the lease. The fence grows with each claim, and an outcome is recorded only with the
//! fence it was claimed with, so that a worker that was given up cannot overwrite its successor.
//!
//! Times are compared with the caller's clock, not the database's, so that a test can move it. Nodes
//! whose clocks differ by up to ± 5 s do no harm: a lease that is kept alive always has 20 s left,
//! and a job claimed too early by a node that is ahead still has one holder.
//!
//! Fairness: within a priority, communities (and kinds) are served in turn. The groups that have
//! ready jobs are found by jumping from group to group in an index, so a claim costs the same with
//! ten jobs of one community or a hundred thousand; who gets how many is [`super::share`]'s rule.
//!
//! Must never: read a job's payload to decide anything.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{Actor, CommunityId, JobId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{
    Priority, Room,
    share::{self, Group, Mark},
    tend,
};
use crate::{Db, StoreError, Work, sql};

/// How long a claim holds without a heartbeat.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// The largest batch of one claim.
pub(super) const MAX_BATCH: usize = 64;

/// The right to record the outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// Which claim of it.
    pub fence: i64,
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Its id; the same in every attempt, so it may serve as an idempotency key outside.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// What it was enqueued with.
    pub payload: serde_json::Value,
    /// The community it is done for.
    pub community: Option<CommunityId>,
    /// Its priority.
    pub priority: Priority,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// The last attempt there may be.
    pub max_attempts: i32,
    /// When it was due.
    pub due_at: Timestamp,
    /// When it becomes useless.
    pub not_after: Option<Timestamp>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// The right to it.
    pub lease: Lease,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    kind: String,
    payload: String,
    community_id: Option<i32>,
    priority: i16,
    attempt: i32,
    max_attempts: i32,
    due_at: i64,
    not_after: Option<i64>,
    created_at: i64,
    fence: i64,
}

impl From<Row> for Claimed {
    fn from(row: Row) -> Self {
        // Whatever is not JSON reaches the handler as text, which refuses it: one damaged row must
        // not keep the rest of its batch from running.
        let payload =
            serde_json::from_str(&row.payload).unwrap_or(serde_json::Value::String(row.payload));
        Self {
            id: JobId(row.id),
            kind: row.kind,
            payload,
            community: row.community_id.map(CommunityId),
            priority: Priority::from_code(row.priority),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            due_at: Timestamp(row.due_at),
            not_after: row.not_after.map(Timestamp),
            created_at: Timestamp(row.created_at),
            lease: Lease {
                id: JobId(row.id),
                fence: row.fence,
            },
        }
    }
}

/// A worker's access to the queue.
#[derive(Debug)]
pub struct Queue {
    pub(super) db: Db,
    worker: String,
    /// Where the next claim of each priority begins.
    marks: Mutex<[Mark; Priority::ALL.len()]>,
}

impl Queue {
    /// The queue as seen by the worker of this name (shown to people, nothing depends on it).
    pub fn new(db: Db, worker: impl Into<String>) -> Self {
        Self {
            db,
            worker: worker.into(),
            marks: Mutex::default(),
        }
    }

    /// Brings the queue up to `now`, then leases up to 64 ready jobs for which there is room. Highest
    /// priority first; within a priority, communities and kinds in turn; within those, longest due
    /// first.
    pub async fn claim(&self, now: Timestamp, room: &Room<'_>) -> Result<Vec<Claimed>, StoreError> {
        let work = self
            .db
            .begin(&Actor::System("queue"), now)
            .await?
            .reaching(crate::Reach::Nothing);
        tend::tend(work.conn(), work.engine(), now).await?;
        let mut marks = self
            .marks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let free = room.total().min(MAX_BATCH);
        let groups = if free == 0 {
            Vec::new()
        } else {
            groups(work.conn(), &marks, free).await?
        };
        let mut room = room.clone();
        let mut claimed: Vec<Claimed> = Vec::new();
        for (priority, mark) in Priority::ALL.into_iter().zip(&mut marks) {
            let of_priority = groups
                .iter()
                .filter(|group| group.priority == priority.code())
                .cloned()
                .collect();
            let mut groups = share::order(of_priority, mark);
            let mut first = true;
            while claimed.len() < free && !groups.is_empty() {
                let shares = share::deal(&groups, free - claimed.len(), priority, &room);
                if first {
                    *mark = share::mark(&groups, &shares, priority, &room);
                    first = false;
                }
                let taken = self.take(&work, &groups, &shares).await?;
                let count = |group: &Group| {
                    taken
                        .iter()
                        .filter(|(lane, job)| *lane == group.lane && job.kind == group.kind)
                        .count()
                };
                // A group that gave less than its share has no more.
                groups = groups
                    .iter()
                    .zip(&shares)
                    .filter(|(group, share)| **share > 0 && count(group) == **share)
                    .map(|(group, _)| group.clone())
                    .collect();
                for (_, job) in taken {
                    room.take(&job.kind);
                    claimed.push(job);
                }
            }
        }
        work.commit().await?;
        *self.marks.lock().unwrap_or_else(PoisonError::into_inner) = marks;
        claimed.sort_by_key(|job| (job.priority, job.due_at, job.id));
        Ok(claimed)
    }

    /// Leases each group's share in one statement.
    async fn take(
        &self,
        work: &Work,
        groups: &[Group],
        shares: &[usize],
    ) -> Result<Vec<(i32, Claimed)>, StoreError> {
        let dealt: Vec<(&Group, usize)> = groups
            .iter()
            .zip(shares.iter().copied())
            .filter(|(_, share)| *share > 0)
            .collect();
        let Some((some_group, _)) = dealt.first().copied() else {
            return Ok(Vec::new());
        };
        let now = work.now();
        let mut values: Vec<Value> = vec![
            now.plus(LEASE).0.into(),
            self.worker.clone().into(),
            now.0.into(),
        ];
        let skip = sql::skip_locked(work.engine());
        // Filled up with empty shares to a power of two, which keeps the number of statement texts
        // small.
        let padding = dealt.len().next_power_of_two() - dealt.len();
        let padded = dealt
            .into_iter()
            .chain(std::iter::repeat_n((some_group, 0), padding));
        let picks: Vec<String> = padded
            .map(|(group, share)| {
                let n = values.len();
                values.extend([
                    Value::from(group.priority),
                    group.kind.clone().into(),
                    group.lane.into(),
                    i64::try_from(share).unwrap_or(0).into(),
                ]);
                format!(
                    "SELECT id FROM (SELECT id FROM job WHERE state = 1 AND priority = ${} AND kind = ${} \
                     AND lane = ${} AND (not_after IS NULL OR not_after >= $3) ORDER BY due_at, id \
                     LIMIT ${}{skip}) AS pick_{n}",
                    n + 1,
                    n + 2,
                    n + 3,
                    n + 4
                )
            })
            .collect();
        let rows = sql::rows(
            work.conn(),
            &format!(
                "WITH pick AS MATERIALIZED ({}) UPDATE job SET state = 2, lease_until = $1, worker = $2, \
                 fence = fence + 1, attempt = attempt + 1 WHERE state = 1 AND {} \
                 RETURNING id, kind, payload, community_id, lane, priority, attempt, max_attempts, due_at, \
                 not_after, created_at, fence",
                picks.join(" UNION ALL "),
                tend::among(work.engine(), "pick")
            ),
            values,
        )
        .await?;
        let decode = |row| {
            Ok((
                sea_orm::QueryResult::try_get(row, "", "lane")?,
                Row::from_query_result(row, "")?.into(),
            ))
        };
        Ok(rows
            .iter()
            .map(decode)
            .collect::<Result<_, sea_orm::DbErr>>()?)
    }
}

#[derive(FromQueryResult)]
struct GroupRow {
    priority: i32,
    kind: String,
    lane: i32,
}

/// The groups that have ready jobs: one lane more than `limit` (which tells whether somebody is left
/// out) of each priority and kind from its mark on, and as many from the start. Each step of the recursions is one seek in `ix_job_ready`.
async fn groups(
    conn: &impl ConnectionTrait,
    marks: &[Mark; Priority::ALL.len()],
    limit: usize,
) -> Result<Vec<Group>, StoreError> {
    // The lane of the mark is looked at again: another kind may be next in it.
    let starts = marks.iter().map(|mark| {
        mark.as_ref()
            .map_or(i32::MIN, |(lane, _)| lane.saturating_sub(1))
    });
    let mut values: Vec<Value> = starts.map(Value::from).collect();
    values.push(i32::try_from(limit).unwrap_or(i32::MAX).into());
    values.push(i32::MIN.into());
    let rows: Vec<GroupRow> = sql::all(
        conn,
        // MIN in a scalar subquery, not a join and not a comparison of (priority, kind): both
        // engines answer it with one seek, whatever they believe about the size of the table.
        "WITH RECURSIVE pair(priority, kind) AS ( \
           SELECT one.priority, (SELECT MIN(f.kind) FROM job f WHERE f.state = 1 AND f.priority = one.priority) \
             FROM (SELECT 0 AS priority UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 \
             UNION ALL SELECT 4) AS one \
           UNION ALL \
           SELECT p.priority, (SELECT MIN(f.kind) FROM job f WHERE f.state = 1 AND f.priority = p.priority \
             AND f.kind > p.kind) FROM pair p WHERE p.kind IS NOT NULL), \
         start(priority, kind, lane) AS ( \
           SELECT priority, kind, CASE priority WHEN 0 THEN $1 WHEN 1 THEN $2 WHEN 2 THEN $3 WHEN 3 THEN $4 \
             ELSE $5 END FROM pair WHERE kind IS NOT NULL \
           UNION SELECT priority, kind, $7 FROM pair WHERE kind IS NOT NULL), \
         step(priority, kind, lane, n) AS ( \
           SELECT priority, kind, lane, 0 FROM start \
           UNION ALL \
           SELECT s.priority, s.kind, (SELECT MIN(f.lane) FROM job f WHERE f.state = 1 \
             AND f.priority = s.priority AND f.kind = s.kind AND f.lane > s.lane), s.n + 1 \
             FROM step s WHERE s.lane IS NOT NULL AND s.n <= $6) \
         SELECT priority, kind, lane FROM step WHERE n > 0 AND lane IS NOT NULL",
        values,
    )
    .await?;
    let group = |row: GroupRow| {
        // Only codes of ours are in the list above.
        Group {
            priority: i16::try_from(row.priority).unwrap_or(i16::MAX),
            lane: row.lane,
            kind: row.kind,
        }
    };
    Ok(rows.into_iter().map(group).collect())
}
