//! The platforms chat comes from. Adding one here makes the compiler list every place that must know.

use std::{fmt, str::FromStr};

/// Where an event happened. `Irc` and `Import` are sources of history, not platforms to talk to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Platform {
    /// Discord guilds.
    Discord,
    /// Twitch channels.
    Twitch,
    /// Slack workspaces.
    Slack,
    /// Logs of Internet Relay Chat.
    Irc,
    /// History from elsewhere.
    Import,
}

/// The text was not the name of a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: use discord, twitch, slack, irc or import")]
pub struct UnknownPlatform(pub String);

impl Platform {
    /// Every platform, in display order.
    pub const ALL: [Self; 5] = [
        Self::Discord,
        Self::Twitch,
        Self::Slack,
        Self::Irc,
        Self::Import,
    ];

    /// The lower-case name used in URLs, files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Twitch => "twitch",
            Self::Slack => "slack",
            Self::Irc => "irc",
            Self::Import => "import",
        }
    }

    /// The name people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Discord => "Discord",
            Self::Twitch => "Twitch",
            Self::Slack => "Slack",
            Self::Irc => "IRC",
            Self::Import => "Import",
        }
    }

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Discord => 1,
            Self::Twitch => 2,
            Self::Slack => 3,
            Self::Irc => 4,
            Self::Import => 5,
        }
    }

    /// Whether it tells us of timeouts, kicks and bans where we are connected.
    pub const fn tells_moderation(self) -> bool {
        match self {
            Self::Discord | Self::Twitch => true,
            Self::Slack | Self::Irc | Self::Import => false,
        }
    }

    /// The platform of a stored number; `None` if a newer program wrote it.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Platform {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|p| p.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPlatform(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn every_platform_survives_its_name_and_its_code() {
        for platform in Platform::ALL {
            assert_eq!(platform.as_str().parse(), Ok(platform));
            assert_eq!(Platform::from_code(platform.code()), Some(platform));
        }
        assert!("myspace".parse::<Platform>().is_err());
    }
}
