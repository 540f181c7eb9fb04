//! Rows of `bot_case`.

use std::{collections::HashMap, fmt::Write};

use ::store::{StoreError, Work, sql};
use kernel::{AccountId, CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::{
    CaseOrder, CaseQuery, CaseState, Probability, Reason, assessment::Found, case::Evidence,
    store::viewer,
};

/// A stored case.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: i32,
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) state: CaseState,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) probability: Probability,
    pub(crate) value: Probability,
    pub(crate) prediction: Option<i64>,
    pub(crate) opened_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    pub(crate) revision: i32,
    pub(crate) decided_by: Option<UserId>,
    pub(crate) decided_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    community_id: i32,
    account_id: i64,
    state: i16,
    reasons: i16,
    probability_ppm: i32,
    value_ppm: i32,
    prediction_id: Option<i64>,
    opened_at: i64,
    changed_at: i64,
    revision: i32,
    decided_by: Option<i32>,
    decided_at: Option<i64>,
}

fn state(code: i16) -> Result<CaseState, StoreError> {
    CaseState::from_code(code)
        .ok_or_else(|| StoreError::Data(format!("unknown state of a case {code}")))
}

impl TryFrom<Raw> for Row {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            id: raw.id,
            community: CommunityId(raw.community_id),
            account: AccountId(raw.account_id),
            state: state(raw.state)?,
            reasons: Reason::from_bits(raw.reasons),
            probability: Probability::read(raw.probability_ppm),
            value: Probability::read(raw.value_ppm),
            prediction: raw.prediction_id,
            opened_at: Timestamp(raw.opened_at),
            changed_at: Timestamp(raw.changed_at),
            revision: raw.revision,
            decided_by: raw.decided_by.map(UserId),
            decided_at: raw.decided_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str = "id, community_id, account_id, state, reasons, probability_ppm, value_ppm, prediction_id, \
                       opened_at, changed_at, revision, decided_by, decided_at";

/// That a case is open and of an account that was drawn by chance.
const DRAWN: &str = "state = 0 AND (reasons & 16) <> 0";

async fn one(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Option<Row>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_case WHERE {which}");
    let raw: Option<Raw> = sql::one(conn, &query, values).await?;
    raw.map(Row::try_from).transpose()
}

async fn many(
    conn: &impl ConnectionTrait,
    which: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_case WHERE {which}");
    let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// The accounts of a community that have an open case.
pub(crate) async fn suspected(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<i64>, StoreError> {
    let query = "SELECT account_id FROM bot_case WHERE community_id = $1 AND state = 0";
    let rows = sql::rows(conn, query, vec![community.0.into()]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// Those that somebody decided and that an open appeal is against.
pub(crate) async fn appealed(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    decided_by: UserId,
) -> Result<Vec<Row>, StoreError> {
    let which = "community_id = $1 AND decided_by = $2 AND EXISTS (SELECT 1 FROM bot_appeal AS a \
                 WHERE a.case_id = bot_case.id AND a.state = 0)";
    many(conn, which, vec![community.0.into(), decided_by.0.into()]).await
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    id: i32,
) -> Result<Option<Row>, StoreError> {
    let values = vec![id.into(), community.0.into()];
    one(conn, "id = $1 AND community_id = $2", values).await
}

/// Several of a community.
pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    ids: &[i32],
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    for part in sql::parts(ids, super::IN_MAX) {
        let which = format!(
            "id IN ({}) AND community_id = {}",
            sql::marks(conn, 1, part.len()),
            sql::marks(conn, part.len() + 1, 1)
        );
        let mut values: Vec<Value> = part.iter().map(|id| (*id).into()).collect();
        values.push(community.0.into());
        found.extend(many(conn, &which, values).await?);
    }
    Ok(found)
}

/// The community of a case and the account it is about.
pub(crate) async fn seat(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<(CommunityId, AccountId)>, StoreError> {
    let query = "SELECT community_id, account_id FROM bot_case WHERE id = $1";
    let rows = sql::rows(conn, query, vec![id.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((
        CommunityId(row.try_get_by_index(0)?),
        AccountId(row.try_get_by_index(1)?),
    )))
}

pub(crate) async fn of_account(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    account: AccountId,
) -> Result<Option<Row>, StoreError> {
    let values = vec![community.0.into(), account.0.into()];
    one(conn, "community_id = $1 AND account_id = $2", values).await
}

/// The case of an account; who changes it at the same time waits, so that what both know comes to it.
pub(crate) async fn to_change(
    work: &Work,
    community: CommunityId,
    account: AccountId,
) -> Result<Option<Row>, StoreError> {
    let lock = sql::for_update(work.engine());
    let values = vec![community.0.into(), account.0.into()];
    let which = format!("community_id = $1 AND account_id = $2{lock}");
    one(work.conn(), &which, values).await
}

/// Cases in which accounts were called bots, or somebody appealed; the last decided first.
pub(crate) async fn against(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Value> = accounts.iter().map(|account| account.0.into()).collect();
    let which = format!(
        "account_id IN ({}) AND (state = {} OR EXISTS (SELECT 1 FROM bot_appeal \
         WHERE bot_appeal.case_id = bot_case.id)) ORDER BY decided_at DESC, id LIMIT {limit}",
        super::placeholders(1, accounts.len()),
        CaseState::Bot.code()
    );
    many(conn, &which, values).await
}

/// That somebody, whose id is at a place, did not leave a case to others, or something new is known since.
fn not_left(place: usize) -> String {
    format!(
        " AND NOT EXISTS (SELECT 1 FROM bot_review WHERE bot_review.case_id = bot_case.id \
         AND verdict = 3 AND undone_at IS NULL AND reviewer_id = ${place} \
         AND bot_review.at >= bot_case.changed_at)"
    )
}

/// The open cases of accounts that were drawn by chance and that somebody did not leave to others, the oldest first, if there are
/// as many last reviews in the community as `others`, cases that were left to others counted, and none is of such an account.
pub(crate) async fn drawn_in_turn(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    but_of: Option<UserId>,
    (others, limit): (i64, i64),
) -> Result<Vec<Row>, StoreError> {
    let mut which = format!(
        "{DRAWN} AND community_id = $1 AND (SELECT COUNT(*) FROM (SELECT was_sampled FROM bot_review \
         WHERE bot_review.community_id = $1 AND undone_at IS NULL ORDER BY at DESC, id DESC LIMIT {others}) AS lately \
         WHERE was_sampled = FALSE) = {others}"
    );
    let mut values: Vec<Value> = vec![community.0.into()];
    if let Some(user) = but_of {
        values.push(user.0.into());
        which.push_str(&not_left(values.len()));
    }
    let _ = write!(which, " ORDER BY opened_at, id LIMIT {limit}");
    many(conn, &which, values).await
}

/// Whom open cases of communities are about that were drawn by chance, since an instant.
pub(crate) async fn drawn(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    since: Timestamp,
) -> Result<Vec<(CommunityId, AccountId)>, StoreError> {
    if communities.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT community_id, account_id FROM bot_case WHERE {DRAWN} AND opened_at >= $1 AND community_id IN ({})",
        super::placeholders(2, communities.len())
    );
    let mut values = vec![since.0.into()];
    values.extend(communities.iter().map(|id| Value::from(id.0)));
    sql::rows(conn, &query, values)
        .await?
        .iter()
        .map(|row| {
            Ok((
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            ))
        })
        .collect()
}

/// Open cases of a community for which nothing speaks but a list, after an id.
pub(crate) async fn only_listed(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    after: i32,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let which = format!(
        "community_id = $1 AND state = 0 AND reasons = $2 AND id > $3 ORDER BY id LIMIT {limit}"
    );
    let reasons = Reason::bits(&[Reason::List]);
    let values = vec![community.0.into(), reasons.into(), after.into()];
    many(conn, &which, values).await
}

/// Cases in a state, in the order asked for.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    query: &CaseQuery,
    but_of: Option<UserId>,
) -> Result<Vec<Row>, StoreError> {
    let column = match query.order {
        CaseOrder::Value => "value_ppm",
        CaseOrder::Probability => "probability_ppm",
    };
    let mut which = "community_id = $1 AND state = $2".to_owned();
    let mut values: Vec<Value> = vec![community.0.into(), query.state.code().into()];
    // Writing to a String cannot fail.
    if let Some(cursor) = query.page.cursor() {
        // A cursor that somebody made up leads to the end.
        let ppm: i32 = cursor.key.parse().unwrap_or(-1);
        values.push(ppm.into());
        values.push(i32::try_from(cursor.id).unwrap_or(0).into());
        let _ = write!(which, " AND ({column}, id) < ($3, $4)");
    }
    if let Some(reason) = query.reason {
        let _ = write!(which, " AND (reasons & {}) <> 0", reason.bit());
    }
    if let Some(user) = but_of {
        values.push(user.0.into());
        which.push_str(&not_left(values.len()));
    }
    let limit = query.page.fetch();
    let _ = write!(which, " ORDER BY {column} DESC, id DESC LIMIT {limit}");
    many(conn, &which, values).await
}

/// Cases of communities that say bot, and open ones, each from a probability of its own on: of each the surest first, at
/// most `limit`.
pub(crate) async fn suspects(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    [bot, open]: [Probability; 2],
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    if communities.is_empty() {
        return Ok(Vec::new());
    }
    let branch = |nth: usize| {
        format!(
            "SELECT {COLUMNS} FROM bot_case WHERE community_id = ${} AND ((state = {} AND probability_ppm >= $1) \
             OR (state = {} AND probability_ppm >= $2)) ORDER BY probability_ppm DESC, id DESC LIMIT {limit}",
            nth + 2,
            CaseState::Bot.code(),
            CaseState::Open.code()
        )
    };
    let mut values: Vec<Value> = vec![bot.stored().into(), open.stored().into()];
    values.extend(communities.iter().map(|id| Value::from(id.0)));
    let rows: Vec<Raw> = sql::all(conn, &sql::union(communities.len(), branch), values).await?;
    let mut rows: Vec<Row> = rows
        .into_iter()
        .map(Row::try_from)
        .collect::<Result<_, _>>()?;
    // A union has no order of its own.
    rows.sort_by_key(|row| std::cmp::Reverse((row.probability, row.id)));
    Ok(rows)
}

/// Cases of communities that say bot, and open ones of at least a probability, each community its own, about accounts that are
/// not left alone: of each the former first, then the surest, at most `limit`. Where a community has no probability, no open ones.
pub(crate) async fn doubted(
    conn: &impl ConnectionTrait,
    least: &[(CommunityId, Option<Probability>)],
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    if least.is_empty() {
        return Ok(Vec::new());
    }
    let (open, bot) = (CaseState::Open.code(), CaseState::Bot.code());
    let branch = |nth: usize| {
        format!(
            "SELECT {COLUMNS} FROM bot_case WHERE community_id = ${} \
             AND (state = {bot} OR (state = {open} AND probability_ppm >= ${} \
             AND NOT EXISTS (SELECT 1 FROM bot_score s WHERE s.community_id = bot_case.community_id \
             AND s.account_id = bot_case.account_id AND s.scored_n > 0 AND s.exemption IS NOT NULL))) \
             ORDER BY state DESC, probability_ppm DESC, id DESC LIMIT {limit}",
            2 * nth - 1,
            2 * nth
        )
    };
    let of = |(community, least): &(CommunityId, Option<Probability>)| {
        let least = least.map_or(i32::MAX, Probability::stored);
        [Value::from(community.0), least.into()]
    };
    let values = least.iter().flat_map(of).collect();
    let rows: Vec<Raw> = sql::all(conn, &sql::union(least.len(), branch), values).await?;
    let rows: Result<Vec<Row>, StoreError> = rows.into_iter().map(Row::try_from).collect();
    let mut rows = rows?;
    // A union has no order of its own.
    rows.sort_by_key(|row| std::cmp::Reverse((row.state.code(), row.probability, row.id)));
    Ok(rows)
}

pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<HashMap<CaseState, u64>, StoreError> {
    let query = "SELECT state, COUNT(*) FROM bot_case WHERE community_id = $1 GROUP BY state";
    let mut found = HashMap::new();
    for row in sql::rows(conn, query, vec![community.0.into()]).await? {
        let n: i64 = row.try_get_by_index(1)?;
        found.insert(
            state(row.try_get_by_index(0)?)?,
            u64::try_from(n).unwrap_or(0),
        );
    }
    Ok(found)
}

/// Opens a case; `None` if there is one meanwhile.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<Option<i32>, StoreError> {
    sql::optional(
        conn,
        "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, \
         prediction_id, opened_at, changed_at, revision) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $7, 1) \
         ON CONFLICT (community_id, account_id) DO NOTHING RETURNING id",
        vec![
            evidence.community.0.into(),
            evidence.account.0.into(),
            Reason::bits(&evidence.reasons).into(),
            evidence.probability.stored().into(),
            evidence.value.stored().into(),
            evidence.prediction.into(),
            now.0.into(),
        ],
    )
    .await
}

/// Adds evidence to a case, which is open then.
pub(crate) async fn renew(
    conn: &impl ConnectionTrait,
    before: &Row,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut reasons = match before.state {
        CaseState::Open => before.reasons.clone(),
        _ => Vec::new(),
    };
    reasons.extend_from_slice(&evidence.reasons);
    sql::execute(
        conn,
        "UPDATE bot_case SET state = 0, reasons = $2, probability_ppm = $3, value_ppm = $4, \
         prediction_id = $5, changed_at = $6, opened_at = CASE WHEN state = 0 THEN opened_at ELSE $6 END, \
         told = CASE WHEN state = 0 THEN told ELSE 0 END, \
         decided_by = NULL, decided_at = NULL, revision = revision + 1 WHERE id = $1 AND revision = $7",
        vec![
            before.id.into(),
            Reason::bits(&reasons).into(),
            evidence.probability.stored().into(),
            evidence.value.stored().into(),
            evidence.prediction.or(before.prediction).into(),
            now.0.into(),
            before.revision.into(),
        ],
    )
    .await?;
    Ok(())
}

/// A case that was opened before its account was scored has the score now.
pub(crate) async fn put_score(
    conn: &impl ConnectionTrait,
    id: i32,
    found: &Found,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_case SET probability_ppm = $2, prediction_id = $3 WHERE id = $1",
        vec![
            id.into(),
            found.probability.stored().into(),
            found.prediction.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Decides a case, or opens it again, if it is still of this revision.
pub(crate) async fn decide(
    conn: &impl ConnectionTrait,
    before: &Row,
    after: CaseState,
    by: Option<UserId>,
    at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    // Before the case, as whoever erases its account does.
    viewer::look_away(conn, before.id, None).await?;
    let n = sql::execute(
        conn,
        "UPDATE bot_case SET state = $3, decided_by = $4, decided_at = $5, revision = revision + 1 \
         WHERE id = $1 AND revision = $2",
        vec![
            before.id.into(),
            before.revision.into(),
            after.code().into(),
            by.map(|user| user.0).into(),
            at.map(|at| at.0).into(),
        ],
    )
    .await?;
    Ok(n > 0)
}

/// The cases of accounts in communities, by both; of each account those in all of the communities.
pub(crate) async fn among(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    accounts: &[AccountId],
) -> Result<HashMap<(CommunityId, AccountId), Row>, StoreError> {
    let mut found = HashMap::new();
    for here in communities {
        for part in sql::parts(accounts, super::IN_MAX) {
            let which = format!(
                "account_id IN ({}) AND community_id = {}",
                sql::marks(conn, 1, part.len()),
                sql::marks(conn, part.len() + 1, 1)
            );
            let mut values: Vec<Value> = part.iter().map(|account| account.0.into()).collect();
            values.push(here.0.into());
            for row in many(conn, &which, values).await? {
                found.insert((*here, row.account), row);
            }
        }
    }
    Ok(found)
}

/// How many open cases of communities have at least a probability, each community its own.
pub(crate) async fn open_from(
    conn: &impl ConnectionTrait,
    least: &[(CommunityId, Probability)],
) -> Result<HashMap<CommunityId, u64>, StoreError> {
    let mut found = HashMap::new();
    if least.is_empty() {
        return Ok(found);
    }
    let branch = |nth: usize| {
        format!(
            "SELECT CAST(${} AS integer) AS community_id, COUNT(*) AS n FROM bot_case \
             WHERE community_id = ${} AND state = 0 AND probability_ppm >= ${}",
            2 * nth - 1,
            2 * nth - 1,
            2 * nth
        )
    };
    let of = |(community, least): &(CommunityId, Probability)| {
        [Value::from(community.0), least.stored().into()]
    };
    let values = least.iter().flat_map(of).collect();
    for row in sql::rows(conn, &sql::union(least.len(), branch), values).await? {
        let n: i64 = row.try_get_by_index(1)?;
        let community = CommunityId(row.try_get_by_index(0)?);
        found.insert(community, u64::try_from(n).unwrap_or(0));
    }
    Ok(found)
}
