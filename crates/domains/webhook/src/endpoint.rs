//! A webhook as people see it. Shows no secret.

use kernel::{Actor, CommunityId, Permission, Timestamp, UserId, WebhookId};

use crate::{WebhookError, Webhooks, store as tables};

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookState {
    /// They are.
    On,
    /// Somebody paused it: events wait until it goes on, for as long as messages are kept.
    Paused,
    /// The program switched it off: events from then on are not kept for it.
    SwitchedOff,
    /// It is gone; its messages go soon.
    Removed,
}

impl WebhookState {
    /// Every state that can be seen.
    pub const SEEN: [Self; 3] = [Self::On, Self::Paused, Self::SwitchedOff];

    /// The number stored in the database, which statements spell out. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::On => 0,
            Self::Paused => 1,
            Self::SwitchedOff => 2,
            Self::Removed => 3,
        }
    }

    /// The state of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::On, Self::Paused, Self::SwitchedOff, Self::Removed]
            .into_iter()
            .find(|state| state.code() == code)
    }

    /// The name that programs rely on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::SwitchedOff => "switched_off",
            Self::Removed => "removed",
        }
    }
}

/// Why the program switched a webhook off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookReason {
    /// The receiver answered 410: it wants no more.
    Gone,
    /// Every try failed for five days.
    Failing,
}

impl WebhookReason {
    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Gone => 1,
            Self::Failing => 2,
        }
    }

    /// The reason of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Gone, Self::Failing]
            .into_iter()
            .find(|reason| reason.code() == code)
    }

    /// The name that programs rely on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// The reason in words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Gone => "the receiver answered 410 (gone): it wants no more events",
            Self::Failing => "every try failed for five days",
        }
    }
}

/// A webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is sent.
    pub community: CommunityId,
    /// Where they go. May hold a secret of the receiver: for the community's own people only.
    pub url: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The kinds of events it wants, in alphabetical order; empty = all there are and will be.
    pub kinds: Vec<String>,
    /// Whether events are sent.
    pub state: WebhookState,
    /// Why the program switched it off, if it did.
    pub reason: Option<WebhookReason>,
    /// When the program did.
    pub switched_off_at: Option<Timestamp>,
    /// Until when the secret before signs too.
    pub old_secret_until: Option<Timestamp>,
    /// Tries in a row that failed.
    pub failures: u32,
    /// Since when they do.
    pub failing_since: Option<Timestamp>,
    /// When something arrived last.
    pub last_success_at: Option<Timestamp>,
    /// Who made it; `None` = the program.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody changed it last.
    pub updated_at: Timestamp,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// The address without what may be secret in it: scheme, host and port.
    pub fn site(&self) -> &str {
        site(&self.url)
    }

    /// Whether it wants a kind of events.
    pub fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind)
    }
}

/// An address up to its path.
pub(crate) fn site(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(host..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| host + at);
    url.get(..end).unwrap_or_default()
}

impl Webhooks {
    /// A community's webhooks, the oldest first.
    pub async fn webhooks(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<Webhook>, WebhookError> {
        actor.require(Permission::ManageCommunity, community)?;
        Ok(tables::webhook::of_community(self.db.read(), community).await?)
    }

    /// A webhook; `None` if absent, removed or not to be known of.
    pub async fn webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
    ) -> Result<Option<Webhook>, WebhookError> {
        let found = tables::webhook::by_id(self.db.read(), id).await?;
        Ok(found.filter(|webhook| may_manage(actor, webhook)))
    }
}

/// Whether somebody may see and change a webhook.
pub(crate) fn may_manage(actor: &Actor, webhook: &Webhook) -> bool {
    webhook.state != WebhookState::Removed
        && actor
            .require(Permission::ManageCommunity, webhook.community)
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::site;

    #[test]
    fn the_site_of_an_address_has_nothing_secret_in_it() {
        for (url, shown) in [
            ("https://a.example/hook/s3cret", "https://a.example"),
            ("https://a.example:8443?token=1", "https://a.example:8443"),
            ("https://a.example", "https://a.example"),
            ("https://[::1]:1/x", "https://[::1]:1"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(site(url), shown);
        }
    }
}
