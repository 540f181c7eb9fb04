//! The statements that a test sends to the database, for tests that count them.
//!
//! Listens on the thread that made it: a test's runtime has one.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use store::sql;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Statements {
    heard: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Statements {
    /// Begins to listen.
    pub fn listen() -> Self {
        let heard = Arc::default();
        let ear = Ear(Arc::clone(&heard));
        Self {
            heard,
            _guard: tracing::subscriber::set_default(ear),
        }
    }

    /// How often each statement was sent so far. Lists of values (`$1,$2,$3`) of any length are the same.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for text in self.heard.lock().unwrap().iter() {
            *counts.entry(without_numbers(text)).or_default() += 1;
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
        whole.push_str(part);
        whole.push('$');
    }
    whole.trim_end_matches('$').to_owned()
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
    use super::without_numbers;

    #[test]
    fn lists_of_any_length_are_the_same() {
        let short = without_numbers("SELECT a FROM b WHERE c = $1 AND d IN ($2) AND e");
        let long = without_numbers("SELECT a FROM b WHERE c = $1 AND d IN ($2, $3,$4) AND e");
        assert_eq!(short, long);
        assert_ne!(short, without_numbers("SELECT a FROM b WHERE c = $1 AND e"));
    }
}
