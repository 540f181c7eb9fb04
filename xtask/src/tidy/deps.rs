//! Rules for what comes from outside: licences, forbidden crates and sources as `deny.toml` says, and a single version of
//! the crates where two would mean two TLS stacks, two SQLite libraries or types that do not match.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use super::Problem;
use crate::repo::Repo;

/// Crates of which `Cargo.lock` holds at most one version.
const SINGLE: [&str; 5] = ["axum", "libsqlite3-sys", "reqwest", "ring", "rustls"];

/// The part of `deny.toml` that is checked here; the file is the only list.
#[derive(Debug, Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// `Cargo.lock`.
#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
}

/// Checks all packages that are built for this machine, and the lock file.
pub(super) fn check(repo: &Repo, metadata: &Metadata) -> Result<Vec<Problem>> {
    let deny: Deny =
        toml::from_str(&repo.read("deny.toml".as_ref())?).context("reading deny.toml")?;
    let lock: Lock =
        toml::from_str(&repo.read("Cargo.lock".as_ref())?).context("reading Cargo.lock")?;
    let allowed = allowed_licences(&deny.licenses.allow)?;
    let mut problems = duplicates(&lock);
    for package in built(metadata) {
        if let Some(banned) = deny
            .bans
            .deny
            .iter()
            .find(|banned| package.name == banned.name)
        {
            let users = users(metadata, package).join(", ");
            let advice = format!(
                "turn off what brings `{}` ({users}): {}",
                package.name, banned.reason
            );
            problems.push(Problem::new("Cargo.lock", advice));
        }
        if package
            .source
            .as_ref()
            .is_some_and(|source| !source.is_crates_io())
        {
            let advice = format!(
                "take `{}` from crates.io: other sources may vanish",
                package.name
            );
            problems.push(Problem::new("Cargo.lock", advice));
        }
        if let Err(why) = licence_of(package, &allowed) {
            let advice = format!(
                "remove `{} {}` or decide about its licence in deny.toml: {why}",
                package.name, package.version
            );
            problems.push(Problem::new("Cargo.lock", advice));
        }
    }
    Ok(problems)
}

/// The packages that the dependency graph reaches.
fn built(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let reached: BTreeSet<_> = nodes.map(|node| &node.id).collect();
    metadata
        .packages
        .iter()
        .filter(move |package| reached.contains(&package.id))
}

/// The names of the packages that depend on one.
fn users<'a>(metadata: &'a Metadata, package: &Package) -> Vec<&'a str> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let users: BTreeSet<_> = nodes
        .filter(|node| node.dependencies.contains(&package.id))
        .map(|node| &node.id)
        .collect();
    metadata
        .packages
        .iter()
        .filter(|other| users.contains(&other.id))
        .map(|other| other.name.as_ref())
        .collect()
}

fn allowed_licences(names: &[String]) -> Result<Vec<Licensee>> {
    let parse = |name: &String| {
        Licensee::parse(name).with_context(|| format!("`{name}` in deny.toml is no SPDX licence"))
    };
    names.iter().map(parse).collect()
}

fn licence_of(package: &Package, allowed: &[Licensee]) -> Result<(), String> {
    match &package.license {
        Some(licence) => accept(licence, allowed),
        None => Err("it names none".to_owned()),
    }
}

/// Whether the allowed licences are enough for an expression such as `(MIT OR Apache-2.0) AND Unicode-3.0`.
fn accept(licence: &str, allowed: &[Licensee]) -> Result<(), String> {
    let expression = Expression::parse_mode(licence, ParseMode::LAX)
        .map_err(|error| format!("`{licence}`: {error}"))?;
    let is_allowed = |requirement: &spdx::LicenseReq| {
        allowed
            .iter()
            .any(|licensee| licensee.satisfies(requirement))
    };
    if expression.evaluate(is_allowed) {
        return Ok(());
    }
    Err(format!("`{licence}` is not covered"))
}

fn duplicates(lock: &Lock) -> Vec<Problem> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &lock.package {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    let mut problems = Vec::new();
    for (name, versions) in versions {
        if versions.len() > 1 && SINGLE.contains(&name) {
            let versions = versions.join(" and ");
            let advice =
                format!("bring `{name}` to one version, now {versions} (`cargo tree -i {name}`)");
            problems.push(Problem::new("Cargo.lock", advice));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_judged_as_expressions() {
        let allowed = allowed_licences(&["MIT", "Unicode-3.0"].map(str::to_owned)).unwrap();
        for licence in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert_eq!(accept(licence, &allowed), Ok(()), "{licence}");
        }
        for licence in ["Apache-2.0", "MIT AND ISC", "no licence at all"] {
            assert!(accept(licence, &allowed).is_err(), "{licence}");
        }
    }

    #[test]
    fn two_tls_stacks_are_one_too_many() {
        let lock: Lock = toml::from_str(
            "[[package]]\nname = \"rustls\"\nversion = \"0.22.0\"\n[[package]]\nname = \"rustls\"\nversion = \"0.23.0\"\n\
             [[package]]\nname = \"syn\"\nversion = \"1.0.0\"\n[[package]]\nname = \"syn\"\nversion = \"2.0.0\"\n",
        )
        .unwrap();
        let found = duplicates(&lock);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].advice.contains("0.22.0 and 0.23.0"));
    }
}
