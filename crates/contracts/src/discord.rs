//! Discord's contract, and where its documentation disagrees with it.
//!
//! <https://github.com/discord/discord-api-spec>, <https://discord.com/developers/docs>

use serde_json::{Value, json};

use crate::openapi::OpenApi;

pub(crate) fn contract(mut document: Value) -> OpenApi {
    correct(&mut document);
    OpenApi::new(document, "/api/v10", None)
}

/// The documentation wins.
fn correct(document: &mut Value) {
    let mut set = |pointer: &str, value: Value| match document.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => panic!("the contract has changed: no `{pointer}`"),
    };
    // "Message contents (up to 2000 characters)": 4000 is for people who pay.
    for schema in [
        "MessageCreateRequest",
        "BaseCreateMessageCreateRequest",
        "MessageEditRequestPartial",
    ] {
        set(
            &format!("/components/schemas/{schema}/properties/content/maxLength"),
            json!(2000),
        );
    }
    // "Remove Guild Ban" takes no body.
    set(
        "/paths/~1guilds~1{guild_id}~1bans~1{user_id}/delete/requestBody/required",
        json!(false),
    );
    // "code?" in the rate limit response structure: as other errors, except that the code may be absent.
    set(
        "/components/schemas/RatelimitedResponse",
        json!({
            "type": "object",
            "properties": {
                "message": { "type": "string" },
                "retry_after": { "type": "number" },
                "global": { "type": "boolean" },
                "code": { "type": "integer" },
            },
            "required": ["message", "retry_after", "global"],
        }),
    );
    // "scheduled_end_time is required for events with entity_type: EXTERNAL".
    set(
        "/components/schemas/ExternalScheduledEventCreateRequest/required",
        json!([
            "name",
            "scheduled_start_time",
            "scheduled_end_time",
            "privacy_level",
            "entity_type",
            "entity_metadata"
        ]),
    );
    set(
        "/components/schemas/ExternalScheduledEventCreateRequest/properties/scheduled_end_time/type",
        json!("string"),
    );
}
