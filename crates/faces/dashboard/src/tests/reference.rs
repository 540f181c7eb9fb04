//! The pages that describe the API.

use kernel::Role;
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_and_every_type_can_be_read_about() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await;
    let browser = Browser::of(&world, ann.user).await;
    let index = browser.get("/api/docs").await.expect(200).body;
    let document = include_str!("../../../../../docs/reference/openapi.json");
    let mut n_operations = 0;
    for line in document.lines() {
        let Some(id) = line.trim().strip_prefix("\"operationId\": \"") else {
            continue;
        };
        let id = id.trim_end_matches("\",");
        n_operations += usize::from(index.contains(&format!("#{id}\"")));
    }
    assert!(n_operations > 120, "{n_operations}");
    let users = browser.get("/api/docs/rest/users").await.expect(200).body;
    for expected in [
        "PATCH /api/v1/users/me",
        "3 to 30 of `a-z`",
        "Idempotency-Key",
        "identities[].platform",
        "discord | twitch | slack | irc | import",
        "curl -s -X PATCH &#34;$SERVER/api/v1/users/me&#34;",
        "deprecated",
        "open to all",
    ] {
        assert!(users.contains(expected), "{expected}");
    }
    browser.get("/api/docs/rest/nothing").await.expect(404);
    let graphql = browser.get("/api/docs/graphql").await.expect(200).body;
    let schema = include_str!("../../../../../docs/reference/schema.graphql");
    let mut n_types = 0;
    for line in schema.lines() {
        let words: Vec<&str> = line.split([' ', '{']).collect();
        if let [kind @ ("type" | "enum" | "input" | "scalar"), name, ..] = words[..] {
            n_types += 1;
            assert!(
                graphql.contains(&format!("id=\"type-{name}\"")),
                "{kind} {name}"
            );
        }
    }
    assert!(n_types > 40, "{n_types}");
    assert!(graphql.contains("<a href=\"#type-Community\"><code>[Community!]!</code></a>"));
    world.close().await;
}
