//! The program's own recurring work: retention, suggestions, suspicious patterns, sweeping of expired
//! sessions, upkeep of the database and the queue. Each is idempotent; a missed run is made up once.

mod bots;

use std::{sync::Arc, time::Duration};

use store::{
    event,
    job::{self, CatchUp, Claimed, CronEntry, Handler, Outcome, Runner},
};

use crate::{
    App,
    moderators::{Telling, TellingCrowd},
    notice::Notices,
    scoring::{Listing, Recomputing, Scoring},
};

/// How long mails stay in the outbox.
const OUTBOX_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// How long domain events stay in their log.
const EVENTS_KEEP: Duration = Duration::from_secs(90 * 86_400);

/// What runs when, in UTC.
pub const SCHEDULE: &[CronEntry] = &[
    bots::TRAINING,
    bots::GUARD,
    bots::DRIFT,
    bots::TELLING,
    CronEntry {
        name: "deliveries",
        expression: "*/10 * * * *",
        kind: "delivery.tend",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "privacy",
        expression: "*/15 * * * *",
        kind: "privacy.tend",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "retention",
        expression: "10 3 * * *",
        kind: "activity.retention",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "suggestions",
        expression: "25 3 * * *",
        kind: "activity.suggestions",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "bots",
        expression: "45 3 * * *",
        kind: ::bots::SCORE_JOB,
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "roles",
        expression: "*/5 * * * *",
        kind: identity::ROLES_JOB,
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "sweep",
        expression: "17 * * * *",
        kind: "identity.sweep",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "watch",
        expression: "47 * * * *",
        kind: "activity.watch",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "webhooks",
        expression: "*/10 * * * *",
        kind: "webhook.tend",
        catch_up: CatchUp::Latest,
    },
    CronEntry {
        name: "upkeep",
        expression: "40 4 * * *",
        kind: "store.upkeep",
        catch_up: CatchUp::Latest,
    },
];

struct Tending(Arc<App>);
struct Retention(Arc<App>);
struct Suggestions(Arc<App>);
struct Sweep(Arc<App>);
struct Upkeep(Arc<App>);
struct Watch(Arc<App>);
struct Privacy(Arc<App>);
struct Export(Arc<App>);
struct Roles(Arc<App>);
struct Webhooks(Arc<App>);

#[async_trait::async_trait]
impl Handler for Tending {
    fn kind(&self) -> &'static str {
        "delivery.tend"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.deliveries.tend().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

#[async_trait::async_trait]
impl Handler for Retention {
    fn kind(&self) -> &'static str {
        "activity.retention"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.activity.apply_retention().await {
            Ok(removed) => {
                tracing::info!(
                    n_removed = removed,
                    "removed {removed} messages past their retention period"
                );
                Outcome::Done
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Suggestions {
    fn kind(&self) -> &'static str {
        "activity.suggestions"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.activity.find_suggestions().await {
            Ok(found) => {
                tracing::info!(
                    n_found = found,
                    "found {found} pairs of accounts that may be one person's"
                );
                Outcome::Done
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Sweep {
    fn kind(&self) -> &'static str {
        "identity.sweep"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.identity.sweep().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

#[async_trait::async_trait]
impl Handler for Privacy {
    fn kind(&self) -> &'static str {
        "privacy.tend"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.tend_privacy().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Roles {
    fn kind(&self) -> &'static str {
        identity::ROLES_JOB
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.tend_roles().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Export {
    fn kind(&self) -> &'static str {
        identity::EXPORT_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = job
            .payload
            .get("export")
            .and_then(serde_json::Value::as_i64);
        let Some(id) = named.and_then(|id| i32::try_from(id).ok()) else {
            return Outcome::fail("the job names no export");
        };
        match self.0.make_export(id).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Upkeep {
    fn kind(&self) -> &'static str {
        "store.upkeep"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        let app = &self.0;
        let now = app.clock.now();
        if let Err(error) = job::prune(&app.db, now).await {
            return Outcome::retry(error.to_string());
        }
        if let Err(error) = event::prune(&app.db, now.minus(EVENTS_KEEP)).await {
            return Outcome::retry(error.to_string());
        }
        if let Some(outbox) = &app.outbox
            && let Err(error) = outbox.prune_before(now.minus(OUTBOX_KEEP)).await
        {
            return Outcome::retry(error.to_string());
        }
        match app.db.optimize().await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

#[async_trait::async_trait]
impl Handler for Watch {
    fn kind(&self) -> &'static str {
        "activity.watch"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.activity.watch().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait::async_trait]
impl Handler for Webhooks {
    fn kind(&self) -> &'static str {
        "webhook.tend"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.tend_webhooks().await {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

/// A runner with every handler of the program; registers nothing: see [`SCHEDULE`].
pub fn runner(app: &Arc<App>, worker: &str) -> Runner {
    let runner = Runner::new(
        app.db.clone(),
        Arc::clone(&app.clock),
        Arc::clone(&app.entropy),
        worker,
    )
    .with_waker(app.waker.clone())
    .handler(Arc::new(Tending(Arc::clone(app))))
    .handler(Arc::new(Retention(Arc::clone(app))))
    .handler(Arc::new(Suggestions(Arc::clone(app))))
    .handler(Arc::new(Sweep(Arc::clone(app))))
    .handler(Arc::new(Upkeep(Arc::clone(app))))
    .handler(Arc::new(Watch(Arc::clone(app))))
    .handler(Arc::new(Privacy(Arc::clone(app))))
    .handler(Arc::new(Export(Arc::clone(app))))
    .handler(Arc::new(Roles(Arc::clone(app))))
    .handler(Arc::new(Notices(Arc::clone(app))))
    .handler(Arc::new(Webhooks(Arc::clone(app))))
    .handler(Arc::new(bots::Training(Arc::clone(app))))
    .handler(Arc::new(bots::Tracking(Arc::clone(app))))
    .handler(Arc::new(bots::Guard(Arc::clone(app))))
    .handler(Arc::new(bots::Drift(Arc::clone(app))))
    .handler_at_most(Arc::new(Scoring(Arc::clone(app))), 1)
    .handler(Arc::new(Recomputing(Arc::clone(app))))
    .handler(Arc::new(Listing(Arc::clone(app))))
    .handler(Arc::new(Telling(Arc::clone(app))))
    .handler(Arc::new(TellingCrowd(Arc::clone(app))))
    .handler(app.webhooks.handler());
    let couriers = app.deliveries.handlers().into_iter();
    couriers.fold(runner, Runner::handler)
}
