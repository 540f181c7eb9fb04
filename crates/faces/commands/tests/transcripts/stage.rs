//! A world with the chat face in it: people say, pick and press; the answers are collected.

use std::{collections::HashMap, sync::Arc};

use activity::Incoming;
use commands::{Commands, Settings};
use identity::SeenAccount;
use kernel::{
    Account, Address, Button, ChatEvent, Clock, CommunityId, Courier, Draft, EventKind,
    Interaction, InteractionKind, Medium, Mentions, Order, Origin, Platform, Role, Source, UserId,
};
use testkit::{Setup, TestCourier, World, message};

/// The face on one platform.
pub(crate) struct Stage<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) platform: Platform,
    pub(crate) pond: CommunityId,
    pub(crate) face: Arc<Commands>,
    pub(crate) courier: Arc<TestCourier>,
    pub(crate) standing: HashMap<String, Role>,
    pub(crate) bots: Vec<String>,
    n_events: u32,
    n_seen: usize,
}

impl<'a> Stage<'a> {
    pub(crate) async fn set(world: &'a mut World, platform: Platform, settings: Settings) -> Self {
        let courier = TestCourier::new(Medium::of(platform).unwrap());
        let couriers: Vec<Arc<dyn Courier>> = vec![courier.clone()];
        world
            .restart(Setup {
                couriers,
                commands: commands::specs().collect(),
                ..Setup::default()
            })
            .await;
        let pond = world.community("Pond").await;
        let face = Commands::new(Arc::clone(&world.app), settings);
        Self {
            world,
            platform,
            pond,
            face,
            courier,
            standing: HashMap::new(),
            bots: Vec::new(),
            n_events: 0,
            n_seen: 0,
        }
    }

    /// An account by name.
    pub(crate) fn account(&self, name: &str) -> Account {
        Account {
            platform_user_id: format!("id-{name}"),
            username: name.to_owned(),
            is_bot: self.bots.iter().any(|bot| bot == name),
            standing: self.standing.get(name).copied(),
            ..Account::default()
        }
    }

    fn origin(&self) -> Origin {
        let channel = match self.platform {
            Platform::Twitch => "server",
            _ => "channel",
        };
        Origin {
            server: "server".into(),
            channel: channel.into(),
            channel_name: "general".into(),
        }
    }

    pub(crate) fn event(&mut self, name: &str, kind: EventKind) -> ChatEvent {
        self.n_events += 1;
        ChatEvent {
            platform: self.platform,
            event_id: format!("event-{}", self.n_events),
            origin: self.origin(),
            account: self.account(name),
            sent_at: self.world.clock.now(),
            source: Source::Live,
            kind,
        }
    }

    /// Something happens and is recorded; answers what happened.
    pub(crate) async fn happens(&mut self, name: &str, kind: EventKind) -> ChatEvent {
        let event = self.event(name, kind);
        let incoming = Incoming {
            community: self.pond,
            event: event.clone(),
        };
        self.world.record(vec![incoming]).await;
        event
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        let account = SeenAccount {
            platform: self.platform,
            platform_user_id: format!("id-{name}"),
            username: name.to_owned(),
            is_bot: false,
            account_created_at: None,
        };
        let actor = self.world.app.identity.actor_of_account(&account).await;
        actor.unwrap().user_id().unwrap()
    }

    pub(crate) async fn role(&self, name: &str, role: Role) {
        let user = self.user(name).await;
        let system = self.world.system();
        let identity = &self.world.app.identity;
        identity
            .set_role(&system, self.pond, user, Some(role))
            .await
            .unwrap();
    }

    /// Somebody says something; what is answered to it.
    pub(crate) async fn says(&mut self, name: &str, text: &str) -> Vec<String> {
        let event = self.happens(name, message(text)).await;
        self.face.heard(self.pond, &event);
        let orders = self.answers().await;
        for order in &orders {
            assert_eq!(order.reply_to.as_ref(), Some(&event.event_id));
            let Address::Channel { server, channel } = &order.address else {
                panic!("a reply to a message goes to its channel: {order:?}");
            };
            assert_eq!(
                (server, channel),
                (&event.origin.server, &event.origin.channel)
            );
        }
        orders.iter().map(|order| shown(&order.draft)).collect()
    }

    /// Somebody picks or presses something; what is answered to it.
    pub(crate) async fn asks(&mut self, name: &str, kind: InteractionKind) -> Vec<String> {
        self.n_events += 1;
        self.asks_again(name, kind).await
    }

    /// As the last time, handed over by the platform once more.
    pub(crate) async fn asks_again(&mut self, name: &str, kind: InteractionKind) -> Vec<String> {
        let id = format!("interaction-{}", self.n_events);
        let interaction = Interaction {
            platform: self.platform,
            id: id.clone(),
            token: "the token".to_owned().into(),
            origin: self.origin(),
            account: self.account(name),
            at: self.world.clock.now(),
            kind,
        };
        self.face.asked(self.pond, interaction).await;
        let orders = self.answers().await;
        for order in &orders {
            let Address::Answer {
                interaction, token, ..
            } = &order.address
            else {
                panic!("an interaction is answered where it came from: {order:?}");
            };
            assert_eq!((interaction, token.as_str()), (&id, "the token"));
            assert_eq!(order.reply_to, None);
        }
        orders.iter().map(|order| shown(&order.draft)).collect()
    }

    /// Every order since the last time, once all commands have run and all replies are carried.
    pub(crate) async fn answers(&mut self) -> Vec<Order> {
        self.face.settled().await;
        let runner = app::jobs::runner(&self.world.app, "tester");
        while runner.run_due(self.world.clock.now()).await.unwrap() > 0 {}
        let orders = self.courier.orders();
        let new = orders.get(self.n_seen..).unwrap_or_default().to_vec();
        self.n_seen = orders.len();
        for order in &new {
            assert_eq!(order.mentions, Mentions::Nobody, "a reply notifies nobody");
        }
        new
    }
}

/// A draft on one line.
fn shown(draft: &Draft) -> String {
    let mut parts: Vec<String> = draft.title.iter().cloned().collect();
    if !draft.body.is_empty() {
        parts.push(draft.body.clone());
    }
    let fields = draft.fields.iter();
    parts.extend(fields.map(|field| format!("{}: {}", field.name, field.value)));
    parts.extend(draft.buttons.iter().map(|button| match button {
        Button::Press { id, label, .. } => format!("[{label}={id}]"),
        Button::Link { url, label } => format!("[{label}={url}]"),
    }));
    parts.join(" / ").replace('\n', " / ")
}
