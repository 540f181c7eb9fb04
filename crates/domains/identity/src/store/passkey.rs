//! Rows of `passkey` and `passkey_ceremony`.

use ::store::{StoreError, sql};
use kernel::{PasskeyId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::passkey::Kept;

/// A passkey as it lies in the database.
#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: i32,
    pub(crate) user_id: i32,
    pub(crate) rp_id: String,
    pub(crate) handle: String,
    pub(crate) credential: String,
    pub(crate) name: String,
    pub(crate) sign_count: i64,
    pub(crate) backed_up: bool,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: Option<i64>,
}

/// A passkey that is to be added.
pub(crate) struct New<'a> {
    pub(crate) user: UserId,
    pub(crate) rp_id: &'a str,
    pub(crate) handle: &'a str,
    pub(crate) kept: &'a Kept,
    pub(crate) name: &'a str,
    pub(crate) now: Timestamp,
}

/// Somebody's passkeys, the oldest first; those a merge brought beside the ones they added.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Row>, StoreError> {
    sql::all(
        conn,
        "SELECT id, user_id, rp_id, handle, credential, name, sign_count, backed_up, created_at, \
           last_used_at FROM passkey WHERE user_id = $1 ORDER BY id LIMIT 500",
        vec![user.0.into()],
    )
    .await
}

pub(crate) async fn by_credential(
    conn: &impl ConnectionTrait,
    rp_id: &str,
    credential_id: &str,
) -> Result<Option<Row>, StoreError> {
    sql::one(
        conn,
        "SELECT id, user_id, rp_id, handle, credential, name, sign_count, backed_up, created_at, \
           last_used_at FROM passkey WHERE credential_id = $1 AND rp_id = $2",
        vec![credential_id.into(), rp_id.into()],
    )
    .await
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    new: &New<'_>,
) -> Result<PasskeyId, StoreError> {
    let id = sql::scalar(
        conn,
        "INSERT INTO passkey (user_id, rp_id, handle, credential_id, credential, name, sign_count, \
           backed_up, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        vec![
            new.user.0.into(),
            new.rp_id.into(),
            new.handle.into(),
            new.kept.credential_id.as_str().into(),
            new.kept.credential.as_str().into(),
            new.name.into(),
            new.kept.sign_count.into(),
            new.kept.backed_up.into(),
            new.now.0.into(),
        ],
    )
    .await?;
    Ok(PasskeyId(id))
}

/// Writes a use down, unless the row is not any more what was read; of several uses with one count
/// exactly one succeeds.
pub(crate) async fn spend(
    conn: &impl ConnectionTrait,
    row: &Row,
    kept: &Kept,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE passkey SET credential = $4, sign_count = $5, backed_up = $6, last_used_at = $7 \
         WHERE id = $1 AND user_id = $2 AND sign_count = $3",
        vec![
            row.id.into(),
            row.user_id.into(),
            row.sign_count.into(),
            kept.credential.as_str().into(),
            kept.sign_count.into(),
            kept.backed_up.into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(n == 1)
}

pub(crate) async fn rename(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE passkey SET name = $3 WHERE id = $1 AND user_id = $2",
        vec![id.0.into(), user.0.into(), name.into()],
    )
    .await?;
    Ok(n == 1)
}

pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: PasskeyId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM passkey WHERE id = $1 AND user_id = $2",
        vec![id.0.into(), user.0.into()],
    )
    .await?;
    Ok(())
}

/// Removes all of a person's passkeys; answers how many there were.
pub(crate) async fn delete_all(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM passkey_ceremony WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    sql::execute(
        conn,
        "DELETE FROM passkey WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await
}

/// A question that was asked.
pub(crate) struct Question<'a> {
    pub(crate) digest: &'a str,
    pub(crate) purpose: i16,
    pub(crate) binding: &'a str,
    pub(crate) user: Option<UserId>,
    pub(crate) state: &'a str,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn ask(
    conn: &impl ConnectionTrait,
    question: &Question<'_>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO passkey_ceremony (token_hash, purpose, binding, user_id, state, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        vec![
            question.digest.into(),
            question.purpose.into(),
            question.binding.into(),
            question.user.map(|user| user.0).into(),
            question.state.into(),
            question.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Removes the oldest questions of a person, or of nobody in particular, until one more fits.
pub(crate) async fn make_room(
    conn: &impl ConnectionTrait,
    user: Option<UserId>,
    most: i64,
) -> Result<(), StoreError> {
    let user = user.map_or(0, |user| user.0);
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM passkey_ceremony WHERE COALESCE(user_id, 0) = $1",
        vec![user.into()],
    )
    .await?;
    if n < most {
        return Ok(());
    }
    sql::execute(
        conn,
        "DELETE FROM passkey_ceremony WHERE token_hash IN \
           (SELECT token_hash FROM passkey_ceremony WHERE COALESCE(user_id, 0) = $1 \
            ORDER BY expires_at, token_hash LIMIT $2)",
        vec![user.into(), (n - most + 1).into()],
    )
    .await?;
    Ok(())
}

/// What a question that is used up was about.
#[derive(FromQueryResult)]
struct TakenRow {
    user_id: Option<i32>,
    state: String,
}

/// A question that was used up.
pub(crate) struct Taken {
    pub(crate) user: Option<UserId>,
    pub(crate) state: String,
}

/// Marks a question answered: `None` if it could not be answered for this purpose with this binding;
/// of several answers at once exactly one succeeds.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    digest: &str,
    (purpose, binding): (i16, &str),
    now: Timestamp,
) -> Result<Option<Taken>, StoreError> {
    let row: Option<TakenRow> = sql::one(
        conn,
        "UPDATE passkey_ceremony SET used_at = $4 \
         WHERE token_hash = $1 AND purpose = $2 AND binding = $3 AND used_at IS NULL \
           AND expires_at > $4 RETURNING user_id, state",
        vec![digest.into(), purpose.into(), binding.into(), now.0.into()],
    )
    .await?;
    Ok(row.map(|row| Taken {
        user: row.user_id.map(UserId),
        state: row.state,
    }))
}

/// Removes questions whose time is over.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: Timestamp) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM passkey_ceremony WHERE expires_at <= $1",
        vec![now.0.into()],
    )
    .await
}
