//! The period of a health page: what the address says, the links that change it, and the steps that
//! charts divide it into. Pure.

use activity::Period;
use kernel::Day;
use serde::Deserialize;

use crate::{charts::Column, display};

/// The address's query. `until` is the last day shown, because that is what people type.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    period: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

/// What was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Choice {
    /// The last 7 days.
    Week,
    /// The last 30 days.
    #[default]
    Month,
    /// The last 90 days.
    Quarter,
    /// The last 365 days.
    Year,
    /// Everything there is.
    All,
    /// Two dates.
    Custom(Period),
}

/// A link that chooses a period.
pub(crate) struct Preset {
    /// Its words.
    pub(crate) label: &'static str,
    /// Where it leads.
    pub(crate) href: String,
    /// Whether it is the one in use.
    pub(crate) is_chosen: bool,
}

/// Name in the address, words of the link, choice.
const PRESETS: [(&str, &str, Choice); 5] = [
    ("7d", "7 days", Choice::Week),
    ("30d", "30 days", Choice::Month),
    ("90d", "90 days", Choice::Quarter),
    ("1y", "1 year", Choice::Year),
    ("all", "All", Choice::All),
];

impl Wanted {
    /// What the query asks for, or what is wrong with it.
    pub(crate) fn choice(&self) -> Result<Choice, String> {
        if !self.from.is_empty() || !self.until.is_empty() {
            let day = |text: &str, name: &str| {
                text.trim()
                    .parse::<Day>()
                    .ok()
                    .ok_or_else(|| format!("The {name} day must be a date like 2026-11-23."))
            };
            let (from, last) = (day(&self.from, "first")?, day(&self.until, "last")?);
            return Period::new(from, last.plus(1))
                .map(Choice::Custom)
                .map_err(|error| crate::error::sentence(&error.to_string()));
        }
        if self.period.is_empty() {
            return Ok(Choice::default());
        }
        PRESETS
            .into_iter()
            .find(|(name, ..)| *name == self.period)
            .map(|(_, _, choice)| choice)
            .ok_or_else(|| "The period must be 7d, 30d, 90d, 1y or all.".to_owned())
    }
}

impl Choice {
    /// The days, counted back from today. For «all» the whole of what a period may span; the page
    /// narrows it to the community's history.
    pub(crate) fn period(self, today: Day) -> Period {
        match self {
            Self::Week => Period::last_days(today, 7),
            Self::Month | Self::All => Period::last_days(today, 30),
            Self::Quarter => Period::last_days(today, 90),
            Self::Year => Period::last_days(today, 365),
            Self::Custom(period) => period,
        }
    }

    /// The choice as a query, for links to the same period.
    pub(crate) fn query(self) -> String {
        if let Self::Custom(period) = self {
            return format!("from={}&until={}", period.from, period.until.plus(-1));
        }
        PRESETS
            .into_iter()
            .find(|(_, _, choice)| *choice == self)
            .map_or_else(String::new, |(name, ..)| format!("period={name}"))
    }
}

/// The links of the period bar.
pub(crate) fn presets(base: &str, chosen: Choice) -> Vec<Preset> {
    PRESETS
        .into_iter()
        .map(|(name, label, choice)| Preset {
            label,
            href: format!("{base}?period={name}"),
            is_chosen: choice == chosen,
        })
        .collect()
}

/// The step of a chart's horizontal axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interval {
    /// One day.
    Day,
    /// A week from Monday.
    Week,
    /// A calendar month.
    Month,
}

impl Interval {
    /// `per day`, `per week`, `per month`.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn start(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            Self::Week => day.week_start(),
            Self::Month => {
                let (y, m, _) = day.civil();
                Day::from_civil(y, m, 1).unwrap_or(day)
            }
        }
    }
}

/// Days up to four months, weeks up to two years, then months.
pub(crate) fn interval(period: Period) -> Interval {
    match period.days() {
        0..=120 => Interval::Day,
        121..=731 => Interval::Week,
        _ => Interval::Month,
    }
}

/// One step: the days from `first` up to, not including, `until`; cut at the period's ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bucket {
    /// The first day.
    pub(crate) first: Day,
    /// The day after the last.
    pub(crate) until: Day,
    /// What kind of step.
    pub(crate) interval: Interval,
}

/// Divides a period into steps that cover it without gap or overlap.
pub(crate) fn buckets(period: Period) -> Vec<Bucket> {
    let interval = interval(period);
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut start = None;
    for day in period.each() {
        let begins = interval.start(day);
        match buckets.last_mut() {
            Some(last) if start == Some(begins) => last.until = day.plus(1),
            _ => buckets.push(Bucket {
                first: day,
                until: day.plus(1),
                interval,
            }),
        }
        start = Some(begins);
    }
    buckets
}

impl Bucket {
    /// Number of days, at least 1.
    pub(crate) fn days(&self) -> i32 {
        self.until.0.saturating_sub(self.first.0).max(1)
    }

    /// For the first column of a table: `2026-11-23`, or with its last day.
    pub(crate) fn name(&self) -> String {
        match self.interval {
            Interval::Day => display::date(self.first),
            Interval::Week => format!("week of {}", display::date(self.first)),
            Interval::Month => display::month_year(self.first),
        }
    }
}

/// The steps as columns of a chart.
pub(crate) fn columns(buckets: &[Bucket]) -> Vec<Column> {
    buckets
        .iter()
        .map(|bucket| {
            let day = bucket.first;
            let label = match bucket.interval {
                Interval::Day => display::day_month(day),
                Interval::Week if buckets.len() <= 30 => display::day_month(day),
                Interval::Week | Interval::Month => display::month_year(day),
            };
            let title = match bucket.interval {
                Interval::Day => {
                    let weekday = display::WEEKDAYS
                        .get(usize::from(day.weekday()))
                        .copied()
                        .unwrap_or("");
                    format!("{weekday}, {}", display::date(day))
                }
                Interval::Week | Interval::Month => {
                    format!(
                        "{} – {}",
                        display::date(day),
                        display::date(bucket.until.plus(-1))
                    )
                }
            };
            Column { label, title }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(period: &str, from: &str, until: &str) -> Wanted {
        Wanted {
            period: period.to_owned(),
            from: from.to_owned(),
            until: until.to_owned(),
        }
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn the_address_names_the_period() {
        assert_eq!(wanted("", "", "").choice(), Ok(Choice::Month));
        assert_eq!(wanted("all", "", "").choice(), Ok(Choice::All));
        let custom = wanted("7d", "2004-02-01", "2004-02-29").choice().unwrap();
        assert_eq!(custom.query(), "from=2004-02-01&until=2004-02-29");
        assert_eq!(custom.period(day("2026-11-23")).days(), 29);
        for bad in [
            wanted("2w", "", ""),
            wanted("", "2004-02-30", "2004-03-01"),
            wanted("", "2004-02-01", ""),
            wanted("", "2004-03-01", "2004-02-01"),
            wanted("", "0001-01-01", "9999-12-31"),
        ] {
            assert!(bad.choice().is_err_and(|m| m.ends_with('.')), "{bad:?}");
        }
    }

    #[test]
    fn every_choice_survives_its_link() {
        for (name, _, choice) in PRESETS {
            assert_eq!(choice.query(), format!("period={name}"));
            assert_eq!(wanted(name, "", "").choice(), Ok(choice));
        }
    }

    #[test]
    fn steps_cover_the_period_and_grow_with_it() {
        let today = day("2026-11-23");
        for (days, kind, most) in [
            (1, Interval::Day, 1),
            (120, Interval::Day, 120),
            (121, Interval::Week, 19),
            (731, Interval::Week, 106),
            (8_300, Interval::Month, 274),
        ] {
            let period = Period::last_days(today, days);
            assert_eq!(interval(period), kind);
            let buckets = buckets(period);
            assert!(buckets.len() <= most, "{days}: {}", buckets.len());
            assert_eq!(buckets.first().map(|b| b.first), Some(period.from));
            assert_eq!(buckets.last().map(|b| b.until), Some(period.until));
            for pair in buckets.windows(2) {
                assert_eq!(pair[0].until, pair[1].first);
            }
            assert_eq!(columns(&buckets).len(), buckets.len());
        }
    }

    #[test]
    fn a_month_that_is_cut_says_which_days_it_has() {
        let period = Period::new(day("2020-01-15"), day("2026-11-23")).unwrap();
        let buckets = buckets(period);
        assert_eq!(
            (buckets[0].first, buckets[0].until),
            (day("2020-01-15"), day("2020-02-01"))
        );
        assert_eq!(columns(&buckets)[0].title, "15 Jan 2020 – 31 Jan 2020");
        assert_eq!(buckets[0].days(), 17);
    }
}
