use kernel::{Entropy, Platform, Timestamp};
use proptest::prelude::*;

use super::{Occasion, SAID_MAX, VARIABLES, render};

/// Always the same byte.
struct Same(u8);

impl Entropy for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
        if let Some(first) = buffer.first_mut() {
            *first = self.0;
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn said_with(reply: &str, line: &str, byte: u8) -> String {
    let occasion = Occasion {
        user: "ann",
        line,
        arguments: &words(line),
        channel: "general",
        community: "Pond",
        platform: Platform::Twitch,
        count: 7,
        // 2026-06-01T12:00:00Z
        now: Timestamp::from_secs(1_780_315_200),
    };
    render(reply, &occasion, &Same(byte))
}

fn said(reply: &str, line: &str) -> String {
    said_with(reply, line, 0)
}

#[test]
fn every_variable_has_its_value() {
    for (reply, expected) in [
        ("hi {user}", "hi ann"),
        ("{args}", "@bob two three"),
        ("{2}-{1}-{9}", "two-@bob-"),
        ("hug {touser}", "hug bob"),
        (
            "{channel} of {community} on {platform}",
            "general of Pond on Twitch",
        ),
        ("{count} times", "7 times"),
        ("{time}", "12:00 UTC"),
        ("{time:+2} {time:-03:30} {time:+14:00}", "14:00 08:30 02:00"),
        ("{random:a|b|c}", "a"),
        ("{random:5-9}", "5"),
    ] {
        assert_eq!(said(reply, "@bob two three"), expected, "{reply}");
    }
    assert_eq!(
        said("hug {touser}", ""),
        "hug ann",
        "nobody named: the user"
    );
}

#[test]
fn every_documented_variable_is_one() {
    for variable in VARIABLES {
        for written in variable.written.split(' ').filter(|w| w.starts_with('{')) {
            assert_ne!(said(written, "bob"), written, "{written}");
        }
    }
}

#[test]
fn what_is_no_variable_stays_as_typed() {
    for reply in [
        "{}",
        "{0}",
        "{10}",
        "{01}",
        "{User}",
        "{nothing}",
        "{user",
        "a { b } c",
        "{time:Europe/Berlin}",
        "{time:+15}",
        "{time:+1:60}",
        "{time:2}",
        "{random}",
        "{random:}",
        "{random:7}",
        "{random:a-b}",
        "{random:1-99999999999}",
    ] {
        assert_eq!(said(reply, "bob"), reply);
    }
    assert_eq!(said("{{user}}", ""), "{ann}");
}

#[test]
fn chance_reaches_both_ends_and_nothing_beyond() {
    assert_eq!(said_with("{random:a|b|c}", "", 2), "c");
    assert_eq!(said_with("{random:a|b|c}", "", 3), "a");
    assert_eq!(said_with("{random:1-100}", "", 99), "100");
    assert_eq!(said_with("{random:1-100}", "", 100), "1");
    assert_eq!(said_with("{random:-5--3}", "", 2), "-3");
    assert_eq!(said_with("{random:100-1}", "", 0), "1");
}

#[test]
fn what_somebody_typed_is_not_filled_in_again() {
    assert_eq!(said("{args}", "{count} {user}"), "{count} {user}");
    assert_eq!(said("{1}{2}", "{us er}"), "{user}");
}

#[test]
fn nothing_said_begins_like_a_command_of_a_platform() {
    assert_eq!(said("/ban bob", ""), "ban bob");
    assert_eq!(said("{args}", "/ban bob"), "ban bob");
    assert_eq!(said("{1}{2}", "/ /me"), "me");
    assert_eq!(said(" \u{200b}./ .ban bob", ""), "ban bob");
    assert_eq!(said("{args}", "..."), "");
    assert_eq!(said("see /rules", ""), "see /rules");
}

#[test]
fn a_reply_has_an_end() {
    let long = said(&"{args}".repeat(80), &"x".repeat(400));
    assert_eq!(long.chars().count(), SAID_MAX);
    assert!(long.ends_with('…'));
}

proptest! {
    #[test]
    fn whatever_is_written_and_typed_the_reply_is_short_and_harmless(
        reply in ".{0,120}", typed in ".{0,120}", byte in any::<u8>()
    ) {
        let said = said_with(&reply, &typed, byte);
        prop_assert!(said.chars().count() <= SAID_MAX);
        prop_assert!(!said.trim_start().starts_with(['/', '.']));
    }

    #[test]
    fn a_reply_without_braces_says_itself(reply in "[a-z][a-z ,!@#]{0,60}[a-z]") {
        prop_assert_eq!(said(&reply, "x"), reply);
    }
}
