//! Twitch's contract, and where its documentation disagrees with it. The document is made by others from the reference.
//!
//! <https://github.com/DmitryScaletta/twitch-api-swagger>, <https://dev.twitch.tv/docs/api/reference>

use serde_json::{Value, json};

use crate::openapi::OpenApi;

pub(crate) fn contract(mut document: Value) -> OpenApi {
    correct(&mut document);
    // The document has no bodies for errors; <https://dev.twitch.tv/docs/api/guide> shows this one.
    let error = json!({
        "type": "object",
        "properties": {
            "error": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "message": { "type": "string" },
        },
        "required": ["error", "status", "message"],
    });
    OpenApi::new(document, "/helix", Some(error))
}

/// The documentation wins; and what OpenAPI 3.0 calls nullable, JSON Schema calls the type `null`.
fn correct(document: &mut Value) {
    null_is_a_type(document);
    let mut set = |pointer: &str, value: Value| match document.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => panic!("the contract has changed: no `{pointer}`"),
    };
    // The descriptions of these say "null if", and the types do not: the reason a message was dropped, the category of
    // a planned stream, the holidays.
    for pointer in [
        "SendChatMessageResponse/properties/data/items/properties/drop_reason",
        "ChannelStreamScheduleSegment/properties/category",
        "GetChannelStreamScheduleResponse/properties/data/properties/vacation",
        "CreateChannelStreamScheduleSegmentResponse/properties/data/properties/vacation",
        "UpdateChannelStreamScheduleSegmentResponse/properties/data/properties/vacation",
    ] {
        set(
            &format!("/components/schemas/{pointer}/type"),
            json!(["object", "null"]),
        );
    }
}

fn null_is_a_type(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(Value::Bool(true))
                && let Some(kind) = members.get_mut("type")
            {
                *kind = json!([kind.take(), "null"]);
            }
            members.values_mut().for_each(null_is_a_type);
        }
        Value::Array(parts) => parts.iter_mut().for_each(null_is_a_type),
        _ => {}
    }
}
