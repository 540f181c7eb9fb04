//! Doubts whether somebody is a person, which a domain above knows and reputation asks for: whoever is in doubt is not
//! called trusted, and moderators see them among those at risk
//! ([0032](../../../../docs/decisions/0032-doubts-reach-reputation.md)).
//!
//! Must never change a score.

use std::collections::HashMap;

use ::store::StoreError;
use async_trait::async_trait;
use kernel::{CommunityId, UserId};

use crate::Activity;

/// Those in doubt that are shown of a community.
const SHOWN_MAX: u32 = 100;

/// Why somebody is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Moderators called one of their accounts a bot.
    CalledBot,
    /// One of their accounts is likely a bot, and nobody has said that it is none.
    LikelyBot,
}

impl Doubt {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CalledBot => "called_bot",
            Self::LikelyBot => "likely_bot",
        }
    }

    /// What moderators read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CalledBot => "called a bot",
            Self::LikelyBot => "likely a bot",
        }
    }
}

/// Who knows of doubts. Whoever asks has authorised.
#[async_trait]
pub trait Doubts: Send + Sync {
    /// Which of some people are in doubt in a community.
    async fn about(
        &self,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Doubt>, StoreError>;

    /// Everybody who is in doubt in a community, those of whom it is surest first, at most `limit`.
    async fn all(
        &self,
        community: CommunityId,
        limit: u32,
    ) -> Result<Vec<(UserId, Doubt)>, StoreError>;
}

impl Activity {
    /// Whether somebody is in doubt in a community.
    pub(crate) async fn doubt(
        &self,
        community: CommunityId,
        user: UserId,
    ) -> Result<Option<Doubt>, StoreError> {
        let Some(doubts) = &self.doubts else {
            return Ok(None);
        };
        Ok(doubts.about(community, &[user]).await?.remove(&user))
    }

    /// Everybody who is in doubt in a community, as far as it is shown.
    pub(crate) async fn doubted(
        &self,
        community: CommunityId,
    ) -> Result<Vec<(UserId, Doubt)>, StoreError> {
        match &self.doubts {
            Some(doubts) => doubts.all(community, SHOWN_MAX).await,
            None => Ok(Vec::new()),
        }
    }
}
