//! The statements that a test sends to the database, for tests that count them.
//!
//! Listens on the thread that made it: a test's runtime has one.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock, Mutex},
};

use store::sql;
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// Somebody else who listens, to nothing. While only one does, whether a statement is worth telling is decided for
/// good by whichever thread comes by first (tracing-core 0.1.36, `callsite.rs`, `Rebuilder::JustOne`): if nobody listens
/// there, nobody ever hears.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Statements {
    heard: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Statements {
    /// Begins to listen.
    pub fn listen() -> Self {
        LazyLock::force(&ANOTHER);
        let heard = Arc::default();
        let ear = Ear(Arc::clone(&heard));
        Self {
            heard,
            _guard: tracing::subscriber::set_default(ear),
        }
    }

    /// How often each statement was sent so far. Lists of values (`$1,$2,$3`), of pairs of them, and of
    /// the same statement for several things (`UNION ALL`) of any length are the same.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for text in self.heard.lock().unwrap().iter() {
            *counts
                .entry(without_repeats(&without_numbers(text)))
                .or_default() += 1;
        }
        counts
    }
}

/// The text with every list of placeholders as one.
fn without_numbers(text: &str) -> String {
    let digits = |c: char| c.is_ascii_digit();
    let parts = text
        .split('$')
        .enumerate()
        .map(|(index, part)| match index {
            0 => part,
            _ => part.trim_start_matches(digits),
        });
    let mut whole = String::new();
    for part in parts {
        if part.trim() == "," {
            continue;
        }
        // The pair is there already.
        if part.trim() == "),(" {
            continue;
        }
        whole.push_str(part);
        whole.push('$');
    }
    whole.trim_end_matches('$').to_owned()
}

/// The text with the branches of a union as one, if they are the same.
fn without_repeats(text: &str) -> String {
    let parts: Vec<&str> = text.split(" UNION ALL ").collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return text.to_owned();
    };
    let inside = last.char_indices().map(|(at, _)| at).skip(1);
    let ends = inside.chain([last.len()]);
    let branch = ends
        .map(|at| &last[..at])
        .filter(|branch| first.ends_with(branch));
    match branch.last() {
        Some(branch) if middle.iter().all(|part| *part == branch) => {
            format!("{first}{}", &last[branch.len()..])
        }
        _ => text.to_owned(),
    }
}

struct Ear(Arc<Mutex<Vec<String>>>);

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == sql::TRACE
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Text(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Takes the field `sql`.
struct Text<'a>(&'a mut Vec<String>);

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            self.0.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::{without_numbers, without_repeats};

    #[test]
    fn branches_and_pairs_of_any_number_are_the_same() {
        let pairs = |list: &str| {
            without_numbers(&format!("SELECT a FROM (VALUES {list}) AS w WHERE b = $9"))
        };
        assert_eq!(pairs("($1,$2)"), pairs("($1,$2),($3,$4),($5,$6)"));
        let branch = "SELECT * FROM (SELECT a FROM b WHERE c = $) AS part";
        let union = |n: usize| {
            let branches = vec![branch; n].join(" UNION ALL ");
            without_repeats(&format!("SELECT p.a FROM ({branches}) AS p ORDER BY a"))
        };
        assert_eq!(union(1), union(2));
        assert_eq!(union(1), union(5));
        let bare = |n: usize| without_repeats(&vec![branch; n].join(" UNION ALL "));
        assert_eq!(bare(1), bare(3));
        let other = format!("{branch} UNION ALL SELECT d FROM e UNION ALL {branch}");
        assert_eq!(without_repeats(&other), other);
    }

    #[test]
    fn lists_of_any_length_are_the_same() {
        let short = without_numbers("SELECT a FROM b WHERE c = $1 AND d IN ($2) AND e");
        let long = without_numbers("SELECT a FROM b WHERE c = $1 AND d IN ($2, $3,$4) AND e");
        assert_eq!(short, long);
        assert_ne!(short, without_numbers("SELECT a FROM b WHERE c = $1 AND e"));
    }
}
