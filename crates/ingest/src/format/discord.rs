//! JSON written by DiscordChatExporter: one file is one channel (or thread) of one guild.
//! Takes no direct look at Discord; ids and times are what the export says.

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};
use serde::Deserialize;

use super::{
    Fatal, InputFile, OpenError, Options, Reader, RejectReason,
    documents::{Documents, Part, Shape, element, header, headers, open_file},
    elements::Elements,
    input::Consumed,
    loose::{Count, Id, list},
    time::rfc3339,
};

/// Discord's epoch, 2015-01-01, in milliseconds; snowflake ids count from there.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

pub(super) fn open(
    input: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader + Send>, OpenError> {
    let limit = options.limits.record_bytes_max;
    let [guild, channel] = headers(input, ["guild", "channel"], "messages", limit)?;
    let guild: Named = header(input, "guild", guild)?;
    let channel: Named = header(input, "channel", channel)?;
    let consumed = Consumed::default();
    let bytes = open_file(input, &consumed)?;
    let shape = Channel {
        elements: Some(Elements::under(bytes, "messages", limit)),
        origin: Origin {
            server: guild.id.0,
            channel: channel.id.0,
            channel_name: channel.name.unwrap_or_default(),
        },
    };
    Ok(Box::new(Documents::new(
        shape,
        options,
        input.path.display().to_string(),
        consumed,
        input.bytes,
    )))
}

#[derive(Deserialize)]
struct Named {
    id: Id,
    name: Option<String>,
}

struct Channel {
    elements: Option<Elements>,
    origin: Origin,
}

#[derive(Deserialize)]
struct Row {
    id: Option<Id>,
    #[serde(rename = "type")]
    kind: Option<Id>,
    timestamp: Option<String>,
    content: Option<String>,
    author: Option<User>,
    #[serde(default)]
    attachments: Count,
    #[serde(default)]
    embeds: Count,
    #[serde(default)]
    stickers: Count,
    #[serde(default)]
    mentions: Count,
    #[serde(default, deserialize_with = "list")]
    reactions: Vec<Reaction>,
    reference: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Option<Id>,
    name: Option<String>,
    nickname: Option<String>,
    is_bot: Option<bool>,
}

#[derive(Deserialize)]
struct Reaction {
    emoji: Option<Emoji>,
    #[serde(default, deserialize_with = "list")]
    users: Vec<User>,
}

#[derive(Deserialize)]
struct Emoji {
    id: Option<Id>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    message_id: Option<Id>,
}

impl Shape for Channel {
    fn next_part(&mut self) -> Result<Part, Fatal> {
        Ok(self
            .elements
            .take()
            .map_or(Part::End, |elements| Part::File {
                elements,
                place: None,
            }))
    }

    fn parse(&mut self, json: &str, events: &mut Vec<ChatEvent>) -> Result<(), RejectReason> {
        let row: Row = element(json)?;
        let id = row.id.ok_or(RejectReason::Missing { field: "id" })?.0;
        let kind = match row.kind.as_ref().map_or("Default", |kind| kind.0.as_str()) {
            // 20 and 23: a bot's answer to a command, which the exporter writes as a number.
            "Default" | "Reply" | "0" | "19" | "20" | "23" => EventKind::Message(Message {
                is_ours: false,
                text: row.content.unwrap_or_default(),
                n_mentions: row.mentions.0,
                n_embeds: row
                    .attachments
                    .0
                    .saturating_add(row.embeds.0)
                    .saturating_add(row.stickers.0),
                reply_to: row
                    .reference
                    .and_then(|reference| reference.message_id)
                    .map(|id| id.0)
                    .filter(|id| !id.is_empty()),
            }),
            "GuildMemberJoin" | "7" => EventKind::Join,
            _ => return Ok(()),
        };
        let timestamp = row
            .timestamp
            .ok_or(RejectReason::Missing { field: "timestamp" })?;
        let sent_at = rfc3339(&timestamp).ok_or_else(|| {
            RejectReason::value("timestamp", &timestamp, "a time with offset (RFC 3339)")
        })?;
        let author = row
            .author
            .ok_or(RejectReason::Missing { field: "author" })?;
        let base = ChatEvent {
            platform: Platform::Discord,
            event_id: id,
            origin: self.origin.clone(),
            account: account(author)?,
            sent_at,
            source: Source::Import,
            kind,
        };
        events.push(base.clone());
        for reaction in row.reactions {
            react(reaction, &base, events)?;
        }
        Ok(())
    }
}

/// One event per user, as far as the export lists users. Discord does not tell when a reaction was
/// put, so it carries the time of the message.
fn react(
    reaction: Reaction,
    message: &ChatEvent,
    events: &mut Vec<ChatEvent>,
) -> Result<(), RejectReason> {
    // A guild's own emoji have an id, and two of them may share a name.
    let (id, name) = reaction
        .emoji
        .map_or((None, None), |emoji| (emoji.id, emoji.name));
    let id = id.map(|id| id.0).filter(|id| !id.is_empty());
    let name = name.filter(|name| !name.is_empty());
    let emoji = name.clone().or_else(|| id.clone()).unwrap_or_default();
    let key = id.or(name).unwrap_or_default();
    for user in reaction.users {
        let account = account(user)?;
        events.push(ChatEvent {
            event_id: format!("{}:{key}:{}", message.event_id, account.platform_user_id),
            account,
            kind: EventKind::Reaction {
                emoji: emoji.clone(),
                message_id: message.event_id.clone(),
            },
            ..message.clone()
        });
    }
    Ok(())
}

fn account(user: User) -> Result<Account, RejectReason> {
    let id = user
        .id
        .ok_or(RejectReason::Missing { field: "author.id" })?;
    let nickname = user.nickname.filter(|name| !name.trim().is_empty());
    Ok(Account {
        standing: None,
        created_at: created_at(&id.0),
        username: nickname.or(user.name).unwrap_or_default(),
        platform_user_id: id.0,
        is_bot: user.is_bot.unwrap_or(false),
    })
}

/// When a snowflake was made: its upper bits are milliseconds since Discord's epoch.
fn created_at(snowflake: &str) -> Option<Timestamp> {
    let id: u64 = snowflake.parse().ok()?;
    // Ids of a few digits are stand-ins (0 for a deleted author), not snowflakes.
    let millis = i64::try_from(id >> 22).ok().filter(|ms| *ms > 0)?;
    Some(Timestamp::from_millis(millis + DISCORD_EPOCH_MS))
}

#[cfg(test)]
mod tests;
