//! Rules for the manifests: every shared dependency says what it is for, default features are off, every crate says what
//! it is.

use anyhow::Result;
use cargo_metadata::{Metadata, Package};

use super::Problem;
use crate::repo::Repo;

/// Crates whose default features may stay on, and why.
const DEFAULTS_ALLOWED: [(&str, &str); 4] = [
    ("bytes", "the default is `std` alone"),
    ("tempfile", "the default is `getrandom` alone"),
    ("thiserror", "the default is `std` alone"),
    ("url", "the default is `std` alone"),
];

/// Checks the root manifest and every member's.
pub(super) fn check(repo: &Repo, metadata: &Metadata) -> Result<Vec<Problem>> {
    let mut problems = comments(&repo.read("Cargo.toml".as_ref())?);
    for package in metadata.workspace_packages() {
        let place = package
            .manifest_path
            .strip_prefix(&metadata.workspace_root)
            .unwrap_or(&package.manifest_path);
        if package
            .description
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            problems.push(Problem::new(
                place,
                "add a `description`: one sentence, what the crate is",
            ));
        }
        for name in with_defaults(metadata, package) {
            let advice = format!(
                "write `default-features = false` for `{name}` in the root Cargo.toml and name the features it needs (or \
                 give the reason in xtask/src/tidy/manifest.rs)"
            );
            problems.push(Problem::new(place, advice));
        }
    }
    Ok(problems)
}

/// Direct dependencies from a registry with default features on, unless their default is empty or allowed.
fn with_defaults<'a>(metadata: &Metadata, package: &'a Package) -> Vec<&'a str> {
    let has_empty_default = |name: &str| {
        let mut versions = metadata
            .packages
            .iter()
            .filter(|other| other.name == name)
            .peekable();
        versions.peek().is_some()
            && versions.all(|version| version.features.get("default").is_none_or(Vec::is_empty))
    };
    let direct = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.source.is_some());
    direct
        .filter(|dependency| dependency.uses_default_features)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !DEFAULTS_ALLOWED.iter().any(|(allowed, _)| allowed == name))
        .filter(|name| !has_empty_default(name))
        .collect()
}

/// Entries of `[workspace.dependencies]` without a comment on their first line. Own crates need none.
fn comments(manifest: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut is_inside = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            is_inside = line.trim() == "[workspace.dependencies]";
            continue;
        }
        let Some((name, value)) = line.split_once(" = ") else {
            continue;
        };
        let is_entry = is_inside
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || "-_".contains(it));
        if is_entry && !value.contains("path = ") && !value.contains(" # ") {
            let advice = format!("say what `{name}` is for, in a comment at the end of the line");
            problems.push(Problem::new(format!("Cargo.toml:{number}"), advice));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_dependency_says_what_it_is_for() {
        let manifest = "[workspace.dependencies]\nkernel = { path = \"crates/kernel\" }\nbytes = \"1\" # buffers\n\
                        ducks = \"1\"\n\n[profile.dev]\ndebug = 1\n";
        let found = comments(manifest);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].place, "Cargo.toml:4");
    }
}
