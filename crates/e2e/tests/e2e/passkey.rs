//! A passkey's life in a browser whose device is simulated by the browser itself: added, used to sign in
//! instead of a password, used in place of a code, refused, and missing where there is no JavaScript.

use anyhow::{Context, Result, ensure};
use e2e::{Audit, Device, Look, Scheme, Sight, Tab, on_named};

use super::{
    person::{code, switch_on},
    setup::{EMAIL, PASSWORD, set_up, sign_in, sign_out},
};

/// Looks at the page that is open, light and dark, on a laptop and on a phone.
async fn look(audit: &mut Audit, tab: &Tab, name: &str) -> Result<()> {
    for look in [Look::DESKTOP, Look::PHONE] {
        for scheme in [Scheme::Light, Scheme::Dark] {
            let look = look.in_scheme(scheme);
            tab.look(look).await?;
            let place = format!("{name}-{}-{}", look.width, scheme.as_str());
            let sight = Sight {
                place: &place,
                look,
                except: None,
            };
            audit.look(tab, sight).await?;
            tab.shoot(&place).await?;
        }
    }
    tab.look(Look::DESKTOP).await
}

/// Presses the button of a passkey and waits for the words that it did not work.
async fn press_in_vain(tab: &Tab, form: &str) -> Result<String> {
    tab.click(&format!("{form} button")).await?;
    let said = format!("{form} [data-passkey-said]");
    tab.see(&format!(
        "document.querySelector(\"{said}\").checkVisibility()"
    ))
    .await?;
    tab.text(&said).await
}

const TO_ADD: &str = "form[action='/me/security/passkeys']";
const TO_SIGN_IN: &str = "form[action='/login/passkey']";
const AS_SECOND: &str = "form[action='/login/2fa/passkey']";
const TO_CONFIRM: &str = "form[action='/me/confirm/passkey']";

#[test]
fn somebody_adds_a_passkey_and_signs_in_with_it() -> Result<()> {
    on_named(async |program, browser| {
        let mut audit = Audit::default();
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;
        let device = Device::plug_in(&tab).await?;

        tab.open("/me/security").await?;
        device.verifies(false).await?;
        let said = press_in_vain(&tab, TO_ADD).await?;
        ensure!(said.contains("Nothing happened"), "{said}");
        look(&mut audit, &tab, "passkey-cancelled").await?;
        device.verifies(true).await?;
        tab.fill("#passkey-name", "My laptop").await?;
        tab.press("Enter").await?;
        tab.arrive("/me/security?done=passkey-added").await?;
        ensure!(tab.text("main tbody th").await? == "My laptop");
        look(&mut audit, &tab, "passkey-added").await?;
        // The device makes no second one.
        let said = press_in_vain(&tab, TO_ADD).await?;
        ensure!(said.contains("has a passkey"), "{said}");
        tab.open("/me/security").await?;
        tab.submit("main tbody a").await?;
        look(&mut audit, &tab, "passkey-one").await?;
        sign_out(&tab).await?;

        device.answers(false).await?;
        tab.open("/login?return_to=/me/verification").await?;
        look(&mut audit, &tab, "passkey-login").await?;
        // The form has the keys: Enter on the button.
        device.answers(true).await?;
        let focused: bool = tab
            .eval(&format!(
                "(() => {{ const button = document.querySelector(\"{TO_SIGN_IN} button\"); button?.focus(); return document.activeElement === button; }})()"
            ))
            .await?;
        if focused {
            // The browser may have signed in beside the name meanwhile, which is as good.
            tab.press("Enter").await?;
        }
        tab.arrive("/me/verification").await?;
        ensure!(tab.text("main tbody tr").await?.contains("passkey"));

        let (secret, _) = switch_on(&tab).await?;
        sign_out(&tab).await?;
        device.answers(false).await?;
        tab.open("/login").await?;
        sign_in(&tab, PASSWORD).await?;
        ensure!(tab.path().await?.starts_with("/login/2fa"));
        look(&mut audit, &tab, "passkey-second").await?;
        device.answers(true).await?;
        tab.submit(&format!("{AS_SECOND} button")).await?;
        tab.arrive("/").await?;
        tab.open("/me/verification").await?;
        ensure!(tab.text("main tbody tr").await?.contains("passkey"));

        // The app works as before.
        let other = browser.tab(program.base(), Look::DESKTOP).await?;
        other.open("/login").await?;
        sign_in(&other, PASSWORD).await?;
        other
            .fill("#code", &code(&other, &secret, 30).await?)
            .await?;
        other.submit("form[action='/login/2fa'] button").await?;
        other.arrive("/").await?;
        other.close().await?;

        audit.verdict()?;
        tab.close().await
    })
}

#[test]
fn something_sensitive_is_confirmed_with_a_passkey_once_the_session_is_old() -> Result<()> {
    on_named(async |program, browser| {
        let mut audit = Audit::default();
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;
        let device = Device::plug_in(&tab).await?;
        tab.open("/me/security").await?;
        tab.fill("#passkey-name", "My laptop").await?;
        tab.press("Enter").await?;
        tab.arrive("/me/security?done=passkey-added").await?;
        let asking = "/me/confirm?return_to=/me/keys";
        tab.open(asking).await?;
        ensure!(
            tab.path().await? == "/me/keys",
            "a fresh session is asked for nothing"
        );

        let older = "UPDATE session SET created_at = created_at - 600000000";
        ensure!(testkit::statement(&program.database(), older).await == 1);
        tab.open(asking).await?;
        ensure!(tab.path().await?.starts_with("/me/confirm"));
        look(&mut audit, &tab, "passkey-confirm").await?;
        device.verifies(false).await?;
        let said = press_in_vain(&tab, TO_CONFIRM).await?;
        ensure!(said.contains("Nothing happened"), "{said}");
        device.verifies(true).await?;
        tab.submit(&format!("{TO_CONFIRM} button")).await?;
        tab.arrive("/me/keys").await?;
        tab.open(asking).await?;
        ensure!(tab.path().await? == "/me/keys", "it is fresh again");
        tab.open("/me/verification").await?;
        ensure!(tab.text("main tbody tr").await?.contains("passkey"));
        audit.verdict()?;
        tab.close().await
    })
}

#[test]
fn without_javascript_or_a_device_the_other_ways_are_offered() -> Result<()> {
    on_named(async |program, browser| {
        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        set_up(&tab, &program.link("/setup?token=")?).await?;
        sign_out(&tab).await?;
        let device = Device::plug_in(&tab).await?;
        tab.open("/login").await?;
        let said = press_in_vain(&tab, TO_SIGN_IN).await?;
        ensure!(said.contains("use another way"), "{said}");
        device.unplug().await?;
        tab.close().await?;

        let tab = browser.tab(program.base(), Look::DESKTOP).await?;
        tab.without_scripts().await?;
        tab.open("/login").await?;
        let words = tab.text("main").await.context("the sign-in page")?;
        ensure!(words.contains("A passkey needs JavaScript"), "{words}");
        ensure!(!words.contains("Sign in with a passkey"), "{words}");
        tab.fill("#email", EMAIL).await?;
        tab.fill("#password", PASSWORD).await?;
        tab.submit("main button[type=submit]").await?;
        ensure!(tab.text("h1").await? == "Communities");
        tab.open("/me/security").await?;
        let words = tab.text("main").await?;
        ensure!(words.contains("needs JavaScript"), "{words}");
        tab.close().await
    })
}
