//! A nested GraphQL query over a million messages: as often as 64 clients can ask, and a thousand times a second; worked
//! out each time, and from what is kept. The clients are another process, so that only the server is measured.

use std::{path::Path, process::Stdio};

use anyhow::{Context, ensure};
use clap::Args;
use tokio::process::Command;

use super::{overview::Stage, usage};
use crate::console;

/// How much, how often.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// Messages, spread over a year
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// People who write them
    #[arg(long, default_value_t = 50_000)]
    people: u32,
    /// Clients that ask as often as they can
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Requests a second where they come at their own pace
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

const QUERY: &str = "query($id: Int!) { community(communityId: $id) { name memberCount \
    activity(period: LAST_30_DAYS) { dau { value previous } wau { value } messages { value spark } \
    daily { day activeMembers newcomers platforms { platform messages } } heatMap cohorts { week size active } } \
    members(first: 25) { totalCount nodes { userId name role messageCount activeDays lastSeenAt \
    reputation { score rank } accounts { platform username isBot } } } } }";

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        database_url,
        messages,
        people,
        connections,
        rate,
        seconds,
    } = &arguments;
    let stage = Stage::fill(database_url, *messages, *people).await?;
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let engine = stage.system.app.db().engine().as_str();
    let variables = serde_json::json!({ "id": stage.community.id.0 });
    let kept = serde_json::json!({ "query": QUERY, "variables": variables });
    let mut made = kept.clone();
    if let Some(made) = made.as_object_mut() {
        // Whoever asks for the cost gets an answer of their own.
        made.insert("extensions".to_owned(), serde_json::json!({ "cost": true }));
    }
    for (name, body) in [("worked out", made), ("kept", kept)] {
        let file = place.path().join("request");
        std::fs::write(&file, stage.post(&body.to_string())).context("writing the request")?;
        for (pace, rate) in [("as often as they can", 0), ("at their own pace", *rate)] {
            let ask = async |seconds: u32| {
                let words = [
                    format!("--address={}", stage.address),
                    format!("--connections={connections}"),
                    format!("--rate={rate}"),
                    format!("--seconds={seconds}"),
                ];
                asked(&file, &words).await
            };
            ask(2).await.context("warming up")?;
            let before = usage::now();
            let report = ask(*seconds).await?;
            let spent = usage::now().cpu_micros.saturating_sub(before.cpu_micros);
            console::say(format!(
                "{engine:<10} {name:<10} {connections} clients {pace}: {}, {:.3} ms of the server's processors for each",
                report.line,
                f64::from(u32::try_from(spent).unwrap_or(u32::MAX))
                    / 1e3
                    / f64::from(report.n.max(1)),
            ));
        }
    }
    stage.stop().await
}

struct Report {
    n: u32,
    line: String,
}

/// Starts the clients and waits for what they say.
async fn asked(request: &Path, words: &[String]) -> anyhow::Result<Report> {
    let output = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["bench", "askers"])
        .arg(format!("--request={}", request.display()))
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("starting the clients")?;
    ensure!(output.status.success(), "the clients failed");
    let said = String::from_utf8_lossy(&output.stdout);
    let (n, line) = said
        .trim()
        .split_once(' ')
        .context("what the clients said")?;
    Ok(Report {
        n: n.parse().context("what the clients said")?,
        line: line.to_owned(),
    })
}
