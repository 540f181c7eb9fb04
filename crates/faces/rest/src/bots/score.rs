//! How free of bots a community is: `/communities/{id}/bots/score`; how sure the program is about its accounts:
//! `…/bots/scores`; how that is spread, and what other thresholds would flag; and a model asked directly: `/bots/score`.

use std::{collections::BTreeMap, sync::Arc};

use ::bots::{
    BotScore, ErrorRates, Exemption, ExpectedErrors, Flagged, Histogram, Inference, Level,
    Probability, Score, ScoreQuery, WhatIf,
};
use axum::{Json, extract::State, http::StatusCode};
use kernel::{AccountId, CommunityId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    case::{CauseView, PredictionView},
    view::{CaseStateName, JudgedView, LevelName},
};
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::Moment,
};

/// How free of bots a community is.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotScoreView {
    /// The community's id.
    community_id: i32,
    /// 0 to 100, 100 being clean; null while nothing is known.
    #[schema(maximum = 100)]
    overall_score: Option<u32>,
    /// `A` from 90 on, `B` from 80, `C` from 70, `D` from 60, else `F`.
    grade: Option<String>,
    /// `small` below 50 people who wrote in thirty days, `medium` below 500, else `large`.
    size_category: String,
    /// The parts, 0 to 100 each, null where nothing is known: `bad_actor`, `reputation`, `security`, `ai_behavioral`.
    component_scores: BTreeMap<String, Option<u32>>,
    /// People who wrote in thirty days.
    active_members: u32,
    /// How many of them were called bots or likely are some.
    likely_bots: u32,
    /// Messages in thirty days.
    messages: u32,
    /// How many of them are theirs.
    likely_bot_messages: u32,
    /// When it was reckoned.
    calculated_at: Moment,
}

fn score_view(community: CommunityId, found: &BotScore) -> BotScoreView {
    let parts = found.score.components.iter();
    BotScoreView {
        community_id: community.0,
        overall_score: found.score.overall,
        grade: found.score.grade.map(|grade| grade.as_str().to_owned()),
        size_category: found.score.size.as_str().to_owned(),
        component_scores: parts
            .map(|(part, score)| (part.as_str().to_owned(), *score))
            .collect(),
        active_members: found.counts.active_members,
        likely_bots: found.bots.members,
        messages: found.counts.messages,
        likely_bot_messages: found.bots.messages,
        calculated_at: found.at.into(),
    }
}

/// Why an account is left alone.
#[derive(Serialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExemptionName {
    /// Their role.
    Role,
    /// They are a regular.
    Regular,
    /// It is a bot that is used.
    Service,
    /// Somebody corrected a list.
    Cleared,
    /// Its platform says itself that it is automated.
    Marked,
}

impl From<Exemption> for ExemptionName {
    fn from(exemption: Exemption) -> Self {
        match exemption {
            Exemption::Role => Self::Role,
            Exemption::Regular => Self::Regular,
            Exemption::Service => Self::Service,
            Exemption::Cleared => Self::Cleared,
            Exemption::Marked => Self::Marked,
        }
    }
}

/// How sure the program is about an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountScoreView {
    /// The account.
    account: JudgedView,
    /// How sure, 0 to 1.
    probability: f64,
    /// The same on a scale of 0 to 100, rounded.
    confidence: u32,
    /// What the rules say of the same, 0 to 100.
    by_rules: u32,
    /// The same in a word, by the thresholds of now.
    level: LevelName,
    /// The model that said so, 0 = the one that ships; null = the rules.
    model_id: Option<i32>,
    /// Why the account is left alone, if it is.
    exemption: Option<ExemptionName>,
    /// The case about it.
    case_id: Option<i32>,
    /// What people decided; it counts more than the probability.
    decided: Option<CaseStateName>,
    /// How many messages it was judged by.
    n_messages: u32,
    /// When.
    scored_at: Moment,
}

impl From<Score> for AccountScoreView {
    fn from(score: Score) -> Self {
        Self {
            account: score.account.into(),
            probability: score.probability.value(),
            confidence: score.probability.confidence(),
            by_rules: score.by_rules.confidence(),
            level: score.level.into(),
            model_id: score.model,
            exemption: score.exemption.map(ExemptionName::from),
            case_id: score.case,
            decided: score.decided.map(CaseStateName::from),
            n_messages: score.n_messages,
            scored_at: score.scored_at.into(),
        }
    }
}

/// Which scores.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScoreFilter {
    /// Those of this level; all if left out.
    level: Option<LevelName>,
}

/// How the scores of a community are spread.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistogramView {
    /// How many accounts there are in each five per cent, twenty numbers.
    bins: Vec<u64>,
    /// Likely bots.
    likely: u64,
    /// Possible ones.
    possible: u64,
    /// The others.
    unlikely: u64,
    /// Those who are left alone: in the bins, and in none of the three.
    exempt: u64,
}

impl From<Histogram> for HistogramView {
    fn from(all: Histogram) -> Self {
        Self {
            bins: all.bins.to_vec(),
            likely: all.likely,
            possible: all.possible,
            unlikely: all.unlikely,
            exempt: all.exempt,
        }
    }
}

/// Other thresholds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Thresholds {
    /// From here on somebody would be likely a bot, in percent.
    #[param(maximum = 100)]
    likely: f64,
    /// From here on somebody would possibly be one, in percent; at most `likely`.
    #[param(maximum = 100)]
    possible: f64,
}

/// What thresholds flag. Of those who are left alone nobody is.
#[derive(Serialize, ToSchema)]
pub(crate) struct FlaggedView {
    /// Likely bots.
    likely: u64,
    /// Possible ones.
    possible: u64,
    /// Those that were predicted to be likely bots at some time in thirty days, whatever is thought of them now. Where the threshold is
    /// lower than it was, those between were written down only as far as they moved.
    in_a_month: u64,
    /// Flagged, and people said that it is a bot.
    right: u64,
    /// Flagged, and people said that it is a person.
    wrong: u64,
    /// Not flagged, and people said that it is a bot.
    missed: u64,
}

impl From<Flagged> for FlaggedView {
    fn from(flagged: Flagged) -> Self {
        Self {
            likely: flagged.likely,
            possible: flagged.possible,
            in_a_month: flagged.in_a_month,
            right: flagged.right,
            wrong: flagged.wrong,
            missed: flagged.missed,
        }
    }
}

/// What goes wrong from a threshold on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorRatesView {
    /// Of people, the share that is called a bot.
    #[schema(minimum = 0, maximum = 1)]
    false_positive: f64,
    /// Of bots, the share that is missed.
    #[schema(minimum = 0, maximum = 1)]
    false_negative: f64,
}

impl From<ErrorRates> for ErrorRatesView {
    fn from(rates: ErrorRates) -> Self {
        Self {
            false_positive: rates.false_positive,
            false_negative: rates.false_negative,
        }
    }
}

/// The mistakes to expect of whoever judges a community, by accounts that it had not learned from.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExpectedErrorsView {
    /// The model that judges, 0 = the one that ships; null = the rules.
    model_id: Option<i32>,
    /// How many people it was measured on; null = it brings no figures.
    people: Option<u64>,
    /// How many bots it was measured on; null = it brings no figures.
    bots: Option<u64>,
    /// From the threshold on from which somebody is likely a bot; null where it was not measured.
    likely: Option<ErrorRatesView>,
    /// From the one on from which somebody is possibly one; null where it was not measured.
    possible: Option<ErrorRatesView>,
}

impl From<ExpectedErrors> for ExpectedErrorsView {
    fn from(errors: ExpectedErrors) -> Self {
        Self {
            model_id: errors.model,
            people: errors.measured_on.map(|on| on.people),
            bots: errors.measured_on.map(|on| on.bots),
            likely: errors.likely.map(ErrorRatesView::from),
            possible: errors.possible.map(ErrorRatesView::from),
        }
    }
}

/// What would have happened at other thresholds.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatIfView {
    /// With the thresholds of now.
    now: FlaggedView,
    /// With the others.
    then: FlaggedView,
    /// The mistakes to expect with the thresholds of now.
    errors_now: ExpectedErrorsView,
    /// Those to expect with the others.
    errors_then: ExpectedErrorsView,
    /// Flagged only then, the surest first, at most 20.
    newly: Vec<AccountScoreView>,
    /// How many that are.
    n_newly: u64,
    /// How many are flagged only now.
    n_no_longer: u64,
}

impl From<WhatIf> for WhatIfView {
    fn from(found: WhatIf) -> Self {
        let newly = found.newly.into_iter();
        Self {
            now: found.now.into(),
            then: found.then.into(),
            errors_now: found.errors_now.into(),
            errors_then: found.errors_then.into(),
            newly: newly.map(AccountScoreView::from).collect(),
            n_newly: found.n_newly,
            n_no_longer: found.n_no_longer,
        }
    }
}

/// Features of an account that others measured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    /// Values by name, as docs/reference/features.md has them; null and what is left out was not measured.
    features: BTreeMap<String, Option<f64>>,
}

/// What the model says of features.
#[derive(Serialize, ToSchema)]
pub(crate) struct InferenceView {
    /// How probably it is automated, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    probability: f64,
    /// Which model said so, 0 = the one that ships.
    model_id: i32,
    /// What counted most, the strongest first, at most eight; nothing if the model cannot say.
    why: Vec<CauseView>,
    /// Of how many of the numbers that the model looks at nothing was known. The more, the less the answer says.
    n_missing: u32,
    /// How many numbers the model looks at.
    n_columns: u32,
}

impl From<Inference> for InferenceView {
    fn from(inference: Inference) -> Self {
        Self {
            probability: inference.probability.value(),
            model_id: inference.model,
            why: inference.why.into_iter().map(CauseView::from).collect(),
            n_missing: inference.n_missing,
            n_columns: inference.n_columns,
        }
    }
}

/// How free of bots a community is. For members.
#[utoipa::path(get, path = "/communities/{community}/bots/score", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = BotScoreView)))]
pub(crate) async fn of_community(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<BotScoreView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let found = bots.community_score(&who.actor, community).await?;
    Ok(Json(score_view(community, &found)))
}

/// The accounts of a community that were scored, the surest first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/scores", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ScoreFilter, PageParams), responses((status = 200, body = List<AccountScoreView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<ScoreFilter>,
    paging: Paging,
) -> Result<Listed<AccountScoreView>, Problem> {
    let query = ScoreQuery {
        level: filter.level.map(Level::from),
        page: paging.request.clone(),
    };
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let page = bots.scores(&who.actor, community, &query).await?;
    Ok(paging.answer(page, AccountScoreView::from))
}

/// How sure the program is about somebody: the surest of their accounts. Not found if none was scored. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/scores/{user}", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The person's id.")), responses((status = 200, body = AccountScoreView)))]
pub(crate) async fn of_person(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
) -> Result<Json<AccountScoreView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let found = bots.score_of(&who.actor, community, UserId(user)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// What was predicted about an account, the newest first, at most 20. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/accounts/{account}/predictions", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("account" = i64, Path, description = "The account's id.")), responses((status = 200, body = List<PredictionView>)))]
pub(crate) async fn predictions(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, account)): Path<(i32, i64)>,
) -> Result<Json<List<PredictionView>>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let found = bots
        .history(&who.actor, community, AccountId(account))
        .await?;
    Ok(List::whole(
        found.into_iter().map(PredictionView::from).collect(),
    ))
}

/// How the scores of a community are spread. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/histogram", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = HistogramView)))]
pub(crate) async fn histogram(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<HistogramView>, Problem> {
    let bots = &face.app.bots;
    let found = bots.histogram(&who.actor, CommunityId(community)).await?;
    Ok(Json(found.into()))
}

/// Reads a threshold in percent.
pub(super) fn threshold(field: &'static str, percent: f64) -> Result<Probability, Problem> {
    Probability::from_percent(percent).ok_or_else(|| Problem::field(field, "use 0 to 100 percent"))
}

/// What would have happened at other thresholds, by the scores and decisions of now; nothing changes. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/what-if", tag = "bots", params(("community" = i32, Path, description = "The community's id."), Thresholds), responses((status = 200, body = WhatIfView)))]
pub(crate) async fn what_if(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(at): Query<Thresholds>,
) -> Result<Json<WhatIfView>, Problem> {
    let (likely, possible) = (
        threshold("likely", at.likely)?,
        threshold("possible", at.possible)?,
    );
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let found = bots
        .what_if(&who.actor, community, likely, possible)
        .await?;
    Ok(Json(found.into()))
}

/// Has everything that is known of a community's accounts made anew from the stored messages, by a job. For its
/// administrators.
#[utoipa::path(post, path = "/communities/{community}/bots/recompute", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 202)))]
pub(crate) async fn recompute(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<StatusCode, Problem> {
    let bots = &face.app.bots;
    bots.recompute(&who.actor, CommunityId(community)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What the model of the instance says of features that others measured. Nothing of it is kept.
#[utoipa::path(post, path = "/bots/score", tag = "bots", request_body = Measured, responses((status = 200, body = InferenceView)))]
pub(crate) async fn infer(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(measured): Body<Measured>,
) -> Result<Json<InferenceView>, Problem> {
    let bots = &face.app.bots;
    let found = bots.infer(&who.actor, &measured.features).await?;
    Ok(Json(found.into()))
}
