//! Guilds, channels, members, roles and bans over REST. Sources: Discord «Guild», «Audit Log». Must
//! never let the bot act on the owner or on itself.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::HeaderMap,
    response::IntoResponse,
};
use kernel::Timestamp;
use serde_json::Value;

use super::{
    Shared, id,
    people::Measure,
    refusal::{Form, Refusal},
    router::{Answer, body_of, nothing},
    state::{Guild, State},
    view,
};

/// The longest time-out: 28 days.
const SILENCE_MAX_SECS: u64 = 28 * 86_400;

impl State {
    fn guild_or(&mut self, guild: u64) -> Result<&mut Guild, Refusal> {
        // Not there and not ours look the same.
        self.ours(guild).ok_or(Refusal::unknown(10_004))
    }

    /// The guild and its member, whom the bot may act on.
    fn below_us(&mut self, guild: u64, user: u64) -> Result<(), Refusal> {
        let app = self.app;
        let found = self.guild_or(guild)?;
        if user == found.owner || user == app {
            return Err(Refusal::missing_permissions());
        }
        Ok(())
    }
}

fn reason(headers: &HeaderMap) -> String {
    let raw = headers
        .get("x-audit-log-reason")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // The header is percent-encoded like a query.
    url::form_urlencoded::parse(
        format!("r={}", raw.replace('+', "%2B").replace('&', "%26")).as_bytes(),
    )
    .next()
    .map_or_else(String::new, |(_, value)| value.into_owned())
}

pub(super) async fn guild(Extract(shared): Extract<Arc<Shared>>, Path(guild): Path<u64>) -> Answer {
    let mut state = shared.state();
    state.guild_or(guild)?;
    Ok(Json(state.guild_view(guild)).into_response())
}

pub(super) async fn leave(Extract(shared): Extract<Arc<Shared>>, Path(guild): Path<u64>) -> Answer {
    let mut state = shared.state();
    state.guild_or(guild)?;
    state.leave(guild);
    Ok(nothing())
}

pub(super) async fn channels(
    Extract(shared): Extract<Arc<Shared>>,
    Path(guild): Path<u64>,
) -> Answer {
    let mut state = shared.state();
    let ids = state.guild_or(guild)?.channels.clone();
    let views: Vec<Value> = ids
        .into_iter()
        .filter_map(|id| state.channel_view(id))
        .collect();
    Ok(Json(views).into_response())
}

pub(super) async fn roles(Extract(shared): Extract<Arc<Shared>>, Path(guild): Path<u64>) -> Answer {
    let mut state = shared.state();
    let found = state.guild_or(guild)?;
    let views: Vec<Value> = found
        .roles
        .values()
        .enumerate()
        .map(|(at, role)| view::role(role, at))
        .collect();
    Ok(Json(views).into_response())
}

pub(super) async fn channel(
    Extract(shared): Extract<Arc<Shared>>,
    Path(channel): Path<u64>,
) -> Answer {
    let mut state = shared.state();
    state.check_channel(channel)?;
    Ok(Json(state.channel_view(channel)).into_response())
}

fn member_view(state: &mut State, guild: u64, user: u64) -> Result<Value, Refusal> {
    let who = state.user_view(user);
    let member = state.guild_or(guild)?.members.get(&user);
    let member = member.ok_or(Refusal::unknown(10_007))?;
    Ok(view::member(member, Some(who)))
}

pub(super) async fn member(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, user)): Path<(u64, u64)>,
) -> Answer {
    let view = member_view(&mut shared.state(), guild, user)?;
    Ok(Json(view).into_response())
}

pub(super) async fn patch_member(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, user)): Path<(u64, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    state.below_us(guild, user)?;
    member_view(&mut state, guild, user)?;
    if let Some(until) = body.get("communication_disabled_until") {
        let app = state.app;
        match until.as_str() {
            None => {
                if let Some(member) = state.member_mut(guild, user) {
                    member.silenced_until = None;
                }
                state.tell_member(guild, user);
            }
            Some(text) => {
                let until = silence(text, now)?;
                state.measure(
                    guild,
                    user,
                    app,
                    &reason(&headers),
                    Measure::Silence(until),
                    now,
                );
            }
        }
    }
    let view = member_view(&mut state, guild, user)?;
    Ok(Json(view).into_response())
}

fn silence(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let mut form = Form::default();
    let until = id::parse_iso(text);
    if until.is_none_or(|until| until.since(now).as_secs() > SILENCE_MAX_SECS) {
        form.wrong(
            "communication_disabled_until",
            "INVALID_COMMUNICATION_DISABLED_TIMESTAMP",
            "Invalid communication disabled timestamp",
        );
    }
    form.done()?;
    Ok(until.unwrap_or(now))
}

pub(super) async fn kick(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, user)): Path<(u64, u64)>,
    headers: HeaderMap,
) -> Answer {
    let now = shared.now();
    let mut state = shared.state();
    state.below_us(guild, user)?;
    member_view(&mut state, guild, user)?;
    let app = state.app;
    state.measure(guild, user, app, &reason(&headers), Measure::Kick, now);
    Ok(nothing())
}

pub(super) async fn ban(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, user)): Path<(u64, u64)>,
    headers: HeaderMap,
) -> Answer {
    let now = shared.now();
    let mut state = shared.state();
    state.below_us(guild, user)?;
    let app = state.app;
    state.measure(guild, user, app, &reason(&headers), Measure::Ban, now);
    Ok(nothing())
}

pub(super) async fn unban(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, user)): Path<(u64, u64)>,
) -> Answer {
    let mut state = shared.state();
    let removed = state.guild_or(guild)?.bans.remove(&user);
    removed.map(|_| nothing()).ok_or(Refusal::unknown(10_026))
}

fn set_role(shared: &Shared, ids: (u64, u64, u64), has: bool) -> Answer {
    let (guild, user, role) = ids;
    let mut state = shared.state();
    if !state.guild_or(guild)?.roles.contains_key(&role) {
        return Err(Refusal::unknown(10_011));
    }
    let member = state
        .member_mut(guild, user)
        .ok_or(Refusal::unknown(10_007))?;
    let changed = if has {
        member.roles.insert(role)
    } else {
        member.roles.remove(&role)
    };
    if changed {
        state.tell_member(guild, user);
    }
    Ok(nothing())
}

pub(super) async fn put_role(
    Extract(shared): Extract<Arc<Shared>>,
    Path(ids): Path<(u64, u64, u64)>,
) -> Answer {
    set_role(&shared, ids, true)
}

pub(super) async fn delete_role(
    Extract(shared): Extract<Arc<Shared>>,
    Path(ids): Path<(u64, u64, u64)>,
) -> Answer {
    set_role(&shared, ids, false)
}
