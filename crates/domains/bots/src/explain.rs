//! Why an account got its score, in words people can check: what each signal contributed, its value, the median member's
//! value, and a sentence.
//!
//! Must never make up a cause: where a model cannot be explained, there is none.

use std::collections::BTreeMap;

use ml::{Explainer, Model};

use crate::{
    Cause,
    features::{Norms, SCHEMA, Signal, Vector},
    rules::{Rule, Verdict},
};

/// How many causes are told.
const TOLD: usize = 8;

/// A value that differs from the median by less than this factor is not called so many times it.
const NOTABLE: f64 = 1.5;

/// What a signal's number is, so that it can be shown: read off the words that describe its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scale {
    Share,
    Count,
    Secs,
    Minutes,
    Days,
    Plain,
}

impl Scale {
    fn of(signal: &Signal) -> Self {
        let range = signal.range;
        if range.starts_with("0 to 1") {
            Self::Share
        } else if range.starts_with("log10 of seconds") {
            Self::Secs
        } else if range.starts_with("log2 of whole minutes") {
            Self::Minutes
        } else if range.starts_with("log2 of days") {
            Self::Days
        } else if range.starts_with("log2") {
            Self::Count
        } else {
            Self::Plain
        }
    }

    /// The number people think in.
    fn natural(self, signal: &Signal, value: f64) -> f64 {
        match self {
            Self::Share | Self::Plain => value,
            Self::Secs => 10_f64.powf(value),
            Self::Minutes | Self::Days => value.exp2() - 1.0,
            Self::Count if signal.range.starts_with("log2 of one more") => value.exp2() - 1.0,
            Self::Count => value.exp2(),
        }
    }

    fn shown(self, natural: f64) -> String {
        match self {
            Self::Share => format!("{:.0} %", natural * 100.0),
            Self::Secs => span(natural),
            Self::Minutes => span(natural * 60.0),
            Self::Days => span(natural * 86_400.0),
            Self::Count | Self::Plain => number(natural),
        }
    }
}

fn number(value: f64) -> String {
    if value.abs() < 9.95 && (value - value.round()).abs() > 0.05 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn span(secs: f64) -> String {
    let several = |n: f64, unit: &str| {
        let n = number(n);
        let s = if n == "1" { "" } else { "s" };
        format!("{n} {unit}{s}")
    };
    match secs {
        ..90.0 => several(secs, "second"),
        ..5_400.0 => several(secs / 60.0, "minute"),
        ..129_600.0 => several(secs / 3_600.0, "hour"),
        _ => several(secs / 86_400.0, "day"),
    }
}

/// The signal that is made of the distances of all others: by itself it says nothing that can be checked.
const ODDITY: &str = "oddity";

/// How many of the signals that an account is odd in are named.
const ODD_IN: usize = 3;

/// A signal's name as words.
fn in_words(signal: &Signal) -> String {
    signal.name.replace('_', " ")
}

/// What is said of an account of which a signal could not be measured, and of whom that is more usual.
fn not_measured(signal: &Signal, share: f64) -> String {
    let whom = if share < 0.0 { "people" } else { "bots" };
    format!(
        "shows nothing to measure “{}” by, which is more usual of {whom}",
        in_words(signal)
    )
}

/// In which signals an account is furthest from the median member, as the end of a sentence.
fn odd_in(vector: &Vector) -> String {
    let distances = SCHEMA.columns().iter().zip(vector.values());
    let mut far: Vec<(f32, &Signal)> = distances
        .filter(|(column, value)| {
            column.against_norms && column.place < SCHEMA.len() && value.is_finite()
        })
        .map(|(column, value)| (value.abs(), column.signal))
        .filter(|(distance, _)| *distance > 1.0)
        .collect();
    far.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<String> = far
        .into_iter()
        .take(ODD_IN)
        .map(|(_, signal)| in_words(signal))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", most in {}", names.join(", "))
    }
}

/// What is said of an account whose signal has this value, where the median member has that one.
fn sentence(signal: &Signal, value: f64, median: Option<f64>) -> String {
    let is_high = median.is_none_or(|median| value >= median);
    let words = if is_high { signal.high } else { signal.low };
    if !words.contains("{value}") {
        return words.to_owned();
    }
    let scale = Scale::of(signal);
    let natural = scale.natural(signal, value);
    let said = words.replace("{value}", &scale.shown(natural));
    let Some(median) = median else {
        return said;
    };
    let usual = scale.natural(signal, median);
    let times = natural / usual;
    let is_counted = !matches!(scale, Scale::Share | Scale::Plain);
    if is_counted && usual >= 1.0 && times >= NOTABLE {
        return format!("{said}, {} times the median member's", number(times));
    }
    format!("{said} (the median member: {})", scale.shown(usual))
}

/// What contributed most to a model's answer, the strongest first, and last what cannot be checked; `slope` turns contributions into log-odds of the
/// probability that is shown. `None` if the model cannot say.
pub(crate) fn by_model(
    model: &Model,
    row: &[f32],
    slope: f64,
    vector: &Vector,
    norms: &Norms,
) -> Vec<Cause> {
    let contributions = match model {
        Model::Trees(ensemble) if ensemble.is_covered() => {
            Explainer::new(ensemble).contributions(row)
        }
        Model::Trees(_) => return Vec::new(),
        Model::Linear(_) => model.explain(row).contributions,
    };
    // A signal counts once, however many of its numbers the model looks at.
    let mut by_signal: BTreeMap<&'static str, (&'static Signal, usize, f64)> = BTreeMap::new();
    for (name, share) in model.names().iter().zip(contributions) {
        let column = SCHEMA
            .position(name)
            .map(|place| (place, SCHEMA.columns().get(place)));
        let Some((place, Some(column))) = column else {
            continue;
        };
        // What is put together of several signals has only the number against the norms.
        let shown = if column.place < SCHEMA.len() {
            column.place
        } else {
            place
        };
        let entry = by_signal
            .entry(column.signal.name)
            .or_insert((column.signal, shown, 0.0));
        entry.2 += share * slope;
    }
    let mut causes: Vec<Cause> = by_signal
        .into_values()
        .filter(|(_, _, share)| share.is_finite() && share.abs() > 1e-6)
        .map(|(signal, place, share)| {
            let value = vector.values().get(place).copied().unwrap_or(f32::NAN);
            let median = norms.middle(place).filter(|middle| middle.is_finite());
            cause(signal, value, median, share)
        })
        .collect();
    causes.sort_by(|a, b| b.share.abs().total_cmp(&a.share.abs()));
    causes.truncate(TOLD);
    for cause in &mut causes {
        if cause.signal == ODDITY && cause.value > cause.median {
            cause.sentence.push_str(&odd_in(vector));
        }
    }
    causes.sort_by_key(|cause| cause.signal == ODDITY);
    causes
}

fn cause(signal: &Signal, value: f32, median: Option<f32>, share: f64) -> Cause {
    let (value, median) = (f64::from(value), median.map(f64::from));
    Cause {
        signal: signal.name.to_owned(),
        value: value.is_finite().then_some(value),
        median,
        share,
        sentence: if value.is_nan() {
            not_measured(signal, share)
        } else {
            sentence(signal, value, median)
        },
    }
}

/// What the rules found, the surest first. Their share is how sure they are, from 0 to 1.
pub(crate) fn by_rules(verdict: &Verdict) -> Vec<Cause> {
    let found = verdict.findings.iter().map(|found| Cause {
        signal: found.rule.as_str().to_owned(),
        value: Some(found.count),
        median: None,
        share: found.confidence / 100.0,
        sentence: said(found.rule, found.count),
    });
    found.take(TOLD).collect()
}

fn said(rule: Rule, count: f64) -> String {
    let n = number(count);
    match rule {
        Rule::SpamBurst => format!("posted {n} messages within a minute"),
        Rule::Duplicate => format!("said the same {n} times within half an hour"),
        Rule::Coordinated => {
            format!("said {n} times within an hour what two other accounts had said just before")
        }
        Rule::Timer => format!("waited equally long {n} times"),
        Rule::RoundTheClock => format!("is active in {n} hours of the day"),
        Rule::Reputation => format!("has a reputation of only {n}"),
        Rule::Moderated => format!("has been moderated {n} times"),
        // Whoever knows the lists says it with their names.
        Rule::Phishing => format!("linked {n} times to domains that are on lists of phishing"),
    }
}

#[cfg(test)]
mod tests {
    use super::{cause, sentence, span};
    use crate::features::{SCHEMA, Signal};

    fn signal(name: &str) -> &'static Signal {
        SCHEMA.signals().find(|signal| signal.name == name).unwrap()
    }

    #[test]
    fn a_sentence_says_how_many_times_the_median_or_what_the_median_is() {
        let pace = signal("messages_per_active_day");
        let of = |value: f64, median: f64| sentence(pace, value.log2(), Some(median.log2()));
        assert_eq!(
            of(56.0, 4.0),
            "posts 56 messages on an active day, 14 times the median member's"
        );
        assert_eq!(
            of(2.0, 4.0),
            "posts only 2 messages on an active day (the median member: 4)"
        );
        let repeats = signal("repeated_texts");
        assert_eq!(
            sentence(repeats, 0.8, Some(0.03)),
            "repeats 80 % of its messages word by word (the median member: 3 %)"
        );
        assert_eq!(
            sentence(repeats, 0.0, Some(0.03)),
            "never says the same twice"
        );
        assert_eq!(
            [0.4, -0.4]
                .map(|share| cause(signal("answers_too_fast"), f32::NAN, None, share).sentence),
            ["bots", "people"].map(|whom| format!(
                "shows nothing to measure “answers too fast” by, which is more usual of {whom}"
            ))
        );
    }

    #[test]
    fn spans_of_time_are_told_in_their_unit() {
        assert_eq!(span(1.0), "1 second");
        assert_eq!(span(120.0), "2 minutes");
        assert_eq!(span(7_200.0), "2 hours");
        assert_eq!(span(86_400.0 * 40.0), "40 days");
    }
}
