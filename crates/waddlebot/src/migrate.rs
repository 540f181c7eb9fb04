//! `waddlebot migrate`: brings the database up to date, or says what is missing.

use std::process::ExitCode;

use anyhow::Context;
use kernel::{Clock, SystemClock};
use store::migration;

use crate::{compose, config::Config, console};

pub(crate) async fn run(config: &Config, check: bool) -> anyhow::Result<ExitCode> {
    if check && let Some(file) = compose::database_options(config).absent_file() {
        console::say(format!(
            "`{}` does not exist yet; run `waddlebot migrate`",
            file.display()
        ));
        return Ok(ExitCode::FAILURE);
    }
    let db = compose::open_database(config).await?;
    let pending = migration::pending(&db)
        .await
        .context("reading the state of the database")?;
    if pending.is_empty() {
        console::say("the database is up to date");
    } else if check {
        console::say(format!(
            "missing: {}; run `waddlebot migrate`",
            pending.join(", ")
        ));
        db.close().await?;
        return Ok(ExitCode::FAILURE);
    } else {
        let report = migration::run(&db, SystemClock.now())
            .await
            .context("bringing the database up to date")?;
        for step in report.applied {
            console::say(format!("applied {step}"));
        }
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}
