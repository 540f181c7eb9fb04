//! Passkeys in the browser: a device in software stands in for the browser's half, the forms are
//! those that the script sends.

use std::time::Duration;

use testkit::{Device, Setup, World, totp_code};

use super::browser::{Answer, Browser};
use kernel::{Clock, Secret};

const HOME: &str = "https://bot.example.org";

fn device(seed: u32) -> Device {
    Device::new(HOME.to_owned(), seed)
}

/// What the script makes of a question: the ceremony, and what the browser is asked.
fn read(answer: &Answer) -> (String, String) {
    assert_eq!(answer.header("content-type"), "application/json");
    let rest = answer.body.strip_prefix("{\"ceremony\":\"").unwrap();
    let (ceremony, rest) = rest.split_once('"').unwrap();
    let options = rest.strip_prefix(",\"options\":").unwrap();
    let options = options.strip_suffix('}').unwrap();
    (ceremony.to_owned(), options.to_owned())
}

async fn add(browser: &Browser, device: &mut Device, name: &str) -> Answer {
    let begun = browser.post("/me/security/passkeys/begin", &[]).await;
    let (ceremony, options) = read(&begun.expect(200));
    let credential = device.create(&options);
    let fields = [
        ("ceremony", ceremony.as_str()),
        ("credential", &credential),
        ("name", name),
    ];
    browser.post("/me/security/passkeys", &fields).await
}

/// Answers a question; the form goes to `path`, the question comes from below it.
async fn prove(browser: &Browser, path: &str, device: &mut Device, to: &str) -> Answer {
    let begun = browser
        .post(&format!("{path}/begin"), &[])
        .await
        .expect(200);
    let (ceremony, options) = read(&begun);
    let credential = device.get_any(&options);
    let fields = [
        ("ceremony", ceremony.as_str()),
        ("credential", &credential),
        ("return_to", to),
    ];
    browser.post(path, &fields).await
}

/// The address of the page of the only passkey.
fn link_on(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"/me/security/passkeys/").unwrap();
    let id = rest.split('"').next().unwrap();
    format!("/me/security/passkeys/{id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_added_named_and_removed_on_the_page_of_security() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let bob = world.admin("bob").await;
    let browser = Browser::of(&world, ann.user).await;
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(
        page.contains("data-begin=\"/me/security/passkeys/begin\"")
            && page.contains("value=\"Passkey\"")
            && page.contains("needs JavaScript"),
        "{page}"
    );
    let added = add(&browser, &mut device(1), "Blue <key>")
        .await
        .expect(303);
    assert_eq!(added.location(), "/me/security?done=passkey-added");
    let page = browser.get(added.location()).await.expect(200).body;
    assert!(
        page.contains("Blue &#60;key&#62;")
            && page.contains("on one device only")
            && page.contains("You can sign in with it from now on"),
        "{page}"
    );
    let one = link_on(&page);
    let renamed = browser.post(&one, &[("name", "Red key")]).await.expect(303);
    let page = browser.get(renamed.location()).await.expect(200).body;
    assert!(page.contains("Red key") && !page.contains("Blue"), "{page}");
    let nameless = browser.post(&one, &[("name", " ")]).await.expect(422);
    assert!(nameless.body.contains("name-problem"), "{}", nameless.body);

    let foreign = Browser::of(&world, bob.user).await;
    foreign.get(&one).await.expect(404);
    foreign.post(&one, &[("name", "mine")]).await.expect(404);
    foreign
        .post(&format!("{one}/remove"), &[])
        .await
        .expect(404);

    let wrong = [("ceremony", "00"), ("credential", "{}"), ("name", "")];
    let refused = browser.post("/me/security/passkeys", &wrong).await;
    assert!(refused.expect(422).body.contains("took too long"));

    world.clock.advance(Duration::from_secs(301));
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(
        !page.contains("/me/security/passkeys/begin")
            && page.contains("/me/confirm?return_to=/me/security"),
        "{page}"
    );
    let begun = browser.post("/me/security/passkeys/begin", &[]).await;
    let said = begun.expect(422);
    assert!(
        said.body
            .starts_with("{\"message\":\"You signed in more than five minutes ago"),
        "{}",
        said.body
    );
    browser
        .post(&format!("{one}/remove"), &[])
        .await
        .expect(422);
    let page = browser.get(&one).await.expect(200).body;
    assert!(page.contains("confirm that it is you"), "{page}");
    let typed = [("typed", "correct horse battery"), ("return_to", &one)];
    browser.post("/me/confirm", &typed).await.expect(303);
    let gone = browser
        .post(&format!("{one}/remove"), &[])
        .await
        .expect(303);
    assert_eq!(gone.location(), "/me/security?done=passkey-removed");
    browser.get(&one).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_with_it_from_the_sign_in_page() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let mut key = device(1);
    let known = Browser::of(&world, ann.user).await;
    add(&known, &mut key, "Key").await.expect(303);

    let mut browser = Browser::new(&world);
    let page = browser
        .get("/login?return_to=/me/keys")
        .await
        .expect(200)
        .body;
    assert!(
        page.contains("autocomplete=\"username webauthn\"")
            && page.contains("Sign in with a passkey")
            && page.contains("data-passkey-offer"),
        "{page}"
    );
    let begun = browser.post("/login/passkey/begin", &[]).await.expect(200);
    let cookie = begun.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("wb_browser=") && cookie.contains("HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    // Another browser cannot use the question.
    let (ceremony, options) = read(&begun);
    let credential = key.get(&options);
    let fields = [("ceremony", ceremony.as_str()), ("credential", &credential)];
    let elsewhere = Browser::new(&world).post("/login/passkey", &fields).await;
    assert!(elsewhere.expect(422).body.contains("took too long"));

    browser.keep(&begun);
    let unknown = {
        let mut other = device(9);
        other.create(
            "{\"publicKey\":{\"challenge\":\"AA\",\"rp\":{\"id\":\"x\"},\"user\":{\"id\":\"AA\"}}}",
        );
        prove(&browser, "/login/passkey", &mut other, "/").await
    };
    let unknown = unknown.expect(422);
    assert!(
        unknown.body.contains("was not accepted") && unknown.body.contains("data-error-summary"),
        "{}",
        unknown.body
    );
    let done = prove(&browser, "/login/passkey", &mut key, "/me/keys").await;
    let done = done.expect(303);
    assert_eq!(done.location(), "/me/keys");
    browser.keep(&done);
    browser.get("/me/keys").await.expect(200);
    let history = browser.get("/me/verification").await.expect(200).body;
    assert!(history.contains("passkey"), "{history}");
    let away = Browser::new(&world);
    let begun = away.post("/login/passkey/begin", &[]).await.expect(200);
    let mut away = away.clone();
    away.keep(&begun);
    let done = prove(&away, "/login/passkey", &mut key, "//evil.example").await;
    assert_eq!(done.expect(303).location(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stands_in_for_a_code_at_the_second_step_and_before_something_sensitive() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let mut known = Browser::of(&world, ann.user).await;
    let setup = known.post("/me/security/totp", &[]).await.expect(200).body;
    let (_, rest) = setup.split_once("Secret: <code>").unwrap();
    let secret = rest.split_once("</code>").unwrap().0.replace(' ', "");
    let code = totp_code(&Secret::new(secret), world.clock.now());
    let typed = [("code", code.as_str())];
    known
        .post("/me/security/totp/confirm", &typed)
        .await
        .expect(200);

    let password = [
        ("email", "ann@example.org"),
        ("password", "correct horse battery"),
        ("return_to", "/me/keys"),
    ];
    let mut browser = Browser::new(&world);
    browser.keep(&browser.post("/login", &password).await.expect(303));
    let page = browser.get("/login/2fa").await.expect(200).body;
    assert!(!page.contains("passkey"), "they have none: {page}");
    let mut key = device(1);
    add(&known, &mut key, "Key").await.expect(303);
    let page = browser
        .get("/login/2fa?return_to=/me/keys")
        .await
        .expect(200)
        .body;
    assert!(page.contains("Use a passkey instead"), "{page}");
    let mut wrong = key.clone();
    wrong.verifies = false;
    let refused = prove(&browser, "/login/2fa/passkey", &mut wrong, "/me/keys").await;
    assert!(refused.expect(422).body.contains("Use a passkey instead"));
    let done = prove(&browser, "/login/2fa/passkey", &mut key, "/me/keys").await;
    let done = done.expect(303);
    assert_eq!(done.location(), "/me/keys");
    known.keep(&done);

    let nobody = Browser::new(&world);
    let begun = nobody
        .post("/login/2fa/passkey/begin", &[])
        .await
        .expect(422);
    assert!(begun.body.contains("sign in again"), "{}", begun.body);

    world.clock.advance(Duration::from_secs(301));
    let page = known
        .get("/me/confirm?return_to=/me/keys")
        .await
        .expect(200)
        .body;
    assert!(
        page.contains("Use a passkey instead") && page.contains("six digits"),
        "{page}"
    );
    let refused = prove(&known, "/me/confirm/passkey", &mut wrong, "/me/keys").await;
    assert!(refused.expect(422).body.contains("was not accepted"));
    let done = prove(&known, "/me/confirm/passkey", &mut key, "/me/keys").await;
    assert_eq!(done.expect(303).location(), "/me/keys");
    known.post("/me/security/totp/off", &[]).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_browsers_would_refuse_them_the_pages_say_why() {
    let setup = Setup {
        public_url: "http://bot.example.org".to_owned(),
        ..Setup::default()
    };
    let world = World::in_place(tempfile::TempDir::new().unwrap(), setup).await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let page = browser.get("/me/security").await.expect(200).body;
    assert!(
        page.contains("browsers allow them over https only") && !page.contains("data-passkey="),
        "{page}"
    );
    let begun = browser.post("/me/security/passkeys/begin", &[]).await;
    assert!(begun.expect(422).body.contains("over https only"));
    let login = Browser::new(&world).get("/login").await.expect(200).body;
    assert!(!login.contains("passkey"), "{login}");
}
