//! Rules without learning: what a person can check by hand. They are the control the model is measured against, and the
//! score of a whole community.
//!
//! Pure: counts in, scores out. Must never be a reason to ban somebody.

mod account;
mod community;

pub use account::{Finding, Rule, Severity, Verdict, judge};
pub use community::{CommunityCounts, CommunityScore, Component, Grade, Size, community_score};

#[cfg(test)]
mod tests;
