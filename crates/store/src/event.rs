//! Domain events: what a domain tells the domains above it. Written in the transaction of the
//! change; a table of routes turns each into one job per subscriber, in the same transaction, so
//! that none is lost and each subscriber handles it at its own pace.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{CommunityId, Timestamp};

use crate::{Db, StoreError, Work, job, sql};

/// Something that happened, past tense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEvent {
    /// E.g. `identity.community_created`.
    pub kind: &'static str,
    /// The community it concerns, if any.
    pub community: Option<CommunityId>,
    /// JSON.
    pub payload: serde_json::Value,
}

/// Which job kinds receive which event kind.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The event kind.
    pub event: &'static str,
    /// The job kind to enqueue, with the event's payload.
    pub job: &'static str,
}

/// An event that was recorded, under its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The id of its row; later ones are larger.
    pub id: i64,
    /// What happened.
    pub event: DomainEvent,
}

/// Hears of every event in the transaction that records it: for what concerns all of them, whatever
/// domain they come from. It writes through the unit of work and calls nothing outside the database.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Called with the events of one unit of work that were recorded at once.
    async fn heard(&self, work: &mut Work, events: &[Recorded]) -> Result<(), StoreError>;
}

/// Removed at once.
const PART: i64 = 1_000;

impl Work {
    /// Records a domain event and enqueues a job for each route that names its kind.
    pub async fn emit(&mut self, event: DomainEvent, routes: &[Route]) -> Result<(), StoreError> {
        self.emit_all(vec![event], routes).await
    }

    /// The same for several events, in few statements; in their order.
    pub async fn emit_all(
        &mut self,
        events: Vec<DomainEvent>,
        routes: &[Route],
    ) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = events.iter().map(|event| {
            vec![
                event.kind.into(),
                event.community.map(|id| id.0).into(),
                event.payload.to_string().into(),
                self.now().0.into(),
            ]
        });
        let inserted = sql::insert_returning(
            self.conn(),
            "INSERT INTO domain_event (kind, community_id, payload, at)",
            rows.collect(),
            " RETURNING id",
        )
        .await?;
        let mut ids = Vec::with_capacity(inserted.len());
        for row in inserted {
            ids.push(row.try_get_by_index::<i64>(0)?);
        }
        // Ids are given in the order of the rows; they come back in any.
        ids.sort_unstable();
        for event in &events {
            for route in routes.iter().filter(|route| route.event == event.kind) {
                self.enqueue(job::NewJob {
                    community: event.community,
                    ..job::NewJob::new(route.job, event.payload.clone())
                })
                .await?;
            }
        }
        let Some(listener) = self.listener() else {
            return Ok(());
        };
        let recorded: Vec<Recorded> = ids
            .into_iter()
            .zip(events)
            .map(|(id, event)| Recorded { id, event })
            .collect();
        listener.heard(self, &recorded).await
    }
}

/// Removes the events from before an instant, in short transactions; answers how many.
pub async fn prune(db: &Db, before: Timestamp) -> Result<u64, StoreError> {
    let mut n_removed = 0;
    loop {
        let n = sql::execute(
            db.write(),
            "DELETE FROM domain_event WHERE id IN \
             (SELECT id FROM domain_event WHERE at < $1 ORDER BY id LIMIT $2)",
            vec![before.0.into(), PART.into()],
        )
        .await?;
        n_removed += n;
        if n < PART.unsigned_abs() {
            return Ok(n_removed);
        }
    }
}

/// Who hears of events; shared by the clones of a database.
pub(crate) type Heard = Option<Arc<dyn Listener>>;
