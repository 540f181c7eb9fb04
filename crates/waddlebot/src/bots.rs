//! `waddlebot bots`: learns and judges bot detection, on folders of labelled chat without the database, and what an instance
//! learns from and uses over its database.
//!
//! Must never let a model score that nobody promoted.

mod labels;
mod models;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bots::{
    evaluate::{At, Evaluation, Figure, Judgement, Plan, evaluate, prior},
    learning::Recipe,
};
use clap::{Args, Subcommand};
use kernel::{Actor, CommunityId};

use crate::{config::Config, console, serve::System};

/// What to do about bots.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Learn from labelled chat, judge other chat, and say how good that is beside the rules
    Evaluate(Evaluate),
    /// Learn from labelled chat and write the model; without folders, from the labels of this instance into its registry
    Train(Train),
    /// Write the signals of the accounts of labelled chat as CSV, to learn from them elsewhere
    Features(Features),
    /// Score everybody again who has said enough
    Score(Score),
    /// Take labels of known accounts from a file
    ImportLabels(labels::Labels),
    /// Take a list of known accounts or domains, or renew it
    ImportList(labels::List),
    /// The registry of models
    #[command(subcommand)]
    Models(models::Command),
}

/// What to learn from and what to judge. A folder holds `messages.jsonl.gz` and `labels.csv`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Folders to learn from
    #[arg(long, value_name = "DIR", num_args = 1..)]
    train: Vec<PathBuf>,
    /// Folders to judge; one without labels.csv only says how many accounts were called bots
    #[arg(long, value_name = "DIR", num_args = 1..)]
    test: Vec<PathBuf>,
    /// Judge the folders of --train by cross-validation: each alone, and all together
    #[arg(long, value_name = "N", conflicts_with_all = ["test", "model", "adapt"])]
    folds: Option<usize>,
    /// Learn also from so many labels of each judged folder, chosen where they teach most; they are not judged
    #[arg(long, value_name = "N", default_value_t = 0)]
    adapt: usize,
    /// Judge an ONNX model instead of learning one: a file, or a number of the registry
    #[arg(long, value_name = "FILE|ID", conflicts_with = "adapt")]
    model: Option<PathBuf>,
    /// Leave out accounts with fewer messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_messages: u32,
    /// Draws of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 500)]
    draws: usize,
    /// The same seed gives the same answer
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to learn from.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Folders to learn from
    #[arg(long = "train", value_name = "DIR", num_args = 1.., requires = "out")]
    folders: Vec<PathBuf>,
    /// The ONNX file to write
    #[arg(long, value_name = "FILE", requires = "folders")]
    out: Option<PathBuf>,
    /// Without folders: only from the labels of this community, and for it
    #[arg(long, value_name = "SLUG", conflicts_with = "folders")]
    community: Option<String>,
    /// Write what is usual among members, in the order of the signals
    #[arg(long, value_name = "FILE", requires = "folders")]
    norms: Option<PathBuf>,
    /// Write what was measured on accounts that were not learned from, for `bots models import --metrics`
    #[arg(long, value_name = "FILE", requires = "folders")]
    metrics: Option<PathBuf>,
}

/// What to read and where to write.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// Folders with `messages.jsonl.gz` and, if anybody knows, `labels.csv`
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// The CSV file to make; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Whom to score.
#[derive(Debug, Args)]
pub(crate) struct Score {
    /// Only this community [default: all]
    #[arg(long, value_name = "SLUG")]
    community: Option<String>,
}

/// Runs; the configuration is read only where the database is needed.
pub(crate) async fn run(
    command: Command,
    config: impl FnOnce() -> anyhow::Result<Config>,
) -> anyhow::Result<()> {
    match command {
        Command::Evaluate(arguments) => {
            let model = match arguments.model.as_deref() {
                Some(model) => Some(model_bytes(model, config).await?),
                None => None,
            };
            judge(arguments, model)
        }
        Command::Train(Train {
            folders,
            out: Some(out),
            norms,
            metrics,
            ..
        }) => train(&folders, &out, norms.as_deref(), metrics.as_deref()),
        Command::Features(Features { folders, out }) => table::write(&folders, &out),
        other => {
            let system = System::start(&config()?).await?;
            on_system(&system, other).await?;
            system.stop().await
        }
    }
}

async fn on_system(system: &System, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Models(command) => models::run(system, command).await,
        Command::ImportLabels(arguments) => labels::import_labels(system, &arguments).await,
        Command::ImportList(arguments) => labels::import_list(system, &arguments).await,
        Command::Train(arguments) => {
            let community = community(system, arguments.community.as_deref()).await?;
            labels::train(system, community).await
        }
        Command::Score(arguments) => score(system, &arguments).await,
        Command::Evaluate(_) | Command::Features(_) => bail!("this needs no database"),
    }
}

/// Scores communities one after the other.
async fn score(system: &System, arguments: &Score) -> anyhow::Result<()> {
    let actor = Actor::System("command-line");
    let only = community(system, arguments.community.as_deref()).await?;
    // What was recorded and not yet gone through comes first, or it would be missing.
    while system.app.bots.tick().await?.is_behind {}
    for (community, _) in system.app.identity.communities(&actor).await? {
        if only.is_some_and(|only| only != community.id) {
            continue;
        }
        let mut told = 0;
        let mut tell = |done: u64, all: u64| {
            if done >= told + 10_000 {
                told = done;
                console::say(format!(
                    "{}: {} of {}",
                    community.slug,
                    console::grouped(done),
                    console::grouped(all)
                ));
            }
        };
        let n = system
            .app
            .bots
            .score_all(community.id, Some(&mut tell))
            .await?;
        console::say(format!(
            "{}: {} accounts scored",
            community.slug,
            console::grouped(n)
        ));
    }
    Ok(())
}

/// The community of a name in URLs.
async fn community(system: &System, slug: Option<&str>) -> anyhow::Result<Option<CommunityId>> {
    let Some(slug) = slug else { return Ok(None) };
    let actor = Actor::System("command-line");
    let community = system.community(&actor, slug).await?;
    Ok(Some(community.id))
}

/// A number names a model of the registry, anything else a file.
async fn model_bytes(
    model: &Path,
    config: impl FnOnce() -> anyhow::Result<Config>,
) -> anyhow::Result<Vec<u8>> {
    let Some(id) = model.to_str().and_then(|text| text.parse().ok()) else {
        return std::fs::read(model).with_context(|| format!("reading `{}`", model.display()));
    };
    let system = System::start(&config()?).await?;
    let actor = Actor::System("command-line");
    let bytes = system.app.bots.model_file(&actor, id).await;
    system.stop().await?;
    Ok(bytes
        .with_context(|| format!("reading model {id}"))?
        .to_vec())
}

fn judge(arguments: Evaluate, model: Option<Vec<u8>>) -> anyhow::Result<()> {
    if arguments.train.is_empty() && model.is_none() {
        bail!("say what to learn from: `--train DIR…`, or bring a model: `--model FILE`");
    }
    if arguments.test.is_empty() && arguments.folds.is_none() {
        bail!("say what to judge: `--test DIR…`, or `--folds 5` to judge what is learned from");
    }
    let mut recipe = Recipe::default();
    recipe.params.seed = arguments.seed;
    let evaluation = evaluate(&Plan {
        train: arguments.train,
        test: arguments.test,
        folds: arguments.folds,
        adapt: arguments.adapt,
        model,
        min_messages: arguments.min_messages,
        recipe,
        draws: arguments.draws,
    })?;
    if arguments.json {
        console::say(serde_json::to_string_pretty(&evaluation)?);
    } else {
        tell(&evaluation);
    }
    Ok(())
}

fn train(
    folders: &[PathBuf],
    out: &Path,
    norms: Option<&Path>,
    metrics: Option<&Path>,
) -> anyhow::Result<()> {
    let made = prior(folders, &Recipe::default())?;
    let bytes = made.onnx().context("writing the model as ONNX")?;
    std::fs::write(out, &bytes).with_context(|| format!("writing `{}`", out.display()))?;
    if let Some(file) = norms {
        std::fs::write(file, made.norms.to_text())
            .with_context(|| format!("writing `{}`", file.display()))?;
    }
    if let Some(file) = metrics {
        let known = made.metrics_of(&bytes).context("nobody was judged")?;
        std::fs::write(file, format!("{known}\n"))
            .with_context(|| format!("writing `{}`", file.display()))?;
    }
    console::say(format!(
        "{}: {} trees, {}, threshold {:.3}",
        out.display(),
        made.learned.ensemble.trees(),
        console::bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        made.learned.threshold,
    ));
    Ok(())
}

fn tell(evaluation: &Evaluation) {
    for (what, parts) in [
        ("learned from", &evaluation.train),
        ("judged", &evaluation.test),
    ] {
        for part in parts {
            console::say(format!(
                "{what} {}: {} messages, {} accounts, {} labelled, {} bots",
                part.name, part.messages, part.accounts, part.labelled, part.bots
            ));
        }
    }
    if evaluation.held_back > 0 {
        console::say(format!(
            "{} accounts were not learned from: their group is judged too",
            evaluation.held_back
        ));
    }
    for result in &evaluation.results {
        let [half, seven, tuned] = result.flagged;
        console::say(format!(
            "\n{} ({}): {} accounts, {} known bots; called bots: {half} at 0.5, {seven} at 0.7, {tuned} at the tuned threshold",
            result.name, result.how, result.accounts, result.bots
        ));
        for judgement in &result.judgements {
            tell_judgement(judgement);
        }
    }
    if !evaluation.importances.is_empty() {
        console::say("\nthe model looks most at:");
        for one in &evaluation.importances {
            console::say(format!("  {:5.1} %  {}", one.share * 100.0, one.name));
        }
    }
}

fn tell_judgement(judgement: &Judgement) {
    console::say(format!(
        "  {:<6} AUC {}  PR-AUC {}  ECE {}",
        judgement.judge,
        figure(judgement.auc_roc),
        figure(judgement.auc_pr),
        figure(judgement.expected_calibration_error),
    ));
    for at in &judgement.at {
        let At {
            name,
            threshold,
            precision,
            recall,
            f1,
            false_positive_rate,
            counts,
        } = at;
        let (Some(threshold), Some(counts)) = (threshold, counts) else {
            console::say(format!(
                "    {name:<6} not tuned: there was nothing to tune it by"
            ));
            continue;
        };
        console::say(format!(
            "    {name:<6} ({threshold:.3})  P {}  R {}  F1 {}  FPR {}  found {} of {}, wrongly {}",
            figure(*precision),
            figure(*recall),
            figure(*f1),
            figure(*false_positive_rate),
            counts.true_positives,
            counts.true_positives + counts.false_negatives,
            counts.false_positives,
        ));
    }
}

/// `0.987 [0.95, 0.99]`
fn figure(figure: Figure) -> String {
    match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.4} [{low:.3}, {high:.3}]"),
        (Some(value), _, _) => format!("{value:.4}"),
        _ => "-".to_owned(),
    }
}
