//! One person's way on the demo, whose platforms are simulated: signing in with Discord, linking Twitch
//! and Slack, a second factor, a merge and its undo, taking the data along, and leaving.

use anyhow::{Context, Result, ensure};
use e2e::{Demo, Look, Tab, on_demo};
use totp_rs::{Builder, Secret};

/// How long a code lives, in seconds.
const STEP: u64 = 30;

/// What an authenticator app shows so many seconds from now, by the browser's clock: the program runs
/// on the same machine.
pub(super) async fn code(tab: &Tab, secret: &str, ahead: u64) -> Result<String> {
    let key = Secret::try_from_base32(secret.replace(' ', "")).context("reading the secret")?;
    let app = Builder::new().with_secret(key).build();
    let app = app.context("making an authenticator app")?;
    let now: u64 = tab.eval("Math.floor(Date.now() / 1000)").await?;
    Ok(app.generate(now + ahead).to_string())
}

/// On a platform's page: says who one is, and allows it. `None` = whoever comes first there.
async fn allow(tab: &Tab, person: Option<&str>) -> Result<()> {
    tab.see("document.querySelector('select[name=user]') !== null")
        .await?;
    if let Some(person) = person {
        let choose = format!(
            "document.querySelector('select[name=user]').value = {}",
            serde_json::to_string(person)?
        );
        let chosen: String = tab.eval(&choose).await?;
        ensure!(chosen == person);
    }
    tab.submit("button").await?;
    // The platform's page has no icon, which is no fault of ours.
    tab.complaints().await?;
    Ok(())
}

async fn to_discord(demo: &Demo) -> Result<Tab> {
    let tab = demo.stranger(Look::DESKTOP).await?;
    tab.open("/login").await?;
    tab.submit("form[action='/login/with/discord'] button")
        .await?;
    Ok(tab)
}

async fn sign_in_with_discord(demo: &Demo, person: &str) -> Result<Tab> {
    let tab = to_discord(demo).await?;
    allow(&tab, Some(person)).await?;
    Ok(tab)
}

/// Signs in the first two whom WaddleBot has heard in chat; nobody else may come in.
async fn sign_two_in(demo: &Demo) -> Result<[(Tab, String); 2]> {
    let tab = to_discord(demo).await?;
    let mut people: Vec<String> = tab
        .eval("[...document.querySelectorAll('select[name=user] option')].map((one) => one.value)")
        .await?;
    tab.complaints().await?;
    tab.close().await?;
    people.sort_unstable();
    let mut found = Vec::new();
    for person in people {
        let tab = sign_in_with_discord(demo, &person).await?;
        if tab.path().await? == "/" {
            found.push((tab, person));
        } else {
            let refusal = tab.text("main").await?;
            ensure!(refusal.contains("Nobody here is known"), "{refusal}");
            tab.close().await?;
        }
        if found.len() == 2 {
            break;
        }
    }
    found
        .try_into()
        .ok()
        .context("two people were heard in chat")
}

async fn link(tab: &Tab, provider: &str, person: Option<&str>) -> Result<()> {
    tab.open("/me/accounts").await?;
    tab.submit(&format!("button[value='{provider}']")).await?;
    // The simulated Twitch asks nothing: one is signed in there.
    if !tab.path().await?.starts_with("/me/") {
        allow(tab, person).await?;
    }
    Ok(())
}

/// Switches the second factor on; answers its secret and a recovery code.
pub(super) async fn switch_on(tab: &Tab) -> Result<(String, String)> {
    tab.open("/me/security").await?;
    tab.submit("form[action='/me/security/totp'] button")
        .await?;
    ensure!(tab.count(".qr svg").await? == 1, "a QR code is drawn");
    tab.is_content().await?;
    let secret: String = tab
        .eval("[...document.querySelectorAll('main code')].find((one) => one.closest('p')?.innerText.startsWith('Secret')).innerText")
        .await?;
    tab.fill("#code", &code(tab, &secret, 0).await?).await?;
    tab.submit("form[action='/me/security/totp/confirm'] button")
        .await?;
    ensure!(tab.count(".codes li").await? == 10);
    let recovery = tab.text(".codes li code").await?;
    Ok((secret, recovery))
}

#[test]
fn somebody_signs_in_links_protects_merges_takes_their_data_and_leaves() -> Result<()> {
    on_demo(async |demo| {
        // The other one turns out to be an older account of the same person.
        let [(tab, me), (older, also_me)] = sign_two_in(demo).await?;
        older.close().await?;
        link(&tab, "twitch", None).await?;
        tab.arrive("/me/accounts?done=linked").await?;
        link(&tab, "slack", None).await?;
        tab.arrive("/me/accounts?done=linked").await?;
        ensure!(tab.count("main tbody tr").await? == 3);

        let (secret, recovery) = switch_on(&tab).await?;
        tab.close().await?;
        // The provider alone signs nobody in any more.
        let tab = sign_in_with_discord(demo, &me).await?;
        ensure!(tab.path().await?.starts_with("/login/2fa"));
        tab.open("/me").await?;
        ensure!(tab.path().await?.starts_with("/login"));
        tab.open("/login/2fa").await?;
        tab.fill("#code", &code(&tab, &secret, STEP).await?).await?;
        tab.submit("main button[type=submit]").await?;
        tab.arrive("/").await?;
        let other = sign_in_with_discord(demo, &me).await?;
        other.submit("a[href^='/login/recovery']").await?;
        other.fill("#code", &recovery).await?;
        other.submit("main button[type=submit]").await?;
        other.arrive("/").await?;
        other.close().await?;

        link(&tab, "discord", Some(&also_me)).await?;
        ensure!(tab.path().await?.starts_with("/me/merge"));
        tab.submit("form[action$='/confirm'] button").await?;
        tab.arrive("/me/merge?done=merged").await?;
        tab.open("/me/accounts").await?;
        ensure!(tab.count("main tbody tr").await? == 4);
        tab.open("/me/merge").await?;
        tab.submit("form[action$='/undo'] button").await?;
        tab.arrive("/me/merge?done=unmerged").await?;
        tab.open("/me/accounts").await?;
        ensure!(tab.count("main tbody tr").await? == 3);

        tab.open("/me/data").await?;
        tab.submit("form[action='/me/data/export'] button").await?;
        e2e::until("the export is ready", async || {
            tab.reload().await?;
            let n = tab.count("form[action^='/me/data/exports/']").await?;
            Ok((n > 0).then_some(()))
        })
        .await?;
        tab.fill("#word", "erase").await?;
        tab.submit("form[action='/me/data/erase'] button").await?;
        tab.arrive("/me/data?done=erasure").await?;
        tab.submit("form[action='/me/data/erase/cancel'] button")
            .await?;
        tab.arrive("/me/data?done=erasure-cancelled").await?;
        tab.is_content().await?;
        tab.close().await
    })
}
