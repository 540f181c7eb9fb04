//! Reading the beginnings and ends of streams out of `chat_event`.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp, event::EventTag};
use sea_orm::ConnectionTrait;

use super::tag;
use crate::stream::StreamEvent;

/// Newest first. Reads only events of the time asked about, by the index on (community, time).
pub(crate) async fn since(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    since: Timestamp,
) -> Result<Vec<StreamEvent>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT channel_id, kind, at FROM chat_event \
         WHERE community_id = $1 AND at >= $2 AND kind IN ($3, $4) ORDER BY at DESC, id DESC LIMIT 500",
        vec![
            community.0.into(),
            since.0.into(),
            EventTag::StreamOnline.code().into(),
            EventTag::StreamOffline.code().into(),
        ],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(StreamEvent {
                channel: row.try_get_by_index(0)?,
                tag: tag(row.try_get_by_index(1)?)?,
                at: Timestamp(row.try_get_by_index(2)?),
            })
        })
        .collect()
}
