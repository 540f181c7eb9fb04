//! `waddlebot webhooks`: the webhooks of communities over the local database. What is to be sent waits in the queue, for the
//! program that runs.
//!
//! Must never print a secret but that of a webhook that was made or given another one just now, nor more of an address than
//! its site: the rest may be a secret of the receiver.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand};
use kernel::{Actor, Day, HookError, HookMessageId, PageRequest, WebhookId};
use webhook::{
    Attempt, MadeWebhook, Message, MessageFilter, MessageState, NewWebhook, Webhook, Webhooks,
};

use crate::{config::Config, console, serve::System};

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All webhooks, or those of one community
    List {
        /// Only those of this community
        #[arg(long, value_name = "SLUG")]
        community: Option<String>,
    },
    /// Make a webhook; its secret is printed this once
    Create(Create),
    /// Let no more be sent: events wait until it goes on
    #[command(visible_alias = "pause")]
    Disable(One),
    /// Let a webhook that was disabled or switched off go on
    #[command(visible_alias = "resume")]
    Enable(One),
    /// Give a webhook another secret, which is printed this once; the one before signs too for a day
    Rotate(One),
    /// Remove a webhook and its messages
    Remove(One),
    /// Send a message to try a webhook out
    Ping(One),
    /// What was sent to a webhook, the newest first
    Deliveries(Deliveries),
    /// One message with its tries
    Delivery {
        /// The message's number
        message: HookMessageId,
    },
    /// Send messages again: one, or all of a webhook that failed since a day
    Replay(Replay),
}

/// Which webhook.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its number
    id: WebhookId,
}

/// A webhook to make.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Where events go
    url: String,
    /// The community whose events are sent
    #[arg(long, value_name = "SLUG")]
    community: String,
    /// What it is for, at most 200 characters
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Only events of this kind; may be given several times [default: all]
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
}

/// Which messages to list.
#[derive(Debug, Args)]
pub(crate) struct Deliveries {
    /// The webhook's number
    id: WebhookId,
    /// Only those that are waiting, delivered or failed
    #[arg(long, value_parser = state)]
    state: Option<MessageState>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
}

/// What to send again.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["message", "webhook"]))]
pub(crate) struct Replay {
    /// The message's number
    message: Option<HookMessageId>,
    /// Instead of one message all that failed of this webhook, at most a thousand
    #[arg(long, value_name = "ID", requires = "since")]
    webhook: Option<WebhookId>,
    /// The day, in UTC, from which on they happened
    #[arg(long, value_name = "YYYY-MM-DD", requires = "webhook")]
    since: Option<Day>,
}

fn state(text: &str) -> Result<MessageState, String> {
    MessageState::from_name(text).ok_or_else(|| "use waiting, delivered or failed".to_owned())
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let system = System::start(config).await?;
    on_system(&system, command).await?;
    system.stop().await
}

async fn on_system(system: &System, command: Command) -> anyhow::Result<()> {
    let (webhooks, actor) = (&system.app.webhooks, Actor::System("command-line"));
    match command {
        Command::List { community } => list(system, &actor, community.as_deref()).await?,
        Command::Create(new) => create(system, &actor, new).await?,
        Command::Disable(One { id }) => {
            let done = webhooks.pause(&actor, id).await;
            console::say(line(
                &done.with_context(|| format!("disabling webhook {id}"))?,
            ));
        }
        Command::Enable(One { id }) => {
            let done = webhooks.resume(&actor, id).await;
            console::say(line(
                &done.with_context(|| format!("enabling webhook {id}"))?,
            ));
        }
        Command::Rotate(One { id }) => {
            let made = webhooks.rotate(&actor, id).await;
            show_secret(&made.with_context(|| format!("changing the secret of webhook {id}"))?);
        }
        Command::Remove(One { id }) => {
            let done = webhooks.remove(&actor, id).await;
            done.with_context(|| format!("removing webhook {id}"))?;
            console::say(format!("webhook {id} is gone"));
        }
        Command::Ping(One { id }) => {
            let made = webhooks.ping(&actor, id).await;
            let message = made.with_context(|| format!("trying webhook {id} out"))?;
            console::say(format!("message {message} waits to be sent"));
        }
        Command::Deliveries(which) => deliveries(webhooks, &actor, &which).await?,
        Command::Delivery { message: id } => {
            let Some(message) = webhooks.message(&actor, id).await? else {
                bail!("there is no message {id}")
            };
            console::say(message_line(&message));
            for attempt in &message.tries {
                console::say(attempt_line(attempt));
            }
        }
        Command::Replay(which) => replay(webhooks, &actor, &which).await?,
    }
    Ok(())
}

async fn list(system: &System, actor: &Actor, slug: Option<&str>) -> anyhow::Result<()> {
    let communities = if let Some(slug) = slug {
        vec![system.community(actor, slug).await?]
    } else {
        let all = system.app.identity.communities(actor).await?;
        all.into_iter().map(|(community, _)| community).collect()
    };
    let mut n = 0;
    for community in communities {
        for webhook in system.app.webhooks.webhooks(actor, community.id).await? {
            n += 1;
            console::say(format!("{}  of {}", line(&webhook), community.slug));
        }
    }
    if n == 0 {
        console::say("no webhooks");
    }
    Ok(())
}

async fn create(system: &System, actor: &Actor, new: Create) -> anyhow::Result<()> {
    let community = system.community(actor, &new.community).await?;
    let new = NewWebhook {
        url: new.url,
        description: new.description,
        kinds: new.kinds,
    };
    let made = system.app.webhooks.create(actor, community.id, &new).await;
    show_secret(&made.context("making the webhook")?);
    Ok(())
}

fn show_secret(made: &MadeWebhook) {
    console::say(line(&made.webhook));
    console::say(format!("secret, shown this once: {}", made.secret.expose()));
}

async fn deliveries(webhooks: &Webhooks, actor: &Actor, which: &Deliveries) -> anyhow::Result<()> {
    let filter = MessageFilter { state: which.state };
    let page = PageRequest::first(which.limit);
    let found = webhooks.messages(actor, which.id, filter, &page).await;
    let found = found.with_context(|| format!("reading what went to webhook {}", which.id))?;
    if found.items.is_empty() {
        console::say("no messages");
    }
    for message in &found.items {
        console::say(message_line(message));
    }
    if found.next.is_some() {
        console::say("there are more: --limit shows up to 100");
    }
    Ok(())
}

async fn replay(webhooks: &Webhooks, actor: &Actor, which: &Replay) -> anyhow::Result<()> {
    match (which.message, which.webhook, which.since) {
        (Some(id), ..) => {
            let done = webhooks.replay(actor, id).await;
            done.with_context(|| format!("sending message {id} again"))?;
            console::say(format!("message {id} waits to be sent"));
        }
        (None, Some(id), Some(since)) => {
            let done = webhooks.replay_failed(actor, id, since.start()).await;
            let n = done.with_context(|| format!("sending again what failed of webhook {id}"))?;
            console::say(format!("{} messages wait to be sent", console::grouped(n)));
        }
        _ => bail!("say which message, or `--webhook ID --since YYYY-MM-DD`"),
    }
    Ok(())
}

/// `3  on  https://receiver.example  all events  "for the bridge"`
fn line(webhook: &Webhook) -> String {
    let kinds = if webhook.kinds.is_empty() {
        "all events".to_owned()
    } else {
        webhook.kinds.join(", ")
    };
    let mut parts = vec![
        webhook.id.to_string(),
        webhook.state.as_str().to_owned(),
        webhook.site().to_owned(),
        kinds,
    ];
    if !webhook.description.is_empty() {
        parts.push(format!("\"{}\"", webhook.description));
    }
    if let Some(reason) = webhook.reason {
        parts.push(format!("({})", reason.sentence()));
    } else if webhook.failures > 0 {
        parts.push(format!("({} tries in a row failed)", webhook.failures));
    }
    parts.join("  ")
}

/// `12  failed  identity.role_changed  of 2026-06-01T12:00:00.000Z  7 tries  503`
fn message_line(message: &Message) -> String {
    let mut parts = vec![
        message.id.to_string(),
        message.state.as_str().to_owned(),
        message.kind.clone(),
        format!("of {}", message.created_at),
        format!("{} tries", message.attempts),
    ];
    parts.extend(outcome(message.status, message.trouble));
    parts.join("  ")
}

/// `  2  2026-06-01T12:00:05.000Z  31 ms  503  out of order`
fn attempt_line(attempt: &Attempt) -> String {
    let mut parts = vec![
        format!("  {}", attempt.n),
        attempt.begun_at.to_string(),
        format!("{} ms", attempt.took_ms),
    ];
    parts.extend(outcome(attempt.status, attempt.trouble));
    parts.extend(Some(harmless(&attempt.excerpt)).filter(|words| !words.is_empty()));
    parts.join("  ")
}

/// The status of an answer, or why there was none.
fn outcome(status: Option<u16>, trouble: Option<HookError>) -> Option<String> {
    let status = status.map(|status| status.to_string());
    status.or_else(|| trouble.map(|trouble| trouble.to_string()))
}

/// The longest part of an answer that is printed, in characters.
const EXCERPT_MAX: usize = 200;

/// What a receiver answered, on one line and without what a terminal would obey.
fn harmless(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(EXCERPT_MAX)
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_receiver_answers_cannot_speak_to_the_terminal() {
        let answer = "\u{1b}[2Jnot\r\nnow\u{9b}31m ";
        let shown = harmless(answer);
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(
            shown.starts_with("[2Jnot") && shown.ends_with("31m"),
            "{shown:?}"
        );
        assert_eq!(harmless(&"x".repeat(1_000)).len(), super::EXCERPT_MAX);
    }
}
