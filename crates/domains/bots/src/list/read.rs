//! Reads lists in the forms in which they are published: a name or domain in each line, with a day and a
//! reason behind commas if it has them, or a JSON array of texts, alone or as `domains` or `names`.
//!
//! Must never take more memory than a few times the text, nor fetch anything.

use std::collections::BTreeMap;

use kernel::{Day, Timestamp};
use serde_json::Value;

use super::ListKind;

/// The largest list, in bytes.
pub const TEXT_MAX: usize = 4 * 1_024 * 1_024;
/// The most entries.
const ENTRIES_MAX: usize = 100_000;
/// The longest name of an account, in characters.
const NAME_MAX: usize = 64;
/// The longest domain.
const DOMAIN_MAX: usize = 253;
/// The longest reason, in characters.
const REASON_MAX: usize = 200;
/// How much of a rejected line is shown, in characters.
const SHOWN_MAX: usize = 40;

/// A line that is no entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// Its number, from 1 on.
    pub line: u32,
    /// Its beginning.
    pub beginning: String,
}

/// Why a list cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("a list has at most {} MiB", TEXT_MAX / (1_024 * 1_024))]
    TooLarge,
    #[error("a list has at most {ENTRIES_MAX} entries")]
    TooMany,
    #[error("it begins like JSON and is none")]
    NotJson,
    #[error("the JSON must be an array of texts, or have one called `domains` or `names`")]
    NoArray,
}

/// What an entry says besides its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub(crate) reason: Option<String>,
    pub(crate) listed_at: Timestamp,
}

/// The entries by value, each once.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) entries: BTreeMap<String, Said>,
    pub(crate) rejected: Vec<Rejected>,
}

/// An account's name as it is stored and looked for.
pub(crate) fn account(name: &str) -> Option<String> {
    let name = name.trim().trim_start_matches('@').to_lowercase();
    let fits = (1..=NAME_MAX).contains(&name.chars().count());
    let plain = !name.chars().any(|c| c.is_control() || c.is_whitespace());
    (fits && plain).then_some(name)
}

/// A domain as it is stored and looked for.
pub(crate) fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let fits = text.len() <= DOMAIN_MAX && text.contains('.') && text.split('.').all(is_label);
    fits.then_some(text)
}

pub(crate) fn value(kind: ListKind, text: &str) -> Option<String> {
    if kind.is_of_accounts() {
        account(text)
    } else {
        domain(text)
    }
}

fn day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Day::from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// Value, day and reason of a line.
fn line(kind: ListKind, as_of: Day, text: &str) -> Option<(String, Said)> {
    let mut parts = text.splitn(3, ',').map(str::trim);
    let value = value(kind, parts.next()?)?;
    let listed = match parts.next().filter(|part| !part.is_empty()) {
        // One that is listed on a day to come is not younger than its list.
        Some(part) => day(part)?.min(as_of),
        None => as_of,
    };
    let reason = parts.next().filter(|part| !part.is_empty());
    if reason.is_some_and(|r| r.chars().count() > REASON_MAX || r.chars().any(char::is_control)) {
        return None;
    }
    let said = Said {
        reason: reason.map(str::to_owned),
        listed_at: listed.start(),
    };
    Some((value, said))
}

/// The texts of a JSON list.
fn texts(text: &str) -> Result<Vec<String>, Unreadable> {
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return Err(Unreadable::NotJson);
    };
    let array = match json {
        Value::Array(array) => array,
        Value::Object(mut object) => {
            let found = ["domains", "names"]
                .iter()
                .find_map(|key| object.remove(*key));
            match found {
                Some(Value::Array(array)) => array,
                _ => return Err(Unreadable::NoArray),
            }
        }
        _ => return Err(Unreadable::NoArray),
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        // Rejected as an entry: no name or domain looks like this.
        _ => "\0".to_owned(),
    };
    Ok(array.into_iter().map(text).collect())
}

/// Reads a list that is of a day.
pub(crate) fn read(kind: ListKind, as_of: Day, text: &str) -> Result<Read, Unreadable> {
    if text.len() > TEXT_MAX {
        return Err(Unreadable::TooLarge);
    }
    let text = text.trim_start_matches('\u{feff}');
    let mut read = Read::default();
    let is_json = text.trim_start().starts_with(['{', '[']);
    if is_json {
        for (n, text) in (1..).zip(texts(text)?) {
            let said = Said {
                reason: None,
                listed_at: as_of.start(),
            };
            let entry = value(kind, &text).map(|value| (value, said));
            read.take(n, &text, entry)?;
        }
        return Ok(read);
    }
    for (n, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if !text.is_empty() && !text.starts_with('#') {
            read.take(n, text, line(kind, as_of, text))?;
        }
    }
    Ok(read)
}

impl Read {
    fn take(
        &mut self,
        n: u32,
        text: &str,
        entry: Option<(String, Said)>,
    ) -> Result<(), Unreadable> {
        match entry {
            // Of two lines about the same, the older one tells since when.
            Some((value, said)) => match self.entries.entry(value) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(said);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    if said.listed_at < known.get().listed_at {
                        known.insert(said);
                    }
                }
            },
            None => self.rejected.push(Rejected {
                line: n,
                beginning: text
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(SHOWN_MAX)
                    .collect(),
            }),
        }
        if self.entries.len() + self.rejected.len() > ENTRIES_MAX {
            return Err(Unreadable::TooMany);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES_MAX, ListKind, Unreadable, account, domain, read};
    use kernel::Day;
    use proptest::prelude::*;

    const TODAY: Day = Day(20_000);

    #[test]
    fn plain_lines_are_names_of_the_day_of_their_list() {
        let list = read(
            ListKind::Unwanted,
            TODAY,
            "\u{feff}# known\r\n0ax2\r\n\r\n@Moobot\n0ax2\ntwo words\n",
        )
        .unwrap();
        let names: Vec<&str> = list.entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["0ax2", "moobot"]);
        assert!(
            list.entries
                .values()
                .all(|said| said.listed_at == TODAY.start())
        );
        assert_eq!((list.rejected.len(), list.rejected[0].line), (1, 6));
        assert_eq!(list.rejected[0].beginning, "two words");
    }

    #[test]
    fn a_line_may_say_since_when_and_why_and_the_oldest_counts() {
        let list = read(
            ListKind::Unwanted,
            TODAY,
            "ann, 2021-08-01, hate raid, with others\nann,2022-01-01\nbob,2999-01-01\ncat,,sold\ndot,yesterday\n",
        )
        .unwrap();
        let of = |name: &str| list.entries[name].clone();
        assert_eq!(
            of("ann").listed_at,
            Day::from_civil(2021, 8, 1).unwrap().start()
        );
        assert_eq!(of("ann").reason.as_deref(), Some("hate raid, with others"));
        assert_eq!(of("bob").listed_at, TODAY.start());
        assert_eq!(of("cat").reason.as_deref(), Some("sold"));
        assert_eq!(list.rejected.len(), 1);
    }

    #[test]
    fn json_is_an_array_of_texts_alone_or_under_its_name() {
        for text in [
            r#"{"domains": ["Free-Nitro.xyz", "a/b", 7, "free-nitro.xyz"]}"#,
            r#" ["free-nitro.xyz", "nodot", "ä.com"]"#,
        ] {
            let list = read(ListKind::Dangerous, TODAY, text).unwrap();
            assert_eq!(list.entries.keys().collect::<Vec<_>>(), ["free-nitro.xyz"]);
            assert_eq!(list.rejected.len(), 2, "{text}");
        }
        let of = |text: &str| read(ListKind::Dangerous, TODAY, text).unwrap_err();
        assert_eq!(of("{\"domains\": ["), Unreadable::NotJson);
        assert_eq!(of("{\"other\": []}"), Unreadable::NoArray);
        assert_eq!(of("{\"domains\": 3}"), Unreadable::NoArray);
    }

    #[test]
    fn a_list_has_an_end() {
        let names: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("n{n}")).collect();
        let many = names.join("\n");
        assert_eq!(
            read(ListKind::Unwanted, TODAY, &many).unwrap_err(),
            Unreadable::TooMany
        );
        let long = "a".repeat(super::TEXT_MAX + 1);
        assert_eq!(
            read(ListKind::Unwanted, TODAY, &long).unwrap_err(),
            Unreadable::TooLarge
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_it_takes_it_takes_again(text in "\\PC{0,80}", of_accounts in any::<bool>()) {
            let kind = if of_accounts { ListKind::Unwanted } else { ListKind::Dangerous };
            if let Ok(list) = read(kind, TODAY, &text) {
                for value in list.entries.keys() {
                    let again = if of_accounts { account(value) } else { domain(value) };
                    prop_assert_eq!(again.as_deref(), Some(value.as_str()));
                }
            }
        }
    }
}
