//! Sending again what a person asks for: one message, everything that failed, or a ping. The same
//! message keeps its id, so that a receiver that knows it can leave it out.

use ::store::job;
use kernel::{Actor, HookMessageId, Timestamp, WebhookId};
use serde_json::json;

use crate::{
    JOB, MessageState, WebhookError, WebhookState, Webhooks,
    catalogue::PING,
    change::{entry, found, manageable},
    fan_out::{body, public_id},
    job_for, store as tables,
};

/// The most messages that are sent again at once.
pub const REPLAYED_MAX: u32 = 1_000;

fn check_on(state: WebhookState) -> Result<(), WebhookError> {
    match state {
        WebhookState::On => Ok(()),
        WebhookState::Paused => Err(WebhookError::Conflict(
            "this webhook is paused: let it go on first".to_owned(),
        )),
        WebhookState::SwitchedOff | WebhookState::Removed => Err(WebhookError::Conflict(
            "this webhook was switched off: let it go on first".to_owned(),
        )),
    }
}

impl Webhooks {
    /// Sends a message that came to its end again, with a fresh round of tries. One that waits
    /// already is left as it is.
    pub async fn replay(&self, actor: &Actor, id: HookMessageId) -> Result<(), WebhookError> {
        let message = found(self.message(actor, id).await?)?;
        let mut work = self.begin(actor).await?;
        let webhook = manageable(&work, actor, message.webhook).await?;
        check_on(webhook.state)?;
        if message.body.is_empty() {
            return Err(WebhookError::Conflict(
                "the words of this message were erased: it cannot be sent again".to_owned(),
            ));
        }
        if !tables::message::reopen(work.conn(), id, work.now()).await? {
            return Ok(());
        }
        // The dead letter, if there is one, is done with.
        job::withdraw(&mut work, JOB, &id.to_string()).await?;
        work.enqueue(job_for(id, webhook.id, webhook.community))
            .await?;
        work.audit(entry(
            "webhook.replay",
            &webhook,
            json!({ "message": id.0 }),
        ));
        Ok(work.commit().await?)
    }

    /// Sends everything again that failed and happened since an instant, the oldest first, at most
    /// [`REPLAYED_MAX`]; answers how many.
    pub async fn replay_failed(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<u64, WebhookError> {
        let mut work = self.begin(actor).await?;
        let webhook = manageable(&work, actor, webhook).await?;
        check_on(webhook.state)?;
        let at = (since, work.now());
        let ids = tables::message::reopen_failed(work.conn(), webhook.id, at, REPLAYED_MAX).await?;
        let n = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        if n == 0 {
            return Ok(0);
        }
        for dead in job::dead_keys(work.conn(), JOB).await? {
            if ids.iter().any(|id| id.to_string() == dead) {
                job::withdraw(&mut work, JOB, &dead).await?;
            }
        }
        let jobs = ids
            .into_iter()
            .map(|id| job_for(id, webhook.id, webhook.community));
        job::enqueue_many(&mut work, jobs.collect()).await?;
        let detail = json!({ "since": since.to_string(), "messages": n });
        work.audit(entry("webhook.replay", &webhook, detail));
        work.commit().await?;
        Ok(n)
    }

    /// Sends a message of the kind [`PING`] to one webhook, to try it out; answers its id.
    pub async fn ping(
        &self,
        actor: &Actor,
        webhook: WebhookId,
    ) -> Result<HookMessageId, WebhookError> {
        let mut work = self.begin(actor).await?;
        let webhook = manageable(&work, actor, webhook).await?;
        check_on(webhook.state)?;
        let now = work.now();
        let waiting = tables::message::pings(work.conn(), webhook.id, MessageState::Waiting);
        if waiting.await? >= PINGS_MAX {
            return Err(WebhookError::Conflict(
                "several pings are on their way already: see first what becomes of them".to_owned(),
            ));
        }
        let data = json!({ "community": webhook.community.0, "webhook": webhook.id.0 });
        let ping = tables::message::New {
            webhook: webhook.id,
            community: webhook.community,
            public_id: public_id(&*self.entropy),
            kind: PING,
            event: None,
            body: body(PING, now, &data),
            at: now,
        };
        let made = tables::message::insert(work.conn(), vec![ping]).await?;
        let (id, ..) = found(made.into_iter().next())?;
        work.enqueue(job_for(id, webhook.id, webhook.community))
            .await?;
        work.audit(entry("webhook.ping", &webhook, json!({ "message": id.0 })));
        work.commit().await?;
        Ok(id)
    }
}

/// The most pings of a webhook that wait at a time.
const PINGS_MAX: i64 = 5;
