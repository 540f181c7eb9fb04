//! Rows of `message`, `chat_event` and `activity_day` of one person's accounts.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, PageRequest, Timestamp, UserId, event::EventTag};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count, placeholders, platform as platform_of, tag as tag_of};
use crate::{FeedItem, PlatformActivity};

/// The last entry seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) at: i64,
    pub(crate) is_event: bool,
    pub(crate) id: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    community_id: i32,
    platform: i16,
    channel: String,
    at: i64,
    kind: Option<i16>,
    text: String,
}

impl TryFrom<Row> for FeedItem {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            community: CommunityId(row.community_id),
            platform: platform_of(row.platform)?,
            channel: row.channel,
            at: Timestamp(row.at),
            event: row.kind.map(tag_of).transpose()?,
            text: if row.kind.is_some() {
                plain(&row.text)
            } else {
                row.text
            },
        })
    }
}

/// An event's detail as people read it: the values of its JSON object.
fn plain(detail: &str) -> String {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(detail).unwrap_or_default();
    let values: Vec<String> = object
        .values()
        .filter_map(|value| match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    values.join(", ")
}

/// Which of two tables is read.
struct Source {
    select: &'static str,
    at: &'static str,
    is_event: bool,
}

const MESSAGES: Source = Source {
    select: "SELECT t.id, t.community_id, t.platform, c.name AS channel, t.sent_at AS at, \
             CAST(NULL AS smallint) AS kind, t.text FROM message t JOIN channel c ON c.id = t.channel_id",
    at: "sent_at",
    is_event: false,
};

const EVENTS: Source = Source {
    select: "SELECT t.id, t.community_id, t.platform, c.name AS channel, t.at AS at, t.kind AS kind, \
             t.detail AS text FROM chat_event t JOIN channel c ON c.id = t.channel_id",
    at: "at",
    is_event: true,
};

async fn read(
    conn: &impl ConnectionTrait,
    source: &Source,
    accounts: &[i64],
    place: Option<Place>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let place = place.unwrap_or(Place {
        at: i64::MAX,
        is_event: true,
        id: i64::MAX,
    });
    // Of entries of one instant, events come before messages, as newest come first.
    let last = match (source.is_event, place.is_event) {
        (false, true) => i64::MAX,
        (true, false) => 0,
        _ => place.id,
    };
    let mut values: Vec<Value> = vec![place.at.into(), last.into(), limit.into()];
    values.extend(accounts.iter().map(|id| Value::from(*id)));
    let query = format!(
        "{} WHERE t.account_id IN ({}) AND (t.{at} < $1 OR (t.{at} = $1 AND t.id < $2)) \
         ORDER BY t.{at} DESC, t.id DESC LIMIT $3",
        source.select,
        placeholders(4, accounts.len()),
        at = source.at,
    );
    sql::all(conn, &query, values).await
}

pub(crate) async fn messages(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
    place: Option<Place>,
    page: &PageRequest,
) -> Result<Vec<FeedItem>, StoreError> {
    let limit = i64::from(page.limit()) + 1;
    let rows = read(conn, &MESSAGES, accounts, place, limit).await?;
    rows.into_iter().map(FeedItem::try_from).collect()
}

const fn is_moderation(tag: EventTag) -> bool {
    matches!(
        tag,
        EventTag::Warn | EventTag::Timeout | EventTag::Kick | EventTag::Ban
    )
}

/// Moderation only where `moderates` says so; what is left out is made up for, so that a page is
/// full as long as there is more.
pub(crate) async fn events(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
    mut place: Option<Place>,
    page: &PageRequest,
    moderates: impl Fn(CommunityId) -> bool,
) -> Result<Vec<FeedItem>, StoreError> {
    let limit = i64::from(page.limit()) + 1;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    loop {
        let rows = read(conn, &EVENTS, accounts, place, limit).await?;
        let is_last = rows.len() < wanted;
        for row in rows {
            let item = FeedItem::try_from(row)?;
            place = Some(Place {
                at: item.at.0,
                is_event: true,
                id: item.id,
            });
            if !item.event.is_some_and(is_moderation) || moderates(item.community) {
                found.push(item);
            }
        }
        if is_last || found.len() >= wanted {
            return Ok(found);
        }
    }
}

#[derive(FromQueryResult)]
struct Sum {
    user_id: i32,
    platform: i16,
    messages: i64,
    days: i64,
    last_at: i64,
}

/// What was written with some accounts, for each person they belong to.
pub(crate) async fn by_platform(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
    since: i32,
) -> Result<HashMap<UserId, Vec<PlatformActivity>>, StoreError> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let mut values: Vec<Value> = vec![since.into()];
    values.extend(accounts.iter().map(|id| Value::from(*id)));
    let rows: Vec<Sum> = sql::all(
        conn,
        &format!(
            "SELECT user_id, platform, CAST(SUM(messages) AS bigint) AS messages, \
               COUNT(DISTINCT day) AS days, MAX(last_at) AS last_at FROM activity_day \
             WHERE account_id IN ({}) AND day >= $1 AND messages > 0 \
             GROUP BY user_id, platform ORDER BY user_id, platform",
            placeholders(2, accounts.len())
        ),
        values,
    )
    .await?;
    let mut found: HashMap<UserId, Vec<PlatformActivity>> = HashMap::new();
    for row in rows {
        let activity = PlatformActivity {
            platform: platform_of(row.platform)?,
            messages: count(row.messages),
            active_days: count(row.days),
            last: Timestamp(row.last_at),
        };
        found.entry(UserId(row.user_id)).or_default().push(activity);
    }
    Ok(found)
}
