//! The meter that all processes share: Redis (or Valkey). Each window is a key of its own that ends
//! with it.
//!
//! Must never let a server that is away take the limits along: this process then counts by itself
//! until it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Secret, Timestamp};
use redis::RedisError;
use redis::aio::ConnectionManager;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{MemoryMeter, Meter, Quota, Reading, window};
use crate::redis_link;

/// A caller waits no longer than this to be counted.
const PATIENCE: Duration = Duration::from_millis(250);
/// Keys counted here while the server is away.
const KEYS_ALONE: u64 = 20_000;

/// Takes ARGV[1] of the ARGV[2] units under KEYS[1], in one step of the server.
const TAKE: &str = "\
local used = tonumber(redis.call('GET', KEYS[1]) or '0') \
local units = tonumber(ARGV[1]) \
if used + units > tonumber(ARGV[2]) then return {0, used} end \
if units > 0 then \
  used = redis.call('INCRBY', KEYS[1], ARGV[1]) \
  redis.call('PEXPIRE', KEYS[1], ARGV[3]) \
end \
return {1, used}";

/// A meter in Redis, under a key prefix.
pub struct RedisMeter {
    connection: ConnectionManager,
    prefix: String,
    alone: MemoryMeter,
    away: AtomicBool,
}

/// The address of a meter is not one. The address itself is left out: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the Redis address is not like redis://host:6379 or rediss://user:password@host:6380")]
pub struct MeterError(#[source] RedisError);

impl RedisMeter {
    /// Opens a meter on `redis://…`, `rediss://…` (TLS) or `redis+unix://…`; connects on first use.
    /// `prefix` (such as `waddlebot:`) comes before every key. Needs a tokio runtime.
    pub fn open(address: &Secret<String>, prefix: &str) -> Result<Self, MeterError> {
        let client = redis_link::client(address).map_err(MeterError)?;
        let connection = redis_link::connection(client).map_err(MeterError)?;
        Ok(Self {
            connection,
            prefix: format!("{prefix}meter:"),
            alone: MemoryMeter::new(KEYS_ALONE),
            away: AtomicBool::new(false),
        })
    }

    async fn ask(
        &self,
        key: &str,
        units: u64,
        quota: Quota,
        now: Timestamp,
    ) -> Result<Reading, Box<dyn std::error::Error + Send + Sync>> {
        let window = window(quota, now);
        let mut command = redis::cmd("EVAL");
        command
            .arg(TAKE)
            .arg(1)
            .arg(format!("{}{key}@{}", self.prefix, window.number))
            .arg(units)
            .arg(quota.limit)
            .arg(window.left_ms);
        let mut connection = self.connection.clone();
        let answer = timeout(PATIENCE, command.query_async(&mut connection)).await?;
        let (granted, used): (u8, u64) = answer?;
        Ok(Reading {
            is_granted: granted == 1,
            used,
            resets_at: window.resets_at,
        })
    }
}

#[async_trait]
impl Meter for RedisMeter {
    async fn take(&self, key: &str, units: u64, quota: Quota, now: Timestamp) -> Reading {
        match self.ask(key, units, quota, now).await {
            Ok(reading) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    info!("the meter in Redis is back");
                }
                reading
            }
            Err(error) => {
                if !self.away.swap(true, Ordering::Relaxed) {
                    warn!(
                        error = %error,
                        "the meter in Redis does not answer; each process counts by itself until it is back"
                    );
                }
                self.alone.take(key, units, quota, now).await
            }
        }
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}
