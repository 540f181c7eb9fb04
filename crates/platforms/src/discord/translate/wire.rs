//! The fields we read of what Discord sends. Everything else may come, change or go.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// What a payload is.
#[derive(Deserialize)]
pub(in crate::discord) struct Head {
    pub op: u8,
    #[serde(default)]
    pub t: Option<String>,
}

/// What is in it.
#[derive(Deserialize)]
pub(in crate::discord) struct Payload<T> {
    pub d: T,
}

/// Events we know and need not.
pub(in crate::discord) const UNUSED: &[&str] = &[
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "MESSAGE_REACTION_REMOVE",
    "MESSAGE_REACTION_REMOVE_ALL",
    "MESSAGE_REACTION_REMOVE_EMOJI",
    "GUILD_BAN_REMOVE",
    "GUILD_EMOJIS_UPDATE",
    "GUILD_STICKERS_UPDATE",
    "GUILD_INTEGRATIONS_UPDATE",
    "GUILD_MEMBERS_CHUNK",
    "CHANNEL_PINS_UPDATE",
    "THREAD_LIST_SYNC",
    "THREAD_MEMBER_UPDATE",
    "THREAD_MEMBERS_UPDATE",
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "INTEGRATION_CREATE",
    "INTEGRATION_UPDATE",
    "INTEGRATION_DELETE",
    "PRESENCE_UPDATE",
    "TYPING_START",
    "USER_UPDATE",
    "VOICE_STATE_UPDATE",
    "VOICE_CHANNEL_STATUS_UPDATE",
    "WEBHOOKS_UPDATE",
    "STAGE_INSTANCE_CREATE",
    "STAGE_INSTANCE_UPDATE",
    "STAGE_INSTANCE_DELETE",
];

#[derive(Deserialize)]
pub(in crate::discord) struct Ready {
    pub user: User,
}

#[derive(Deserialize)]
pub(in crate::discord) struct User {
    pub id: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub global_name: Option<String>,
    #[serde(default)]
    pub bot: bool,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Member {
    #[serde(default)]
    pub user: Option<User>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub joined_at: Option<String>,
    #[serde(default)]
    pub premium_since: Option<String>,
    #[serde(default)]
    pub permissions: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Joined {
    pub guild_id: String,
    #[serde(flatten)]
    pub member: Member,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Named {
    pub user: User,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Reference {
    #[serde(default)]
    pub message_id: Option<String>,
}

/// A card: what it says, for messages that say nothing else.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::discord) struct Embed {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Message {
    pub id: String,
    pub channel_id: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    pub author: User,
    #[serde(default)]
    pub member: Option<Member>,
    #[serde(default)]
    pub content: String,
    #[serde(rename = "type", default)]
    pub kind: u16,
    #[serde(default)]
    pub mentions: Vec<IgnoredAny>,
    #[serde(default)]
    pub embeds: Vec<Embed>,
    #[serde(default)]
    pub attachments: Vec<IgnoredAny>,
    #[serde(default)]
    pub sticker_items: Vec<IgnoredAny>,
    #[serde(rename = "message_reference", default)]
    pub reference: Option<Reference>,
    #[serde(default)]
    pub webhook_id: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Emoji {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Reaction {
    pub user_id: String,
    pub channel_id: String,
    pub message_id: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    #[serde(default)]
    pub member: Option<Member>,
    pub emoji: Emoji,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Change {
    pub key: String,
    #[serde(default)]
    pub new_value: Option<Value>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct AuditEntry {
    pub id: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    pub action_type: u16,
    #[serde(default)]
    pub user_id: Option<String>,
    #[serde(default)]
    pub target_id: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub changes: Vec<Change>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Role {
    pub id: String,
    #[serde(default)]
    pub permissions: String,
}

#[derive(Deserialize)]
pub(in crate::discord) struct RoleChanged {
    pub guild_id: String,
    pub role: Role,
}

#[derive(Deserialize)]
pub(in crate::discord) struct RoleGone {
    pub guild_id: String,
    pub role_id: String,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Channel {
    pub id: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Guild {
    pub id: String,
    #[serde(default)]
    pub unavailable: Option<bool>,
    #[serde(default)]
    pub owner_id: String,
    #[serde(default)]
    pub roles: Vec<Role>,
    #[serde(default)]
    pub channels: Vec<Channel>,
    #[serde(default)]
    pub threads: Vec<Channel>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Planned {
    pub id: String,
    pub guild_id: String,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Interest {
    #[serde(rename = "guild_scheduled_event_id")]
    pub event: String,
    #[serde(rename = "user_id")]
    pub user: String,
    #[serde(rename = "guild_id")]
    pub guild: String,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Pressed {
    pub id: String,
}

/// What was asked.
#[derive(Default, Deserialize)]
pub(in crate::discord) struct Asked {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub options: Vec<Given>,
    #[serde(default)]
    pub custom_id: Option<String>,
}

/// An option somebody filled in, or a command below the command.
#[derive(Deserialize)]
pub(in crate::discord) struct Given {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: u8,
    #[serde(default)]
    pub value: Option<Value>,
    #[serde(default)]
    pub options: Vec<Given>,
}

#[derive(Deserialize)]
pub(in crate::discord) struct Interaction {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: u8,
    #[serde(default)]
    pub token: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    #[serde(default)]
    pub channel_id: Option<String>,
    #[serde(default)]
    pub channel: Option<Channel>,
    #[serde(default)]
    pub member: Option<Member>,
    #[serde(default)]
    pub user: Option<User>,
    #[serde(default)]
    pub data: Option<Asked>,
    #[serde(default)]
    pub message: Option<Pressed>,
}

/// Options as a person would type them after the command.
pub(in crate::discord) fn arguments(options: &[Given]) -> String {
    let mut words: Vec<String> = Vec::new();
    for option in options {
        match (&option.value, option.kind) {
            // A command below the command: its name, then what it was given.
            (None, _) => {
                words.push(option.name.clone());
                words.push(arguments(&option.options));
            }
            (Some(Value::String(id)), 6) => words.push(format!("<@{id}>")),
            (Some(Value::String(id)), 7) => words.push(format!("<#{id}>")),
            (Some(Value::String(text)), _) => words.push(text.clone()),
            (Some(other), _) => words.push(other.to_string()),
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}
