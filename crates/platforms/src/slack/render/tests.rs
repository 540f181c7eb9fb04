use kernel::{Button, ButtonStyle, Colour, Draft, Field, Mentions};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{LINK, TOTAL, render};

fn blocks(draft: &Draft, mentions: &Mentions) -> Value {
    serde_json::to_value(render(draft, mentions).blocks).unwrap()
}

fn rich(elements: &Value) -> Value {
    json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]})
}

fn field(name: &str, value: &str, is_inline: bool) -> Field {
    Field {
        name: name.into(),
        value: value.into(),
        is_inline,
    }
}

#[test]
fn a_text_is_rich_text_whose_characters_mean_nothing() {
    let draft = Draft::text("*a* _b_ `c` <https://evil.example/|d> & > e");
    let rendered = render(&draft, &Mentions::Nobody);
    assert_eq!(
        serde_json::to_value(&rendered.blocks).unwrap(),
        json!([rich(&json!([
            {"type": "text", "text": "*a* _b_ `c` <"},
            {"type": "link", "url": "https://evil.example/"},
            {"type": "text", "text": "|d> & > e"},
        ]))])
    );
    assert_eq!(
        rendered.text,
        "*a* _b_ `c` &lt;https://evil.example/|d&gt; &amp; &gt; e"
    );
    assert!(!rendered.was_cut);
}

#[test]
fn nobody_is_woken_unless_somebody_decided_so() {
    let draft = Draft::text("<!channel> @here <!here> <@U1> <@U2> me@channel.example");
    let quiet = render(&draft, &Mentions::Nobody);
    let all = serde_json::to_string(&quiet.blocks).unwrap();
    assert!(
        !all.contains("broadcast") && !all.contains("\"user\""),
        "{all}"
    );
    assert!(
        !quiet.text.contains('<') && !quiet.text.contains("@here"),
        "{}",
        quiet.text
    );

    let some = render(&draft, &Mentions::Users(vec!["U2".into()]));
    let all = serde_json::to_string(&some.blocks).unwrap();
    assert!(all.contains(r#"{"type":"user","user_id":"U2"}"#), "{all}");
    assert!(!all.contains("U1\"") && !all.contains("broadcast"), "{all}");
    assert!(some.text.contains("<@U2>") && some.text.contains("&lt;@U1&gt;"));

    let loud = render(&draft, &Mentions::Anybody);
    assert_eq!(
        serde_json::to_value(&loud.blocks).unwrap(),
        json!([rich(&json!([
            {"type": "broadcast", "range": "channel"},
            {"type": "text", "text": " "},
            {"type": "broadcast", "range": "here"},
            {"type": "text", "text": " "},
            {"type": "broadcast", "range": "here"},
            {"type": "text", "text": " "},
            {"type": "user", "user_id": "U1"},
            {"type": "text", "text": " "},
            {"type": "user", "user_id": "U2"},
            {"type": "text", "text": " me@channel.example"},
        ]))])
    );
    assert_eq!(
        loud.text,
        "<!channel> <!here> <!here> <@U1> <@U2> me@\u{2060}channel.example"
    );
}

#[test]
fn all_parts_of_a_draft_have_their_block() {
    let draft = Draft {
        title: Some("Race\nnight".into()),
        body: "See https://ducks.example/race.".into(),
        fields: vec![
            field("Where", "The pond", true),
            field("When", "8 pm", true),
            field("Bring", "a duck", false),
        ],
        buttons: vec![
            Button::Press {
                id: "calendar:rsvp:7".into(),
                label: "I come".into(),
                style: ButtonStyle::Primary,
            },
            Button::Link {
                url: "https://bot.example/e/7".into(),
                label: "Page".into(),
            },
        ],
        image: Some("https://bot.example/pond.png".into()),
        colour: Some(Colour(0x00ff_cc00)),
    };
    assert_eq!(
        blocks(&draft, &Mentions::Nobody),
        json!([
            {"type": "header", "text": {"type": "plain_text", "text": "Race night"}},
            rich(&json!([
                {"type": "text", "text": "See "},
                {"type": "link", "url": "https://ducks.example/race"},
                {"type": "text", "text": "."},
            ])),
            {"type": "section", "fields": [
                {"type": "plain_text", "text": "Where\nThe pond"},
                {"type": "plain_text", "text": "When\n8 pm"},
            ]},
            rich(&json!([
                {"type": "text", "text": "Bring: ", "style": {"bold": true}},
                {"type": "text", "text": "a duck"},
            ])),
            {"type": "image", "image_url": "https://bot.example/pond.png", "alt_text": "Race night"},
            {"type": "actions", "elements": [
                {"type": "button", "action_id": "calendar:rsvp:7", "style": "primary",
                    "text": {"type": "plain_text", "text": "I come"}},
                {"type": "button", "action_id": format!("{LINK}1"), "url": "https://bot.example/e/7",
                    "text": {"type": "plain_text", "text": "Page"}},
            ]},
        ])
    );
    let rendered = render(&draft, &Mentions::Nobody);
    assert_eq!(
        rendered.text,
        "Race night\nSee https://ducks.example/race.\nWhere: The pond\nWhen: 8 pm\nBring: a duck"
    );
}

#[test]
fn what_does_not_fit_is_cut_with_notice_and_what_is_no_address_left_out() {
    let fields = (0..60).map(|n| field(&n.to_string(), &"x".repeat(300), n % 2 == 0));
    let rendered = render(
        &Draft {
            title: Some("t".repeat(200)),
            body: "word ".repeat(5_000),
            fields: fields.collect(),
            buttons: (0..30)
                .map(|n| Button::Press {
                    id: n.to_string(),
                    label: "l".repeat(100),
                    style: ButtonStyle::Danger,
                })
                .collect(),
            image: Some("javascript:alert(1)".into()),
            colour: None,
        },
        &Mentions::Nobody,
    );
    assert!(rendered.was_cut);
    let all = serde_json::to_string(&rendered.blocks).unwrap();
    assert!(all.contains("… and "), "{all}");
    assert!(!all.contains("javascript"));
    assert!(rendered.text.ends_with('…'));
}

/// The characters that Slack counts.
fn n_chars(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" || name == "alt_text" => text.chars().count(),
                other => n_chars(other),
            })
            .sum(),
        Value::Array(items) => items.iter().map(n_chars).sum(),
        _ => 0,
    }
}

fn texts(max: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        Just("👨‍👩‍👧‍👦".to_owned()),
        (0..max).prop_map(|n| "wörd <@U1> @here ".repeat(n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_drafted_slack_would_take(
        title in proptest::option::of(texts(20)),
        body in texts(900),
        fields in proptest::collection::vec((texts(15), texts(150), any::<bool>()), 0..40),
        labels in proptest::collection::vec(texts(10), 0..30),
    ) {
        let draft = Draft {
            title,
            body,
            fields: fields.iter().map(|(name, value, inline)| field(name, value, *inline)).collect(),
            buttons: labels.into_iter().enumerate().map(|(n, label)| Button::Press {
                id: n.to_string(), label, style: ButtonStyle::Plain,
            }).collect(),
            ..Draft::default()
        };
        for mentions in [Mentions::Nobody, Mentions::Anybody] {
            let rendered = render(&draft, &mentions);
            let blocks = serde_json::to_value(&rendered.blocks).unwrap();
            let blocks = blocks.as_array().unwrap();
            prop_assert!(blocks.len() <= 50, "{}", blocks.len());
            let total: usize = blocks.iter().map(n_chars).sum();
            prop_assert!(total <= TOTAL, "{total}");
            prop_assert!(rendered.text.chars().count() <= 40_000);
            for block in blocks {
                let len = |pointer: &str| block.pointer(pointer).and_then(Value::as_str).map(|text| text.chars().count());
                match block["type"].as_str().unwrap() {
                    "header" => prop_assert!((1..=150).contains(&len("/text/text").unwrap())),
                    "section" => {
                        let fields = block["fields"].as_array().unwrap();
                        prop_assert!((1..=10).contains(&fields.len()));
                        for field in fields {
                            prop_assert!((1..=2_000).contains(&field["text"].as_str().unwrap().chars().count()));
                        }
                    }
                    "actions" => {
                        let elements = block["elements"].as_array().unwrap();
                        prop_assert!((1..=25).contains(&elements.len()));
                        for element in elements {
                            let label = element["text"]["text"].as_str().unwrap();
                            prop_assert!((1..=75).contains(&label.chars().count()));
                        }
                    }
                    "rich_text" => {
                        let elements = block["elements"][0]["elements"].as_array().unwrap();
                        prop_assert!(!elements.is_empty());
                        for element in elements {
                            prop_assert!(element["text"].as_str() != Some(""));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
