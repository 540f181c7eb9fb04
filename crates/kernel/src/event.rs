//! What happens in chat, in one neutral form. A platform adapter or an importer makes these; the
//! ingest pipeline consumes them. Contains no platform wire format and no database ids.

use crate::{Platform, Role, Timestamp};

/// One thing that happened in a community's chat.
///
/// Invariant: (`platform`, `event_id`) is unique for ever; the same pair seen again is a duplicate
/// and changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChatEvent {
    /// Where it happened.
    pub platform: Platform,
    /// The platform's id of this event (a message id, an EventSub id, …); 1 to 200 bytes.
    pub event_id: String,
    /// The server and channel in which it happened.
    pub origin: Origin,
    /// Who did it. For moderation: who it was done *to*.
    pub account: Account,
    /// When, by the platform's clock.
    pub sent_at: Timestamp,
    /// Whether it is happening now or is history.
    pub source: Source,
    /// What it was.
    pub kind: EventKind,
}

/// The place of an event on its platform.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Origin {
    /// Guild, broadcaster, workspace or network id; may be empty where the source has none.
    pub server: String,
    /// Channel id; for platforms with one chat per server, the server's id.
    pub channel: String,
    /// The channel's name as people see it; empty if unknown.
    pub channel_name: String,
}

/// An account as the platform describes it with an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// The platform's stable user id (for IRC: the nick, lower-cased).
    pub platform_user_id: String,
    /// The name people see.
    pub username: String,
    /// When the account was made, where the platform says so.
    pub created_at: Option<Timestamp>,
    /// Whether the platform itself marks the account as automated.
    pub is_bot: bool,
    /// What the platform lets the account do at this place, as a role: [`Role::Moderator`] for its
    /// moderators and whoever runs it, [`Role::Vip`] for whom it honours. Counts for chat commands
    /// of that place only, so it is never above moderator. `None` if the platform does not say.
    pub standing: Option<Role>,
}

/// Whether an event is happening now or was read from history.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// Arrived as it happened; the retention period applies.
    Live,
    /// Imported history; kept until someone asks for its removal.
    Import,
}

/// The kinds of event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// Something was said.
    Message(Message),
    /// An account joined the server.
    Join,
    /// An account followed the channel.
    Follow,
    /// An account subscribed, or renewed.
    Subscription {
        /// 1 to 3.
        tier: u8,
        /// Months subscribed in total, if told.
        months: Option<u32>,
    },
    /// An account gave subscriptions to others.
    Gift {
        /// How many.
        count: u32,
        /// 1 to 3.
        tier: u8,
    },
    /// Bits were cheered.
    Cheer {
        /// How many.
        bits: u32,
    },
    /// A channel sent its viewers over.
    Raid {
        /// How many.
        viewers: u32,
    },
    /// Money was given.
    Donation {
        /// In the smallest unit of the currency.
        amount_minor: u64,
        /// ISO 4217 code, upper case.
        currency: String,
    },
    /// A reaction was put on a message.
    Reaction {
        /// The emoji as the platform names it.
        emoji: String,
        /// The platform's id of the message.
        message_id: String,
    },
    /// A moderator acted on the account.
    Moderation(Moderation),
    /// The stream began.
    StreamOnline {
        /// Its title; may be empty.
        title: String,
    },
    /// The stream ended.
    StreamOffline,
}

/// A chat message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// The text, valid UTF-8.
    pub text: String,
    /// How many accounts it mentions.
    pub n_mentions: u32,
    /// How many embeds or attachments it carries.
    pub n_embeds: u32,
    /// The platform id of the message it answers.
    pub reply_to: Option<String>,
    /// Whether WaddleBot said it, whatever account it spoke with (on Twitch often the
    /// broadcaster's). It belongs to the conversation and is never obeyed.
    pub is_ours: bool,
}

/// What a moderator did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moderation {
    /// The measure.
    pub action: ModerationAction,
    /// The platform user id of the moderator, if told.
    pub moderator: Option<String>,
    /// The stated reason; may be empty.
    pub reason: String,
    /// Length of a timeout in seconds; `None` for the others.
    pub duration_secs: Option<u64>,
}

/// The measures a moderator has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModerationAction {
    /// A warning.
    Warn,
    /// Silenced for a while.
    Timeout,
    /// Removed; may return.
    Kick,
    /// Removed for good.
    Ban,
}

/// A kind without its content: what roll-ups count by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventTag {
    /// [`EventKind::Message`].
    Message,
    /// [`EventKind::Join`].
    Join,
    /// [`EventKind::Follow`].
    Follow,
    /// [`EventKind::Subscription`].
    Subscription,
    /// [`EventKind::Gift`].
    Gift,
    /// [`EventKind::Cheer`].
    Cheer,
    /// [`EventKind::Raid`].
    Raid,
    /// [`EventKind::Donation`].
    Donation,
    /// [`EventKind::Reaction`].
    Reaction,
    /// [`ModerationAction::Warn`].
    Warn,
    /// [`ModerationAction::Timeout`].
    Timeout,
    /// [`ModerationAction::Kick`].
    Kick,
    /// [`ModerationAction::Ban`].
    Ban,
    /// [`EventKind::StreamOnline`].
    StreamOnline,
    /// [`EventKind::StreamOffline`].
    StreamOffline,
}

impl EventTag {
    /// Every tag.
    pub const ALL: [Self; 15] = [
        Self::Message,
        Self::Join,
        Self::Follow,
        Self::Subscription,
        Self::Gift,
        Self::Cheer,
        Self::Raid,
        Self::Donation,
        Self::Reaction,
        Self::Warn,
        Self::Timeout,
        Self::Kick,
        Self::Ban,
        Self::StreamOnline,
        Self::StreamOffline,
    ];

    /// The lower-case name used in files and the API (`type` in our JSONL).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Join => "join",
            Self::Follow => "follow",
            Self::Subscription => "subscription",
            Self::Gift => "gift",
            Self::Cheer => "cheer",
            Self::Raid => "raid",
            Self::Donation => "donation",
            Self::Reaction => "reaction",
            Self::Warn => "warn",
            Self::Timeout => "timeout",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::StreamOnline => "stream_online",
            Self::StreamOffline => "stream_offline",
        }
    }

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Message => 1,
            Self::Join => 2,
            Self::Follow => 3,
            Self::Subscription => 4,
            Self::Gift => 5,
            Self::Cheer => 6,
            Self::Raid => 7,
            Self::Donation => 8,
            Self::Reaction => 9,
            Self::Warn => 10,
            Self::Timeout => 11,
            Self::Kick => 12,
            Self::Ban => 13,
            Self::StreamOnline => 14,
            Self::StreamOffline => 15,
        }
    }

    /// The tag of a stored number; `None` if a newer program wrote it.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.code() == code)
    }

    /// Whether this is a measure a moderator took.
    pub const fn is_moderation(self) -> bool {
        matches!(self, Self::Warn | Self::Timeout | Self::Kick | Self::Ban)
    }
}

impl EventKind {
    /// The kind without its content.
    pub const fn tag(&self) -> EventTag {
        match self {
            Self::Message(_) => EventTag::Message,
            Self::Join => EventTag::Join,
            Self::Follow => EventTag::Follow,
            Self::Subscription { .. } => EventTag::Subscription,
            Self::Gift { .. } => EventTag::Gift,
            Self::Cheer { .. } => EventTag::Cheer,
            Self::Raid { .. } => EventTag::Raid,
            Self::Donation { .. } => EventTag::Donation,
            Self::Reaction { .. } => EventTag::Reaction,
            Self::Moderation(m) => match m.action {
                ModerationAction::Warn => EventTag::Warn,
                ModerationAction::Timeout => EventTag::Timeout,
                ModerationAction::Kick => EventTag::Kick,
                ModerationAction::Ban => EventTag::Ban,
            },
            Self::StreamOnline { .. } => EventTag::StreamOnline,
            Self::StreamOffline => EventTag::StreamOffline,
        }
    }

    /// The size of the event in its own unit: months, subscriptions, bits, viewers, minor units of
    /// money, seconds of a timeout; 0 where there is none.
    pub fn amount(&self) -> i64 {
        match self {
            Self::Subscription { months, .. } => i64::from(months.unwrap_or(0)),
            Self::Gift { count, .. } => i64::from(*count),
            Self::Cheer { bits } => i64::from(*bits),
            Self::Raid { viewers } => i64::from(*viewers),
            Self::Donation { amount_minor, .. } => i64::try_from(*amount_minor).unwrap_or(i64::MAX),
            Self::Moderation(m) => i64::try_from(m.duration_secs.unwrap_or(0)).unwrap_or(i64::MAX),
            Self::Message(_)
            | Self::Join
            | Self::Follow
            | Self::Reaction { .. }
            | Self::StreamOnline { .. }
            | Self::StreamOffline => 0,
        }
    }
}
