//! Rows of `bot_channel`, and which cases wait to be told of there.

use ::store::{StoreError, Work, sql};
use kernel::{ChannelChoice, CommunityId, ServerId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{Level, ModeratorChannel, Probability, case::accusing_bits};

/// A stored channel.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) community: CommunityId,
    pub(crate) channel: ModeratorChannel,
    /// When something was posted of cases last.
    pub(crate) told_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Raw {
    community_id: i32,
    server_id: i32,
    channel: String,
    channel_name: String,
    least: i16,
    told_at: i64,
}

const fn code(level: Level) -> i16 {
    match level {
        Level::Unlikely => 0,
        Level::Possible => 1,
        Level::Likely => 2,
    }
}

fn level(stored: i16) -> Result<Level, StoreError> {
    let found = Level::ALL.into_iter().find(|level| code(*level) == stored);
    found.ok_or_else(|| StoreError::Data(format!("unknown level {stored}")))
}

impl TryFrom<Raw> for Row {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            community: CommunityId(raw.community_id),
            channel: ModeratorChannel {
                server: ServerId(raw.server_id),
                channel: ChannelChoice {
                    id: raw.channel,
                    name: raw.channel_name,
                },
                least: level(raw.least)?,
            },
            told_at: Timestamp(raw.told_at),
        })
    }
}

const COLUMNS: &str = "community_id, server_id, channel, channel_name, least, told_at";

/// The channel of a community, if it has one.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Option<Row>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_channel WHERE community_id = $1");
    let raw: Option<Raw> = sql::one(conn, &query, vec![community.0.into()]).await?;
    raw.map(Row::try_from).transpose()
}

/// Chooses it. When something was posted last stays.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    channel: &ModeratorChannel,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_channel (community_id, server_id, channel, channel_name, least, told_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (community_id) DO UPDATE SET server_id = $2, \
         channel = $3, channel_name = $4, least = $5, updated_at = $6",
        vec![
            community.0.into(),
            channel.server.0.into(),
            channel.channel.id.clone().into(),
            channel.channel.name.clone().into(),
            code(channel.least).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// From now on nobody is told; what waited waits no more.
pub(crate) async fn remove(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(), StoreError> {
    for query in [
        "UPDATE bot_case SET told = 0 WHERE community_id = $1 AND told = 1",
        "DELETE FROM bot_channel WHERE community_id = $1",
    ] {
        sql::execute(conn, query, vec![community.0.into()]).await?;
    }
    Ok(())
}

/// A case waits to be told of, unless somebody was told of this opening of it; answers whether it does now.
pub(crate) async fn wait(conn: &impl ConnectionTrait, case: i32) -> Result<bool, StoreError> {
    let query = "UPDATE bot_case SET told = 1 WHERE id = $1 AND told = 0";
    Ok(sql::execute(conn, query, vec![case.into()]).await? > 0)
}

/// The open cases of a community that accuse somebody, from a probability on, wait to be told of, unless somebody was; answers how
/// many do now.
pub(crate) async fn all_wait(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    least: Probability,
) -> Result<u64, StoreError> {
    let query = format!(
        "UPDATE bot_case SET told = 1 WHERE community_id = $1 AND state = 0 AND told = 0 AND probability_ppm >= $2 \
         AND (reasons & {}) <> 0",
        accusing_bits()
    );
    sql::execute(
        conn,
        &query,
        vec![community.0.into(), least.stored().into()],
    )
    .await
}

/// The channels in which something is to be told: an open case waits, the last post is from before an instant, and it is no
/// dry run.
pub(crate) async fn due(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM bot_channel WHERE told_at <= $1 AND EXISTS (SELECT 1 FROM bot_case \
         WHERE bot_case.community_id = bot_channel.community_id AND told = 1 AND state = 0) \
         AND NOT EXISTS (SELECT 1 FROM bot_setting \
         WHERE bot_setting.community_id = bot_channel.community_id AND is_dry_run) \
         ORDER BY told_at, community_id LIMIT {limit}"
    );
    let rows: Vec<Raw> = sql::all(conn, &query, vec![before.0.into()]).await?;
    rows.into_iter().map(Row::try_from).collect()
}

/// Takes the turn to post in a community's channel; `false` if somebody else did meanwhile, or it has none any more. Who
/// comes at the same time waits.
pub(crate) async fn take_turn(
    work: &Work,
    community: CommunityId,
    before: Timestamp,
) -> Result<bool, StoreError> {
    let query = "UPDATE bot_channel SET told_at = $2 WHERE community_id = $1 AND told_at <= $3";
    let values = vec![community.0.into(), work.now().0.into(), before.0.into()];
    Ok(sql::execute(work.conn(), query, values).await? > 0)
}

/// The open cases of a community that wait, the surest first, at most `limit`: nobody has to be told of them any more. One
/// that somebody changes just now goes on waiting.
pub(crate) async fn take(
    work: &Work,
    community: CommunityId,
    limit: i64,
) -> Result<Vec<i32>, StoreError> {
    let skip = sql::skip_locked(work.engine());
    let query = format!(
        "SELECT id FROM bot_case WHERE community_id = $1 AND told = 1 AND state = 0 \
         ORDER BY probability_ppm DESC, id LIMIT {limit}{skip}"
    );
    let mut ids = Vec::new();
    for row in sql::rows(work.conn(), &query, vec![community.0.into()]).await? {
        ids.push(row.try_get_by_index::<i32>(0)?);
    }
    for part in ids.chunks(super::IN_MAX) {
        let query = format!(
            "UPDATE bot_case SET told = 2 WHERE id IN ({})",
            super::placeholders(1, part.len())
        );
        let values = part.iter().map(|id| (*id).into()).collect();
        sql::execute(work.conn(), &query, values).await?;
    }
    Ok(ids)
}
