//! EventSub's events in our words. Pure.
//!
//! A subscription is counted once: `channel.subscribe` (a new one) and `channel.subscription.message`
//! (one that is shared in chat) get the same id when they are about the same person on the same day.
//! The recipients of gifts are not counted: the giver is, with how many.

use kernel::{
    Account, ChatEvent, EventKind, Heard, Origin, Platform, Role, Source, Timestamp,
    event::{Message, Moderation, ModerationAction},
};
use twitch_api::{
    eventsub::{
        Event, Message as Told,
        channel::{
            ChannelBanV1Payload, ChannelChatMessageV1Payload, ChannelCheerV1Payload,
            ChannelSubscriptionGiftV1Payload, chat::Fragment,
        },
    },
    types::{DisplayName, SubscriptionTier, UserId, UserName},
};

use super::{own::Own, time};

/// Who gives or cheers without a name, as Twitch's own accounts for that.
const ANONYMOUS: [(&str, &str); 2] = [
    ("274598607", "AnAnonymousGifter"),
    ("407665396", "AnAnonymousCheerer"),
];

/// What to do about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Tell it.
    Heard(Box<Heard>),
    /// Nothing; why, for counting.
    Nothing(&'static str),
}

/// When and as what an event came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp<'a> {
    /// EventSub's id of the message.
    pub(super) id: &'a str,
    /// When Twitch sent it.
    pub(super) at: Timestamp,
}

/// What an event means.
pub(super) fn translate(event: &Event, stamp: Stamp<'_>, own: &Own) -> Meaning {
    match event {
        Event::ChannelChatMessageV1(payload) => {
            notified(&payload.message).map_or(NOTHING, |told| chat(told, stamp, own))
        }
        Event::ChannelFollowV2(payload) => notified(&payload.message).map_or(NOTHING, |told| {
            let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
            let at = time::parse(told.followed_at.as_str()).unwrap_or(stamp.at);
            let id = format!("follow:{}:{}:{}", b.server, told.user_id, at.millis());
            let who = account(&told.user_id, &told.user_name);
            heard(id, b, who, at, EventKind::Follow)
        }),
        Event::ChannelSubscribeV1(payload) => notified(&payload.message).map_or(NOTHING, |told| {
            if told.is_gift {
                return Meaning::Nothing("gift_recipient");
            }
            let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
            let id = subscription_id(&b.server, &told.user_id, stamp.at);
            let who = account(&told.user_id, &told.user_name);
            let kind = EventKind::Subscription {
                tier: tier(&told.tier),
                months: None,
            };
            heard(id, b, who, stamp.at, kind)
        }),
        Event::ChannelSubscriptionMessageV1(payload) => {
            notified(&payload.message).map_or(NOTHING, |told| {
                let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
                let id = subscription_id(&b.server, &told.user_id, stamp.at);
                let who = account(&told.user_id, &told.user_name);
                let kind = EventKind::Subscription {
                    tier: tier(&told.tier),
                    months: u32::try_from(told.cumulative_months).ok(),
                };
                heard(id, b, who, stamp.at, kind)
            })
        }
        Event::ChannelSubscriptionGiftV1(payload) => {
            notified(&payload.message).map_or(NOTHING, |told| gift(told, stamp))
        }
        Event::ChannelCheerV1(payload) => {
            notified(&payload.message).map_or(NOTHING, |told| cheer(told, stamp))
        }
        Event::ChannelRaidV1(payload) => notified(&payload.message).map_or(NOTHING, |told| {
            let b = place(
                &told.to_broadcaster_user_id,
                &told.to_broadcaster_user_login,
            );
            let who = account(
                &told.from_broadcaster_user_id,
                &told.from_broadcaster_user_name,
            );
            let viewers = count(told.viewers);
            heard(
                stamp.id.to_owned(),
                b,
                who,
                stamp.at,
                EventKind::Raid { viewers },
            )
        }),
        Event::ChannelBanV1(payload) => {
            notified(&payload.message).map_or(NOTHING, |told| ban(told, stamp))
        }
        Event::StreamOnlineV1(payload) => notified(&payload.message).map_or(NOTHING, |told| {
            let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
            let at = time::parse(told.started_at.as_str()).unwrap_or(stamp.at);
            let who = account(&told.broadcaster_user_id, &told.broadcaster_user_name);
            let kind = EventKind::StreamOnline {
                title: String::new(),
            };
            heard(format!("online:{}", told.id), b, who, at, kind)
        }),
        Event::StreamOfflineV1(payload) => notified(&payload.message).map_or(NOTHING, |told| {
            let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
            let who = account(&told.broadcaster_user_id, &told.broadcaster_user_name);
            heard(
                stamp.id.to_owned(),
                b,
                who,
                stamp.at,
                EventKind::StreamOffline,
            )
        }),
        _ => Meaning::Nothing("no_meaning"),
    }
}

const NOTHING: Meaning = Meaning::Nothing("no_notification");

fn notified<E: twitch_api::eventsub::EventSubscription>(told: &Told<E>) -> Option<&E::Payload> {
    match told {
        Told::Notification(payload) => Some(payload),
        _ => None,
    }
}

fn chat(told: &ChannelChatMessageV1Payload, stamp: Stamp<'_>, own: &Own) -> Meaning {
    let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
    let is_elsewhere = told
        .source_broadcaster_user_id
        .as_ref()
        .is_some_and(|source| source.as_str() != b.server);
    if is_elsewhere {
        // A shared chat: it was said, and is counted, in the other channel.
        return Meaning::Nothing("shared_chat");
    }
    let text = &told.message.text;
    let mentions = told.message.fragments.iter();
    let n_mentions = mentions.filter(|part| matches!(part, Fragment::Mention { .. }));
    let standing = standing(told.badges.iter().map(|badge| badge.set_id.as_str()));
    let is_moderator = standing == Some(Role::Moderator);
    let speaker = told.chatter_user_id.as_str();
    let who = Account {
        standing,
        // Where the broadcaster's own account speaks for us, it is a person's all the same.
        is_bot: own.is_bot(speaker),
        ..account(&told.chatter_user_id, &told.chatter_user_name)
    };
    let kind = EventKind::Message(Message {
        text: text.clone(),
        n_mentions: u32::try_from(n_mentions.count()).unwrap_or(u32::MAX),
        n_embeds: 0,
        reply_to: told
            .reply
            .as_ref()
            .map(|reply| reply.parent_message_id.as_str().to_owned()),
        is_ours: own.is_ours(&b.server, speaker, text, is_moderator),
    });
    let id = told.message_id.as_str().to_owned();
    heard(id, b, who, stamp.at, kind)
}

fn gift(told: &ChannelSubscriptionGiftV1Payload, stamp: Stamp<'_>) -> Meaning {
    let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
    let [gifter, _] = ANONYMOUS;
    let who = known(told.user_id.as_ref(), told.user_name.as_ref(), gifter);
    let kind = EventKind::Gift {
        count: count(told.total),
        tier: tier(&told.tier),
    };
    heard(stamp.id.to_owned(), b, who, stamp.at, kind)
}

fn cheer(told: &ChannelCheerV1Payload, stamp: Stamp<'_>) -> Meaning {
    let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
    let [_, cheerer] = ANONYMOUS;
    let who = known(told.user_id.as_ref(), told.user_name.as_ref(), cheerer);
    let bits = count(told.bits);
    heard(
        stamp.id.to_owned(),
        b,
        who,
        stamp.at,
        EventKind::Cheer { bits },
    )
}

fn ban(told: &ChannelBanV1Payload, stamp: Stamp<'_>) -> Meaning {
    let b = place(&told.broadcaster_user_id, &told.broadcaster_user_login);
    let at = time::parse(told.banned_at.as_str()).unwrap_or(stamp.at);
    let until = told
        .ends_at
        .as_ref()
        .and_then(|end| time::parse(end.as_str()));
    let (action, duration_secs) = match until {
        Some(until) if !told.is_permanent => {
            // Whole seconds: Twitch counts in them, its instants do not quite.
            let millis = u64::try_from(until.since(at).as_millis()).unwrap_or(u64::MAX);
            let secs = millis.saturating_add(500) / 1_000;
            (ModerationAction::Timeout, Some(secs))
        }
        _ => (ModerationAction::Ban, None),
    };
    let kind = EventKind::Moderation(Moderation {
        action,
        moderator: Some(told.moderator_user_id.as_str().to_owned()),
        reason: told.reason.clone(),
        duration_secs,
    });
    let id = format!("ban:{}:{}:{}", b.server, told.user_id, at.millis());
    let who = account(&told.user_id, &told.user_name);
    heard(id, b, who, at, kind)
}

fn heard(
    event_id: String,
    origin: Origin,
    account: Account,
    at: Timestamp,
    kind: EventKind,
) -> Meaning {
    Meaning::Heard(Box::new(Heard::Event(ChatEvent {
        platform: Platform::Twitch,
        event_id,
        origin,
        account,
        sent_at: at,
        source: Source::Live,
        kind,
    })))
}

fn place(id: &UserId, login: &UserName) -> Origin {
    Origin {
        server: id.as_str().to_owned(),
        channel: id.as_str().to_owned(),
        channel_name: login.as_str().to_owned(),
    }
}

fn account(id: &UserId, name: &DisplayName) -> Account {
    Account {
        platform_user_id: id.as_str().to_owned(),
        username: name.as_str().to_owned(),
        ..Account::default()
    }
}

fn known(id: Option<&UserId>, name: Option<&DisplayName>, nobody: (&str, &str)) -> Account {
    match (id, name) {
        (Some(id), Some(name)) => account(id, name),
        _ => Account {
            platform_user_id: nobody.0.to_owned(),
            username: nobody.1.to_owned(),
            ..Account::default()
        },
    }
}

/// What badges make of an account in this chat.
fn standing<'a>(badges: impl Iterator<Item = &'a str>) -> Option<Role> {
    let mut standing = None;
    for badge in badges {
        match badge {
            "broadcaster" | "moderator" | "lead_moderator" => return Some(Role::Moderator),
            "vip" => standing = Some(Role::Vip),
            _ => {}
        }
    }
    standing
}

/// The same for everything Twitch tells of one person's subscription within a day.
fn subscription_id(server: &str, user: &UserId, at: Timestamp) -> String {
    format!("subscription:{server}:{user}:{}", at.day())
}

fn tier(tier: &SubscriptionTier) -> u8 {
    match tier {
        SubscriptionTier::Tier2 => 2,
        SubscriptionTier::Tier3 => 3,
        // Prime counts as the first.
        _ => 1,
    }
}

fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(if n < 0 { 0 } else { u32::MAX })
}

#[cfg(test)]
mod tests;
