//! What comes in from a platform besides the events of chat: presses of buttons, slash commands,
//! and whether we hear anything at all. An adapter tells an [`Ear`]; the program decides what to do.

use async_trait::async_trait;

use crate::{Account, ChatEvent, Origin, Platform, Secret, Timestamp};

/// Something heard on a platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Something happened in chat.
    Event(ChatEvent),
    /// Somebody asked for something and waits for the answer.
    Interaction(Interaction),
    /// A scheduled event of the platform was made, changed, deleted, or somebody's interest in it.
    Schedule(ScheduleNotice),
}

/// A slash command or a pressed button.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interaction {
    /// Where.
    pub platform: Platform,
    /// The platform's id of it; the same when the platform sends it again.
    pub id: String,
    /// What an answer must bring along ([`crate::Address::Answer`]).
    pub token: Secret<String>,
    /// The server and channel.
    pub origin: Origin,
    /// Who asks.
    pub account: Account,
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// What.
    pub kind: InteractionKind,
}

/// What somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InteractionKind {
    /// A slash command: `/ping`, or `/waddlebot ping` on Slack.
    Command {
        /// Its name, lower-case, without prefix.
        name: String,
        /// What follows, as a person would type it.
        arguments: String,
    },
    /// A button of one of our messages.
    Press {
        /// The button's id.
        id: String,
        /// The platform's id of the message it is on.
        message_id: String,
    },
}

/// What happened to a platform's own scheduled event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleNotice {
    /// Where.
    pub platform: Platform,
    /// Guild, broadcaster or workspace.
    pub server: String,
    /// The platform's id of the event.
    pub event_id: String,
    /// What happened.
    pub change: ScheduleChange,
}

/// The kinds of change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScheduleChange {
    /// Made or changed: read it again.
    Changed,
    /// Deleted.
    Deleted,
    /// Somebody is interested.
    Interested {
        /// The platform's user id.
        user: String,
    },
    /// Somebody is interested no more.
    NotInterested {
        /// The platform's user id.
        user: String,
    },
}

/// The program is stopping; nothing more is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program is stopping")]
pub struct Deaf;

/// Hears what adapters tell.
#[async_trait]
pub trait Ear: Send + Sync {
    /// Takes something heard; waits while it is busy, so that an adapter reads no faster than it is
    /// recorded.
    async fn hear(&self, heard: Heard) -> Result<(), Deaf>;
}
