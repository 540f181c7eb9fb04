//! Files of other projects that live in this repository: a `vendor` folder has a `vendor.toml` that lists every file with
//! its SHA-256 and its licence, and holds nothing else.
//!
//! ```toml
//! [[file]]
//! file = "graphiql.min.js.gz"
//! sha256 = "…"  # of a `.gz`: of what is inside, so that it can be compared with the published file
//! licence = "MIT"
//! licence_file = "LICENSE-graphiql.txt"
//! ```

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Problem;
use crate::repo::Repo;

/// The list; other keys (name, version, source) are for people.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    file: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    file: PathBuf,
    sha256: String,
    /// An SPDX expression, for people.
    #[serde(rename = "licence")]
    _licence: String,
    licence_file: PathBuf,
}

/// Checks every folder that has a `vendor.toml`.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for list in files
        .iter()
        .filter(|file| file.file_name().is_some_and(|name| name == "vendor.toml"))
    {
        problems.extend(check_folder(repo, list, files)?);
    }
    Ok(problems)
}

fn check_folder(repo: &Repo, list: &Path, files: &[PathBuf]) -> Result<Vec<Problem>> {
    let listed = match toml::from_str::<List>(&repo.read(list)?) {
        Ok(parsed) => parsed.file,
        Err(error) => return Ok(vec![Problem::new(list.display(), error.message())]),
    };
    let folder = list.parent().unwrap_or(Path::new(""));
    let present: BTreeSet<&Path> = files
        .iter()
        .filter(|file| *file != list)
        .filter_map(|file| file.strip_prefix(folder).ok())
        .collect();
    let mut wanted = BTreeSet::new();
    let mut problems = Vec::new();
    for entry in &listed {
        wanted.extend([entry.file.as_path(), entry.licence_file.as_path()]);
        if !present.contains(entry.file.as_path()) {
            continue;
        }
        let file = folder.join(&entry.file);
        let actual = sha256(&repo.root().join(&file))
            .with_context(|| format!("reading {}", file.display()))?;
        if !entry.sha256.eq_ignore_ascii_case(&actual) {
            let advice = format!(
                "restore the file, or review it and write sha256 = \"{actual}\" in {}",
                list.display()
            );
            problems.push(Problem::new(file.display(), advice));
        }
    }
    for file in wanted.difference(&present) {
        let advice = format!(
            "remove the mention of `{}`, which does not exist (or git ignores it)",
            file.display()
        );
        problems.push(Problem::new(list.display(), advice));
    }
    for file in present.difference(&wanted) {
        let advice = format!(
            "list the file in {} with its hash, origin and licence, or remove it",
            list.display()
        );
        problems.push(Problem::new(folder.join(file).display(), advice));
    }
    Ok(problems)
}

/// The hash of a file as its project published it, that is, before we compressed it.
fn sha256(file: &Path) -> std::io::Result<String> {
    let mut bytes = std::fs::read(file)?;
    if file.extension().is_some_and(|extension| extension == "gz") {
        let mut inside = Vec::new();
        GzDecoder::new(bytes.as_slice()).read_to_end(&mut inside)?;
        bytes = inside;
    }
    let digits: Vec<String> = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(digits.concat())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn entry(file: &str, sha256: &str) -> String {
        format!(
            "[[file]]\nfile = \"{file}\"\nsha256 = \"{sha256}\"\nlicence = \"MIT\"\nlicence_file = \"LICENSE\"\n"
        )
    }

    fn findings(list: &str, names: &[&str]) -> Vec<Problem> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("vendor")).unwrap();
        std::fs::write(root.path().join("vendor/vendor.toml"), list).unwrap();
        let mut files = vec![PathBuf::from("vendor/vendor.toml")];
        for name in names {
            let file = PathBuf::from("vendor").join(name);
            let mut bytes = b"abc".to_vec();
            if file.extension().is_some_and(|extension| extension == "gz") {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&bytes).unwrap();
                bytes = encoder.finish().unwrap();
            }
            std::fs::write(root.path().join(&file), bytes).unwrap();
            files.push(file);
        }
        check(&Repo::at(root.path()), &files).unwrap()
    }

    #[test]
    fn listed_files_with_the_right_hash_pass() {
        let list = entry("a.js", SHA256_OF_ABC) + &entry("b.js.gz", SHA256_OF_ABC);
        assert_eq!(findings(&list, &["a.js", "b.js.gz", "LICENSE"]), []);
    }

    #[test]
    fn changed_unlisted_and_missing_files_are_found() {
        let list = entry("a.js", "00") + &entry("gone.js", "00");
        let found = findings(&list, &["a.js", "extra.css", "LICENSE"]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found
                .iter()
                .any(|problem| problem.advice.contains(SHA256_OF_ABC))
        );
    }

    #[test]
    fn a_file_without_its_licence_is_found() {
        assert_eq!(findings(&entry("a.js", SHA256_OF_ABC), &["a.js"]).len(), 1);
    }
}
