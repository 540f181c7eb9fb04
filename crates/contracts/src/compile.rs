//! Compiles a schema with the definitions it refers to, and turns the validator's findings into (pointer, reason).
//! Never fetches a reference.

use std::{cmp::Reverse, collections::BTreeSet};

use jsonschema::{Draft, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value, json};

/// Reasons quote values; a quoted page of JSON helps nobody.
const REASON_MAX: usize = 300;

/// Compiles one schema.
///
/// `place` is where its references point below the root: `["components", "schemas"]` or `["definitions"]`. Only the
/// definitions that are reached are hung under it, which keeps compiling quick.
///
/// # Panics
/// If the contract holds no valid schema here.
pub(crate) fn compile(
    schema: &Value,
    place: &[&str],
    definitions: &Map<String, Value>,
    draft: Draft,
) -> Validator {
    let mut root = match schema {
        Value::Object(schema) => schema.clone(),
        other => Map::from_iter([("const".to_owned(), other.clone())]),
    };
    let prefix = format!("#/{}/", place.join("/"));
    let mut reached = BTreeSet::new();
    reach(schema, &prefix, definitions, &mut reached);
    let mut hung: Value = reached
        .iter()
        .filter_map(|name| Some((name.clone(), definitions.get(name)?.clone())))
        .collect::<Map<_, _>>()
        .into();
    let (top, below) = place.split_first().unwrap_or((&"definitions", &[]));
    for key in below.iter().rev() {
        hung = json!({ *key: hung });
    }
    root.insert((*top).to_owned(), hung);
    let built = jsonschema::options()
        .with_draft(draft)
        .should_validate_formats(true)
        .build(&Value::Object(root));
    match built {
        Ok(validator) => validator,
        Err(error) => panic!("the contract holds an invalid schema: {error}"),
    }
}

fn reach(
    schema: &Value,
    prefix: &str,
    definitions: &Map<String, Value>,
    reached: &mut BTreeSet<String>,
) {
    match schema {
        Value::Object(members) => {
            let name = members
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix(prefix));
            if let Some(name) = name
                && reached.insert(name.to_owned())
                && let Some(target) = definitions.get(name)
            {
                reach(target, prefix, definitions, reached);
            }
            for member in members.values() {
                reach(member, prefix, definitions, reached);
            }
        }
        Value::Array(parts) => {
            for part in parts {
                reach(part, prefix, definitions, reached);
            }
        }
        _ => {}
    }
}

/// What the validator finds, as pointer and reason.
pub(crate) fn findings(validator: &Validator, instance: &Value) -> Vec<(String, String)> {
    let errors: Vec<_> = validator.iter_errors(instance).collect();
    let mut found = Vec::new();
    // A key whose value is wrong counts as not evaluated: unknown keys are told when nothing else is wrong.
    for error in told(&errors) {
        explain(error, &mut found);
    }
    found
}

fn told<'e, 'i>(errors: &'e [ValidationError<'i>]) -> Vec<&'e ValidationError<'i>> {
    let is_about_keys = |error: &&ValidationError<'_>| {
        matches!(
            error.kind(),
            ValidationErrorKind::UnevaluatedProperties { .. }
        )
    };
    let others: Vec<_> = errors
        .iter()
        .filter(|error| !is_about_keys(error))
        .collect();
    if others.is_empty() {
        errors.iter().collect()
    } else {
        others
    }
}

/// "Not valid under any of the schemas" helps nobody: says what is wrong under the schema that comes nearest.
fn explain(error: &ValidationError<'_>, found: &mut Vec<(String, String)>) {
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } =
        error.kind()
    {
        let nearest = context.iter().max_by_key(|errors| nearness(errors));
        if let Some(errors) = nearest.filter(|errors| !errors.is_empty()) {
            for error in told(errors) {
                explain(error, found);
            }
            return;
        }
    }
    let mut reason = error.to_string();
    if let Some((end, _)) = reason.char_indices().nth(REASON_MAX) {
        reason.truncate(end);
        reason.push('…');
    }
    found.push((error.instance_path().to_string(), reason));
}

/// A branch comes near if it does not fail over the kind of value (`null` or an object, `type` is 1 or 2), fails deep
/// inside, and in few places.
fn nearness(errors: &[ValidationError<'_>]) -> (bool, usize, Reverse<usize>) {
    let place = |error: &ValidationError<'_>| error.instance_path().to_string();
    let is_other_kind = |error: &ValidationError<'_>| match error.kind() {
        ValidationErrorKind::Type { .. } => true,
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => {
            place(error).ends_with("type")
        }
        _ => false,
    };
    let depth = errors.iter().map(|error| place(error).matches('/').count());
    (
        !errors.iter().any(is_other_kind),
        depth.max().unwrap_or_default(),
        Reverse(errors.len()),
    )
}
