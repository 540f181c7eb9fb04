//! Many newcomers at once: a raid, a wave of bots. Ten minutes are compared with what is usual in the community; while it
//! lasts, newcomers are looked at after fewer messages.
//!
//! Pure. Must never accuse anybody: most of those who come with a crowd are people.

use kernel::Timestamp;

/// The length of what is compared, in seconds.
const WINDOW_SECS: i64 = 600;
/// Windows in a day: what is usual is a mean over about so many, and before so many nothing is called unusual.
const A_DAY: u32 = 144;
/// Fewer newcomers are never many.
const LEAST: u32 = 12;
/// So many times the usual are many.
const TIMES: f64 = 5.0;
/// How long newcomers are looked at sooner.
const LASTS_SECS: i64 = 3_600;

/// How many came lately, and how many usually do.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Arrivals {
    /// Which ten minutes are counted, from 1970 on; 0 = none yet.
    window: i64,
    now: u32,
    /// Newcomers in ten minutes.
    usual: f64,
    /// For how many windows that is known.
    known: u32,
    /// Until when newcomers are looked at sooner, in seconds.
    until: i64,
}

/// A burst that began.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Burst {
    /// Newcomers in ten minutes.
    pub(crate) newcomers: u32,
    /// How many usually come.
    pub(crate) usual: f64,
}

impl Burst {
    /// How many usually come, rounded.
    pub(crate) fn usually(&self) -> u32 {
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what a count can be"
        )]
        let rounded = self.usual.round().clamp(0.0, f64::from(u32::MAX)) as u32;
        rounded
    }
}

impl Arrivals {
    /// Somebody came who was never seen; answers the burst that begins with them.
    pub(crate) fn come(&mut self, at: Timestamp) -> Option<Burst> {
        self.pass(at);
        let window = at.secs().div_euclid(WINDOW_SECS);
        if window < self.window {
            return None;
        }
        self.now = self.now.saturating_add(1);
        let is_many =
            self.known >= A_DAY && self.now >= LEAST && f64::from(self.now) >= TIMES * self.usual;
        if !is_many {
            return None;
        }
        let began = !self.is_burst(at);
        self.until = at.secs().saturating_add(LASTS_SECS);
        began.then_some(Burst {
            newcomers: self.now,
            usual: self.usual,
        })
    }

    /// Time goes on, also when nobody comes.
    pub(crate) fn pass(&mut self, at: Timestamp) {
        let window = at.secs().div_euclid(WINDOW_SECS);
        if self.window == 0 {
            self.window = window;
        }
        let gone = u32::try_from(window.saturating_sub(self.window)).unwrap_or(0);
        if gone == 0 {
            return;
        }
        self.known = self.known.saturating_add(1).min(A_DAY * 30);
        let own = 1.0 / f64::from(self.known.min(A_DAY));
        self.usual += (f64::from(self.now) - self.usual) * own;
        // Windows in which nobody came.
        let empty = gone.saturating_sub(1).min(A_DAY * 30);
        self.known = self.known.saturating_add(empty).min(A_DAY * 30);
        let own = 1.0 / f64::from(self.known.min(A_DAY));
        self.usual *= (1.0 - own).powf(f64::from(empty));
        self.now = 0;
        self.window = window;
    }

    /// Whether newcomers are looked at sooner.
    pub(crate) const fn is_burst(&self, at: Timestamp) -> bool {
        at.secs() < self.until
    }

    /// Whether somebody first seen then came with the crowd.
    pub(crate) const fn came_with_it(&self, first: Timestamp) -> bool {
        first.secs() >= self.until.saturating_sub(LASTS_SECS + WINDOW_SECS)
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        format!(
            "{} {} {} {} {}",
            self.window, self.now, self.usual, self.known, self.until
        )
    }

    /// Reads it; what does not read is nothing known.
    pub(crate) fn from_text(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let [window, now, usual, known, until] = words.as_slice() else {
            return Self::default();
        };
        let read = || {
            Some(Self {
                window: window.parse().ok()?,
                now: now.parse().ok()?,
                usual: usual.parse().ok().filter(|usual: &f64| usual.is_finite())?,
                known: known.parse().ok()?,
                until: until.parse().ok()?,
            })
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Burst};
    use kernel::Timestamp;

    const HOUR: i64 = 3_600;

    /// A community to which somebody comes every half hour, for so many hours.
    fn quiet(hours: i64) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for half in 0..hours * 2 {
            let begun = arrivals.come(Timestamp::from_secs(1_000_000 + half * HOUR / 2));
            assert_eq!(begun, None);
        }
        arrivals
    }

    fn crowd(arrivals: &mut Arrivals, from: i64, n: i64) -> Vec<Burst> {
        let secs = (0..n).map(|second| Timestamp::from_secs(1_000_000 + from + second));
        secs.filter_map(|at| arrivals.come(at)).collect()
    }

    #[test]
    fn a_crowd_begins_a_burst_once_and_it_ends() {
        let mut arrivals = quiet(48);
        let found = crowd(&mut arrivals, 48 * HOUR, 40);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].newcomers, 12);
        assert!((0.2..0.5).contains(&found[0].usual), "{:?}", found[0]);
        let at = |secs| Timestamp::from_secs(1_000_000 + 48 * HOUR + secs);
        assert!(arrivals.is_burst(at(60)) && !arrivals.is_burst(at(2 * HOUR)));
        assert!(arrivals.came_with_it(at(0)) && !arrivals.came_with_it(at(-HOUR)));
    }

    #[test]
    fn where_nothing_is_known_or_many_always_come_there_is_no_burst() {
        let mut new = Arrivals::default();
        assert_eq!(crowd(&mut new, 0, 500), []);
        let mut busy = Arrivals::default();
        for second in 0..48 * 360 {
            assert_eq!(
                busy.come(Timestamp::from_secs(1_000_000 + second * 10)),
                None
            );
        }
    }

    #[test]
    fn the_stored_form_reads_back() {
        let mut arrivals = quiet(30);
        crowd(&mut arrivals, 30 * HOUR, 20);
        assert_eq!(Arrivals::from_text(&arrivals.to_text()), arrivals);
        assert_eq!(Arrivals::from_text("1 2 NaN 4 5"), Arrivals::default());
        assert_eq!(Arrivals::from_text(""), Arrivals::default());
    }
}
