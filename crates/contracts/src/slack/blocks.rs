//! Lengths in blocks, which Slack documents and the generated schema does not know.
//!
//! <https://docs.slack.dev/reference/block-kit>

use serde_json::Value;

const BLOCKS_MAX: usize = 50;
const ELEMENTS_MAX: usize = 25;
const FIELDS_MAX: usize = 10;

/// Where a text stands (a pointer from a block or an element of this type), and its largest length in characters.
const TEXTS: [(&str, &str, usize); 9] = [
    ("section", "/text/text", 3_000),
    ("header", "/text/text", 150),
    ("image", "/alt_text", 2_000),
    ("image", "/image_url", 3_000),
    ("button", "/text/text", 75),
    ("button", "/value", 2_000),
    ("button", "/url", 3_000),
    ("button", "/action_id", 255),
    ("markdown", "/text", 12_000),
];

/// What is too long or too many, as pointer and reason.
pub(super) fn too_long(blocks: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    too_many(blocks, "", BLOCKS_MAX, &mut found);
    for (number, block) in (0..).zip(blocks.as_array().into_iter().flatten()) {
        let at: String = format!("/{number}");
        texts(block, &at, &mut found);
        long(block, &at, "/block_id", 255, &mut found);
        if let Some(fields) = block.get("fields") {
            too_many(fields, &format!("{at}/fields"), FIELDS_MAX, &mut found);
            for (number, field) in (0..).zip(fields.as_array().into_iter().flatten()) {
                let at: String = format!("{at}/fields/{number}");
                long(field, &at, "/text", 2_000, &mut found);
            }
        }
        if let Some(elements) = block.get("elements") {
            too_many(
                elements,
                &format!("{at}/elements"),
                ELEMENTS_MAX,
                &mut found,
            );
            for (number, element) in (0..).zip(elements.as_array().into_iter().flatten()) {
                let at: String = format!("{at}/elements/{number}");
                texts(element, &at, &mut found);
            }
        }
        if let Some(accessory) = block.get("accessory") {
            texts(accessory, &format!("{at}/accessory"), &mut found);
        }
    }
    found
}

fn texts(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    let kind = value
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    for (of, pointer, max) in TEXTS {
        if of == kind {
            long(value, at, pointer, max, found);
        }
    }
}

fn long(value: &Value, at: &str, pointer: &str, max: usize, found: &mut Vec<(String, String)>) {
    let text = value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default();
    let n = text.chars().count();
    if n > max {
        found.push((
            format!("{at}{pointer}"),
            format!("{n} characters, {max} are allowed"),
        ));
    }
}

fn too_many(value: &Value, at: &str, max: usize, found: &mut Vec<(String, String)>) {
    let n = value.as_array().map(Vec::len).unwrap_or_default();
    if n > max {
        found.push((at.to_owned(), format!("{n} of them, {max} are allowed")));
    }
}
