//! A prediction as moderators read it: what counted most as sentences with bars, and the same as a table.
//! What the rules found is told as such. Must never make up a cause that the service does not tell.

use ::bots::{Cause, Prediction, Probability, Setting, features::SCHEMA};
use kernel::Timestamp;

use super::Sure;
use crate::{
    charts::{
        Svg,
        bar::{pull, step},
    },
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
    /// How a model's causes come to the probability; `None` for the rules, and where nothing is told.
    pub(crate) ends: Option<Ends>,
}

/// Where the waterfall of a model's causes begins and ends. All are log-odds: 0 is as probable as not.
pub(crate) struct Ends {
    /// Where everybody begins, with all that counted less than what is told.
    pub(crate) begin: End,
    /// The probability.
    pub(crate) end: End,
}

/// One end of a waterfall.
pub(crate) struct End {
    /// From zero to there, drawn.
    pub(crate) bar: Svg,
    /// As a probability.
    pub(crate) percent: String,
    /// In log-odds.
    pub(crate) log_odds: String,
}

/// A waterfall: the steps by which the causes of a model come from where everybody begins to the probability.
struct Waterfall {
    /// Where each cause begins, and where the last one ends.
    levels: Vec<f64>,
    /// The least and the greatest level, zero among them.
    scale: (f64, f64),
}

impl Waterfall {
    /// Shares are log-odds of the same probability, so that what is not told is the rest.
    fn of(prediction: &Prediction) -> Self {
        let told: f64 = prediction.why.iter().map(|cause| cause.share).sum();
        let mut level = prediction.probability.log_odds() - told;
        let mut levels = vec![level];
        for cause in &prediction.why {
            level += cause.share;
            levels.push(level);
        }
        let low = levels.iter().copied().fold(0.0, f64::min);
        let high = levels.iter().copied().fold(0.0, f64::max);
        Self {
            levels,
            scale: (low, high),
        }
    }

    fn bars(&self) -> Vec<Svg> {
        let pairs = self.levels.iter().zip(self.levels.iter().skip(1));
        pairs
            .map(|(from, to)| step(*from, *to, self.scale))
            .collect()
    }

    fn ends(&self) -> Option<Ends> {
        let end = |level: f64| End {
            bar: step(0.0, level, self.scale),
            percent: display::percent(Probability::of_log_odds(level).value()),
            log_odds: signed(level),
        };
        Some(Ends {
            begin: end(*self.levels.first()?),
            end: end(*self.levels.last()?),
        })
    }
}

impl View {
    pub(crate) fn of(prediction: &Prediction, setting: &Setting, now: Timestamp) -> Self {
        let is_by_rules = prediction.model.is_none();
        let (bars, ends) = if is_by_rules {
            let bars = prediction.why.iter().map(|cause| pull(cause.share, 1.0));
            (bars.collect(), None)
        } else {
            let waterfall = Waterfall::of(prediction);
            let is_told = !prediction.why.is_empty();
            (waterfall.bars(), waterfall.ends().filter(|_| is_told))
        };
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
                .zip(bars)
                .map(|(cause, bar): (_, Svg)| row(cause, is_by_rules, bar))
                .collect(),
            ends,
        }
    }
}

fn row(cause: &Cause, is_by_rules: bool, bar: Svg) -> CauseRow {
    let signal = SCHEMA
        .columns()
        .iter()
        .map(|column| column.signal)
        .find(|known| known.name == cause.signal);
    let (way, share) = if is_by_rules {
        let sure = display::percent(cause.share);
        (format!("{sure} sure"), sure)
    } else {
        let way = if cause.share < 0.0 {
            "towards a person"
        } else {
            "towards a bot"
        };
        (way.to_owned(), signed(cause.share))
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
    use ::bots::{Cause, Prediction, Probability};
    use kernel::Timestamp;

    use super::{Waterfall, measured, signed};

    #[test]
    fn what_counted_comes_step_by_step_from_where_everybody_begins_to_the_probability() {
        let cause = |share| Cause {
            signal: "pace".to_owned(),
            value: None,
            median: None,
            share,
            sentence: "posts fast".to_owned(),
        };
        let prediction = Prediction {
            id: 1,
            model: Some(1),
            probability: Probability::percent(50),
            by_rules: Probability::percent(1),
            why: vec![cause(3.0), cause(-1.0)],
            n_messages: 20,
            at: Timestamp(0),
        };
        let waterfall = Waterfall::of(&prediction);
        assert_eq!(waterfall.levels, [-2.0, 1.0, 0.0]);
        assert_eq!(waterfall.scale, (-2.0, 1.0));
        let ends = waterfall.ends().unwrap();
        assert_eq!(
            (ends.begin.percent.as_str(), ends.begin.log_odds.as_str()),
            ("12 %", "−2.00")
        );
        assert_eq!(ends.end.percent, "50 %");
        let bars: Vec<String> = waterfall.bars().iter().map(ToString::to_string).collect();
        assert!(
            bars[0].contains("m-bot\" x=\"0%\" width=\"100%\""),
            "{}",
            bars[0]
        );
        assert!(
            bars[1].contains("m-human\" x=\"66.67%\" width=\"33.33%\""),
            "{}",
            bars[1]
        );
        assert!(bars[1].contains("x1=\"66.67%\""), "{}", bars[1]);
    }

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
