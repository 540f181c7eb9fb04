//! WebSockets through a real server and a real client.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use activity::Incoming;
use futures_util::{SinkExt, StreamExt};
use identity::{KeyScope, NewApiKey};
use kernel::{CommunityId, Platform, Role, Secret};
use serde_json::{Value, json};
use testkit::{Person, World, message, on_both};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{Settings, Sockets, router};

/// A server on a port of its own.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(world: &World, sockets: Sockets) -> Self {
        let settings = Settings {
            sockets,
            ..Settings::default()
        };
        let routes = router(Arc::clone(&world.app), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, task }
    }

    async fn try_connect(&self, headers: &[(&'static str, String)]) -> Result<Socket, u16> {
        let url = format!("ws://{}/graphql", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Connects and says `connection_init`.
    async fn connect(&self, token: &str) -> Socket {
        let mut socket = self.try_connect(&speaking(token)).await.unwrap();
        socket.say(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }
}

fn speaking(token: &str) -> [(&'static str, String); 2] {
    [
        ("sec-websocket-protocol", "graphql-transport-ws".to_owned()),
        ("cookie", format!("wb_session={token}")),
    ]
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next JSON message; pings are answered by the library.
    async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the server closes, and answers with the code.
    async fn closed(&mut self) -> u16 {
        while let Some(frame) = self.0.next().await {
            match frame {
                Ok(Message::Close(Some(close))) => return close.code.into(),
                Ok(Message::Close(None)) => return 1005,
                Ok(_) => {}
                Err(_) => return 1006,
            }
        }
        1006
    }

    async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload }))
            .await;
    }
}

const CHAT: &str = "subscription($communityId: Int!, $platform: String, $since: ID) {
    chatMessage(communityId: $communityId, platform: $platform, since: $since) { id platform username text }
}";

/// Waits until the subscription is in place: a query on the same socket is answered after the
/// subscriptions before it were begun.
async fn settled(socket: &mut Socket) {
    socket
        .subscribe("settle", "{ __typename }", json!({}))
        .await;
    assert_eq!(socket.hear().await["type"], "next");
    assert_eq!(socket.hear().await["type"], "complete");
}

async fn pond(world: &mut World) -> (CommunityId, Person) {
    let pond = world.community("Pond").await;
    let member = world.person(pond, "mike", Some(Role::Member)).await;
    (pond, member)
}

on_both! {
    async fn a_subscriber_receives_a_message_as_it_is_said(world: World) {
        let (pond, member) = pond(&mut world).await;
        let token = world.token(member.user).await;
        let server = Server::start(&world, Sockets::default()).await;
        let mut socket = server.connect(&token).await;
        world.say(pond, "ann", "before").await;
        let first = world.app.activity.recent_messages(&member.actor, pond, None, None, 1).await.unwrap();
        // `since` delivers what was said meanwhile, so the test needs no luck with timing.
        let since = first[0].id.to_string();
        socket.subscribe("1", CHAT, json!({ "communityId": pond.0, "platform": "discord", "since": since })).await;
        world.say(pond, "bob", "hello pond").await;
        let message = socket.hear().await;
        let id = message["payload"]["data"]["chatMessage"]["id"].clone();
        assert_eq!(message, json!({ "type": "next", "id": "1", "payload": { "data": { "chatMessage": {
            "id": id, "platform": "discord", "username": "bob", "text": "hello pond",
        } } } }));
        world.say(pond, "cid", "and again").await;
        assert_eq!(socket.hear().await["payload"]["data"]["chatMessage"]["username"], "cid");
        socket.say(json!({ "type": "complete", "id": "1" })).await;
        // The id is free again, and a query is answered on the same socket.
        socket.subscribe("1", "{ me { displayName } }", json!({})).await;
        assert_eq!(socket.hear().await, json!({ "type": "next", "id": "1", "payload": { "data": { "me": { "displayName": "mike" } } } }));
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
        // A goodbye is answered.
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
        socket.0.close(Some(goodbye)).await.unwrap();
        assert_eq!(socket.closed().await, 1000);
    }

    async fn who_loses_the_right_stops_receiving(world: World) {
        let (pond, member) = pond(&mut world).await;
        let token = world.token(member.user).await;
        let server = Server::start(&world, Sockets::default()).await;
        let mut socket = server.connect(&token).await;
        world.say(pond, "ann", "zero").await;
        let first = world.app.activity.recent_messages(&member.actor, pond, None, None, 1).await.unwrap();
        let since = first[0].id.to_string();
        socket.subscribe("1", CHAT, json!({ "communityId": pond.0, "since": since })).await;
        world.say(pond, "ann", "one").await;
        assert_eq!(socket.hear().await["payload"]["data"]["chatMessage"]["text"], "one");
        world.app.identity.set_role(&world.system(), pond, member.user, None).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.say(pond, "ann", "secret").await;
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
    }

    async fn events_are_the_same_for_all_who_ask_the_same_and_each_is_told_what_it_asked_for(world: World) {
        let (pond, member) = pond(&mut world).await;
        let other = world.person(pond, "nina", Some(Role::Member)).await;
        world.say(pond, "ann", "before").await;
        let server = Server::start(&world, Sockets::default()).await;
        let whole = "subscription($communityId: Int!) { it: chatMessage(communityId: $communityId) { __typename who: username text } }";
        let asked = [
            (&member, CHAT, json!({ "communityId": pond.0 })),
            (&other, CHAT, json!({ "communityId": pond.0 })),
            (&other, CHAT, json!({ "communityId": pond.0, "platform": "twitch" })),
            (&member, CHAT, json!({ "communityId": pond.0, "since": "0" })),
            (&member, whole, json!({ "communityId": pond.0 })),
        ];
        let mut sockets = Vec::new();
        for (person, query, variables) in asked {
            let mut socket = server.connect(&world.token(person.user).await).await;
            socket.subscribe("1", query, variables.clone()).await;
            if variables.get("since").is_some() {
                assert_eq!(socket.hear().await["payload"]["data"]["chatMessage"]["text"], "before");
            }
            settled(&mut socket).await;
            sockets.push(socket);
        }
        let mut batch = Vec::new();
        for (n, platform) in [Platform::Discord, Platform::Twitch, Platform::Discord].into_iter().enumerate() {
            let mut event = world.event("bob", message(&format!("quack {n}")));
            event.platform = platform;
            batch.push(Incoming { community: pond, event });
        }
        world.record(batch).await;
        let mut heard = Vec::new();
        for (socket, n) in sockets.iter_mut().zip([3, 3, 1, 3, 3]) {
            let mut texts = Vec::new();
            for _ in 0..n {
                texts.push(socket.hear().await["payload"]["data"].take());
            }
            heard.push(texts);
        }
        let texts: Vec<&Value> = heard[0].iter().map(|data| &data["chatMessage"]["text"]).collect();
        assert_eq!(texts, ["quack 0", "quack 1", "quack 2"]);
        assert_eq!(heard[0], heard[1]);
        assert_eq!(heard[2], heard[0][1..2]);
        assert_eq!(heard[3], heard[0]);
        assert_eq!(heard[4][2], json!({ "it": { "__typename": "ChatMessage", "who": "bob", "text": "quack 2" } }));
    }

    async fn every_field_of_a_message_is_told_alike_to_all(world: World) {
        let (pond, member) = pond(&mut world).await;
        let server = Server::start(&world, Sockets::default()).await;
        let mut socket = server.connect(&world.token(member.user).await).await;
        let schema = crate::sdl();
        let (_, fields) = schema.split_once("type ChatMessage ").unwrap();
        let (_, fields) = fields.split_once('{').unwrap();
        let (fields, _) = fields.split_once("\n}").unwrap();
        let names: Vec<&str> = fields
            .lines()
            .filter_map(|line| line.strip_prefix('\t'))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim())
            .filter(|name| name.chars().all(char::is_alphanumeric))
            .collect();
        assert!(names.len() >= 10, "{names:?}");
        let names = names.join(" ");
        let all = format!("subscription($id: Int!) {{ chatMessage(communityId: $id) {{ {names} }} }}");
        socket.subscribe("1", &all, json!({ "id": pond.0 })).await;
        settled(&mut socket).await;
        world.say(pond, "ann", "quack").await;
        let told = socket.hear().await["payload"].take();
        assert_eq!(told.get("errors"), None, "{told}");
        // Read by somebody, it is the same.
        let one = format!("query($id: Int!) {{ community(communityId: $id) {{ messages(last: 1) {{ {names} }} }} }}");
        socket.subscribe("2", &one, json!({ "id": pond.0 })).await;
        let read = socket.hear().await["payload"].take();
        assert_eq!(told["data"]["chatMessage"], read["data"]["community"]["messages"][0], "{read}");
    }

    async fn one_of_many_who_loses_the_right_stops_receiving_and_the_others_do_not(world: World) {
        let (pond, member) = pond(&mut world).await;
        let other = world.person(pond, "nina", Some(Role::Member)).await;
        let server = Server::start(&world, Sockets::default()).await;
        let mut sockets = Vec::new();
        for person in [&member, &other, &other] {
            let mut socket = server.connect(&world.token(person.user).await).await;
            socket.subscribe("1", CHAT, json!({ "communityId": pond.0 })).await;
            settled(&mut socket).await;
            sockets.push(socket);
        }
        world.app.identity.set_role(&world.system(), pond, member.user, None).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.say(pond, "ann", "secret").await;
        let [gone, stays, stays_too] = &mut sockets[..] else { panic!() };
        assert_eq!(gone.hear().await, json!({ "type": "complete", "id": "1" }));
        for socket in [stays, stays_too] {
            assert_eq!(socket.hear().await["payload"]["data"]["chatMessage"]["text"], "secret");
        }
    }

    async fn what_is_too_large_to_be_shared_is_told_one_at_a_time(world: World) {
        let (pond, member) = pond(&mut world).await;
        let server = Server::start(&world, Sockets::default()).await;
        let mut socket = server.connect(&world.token(member.user).await).await;
        let texts = (0..25).fold(String::new(), |texts, i| format!("{texts} t{i}: text"));
        let query = format!("subscription {{ chatMessage(communityId: {}) {{ id {texts} }} }}", pond.0);
        socket.subscribe("1", &query, json!({})).await;
        settled(&mut socket).await;
        let long = "quack ".repeat(200);
        let batch = (0..20).map(|n| Incoming { community: pond, event: world.event("ann", message(&format!("{n} {long}"))) });
        let batch: Vec<Incoming> = batch.collect();
        world.record(batch).await;
        for n in 0..20 {
            let told = socket.hear().await["payload"]["data"]["chatMessage"].take();
            assert!(told["t24"].as_str().unwrap().starts_with(&format!("{n} ")), "{told}");
        }
    }

    async fn signing_out_closes_the_socket(world: World) {
        let (_, member) = pond(&mut world).await;
        let token = world.token(member.user).await;
        let bounds = Sockets { session_check: Duration::from_millis(20), ..Sockets::default() };
        let server = Server::start(&world, bounds).await;
        let mut socket = server.connect(&token).await;
        world.app.identity.sign_out(&token).await.unwrap();
        assert_eq!(socket.closed().await, 4401);
    }

    async fn a_socket_opened_with_a_key_lives_as_long_as_the_key(world: World) {
        let (pond, member) = pond(&mut world).await;
        let wanted = NewApiKey { name: "overlay".to_owned(), scope: KeyScope::Community(pond), days: 1 };
        let identity = &world.app.identity;
        let made = identity.create_api_key(&member.actor, world.session(member.user).await, &wanted, &Secret::new(String::new())).await.unwrap();
        let bounds = Sockets { session_check: Duration::from_millis(20), ..Sockets::default() };
        let server = Server::start(&world, bounds).await;
        let [protocol, _] = speaking("");
        let key = ("x-api-key", made.key.expose().clone());
        let mut socket = server.try_connect(&[protocol.clone(), key.clone()]).await.unwrap();
        socket.say(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket.subscribe("1", "{ me { displayName } }", json!({})).await;
        assert_eq!(socket.hear().await["payload"]["data"]["me"]["displayName"], "mike");
        identity.revoke_api_key(&member.actor, made.id).await.unwrap();
        assert_eq!(socket.closed().await, 4401);
        assert_eq!(server.try_connect(&[protocol, key]).await.err(), Some(401));
    }
}

#[tokio::test]
async fn only_signed_in_people_on_our_own_pages_open_a_socket() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let server = Server::start(&world, Sockets::default()).await;
    let [protocol, cookie] = speaking(&token);
    let status = async |headers: &[(&'static str, String)]| match server.try_connect(headers).await
    {
        Ok(_) => 101,
        Err(status) => status,
    };
    assert_eq!(status(&[protocol.clone(), cookie.clone()]).await, 101);
    assert_eq!(status(std::slice::from_ref(&protocol)).await, 401);
    let forged = ("cookie", format!("wb_session={}", "0".repeat(64)));
    assert_eq!(status(&[protocol.clone(), forged]).await, 401);
    assert_eq!(status(std::slice::from_ref(&cookie)).await, 400);
    let unknown = ("sec-websocket-protocol", "graphql-subscriptions".to_owned());
    assert_eq!(status(&[unknown, cookie.clone()]).await, 400);
    let older = ("sec-websocket-protocol", "graphql-ws".to_owned());
    assert_eq!(status(&[older.clone(), cookie.clone()]).await, 101);
    assert_eq!(status(&[older]).await, 401);
    let own = ("origin", format!("http://{}", server.address));
    assert_eq!(status(&[protocol.clone(), cookie.clone(), own]).await, 101);
    let foreign = ("origin", "https://evil.example".to_owned());
    assert_eq!(status(&[protocol, cookie, foreign]).await, 403);
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn violations_of_the_protocol_close_with_their_codes() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let server = Server::start(&world, Sockets::default()).await;
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": CHAT, "variables": { "communityId": pond.0 } } });

    let mut early = server.try_connect(&speaking(&token)).await.unwrap();
    early.say(subscribe.clone()).await;
    assert_eq!(early.closed().await, 4401);
    for (message, expected) in [
        (json!({ "type": "connection_init" }), 4429),
        (json!({ "type": "start", "id": "1" }), 4400),
        (json!("hello"), 4400),
        (
            json!({ "type": "subscribe", "id": "2", "payload": { "query": 1 } }),
            4400,
        ),
        (subscribe.clone(), 4409),
    ] {
        let mut socket = server.connect(&token).await;
        socket.say(subscribe.clone()).await;
        socket.say(message.clone()).await;
        assert_eq!(socket.closed().await, expected, "{message}");
    }
    let mut binary = server.connect(&token).await;
    binary.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(binary.closed().await, 4400);
    let mut large = server.connect(&token).await;
    let _ = large.0.send(Message::text("x".repeat(200_000))).await;
    assert_eq!(large.closed().await, 1006);
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn a_client_that_never_begins_is_closed() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let bounds = Sockets {
        init: Duration::from_millis(20),
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    let mut socket = server.try_connect(&speaking(&token)).await.unwrap();
    assert_eq!(socket.closed().await, 4408);
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_closed_and_one_that_does_stays() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let bounds = Sockets {
        ping: Duration::from_millis(40),
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    // Speaks the bare minimum by hand, so that nothing answers pings for it.
    let mut mute = TcpStream::connect(server.address).await.unwrap();
    let hello = format!(
        "GET /graphql HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: graphql-transport-ws\r\nCookie: wb_session={token}\r\n\r\n",
        server.address
    );
    mute.write_all(hello.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    mute.read_to_end(&mut heard).await.unwrap();
    let pings = heard
        .windows(2)
        .filter(|frame| frame == &[0x89, 0x00])
        .count();
    assert!(pings >= 1, "{heard:?}");
    let code = 4499_u16.to_be_bytes();
    assert!(heard.windows(2).any(|bytes| bytes == code), "{heard:?}");

    let mut polite = server.connect(&token).await;
    for _ in 0..5 {
        loop {
            if let Message::Ping(_) = polite.0.next().await.unwrap().unwrap() {
                break;
            }
        }
    }
    settled(&mut polite).await;
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn what_cannot_be_executed_is_an_error_message_and_the_socket_lives() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let bounds = Sockets {
        operations: 2,
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    let mut socket = server.connect(&token).await;
    let doubling = {
        let fragments = (0..27).map(|i| {
            let next = i + 1;
            format!("fragment F{i} on ChatMessage {{ ...F{next} ...F{next} }} ")
        });
        let fragments: String = fragments.collect();
        format!(
            "subscription {{ chatMessage(communityId: 1) {{ ...F0 }} }} {fragments} fragment F27 on ChatMessage {{ id }}"
        )
    };
    for (query, variables, expected) in [
        ("{", json!({}), "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (doubling.as_str(), json!({}), "QUERY_TOO_COMPLEX"),
        (CHAT, json!({ "communityId": 123_456 }), "NOT_FOUND"),
        (
            CHAT,
            json!({ "communityId": pond.0, "platform": "myspace" }),
            "BAD_USER_INPUT",
        ),
        (
            CHAT,
            json!({ "communityId": pond.0, "since": "x" }),
            "BAD_USER_INPUT",
        ),
    ] {
        socket.subscribe("1", query, variables).await;
        let answer = socket.hear().await;
        assert_eq!(
            (&answer["type"], &answer["id"]),
            (&json!("error"), &json!("1")),
            "{answer}"
        );
        assert_eq!(answer["payload"][0]["extensions"]["code"], expected);
    }
    socket
        .subscribe("a", CHAT, json!({ "communityId": pond.0 }))
        .await;
    socket
        .subscribe("b", CHAT, json!({ "communityId": pond.0 }))
        .await;
    socket
        .subscribe("c", CHAT, json!({ "communityId": pond.0 }))
        .await;
    let answer = socket.hear().await;
    assert_eq!(
        (&answer["type"], &answer["id"]),
        (&json!("error"), &json!("c"))
    );
    assert_eq!(answer["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    socket.say(json!({ "type": "complete", "id": "b" })).await;
    socket
        .say(json!({ "type": "ping", "payload": { "n": 1 } }))
        .await;
    assert_eq!(
        socket.hear().await,
        json!({ "type": "pong", "payload": { "n": 1 } })
    );
    settled(&mut socket).await;
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn sockets_are_bounded_per_person_and_come_back() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let bounds = Sockets {
        per_user: 1,
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    let mut first = server.connect(&token).await;
    assert_eq!(server.try_connect(&speaking(&token)).await.err(), Some(429));
    first.0.close(None).await.unwrap();
    first.closed().await;
    // The place is free as soon as the server has let go of the connection.
    while server.try_connect(&speaking(&token)).await.is_err() {
        tokio::task::yield_now().await;
    }
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_socket() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let long = "quack ".repeat(200);
    for _ in 0..100 {
        world.say(pond, "ann", &long).await;
    }
    let token = world.token(member.user).await;
    let bounds = Sockets {
        per_user: 1,
        write: Duration::from_millis(20),
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    let mut deaf = server.connect(&token).await;
    // Some 3 MB each, which is more than the kernel keeps for a socket.
    let texts = (0..25).fold(String::new(), |texts, i| format!("{texts} t{i}: text"));
    let query = format!(
        "subscription {{ chatMessage(communityId: {}, since: \"0\") {{ {texts} }} }}",
        pond.0
    );
    for id in 0..20 {
        deaf.subscribe(&id.to_string(), &query, json!({})).await;
    }
    // The place of the only socket is free as soon as the server has let go of it.
    while server.try_connect(&speaking(&token)).await.is_err() {
        tokio::task::yield_now().await;
    }
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn checks_of_rights_and_of_sessions_do_not_wait_for_each_other() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let bounds = Sockets {
        session_check: Duration::ZERO,
        ..Sockets::default()
    };
    let server = Server::start(&world, bounds).await;
    // Many more than there are connections to the database.
    let mut sockets = Vec::new();
    for _ in 0..40 {
        let mut socket = server.connect(&token).await;
        socket
            .subscribe("1", CHAT, json!({ "communityId": pond.0 }))
            .await;
        settled(&mut socket).await;
        sockets.push(socket);
    }
    for n in 0..20 {
        world.clock.advance(Duration::from_secs(2));
        world.say(pond, "ann", &n.to_string()).await;
        for socket in &mut sockets {
            let heard = socket.hear().await;
            assert_eq!(
                heard["payload"]["data"]["chatMessage"]["text"],
                n.to_string()
            );
        }
    }
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn the_older_dialect_is_spoken_in_its_own_words() {
    let mut world = World::sqlite().await;
    let (pond, member) = pond(&mut world).await;
    world.say(pond, "ann", "before").await;
    let token = world.token(member.user).await;
    let server = Server::start(&world, Sockets::default()).await;
    let [_, cookie] = speaking(&token);
    let older = ("sec-websocket-protocol", "graphql-ws".to_owned());
    let mut socket = server.try_connect(&[older, cookie]).await.unwrap();
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    let start = |id: &str, query: &str| {
        let variables = json!({ "communityId": pond.0, "since": "0" });
        json!({ "type": "start", "id": id, "payload": { "query": query, "variables": variables } })
    };
    socket.say(start("1", CHAT)).await;
    let message = socket.hear().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("data"), &json!("1"))
    );
    assert_eq!(message["payload"]["data"]["chatMessage"]["text"], "before");
    socket.say(json!({ "type": "stop", "id": "1" })).await;
    socket.say(start("2", "{ nothing }")).await;
    let message = socket.hear().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!("2"))
    );
    assert_eq!(
        message["payload"]["extensions"]["code"],
        "GRAPHQL_VALIDATION_FAILED"
    );
    socket.say(start("1", "{ __typename }")).await;
    assert_eq!(socket.hear().await["type"], "data");
    assert_eq!(
        socket.hear().await,
        json!({ "type": "complete", "id": "1" })
    );
    socket.say(json!({ "type": "connection_terminate" })).await;
    assert_eq!(socket.closed().await, 1006);
    drop(server);
    world.close().await;
}

#[tokio::test]
async fn a_stopping_server_says_goodbye() {
    let mut world = World::sqlite().await;
    let (_, member) = pond(&mut world).await;
    let token = world.token(member.user).await;
    let server = Server::start(&world, Sockets::default()).await;
    let mut socket = server.connect(&token).await;
    world.app.stop.cancel();
    assert_eq!(socket.closed().await, 1001);
    drop(server);
    world.close().await;
}
