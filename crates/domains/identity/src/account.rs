//! Accounts on platforms. Every account belongs to a user; an account seen for the first time in
//! chat gets an unclaimed one.

use std::collections::HashMap;

use kernel::{AccountId, Platform, Timestamp, UserId};
use store::{StoreError, Work};

use crate::store as tables;

/// An account as the ingest pipeline met it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeenAccount {
    /// Where.
    pub platform: Platform,
    /// The platform's id.
    pub platform_user_id: String,
    /// The name it went by last.
    pub username: String,
    /// Whether the platform marks it as automated.
    pub is_bot: bool,
    /// When the platform says it was made.
    pub account_created_at: Option<Timestamp>,
}

/// Who an account is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// The account's row.
    pub account: AccountId,
    /// The person behind it.
    pub user: UserId,
}

/// An account for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformAccount {
    /// Its id.
    pub id: AccountId,
    /// The person behind it.
    pub user: UserId,
    /// Where.
    pub platform: Platform,
    /// The name it went by last.
    pub username: String,
    /// Whether the platform marks it as automated.
    pub is_bot: bool,
    /// When the platform says it was made.
    pub account_created_at: Option<Timestamp>,
}

/// An account that goes by another name than the one stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Who.
    pub who: Resolved,
    /// Where.
    pub platform: Platform,
    /// The platform's id.
    pub platform_user_id: String,
    /// The other name.
    pub username: String,
}

/// Who everybody in a batch is.
#[derive(Debug, Default)]
pub struct Resolution {
    /// By platform and the platform's id.
    pub people: HashMap<(Platform, String), Resolved>,
    /// Those whose name differs from the one stored, in one order for all processes. The caller
    /// knows whether it is a newer name or one from history, and then calls [`rename`].
    pub renamed: Vec<Renamed>,
}

/// Finds or makes the account and user of everybody in a batch, in the caller's transaction.
/// `seen` holds each (platform, id) once.
///
/// Two processes that meet a new account at the same instant collide: one gets
/// [`StoreError::Duplicate`] and does its batch again.
pub async fn resolve(work: &Work, seen: &[SeenAccount]) -> Result<Resolution, StoreError> {
    let mut found = Resolution {
        people: HashMap::with_capacity(seen.len()),
        renamed: Vec::new(),
    };
    for platform in Platform::ALL {
        let here: Vec<&SeenAccount> = seen.iter().filter(|s| s.platform == platform).collect();
        if here.is_empty() {
            continue;
        }
        let ids: Vec<&str> = here.iter().map(|s| s.platform_user_id.as_str()).collect();
        let known = tables::account::known(work.conn(), platform, &ids).await?;
        let mut missing = Vec::new();
        for account in here {
            let id = &account.platform_user_id;
            match known.get(id) {
                Some(row) => {
                    if row.username != account.username && !account.username.is_empty() {
                        found.renamed.push(Renamed {
                            who: row.resolved,
                            platform,
                            platform_user_id: id.clone(),
                            username: account.username.clone(),
                        });
                    }
                    found.people.insert((platform, id.clone()), row.resolved);
                }
                None => missing.push(account),
            }
        }
        // In one order for all, so that two processes that meet the same newcomers wait for each
        // other instead of for ever.
        missing.sort_unstable_by(|a, b| a.platform_user_id.cmp(&b.platform_user_id));
        for (id, resolved) in tables::account::insert(work.conn(), &missing, work.now()).await? {
            found.people.insert((platform, id), resolved);
        }
    }
    found.renamed.sort_unstable_by_key(|r| r.who.account);
    Ok(found)
}

/// Gives an account its newer name; an unclaimed person is called what the account is called.
pub async fn rename(work: &Work, renamed: &Renamed) -> Result<(), StoreError> {
    tables::account::rename(work.conn(), renamed.who.account, &renamed.username).await
}

/// The accounts of a platform by the platform's ids, as far as they are known; for the domains above, which authorise before
/// they ask. Nothing is made.
pub async fn accounts_called(
    conn: &impl sea_orm::ConnectionTrait,
    platform: Platform,
    ids: &[&str],
) -> Result<HashMap<String, AccountId>, StoreError> {
    let known = tables::account::known(conn, platform, ids).await?;
    let account = known
        .into_iter()
        .map(|(id, known)| (id, known.resolved.account));
    Ok(account.collect())
}

/// The accounts of a platform that have one of these names, however it is spelt (on SQLite only ASCII letters are folded), by id; for
/// the domains above, which authorise before they ask. `folded` are in lower case.
pub async fn accounts_named(
    conn: &impl sea_orm::ConnectionTrait,
    platform: Platform,
    folded: &[&str],
) -> Result<Vec<PlatformAccount>, StoreError> {
    tables::account::named(conn, platform, folded).await
}

/// Accounts by id, for the domains above, which authorise by community before they ask.
pub async fn accounts_by_id(
    conn: &impl sea_orm::ConnectionTrait,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, PlatformAccount>, StoreError> {
    let accounts = tables::account::by_ids(conn, ids).await?;
    Ok(accounts
        .into_iter()
        .map(|account| (account.id, account))
        .collect())
}

/// Accounts by id with all others of the same people, for the domains above, which authorise by community before they ask.
pub async fn accounts_with_others(
    conn: &impl sea_orm::ConnectionTrait,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, PlatformAccount>, StoreError> {
    let accounts = tables::account::with_others(conn, ids).await?;
    let by_id = accounts.into_iter().map(|account| (account.id, account));
    Ok(by_id.collect())
}

/// Accounts by person, for the domains above, which authorise by community before they ask.
pub async fn accounts_of(
    conn: &impl sea_orm::ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<PlatformAccount>>, StoreError> {
    let mut found: HashMap<UserId, Vec<PlatformAccount>> = HashMap::new();
    for account in tables::account::of_users(conn, users).await? {
        found.entry(account.user).or_default().push(account);
    }
    Ok(found)
}
