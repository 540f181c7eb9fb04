//! What goes out: where to, what to do there, and what became of it. A domain writes an [`Order`],
//! a [`Courier`] carries it to its platform. Knows no wire format; says nothing about when to try
//! again: that is the delivery's rule.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Draft, Platform};

/// The ways a message can travel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// Discord.
    Discord,
    /// Twitch.
    Twitch,
    /// Slack.
    Slack,
    /// E-mail.
    Email,
}

impl Medium {
    /// Every medium, in display order.
    pub const ALL: [Self; 4] = [Self::Discord, Self::Twitch, Self::Slack, Self::Email];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Twitch => "twitch",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }

    /// The number stored in the database: that of the platform where there is one. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Discord => 1,
            Self::Twitch => 2,
            Self::Slack => 3,
            Self::Email => 100,
        }
    }

    /// The medium of a stored number; `None` if a newer program wrote it.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.code() == code)
    }

    /// The medium in which a platform is answered; `None` for sources of history.
    pub const fn of(platform: Platform) -> Option<Self> {
        match platform {
            Platform::Discord => Some(Self::Discord),
            Platform::Twitch => Some(Self::Twitch),
            Platform::Slack => Some(Self::Slack),
            Platform::Irc | Platform::Import => None,
        }
    }
}

/// Where a message goes. Ids are the platform's own.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Address {
    /// Where everybody reads.
    Channel {
        /// Guild, broadcaster or workspace.
        server: String,
        /// Channel; on Twitch the broadcaster again.
        channel: String,
    },
    /// One person, privately: a direct message, a whisper.
    Direct {
        /// Guild, broadcaster or workspace through which the person is known.
        server: String,
        /// The person.
        user: String,
    },
    /// The answer to an [`crate::Interaction`], good for some minutes only.
    Answer {
        /// Guild or workspace.
        server: String,
        /// Channel in which it was asked.
        channel: String,
        /// The interaction's id.
        interaction: String,
        /// What proves that we were asked: Discord's token, Slack's `response_url`. A secret.
        token: String,
    },
    /// A mail address.
    Mailbox {
        /// `ann@example.org`
        to: String,
    },
}

/// What to do there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Say it.
    #[default]
    Post,
    /// Say it so that it stands out (a Twitch announcement); elsewhere like [`Act::Post`].
    Announce,
    /// Replace what was said.
    Edit {
        /// The platform's id of the message.
        message_id: String,
    },
    /// Take it back.
    Delete {
        /// The platform's id of the message.
        message_id: String,
    },
}

/// Whom a message may notify. Nobody unless somebody decided otherwise: texts may come from people
/// who would like to wake a thousand others.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mentions {
    /// Nobody: what looks like a mention is made harmless.
    #[default]
    Nobody,
    /// These users, by the platform's ids; everybody else as in [`Mentions::Nobody`].
    Users(Vec<String>),
    /// Whoever the text names, `@everyone` included.
    Anybody,
}

/// One thing to carry out on a platform.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// How it travels.
    pub medium: Medium,
    /// Where to.
    pub address: Address,
    /// What to do.
    #[serde(default)]
    pub act: Act,
    /// What to say; empty for [`Act::Delete`].
    #[serde(default)]
    pub draft: Draft,
    /// The platform's id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it may notify.
    #[serde(default)]
    pub mentions: Mentions,
    /// The same in every try of one delivery, different for another: platforms that have one
    /// (Discord's `nonce`) then say it once only. At most 25 ASCII characters.
    pub nonce: String,
}

/// What the platform answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receipt {
    /// The platform's id of the message, to edit or delete it; `None` where there is none
    /// (whispers, deletions).
    pub message_id: Option<String>,
    /// Whether the platform says that it arrived. A whisper is sent, never known as delivered.
    pub is_confirmed: bool,
    /// Whether something had to be cut or left out to fit.
    pub was_cut: bool,
}

/// Whether an order may go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Carry it.
    Now,
    /// Its place in the line is so far away; ask again then. Not an attempt.
    In(Duration),
}

/// How an order stands in the line of a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Haste {
    /// Behind those that asked before.
    Line,
    /// As soon as the limit allows: somebody waits for it.
    Next,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// The platform asks to wait exactly this long. Not an attempt.
    #[error("the platform asks to wait {} ms", after.as_millis())]
    RateLimited {
        /// How long.
        after: Duration,
    },
    /// Nothing is sent there at the moment (circuit breaker, budget of invalid requests). Not an
    /// attempt.
    #[error("nothing is sent there for {} ms: {why}", after.as_millis())]
    Closed {
        /// How long.
        after: Duration,
        /// Why, for people.
        why: String,
    },
    /// Certainly not done: try again.
    #[error("{0}")]
    Unavailable(String),
    /// Perhaps done, perhaps not: the answer was lost. Trying again may do it twice unless the
    /// platform knows the nonce.
    #[error("{0}")]
    Unknown(String),
    /// It can never be done: gone, forbidden, refused, malformed. Says why, in the platform's words.
    #[error("{0}")]
    Refused(String),
}

/// Carries orders of one medium. Must not retry by itself, and must never put a token or a text
/// into an error.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Which medium.
    fn medium(&self) -> Medium;

    /// Asks whether the order's rate limits allow it now. [`Turn::Now`] takes the place: either
    /// [`Courier::carry`] or [`Courier::leave`] must follow. An error is always
    /// [`CarryError::Closed`] or [`CarryError::Refused`].
    fn turn(&self, order: &Order, haste: Haste) -> Result<Turn, CarryError>;

    /// Gives a place back that [`Courier::turn`] took: the order is not carried now after all.
    fn leave(&self, order: &Order);

    /// Whether the platform itself drops a second message with the same nonce, so that trying again
    /// after [`CarryError::Unknown`] is safe.
    fn knows_nonces(&self, order: &Order) -> bool;

    /// Carries the order out, once. [`Courier::turn`] has said now.
    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError>;
}

#[cfg(test)]
mod tests {
    use super::{Act, Address, Medium, Mentions, Order};
    use crate::{Draft, Platform};

    #[test]
    fn every_medium_survives_its_code_and_every_platform_is_answered_in_its_own() {
        for medium in Medium::ALL {
            assert_eq!(Medium::from_code(medium.code()), Some(medium));
        }
        for platform in [Platform::Discord, Platform::Twitch, Platform::Slack] {
            let medium = Medium::of(platform).unwrap();
            assert_eq!(medium.as_str(), platform.as_str());
            assert_eq!(medium.code(), platform.code());
        }
        assert_eq!(Medium::of(Platform::Irc), None);
    }

    #[test]
    fn an_order_survives_being_stored_and_notifies_nobody_unless_told() {
        let stored = r#"{"medium":"slack","address":{"kind":"channel","server":"T1","channel":"C1"},"draft":{"body":"hi"},"nonce":"n"}"#;
        let order: Order = serde_json::from_str(stored).unwrap();
        assert_eq!(order.mentions, Mentions::Nobody);
        assert_eq!(order.act, Act::Post);
        assert_eq!(order.draft, Draft::text("hi"));
        let again = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&again).unwrap(), order);
        assert!(matches!(order.address, Address::Channel { .. }));
    }
}
