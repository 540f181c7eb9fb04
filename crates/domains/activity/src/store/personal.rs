//! Erasing a person from activity's tables.

use ::store::{StoreError, personal::anywhere, sql};
use kernel::{AccountId, Platform, UserId};
use sea_orm::ConnectionTrait;

/// Messages and events of an account.
pub(crate) async fn delete_said(
    conn: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), StoreError> {
    for query in [
        "DELETE FROM message WHERE account_id = $1",
        "DELETE FROM chat_event WHERE account_id = $1",
    ] {
        sql::execute(conn, query, vec![account.0.into()]).await?;
    }
    Ok(())
}

/// The person's places in the members' tables.
pub(crate) async fn delete_member(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM member WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}

/// Events put aside in which the platform's id of an account stands.
pub(crate) async fn delete_aside(
    conn: &impl ConnectionTrait,
    platform: Platform,
    id: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM quarantine WHERE platform = $1 AND payload LIKE $2 ESCAPE '\\'",
        vec![platform.code().into(), anywhere(id).into()],
    )
    .await?;
    Ok(())
}
