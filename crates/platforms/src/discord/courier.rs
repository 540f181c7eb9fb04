//! Carries orders: posts, edits, takes back, in channels, to people directly, and as the answer to an
//! interaction. Sources: Discord «Create Message» (`nonce`, `enforce_nonce`), «Receiving and
//! Responding».
//!
//! Must never say the same order twice where Discord can prevent it, or mention anybody whom the
//! order does not name.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Act, Address, CarryError, Courier, Haste, Medium, Mentions, Order, Receipt, Turn};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use twilight_http::routing::Route;

use super::{
    ApiError, Discord,
    api::{Ask, Limit, unreadable},
    id::number,
    recent::Recent,
    render::{Rendered, render},
};
use crate::{gate::Lane, http::Reply};

/// Direct channels and interactions remembered.
const KEPT_MAX: usize = 20_000;
/// Discord publishes no limit for opening direct channels, but takes many at once for abuse.
const OPENING: (u32, Duration) = (1, Duration::from_secs(1));
/// `custom_id`s and nonces: at most so long.
const NONCE_MAX: usize = 25;

/// What was learned while carrying.
#[derive(Debug)]
pub(super) struct Known {
    /// A person's direct channel.
    direct: Recent<u64, u64>,
    /// The nonce of the order that became the first answer to an interaction.
    first: Recent<String, String>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            direct: Recent::new(KEPT_MAX),
            first: Recent::new(KEPT_MAX),
        }
    }
}

fn not_here() -> CarryError {
    CarryError::Refused("this is no address of Discord".to_owned())
}

/// The limits an order falls under.
fn limit(order: &Order) -> Result<Limit, CarryError> {
    Ok(match &order.address {
        Address::Channel { channel, .. } => Limit::of(&route(order, number(channel)?)?),
        Address::Direct { user, .. } => match &order.act {
            Act::Post | Act::Announce => Limit::direct(number(user)?),
            Act::Edit { .. } | Act::Delete { .. } => Limit::of(&route(order, number(user)?)?),
        },
        Address::Answer { interaction, .. } => {
            number(interaction)?;
            if let Act::Edit { message_id } | Act::Delete { message_id } = &order.act {
                number(message_id)?;
            }
            Limit::answer(interaction)
        }
        Address::Mailbox { .. } => return Err(not_here()),
    })
}

fn route(order: &Order, channel_id: u64) -> Result<Route<'static>, CarryError> {
    Ok(match &order.act {
        Act::Post | Act::Announce => Route::CreateMessage { channel_id },
        Act::Edit { message_id } => Route::UpdateMessage {
            channel_id,
            message_id: number(message_id)?,
        },
        Act::Delete { message_id } => Route::DeleteMessage {
            channel_id,
            message_id: number(message_id)?,
        },
    })
}

/// Whom a message may mention, in Discord's words.
fn allowed(mentions: &Mentions) -> Value {
    match mentions {
        Mentions::Nobody => json!({ "parse": [] }),
        Mentions::Users(users) => {
            let users: Vec<&String> = users
                .iter()
                .take(100)
                .filter(|user| number(user).is_ok())
                .collect();
            json!({ "parse": [], "users": users })
        }
        Mentions::Anybody => json!({ "parse": ["everyone", "roles", "users"] }),
    }
}

fn body(order: &Order, rendered: &Rendered) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("content".to_owned(), json!(rendered.content));
    body.insert("embeds".to_owned(), json!(rendered.embeds));
    body.insert("components".to_owned(), json!(rendered.components));
    body.insert("allowed_mentions".to_owned(), allowed(&order.mentions));
    body
}

fn message_id(reply: &Reply) -> Option<String> {
    let body: Value = reply.json()?;
    let id = body.get("id")?.as_str()?;
    number(id).is_ok().then(|| id.to_owned())
}

impl Discord {
    async fn carry_in(
        &self,
        order: &Order,
        channel: u64,
        limit: Limit,
    ) -> Result<Receipt, CarryError> {
        let ask = Ask::new(&route(order, channel)?).under(limit);
        if let Act::Delete { .. } = order.act {
            return gone_is_fine(self.api.send(ask).await);
        }
        let rendered = render(&order.draft, &order.mentions);
        let mut body = body(order, &rendered);
        if let Act::Post | Act::Announce = order.act {
            body.insert("nonce".to_owned(), json!(order.nonce));
            body.insert("enforce_nonce".to_owned(), json!(true));
            if let Some(to) = &order.reply_to {
                // Better an answer to nothing than no answer.
                let reference = json!({ "message_id": to, "fail_if_not_exists": false });
                body.insert("message_reference".to_owned(), reference);
            }
        }
        let reply = self.api.send(ask.json(&body)).await?;
        Ok(Receipt {
            message_id: Some(message_id(&reply).ok_or_else(|| unreadable(false))?),
            is_confirmed: true,
            was_cut: rendered.was_cut,
        })
    }

    /// The direct channel with somebody, opened if need be.
    async fn direct(&self, user: u64) -> Result<u64, ApiError> {
        if let Some(channel) = self.known.direct.get(&user) {
            return Ok(channel);
        }
        let route = Route::CreatePrivateChannel;
        let pace = Lane::fixed("direct channels", OPENING.0, OPENING.1);
        let limit = Limit::of(&route).and(pace);
        match self.api.turn(&limit, Haste::Line)? {
            Turn::Now => {}
            Turn::In(after) => return Err(ApiError::RateLimited { after }),
        }
        let ask = Ask::new(&route)
            .under(limit)
            .json(&json!({ "recipient_id": user.to_string() }));
        let reply = self.api.send(ask).await?;
        // Opening twice opens the same: an unreadable answer may be asked for again.
        let channel = message_id(&reply).and_then(|id| number(&id).ok());
        let channel = channel.ok_or_else(|| unreadable(true))?;
        self.known.direct.put(user, channel);
        Ok(channel)
    }

    async fn answer(
        &self,
        order: &Order,
        interaction: &str,
        token: &str,
        limit: Limit,
    ) -> Result<Receipt, CarryError> {
        let rendered = render(&order.draft, &order.mentions);
        let body = Value::Object(body(order, &rendered));
        let app = self.settings.application;
        let original = Route::UpdateInteractionOriginal {
            application_id: app,
            interaction_token: token,
        };
        let route = match &order.act {
            Act::Post | Act::Announce if !self.is_first(order, interaction) => {
                Route::ExecuteWebhook {
                    thread_id: None,
                    token,
                    wait: Some(true),
                    with_components: None,
                    webhook_id: app,
                }
            }
            Act::Post | Act::Announce => original,
            Act::Edit { message_id } => Route::UpdateWebhookMessage {
                message_id: number(message_id)?,
                thread_id: None,
                token,
                webhook_id: app,
            },
            Act::Delete { message_id } => {
                let route = Route::DeleteWebhookMessage {
                    message_id: number(message_id)?,
                    thread_id: None,
                    token,
                    webhook_id: app,
                };
                return gone_is_fine(self.api.send(Ask::new(&route).under(limit)).await);
            }
        };
        let is_original = matches!(route, Route::UpdateInteractionOriginal { .. });
        let answered = self
            .api
            .send(Ask::new(&route).under(limit.clone()).json(&body))
            .await;
        let message_id = match answered {
            Ok(reply) => message_id(&reply),
            // Nobody has said yet that an answer will come: this is the first.
            Err(error) if is_original && error.is_gone() => {
                self.first_answer(interaction, token, &body, limit).await?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Receipt {
            message_id: Some(message_id.ok_or_else(|| unreadable(is_original))?),
            is_confirmed: true,
            was_cut: rendered.was_cut,
        })
    }

    /// Answers an interaction that was not acknowledged; answers the message's id.
    async fn first_answer(
        &self,
        interaction: &str,
        token: &str,
        body: &Value,
        limit: Limit,
    ) -> Result<Option<String>, CarryError> {
        match self.api.turn(&limit, Haste::Next)? {
            Turn::Now => {}
            Turn::In(after) => return Err(CarryError::RateLimited { after }),
        }
        let route = Route::InteractionCallback {
            interaction_id: number(interaction)?,
            interaction_token: token,
            with_response: true,
        };
        let ask = Ask::new(&route)
            .under(limit)
            .json(&json!({ "type": 4, "data": body }));
        let reply = self.api.send(ask).await?;
        let made: Option<Value> = reply.json();
        let id = made
            .as_ref()
            .and_then(|made| made.get("resource")?.get("message")?.get("id")?.as_str());
        Ok(id.map(str::to_owned))
    }

    /// Says at once that an answer will come, so that it may take longer than three seconds. What was
    /// pressed is answered to the person who pressed only.
    pub(super) async fn defer(
        &self,
        interaction: &str,
        token: &str,
        is_private: bool,
    ) -> Result<(), ApiError> {
        let limit = Limit::answer(interaction);
        match self.api.turn(&limit, Haste::Next)? {
            Turn::Now => {}
            Turn::In(after) => return Err(ApiError::RateLimited { after }),
        }
        let route = Route::InteractionCallback {
            interaction_id: number(interaction)?,
            interaction_token: token,
            with_response: false,
        };
        let ask = Ask::new(&route).under(limit).json(&deferral(is_private));
        self.api.send(ask).await.map(|_| ())
    }

    fn is_first(&self, order: &Order, interaction: &str) -> bool {
        self.known
            .first
            .get_or_put(&interaction.to_owned(), order.nonce.clone())
            == order.nonce
    }
}

/// «An answer will come.»
pub(super) fn deferral(is_private: bool) -> Value {
    if is_private {
        json!({ "type": 5, "data": { "flags": 64 } })
    } else {
        json!({ "type": 5 })
    }
}

fn gone_is_fine(result: Result<Reply, ApiError>) -> Result<Receipt, CarryError> {
    let receipt = Receipt {
        is_confirmed: true,
        ..Receipt::default()
    };
    match result {
        Ok(reply) if reply.status == StatusCode::NO_CONTENT || reply.status.is_success() => {
            Ok(receipt)
        }
        Err(error) if error.code() == Some(10_008) => Ok(receipt),
        Ok(_) => Err(unreadable(true).into()),
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl Courier for Discord {
    fn medium(&self) -> Medium {
        Medium::Discord
    }

    fn turn(&self, order: &Order, haste: Haste) -> Result<Turn, CarryError> {
        if !matches!(order.act, Act::Delete { .. }) && order.draft.is_empty() {
            return Err(CarryError::Refused("the message says nothing".to_owned()));
        }
        if order.nonce.is_empty() || order.nonce.len() > NONCE_MAX {
            return Err(CarryError::Refused(
                "the nonce must have 1 to 25 characters".to_owned(),
            ));
        }
        self.api.turn(&limit(order)?, haste)
    }

    fn leave(&self, order: &Order) {
        if let Ok(limit) = limit(order) {
            self.api.leave(&limit);
        }
    }

    fn knows_nonces(&self, order: &Order) -> bool {
        match (&order.act, &order.address) {
            // The first answer replaces itself; a later one has no nonce.
            (Act::Post | Act::Announce, Address::Answer { interaction, .. }) => self
                .known
                .first
                .get(interaction)
                .is_none_or(|first| first == order.nonce),
            // Posts have nonces, and editing or deleting twice does it once.
            _ => true,
        }
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let limit = limit(order)?;
        match &order.address {
            Address::Channel { channel, .. } => self.carry_in(order, number(channel)?, limit).await,
            Address::Direct { user, .. } => {
                let user = number(user)?;
                let channel = match self.direct(user).await {
                    Ok(channel) => channel,
                    Err(error) => {
                        self.api.leave(&limit);
                        return Err(error.into());
                    }
                };
                self.carry_in(order, channel, limit).await
            }
            Address::Answer {
                interaction, token, ..
            } => self.answer(order, interaction, token, limit).await,
            Address::Mailbox { .. } => Err(not_here()),
        }
    }
}
