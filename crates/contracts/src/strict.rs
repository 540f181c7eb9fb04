//! Closes schemas: a key that the contract does not know is a mistake of ours, not an extension. JSON Schema is silent
//! about such keys unless told, and then a misspelt optional field would never be found.

use serde_json::{Map, Value};

/// Keywords whose value is one schema for a child of the instance.
const CHILD: [&str; 3] = ["items", "additionalItems", "contains"];
/// Keywords whose value is a map of schemas for children.
const CHILDREN: [&str; 2] = ["properties", "patternProperties"];
/// Keywords whose value is a list of schemas for the same instance.
const SAME: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Closes the instance this schema is for, and all below it.
pub(crate) fn close(schema: &mut Value) {
    close_below(schema);
    if let Value::Object(schema) = schema
        && names_keys(schema)
    {
        schema.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
}

/// Closes what is below the instance, not the instance itself: for schemas that others refer to.
pub(crate) fn close_below(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    for keyword in CHILD {
        if let Some(child) = schema.get_mut(keyword) {
            close(child);
        }
    }
    for keyword in CHILDREN {
        if let Some(Value::Object(children)) = schema.get_mut(keyword) {
            children.values_mut().for_each(close);
        }
    }
    if let Some(child @ Value::Object(_)) = schema.get_mut("additionalProperties") {
        close(child);
    }
    for keyword in SAME {
        if let Some(Value::Array(parts)) = schema.get_mut(keyword) {
            parts.iter_mut().for_each(close_below);
        }
    }
}

/// Whether the schema says which keys there are; one that does not stands for any object.
fn names_keys(schema: &Map<String, Value>) -> bool {
    ["properties", "$ref"]
        .iter()
        .chain(&SAME)
        .any(|keyword| schema.contains_key(*keyword))
        && !schema.contains_key("additionalProperties")
}
