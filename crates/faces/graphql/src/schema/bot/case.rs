//! A case: an account about which somebody should say what it is, and everything that is to be known before deciding.

use ::bots::{Case, CaseFile, Cause, Prediction, Report, Review};
use async_graphql::{Enum, ID, SimpleObject};

use super::{BotAppeal, BotLevel, list::BotCorrection, whole};
use crate::schema::{member::Account, scalar::DateTime};

/// What became of a case.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::CaseState")]
pub(crate) enum BotCaseState {
    /// Nobody has decided yet.
    Open,
    /// It is a bot.
    Bot,
    /// It is a person.
    Human,
    /// What spoke for it is gone, before anybody decided.
    Withdrawn,
}

/// What comes first in the queue.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::CaseOrder")]
pub(crate) enum BotCaseOrder {
    /// That from which most can be learned.
    Value,
    /// That which is surest.
    Probability,
}

/// What somebody says of a case.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::Verdict")]
pub(crate) enum BotVerdict {
    /// A bot.
    Bot,
    /// A person.
    Human,
    /// Others may tell.
    Skip,
}

/// Whether a report was right.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::ReportOutcome")]
pub(crate) enum BotReportOutcome {
    /// Nobody knows yet.
    Open,
    /// A moderator found a bot.
    Right,
    /// A moderator found a person.
    Wrong,
}

/// A case: an account about which somebody should say what it is.
#[derive(SimpleObject)]
pub(crate) struct BotCase {
    /// Its id.
    id: i32,
    /// The community's id.
    community_id: i32,
    /// The account; null for one that was erased.
    account: Option<Account>,
    /// Whose the account is; null for one that was erased.
    user_id: Option<i32>,
    /// What became of it.
    state: BotCaseState,
    /// Why somebody should look: of `score`, `rules`, `reports`, `list`, `sample`, `uncertain` and `phishing`.
    reasons: Vec<&'static str>,
    /// How sure the program is, 0 to 100.
    confidence: i32,
    /// Whether the program has scored the account: one that said nothing yet has no confidence.
    is_scored: bool,
    /// The same in a word, by the community's thresholds.
    level: BotLevel,
    /// How much a verdict would teach, 0 to 1.
    value: f64,
    /// When it was opened.
    opened_at: DateTime,
    /// When what speaks for it changed last.
    changed_at: DateTime,
    /// Who has it before them right now, who came first first.
    viewers: Vec<i32>,
    /// Which revision a verdict is about.
    revision: i32,
    /// Who decided; null for nobody, or somebody who was erased since.
    decided_by: Option<i32>,
    /// When.
    decided_at: Option<DateTime>,
}

impl From<Case> for BotCase {
    fn from(case: Case) -> Self {
        Self {
            id: case.id,
            community_id: case.community.0,
            user_id: case.account.as_ref().map(|account| account.user.0),
            account: case.account.map(Account::from),
            state: case.state.into(),
            reasons: case.reasons.iter().map(|reason| reason.as_str()).collect(),
            confidence: whole(case.probability),
            is_scored: case.is_scored,
            level: case.level.into(),
            value: case.value.value(),
            opened_at: DateTime(case.opened_at),
            changed_at: DateTime(case.changed_at),
            viewers: case.viewers.iter().map(|user| user.0).collect(),
            revision: case.revision,
            decided_by: case.decided_by.map(|user| user.0),
            decided_at: case.decided_at.map(DateTime),
        }
    }
}

/// What counted for or against somebody.
#[derive(SimpleObject)]
pub(crate) struct BotCause {
    /// The signal's name.
    signal: String,
    /// Its value for the account; null where there is nothing to measure.
    value: Option<f64>,
    /// The same of the median member, where that is known.
    median: Option<f64>,
    /// How much it moved the score, in log-odds: above 0 towards a bot. Of a rule: how sure it is, 0 to 1.
    share: f64,
    /// The same in a sentence.
    sentence: String,
}

impl From<Cause> for BotCause {
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
#[derive(SimpleObject)]
pub(crate) struct BotPrediction {
    /// Its id; later ones are larger.
    id: ID,
    /// The model that said so, 0 = the one that ships; null = the rules.
    model_id: Option<i32>,
    /// How sure it was, 0 to 100.
    confidence: i32,
    /// What the rules said of the same, 0 to 100.
    by_rules: i32,
    /// What counted most, the strongest first.
    why: Vec<BotCause>,
    /// How many messages it had seen.
    message_count: i32,
    /// When.
    at: DateTime,
}

impl From<Prediction> for BotPrediction {
    fn from(prediction: Prediction) -> Self {
        Self {
            id: ID(prediction.id.to_string()),
            model_id: prediction.model,
            confidence: whole(prediction.probability),
            by_rules: whole(prediction.by_rules),
            why: prediction.why.into_iter().map(BotCause::from).collect(),
            message_count: i32::try_from(prediction.n_messages).unwrap_or(i32::MAX),
            at: DateTime(prediction.at),
        }
    }
}

/// What somebody said in a case.
#[derive(SimpleObject)]
pub(crate) struct BotReview {
    /// Its id; later ones are larger.
    id: ID,
    /// What they said.
    verdict: BotVerdict,
    /// Who; null = the program, or somebody who was erased since.
    reviewer: Option<i32>,
    /// Why; may be empty.
    reason: String,
    /// When.
    at: DateTime,
    /// When it was taken back.
    undone_at: Option<DateTime>,
}

impl From<Review> for BotReview {
    fn from(review: Review) -> Self {
        Self {
            id: ID(review.id.to_string()),
            verdict: review.verdict.into(),
            reviewer: review.reviewer.map(|user| user.0),
            reason: review.reason,
            at: DateTime(review.at),
            undone_at: review.undone_at.map(DateTime),
        }
    }
}

/// What a member reported.
#[derive(SimpleObject)]
pub(crate) struct BotReport {
    /// Its id.
    id: i32,
    /// Who; null for somebody who was erased since.
    reporter: Option<i32>,
    /// Why; may be empty.
    reason: String,
    /// How much their word counted, 0 to 100.
    weight: i32,
    /// When.
    at: DateTime,
    /// Whether it was right.
    outcome: BotReportOutcome,
}

impl From<Report> for BotReport {
    fn from(report: Report) -> Self {
        Self {
            id: report.id,
            reporter: report.reporter.map(|user| user.0),
            reason: report.reason,
            weight: whole(report.weight),
            at: DateTime(report.at),
            outcome: report.outcome.into(),
        }
    }
}

/// A case with everything that is to be known before deciding; of each at most the newest twenty.
#[derive(SimpleObject)]
pub(crate) struct BotCaseFile {
    /// The case.
    case: BotCase,
    /// What was predicted, the newest first.
    predictions: Vec<BotPrediction>,
    /// What people decided, the newest first.
    reviews: Vec<BotReview>,
    /// What members reported, the newest first.
    reports: Vec<BotReport>,
    /// Whether its owner disagreed, the newest first.
    appeals: Vec<BotAppeal>,
    /// The correction that holds for the account, if there is one: of this community, or of the instance.
    correction: Option<BotCorrection>,
}

impl From<CaseFile> for BotCaseFile {
    fn from(file: CaseFile) -> Self {
        let predictions = file.predictions.into_iter();
        Self {
            case: file.case.into(),
            predictions: predictions.map(BotPrediction::from).collect(),
            reviews: file.reviews.into_iter().map(BotReview::from).collect(),
            reports: file.reports.into_iter().map(BotReport::from).collect(),
            appeals: file.appeals.into_iter().map(BotAppeal::from).collect(),
            correction: file.correction.map(BotCorrection::from),
        }
    }
}

/// How many cases there are in each state.
#[derive(SimpleObject)]
pub(crate) struct BotCaseCounts {
    /// Nobody has decided yet.
    pub(super) open: i32,
    /// A bot.
    pub(super) bot: i32,
    /// A person.
    pub(super) human: i32,
    /// What spoke for it is gone.
    pub(super) withdrawn: i32,
}
