//! What the tests stand on: a simulated Twitch, an adapter that talks to it, grants in memory, and an
//! ear that remembers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    Act, Address, CarryError, ChatEvent, Clock, Courier, Deaf, Draft, Ear, Entropy, EventKind,
    Grant, Grants, GrantsError, Haste, Heard, Medium, Mentions, Order, Platform, Receipt, Secret,
    SystemClock, Timestamp, Turn,
};
use platforms::{
    Listener,
    http::Http,
    twitch::{SCOPES, Settings, Twitch, TwitchCourier},
};
use simulator::twitch::{Broadcaster, Options, Partnership, Tokens, TwitchServer};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(30);
pub(crate) const DUCKS: &str = "1";
pub(crate) const GEESE: &str = "2";
pub(crate) const WEBHOOK_SECRET: &str = "the secret of the webhook";

/// The same every time: pauses are an eighth of what they can be.
pub(crate) struct Steady;

impl Entropy for Steady {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0x20);
    }
}

/// The computer's clock, put forward instead of waiting.
#[derive(Default)]
pub(crate) struct Forward(AtomicI64);

impl Forward {
    pub(crate) fn pass(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Forward {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

/// Grants in memory.
#[derive(Default)]
pub(crate) struct Memory {
    changed: watch::Sender<usize>,
    grants: Mutex<BTreeMap<String, Grant>>,
    reports: Mutex<BTreeMap<String, Option<String>>>,
    n_renewed: Mutex<usize>,
    is_away: Mutex<bool>,
}

impl Memory {
    pub(crate) fn put(&self, tokens: &Tokens) {
        self.put_until(tokens, tokens.expires_in);
    }

    /// With another idea of when the access token ends.
    pub(crate) fn put_until(&self, tokens: &Tokens, secs: u64) {
        let grant = Grant {
            platform: Platform::Twitch,
            server: tokens.user.clone(),
            account: tokens.user.clone(),
            access: Secret::new(tokens.access.clone()),
            refresh: Some(Secret::new(tokens.refresh.clone())),
            expires_at: Some(SystemClock.now().plus(Duration::from_secs(secs))),
            scopes: tokens.scopes.clone(),
        };
        let mut grants = self.grants.lock().unwrap();
        grants.insert(tokens.user.clone(), grant);
    }

    pub(crate) fn take(&self, server: &str) {
        self.grants.lock().unwrap().remove(server);
    }

    pub(crate) fn get(&self, server: &str) -> Grant {
        self.grants.lock().unwrap()[server].clone()
    }

    pub(crate) fn report_of(&self, server: &str) -> Option<String> {
        self.reports.lock().unwrap().get(server).cloned().flatten()
    }

    /// Waits for a report.
    pub(crate) async fn reported(&self, server: &str, holds: impl Fn(Option<&str>) -> bool) {
        let mut changes = self.changed.subscribe();
        let waited = tokio::time::timeout(LONG, async {
            loop {
                changes.mark_unchanged();
                if holds(self.report_of(server).as_deref()) {
                    return;
                }
                changes.changed().await.unwrap();
            }
        });
        waited.await.expect("the report comes");
    }

    pub(crate) fn n_renewed(&self) -> usize {
        *self.n_renewed.lock().unwrap()
    }

    /// Whether nothing can be stored.
    pub(crate) fn set_away(&self, is_away: bool) {
        *self.is_away.lock().unwrap() = is_away;
    }
}

#[async_trait]
impl Grants for Memory {
    async fn all(&self, _: Platform) -> Result<Vec<Grant>, GrantsError> {
        Ok(self.grants.lock().unwrap().values().cloned().collect())
    }

    async fn of(&self, _: Platform, server: &str) -> Result<Option<Grant>, GrantsError> {
        Ok(self.grants.lock().unwrap().get(server).cloned())
    }

    async fn renew(&self, grant: &Grant) -> Result<(), GrantsError> {
        if *self.is_away.lock().unwrap() {
            return Err(GrantsError("the test took it away".into()));
        }
        let mut grants = self.grants.lock().unwrap();
        grants.insert(grant.server.clone(), grant.clone());
        *self.n_renewed.lock().unwrap() += 1;
        Ok(())
    }

    async fn report(
        &self,
        _: Platform,
        server: &str,
        trouble: Option<&str>,
    ) -> Result<(), GrantsError> {
        let mut reports = self.reports.lock().unwrap();
        reports.insert(server.to_owned(), trouble.map(str::to_owned));
        drop(reports);
        self.changed.send_modify(|n| *n += 1);
        Ok(())
    }
}

/// Remembers what it hears.
pub(crate) struct Ears {
    heard: Mutex<Vec<ChatEvent>>,
    changed: watch::Sender<usize>,
}

impl Default for Ears {
    fn default() -> Self {
        Self {
            heard: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

#[async_trait]
impl Ear for Ears {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        let Heard::Event(event) = heard else {
            panic!("Twitch tells only what happens in chat");
        };
        self.heard.lock().unwrap().push(event);
        self.changed.send_modify(|n| *n += 1);
        Ok(())
    }
}

impl Ears {
    pub(crate) fn all(&self) -> Vec<ChatEvent> {
        self.heard.lock().unwrap().clone()
    }

    /// The texts heard, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let all = self.all();
        let texts = all.into_iter().filter_map(|event| match event.kind {
            EventKind::Message(message) => Some(message.text),
            _ => None,
        });
        texts.collect()
    }

    /// Waits until something holds for what was heard.
    pub(crate) async fn until(&self, holds: impl Fn(&[ChatEvent]) -> bool) -> Vec<ChatEvent> {
        let mut changes = self.changed.subscribe();
        let waited = tokio::time::timeout(LONG, async {
            loop {
                changes.mark_unchanged();
                let all = self.all();
                if holds(&all) {
                    return all;
                }
                changes.changed().await.unwrap();
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("only heard {:?}", self.texts().len()))
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) server: TwitchServer,
    pub(crate) grants: Arc<Memory>,
    pub(crate) ears: Arc<Ears>,
    pub(crate) twitch: Twitch,
    pub(crate) courier: Arc<TwitchCourier>,
    pub(crate) clock: Arc<Forward>,
    pub(crate) tokens: Tokens,
    stop: CancellationToken,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub(crate) async fn with(
        options: impl FnOnce(&mut Options),
        settings: impl FnOnce(&mut Settings),
    ) -> Self {
        crate::log::start();
        let clock = Arc::new(Forward::default());
        let mut given = Options {
            clock: clock.clone(),
            broadcasters: vec![
                Broadcaster::new(DUCKS, "ducks", Partnership::Affiliate),
                Broadcaster::new(GEESE, "geese", Partnership::None),
            ],
            ..Options::default()
        };
        options(&mut given);
        let server = TwitchServer::start(given).await.unwrap();
        let mut chosen = Settings {
            client_id: server.client_id().to_owned(),
            client_secret: Secret::new(server.client_secret().to_owned()),
            webhook_secret: Secret::new(WEBHOOK_SECRET.to_owned()),
            api_url: server.api_url(),
            id_url: server.id_url(),
            eventsub_url: server.eventsub_url(),
            bot_user_id: None,
        };
        settings(&mut chosen);
        let grants = Arc::new(Memory::default());
        let tokens = server.authorise(DUCKS, &SCOPES);
        grants.put(&tokens);
        let stored: Arc<dyn Grants> = grants.clone();
        let twitch = Twitch::new(
            chosen,
            Http::new().unwrap(),
            stored,
            clock.clone(),
            Arc::new(Steady),
        );
        Self {
            server,
            grants,
            ears: Arc::default(),
            courier: twitch.courier(),
            twitch,
            clock,
            tokens,
            stop: CancellationToken::new(),
            listening: Mutex::default(),
        }
    }

    /// Starts listening, and waits until all ten subscriptions of each of `n` channels are there.
    pub(crate) async fn listen(&self, n: usize) -> Arc<dyn Listener> {
        let listener = self.twitch.listener();
        let ear: Arc<dyn Ear> = self.ears.clone();
        let (listening, stop) = (Arc::clone(&listener), self.stop.clone());
        let task = tokio::spawn(async move {
            listening.listen(ear, stop).await.unwrap();
        });
        *self.listening.lock().unwrap() = Some(task);
        self.subscribed(n * 10).await;
        listener
    }

    pub(crate) async fn subscribed(&self, n: usize) {
        let ready = self
            .server
            .wait_for(|server| server.n_subscriptions() == n, LONG)
            .await;
        assert!(ready, "{} subscriptions", self.server.n_subscriptions());
    }

    /// Lets time pass until it is the order's turn, then carries it: what the delivery does.
    pub(crate) async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        loop {
            match self.courier.turn(order, Haste::Line)? {
                Turn::Now => return self.courier.carry(order).await,
                Turn::In(after) => {
                    self.clock.pass(after);
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// What Twitch's published contract says of every request that was made, and of the answers too
    /// where the simulator was not told to spoil them.
    pub(crate) fn check(&self, part: Check) {
        let Some(contract) = contracts::Contract::twitch() else {
            return;
        };
        let exchanges = self.server.exchanges();
        let report = contract.check_all(exchanges.iter().map(|made| contracts::Exchange {
            method: &made.method,
            path: &made.path,
            query: made.query.as_deref(),
            content_type: made.content_type.as_deref(),
            body: &made.body,
            status: match part {
                Check::Requests => 0,
                Check::Answers => made.status,
            },
            reply: &made.reply,
        }));
        assert!(report.is_clean(), "{report}");
    }

    /// Stops listening and waits for it.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let task = self.listening.lock().unwrap().take();
        if let Some(task) = task {
            task.await.unwrap();
        }
    }
}

/// What is held against the contract.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// What we asked.
    Requests,
    /// And what was answered.
    Answers,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        if !std::thread::panicking() {
            self.check(Check::Requests);
        }
    }
}

pub(crate) fn order(address: Address, text: &str) -> Order {
    Order {
        medium: Medium::Twitch,
        address,
        act: Act::Post,
        draft: Draft::text(text),
        reply_to: None,
        mentions: Mentions::Nobody,
        nonce: "n".into(),
    }
}

pub(crate) fn chat(server: &str) -> Address {
    Address::Channel {
        server: server.into(),
        channel: server.into(),
    }
}

pub(crate) fn direct(server: &str, user: &str) -> Address {
    Address::Direct {
        server: server.into(),
        user: user.into(),
    }
}
