//! `@discordjs/rest` and `@discordjs/ws`.

use std::time::Duration;

use contracts::Contract;
use serde_json::{Value, json};
use simulator::{
    discord::{ChannelSpec, DiscordServer, GuildSpec, Limits, Options},
    wire::Fault,
};

use super::{order::assert_in_order, run::Client};

const GUILD: u64 = 197_038_439_483_310_086;
const CHANNEL: u64 = 297_038_439_483_310_086;
const ANN: u64 = 397_038_439_483_310_086;
const BEN: u64 = 497_038_439_483_310_086;
const ROLE: u64 = 597_038_439_483_310_086;

async fn discord(options: Options) -> DiscordServer {
    let guild = GuildSpec {
        id: GUILD,
        name: "Pond".to_owned(),
        owner: ANN,
        channels: vec![ChannelSpec {
            id: CHANNEL,
            name: "general".to_owned(),
        }],
        is_installed: true,
    };
    DiscordServer::start(Options {
        guilds: vec![guild],
        ..options
    })
    .await
    .unwrap()
}

fn told(server: &DiscordServer) -> Value {
    json!({
        "api": server.api_url(),
        "token": server.token(),
        "application": server.application().to_string(),
        "guild": GUILD.to_string(),
        "channel": CHANNEL.to_string(),
        "ann": ANN.to_string(),
        "ben": BEN.to_string(),
        "role": ROLE.to_string(),
        // Guilds, members, messages, message content, scheduled events.
        "intents": 1 | 1 << 1 | 1 << 9 | 1 << 15 | 1 << 16,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_client_in_javascript_finds_discord_and_keeps_within_its_limits() {
    let server = discord(Options {
        limits: Limits {
            messages: (5, Duration::from_secs(1)),
            ..Limits::default()
        },
        ..Options::default()
    })
    .await;
    server.join(GUILD, ANN);
    server.join(GUILD, BEN);
    server.add_role(GUILD, ROLE, "Ducklings", 0);
    let Some(mut client) = Client::start("discord_rest.mjs", &told(&server)) else {
        return;
    };
    client.saw("messages").await;
    client.saw("refusals").await;
    client.saw("guild").await;
    let planned = client.saw("planned").await;
    let event: u64 = planned["id"].as_str().unwrap().parse().unwrap();
    for who in 0..3 {
        server.rsvp(GUILD, event, ANN + who);
    }
    client.go().await;
    client.saw("events").await;
    client.saw("burst").await;
    assert_eq!(
        server.exchanges().count(429),
        0,
        "the headers let the client run into a limit"
    );
    for global in [false, true] {
        client.saw("ready for a limit").await;
        let limit = Fault::RateLimited {
            after_ms: 700,
            global,
        };
        server.faults().next("/messages", 1, limit);
        client.go().await;
    }
    client.saw("limits").await;
    assert_eq!(client.end().await, Vec::<Value>::new());

    assert_eq!(server.exchanges().count(429), 2);
    let sent = server.sent(CHANNEL);
    assert_eq!(
        sent.iter()
            .filter(|it| it.content.starts_with("burst"))
            .count(),
        12
    );
    assert_eq!(
        (sent[0].content.as_str(), sent[0].n_edits),
        ("quack quack", 1)
    );
    assert!(sent[1].is_deleted && sent[1].reply_to == Some(sent[0].id));
    assert!(server.events(GUILD).is_empty());
    assert_in_order(Contract::discord(), &server.exchanges().all(), 45, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_client_in_javascript_identifies_beats_and_resumes() {
    let server = discord(Options {
        heartbeat: Duration::from_millis(500),
        ..Options::default()
    })
    .await;
    let Some(mut client) = Client::start("discord_gateway.mjs", &told(&server)) else {
        return;
    };
    let ready = client.saw("ready").await;
    assert_eq!(
        ready["data"]["user"]["id"],
        server.application().to_string()
    );
    client.saw("connected").await;
    let guild = client.saw("GUILD_CREATE").await;
    assert_eq!(guild["data"]["channels"][0]["id"], CHANNEL.to_string());
    let first = server.say(GUILD, CHANNEL, ANN, "first");
    let heard = client.saw("MESSAGE_CREATE").await;
    assert_eq!(
        (&heard["data"]["id"], &heard["data"]["content"]),
        (&json!(first.to_string()), &json!("first"))
    );
    client.saw("heartbeat").await;

    server.slash(GUILD, CHANNEL, ANN, "ping", &[]);
    client.saw("answered").await;
    let replies = server.sent(CHANNEL);
    let replies: Vec<&str> = replies.iter().map(|it| it.content.as_str()).collect();
    assert_eq!(replies, ["pong", "and pong"]);
    // A bot hears itself, too.
    for text in ["pong", "and pong"] {
        let heard = client.saw("MESSAGE_CREATE").await;
        assert_eq!(heard["data"]["content"], text);
    }

    // Cut: what is said meanwhile comes with the resume, once and in order.
    server.cut_gateways();
    for text in ["one", "two", "three"] {
        server.say(GUILD, CHANNEL, ANN, text);
    }
    for text in ["one", "two", "three"] {
        let heard = client.saw("MESSAGE_CREATE").await;
        assert_eq!(heard["data"]["content"], text);
    }
    client.saw("resumed").await;

    // Asked to come again: the same.
    server.reconnect_gateways();
    client.saw("resumed").await;
    server.say(GUILD, CHANNEL, ANN, "four");
    assert_eq!(
        client.saw("MESSAGE_CREATE").await["data"]["content"],
        "four"
    );

    // The session is over: a new one.
    server.invalidate_sessions(false);
    client.saw("ready").await;
    server.say(GUILD, CHANNEL, ANN, "five");
    assert_eq!(
        client.saw("MESSAGE_CREATE").await["data"]["content"],
        "five"
    );
    client.go().await;
    let rest = client.end().await;
    assert!(
        rest.iter().all(|line| line["saw"] != "MESSAGE_CREATE"),
        "{rest:?}"
    );
    assert_in_order(Contract::discord(), &server.exchanges().all(), 4, &[]);
}
