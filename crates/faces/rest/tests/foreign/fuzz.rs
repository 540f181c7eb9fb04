//! Schemathesis (PyPI): requests made from the OpenAPI document, as nobody, with a key and with a session. No fault of
//! ours, and no answer that the document does not describe.

use std::{net::SocketAddr, sync::Arc};

use kernel::Role;
use rest::{Settings, router};
use serde_json::{Value, json};
use testkit::World;
use tokio::net::TcpListener;

use super::run::Client;

/// Requests for each operation, unless the variable says otherwise: enough to find what is plainly wrong while everything
/// is tested. `cargo xtask test --examples 200` looks longer.
const EXAMPLES: u32 = 5;

fn examples() -> u32 {
    let wanted = std::env::var("WADDLEBOT_TEST_EXAMPLES").ok();
    wanted.map_or(EXAMPLES, |text| text.parse().unwrap())
}

/// What is asked for in each answer. What a service refuses beyond the form of a request is not in a document.
const CHECKS: [&str; 5] = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
];

/// What would end the session or the key that everything else is asked with.
const LEFT_OUT: [&str; 4] = [
    "/api/v1/auth/logout",
    "/api/v1/auth/password",
    "/api/v1/auth/sessions/{id}",
    "/api/v1/auth/api-keys/{id}",
];

async fn fuzz(headers: impl AsyncFnOnce(&mut World) -> Value) {
    let mut world = World::sqlite().await;
    let headers = headers(&mut world).await;
    let settings = Settings {
        per_minute: u64::from(u32::MAX),
        per_minute_anonymous: u64::from(u32::MAX),
        ..Settings::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = router(Arc::clone(&world.app), settings);
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let told = json!({
        "document": format!("http://{address}/api/v1/openapi.json"),
        "headers": headers,
        "examples": examples(),
        "phases": "examples,coverage,fuzzing",
        "checks": CHECKS,
        "leftOut": LEFT_OUT,
    });
    if let Some(mut client) = Client::start("fuzz.py", &told) {
        let seen = client.saw("fuzzed").await;
        client.end().await;
        let report = seen["report"].as_str().unwrap();
        assert_eq!(seen["code"], 0, "{report}");
    }
    server.abort();
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_anything_but_what_the_document_describes() {
    fuzz(async |world| {
        world.community("Pond").await;
        json!({})
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_with_a_session_gets_nothing_but_what_the_document_describes() {
    fuzz(async |world| {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        world.say(pond, "ann", "quack").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let token = world.token(olga.user).await;
        json!({ "Cookie": format!("wb_session={token}") })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_an_administrator_gets_nothing_but_what_the_document_describes() {
    fuzz(async |world| {
        let pond = world.community("Pond").await;
        world.person(pond, "olga", Some(Role::Owner)).await;
        world.say(pond, "ann", "quack").await;
        let root = world.admin("root").await;
        let session = world.session(root.user).await;
        let new = identity::NewApiKey {
            name: "fuzz".to_owned(),
            scope: identity::KeyScope::Everything,
            days: 7,
        };
        let password = kernel::Secret::new(String::new());
        let identity = &world.app.identity;
        let made = identity
            .create_api_key(&root.actor, session, &new, &password)
            .await
            .unwrap();
        json!({ "X-API-Key": made.key.expose() })
    })
    .await;
}
