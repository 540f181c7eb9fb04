//! The hostile documents, one for each limit, and the honest ones that must pass.

use std::fmt::Write;

use async_graphql::parser::{parse_query, types::OperationType};

use super::{Limits, resolve, walk};

fn code(document: &str) -> Option<&'static str> {
    code_with(document, &Limits::default())
}

fn code_with(document: &str, limits: &Limits) -> Option<&'static str> {
    let parsed = parse_query(document).unwrap();
    walk(&parsed, limits).err().map(|refusal| refusal.code)
}

/// `n` fragments, each spreading the next one twice.
fn doubling(n: u32, root: &str) -> String {
    let mut document = format!("{{ {root} {{ ...F0 }} }}\n");
    for i in 0..n {
        let next = i + 1;
        writeln!(document, "fragment F{i} on T {{ ...F{next} ...F{next} }}").unwrap();
    }
    writeln!(document, "fragment F{n} on T {{ a }}").unwrap();
    document
}

#[test]
fn twenty_seven_fragments_each_spreading_the_next_twice_are_refused() {
    assert_eq!(code(&doubling(27, "a")), Some("QUERY_TOO_COMPLEX"));
    assert_eq!(code(&doubling(27, "__schema")), Some("QUERY_TOO_COMPLEX"));
    // 2^28 fields do not overflow either, and more levels are too deep.
    assert_eq!(code(&doubling(200, "a")), Some("QUERY_TOO_DEEP"));
}

#[test]
fn fragments_that_nothing_spreads_are_refused_unseen() {
    let document = doubling(20, "a").replace("{ ...F0 }", "{ b }");
    assert_eq!(code(&document), Some("GRAPHQL_VALIDATION_FAILED"));
}

#[test]
fn a_fragment_that_contains_itself_is_refused() {
    for document in [
        "{ ...A } fragment A on T { ...A }",
        "{ ...A } fragment A on T { a { ...B } } fragment B on T { b { ...A } }",
        "{ a { ...A } } fragment A on T { ... { ...A } }",
    ] {
        assert_eq!(
            code(document),
            Some("GRAPHQL_VALIDATION_FAILED"),
            "{document}"
        );
    }
}

#[test]
fn ten_levels_of_fields_pass_and_eleven_do_not() {
    let nested = |n: usize| format!("{}x{}", "{a".repeat(n - 1) + "{", "}".repeat(n));
    assert_eq!(code(&nested(10)), None);
    assert_eq!(code(&nested(11)), Some("QUERY_TOO_DEEP"));
}

#[test]
fn depth_is_counted_through_fragments_and_inline_fragments() {
    let document = "{ a { b { c { ...F } } } } \
                    fragment F on T { d { e { ... on T { f { ...G } } } } } \
                    fragment G on T { g { h { i { j { k } } } } }";
    assert_eq!(code(document), Some("QUERY_TOO_DEEP"));
    let mut limits = Limits {
        depth: 11,
        ..Limits::default()
    };
    assert_eq!(code_with(document, &limits), None);
    limits.nesting = 14;
    assert_eq!(code_with(document, &limits), None);
    limits.nesting = 13;
    assert_eq!(code_with(document, &limits), Some("QUERY_TOO_DEEP"));
}

#[test]
fn inline_fragments_without_fields_are_nesting_too() {
    let document = format!("{{ {}a{} }}", "...{".repeat(40), "}".repeat(40));
    assert_eq!(code(&document), Some("QUERY_TOO_DEEP"));
}

#[test]
fn alias_overload_is_refused() {
    let aliases = |n: u32| (0..n).fold(String::new(), |text, i| format!("{text} a{i}: a"));
    assert_eq!(code(&format!("{{ r {{ {} }} }}", aliases(30))), None);
    assert_eq!(
        code(&format!("{{ r {{ {} }} }}", aliases(31))),
        Some("QUERY_TOO_COMPLEX")
    );
    // Ten in a fragment that is spread four times are forty.
    let spread = format!(
        "{{ r {{ ...F }} s {{ ...F }} t {{ ...F }} u {{ ...F }} }} fragment F on T {{ {} }}",
        aliases(10)
    );
    assert_eq!(code(&spread), Some("QUERY_TOO_COMPLEX"));
}

#[test]
fn directive_overload_is_refused_wherever_the_directives_stand() {
    let many = "@a ".repeat(51);
    for document in [
        format!("{{ f {many} }}"),
        format!("query {many} {{ f }}"),
        format!("query ($x: Int {many}) {{ f }}"),
        format!("{{ ... {many} {{ f }} }}"),
        format!("{{ ...F {many} }} fragment F on T {{ f }}"),
        format!("{{ ...F }} fragment F on T {many} {{ f }}"),
    ] {
        assert_eq!(code(&document), Some("QUERY_TOO_COMPLEX"), "{document}");
    }
}

#[test]
fn repeated_fields_are_refused() {
    assert_eq!(
        code(&format!("{{ r {{ {} }} }}", "a ".repeat(1_001))),
        Some("QUERY_TOO_COMPLEX")
    );
    assert_eq!(
        code(&format!("{{ {} }}", "a ".repeat(21))),
        Some("QUERY_TOO_COMPLEX")
    );
}

#[test]
fn many_operations_are_refused() {
    let document = (0..11).fold(String::new(), |text, i| {
        format!("{text} query Q{i} {{ a }}")
    });
    assert_eq!(code(&document), Some("QUERY_TOO_LARGE"));
}

#[test]
fn the_introspection_query_of_graphiql_passes() {
    assert_eq!(code(include_str!("introspection.graphql")), None);
}

#[test]
fn lists_in_lists_of_the_schema_are_refused() {
    let document = "{ __schema { types { fields { type { possibleTypes { name } } } } } }";
    assert_eq!(code(document), None);
    let document =
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(code(document), Some("QUERY_TOO_DEEP"));
    let through_fragments = "{ __type(name: \"T\") { ...A } } \
                             fragment A on __Type { fields { type { ...B } } } \
                             fragment B on __Type { fields { type { ...C } } } \
                             fragment C on __Type { fields { args { type { enumValues { name } } } } }";
    assert_eq!(code(through_fragments), Some("QUERY_TOO_DEEP"));
}

#[test]
fn the_operation_is_told_by_its_name() {
    let parsed = parse_query("query A { a } mutation B { b } subscription C { c }").unwrap();
    let kind = |name| {
        let operation = resolve(&parsed, name);
        operation
            .map(|found| found.ty)
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(kind(Some("A")), Ok(OperationType::Query));
    assert_eq!(kind(Some("B")), Ok(OperationType::Mutation));
    assert_eq!(kind(Some("C")), Ok(OperationType::Subscription));
    assert_eq!(kind(Some("D")), Err("OPERATION_RESOLUTION_FAILURE"));
    assert_eq!(kind(None), Err("OPERATION_RESOLUTION_FAILURE"));
}
