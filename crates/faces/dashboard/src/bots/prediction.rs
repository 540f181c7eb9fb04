//! A prediction as moderators read it: what counted most as sentences with bars, and the same as a table.
//! What the rules found is told as such. Must never make up a cause that the service does not tell.

use ::bots::{Cause, Prediction, Setting, features::SCHEMA};
use kernel::Timestamp;

use super::Sure;
use crate::{
    charts::{Svg, bar::pull},
    display::{self, When},
    error::sentence,
};

/// One thing that counted.
pub(crate) struct CauseRow {
    /// `Posts 56 messages on an active day, 14 times the median member's.`
    pub(crate) sentence: String,
    /// Which way it pulls, drawn.
    pub(crate) bar: Svg,
    /// The same in words.
    pub(crate) way: String,
    /// The signal's name.
    pub(crate) signal: String,
    /// What the signal measures; empty for a rule.
    pub(crate) meaning: &'static str,
    /// Its unit; empty for a rule.
    pub(crate) range: &'static str,
    /// Its value.
    pub(crate) value: String,
    /// The same of the median member.
    pub(crate) median: String,
    /// How much it moved the score.
    pub(crate) share: String,
}

/// A prediction.
pub(crate) struct View {
    /// Who said so.
    pub(crate) model: String,
    /// Whether it is the rules' own.
    pub(crate) is_by_rules: bool,
    /// How sure.
    pub(crate) sure: Sure,
    /// What the rules alone said.
    pub(crate) by_rules: Sure,
    /// How many messages it had seen.
    pub(crate) n_messages: String,
    /// When.
    pub(crate) at: When,
    /// What counted most.
    pub(crate) causes: Vec<CauseRow>,
}

impl View {
    pub(crate) fn of(prediction: &Prediction, setting: &Setting, now: Timestamp) -> Self {
        let is_by_rules = prediction.model.is_none();
        let most = prediction
            .why
            .iter()
            .map(|cause| cause.share.abs())
            .fold(0.0, f64::max);
        let sure = |probability| Sure::of(probability, setting.level(probability));
        Self {
            model: super::judge(prediction.model),
            is_by_rules,
            sure: sure(prediction.probability),
            by_rules: sure(prediction.by_rules),
            n_messages: display::plural(prediction.n_messages.into(), "message"),
            at: display::when(now, prediction.at),
            causes: prediction
                .why
                .iter()
                .map(|cause| row(cause, is_by_rules, most))
                .collect(),
        }
    }
}

fn row(cause: &Cause, is_by_rules: bool, most: f64) -> CauseRow {
    let signal = SCHEMA
        .columns()
        .iter()
        .map(|column| column.signal)
        .find(|known| known.name == cause.signal);
    let (way, share, bar) = if is_by_rules {
        let sure = display::percent(cause.share);
        (format!("{sure} sure"), sure, pull(cause.share, 1.0))
    } else {
        let way = if cause.share < 0.0 {
            "towards a person"
        } else {
            "towards a bot"
        };
        let bar = pull(cause.share, most);
        (way.to_owned(), signed(cause.share), bar)
    };
    CauseRow {
        sentence: sentence(&cause.sentence),
        bar,
        way,
        signal: cause.signal.replace('_', " "),
        meaning: signal.map_or("", |signal| signal.meaning),
        range: signal.map_or("", |signal| signal.range),
        value: measured(cause.value),
        median: measured(cause.median),
        share,
    }
}

/// A value as it was measured, with two digits after the point where it has them.
fn measured(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return "–".to_owned();
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.replace('-', "−")
}

/// `+1.20` or `−0.35`.
fn signed(value: f64) -> String {
    format!("{value:+.2}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::{measured, signed};

    #[test]
    fn values_have_two_digits_at_most_and_what_is_not_measured_is_a_dash() {
        for (value, text) in [
            (Some(14.0), "14"),
            (Some(-0.5), "−0.5"),
            (Some(1.236), "1.24"),
            (Some(-0.001), "0"),
            (Some(f64::NAN), "–"),
            (None, "–"),
        ] {
            assert_eq!(measured(value), text, "{value:?}");
        }
    }

    #[test]
    fn shares_tell_which_way() {
        assert_eq!(signed(1.2), "+1.20");
        assert_eq!(signed(-0.346), "−0.35");
    }
}
