//! `waddlebot bots`: learns and judges bot detection on folders of labelled chat, without the database.
//!
//! Must never change a community: what is learned here is written into a file.

use std::path::PathBuf;

use anyhow::{Context, bail};
use bots::{
    evaluate::{At, Evaluation, Figure, Judgement, Plan, evaluate, prior},
    learning::Recipe,
};
use clap::{Args, Subcommand};

use crate::console;

/// What to do about bots.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Learn from labelled chat, judge other chat, and say how good that is beside the rules
    Evaluate(Evaluate),
    /// Learn from labelled chat and write the model
    Train(Train),
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
    /// Learn also from so many labels of each judged folder, chosen where the model is least sure; they are not judged
    #[arg(long, value_name = "N", default_value_t = 0)]
    adapt: usize,
    /// Judge an ONNX model instead of learning one
    #[arg(long, value_name = "FILE", conflicts_with = "adapt")]
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
    #[arg(long = "train", value_name = "DIR", num_args = 1.., required = true)]
    folders: Vec<PathBuf>,
    /// The ONNX file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write what is usual among members, in the order of the signals
    #[arg(long, value_name = "FILE")]
    norms: Option<PathBuf>,
}

pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Evaluate(arguments) => judge(arguments),
        Command::Train(arguments) => train(&arguments),
    }
}

fn judge(arguments: Evaluate) -> anyhow::Result<()> {
    if arguments.train.is_empty() && arguments.model.is_none() {
        bail!("say what to learn from: `--train DIR…`, or bring a model: `--model FILE`");
    }
    if arguments.test.is_empty() && arguments.folds.is_none() {
        bail!("say what to judge: `--test DIR…`, or `--folds 5` to judge what is learned from");
    }
    let model = match &arguments.model {
        Some(file) => {
            Some(std::fs::read(file).with_context(|| format!("reading `{}`", file.display()))?)
        }
        None => None,
    };
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

fn train(arguments: &Train) -> anyhow::Result<()> {
    let made = prior(&arguments.folders, &Recipe::default())?;
    let bytes = made.onnx().context("writing the model as ONNX")?;
    std::fs::write(&arguments.out, &bytes)
        .with_context(|| format!("writing `{}`", arguments.out.display()))?;
    if let Some(file) = &arguments.norms {
        std::fs::write(file, made.norms.to_text())
            .with_context(|| format!("writing `{}`", file.display()))?;
    }
    console::say(format!(
        "{}: {} trees, {}, threshold {:.3}",
        arguments.out.display(),
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
