//! `chat.scheduleMessage` and what belongs to it. A message whose time has come is said by
//! [`due`], which the server calls four times a second.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Shared,
    answer::{Refusal, page},
    call::Call,
    chat, events,
    state::{Scheduled, Sent},
};

/// The furthest day.
const AHEAD_MAX_SECS: i64 = 120 * 86_400;
/// So many in one window of one channel.
const WINDOW_MAX: usize = 30;
const WINDOW_SECS: i64 = 300;
/// A message cannot be taken back in its last minute.
const LOCKED_SECS: i64 = 60;
/// Kept in all.
const KEPT_MAX: usize = 10_000;

/// `chat.scheduleMessage`
pub(super) fn schedule(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let (text, blocks) = chat::content(call.args)?;
    let post_at = call.args.number("post_at").ok_or("invalid_time")?;
    let now = call.shared.now_secs();
    if post_at <= now {
        return Err("time_in_past");
    }
    if post_at > now + AHEAD_MAX_SECS {
        return Err("time_too_far");
    }
    let mut state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    team.speak(&channel)?;
    let (user, bot) = (team.bot_user.clone(), team.bot_id.clone());
    let near = state.scheduled.iter().filter(|other| {
        other.message.team == call.team
            && other.message.channel == channel
            && other.post_at.div_euclid(WINDOW_SECS) == post_at.div_euclid(WINDOW_SECS)
    });
    if near.count() >= WINDOW_MAX || state.scheduled.len() >= KEPT_MAX {
        return Err("restricted_too_many");
    }
    let id = format!("Q{:010}", state.number());
    let message = Sent {
        team: call.team.clone(),
        channel: channel.clone(),
        thread_ts: call.args.given("thread_ts"),
        user,
        is_ours: true,
        text,
        blocks,
        via: "chat.scheduleMessage",
        ..Sent::default()
    };
    let shown = json!({
        "type": "delayed_message",
        "text": message.text,
        "user": message.user,
        "bot_id": bot,
        "team": message.team,
    });
    state.scheduled.push(Scheduled {
        id: id.clone(),
        post_at,
        date_created: now,
        message,
    });
    Ok(json!({
        "channel": channel,
        "scheduled_message_id": id,
        "post_at": post_at,
        "message": shown,
    }))
}

/// `chat.scheduledMessages.list`
pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel");
    let state = call.shared.state();
    let mut found: Vec<&Scheduled> = state
        .scheduled
        .iter()
        .filter(|one| {
            one.message.team == call.team
                && channel
                    .as_ref()
                    .is_none_or(|channel| *channel == one.message.channel)
        })
        .collect();
    found.sort_by_key(|one| one.post_at);
    let found = found
        .into_iter()
        .map(|one| {
            json!({
                "id": one.id,
                "channel_id": one.message.channel,
                "post_at": one.post_at,
                "date_created": one.date_created,
                "text": one.message.text,
            })
        })
        .collect();
    let (found, metadata) = page(found, call.args, 100)?;
    Ok(json!({"scheduled_messages": found, "response_metadata": metadata}))
}

/// `chat.deleteScheduledMessage`
pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let id = call.args.text("scheduled_message_id");
    let channel = call.args.text("channel");
    let now = call.shared.now_secs();
    let mut state = call.shared.state();
    let at = state
        .scheduled
        .iter()
        .position(|one| {
            one.id == id
                && one.message.team == call.team
                && one.message.channel == channel
                && one.post_at > now + LOCKED_SECS
        })
        .ok_or("invalid_scheduled_message_id")?;
    state.scheduled.remove(at);
    Ok(json!({}))
}

/// Says the messages whose time has come.
pub(super) fn due(shared: &Arc<Shared>) {
    let now = shared.options.clock.now();
    loop {
        let mut state = shared.state();
        let Some(at) = state
            .scheduled
            .iter()
            .position(|one| one.post_at <= now.secs())
        else {
            return;
        };
        let mut message = state.scheduled.remove(at).message;
        message.ts = state.ts(now);
        state.keep(message.clone());
        drop(state);
        events::said(shared, &message, None);
        shared.changed.notify_waiters();
    }
}
