//! The hostile requests, each through the whole face: refused at once, and the process lives.

use std::{fmt::Write, time::Duration};

use kernel::Role;
use serde_json::{Value, json};
use testkit::World;

use super::{Client, JSON, code};
use crate::{Limits, Settings};

async fn refused(client: &Client, query: &str) -> String {
    let body = json!({ "query": query }).to_string();
    let answer = client
        .post(
            body,
            &[JSON, ("accept", "application/graphql-response+json")],
        )
        .await;
    assert_eq!(answer.status.as_u16(), 400, "{query:.80}: {}", answer.json);
    answer.code().to_owned()
}

#[tokio::test]
async fn no_small_request_kills_or_hangs_the_server() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let owner = world.person(pond, "olga", Some(Role::Owner)).await;
    let client = Client::of(&world, &owner).await;

    // 3 KB that would overflow the parser's stack.
    for bracket in ["[", "{a:", "{ community(communityId: [", "{me"] {
        let query = format!("{{ communities(limit: {}", bracket.repeat(1_600));
        assert_eq!(refused(&client, &query).await, "QUERY_TOO_DEEP");
    }
    // 1 KB that would keep a worker busy for hours.
    let mut query = "{ communities { ...F0 } }\n".to_owned();
    for i in 0..27 {
        let next = i + 1;
        writeln!(
            query,
            "fragment F{i} on Community {{ ...F{next} ...F{next} }}"
        )
        .unwrap();
    }
    query.push_str("fragment F27 on Community { id }");
    assert_eq!(refused(&client, &query).await, "QUERY_TOO_COMPLEX");
    let query = "{ communities { ...A } } fragment A on Community { ...B } fragment B on Community { ...A }";
    assert_eq!(refused(&client, query).await, "GRAPHQL_VALIDATION_FAILED");

    let aliases = (0..31).fold(String::new(), |text, i| format!("{text} a{i}: id"));
    let directives = "@include(if: true) ".repeat(51);
    for (query, expected) in [
        (format!("{{ communities {{ {aliases} }} }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ communities {{ id {directives} }} }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ communities {{ {} }} }}", "id ".repeat(1_001)), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "__typename ".repeat(21)), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "__typename ".repeat(2_001)), "QUERY_TOO_LARGE"),
        (format!("{{ __typename }}{}", " ".repeat(70_000)), "QUERY_TOO_LARGE"),
        ("{ communities(limit: 100) { members(first: 100) { nodes { name accounts { username } } } } }".to_owned(), "QUERY_TOO_COMPLEX"),
        ("{ communities(limit: 100) { activity { members } b: activity(period: LAST_7_DAYS) { members } } }".to_owned(), "QUERY_TOO_COMPLEX"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(), "QUERY_TOO_DEEP"),
    ] {
        assert_eq!(refused(&client, &query).await, expected, "{query:.80}");
    }
    assert_eq!(
        client.ask("{ me { displayName } }", json!({})).await["data"]["me"]["displayName"],
        "olga"
    );
    world.close().await;
}

#[tokio::test]
async fn cost_follows_variables_and_cannot_be_made_negative() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let owner = world.person(pond, "olga", Some(Role::Owner)).await;
    let client = Client::of(&world, &owner).await;
    let query = "query($a: Int, $b: Int) { communities(limit: $a) { members(first: $b) { nodes { name accounts { username } } } } }";
    let ask = async |a: i64, b: i64| {
        let answer = client.ask(query, json!({ "a": a, "b": b })).await;
        code(&answer).to_owned()
    };
    assert_eq!(ask(5, 20).await, "");
    assert_eq!(ask(100, 100).await, "QUERY_TOO_COMPLEX");
    // Far outside costs what the most costs, and is refused for what it is when it is little enough.
    assert_eq!(ask(2_147_483_647, 2_147_483_647).await, "QUERY_TOO_COMPLEX");
    assert_eq!(ask(-2_147_483_648, -1).await, "BAD_USER_INPUT");
    world.close().await;
}

#[tokio::test]
async fn an_answer_that_grows_too_large_is_stopped() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let owner = world.person(pond, "olga", Some(Role::Owner)).await;
    let client = Client::of(&world, &owner).await;
    // 30 times 40 years of days.
    let copies = (0..30).fold(String::new(), |text, i| {
        format!("{text} d{i}: daily {{ day messages activeMembers }}")
    });
    let query = format!(
        "{{ community(communityId: {}) {{ activity(from: \"1987-01-01\", until: \"2026-12-01\") {{ {copies} }} }} }}",
        pond.0
    );
    let answer = client.ask(&query, json!({})).await;
    assert_eq!(
        (code(&answer), &answer["data"]["community"]["activity"]),
        ("QUERY_TOO_COMPLEX", &Value::Null)
    );
    // Once is fine.
    let query = format!(
        "{{ community(communityId: {}) {{ activity(from: \"1987-01-01\", until: \"2026-12-01\") {{ daily {{ day messages }} }} }} }}",
        pond.0
    );
    let answer = client.ask(&query, json!({})).await;
    assert_eq!(
        answer["data"]["community"]["activity"]["daily"]
            .as_array()
            .unwrap()
            .len(),
        14_579
    );
    world.close().await;
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let owner = world.person(pond, "olga", Some(Role::Owner)).await;
    let settings = Settings {
        limits: Limits {
            deadline: Duration::ZERO,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let client = Client::with(&world, settings)
        .signed_in(&world, &owner)
        .await;
    let answer = client
        .post(r#"{"query":"{ communities { memberCount } }"}"#, &[JSON])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, "UNAVAILABLE")
    );
    world.close().await;
}
