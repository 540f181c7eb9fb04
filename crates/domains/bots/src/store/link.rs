//! Rows of `bot_link`: who linked to which listed domain, and the domains that anything is said about.

use std::collections::{BTreeMap, HashSet};

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, Value};

use super::{IN_MAX, count, placeholders, state::Seat, stored};

/// Accounts and communities in one list.
const SEATS_MAX: usize = 256;
/// The most that are found of those that link to one domain, the latest.
const LINKING_MAX: i64 = 500;

/// How often an account led to a domain, and when it did last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) domain: String,
    pub(crate) n: u32,
    pub(crate) last_at: Timestamp,
}

/// Those of some domains that a list or a correction anywhere has.
pub(crate) async fn mentioned(
    conn: &impl ConnectionTrait,
    domains: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for part in domains.chunks(IN_MAX) {
        for table in ["bot_list_entry", "bot_list_correction"] {
            let query = format!(
                "SELECT DISTINCT value FROM {table} WHERE value IN ({})",
                placeholders(1, part.len())
            );
            let keys = part.iter().map(|domain| Value::from(*domain)).collect();
            for row in sql::rows(conn, &query, keys).await? {
                found.insert(row.try_get_by_index(0)?);
            }
        }
    }
    Ok(found)
}

/// Adds to what is known.
pub(crate) async fn add(
    conn: &impl ConnectionTrait,
    links: &BTreeMap<(Seat, String), (u32, Timestamp)>,
) -> Result<(), StoreError> {
    let rows = links.iter().map(|((seat, domain), (n, last_at))| {
        vec![
            seat.0.0.into(),
            seat.1.0.into(),
            domain.clone().into(),
            stored(*n).into(),
            last_at.0.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO bot_link (community_id, account_id, domain, n, last_at)",
        rows.collect(),
        " ON CONFLICT (community_id, account_id, domain) DO UPDATE SET n = bot_link.n + excluded.n, \
         last_at = CASE WHEN excluded.last_at > bot_link.last_at THEN excluded.last_at ELSE bot_link.last_at END",
    )
    .await?;
    Ok(())
}

/// What accounts led to, of each account in all of the communities.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    accounts: &[AccountId],
) -> Result<BTreeMap<Seat, Vec<Row>>, StoreError> {
    let mut found: BTreeMap<Seat, Vec<Row>> = BTreeMap::new();
    for here in sql::parts(communities, SEATS_MAX) {
        for part in sql::parts(accounts, SEATS_MAX) {
            let query = format!(
                "SELECT community_id, account_id, domain, n, last_at FROM bot_link \
                 WHERE account_id IN ({}) AND community_id IN ({}) ORDER BY community_id, account_id, domain",
                sql::marks(conn, 1, part.len()),
                sql::marks(conn, part.len() + 1, here.len())
            );
            let accounts = part.iter().map(|account| Value::from(account.0));
            let values = accounts.chain(here.iter().map(|community| community.0.into()));
            for row in sql::rows(conn, &query, values.collect()).await? {
                let seat = (
                    CommunityId(row.try_get_by_index(0)?),
                    AccountId(row.try_get_by_index(1)?),
                );
                found.entry(seat).or_default().push(Row {
                    domain: row.try_get_by_index(2)?,
                    n: count(row.try_get_by_index(3)?),
                    last_at: Timestamp(row.try_get_by_index(4)?),
                });
            }
        }
    }
    Ok(found)
}

/// The accounts that led to a domain or to one below it, the latest first; in one community or in all.
pub(crate) async fn linking(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    domain: &str,
) -> Result<Vec<AccountId>, StoreError> {
    let scope = community.map_or(0, |community| community.0);
    let below = format!(".{domain}");
    let length = i32::try_from(below.len()).unwrap_or(i32::MAX);
    let rows = sql::rows(
        conn,
        &format!(
            "SELECT account_id FROM bot_link WHERE ($1 = 0 OR community_id = $1) AND (domain = $2 OR \
             SUBSTR(domain, LENGTH(domain) - $3 + 1) = $4) GROUP BY account_id \
             ORDER BY MAX(last_at) DESC, account_id LIMIT {LINKING_MAX}"
        ),
        vec![scope.into(), domain.into(), length.into(), below.into()],
    )
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(AccountId(row.try_get_by_index(0)?));
    }
    Ok(found)
}

/// Forgets those of a community, to count them anew.
pub(crate) async fn empty(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    let query = "DELETE FROM bot_link WHERE community_id = $1";
    sql::execute(conn, query, vec![community.0.into()]).await?;
    Ok(())
}

/// Forgets what was last before an instant.
pub(crate) async fn remove_old(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<(), StoreError> {
    let query = "DELETE FROM bot_link WHERE last_at < $1";
    sql::execute(conn, query, vec![before.0.into()]).await?;
    Ok(())
}
