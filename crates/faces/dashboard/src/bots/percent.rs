//! Probabilities as people type and read them: in percent, with a point or a comma.

use ::bots::Probability;

/// What is told of a text that is none.
pub(crate) const WRONG: &str = "use a number of percent from 1 to 100";

/// A probability typed in percent; `None` for what is not one.
pub(crate) fn read(text: &str) -> Option<Probability> {
    let text = text.trim().trim_end_matches('%').trim_end();
    let percent = text.replace(',', ".").parse().ok()?;
    Probability::from_percent(percent)
}

/// A probability as it is typed: `70`, `62.5`.
pub(crate) fn shown(probability: Probability) -> String {
    probability.as_percent().to_string()
}

#[cfg(test)]
mod tests {
    use ::bots::Probability;

    use super::{read, shown};

    #[test]
    fn a_threshold_is_shown_as_it_was_typed() {
        for (text, same) in [
            ("70", "70"),
            (" 62,5 % ", "62.5"),
            ("99.9999", "99.9999"),
            ("100", "100"),
        ] {
            assert_eq!(read(text).map(shown).as_deref(), Some(same), "{text}");
        }
        assert_eq!(read("70"), Some(Probability::percent(70)));
        for wrong in ["", "most", "101", "-1", "NaN", "inf"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
