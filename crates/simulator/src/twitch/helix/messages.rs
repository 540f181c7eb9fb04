//! Chat messages, announcements, whispers, and taking a message away.

use std::time::Duration;

use serde_json::json;

use super::{Answer, Ask, bad, refuse};
use crate::twitch::{
    chat::{self, TEXT_MAX},
    state::{KEPT_MAX, Sent, State, Whisper},
};

/// Announcements of one sender in one channel; the number is not documented.
const ANNOUNCEMENTS: (usize, Duration) = (1, Duration::from_secs(2));
const DAY: Duration = Duration::from_secs(86_400);

/// `POST /chat/messages`
pub(crate) fn send(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = ask.need_field("broadcaster_id")?.to_owned();
    let sender = ask.need_field("sender_id")?.to_owned();
    let text = ask.need_field("message")?;
    if ask.caller.user.is_some() {
        ask.need_user(&sender, "sender_id")?;
        ask.need_scope("user:write:chat")?;
    } else {
        // An application may speak for a user who allowed it, where the broadcaster did too.
        if !state.has_allowed(&sender, "user:write:chat") || !state.has_allowed(&sender, "user:bot")
        {
            return Err(refuse(401, "Missing scope: user:bot"));
        }
        if !state.is_moderator(&broadcaster, &sender)
            && !state.has_allowed(&broadcaster, "channel:bot")
        {
            return Err(refuse(401, "Missing scope: channel:bot"));
        }
    }
    if !state.users.contains_key(&broadcaster) {
        return Err(bad("The ID in broadcaster_id is not valid."));
    }
    let (_, channel) = state.channel(&broadcaster);
    if channel.banned.contains(&sender) {
        return Err(refuse(
            403,
            "The sender is not permitted to send chat messages to the broadcaster's chat room.",
        ));
    }
    let reply_to = ask.field("reply_parent_message_id");
    if let Some(parent) = reply_to
        && !channel.messages.iter().any(|(id, _, _)| id == parent)
    {
        return Err(bad("The ID in reply_parent_message_id is not valid."));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(refuse(422, "The message is too large."));
    }
    let said = chat::through_api(ask.shared, state, &broadcaster, &sender, text, reply_to);
    let view = match said {
        Ok(id) => json!({ "message_id": id, "is_sent": true, "drop_reason": null }),
        Err(dropped) => json!({
            "message_id": "",
            "is_sent": false,
            "drop_reason": { "code": dropped.code, "message": dropped.message },
        }),
    };
    Ok((200, Some(json!({ "data": [view] }))))
}

/// `POST /chat/announcements`
pub(crate) fn announce(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = ask.need_param("broadcaster_id")?.to_owned();
    let moderator = ask.need_param("moderator_id")?.to_owned();
    ask.need_user(&moderator, "moderator_id")?;
    ask.need_scope("moderator:manage:announcements")?;
    let text = ask.need_field("message")?;
    if !state.is_moderator(&broadcaster, &moderator) {
        let message = "The user in moderator_id is not one of the broadcaster's moderators.";
        return Err(refuse(403, message));
    }
    let colour = ask.field("color").unwrap_or("primary");
    if !["blue", "green", "orange", "purple", "primary"].contains(&colour) {
        return Err(bad("The specified color is not valid."));
    }
    let (limit, period) = ANNOUNCEMENTS;
    let recent = state.sent.iter().rev().filter(|sent| {
        sent.is_announcement
            && sent.broadcaster == broadcaster
            && sent.sender == moderator
            && ask.now.millis() - sent.at_ms < i64::try_from(period.as_millis()).unwrap_or(0)
    });
    if recent.count() >= limit {
        return Err(refuse(
            429,
            "The sender has exceeded the number of announcements they may send.",
        ));
    }
    state.note_sent(Sent {
        id: String::new(),
        broadcaster,
        sender: moderator,
        // Twitch truncates what is longer.
        text: text.chars().take(TEXT_MAX).collect(),
        reply_to: None,
        is_announcement: true,
        is_deleted: false,
        at_ms: ask.now.millis(),
    });
    Ok((204, None))
}

/// `POST /whispers`
pub(crate) fn whisper(ask: &Ask, state: &mut State) -> Answer {
    let from = ask.need_param("from_user_id")?.to_owned();
    let to = ask.need_param("to_user_id")?.to_owned();
    ask.need_user(&from, "from_user_id")?;
    ask.need_scope("user:manage:whispers")?;
    let text = ask.need_field("message")?;
    if from == to {
        return Err(bad(
            "The ID in from_user_id and to_user_id must be different",
        ));
    }
    let Some(user) = state.users.get(&to) else {
        return Err(refuse(404, "The ID in to_user_id was not found."));
    };
    let has_arrived = user.takes_whispers;
    let log = state.whispered.entry(from.clone()).or_default();
    while log.front().is_some_and(|(at, _)| ask.now.since(*at) >= DAY) {
        log.pop_front();
    }
    let within = |secs: u64| {
        let period = Duration::from_secs(secs);
        let recent = log.iter().filter(|(at, _)| ask.now.since(*at) < period);
        recent.count()
    };
    let mut people: Vec<&String> = log.iter().map(|(_, to)| to).collect();
    people.sort_unstable();
    people.dedup();
    let is_new = !people.contains(&&to);
    if within(1) >= 3 || within(60) >= 100 || (is_new && people.len() >= 40) {
        return Err(refuse(
            429,
            "The sending user exceeded the number of whisper requests that they may make.",
        ));
    }
    // To whom never wrote: 500 characters.
    let text: String = text.chars().take(TEXT_MAX).collect();
    log.push_back((ask.now, to.clone()));
    if state.whispers.len() == KEPT_MAX {
        state.whispers.pop_front();
    }
    state.whispers.push_back(Whisper {
        from,
        to,
        text,
        has_arrived,
    });
    Ok((204, None))
}

/// `DELETE /moderation/chat`
pub(crate) fn delete(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = ask.need_param("broadcaster_id")?.to_owned();
    let moderator = ask.need_param("moderator_id")?.to_owned();
    ask.need_user(&moderator, "moderator_id")?;
    ask.need_scope("moderator:manage:chat_messages")?;
    if !state.is_moderator(&broadcaster, &moderator) {
        let message = "The user in moderator_id is not one of the broadcaster's moderators.";
        return Err(refuse(403, message));
    }
    let six_hours = Duration::from_secs(6 * 3_600);
    let message = ask.param("message_id");
    if let Some(id) = message {
        let (_, channel) = state.channel(&broadcaster);
        let found = channel.messages.iter().find(|(found, _, _)| found == id);
        let Some((_, author, at)) = found.cloned() else {
            return Err(refuse(404, "The ID in message_id was not found."));
        };
        if ask.now.since(at) > six_hours {
            return Err(refuse(
                404,
                "The specified message was created more than 6 hours ago.",
            ));
        }
        if author == broadcaster && moderator != broadcaster {
            return Err(bad("You may not delete the broadcaster's messages."));
        }
        if state.is_moderator(&broadcaster, &author)
            && author != moderator
            && moderator != broadcaster
        {
            return Err(bad("You may not delete another moderator's messages."));
        }
    }
    for sent in &mut state.sent {
        if sent.broadcaster == broadcaster && message.is_none_or(|id| sent.id == id) {
            sent.is_deleted = true;
        }
    }
    Ok((204, None))
}
