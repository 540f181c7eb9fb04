//! A score with its tier.

use async_graphql::SimpleObject;

/// A reputation, from 300 to 850.
#[derive(SimpleObject)]
pub(crate) struct Reputation {
    /// In whole points.
    score: i32,
    /// The tier as a number, 1 to 5.
    level: i32,
    /// The tier in words, such as "Very good".
    rank: String,
    /// The tier's name: poor, fair, good, very_good or exceptional.
    tier: String,
}

impl From<identity::Score> for Reputation {
    fn from(score: identity::Score) -> Self {
        Self {
            score: score.points(),
            level: score.tier().level(),
            rank: score.tier().label().to_owned(),
            tier: score.tier().as_str().to_owned(),
        }
    }
}
