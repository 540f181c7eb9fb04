//! `waddlebot bots models`: the registry of models over the local database.
//!
//! Must never write a model into a file that is there already.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bots::{
    Bots, ComparedMetric, MODEL_BYTES_MAX, MODEL_WORDS_BYTES_MAX, Model, NewModel, SHIPPED_MODEL,
};
use clap::{Args, Subcommand};
use kernel::{Actor, CommunityId};
use serde_json::{Value, json};

use crate::{console, serve::System};

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All models, the newest first
    List,
    /// One model: what was measured and what is to be known of it
    Show(One),
    /// Let a model score in place of the one that does now
    Promote(One),
    /// Take the deployed model back and put the one before in its place
    RollBack {
        /// The community's own model [default: the one for all]
        #[arg(long, value_name = "SLUG")]
        community: Option<String>,
    },
    /// Say that a model is used no more
    Retire(One),
    /// Register an ONNX file, which decides nothing yet
    Import(Import),
    /// Write the file of a model
    Export {
        /// Its number
        id: i32,
        /// The file to make; it must not exist
        file: PathBuf,
    },
    /// What was measured of two models, side by side
    Compare {
        /// The first
        left: i32,
        /// The second
        right: i32,
    },
}

/// Which model.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its number
    id: i32,
}

/// A file to register.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The ONNX file
    file: PathBuf,
    /// Its name [default: the file's]
    #[arg(long)]
    name: Option<String>,
    /// Only for this community
    #[arg(long, value_name = "SLUG")]
    community: Option<String>,
    /// What was measured of it: a JSON object, of which numbers are compared and `errors` tells the mistakes to expect
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// What is to be known of it: a JSON object with `data`, `limits` and whatever else
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
}

pub(super) async fn run(system: &System, command: Command) -> anyhow::Result<()> {
    let (bots, actor) = (&system.app.bots, Actor::System("command-line"));
    match command {
        Command::List => {
            for model in bots.models(&actor).await? {
                console::say(line(&model));
            }
        }
        Command::Show(One { id }) => {
            let Some(model) = bots.model(&actor, id).await? else {
                bail!("there is no model {id}")
            };
            console::say(line(&model));
            console::say(format!(
                "schema {}, SHA-256 {}",
                model.schema_hash, model.sha256
            ));
            let words = json!({ "metrics": model.metrics, "card": model.card });
            console::say(serde_json::to_string_pretty(&words)?);
        }
        Command::Promote(One { id }) => {
            let model = bots.promote_model(&actor, id).await;
            let model = model.with_context(|| format!("promoting model {id}"))?;
            console::say(line(&model));
        }
        Command::RollBack { community } => {
            let community = super::community(system, community.as_deref()).await?;
            let back = bots.roll_back_model(&actor, community).await;
            match back.context("taking the deployed model back")? {
                Some(model) => console::say(line(&model)),
                None => console::say(
                    "taken back; there is none before that can be used: the next in line scores, the instance's or the one that ships",
                ),
            }
        }
        Command::Retire(One { id }) => {
            let done = bots.retire_model(&actor, id).await;
            done.with_context(|| format!("retiring model {id}"))?;
            console::say(format!("model {id} is used no more"));
        }
        Command::Import(import) => {
            let community = super::community(system, import.community.as_deref()).await?;
            add(bots, &actor, &import, community).await?;
        }
        Command::Export { id, file } => {
            let bytes = bots.model_file(&actor, id).await;
            let bytes = bytes.with_context(|| format!("reading model {id}"))?;
            write_new(&file, &bytes)?;
            console::say(format!("wrote {}", file.display()));
        }
        Command::Compare { left, right } => {
            let found = bots.compare_models(&actor, left, right).await?;
            console::say(format!("{}\n{}", line(&found.left), line(&found.right)));
            for metric in &found.metrics {
                console::say(compared(metric));
            }
        }
    }
    Ok(())
}

async fn add(
    bots: &Bots,
    actor: &Actor,
    import: &Import,
    community: Option<CommunityId>,
) -> anyhow::Result<()> {
    let bytes = bounded(&import.file, MODEL_BYTES_MAX)?;
    let metrics = match &import.metrics {
        Some(file) => object(file)?,
        None => json!({}),
    };
    let card = match &import.card {
        Some(file) => object(file)?,
        None => json!({
            "data": "made elsewhere", "limits": ["What it learned from is not known here."],
        }),
    };
    let stem = import
        .file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let new = NewModel {
        name: import
            .name
            .clone()
            .or(stem)
            .unwrap_or_else(|| "imported".to_owned()),
        community,
        metrics,
        card,
    };
    let model = bots.add_model(actor, &new, bytes.into()).await;
    let model = model.with_context(|| format!("registering `{}`", import.file.display()))?;
    console::say(line(&model));
    Ok(())
}

/// A file that is not too large to be what it should be.
fn bounded(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let reading = || format!("reading `{}`", file.display());
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut opened = std::fs::File::open(file)
        .with_context(reading)?
        .take(limit.saturating_add(1));
    opened.read_to_end(&mut bytes).with_context(reading)?;
    if bytes.len() > most {
        bail!(
            "`{}` is larger than {}",
            file.display(),
            console::bytes(limit)
        );
    }
    Ok(bytes)
}

/// A file with a JSON object.
fn object(file: &Path) -> anyhow::Result<Value> {
    let bytes = bounded(file, MODEL_WORDS_BYTES_MAX)?;
    let value: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("`{}` is no JSON", file.display()))?;
    if !value.is_object() {
        bail!("`{}` is no JSON object", file.display());
    }
    Ok(value)
}

fn write_new(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    made.and_then(|mut made| made.write_all(bytes))
        .with_context(|| format!("writing `{}`", file.display()))
}

/// `3  learned 2  testing  for everybody  trees  231.0 KB  added 2026-06-01`
fn line(model: &Model) -> String {
    let scope = match model.community {
        None => "for everybody".to_owned(),
        Some(community) => format!("for community {community}"),
    };
    let added = if model.id == SHIPPED_MODEL {
        "ships with the program".to_owned()
    } else {
        format!("added {}", model.added_at.day())
    };
    let old = if model.is_current() {
        ""
    } else {
        "  for other features"
    };
    format!(
        "{}  {} {}  {}  {scope}  {}  {}  {added}{old}",
        model.id,
        model.name,
        model.version,
        model.state.as_str(),
        model.kind.as_str(),
        console::bytes(model.size_bytes),
    )
}

fn compared(metric: &ComparedMetric) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    format!(
        "  {:<44} {:>10} {:>10}",
        metric.name,
        number(metric.left),
        number(metric.right)
    )
}
