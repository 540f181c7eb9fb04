//! A simulated Discord with a pond, and the adapter connected to it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{
    Act, Address, CarryError, Courier, Deaf, Draft, Ear, Entropy, Haste, Heard, Medium, Mentions,
    Order, Receipt, Secret, SystemClock, Turn,
};
use platforms::{
    Hopeless, Listener,
    discord::{Discord, Settings},
    http::Http,
};
use simulator::discord::{ChannelSpec, DiscordServer, GuildSpec, Limits, Options};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const GUILD: u64 = 200_000_000_000_000_001;
pub(crate) const CHANNEL: u64 = 200_000_000_000_000_002;
pub(crate) const OTHER: u64 = 200_000_000_000_000_003;
pub(crate) const OWNER: u64 = 200_000_000_000_000_004;
pub(crate) const ANN: u64 = 200_000_000_000_000_005;
pub(crate) const BOB: u64 = 200_000_000_000_000_006;
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Everything that was heard.
#[derive(Default)]
pub(crate) struct Notes(watch::Sender<Vec<Heard>>);

#[async_trait]
impl Ear for Notes {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        self.0.send_modify(|all| all.push(heard));
        Ok(())
    }
}

impl Notes {
    /// Waits until `find` finds something in what was heard.
    pub(crate) async fn wait_for<T>(&self, mut find: impl FnMut(&[Heard]) -> Option<T>) -> T {
        let mut all = self.0.subscribe();
        let found = async {
            loop {
                if let Some(found) = find(&all.borrow_and_update()) {
                    return found;
                }
                all.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LONG, found)
            .await
            .expect("it was not heard")
    }

    pub(crate) fn all(&self) -> Vec<Heard> {
        self.0.borrow().clone()
    }
}

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(32);
    }
}

pub(crate) struct Rig {
    pub(crate) server: DiscordServer,
    pub(crate) discord: Arc<Discord>,
    pub(crate) notes: Arc<Notes>,
    stop: CancellationToken,
    listening: Option<JoinHandle<Result<(), Hopeless>>>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = &self.listening {
            task.abort();
        }
    }
}

pub(crate) fn options() -> Options {
    let channel = |id, name: &str| ChannelSpec {
        id,
        name: name.into(),
    };
    Options {
        guilds: vec![GuildSpec {
            id: GUILD,
            name: "Pond".into(),
            owner: OWNER,
            channels: vec![channel(CHANNEL, "general"), channel(OTHER, "races")],
            is_installed: true,
        }],
        limits: Limits::generous(),
        ..Options::default()
    }
}

pub(crate) fn settings(server: &DiscordServer) -> Settings {
    let mut settings = Settings::new(
        Secret::new(server.token()),
        server.application().to_string(),
    );
    settings.client_secret = Secret::new(Options::default().client_secret);
    settings.public_key = Some(server.public_key());
    settings.api_url = server.api_url();
    settings.authorize_url = server.authorize_url();
    settings
}

impl Rig {
    pub(crate) async fn start(options: Options) -> Self {
        Self::with(options, |_| {}).await
    }

    /// Waits half a second for an answer and no longer.
    pub(crate) async fn hurried(options: Options) -> Self {
        let half = Duration::from_millis(500);
        Self::with(options, |settings| settings.answer_within = half).await
    }

    async fn with(options: Options, change: impl FnOnce(&mut Settings)) -> Self {
        crate::log::start();
        let server = DiscordServer::start(options).await.unwrap();
        for (user, name) in [(ANN, "ann"), (BOB, "bob"), (OWNER, "olga")] {
            server.name_user(user, name);
        }
        let mut settings = settings(&server);
        change(&mut settings);
        let http = Http::new().unwrap();
        let discord = Discord::new(settings, http, Arc::new(SystemClock), Arc::new(Fixed));
        Self {
            server,
            discord: Arc::new(discord.unwrap()),
            notes: Arc::new(Notes::default()),
            stop: CancellationToken::new(),
            listening: None,
        }
    }

    /// Listens, and waits until the guild was announced.
    pub(crate) async fn listening(options: Options) -> Self {
        Self::start(options).await.listen().await
    }

    /// The same, with other settings.
    pub(crate) async fn listening_with(
        options: Options,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::with(options, change).await.listen().await
    }

    async fn listen(self) -> Self {
        let mut rig = self;
        let (discord, ear, stop) = (
            Arc::clone(&rig.discord),
            Arc::clone(&rig.notes),
            rig.stop.clone(),
        );
        rig.listening = Some(tokio::spawn(async move { discord.listen(ear, stop).await }));
        let identified = rig
            .server
            .wait_for(|server| (server.gateway_counts().1 > 0).then_some(()), LONG)
            .await;
        identified.expect("it did not identify");
        rig
    }

    /// Waits for the end of listening.
    pub(crate) async fn ended(&mut self) -> Result<(), Hopeless> {
        let task = self.listening.take().unwrap();
        tokio::time::timeout(LONG, task)
            .await
            .expect("it listens on")
            .unwrap()
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Carries an order as the delivery does, obeying every wait.
    pub(crate) async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        loop {
            match self.discord.turn(order, Haste::Line)? {
                Turn::Now => return self.discord.carry(order).await,
                Turn::In(after) => tokio::time::sleep(after).await,
            }
        }
    }
}

pub(crate) fn order(channel: u64, text: &str, nonce: &str) -> Order {
    Order {
        medium: Medium::Discord,
        address: Address::Channel {
            server: GUILD.to_string(),
            channel: channel.to_string(),
        },
        act: Act::Post,
        draft: Draft::text(text),
        reply_to: None,
        mentions: Mentions::Nobody,
        nonce: nonce.into(),
    }
}
