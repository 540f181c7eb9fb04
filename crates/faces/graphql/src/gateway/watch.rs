//! Watches a request from when it was checked to its answer, for the counts and the log.
//!
//! Must never log anything of a document but its hash and the name of its operation.

use std::time::Duration;

use app::{
    App,
    api_usage::{ApiRequest, Outcome},
};
use kernel::random;
use tokio::time::Instant;
use tracing::warn;

use super::execute::{Answer, Checked};

/// A running watch.
pub(crate) struct Watch {
    started: Instant,
    operation: Option<String>,
    may_name: bool,
    document: String,
    request_id: String,
}

/// What was seen on the way.
#[derive(Default)]
pub(crate) struct Seen {
    /// What the query costs.
    pub(crate) cost: Option<u64>,
    /// Whether its answer was kept from before.
    pub(crate) is_kept: bool,
}

impl Watch {
    /// Starts.
    pub(crate) fn new(checked: &Checked) -> Self {
        let viewer = checked.viewer();
        Self {
            started: Instant::now(),
            operation: checked.operation().map(str::to_owned),
            may_name: viewer.user().is_some(),
            document: random::hex(checked.digest()),
            request_id: viewer.request_id().to_owned(),
        }
    }

    /// Stops and counts.
    pub(crate) fn stop(self, app: &App, slow: Duration, seen: &Seen, answer: &Answer) {
        let took = self.started.elapsed();
        let is_slow = took >= slow;
        if is_slow {
            metrics::counter!("waddlebot_graphql_slow_total").increment(1);
            let elapsed_ms = took.as_millis();
            warn!(
                request.id = self.request_id,
                operation.name = self.operation.as_deref().unwrap_or_default(),
                document.hash = self.document,
                elapsed_ms,
                "slow GraphQL query: {elapsed_ms} ms"
            );
        }
        let outcome = match (answer, answer.code()) {
            (Answer::Refused { .. }, code) => Outcome::Refused(code.unwrap_or_default()),
            (Answer::Executed(_), Some(code)) => Outcome::Failed(code),
            (Answer::Executed(_), None) if seen.is_kept => Outcome::Kept,
            (Answer::Executed(_), None) => Outcome::Made,
        };
        let request = ApiRequest {
            operation: self.operation.as_deref(),
            may_name: self.may_name,
            document: &self.document,
            cost: seen.cost,
            took,
            is_slow,
            outcome,
        };
        app.usage.record(&request, app.clock.now());
    }
}
