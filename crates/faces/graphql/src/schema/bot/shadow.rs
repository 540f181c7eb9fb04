//! A model in the shadow: what it would have said of those who were scored lately, beside what the deployed one says.

use ::bots::{CalledBy, Confirmed, Differing, SHIPPED_MODEL, Shadow};
use async_graphql::{Enum, SimpleObject};

use crate::schema::{
    member::Account,
    scalar::{DateTime, count},
};

/// What a model is held against.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BotShadowAgainst {
    /// A model of the registry.
    Model,
    /// The model that came with the program.
    Shipped,
    /// The rules alone.
    Rules,
}

/// How many accounts are called something by two models. Of those who are left alone nobody is.
#[derive(SimpleObject)]
pub(crate) struct BotCalledBy {
    /// By both.
    both: i32,
    /// By the candidate alone.
    only_candidate: i32,
    /// By the deployed one alone.
    only_deployed: i32,
}

impl From<CalledBy> for BotCalledBy {
    fn from(called: CalledBy) -> Self {
        Self {
            both: count(called.both),
            only_candidate: count(called.only_candidate),
            only_deployed: count(called.only_deployed),
        }
    }
}

/// How right a model is about the accounts of whom people said what they are.
#[derive(SimpleObject)]
pub(crate) struct BotConfirmed {
    /// Called possible or likely, and a bot.
    right_count: i32,
    /// Called so, and a person.
    wrong_count: i32,
    /// Not called so, and a bot.
    missed_count: i32,
    /// Of those it called so, the share that are bots, 0 to 1; null if there are none.
    precision: Option<f64>,
    /// Of the bots, the share that it called so, 0 to 1; null if there are none.
    recall: Option<f64>,
}

impl From<Confirmed> for BotConfirmed {
    fn from(confirmed: Confirmed) -> Self {
        Self {
            right_count: count(confirmed.n_right),
            wrong_count: count(confirmed.n_wrong),
            missed_count: count(confirmed.n_missed),
            precision: confirmed.precision(),
            recall: confirmed.recall(),
        }
    }
}

/// An account of which two models think differently.
#[derive(SimpleObject)]
pub(crate) struct BotDiffering {
    /// The id of the community where.
    community_id: i32,
    /// The account.
    account: Account,
    /// Whose the account is.
    user_id: i32,
    /// The id of its case, if there is one.
    case_id: Option<i32>,
    /// What the candidate says, 0 to 1.
    candidate: f64,
    /// What the deployed one says, 0 to 1.
    deployed: f64,
}

impl From<Differing> for BotDiffering {
    fn from(one: Differing) -> Self {
        Self {
            community_id: one.community.0,
            user_id: one.account.user.0,
            account: one.account.into(),
            case_id: one.case,
            candidate: one.candidate.value(),
            deployed: one.deployed.value(),
        }
    }
}

/// A model held against what judges without it. Nobody is judged by it.
#[derive(SimpleObject)]
pub(crate) struct BotShadow {
    /// What it is held against.
    against: BotShadowAgainst,
    /// The id of that model, if it is one of the registry.
    against_id: Option<i32>,
    /// The id of the community whose accounts these are; null = all that have no model of their own.
    community_id: Option<i32>,
    /// Since when they were scored.
    since: DateTime,
    /// How many accounts were compared, at most 5,000 together with those that were left out.
    compared_count: i32,
    /// How many were left out, because what is known of them is of another schema of features.
    left_out_count: i32,
    /// How many of those compared are left alone whatever a model says: in the histograms, and called nothing.
    left_alone_count: i32,
    /// Called likely, by the thresholds of their communities.
    likely: BotCalledBy,
    /// Called possible or likely.
    possible: BotCalledBy,
    /// By how much both differ on average, 0 to 1; null of nobody.
    mean_difference: Option<f64>,
    /// How many accounts the candidate gives each ten percent, ten numbers.
    candidate_bins: Vec<i32>,
    /// The same of the deployed one.
    deployed_bins: Vec<i32>,
    /// Of how many accounts people said what they are.
    reviewed_count: i32,
    /// How right the candidate is about them.
    candidate: BotConfirmed,
    /// How right the deployed one is. Most were looked at because it suspected them, which flatters its recall.
    deployed: BotConfirmed,
    /// The accounts that differ most, at most 20.
    differing: Vec<BotDiffering>,
}

impl BotShadow {
    /// How many items its lists have.
    pub(super) fn n_items(&self) -> usize {
        self.candidate_bins.len() + self.deployed_bins.len() + self.differing.len()
    }
}

impl From<Shadow> for BotShadow {
    fn from(shadow: Shadow) -> Self {
        let counts = shadow.counts;
        let bins = |bins: Vec<u64>| bins.into_iter().map(count).collect();
        Self {
            against: match shadow.against {
                None => BotShadowAgainst::Rules,
                Some(SHIPPED_MODEL) => BotShadowAgainst::Shipped,
                Some(_) => BotShadowAgainst::Model,
            },
            against_id: shadow.against.filter(|id| *id != SHIPPED_MODEL),
            community_id: shadow.community.map(|community| community.0),
            since: DateTime(shadow.since),
            compared_count: count(counts.n_compared),
            left_out_count: count(shadow.n_left_out),
            left_alone_count: count(counts.n_left_alone),
            likely: counts.likely.into(),
            possible: counts.possible.into(),
            mean_difference: counts.mean_difference,
            candidate_bins: bins(counts.candidate_bins),
            deployed_bins: bins(counts.deployed_bins),
            reviewed_count: count(counts.n_reviewed),
            candidate: counts.candidate.into(),
            deployed: counts.deployed.into(),
            differing: shadow
                .differing
                .into_iter()
                .map(BotDiffering::from)
                .collect(),
        }
    }
}
