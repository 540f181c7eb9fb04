//! graphql-transport-ws with the client of those who wrote it down (npm: graphql-ws).

use super::{pond::Pond, run::Client};

#[tokio::test]
async fn the_client_graphql_ws_asks_follows_and_comes_back() {
    let mut pond = Pond::open().await;
    pond.world.say(pond.id, "ann", "before").await;
    if let Some(mut client) = Client::start("transport_ws.mjs", &pond.told()) {
        assert_eq!(client.saw("me").await["displayName"], "mona");
        assert_eq!(client.saw("error").await["code"], "NOT_FOUND");
        assert_eq!(client.saw("chat").await["text"], "before");
        pond.world.say(pond.id, "bob", "live").await;
        assert_eq!(client.saw("chat").await["text"], "live");
        // The script breaks the connection; what is said meanwhile is not lost.
        client.saw("broken").await;
        pond.world.say(pond.id, "cid", "meanwhile").await;
        client.go().await;
        assert_eq!(client.saw("chat").await["text"], "meanwhile");
        assert_eq!(client.saw("stranger").await["status"], 401);
        assert_eq!(client.saw("left").await["code"], 1000);
        assert_eq!(client.end().await, Vec::<serde_json::Value>::new());
    }
    pond.close().await;
}
