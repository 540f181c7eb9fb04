//! Erasing people from `delivery`. What is being sent at this moment is left to its end.

use ::store::{StoreError, personal::anywhere, sql};
use sea_orm::ConnectionTrait;

/// Removes the deliveries that go to somebody. The job of one that waits finds it gone.
pub(crate) async fn delete_to(
    conn: &impl ConnectionTrait,
    address: &str,
) -> Result<(), StoreError> {
    // The address is a value in JSON.
    let quoted = serde_json::Value::from(address).to_string();
    for query in [
        "DELETE FROM delivery_attempt WHERE delivery_id IN \
         (SELECT id FROM delivery WHERE state <> 1 AND LOWER(address) LIKE $1 ESCAPE '\\')",
        "DELETE FROM delivery WHERE state <> 1 AND LOWER(address) LIKE $1 ESCAPE '\\'",
    ] {
        let pattern = anywhere(&quoted.to_lowercase());
        sql::execute(conn, query, vec![pattern.into()]).await?;
    }
    Ok(())
}

/// Empties what was not sent and has a text in it.
pub(crate) async fn forget_words(
    conn: &impl ConnectionTrait,
    text: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE delivery SET body = '' \
         WHERE finished_at IS NOT NULL AND body <> '' AND LOWER(body) LIKE $1 ESCAPE '\\'",
        vec![anywhere(&text.to_lowercase()).into()],
    )
    .await?;
    Ok(())
}
