//! Erasing people from what is kept of messages.

use ::store::{StoreError, personal::anywhere, sea_orm::ConnectionTrait, sql};

/// Empties every message and answer that has a text in it, in lower case.
pub(crate) async fn forget(conn: &impl ConnectionTrait, text: &str) -> Result<(), StoreError> {
    for query in [
        "UPDATE webhook_attempt SET excerpt = '' WHERE excerpt <> '' AND (LOWER(excerpt) LIKE $1 ESCAPE '\\' OR \
         message_id IN (SELECT id FROM webhook_message WHERE LOWER(body) LIKE $1 ESCAPE '\\'))",
        "UPDATE webhook_message SET body = '' WHERE body <> '' AND LOWER(body) LIKE $1 ESCAPE '\\'",
    ] {
        sql::execute(conn, query, vec![anywhere(text).into()]).await?;
    }
    Ok(())
}
