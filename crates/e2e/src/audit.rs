//! The rules for every page: it complains about nothing, has one heading of the first level, does not scroll sideways,
//! and axe finds nothing serious. Knows no page by name.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    browser::{Look, Scheme},
    tab::Tab,
};

/// <https://github.com/dequelabs/axe-core>, see `vendor/vendor.toml`.
const AXE: &str = include_str!("../vendor/axe.min.js");

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// What the report calls it.
    pub place: &'a str,
    /// How the tab shows it.
    pub look: Look,
    /// A part that somebody else made and axe leaves out; a CSS selector.
    pub except: Option<&'a str>,
}

/// The faults found so far, each with the places where it was.
#[derive(Debug, Default)]
pub struct Audit(BTreeMap<String, Vec<String>>);

#[derive(Deserialize)]
struct Layout {
    headings: usize,
    wide: Vec<String>,
}

#[derive(Deserialize)]
struct Violation {
    id: String,
    impact: Option<String>,
    help: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    target: String,
    summary: String,
}

impl Audit {
    /// Looks at the page that the tab shows.
    pub async fn look(&mut self, tab: &Tab, sight: Sight<'_>) -> Result<()> {
        let place = sight.place;
        self.found(place, tab.complaints().await?);
        let layout: Layout = tab
            .eval(&LAYOUT.replace("WIDTH", &sight.look.width.to_string()))
            .await
            .context("measuring the page")?;
        if layout.headings != 1 {
            self.found(
                place,
                vec![format!("{} h1 instead of one", layout.headings)],
            );
        }
        self.found(
            place,
            layout
                .wide
                .into_iter()
                .map(|what| format!("scrolls sideways because of {what}"))
                .collect(),
        );
        for violation in axe(tab, sight).await? {
            let impact = violation.impact.unwrap_or_default();
            if !["serious", "critical"].contains(&impact.as_str()) {
                continue;
            }
            let mut text = format!("axe {} ({impact}): {}", violation.id, violation.help);
            for node in violation.nodes.iter().take(3) {
                let _ = write!(text, "\n      {}: {}", node.target, node.summary);
            }
            if violation.nodes.len() > 3 {
                let _ = write!(text, "\n      and {} more", violation.nodes.len() - 3);
            }
            self.found(place, vec![text]);
        }
        // The checker itself must not make the page complain.
        self.found(place, tab.complaints().await?);
        Ok(())
    }

    fn found(&mut self, place: &str, faults: Vec<String>) {
        for fault in faults {
            self.0.entry(fault).or_default().push(place.to_owned());
        }
    }

    /// Fails with the list of faults, if there are any.
    pub fn verdict(self) -> Result<()> {
        let mut report = format!("{} faults:", self.0.len());
        for (fault, places) in &self.0 {
            let _ = write!(report, "\n  {fault}\n    on {}", places.join(", "));
        }
        ensure!(self.0.is_empty(), "{report}");
        Ok(())
    }
}

/// Counts headings and names what is wider than the screen (the outermost elements, at most three).
const LAYOUT: &str = "(() => {
    const room = Math.min(WIDTH, document.documentElement.clientWidth);
    const wide = [];
    if (document.documentElement.scrollWidth > room) {
        for (const element of document.body.querySelectorAll('*')) {
            if (wide.length === 3) break;
            if (element.getBoundingClientRect().right <= room + 1) continue;
            let around = element.parentElement;
            while (around && getComputedStyle(around).overflowX === 'visible') around = around.parentElement;
            if (around && around !== document.body && around !== document.documentElement) continue;
            wide.push(element.outerHTML.slice(0, 120));
        }
        if (wide.length === 0) wide.push('something that cannot be named');
    }
    return { headings: document.querySelectorAll('h1').length, wide };
})()";

/// Everything in light; in dark only what depends on colours, the rest being the same page.
async fn axe(tab: &Tab, sight: Sight<'_>) -> Result<Vec<Violation>> {
    if !tab.eval::<bool>("'axe' in window").await? {
        tab.eval::<Option<()>>(&format!("{AXE};null"))
            .await
            .context("loading axe")?;
    }
    let rules = match sight.look.scheme {
        Scheme::Light => "{}",
        Scheme::Dark => "{ runOnly: ['color-contrast', 'link-in-text-block'] }",
    };
    let context = match sight.except {
        Some(selector) => json!({ "exclude": [[selector]] }).to_string(),
        None => "document".to_owned(),
    };
    let run = RUN.replace("RULES", rules).replace("CONTEXT", &context);
    tab.eval(&run).await.context("running axe")
}

/// Runs axe and keeps of its findings what a person needs.
const RUN: &str = "axe.run(CONTEXT, { resultTypes: ['violations'], ...RULES }).then((found) => found.violations.map((one) => ({
    id: one.id,
    impact: one.impact,
    help: one.help,
    nodes: one.nodes.map((node) => ({
        target: node.target.join(' '),
        summary: (node.failureSummary ?? '').split('\\n').slice(1, 3).map((line) => line.trim()).join('; '),
    })),
})))";
