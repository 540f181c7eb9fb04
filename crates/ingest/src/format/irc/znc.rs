//! ZNC's log module: `[10:01:22] <nick> text`, `[10:01:22] *** Joins: nick (user@host)`. Also the
//! public Ubuntu logs, which have no seconds and mark what the server says with `===`.

use super::line::{Entry, Parsed, Stamp, action, ban, bracketed, said};
use crate::format::time::clock;

pub(super) fn parse(line: &str) -> Option<Parsed<'_>> {
    if line.starts_with("=== ") {
        return Some(Parsed {
            stamp: None,
            entry: Entry::Nothing,
        });
    }
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let stamp = Stamp {
        day: None,
        secs_of_day: clock(time)?,
    };
    let rest = rest.strip_prefix(' ')?;
    let entry = if let Some(rest) = rest.strip_prefix('<') {
        said(rest)?
    } else if let Some(rest) = rest.strip_prefix("*** ") {
        event(rest)
    } else if let Some(rest) = rest.trim_start().strip_prefix("* ") {
        action(rest)?
    } else {
        // Notices (`-nick- text`) and the bouncer's own remarks.
        Entry::Nothing
    };
    Some(Parsed {
        stamp: Some(stamp),
        entry,
    })
}

fn event(rest: &str) -> Entry<'_> {
    if let Some(rest) = rest.strip_prefix("Joins: ") {
        let nick = rest.split(' ').next().unwrap_or(rest);
        return if nick.is_empty() {
            Entry::Nothing
        } else {
            Entry::Joined { nick }
        };
    }
    let Some((nick, what)) = rest.split_once(' ') else {
        return Entry::Nothing;
    };
    // nick was kicked by op (reason)
    if let Some(rest) = what.strip_prefix("was kicked by ") {
        let (by, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        return Entry::Kicked {
            nick,
            by,
            reason: bracketed(reason, '(', ')'),
        };
    }
    // op sets mode: +b nick!*@*
    what.strip_prefix("sets mode: ")
        .map_or(Entry::Nothing, |modes| ban(modes, nick))
}
