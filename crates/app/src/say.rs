//! Saying something in a community's name because a person asks for it: only where the community is
//! connected, and only in a channel that the platform itself counts to that place.
//!
//! Must never trust a channel's id that somebody typed: the bot may be in other communities' channels too.

use std::time::Duration;

use delivery::{NewDelivery, Priority};
use identity::{Connection, IdentityError};
use kernel::{
    Act, Actor, Address, CommunityId, DeliveryId, Draft, Medium, Mentions, Order, Permission,
    ServerId,
};

use crate::{App, AppError, connect::patiently};

/// Longest key, in bytes.
const KEY_MAX: usize = 100;
/// Longest wait before it is said.
const WAIT_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Something to say.
#[derive(Debug, Clone)]
pub struct Saying {
    /// On which of the community's servers.
    pub server: ServerId,
    /// In which of its channels, by the platform's id; `None` = the one chosen for announcements.
    pub channel: Option<String>,
    /// The words.
    pub draft: Draft,
    /// Says it once: the same key of the same person in the same community is the same message.
    pub key: String,
    /// How long to wait before it is said.
    pub wait: Duration,
    /// How long it is worth saying, from now on; `None` = for ever.
    pub worth_for: Option<Duration>,
}

fn invalid(field: &'static str, message: impl Into<String>) -> AppError {
    AppError::Identity(IdentityError::Invalid {
        field,
        message: message.into(),
    })
}

impl App {
    /// Queues something to say for a person; nobody is notified by it. The same key again answers the
    /// same delivery.
    pub async fn say(
        &self,
        actor: &Actor,
        community: CommunityId,
        saying: Saying,
    ) -> Result<DeliveryId, AppError> {
        let permission = Permission::SendMessages;
        actor.require(permission, community)?;
        check(&saying)?;
        // Who may speak need not be somebody who may see connections.
        let ourselves = Actor::System("say");
        let all = self.identity.connections(&ourselves, community).await?;
        let found = all.into_iter().find(|one| one.server == saying.server);
        let connection = found.ok_or_else(|| {
            invalid(
                "server_id",
                "there is no such server that this community is connected to",
            )
        })?;
        let medium = Medium::of(connection.platform).ok_or(AppError::NotFound)?;
        let channel = self.channel_of(&connection, saying.channel).await?;
        let order = Order {
            medium,
            address: Address::Channel {
                server: connection.platform_server_id,
                channel,
            },
            act: Act::Post,
            draft: saying.draft,
            reply_to: None,
            mentions: Mentions::Nobody,
            nonce: String::new(),
        };
        let now = self.clock.now();
        let key = format!("say:{}:{}", actor.label(), saying.key);
        let mut new = NewDelivery::new(community, key, Priority::Sync, order);
        if !saying.wait.is_zero() {
            new = new.due_at(now.plus(saying.wait));
        }
        if let Some(worth) = saying.worth_for {
            new = new.not_after(now.plus(worth));
        }
        Ok(self.deliveries.post(actor, new).await?)
    }

    /// The channel's id, once it is known to be the connection's.
    async fn channel_of(
        &self,
        connection: &Connection,
        wanted: Option<String>,
    ) -> Result<String, AppError> {
        let chosen = connection.channel.as_ref().map(|channel| &channel.id);
        let Some(wanted) = wanted else {
            return chosen.cloned().ok_or_else(|| {
                invalid(
                    "channel",
                    "no channel was chosen for announcements there: say which one",
                )
            });
        };
        if chosen == Some(&wanted) {
            return Ok(wanted);
        }
        let (connector, grant) = self.grant_of(connection).await?;
        let offered = patiently(connector.channels(&grant)).await?;
        if offered.iter().any(|channel| channel.id == wanted) {
            return Ok(wanted);
        }
        Err(invalid("channel", "the server has no such channel"))
    }
}

fn check(saying: &Saying) -> Result<(), AppError> {
    let key = saying.key.as_str();
    if key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control) {
        return Err(invalid("key", format!("a key has 1 to {KEY_MAX} bytes")));
    }
    if saying.wait > WAIT_MAX || saying.worth_for.is_some_and(|worth| worth > WAIT_MAX * 2) {
        return Err(invalid("wait_secs", "wait at most a year"));
    }
    if saying.worth_for.is_some_and(|worth| worth <= saying.wait) {
        return Err(invalid(
            "worth_secs",
            "it would be worth nothing before it is said: make it longer than the wait",
        ));
    }
    let draft = &saying.draft;
    let links = draft.buttons.iter().filter_map(|button| match button {
        kernel::Button::Link { url, .. } => Some(url),
        kernel::Button::Press { .. } => None,
    });
    for address in links.chain(&draft.image) {
        if !address.starts_with("https://") {
            return Err(invalid("links", "addresses begin with `https://`"));
        }
    }
    Ok(())
}
