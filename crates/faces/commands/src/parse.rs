//! What was typed: the name after the prefix, the rest of the line, and the rest as arguments.
//! Pure; bounded, because anybody may type anything.

/// The longest name that is looked up, in bytes: no command has a longer one.
const NAME_MAX: usize = community::NAME_MAX;
/// How much of what follows the name is kept, in characters.
const LINE_MAX: usize = 500;
/// How many arguments are told apart.
const ARGUMENTS_MAX: usize = 32;

/// A command as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The name, lower-case.
    pub(crate) name: String,
    /// What follows it, without the space around.
    pub(crate) line: String,
}

/// The command in a message; `None` if it is none: `!!!` and `! ping` are not.
pub(crate) fn command(prefix: &str, text: &str) -> Option<Typed> {
    let rest = text.trim_start().strip_prefix(prefix)?;
    let (name, line) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    // Twitch clients append an invisible character to say the same thing twice.
    let name = name.trim_end_matches(is_invisible);
    if !is_name(name) {
        return None;
    }
    Some(Typed {
        name: name.to_ascii_lowercase(),
        line: rest_of_line(line),
    })
}

/// What follows a name, cut and without what nobody sees.
pub(crate) fn rest_of_line(line: &str) -> String {
    let kept: String = line
        .trim()
        .trim_end_matches(is_invisible)
        .chars()
        .take(LINE_MAX)
        .filter(|c| !c.is_control() || c.is_whitespace())
        .collect();
    kept.trim().to_owned()
}

/// Whether a command could be called so.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{e0000}'..='\u{e007f}')
}

/// The first word and what follows it.
pub(crate) fn first_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_once(char::is_whitespace)
        .map_or((line, ""), |(word, rest)| (word, rest.trim_start()))
}

/// The arguments of a line: words, or what stands between double quotes (`\"` is a quote in
/// them). A quote that is never closed takes the rest.
pub(crate) fn arguments(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = line.chars().peekable();
    while found.len() < ARGUMENTS_MAX {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = chars.next() else { break };
        let mut word = String::new();
        if is_quote(first) {
            while let Some(c) = chars.next() {
                match c {
                    '\\' => word.extend(chars.next()),
                    c if is_quote(c) => break,
                    c => word.push(c),
                }
            }
        } else {
            word.push(first);
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        found.push(word);
    }
    found
}

/// Telephones type curly ones.
const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

#[cfg(test)]
mod tests;
