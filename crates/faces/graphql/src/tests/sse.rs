//! graphql-sse over the whole face: bodies are read event by event.

use std::{pin::Pin, time::Duration};

use activity::LiveItem;
use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode, header},
};
use futures_util::StreamExt;
use kernel::{CommunityId, Role};
use serde_json::{Value, json};
use testkit::{Person, World, on_both};

use super::{Answer, Client};
use crate::{Settings, Sockets};

const CHAT: &str = "subscription($communityId: Int!, $since: ID) {
    chatMessage(communityId: $communityId, since: $since) { username text afterGap }
}";
const EVENTS: &str = "text/event-stream";

/// The events of an answer.
pub(super) struct Events {
    body: Pin<Box<BodyDataStream>>,
    text: String,
}

impl Events {
    /// The next event: its name, and its data as JSON. `None` at the end.
    pub(super) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let (name, data) = (line("event:"), line("data:"));
                self.text = rest.to_owned();
                if !name.is_empty() {
                    return Some((name, serde_json::from_str(&data).unwrap_or_default()));
                }
                continue;
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next message.
    async fn message(&mut self) -> Value {
        let (name, mut data) = self.next().await.unwrap();
        assert_eq!(name, "next", "{data}");
        data["data"]["chatMessage"].take()
    }

    /// The code of the error that comes next, before the goodbye and the end.
    async fn last_words(&mut self) -> String {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "next");
        self.goodbye_after(&data).await
    }

    async fn goodbye_after(&mut self, data: &Value) -> String {
        assert_eq!(
            self.next().await,
            Some(("complete".to_owned(), Value::Null))
        );
        assert_eq!(self.next().await, None);
        super::code(data).to_owned()
    }
}

async fn ask(
    client: &Client,
    accept: &str,
    query: &str,
    variables: Value,
) -> axum::response::Response {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let request = Request::post("/graphql")
        .header(header::HOST, "waddle.example")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, accept);
    client.send(request.body(Body::from(body)).unwrap()).await
}

pub(super) async fn open(client: &Client, query: &str, variables: Value) -> Events {
    let response = ask(client, EVENTS, query, variables).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], EVENTS);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    Events {
        body: Box::pin(response.into_body().into_data_stream()),
        text: String::new(),
    }
}

/// The first thing that a subscriber hears.
pub(super) async fn first(client: &Client, query: &str) -> Value {
    let response = ask(client, EVENTS, query, json!({})).await;
    if response.headers()[header::CONTENT_TYPE] != EVENTS {
        return Answer::read(response).await.json;
    }
    let mut events = Events {
        body: Box::pin(response.into_body().into_data_stream()),
        text: String::new(),
    };
    events.next().await.unwrap().1
}

async fn pond(world: &mut World) -> (CommunityId, Person) {
    let pond = world.community("Pond").await;
    let member = world.person(pond, "mike", Some(Role::Member)).await;
    world.say(pond, "ann", "before").await;
    (pond, member)
}

/// With other bounds of connections.
fn bounded(world: &World, sockets: Sockets) -> Client {
    let settings = Settings {
        sockets,
        ..Settings::default()
    };
    Client::with(world, settings)
}

on_both! {
    async fn a_subscription_is_a_stream_of_events_that_ends_with_the_right_to_read(world: World) {
        let (pond, member) = pond(&mut world).await;
        let client = Client::of(&world, &member).await;
        let mut events = open(&client, CHAT, json!({ "communityId": pond.0, "since": "0" })).await;
        assert_eq!(events.message().await, json!({ "username": "ann", "text": "before", "afterGap": false }));
        world.say(pond, "bob", "live").await;
        assert_eq!(events.message().await["text"], "live");
        world.app.identity.set_role(&world.system(), pond, member.user, None).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.say(pond, "ann", "secret").await;
        assert_eq!(events.next().await, Some(("complete".to_owned(), Value::Null)));
        assert_eq!(events.next().await, None);
    }

    async fn who_comes_back_too_late_is_told_of_the_gap(world: World) {
        let (pond, member) = pond(&mut world).await;
        for _ in 0..501 {
            world.say(pond, "ann", "quack").await;
        }
        let client = Client::of(&world, &member).await;
        let mut events = open(&client, CHAT, json!({ "communityId": pond.0, "since": "0" })).await;
        assert_eq!(events.message().await, json!({ "username": "ann", "text": "quack", "afterGap": true }));
        assert_eq!(events.message().await["afterGap"], false);
    }
}

#[tokio::test]
async fn a_query_is_answered_as_events_if_nothing_else_is_taken() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let mut events = open(&client, "{ __typename }", json!({})).await;
    let answer = json!({ "data": { "__typename": "Query" } });
    assert_eq!(events.next().await, Some(("next".to_owned(), answer)));
    assert_eq!(
        events.next().await,
        Some(("complete".to_owned(), Value::Null))
    );
    assert_eq!(events.next().await, None);
    let both = "application/json, text/event-stream";
    let answer = Answer::read(ask(&client, both, "{ __typename }", json!({})).await).await;
    assert_eq!(answer.json, json!({ "data": { "__typename": "Query" } }));
    for (query, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id } }", "UNAUTHENTICATED"),
    ] {
        let mut events = open(&client, query, json!({})).await;
        assert_eq!(events.last_words().await, expected, "{query}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_subscription_that_cannot_begin_says_why() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let client = Client::of(&world, &member).await;
    for (variables, expected) in [
        (json!({ "communityId": 123_456 }), "NOT_FOUND"),
        (json!({ "communityId": 1, "since": "x" }), "BAD_USER_INPUT"),
        (json!({}), "BAD_USER_INPUT"),
    ] {
        let mut events = open(&client, CHAT, variables).await;
        assert_eq!(events.last_words().await, expected);
    }
    world.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_request_has_its_status() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let sockets = Sockets {
        per_user: 1,
        ..Sockets::default()
    };
    let client = bounded(&world, sockets).signed_in(&world, &member).await;
    let stranger = Client::anonymous(&world);
    let variables = json!({ "communityId": pond.0, "since": "0" });
    let told = async |client: &Client| {
        let answer = ask(client, EVENTS, CHAT, variables.clone()).await;
        let answer = Answer::read(answer).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    assert_eq!(told(&stranger).await, (401, "UNAUTHENTICATED".to_owned()));
    // Wanting an answer besides events changes nothing for a subscription.
    let both = "application/json, text/event-stream";
    let first = ask(&client, both, CHAT, variables.clone()).await;
    assert_eq!(first.headers()[header::CONTENT_TYPE], EVENTS);
    assert_eq!(told(&client).await, (429, "RATE_LIMITED".to_owned()));
    drop(first);
    let mut second = open(&client, CHAT, variables.clone()).await;
    assert_eq!(second.message().await["text"], "before");

    let get = async |uri: &str, origin: &str| {
        let request = Request::get(uri)
            .header(header::HOST, "waddle.example")
            .header(header::ORIGIN, origin)
            .header(header::ACCEPT, EVENTS);
        client
            .send(request.body(Body::empty()).unwrap())
            .await
            .status()
            .as_u16()
    };
    let follow = "/graphql?query=subscription%7BchatMessage(communityId:1)%7Bid%7D%7D";
    assert_eq!(get(follow, "https://evil.example").await, 403);
    assert_eq!(
        get("/graphql?query=mutation%7Bx%7D", "https://waddle.example").await,
        405
    );
    drop(second);
    assert_eq!(get(follow, "https://waddle.example").await, 200);
    let batch = r#"[{"query":"{ __typename }"}]"#;
    let answer = client.post(batch, &[super::JSON, ("accept", EVENTS)]).await;
    assert_eq!(answer.status.as_u16(), 406);
    world.close().await;
}

#[tokio::test]
async fn signing_out_ends_the_stream_with_a_reason() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let sockets = Sockets {
        session_check: Duration::from_millis(20),
        ..Sockets::default()
    };
    let client = bounded(&world, sockets).signed_in(&world, &member).await;
    let mut events = open(&client, CHAT, json!({ "communityId": pond.0 })).await;
    let token = client
        .cookie
        .as_deref()
        .and_then(|cookie| cookie.rsplit('=').next())
        .unwrap();
    world.app.identity.sign_out(token).await.unwrap();
    assert_eq!(events.last_words().await, "UNAUTHENTICATED");
    world.close().await;
}

#[tokio::test]
async fn who_reads_too_slowly_is_let_go_with_a_reason() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let client = Client::of(&world, &member).await;
    let mut events = open(
        &client,
        CHAT,
        json!({ "communityId": pond.0, "since": "0" }),
    )
    .await;
    assert_eq!(events.message().await["text"], "before");
    // Somebody who keeps up sees to it that each message is a batch of its own.
    let mut quick = world
        .app
        .activity
        .live(&member.actor, pond, None, None)
        .await
        .unwrap();
    for _ in 0..300 {
        world.say(pond, "ann", "quack").await;
        let Some(LiveItem::Messages(messages)) = quick.next().await else {
            panic!("the quick one was left behind");
        };
        assert_eq!(messages.len(), 1);
    }
    // What was on its way already still arrives, and no more.
    let mut n_messages = 0;
    let last = loop {
        let (_, data) = events.next().await.unwrap();
        if data["errors"].is_array() {
            break data;
        }
        n_messages += 1;
    };
    assert!(n_messages <= 2, "{n_messages}");
    assert_eq!(events.goodbye_after(&last).await, "SLOW_CONSUMER");
    world.close().await;
}

#[tokio::test]
async fn a_stopping_server_ends_the_stream_without_a_goodbye_so_that_the_client_comes_back() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let client = Client::of(&world, &member).await;
    let mut events = open(&client, CHAT, json!({ "communityId": pond.0 })).await;
    world.app.stop.cancel();
    assert_eq!(events.next().await, None);
    world.close().await;
}
