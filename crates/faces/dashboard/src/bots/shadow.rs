//! What a model would have said of those who were scored lately, on its page: held against the one that is deployed. Nobody is
//! judged by what stands here.

use ::bots::{BotsError, CalledBy, Confirmed, Differing, Model, SHADOW_MAX, SHIPPED_MODEL, Shadow};
use kernel::{CommunityId, Timestamp};
use serde::Deserialize;

use super::{
    Judged,
    models::{Names, community_of},
    queue::case_href,
};
use crate::{
    charts::{
        Column, Svg,
        histogram::span,
        line::{Line, LineChart, lines},
    },
    display::{self, When},
    error::PageError,
    router::Face,
    viewer::Viewer,
};

/// The query of a model's page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    /// Whose accounts are compared; empty = those of everybody the model is for.
    #[serde(default)]
    community: String,
}

/// A community to choose.
pub(crate) struct Choice {
    pub(crate) id: CommunityId,
    pub(crate) name: String,
    pub(crate) is_chosen: bool,
}

/// Whom both, or only one of two models, call something.
pub(crate) struct CalledRow {
    pub(crate) label: &'static str,
    pub(crate) both: String,
    pub(crate) only_candidate: String,
    pub(crate) only_deployed: String,
}

/// How right a model is about those of whom people said what they are.
pub(crate) struct ConfirmedRow {
    pub(crate) label: String,
    pub(crate) right: String,
    pub(crate) wrong: String,
    pub(crate) missed: String,
    pub(crate) precision: String,
    pub(crate) recall: String,
}

/// An account of which both think differently.
pub(crate) struct DifferingRow {
    pub(crate) account: String,
    pub(crate) platform: &'static str,
    pub(crate) community: String,
    /// The page of its case; empty without one.
    pub(crate) href: String,
    pub(crate) candidate: String,
    pub(crate) deployed: String,
}

/// A range of probabilities, and how many accounts each model gives it.
pub(crate) type RangeRow = (String, String, String);

/// What was compared.
pub(crate) struct Compared {
    pub(crate) accounts: String,
    pub(crate) left_out: Option<String>,
    pub(crate) left_alone: Option<String>,
    pub(crate) mean_difference: String,
    pub(crate) called: [CalledRow; 2],
    pub(crate) chart: Svg,
    pub(crate) ranges: Vec<RangeRow>,
    /// Empty if nobody was reviewed.
    pub(crate) confirmed: Vec<ConfirmedRow>,
    pub(crate) reviewed: String,
    pub(crate) differing: Vec<DifferingRow>,
}

/// What the section holds.
pub(crate) enum Found {
    /// Nothing, and why.
    Nothing(String),
    /// Numbers.
    Compared(Box<Compared>),
}

/// The section of a model's page.
pub(crate) struct Panel {
    /// The communities to choose from; none for a model of one community.
    pub(crate) choices: Vec<Choice>,
    /// What it is held against; `None` if it cannot be.
    pub(crate) against: Option<String>,
    /// The page of that; `None` if it came with the program.
    pub(crate) against_id: Option<i32>,
    pub(crate) since: Option<When>,
    pub(crate) found: Found,
}

impl From<(&'static str, CalledBy)> for CalledRow {
    fn from((label, called): (&'static str, CalledBy)) -> Self {
        Self {
            label,
            both: display::count(called.both),
            only_candidate: display::count(called.only_candidate),
            only_deployed: display::count(called.only_deployed),
        }
    }
}

impl From<(String, Confirmed)> for ConfirmedRow {
    fn from((label, confirmed): (String, Confirmed)) -> Self {
        let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), display::percent);
        Self {
            label,
            right: display::count(confirmed.n_right),
            wrong: display::count(confirmed.n_wrong),
            missed: display::count(confirmed.n_missed),
            precision: share(confirmed.precision()),
            recall: share(confirmed.recall()),
        }
    }
}

impl DifferingRow {
    fn of(one: Differing, names: &Names) -> Self {
        let slug = names.slug(one.community);
        let case = one.case.zip(slug);
        let account = Judged::from(one.account);
        Self {
            platform: account.platform.label(),
            account: account.name,
            community: names.of(Some(one.community)),
            href: case.map_or_else(String::new, |(case, slug)| {
                case_href(slug, case, ::bots::CaseOrder::Value)
            }),
            candidate: one.candidate.to_string(),
            deployed: one.deployed.to_string(),
        }
    }
}

/// The section of a model's page.
pub(crate) async fn panel(
    face: &Face,
    viewer: &Viewer,
    model: &Model,
    wanted: &Wanted,
) -> Result<Panel, PageError> {
    let community = community_of(&wanted.community)?;
    let mut panel = Panel {
        choices: choices(face, viewer, model, community).await?,
        against: None,
        against_id: None,
        since: None,
        found: Found::Nothing(String::new()),
    };
    if model.id <= SHIPPED_MODEL {
        let why = "Models of the registry are held against the one that judges.";
        panel.found = Found::Nothing(why.to_owned());
        return Ok(panel);
    }
    let bots = &face.app.bots;
    let shadow = match bots.shadow(&viewer.actor, model.id, community).await {
        Ok(shadow) => shadow,
        Err(BotsError::Conflict(message) | BotsError::Invalid { message, .. }) => {
            panel.found = Found::Nothing(format!("Nothing can be compared: {message}."));
            return Ok(panel);
        }
        Err(error) => return Err(error.into()),
    };
    panel.against = Some(against(shadow.against));
    panel.against_id = shadow.against.filter(|id| *id != SHIPPED_MODEL);
    panel.since = Some(since(face.app.clock.now(), shadow.since));
    if shadow.counts.n_compared == 0 {
        panel.found = Found::Nothing(nothing(&shadow));
        return Ok(panel);
    }
    let communities = shadow.differing.iter().map(|one| Some(one.community));
    let names = Names::read(face, viewer, communities).await?;
    panel.found = Found::Compared(Box::new(compared(shadow, &names)));
    Ok(panel)
}

/// The communities to choose from.
async fn choices(
    face: &Face,
    viewer: &Viewer,
    model: &Model,
    chosen: Option<CommunityId>,
) -> Result<Vec<Choice>, PageError> {
    if model.community.is_some() {
        return Ok(Vec::new());
    }
    let all = face.app.identity.communities(&viewer.actor).await?;
    let choice = |community: identity::Community| Choice {
        is_chosen: chosen == Some(community.id),
        id: community.id,
        name: community.name,
    };
    Ok(all
        .into_iter()
        .map(|(community, _)| choice(community))
        .collect())
}

fn since(now: Timestamp, at: Timestamp) -> When {
    display::when(now, at)
}

/// What a model is held against, in words.
fn against(model: Option<i32>) -> String {
    match model {
        None => "the rules".to_owned(),
        Some(SHIPPED_MODEL) => "the model that ships".to_owned(),
        Some(id) => format!("model {id}"),
    }
}

/// Why there is nobody to compare.
fn nothing(shadow: &Shadow) -> String {
    if shadow.n_left_out == 0 {
        return "Nobody whom it could judge was scored in the last thirty days.".to_owned();
    }
    format!(
        "{} scored in the last thirty days, with other features than those of this program. They are compared once they were scored again.",
        were(shadow.n_left_out)
    )
}

fn were(n: u64) -> String {
    let verb = if n == 1 { "was" } else { "were" };
    format!("{} {verb}", display::plural(n, "account"))
}

fn compared(shadow: Shadow, names: &Names) -> Compared {
    let counts = shadow.counts;
    let some = |n: u64| (n > 0).then(|| were(n));
    let is_full = counts.n_compared + shadow.n_left_out >= u64::from(SHADOW_MAX);
    let accounts = display::plural(counts.n_compared, "account");
    let confirmed = if counts.n_reviewed == 0 {
        Vec::new()
    } else {
        vec![
            ("This model".to_owned(), counts.candidate).into(),
            (capital(&against(shadow.against)), counts.deployed).into(),
        ]
    };
    Compared {
        accounts: if is_full {
            format!("{accounts}, those that were scored last")
        } else {
            accounts
        },
        left_out: some(shadow.n_left_out),
        left_alone: some(counts.n_left_alone),
        mean_difference: counts.mean_difference.map_or_else(
            || "–".to_owned(),
            |mean| format!("{:.1} points of a hundred", mean * 100.0),
        ),
        called: [
            ("Likely", counts.likely).into(),
            ("Possible or likely", counts.possible).into(),
        ],
        chart: chart(&counts.candidate_bins, &counts.deployed_bins),
        ranges: ranges(&counts.candidate_bins, &counts.deployed_bins),
        confirmed,
        reviewed: display::plural(counts.n_reviewed, "account"),
        differing: shadow
            .differing
            .into_iter()
            .map(|one| DifferingRow::of(one, names))
            .collect(),
    }
}

/// The same with a capital letter.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn ranges(candidate: &[u64], deployed: &[u64]) -> Vec<RangeRow> {
    let n = candidate.len();
    let both = candidate.iter().zip(deployed).enumerate();
    both.map(|(place, (candidate, deployed))| {
        (
            span(place, n),
            display::count(*candidate),
            display::count(*deployed),
        )
    })
    .collect()
}

fn chart(candidate: &[u64], deployed: &[u64]) -> Svg {
    let n = candidate.len();
    let columns: Vec<Column> = (0..n)
        .map(|place| Column {
            label: span(place, n),
            title: span(place, n),
        })
        .collect();
    let values = |bins: &[u64]| bins.iter().map(|n| Some(display::float(*n))).collect();
    lines(&LineChart {
        title: "Accounts by probability, by both models; the table below holds the same numbers",
        columns: &columns,
        lines: &[
            Line {
                key: "candidate",
                label: "This model:",
                values: values(candidate),
            },
            Line {
                key: "deployed",
                label: "The deployed one:",
                values: values(deployed),
            },
        ],
    })
}
