//! What a page complained about: errors on its console, exceptions nobody caught, requests that failed, violations of
//! its content security policy. Never drops an entry silently.

use anyhow::{Context, Result};
use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::log::{EventEntryAdded, LogEntryLevel},
        js_protocol::runtime::{
            ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown, RemoteObject,
        },
    },
    listeners::EventStream,
};
use futures_util::{FutureExt, StreamExt};

/// What a mark on the console begins with.
const MARK: &str = "waddlebot-e2e-mark";

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// What was said.
    pub(crate) text: String,
    /// The address it is about; may be empty.
    pub(crate) url: String,
}

/// Listens to one page.
#[derive(Debug)]
pub(crate) struct Console {
    entries: EventStream<EventEntryAdded>,
    calls: EventStream<EventConsoleApiCalled>,
    exceptions: EventStream<EventExceptionThrown>,
    heard: Vec<Complaint>,
    n_marks: u64,
}

impl Console {
    /// Begins to listen.
    pub(crate) async fn new(page: &Page) -> Result<Self> {
        let console = Self {
            entries: page.event_listener().await?,
            calls: page.event_listener().await?,
            exceptions: page.event_listener().await?,
            heard: Vec::new(),
            n_marks: 0,
        };
        page.enable_log().await?;
        page.enable_runtime().await?;
        Ok(console)
    }

    /// The complaints since the last time it was asked.
    pub(crate) async fn complaints(&mut self, page: &Page) -> Result<Vec<Complaint>> {
        // Once the second mark came through, everything said before the first one has been handed to every listener.
        self.mark(page).await?;
        self.mark(page).await?;
        while let Some(Some(event)) = self.entries.next().now_or_never() {
            if event.entry.level == LogEntryLevel::Error {
                self.heard.push(Complaint {
                    text: event.entry.text.clone(),
                    url: event.entry.url.clone().unwrap_or_default(),
                });
            }
        }
        while let Some(Some(event)) = self.exceptions.next().now_or_never() {
            let details = &event.exception_details;
            let thrown = details.exception.as_ref().map(shown).unwrap_or_default();
            self.heard.push(Complaint {
                text: format!("{} {thrown}", details.text),
                url: details.url.clone().unwrap_or_default(),
            });
        }
        Ok(std::mem::take(&mut self.heard))
    }

    async fn mark(&mut self, page: &Page) -> Result<()> {
        self.n_marks += 1;
        let mark = format!("{MARK} {}", self.n_marks);
        page.evaluate_expression(format!("console.debug('{mark}')"))
            .await
            .context("marking the console")?;
        while let Some(event) = self.calls.next().await {
            let said: Vec<String> = event.args.iter().map(shown).collect();
            if said.first() == Some(&mark) {
                return Ok(());
            }
            if event.r#type == ConsoleApiCalledType::Error
                || event.r#type == ConsoleApiCalledType::Assert
            {
                self.heard.push(Complaint {
                    text: said.join(" "),
                    url: String::new(),
                });
            }
        }
        anyhow::bail!("the page is gone")
    }
}

fn shown(object: &RemoteObject) -> String {
    match (&object.value, &object.description) {
        (Some(serde_json::Value::String(text)), _) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some(description)) => description.clone(),
        (None, None) => object
            .unserializable_value
            .as_ref()
            .map(|value| value.inner().clone())
            .unwrap_or_default(),
    }
}
