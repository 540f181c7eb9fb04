//! Rows of `channel`, read.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform};
use sea_orm::ConnectionTrait;

/// The names of a community's channels, the newest first.
pub(crate) async fn names(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    most: u32,
) -> Result<HashMap<(Platform, String), String>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT platform, platform_channel_id, name FROM channel \
         WHERE community_id = $1 AND name <> '' ORDER BY id DESC LIMIT $2",
        vec![community.0.into(), i64::from(most).into()],
    )
    .await?;
    let mut names = HashMap::with_capacity(rows.len());
    for row in rows {
        let platform: i16 = row.try_get_by_index(0)?;
        if let Some(platform) = Platform::from_code(platform) {
            names.insert(
                (platform, row.try_get_by_index(1)?),
                row.try_get_by_index(2)?,
            );
        }
    }
    Ok(names)
}
