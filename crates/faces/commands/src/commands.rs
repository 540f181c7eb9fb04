//! `!commands`: the names of everything that who asks may use; on cards, long lists have pages.

use kernel::{Button, ButtonStyle, Draft, Field};

use crate::{
    call::{Answer, Call, Problem},
    reply::Reply,
    words,
};

/// How many characters of names stand in one line.
const ROOM: usize = 400;
/// How many custom commands stand on a page of a card.
const PAGE: usize = 40;

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(page(call, 1))
}

/// `page:2`
pub(crate) fn press<'a>(call: &'a Call, action: &'a str) -> Answer<'a> {
    Box::pin(async move {
        let number = action.strip_prefix("page:").and_then(|n| n.parse().ok());
        match number {
            Some(number) => page(call, number).await,
            None => Problem::say("this button is from another version: ask again"),
        }
    })
}

async fn page(call: &Call, number: usize) -> Result<Reply, Problem> {
    let typed = |name: &str| call.typed(name);
    let built_in: Vec<String> = call
        .open_built_in()
        .await?
        .iter()
        .map(|setting| typed(setting.spec.name))
        .collect();
    let custom: Vec<String> = call
        .open_custom()
        .await?
        .iter()
        .map(|command| typed(&command.name))
        .collect();
    let all = [built_in.as_slice(), custom.as_slice()].concat();
    let n_pages = custom.len().div_ceil(PAGE).max(1);
    let number = number.clamp(1, n_pages);
    let mut fields = Vec::new();
    let field = |name: &str, value: String| Field {
        name: name.to_owned(),
        value,
        is_inline: false,
    };
    if number == 1 && !built_in.is_empty() {
        fields.push(field("WaddleBot", built_in.join(", ")));
    }
    let here: Vec<&str> = custom
        .iter()
        .skip((number - 1) * PAGE)
        .take(PAGE)
        .map(String::as_str)
        .collect();
    if !here.is_empty() {
        fields.push(field("Custom", here.join(", ")));
    }
    let mut card = Draft {
        title: Some("Commands".to_owned()),
        fields,
        ..Draft::default()
    };
    if n_pages > 1 {
        card.body = format!("page {number} of {n_pages}");
    }
    if number < n_pages {
        card.buttons.push(Button::Press {
            id: format!("commands:page:{}", number + 1),
            label: "More".to_owned(),
            style: ButtonStyle::Plain,
        });
    }
    Ok(Reply::card(words::listed(&all, ROOM), card))
}
