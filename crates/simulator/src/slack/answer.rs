//! What a method is given and what it answers: arguments from query, form or JSON, and `ok`.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value, json};

/// Why a method did not do what it was asked: Slack's name of it.
pub(super) type Refusal = &'static str;

/// The arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Args {
    values: Map<String, Value>,
    /// From `Authorization: Bearer`, or the argument `token`.
    pub(super) token: String,
    /// From `Authorization: Basic`, or the arguments `client_id` and `client_secret`.
    pub(super) client: Option<(String, String)>,
}

impl Args {
    /// Reads query, body and authorisation. Slack takes JSON and forms alike.
    pub(super) fn read(
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let mut values = Map::new();
        let mut form = |bytes: &[u8]| {
            for (name, value) in url::form_urlencoded::parse(bytes) {
                values.insert(name.into_owned(), Value::String(value.into_owned()));
            }
        };
        form(query.unwrap_or_default().as_bytes());
        let kind = text(headers, header::CONTENT_TYPE.as_str());
        if kind.starts_with("application/json") {
            if !body.is_empty() {
                let Ok(Value::Object(more)) = serde_json::from_slice(body) else {
                    return Err("invalid_json");
                };
                values.extend(more);
            }
        } else if kind.is_empty() || kind.starts_with("application/x-www-form-urlencoded") {
            form(body);
        } else {
            return Err("invalid_post_type");
        }
        let authorisation = text(headers, header::AUTHORIZATION.as_str());
        let mut args = Self {
            values,
            ..Self::default()
        };
        args.token = authorisation
            .strip_prefix("Bearer ")
            .map_or_else(|| args.text("token"), str::to_owned);
        args.client = authorisation
            .strip_prefix("Basic ")
            .and_then(basic)
            .or_else(|| Some((args.given("client_id")?, args.given("client_secret")?)));
        Ok(args)
    }

    /// An argument as text; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        }
    }

    /// An argument that was given and is not empty.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok()
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name).as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// A list: JSON, or texts between commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| Some(item.as_str()?.to_owned()))
                .collect(),
            _ => self
                .text(name)
                .split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// JSON: as it is, or within a text (forms).
    pub(super) fn json(&self, name: &str) -> Result<Value, ()> {
        match self.values.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(Value::Null),
            Some(Value::String(text)) => serde_json::from_str(text).map_err(|_why| ()),
            Some(other) => Ok(other.clone()),
            None => Ok(Value::Null),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn basic(encoded: &str) -> Option<(String, String)> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// An answer with `ok: true`.
pub(super) fn ok(mut more: Value) -> Value {
    if let Value::Object(fields) = &mut more {
        fields.insert("ok".to_owned(), Value::Bool(true));
    }
    more
}

/// An answer with `ok: false`.
pub(super) fn error(name: &str) -> Value {
    json!({"ok": false, "error": name})
}

/// A page of a list and the cursor of the next; cursors are positions.
pub(super) fn page<T>(
    all: Vec<T>,
    args: &Args,
    limit_max: usize,
) -> Result<(Vec<T>, Value), Refusal> {
    let limit = args
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
        .unwrap_or(100)
        .min(limit_max);
    let from: usize = match args.given("cursor") {
        Some(cursor) => cursor
            .strip_prefix("at:")
            .and_then(|at| at.parse().ok())
            .ok_or("invalid_cursor")?,
        None => 0,
    };
    let n = all.len();
    let items = all.into_iter().skip(from).take(limit).collect();
    let next = if from + limit < n {
        format!("at:{}", from + limit)
    } else {
        String::new()
    };
    Ok((items, json!({ "next_cursor": next })))
}
