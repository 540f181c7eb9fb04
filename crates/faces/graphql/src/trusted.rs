//! Trusted documents: the only ones that may be asked, where the operator says so. They come from a
//! folder of `.graphql` files, or from a manifest that a client's build wrote: the one of Apollo, or
//! an object of ids and documents as Relay and others write it.
//!
//! Must never start with a list that holds a document which would be refused: its clients would fail
//! for no reason that they can see.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{gateway::Document, settings::Limits};

/// Most documents.
const DOCUMENTS_MAX: usize = 10_000;
/// Largest manifest, in bytes.
const MANIFEST_MAX: u64 = 64 * 1024 * 1024;
/// How Apollo's manifest calls itself.
const APOLLO: &str = "apollo-persisted-query-manifest";

/// The documents by their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedDocuments(BTreeMap<String, String>);

/// Why the trusted documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// The folder or file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not a manifest.
    #[error("`{}` is not a manifest of documents: {reason}", path.display())]
    NotAManifest {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A document would be refused.
    #[error("the trusted document `{name}` is refused: {reason}")]
    Refused {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// There are none, or too many.
    #[error("`{}` has {n} documents: 1 to {DOCUMENTS_MAX} can be trusted", path.display())]
    Count {
        /// Where.
        path: PathBuf,
        /// How many.
        n: usize,
    },
}

impl TrustedDocuments {
    /// Reads a folder or a manifest. In a folder each `.graphql` or `.gql` file is one document, named as
    /// the file is without its ending. Every document must pass the limits.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, TrustedError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| TrustedError::Unreadable { path, cause }
        };
        let about = fs::metadata(path).map_err(unreadable(path))?;
        let documents = if about.is_dir() {
            let mut documents = BTreeMap::new();
            for entry in fs::read_dir(path).map_err(unreadable(path))? {
                let file = entry.map_err(unreadable(path))?.path();
                let ending = file.extension().and_then(|ending| ending.to_str());
                let name = file.file_stem().and_then(|name| name.to_str());
                let (Some("graphql" | "gql"), Some(name)) = (ending, name) else {
                    continue;
                };
                let text = fs::read_to_string(&file).map_err(unreadable(&file))?;
                documents.insert(name.to_owned(), text);
            }
            documents
        } else {
            if about.len() > MANIFEST_MAX {
                return Err(TrustedError::NotAManifest {
                    path: path.to_owned(),
                    reason: format!("it is longer than {MANIFEST_MAX} bytes"),
                });
            }
            let text = fs::read_to_string(path).map_err(unreadable(path))?;
            manifest(&text).map_err(|reason| TrustedError::NotAManifest {
                path: path.to_owned(),
                reason,
            })?
        };
        let n = documents.len();
        if !(1..=DOCUMENTS_MAX).contains(&n) {
            let path = path.to_owned();
            return Err(TrustedError::Count { path, n });
        }
        for (name, text) in &documents {
            Document::read(text, limits).map_err(|refusal| TrustedError::Refused {
                name: name.clone(),
                reason: refusal.message,
            })?;
        }
        Ok(Self(documents))
    }

    /// Names and texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

fn manifest(text: &str) -> Result<BTreeMap<String, String>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Value::Object(object) = value else {
        return Err("it is not a JSON object".to_owned());
    };
    if object.get("format").and_then(Value::as_str) == Some(APOLLO) {
        let operations = object.get("operations").and_then(Value::as_array);
        let operations = operations.ok_or("it has no `operations`")?;
        let pairs = operations.iter().map(|operation| {
            let text = |name: &str| Some(operation.get(name)?.as_str()?.to_owned());
            Some((text("id")?, text("body")?))
        });
        return pairs
            .collect::<Option<_>>()
            .ok_or_else(|| "an operation has no `id` or no `body`".to_owned());
    }
    let pairs = object.into_iter().map(|(name, text)| match text {
        Value::String(text) => Ok((name, text)),
        _ => Err(format!("`{name}` is not the text of a document")),
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Limits, TrustedDocuments};

    fn read(name: &str, text: &str) -> Result<Vec<String>, String> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        let path = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => path,
            _ => place.path().to_owned(),
        };
        let read = TrustedDocuments::read(&path, &Limits::default());
        let lines = |trusted: TrustedDocuments| {
            let lines = trusted.iter().map(|(name, text)| format!("{name}={text}"));
            lines.collect()
        };
        read.map(lines).map_err(|error| error.to_string())
    }

    #[test]
    fn folders_and_both_kinds_of_manifests_are_read() {
        assert_eq!(
            read("Me.graphql", "{ me { id } }").unwrap(),
            ["Me={ me { id } }"]
        );
        let relay = r#"{"a1": "{ me { id } }", "b2": "query B { me { id } }"}"#;
        assert_eq!(
            read("m.json", relay).unwrap(),
            ["a1={ me { id } }", "b2=query B { me { id } }"]
        );
        let apollo = r#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
            {"id": "c3", "name": "B", "type": "query", "body": "query B { me { id } }"}]}"#;
        assert_eq!(
            read("m.json", apollo).unwrap(),
            ["c3=query B { me { id } }"]
        );
        let several = "query A { me { id } } query B { me { id } }";
        assert!(read("m.json", &format!(r#"{{"d4": "{several}"}}"#)).is_ok());
    }

    #[test]
    fn a_list_that_its_clients_would_fail_with_is_refused() {
        for (name, text, expected) in [
            ("m.json", "[", "is not a manifest"),
            ("m.json", "[]", "it is not a JSON object"),
            ("m.json", r#"{"a": 1}"#, "`a` is not the text"),
            (
                "m.json",
                r#"{"format": "apollo-persisted-query-manifest"}"#,
                "no `operations`",
            ),
            (
                "m.json",
                r#"{"format": "apollo-persisted-query-manifest", "operations": [{"id": "x"}]}"#,
                "no `body`",
            ),
            ("m.json", "{}", "has 0 documents"),
            ("notes.txt", "", "has 0 documents"),
            ("m.json", r#"{"a": "{ me "}"#, "`a` is refused"),
            ("Deep.graphql", &"{a".repeat(100), "`Deep` is refused"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let nowhere = TrustedDocuments::read("/nowhere/at/all".as_ref(), &Limits::default());
        assert!(nowhere.unwrap_err().to_string().contains("/nowhere/at/all"));
    }
}
