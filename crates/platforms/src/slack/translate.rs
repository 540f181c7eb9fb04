//! From what Slack tells to our words. Pure: names are filled in later.

use kernel::{
    Account, ChatEvent, EventKind, Heard, Interaction, InteractionKind, Origin, Platform, Secret,
    Source, Timestamp, event::Message,
};
use serde::Deserialize;
use serde_json::Value;
use slack_morphism::{
    SlackReactionsItem,
    events::{
        SlackCommandEvent, SlackEventCallbackBody, SlackInteractionActionContainer,
        SlackInteractionBlockActionsEvent, SlackInteractionEvent, SlackMessageEvent,
        SlackMessageEventType, SlackPushEventCallback,
    },
};

use super::{courier::message_id, render::LINK};

/// What to make of something that came.
#[derive(Debug, PartialEq)]
pub(super) enum Noted {
    /// To be heard; `thread` is the message it hangs under, if it hangs.
    Heard {
        heard: Box<Heard>,
        thread: Option<String>,
    },
    /// The workspace is ours no more; why.
    Gone { team: String, why: &'static str },
    /// Nothing, for this reason.
    Ignored(&'static str),
}

fn heard(heard: Heard) -> Noted {
    Noted::Heard {
        heard: Box::new(heard),
        thread: None,
    }
}

/// A time stamp of Slack's (`1700000000.000100`) as ours.
pub(super) fn time(ts: &str) -> Option<Timestamp> {
    let (secs, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let secs: i64 = secs.parse().ok()?;
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some(Timestamp(secs.checked_mul(1_000_000)?.checked_add(micros)?))
}

/// Of a type that slack-morphism does not know.
#[derive(Deserialize)]
struct Other {
    #[serde(rename = "type")]
    kind: String,
}

/// An event of the Events API, whichever way it came. `is_our_bot` knows our bot ids: what we say at
/// a response address comes back without our user.
pub(super) fn event(callback: SlackPushEventCallback, is_our_bot: impl Fn(&str) -> bool) -> Noted {
    let team = callback.team_id.0;
    let at = Timestamp::from_secs(callback.event_time.0.as_second());
    let id = callback.event_id.0;
    let ours: Vec<&str> = callback
        .authorizations
        .iter()
        .flatten()
        .map(|authorisation| authorisation.user_id.0.as_str())
        .collect();
    let joined = |origin: Origin, user: String| {
        heard(Heard::Event(ChatEvent {
            platform: Platform::Slack,
            event_id: format!("{team}:{id}"),
            origin,
            account: account(user),
            sent_at: at,
            source: Source::Live,
            kind: EventKind::Join,
        }))
    };
    match callback.event {
        SlackEventCallbackBody::Message(event) => message(&team, &ours, is_our_bot, event),
        SlackEventCallbackBody::MemberJoinedChannel(event)
            if ours.contains(&event.user.0.as_str()) =>
        {
            Noted::Ignored("ours")
        }
        SlackEventCallbackBody::MemberJoinedChannel(event) => {
            joined(origin(&team, &event.channel.0), event.user.0)
        }
        SlackEventCallbackBody::TeamJoin(event) => joined(origin(&team, ""), event.user.id.0),
        SlackEventCallbackBody::ReactionAdded(event) => {
            if ours.contains(&event.user.0.as_str()) {
                return Noted::Ignored("ours");
            }
            let SlackReactionsItem::Message(on) = event.item else {
                return Noted::Ignored("reaction to a file");
            };
            let Some(channel) = on.origin.channel else {
                return Noted::Ignored("malformed");
            };
            heard(Heard::Event(ChatEvent {
                platform: Platform::Slack,
                event_id: format!("{team}:{id}"),
                origin: origin(&team, &channel.0),
                account: account(event.user.0),
                sent_at: time(&event.event_ts.0).unwrap_or(at),
                source: Source::Live,
                kind: EventKind::Reaction {
                    emoji: event.reaction.0,
                    message_id: message_id(&team, &channel.0, &on.origin.ts.0),
                },
            }))
        }
        // The same comes as a message.
        SlackEventCallbackBody::AppMention(_) => Noted::Ignored("mention"),
        SlackEventCallbackBody::AppUninstalled(_) => Noted::Gone {
            team,
            why: "the app was removed from the workspace",
        },
        SlackEventCallbackBody::Unknown(event) => other(team, &event),
        _ => Noted::Ignored("other event"),
    }
}

fn other(team: String, event: &Value) -> Noted {
    match Other::deserialize(event) {
        Ok(other) if other.kind == "tokens_revoked" => {
            let has_bot = event
                .pointer("/tokens/bot")
                .and_then(Value::as_array)
                .is_some_and(|bots| !bots.is_empty());
            if has_bot {
                Noted::Gone {
                    team,
                    why: "the workspace has revoked our token",
                }
            } else {
                Noted::Ignored("other event")
            }
        }
        Ok(_) => Noted::Ignored("unknown type"),
        Err(_) => Noted::Ignored("malformed"),
    }
}

fn message(
    team: &str,
    ours: &[&str],
    is_our_bot: impl Fn(&str) -> bool,
    event: SlackMessageEvent,
) -> Noted {
    let why_not = match event.subtype {
        None
        | Some(
            SlackMessageEventType::MeMessage
            | SlackMessageEventType::BotMessage
            | SlackMessageEventType::ThreadBroadcast
            | SlackMessageEventType::FileShare,
        ) => None,
        Some(SlackMessageEventType::MessageChanged) => Some("edit"),
        Some(SlackMessageEventType::MessageDeleted) => Some("deletion"),
        Some(SlackMessageEventType::ChannelJoin) => Some("join notice"),
        Some(SlackMessageEventType::Other(_)) => Some("unknown subtype"),
        Some(_) => Some("notice"),
    };
    if let Some(why) = why_not {
        return Noted::Ignored(why);
    }
    if event.hidden == Some(true) {
        return Noted::Ignored("hidden");
    }
    let Some(channel) = event.origin.channel else {
        return Noted::Ignored("malformed");
    };
    let sender = event.sender;
    let user = sender.user.map(|user| user.0);
    let bot = sender.bot_id.as_ref().map(|bot| bot.0.as_str());
    // What we said ourselves belongs to the conversation; it is a bot's, and no bot is obeyed.
    let is_ours =
        user.as_deref().is_some_and(|user| ours.contains(&user)) || bot.is_some_and(is_our_bot);
    let is_bot = is_ours || sender.bot_id.is_some();
    // At a response address our words come without our user.
    let ours = ours
        .first()
        .filter(|_| is_ours)
        .map(|ours| (*ours).to_owned());
    let id = user.or(ours).or_else(|| sender.bot_id.map(|bot| bot.0));
    let Some(id) = id else {
        return Noted::Ignored("malformed");
    };
    let ts = event.origin.ts.0;
    let Some(sent_at) = time(&ts) else {
        return Noted::Ignored("malformed");
    };
    let content = event.content;
    let raw = content
        .as_ref()
        .and_then(|content| content.text.clone())
        .unwrap_or_default();
    let n_embeds = content.map_or(0, |content| {
        content.attachments.map_or(0, |all| all.len()) + content.files.map_or(0, |all| all.len())
    });
    let thread = event
        .origin
        .thread_ts
        .map(|thread| thread.0)
        .filter(|thread| *thread != ts);
    let mut account = account(id);
    account.is_bot = is_bot;
    let names = [
        sender.username,
        sender.bot_profile.map(|profile| profile.name),
    ];
    if let Some(name) = names.into_iter().flatten().find(|name| !name.is_empty()) {
        account.username = name;
    }
    Noted::Heard {
        heard: Box::new(Heard::Event(ChatEvent {
            platform: Platform::Slack,
            event_id: message_id(team, &channel.0, &ts),
            origin: origin(team, &channel.0),
            account,
            sent_at,
            source: Source::Live,
            kind: EventKind::Message(Message {
                is_ours,
                n_mentions: n_mentions(&raw),
                text: readable(&raw),
                n_embeds: u32::try_from(n_embeds).unwrap_or(u32::MAX),
                reply_to: thread
                    .as_ref()
                    .map(|thread| message_id(team, &channel.0, thread)),
            }),
        })),
        thread,
    }
}

/// A slash command: `/waddlebot ping x`. Without a word it is `help`.
pub(super) fn command(
    event: SlackCommandEvent,
    user_name: Option<String>,
    now: Timestamp,
) -> Noted {
    let text = readable(&event.text.unwrap_or_default());
    let text = text.trim();
    let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = name.trim_start_matches(['!', '/']);
    let name = if name.is_empty() { "help" } else { name };
    let mut account = account(event.user_id.0);
    if let Some(user_name) = user_name.filter(|name| !name.is_empty()) {
        account.username = user_name;
    }
    heard(Heard::Interaction(Interaction {
        platform: Platform::Slack,
        id: event.trigger_id.0,
        token: Secret::new(event.response_url.0.to_string()),
        origin: Origin {
            channel_name: event.channel_name.unwrap_or_default(),
            ..origin(&event.team_id.0, &event.channel_id.0)
        },
        account,
        at: now,
        kind: InteractionKind::Command {
            name: name.to_lowercase(),
            arguments: arguments.trim().to_owned(),
        },
    }))
}

/// A press or another interaction.
pub(super) fn interaction(event: SlackInteractionEvent, now: Timestamp) -> Noted {
    match event {
        SlackInteractionEvent::BlockActions(event) => press(event, now),
        _ => Noted::Ignored("other interaction"),
    }
}

fn press(event: SlackInteractionBlockActionsEvent, now: Timestamp) -> Noted {
    let (container, in_channel) = match event.container {
        SlackInteractionActionContainer::Message(on) => (on.message_ts, on.channel_id),
        SlackInteractionActionContainer::MessageAttachment(on) => (on.message_ts, on.channel_id),
        SlackInteractionActionContainer::View(_) => return Noted::Ignored("other interaction"),
    };
    let channel_name = event
        .channel
        .as_ref()
        .and_then(|channel| channel.name.clone())
        .unwrap_or_default();
    let channel = event.channel.map(|channel| channel.id).or(in_channel);
    let action = event.actions.into_iter().flatten().next();
    let (Some(channel), Some(action), Some(user), Some(url)) =
        (channel, action, event.user, event.response_url)
    else {
        return Noted::Ignored("malformed");
    };
    if action.action_id.0.starts_with(LINK) {
        return Noted::Ignored("link");
    }
    let team = event.team.id.0;
    let mut account = account(user.id.0);
    if let Some(name) = user.name.or(user.username).filter(|name| !name.is_empty()) {
        account.username = name;
    }
    heard(Heard::Interaction(Interaction {
        platform: Platform::Slack,
        id: event.trigger_id.0,
        token: Secret::new(url.0.to_string()),
        origin: Origin {
            channel_name,
            ..origin(&team, &channel.0)
        },
        account,
        at: action.action_ts.and_then(|ts| time(&ts.0)).unwrap_or(now),
        kind: InteractionKind::Press {
            id: action.action_id.0,
            message_id: message_id(&team, &channel.0, &container.0),
        },
    }))
}

fn origin(team: &str, channel: &str) -> Origin {
    Origin {
        server: team.to_owned(),
        channel: channel.to_owned(),
        channel_name: String::new(),
    }
}

/// Until their name is known, people are called by their id.
fn account(user: String) -> Account {
    Account {
        username: user.clone(),
        platform_user_id: user,
        ..Account::default()
    }
}

fn n_mentions(raw: &str) -> u32 {
    u32::try_from(raw.matches("<@").count()).unwrap_or(u32::MAX)
}

/// Slack's markup as a person would have typed it: addresses without brackets, channels by name,
/// `@here`; mentions of people stay `<@U1>`, as on other platforms.
fn readable(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            text.push('<');
            rest = after;
            continue;
        };
        let (what, label) = inside.split_once('|').unwrap_or((inside, ""));
        match what.chars().next() {
            Some('@') => {
                text.push('<');
                text.push_str(what);
                text.push('>');
            }
            Some('#') => {
                text.push('#');
                text.push_str(if label.is_empty() {
                    what.trim_start_matches('#')
                } else {
                    label
                });
            }
            Some('!') => {
                let word = if label.is_empty() {
                    what.trim_start_matches('!')
                } else {
                    label.trim_start_matches('@')
                };
                text.push('@');
                text.push_str(word);
            }
            _ => text.push_str(what.trim_start_matches("mailto:")),
        }
        rest = after;
    }
    text.push_str(rest);
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests;
