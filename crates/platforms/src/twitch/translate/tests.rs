//! Payloads in the form of Twitch's documentation, and what they mean.

use std::sync::Arc;

use kernel::{
    ChatEvent, EventKind, Heard, Role, SystemClock, Timestamp,
    event::{Message, Moderation, ModerationAction},
};
use serde_json::{Value, json};
use twitch_api::eventsub::{Event, EventsubWebsocketData};

use super::{super::own::Own, Meaning, Stamp, translate};

const AT: Timestamp = Timestamp::from_secs(1_795_759_200);

fn own() -> Own {
    Own::new(Arc::new(SystemClock), None)
}

fn meaning(kind: &str, version: &str, condition: &Value, event: &Value, own: &Own) -> Meaning {
    let frame = json!({
        "metadata": {
            "message_id": "m1", "message_type": "notification",
            "message_timestamp": AT.to_string(),
            "subscription_type": kind, "subscription_version": version,
        },
        "payload": {
            "subscription": {
                "id": "s", "status": "enabled", "type": kind, "version": version,
                "condition": condition, "created_at": AT.to_string(), "cost": 0,
                "transport": { "method": "websocket", "session_id": "x" },
            },
            "event": event,
        },
    })
    .to_string();
    let parsed = Event::parse_websocket(&frame).unwrap();
    let EventsubWebsocketData::Notification { payload, .. } = parsed else {
        panic!("no notification");
    };
    translate(&payload, Stamp { id: "m1", at: AT }, own)
}

fn of_channel(kind: &str, version: &str, mut event: Value) -> Meaning {
    let more = json!({
        "broadcaster_user_id": "1", "broadcaster_user_login": "ducks",
        "broadcaster_user_name": "Ducks",
    });
    let (Value::Object(event_fields), Value::Object(more)) = (&mut event, more) else {
        panic!("no objects");
    };
    event_fields.extend(more);
    let condition = json!({
        "broadcaster_user_id": "1", "user_id": "1", "moderator_user_id": "1",
    });
    meaning(kind, version, &condition, &event, &own())
}

fn event(meaning: Meaning) -> ChatEvent {
    let Meaning::Heard(heard) = meaning else {
        panic!("{meaning:?}");
    };
    let Heard::Event(event) = *heard else {
        panic!("no event of chat");
    };
    event
}

fn person(prefix: &str) -> Value {
    json!({
        format!("{prefix}user_id"): "7", format!("{prefix}user_login"): "ann",
        format!("{prefix}user_name"): "Ann",
    })
}

fn with(mut event: Value, more: Value) -> Value {
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

fn chat(text: &str, badges: &[&str]) -> Value {
    let badges: Vec<Value> = badges
        .iter()
        .map(|set| json!({ "set_id": set, "id": "1", "info": "" }))
        .collect();
    let fragments = json!([
        { "type": "text", "text": "hi ", "cheermote": null, "emote": null, "mention": null },
        { "type": "mention", "text": "@bob", "cheermote": null, "emote": null,
          "mention": { "user_id": "8", "user_login": "bob", "user_name": "Bob" } },
    ]);
    with(
        person("chatter_"),
        json!({
            "broadcaster_user_id": "1", "broadcaster_user_login": "ducks",
            "broadcaster_user_name": "Ducks",
            "message_id": "c1", "message": { "text": text, "fragments": fragments },
            "color": "", "badges": badges, "message_type": "text", "cheer": null,
            "reply": { "parent_message_id": "p1", "parent_message_body": "b",
                "parent_user_id": "8", "parent_user_login": "bob", "parent_user_name": "Bob",
                "thread_message_id": "p1", "thread_user_id": "8", "thread_user_login": "bob",
                "thread_user_name": "Bob" },
            "channel_points_custom_reward_id": null, "channel_points_animation_id": null,
            "source_broadcaster_user_id": null, "source_broadcaster_user_login": null,
            "source_broadcaster_user_name": null, "source_message_id": null,
            "source_badges": null, "is_source_only": null,
        }),
    )
}

fn said(own: &Own, payload: &Value) -> Meaning {
    let condition = json!({ "broadcaster_user_id": "1", "user_id": "1" });
    meaning("channel.chat.message", "1", &condition, payload, own)
}

#[test]
fn a_message_keeps_its_id_text_mentions_and_what_it_answers() {
    let heard = event(said(&own(), &chat("hi @bob", &["subscriber"])));
    assert_eq!(heard.event_id, "c1");
    assert_eq!(heard.origin.server, "1");
    assert_eq!(heard.origin.channel_name, "ducks");
    assert_eq!(
        (
            heard.account.platform_user_id.as_str(),
            heard.account.username.as_str()
        ),
        ("7", "Ann")
    );
    assert_eq!(heard.account.standing, None);
    assert!(!heard.account.is_bot);
    assert_eq!(heard.sent_at, AT);
    let expected = Message {
        is_ours: false,
        text: "hi @bob".into(),
        n_mentions: 1,
        n_embeds: 0,
        reply_to: Some("p1".into()),
    };
    assert_eq!(heard.kind, EventKind::Message(expected));
}

#[test]
fn badges_say_what_somebody_is_in_this_chat() {
    for (badges, standing) in [
        (&["broadcaster"][..], Some(Role::Moderator)),
        (&["subscriber", "moderator"], Some(Role::Moderator)),
        (&["vip"], Some(Role::Vip)),
        (&["premium"], None),
        (&[], None),
    ] {
        let heard = event(said(&own(), &chat("x", badges)));
        assert_eq!(heard.account.standing, standing, "{badges:?}");
    }
}

#[test]
fn what_we_said_comes_back_as_a_bots() {
    let own = own();
    own.saying("1", "7", "pong");
    let is_ours = |event: kernel::ChatEvent| {
        assert!(!event.account.is_bot, "the broadcaster is a person");
        matches!(event.kind, EventKind::Message(said) if said.is_ours)
    };
    assert!(is_ours(event(said(&own, &chat("pong", &[])))));
    assert!(!is_ours(event(said(&own, &chat("pong", &[])))));
}

#[test]
fn what_was_said_in_another_channel_of_a_shared_chat_is_left_to_that_channel() {
    let elsewhere = with(
        chat("x", &[]),
        json!({
            "source_broadcaster_user_id": "2", "source_broadcaster_user_login": "geese",
            "source_broadcaster_user_name": "Geese", "source_message_id": "c0", "source_badges": [],
        }),
    );
    assert_eq!(said(&own(), &elsewhere), Meaning::Nothing("shared_chat"));
    let here = with(elsewhere, json!({ "source_broadcaster_user_id": "1" }));
    assert_eq!(event(said(&own(), &here)).event_id, "c1");
}

#[test]
fn a_follow_has_its_own_time_and_an_id_that_a_second_delivery_shares() {
    let payload = with(
        person(""),
        json!({ "followed_at": "2026-11-26T06:00:00.5Z" }),
    );
    let heard = event(of_channel("channel.follow", "2", payload));
    assert_eq!(heard.event_id, "follow:1:7:1795672800500");
    assert_eq!(heard.sent_at, Timestamp::from_millis(1_795_672_800_500));
    assert_eq!(heard.kind, EventKind::Follow);
}

#[test]
fn a_subscription_that_is_also_shared_in_chat_is_counted_once() {
    let new = with(person(""), json!({ "tier": "2000", "is_gift": false }));
    let new = event(of_channel("channel.subscribe", "1", new));
    let shared = with(
        person(""),
        json!({
            "tier": "2000", "message": { "text": "yay", "emotes": null },
            "cumulative_months": 5, "streak_months": null, "duration_months": 1,
        }),
    );
    let shared = event(of_channel("channel.subscription.message", "1", shared));
    assert_eq!(new.event_id, shared.event_id);
    assert_eq!(
        new.kind,
        EventKind::Subscription {
            tier: 2,
            months: None
        }
    );
    assert_eq!(
        shared.kind,
        EventKind::Subscription {
            tier: 2,
            months: Some(5)
        }
    );
}

#[test]
fn a_gift_counts_for_the_giver_and_not_for_who_receives_it() {
    let received = with(person(""), json!({ "tier": "1000", "is_gift": true }));
    assert_eq!(
        of_channel("channel.subscribe", "1", received),
        Meaning::Nothing("gift_recipient")
    );
    let given = with(
        person(""),
        json!({ "total": 5, "tier": "1000", "cumulative_total": null, "is_anonymous": false }),
    );
    let given = event(of_channel("channel.subscription.gift", "1", given));
    assert_eq!(given.kind, EventKind::Gift { count: 5, tier: 1 });
    assert_eq!(given.account.platform_user_id, "7");
    let nobody = json!({ "user_id": null, "user_login": null, "user_name": null, "total": 1, "tier": "3000", "cumulative_total": null, "is_anonymous": true });
    let nobody = event(of_channel("channel.subscription.gift", "1", nobody));
    assert_eq!(nobody.account.username, "AnAnonymousGifter");
    assert_eq!(nobody.kind, EventKind::Gift { count: 1, tier: 3 });
}

#[test]
fn cheers_raids_and_streams_have_their_numbers() {
    let cheer = with(
        person(""),
        json!({ "is_anonymous": false, "message": "pog", "bits": 250 }),
    );
    assert_eq!(
        event(of_channel("channel.cheer", "1", cheer)).kind,
        EventKind::Cheer { bits: 250 }
    );
    let nobody = json!({ "is_anonymous": true, "user_id": null, "user_login": null, "user_name": null, "message": "", "bits": 1 });
    assert_eq!(
        event(of_channel("channel.cheer", "1", nobody))
            .account
            .username,
        "AnAnonymousCheerer"
    );
    let raid = json!({
        "from_broadcaster_user_id": "2", "from_broadcaster_user_login": "geese", "from_broadcaster_user_name": "Geese",
        "to_broadcaster_user_id": "1", "to_broadcaster_user_login": "ducks", "to_broadcaster_user_name": "Ducks",
        "viewers": 42,
    });
    let raid = event(meaning(
        "channel.raid",
        "1",
        &json!({ "to_broadcaster_user_id": "1" }),
        &raid,
        &own(),
    ));
    assert_eq!(raid.kind, EventKind::Raid { viewers: 42 });
    assert_eq!(
        (raid.origin.server.as_str(), raid.account.username.as_str()),
        ("1", "Geese")
    );
    let online = json!({ "id": "9001", "type": "live", "started_at": "2026-11-27T05:00:00Z" });
    let online = event(of_channel("stream.online", "1", online));
    assert_eq!(online.event_id, "online:9001");
    assert_eq!(online.sent_at, Timestamp::from_secs(1_795_755_600));
    assert_eq!(
        event(of_channel("stream.offline", "1", json!({}))).kind,
        EventKind::StreamOffline
    );
}

#[test]
fn a_timeout_has_a_length_and_a_ban_has_none() {
    let moderator = json!({ "moderator_user_id": "3", "moderator_user_login": "mo", "moderator_user_name": "Mo" });
    let ban = |more: Value| {
        let payload = with(with(person(""), moderator.clone()), more);
        event(of_channel("channel.ban", "1", payload))
    };
    let timeout = ban(json!({
        "reason": "spam", "banned_at": "2026-11-27T06:00:00.1Z", "ends_at": "2026-11-27T06:10:00Z", "is_permanent": false,
    }));
    let measure = |action, duration_secs| {
        EventKind::Moderation(Moderation {
            action,
            moderator: Some("3".into()),
            reason: "spam".into(),
            duration_secs,
        })
    };
    assert_eq!(timeout.kind, measure(ModerationAction::Timeout, Some(600)));
    assert_eq!(timeout.account.platform_user_id, "7");
    let banned = ban(json!({
        "reason": "spam", "banned_at": "2026-11-27T06:00:00Z", "ends_at": null, "is_permanent": true,
    }));
    assert_eq!(banned.kind, measure(ModerationAction::Ban, None));
}

#[test]
fn what_has_no_meaning_for_us_says_so() {
    let unban = with(
        person(""),
        json!({ "moderator_user_id": "3", "moderator_user_login": "mo", "moderator_user_name": "Mo" }),
    );
    assert_eq!(
        of_channel("channel.unban", "1", unban),
        Meaning::Nothing("no_meaning")
    );
}
