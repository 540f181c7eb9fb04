//! `bot_case_viewer`: who has which case before them, since when, and until when that holds unless they look again.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::ConnectionTrait;

/// Somebody has the case before them; where they have it already, it holds on.
pub(crate) async fn look(
    conn: &impl ConnectionTrait,
    case: i32,
    user: UserId,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_case_viewer WHERE case_id = $1 AND until <= $2",
        vec![case.into(), now.0.into()],
    )
    .await?;
    sql::execute(
        conn,
        "INSERT INTO bot_case_viewer (case_id, user_id, since, until) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (case_id, user_id) DO UPDATE SET until = excluded.until",
        vec![case.into(), user.0.into(), now.0.into(), until.0.into()],
    )
    .await?;
    Ok(())
}

/// One of them has it before them no longer; `None` = all.
pub(crate) async fn look_away(
    conn: &impl ConnectionTrait,
    case: i32,
    user: Option<UserId>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_case_viewer WHERE case_id = $1 AND (user_id = $2 OR $2 IS NULL)",
        vec![case.into(), user.map(|user| user.0).into()],
    )
    .await?;
    Ok(())
}

/// Forgets who had cases before them once.
pub(crate) async fn forget_past(
    conn: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    let query = "DELETE FROM bot_case_viewer WHERE until <= $1";
    sql::execute(conn, query, vec![now.0.into()]).await?;
    Ok(())
}

/// Since when somebody has had it before them, if they still do.
pub(crate) async fn since(
    conn: &impl ConnectionTrait,
    case: i32,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let query =
        "SELECT since FROM bot_case_viewer WHERE case_id = $1 AND user_id = $2 AND until > $3";
    let since: Option<i64> =
        sql::optional(conn, query, vec![case.into(), user.0.into(), now.0.into()]).await?;
    Ok(since.map(Timestamp))
}

/// Who has which of these cases before them now, who came first first.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    cases: &[i32],
    now: Timestamp,
) -> Result<HashMap<i32, Vec<UserId>>, StoreError> {
    let mut found: HashMap<i32, Vec<UserId>> = HashMap::new();
    for part in sql::parts(cases, super::IN_MAX) {
        let query = format!(
            "SELECT case_id, user_id FROM bot_case_viewer WHERE until > $1 AND case_id IN ({}) \
             ORDER BY since, user_id",
            sql::in_list(2, part.len())
        );
        let values = std::iter::once(now.0.into()).chain(part.into_iter().map(Into::into));
        for row in sql::rows(conn, &query, values.collect()).await? {
            let (case, user): (i32, i32) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            found.entry(case).or_default().push(UserId(user));
        }
    }
    Ok(found)
}
