//! graphql-sse with the client of those who wrote it down (npm: graphql-sse).

use serde_json::json;

use super::{pond::Pond, run::Client};

#[tokio::test]
async fn the_client_graphql_sse_asks_and_follows() {
    let mut pond = Pond::open().await;
    pond.world.say(pond.id, "ann", "before").await;
    if let Some(mut client) = Client::start("sse.mjs", &pond.told()) {
        assert_eq!(client.saw("me").await["displayName"], "mona");
        assert_eq!(
            client.saw("refused").await["code"],
            "GRAPHQL_VALIDATION_FAILED"
        );
        assert_eq!(client.saw("not found").await["code"], "NOT_FOUND");
        assert_eq!(client.saw("chat").await["text"], "before");
        pond.world.say(pond.id, "bob", "live").await;
        assert_eq!(client.saw("chat").await["text"], "live");
        assert_eq!(client.saw("stranger").await["status"], json!(401));
        assert_eq!(client.end().await, Vec::<serde_json::Value>::new());
    }
    pond.close().await;
}
