//! What the simulated Discord knows: users, guilds, channels, messages, sessions, and what it hands
//! to whom. Pure but for the clock that is passed in. Everything that grows has a bound.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use kernel::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{GuildSpec, Sent, id, rate::Rates};

/// Messages kept in one channel.
const MESSAGES_MAX: usize = 20_000;
/// Sessions kept.
const SESSIONS_MAX: usize = 16;
/// Interactions, codes and tokens kept.
const KEPT_MAX: usize = 50_000;

/// The intents an event needs. Discord «Gateway Intents».
pub(super) mod intent {
    pub(in super::super) const GUILDS: u64 = 1;
    pub(in super::super) const MEMBERS: u64 = 1 << 1;
    pub(in super::super) const MODERATION: u64 = 1 << 2;
    pub(in super::super) const MESSAGES: u64 = 1 << 9;
    pub(in super::super) const REACTIONS: u64 = 1 << 10;
    pub(in super::super) const DIRECT: u64 = 1 << 12;
    pub(in super::super) const CONTENT: u64 = 1 << 15;
    pub(in super::super) const SCHEDULED: u64 = 1 << 16;
}

/// A person or a bot.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub id: u64,
    pub name: String,
    pub is_bot: bool,
    pub takes_messages: bool,
}

/// Somebody in a guild.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub roles: BTreeSet<u64>,
    pub joined_at: Timestamp,
    pub silenced_until: Option<Timestamp>,
}

/// A role.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub id: u64,
    pub name: String,
    pub permissions: u64,
}

/// A guild.
#[derive(Debug, Clone)]
pub(super) struct Guild {
    pub id: u64,
    pub name: String,
    pub owner: u64,
    pub is_installed: bool,
    pub channels: Vec<u64>,
    pub roles: BTreeMap<u64, Role>,
    pub members: BTreeMap<u64, Member>,
    pub bans: BTreeMap<u64, String>,
    pub events: BTreeMap<u64, Planned>,
}

/// A scheduled event.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub body: Value,
    pub interested: BTreeSet<u64>,
}

/// A channel or a direct message.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub id: u64,
    pub guild: Option<u64>,
    pub name: String,
    pub kind: u8,
    pub person: Option<u64>,
    pub messages: VecDeque<Sent>,
}

/// A session of the gateway.
#[derive(Debug)]
pub(super) struct Session {
    pub intents: u64,
    pub shard: (u64, u64),
    pub seq: u64,
    /// How many were opened before and with this one.
    pub opened: u64,
    pub events: VecDeque<(u64, Arc<str>)>,
    pub wake: Arc<Notify>,
}

/// An interaction somebody waits for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub id: u64,
    pub channel: u64,
    pub is_acknowledged: bool,
    pub original: Option<u64>,
    pub flags: u64,
}

/// What somebody approved on the page, until it is exchanged.
#[derive(Debug, Clone)]
pub(super) struct Approved {
    pub user: u64,
    pub redirect: String,
    pub scope: String,
    pub challenge: Option<String>,
    pub guild: Option<u64>,
}

/// A bearer token.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    pub user: u64,
    pub scope: String,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub app: u64,
    pub replay_max: usize,
    pub users: HashMap<u64, User>,
    pub guilds: BTreeMap<u64, Guild>,
    pub channels: HashMap<u64, Channel>,
    pub direct: HashMap<u64, u64>,
    pub sessions: BTreeMap<String, Session>,
    pub asked: BTreeMap<String, Asked>,
    pub commands: BTreeMap<String, Vec<Value>>,
    pub codes: BTreeMap<String, Approved>,
    pub bearers: BTreeMap<String, Bearer>,
    pub refreshes: BTreeMap<String, Bearer>,
    /// What a linked role may ask for.
    pub role_records: Vec<Value>,
    /// Where people are sent who want a linked role.
    pub role_page: Option<String>,
    /// What the application said of people.
    pub role_connections: BTreeMap<u64, Value>,
    pub nonces: HashMap<(u64, String), (u64, Timestamp)>,
    pub rates: Rates,
    pub n_connections: u64,
    pub n_identified: u64,
    pub n_resumed: u64,
    last_id: u64,
}

impl State {
    /// Nobody and nothing but the application.
    pub(super) fn new(app: u64, replay_max: usize) -> Self {
        Self {
            app,
            replay_max,
            ..Self::default()
        }
    }

    /// A fresh id, later than every one before.
    pub(super) fn next_id(&mut self, now: Timestamp) -> u64 {
        self.last_id = id::from_time(now).max(self.last_id + 1);
        self.last_id
    }

    /// Adds a guild with its channels; one that is there is left alone.
    pub(super) fn add_guild(&mut self, spec: &GuildSpec, now: Timestamp) {
        if self.guilds.contains_key(&spec.id) {
            return;
        }
        for channel in &spec.channels {
            self.channels.insert(
                channel.id,
                Channel {
                    id: channel.id,
                    guild: Some(spec.id),
                    name: channel.name.clone(),
                    kind: 0,
                    person: None,
                    messages: VecDeque::new(),
                },
            );
        }
        let everyone = Role {
            id: spec.id,
            name: "@everyone".to_owned(),
            permissions: 0x40 | 0x400 | 0x800 | 0x1_0000,
        };
        let mut guild = Guild {
            id: spec.id,
            name: spec.name.clone(),
            owner: spec.owner,
            is_installed: false,
            channels: spec.channels.iter().map(|channel| channel.id).collect(),
            roles: BTreeMap::from([(everyone.id, everyone)]),
            members: BTreeMap::new(),
            bans: BTreeMap::new(),
            events: BTreeMap::new(),
        };
        guild.members.insert(
            spec.owner,
            Member {
                joined_at: now,
                ..Member::default()
            },
        );
        self.user(spec.owner);
        self.guilds.insert(spec.id, guild);
        if spec.is_installed {
            self.install(spec.id, now);
        }
    }

    /// The bot comes to a guild.
    pub(super) fn install(&mut self, guild: u64, now: Timestamp) {
        let app = self.app;
        let Some(found) = self.guilds.get_mut(&guild) else {
            return;
        };
        found.is_installed = true;
        found.members.entry(app).or_insert_with(|| Member {
            joined_at: now,
            ..Member::default()
        });
        let view = self.guild_create(guild);
        self.dispatch("GUILD_CREATE", Some(guild), intent::GUILDS, &view);
    }

    /// The bot leaves a guild.
    pub(super) fn leave(&mut self, guild: u64) {
        let app = self.app;
        let Some(found) = self.guilds.get_mut(&guild) else {
            return;
        };
        found.is_installed = false;
        found.members.remove(&app);
        let data = json!({ "id": guild.to_string() });
        self.dispatch("GUILD_DELETE", Some(guild), intent::GUILDS, &data);
    }

    /// The guild, if the bot is in it.
    pub(super) fn ours(&mut self, guild: u64) -> Option<&mut Guild> {
        self.guilds
            .get_mut(&guild)
            .filter(|guild| guild.is_installed)
    }

    /// The user of an id; one that nobody named is called after the id.
    pub(super) fn user(&mut self, id: u64) -> &mut User {
        self.users.entry(id).or_insert_with(|| User {
            id,
            name: format!("user{}", id % 100_000),
            is_bot: false,
            takes_messages: true,
        })
    }

    /// The direct channel with somebody.
    pub(super) fn direct_with(&mut self, user: u64, now: Timestamp) -> u64 {
        if let Some(channel) = self.direct.get(&user) {
            return *channel;
        }
        let id = self.next_id(now);
        self.direct.insert(user, id);
        self.channels.insert(
            id,
            Channel {
                id,
                guild: None,
                name: String::new(),
                kind: 1,
                person: Some(user),
                messages: VecDeque::new(),
            },
        );
        id
    }

    /// Keeps a message and tells the sessions.
    pub(super) fn post(&mut self, sent: Sent) {
        let (channel, id) = (sent.channel, sent.id);
        let Some(found) = self.channels.get_mut(&channel) else {
            return;
        };
        if found.messages.len() == MESSAGES_MAX {
            found.messages.pop_front();
        }
        let guild = found.guild;
        found.messages.push_back(sent);
        let Some(view) = self.message_in(channel, id, true) else {
            return;
        };
        let intent = if guild.is_some() {
            intent::MESSAGES
        } else {
            intent::DIRECT
        };
        self.dispatch("MESSAGE_CREATE", guild, intent, &view);
    }

    /// A message that is still there.
    pub(super) fn message(&mut self, channel: u64, id: u64) -> Option<&mut Sent> {
        let messages = &mut self.channels.get_mut(&channel)?.messages;
        let at = messages.binary_search_by_key(&id, |sent| sent.id).ok()?;
        messages.get_mut(at).filter(|sent| !sent.is_deleted)
    }

    /// Opens a session.
    pub(super) fn open_session(
        &mut self,
        name: String,
        intents: u64,
        shard: (u64, u64),
    ) -> Arc<Notify> {
        if self.sessions.len() >= SESSIONS_MAX {
            let oldest = self
                .sessions
                .iter()
                .min_by_key(|(_, session)| session.opened);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.sessions.remove(&name);
            }
        }
        let wake = Arc::new(Notify::new());
        self.n_identified += 1;
        self.sessions.insert(
            name,
            Session {
                intents,
                shard,
                seq: 0,
                opened: self.n_identified,
                events: VecDeque::new(),
                wake: Arc::clone(&wake),
            },
        );
        wake
    }

    /// Tells every session that is meant and wants it.
    pub(super) fn dispatch(&mut self, name: &str, guild: Option<u64>, intent: u64, data: &Value) {
        let replay_max = self.replay_max;
        let bot = self.app;
        for session in self.sessions.values_mut() {
            let shard = guild.map_or(0, |guild| (guild >> 22) % session.shard.1.max(1));
            if shard != session.shard.0 || session.intents & intent == 0 {
                continue;
            }
            if name == "MESSAGE_CREATE" && session.intents & intent::CONTENT == 0 {
                session.push(name, &without_content(data, bot), replay_max);
            } else {
                session.push(name, data, replay_max);
            }
        }
    }

    /// Tells one session.
    pub(super) fn dispatch_to(&mut self, session: &str, name: &str, data: &Value) {
        let replay_max = self.replay_max;
        if let Some(session) = self.sessions.get_mut(session) {
            session.push(name, data, replay_max);
        }
    }

    /// Forgets the oldest of what is kept too long.
    pub(super) fn trim(&mut self, now: Timestamp) {
        if self.asked.len() > KEPT_MAX {
            // Tokens are good for 15 minutes.
            let old = id::from_time(now.minus(std::time::Duration::from_secs(900)));
            self.asked.retain(|_, asked| asked.id > old);
        }
        while self.codes.len() > KEPT_MAX {
            self.codes.pop_first();
        }
        while self.bearers.len() > KEPT_MAX {
            self.bearers.pop_first();
        }
        while self.refreshes.len() > KEPT_MAX {
            self.refreshes.pop_first();
        }
        while self.role_connections.len() > KEPT_MAX {
            self.role_connections.pop_first();
        }
        if self.nonces.len() > KEPT_MAX {
            self.nonces.retain(|_, (_, until)| *until > now);
        }
    }
}

impl Session {
    /// Adds an event; the oldest beyond the bound can be replayed no more.
    fn push(&mut self, name: &str, data: &Value, replay_max: usize) {
        self.seq += 1;
        let text = json!({ "op": 0, "s": self.seq, "t": name, "d": data }).to_string();
        if self.events.len() >= replay_max {
            self.events.pop_front();
        }
        self.events.push_back((self.seq, Arc::from(text)));
        self.wake.notify_one();
    }

    /// The events after this one, at most so many; `None` if some are kept no more.
    pub(super) fn after(&self, seq: u64, max: usize) -> Option<Vec<(u64, Arc<str>)>> {
        let first = self
            .events
            .front()
            .map_or(self.seq + 1, |(first, _)| *first);
        if seq + 1 < first || seq > self.seq {
            return None;
        }
        let skip = usize::try_from(seq + 1 - first).ok()?;
        Some(self.events.iter().skip(skip).take(max).cloned().collect())
    }
}

/// What a session without the privileged intent sees of other people's messages.
fn without_content(data: &Value, bot: u64) -> Value {
    let author = data.get("author").and_then(|author| author.get("id"));
    let mut view = data.clone();
    if author.and_then(Value::as_str) != Some(bot.to_string().as_str())
        && data.get("guild_id").is_some()
        && let Some(map) = view.as_object_mut()
    {
        map.insert("content".to_owned(), json!(""));
        map.insert("embeds".to_owned(), json!([]));
        map.insert("components".to_owned(), json!([]));
    }
    view
}
