//! What a person does to a delivery: take it back before it is sent, try again what failed, change
//! or delete what was sent. Never touches one whose call is under way.

use ::store::{Work, audit::Entry, job};
use kernel::{Act, Actor, DeliveryId, Draft, Order, Permission};

use crate::{
    Deliveries, DeliveryError, DeliveryView, NewDelivery, State, job_kind, post::job_for,
    store as tables,
};

impl Deliveries {
    /// Takes a delivery back before it is sent: nothing is sent after this returns. A conflict once
    /// its call is under way or it has come to an end.
    pub async fn cancel(&self, actor: &Actor, id: DeliveryId) -> Result<(), DeliveryError> {
        let (mut work, view) = self.changeable(actor, id).await?;
        if !tables::delivery::cancel(work.conn(), id, work.now()).await? {
            return Err(conflict(&view, "it can no longer be taken back"));
        }
        job::withdraw(&mut work, job_kind(view.medium), &id.to_string()).await?;
        work.audit(entry("delivery.cancel", &view));
        Ok(work.commit().await?)
    }

    /// Tries again what failed, or what perhaps did not arrive: it may then arrive twice. The same
    /// nonce; attempts are counted afresh.
    pub async fn retry(&self, actor: &Actor, id: DeliveryId) -> Result<(), DeliveryError> {
        let (mut work, view) = self.changeable(actor, id).await?;
        if !tables::delivery::reopen(work.conn(), id, work.now()).await? {
            return Err(conflict(&view, "there is nothing to try again"));
        }
        // The dead letter, if there is one, is done with.
        job::withdraw(&mut work, job_kind(view.medium), &id.to_string()).await?;
        let job = job_for(id, view.community, view.medium).priority(view.priority);
        work.enqueue(job).await?;
        work.audit(entry("delivery.retry", &view));
        Ok(work.commit().await?)
    }

    /// Replaces what was sent: posts an edit of the same message under a key, and answers its
    /// delivery.
    pub async fn edit(
        &self,
        actor: &Actor,
        id: DeliveryId,
        key: &str,
        draft: Draft,
    ) -> Result<DeliveryId, DeliveryError> {
        let (view, message_id) = self.sent(actor, id).await?;
        let order = follow_up(&view, Act::Edit { message_id }, draft);
        self.post(
            actor,
            NewDelivery::new(view.community, key, view.priority, order),
        )
        .await
    }

    /// Deletes what was sent: posts the deletion, and answers its delivery. Twice is once.
    pub async fn take_back(
        &self,
        actor: &Actor,
        id: DeliveryId,
    ) -> Result<DeliveryId, DeliveryError> {
        let (view, message_id) = self.sent(actor, id).await?;
        let order = follow_up(&view, Act::Delete { message_id }, Draft::default());
        let key = format!("take-back:{id}");
        self.post(
            actor,
            NewDelivery::new(view.community, key, view.priority, order),
        )
        .await
    }

    /// The delivery and a unit of work to change it in, if the actor may.
    async fn changeable(
        &self,
        actor: &Actor,
        id: DeliveryId,
    ) -> Result<(Work, DeliveryView), DeliveryError> {
        let view = self.allowed(actor, id).await?;
        Ok((
            self.db
                .begin(actor, self.clock.now())
                .await?
                .reaching(::store::Reach::Nothing),
            view,
        ))
    }

    async fn allowed(&self, actor: &Actor, id: DeliveryId) -> Result<DeliveryView, DeliveryError> {
        // Read first only to learn the community; what is absent and what is not to be known of
        // answer the same.
        let view = tables::delivery::view(self.db.read(), id)
            .await?
            .ok_or(DeliveryError::NotFound)?;
        let may = |permission| actor.require(permission, view.community);
        if may(Permission::ViewDeliveries).is_err() {
            return Err(DeliveryError::NotFound);
        }
        may(Permission::SendMessages)?;
        Ok(view)
    }

    async fn sent(
        &self,
        actor: &Actor,
        id: DeliveryId,
    ) -> Result<(DeliveryView, String), DeliveryError> {
        let view = self.allowed(actor, id).await?;
        if view.state != State::Sent {
            return Err(conflict(&view, "there is nothing to change yet"));
        }
        match view.message_id.clone() {
            Some(message_id) => Ok((view, message_id)),
            None => Err(DeliveryError::Conflict(
                "the platform gave this message no id: it cannot be changed".to_owned(),
            )),
        }
    }
}

fn conflict(view: &DeliveryView, but: &str) -> DeliveryError {
    DeliveryError::Conflict(format!("the message is {}: {but}", view.state.as_str()))
}

fn entry(action: &'static str, view: &DeliveryView) -> Entry {
    Entry {
        action,
        object: format!("delivery:{}", view.id),
        community: Some(view.community),
        detail: serde_json::json!({ "medium": view.medium.as_str(), "state": view.state.as_str() }),
    }
}

fn follow_up(view: &DeliveryView, act: Act, draft: Draft) -> Order {
    Order {
        medium: view.medium,
        address: view.address.clone(),
        act,
        draft,
        reply_to: None,
        mentions: kernel::Mentions::Nobody,
        nonce: String::new(),
    }
}
