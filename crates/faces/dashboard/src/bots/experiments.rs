//! Experiments: the rules against a model, half of the communities each. What may be concluded, and from how many reviews
//! on, is decided by the service; until then the page says that there are too few, and no number that means nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::bots::{ArmResult, BotArm, BotsError, Conclusion, Estimate, Experiment, NewExperiment};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::Timestamp;
use serde::Deserialize;

use super::{
    models::{id_of, named},
    rollouts::communities,
};
use crate::{
    admin,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form that starts one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Starting {
    hypothesis: String,
    /// Empty = whatever is deployed.
    #[serde(default)]
    model: String,
}

/// The form that stops one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stopping {
    why: String,
}

/// What came of an arm, as it is shown.
struct Arm {
    name: &'static str,
    communities: String,
    cases: String,
    reviewed: String,
    right: String,
    wrong: String,
    precision: String,
    false_positives: String,
    detection: String,
    review: String,
}

impl From<&ArmResult> for Arm {
    fn from(arm: &ArmResult) -> Self {
        let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), display::percent);
        Self {
            name: match arm.arm {
                BotArm::Rules => "The rules",
                BotArm::Model => "The model",
            },
            communities: communities(arm.n_communities),
            cases: display::count(arm.n_cases),
            reviewed: display::count(arm.n_reviewed),
            right: display::count(arm.n_right),
            wrong: display::count(arm.n_wrong),
            precision: share(arm.precision),
            false_positives: share(arm.false_positive_rate),
            detection: arm
                .detection_rate
                .map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}")),
            review: arm.review_secs_median.map_or_else(
                || "–".to_owned(),
                |secs| display::duration(Duration::from_secs(secs.into())),
            ),
        }
    }
}

struct Row {
    id: i32,
    hypothesis: String,
    model: String,
    arms: Vec<Arm>,
    estimate: String,
    conclusion: String,
    mood: &'static str,
    started: When,
    ended: Option<When>,
    why: String,
}

impl Row {
    fn of(experiment: Experiment, models: &HashMap<i32, String>, now: Timestamp) -> Self {
        let name = |id: i32| {
            let known = models.get(&id).cloned();
            known.unwrap_or_else(|| format!("model {id}"))
        };
        let (conclusion, mood) = concluded(experiment.conclusion);
        Self {
            id: experiment.id,
            hypothesis: experiment.hypothesis,
            model: experiment
                .model
                .map_or_else(|| "whatever is deployed".to_owned(), name),
            arms: experiment.arms.iter().map(Arm::from).collect(),
            estimate: experiment
                .precision
                .as_ref()
                .map_or_else(String::new, estimated),
            conclusion,
            mood,
            started: display::when(now, experiment.started_at),
            ended: experiment.ended_at.map(|at| display::when(now, at)),
            why: experiment.ended_why.unwrap_or_default(),
        }
    }
}

fn concluded(conclusion: Conclusion) -> (String, &'static str) {
    match conclusion {
        Conclusion::NotEnough { needed } => (
            format!("Not enough reviews to say anything: each side needs {needed}."),
            "",
        ),
        Conclusion::Open => (
            "No difference that could be told from chance.".to_owned(),
            "",
        ),
        Conclusion::ModelBetter => ("The model is right more often.".to_owned(), " good"),
        Conclusion::RulesBetter => ("The rules are right more often.".to_owned(), " bad"),
    }
}

/// A difference in points of a hundred, with its interval.
fn estimated(estimate: &Estimate) -> String {
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    format!(
        "The model's precision less the rules': {} points, between {} and {} in 95 of 100 cases, however often one looks; p {:.3}.",
        points(estimate.difference),
        points(estimate.low),
        points(estimate.high),
        estimate.p_value
    )
}

#[derive(Template)]
#[template(path = "models_experiments.html")]
struct Page {
    shell: Shell,
    current: &'static str,
    mistakes: Mistakes,
    typed: Starting,
    why: String,
    running: Option<Row>,
    rows: Vec<Row>,
    /// Those that can be held against the rules: id, name, whether it is chosen.
    models: Vec<(i32, String, bool)>,
}

/// `GET /admin/models/experiments`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let typed = Starting::default();
    show(&face, &viewer, Mistakes::default(), typed, String::new()).await
}

/// `POST /admin/models/experiments`
pub(crate) async fn start(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<Starting>,
) -> Result<Response, PageError> {
    let new = NewExperiment {
        hypothesis: typed.hypothesis.clone(),
        model: match typed.model.as_str() {
            "" => None,
            id => Some(id_of(id)?),
        },
    };
    let done = face.app.bots.start_experiment(&viewer.actor, &new).await;
    let mistakes = match answer(done, "experiment-started")? {
        Ok(gone) => return Ok(gone),
        Err(mistakes) => mistakes,
    };
    show(&face, &viewer, mistakes, typed, String::new()).await
}

/// `POST /admin/models/experiments/{id}/stop`
pub(crate) async fn stop(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Stopping>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let bots = &face.app.bots;
    let done = bots.stop_experiment(&viewer.actor, id, &typed.why).await;
    let mistakes = match answer(done, "experiment-stopped")? {
        Ok(gone) => return Ok(gone),
        Err(mistakes) => mistakes,
    };
    show(&face, &viewer, mistakes, Starting::default(), typed.why).await
}

fn answer(
    done: Result<Experiment, BotsError>,
    word: &str,
) -> Result<Result<Response, Mistakes>, PageError> {
    match done {
        Ok(_) => {
            let to = format!("/admin/models/experiments?done={word}");
            Ok(Ok(Redirect::to(&to).into_response()))
        }
        Err(BotsError::Invalid { field, message }) => Ok(Err(Mistakes::one(field, &message))),
        Err(BotsError::Conflict(message)) => Ok(Err(Mistakes::one("", &message))),
        Err(error) => Err(error.into()),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    mistakes: Mistakes,
    typed: Starting,
    why: String,
) -> Result<Response, PageError> {
    let shell = admin::shell(face, viewer, "Experiments", Section::Models).await?;
    let bots = &face.app.bots;
    let found = bots.experiments(&viewer.actor).await?;
    let models = bots.models(&viewer.actor).await?;
    let names: HashMap<i32, String> = models
        .iter()
        .map(|model| (model.id, named(model)))
        .collect();
    let now = face.app.clock.now();
    let (running, over): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|one| one.ended_at.is_none());
    let row = |experiment| Row::of(experiment, &names, now);
    let page = Page {
        shell,
        current: "experiments",
        mistakes,
        why,
        running: running.into_iter().map(row).next(),
        rows: over.into_iter().map(row).collect(),
        models: models
            .iter()
            .filter(|model| model.may_be_tried())
            .map(|model| {
                let is_chosen = typed.model == model.id.to_string();
                (model.id, named(model), is_chosen)
            })
            .collect(),
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
