//! Rules for source files: an opening comment, a length, a layout, no leftovers, no unreviewed snapshots.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Problem;
use crate::repo::Repo;

/// Longer files are split; tests do not count.
const N_LINES_MAX: usize = 600;
/// Spelled in halves, so that this file passes its own check.
const LEFTOVERS: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
];

/// Checks every `.rs` file, and looks for pending snapshots, which git ignores.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
    {
        problems.extend(check_source(file, &repo.read(file)?));
    }
    for folder in ["crates", "xtask"] {
        problems.extend(pending_snapshots(&repo.root().join(folder)));
    }
    Ok(problems)
}

fn check_source(file: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = file.display().to_string();
    if file.file_name().is_some_and(|name| name == "mod.rs") {
        problems.push(Problem::new(
            &place,
            "rename `foo/mod.rs` to `foo.rs`: one style, so no choice",
        ));
    }
    if !is_test(file) {
        if !text.starts_with("//!") {
            problems.push(Problem::new(
                &place,
                "open the file with `//!`: what it is, what it must never do",
            ));
        }
        let n_lines = lines_without_tests(text);
        if n_lines > N_LINES_MAX {
            let advice = format!(
                "split the file: {n_lines} lines without tests, the limit is {N_LINES_MAX}"
            );
            problems.push(Problem::new(&place, advice));
        }
    }
    for (number, line) in (1..).zip(text.lines()) {
        for leftover in LEFTOVERS.iter().filter(|leftover| has_word(line, leftover)) {
            let advice = format!("do it or open an issue: the code holds no `{leftover}`");
            problems.push(Problem::new(format!("{place}:{number}"), advice));
        }
    }
    problems
}

/// Whether a file holds nothing but tests.
fn is_test(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "tests.rs")
        || file
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
}

/// The lines before the trailing test module.
fn lines_without_tests(text: &str) -> usize {
    let n_lines = text.lines().count();
    let starts = text.lines().zip(text.lines().skip(1));
    let tests = starts
        .enumerate()
        .find(|(_, (first, second))| *first == "#[cfg(test)]" && second.starts_with("mod "));
    tests.map_or(n_lines, |(number, _)| number)
}

/// Whether a word occurs in a line, not as part of a longer word.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let joins =
        |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || it == '_');
    line.match_indices(word).any(|(at, found)| {
        let before = line.get(..at).unwrap_or_default().chars().next_back();
        let after = line
            .get(at + found.len()..)
            .unwrap_or_default()
            .chars()
            .next();
        // A macro's name ends with its own mark.
        !joins(before) && (word.ends_with('!') || !joins(after))
    })
}

fn pending_snapshots(folder: &Path) -> Vec<Problem> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            problems.extend(pending_snapshots(&path));
        } else if path.to_string_lossy().ends_with(".snap.new") {
            problems.push(Problem::new(
                path.display(),
                "accept the snapshot (rename it to `.snap`) or remove it",
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(file: &str, text: &str) -> usize {
        check_source(Path::new(file), text).len()
    }

    #[test]
    fn a_source_file_opens_with_what_it_is() {
        assert_eq!(findings("crates/a/src/b.rs", "//! Bees.\n"), 0);
        assert_eq!(findings("crates/a/src/b.rs", "use std::fmt;\n"), 1);
        assert_eq!(findings("crates/a/src/b/tests.rs", "use super::*;\n"), 0);
        assert_eq!(findings("crates/a/tests/it.rs", "use a::*;\n"), 0);
    }

    #[test]
    fn long_files_are_split_but_tests_do_not_count() {
        let long = format!("//! Bees.\n{}", "\n".repeat(N_LINES_MAX));
        assert_eq!(findings("src/b.rs", &long), 1);
        let tested = format!(
            "//! Bees.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "\n".repeat(N_LINES_MAX)
        );
        assert_eq!(findings("src/b.rs", &tested), 0);
    }

    #[test]
    fn folders_have_no_mod_file() {
        assert_eq!(findings("src/b/mod.rs", "//! Bees.\n"), 1);
    }

    #[test]
    fn leftovers_are_found_as_whole_words() {
        for leftover in LEFTOVERS {
            assert_eq!(
                findings("src/b.rs", &format!("//! Bees.\n// {leftover} later\n")),
                1,
                "{leftover}"
            );
            assert_eq!(
                findings("src/b.rs", &format!("//! Bees.\n// A{leftover}\n")),
                0,
                "{leftover}"
            );
        }
    }

    #[test]
    fn a_pending_snapshot_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("snapshots")).unwrap();
        std::fs::write(folder.path().join("snapshots/a.snap"), "").unwrap();
        assert!(pending_snapshots(folder.path()).is_empty());
        std::fs::write(folder.path().join("snapshots/a.snap.new"), "").unwrap();
        assert_eq!(pending_snapshots(folder.path()).len(), 1);
    }
}
