//! The registry of models for those who run the instance: a table of all, one model with what was measured of it, and the
//! forms that promote it, retire it or take it back. What a model may do is decided by the service.

use std::{collections::HashMap, sync::Arc};

use ::bots::{BotsError, Model, ModelKind, ModelState, SHIPPED_MODEL};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{CommunityId, Timestamp};
use serde::Deserialize;

use super::{
    metrics::{self, FIGURES, PARTS},
    shadow::{self, Found, Panel, Wanted},
};
use crate::{
    admin,
    charts::{
        Svg,
        curve::{Curve, curve},
    },
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Digits of a hash that are shown in a table.
const HASH_SHOWN: usize = 12;

/// A model in a table.
pub(crate) struct Row {
    pub(crate) id: i32,
    /// Its page; of one that is being made, that of its training.
    pub(crate) href: String,
    /// How far it is, of one that is being made.
    pub(crate) progress: Option<String>,
    pub(crate) name: String,
    pub(crate) community: String,
    pub(crate) kind: &'static str,
    pub(crate) state: &'static str,
    pub(crate) mood: &'static str,
    pub(crate) is_current: bool,
    /// `None` for the one that ships.
    pub(crate) added: Option<When>,
    /// Accounts that it learned from.
    pub(crate) accounts: String,
    pub(crate) precision: String,
    pub(crate) recall: String,
    pub(crate) f1: String,
    pub(crate) auc: String,
    pub(crate) hash: String,
}

impl Row {
    fn of(model: &Model, names: &Names, now: Timestamp) -> Self {
        let is_shipped = model.id == SHIPPED_MODEL;
        let part = metrics::told(&model.metrics);
        let of = |name| metrics::shown(metrics::figure(&model.metrics, part, name));
        let is_learning = model.id < SHIPPED_MODEL;
        let progress = model.card.get("progress").filter(|_| is_learning);
        let accounts = model.card.get("data").and_then(|data| data.get("accounts"));
        let accounts = accounts.and_then(serde_json::Value::as_u64);
        Self {
            id: model.id,
            href: if is_learning {
                format!("/admin/models/trainings/{}", model.id.unsigned_abs())
            } else {
                format!("/admin/models/{}", model.id)
            },
            progress: progress.map(|percent| format!("{percent} %")),
            name: named(model),
            community: names.of(model.community),
            kind: kind(model.kind),
            state: model.state.as_str(),
            mood: mood(model.state),
            is_current: model.is_current(),
            added: (!is_shipped).then(|| display::when(now, model.added_at)),
            accounts: accounts.map_or_else(|| "–".to_owned(), display::count),
            precision: of("precision"),
            recall: of("recall"),
            f1: of("f1"),
            auc: metrics::shown(metrics::auc(&model.metrics, part)),
            hash: model.sha256.chars().take(HASH_SHOWN).collect(),
        }
    }
}

/// Name and version.
pub(crate) fn named(model: &Model) -> String {
    if model.id == SHIPPED_MODEL {
        return "The model that ships".to_owned();
    }
    format!("{} {}", model.name, model.version)
}

const fn kind(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Trees => "trees",
        ModelKind::Linear => "straight line",
    }
}

const fn mood(state: ModelState) -> &'static str {
    match state {
        ModelState::Deployed => " good",
        ModelState::Training | ModelState::Testing | ModelState::Retired => "",
    }
}

/// The names of communities, as far as the viewer may know them.
pub(crate) struct Names(HashMap<CommunityId, Community>);

impl Names {
    pub(crate) async fn read(
        face: &Face,
        viewer: &Viewer,
        communities: impl Iterator<Item = Option<CommunityId>>,
    ) -> Result<Self, PageError> {
        let ids: Vec<CommunityId> = communities.flatten().collect();
        let identity = &face.app.identity;
        let found = identity.communities_of(&viewer.actor, &ids).await?;
        Ok(Self(found))
    }

    /// Whom something is for.
    pub(crate) fn of(&self, community: Option<CommunityId>) -> String {
        let Some(id) = community else {
            return "everybody".to_owned();
        };
        let known = self.0.get(&id);
        known.map_or_else(|| format!("community {id}"), |known| known.name.clone())
    }

    /// The slug of a community, if the viewer may know it.
    pub(crate) fn slug(&self, community: CommunityId) -> Option<&str> {
        self.0.get(&community).map(|known| known.slug.as_str())
    }
}

#[derive(Template)]
#[template(path = "models.html")]
struct List {
    shell: Shell,
    current: &'static str,
    rows: Vec<Row>,
    /// Whether one of the registry scores for everybody.
    is_deployed: bool,
    /// Whether there is none in the registry.
    is_empty: bool,
    n_alerts: String,
}

/// A model's figures: the columns are those who were judged, the rows how many they were and each figure.
struct Measured {
    columns: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<String>)>,
}

/// What a model does, and what the page offers to do with it.
enum Doing {
    /// It scores.
    Scores,
    /// It decides nothing.
    Rests {
        may_roll_out: bool,
        may_retire: bool,
    },
    /// It is still being made.
    Learns,
    /// It comes with the program; whether it scores for everybody.
    Ships { is_judge: bool },
}

impl Doing {
    fn of(model: &Model) -> Self {
        match model.state {
            state if model.id == SHIPPED_MODEL => Self::Ships {
                is_judge: state == ModelState::Deployed,
            },
            ModelState::Deployed => Self::Scores,
            ModelState::Training => Self::Learns,
            ModelState::Testing | ModelState::Retired => Self::Rests {
                may_roll_out: model.may_roll_out(),
                may_retire: model.state == ModelState::Testing,
            },
        }
    }
}

#[derive(Template)]
#[template(path = "model.html")]
struct One {
    shell: Shell,
    current: &'static str,
    mistakes: Mistakes,
    row: Row,
    sha256: String,
    size: String,
    threshold: Option<String>,
    deployed: Option<When>,
    retired: Option<When>,
    replaced: Option<i32>,
    /// The training that made it.
    training: Option<i32>,
    /// The community of its roll-back form; empty = everybody.
    community: String,
    doing: Doing,
    /// In what it is worse than the shipped model on the same people.
    worse: Option<String>,
    measured: Option<Measured>,
    shadow: Panel,
    roc: Option<Svg>,
    pr: Option<Svg>,
    roc_points: Vec<(String, String)>,
    pr_points: Vec<(String, String)>,
    calibration: Option<Svg>,
    reliability: Vec<(String, String, String)>,
    confusion: Option<[String; 4]>,
    importances: Vec<(String, String, f64)>,
    card: Vec<(String, String)>,
}

/// `GET /admin/models`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "Models", Section::Models).await?;
    let bots = &face.app.bots;
    let models = bots.models(&viewer.actor).await?;
    let alerts = bots.alerts(&viewer.actor).await?;
    let open = alerts.iter().filter(|alert| alert.cleared_at.is_none());
    let names = Names::read(&face, &viewer, models.iter().map(|model| model.community)).await?;
    let now = face.app.clock.now();
    let is_deployed = |model: &Model| {
        model.id != SHIPPED_MODEL
            && model.state == ModelState::Deployed
            && model.community.is_none()
    };
    layout::page(&List {
        shell,
        current: "models",
        is_deployed: models.iter().any(is_deployed),
        is_empty: models.iter().all(|model| model.id <= SHIPPED_MODEL),
        rows: models
            .iter()
            .map(|model| Row::of(model, &names, now))
            .collect(),
        n_alerts: match u64::try_from(open.count()).unwrap_or(0) {
            0 => String::new(),
            n => display::plural(n, "alert"),
        },
    })
}

/// `GET /admin/models/{id}`
pub(crate) async fn one(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    show(&face, &viewer, (id, &wanted), Mistakes::default()).await
}

/// The id of a path.
pub(crate) fn id_of(text: &str) -> Result<i32, PageError> {
    text.parse().ok().ok_or_else(PageError::not_found)
}

/// `POST /admin/models/{id}/promote`
pub(crate) async fn promote(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let done = face.app.bots.promote_model(&viewer.actor, id).await;
    answer(&face, &viewer, id, done.map(|_| "model-promoted")).await
}

/// `POST /admin/models/{id}/retire`
pub(crate) async fn retire(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    let done = face.app.bots.retire_model(&viewer.actor, id).await;
    answer(&face, &viewer, id, done.map(|()| "model-retired")).await
}

async fn answer(
    face: &Face,
    viewer: &Viewer,
    id: i32,
    done: Result<&'static str, BotsError>,
) -> Result<Response, PageError> {
    match done {
        Ok(done) => Ok(Redirect::to(&format!("/admin/models/{id}?done={done}")).into_response()),
        Err(BotsError::Conflict(message) | BotsError::Invalid { message, .. }) => {
            let place = (id, &Wanted::default());
            show(face, viewer, place, Mistakes::one("", &message)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The form that takes a model back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollingBack {
    /// Empty = everybody.
    #[serde(default)]
    community: String,
}

/// `POST /admin/models/roll-back`
pub(crate) async fn roll_back(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<RollingBack>,
) -> Result<Response, PageError> {
    let community = community_of(&typed.community)?;
    face.app
        .bots
        .roll_back_model(&viewer.actor, community)
        .await?;
    Ok(Redirect::to("/admin/models?done=model-rolled-back").into_response())
}

/// The community that a form names; empty = everybody.
pub(crate) fn community_of(typed: &str) -> Result<Option<CommunityId>, PageError> {
    match typed {
        "" => Ok(None),
        id => id.parse().ok().map(Some).ok_or_else(PageError::not_found),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    (id, wanted): (i32, &Wanted),
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let shell = admin::shell(face, viewer, "Model", Section::Models).await?;
    let model = face.app.bots.model(&viewer.actor, id).await?;
    let model = model.ok_or_else(PageError::not_found)?;
    let names = Names::read(face, viewer, std::iter::once(model.community)).await?;
    let now = face.app.clock.now();
    let (roc, pr) = (
        metrics::points(&model.metrics, "roc"),
        metrics::points(&model.metrics, "pr"),
    );
    let ranges = metrics::reliability(&model.metrics);
    let calibration: Vec<(f64, f64)> = ranges.iter().map(|(said, was, _)| (*said, *was)).collect();
    let training = face
        .app
        .bots
        .training_of_model(&viewer.actor, model.id)
        .await?;
    let page = One {
        training: training.map(|training| training.id),
        shell,
        current: "models",
        mistakes,
        row: Row::of(&model, &names, now),
        size: display::bytes(model.size_bytes),
        threshold: model.threshold.map(|threshold| threshold.to_string()),
        deployed: model.deployed_at.map(|at| display::when(now, at)),
        retired: model.retired_at.map(|at| display::when(now, at)),
        replaced: model.replaced,
        community: model
            .community
            .map_or_else(String::new, |community| community.to_string()),
        doing: Doing::of(&model),
        worse: worse(&model),
        measured: measured(&model),
        shadow: shadow::panel(face, viewer, &model, wanted).await?,
        roc: drawn(
            "Bots found against people accused, at all thresholds",
            &roc,
            true,
        ),
        pr: drawn(
            "Precision against bots found, at all thresholds",
            &pr,
            false,
        ),
        roc_points: percents(&roc),
        pr_points: percents(&pr),
        calibration: drawn(
            "What was said against what was: on the diagonal both are the same",
            &calibration,
            true,
        ),
        reliability: ranges
            .into_iter()
            .map(|(said, was, n)| {
                let said = display::percent(said);
                (said, display::percent(was), display::count(n))
            })
            .collect(),
        confusion: metrics::confusion(&model.metrics).map(|counts| counts.map(display::count)),
        importances: metrics::importances(&model.metrics)
            .into_iter()
            .map(|(name, share)| (name, display::percent(share), share))
            .collect(),
        card: metrics::entries(&model.card),
        sha256: model.sha256,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

fn drawn(title: &str, points: &[(f64, f64)], has_diagonal: bool) -> Option<Svg> {
    (points.len() > 1).then(|| {
        curve(&Curve {
            title,
            lines: &[("curve", points)],
            has_diagonal,
        })
    })
}

fn percents(points: &[(f64, f64)]) -> Vec<(String, String)> {
    points
        .iter()
        .map(|(x, y)| (display::percent(*x), display::percent(*y)))
        .collect()
}

/// What was measured, of each who was judged and of whom anything is known; `None` if nothing is.
fn measured(model: &Model) -> Option<Measured> {
    let is_known = |part: &str| {
        let mut names = FIGURES.iter();
        names.any(|(name, _)| metrics::figure(&model.metrics, part, name).is_some())
    };
    let parts: Vec<(&str, &'static str)> = PARTS
        .into_iter()
        .filter(|(part, _)| is_known(part))
        .collect();
    let accounts = parts.iter().map(|(part, _)| {
        metrics::rows(&model.metrics, part).map_or_else(|| "–".to_owned(), display::count)
    });
    let figures = FIGURES.into_iter().map(|(name, label)| {
        let of = |(part, _): &(&str, &str)| {
            metrics::figure(&model.metrics, part, name)
                .map_or_else(|| "–".to_owned(), metrics::Figure::words)
        };
        (label, parts.iter().map(of).collect())
    });
    (!parts.is_empty()).then(|| Measured {
        columns: parts.iter().map(|(_, label)| *label).collect(),
        rows: std::iter::once(("Accounts", accounts.collect()))
            .chain(figures)
            .collect(),
    })
}

/// In what a model is worse than the shipped one on the same people, of whom neither had learned: `F1 0.50 instead of 0.93`.
fn worse(model: &Model) -> Option<String> {
    let lost = |name: &str, label: &str| {
        let of = |part| metrics::figure(&model.metrics, part, name).map(|figure| figure.value);
        let (own, before) = (of("test")?, of("before")?);
        // By what is shown of both.
        (before - own >= 0.005).then(|| {
            format!(
                "{label} {} instead of {}",
                metrics::digits(own),
                metrics::digits(before)
            )
        })
    };
    let all = [
        ("f1", "F1"),
        ("precision", "precision"),
        ("recall", "recall"),
    ];
    let found: Vec<String> = all
        .into_iter()
        .filter_map(|(name, label)| lost(name, label))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}
