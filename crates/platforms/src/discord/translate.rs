//! What the gateway says, in our words. Reads only the fields it needs, so that a field that Discord
//! adds or leaves out elsewhere does not make us deaf. Sources: Discord «Gateway Events», «Audit Log»,
//! «Permissions».
//!
//! Pure but for what it remembers of guilds. Must never make two ids for one event, or keep a text.

mod wire;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kernel::{
    Account, ChatEvent, EventKind, Heard, Interaction, InteractionKind, Origin, Platform, Role,
    ScheduleChange, ScheduleNotice, Secret, Source, Timestamp,
    event::{Message, Moderation, ModerationAction},
};
use serde::de::DeserializeOwned;

use super::{
    commands::OptionOrder,
    id::{created_at, time},
    recent::Recent,
};

/// Names of people remembered, for events that bring only an id.
const NAMES_MAX: usize = 20_000;
/// Whoever may do one of these is a moderator: kick, ban, administrate, manage the guild, manage
/// messages, moderate members. Discord «Permissions».
const MODERATES: u64 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 13 | 1 << 40;

/// Why something was not used. Each is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignored {
    /// Not JSON, or not a payload.
    NotJson,
    /// A known event that lacks what it must have.
    Malformed,
    /// An event nobody told us of.
    UnknownType,
    /// A message that only we and one person see.
    Direct,
    /// A kind of message or interaction that says nothing to us.
    OtherKind,
    /// Our own reaction.
    Own,
}

impl Ignored {
    /// Its label in the metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Malformed => "malformed",
            Self::UnknownType => "unknown_type",
            Self::Direct => "direct",
            Self::OtherKind => "other_kind",
            Self::Own => "own",
        }
    }
}

/// What a payload was.
#[expect(clippy::large_enum_variant, reason = "lives for a moment")]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Something to hear.
    Heard(Heard),
    /// A new session began.
    Ready,
    /// An old session goes on.
    Resumed,
    /// Nothing to hear.
    Nothing,
}

/// What is known of a guild.
#[derive(Debug, Default)]
struct Guild {
    owner: String,
    moderating: HashSet<String>,
    channels: HashMap<String, String>,
}

/// Turns payloads of one shard into our words.
#[derive(Debug)]
pub(super) struct Translator {
    me: String,
    guilds: HashMap<String, Guild>,
    names: Recent<String, Account>,
    option_order: Arc<OptionOrder>,
}

fn data<T: DeserializeOwned>(text: &str) -> Result<T, Ignored> {
    match serde_json::from_str::<wire::Payload<T>>(text) {
        Ok(payload) => Ok(payload.d),
        Err(_) => Err(Ignored::Malformed),
    }
}

impl Translator {
    /// Knows nobody but ourselves.
    pub(super) fn new(me: impl Into<String>, option_order: Arc<OptionOrder>) -> Self {
        Self {
            option_order,
            me: me.into(),
            guilds: HashMap::new(),
            names: Recent::new(NAMES_MAX),
        }
    }

    /// Takes one payload of the gateway.
    pub(super) fn take(&mut self, text: &str, now: Timestamp) -> Result<Taken, Ignored> {
        let head: wire::Head = serde_json::from_str(text).or(Err(Ignored::NotJson))?;
        if head.op != 0 {
            return Ok(Taken::Nothing);
        }
        let kind = head.t.unwrap_or_default();
        match kind.as_str() {
            "READY" => {
                let ready: wire::Ready = data(text)?;
                self.me = ready.user.id;
                return Ok(Taken::Ready);
            }
            "RESUMED" => return Ok(Taken::Resumed),
            "MESSAGE_CREATE" => return self.message(data(text)?).map(Taken::Heard),
            "GUILD_MEMBER_ADD" => return self.join(&data(text)?).map(Taken::Heard),
            "MESSAGE_REACTION_ADD" => return self.reaction(data(text)?, now).map(Taken::Heard),
            "GUILD_AUDIT_LOG_ENTRY_CREATE" => {
                return Ok(self
                    .audit(data(text)?)?
                    .map_or(Taken::Nothing, Taken::Heard));
            }
            "INTERACTION_CREATE" => return self.interaction(data(text)?).map(Taken::Heard),
            "GUILD_SCHEDULED_EVENT_CREATE" | "GUILD_SCHEDULED_EVENT_UPDATE" => {
                return planned(data(text)?, ScheduleChange::Changed);
            }
            "GUILD_SCHEDULED_EVENT_DELETE" => return planned(data(text)?, ScheduleChange::Deleted),
            "GUILD_SCHEDULED_EVENT_USER_ADD" => return interest(data(text)?, true),
            "GUILD_SCHEDULED_EVENT_USER_REMOVE" => return interest(data(text)?, false),
            "GUILD_CREATE" => self.guild(data(text)?),
            "GUILD_UPDATE" => self.owner(data(text)?),
            "GUILD_DELETE" => {
                let gone: wire::Guild = data(text)?;
                // An outage is not a goodbye.
                if gone.unavailable != Some(true) {
                    self.guilds.remove(&gone.id);
                }
            }
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                self.channel(data(text)?, true);
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => self.channel(data(text)?, false),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => self.role(data(text)?),
            "GUILD_ROLE_DELETE" => {
                let gone: wire::RoleGone = data(text)?;
                if let Some(guild) = self.guilds.get_mut(&gone.guild_id) {
                    guild.moderating.remove(&gone.role_id);
                }
            }
            // Whoever is named here may be named by id only in the audit log.
            "GUILD_BAN_ADD" | "GUILD_MEMBER_REMOVE" | "GUILD_MEMBER_UPDATE" => {
                let named: wire::Named = data(text)?;
                self.remember(&named.user);
            }
            known if wire::UNUSED.contains(&known) => {}
            _ => return Err(Ignored::UnknownType),
        }
        Ok(Taken::Nothing)
    }

    fn guild(&mut self, guild: wire::Guild) {
        if guild.unavailable == Some(true) {
            return;
        }
        let mut known = Guild {
            owner: guild.owner_id,
            ..Guild::default()
        };
        for role in guild.roles {
            if moderates(&role.permissions) {
                known.moderating.insert(role.id);
            }
        }
        for channel in guild.channels.into_iter().chain(guild.threads) {
            known
                .channels
                .insert(channel.id, channel.name.unwrap_or_default());
        }
        self.guilds.insert(guild.id, known);
    }

    fn owner(&mut self, guild: wire::Guild) {
        let known = self.guilds.entry(guild.id).or_default();
        if !guild.owner_id.is_empty() {
            known.owner = guild.owner_id;
        }
    }

    fn channel(&mut self, channel: wire::Channel, is_there: bool) {
        let Some(guild) = channel
            .guild_id
            .and_then(|guild| self.guilds.get_mut(&guild))
        else {
            return;
        };
        if is_there {
            guild
                .channels
                .insert(channel.id, channel.name.unwrap_or_default());
        } else {
            guild.channels.remove(&channel.id);
        }
    }

    fn role(&mut self, changed: wire::RoleChanged) {
        let Some(guild) = self.guilds.get_mut(&changed.guild_id) else {
            return;
        };
        if moderates(&changed.role.permissions) {
            guild.moderating.insert(changed.role.id);
        } else {
            guild.moderating.remove(&changed.role.id);
        }
    }

    /// The channels of a guild, as far as known.
    fn origin(&self, guild: &str, channel: &str) -> Origin {
        let name = self
            .guilds
            .get(guild)
            .and_then(|guild| guild.channels.get(channel));
        Origin {
            server: guild.to_owned(),
            channel: channel.to_owned(),
            channel_name: name.cloned().unwrap_or_default(),
        }
    }

    fn remember(&self, user: &wire::User) -> Account {
        let account = Account {
            platform_user_id: user.id.clone(),
            username: user
                .global_name
                .clone()
                .unwrap_or_else(|| user.username.clone()),
            created_at: created_at(&user.id),
            is_bot: user.bot,
            standing: None,
        };
        self.names.put(user.id.clone(), account.clone());
        account
    }

    fn account(&self, guild: &str, user: &wire::User, member: Option<&wire::Member>) -> Account {
        let mut account = self.remember(user);
        account.standing = member.and_then(|member| self.standing(guild, &user.id, member));
        account
    }

    /// What somebody is in a guild; `None` if it is not known.
    fn standing(&self, guild: &str, user: &str, member: &wire::Member) -> Option<Role> {
        let known = self.guilds.get(guild);
        let by_role = |known: &Guild| {
            known.owner == user
                || known.moderating.contains(guild)
                || member
                    .roles
                    .iter()
                    .any(|role| known.moderating.contains(role))
        };
        let is_moderator = match &member.permissions {
            Some(permissions) => {
                moderates(permissions) || known.is_some_and(|known| known.owner == user)
            }
            None => by_role(known?),
        };
        Some(if is_moderator {
            Role::Moderator
        } else if member.premium_since.is_some() {
            Role::Vip
        } else {
            Role::Member
        })
    }

    /// A message of the gateway, or one that was fetched and given its guild.
    pub(super) fn message(&self, message: wire::Message) -> Result<Heard, Ignored> {
        let Some(guild) = message.guild_id else {
            return Err(Ignored::Direct);
        };
        // A message, or one that answers another; the others are the platform's own.
        if !matches!(message.kind, 0 | 19) {
            return Err(Ignored::OtherKind);
        }
        let mut account = self.account(&guild, &message.author, message.member.as_ref());
        // What we said ourselves belongs to the conversation; it is a bot's, and no bot is obeyed.
        account.is_bot |= message.webhook_id.is_some() || message.author.id == self.me;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let embeds = message.embeds.len() + message.attachments.len() + message.sticker_items.len();
        // A card alone has its words in it, and no content.
        let text = if message.content.is_empty() {
            message.embeds.first().map(words).unwrap_or_default()
        } else {
            message.content
        };
        let said = Message {
            is_ours: message.author.id == self.me,
            text,
            n_mentions: count(message.mentions.len()),
            n_embeds: count(embeds),
            reply_to: message
                .reference
                .filter(|_| message.kind == 19)
                .and_then(|reference| reference.message_id),
        };
        Ok(Heard::Event(ChatEvent {
            platform: Platform::Discord,
            sent_at: created_at(&message.id).ok_or(Ignored::Malformed)?,
            event_id: message.id,
            origin: self.origin(&guild, &message.channel_id),
            account,
            source: Source::Live,
            kind: EventKind::Message(said),
        }))
    }

    fn join(&self, joined: &wire::Joined) -> Result<Heard, Ignored> {
        let at = joined
            .member
            .joined_at
            .as_deref()
            .and_then(time)
            .ok_or(Ignored::Malformed)?;
        let user = joined.member.user.as_ref().ok_or(Ignored::Malformed)?;
        Ok(Heard::Event(ChatEvent {
            platform: Platform::Discord,
            event_id: format!("join:{}:{}:{}", joined.guild_id, user.id, at.0),
            origin: self.origin(&joined.guild_id, ""),
            account: self.account(&joined.guild_id, user, Some(&joined.member)),
            sent_at: at,
            source: Source::Live,
            kind: EventKind::Join,
        }))
    }

    fn reaction(&self, reaction: wire::Reaction, now: Timestamp) -> Result<Heard, Ignored> {
        let Some(guild) = reaction.guild_id else {
            return Err(Ignored::Direct);
        };
        if reaction.user_id == self.me {
            return Err(Ignored::Own);
        }
        let name = reaction.emoji.name.unwrap_or_default();
        let emoji = match reaction.emoji.id {
            Some(id) => format!("{name}:{id}"),
            None => name,
        };
        let member = reaction.member.as_ref();
        let account = match member.and_then(|member| member.user.as_ref()) {
            Some(user) => self.account(&guild, user, member),
            None => self.named(&reaction.user_id),
        };
        Ok(Heard::Event(ChatEvent {
            platform: Platform::Discord,
            event_id: format!(
                "reaction:{}:{}:{emoji}",
                reaction.message_id, reaction.user_id
            ),
            origin: self.origin(&guild, &reaction.channel_id),
            account,
            // Discord does not say when.
            sent_at: now,
            source: Source::Live,
            kind: EventKind::Reaction {
                emoji,
                message_id: reaction.message_id,
            },
        }))
    }

    /// An account of which only the id is told.
    fn named(&self, id: &str) -> Account {
        self.names.get(&id.to_owned()).unwrap_or_else(|| Account {
            platform_user_id: id.to_owned(),
            username: id.to_owned(),
            created_at: created_at(id),
            is_bot: false,
            standing: None,
        })
    }

    fn audit(&self, entry: wire::AuditEntry) -> Result<Option<Heard>, Ignored> {
        let at = created_at(&entry.id).ok_or(Ignored::Malformed)?;
        let until = entry
            .changes
            .iter()
            .find(|change| change.key == "communication_disabled_until");
        let until = until
            .and_then(|change| change.new_value.as_ref()?.as_str())
            .and_then(time);
        let (action, duration_secs) = match (entry.action_type, until) {
            (20, _) => (ModerationAction::Kick, None),
            (22, _) => (ModerationAction::Ban, None),
            (24, Some(until)) if until > at => {
                // Set for so long; the entry is written a moment later.
                let secs = until.since(at).as_millis().div_ceil(1_000);
                (ModerationAction::Timeout, u64::try_from(secs).ok())
            }
            _ => return Ok(None),
        };
        let Some(target) = entry.target_id else {
            return Err(Ignored::Malformed);
        };
        let Some(guild) = entry.guild_id else {
            return Err(Ignored::Malformed);
        };
        Ok(Some(Heard::Event(ChatEvent {
            platform: Platform::Discord,
            event_id: format!("audit:{}", entry.id),
            origin: self.origin(&guild, ""),
            account: self.named(&target),
            sent_at: at,
            source: Source::Live,
            kind: EventKind::Moderation(Moderation {
                action,
                moderator: entry.user_id,
                reason: entry.reason.unwrap_or_default(),
                duration_secs,
            }),
        })))
    }

    /// A slash command or a press, from the gateway or over HTTP.
    pub(super) fn interaction(&self, asked: wire::Interaction) -> Result<Heard, Ignored> {
        let member = asked.member.as_ref();
        let user = member
            .and_then(|member| member.user.as_ref())
            .or(asked.user.as_ref());
        let user = user.ok_or(Ignored::Malformed)?;
        let guild = asked.guild_id.clone().unwrap_or_default();
        let channel = asked.channel_id.clone();
        let channel = channel.or_else(|| asked.channel.as_ref().map(|channel| channel.id.clone()));
        let mut origin = self.origin(&guild, &channel.unwrap_or_default());
        if origin.channel_name.is_empty()
            && let Some(name) = asked
                .channel
                .as_ref()
                .and_then(|channel| channel.name.clone())
        {
            origin.channel_name = name;
        }
        let mut data = asked.data.unwrap_or_default();
        if let Some(name) = &data.name {
            self.option_order.sort(name, &mut data.options);
        }
        let kind = match asked.kind {
            2 => InteractionKind::Command {
                name: data.name.unwrap_or_default().to_lowercase(),
                arguments: wire::arguments(&data.options),
            },
            3 => InteractionKind::Press {
                id: data.custom_id.unwrap_or_default(),
                message_id: asked.message.map(|message| message.id).unwrap_or_default(),
            },
            _ => return Err(Ignored::OtherKind),
        };
        Ok(Heard::Interaction(Interaction {
            platform: Platform::Discord,
            at: created_at(&asked.id).ok_or(Ignored::Malformed)?,
            id: asked.id,
            token: Secret::new(asked.token),
            origin,
            account: self.account(&guild, user, member),
            kind,
        }))
    }
}

fn moderates(permissions: &str) -> bool {
    permissions
        .parse::<u64>()
        .is_ok_and(|all| all & MODERATES != 0)
}

fn notice(server: String, event_id: String, change: ScheduleChange) -> Result<Taken, Ignored> {
    if server.is_empty() || event_id.is_empty() {
        return Err(Ignored::Malformed);
    }
    Ok(Taken::Heard(Heard::Schedule(ScheduleNotice {
        platform: Platform::Discord,
        server,
        event_id,
        change,
    })))
}

fn planned(event: wire::Planned, change: ScheduleChange) -> Result<Taken, Ignored> {
    notice(event.guild_id, event.id, change)
}

fn interest(interest: wire::Interest, comes: bool) -> Result<Taken, Ignored> {
    let user = interest.user;
    let change = if comes {
        ScheduleChange::Interested { user }
    } else {
        ScheduleChange::NotInterested { user }
    };
    notice(interest.guild, interest.event, change)
}

pub(super) use wire::{Given, Interaction as AskedOnTheWire, Message as SaidOnTheWire};

/// What a card says.
fn words(embed: &wire::Embed) -> String {
    let parts = [embed.title.as_deref(), embed.description.as_deref()];
    let said: Vec<&str> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    said.join("\n")
}

#[cfg(test)]
mod tests;
