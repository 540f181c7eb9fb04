//! Writes an event as a line of our format, so that history can leave the way it comes in.

use kernel::{ChatEvent, EventKind, Timestamp, event::ModerationAction};
use serde::Serialize;

use crate::format::time::to_rfc3339;

/// One event as one line, without the newline. Reading the line gives the same event, as far as
/// the event is one the reader accepts and its source is history.
#[expect(
    clippy::missing_panics_doc,
    reason = "a flat struct of strings and numbers always serialises"
)]
pub fn render(event: &ChatEvent, community: Option<&str>) -> String {
    let mut row = Row {
        platform: event.platform.as_str(),
        community,
        server: Some(event.origin.server.as_str()).filter(|server| !server.is_empty()),
        channel: &event.origin.channel,
        channel_name: Some(event.origin.channel_name.as_str())
            .filter(|name| *name != event.origin.channel),
        message_id: &event.event_id,
        user_id: &event.account.platform_user_id,
        username: &event.account.username,
        is_bot: event.account.is_bot.then_some(true),
        tag: Some(event.kind.tag().as_str()),
        ..Row::default()
    };
    (row.sent_at_ms, row.sent_at) = time(event.sent_at);
    if let Some(created_at) = event.account.created_at {
        (row.account_created_at_ms, row.account_created_at) = time(created_at);
    }
    kind(&mut row, &event.kind);
    #[expect(
        clippy::expect_used,
        reason = "strings, numbers and booleans in a flat struct always serialise to a string"
    )]
    serde_json::to_string(&row).expect("a flat struct is JSON")
}

fn kind<'a>(row: &mut Row<'a>, kind: &'a EventKind) {
    match kind {
        EventKind::Message(message) => {
            row.tag = None;
            row.text = Some(&message.text);
            row.mentions = Some(message.n_mentions);
            row.embeds = Some(message.n_embeds).filter(|n| *n > 0);
            row.reply_to = message.reply_to.as_deref();
        }
        EventKind::Join | EventKind::Follow | EventKind::StreamOffline => {}
        EventKind::Subscription { tier, months } => {
            row.tier = Some(*tier);
            row.months = *months;
        }
        EventKind::Gift { count, tier } => {
            row.tier = Some(*tier);
            row.count = Some(*count);
        }
        EventKind::Cheer { bits } => row.bits = Some(*bits),
        EventKind::Raid { viewers } => row.viewers = Some(*viewers),
        EventKind::Donation {
            amount_minor,
            currency,
        } => {
            row.amount_minor = Some(*amount_minor);
            row.currency = Some(currency);
        }
        EventKind::Reaction { emoji, message_id } => {
            row.emoji = Some(emoji);
            row.target_message_id = Some(message_id);
        }
        EventKind::Moderation(moderation) => {
            row.moderator = moderation.moderator.as_deref();
            row.reason = Some(moderation.reason.as_str()).filter(|reason| !reason.is_empty());
            if moderation.action == ModerationAction::Timeout {
                row.duration_secs = moderation.duration_secs;
            }
        }
        EventKind::StreamOnline { title } => row.title = Some(title),
    }
}

/// Whole milliseconds as a number, anything finer as text.
fn time(at: Timestamp) -> (Option<i64>, Option<String>) {
    if Timestamp::from_millis(at.millis()) == at {
        (Some(at.millis()), None)
    } else {
        (None, Some(to_rfc3339(at)))
    }
}

/// Mirrors the fields the reader knows, in the order of the documentation.
#[derive(Serialize, Default)]
struct Row<'a> {
    platform: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    community: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_name: Option<&'a str>,
    message_id: &'a str,
    user_id: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_created_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_bot: Option<bool>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    months: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    viewers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moderator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}
