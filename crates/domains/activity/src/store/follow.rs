//! Rows of `activity_day` and `member` that go from one person to another.

use ::store::{StoreError, sql};
use kernel::UserId;
use sea_orm::ConnectionTrait;

/// A day belongs to an account, so no two rows meet.
pub(crate) async fn days(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE activity_day SET user_id = $2 WHERE user_id = $1",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    Ok(())
}

/// A member's row is added to the one the other person has in the same community, as if everything
/// had been recorded for them.
pub(crate) async fn members(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO member (community_id, user_id, name, name_folded, platforms, first_at, last_at, \
           first_message_day, messages) \
         SELECT community_id, CAST($2 AS integer), name, name_folded, platforms, first_at, last_at, \
           first_message_day, messages FROM member WHERE user_id = $1 \
         ON CONFLICT (community_id, user_id) DO UPDATE SET \
         name = CASE WHEN excluded.last_at >= member.last_at THEN excluded.name ELSE member.name END, \
         name_folded = CASE WHEN excluded.last_at >= member.last_at THEN excluded.name_folded ELSE member.name_folded END, \
         platforms = member.platforms | excluded.platforms, \
         first_at = CASE WHEN excluded.first_at < member.first_at THEN excluded.first_at ELSE member.first_at END, \
         last_at = CASE WHEN excluded.last_at > member.last_at THEN excluded.last_at ELSE member.last_at END, \
         first_message_day = CASE \
           WHEN member.first_message_day IS NULL THEN excluded.first_message_day \
           WHEN excluded.first_message_day < member.first_message_day THEN excluded.first_message_day \
           ELSE member.first_message_day END, \
         messages = member.messages + excluded.messages",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    sql::execute(
        conn,
        "DELETE FROM member WHERE user_id = $1",
        vec![from.0.into()],
    )
    .await?;
    Ok(())
}
