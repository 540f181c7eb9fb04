//! Cases, about each of which somebody says what an account is: `/communities/{id}/bots/cases`, and the
//! accounts that look like bots: `/communities/{id}/bots/suspects`.

use std::sync::Arc;

use ::bots::{
    Case, CaseFile, CaseOrder, CaseQuery, CaseState, Cause, NewReview, Prediction, Probability,
    Reason, Report, Review, SUSPECTS_MAX, Verdict,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    appeal::AppealView,
    correction::CorrectionView,
    view::{CaseOrderName, CaseStateName, JudgedView, LevelName, VerdictName},
};
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::Moment,
};

/// How many suspects are listed where nobody says.
const SUSPECTS: u32 = 50;

/// A case.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseView {
    /// Its id.
    id: i32,
    /// The account; null for one that was erased meanwhile.
    account: Option<JudgedView>,
    /// What became of it.
    state: CaseStateName,
    /// Why somebody should look: `score`, `rules`, `reports`, `list`, `sample`, `uncertain`, `phishing`.
    reasons: Vec<String>,
    /// How sure the program is, 0 to 100.
    #[schema(maximum = 100)]
    confidence: u32,
    /// Whether the program has scored the account: one that said nothing yet has no confidence.
    is_scored: bool,
    /// The same in a word.
    level: LevelName,
    /// When it was opened.
    opened_at: Moment,
    /// When what speaks for it changed last.
    changed_at: Moment,
    /// Who has it before them right now, who came first first.
    viewers: Vec<i32>,
    /// Which revision a verdict is about.
    revision: i32,
    /// Who decided; null for nobody, or somebody who was erased since.
    decided_by: Option<i32>,
    /// When.
    decided_at: Option<Moment>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let name = |reason: &Reason| reason.as_str().to_owned();
        Self {
            id: case.id,
            account: case.account.map(JudgedView::from),
            state: case.state.into(),
            reasons: case.reasons.iter().map(name).collect(),
            confidence: case.probability.confidence(),
            is_scored: case.is_scored,
            level: case.level.into(),
            opened_at: case.opened_at.into(),
            changed_at: case.changed_at.into(),
            viewers: case.viewers.iter().map(|user| user.0).collect(),
            revision: case.revision,
            decided_by: case.decided_by.map(|user| user.0),
            decided_at: case.decided_at.map(Moment::from),
        }
    }
}

/// What counted for or against somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct CauseView {
    /// The signal's name.
    signal: String,
    /// Its value; null where there is nothing to measure.
    value: Option<f64>,
    /// The same of the median member, where that is known.
    median: Option<f64>,
    /// How much it moved the score, in log-odds: above 0 towards a bot.
    share: f64,
    /// The same in a sentence.
    sentence: String,
}

impl From<Cause> for CauseView {
    fn from(cause: Cause) -> Self {
        Self {
            signal: cause.signal,
            value: cause.value,
            median: cause.median,
            share: cause.share,
            sentence: cause.sentence,
        }
    }
}

/// What was predicted about an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct PredictionView {
    /// Its id; later ones are larger.
    id: i64,
    /// The model that said so; null = the rules.
    model_id: Option<i32>,
    /// How sure it was, 0 to 100.
    confidence: u32,
    /// What the rules said of the same, 0 to 100.
    by_rules: u32,
    /// What counted most, the strongest first.
    why: Vec<CauseView>,
    /// How many messages it had seen.
    n_messages: u32,
    /// When.
    at: Moment,
}

impl From<Prediction> for PredictionView {
    fn from(prediction: Prediction) -> Self {
        Self {
            id: prediction.id,
            model_id: prediction.model,
            confidence: prediction.probability.confidence(),
            by_rules: prediction.by_rules.confidence(),
            why: prediction.why.into_iter().map(CauseView::from).collect(),
            n_messages: prediction.n_messages,
            at: prediction.at.into(),
        }
    }
}

/// What somebody said in a case.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewView {
    /// Its id; later ones are larger.
    id: i64,
    /// What they said.
    verdict: VerdictName,
    /// Who; null = the program, or somebody who was erased since.
    reviewer: Option<i32>,
    /// Why; may be empty.
    reason: String,
    /// When.
    at: Moment,
    /// When it was taken back.
    undone_at: Option<Moment>,
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> Self {
        Self {
            id: review.id,
            verdict: review.verdict.into(),
            reviewer: review.reviewer.map(|user| user.0),
            reason: review.reason,
            at: review.at.into(),
            undone_at: review.undone_at.map(Moment::from),
        }
    }
}

/// What a member reported.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportView {
    /// Its id.
    id: i32,
    /// Who; null for somebody who was erased since.
    reporter: Option<i32>,
    /// Why; may be empty.
    reason: String,
    /// How much their word counted, 0 to 100.
    weight: u32,
    /// When.
    at: Moment,
    /// Whether it was right: `open`, `right` or `wrong`.
    outcome: String,
}

impl From<Report> for ReportView {
    fn from(report: Report) -> Self {
        Self {
            id: report.id,
            reporter: report.reporter.map(|user| user.0),
            reason: report.reason,
            weight: report.weight.confidence(),
            at: report.at.into(),
            outcome: report.outcome.as_str().to_owned(),
        }
    }
}

/// A case with everything that is to be known before deciding; of each at most the newest twenty.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseFileView {
    /// The case.
    case: CaseView,
    /// What was predicted, the newest first.
    predictions: Vec<PredictionView>,
    /// What people decided, the newest first.
    reviews: Vec<ReviewView>,
    /// What members reported, the newest first.
    reports: Vec<ReportView>,
    /// Whether its owner disagreed, the newest first.
    appeals: Vec<AppealView>,
    /// The correction that holds for the account, if there is one: of this community, or of the instance.
    correction: Option<CorrectionView>,
}

impl From<CaseFile> for CaseFileView {
    fn from(file: CaseFile) -> Self {
        let CaseFile {
            case,
            predictions,
            reviews,
            reports,
            appeals,
            correction,
        } = file;
        Self {
            case: case.into(),
            predictions: predictions.into_iter().map(PredictionView::from).collect(),
            reviews: reviews.into_iter().map(ReviewView::from).collect(),
            reports: reports.into_iter().map(ReportView::from).collect(),
            appeals: appeals.into_iter().map(AppealView::from).collect(),
            correction: correction.map(CorrectionView::from),
        }
    }
}

/// How many cases there are in each state.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseCounts {
    /// Nobody has decided yet.
    open: u64,
    /// A bot.
    bot: u64,
    /// A person.
    human: u64,
    /// What spoke for it is gone.
    withdrawn: u64,
}

/// Which cases.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaseFilter {
    /// Those in this state; `open` if left out.
    state: Option<CaseStateName>,
    /// Only those that this is a reason to look at: `score`, `rules`, `reports`, `list`, `sample`, `uncertain` or `phishing`. `sample` is who
    /// was drawn by chance.
    reason: Option<String>,
    /// What comes first; `value` if left out.
    order: Option<CaseOrderName>,
    /// Whether those are left out that one left to others and of which nothing new is known.
    for_me: Option<bool>,
}

/// Which suspects.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuspectFilter {
    /// How many, 1 to 100; 50 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Only those of whom the program is at least so sure, 0 to 100, also of those that people found to be bots. If left out:
    /// those who look like bots from 50 on, and those found to be, however sure the program is. Earlier versions wrote
    /// `minConfidence`.
    #[serde(alias = "minConfidence")]
    #[param(maximum = 100)]
    min_confidence: Option<u32>,
}

/// What an account is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVerdict {
    /// What it is.
    verdict: VerdictName,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
    /// The revision that was seen: if there is a newer one, nothing is decided.
    revision: Option<i32>,
}

/// What earlier versions sent about a suspect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuspectReview {
    /// Whether it is a person after all. Earlier versions wrote `isFalsePositive`.
    #[serde(alias = "isFalsePositive")]
    is_false_positive: bool,
}

/// A community's cases in one state. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/cases", tag = "bots", params(("community" = i32, Path, description = "The community's id."), CaseFilter, PageParams), responses((status = 200, body = List<CaseView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<CaseFilter>,
    paging: Paging,
) -> Result<Listed<CaseView>, Problem> {
    let known = |name: String| {
        let unknown = || Problem::field("reason", "there is no such reason of a case");
        Reason::from_name(&name).ok_or_else(unknown)
    };
    let query = CaseQuery {
        state: filter.state.map_or(CaseState::Open, CaseState::from),
        reason: filter.reason.map(known).transpose()?,
        order: filter.order.map_or(CaseOrder::Value, CaseOrder::from),
        is_for_me: filter.for_me.unwrap_or_default(),
        page: paging.request.clone(),
    };
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let page = bots.cases(&who.actor, community, &query).await?;
    Ok(paging.answer(page, CaseView::from))
}

/// How many cases a community has in each state. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/case-counts", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = CaseCounts)))]
pub(crate) async fn counts(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<CaseCounts>, Problem> {
    let bots = &face.app.bots;
    let counts = bots.case_counts(&who.actor, CommunityId(community)).await?;
    let of = |state: CaseState| counts.get(&state).copied().unwrap_or_default();
    Ok(Json(CaseCounts {
        open: of(CaseState::Open),
        bot: of(CaseState::Bot),
        human: of(CaseState::Human),
        withdrawn: of(CaseState::Withdrawn),
    }))
}

/// A case with what was predicted, decided, reported and said against it. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/cases/{case}", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("case" = i32, Path, description = "The case's id.")), responses((status = 200, body = CaseFileView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, case)): Path<(i32, i32)>,
) -> Result<Json<CaseFileView>, Problem> {
    let bots = &face.app.bots;
    let found = bots.case(&who.actor, CommunityId(community), case).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// In which order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NextFilter {
    /// What comes first; `value` if left out.
    order: Option<CaseOrderName>,
}

/// The open case that one gets next: the first that one has not left to others, that nobody else has before them, and that is
/// not about oneself. In the order of value, of the first 50 the one that is most unlike those that were decided lately and those
/// that others have before them. No content while there is none. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/cases/next", tag = "bots", params(("community" = i32, Path, description = "The community's id."), NextFilter), responses((status = 200, body = CaseView), (status = 204)))]
pub(crate) async fn next(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<NextFilter>,
) -> Result<Response, Problem> {
    let order = filter.order.map_or(CaseOrder::Value, CaseOrder::from);
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let found = bots.next_case(&who.actor, community, order).await?;
    Ok(found.map_or_else(
        || StatusCode::NO_CONTENT.into_response(),
        |case| Json(CaseView::from(case)).into_response(),
    ))
}

/// Says that one has a case before one for the next five minutes, so that others see it. For moderators.
#[utoipa::path(post, path = "/communities/{community}/bots/cases/{case}/look", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("case" = i32, Path, description = "The case's id.")), responses((status = 200, body = CaseView)))]
pub(crate) async fn look(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, case)): Path<(i32, i32)>,
) -> Result<Json<CaseView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let case = bots.look_at_case(&who.actor, community, case).await?;
    Ok(Json(case.into()))
}

/// Says what an account is; nobody is banned by it. The same verdict again changes nothing. For moderators.
#[utoipa::path(put, path = "/communities/{community}/bots/cases/{case}/verdict", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("case" = i32, Path, description = "The case's id.")), request_body = NewVerdict, responses((status = 200, body = CaseView)))]
pub(crate) async fn review(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, case)): Path<(i32, i32)>,
    Body(new): Body<NewVerdict>,
) -> Result<Json<CaseView>, Problem> {
    let new = NewReview {
        verdict: new.verdict.into(),
        reason: new.reason,
        revision: new.revision,
    };
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let case = bots.review(&who.actor, community, case, &new).await?;
    Ok(Json(case.into()))
}

/// Takes the last verdict back: the case is open again, and what was learned is forgotten. For moderators.
#[utoipa::path(delete, path = "/communities/{community}/bots/cases/{case}/verdict", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("case" = i32, Path, description = "The case's id.")), responses((status = 200, body = CaseView)))]
pub(crate) async fn undo(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, case)): Path<(i32, i32)>,
) -> Result<Json<CaseView>, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let case = bots.undo_review(&who.actor, community, case).await?;
    Ok(Json(case.into()))
}

/// The accounts that look like bots, or were found to be, the surest first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/suspects", tag = "bots", params(("community" = i32, Path, description = "The community's id."), SuspectFilter), responses((status = 200, body = List<CaseView>)))]
pub(crate) async fn suspects(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<SuspectFilter>,
) -> Result<Json<List<CaseView>>, Problem> {
    let limit = filter.limit.unwrap_or(SUSPECTS);
    if !(1..=SUSPECTS_MAX).contains(&limit) {
        let words = format!("use 1 to {SUSPECTS_MAX}");
        return Err(Problem::field("limit", words));
    }
    if filter.min_confidence.is_some_and(|least| least > 100) {
        return Err(Problem::field("min_confidence", "use 0 to 100"));
    }
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let least = filter.min_confidence.map(Probability::percent);
    let found = bots.suspects(&who.actor, community, least, limit).await?;
    Ok(List::whole(found.into_iter().map(CaseView::from).collect()))
}

/// Says of a suspect whether it is a person after all, as `PUT …/cases/{case}/verdict` does without a
/// reason. For moderators.
#[utoipa::path(put, path = "/communities/{community}/bots/suspects/{case}/review", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("case" = i32, Path, description = "The id of the suspect's case.")), request_body = SuspectReview, responses((status = 200, body = CaseView)))]
pub(crate) async fn review_suspect(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, case)): Path<(i32, i32)>,
    Body(said): Body<SuspectReview>,
) -> Result<Json<CaseView>, Problem> {
    let new = NewReview {
        verdict: if said.is_false_positive {
            Verdict::Human
        } else {
            Verdict::Bot
        },
        reason: String::new(),
        revision: None,
    };
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let case = bots.review(&who.actor, community, case, &new).await?;
    Ok(Json(case.into()))
}
