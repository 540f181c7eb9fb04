//! The charts and tables of a health page. Every chart comes with the table of the same numbers.
//! Pure: from an overview to what the template shows.

use activity::Overview;
use kernel::{Platform, event::EventTag};

use super::period::Bucket;
use crate::{
    charts::{
        self, Column, Svg,
        line::{Line, LineChart},
        stacked::{Hatch, Series, Stacked},
    },
    display,
};

/// A chart with its legend and its numbers.
pub(crate) struct Panel {
    pub(crate) svg: Svg,
    pub(crate) legend: Vec<Legend>,
    pub(crate) table: Table,
}

/// An entry of a legend.
pub(crate) struct Legend {
    /// The sample.
    pub(crate) swatch: Svg,
    /// What it stands for.
    pub(crate) label: &'static str,
    /// Its total.
    pub(crate) total: String,
}

/// The numbers behind a chart.
pub(crate) struct Table {
    /// The heads of the columns after the first.
    pub(crate) heads: Vec<&'static str>,
    /// Name of the step, then its numbers.
    pub(crate) rows: Vec<(String, Vec<String>)>,
}

const fn hatch(platform: Platform) -> Hatch {
    match platform {
        Platform::Discord => Hatch::Solid,
        Platform::Twitch => Hatch::Rising,
        Platform::Slack => Hatch::Dots,
        Platform::Irc => Hatch::Level,
        Platform::Import => Hatch::Falling,
    }
}

/// Adds up a daily number over each step.
fn sums(o: &Overview, buckets: &[Bucket], pick: impl Fn(&activity::DayRow) -> u64) -> Vec<u64> {
    let mut sums = vec![0_u64; buckets.len()];
    for row in &o.daily {
        let at = buckets.partition_point(|bucket| bucket.until <= row.day);
        if let (Some(sum), Some(bucket)) = (sums.get_mut(at), buckets.get(at))
            && bucket.first <= row.day
        {
            *sum = sum.saturating_add(pick(row));
        }
    }
    sums
}

fn on(row: &activity::DayRow, platform: Platform) -> u64 {
    row.messages
        .iter()
        .filter(|(p, _)| *p == platform)
        .map(|(_, n)| n)
        .sum()
}

/// Messages per step, stacked by platform.
pub(crate) fn messages(o: &Overview, buckets: &[Bucket], columns: &[Column]) -> Panel {
    let series: Vec<(Platform, Vec<u64>)> = Platform::ALL
        .into_iter()
        .map(|platform| (platform, sums(o, buckets, |row| on(row, platform))))
        .filter(|(_, values)| values.iter().any(|v| *v > 0))
        .collect();
    let drawn: Vec<Series<'_>> = series
        .iter()
        .map(|(platform, values)| Series {
            key: platform.as_str(),
            label: platform.label(),
            hatch: hatch(*platform),
            values: values.clone(),
        })
        .collect();
    let svg = charts::stacked::stacked(&Stacked {
        id: "m",
        title: "Messages over time, stacked by platform; the table below holds the same numbers",
        columns,
        series: &drawn,
    });
    let legend = series
        .iter()
        .map(|(platform, values)| Legend {
            swatch: charts::stacked::swatch("m", platform.as_str()),
            label: platform.label(),
            total: display::count(values.iter().sum()),
        })
        .collect();
    let mut heads: Vec<&'static str> = series.iter().map(|(p, _)| p.label()).collect();
    heads.push("All");
    let rows = buckets
        .iter()
        .enumerate()
        .map(|(i, bucket)| {
            let values: Vec<u64> = series
                .iter()
                .map(|(_, values)| values.get(i).copied().unwrap_or(0))
                .collect();
            let mut cells: Vec<String> = values.iter().map(|v| display::count(*v)).collect();
            cells.push(display::count(values.iter().sum()));
            (bucket.name(), cells)
        })
        .collect();
    Panel {
        svg,
        legend,
        table: Table { heads, rows },
    }
}

/// Daily actives, averaged over each step.
pub(crate) fn active(o: &Overview, buckets: &[Bucket], columns: &[Column]) -> Panel {
    let means: Vec<f64> = sums(o, buckets, |row| row.active)
        .into_iter()
        .zip(buckets)
        .map(|(sum, bucket)| display::float(sum) / f64::from(bucket.days()))
        .collect();
    let lines = [Line {
        key: "active",
        label: "active",
        values: means.iter().map(|v| Some(*v)).collect(),
    }];
    let svg = charts::line::lines(&LineChart {
        title: "People active per day; the table below holds the same numbers",
        columns,
        lines: &lines,
    });
    let rows = buckets
        .iter()
        .zip(&means)
        .map(|(bucket, mean)| (bucket.name(), vec![display::figure(*mean)]))
        .collect();
    Panel {
        svg,
        legend: Vec::new(),
        table: Table {
            heads: vec!["People per day"],
            rows,
        },
    }
}

/// Newcomers per step.
pub(crate) fn newcomers(o: &Overview, buckets: &[Bucket], columns: &[Column]) -> Panel {
    let values = sums(o, buckets, |row| row.newcomers);
    let series = [Series {
        key: "newcomers",
        label: "newcomers",
        hatch: Hatch::Solid,
        values: values.clone(),
    }];
    let svg = charts::stacked::stacked(&Stacked {
        id: "n",
        title: "People who wrote for the first time; the table below holds the same numbers",
        columns,
        series: &series,
    });
    let rows = buckets
        .iter()
        .zip(&values)
        .map(|(bucket, n)| (bucket.name(), vec![display::count(*n)]))
        .collect();
    Panel {
        svg,
        legend: Vec::new(),
        table: Table {
            heads: vec!["Newcomers"],
            rows,
        },
    }
}

/// Messages by weekday and hour.
pub(crate) fn heat(o: &Overview) -> Svg {
    charts::heat::heat(
        "Messages by day of the week and hour, UTC; the table below holds the same numbers",
        &o.heat,
    )
}

/// The same as rows of a table.
pub(crate) fn heat_rows(o: &Overview) -> Vec<(&'static str, Vec<String>)> {
    display::WEEKDAYS
        .into_iter()
        .zip(&o.heat)
        .map(|(day, hours)| (day, hours.iter().map(|n| display::count(*n)).collect()))
        .collect()
}

/// The retention triangle.
pub(crate) struct Retention {
    /// Number of the last column.
    pub(crate) weeks: Vec<usize>,
    /// The cohorts, oldest first.
    pub(crate) rows: Vec<CohortRow>,
}

/// One cohort.
pub(crate) struct CohortRow {
    /// Its week.
    pub(crate) week: String,
    /// How many they are.
    pub(crate) size: String,
    /// One cell per week.
    pub(crate) cells: Vec<Cell>,
}

/// One cell of the triangle.
pub(crate) struct Cell {
    /// `34 %`.
    pub(crate) share: String,
    /// `12 of 35`, for a hover.
    pub(crate) title: String,
    /// 0..=10: the class `r{level}` shades it.
    pub(crate) level: u64,
}

/// Builds the triangle.
pub(crate) fn retention(o: &Overview) -> Retention {
    let widest = o.cohorts.iter().map(|c| c.active.len()).max().unwrap_or(0);
    Retention {
        weeks: (0..widest).collect(),
        rows: o
            .cohorts
            .iter()
            .map(|cohort| CohortRow {
                week: display::date(cohort.week),
                size: display::count(cohort.size),
                cells: cohort
                    .active
                    .iter()
                    .enumerate()
                    .map(|(k, n)| cell(k, *n, cohort.size))
                    .collect(),
            })
            .collect(),
    }
}

fn cell(k: usize, n: u64, size: u64) -> Cell {
    let share = if size == 0 {
        0.0
    } else {
        display::float(n) / display::float(size)
    };
    Cell {
        share: format!("{:.0} %", share * 100.0),
        title: format!(
            "{} of {} wrote {}",
            display::count(n),
            display::count(size),
            if k == 0 {
                "in their first week".to_owned()
            } else {
                format!(
                    "{} later",
                    display::plural(u64::try_from(k).unwrap_or(0), "week")
                )
            }
        ),
        level: display::rounded(share * 10.0).min(10),
    }
}

/// A row of the platform table.
pub(crate) struct PlatformRow {
    pub(crate) label: &'static str,
    pub(crate) messages: String,
    pub(crate) share: String,
    pub(crate) active: String,
    pub(crate) newcomers: String,
    pub(crate) each: String,
}

/// Platforms, busiest first.
pub(crate) fn platforms(o: &Overview) -> Vec<PlatformRow> {
    let all: u64 = o.platforms.iter().map(|p| p.messages).sum();
    let mut sorted: Vec<_> = o.platforms.iter().collect();
    sorted.sort_by_key(|p| std::cmp::Reverse(p.messages));
    sorted
        .into_iter()
        .map(|p| PlatformRow {
            label: p.platform.label(),
            messages: display::count(p.messages),
            share: if all == 0 {
                "–".to_owned()
            } else {
                display::percent(display::float(p.messages) / display::float(all))
            },
            active: display::count(p.active),
            newcomers: display::count(p.newcomers),
            each: if p.active == 0 {
                "–".to_owned()
            } else {
                display::figure(display::float(p.messages) / display::float(p.active))
            },
        })
        .collect()
}

/// A kind of measure and how often.
pub(crate) struct KindRow {
    pub(crate) label: &'static str,
    pub(crate) n: String,
}

/// Measures taken by moderators.
pub(crate) fn moderation(o: &Overview) -> Vec<KindRow> {
    o.moderation_kinds
        .iter()
        .map(|(tag, n)| KindRow {
            label: label(*tag),
            n: display::count(*n),
        })
        .collect()
}

/// A kind of event, how often, and its amounts together.
pub(crate) struct EventRow {
    pub(crate) label: &'static str,
    pub(crate) n: String,
    pub(crate) amount: String,
}

/// Events other than messages and moderation.
pub(crate) fn events(o: &Overview) -> Vec<EventRow> {
    o.events
        .iter()
        .filter(|(tag, _, _)| *tag != EventTag::Message)
        .map(|(tag, n, amount)| EventRow {
            label: label(*tag),
            n: display::count(*n),
            amount: amount_text(*tag, *amount),
        })
        .collect()
}

/// Amounts that can be added up across events. Money cannot: its currencies differ.
fn amount_text(tag: EventTag, amount: i64) -> String {
    let amount = u64::try_from(amount).unwrap_or(0);
    match tag {
        EventTag::Gift => display::plural(amount, "subscription"),
        EventTag::Cheer => display::plural(amount, "bit"),
        EventTag::Raid => display::plural(amount, "viewer"),
        _ => "–".to_owned(),
    }
}

/// A kind in words, several of them.
pub(crate) const fn label(tag: EventTag) -> &'static str {
    match tag {
        EventTag::Message => "Messages",
        EventTag::Join => "Joins",
        EventTag::Follow => "Follows",
        EventTag::Subscription => "Subscriptions",
        EventTag::Gift => "Gifted subscriptions",
        EventTag::Cheer => "Cheers",
        EventTag::Raid => "Raids",
        EventTag::Donation => "Donations",
        EventTag::Reaction => "Reactions",
        EventTag::Warn => "Warnings",
        EventTag::Timeout => "Timeouts",
        EventTag::Kick => "Kicks",
        EventTag::Ban => "Bans",
        EventTag::StreamOnline => "Streams begun",
        EventTag::StreamOffline => "Streams ended",
    }
}

/// The first day of a bucket that holds a day; for tests of the sums.
#[cfg(test)]
pub(crate) fn sum_at(o: &Overview, buckets: &[Bucket], day: kernel::Day) -> u64 {
    let all = sums(o, buckets, |row| row.messages.iter().map(|(_, n)| n).sum());
    buckets
        .iter()
        .zip(all)
        .find(|(bucket, _)| bucket.first <= day && day < bucket.until)
        .map_or(0, |(_, n)| n)
}
