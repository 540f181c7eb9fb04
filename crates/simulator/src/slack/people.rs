//! `auth.*`, `users.*`, `reactions.add`, `views.open`, `apps.uninstall`.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, page},
    call::Call,
    events,
    state::Member,
};

pub(super) fn shown(team: &str, member: &Member) -> Value {
    let display = if member.display_name.is_empty() {
        &member.name
    } else {
        &member.display_name
    };
    json!({
        "id": member.id,
        "team_id": team,
        "name": member.name,
        "deleted": false,
        "color": "9f69e7",
        "real_name": display,
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "profile": {
            "title": "",
            "phone": "",
            "skype": "",
            "avatar_hash": "",
            "real_name": display,
            "real_name_normalized": display,
            "display_name": display,
            "display_name_normalized": display,
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "team": team,
        },
        "is_admin": member.is_admin || member.is_owner,
        "is_owner": member.is_owner,
        "is_primary_owner": false,
        "is_restricted": false,
        "is_ultra_restricted": false,
        "is_bot": member.is_bot,
        "is_app_user": false,
        "updated": 1_700_000_000,
    })
}

/// `auth.test`
pub(super) fn auth_test(call: &Call<'_>) -> Result<Value, Refusal> {
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    Ok(json!({
        "url": format!("{}/", call.shared.url()),
        "team": team.name,
        "user": "waddlebot",
        "team_id": call.team,
        "user_id": team.bot_user,
        "bot_id": team.bot_id,
        "is_enterprise_install": false,
    }))
}

/// `auth.revoke`
pub(super) fn auth_revoke(call: &Call<'_>) -> Value {
    let is_test = call.args.flag("test") == Some(true);
    if !is_test {
        events::revoke(call.shared, &call.team);
    }
    json!({ "revoked": !is_test })
}

/// `apps.uninstall`
pub(super) fn uninstall(call: &Call<'_>) -> Result<Value, Refusal> {
    let ours = &call.shared.options;
    if call.args.client != Some((ours.client_id.clone(), ours.client_secret.clone())) {
        return Err("bad_client_secret");
    }
    events::uninstall(call.shared, &call.team);
    Ok(json!({}))
}

/// `users.info`
pub(super) fn info(call: &Call<'_>) -> Result<Value, Refusal> {
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    let member = team
        .people
        .get(&call.args.text("user"))
        .ok_or("user_not_found")?;
    Ok(json!({ "user": shown(&call.team, member) }))
}

/// `users.list`
pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    let all = team
        .people
        .values()
        .map(|member| shown(&call.team, member))
        .collect();
    let (members, metadata) = page(all, call.args, 1_000)?;
    Ok(json!({
        "members": members,
        "cache_ts": call.shared.now_secs(),
        "response_metadata": metadata,
    }))
}

/// `reactions.add`
pub(super) fn react(call: &Call<'_>) -> Result<Value, Refusal> {
    let name = call.args.given("name").ok_or("invalid_name")?;
    let channel = call.args.given("channel").ok_or("channel_not_found")?;
    let mut state = call.shared.state();
    let bot = state
        .teams
        .get(&call.team)
        .ok_or("invalid_auth")?
        .bot_user
        .clone();
    let message = state
        .message(&call.team, &channel, &call.args.text("timestamp"))
        .ok_or("message_not_found")?;
    let reaction = (name, bot);
    if message.reactions.contains(&reaction) {
        return Err("already_reacted");
    }
    message.reactions.push(reaction);
    call.shared.changed.notify_waiters();
    Ok(json!({}))
}

/// `views.open`
pub(super) fn open_view(call: &Call<'_>) -> Result<Value, Refusal> {
    let trigger = call.args.given("trigger_id").ok_or("invalid_arguments")?;
    if !trigger.starts_with("trigger.") {
        return Err("invalid_trigger_id");
    }
    let Ok(Value::Object(mut view)) = call.args.json("view") else {
        return Err("invalid_arguments");
    };
    let id = format!("V{:010}", call.shared.state().number());
    view.insert("id".into(), json!(id));
    view.insert("team_id".into(), json!(call.team));
    Ok(json!({ "view": view }))
}
