//! A model held against the one that is deployed, on what was scored lately: `/bots/models/{model}/shadow`. For those who run
//! the instance.

use std::sync::Arc;

use ::bots::{CalledBy, Confirmed, Differing, SHIPPED_MODEL, Shadow};
use axum::{Json, extract::State};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::JudgedView;
use crate::{
    Face,
    asker::SignedIn,
    input::{Path, Query},
    problem::Problem,
    view::Moment,
};

/// Whose accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Where {
    /// Those of this community; of all that have no model of their own if left out.
    community_id: Option<i32>,
}

/// How many accounts are called something by two models. Of those who are left alone nobody is.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalledByView {
    /// By both.
    both: u64,
    /// By the candidate alone.
    only_candidate: u64,
    /// By the deployed one alone.
    only_deployed: u64,
}

impl From<CalledBy> for CalledByView {
    fn from(called: CalledBy) -> Self {
        Self {
            both: called.both,
            only_candidate: called.only_candidate,
            only_deployed: called.only_deployed,
        }
    }
}

/// How right a model is about the accounts of whom people said what they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmedView {
    /// Called possible or likely, and a bot.
    n_right: u64,
    /// Called so, and a person.
    n_wrong: u64,
    /// Not called so, and a bot.
    n_missed: u64,
    /// Of those it called so, the share that are bots; null if there are none.
    precision: Option<f64>,
    /// Of the bots, the share that it called so; null if there are none.
    recall: Option<f64>,
}

impl From<Confirmed> for ConfirmedView {
    fn from(confirmed: Confirmed) -> Self {
        Self {
            n_right: confirmed.n_right,
            n_wrong: confirmed.n_wrong,
            n_missed: confirmed.n_missed,
            precision: confirmed.precision(),
            recall: confirmed.recall(),
        }
    }
}

/// An account of which two models think differently.
#[derive(Serialize, ToSchema)]
pub(crate) struct DifferingView {
    /// Where.
    community_id: i32,
    /// Which.
    account: JudgedView,
    /// The id of its case, if there is one.
    case_id: Option<i32>,
    /// What the candidate says, 0 to 1.
    candidate: f64,
    /// What the deployed one says, 0 to 1.
    deployed: f64,
}

impl From<Differing> for DifferingView {
    fn from(one: Differing) -> Self {
        Self {
            community_id: one.community.0,
            account: one.account.into(),
            case_id: one.case,
            candidate: one.candidate.value(),
            deployed: one.deployed.value(),
        }
    }
}

/// A candidate held against what is deployed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShadowView {
    /// The candidate's id.
    model_id: i32,
    /// The id of the model it is held against; null = one that came with the program.
    against_id: Option<i32>,
    /// What that is: `model` of the registry, `shipped` or `rules`.
    against: String,
    /// The community whose accounts these are; null = all that have no model of their own.
    community_id: Option<i32>,
    /// Since when they were scored.
    since: Moment,
    /// Accounts that were compared, at most 5,000 together with those that were left out.
    n_compared: u64,
    /// Accounts that were left out, because what is known of them is of another schema of features.
    n_left_out: u64,
    /// Of those compared, who is left alone whatever a model says: in the histograms, and called nothing.
    n_left_alone: u64,
    /// Called likely, by the thresholds of their communities.
    likely: CalledByView,
    /// Called possible or likely.
    possible: CalledByView,
    /// By how much both differ on average, 0 to 1; null of nobody.
    mean_difference: Option<f64>,
    /// How many accounts the candidate gives each ten percent, ten numbers.
    candidate_bins: Vec<u64>,
    /// The same of the deployed one.
    deployed_bins: Vec<u64>,
    /// Accounts of whom people said what they are.
    n_reviewed: u64,
    /// How right the candidate is about them.
    candidate: ConfirmedView,
    /// How right the deployed one is. Most were looked at because it suspected them, which flatters its recall.
    deployed: ConfirmedView,
    /// The accounts that differ most, at most 20.
    differing: Vec<DifferingView>,
}

impl From<Shadow> for ShadowView {
    fn from(shadow: Shadow) -> Self {
        let counts = shadow.counts;
        Self {
            model_id: shadow.model.id,
            against_id: shadow.against.filter(|id| *id != SHIPPED_MODEL),
            against: match shadow.against {
                None => "rules",
                Some(SHIPPED_MODEL) => "shipped",
                Some(_) => "model",
            }
            .to_owned(),
            community_id: shadow.community.map(|community| community.0),
            since: shadow.since.into(),
            n_compared: counts.n_compared,
            n_left_out: shadow.n_left_out,
            n_left_alone: counts.n_left_alone,
            likely: counts.likely.into(),
            possible: counts.possible.into(),
            mean_difference: counts.mean_difference,
            candidate_bins: counts.candidate_bins,
            deployed_bins: counts.deployed_bins,
            n_reviewed: counts.n_reviewed,
            candidate: counts.candidate.into(),
            deployed: counts.deployed.into(),
            differing: shadow
                .differing
                .into_iter()
                .map(DifferingView::from)
                .collect(),
        }
    }
}

/// A model held against the one that is deployed, on the accounts that were scored in the last thirty days. Nobody is judged
/// by it. For those who run the instance.
#[utoipa::path(get, path = "/bots/models/{model}/shadow", tag = "bots", params(("model" = i32, Path, description = "The model's id."), Where), responses((status = 200, body = ShadowView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(model): Path<i32>,
    Query(of): Query<Where>,
) -> Result<Json<ShadowView>, Problem> {
    let community = of.community_id.map(CommunityId);
    let found = face.app.bots.shadow(&who.actor, model, community).await?;
    Ok(Json(found.into()))
}
