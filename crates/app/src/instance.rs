//! What concerns the instance as a whole: its state, dead letters, outbox and audit log. Only for
//! instance administrators.

use engines::OutboxId;
use kernel::{Actor, Cursor, JobId, Page, PageRequest, Permission, Timestamp};
use store::{
    audit::{self, Entry},
    job::{self, DeadLetter, Replay},
};

use crate::{App, AppError};

/// The state of the instance.
#[derive(Debug, Clone)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// When this process started.
    pub started_at: Timestamp,
    /// The database.
    pub database: Database,
    /// Bus, blobs and mail.
    pub dependencies: Vec<Dependency>,
    /// Jobs by kind and state.
    pub jobs: Vec<job::Count>,
    /// Events waiting to be recorded in this process.
    pub backlog: u64,
    /// Events put aside because they could not be recorded.
    pub quarantined: u64,
    /// Jobs that gave up and wait for somebody.
    pub dead: u64,
}

/// The state of the database.
#[derive(Debug, Clone)]
pub struct Database {
    /// `SQLite` or `PostgreSQL`.
    pub engine: &'static str,
    /// Its size, logs included.
    pub size_bytes: u64,
    /// Why it is not healthy, if so.
    pub trouble: Option<String>,
}

/// The state of something outside or embedded.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// What it is for: `bus`, `blobs`, `mail`.
    pub name: &'static str,
    /// Which one is in use.
    pub engine: &'static str,
    /// Why it is not healthy, if so.
    pub trouble: Option<String>,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLetter {
    /// Its name in URLs.
    pub name: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The receiver.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text; empty in lists.
    pub text: String,
}

impl App {
    /// The state of the instance. Answers also when parts of it are ill: that is when it is read.
    pub async fn status(&self, actor: &Actor) -> Result<Status, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let trouble = |error: &dyn std::fmt::Display| Some(error.to_string());
        let jobs = job::stats(self.db.read()).await?;
        let dead = jobs
            .iter()
            .filter(|count| count.state == job::State::Dead)
            .map(|count| count.n)
            .sum::<i64>();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            database: Database {
                engine: self.db.engine().as_str(),
                size_bytes: u64::try_from(self.db.size_bytes().await?).unwrap_or(0),
                trouble: self
                    .db
                    .health()
                    .await
                    .err()
                    .and_then(|error| trouble(&error)),
            },
            dependencies: vec![
                Dependency {
                    name: "bus",
                    engine: self.bus.name(),
                    trouble: self
                        .bus
                        .health()
                        .await
                        .err()
                        .and_then(|error| trouble(&error)),
                },
                Dependency {
                    name: "blobs",
                    engine: self.blobs.name(),
                    trouble: self
                        .blobs
                        .health()
                        .await
                        .err()
                        .and_then(|error| trouble(&error)),
                },
                Dependency {
                    name: "mail",
                    engine: if self.outbox.is_some() {
                        "outbox"
                    } else {
                        "smtp"
                    },
                    trouble: self
                        .mailer
                        .health()
                        .await
                        .err()
                        .and_then(|error| trouble(&error)),
                },
            ],
            backlog: self.backlog_now(),
            quarantined: self.activity.quarantined_count(actor).await?,
            dead: u64::try_from(dead).unwrap_or(0),
            jobs,
        })
    }

    /// Whether requests can be served: the database answers. For load balancers; needs no actor.
    pub async fn ready(&self) -> Result<(), AppError> {
        Ok(self.db.health().await?)
    }

    /// The jobs that gave up, newest first.
    pub async fn dead_letters(
        &self,
        actor: &Actor,
        request: &PageRequest,
    ) -> Result<Page<DeadLetter>, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(job::dead_letters(self.db.read(), request).await?)
    }

    /// Makes a dead job run again.
    pub async fn replay_job(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        match job::replay(&mut work, id).await? {
            Replay::Replayed => {}
            Replay::OpenTwin => {
                return Err(AppError::Conflict(
                    "the same job is queued already".to_owned(),
                ));
            }
            Replay::NotDead => return Err(AppError::NotFound),
        }
        work.audit(entry("job.replay", id));
        Ok(work.commit().await?)
    }

    /// Gives a dead job up for good.
    pub async fn discard_job(&self, actor: &Actor, id: JobId) -> Result<(), AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if !job::discard(&mut work, id).await? {
            return Err(AppError::NotFound);
        }
        work.audit(entry("job.discard", id));
        Ok(work.commit().await?)
    }

    /// The mails of the outbox, newest first; empty where mail goes to a server.
    pub async fn outbox(
        &self,
        actor: &Actor,
        request: &PageRequest,
    ) -> Result<Page<OutboxLetter>, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let Some(outbox) = &self.outbox else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let page = outbox.list(request).await.map_err(AppError::Mail)?;
        Ok(page.map(|mail| OutboxLetter {
            name: mail.id.to_string(),
            sent_at: mail.id.sent_at(),
            to: mail.to,
            subject: mail.subject,
            text: String::new(),
        }))
    }

    /// One mail of the outbox.
    pub async fn outbox_mail(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<Option<OutboxLetter>, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let (Some(outbox), Ok(id)) = (&self.outbox, name.parse::<OutboxId>()) else {
            return Ok(None);
        };
        let mail = outbox.read(id).await.map_err(AppError::Mail)?;
        Ok(mail.map(|mail| OutboxLetter {
            name: id.to_string(),
            sent_at: id.sent_at(),
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
        }))
    }

    /// The audit log, newest first.
    pub async fn audit(
        &self,
        actor: &Actor,
        request: &PageRequest,
    ) -> Result<Page<audit::Record>, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        let before = request.cursor().map(|cursor| cursor.id);
        let rows = audit::latest(self.db.read(), None, before, request.fetch()).await?;
        Ok(Page::from_rows(rows, request, |row| Cursor {
            key: String::new(),
            id: row.seq,
        }))
    }

    /// Checks every link of the audit chain.
    pub async fn verify_audit(&self, actor: &Actor) -> Result<audit::Verdict, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(audit::verify(self.db.read()).await?)
    }
}

fn entry(action: &'static str, id: JobId) -> Entry {
    Entry {
        action,
        object: format!("job:{id}"),
        community: None,
        detail: serde_json::json!({}),
    }
}
