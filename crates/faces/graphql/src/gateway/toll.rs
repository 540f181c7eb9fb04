//! The toll: a query must not cost more than any may, and its cost is taken from what its caller has
//! for a minute before anything is executed.
//!
//! Must never let a document go on for nothing: one that is refused after it was validated has made
//! work, and pays for that.

use std::time::Duration;

use app::Allowance;
use async_graphql::Value;
use kernel::{ErrorCode, Timestamp};

use super::{
    Gateway,
    execute::{Answer, Checked},
    refusal::Refusal,
};
use crate::schema::{Toll, Viewer};

/// The name of our allowance.
const NAME: &str = "graphql";
/// What a document costs that was validated and then refused.
const REFUSED: u64 = 10;

impl Gateway {
    /// Validates a document, reckons its cost and takes it from the caller's allowance. Answers the cost.
    pub(crate) async fn admit(&self, checked: &Checked) -> Result<u64, Answer> {
        let viewer = checked.viewer();
        let cost = match checked.judge(&self.judge).await {
            Ok(cost) => cost,
            Err(errors) => {
                self.pay(viewer, REFUSED).await?;
                return Err(Answer::invalid(errors, viewer, checked.name()));
            }
        };
        let budget = self.settings.limits.cost;
        metrics::histogram!("waddlebot_graphql_cost").record(real(cost));
        if cost > budget {
            self.pay(viewer, REFUSED).await?;
            let message = format!(
                "the query costs {cost} of at most {budget}: ask for shorter lists or fewer fields"
            );
            return Err(Refusal::too_complex(message)
                .with("cost", cost)
                .with("budget", budget)
                .into());
        }
        self.pay(viewer, cost).await?;
        Ok(cost)
    }

    /// Takes a cost from the caller's allowance; what is left is told through the viewer.
    pub(crate) async fn pay(&self, viewer: &Viewer, cost: u64) -> Result<(), Refusal> {
        let limits = &self.settings.limits;
        let limit = match viewer.user() {
            Some(_) => limits.per_minute,
            None => limits.per_minute_anonymous,
        };
        let allowance = self
            .app
            .take_allowance(NAME, viewer.payer(), cost, limit)
            .await;
        let toll = Toll { cost, allowance };
        if allowance.is_granted {
            viewer.paid(toll);
            return Ok(());
        }
        metrics::counter!("waddlebot_graphql_limited_total").increment(1);
        let wait = wait(allowance, self.app.clock.now());
        let message = format!(
            "the query costs {cost}, and of {} for a minute {} are left: try again in {} s",
            allowance.limit,
            allowance.remaining,
            wait.as_secs()
        );
        let mut refusal = Refusal::not_now(ErrorCode::RateLimited, message)
            .with("cost", cost)
            .with("limit", allowance.limit)
            .with("remaining", allowance.remaining)
            .with("resetAt", allowance.resets_at.to_string());
        refusal.retry_after = Some(wait);
        Err(refusal)
    }
}

/// How long to wait, in whole seconds, at least one.
fn wait(allowance: Allowance, now: Timestamp) -> Duration {
    let left = allowance.resets_at.since(now).as_millis().div_ceil(1_000);
    Duration::from_secs(u64::try_from(left).unwrap_or(u64::MAX).max(1))
}

/// What an answer says of its cost when it is asked to.
pub(crate) fn told(toll: &Toll, budget: u64) -> Value {
    let Toll { cost, allowance } = toll;
    let fields = [
        ("cost", Value::from(*cost)),
        ("budget", budget.into()),
        ("limit", allowance.limit.into()),
        ("remaining", allowance.remaining.into()),
        ("resetAt", allowance.resets_at.to_string().into()),
    ];
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (async_graphql::Name::new(name), value))
            .collect(),
    )
}

/// A cost as a value of a histogram.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "metrics are f64; what is lost beyond 2^53 does not matter"
)]
fn real(cost: u64) -> f64 {
    cost as f64
}
