//! Rows of `link_refresh`: who refreshes the tokens of a link at the moment, and whether the provider
//! refused to.

use ::store::{StoreError, sql};
use kernel::{LinkId, Timestamp, UserId};
use sea_orm::ConnectionTrait;

/// Takes the lease; of several at once exactly one does. Not after a refusal.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    link: LinkId,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "INSERT INTO link_refresh (link_id, holder, held_until) \
         SELECT id, CAST($2 AS text), CAST($4 AS bigint) FROM identity_link WHERE id = $1 \
         ON CONFLICT (link_id) DO UPDATE SET holder = excluded.holder, \
         held_until = excluded.held_until \
         WHERE link_refresh.refused_at IS NULL \
         AND (link_refresh.held_until IS NULL OR link_refresh.held_until <= $3)",
        vec![link.0.into(), holder.into(), now.0.into(), until.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Ends the lease of a holder; whether it still was theirs.
pub(crate) async fn end(
    conn: &impl ConnectionTrait,
    link: LinkId,
    holder: &str,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "DELETE FROM link_refresh WHERE link_id = $1 AND holder = $2",
        vec![link.0.into(), holder.into()],
    )
    .await?;
    Ok(n == 1)
}

/// The provider refused to refresh; whether the lease still was the holder's.
pub(crate) async fn refuse(
    conn: &impl ConnectionTrait,
    link: LinkId,
    holder: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE link_refresh SET holder = NULL, held_until = NULL, refused_at = $3 \
         WHERE link_id = $1 AND holder = $2",
        vec![link.0.into(), holder.into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Forgets what is known of a link's tokens, because they are others or none now.
pub(crate) async fn forget(conn: &impl ConnectionTrait, link: LinkId) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM link_refresh WHERE link_id = $1",
        vec![link.0.into()],
    )
    .await?;
    Ok(())
}

/// The same for all links of a person.
pub(crate) async fn delete_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM link_refresh WHERE link_id IN \
         (SELECT id FROM identity_link WHERE user_id = $1)",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}
