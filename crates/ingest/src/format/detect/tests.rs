//! Which format every fixture is, and what is said about files that are none.

use std::path::Path;

use super::{detect, detect_file};
use crate::format::{
    Format,
    tests::{fixture, gzip, written},
};

#[test]
fn every_fixture_is_recognised_by_its_content() {
    for (name, format) in [
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
    ] {
        let path = fixture(name);
        assert_eq!(detect_file(&path).unwrap(), format, "{name}");
        if path.is_file() {
            let packed = gzip(&std::fs::read(&path).unwrap());
            assert_eq!(detect(Path::new("x"), &packed).unwrap(), format, "{name}");
            let head = &packed[..packed.len() * 3 / 4];
            assert_eq!(detect(Path::new("x"), head).unwrap(), format, "{name}");
        }
    }
}

fn saw(name: &str, bytes: &[u8]) -> String {
    let (_dir, path) = written(name, bytes);
    let error = detect_file(&path).unwrap_err().to_string();
    let begin = format!("cannot tell the format of `{}`: it ", path.display());
    let end = "; the formats are jsonl, irc, slack-export, discord-chat-exporter, \
               twitch-downloader";
    let saw = error.strip_prefix(&begin).and_then(|e| e.strip_suffix(end));
    saw.unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn other_files_are_named_for_what_they_are() {
    for (bytes, expected) in [
        (&b""[..], "is empty"),
        (b" \n \n", "is empty"),
        (b"\xff\xfe{\0", "is UTF-16 text; save it as UTF-8"),
        (
            b"\x89PNG\r\n\x1a\n\0\0",
            "is binary data beginning with 89 50 4e 47 0d 0a 1a 0a",
        ),
        (
            b"account,label\n1,bot\n",
            "is text that begins with `account,label`",
        ),
        (
            b"{\"name\":1,\"tags\":[]}",
            "begins with a JSON object with the keys name, tags",
        ),
        (
            b"[{\"ts\":\"1\"}]",
            "begins with a JSON list; if it is one day of a Slack export, give the directory or \
             ZIP archive it came in",
        ),
        (
            b"PK\x03\x04 something",
            "is a ZIP archive that cannot be read: `x` is not a readable ZIP archive",
        ),
    ] {
        let found = saw("x", bytes);
        let dir = found
            .split('`')
            .nth(1)
            .filter(|_| found.contains("ZIP archive that"));
        let found = dir.map_or(found.clone(), |dir| found.replace(dir, "x"));
        assert_eq!(found, expected);
    }
    let dir = tempfile::tempdir().unwrap();
    let error = detect_file(dir.path()).unwrap_err().to_string();
    assert!(error.contains("is a directory without users.json and channels.json"));
}

#[test]
fn a_name_decides_where_the_content_does_not() {
    let unusual = b"{\"x\":1}\n{\"x\":2}\n";
    assert_eq!(
        detect(Path::new("a.NDJSON.gz"), unusual).unwrap(),
        Format::Jsonl
    );
    assert!(detect(Path::new("a.json"), unusual).is_err());
}
