//! Whether blocks are in order: what Slack's «Block Kit» reference says of lengths and counts.

use std::collections::HashSet;

use serde_json::Value;

use super::answer::Refusal;

const BLOCKS_MAX: usize = 50;
/// All texts of all blocks together. Not in the reference; reported as `msg_blocks_too_long`
/// (slackapi/bolt-js#2509).
const TOTAL_MAX: usize = 13_200;
const KINDS: [&str; 12] = [
    "section",
    "header",
    "divider",
    "image",
    "actions",
    "context",
    "input",
    "file",
    "video",
    "markdown",
    "rich_text",
    "table",
];

/// Slack's name of what is wrong.
pub(super) fn check(blocks: &Value) -> Result<(), Refusal> {
    let blocks = match blocks {
        Value::Null => return Ok(()),
        Value::Array(blocks) => blocks,
        _ => return Err("invalid_blocks_format"),
    };
    if blocks.len() > BLOCKS_MAX {
        return Err("invalid_blocks");
    }
    let mut n_chars = 0;
    for block in blocks {
        if !is_good(block) {
            return Err("invalid_blocks");
        }
        n_chars += chars_of(block);
    }
    if n_chars > TOTAL_MAX {
        return Err("msg_blocks_too_long");
    }
    Ok(())
}

fn is_good(block: &Value) -> bool {
    let kind = block
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !KINDS.contains(&kind) || !len_ok(block.get("block_id"), 1, 255) {
        return false;
    }
    let items = |name: &str| block.get(name).and_then(Value::as_array);
    match kind {
        "section" => {
            let fields = items("fields");
            let text = block.get("text");
            (text.is_some() || fields.is_some())
                && text.is_none_or(|text| is_text(text, 3_000, false))
                && fields.is_none_or(|fields| {
                    (1..=10).contains(&fields.len())
                        && fields.iter().all(|field| is_text(field, 2_000, false))
                })
        }
        "header" => block
            .get("text")
            .is_some_and(|text| is_text(text, 150, true)),
        "image" => {
            let has_source = block.get("slack_file").is_some()
                || block
                    .get("image_url")
                    .and_then(Value::as_str)
                    .is_some_and(|url| url.starts_with("http") && url.len() <= 3_000);
            has_source
                && block.get("alt_text").is_some()
                && len_ok(block.get("alt_text"), 0, 2_000)
                && block
                    .get("title")
                    .is_none_or(|text| is_text(text, 2_000, true))
        }
        "actions" => items("elements").is_some_and(|elements| {
            let mut ids = HashSet::new();
            (1..=25).contains(&elements.len())
                && elements.iter().all(|element| {
                    is_element(element)
                        && element
                            .get("action_id")
                            .and_then(Value::as_str)
                            .is_none_or(|id| ids.insert(id))
                })
        }),
        "context" => items("elements").is_some_and(|elements| (1..=10).contains(&elements.len())),
        "rich_text" => items("elements").is_some_and(|elements| !elements.is_empty()),
        _ => true,
    }
}

fn is_element(element: &Value) -> bool {
    if element.get("type").and_then(Value::as_str) != Some("button") {
        return true;
    }
    element
        .get("text")
        .is_some_and(|text| is_text(text, 75, true))
        && len_ok(element.get("action_id"), 1, 255)
        && len_ok(element.get("value"), 0, 2_000)
        && len_ok(element.get("url"), 1, 3_000)
        && element
            .get("style")
            .is_none_or(|style| matches!(style.as_str(), Some("primary" | "danger")))
}

/// A text object of 1 to `max` characters.
fn is_text(text: &Value, max: usize, only_plain: bool) -> bool {
    let kind = text.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind_ok = kind == "plain_text" || (kind == "mrkdwn" && !only_plain);
    kind_ok && text.get("text").is_some() && len_ok(text.get("text"), 1, max)
}

fn len_ok(text: Option<&Value>, min: usize, max: usize) -> bool {
    match text {
        None => true,
        Some(Value::String(text)) => (min..=max).contains(&text.chars().count()),
        Some(_) => false,
    }
}

/// The characters that people read.
fn chars_of(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" || name == "alt_text" => text.chars().count(),
                other => chars_of(other),
            })
            .sum(),
        Value::Array(items) => items.iter().map(chars_of).sum(),
        _ => 0,
    }
}

/// Whether a button with this action is on the message.
pub(super) fn button<'a>(blocks: &'a Value, action_id: &str) -> Option<&'a Value> {
    match blocks {
        Value::Object(fields) => {
            if fields.get("action_id").and_then(Value::as_str) == Some(action_id) {
                return Some(blocks);
            }
            fields.values().find_map(|value| button(value, action_id))
        }
        Value::Array(items) => items.iter().find_map(|item| button(item, action_id)),
        _ => None,
    }
}
