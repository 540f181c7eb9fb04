//! Trainings: a list, asking for one, and what one did line by line, followed while it goes on.
//!
//! Must never show a row that was learned from: they are numbers about people.

use std::{sync::Arc, time::Duration};

use ::bots::{Training, TrainingState, TrainingTrigger};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use futures_util::stream;
use kernel::{CommunityId, Timestamp};
use serde::Deserialize;

use super::models::{Names, community_of, id_of};
use crate::{
    admin,
    display::{self, When},
    error::{PageError, sentence},
    follow::{self, drawn, told},
    layout::{self, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// The form that asks for a training.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asking {
    /// Empty = everybody.
    #[serde(default)]
    community: String,
}

struct Row {
    id: i32,
    community: String,
    state: &'static str,
    mood: &'static str,
    /// How far it is, while it goes on.
    progress: Option<u32>,
    trigger: &'static str,
    asked: When,
    took: String,
    rows: String,
    bots: String,
    people: String,
    new: String,
    model: Option<i32>,
    error: String,
}

impl Row {
    fn of(training: &Training, names: &Names, now: Timestamp) -> Self {
        let span = training
            .started_at
            .zip(training.finished_at)
            .map(|(from, until)| until.since(from));
        Self {
            id: training.id,
            community: names.of(training.community),
            state: training.state.as_str(),
            mood: match training.state {
                TrainingState::Done => " good",
                TrainingState::Failed => " bad",
                TrainingState::Waiting | TrainingState::Running | TrainingState::Skipped => "",
            },
            progress: (!training.state.is_over()).then_some(training.progress),
            trigger: match training.trigger {
                Some(TrainingTrigger::Person) => "by hand",
                Some(TrainingTrigger::CommandLine) => "on the command line",
                Some(TrainingTrigger::Schedule) => "weekly",
                None => "weekly or on the command line",
            },
            asked: display::when(now, training.asked_at),
            took: span.map_or_else(|| "–".to_owned(), took),
            rows: display::count(training.n_rows.into()),
            bots: display::count(training.n_bots.into()),
            people: display::count(training.n_people.into()),
            new: display::count(training.n_new.into()),
            model: training.model,
            error: sentence(training.error.as_deref().unwrap_or_default()),
        }
    }
}

fn took(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        return "less than a second".to_owned();
    }
    display::duration(span)
}

/// A community to train for.
struct Choice {
    id: CommunityId,
    name: String,
}

#[derive(Template)]
#[template(path = "models_trainings.html")]
struct List {
    shell: Shell,
    current: &'static str,
    rows: Vec<Row>,
    communities: Vec<Choice>,
}

/// What a training did so far: in its page, and in its stream.
#[derive(Template)]
#[template(path = "models_training_part.html")]
struct Part {
    row: Row,
    snapshot: String,
    log: Vec<String>,
    /// How far it is, for whoever listens.
    said: String,
}

impl Part {
    fn of(training: Training, names: &Names, now: Timestamp) -> Self {
        let row = Row::of(&training, names, now);
        Self {
            said: match row.progress {
                Some(percent) => format!("{}, {percent} percent", row.state),
                None => row.state.to_owned(),
            },
            row,
            snapshot: training.snapshot.unwrap_or_default(),
            log: training.log,
        }
    }
}

#[derive(Template)]
#[template(path = "models_training.html")]
struct One {
    shell: Shell,
    current: &'static str,
    home: String,
    /// Whether it goes on.
    is_followed: bool,
    part: Part,
}

/// `GET /admin/models/trainings`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "Trainings", Section::Models).await?;
    let found = face.app.bots.trainings(&viewer.actor).await?;
    let communities = found.iter().map(|training| training.community);
    let names = Names::read(&face, &viewer, communities).await?;
    let all = face.app.identity.communities(&viewer.actor).await?;
    let now = face.app.clock.now();
    layout::page(&List {
        shell,
        current: "trainings",
        rows: found
            .iter()
            .map(|training| Row::of(training, &names, now))
            .collect(),
        communities: all
            .into_iter()
            .map(|(community, _)| Choice {
                id: community.id,
                name: community.name,
            })
            .collect(),
    })
}

/// `POST /admin/models/trainings`
pub(crate) async fn start(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<Asking>,
) -> Result<Response, PageError> {
    let community = community_of(&typed.community)?;
    let bots = &face.app.bots;
    let asked = bots.start_training(&viewer.actor, community).await?;
    let to = format!("/admin/models/trainings/{}?done=training-asked", asked.id);
    Ok(Redirect::to(&to).into_response())
}

/// `GET /admin/models/trainings/{id}`
pub(crate) async fn one(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "Training", Section::Models).await?;
    let found = face.app.bots.training(&viewer.actor, id_of(&id)?).await?;
    let training = found.ok_or_else(PageError::not_found)?;
    let names = Names::read(&face, &viewer, std::iter::once(training.community)).await?;
    layout::page(&One {
        shell,
        current: "trainings",
        home: format!("/admin/models/trainings/{}", training.id),
        is_followed: !training.state.is_over(),
        part: Part::of(training, &names, face.app.clock.now()),
    })
}

/// `GET /admin/models/trainings/{id}/stream`
pub(crate) async fn stream(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let feed = face.app.follow_training(&viewer.actor, id_of(&id)?).await?;
    let stop = face.app.stop.clone();
    let parts = stream::unfold((feed, face, viewer), async |(mut feed, face, viewer)| {
        let training = told(feed.next().await?)?;
        let names = Names::read(&face, &viewer, std::iter::once(training.community));
        let names = told(names.await)?;
        let html = drawn(&Part::of(training, &names, face.app.clock.now()))?;
        Some((html, (feed, face, viewer)))
    });
    Ok(follow::answer(parts, stop))
}
