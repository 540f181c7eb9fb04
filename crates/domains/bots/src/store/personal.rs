//! Erasing people from the tables of bot detection.

use ::store::{StoreError, sql};
use kernel::{Platform, UserId};
use sea_orm::ConnectionTrait;

/// Takes an account's name off the lists of its platform, and forgets what was said about it.
pub(crate) async fn forget_name(
    conn: &impl ConnectionTrait,
    platform: Platform,
    name: &str,
) -> Result<(), StoreError> {
    for query in [
        "DELETE FROM bot_list_entry WHERE value = $2 AND list_id IN \
         (SELECT id FROM bot_list WHERE platform = $1)",
        "DELETE FROM bot_list_correction WHERE platform = $1 AND value = $2",
    ] {
        sql::execute(conn, query, vec![platform.code().into(), name.into()]).await?;
    }
    Ok(())
}

/// What somebody decided stays decided, by nobody.
pub(crate) async fn forget_judge(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    for query in [
        "UPDATE bot_list SET imported_by = NULL WHERE imported_by = $1",
        "UPDATE bot_list_choice SET decided_by = NULL WHERE decided_by = $1",
        "UPDATE bot_list_correction SET decided_by = NULL WHERE decided_by = $1",
    ] {
        sql::execute(conn, query, vec![user.0.into()]).await?;
    }
    Ok(())
}
