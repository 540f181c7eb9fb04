//! What is found in a directory, what is skipped and why, and keys that keep their promise.

use std::fs;

use super::{DiscoverError, discover};
use crate::format::{
    Format, Options,
    tests::{fixture, input, options, written},
};

#[test]
fn the_fixtures_are_found_in_order_and_the_export_counts_once() {
    let root = fixture("");
    let found = discover(&root, None).unwrap();
    let names: Vec<_> = found
        .inputs
        .iter()
        .map(|input| {
            let name = input.path.strip_prefix(&root).unwrap();
            (name.to_str().unwrap(), input.format)
        })
        .collect();
    assert_eq!(
        names,
        [
            (
                "discord-chat-exporter/broken.json",
                Format::DiscordChatExporter
            ),
            (
                "discord-chat-exporter/talk.json",
                Format::DiscordChatExporter
            ),
            ("irc/#broken.log", Format::Irc),
            ("irc/#pond.log", Format::Irc),
            ("irc/irc.pondnet.#pond.weechatlog", Format::Irc),
            ("irc/znc/pondnet/#pond/2004-11-27.log", Format::Irc),
            ("jsonl/broken.jsonl", Format::Jsonl),
            ("jsonl/pond.jsonl", Format::Jsonl),
            ("slack-export", Format::SlackExport),
            ("twitch-downloader/video-99.json", Format::TwitchDownloader),
        ]
    );
    let mut keys: Vec<_> = found.inputs.iter().map(|input| &input.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10);
    assert!(found.inputs.iter().all(|input| input.bytes > 0));
}

#[test]
fn files_of_other_kinds_are_skipped_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.log", "[10:01] <ann> hi\n");
    write("empty.jsonl", "");
    write("labels.csv", "id,label\n");
    write(".hidden.log", "[10:01] <ann> hi\n");
    fs::create_dir(dir.path().join(".git")).unwrap();
    write(".git/b.log", "[10:01] <ann> hi\n");
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link.log")).unwrap();
    let found = discover(dir.path(), None).unwrap();
    let names = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let inputs: Vec<_> = found.inputs.iter().map(|i| names(&i.path)).collect();
    assert_eq!(inputs, ["a.log"]);
    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|s| format!("{} {}", names(&s.path), s.why))
        .collect();
    assert_eq!(
        skipped,
        [
            "empty.jsonl is empty",
            "labels.csv is text that begins with `id,label`",
            "link.log is a symbolic link"
        ]
    );
    let error = discover(dir.path(), Some(Format::TwitchDownloader)).unwrap_err();
    assert!(
        matches!(error, DiscoverError::Nothing { n_skipped: 4, .. }),
        "{error}"
    );
}

#[test]
fn a_named_format_takes_files_by_their_ending_where_the_content_does_not_tell() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("odd.log"), "strange\nwords\n").unwrap();
    fs::write(dir.path().join("odd.csv"), "strange\nwords\n").unwrap();
    let found = discover(dir.path(), Some(Format::Irc)).unwrap();
    assert_eq!(found.inputs.len(), 1);
    assert!(discover(dir.path(), None).is_err());
}

#[test]
fn a_named_file_is_taken_at_its_word_or_must_be_recognised() {
    let (_dir, path) = written("x.bin", b"words");
    assert!(discover(&path, Some(Format::Irc)).is_ok());
    assert!(matches!(
        discover(&path, None),
        Err(DiscoverError::Detect(_))
    ));
    assert!(matches!(
        discover(&path.with_file_name("none"), Some(Format::Irc)),
        Err(DiscoverError::Io { .. })
    ));
}

#[test]
fn a_key_stays_when_a_file_moves_and_changes_when_it_grows() {
    let (_dir, one) = written("a.jsonl", b"{}\n");
    let (_other, two) = written("a.jsonl", b"{}\n");
    let key = |path| input(path, Format::Jsonl).key;
    assert_eq!(key(&one), key(&two));
    fs::write(&two, b"{}\n{}\n").unwrap();
    assert_ne!(key(&one), key(&two));
}

#[test]
fn a_key_for_resuming_depends_on_what_changes_events_and_not_on_the_time() {
    let input = input(&fixture("irc/#pond.log"), Format::Irc);
    let base = input.resume_key(&options());
    let later = Options {
        now: kernel::Timestamp(options().now.0 + 1),
        ..options()
    };
    assert_eq!(base, input.resume_key(&later));
    let elsewhere = Options {
        utc_offset_secs: 3_600,
        ..options()
    };
    assert_ne!(base, input.resume_key(&elsewhere));
}
