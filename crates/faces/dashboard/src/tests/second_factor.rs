//! The second factor in the browser: switching it on, signing in with it, and confirming that it is
//! one.

use std::time::Duration;

use kernel::{Clock, Secret};
use testkit::{World, totp_code};

use super::browser::{Answer, Browser};

const PASSWORD: &str = "correct horse battery";

/// The secret that a page shows.
fn secret_on(page: &str) -> Secret<String> {
    let (_, rest) = page.split_once("Secret: <code>").expect("a secret");
    let text = rest.split_once("</code>").unwrap().0;
    Secret::new(text.replace(' ', ""))
}

fn recovery_codes_on(page: &str) -> Vec<String> {
    let all = page.split("<li><code>").skip(1);
    all.map(|rest| rest.split_once("</code>").unwrap().0.to_owned())
        .collect()
}

async fn switch_on(world: &World, browser: &Browser) -> (Secret<String>, Vec<String>) {
    let setup = browser.post("/me/security/totp", &[]).await.expect(200);
    assert!(setup.body.contains("<svg role=\"img\""), "{}", setup.body);
    let secret = secret_on(&setup.body);
    let code = totp_code(&secret, world.clock.now());
    let on = browser
        .post("/me/security/totp/confirm", &[("code", &code)])
        .await
        .expect(200);
    let codes = recovery_codes_on(&on.body);
    assert_eq!(codes.len(), 10, "{}", on.body);
    (secret, codes)
}

async fn password(browser: &Browser, to: &str) -> Answer {
    let fields = [
        ("email", "ann@example.org"),
        ("password", PASSWORD),
        ("return_to", to),
    ];
    browser.post("/login", &fields).await.expect(303)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_switched_on_and_asked_for_when_signing_in() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(page.contains("Switch it on…"), "{page}");
    let wrong = browser
        .post("/me/security/totp/confirm", &[("code", "123456")])
        .await
        .expect(422);
    assert!(wrong.body.contains("begin to switch it on first"));
    let (secret, codes) = switch_on(&world, &browser).await;
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(page.contains("10 of 10 recovery codes"), "{page}");
    assert!(
        !page.contains(secret.expose().as_str()) && !page.contains(&codes[0]),
        "what is secret is shown once"
    );

    let mut elsewhere = Browser::new(&world);
    let begun = password(&elsewhere, "/me/keys?a=b&c=d").await;
    assert_eq!(
        begun.location(),
        "/login/2fa?return_to=/me/keys%3Fa%3Db%26c%3Dd"
    );
    elsewhere.keep(&begun);
    elsewhere.get("/me").await.expect(303);
    let page = elsewhere.get(begun.location()).await.expect(200).body;
    assert!(
        page.contains("autocomplete=\"one-time-code\"") && page.contains("/login/recovery?"),
        "{page}"
    );
    let wrong = elsewhere
        .post("/login/2fa", &[("code", "123456")])
        .await
        .expect(422);
    assert!(wrong.body.contains("wrong or was used"), "{}", wrong.body);
    world.clock.advance(Duration::from_secs(30));
    let code = totp_code(&secret, world.clock.now());
    let fields = [("code", code.as_str()), ("return_to", "/me/keys?a=b&c=d")];
    let done = elsewhere.post("/login/2fa", &fields).await.expect(303);
    assert_eq!(done.location(), "/me/keys?a=b&c=d");
    let mut spent = done.headers.get_all("set-cookie").iter();
    assert!(
        spent.any(|c| c.to_str().unwrap().starts_with("wb_awaited=;")),
        "what stood for the first factor is gone"
    );
    elsewhere.keep(&done);
    elsewhere.get("/me").await.expect(200);
    let history = elsewhere.get("/me/verification").await.expect(200).body;
    assert!(
        history.contains("code of the app") && history.contains("failed"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_opens_the_door_when_the_app_is_lost() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let (_, codes) = switch_on(&world, &browser).await;
    let mut elsewhere = Browser::new(&world);
    elsewhere.keep(&password(&elsewhere, "/me").await);
    elsewhere.get("/login/recovery").await.expect(200);
    let fields = [("code", codes[2].as_str()), ("recovery", "1")];
    elsewhere.post("/login/2fa", &fields).await.expect(303);
    let again = elsewhere.post("/login/2fa", &fields).await.expect(303);
    assert_eq!(
        again.location(),
        "/login?done=again",
        "the first step is used up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_first_step_there_is_no_second() {
    let world = World::sqlite().await;
    let nobody = Browser::new(&world);
    assert_eq!(
        nobody.get("/login/2fa").await.expect(303).location(),
        "/login"
    );
    let sent = nobody.post("/login/2fa", &[("code", "123456")]).await;
    assert_eq!(sent.expect(303).location(), "/login?done=again");
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_it_off_asks_for_a_code_and_comes_back() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let (secret, _) = switch_on(&world, &browser).await;
    world.clock.advance(Duration::from_secs(301));
    browser.post("/me/security/totp/off", &[]).await.expect(422);
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(
        page.contains("/me/confirm?return_to=/me/security"),
        "{page}"
    );
    let asked = browser
        .get("/me/confirm?return_to=/me/security")
        .await
        .expect(200);
    assert!(asked.body.contains("six digits"), "{}", asked.body);
    let wrong = browser
        .post("/me/confirm", &[("typed", PASSWORD)])
        .await
        .expect(422);
    assert!(
        !wrong.body.contains(PASSWORD),
        "what was typed never comes back"
    );
    let code = totp_code(&secret, world.clock.now());
    let fields = [("typed", code.as_str()), ("return_to", "/me/security")];
    let done = browser.post("/me/confirm", &fields).await.expect(303);
    assert_eq!(done.location(), "/me/security");
    let off = browser.post("/me/security/totp/off", &[]).await.expect(303);
    assert_eq!(off.location(), "/me/security?done=second-factor-off");
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(page.contains("Switch it on…"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_leads_to_pages_of_this_server_only() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let fresh = browser.get("/me/confirm?return_to=//evil.example").await;
    assert_eq!(fresh.expect(303).location(), "/me/security");
}
