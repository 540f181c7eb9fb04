//! From something heard to a reply on its way: who asks, which command, whether they may, and what
//! it says. Hears without waiting; a bounded number of workers run what was heard.
//!
//! Must never answer a bot or ourselves, nor let who hears chat wait.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use app::App;
use community::Named;
use identity::SeenAccount;
use kernel::{
    Account, Act, Actor, Address, ChatEvent, CommandSpec, CommunityId, Draft, EventKind,
    Interaction, InteractionKind, Medium, Mentions, Order, Origin, Platform, Role, Secret, Source,
};
use tokio::sync::{Mutex, mpsc, watch};

use crate::{
    call::{Call, Problem},
    cooldown::{Cooldowns, Wait},
    custom, parse,
    rate::Rates,
    registry,
    reply::Reply,
    words,
};

/// How long a reply is worth sending.
const REPLY_USEFUL: Duration = Duration::from_secs(60);
/// How long a command may take.
const COMMAND_MAX: Duration = Duration::from_secs(20);
/// What is said when the fault is ours.
const FAULT: &str = "that did not work: please try again later";
/// The one slash command under which a platform that has no more puts all of them.
const UMBRELLA: &str = "waddlebot";

/// Bounds of the face.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What stands before a command's name. Default `!`.
    pub prefix: String,
    /// How many commands may wait; more are dropped and counted. Default 1,000.
    pub queue_max: usize,
    /// How many commands run at a time. Default 8.
    pub workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "!".to_owned(),
            queue_max: 1_000,
            workers: 8,
        }
    }
}

/// The commands of chat: hears, runs, replies.
pub struct Commands {
    app: Arc<App>,
    prefix: String,
    queue: mpsc::Sender<Asked>,
    /// How many commands wait or run.
    open: watch::Sender<usize>,
    ours: RwLock<HashSet<(Platform, String)>>,
    cooldowns: Cooldowns,
    rates: Rates,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands")
            .field("prefix", &self.prefix)
            .field("n_open", &*self.open.borrow())
            .finish_non_exhaustive()
    }
}

/// Something to run.
struct Asked {
    community: CommunityId,
    platform: Platform,
    /// The platform's id of the message or interaction.
    id: String,
    origin: Origin,
    account: Account,
    what: What,
    /// What an answer must bring along, if this was an interaction.
    token: Option<Secret<String>>,
}

enum What {
    Command {
        name: String,
        line: String,
    },
    /// `module:action`
    Press {
        id: String,
    },
}

/// What is to be said; `None` = nothing.
type Said = Result<Option<Reply>, Problem>;

impl Commands {
    /// The face over the services. Must be called within a tokio runtime: it starts the workers,
    /// which end when the app stops.
    pub fn new(app: Arc<App>, settings: Settings) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(settings.queue_max.max(1));
        let face = Arc::new(Self {
            app,
            prefix: settings.prefix,
            queue,
            open: watch::Sender::new(0),
            ours: RwLock::default(),
            cooldowns: Cooldowns::default(),
            rates: Rates::default(),
        });
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..settings.workers.max(1) {
            tokio::spawn(work(Arc::clone(&face), Arc::clone(&waiting)));
        }
        face
    }

    /// The program's commands, for those who register slash commands.
    pub fn specs(&self) -> Vec<CommandSpec> {
        registry::specs().collect()
    }

    /// Makes an account known as one of ours: what it says is no command.
    pub fn is_ours(&self, platform: Platform, platform_user_id: &str) {
        self.ours
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((platform, platform_user_id.to_owned()));
    }

    /// Hears an event that was recorded just now for the first time. Never waits: a command that
    /// finds the queue full is dropped and counted.
    pub fn heard(&self, community: CommunityId, event: &ChatEvent) {
        let EventKind::Message(message) = &event.kind else {
            return;
        };
        if message.is_ours || event.source != Source::Live || Medium::of(event.platform).is_none() {
            return;
        }
        let Some(typed) = parse::command(&self.prefix, &message.text) else {
            return;
        };
        if self.is_no_person(event.platform, &event.account) {
            return;
        }
        let asked = Asked {
            community,
            platform: event.platform,
            id: event.event_id.clone(),
            origin: event.origin.clone(),
            account: event.account.clone(),
            what: What::Command {
                name: typed.name,
                line: typed.line,
            },
            token: None,
        };
        self.open.send_modify(|n| *n += 1);
        if self.queue.try_send(asked).is_err() {
            self.close();
            count("dropped");
        }
    }

    /// Takes a slash command or a pressed button; waits only while the queue is full.
    pub async fn asked(&self, community: CommunityId, interaction: Interaction) {
        if self.is_no_person(interaction.platform, &interaction.account) {
            return;
        }
        let what = match interaction.kind {
            InteractionKind::Press { id, .. } => What::Press { id },
            InteractionKind::Command { name, arguments } => self.picked(&name, &arguments),
        };
        let asked = Asked {
            community,
            platform: interaction.platform,
            id: interaction.id,
            origin: interaction.origin,
            account: interaction.account,
            what,
            token: Some(interaction.token),
        };
        self.open.send_modify(|n| *n += 1);
        if self.queue.send(asked).await.is_err() {
            self.close();
        }
    }

    /// Waits until no command waits or runs.
    pub async fn settled(&self) {
        // An error means that the sender is gone, and it is ours.
        let _ = self.open.subscribe().wait_for(|n| *n == 0).await;
    }

    /// `/ping`, `/waddlebot ping`, `/waddlebot` alone.
    fn picked(&self, name: &str, arguments: &str) -> What {
        let (name, line) = if name.is_empty() || name == UMBRELLA {
            match parse::first_word(arguments) {
                ("", _) => ("help", ""),
                (word, rest) => (
                    word.strip_prefix(self.prefix.as_str()).unwrap_or(word),
                    rest,
                ),
            }
        } else {
            (name, arguments)
        };
        What::Command {
            name: name.to_ascii_lowercase(),
            line: parse::rest_of_line(line),
        }
    }

    fn is_no_person(&self, platform: Platform, account: &Account) -> bool {
        let ours = self.ours.read().unwrap_or_else(PoisonError::into_inner);
        account.is_bot || ours.contains(&(platform, account.platform_user_id.clone()))
    }

    fn close(&self) {
        self.open.send_modify(|n| *n = n.saturating_sub(1));
    }

    /// Runs one and sends what it says on its way.
    async fn run(&self, asked: Asked) {
        let said = match tokio::time::timeout(COMMAND_MAX, self.answer(&asked)).await {
            Ok(said) => said,
            Err(_) => Err(Problem::Fault("the command took too long".into())),
        };
        let reply = match said {
            Ok(None) => {
                count("silent");
                return;
            }
            Ok(Some(reply)) => {
                count("answered");
                reply
            }
            Err(Problem::Say(text)) => {
                count("refused");
                Reply::line(text)
            }
            Err(Problem::Fault(error)) => {
                count("failed");
                tracing::error!(
                    community.id = %asked.community,
                    error = %chain(&*error),
                    "a chat command failed"
                );
                Reply::line(FAULT)
            }
        };
        self.reply(asked, reply).await;
    }

    async fn reply(&self, asked: Asked, reply: Reply) {
        let draft = reply.on(asked.platform);
        if draft.is_empty() {
            return;
        }
        let community = asked.community;
        // What is typed has cost its writer something already.
        let is_picked = asked.token.is_some() && matches!(asked.what, What::Command { .. });
        let picker = is_picked.then(|| seen(&asked));
        let Some(new) = delivery(asked, draft) else {
            return;
        };
        let new = new.not_after(self.app.clock.now().plus(REPLY_USEFUL));
        let who = Actor::System("commands");
        let posted = match picker {
            Some(picker) => self.app.answer_to(&who, &picker, new).await,
            None => self.app.deliveries.post(&who, new).await.map(|_id| ()),
        };
        if let Err(error) = posted {
            tracing::error!(
                community.id = %community,
                error = %chain(&error),
                "the reply to a chat command could not be queued"
            );
        }
    }

    async fn answer(&self, asked: &Asked) -> Said {
        let is_waiting = asked.token.is_some();
        let account = seen(asked);
        let actor = self.app.identity.actor_of_account(&account).await?;
        // The platform vouches for its own place only, and never for more than a moderator; whoever
        // speaks there and is not banned counts as a member.
        let vouched = asked.account.standing.unwrap_or(Role::Member);
        let vouched = vouched.clamp(Role::Member, Role::Moderator);
        let actor = actor.at_least(asked.community, vouched);
        let role = if actor.is_instance_admin() {
            Role::Owner
        } else {
            actor.role_in(asked.community).unwrap_or(Role::Banned)
        };
        if role == Role::Banned {
            return Ok(None);
        }
        if let Some(user) = actor.user_id()
            && !self.rates.take(user, self.app.clock.now())
        {
            return refused(is_waiting, || "too many commands: wait a minute".to_owned());
        }
        let (name, line) = match &asked.what {
            What::Command { name, line } => (name.as_str(), line.as_str()),
            What::Press { id } => (id.split_once(':').map_or("", |(module, _)| module), ""),
        };
        let found = self
            .app
            .commands
            .find_command(&actor, asked.community, name)
            .await?;
        let call = Call {
            app: Arc::clone(&self.app),
            actor,
            role,
            community: asked.community,
            platform: asked.platform,
            account,
            user: shown(&asked.account),
            channel: channel(&asked.origin),
            line: line.to_owned(),
            prefix: self.prefix.clone(),
        };
        let Some(named) = found else {
            return refused(is_waiting, || {
                format!("there is no command {}", call.typed(name))
            });
        };
        if !is_enabled(&named) {
            return refused(is_waiting, || {
                format!("{} is switched off here", call.typed(name))
            });
        }
        let needed = minimum_role(&named);
        if role < needed {
            return Problem::say(format!(
                "{} is for {}",
                call.typed(name),
                words::audience(needed)
            ));
        }
        if let Err(wait) = self
            .cooldowns
            .begin(call.app.clock.now(), waits(asked, &call, &named))
        {
            let secs = wait.as_millis().div_ceil(1_000);
            return refused(is_waiting, || {
                format!("{} must rest: try again in {secs} s", call.typed(name))
            });
        }
        match (&named, &asked.what) {
            (Named::BuiltIn(_), What::Press { id }) => press(&call, id).await.map(Some),
            (Named::BuiltIn(setting), What::Command { .. }) => {
                let row = registry::row(setting.spec.name);
                let Some(row) = row else { return Ok(None) };
                (row.run)(&call).await.map(Some)
            }
            (Named::Custom(command), What::Command { .. }) => {
                let said = custom::run(&call, command).await?;
                match said {
                    None => refused(is_waiting, || "(nothing to say)".to_owned()),
                    said => Ok(said),
                }
            }
            (Named::Custom(_), What::Press { .. }) => Ok(None),
        }
    }
}

/// One of the workers: runs what waits until the app stops. A command that panics ends alone.
async fn work(face: Arc<Commands>, waiting: Arc<Mutex<mpsc::Receiver<Asked>>>) {
    loop {
        let next = async { waiting.lock().await.recv().await };
        let asked = tokio::select! {
            biased;
            () = face.app.stop.cancelled() => return,
            asked = next => asked,
        };
        let Some(asked) = asked else { return };
        let run = {
            let face = Arc::clone(&face);
            tokio::spawn(async move { face.run(asked).await })
        };
        if run.await.is_err() {
            count("failed");
            tracing::error!("a chat command panicked");
        }
        face.close();
    }
}

/// What is silent in chat, where nobody waits for it, but said to who picked or pressed something.
fn refused(is_waiting: bool, why: impl FnOnce() -> String) -> Said {
    if is_waiting {
        return Problem::say(why());
    }
    Ok(None)
}

async fn press(call: &Call, id: &str) -> Result<Reply, Problem> {
    let known = id.split_once(':').and_then(|(module, action)| {
        let (_, press) = registry::PRESSES.iter().find(|(name, _)| *name == module)?;
        Some((press, action))
    });
    match known {
        Some((press, action)) => press(call, action).await,
        None => Problem::say("this button is from another version: ask again"),
    }
}

const fn is_enabled(named: &Named) -> bool {
    match named {
        Named::BuiltIn(setting) => setting.is_enabled,
        Named::Custom(command) => command.is_enabled,
    }
}

fn minimum_role(named: &Named) -> Role {
    match named {
        Named::BuiltIn(setting) => setting.minimum_role(),
        Named::Custom(command) => command.minimum_role,
    }
}

/// The waits that a use begins: moderators wait with the channel only.
fn waits(asked: &Asked, call: &Call, named: &Named) -> Vec<(Wait, u32)> {
    let (name, user_secs, channel_secs) = match named {
        Named::BuiltIn(setting) => (
            setting.spec.name.to_owned(),
            setting.cooldown_user_secs(),
            setting.cooldown_channel_secs(),
        ),
        Named::Custom(command) => (
            command.name.clone(),
            command.cooldown_user_secs,
            command.cooldown_channel_secs,
        ),
    };
    let channel = Wait::Channel(
        asked.community,
        name.clone(),
        asked.platform,
        asked.origin.channel.clone(),
    );
    let mut waits = vec![(channel, channel_secs)];
    if let Some(user) = call.actor.user_id().filter(|_| call.role < Role::Moderator) {
        waits.push((Wait::User(asked.community, name, user), user_secs));
    }
    waits
}

/// The account that asks.
fn seen(asked: &Asked) -> SeenAccount {
    SeenAccount {
        platform: asked.platform,
        platform_user_id: asked.account.platform_user_id.clone(),
        username: asked.account.username.clone(),
        is_bot: false,
        account_created_at: asked.account.created_at,
    }
}

/// The name of an account as people see it.
fn shown(account: &Account) -> String {
    if account.username.is_empty() {
        account.platform_user_id.clone()
    } else {
        account.username.clone()
    }
}

fn channel(origin: &Origin) -> String {
    if origin.channel_name.is_empty() {
        origin.channel.clone()
    } else {
        origin.channel_name.clone()
    }
}

/// The reply as a delivery: to the message, or as the answer to the interaction. It notifies nobody,
/// because it may say what somebody typed.
fn delivery(asked: Asked, draft: Draft) -> Option<delivery::NewDelivery> {
    let medium = Medium::of(asked.platform)?;
    let key = format!("reply:{}:{}", asked.platform, asked.id);
    let Origin {
        server, channel, ..
    } = asked.origin;
    let (address, reply_to) = match asked.token {
        Some(token) => {
            let address = Address::Answer {
                server,
                channel,
                interaction: asked.id,
                token: token.expose().clone(),
            };
            (address, None)
        }
        None => (Address::Channel { server, channel }, Some(asked.id)),
    };
    let order = Order {
        medium,
        address,
        act: Act::Post,
        draft,
        reply_to,
        mentions: Mentions::Nobody,
        nonce: String::new(),
    };
    Some(delivery::NewDelivery::new(
        asked.community,
        key,
        delivery::Priority::Interactive,
        order,
    ))
}

fn count(fate: &'static str) {
    metrics::counter!("waddlebot_commands_total", "fate" => fate).increment(1);
}

/// An error with its causes, for the log.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
