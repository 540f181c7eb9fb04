//! The row of tiles: a number, how it changed, its course, and what exactly it means. Pure.

use activity::{Measure, Overview};

use crate::{
    charts::{Svg, spark::spark},
    display::{self, Change, Direction},
};

/// One tile.
pub(crate) struct Tile {
    /// A fragment name of the page's part that breaks the number down.
    pub(crate) target: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// The number.
    pub(crate) value: String,
    /// What stands below it when there is no change to tell.
    pub(crate) note: &'static str,
    /// How it changed.
    pub(crate) change: Option<Shown>,
    /// Its course.
    pub(crate) spark: Svg,
    /// The formula.
    pub(crate) definition: String,
}

/// A change as shown.
pub(crate) struct Shown {
    /// ▲, ▼ or =.
    pub(crate) arrow: &'static str,
    /// `12 %`.
    pub(crate) amount: String,
    /// `good`, `bad` or `plain`, a CSS class: colour is added to the arrow, not instead of it.
    pub(crate) tone: &'static str,
    /// The sentence behind it.
    pub(crate) spoken: String,
}

/// Whether more is better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Neither,
}

/// The tiles of a page.
pub(crate) fn tiles(o: &Overview) -> Vec<Tile> {
    let days = display::plural(o.period.days().into(), "day");
    let before = format!(
        "the {days} before ({} – {})",
        display::date(o.previous.from),
        display::date(o.previous.until.plus(-1))
    );
    let tile =
        |target, label, measure: &Measure, write: fn(f64) -> String, better, definition: String| {
            Tile {
                target,
                label,
                value: write(measure.value),
                note: if measure.previous.is_some() {
                    "no change"
                } else {
                    "no full period before"
                },
                change: display::change(measure.value, measure.previous)
                    .map(|change| shown(change, measure.previous.map(write), better, &before)),
                spark: spark(&measure.spark),
                definition,
            }
        };
    vec![
        tile(
            "people",
            "Daily active",
            &o.dau,
            display::figure,
            Better::More,
            format!("People who wrote on a day, averaged over the {days} of the period. Somebody with two linked accounts counts once."),
        ),
        tile(
            "people",
            "Weekly active",
            &o.wau,
            display::figure,
            Better::More,
            "People who wrote in the last 7 days of the period.".to_owned(),
        ),
        tile(
            "people",
            "Monthly active",
            &o.mau,
            display::figure,
            Better::More,
            "People who wrote in the last 30 days of the period.".to_owned(),
        ),
        tile(
            "people",
            "Stickiness",
            &o.stickiness,
            display::percent,
            Better::More,
            "Daily actives averaged over the last 30 days of the period, divided by monthly actives: the share of the month's people that an ordinary day sees.".to_owned(),
        ),
        tile(
            "messages",
            "Messages",
            &o.messages,
            display::figure,
            Better::More,
            "Chat messages sent in the period, on all platforms.".to_owned(),
        ),
        tile(
            "newcomers",
            "Newcomers",
            &o.newcomers,
            display::figure,
            Better::More,
            "People whose first message ever was in the period.".to_owned(),
        ),
        Tile {
            target: "retention",
            label: "30-day retention",
            value: o.retention.map_or_else(|| "–".to_owned(), display::percent),
            note: if o.retention.is_some() { "of newcomers stayed" } else { "too little data" },
            change: None,
            spark: Svg::default(),
            definition: "Of the people who first wrote 31 to 60 days before the end of the period, the share that wrote again in its last 30 days.".to_owned(),
        },
        tile(
            "moderation",
            "Moderation",
            &o.moderation,
            display::figure,
            Better::Neither,
            "Warnings, timeouts, kicks and bans in the period.".to_owned(),
        ),
    ]
}

fn shown(change: Change, previous: Option<String>, better: Better, before: &str) -> Shown {
    let (arrow, word) = match change.direction {
        Direction::Up => ("▲", "more than in"),
        Direction::Down => ("▼", "less than in"),
        Direction::Level => ("=", "different from"),
    };
    let tone = match (better, change.direction) {
        (Better::More, Direction::Up) => "good",
        (Better::More, Direction::Down) => "bad",
        _ => "plain",
    };
    let spoken = format!(
        "{} {word} {before}, which had {}",
        change.amount,
        previous.unwrap_or_default()
    );
    Shown {
        arrow,
        amount: change.amount,
        tone,
        spoken,
    }
}
