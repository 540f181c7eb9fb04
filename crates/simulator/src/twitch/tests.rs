//! The simulated Twitch asked as Twitch is asked: over HTTP and WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::{Broadcaster, Delivery, Options, Partnership, Tokens, TwitchServer, numeric_id};

const LONG: Duration = Duration::from_secs(5);
const SCOPES: &[&str] = &[
    "user:read:chat",
    "user:write:chat",
    "user:bot",
    "channel:bot",
    "channel:manage:schedule",
    "user:manage:whispers",
    "moderator:read:followers",
    "channel:read:subscriptions",
    "bits:read",
    "channel:moderate",
    "moderator:manage:announcements",
];

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn server(change: impl FnOnce(&mut Options)) -> TwitchServer {
    let mut options = Options {
        broadcasters: vec![
            Broadcaster::new("1", "ducks", Partnership::Affiliate),
            Broadcaster::new("2", "geese", Partnership::None),
        ],
        ..Options::default()
    };
    change(&mut options);
    TwitchServer::start(options).await.unwrap()
}

struct Asker<'a> {
    server: &'a TwitchServer,
    access: String,
    http: reqwest::Client,
}

impl Asker<'_> {
    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .http
            .request(method, format!("{}/{path}", self.server.api_url()))
            .header("Authorization", format!("Bearer {}", self.access))
            .header("Client-Id", self.server.client_id())
            .header("Content-Type", "application/json")
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn subscribe(&self, session: &str, kind: &str, version: &str, condition: Value) -> u16 {
        let body = json!({
            "type": kind, "version": version, "condition": condition,
            "transport": { "method": "websocket", "session_id": session },
        });
        self.ask("POST", "eventsub/subscriptions", body).await.0
    }
}

fn asker<'a>(server: &'a TwitchServer, tokens: &Tokens) -> Asker<'a> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Asker {
        server,
        access: tokens.access.clone(),
        http,
    }
}

async fn frame(socket: &mut Socket) -> Value {
    loop {
        let next = tokio::time::timeout(LONG, socket.next()).await.unwrap();
        match next.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => return json!({ "close": frame.map(|f| u16::from(f.code)) }),
            _ => {}
        }
    }
}

async fn open(server: &TwitchServer) -> (Socket, String) {
    let (mut socket, _) = connect_async(server.eventsub_url()).await.unwrap();
    let welcome = frame(&mut socket).await;
    assert_eq!(welcome["metadata"]["message_type"], "session_welcome");
    let id = welcome["payload"]["session"]["id"].as_str().unwrap();
    (socket, id.to_owned())
}

#[test]
fn any_text_has_one_twitch_like_id() {
    assert_eq!(numeric_id("1234"), "1234");
    let id = numeric_id("sim-pixel-harbour-twitch");
    assert_eq!(id, numeric_id("sim-pixel-harbour-twitch"));
    assert_eq!(id.len(), 9);
    assert_ne!(id, numeric_id("sim-werkbank-sued-twitch"));
}

#[tokio::test]
async fn a_person_approves_and_the_code_becomes_tokens_whose_scope_is_an_array() {
    let server = server(|options| options.auto_approve = false).await;
    let asker = asker(&server, &server.authorise("1", &[]));
    let url = format!(
        "{}/authorize?client_id={}&response_type=code&redirect_uri=http://127.0.0.1:9/back&scope=bits:read&state=s1",
        server.id_url(),
        server.client_id()
    );
    let page = asker.http.get(&url).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(
        html.contains("Approve") && html.contains("bits:read"),
        "{html}"
    );
    let form = format!(
        "client_id={}&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback&scope=bits%3Aread&state=s1&login_as=2",
        server.client_id()
    );
    let approved = asker
        .http
        .post(format!("{}/authorize", server.id_url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(approved.status(), 302);
    let back = approved.headers()["location"].to_str().unwrap().to_owned();
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    assert!(back.contains("state=s1"));
    let token = |form: String| {
        asker
            .http
            .post(format!("{}/token", server.id_url()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
    };
    let secrets = format!(
        "client_id={}&client_secret={}",
        server.client_id(),
        server.client_secret()
    );
    let form = format!(
        "{secrets}&grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback"
    );
    let got = token(form.clone()).await.unwrap().text().await.unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    assert_eq!(got["scope"], json!(["bits:read"]));
    assert_eq!(
        token(form).await.unwrap().status(),
        400,
        "a code is good once"
    );
    let refresh = got["refresh_token"].as_str().unwrap();
    let form = format!("{secrets}&grant_type=refresh_token&refresh_token={refresh}");
    let again = token(form.clone()).await.unwrap().text().await.unwrap();
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_ne!(again["refresh_token"], got["refresh_token"]);
    assert_eq!(token(form).await.unwrap().status(), 400, "it rotated");
    let validate = |access: &Value| {
        asker
            .http
            .get(format!("{}/validate", server.id_url()))
            .header(
                "Authorization",
                format!("OAuth {}", access.as_str().unwrap()),
            )
            .send()
    };
    let valid = validate(&again["access_token"]).await.unwrap();
    let valid: Value = serde_json::from_str(&valid.text().await.unwrap()).unwrap();
    assert_eq!(
        (&valid["user_id"], &valid["login"]),
        (&json!("2"), &json!("geese"))
    );
    server.expire_token(again["access_token"].as_str().unwrap());
    assert_eq!(
        validate(&again["access_token"]).await.unwrap().status(),
        401
    );
}

#[tokio::test]
async fn helix_refuses_in_its_own_form_and_counts_points() {
    let server = server(|options| options.points = 3).await;
    let tokens = server.authorise("1", &[]);
    let asker = asker(&server, &tokens);
    let (status, body) = asker
        .ask(
            "POST",
            "whispers?from_user_id=1&to_user_id=2",
            json!({"message":"x"}),
        )
        .await;
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({"error":"Unauthorized","status":401,"message":"Missing scope: user:manage:whispers"})
    );
    for _ in 0..2 {
        assert_eq!(asker.ask("GET", "users", json!(null)).await.0, 200);
    }
    let (status, body) = asker.ask("GET", "users", json!(null)).await;
    assert_eq!((status, &body["error"]), (429, &json!("Too Many Requests")));
    let other = Asker {
        access: "wrong".into(),
        ..asker
    };
    assert_eq!(other.ask("GET", "users", json!(null)).await.0, 401);
}

#[tokio::test]
async fn what_is_said_is_notified_and_what_the_api_says_is_kept() {
    let server = server(|_| {}).await;
    let asker = asker(&server, &server.authorise("1", SCOPES));
    let (mut socket, session) = open(&server).await;
    let chat = json!({ "broadcaster_user_id": "1", "user_id": "1" });
    assert_eq!(
        asker
            .subscribe(&session, "channel.chat.message", "1", chat.clone())
            .await,
        202
    );
    assert_eq!(
        asker
            .subscribe(&session, "channel.chat.message", "1", chat)
            .await,
        409
    );
    let id = server.say("1", "ann", "hello @ducks");
    let heard = frame(&mut socket).await;
    assert_eq!(heard["payload"]["event"]["message_id"], id.as_str());
    assert_eq!(
        heard["payload"]["event"]["message"]["fragments"][1]["type"],
        "mention"
    );
    let said = json!({ "broadcaster_id": "1", "sender_id": "1", "message": "hi", "reply_parent_message_id": id });
    let (status, body) = asker.ask("POST", "chat/messages", said.clone()).await;
    assert_eq!((status, &body["data"][0]["is_sent"]), (200, &json!(true)));
    let (_, body) = asker.ask("POST", "chat/messages", said).await;
    assert_eq!(body["data"][0]["drop_reason"]["code"], "msg_duplicate");
    assert_eq!(server.sent("1").len(), 1);
    assert_eq!(server.sent("1")[0].reply_to.as_deref(), Some(id.as_str()));
    assert_eq!(
        frame(&mut socket).await["payload"]["event"]["chatter_user_id"],
        "1"
    );
}

#[tokio::test]
async fn an_unused_socket_is_closed_and_so_is_one_that_talks() {
    let server = server(|options| {
        options.unused = Duration::from_millis(50);
        options.keepalive = Duration::from_millis(20);
    })
    .await;
    let (mut socket, _) = open(&server).await;
    assert_eq!(
        frame(&mut socket).await["metadata"]["message_type"],
        "session_keepalive"
    );
    let mut last = frame(&mut socket).await;
    while last["close"].is_null() {
        last = frame(&mut socket).await;
    }
    assert_eq!(last["close"], 4003);
    let (mut socket, _) = open(&server).await;
    socket.send(Message::Text("hi".into())).await.unwrap();
    let mut last = frame(&mut socket).await;
    while last["close"].is_null() {
        last = frame(&mut socket).await;
    }
    assert_eq!(last["close"], 4001);
}

#[tokio::test]
async fn a_socket_moves_without_losing_anything() {
    let server = server(|_| {}).await;
    let asker = asker(&server, &server.authorise("1", SCOPES));
    let (mut old, session) = open(&server).await;
    let chat = json!({ "broadcaster_user_id": "1", "user_id": "1" });
    asker
        .subscribe(&session, "channel.chat.message", "1", chat)
        .await;
    server.reconnect_sockets();
    let moving = frame(&mut old).await;
    let url = moving["payload"]["session"]["reconnect_url"]
        .as_str()
        .unwrap();
    server.say("1", "ann", "before");
    assert_eq!(
        frame(&mut old).await["payload"]["event"]["message"]["text"],
        "before"
    );
    let (mut new, _) = connect_async(url).await.unwrap();
    assert_eq!(
        frame(&mut new).await["metadata"]["message_type"],
        "session_welcome"
    );
    old.close(None).await.unwrap();
    assert!(
        server
            .wait_for(|server| server.n_sockets() == 1, LONG)
            .await
    );
    server.say("1", "ann", "after");
    assert_eq!(
        frame(&mut new).await["payload"]["event"]["message"]["text"],
        "after"
    );
    assert_eq!(server.n_subscriptions(), 1);
    let (mut stranger, _) = connect_async(format!("{}?resume=nobody", server.eventsub_url()))
        .await
        .unwrap();
    assert_eq!(frame(&mut stranger).await["close"], 4007);
}

#[tokio::test]
async fn what_was_not_delivered_is_lost_as_on_twitch_unless_it_is_to_be_kept() {
    for keeps in [false, true] {
        let server = server(|options| options.keeps_undelivered = keeps).await;
        let asker = asker(&server, &server.authorise("1", SCOPES));
        let (socket, session) = open(&server).await;
        let chat = json!({ "broadcaster_user_id": "1", "user_id": "1" });
        asker
            .subscribe(&session, "channel.chat.message", "1", chat.clone())
            .await;
        server.say("1", "ann", "sent and never read");
        server.cut_sockets();
        assert!(
            server
                .wait_for(|server| server.n_sockets() == 0, LONG)
                .await
        );
        drop(socket);
        server.say("1", "ann", "said meanwhile");
        let (mut socket, session) = open(&server).await;
        asker
            .subscribe(&session, "channel.chat.message", "1", chat)
            .await;
        server.say("1", "ann", "said after");
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last| last != "said after") {
            let frame = frame(&mut socket).await;
            heard.push(frame["payload"]["event"]["message"]["text"].clone());
        }
        assert_eq!(heard.len(), if keeps { 3 } else { 1 }, "{heard:?}");
    }
}

#[tokio::test]
async fn notifications_may_come_twice_or_in_another_order() {
    for delivery in [Delivery::Twice, Delivery::Reordered] {
        let server = server(|options| options.delivery = delivery).await;
        let asker = asker(&server, &server.authorise("1", SCOPES));
        let (mut socket, session) = open(&server).await;
        let chat = json!({ "broadcaster_user_id": "1", "user_id": "1" });
        asker
            .subscribe(&session, "channel.chat.message", "1", chat)
            .await;
        let (a, b) = (server.say("1", "ann", "a"), server.say("1", "ann", "b"));
        let first = frame(&mut socket).await;
        let second = frame(&mut socket).await;
        let id = |frame: &Value| {
            frame["payload"]["event"]["message_id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        if delivery == Delivery::Twice {
            assert_eq!((id(&first), id(&second)), (a.clone(), a));
            assert_eq!(
                first["metadata"]["message_id"],
                second["metadata"]["message_id"]
            );
        } else {
            assert_eq!((id(&first), id(&second)), (b, a));
        }
    }
}

#[tokio::test]
async fn one_off_segments_are_for_partners_and_affiliates() {
    let server = server(|_| {}).await;
    let body = json!({
        "start_time": "2099-01-01T18:00:00Z", "timezone": "Europe/Berlin", "duration": "60",
        "is_recurring": false, "title": "Race",
    });
    let geese = asker(&server, &server.authorise("2", SCOPES));
    let (status, refused) = geese
        .ask("POST", "schedule/segment?broadcaster_id=2", body.clone())
        .await;
    assert_eq!(status, 403, "{refused}");
    let mut weekly = body.clone();
    weekly["is_recurring"] = json!(true);
    let (status, _) = geese
        .ask("POST", "schedule/segment?broadcaster_id=2", weekly)
        .await;
    assert_eq!(status, 200);
    let ducks = asker(&server, &server.authorise("1", SCOPES));
    let (status, made) = ducks
        .ask("POST", "schedule/segment?broadcaster_id=1", body.clone())
        .await;
    assert_eq!(status, 200);
    let id = made["data"]["segments"][0]["id"].as_str().unwrap();
    let path = format!("schedule/segment?broadcaster_id=1&id={id}");
    let (status, changed) = ducks
        .ask("PATCH", &path, json!({ "title": "Regatta" }))
        .await;
    assert_eq!(
        (status, &changed["data"]["segments"][0]["title"]),
        (200, &json!("Regatta"))
    );
    for (field, value) in [
        ("duration", json!("29")),
        ("duration", json!(60)),
        ("timezone", json!("Nowhere")),
        ("title", json!("x".repeat(141))),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let (status, _) = ducks
            .ask("POST", "schedule/segment?broadcaster_id=1", wrong)
            .await;
        assert_eq!(status, 400, "{field}");
    }
    assert_eq!(ducks.ask("DELETE", &path, json!(null)).await.0, 204);
    assert!(server.segments("1").is_empty());
}

#[tokio::test]
async fn a_user_has_three_sockets_and_a_revoked_one_is_told() {
    let server = server(|_| {}).await;
    let asker = asker(&server, &server.authorise("1", SCOPES));
    let mut sockets = Vec::new();
    for n in 1..=4 {
        let (socket, session) = open(&server).await;
        let online = json!({ "broadcaster_user_id": "1" });
        let status = asker
            .subscribe(&session, "stream.online", "1", online)
            .await;
        assert_eq!(status, if n <= 3 { 202 } else { 429 });
        sockets.push(socket);
    }
    server.revoke_token("1");
    let told = frame(&mut sockets[0]).await;
    assert_eq!(told["metadata"]["message_type"], "revocation");
    assert_eq!(
        told["payload"]["subscription"]["status"],
        "authorization_revoked"
    );
    assert_eq!(asker.ask("GET", "users", json!(null)).await.0, 401);
}

#[tokio::test]
async fn it_can_be_driven_over_http() {
    let server = server(|_| {}).await;
    let http = reqwest::Client::new();
    let post = |verb: &str, body: Value| {
        http.post(format!("{}/_sim/{verb}", server.url()))
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .send()
    };
    let said = post(
        "say",
        json!({ "broadcaster": "1", "user": "ann", "text": "hi" }),
    )
    .await
    .unwrap();
    assert!(said.text().await.unwrap().contains("message_id"));
    assert_eq!(post("dance", json!({})).await.unwrap().status(), 404);
    post("online", json!({ "broadcaster": "1", "title": "Race" }))
        .await
        .unwrap();
    let state = http
        .get(format!("{}/_sim/state", server.url()))
        .send()
        .await
        .unwrap();
    let state: Value = serde_json::from_str(&state.text().await.unwrap()).unwrap();
    assert_eq!(state["channels"][0]["is_live"], true);
    assert_eq!(state["channels"][0]["chatters"], json!([numeric_id("ann")]));
    assert!(server.exchanges().is_empty(), "driving is not in the log");
}
