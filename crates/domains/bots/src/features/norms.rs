//! What is usual among the members of a community: the middle and the spread of every signal. Against them a value says the
//! same on every platform: "as far from the median member as hardly anybody".
//!
//! Of a small community little is known: the fewer members, the more what is usual everywhere counts.
//! Must never hold a value of a single member, nor be made of fewer than it says.

use std::{fmt::Write as _, sync::LazyLock};

use super::{
    Vector, exchange, language,
    numbers::{ascending, deviation, quantile, real, single},
    schema::{SCHEMA, Signal},
};

/// Messages an account must have said for its values to count as a member's.
pub const ENOUGH_MESSAGES: u32 = 5;

/// Members at which a community's own norms count as much as those of everywhere.
const HALF_WAY: f64 = 30.0;

/// Further than so many spreads is just "far".
const FAR: f64 = 12.0;

/// Messages at which an account's distance counts half.
const HALF_KNOWN: f64 = 1.0;

/// The norms of everywhere, made together with the prior model: `name middle spread` in each line.
const USUAL: &str = include_str!("../../models/usual.txt");

static EVERYWHERE: LazyLock<Norms> = LazyLock::new(|| Norms::parse(USUAL));

/// What is usual among the members of a community.
#[derive(Clone, PartialEq, Debug)]
pub struct Norms {
    members: u32,
    /// For each signal in the order of [`SCHEMA`]: middle and spread.
    usual: Vec<[f32; 2]>,
}

impl Default for Norms {
    /// What is usual everywhere.
    fn default() -> Self {
        EVERYWHERE.clone()
    }
}

impl Norms {
    /// The norms of a community, from one vector for each member who said at least [`ENOUGH_MESSAGES`]. Only what was
    /// measured counts, not how it was compared.
    pub fn of<'a>(members: impl IntoIterator<Item = &'a Vector>) -> Self {
        let members: Vec<&Vector> = members.into_iter().collect();
        let n = real(members.len());
        let own = n / (n + HALF_WAY);
        let usual = (0..SCHEMA.len())
            .zip(&EVERYWHERE.usual)
            .map(|(place, [middle, spread])| {
                let values: Vec<f64> = members
                    .iter()
                    .filter_map(|vector| vector.measured().get(place))
                    .filter(|value| value.is_finite())
                    .map(|value| f64::from(*value))
                    .collect();
                if values.is_empty() {
                    return [*middle, *spread];
                }
                let values = ascending(values);
                let inner = (quantile(&values, 0.84) - quantile(&values, 0.16)) / 2.0;
                // Where nearly all are equal, the few who are not must not be infinitely far.
                let own_spread = inner.max(0.3 * deviation(&values)).max(1e-3);
                [
                    blend(quantile(&values, 0.5), *middle, own),
                    blend(own_spread, *spread, own),
                ]
            })
            .collect();
        Self {
            members: u32::try_from(members.len()).unwrap_or(u32::MAX),
            usual,
        }
    }

    /// The norms of everywhere, from those of some communities: the median of each.
    pub fn everywhere<'a>(communities: impl IntoIterator<Item = &'a Self>) -> Self {
        let communities: Vec<&Self> = communities.into_iter().collect();
        let median = |place: usize, which: fn(&[f32; 2]) -> f32| {
            let values = communities
                .iter()
                .filter_map(|norms| norms.usual.get(place));
            let known = values.map(which).filter(|value| value.is_finite());
            single(quantile(&ascending(known.map(f64::from).collect()), 0.5))
        };
        let usual = (0..SCHEMA.len())
            .map(|place| [median(place, |[m, _]| *m), median(place, |[_, s]| *s)])
            .collect();
        Self { members: 0, usual }
    }

    /// How alike two communities are, from 0 to 1: how near the middles of their signals lie, in spreads. In which languages
    /// and how long people talk with each other does not count: with it, what was learned elsewhere weighed worse.
    pub fn likeness(&self, other: &Self) -> f64 {
        let distances: Vec<f64> = self
            .usual
            .iter()
            .zip(&other.usual)
            .zip(SCHEMA.signals())
            .filter(|(_, signal)| !is_of_talk(signal))
            .map(|(([a, spread_a], [b, spread_b]), _)| {
                let spread = f64::from(spread_a.max(*spread_b)).max(0.05);
                (f64::from(a - b).abs() / spread).min(2.0)
            })
            .filter(|distance| distance.is_finite())
            .collect();
        if distances.is_empty() {
            return 0.0;
        }
        (-4.0 * super::numbers::mean(&distances)).exp()
    }

    /// Of how many members they are made; 0 for what is usual everywhere.
    pub const fn members(&self) -> u32 {
        self.members
    }

    /// The middle of a signal: the median member's value.
    pub fn middle(&self, place: usize) -> Option<f32> {
        self.usual.get(place).map(|[middle, _]| *middle)
    }

    /// How far a value lies from the middle, in spreads; less for an account that has said little.
    pub(super) fn distance(&self, place: usize, value: f32, n_messages: usize) -> f32 {
        let Some([middle, spread]) = self.usual.get(place) else {
            return f32::NAN;
        };
        let n = real(n_messages);
        let spreads = f64::from(value - middle) / f64::from(*spread);
        single(spreads.clamp(-FAR, FAR) * n / (n + HALF_KNOWN))
    }

    /// The stored form: `name middle spread` in each line, after the number of members.
    pub fn to_text(&self) -> String {
        let mut out = format!("members {}\n", self.members);
        for (signal, [middle, spread]) in SCHEMA.signals().zip(&self.usual) {
            let _ = writeln!(out, "{} {middle} {spread}", signal.name);
        }
        out
    }

    /// Reads the stored form; a signal that is not in it has the norms of everywhere.
    pub fn from_text(text: &str) -> Self {
        Self::parse(text).filled(&EVERYWHERE)
    }

    fn parse(text: &str) -> Self {
        let mut norms = Self {
            members: 0,
            usual: vec![[f32::NAN; 2]; SCHEMA.len()],
        };
        for line in text.lines() {
            let mut words = line.split(' ');
            let (Some(name), Some(middle)) = (words.next(), words.next()) else {
                continue;
            };
            if name == "members" {
                norms.members = middle.parse().unwrap_or(0);
                continue;
            }
            let spread = words.next().and_then(|word| word.parse().ok());
            let (Some(place), Ok(middle), Some(spread)) =
                (SCHEMA.place(name), middle.parse::<f32>(), spread)
            else {
                continue;
            };
            if let Some(kept) = norms.usual.get_mut(place)
                && middle.is_finite()
                && spread > 0.0
            {
                *kept = [middle, spread];
            }
        }
        norms
    }

    fn filled(mut self, other: &Self) -> Self {
        for (kept, other) in self.usual.iter_mut().zip(&other.usual) {
            if kept.iter().any(|value| value.is_nan()) {
                *kept = *other;
            }
        }
        self
    }
}

/// Whether a signal says how people talk with each other, or in which languages.
fn is_of_talk(signal: &Signal) -> bool {
    let mut of_talk = exchange::SIGNALS.iter().chain(language::SIGNALS);
    of_talk.any(|one| one.name == signal.name)
}

fn blend(own: f64, other: f32, share: f64) -> f32 {
    if other.is_nan() {
        return single(own);
    }
    single(own * share + f64::from(other) * (1.0 - share))
}
