//! Exact events of the three programs' logs, ids that survive cutting, and the reasons of the
//! broken log.

use kernel::{
    ChatEvent, Day, EventKind, Platform,
    event::{Moderation, ModerationAction},
};

use crate::format::{
    Encoding, Format, Options, open,
    tests::{Outcome, drain, fixture, input, options, read, written},
};

/// `time nick kind` of an event, short enough for a table.
fn line(event: &ChatEvent) -> String {
    assert_eq!(event.platform, Platform::Irc);
    assert_eq!(
        event.account.platform_user_id,
        event.account.username.to_lowercase()
    );
    let what = match &event.kind {
        EventKind::Message(message) => format!(": {}", message.text),
        EventKind::Join => " joined".to_owned(),
        EventKind::Moderation(Moderation {
            action,
            moderator,
            reason,
            duration_secs: None,
        }) => {
            let action = match action {
                ModerationAction::Kick => "kicked",
                ModerationAction::Ban => "banned",
                ModerationAction::Warn | ModerationAction::Timeout => "?",
            };
            let by = moderator.as_deref().unwrap_or("?");
            format!(" {action} by {by} ({reason})")
        }
        other => format!(" {other:?}"),
    };
    let time = event.sent_at.to_string();
    format!("{} {}{what}", &time[..19], event.account.username)
}

fn lines(outcome: &Outcome) -> Vec<String> {
    outcome.events().into_iter().map(line).collect()
}

#[test]
fn an_irssi_log_is_read() {
    let outcome = read(&fixture("irc/#pond.log"), Format::Irc);
    assert_eq!(outcome.rejected, Vec::<String>::new());
    assert_eq!(
        lines(&outcome),
        [
            "2004-11-27T10:01:00 Bo joined",
            "2004-11-27T10:01:00 Ann: welcome, Bo",
            "2004-11-27T10:02:00 Bo: hi",
            "2004-11-27T10:02:00 Bo: hi",
            "2004-11-27T10:02:00 Bo: waves",
            "2004-11-27T10:03:00 cy: a > b, bold and red",
            "2004-11-27T10:05:00 dan kicked by ann (no diving)",
            "2004-11-27T10:05:00 dan banned by ann ()",
            "2004-11-28T00:01:00 Ann: über midnight",
        ]
    );
    assert_eq!(outcome.ignored, 8);
    let origin = &outcome.records[0].event.origin;
    assert_eq!(
        (origin.server.as_str(), origin.channel.as_str()),
        ("", "#pond")
    );
}

#[test]
fn a_weechat_log_is_read() {
    let outcome = read(&fixture("irc/irc.pondnet.#pond.weechatlog"), Format::Irc);
    assert_eq!(outcome.rejected, Vec::<String>::new());
    assert_eq!(
        lines(&outcome),
        [
            "2004-11-27T10:01:22 Bo joined",
            "2004-11-27T10:01:23 Ann: welcome, Bo",
            "2004-11-27T10:01:24 Bo: waves",
            "2004-11-27T10:01:25 dan banned by ann ()",
            "2004-11-27T10:01:26 dan kicked by ann (no diving)",
            "2004-11-27T10:01:29 cyn: tab\tin text",
        ]
    );
    assert_eq!(outcome.ignored, 3);
    assert_eq!(outcome.records[0].event.origin.server, "pondnet");
}

#[test]
fn a_znc_log_takes_channel_and_date_from_its_path() {
    let outcome = read(
        &fixture("irc/znc/pondnet/#pond/2004-11-27.log"),
        Format::Irc,
    );
    assert_eq!(outcome.rejected, Vec::<String>::new());
    assert_eq!(
        lines(&outcome),
        [
            "2004-11-27T10:01:22 Bo joined",
            "2004-11-27T10:01:23 Ann: welcome, Bo",
            "2004-11-27T10:01:24 Bo: waves",
            "2004-11-27T10:01:26 dan banned by ann ()",
            "2004-11-27T10:01:27 dan kicked by ann (no diving)",
            "2004-11-27T23:59:59 cyn: good night",
        ]
    );
    assert_eq!(outcome.ignored, 3);
    assert_eq!(outcome.records[0].event.origin.channel, "#pond");
}

#[test]
fn every_broken_line_is_rejected_with_its_reason_and_the_others_are_kept() {
    let outcome = read(&fixture("irc/#broken.log"), Format::Irc);
    assert_eq!(
        lines(&outcome),
        [
            "2004-11-27T10:01:00 Ann: fine",
            "2004-11-28T10:06:00 Ann: fine again"
        ]
    );
    assert_eq!(
        outcome.rejected,
        [
            "line 1: a time without a date: neither the file name nor an earlier line has one",
            "line 2: field `date` is `Sat Foo 27 10:00:00 2004`, expected a date like `Sat Nov 27 \
             2004`",
            "line 5: not a line of an irssi, WeeChat or ZNC log",
            "line 6: not a line of an irssi, WeeChat or ZNC log",
            "line 7 column 16: byte 15 of the record is not valid UTF-8",
            "line 9: sent_at 1970-01-01T10:03:00.000Z is before 1988-08-01, when IRC began",
            "line 11: sent_at 2199-01-01T10:04:00.000Z lies in the future",
            "line 13: not a line of an irssi, WeeChat or ZNC log",
        ]
    );
}

fn read_with(path: &std::path::Path, options: &Options) -> Outcome {
    drain(open(&input(path, Format::Irc), options).unwrap().as_mut())
}

#[test]
fn old_encodings_are_read_when_asked_for() {
    let options = Options {
        encoding: Encoding::Latin1Fallback,
        ..options()
    };
    let outcome = read_with(&fixture("irc/#broken.log"), &options);
    assert!(lines(&outcome).contains(&"2004-11-27T10:02:00 Ann: café".to_owned()));
}

#[test]
fn the_offset_the_network_and_the_channel_can_be_given() {
    let options = Options {
        utc_offset_secs: 2 * 3_600,
        channel: Some("#Lake".to_owned()),
        server: Some("LakeNet".to_owned()),
        ..options()
    };
    let (_dir, path) = written("2004-11-27.log", b"[01:00:00] <Ann> hi\n");
    let outcome = read_with(&path, &options);
    assert_eq!(lines(&outcome), ["2004-11-26T23:00:00 Ann: hi"]);
    let origin = &outcome.records[0].event.origin;
    assert_eq!(origin.server, "lakenet");
    assert_eq!(origin.channel, "#lake");
    assert_eq!(origin.channel_name, "#Lake");
}

#[test]
fn a_line_keeps_its_id_wherever_the_log_is_cut() {
    let whole = b"[10:01] <a> hi\n[10:01] <a> hi\n[10:02] <b> ho\n[10:03] <b> ho\n";
    let (_dir, path) = written("#c_20041127.log", whole);
    let all = read(&path, Format::Irc);
    let (_dir, path) = written("#c_20041127.log", &whole[30..]);
    let rest = read(&path, Format::Irc);
    assert_eq!(all.ids()[2..], rest.ids());
    // Two equal lines of one minute differ by an ordinal, and by nothing else.
    assert_eq!(format!("{}-1", all.ids()[0]), all.ids()[1]);
    // Equal text at another minute is another line.
    assert_ne!(all.ids()[2], all.ids()[3]);
}

#[test]
fn the_same_text_in_another_channel_or_network_is_another_event() {
    let text = b"[10:01] <a> hi\n";
    let mut ids = Vec::new();
    for name in ["#c_20041127.log", "#d_20041127.log", "net_#c_20041127.log"] {
        let (_dir, path) = written(name, text);
        ids.push(read(&path, Format::Irc).ids()[0].to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn going_on_in_the_middle_keeps_date_and_ordinals() {
    let path = fixture("irc/#pond.log");
    let all = read(&path, Format::Irc);
    let mut rest = open(&input(&path, Format::Irc), &options()).unwrap();
    rest.skip_to(5).unwrap();
    let rest = drain(rest.as_mut());
    assert_eq!(rest.ids(), &all.ids()[3..]);
    let day = Day::from_civil(2004, 11, 27).unwrap();
    assert_eq!(rest.records[0].event.sent_at.day(), day);
}
