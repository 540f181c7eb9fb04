//! The same as the Rust interface over HTTP, for browsers and programs in other languages: everything
//! below `/_sim`. Ids may be names ([`super::snowflake`]). Must never be mistaken for Discord's API.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Discord, Shared, id};
use crate::wire::Rule;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(everything))
        .route("/channels/{channel}/messages", get(messages))
        .route("/guilds/{guild}/events", get(events))
        .route("/do", post(act))
        .route("/faults", post(add_fault).delete(clear_faults))
}

/// What somebody does.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Deed {
    Say {
        guild: String,
        channel: String,
        user: String,
        text: String,
    },
    Whisper {
        user: String,
        text: String,
    },
    Join {
        guild: String,
        user: String,
    },
    React {
        guild: String,
        channel: String,
        message: String,
        user: String,
        emoji: String,
    },
    Ban {
        guild: String,
        user: String,
        moderator: String,
        #[serde(default)]
        reason: String,
    },
    Kick {
        guild: String,
        user: String,
        moderator: String,
        #[serde(default)]
        reason: String,
    },
    Timeout {
        guild: String,
        user: String,
        moderator: String,
        secs: u64,
        #[serde(default)]
        reason: String,
    },
    Press {
        message: String,
        button: String,
        user: String,
    },
    Slash {
        guild: String,
        channel: String,
        user: String,
        name: String,
        #[serde(default)]
        options: Vec<(String, String)>,
    },
    Rsvp {
        guild: String,
        event: String,
        user: String,
    },
    Unrsvp {
        guild: String,
        event: String,
        user: String,
    },
    Name {
        user: String,
        name: String,
    },
    CutGateways,
    ReconnectGateways,
    InvalidateSessions {
        is_resumable: bool,
    },
    CloseGateways {
        code: u16,
    },
    MuteHeartbeats {
        is_mute: bool,
    },
    SetToken {
        token: String,
    },
    ShareLimit {
        channel: String,
        ms: u64,
    },
}

async fn act(Extract(shared): Extract<Arc<Shared>>, Json(deed): Json<Deed>) -> Json<Value> {
    let discord = Discord { shared };
    Json(json!({ "id": deed.done(&discord).map(|id| id.to_string()) }))
}

impl Deed {
    /// Does it; answers the id of what it made, if that has one.
    fn done(self, discord: &Discord) -> Option<u64> {
        let id = |name: String| id::snowflake(&name);
        match self {
            Self::Say {
                guild,
                channel,
                user,
                text,
            } => {
                return Some(discord.say(id(guild), id(channel), id(user), &text));
            }
            Self::Whisper { user, text } => return Some(discord.whisper(id(user), &text)),
            Self::Press {
                message,
                button,
                user,
            } => {
                return discord.press_button(id(message), &button, id(user));
            }
            Self::Slash {
                guild,
                channel,
                user,
                name,
                options,
            } => {
                let options: Vec<(&str, &str)> = options
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                return Some(discord.slash(id(guild), id(channel), id(user), &name, &options));
            }
            Self::Join { guild, user } => discord.join(id(guild), id(user)),
            Self::React {
                guild,
                channel,
                message,
                user,
                emoji,
            } => {
                discord.react(id(guild), id(channel), id(message), id(user), &emoji);
            }
            Self::Ban {
                guild,
                user,
                moderator,
                reason,
            } => {
                discord.ban(id(guild), id(user), id(moderator), &reason);
            }
            Self::Kick {
                guild,
                user,
                moderator,
                reason,
            } => {
                discord.kick(id(guild), id(user), id(moderator), &reason);
            }
            Self::Timeout {
                guild,
                user,
                moderator,
                secs,
                reason,
            } => {
                discord.timeout(
                    id(guild),
                    id(user),
                    id(moderator),
                    Duration::from_secs(secs),
                    &reason,
                );
            }
            Self::Rsvp { guild, event, user } => discord.rsvp(id(guild), id(event), id(user)),
            Self::Unrsvp { guild, event, user } => discord.unrsvp(id(guild), id(event), id(user)),
            Self::Name { user, name } => discord.name_user(id(user), &name),
            Self::CutGateways => discord.cut_gateways(),
            Self::ReconnectGateways => discord.reconnect_gateways(),
            Self::InvalidateSessions { is_resumable } => discord.invalidate_sessions(is_resumable),
            Self::CloseGateways { code } => discord.close_gateways(code),
            Self::MuteHeartbeats { is_mute } => discord.mute_heartbeats(is_mute),
            Self::SetToken { token } => discord.set_token(&token),
            Self::ShareLimit { channel, ms } => {
                discord.share_limit(id(channel), Duration::from_millis(ms));
            }
        }
        None
    }
}

/// Guilds with their channels, users, counters.
async fn everything(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let now = shared.now();
    let state = shared.look();
    let guilds: Vec<Value> = state
        .guilds
        .values()
        .map(|guild| {
            let channels: Vec<Value> = guild
                .channels
                .iter()
                .filter_map(|id| state.channels.get(id))
                .map(|channel| json!({ "id": channel.id.to_string(), "name": channel.name, "n_messages": channel.messages.len() }))
                .collect();
            json!({
                "id": guild.id.to_string(),
                "name": guild.name,
                "is_installed": guild.is_installed,
                "n_members": guild.members.len(),
                "n_events": guild.events.len(),
                "channels": channels,
            })
        })
        .collect();
    Json(json!({
        "guilds": guilds,
        "n_users": state.users.len(),
        "n_sessions": state.sessions.len(),
        "n_connections": state.n_connections,
        "n_resumed": state.n_resumed,
        "n_invalid": state.rates.n_invalid(now),
        "gateway_url": shared.gateway_url(),
    }))
}

/// The messages of a channel, oldest first, deleted ones left out.
async fn messages(
    Extract(shared): Extract<Arc<Shared>>,
    Path(channel): Path<String>,
) -> Json<Vec<Value>> {
    let channel = id::snowflake(&channel);
    let state = shared.look();
    let kept = state.channels.get(&channel);
    let ids: Vec<u64> = kept.map_or_else(Vec::new, |channel| {
        let there = channel.messages.iter().filter(|sent| !sent.is_deleted);
        there.map(|sent| sent.id).collect()
    });
    Json(
        ids.into_iter()
            .filter_map(|id| state.message_in(channel, id, false))
            .collect(),
    )
}

/// The scheduled events of a guild.
async fn events(
    Extract(shared): Extract<Arc<Shared>>,
    Path(guild): Path<String>,
) -> Json<Vec<Value>> {
    Json(Discord { shared }.events(id::snowflake(&guild)))
}

async fn add_fault(Extract(shared): Extract<Arc<Shared>>, Json(rule): Json<Rule>) -> Json<Value> {
    shared.faults.add(rule);
    Json(json!({}))
}

async fn clear_faults(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    shared.faults.clear();
    Json(json!({}))
}
