use kernel::{Button, ButtonStyle, Colour, Draft, Field, Mentions};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Rendered, escape, render};
use crate::text::Measure;

fn plain(draft: &Draft) -> Rendered {
    render(draft, &Mentions::Nobody)
}

fn press(n: usize) -> Button {
    Button::Press {
        id: format!("calendar:rsvp:{n}"),
        label: format!("Button {n}"),
        style: ButtonStyle::Primary,
    }
}

#[test]
fn a_text_stays_a_text_and_a_long_one_becomes_an_embed_before_it_is_cut() {
    let short = plain(&Draft::text("hello\nthere"));
    assert_eq!(
        (short.content.as_str(), short.embeds.len(), short.was_cut),
        ("hello\nthere", 0, false)
    );
    let long = plain(&Draft::text("x".repeat(2_001)));
    assert_eq!((long.content.as_str(), long.was_cut), ("", false));
    assert_eq!(long.embeds[0].description.as_ref().unwrap().len(), 2_001);
    let longer = plain(&Draft::text("y".repeat(5_000)));
    assert!(longer.was_cut);
    assert!(
        longer.embeds[0]
            .description
            .as_ref()
            .unwrap()
            .ends_with('…')
    );
}

#[test]
fn everything_else_makes_an_embed() {
    let draft = Draft {
        title: Some("Race night".into()),
        body: "Tonight.".into(),
        fields: vec![Field {
            name: "Where".into(),
            value: String::new(),
            is_inline: true,
        }],
        buttons: vec![
            press(1),
            Button::Link {
                url: "https://bot.example.org/e/7".into(),
                label: "Page".into(),
            },
        ],
        image: Some("https://bot.example.org/pond.png".into()),
        colour: Some(Colour(0x00ff_cc00)),
    };
    let sent: Value = serde_json::to_value(plain(&draft)).unwrap();
    assert_eq!(
        sent,
        json!({
            "content": "",
            "embeds": [{
                "type": "rich", "title": "Race night", "description": "Tonight.", "color": 0x00ff_cc00,
                "image": { "url": "https://bot.example.org/pond.png" },
                "fields": [{ "name": "Where", "value": "\u{200b}", "inline": true }],
            }],
            "components": [{ "type": 1, "components": [
                { "type": 2, "custom_id": "calendar:rsvp:1", "label": "Button 1", "style": 1 },
                { "type": 2, "url": "https://bot.example.org/e/7", "label": "Page", "style": 5 },
            ] }],
        })
    );
}

#[test]
fn five_rows_of_five_and_no_button_discord_would_refuse() {
    let mut buttons: Vec<Button> = (0..26).map(press).collect();
    let full = plain(&Draft {
        buttons: buttons.clone(),
        ..Draft::text("x")
    });
    assert_eq!((full.components.len(), full.was_cut), (5, true));
    buttons.truncate(1);
    buttons.push(Button::Press {
        id: "x".repeat(101),
        label: "too long".into(),
        style: ButtonStyle::Plain,
    });
    buttons.push(Button::Link {
        url: "javascript:alert(1)".into(),
        label: "no".into(),
    });
    let few = plain(&Draft {
        buttons,
        ..Draft::text("x")
    });
    assert!(few.was_cut);
    assert_eq!(
        serde_json::to_value(&few.components).unwrap()[0]["components"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn markup_is_shown_as_it_was_typed_and_addresses_still_lead_somewhere() {
    for (text, shown) in [
        (
            "*bold* _it_ ~~s~~ ||spoiler|| `code`",
            r"\*bold\* \_it\_ \~\~s\~\~ \|\|spoiler\|\| \`code\`",
        ),
        (
            "# heading\n- item\n> quote",
            "\\# heading\n\\- item\n\\> quote",
        ),
        ("1. first", r"1\. first"),
        (
            "see https://x.example/a_b_c*d now_",
            r"see https://x.example/a_b_c*d now\_",
        ),
        (
            "<@123> <#5> <t:1:R> 1 < 2",
            r"\<@123\> \<#5\> \<t:1:R\> 1 < 2",
        ),
        (
            "[click](https://x.example)",
            r"\[click\](https://x.example)",
        ),
    ] {
        assert_eq!(escape(text, &Mentions::Nobody), shown);
    }
    let users = Mentions::Users(vec!["123".into()]);
    assert_eq!(escape("<@123> <@124>", &users), r"<@123> \<@124\>");
    assert_eq!(escape("<@&9> <@x>", &Mentions::Anybody), r"<@&9> \<@x\>");
}

#[test]
fn whoever_may_be_notified_is_named_above_an_embed() {
    let draft = Draft {
        title: Some("Race".into()),
        ..Draft::default()
    };
    let rendered = render(&draft, &Mentions::Users(vec!["12".into(), "no id".into()]));
    assert_eq!(rendered.content, "<@12>");
}

fn size(rendered: &Rendered) -> usize {
    let of = |text: &Option<String>| text.as_deref().map_or(0, |text| Measure::Utf16.of(text));
    rendered
        .embeds
        .iter()
        .map(|embed| {
            let fields: usize = embed
                .fields
                .iter()
                .map(|f| Measure::Utf16.of(&f.name) + Measure::Utf16.of(&f.value))
                .sum();
            of(&embed.title) + of(&embed.description) + fields
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_draft_makes_a_message_that_discord_refuses(
        title in proptest::option::of("[\\PC\\n*_`]{0,400}"),
        body in "[\\PC\\n*_👨‍👩‍👧]{0,5000}",
        fields in proptest::collection::vec(("\\PC{0,300}", "[\\PC*_]{0,1500}"), 0..30),
    ) {
        let n_fields = fields.len();
        let draft = Draft {
            title,
            body,
            fields: fields.into_iter().map(|(name, value)| Field { name, value, is_inline: false }).collect(),
            ..Draft::default()
        };
        let rendered = plain(&draft);
        prop_assert!(Measure::Utf16.of(&rendered.content) <= 2_000);
        prop_assert!(size(&rendered) <= 6_000);
        for embed in &rendered.embeds {
            prop_assert!(embed.title.as_deref().is_none_or(|t| Measure::Utf16.of(t) <= 256));
            prop_assert!(embed.description.as_deref().is_none_or(|t| Measure::Utf16.of(t) <= 4_096));
            prop_assert!(embed.fields.len() <= 25);
            for field in &embed.fields {
                prop_assert!((1..=256).contains(&Measure::Utf16.of(&field.name)));
                prop_assert!((1..=1_024).contains(&Measure::Utf16.of(&field.value)));
            }
            prop_assert!(rendered.was_cut || embed.fields.len() == n_fields);
        }
    }
}
