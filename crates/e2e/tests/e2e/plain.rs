//! The ways without JavaScript: every read and every form.

use anyhow::{Result, ensure};
use e2e::{Look, on_demo, on_fresh};

use super::setup::{PASSWORD, set_up, sign_in, sign_out};

#[test]
fn set_up_and_sign_in_need_no_scripts() -> Result<()> {
    on_fresh(async |program, browser| {
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        tab.without_scripts().await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;
        ensure!(tab.text("h1").await? == "Communities");
        sign_out(&tab).await?;
        tab.open("/login").await?;
        sign_in(&tab, "not the password").await?;
        ensure!(tab.text("[data-error-summary]").await?.contains("wrong"));
        sign_in(&tab, PASSWORD).await?;
        ensure!(tab.text("h1").await? == "Communities");
        tab.close().await
    })
}

#[test]
fn health_members_and_chat_can_be_read_without_scripts() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.without_scripts().await?;
        tab.open("/c/pixel-harbour/health?period=7d").await?;
        ensure!(tab.count("#messages svg").await? >= 1);
        tab.submit(".chips a[href*='30d']").await?;
        ensure!(tab.path().await?.contains("30d"));
        tab.click("#messages details.data > summary").await?;
        tab.see("document.querySelector('#messages details.data').open")
            .await?;
        ensure!(tab.count("#messages details.data tbody tr").await? >= 28);

        // In an order that new messages do not change.
        tab.open("/c/pixel-harbour/members?sort=first&dir=asc")
            .await?;
        let first = tab.text("table.members tbody th").await?;
        tab.submit("nav.pages a[rel=next]").await?;
        ensure!(tab.text("table.members tbody th").await? != first);
        tab.submit("nav.pages a").await?;
        ensure!(tab.text("table.members tbody th").await? == first);
        tab.fill("#q", &first).await?;
        tab.submit("form.filters button[type=submit]").await?;
        ensure!(tab.path().await?.contains("q="));
        ensure!(tab.text("table.members tbody").await?.contains(&first));

        tab.open("/c/pixel-harbour/chat").await?;
        ensure!(tab.count("ol.chat > li").await? >= 10);
        tab.submit(".live a").await?;
        ensure!(tab.count("ol.chat > li").await? >= 10);
        // A button that would do nothing is not there.
        ensure!(
            !tab.eval::<bool>("document.querySelector('[data-pause]').checkVisibility()")
                .await?
        );
        tab.close().await
    })
}

#[test]
fn the_menu_of_a_phone_opens_without_scripts() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::PHONE).await?;
        tab.without_scripts().await?;
        tab.open("/c/pixel-harbour/health").await?;
        ensure!(
            !tab.eval::<bool>("document.querySelector('#sidebar').checkVisibility()")
                .await?
        );
        tab.click(".menu-button").await?;
        tab.see("document.querySelector('#sidebar').checkVisibility()")
            .await?;
        tab.submit("#sidebar a[href='/c/pixel-harbour/members']")
            .await?;
        ensure!(tab.text("h1").await? == "Members");
        tab.close().await
    })
}
