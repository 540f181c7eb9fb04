//! Who is there, what they allowed, what was said. Rules of single calls are with the calls.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Broadcaster, Options, Partnership,
    ids::{Ids, numeric_id},
    points::Points,
};

/// Entries kept of each log.
pub(crate) const KEPT_MAX: usize = 10_000;

/// What a user is in a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Anybody.
    #[default]
    Viewer,
    /// Subscribed.
    Subscriber,
    /// Honoured.
    Vip,
    /// Keeps order.
    Moderator,
}

/// Something said through the API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Sent {
    /// The message's id; empty for announcements, which have none.
    pub id: String,
    /// Where.
    pub broadcaster: String,
    /// Who.
    pub sender: String,
    /// What.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// Whether it was an announcement.
    pub is_announcement: bool,
    /// Whether a moderator took it away since.
    pub is_deleted: bool,
    /// When.
    pub at_ms: i64,
}

/// A whisper that was answered with 204.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Whisper {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What.
    pub text: String,
    /// Whether it really arrived: Twitch says 204 also when it does not.
    pub has_arrived: bool,
}

/// What the id service hands out.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// Seconds.
    pub expires_in: u64,
    /// Whose.
    pub user: String,
    /// For what.
    pub scopes: Vec<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("user", &self.user)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) takes_whispers: bool,
    pub(crate) created_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Channel {
    pub(crate) partnership: Partnership,
    pub(crate) standing: BTreeMap<String, Standing>,
    pub(crate) banned: BTreeSet<String>,
    pub(crate) chatters: BTreeSet<String>,
    /// Id and start of the stream, if there is one.
    pub(crate) stream: Option<(String, Timestamp)>,
    pub(crate) title: String,
    pub(crate) segments: Vec<Segment>,
    /// What each sender said lately: when and what.
    pub(crate) lately: HashMap<String, VecDeque<(Timestamp, String)>>,
    /// Ids of messages, latest last, with who said them and whether they are gone.
    pub(crate) messages: VecDeque<(String, String, Timestamp)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) id: String,
    pub(crate) start: Timestamp,
    pub(crate) minutes: u32,
    pub(crate) timezone: String,
    pub(crate) title: String,
    pub(crate) category: Option<String>,
    pub(crate) is_recurring: bool,
    pub(crate) canceled_until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// `None` for the application's own.
    pub(crate) user: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
}

/// A code of the authorisation page.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect: String,
    pub(crate) expires_at: Timestamp,
}

/// What identifies an interest, whoever has it.
pub(crate) type Interest = (String, String);

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) condition: Value,
    pub(crate) created_at: Timestamp,
    pub(crate) cost: u32,
    /// Who made it; `None` for the application.
    pub(crate) owner: Option<String>,
    pub(crate) transport: Transport,
}

#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Socket {
        session: String,
        connected_at: Timestamp,
    },
    Hook {
        callback: String,
        queue: mpsc::Sender<Notice>,
    },
}

impl Subscription {
    /// The session it is told through, if it is a socket's.
    pub(crate) fn session(&self) -> Option<&String> {
        match &self.transport {
            Transport::Socket { session, .. } => Some(session),
            Transport::Hook { .. } => None,
        }
    }

    pub(crate) fn interest(&self) -> Interest {
        (self.kind.clone(), self.condition.to_string())
    }

    /// As Helix shows it.
    pub(crate) fn view(&self) -> Value {
        let transport = match &self.transport {
            Transport::Socket {
                session,
                connected_at,
            } => serde_json::json!({
                "method": "websocket",
                "session_id": session,
                "connected_at": connected_at.to_string(),
            }),
            Transport::Hook { callback, .. } => {
                serde_json::json!({ "method": "webhook", "callback": callback })
            }
        };
        serde_json::json!({
            "id": self.id,
            "status": self.status,
            "type": self.kind,
            "version": self.version,
            "condition": self.condition,
            "created_at": self.created_at.to_string(),
            "transport": transport,
            "cost": self.cost,
        })
    }
}

/// Something to be told about.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) message_id: String,
    /// `notification`, `revocation` or `webhook_callback_verification`.
    pub(crate) message_type: &'static str,
    pub(crate) kind: String,
    pub(crate) version: String,
    /// The payload without the metadata.
    pub(crate) payload: Value,
    pub(crate) at: Timestamp,
}

/// What a connection is told to write.
#[derive(Debug)]
pub(crate) enum Out {
    Text(String),
    /// A notification, followed by a ping with this number, whose pong says that it arrived.
    Counted(String, u64),
    Close(u16, &'static str),
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: u64,
    pub(crate) out: mpsc::Sender<Out>,
    pub(crate) cut: CancellationToken,
    pub(crate) connected_at: Timestamp,
    /// Sent and not known to have arrived: connection, number, what.
    pub(crate) unacked: VecDeque<(u64, u64, Interest, Notice)>,
}

pub(crate) struct State {
    pub(crate) ids: Ids,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) first: Option<String>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) refresh: HashMap<String, (String, Vec<String>)>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) points: HashMap<String, Points>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) sessions: HashMap<String, Session>,
    /// Connections that take a session over once they were welcomed.
    pub(crate) arriving: HashMap<u64, (mpsc::Sender<Out>, CancellationToken)>,
    /// Every open connection, old ones included.
    pub(crate) connections: HashMap<u64, CancellationToken>,
    pub(crate) n_connections: u64,
    pub(crate) n_notices: u64,
    /// What waits for somebody to subscribe again.
    pub(crate) lapsed: HashMap<Interest, VecDeque<Notice>>,
    pub(crate) sent: VecDeque<Sent>,
    pub(crate) whispers: VecDeque<Whisper>,
    pub(crate) whispered: HashMap<String, VecDeque<(Timestamp, String)>>,
}

impl State {
    pub(crate) fn new(options: &Options) -> Self {
        let mut state = Self {
            ids: Ids::new(options.clock.now().0),
            users: BTreeMap::new(),
            channels: BTreeMap::new(),
            first: None,
            tokens: HashMap::new(),
            refresh: HashMap::new(),
            codes: HashMap::new(),
            points: HashMap::new(),
            subscriptions: Vec::new(),
            sessions: HashMap::new(),
            arriving: HashMap::new(),
            connections: HashMap::new(),
            n_connections: 0,
            n_notices: 0,
            lapsed: HashMap::new(),
            sent: VecDeque::new(),
            whispers: VecDeque::new(),
            whispered: HashMap::new(),
        };
        for broadcaster in &options.broadcasters {
            state.add_broadcaster(broadcaster);
        }
        state
    }

    pub(crate) fn add_broadcaster(&mut self, broadcaster: &Broadcaster) {
        self.users.insert(
            broadcaster.id.clone(),
            user(&broadcaster.id, &broadcaster.login, &broadcaster.name),
        );
        self.first.get_or_insert_with(|| broadcaster.id.clone());
        let channel = self.channels.entry(broadcaster.id.clone()).or_default();
        channel.partnership = broadcaster.partnership;
    }

    /// The id of whoever is meant; made if there is nobody.
    pub(crate) fn user(&mut self, who: &str) -> String {
        if self.users.contains_key(who) {
            return who.to_owned();
        }
        let login = who.to_lowercase();
        if let Some(found) = self.users.values().find(|user| user.login == login) {
            return found.id.clone();
        }
        let id = numeric_id(who);
        self.users.entry(id.clone()).or_insert_with(|| {
            let login: String = login
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let login = if login.is_empty() {
                format!("user{id}")
            } else {
                login
            };
            user(&id, &login, who)
        });
        id
    }

    /// Names a user who is there or not yet.
    pub(crate) fn name_user(&mut self, who: &str, name: &str) -> String {
        let id = self.user(who);
        if let Some(user) = self.users.get_mut(&id) {
            name.clone_into(&mut user.name);
        }
        id
    }

    pub(crate) fn channel(&mut self, broadcaster: &str) -> (String, &mut Channel) {
        let id = self.user(broadcaster);
        let channel = self.channels.entry(id.clone()).or_default();
        (id, channel)
    }

    pub(crate) fn set_standing(&mut self, broadcaster: &str, user: &str, standing: Standing) {
        let user = self.user(user);
        let (_, channel) = self.channel(broadcaster);
        if standing == Standing::Viewer {
            channel.standing.remove(&user);
        } else {
            channel.standing.insert(user, standing);
        }
    }

    pub(crate) fn is_moderator(&self, broadcaster: &str, user: &str) -> bool {
        broadcaster == user
            || self
                .channels
                .get(broadcaster)
                .is_some_and(|channel| channel.standing.get(user) == Some(&Standing::Moderator))
    }

    pub(crate) fn set_whispers(&mut self, user: &str, are_taken: bool) {
        let user = self.user(user);
        if let Some(user) = self.users.get_mut(&user) {
            user.takes_whispers = are_taken;
        }
    }

    pub(crate) fn authorise(
        &mut self,
        options: &Options,
        user: &str,
        scopes: Vec<String>,
    ) -> Tokens {
        let access = self.access(options, Some(user.to_owned()), scopes.clone());
        let refresh = self.ids.token();
        self.refresh
            .insert(refresh.clone(), (user.to_owned(), scopes.clone()));
        Tokens {
            access,
            refresh,
            expires_in: options.token_life.as_secs(),
            user: user.to_owned(),
            scopes,
        }
    }

    pub(crate) fn access(
        &mut self,
        options: &Options,
        user: Option<String>,
        scopes: Vec<String>,
    ) -> String {
        let now = options.clock.now();
        if self.tokens.len() > KEPT_MAX {
            self.tokens.retain(|_, token| token.expires_at > now);
        }
        let access = self.ids.token();
        let expires_at = now.plus(options.token_life);
        let token = Token {
            user,
            scopes,
            expires_at,
        };
        self.tokens.insert(access.clone(), token);
        access
    }

    /// Whether a user allowed this application a scope.
    pub(crate) fn has_allowed(&self, user: &str, scope: &str) -> bool {
        let given = |whose: &str, scopes: &[String]| {
            whose == user && scopes.iter().any(|given| given == scope)
        };
        self.refresh
            .values()
            .any(|(whose, scopes)| given(whose, scopes))
    }

    pub(crate) fn expire_token(&mut self, access: &str) {
        if let Some(token) = self.tokens.get_mut(access) {
            token.expires_at = Timestamp::default();
        }
    }

    pub(crate) fn expire_tokens(&mut self) {
        for token in self.tokens.values_mut() {
            token.expires_at = Timestamp::default();
        }
    }

    pub(crate) fn sent_in(&mut self, broadcaster: &str) -> Vec<Sent> {
        let id = self.user(broadcaster);
        let here = self.sent.iter().filter(|sent| sent.broadcaster == id);
        here.cloned().collect()
    }

    pub(crate) fn note_sent(&mut self, sent: Sent) {
        if self.sent.len() == KEPT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    pub(crate) fn segments_of(&mut self, broadcaster: &str) -> Vec<Value> {
        let (_, channel) = self.channel(broadcaster);
        channel.segments.iter().map(Segment::view).collect()
    }

    pub(crate) fn n_enabled(&self) -> usize {
        let enabled = |one: &&Subscription| one.status == "enabled";
        self.subscriptions.iter().filter(enabled).count()
    }

    pub(crate) fn n_sockets(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn cut_sockets(&self) {
        for cut in self.connections.values() {
            cut.cancel();
        }
    }
}

impl Segment {
    pub(crate) fn view(&self) -> Value {
        let end = self
            .start
            .plus(Duration::from_secs(u64::from(self.minutes) * 60));
        serde_json::json!({
            "id": self.id,
            "start_time": super::time::whole(self.start),
            "end_time": super::time::whole(end),
            "title": self.title,
            "canceled_until": self.canceled_until.map(super::time::whole),
            "category": self.category.as_ref().map(|id| serde_json::json!({
                "id": id,
                "name": format!("Category {id}"),
            })),
            "is_recurring": self.is_recurring,
        })
    }
}

fn user(id: &str, login: &str, name: &str) -> User {
    User {
        id: id.to_owned(),
        login: login.to_owned(),
        name: name.to_owned(),
        takes_whispers: true,
        // 2020-01-01 and some days that follow from the id.
        created_at: Timestamp::from_secs(
            1_577_836_800 + id.parse::<i64>().unwrap_or(0) % 1_000 * 86_400,
        ),
    }
}
