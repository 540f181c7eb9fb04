//! A private S3-compatible server: `moto` from PyPI, in a virtual environment below the target directory. Objects live in
//! its memory; any access key is accepted.

use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{Launch, Service, answers_ok, folder};
use crate::process::{self, Guard};
use crate::python::Python;

/// What pip installs. Not `moto[server]`, which brings every other service's dependencies too.
const REQUIREMENTS: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

/// Installs `moto` below the target directory, once.
pub(crate) fn install(target_dir: &Path) -> Result<Python> {
    Python::with(&target_dir.join("xtask-venv"), &REQUIREMENTS)
        .context("no moto, the S3 server of the tests")
}

/// Starts the server.
pub(crate) fn start(moto: &Python, temporary: &Path) -> Result<Service> {
    let home = folder(temporary, "s3")?;
    let log = temporary.join("s3.log");
    let spawn = |port: u16| {
        let mut command = process::dying_with_parent(&moto.program);
        if let Some(packages) = &moto.packages {
            command.env("PYTHONPATH", packages);
        }
        command.current_dir(&home).args(["-m", "moto.server"]);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Guard::service(command, &log, Signal::TERM)
    };
    Launch {
        name: "the S3 server (moto)",
        log: log.clone(),
        spawn: &spawn,
        is_ready: &|port| answers_ok(port, "/moto-api/"),
        url: &|port| format!("http://127.0.0.1:{port}"),
    }
    .start()
}
