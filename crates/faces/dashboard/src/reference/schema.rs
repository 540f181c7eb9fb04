//! The OpenAPI document as pages show it: operations by tag.

use serde_json::Value;

use super::shape::{self, Shape};

/// The whole document.
pub(super) struct Api {
    /// What holds for all of it.
    pub(super) about: String,
    /// Its operations by tag, in the document's order of tags.
    pub(super) groups: Vec<Group>,
}

/// The operations of a tag.
pub(super) struct Group {
    /// The tag, also its name in addresses.
    pub(super) name: String,
    /// What it is about.
    pub(super) about: String,
    /// Those to use, then those of earlier versions.
    pub(super) operations: Vec<Operation>,
}

/// An operation.
pub(super) struct Operation {
    /// Its name, which is its place on the page too.
    pub(super) id: String,
    /// `GET`.
    pub(super) method: String,
    /// `/api/v1/…`
    pub(super) path: String,
    /// What it does.
    pub(super) about: String,
    /// More about it.
    pub(super) more: String,
    /// Whether another is to be used.
    pub(super) is_old: bool,
    /// Whether nobody need sign in.
    pub(super) is_open: bool,
    /// What stands in the address and the headers.
    pub(super) parameters: Vec<Parameter>,
    /// What is sent.
    pub(super) body: Option<Shape>,
    /// What comes back when all is well.
    pub(super) answers: Vec<Answer>,
    /// How curl asks.
    pub(super) curl: String,
}

/// A part of the address, or a header.
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: String,
    /// `path`, `query` or `header`.
    pub(super) place: String,
    /// What it holds.
    pub(super) kind: String,
    /// Whether it must be there.
    pub(super) is_needed: bool,
    /// What it is.
    pub(super) about: String,
}

/// An answer.
pub(super) struct Answer {
    /// The status.
    pub(super) status: String,
    /// What it means.
    pub(super) about: String,
    /// What is in it.
    pub(super) shape: Option<Shape>,
}

/// A text of the document, or an empty one.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

impl Api {
    /// Reads the document. What is not one has no operations.
    pub(super) fn read(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let mut all = operations(&document);
        let tags = document.get("tags").and_then(Value::as_array);
        let group = |tag: &Value| {
            let name = text(tag, "/name");
            let (own, others): (Vec<_>, Vec<_>) = std::mem::take(&mut all)
                .into_iter()
                .partition(|(tag, _)| *tag == name);
            all = others;
            let mut operations: Vec<Operation> = own.into_iter().map(|(_, one)| one).collect();
            operations.sort_by_key(|operation| operation.is_old);
            Group {
                about: text(tag, "/description"),
                operations,
                name,
            }
        };
        Self {
            about: text(&document, "/info/description"),
            groups: tags.into_iter().flatten().map(group).collect(),
        }
    }
}

fn operations(document: &Value) -> Vec<(String, Operation)> {
    let mut all = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(described) = item.get(method) {
                let tag = text(described, "/tags/0");
                all.push((tag, operation(document, method, path, described)));
            }
        }
    }
    all
}

fn operation(document: &Value, method: &str, path: &str, described: &Value) -> Operation {
    let ways = described.get("security").and_then(Value::as_array);
    let is_open = ways.is_some_and(|ways| {
        let mut ways = ways.iter().filter_map(Value::as_object);
        ways.any(serde_json::Map::is_empty)
    });
    let content = "/requestBody/content/application~1json/schema";
    let body = described.pointer(content);
    let method = method.to_uppercase();
    Operation {
        id: text(described, "/operationId"),
        path: path.to_owned(),
        about: text(described, "/summary"),
        more: text(described, "/description"),
        is_old: described.get("deprecated").and_then(Value::as_bool) == Some(true),
        is_open,
        parameters: parameters(document, described),
        body: body.map(|schema| shape::of(document, schema)),
        answers: answers(document, described),
        curl: curl(
            &method,
            path,
            is_open,
            body.map(|schema| shape::sample(document, schema)),
        ),
        method,
    }
}

fn parameters(document: &Value, described: &Value) -> Vec<Parameter> {
    let all = described.get("parameters").and_then(Value::as_array);
    let parameter = |one: &Value| Parameter {
        name: text(one, "/name"),
        place: text(one, "/in"),
        kind: one
            .get("schema")
            .map(|schema| shape::kind(document, schema))
            .unwrap_or_default(),
        is_needed: one.get("required").and_then(Value::as_bool) == Some(true),
        about: text(one, "/description"),
    };
    all.into_iter().flatten().map(parameter).collect()
}

fn answers(document: &Value, described: &Value) -> Vec<Answer> {
    let all = described.get("responses").and_then(Value::as_object);
    let good = all.into_iter().flatten();
    let good = good.filter(|(status, _)| status.starts_with('2'));
    let answer = |(status, answer): (&String, &Value)| Answer {
        status: status.clone(),
        about: text(answer, "/description"),
        shape: answer
            .pointer("/content/application~1json/schema")
            .map(|schema| shape::of(document, schema)),
    };
    good.map(answer).collect()
}

/// A command to try it with; `SERVER` and `KEY` are the reader's.
fn curl(method: &str, path: &str, is_open: bool, body: Option<Value>) -> String {
    let mut lines = vec![match method {
        "GET" => format!("curl -s \"$SERVER{path}\""),
        _ => format!("curl -s -X {method} \"$SERVER{path}\""),
    }];
    if !is_open {
        lines.push("-H \"X-API-Key: $KEY\"".to_owned());
    }
    if let Some(body) = body {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!("-d '{body}'"));
    }
    lines.join(" \\\n  ")
}
