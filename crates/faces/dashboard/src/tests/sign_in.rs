//! First-run set-up, signing in and out, and one's own page.

use std::time::Duration;

use testkit::World;

use super::browser::Browser;

const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_link_sets_the_instance_up_once() {
    let world = World::sqlite().await;
    let mut browser = Browser::new(&world);
    assert!(browser.get("/").await.body.contains("not set up yet"));
    let token = world.app.identity.issue_setup_token().await.unwrap();
    let page = browser
        .get(&format!("/setup?token={}", token.expose()))
        .await
        .expect(200);
    assert!(page.body.contains(token.expose()));

    let fields = |password| {
        [
            ("token", token.expose().as_str()),
            ("display_name", "Ann <b>"),
            ("email", "ann@example.org"),
            ("password", password),
        ]
    };
    let short = browser.post("/setup", &fields("short")).await.expect(422);
    assert!(
        short.body.contains("at least 10 characters"),
        "{}",
        short.body
    );
    assert!(
        short.body.contains("value=\"Ann &#60;b&#62;\""),
        "what was typed is kept: {}",
        short.body
    );
    assert!(
        !short.body.contains("value=\"short\""),
        "a password never comes back"
    );

    let done = browser.post("/setup", &fields(PASSWORD)).await.expect(303);
    assert_eq!(done.location(), "/?done=welcome");
    let cookie = done.header("set-cookie");
    assert!(
        cookie.starts_with("wb_session=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
    );
    browser.keep(&done);
    assert!(
        browser
            .get("/?done=welcome")
            .await
            .body
            .contains("Ann &#60;b&#62;")
    );

    let again = Browser::new(&world)
        .post("/setup", &fields(PASSWORD))
        .await
        .expect(422);
    assert!(again.body.contains("no longer valid"));
    assert_eq!(
        Browser::new(&world)
            .get("/setup")
            .await
            .expect(303)
            .location(),
        "/login"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_password_read_the_same() {
    let world = World::sqlite().await;
    world.admin("ann").await;
    let browser = Browser::new(&world);
    let try_in = async |email: &str, password: &str| {
        let fields = [
            ("email", email),
            ("password", password),
            ("return_to", "/me"),
        ];
        browser.post("/login", &fields).await
    };
    let strip = |body: &str| {
        body.replace("nobody@example.org", "")
            .replace("ann@example.org", "")
    };
    let unknown = try_in("nobody@example.org", PASSWORD).await.expect(422);
    let wrong = try_in("ann@example.org", "wrong horse battery")
        .await
        .expect(422);
    assert_eq!(strip(&unknown.body), strip(&wrong.body));
    assert!(
        wrong
            .body
            .contains("The e-mail address or the password is wrong.")
    );
    assert!(
        wrong.body.contains("value=\"ann@example.org\"") && !wrong.body.contains("wrong horse")
    );
    let right = try_in("ann@example.org", PASSWORD).await.expect(303);
    assert_eq!(right.location(), "/me");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_failures_the_wait_is_stated() {
    let world = World::sqlite().await;
    world.admin("ann").await;
    let browser = Browser::new(&world);
    let fields = [
        ("email", "ann@example.org"),
        ("password", "wrong horse battery"),
    ];
    let mut last = browser.post("/login", &fields).await;
    for _ in 0..30 {
        if last.status.as_u16() != 422 {
            break;
        }
        last = browser.post("/login", &fields).await;
    }
    let last = last.expect(429);
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!(
        last.body.contains("Too many failed attempts: try again in"),
        "{}",
        last.body
    );
    world.clock.advance(Duration::from_secs(wait + 1));
    let fields = [("email", "ann@example.org"), ("password", PASSWORD)];
    browser.post("/login", &fields).await.expect(303);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_back_but_never_to_another_site() {
    let world = World::sqlite().await;
    world.admin("ann").await;
    let browser = Browser::new(&world);
    let asked = browser.get("/c/ducks/health?period=7d").await.expect(303);
    assert_eq!(
        asked.location(),
        "/login?return_to=/c/ducks/health%3Fperiod%3D7d"
    );
    let form = browser.get(asked.location()).await.expect(200);
    assert!(
        form.body.contains("value=\"/c/ducks/health?period=7d\""),
        "{}",
        form.body
    );
    for (wanted, to) in [
        ("/c/ducks/health?period=7d", "/c/ducks/health?period=7d"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
    ] {
        let fields = [
            ("email", "ann@example.org"),
            ("password", PASSWORD),
            ("return_to", wanted),
        ];
        assert_eq!(
            browser.post("/login", &fields).await.expect(303).location(),
            to
        );
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_does_not_use_it_up_but_its_button_does() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let token = world
        .app
        .identity
        .issue_sign_in_link(&world.system(), ann.user)
        .await
        .unwrap();
    let mut browser = Browser::new(&world);
    let path = format!("/login/link?token={}", token.expose());
    for _ in 0..3 {
        let page = browser.get(&path).await.expect(200);
        assert!(!page.headers.contains_key("set-cookie"));
    }
    let fields = [("token", token.expose().as_str())];
    let done = browser.post("/login/link", &fields).await.expect(303);
    browser.keep(&done);
    browser.get("/me").await.expect(200);
    let again = Browser::new(&world)
        .post("/login/link", &fields)
        .await
        .expect(422);
    assert!(again.body.contains("used or has expired"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_htmx_is_sent_to_the_door() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    browser.get("/me").await.expect(200);
    let out = browser.post("/logout", &[]).await.expect(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    // The old cookie is worth nothing now.
    assert!(
        browser
            .get("/me")
            .await
            .expect(303)
            .location()
            .starts_with("/login")
    );
    let swap = browser.swap("/c/ducks/health").await.expect(200);
    assert_eq!(
        swap.header("hx-redirect"),
        "/login?return_to=/c/ducks/health"
    );
    browser.get("/c/ducks/chat/stream").await.expect(401);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_and_ends_ones_sessions() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let mut here = Browser::new(&world);
    let fields = [("email", "ann@example.org"), ("password", PASSWORD)];
    let done = here.post("/login", &fields).await.expect(303);
    here.keep(&done);
    let there = Browser::of(&world, ann.user).await;
    let page = here.get("/me").await.expect(200).body;
    assert!(
        page.contains("Firefox on Linux") && page.contains("this one"),
        "{page}"
    );
    let ids: Vec<&str> = page
        .split("/me/sessions/")
        .skip(1)
        .map(|rest| rest.split('/').next().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    let rows: Vec<&str> = page.split("<tr>").skip(2).collect();
    let (_, other) = rows
        .iter()
        .zip(&ids)
        .find(|(row, _)| !row.contains("this one"))
        .unwrap();
    here.post(&format!("/me/sessions/{other}/revoke"), &[])
        .await
        .expect(303);
    there.get("/me").await.expect(303);
    here.get("/me").await.expect(200);
    // Somebody else's session is not there to be ended.
    let bob = world.admin("bob").await;
    let mine = ids.iter().find(|id| *id != other).unwrap();
    let answer = Browser::of(&world, bob.user)
        .await
        .post(&format!("/me/sessions/{mine}/revoke"), &[])
        .await;
    answer.expect(404);
    here.get("/me").await.expect(200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_needs_the_current_one_and_ends_other_sessions() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let here = Browser::of(&world, ann.user).await;
    let there = Browser::of(&world, ann.user).await;
    let wrong = [
        ("current", "wrong horse battery"),
        ("password", "a new long password"),
    ];
    let answer = here.post("/me/password", &wrong).await.expect(422);
    assert!(answer.body.contains("The current password is wrong."));
    assert!(
        answer
            .body
            .contains("aria-invalid=\"true\" aria-describedby=\"current-problem\""),
        "{}",
        answer.body
    );
    let short = [("current", PASSWORD), ("password", "short")];
    here.post("/me/password", &short).await.expect(422);
    let right = [("current", PASSWORD), ("password", "a new long password")];
    here.post("/me/password", &right).await.expect(303);
    here.get("/me").await.expect(200);
    there.get("/me").await.expect(303);
    world.close().await;
}
