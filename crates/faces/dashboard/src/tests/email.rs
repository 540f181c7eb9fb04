//! Verifying an address, forgetting a password, registering.

use std::time::Duration;

use kernel::{Clock, PageRequest};
use testkit::{Setup, World};

use super::browser::Browser;

/// The newest letter to an address: subject and text. Some are sent in the background.
async fn letter_to(world: &World, address: &str) -> (String, String) {
    let find = async {
        loop {
            let actor = world.system();
            let page = PageRequest::first(50);
            let all = world.app.outbox(&actor, &page).await.unwrap();
            if let Some(found) = all.items.into_iter().find(|letter| letter.to == address) {
                let whole = world.app.outbox_mail(&actor, &found.name).await;
                let whole = whole.unwrap().unwrap();
                return (whole.subject, whole.text);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), find)
        .await
        .expect("a letter comes")
}

/// The path of the link in a letter.
fn path_in(text: &str) -> String {
    let (_, rest) = text.split_once("https://bot.example.org").expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

fn token_in(text: &str) -> String {
    let path = path_in(text);
    path.split_once("token=").expect("a token").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_verified_with_the_code_of_the_mail() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let page = browser.get("/me/email").await.expect(200).body;
    assert!(
        page.contains("not yet") && page.contains("Send a code"),
        "{page}"
    );
    let sent = browser
        .post("/me/email", &[("address", "ann@example.org")])
        .await
        .expect(303);
    assert_eq!(sent.location(), "/me/email?done=code-sent");
    let (subject, text) = letter_to(&world, "ann@example.org").await;
    assert_eq!(subject, "Your code for WaddleBot");
    let code = text
        .lines()
        .find(|line| line.len() == 9 && line.as_bytes()[4] == b'-')
        .expect("a code on a line of its own")
        .to_owned();

    let wrong = browser
        .post("/me/email/code", &[("code", "AAAA-AAAA")])
        .await
        .expect(422);
    assert!(
        wrong.body.contains("wrong or has expired"),
        "{}",
        wrong.body
    );
    let done = browser
        .post("/me/email/code", &[("code", &code)])
        .await
        .expect(303);
    assert_eq!(done.location(), "/me/email?done=email");
    let page = browser.get("/me/email").await.expect(200).body;
    assert!(page.contains("since "), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_mail_changes_nothing_until_its_button_is_pressed() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let (identity, session) = (&world.app.identity, world.session(ann.user).await);
    let letter = identity
        .begin_email(&ann.actor, session, None, "ann@example.org")
        .await
        .unwrap();
    let identity::EmailReason::Verify { code, .. } = &letter.reason else {
        panic!("{letter:?}");
    };
    identity
        .confirm_email(&ann.actor, code.expose())
        .await
        .unwrap();
    browser
        .post("/me/email", &[("address", "new@example.org")])
        .await
        .expect(303);
    let (_, text) = letter_to(&world, "new@example.org").await;
    let anybody = Browser::new(&world);
    let opened = anybody.get(&path_in(&text)).await.expect(200);
    assert!(opened.body.contains("Verify your address"));
    let status = world.app.identity.email_status(&ann.actor).await.unwrap();
    assert_eq!(status.address.as_deref(), Some("ann@example.org"));
    let token = token_in(&text);
    anybody
        .post("/verify-email", &[("token", &token)])
        .await
        .expect(303);
    let status = world.app.identity.email_status(&ann.actor).await.unwrap();
    assert_eq!(status.address.as_deref(), Some("new@example.org"));
    let runner = app::jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
    let (subject, text) = letter_to(&world, "ann@example.org").await;
    assert!(subject.contains("was changed") && !text.contains("new@example.org"));
    let again = anybody
        .post("/verify-email", &[("token", &token)])
        .await
        .expect(422);
    assert!(again.body.contains("no longer valid"), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_addresses_are_answered_alike() {
    let mut world = World::sqlite().await;
    let setup = Setup {
        open_registration: true,
        ..Setup::default()
    };
    world.restart(setup).await;
    world.admin("ann").await;
    let browser = Browser::new(&world);
    for path in ["/forgot", "/register"] {
        let known = browser
            .post(path, &[("address", "ann@example.org")])
            .await
            .expect(200);
        let unknown = browser
            .post(path, &[("address", "eve@example.org")])
            .await
            .expect(200);
        assert_eq!(
            known.body.replace("ann@", "eve@"),
            unknown.body,
            "{path} tells nobody who is here"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_by_mail_and_signs_nobody_in() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let before = Browser::of(&world, ann.user).await;
    let browser = Browser::new(&world);
    assert!(browser.get("/login").await.body.contains("/forgot"));
    browser
        .post("/forgot", &[("address", "ann@example.org")])
        .await
        .expect(200);
    let (_, text) = letter_to(&world, "ann@example.org").await;
    browser.get(&path_in(&text)).await.expect(200);
    let token = token_in(&text);
    let short = browser
        .post("/reset", &[("token", &token), ("password", "short")])
        .await
        .expect(422);
    assert!(short.body.contains("at least 10 characters") && short.body.contains(&token));
    let set = browser
        .post(
            "/reset",
            &[("token", &token), ("password", "a quite new password")],
        )
        .await
        .expect(303);
    assert_eq!(set.location(), "/login?done=new-password");
    assert_eq!(set.header("set-cookie"), "");
    before.get("/me").await.expect(303);
    let used = browser
        .post(
            "/reset",
            &[("token", &token), ("password", "a quite new password")],
        )
        .await
        .expect(422);
    assert!(used.body.contains("no longer valid"), "{}", used.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_registers_where_that_is_open() {
    let mut world = World::sqlite().await;
    world.admin("ann").await;
    let closed = Browser::new(&world);
    closed.get("/register").await.expect(404);
    assert!(!closed.get("/login").await.body.contains("/register"));
    let setup = Setup {
        open_registration: true,
        ..Setup::default()
    };
    world.restart(setup).await;
    let mut browser = Browser::new(&world);
    assert!(browser.get("/login").await.body.contains("/register"));
    browser
        .post("/register", &[("address", "cas@example.org")])
        .await
        .expect(200);
    let (_, text) = letter_to(&world, "cas@example.org").await;
    let page = browser.get(&path_in(&text)).await.expect(200).body;
    assert!(page.contains("cas@example.org"), "{page}");
    let token = token_in(&text);
    let fields = |password| {
        [
            ("token", token.as_str()),
            ("display_name", "Cas <i>"),
            ("password", password),
        ]
    };
    let short = browser
        .post("/register/finish", &fields("short"))
        .await
        .expect(422);
    assert!(
        short.body.contains("Cas &#60;i&#62;"),
        "what was typed is kept"
    );
    let done = browser
        .post("/register/finish", &fields("correct horse battery"))
        .await
        .expect(303);
    browser.keep(&done);
    let me = browser.get("/me").await.expect(200).body;
    assert!(me.contains("Cas &#60;i&#62;"), "{me}");
    let again = Browser::new(&world).get(&path_in(&text)).await.expect(200);
    assert!(again.body.contains("was used or has expired"));
}
