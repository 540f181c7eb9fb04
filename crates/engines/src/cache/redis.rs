//! The cache that all processes share: Redis (or Valkey). The server bounds its memory (`maxmemory`
//! with an `allkeys-…` policy); every entry here has an end.
//!
//! Must never return an error for a server that is away: that is a miss and one warning per outage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Secret;
use redis::aio::ConnectionManager;
use redis::{Cmd, FromRedisValue, RedisError};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{Cache, Keep, fits, judge};
use crate::redis_link;

/// Longer than this, and the database would have answered.
const PATIENCE: Duration = Duration::from_millis(250);

/// A cache in Redis, under a key prefix.
pub struct RedisCache {
    connection: ConnectionManager,
    prefix: String,
    away: AtomicBool,
}

/// The address of a cache is not one. The address itself is left out: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the Redis address is not like redis://host:6379 or rediss://user:password@host:6380")]
pub struct CacheError(#[source] RedisError);

impl RedisCache {
    /// Opens a cache on `redis://…`, `rediss://…` (TLS) or `redis+unix://…`; connects on first use.
    /// `prefix` (such as `waddlebot:`) comes before every key. Needs a tokio runtime.
    pub fn open(address: &Secret<String>, prefix: &str) -> Result<Self, CacheError> {
        let client = redis_link::client(address).map_err(CacheError)?;
        let connection = redis_link::connection(client).map_err(CacheError)?;
        Ok(Self {
            connection,
            prefix: format!("{prefix}cache:"),
            away: AtomicBool::new(false),
        })
    }

    fn command(&self, name: &str, key: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(format!("{}{key}", self.prefix));
        command
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut connection = self.connection.clone();
        match timeout(PATIENCE, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    info!("the cache in Redis is back");
                }
                Some(answer)
            }
            Ok(Err(error)) => self.miss(&error),
            Err(elapsed) => self.miss(&elapsed),
        }
    }

    fn miss<T>(&self, error: &dyn std::error::Error) -> Option<T> {
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(
                error = %error,
                "the cache in Redis does not answer; everything is worked out anew until it is back"
            );
        }
        None
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Option<Bytes> {
        if !fits(key) {
            return None;
        }
        let found: Option<Vec<u8>> = self.ask(&self.command("GET", key)).await?;
        found.map(Bytes::from)
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        match judge(key, &value, ttl) {
            Keep::For(ttl) => {
                let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                let mut set = self.command("SET", key);
                set.arg(value.as_ref()).arg("PX").arg(millis);
                let _: Option<()> = self.ask(&set).await;
            }
            Keep::Nothing => self.remove(key).await,
        }
    }

    async fn remove(&self, key: &str) {
        if fits(key) {
            let _: Option<i64> = self.ask(&self.command("DEL", key)).await;
        }
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}
