//! Slash commands and buttons: how they are asked and answered. Sources: Discord «Receiving and
//! Responding», «Application Commands». Must never let an interaction be answered first after three
//! seconds, twice, or by somebody without its token.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    http::HeaderMap,
    response::IntoResponse,
};
use ed25519_dalek::Signer;
use kernel::{Timestamp, random};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Discord, Shared, id,
    refusal::{Form, Refusal, check_message},
    router::{Answer, body_of, is_bot, nothing},
    state::{Asked, State},
    view,
};

/// The first answer must come within this.
const FIRST: Duration = Duration::from_secs(3);
/// Later ones within this.
const LATER: Duration = Duration::from_secs(900);

impl Discord {
    /// Presses a button of one of the bot's messages as somebody; answers the interaction's id, or
    /// `None` if there is no such button.
    pub fn press_button(&self, message: u64, button: &str, user: u64) -> Option<u64> {
        let now = self.shared.now();
        let state = self.shared.state();
        let found = state.channels.values().find_map(|channel| {
            let at = channel
                .messages
                .binary_search_by_key(&message, |sent| sent.id)
                .ok()?;
            let sent = channel.messages.get(at).filter(|sent| !sent.is_deleted)?;
            has_button(&sent.components, button).then_some((channel.id, channel.guild))
        });
        let (channel, guild) = found?;
        let view = state.message_in(channel, message, false)?;
        let data = json!({ "component_type": 2, "custom_id": button, "id": 1 });
        Some(self.ask(state, guild, channel, user, 3, &data, Some(view), now))
    }

    /// Uses a slash command as somebody; answers the interaction's id. Every option is a text.
    pub fn slash(
        &self,
        guild: u64,
        channel: u64,
        user: u64,
        name: &str,
        options: &[(&str, &str)],
    ) -> u64 {
        let now = self.shared.now();
        let mut state = self.shared.state();
        let options: Vec<Value> = options
            .iter()
            .map(|(name, value)| json!({ "name": name, "type": 3, "value": value }))
            .collect();
        let command = state.next_id(now);
        let data =
            json!({ "id": command.to_string(), "name": name, "type": 1, "options": options });
        self.ask(state, Some(guild), channel, user, 2, &data, None, now)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what an interaction is made of, once"
    )]
    fn ask(
        &self,
        mut state: super::Held<'_>,
        guild: Option<u64>,
        channel: u64,
        user: u64,
        kind: u8,
        data: &Value,
        message: Option<Value>,
        now: Timestamp,
    ) -> u64 {
        let id = state.next_id(now);
        let token = self.shared.random_name();
        let asked = Asked {
            id,
            channel,
            is_acknowledged: false,
            original: None,
            flags: 0,
        };
        if let Some(guild) = guild {
            state.settle(guild, user, now);
        } else {
            state.user(user);
        }
        let mut body = json!({
            "id": id.to_string(),
            "application_id": state.app.to_string(),
            "type": kind,
            "token": token,
            "version": 1,
            "channel_id": channel.to_string(),
            "channel": state.channel_view(channel),
            "data": data,
            "app_permissions": "2147483647",
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10_485_760,
            "context": u8::from(guild.is_none()),
        });
        let who = state.user_view(user);
        let member = guild.and_then(|guild| {
            let found = state.guilds.get(&guild)?;
            let mut member = view::member(found.members.get(&user)?, Some(who.clone()));
            let permissions = found.permissions(user).to_string();
            member
                .as_object_mut()?
                .insert("permissions".to_owned(), json!(permissions));
            Some((guild, member))
        });
        if let Some(map) = body.as_object_mut() {
            match member {
                Some((guild, member)) => {
                    let partial =
                        json!({ "id": guild.to_string(), "locale": "en-US", "features": [] });
                    map.insert("guild_id".to_owned(), json!(guild.to_string()));
                    map.insert("guild".to_owned(), partial);
                    map.insert("guild_locale".to_owned(), json!("en-US"));
                    map.insert("member".to_owned(), member);
                }
                None => {
                    map.insert("user".to_owned(), who);
                }
            }
            if let Some(message) = message {
                map.insert("message".to_owned(), message);
            }
        }
        state.asked.insert(token.clone(), asked);
        state.trim(now);
        if self.shared.options.interactions_url.is_some() {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move { deliver(&shared, &token, &body).await });
        } else {
            // Interactions need no intent: every session of the guild's shard has them.
            state.dispatch("INTERACTION_CREATE", guild, u64::MAX, &body);
        }
        id
    }

    /// Signs a request as Discord does: the headers it would bring.
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> [(&'static str, String); 2] {
        [
            (
                "x-signature-ed25519",
                signature(&self.shared, timestamp, body),
            ),
            ("x-signature-timestamp", timestamp.to_owned()),
        ]
    }
}

fn signature(shared: &Shared, timestamp: &str, body: &[u8]) -> String {
    let signed = [timestamp.as_bytes(), body].concat();
    random::hex(&shared.key.sign(&signed).to_bytes())
}

/// Posts an interaction to the address of the application, and takes its answer.
async fn deliver(shared: &Shared, token: &str, body: &Value) {
    let Some(url) = &shared.options.interactions_url else {
        return;
    };
    let text = body.to_string();
    let timestamp = shared.now().secs().to_string();
    let request = shared
        .client
        .post(url)
        .header("content-type", "application/json")
        .header(
            "x-signature-ed25519",
            signature(shared, &timestamp, text.as_bytes()),
        )
        .header("x-signature-timestamp", &timestamp)
        .timeout(FIRST)
        .body(text);
    let Ok(response) = request.send().await else {
        tracing::warn!("nobody took an interaction");
        return;
    };
    let Ok(bytes) = response.bytes().await else {
        return;
    };
    if let Ok(answer) = serde_json::from_slice::<Value>(&bytes) {
        let now = shared.now();
        if shared.state().answer(token, &answer, now).is_err() {
            tracing::warn!("an interaction was answered with what Discord refuses");
        }
    }
}

fn has_button(components: &Value, button: &str) -> bool {
    let rows = components.as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().any(|row| {
        let buttons = row.get("components").and_then(Value::as_array);
        buttons.is_some_and(|buttons| {
            buttons
                .iter()
                .any(|one| one.get("custom_id").and_then(Value::as_str) == Some(button))
        })
    })
}

impl super::state::Guild {
    /// What somebody may do here, all roles together.
    fn permissions(&self, user: u64) -> u64 {
        if user == self.owner {
            return u64::MAX >> 12;
        }
        let everyone = self.roles.get(&self.id).map_or(0, |role| role.permissions);
        let member = self.members.get(&user);
        member.map_or(everyone, |member| {
            let own = member.roles.iter().filter_map(|role| self.roles.get(role));
            own.fold(everyone, |all, role| all | role.permissions)
        })
    }
}

impl State {
    /// The first answer to an interaction; answers the message it made.
    fn answer(
        &mut self,
        token: &str,
        answer: &Value,
        now: Timestamp,
    ) -> Result<Option<Value>, Refusal> {
        let asked = self
            .asked
            .get(token)
            .cloned()
            .ok_or(Refusal::unknown(10_062))?;
        if asked.is_acknowledged {
            return Err(Refusal::acknowledged());
        }
        if now.since(id::time_of(asked.id)) > FIRST {
            return Err(Refusal::unknown(10_062));
        }
        let data = answer.get("data").cloned().unwrap_or_else(|| json!({}));
        let flags = data.get("flags").and_then(Value::as_u64).unwrap_or(0);
        let mut original = None;
        match answer.get("type").and_then(Value::as_u64) {
            Some(4) => {
                check_message(&data)?;
                original = Some(self.say(asked.channel, &data, now));
            }
            Some(5 | 6) => {}
            _ => {
                let mut form = Form::default();
                form.wrong(
                    "type",
                    "BASE_TYPE_CHOICES",
                    "Value must be one of {4, 5, 6}.",
                );
                form.done()?;
            }
        }
        if let Some(asked) = self.asked.get_mut(token) {
            asked.is_acknowledged = true;
            asked.original = original;
            asked.flags = flags;
        }
        Ok(original.and_then(|id| self.message_in(asked.channel, id, false)))
    }

    /// An interaction that was acknowledged and is not over.
    fn acknowledged(&self, token: &str, now: Timestamp) -> Result<Asked, Refusal> {
        self.asked
            .get(token)
            .filter(|asked| asked.is_acknowledged && now.since(id::time_of(asked.id)) <= LATER)
            .cloned()
            .ok_or(Refusal::unknown(10_015))
    }
}

/// Whether the message that was made is to be answered.
#[derive(Debug, Deserialize)]
pub(super) struct With {
    with_response: Option<bool>,
}

pub(super) async fn callback(
    Extract(shared): Extract<Arc<Shared>>,
    Path((interaction, token)): Path<(u64, String)>,
    Query(with): Query<With>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    if state
        .asked
        .get(&token)
        .is_none_or(|asked| asked.id != interaction)
    {
        return Err(Refusal::unknown(10_062));
    }
    let message = state.answer(&token, &body, now)?;
    if with.with_response != Some(true) {
        return Ok(nothing());
    }
    let made = message
        .as_ref()
        .and_then(|message| message.get("id"))
        .cloned();
    Ok(Json(json!({
        "interaction": { "id": interaction.to_string(), "type": 2, "response_message_id": made },
        "resource": { "type": body.get("type"), "message": message },
    }))
    .into_response())
}

pub(super) async fn follow_up(
    Extract(shared): Extract<Arc<Shared>>,
    Path((_app, token)): Path<(u64, String)>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    let asked = state.acknowledged(&token, now)?;
    check_message(&body)?;
    let id = state.say(asked.channel, &body, now);
    Ok(Json(state.message_in(asked.channel, id, false)).into_response())
}

fn which(asked: &Asked, message: &str) -> Result<Option<u64>, Refusal> {
    if message == "@original" {
        return Ok(asked.original);
    }
    message.parse().map(Some).or(Err(Refusal::unknown(10_008)))
}

pub(super) async fn edit(
    Extract(shared): Extract<Arc<Shared>>,
    Path((_app, token, message)): Path<(u64, String, String)>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    let asked = state.acknowledged(&token, now)?;
    let view = if let Some(id) = which(&asked, &message)? {
        state.change(asked.channel, id, &body, now)?
    } else {
        // The first words of a deferred answer.
        check_message(&body)?;
        let mut body = body;
        if let Some(map) = body.as_object_mut() {
            map.insert("flags".to_owned(), json!(asked.flags));
        }
        let id = state.say(asked.channel, &body, now);
        if let Some(asked) = state.asked.get_mut(&token) {
            asked.original = Some(id);
        }
        state
            .message_in(asked.channel, id, false)
            .unwrap_or_default()
    };
    Ok(Json(view).into_response())
}

pub(super) async fn one(
    Extract(shared): Extract<Arc<Shared>>,
    Path((_app, token, message)): Path<(u64, String, String)>,
) -> Answer {
    let now = shared.now();
    let state = shared.state();
    let asked = state.acknowledged(&token, now)?;
    let id = which(&asked, &message)?.ok_or(Refusal::unknown(10_008))?;
    let view = state
        .message_in(asked.channel, id, false)
        .ok_or(Refusal::unknown(10_008))?;
    Ok(Json(view).into_response())
}

pub(super) async fn delete(
    Extract(shared): Extract<Arc<Shared>>,
    Path((_app, token, message)): Path<(u64, String, String)>,
) -> Answer {
    let now = shared.now();
    let mut state = shared.state();
    let asked = state.acknowledged(&token, now)?;
    let id = which(&asked, &message)?.ok_or(Refusal::unknown(10_008))?;
    state.remove(asked.channel, id)?;
    Ok(nothing())
}

fn check_commands(body: &Value) -> Result<(), Refusal> {
    let mut form = Form::default();
    let list = form.list("commands", Some(body), 100);
    for (at, command) in list.iter().enumerate() {
        form.text(&format!("{at}.name"), command.get("name"), 1, 32);
        form.text(
            &format!("{at}.description"),
            command.get("description"),
            1,
            100,
        );
        let name = command
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if !name.chars().all(|c| is_plain(c) && !c.is_uppercase()) {
            form.wrong(
                &format!("{at}.name"),
                "APPLICATION_COMMAND_INVALID_NAME",
                "Command name is invalid",
            );
        }
        let options = form.list(&format!("{at}.options"), command.get("options"), 25);
        for (number, option) in options.iter().enumerate() {
            let path = format!("{at}.options.{number}");
            form.text(&format!("{path}.name"), option.get("name"), 1, 32);
            form.text(
                &format!("{path}.description"),
                option.get("description"),
                1,
                100,
            );
        }
    }
    form.done()
}

fn put_for(shared: &Shared, headers: &HeaderMap, key: &str, body: &[u8]) -> Answer {
    if !is_bot(shared, headers) {
        return Err(Refusal::unauthorized());
    }
    let body = body_of(body)?;
    check_commands(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    let app = state.app.to_string();
    let mut made = body.as_array().cloned().unwrap_or_default();
    for command in &mut made {
        let id = state.next_id(now).to_string();
        if let Some(map) = command.as_object_mut() {
            for (key, value) in [
                ("id", id.clone()),
                ("application_id", app.clone()),
                ("version", id),
            ] {
                map.insert(key.to_owned(), json!(value));
            }
            map.entry("type").or_insert_with(|| json!(1));
            map.entry("default_member_permissions")
                .or_insert(Value::Null);
            map.entry("nsfw").or_insert_with(|| json!(false));
        }
    }
    state.commands.insert(key.to_owned(), made.clone());
    Ok(Json(made).into_response())
}

pub(super) async fn put_commands(
    Extract(shared): Extract<Arc<Shared>>,
    Path(app): Path<u64>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if app != shared.options.application {
        return Err(Refusal::missing_access());
    }
    put_for(&shared, &headers, "", &body)
}

pub(super) async fn put_guild_commands(
    Extract(shared): Extract<Arc<Shared>>,
    Path((app, guild)): Path<(u64, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if app != shared.options.application || shared.state().ours(guild).is_none() {
        return Err(Refusal::missing_access());
    }
    put_for(&shared, &headers, &guild.to_string(), &body)
}

pub(super) async fn commands(
    Extract(shared): Extract<Arc<Shared>>,
    Path(_app): Path<u64>,
) -> Json<Vec<Value>> {
    let state = shared.state();
    Json(state.commands.get("").cloned().unwrap_or_default())
}
