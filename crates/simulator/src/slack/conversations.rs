//! `conversations.*`: which places there are and who is in them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    answer::{Refusal, page},
    call::Call,
    state::Room,
};

fn shown(room: &Room, n_members: usize) -> Value {
    json!({
        "id": room.id,
        "name": room.name,
        "name_normalized": room.name,
        "created": 1_700_000_000,
        "creator": "USLACKBOT",
        "is_channel": !room.is_private,
        "is_group": room.is_private,
        "is_im": false,
        "is_mpim": false,
        "is_private": room.is_private,
        "is_archived": room.is_archived,
        "is_general": room.name == "general",
        "is_shared": false,
        "is_org_shared": false,
        "is_member": room.has_bot,
        "num_members": n_members,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    })
}

/// `conversations.open`
pub(super) fn open(call: &Call<'_>) -> Result<Value, Refusal> {
    let users = call.args.list("users");
    let mut state = call.shared.state();
    let team = state.teams.get_mut(&call.team).ok_or("invalid_auth")?;
    let user = match users.as_slice() {
        [] => return Err("users_list_not_supplied"),
        [user] => user,
        // Conversations of several are not needed here.
        _ => return Err("too_many_users"),
    };
    if !team.people.contains_key(user) {
        return Err("user_not_found");
    }
    if *user == team.bot_user {
        return Err("cannot_dm_bot");
    }
    let (id, was_open) = team.direct(user);
    let channel = if call.args.flag("return_im") == Some(true) {
        json!({"id": id, "created": 1_700_000_000, "is_im": true, "user": user})
    } else {
        json!({ "id": id })
    };
    if was_open {
        Ok(json!({"channel": channel, "no_op": true, "already_open": true}))
    } else {
        Ok(json!({ "channel": channel }))
    }
}

/// `conversations.list`
pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let types = call.args.list("types");
    let without_archived = call.args.flag("exclude_archived") == Some(true);
    let wanted = |name: &str| {
        if types.is_empty() {
            name == "public_channel"
        } else {
            types.iter().any(|one| one == name)
        }
    };
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    let found = team
        .channels
        .values()
        .filter(|room| {
            let kind = if room.is_private {
                "private_channel"
            } else {
                "public_channel"
            };
            // Of private channels an app sees only those it is in.
            wanted(kind)
                && !(without_archived && room.is_archived)
                && (!room.is_private || room.has_bot)
        })
        .map(|room| shown(room, team.inside.get(&room.id).map_or(0, HashSet::len)))
        .collect();
    let (channels, metadata) = page(found, call.args, 1_000)?;
    Ok(json!({"channels": channels, "response_metadata": metadata}))
}

/// `conversations.info`
pub(super) fn info(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.text("channel");
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    if let Some((user, id)) = team.directs.iter().find(|(_, id)| **id == channel) {
        return Ok(json!({"channel":
            {"id": id, "created": 1_700_000_000, "is_im": true, "user": user}}));
    }
    let room = team.channels.get(&channel).ok_or("channel_not_found")?;
    if room.is_private && !room.has_bot {
        return Err("channel_not_found");
    }
    let n_members = team.inside.get(&channel).map_or(0, HashSet::len);
    Ok(json!({ "channel": shown(room, n_members) }))
}

/// `conversations.members`
pub(super) fn members(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.text("channel");
    let state = call.shared.state();
    let team = state.teams.get(&call.team).ok_or("invalid_auth")?;
    let room = team.channels.get(&channel).ok_or("channel_not_found")?;
    let mut inside: Vec<String> = team
        .inside
        .get(&channel)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if room.has_bot {
        inside.push(team.bot_user.clone());
    }
    inside.sort();
    let (members, metadata) = page(inside, call.args, 1_000)?;
    Ok(json!({"members": members, "response_metadata": metadata}))
}

/// `conversations.join`
pub(super) fn join(call: &Call<'_>) -> Result<Value, Refusal> {
    let channel = call.args.text("channel");
    let mut state = call.shared.state();
    let team = state.teams.get_mut(&call.team).ok_or("invalid_auth")?;
    let room = team
        .channels
        .get_mut(&channel)
        .filter(|room| !room.is_private || room.has_bot)
        .ok_or("channel_not_found")?;
    if room.is_archived {
        return Err("is_archived");
    }
    room.has_bot = true;
    Ok(json!({ "channel": shown(room, 0) }))
}
