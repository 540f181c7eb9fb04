//! A draft in Discord's form: a text, or an embed, and rows of buttons. Cuts with notice where
//! Discord has a limit, and makes harmless what Discord would take for markup. Source: Discord
//! «Message», «Embed Limits», «Component Reference».
//!
//! Pure. Must never make a message that Discord refuses for its size.

use kernel::{Button, ButtonStyle, Draft, Mentions};
use serde::Serialize;
use twilight_model::channel::message::{
    Component, Embed,
    component::{ActionRow, Button as Pressable, ButtonStyle as Style},
    embed::{EmbedField, EmbedImage},
};

use crate::text::{Measure, cut, one_line, printable};

/// Limits, in UTF-16 code units.
const CONTENT: usize = 2_000;
const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1_024;
const TOTAL: usize = 6_000;
const LABEL: usize = 80;
const BUTTON_ID: usize = 100;
const URL: usize = 512;
const IMAGE_URL: usize = 2_048;
const ROWS: usize = 5;
const IN_A_ROW: usize = 5;
/// Says nothing, but stands where Discord demands something.
const BLANK: &str = "\u{200b}";

/// A draft as Discord takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Rendered {
    /// The text above everything.
    pub content: String,
    /// At most one.
    pub embeds: Vec<Embed>,
    /// Rows of buttons.
    pub components: Vec<Component>,
    /// Whether something had to be cut or left out.
    #[serde(skip)]
    pub was_cut: bool,
}

/// Renders a draft.
pub(super) fn render(draft: &Draft, mentions: &Mentions) -> Rendered {
    let mut cutter = Cutter {
        mentions,
        was_cut: false,
    };
    let is_plain = draft
        .title
        .as_deref()
        .is_none_or(|title| title.trim().is_empty())
        && draft.fields.is_empty()
        && draft.image.is_none()
        && draft.colour.is_none()
        && Measure::Utf16.of(&escape(&draft.body, mentions)) <= CONTENT;
    let (content, embeds) = if is_plain {
        (cutter.text(draft.body.trim_end(), CONTENT), Vec::new())
    } else {
        // Inside an embed nobody is notified: whoever may be is named above it.
        (named(mentions), vec![cutter.embed(draft)])
    };
    let components = cutter.buttons(&draft.buttons);
    Rendered {
        content,
        embeds,
        components,
        was_cut: cutter.was_cut,
    }
}

fn named(mentions: &Mentions) -> String {
    match mentions {
        Mentions::Users(users) => {
            let users = users.iter().take(80).filter(|user| is_id(user));
            let all: Vec<String> = users.map(|user| format!("<@{user}>")).collect();
            all.join(" ")
        }
        Mentions::Nobody | Mentions::Anybody => String::new(),
    }
}

fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

struct Cutter<'a> {
    mentions: &'a Mentions,
    was_cut: bool,
}

impl Cutter<'_> {
    /// The text without markup, at most so long.
    fn text(&mut self, text: &str, max: usize) -> String {
        let text = printable(text);
        let mut room = max;
        loop {
            let (short, was_cut) = cut(&text, room, Measure::Utf16);
            let escaped = escape(&short, self.mentions);
            let over = Measure::Utf16.of(&escaped).saturating_sub(max);
            if over == 0 {
                self.was_cut |= was_cut;
                return escaped;
            }
            room = room.saturating_sub(over);
        }
    }

    fn embed(&mut self, draft: &Draft) -> Embed {
        let mut left = TOTAL;
        let mut part = |cutter: &mut Self, text: &str, max: usize| {
            let text = cutter.text(text, max.min(left));
            left -= Measure::Utf16.of(&text);
            text
        };
        let title = draft
            .title
            .as_deref()
            .map(one_line)
            .filter(|title| !title.is_empty());
        let title = title.map(|title| part(self, &title, TITLE));
        let body = draft.body.trim_end();
        let description = (!body.is_empty()).then(|| part(self, body, DESCRIPTION));
        let mut fields = Vec::new();
        for field in draft.fields.iter().take(FIELDS) {
            let name = or_blank(one_line(&field.name));
            let value = or_blank(field.value.trim().to_owned());
            let before = self.was_cut;
            let mut probe = Cutter {
                mentions: self.mentions,
                was_cut: false,
            };
            let (name, value) = (
                probe.text(&name, FIELD_NAME),
                probe.text(&value, FIELD_VALUE),
            );
            let size = Measure::Utf16.of(&name) + Measure::Utf16.of(&value);
            if size > left {
                self.was_cut = true;
                break;
            }
            left -= size;
            self.was_cut = before || probe.was_cut;
            fields.push(EmbedField {
                inline: field.is_inline,
                name,
                value,
            });
        }
        self.was_cut |= draft.fields.len() > FIELDS;
        let image = draft.image.as_deref().filter(|url| is_web(url, IMAGE_URL));
        self.was_cut |= draft.image.is_some() && image.is_none();
        Embed {
            author: None,
            color: draft.colour.map(|colour| colour.0 & 0x00ff_ffff),
            description,
            fields,
            flags: None,
            footer: None,
            image: image.map(|url| EmbedImage {
                content_type: None,
                flags: None,
                height: None,
                placeholder: None,
                placeholder_version: None,
                proxy_url: None,
                url: url.to_owned(),
                width: None,
            }),
            kind: "rich".to_owned(),
            provider: None,
            thumbnail: None,
            timestamp: None,
            title,
            url: None,
            video: None,
        }
    }

    fn buttons(&mut self, buttons: &[Button]) -> Vec<Component> {
        let mut all = Vec::new();
        for button in buttons {
            if all.len() == ROWS * IN_A_ROW {
                self.was_cut = true;
                break;
            }
            match self.button(button) {
                Some(button) => all.push(Component::Button(button)),
                None => self.was_cut = true,
            }
        }
        all.chunks(IN_A_ROW)
            .map(|row| {
                Component::ActionRow(ActionRow {
                    components: row.to_vec(),
                    id: None,
                })
            })
            .collect()
    }

    fn button(&mut self, button: &Button) -> Option<Pressable> {
        let mut label = |label: &str| {
            let (label, was_cut) = cut(&or_blank(one_line(label)), LABEL, Measure::Utf16);
            self.was_cut |= was_cut;
            Some(label)
        };
        let mut made = Pressable {
            custom_id: None,
            disabled: false,
            emoji: None,
            id: None,
            label: None,
            sku_id: None,
            style: Style::Secondary,
            url: None,
        };
        match button {
            Button::Press {
                id,
                label: text,
                style,
            } if !id.is_empty() && id.len() <= BUTTON_ID => {
                made.custom_id = Some(id.clone());
                made.label = label(text);
                made.style = match style {
                    ButtonStyle::Plain => Style::Secondary,
                    ButtonStyle::Primary => Style::Primary,
                    ButtonStyle::Danger => Style::Danger,
                };
            }
            Button::Link { url, label: text } if is_web(url, URL) => {
                made.url = Some(url.clone());
                made.label = label(text);
                made.style = Style::Link;
            }
            Button::Press { .. } | Button::Link { .. } => return None,
        }
        Some(made)
    }
}

fn or_blank(text: String) -> String {
    if text.trim().is_empty() {
        BLANK.to_owned()
    } else {
        text
    }
}

fn is_web(url: &str, max: usize) -> bool {
    url.len() <= max
        && (url.starts_with("https://") || url.starts_with("http://"))
        && url::Url::parse(url).is_ok()
}

/// The text with a backslash before what Discord would take for markup. Addresses stay as they are,
/// and so do mentions of those who may be mentioned.
fn escape(text: &str, mentions: &Mentions) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        let trimmed = line.trim_start();
        // A heading, a list or small print begins a line.
        if trimmed.starts_with(['#', '-', '+']) {
            out.push_str(line.strip_suffix(trimmed).unwrap_or_default());
            out.push('\\');
            rest = trimmed;
        } else if let Some(after) = numbered(trimmed) {
            let before = line.len() - after.len();
            out.push_str(line.get(..before).unwrap_or_default());
            out.push('\\');
            rest = after;
        }
        while let Some(first) = rest.chars().next() {
            let whole = whole(rest, mentions);
            if whole > 0 {
                out.push_str(rest.get(..whole).unwrap_or_default());
                rest = rest.get(whole..).unwrap_or_default();
                continue;
            }
            let is_markup = matches!(first, '\\' | '*' | '_' | '~' | '|' | '`' | '>' | '[' | ']')
                || (first == '<'
                    && rest
                        .get(1..)
                        .is_some_and(|next| next.starts_with(['@', '#', ':', '/', 'a', 't', 'i'])));
            if is_markup {
                out.push('\\');
            }
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

/// What follows the number of a numbered line: `. item`.
fn numbered(line: &str) -> Option<&str> {
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < line.len() && after.starts_with(". ")).then_some(after)
}

/// How long the address or allowed mention is that the text begins with; 0 if none.
fn whole(text: &str, mentions: &Mentions) -> usize {
    if text.starts_with("https://") || text.starts_with("http://") {
        return text
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>'))
            .unwrap_or(text.len());
    }
    let Some(rest) = text.strip_prefix("<@") else {
        return 0;
    };
    let Some((id, _)) = rest.split_once('>') else {
        return 0;
    };
    let is_allowed = match mentions {
        Mentions::Nobody => false,
        Mentions::Users(users) => users.iter().any(|user| user == id),
        Mentions::Anybody => is_id(id.trim_start_matches(['!', '&'])),
    };
    if is_allowed { id.len() + 3 } else { 0 }
}

#[cfg(test)]
mod tests;
