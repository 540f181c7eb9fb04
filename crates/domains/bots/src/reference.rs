//! The reference distribution of a model: of each signal, where the rows it learned from lay, bots and people apart. So that it
//! can be said, as long as it judges, how far chat is from what it learned.
//!
//! Bots are far more frequent among the labelled than in chat. So what is expected is mixed from both kinds, in the share of
//! bots that is seen now: a model that learned from as many bots as people is not taken for one of another chat.

use std::collections::BTreeMap;

use ml::drift::{Ranges, shares, stability};
use serde::{Deserialize, Serialize};

use crate::features::SCHEMA;

/// Ranges of a signal.
pub(crate) const RANGES: usize = 10;
/// People without whom a distribution is not held against another: an index of few is chance.
const PEOPLE_MIN: u64 = 200;

/// Where the values of a signal lay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Spread {
    /// Where ranges end, ascending.
    edges: Vec<f32>,
    /// How many bots lie in each; the last number counts those of whom it is not known.
    bots: Vec<u64>,
    /// The same of people.
    people: Vec<u64>,
}

/// Where the rows lay that a model learned from.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Reference {
    pub(crate) n_bots: u64,
    pub(crate) n_people: u64,
    signals: BTreeMap<String, Spread>,
}

/// Why the stored form of one does not read.
#[derive(Debug, thiserror::Error)]
#[error("the reference distribution of a model does not read")]
pub(crate) struct Unreadable;

/// A column of vectors.
pub(crate) fn column<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    place: usize,
) -> impl Iterator<Item = f32> {
    rows.map(move |row| row.get(place).copied().unwrap_or(f32::NAN))
}

impl Spread {
    /// The share of each range where such a share are bots. A kind of which there are none says nothing.
    fn expected(&self, bots: f64) -> Vec<f64> {
        let (of_bots, of_people) = (shares(&self.bots), shares(&self.people));
        match (of_bots, of_people) {
            (Some(of_bots), Some(of_people)) => of_bots
                .iter()
                .zip(&of_people)
                .map(|(bot, person)| bots * bot + (1.0 - bots) * person)
                .collect(),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Vec::new(),
        }
    }
}

impl Reference {
    /// Of vectors of this program's schema, and whether each is a bot's.
    pub(crate) fn of<'a>(rows: &(impl Iterator<Item = (&'a [f32], bool)> + Clone)) -> Self {
        let kind = |is_bot: bool| {
            let own = rows.clone().filter(move |(_, bot)| *bot == is_bot);
            own.map(|(values, _)| values)
        };
        let spread = |place: usize| {
            let all = rows.clone().map(|(values, _)| values);
            let ranges = Ranges::of(column(all, place), RANGES);
            Spread {
                bots: ranges.counts(column(kind(true), place)),
                people: ranges.counts(column(kind(false), place)),
                edges: ranges.edges().to_vec(),
            }
        };
        let n = |is_bot: bool| u64::try_from(kind(is_bot).count()).unwrap_or(u64::MAX);
        let names = SCHEMA.names().into_iter().enumerate();
        Self {
            n_bots: n(true),
            n_people: n(false),
            signals: names.map(|(place, name)| (name, spread(place))).collect(),
        }
    }

    /// Whether there are enough to say something.
    pub(crate) const fn is_enough(&self) -> bool {
        self.n_people >= PEOPLE_MIN
    }

    /// How far each signal of vectors is from what is expected where such a share are bots, 0 to 1; the largest first.
    pub(crate) fn moved<'a>(
        &self,
        now: &(impl Iterator<Item = &'a [f32]> + Clone),
        bots: f64,
    ) -> Vec<(String, f64)> {
        let moved = |(name, spread): (&String, &Spread)| {
            let place = SCHEMA.position(name)?;
            let ranges = Ranges::from_edges(spread.edges.clone())?;
            let seen = ranges.counts(column(now.clone(), place));
            let expected = spread.expected(bots);
            Some((name.clone(), stability(&expected, &shares(&seen)?)?))
        };
        let mut all: Vec<(String, f64)> = self.signals.iter().filter_map(moved).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// The stored form of what is known of the signals.
    pub(crate) fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.signals)
    }

    /// Reads it.
    pub(crate) fn from_text(text: &str, n_bots: u64, n_people: u64) -> Result<Self, Unreadable> {
        let signals: BTreeMap<String, Spread> =
            serde_json::from_str(text).ok().ok_or(Unreadable)?;
        let fits = |spread: &Spread| {
            let ranges = spread.edges.len() + 2;
            spread.bots.len() == ranges && spread.people.len() == ranges
        };
        if !signals.values().all(fits) {
            return Err(Unreadable);
        }
        Ok(Self {
            n_bots,
            n_people,
            signals,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors all of whose values are one of so many numbers in turn, from a first one on.
    fn rows(n: u16, first: u16) -> Vec<Vec<f32>> {
        let columns = SCHEMA.columns().len();
        let value = |n: u16| f32::from(first + n % 20);
        (0..n).map(|n| vec![value(n); columns]).collect()
    }

    fn slices(rows: &[Vec<f32>]) -> impl Iterator<Item = &[f32]> + Clone {
        rows.iter().map(Vec::as_slice)
    }

    /// As many bots as people: bots have higher values.
    fn reference() -> Reference {
        let (people, bots) = (rows(400, 0), rows(400, 30));
        let people = slices(&people).map(|values| (values, false));
        Reference::of(&people.chain(slices(&bots).map(|values| (values, true))))
    }

    fn largest(moved: &[(String, f64)]) -> f64 {
        moved.first().map_or(f64::NAN, |(_, psi)| *psi)
    }

    #[test]
    fn chat_with_fewer_bots_than_were_learned_from_has_not_moved() {
        let reference = reference();
        assert_eq!((reference.n_bots, reference.n_people), (400, 400));
        assert!(reference.is_enough());
        let mut now = rows(380, 0);
        now.extend(rows(20, 30));
        let moved = reference.moved(&slices(&now), 0.05);
        assert_eq!(moved.len(), SCHEMA.columns().len());
        assert!(largest(&moved) < 0.05, "{moved:?}");
        let unmixed = reference.moved(&slices(&now), 0.5);
        assert!(largest(&unmixed) > 0.25, "{unmixed:?}");
    }

    #[test]
    fn the_signal_that_moved_comes_first() {
        let mut now = rows(400, 0);
        for row in &mut now {
            row[5] += 15.0;
        }
        let moved = reference().moved(&slices(&now), 0.0);
        assert_eq!(moved[0].0, SCHEMA.names()[5]);
        assert!(moved[0].1 > 0.25 && moved[1].1 < 0.1, "{moved:?}");
    }

    #[test]
    fn a_reference_reads_back_and_what_is_none_does_not() {
        let reference = reference();
        let text = reference.to_text().unwrap();
        let back = Reference::from_text(&text, 400, 400).unwrap();
        assert_eq!(back, reference);
        for broken in [
            "",
            "[]",
            r#"{"pace":{"edges":[1.0],"bots":[1],"people":[1,2,3]}}"#,
        ] {
            assert!(Reference::from_text(broken, 1, 1).is_err(), "{broken}");
        }
        let few = rows(199, 0);
        let few = Reference::of(&slices(&few).map(|values| (values, false)));
        assert!(!few.is_enough(), "199 people");
        assert!(few.moved(&slices(&rows(50, 0)), 0.3)[0].1 < 0.1, "no bots");
    }
}
