//! The way of somebody who looks around in the demo.

use anyhow::{Result, ensure};
use e2e::{Look, on_demo};
use serde_json::json;

#[test]
fn the_demo_link_leads_to_four_communities_and_a_health_page_with_every_chart() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/").await?;
        ensure!(tab.count(".cards .card").await? == 4);
        tab.submit(".cards a[href='/c/pixel-harbour/health']")
            .await?;
        ensure!(tab.text("h1").await? == "Health");
        ensure!(tab.count(".tiles .tile").await? >= 4);
        ensure!(tab.count("#messages svg").await? >= 1);
        ensure!(
            tab.count("#hours > svg .cell, #hours > :not(ul) svg .cell")
                .await?
                == 168
        );
        ensure!(tab.count("#retention table.triangle tbody tr").await? >= 2);
        // The same numbers are there as words.
        ensure!(tab.count("figure").await? >= 3);
        ensure!(tab.count("figure:not(:has(figcaption))").await? == 0);
        ensure!(tab.count("figure:not(:has(table caption))").await? == 0);
        ensure!(
            tab.count("svg[role=img]:not(:has(title)):not([aria-label])")
                .await?
                == 0
        );
        tab.close().await
    })
}

#[test]
fn a_chosen_period_is_in_the_address_and_stays_on_reload() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/health?period=7d").await?;
        let week = tab.text("main .head").await?;
        tab.click(".chips a[href*='30d']").await?;
        tab.see("location.search.includes('30d')").await?;
        tab.see("document.querySelector('.chips [aria-current]')?.getAttribute('href').includes('30d') ?? false")
            .await?;
        let month = (tab.path().await?, tab.text(".tiles").await?.lines().count());
        ensure!(tab.text("main .head").await? != week);
        ensure!(tab.count("h1").await? == 1);
        tab.reload().await?;
        ensure!((tab.path().await?, tab.text(".tiles").await?.lines().count()) == month);
        tab.back().await?;
        tab.see("location.search.includes('7d')").await?;
        tab.see("document.querySelector('.chips [aria-current]')?.getAttribute('href').includes('7d') ?? false")
            .await?;
        tab.close().await
    })
}

#[test]
fn members_are_searched_sorted_and_paged_and_back_works() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        let column = "[...document.querySelectorAll('table.members tbody tr')].map((row) => Number(row.querySelector('td.num').innerText.replaceAll(',', '')))";
        tab.open("/c/pixel-harbour/members").await?;
        let everybody: Vec<String> = tab.eval(NAMES).await?;
        ensure!(everybody.len() > 10, "{everybody:?}");

        // Sorted by messages, most first, whatever the order was.
        tab.open("/c/pixel-harbour/members?sort=name").await?;
        tab.click("th a.sort[href*='sort=messages']").await?;
        tab.see("location.search.includes('sort=messages')").await?;
        tab.see("document.querySelector('th[aria-sort=descending] a.sort, th[aria-sort=ascending] a.sort')?.innerText.startsWith('Messages') ?? false")
            .await?;
        let mut sorted: Vec<i64> = tab.eval(column).await?;
        let shown = sorted.clone();
        sorted.sort_unstable();
        if shown.first() > shown.last() {
            sorted.reverse();
        }
        ensure!(shown == sorted, "{shown:?}");

        // The next page has other people; back brings the first ones. In an order that new messages do not change.
        tab.open("/c/pixel-harbour/members?sort=first&dir=asc")
            .await?;
        let first: Vec<String> = tab.eval(PEOPLE).await?;
        tab.click("nav.pages a[rel=next]").await?;
        tab.see(&format!("({PEOPLE})[0] !== {}", json!(first[0])))
            .await?;
        let second: Vec<String> = tab.eval(PEOPLE).await?;
        let twice: Vec<&String> = second.iter().filter(|id| first.contains(id)).collect();
        ensure!(twice.is_empty(), "on both pages: {twice:?}");
        tab.back().await?;
        let shown = json!(serde_json::to_string(&first)?);
        tab.see(&format!("JSON.stringify({PEOPLE}) === {shown}"))
            .await?;

        // The search follows the typing, without a button.
        let names: Vec<String> = tab.eval(NAMES).await?;
        tab.fill("#q", &names[0].to_lowercase()).await?;
        tab.see("location.search.includes('q=')").await?;
        tab.see(&format!(
            "({NAMES}).length > 0 && ({NAMES}).length < {}",
            names.len()
        ))
        .await?;
        let found: Vec<String> = tab.eval(NAMES).await?;
        ensure!(found.contains(&names[0]), "{found:?}");
        tab.reload().await?;
        ensure!(tab.eval::<Vec<String>>(NAMES).await? == found);
        tab.fill("#q", "nobody is called this").await?;
        tab.see("document.querySelector('section.empty h2') !== null")
            .await?;
        tab.close().await
    })
}

/// Who is in the members' table; two people can have the same name.
const PEOPLE: &str =
    "[...document.querySelectorAll('table.members a.change')].map((link) => link.pathname)";
/// The names in the members' table.
const NAMES: &str =
    "[...document.querySelectorAll('table.members tbody th')].map((cell) => cell.innerText.trim())";

#[test]
fn chat_follows_what_is_said_until_it_is_paused() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/chat").await?;
        tab.see("document.querySelector('[data-live-state]').dataset.liveState === 'live'")
            .await?;
        let last = "document.querySelector('ol.chat > li:last-child').id";
        let before: String = tab.eval(last).await?;
        tab.see(&format!("{last} !== {}", json!(before))).await?;

        tab.click("[data-pause]").await?;
        tab.see("document.querySelector('[data-pause]').getAttribute('aria-pressed') === 'true'")
            .await?;
        let paused: String = tab.eval(last).await?;
        tab.see("!document.querySelector('[data-more]').hidden")
            .await?;
        ensure!(tab.eval::<String>(last).await? == paused);
        ensure!(tab.text("[data-more]").await?.contains("new"));

        tab.click("[data-pause]").await?;
        tab.see(&format!("{last} !== {}", json!(paused))).await?;
        ensure!(tab.text("[data-pause]").await? == "Pause");
        tab.close().await
    })
}

#[test]
fn every_message_stands_below_its_date_in_the_viewers_zone() -> Result<()> {
    // Names of the messages that stand below another day than theirs.
    const STRAYS: &str = r#"(() => {
        const style = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
        const strays = [];
        let day = "";
        for (const row of document.querySelectorAll("ol.chat > li")) {
            const time = row.querySelector("time");
            if (row.classList.contains("day")) day = time.textContent;
            else if (new Intl.DateTimeFormat(undefined, style).format(new Date(time.dateTime)) !== day) strays.push(row.id);
        }
        return strays;
    })()"#;
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        // Half past six in the evening in UTC is midnight there.
        tab.zone("Asia/Kolkata").await?;
        tab.open("/c/pixel-harbour/chat").await?;
        let mut n_days = 0;
        for _ in 0..60 {
            let strays: Vec<String> = tab.eval(STRAYS).await?;
            ensure!(strays.is_empty(), "below another day: {strays:?}");
            n_days = n_days.max(tab.count("ol.chat > li.day").await?);
            if n_days > 1 {
                break;
            }
            let earlier: String = tab
                .eval("document.querySelector('.earlier a').getAttribute('href')")
                .await?;
            tab.open(&earlier).await?;
        }
        ensure!(n_days > 1, "no page reached over midnight");
        tab.close().await
    })
}

#[test]
fn graphiql_loads_and_its_endpoint_answers_who_is_signed_in() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/graphiql").await?;
        tab.see("document.querySelector('.graphiql-container') !== null")
            .await?;
        let answer: serde_json::Value = tab
            .eval(
                "fetch('/graphql', {
                    method: 'POST',
                    headers: { 'content-type': 'application/json' },
                    body: JSON.stringify({ query: '{ me { displayName } }' }),
                }).then((answer) => answer.json())",
            )
            .await?;
        ensure!(
            answer == json!({ "data": { "me": { "displayName": "Demo" } } }),
            "{answer}"
        );
        tab.close().await
    })
}

#[test]
fn graphiql_runs_its_first_query_at_the_press_of_its_button() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/graphiql").await?;
        tab.click("button.graphiql-execute-button").await?;
        tab.see(
            "document.querySelector('.result-window')?.innerText.includes('displayName') ?? false",
        )
        .await?;
        tab.close().await
    })
}

#[test]
fn administrators_see_the_state_and_the_audit_log() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/admin").await?;
        ensure!(tab.text("h1").await? == "Status");
        ensure!(tab.text("main").await?.contains("healthy"));
        ensure!(tab.count("main .tag.bad").await? == 0);
        tab.open("/admin/audit").await?;
        ensure!(tab.count("main tbody tr").await? >= 1);

        let stranger = demo.stranger(Look::DESKTOP).await?;
        stranger.open("/admin/audit").await?;
        ensure!(stranger.path().await?.starts_with("/login"));
        stranger.close().await?;
        tab.close().await
    })
}
