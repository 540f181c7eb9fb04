//! What is known, as Discord writes it. Sources: Discord «User», «Guild», «Channel», «Message»,
//! «Guild Scheduled Event». Must never write a time with `Z`: Discord does not.

use serde_json::{Value, json};

use super::{
    Sent, id,
    state::{Member, Role, State, User},
};

/// A user.
pub(super) fn user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.name,
        "global_name": if user.is_bot { Value::Null } else { json!(user.name) },
        "discriminator": if user.is_bot { "1234" } else { "0" },
        "avatar": null,
        "avatar_decoration_data": null,
        "banner": null,
        "accent_color": null,
        "bot": user.is_bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": null,
        "collectibles": null,
    })
}

/// A member; `who` is their user where the place wants it.
pub(super) fn member(member: &Member, who: Option<Value>) -> Value {
    let mut view = json!({
        "avatar": null,
        "banner": null,
        "communication_disabled_until": member.silenced_until.map(id::iso),
        "deaf": false,
        "flags": 0,
        "joined_at": id::iso(member.joined_at),
        "mute": false,
        "nick": null,
        "pending": false,
        "premium_since": null,
        "roles": member.roles.iter().map(u64::to_string).collect::<Vec<_>>(),
    });
    if let (Some(who), Some(map)) = (who, view.as_object_mut()) {
        map.insert("user".to_owned(), who);
    }
    view
}

/// A role.
pub(super) fn role(role: &Role, position: usize) -> Value {
    json!({
        "id": role.id.to_string(),
        "name": role.name,
        "permissions": role.permissions.to_string(),
        "position": position,
        "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false,
        "managed": false,
        "mentionable": false,
        "icon": null,
        "unicode_emoji": null,
        "flags": 0,
    })
}

impl State {
    /// A user by id.
    pub(super) fn user_view(&self, id: u64) -> Value {
        self.users.get(&id).map_or_else(
            || json!({ "id": id.to_string(), "username": "gone", "discriminator": "0", "avatar": null }),
            user,
        )
    }

    /// A channel by id.
    pub(super) fn channel_view(&self, id: u64) -> Option<Value> {
        let channel = self.channels.get(&id)?;
        let last = channel.messages.back().map(|sent| sent.id.to_string());
        Some(match (channel.guild, channel.person) {
            (None, Some(person)) => json!({
                "id": id.to_string(),
                "type": 1,
                "flags": 0,
                "last_message_id": last,
                "recipients": [self.user_view(person)],
            }),
            (guild, _) => json!({
                "id": id.to_string(),
                "type": channel.kind,
                "guild_id": guild.map(|guild| guild.to_string()),
                "name": channel.name,
                "position": 0,
                "permission_overwrites": [],
                "parent_id": null,
                "topic": null,
                "nsfw": false,
                "rate_limit_per_user": 0,
                "flags": 0,
                "last_message_id": last,
            }),
        })
    }

    /// A guild as `GET /guilds/{id}` answers it.
    pub(super) fn guild_view(&self, id: u64) -> Option<Value> {
        let guild = self.guilds.get(&id)?;
        let roles: Vec<Value> = guild
            .roles
            .values()
            .enumerate()
            .map(|(at, one)| role(one, at))
            .collect();
        Some(json!({
            "id": id.to_string(),
            "name": guild.name,
            "icon": null,
            "description": null,
            "home_header": null,
            "splash": null,
            "discovery_splash": null,
            "features": [],
            "banner": null,
            "owner_id": guild.owner.to_string(),
            "application_id": null,
            "region": "europe",
            "afk_channel_id": null,
            "afk_timeout": 300,
            "system_channel_id": null,
            "system_channel_flags": 0,
            "widget_enabled": false,
            "widget_channel_id": null,
            "verification_level": 0,
            "roles": roles,
            "default_message_notifications": 1,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": null,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": null,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": "en-US",
            "rules_channel_id": null,
            "safety_alerts_channel_id": null,
            "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false,
            "nsfw": false,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": null,
        }))
    }

    /// A guild as the gateway announces it.
    pub(super) fn guild_create(&self, id: u64) -> Value {
        let Some(mut view) = self.guild_view(id) else {
            return json!({ "id": id.to_string(), "unavailable": true });
        };
        if let (Some(map), Some(guild)) = (view.as_object_mut(), self.guilds.get(&id)) {
            let bot = guild.members.get(&self.app);
            let members = bot.map(|found| member(found, Some(self.user_view(self.app))));
            let channels: Vec<Value> = guild
                .channels
                .iter()
                .filter_map(|id| self.channel_view(*id))
                .collect();
            let events: Vec<Value> = guild
                .events
                .values()
                .map(|event| event.body.clone())
                .collect();
            for (key, value) in [
                ("joined_at", json!(bot.map(|bot| id::iso(bot.joined_at)))),
                ("large", json!(false)),
                ("unavailable", json!(false)),
                ("member_count", json!(guild.members.len())),
                ("members", json!(members.into_iter().collect::<Vec<_>>())),
                ("channels", json!(channels)),
                ("threads", json!([])),
                ("presences", json!([])),
                ("voice_states", json!([])),
                ("stage_instances", json!([])),
                ("soundboard_sounds", json!([])),
                ("guild_scheduled_events", json!(events)),
            ] {
                map.insert(key.to_owned(), value);
            }
        }
        view
    }

    /// A message of a channel; over the gateway it brings guild and member along.
    pub(super) fn message_in(&self, channel: u64, id: u64, is_dispatch: bool) -> Option<Value> {
        let found = self.channels.get(&channel)?;
        let at = found
            .messages
            .binary_search_by_key(&id, |sent| sent.id)
            .ok()?;
        let sent = found.messages.get(at)?;
        let mut view = self.message_view(sent);
        if let (true, Some(guild), Some(map)) = (is_dispatch, found.guild, view.as_object_mut()) {
            map.insert("guild_id".to_owned(), json!(guild.to_string()));
            let member = self
                .guilds
                .get(&guild)
                .and_then(|guild| guild.members.get(&sent.author));
            if let Some(found) = member {
                map.insert("member".to_owned(), self::member(found, None));
            }
        }
        Some(view)
    }

    fn message_view(&self, sent: &Sent) -> Value {
        let mentions: Vec<Value> = named(&sent.content)
            .into_iter()
            .filter_map(|id| self.users.get(&id).map(user))
            .collect();
        let mut view = json!({
            "id": sent.id.to_string(),
            "type": if sent.reply_to.is_some() { 19 } else { 0 },
            "channel_id": sent.channel.to_string(),
            "author": self.user_view(sent.author),
            "content": sent.content,
            "timestamp": id::iso(id::time_of(sent.id)),
            "edited_timestamp": sent.edited_at.map(id::iso),
            "tts": false,
            "mention_everyone": sent.content.contains("@everyone") && !sent.is_ours,
            "mentions": mentions,
            "mention_roles": [],
            "mention_channels": [],
            "attachments": [],
            "embeds": embeds(&sent.embeds),
            "components": numbered(&sent.components, &mut 0),
            "pinned": false,
            "flags": sent.flags,
        });
        if let Some(map) = view.as_object_mut() {
            if let Some(nonce) = &sent.nonce {
                map.insert("nonce".to_owned(), json!(nonce));
            }
            if let Some(to) = sent.reply_to {
                let reference = json!({ "type": 0, "channel_id": sent.channel.to_string(), "message_id": to.to_string() });
                map.insert("message_reference".to_owned(), reference);
            }
        }
        view
    }
}

/// Embeds as they are shown: each says what it is.
fn embeds(sent: &Value) -> Value {
    let mut embeds = sent.clone();
    for embed in embeds.as_array_mut().into_iter().flatten() {
        if let Some(map) = embed.as_object_mut() {
            map.insert("type".to_owned(), json!("rich"));
        }
    }
    embeds
}

/// Components as they are shown: those that came without an id are numbered, as they stand.
fn numbered(sent: &Value, n: &mut i32) -> Value {
    let mut components = sent.clone();
    for component in components.as_array_mut().into_iter().flatten() {
        if let Some(map) = component.as_object_mut() {
            *n += 1;
            map.entry("id").or_insert_with(|| json!(n));
            if let Some(inner) = map.get("components").map(|inner| numbered(inner, n)) {
                map.insert("components".to_owned(), inner);
            }
        }
    }
    components
}

/// The ids of `<@…>` in a text, each once, at most 100.
fn named(text: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for part in text.split("<@").skip(1).take(100) {
        let digits: String = part
            .trim_start_matches('!')
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if let Ok(id) = digits.parse()
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}
