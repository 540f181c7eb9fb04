//! Many newcomers at once: a raid, a wave of bots. Ten minutes are compared with what is usual in the community; while it
//! lasts, newcomers are looked at after fewer messages. A newcomer is who speaks, joins or follows and was never seen; a raid of as
//! many viewers is a crowd before anybody of it says something.
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

/// How somebody came who was never seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coming {
    /// They said something.
    Spoke,
    /// They followed the channel.
    Followed,
    /// They joined the server.
    Joined,
}

/// What a crowd is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Crowd {
    /// Newcomers, most of whom said something.
    Newcomers,
    /// Newcomers, most of whom only followed.
    Follows,
    /// Newcomers, most of whom only joined.
    Joins,
    /// The viewers of another channel.
    Raid,
}

impl Crowd {
    /// Its name for whoever is told.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Newcomers => "newcomers",
            Self::Follows => "follows",
            Self::Joins => "joins",
            Self::Raid => "raid",
        }
    }
}

/// How many came lately, and how many usually do.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Arrivals {
    /// Which ten minutes are counted, from 1970 on; 0 = none yet.
    window: i64,
    now: u32,
    /// How many of those only followed.
    follows: u32,
    /// How many of those only joined.
    joins: u32,
    /// Newcomers in ten minutes.
    usual: f64,
    /// For how many windows that is known.
    known: u32,
    /// Until when newcomers are looked at sooner, in seconds.
    until: i64,
    /// Who was first seen before this, in seconds, did not come with the crowd. However long a wave lasts, its first stay part of it.
    since: i64,
}

/// A burst that began.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Burst {
    /// What came.
    pub(crate) crowd: Crowd,
    /// Newcomers in ten minutes; of a raid its viewers.
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
    pub(crate) fn come(&mut self, at: Timestamp, how: Coming) -> Option<Burst> {
        self.pass(at);
        if self.is_over(at) {
            return None;
        }
        self.now = self.now.saturating_add(1);
        self.follows = self
            .follows
            .saturating_add(u32::from(how == Coming::Followed));
        self.joins = self.joins.saturating_add(u32::from(how == Coming::Joined));
        if self.known < A_DAY || !self.is_many(self.now) {
            return None;
        }
        let crowd = if self.follows > self.now / 2 {
            Crowd::Follows
        } else if self.joins > self.now / 2 {
            Crowd::Joins
        } else {
            Crowd::Newcomers
        };
        self.begin(at, crowd, self.now)
    }

    /// Another channel sent its viewers; answers the burst that begins with them. It says itself that it is unusual, so
    /// that nothing needs to be known of what is. Its viewers are newcomers as far as they speak or follow, and only then.
    pub(crate) fn raid(&mut self, at: Timestamp, viewers: u32) -> Option<Burst> {
        self.pass(at);
        if self.is_over(at) || !self.is_many(viewers) {
            return None;
        }
        self.begin(at, Crowd::Raid, viewers)
    }

    /// Whether a time is of an earlier window than the one that is counted.
    const fn is_over(&self, at: Timestamp) -> bool {
        at.secs().div_euclid(WINDOW_SECS) < self.window
    }

    fn is_many(&self, n: u32) -> bool {
        n >= LEAST && f64::from(n) >= TIMES * self.usual
    }

    /// Newcomers are looked at sooner from now on; answers the burst unless one goes on.
    fn begin(&mut self, at: Timestamp, crowd: Crowd, newcomers: u32) -> Option<Burst> {
        let began = !self.is_burst(at);
        if began {
            self.since = at.secs().saturating_sub(WINDOW_SECS);
        }
        self.until = at.secs().saturating_add(LASTS_SECS);
        began.then_some(Burst {
            crowd,
            newcomers,
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
        self.follows = 0;
        self.joins = 0;
        self.window = window;
    }

    /// Whether newcomers are looked at sooner.
    pub(crate) const fn is_burst(&self, at: Timestamp) -> bool {
        at.secs() < self.until
    }

    /// When the last crowd was last seen; `None` if there was none yet.
    pub(crate) fn last_crowd(&self) -> Option<Timestamp> {
        let at = self.until.checked_sub(LASTS_SECS)?;
        (at > 0).then(|| Timestamp::from_secs(at))
    }

    /// Whether somebody first seen then came with the crowd.
    pub(crate) const fn came_with_it(&self, first: Timestamp) -> bool {
        first.secs() >= self.since
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        format!(
            "{} {} {} {} {} {} {} {}",
            self.window,
            self.now,
            self.usual,
            self.known,
            self.until,
            self.follows,
            self.joins,
            self.since
        )
    }

    /// Reads it; what does not read is nothing known. Who only follows was not counted once, later who only
    /// joins was not, and when the crowd began was not kept: no word stood for it.
    pub(crate) fn from_text(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let [window, now, usual, known, until, later @ ..] = words.as_slice() else {
            return Self::default();
        };
        let count = |place: usize| later.get(place).map_or(Ok(0), |word| word.parse());
        let read = || {
            let until: i64 = until.parse().ok()?;
            let since = match later.get(2) {
                Some(word) => word.parse().ok()?,
                None => until.saturating_sub(LASTS_SECS + WINDOW_SECS),
            };
            Some(Self {
                window: window.parse().ok()?,
                now: now.parse().ok()?,
                follows: count(0).ok()?,
                joins: count(1).ok()?,
                usual: usual.parse().ok().filter(|usual: &f64| usual.is_finite())?,
                known: known.parse().ok()?,
                until,
                since,
            })
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Burst, Coming, Crowd};
    use kernel::Timestamp;

    const HOUR: i64 = 3_600;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    /// A community to which somebody comes every half hour, for so many hours.
    fn quiet(hours: i64) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for half in 0..hours * 2 {
            let begun = arrivals.come(at(half * HOUR / 2), Coming::Spoke);
            assert_eq!(begun, None);
        }
        arrivals
    }

    fn crowd(arrivals: &mut Arrivals, from: i64, n: i64, how: Coming) -> Vec<Burst> {
        let seconds = 0..n;
        seconds
            .filter_map(|second| arrivals.come(at(from + second), how))
            .collect()
    }

    #[test]
    fn a_crowd_begins_a_burst_once_and_it_ends() {
        for (how, named) in [
            (Coming::Spoke, Crowd::Newcomers),
            (Coming::Followed, Crowd::Follows),
            (Coming::Joined, Crowd::Joins),
        ] {
            let mut arrivals = quiet(48);
            let found = crowd(&mut arrivals, 48 * HOUR, 40, how);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].newcomers, found[0].crowd), (12, named));
            assert!((0.2..0.5).contains(&found[0].usual), "{:?}", found[0]);
            let at = |secs| at(48 * HOUR + secs);
            assert!(arrivals.is_burst(at(60)) && !arrivals.is_burst(at(2 * HOUR)));
            assert!(arrivals.came_with_it(at(0)) && !arrivals.came_with_it(at(-HOUR)));
        }
    }

    #[test]
    fn the_first_of_a_wave_came_with_it_however_long_it_lasts() {
        let mut arrivals = quiet(48);
        for minute in 0..50 {
            crowd(&mut arrivals, 48 * HOUR + minute * 60, 6, Coming::Spoke);
        }
        let at = |secs| at(48 * HOUR + secs);
        assert!(arrivals.is_burst(at(50 * 60)));
        assert!(arrivals.came_with_it(at(0)) && arrivals.came_with_it(at(49 * 60)));
        assert!(!arrivals.came_with_it(at(-HOUR)));
        let again = Arrivals::from_text(&arrivals.to_text());
        assert!(again.came_with_it(at(0)));
    }

    #[test]
    fn a_mixed_crowd_is_called_after_what_most_of_it_did() {
        let mut arrivals = quiet(48);
        assert_eq!(crowd(&mut arrivals, 48 * HOUR, 6, Coming::Followed), []);
        let found = crowd(&mut arrivals, 48 * HOUR + 10, 40, Coming::Spoke);
        let crowds: Vec<Crowd> = found.iter().map(|burst| burst.crowd).collect();
        assert_eq!(crowds, [Crowd::Newcomers], "half and half is not most");
        let mut arrivals = quiet(48);
        assert_eq!(crowd(&mut arrivals, 48 * HOUR, 7, Coming::Followed), []);
        let found = crowd(&mut arrivals, 48 * HOUR + 10, 40, Coming::Spoke);
        let crowds: Vec<Crowd> = found.iter().map(|burst| burst.crowd).collect();
        assert_eq!(crowds, [Crowd::Follows]);
        let mut later = quiet(48);
        crowd(&mut later, 48 * HOUR, 11, Coming::Followed);
        let found = crowd(&mut later, 49 * HOUR, 40, Coming::Spoke);
        assert_eq!(
            found[0].crowd,
            Crowd::Newcomers,
            "those of before count no more"
        );
    }

    #[test]
    fn where_nothing_is_known_or_many_always_come_there_is_no_burst() {
        let mut new = Arrivals::default();
        assert_eq!(crowd(&mut new, 0, 500, Coming::Spoke), []);
        let mut busy = Arrivals::default();
        for second in 0..48 * 360 {
            assert_eq!(busy.come(at(second * 10), Coming::Spoke), None);
        }
        assert_eq!(
            busy.raid(at(48 * HOUR), 200),
            None,
            "as many come in any ten minutes"
        );
    }

    #[test]
    fn a_raid_of_as_many_as_a_wave_has_begins_a_burst_at_once_and_a_smaller_one_none() {
        for mut arrivals in [quiet(48), Arrivals::default()] {
            assert_eq!(arrivals.raid(at(48 * HOUR), 11), None);
            assert!(!arrivals.is_burst(at(48 * HOUR)));
            let found = arrivals
                .raid(at(48 * HOUR + 1), 12)
                .map(|burst| (burst.crowd, burst.newcomers));
            assert_eq!(found, Some((Crowd::Raid, 12)));
            assert!(arrivals.is_burst(at(48 * HOUR + 60)));
            assert_eq!(arrivals.raid(at(48 * HOUR + 2), 900), None, "one goes on");
            let spoke = crowd(&mut arrivals, 48 * HOUR + 3, 40, Coming::Spoke);
            assert_eq!(spoke, [], "those who came with it are no second crowd");
        }
        let mut arrivals = quiet(48);
        assert_eq!(arrivals.raid(at(HOUR), 900), None, "one of long ago");
    }

    #[test]
    fn the_stored_form_reads_back_and_that_of_before_does_too() {
        let mut arrivals = quiet(30);
        crowd(&mut arrivals, 30 * HOUR, 20, Coming::Followed);
        crowd(&mut arrivals, 30 * HOUR + 30, 5, Coming::Joined);
        assert_eq!(Arrivals::from_text(&arrivals.to_text()), arrivals);
        let before = Arrivals::from_text("7 3 0.5 200 0");
        assert_eq!(before.to_text(), "7 3 0.5 200 0 0 0 -4200");
        let before = Arrivals::from_text("7 3 0.5 200 0 2");
        assert_eq!(before.to_text(), "7 3 0.5 200 0 2 0 -4200");
        assert_eq!(Arrivals::from_text("1 2 NaN 4 5"), Arrivals::default());
        assert_eq!(Arrivals::from_text("1 2 3 4 5 x"), Arrivals::default());
        assert_eq!(Arrivals::from_text(""), Arrivals::default());
    }
}
