//! One line as it is written: every field optional, so that what is missing can be named.

use kernel::{
    Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp,
    event::{EventTag, Message, Moderation, ModerationAction},
};
use serde::Deserialize;

use crate::format::{
    RejectReason,
    loose::{Count, Id, Word},
    time::rfc3339,
};

/// The fields of a line. Unknown ones are ignored.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    platform: Option<Word<'a>>,
    community: Option<Id>,
    server: Option<Id>,
    channel: Option<Id>,
    channel_name: Option<String>,
    message_id: Option<Id>,
    user_id: Option<Id>,
    username: Option<String>,
    sent_at_ms: Option<i64>,
    #[serde(borrow)]
    sent_at: Option<Word<'a>>,
    account_created_at_ms: Option<i64>,
    #[serde(borrow)]
    account_created_at: Option<Word<'a>>,
    is_bot: Option<bool>,
    #[serde(borrow, rename = "type")]
    tag: Option<Word<'a>>,
    text: Option<String>,
    #[serde(default)]
    mentions: Count,
    #[serde(default)]
    embeds: Count,
    reply_to: Option<Id>,
    tier: Option<u8>,
    months: Option<u32>,
    count: Option<u32>,
    bits: Option<u32>,
    viewers: Option<u32>,
    amount_minor: Option<u64>,
    currency: Option<String>,
    emoji: Option<String>,
    target_message_id: Option<Id>,
    moderator: Option<Id>,
    reason: Option<String>,
    duration_secs: Option<u64>,
    title: Option<String>,
}

impl Row<'_> {
    /// The community as written, and the event.
    pub(super) fn event(mut self) -> Result<(Option<String>, ChatEvent), RejectReason> {
        let platform = self.platform.take().ok_or(missing("platform"))?;
        let platform: Platform = platform
            .0
            .parse()
            .ok()
            .ok_or_else(|| RejectReason::value("platform", &platform.0, platform_names()))?;
        let sent_at = self.sent_at()?;
        let created_at = match (self.account_created_at_ms, self.account_created_at.take()) {
            (Some(millis), _) => Some(Timestamp::from_millis(millis)),
            (None, Some(text)) => Some(time("account_created_at", &text.0)?),
            (None, None) => None,
        };
        let channel = self.channel.take().ok_or(missing("channel"))?.0;
        let channel_name = self.channel_name.take().unwrap_or_else(|| channel.clone());
        let origin = Origin {
            server: self.server.take().unwrap_or_default().0,
            channel,
            channel_name,
        };
        let account = Account {
            standing: None,
            platform_user_id: self.user_id.take().ok_or(missing("user_id"))?.0,
            username: self.username.take().ok_or(missing("username"))?,
            created_at,
            is_bot: self.is_bot.unwrap_or(false),
        };
        let event_id = self.message_id.take().ok_or(missing("message_id"))?.0;
        let community = self.community.take().map(|id| id.0);
        let event = ChatEvent {
            platform,
            event_id,
            origin,
            account,
            sent_at,
            source: Source::Import,
            kind: self.kind()?,
        };
        Ok((community, event))
    }

    fn sent_at(&self) -> Result<Timestamp, RejectReason> {
        match (self.sent_at_ms, &self.sent_at) {
            (Some(millis), _) => Ok(Timestamp::from_millis(millis)),
            (None, Some(text)) => time("sent_at", &text.0),
            (None, None) => Err(missing("sent_at_ms")),
        }
    }

    fn kind(self) -> Result<EventKind, RejectReason> {
        let Some(tag) = &self.tag else {
            return self.message();
        };
        let Some(known) = EventTag::ALL.into_iter().find(|t| t.as_str() == tag.0) else {
            let names = EventTag::ALL.map(EventTag::as_str).join(", ");
            return Err(RejectReason::value(
                "type",
                &tag.0,
                format!("one of {names}"),
            ));
        };
        let tier = self.tier.unwrap_or(1);
        Ok(match known {
            EventTag::Message => return self.message(),
            EventTag::Join => EventKind::Join,
            EventTag::Follow => EventKind::Follow,
            EventTag::Subscription => EventKind::Subscription {
                tier,
                months: self.months,
            },
            EventTag::Gift => EventKind::Gift {
                count: self.count.unwrap_or(1),
                tier,
            },
            EventTag::Cheer => EventKind::Cheer {
                bits: self.bits.ok_or(missing("bits"))?,
            },
            EventTag::Raid => EventKind::Raid {
                viewers: self.viewers.ok_or(missing("viewers"))?,
            },
            EventTag::Donation => EventKind::Donation {
                amount_minor: self.amount_minor.ok_or(missing("amount_minor"))?,
                currency: self.currency.ok_or(missing("currency"))?,
            },
            EventTag::Reaction => EventKind::Reaction {
                emoji: self.emoji.ok_or(missing("emoji"))?,
                message_id: self
                    .target_message_id
                    .ok_or(missing("target_message_id"))?
                    .0,
            },
            EventTag::Warn => self.moderation(ModerationAction::Warn),
            EventTag::Timeout => self.moderation(ModerationAction::Timeout),
            EventTag::Kick => self.moderation(ModerationAction::Kick),
            EventTag::Ban => self.moderation(ModerationAction::Ban),
            EventTag::StreamOnline => EventKind::StreamOnline {
                title: self.title.unwrap_or_default(),
            },
            EventTag::StreamOffline => EventKind::StreamOffline,
        })
    }

    fn message(self) -> Result<EventKind, RejectReason> {
        Ok(EventKind::Message(Message {
            is_ours: false,
            text: self.text.ok_or(missing("text"))?,
            n_mentions: self.mentions.0,
            n_embeds: self.embeds.0,
            reply_to: self.reply_to.map(|id| id.0),
        }))
    }

    fn moderation(self, action: ModerationAction) -> EventKind {
        EventKind::Moderation(Moderation {
            action,
            moderator: self.moderator.map(|id| id.0),
            reason: self.reason.unwrap_or_default(),
            duration_secs: match action {
                ModerationAction::Timeout => self.duration_secs,
                ModerationAction::Warn | ModerationAction::Kick | ModerationAction::Ban => None,
            },
        })
    }
}

const fn missing(field: &'static str) -> RejectReason {
    RejectReason::Missing { field }
}

fn time(field: &'static str, text: &str) -> Result<Timestamp, RejectReason> {
    rfc3339(text).ok_or_else(|| {
        RejectReason::value(field, text, "a time like 2024-05-01T10:00:00Z (RFC 3339)")
    })
}

fn platform_names() -> String {
    let names = Platform::ALL.map(Platform::as_str).join(", ");
    format!("one of {names}")
}
