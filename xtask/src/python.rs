//! Packages from PyPI below the target directory, for what the tests drive in Python: in a virtual environment, or in a
//! plain folder where the machine's Python cannot make one. Installed once, then found again without the network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::install;
use crate::process;

/// Says what is installed, so that a change of the requirements installs anew.
pub(crate) const STAMP: &str = "installed.txt";

/// A Python with the wanted packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    /// The interpreter.
    pub(crate) program: PathBuf,
    /// Set when the packages lie in a plain folder instead of a virtual environment: goes into `PYTHONPATH`.
    pub(crate) packages: Option<PathBuf>,
}

impl Python {
    /// Finds the packages in `home`, or installs exactly these there. Everything else in `home` goes.
    pub(crate) fn with(home: &Path, requirements: &[&str]) -> Result<Self> {
        let wanted = requirements.join("\n");
        if let Some(python) = locate(home)
            && is_installed(home, &wanted)
        {
            return Ok(python);
        }
        empty(home)?;
        let python =
            which::which("python3").context("looking for python3, which the tests need")?;
        install_into(&python, home, requirements)?;
        note_installed(home, &wanted)?;
        locate(home)
            .with_context(|| format!("{} is incomplete: remove it and try again", home.display()))
    }
}

/// Whether the stamp in a folder says that this is there.
pub(crate) fn is_installed(home: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(home.join(STAMP)).is_ok_and(|stamp| stamp == wanted)
}

/// Leaves the stamp; comes last, so that half an installation is never taken for a whole one.
pub(crate) fn note_installed(home: &Path, wanted: &str) -> Result<()> {
    std::fs::write(home.join(STAMP), wanted).context("noting what was installed")
}

/// Removes what an earlier version put there.
pub(crate) fn empty(home: &Path) -> Result<()> {
    if home.exists() {
        std::fs::remove_dir_all(home)
            .with_context(|| format!("removing the old {}", home.display()))?;
    }
    Ok(())
}

fn locate(home: &Path) -> Option<Python> {
    let in_venv = home.join("bin/python3");
    let packages = home.join("packages");
    if packages.is_dir() {
        return Some(Python {
            program: PathBuf::from("python3"),
            packages: Some(packages),
        });
    }
    in_venv.is_file().then_some(Python {
        program: in_venv,
        packages: None,
    })
}

fn install_into(python: &Path, home: &Path, requirements: &[&str]) -> Result<()> {
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
    process::output(pip.args(requirements))
        .with_context(|| format!("installing from PyPI: {}", requirements.join(" ")))?;
    Ok(())
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

    #[test]
    fn what_is_there_is_found_again_without_the_network() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("bin")).unwrap();
        std::fs::write(home.path().join("bin/python3"), "").unwrap();
        note_installed(home.path(), "no-such-package==1\nother==2").unwrap();
        let found = Python::with(home.path(), &["no-such-package==1", "other==2"]).unwrap();
        assert_eq!(found.program, home.path().join("bin/python3"));
        assert!(!is_installed(home.path(), "no-such-package==2\nother==2"));
    }
}
