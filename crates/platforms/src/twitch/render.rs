//! A draft as one line of chat: at most 500 characters, no commands, no mentions unless wanted.
//! Pure.
//!
//! Buttons that come back to us cannot be pressed on Twitch and are left out; links become text.

use kernel::{Button, Draft};
use unicode_segmentation::UnicodeSegmentation;

use crate::text::{Measure, cut, one_line};

/// The longest message («Send Chat Message»: 500 characters).
const TEXT_MAX: usize = 500;
/// What stands between the parts of a draft.
const BETWEEN: &str = " · ";
/// A sign that looks like «@» and mentions nobody.
const HARMLESS: &str = "＠";

/// Who may be mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// These logins, lower-case.
    Only(Vec<String>),
    /// Whoever the text names.
    Anybody,
}

/// A line, and whether something had to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) was_cut: bool,
}

/// The line; `None` if nothing is left to say.
pub(super) fn line(draft: &Draft, named: &Named) -> Option<Line> {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !text.is_empty() {
            parts.push(text);
        }
    };
    add(one_line(draft.title.as_deref().unwrap_or_default()));
    add(one_line(&draft.body));
    for field in &draft.fields {
        let (name, value) = (one_line(&field.name), one_line(&field.value));
        add(match (name.is_empty(), value.is_empty()) {
            (false, false) => format!("{name}: {value}"),
            _ => format!("{name}{value}"),
        });
    }
    for button in &draft.buttons {
        if let Button::Link { url, label } = button {
            add(one_line(&format!("{label}: {url}")));
        }
    }
    add(one_line(draft.image.as_deref().unwrap_or_default()));
    let text = harmless(&parts.join(BETWEEN), named);
    let text = no_command(&text);
    let (text, was_cut) = cut(text, TEXT_MAX, Measure::Chars);
    let says_something = text
        .graphemes(true)
        .any(|cluster| cluster.chars().any(is_seen));
    says_something.then_some(Line { text, was_cut })
}

/// Whether a character shows.
fn is_seen(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Without what makes Twitch take the line for a command: leading `/` and `.`, also behind spaces
/// and characters that do not show.
fn no_command(text: &str) -> &str {
    text.trim_start_matches(|c| matches!(c, '/' | '.') || !is_seen(c))
}

fn harmless(text: &str, named: &Named) -> String {
    let Named::Only(logins) = named else {
        return text.to_owned();
    };
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        safe.push_str(before);
        let after = after.strip_prefix('@').unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        let name = after.get(..end).unwrap_or_default().to_lowercase();
        // An address is no mention: its «@» follows a letter.
        let is_address = before.ends_with(is_name);
        if is_address || logins.contains(&name) || (name.is_empty() && after.starts_with(' ')) {
            safe.push('@');
        } else {
            safe.push_str(HARMLESS);
        }
        rest = after;
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use kernel::{Button, ButtonStyle, Draft, Field};
    use proptest::prelude::*;

    use super::{Line, Named, TEXT_MAX, line};

    fn said(text: &str) -> Option<String> {
        line(&Draft::text(text), &Named::Only(Vec::new())).map(|line| line.text)
    }

    #[test]
    fn a_draft_becomes_one_line() {
        let draft = Draft {
            title: Some("Race night".into()),
            body: "Tonight,\nat the pond.".into(),
            fields: vec![
                Field {
                    name: "When".into(),
                    value: "20:00".into(),
                    is_inline: true,
                },
                Field {
                    name: "Open".into(),
                    value: String::new(),
                    is_inline: true,
                },
            ],
            buttons: vec![
                Button::Press {
                    id: "a:b:c".into(),
                    label: "I come".into(),
                    style: ButtonStyle::Plain,
                },
                Button::Link {
                    url: "https://bot.example.org/e/7".into(),
                    label: "Page".into(),
                },
            ],
            image: Some("https://bot.example.org/p.png".into()),
            colour: None,
        };
        let Line { text, was_cut } = line(&draft, &Named::Anybody).unwrap();
        assert_eq!(
            text,
            "Race night · Tonight, at the pond. · When: 20:00 · Open · Page: https://bot.example.org/e/7 · https://bot.example.org/p.png"
        );
        assert!(!was_cut);
    }

    #[test]
    fn no_text_is_a_command() {
        assert_eq!(said("/ban ann").as_deref(), Some("ban ann"));
        assert_eq!(said(" ./. /timeout ann").as_deref(), Some("timeout ann"));
        assert_eq!(said("\n/clear").as_deref(), Some("clear"));
        assert_eq!(said("\u{200b}/clear").as_deref(), Some("clear"));
        assert_eq!(said("...").as_deref(), None);
        assert_eq!(said("1/2 done.").as_deref(), Some("1/2 done."));
    }

    #[test]
    fn nobody_is_mentioned_unless_wanted() {
        assert_eq!(said("hi @everyone").as_deref(), Some("hi ＠everyone"));
        assert_eq!(
            said("mail ann@example.org").as_deref(),
            Some("mail ann@example.org")
        );
        let draft = Draft::text("@Ann and @bob");
        let only = Named::Only(vec!["ann".into()]);
        assert_eq!(line(&draft, &only).unwrap().text, "@Ann and ＠bob");
        assert_eq!(line(&draft, &Named::Anybody).unwrap().text, "@Ann and @bob");
    }

    #[test]
    fn a_long_text_is_cut_with_notice_and_an_empty_one_is_not_said() {
        let cut = line(&Draft::text("🦆".repeat(600)), &Named::Anybody).unwrap();
        assert!(cut.was_cut && cut.text.ends_with('…'));
        assert_eq!(cut.text.chars().count(), TEXT_MAX);
        assert_eq!(said(" \n"), None);
        assert_eq!(said("\u{200b}"), None);
    }

    proptest! {
        #[test]
        fn a_line_is_never_a_command_never_long_never_broken(text in "[/. \n\t@a-zé🦆\u{200b}\u{0}]{0,700}") {
            if let Some(line) = line(&Draft::text(text), &Named::Only(Vec::new())) {
                prop_assert!(!line.text.starts_with(['/', '.', ' ']));
                prop_assert!(line.text.chars().count() <= TEXT_MAX);
                prop_assert!(!line.text.chars().any(char::is_control));
            }
        }
    }
}
