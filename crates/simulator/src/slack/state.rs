//! What the simulated Slack knows: workspaces, channels, people, messages, tokens. Plain data; how
//! it changes is in the other files.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SlackOptions, deliver::Line, ids, limits::Meter, signer::IdTokenFlaw};
use crate::{Channel, Place};

/// Messages kept; older ones go.
const MESSAGES_MAX: usize = 50_000;
/// Response addresses and codes kept; older ones go.
pub(super) const SECRETS_MAX: usize = 20_000;

/// A workspace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Workspace {
    /// `T…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its channels.
    pub channels: Vec<Room>,
    /// Its people.
    pub members: Vec<Member>,
    /// Whether the app is installed from the start.
    pub is_installed: bool,
}

impl From<&Place> for Workspace {
    /// The workspace of a simulated community, with the app installed and in every channel. Ids that
    /// are not in Slack's form become such ([`super::slack_id`]).
    fn from(place: &Place) -> Self {
        let room = |channel: &Channel| Room {
            id: ids::slack_id('C', &channel.id),
            name: channel.name.to_owned(),
            has_bot: true,
            ..Room::default()
        };
        Self {
            id: ids::slack_id('T', &place.server),
            name: place.name.to_owned(),
            channels: place.channels.iter().map(room).collect(),
            members: Vec::new(),
            is_installed: true,
        }
    }
}

/// A channel.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// `C…`
    pub id: String,
    /// Its name, without `#`.
    pub name: String,
    /// Whether it is private.
    pub is_private: bool,
    /// Whether it was archived.
    pub is_archived: bool,
    /// Whether the app's bot is in it: only then it hears, and only then it may speak.
    pub has_bot: bool,
}

/// A person or a bot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// `U…`
    pub id: String,
    /// The handle.
    pub name: String,
    /// The name that is shown; empty = the handle.
    pub display_name: String,
    /// Whether they run the workspace.
    pub is_admin: bool,
    /// Whether they own it.
    pub is_owner: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
}

/// A message, by whomever.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Sent {
    /// The workspace.
    pub team: String,
    /// The channel, `C…` or `D…`.
    pub channel: String,
    /// Its id within the channel.
    pub ts: String,
    /// The message under which it hangs.
    pub thread_ts: Option<String>,
    /// Who said it: `U…`.
    pub user: String,
    /// Whether it is the app's.
    pub is_ours: bool,
    /// The text, as it was given; for the app's own, what stands for the blocks.
    pub text: String,
    /// The blocks, `null` if none.
    pub blocks: Value,
    /// Who alone sees it.
    pub only_for: Option<String>,
    /// When it was last changed: a time stamp.
    pub edited_ts: Option<String>,
    /// Whether it was taken back.
    pub is_deleted: bool,
    /// How it came: `chat.postMessage`, `response_url`, `chat.scheduleMessage`, `say`.
    pub via: &'static str,
    /// Earlier texts, oldest first.
    pub earlier: Vec<String>,
    /// Reactions: name and user.
    pub reactions: Vec<(String, String)>,
    /// Whether unfurling was asked for; `None` = not said.
    pub unfurls: Option<bool>,
}

/// Bad delivery on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// Every so manieth event comes twice; 0 = none.
    pub twice_every: u32,
    /// Every so manieth event comes after its successor; 0 = none.
    pub late_every: u32,
}

/// A workspace as it is now.
#[derive(Debug, Default)]
pub(super) struct Team {
    pub(super) name: String,
    pub(super) channels: BTreeMap<String, Room>,
    pub(super) people: BTreeMap<String, Member>,
    /// Who is in a channel, besides the bot.
    pub(super) inside: HashMap<String, HashSet<String>>,
    /// User to direct conversation.
    pub(super) directs: BTreeMap<String, String>,
    pub(super) bot_user: String,
    pub(super) bot_id: String,
    /// The bot's token while the app is installed.
    pub(super) token: Option<String>,
    /// When that token ends, and what a new one is got with.
    pub(super) rotation: Option<(Timestamp, String)>,
    /// Tokens that were replaced by rotation.
    pub(super) replaced: HashSet<String>,
    /// Tokens that were taken away.
    pub(super) revoked: HashSet<String>,
    /// How often the app was installed.
    pub(super) n_installed: u32,
}

/// A message that waits for its time.
#[derive(Debug, Clone)]
pub(super) struct Scheduled {
    pub(super) id: String,
    pub(super) post_at: i64,
    pub(super) date_created: i64,
    pub(super) message: Sent,
}

/// A code that the person who installs brings back.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) team: String,
    pub(super) redirect: String,
    pub(super) scope: String,
    pub(super) user: String,
    pub(super) nonce: String,
    pub(super) at: Timestamp,
}

/// A person who signed in.
#[derive(Debug, Clone)]
pub(super) struct SignedIn {
    pub(super) team: String,
    pub(super) user: String,
}

/// An address where a slash command or a press is answered.
#[derive(Debug, Clone)]
pub(super) struct ResponseUrl {
    pub(super) team: String,
    pub(super) channel: String,
    pub(super) user: String,
    /// The message whose button was pressed.
    pub(super) message: Option<String>,
    pub(super) n_used: u32,
    pub(super) at: Timestamp,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) teams: BTreeMap<String, Team>,
    pub(super) messages: VecDeque<Sent>,
    pub(super) scheduled: Vec<Scheduled>,
    pub(super) codes: HashMap<String, Code>,
    /// By the tokens of people who signed in.
    pub(super) people: HashMap<String, SignedIn>,
    /// How often the key was exchanged that signs ID tokens, and what is wrong about these.
    pub(super) n_keys: usize,
    pub(super) flaw: Option<IdTokenFlaw>,
    pub(super) urls: HashMap<String, ResponseUrl>,
    pub(super) meter: Meter,
    pub(super) noise: Noise,
    pub(super) line: Line,
    /// The last time stamp given, so that the next is another.
    last: Timestamp,
    /// Counts whatever needs a number of its own.
    n: u64,
}

impl State {
    pub(super) fn new(options: &SlackOptions) -> Self {
        let mut state = Self::default();
        for workspace in &options.workspaces {
            state.add(workspace);
        }
        state
    }

    /// Adds a workspace, or what it has that was not there yet.
    pub(super) fn add(&mut self, workspace: &Workspace) {
        let team = self.teams.entry(workspace.id.clone()).or_default();
        team.name.clone_from(&workspace.name);
        team.bot_user = ids::slack_id('U', &format!("waddlebot of {}", workspace.id));
        team.bot_id = ids::slack_id('B', &workspace.id);
        let bot = Member {
            id: team.bot_user.clone(),
            name: "waddlebot".to_owned(),
            display_name: "WaddleBot".to_owned(),
            is_bot: true,
            ..Member::default()
        };
        for member in workspace.members.iter().chain([&bot]) {
            team.people.insert(member.id.clone(), member.clone());
        }
        for room in &workspace.channels {
            team.channels.insert(room.id.clone(), room.clone());
        }
        if workspace.is_installed && team.token.is_none() {
            team.install(&workspace.id, None);
        }
    }

    /// A number nobody else has.
    pub(super) const fn number(&mut self) -> u64 {
        self.n += 1;
        self.n
    }

    /// A time stamp nobody else has: the time, or a microsecond after the last.
    pub(super) fn ts(&mut self, now: Timestamp) -> String {
        self.last = now.max(Timestamp(self.last.0.saturating_add(1)));
        ids::ts(self.last)
    }

    /// Keeps a message.
    pub(super) fn keep(&mut self, message: Sent) {
        if self.messages.len() == MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }

    /// A message that is still there.
    pub(super) fn message(&mut self, team: &str, channel: &str, ts: &str) -> Option<&mut Sent> {
        self.messages.iter_mut().rev().find(|message| {
            message.ts == ts
                && message.channel == channel
                && message.team == team
                && !message.is_deleted
        })
    }

    /// Whose bot token this is.
    pub(super) fn team_of(&self, token: &str, now: Timestamp) -> Result<&str, &'static str> {
        for (id, team) in &self.teams {
            if team.token.as_deref() == Some(token) {
                let has_ended = team.rotation.as_ref().is_some_and(|(ends, _)| *ends <= now);
                return if has_ended {
                    Err("token_expired")
                } else {
                    Ok(id)
                };
            }
            if team.replaced.contains(token) {
                return Err("token_expired");
            }
            if team.revoked.contains(token) {
                return Err("token_revoked");
            }
        }
        Err("invalid_auth")
    }
}

impl Team {
    /// Gives the app a new token, which ends then.
    pub(super) fn install(&mut self, id: &str, ends: Option<Timestamp>) -> String {
        self.n_installed += 1;
        let n = self.n_installed.to_string();
        let token = format!("xoxb-{}", ids::secret(id, &n));
        self.rotation = ends.map(|ends| {
            (
                ends,
                format!("xoxe-{}", ids::secret(id, &format!("{n} again"))),
            )
        });
        if let Some(old) = self.token.replace(token.clone()) {
            self.replaced.insert(old);
        }
        token
    }

    /// Takes the app's token away.
    pub(super) fn uninstall(&mut self) -> bool {
        let Some(token) = self.token.take() else {
            return false;
        };
        self.revoked.insert(token);
        true
    }

    /// Whether this is a place where the bot may speak; else Slack's name of why not.
    pub(super) fn speak(&self, channel: &str) -> Result<(), &'static str> {
        if self.directs.values().any(|direct| direct == channel) {
            return Ok(());
        }
        let room = self.channels.get(channel).ok_or("channel_not_found")?;
        if room.is_archived {
            return Err("is_archived");
        }
        if room.has_bot {
            Ok(())
        } else {
            Err("not_in_channel")
        }
    }

    /// The direct conversation with a user; opens it if there is none.
    pub(super) fn direct(&mut self, user: &str) -> (String, bool) {
        if let Some(direct) = self.directs.get(user) {
            return (direct.clone(), true);
        }
        let direct = ids::slack_id('D', user);
        self.directs.insert(user.to_owned(), direct.clone());
        (direct, false)
    }
}
