//! For tests: where the outside engines are, a clock set by hand, and a link that can be cut.
//!
//! Tests of outside engines use what `cargo xtask test` starts, named in the environment. Without it
//! they say on stderr that they are skipped, and fail if `WADDLEBOT_TEST_REQUIRE_ALL` is set.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kernel::{Clock, Secret, Timestamp};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// The Redis server for tests, such as `redis://127.0.0.1:4711`.
pub(crate) fn redis() -> Option<Secret<String>> {
    engine("WADDLEBOT_TEST_REDIS").map(Secret::new)
}

/// The S3 server for tests, such as `http://127.0.0.1:4712`.
#[cfg(feature = "s3")]
pub(crate) fn s3() -> Option<String> {
    engine("WADDLEBOT_TEST_S3")
}

fn engine(variable: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    assert!(
        std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_none(),
        "{variable} is not set"
    );
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    // Not through the macro, which the test harness swallows.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {variable} is not set");
    None
}

/// A name of its own for everything a test puts into a shared engine.
pub(crate) fn unique(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

/// Fails the test instead of hanging it.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work)
        .await
        .expect("happens within 20 seconds")
}

/// A clock that stands until it is moved.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now.0)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.store(self.now().plus(by).0, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A TCP link to an engine that the test can cut and mend.
pub(crate) struct Link {
    port: u16,
    whole: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Link {
    pub(crate) async fn to(address: &Secret<String>) -> Self {
        let target = url::Url::parse(address.expose()).unwrap();
        let target = (
            target.host_str().unwrap().to_owned(),
            target.port().unwrap_or(6379),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let whole = watch::Sender::new(true);
        let state = whole.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut state = state.subscribe();
                let target = target.clone();
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        // First, so that nothing slips through after the cut.
                        biased;
                        _ = state.wait_for(|whole| !whole) => {}
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Self {
            port,
            whole,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(crate) fn address(&self) -> Secret<String> {
        Secret::new(format!("redis://127.0.0.1:{}", self.port))
    }

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

/// An address at which nothing listens: a port that was just given back.
pub(crate) async fn nowhere() -> Secret<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    Secret::new(format!("redis://127.0.0.1:{port}"))
}
