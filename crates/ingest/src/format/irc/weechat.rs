//! WeeChat's logger: `2004-11-27 10:01:22<TAB>nick<TAB>text`, with arrows and dashes in place of
//! the nick for what the server says.

use super::line::{Entry, Parsed, Stamp, action, ban, bracketed, without_status};
use crate::format::time::{clock, iso_day};

pub(super) fn parse(line: &str) -> Option<Parsed<'_>> {
    let (stamp, rest) = line.split_once('\t')?;
    let (date, time) = stamp.split_once(' ')?;
    let stamp = Stamp {
        day: Some(iso_day(date)?),
        secs_of_day: clock(time)?,
    };
    let (prefix, text) = rest.split_once('\t').unwrap_or((rest, ""));
    let entry = match prefix.trim() {
        "-->" => joined(text),
        "<--" => left(text),
        "--" => mode(text),
        "*" => action(text)?,
        "" | "=!=" => Entry::Nothing,
        nick => Entry::Said {
            nick: without_status(nick),
            text,
        },
    };
    if matches!(entry, Entry::Said { nick: "", .. }) {
        return None;
    }
    Some(Parsed {
        stamp: Some(stamp),
        entry,
    })
}

/// `nick (user@host) has joined #channel`
fn joined(text: &str) -> Entry<'_> {
    match text.split_once(' ') {
        Some((nick, rest)) if rest.contains("has joined ") => Entry::Joined { nick },
        _ => Entry::Nothing,
    }
}

/// `op has kicked nick (reason)`, or someone left.
fn left(text: &str) -> Entry<'_> {
    let Some((by, rest)) = text.split_once(" has kicked ") else {
        return Entry::Nothing;
    };
    // In «nick (user@host) has quit (x has kicked y)» the words are part of a reason.
    if by.contains(' ') {
        return Entry::Nothing;
    }
    let (nick, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    Entry::Kicked {
        nick,
        by,
        reason: bracketed(reason, '(', ')'),
    }
}

/// `Mode #channel [+b nick!*@*] by op`, or anything else the server says.
fn mode(text: &str) -> Entry<'_> {
    text.strip_prefix("Mode ")
        .and_then(|rest| rest.split_once(" ["))
        .and_then(|(_, rest)| rest.rsplit_once("] by "))
        .map_or(Entry::Nothing, |(modes, by)| ban(modes, by.trim()))
}
