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
    completed_in(SDL, query, variables, data, failed)
}

fn completed_in(
    sdl: &str,
    query: &str,
    variables: serde_json::Value,
    data: serde_json::Value,
    failed: &[&str],
) -> String {
    let types = Types::read(sdl).unwrap();
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

/// Of a thing that may be a duck or a pond.
const BIRDS: &str = "type Query { any: [Bird] one: Bird }
                     interface Bird { id: ID! }
                     type Duck implements Bird { id: ID! name: String wings: Wings }
                     type Swan implements Bird { id: ID! name: String! wings: Wings neck: Int! }
                     type Wings { left: Int right: Int }";

fn seen(query: &str, data: serde_json::Value, failed: &[&str]) -> String {
    completed_in(BIRDS, query, json!({}), data, failed)
}

#[test]
fn what_is_asked_of_other_types_is_not_missing() {
    let query = "{ any { id ... on Duck { name wings { left } } ...S } }
                 fragment S on Swan { neck wings { right } ... on Bird { id } }";
    let data = json!({ "any": [
        { "id": "d", "name": null, "wings": { "left": 1 } },
        null,
        { "wings": { "right": 2 }, "neck": 90, "id": "s" },
    ] });
    assert_eq!(
        seen(query, data, &[]),
        r#"{"any":[{"id":"d","name":null,"wings":{"left":1}},null,{"id":"s","wings":{"right":2},"neck":90}]}"#
    );
}

#[test]
fn what_failed_of_one_type_is_null_or_moves_up() {
    let query = "{ any { ... on Duck { name wings { left right } } ... on Swan { neck id } } }";
    let data = json!({ "any": [{ "wings": { "left": 1 } }, { "id": "s" }] });
    assert_eq!(
        seen(
            query,
            data,
            &["any/0/name", "any/0/wings/right", "any/1/neck"]
        ),
        r#"{"any":[{"name":null,"wings":{"left":1,"right":null}},null]}"#
    );
    let query = "{ one { id ... on Duck { wings { left } } } }";
    assert_eq!(
        seen(query, json!({ "one": { "id": "d" } }), &["one/wings/left"]),
        r#"{"one":{"id":"d","wings":{"left":null}}}"#
    );
}

#[test]
fn what_every_type_is_asked_for_is_certain_wherever_it_stands() {
    let query = "{ one { ... on Duck { id } id } }";
    assert_eq!(
        seen(query, json!({ "one": {} }), &["one/id"]),
        r#"{"one":null}"#
    );
}

#[test]
fn the_schema_has_no_unions() {
    assert!(!crate::sdl().lines().any(|line| line.starts_with("union ")));
}
