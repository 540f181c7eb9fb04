//! A private S3-compatible server: `moto` from PyPI, in a virtual environment below the target directory. Objects live in
//! its memory; any access key is accepted.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{Launch, Service, answers_ok, folder};
use crate::install;
use crate::process::{self, Guard};

/// What pip installs. Not `moto[server]`, which brings every other service's dependencies too.
const REQUIREMENTS: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];
/// Says what is installed, so that a change of the requirements installs anew.
const STAMP: &str = "installed.txt";

/// Where Python finds `moto` after its installation.
#[derive(Debug)]
pub(crate) struct Moto {
    python: PathBuf,
    /// Set when the packages lie in a plain folder instead of a virtual environment.
    packages: Option<PathBuf>,
}

/// Installs `moto` below the target directory, once.
pub(crate) fn install(target_dir: &Path) -> Result<Moto> {
    let home = target_dir.join("xtask-venv");
    let moto = locate(&home);
    let wanted = REQUIREMENTS.join("\n");
    if let Some(moto) = moto
        && std::fs::read_to_string(home.join(STAMP)).is_ok_and(|stamp| stamp == wanted)
    {
        return Ok(moto);
    }
    if home.exists() {
        std::fs::remove_dir_all(&home)
            .with_context(|| format!("removing the old {}", home.display()))?;
    }
    let python = which::which("python3")
        .context("looking for python3, which runs the S3 server of the tests")?;
    install_into(&python, &home)?;
    std::fs::write(home.join(STAMP), wanted).context("noting what was installed")?;
    locate(&home)
        .with_context(|| format!("{} is incomplete: remove it and try again", home.display()))
}

fn locate(home: &Path) -> Option<Moto> {
    let in_venv = home.join("bin/python3");
    let packages = home.join("packages");
    if packages.is_dir() {
        return Some(Moto {
            python: PathBuf::from("python3"),
            packages: Some(packages),
        });
    }
    in_venv.is_file().then_some(Moto {
        python: in_venv,
        packages: None,
    })
}

fn install_into(python: &Path, home: &Path) -> Result<()> {
    let venv = || process::output(Command::new(python).args(["-m", "venv"]).arg(home));
    let mut made = venv();
    if made.is_err() && install::can_apt() {
        // Debian's own Python comes without `venv`.
        install::apt_install(&["python3-venv"])?;
        made = venv();
    }
    let mut pip = match made {
        Ok(_) => Command::new(home.join("bin/python3")),
        Err(_) => Command::new(python),
    };
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    if made.is_err() {
        pip.arg("--target").arg(home.join("packages"));
    }
    process::output(pip.args(REQUIREMENTS))
        .context("installing moto, the S3 server of the tests, from PyPI")?;
    Ok(())
}

/// Starts the server.
pub(crate) fn start(moto: &Moto, temporary: &Path) -> Result<Service> {
    let home = folder(temporary, "s3")?;
    let log = temporary.join("s3.log");
    let spawn = |port: u16| {
        let mut command = process::dying_with_parent(&moto.python);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_folder_of_packages_and_a_virtual_environment_are_both_found() {
        let home = tempfile::tempdir().unwrap();
        assert!(locate(home.path()).is_none());
        std::fs::create_dir(home.path().join("bin")).unwrap();
        std::fs::write(home.path().join("bin/python3"), "").unwrap();
        assert!(locate(home.path()).unwrap().packages.is_none());
        std::fs::create_dir(home.path().join("packages")).unwrap();
        assert!(locate(home.path()).unwrap().packages.is_some());
    }
}
