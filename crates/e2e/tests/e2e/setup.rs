//! The way of somebody who starts WaddleBot for the first time.

use anyhow::{Result, ensure};
use e2e::{Look, Tab, on_fresh};

/// What the first administrator types.
pub(super) const EMAIL: &str = "ann@pond.example";
/// Long enough.
pub(super) const PASSWORD: &str = "four ducks in a row";

/// Fills in the set-up form that the printed link opens, and sends it.
pub(super) async fn set_up(tab: &Tab, link: &str) -> Result<()> {
    tab.open(link).await?;
    tab.fill("#display_name", "Ann Duck").await?;
    tab.fill("#email", EMAIL).await?;
    tab.fill("#password", PASSWORD).await?;
    tab.submit("main button[type=submit]").await
}

/// Fills in the sign-in form and sends it.
pub(super) async fn sign_in(tab: &Tab, password: &str) -> Result<()> {
    tab.fill("#email", EMAIL).await?;
    tab.fill("#password", password).await?;
    tab.submit("main button[type=submit]").await
}

/// Presses «Sign out» in the menu of the person.
pub(super) async fn sign_out(tab: &Tab) -> Result<()> {
    tab.click("details.menu > summary").await?;
    tab.submit("form[action='/logout'] button").await
}

#[test]
fn the_first_administrator_sets_up_makes_a_community_and_signs_in_again() -> Result<()> {
    on_fresh(async |program, browser| {
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;

        // The empty list says what to do.
        ensure!(tab.text("h1").await? == "Communities");
        ensure!(
            tab.text("section.empty")
                .await?
                .contains("waddlebot import")
        );
        tab.submit("section.empty a.button").await?;
        tab.arrive("/communities/new").await?;
        tab.fill("#name", "The Pond").await?;
        tab.fill("#description", "Where ducks talk").await?;
        tab.submit("main button[type=submit]").await?;
        ensure!(tab.path().await?.starts_with("/c/the-pond"));
        tab.open("/").await?;
        ensure!(tab.text(".cards h2 a").await? == "The Pond");

        sign_out(&tab).await?;
        ensure!(tab.count("details.menu").await? == 0);
        tab.open("/").await?;
        tab.submit("main a.button").await?;
        tab.arrive("/login").await?;

        // A wrong password: the same form with a message, the address kept, the password not.
        sign_in(&tab, "not the password").await?;
        ensure!(tab.status().await? == 422);
        tab.see("document.activeElement?.matches('[data-error-summary]') ?? false")
            .await?;
        ensure!(tab.text("[data-error-summary]").await?.contains("wrong"));
        ensure!(
            tab.eval::<String>("document.querySelector('#email').value")
                .await?
                == EMAIL
        );
        ensure!(
            tab.eval::<String>("document.querySelector('#password').value")
                .await?
                .is_empty()
        );

        sign_in(&tab, PASSWORD).await?;
        ensure!(tab.text("h1").await? == "Communities");
        tab.close().await
    })
}

#[test]
fn a_page_asked_for_before_signing_in_comes_after_it() -> Result<()> {
    on_fresh(async |program, browser| {
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;
        sign_out(&tab).await?;
        tab.open("/admin/audit").await?;
        ensure!(tab.path().await?.starts_with("/login"));
        sign_in(&tab, PASSWORD).await?;
        tab.arrive("/admin/audit").await?;
        tab.close().await
    })
}
