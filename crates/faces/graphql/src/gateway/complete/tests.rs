//! What the engine answers, and what must leave.

use async_graphql::{PathSegment, Response, ServerError, Value, Variables, parser::parse_query};
use serde_json::json;

use super::{Plan, Types};

const SDL: &str =
    "type Query { maybe: Thing sure: Thing! list: [Thing!]! gaps: [Thing] n: Int numbers: [Int!]! }
                   type Thing { a: Int b: Int! below: Thing deep: Thing! }";

fn completed(query: &str, data: serde_json::Value, failed: &[&str]) -> String {
    completed_with(query, json!({}), data, failed)
}

/// The completed data as text, so that the order counts. `failed` are paths like `list/0/b`.
fn completed_with(
    query: &str,
    variables: serde_json::Value,
    data: serde_json::Value,
    failed: &[&str],
) -> String {
    let types = Types::read(SDL).unwrap();
    let document = parse_query(query).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let variables = Variables::from_json(variables);
    let plan = Plan::new(&types, &document, &operation.node, &variables);
    let mut response = Response::new(Value::from_json(data).unwrap());
    for path in failed {
        let mut error = ServerError::new("failed", None);
        error.path = path
            .split('/')
            .map(|part| match part.parse() {
                Ok(index) => PathSegment::Index(index),
                Err(_) => PathSegment::Field(part.to_owned()),
            })
            .collect();
        response.errors.push(error);
    }
    plan.complete(&mut response);
    serde_json::to_string(&response.data).unwrap()
}

#[test]
fn fields_come_in_the_order_of_the_query_through_fragments_and_lists() {
    let query = "{ ...F n list { b ... { a } x: b } } fragment F on Query { maybe { b a } n }";
    let data = json!({ "list": [{ "a": 1, "b": 2, "x": 3 }], "maybe": { "a": 1, "b": 2 }, "n": 0 });
    assert_eq!(
        completed(query, data, &[]),
        r#"{"maybe":{"b":2,"a":1},"n":0,"list":[{"b":2,"a":1,"x":3}]}"#
    );
}

#[test]
fn a_failed_nullable_field_is_null() {
    assert_eq!(
        completed(
            "{ n maybe { a b } }",
            json!({ "maybe": { "b": 2 } }),
            &["n", "maybe/a"]
        ),
        r#"{"n":null,"maybe":{"a":null,"b":2}}"#
    );
}

#[test]
fn an_object_whose_fields_all_failed_is_still_an_object() {
    assert_eq!(
        completed("{ maybe { a } }", json!({ "maybe": null }), &["maybe/a"]),
        r#"{"maybe":{"a":null}}"#
    );
    assert_eq!(completed("{ n }", json!(null), &["n"]), r#"{"n":null}"#);
    // And what was null by itself stays null.
    assert_eq!(
        completed("{ n maybe { a } }", json!({ "maybe": null }), &["n"]),
        r#"{"n":null,"maybe":null}"#
    );
}

#[test]
fn a_null_where_none_may_be_moves_up_to_where_one_may() {
    let data = json!({ "maybe": { "a": 1 }, "n": 5 });
    assert_eq!(
        completed("{ n maybe { a b } }", data, &["maybe/b"]),
        r#"{"n":5,"maybe":null}"#
    );
    let data = json!({ "maybe": { "deep": { "deep": { "a": 1 } } } });
    assert_eq!(
        completed(
            "{ maybe { deep { deep { a b } } } }",
            data,
            &["maybe/deep/deep/b"]
        ),
        r#"{"maybe":null}"#
    );
    assert_eq!(
        completed("{ n sure { b } }", json!({ "n": 5 }), &["sure/b"]),
        "null"
    );
    let data = json!({ "gaps": [{ "b": 1 }, { "a": 1 }] });
    assert_eq!(
        completed("{ gaps { a b } }", data, &["gaps/0/a", "gaps/1/b"]),
        r#"{"gaps":[{"a":null,"b":1},null]}"#
    );
    let data = json!({ "n": 5, "list": [{ "b": 1 }, null] });
    assert_eq!(completed("{ n list { b } }", data, &["list/1/b"]), "null");
}

#[test]
fn what_is_left_out_on_purpose_is_not_missing() {
    let query = "query($yes: Boolean!, $no: Boolean!) { n @include(if: $no) sure { b a @skip(if: $yes) } \
                 maybe @include(if: $yes) { a } ... @skip(if: true) { numbers } }";
    let data = json!({ "sure": { "b": 1 }, "maybe": { "a": 2 } });
    assert_eq!(
        completed_with(query, json!({ "yes": true, "no": false }), data, &[]),
        r#"{"sure":{"b":1},"maybe":{"a":2}}"#
    );
}

#[test]
fn what_was_refused_is_left_alone() {
    let mut response = Response::from_errors(vec![ServerError::new("no", None)]);
    let types = Types::read(SDL).unwrap();
    let document = parse_query("{ n }").unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    Plan::new(&types, &document, &operation.node, &Variables::default()).complete(&mut response);
    assert_eq!(response.data, Value::Null);
}

#[test]
fn the_schema_has_neither_interfaces_nor_unions() {
    for line in crate::sdl().lines() {
        assert!(
            !line.starts_with("interface ") && !line.starts_with("union "),
            "{line}"
        );
    }
}
