//! Users, channels, streams, chatters, moderators.

use serde_json::{Value, json};

use super::{Answer, Ask, Refusal, bad, refuse};
use crate::twitch::{
    Partnership,
    state::{Standing, State, User},
};

/// Ids or logins in one request.
const ASKED_MAX: usize = 100;

/// `GET /users`
pub(crate) fn users(ask: &Ask, state: &State) -> Answer {
    let (ids, logins): (Vec<_>, Vec<_>) =
        (ask.params("id").collect(), ask.params("login").collect());
    if ids.len() + logins.len() > ASKED_MAX {
        return Err(bad(
            "The number of IDs or logins exceeds the maximum of 100",
        ));
    }
    let found: Vec<&User> = if ids.is_empty() && logins.is_empty() {
        let Some(caller) = &ask.caller.user else {
            return Err(bad("Must provide an ID, Login or OAuth Token"));
        };
        state.users.get(caller).into_iter().collect()
    } else {
        let is_asked =
            |user: &&User| ids.contains(&user.id.as_str()) || logins.contains(&user.login.as_str());
        state.users.values().filter(is_asked).collect()
    };
    let has_mail = ask
        .caller
        .scopes
        .iter()
        .any(|scope| scope == "user:read:email");
    let shown = |user: &User| {
        let mut shown = view(state, user);
        if let (true, Value::Object(fields)) = (
            has_mail && ask.caller.user.as_ref() == Some(&user.id),
            &mut shown,
        ) {
            fields.insert(
                "email".to_owned(),
                json!(format!("{}@example.org", user.id)),
            );
        }
        shown
    };
    let data: Vec<Value> = found.into_iter().map(shown).collect();
    Ok((200, Some(json!({ "data": data }))))
}

fn view(state: &State, user: &User) -> Value {
    let channel = state.channels.get(&user.id);
    let partnership = match channel.map(|channel| channel.partnership) {
        Some(Partnership::Partner) => "partner",
        Some(Partnership::Affiliate) => "affiliate",
        Some(Partnership::None) | None => "",
    };
    json!({
        "id": user.id,
        "login": user.login,
        "display_name": user.name,
        "type": "",
        "broadcaster_type": partnership,
        "description": "",
        "profile_image_url": "",
        "offline_image_url": "",
        "view_count": 0,
        "created_at": crate::twitch::time::whole(user.created_at),
    })
}

/// `GET /channels`
pub(crate) fn channels(ask: &Ask, state: &State) -> Answer {
    ask.need_param("broadcaster_id")?;
    let data: Vec<Value> = ask
        .params("broadcaster_id")
        .take(ASKED_MAX)
        .filter(|id| state.users.contains_key(*id))
        .map(|id| {
            let user = state.person(id);
            let title = state.channels.get(id).map(|channel| channel.title.clone());
            json!({
                "broadcaster_id": user.id,
                "broadcaster_login": user.login,
                "broadcaster_name": user.name,
                "broadcaster_language": "en",
                "game_name": "",
                "game_id": "",
                "title": title.unwrap_or_default(),
                "delay": 0,
                "tags": [],
                "content_classification_labels": [],
                "is_branded_content": false,
            })
        })
        .collect();
    Ok((200, Some(json!({ "data": data }))))
}

/// `GET /streams`
pub(crate) fn streams(ask: &Ask, state: &State) -> (u16, Option<Value>) {
    let ids: Vec<_> = ask.params("user_id").collect();
    let logins: Vec<_> = ask.params("user_login").collect();
    let data: Vec<Value> = state
        .channels
        .iter()
        .filter_map(|(id, channel)| {
            let (stream, since) = channel.stream.as_ref()?;
            let user = state.person(id);
            let is_asked = (ids.is_empty() && logins.is_empty())
                || ids.contains(&id.as_str())
                || logins.contains(&user.login.as_str());
            is_asked.then(|| {
                json!({
                    "id": stream,
                    "user_id": user.id,
                    "user_login": user.login,
                    "user_name": user.name,
                    "game_id": "",
                    "game_name": "",
                    "type": "live",
                    "title": channel.title,
                    "viewer_count": channel.chatters.len(),
                    "started_at": crate::twitch::time::whole(*since),
                    "language": "en",
                    "thumbnail_url": "",
                    "tag_ids": [],
                    "tags": [],
                    "is_mature": false,
                })
            })
        })
        .collect();
    (200, Some(json!({ "data": data, "pagination": {} })))
}

/// `GET /chat/chatters`
pub(crate) fn chatters(ask: &Ask, state: &State) -> Answer {
    let broadcaster = ask.need_param("broadcaster_id")?;
    let moderator = ask.need_param("moderator_id")?;
    ask.need_user(moderator, "moderator_id")?;
    ask.need_scope("moderator:read:chatters")?;
    if !state.is_moderator(broadcaster, moderator) {
        return Err(refuse(
            403,
            "The user in moderator_id is not one of the broadcaster's moderators.",
        ));
    }
    let people = state
        .channels
        .get(broadcaster)
        .map(|channel| channel.chatters.iter().cloned().collect())
        .unwrap_or_default();
    page(ask, state, people, 1_000, true)
}

/// `GET /moderation/moderators`
pub(crate) fn moderators(ask: &Ask, state: &State) -> Answer {
    let broadcaster = ask.need_param("broadcaster_id")?;
    ask.need_user(broadcaster, "broadcaster_id")?;
    ask.need_scope("moderation:read")?;
    let asked: Vec<_> = ask.params("user_id").collect();
    let people = state
        .channels
        .get(broadcaster)
        .map(|channel| {
            channel
                .standing
                .iter()
                .filter(|(_, standing)| **standing == Standing::Moderator)
                .filter(|(id, _)| asked.is_empty() || asked.contains(&id.as_str()))
                .map(|(id, _)| id.clone())
                .collect()
        })
        .unwrap_or_default();
    page(ask, state, people, 100, false)
}

/// A page of people; the cursor is the number of those before.
fn page(
    ask: &Ask,
    state: &State,
    people: Vec<String>,
    first_max: usize,
    has_total: bool,
) -> Answer {
    let number = |name: &str, default: usize| -> Result<usize, Refusal> {
        ask.param(name).map_or(Ok(default), |text| {
            text.parse().ok().ok_or_else(|| bad("invalid pagination"))
        })
    };
    let first = number("first", first_max.min(100))?.clamp(1, first_max);
    let after = number("after", 0)?;
    let total = people.len();
    let data: Vec<Value> = people
        .into_iter()
        .skip(after)
        .take(first)
        .map(|id| {
            let user = state.person(&id);
            json!({ "user_id": user.id, "user_login": user.login, "user_name": user.name })
        })
        .collect();
    let next = after + data.len();
    let pagination = if next < total {
        json!({ "cursor": next.to_string() })
    } else {
        json!({})
    };
    let mut body = json!({ "data": data, "pagination": pagination });
    if let (true, Value::Object(body)) = (has_total, &mut body) {
        body.insert("total".to_owned(), total.into());
    }
    Ok((200, Some(body)))
}
