//! Where the repository is, what is in it, and how cargo sees it. Never writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

/// The repository that this `xtask` belongs to.
#[derive(Debug)]
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// Finds the repository: the folder above the one `xtask` was compiled in, or the current one if that has moved.
    pub(crate) fn locate() -> Result<Self> {
        let compiled_in = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = match compiled_in {
            Some(root) if root.join("xtask/Cargo.toml").is_file() => root.to_path_buf(),
            _ => std::env::current_dir().context("finding the current directory")?,
        };
        ensure!(
            root.join("xtask/Cargo.toml").is_file(),
            "`{}` is not the root of the repository: run `cargo xtask` from there",
            root.display()
        );
        Ok(Self { root })
    }

    /// A repository at a given place, for tests.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A `cargo` command in the top folder, without the variables that `cargo run` set for `xtask` itself.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let Some(text) = name.to_str() else { continue };
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(text);
            }
        }
        command
    }

    /// What cargo knows about the workspace and its dependencies, for this machine's target only: so that crates for
    /// other systems need not be downloaded.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        MetadataCommand::new()
            .current_dir(&self.root)
            .other_options(vec!["--filter-platform".to_owned(), host_target()?])
            .exec()
            .context("reading `cargo metadata`")
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_dir(&self) -> Result<PathBuf> {
        let metadata = MetadataCommand::new()
            .current_dir(&self.root)
            .no_deps()
            .exec()
            .context("reading `cargo metadata`")?;
        Ok(metadata.target_directory.into_std_path_buf())
    }

    /// Every file that git tracks or would track, relative to the root, sorted.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let listing = self.git(&[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])?;
        let mut files: Vec<PathBuf> = listing
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|file| self.root.join(file).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of one file.
    pub(crate) fn read(&self, file: &Path) -> Result<String> {
        std::fs::read_to_string(self.root.join(file))
            .with_context(|| format!("reading {}", file.display()))
    }

    /// What a git command prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("git")
            .current_dir(&self.root)
            .args(arguments)
            // A git hook sets these for its own repository.
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_WORK_TREE")
            .output()
            .with_context(|| format!("running git {}", arguments.join(" ")))?;
        ensure!(
            output.status.success(),
            "git {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The target triple of the machine we run on, as rustc names it.
fn host_target() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("asking rustc for its host target")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host target")?.to_owned())
}
