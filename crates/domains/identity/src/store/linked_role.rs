//! Rows of `linked_role`: what providers are told that roles there may depend on.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, LinkId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{IN_MAX, community::platform as platform_of, placeholders};
use crate::{AccountShare, Audience, Facet, RoleState, Visibility};

/// A row with what is known of its owner.
pub(crate) struct Row {
    pub(crate) account: AccountId,
    pub(crate) link: LinkId,
    pub(crate) user: UserId,
    pub(crate) platform: Platform,
    pub(crate) provider: String,
    pub(crate) name: String,
    pub(crate) is_verified: bool,
    pub(crate) n_providers: i64,
    pub(crate) is_stopped: bool,
    pub(crate) state: RoleState,
    pub(crate) told_hash: Option<String>,
    pub(crate) told_at: Option<Timestamp>,
    pub(crate) trouble: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) next_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Stored {
    account_id: i64,
    link_id: i32,
    user_id: i32,
    platform: i16,
    provider: String,
    name: String,
    is_verified: bool,
    n_providers: i64,
    is_stopped: bool,
    state: i16,
    told_hash: Option<String>,
    told_at: Option<i64>,
    trouble: Option<String>,
    attempts: i32,
    next_at: Option<i64>,
}

impl TryFrom<Stored> for Row {
    type Error = StoreError;

    fn try_from(row: Stored) -> Result<Self, StoreError> {
        let state = RoleState::from_code(row.state)
            .ok_or_else(|| StoreError::Data(format!("unknown state of roles {}", row.state)))?;
        Ok(Self {
            account: AccountId(row.account_id),
            link: LinkId(row.link_id),
            user: UserId(row.user_id),
            platform: platform_of(row.platform)?,
            provider: row.provider,
            name: row.name,
            is_verified: row.is_verified,
            n_providers: row.n_providers,
            is_stopped: row.is_stopped,
            state,
            told_hash: row.told_hash,
            told_at: row.told_at.map(Timestamp),
            trouble: row.trouble,
            attempts: row.attempts,
            next_at: row.next_at.map(Timestamp),
        })
    }
}

const SELECT: &str = "SELECT r.account_id, r.link_id, l.user_id, a.platform, l.provider, \
     u.display_name AS name, \
     EXISTS (SELECT 1 FROM verified_email v WHERE v.user_id = u.id \
       AND v.address_folded = u.email_folded) AS is_verified, \
     (SELECT COUNT(DISTINCT o.provider) FROM identity_link o WHERE o.user_id = u.id) AS n_providers, \
     r.is_stopped, r.state, r.told_hash, r.told_at, r.trouble, r.attempts, r.next_at \
     FROM linked_role r JOIN identity_link l ON l.id = r.link_id \
     JOIN platform_account a ON a.id = r.account_id JOIN users u ON u.id = l.user_id";

/// Those of a provider that are to be looked at, those that wait longest first.
pub(crate) async fn due(
    conn: &impl ConnectionTrait,
    provider: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let rows: Vec<Stored> = sql::all(
        conn,
        &format!(
            "{SELECT} WHERE l.provider = $1 AND r.next_at <= $2 \
             ORDER BY r.next_at, r.account_id LIMIT $3"
        ),
        vec![provider.into(), now.0.into(), limit.into()],
    )
    .await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// Those of a person.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Row>, StoreError> {
    let rows: Vec<Stored> = sql::all(
        conn,
        &format!("{SELECT} WHERE l.user_id = $1 ORDER BY r.account_id LIMIT 100"),
        vec![user.0.into()],
    )
    .await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// Adds rows for links of a provider that allow a scope, of one person or of all; answers how many.
pub(crate) async fn enlist(
    conn: &impl ConnectionTrait,
    (provider, scope): (&str, &str),
    user: Option<UserId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut values: Vec<Value> = vec![provider.into(), format!("% {scope} %").into(), now.0.into()];
    let theirs = match user {
        Some(user) => {
            values.push(user.0.into());
            " AND l.user_id = $4"
        }
        None => "",
    };
    let query = format!(
        "INSERT INTO linked_role (account_id, link_id, is_stopped, state, attempts, next_at) \
         SELECT l.account_id, l.id, FALSE, 1, 0, CAST($3 AS bigint) FROM identity_link l \
         WHERE l.provider = $1 AND l.account_id IS NOT NULL \
         AND ' ' || l.scopes || ' ' LIKE $2{theirs} \
         AND NOT EXISTS (SELECT 1 FROM linked_role r WHERE r.link_id = l.id) \
         ON CONFLICT DO NOTHING"
    );
    sql::execute(conn, &query, values).await
}

/// Removes rows whose link does not allow the scope any more.
pub(crate) async fn delist(
    conn: &impl ConnectionTrait,
    (provider, scope): (&str, &str),
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM linked_role WHERE link_id IN (SELECT l.id FROM identity_link l \
         WHERE l.provider = $1 AND ' ' || l.scopes || ' ' NOT LIKE $2)",
        vec![provider.into(), format!("% {scope} %").into()],
    )
    .await?;
    Ok(())
}

/// Something changed about a person: their rows are looked at now. How many there are.
pub(crate) async fn nudge(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "UPDATE linked_role SET next_at = $2, attempts = 0 WHERE NOT is_stopped \
         AND link_id IN (SELECT id FROM identity_link WHERE user_id = $1) \
         AND (next_at IS NULL OR next_at > $2)",
        vec![user.0.into(), now.0.into()],
    )
    .await
}

/// Their owner wants them told, or taken back; what was told counts as forgotten, so that it is said
/// again. Whether there is such a row.
pub(crate) async fn decide(
    conn: &impl ConnectionTrait,
    (user, link): (UserId, LinkId),
    is_stopped: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE linked_role SET is_stopped = $3, state = 1, told_hash = NULL, trouble = NULL, \
         attempts = 0, next_at = $4 \
         WHERE link_id = $1 AND link_id IN (SELECT id FROM identity_link WHERE user_id = $2)",
        vec![
            link.0.into(),
            user.0.into(),
            is_stopped.into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(n == 1)
}

/// What becomes of a row.
pub(crate) struct Change<'a> {
    pub(crate) state: RoleState,
    /// What was to be told.
    pub(crate) wanted: &'a str,
    /// Whether it was told just now.
    pub(crate) told_at: Option<Timestamp>,
    pub(crate) trouble: Option<&'a str>,
    pub(crate) attempts: i32,
    pub(crate) next_at: Option<Timestamp>,
}

/// Moves the next look from the instant that was read to another; of several at once exactly one
/// does. What is wanted is written down before it is told, so that it can be taken back.
pub(crate) async fn claim(
    conn: &impl ConnectionTrait,
    account: AccountId,
    seen: Timestamp,
    until: Timestamp,
    wanted: &str,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE linked_role SET next_at = $3, wanted_hash = $4 \
         WHERE account_id = $1 AND next_at = $2",
        vec![
            account.0.into(),
            seen.0.into(),
            until.0.into(),
            wanted.into(),
        ],
    )
    .await?;
    Ok(n == 1)
}

/// Writes down what came of a row whose next look was claimed; a look that was asked for meanwhile
/// stays.
pub(crate) async fn settle(
    conn: &impl ConnectionTrait,
    account: AccountId,
    claim: Timestamp,
    change: &Change<'_>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE linked_role SET state = $3, \
         told_hash = CASE WHEN CAST($5 AS bigint) IS NULL THEN told_hash ELSE $4 END, \
         told_at = COALESCE(CAST($5 AS bigint), told_at), trouble = $6, attempts = $7, \
         next_at = CASE WHEN next_at = $2 THEN CAST($8 AS bigint) ELSE next_at END \
         WHERE account_id = $1",
        vec![
            account.0.into(),
            claim.0.into(),
            change.state.code().into(),
            change.wanted.into(),
            change.told_at.map(|at| at.0).into(),
            change.trouble.into(),
            change.attempts.into(),
            change.next_at.map(|at| at.0).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Whether a provider may have been told something of this link. What was stopped and taken back
/// counts too: taking it back twice costs nothing.
pub(crate) async fn was_told(
    conn: &impl ConnectionTrait,
    link: LinkId,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql::optional(
        conn,
        "SELECT account_id FROM linked_role WHERE link_id = $1 \
         AND (wanted_hash IS NOT NULL OR told_at IS NOT NULL)",
        vec![link.0.into()],
    )
    .await?;
    Ok(found.is_some())
}

/// Removes the row of a link.
pub(crate) async fn delete(conn: &impl ConnectionTrait, link: LinkId) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM linked_role WHERE link_id = $1",
        vec![link.0.into()],
    )
    .await?;
    Ok(())
}

/// Removes the rows of a person.
pub(crate) async fn delete_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM linked_role WHERE account_id IN \
         (SELECT id FROM platform_account WHERE user_id = $1)",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}

/// What one account of somebody earned and lost, and on which platform.
pub(crate) type Share = (Platform, AccountShare);

/// For each person: what their accounts earned and lost, and since when each exists.
pub(crate) async fn shares(
    conn: &impl ConnectionTrait,
    users: &[UserId],
    now: Timestamp,
) -> Result<HashMap<UserId, Vec<Share>>, StoreError> {
    let mut found: HashMap<UserId, Vec<Share>> = HashMap::with_capacity(users.len());
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT a.user_id, CAST(SUM(r.change) AS bigint), \
             COALESCE(a.account_created_at, a.first_seen_at), a.platform \
             FROM platform_account a JOIN reputation r ON r.account_id = a.id \
             WHERE a.user_id IN ({}) \
             GROUP BY a.user_id, a.id, a.platform, a.account_created_at, a.first_seen_at",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| Value::from(user.0)).collect();
        for row in sql::rows(conn, &query, values).await? {
            let user = UserId(row.try_get_by_index(0)?);
            let since = Timestamp(row.try_get_by_index(2)?);
            let platform = platform_of(row.try_get_by_index(3)?)?;
            let share = AccountShare::since(row.try_get_by_index(1)?, since, now);
            found.entry(user).or_default().push((platform, share));
        }
    }
    Ok(found)
}

/// What people decided about who sees what of them.
pub(crate) async fn visibility(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Visibility>, StoreError> {
    let unknown = || StoreError::Data("an unknown facet or audience".to_owned());
    let mut found: HashMap<UserId, Visibility> = HashMap::with_capacity(users.len());
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT user_id, platform, facet, audience FROM visibility WHERE user_id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| Value::from(user.0)).collect();
        for row in sql::rows(conn, &query, values).await? {
            let user = UserId(row.try_get_by_index(0)?);
            let platform = platform_of(row.try_get_by_index(1)?)?;
            let facet = Facet::from_code(row.try_get_by_index(2)?).ok_or_else(unknown)?;
            let audience = Audience::from_code(row.try_get_by_index(3)?).ok_or_else(unknown)?;
            found
                .entry(user)
                .or_default()
                .set(platform, facet, audience);
        }
    }
    Ok(found)
}
