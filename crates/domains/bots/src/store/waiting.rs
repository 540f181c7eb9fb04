//! What waits for moderators, counted over `bot_case` and `bot_appeal`, and the arrivals of `bot_scene`.

use ::store::{StoreError, sql};
use kernel::CommunityId;
use sea_orm::ConnectionTrait;

use crate::{AppealState, CaseState, Setting};

/// What was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Row {
    pub(crate) likely: u64,
    pub(crate) appeals: u64,
    pub(crate) arrivals: String,
}

pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Row, StoreError> {
    let query = "SELECT (SELECT COUNT(*) FROM bot_case WHERE community_id = $1 AND state = $2 AND probability_ppm >= \
         COALESCE((SELECT likely_ppm FROM bot_setting WHERE community_id = $1), $3)), \
         (SELECT COUNT(*) FROM bot_appeal WHERE community_id = $1 AND state = $4), \
         (SELECT arrivals FROM bot_scene WHERE community_id = $1)";
    let values = vec![
        community.0.into(),
        CaseState::Open.code().into(),
        Setting::default().likely.stored().into(),
        AppealState::Open.code().into(),
    ];
    let Some(row) = sql::rows(conn, query, values).await?.into_iter().next() else {
        return Ok(Row::default());
    };
    let (likely, appeals): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let arrivals: Option<String> = row.try_get_by_index(2)?;
    Ok(Row {
        likely: u64::try_from(likely).unwrap_or(0),
        appeals: u64::try_from(appeals).unwrap_or(0),
        arrivals: arrivals.unwrap_or_default(),
    })
}
