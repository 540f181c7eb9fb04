//! The carrier: runs the jobs of messages. Finds a turn, signs, lets the caller make the call, and
//! records the try, what it means for the message and for its webhook, and the end of the job in one
//! transaction. Ends the process between the call and the record, the message is sent again under
//! the same id.
//!
//! Must never hold a transaction while it calls, or log where to.

use std::time::Duration;

use ::store::{
    StoreError, Work,
    job::{self, Claimed, Handler, JobError, Outcome, Ruling},
};
use async_trait::async_trait;
use kernel::{
    Actor, HookCall, HookError, HookMessageId, HookReply, Secret, Timestamp, WebhookId, random,
};
use serde_json::json;

use crate::{
    JOB, MessageState, Webhook, WebhookReason, WebhookState, Webhooks,
    change::entry,
    policy::{self, Next},
    secret,
    store::{
        self as tables,
        message::{Settled, Task},
    },
    turns::{self, Turns},
};

/// How long one run may take: longer than any call.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Who acts in the audit log.
const ACTOR: Actor = Actor::System("webhooks");

/// Sends messages.
pub(crate) struct Carrier {
    webhooks: Webhooks,
    turns: Turns,
}

/// Why a run ended without a record.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the message could not be read or recorded")]
    Storage(#[from] StoreError),
    #[error("the job went to another worker in the meantime")]
    Lost,
    #[error(transparent)]
    Webhook(#[from] crate::WebhookError),
}

impl From<JobError> for Fault {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Lost => Self::Lost,
            JobError::Storage(error) => Self::Storage(error),
        }
    }
}

/// A try that was made.
struct Tried {
    begun_at: Timestamp,
    ended_at: Timestamp,
    answer: Result<HookReply, HookError>,
}

impl Tried {
    fn took(&self) -> Duration {
        self.ended_at.since(self.begun_at)
    }

    fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|reply| reply.status)
    }

    fn trouble(&self) -> Option<HookError> {
        self.answer.as_ref().err().copied()
    }

    fn label(&self) -> &'static str {
        match &self.answer {
            Ok(reply) if (200..300).contains(&reply.status) => "delivered",
            Ok(_) => "refused",
            Err(error) => error.as_str(),
        }
    }
}

#[async_trait]
impl Handler for Carrier {
    fn kind(&self) -> &'static str {
        JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        match self.work(job).await {
            Ok(outcome) => outcome,
            Err(Fault::Lost) => Outcome::Recorded,
            Err(fault) => {
                tracing::warn!(
                    job.id = %job.id,
                    error = cause(&fault),
                    "a message of a webhook could not be sent or recorded now"
                );
                Outcome::Retry {
                    after: None,
                    reason: fault.to_string(),
                    counts: false,
                }
            }
        }
    }

    fn time_limit(&self) -> Duration {
        TIME_LIMIT
    }

    fn slots(&self) -> Option<usize> {
        Some(self.webhooks.settings.at_a_time.max(4))
    }
}

fn cause(fault: &Fault) -> &(dyn std::error::Error + 'static) {
    fault
}

/// A number in the payload of a job.
fn named(job: &Claimed, key: &str) -> Option<i64> {
    job.payload.get(key).and_then(serde_json::Value::as_i64)
}

impl Carrier {
    pub(crate) const fn new(webhooks: Webhooks, turns: Turns) -> Self {
        Self { webhooks, turns }
    }

    async fn work(&self, job: &Claimed) -> Result<Outcome, Fault> {
        let webhook = named(job, "webhook").and_then(|id| i32::try_from(id).ok());
        let (Some(id), Some(webhook), Some(community)) = (
            named(job, "message").map(HookMessageId),
            webhook.map(WebhookId),
            job.community,
        ) else {
            return Ok(Outcome::fail("the job names no message"));
        };
        let now = self.webhooks.clock.now();
        let mut turn = match self.turns.take(webhook, community, now) {
            Ok(turn) => turn,
            Err(after) => {
                return Ok(Outcome::Retry {
                    after: Some(after),
                    reason: "waits for its turn".to_owned(),
                    counts: false,
                });
            }
        };
        let conn = self.webhooks.db.read();
        let Some(task) = tables::message::task(conn, id).await? else {
            return Ok(Outcome::Done);
        };
        let webhook = tables::webhook::by_id(conn, webhook).await?;
        let (Some(webhook), false) = (webhook, task.state != MessageState::Waiting) else {
            return Ok(Outcome::Done);
        };
        if webhook.state != WebhookState::On || task.body.is_empty() {
            return self.stand_still(job, &task, webhook.id).await;
        }
        let tried = self.call(&webhook, &task).await?;
        turn.was(tried.took() >= turns::SLOW);
        drop(turn);
        metrics::counter!("waddlebot_webhook_attempts_total", "outcome" => tried.label())
            .increment(1);
        self.record(job, &task, webhook.id, &tried).await?;
        Ok(Outcome::Recorded)
    }

    async fn call(&self, webhook: &Webhook, task: &Task) -> Result<Tried, Fault> {
        let begun_at = self.webhooks.clock.now();
        let secrets = tables::webhook::secrets(self.webhooks.db.read(), webhook.id).await?;
        let secrets: Vec<Secret<String>> = match &secrets {
            Some(secrets) => self.webhooks.open(webhook, secrets, begun_at)?,
            None => Vec::new(),
        };
        let call = HookCall {
            url: webhook.url.clone(),
            headers: secret::signed(&secrets, &task.public_id, begun_at, &task.body),
            body: task.body.clone(),
        };
        let answer = self.webhooks.caller.call(&call).await;
        Ok(Tried {
            begun_at,
            ended_at: self.webhooks.clock.now(),
            answer,
        })
    }

    /// Nothing is sent now: a paused webhook's message waits without a job, every other one fails.
    /// Looks again under the webhook's lock, so that one that goes on at this moment finds either the
    /// job or its end.
    async fn stand_still(
        &self,
        job: &Claimed,
        task: &Task,
        webhook: WebhookId,
    ) -> Result<Outcome, Fault> {
        let mut work = self.begin().await?;
        let state = tables::webhook::lock(work.conn(), work.engine(), webhook).await?;
        match state {
            Some(WebhookState::On) if !task.body.is_empty() => {
                return Ok(Outcome::Retry {
                    after: Some(Duration::from_millis(100)),
                    reason: "its webhook goes on".to_owned(),
                    counts: false,
                });
            }
            Some(WebhookState::Paused) if !task.body.is_empty() => {}
            _ => {
                let settled = Settled {
                    state: MessageState::Failed,
                    finished_at: Some(work.now()),
                    due_at: work.now(),
                };
                tables::message::close(work.conn(), task.id, &settled).await?;
            }
        }
        job.complete_in(&mut work).await?;
        work.commit().await?;
        Ok(Outcome::Done)
    }

    async fn begin(&self) -> Result<Work, StoreError> {
        let webhooks = &self.webhooks;
        let work = webhooks.db.begin(&ACTOR, webhooks.clock.now()).await?;
        Ok(work.reaching(::store::Reach::Nothing))
    }

    async fn record(
        &self,
        job: &Claimed,
        task: &Task,
        webhook: WebhookId,
        tried: &Tried,
    ) -> Result<(), Fault> {
        let chance = random::unit(&*self.webhooks.entropy);
        let round = task.round.saturating_add(1);
        let next = policy::next(&tried.answer, round, tried.ended_at, chance);
        let mut work = self.begin().await?;
        let now = work.now();
        // The webhook's row before the message's, as everywhere.
        match next {
            Next::Delivered => tables::webhook::went_well(work.conn(), webhook, now).await?,
            Next::Again(_) | Next::GivenUp => self.went_badly(&mut work, webhook).await?,
            Next::Gone => switch_off(&mut work, webhook, WebhookReason::Gone).await?,
        }
        let (settled, ruling) = match next {
            Next::Delivered => (ended(MessageState::Delivered, now), Ruling::Done),
            Next::GivenUp | Next::Gone => (ended(MessageState::Failed, now), Ruling::Done),
            Next::Again(after) => {
                let at = now.plus(after);
                let settled = Settled {
                    state: MessageState::Waiting,
                    finished_at: None,
                    due_at: at,
                };
                let ruling = Ruling::Again {
                    at,
                    reason: tried.label().to_owned(),
                    counts: true,
                };
                (settled, ruling)
            }
        };
        let kept = job::rule(&mut work, &[(job.lease, ruling)]).await?;
        if kept.is_empty() {
            return Err(Fault::Lost);
        }
        let answer = (tried.status(), tried.trouble());
        let Some(n) = tables::message::settle(work.conn(), task, &settled, answer).await? else {
            // Erased, or taken up by somebody else: what was sent is sent, and nothing is to be done.
            return Ok(work.commit().await?);
        };
        let excerpt = tried
            .answer
            .as_ref()
            .map_or("", |reply| reply.excerpt.as_str());
        tables::attempt::insert(
            work.conn(),
            &tables::attempt::New {
                message: task.id,
                n,
                begun_at: tried.begun_at,
                took: tried.took(),
                answer,
                excerpt,
            },
        )
        .await?;
        Ok(work.commit().await?)
    }

    async fn went_badly(&self, work: &mut Work, webhook: WebhookId) -> Result<(), StoreError> {
        let now = work.now();
        let failing = tables::webhook::went_badly(work.conn(), webhook, now).await?;
        let Some((failures, since)) = failing else {
            return Ok(());
        };
        if policy::is_hopeless(since, failures, now) {
            switch_off(work, webhook, WebhookReason::Failing).await?;
        }
        Ok(())
    }
}

const fn ended(state: MessageState, now: Timestamp) -> Settled {
    Settled {
        state,
        finished_at: Some(now),
        due_at: now,
    }
}

/// Switches a webhook off, once.
async fn switch_off(
    work: &mut Work,
    id: WebhookId,
    reason: WebhookReason,
) -> Result<(), StoreError> {
    if !tables::webhook::switch_off(work.conn(), id, reason, work.now()).await? {
        return Ok(());
    }
    let Some(webhook) = tables::webhook::by_id(work.conn(), id).await? else {
        return Ok(());
    };
    tracing::warn!(
        webhook.id = %id,
        webhook.reason = reason.as_str(),
        "webhook {id} was switched off: {}", reason.sentence()
    );
    let detail = json!({ "reason": reason.as_str() });
    work.audit(entry("webhook.switch_off", &webhook, detail));
    Ok(())
}
