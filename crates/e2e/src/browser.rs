//! One headless Chromium with a profile of its own. Never uses a browser or a profile that was there before.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, anyhow};
use chromiumoxide::{
    browser::{Browser as Chromium, BrowserConfig},
    cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams},
};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{runtime, tab::Tab};

/// How long starting and ending may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// As CSS calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The screen of a tab.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// In CSS pixels.
    pub width: u16,
    /// In CSS pixels.
    pub height: u16,
    /// The system's colours.
    pub scheme: Scheme,
}

impl Look {
    /// A laptop.
    pub const DESKTOP: Self = Self {
        width: 1280,
        height: 900,
        scheme: Scheme::Light,
    };
    /// A phone.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
        scheme: Scheme::Light,
    };

    /// The same screen in other colours.
    #[must_use]
    pub const fn in_scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }
}

/// A running Chromium, ended when dropped. Must not be dropped inside the runtime.
#[derive(Debug)]
pub struct Browser {
    chromium: Chromium,
    /// Carries what the browser says.
    carrier: JoinHandle<()>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it.
    pub(crate) fn launch(executable: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("waddlebot-chromium-")
            .tempdir()
            .context("making a browser profile")?;
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .user_data_dir(profile.path())
            .new_headless_mode()
            .no_sandbox()
            .viewport(None)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .args([
                "disable-gpu",
                "disable-quic",
                "no-first-run",
                "disable-background-networking",
                "disable-component-update",
                "disable-sync",
            ])
            .build()
            .map_err(|what| anyhow!("configuring the browser: {what}"))?;
        runtime()?.block_on(async {
            let (chromium, mut handler) = Chromium::launch(config)
                .await
                .with_context(|| format!("starting {}", executable.display()))?;
            // A message that this version of the protocol does not know is no fault of the page.
            let carrier = tokio::spawn(async move { while handler.next().await.is_some() {} });
            Ok(Self {
                chromium,
                carrier,
                _profile: profile,
            })
        })
    }

    /// Opens a tab that shares no cookie, cache or storage with any other. Its addresses begin with `base`.
    pub async fn tab(&self, base: &str, look: Look) -> Result<Tab> {
        let context = self
            .chromium
            .create_browser_context(CreateBrowserContextParams::default())
            .await
            .context("making a browser context")?;
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(context);
        let page = self
            .chromium
            .new_page(target)
            .await
            .context("opening a tab")?;
        Tab::new(page, base, look).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            let politely = tokio::time::timeout(PATIENCE, async {
                // An error here means that it is gone already.
                let _ = self.chromium.close().await;
                let _ = self.chromium.wait().await;
            });
            if politely.await.is_err() {
                let _ = self.chromium.kill().await;
            }
        });
        self.carrier.abort();
    }
}
