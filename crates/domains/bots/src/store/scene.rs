//! Rows of `bot_scene`, `bot_norms` and `bot_progress`: what goes on in communities and what is usual there, and how far
//! the messages were gone through.

use std::{collections::HashMap, time::Duration};

use ::store::{Engine, StoreError, Work, sql};
use kernel::{AccountId, CommunityId, EventId, MessageId, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{count, stored};
use crate::features::Scene;

/// Communities in one list.
const IN_MAX: usize = 64;
/// The turn of a scene that was never written before.
const FIRST_TURN: i64 = 1;

/// A stored scene.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) scene: Vec<u8>,
    pub(crate) seen: MessageId,
    pub(crate) is_rebuilding: bool,
    pub(crate) arrivals: String,
    /// How often what is known of the accounts here was changed. Whatever changes a state raises it, with [`put`] or [`turn`], in the same
    /// unit of work.
    pub(crate) turn: i64,
}

/// By which it is known whether states of a community are what they were.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Mark {
    /// How often they were changed.
    pub(crate) turn: i64,
    /// The last message that is in them. A process of an earlier version goes further without a turn.
    pub(crate) seen: MessageId,
}

impl Mark {
    /// Where nothing was ever written.
    pub(crate) const NONE: Self = Self {
        turn: FIRST_TURN - 1,
        seen: MessageId(0),
    };

    /// After what was read here was written with a message.
    pub(crate) const fn next(self, seen: MessageId) -> Self {
        Self {
            turn: self.turn + 1,
            seen,
        }
    }
}

impl Row {
    /// Where the states are.
    pub(crate) const fn mark(&self) -> Mark {
        Mark {
            turn: self.turn,
            seen: self.seen,
        }
    }

    /// At which hours people speak here; nobody's where the scene does not read, as it is made anew then.
    pub(crate) fn hours(&self) -> [f32; 24] {
        Scene::from_bytes(&self.scene).unwrap_or_default().hours()
    }
}

/// At which hours people of a community speak, by some scenes; nobody's where it is not among them.
pub(crate) fn hours_of(scenes: &HashMap<CommunityId, Row>, community: CommunityId) -> [f32; 24] {
    let known = scenes.get(&community);
    known.map_or_else(|| Scene::new().hours(), Row::hours)
}

/// How far it was gone through what was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reached {
    /// The last message.
    pub(crate) message: MessageId,
    /// The last event that is none; follows and raids are among them.
    pub(crate) event: EventId,
}

impl Reached {
    /// Whether it is further in either.
    pub(crate) fn is_beyond(self, other: Self) -> bool {
        self.message > other.message || self.event > other.event
    }
}

/// What is usual in a community.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct NormsRow {
    pub(crate) norms: String,
    pub(crate) members: u32,
    pub(crate) per_day_milli: i64,
    pub(crate) made_at: Timestamp,
}

/// The scenes of communities; those of which nothing was heard are left out.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, Row>, StoreError> {
    let mut found = HashMap::with_capacity(communities.len());
    for part in sql::parts(communities, IN_MAX) {
        let query = format!(
            "SELECT community_id, scene, seen, is_rebuilding, arrivals, turn FROM bot_scene WHERE community_id IN ({})",
            sql::marks(conn, 1, part.len())
        );
        let values = part.iter().map(|community| community.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            found.insert(
                CommunityId(row.try_get_by_index(0)?),
                Row {
                    scene: row.try_get_by_index(1)?,
                    seen: MessageId(row.try_get_by_index(2)?),
                    is_rebuilding: row.try_get_by_index(3)?,
                    arrivals: row.try_get_by_index(4)?,
                    turn: row.try_get_by_index(5)?,
                },
            );
        }
    }
    Ok(found)
}

/// Where the states of a community are; `None` if nothing is known of any.
pub(crate) async fn mark_of(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Option<Mark>, StoreError> {
    let query = "SELECT turn, seen FROM bot_scene WHERE community_id = $1";
    let row = sql::row(conn, query, vec![community.0.into()]).await?;
    let read = |row: QueryResult| -> Result<Mark, StoreError> {
        Ok(Mark {
            turn: row.try_get_by_index(0)?,
            seen: MessageId(row.try_get_by_index(1)?),
        })
    };
    row.map(read).transpose()
}

/// Writes scenes. Each is one turn further, whatever the row says.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = (CommunityId, Row)>,
) -> Result<(), StoreError> {
    let values = rows.into_iter().map(|(community, row)| {
        vec![
            community.0.into(),
            row.scene.into(),
            row.seen.0.into(),
            row.is_rebuilding.into(),
            row.arrivals.into(),
            FIRST_TURN.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO bot_scene (community_id, scene, seen, is_rebuilding, arrivals, turn)",
        values.collect(),
        " ON CONFLICT (community_id) DO UPDATE SET scene = excluded.scene, seen = excluded.seen, \
         is_rebuilding = excluded.is_rebuilding, arrivals = excluded.arrivals, turn = bot_scene.turn + 1",
    )
    .await
}

/// Says that something changes, or goes, of what is known of an account, wherever it is known. Called before it does.
pub(crate) async fn turn(
    conn: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_scene SET turn = turn + 1 WHERE community_id IN \
         (SELECT community_id FROM bot_state WHERE account_id = $1)",
        vec![account.0.into()],
    )
    .await?;
    Ok(())
}

/// On PostgreSQL no statement of this transaction takes longer, waiting for others included; SQLite waits ten seconds at most anyway.
pub(crate) async fn end_before(work: &Work, most: Duration) -> Result<(), StoreError> {
    if work.engine() == Engine::Postgres {
        let query = format!("SET LOCAL statement_timeout = {}", most.as_millis());
        sql::execute(work.conn(), &query, vec![]).await?;
    }
    Ok(())
}

/// Communities of which something was heard.
pub(crate) async fn communities(
    conn: &impl ConnectionTrait,
) -> Result<Vec<CommunityId>, StoreError> {
    let query = "SELECT community_id FROM bot_scene ORDER BY community_id";
    let rows = sql::rows(conn, query, vec![]).await?;
    rows.iter()
        .map(|row| Ok(CommunityId(row.try_get_by_index(0)?)))
        .collect()
}

/// What is usual in communities; those of which it is not known are left out.
pub(crate) async fn norms(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, NormsRow>, StoreError> {
    let mut found = HashMap::with_capacity(communities.len());
    for part in sql::parts(communities, IN_MAX) {
        let query = format!(
            "SELECT community_id, norms, members, per_day_milli, made_at FROM bot_norms WHERE community_id IN ({})",
            sql::marks(conn, 1, part.len())
        );
        let values = part.iter().map(|community| community.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            found.insert(
                CommunityId(row.try_get_by_index(0)?),
                NormsRow {
                    norms: row.try_get_by_index(1)?,
                    members: count(row.try_get_by_index(2)?),
                    per_day_milli: row.try_get_by_index(3)?,
                    made_at: Timestamp(row.try_get_by_index(4)?),
                },
            );
        }
    }
    Ok(found)
}

pub(crate) async fn put_norms(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    row: &NormsRow,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_norms (community_id, norms, members, per_day_milli, made_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (community_id) DO UPDATE SET norms = $2, members = $3, per_day_milli = $4, made_at = $5",
        vec![
            community.0.into(),
            row.norms.clone().into(),
            stored(row.members).into(),
            row.per_day_milli.into(),
            row.made_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// How far it was gone through what was recorded.
pub(crate) async fn seen(conn: &impl ConnectionTrait) -> Result<Reached, StoreError> {
    reached(
        conn,
        "SELECT seen, seen_event FROM bot_progress WHERE id = 1",
    )
    .await
}

/// Lets nobody else go on until the unit of work ends; answers how far it was gone.
pub(crate) async fn hold_progress(conn: &impl ConnectionTrait) -> Result<Reached, StoreError> {
    let query = "UPDATE bot_progress SET seen = seen WHERE id = 1 RETURNING seen, seen_event";
    reached(conn, query).await
}

async fn reached(conn: &impl ConnectionTrait, query: &str) -> Result<Reached, StoreError> {
    let rows = sql::rows(conn, query, vec![]).await?;
    let missing = || StoreError::Data("there is no row of progress".to_owned());
    let row = rows.first().ok_or_else(missing)?;
    Ok(Reached {
        message: MessageId(row.try_get_by_index(0)?),
        event: EventId(row.try_get_by_index(1)?),
    })
}

/// Says how far it was gone, if nobody else went on meanwhile.
pub(crate) async fn advance(
    conn: &impl ConnectionTrait,
    before: Reached,
    after: Reached,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_progress SET seen = $1, seen_event = $2, at = $3 WHERE id = 1 AND seen = $4 AND seen_event = $5",
        vec![
            after.message.0.into(),
            after.event.0.into(),
            at.0.into(),
            before.message.0.into(),
            before.event.0.into(),
        ],
    )
    .await?;
    Ok(n > 0)
}

/// Writes down what scoring took lately.
pub(crate) async fn put_latency(
    conn: &impl ConnectionTrait,
    latency_us: u32,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_progress SET latency_us = $1 WHERE id = 1",
        vec![stored(latency_us).into()],
    )
    .await?;
    Ok(())
}
