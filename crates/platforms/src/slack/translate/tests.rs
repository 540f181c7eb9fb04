use kernel::{EventKind, Heard, InteractionKind, Timestamp};
use serde_json::{Value, json};
use slack_morphism::events::{SlackCommandEvent, SlackInteractionEvent, SlackPushEventCallback};

use super::{Noted, command, interaction, readable, time};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn callback(event: &Value) -> Noted {
    let callback: SlackPushEventCallback = serde_json::from_value(json!({
        "token": "t", "team_id": "T1", "api_app_id": "A1", "event": event, "type": "event_callback",
        "event_id": "Ev1", "event_time": 1_700_000_001,
        "authorizations": [{"enterprise_id": null, "team_id": "T1", "user_id": "UBOT", "is_bot": true,
            "is_enterprise_install": false}],
    }))
    .unwrap();
    super::event(callback, |bot| bot == "BOURS")
}

fn said(more: &Value) -> Value {
    let mut event = json!({
        "type": "message", "channel": "C1", "user": "UANN", "text": "hi", "ts": "1700000000.000100",
        "event_ts": "1700000000.000100", "channel_type": "channel",
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn chat(event: &Value) -> kernel::ChatEvent {
    match callback(event) {
        Noted::Heard { heard, .. } => match *heard {
            Heard::Event(event) => event,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_has_a_stable_id_its_time_and_its_thread() {
    let heard = chat(&said(
        &json!({"text": "see &lt;b&gt; <https://x.example|there> <@U2>"}),
    ));
    assert_eq!(heard.event_id, "T1:C1:1700000000.000100");
    assert_eq!(heard.sent_at, Timestamp(1_700_000_000_000_100));
    assert_eq!(heard.account.platform_user_id, "UANN");
    let EventKind::Message(message) = heard.kind else {
        panic!("not a message")
    };
    assert_eq!(message.text, "see <b> https://x.example <@U2>");
    assert_eq!((message.n_mentions, message.reply_to), (1, None));

    let reply = said(&json!({"thread_ts": "1699999999.000001"}));
    let EventKind::Message(message) = chat(&reply).kind else {
        panic!("not a message")
    };
    assert_eq!(message.reply_to.as_deref(), Some("T1:C1:1699999999.000001"));
    let first = said(&json!({"thread_ts": "1700000000.000100"}));
    let EventKind::Message(message) = chat(&first).kind else {
        panic!("not a message")
    };
    assert_eq!(
        message.reply_to, None,
        "the head of a thread answers nothing"
    );
}

#[test]
fn me_messages_files_other_bots_and_ourselves_are_heard_as_what_they_are() {
    for subtype in ["me_message", "file_share", "thread_broadcast"] {
        chat(&said(&json!({ "subtype": subtype })));
    }
    let mut other = said(&json!({"subtype": "bot_message", "bot_id": "B2", "username": "Quacker"}));
    other.as_object_mut().unwrap().remove("user");
    let heard = chat(&other);
    assert!(heard.account.is_bot);
    assert_eq!(heard.account.username, "Quacker");
    assert_eq!(heard.account.platform_user_id, "B2");
    for ours in [
        said(&json!({"user": "UBOT", "bot_id": "BOURS"})),
        said(&json!({"user": null, "bot_id": "BOURS", "subtype": "bot_message"})),
    ] {
        let heard = chat(&ours);
        assert!(heard.account.is_bot);
        assert_eq!(heard.account.platform_user_id, "UBOT");
    }
}

#[test]
fn what_is_no_message_of_a_person_is_ignored_for_a_reason() {
    let edit = json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1",
        "ts": "1700000000.000200", "event_ts": "1700000000.000200",
        "message": {"user": "UANN", "text": "ho", "ts": "1700000000.000100"}});
    for (event, why) in [
        (edit, "edit"),
        (said(&json!({"subtype": "channel_join"})), "join notice"),
        (said(&json!({"subtype": "channel_topic"})), "notice"),
        (
            said(&json!({"subtype": "from_the_future"})),
            "unknown subtype",
        ),
        (said(&json!({"ts": "soon"})), "malformed"),
        (said(&json!({"type": "app_mention"})), "mention"),
        (
            json!({"type": "from_the_future", "event_ts": "1.0"}),
            "unknown type",
        ),
        (json!({"no": "type"}), "malformed"),
        (
            json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}),
            "other event",
        ),
    ] {
        assert_eq!(callback(&event), Noted::Ignored(why), "{event}");
    }
}

#[test]
fn joins_and_reactions_are_heard_and_a_removed_app_is_noticed() {
    let joined = json!({"type": "member_joined_channel", "user": "UANN", "channel": "C1",
        "channel_type": "C", "team": "T1", "event_ts": "1700000000.000300"});
    let heard = chat(&joined);
    assert_eq!(heard.kind, EventKind::Join);
    assert_eq!(heard.event_id, "T1:Ev1");
    assert_eq!(heard.sent_at, Timestamp::from_secs(1_700_000_001));
    let came = json!({"type": "team_join", "user": {"id": "UNEW", "name": "new"}});
    assert_eq!(chat(&came).origin.channel, "");
    let reacted = json!({"type": "reaction_added", "user": "UANN", "reaction": "duck", "item_user": "U2",
        "item": {"type": "message", "channel": "C1", "ts": "1700000000.000100"},
        "event_ts": "1700000002.000000"});
    assert_eq!(
        chat(&reacted).kind,
        EventKind::Reaction {
            emoji: "duck".into(),
            message_id: "T1:C1:1700000000.000100".into()
        }
    );
    for gone in [
        json!({"type": "app_uninstalled"}),
        json!({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["UBOT"]}}),
    ] {
        assert!(matches!(callback(&gone), Noted::Gone { team, .. } if team == "T1"));
    }
}

fn typed(text: &str) -> InteractionKind {
    let event: SlackCommandEvent = serde_json::from_value(json!({
        "team_id": "T1", "channel_id": "C1", "channel_name": "pond", "user_id": "UANN",
        "command": "/waddlebot", "text": text, "trigger_id": "1.2.3",
        "response_url": "https://hooks.slack.com/commands/T1/1/secret",
    }))
    .unwrap();
    let Noted::Heard { heard, .. } = command(event, Some("ann".into()), NOW) else {
        panic!("ignored")
    };
    let Heard::Interaction(asked) = *heard else {
        panic!("not asked")
    };
    assert_eq!(
        asked.token.expose(),
        "https://hooks.slack.com/commands/T1/1/secret"
    );
    assert_eq!(asked.origin.channel_name, "pond");
    assert_eq!(asked.account.username, "ann");
    asked.kind
}

#[test]
fn a_slash_command_is_a_name_and_its_arguments() {
    for (text, name, arguments) in [
        ("ping x", "ping", "x"),
        ("  Ping   a  b ", "ping", "a  b"),
        ("!ping", "ping", ""),
        ("", "help", ""),
    ] {
        assert_eq!(
            typed(text),
            InteractionKind::Command {
                name: name.into(),
                arguments: arguments.into()
            }
        );
    }
}

fn pressed(action_id: &str, container: &Value) -> Noted {
    let event: SlackInteractionEvent = serde_json::from_value(json!({
        "type": "block_actions",
        "team": {"id": "T1", "domain": "ducks"},
        "user": {"id": "UANN", "username": "ann", "name": "ann", "team_id": "T1"},
        "api_app_id": "A1", "container": container, "trigger_id": "1.2.3",
        "channel": {"id": "C1", "name": "pond"},
        "response_url": "https://hooks.slack.com/actions/T1/1/secret",
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b",
            "action_ts": "1700000003.000000"}],
    }))
    .unwrap();
    interaction(event, NOW)
}

#[test]
fn a_press_names_its_button_and_its_message_and_links_are_ignored() {
    let on = json!({"type": "message", "message_ts": "1700000000.000100", "channel_id": "C1"});
    let Noted::Heard { heard, .. } = pressed("calendar:rsvp:7", &on) else {
        panic!("ignored")
    };
    let Heard::Interaction(asked) = *heard else {
        panic!("not asked")
    };
    assert_eq!(
        asked.kind,
        InteractionKind::Press {
            id: "calendar:rsvp:7".into(),
            message_id: "T1:C1:1700000000.000100".into()
        }
    );
    assert_eq!(asked.at, Timestamp::from_secs(1_700_000_003));
    assert_eq!(pressed("waddlebot-link-0", &on), Noted::Ignored("link"));
    let view = json!({"type": "view", "view_id": "V1"});
    assert_eq!(pressed("x", &view), Noted::Ignored("other interaction"));
}

#[test]
fn markup_is_read_as_it_was_typed_and_times_are_exact() {
    for (raw, text) in [
        ("a &amp;lt; b", "a &lt; b"),
        ("<#C1|pond> <#C2>", "#pond #C2"),
        ("<!here> <!subteam^S1|@ducks>", "@here @ducks"),
        ("<mailto:a@x.example|a@x.example>", "a@x.example"),
        ("open < only", "open < only"),
        ("<@U1|ann>", "<@U1>"),
    ] {
        assert_eq!(readable(raw), text, "{raw}");
    }
    assert_eq!(
        time("1700000000.12"),
        Some(Timestamp(1_700_000_000_120_000))
    );
    assert_eq!(time("1700000000"), Some(Timestamp(1_700_000_000_000_000)));
    assert_eq!(time("x.1"), None);
}
