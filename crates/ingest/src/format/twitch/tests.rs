//! Exact events of the fixture, with its broken comments among them.

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};

use super::mentions;
use crate::format::{
    Format, open,
    tests::{fixture, input, options, read, written},
};

fn event(id: &str, account: &Account, at: i64, kind: EventKind) -> ChatEvent {
    ChatEvent {
        platform: Platform::Twitch,
        event_id: id.to_owned(),
        origin: Origin {
            server: "4242".to_owned(),
            channel: "4242".to_owned(),
            channel_name: "PondTV".to_owned(),
        },
        account: account.clone(),
        sent_at: Timestamp::from_millis(at),
        source: Source::Import,
        kind,
    }
}

fn account(id: &str, name: &str, created_at: Option<i64>, is_bot: bool) -> Account {
    Account {
        standing: None,
        platform_user_id: id.to_owned(),
        username: name.to_owned(),
        created_at: created_at.map(Timestamp),
        is_bot,
    }
}

fn said(text: &str, n_mentions: u32) -> EventKind {
    EventKind::Message(Message {
        text: text.to_owned(),
        n_mentions,
        ..Message::default()
    })
}

#[test]
fn comments_and_cheers_are_taken_and_broken_ones_rejected() {
    let outcome = read(
        &fixture("twitch-downloader/video-99.json"),
        Format::TwitchDownloader,
    );
    let ahiru = account("501", "あひる", Some(1_454_472_306_000_001), false);
    let bo = account("502", "Bo", None, false);
    let feeder = account("503", "Feeder", Some(1_577_836_800_000_000), true);
    let expected = [
        event(
            "c-1",
            &ahiru,
            1_714_557_605_678,
            said("hi @bo and @ nobody, mail a@b.example", 1),
        ),
        event("c-2", &bo, 1_714_557_606_000, said("Cheer100 quack", 0)),
        event(
            "c-2:cheer",
            &bo,
            1_714_557_606_000,
            EventKind::Cheer { bits: 100 },
        ),
        // No time of its own: the video's beginning plus the offset.
        event("c-3", &feeder, 1_714_557_607_500, said("bread", 0)),
    ];
    assert_eq!(outcome.events(), expected.iter().collect::<Vec<_>>());
    assert_eq!(
        outcome.rejected,
        [
            "record 4: field `commenter` is missing",
            "record 5: sent_at 2199-01-01T00:00:00.000Z lies in the future",
            "record 6: invalid value: integer `-1`, expected u32",
        ]
    );
    assert!(outcome.fatal.is_none());
}

#[test]
fn mentions_are_words_with_a_name_behind_the_sign() {
    assert_eq!(mentions("@a @あ, @_x: @ @@ x@y"), 3);
}

#[test]
fn a_file_without_a_streamer_is_refused() {
    let (_dir, path) = written("x.json", b"{\"comments\":[{\"streamer\":1}]}");
    let error = open(&input(&path, Format::TwitchDownloader), &options()).err();
    assert!(
        error
            .unwrap()
            .to_string()
            .ends_with("is not a twitch-downloader file: it has no `streamer`")
    );
}

#[test]
fn a_structure_that_breaks_off_is_fatal_and_what_came_before_counts() {
    let (_dir, path) = written(
        "x.json",
        br#"{"streamer":{"id":1,"name":"t"},"comments":[{"_id":"a","created_at":"2024-05-01T10:00:00Z","commenter":{"_id":"1"},"message":{"body":"hi"}};{}]}"#,
    );
    let outcome = read(&path, Format::TwitchDownloader);
    assert_eq!(outcome.ids(), ["a"]);
    assert_eq!(
        outcome.fatal.unwrap().to_string(),
        format!(
            "`{}` has no `,` or `]` after an element at byte 139",
            path.display()
        )
    );
}
