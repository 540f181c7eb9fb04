//! Finds the programs the tests need, and installs them where that is allowed: as root with apt-get. Everywhere else it
//! says exactly what to install. Never touches services that already run on the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// The oldest PostgreSQL the product supports.
const POSTGRES_OLDEST: u32 = 15;

/// What we look for, and the Debian package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Postgres,
    Redis,
    Chromium,
}

impl Need {
    /// Everything the tests want.
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::Redis, Self::Chromium];

    fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Redis => "redis-server",
            Self::Chromium => "chromium",
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL 15 or newer (`initdb` and `postgres`)",
            Self::Redis => "Redis (`redis-server`) or Valkey (`valkey-server`)",
            Self::Chromium => "Chromium (`chromium` or `google-chrome`)",
        }
    }

    fn find(self) -> Option<PathBuf> {
        match self {
            Self::Postgres => find_postgres(),
            Self::Redis => first_on_path(&["redis-server", "valkey-server"]),
            Self::Chromium => first_on_path(&[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
            ]),
        }
    }
}

/// The programs found: the folder of PostgreSQL's programs, and two executables.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) postgres_bin: PathBuf,
    pub(crate) redis: PathBuf,
    pub(crate) chromium: PathBuf,
}

impl Programs {
    /// Finds all programs, installing what is missing when we are root and there is apt-get.
    pub(crate) fn find_or_install() -> Result<Self> {
        install_missing(&Need::ALL)?;
        Ok(Self {
            postgres_bin: require(Need::Postgres)?,
            redis: require(Need::Redis)?,
            chromium: require(Need::Chromium)?,
        })
    }
}

/// The folder of PostgreSQL's programs, installing it when that is possible.
pub(crate) fn postgres_bin() -> Result<PathBuf> {
    install_missing(&[Need::Postgres])?;
    require(Need::Postgres)
}

fn require(need: Need) -> Result<PathBuf> {
    need.find().with_context(|| {
        format!(
            "{} was not found even after the installation",
            need.wanted()
        )
    })
}

fn install_missing(needs: &[Need]) -> Result<()> {
    let missing: Vec<Need> = needs
        .iter()
        .copied()
        .filter(|need| need.find().is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package()).collect();
    if !can_apt() {
        bail!("{}", how_to_install(&missing));
    }
    apt_install(&packages)
}

fn how_to_install(missing: &[Need]) -> String {
    let wanted: Vec<&str> = missing.iter().map(|need| need.wanted()).collect();
    let packages: Vec<&str> = missing.iter().map(|need| need.package()).collect();
    format!(
        "the tests need programs that are not installed:\n  - {}\n\
         on Debian and Ubuntu: sudo apt-get install -y --no-install-recommends {}\n\
         elsewhere: install them and put them on PATH\n\
         or run what needs none of them: cargo xtask test --no-services",
        wanted.join("\n  - "),
        packages.join(" ")
    )
}

/// Whether we may install packages: root, on a system with apt-get.
pub(crate) fn can_apt() -> bool {
    rustix::process::geteuid().is_root() && which::which("apt-get").is_ok()
}

/// Installs Debian packages.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    eprintln!("installing with apt-get: {}", packages.join(" "));
    process::output(apt().arg("update"))?;
    process::output(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )?;
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // Run level 1 keeps Debian from starting the packages' own servers: the tests start private ones.
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1");
    command.args([
        "-q",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Acquire::Retries=3",
    ]);
    command
}

fn first_on_path(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| which::which(name).ok())
}

/// The folder with the newest supported `initdb` and `postgres`: Debian's versioned folders, or wherever PATH leads.
fn find_postgres() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let candidates = folders.into_iter().filter_map(|folder| {
        let version = postgres_version(&folder)?;
        Some((version, folder))
    });
    newest(candidates)
}

fn newest(candidates: impl Iterator<Item = (u32, PathBuf)>) -> Option<PathBuf> {
    candidates
        .filter(|(version, _)| *version >= POSTGRES_OLDEST)
        .max_by_key(|(version, _)| *version)
        .map(|(_, folder)| folder)
}

fn postgres_version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    parse_postgres_version(&String::from_utf8_lossy(&output.stdout))
}

/// The major version in `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`.
fn parse_postgres_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("(PostgreSQL) ")?;
    let major: String = rest.chars().take_while(char::is_ascii_digit).collect();
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_every_spelling() {
        let debian = "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)";
        assert_eq!(parse_postgres_version(debian), Some(15));
        assert_eq!(
            parse_postgres_version("postgres (PostgreSQL) 18beta1"),
            Some(18)
        );
        assert_eq!(parse_postgres_version("mysqld 8.0"), None);
    }

    #[test]
    fn newest_supported_postgres_is_chosen() {
        let candidates = [(14, "/a"), (17, "/b"), (15, "/c")]
            .map(|(version, folder)| (version, PathBuf::from(folder)));
        assert_eq!(newest(candidates.into_iter()), Some(PathBuf::from("/b")));
        assert_eq!(newest([(14, PathBuf::from("/a"))].into_iter()), None);
    }

    #[test]
    fn missing_programs_come_with_the_command_that_installs_them() {
        let text = how_to_install(&[Need::Redis, Need::Chromium]);
        assert!(
            text.contains("apt-get install -y --no-install-recommends redis-server chromium"),
            "{text}"
        );
    }
}
