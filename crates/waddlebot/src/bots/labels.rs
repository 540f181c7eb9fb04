//! `waddlebot bots import-labels`, `import-list` and `train` without folders: what the instance learns from.

use std::path::PathBuf;

use anyhow::{Context, bail};
use bots::{ListKind, NewList, Rejected, TrainingState};
use clap::Args;
use kernel::{Actor, CommunityId, Day, Platform};

use crate::{console, serve::System};

/// Labels to take.
#[derive(Debug, Args)]
pub(crate) struct Labels {
    /// `platform,user_id,is_bot` in each line, below that header; the id is the platform's
    file: PathBuf,
    /// The community whose accounts they are
    #[arg(long, value_name = "SLUG")]
    community: String,
}

/// A list to take.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// A name or domain in each line, with day and reason behind commas; or JSON
    file: PathBuf,
    /// Its name here; importing one of the same name renews it
    #[arg(long)]
    name: String,
    /// unwanted or service for accounts, dangerous or suspicious for domains
    #[arg(long, value_parser = kind)]
    kind: ListKind,
    /// Where the accounts are
    #[arg(long)]
    platform: Option<Platform>,
    /// Where the list comes from: its address, or words that say so
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// Why its entries are on it, where they do not say so themselves
    #[arg(long, default_value = "listed")]
    reason: String,
    /// What day it is of
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Day,
    /// After how many days an entry counts half; 0 = it does not fade
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    half_life_days: u32,
}

fn kind(text: &str) -> Result<ListKind, String> {
    ListKind::from_name(text)
        .ok_or_else(|| "use unwanted, service, dangerous or suspicious".to_owned())
}

fn rejected(n: u32, first: &[Rejected]) {
    if n > 0 {
        console::warn(format!("{n} lines could not be used:"));
        for line in first {
            console::warn(format!("  line {}: {}", line.line, line.beginning));
        }
    }
}

pub(super) async fn import_labels(system: &System, arguments: &Labels) -> anyhow::Result<()> {
    let actor = Actor::System("command-line");
    let Some(community) = super::community(system, Some(&arguments.community)).await? else {
        bail!("say which community")
    };
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("reading `{}`", arguments.file.display()))?;
    let done = system
        .app
        .bots
        .import_labels(&actor, community, &text)
        .await;
    let done = done.context("taking the labels")?;
    console::say(format!(
        "{} labels to learn from, {} wait until their account is scored, {} of accounts that are not known here",
        done.n_taken, done.n_waiting, done.n_unknown
    ));
    rejected(done.n_rejected, &done.rejected);
    Ok(())
}

pub(super) async fn import_list(system: &System, arguments: &List) -> anyhow::Result<()> {
    let actor = Actor::System("command-line");
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("reading `{}`", arguments.file.display()))?;
    let new = NewList {
        name: arguments.name.clone(),
        kind: arguments.kind,
        platform: arguments.platform,
        source: arguments.source.clone(),
        reason: arguments.reason.clone(),
        as_of: arguments.as_of,
        half_life_days: arguments.half_life_days,
    };
    let done = system.app.bots.import_list(&actor, &new, &text).await;
    let done = done.context("taking the list")?;
    if done.is_unchanged {
        console::say("unchanged: it was imported before");
    } else {
        console::say(format!(
            "{} entries added, {} removed, {} kept",
            done.added, done.removed, done.kept
        ));
    }
    rejected(done.n_rejected, &done.rejected);
    Ok(())
}

/// Learns from the labels of the instance, here and now.
pub(super) async fn train(system: &System, community: Option<CommunityId>) -> anyhow::Result<()> {
    let (bots, actor) = (&system.app.bots, Actor::System("command-line"));
    let training = bots.start_training(&actor, community).await?;
    bots.run_training(training.id, true)
        .await
        .context("learning")?;
    let Some(training) = bots.training(&actor, training.id).await? else {
        bail!("the training is gone")
    };
    for line in &training.log {
        console::say(line);
    }
    match (training.state, training.error) {
        (TrainingState::Done, _) => Ok(()),
        (_, Some(error)) => bail!(error),
        (state, None) => bail!("the training is {}: another process has it", state.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use kernel::Day;

    fn day(text: &str) -> Result<Day, kernel::clock::NotADate> {
        text.parse()
    }

    #[test]
    fn days_are_read_as_they_are_written_everywhere_else() {
        assert_eq!(day("2026-06-01").unwrap().to_string(), "2026-06-01");
        for text in ["", "2026-6", "2026-13-01", "yesterday", "2026-02-30"] {
            assert!(day(text).is_err(), "{text}");
        }
    }
}
