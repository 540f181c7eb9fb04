//! Where Slack's document of 2021 is not what Slack does today. Every line has its reason.

use serde_json::{Value, json};

/// Parameters that came after the document, by method (<https://docs.slack.dev/reference/methods>).
pub(super) const ADDED: [(&str, &[&str]); 10] = [
    ("chat.delete", &[]),
    ("chat.postEphemeral", &["markdown_text"]),
    ("chat.scheduleMessage", &["markdown_text", "metadata"]),
    ("chat.scheduledMessages.list", &["team_id"]),
    (
        "chat.update",
        &[
            "file_ids",
            "markdown_text",
            "metadata",
            "reply_broadcast",
            "unfurl_links",
            "unfurl_media",
        ],
    ),
    ("conversations.history", &["include_all_metadata"]),
    ("conversations.list", &["team_id"]),
    ("conversations.open", &["prevent_creation"]),
    (
        "oauth.v2.access",
        &["code_verifier", "grant_type", "refresh_token"],
    ),
    ("users.list", &["team_id"]),
];

/// Arguments that are a truth value wherever they occur.
pub(super) const IS_FLAG: [&str; 6] = [
    "as_user",
    "link_names",
    "mrkdwn",
    "reply_broadcast",
    "unfurl_links",
    "unfurl_media",
];

/// Whether a method got the parameter since.
pub(super) fn is_added(method: &str, name: &str) -> bool {
    ADDED
        .iter()
        .any(|(known, names)| *known == method && names.contains(&name))
}

/// Mends the document.
pub(super) fn correct(document: &mut Value) {
    loosen(document);
    // Custom fields are in the answer of `users.profile.get` only; in `users.info` and `users.list` they are left out.
    match document.pointer_mut("/definitions/objs_user_profile/required") {
        Some(Value::Array(required)) => required.retain(|name| name != "fields"),
        _ => panic!("the contract has changed: no required keys of a profile"),
    }
    // Blocks are a list, as everywhere else in the document (<https://docs.slack.dev/reference/methods/chat.update>).
    let blocks =
        "/paths/~1chat.update/post/responses/200/schema/properties/message/properties/blocks/type";
    match document.pointer_mut(blocks) {
        Some(kind) if kind == "object" => *kind = json!("array"),
        _ => panic!("the contract has changed: no blocks in the answer of chat.update"),
    }
}

fn loosen(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // Slack adds keys without notice and says so.
            if members.get("additionalProperties") == Some(&json!(false)) {
                members.remove("additionalProperties");
            }
            // The lists of error codes were never complete (`ratelimited` is in none).
            if let Some(error) = members.get_mut("error").and_then(Value::as_object_mut) {
                error.remove("enum");
            }
            // A list under `items` without the type `array` is the document's way to write alternatives.
            let is_array = members.get("type") == Some(&json!("array"));
            if !is_array
                && members.get("items").is_some_and(Value::is_array)
                && let Some(alternatives) = members.remove("items")
            {
                members.insert("anyOf".to_owned(), alternatives);
            }
            members.values_mut().for_each(loosen);
        }
        Value::Array(parts) => parts.iter_mut().for_each(loosen),
        _ => {}
    }
}
