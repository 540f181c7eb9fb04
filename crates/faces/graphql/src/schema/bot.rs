//! The detection of bots: the score of a community, the accounts that look like bots, the cases about them and what
//! moderators say, what a community decided, what was said about oneself, and the models of whoever runs the instance.
//!
//! Must never tell anybody but moderators how sure the program is about somebody: services decide that.

mod account;
mod appeal;
mod case;
mod change;
mod channel;
mod experiment;
mod list;
mod model;
mod monitoring;
mod query;
mod registry;
mod score;
mod setting;
mod shadow;
mod trial;

pub(crate) use account::BotAccountScore;
pub(crate) use appeal::{BotAppeal, OwnBotVerdict, own};
pub(crate) use case::BotCase;
pub(crate) use change::BotMutation;
pub(crate) use experiment::{BotExperimentMutation, BotExperimentQuery};
pub(crate) use list::BotCorrection;
pub(crate) use model::BotModel;
pub(crate) use query::BotQuery;
pub(crate) use registry::{BotModelMutation, BotModelQuery};
pub(crate) use score::{BotScore, BotSubscription};

use ::bots::{BotsError, Probability};
use async_graphql::{Enum, Error, ID, Result};
use kernel::AccountId;

use super::{
    error::{bad_input, fault},
    viewer::Viewer,
};

/// How sure the program is, in a word, by the community's thresholds.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::Level")]
pub(crate) enum BotLevel {
    /// Not worth a look by itself.
    Unlikely,
    /// Worth a look.
    Possible,
    /// Rather so than not.
    Likely,
}

/// What of a service's refusal a client is told, and which argument is at fault.
fn failed(viewer: &Viewer) -> impl Fn(BotsError) -> Error + '_ {
    |cause| fault(viewer, &cause)
}

/// Reads the id of an account.
fn account_id(id: &ID) -> Result<AccountId> {
    id.parse()
        .map(AccountId)
        .map_err(|_not_a_number| bad_input("this is not the id of an account"))
}

/// Reads a confidence, 0 to 100.
fn confidence(name: &str, percent: i32) -> Result<Probability> {
    let within = u32::try_from(percent)
        .ok()
        .filter(|percent| *percent <= 100);
    within
        .map(Probability::percent)
        .ok_or_else(|| bad_input(format!("`{name}` is 0 to 100")))
}

/// A probability on a scale of 0 to 100, rounded to the nearest.
fn whole(probability: Probability) -> i32 {
    i32::try_from(probability.confidence()).unwrap_or(100)
}
