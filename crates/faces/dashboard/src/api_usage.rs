//! How the API is used, for those who run the instance.
//!
//! Must never show more than was counted: names of operations, hashes of documents, codes.

use std::{sync::Arc, time::Duration};

use app::api_usage::{COSTS, LATENCY_MS, OperationUsage, SlowRequest, Usage};
use askama::Template;
use axum::{extract::State, response::Response};
use kernel::Timestamp;

use crate::{
    admin,
    charts::{
        Column, Svg,
        stacked::{self, Hatch, Series, Stacked},
    },
    display::{self, When, when},
    error::PageError,
    layout::{self, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// Characters of a document's hash that are shown; the log has all of them.
const HASH_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "admin_api.html")]
struct ApiPage {
    shell: Shell,
    since: When,
    requests: String,
    kept: String,
    failed: String,
    failed_share: String,
    followers: String,
    bad_keys: String,
    bad_sessions: String,
    is_empty: bool,
    latency: Svg,
    legend: [(Svg, &'static str, String); 2],
    latency_rows: Vec<(String, String, String)>,
    costs: Svg,
    cost_rows: Vec<(String, String)>,
    operations: Vec<OperationRow>,
    codes: Vec<(String, String)>,
    slow: Vec<SlowRow>,
}

struct OperationRow {
    name: String,
    n: String,
    kept: String,
    failed: String,
    cost: String,
    half: String,
    most: String,
    longest: String,
}

struct SlowRow {
    at: When,
    operation: String,
    document: String,
    took: String,
    cost: String,
}

/// `GET /admin/api`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "API", Section::Api).await?;
    let usage = face.app.api_usage(&viewer.actor)?;
    let now = face.app.clock.now();
    let sum = |count: fn(&OperationUsage) -> u64| usage.operations.iter().map(count).sum::<u64>();
    let (n, n_failed) = (sum(|o| o.n), sum(|o| o.n_failed));
    let (latency, legend, latency_rows) = latency(&usage);
    let (costs, cost_rows) = costs(&usage);
    let codes = usage.codes.iter();
    layout::page(&ApiPage {
        shell,
        since: when(now, usage.since),
        requests: display::count(n),
        kept: display::count(sum(|o| o.n_kept)),
        failed: display::count(n_failed),
        failed_share: share(n_failed, n),
        followers: display::count(u64::try_from(usage.followers).unwrap_or(u64::MAX)),
        bad_keys: display::count(usage.bad_keys),
        bad_sessions: display::count(usage.bad_sessions),
        is_empty: n == 0,
        latency,
        legend,
        latency_rows,
        costs,
        cost_rows,
        operations: usage.operations.iter().map(operation).collect(),
        codes: codes
            .map(|(code, n)| (code.clone(), display::count(*n)))
            .collect(),
        slow: usage.slow.iter().map(|slow| slow_row(now, slow)).collect(),
    })
}

/// «up to 5 ms», and beyond the last bound.
fn steps(bounds: &[u64], unit: &str) -> Vec<String> {
    let up_to = bounds
        .iter()
        .map(|bound| format!("up to {}{unit}", display::count(*bound)));
    let beyond = bounds
        .last()
        .map(|bound| format!("more than {}{unit}", display::count(*bound)));
    up_to.chain(beyond).collect()
}

fn columns(bounds: &[u64], titles: &[String]) -> Vec<Column> {
    let labels = bounds
        .iter()
        .map(|bound| display::count(*bound))
        .chain(["more".to_owned()]);
    labels
        .zip(titles)
        .map(|(label, title)| Column {
            label,
            title: title.clone(),
        })
        .collect()
}

type Latency = (
    Svg,
    [(Svg, &'static str, String); 2],
    Vec<(String, String, String)>,
);

fn latency(usage: &Usage) -> Latency {
    let titles = steps(&LATENCY_MS, " ms");
    let of = |which: usize| -> Vec<u64> {
        let steps = usage.latency.iter();
        steps
            .map(|counts| counts.get(which).copied().unwrap_or(0))
            .collect()
    };
    let (kept, made) = (of(0), of(1));
    let svg = stacked::stacked(&Stacked {
        id: "l",
        title: "Requests by how long they took; the table below holds the same numbers",
        columns: &columns(&LATENCY_MS, &titles),
        series: &[
            Series {
                key: "made",
                label: "worked out",
                hatch: Hatch::Solid,
                values: made.clone(),
            },
            Series {
                key: "kept",
                label: "kept from before",
                hatch: Hatch::Rising,
                values: kept.clone(),
            },
        ],
    });
    let legend = [
        (
            stacked::swatch("l", "made"),
            "worked out",
            display::count(made.iter().sum()),
        ),
        (
            stacked::swatch("l", "kept"),
            "kept from before",
            display::count(kept.iter().sum()),
        ),
    ];
    let rows = titles
        .into_iter()
        .zip(made.iter().zip(&kept))
        .map(|(title, (made, kept))| (title, display::count(*made), display::count(*kept)))
        .collect();
    (svg, legend, rows)
}

fn costs(usage: &Usage) -> (Svg, Vec<(String, String)>) {
    let titles = steps(&COSTS, "");
    let svg = stacked::stacked(&Stacked {
        id: "k",
        title: "Requests by what they cost; the table below holds the same numbers",
        columns: &columns(&COSTS, &titles),
        series: &[Series {
            key: "made",
            label: "requests",
            hatch: Hatch::Solid,
            values: usage.costs.to_vec(),
        }],
    });
    let rows = titles.into_iter().zip(usage.costs);
    (
        svg,
        rows.map(|(title, n)| (title, display::count(n))).collect(),
    )
}

fn operation(usage: &OperationUsage) -> OperationRow {
    let within = |percent| match usage.within_ms(percent) {
        Some(bound) => format!("≤ {} ms", display::count(bound)),
        None => format!(
            "> {} ms",
            LATENCY_MS
                .last()
                .copied()
                .map_or_else(String::new, display::count)
        ),
    };
    OperationRow {
        name: usage.name.to_string(),
        n: display::count(usage.n),
        kept: share(usage.n_kept, usage.n),
        failed: share(usage.n_failed, usage.n),
        cost: display::count(usage.cost.checked_div(usage.n).unwrap_or(0)),
        half: within(50),
        most: within(99),
        longest: millis(usage.took_max),
    }
}

fn slow_row(now: Timestamp, slow: &SlowRequest) -> SlowRow {
    SlowRow {
        at: when(now, slow.at),
        operation: slow.operation.to_string(),
        document: slow.document.chars().take(HASH_SHOWN).collect(),
        took: millis(slow.took),
        cost: slow.cost.map_or_else(|| "–".to_owned(), display::count),
    }
}

fn millis(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    format!("{} ms", display::count(millis))
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    display::percent(display::float(part) / display::float(whole))
}
