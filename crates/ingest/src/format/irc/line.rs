//! What a line of a log can say, whichever program wrote it.

use kernel::Day;

use super::{irssi, weechat, znc};

/// A line that was understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parsed<'a> {
    /// When; `None` for lines that only set the date or say nothing.
    pub(super) stamp: Option<Stamp>,
    pub(super) entry: Entry<'a>,
}

/// The time of a line, with the date if the line has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub(super) day: Option<Day>,
    pub(super) secs_of_day: u32,
}

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry<'a> {
    /// A message or an action (`/me`).
    Said { nick: &'a str, text: &'a str },
    /// Someone entered the channel.
    Joined { nick: &'a str },
    /// Someone was thrown out.
    Kicked {
        nick: &'a str,
        by: &'a str,
        reason: &'a str,
    },
    /// A mask was banned.
    Banned { mask: &'a str, by: &'a str },
    /// The lines after this one are of the day these words name.
    Day(&'a str),
    /// Understood, and nothing to import.
    Nothing,
}

/// Understands a line of any of the three programs; they differ in their first characters.
pub(super) fn parse(line: &str) -> Option<Parsed<'_>> {
    irssi::parse(line)
        .or_else(|| weechat::parse(line))
        .or_else(|| znc::parse(line))
}

/// `nick> text` behind an opening `<`: the nick without its status sign, and the text.
pub(super) fn said(rest: &str) -> Option<Entry<'_>> {
    let (nick, text) = rest.split_once('>')?;
    let nick = without_status(nick.trim());
    let text = text.strip_prefix(' ').unwrap_or(text);
    (!nick.is_empty()).then_some(Entry::Said { nick, text })
}

/// `nick waves` behind a star.
pub(super) fn action(rest: &str) -> Option<Entry<'_>> {
    let rest = rest.trim_start();
    let (nick, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let nick = without_status(nick);
    (!nick.is_empty()).then_some(Entry::Said { nick, text })
}

/// The nick without the sign of an operator, a voiced user or the like.
pub(super) fn without_status(nick: &str) -> &str {
    nick.strip_prefix(['@', '+', '%', '&', '~', '!', ' '])
        .unwrap_or(nick)
}

/// A reason in brackets: `(reason)` or `[reason]`.
pub(super) fn bracketed(text: &str, open: char, close: char) -> &str {
    let inner = text.trim().strip_prefix(open).unwrap_or(text);
    inner.strip_suffix(close).unwrap_or(inner)
}

/// `+b mask` (or several `b` with as many masks, of which the first counts).
pub(super) fn ban<'a>(modes: &'a str, by: &'a str) -> Entry<'a> {
    let mut words = modes.split_whitespace();
    let only_bans = words.next().is_some_and(|signs| {
        signs
            .strip_prefix('+')
            .is_some_and(|signs| !signs.is_empty() && signs.bytes().all(|b| b == b'b'))
    });
    match (only_bans, words.next()) {
        (true, Some(mask)) => Entry::Banned { mask, by },
        _ => Entry::Nothing,
    }
}

/// The nick a ban mask names (`nick!*@*`); `None` if it is about hosts or many nicks.
pub(super) fn nick_of_mask(mask: &str) -> Option<&str> {
    let (nick, _) = mask.split_once('!')?;
    let literal = !nick.is_empty() && !nick.contains(['*', '?', '$']);
    literal.then_some(nick)
}

/// `Sat Nov 27 2004` or `Sat Nov 27 10:00:00 2004`, as the C library writes dates in English.
pub(super) fn english_day(words: &str) -> Option<Day> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = words.split_whitespace();
    let (_weekday, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = parts.next_back()?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Day::from_civil(
        year.parse()
            .ok()
            .filter(|year| (1..=9_999).contains(year))?,
        u8::try_from(month).ok()?,
        day.parse().ok()?,
    )
}
