//! Slack's contracts: the Web API ([`WebApi`]) and what Slack sends by itself ([`SlackEvents`]).
//!
//! Slack's own documents are frozen since 2021 (<https://github.com/slackapi/slack-api-specs>), so they are read with
//! three reservations: keys and error codes they do not know are no mistake, methods they do not know are not covered,
//! and parameters added since are listed in [`correct::ADDED`].

mod blocks;
mod correct;
mod events;
mod shape;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::{Exchange, Part, Violation, compile, files, words};

pub use events::SlackEvents;

const BASE: &str = "/api/";
const PLACE: [&str; 1] = ["definitions"];
/// Parameters that travel as JSON in a form.
const AS_JSON: [&str; 4] = ["attachments", "blocks", "metadata", "view"];
/// Where every method takes the token if not in the header.
const TOKEN: &str = "token";

/// The Web API.
#[derive(Debug)]
pub(crate) struct WebApi {
    paths: Map<String, Value>,
    definitions: Map<String, Value>,
    post_message: Validator,
    blocks: Validator,
    /// Replies as a library of Slack's types them, for methods that the document lacks or does not describe.
    samples: BTreeMap<String, Value>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl WebApi {
    /// Reads the files; `None` where they are absent.
    ///
    /// # Panics
    /// If they are not what they should be.
    pub(crate) fn load() -> Option<Self> {
        let mut document = files::read("slack/slack_web_openapi_v2_without_examples.json")?;
        let post_message = files::read("slack/generated_post_message.schema.json")?;
        let blocks = files::read("slack/generated_blocks.schema.json")?;
        let samples = files::read_all("slack/samples-api")?;
        correct::correct(&mut document);
        let mut take = |key: &str| match document.get_mut(key).map(Value::take) {
            Some(Value::Object(members)) => members,
            _ => panic!("the contract has no `{key}`"),
        };
        let method =
            |(name, sample): (String, Value)| (name.trim_end_matches(".json").to_owned(), sample);
        Some(Self {
            paths: take("paths"),
            definitions: take("definitions"),
            post_message: generated(&post_message),
            blocks: generated(&blocks),
            samples: samples.into_iter().map(method).collect(),
            compiled: Mutex::default(),
        })
    }

    /// Whether the method is known.
    pub(crate) fn covers(&self, exchange: &Exchange<'_>) -> bool {
        exchange.path.strip_prefix(BASE).is_some_and(|method| {
            self.document(method).is_some() || self.samples.contains_key(method)
        })
    }

    /// GET and POST are the same to Slack; the document names only one of them.
    fn document(&self, method: &str) -> Option<&Value> {
        let path = self.paths.get(&format!("/{method}"))?;
        path.get("post").or_else(|| path.get("get"))
    }

    pub(crate) fn check(&self, exchange: &Exchange<'_>) -> Vec<Violation> {
        let Some(method) = exchange.path.strip_prefix(BASE) else {
            return Vec::new();
        };
        if !self.covers(exchange) {
            return Vec::new();
        }
        let mut found = self.check_request(method, exchange);
        found.extend(self.check_reply(method, exchange));
        found
    }

    fn check_request(&self, method: &str, exchange: &Exchange<'_>) -> Vec<Violation> {
        let out_of_order =
            |at: &str, reason: &str| Violation::new(method, Part::Request, at, reason);
        let arguments = match arguments(exchange) {
            Ok(arguments) => arguments,
            Err(reason) => return vec![out_of_order("", &reason)],
        };
        let mut found = Vec::new();
        if let Some(blocks) = arguments.get("blocks") {
            let wrong = compile::findings(&self.blocks, &json!({ "blocks": blocks }));
            let long = blocks::too_long(blocks);
            let long = long
                .into_iter()
                .map(|(at, reason)| (format!("/blocks{at}"), reason));
            let wrong = wrong.into_iter().chain(long);
            found.extend(wrong.map(|(at, reason)| out_of_order(&at, &reason)));
        }
        if method == "chat.postMessage" {
            // Newer and stricter than the document.
            let wrong = compile::findings(&self.post_message, &Value::Object(arguments));
            let wrong = wrong
                .into_iter()
                .filter(|(at, _)| !at.starts_with("/blocks"));
            found.extend(wrong.map(|(at, reason)| out_of_order(&at, &reason)));
            return found;
        }
        let Some(document) = self.document(method) else {
            return found;
        };
        let parameters: Vec<&Value> = document
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        for (name, value) in &arguments {
            let known = parameters.iter().find(|it| text(it, "name") == name);
            match known.map(|parameter| text(parameter, "type")) {
                Some(kind) if !fits(kind, value) => {
                    found.push(out_of_order(name, &format!("{value} is no {kind}")));
                }
                None if name != TOKEN && !correct::is_added(method, name) => {
                    found.push(out_of_order(name, "the contract has no such parameter"));
                }
                _ => {}
            }
        }
        for parameter in parameters {
            let name = text(parameter, "name");
            let is_required = parameter.get("required") == Some(&Value::Bool(true));
            if is_required && name != TOKEN && !arguments.contains_key(name) {
                found.push(out_of_order(name, "is required"));
            }
        }
        found
    }

    fn check_reply(&self, method: &str, exchange: &Exchange<'_>) -> Vec<Violation> {
        let out_of_order =
            |at: String, reason: String| Violation::new(method, Part::Reply, at, reason);
        match exchange.status {
            200 => {}
            // With a 429 the header is what counts; the body may be empty.
            0 | 429 | 500.. => return Vec::new(),
            status => {
                let reason = "Slack answers 200, also to errors".to_owned();
                return vec![Violation::new(
                    method,
                    Part::Status,
                    status.to_string(),
                    reason,
                )];
            }
        }
        let reply: Value = match serde_json::from_slice(exchange.reply) {
            Ok(reply) => reply,
            Err(error) => return vec![out_of_order(String::new(), format!("no JSON: {error}"))],
        };
        let mut found = Vec::new();
        let is_ok = reply.get("ok") == Some(&Value::Bool(true));
        let case = if is_ok { "200" } else { "default" };
        if let Some(validator) = self.reply_validator(method, case) {
            found.extend(compile::findings(&validator, &reply));
        }
        if let Some(sample) = self.samples.get(method) {
            found.extend(shape::compare(&reply, sample));
        }
        found
            .into_iter()
            .map(|(at, reason)| out_of_order(at, reason))
            .collect()
    }

    fn reply_validator(&self, method: &str, case: &str) -> Option<Arc<Validator>> {
        let schema = self
            .document(method)?
            .get("responses")?
            .get(case)?
            .get("schema")?;
        let key = format!("{method} {case}");
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(&key) {
            return Some(Arc::clone(validator));
        }
        let validator = compile::compile(schema, &PLACE, &self.definitions, Draft::Draft4);
        let validator = Arc::new(validator);
        compiled.insert(key, Arc::clone(&validator));
        Some(validator)
    }

    /// Compiles everything there is; the number of schemas.
    #[cfg(test)]
    pub(crate) fn compile_all(&self) -> usize {
        let methods = self.paths.keys().map(|path| path.trim_start_matches('/'));
        let cases = methods.flat_map(|method| [(method, "200"), (method, "default")]);
        cases
            .filter_map(|(method, case)| self.reply_validator(method, case))
            .count()
    }
}

/// Compiles a schema that was generated from types.
fn generated(document: &Value) -> Validator {
    let definitions = document.get("definitions").and_then(Value::as_object);
    let definitions = definitions.cloned().unwrap_or_default();
    let mut schema = document.clone();
    if let Some(members) = schema.as_object_mut() {
        members.remove("definitions");
    }
    compile::compile(&schema, &PLACE, &definitions, Draft::Draft7)
}

/// What a request gives, wherever it stands: Slack takes arguments from query, form and JSON alike.
fn arguments(exchange: &Exchange<'_>) -> Result<Map<String, Value>, String> {
    let kind = exchange.content_type.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let mut pairs = words::pairs(exchange.query.unwrap_or_default().as_bytes());
    let mut arguments = match kind {
        _ if exchange.body.is_empty() => Map::new(),
        "application/json" => match serde_json::from_slice(exchange.body) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err("the body is no object".to_owned()),
            Err(error) => return Err(format!("no JSON: {error}")),
        },
        "application/x-www-form-urlencoded" => {
            pairs.extend(words::pairs(exchange.body));
            Map::new()
        }
        other => return Err(format!("Slack takes no `{other}`")),
    };
    for (name, values) in pairs {
        let word = values.into_iter().next_back().unwrap_or_default();
        let value = if AS_JSON.contains(&name.as_str()) {
            serde_json::from_str(&word).map_err(|error| format!("`{name}` is no JSON: {error}"))?
        } else if correct::IS_FLAG.contains(&name.as_str()) {
            flag(&word).map_or(Value::String(word), Value::Bool)
        } else {
            Value::String(word)
        };
        arguments.insert(name, value);
    }
    // Some clients write what is not given as `null`.
    arguments.retain(|_, value| !value.is_null());
    Ok(arguments)
}

fn flag(word: &str) -> Option<bool> {
    match word {
        "1" | "true" | "True" => Some(true),
        "0" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a value is of a kind that Swagger names; in a form everything is text.
fn fits(kind: &str, value: &Value) -> bool {
    let word = value.as_str().unwrap_or_default();
    match kind {
        "boolean" => value.is_boolean() || flag(word).is_some(),
        "integer" => value.is_i64() || value.is_u64() || word.parse::<i64>().is_ok(),
        "number" => value.is_number() || word.parse::<f64>().is_ok(),
        // JSON in a form; as JSON it need not be quoted. Numbers are taken for their digits.
        "string" => !value.is_null(),
        _ => true,
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
