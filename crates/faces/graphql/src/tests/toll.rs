//! What queries cost, and that nobody asks more than they may in a minute.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use identity::{KeyScope, NewApiKey};
use kernel::{Role, Secret};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Answer, Client, JSON, code};
use crate::{Limits, Settings};

fn settings(per_minute: u64, anonymous: u64) -> Settings {
    Settings {
        trusted_proxies: vec!["10.0.0.1".parse().unwrap()],
        limits: Limits {
            per_minute,
            per_minute_anonymous: anonymous,
            ..Limits::default()
        },
        ..Settings::default()
    }
}

async fn post(client: &Client, query: &str, headers: &[(&str, &str)], peer: &str) -> Answer {
    let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(json!({ "query": query }).to_string());
    let mut request = request.body(body).unwrap();
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    Answer::read(client.send(request).await).await
}

/// Costs 12: `communities` once, and 5 times `id` and `name`… see the first test.
const LIST: &str = "{ communities(limit: 5) { id name } }";

on_both! {
    async fn a_query_is_told_its_cost_and_what_is_left(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::with(&world, settings(100, 50)).signed_in(&world, &ann).await;
        let rate = "rateLimit { limit cost used remaining resetAt }";

        // Five times two fields and the community itself; the rate limit and its five fields.
        let query = format!("{{ communities(limit: 5) {{ id name }} {rate} }}");
        let told = client.ask(&query, json!({})).await["data"]["rateLimit"].clone();
        assert_eq!(told, json!({ "limit": 100, "cost": 21, "used": 21, "remaining": 79, "resetAt": "2026-06-01T12:01:00.000Z" }));
        // The one that is asked beside the answer.
        let body = json!({ "query": LIST, "extensions": { "cost": true } }).to_string();
        let answer = client.post(body, &[JSON]).await;
        assert_eq!(answer.json["extensions"]["cost"], json!({
            "cost": 15, "budget": 10_000, "limit": 100, "remaining": 64, "resetAt": "2026-06-01T12:01:00.000Z",
        }));
        assert_eq!(client.ask(LIST, json!({})).await.get("extensions"), None, "unless it is asked");
        let wrong = json!({ "query": LIST, "extensions": { "cost": 1 } }).to_string();
        assert_eq!(client.post(wrong, &[JSON]).await.status.as_u16(), 400);
    }

    async fn who_has_asked_enough_waits_for_the_next_minute(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let bob = world.person(pond, "bob", Some(Role::Member)).await;
        let client = Client::with(&world, settings(100, 50)).signed_in(&world, &ann).await;
        world.clock.advance(Duration::from_millis(20_500));
        for _ in 0..6 {
            assert_eq!(code(&client.ask(LIST, json!({})).await), "");
        }
        let refused = client.post(json!({ "query": LIST }).to_string(), &[JSON]).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"));
        assert_eq!(refused.header("retry-after"), "40");
        let about = &refused.json["errors"][0]["extensions"];
        assert_eq!(
            (&about["cost"], &about["limit"], &about["remaining"], &about["resetAt"]),
            (&json!(15), &json!(100), &json!(10), &json!("2026-06-01T12:01:00.000Z"))
        );
        // What fits is still answered, and others are not hindered.
        assert_eq!(code(&client.ask("{ me { id } }", json!({})).await), "");
        let other = client.clone().signed_in(&world, &bob).await;
        assert_eq!(code(&other.ask(LIST, json!({})).await), "");
        world.clock.advance(Duration::from_secs(40));
        assert_eq!(code(&client.ask(LIST, json!({})).await), "");
        // A batch pays for each of its requests.
        let batch = json!([{ "query": LIST }, { "query": LIST }, { "query": LIST }, { "query": LIST }, { "query": LIST }]);
        assert_eq!(client.post(batch.to_string(), &[JSON]).await.status.as_u16(), 200);
        let refused = client.post(batch.to_string(), &[JSON]).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    }

    async fn keys_people_and_networks_each_have_their_own(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let wanted = NewApiKey { name: "kitchen".to_owned(), scope: KeyScope::Everything, days: 1 };
        let session = world.session(ann.user).await;
        let made = world.app.identity.create_api_key(&ann.actor, session, &wanted, &Secret::new(String::new())).await.unwrap();
        let anonymous = Client::with(&world, settings(20, 10));
        let signed_in = anonymous.clone().signed_in(&world, &ann).await;
        let remaining = async |client: &Client, headers: &[(&str, &str)], peer: &str| {
            let answer = post(client, "{ rateLimit { remaining } }", headers, peer).await;
            answer.json["data"]["rateLimit"]["remaining"].clone()
        };
        let key = [("x-api-key", made.key.expose().as_str())];
        assert_eq!(remaining(&signed_in, &[], "1.2.3.4:1").await, json!(18));
        assert_eq!(remaining(&signed_in, &[], "9.9.9.9:1").await, json!(16), "wherever they are");
        assert_eq!(remaining(&anonymous, &key, "1.2.3.4:1").await, json!(18));
        assert_eq!(remaining(&anonymous, &[], "1.2.3.4:1").await, json!(8));
        assert_eq!(remaining(&anonymous, &[], "1.2.3.250:7").await, json!(6), "the same network");
        assert_eq!(remaining(&anonymous, &[], "1.2.4.4:1").await, json!(8));
        // A client does not choose its network; a proxy that is trusted does.
        let forged = [("x-forwarded-for", "7.7.7.7")];
        assert_eq!(remaining(&anonymous, &forged, "1.2.3.4:1").await, json!(4));
        assert_eq!(remaining(&anonymous, &forged, "10.0.0.1:1").await, json!(8));
    }
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_told_how_much() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let query = "{ communities(limit: 100) { activity { members } } }";
    let answer = client.ask(query, json!({})).await;
    let about = &answer["errors"][0]["extensions"];
    assert_eq!(
        (&about["code"], &about["cost"], &about["budget"]),
        (&json!("QUERY_TOO_COMPLEX"), &json!(10_200), &json!(10_000))
    );
    assert_eq!(answer.get("data"), None, "nothing was executed");
    world.close().await;
}

#[tokio::test]
async fn what_is_refused_after_it_was_validated_is_paid_for() {
    let world = World::sqlite().await;
    let client = Client::with(&world, settings(100, 25));
    let too_dear = "{ communities(limit: 100) { activity { members } } }";
    for query in ["{ nothing }", too_dear] {
        assert_ne!(code(&client.ask(query, json!({})).await), "RATE_LIMITED");
    }
    for query in ["{ nothing }", too_dear] {
        let body = json!({ "query": query }).to_string();
        let answer = client.post(body, &[JSON]).await;
        assert_eq!(answer.code(), "RATE_LIMITED", "{query}");
    }
    let left: Value = client.ask("{ rateLimit { remaining } }", json!({})).await;
    assert_eq!(left["data"]["rateLimit"]["remaining"], json!(3));
    world.close().await;
}
