//! A score with its tier.

use async_graphql::SimpleObject;

use super::{
    cache_control::cache_control,
    scalar::{DateTime, count},
};

/// A reputation, from 300 to 850.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct Reputation {
    /// In whole points.
    score: i32,
    /// The tier as a number, 1 to 5.
    level: i32,
    /// The tier in words, such as "Very good".
    rank: String,
    /// The tier's name: poor, fair, good, very_good or exceptional.
    tier: String,
    /// The messages on what the score is about; null where that is not known.
    total_messages: Option<i32>,
    /// When the person last wrote; null where that is not known, and before they ever did.
    last_active: Option<DateTime>,
}

impl From<identity::Score> for Reputation {
    fn from(score: identity::Score) -> Self {
        Self {
            score: score.points(),
            level: score.tier().level(),
            rank: score.tier().label().to_owned(),
            tier: score.tier().as_str().to_owned(),
            total_messages: None,
            last_active: None,
        }
    }
}

impl From<::activity::PersonReputation> for Reputation {
    fn from(seen: ::activity::PersonReputation) -> Self {
        Self {
            total_messages: Some(count(seen.messages)),
            last_active: seen.last_active.map(DateTime),
            ..Self::from(seen.score)
        }
    }
}
