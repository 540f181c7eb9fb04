//! No link leads nowhere.

use anyhow::{Result, ensure};
use e2e::{Look, crawl, on_demo};

#[test]
fn every_link_of_the_demo_answers() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/").await?;
        let found = crawl(&tab, &["/", "/graphiql"]).await?;
        ensure!(
            found.faults.is_empty(),
            "of {} addresses:\n  {}",
            found.visited.len(),
            found.faults.join("\n  ")
        );
        for page in [
            "/c/pixel-harbour/health",
            "/c/pixel-harbour/members",
            "/c/pixel-harbour/reputation",
            "/c/pixel-harbour/chat",
            "/c/pixel-harbour/settings",
            "/admin/audit",
            "/admin/api",
            "/api/docs/graphql",
            "/api/docs/rest/auth",
            "/me",
            "/me/keys",
            "/me/email",
            "/me/security",
            "/me/verification",
            "/me/accounts",
            "/me/profile",
            "/me/activity",
            "/me/privacy",
            "/me/data",
            "/me/merge",
            "/admin/merges",
        ] {
            ensure!(found.visited.contains(page), "nothing links to {page}");
        }
        tab.close().await
    })
}

#[test]
fn strangers_find_no_dead_link() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.stranger(Look::DESKTOP).await?;
        tab.open("/").await?;
        let found = crawl(&tab, &["/", "/login"]).await?;
        ensure!(found.faults.is_empty(), "{}", found.faults.join("\n"));
        tab.close().await
    })
}
