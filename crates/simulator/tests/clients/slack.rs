//! `slack_sdk` and `@slack/web-api`, `@slack/socket-mode`.

use contracts::{Contract, SlackEvents};
use serde_json::{Value, json};
use simulator::{
    slack::{Limits, Member, Room, SlackOptions, SlackServer, Workspace, slack_id},
    wire::Fault,
};

use super::{
    order::assert_in_order,
    run::{Client, WITHIN},
};

struct Pond {
    server: SlackServer,
    team: String,
    channel: String,
    ann: String,
}

async fn pond() -> Pond {
    let (team, channel, ann) = (
        slack_id('T', "ducks"),
        slack_id('C', "pond"),
        slack_id('U', "ann"),
    );
    let room = |name: &str| Room {
        id: slack_id('C', name),
        name: name.to_owned(),
        has_bot: true,
        ..Room::default()
    };
    let workspace = Workspace {
        id: team.clone(),
        name: "ducks".to_owned(),
        channels: ["pond", "reeds", "island"].map(room).into(),
        members: vec![Member {
            id: ann.clone(),
            name: "ann".to_owned(),
            ..Member::default()
        }],
        is_installed: true,
    };
    let server = SlackServer::start(SlackOptions {
        workspaces: vec![workspace],
        limits: Limits {
            are_on: false,
            ..Limits::default()
        },
        ..SlackOptions::default()
    })
    .await
    .unwrap();
    Pond {
        server,
        team,
        channel,
        ann,
    }
}

impl Pond {
    fn told(&self) -> Value {
        json!({
            "api": self.server.api_url(),
            "token": self.server.token(&self.team).unwrap(),
            "app_token": self.server.options().app_token,
            "team": self.team,
            "bot_user": self.server.bot_user(&self.team).unwrap(),
            "channel": self.channel,
            "channels": ["pond", "reeds", "island"],
            "user": self.ann,
        })
    }

    fn say(&self, text: &str) {
        self.server
            .say(&self.team, &self.channel, &self.ann, text)
            .unwrap();
    }
}

async fn drive_web(script: &'static str) {
    let pond = pond().await;
    let Some(mut client) = Client::start(script, &pond.told()) else {
        return;
    };
    client.saw("auth").await;
    let messages = client.saw("messages").await;
    client.saw("pages").await;
    client.saw("others").await;
    client.saw("refusals").await;
    client.saw("ready for a limit").await;
    let limit = Fault::RateLimited {
        after_ms: 1_000,
        global: false,
    };
    pond.server.faults().next("/api/chat.postMessage", 1, limit);
    client.go().await;
    client.saw("limit").await;
    assert_eq!(client.end().await, Vec::<Value>::new());

    let sent = pond.server.sent(&pond.channel);
    let texts: Vec<(&str, bool)> = sent
        .iter()
        .map(|it| (it.text.as_str(), it.is_deleted))
        .collect();
    assert_eq!(
        texts,
        [
            ("quack quack", false),
            ("in a thread", true),
            ("only for you", false),
            ("after the limit", false)
        ]
    );
    assert_eq!(
        (&messages["ts"], &messages["deleted"]),
        (&json!(sent[0].ts), &json!(sent[1].ts))
    );
    assert_eq!(pond.server.exchanges().count(429), 1);
    assert_in_order(Contract::slack(), &pond.server.exchanges().all(), 24, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_web_client_in_python_finds_slack() {
    drive_web("slack_web.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_web_client_in_javascript_finds_slack() {
    drive_web("slack_web.mjs").await;
}

async fn drive_socket(script: &'static str) {
    let pond = pond().await;
    let Some(mut client) = Client::start(script, &pond.told()) else {
        return;
    };
    let connected = client.saw("connected").await;
    let mut payloads = Vec::new();
    let mut n = 0;
    let mut hear = async |client: &mut Client, kind: &str| {
        let payload = client.saw(kind).await["payload"].take();
        n += 1;
        let acknowledged = |server: &SlackServer| server.n_delivered().0 >= n;
        assert!(
            pond.server.wait_for(acknowledged, WITHIN).await,
            "`{kind}` was not acknowledged"
        );
        payload
    };

    // An app hears itself, too.
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["text"], "press");
    payloads.push(event);
    pond.say("first");
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["text"], "first");
    payloads.push(event);
    pond.server
        .slash(&pond.team, &pond.channel, &pond.ann, "ping")
        .unwrap();
    let command = hear(&mut client, "slash_commands").await;
    assert_eq!(
        (&command["command"], &command["text"]),
        (&json!("/waddlebot"), &json!("ping"))
    );
    payloads.push(command);

    let ts = connected["ts"].as_str().unwrap();
    pond.server.press_button(ts, "go", &pond.ann).unwrap();
    let press = hear(&mut client, "interactive").await;
    assert_eq!(
        (&press["actions"][0]["action_id"], &press["user"]["id"]),
        (&json!("go"), &json!(pond.ann))
    );
    payloads.push(press);
    let ts = pond
        .server
        .say(&pond.team, &pond.channel, &pond.ann, "like it?")
        .unwrap();
    payloads.push(hear(&mut client, "events_api").await);
    pond.server
        .react(&pond.team, &pond.channel, &ts, &pond.ann, "duck")
        .unwrap();
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["type"], "reaction_added");
    payloads.push(event);
    pond.server
        .join(&pond.team, &pond.channel, &slack_id('U', "ben"))
        .unwrap();
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["type"], "member_joined_channel");
    payloads.push(event);
    pond.server
        .say_me(&pond.team, &pond.channel, &pond.ann, "swims")
        .unwrap();
    payloads.push(hear(&mut client, "events_api").await);

    // Gone without a word: the client comes back by itself and hears what it missed.
    assert_eq!(pond.server.cut_sockets(), 1);
    assert!(
        pond.server
            .wait_for(|server| server.n_sockets() == 0, WITHIN)
            .await
    );
    pond.say("while cut");
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["text"], "while cut");
    payloads.push(event);

    // Asked to change over.
    pond.server.refresh_sockets();
    assert!(
        pond.server
            .wait_for(|server| server.n_sockets() >= 1, WITHIN)
            .await
    );
    pond.say("after the refresh");
    let event = hear(&mut client, "events_api").await;
    assert_eq!(event["event"]["text"], "after the refresh");
    payloads.push(event);

    client.go().await;
    client.saw("closed").await;
    assert_eq!(client.end().await, Vec::<Value>::new());
    let replies = pond.server.sent(&pond.channel);
    assert!(replies.iter().any(|it| it.text == "pong"), "{replies:?}");
    assert_in_order(Contract::slack(), &pond.server.exchanges().all(), 2, &[]);
    if let Some(events) = SlackEvents::load() {
        for payload in payloads {
            assert_eq!(events.check(&payload), [], "{payload:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_mode_client_in_python_hears_slack() {
    drive_socket("slack_socket.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_mode_client_in_javascript_hears_slack() {
    drive_socket("slack_socket.mjs").await;
}
