//! The world of a test: one running app and the people in it.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use activity::{Incoming, Settings as ActivitySettings};
use app::{App, Parts};
use engines::{Blobs, Bus, MemoryBus, MemoryCache, MemoryMeter, OutboxMailer};
use identity::{ClientInfo, NewCommunity};
use ingest::{Hooks, Ingest, Reaction, Settings, Witness};
use kernel::{
    Account, Actor, ChatEvent, Clock, CommandSpec, CommunityId, Connector, Courier, EventKind,
    Origin, Platform, Provider, Role, Secret, SessionId, Source, Timestamp, Tracker, UserId,
    event::Message,
};
use store::{Db, Engine, KeyRing, Options, job::State, migration, schema::Kind, seal::Keys, sql};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{
    MockClock, SeededEntropy, TestConnector, TestHooks, TestProvider, engine,
    postgres::PrivateDatabase,
};

/// Monday 2026-06-01T12:00:00Z: when every world begins.
const BEGINNING: Timestamp = Timestamp::from_secs(1_780_315_200);

/// Somebody who belongs to a community and can act.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub user: UserId,
    /// Who they act as.
    pub actor: Actor,
}

/// What a test may choose about a process.
pub struct Setup {
    /// What happens because of events.
    pub reactions: Vec<Arc<dyn Reaction>>,
    /// Who is told of live events.
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// Bounds of the pipeline.
    pub ingest: Settings,
    /// Live notices.
    pub bus: Arc<dyn Bus>,
    /// What installs us on platforms; scripted ones for Discord and Twitch, none for Slack.
    pub connectors: Vec<Arc<TestConnector>>,
    /// Where people have accounts: scripted ones, Discord and a «campus» without chat.
    pub providers: Vec<Arc<TestProvider>>,
    /// Providers that a test brings along, such as a real adapter.
    pub foreign: Vec<Arc<dyn Provider>>,
    /// Whether people may register.
    pub open_registration: bool,
    /// How browsers reach it.
    pub public_url: String,
    /// Who carries messages out.
    pub couriers: Vec<Arc<dyn Courier>>,
    /// Bounds of the delivery service.
    pub deliveries: delivery::Settings,
    /// Where webhooks go.
    pub hooks: Arc<TestHooks>,
    /// Bounds of the webhook service.
    pub webhooks: webhook::Settings,
    /// Where the operator follows trainings; nowhere unless a test says so.
    pub tracker: Option<Arc<dyn Tracker>>,
    /// The chat commands of the program.
    pub commands: Vec<CommandSpec>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            reactions: Vec::new(),
            witnesses: Vec::new(),
            ingest: Settings::default(),
            bus: Arc::new(MemoryBus::new()),
            connectors: [Platform::Discord, Platform::Twitch]
                .map(|platform| Arc::new(TestConnector::new(platform)))
                .into(),
            providers: vec![
                Arc::new(TestProvider::new("discord", Some(Platform::Discord))),
                Arc::new(TestProvider::new("campus", None)),
            ],
            foreign: Vec::new(),
            open_registration: false,
            public_url: "https://bot.example.org".to_owned(),
            couriers: Vec::new(),
            deliveries: delivery::Settings::default(),
            hooks: TestHooks::new(),
            webhooks: webhook::Settings::default(),
            tracker: None,
            commands: vec![command("ping", &["p"]), command("help", &[])],
        }
    }
}

/// One process over a world's database.
pub struct Node {
    /// The app.
    pub app: Arc<App>,
    /// The entrance of its pipeline.
    pub ingest: Ingest,
    line: JoinHandle<()>,
}

impl Node {
    async fn start(url: &str, place: &Path, clock: &MockClock, seed: u64, setup: Setup) -> Self {
        let options = Options {
            durable: false,
            max_connections: 4,
            ..Options::new(url)
        };
        let db = Db::open(&options).await.unwrap();
        migration::run(&db, clock.now()).await.unwrap();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let outbox = OutboxMailer::open(
            &place.join("outbox"),
            "waddlebot@example.org",
            Arc::clone(&shared),
        )
        .unwrap();
        let app = App::new(Parts {
            db,
            bus: setup.bus,
            cache: Arc::new(MemoryCache::new(10_000_000, Arc::clone(&shared))),
            meter: Arc::new(MemoryMeter::new(10_000)),
            blobs: Blobs::in_directory(&place.join("blobs")).unwrap(),
            mailer: Arc::new(outbox.clone()),
            outbox: Some(outbox),
            clock: shared,
            entropy: Arc::new(SeededEntropy::new(seed)),
            keys: keys(),
            connectors: setup
                .connectors
                .into_iter()
                .map(|connector| -> Arc<dyn Connector> { connector })
                .collect(),
            providers: setup
                .providers
                .into_iter()
                .map(|provider| -> Arc<dyn Provider> { provider })
                .chain(setup.foreign)
                .collect(),
            open_registration: setup.open_registration,
            public_url: setup.public_url,
            activity: ActivitySettings {
                overview_ttl: Duration::ZERO,
                live_poll: Duration::from_millis(50),
                ..ActivitySettings::default()
            },
            couriers: setup.couriers,
            deliveries: setup.deliveries,
            hooks: setup.hooks,
            webhooks: setup.webhooks,
            tracker: setup.tracker,
            commands: setup.commands,
        });
        let (ingest, line) = Ingest::start(
            &app,
            Hooks {
                reactions: setup.reactions,
                witnesses: setup.witnesses,
            },
            setup.ingest,
        );
        Self { app, ingest, line }
    }

    /// Stops the process softly: what was taken is written.
    pub async fn stop(self) {
        self.app.stop.cancel();
        self.line.await.unwrap();
        self.app.db().close().await.unwrap();
    }
}

/// The keys of every test, so that a second process opens what the first one sealed.
fn keys() -> KeyRing {
    let key = Secret::new([7; store::seal::KEY_BYTES]);
    KeyRing::new(&Keys::new("test", vec![("test".to_owned(), key)]).unwrap())
}

/// A running WaddleBot in a temporary place.
pub struct World {
    /// The app under test.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: MockClock,
    /// The entrance of its pipeline.
    pub ingest: Ingest,
    connectors: Vec<Arc<TestConnector>>,
    providers: Vec<Arc<TestProvider>>,
    line: Option<JoinHandle<()>>,
    url: String,
    database: Option<PrivateDatabase>,
    place: TempDir,
    next_event: u64,
    next_seed: u64,
    leftovers: bool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl World {
    /// A world on an embedded database.
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Vec::new()).await
    }

    /// A world on an embedded database whose pipeline has reactions.
    pub async fn sqlite_with(reactions: Vec<Arc<dyn Reaction>>) -> Self {
        let place = TempDir::new().unwrap();
        let setup = Setup {
            reactions,
            ..Setup::default()
        };
        Self::in_place(place, setup).await
    }

    /// A world on an embedded database in a directory of the test's choice.
    pub async fn in_place(place: TempDir, setup: Setup) -> Self {
        let url = format!("sqlite://{}", place.path().join("test.db").display());
        Self::open(url, None, place, setup).await
    }

    /// A world on a private PostgreSQL database; `None`, said loudly, where there is no server.
    pub async fn postgres() -> Option<Self> {
        let server = engine("WADDLEBOT_TEST_POSTGRES")?;
        let database = PrivateDatabase::create(&server).await;
        let url = database.url.clone();
        let place = TempDir::new().unwrap();
        Some(Self::open(url, Some(database), place, Setup::default()).await)
    }

    /// A world on a database that somebody else drops.
    pub(crate) async fn on(url: String) -> Self {
        Self::open(url, None, TempDir::new().unwrap(), Setup::default()).await
    }

    async fn open(
        url: String,
        database: Option<PrivateDatabase>,
        place: TempDir,
        setup: Setup,
    ) -> Self {
        let clock = MockClock::at(BEGINNING);
        let (connectors, providers) = (setup.connectors.clone(), setup.providers.clone());
        let node = Node::start(&url, place.path(), &clock, 7, setup).await;
        Self {
            connectors,
            providers,
            app: node.app,
            clock,
            ingest: node.ingest,
            line: Some(node.line),
            url,
            database,
            place,
            next_event: 0,
            next_seed: 8,
            leftovers: false,
        }
    }

    /// A second process over the same database, with the same clock.
    pub async fn another(&mut self, setup: Setup) -> Node {
        self.next_seed += 1;
        Node::start(
            &self.url,
            self.place.path(),
            &self.clock,
            self.next_seed,
            setup,
        )
        .await
    }

    /// Stops the process softly and starts another over the same database.
    pub async fn restart(&mut self, setup: Setup) {
        self.stop().await;
        let node = self.another(setup).await;
        (self.app, self.ingest, self.line) = (node.app, node.ingest, Some(node.line));
    }

    /// Stops the process softly: everything taken is written when this returns.
    pub async fn stop(&mut self) {
        self.app.stop.cancel();
        if let Some(line) = self.line.take() {
            line.await.unwrap();
        }
        self.app.db().close().await.unwrap();
    }

    /// The scripted connector of a platform.
    pub fn connector(&self, platform: Platform) -> &TestConnector {
        let found = self.connectors.iter().find(|c| c.is_for(platform));
        found.expect("the world has a connector for the platform")
    }

    /// The scripted provider with a key.
    pub fn provider(&self, key: &str) -> &TestProvider {
        let found = self.providers.iter().find(|p| p.key() == key);
        found.expect("the world has a provider with the key")
    }

    /// The scripted providers, for a second process.
    pub fn providers(&self) -> Vec<Arc<TestProvider>> {
        self.providers.clone()
    }

    /// The database's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a statement past every service: for what no service can bring about.
    pub async fn sql(&self, statement: &str) -> u64 {
        sql::execute(self.app.db().write(), statement, vec![])
            .await
            .unwrap()
    }

    /// The whole number a query answers.
    pub async fn number(&self, query: &str) -> i64 {
        let whole = format!("SELECT CAST(({query}) AS bigint)");
        sql::scalar(self.app.db().write(), &whole, vec![])
            .await
            .unwrap()
    }

    /// Every row of every table as text, for «nothing changed». Generations are left out: they count
    /// what was committed, also if it changed nothing.
    pub async fn dump(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut dump = BTreeMap::new();
        for table in migration::tables() {
            if table.name == "generation" {
                continue;
            }
            let columns: Vec<String> = table
                .columns()
                .iter()
                .map(|column| match (column.kind, self.app.db().engine()) {
                    (Kind::Bytes, Engine::Sqlite) => format!("COALESCE(HEX({}), '∅')", column.name),
                    _ => format!("COALESCE(CAST({} AS TEXT), '∅')", column.name),
                })
                .collect();
            let query = format!("SELECT {} FROM {}", columns.join(" || '|' || "), table.name);
            let rows = sql::rows(self.app.db().write(), &query, vec![])
                .await
                .unwrap();
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| row.try_get_by_index(0).unwrap())
                .collect();
            lines.sort_unstable();
            dump.insert(table.name, lines);
        }
        dump
    }

    /// The temporary directory.
    pub fn place(&self) -> &std::path::Path {
        self.place.path()
    }

    /// The program itself: may do everything.
    pub const fn system(&self) -> Actor {
        Actor::System("test")
    }

    /// This world will end with open jobs or events put aside.
    pub const fn expect_leftovers(&mut self) {
        self.leftovers = true;
    }

    /// Makes a community.
    pub async fn community(&self, name: &str) -> CommunityId {
        let new = NewCommunity {
            name: name.to_owned(),
            ..NewCommunity::default()
        };
        self.app
            .identity
            .create_community(&self.system(), &new)
            .await
            .unwrap()
            .id
    }

    /// Somebody with a role in a community, who joined it on Discord; `None` = joined nothing but
    /// has an account.
    pub async fn person(
        &mut self,
        community: CommunityId,
        name: &str,
        role: Option<Role>,
    ) -> Person {
        let join = self.event(name, EventKind::Join);
        self.record(vec![Incoming {
            community,
            event: join,
        }])
        .await;
        let user = self.user_of(community, name).await;
        self.app
            .identity
            .set_role(&self.system(), community, user, role)
            .await
            .unwrap();
        Person {
            user,
            actor: self.actor_of(user).await,
        }
    }

    /// An instance administrator who belongs to no community.
    pub async fn admin(&self, name: &str) -> Person {
        let account = identity::NewAccount {
            display_name: name.to_owned(),
            email: format!("{name}@example.org"),
            password: "correct horse battery".to_owned().into(),
        };
        let user = self
            .app
            .identity
            .create_admin(&self.system(), &account)
            .await
            .unwrap();
        Person {
            user,
            actor: self.actor_of(user).await,
        }
    }

    /// The actor of a user with their roles of this moment.
    pub async fn actor_of(&self, user: UserId) -> Actor {
        let stale = Actor::User {
            id: user,
            is_instance_admin: false,
            roles: BTreeMap::new(),
            only: None,
        };
        self.app.identity.refresh(&stale).await.unwrap().unwrap()
    }

    /// A session token of a user.
    pub async fn token(&self, user: UserId) -> String {
        let link = self
            .app
            .identity
            .issue_sign_in_link(&self.system(), user)
            .await
            .unwrap();
        let session = self
            .app
            .identity
            .redeem_sign_in_link(link.expose(), &ClientInfo::default())
            .await
            .unwrap()
            .session()
            .expect("a person of a test who has a second factor signs in by itself");
        session.token.expose().clone()
    }

    /// A session of a user that began just now.
    pub async fn session(&self, user: UserId) -> SessionId {
        let token = self.token(user).await;
        let known = self.app.identity.authenticate(&token).await;
        known.unwrap().unwrap().session
    }

    /// The person a name belongs to in a community.
    pub async fn user_of(&self, community: CommunityId, name: &str) -> UserId {
        let query = activity::MemberQuery {
            search: name.to_owned(),
            platform: None,
            sort: activity::MemberSort::Name,
            descending: false,
            page: kernel::PageRequest::first(100),
        };
        let members = self
            .app
            .activity
            .members(&self.system(), community, &query)
            .await
            .unwrap();
        members
            .items
            .into_iter()
            .find(|member| member.name == name)
            .expect("the person was seen")
            .user_id
    }

    /// A live event on Discord, now, with a fresh id.
    pub fn event(&mut self, name: &str, kind: EventKind) -> ChatEvent {
        self.next_event += 1;
        ChatEvent {
            platform: Platform::Discord,
            event_id: format!("event-{}", self.next_event),
            origin: Origin {
                server: "pond".into(),
                channel: "general".into(),
                channel_name: "general".into(),
            },
            account: Account {
                platform_user_id: format!("id-{name}"),
                username: name.to_owned(),
                ..Account::default()
            },
            sent_at: self.clock.now(),
            source: Source::Live,
            kind,
        }
    }

    /// Somebody says something on Discord now; it is recorded when this returns.
    pub async fn say(&mut self, community: CommunityId, name: &str, text: &str) {
        let event = self.event(name, message(text));
        self.record(vec![Incoming { community, event }]).await;
    }

    /// Records events through the pipeline.
    pub async fn record(&self, events: Vec<Incoming>) -> ingest::Tally {
        self.ingest.import(events, None).await.unwrap()
    }

    /// Ends the world: stops the pipeline, checks that nothing is left over and that what is kept of members is
    /// what counting says, drops the database.
    pub async fn close(mut self) {
        let miscounted = self.number(
            "SELECT COUNT(*) FROM member m WHERE m.active_days <> (SELECT COUNT(DISTINCT d.day) \
             FROM activity_day d WHERE d.community_id = m.community_id AND d.user_id = m.user_id)",
        );
        assert_eq!(
            miscounted.await,
            0,
            "members whose active days are not those of their accounts"
        );
        if !self.leftovers {
            let mut status = self.app.status(&self.system()).await.unwrap();
            // What somebody gave up for good is not left over.
            status.jobs.retain(|count| count.state != State::Discarded);
            assert!(
                status.jobs.is_empty(),
                "jobs are left over: {:?}",
                status.jobs
            );
            assert_eq!(status.quarantined, 0, "events were put aside");
            assert_eq!(status.backlog, 0, "events wait to be recorded");
        }
        self.stop().await;
        if let Some(database) = self.database {
            database.drop().await;
        }
    }
}

/// A command of the program that everybody may use, for worlds that run none.
pub const fn command(name: &'static str, aliases: &'static [&'static str]) -> CommandSpec {
    CommandSpec {
        name,
        aliases,
        description: "does something",
        options: &[],
        minimum_role: Role::Member,
        cooldown_user_secs: 3,
        cooldown_channel_secs: 0,
        category: "General",
    }
}

/// A message of a text.
pub fn message(text: &str) -> EventKind {
    EventKind::Message(Message {
        text: text.to_owned(),
        ..Message::default()
    })
}
