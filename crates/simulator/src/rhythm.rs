//! When people are there: hours of the day, days of the week, slow growth. All times are UTC, all
//! weights relative; must never know who the people are.

use kernel::Day;

use crate::dice::Dice;

/// How a community's activity is spread over the day and the week.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rhythm {
    /// Weight of each UTC hour, 0 to 23.
    pub hours: [u32; 24],
    /// Activity of each weekday, Monday first, in thousandths of an average day; at most 10,000.
    pub weekdays: [u32; 7],
}

impl Rhythm {
    /// Evenings and weekends: people play when work is done.
    pub const EVENINGS: Self = Self {
        hours: [
            22, 12, 7, 4, 3, 3, 4, 6, 9, 12, 15, 18, 22, 25, 28, 34, 44, 60, 82, 98, 100, 86, 60,
            36,
        ],
        weekdays: [820, 840, 880, 920, 1_120, 1_290, 1_130],
    };
    /// Listeners on the way to work and on the sofa, a little more on the day of a new episode.
    pub const COMMUTE: Self = Self {
        hours: [
            30, 22, 14, 8, 6, 10, 24, 52, 60, 38, 26, 26, 34, 32, 28, 30, 42, 58, 60, 62, 74, 76,
            60, 42,
        ],
        weekdays: [980, 1_000, 1_040, 1_300, 1_050, 820, 810],
    };
    /// Office hours, with a second wave of homework in the evening and quiet weekends.
    pub const OFFICE: Self = Self {
        hours: [
            3, 2, 1, 1, 1, 2, 8, 34, 78, 98, 100, 86, 52, 80, 94, 88, 62, 36, 34, 46, 44, 28, 14, 6,
        ],
        weekdays: [1_250, 1_260, 1_240, 1_200, 1_030, 420, 600],
    };
    /// A workshop: early mornings, lunch, evenings, and Saturday at the bench.
    pub const WORKSHOP: Self = Self {
        hours: [
            4, 2, 1, 1, 3, 12, 34, 50, 46, 44, 46, 66, 68, 42, 40, 44, 50, 64, 88, 92, 76, 50, 26,
            10,
        ],
        weekdays: [960, 940, 960, 970, 1_020, 1_240, 910],
    };

    /// Activity of a day in thousandths of an average day.
    pub fn of_day(&self, day: Day) -> u32 {
        self.weekdays
            .get(usize::from(day.weekday()))
            .copied()
            .unwrap_or(1_000)
            .min(10_000)
    }

    /// A second of the day, for someone whose habits are `lean` hours later than the community's.
    pub(crate) fn second(&self, dice: &mut Dice, lean: u32) -> u32 {
        let hour = u32::try_from(dice.weighted(self.hours.iter().copied())).unwrap_or(0);
        (hour + lean) % 24 * 3_600 + dice.below(3_600)
    }
}

/// Slow growth towards a ceiling that is never reached, so that every later period is a little
/// larger and none explodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Growth {
    /// The day growth begins; before it the community has its base size.
    pub since: Day,
    /// The size it tends to, in thousandths of the base size.
    pub ceiling: u32,
    /// Days until half of the growth has happened.
    pub half_days: u32,
}

impl Growth {
    /// The size on a day, in thousandths of the base size.
    pub fn level(&self, day: Day) -> u32 {
        let days = u64::try_from(i64::from(day.0) - i64::from(self.since.0)).unwrap_or(0);
        let gain = u64::from(self.ceiling.saturating_sub(1_000));
        let grown = gain * days / (days + u64::from(self.half_days.max(1)));
        u32::try_from(1_000 + grown).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, Rhythm};
    use crate::dice::Key;
    use kernel::Day;

    #[test]
    fn an_average_week_is_an_average_week() {
        for rhythm in [
            Rhythm::EVENINGS,
            Rhythm::COMMUTE,
            Rhythm::OFFICE,
            Rhythm::WORKSHOP,
        ] {
            assert_eq!(rhythm.weekdays.iter().sum::<u32>(), 7_000);
        }
    }

    #[test]
    fn evenings_peak_in_the_evening_and_offices_at_the_office() {
        let peak = |rhythm: Rhythm| {
            let mut dice = Key::root(5, "peak").dice();
            let mut hours = [0; 24];
            for _ in 0..20_000 {
                hours[usize::try_from(rhythm.second(&mut dice, 0) / 3_600).unwrap()] += 1;
            }
            (0..24).max_by_key(|h| hours[*h]).unwrap()
        };
        assert!((19..=21).contains(&peak(Rhythm::EVENINGS)));
        assert!((9..=11).contains(&peak(Rhythm::OFFICE)));
    }

    #[test]
    fn growth_never_stops_and_never_passes_its_ceiling() {
        let growth = Growth {
            since: Day(1_000),
            ceiling: 3_000,
            half_days: 100,
        };
        assert_eq!(growth.level(Day(0)), 1_000);
        assert_eq!(growth.level(Day(1_100)), 2_000);
        assert!(growth.level(Day(1_200)) > growth.level(Day(1_190)));
        assert!(growth.level(Day(i32::MAX)) < 3_000);
    }
}
