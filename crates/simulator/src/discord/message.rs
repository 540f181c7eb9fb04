//! Messages over REST. Sources: Discord «Message», «Channel». Must never post the same nonce twice
//! when the client asked for that, or take a message Discord would refuse.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    response::IntoResponse,
};
use kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Sent, Shared,
    refusal::{Form, Refusal, check_message},
    router::{Answer, body_of, nothing},
    state::{State, intent},
};

/// How long a nonce is remembered.
const NONCE: Duration = Duration::from_secs(300);

pub(super) async fn open_direct(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Answer {
    let body = body_of(&body)?;
    let user = body.get("recipient_id").and_then(number);
    let now = shared.now();
    let mut state = shared.state();
    let user = user.filter(|user| state.users.contains_key(user));
    let Some(user) = user else {
        return Err(Refusal::unknown(10_013));
    };
    if user == state.app {
        return Err(Refusal::closed());
    }
    let channel = state.direct_with(user, now);
    let view = state.channel_view(channel);
    Ok(Json(view).into_response())
}

/// An id, as text or number.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl State {
    /// Whether the bot may use a channel.
    pub(super) fn check_channel(&mut self, channel: u64) -> Result<(), Refusal> {
        let Some(found) = self.channels.get(&channel) else {
            return Err(Refusal::unknown(10_003));
        };
        if let Some(guild) = found.guild
            && self.ours(guild).is_none()
        {
            return Err(Refusal::missing_access());
        }
        Ok(())
    }

    /// Makes a message of the bot out of a body.
    pub(super) fn say(&mut self, channel: u64, body: &Value, now: Timestamp) -> u64 {
        let id = self.next_id(now);
        let reference = body.get("message_reference");
        let sent = Sent {
            id,
            channel,
            author: self.app,
            is_ours: true,
            content: text(body.get("content")),
            embeds: list_in(body.get("embeds")),
            components: list_in(body.get("components")),
            reply_to: reference
                .and_then(|to| to.get("message_id"))
                .and_then(number),
            nonce: nonce(body),
            allowed_mentions: body.get("allowed_mentions").cloned().unwrap_or(Value::Null),
            flags: body.get("flags").and_then(Value::as_u64).unwrap_or(0),
            edited_at: None,
            n_edits: 0,
            is_deleted: false,
        };
        self.post(sent);
        id
    }

    /// Changes a message of the bot.
    pub(super) fn change(
        &mut self,
        channel: u64,
        id: u64,
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        check_edit(body)?;
        let app = self.app;
        let Some(sent) = self.message(channel, id) else {
            return Err(Refusal::unknown(10_008));
        };
        if sent.author != app {
            return Err(Refusal::not_author());
        }
        if let Some(content) = body.get("content") {
            sent.content = text(Some(content));
        }
        if let Some(embeds) = body.get("embeds") {
            sent.embeds = list_in(Some(embeds));
        }
        if let Some(components) = body.get("components") {
            sent.components = list_in(Some(components));
        }
        sent.edited_at = Some(now);
        sent.n_edits += 1;
        let guild = self
            .channels
            .get(&channel)
            .and_then(|channel| channel.guild);
        let view = self.message_in(channel, id, true).unwrap_or_default();
        let intent = if guild.is_some() {
            intent::MESSAGES
        } else {
            intent::DIRECT
        };
        self.dispatch("MESSAGE_UPDATE", guild, intent, &view);
        Ok(self.message_in(channel, id, false).unwrap_or_default())
    }

    /// Takes a message back.
    pub(super) fn remove(&mut self, channel: u64, id: u64) -> Result<(), Refusal> {
        let app = self.app;
        let Some(sent) = self.message(channel, id) else {
            return Err(Refusal::unknown(10_008));
        };
        if sent.author != app {
            return Err(Refusal::missing_permissions());
        }
        sent.is_deleted = true;
        let guild = self
            .channels
            .get(&channel)
            .and_then(|channel| channel.guild);
        let mut data = json!({ "id": id.to_string(), "channel_id": channel.to_string() });
        if let (Some(guild), Some(map)) = (guild, data.as_object_mut()) {
            map.insert("guild_id".to_owned(), json!(guild.to_string()));
        }
        let intent = if guild.is_some() {
            intent::MESSAGES
        } else {
            intent::DIRECT
        };
        self.dispatch("MESSAGE_DELETE", guild, intent, &data);
        Ok(())
    }
}

fn check_edit(body: &Value) -> Result<(), Refusal> {
    // An edit may leave out what stays; what it brings has the same limits.
    let mut whole = body.clone();
    if let Some(map) = whole.as_object_mut() {
        map.entry("components")
            .or_insert_with(|| json!([{ "type": 1, "components": [] }]));
    }
    check_message(&whole)
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list_in(value: Option<&Value>) -> Value {
    value
        .filter(|value| value.is_array())
        .cloned()
        .unwrap_or_else(|| json!([]))
}

fn nonce(body: &Value) -> Option<String> {
    let nonce = body.get("nonce")?;
    nonce
        .as_str()
        .map(str::to_owned)
        .or_else(|| Some(nonce.as_i64()?.to_string()))
}

pub(super) async fn create(
    Extract(shared): Extract<Arc<Shared>>,
    Path(channel): Path<u64>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    state.check_channel(channel)?;
    let person = state
        .channels
        .get(&channel)
        .and_then(|channel| channel.person);
    if person.is_some_and(|person| !state.user(person).takes_messages) {
        return Err(Refusal::closed());
    }
    check_message(&body)?;
    if let Some(reference) = body.get("message_reference") {
        let to = reference.get("message_id").and_then(number).unwrap_or(0);
        let must_be = reference
            .get("fail_if_not_exists")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        if must_be && state.message(channel, to).is_none() {
            let mut form = Form::default();
            form.wrong(
                "message_reference",
                "REPLIES_UNKNOWN_MESSAGE",
                "Unknown message",
            );
            form.done()?;
        }
    }
    let is_enforced = body.get("enforce_nonce").and_then(Value::as_bool) == Some(true);
    let key = nonce(&body)
        .filter(|_| is_enforced)
        .map(|nonce| (channel, nonce));
    let known = key
        .as_ref()
        .and_then(|key| state.nonces.get(key))
        .filter(|(_, until)| *until > now);
    let id = if let Some((id, _)) = known {
        *id
    } else {
        let id = state.say(channel, &body, now);
        if let Some(key) = key {
            state.nonces.insert(key, (id, now.plus(NONCE)));
        }
        id
    };
    state.trim(now);
    Ok(Json(state.message_in(channel, id, false)).into_response())
}

/// Which messages.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    limit: Option<usize>,
    before: Option<u64>,
    after: Option<u64>,
}

fn list_of(shared: &Shared, channel: u64, wanted: &Wanted) -> Answer {
    let mut state = shared.state();
    state.check_channel(channel)?;
    let limit = wanted.limit.unwrap_or(50).clamp(1, 100);
    let all = state
        .channels
        .get(&channel)
        .map(|channel| &channel.messages);
    let fits = |sent: &&Sent| {
        !sent.is_deleted
            && wanted.before.is_none_or(|before| sent.id < before)
            && wanted.after.is_none_or(|after| sent.id > after)
    };
    let mut ids: Vec<u64> = match (all, wanted.after) {
        (None, _) => Vec::new(),
        (Some(all), Some(_)) => all
            .iter()
            .filter(fits)
            .take(limit)
            .map(|sent| sent.id)
            .collect(),
        (Some(all), None) => all
            .iter()
            .rev()
            .filter(fits)
            .take(limit)
            .map(|sent| sent.id)
            .collect(),
    };
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let views: Vec<Value> = ids
        .into_iter()
        .filter_map(|id| state.message_in(channel, id, false))
        .collect();
    Ok(Json(views).into_response())
}

pub(super) async fn list(
    Extract(shared): Extract<Arc<Shared>>,
    Path(channel): Path<u64>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    list_of(&shared, channel, &wanted)
}

pub(super) async fn one(
    Extract(shared): Extract<Arc<Shared>>,
    Path((channel, message)): Path<(u64, u64)>,
) -> Answer {
    let mut state = shared.state();
    state.check_channel(channel)?;
    if state.message(channel, message).is_none() {
        return Err(Refusal::unknown(10_008));
    }
    Ok(Json(state.message_in(channel, message, false)).into_response())
}

pub(super) async fn edit(
    Extract(shared): Extract<Arc<Shared>>,
    Path((channel, message)): Path<(u64, u64)>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    state.check_channel(channel)?;
    let view = state.change(channel, message, &body, now)?;
    Ok(Json(view).into_response())
}

pub(super) async fn delete(
    Extract(shared): Extract<Arc<Shared>>,
    Path((channel, message)): Path<(u64, u64)>,
) -> Answer {
    let mut state = shared.state();
    state.check_channel(channel)?;
    state.remove(channel, message)?;
    Ok(nothing())
}
