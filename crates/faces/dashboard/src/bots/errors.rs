//! The mistakes to expect at a threshold, in words: of a hundred people so many are called bots, of a hundred bots so many
//! are missed.
//!
//! Must never reckon: that is the service's.

use ::bots::{ErrorRates, ExpectedErrors, Setting};

use super::percent;
use crate::display;

/// What is to be expected from one threshold on.
pub(crate) struct Row {
    /// `Likely, from 70 % on`
    pub(crate) label: String,
    /// Of a hundred people, how many are called a bot.
    pub(crate) accused: String,
    /// Of a hundred bots, how many are missed.
    pub(crate) missed: String,
}

/// The two thresholds of a setting with what is to be expected of them; nothing where nothing is known.
pub(crate) fn rows(setting: &Setting, errors: &ExpectedErrors) -> Vec<Row> {
    let row = |word: &str, at, rates: Option<ErrorRates>| {
        rates.map(|_| Row {
            label: format!("{word}, from {} % on", percent::shown(at)),
            accused: accused(rates),
            missed: missed(rates),
        })
    };
    let likely = row("Likely", setting.likely, errors.likely);
    let possible = row("Possible or more", setting.possible, errors.possible);
    likely.into_iter().chain(possible).collect()
}

/// Of a hundred people, how many are called a bot.
pub(crate) fn accused(rates: Option<ErrorRates>) -> String {
    rates.map_or_else(unknown, |rates| of_hundred(rates.false_positive))
}

/// Of a hundred bots, how many are missed.
pub(crate) fn missed(rates: Option<ErrorRates>) -> String {
    rates.map_or_else(unknown, |rates| of_hundred(rates.false_negative))
}

fn unknown() -> String {
    "–".to_owned()
}

/// `12`, `3.4`; what is there but too little to be told is not nothing.
fn of_hundred(share: f64) -> String {
    let n = share * 100.0;
    if n > 0.0 && n < 0.1 {
        "< 0.1".to_owned()
    } else {
        display::figure(n)
    }
}

/// Where the numbers come from, or why there are none.
pub(crate) fn note(errors: &ExpectedErrors) -> String {
    if errors.model.is_none() {
        return "The rules judge here. How often they are wrong was not measured.".to_owned();
    }
    let who = super::judge(errors.model);
    match errors.measured_on {
        Some(on) => format!(
            "Measured on {} and {} of which {who} had learned nothing. Here it may be otherwise.",
            people(on.people),
            display::plural(on.bots, "bot"),
        ),
        None => format!(
            "Here judges {who}, and it brings no validation figures: how often it is wrong is not known."
        ),
    }
}

/// The threshold that was chosen for who judges, in percent, unless it is the one of now.
pub(crate) fn best(setting: &Setting, errors: &ExpectedErrors) -> Option<String> {
    let best = errors.best.filter(|best| *best != setting.likely)?;
    Some(percent::shown(best))
}

fn people(n: u64) -> String {
    match n {
        1 => "1 person".to_owned(),
        n => format!("{} people", display::count(n)),
    }
}

#[cfg(test)]
mod tests {
    use ::bots::{ErrorRates, ExpectedErrors, MeasuredOn, Probability, Setting};

    use super::{accused, best, missed, note, rows};

    fn rates(false_positive: f64, false_negative: f64) -> ErrorRates {
        ErrorRates {
            false_positive,
            false_negative,
        }
    }

    #[test]
    fn little_is_not_nothing_and_what_is_not_known_is_not_told() {
        for (share, text) in [
            (0.0, "0"),
            (0.0003, "< 0.1"),
            (0.004, "0.4"),
            (0.123, "12"),
            (1.0, "100"),
        ] {
            assert_eq!(accused(Some(rates(share, 0.0))), text);
            assert_eq!(missed(Some(rates(0.0, share))), text);
        }
        assert_eq!(accused(None), "–");
        assert!(rows(&Setting::default(), &ExpectedErrors::default()).is_empty());
    }

    #[test]
    fn the_note_says_who_was_measured_and_on_whom_or_that_nobody_was() {
        let none = ExpectedErrors::default();
        assert!(
            note(&none).starts_with("The rules judge here."),
            "{}",
            note(&none)
        );
        let bare = ExpectedErrors {
            model: Some(7),
            ..none.clone()
        };
        assert!(note(&bare).contains("model 7, and it brings no validation figures"));
        let known = ExpectedErrors {
            model: Some(0),
            measured_on: Some(MeasuredOn {
                people: 1_200,
                bots: 1,
            }),
            likely: Some(rates(0.01, 0.2)),
            possible: None,
            best: Some(Probability::percent(58)),
        };
        assert!(
            note(&known)
                .starts_with("Measured on 1,200 people and 1 bot of which the model that ships"),
            "{}",
            note(&known)
        );
        let setting = Setting::default();
        assert_eq!(best(&setting, &known).as_deref(), Some("58"));
        assert_eq!((best(&setting, &none), best(&setting, &bare)), (None, None));
        let same = ExpectedErrors {
            best: Some(setting.likely),
            ..none.clone()
        };
        assert_eq!(best(&setting, &same), None, "it is the one of now");
        let rows = rows(&setting, &known);
        let told: Vec<(&str, &str, &str)> = rows
            .iter()
            .map(|row| {
                (
                    row.label.as_str(),
                    row.accused.as_str(),
                    row.missed.as_str(),
                )
            })
            .collect();
        assert_eq!(told, [("Likely, from 70 % on", "1", "20")]);
    }
}
