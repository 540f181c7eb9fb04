//! The ways without a mouse.

use anyhow::{Result, ensure};
use e2e::{Look, on_demo};

#[test]
fn the_first_tab_stop_skips_to_the_content() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/health").await?;
        tab.press("Tab").await?;
        tab.see("document.activeElement?.matches('a.skip') ?? false")
            .await?;
        // It can be seen once it has the focus.
        tab.see("(() => { const box = document.activeElement.getBoundingClientRect(); return box.top >= 0 && box.left >= 0 && box.width > 1; })()")
            .await?;
        tab.press("Enter").await?;
        tab.see("document.activeElement?.id === 'page'").await?;
        tab.close().await
    })
}

#[test]
fn a_question_mark_opens_the_help_and_escape_closes_it() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/health").await?;
        tab.press("?").await?;
        tab.see("document.querySelector('dialog[data-keys]').open")
            .await?;
        ensure!(tab.count("[data-key-list] div").await? >= 3);
        tab.shoot("keyboard-help").await?;
        tab.press("Escape").await?;
        tab.see("!document.querySelector('dialog[data-keys]').open")
            .await?;
        // Two letters go somewhere.
        tab.press("g").await?;
        tab.press("m").await?;
        tab.arrive("/c/pixel-harbour/members").await?;
        tab.close().await
    })
}

#[test]
fn a_slash_goes_to_the_search_of_the_members() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/members").await?;
        tab.press("/").await?;
        tab.see("document.activeElement?.id === 'q'").await?;
        ensure!(
            tab.eval::<String>("document.querySelector('#q').value")
                .await?
                .is_empty()
        );
        tab.close().await
    })
}
