//! From a draft to subject, text and HTML of a mail. Pure.
//!
//! The HTML is one small page of our own: every text escaped, styles inside, readable in light and
//! dark, nothing loaded from elsewhere but the draft's own picture. Must never let a text become
//! markup, or an address that is not of the web a link.

use std::fmt::Write;

use kernel::{Button, Draft};
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

/// The longest subject, in characters (bytes are bounded by [`super::MAX_SUBJECT_BYTES`]).
const SUBJECT_MAX: usize = 120;
/// The longest body, in characters; a field's value is as long at most.
const BODY_MAX: usize = 50_000;
/// Fields and buttons.
const ITEMS_MAX: usize = 100;
/// What stands where something is missing.
const MORE: &str = "…";
/// The subject of a draft that has neither title nor text.
const UNTITLED: &str = "WaddleBot";

/// A mail without its receiver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text, for readers without HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Whether something was cut, or left out because a mail cannot do it (a button that is
    /// pressed rather than opened).
    pub was_cut: bool,
}

/// What of a draft fits into a mail.
struct Content {
    title: String,
    body: String,
    fields: Vec<(String, String)>,
    links: Vec<(String, Url)>,
    image: Option<Url>,
    colour: String,
}

/// Writes a letter.
pub fn letter(draft: &Draft) -> Letter {
    let mut n_left_out = draft.fields.len().saturating_sub(ITEMS_MAX)
        + draft.buttons.len().saturating_sub(ITEMS_MAX);
    let mut was_cut = false;
    let mut keep = |text: &str, max: usize| {
        let (text, cut) = cut(text, max);
        was_cut |= cut;
        text
    };
    let title = keep(
        &one_line(draft.title.as_deref().unwrap_or_default()),
        SUBJECT_MAX,
    );
    let body = keep(printable(&draft.body).trim(), BODY_MAX);
    let fields: Vec<(String, String)> = draft
        .fields
        .iter()
        .take(ITEMS_MAX)
        .map(|field| {
            (
                keep(&one_line(&field.name), SUBJECT_MAX),
                keep(printable(&field.value).trim(), BODY_MAX / ITEMS_MAX),
            )
        })
        .collect();
    let image = draft.image.as_deref().map(web_address);
    let mut links = Vec::new();
    for button in draft.buttons.iter().take(ITEMS_MAX) {
        match button {
            Button::Link { url, label } => match web_address(url) {
                Some(url) => links.push((keep(&one_line(label), SUBJECT_MAX), url)),
                None => n_left_out += 1,
            },
            Button::Press { .. } => n_left_out += 1,
        }
    }
    was_cut |= n_left_out > 0 || image.as_ref().is_some_and(Option::is_none);
    let content = Content {
        title,
        body,
        fields,
        links,
        image: image.flatten(),
        colour: draft.colour.map_or_else(
            || "#5b6ee1".to_owned(),
            |colour| format!("#{:06x}", colour.0 & 0x00ff_ffff),
        ),
    };
    Letter {
        subject: subject(&content),
        text: plain(&content),
        html: html(&content),
        was_cut,
    }
}

fn subject(content: &Content) -> String {
    if !content.title.is_empty() {
        return content.title.clone();
    }
    let first = content.body.lines().map(one_line).find(|l| !l.is_empty());
    let first = first.or_else(|| content.fields.first().map(|(name, _)| name.clone()));
    first
        .filter(|line| !line.is_empty())
        .map_or_else(|| UNTITLED.to_owned(), |line| cut(&line, SUBJECT_MAX).0)
}

fn plain(content: &Content) -> String {
    let mut parts = Vec::new();
    if !content.title.is_empty() {
        parts.push(content.title.clone());
    }
    if !content.body.is_empty() {
        parts.push(content.body.clone());
    }
    if !content.fields.is_empty() {
        let lines: Vec<String> = content
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        parts.push(lines.join("\n"));
    }
    if let Some(image) = &content.image {
        parts.push(image.to_string());
    }
    for (label, url) in &content.links {
        parts.push(format!("{label}: {url}"));
    }
    parts.join("\n\n") + "\n"
}

const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
body{margin:0;padding:24px 12px;background:#f4f5f7;color:#1c1e21;font:16px/1.5 -apple-system,'Segoe UI',Roboto,sans-serif}\
.card{max-width:560px;margin:0 auto;padding:20px 24px;background:#fff;border-radius:6px;border-left:6px solid}\
h1{margin:0 0 12px;font-size:20px;line-height:1.3}\
p{margin:0 0 12px;overflow-wrap:anywhere}\
dt{font-weight:600}dd{margin:0 0 8px;overflow-wrap:anywhere}dl{margin:0 0 12px}\
img{max-width:100%;height:auto;border-radius:4px}\
a{color:#3346c4}\
.button{display:inline-block;margin:4px 8px 4px 0;padding:8px 16px;border:1px solid #3346c4;border-radius:4px;text-decoration:none}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e7ea}.card{background:#22252b}a{color:#a9b4ff}.button{border-color:#a9b4ff}}";

fn html(content: &Content) -> String {
    let mut page = String::new();
    let out = &mut page;
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!doctype html><html><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}</style></head>\
         <body><div class=\"card\" style=\"border-left-color:{}\">",
        escape(&subject(content)),
        content.colour
    );
    if !content.title.is_empty() {
        let _ = write!(out, "<h1>{}</h1>", escape(&content.title));
    }
    for paragraph in content.body.split("\n\n").map(str::trim) {
        if !paragraph.is_empty() {
            let _ = write!(out, "<p>{}</p>", lines(paragraph));
        }
    }
    if !content.fields.is_empty() {
        out.push_str("<dl>");
        for (name, value) in &content.fields {
            let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), lines(value));
        }
        out.push_str("</dl>");
    }
    if let Some(image) = &content.image {
        let alt = if content.title.is_empty() {
            "picture"
        } else {
            &content.title
        };
        let _ = write!(
            out,
            "<p><img src=\"{}\" alt=\"{}\"></p>",
            escape(image.as_str()),
            escape(alt)
        );
    }
    if !content.links.is_empty() {
        out.push_str("<p>");
        for (label, url) in &content.links {
            let label = if label.is_empty() {
                url.as_str()
            } else {
                label
            };
            let _ = write!(
                out,
                "<a class=\"button\" href=\"{}\">{}</a>",
                escape(url.as_str()),
                escape(label)
            );
        }
        out.push_str("</p>");
    }
    out.push_str("</div></body></html>\n");
    page
}

/// A text with its line breaks, and its addresses as links.
fn lines(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            html.push_str("<br>");
        }
        for word in line.split_inclusive(char::is_whitespace) {
            let address = word
                .trim_end()
                .trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
            match web_address(address) {
                Some(url) => {
                    let rest = word.strip_prefix(address).unwrap_or_default();
                    let _ = write!(
                        html,
                        "<a href=\"{}\">{}</a>{}",
                        escape(url.as_str()),
                        escape(address),
                        escape(rest)
                    );
                }
                None => html.push_str(&escape(word)),
            }
        }
    }
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn web_address(text: &str) -> Option<Url> {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return None;
    }
    Url::parse(text).ok().filter(Url::has_host)
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn printable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// The text, cut on a border between grapheme clusters to at most so many characters and, so that a
/// subject is no longer than it may be, four bytes for each; whether something is missing.
fn cut(text: &str, max: usize) -> (String, bool) {
    if text.chars().count() <= max {
        return (text.to_owned(), false);
    }
    let mut left = max.saturating_sub(1);
    let mut kept = String::new();
    for cluster in text.graphemes(true) {
        let n = cluster.chars().count();
        if n > left {
            break;
        }
        left -= n;
        kept.push_str(cluster);
    }
    kept.truncate(kept.trim_end().len());
    kept.push_str(MORE);
    (kept, true)
}

#[cfg(test)]
mod tests;
