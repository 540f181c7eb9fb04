//! Rows of `primary_link`. Whether a link is its owner's first is read with the link.

use ::store::{StoreError, sql};
use kernel::{LinkId, Timestamp, UserId};
use sea_orm::ConnectionTrait;

/// Puts a choice in the place of another one.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    user: UserId,
    link: LinkId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO primary_link (user_id, link_id, chosen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET link_id = $2, chosen_at = $3",
        vec![user.0.into(), link.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Takes a person's choice back.
pub(crate) async fn delete(conn: &impl ConnectionTrait, user: UserId) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM primary_link WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}

/// Forgets that a link was chosen, by whomever: it goes.
pub(crate) async fn forget(conn: &impl ConnectionTrait, link: LinkId) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM primary_link WHERE link_id = $1",
        vec![link.0.into()],
    )
    .await?;
    Ok(())
}
