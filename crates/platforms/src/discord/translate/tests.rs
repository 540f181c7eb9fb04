use std::sync::Arc;

use kernel::{
    ChatEvent, EventKind, Heard, InteractionKind, Role, ScheduleChange, Timestamp,
    event::{Message, ModerationAction},
};
use serde_json::{Value, json};

use super::{Ignored, Taken, Translator};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const GUILD: &str = "800000000000000001";
const OWNER: &str = "800000000000000002";
const MODERATOR_ROLE: &str = "800000000000000003";
const CHANNEL: &str = "800000000000000004";
const ANN: &str = "800000000000000005";

#[expect(
    clippy::needless_pass_by_value,
    reason = "`json!` stands where it is used"
)]
fn payload(kind: &str, data: Value) -> String {
    json!({ "op": 0, "s": 7, "t": kind, "d": data }).to_string()
}

fn translator() -> Translator {
    let mut translator = Translator::new("700000000000000001", Arc::default());
    let ready = json!({ "user": { "id": "700000000000000001", "username": "WaddleBot" }, "session_id": "s", "new_field": [1] });
    assert_eq!(
        translator.take(&payload("READY", ready), NOW),
        Ok(Taken::Ready)
    );
    let guild = json!({
        "id": GUILD, "owner_id": OWNER, "name": "Pond",
        "roles": [{ "id": GUILD, "permissions": "1024" }, { "id": MODERATOR_ROLE, "permissions": "1099511627776" }],
        "channels": [{ "id": CHANNEL, "name": "general", "type": 0 }],
        "something_new": { "deep": true },
    });
    assert_eq!(
        translator.take(&payload("GUILD_CREATE", guild), NOW),
        Ok(Taken::Nothing)
    );
    translator
}

fn message(author: &str, roles: &[&str]) -> Value {
    json!({
        "id": "900000000000000001", "channel_id": CHANNEL, "guild_id": GUILD, "type": 0, "content": "hi <@1>",
        "author": { "id": author, "username": "ann", "global_name": "Ann" },
        "member": { "roles": roles, "joined_at": "2023-01-01T00:00:00+00:00" },
        "mentions": [{ "id": "1" }], "embeds": [{}], "attachments": [{}, {}], "timestamp": "2023-01-01T00:00:00+00:00",
    })
}

fn event(translator: &mut Translator, kind: &str, data: Value) -> ChatEvent {
    match translator.take(&payload(kind, data), NOW) {
        Ok(Taken::Heard(Heard::Event(event))) => event,
        other => panic!("not an event: {other:?}"),
    }
}

#[test]
fn a_message_is_heard_with_who_where_and_when() {
    let heard = event(&mut translator(), "MESSAGE_CREATE", message(ANN, &[]));
    assert_eq!(heard.event_id, "900000000000000001");
    assert_eq!(
        (
            heard.origin.channel.as_str(),
            heard.origin.channel_name.as_str()
        ),
        (CHANNEL, "general")
    );
    assert_eq!(
        (heard.account.username.as_str(), heard.account.standing),
        ("Ann", Some(Role::Member))
    );
    assert_eq!(heard.account.created_at, super::created_at(ANN));
    assert_eq!(
        heard.kind,
        EventKind::Message(Message {
            is_ours: false,
            text: "hi <@1>".into(),
            n_mentions: 1,
            n_embeds: 3,
            reply_to: None
        })
    );
}

#[test]
fn whoever_owns_or_moderates_has_a_standing_and_whoever_boosts_is_honoured() {
    let mut translator = translator();
    let standing = |translator: &mut Translator, data| {
        event(translator, "MESSAGE_CREATE", data).account.standing
    };
    assert_eq!(
        standing(&mut translator, message(OWNER, &[])),
        Some(Role::Moderator)
    );
    assert_eq!(
        standing(&mut translator, message(ANN, &[MODERATOR_ROLE])),
        Some(Role::Moderator)
    );
    let mut boosting = message(ANN, &[]);
    boosting["member"]["premium_since"] = json!("2023-01-01T00:00:00+00:00");
    assert_eq!(standing(&mut translator, boosting), Some(Role::Vip));
    let role = json!({ "guild_id": GUILD, "role": { "id": MODERATOR_ROLE, "permissions": "0" } });
    translator
        .take(&payload("GUILD_ROLE_UPDATE", role), NOW)
        .unwrap();
    assert_eq!(
        standing(&mut translator, message(ANN, &[MODERATOR_ROLE])),
        Some(Role::Member)
    );
    let mut elsewhere = message(ANN, &[]);
    elsewhere["guild_id"] = json!("800000000000000099");
    assert_eq!(standing(&mut translator, elsewhere), None);
}

#[test]
fn an_answer_names_what_it_answers_and_a_webhook_is_a_bot() {
    let mut answer = message(ANN, &[]);
    answer["type"] = json!(19);
    answer["webhook_id"] = json!("5");
    answer["message_reference"] = json!({ "message_id": "900000000000000000" });
    let heard = event(&mut translator(), "MESSAGE_CREATE", answer);
    assert!(heard.account.is_bot);
    let EventKind::Message(said) = heard.kind else {
        panic!("not a message")
    };
    assert_eq!(said.reply_to.as_deref(), Some("900000000000000000"));
}

#[test]
fn joins_and_reactions_have_ids_that_stay_the_same() {
    let mut translator = translator();
    let joined = json!({ "guild_id": GUILD, "user": { "id": ANN, "username": "ann" }, "joined_at": "2023-11-14T22:13:20.123000+00:00", "roles": [] });
    let join = event(&mut translator, "GUILD_MEMBER_ADD", joined.clone());
    assert_eq!(
        join.event_id,
        format!("join:{GUILD}:{ANN}:1700000000123000")
    );
    assert_eq!(join, event(&mut translator, "GUILD_MEMBER_ADD", joined));
    let reaction = json!({
        "user_id": ANN, "channel_id": CHANNEL, "message_id": "900000000000000001", "guild_id": GUILD,
        "emoji": { "id": "5", "name": "duck" },
    });
    let reacted = event(&mut translator, "MESSAGE_REACTION_ADD", reaction);
    assert_eq!(
        reacted.event_id,
        format!("reaction:900000000000000001:{ANN}:duck:5")
    );
    assert_eq!(
        (reacted.account.username.as_str(), reacted.sent_at),
        ("ann", NOW)
    );
}

#[test]
fn the_audit_log_says_who_moderated_whom_and_why() {
    let mut translator = translator();
    let named = json!({ "guild_id": GUILD, "user": { "id": ANN, "username": "ann" } });
    translator
        .take(&payload("GUILD_BAN_ADD", named), NOW)
        .unwrap();
    // Made at 1,700,000,000 s.
    let id = ((1_700_000_000_000_u64 - 1_420_070_400_000) << 22).to_string();
    let entry = |action: u16, changes: Value| json!({ "id": id, "guild_id": GUILD, "action_type": action, "user_id": OWNER, "target_id": ANN, "reason": "spam", "changes": changes });
    let until = json!([{ "key": "nick" }, { "key": "communication_disabled_until", "new_value": "2023-11-14T22:23:20+00:00" }]);
    for (action, changes, expected, secs) in [
        (20, json!([]), ModerationAction::Kick, None),
        (22, json!([]), ModerationAction::Ban, None),
        (24, until, ModerationAction::Timeout, Some(600)),
    ] {
        let heard = event(
            &mut translator,
            "GUILD_AUDIT_LOG_ENTRY_CREATE",
            entry(action, changes),
        );
        assert_eq!(
            (heard.event_id.as_str(), heard.account.username.as_str()),
            (format!("audit:{id}").as_str(), "ann")
        );
        let EventKind::Moderation(measure) = heard.kind else {
            panic!("not a measure")
        };
        assert_eq!(
            (
                measure.action,
                measure.duration_secs,
                measure.reason.as_str()
            ),
            (expected, secs, "spam")
        );
        assert_eq!(measure.moderator.as_deref(), Some(OWNER));
    }
    let lifted = entry(
        24,
        json!([{ "key": "communication_disabled_until", "old_value": "2023-11-14T22:23:20+00:00" }]),
    );
    assert_eq!(
        translator.take(&payload("GUILD_AUDIT_LOG_ENTRY_CREATE", lifted), NOW),
        Ok(Taken::Nothing)
    );
}

#[test]
fn commands_come_as_a_person_would_type_them() {
    let asked = json!({
        "id": "900000000000000002", "type": 2, "token": "tok", "guild_id": GUILD, "channel_id": CHANNEL,
        "member": { "user": { "id": ANN, "username": "ann" }, "roles": [], "permissions": "0" },
        "data": { "name": "Give", "options": [
            { "name": "points", "type": 1, "options": [
                { "name": "whom", "type": 6, "value": "5" }, { "name": "n", "type": 4, "value": 10 }, { "name": "why", "type": 3, "value": "well done" },
            ] },
        ] },
    });
    let Ok(Taken::Heard(Heard::Interaction(heard))) =
        translator().take(&payload("INTERACTION_CREATE", asked), NOW)
    else {
        panic!("not an interaction")
    };
    assert_eq!(
        heard.kind,
        InteractionKind::Command {
            name: "give".into(),
            arguments: "points <@5> 10 well done".into()
        }
    );
    assert_eq!(
        (
            heard.token.expose().as_str(),
            heard.origin.channel_name.as_str()
        ),
        ("tok", "general")
    );
}

#[test]
fn scheduled_events_and_interest_are_noticed() {
    let mut translator = translator();
    let mut change = |kind, data| match translator.take(&payload(kind, data), NOW) {
        Ok(Taken::Heard(Heard::Schedule(notice))) => (notice.event_id, notice.change),
        other => panic!("not a notice: {other:?}"),
    };
    let event = json!({ "id": "5", "guild_id": GUILD, "name": "Race" });
    assert_eq!(
        change("GUILD_SCHEDULED_EVENT_UPDATE", event.clone()),
        ("5".into(), ScheduleChange::Changed)
    );
    assert_eq!(
        change("GUILD_SCHEDULED_EVENT_DELETE", event),
        ("5".into(), ScheduleChange::Deleted)
    );
    let interest = json!({ "guild_scheduled_event_id": "5", "user_id": ANN, "guild_id": GUILD });
    assert_eq!(
        change("GUILD_SCHEDULED_EVENT_USER_REMOVE", interest),
        (
            "5".into(),
            ScheduleChange::NotInterested { user: ANN.into() }
        )
    );
}

#[test]
fn what_cannot_be_used_is_named_and_never_fatal() {
    let mut translator = translator();
    let mut pinned = message(ANN, &[]);
    pinned["type"] = json!(6);
    let mut direct = message(ANN, &[]);
    direct.as_object_mut().unwrap().remove("guild_id");
    for (text, why) in [
        ("<html>".to_owned(), Ignored::NotJson),
        ("[]".to_owned(), Ignored::NotJson),
        (payload("DUCK_CREATE", json!({})), Ignored::UnknownType),
        (
            payload("MESSAGE_CREATE", json!({ "id": 5 })),
            Ignored::Malformed,
        ),
        (payload("MESSAGE_CREATE", Value::Null), Ignored::Malformed),
        (payload("MESSAGE_CREATE", pinned), Ignored::OtherKind),
        (payload("MESSAGE_CREATE", direct), Ignored::Direct),
    ] {
        assert_eq!(translator.take(&text, NOW), Err(why), "{text}");
    }
    assert_eq!(
        translator.take(&payload("TYPING_START", json!({})), NOW),
        Ok(Taken::Nothing)
    );
    assert_eq!(
        translator.take(r#"{"op":11,"d":null}"#, NOW),
        Ok(Taken::Nothing)
    );
}

#[test]
fn what_we_said_ourselves_is_heard_as_a_bots() {
    let mut own = message("700000000000000001", &[]);
    own["id"] = json!("900000000000000009");
    let heard = event(&mut translator(), "MESSAGE_CREATE", own);
    assert!(heard.account.is_bot);
}

#[test]
fn a_card_without_content_says_its_own_words() {
    let mut card = message(ANN, &[]);
    card["content"] = json!("");
    card["embeds"] = json!([{ "title": "Race night", "description": "at eight" }]);
    card["attachments"] = json!([]);
    card["sticker_items"] = json!([]);
    let heard = event(&mut translator(), "MESSAGE_CREATE", card);
    let EventKind::Message(said) = heard.kind else {
        panic!("a message");
    };
    assert_eq!(
        (said.text.as_str(), said.n_embeds),
        ("Race night\nat eight", 1)
    );
}
