//! How this crate talks to Redis: one place for timeouts and reconnecting.
//!
//! Must never block a caller for longer than [`ANSWER_TIMEOUT`], and never print the address, which
//! may hold a password.

use std::time::Duration;

use kernel::Secret;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};

/// How long a command may take, connecting included.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a new connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A client for `redis://`, `rediss://` (TLS) or `redis+unix://`; does not connect yet.
pub(crate) fn client(address: &Secret<String>) -> Result<Client, RedisError> {
    Client::open(address.expose().as_str())
}

/// A connection shared by all callers that reconnects by itself; connects on first use. Requests
/// in flight are bounded; a further one waits, and times out like any other.
pub(crate) fn connection(client: Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_number_of_retries(2)
        .set_max_delay(Duration::from_millis(500))
        .set_concurrency_limit(256);
    ConnectionManager::new_lazy_with_config(client, config)
}
