//! What happens because of an event, in the transaction that records it. Other crates add theirs:
//! commands, loyalty, bot features.

use activity::{Fate, Incoming};
use async_trait::async_trait;
use store::{StoreError, Work};

/// A reaction to newly recorded events.
#[async_trait]
pub trait Reaction: Send + Sync {
    /// Its name in logs.
    fn name(&self) -> &'static str;

    /// Reacts to the events of a batch that were recorded for the first time, in order. What it
    /// writes through `work` commits with them, or not at all. It must not call anything outside
    /// the database: enqueue a job for that. A permanent error puts the event in quarantine.
    async fn react(
        &self,
        work: &mut Work,
        recorded: &[(&Incoming, Fate)],
    ) -> Result<(), StoreError>;
}
