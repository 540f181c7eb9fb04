//! Chat JSON written by TwitchDownloader: one file is the chat of one video of one channel.
//! Its embedded pictures are passed over without being held.

use std::time::Duration;

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};
use serde::Deserialize;

use super::{
    Fatal, InputFile, OpenError, Options, Reader, RejectReason,
    documents::{Documents, Part, Shape, element, header, headers, open_file},
    elements::Elements,
    input::Consumed,
    loose::{Id, list},
    time::rfc3339,
};

/// The badge Twitch gives to accounts it knows to be chat bots.
const BOT_BADGE: &str = "bot-badge";

pub(super) fn open(
    input: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader + Send>, OpenError> {
    let limit = options.limits.record_bytes_max;
    let [streamer, video] = headers(input, ["streamer", "video"], "comments", limit)?;
    let streamer: Streamer = header(input, "streamer", streamer)?;
    // A video without a usable time only matters for comments without one of their own.
    let video_began = video
        .and_then(|video| serde_json::from_slice::<Video>(&video).ok())
        .and_then(|video| rfc3339(&video.created_at?));

    let consumed = Consumed::default();
    let bytes = open_file(input, &consumed)?;
    let shape = Chat {
        elements: Some(Elements::under(bytes, "comments", limit)),
        streamer_id: streamer.id.unwrap_or_default().0,
        streamer_name: streamer.name.unwrap_or_default(),
        video_began,
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
struct Streamer {
    name: Option<String>,
    id: Option<Id>,
}

#[derive(Deserialize)]
struct Video {
    created_at: Option<String>,
}

struct Chat {
    elements: Option<Elements>,
    streamer_id: String,
    streamer_name: String,
    video_began: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    id: Option<Id>,
    created_at: Option<String>,
    channel_id: Option<Id>,
    content_offset_seconds: Option<f64>,
    commenter: Option<Commenter>,
    message: Option<Said>,
}

#[derive(Deserialize)]
struct Commenter {
    #[serde(rename = "_id")]
    id: Option<Id>,
    display_name: Option<String>,
    name: Option<String>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    body: Option<String>,
    bits_spent: Option<u32>,
    #[serde(default, deserialize_with = "list")]
    user_badges: Vec<Badge>,
}

#[derive(Deserialize)]
struct Badge {
    #[serde(rename = "_id")]
    id: Option<Id>,
}

impl Shape for Chat {
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
        let missing = |field| RejectReason::Missing { field };
        let said = row.message.ok_or(missing("message"))?;
        let sent_at = match (&row.created_at, row.content_offset_seconds) {
            (Some(text), _) => rfc3339(text)
                .ok_or_else(|| RejectReason::value("created_at", text, "a time (RFC 3339)"))?,
            (None, Some(offset)) => self
                .video_began
                .zip(Duration::try_from_secs_f64(offset).ok())
                .map(|(began, offset)| began.plus(offset))
                .ok_or(missing("created_at"))?,
            (None, None) => return Err(missing("created_at")),
        };
        let channel = row
            .channel_id
            .map(|id| id.0)
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| self.streamer_id.clone());
        let is_bot = said
            .user_badges
            .iter()
            .any(|badge| badge.id.as_ref().is_some_and(|id| id.0 == BOT_BADGE));
        let text = said.body.unwrap_or_default();
        let message = ChatEvent {
            platform: Platform::Twitch,
            event_id: row.id.ok_or(missing("_id"))?.0,
            origin: Origin {
                server: channel.clone(),
                channel,
                channel_name: self.streamer_name.clone(),
            },
            account: account(row.commenter.ok_or(missing("commenter"))?, is_bot)?,
            sent_at,
            source: Source::Import,
            kind: EventKind::Message(Message {
                n_mentions: mentions(&text),
                text,
                ..Message::default()
            }),
        };
        let cheer = said
            .bits_spent
            .filter(|bits| *bits > 0)
            .map(|bits| ChatEvent {
                event_id: format!("{}:cheer", message.event_id),
                kind: EventKind::Cheer { bits },
                ..message.clone()
            });
        events.push(message);
        events.extend(cheer);
        Ok(())
    }
}

fn account(commenter: Commenter, is_bot: bool) -> Result<Account, RejectReason> {
    let id = commenter.id.ok_or(RejectReason::Missing {
        field: "commenter._id",
    })?;
    let display_name = commenter
        .display_name
        .filter(|name| !name.trim().is_empty());
    Ok(Account {
        standing: None,
        platform_user_id: id.0,
        username: display_name.or(commenter.name).unwrap_or_default(),
        // Unknown ages are written as the year 1, without an offset; they stay unknown.
        created_at: commenter.created_at.and_then(|text| rfc3339(&text)),
        is_bot,
    })
}

/// Words that begin with `@` and go on: what Twitch highlights.
fn mentions(text: &str) -> u32 {
    let names = text.split_whitespace().filter(|word| {
        word.strip_prefix('@')
            .is_some_and(|name| name.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    u32::try_from(names.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
