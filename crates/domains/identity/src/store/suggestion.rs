//! Rows of `account_name`, `merge_suggestion` and `suggestion_dismissal`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{community::platform as platform_of, placeholders};
use crate::suggestion::{AccountPair, Judgement, Party, Sign, Suggestion, Unlike};

/// An account with its names.
#[derive(FromQueryResult)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) is_bot: bool,
    pub(crate) is_erased: bool,
    /// What its owner is called here, if they sign in.
    pub(crate) display: Option<String>,
    pub(crate) handle: Option<String>,
}

/// Accounts in order of id.
pub(crate) async fn named_after(
    conn: &impl ConnectionTrait,
    after: i64,
    limit: i64,
) -> Result<Vec<Named>, StoreError> {
    sql::all(
        conn,
        "SELECT a.id, a.username, a.is_bot, a.platform_user_id LIKE 'erased:%' AS is_erased, \
           CASE WHEN u.claimed_at IS NULL THEN NULL ELSE u.display_name END AS display, p.handle \
         FROM platform_account a JOIN users u ON u.id = a.user_id \
         LEFT JOIN profile p ON p.user_id = a.user_id \
         WHERE a.id > $1 ORDER BY a.id LIMIT $2",
        vec![after.into(), limit.into()],
    )
    .await
}

pub(crate) async fn keys_between(
    conn: &impl ConnectionTrait,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT account_id, name_key FROM account_name WHERE account_id BETWEEN $1 AND $2",
        vec![first.into(), last.into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

pub(crate) async fn delete_key(
    conn: &impl ConnectionTrait,
    account: i64,
    key: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM account_name WHERE account_id = $1 AND name_key = $2",
        vec![account.into(), key.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn insert_keys(
    conn: &impl ConnectionTrait,
    keys: Vec<(i64, String)>,
) -> Result<(), StoreError> {
    let rows = keys
        .into_iter()
        .map(|(account, key)| vec![account.into(), key.into()]);
    sql::insert(
        conn,
        "INSERT INTO account_name (account_id, name_key)",
        rows.collect(),
        " ON CONFLICT DO NOTHING",
    )
    .await
}

/// Names that two accounts or more have, but not more than so many, in order.
pub(crate) async fn shared_keys(
    conn: &impl ConnectionTrait,
    after: &str,
    holders_max: i64,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT name_key FROM account_name WHERE name_key > $1 GROUP BY name_key \
         HAVING COUNT(*) BETWEEN 2 AND $2 ORDER BY name_key LIMIT $3",
        vec![after.into(), holders_max.into(), limit.into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// An account that has a name.
pub(crate) struct Holder {
    pub(crate) key: String,
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) platform: Platform,
    pub(crate) username: String,
    pub(crate) display: Option<String>,
    pub(crate) handle: Option<String>,
    pub(crate) picture: Option<String>,
}

#[derive(FromQueryResult)]
struct HolderRow {
    name_key: String,
    id: i64,
    user_id: i32,
    platform: i16,
    username: String,
    display: Option<String>,
    handle: Option<String>,
    picture: Option<String>,
}

/// Who has some names.
pub(crate) async fn holders(
    conn: &impl ConnectionTrait,
    keys: &[String],
) -> Result<Vec<Holder>, StoreError> {
    let query = format!(
        "SELECT n.name_key, a.id, a.user_id, a.platform, a.username, \
           CASE WHEN u.claimed_at IS NULL THEN NULL ELSE u.display_name END AS display, p.handle, \
           (SELECT MIN(l.avatar) FROM identity_link l \
            WHERE l.user_id = a.user_id AND l.account_id = a.id) AS picture \
         FROM account_name n JOIN platform_account a ON a.id = n.account_id \
         JOIN users u ON u.id = a.user_id LEFT JOIN profile p ON p.user_id = a.user_id \
         WHERE n.name_key IN ({}) ORDER BY n.name_key, a.id",
        placeholders(1, keys.len())
    );
    let values: Vec<Value> = keys.iter().map(|key| key.clone().into()).collect();
    let rows: Vec<HolderRow> = sql::all(conn, &query, values).await?;
    let holder = |row: HolderRow| {
        Ok(Holder {
            key: row.name_key,
            account: AccountId(row.id),
            user: UserId(row.user_id),
            platform: platform_of(row.platform)?,
            username: row.username,
            display: row.display,
            handle: row.handle,
            picture: row.picture,
        })
    };
    rows.into_iter().map(holder).collect()
}

/// Writes a pair down; of several names in one run the strongest counts.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    pair: AccountPair,
    judged: &Judgement,
    run: Timestamp,
) -> Result<(), StoreError> {
    let signs: Vec<&str> = judged.signs.iter().map(|sign| sign.as_str()).collect();
    sql::execute(
        conn,
        "INSERT INTO merge_suggestion \
           (community_id, low_account, high_account, confidence, signs, found_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) \
         ON CONFLICT (community_id, low_account, high_account) DO UPDATE SET \
         confidence = excluded.confidence, signs = excluded.signs, seen_at = excluded.seen_at \
         WHERE merge_suggestion.seen_at < excluded.seen_at \
            OR merge_suggestion.confidence < excluded.confidence",
        vec![
            community.0.into(),
            pair.low().0.into(),
            pair.high().0.into(),
            i16::from(judged.confidence).into(),
            signs.join(" ").into(),
            run.0.into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_before(
    conn: &impl ConnectionTrait,
    run: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM merge_suggestion WHERE seen_at < $1",
        vec![run.0.into()],
    )
    .await
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    community_id: i32,
    confidence: i16,
    signs: String,
    found_at: i64,
    low_account: i64,
    low_user: i32,
    low_platform: i16,
    low_name: String,
    low_claimed: bool,
    high_account: i64,
    high_user: i32,
    high_platform: i16,
    high_name: String,
    high_claimed: bool,
    dismissed_by: Option<i32>,
    dismissed_at: Option<i64>,
}

impl TryFrom<Row> for Suggestion {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let signs = row.signs.split(' ').filter_map(Sign::from_name).collect();
        Ok(Self {
            id: row.id,
            community: CommunityId(row.community_id),
            low: Party {
                account: AccountId(row.low_account),
                user: UserId(row.low_user),
                platform: platform_of(row.low_platform)?,
                username: row.low_name,
                is_claimed: row.low_claimed,
            },
            high: Party {
                account: AccountId(row.high_account),
                user: UserId(row.high_user),
                platform: platform_of(row.high_platform)?,
                username: row.high_name,
                is_claimed: row.high_claimed,
            },
            confidence: u8::try_from(row.confidence).unwrap_or(0),
            signs,
            found_at: Timestamp(row.found_at),
            unlike: row.dismissed_at.map(|at| Unlike {
                by: row.dismissed_by.map(UserId),
                at: Timestamp(at),
            }),
        })
    }
}

/// What is asked of a pair; the dismissal is the one that the second part joins as `d`.
const SELECT: &str = "SELECT s.id, s.community_id, s.confidence, s.signs, s.found_at, \
     s.low_account, a.user_id AS low_user, a.platform AS low_platform, a.username AS low_name, \
     ua.claimed_at IS NOT NULL AS low_claimed, \
     s.high_account, b.user_id AS high_user, b.platform AS high_platform, b.username AS high_name, \
     ub.claimed_at IS NOT NULL AS high_claimed, d.dismissed_by, d.dismissed_at \
     FROM merge_suggestion s JOIN platform_account a ON a.id = s.low_account \
     JOIN platform_account b ON b.id = s.high_account \
     JOIN users ua ON ua.id = a.user_id JOIN users ub ON ub.id = b.user_id \
     LEFT JOIN suggestion_dismissal d ON d.low_account = s.low_account \
     AND d.high_account = s.high_account";
/// By the community's moderators.
const BY_MODERATORS: &str = "AND d.community_id = s.community_id AND d.account_id = 0";

fn suggestions(rows: Vec<Row>) -> Result<Vec<Suggestion>, StoreError> {
    rows.into_iter().map(Suggestion::try_from).collect()
}

/// A community's pairs, the surest first.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    is_dismissed: bool,
    page: &PageRequest,
) -> Result<Vec<Suggestion>, StoreError> {
    let (confidence, id) = page.cursor().map_or((i16::MAX, i64::MAX), |cursor| {
        (cursor.key.parse().unwrap_or(i16::MAX), cursor.id)
    });
    let dismissed = if is_dismissed {
        "IS NOT NULL"
    } else {
        "IS NULL"
    };
    let rows = sql::all(
        conn,
        &format!(
            "{SELECT} {BY_MODERATORS} WHERE s.community_id = $1 AND a.user_id <> b.user_id \
             AND d.dismissed_at {dismissed} AND (s.confidence, s.id) < ($2, $3) \
             ORDER BY s.confidence DESC, s.id DESC LIMIT $4"
        ),
        vec![
            community.0.into(),
            confidence.into(),
            id.into(),
            i64::try_from(page.fetch()).unwrap_or(101).into(),
        ],
    )
    .await?;
    suggestions(rows)
}

/// The ids of a person's accounts.
const OWN: &str = "(SELECT id FROM platform_account WHERE user_id = $1)";

/// A person's pairs in a community, dismissed ones too, the surest first.
pub(crate) async fn of_member(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    limit: i64,
) -> Result<Vec<Suggestion>, StoreError> {
    let rows = sql::all(
        conn,
        &format!(
            "{SELECT} {BY_MODERATORS} WHERE s.community_id = $2 AND a.user_id <> b.user_id \
             AND (s.low_account IN {OWN} OR s.high_account IN {OWN}) \
             ORDER BY s.confidence DESC, s.id DESC LIMIT $3"
        ),
        vec![user.0.into(), community.0.into(), limit.into()],
    )
    .await?;
    suggestions(rows)
}

/// A person's pairs everywhere, with what they said of them themselves, the surest first.
pub(crate) async fn of_person(
    conn: &impl ConnectionTrait,
    user: UserId,
    limit: i64,
) -> Result<Vec<Suggestion>, StoreError> {
    let rows = sql::all(
        conn,
        &format!(
            "{SELECT} AND d.community_id = 0 \
             AND d.account_id = CASE WHEN a.user_id = $1 THEN a.id ELSE b.id END \
             WHERE a.user_id <> b.user_id \
             AND (s.low_account IN {OWN} OR s.high_account IN {OWN}) \
             ORDER BY s.confidence DESC, s.low_account, s.high_account, s.id LIMIT $2"
        ),
        vec![user.0.into(), limit.into()],
    )
    .await?;
    suggestions(rows)
}

/// The surest pairs of all communities that were not dismissed where they were found, each once.
pub(crate) async fn everywhere(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<Suggestion>, StoreError> {
    let rows = sql::all(
        conn,
        &format!(
            "{SELECT} {BY_MODERATORS} WHERE s.id IN (SELECT MIN(o.id) FROM merge_suggestion o \
               WHERE NOT EXISTS (SELECT 1 FROM suggestion_dismissal x \
                 WHERE x.low_account = o.low_account AND x.high_account = o.high_account \
                 AND x.community_id = o.community_id AND x.account_id = 0) \
               GROUP BY o.low_account, o.high_account) \
             AND a.user_id <> b.user_id ORDER BY s.confidence DESC, s.id DESC LIMIT $1"
        ),
        vec![limit.into()],
    )
    .await?;
    suggestions(rows)
}

/// Whether a pair is suggested in a community.
pub(crate) async fn exists(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    pair: AccountPair,
) -> Result<bool, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM merge_suggestion \
         WHERE community_id = $1 AND low_account = $2 AND high_account = $3",
        vec![
            community.0.into(),
            pair.low().0.into(),
            pair.high().0.into(),
        ],
    )
    .await?;
    Ok(n > 0)
}

/// Who says that two accounts are not one person's.
#[derive(Clone, Copy)]
pub(crate) enum Voice {
    /// A community's moderators.
    Moderators(CommunityId),
    /// The owner of one of the two.
    Owner(AccountId),
}

impl Voice {
    fn columns(self) -> [Value; 2] {
        match self {
            Self::Moderators(community) => [community.0.into(), 0_i64.into()],
            Self::Owner(account) => [0_i32.into(), account.0.into()],
        }
    }
}

fn place(pair: AccountPair, voice: Voice) -> Vec<Value> {
    let mut values: Vec<Value> = vec![pair.low().0.into(), pair.high().0.into()];
    values.extend(voice.columns());
    values
}

/// Writes down that a pair is none; whether it was not written down before.
pub(crate) async fn dismiss(
    conn: &impl ConnectionTrait,
    pair: AccountPair,
    voice: Voice,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut values = place(pair, voice);
    values.push(by.map(|by| by.0).into());
    values.push(now.0.into());
    let n = sql::execute(
        conn,
        "INSERT INTO suggestion_dismissal (low_account, high_account, community_id, account_id, \
           dismissed_by, dismissed_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        values,
    )
    .await?;
    Ok(n == 1)
}

/// Takes that back; whether it was written down.
pub(crate) async fn restore(
    conn: &impl ConnectionTrait,
    pair: AccountPair,
    voice: Voice,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "DELETE FROM suggestion_dismissal WHERE low_account = $1 AND high_account = $2 \
         AND community_id = $3 AND account_id = $4",
        place(pair, voice),
    )
    .await?;
    Ok(n == 1)
}

/// Removes everything about a person's accounts.
pub(crate) async fn delete_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    for statement in [
        format!("DELETE FROM account_name WHERE account_id IN {OWN}"),
        format!("DELETE FROM merge_suggestion WHERE low_account IN {OWN} OR high_account IN {OWN}"),
        format!(
            "DELETE FROM suggestion_dismissal WHERE low_account IN {OWN} OR high_account IN {OWN}"
        ),
        "UPDATE suggestion_dismissal SET dismissed_by = NULL WHERE dismissed_by = $1".to_owned(),
    ] {
        sql::execute(conn, &statement, vec![user.0.into()]).await?;
    }
    Ok(())
}
