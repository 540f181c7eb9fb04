//! Finds the contracts beside the repository. Never fetches one.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts")
}

/// One file as JSON; `None`, said past the test harness's capture, where it is absent.
///
/// # Panics
/// If it is there and cannot be read, or is no JSON.
pub(crate) fn read(name: &str) -> Option<Value> {
    let path = folder().join(name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let _ = writeln!(std::io::stderr(), "skipped: {} is absent", path.display());
            return None;
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    match serde_json::from_slice(&text) {
        Ok(document) => Some(document),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// All files of a folder, by name.
///
/// # Panics
/// As [`read`].
pub(crate) fn read_all(name: &str) -> Option<Vec<(String, Value)>> {
    let path = folder().join(name);
    let Ok(entries) = fs::read_dir(&path) else {
        let _ = writeln!(std::io::stderr(), "skipped: {} is absent", path.display());
        return None;
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let read_one = |file: String| read(&format!("{name}/{file}")).map(|document| (file, document));
    names.into_iter().map(read_one).collect()
}
