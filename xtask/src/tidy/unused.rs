//! Dependencies that a crate names but no line of its source mentions. A dependency that is there for its features alone
//! is listed in the crate's manifest, as `cargo machete` reads it too:
//! `[package.metadata.cargo-machete] ignored = ["name"]`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, Node, Package};

use super::Problem;
use super::files::has_word;
use crate::repo::Repo;

/// Checks every own crate.
pub(super) fn check(repo: &Repo, files: &[PathBuf], metadata: &Metadata) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let nodes: Vec<&Node> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .collect();
    for package in metadata.workspace_packages() {
        let Some(node) = nodes.iter().find(|node| node.id == package.id) else {
            continue;
        };
        let place = package
            .manifest_path
            .strip_prefix(&metadata.workspace_root)
            .unwrap_or(&package.manifest_path);
        let sources = Sources::read(
            repo,
            files,
            place.as_std_path().parent().unwrap_or(Path::new("")),
        )?;
        for dependency in &node.deps {
            let is_used = dependency
                .dep_kinds
                .iter()
                .any(|info| sources.mention(info.kind, &dependency.name));
            if !is_used && !is_ignored(package, &dependency.name) {
                let advice = format!(
                    "remove the dependency `{}`: no source of the crate names it",
                    dependency.name
                );
                problems.push(Problem::new(place, advice));
            }
        }
    }
    Ok(problems)
}

/// The code of one crate, without comments.
#[derive(Debug, Default)]
struct Sources {
    product: String,
    tests: String,
    build: String,
}

impl Sources {
    fn read(repo: &Repo, files: &[PathBuf], folder: &Path) -> Result<Self> {
        let mut sources = Self::default();
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        {
            let Ok(inside) = file.strip_prefix(folder) else {
                continue;
            };
            let part = if inside.starts_with("src") {
                &mut sources.product
            } else if inside == Path::new("build.rs") {
                &mut sources.build
            } else {
                &mut sources.tests
            };
            part.push_str(&without_comments(&repo.read(file)?));
        }
        Ok(sources)
    }

    fn mention(&self, kind: DependencyKind, name: &str) -> bool {
        match kind {
            DependencyKind::Build => has_word(&self.build, name),
            DependencyKind::Development => {
                has_word(&self.product, name) || has_word(&self.tests, name)
            }
            _ => has_word(&self.product, name),
        }
    }
}

fn without_comments(text: &str) -> String {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.fold(String::new(), |all, line| all + line + "\n")
}

fn is_ignored(package: &Package, name: &str) -> bool {
    let ignored = package
        .metadata
        .get("cargo-machete")
        .and_then(|machete| machete.get("ignored"));
    let names = ignored.and_then(|ignored| ignored.as_array());
    names.is_some_and(|names| {
        names
            .iter()
            .any(|it| it.as_str().is_some_and(|it| it.replace('-', "_") == name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources {
            product: without_comments(
                "//! Uses ducks.\nuse serde::Serialize;\n    // geese::fly\n",
            ),
            tests: "use proptest::prelude::*;\n".to_owned(),
            build: String::new(),
        }
    }

    #[test]
    fn a_name_in_a_comment_is_no_use() {
        assert!(sources().mention(DependencyKind::Normal, "serde"));
        assert!(!sources().mention(DependencyKind::Normal, "ducks"));
        assert!(!sources().mention(DependencyKind::Normal, "geese"));
        assert!(!sources().mention(DependencyKind::Normal, "serde_json"));
    }

    #[test]
    fn only_tests_may_use_a_test_dependency() {
        assert!(sources().mention(DependencyKind::Development, "proptest"));
        assert!(!sources().mention(DependencyKind::Normal, "proptest"));
    }
}
