//! What JSON of a schema looks like, for readers: a line for each field, and an example.

use serde_json::{Map, Value};

use super::schema::text;

/// How deep fields are told.
const DEPTH_MAX: usize = 4;

/// JSON of some schema.
pub(super) struct Shape {
    /// What it is, in a word or two.
    pub(super) kind: String,
    /// Its fields, and theirs.
    pub(super) fields: Vec<Field>,
}

/// A field.
pub(super) struct Field {
    /// Its name with those around it, such as `items[].id`.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: String,
    /// Whether it is always there.
    pub(super) is_needed: bool,
    /// What it means.
    pub(super) about: String,
}

/// The schema that a reference leads to, or the same.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    let found = target.and_then(|target| document.pointer(target.trim_start_matches('#')));
    found.unwrap_or(schema)
}

/// The types that a schema allows, and whether null is one of them.
fn types(schema: &Value) -> (Vec<&str>, bool) {
    let all: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let may_be_null = all.contains(&"null");
    let all = all.into_iter().filter(|one| *one != "null").collect();
    (all, may_be_null)
}

/// The parts that a schema is one of, without null.
fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    let of = |key: &str| schema.get(key).and_then(Value::as_array);
    let all = of("oneOf").or_else(|| of("anyOf"));
    let is_null = |one: &&Value| types(one).1 && types(one).0.is_empty();
    all.into_iter().flatten().filter(move |one| !is_null(one))
}

/// What a schema holds, in words.
pub(super) fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return values.join(" | ");
    }
    let all: Vec<String> = choices(schema).map(|one| kind(document, one)).collect();
    if !all.is_empty() {
        return all.join(" | ");
    }
    let (types, _) = types(schema);
    match types.first().copied() {
        Some("array") => match schema.get("items") {
            Some(items) => format!("list of {}", kind(document, items)),
            None => "list".to_owned(),
        },
        Some("string") => match text(schema, "/format").as_str() {
            "" => "text".to_owned(),
            "password" => "secret text".to_owned(),
            format => format.to_owned(),
        },
        Some("integer") => format!("integer{}", bounds(schema)),
        Some(other) => other.to_owned(),
        None => "object".to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).map(Value::to_string);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (None, Some(most)) => format!(", at most {most}"),
        _ => String::new(),
    }
}

/// A schema with its fields.
pub(super) fn of(document: &Value, schema: &Value) -> Shape {
    let mut fields = Vec::new();
    collect(document, schema, "", 0, &mut fields);
    Shape {
        kind: kind(document, schema),
        fields,
    }
}

fn collect(document: &Value, schema: &Value, around: &str, depth: usize, fields: &mut Vec<Field>) {
    let schema = resolved(document, schema);
    if depth >= DEPTH_MAX {
        return;
    }
    let parts = schema.get("allOf").and_then(Value::as_array);
    for part in parts.into_iter().flatten().chain(choices(schema)) {
        collect(document, part, around, depth, fields);
    }
    if let Some(items) = schema.get("items") {
        let around = format!("{}[]", around.trim_end_matches('.'));
        collect(document, items, &format!("{around}."), depth, fields);
    }
    let needed: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let own = schema.get("properties").and_then(Value::as_object);
    for (name, inner) in own.into_iter().flatten() {
        let own_words = text(inner, "/description");
        let about = if own_words.is_empty() {
            text(resolved(document, inner), "/description")
        } else {
            own_words
        };
        fields.push(Field {
            name: format!("{around}{name}"),
            kind: kind(document, inner),
            is_needed: needed.contains(&name.as_str()),
            about,
        });
        let around = format!("{around}{name}.");
        collect(document, inner, &around, depth + 1, fields);
    }
}

/// An example of a schema: what must be there.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    if let Some(one) = choices(schema).next() {
        return sample(document, one);
    }
    let (types, _) = types(schema);
    match types.first().copied() {
        Some("array") => Value::Array(Vec::new()),
        Some("string") => Value::String("…".to_owned()),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(1.into()),
        Some("boolean") => Value::Bool(true),
        _ => {
            let needed = schema.get("required").and_then(Value::as_array);
            let needed = needed.into_iter().flatten().filter_map(Value::as_str);
            let field = |name: &str| {
                let inner = schema.get("properties")?.get(name)?;
                Some((name.to_owned(), sample(document, inner)))
            };
            Value::Object(needed.filter_map(field).collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{of, sample};
    use serde_json::json;

    #[test]
    fn fields_are_told_with_those_around_them_and_an_example_has_what_must_be_there() {
        let document = json!({ "components": { "schemas": { "Duck": {
            "type": "object", "description": "A duck.", "required": ["name"],
            "properties": {
                "name": { "type": "string", "description": "Its name." },
                "kind": { "oneOf": [{ "type": "null" }, { "type": "string", "enum": ["mallard", "teal"] }] },
            },
        } } } });
        let pond = json!({
            "type": "object", "required": ["ducks", "depth", "secret", "best"],
            "properties": {
                "ducks": { "type": "array", "items": { "$ref": "#/components/schemas/Duck" } },
                "depth": { "type": "integer", "minimum": 3, "maximum": 9 },
                "secret": { "type": "string", "format": "password" },
                "best": { "$ref": "#/components/schemas/Duck" },
            },
        });
        let shape = of(&document, &pond);
        let lines: Vec<String> = shape
            .fields
            .iter()
            .map(|field| format!("{}: {} ({})", field.name, field.kind, field.about))
            .collect();
        for expected in [
            "depth: integer, 3 to 9 ()",
            "secret: secret text ()",
            "ducks: list of object ()",
            "ducks[].name: text (Its name.)",
            "ducks[].kind: mallard | teal ()",
            "best: object (A duck.)",
        ] {
            assert!(
                lines.contains(&expected.to_owned()),
                "{expected} in {lines:#?}"
            );
        }
        let example = json!({ "ducks": [], "depth": 3, "secret": "…", "best": { "name": "…" } });
        assert_eq!(sample(&document, &pond), example);
    }
}
