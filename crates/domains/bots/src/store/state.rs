//! Rows of `bot_state`: what is known of an account in a community, and how sure the program is.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{count, stored};
use crate::{Exemption, Probability};

/// Accounts in one list.
const IN_MAX: usize = 256;
/// Communities in one list.
const COMMUNITIES_MAX: usize = 64;

macro_rules! columns {
    () => {
        "community_id, account_id, n_messages, last_at, scored_n, scored_at, probability_ppm, rule_ppm, model_id, \
         exemption, predicted_ppm"
    };
}

/// Where an account is known.
pub(crate) type Seat = (CommunityId, AccountId);

/// A stored state.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Row {
    pub(crate) state: Vec<u8>,
    pub(crate) n_messages: u32,
    pub(crate) last_at: Timestamp,
    pub(crate) score: Scored,
}

/// How an account was scored last.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Scored {
    /// How many messages there were; 0 = it never was.
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
}

const COLUMNS: &str = columns!();

/// The statement for one account, which is asked for most: the text is always the same.
const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    ", state FROM bot_state WHERE community_id = $1 AND account_id = $2"
);

fn read(row: &QueryResult) -> Result<(Seat, Row), StoreError> {
    let seat = (
        CommunityId(row.try_get_by_index(0)?),
        AccountId(row.try_get_by_index(1)?),
    );
    let exemption: Option<i16> = row.try_get_by_index(9)?;
    let unknown = |code: i16| StoreError::Data(format!("unknown exemption {code}"));
    let known = |code: i16| Exemption::from_code(code).ok_or_else(|| unknown(code));
    let predicted: Option<i32> = row.try_get_by_index(10)?;
    let score = Scored {
        n: count(row.try_get_by_index(4)?),
        at: row.try_get_by_index::<Option<i64>>(5)?.map(Timestamp),
        probability: Probability::read(row.try_get_by_index(6)?),
        by_rules: Probability::read(row.try_get_by_index(7)?),
        model: row.try_get_by_index(8)?,
        exemption: exemption.map(known).transpose()?,
        predicted: predicted.map(Probability::read),
    };
    let row = Row {
        state: Vec::new(),
        n_messages: count(row.try_get_by_index(2)?),
        last_at: Timestamp(row.try_get_by_index(3)?),
        score,
    };
    Ok((seat, row))
}

fn read_whole(row: &QueryResult) -> Result<(Seat, Row), StoreError> {
    let (seat, mut read) = read(row)?;
    read.state = row.try_get_by_index(11)?;
    Ok((seat, read))
}

/// The row of an account in a community, with its state.
pub(crate) async fn one(
    conn: &impl ConnectionTrait,
    (community, account): Seat,
) -> Result<Option<Row>, StoreError> {
    let found = sql::row(conn, ONE, vec![community.0.into(), account.0.into()]).await?;
    let row = found.as_ref().map(read_whole).transpose()?;
    Ok(row.map(|(_, row)| row))
}

/// The rows of accounts in communities, with their states. Of each account those in all of the communities.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    accounts: &[AccountId],
) -> Result<Vec<(Seat, Row)>, StoreError> {
    // In a quiet hour there is one message to go through, again and again.
    if let ([community], [account]) = (communities, accounts) {
        let seat = (*community, *account);
        let found = one(conn, seat).await?;
        return Ok(found.map(|row| (seat, row)).into_iter().collect());
    }
    let mut found = Vec::with_capacity(accounts.len());
    for here in sql::parts(communities, COMMUNITIES_MAX) {
        for part in sql::parts(accounts, IN_MAX) {
            let query = format!(
                "SELECT {COLUMNS}, state FROM bot_state WHERE account_id IN ({}) AND community_id IN ({})",
                sql::marks(conn, 1, part.len()),
                sql::marks(conn, part.len() + 1, here.len())
            );
            let values = part.iter().map(|account| Value::from(account.0));
            let values = values.chain(here.iter().map(|community| community.0.into()));
            for row in sql::rows(conn, &query, values.collect()).await? {
                found.push(read_whole(&row)?);
            }
        }
    }
    Ok(found)
}

/// The rows of a community after an account, with their states, in the order of accounts.
pub(crate) async fn after(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    account: AccountId,
    least: u32,
    limit: u32,
) -> Result<Vec<(Seat, Row)>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS}, state FROM bot_state WHERE community_id = $1 AND account_id > $2 AND n_messages >= $3 \
         ORDER BY account_id LIMIT $4"
    );
    let values = vec![
        community.0.into(),
        account.0.into(),
        stored(least).into(),
        i64::from(limit).into(),
    ];
    let rows = sql::rows(conn, &query, values).await?;
    rows.iter().map(read_whole).collect()
}

/// Those of communities that were active since an instant, with their states: of each the last, at most `limit`.
pub(crate) async fn active_since(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    since: Timestamp,
    limit: u32,
) -> Result<Vec<(Seat, Row)>, StoreError> {
    if communities.is_empty() {
        return Ok(Vec::new());
    }
    let branch = |nth: usize| {
        format!(
            "SELECT {COLUMNS}, state FROM bot_state WHERE community_id = ${} AND last_at >= $1 \
             ORDER BY last_at DESC LIMIT {limit}",
            nth + 1
        )
    };
    let mut values: Vec<Value> = vec![since.0.into()];
    values.extend(communities.iter().map(|id| Value::from(id.0)));
    let rows = sql::rows(conn, &sql::union(communities.len(), branch), values).await?;
    rows.iter().map(read_whole).collect()
}

/// A page of those that were scored, the surest first; from one probability on and below another.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    (least, below): (Probability, Option<Probability>),
    page: &PageRequest,
) -> Result<Vec<(Seat, Row)>, StoreError> {
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
        "SELECT {COLUMNS} FROM bot_state WHERE community_id = $1 AND scored_n > 0 AND probability_ppm >= $2 \
         AND probability_ppm < $3 {after} ORDER BY probability_ppm DESC, account_id DESC LIMIT {}",
        page.fetch()
    );
    let rows = sql::rows(conn, &query, values).await?;
    rows.iter().map(read).collect()
}

/// Those of some accounts that were scored in a community.
pub(crate) async fn scored(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[AccountId],
) -> Result<Vec<(Seat, Row)>, StoreError> {
    let mut found = Vec::with_capacity(accounts.len());
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM bot_state WHERE account_id IN ({}) AND community_id = {} AND scored_n > 0",
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
         FROM bot_state WHERE community_id = $1 AND scored_n > 0 GROUP BY probability_ppm / 50000",
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
         FROM bot_case c JOIN bot_state s ON s.community_id = c.community_id AND s.account_id = c.account_id \
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
        "SELECT COUNT(*) FROM bot_state WHERE community_id = $1 AND scored_n > 0 AND exemption IS NULL \
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
) -> Result<Vec<(Seat, Row)>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_state WHERE community_id = $1 AND scored_n > 0 AND exemption IS NULL \
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

/// How many states a community has with at least so many messages.
pub(crate) async fn how_many(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    least: u32,
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM bot_state WHERE community_id = $1 AND n_messages >= $2",
        vec![community.0.into(), stored(least).into()],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Writes rows, with their states.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = (Seat, Row)>,
) -> Result<(), StoreError> {
    let values = rows.into_iter().map(|((community, account), row)| {
        let mut values: Vec<Value> = vec![
            community.0.into(),
            account.0.into(),
            row.state.into(),
            stored(row.n_messages).into(),
            row.last_at.0.into(),
        ];
        values.extend(of_score(&row.score));
        values
    });
    sql::insert(
        conn,
        "INSERT INTO bot_state (community_id, account_id, state, n_messages, last_at, scored_n, scored_at, \
         probability_ppm, rule_ppm, model_id, exemption, predicted_ppm)",
        values.collect(),
        " ON CONFLICT (community_id, account_id) DO UPDATE SET state = excluded.state, \
         n_messages = excluded.n_messages, last_at = excluded.last_at, scored_n = excluded.scored_n, \
         scored_at = excluded.scored_at, probability_ppm = excluded.probability_ppm, \
         rule_ppm = excluded.rule_ppm, model_id = excluded.model_id, exemption = excluded.exemption, \
         predicted_ppm = excluded.predicted_ppm",
    )
    .await
}

fn of_score(score: &Scored) -> [Value; 7] {
    [
        stored(score.n).into(),
        score.at.map(|at| at.0).into(),
        score.probability.stored().into(),
        score.by_rules.stored().into(),
        score.model.into(),
        score.exemption.map(Exemption::code).into(),
        score.predicted.map(Probability::stored).into(),
    ]
}

/// Writes how accounts of a community were scored, and leaves their states.
pub(crate) async fn put_scores(
    conn: &impl ConnectionTrait,
    scores: &[(Seat, Scored)],
) -> Result<(), StoreError> {
    let values = scores.iter().map(|((community, account), score)| {
        let mut values: Vec<Value> = vec![community.0.into(), account.0.into()];
        values.extend(of_score(score));
        values
    });
    sql::update(
        conn,
        "UPDATE bot_state SET scored_n = v.column3, scored_at = v.column4, probability_ppm = v.column5, \
         rule_ppm = v.column6, model_id = v.column7, exemption = v.column8, predicted_ppm = v.column9 FROM (",
        values.collect(),
        ") AS v WHERE bot_state.community_id = v.column1 AND bot_state.account_id = v.column2",
    )
    .await
}

/// Forgets what a community's states were made of, to make them anew.
pub(crate) async fn empty(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_state SET state = $2, n_messages = 0, scored_n = 0 WHERE community_id = $1",
        vec![community.0.into(), Vec::<u8>::new().into()],
    )
    .await?;
    Ok(())
}

/// Removes those of a community of which no message is left.
pub(crate) async fn remove_empty(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_state WHERE community_id = $1 AND n_messages = 0",
        vec![community.0.into()],
    )
    .await?;
    Ok(())
}
