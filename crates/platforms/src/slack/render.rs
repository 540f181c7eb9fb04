//! From a draft to blocks and the text that stands for them. Pure.
//!
//! The body becomes rich text, whose parts say what they are: no character of a text can be taken for
//! markup, a mention or a link. Mentions exist only as parts that were allowed. Slack has no colour
//! for blocks (only legacy attachments have), so a draft's colour is not shown.
//!
//! Lengths: docs.slack.dev, «Block Kit»: 50 blocks, header 150, text of a field 2,000, 10 fields in a
//! section, 25 elements in actions, button 75, action id 255; all texts together 13,200
//! (slackapi/bolt-js#2509); text advised up to 4,000.

use kernel::{Button, ButtonStyle, Draft, Field, Mentions};
use slack_morphism::{
    SlackActionId, SlackRelaxedUrl, SlackUserId,
    blocks::{
        SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement,
        SlackBlockButtonStyle, SlackBlockPlainText, SlackBlockText, SlackContextBlock,
        SlackContextBlockElement, SlackHeaderBlock, SlackImageBlock, SlackImageUrlOrFile,
        SlackRichTextBlock, SlackRichTextBroadcast, SlackRichTextBroadcastRange,
        SlackRichTextElement, SlackRichTextInlineElement, SlackRichTextLink, SlackRichTextSection,
        SlackRichTextText, SlackRichTextUser, SlackSectionBlock,
    },
};

use crate::text::{Measure, cut, one_line, printable};

const CHARS: Measure = Measure::Chars;
const TITLE_MAX: usize = 150;
const FIELD_NAME_MAX: usize = 150;
const FIELD_MAX: usize = 2_000;
const FIELDS_IN_SECTION: usize = 10;
const BUTTONS_MAX: usize = 25;
const LABEL_MAX: usize = 75;
const ACTION_ID_MAX: usize = 255;
const URL_MAX: usize = 3_000;
/// All fields together; more are left out, with notice.
const FIELDS_TOTAL: usize = 7_000;
/// Everything that is read together: below what Slack refuses.
const TOTAL: usize = 13_000;
/// The notice that fields were left out.
const NOTICE: usize = 40;
// Whatever else there is, a body has room for 3,000.
const _: () = assert!(
    2 * TITLE_MAX + FIELDS_TOTAL + BUTTONS_MAX * LABEL_MAX + NOTICE + 3_000 <= TOTAL,
    "the body has room"
);
/// What stands for the blocks in notifications and for screen readers.
const TEXT_MAX: usize = 4_000;

/// How the id of a button begins that only opens a page; Slack tells us of those too.
pub(super) const LINK: &str = "waddlebot-link-";

/// A message in Slack's form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rendered {
    /// Stands for the blocks.
    pub(super) text: String,
    /// At most 50.
    pub(super) blocks: Vec<SlackBlock>,
    /// Whether something was cut or left out.
    pub(super) was_cut: bool,
}

/// Renders a draft.
pub(super) fn render(draft: &Draft, mentions: &Mentions) -> Rendered {
    let mut was_cut = false;
    let mut keep = |text: &str, max: usize| {
        let (text, cut) = cut(text, max, CHARS);
        was_cut |= cut;
        text
    };
    let mut blocks: Vec<SlackBlock> = Vec::new();
    let title = draft.title.as_deref().map(one_line).unwrap_or_default();
    let title = keep(&title, TITLE_MAX);
    if !title.is_empty() {
        blocks.push(SlackHeaderBlock::new(plain(&title).into()).into());
    }

    let mut left = FIELDS_TOTAL;
    let mut fields = Vec::new();
    let mut n_left_out = 0_usize;
    for field in &draft.fields {
        let field = Field {
            name: keep(&one_line(&field.name), FIELD_NAME_MAX),
            value: keep(
                printable(&field.value).trim(),
                FIELD_MAX - FIELD_NAME_MAX - 1,
            ),
            is_inline: field.is_inline,
        };
        // With line break and colon.
        let n = CHARS.of(&field.name) + CHARS.of(&field.value) + 3;
        if n_left_out > 0 || n > left {
            n_left_out += 1;
        } else if !(field.name.is_empty() && field.value.is_empty()) {
            left -= n;
            fields.push(field);
        }
    }
    let (buttons, labels, cut_buttons) = buttons(&draft.buttons);
    // The title stands for a picture too.
    let used = 2 * CHARS.of(&title) + (FIELDS_TOTAL - left) + labels + NOTICE;
    let body = keep(printable(&draft.body).trim(), TOTAL - used);
    was_cut |= n_left_out > 0 || cut_buttons;

    if !body.is_empty() {
        blocks.push(rich(inline(&body, mentions)));
    }
    blocks.extend(field_blocks(&fields, mentions));
    if n_left_out > 0 {
        let note = SlackContextBlockElement::Plain(SlackBlockPlainText::new(format!(
            "… and {n_left_out} more"
        )));
        blocks.push(SlackContextBlock::new(vec![note]).into());
    }
    if let Some(image) = &draft.image {
        match web_address(image) {
            Some(url) => {
                let alt = if title.is_empty() { "picture" } else { &title };
                let source = SlackImageUrlOrFile::ImageUrl { image_url: url };
                blocks.push(SlackImageBlock::new(source, alt.to_owned()).into());
            }
            None => was_cut = true,
        }
    }
    if !buttons.is_empty() {
        blocks.push(SlackActionsBlock::new(buttons).into());
    }
    Rendered {
        text: fallback(&title, &body, &fields, mentions),
        blocks,
        was_cut,
    }
}

fn plain(text: &str) -> SlackBlockPlainText {
    SlackBlockPlainText::new(text.to_owned())
}

fn rich(elements: Vec<SlackRichTextInlineElement>) -> SlackBlock {
    let section = SlackRichTextElement::Section(SlackRichTextSection::new(elements));
    SlackBlock::RichText(SlackRichTextBlock::new(vec![section]))
}

/// Fields that may stand beside others in two columns; the others as lines.
fn field_blocks(fields: &[Field], mentions: &Mentions) -> Vec<SlackBlock> {
    let mut blocks = Vec::new();
    for run in fields.chunk_by(|a, b| a.is_inline == b.is_inline) {
        if run.first().is_some_and(|field| field.is_inline) {
            for part in run.chunks(FIELDS_IN_SECTION) {
                let cells = part
                    .iter()
                    .map(|field| {
                        let text = format!("{}\n{}", field.name, field.value);
                        SlackBlockText::Plain(plain(text.trim()))
                    })
                    .collect();
                blocks.push(SlackSectionBlock::new().with_fields(cells).into());
            }
        } else {
            let mut elements = Vec::new();
            for (n, field) in run.iter().enumerate() {
                let end = if n == 0 { "" } else { "\n" };
                let name = format!("{end}{}: ", field.name);
                elements.push(SlackRichTextInlineElement::Text(
                    SlackRichTextText::new(name).bold(),
                ));
                elements.extend(inline(&field.value, mentions));
            }
            blocks.push(rich(elements));
        }
    }
    blocks
}

/// The buttons, the length of their labels together, and whether something is missing.
fn buttons(buttons: &[Button]) -> (Vec<SlackActionBlockElement>, usize, bool) {
    let mut was_cut = buttons.len() > BUTTONS_MAX;
    let mut labels = 0;
    let mut elements = Vec::new();
    for (n, button) in buttons.iter().take(BUTTONS_MAX).enumerate() {
        let (label, id, url, style) = match button {
            Button::Press { id, label, style } => (label, id.clone(), None, *style),
            Button::Link { url, label } => {
                let Some(url) = web_address(url) else {
                    was_cut = true;
                    continue;
                };
                (label, format!("{LINK}{n}"), Some(url), ButtonStyle::Plain)
            }
        };
        let (label, cut) = cut(&one_line(label), LABEL_MAX, CHARS);
        was_cut |= cut;
        // A button must say something, and must come back as it was sent.
        if label.is_empty() || id.is_empty() || CHARS.of(&id) > ACTION_ID_MAX {
            was_cut = true;
            continue;
        }
        let style = match style {
            ButtonStyle::Plain => None,
            ButtonStyle::Primary => Some(SlackBlockButtonStyle::Primary),
            ButtonStyle::Danger => Some(SlackBlockButtonStyle::Danger),
        };
        labels += CHARS.of(&label);
        elements.push(
            SlackBlockButtonElement::new(plain(&label).into())
                .with_action_id(SlackActionId(id))
                .opt_url(url)
                .opt_style(style)
                .into(),
        );
    }
    (elements, labels, was_cut)
}

fn web_address(text: &str) -> Option<url::Url> {
    let url = url::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= URL_MAX).then_some(url)
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Link(&'a str),
    User(&'a str),
    Everybody(&'static str),
}

/// Takes a text apart: addresses, and the mentions that are allowed. `<@U1>`, `<!here>`,
/// `<!channel>`, `<!everyone>` and the words `@here`, `@channel`, `@everyone` name somebody.
fn pieces<'a>(text: &'a str, mentions: &Mentions) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut plain_from = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let found = match c {
            '<' | '@' => mention(rest, before, mentions),
            'h' if !before.is_alphanumeric() => link(rest),
            _ => None,
        };
        if let Some((piece, len)) = found {
            let n_plain = plain_from.len() - rest.len();
            if let Some(plain) = plain_from.get(..n_plain).filter(|plain| !plain.is_empty()) {
                pieces.push(Piece::Text(plain));
            }
            pieces.push(piece);
            rest = rest.get(len..).unwrap_or_default();
            plain_from = rest;
            before = ' ';
        } else {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            before = c;
        }
    }
    if !plain_from.is_empty() {
        pieces.push(Piece::Text(plain_from));
    }
    pieces
}

fn mention<'a>(rest: &'a str, before: char, mentions: &Mentions) -> Option<(Piece<'a>, usize)> {
    if let Some(user) = rest.strip_prefix("<@") {
        let (user, _) = user.split_once('>')?;
        let is_id = !user.is_empty()
            && user
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let is_allowed = match mentions {
            Mentions::Nobody => false,
            Mentions::Users(users) => users.iter().any(|one| one == user),
            Mentions::Anybody => true,
        };
        return (is_id && is_allowed).then_some((Piece::User(user), user.len() + 3));
    }
    if *mentions != Mentions::Anybody {
        return None;
    }
    for word in ["here", "channel", "everyone"] {
        let tag = rest
            .strip_prefix("<!")
            .and_then(|rest| rest.strip_prefix(word))
            .and_then(|rest| rest.strip_prefix('>'));
        if tag.is_some() {
            return Some((Piece::Everybody(word), word.len() + 3));
        }
        let spoken = rest
            .strip_prefix('@')
            .and_then(|rest| rest.strip_prefix(word));
        if let Some(after) = spoken
            && !before.is_alphanumeric()
            && !after.starts_with(char::is_alphanumeric)
        {
            return Some((Piece::Everybody(word), word.len() + 1));
        }
    }
    None
}

/// An address up to the next space, without the punctuation that ends a sentence.
fn link(rest: &str) -> Option<(Piece<'_>, usize)> {
    if !rest.starts_with("https://") && !rest.starts_with("http://") {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '|' | '"'))
        .unwrap_or(rest.len());
    let address = rest.get(..end)?.trim_end_matches(|c: char| {
        matches!(
            c,
            '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '\'' | '*' | '_'
        )
    });
    let url = web_address(address)?;
    url.has_host()
        .then_some((Piece::Link(address), address.len()))
}

fn inline(text: &str, mentions: &Mentions) -> Vec<SlackRichTextInlineElement> {
    let element = |piece: Piece<'_>| match piece {
        Piece::Text(text) => {
            SlackRichTextInlineElement::Text(SlackRichTextText::new(text.to_owned()))
        }
        Piece::Link(url) => SlackRichTextInlineElement::Link(SlackRichTextLink::new(
            SlackRelaxedUrl(url.to_owned()),
        )),
        Piece::User(user) => {
            SlackRichTextInlineElement::User(SlackRichTextUser::new(SlackUserId(user.to_owned())))
        }
        Piece::Everybody(word) => {
            let range = match word {
                "here" => SlackRichTextBroadcastRange::Here,
                "channel" => SlackRichTextBroadcastRange::Channel,
                _ => SlackRichTextBroadcastRange::Everyone,
            };
            SlackRichTextInlineElement::Broadcast(SlackRichTextBroadcast::new(range))
        }
    };
    pieces(text, mentions).into_iter().map(element).collect()
}

/// `&`, `<` and `>` as Slack wants them («Formatting text: escaping»), and `@` so that nothing takes
/// it for a name.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' if ["here", "channel", "everyone"]
                .iter()
                .any(|word| rest.starts_with(word)) =>
            {
                // A word joiner: seen by no reader, and no mention any more.
                escaped.push_str("@\u{2060}");
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text in Slack's markup in which only what is allowed means something.
fn marked(text: &str, mentions: &Mentions) -> String {
    pieces(text, mentions)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => escape(text),
            Piece::Link(url) => escape(url),
            Piece::User(user) => format!("<@{user}>"),
            Piece::Everybody(word) => format!("<!{word}>"),
        })
        .collect()
}

fn fallback(title: &str, body: &str, fields: &[Field], mentions: &Mentions) -> String {
    let mut lines: Vec<String> = [title, body]
        .into_iter()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    for field in fields {
        lines.push(format!("{}: {}", field.name, field.value));
    }
    // Cut before escaping, so that no escape is cut in two. Escaped it may be longer than advised,
    // which is no error: Slack itself cuts at 40,000.
    let (text, _) = cut(&lines.join("\n"), TEXT_MAX, CHARS);
    marked(&text, mentions)
}

#[cfg(test)]
mod tests;
