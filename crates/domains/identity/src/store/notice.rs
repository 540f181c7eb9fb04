//! Rows of `notice`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

/// A letter that is to be sent.
pub(crate) struct New<'a> {
    pub(crate) user: UserId,
    pub(crate) address: &'a str,
    pub(crate) kind: i16,
    pub(crate) detail: &'a str,
    pub(crate) once: Option<&'a str>,
}

/// A letter that was not sent yet.
#[derive(FromQueryResult)]
pub(crate) struct Waiting {
    pub(crate) address: String,
    pub(crate) kind: i16,
    pub(crate) detail: String,
}

/// Keeps a letter; `None` if it is one that is told once and was told.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    new: &New<'_>,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    sql::optional(
        conn,
        "INSERT INTO notice (user_id, address, kind, detail, once, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, once) DO NOTHING RETURNING id",
        vec![
            new.user.0.into(),
            new.address.into(),
            new.kind.into(),
            new.detail.into(),
            new.once.map(str::to_owned).into(),
            now.0.into(),
        ],
    )
    .await
}

pub(crate) async fn waiting(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<Waiting>, StoreError> {
    sql::one(
        conn,
        "SELECT address, kind, detail FROM notice WHERE id = $1 AND sent_at IS NULL",
        vec![id.into()],
    )
    .await
}

pub(crate) async fn sent(
    conn: &impl ConnectionTrait,
    id: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE notice SET sent_at = $2, address = '' WHERE id = $1",
        vec![id.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Gives the letters of one person to another, who is them now.
pub(crate) async fn give_all(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE notice SET user_id = $2, once = NULL WHERE user_id = $1",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    Ok(())
}

/// Removes what was sent, or could not be sent, before these instants.
pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    sent_before: Timestamp,
    before: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM notice WHERE created_at <= $2 OR (created_at <= $1 AND sent_at IS NOT NULL)",
        vec![sent_before.0.into(), before.0.into()],
    )
    .await
}
