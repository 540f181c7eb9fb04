//! What is to be said, before any platform has given it a form: title, body, fields, buttons,
//! image, colour. `platforms` turns it into an embed, a line, blocks or a mail. Holds no wire format
//! and no length limit: each platform has its own, and cuts with notice.

use serde::{Deserialize, Serialize};

/// A message in neutral form. At least one of title, body, fields and image should say something;
/// a platform refuses an empty one.
///
/// Texts are plain: a platform escapes what its own markup would take for something else.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// One line above the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text; may have several lines; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Names with values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What can be pressed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The address of a picture (`https://`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The colour of the edge, where a platform has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

impl Draft {
    /// Only a text.
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        let blank = |text: &str| text.trim().is_empty();
        self.title.as_deref().is_none_or(blank)
            && blank(&self.body)
            && self.fields.is_empty()
            && self.image.is_none()
    }
}

/// A name with a value.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it is.
    pub name: String,
    /// How much or which.
    pub value: String,
    /// Whether it may stand beside others.
    #[serde(default)]
    pub is_inline: bool,
}

/// Something to press.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Button {
    /// Comes back to us as an [`crate::Interaction`] with this id.
    Press {
        /// `module:action:context`, at most 100 bytes (Discord's limit for `custom_id`).
        id: String,
        /// What stands on it.
        label: String,
        /// How it looks.
        #[serde(default)]
        style: ButtonStyle,
    },
    /// Opens a page.
    Link {
        /// `https://…`
        url: String,
        /// What stands on it.
        label: String,
    },
}

/// How a button looks, where a platform lets us choose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// Like any other.
    #[default]
    Plain,
    /// The one to press.
    Primary,
    /// Takes something away.
    Danger,
}

/// A colour, `0xRRGGBB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Colour(pub u32);

#[cfg(test)]
mod tests {
    use super::{Button, ButtonStyle, Colour, Draft, Field};

    #[test]
    fn a_draft_survives_being_stored() {
        let draft = Draft {
            title: Some("Race night".into()),
            body: "Tonight.".into(),
            fields: vec![Field {
                name: "Where".into(),
                value: "The pond".into(),
                is_inline: true,
            }],
            buttons: vec![
                Button::Press {
                    id: "calendar:rsvp:7".into(),
                    label: "I come".into(),
                    style: ButtonStyle::Primary,
                },
                Button::Link {
                    url: "https://bot.example.org/e/7".into(),
                    label: "Page".into(),
                },
            ],
            image: Some("https://bot.example.org/pond.png".into()),
            colour: Some(Colour(0x00ff_cc00)),
        };
        let stored = serde_json::to_string(&draft).unwrap();
        assert_eq!(serde_json::from_str::<Draft>(&stored).unwrap(), draft);
        let text = Draft::text("hi");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"body":"hi"}"#);
    }

    #[test]
    fn a_draft_without_words_is_empty() {
        assert!(Draft::default().is_empty());
        assert!(Draft::text(" \n").is_empty());
        assert!(!Draft::text("x").is_empty());
    }
}
