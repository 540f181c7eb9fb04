//! Apollo Client (npm: @apollo/client): single, batched and persisted queries, pages in its cache, subscriptions.

use serde_json::json;

use super::{pond::Pond, run::Client};

#[tokio::test]
async fn apollo_client_asks_batches_pages_and_follows() {
    let mut pond = Pond::open().await;
    for name in ["ann", "bob", "cid", "dan"] {
        pond.world.say(pond.id, name, "quack").await;
    }
    if let Some(mut client) = Client::start("apollo.mjs", &pond.told()) {
        assert_eq!(client.saw("me").await["displayName"], "mona");
        assert_eq!(client.saw("error").await["code"], "FORBIDDEN");
        let batch = client.saw("batch").await;
        assert_eq!(
            (&batch["posts"], &batch["names"]),
            (&json!(1), &json!(["mona", "Pond", "Query"]))
        );
        let rounds = json!([{ "posts": 2, "slug": "pond" }, { "posts": 1, "slug": "pond" }]);
        assert_eq!(client.saw("hashed").await["rounds"], rounds);
        // Five members, two at a time: the cache has put the pages together.
        let pages = client.saw("pages").await;
        assert_eq!(pages["names"], json!(["ann", "bob", "cid", "dan", "mona"]));
        assert_eq!(pages["posts"], 3);
        assert_eq!(client.saw("chat").await["text"], "quack");
        pond.world.say(pond.id, "eve", "live").await;
        assert_eq!(client.saw("live").await["text"], "live");
        assert_eq!(client.end().await, Vec::<serde_json::Value>::new());
    }
    pond.close().await;
}
