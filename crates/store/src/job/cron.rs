//! Jobs at fixed times. Each entry's next time is stored, so a restart neither repeats nor forgets
//! a slot; it is moved by compare-and-set in the transaction that enqueues the job, so two nodes
//! never enqueue one slot twice. Expressions are in UTC.
//!
//! Must never: fire all the slots missed during a long pause unless the entry says so.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;
use kernel::{Actor, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::NewJob;
use crate::{Db, StoreError, sql};

/// A slot is missed when it is this late: for [`CatchUp::Skip`].
const MISSED_MICROS: i64 = 60_000_000;

/// The most slots [`CatchUp::All`] enqueues at once.
const MAX_SLOTS: u16 = 1_000;

/// An entry whose expression can no longer be read is looked at again after this long.
const UNREADABLE_MICROS: i64 = 3_600_000_000;

/// What happens to slots that were missed because nothing was running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// Only the newest is enqueued.
    Latest,
    /// Each is enqueued, the newest `max` (at most 1,000) of them.
    All {
        /// How many at most.
        max: u16,
    },
    /// None is enqueued; a slot less than a minute late is not missed.
    Skip,
}

impl CatchUp {
    fn columns(self) -> (i16, i32) {
        match self {
            Self::Latest => (0, 1),
            Self::All { max } => (1, i32::from(max.clamp(1, MAX_SLOTS))),
            Self::Skip => (2, 1),
        }
    }
}

/// Something that happens at fixed times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronEntry {
    /// Its name; unique.
    pub name: &'static str,
    /// `minute hour day month weekday`, UTC; optionally seconds in front.
    pub expression: &'static str,
    /// The kind of the job, whose payload is `{"cron": name, "slot_ms": …}`.
    pub kind: &'static str,
    /// What happens to missed slots.
    pub catch_up: CatchUp,
}

/// Why entries were not registered.
#[derive(Debug, thiserror::Error)]
pub enum CronError {
    /// An expression that cannot be read, or that never comes true.
    #[error("the cron entry `{name}` has an expression that names no time")]
    Expression {
        /// The entry.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: croner::errors::CronError,
    },
    /// The database failed.
    #[error("the cron entries could not be stored")]
    Storage(#[from] StoreError),
}

/// Makes the stored entries exactly these: new ones fire from their first slot after `now`, known
/// ones keep their next slot unless the expression changed, others are removed. Every process of a
/// program registers the same list.
pub async fn register(db: &Db, now: Timestamp, entries: &[CronEntry]) -> Result<(), CronError> {
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let next = Cron::from_str(entry.expression)
            .and_then(|cron| next_slot(&cron, now))
            .map_err(|source| CronError::Expression {
                name: entry.name,
                source,
            })?;
        rows.push((entry, next));
    }
    let work = db
        .begin(&Actor::System("cron"), now)
        .await?
        .reaching(crate::Reach::Nothing);
    let stored: Vec<Name> =
        sql::all(work.conn(), "SELECT name FROM cron ORDER BY name", vec![]).await?;
    for old in stored
        .iter()
        .filter(|old| !entries.iter().any(|entry| entry.name == old.name))
    {
        sql::execute(
            work.conn(),
            "DELETE FROM cron WHERE name = $1",
            vec![old.name.clone().into()],
        )
        .await?;
    }
    // In the order of names, so that processes that start together do not lock each other out.
    rows.sort_by_key(|(entry, _)| entry.name);
    for (entry, next) in rows {
        let (catch_up, max) = entry.catch_up.columns();
        sql::execute(
            work.conn(),
            "INSERT INTO cron (name, expression, kind, catch_up, catch_up_max, next_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, \
             catch_up = excluded.catch_up, catch_up_max = excluded.catch_up_max, \
             next_at = CASE WHEN cron.expression = excluded.expression THEN cron.next_at ELSE excluded.next_at END, \
             expression = excluded.expression",
            vec![
                entry.name.into(),
                entry.expression.into(),
                entry.kind.into(),
                catch_up.into(),
                max.into(),
                next.0.into(),
            ],
        )
        .await?;
    }
    work.commit().await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Name {
    name: String,
}

#[derive(FromQueryResult)]
struct Row {
    name: String,
    expression: String,
    kind: String,
    catch_up: i16,
    catch_up_max: i32,
    next_at: i64,
}

/// When the next entry is due.
pub async fn next_at(conn: &impl ConnectionTrait) -> Result<Option<Timestamp>, StoreError> {
    let next: Option<i64> = sql::scalar(conn, "SELECT MIN(next_at) FROM cron", vec![]).await?;
    Ok(next.map(Timestamp))
}

/// Enqueues the jobs of all entries that are due, in one transaction; answers how many. A slot whose
/// job is still open from before is not enqueued again.
pub async fn tick(db: &Db, now: Timestamp) -> Result<usize, StoreError> {
    if next_at(db.read()).await?.is_none_or(|next| next > now) {
        return Ok(0);
    }
    let mut work = db
        .begin(&Actor::System("cron"), now)
        .await?
        .reaching(crate::Reach::Nothing);
    let due: Vec<Row> = sql::all(
        work.conn(),
        "SELECT name, expression, kind, catch_up, catch_up_max, next_at FROM cron WHERE next_at <= $1 ORDER BY name",
        vec![now.0.into()],
    )
    .await?;
    let mut n_enqueued = 0;
    for entry in due {
        let (slots, next) = match slots(&entry, now) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(cron.name = entry.name, %error, "the cron entry {} cannot be read", entry.name);
                (
                    Vec::new(),
                    Timestamp(now.0.saturating_add(UNREADABLE_MICROS)),
                )
            }
        };
        let moved = sql::execute(
            work.conn(),
            "UPDATE cron SET next_at = $1, last_at = COALESCE($2, last_at) WHERE name = $3 AND next_at = $4",
            vec![
                next.0.into(),
                slots.last().map(|slot| slot.0).into(),
                entry.name.clone().into(),
                entry.next_at.into(),
            ],
        )
        .await?;
        if moved == 0 {
            continue;
        }
        let rows = slots.into_iter().map(|slot| {
            let payload = serde_json::json!({ "cron": entry.name, "slot_ms": slot.millis() });
            // The kind is given apart: it is not known at compile time here.
            let job = NewJob::new("", payload)
                .unique(format!("cron:{}:{}", entry.name, slot.secs()))
                .due_at(slot);
            super::row(&entry.kind, job, now)
        });
        n_enqueued += super::insert(work.conn(), rows.collect()).await?.len();
    }
    if n_enqueued > 0 {
        work.wake_jobs();
    }
    work.commit().await?;
    Ok(n_enqueued)
}

/// The slots to enqueue now, oldest first, and the next one after `now`.
fn slots(
    entry: &Row,
    now: Timestamp,
) -> Result<(Vec<Timestamp>, Timestamp), croner::errors::CronError> {
    let cron = Cron::from_str(&entry.expression)?;
    let next = next_slot(&cron, now)?;
    let most = usize::try_from(entry.catch_up_max).unwrap_or(1);
    let passed = cron
        .iter_from(instant(now)?, croner::Direction::Backward)
        .map(timestamp);
    let mut slots: Vec<Timestamp> = passed
        .take_while(|slot| slot.0 >= entry.next_at)
        .take(most)
        .collect();
    if entry.catch_up == CatchUp::Skip.columns().0 {
        slots.retain(|slot| now.0.saturating_sub(slot.0) < MISSED_MICROS);
    }
    slots.reverse();
    Ok((slots, next))
}

fn next_slot(cron: &Cron, after: Timestamp) -> Result<Timestamp, croner::errors::CronError> {
    Ok(timestamp(
        cron.find_next_occurrence(&instant(after)?, false)?,
    ))
}

fn instant(at: Timestamp) -> Result<DateTime<Utc>, croner::errors::CronError> {
    DateTime::from_timestamp_micros(at.0).ok_or(croner::errors::CronError::InvalidDate)
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp(at.timestamp_micros())
}
