//! Pages for those who run the instance: status, failed jobs and events put aside, the mail outbox,
//! the audit log. Others get «not allowed».

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::{ErrorCode, JobId, PageRequest, Permission, Timestamp};
use serde::Deserialize;

use crate::{
    display::{self, When, when},
    error::PageError,
    layout::{self, Place, Section, Shell},
    paging::{self, next_href},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Rows on a page.
const ROWS: u32 = 50;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Paging {
    after: Option<String>,
}

impl Paging {
    fn request(&self) -> Result<PageRequest, PageError> {
        paging::asked(self.after.as_deref(), ROWS)
    }

    const fn is_later(&self) -> bool {
        self.after.is_some()
    }
}

pub(crate) async fn shell(
    face: &Face,
    viewer: &Viewer,
    title: &str,
    section: Section,
) -> Result<Shell, PageError> {
    if viewer
        .actor
        .require_instance(Permission::OperateInstance)
        .is_err()
    {
        return Err(PageError::new(
            ErrorCode::Forbidden,
            "This page is for instance administrators. Whoever set WaddleBot up is one.",
        ));
    }
    let place = Place {
        title,
        section,
        community: None,
    };
    Shell::new(face, viewer, place).await
}

#[derive(Template)]
#[template(path = "admin.html")]
struct StatusPage {
    shell: Shell,
    version: &'static str,
    started: When,
    engine: &'static str,
    size: String,
    parts: Vec<Part>,
    backlog: String,
    quarantined: u64,
    dead: u64,
    jobs: Vec<JobRow>,
}

struct Part {
    name: &'static str,
    engine: &'static str,
    trouble: Option<String>,
}

struct JobRow {
    kind: String,
    state: &'static str,
    n: String,
    due: When,
}

/// `GET /admin`
pub(crate) async fn status(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let shell = shell(&face, &viewer, "Status", Section::Status).await?;
    let status = face.app.status(&viewer.actor).await?;
    let now = face.app.clock.now();
    let database = Part {
        name: "database",
        engine: status.database.engine,
        trouble: status.database.trouble,
    };
    let others = status.dependencies.into_iter().map(|d| Part {
        name: d.name,
        engine: d.engine,
        trouble: d.trouble,
    });
    layout::page(&StatusPage {
        shell,
        version: status.version,
        started: when(now, status.started_at),
        engine: status.database.engine,
        size: display::bytes(status.database.size_bytes),
        parts: std::iter::once(database).chain(others).collect(),
        backlog: display::count(status.backlog),
        quarantined: status.quarantined,
        dead: status.dead,
        jobs: status
            .jobs
            .into_iter()
            .map(|count| JobRow {
                kind: count.kind,
                state: count.state.as_str(),
                n: display::count(u64::try_from(count.n).unwrap_or(0)),
                due: when(now, count.oldest_due),
            })
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "admin_jobs.html")]
struct JobsPage {
    shell: Shell,
    letters: Vec<Letter>,
    aside: Vec<Aside>,
    is_later_page: bool,
    next_href: Option<String>,
}

struct Letter {
    id: JobId,
    kind: String,
    payload: String,
    reason: String,
    attempts: i32,
    died: When,
}

struct Aside {
    at: When,
    platform: &'static str,
    event_id: String,
    reason: String,
}

/// `GET /admin/jobs`
pub(crate) async fn jobs(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    let shell = shell(&face, &viewer, "Failed jobs", Section::Jobs).await?;
    let page = face
        .app
        .dead_letters(&viewer.actor, &paging.request()?)
        .await?;
    let now = face.app.clock.now();
    let aside = if paging.is_later() {
        Vec::new()
    } else {
        face.app.activity.quarantined(&viewer.actor).await?
    };
    layout::page(&JobsPage {
        shell,
        is_later_page: paging.is_later(),
        next_href: next_href("/admin/jobs", page.next.as_ref()),
        letters: page
            .items
            .into_iter()
            .map(|letter| Letter {
                id: letter.id,
                kind: letter.kind,
                payload: letter.payload,
                reason: letter.reason,
                attempts: letter.attempts,
                died: when(now, letter.died_at),
            })
            .collect(),
        aside: aside
            .into_iter()
            .map(|event| Aside {
                at: when(now, event.at),
                platform: event.platform.label(),
                event_id: event.event_id,
                reason: event.reason,
            })
            .collect(),
    })
}

fn job_id(text: &str) -> Result<JobId, PageError> {
    text.parse().ok().ok_or_else(PageError::not_found)
}

/// `POST /admin/jobs/{id}/replay`
pub(crate) async fn replay(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    face.app.replay_job(&viewer.actor, job_id(&id)?).await?;
    Ok(Redirect::to("/admin/jobs?done=replayed").into_response())
}

/// `POST /admin/jobs/{id}/discard`
pub(crate) async fn discard(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    face.app.discard_job(&viewer.actor, job_id(&id)?).await?;
    Ok(Redirect::to("/admin/jobs?done=discarded").into_response())
}

#[derive(Template)]
#[template(path = "admin_mail.html")]
struct MailPage {
    shell: Shell,
    letters: Vec<Mail>,
    is_later_page: bool,
    next_href: Option<String>,
}

struct Mail {
    name: String,
    to: String,
    subject: String,
    sent: When,
}

#[derive(Template)]
#[template(path = "admin_letter.html")]
struct LetterPage {
    shell: Shell,
    to: String,
    subject: String,
    sent: When,
    text: String,
}

/// `GET /admin/mail`
pub(crate) async fn mail(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    let shell = shell(&face, &viewer, "Mail", Section::Mail).await?;
    let page = face.app.outbox(&viewer.actor, &paging.request()?).await?;
    let now = face.app.clock.now();
    layout::page(&MailPage {
        shell,
        is_later_page: paging.is_later(),
        next_href: next_href("/admin/mail", page.next.as_ref()),
        letters: page
            .items
            .into_iter()
            .map(|letter| Mail {
                sent: when(now, letter.sent_at),
                name: letter.name,
                to: letter.to,
                subject: letter.subject,
            })
            .collect(),
    })
}

/// `GET /admin/mail/{name}`
pub(crate) async fn letter(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let shell = shell(&face, &viewer, "A mail", Section::Mail).await?;
    let letter = face
        .app
        .outbox_mail(&viewer.actor, &name)
        .await?
        .ok_or_else(PageError::not_found)?;
    layout::page(&LetterPage {
        shell,
        sent: when(face.app.clock.now(), letter.sent_at),
        to: letter.to,
        subject: letter.subject,
        text: letter.text,
    })
}

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct AuditPage {
    shell: Shell,
    records: Vec<Entry>,
    is_later_page: bool,
    next_href: Option<String>,
}

struct Entry {
    seq: String,
    at: When,
    actor: String,
    action: String,
    object: String,
    community: Option<i32>,
    detail: String,
    /// Seals the entry and the one before; shown as the title of the number.
    hash: String,
}

/// `GET /admin/audit`
pub(crate) async fn audit(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Query(paging): Query<Paging>,
) -> Result<Response, PageError> {
    let shell = shell(&face, &viewer, "Audit log", Section::Audit).await?;
    let page = face.app.audit(&viewer.actor, &paging.request()?).await?;
    let now = face.app.clock.now();
    layout::page(&AuditPage {
        shell,
        is_later_page: paging.is_later(),
        next_href: next_href("/admin/audit", page.next.as_ref()),
        records: page
            .items
            .into_iter()
            .map(|record| Entry {
                seq: display::count(u64::try_from(record.seq).unwrap_or(0)),
                at: when(now, Timestamp(record.at)),
                actor: record.actor,
                action: record.action,
                object: record.object,
                community: record.community_id,
                detail: if record.detail == "{}" {
                    String::new()
                } else {
                    record.detail
                },
                hash: record.hash,
            })
            .collect(),
    })
}
