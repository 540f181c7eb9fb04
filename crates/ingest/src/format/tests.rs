//! What holds for every format, and the helpers the formats' own tests share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kernel::{ChatEvent, Day};
use proptest::prelude::*;

use super::{
    Fatal, Format, InputFile, OpenError, Options, ReadError, Reader, Record, discover, open,
};

/// Midnight of the day the tests take for today.
pub(super) fn options() -> Options {
    Options::new(Day::from_civil(2026, 11, 23).unwrap().start())
}

/// A file of `fixtures/import`.
pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/import")
        .join(name)
}

/// A file in a directory of its own.
pub(super) fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// The one input at a path.
pub(super) fn input(path: &Path, format: Format) -> InputFile {
    let mut found = discover(path, Some(format)).unwrap();
    assert_eq!(found.inputs.len(), 1, "{found:?}");
    found.inputs.remove(0)
}

pub(super) fn reader(path: &Path, format: Format) -> Box<dyn Reader + Send> {
    open(&input(path, format), &options()).unwrap()
}

/// Everything a reader reports.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Record>,
    pub(super) rejected: Vec<String>,
    pub(super) fatal: Option<Fatal>,
    pub(super) ignored: u64,
}

impl Outcome {
    pub(super) fn events(&self) -> Vec<&ChatEvent> {
        self.records.iter().map(|record| &record.event).collect()
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        let ids = self.records.iter();
        ids.map(|record| record.event.event_id.as_str()).collect()
    }
}

pub(super) fn drain(reader: &mut dyn Reader) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(item) = reader.next() {
        assert!(outcome.fatal.is_none(), "nothing comes after a fatal error");
        match item {
            Ok(record) => {
                assert!(record.position.records <= reader.position().records + 1);
                outcome.records.push(record);
            }
            Err(ReadError::Rejected(rejected)) => {
                assert!(rejected.excerpt.chars().count() <= 120);
                outcome.rejected.push(rejected.to_string());
            }
            Err(ReadError::Fatal(fatal)) => outcome.fatal = Some(fatal),
        }
        assert!(reader.position().bytes <= reader.total_bytes());
    }
    assert!(reader.next().is_none());
    outcome.ignored = reader.ignored();
    outcome
}

pub(super) fn read(path: &Path, format: Format) -> Outcome {
    drain(reader(path, format).as_mut())
}

/// Every fixture that is an input, with its format.
fn fixtures() -> Vec<(PathBuf, Format)> {
    [
        ("jsonl/pond.jsonl", Format::Jsonl),
        ("jsonl/broken.jsonl", Format::Jsonl),
        ("irc/#pond.log", Format::Irc),
        ("irc/#broken.log", Format::Irc),
        ("irc/irc.pondnet.#pond.weechatlog", Format::Irc),
        ("irc/znc/pondnet/#pond/2004-11-27.log", Format::Irc),
        ("slack-export", Format::SlackExport),
        (
            "discord-chat-exporter/talk.json",
            Format::DiscordChatExporter,
        ),
        (
            "discord-chat-exporter/broken.json",
            Format::DiscordChatExporter,
        ),
        ("twitch-downloader/video-99.json", Format::TwitchDownloader),
    ]
    .map(|(name, format)| (fixture(name), format))
    .to_vec()
}

#[test]
fn every_format_survives_its_name() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!(
        "mirc".parse::<Format>().unwrap_err().to_string(),
        "`mirc` is not an import format: use jsonl, irc, slack-export, discord-chat-exporter, \
         twitch-downloader"
    );
}

#[test]
fn reading_twice_gives_the_same_events_with_different_ids_for_different_events() {
    for (path, format) in fixtures() {
        let (first, second) = (read(&path, format), read(&path, format));
        assert_eq!(first.records, second.records, "{}", path.display());
        assert_eq!(first.rejected, second.rejected);
        let mut ids = first.ids();
        ids.sort_unstable();
        let n = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), n, "{}", path.display());
        assert!(n > 0, "{}", path.display());
    }
}

#[test]
fn an_import_interrupted_after_any_event_loses_nothing() {
    for (path, format) in fixtures() {
        let whole = read(&path, format);
        for (at, record) in whole.records.iter().enumerate() {
            let mut rest = reader(&path, format);
            rest.skip_to(record.position.records).unwrap();
            let rest = drain(rest.as_mut());
            let mut seen = whole.ids()[..=at].to_vec();
            seen.extend(rest.ids());
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(
                seen.len(),
                whole.records.len(),
                "{} from {:?}",
                path.display(),
                record.position
            );
            // Only events of the record in which the interruption fell are seen twice.
            let again = rest.records.len() + at + 1 - whole.records.len();
            assert!(again < 4, "{again}");
        }
    }
}

#[test]
fn passing_over_everything_ends_where_reading_ends() {
    for (path, format) in fixtures() {
        let mut reading = reader(&path, format);
        drain(reading.as_mut());
        let mut skipping = reader(&path, format);
        // A cut-off file says so in both ways.
        let _ = skipping.skip_to(u64::MAX);
        assert_eq!(
            skipping.position().records,
            reading.position().records,
            "{}",
            path.display()
        );
        assert!(skipping.next().is_none());
    }
}

#[test]
fn gzip_changes_nothing_but_a_cut_in_it_is_noticed() {
    for (path, format) in fixtures() {
        if path.is_dir() {
            continue;
        }
        let packed = gzip(&fs::read(&path).unwrap());
        let name = format!("{}.gz", path.file_name().unwrap().to_str().unwrap());
        let (_dir, at) = written(&name, &packed);
        let (plain, unpacked) = (read(&path, format), read(&at, format));
        // The folder of this log names its channel; the copy is elsewhere.
        if !name.starts_with("2004") {
            assert_eq!(plain.ids(), unpacked.ids());
        }
        assert_eq!(plain.rejected, unpacked.rejected);

        let (_dir, at) = written(&name, &packed[..packed.len() - 12]);
        match open(&input(&at, format), &options()) {
            Err(error) => assert!(matches!(error, OpenError::Io { .. }), "{error}"),
            Ok(mut reader) => {
                let cut = drain(reader.as_mut());
                let fatal = cut.fatal.expect("the cut is noticed").to_string();
                assert!(fatal.contains("cut off"), "{fatal}");
                assert!(plain.records.len() >= cut.records.len());
            }
        }
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_that_is_gone_is_an_error_that_names_it() {
    let (dir, path) = written("gone.jsonl", b"{}");
    let input = input(&path, Format::Jsonl);
    drop(dir);
    for format in Format::ALL {
        let input = InputFile {
            format,
            ..input.clone()
        };
        let error = open(&input, &options()).err().unwrap().to_string();
        assert!(error.contains("gone.jsonl"), "{error}");
    }
}

/// The real histories must be read without a single rejection.
#[test]
fn the_sets_of_real_chat_are_read_completely() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chat");
    if !root.is_dir() {
        #[expect(clippy::disallowed_macros, reason = "a skipped test says so")]
        {
            eprintln!("skipped: {} is absent", root.display());
        }
        return;
    }
    let found = discover(&root, None).unwrap();
    assert_eq!(found.inputs.len(), 4, "{found:?}");
    let mut n = 0;
    for input in found.inputs {
        assert_eq!(input.format, Format::Jsonl);
        let mut reader = open(&input, &options()).unwrap();
        while let Some(item) = reader.next() {
            match item {
                Ok(record) => assert!(record.community.is_some()),
                Err(error) => panic!("{}: {error}", input.path.display()),
            }
            n += 1;
        }
        assert_eq!(reader.position().bytes, reader.total_bytes());
    }
    assert_eq!(n, 409_832);
}

/// Reads arbitrary bytes as every format and checks that the reader comes to an end.
fn survives(bytes: &[u8]) {
    for format in Format::ALL {
        let (dir, path) = written("#x.log", bytes);
        if let Ok(mut reader) = open(&input(&path, format), &options()) {
            let mut n = 0;
            while reader.next().is_some() {
                n += 1;
                assert!(n <= bytes.len() + 2, "{format} does not end");
            }
            let mut again = open(&input(&path, format), &options()).unwrap();
            let _ = again.skip_to(u64::MAX);
            assert!(again.next().is_none());
        }
        let _ = discover(&path, None);
        drop(dir);
    }
    // The same bytes as one day of a Slack export, and as its list of users.
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("channels.json"),
        br#"[{"id":"C1","name":"g"}]"#,
    )
    .unwrap();
    fs::create_dir(dir.path().join("g")).unwrap();
    fs::write(dir.path().join("g/2024-05-01.json"), bytes).unwrap();
    drain(reader(dir.path(), Format::SlackExport).as_mut());
    fs::write(dir.path().join("users.json"), bytes).unwrap();
    if let Ok(mut reader) = open(&input(dir.path(), Format::SlackExport), &options()) {
        drain(reader.as_mut());
    }
}

/// Pieces that readers look for, so that random input gets beyond the first check.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", "\"", ",", ":", "\\", "\n", "\r\n", "\t", " ", "\0", "null", "1e999", "-1",
        "{\"guild\":{\"id\":1},\"channel\":{\"id\":2},\"messages\":[",
        "{\"streamer\":{\"id\":1},\"comments\":[",
        "{\"id\":1,\"type\":\"Default\",\"timestamp\":\"2024-05-01T10:00:00Z\",\"author\":{\"id\":1}}",
        "{\"_id\":1,\"created_at\":\"2024-05-01T10:00:00Z\",\"commenter\":{\"_id\":1},\"message\":{}}",
        "{\"ts\":\"1714557600.1\",\"user\":\"U1\",\"reactions\":[{\"users\":[\"U2\"]}]}",
        "{\"platform\":\"irc\",\"channel\":\"c\",\"message_id\":1,\"user_id\":1,\"username\":\"a\",\"sent_at_ms\":1714557600000,\"text\":\"\"}",
        "--- Log opened ", "--- Day changed Sun Nov 28 2004", "Sat Nov 27 10:00:00 2004", "10:01 ",
        "[10:01:22] ", "2004-11-27 10:01:22\t", "<@Ann> ", "* ", "*** ", "-!- ", "<--\t", "-->\t",
        " was kicked from #c by ", " has kicked ", "was kicked by ", "mode/#c [+b ", "] by ", "\x03", "\u{feff}", "é",
        "PK\x03\x04", "PK\x05\x06",
    ])
    .prop_map(|text: &str| text.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 1..4);
    let gz = prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| gzip(&bytes));
    let parts = prop_oneof![20 => piece, 2 => noise, 1 => gz];
    prop::collection::vec(parts, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_never_panic_and_never_loop(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_pieces_of_the_formats_never_panic_and_never_loop(bytes in pieces()) {
        survives(&bytes);
    }

    #[test]
    fn damaged_fixtures_never_panic_and_never_loop(
        which in 0..9_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let files: Vec<PathBuf> = fixtures().into_iter().map(|(path, _)| path)
            .filter(|path| path.is_file()).collect();
        let mut bytes = fs::read(&files[which]).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        survives(&bytes);
    }
}
