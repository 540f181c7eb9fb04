//! irssi's autolog with its default theme: `10:01 <@nick> text`, `10:01 -!- nick [user@host] has
//! joined #channel`, and dates on lines of their own.

use super::line::{Entry, Parsed, Stamp, action, ban, bracketed, said};
use crate::format::time::clock;

pub(super) fn parse(line: &str) -> Option<Parsed<'_>> {
    if let Some(rest) = line.strip_prefix("--- ") {
        let entry = if let Some(date) = rest.strip_prefix("Log opened ") {
            Entry::Day(date)
        } else if let Some(date) = rest.strip_prefix("Day changed ") {
            Entry::Day(date)
        } else if rest.starts_with("Log closed ") {
            Entry::Nothing
        } else {
            return None;
        };
        return Some(Parsed { stamp: None, entry });
    }
    let (time, rest) = line.split_once(' ')?;
    let stamp = Stamp {
        day: None,
        secs_of_day: clock(time)?,
    };
    let entry = if let Some(rest) = rest.strip_prefix('<') {
        said(rest)?
    } else if let Some(rest) = rest.trim_start().strip_prefix("* ") {
        action(rest)?
    } else if let Some(rest) = rest.strip_prefix("-!- ") {
        notice(rest)
    } else if rest.starts_with('-') || rest.starts_with('!') || rest.starts_with(">>>") {
        // Notices of users and of servers.
        Entry::Nothing
    } else {
        return None;
    };
    Some(Parsed {
        stamp: Some(stamp),
        entry,
    })
}

fn notice(rest: &str) -> Entry<'_> {
    if let Some(mode) = rest.strip_prefix("mode/") {
        // mode/#channel [+b nick!*@*] by op
        let Some((modes, by)) = mode
            .split_once(" [")
            .and_then(|(_, rest)| rest.rsplit_once("] by "))
        else {
            return Entry::Nothing;
        };
        return ban(modes, by.trim());
    }
    let Some((nick, what)) = rest.split_once(' ') else {
        return Entry::Nothing;
    };
    if what.starts_with('[') && what.contains("] has joined ") {
        return Entry::Joined { nick };
    }
    // nick was kicked from #channel by op [reason]
    if let Some((by, reason)) = what
        .strip_prefix("was kicked from ")
        .and_then(|rest| rest.split_once(" by "))
        .map(|(_, rest)| rest.split_once(' ').unwrap_or((rest, "")))
    {
        let reason = bracketed(reason, '[', ']');
        return Entry::Kicked { nick, by, reason };
    }
    Entry::Nothing
}
