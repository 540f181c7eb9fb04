//! Exact events of the fixture, unpacked and zipped, and archives that are broken or hostile.

use std::{fs, io::Write, path::Path};

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::format::{
    Format, Limits, Options, detect_file, open,
    tests::{Outcome, drain, fixture, input, options, read, written},
};

fn account(id: &str, name: &str, is_bot: bool) -> Account {
    Account {
        standing: None,
        platform_user_id: id.to_owned(),
        username: name.to_owned(),
        created_at: None,
        is_bot,
    }
}

fn event(id: &str, account: Account, at: i64, kind: EventKind) -> ChatEvent {
    ChatEvent {
        platform: Platform::Slack,
        event_id: format!("C1:{id}"),
        origin: Origin {
            server: "T1".to_owned(),
            channel: "C1".to_owned(),
            channel_name: "general".to_owned(),
        },
        account,
        sent_at: Timestamp(at),
        source: Source::Import,
        kind,
    }
}

fn said(text: &str, n_mentions: u32, n_embeds: u32, reply_to: Option<&str>) -> EventKind {
    EventKind::Message(Message {
        is_ours: false,
        text: text.to_owned(),
        n_mentions,
        n_embeds,
        reply_to: reply_to.map(str::to_owned),
    })
}

fn check_general(outcome: &Outcome) {
    let duck = || EventKind::Reaction {
        emoji: "duck".to_owned(),
        message_id: "C1:1714557601.000200".to_owned(),
    };
    let expected = [
        event(
            "1714557600.000100",
            account("U2", "Bo Drake", false),
            1_714_557_600_000_100,
            EventKind::Join,
        ),
        event(
            "1714557601.000200",
            account("U1", "Änne", false),
            1_714_557_601_000_200,
            said("welcome <@U2> & <@U3>: 1 < 2", 2, 0, None),
        ),
        event(
            "1714557601.000200:duck:U2",
            account("U2", "Bo Drake", false),
            1_714_557_601_000_200,
            duck(),
        ),
        event(
            "1714557601.000200:duck:U3",
            account("U3", "guest", false),
            1_714_557_601_000_200,
            duck(),
        ),
        event(
            "1714557602.000300",
            account("U2", "Bo Drake", false),
            1_714_557_602_000_300,
            said("thanks", 0, 3, Some("C1:1714557601.000200")),
        ),
        event(
            "1714557603.000400",
            account("B1", "weather", true),
            1_714_557_603_000_400,
            said("rain", 0, 0, None),
        ),
        event(
            "1714557604.000500",
            account("U4", "Feeder", true),
            1_714_557_604_000_500,
            said("bread at noon", 0, 0, None),
        ),
    ];
    let events = outcome.events();
    assert_eq!(events[..7], expected.iter().collect::<Vec<_>>());
    let rest: Vec<_> = events[7..]
        .iter()
        .map(|e| (e.event_id.as_str(), e.account.username.as_str()))
        .collect();
    assert_eq!(
        rest,
        [
            ("C2:1714557600.5", "Gus Goose"),
            ("C2:1714644000.000000", "Änne")
        ]
    );
    assert_eq!(
        outcome.rejected,
        [
            "old-room record 1: the folder is in neither channels.json nor groups.json",
            "random/2024-05-01.json record 2: field `ts` is `soon`, expected a time like \
             1355517523.000005",
            "random/2024-05-01.json record 3: field `user` is missing",
            "random/2024-05-01.json record 4: invalid type: integer `5`, expected a string",
            "random/2024-05-01.json record 5: sent_at 2199-01-01T00:00:00.000Z lies in the future",
            "random/2024-05-01.json record 6: the rest of the file is unreadable: it ends too \
             early",
        ]
    );
    // Someone left, a topic changed, one day of direct messages.
    assert_eq!(outcome.ignored, 3);
    assert!(outcome.fatal.is_none());
}

/// The files of the fixture in an archive, under `prefix`.
fn zipped(prefix: &str, method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    let root = fixture("slack-export");
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(&root).unwrap().to_str().unwrap();
            zip.start_file(format!("{prefix}{name}"), options).unwrap();
            zip.write_all(&fs::read(entry.path()).unwrap()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_unpacked_export_is_read() {
    check_general(&read(&fixture("slack-export"), Format::SlackExport));
}

#[test]
fn a_zipped_export_gives_the_same_whatever_its_compression_and_top_folder() {
    for prefix in ["", "Pond Slack export/"] {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let (_dir, path) = written("export.zip", &zipped(prefix, method));
            assert_eq!(detect_file(&path).unwrap(), Format::SlackExport);
            check_general(&read(&path, Format::SlackExport));
        }
    }
}

#[test]
fn direct_messages_are_never_read() {
    for outcome in [read(&fixture("slack-export"), Format::SlackExport), {
        let (_dir, path) = written("e.zip", &zipped("", CompressionMethod::Deflated));
        read(&path, Format::SlackExport)
    }] {
        assert!(
            outcome
                .events()
                .iter()
                .all(|event| !matches!(&event.kind, EventKind::Message(m) if m.text == "private"))
        );
    }
}

#[test]
fn a_broken_list_of_direct_messages_stops_the_import() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("channels.json"), b"[]").unwrap();
    fs::write(dir.path().join("users.json"), b"[]").unwrap();
    fs::write(dir.path().join("dms.json"), b"[{\"id\":").unwrap();
    let error = open(&input(dir.path(), Format::SlackExport), &options()).err();
    let error = error.unwrap();
    assert!(error.to_string().starts_with("cannot read the lists of"));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        "`dms.json` ends in the middle of record 1: the file is cut off"
    );
}

#[test]
fn an_archive_cut_off_has_no_table_of_contents() {
    let bytes = zipped("", CompressionMethod::Deflated);
    let (_dir, path) = written("e.zip", &bytes[..bytes.len() / 2]);
    let error = open(&input(&path, Format::SlackExport), &options()).err();
    assert_eq!(
        error.unwrap().to_string(),
        format!("`{}` is not a readable ZIP archive", path.display())
    );
}

#[test]
fn a_flipped_byte_is_noticed_by_the_checksum() {
    let mut bytes = zipped("", CompressionMethod::Stored);
    let needle = b"thanks";
    let at = bytes.windows(6).position(|w| w == needle).unwrap();
    bytes[at] = b'T';
    let (_dir, path) = written("e.zip", &bytes);
    let outcome = read(&path, Format::SlackExport);
    let fatal = outcome.fatal.unwrap().to_string();
    assert!(
        fatal.contains("general/2024-05-01.json` are damaged"),
        "{fatal}"
    );
}

/// An export with one channel whose day is `bytes` of blanks in a list.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let mut add = |name: &str, content: &[u8]| {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    };
    add("users.json", b"[]");
    add("channels.json", b"[{\"id\":\"C1\",\"name\":\"g\"}]");
    let mut day = b"[{\"ts\":\"1714557600.1\",\"user\":\"U1\",\"text\":\"first\"}".to_vec();
    day.resize(bytes, b' ');
    day.push(b']');
    add("g/2024-05-01.json", &day);
    zip.finish().unwrap().into_inner()
}

fn read_with(path: &Path, limits: Limits) -> Outcome {
    let options = Options {
        limits,
        ..options()
    };
    drain(
        open(&input(path, Format::SlackExport), &options)
            .unwrap()
            .as_mut(),
    )
}

#[test]
fn a_bomb_is_stopped_and_what_came_before_counts() {
    let (_dir, path) = written("bomb.zip", &bomb(40 << 20));
    let outcome = read(&path, Format::SlackExport);
    assert_eq!(outcome.ids(), ["C1:1714557600.1"]);
    assert_eq!(
        outcome.fatal.unwrap().to_string(),
        format!(
            "`{}/g/2024-05-01.json` unpacks to more than 16777216 bytes: this looks like a \
             decompression bomb",
            path.display()
        )
    );
    let small = Limits {
        entry_bytes_max: 1_000,
        ..Limits::default()
    };
    let (_dir, path) = written("big.zip", &bomb(200_000));
    assert!(read_with(&path, small).fatal.is_some());
    assert!(read_with(&path, Limits::default()).fatal.is_none());
}

#[test]
fn an_archive_with_too_many_entries_is_refused() {
    let (_dir, path) = written("e.zip", &zipped("", CompressionMethod::Stored));
    let options = Options {
        limits: Limits {
            entries_max: 3,
            ..Limits::default()
        },
        ..options()
    };
    for path in [path, fixture("slack-export")] {
        let error = open(&input(&path, Format::SlackExport), &options).err();
        assert_eq!(
            error.unwrap().to_string(),
            format!("`{}` has more than 3 entries", path.display())
        );
    }
}
