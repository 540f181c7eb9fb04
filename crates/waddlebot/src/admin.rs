//! `waddlebot admin` and `waddlebot audit`: what is done over the local database, by whoever may
//! read its files.

use std::{
    io::{BufRead, IsTerminal},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Subcommand;
use identity::NewAccount;
use kernel::{Actor, Secret};
use store::audit::Verdict;

use crate::{config::Config, console, serve::System};

/// What to do about administrators.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an instance administrator; the password is read from standard input
    Create {
        /// Address to sign in with
        #[arg(long)]
        email: String,
        /// Shown name
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
    /// Set a new password, read from standard input; ends the person's sessions
    Reset {
        /// Their address
        #[arg(long)]
        email: String,
    },
    /// Take the second factor and all passkeys of somebody away who lost them; a verified address is told by mail
    #[command(name = "reset-2fa")]
    ResetSecondFactor {
        /// Their address
        #[arg(long)]
        email: String,
    },
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no entry was changed, removed or reordered
    Verify,
}

/// Reads one line. A password on the command line would be seen by everybody on the machine.
fn password() -> anyhow::Result<Secret<String>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        console::warn(
            "Type the new password (it is shown while you type; or pipe it in), then Enter:",
        );
    }
    let mut line = String::new();
    input
        .lock()
        .read_line(&mut line)
        .context("reading the password from standard input")?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("no password on standard input");
    }
    Ok(Secret::new(text.to_owned()))
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    // Read before anything is opened: who has none to give is told at once.
    let password = match &command {
        Command::Create { .. } | Command::Reset { .. } => password()?,
        Command::ResetSecondFactor { .. } => Secret::new(String::new()),
    };
    let system = System::start(config).await?;
    let actor = Actor::System("command-line");
    match command {
        Command::ResetSecondFactor { email } => {
            let reset = system
                .app
                .identity
                .reset_second_factor(&actor, &email)
                .await;
            reset.with_context(|| {
                format!("taking the second factor and the passkeys of `{email}` away")
            })?;
            console::say(format!(
                "took the second factor and the passkeys of {email} away; their sessions have ended"
            ));
        }
        Command::Create { email, name } => {
            let account = NewAccount {
                display_name: name,
                email: email.clone(),
                password,
            };
            let id = system
                .app
                .identity
                .create_admin(&actor, &account)
                .await
                .context("making the administrator")?;
            console::say(format!(
                "made administrator {email} (user {id}); sign in at {}/login",
                config.public_url()
            ));
        }
        Command::Reset { email } => {
            let reset = system
                .app
                .identity
                .reset_password(&actor, &email, &password)
                .await;
            reset.with_context(|| format!("setting the password of `{email}`"))?;
            console::say(format!(
                "set a new password for {email}; their sessions have ended"
            ));
        }
    }
    system.stop().await
}

pub(crate) async fn audit(config: &Config, command: &AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify = command;
    let system = System::start(config).await?;
    let verdict = system
        .app
        .verify_audit(&Actor::System("command-line"))
        .await
        .context("reading the audit log")?;
    system.stop().await?;
    match verdict {
        Verdict::Intact { entries, head } => {
            console::say(format!("intact: {entries} entries, head {head}"));
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Broken { seq, reason } => {
            console::warn(format!("BROKEN at entry {seq}: {reason}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
