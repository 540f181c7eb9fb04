//! How trusted people are, in one community and over all: what each event is worth, the score with
//! its tier, the aggregate over linked accounts, badges, and changes by a moderator.
//!
//! Invariants: kept for each account, so that linking and unlinking stay exact; in thousandths of a
//! point, so that nothing is rounded away; never outside 300 to 850. Nobody is banned by it.
//! The functions here authorise nobody: the domains above do before they ask.

mod aggregate;
mod badge;
mod keep;
mod own_weight;
mod score;
mod weight;

pub use aggregate::{AccountShare, aggregate};
pub use badge::{Badge, BadgeKind, Facts, badges};
pub use keep::{
    Adjustment, History, ReputationChange, Standing, adjust, apply, at_risk, charge_command, facts,
    global, globals, history, leaders, of_person, scores, scores_of,
};
pub use own_weight::WeightSetting;
pub(crate) use score::clamp;
pub use score::{Score, Tier};
pub use weight::{Effect, Reason, Weights, bounds, effect, weight};
