//! What can be sent: every kind of event with its meaning and the fields of its data. The kinds are
//! those of the domains' own events; tests hold the two together, and hold what is really sent
//! against the fields.
//!
//! Must never offer a field that says more about somebody than those who manage a community see on
//! its pages: ids, and names that are public there.

mod kinds;

use std::fmt::Write;

use serde_json::{Map, Value, json};

pub use kinds::KINDS;

/// The version of the catalogue: fields and kinds are added without a new one, and never renamed
/// or removed.
pub const VERSION: u32 = 1;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// A text or null.
    MaybeText,
    /// True or false.
    Flag,
}

impl Shape {
    /// Whether a value has the shape.
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Text => value.is_string(),
            Self::MaybeText => value.is_string() || value.is_null(),
            Self::Flag => value.is_boolean(),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "string",
            Self::MaybeText => "string or null",
            Self::Flag => "boolean",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Integer => json!("integer"),
            Self::Text => json!("string"),
            Self::MaybeText => json!(["string", "null"]),
            Self::Flag => json!("boolean"),
        }
    }
}

/// A field of an event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What it says.
    pub meaning: &'static str,
    /// An example, as JSON.
    pub sample: &'static str,
}

/// A kind of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKind {
    /// Its name: the `type` of a message.
    pub name: &'static str,
    /// What happened.
    pub meaning: &'static str,
    /// The fields of `data`.
    pub fields: &'static [Field],
}

/// The kind of what somebody sends by hand to try a webhook out.
pub const PING: &str = "webhook.ping";

const fn field(
    name: &'static str,
    shape: Shape,
    meaning: &'static str,
    sample: &'static str,
) -> Field {
    Field {
        name,
        shape,
        meaning,
        sample,
    }
}

/// A kind by its name.
pub fn find(name: &str) -> Option<&'static EventKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Whether a webhook can choose a kind.
pub(crate) fn is_offered(name: &str) -> bool {
    name != PING && find(name).is_some()
}

/// The kinds a webhook can choose from.
pub fn offered() -> impl Iterator<Item = &'static EventKind> {
    KINDS.iter().filter(|kind| kind.name != PING)
}

impl EventKind {
    /// An example of the data.
    pub fn example(&self) -> Value {
        let fields = self.fields.iter().map(|field| {
            let sample = serde_json::from_str(field.sample).unwrap_or(Value::Null);
            (field.name.to_owned(), sample)
        });
        Value::Object(fields.collect())
    }

    /// What is wrong with data of this kind; `None` if it has exactly the fields.
    pub fn fault(&self, data: &Value) -> Option<String> {
        let Some(data) = data.as_object() else {
            return Some("the data is no object".to_owned());
        };
        let wrong = self.fields.iter().find(|field| {
            data.get(field.name)
                .is_none_or(|value| !field.shape.fits(value))
        });
        if let Some(field) = wrong {
            return Some(format!(
                "`{}` is absent or no {}",
                field.name,
                field.shape.words()
            ));
        }
        let known = |name: &&String| self.fields.iter().any(|field| field.name == **name);
        let extra = data.keys().find(|name| !known(name));
        extra.map(|name| format!("`{name}` is not in the catalogue"))
    }

    /// JSON Schema of a whole message of this kind.
    fn schema(&self) -> Value {
        let mut properties = Map::new();
        for field in self.fields {
            let value = json!({ "type": field.shape.schema(), "description": field.meaning });
            properties.insert(field.name.to_owned(), value);
        }
        let required: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
        json!({
            "description": self.meaning,
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": { "const": self.name },
                "timestamp": { "type": "string", "format": "date-time" },
                "data": { "type": "object", "required": required, "properties": properties },
            },
        })
    }
}

/// JSON Schema of everything that is sent.
pub fn schema() -> Value {
    let defs: Map<String, Value> = KINDS
        .iter()
        .map(|kind| (kind.name.to_owned(), kind.schema()))
        .collect();
    let any: Vec<Value> = KINDS
        .iter()
        .map(|kind| json!({ "$ref": format!("#/$defs/{}", kind.name) }))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("WaddleBot webhook messages, version {VERSION}"),
        "oneOf": any,
        "$defs": defs,
    })
}

/// The same as text.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// The catalogue as a Markdown page.
pub fn reference() -> String {
    let mut page = format!(
        "# Webhook events\n\n\
         Made from `crates/domains/webhook/src/catalogue/kinds.rs` by `cargo xtask codegen`; a test keeps it current.\n\
         Version {VERSION}: kinds and fields are added without a new version, and never renamed or removed; ignore what\n\
         you do not know. How to receive them: [guide/webhooks.md](../guide/webhooks.md). The same as JSON Schema:\n\
         [webhooks.schema.json](webhooks.schema.json).\n\n\
         A message is a JSON object with `type` (a kind below), `timestamp` (when it happened, RFC 3339 in UTC) and `data`.\n"
    );
    for kind in KINDS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n\n| field of `data` | type | meaning |\n|---|---|---|\n",
            kind.name, kind.meaning
        );
        for field in kind.fields {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} |",
                field.name,
                field.shape.words(),
                field.meaning
            );
        }
        let example = json!({
            "type": kind.name, "timestamp": "2026-06-01T12:00:00.000Z", "data": kind.example(),
        });
        let _ = write!(page, "\n```json\n{example}\n```\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_order_and_their_examples_fit_their_fields() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for kind in KINDS {
            assert_eq!(kind.fault(&kind.example()), None, "{}", kind.name);
            assert!(kind.meaning.ends_with('.'), "{}", kind.name);
            assert!(kind.fields.contains(&kinds::COMMUNITY), "{}", kind.name);
        }
    }

    #[test]
    fn the_pages_of_events_are_current() {
        let place =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference");
        for (name, wanted) in [
            ("webhooks.md", reference()),
            ("webhooks.schema.json", schema_text()),
        ] {
            let stored = std::fs::read_to_string(place.join(name)).unwrap_or_default();
            assert_eq!(stored, wanted, "run `cargo xtask codegen`");
        }
    }

    #[test]
    fn a_field_that_is_absent_wrong_or_unknown_is_named() {
        let kind = find("identity.role_changed").unwrap();
        let mut data = kind.example();
        data["role"] = Value::Null;
        assert_eq!(kind.fault(&data), None);
        data["role"] = json!(3);
        assert!(kind.fault(&data).unwrap().contains("`role`"));
        data["role"] = json!("vip");
        data["secret"] = json!(1);
        assert!(kind.fault(&data).unwrap().contains("`secret`"));
        assert!(kind.fault(&json!({})).is_some());
        assert!(kind.fault(&json!([])).is_some());
    }
}
