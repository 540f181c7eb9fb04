//! Cutting texts where a reader sees a border, and making mentions harmless: what all platforms
//! share. Pure. Must never cut inside a grapheme cluster (UAX #29) or silently.

use unicode_segmentation::UnicodeSegmentation;

/// How a platform counts the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Unicode scalar values (Slack, Twitch).
    Chars,
    /// UTF-16 code units (Discord counts these: «…» is one, most emoji are two).
    Utf16,
}

impl Measure {
    /// The length of a text.
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// What stands at the end of a text that was cut.
const MORE: &str = "…";

/// The text, cut to at most `max` on a border between grapheme clusters, with «…» where something is
/// missing; and whether something is. Prefers the end of a word in the last fifth.
pub fn cut(text: &str, max: usize, measure: Measure) -> (String, bool) {
    if measure.of(text) <= max {
        return (text.to_owned(), false);
    }
    let room = max.saturating_sub(measure.of(MORE));
    let mut used = 0;
    let mut end = 0;
    let mut word_end = None;
    for (at, cluster) in text.grapheme_indices(true) {
        let n = measure.of(cluster);
        if used + n > room {
            break;
        }
        if cluster.chars().all(char::is_whitespace) && used * 5 >= room * 4 {
            word_end = Some(at);
        }
        used += n;
        end = at + cluster.len();
    }
    let kept = text.get(..word_end.unwrap_or(end)).unwrap_or_default();
    let more = if max >= measure.of(MORE) { MORE } else { "" };
    (format!("{}{more}", kept.trim_end()), true)
}

/// The text on one line: breaks and other control characters become spaces, runs of them one.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Without control characters other than line break and tab.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::{Measure, cut, one_line, printable};

    #[test]
    fn a_text_that_fits_is_left_alone_and_a_longer_one_says_so() {
        assert_eq!(cut("ducks", 5, Measure::Chars), ("ducks".into(), false));
        assert_eq!(cut("ducklings", 5, Measure::Chars), ("duck…".into(), true));
        assert_eq!(
            cut("all the ducks of the pond", 24, Measure::Chars),
            ("all the ducks of the…".into(), true)
        );
        assert_eq!(cut("abc", 0, Measure::Chars), (String::new(), true));
    }

    #[test]
    fn a_family_is_never_torn_apart() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(Measure::Utf16.of(family), 11);
        assert_eq!(
            cut(&family.repeat(2), 13, Measure::Utf16),
            (format!("{family}…"), true)
        );
        assert_eq!(
            cut(&family.repeat(2), 11, Measure::Utf16),
            ("…".into(), true)
        );
        assert_eq!(
            cut("ee\u{301}e\u{301}", 3, Measure::Chars),
            ("e…".into(), true)
        );
    }

    #[test]
    fn lines_are_joined_and_controls_removed() {
        assert_eq!(one_line(" a\r\n\tb \u{7} c"), "a b c");
        assert_eq!(printable("a\u{0}\nb\u{1b}[0m"), "a\nb[0m");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits_and_is_made_of_whole_clusters(text in "\\PC{0,80}", max in 1_usize..60) {
            for measure in [Measure::Chars, Measure::Utf16] {
                let (short, was_cut) = cut(&text, max, measure);
                prop_assert!(measure.of(&short) <= max);
                prop_assert_eq!(was_cut, measure.of(&text) > max);
                if was_cut {
                    let kept = short.strip_suffix('…').unwrap();
                    prop_assert!(text.starts_with(kept));
                    let borders: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
                    prop_assert!(borders.contains(&kept.len()) || text[kept.len()..].starts_with(char::is_whitespace));
                }
            }
        }
    }
}
