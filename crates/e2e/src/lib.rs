//! What the browser tests stand on: the built program on a free port, one Chromium, and tabs that report every
//! console error. Only `tests/e2e.rs` uses this crate. It must never read the program's insides: what a test knows, it
//! has seen in a page. It must never download a browser.

mod audit;
mod browser;
mod console;
mod device;
mod links;
mod outside;
mod program;
mod shared;
mod tab;
mod wait;

pub use audit::{Audit, Sight};
pub use browser::{Browser, Look, Scheme};
pub use device::Device;
pub use links::{Crawl, crawl};
pub use program::Program;
pub use tab::Tab;
pub use wait::until;

use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use shared::Shared;
use tokio::runtime::Runtime;

/// All tests share it, because the connection to the browser lives on it.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
});
static BROWSER: Shared<Browser> = Shared::new();
static DEMO: Shared<Demo> = Shared::new();

fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().context("starting the async runtime")
}

/// A running `waddlebot demo` and a session of its administrator.
#[derive(Debug)]
pub struct Demo {
    program: Program,
    session: tab::Session,
    browser: Arc<Browser>,
}

impl Demo {
    fn start(browser: Arc<Browser>) -> Result<Self> {
        let program = Program::start("demo", "/login/link?token=")?;
        let session = runtime()?.block_on(async {
            let tab = browser.tab(program.base(), Look::DESKTOP).await?;
            tab.open(&program.link("/login/link?token=")?).await?;
            tab.submit("main button[type=submit]").await?;
            let session = tab.session().await?;
            tab.close().await?;
            anyhow::Ok(session)
        })?;
        Ok(Self {
            program,
            session,
            browser,
        })
    }

    /// A new tab that is signed in as the administrator.
    pub async fn tab(&self, look: Look) -> Result<Tab> {
        let tab = self.stranger(look).await?;
        tab.resume(&self.session).await?;
        Ok(tab)
    }

    /// A new tab that is not signed in.
    pub async fn stranger(&self, look: Look) -> Result<Tab> {
        self.browser.tab(self.program.base(), look).await
    }
}

/// Runs a test on the demo, which all tests that run at the same time share. Skips, and says so, where the program or
/// the browser is absent.
pub fn on_demo(test: impl AsyncFnOnce(&Demo) -> Result<()>) -> Result<()> {
    let Some(outside) = outside::find() else {
        return Ok(());
    };
    let browser = BROWSER.get(|| Browser::launch(&outside.chromium))?;
    let demo = DEMO.get(|| Demo::start(Arc::clone(&browser)))?;
    runtime()?.block_on(test(&demo))
}

/// Like [`on_fresh`], reached by a name instead of an address of numbers, as passkeys need it.
pub fn on_named(test: impl AsyncFnOnce(&Program, &Browser) -> Result<()>) -> Result<()> {
    let Some(outside) = outside::find() else {
        return Ok(());
    };
    let browser = BROWSER.get(|| Browser::launch(&outside.chromium))?;
    let program = Program::start_named("serve", "/setup?token=", "localhost")?;
    runtime()?.block_on(test(&program, &browser))
}

/// Runs a test on a `waddlebot serve` of its own, with an empty data directory. Skips like [`on_demo`].
pub fn on_fresh(test: impl AsyncFnOnce(&Program, &Browser) -> Result<()>) -> Result<()> {
    let Some(outside) = outside::find() else {
        return Ok(());
    };
    let browser = BROWSER.get(|| Browser::launch(&outside.chromium))?;
    let program = Program::start("serve", "/setup?token=")?;
    runtime()?.block_on(test(&program, &browser))
}
