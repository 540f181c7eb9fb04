//! Rows of `bot_state`: what is known of an account in a community, read with how it was scored last.
//!
//! Must never be written but by who holds the progress and raises the turn of the community (`scene::put`, `scene::turn`) in the same unit
//! of work: by it others know whether what they remember still holds.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    count,
    score::{Scored, found},
    stored,
};

/// Accounts in one list.
const IN_MAX: usize = 256;
/// Communities in one list.
const COMMUNITIES_MAX: usize = 64;

/// Where an account is known.
pub(crate) type Seat = (CommunityId, AccountId);

/// A stored state.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Row {
    pub(crate) state: Vec<u8>,
    pub(crate) n_messages: u32,
    pub(crate) last_at: Timestamp,
    /// As it is kept beside; nothing where it never was.
    pub(crate) score: Scored,
}

/// States called `s` with their scores.
macro_rules! select {
    ($states:literal) => {
        concat!(
            "SELECT s.community_id, s.account_id, s.n_messages, s.last_at, s.state, ",
            found!(),
            " FROM ",
            $states,
            " s LEFT JOIN bot_score c ON c.community_id = s.community_id AND c.account_id = s.account_id"
        )
    };
}

const SELECT: &str = select!("bot_state");

/// The statement for one account, which is asked for most: the text is always the same.
const ONE: &str = concat!(
    select!("bot_state"),
    " WHERE s.community_id = $1 AND s.account_id = $2"
);

/// The statement for a page.
const PAGE: &str = "SELECT community_id, account_id, n_messages, last_at, state FROM bot_state \
     WHERE community_id = $1 AND account_id > $2 AND n_messages >= $3 ORDER BY account_id LIMIT $4";

fn read(row: &QueryResult) -> Result<(Seat, Row), StoreError> {
    let (seat, mut found) = read_state(row)?;
    found.score = Scored::read(row, 5)?.unwrap_or_default();
    Ok((seat, found))
}

fn read_state(row: &QueryResult) -> Result<(Seat, Row), StoreError> {
    let seat = (
        CommunityId(row.try_get_by_index(0)?),
        AccountId(row.try_get_by_index(1)?),
    );
    let row = Row {
        n_messages: count(row.try_get_by_index(2)?),
        last_at: Timestamp(row.try_get_by_index(3)?),
        state: row.try_get_by_index(4)?,
        score: Scored::default(),
    };
    Ok((seat, row))
}

/// The state of an account in a community, and nothing else.
pub(crate) async fn alone(
    conn: &impl ConnectionTrait,
    (community, account): Seat,
) -> Result<Option<Vec<u8>>, StoreError> {
    let query = "SELECT state FROM bot_state WHERE community_id = $1 AND account_id = $2";
    sql::optional(conn, query, vec![community.0.into(), account.0.into()]).await
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
        let values = vec![seat.0.0.into(), seat.1.0.into()];
        let found = sql::row(conn, ONE, values).await?;
        return found.iter().map(read).collect();
    }
    let mut found = Vec::with_capacity(accounts.len());
    for here in sql::parts(communities, COMMUNITIES_MAX) {
        for part in sql::parts(accounts, IN_MAX) {
            let query = format!(
                "{SELECT} WHERE s.account_id IN ({}) AND s.community_id IN ({})",
                sql::marks(conn, 1, part.len()),
                sql::marks(conn, part.len() + 1, here.len())
            );
            let values = part.iter().map(|account| Value::from(account.0));
            let values = values.chain(here.iter().map(|community| community.0.into()));
            for row in sql::rows(conn, &query, values.collect()).await? {
                found.push(read(&row)?);
            }
        }
    }
    Ok(found)
}

/// How much an account said somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SaidIn {
    pub(crate) seat: Seat,
    pub(crate) n_messages: u32,
    pub(crate) is_scored: bool,
}

/// How much accounts said, wherever they are known.
pub(crate) async fn said(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
) -> Result<Vec<SaidIn>, StoreError> {
    let mut found = Vec::new();
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT s.community_id, s.account_id, s.n_messages, COALESCE(c.scored_n, 0) FROM bot_state s \
             LEFT JOIN bot_score c ON c.community_id = s.community_id AND c.account_id = s.account_id \
             WHERE s.account_id IN ({})",
            sql::marks(conn, 1, part.len())
        );
        let values = part.iter().map(|account| account.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            let scored_n: i32 = row.try_get_by_index(3)?;
            found.push(SaidIn {
                seat: (
                    CommunityId(row.try_get_by_index(0)?),
                    AccountId(row.try_get_by_index(1)?),
                ),
                n_messages: count(row.try_get_by_index(2)?),
                is_scored: scored_n > 0,
            });
        }
    }
    Ok(found)
}

/// The rows of a community after an account, with their states and without how they were scored, in the order of accounts.
pub(crate) async fn after(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    account: AccountId,
    least: u32,
    limit: u32,
) -> Result<Vec<(Seat, Row)>, StoreError> {
    let values = vec![
        community.0.into(),
        account.0.into(),
        stored(least).into(),
        i64::from(limit).into(),
    ];
    let rows = sql::rows(conn, PAGE, values).await?;
    rows.iter().map(read_state).collect()
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
            "SELECT community_id, account_id, n_messages, last_at, state FROM bot_state \
             WHERE community_id = ${} AND last_at >= $1 ORDER BY last_at DESC LIMIT {limit}",
            nth + 1
        )
    };
    let query = format!(
        select!("({states})"),
        states = sql::union(communities.len(), branch)
    );
    let mut values: Vec<Value> = vec![since.0.into()];
    values.extend(communities.iter().map(|id| Value::from(id.0)));
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

/// Writes states; how they were scored is written beside.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = (Seat, Row)>,
) -> Result<(), StoreError> {
    let values = rows.into_iter().map(|((community, account), row)| {
        vec![
            community.0.into(),
            account.0.into(),
            row.state.into(),
            stored(row.n_messages).into(),
            row.last_at.0.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO bot_state (community_id, account_id, state, n_messages, last_at)",
        values.collect(),
        " ON CONFLICT (community_id, account_id) DO UPDATE SET state = excluded.state, \
         n_messages = excluded.n_messages, last_at = excluded.last_at",
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
        "UPDATE bot_state SET state = $2, n_messages = 0 WHERE community_id = $1",
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
