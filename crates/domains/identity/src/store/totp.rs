//! Rows of `totp`, `recovery_code` and `session_confirmation`. Secrets go from open to sealed and
//! back here.

use ::store::{SealError, StoreError, seal::Place, sql};
use kernel::{CommunityId, Secret, SessionId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::connection::Tokens;

/// A secret as it lies in the database.
#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: i32,
    secret_sealed: String,
    pub(crate) confirmed_at: Option<i64>,
}

/// Secrets belong to no community.
fn place(id: i32) -> Place {
    Place {
        table: "totp",
        column: "secret_sealed",
        row: id.into(),
        community: CommunityId(0),
    }
}

impl Row {
    pub(crate) fn open(&self, tokens: &Tokens<'_>) -> Result<Secret<String>, SealError> {
        tokens.keys.open(&place(self.id), &self.secret_sealed)
    }

    /// The sealed text with its place.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Place, &str)> {
        std::iter::once((place(self.id), self.secret_sealed.as_str()))
    }
}

/// Rows after an id, in order.
pub(crate) async fn sealed_after(
    conn: &impl ConnectionTrait,
    after: i32,
    limit: u64,
) -> Result<Vec<Row>, StoreError> {
    sql::all(
        conn,
        "SELECT id, secret_sealed, confirmed_at FROM totp WHERE id > $1 ORDER BY id LIMIT $2",
        vec![
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Row>, StoreError> {
    sql::one(
        conn,
        "SELECT id, secret_sealed, confirmed_at FROM totp WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await
}

/// When somebody's second factor was switched on; `None` = it is not.
pub(crate) async fn on_since(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sql::optional(
        conn,
        "SELECT confirmed_at FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL",
        vec![user.0.into()],
    )
    .await?;
    Ok(at.map(Timestamp))
}

/// Puts a fresh secret in the place of one that was never confirmed; `false` if one is on. In two
/// steps, because a secret is sealed for its row.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    user: UserId,
    secret: &Secret<String>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM totp WHERE user_id = $1 AND confirmed_at IS NULL",
        vec![user.0.into()],
    )
    .await?;
    let id: Option<i32> = sql::optional(
        conn,
        "INSERT INTO totp (user_id, secret_sealed, last_step, created_at) VALUES ($1, '', 0, $2) \
         ON CONFLICT (user_id) DO NOTHING RETURNING id",
        vec![user.0.into(), now.0.into()],
    )
    .await?;
    let Some(id) = id else {
        return Ok(false);
    };
    let sealed = tokens.seal(&place(id), secret)?;
    sql::execute(
        conn,
        "UPDATE totp SET secret_sealed = $2 WHERE id = $1",
        vec![id.into(), sealed.into()],
    )
    .await?;
    Ok(true)
}

/// Accepts the code of a time step, if none of it or a later one was accepted; of several at once
/// exactly one succeeds.
pub(crate) async fn advance(
    conn: &impl ConnectionTrait,
    id: i32,
    step: i64,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE totp SET last_step = $2 WHERE id = $1 AND last_step < $2",
        vec![id.into(), step.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Switches it on; `false` if it is on already.
pub(crate) async fn confirm(
    conn: &impl ConnectionTrait,
    id: i32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE totp SET confirmed_at = $2 WHERE id = $1 AND confirmed_at IS NULL",
        vec![id.into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Removes somebody's second factor with its recovery codes; `false` if there was none.
pub(crate) async fn delete(conn: &impl ConnectionTrait, user: UserId) -> Result<bool, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM recovery_code WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    let n = sql::execute(
        conn,
        "DELETE FROM totp WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Puts fresh recovery codes in the place of the old ones.
pub(crate) async fn put_codes(
    conn: &impl ConnectionTrait,
    user: UserId,
    hashes: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM recovery_code WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    for hash in hashes {
        sql::execute(
            conn,
            "INSERT INTO recovery_code (user_id, code_hash, created_at) VALUES ($1, $2, $3)",
            vec![user.0.into(), hash.as_str().into(), now.0.into()],
        )
        .await?;
    }
    Ok(())
}

/// Uses a recovery code up; of several at once exactly one succeeds.
pub(crate) async fn use_code(
    conn: &impl ConnectionTrait,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
        vec![user.0.into(), hash.into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// How many recovery codes are left.
pub(crate) async fn codes_left(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM recovery_code WHERE user_id = $1 AND used_at IS NULL",
        vec![user.0.into()],
    )
    .await
}

/// Notes that a session proved again whose it is.
pub(crate) async fn put_confirmation(
    conn: &impl ConnectionTrait,
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO session_confirmation (session_id, confirmed_at) VALUES ($1, $2) \
         ON CONFLICT (session_id) DO UPDATE SET confirmed_at = excluded.confirmed_at",
        vec![session.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// When a person's session began or proved again whose it is, the later; `None` if it is not
/// theirs.
pub(crate) async fn sure_since(
    conn: &impl ConnectionTrait,
    user: UserId,
    session: SessionId,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sql::optional(
        conn,
        "SELECT CASE WHEN c.confirmed_at > s.created_at THEN c.confirmed_at ELSE s.created_at END \
         FROM session s LEFT JOIN session_confirmation c ON c.session_id = s.id \
         WHERE s.id = $1 AND s.user_id = $2",
        vec![session.0.into(), user.0.into()],
    )
    .await?;
    Ok(at.map(Timestamp))
}

/// Removes the confirmations of sessions that are gone.
pub(crate) async fn sweep_confirmations(conn: &impl ConnectionTrait) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM session_confirmation WHERE NOT EXISTS \
         (SELECT 1 FROM session s WHERE s.id = session_confirmation.session_id)",
        vec![],
    )
    .await
}
