//! Rows of `suspicion` and `suspicion_account`, and what the patterns are found in.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use identity::PlatformAccount;
use kernel::{AccountId, CommunityId, PageRequest, Timestamp, UserId, event::EventTag};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count, placeholders};
use crate::suspicion::{ACCOUNTS_SHOWN, Evidence, Found, Pattern, Suspicion, SuspicionState};

/// How many ids one statement asks about.
const PART: usize = 500;

/// When the first of a community's people was seen.
pub(crate) async fn begun(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Option<Timestamp>, StoreError> {
    let first: Option<i64> = sql::optional(
        conn,
        "SELECT first_at FROM member WHERE community_id = $1 ORDER BY first_at LIMIT 1",
        vec![community.0.into()],
    )
    .await?;
    Ok(first.map(Timestamp))
}

/// Who was first seen since, in order of time; of too many the newest.
pub(crate) async fn newcomers(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<(UserId, String, Timestamp)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT user_id, name, first_at FROM member WHERE community_id = $1 AND first_at >= $2 \
         ORDER BY first_at DESC, user_id DESC LIMIT $3",
        vec![community.0.into(), since.0.into(), limit.into()],
    )
    .await?;
    let newcomer = |row: &sea_orm::QueryResult| {
        Ok((
            UserId(row.try_get_by_index(0)?),
            row.try_get_by_index(1)?,
            Timestamp(row.try_get_by_index(2)?),
        ))
    };
    rows.iter().rev().map(newcomer).collect()
}

/// What moderators did to an account.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measures {
    pub(crate) bans: u32,
    pub(crate) timeouts: u32,
}

/// What moderators did to some accounts in a community since.
pub(crate) async fn measures(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[AccountId],
    since: Timestamp,
) -> Result<HashMap<AccountId, Measures>, StoreError> {
    let mut found: HashMap<AccountId, Measures> = HashMap::new();
    let ban = EventTag::Ban.code();
    for part in accounts.chunks(PART) {
        let query = format!(
            "SELECT account_id, kind, COUNT(*) FROM chat_event WHERE community_id = $1 AND at >= $2 \
             AND kind IN ($3, $4) AND account_id IN ({}) GROUP BY account_id, kind",
            placeholders(5, part.len())
        );
        let mut values: Vec<Value> = vec![
            community.0.into(),
            since.0.into(),
            ban.into(),
            EventTag::Timeout.code().into(),
        ];
        values.extend(part.iter().map(|account| Value::from(account.0)));
        for row in sql::rows(conn, &query, values).await? {
            let held = found
                .entry(AccountId(row.try_get_by_index(0)?))
                .or_default();
            let kind: i16 = row.try_get_by_index(1)?;
            let n: i64 = row.try_get_by_index(2)?;
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            if kind == ban {
                held.bans = n;
            } else {
                held.timeouts = n;
            }
        }
    }
    Ok(found)
}

/// Writes down that a pattern was found; what somebody decided about it stays. Answers the id of one
/// that was not there before.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    found: &Found,
    now: Timestamp,
) -> Result<Option<i32>, StoreError> {
    let pattern = found.evidence.pattern().code();
    let known: Option<i32> = sql::optional(
        conn,
        "SELECT id FROM suspicion WHERE community_id = $1 AND pattern = $2 AND subject = $3",
        vec![
            community.0.into(),
            pattern.into(),
            found.subject.clone().into(),
        ],
    )
    .await?;
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO suspicion \
           (community_id, pattern, subject, evidence, first_seen_at, last_seen_at, state) \
         VALUES ($1, $2, $3, $4, $5, $5, 0) \
         ON CONFLICT (community_id, pattern, subject) DO UPDATE SET \
         evidence = excluded.evidence, last_seen_at = excluded.last_seen_at RETURNING id",
        vec![
            community.0.into(),
            pattern.into(),
            found.subject.clone().into(),
            found.evidence.to_json().to_string().into(),
            now.0.into(),
        ],
    )
    .await?;
    let rows = found
        .accounts
        .iter()
        .map(|account| vec![id.into(), account.0.into()]);
    sql::insert(
        conn,
        "INSERT INTO suspicion_account (suspicion_id, account_id)",
        rows.collect(),
        " ON CONFLICT DO NOTHING",
    )
    .await?;
    Ok(known.is_none().then_some(id))
}

/// Removes what was found last before, of those that nobody and those that somebody decided about.
pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    open: Timestamp,
    decided: Timestamp,
) -> Result<(), StoreError> {
    let old = "(state = 0 AND last_seen_at < $1) OR (state <> 0 AND last_seen_at < $2)";
    for statement in [
        format!(
            "DELETE FROM suspicion_account WHERE suspicion_id IN \
             (SELECT id FROM suspicion WHERE {old})"
        ),
        format!("DELETE FROM suspicion WHERE {old}"),
    ] {
        sql::execute(conn, &statement, vec![open.0.into(), decided.0.into()]).await?;
    }
    Ok(())
}

/// A flag as it is stored.
#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: i32,
    community_id: i32,
    pattern: i16,
    evidence: String,
    first_seen_at: i64,
    pub(crate) last_seen_at: i64,
    state: i16,
    decided_by: Option<i32>,
    decided_at: Option<i64>,
}

impl Row {
    /// The flag with the accounts it is about.
    pub(crate) fn into_suspicion(
        self,
        accounts: Vec<PlatformAccount>,
        n_accounts: u64,
    ) -> Result<Suspicion, StoreError> {
        let broken = || StoreError::Data(format!("suspicion {} does not read", self.id));
        let pattern = Pattern::from_code(self.pattern).ok_or_else(broken)?;
        let evidence = serde_json::from_str(&self.evidence).ok();
        let evidence = evidence.and_then(|json| Evidence::from_json(pattern, &json));
        Ok(Suspicion {
            id: self.id,
            community: CommunityId(self.community_id),
            evidence: evidence.ok_or_else(broken)?,
            first_seen_at: Timestamp(self.first_seen_at),
            last_seen_at: Timestamp(self.last_seen_at),
            state: SuspicionState::from_code(self.state).ok_or_else(broken)?,
            decided_by: self.decided_by.map(UserId),
            decided_at: self.decided_at.map(Timestamp),
            accounts,
            n_accounts,
        })
    }
}

const SELECT: &str = "SELECT id, community_id, pattern, evidence, first_seen_at, last_seen_at, \
     state, decided_by, decided_at FROM suspicion";

/// A community's flags, the last found first.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    state: Option<SuspicionState>,
    page: &PageRequest,
) -> Result<Vec<Row>, StoreError> {
    let (at, id) = page.cursor().map_or((i64::MAX, i32::MAX), |cursor| {
        let at = cursor.key.parse().unwrap_or(i64::MAX);
        (at, i32::try_from(cursor.id).unwrap_or(i32::MAX))
    });
    let mut values: Vec<Value> = vec![
        community.0.into(),
        at.into(),
        id.into(),
        i64::try_from(page.fetch()).unwrap_or(101).into(),
    ];
    let of_state = match state {
        None => "",
        Some(state) => {
            values.push(state.code().into());
            " AND state = $5"
        }
    };
    sql::all(
        conn,
        &format!(
            "{SELECT} WHERE community_id = $1 AND (last_seen_at, id) < ($2, $3){of_state} \
             ORDER BY last_seen_at DESC, id DESC LIMIT $4"
        ),
        values,
    )
    .await
}

/// The flags about some accounts in a community, the last found first.
pub(crate) async fn of_accounts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[AccountId],
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let accounts = accounts.get(..PART).unwrap_or(accounts);
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![community.0.into(), limit.into()];
    values.extend(accounts.iter().map(|account| Value::from(account.0)));
    sql::all(
        conn,
        &format!(
            "{SELECT} WHERE community_id = $1 AND id IN \
             (SELECT suspicion_id FROM suspicion_account WHERE account_id IN ({})) \
             ORDER BY last_seen_at DESC, id DESC LIMIT $2",
            placeholders(3, accounts.len())
        ),
        values,
    )
    .await
}

/// The first accounts of some flags, and how many each has.
pub(crate) async fn accounts(
    conn: &impl ConnectionTrait,
    suspicions: &[i32],
) -> Result<HashMap<i32, (Vec<AccountId>, u64)>, StoreError> {
    let mut found: HashMap<i32, (Vec<AccountId>, u64)> = HashMap::new();
    for part in suspicions.chunks(PART) {
        let query = format!(
            "SELECT suspicion_id, account_id, nth, n FROM (SELECT suspicion_id, account_id, \
               ROW_NUMBER() OVER (PARTITION BY suspicion_id ORDER BY account_id) AS nth, \
               COUNT(*) OVER (PARTITION BY suspicion_id) AS n \
             FROM suspicion_account WHERE suspicion_id IN ({})) AS numbered \
             WHERE nth <= {ACCOUNTS_SHOWN} ORDER BY suspicion_id, nth",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|id| Value::from(*id)).collect();
        for row in sql::rows(conn, &query, values).await? {
            let about = found.entry(row.try_get_by_index(0)?).or_default();
            about.0.push(AccountId(row.try_get_by_index(1)?));
            about.1 = count(row.try_get_by_index(3)?);
        }
    }
    Ok(found)
}

/// What became of a flag; `None` if the community has no such flag.
pub(crate) async fn state(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    id: i32,
) -> Result<Option<SuspicionState>, StoreError> {
    let code: Option<i16> = sql::optional(
        conn,
        "SELECT state FROM suspicion WHERE community_id = $1 AND id = $2",
        vec![community.0.into(), id.into()],
    )
    .await?;
    Ok(code.and_then(SuspicionState::from_code))
}

/// A decision, or that one is taken back.
pub(crate) struct Change {
    pub(crate) before: SuspicionState,
    pub(crate) after: SuspicionState,
    pub(crate) by: Option<UserId>,
    pub(crate) at: Option<Timestamp>,
}

/// Decides; of several at once exactly one succeeds.
pub(crate) async fn decide(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    id: i32,
    change: &Change,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE suspicion SET state = $4, decided_by = $5, decided_at = $6 \
         WHERE community_id = $1 AND id = $2 AND state = $3",
        vec![
            community.0.into(),
            id.into(),
            change.before.code().into(),
            change.after.code().into(),
            change.by.map(|by| by.0).into(),
            change.at.map(|at| at.0).into(),
        ],
    )
    .await?;
    Ok(n == 1)
}

/// Removes an account from all flags, and flags that are about nobody else.
pub(crate) async fn forget_account(
    conn: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), StoreError> {
    let of = sql::rows(
        conn,
        "DELETE FROM suspicion_account WHERE account_id = $1 RETURNING suspicion_id",
        vec![account.0.into()],
    )
    .await?;
    for row in of {
        let id: i32 = row.try_get_by_index(0)?;
        sql::execute(
            conn,
            "DELETE FROM suspicion WHERE id = $1 AND NOT EXISTS \
             (SELECT 1 FROM suspicion_account WHERE suspicion_id = $1)",
            vec![id.into()],
        )
        .await?;
    }
    Ok(())
}

/// Forgets who decided.
pub(crate) async fn forget_judge(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE suspicion SET decided_by = NULL WHERE decided_by = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}
