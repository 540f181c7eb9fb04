//! `waddlebot serve`: one process with all roles, or with some of them beside others.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use app::{App, jobs};
use clap::ValueEnum;
use commands::Commands;
use ingest::{Ears, Hooks, Ingest};
use kernel::{Actor, Ear};
use store::job::cron;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    adapters::Adapters,
    compose,
    config::Config,
    console,
    gateway::{self, Chat},
    http, lifecycle,
    presence::Presence,
};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Dashboard and API.
    Web,
    /// Listens to the platforms. At most one process may.
    Gateway,
    /// Jobs: what is sent, retention, upkeep and whatever is queued.
    Worker,
}

/// Who answers what is said in chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// The chat commands.
    Commands,
    /// Nobody.
    Nobody,
}

/// A running system: everything that must be stopped in order.
pub(crate) struct System {
    pub(crate) app: Arc<App>,
    pub(crate) ingest: Ingest,
    adapters: Adapters,
    commands: Arc<Commands>,
    line: JoinHandle<()>,
    drain: Duration,
    /// Let go of last, when the database is closed.
    _presence: Presence,
}

impl System {
    /// Composes the app and starts its pipeline, for a process that feeds or repairs: nobody answers
    /// commands, because what comes in was not said now.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        Self::compose(config, Answers::Nobody).await
    }

    /// The same for a process in whose pipeline people really talk.
    pub(crate) async fn start_talking(config: &Config) -> anyhow::Result<Self> {
        Self::compose(config, Answers::Commands).await
    }

    async fn compose(config: &Config, answers: Answers) -> anyhow::Result<Self> {
        compose::make_data_dir(&config.data_dir)?;
        let presence = Presence::shared(&config.data_dir)?;
        let (app, adapters) = compose::app(config).await?;
        let commands = Commands::new(Arc::clone(&app), commands::Settings::default());
        let mut hooks = Hooks::default();
        if answers == Answers::Commands {
            hooks.witnesses.push(Arc::new(Chat(Arc::clone(&commands))));
        }
        let (ingest, line) = Ingest::start(&app, hooks, compose::ingest_settings(config));
        Ok(Self {
            app,
            ingest,
            adapters,
            commands,
            line,
            drain: Duration::from_secs(config.server.drain_secs),
            _presence: presence,
        })
    }

    /// What adapters tell their news to.
    pub(crate) fn ear(&self) -> Arc<dyn Ear> {
        let chat = Arc::new(Chat(Arc::clone(&self.commands)));
        Arc::new(Ears::new(Arc::clone(&self.app), self.ingest.clone(), chat))
    }

    /// Starts to listen to the platforms until the app stops.
    pub(crate) fn listen(&self) -> Vec<JoinHandle<()>> {
        let mut tasks = gateway::start(&self.app, &self.adapters, &self.ear());
        let (adapters, specs) = (self.adapters.clone(), self.commands.specs());
        let stop = self.app.stop.clone();
        tasks.push(tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = async {
                    adapters.list_commands(&specs).await;
                    adapters.describe_roles().await;
                } => {}
            }
        }));
        tasks
    }

    /// Who takes requests of platforms.
    pub(crate) const fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// The community of a name in URLs.
    pub(crate) async fn community(
        &self,
        actor: &Actor,
        slug: &str,
    ) -> anyhow::Result<identity::Community> {
        let found = self.app.identity.community_by_slug(actor, slug).await?;
        found.with_context(|| format!("there is no community `{slug}`"))
    }

    /// Stops the pipeline after its queue is written, and closes the database.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.app.stop.cancel();
        if tokio::time::timeout(self.drain, self.line).await.is_err() {
            tracing::error!("the pipeline did not finish in time; live events may be lost");
        }
        self.app.db().close().await.context("closing the database")
    }
}

/// Runs until stopped.
pub(crate) async fn run(config: &Config, roles: &[Role]) -> anyhow::Result<()> {
    let has = |role| roles.is_empty() || roles.contains(&role);
    let listeners = Listeners::bind(config, has(Role::Web)).await?;
    let system = System::start_talking(config).await?;
    lifecycle::watch(system.app.stop.clone())?;
    if has(Role::Web) && system.app.identity.needs_setup().await? {
        let token = system.app.identity.issue_setup_token().await?;
        console::say(format!(
            "\nThis instance is not set up yet. Open this address within an hour:\n\n    {}/setup?token={}\n",
            config.public_url(),
            token.expose()
        ));
    }
    let worker = if has(Role::Worker) {
        Some(start_jobs(&system.app, config).await?)
    } else {
        None
    };
    let mut listening = if has(Role::Gateway) {
        system.listen()
    } else {
        Vec::new()
    };
    if has(Role::Worker) {
        listening.push(system.app.start_scoring());
    }
    if has(Role::Web) {
        console::say(format!(
            "WaddleBot {} is ready on {}",
            env!("CARGO_PKG_VERSION"),
            config.public_url()
        ));
    }
    let served = listeners.serve(&system, config).await;
    system.app.stop.cancel();
    if let Some(worker) = worker {
        worker.await.context("stopping the jobs")?;
    }
    finish(listening).await;
    let stopped = system.stop().await;
    served?;
    stopped
}

/// How long adapters may take to say goodbye to their platforms.
const GOODBYE: Duration = Duration::from_secs(3);

/// Waits until nobody listens any more.
pub(crate) async fn finish(listening: Vec<JoinHandle<()>>) {
    for task in listening {
        let abort = task.abort_handle();
        if tokio::time::timeout(GOODBYE, task).await.is_err() {
            abort.abort();
        }
    }
}

/// Starts the job runner of this process.
pub(crate) async fn start_jobs(app: &Arc<App>, config: &Config) -> anyhow::Result<JoinHandle<()>> {
    cron::register(app.db(), app.clock.now(), jobs::SCHEDULE)
        .await
        .context("registering the recurring jobs")?;
    let worker = format!(
        "{}-{}",
        std::process::id(),
        kernel::random::hex(&kernel::random::bytes::<4>(&*app.entropy))
    );
    let concurrency = usize::try_from(config.jobs.concurrency).unwrap_or(1);
    let runner = jobs::runner(app, &worker)
        .concurrency(concurrency)
        .with_cron();
    let stop = app.stop.clone();
    Ok(tokio::spawn(async move { runner.run(stop).await }))
}

/// The addresses of this process, bound before anything else is done, so that a taken one is told
/// at once.
pub(crate) struct Listeners {
    public: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds what the configuration names; without the web role only the metrics address.
    pub(crate) async fn bind(config: &Config, web: bool) -> anyhow::Result<Self> {
        let public = if web {
            Some(http::bind(config.server.listen, "`--listen` or `server.listen`").await?)
        } else {
            None
        };
        let metrics = match config.server.metrics_listen {
            Some(address) => Some(http::bind(address, "`server.metrics_listen`").await?),
            None => None,
        };
        Ok(Self { public, metrics })
    }

    /// Serves until the app stops; whatever is still open after the drain is cut.
    pub(crate) async fn serve(self, system: &System, config: &Config) -> anyhow::Result<()> {
        let app = &system.app;
        let handle = http::record_metrics()?;
        if let Some(listener) = self.metrics {
            let router = http::metrics_router(app, handle);
            let app = Arc::clone(app);
            tokio::spawn(async move {
                if let Err(error) = http::serve(&app, listener, router).await {
                    tracing::error!(error = %error, "metrics are not served any more");
                }
            });
        }
        let Some(listener) = self.public else {
            app.stop.cancelled().await;
            return Ok(());
        };
        let serving = http::serve(app, listener, http::public(system, config)?);
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => served,
            () = app.stop.cancelled() => {
                let drain = Duration::from_secs(config.server.drain_secs);
                tokio::time::timeout(drain, serving).await.unwrap_or(Ok(()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
