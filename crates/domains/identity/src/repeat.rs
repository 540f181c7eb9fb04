//! Requests that a program may send again because it does not know what became of the first: carried out
//! once for each key, and answered alike for a day.
//!
//! Invariants: of however many with one key exactly one is carried out; what may have been carried out is
//! never carried out again under that key; an answer is only for whom it was made, with no more rights
//! than then. Must never keep a secret: the caller leaves such answers out.

use std::time::Duration;

use kernel::{Actor, Timestamp, UserId};
use store::Work;

use crate::{
    Identity, IdentityError,
    store::repeat::{self as table, Row},
    token,
};

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(86_400);
/// How long a request may be under way; whatever is older ended without telling.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// Requests that are kept of one person; older ones make room.
const KEPT_MAX: i64 = 1_000;
/// Largest answer that is kept, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// A request that may be sent again.
#[derive(Debug, Clone, Copy)]
pub struct Repeatable<'a> {
    /// What it is for, such as `POST /api/v1/merges`.
    pub route: &'a str,
    /// The key that its sender chose.
    pub key: &'a str,
    /// All that it says.
    pub content: &'a [u8],
}

/// What is to be done with a request that may have been sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// Carry it out, then say what became of it.
    First(FirstRequest),
    /// It was carried out: answer the same.
    Done(KeptAnswer),
    /// It is being carried out.
    UnderWay,
    /// Nobody knows whether it was carried out: the program ended meanwhile, or it took too long.
    Unknown,
    /// Something else was sent with this key.
    Differs,
}

/// A request that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstRequest {
    id: String,
    begun_at: Timestamp,
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// JSON, empty for none; `None` if it was not kept.
    pub body: Option<String>,
}

fn id(actor: &Actor, user: UserId, request: &Repeatable<'_>) -> String {
    // A key that is good for one community sees less than its owner: neither gets the other's answers.
    let limit = actor.limit().map_or(0, |community| community.0);
    let (route, key) = (request.route, request.key);
    token::digest(&format!("repeatable:{user}:{limit}:{route}\n{key}"))
}

impl Identity {
    /// Begins a request of somebody who is signed in.
    pub async fn begin_request(
        &self,
        actor: &Actor,
        request: &Repeatable<'_>,
    ) -> Result<Repeat, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let work = self.own_work(actor).await?;
        let now = work.now();
        let row = Row {
            id: id(actor, user, request),
            user,
            content_hash: token::digest_bytes(request.content),
            begun_at: now,
        };
        if table::insert(work.conn(), &row, now.minus(KEPT_FOR)).await? {
            table::make_room(work.conn(), user, KEPT_MAX).await?;
            work.commit().await?;
            return Ok(Repeat::First(FirstRequest {
                id: row.id,
                begun_at: now,
            }));
        }
        let known = table::by_id(work.conn(), &row.id).await?;
        let Some(known) = known else {
            // It was refused and forgotten this very moment.
            return Ok(Repeat::UnderWay);
        };
        if known.content_hash != row.content_hash {
            return Ok(Repeat::Differs);
        }
        Ok(match known.status {
            Some(status) => Repeat::Done(KeptAnswer {
                status: u16::try_from(status).unwrap_or(500),
                body: known.answer,
            }),
            None if now.since(Timestamp(known.begun_at)) < UNDER_WAY => Repeat::UnderWay,
            None => Repeat::Unknown,
        })
    }

    /// Says what a request was answered. An answer that is too large is left out.
    pub async fn finish_request(
        &self,
        actor: &Actor,
        request: &FirstRequest,
        answer: &KeptAnswer,
    ) -> Result<(), IdentityError> {
        let work = self.own_work(actor).await?;
        let place = (request.id.as_str(), request.begun_at);
        let body = answer.body.as_deref();
        let body = body.filter(|body| body.len() <= ANSWER_MAX);
        let status = i16::try_from(answer.status).unwrap_or(500);
        table::finish(work.conn(), place, status, body).await?;
        Ok(work.commit().await?)
    }

    /// Says that a request changed nothing: the next one with its key is carried out.
    pub async fn forget_request(
        &self,
        actor: &Actor,
        request: &FirstRequest,
    ) -> Result<(), IdentityError> {
        let work = self.own_work(actor).await?;
        let place = (request.id.as_str(), request.begun_at);
        table::forget(work.conn(), place).await?;
        Ok(work.commit().await?)
    }

    async fn own_work(&self, actor: &Actor) -> Result<Work, IdentityError> {
        let work = self.db.begin(actor, self.clock.now()).await?;
        Ok(work.reaching(::store::Reach::Nothing))
    }

    /// Removes what is older than a day.
    pub(crate) async fn sweep_requests(work: &Work) -> Result<u64, IdentityError> {
        let before = work.now().minus(KEPT_FOR);
        Ok(table::sweep(work.conn(), before).await?)
    }
}
