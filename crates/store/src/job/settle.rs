//! Outcomes: what a handler's answer does to its job, always fenced. Must never change a job whose
//! lease has gone to somebody else.

use std::time::Duration;

use kernel::{Entropy, Timestamp, random};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{Claimed, Lease, Outcome, Queue, State, claim::LEASE};
use crate::{StoreError, Work, sql};

/// The first retry comes within this time, each later one within twice the time before, up to
/// [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// No retry is due in the same instant: a queue that is drained at one instant comes to an end.
const SOON: Duration = Duration::from_millis(1);

/// The longest reason kept, in characters.
const REASON_MAX: usize = 500;

/// Why an outcome was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The lease ran out and the job went to somebody else, or back to the queue; what was done in
    /// this attempt may be done again.
    #[error("the job was given to another worker in the meantime")]
    Lost,
    /// The database failed.
    #[error("the outcome of the job could not be stored")]
    Storage(#[from] StoreError),
}

/// What an outcome made of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Done.
    Done,
    /// To be tried again at this instant.
    Retry(Timestamp),
    /// Given up; a dead letter.
    Dead,
    /// Whatever its handler recorded.
    ByHandler,
}

/// What a handler itself makes of its job, in its own unit of work. The handler then answers
/// [`Outcome::Recorded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It is done.
    Done,
    /// Again at this instant.
    Again {
        /// When; at the earliest a millisecond from now.
        at: Timestamp,
        /// Why, for people.
        reason: String,
        /// Whether this was an attempt; what was none does not clear the job of crashes before it
        /// either. The handler itself sees to it that attempts come to an end.
        counts: bool,
    },
    /// Given up: a dead letter.
    Dead {
        /// Why, for people.
        reason: String,
    },
}

/// Jobs of one statement of [`rule`].
const RULED_AT_ONCE: usize = 64;

/// Records what became of many jobs in one unit of work, in few statements; answers the leases that
/// were still held. Nothing is done to a job whose lease has gone to somebody else.
pub async fn rule(work: &mut Work, rulings: &[(Lease, Ruling)]) -> Result<Vec<Lease>, StoreError> {
    let now = work.now();
    let mut kept = Vec::with_capacity(rulings.len());
    for chunk in rulings.chunks(RULED_AT_ONCE) {
        let padding = chunk.len().next_power_of_two() - chunk.len();
        let mut values: Vec<Value> = Vec::new();
        let mut rows = Vec::new();
        for (lease, ruling) in chunk
            .iter()
            .chain(std::iter::repeat_n(chunk.last(), padding).flatten())
        {
            let n = values.len();
            let (state, at, reason, refund) = match ruling {
                Ruling::Done => (State::Done, None, None, 0),
                Ruling::Again { at, reason, counts } => (
                    State::Waiting,
                    Some((*at).max(now.plus(SOON)).0),
                    Some(shorten(reason)),
                    i32::from(!counts),
                ),
                Ruling::Dead { reason } => (State::Dead, None, Some(shorten(reason)), 0),
            };
            let finished_at = (state != State::Waiting).then_some(now.0);
            values.extend([
                Value::from(lease.id.0),
                lease.fence.into(),
                state.code().into(),
                at.into(),
                reason.into(),
                refund.into(),
                finished_at.into(),
            ]);
            let places: Vec<String> = (n + 1..=n + 7).map(|n| format!("${n}")).collect();
            rows.push(format!("({})", places.join(", ")));
        }
        let ruled = sql::rows(
            work.conn(),
            &format!(
                "WITH ruling(held_id, held_fence, next_state, next_due, reason, refund, ended) AS (VALUES {}) \
                 UPDATE job SET state = ruling.next_state, due_at = COALESCE(ruling.next_due, job.due_at), \
                 last_error = ruling.reason, attempt = job.attempt - ruling.refund, \
                 crashes = CASE WHEN ruling.next_state = 0 AND ruling.refund = 0 THEN 0 ELSE job.crashes END, \
                 finished_at = ruling.ended, lease_until = NULL, worker = NULL FROM ruling \
                 WHERE job.id = ruling.held_id AND job.fence = ruling.held_fence AND job.state = 2 \
                 RETURNING id, fence",
                rows.join(", ")
            ),
            values,
        )
        .await?;
        for row in ruled {
            kept.push(Lease {
                id: row.try_get_by_index::<i64>(0)?.into(),
                fence: row.try_get_by_index(1)?,
            });
        }
    }
    Ok(kept)
}

/// How long to wait after the `attempt`-th failure: a random part of 1 s, 2 s, 4 s … 5 min («full
/// jitter»), so that many failures do not come back together.
pub fn backoff(attempt: i32, entropy: &dyn Entropy) -> Duration {
    let doublings = u32::try_from(attempt.max(1) - 1).unwrap_or(0).min(16);
    let most = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    most.mul_f64(random::unit(entropy)).max(SOON)
}

impl Claimed {
    /// Marks the job done in the handler's own unit of work, so that its effects and its completion
    /// commit together. On an error roll back. The handler then answers [`Outcome::Done`].
    pub async fn complete_in(&self, work: &mut Work) -> Result<(), JobError> {
        if complete(work.conn(), self.lease, work.now()).await? {
            Ok(())
        } else {
            Err(JobError::Lost)
        }
    }
}

impl Queue {
    /// Records an outcome.
    pub async fn settle(
        &self,
        job: &Claimed,
        outcome: &Outcome,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Settled, JobError> {
        let conn = self.db.write();
        let (kept, settled) = match outcome {
            Outcome::Done => {
                let kept = complete(conn, job.lease, now).await? || self.is_done(job.lease).await?;
                (kept, Settled::Done)
            }
            Outcome::Retry {
                counts: true,
                reason,
                ..
            } if job.attempt >= job.max_attempts => {
                (fail(conn, job.lease, reason, now).await?, Settled::Dead)
            }
            Outcome::Retry {
                after,
                reason,
                counts,
            } => {
                let wait = after
                    .unwrap_or_else(|| backoff(job.attempt, entropy))
                    .max(SOON);
                let at = now.plus(wait);
                (
                    retry(conn, job.lease, reason, at, i32::from(!counts)).await?,
                    Settled::Retry(at),
                )
            }
            Outcome::Recorded => (true, Settled::ByHandler),
            Outcome::Fail { reason } => (fail(conn, job.lease, reason, now).await?, Settled::Dead),
        };
        if kept {
            Ok(settled)
        } else {
            Err(JobError::Lost)
        }
    }

    /// Whether the job was completed under this lease before.
    async fn is_done(&self, lease: Lease) -> Result<bool, StoreError> {
        let state: Option<i16> = sql::optional(
            self.db.write(),
            "SELECT state FROM job WHERE id = $1 AND fence = $2",
            vec![lease.id.0.into(), lease.fence.into()],
        )
        .await?;
        Ok(state == Some(State::Done.code()))
    }

    /// Gives a job back unrun: ready again, the attempt not counted.
    pub async fn release(&self, lease: Lease) -> Result<(), JobError> {
        let kept = fenced(
            self.db.write(),
            "UPDATE job SET state = 1, attempt = attempt - 1, lease_until = NULL, worker = NULL",
            lease,
            vec![],
        )
        .await?;
        if kept { Ok(()) } else { Err(JobError::Lost) }
    }

    /// Extends the leases that are still held; answers those that are lost. A job that was completed
    /// under its lease is not lost.
    pub async fn heartbeat(
        &self,
        leases: &[Lease],
        now: Timestamp,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut lost = Vec::new();
        for chunk in leases.chunks(256) {
            let (held, mut values) = held(chunk);
            // On PostgreSQL a row that its handler is completing right now is passed over: the
            // heartbeat must not wait for it.
            let skip = if sql::skip_locked(self.db.engine()).is_empty() {
                ""
            } else {
                " FOR UPDATE OF job SKIP LOCKED"
            };
            values.push(now.plus(LEASE).0.into());
            let until = values.len();
            sql::execute(
                self.db.write(),
                &format!(
                    "WITH {held}, mine AS MATERIALIZED (SELECT job.id FROM job JOIN held ON job.id = held.id \
                     AND job.fence = held.fence WHERE job.state = 2{skip}) \
                     UPDATE job SET lease_until = ${until} WHERE id IN (SELECT id FROM mine)"
                ),
                values.clone(),
            )
            .await?;
            values.pop();
            let gone: Vec<Gone> = sql::all(
                self.db.write(),
                &format!(
                    "WITH {held} SELECT DISTINCT held.id AS id, held.fence AS fence FROM held LEFT JOIN job \
                     ON job.id = held.id AND job.fence = held.fence AND job.state IN (2, 3) WHERE job.id IS NULL"
                ),
                values,
            )
            .await?;
            lost.extend(gone.into_iter().map(|row| Lease {
                id: row.id.into(),
                fence: row.fence,
            }));
        }
        Ok(lost)
    }
}

#[derive(FromQueryResult)]
struct Gone {
    id: i64,
    fence: i64,
}

/// `held(id, fence) AS (VALUES …)`, filled up to a power of two with its last row, which keeps the
/// number of statement texts small.
fn held(leases: &[Lease]) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut rows = Vec::new();
    let padding = leases.len().next_power_of_two() - leases.len();
    for lease in leases
        .iter()
        .chain(std::iter::repeat_n(leases.last(), padding).flatten())
    {
        let n = values.len();
        values.extend([Value::from(lease.id.0), lease.fence.into()]);
        rows.push(format!("(${}, ${})", n + 1, n + 2));
    }
    (
        format!("held(id, fence) AS (VALUES {})", rows.join(", ")),
        values,
    )
}

async fn complete(
    conn: &impl ConnectionTrait,
    lease: Lease,
    now: Timestamp,
) -> Result<bool, StoreError> {
    fenced(
        conn,
        "UPDATE job SET state = 3, finished_at = $3, lease_until = NULL, worker = NULL, last_error = NULL",
        lease,
        vec![now.0.into()],
    )
    .await
}

async fn retry(
    conn: &impl ConnectionTrait,
    lease: Lease,
    reason: &str,
    at: Timestamp,
    refund: i32,
) -> Result<bool, StoreError> {
    fenced(
        conn,
        "UPDATE job SET state = 0, due_at = $3, last_error = $4, attempt = attempt - $5, crashes = 0, \
         lease_until = NULL, worker = NULL",
        lease,
        vec![at.0.into(), shorten(reason).into(), refund.into()],
    )
    .await
}

async fn fail(
    conn: &impl ConnectionTrait,
    lease: Lease,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    fenced(
        conn,
        "UPDATE job SET state = 4, finished_at = $3, last_error = $4, lease_until = NULL, worker = NULL",
        lease,
        vec![now.0.into(), shorten(reason).into()],
    )
    .await
}

/// Runs an update on the job if it is still leased under this fence; `$1` and `$2` are taken.
async fn fenced(
    conn: &impl ConnectionTrait,
    update: &str,
    lease: Lease,
    values: Vec<Value>,
) -> Result<bool, StoreError> {
    let mut all = vec![Value::from(lease.id.0), lease.fence.into()];
    all.extend(values);
    let changed = sql::execute(
        conn,
        &format!("{update} WHERE id = $1 AND fence = $2 AND state = 2"),
        all,
    )
    .await?;
    Ok(changed == 1)
}

fn shorten(reason: &str) -> String {
    // PostgreSQL refuses the character NUL in text.
    reason
        .chars()
        .filter(|c| *c != '\0')
        .take(REASON_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Duration, SOON, backoff, shorten};

    /// Answers every byte with the same value: the lowest and the highest draw.
    struct Constant(u8);

    impl kernel::Entropy for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn backoff_doubles_its_bound_from_a_second_to_five_minutes() {
        for (attempt, most) in [
            (i32::MIN, 1),
            (0, 1),
            (1, 1),
            (2, 2),
            (5, 16),
            (9, 256),
            (10, 300),
            (i32::MAX, 300),
        ] {
            assert_eq!(backoff(attempt, &Constant(0)), SOON);
            let highest = backoff(attempt, &Constant(255));
            assert!(highest <= Duration::from_secs(most), "{attempt}");
            assert!(highest + SOON > Duration::from_secs(most), "{attempt}");
        }
    }

    #[test]
    fn a_reason_is_bounded_and_fits_both_engines() {
        assert_eq!(shorten("a\0b"), "ab");
        assert_eq!(shorten(&"ä".repeat(2_000)).chars().count(), 500);
    }
}
