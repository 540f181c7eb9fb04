//! `waddlebot serve`: one process with all roles, or with some of them beside others.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use app::{App, jobs};
use clap::ValueEnum;
use ingest::{Hooks, Ingest};
use store::job::cron;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{compose, config::Config, console, http, lifecycle};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Dashboard and API.
    Web,
    /// Jobs: retention, upkeep and whatever is queued.
    Worker,
}

/// A running system: everything that must be stopped in order.
pub(crate) struct System {
    pub(crate) app: Arc<App>,
    pub(crate) ingest: Ingest,
    line: JoinHandle<()>,
    drain: Duration,
}

/// What a task needs that feeds events in.
pub(crate) struct Entrance {
    pub(crate) app: Arc<App>,
    pub(crate) ingest: Ingest,
}

impl System {
    /// For a task that feeds events in.
    pub(crate) fn entrance(&self) -> Entrance {
        Entrance {
            app: Arc::clone(&self.app),
            ingest: self.ingest.clone(),
        }
    }

    /// Composes the app and starts its pipeline.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        let app = compose::app(config).await?;
        let (ingest, line) =
            Ingest::start(&app, Hooks::default(), compose::ingest_settings(config));
        Ok(Self {
            app,
            ingest,
            line,
            drain: Duration::from_secs(config.server.drain_secs),
        })
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
    let system = System::start(config).await?;
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
    if has(Role::Web) {
        console::say(format!(
            "WaddleBot {} is ready on {}",
            env!("CARGO_PKG_VERSION"),
            config.public_url()
        ));
    }
    let served = listeners.serve(&system.app, config).await;
    system.app.stop.cancel();
    if let Some(worker) = worker {
        worker.await.context("stopping the jobs")?;
    }
    let stopped = system.stop().await;
    served?;
    stopped
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
    let runner = jobs::runner(app, &worker).concurrency(concurrency);
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
            Some(http::bind(config.server.listen, "--listen or server.listen").await?)
        } else {
            None
        };
        let metrics = match config.server.metrics_listen {
            Some(address) => Some(http::bind(address, "server.metrics_listen").await?),
            None => None,
        };
        Ok(Self { public, metrics })
    }

    /// Serves until the app stops; whatever is still open after the drain is cut.
    pub(crate) async fn serve(self, app: &Arc<App>, config: &Config) -> anyhow::Result<()> {
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
        let serving = http::serve(app, listener, http::public(app, config));
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
