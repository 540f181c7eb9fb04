//! Domain events: what a domain tells the domains above it. Written in the transaction of the
//! change; a table of routes turns each into one job per subscriber, in the same transaction, so
//! that none is lost and each subscriber handles it at its own pace.

use kernel::CommunityId;

use crate::{StoreError, Work, job, sql};

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

impl Work {
    /// Records a domain event and enqueues a job for each route that names its kind.
    pub async fn emit(&mut self, event: DomainEvent, routes: &[Route]) -> Result<(), StoreError> {
        let payload = event.payload.to_string();
        sql::execute(
            self.conn(),
            "INSERT INTO domain_event (kind, community_id, payload, at) VALUES ($1, $2, $3, $4)",
            vec![
                event.kind.into(),
                event.community.map(|id| id.0).into(),
                payload.clone().into(),
                self.now().0.into(),
            ],
        )
        .await?;
        for route in routes.iter().filter(|route| route.event == event.kind) {
            self.enqueue(job::NewJob {
                community: event.community,
                ..job::NewJob::new(route.job, event.payload.clone())
            })
            .await?;
        }
        Ok(())
    }
}
