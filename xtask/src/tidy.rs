//! `cargo xtask tidy`: the rules of the house that a machine can check, all at once, each finding saying what to do. Also
//! runs as a test. Never changes a file.

mod arrows;
mod deps;
mod files;
mod links;
mod manifest;
mod unused;
mod vendor;

use std::fmt;

use anyhow::{Result, bail};

use crate::repo::Repo;

/// One finding: where it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    place: String,
    advice: String,
}

impl Problem {
    fn new(place: impl fmt::Display, advice: impl fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            advice: advice.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.advice)
    }
}

/// Checks the tree, prints what is wrong, and fails if anything is.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let problems = check(repo)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} findings in the tree", problems.len());
    }
    eprintln!("the tree is tidy");
    Ok(())
}

/// Everything that is wrong, sorted by place.
pub(crate) fn check(repo: &Repo) -> Result<Vec<Problem>> {
    let files = repo.files()?;
    let metadata = repo.metadata()?;
    let mut problems = files::check(repo, &files)?;
    problems.extend(links::check(repo, &files)?);
    problems.extend(vendor::check(repo, &files)?);
    problems.extend(manifest::check(repo, &metadata)?);
    problems.extend(arrows::check(&metadata)?);
    problems.extend(deps::check(repo, &metadata)?);
    problems.extend(unused::check(repo, &files, &metadata)?);
    problems.sort();
    problems.dedup();
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let problems = check(&Repo::locate().unwrap()).unwrap();
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert!(
            lines.is_empty(),
            "{} findings:\n{}",
            lines.len(),
            lines.join("\n")
        );
    }
}
