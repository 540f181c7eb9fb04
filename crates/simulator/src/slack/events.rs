//! What happens in a workspace, as Slack tells an app of it: the payloads, and whether the app hears
//! of it at all (installed, and its bot in the channel).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Shared, chat, deliver, ids, people,
    state::{Member, Sent, State},
};

/// The kinds of message besides a plain one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subtype {
    /// `/me`
    Me,
    /// Another app's.
    Bot,
    /// Our app's at a response address: it comes without our user.
    Answer,
}

/// Wraps an event and sends it, if the app hears in this place.
fn send(shared: &Arc<Shared>, team: &str, channel: Option<&str>, event: &Value) {
    let payload = {
        let mut state = shared.state();
        if !hears(&state, team, channel) {
            return;
        }
        wrap(shared, &mut state, team, event)
    };
    deliver::deliver(shared, "events_api", payload);
}

fn hears(state: &State, team: &str, channel: Option<&str>) -> bool {
    let Some(team) = state.teams.get(team).filter(|team| team.token.is_some()) else {
        return false;
    };
    let Some(channel) = channel else { return true };
    team.channels.get(channel).is_some_and(|room| room.has_bot)
        || team.directs.values().any(|direct| direct == channel)
}

fn wrap(shared: &Shared, state: &mut State, team_id: &str, event: &Value) -> Value {
    let n = state.number();
    let bot = state
        .teams
        .get(team_id)
        .map(|team| team.bot_user.clone())
        .unwrap_or_default();
    json!({
        "token": "simulated-verification-token",
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": null,
        "api_app_id": shared.options.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": format!("Ev{n:09}{}", ids::secret("event", team_id).get(..4).unwrap_or_default()),
        "event_time": shared.now_secs(),
        "authed_users": [bot],
        "authorizations": [{
            "enterprise_id": null,
            "team_id": team_id,
            "user_id": bot,
            "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": format!("4-{n}"),
    })
}

fn channel_type(channel: &str) -> &'static str {
    if channel.starts_with('D') {
        "im"
    } else {
        "channel"
    }
}

/// Somebody said something.
pub(super) fn said(shared: &Arc<Shared>, message: &Sent, subtype: Option<Subtype>) {
    if message.only_for.is_some() {
        return;
    }
    let (mut event, bot_user) = {
        let state = shared.state();
        let bot_user = state
            .teams
            .get(&message.team)
            .map(|team| team.bot_user.clone())
            .unwrap_or_default();
        (chat::shown(&state, message), bot_user)
    };
    if let Value::Object(fields) = &mut event {
        fields.insert("channel".into(), json!(message.channel));
        fields.insert("channel_type".into(), json!(channel_type(&message.channel)));
        fields.insert("event_ts".into(), json!(message.ts));
        if message.is_ours {
            fields.insert("app_id".into(), json!(shared.options.app_id));
        }
        match subtype {
            Some(Subtype::Me) => {
                fields.insert("subtype".into(), json!("me_message"));
            }
            Some(Subtype::Bot) => {
                fields.insert("subtype".into(), json!("bot_message"));
                fields.insert("bot_id".into(), json!(ids::slack_id('B', &message.user)));
                fields.insert("username".into(), json!(message.user));
                fields.remove("user");
            }
            Some(Subtype::Answer) => {
                fields.insert("subtype".into(), json!("bot_message"));
                fields.remove("user");
            }
            None if !message.is_ours => {
                let id = ids::secret(
                    "client message",
                    &format!("{}{}", message.channel, message.ts),
                );
                fields.insert("client_msg_id".into(), json!(id));
            }
            None => {}
        }
    }
    let mention =
        (!message.is_ours && message.text.contains(&format!("<@{bot_user}>"))).then(|| {
            let mut mention = event.clone();
            if let Value::Object(fields) = &mut mention {
                fields.insert("type".into(), json!("app_mention"));
                fields.remove("channel_type");
            }
            mention
        });
    send(shared, &message.team, Some(&message.channel), &event);
    if let Some(mention) = mention {
        send(shared, &message.team, Some(&message.channel), &mention);
    }
}

/// A message was changed.
pub(super) fn changed(shared: &Arc<Shared>, message: &Sent, before: &Sent) {
    let (now, then, ts) = {
        let mut state = shared.state();
        let at = shared.options.clock.now();
        (
            chat::shown(&state, message),
            chat::shown(&state, before),
            state.ts(at),
        )
    };
    let event = json!({
        "type": "message",
        "subtype": "message_changed",
        "hidden": true,
        "message": now,
        "previous_message": then,
        "channel": message.channel,
        "channel_type": channel_type(&message.channel),
        "ts": ts,
        "event_ts": ts,
    });
    send(shared, &message.team, Some(&message.channel), &event);
}

/// A message was taken back.
pub(super) fn deleted(shared: &Arc<Shared>, message: &Sent) {
    let (then, ts) = {
        let mut state = shared.state();
        let at = shared.options.clock.now();
        (chat::shown(&state, message), state.ts(at))
    };
    let event = json!({
        "type": "message",
        "subtype": "message_deleted",
        "hidden": true,
        "deleted_ts": message.ts,
        "previous_message": then,
        "channel": message.channel,
        "channel_type": channel_type(&message.channel),
        "ts": ts,
        "event_ts": ts,
    });
    send(shared, &message.team, Some(&message.channel), &event);
}

/// Somebody came into a channel.
pub(super) fn joined(shared: &Arc<Shared>, team: &str, channel: &str, user: &str) {
    let ts = fresh_ts(shared);
    let event = json!({
        "type": "member_joined_channel",
        "user": user,
        "channel": channel,
        "channel_type": "C",
        "team": team,
        "event_ts": ts,
    });
    send(shared, team, Some(channel), &event);
}

/// Somebody came into the workspace.
pub(super) fn came(shared: &Arc<Shared>, team: &str, member: &Member) {
    let ts = fresh_ts(shared);
    let event = json!({
        "type": "team_join",
        "user": people::shown(team, member),
        "event_ts": ts,
    });
    send(shared, team, None, &event);
}

/// Somebody reacted.
pub(super) fn reacted(shared: &Arc<Shared>, message: &Sent, user: &str, name: &str) {
    let ts = fresh_ts(shared);
    let event = json!({
        "type": "reaction_added",
        "user": user,
        "reaction": name,
        "item_user": message.user,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "event_ts": ts,
    });
    send(shared, &message.team, Some(&message.channel), &event);
}

/// Takes the app's token away and tells it.
pub(super) fn revoke(shared: &Arc<Shared>, team: &str) {
    let payload = {
        let mut state = shared.state();
        let Some(one) = state.teams.get_mut(team) else {
            return;
        };
        if !one.uninstall() {
            return;
        }
        let event = json!({
            "type": "tokens_revoked",
            "tokens": {"oauth": [], "bot": [one.bot_user]},
            "event_ts": "",
        });
        wrap(shared, &mut state, team, &event)
    };
    deliver::deliver(shared, "events_api", payload);
}

/// Removes the app from the workspace and tells it.
pub(super) fn uninstall(shared: &Arc<Shared>, team: &str) {
    let payload = {
        let mut state = shared.state();
        wrap(
            shared,
            &mut state,
            team,
            &json!({"type": "app_uninstalled", "event_ts": ""}),
        )
    };
    deliver::deliver(shared, "events_api", payload);
    revoke(shared, team);
}

fn fresh_ts(shared: &Shared) -> String {
    let at = shared.options.clock.now();
    shared.state().ts(at)
}
