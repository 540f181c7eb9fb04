//! Rows of `bot_score`: how sure the program is about an account in a community. Whoever was never scored has none.

use std::collections::HashSet;

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{count, state::Seat, stored};
use crate::{Exemption, Probability};

/// Accounts in one list.
const IN_MAX: usize = 256;
/// Accounts in communities in one list: SQLite finds each placeholder among all by its name.
const PAIRS_MAX: usize = 128;

/// What a score is read from, in this order.
macro_rules! found {
    () => {
        "scored_n, scored_at, probability_ppm, rule_ppm, model_id, exemption, predicted_ppm"
    };
}
pub(crate) use found;

const COLUMNS: &str = concat!("community_id, account_id, ", found!());

/// How an account was scored last.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Scored {
    /// How many messages there were; 0 = it never was, or what is known of it is being made anew.
    pub(crate) n: u32,
    /// When it was found. Whoever comes to the same again leaves it.
    pub(crate) at: Option<Timestamp>,
    pub(crate) probability: Probability,
    pub(crate) by_rules: Probability,
    pub(crate) model: Option<i32>,
    pub(crate) exemption: Option<Exemption>,
    /// What was predicted last in a row of its own.
    pub(crate) predicted: Option<Probability>,
}

impl Scored {
    /// Whether it says the same as another one, whenever that was found.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let at = other.at;
        Self { at, ..*self } == *other
    }

    /// Reads the columns of [`found`] from one place of a row on; `None` where the row has none.
    pub(crate) fn read(row: &QueryResult, first: usize) -> Result<Option<Self>, StoreError> {
        let Some(n) = row.try_get_by_index::<Option<i32>>(first)? else {
            return Ok(None);
        };
        let exemption: Option<i16> = row.try_get_by_index(first + 5)?;
        let unknown = |code: i16| StoreError::Data(format!("unknown exemption {code}"));
        let known = |code: i16| Exemption::from_code(code).ok_or_else(|| unknown(code));
        let predicted: Option<i32> = row.try_get_by_index(first + 6)?;
        Ok(Some(Self {
            n: count(n),
            at: row
                .try_get_by_index::<Option<i64>>(first + 1)?
                .map(Timestamp),
            probability: Probability::read(row.try_get_by_index(first + 2)?),
            by_rules: Probability::read(row.try_get_by_index(first + 3)?),
            model: row.try_get_by_index(first + 4)?,
            exemption: exemption.map(known).transpose()?,
            predicted: predicted.map(Probability::read),
        }))
    }
}

fn read(row: &QueryResult) -> Result<(Seat, Scored), StoreError> {
    let seat = (
        CommunityId(row.try_get_by_index(0)?),
        AccountId(row.try_get_by_index(1)?),
    );
    Ok((seat, Scored::read(row, 2)?.unwrap_or_default()))
}

/// A page of those that were scored, the surest first; from one probability on and below another.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    (least, below): (Probability, Option<Probability>),
    page: &PageRequest,
) -> Result<Vec<(Seat, Scored)>, StoreError> {
    let mut values: Vec<Value> = vec![
        community.0.into(),
        least.stored().into(),
        below.map_or(i32::MAX, Probability::stored).into(),
    ];
    let after = match page.cursor() {
        Some(cursor) => {
            values.push(cursor.key.parse::<i32>().unwrap_or(-1).into());
            values.push(cursor.id.into());
            "AND (probability_ppm, account_id) < ($4, $5)"
        }
        None => "",
    };
    let query = format!(
        "SELECT {COLUMNS} FROM bot_score WHERE community_id = $1 AND scored_n > 0 AND probability_ppm >= $2 \
         AND probability_ppm < $3 {after} ORDER BY probability_ppm DESC, account_id DESC LIMIT {}",
        page.fetch()
    );
    let rows = sql::rows(conn, &query, values).await?;
    rows.iter().map(read).collect()
}

/// How accounts in communities were scored, and what of them is being made anew. Each is looked up by the key: of a long `IN`, PostgreSQL
/// compares every score of the community with every value.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    seats: &[Seat],
) -> Result<Vec<(Seat, Scored)>, StoreError> {
    let mut found = Vec::with_capacity(seats.len());
    for part in sql::parts(seats, PAIRS_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM (VALUES {}) AS w CROSS JOIN bot_score \
             WHERE community_id = w.column1 AND account_id = w.column2",
            sql::pairs(1, part.len())
        );
        let values = part
            .iter()
            .flat_map(|seat| [seat.0.0.into(), seat.1.0.into()]);
        for row in sql::rows(conn, &query, values.collect()).await? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}

/// Those of some accounts that were scored in a community.
pub(crate) async fn scored(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[AccountId],
) -> Result<Vec<(Seat, Scored)>, StoreError> {
    let mut found = Vec::with_capacity(accounts.len());
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM bot_score WHERE account_id IN ({}) AND community_id = {} AND scored_n > 0",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1)
        );
        let mut values: Vec<Value> = part.iter().map(|account| account.0.into()).collect();
        values.push(community.0.into());
        for row in sql::rows(conn, &query, values).await? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}

/// How many of a community's scored accounts there are by five per cent and exemption.
pub(crate) async fn bins(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    at: [Probability; 2],
) -> Result<Vec<(usize, [u64; 4])>, StoreError> {
    let [likely, possible] = at.map(|one| Value::from(one.stored()));
    let rows = sql::rows(
        conn,
        "SELECT probability_ppm / 50000, \
         CAST(SUM(CASE WHEN exemption IS NULL AND probability_ppm >= $2 THEN 1 ELSE 0 END) AS bigint), \
         CAST(SUM(CASE WHEN exemption IS NULL AND probability_ppm >= $3 AND probability_ppm < $2 THEN 1 ELSE 0 END) AS bigint), \
         CAST(SUM(CASE WHEN exemption IS NULL AND probability_ppm < $3 THEN 1 ELSE 0 END) AS bigint), \
         CAST(SUM(CASE WHEN exemption IS NULL THEN 0 ELSE 1 END) AS bigint) \
         FROM bot_score WHERE community_id = $1 AND scored_n > 0 GROUP BY probability_ppm / 50000",
        vec![community.0.into(), likely, possible],
    )
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    for row in rows {
        let bin: i32 = row.try_get_by_index(0)?;
        let mut counts = [0; 4];
        for (place, count) in counts.iter_mut().enumerate() {
            *count = unsigned(row.try_get_by_index(place + 1)?);
        }
        found.push((usize::try_from(bin).unwrap_or(0), counts));
    }
    Ok(found)
}

/// How many scored accounts there are by five per cent, of a community or of all.
pub(crate) async fn spread(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
) -> Result<[u64; 20], StoreError> {
    let of = community.map_or("", |_| " AND community_id = $1");
    let query = format!(
        "SELECT probability_ppm / 50000, COUNT(*) FROM bot_score WHERE scored_n > 0{of} GROUP BY probability_ppm / 50000"
    );
    let values = community.map(|id| id.0.into()).into_iter().collect();
    let mut bins = [0; 20];
    for row in sql::rows(conn, &query, values).await? {
        let (bin, n): (i32, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if let Some(count) = bins.get_mut(usize::try_from(bin).unwrap_or(0).min(19)) {
            *count += u64::try_from(n).unwrap_or(0);
        }
    }
    Ok(bins)
}

/// Of a community's scored accounts about which people decided: how many are bots from a probability on, people from it
/// on, and bots below it. Those who are left alone are flagged by nothing.
pub(crate) async fn reviewed(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    from: Probability,
) -> Result<[u64; 3], StoreError> {
    let flagged = "s.exemption IS NULL AND s.probability_ppm >= $2";
    let query = format!(
        "SELECT CAST(COALESCE(SUM(CASE WHEN c.state = 1 AND {flagged} THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN c.state = 2 AND {flagged} THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN c.state = 1 AND NOT ({flagged}) THEN 1 ELSE 0 END), 0) AS bigint) \
         FROM bot_case c JOIN bot_score s ON s.community_id = c.community_id AND s.account_id = c.account_id \
         WHERE c.community_id = $1 AND c.state IN (1, 2) AND s.scored_n > 0"
    );
    let rows = sql::rows(conn, &query, vec![community.0.into(), from.stored().into()]).await?;
    let mut counts = [0; 3];
    if let Some(row) = rows.first() {
        for (place, count) in counts.iter_mut().enumerate() {
            *count = u64::try_from(row.try_get_by_index::<i64>(place)?).unwrap_or(0);
        }
    }
    Ok(counts)
}

/// How many accounts that nobody leaves alone have a probability from one on and below another.
pub(crate) async fn count_between(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    (least, below): (Probability, Probability),
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM bot_score WHERE community_id = $1 AND scored_n > 0 AND exemption IS NULL \
         AND probability_ppm >= $2 AND probability_ppm < $3",
        vec![
            community.0.into(),
            least.stored().into(),
            below.stored().into(),
        ],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Those among them that are surest, at most `limit`.
pub(crate) async fn surest_between(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    (least, below): (Probability, Probability),
    limit: u32,
) -> Result<Vec<(Seat, Scored)>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_score WHERE community_id = $1 AND scored_n > 0 AND exemption IS NULL \
         AND probability_ppm >= $2 AND probability_ppm < $3 ORDER BY probability_ppm DESC, account_id DESC LIMIT {limit}"
    );
    let values = vec![
        community.0.into(),
        least.stored().into(),
        below.stored().into(),
    ];
    let rows = sql::rows(conn, &query, values).await?;
    rows.iter().map(read).collect()
}

/// Writes how accounts were scored.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    scores: impl IntoIterator<Item = (Seat, Scored)>,
) -> Result<(), StoreError> {
    let values = scores.into_iter().map(|((community, account), score)| {
        vec![
            community.0.into(),
            account.0.into(),
            stored(score.n).into(),
            score.at.map(|at| at.0).into(),
            score.probability.stored().into(),
            score.by_rules.stored().into(),
            score.model.into(),
            score.exemption.map(Exemption::code).into(),
            score.predicted.map(Probability::stored).into(),
        ]
    });
    sql::insert(
        conn,
        concat!("INSERT INTO bot_score (community_id, account_id, ", found!(), ")"),
        values.collect(),
        " ON CONFLICT (community_id, account_id) DO UPDATE SET scored_n = excluded.scored_n, \
         scored_at = excluded.scored_at, probability_ppm = excluded.probability_ppm, \
         rule_ppm = excluded.rule_ppm, model_id = excluded.model_id, exemption = excluded.exemption, \
         predicted_ppm = excluded.predicted_ppm",
    )
    .await
}

/// Those of some communities in which anybody was scored or has a case.
pub(crate) async fn looked_at(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashSet<CommunityId>, StoreError> {
    let mut found = HashSet::new();
    if communities.is_empty() {
        return Ok(found);
    }
    let branch = |nth: usize| {
        format!(
            "SELECT CAST(${nth} AS integer) AS community_id \
             WHERE EXISTS (SELECT 1 FROM bot_score WHERE community_id = ${nth} AND scored_n > 0) \
             OR EXISTS (SELECT 1 FROM bot_case WHERE community_id = ${nth})"
        )
    };
    let values = communities.iter().map(|id| id.0.into()).collect();
    for row in sql::rows(conn, &sql::union(communities.len(), branch), values).await? {
        found.insert(CommunityId(row.try_get_by_index(0)?));
    }
    Ok(found)
}

/// Forgets by how many messages a community's accounts were scored, to find it anew. What was predicted stays known.
pub(crate) async fn empty(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    let query = "UPDATE bot_score SET scored_n = 0 WHERE community_id = $1";
    sql::execute(conn, query, vec![community.0.into()]).await?;
    Ok(())
}

/// Removes those of a community's accounts of which no state is left.
pub(crate) async fn remove_without_state(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    let query = "DELETE FROM bot_score WHERE community_id = $1 AND NOT EXISTS (SELECT 1 FROM bot_state s \
                 WHERE s.community_id = bot_score.community_id AND s.account_id = bot_score.account_id)";
    sql::execute(conn, query, vec![community.0.into()]).await?;
    Ok(())
}
