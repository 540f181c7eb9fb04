//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use ingest::format::Format;

use crate::{
    admin, backup, bench, bots, codegen,
    config::{Config, LogSection, Sources},
    demo, doctor, import, keys, migrate, purge, replay,
    serve::{self, Role},
    telemetry, webhooks,
};

/// Runs a community across Discord, Twitch and Slack.
#[derive(Debug, Parser)]
#[command(name = "waddlebot", version, about)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
struct Global {
    /// Where everything lives that is not on a server [default: waddlebot-data, for demo
    /// waddlebot-demo]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file; `waddlebot config` prints the documented defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the dashboard and the API; overrides `server.listen`
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the program: dashboard, API and jobs
    Serve {
        /// Only these roles; may be given several times [default: all]
        #[arg(long, value_enum)]
        role: Vec<Role>,
    },
    /// Try it: simulated communities with 90 days of history that keep talking
    Demo,
    /// Import chat history from files
    Import(import::Arguments),
    /// Feed chat history through the program as if it happened now
    Replay(replay::Arguments),
    /// Bring the database up to date, or say what is missing
    Migrate {
        /// Only say what would be done; exit code 1 if something would
        #[arg(long)]
        check: bool,
    },
    /// Check configuration, database, queue, disk and clock, and say what to do
    Doctor,
    /// Make administrators and reset passwords over the local database
    #[command(subcommand)]
    Admin(admin::Command),
    /// Save everything into one file while the program runs
    Backup {
        /// The file to make; it must not exist
        file: PathBuf,
    },
    /// Put a backup back
    Restore {
        /// The file `waddlebot backup` made
        file: PathBuf,
        /// Replace what is there; the old data directory is kept beside the new one
        #[arg(long)]
        replace: bool,
    },
    /// Remove old raw messages; the statistics stay
    Purge(purge::Arguments),
    /// The audit log
    #[command(subcommand)]
    Audit(admin::AuditCommand),
    /// The keys that seal tokens of platforms
    #[command(subcommand)]
    Keys(keys::Command),
    /// Bot detection: learn, judge, labels, lists and models
    #[command(subcommand)]
    Bots(bots::Command),
    /// The webhooks of communities: make and end them, see what was sent, send it again
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// Print every setting with its default and documentation
    Config,
    /// Measure on this machine
    #[command(subcommand, hide = true)]
    Bench(bench::Command),
    /// Write the generated reference documents
    #[command(hide = true)]
    Codegen {
        /// Root of the repository
        #[arg(long, default_value = ".")]
        out: PathBuf,
    },
}

/// A format's name, or `auto`.
pub(crate) fn format(text: &str) -> Result<Option<Format>, String> {
    if text == "auto" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error: ingest::format::UnknownFormat| error.to_string())
}

impl Global {
    fn load(&self, default_data_dir: Option<&str>) -> anyhow::Result<Config> {
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let named = self.data_dir.is_some()
            || environment
                .iter()
                .any(|(name, _)| name == "WADDLEBOT_DATA_DIR");
        let data_dir = if named {
            self.data_dir.clone()
        } else {
            default_data_dir.map(PathBuf::from)
        };
        let mut config = Config::load(&Sources {
            file: self.config.clone(),
            data_dir,
            environment,
        })?;
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        Ok(config)
    }
}

/// For short commands: only trouble is worth a line between their own.
fn quiet(settings: &LogSection) -> LogSection {
    let level = if settings.level == "info" {
        "warn".to_owned()
    } else {
        settings.level.clone()
    };
    LogSection {
        level,
        ..settings.clone()
    }
}

impl Cli {
    /// Runs the chosen command.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let load = || self.global.load(None);
        let short = || -> anyhow::Result<Config> {
            let config = load()?;
            telemetry::start(&quiet(&config.log))?;
            Ok(config)
        };
        match self.command {
            Command::Serve { role } => {
                let config = load()?;
                telemetry::start(&config.log)?;
                serve::run(&config, &role).await?;
            }
            Command::Demo => {
                let config = self.global.load(Some("waddlebot-demo"))?;
                telemetry::start(&quiet(&config.log))?;
                demo::run(&config).await?;
            }
            Command::Import(arguments) => return import::run(&short()?, arguments).await,
            Command::Replay(arguments) => replay::run(&short()?, arguments).await?,
            Command::Migrate { check } => return migrate::run(&short()?, check).await,
            Command::Doctor => return doctor::run(&self.global.load(None)).await,
            Command::Admin(command) => admin::run(&short()?, command).await?,
            Command::Backup { file } => backup::save(&short()?, &file).await?,
            Command::Restore { file, replace } => {
                backup::restore(&short()?, &file, replace).await?;
            }
            Command::Purge(arguments) => purge::run(&short()?, &arguments).await?,
            Command::Audit(command) => return admin::audit(&short()?, &command).await,
            Command::Keys(command) => keys::run(&short()?, command).await?,
            Command::Bots(command) => bots::run(command, short).await?,
            Command::Webhooks(command) => webhooks::run(&short()?, command).await?,
            Command::Config => crate::console::say(crate::config::DEFAULTS.trim_end()),
            Command::Bench(command) => bench::run(command).await?,
            Command::Codegen { out } => codegen::run(&out)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
