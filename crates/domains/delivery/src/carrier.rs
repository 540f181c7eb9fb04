//! The carrier: runs the jobs of one medium. Loads a delivery, asks its courier for a turn, makes the
//! try durable, lets the courier carry it, and records what the rule makes of the answer.
//!
//! Must never: call a platform before the try is durable, keep a turn it does not use, or decide
//! what an answer means (that is [`policy`]).

use std::{sync::Arc, time::Duration};

use ::store::{
    Db, StoreError,
    job::{Claimed, Handler, Outcome, Priority, Ruling, backoff},
};
use async_trait::async_trait;
use kernel::{
    Act, CarryError, Clock, Courier, DeliveryId, Entropy, Haste, Order, Receipt, Timestamp, Turn,
};

use crate::{
    AttemptOutcome, State, job_kind,
    policy::{self, Case, Ending, Next},
    recorder::{RecordError, Recorder, Settlement},
    store::{
        self as tables,
        attempt::End,
        delivery::{Change, Seen, Task},
    },
};

/// A message put off for at least so long had a place in the line; shorter waits are for an answer
/// that is on its way.
const IN_LINE: Duration = Duration::from_millis(500);
/// How long one run may take: longer than any call, shorter than a platform's turn is kept.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Tries to record an ending, 1/4 s, 1/2 s … apart: what was sent must be known to be sent.
const SETTLE_TRIES: u32 = 5;

/// Carries the deliveries of one medium.
pub(crate) struct Carrier {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    recorder: Recorder,
    courier: Arc<dyn Courier>,
    at_a_time: usize,
}

/// Why a run ended without a record.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the delivery could not be read")]
    Storage(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A turn that is given back unless it is used.
struct Place<'a> {
    courier: &'a dyn Courier,
    order: &'a Order,
    is_used: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.courier.leave(self.order);
        }
    }
}

#[async_trait]
impl Handler for Carrier {
    fn kind(&self) -> &'static str {
        job_kind(self.courier.medium())
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        match self.work(job).await {
            Ok(outcome) => outcome,
            Err(fault) => Outcome::Retry {
                after: None,
                reason: fault.to_string(),
                counts: false,
            },
        }
    }

    fn time_limit(&self) -> Duration {
        TIME_LIMIT
    }

    fn slots(&self) -> Option<usize> {
        Some(self.at_a_time)
    }
}

impl Carrier {
    pub(crate) fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        recorder: Recorder,
        courier: Arc<dyn Courier>,
        at_a_time: usize,
    ) -> Self {
        Self {
            db,
            clock,
            entropy,
            recorder,
            courier,
            at_a_time,
        }
    }

    async fn work(&self, job: &Claimed) -> Result<Outcome, Fault> {
        let id = job
            .payload
            .get("delivery")
            .and_then(serde_json::Value::as_i64);
        let Some(id) = id.map(DeliveryId) else {
            return Ok(Outcome::fail("the job names no delivery"));
        };
        let Some(task) = tables::delivery::task(self.db.read(), id).await? else {
            return Ok(Outcome::fail("the delivery is no longer kept"));
        };
        let mut ride = Ride {
            carrier: self,
            job,
            task,
        };
        ride.run().await?;
        Ok(Outcome::Recorded)
    }
}

/// One run of one delivery's job.
struct Ride<'a> {
    carrier: &'a Carrier,
    job: &'a Claimed,
    task: Task,
}

impl Ride<'_> {
    async fn run(&mut self) -> Result<(), Fault> {
        let (seen, now) = (self.task.seen, self.carrier.clock.now());
        if matches!(seen.state, State::Sent | State::Expired | State::Cancelled) {
            return self.rule(Ruling::Done).await;
        }
        let Ok(order) = serde_json::from_str::<Order>(&self.task.body) else {
            return self
                .close(State::Failed, "the order cannot be read", Ruling::Done)
                .await;
        };
        let case = self.case(&order);
        // A try without an end: its process ended, or its end could not be written.
        let was_cut_off = seen.state == State::Sending;
        if was_cut_off {
            let reason = "the program ended during the call: perhaps it arrived";
            if let Next::Over { state, dead_letter } = policy::next(Ending::Unknown, case) {
                return self.close(state, reason, ruling(dead_letter, reason)).await;
            }
            self.change(State::Pending, reason, None).await?;
            self.task.seen.state = State::Pending;
        }
        if self.task.not_after.is_some_and(|end| end < now) {
            let (state, reason) = if was_cut_off {
                (
                    State::Unknown,
                    "the program ended during the call, and its time passed: perhaps it arrived",
                )
            } else {
                (State::Expired, "its time passed before it could be sent")
            };
            return self.close(state, reason, Ruling::Done).await;
        }
        // Whoever stood in the line once has had their place: behind the others again, a message
        // that came a moment too early would wait for all of them, and its turn would be lost.
        let since = self.task.due_at.max(self.job.created_at);
        let has_waited = self.job.due_at.since(since) >= IN_LINE;
        let haste = match self.task.priority {
            Priority::Reminder | Priority::Interactive => Haste::Next,
            _ if has_waited => Haste::Next,
            Priority::Sync | Priority::Bulk | Priority::Backfill => Haste::Line,
        };
        match self.carrier.courier.turn(&order, haste) {
            Ok(Turn::Now) => self.carry(&order, case).await,
            Ok(Turn::In(after)) => self.wait(now, after, "waits for its turn").await,
            Err(CarryError::Refused(why)) => self.close(State::Failed, &why, Ruling::Done).await,
            Err(
                ref error @ (CarryError::RateLimited { after } | CarryError::Closed { after, .. }),
            ) => self.wait(now, after, &error.to_string()).await,
            Err(CarryError::Unavailable(why) | CarryError::Unknown(why)) => {
                let after = backoff(self.job.attempt, &*self.carrier.entropy);
                self.wait(now, after, &why).await
            }
        }
    }

    fn case(&self, order: &Order) -> Case {
        let is_same_twice = matches!(order.act, Act::Edit { .. } | Act::Delete { .. });
        Case {
            priority: self.task.priority,
            is_repeatable: is_same_twice || self.carrier.courier.knows_nonces(order),
            is_last: self.job.attempt >= self.job.max_attempts,
        }
    }

    /// The courier has said now.
    async fn carry(&self, order: &Order, case: Case) -> Result<(), Fault> {
        let mut place = Place {
            courier: &*self.carrier.courier,
            order,
            is_used: false,
        };
        let begun = self
            .carrier
            .recorder
            .begin(self.task.id, self.task.seen)
            .await?;
        let Some(n) = begun else {
            // Cancelled or taken over between reading and writing: look again.
            drop(place);
            return self
                .wait(self.carrier.clock.now(), Duration::ZERO, "it was changed")
                .await;
        };
        place.is_used = true;
        let answer = self.carrier.courier.carry(order).await;
        self.end(n, answer, case).await
    }

    async fn end(
        &self,
        n: i32,
        answer: Result<Receipt, CarryError>,
        case: Case,
    ) -> Result<(), Fault> {
        let now = self.carrier.clock.now();
        let outcome = outcome(&answer);
        let next = policy::next(Ending::of(&answer), case);
        let (receipt, error) = match answer {
            Ok(receipt) => (receipt, None),
            Err(error) => (Receipt::default(), Some(error.to_string())),
        };
        self.count(outcome, now);
        let reason = error.clone().unwrap_or_default();
        let (state, ruling) = match next {
            Next::Sent => (State::Sent, Ruling::Done),
            Next::Wait(after) => (State::Pending, self.again(now, after, reason, false)),
            Next::Again => {
                let after = backoff(self.job.attempt, &*self.carrier.entropy);
                (State::Pending, self.again(now, after, reason, true))
            }
            Next::Over { state, dead_letter } => (state, ruling(dead_letter, &reason)),
        };
        let settle = || Settlement {
            lease: self.job.lease,
            ruling: Some(ruling.clone()),
            change: Some(Change {
                id: self.task.id,
                seen: Seen {
                    state: State::Sending,
                    attempts: n,
                },
                state,
                error: error.clone(),
                receipt: receipt.clone(),
            }),
            end: Some(End {
                id: self.task.id,
                n,
                outcome,
                error: error.clone(),
            }),
        };
        for n_try in 0.. {
            match self.carrier.recorder.settle(settle()).await {
                Ok(()) => break,
                Err(fault) if n_try + 1 >= SETTLE_TRIES => return Err(fault.into()),
                Err(fault) => {
                    tracing::warn!(
                        delivery.id = %self.task.id,
                        error = cause(&fault),
                        "the end of a try of delivery {} could not be stored", self.task.id
                    );
                    tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(n_try)).await;
                }
            }
        }
        self.tell(state);
        Ok(())
    }

    /// Ends the delivery without a further try.
    async fn close(&self, state: State, reason: &str, ruling: Ruling) -> Result<(), Fault> {
        self.change(state, reason, Some(ruling)).await?;
        self.tell(state);
        Ok(())
    }

    /// Moves the delivery on without a call; a try that was under way is known as cut off.
    async fn change(
        &self,
        state: State,
        reason: &str,
        ruling: Option<Ruling>,
    ) -> Result<(), Fault> {
        let seen = self.task.seen;
        let settlement = Settlement {
            lease: self.job.lease,
            ruling,
            change: Some(Change {
                id: self.task.id,
                seen,
                state,
                error: Some(reason.to_owned()),
                receipt: Receipt::default(),
            }),
            end: (seen.state == State::Sending).then(|| End::cut_off(self.task.id, seen.attempts)),
        };
        Ok(self.carrier.recorder.settle(settlement).await?)
    }

    /// Comes back later without a try.
    async fn wait(&self, now: Timestamp, after: Duration, reason: &str) -> Result<(), Fault> {
        self.rule(self.again(now, after, reason.to_owned(), false))
            .await
    }

    async fn rule(&self, ruling: Ruling) -> Result<(), Fault> {
        let settlement = Settlement {
            lease: self.job.lease,
            ruling: Some(ruling),
            change: None,
            end: None,
        };
        Ok(self.carrier.recorder.settle(settlement).await?)
    }

    /// Again after so long, but not later than it takes to be found expired.
    fn again(&self, now: Timestamp, after: Duration, reason: String, counts: bool) -> Ruling {
        let end = self
            .task
            .not_after
            .map(|end| Timestamp(end.0.saturating_add(1)));
        let at = now.plus(after);
        Ruling::Again {
            at: end.map_or(at, |end| at.min(end)),
            reason,
            counts,
        }
    }

    fn count(&self, outcome: AttemptOutcome, now: Timestamp) {
        let medium = self.carrier.courier.medium().as_str();
        metrics::counter!(
            "waddlebot_delivery_attempts_total",
            "medium" => medium,
            "outcome" => outcome.as_str()
        )
        .increment(1);
        if outcome == AttemptOutcome::Done {
            metrics::histogram!("waddlebot_delivery_seconds", "medium" => medium)
                .record(now.since(self.task.due_at).as_secs_f64());
        }
    }

    fn tell(&self, state: State) {
        let (id, medium) = (self.task.id, self.carrier.courier.medium().as_str());
        if matches!(state, State::Failed | State::Unknown | State::Expired) {
            let state = state.as_str();
            tracing::warn!(delivery.id = %id, delivery.medium = medium, "delivery {id} on {medium} is {state}");
        }
    }
}

fn cause(fault: &RecordError) -> &(dyn std::error::Error + 'static) {
    fault
}

fn ruling(dead_letter: bool, reason: &str) -> Ruling {
    if dead_letter {
        Ruling::Dead {
            reason: reason.to_owned(),
        }
    } else {
        Ruling::Done
    }
}

const fn outcome(answer: &Result<Receipt, CarryError>) -> AttemptOutcome {
    match answer {
        Ok(_) => AttemptOutcome::Done,
        Err(CarryError::RateLimited { .. }) => AttemptOutcome::RateLimited,
        Err(CarryError::Closed { .. }) => AttemptOutcome::Closed,
        Err(CarryError::Unavailable(_)) => AttemptOutcome::Unavailable,
        Err(CarryError::Unknown(_)) => AttemptOutcome::Unknown,
        Err(CarryError::Refused(_)) => AttemptOutcome::Refused,
    }
}
