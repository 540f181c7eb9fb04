//! One case with everything that is to be known before saying what the account is. Looking at it changes
//! nothing; what can be done about it is in `verdict.rs`.

use std::sync::Arc;

use ::bots::{
    Appeal, AppealState, BotsError, Case, CaseFile, CaseOrder, CaseState, Prediction, Probability,
    Report, ReportOutcome, Review, Score,
};
use activity::ChatMessage;
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use identity::{Community, PlatformAccount};
use kernel::{Permission, Timestamp, UserId};
use serde::Deserialize;

use super::{
    Judged, Names, Someone, Sure, corrections,
    looking::{self, Looking},
    prediction::View,
    queue, reasons_text,
    said::{self, Said},
    service, state_of_one, verdict_label,
};
use crate::{
    community,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    order: String,
    /// The case that was decided last, if that can be taken back here.
    last: Option<i32>,
    /// The case whose account was called a bot that is used here, if that can be taken back here.
    used: Option<i32>,
}

/// What a form brought with it, or an address.
#[derive(Default)]
pub(crate) struct Typed {
    reason: String,
    order: CaseOrder,
    last: Option<i32>,
    used: Option<i32>,
    mistakes: Mistakes,
    is_conflict: bool,
}

impl Typed {
    /// What is shown again after a refusal; `None` if it is not one that the page can tell.
    pub(crate) fn refused(reason: String, order: CaseOrder, error: &BotsError) -> Option<Self> {
        let (mistakes, is_conflict) = match error {
            BotsError::Invalid { field, message } => (Mistakes::one(field, message), false),
            BotsError::Conflict(message) => (Mistakes::one("", message), true),
            _ => return None,
        };
        Some(Self {
            reason,
            order,
            last: None,
            used: None,
            mistakes,
            is_conflict,
        })
    }
}

struct ReviewRow {
    verdict: &'static str,
    mood: &'static str,
    reviewer: Option<Someone>,
    reason: String,
    sure: String,
    took: Option<String>,
    at: When,
    undone: Option<When>,
}

impl ReviewRow {
    fn of(review: Review, names: &Names, now: Timestamp) -> Self {
        let (verdict, mood) = verdict_label(review.verdict);
        let took = review
            .took_secs
            .map(|secs| display::duration(std::time::Duration::from_secs(secs.into())));
        Self {
            verdict,
            mood,
            reviewer: names.get(review.reviewer),
            reason: review.reason,
            sure: review.probability.to_string(),
            took,
            at: display::when(now, review.at),
            undone: review.undone_at.map(|at| display::when(now, at)),
        }
    }
}

struct ReportRow {
    reporter: Option<Someone>,
    reason: String,
    weight: String,
    outcome: &'static str,
    mood: &'static str,
    at: When,
}

impl ReportRow {
    fn of(report: Report, names: &Names, now: Timestamp) -> Self {
        let (outcome, mood) = match report.outcome {
            ReportOutcome::Open => ("Nobody knows yet", ""),
            ReportOutcome::Right => ("Was right", " good"),
            ReportOutcome::Wrong => ("Was wrong", " bad"),
        };
        Self {
            reporter: names.get(report.reporter),
            reason: report.reason,
            weight: report.weight.to_string(),
            outcome,
            mood,
            at: display::when(now, report.at),
        }
    }
}

struct AppealRow {
    words: String,
    state: &'static str,
    made: When,
    answer: String,
    answered_by: Option<Someone>,
    answered: Option<When>,
}

impl AppealRow {
    fn of(appeal: Appeal, names: &Names, now: Timestamp) -> Self {
        Self {
            words: appeal.words,
            state: match appeal.state {
                AppealState::Open => "Open",
                AppealState::Granted => "Granted",
                AppealState::Refused => "Refused",
                AppealState::Ended => "Over: the decision was taken back",
            },
            made: display::when(now, appeal.made_at),
            answer: appeal.answer,
            answered_by: names.get(appeal.answered_by),
            answered: appeal.answered_at.map(|at| display::when(now, at)),
        }
    }
}

#[derive(Template)]
#[template(path = "bots_case.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a template asks yes-or-no questions"
)]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    id: i32,
    order: &'static str,
    queue_href: String,
    n_open: String,
    revision: i32,
    account: Option<Judged>,
    name: String,
    made: Option<When>,
    is_marked: bool,
    /// Platform and name of the person's other accounts.
    others: Vec<(&'static str, String)>,
    /// Between which probabilities its predictions lie.
    range: Option<String>,
    /// Whether there is a probability to show.
    is_scored: bool,
    sure: Sure,
    reasons: String,
    state: &'static str,
    mood: &'static str,
    is_open: bool,
    is_decided: bool,
    is_dry_run: bool,
    opened: When,
    changed: When,
    decided: Option<When>,
    decided_by: Option<Someone>,
    looking: Looking,
    /// The stream of who looks at it, while it is open.
    stream_href: Option<String>,
    home: String,
    may_judge: bool,
    is_own: bool,
    reason: String,
    undo: Option<i32>,
    unuse: Option<i32>,
    is_used: bool,
    /// The correction that holds for the account, and who made it.
    corrected: Option<(corrections::Row, Option<Someone>)>,
    /// How sure the program is by now, if that is not what the case was filed with.
    sure_now: Option<Sure>,
    said: Said,
    newest: Option<View>,
    earlier: Vec<View>,
    reviews: Vec<ReviewRow>,
    reports: Vec<ReportRow>,
    appeals: Vec<AppealRow>,
}

/// The id of a case in an address.
pub(crate) fn id_of(text: &str) -> Result<i32, PageError> {
    text.parse().ok().ok_or_else(PageError::not_found)
}

/// `GET /c/{slug}/bots/cases/{id}`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let id = id_of(&id)?;
    let typed = Typed {
        order: queue::order_of(&wanted.order)?,
        last: wanted.last.filter(|last| *last != id),
        used: wanted.used.filter(|used| *used != id),
        ..Typed::default()
    };
    show(&face, &viewer, &community, id, typed).await
}

/// Between which probabilities the newest model's predictions lie: `17 % to 94 % in 5 predictions`. `None` of fewer than two,
/// or where all say the same.
fn range(predictions: &[Prediction]) -> Option<String> {
    let model = predictions.first()?.model;
    let same = predictions.iter().filter(|one| one.model == model);
    let all: Vec<Probability> = same.map(|one| one.probability).collect();
    let (low, high) = (all.iter().min()?, all.iter().max()?);
    let (low, high) = (low.to_string(), high.to_string());
    (low != high).then(|| format!("{low} to {high} in {} predictions", all.len()))
}

/// The other accounts of whoever has an account, as members see them.
async fn others(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    account: Option<&PlatformAccount>,
) -> Result<Vec<(&'static str, String)>, PageError> {
    let Some(account) = account else {
        return Ok(Vec::new());
    };
    let activity = &face.app.activity;
    let card = activity
        .member_card(&viewer.actor, community.id, account.user)
        .await?;
    let accounts = card.map(|card| card.accounts).unwrap_or_default();
    Ok(accounts
        .into_iter()
        .filter(|other| other.id != account.id)
        .map(|other| (other.platform.label(), other.username))
        .collect())
}

/// Everybody who did something in a case.
fn people(file: &CaseFile) -> Vec<UserId> {
    let reviewers = file.reviews.iter().map(|review| review.reviewer);
    let reporters = file.reports.iter().map(|report| report.reporter);
    let answerers = file.appeals.iter().map(|appeal| appeal.answered_by);
    reviewers
        .chain(reporters)
        .chain(answerers)
        .chain([file.case.decided_by])
        .chain(file.case.viewers.iter().copied().map(Some))
        .chain(file.correction.iter().map(|one| one.decided_by))
        .flatten()
        .collect()
}

/// The page of a case, with what a form brought with it.
pub(crate) async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    id: i32,
    typed: Typed,
) -> Result<Response, PageError> {
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let file = bots.case(actor, community.id, id).await?;
    let file = file.ok_or_else(PageError::not_found)?;
    let setting = bots.setting(actor, community.id).await?;
    let counts = bots.case_counts(actor, community.id).await?;
    let names = Names::of(face, viewer, community, &people(&file)).await?;
    let now = face.app.clock.now();
    let is_used = service::used(&file).is_some();
    let CaseFile {
        case,
        predictions,
        reviews,
        reports,
        appeals,
        correction,
    } = file;
    let range = range(&predictions);
    let mut predictions = predictions
        .iter()
        .map(|prediction| View::of(prediction, &setting, now));
    let newest = predictions.next();
    let earlier = predictions.collect();
    let is_own = is_about(&case, viewer);
    let may_judge = actor
        .require(Permission::ModerateMembers, community.id)
        .is_ok();
    let place = Place {
        title: "Case",
        section: Section::Bots,
        community: Some(community),
    };
    let (state, mood) = state_of_one(case.state);
    let account = case.account.as_ref();
    let messages = said_last(face, viewer, community, account).await?;
    let others = others(face, viewer, community, account).await?;
    let now_sure = score_of(face, viewer, community, account).await?;
    let looking = Looking::now(&case, &names);
    let stream_href = (case.state == CaseState::Open)
        .then(|| looking::stream_href(&community.slug, &case, typed.order));
    let n_open = counts.get(&CaseState::Open).copied().unwrap_or(0);
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        id: case.id,
        order: typed.order.as_str(),
        queue_href: queue::href(&community.slug, CaseState::Open, typed.order),
        n_open: display::plural(n_open, "open case"),
        revision: case.revision,
        name: account.map_or_else(
            || "An erased account".to_owned(),
            |account| account.username.clone(),
        ),
        made: account
            .and_then(|account| account.account_created_at)
            .map(|at| display::when(now, at)),
        is_marked: account.is_some_and(|account| account.is_bot),
        others,
        range,
        account: case.account.map(Judged::from),
        is_scored: case.is_scored,
        sure: Sure::of(case.probability, case.level),
        reasons: reasons_text(&case.reasons),
        state,
        mood,
        is_open: case.state == CaseState::Open,
        is_decided: case.state.is_decided(),
        is_dry_run: setting.is_dry_run,
        opened: display::when(now, case.opened_at),
        changed: display::when(now, case.changed_at),
        decided: case.decided_at.map(|at| display::when(now, at)),
        decided_by: names.get(case.decided_by),
        looking,
        stream_href,
        home: queue::case_href(&community.slug, case.id, typed.order),
        may_judge,
        is_own,
        reason: typed.reason,
        undo: typed.last.filter(|_| may_judge),
        unuse: typed.used.filter(|_| may_judge),
        is_used,
        corrected: correction.map(|one| {
            let by = names.get(one.decided_by);
            (corrections::Row::of(one, now), by)
        }),
        sure_now: super::changed(case.probability, now_sure.as_ref()),
        said: Said::of(messages, now),
        newest,
        earlier,
        reviews: reviews
            .into_iter()
            .map(|one| ReviewRow::of(one, &names, now))
            .collect(),
        reports: reports
            .into_iter()
            .map(|one| ReportRow::of(one, &names, now))
            .collect(),
        appeals: appeals
            .into_iter()
            .map(|one| AppealRow::of(one, &names, now))
            .collect(),
        mistakes: typed.mistakes,
    };
    let status = if typed.is_conflict {
        StatusCode::CONFLICT
    } else {
        page.mistakes.status()
    };
    Ok((status, layout::page(&page)?).into_response())
}

/// What an account said last, the newest first.
async fn said_last(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    account: Option<&PlatformAccount>,
) -> Result<Vec<ChatMessage>, PageError> {
    let Some(account) = account else {
        return Ok(Vec::new());
    };
    let (activity, actor) = (&face.app.activity, &viewer.actor);
    Ok(activity
        .messages_of_account(actor, community.id, account.id, said::SHOWN)
        .await?)
}

/// What the program says of an account by now; `None` if it was not scored.
async fn score_of(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    account: Option<&PlatformAccount>,
) -> Result<Option<Score>, PageError> {
    let Some(account) = account else {
        return Ok(None);
    };
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let score = bots.score_of(actor, community.id, account.user).await?;
    Ok(score.filter(|score| score.account.id == account.id))
}

/// Whether a case is about whoever looks at it.
fn is_about(case: &Case, viewer: &Viewer) -> bool {
    let about = case.account.as_ref().map(|account| account.user);
    about.is_some() && about == viewer.actor.user_id()
}
