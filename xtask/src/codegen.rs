//! `cargo xtask codegen`: rewrites the files that are generated from code and committed, so that people can read them and
//! reviews show their changes.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::process;
use crate::repo::Repo;

/// One generator.
struct Generator {
    what: &'static str,
    /// Arguments of cargo, run in the root with `UPDATE=1`.
    cargo: &'static [&'static str],
}

const GENERATORS: &[Generator] = &[Generator {
    what: "GraphQL schema and reference docs",
    cargo: &[
        "run",
        "--quiet",
        "--package",
        "waddlebot",
        "--",
        "codegen",
        "--out",
        ".",
    ],
}];

/// Runs every generator.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    for generator in GENERATORS {
        eprintln!("generating: {}", generator.what);
        let mut command: Command = repo.cargo();
        command.args(generator.cargo).env("UPDATE", "1");
        process::run(&mut command).with_context(|| format!("generating: {}", generator.what))?;
    }
    Ok(())
}

/// Runs every generator and fails when that changed the tree: then a generated file was not committed.
///
/// In a clean clone this is `git diff --exit-code`; a developer's other changes do not disturb it.
pub(crate) fn check(repo: &Repo) -> Result<()> {
    let before = fingerprint(repo)?;
    run(repo)?;
    let after = fingerprint(repo)?;
    ensure!(
        before == after,
        "generated files were out of date: `cargo xtask codegen` has rewritten them, commit the result\n{}",
        repo.git(&["status", "--short"])?
    );
    Ok(())
}

/// A hash of what differs from the last commit, with the contents of new files.
fn fingerprint(repo: &Repo) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(repo.git(&["diff", "--binary", "HEAD"])?);
    let new = repo.git(&["ls-files", "-z", "--others", "--exclude-standard"])?;
    for file in new.split('\0').filter(|file| !file.is_empty()) {
        hash.update(file);
        hash.update(
            std::fs::read(repo.root().join(file)).with_context(|| format!("reading {file}"))?,
        );
    }
    Ok(format!("{:?}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_and_a_new_file_change_the_fingerprint() {
        let root = tempfile::tempdir().unwrap();
        let repo = Repo::at(root.path());
        let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        write("schema.graphql", "type Duck");
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &["config", "user.name", "a"],
            &["config", "user.email", "a@example.org"],
            &["config", "commit.gpgsign", "false"],
            &["commit", "--quiet", "-m", "start"],
        ] {
            repo.git(arguments).unwrap();
        }
        let clean = fingerprint(&repo).unwrap();
        assert_eq!(clean, fingerprint(&repo).unwrap());
        write("schema.graphql", "type Goose");
        let changed = fingerprint(&repo).unwrap();
        assert_ne!(clean, changed);
        write("new.md", "new");
        let added = fingerprint(&repo).unwrap();
        assert_ne!(changed, added);
        write("new.md", "newer");
        assert_ne!(added, fingerprint(&repo).unwrap());
    }
}
