//! What people do when they are told to: talk, join, react, be moderated, press, command, come along.
//! Must never do anything a person could not do in the real one.

use std::time::Duration;

use kernel::Timestamp;
use serde_json::{Value, json};

use super::{
    ChannelSpec, Discord, GuildSpec, Sent, id,
    state::{Channel, Member, Role, State, intent},
    view,
};

/// A member, to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberNow {
    /// Roles besides `@everyone`.
    pub roles: Vec<u64>,
    /// Until when silenced.
    pub silenced_until: Option<Timestamp>,
}

/// What a moderator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    Ban,
    Kick,
    Silence(Timestamp),
}

impl Discord {
    /// Adds a guild; one that is there is left alone.
    pub fn add_guild(&self, guild: &GuildSpec) {
        let now = self.shared.now();
        self.shared.state().add_guild(guild, now);
    }

    /// Adds a text channel.
    pub fn add_channel(&self, guild: u64, channel: &ChannelSpec) {
        let mut state = self.shared.state();
        let Some(found) = state.guilds.get_mut(&guild) else {
            return;
        };
        found.channels.push(channel.id);
        state.channels.insert(
            channel.id,
            Channel {
                id: channel.id,
                guild: Some(guild),
                name: channel.name.clone(),
                kind: 0,
                person: None,
                messages: std::collections::VecDeque::new(),
            },
        );
        if let Some(view) = state.channel_view(channel.id) {
            state.dispatch("CHANNEL_CREATE", Some(guild), intent::GUILDS, &view);
        }
    }

    /// Names a user.
    pub fn name_user(&self, user: u64, name: &str) {
        let mut state = self.shared.state();
        name.clone_into(&mut state.user(user).name);
    }

    /// Says that a user is a bot.
    pub fn is_bot(&self, user: u64) {
        self.shared.state().user(user).is_bot = true;
    }

    /// Whether a user takes direct messages.
    pub fn takes_messages(&self, user: u64, takes: bool) {
        self.shared.state().user(user).takes_messages = takes;
    }

    /// Adds a role with these permissions.
    pub fn add_role(&self, guild: u64, role: u64, name: &str, permissions: u64) {
        let mut state = self.shared.state();
        let made = Role {
            id: role,
            name: name.to_owned(),
            permissions,
        };
        let view = view::role(&made, 1);
        if let Some(found) = state.guilds.get_mut(&guild) {
            found.roles.insert(role, made);
        }
        let data = json!({ "guild_id": guild.to_string(), "role": view });
        state.dispatch("GUILD_ROLE_CREATE", Some(guild), intent::GUILDS, &data);
    }

    /// Gives somebody a role, as an admin would by hand.
    pub fn give_role(&self, guild: u64, user: u64, role: u64) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.settle(guild, user, now);
        if let Some(member) = state.member_mut(guild, user) {
            member.roles.insert(role);
        }
        state.tell_member(guild, user);
    }

    /// Says something as somebody; answers the message's id. Whoever is not there yet is from now on,
    /// without a word.
    pub fn say(&self, guild: u64, channel: u64, user: u64, text: &str) -> u64 {
        self.say_in(Some(guild), channel, user, text, None)
    }

    /// Answers a message as somebody.
    pub fn reply(&self, guild: u64, channel: u64, user: u64, text: &str, to: u64) -> u64 {
        self.say_in(Some(guild), channel, user, text, Some(to))
    }

    /// Says something to the bot directly.
    pub fn whisper(&self, user: u64, text: &str) -> u64 {
        let now = self.shared.now();
        let channel = {
            let mut state = self.shared.state();
            state.user(user);
            state.direct_with(user, now)
        };
        self.say_in(None, channel, user, text, None)
    }

    fn say_in(
        &self,
        guild: Option<u64>,
        channel: u64,
        user: u64,
        text: &str,
        to: Option<u64>,
    ) -> u64 {
        let now = self.shared.now();
        let mut state = self.shared.state();
        if let Some(guild) = guild {
            state.settle(guild, user, now);
        }
        let id = state.next_id(now);
        state.post(Sent {
            id,
            channel,
            author: user,
            is_ours: false,
            content: text.to_owned(),
            embeds: json!([]),
            components: json!([]),
            reply_to: to,
            nonce: None,
            allowed_mentions: Value::Null,
            flags: 0,
            edited_at: None,
            n_edits: 0,
            is_deleted: false,
        });
        id
    }

    /// Joins a guild as somebody.
    pub fn join(&self, guild: u64, user: u64) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.user(user);
        let member = Member {
            joined_at: now,
            ..Member::default()
        };
        let mut data = view::member(&member, Some(state.user_view(user)));
        if let Some(found) = state.guilds.get_mut(&guild) {
            found.members.insert(user, member);
        }
        if let Some(map) = data.as_object_mut() {
            map.insert("guild_id".to_owned(), json!(guild.to_string()));
        }
        state.dispatch("GUILD_MEMBER_ADD", Some(guild), intent::MEMBERS, &data);
    }

    /// Reacts to a message as somebody.
    pub fn react(&self, guild: u64, channel: u64, message: u64, user: u64, emoji: &str) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.settle(guild, user, now);
        let who = state.user_view(user);
        let member = state
            .guilds
            .get(&guild)
            .and_then(|guild| guild.members.get(&user))
            .map(|member| view::member(member, Some(who)));
        let author = state
            .message(channel, message)
            .map(|sent| sent.author.to_string());
        let data = json!({
            "user_id": user.to_string(),
            "channel_id": channel.to_string(),
            "message_id": message.to_string(),
            "message_author_id": author,
            "guild_id": guild.to_string(),
            "member": member,
            "emoji": { "id": null, "name": emoji },
            "burst": false,
            "type": 0,
        });
        state.dispatch(
            "MESSAGE_REACTION_ADD",
            Some(guild),
            intent::REACTIONS,
            &data,
        );
    }

    /// Bans somebody as a moderator.
    pub fn ban(&self, guild: u64, user: u64, moderator: u64, reason: &str) {
        self.measure(guild, user, moderator, reason, Measure::Ban);
    }

    /// Removes somebody as a moderator.
    pub fn kick(&self, guild: u64, user: u64, moderator: u64, reason: &str) {
        self.measure(guild, user, moderator, reason, Measure::Kick);
    }

    /// Silences somebody as a moderator.
    pub fn timeout(&self, guild: u64, user: u64, moderator: u64, lasts: Duration, reason: &str) {
        let until = self.shared.now().plus(lasts);
        self.measure(guild, user, moderator, reason, Measure::Silence(until));
    }

    fn measure(&self, guild: u64, user: u64, moderator: u64, reason: &str, measure: Measure) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.settle(guild, user, now);
        state.measure(guild, user, moderator, reason, measure, now);
    }

    /// Says that somebody comes to a scheduled event.
    pub fn rsvp(&self, guild: u64, event: u64, user: u64) {
        self.interest(guild, event, user, true);
    }

    /// Says that somebody comes to a scheduled event no more.
    pub fn unrsvp(&self, guild: u64, event: u64, user: u64) {
        self.interest(guild, event, user, false);
    }

    fn interest(&self, guild: u64, event: u64, user: u64, comes: bool) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.settle(guild, user, now);
        let planned = state
            .guilds
            .get_mut(&guild)
            .and_then(|guild| guild.events.get_mut(&event));
        let Some(planned) = planned else { return };
        let name = if comes {
            planned.interested.insert(user);
            "GUILD_SCHEDULED_EVENT_USER_ADD"
        } else {
            planned.interested.remove(&user);
            "GUILD_SCHEDULED_EVENT_USER_REMOVE"
        };
        let data = json!({
            "guild_scheduled_event_id": event.to_string(),
            "user_id": user.to_string(),
            "guild_id": guild.to_string(),
        });
        state.dispatch(name, Some(guild), intent::SCHEDULED, &data);
    }

    /// The bot's messages in a channel, oldest first, deleted ones among them.
    pub fn sent(&self, channel: u64) -> Vec<Sent> {
        let mut all = self.messages(channel);
        all.retain(|sent| sent.is_ours);
        all
    }

    /// Every message in a channel, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Sent> {
        let state = self.shared.look();
        let found = state.channels.get(&channel);
        found.map_or_else(Vec::new, |channel| {
            channel.messages.iter().cloned().collect()
        })
    }

    /// The bot's direct messages to somebody.
    pub fn sent_to(&self, user: u64) -> Vec<Sent> {
        let channel = self.shared.look().direct.get(&user).copied();
        channel.map_or_else(Vec::new, |channel| self.sent(channel))
    }

    /// A member, if somebody is one.
    pub fn member(&self, guild: u64, user: u64) -> Option<MemberNow> {
        let state = self.shared.look();
        let member = state.guilds.get(&guild)?.members.get(&user)?;
        Some(MemberNow {
            roles: member.roles.iter().copied().collect(),
            silenced_until: member.silenced_until,
        })
    }

    /// Whether somebody is banned.
    pub fn is_banned(&self, guild: u64, user: u64) -> bool {
        let state = self.shared.look();
        state
            .guilds
            .get(&guild)
            .is_some_and(|guild| guild.bans.contains_key(&user))
    }

    /// Whether the bot is in a guild.
    pub fn is_installed(&self, guild: u64) -> bool {
        let state = self.shared.look();
        state
            .guilds
            .get(&guild)
            .is_some_and(|guild| guild.is_installed)
    }

    /// The scheduled events of a guild, as Discord writes them.
    pub fn events(&self, guild: u64) -> Vec<Value> {
        let state = self.shared.look();
        let found = state.guilds.get(&guild);
        found.map_or_else(Vec::new, |guild| {
            guild
                .events
                .values()
                .map(|event| event.body.clone())
                .collect()
        })
    }

    /// The slash commands that were registered: for everywhere (`None`) or one guild.
    pub fn commands(&self, guild: Option<u64>) -> Vec<Value> {
        let state = self.shared.look();
        let key = guild.map_or_else(String::new, |guild| guild.to_string());
        state.commands.get(&key).cloned().unwrap_or_default()
    }
}

impl State {
    /// Makes somebody a member without a word, if they are not.
    pub(super) fn settle(&mut self, guild: u64, user: u64, now: Timestamp) {
        self.user(user);
        if let Some(found) = self.guilds.get_mut(&guild) {
            found.members.entry(user).or_insert_with(|| Member {
                joined_at: now,
                ..Member::default()
            });
        }
    }

    /// A member, to change.
    pub(super) fn member_mut(&mut self, guild: u64, user: u64) -> Option<&mut Member> {
        self.guilds.get_mut(&guild)?.members.get_mut(&user)
    }

    /// Tells the sessions how a member is now.
    pub(super) fn tell_member(&mut self, guild: u64, user: u64) {
        let who = self.user_view(user);
        let found = self
            .guilds
            .get(&guild)
            .and_then(|guild| guild.members.get(&user));
        let Some(member) = found else { return };
        let mut data = view::member(member, Some(who));
        if let Some(map) = data.as_object_mut() {
            map.insert("guild_id".to_owned(), json!(guild.to_string()));
        }
        self.dispatch("GUILD_MEMBER_UPDATE", Some(guild), intent::MEMBERS, &data);
    }

    /// Carries out what a moderator does, and writes it into the audit log.
    pub(super) fn measure(
        &mut self,
        guild: u64,
        user: u64,
        moderator: u64,
        reason: &str,
        measure: Measure,
        now: Timestamp,
    ) {
        let who = self.user_view(user);
        let pair = json!({ "guild_id": guild.to_string(), "user": who });
        let Some(found) = self.guilds.get_mut(&guild) else {
            return;
        };
        let (action, changes) = match measure {
            Measure::Ban => {
                found.members.remove(&user);
                found.bans.insert(user, reason.to_owned());
                self.dispatch("GUILD_BAN_ADD", Some(guild), intent::MODERATION, &pair);
                self.dispatch("GUILD_MEMBER_REMOVE", Some(guild), intent::MEMBERS, &pair);
                (22, json!([]))
            }
            Measure::Kick => {
                found.members.remove(&user);
                self.dispatch("GUILD_MEMBER_REMOVE", Some(guild), intent::MEMBERS, &pair);
                (20, json!([]))
            }
            Measure::Silence(until) => {
                if let Some(member) = found.members.get_mut(&user) {
                    member.silenced_until = Some(until);
                }
                self.tell_member(guild, user);
                let until = id::iso(until);
                (
                    24,
                    json!([{ "key": "communication_disabled_until", "new_value": until }]),
                )
            }
        };
        let id = self.next_id(now);
        let mut entry = json!({
            "id": id.to_string(),
            "guild_id": guild.to_string(),
            "action_type": action,
            "user_id": moderator.to_string(),
            "target_id": user.to_string(),
            "changes": changes,
        });
        if let (false, Some(map)) = (reason.is_empty(), entry.as_object_mut()) {
            map.insert("reason".to_owned(), json!(reason));
        }
        self.dispatch(
            "GUILD_AUDIT_LOG_ENTRY_CREATE",
            Some(guild),
            intent::MODERATION,
            &entry,
        );
    }
}
