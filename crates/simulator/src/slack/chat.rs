//! `chat.*`: saying, changing and taking back, with Slack's lengths.

use serde_json::{Value, json};

use super::{
    answer::{Args, Refusal},
    blocks,
    call::Call,
    events,
    state::Sent,
};

/// Longer texts are cut («Truncating content»: 40,000 characters).
pub(super) const TEXT_MAX: usize = 40_000;

/// What is to be said, checked and cut.
pub(super) fn content(args: &Args) -> Result<(String, Value), Refusal> {
    let blocks = args.json("blocks").map_err(|()| "invalid_blocks_format")?;
    let attachments = args
        .json("attachments")
        .map_err(|()| "invalid_attachments")?;
    blocks::check(&blocks)?;
    let text: String = args.text("text").chars().take(TEXT_MAX).collect();
    let says = |value: &Value| value.as_array().is_some_and(|items| !items.is_empty());
    if text.is_empty() && !says(&blocks) && !says(&attachments) {
        return Err("no_text");
    }
    Ok((text, blocks))
}

/// `chat.postMessage`
pub(super) fn post(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let (text, blocks) = content(call.args)?;
    let now = call.shared.options.clock.now();
    let mut state = call.shared.state();
    let team = state.teams.get_mut(&call.team).ok_or("invalid_auth")?;
    // A user's id stands for the conversation with them.
    let channel = if team.people.contains_key(&channel) {
        team.direct(&channel).0
    } else {
        channel
    };
    team.speak(&channel)?;
    let user = team.bot_user.clone();
    let message = Sent {
        team: call.team.clone(),
        channel: channel.clone(),
        ts: state.ts(now),
        thread_ts: call.args.given("thread_ts"),
        user,
        is_ours: true,
        text,
        blocks,
        via: "chat.postMessage",
        unfurls: call.args.flag("unfurl_links"),
        ..Sent::default()
    };
    let shown = shown(&state, &message);
    state.keep(message.clone());
    drop(state);
    events::said(call.shared, &message, None);
    call.shared.changed.notify_waiters();
    Ok(json!({"channel": channel, "ts": message.ts, "message": shown}))
}

/// `chat.postEphemeral`
pub(super) fn post_ephemeral(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let reader = call.args.given("user").ok_or("user_not_in_channel")?;
    let (text, blocks) = content(call.args)?;
    let now = call.shared.options.clock.now();
    let mut state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    team.speak(&channel)?;
    if !team.people.contains_key(&reader) {
        return Err("user_not_in_channel");
    }
    let user = team.bot_user.clone();
    let ts = state.ts(now);
    state.keep(Sent {
        team: call.team.clone(),
        channel,
        ts: ts.clone(),
        thread_ts: call.args.given("thread_ts"),
        user,
        is_ours: true,
        text,
        blocks,
        only_for: Some(reader),
        via: "chat.postEphemeral",
        ..Sent::default()
    });
    call.shared.changed.notify_waiters();
    Ok(json!({ "message_ts": ts }))
}

/// `chat.update`
pub(super) fn update(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let (text, blocks) = content(call.args)?;
    let now = call.shared.options.clock.now();
    let mut state = call.shared.state();
    let edited = state.ts(now);
    let message = state
        .message(&call.team, &channel, &call.args.text("ts"))
        .ok_or("message_not_found")?;
    if !message.is_ours {
        return Err("cant_update_message");
    }
    let before = message.clone();
    message
        .earlier
        .push(std::mem::replace(&mut message.text, text));
    message.blocks = blocks;
    message.edited_ts = Some(edited);
    let message = message.clone();
    let shown = shown(&state, &message);
    drop(state);
    events::changed(call.shared, &message, &before);
    call.shared.changed.notify_waiters();
    Ok(json!({"channel": channel, "ts": message.ts, "text": message.text, "message": shown}))
}

/// `chat.delete`
pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let mut state = call.shared.state();
    let message = state
        .message(&call.team, &channel, &call.args.text("ts"))
        .ok_or("message_not_found")?;
    if !message.is_ours {
        return Err("cant_delete_message");
    }
    message.is_deleted = true;
    let message = message.clone();
    drop(state);
    events::deleted(call.shared, &message);
    call.shared.changed.notify_waiters();
    Ok(json!({"channel": channel, "ts": message.ts}))
}

/// A message as answers and events show it.
pub(super) fn shown(state: &super::state::State, message: &Sent) -> Value {
    let mut shown = json!({
        "type": "message",
        "ts": message.ts,
        "text": message.text,
        "user": message.user,
        "team": message.team,
    });
    let Value::Object(fields) = &mut shown else {
        return shown;
    };
    if message.is_ours
        && let Some(team) = state.teams.get(&message.team)
    {
        fields.insert("bot_id".into(), json!(team.bot_id));
    }
    if message.blocks.is_array() {
        fields.insert("blocks".into(), message.blocks.clone());
    }
    if let Some(thread) = &message.thread_ts {
        fields.insert("thread_ts".into(), json!(thread));
    }
    if let Some(ts) = &message.edited_ts {
        fields.insert("edited".into(), json!({"user": message.user, "ts": ts}));
    }
    shown
}
