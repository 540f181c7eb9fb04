//! The instance, for those who run it: `/instance`. Whether it answers at all: `/health`.
//!
//! Must never show the text of a mail to a key: letters hold links that sign somebody in.

use std::sync::Arc;

use activity::Quarantined;
use app::{AuditVerdict, OutboxLetter, Status};
use axum::{Json, extract::State, http::StatusCode};
use kernel::{JobId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::Path,
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// That the instance answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: String,
}

/// The state of the instance.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusView {
    /// The program's version.
    version: String,
    /// When this process started.
    started_at: Moment,
    /// `SQLite` or `PostgreSQL`.
    database: String,
    /// The size of the database in bytes, logs included.
    database_size_bytes: u64,
    /// The database, bus, files and mail.
    parts: Vec<PartView>,
    /// Jobs by kind and state.
    jobs: Vec<JobCount>,
    /// Events that wait to be recorded in this process.
    backlog: u64,
    /// Events put aside because they could not be recorded.
    quarantined: u64,
    /// Jobs that gave up and wait for somebody.
    dead: u64,
}

/// A part of the instance.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartView {
    /// What it is for.
    name: String,
    /// Which one is in use.
    engine: String,
    /// Why it is not healthy, if so.
    trouble: Option<String>,
}

/// Jobs of a kind in a state.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobCount {
    /// The kind.
    kind: String,
    /// The state.
    state: String,
    /// How many.
    count: i64,
    /// When the one that is due longest was, or will be, due.
    oldest_due: Moment,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        let database = PartView {
            name: "database".to_owned(),
            engine: status.database.engine.to_owned(),
            trouble: status.database.trouble,
        };
        let others = status.dependencies.into_iter().map(|part| PartView {
            name: part.name.to_owned(),
            engine: part.engine.to_owned(),
            trouble: part.trouble,
        });
        let jobs = status.jobs.into_iter().map(|count| JobCount {
            kind: count.kind,
            state: count.state.as_str().to_owned(),
            count: count.n,
            oldest_due: count.oldest_due.into(),
        });
        Self {
            version: status.version.to_owned(),
            started_at: status.started_at.into(),
            database: status.database.engine.to_owned(),
            database_size_bytes: status.database.size_bytes,
            parts: std::iter::once(database).chain(others).collect(),
            jobs: jobs.collect(),
            backlog: status.backlog,
            quarantined: status.quarantined,
            dead: status.dead,
        }
    }
}

/// How GraphQL was used in this process.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// Since when.
    since: Moment,
    /// By operation, most frequent first.
    operations: Vec<OperationView>,
    /// How often each code was answered, most frequent first.
    codes: Vec<CodeCount>,
    /// What took too long, latest first.
    slow: Vec<SlowView>,
    /// API keys that were worth nothing.
    bad_keys: u64,
    /// Sessions that were over, or never were.
    bad_sessions: u64,
    /// Subscriptions that run now.
    subscriptions: usize,
}

/// What is counted under one name.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationView {
    /// The name of the operation.
    name: String,
    /// Requests.
    requests: u64,
    /// Those answered from what was kept.
    kept: u64,
    /// Those that failed or were refused.
    failed: u64,
    /// What all of them cost.
    cost: u64,
    /// Half of them took at most so many milliseconds; absent beyond what is counted.
    p50_ms: Option<u64>,
    /// 99 of 100 took at most so many milliseconds.
    p99_ms: Option<u64>,
}

/// How often a code was answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeCount {
    /// The code.
    code: String,
    /// How often.
    count: u64,
}

/// A request that took too long.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlowView {
    /// When it was answered.
    at: Moment,
    /// The name of its operation.
    operation: String,
    /// The hash of its document.
    document: String,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// What it cost.
    cost: Option<u64>,
}

/// A job that gave up.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadJob {
    /// Its id.
    id: i64,
    /// Its kind.
    kind: String,
    /// What it was given, as JSON text.
    payload: String,
    /// The community it was for.
    community_id: Option<i32>,
    /// How often it was tried.
    attempts: i32,
    /// Why it gave up.
    reason: String,
    /// When it was enqueued.
    created_at: Moment,
    /// When it gave up.
    died_at: Moment,
}

/// An event put aside.
#[derive(Serialize, ToSchema)]
pub(crate) struct AsideView {
    /// Its id here.
    id: i64,
    /// Where it would have counted.
    community_id: i32,
    /// When it was put aside.
    at: Moment,
    /// Its platform.
    platform: PlatformName,
    /// The platform's id of it.
    event_id: String,
    /// Why.
    reason: String,
}

impl From<Quarantined> for AsideView {
    fn from(event: Quarantined) -> Self {
        Self {
            id: event.id,
            community_id: event.community.0,
            at: event.at.into(),
            platform: event.platform.into(),
            event_id: event.event_id,
            reason: event.reason,
        }
    }
}

/// A mail of the outbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailView {
    /// Its name in addresses.
    name: String,
    /// When it was sent.
    sent_at: Moment,
    /// The receiver.
    to: String,
    /// The subject.
    subject: String,
    /// The text; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl MailView {
    fn new(letter: OutboxLetter, has_text: bool) -> Self {
        Self {
            name: letter.name,
            sent_at: letter.sent_at.into(),
            to: letter.to,
            subject: letter.subject,
            text: has_text.then_some(letter.text),
        }
    }
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Its place in the chain, from 1 without gaps.
    seq: i64,
    /// When.
    at: Moment,
    /// Who, such as `user:7`.
    actor: String,
    /// What was done.
    action: String,
    /// To what.
    object: String,
    /// In which community.
    community_id: Option<i32>,
    /// More about it, as JSON text.
    detail: String,
    /// Seals the entry and the one before.
    hash: String,
}

/// Whether the audit log is whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerdictView {
    /// Whether every entry is in place.
    is_intact: bool,
    /// How many entries there are, of a whole log.
    entries: Option<i64>,
    /// The hash of the last one: kept elsewhere it tells whether the chain was written anew.
    head: Option<String>,
    /// The first place that does not fit.
    broken_at: Option<i64>,
    /// What is wrong there.
    reason: Option<String>,
}

/// Whether requests can be answered: the database is there. For load balancers.
#[utoipa::path(get, path = "/health", tag = "instance", security(()), responses((status = 200, body = Health)))]
pub(crate) async fn health(State(face): State<Arc<Face>>) -> Result<Json<Health>, Problem> {
    let status = "ok".to_owned();
    match face.app.ready().await {
        Ok(()) => Ok(Json(Health { status })),
        Err(error) => Err(Problem {
            cause: Some(Arc::new(error)),
            ..Problem::new(
                kernel::ErrorCode::Unavailable,
                "the database does not answer: try again later",
            )
        }),
    }
}

/// The state of the instance. For its administrators.
#[utoipa::path(get, path = "/instance", tag = "instance", responses((status = 200, body = StatusView)))]
pub(crate) async fn status(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<StatusView>, Problem> {
    Ok(Json(face.app.status(&who.actor).await?.into()))
}

/// How GraphQL was used in this process since it began. For administrators of the instance.
#[utoipa::path(get, path = "/instance/usage", tag = "instance", responses((status = 200, body = UsageView)))]
pub(crate) async fn usage(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<UsageView>, Problem> {
    let usage = face.app.api_usage(&who.actor)?;
    let operation = |one: app::api_usage::OperationUsage| OperationView {
        p50_ms: one.within_ms(50),
        p99_ms: one.within_ms(99),
        name: one.name.as_ref().to_owned(),
        requests: one.n,
        kept: one.n_kept,
        failed: one.n_failed,
        cost: one.cost,
    };
    let slow = |one: app::api_usage::SlowRequest| SlowView {
        at: one.at.into(),
        operation: one.operation.as_ref().to_owned(),
        document: one.document,
        took_ms: u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX),
        cost: one.cost,
    };
    let code = |(code, count): (String, u64)| CodeCount { code, count };
    Ok(Json(UsageView {
        since: usage.since.into(),
        operations: usage.operations.into_iter().map(operation).collect(),
        codes: usage.codes.into_iter().map(code).collect(),
        slow: usage.slow.into_iter().map(slow).collect(),
        bad_keys: usage.bad_keys,
        bad_sessions: usage.bad_sessions,
        subscriptions: usage.followers,
    }))
}

/// The jobs that gave up, newest first. For administrators of the instance.
#[utoipa::path(get, path = "/instance/jobs", tag = "instance", params(PageParams), responses((status = 200, body = List<DeadJob>)))]
pub(crate) async fn jobs(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    paging: Paging,
) -> Result<Listed<DeadJob>, Problem> {
    let page = face.app.dead_letters(&who.actor, &paging.request).await?;
    Ok(paging.answer(page, |letter| DeadJob {
        id: letter.id.0,
        kind: letter.kind,
        payload: letter.payload,
        community_id: letter.community.map(|community| community.0),
        attempts: letter.attempts,
        reason: letter.reason,
        created_at: letter.created_at.into(),
        died_at: letter.died_at.into(),
    }))
}

/// Makes a job run again that gave up. For administrators of the instance.
#[utoipa::path(post, path = "/instance/jobs/{id}/replay", tag = "instance", params(("id" = i64, Path, description = "The job's id.")), responses((status = 204)))]
pub(crate) async fn replay(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    face.app.replay_job(&who.actor, JobId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a job up for good. For administrators of the instance.
#[utoipa::path(delete, path = "/instance/jobs/{id}", tag = "instance", params(("id" = i64, Path, description = "The job's id.")), responses((status = 204)))]
pub(crate) async fn discard(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    face.app.discard_job(&who.actor, JobId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The events put aside because they could not be recorded, newest first, at most 100. For
/// administrators of the instance.
#[utoipa::path(get, path = "/instance/quarantine", tag = "instance", responses((status = 200, body = List<AsideView>)))]
pub(crate) async fn quarantine(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<AsideView>>, Problem> {
    let found = face.app.activity.quarantined(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(AsideView::from).collect(),
    ))
}

/// The mails of the outbox, newest first; empty where mail goes to a server. For administrators of the
/// instance.
#[utoipa::path(get, path = "/instance/mails", tag = "instance", params(PageParams), responses((status = 200, body = List<MailView>)))]
pub(crate) async fn mails(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    paging: Paging,
) -> Result<Listed<MailView>, Problem> {
    let page = face.app.outbox(&who.actor, &paging.request).await?;
    Ok(paging.answer(page, |letter| MailView::new(letter, false)))
}

/// A mail of the outbox with its text; needs a session. For administrators of the instance.
#[utoipa::path(get, path = "/instance/mails/{name}", tag = "instance", params(("name" = String, Path, description = "The mail's name.")), responses((status = 200, body = MailView)))]
pub(crate) async fn mail(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(name): Path<String>,
) -> Result<Json<MailView>, Problem> {
    who.session()?;
    let found = face.app.outbox_mail(&who.actor, &name).await?;
    let letter = found.ok_or_else(Problem::not_found)?;
    Ok(Json(MailView::new(letter, true)))
}

/// The audit log, newest first. For administrators of the instance.
#[utoipa::path(get, path = "/instance/audit", tag = "instance", params(PageParams), responses((status = 200, body = List<AuditView>)))]
pub(crate) async fn audit(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    paging: Paging,
) -> Result<Listed<AuditView>, Problem> {
    let page = face.app.audit(&who.actor, &paging.request).await?;
    Ok(paging.answer(page, |record| AuditView {
        seq: record.seq,
        at: Timestamp(record.at).into(),
        actor: record.actor,
        action: record.action,
        object: record.object,
        community_id: record.community_id,
        detail: record.detail,
        hash: record.hash,
    }))
}

/// Checks every link of the audit log's chain. For administrators of the instance.
#[utoipa::path(get, path = "/instance/audit/verification", tag = "instance", responses((status = 200, body = VerdictView)))]
pub(crate) async fn verify(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<VerdictView>, Problem> {
    let view = match face.app.verify_audit(&who.actor).await? {
        AuditVerdict::Intact { entries, head } => VerdictView {
            is_intact: true,
            entries: Some(entries),
            head: Some(head),
            broken_at: None,
            reason: None,
        },
        AuditVerdict::Broken { seq, reason } => VerdictView {
            is_intact: false,
            entries: None,
            head: None,
            broken_at: Some(seq),
            reason: Some(reason),
        },
    };
    Ok(Json(view))
}
