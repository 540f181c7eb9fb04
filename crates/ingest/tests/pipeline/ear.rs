//! The ear: what belongs to a community is recorded and told, what belongs to none is not.

use std::sync::{Arc, Mutex};

use activity::Incoming;
use async_trait::async_trait;
use identity::NewServer;
use ingest::{Asked, Ears, Witness};
use kernel::{
    CommunityId, Ear, EventKind, Heard, Interaction, InteractionKind, Origin, Platform, Source,
};
use testkit::{Setup, World, message, on_both};

use super::stage::until;

/// Remembers what it is told.
#[derive(Default)]
struct Notebook {
    texts: Mutex<Vec<String>>,
    asked: Mutex<Vec<(CommunityId, String)>>,
}

impl Witness for Notebook {
    fn recorded(&self, events: &[&Incoming]) {
        let mut texts = self.texts.lock().unwrap();
        for incoming in events {
            if let EventKind::Message(message) = &incoming.event.kind {
                texts.push(message.text.clone());
            }
        }
    }
}

#[async_trait]
impl Asked for Notebook {
    async fn asked(&self, community: CommunityId, interaction: Interaction) {
        self.asked.lock().unwrap().push((community, interaction.id));
    }
}

async fn connect(world: &World, community: CommunityId, server: &str) {
    let new = NewServer {
        platform: Platform::Discord,
        platform_server_id: server.to_owned(),
        name: server.to_owned(),
    };
    world
        .app
        .identity
        .connect_server(&world.system(), community, &new)
        .await
        .unwrap();
}

on_both! {
    async fn live_events_are_told_once_after_their_commit_and_history_never(world: World) {
        let notebook = Arc::new(Notebook::default());
        world.restart(Setup { witnesses: vec![notebook.clone()], ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let said = world.event("ann", message("hello"));
        let mut old = world.event("bo", message("long ago"));
        old.source = Source::Import;
        let batch: Vec<Incoming> = [said.clone(), old, said]
            .into_iter()
            .map(|event| Incoming { community: pond, event })
            .collect();
        world.ingest.import(batch.clone(), None).await.unwrap();
        world.ingest.import(batch, None).await.unwrap();
        assert_eq!(*notebook.texts.lock().unwrap(), ["hello"]);
    }

    async fn what_is_heard_on_a_connected_server_is_recorded_and_the_rest_is_not(world: World) {
        let pond = world.community("Pond").await;
        connect(&world, pond, "pond").await;
        let notebook = Arc::new(Notebook::default());
        let ears = Ears::new(world.app.clone(), world.ingest.clone(), notebook.clone());
        ears.hear(Heard::Event(world.event("ann", message("quack")))).await.unwrap();
        let mut elsewhere = world.event("bo", message("not ours"));
        elsewhere.origin.server = "lake".into();
        ears.hear(Heard::Event(elsewhere)).await.unwrap();
        for server in ["pond", "lake"] {
            let interaction = Interaction {
                platform: Platform::Discord,
                id: format!("at {server}"),
                token: "t".to_owned().into(),
                origin: Origin { server: server.into(), ..Origin::default() },
                account: world.event("ann", EventKind::Join).account,
                at: kernel::Clock::now(&world.clock),
                kind: InteractionKind::Command { name: "ping".into(), arguments: String::new() },
            };
            ears.hear(Heard::Interaction(interaction)).await.unwrap();
        }
        assert_eq!(*notebook.asked.lock().unwrap(), [(pond, "at pond".to_owned())]);
        let app = world.app.clone();
        until(|| app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 1);
    }

    async fn a_server_connected_later_is_heard_soon_after(world: World) {
        let notebook = Arc::new(Notebook::default());
        let ears = Ears::new(world.app.clone(), world.ingest.clone(), notebook);
        ears.hear(Heard::Event(world.event("ann", message("too early")))).await.unwrap();
        let pond = world.community("Pond").await;
        connect(&world, pond, "pond").await;
        world.clock.advance(std::time::Duration::from_secs(6));
        ears.hear(Heard::Event(world.event("ann", message("heard")))).await.unwrap();
        let app = world.app.clone();
        until(|| app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 1);
    }

    async fn what_is_said_where_moderators_are_told_of_bots_stays_there(world: World) {
        let pond = world.community("Pond").await;
        connect(&world, pond, "pond").await;
        world.sql(&format!(
            "INSERT INTO bot_channel (community_id, server_id, channel, channel_name, least, told_at, updated_at) \
             VALUES ({pond}, 1, 'mods', 'mods', 2, 0, 0)"
        )).await;
        let notebook = Arc::new(Notebook::default());
        let ears = Ears::new(world.app.clone(), world.ingest.clone(), notebook.clone());
        for (channel, text) in [("mods", "ann looks odd"), ("chat", "quack")] {
            let mut said = world.event("mo", message(text));
            said.origin.channel = channel.to_owned();
            ears.hear(Heard::Event(said)).await.unwrap();
        }
        let app = world.app.clone();
        until(|| app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM channel WHERE platform_channel_id = 'mods'").await, 0);
        // Elsewhere, or nowhere: it is a channel like others, a moment later.
        world.sql("DELETE FROM bot_channel").await;
        world.clock.advance(std::time::Duration::from_secs(6));
        let mut said = world.event("mo", message("all may read this"));
        "mods".clone_into(&mut said.origin.channel);
        ears.hear(Heard::Event(said)).await.unwrap();
        until(|| app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 2);
    }
}
