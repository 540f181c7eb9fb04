//! Writing a batch: channels, messages, events, roll-ups. The hot path.

use std::collections::{BTreeMap, HashMap, HashSet};

use ::store::{StoreError, sql};
use identity::Resolved;
use kernel::{ChatEvent, EventKind, Source, event::Message};
use sea_orm::{ConnectionTrait, Value};

use super::placeholders;
use crate::{
    record::{ChannelKey, Incoming},
    rollup::{DayKey, Deltas},
};

/// Days of accounts that nothing was recorded of before.
pub(crate) type Opened = HashSet<DayKey>;

/// A resolved event about to be inserted.
pub(crate) struct NewRow<'a> {
    pub(crate) index: usize,
    pub(crate) incoming: &'a Incoming,
    pub(crate) who: Resolved,
    pub(crate) channel: i64,
}

/// Finds or makes the channels of a batch.
pub(crate) async fn channels(
    conn: &impl ConnectionTrait,
    names: &HashMap<ChannelKey, String>,
) -> Result<HashMap<ChannelKey, i64>, StoreError> {
    let mut found = HashMap::with_capacity(names.len());
    let mut keys: Vec<&ChannelKey> = names.keys().collect();
    // In one order for all, so that two processes that meet the same new channels wait for each other
    // instead of for ever.
    keys.sort_unstable();
    for part in keys.chunks(200) {
        let mut communities: Vec<i32> = part.iter().map(|(community, _, _)| *community).collect();
        communities.sort_unstable();
        communities.dedup();
        let n = communities.len();
        let query = format!(
            "SELECT community_id, platform, platform_channel_id, id FROM channel \
             WHERE community_id IN ({}) AND platform_channel_id IN ({})",
            placeholders(1, n),
            placeholders(n + 1, part.len())
        );
        let values = communities.into_iter().map(Value::from).chain(
            part.iter()
                .map(|(_, _, channel)| Value::from(channel.clone())),
        );
        for row in sql::rows(conn, &query, values.collect()).await? {
            let key = (
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
            );
            found.insert(key, row.try_get_by_index(3)?);
        }
    }
    let missing = keys
        .into_iter()
        .filter(|key| !found.contains_key(*key))
        .map(|key| {
            let name = names.get(key).map_or("", String::as_str);
            vec![
                key.0.into(),
                key.1.into(),
                key.2.clone().into(),
                name.into(),
            ]
        });
    let made = sql::insert_returning(
        conn,
        "INSERT INTO channel (community_id, platform, platform_channel_id, name)",
        missing.collect(),
        " RETURNING community_id, platform, platform_channel_id, id",
    )
    .await?;
    for row in made {
        let key = (
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
        );
        found.insert(key, row.try_get_by_index(3)?);
    }
    Ok(found)
}

/// Inserts the messages that are not stored yet; answers their ids by (platform, message id).
pub(crate) async fn insert_messages(
    conn: &impl ConnectionTrait,
    rows: &[(NewRow<'_>, &Message)],
) -> Result<HashMap<(i16, String), i64>, StoreError> {
    let values = rows.iter().map(|(row, message)| {
        let event = &row.incoming.event;
        vec![
            event.platform.code().into(),
            event.event_id.clone().into(),
            row.incoming.community.0.into(),
            row.channel.into(),
            row.who.account.0.into(),
            event.sent_at.0.into(),
            message.text.clone().into(),
            small(message.n_mentions).into(),
            small(message.n_embeds).into(),
            message.reply_to.clone().into(),
            (event.source == Source::Import).into(),
        ]
    });
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO message (platform, message_id, community_id, channel_id, account_id, sent_at, text, \
         n_mentions, n_embeds, reply_to, imported)",
        values.collect(),
        " ON CONFLICT (platform, message_id) DO NOTHING RETURNING platform, message_id, id",
    )
    .await?;
    let mut ids = HashMap::with_capacity(inserted.len());
    for row in inserted {
        ids.insert(
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
            row.try_get_by_index(2)?,
        );
    }
    Ok(ids)
}

/// Inserts the other events that are not stored yet; answers the keys of the new ones.
pub(crate) async fn insert_events(
    conn: &impl ConnectionTrait,
    rows: &[NewRow<'_>],
) -> Result<HashSet<(i16, String)>, StoreError> {
    let values = rows.iter().map(|row| {
        let event = &row.incoming.event;
        vec![
            event.platform.code().into(),
            event.event_id.clone().into(),
            event.kind.tag().code().into(),
            row.incoming.community.0.into(),
            row.channel.into(),
            row.who.account.0.into(),
            event.sent_at.0.into(),
            event.kind.amount().into(),
            detail(event).into(),
            (event.source == Source::Import).into(),
        ]
    });
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO chat_event \
         (platform, event_id, kind, community_id, channel_id, account_id, at, amount, detail, imported)",
        values.collect(),
        " ON CONFLICT (platform, event_id) DO NOTHING RETURNING platform, event_id",
    )
    .await?;
    inserted
        .into_iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

fn small(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// What the amount does not say, as JSON.
fn detail(event: &ChatEvent) -> String {
    let value = match &event.kind {
        EventKind::Subscription { tier, .. } | EventKind::Gift { tier, .. } => {
            serde_json::json!({ "tier": tier })
        }
        EventKind::Donation { currency, .. } => serde_json::json!({ "currency": currency }),
        EventKind::Reaction { emoji, message_id } => {
            serde_json::json!({ "emoji": emoji, "message": message_id })
        }
        EventKind::Moderation(m) => {
            serde_json::json!({ "moderator": m.moderator, "reason": m.reason })
        }
        EventKind::StreamOnline { title } => serde_json::json!({ "title": title }),
        EventKind::Message(_)
        | EventKind::Join
        | EventKind::Follow
        | EventKind::Cheer { .. }
        | EventKind::Raid { .. }
        | EventKind::StreamOffline => return "{}".to_owned(),
    };
    value.to_string()
}

/// Adds what accounts said to their days; answers the days that are new to the account.
pub(crate) async fn add_days(
    conn: &impl ConnectionTrait,
    deltas: &Deltas,
) -> Result<Opened, StoreError> {
    let days = deltas.days.iter().map(|((community, day, account), d)| {
        vec![
            (*community).into(),
            (*day).into(),
            (*account).into(),
            d.user.into(),
            d.platform.into(),
            d.messages.into(),
            d.first_at.0.into(),
            d.last_at.0.into(),
        ]
    });
    let stored = sql::insert_returning(
        conn,
        "INSERT INTO activity_day (community_id, day, account_id, user_id, platform, messages, first_at, last_at)",
        days.collect(),
        " ON CONFLICT (community_id, day, account_id) DO UPDATE SET \
         messages = activity_day.messages + excluded.messages, \
         first_at = CASE WHEN excluded.first_at < activity_day.first_at THEN excluded.first_at ELSE activity_day.first_at END, \
         last_at = CASE WHEN excluded.last_at > activity_day.last_at THEN excluded.last_at ELSE activity_day.last_at END \
         RETURNING community_id, day, account_id, messages",
    )
    .await?;
    let mut opened = Opened::default();
    for row in stored {
        let key = (
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
        );
        let messages: i32 = row.try_get_by_index(3)?;
        // A row that was there has at least one message more than were added.
        if deltas
            .days
            .get(&key)
            .is_some_and(|d| d.messages == messages)
        {
            opened.insert(key);
        }
    }
    Ok(opened)
}

/// Counts the days on which nobody of a member's accounts had said something before. After their rows are
/// there, and after the members' rows are held: of two batches that open the same day for two accounts of one
/// member, the second finds the row of the first.
pub(crate) async fn count_days(
    conn: &impl ConnectionTrait,
    deltas: &Deltas,
    opened: &Opened,
) -> Result<(), StoreError> {
    let mut accounts: BTreeMap<(i32, i32, i32), i32> = BTreeMap::new();
    for key @ (community, day, _) in opened {
        if let Some(d) = deltas.days.get(key) {
            *accounts.entry((*community, d.user, *day)).or_default() += 1;
        }
    }
    let rows = accounts.into_iter().map(|((community, user, day), n)| {
        vec![community.into(), user.into(), day.into(), n.into()]
    });
    sql::insert(
        conn,
        "UPDATE member SET active_days = active_days + w.n FROM \
         (SELECT v.column1 AS community_id, v.column2 AS user_id, CAST(COUNT(*) AS integer) AS n FROM (",
        rows.collect(),
        ") AS v WHERE v.column4 = (SELECT COUNT(*) FROM activity_day d WHERE d.community_id = v.column1 \
           AND d.user_id = v.column2 AND d.day = v.column3) \
         GROUP BY v.column1, v.column2) AS w \
         WHERE member.community_id = w.community_id AND member.user_id = w.user_id",
    )
    .await
}

/// Adds the changes to the other roll-ups.
pub(crate) async fn apply(conn: &impl ConnectionTrait, deltas: &Deltas) -> Result<(), StoreError> {
    let hours = deltas
        .hours
        .iter()
        .map(|((community, day, hour, platform), messages)| {
            vec![
                (*community).into(),
                (*day).into(),
                (*hour).into(),
                (*platform).into(),
                (*messages).into(),
            ]
        });
    sql::insert(
        conn,
        "INSERT INTO activity_hour (community_id, day, hour, platform, messages)",
        hours.collect(),
        " ON CONFLICT (community_id, day, hour, platform) DO UPDATE SET \
         messages = activity_hour.messages + excluded.messages",
    )
    .await?;
    let kinds = deltas
        .kinds
        .iter()
        .map(|((community, day, platform, kind), d)| {
            vec![
                (*community).into(),
                (*day).into(),
                (*platform).into(),
                (*kind).into(),
                d.events.into(),
                d.amount.into(),
            ]
        });
    sql::insert(
        conn,
        "INSERT INTO activity_kind (community_id, day, platform, kind, events, amount)",
        kinds.collect(),
        " ON CONFLICT (community_id, day, platform, kind) DO UPDATE SET \
         events = activity_kind.events + excluded.events, amount = activity_kind.amount + excluded.amount",
    )
    .await?;
    let members = deltas.members.iter().map(|((community, user), d)| {
        vec![
            (*community).into(),
            (*user).into(),
            d.name.clone().into(),
            d.name.to_lowercase().into(),
            d.platforms.into(),
            d.first_at.0.into(),
            d.last_at.0.into(),
            d.first_message_day.into(),
            d.messages.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO member (community_id, user_id, name, name_folded, platforms, first_at, last_at, \
         first_message_day, messages)",
        members.collect(),
        " ON CONFLICT (community_id, user_id) DO UPDATE SET \
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
    )
    .await?;
    Ok(())
}
