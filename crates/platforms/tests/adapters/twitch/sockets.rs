//! Connections that break, move and repeat themselves.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::{Clock, SystemClock};
use simulator::twitch::{Delivery, Twitch};
use tokio::{sync::watch, task::JoinHandle};

use super::world::{DUCKS, LONG, World};

/// Says something every other millisecond until told to stop; answers what was said, in order.
fn talk(server: Twitch, mut stop: watch::Receiver<bool>) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut said = Vec::new();
        while !*stop.borrow_and_update() {
            said.push(server.say(DUCKS, "ann", &format!("message {}", said.len())));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        said
    })
}

/// Exactly these were heard, each once.
async fn heard_exactly(world: &World, said: &[String]) {
    let all = world.ears.until(|all| all.len() >= said.len()).await;
    let ids: Vec<&String> = all.iter().map(|event| &event.event_id).collect();
    let distinct: BTreeSet<&String> = ids.iter().copied().collect();
    assert_eq!(ids.len(), said.len(), "each once");
    assert_eq!(distinct, said.iter().collect::<BTreeSet<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_cuts_under_load_lose_and_double_nothing_that_twitch_tells_again() {
    let world = World::with(|options| options.keeps_undelivered = true, |_| {}).await;
    world.listen(1).await;
    let (stop, stopped) = watch::channel(false);
    let talking = talk(world.server.handle(), stopped);
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let heard = world.ears.all().len();
        world.ears.until(|all| all.len() > heard + 5).await;
        let began = SystemClock.now();
        let opened = world.server.n_opened();
        world.server.cut_sockets();
        let is_back = |server: &Twitch| {
            server.n_opened() > opened && server.n_subscriptions() == 10 && server.n_sockets() == 1
        };
        assert!(world.server.wait_for(is_back, LONG).await);
        slowest = slowest.max(SystemClock.now().since(began));
    }
    stop.send(true).unwrap();
    let said = talking.await.unwrap();
    heard_exactly(&world, &said).await;
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_moves_under_load_lose_and_double_nothing() {
    // Nothing is kept for us here: this is all Twitch does.
    let world = World::new().await;
    world.listen(1).await;
    let (stop, stopped) = watch::channel(false);
    let talking = talk(world.server.handle(), stopped);
    for _ in 0..50 {
        let opened = world.server.n_opened();
        world.server.reconnect_sockets();
        let has_moved =
            |server: &Twitch| server.n_opened() == opened + 1 && server.n_sockets() == 1;
        assert!(world.server.wait_for(has_moved, LONG).await);
        let heard = world.ears.all().len();
        world.ears.until(|all| all.len() > heard).await;
    }
    stop.send(true).unwrap();
    let said = talking.await.unwrap();
    heard_exactly(&world, &said).await;
    let in_order: Vec<String> = world
        .ears
        .all()
        .into_iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(in_order, said, "and in order");
    assert_eq!(world.server.n_subscriptions(), 10);
    world.stop().await;
}

#[tokio::test]
async fn what_happens_while_nobody_listens_is_lost_as_twitch_loses_it() {
    let world = World::new().await;
    world.listen(1).await;
    // Subscribing is held up, so that there is a gap.
    let slow = simulator::wire::Fault::Slow { by_ms: 300 };
    world
        .server
        .faults()
        .next("/eventsub/subscriptions", 10, slow);
    world.server.cut_sockets();
    assert!(
        world
            .server
            .wait_for(|server| server.n_subscriptions() == 0, LONG)
            .await
    );
    world.server.say(DUCKS, "ann", "in the gap");
    world.subscribed(10).await;
    world.server.say(DUCKS, "ann", "after it");
    world.ears.until(|all| !all.is_empty()).await;
    assert_eq!(world.ears.texts(), ["after it"]);
    world.stop().await;
}

#[tokio::test]
async fn what_comes_twice_counts_once_and_order_does_not_matter() {
    for delivery in [Delivery::Twice, Delivery::Reordered] {
        let world = World::with(|options| options.delivery = delivery, |_| {}).await;
        world.listen(1).await;
        let said: Vec<String> = (0..100)
            .map(|n| world.server.say(DUCKS, "ann", &format!("{n}")))
            .collect();
        heard_exactly(&world, &said).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_made_again() {
    // It says that it is never silent for more than a second, and is.
    let world = World::with(
        |options| options.keepalive = Duration::from_millis(200),
        |_| {},
    )
    .await;
    world.listen(1).await;
    let mute = MutedRelay::start(&world).await;
    let muted = World::with(
        |_| {},
        |settings| {
            settings.client_id = world.server.client_id().to_owned();
            settings.api_url = world.server.api_url();
            settings.id_url = world.server.id_url();
            settings.eventsub_url = mute.url();
        },
    )
    .await;
    muted.grants.put(&world.tokens);
    let listener = muted.twitch.listener();
    let stop = tokio_util::sync::CancellationToken::new();
    let (ear, stopped): (Arc<dyn kernel::Ear>, _) = (muted.ears.clone(), stop.clone());
    let task =
        tokio::spawn(
            async move { platforms::Listener::listen(listener.as_ref(), ear, stopped).await },
        );
    let twice = tokio::time::timeout(LONG, mute.opened(2)).await;
    assert!(
        twice.is_ok(),
        "the silent connection was left and another one made"
    );
    stop.cancel();
    task.await.unwrap().unwrap();
    world.stop().await;
}

/// A WebSocket server that passes the welcome of the real one on and then says nothing.
struct MutedRelay {
    place: simulator::wire::Place,
    opened: Arc<watch::Sender<usize>>,
}

impl MutedRelay {
    async fn start(world: &World) -> Self {
        use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
        let opened = Arc::new(watch::Sender::new(0));
        let (url, count) = (world.server.eventsub_url(), Arc::clone(&opened));
        let handler = async move |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                count.send_modify(|n| *n += 1);
                let (mut real, _) = tokio_tungstenite::connect_async(url).await.unwrap();
                let welcome = futures_util::StreamExt::next(&mut real)
                    .await
                    .unwrap()
                    .unwrap();
                let text = welcome.to_text().unwrap().to_owned();
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
                // Until the other side goes.
                while let Some(Ok(_)) = socket.recv().await {}
            })
        };
        let router = axum::Router::new().route("/ws", axum::routing::get(handler));
        let place = simulator::wire::listen(0, router).await.unwrap();
        Self { place, opened }
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.place.address)
    }

    async fn opened(&self, n: usize) {
        let mut opened = self.opened.subscribe();
        opened.wait_for(|opened| *opened >= n).await.unwrap();
    }
}
