//! `twitchAPI`.

use contracts::{Contract, Part};
use serde_json::{Value, json};
use simulator::twitch::{Broadcaster, Options, Partnership, Twitch, TwitchServer};

use super::{
    order::assert_in_order,
    run::{Client, WITHIN},
};

const SCOPES: [&str; 13] = [
    "user:read:chat",
    "user:write:chat",
    "user:bot",
    "channel:bot",
    "moderator:read:followers",
    "channel:read:subscriptions",
    "bits:read",
    "channel:manage:schedule",
    "moderator:manage:announcements",
    "moderator:manage:chat_messages",
    "moderator:read:chatters",
    "moderation:read",
    "user:manage:whispers",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_in_python_finds_twitch_and_hears_it() {
    let pond = Broadcaster::new("duckpond", "duckpond", Partnership::Affiliate);
    let server = TwitchServer::start(Options {
        broadcasters: vec![pond.clone()],
        ..Options::default()
    })
    .await
    .unwrap();
    let tokens = server.authorise(&pond.id, &SCOPES);
    let told = json!({
        "api": server.api_url(),
        "id": server.id_url(),
        "eventsub": server.eventsub_url(),
        "client_id": server.client_id(),
        "client_secret": server.client_secret(),
        "login": pond.login,
        "broadcaster": pond.id,
        "ann": server.user("ann"),
        "access": tokens.access,
        "refresh": tokens.refresh,
    });
    let Some(mut client) = Client::start("twitch.py", &told) else {
        return;
    };
    client.saw("app token").await;
    client.saw("refused").await;
    client.saw("sent").await;
    client.saw("channel").await;
    client.saw("schedule").await;
    client.saw("ready for an expired token").await;
    server.expire_token(&tokens.access);
    client.go().await;
    client.saw("refreshed").await;
    client.saw("listening").await;
    assert_eq!(server.n_subscriptions(), 6);

    let id = server.say(&pond.id, "ann", "first");
    let heard = client.saw("message").await;
    assert_eq!(
        (&heard["id"], &heard["user"], &heard["text"]),
        (&json!(id), &json!(server.user("ann")), &json!("first"))
    );
    server.follow(&pond.id, "ann");
    assert_eq!(client.saw("follow").await["user"], server.user("ann"));
    server.cheer(&pond.id, Some("ann"), 100, "quack");
    assert_eq!(client.saw("cheer").await["bits"], 100);
    // A cheer is a line of chat, too.
    client.saw("message").await;
    server.subscribe(&pond.id, "ann", 1);
    assert_eq!(client.saw("subscribe").await["tier"], "1000");
    server.raid("ben", &pond.id, 7);
    assert_eq!(client.saw("raid").await["viewers"], 7);
    server.go_live(&pond.id, "Ducks");
    client.saw("online").await;

    // Asked to move: the client takes its subscriptions along.
    // (Both sockets are open for a moment that nobody may be looking at.)
    let n_opened = server.n_opened();
    server.reconnect_sockets();
    let has_moved = |server: &Twitch| server.n_opened() == n_opened + 1 && server.n_sockets() == 1;
    assert!(server.wait_for(has_moved, WITHIN).await);
    server.say(&pond.id, "ann", "after the move");
    assert_eq!(client.saw("message").await["text"], "after the move");
    assert_eq!(server.n_subscriptions(), 6);

    // Cut: the client comes back and subscribes anew.
    // (The last one is there before it is in the log.)
    server.cut_sockets();
    let has_all = |server: &Twitch| n_subscribed(server) >= 11 && server.n_subscriptions() == 6;
    assert!(server.wait_for(has_all, WITHIN).await);
    server.say(&pond.id, "ann", "after the cut");
    assert_eq!(client.saw("message").await["text"], "after the cut");

    client.go().await;
    client.saw("unsubscribed").await;
    assert_eq!(server.n_subscriptions(), 0);
    client.saw("closed").await;
    assert_eq!(client.end().await, Vec::<Value>::new());
    let sent: Vec<(String, bool)> = server
        .sent(&pond.id)
        .into_iter()
        .map(|it| (it.text, it.is_deleted))
        .collect();
    let said = |text: &str, is_deleted: bool| (text.to_owned(), is_deleted);
    assert_eq!(
        sent,
        [
            said("quack", false),
            said("hear, hear", false),
            said("too loud", true)
        ]
    );
    assert_eq!(server.whispers().len(), 1);
    // The contract has these in the body; this client sends them in the query, and Twitch takes them.
    let known = [("POST /chat/messages", Part::Query)];
    assert_in_order(Contract::twitch(), &server.exchanges(), 30, &known);
}

/// How often a subscription was made.
fn n_subscribed(server: &Twitch) -> usize {
    let exchanges = server.exchanges();
    let is_one = |it: &&simulator::wire::Exchange| {
        it.method == "POST" && it.path == "/helix/eventsub/subscriptions" && it.status == 202
    };
    exchanges.iter().filter(is_one).count()
}
