//! What a custom command says: its reply with the variables filled in. Pure.
//!
//! Variables are filled in once: what somebody typed is never looked at again, so that nobody
//! smuggles a variable into a reply. What comes out never begins like a command of a platform (`/`,
//! `.`) and is at most [`SAID_MAX`] characters long. It is ordinary text: whether it may notify
//! anybody is decided by who sends it, and the answer for custom commands is «nobody».

use kernel::{Entropy, Platform, Timestamp, random};

/// The longest filled-in reply, in characters; longer ones end in «…».
pub const SAID_MAX: usize = 1_000;

/// A variable, for those who document them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// How it is written.
    pub written: &'static str,
    /// What stands there instead.
    pub meaning: &'static str,
}

const fn variable(written: &'static str, meaning: &'static str) -> Variable {
    Variable { written, meaning }
}

/// Every variable. Anything else between braces stays as it was typed.
pub const VARIABLES: &[Variable] = &[
    variable("{user}", "who used the command"),
    variable("{args}", "everything after the command"),
    variable(
        "{1} … {9}",
        "the first to ninth argument; nothing if there is none",
    ),
    variable(
        "{touser}",
        "the first argument without `@`, or else who used the command",
    ),
    variable("{channel}", "the channel's name"),
    variable("{community}", "the community's name"),
    variable("{platform}", "Discord, Twitch or Slack"),
    variable("{count}", "how often the command was used, with this time"),
    variable("{time}", "the time of day, in UTC"),
    variable(
        "{time:+2} {time:-03:30}",
        "the time of day so far from UTC, up to 14 hours",
    ),
    variable("{random:a|b|c}", "one of these"),
    variable(
        "{random:1-100}",
        "a whole number from the first to the second",
    ),
];

/// The circumstances of one use.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The name of who used the command.
    pub user: &'a str,
    /// Everything after the command, as typed.
    pub line: &'a str,
    /// The same as arguments.
    pub arguments: &'a [String],
    /// The channel's name.
    pub channel: &'a str,
    /// The community's name.
    pub community: &'a str,
    /// Where.
    pub platform: Platform,
    /// How often the command was used, with this time.
    pub count: u64,
    /// When.
    pub now: Timestamp,
}

/// The reply with its variables filled in.
pub fn render(reply: &str, occasion: &Occasion<'_>, entropy: &dyn Entropy) -> String {
    let mut said = String::with_capacity(reply.len() * 2);
    let mut rest = reply;
    while let Some((before, after)) = rest.split_once('{') {
        said.push_str(before);
        let filled = after
            .split_once('}')
            .and_then(|(name, rest)| Some((value(name, occasion, entropy)?, rest)));
        if let Some((value, after)) = filled {
            said.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
            rest = after;
        } else {
            said.push('{');
            rest = after;
        }
    }
    said.push_str(rest);
    shortened(harmless(&said))
}

/// The text without what would make its beginning a command of a platform.
fn harmless(said: &str) -> &str {
    said.trim_end().trim_start_matches(|c: char| {
        matches!(c, '/' | '.' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
            || c.is_whitespace()
            || c.is_control()
    })
}

fn shortened(said: &str) -> String {
    if said.chars().count() <= SAID_MAX {
        return said.to_owned();
    }
    let mut kept: String = said.chars().take(SAID_MAX - 1).collect();
    kept.push('…');
    kept
}

/// What stands in place of a variable; `None` if there is no such variable.
fn value(name: &str, occasion: &Occasion<'_>, entropy: &dyn Entropy) -> Option<String> {
    let argument = |n: usize| occasion.arguments.get(n).map_or("", String::as_str);
    let text = match name {
        "user" => occasion.user,
        "args" => occasion.line,
        "touser" => match argument(0).trim_start_matches('@') {
            "" => occasion.user,
            named => named,
        },
        "channel" => occasion.channel,
        "community" => occasion.community,
        "platform" => occasion.platform.label(),
        "count" => return Some(occasion.count.to_string()),
        "time" => return Some(format!("{} UTC", time_of_day(occasion.now, 0))),
        _ => {
            if let Some(zone) = name.strip_prefix("time:") {
                return Some(time_of_day(occasion.now, offset_minutes(zone)?));
            }
            if let Some(choice) = name.strip_prefix("random:") {
                return chosen(choice, entropy);
            }
            let n = name.parse::<usize>().ok()?;
            if !(1..=9).contains(&n) || name.len() != 1 {
                return None;
            }
            argument(n - 1)
        }
    };
    Some(text.to_owned())
}

/// `14:05`, so many minutes east of UTC.
fn time_of_day(now: Timestamp, offset_minutes: i64) -> String {
    let minutes = (now.secs().div_euclid(60) + offset_minutes).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// `+2`, `-03:30`, `+14:00`: minutes east of UTC.
fn offset_minutes(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let number = |text: &str| {
        let is_short = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_short)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 14 * 60).then_some(sign * total)
}

/// One of `a|b|c`, or a number of `1-100`.
fn chosen(choice: &str, entropy: &dyn Entropy) -> Option<String> {
    if choice.contains('|') {
        let n = u64::try_from(choice.split('|').count()).ok()?;
        let place = usize::try_from(below(n, entropy)).ok()?;
        return choice.split('|').nth(place).map(|c| c.trim().to_owned());
    }
    // A minus may be a sign: the border is the first one after a digit.
    let border = choice
        .char_indices()
        .find(|(at, c)| *c == '-' && *at > 0)
        .map(|(at, _)| at)?;
    let (low, high) = (choice.get(..border)?, choice.get(border + 1..)?);
    let number = |text: &str| text.trim().parse::<i32>().ok().map(i64::from);
    let (a, b) = (number(low)?, number(high)?);
    let (low, high) = (a.min(b), a.max(b));
    let n = u64::try_from(high - low + 1).ok()?;
    let above = i64::try_from(below(n, entropy)).ok()?;
    Some((low + above).to_string())
}

/// A random number below `n`, which is at least 1 and so much smaller than 2⁶⁴ that the remainder is
/// fair.
fn below(n: u64, entropy: &dyn Entropy) -> u64 {
    u64::from_le_bytes(random::bytes::<8>(entropy)) % n.max(1)
}

#[cfg(test)]
mod tests;
