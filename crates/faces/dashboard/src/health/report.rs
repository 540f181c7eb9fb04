//! Each table of a health page as a CSV: raw numbers, ISO dates, one row per day. Pure.

use activity::Overview;
use kernel::{Platform, event::EventTag};

use crate::{csv::Csv, display::WEEKDAYS};

/// The report of a name; `None` if there is no such report.
pub(crate) fn csv(name: &str, o: &Overview) -> Option<Csv> {
    Some(match name {
        "messages" => messages(o),
        "people" => people(o),
        "hours" => hours(o),
        "retention" => retention(o),
        "platforms" => platforms(o),
        "moderation" => kinds(
            "measure",
            o.moderation_kinds.iter().map(|(t, n)| (*t, *n, 0)),
        ),
        "events" => kinds("event", o.events.iter().copied()),
        _ => return None,
    })
}

fn messages(o: &Overview) -> Csv {
    let mut csv = Csv::new(std::iter::once("day").chain(Platform::ALL.map(Platform::as_str)));
    for row in &o.daily {
        let counts = Platform::ALL.map(|platform| {
            row.messages
                .iter()
                .filter(|(p, _)| *p == platform)
                .map(|(_, n)| *n)
                .sum::<u64>()
                .into()
        });
        csv.row(std::iter::once(row.day.to_string().into()).chain(counts));
    }
    csv
}

fn people(o: &Overview) -> Csv {
    let mut csv = Csv::new(["day", "active", "newcomers", "moderation"]);
    for row in &o.daily {
        csv.row([
            row.day.to_string().into(),
            row.active.into(),
            row.newcomers.into(),
            row.moderation.into(),
        ]);
    }
    csv
}

fn hours(o: &Overview) -> Csv {
    let mut csv = Csv::new(["weekday", "hour_utc", "messages"]);
    for (day, hours) in WEEKDAYS.into_iter().zip(&o.heat) {
        for (hour, n) in (0_u64..).zip(hours) {
            csv.row([day.into(), hour.into(), (*n).into()]);
        }
    }
    csv
}

fn retention(o: &Overview) -> Csv {
    let mut csv = Csv::new(["cohort_week", "size", "weeks_later", "active"]);
    for cohort in &o.cohorts {
        for (k, n) in (0_u64..).zip(&cohort.active) {
            csv.row([
                cohort.week.to_string().into(),
                cohort.size.into(),
                k.into(),
                (*n).into(),
            ]);
        }
    }
    csv
}

fn platforms(o: &Overview) -> Csv {
    let mut csv = Csv::new(["platform", "messages", "active", "newcomers"]);
    for row in &o.platforms {
        csv.row([
            row.platform.as_str().into(),
            row.messages.into(),
            row.active.into(),
            row.newcomers.into(),
        ]);
    }
    csv
}

fn kinds(head: &str, rows: impl Iterator<Item = (EventTag, u64, i64)>) -> Csv {
    let mut csv = Csv::new([head, "count", "amount"]);
    for (tag, n, amount) in rows {
        csv.row([tag.as_str().into(), n.into(), amount.into()]);
    }
    csv
}
