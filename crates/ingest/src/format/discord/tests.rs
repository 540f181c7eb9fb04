//! Exact events of the fixture, and the reasons of the broken one.

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};

use crate::format::{
    Format, open,
    tests::{fixture, input, options, read, written},
};

fn account(id: &str, name: &str, created_at_ms: Option<i64>, is_bot: bool) -> Account {
    Account {
        standing: None,
        platform_user_id: id.to_owned(),
        username: name.to_owned(),
        created_at: created_at_ms.map(Timestamp::from_millis),
        is_bot,
    }
}

fn ann() -> Account {
    account("175928847299117063", "Änne", Some(1_462_015_105_796), false)
}

fn bo() -> Account {
    account("175928847299117064", "bo", Some(1_462_015_105_796), false)
}

fn feeder() -> Account {
    account("1", "Feeder", None, true)
}

fn event(id: &str, account: Account, at: i64, kind: EventKind) -> ChatEvent {
    ChatEvent {
        platform: Platform::Discord,
        event_id: id.to_owned(),
        origin: Origin {
            server: "81384788765712384".to_owned(),
            channel: "81384788765712385".to_owned(),
            channel_name: "talk".to_owned(),
        },
        account,
        sent_at: Timestamp::from_millis(at),
        source: Source::Import,
        kind,
    }
}

fn message(text: &str) -> Message {
    Message {
        text: text.to_owned(),
        ..Message::default()
    }
}

fn duck() -> EventKind {
    EventKind::Reaction {
        emoji: "🦆".to_owned(),
        message_id: "1002".to_owned(),
    }
}

#[test]
fn messages_joins_and_reactions_are_taken() {
    let outcome = read(
        &fixture("discord-chat-exporter/talk.json"),
        Format::DiscordChatExporter,
    );
    assert_eq!(outcome.rejected, Vec::<String>::new());
    let said = |message| EventKind::Message(message);
    let at = 1_714_557_601_234;
    let expected = [
        event("1001", bo(), 1_714_557_600_000, EventKind::Join),
        event(
            "1002",
            ann(),
            at,
            said(Message {
                n_mentions: 1,
                n_embeds: 4,
                ..message("welcome @bo")
            }),
        ),
        event("1002:🦆:175928847299117064", bo(), at, duck()),
        event("1002:🦆:1", feeder(), at, duck()),
        event(
            "1003",
            bo(),
            1_714_557_602_000,
            said(Message {
                reply_to: Some("1002".to_owned()),
                ..message("thanks")
            }),
        ),
        event(
            "1004",
            feeder(),
            1_714_557_603_000,
            said(message("bread at noon")),
        ),
    ];
    assert_eq!(outcome.events(), expected.iter().collect::<Vec<_>>());
    assert_eq!(outcome.ignored, 1);
    // The events of one message share its place until the last.
    let places: Vec<u64> = outcome.records.iter().map(|r| r.position.records).collect();
    assert_eq!(places, [1, 1, 1, 2, 3, 4]);
}

#[test]
fn broken_messages_are_rejected_and_the_cut_end_is_fatal() {
    let path = fixture("discord-chat-exporter/broken.json");
    let outcome = read(&path, Format::DiscordChatExporter);
    assert_eq!(outcome.ids(), ["2001"]);
    assert_eq!(
        outcome.rejected,
        [
            "record 2: field `timestamp` is `yesterday`, expected a time with offset (RFC 3339)",
            "record 3: sent_at 1970-01-01T00:00:00.000Z is before 1988-08-01, when IRC began",
            "record 4: field `author` is missing",
            "record 5: invalid type: integer `7`, expected a string",
            "record 6: not a JSON object",
        ]
    );
    assert_eq!(
        outcome.fatal.unwrap().to_string(),
        format!(
            "`{}` ends in the middle of record 7: the file is cut off",
            path.display()
        )
    );
}

#[test]
fn a_file_without_a_guild_is_refused_before_anything_is_read() {
    for (text, what) in [
        (
            &b"{\"channel\":{\"id\":\"1\"},\"messages\":[]}"[..],
            "it has no `guild`",
        ),
        (b"[]", "it has no JSON object at byte 0"),
        (
            b"{\"guild\":{\"id\":",
            "it ends before its list of messages",
        ),
        (
            b"{\"guild\":{\"id\":[]},\"channel\":{\"id\":1},\"messages\":[]}",
            "`guild` is unusable: invalid type: sequence, expected an id (a string or an integer) \
             at line 1 column 8",
        ),
    ] {
        let (_dir, path) = written("x.json", text);
        let error = open(&input(&path, Format::DiscordChatExporter), &options()).err();
        assert_eq!(
            error.unwrap().to_string(),
            format!(
                "`{}` is not a discord-chat-exporter file: {what}",
                path.display()
            )
        );
    }
}

#[test]
fn a_message_of_five_megabytes_is_rejected_and_the_next_one_read() {
    let long = "x".repeat(5_000_000);
    let one = |id: &str, text: &str| {
        format!(
            r#"{{"id":"{id}","type":"Default","timestamp":"2024-05-01T10:00:00Z","content":"{text}","author":{{"id":"5","name":"a"}}}}"#
        )
    };
    let text = format!(
        r#"{{"guild":{{"id":"1"}},"channel":{{"id":"2"}},"messages":[{},{}]}}"#,
        one("a", &long),
        one("b", "short")
    );
    let (_dir, path) = written("x.json", text.as_bytes());
    let outcome = read(&path, Format::DiscordChatExporter);
    assert_eq!(outcome.ids(), ["b"]);
    assert_eq!(
        outcome.rejected,
        [format!(
            "record 1: record of {} bytes exceeds the limit of 1048576 bytes",
            one("a", &long).len()
        )]
    );
}
