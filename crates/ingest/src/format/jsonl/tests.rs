//! Exact events of the fixtures, exact reasons of the broken one, limits, and the way back.

use std::io::Write;

use kernel::{
    Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp,
    event::{Message, Moderation, ModerationAction},
};
use proptest::prelude::*;

use super::render;
use crate::format::{
    EARLIEST, Format,
    tests::{fixture, options, read, reader, written},
};

fn event(
    platform: Platform,
    id: &str,
    channel: &str,
    user: (&str, &str),
    at: i64,
    kind: EventKind,
) -> ChatEvent {
    ChatEvent {
        platform,
        event_id: id.to_owned(),
        origin: Origin {
            server: String::new(),
            channel: channel.to_owned(),
            channel_name: channel.to_owned(),
        },
        account: Account {
            standing: None,
            platform_user_id: user.0.to_owned(),
            username: user.1.to_owned(),
            created_at: None,
            is_bot: false,
        },
        sent_at: Timestamp::from_millis(at),
        source: Source::Import,
        kind,
    }
}

#[test]
fn every_field_of_the_fixture_arrives() {
    let outcome = read(&fixture("jsonl/pond.jsonl"), Format::Jsonl);
    assert_eq!(outcome.rejected, Vec::<String>::new());
    let mut first = event(
        Platform::Discord,
        "m1",
        "200",
        ("7", "Änne"),
        1_714_557_600_123,
        EventKind::Message(Message {
            is_ours: false,
            text: "hello @bo 🦆".to_owned(),
            n_mentions: 1,
            n_embeds: 1,
            reply_to: Some("m0".to_owned()),
        }),
    );
    first.origin.server = "100".to_owned();
    first.origin.channel_name = "talk".to_owned();
    first.account.created_at = Some(Timestamp::from_millis(1_508_191_888_799));
    let expected = [
        first,
        event(
            Platform::Twitch,
            "2",
            "pondtv",
            ("8", "bo"),
            1_714_557_601_500,
            EventKind::Cheer { bits: 250 },
        ),
        event(
            Platform::Twitch,
            "3",
            "pondtv",
            ("8", "bo"),
            1_714_557_602_000,
            EventKind::Moderation(Moderation {
                action: ModerationAction::Timeout,
                moderator: Some("7".to_owned()),
                reason: "quacking".to_owned(),
                duration_secs: Some(600),
            }),
        ),
        event(
            Platform::Slack,
            "4",
            "C1",
            ("9", "cy"),
            1_714_557_603_000,
            EventKind::Reaction {
                emoji: "duck".to_owned(),
                message_id: "m1".to_owned(),
            },
        ),
        event(
            Platform::Import,
            "5",
            "c",
            ("9", "9"),
            1_714_557_604_000,
            EventKind::Donation {
                amount_minor: 1_250,
                currency: "EUR".to_owned(),
            },
        ),
        event(
            Platform::Import,
            "6",
            "c",
            ("9", "cy"),
            1_714_557_605_000,
            EventKind::Message(Message {
                text: "nulfree".to_owned(),
                ..Message::default()
            }),
        ),
    ];
    assert_eq!(outcome.events(), expected.iter().collect::<Vec<_>>());
    let communities: Vec<_> = outcome
        .records
        .iter()
        .map(|r| r.community.as_deref())
        .collect();
    assert_eq!(communities, [Some("pond"), None, None, None, None, None]);
    // The blank line counts as a line.
    let lines: Vec<u64> = outcome.records.iter().map(|r| r.position.records).collect();
    assert_eq!(lines, [1, 2, 4, 5, 6, 7]);
}

#[test]
fn every_broken_line_is_rejected_with_its_reason_and_the_others_are_kept() {
    let outcome = read(&fixture("jsonl/broken.jsonl"), Format::Jsonl);
    assert_eq!(outcome.ids(), ["ok-1", "ok-2"]);
    assert!(outcome.fatal.is_none());
    let expected = [
        "line 2 column 55: not valid JSON: EOF while parsing a string",
        "line 3: not a JSON object",
        "line 4: not a JSON object",
        "line 5 column 100: invalid type: string \"soon\", expected i64",
        "line 6 column 116: invalid type: integer `5`, expected a string",
        "line 7 column 119: byte 118 of the record is not valid UTF-8",
        "line 8: sent_at 1970-01-01T00:00:00.000Z is before 1988-08-01, when IRC began",
        "line 9: sent_at 2199-01-01T00:00:00.000Z lies in the future",
        "line 10: field `message_id` is empty",
        "line 11: field `platform` is `myspace`, expected one of discord, twitch, slack, irc, \
         import",
        "line 12: field `type` is `dance`, expected one of message, join, follow, subscription, \
         gift, cheer, raid, donation, reaction, warn, timeout, kick, ban, stream_online, \
         stream_offline",
        "line 13: field `sent_at_ms` is missing",
        "line 14: field `sent_at` is `yesterday`, expected a time like 2024-05-01T10:00:00Z \
         (RFC 3339)",
        "line 15 column 135: invalid value: integer `-3`, expected u32",
        "line 16: field `user_id` is missing",
        "line 18 column 53: not valid JSON: EOF while parsing a string",
    ];
    assert_eq!(outcome.rejected, expected);
}

#[test]
fn a_line_of_five_megabytes_is_rejected_by_its_length() {
    let line = |id: &str, text: &str| {
        format!(
            r#"{{"platform":"irc","channel":"c","message_id":"{id}","user_id":"u","username":"a","sent_at_ms":1714557600000,"text":"{text}"}}"#
        )
    };
    let (_dir, path) = written("long.jsonl", b"");
    let mut file = std::fs::File::create(&path).unwrap();
    let long = line("long", &"x".repeat(5_000_000));
    for line in [
        &line("a", "before"),
        &long,
        &line("b", &"y".repeat(20_001)),
        &line("c", "after"),
    ] {
        writeln!(file, "{line}").unwrap();
    }
    let outcome = read(&path, Format::Jsonl);
    assert_eq!(outcome.ids(), ["a", "c"]);
    assert_eq!(
        outcome.rejected,
        [
            format!(
                "line 2: line of {} bytes exceeds the limit of 1048576 bytes",
                long.len()
            ),
            "line 3: field `text` has 20001 characters, the limit is 20000".to_owned()
        ]
    );
}

#[test]
fn passing_over_lines_does_not_look_at_them() {
    let mut reader = reader(&fixture("jsonl/broken.jsonl"), Format::Jsonl);
    reader.skip_to(16).unwrap();
    let next = reader.next().unwrap().unwrap();
    assert_eq!(next.event.event_id, "ok-2");
    assert_eq!(next.position.records, 17);
}

fn id() -> impl Strategy<Value = String> {
    "[^\0]{1,40}"
}

fn kind() -> impl Strategy<Value = EventKind> {
    let count = 0..=0x7fff_ffff_u32;
    let text = "[^\0]{0,60}";
    prop_oneof![
        4 => (text, count.clone(), count.clone(), prop::option::of(id())).prop_map(
            |(text, n_mentions, n_embeds, reply_to)| EventKind::Message(Message { is_ours: false,
                text, n_mentions, n_embeds, reply_to
            })
        ),
        1 => Just(EventKind::Join),
        1 => Just(EventKind::Follow),
        1 => Just(EventKind::StreamOffline),
        1 => (1..=3_u8, prop::option::of(count.clone()))
            .prop_map(|(tier, months)| EventKind::Subscription { tier, months }),
        1 => (count.clone(), 1..=3_u8).prop_map(|(count, tier)| EventKind::Gift { count, tier }),
        1 => count.clone().prop_map(|bits| EventKind::Cheer { bits }),
        1 => count.prop_map(|viewers| EventKind::Raid { viewers }),
        1 => (0..=i64::MAX.unsigned_abs(), "[A-Z]{3}")
            .prop_map(|(amount_minor, currency)| EventKind::Donation { amount_minor, currency }),
        1 => (id(), id()).prop_map(|(emoji, message_id)| EventKind::Reaction { emoji, message_id }),
        1 => text.prop_map(|title| EventKind::StreamOnline { title }),
        2 => moderation().prop_map(EventKind::Moderation),
    ]
}

fn moderation() -> impl Strategy<Value = Moderation> {
    let action = prop::sample::select(vec![
        ModerationAction::Warn,
        ModerationAction::Timeout,
        ModerationAction::Kick,
        ModerationAction::Ban,
    ]);
    let secs = prop::option::of(0..=i64::MAX.unsigned_abs());
    (action, prop::option::of(id()), "[^\0]{0,60}", secs).prop_map(
        |(action, moderator, reason, secs)| Moderation {
            action,
            moderator,
            reason,
            duration_secs: secs.filter(|_| action == ModerationAction::Timeout),
        },
    )
}

fn any_event() -> impl Strategy<Value = ChatEvent> {
    let time = || (EARLIEST.0..=options().now.0).prop_map(Timestamp);
    (
        prop::sample::select(Platform::ALL.to_vec()),
        (id(), id(), id(), "[^\0]{0,20}", "[^\0]{0,20}"),
        "\\PC{1,30}".prop_filter("a name is not blank", |name| !name.trim().is_empty()),
        (prop::option::of(time()), any::<bool>(), time()),
        kind(),
    )
        .prop_map(
            |(platform, (event_id, user, channel, server, channel_name), username, rest, kind)| {
                let (created_at, is_bot, sent_at) = rest;
                ChatEvent {
                    platform,
                    event_id,
                    origin: Origin {
                        server,
                        channel,
                        channel_name,
                    },
                    account: Account {
                        standing: None,
                        platform_user_id: user,
                        username,
                        created_at,
                        is_bot,
                    },
                    sent_at,
                    source: Source::Import,
                    kind,
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(event in any_event(), community in prop::option::of(id())) {
        let line = render(&event, community.as_deref());
        prop_assert!(!line.contains('\n'));
        let (_dir, path) = written("x.jsonl", line.as_bytes());
        let outcome = read(&path, Format::Jsonl);
        prop_assert_eq!(&outcome.rejected, &Vec::<String>::new(), "{}", line);
        prop_assert_eq!(outcome.events(), [&event]);
        prop_assert_eq!(&outcome.records[0].community, &community);
    }
}
