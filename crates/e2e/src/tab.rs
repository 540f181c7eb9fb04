//! A tab, used as a person uses it: open, click, type, press, read. Scripts run in it only to look, never to do what a
//! person would do with mouse or keys.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::{
            emulation::{
                MediaFeature, SetDeviceMetricsOverrideParams, SetScriptExecutionDisabledParams,
                SetTimezoneOverrideParams,
            },
            input::InsertTextParams,
            network::{CookieParam, SetCookiesParams},
            page::CaptureScreenshotFormat,
        },
        js_protocol::runtime::EvaluateParams,
    },
    layout::Point,
    page::ScreenshotParams,
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    browser::{Look, Scheme},
    console::{Complaint, Console},
    wait::until,
};

/// A session that can be resumed in another tab.
#[derive(Clone, Debug)]
pub(crate) struct Session(Vec<(String, String)>);

/// One tab with its own cookies.
#[derive(Debug)]
pub struct Tab {
    page: Page,
    base: String,
    console: Mutex<Console>,
}

impl Tab {
    pub(crate) async fn new(page: Page, base: &str, look: Look) -> Result<Self> {
        let console = Mutex::new(Console::new(&page).await?);
        let tab = Self {
            page,
            base: base.to_owned(),
            console,
        };
        tab.look(look).await?;
        Ok(tab)
    }

    pub(crate) const fn page(&self) -> &Page {
        &self.page
    }

    /// Changes the screen.
    pub async fn look(&self, look: Look) -> Result<()> {
        let is_phone = look.width < 600;
        let screen = SetDeviceMetricsOverrideParams::new(look.width, look.height, 1.0, is_phone);
        self.page.execute(screen).await?;
        self.scheme(look.scheme).await
    }

    /// Changes the system's colours. Nothing moves, so that every picture is of a page at rest.
    pub async fn scheme(&self, scheme: Scheme) -> Result<()> {
        let features = vec![
            MediaFeature::new("prefers-color-scheme", scheme.as_str()),
            MediaFeature::new("prefers-reduced-motion", "reduce"),
        ];
        self.page.emulate_media_features(features).await?;
        Ok(())
    }

    /// Moves the viewer into a time zone, for the pages opened from now on.
    pub async fn zone(&self, name: &str) -> Result<()> {
        self.page
            .execute(SetTimezoneOverrideParams::new(name))
            .await?;
        Ok(())
    }

    /// Switches scripts off for the pages opened from now on.
    pub async fn without_scripts(&self) -> Result<()> {
        self.page
            .execute(SetScriptExecutionDisabledParams::new(true))
            .await?;
        Ok(())
    }

    /// Opens a path of the program, or a whole address, and waits until it is loaded.
    pub async fn open(&self, path: &str) -> Result<()> {
        let address = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        };
        let go = format!("location.assign({}); null", json!(address));
        self.leave(async || self.eval::<Option<()>>(&go).await.map(drop))
            .await
            .with_context(|| format!("opening {path}"))
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Result<()> {
        let go = "location.reload(); null";
        self.leave(async || self.eval::<Option<()>>(go).await.map(drop))
            .await
    }

    /// Goes back, as the browser's button does.
    pub async fn back(&self) -> Result<()> {
        let before = self.path().await?;
        self.eval::<Option<()>>("history.back()").await?;
        until("the page before", async || {
            Ok((self.path().await? != before).then_some(()))
        })
        .await?;
        self.loaded().await
    }

    /// Clicks something that leads to another page, and waits until that is loaded.
    pub async fn submit(&self, selector: &str) -> Result<()> {
        self.leave(async || self.click(selector).await)
            .await
            .with_context(|| format!("going on by {selector}"))
    }

    async fn leave(&self, act: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        self.eval::<bool>("window.isOldPage = true").await?;
        act().await?;
        self.see("window.isOldPage === undefined && document.readyState === 'complete'")
            .await
    }

    async fn loaded(&self) -> Result<()> {
        self.see("document.readyState === 'complete'").await
    }

    /// Clicks in the middle of the first element that matches, once it is there and nothing lies over it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let place = format!(
            "(() => {{
                const element = [...document.querySelectorAll({})].find((one) => one.checkVisibility());
                if (!element) return null;
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = element.getClientRects()[0];
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return element.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
            }})()",
            json!(selector)
        );
        let (x, y): (f64, f64) = until(&format!("{selector} can be clicked"), async || {
            self.eval(&place).await
        })
        .await?;
        self.page.click(Point::new(x, y)).await?;
        Ok(())
    }

    /// Types into a field, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let chosen: bool = self
            .eval(&format!(
                "(() => {{
                    const field = document.querySelector({});
                    field?.focus();
                    field?.select();
                    return document.activeElement === field;
                }})()",
                json!(selector)
            ))
            .await?;
        ensure!(chosen, "there is no field {selector}");
        self.page.execute(InsertTextParams::new(text)).await?;
        Ok(())
    }

    /// Presses a key, by its name in the DOM.
    pub async fn press(&self, key: &str) -> Result<()> {
        self.page.find_element("body").await?.press_key(key).await?;
        Ok(())
    }

    /// Waits until an expression holds.
    pub async fn see(&self, expression: &str) -> Result<()> {
        let seen = until(expression, async || {
            Ok(self.eval::<bool>(expression).await?.then_some(()))
        })
        .await;
        match seen {
            Ok(()) => Ok(()),
            Err(error) => {
                let path = self.path().await.unwrap_or_default();
                Err(error.context(format!("on {path}")))
            }
        }
    }

    /// Waits until the page's path and query are these.
    pub async fn arrive(&self, path: &str) -> Result<()> {
        self.see(&format!(
            "location.pathname + location.search === {}",
            json!(path)
        ))
        .await
    }

    /// The page's path and query.
    pub async fn path(&self) -> Result<String> {
        self.eval("location.pathname + location.search").await
    }

    /// The HTTP status that the page came with.
    pub async fn status(&self) -> Result<u16> {
        self.eval("performance.getEntriesByType('navigation')[0].responseStatus")
            .await
    }

    /// The text of the first element that matches, as it is seen.
    pub async fn text(&self, selector: &str) -> Result<String> {
        self.eval::<Option<String>>(&format!(
            "document.querySelector({})?.innerText.trim() ?? null",
            json!(selector)
        ))
        .await?
        .with_context(|| format!("there is no {selector}"))
    }

    /// How many elements match.
    pub async fn count(&self, selector: &str) -> Result<usize> {
        self.eval(&format!(
            "document.querySelectorAll({}).length",
            json!(selector)
        ))
        .await
    }

    /// What an expression is, promises awaited.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let mut params = EvaluateParams::new(expression);
        params.await_promise = Some(true);
        params.return_by_value = Some(true);
        let result = self.page.evaluate_expression(params).await?;
        let value = result.value().cloned().unwrap_or_default();
        serde_json::from_value(value).with_context(|| format!("reading {expression}"))
    }

    /// What the page complained about since it was last asked. That the page itself is a refusal (404), or the answer to
    /// a form with mistakes (422), is no complaint.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let here = format!("{}{}", self.base, self.path().await?);
        let heard = self.console.lock().await.complaints(&self.page).await?;
        Ok(heard
            .into_iter()
            .filter(|complaint| !is_own_status(complaint, &here))
            .map(|Complaint { text, url }| format!("console: {text} {url}"))
            .collect())
    }

    /// Fails if the page complained.
    pub async fn is_content(&self) -> Result<()> {
        let complaints = self.complaints().await?;
        ensure!(
            complaints.is_empty(),
            "{}: {}",
            self.path().await?,
            complaints.join("\n")
        );
        Ok(())
    }

    /// Takes a picture of the whole page into `target/shots`.
    pub async fn shoot(&self, name: &str) -> Result<()> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/shots"));
        std::fs::create_dir_all(&folder).context("making the folder for pictures")?;
        let params = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .full_page(true)
            .build();
        self.page
            .save_screenshot(params, folder.join(format!("{name}.png")))
            .await
            .with_context(|| format!("taking the picture {name}"))?;
        Ok(())
    }

    pub(crate) async fn session(&self) -> Result<Session> {
        let cookies = self.page.get_cookies().await?;
        ensure!(!cookies.is_empty(), "the page set no cookie");
        Ok(Session(
            cookies
                .into_iter()
                .map(|cookie| (cookie.name, cookie.value))
                .collect(),
        ))
    }

    pub(crate) async fn resume(&self, session: &Session) -> Result<()> {
        let cookies = session
            .0
            .iter()
            .map(|(name, value)| {
                let mut cookie = CookieParam::new(name, value);
                cookie.url = Some(self.base.clone());
                cookie
            })
            .collect::<Vec<_>>();
        self.page.execute(SetCookiesParams::new(cookies)).await?;
        Ok(())
    }

    /// Closes the tab, once what it complained about was looked at.
    pub async fn close(self) -> Result<()> {
        self.is_content().await?;
        self.page.close().await?;
        Ok(())
    }
}

fn is_own_status(complaint: &Complaint, here: &str) -> bool {
    complaint.text.starts_with("Failed to load resource")
        && (complaint.url == here || complaint.text.contains("status of 422"))
}
