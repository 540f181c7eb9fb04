use kernel::{Button, ButtonStyle, Colour, Draft, Field};

use super::letter;
use crate::mail::{MAX_BODY_BYTES, MAX_SUBJECT_BYTES};

fn draft() -> Draft {
    Draft {
        title: Some("Race\nnight".into()),
        body: "Tonight <b>at 8</b> & more.\nSee https://ducks.example/race?a=1&b=2.\n\nBye".into(),
        fields: vec![Field {
            name: "Where".into(),
            value: "The \"pond\"".into(),
            is_inline: true,
        }],
        buttons: vec![
            Button::Link {
                url: "https://bot.example/e/7".into(),
                label: "Page".into(),
            },
            Button::Link {
                url: "javascript:alert(1)".into(),
                label: "Bad".into(),
            },
        ],
        image: Some("https://bot.example/pond.png".into()),
        colour: Some(Colour(0x00ff_cc00)),
    }
}

#[test]
fn every_part_is_in_text_and_html_and_nothing_is_markup() {
    let letter = letter(&draft());
    assert_eq!(letter.subject, "Race night");
    assert_eq!(
        letter.text,
        "Race night\n\nTonight <b>at 8</b> & more.\nSee https://ducks.example/race?a=1&b=2.\n\nBye\n\n\
         Where: The \"pond\"\n\nhttps://bot.example/pond.png\n\nPage: https://bot.example/e/7\n"
    );
    for part in [
        "<h1>Race night</h1>",
        "Tonight &lt;b&gt;at 8&lt;/b&gt; &amp; more.<br>See ",
        "<a href=\"https://ducks.example/race?a=1&amp;b=2\">https://ducks.example/race?a=1&amp;b=2</a>.",
        "<p>Bye</p>",
        "<dt>Where</dt><dd>The &quot;pond&quot;</dd>",
        "<img src=\"https://bot.example/pond.png\" alt=\"Race night\">",
        "<a class=\"button\" href=\"https://bot.example/e/7\">Page</a>",
        "border-left-color:#ffcc00",
        "prefers-color-scheme:dark",
    ] {
        assert!(
            letter.html.contains(part),
            "{part} is not in {}",
            letter.html
        );
    }
    assert!(!letter.html.contains("javascript") && !letter.text.contains("javascript"));
    assert!(letter.was_cut, "a bad address was left out");
}

#[test]
fn nothing_is_loaded_from_elsewhere_unless_the_draft_has_a_picture() {
    let html = letter(&Draft::text("hi")).html;
    for loads in ["src=", "href=", "url(", "@import", "<link", "<script"] {
        assert!(!html.contains(loads), "{loads}");
    }
}

#[test]
fn a_draft_without_title_is_called_after_its_first_line() {
    let subject = |draft: &Draft| letter(draft).subject;
    assert_eq!(
        subject(&Draft::text("\n\n hello  there\nmore")),
        "hello there"
    );
    let field = Field {
        name: "Score".into(),
        value: "7".into(),
        is_inline: false,
    };
    let draft = Draft {
        fields: vec![field],
        ..Draft::default()
    };
    assert_eq!(subject(&draft), "Score");
    assert_eq!(subject(&Draft::default()), "WaddleBot");
}

#[test]
fn whatever_is_drafted_is_a_mail_that_may_be_sent() {
    let family = "👨‍👩‍👧‍👦";
    let huge = Draft {
        title: Some(family.repeat(300)),
        body: "<&\"".repeat(100_000),
        fields: (0..300)
            .map(|_| Field {
                name: "n\r\nBcc: x".into(),
                value: "'".repeat(5_000),
                is_inline: false,
            })
            .collect(),
        ..Draft::default()
    };
    let letter = letter(&huge);
    assert!(letter.was_cut);
    assert!(letter.subject.len() <= MAX_SUBJECT_BYTES);
    assert!(
        letter.subject.trim_end_matches('…').ends_with(family),
        "a whole family"
    );
    assert!(!letter.subject.chars().any(char::is_control));
    assert!(letter.text.len() <= MAX_BODY_BYTES && letter.html.len() <= MAX_BODY_BYTES);
    assert!(!letter.text.contains('\r'));
}

#[test]
fn a_button_that_is_pressed_cannot_be_in_a_mail() {
    let mut draft = Draft::text("Come?");
    draft.buttons = vec![Button::Press {
        id: "calendar:rsvp:7".into(),
        label: "I come".into(),
        style: ButtonStyle::Primary,
    }];
    let letter = letter(&draft);
    assert!(letter.was_cut);
    assert!(!letter.html.contains("rsvp"));
}
