//! Rows of `bot_appeal`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::{Appeal, AppealState};

#[derive(FromQueryResult)]
struct Raw {
    id: i32,
    case_id: i32,
    words: String,
    state: i16,
    made_at: i64,
    answer: String,
    answered_by: Option<i32>,
    answered_at: Option<i64>,
}

impl TryFrom<Raw> for Appeal {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("unknown state of an appeal {}", raw.state));
        Ok(Self {
            id: raw.id,
            case: raw.case_id,
            words: raw.words,
            state: AppealState::from_code(raw.state).ok_or_else(unknown)?,
            made_at: Timestamp(raw.made_at),
            answer: raw.answer,
            answered_by: raw.answered_by.map(UserId),
            answered_at: raw.answered_at.map(Timestamp),
            may_refuse: false,
        })
    }
}

const COLUMNS: &str = "id, case_id, words, state, made_at, answer, answered_by, answered_at";

/// The appeals in several cases, the newest first.
pub(crate) async fn of_cases(
    conn: &impl ConnectionTrait,
    cases: &[i32],
) -> Result<Vec<Appeal>, StoreError> {
    let mut found = Vec::new();
    for part in cases.chunks(super::IN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM bot_appeal WHERE case_id IN ({}) ORDER BY id DESC",
            super::placeholders(1, part.len())
        );
        let values: Vec<Value> = part.iter().map(|case| Value::from(*case)).collect();
        let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

/// The appeals in a case, the newest first.
pub(crate) async fn of_case(
    conn: &impl ConnectionTrait,
    case: i32,
    limit: i64,
) -> Result<Vec<Appeal>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_appeal WHERE case_id = $1 ORDER BY id DESC LIMIT {limit}"
    );
    let rows: Vec<Raw> = sql::all(conn, &query, vec![case.into()]).await?;
    rows.into_iter().map(Appeal::try_from).collect()
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    id: i32,
) -> Result<Option<Appeal>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_appeal WHERE id = $1 AND community_id = $2");
    let row: Option<Raw> = sql::one(conn, &query, vec![id.into(), community.0.into()]).await?;
    row.map(Appeal::try_from).transpose()
}

/// A community's appeals in a state, the oldest first.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    state: AppealState,
    page: &PageRequest,
) -> Result<Vec<Appeal>, StoreError> {
    let after = page.cursor().map_or(0, |cursor| cursor.id);
    let values: Vec<Value> = vec![
        community.0.into(),
        state.code().into(),
        i32::try_from(after).unwrap_or(i32::MAX).into(),
    ];
    let query = format!(
        "SELECT {COLUMNS} FROM bot_appeal WHERE community_id = $1 AND state = $2 AND id > $3 \
         ORDER BY id LIMIT {}",
        page.fetch()
    );
    let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Appeal::try_from).collect()
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    case: i32,
    (community, account): (CommunityId, AccountId),
    words: &str,
    at: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO bot_appeal (case_id, community_id, account_id, words, state, made_at, answer) \
         VALUES ($1, $2, $3, $4, 0, $5, '') RETURNING id",
        vec![
            case.into(),
            community.0.into(),
            account.0.into(),
            words.into(),
            at.0.into(),
        ],
    )
    .await
}

/// Ends the open appeals in a case: the decision that they were against does not stand any more.
pub(crate) async fn end(
    conn: &impl ConnectionTrait,
    case: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE bot_appeal SET state = $2, answered_at = $3 WHERE case_id = $1 AND state = 0",
        vec![case.into(), AppealState::Ended.code().into(), at.0.into()],
    )
    .await?;
    Ok(())
}

/// Answers an appeal, if it is open.
pub(crate) async fn answer(
    conn: &impl ConnectionTrait,
    id: i32,
    state: AppealState,
    words: &str,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE bot_appeal SET state = $2, answer = $3, answered_by = $4, answered_at = $5 \
         WHERE id = $1 AND state = 0",
        vec![
            id.into(),
            state.code().into(),
            words.into(),
            by.map(|user| user.0).into(),
            at.0.into(),
        ],
    )
    .await?;
    Ok(n > 0)
}
