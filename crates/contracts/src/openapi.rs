//! Holds an exchange against an OpenAPI 3 document whose references are resolved within `components/schemas`. Knows no
//! platform: what is particular to one is in its file.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use crate::{
    Exchange, Part, Violation,
    address::{self, Template},
    compile, strict, words,
};

const PLACE: [&str; 2] = ["components", "schemas"];
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A contract in the form of OpenAPI 3.
#[derive(Debug)]
pub(crate) struct OpenApi {
    /// What stands before every path.
    base: &'static str,
    /// Schema of the errors whose bodies the document does not describe.
    error: Option<Value>,
    templates: Vec<Template>,
    paths: Map<String, Value>,
    responses: Map<String, Value>,
    schemas: Map<String, Value>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One operation of the document.
struct Operation<'a> {
    /// `POST /channels/{channel_id}/messages`
    name: String,
    parameters: Vec<&'a Value>,
    document: &'a Value,
}

impl OpenApi {
    /// Takes a document.
    ///
    /// # Panics
    /// If it is no OpenAPI document.
    pub(crate) fn new(mut document: Value, base: &'static str, error: Option<Value>) -> Self {
        let mut take = |pointer: &str| match document.pointer_mut(pointer).map(Value::take) {
            Some(Value::Object(members)) => members,
            _ => panic!("the contract has no `{pointer}`"),
        };
        let mut schemas = take("/components/schemas");
        schemas.values_mut().for_each(strict::close_below);
        let paths = take("/paths");
        let responses = match document
            .pointer_mut("/components/responses")
            .map(Value::take)
        {
            Some(Value::Object(responses)) => responses,
            _ => Map::new(),
        };
        Self {
            base,
            error,
            templates: paths.keys().map(|path| Template::new(path)).collect(),
            paths,
            responses,
            schemas,
            compiled: Mutex::default(),
        }
    }

    /// Whether the path is below the base.
    pub(crate) fn covers(&self, exchange: &Exchange<'_>) -> bool {
        self.below(exchange).is_some()
    }

    fn below<'e>(&self, exchange: &Exchange<'e>) -> Option<&'e str> {
        exchange
            .path
            .strip_prefix(self.base)
            .filter(|rest| rest.starts_with('/'))
    }

    pub(crate) fn check(&self, exchange: &Exchange<'_>) -> Vec<Violation> {
        let Some(path) = self.below(exchange) else {
            return Vec::new();
        };
        let unknown = || {
            let name = format!("{} {path}", exchange.method);
            vec![Violation::new(
                &name,
                Part::Operation,
                path,
                "not in the contract",
            )]
        };
        let Some((template, values)) = address::find(&self.templates, path) else {
            return unknown();
        };
        let Some(operation) = self.operation(template, exchange.method) else {
            return unknown();
        };
        let mut found = self.check_path(&operation, &values);
        found.extend(self.check_query(&operation, exchange.query.unwrap_or_default()));
        found.extend(self.check_request(&operation, exchange));
        found.extend(self.check_reply(&operation, exchange));
        found
    }

    fn operation(&self, template: &Template, method: &str) -> Option<Operation<'_>> {
        let path = self.paths.get(&template.path)?;
        let document = path.get(method.to_ascii_lowercase())?;
        let shared = path.get("parameters").and_then(Value::as_array);
        let own = document.get("parameters").and_then(Value::as_array);
        Some(Operation {
            name: format!("{} {}", method.to_ascii_uppercase(), template.path),
            parameters: shared.into_iter().chain(own).flatten().collect(),
            document,
        })
    }

    fn check_path(&self, operation: &Operation<'_>, values: &[(&str, String)]) -> Vec<Violation> {
        let mut found = Vec::new();
        for (name, value) in values {
            if let Some(schema) = operation.parameter("path", name) {
                let words = std::slice::from_ref(value);
                found.extend(self.check_words(operation, Part::Path, name, schema, words));
            }
        }
        found
    }

    fn check_query(&self, operation: &Operation<'_>, query: &str) -> Vec<Violation> {
        let given = words::pairs(query.as_bytes());
        let mut found = Vec::new();
        for (name, values) in &given {
            match operation.parameter("query", name) {
                Some(schema) => {
                    found.extend(self.check_words(operation, Part::Query, name, schema, values));
                }
                None => found.push(Violation::new(
                    &operation.name,
                    Part::Query,
                    name,
                    "the contract has no such parameter",
                )),
            }
        }
        let names: HashSet<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        for parameter in operation.parameters.iter().filter(|it| is_required(it)) {
            let name = text(parameter, "name");
            if text(parameter, "in") == "query" && !names.contains(name) {
                found.push(Violation::new(
                    &operation.name,
                    Part::Query,
                    name,
                    "is required",
                ));
            }
        }
        found
    }

    fn check_words(
        &self,
        operation: &Operation<'_>,
        part: Part,
        name: &str,
        schema: &Value,
        words: &[String],
    ) -> Vec<Violation> {
        let key = format!("{} {part:?} {name}", operation.name);
        let validator = self.validator(&key, schema);
        let meanings = words::meanings(words);
        if meanings.iter().any(|meaning| validator.is_valid(meaning)) {
            return Vec::new();
        }
        // As the schema sees the last meaning: a number as a number.
        let nearest = meanings
            .iter()
            .map(|meaning| compile::findings(&validator, meaning))
            .min_by_key(|findings| {
                findings
                    .iter()
                    .any(|(_, reason)| reason.contains("not of type"))
            });
        let reasons = nearest.unwrap_or_default().into_iter();
        reasons
            .map(|(_, reason)| Violation::new(&operation.name, part, name, reason))
            .collect()
    }

    fn check_request(&self, operation: &Operation<'_>, exchange: &Exchange<'_>) -> Vec<Violation> {
        let out_of_order =
            |reason: &str| vec![Violation::new(&operation.name, Part::Request, "", reason)];
        let Some(description) = operation.document.get("requestBody") else {
            return match exchange.body {
                // Some clients send an empty object with every POST.
                [] | b"{}" => Vec::new(),
                _ => out_of_order("the operation takes no body"),
            };
        };
        if exchange.body.is_empty() {
            let required = is_required(description);
            return if required {
                out_of_order("the body is missing")
            } else {
                Vec::new()
            };
        }
        let kind = exchange.content_type.unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let Some(schema) = description
            .get("content")
            .and_then(|content| content.get(kind)?.get("schema"))
        else {
            return out_of_order(&format!("the operation takes no `{kind}`"));
        };
        let body = match kind {
            JSON => match serde_json::from_slice(exchange.body) {
                Ok(body) => body,
                Err(error) => return out_of_order(&format!("no JSON: {error}")),
            },
            FORM => form(exchange.body),
            // Files; the operations that our programs use take them only optionally.
            other => return out_of_order(&format!("`{other}` cannot be checked")),
        };
        self.check_json(operation, Part::Request, kind, schema, &body)
    }

    fn check_reply(&self, operation: &Operation<'_>, exchange: &Exchange<'_>) -> Vec<Violation> {
        // No answer, or a bad day: no contract promises those.
        if exchange.status == 0 || exchange.status >= 500 {
            return Vec::new();
        }
        let status = exchange.status.to_string();
        let group = format!("{}XX", exchange.status / 100);
        let documented = operation
            .document
            .get("responses")
            .and_then(Value::as_object);
        let response = documented.and_then(|responses| {
            responses
                .get(&status)
                .or_else(|| responses.get(&group))
                .or_else(|| responses.get("default"))
        });
        let is_error = exchange.status >= 400;
        let Some(response) = response else {
            // Every operation of Helix may answer 401 and 429, and the document names them only in some places.
            if is_error && let Some(schema) = &self.error {
                return self.check_reply_body(operation, &group, schema, exchange.reply);
            }
            let reason = "the operation does not answer so";
            return vec![Violation::new(
                &operation.name,
                Part::Status,
                status,
                reason,
            )];
        };
        let response = text(response, "$ref")
            .strip_prefix("#/components/responses/")
            .and_then(|name| self.responses.get(name))
            .unwrap_or(response);
        let schema = response
            .get("content")
            .and_then(|content| content.get(JSON)?.get("schema"))
            .or(if is_error { self.error.as_ref() } else { None });
        match schema {
            Some(schema) => self.check_reply_body(operation, &status, schema, exchange.reply),
            None if exchange.reply.is_empty() => Vec::new(),
            None => vec![Violation::new(
                &operation.name,
                Part::Reply,
                "",
                "there should be no body",
            )],
        }
    }

    fn check_reply_body(
        &self,
        operation: &Operation<'_>,
        key: &str,
        schema: &Value,
        reply: &[u8],
    ) -> Vec<Violation> {
        match serde_json::from_slice(reply) {
            Ok(body) => self.check_json(operation, Part::Reply, key, schema, &body),
            Err(error) => {
                let reason = format!("no JSON: {error}");
                vec![Violation::new(&operation.name, Part::Reply, "", reason)]
            }
        }
    }

    fn check_json(
        &self,
        operation: &Operation<'_>,
        part: Part,
        key: &str,
        schema: &Value,
        body: &Value,
    ) -> Vec<Violation> {
        let validator = self.validator(&format!("{} {part:?} {key}", operation.name), schema);
        compile::findings(&validator, body)
            .into_iter()
            .map(|(at, reason)| Violation::new(&operation.name, part, at, reason))
            .collect()
    }

    fn validator(&self, key: &str, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(key) {
            return Arc::clone(validator);
        }
        let mut schema = schema.clone();
        strict::close(&mut schema);
        let validator = compile::compile(&schema, &PLACE, &self.schemas, Draft::Draft202012);
        let validator = Arc::new(validator);
        compiled.insert(key.to_owned(), Arc::clone(&validator));
        validator
    }

    /// Compiles everything there is; the number of schemas.
    #[cfg(test)]
    pub(crate) fn compile_all(&self) -> usize {
        let mut n = 0;
        for (path, operations) in &self.paths {
            for (method, document) in operations.as_object().into_iter().flatten() {
                let contents = document.get("responses").and_then(Value::as_object);
                let contents = contents.into_iter().flatten().map(|(_, response)| response);
                for content in contents.chain(document.get("requestBody")) {
                    if let Some(schema) = content.pointer("/content/application~1json/schema") {
                        n += 1;
                        self.validator(&format!("{method} {path} {n}"), schema);
                    }
                }
            }
        }
        n
    }
}

impl<'a> Operation<'a> {
    /// The schema of a parameter.
    fn parameter(&self, place: &str, name: &str) -> Option<&'a Value> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|it| text(it, "in") == place && text(it, "name") == name);
        found.and_then(|parameter| parameter.get("schema"))
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_required(value: &Value) -> bool {
    value
        .get("required")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// A form as an object; numbers and truth values are taken for what they look like.
fn form(body: &[u8]) -> Value {
    let member = |(name, values): (String, Vec<String>)| {
        let value = values.into_iter().next_back().unwrap_or_default();
        (name, words::scalar(&value).unwrap_or(Value::String(value)))
    };
    words::pairs(body)
        .into_iter()
        .map(member)
        .collect::<Map<_, _>>()
        .into()
}
