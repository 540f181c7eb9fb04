//! What reputation asks of the roll-ups.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Day, UserId};
use sea_orm::ConnectionTrait;

/// Days after `since` on which a person wrote in a community.
pub(crate) async fn active_days(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    since: Day,
) -> Result<u32, StoreError> {
    let days: i64 = sql::scalar(
        conn,
        "SELECT COUNT(DISTINCT day) FROM activity_day \
         WHERE community_id = $1 AND user_id = $2 AND day > $3 AND messages > 0",
        vec![community.0.into(), user.0.into(), since.0.into()],
    )
    .await?;
    Ok(u32::try_from(days).unwrap_or(0))
}

/// What a member is called; `None` for somebody who was never seen in the community.
pub(crate) async fn name(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
) -> Result<Option<String>, StoreError> {
    sql::optional(
        conn,
        "SELECT name FROM member WHERE community_id = $1 AND user_id = $2",
        vec![community.0.into(), user.0.into()],
    )
    .await
}
