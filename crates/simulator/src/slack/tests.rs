//! The simulated Slack as a client sees it: over HTTP and WebSocket only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use kernel::{Clock, Timestamp};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{Limits, Member, Noise, Room, SlackOptions, SlackServer, Workspace, push, slack_id};

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

const PATIENCE: Duration = Duration::from_secs(10);

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

fn room(id: &str, has_bot: bool) -> Room {
    Room {
        id: id.into(),
        name: id.to_lowercase(),
        has_bot,
        ..Room::default()
    }
}

struct World {
    server: SlackServer,
    clock: Arc<Hand>,
    http: reqwest::Client,
}

async fn world(change: impl FnOnce(&mut SlackOptions)) -> World {
    let clock = Arc::new(Hand(AtomicI64::new(1_700_000_000_000_000)));
    let mut options = SlackOptions {
        clock: clock.clone(),
        workspaces: vec![Workspace {
            id: "T1".into(),
            name: "Ducks".into(),
            channels: vec![room("C1", true), room("C2", false)],
            members: vec![Member {
                id: "UANN".into(),
                name: "ann".into(),
                is_admin: true,
                ..Member::default()
            }],
            is_installed: true,
        }],
        ..SlackOptions::default()
    };
    change(&mut options);
    let server = SlackServer::start(options).await.unwrap();
    World {
        http: reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap(),
        server,
        clock,
    }
}

impl World {
    async fn raw(&self, method: &str, token: &str, body: &Value) -> (u16, Option<String>, Value) {
        let answer = self
            .http
            .post(format!("{}/{method}", self.server.api_url()))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json; charset=utf-8")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let header = |name| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").as_deref(), Some("application/json"));
        let (status, after) = (answer.status().as_u16(), header("retry-after"));
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, after, body)
    }

    async fn call(&self, method: &str, body: Value) -> Value {
        let token = self.server.token("T1").unwrap_or_else(|| "none".into());
        self.raw(method, &token, &body).await.2
    }

    async fn error(&self, method: &str, body: Value) -> String {
        let answer = self.call(method, body).await;
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    async fn socket(&self) -> Socket {
        let token = self.server.options().app_token.clone();
        let (_, _, answer) = self.raw("apps.connections.open", &token, &json!({})).await;
        let (mut socket, _) = connect_async(answer["url"].as_str().unwrap())
            .await
            .unwrap();
        let hello = next(&mut socket).await;
        assert_eq!(hello["type"], "hello");
        assert!(hello["num_connections"].is_u64());
        assert!(hello["debug_info"]["approximate_connection_time"].is_u64());
        socket
    }
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Value::Null,
            Some(Ok(_)) => {}
        }
    }
}

async fn acknowledge(socket: &mut Socket, frame: &Value, payload: Value) {
    let ack = json!({"envelope_id": frame["envelope_id"], "payload": payload});
    socket.send(Message::text(ack.to_string())).await.unwrap();
}

#[test]
fn any_text_becomes_the_same_id_in_slacks_form() {
    let id = slack_id('T', "sim-ducks");
    assert_eq!(id, slack_id('T', "sim-ducks"));
    assert_ne!(id, slack_id('T', "sim-geese"));
    assert_eq!(id.len(), 11);
    assert!(id.starts_with('T'));
    assert_eq!(slack_id('C', "C0123456789"), "C0123456789");
}

#[test]
fn a_communitys_place_becomes_a_workspace() {
    let plans = crate::communities();
    let mut n_places = 0;
    let places = plans.iter().flat_map(crate::CommunityPlan::places);
    for place in places.filter(|place| place.platform == kernel::Platform::Slack) {
        let workspace = Workspace::from(place);
        assert!(workspace.id.starts_with('T') && workspace.is_installed);
        assert_eq!(workspace.channels.len(), place.channels.len());
        assert!(
            workspace
                .channels
                .iter()
                .all(|room| room.has_bot && room.id.starts_with('C'))
        );
        n_places += 1;
    }
    assert!(n_places > 0);
}

#[tokio::test]
async fn a_message_is_posted_changed_and_taken_back_and_others_are_refused() {
    let world = world(|_| {}).await;
    let posted = world
        .call("chat.postMessage", json!({"channel": "C1", "text": "hi"}))
        .await;
    assert_eq!(posted["ok"], true, "{posted}");
    let ts = posted["ts"].as_str().unwrap();
    let of_ann = world.server.say("T1", "C1", "UANN", "hello").unwrap();
    let updated = world
        .call(
            "chat.update",
            json!({"channel": "C1", "ts": ts, "text": "ho"}),
        )
        .await;
    assert_eq!(updated["text"], "ho");
    for (method, error) in [
        ("chat.update", "cant_update_message"),
        ("chat.delete", "cant_delete_message"),
    ] {
        let body = json!({"channel": "C1", "ts": of_ann, "text": "x"});
        assert_eq!(world.error(method, body).await, error);
    }
    world
        .call("chat.delete", json!({"channel": "C1", "ts": ts}))
        .await;
    let [sent] = world.server.sent("C1").try_into().unwrap();
    assert_eq!((sent.text.as_str(), sent.is_deleted), ("ho", true));
    assert_eq!(sent.earlier, ["hi"]);
    let gone = json!({"channel": "C1", "ts": ts, "text": "x"});
    assert_eq!(world.error("chat.update", gone).await, "message_not_found");

    let to = |channel: &str| json!({"channel": channel, "text": "hi"});
    assert_eq!(
        world.error("chat.postMessage", to("C2")).await,
        "not_in_channel"
    );
    assert_eq!(
        world.error("chat.postMessage", to("C9")).await,
        "channel_not_found"
    );
    world.server.archive("T1", "C1", true).unwrap();
    assert_eq!(
        world.error("chat.postMessage", to("C1")).await,
        "is_archived"
    );
    assert_eq!(world.error("no.such", json!({})).await, "unknown_method");
    world
        .call("conversations.join", json!({"channel": "C2"}))
        .await;
    assert_eq!(world.call("chat.postMessage", to("C2")).await["ok"], true);
}

#[tokio::test]
async fn forms_are_taken_as_json_is_and_tokens_are_looked_at() {
    let world = world(|_| {}).await;
    let token = world.server.token("T1").unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &token)
        .append_pair("channel", "C1")
        .append_pair("text", "from a form")
        .append_pair("blocks", r#"[{"type":"divider"}]"#)
        .finish();
    let answer = world
        .http
        .post(format!("{}/chat.postMessage", world.server.api_url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(world.server.sent("C1")[0].blocks[0]["type"], "divider");

    for (token, error) in [("", "not_authed"), ("xoxb-wrong", "invalid_auth")] {
        let (status, _, answer) = world.raw("auth.test", token, &json!({})).await;
        assert_eq!((status, answer["error"].as_str()), (200, Some(error)));
    }
    assert_eq!(
        world.error("apps.connections.open", json!({})).await,
        "not_allowed_token_type"
    );
    world.server.revoke_token("T1");
    let (_, _, answer) = world.raw("auth.test", &token, &json!({})).await;
    assert_eq!(answer["error"], "token_revoked");
}

#[tokio::test]
async fn lengths_are_checked_as_the_reference_says() {
    let world = world(|options| options.limits.are_on = false).await;
    let text = |kind: &str, n: usize| json!({"type": kind, "text": "x".repeat(n)});
    let button = |id: &str, n: usize| json!({"type": "button", "action_id": id, "text": text("plain_text", n)});
    let cases = [
        (
            json!([{"type": "section", "text": text("mrkdwn", 3_000)}]),
            None,
        ),
        (
            json!([{"type": "section", "text": text("mrkdwn", 3_001)}]),
            Some("invalid_blocks"),
        ),
        (
            json!([{"type": "section", "text": text("mrkdwn", 0)}]),
            Some("invalid_blocks"),
        ),
        (
            json!([{"type": "header", "text": text("plain_text", 150)}]),
            None,
        ),
        (
            json!([{"type": "header", "text": text("plain_text", 151)}]),
            Some("invalid_blocks"),
        ),
        (
            json!([{"type": "header", "text": text("mrkdwn", 5)}]),
            Some("invalid_blocks"),
        ),
        (
            json!([{"type": "actions", "elements": [button("a", 75)]}]),
            None,
        ),
        (
            json!([{"type": "actions", "elements": [button("a", 76)]}]),
            Some("invalid_blocks"),
        ),
        (
            json!([{"type": "actions", "elements": [button("a", 1), button("a", 1)]}]),
            Some("invalid_blocks"),
        ),
        (json!([{"type": "nonsense"}]), Some("invalid_blocks")),
        (json!(vec![json!({"type": "divider"}); 50]), None),
        (
            json!(vec![json!({"type": "divider"}); 51]),
            Some("invalid_blocks"),
        ),
        (
            json!(vec![
                json!({"type": "section", "text": text("mrkdwn", 2_700)});
                5
            ]),
            Some("msg_blocks_too_long"),
        ),
        (json!("{"), Some("invalid_blocks_format")),
    ];
    for (blocks, error) in cases {
        let answer = world
            .call(
                "chat.postMessage",
                json!({"channel": "C1", "blocks": blocks}),
            )
            .await;
        assert_eq!(answer["error"].as_str(), error, "{blocks}");
    }
    let long = "ä".repeat(40_001);
    world
        .call("chat.postMessage", json!({"channel": "C1", "text": long}))
        .await;
    let sent = world.server.sent("C1");
    assert_eq!(sent.last().unwrap().text.chars().count(), 40_000);
    assert_eq!(
        world
            .error("chat.postMessage", json!({"channel": "C1"}))
            .await,
        "no_text"
    );
}

#[tokio::test]
async fn one_message_a_second_in_a_channel_and_tiers_per_method_and_workspace() {
    let world = world(|options| {
        options.limits = Limits {
            workspace_per_min: 5,
            ..Limits::default()
        };
    })
    .await;
    world.server.add(&Workspace {
        id: "T1".into(),
        name: "Ducks".into(),
        channels: vec![room("C3", true)],
        ..Workspace::default()
    });
    let token = world.server.token("T1").unwrap();
    let post = async |channel: &str| {
        let body = json!({"channel": channel, "text": "x"});
        world.raw("chat.postMessage", &token, &body).await
    };
    assert_eq!(post("C1").await.0, 200);
    assert_eq!(post("C1").await.0, 200, "a small burst");
    let (status, after, body) = post("C1").await;
    assert_eq!((status, after.as_deref()), (429, Some("1")));
    assert_eq!(body, json!({"ok": false, "error": "ratelimited"}));
    assert_eq!(post("C3").await.0, 200, "another channel");
    world.clock.pass(Duration::from_secs(1));
    assert_eq!(post("C1").await.0, 200);
    assert_eq!(post("C3").await.0, 200);
    world.clock.pass(Duration::from_secs(10));
    let (status, after, _) = post("C1").await;
    assert_eq!(
        (status, after.as_deref()),
        (429, Some("49")),
        "the workspace"
    );
    let mut list = Vec::new();
    for _ in 0..21 {
        let answer = world.raw("conversations.list", &token, &json!({})).await;
        list.push(answer.0);
    }
    assert_eq!(list.iter().filter(|status| **status == 200).count(), 20);
    assert_eq!(
        world
            .raw("users.info", &token, &json!({"user": "UANN"}))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn lists_come_in_pages_and_people_have_names() {
    let world = world(|options| {
        for n in 10..35 {
            options.workspaces[0]
                .channels
                .push(room(&format!("C{n}"), true));
        }
    })
    .await;
    let mut cursor = String::new();
    let mut seen = 0;
    loop {
        let page = world
            .call("conversations.list", json!({"limit": 10, "cursor": cursor}))
            .await;
        seen += page["channels"].as_array().unwrap().len();
        cursor = page["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 27);
    let ann = world.call("users.info", json!({"user": "UANN"})).await;
    assert_eq!(ann["user"]["profile"]["display_name"], "ann");
    assert_eq!(ann["user"]["is_admin"], true);
    let direct = world
        .call("conversations.open", json!({"users": "UANN"}))
        .await;
    let channel = direct["channel"]["id"].as_str().unwrap();
    assert!(channel.starts_with('D'));
    let posted = world
        .call(
            "chat.postMessage",
            json!({"channel": channel, "text": "psst"}),
        )
        .await;
    assert_eq!(posted["channel"], channel);
    assert_eq!(
        world
            .error("conversations.open", json!({"users": "UNOBODY"}))
            .await,
        "user_not_found"
    );
}

#[tokio::test]
async fn a_scheduled_message_waits_for_its_time_and_its_limits_hold() {
    let world = world(|options| options.limits.are_on = false).await;
    let now = world.clock.now().secs();
    let at = |secs: i64| json!({"channel": "C1", "text": "later", "post_at": now + secs});
    assert_eq!(
        world.error("chat.scheduleMessage", at(0)).await,
        "time_in_past"
    );
    assert_eq!(
        world
            .error("chat.scheduleMessage", at(120 * 86_400 + 1))
            .await,
        "time_too_far"
    );
    // A window of five minutes that starts in an hour.
    let window = (now + 3_600).div_euclid(300) * 300 - now;
    for n in 0..30 {
        let answer = world.call("chat.scheduleMessage", at(window + n)).await;
        assert_eq!(answer["ok"], true, "{answer}");
    }
    assert_eq!(
        world.error("chat.scheduleMessage", at(window + 30)).await,
        "restricted_too_many"
    );
    let list = world
        .call("chat.scheduledMessages.list", json!({"channel": "C1"}))
        .await;
    let first = &list["scheduled_messages"][0];
    assert_eq!(list["scheduled_messages"].as_array().unwrap().len(), 30);
    let one = json!({"channel": "C1", "scheduled_message_id": first["id"]});
    assert_eq!(
        world.call("chat.deleteScheduledMessage", one.clone()).await["ok"],
        true
    );
    assert_eq!(
        world.error("chat.deleteScheduledMessage", one).await,
        "invalid_scheduled_message_id"
    );
    world.clock.pass(Duration::from_secs(2 * 3_600));
    assert!(
        world
            .server
            .wait_for(|server| server.sent("C1").len() == 29, PATIENCE)
            .await
    );
}

#[tokio::test]
async fn what_is_said_comes_over_the_socket_and_again_until_it_is_acknowledged() {
    let world = world(|options| options.acknowledge_within = Duration::from_millis(150)).await;
    let ts = world
        .server
        .say("T1", "C1", "UANN", "before anybody listens")
        .unwrap();
    world
        .server
        .say("T1", "C2", "UANN", "where we are not")
        .unwrap();
    let mut socket = world.socket().await;
    let first = next(&mut socket).await;
    assert_eq!(first["type"], "events_api");
    assert_eq!(first["retry_attempt"], 0);
    assert_eq!(first["payload"]["event"]["ts"], ts);
    assert_eq!(first["payload"]["type"], "event_callback");
    let again = next(&mut socket).await;
    assert_eq!(again["retry_attempt"], 1);
    assert_eq!(again["payload"]["event_id"], first["payload"]["event_id"]);
    assert_eq!(world.server.cut_sockets(), 1);
    assert_eq!(next(&mut socket).await, Value::Null);
    let mut socket = world.socket().await;
    let third = next(&mut socket).await;
    assert_eq!(third["payload"]["event_id"], first["payload"]["event_id"]);
    acknowledge(&mut socket, &third, Value::Null).await;
    assert!(
        world
            .server
            .wait_for(|server| server.n_delivered() == (1, 0), PATIENCE)
            .await
    );
}

#[tokio::test]
async fn a_warned_socket_gets_nothing_new_when_there_is_another_and_is_closed() {
    let world = world(|options| options.warning = Duration::from_millis(100)).await;
    let mut old = world.socket().await;
    world.server.refresh_sockets();
    assert_eq!(next(&mut old).await["reason"], "warning");
    let mut new = world.socket().await;
    for n in 0..4 {
        world
            .server
            .say("T1", "C1", "UANN", &n.to_string())
            .unwrap();
        let frame = next(&mut new).await;
        assert_eq!(frame["payload"]["event"]["text"], n.to_string());
        acknowledge(&mut new, &frame, Value::Null).await;
    }
    assert_eq!(next(&mut old).await["reason"], "refresh_requested");
    assert_eq!(next(&mut old).await, Value::Null);
    let twice = world.server.options().app_token.clone();
    let (_, _, answer) = world.raw("apps.connections.open", &twice, &json!({})).await;
    let url = answer["url"].as_str().unwrap();
    let (socket, _) = connect_async(url).await.unwrap();
    drop(socket);
    assert!(connect_async(url).await.is_err(), "an address is good once");
}

#[tokio::test]
async fn a_slash_command_and_a_press_are_answered_five_times_within_half_an_hour() {
    let world = world(|_| {}).await;
    let mut socket = world.socket().await;
    world.server.slash("T1", "C1", "UANN", "ping x").unwrap();
    let frame = next(&mut socket).await;
    assert_eq!(frame["type"], "slash_commands");
    assert_eq!(frame["accepts_response_payload"], true);
    assert_eq!(frame["payload"]["text"], "ping x");
    acknowledge(&mut socket, &frame, json!({"text": "at once"})).await;
    let url = frame["payload"]["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = async |body: Value| {
        let answer = world
            .http
            .post(&url)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    };
    assert!(
        world
            .server
            .wait_for(|server| server.sent("C1").len() == 1, PATIENCE)
            .await
    );
    for _ in 0..4 {
        assert_eq!(
            answer(json!({"text": "pong", "response_type": "in_channel"})).await,
            200
        );
    }
    assert_eq!(answer(json!({"text": "pong"})).await, 404);
    let sent = world.server.sent("C1");
    assert_eq!(sent[0].only_for.as_deref(), Some("UANN"));
    assert_eq!((sent[1].text.as_str(), &sent[1].only_for), ("pong", &None));

    let blocks = json!([{"type": "actions", "elements": [
        {"type": "button", "action_id": "rsvp:7", "text": {"type": "plain_text", "text": "I come"}}]}]);
    let posted = world
        .call(
            "chat.postMessage",
            json!({"channel": "C1", "text": "Come?", "blocks": blocks}),
        )
        .await;
    let ts = posted["ts"].as_str().unwrap();
    world.server.press_button(ts, "rsvp:8", "UANN").unwrap_err();
    world.server.press_button(ts, "rsvp:7", "UANN").unwrap();
    let frame = loop {
        let frame = next(&mut socket).await;
        acknowledge(&mut socket, &frame, Value::Null).await;
        if frame["type"] == "interactive" {
            break frame;
        }
    };
    assert_eq!(frame["payload"]["actions"][0]["action_id"], "rsvp:7");
    let url = frame["payload"]["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    world.clock.pass(Duration::from_secs(31 * 60));
    let late = world
        .http
        .post(&url)
        .body(r#"{"text":"late"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 404);
}

#[tokio::test]
async fn somebody_approves_on_the_page_and_the_code_becomes_a_token_once() {
    let world = world(|options| options.workspaces[0].is_installed = false).await;
    let page = format!(
        "{}?client_id={}&scope=chat%3Awrite&state=s%26t&redirect_uri=http%3A%2F%2Fbot.example%2Fback",
        world.server.authorize_url(),
        world.server.options().client_id
    );
    let html = world.http.get(&page).send().await.unwrap();
    let html = String::from_utf8(html.bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("Allow"), "{html}");
    assert!(html.contains("value=\"s&amp;t\""), "{html}");
    let form = format!(
        "client_id={}&scope=chat%3Awrite&state=s%26t&redirect_uri=http%3A%2F%2Fbot.example%2Fback&team=T1&answer=",
        world.server.options().client_id
    );
    let send = async |answer: &str| {
        let sent = world
            .http
            .post(world.server.authorize_url())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{form}{answer}"))
            .send()
            .await
            .unwrap();
        let location = sent.headers()["location"].to_str().unwrap().to_owned();
        url::Url::parse(&location).unwrap()
    };
    assert!(
        send("cancel")
            .await
            .query()
            .unwrap()
            .contains("error=access_denied")
    );
    let back = send("allow").await;
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1;
    assert!(
        back.query_pairs()
            .any(|(name, value)| name == "state" && value == "s&t")
    );
    let options = world.server.options();
    let access = json!({
        "client_id": options.client_id, "client_secret": options.client_secret,
        "code": code, "redirect_uri": "http://bot.example/back",
    });
    let (_, _, answer) = world.raw("oauth.v2.access", "", &access).await;
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["team"]["name"], "Ducks");
    assert!(answer["authed_user"]["id"].is_string());
    assert_eq!(
        answer["access_token"].as_str(),
        world.server.token("T1").as_deref()
    );
    let (_, _, again) = world.raw("oauth.v2.access", "", &access).await;
    assert_eq!(again["error"], "invalid_code");
    assert!(
        answer.get("refresh_token").is_none(),
        "tokens live for ever"
    );
    world.call("auth.revoke", json!({})).await;
    assert_eq!(world.server.token("T1"), None);
}

#[tokio::test]
async fn noise_brings_events_twice_and_late_and_nothing_is_lost() {
    let world = world(|_| {}).await;
    world.server.noise(Noise {
        twice_every: 3,
        late_every: 2,
    });
    let mut socket = world.socket().await;
    for n in 0..12 {
        world
            .server
            .say("T1", "C1", "UANN", &n.to_string())
            .unwrap();
    }
    let mut texts = Vec::new();
    while texts
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len()
        < 12
    {
        let frame = next(&mut socket).await;
        acknowledge(&mut socket, &frame, Value::Null).await;
        texts.push(
            frame["payload"]["event"]["text"]
                .as_str()
                .unwrap()
                .parse::<u32>()
                .unwrap(),
        );
    }
    assert!(!texts.is_sorted(), "{texts:?}");
    assert!(texts.len() > 12, "{texts:?}");
}

#[tokio::test]
async fn other_programs_drive_it_over_http() {
    let world = world(|_| {}).await;
    let post = async |verb: &str, body: Value| {
        let answer = world
            .http
            .post(format!("{}/_sim/{verb}", world.server.url()))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, body)
    };
    let (_, said) = post(
        "say",
        json!({"team": "T1", "channel": "C1", "user": "UBOB", "text": "hi"}),
    )
    .await;
    assert!(said["ts"].is_string());
    assert_eq!(post("say", json!({"team": "T9"})).await.0, 404);
    let fault =
        json!({"path": "auth.test", "times": 1, "fault": {"kind": "status", "status": 503}});
    post("faults", fault).await;
    let answer = world
        .http
        .get(format!("{}/auth.test", world.server.api_url()));
    assert_eq!(answer.send().await.unwrap().status(), 503);
    let state = world.http.get(format!("{}/_sim/state", world.server.url()));
    let state: Value =
        serde_json::from_slice(&state.send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(state["n_messages"], 1);
    assert!(!state.to_string().contains("xoxb"), "no token in the state");
}

#[test]
fn the_signature_is_that_of_slacks_own_example() {
    let secret = ["8f742231b10e", "8888abcd99yyyzzz85a5"].concat();
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    assert_eq!(
        push::sign(&secret, 1_531_420_618, body),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
}
