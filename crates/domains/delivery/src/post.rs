//! Posting: a message is checked, gets its row and its job in one transaction, once per key. Never
//! calls a platform.

use std::collections::HashMap;

use ::store::{Work, audit::Entry, job, job::NewJob, job::Priority};
use kernel::{
    Act, Actor, Address, CommunityId, DeliveryId, Medium, Order, Permission, Timestamp, random,
};

use crate::{Deliveries, DeliveryError, State, job_kind, store as tables};

/// The longest key, in bytes.
const KEY_MAX: usize = 200;

/// The longest id or address of a place, in bytes.
const PLACE_MAX: usize = 1_024;

/// The largest order, as JSON.
const ORDER_MAX: usize = 64 * 1_024;

/// The most messages of one call.
const MANY_MAX: usize = 20_000;

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// In whose name.
    pub community: CommunityId,
    /// What to do where. Its nonce is overwritten.
    pub order: Order,
    /// Says it once: the same key in the same community is the same delivery for as long as it is
    /// kept. 1 to 200 bytes.
    pub key: String,
    /// Who goes first; also decides what happens when an answer is lost: only
    /// [`Priority::Interactive`] is then not tried again.
    pub priority: Priority,
    /// Not before; `None` = now.
    pub due_at: Option<Timestamp>,
    /// Useless after; it then expires.
    pub not_after: Option<Timestamp>,
}

impl std::fmt::Debug for NewDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewDelivery")
            .field("community", &self.community)
            .field("medium", &self.order.medium)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

impl NewDelivery {
    /// A message due now that never becomes useless.
    pub fn new(
        community: CommunityId,
        key: impl Into<String>,
        priority: Priority,
        order: Order,
    ) -> Self {
        Self {
            community,
            order,
            key: key.into(),
            priority,
            due_at: None,
            not_after: None,
        }
    }

    /// Not before this instant.
    #[must_use]
    pub const fn due_at(mut self, at: Timestamp) -> Self {
        self.due_at = Some(at);
        self
    }

    /// Useless after this instant.
    #[must_use]
    pub const fn not_after(mut self, at: Timestamp) -> Self {
        self.not_after = Some(at);
        self
    }
}

fn invalid<T>(message: impl Into<String>) -> Result<T, DeliveryError> {
    Err(DeliveryError::Invalid(message.into()))
}

/// What can never be sent is refused before it is queued.
fn check(new: &NewDelivery) -> Result<(), DeliveryError> {
    if new.key.is_empty() || new.key.len() > KEY_MAX || new.key.contains('\0') {
        return invalid("the key of a message has 1 to 200 bytes");
    }
    let order = &new.order;
    let places: Vec<&str> = match &order.address {
        Address::Channel { server, channel } => vec![server, channel],
        Address::Direct { server, user } => vec![server, user],
        Address::Answer {
            server,
            channel,
            interaction,
            token,
        } => vec![server, channel, interaction, token],
        Address::Mailbox { to } => vec![to],
    };
    let is_place = |text: &&str| {
        !text.is_empty() && text.len() <= PLACE_MAX && !text.chars().any(char::is_control)
    };
    if !places.iter().all(is_place) {
        return invalid("the address of a message is not complete");
    }
    let is_mail = matches!(order.address, Address::Mailbox { .. });
    if is_mail != (order.medium == Medium::Email) {
        return invalid("a mail goes to a mailbox, and nothing else does");
    }
    if order.draft.is_empty() && !matches!(order.act, Act::Delete { .. }) {
        return invalid("a message must say something");
    }
    Ok(())
}

/// The address without what is secret: an answer's place afterwards is its channel.
pub(crate) fn public(address: &Address) -> Address {
    match address {
        Address::Answer {
            server, channel, ..
        } => Address::Channel {
            server: server.clone(),
            channel: channel.clone(),
        },
        open => open.clone(),
    }
}

impl Deliveries {
    /// Queues a message; the same key again answers the same id and queues nothing.
    pub async fn post(&self, actor: &Actor, new: NewDelivery) -> Result<DeliveryId, DeliveryError> {
        actor.require(Permission::SendMessages, new.community)?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let id = self.post_in(actor, &mut work, new).await?;
        work.commit().await?;
        Ok(id)
    }

    /// Queues a message in the caller's transaction: both happen or neither.
    pub async fn post_in(
        &self,
        actor: &Actor,
        work: &mut Work,
        new: NewDelivery,
    ) -> Result<DeliveryId, DeliveryError> {
        let (ids, _) = self.enqueue(actor, work, vec![new]).await?;
        ids.first().copied().ok_or(DeliveryError::NotFound)
    }

    /// Like [`Deliveries::post_in`]; answers whether the key is new, so that what belongs to the message
    /// happens as often as it does.
    pub async fn post_once_in(
        &self,
        actor: &Actor,
        work: &mut Work,
        new: NewDelivery,
    ) -> Result<bool, DeliveryError> {
        let (_, n_new) = self.enqueue(actor, work, vec![new]).await?;
        Ok(n_new > 0)
    }

    /// Queues up to 20,000 messages, all or none; answers their ids in the given order.
    pub async fn post_many(
        &self,
        actor: &Actor,
        new: Vec<NewDelivery>,
    ) -> Result<Vec<DeliveryId>, DeliveryError> {
        if let Some(first) = new.first() {
            actor.require(Permission::SendMessages, first.community)?;
        }
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let ids = self.post_many_in(actor, &mut work, new).await?;
        work.commit().await?;
        Ok(ids)
    }

    /// Like [`Deliveries::post_many`] in the caller's transaction.
    pub async fn post_many_in(
        &self,
        actor: &Actor,
        work: &mut Work,
        new: Vec<NewDelivery>,
    ) -> Result<Vec<DeliveryId>, DeliveryError> {
        let (ids, _) = self.enqueue(actor, work, new).await?;
        Ok(ids)
    }

    /// The ids in the given order, and how many of them are new.
    async fn enqueue(
        &self,
        actor: &Actor,
        work: &mut Work,
        new: Vec<NewDelivery>,
    ) -> Result<(Vec<DeliveryId>, usize), DeliveryError> {
        if new.len() > MANY_MAX {
            return invalid(format!("send at most {MANY_MAX} messages at once"));
        }
        let mut rows = Vec::with_capacity(new.len());
        for message in &new {
            actor.require(Permission::SendMessages, message.community)?;
            check(message)?;
            rows.push(self.row(actor, work.now(), message)?);
        }
        let mut ids: HashMap<(CommunityId, String), DeliveryId> = HashMap::new();
        let mut fresh = HashMap::new();
        for (id, community, key) in tables::delivery::insert(work.conn(), rows).await? {
            fresh.insert((community, key.clone()), id);
            ids.insert((community, key), id);
        }
        let mut jobs = Vec::with_capacity(fresh.len());
        let mut answer = Vec::with_capacity(new.len());
        let mut per_community: HashMap<CommunityId, (usize, DeliveryId)> = HashMap::new();
        for message in new {
            let place = (message.community, message.key.clone());
            if let Some(id) = fresh.remove(&place) {
                per_community.entry(message.community).or_insert((0, id)).0 += 1;
                jobs.push(
                    NewJob {
                        due_at: message.due_at,
                        ..job_of(id, &message)
                    }
                    .priority(message.priority),
                );
            }
            let id = match ids.get(&place) {
                Some(id) => *id,
                // Posted before, in another transaction.
                None => tables::delivery::by_key(work.conn(), place.0, &place.1)
                    .await?
                    .ok_or(DeliveryError::NotFound)?,
            };
            ids.insert(place, id);
            answer.push(id);
        }
        let n_new = jobs.len();
        job::enqueue_many(work, jobs).await?;
        if actor.user_id().is_some() {
            for (community, (n, first)) in per_community {
                work.audit(Entry {
                    action: "delivery.post",
                    object: format!("delivery:{first}"),
                    community: Some(community),
                    detail: serde_json::json!({ "messages": n }),
                });
            }
        }
        Ok((answer, n_new))
    }

    fn row(
        &self,
        actor: &Actor,
        now: Timestamp,
        new: &NewDelivery,
    ) -> Result<tables::delivery::New, DeliveryError> {
        let order = Order {
            nonce: self.nonce(),
            ..new.order.clone()
        };
        let json = |error: serde_json::Error| DeliveryError::Invalid(error.to_string());
        let body = serde_json::to_string(&order).map_err(json)?;
        if body.len() > ORDER_MAX {
            return invalid("a message has at most 64 KiB");
        }
        Ok(tables::delivery::New {
            community: new.community,
            medium: order.medium,
            address: serde_json::to_string(&public(&order.address)).map_err(json)?,
            body,
            key: new.key.clone(),
            state: State::Pending,
            priority: new.priority,
            due_at: new.due_at.unwrap_or(now),
            not_after: new.not_after,
            requested_by: actor.label(),
            created_at: now,
        })
    }

    /// 96 random bits as 24 characters, kept with the delivery: the same in every try, and another
    /// than any other instance's that uses the same bot.
    fn nonce(&self) -> String {
        let bytes: [u8; 12] = random::bytes(&*self.entropy);
        bytes.iter().fold(String::with_capacity(24), |text, byte| {
            text + &format!("{byte:02x}")
        })
    }
}

fn job_of(id: DeliveryId, new: &NewDelivery) -> NewJob {
    job_for(id, new.community, new.order.medium)
}

/// The job of a delivery; there is at most one open at a time.
pub(crate) fn job_for(id: DeliveryId, community: CommunityId, medium: Medium) -> NewJob {
    NewJob::new(job_kind(medium), serde_json::json!({ "delivery": id.0 }))
        .community(community)
        .unique(id.to_string())
}
