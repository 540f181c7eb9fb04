//! What a command says: one line for where there is room for a line only, and perhaps a card for
//! where there is more.

use kernel::{Draft, Platform};

/// A reply in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    line: String,
    card: Option<Draft>,
}

impl Reply {
    /// The same line everywhere.
    pub(crate) fn line(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            card: None,
        }
    }

    /// A card on Discord and Slack, a line on Twitch.
    pub(crate) const fn card(line: String, card: Draft) -> Self {
        Self {
            line,
            card: Some(card),
        }
    }

    /// The form for a platform.
    pub(crate) fn on(self, platform: Platform) -> Draft {
        match (platform, self.card) {
            (Platform::Discord | Platform::Slack, Some(card)) => card,
            _ => Draft::text(self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use kernel::{Draft, Platform};

    #[test]
    fn a_card_is_for_where_there_is_room() {
        let card = Draft {
            title: Some("Ducks".into()),
            body: "many".into(),
            ..Draft::default()
        };
        let reply = Reply::card("ducks: many".into(), card.clone());
        assert_eq!(reply.clone().on(Platform::Discord), card);
        assert_eq!(reply.clone().on(Platform::Slack), card);
        assert_eq!(reply.on(Platform::Twitch), Draft::text("ducks: many"));
        assert_eq!(Reply::line("pong").on(Platform::Slack), Draft::text("pong"));
    }
}
