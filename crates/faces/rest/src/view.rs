//! Words that several views share.

use kernel::{Platform, Role, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instant in UTC (RFC 3339), with milliseconds.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-23T18:50:16.000Z"))]
pub(crate) struct Moment(String);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.to_string())
    }
}

/// A secret that is shown once. Its format tells `repeat` not to keep the answer.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Password)]
pub(crate) struct Shown(String);

impl From<&Secret<String>> for Shown {
    fn from(secret: &Secret<String>) -> Self {
        Self(secret.expose().clone())
    }
}

/// Something typed that must not be shown. Has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, format = Password)]
pub(crate) struct Typed(String);

impl From<Typed> for Secret<String> {
    fn from(typed: Typed) -> Self {
        Self::new(typed.0)
    }
}

/// Where somebody has an account.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlatformName {
    /// Discord.
    Discord,
    /// Twitch.
    Twitch,
    /// Slack.
    Slack,
    /// Logs of Internet Relay Chat.
    Irc,
    /// History from elsewhere.
    Import,
}

impl From<Platform> for PlatformName {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Discord => Self::Discord,
            Platform::Twitch => Self::Twitch,
            Platform::Slack => Self::Slack,
            Platform::Irc => Self::Irc,
            Platform::Import => Self::Import,
        }
    }
}

impl From<PlatformName> for Platform {
    fn from(name: PlatformName) -> Self {
        match name {
            PlatformName::Discord => Self::Discord,
            PlatformName::Twitch => Self::Twitch,
            PlatformName::Slack => Self::Slack,
            PlatformName::Irc => Self::Irc,
            PlatformName::Import => Self::Import,
        }
    }
}

/// A role in a community, weakest first.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    /// Excluded.
    Banned,
    /// Belongs to the community.
    Member,
    /// A member the community honours.
    Vip,
    /// Keeps order.
    Moderator,
    /// Runs the community.
    Admin,
    /// Owns the community.
    Owner,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Banned => Self::Banned,
            Role::Member => Self::Member,
            Role::Vip => Self::Vip,
            Role::Moderator => Self::Moderator,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Banned => Self::Banned,
            RoleName::Member => Self::Member,
            RoleName::Vip => Self::Vip,
            RoleName::Moderator => Self::Moderator,
            RoleName::Admin => Self::Admin,
            RoleName::Owner => Self::Owner,
        }
    }
}

/// A reputation, from 300 to 850.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReputationView {
    /// In whole points.
    #[schema(minimum = 300, maximum = 850)]
    score: i32,
    /// The tier as a number, 1 to 5.
    level: i32,
    /// The tier in words.
    rank: String,
    /// The tier's name: `poor`, `fair`, `good`, `very_good` or `exceptional`.
    tier: String,
}

impl From<identity::Score> for ReputationView {
    fn from(score: identity::Score) -> Self {
        let tier = score.tier();
        Self {
            score: score.points(),
            level: tier.level(),
            rank: tier.label().to_owned(),
            tier: tier.as_str().to_owned(),
        }
    }
}
