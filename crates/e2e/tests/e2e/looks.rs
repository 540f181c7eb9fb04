//! Every page on a laptop and on a phone, light and dark: no complaint, one h1, no sideways scrolling, no serious fault
//! of accessibility. Pictures of all of them go to `target/shots`.

use anyhow::{Result, ensure};
use e2e::{Audit, Look, Scheme, Sight, Tab, on_demo, on_fresh};

use super::setup::set_up;

/// A page: name of its pictures, path, status.
type Page = (&'static str, &'static str, u16);

/// Pages of a community.
const COMMUNITY: &[Page] = &[
    ("health", "/c/pixel-harbour/health", 200),
    ("health-week", "/c/pixel-harbour/health?period=7d", 200),
    ("health-all", "/c/pixel-harbour/health?period=all", 200),
    (
        "health-quiet",
        "/c/pixel-harbour/health?from=2004-01-01&until=2004-02-01",
        200,
    ),
    ("members", "/c/pixel-harbour/members", 200),
    (
        "members-nobody",
        "/c/pixel-harbour/members?q=nobody+is+called+this",
        200,
    ),
    ("reputation", "/c/pixel-harbour/reputation", 200),
    (
        "members-suggestions",
        "/c/pixel-harbour/members/suggestions",
        200,
    ),
    (
        "members-suspicious",
        "/c/pixel-harbour/members/suspicious",
        200,
    ),
    ("bots", "/c/pixel-harbour/bots", 200),
    ("bots-queue", "/c/pixel-harbour/bots/queue", 200),
    ("bots-settings", "/c/pixel-harbour/bots/settings", 200),
    ("bots-channel", "/c/pixel-harbour/bots/channel", 200),
    ("chat", "/c/pixel-harbour/chat", 200),
    ("settings", "/c/pixel-harbour/settings", 200),
    ("connections", "/c/pixel-harbour/settings/connections", 200),
    ("not-found", "/c/pixel-harbour/nowhere", 404),
];

/// Pages of a person and of the instance.
const INSTANCE: &[Page] = &[
    ("communities", "/", 200),
    ("community-new", "/communities/new", 200),
    ("me", "/me", 200),
    ("me-keys", "/me/keys", 200),
    ("me-security", "/me/security", 200),
    ("me-verification", "/me/verification", 200),
    ("me-email", "/me/email", 200),
    ("me-accounts", "/me/accounts", 200),
    ("forgot", "/forgot", 200),
    ("me-profile", "/me/profile", 200),
    ("me-activity", "/me/activity", 200),
    ("me-privacy", "/me/privacy", 200),
    ("me-data", "/me/data", 200),
    ("me-merge", "/me/merge", 200),
    ("admin", "/admin", 200),
    ("admin-jobs", "/admin/jobs", 200),
    ("admin-merges", "/admin/merges", 200),
    ("admin-mail", "/admin/mail", 200),
    ("admin-audit", "/admin/audit", 200),
    ("admin-api", "/admin/api", 200),
    ("api-docs", "/api/docs", 200),
    ("api-docs-rest", "/api/docs/rest/members", 200),
    ("api-docs-graphql", "/api/docs/graphql", 200),
];

const SIGNED_OUT: &[Page] = &[
    ("welcome", "/", 200),
    ("login", "/login", 200),
    ("login-link", "/login/link?token=spent", 200),
    ("not-found-stranger", "/nowhere", 404),
];

/// Pages of an instance with one community in which nobody has said anything.
const EMPTY: &[Page] = &[
    ("empty-health", "/c/the-pond/health", 200),
    ("empty-members", "/c/the-pond/members", 200),
    ("empty-bots", "/c/the-pond/bots", 200),
    ("empty-bots-queue", "/c/the-pond/bots/queue", 200),
    ("empty-chat", "/c/the-pond/chat", 200),
    ("empty-settings", "/c/the-pond/settings", 200),
    ("empty-connections", "/c/the-pond/settings/connections", 200),
    ("empty-mail", "/admin/mail", 200),
];

async fn check(audit: &mut Audit, tab: &Tab, look: Look, pages: &[Page]) -> Result<()> {
    for (name, path, status) in pages {
        tab.look(look).await?;
        tab.open(path).await?;
        let actual = tab.status().await?;
        ensure!(actual == *status, "{path} answered {actual}");
        both_schemes(audit, tab, look, name).await?;
    }
    Ok(())
}

/// The page that is open, in both schemes.
async fn both_schemes(audit: &mut Audit, tab: &Tab, look: Look, name: &str) -> Result<()> {
    in_part(audit, tab, look, name, None).await
}

async fn in_part(
    audit: &mut Audit,
    tab: &Tab,
    look: Look,
    name: &str,
    except: Option<&str>,
) -> Result<()> {
    for scheme in [Scheme::Light, Scheme::Dark] {
        let look = look.in_scheme(scheme);
        tab.look(look).await?;
        let place = format!("{name}-{}-{}", look.width, scheme.as_str());
        let sight = Sight {
            place: &place,
            look,
            except,
        };
        audit.look(tab, sight).await?;
        tab.shoot(&place).await?;
    }
    Ok(())
}

fn community(look: Look) -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(look).await?;
        let mut audit = Audit::default();
        check(&mut audit, &tab, look, COMMUNITY).await?;
        // What is reached by a link or a key only.
        tab.open("/c/pixel-harbour/members").await?;
        tab.submit("table.members a.change").await?;
        both_schemes(&mut audit, &tab, look, "role").await?;
        tab.press("?").await?;
        tab.see("document.querySelector('dialog[data-keys]').open")
            .await?;
        both_schemes(&mut audit, &tab, look, "help").await?;
        tab.close().await?;
        audit.verdict()
    })
}

fn instance(look: Look) -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(look).await?;
        let mut audit = Audit::default();
        check(&mut audit, &tab, look, INSTANCE).await?;
        tab.click("details.menu > summary").await?;
        both_schemes(&mut audit, &tab, look, "menu-person").await?;
        if look.width < 900 {
            tab.open("/").await?;
            tab.click(".menu-button").await?;
            both_schemes(&mut audit, &tab, look, "menu").await?;
        }
        tab.close().await?;
        audit.verdict()
    })
}

fn graphiql(look: Look) -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(look).await?;
        let mut audit = Audit::default();
        tab.open("/graphiql").await?;
        tab.see("document.querySelector('.graphiql-container') !== null")
            .await?;
        // GraphiQL's own parts come from its package as they are.
        let except = Some(".graphiql-container");
        in_part(&mut audit, &tab, look, "graphiql", except).await?;
        tab.close().await?;
        audit.verdict()
    })
}

fn signed_out(look: Look) -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.stranger(look).await?;
        let mut audit = Audit::default();
        check(&mut audit, &tab, look, SIGNED_OUT).await?;
        tab.open("/login/link?token=spent").await?;
        tab.submit("main button[type=submit]").await?;
        both_schemes(&mut audit, &tab, look, "login-link-spent").await?;
        tab.close().await?;
        audit.verdict()
    })
}

fn fresh(look: Look) -> Result<()> {
    on_fresh(async |program, browser| {
        let tab = browser.tab(program.base(), look).await?;
        let mut audit = Audit::default();
        let link = program.link("/setup?token=")?;
        tab.open("/").await?;
        both_schemes(&mut audit, &tab, look, "welcome-fresh").await?;
        tab.open(&link).await?;
        both_schemes(&mut audit, &tab, look, "setup").await?;
        set_up(&tab, &link).await?;
        both_schemes(&mut audit, &tab, look, "communities-none").await?;
        tab.open("/communities/new").await?;
        // The browser lets it pass, the program does not.
        tab.fill("#name", "The Pond").await?;
        tab.fill("#slug", "Not A Slug!").await?;
        tab.submit("main button[type=submit]").await?;
        ensure!(tab.status().await? == 422);
        both_schemes(&mut audit, &tab, look, "community-mistake").await?;
        tab.fill("#slug", "the-pond").await?;
        tab.submit("main button[type=submit]").await?;
        check(&mut audit, &tab, look, EMPTY).await?;
        tab.close().await?;
        audit.verdict()
    })
}

#[test]
fn pages_of_a_community_are_sound_on_a_laptop() -> Result<()> {
    community(Look::DESKTOP)
}

#[test]
fn pages_of_a_community_are_sound_on_a_phone() -> Result<()> {
    community(Look::PHONE)
}

#[test]
fn pages_of_the_instance_are_sound_on_a_laptop() -> Result<()> {
    instance(Look::DESKTOP)
}

#[test]
fn pages_of_the_instance_are_sound_on_a_phone() -> Result<()> {
    instance(Look::PHONE)
}

#[test]
fn graphiql_is_sound_on_a_laptop() -> Result<()> {
    graphiql(Look::DESKTOP)
}

#[test]
fn graphiql_is_sound_on_a_phone() -> Result<()> {
    graphiql(Look::PHONE)
}

#[test]
fn pages_of_strangers_are_sound_on_a_laptop() -> Result<()> {
    signed_out(Look::DESKTOP)
}

#[test]
fn pages_of_strangers_are_sound_on_a_phone() -> Result<()> {
    signed_out(Look::PHONE)
}

#[test]
fn pages_of_a_new_instance_are_sound_on_a_laptop() -> Result<()> {
    fresh(Look::DESKTOP)
}

#[test]
fn pages_of_a_new_instance_are_sound_on_a_phone() -> Result<()> {
    fresh(Look::PHONE)
}

/// Which shades the weeks of the demo have depends on the day: all of them are put on the page.
#[test]
fn every_shade_of_retention_is_legible() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.tab(Look::DESKTOP).await?;
        tab.open("/c/pixel-harbour/health").await?;
        let n: usize = tab
            .eval(
                "document.querySelectorAll('.triangle tbody tr').forEach((row) => row.remove());
                document.querySelector('.triangle tbody').insertAdjacentHTML('beforeend', '<tr>'
                    + [...Array(11).keys()].map((level) => `<td class=\"num r${level}\">${level}0 %</td>`).join('') + '</tr>');
                document.querySelectorAll('.triangle td').length",
            )
            .await?;
        ensure!(n == 11);
        let mut audit = Audit::default();
        both_schemes(&mut audit, &tab, Look::DESKTOP, "retention-shades").await?;
        tab.close().await?;
        audit.verdict()
    })
}

#[test]
fn the_audit_hears_every_kind_of_complaint() -> Result<()> {
    on_demo(async |demo| {
        let tab = demo.stranger(Look::DESKTOP).await?;
        tab.open("/login").await?;
        tab.is_content().await?;
        for (fault, heard) in [
            ("console.error('a duck')", "a duck"),
            (
                "setTimeout(() => { throw new Error('a goose'); })",
                "a goose",
            ),
            ("fetch('/nowhere').then(() => 1)", "404"),
            (
                "document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))",
                "Content Security Policy",
            ),
        ] {
            tab.eval::<Option<serde_json::Value>>(&format!("void ({fault})"))
                .await?;
            e2e::until(heard, async || {
                let complaints = tab.complaints().await?;
                Ok(complaints
                    .iter()
                    .any(|complaint| complaint.contains(heard))
                    .then_some(()))
            })
            .await?;
        }
        tab.eval::<Option<()>>(
            "document.body.insertAdjacentHTML('beforeend', '<h1>two</h1><img src=\"data:,\"><p>wide</p>');
            document.body.lastChild.style.width = '3000px'; null",
        )
        .await?;
        let mut audit = Audit::default();
        let sight = Sight {
            place: "here",
            look: Look::DESKTOP,
            except: None,
        };
        audit.look(&tab, sight).await?;
        let faults = audit.verdict().expect_err("all is well").to_string();
        for fault in ["2 h1", "scrolls sideways", "axe image-alt"] {
            ensure!(faults.contains(fault), "{fault} is not in {faults}");
        }
        Ok(())
    })
}
