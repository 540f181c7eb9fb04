//! What the caller may still ask in this minute.

use async_graphql::SimpleObject;

use super::{
    scalar::{DateTime, count},
    viewer::Toll,
};

/// What the caller may ask in a minute, and what is left of it. A caller is an API key, or a person
/// with a session, or a network of people who are not signed in.
#[derive(SimpleObject)]
pub(crate) struct RateLimit {
    /// What may be asked in a minute, in units of cost.
    limit: i32,
    /// What this query costs.
    cost: i32,
    /// What is used up in this minute, with this query.
    used: i32,
    /// What is left in this minute.
    remaining: i32,
    /// When all of it is back.
    reset_at: DateTime,
}

impl From<&Toll> for RateLimit {
    fn from(toll: &Toll) -> Self {
        let allowance = toll.allowance;
        Self {
            limit: count(allowance.limit),
            cost: count(toll.cost),
            used: count(allowance.limit.saturating_sub(allowance.remaining)),
            remaining: count(allowance.remaining),
            reset_at: DateTime(allowance.resets_at),
        }
    }
}
