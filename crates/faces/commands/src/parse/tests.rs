use proptest::prelude::*;

use super::{ARGUMENTS_MAX, LINE_MAX, arguments, command, first_word};

fn parsed(text: &str) -> Option<(String, String)> {
    command("!", text).map(|typed| (typed.name, typed.line))
}

#[test]
fn a_command_is_a_prefix_and_a_name_at_the_beginning() {
    for (text, name, line) in [
        ("!ping", "ping", ""),
        ("  !Ping  ", "ping", ""),
        ("!hug @bob  and all ", "hug", "@bob  and all"),
        ("!add\tx", "add", "x"),
        ("!ping \u{e0000}", "ping", ""),
        ("!ping\u{e0000}", "ping", ""),
        ("!say one\ntwo", "say", "one\ntwo"),
    ] {
        assert_eq!(
            parsed(text),
            Some((name.to_owned(), line.to_owned())),
            "{text:?}"
        );
    }
    let long = format!("!{}", "a".repeat(33));
    for text in [
        "",
        "!",
        "!!!",
        "! ping",
        "ping",
        "say !ping",
        "!pïng",
        "!a.b",
        &long,
    ] {
        assert_eq!(parsed(text), None, "{text:?}");
    }
}

#[test]
fn another_prefix_is_another_prefix() {
    assert!(command("?", "!ping").is_none());
    assert_eq!(command("duck ", "duck ping x").unwrap().line, "x");
}

#[test]
fn arguments_are_words_or_quoted() {
    for (line, expected) in [
        ("", vec![]),
        ("a  b\nc", vec!["a", "b", "c"]),
        (r#"a "b c" d"#, vec!["a", "b c", "d"]),
        (r#""say \"hi\"" x"#, vec![r#"say "hi""#, "x"]),
        ("“b c”", vec!["b c"]),
        (r#"a "b c"#, vec!["a", "b c"]),
        (r#"it"s fine"#, vec![r#"it"s"#, "fine"]),
        (r#""""#, vec![""]),
    ] {
        assert_eq!(arguments(line), expected, "{line}");
    }
}

#[test]
fn the_first_word_leaves_the_rest_as_it_was_typed() {
    assert_eq!(
        first_word("  !hello  \"hi\"  there"),
        ("!hello", "\"hi\"  there")
    );
    assert_eq!(first_word("x"), ("x", ""));
    assert_eq!(first_word(""), ("", ""));
}

proptest! {
    #[test]
    fn whatever_is_typed_is_bounded(text in "!a .{0,900}") {
        if let Some(typed) = command("!", &text) {
            prop_assert!(typed.line.chars().count() <= LINE_MAX);
            prop_assert!(arguments(&typed.line).len() <= ARGUMENTS_MAX);
        }
    }

    #[test]
    fn plain_words_come_back_as_they_were(words in prop::collection::vec("[a-z@!.]{1,8}", 0..20)) {
        prop_assert_eq!(arguments(&words.join(" ")), words);
    }
}
