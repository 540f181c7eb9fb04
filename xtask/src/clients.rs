//! Clients of Discord, Twitch and Slack and of GraphQL that others wrote, OpenID Connect providers and receivers of
//! webhooks, and what makes requests from an OpenAPI document, from PyPI and npm: the tests run them against the simulators, the API, the sign-in and what we sign, so that
//! these speak the wire protocols and not merely what we believe of them. Below the target directory, pinned, installed
//! once; no package's own scripts are run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process;
use crate::python::{self, Python};

/// From PyPI. `aiohttp` is what both Python clients speak WebSocket with.
const FROM_PYPI: [&str; 6] = [
    "slack_sdk==3.48.0",
    "twitchAPI==4.5.0",
    "aiohttp==3.14.5",
    "oidc-provider-mock==0.3.4",
    "standardwebhooks==1.1.0",
    "schemathesis==4.32.5",
];
/// From PyPI, in a place of their own because they are large: runtimes and libraries of models, which `ml` is held against.
const FOR_MODELS: [&str; 7] = [
    "onnxruntime==1.32.0",
    "onnx==1.23.2",
    "onnxmltools==1.16.0",
    "skl2onnx==1.20.0",
    "lightgbm==4.7.0",
    "scikit-learn==1.9.1",
    "numpy==2.4.6",
];
/// From npm. `graphql` is the version that all four clients of GraphQL take, `rxjs` what Apollo's is built on, and `ws`
/// the WebSocket that they are handed.
const FROM_NPM: [(&str, &str); 14] = [
    ("@slack/web-api", "8.2.0"),
    ("@slack/socket-mode", "3.1.0"),
    ("@discordjs/rest", "2.6.3"),
    ("@discordjs/ws", "2.0.4"),
    ("oauth2-mock-server", "8.2.3"),
    ("standardwebhooks", "1.1.1"),
    ("graphql", "16.12.0"),
    ("graphql-http", "1.23.1"),
    ("graphql-ws", "6.4.2"),
    ("graphql-sse", "2.6.1"),
    ("subscriptions-transport-ws", "0.11.0"),
    ("@apollo/client", "4.3.8"),
    ("rxjs", "7.8.2"),
    ("ws", "8.23.0"),
];
/// The oldest Node.js that these run on.
const NODE_OLDEST: u32 = 20;

/// Python with its clients.
pub(crate) fn python(target_dir: &Path) -> Result<Python> {
    Python::with(&target_dir.join("clients/python"), &FROM_PYPI)
}

/// Python with what runs and trains models.
pub(crate) fn python_for_models(target_dir: &Path) -> Result<Python> {
    Python::with(&target_dir.join("clients/models"), &FOR_MODELS)
}

/// The folder of the clients in JavaScript; `node` is known to be on PATH.
pub(crate) fn node_modules(target_dir: &Path) -> Result<PathBuf> {
    let node = which::which("node").context("looking for node, which the tests need")?;
    let said = process::output(Command::new(node).arg("--version"))?;
    let major = parse_node_version(&said)
        .with_context(|| format!("`node --version` says `{}`", said.trim()))?;
    ensure!(
        major >= NODE_OLDEST,
        "Node.js {NODE_OLDEST} or newer is needed, this is {}",
        said.trim()
    );
    install_into(&target_dir.join("clients/node"))
}

fn install_into(home: &Path) -> Result<PathBuf> {
    let modules = home.join("node_modules");
    let manifest = manifest();
    if modules.is_dir() && python::is_installed(home, &manifest) {
        return Ok(modules);
    }
    let npm =
        which::which("npm").context("looking for npm, which installs clients for the tests")?;
    python::empty(home)?;
    std::fs::create_dir_all(home).with_context(|| format!("creating {}", home.display()))?;
    std::fs::write(home.join("package.json"), &manifest).context("writing package.json")?;
    let mut command = Command::new(npm);
    command.current_dir(home).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-package-lock",
        "--loglevel=error",
    ]);
    process::output(&mut command).context("installing clients for the tests from npm")?;
    python::note_installed(home, &manifest)?;
    Ok(modules)
}

/// What npm is told, and what says later that it is there.
fn manifest() -> String {
    let line = |(name, version): &(&str, &str)| format!("    \"{name}\": \"{version}\"");
    let lines: Vec<String> = FROM_NPM.iter().map(line).collect();
    format!(
        "{{\n  \"private\": true,\n  \"dependencies\": {{\n{}\n  }}\n}}\n",
        lines.join(",\n")
    )
}

/// The major version in `v20.20.2`.
fn parse_node_version(text: &str) -> Option<u32> {
    let (major, _) = text.trim().strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_of_node_is_read() {
        assert_eq!(parse_node_version("v20.20.2\n"), Some(20));
        assert_eq!(parse_node_version("20"), None);
    }

    #[test]
    fn modules_that_are_there_are_found_again_without_the_network() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("node_modules")).unwrap();
        python::note_installed(home.path(), &manifest()).unwrap();
        assert_eq!(
            install_into(home.path()).unwrap(),
            home.path().join("node_modules")
        );
    }

    #[test]
    fn every_version_is_exact() {
        let exact = |version: &str| version.split('.').all(|part| part.parse::<u32>().is_ok());
        assert!(FROM_NPM.iter().all(|(_, version)| exact(version)));
        assert!(
            FROM_PYPI
                .iter()
                .chain(&FOR_MODELS)
                .all(|line| line.split_once("==").is_some_and(|(_, it)| exact(it)))
        );
    }
}
