//! Rollouts: a new model for ten percent of the communities, then half, then all. The steps are taken by hand; what guards
//! them, and when it objects, is decided by the service.

use std::{collections::HashMap, sync::Arc};

use ::bots::{BotsError, Guards, Rollout, RolloutState};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::Timestamp;
use serde::Deserialize;

use super::models::{id_of, named};
use crate::{
    admin,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The steps, as they are drawn.
const STEPS: [u32; 3] = [10, 50, 100];

/// The form that starts one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Starting {
    model: String,
}

/// The form that takes the next step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advancing {
    /// The step that was seen.
    step: String,
}

/// The form that halts one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Halting {
    why: String,
}

struct Step {
    percent: u32,
    is_done: bool,
    is_current: bool,
}

/// What a guard sees: its name, with the new model, with the one before.
type Guard = (&'static str, String, String);

struct Row {
    id: i32,
    model: i32,
    name: String,
    step: u32,
    steps: Vec<Step>,
    /// What the next step is, in words.
    next: String,
    state: &'static str,
    mood: &'static str,
    communities: String,
    guards: Vec<Guard>,
    latency: String,
    why: String,
    started: When,
    stepped: When,
    ended: Option<When>,
}

impl Row {
    fn of(rollout: Rollout, models: &HashMap<i32, String>, now: Timestamp) -> Self {
        let next = STEPS.into_iter().find(|step| *step > rollout.step);
        let name = models.get(&rollout.model).cloned();
        Self {
            id: rollout.id,
            model: rollout.model,
            name: name.unwrap_or_else(|| format!("model {}", rollout.model)),
            step: rollout.step,
            steps: STEPS
                .into_iter()
                .map(|percent| Step {
                    percent,
                    is_done: percent < rollout.step,
                    is_current: percent == rollout.step,
                })
                .collect(),
            next: next.map_or_else(
                || "Deploy it".to_owned(),
                |step| format!("Go on to {step} %"),
            ),
            state: rollout.state.as_str(),
            mood: match rollout.state {
                RolloutState::Finished => " good",
                RolloutState::Halted => " bad",
                RolloutState::Running => "",
            },
            communities: communities(rollout.n_communities),
            guards: guards(&rollout.guards),
            latency: latency(rollout.guards.latency_p99_ms),
            why: rollout.halted_why.unwrap_or_default(),
            started: display::when(now, rollout.started_at),
            stepped: display::when(now, rollout.stepped_at),
            ended: rollout.ended_at.map(|at| display::when(now, at)),
        }
    }
}

/// How many communities, in words.
pub(super) fn communities(n: u32) -> String {
    match n {
        1 => "1 community".to_owned(),
        n => format!("{} communities", display::count(n.into())),
    }
}

/// What one score took, in words.
pub(super) fn latency(p99_ms: Option<u32>) -> String {
    p99_ms.map_or_else(
        || "not known yet".to_owned(),
        |took| format!("{} ms", display::count(took.into())),
    )
}

fn guards(guards: &Guards) -> Vec<Guard> {
    let dash = || "–".to_owned();
    let share = |share: Option<f64>| share.map_or_else(dash, display::percent);
    let rate = |rate: Option<f64>| rate.map_or_else(dash, |rate| format!("{rate:.1}"));
    vec![
        (
            "Accused accounts of whom people said what they are",
            display::count(guards.n_new),
            display::count(guards.n_old),
        ),
        (
            "Of these, bots",
            share(guards.precision_new),
            share(guards.precision_old),
        ),
        (
            "How likely so large a difference is by chance",
            guards
                .precision_p_value
                .map_or_else(dash, |p| format!("{p:.2}")),
            String::new(),
        ),
        (
            "Cases of a community in a day",
            rate(guards.alert_rate_new),
            rate(guards.alert_rate_old),
        ),
    ]
}

#[derive(Template)]
#[template(path = "models_rollouts.html")]
struct Page {
    shell: Shell,
    current: &'static str,
    mistakes: Mistakes,
    why: String,
    running: Option<Row>,
    rows: Vec<Row>,
    /// Those that can be rolled out.
    models: Vec<(i32, String)>,
}

/// `GET /admin/models/rollouts`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &viewer, Mistakes::default(), String::new()).await
}

/// `POST /admin/models/rollouts`
pub(crate) async fn start(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<Starting>,
) -> Result<Response, PageError> {
    let model = id_of(&typed.model)?;
    let done = face.app.bots.start_rollout(&viewer.actor, model).await;
    answer(&face, &viewer, done, "rollout-started", String::new()).await
}

/// `POST /admin/models/rollouts/{id}/advance`
pub(crate) async fn advance(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Advancing>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let step: u32 = typed.step.parse().ok().ok_or_else(PageError::not_found)?;
    let bots = &face.app.bots;
    let done = bots.advance_rollout(&viewer.actor, id, step).await;
    answer(&face, &viewer, done, "rollout-advanced", String::new()).await
}

/// `POST /admin/models/rollouts/{id}/halt`
pub(crate) async fn halt(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Halting>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let bots = &face.app.bots;
    let done = bots.halt_rollout(&viewer.actor, id, &typed.why).await;
    answer(&face, &viewer, done, "rollout-halted", typed.why).await
}

async fn answer(
    face: &Face,
    viewer: &Viewer,
    done: Result<Rollout, BotsError>,
    word: &str,
    why: String,
) -> Result<Response, PageError> {
    let mistakes = match done {
        Ok(_) => {
            let to = format!("/admin/models/rollouts?done={word}");
            return Ok(Redirect::to(&to).into_response());
        }
        Err(BotsError::Invalid { field, message }) => Mistakes::one(field, &message),
        Err(BotsError::Conflict(message)) => Mistakes::one("", &message),
        Err(error) => return Err(error.into()),
    };
    show(face, viewer, mistakes, why).await
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    mistakes: Mistakes,
    why: String,
) -> Result<Response, PageError> {
    let shell = admin::shell(face, viewer, "Rollouts", Section::Models).await?;
    let bots = &face.app.bots;
    let found = bots.rollouts(&viewer.actor).await?;
    let models = bots.models(&viewer.actor).await?;
    let names: HashMap<i32, String> = models
        .iter()
        .map(|model| (model.id, named(model)))
        .collect();
    let now = face.app.clock.now();
    let (running, over): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|rollout| rollout.state == RolloutState::Running);
    let row = |rollout| Row::of(rollout, &names, now);
    let page = Page {
        shell,
        current: "rollouts",
        mistakes,
        why,
        running: running.into_iter().map(row).next(),
        rows: over.into_iter().map(row).collect(),
        models: models
            .iter()
            .filter(|model| model.may_roll_out())
            .map(|model| (model.id, named(model)))
            .collect(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
