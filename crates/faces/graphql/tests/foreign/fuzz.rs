//! Schemathesis (PyPI): operations made from the schema, as nobody and as an owner with a session. No fault of ours, no
//! code that is not documented, and no answer that the schema does not describe.

use graphql::{Limits, Readers, Settings};
use kernel::Role;
use serde_json::json;

use super::{pond::Pond, run::Client};

/// Operations for each field of the roots, unless the variable says otherwise: enough to find what is plainly wrong while
/// everything is tested. `cargo xtask test --examples 200` looks longer.
const EXAMPLES: u32 = 5;

/// What a request made from the schema may be refused with.
const CODES: [&str; 9] = [
    "BAD_USER_INPUT",
    "CONFLICT",
    "FORBIDDEN",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_FOUND",
    "QUERY_TOO_COMPLEX",
    "QUERY_TOO_DEEP",
    "RATE_LIMITED",
    "UNAUTHENTICATED",
];

async fn fuzz(is_signed_in: bool) {
    let examples = std::env::var("WADDLEBOT_TEST_EXAMPLES").ok();
    let examples = examples.map_or(EXAMPLES, |text| text.parse().unwrap());
    let settings = Settings {
        schema_readers: Readers::Everyone,
        limits: Limits {
            // What is looked for is what resolvers do, not what is refused before them.
            cost: 1_000_000,
            per_minute: u64::MAX,
            per_minute_anonymous: u64::MAX,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let mut pond = Pond::with(settings).await;
    pond.world.say(pond.id, "ann", "quack").await;
    pond.world.sql("UPDATE users SET claimed_at = 1").await;
    let mut told = pond.told();
    let headers = if is_signed_in {
        let olga = pond.world.person(pond.id, "olga", Some(Role::Owner)).await;
        let token = pond.world.token(olga.user).await;
        json!({ "Cookie": format!("wb_session={token}") })
    } else {
        json!({})
    };
    told["headers"] = headers;
    told["examples"] = json!(examples);
    told["codes"] = json!(CODES);
    // It would end what everything else is asked with.
    told["leftOut"] = json!(["Mutation.revokeSession"]);
    if let Some(mut client) = Client::start("fuzz.py", &told) {
        let seen = client.saw("fuzzed").await;
        client.end().await;
        assert_eq!(seen["n"], 0, "{:#}", seen["found"]);
        let (asked, answered) = (seen["asked"].as_u64(), seen["answered"].as_u64());
        assert!(asked > Some(100) && answered > Some(10), "{seen}");
    }
    pond.world.expect_leftovers();
    pond.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_anything_but_what_the_schema_describes() {
    fuzz(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_gets_nothing_but_what_the_schema_describes() {
    fuzz(true).await;
}
