//! Connections that were just used, kept in hand and handed out again, the last used first. The pool has the others.
//!
//! A pool asks a connection whether it lives each time it comes back, and again each time it goes out: a way to the database and back for
//! each. Here nobody asks one that was just used. When one is found to be gone, as after a restart of the server, all that were opened
//! before are gone for whoever comes next: none of them is handed out any more.
//!
//! Must never hand out a connection in the middle of something: one whose statement failed, or whose user went away before the end, goes
//! back to the pool, which looks at it.

use std::{
    collections::VecDeque,
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr,
    sqlx::{
        self, Connection, Database,
        pool::{Pool, PoolConnection},
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// A connection that was not used for so long goes back to the pool, which closes it in the end: each holds memory.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// After so long each goes back to the pool once, which closes those that are old.
const TURN: Duration = Duration::from_secs(600);

/// A connection over a network that was not used for so long is asked whether it lives: what stands between may have forgotten it, and
/// whoever waits for an answer that never comes waits long.
pub(crate) const ASKED_AFTER: Duration = Duration::from_secs(10);

/// When a connection was found to be gone, the last time. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost(Arc<Mutex<Option<Instant>>>);

impl Lost {
    /// One that was there since an instant was just found to be gone. That says nothing new if it was to be expected.
    fn note(&self, opened: Instant) {
        let mut at = self.at();
        if at.is_none_or(|lost| opened > lost) {
            *at = Some(Instant::now());
        }
    }

    /// Whether a connection that is there since an instant may be gone too.
    fn is_from_before(&self, opened: Instant) -> bool {
        self.at().is_some_and(|lost| opened <= lost)
    }

    /// The same of one that is so old.
    pub(crate) fn is_older(&self, age: Duration) -> bool {
        self.at().is_some_and(|lost| lost.elapsed() <= age)
    }

    fn at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of one pool, of which nobody else may take any.
pub(crate) struct Kept<D: Database> {
    pool: Pool<D>,
    /// As many as the pool has connections, so that whoever has one never waits for a connection that is kept.
    permits: Arc<Semaphore>,
    /// Those in hand, the last used at the back.
    idle: Mutex<VecDeque<Idle<D>>>,
    /// How long to wait for a permit, and for an answer.
    timeout: Duration,
    /// After how long one is asked whether it lives; never if nothing stands between.
    asked_after: Option<Duration>,
    lost: Lost,
}

struct Idle<D: Database> {
    /// When the pool gave it: it is no younger.
    taken: Instant,
    used: Instant,
    connection: PoolConnection<D>,
}

/// A connection in use. Dropping it gives it to the pool; whoever came to the end gives it to [`Kept::keep`].
pub(crate) struct Held<D: Database> {
    taken: Instant,
    connection: PoolConnection<D>,
    permit: OwnedSemaphorePermit,
}

impl<D: Database> fmt::Debug for Kept<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl<D: Database> Deref for Held<D> {
    type Target = D::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<D: Database> DerefMut for Held<D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<D: Database> Held<D> {
    /// Closes it, now and without a runtime.
    pub(crate) fn close_at_once(self) {
        drop(self.connection.detach());
    }
}

impl<D: Database> Kept<D> {
    /// Those of a pool of so many connections.
    pub(crate) fn new(pool: Pool<D>, connections: u32, timeout: Duration) -> Self {
        let permits = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            pool,
            permits: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
            timeout,
            asked_after: None,
            lost: Lost::default(),
        }
    }

    /// The same of connections that can be gone, which others find out too.
    pub(crate) fn losing(mut self, lost: Lost) -> Self {
        self.lost = lost;
        self.asked_after = Some(ASKED_AFTER);
        self
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle<D>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, as soon as there is one.
    pub(crate) async fn take(&self) -> Result<Held<D>, DbErr> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        loop {
            // Not in the condition, where the lock would be held to the end.
            let kept = self.idle().pop_back();
            let Some(mut kept) = kept else {
                break;
            };
            if self.lost.is_from_before(kept.taken) {
                discard(kept.connection);
                continue;
            }
            let asks = |after| kept.used.elapsed() >= after;
            if self.asked_after.is_some_and(asks) && !self.lives(&mut kept.connection).await {
                self.lost.note(kept.taken);
                discard(kept.connection);
                continue;
            }
            return Ok(Held {
                taken: kept.taken,
                connection: kept.connection,
                permit,
            });
        }
        let connection = self.pool.acquire().await.map_err(not_acquired)?;
        Ok(Held {
            taken: Instant::now(),
            connection,
            permit,
        })
    }

    /// The same, and it was asked whether it lives.
    pub(crate) async fn take_asked(&self) -> Result<Held<D>, DbErr> {
        let mut held = self.take().await?;
        if self.lives(&mut held).await {
            return Ok(held);
        }
        self.lose(held);
        // It is a new one now.
        self.take().await
    }

    async fn lives(&self, connection: &mut D::Connection) -> bool {
        let answer = tokio::time::timeout(self.timeout, connection.ping()).await;
        matches!(answer, Ok(Ok(())))
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let permits = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.timeout, permits).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    /// Takes back a connection that has nothing left to do.
    pub(crate) fn keep(&self, held: Held<D>) {
        let now = Instant::now();
        let mut idle = self.idle();
        if self.permits.is_closed() || now.duration_since(held.taken) > TURN {
            return;
        }
        idle.push_back(Idle {
            taken: held.taken,
            used: now,
            connection: held.connection,
        });
        let is_old = |kept: &Idle<D>| now.duration_since(kept.used) > KEPT_FOR;
        if idle.front().is_some_and(is_old) {
            // Dropped, it goes to the pool.
            idle.pop_front();
        }
        drop(idle);
        // Only now, so that whoever gets it finds the connection.
        drop(held.permit);
    }

    /// A connection is gone.
    pub(crate) fn lose(&self, held: Held<D>) {
        self.lost.note(held.taken);
        discard(held.connection);
    }

    /// Closes every connection; nothing is done after it.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
        self.pool.close().await;
    }
}

/// The pool would ask it, and complain.
fn discard<D: Database>(mut connection: PoolConnection<D>) {
    connection.close_on_drop();
}

fn not_acquired(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}
