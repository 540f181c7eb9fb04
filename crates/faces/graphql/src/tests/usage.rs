//! What is counted of the requests.

use std::time::Duration;

use kernel::Role;
use serde_json::json;
use testkit::World;

use super::{Client, JSON};
use crate::{Limits, Settings};

#[tokio::test]
async fn requests_are_counted_with_what_became_of_them() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let stranger = Client::anonymous(&world);
    let client = stranger.clone().signed_in(&world, &ann).await;
    let named = "query Pond($id: Int!) { community(communityId: $id) { name } }";
    for _ in 0..3 {
        client.ask(named, json!({ "id": pond.0 })).await;
    }
    let failing =
        "query Pond($id: Int!) { community(communityId: $id) { members { totalCount } } }";
    client.ask(failing, json!({ "id": pond.0 })).await;
    client.ask("{ me { id } }", json!({})).await;
    client.ask("query Bad { nothing }", json!({})).await;
    client.ask("{ me { ", json!({})).await;
    stranger.ask("query Junk { __typename }", json!({})).await;
    let bad_key = stranger.post(
        r#"{"query":"{ me { id } }"}"#,
        &[JSON, ("x-api-key", "wbot_user_x")],
    );
    assert_eq!(bad_key.await.status.as_u16(), 401);

    let read = world.app.api_usage(&world.system()).unwrap();
    let by_name: Vec<_> = read
        .operations
        .iter()
        .map(|o| (&*o.name, o.n, o.n_kept, o.n_failed))
        .collect();
    assert_eq!(
        by_name,
        [("Pond", 4, 2, 1), ("other", 2, 0, 0), ("Bad", 1, 0, 1)]
    );
    let codes: Vec<_> = read
        .codes
        .iter()
        .map(|(code, n)| (code.as_str(), *n))
        .collect();
    assert_eq!(
        codes,
        [
            ("FORBIDDEN", 1),
            ("GRAPHQL_PARSE_FAILED", 1),
            ("GRAPHQL_VALIDATION_FAILED", 1)
        ]
    );
    assert_eq!((read.bad_keys, read.bad_sessions), (1, 0));
    assert_eq!(read.slow, []);
    world.close().await;
}

#[tokio::test]
async fn what_is_slow_is_remembered_by_the_hash_of_its_document() {
    let world = World::sqlite().await;
    let settings = Settings {
        limits: Limits {
            slow: Duration::ZERO,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let client = Client::with(&world, settings);
    client
        .ask("query Slow { rateLimit { cost } }", json!({}))
        .await;
    let read = world.app.api_usage(&world.system()).unwrap();
    let slow = &read.slow[0];
    assert_eq!((&*slow.operation, slow.cost), ("other", Some(2)));
    assert_eq!(slow.document.len(), 64);
    assert_eq!(slow.at, read.since);
    world.close().await;
}
