//! A simulated Slack with the adapter connected to it, and an ear that remembers.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    extract::{State, WebSocketUpgrade, ws::Message},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{any, post},
};
use kernel::{
    Clock, Deaf, Ear, Entropy, EventKind, Grant, Grants, GrantsError, Heard, Platform, Secret,
    SystemClock, Timestamp,
};
use platforms::{
    Hopeless, Listener, Webhook,
    http::Http,
    slack::{Settings, Slack},
    webhook::Delivered,
};
use simulator::{
    slack::{Member, Room, SlackOptions, SlackServer, Workspace},
    wire::{Place, listen},
};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) server: SlackServer,
    pub(crate) slack: Slack,
    pub(crate) grants: Arc<TestGrants>,
    pub(crate) ear: Arc<Memory>,
}

pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

pub(crate) async fn world_with(change: impl FnOnce(&mut SlackOptions)) -> World {
    crate::log::start();
    let room = |id: &str, name: &str| Room {
        id: id.into(),
        name: name.into(),
        ..Room::default()
    };
    let member = |id: &str, name: &str| Member {
        id: id.into(),
        name: name.into(),
        ..Member::default()
    };
    let mut options = SlackOptions {
        workspaces: vec![Workspace {
            id: "T1".into(),
            name: "Ducks".into(),
            channels: vec![
                Room {
                    has_bot: true,
                    ..room("C1", "pond")
                },
                room("C2", "meadow"),
                Room {
                    is_private: true,
                    ..room("C3", "hidden")
                },
                Room {
                    is_archived: true,
                    ..room("C4", "dry")
                },
            ],
            members: vec![
                Member {
                    display_name: "Ann".into(),
                    is_admin: true,
                    ..member("UANN", "ann")
                },
                member("UBOB", "bob"),
            ],
            is_installed: true,
        }],
        ..SlackOptions::default()
    };
    change(&mut options);
    let server = SlackServer::start(options).await.unwrap();
    let grants = Arc::new(TestGrants::default());
    for Workspace { id, .. } in &server.options().workspaces {
        let Some(token) = server.token(id) else {
            continue;
        };
        grants.put(Grant {
            platform: Platform::Slack,
            server: id.clone(),
            account: server.bot_user(id).unwrap(),
            access: Secret::new(token),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        });
    }
    let settings = settings(&server);
    World {
        slack: adapter(settings, &grants),
        server,
        grants,
        ear: Arc::default(),
    }
}

fn settings(server: &SlackServer) -> Settings {
    let options = server.options();
    Settings {
        client_id: options.client_id.clone(),
        client_secret: Secret::new(options.client_secret.clone()),
        signing_secret: Secret::new(options.signing_secret.clone()),
        app_token: Secret::new(options.app_token.clone()),
        api_url: server.api_url(),
        authorize_url: server.authorize_url(),
    }
}

fn adapter(settings: Settings, grants: &Arc<TestGrants>) -> Slack {
    Slack::new(
        settings,
        Http::new().unwrap(),
        grants.clone(),
        Arc::new(SystemClock),
        Arc::new(Even),
    )
}

/// A clock that moves only when told.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_700_000_000_000_000)))
    }

    pub(crate) fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Always the same.
struct Even;

impl Entropy for Even {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(64);
    }
}

impl World {
    /// Another adapter of the same app, which knows nothing of what the first did.
    pub(crate) fn another(&self) -> Slack {
        adapter(settings(&self.server), &self.grants)
    }

    /// Another adapter of the same app, with this clock.
    pub(crate) fn at(&self, clock: Arc<dyn Clock>) -> Slack {
        let grants: Arc<dyn Grants> = self.grants.clone();
        let http = Http::new().unwrap();
        Slack::new(settings(&self.server), http, grants, clock, Arc::new(Even))
    }

    /// An adapter for another Slack.
    pub(crate) fn elsewhere(&self, api_url: &str) -> Slack {
        let settings = Settings {
            api_url: api_url.into(),
            ..settings(&self.server)
        };
        adapter(settings, &self.grants)
    }

    pub(crate) fn with_app_token(&self, token: &str) -> Slack {
        let settings = Settings {
            app_token: Secret::new(token.into()),
            ..settings(&self.server)
        };
        adapter(settings, &self.grants)
    }

    pub(crate) fn listen(&self) -> Listening {
        let stop = CancellationToken::new();
        let (slack, ear) = (self.slack.clone(), self.ear.clone());
        let told = stop.clone();
        Listening {
            task: tokio::spawn(async move { slack.listen(ear, told).await }),
            stop,
        }
    }

    /// Waits until so much was heard, and answers all of it, which is no more.
    pub(crate) async fn heard(&self, n: usize) -> Vec<Heard> {
        let waiting = async {
            loop {
                let mut more = std::pin::pin!(self.ear.more.notified());
                more.as_mut().enable();
                if self.ear.n() >= n {
                    return;
                }
                more.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{} of {n} were heard", self.ear.n());
        let all = self.ear.all();
        assert_eq!(all.len(), n, "no more than that");
        all
    }

    /// How often a method was called.
    pub(crate) fn n_calls(&self, method: &str) -> usize {
        let all = self.server.exchanges().all();
        all.iter()
            .filter(|exchange| exchange.path.ends_with(method))
            .count()
    }

    #[expect(
        clippy::unused_self,
        reason = "the time is that of this world: simulator and adapter have the same"
    )]
    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Where a page sends one.
    pub(crate) async fn follow(&self, page: &str) -> url::Url {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let answer = client.get(page).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        answer.headers()["location"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    }
}

pub(crate) struct Listening {
    stop: CancellationToken,
    task: JoinHandle<Result<(), Hopeless>>,
}

impl Listening {
    /// Stops, and sees that it does.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("it ends").unwrap().unwrap();
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(3));
        while !is_so() {
            tick.tick().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The texts of what was said.
pub(crate) fn texts(heard: &[Heard]) -> Vec<String> {
    heard
        .iter()
        .filter_map(|heard| match heard {
            Heard::Event(event) => match &event.kind {
                EventKind::Message(message) => Some(message.text.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// An ear that remembers everything.
#[derive(Default)]
pub(crate) struct Memory {
    heard: Mutex<Vec<Heard>>,
    more: Notify,
}

impl Memory {
    pub(crate) fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn n(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

#[async_trait]
impl Ear for Memory {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        self.heard.lock().unwrap().push(heard);
        self.more.notify_waiters();
        Ok(())
    }
}

/// Grants in memory.
#[derive(Default)]
pub(crate) struct TestGrants {
    grants: Mutex<Vec<Grant>>,
    reports: Mutex<Vec<(String, Option<String>)>>,
}

impl TestGrants {
    pub(crate) fn put(&self, grant: Grant) {
        let mut grants = self.grants.lock().unwrap();
        grants.retain(|other| other.server != grant.server);
        grants.push(grant);
    }

    pub(crate) fn get(&self, team: &str) -> Grant {
        let grants = self.grants.lock().unwrap();
        let grant = grants.iter().find(|grant| grant.server == team);
        grant.unwrap().clone()
    }

    pub(crate) fn token(&self, team: &str) -> String {
        self.get(team).access.expose().clone()
    }

    pub(crate) fn reports(&self) -> Vec<(String, Option<String>)> {
        self.reports.lock().unwrap().clone()
    }
}

#[async_trait]
impl Grants for TestGrants {
    async fn all(&self, _: Platform) -> Result<Vec<Grant>, GrantsError> {
        Ok(self.grants.lock().unwrap().clone())
    }

    async fn of(&self, _: Platform, server: &str) -> Result<Option<Grant>, GrantsError> {
        let grants = self.grants.lock().unwrap();
        Ok(grants.iter().find(|grant| grant.server == server).cloned())
    }

    async fn renew(&self, grant: &Grant) -> Result<(), GrantsError> {
        self.put(grant.clone());
        Ok(())
    }

    async fn report(
        &self,
        _: Platform,
        server: &str,
        trouble: Option<&str>,
    ) -> Result<(), GrantsError> {
        let report = (server.to_owned(), trouble.map(str::to_owned));
        self.reports.lock().unwrap().push(report);
        Ok(())
    }
}

/// Where Slack posts to.
pub(crate) struct Hooks {
    place: Place,
    behind: Arc<Behind>,
}

#[derive(Default)]
struct Behind {
    served: OnceLock<(Slack, Arc<dyn Ear>)>,
    /// How many answers to events are still to be lost.
    n_to_lose: Mutex<u32>,
}

pub(crate) async fn hooks() -> Hooks {
    let behind = Arc::new(Behind::default());
    let router = Router::new()
        .route("/hooks/slack", post(hook))
        .with_state(Arc::clone(&behind));
    Hooks {
        place: listen(0, router).await.unwrap(),
        behind,
    }
}

impl Hooks {
    pub(crate) fn url(&self) -> String {
        format!("{}/hooks/slack", self.place.url())
    }

    /// Loses the next answers to events.
    pub(crate) fn lose(&self, n: u32) {
        *self.behind.n_to_lose.lock().unwrap() = n;
    }

    pub(crate) fn serve(&self, world: &World) {
        let ear: Arc<dyn Ear> = world.ear.clone();
        let served = (world.slack.clone(), ear);
        assert!(self.behind.served.set(served).is_ok());
    }
}

async fn hook(
    State(behind): State<Arc<Behind>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let (slack, ear) = behind.served.get().expect("served before anything is said");
    let delivered = Delivered {
        headers: &headers,
        body: &body,
    };
    let answer = slack.deliver(delivered, ear).await;
    let is_event = headers["content-type"] == "application/json";
    let mut n_to_lose = behind.n_to_lose.lock().unwrap();
    if is_event && *n_to_lose > 0 {
        *n_to_lose -= 1;
        return (StatusCode::BAD_GATEWAY, String::new());
    }
    (StatusCode::from_u16(answer.status).unwrap(), answer.body)
}

/// A Slack of which only the socket exists: sends these frames and answers which were acknowledged.
pub(crate) async fn odd_socket(frames: Vec<String>) -> (JoinHandle<Vec<String>>, String) {
    let n_envelopes = frames
        .iter()
        .filter(|frame| frame.contains("envelope_id"))
        .count();
    let (send, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    let url = Arc::new(OnceLock::<String>::new());
    let known = Arc::clone(&url);
    let router = Router::new()
        .route(
            "/api/{method}",
            any(move || {
                let address = known.get().unwrap().replacen("http", "ws", 1);
                async move {
                    let body = serde_json::json!({"ok": true, "url": format!("{address}/link")});
                    ([("content-type", "application/json")], body.to_string())
                }
            }),
        )
        .route(
            "/link",
            any(move |upgrade: WebSocketUpgrade| async move {
                upgrade.on_upgrade(move |mut socket| async move {
                    for frame in frames {
                        socket.send(Message::text(frame)).await.unwrap();
                    }
                    while let Some(Ok(message)) = socket.recv().await {
                        if let Message::Text(text) = message {
                            send.send(text.to_string()).unwrap();
                        }
                    }
                })
            }),
        );
    let place = listen(0, router).await.unwrap();
    url.set(place.url()).unwrap();
    let api = format!("{}/api", place.url());
    let server = tokio::spawn(async move {
        let mut ids = Vec::new();
        while ids.len() < n_envelopes {
            let ack = acknowledged.recv().await.unwrap();
            let ack: serde_json::Value = serde_json::from_str(&ack).unwrap();
            ids.push(ack["envelope_id"].as_str().unwrap().to_owned());
        }
        drop(place);
        ids
    });
    (server, api)
}

/// What was logged, at every level, and what must not be in it.
pub(crate) struct Log {
    pub(crate) text: String,
    pub(crate) secrets: Vec<String>,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs something on one thread and captures all that is logged there.
pub(crate) fn capture(what: impl Future<Output = Vec<String>>) -> Log {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let secrets = tracing::subscriber::with_default(subscriber, || runtime.block_on(what));
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    Log { text, secrets }
}
