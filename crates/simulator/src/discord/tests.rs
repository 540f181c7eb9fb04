use std::time::Duration;

use base64::Engine as _;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::Digest;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{ChannelSpec, DiscordServer, GuildSpec, Limits, Options};
use crate::wire::Fault;

const GUILD: u64 = 200_000_000_000_000_001;
const CHANNEL: u64 = 200_000_000_000_000_002;
const OWNER: u64 = 200_000_000_000_000_003;
const ANN: u64 = 200_000_000_000_000_004;
const LONG: Duration = Duration::from_secs(10);

fn options() -> Options {
    Options {
        guilds: vec![GuildSpec {
            id: GUILD,
            name: "Pond".into(),
            owner: OWNER,
            channels: vec![ChannelSpec {
                id: CHANNEL,
                name: "general".into(),
            }],
            is_installed: true,
        }],
        ..Options::default()
    }
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    fn of(server: &DiscordServer) -> Self {
        Self {
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: format!("{}/v10", server.api_url()),
            token: server.token(),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
            .header("authorization", format!("Bot {}", self.token))
            .header("content-type", "application/json")
            .body(if body.is_null() {
                String::new()
            } else {
                body.to_string()
            })
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = tokio::time::timeout(LONG, socket.next())
            .await
            .expect("nothing came")?;
        match message {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(frame)) => {
                return Some(json!({ "close": frame.map(|f| u16::from(f.code)) }));
            }
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

async fn send(socket: &mut Socket, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

async fn identified(server: &DiscordServer, intents: u64) -> (Socket, Value) {
    let (mut socket, _) = connect_async(format!("{}/?v=10&encoding=json", server.gateway_url()))
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["op"], 10);
    let token = server.token();
    send(&mut socket, json!({ "op": 2, "d": { "token": token, "intents": intents, "shard": [0, 1], "properties": {} } })).await;
    let ready = next(&mut socket).await.unwrap();
    assert_eq!(ready["t"], "READY");
    assert_eq!(next(&mut socket).await.unwrap()["t"], "GUILD_CREATE");
    (socket, ready)
}

#[tokio::test]
async fn a_message_is_posted_edited_taken_back_and_listed() {
    let server = DiscordServer::start(options()).await.unwrap();
    let client = Client::of(&server);
    let path = format!("/channels/{CHANNEL}/messages");
    let (status, made) = client
        .ask("POST", &path, json!({ "content": "hello" }))
        .await;
    assert_eq!(status, 200);
    assert!(made["timestamp"].as_str().unwrap().ends_with("+00:00"));
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(
        client
            .ask("PATCH", &one, json!({ "content": "hello there" }))
            .await
            .1["content"],
        "hello there"
    );
    assert_eq!(
        client.ask("GET", &path, Value::Null).await.1[0]["content"],
        "hello there"
    );
    assert_eq!(client.ask("DELETE", &one, Value::Null).await.0, 204);
    assert_eq!(
        client.ask("DELETE", &one, Value::Null).await,
        (404, json!({ "code": 10_008, "message": "Unknown Message" }))
    );
    let sent = server.sent(CHANNEL);
    assert_eq!((sent[0].n_edits, sent[0].is_deleted), (1, true));
}

#[tokio::test]
async fn the_same_nonce_is_posted_once_also_when_the_answer_was_lost() {
    let server = DiscordServer::start(options()).await.unwrap();
    let client = Client::of(&server);
    let path = format!("/channels/{CHANNEL}/messages");
    server.faults().next("/messages", 1, Fault::LostResponse);
    let body = json!({ "content": "once", "nonce": "n1", "enforce_nonce": true });
    let lost = client
        .http
        .post(format!("{}{path}", client.base))
        .header("authorization", format!("Bot {}", client.token))
        .body(body.to_string())
        .send()
        .await;
    assert!(match lost {
        Ok(response) => response.bytes().await.is_err(),
        Err(_) => true,
    });
    assert_eq!(client.ask("POST", &path, body).await.0, 200);
    assert_eq!(server.sent(CHANNEL).len(), 1);
}

#[tokio::test]
async fn a_wrong_token_a_strange_channel_and_a_closed_door_are_refused_with_discords_numbers() {
    let server = DiscordServer::start(options()).await.unwrap();
    let mut client = Client::of(&server);
    server.name_user(ANN, "ann");
    server.takes_messages(ANN, false);
    let (_, direct) = client
        .ask(
            "POST",
            "/users/@me/channels",
            json!({ "recipient_id": ANN.to_string() }),
        )
        .await;
    let path = format!("/channels/{}/messages", direct["id"].as_str().unwrap());
    assert_eq!(
        client
            .ask("POST", &path, json!({ "content": "hi" }))
            .await
            .1["code"],
        50_007
    );
    assert_eq!(
        client
            .ask("POST", "/channels/7/messages", json!({ "content": "hi" }))
            .await
            .1["code"],
        10_003
    );
    client.token = "wrong".into();
    assert_eq!(
        client
            .ask("GET", &format!("/guilds/{GUILD}"), Value::Null)
            .await
            .0,
        401
    );
    assert_eq!(server.n_invalid(), 2);
}

#[tokio::test]
async fn a_session_that_was_cut_is_replayed_what_it_missed_and_nothing_twice() {
    let server = DiscordServer::start(options()).await.unwrap();
    let (mut socket, ready) = identified(&server, 1 | 1 << 9 | 1 << 15).await;
    server.say(GUILD, CHANNEL, ANN, "one");
    let first = next(&mut socket).await.unwrap();
    assert_eq!(first["d"]["content"], "one");
    server.cut_gateways();
    assert!(next(&mut socket).await.is_none());
    server.say(GUILD, CHANNEL, ANN, "two");
    let url = ready["d"]["resume_gateway_url"].as_str().unwrap();
    let (mut socket, _) = connect_async(format!("{url}/?v=10&encoding=json"))
        .await
        .unwrap();
    next(&mut socket).await.unwrap();
    send(&mut socket, json!({ "op": 6, "d": { "token": server.token(), "session_id": ready["d"]["session_id"], "seq": first["s"] } })).await;
    assert_eq!(next(&mut socket).await.unwrap()["d"]["content"], "two");
    assert_eq!(next(&mut socket).await.unwrap()["t"], "RESUMED");
    server.say(GUILD, CHANNEL, ANN, "three");
    assert_eq!(next(&mut socket).await.unwrap()["d"]["content"], "three");
    assert_eq!(server.gateway_counts(), (2, 1, 1));
}

#[tokio::test]
async fn a_session_that_is_too_far_behind_or_unknown_is_over() {
    let server = DiscordServer::start(Options {
        replay_max: 2,
        ..options()
    })
    .await
    .unwrap();
    let (mut socket, ready) = identified(&server, 1 | 1 << 9 | 1 << 15).await;
    server.cut_gateways();
    assert!(next(&mut socket).await.is_none());
    for text in ["a", "b", "c"] {
        server.say(GUILD, CHANNEL, ANN, text);
    }
    for session in [ready["d"]["session_id"].clone(), json!("nobody")] {
        let (mut socket, _) = connect_async(server.gateway_url()).await.unwrap();
        next(&mut socket).await.unwrap();
        send(
            &mut socket,
            json!({ "op": 6, "d": { "token": server.token(), "session_id": session, "seq": 2 } }),
        )
        .await;
        assert_eq!(
            next(&mut socket).await.unwrap(),
            json!({ "op": 9, "d": false, "s": null, "t": null })
        );
    }
}

#[tokio::test]
async fn a_wrong_token_closes_the_gateway_with_its_number() {
    let server = DiscordServer::start(Options {
        refused_intents: 1 << 15,
        ..options()
    })
    .await
    .unwrap();
    for (token, intents, code) in [
        ("wrong".to_owned(), 1, 4_004),
        (server.token(), 1 << 15, 4_014),
        (server.token(), 1 << 30, 4_013),
    ] {
        let (mut socket, _) = connect_async(server.gateway_url()).await.unwrap();
        next(&mut socket).await.unwrap();
        send(
            &mut socket,
            json!({ "op": 2, "d": { "token": token, "intents": intents } }),
        )
        .await;
        assert_eq!(next(&mut socket).await.unwrap()["close"], code);
    }
}

#[tokio::test]
async fn without_its_intent_a_session_sees_that_somebody_spoke_and_not_what() {
    let server = DiscordServer::start(options()).await.unwrap();
    let (mut socket, _) = identified(&server, 1 | 1 << 9).await;
    server.say(GUILD, CHANNEL, ANN, "secret");
    assert_eq!(next(&mut socket).await.unwrap()["d"]["content"], "");
}

#[tokio::test]
async fn an_interaction_is_answered_once_and_only_by_whoever_has_its_token() {
    let server = DiscordServer::start(options()).await.unwrap();
    let client = Client::of(&server);
    let (mut socket, _) = identified(&server, 1).await;
    server.slash(GUILD, CHANNEL, ANN, "ping", &[("text", "x")]);
    let asked = next(&mut socket).await.unwrap()["d"].clone();
    assert_eq!(asked["data"]["options"][0]["value"], "x");
    let (id, token) = (
        asked["id"].as_str().unwrap(),
        asked["token"].as_str().unwrap(),
    );
    let original = format!(
        "/webhooks/{}/{token}/messages/@original",
        server.application()
    );
    assert_eq!(
        client
            .ask("PATCH", &original, json!({ "content": "early" }))
            .await
            .1["code"],
        10_015
    );
    assert_eq!(
        client
            .ask(
                "POST",
                &format!("/interactions/{id}/nope/callback"),
                json!({ "type": 5 })
            )
            .await
            .1["code"],
        10_062
    );
    let callback = format!("/interactions/{id}/{token}/callback");
    assert_eq!(
        client.ask("POST", &callback, json!({ "type": 5 })).await.0,
        204
    );
    assert_eq!(
        client.ask("POST", &callback, json!({ "type": 5 })).await.1["code"],
        40_060
    );
    assert_eq!(
        client
            .ask("PATCH", &original, json!({ "content": "pong" }))
            .await
            .0,
        200
    );
    assert_eq!(
        client
            .ask("PATCH", &original, json!({ "content": "pong!" }))
            .await
            .0,
        200
    );
    let sent = server.sent(CHANNEL);
    assert_eq!((sent.len(), sent[0].content.as_str()), (1, "pong!"));
}

#[tokio::test]
async fn a_hundred_at_a_time_are_listed_of_those_who_come() {
    let server = DiscordServer::start(Options {
        limits: Limits::generous(),
        ..options()
    })
    .await
    .unwrap();
    let client = Client::of(&server);
    let path = format!("/guilds/{GUILD}/scheduled-events");
    let mut body = json!({
        "name": "Race", "privacy_level": 2, "entity_type": 3, "scheduled_start_time": "2099-01-01T10:00:00Z",
        "entity_metadata": { "location": "The pond" },
    });
    assert_eq!(
        client.ask("POST", &path, body.clone()).await.1["code"],
        50_035
    );
    body["scheduled_end_time"] = json!("2099-01-01T11:00:00+00:00");
    let (status, made) = client.ask("POST", &path, body).await;
    assert_eq!(
        (status, made["scheduled_start_time"].as_str().unwrap()),
        (200, "2099-01-01T10:00:00.000000+00:00")
    );
    let event: u64 = made["id"].as_str().unwrap().parse().unwrap();
    for n in 0..150 {
        server.rsvp(GUILD, event, ANN + n);
    }
    let users = format!("{path}/{event}/users");
    let (_, first) = client.ask("GET", &users, Value::Null).await;
    assert_eq!(first.as_array().unwrap().len(), 100);
    let last = first[99]["user"]["id"].as_str().unwrap();
    let (_, second) = client
        .ask("GET", &format!("{users}?after={last}"), Value::Null)
        .await;
    assert_eq!(second.as_array().unwrap().len(), 50);
    assert_eq!(
        client
            .ask("GET", &format!("{users}?limit=101"), Value::Null)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn the_page_hands_out_a_code_once_and_only_against_its_verifier() {
    let server = DiscordServer::start(options()).await.unwrap();
    server.name_user(ANN, "ann");
    let client = Client::of(&server);
    let challenge =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(b"verifier"));
    let app = server.application().to_string();
    let mut form = vec![
        ("client_id", app.clone()),
        ("redirect_uri", "http://127.0.0.1/back".to_owned()),
        ("scope", "identify email bot".to_owned()),
        ("state", "s".to_owned()),
        ("response_type", "code".to_owned()),
        ("permissions", "8".to_owned()),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256".to_owned()),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let page = client
        .http
        .get(format!("{}?{query}", server.authorize_url()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("Approve") && page.contains("ann") && page.contains("Pond"));
    form.extend([
        ("user", ANN.to_string()),
        ("guild_id", GUILD.to_string()),
        ("decision", "yes".to_owned()),
    ]);
    let encode = |form: &[(&str, String)]| {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish()
    };
    let post = |url: String, body: String| {
        client
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
    };
    let response = post(server.authorize_url(), encode(&form)).await.unwrap();
    let target = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let back: std::collections::BTreeMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(
        (back["state"].as_str(), back["guild_id"].as_str()),
        ("s", GUILD.to_string().as_str())
    );
    let exchange = |verifier: &str, code: &str| {
        encode(&[
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", "http://127.0.0.1/back".to_owned()),
            ("client_id", app.clone()),
            ("client_secret", Options::default().client_secret),
            ("code_verifier", verifier.to_owned()),
        ])
    };
    let token_url = format!("{}/oauth2/token", server.api_url());
    let answer = post(token_url.clone(), exchange("verifier", &back["code"]))
        .await
        .unwrap();
    let granted: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(granted["guild"]["id"], GUILD.to_string());
    let who = client
        .http
        .get(format!("{}/v10/users/@me", server.api_url()))
        .header(
            "authorization",
            format!("Bearer {}", granted["access_token"].as_str().unwrap()),
        )
        .send()
        .await
        .unwrap();
    let who: Value = serde_json::from_str(&who.text().await.unwrap()).unwrap();
    assert_eq!(
        (who["username"].as_str(), who["email"].is_string()),
        (Some("ann"), true)
    );
    let again = post(token_url.clone(), exchange("verifier", &back["code"]))
        .await
        .unwrap();
    assert_eq!(again.status(), 400);
    let response = post(server.authorize_url(), encode(&form)).await.unwrap();
    let target = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let code = target
        .query_pairs()
        .find(|(key, _)| key == "code")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(
        post(token_url, exchange("guess", &code))
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn it_is_driven_over_http_too() {
    let server = DiscordServer::start(options()).await.unwrap();
    let client = reqwest::Client::new();
    let said = client
        .post(format!("{}/_sim/do", server.url()))
        .header("content-type", "application/json")
        .body(json!({ "do": "say", "guild": GUILD.to_string(), "channel": CHANNEL.to_string(), "user": "sim-ann", "text": "hi" }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(said.status(), 200);
    let found = server
        .wait_for(|discord| discord.messages(CHANNEL).first().cloned(), LONG)
        .await
        .unwrap();
    assert_eq!(
        (found.content.as_str(), found.author),
        ("hi", super::snowflake("sim-ann"))
    );
    let state = client
        .get(format!("{}/_sim", server.url()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(state.contains("\"Pond\""));
}

#[tokio::test]
async fn an_application_with_an_address_is_asked_there_and_believed() {
    type Seen = std::sync::Arc<std::sync::Mutex<Vec<(axum::http::HeaderMap, bytes::Bytes)>>>;
    let seen = Seen::default();
    let taken = seen.clone();
    let answer = axum::routing::post(
        move |headers: axum::http::HeaderMap, body: bytes::Bytes| async move {
            taken.lock().unwrap().push((headers, body));
            axum::Json(json!({ "type": 4, "data": { "content": "pong" } }))
        },
    );
    let place = crate::wire::listen(0, axum::Router::new().route("/hooks/discord", answer))
        .await
        .unwrap();
    let interactions_url = Some(format!("{}/hooks/discord", place.url()));
    let server = DiscordServer::start(Options {
        interactions_url,
        ..options()
    })
    .await
    .unwrap();
    server.slash(GUILD, CHANNEL, ANN, "ping", &[]);
    let sent = server
        .wait_for(|discord| discord.sent(CHANNEL).pop(), LONG)
        .await
        .unwrap();
    assert_eq!(sent.content, "pong");
    let (headers, body) = seen.lock().unwrap().pop().unwrap();
    let timestamp = headers["x-signature-timestamp"].to_str().unwrap();
    let [(_, signature), _] = server.sign(timestamp, &body);
    assert_eq!(headers["x-signature-ed25519"].to_str().unwrap(), signature);
}

#[tokio::test]
async fn limits_are_told_with_every_answer_and_their_scope_only_when_one_is_over() {
    let limits = Limits {
        messages: (1, Duration::from_secs(60)),
        ..Limits::default()
    };
    let server = DiscordServer::start(Options {
        limits,
        ..options()
    })
    .await
    .unwrap();
    let client = Client::of(&server);
    let post = || {
        client
            .http
            .post(format!("{}/channels/{CHANNEL}/messages", client.base))
            .header("authorization", format!("Bot {}", client.token))
            .body(r#"{"content":"hi"}"#)
            .send()
    };
    let first = post().await.unwrap();
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["x-ratelimit-remaining"].to_str().unwrap()
        ),
        (200, "0")
    );
    assert!(!first.headers().contains_key("x-ratelimit-scope"));
    let second = post().await.unwrap();
    assert_eq!(
        (
            second.status().as_u16(),
            second.headers()["x-ratelimit-scope"].to_str().unwrap()
        ),
        (429, "user")
    );
    let header: u64 = second.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body: Value = serde_json::from_str(&second.text().await.unwrap()).unwrap();
    let exact = body["retry_after"].as_f64().unwrap();
    assert!(
        (59.0..=60.0).contains(&exact) && (59..=60).contains(&header),
        "{body}"
    );
    assert_eq!(body["global"], false);
    assert_eq!(server.sent(CHANNEL).len(), 1);
}
