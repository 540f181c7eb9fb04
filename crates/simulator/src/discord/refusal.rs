//! How Discord says no: a status, a number and, for bad bodies, a tree of what is wrong where.
//! Sources: Discord «Opcodes and Status Codes», «Error Messages». Must never answer a refusal that
//! Discord does not know.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// A refusal in Discord's form.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: u32,
    message: &'static str,
    errors: Option<Value>,
}

impl Refusal {
    const fn new(status: StatusCode, code: u32, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            errors: None,
        }
    }

    /// 401: no token, or a wrong one.
    pub(super) const fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    /// 404: no such path.
    pub(super) const fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, 0, "404: Not Found")
    }

    /// 404 for one of the things Discord has a number for.
    pub(super) const fn unknown(code: u32) -> Self {
        let message = match code {
            10_003 => "Unknown Channel",
            10_004 => "Unknown Guild",
            10_007 => "Unknown Member",
            10_008 => "Unknown Message",
            10_011 => "Unknown Role",
            10_013 => "Unknown User",
            10_015 => "Unknown Webhook",
            10_026 => "Unknown Ban",
            10_062 => "Unknown interaction",
            _ => "Unknown Guild Scheduled Event",
        };
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 403: the guild is not ours, or the channel not open to us.
    pub(super) const fn missing_access() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50_001, "Missing Access")
    }

    /// 403: the message is somebody else's.
    pub(super) const fn not_author() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            50_005,
            "Cannot edit a message authored by another user",
        )
    }

    /// 400: nothing is said.
    pub(super) const fn empty() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            50_006,
            "Cannot send an empty message",
        )
    }

    /// 403: the person takes no direct messages.
    pub(super) const fn closed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            50_007,
            "Cannot send messages to this user",
        )
    }

    /// 403: the person stands above the bot.
    pub(super) const fn missing_permissions() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50_013, "Missing Permissions")
    }

    /// 400: the interaction was answered before.
    pub(super) const fn acknowledged() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            40_060,
            "Interaction has already been acknowledged.",
        )
    }

    /// 400: a hundred events are planned already.
    pub(super) const fn too_many_events() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            30_038,
            "Maximum number of guild scheduled events reached (100)",
        )
    }

    /// 400: the body is not JSON.
    pub(super) const fn not_json() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            50_109,
            "The request body contains invalid JSON.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "message": self.message, "code": self.code });
        if let (Some(errors), Some(map)) = (self.errors, body.as_object_mut()) {
            map.insert("errors".to_owned(), errors);
        }
        (self.status, Json(body)).into_response()
    }
}

/// Collects what is wrong with a body.
#[derive(Debug, Default)]
pub(super) struct Form {
    wrong: Vec<(String, &'static str, String)>,
}

impl Form {
    /// Notes a mistake at a path: `embeds.0.title`.
    pub(super) fn wrong(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        self.wrong.push((path.to_owned(), code, message.into()));
    }

    /// A text of at most so many UTF-16 units; answers its length.
    pub(super) fn text(
        &mut self,
        path: &str,
        value: Option<&Value>,
        min: usize,
        max: usize,
    ) -> usize {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            if min > 0 {
                self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required");
            }
            return 0;
        };
        let Some(text) = value.as_str() else {
            self.wrong(
                path,
                "STRING_TYPE_CONVERT",
                "Could not interpret value as string.",
            );
            return 0;
        };
        let n = text.encode_utf16().count();
        if n > max {
            self.wrong(
                path,
                "BASE_TYPE_MAX_LENGTH",
                format!("Must be {max} or fewer in length."),
            );
        } else if text.trim().is_empty() && min > 0 {
            self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required");
        }
        n
    }

    /// A list of at most so many.
    pub(super) fn list<'a>(
        &mut self,
        path: &str,
        value: Option<&'a Value>,
        max: usize,
    ) -> &'a [Value] {
        let list = value
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if list.len() > max {
            self.wrong(
                path,
                "BASE_TYPE_BAD_LENGTH",
                format!("Must be between 1 and {max} in length."),
            );
        }
        list
    }

    /// `Ok` if nothing is wrong, else 50035.
    pub(super) fn done(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let mut tree = Value::Object(Map::new());
        for (path, code, message) in self.wrong {
            let mut node = &mut tree;
            for part in path.split('.') {
                let Value::Object(map) = node else { break };
                node = map
                    .entry(part.to_owned())
                    .or_insert_with(|| Value::Object(Map::new()));
            }
            if let Value::Object(map) = node {
                let list = map.entry("_errors").or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(json!({ "code": code, "message": message }));
                }
            }
        }
        Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            code: 50_035,
            message: "Invalid Form Body",
            errors: Some(tree),
        })
    }
}

/// Checks a message as Discord does.
pub(super) fn check_message(body: &Value) -> Result<(), Refusal> {
    let mut form = Form::default();
    let content = form.text("content", body.get("content"), 0, 2_000);
    let embeds = form.list("embeds", body.get("embeds"), 10);
    let mut total = 0;
    for (at, embed) in embeds.iter().enumerate() {
        let path = format!("embeds.{at}");
        total += form.text(&format!("{path}.title"), embed.get("title"), 0, 256);
        total += form.text(
            &format!("{path}.description"),
            embed.get("description"),
            0,
            4_096,
        );
        let footer = embed.get("footer").and_then(|footer| footer.get("text"));
        total += form.text(&format!("{path}.footer.text"), footer, 0, 2_048);
        let author = embed.get("author").and_then(|author| author.get("name"));
        total += form.text(&format!("{path}.author.name"), author, 0, 256);
        let fields = form.list(&format!("{path}.fields"), embed.get("fields"), 25);
        for (at, field) in fields.iter().enumerate() {
            let path = format!("{path}.fields.{at}");
            total += form.text(&format!("{path}.name"), field.get("name"), 1, 256);
            total += form.text(&format!("{path}.value"), field.get("value"), 1, 1_024);
        }
    }
    if total > 6_000 {
        form.wrong(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            "Embed size exceeds maximum size of 6000",
        );
    }
    let rows = form.list("components", body.get("components"), 5);
    for (row, line) in rows.iter().enumerate() {
        let path = format!("components.{row}.components");
        for (at, button) in form
            .list(&path, line.get("components"), 5)
            .iter()
            .enumerate()
        {
            let path = format!("{path}.{at}");
            form.text(&format!("{path}.label"), button.get("label"), 0, 80);
            form.text(
                &format!("{path}.custom_id"),
                button.get("custom_id"),
                0,
                100,
            );
            form.text(&format!("{path}.url"), button.get("url"), 0, 512);
            let is_link = button.get("style").and_then(Value::as_u64) == Some(5);
            if is_link == button.get("url").is_none() {
                form.wrong(
                    &path,
                    "BASE_TYPE_REQUIRED",
                    "A url is required for links only",
                );
            }
        }
    }
    let nonce = body
        .get("nonce")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if nonce.len() > 25 {
        form.wrong(
            "nonce",
            "NONCE_TYPE_INVALID",
            "Must be 25 or fewer in length.",
        );
    }
    form.done()?;
    if content == 0 && embeds.is_empty() && rows.is_empty() {
        return Err(Refusal::empty());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse};
    use serde_json::{Value, json};

    use super::check_message;

    async fn body(value: Value) -> Value {
        let refusal = check_message(&value).unwrap_err();
        let bytes = to_bytes(refusal.into_response().into_body(), 65_536)
            .await
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_long_text_is_refused_where_it_stands() {
        let said =
            body(json!({ "content": "x".repeat(2_001), "embeds": [{ "title": "y".repeat(257) }] }))
                .await;
        assert_eq!(said["code"], 50_035);
        assert_eq!(
            said["errors"]["content"]["_errors"][0]["code"],
            "BASE_TYPE_MAX_LENGTH"
        );
        assert_eq!(
            said["errors"]["embeds"]["0"]["title"]["_errors"][0]["code"],
            "BASE_TYPE_MAX_LENGTH"
        );
    }

    #[tokio::test]
    async fn all_embeds_together_have_a_limit_and_an_empty_message_a_number_of_its_own() {
        let long = json!({ "description": "x".repeat(3_001) });
        let said = body(json!({ "embeds": [long, long] })).await;
        assert_eq!(
            said["errors"]["embeds"]["_errors"][0]["code"],
            "MAX_EMBED_SIZE_EXCEEDED"
        );
        assert_eq!(body(json!({ "content": "" })).await["code"], 50_006);
        assert!(check_message(&json!({ "content": "x".repeat(2_000) })).is_ok());
    }
}
