//! Who may open what, and what every answer carries.

use axum::body::Body;
use kernel::Role;
use testkit::World;

use super::browser::Browser;

/// Statuses for: anonymous, a stranger (signed in, elsewhere), member, moderator, admin, instance
/// administrator.
const PAGES: &[(&str, [u16; 6])] = &[
    ("/", [200; 6]),
    ("/me", [303, 200, 200, 200, 200, 200]),
    ("/me/keys", [303, 200, 200, 200, 200, 200]),
    ("/me/profile", [303, 200, 200, 200, 200, 200]),
    ("/me/activity", [303, 200, 200, 200, 200, 200]),
    ("/me/merge", [303, 200, 200, 200, 200, 200]),
    ("/me/data", [303, 200, 200, 200, 200, 200]),
    ("/me/privacy", [303, 200, 200, 200, 200, 200]),
    ("/u/nobody-at-all", [404; 6]),
    ("/communities/new", [303, 403, 403, 403, 403, 200]),
    ("/c/ducks/health", [303, 404, 200, 200, 200, 200]),
    (
        "/c/ducks/health/messages.csv",
        [303, 404, 200, 200, 200, 200],
    ),
    ("/c/ducks/chat", [303, 404, 200, 200, 200, 200]),
    ("/c/ducks/members", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/members.csv", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/members/1/role", [303, 404, 403, 403, 200, 200]),
    ("/c/ducks/bots", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/bots/queue", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/bots/cases/1", [303, 404, 403, 404, 404, 404]),
    (
        "/c/ducks/bots/cases/1/stream?revision=1",
        [401, 404, 403, 404, 404, 404],
    ),
    ("/c/ducks/deliveries", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/commands", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/commands/new", [303, 404, 403, 200, 200, 200]),
    (
        "/c/ducks/commands/built-in/ping",
        [303, 404, 403, 200, 200, 200],
    ),
    (
        "/c/ducks/commands/custom/x/delete",
        [303, 404, 403, 404, 404, 404],
    ),
    ("/c/ducks/settings", [303, 404, 403, 403, 200, 200]),
    (
        "/c/ducks/settings/connections",
        [303, 404, 403, 403, 200, 200],
    ),
    (
        "/c/ducks/settings/connections/1/channel",
        [303, 404, 403, 403, 404, 404],
    ),
    (
        "/c/ducks/settings/connections/1/disconnect",
        [303, 404, 403, 403, 404, 404],
    ),
    ("/c/ducks/settings/webhooks", [303, 404, 403, 403, 200, 200]),
    (
        "/c/ducks/settings/webhooks/new",
        [303, 404, 403, 403, 200, 200],
    ),
    (
        "/c/ducks/settings/webhooks/1",
        [303, 404, 403, 403, 404, 404],
    ),
    (
        "/c/ducks/settings/webhooks/1/remove",
        [303, 404, 403, 403, 404, 404],
    ),
    (
        "/c/ducks/settings/webhooks/1/messages/1",
        [303, 404, 403, 403, 404, 404],
    ),
    ("/connect/discord/callback?code=a&state=b", [403; 6]),
    ("/me/bots", [303, 200, 200, 200, 200, 200]),
    ("/c/ducks/bots/appeals", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/bots/report", [303, 404, 200, 200, 200, 200]),
    ("/c/ducks/bots/channel", [303, 404, 403, 403, 200, 200]),
    ("/c/ducks/bots/settings", [303, 404, 403, 200, 200, 200]),
    ("/c/nowhere/health", [303, 404, 404, 404, 404, 404]),
    ("/admin", [303, 403, 403, 403, 403, 200]),
    ("/admin/jobs", [303, 403, 403, 403, 403, 200]),
    ("/admin/mail", [303, 403, 403, 403, 403, 200]),
    ("/admin/models", [303, 403, 403, 403, 403, 200]),
    ("/admin/models/1", [303, 403, 403, 403, 403, 404]),
    ("/admin/models/1/file", [303, 403, 403, 403, 403, 404]),
    (
        "/admin/models/compare?left=1&right=2",
        [303, 403, 403, 403, 403, 404],
    ),
    ("/admin/models/trainings", [303, 403, 403, 403, 403, 200]),
    ("/admin/models/trainings/1", [303, 403, 403, 403, 403, 404]),
    (
        "/admin/models/trainings/1/stream",
        [401, 403, 403, 403, 403, 404],
    ),
    ("/admin/models/rollouts", [303, 403, 403, 403, 403, 200]),
    ("/admin/models/experiments", [303, 403, 403, 403, 403, 200]),
    ("/admin/models/monitoring", [303, 403, 403, 403, 403, 200]),
    ("/admin/merges", [303, 403, 403, 403, 403, 200]),
    ("/c/ducks/reputation", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/members/1", [303, 404, 403, 200, 200, 200]),
    ("/c/ducks/members/999999", [303, 404, 403, 404, 404, 404]),
    ("/admin/audit", [303, 403, 403, 403, 403, 200]),
    ("/admin/api", [303, 403, 403, 403, 403, 200]),
    ("/api/docs", [303, 200, 200, 200, 200, 200]),
    ("/api/docs/graphql", [303, 200, 200, 200, 200, 200]),
    ("/api/docs/rest/users", [303, 200, 200, 200, 200, 200]),
    ("/nowhere", [404; 6]),
];

async fn crowd(world: &mut World) -> Vec<Browser> {
    let ducks = world.community("Ducks").await;
    let geese = world.community("Geese").await;
    let first = world.person(ducks, "olga", Some(Role::Owner)).await;
    assert_eq!(first.user.0, 1, "the page of user 1 is in the table");
    let mut browsers = vec![Browser::new(world)];
    let stranger = world.person(geese, "gus", Some(Role::Owner)).await;
    browsers.push(Browser::of(world, stranger.user).await);
    for (name, role) in [
        ("mia", Role::Member),
        ("mo", Role::Moderator),
        ("ada", Role::Admin),
    ] {
        let person = world.person(ducks, name, Some(role)).await;
        browsers.push(Browser::of(world, person.user).await);
    }
    let root = world.admin("root").await;
    browsers.push(Browser::of(world, root.user).await);
    browsers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_for_whom_it_is_and_for_nobody_else() {
    let mut world = World::sqlite().await;
    let browsers = crowd(&mut world).await;
    for (path, expected) in PAGES {
        for (browser, status) in browsers.iter().zip(expected) {
            let answer = browser.get(path).await;
            assert_eq!(answer.status.as_u16(), *status, "{path}: {}", answer.body);
            if *status == 303 {
                assert!(answer.location().starts_with("/login?return_to="), "{path}");
            }
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_person_sees_no_more_than_a_stranger() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let banned = world.person(ducks, "bea", Some(Role::Banned)).await;
    let browser = Browser::of(&world, banned.user).await;
    for path in ["/c/ducks/health", "/c/ducks/chat", "/c/ducks/members"] {
        browser.get(path).await.expect(404);
    }
    assert!(!browser.get("/").await.body.contains("Ducks"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_role_that_is_needed_and_whom_to_ask() {
    let mut world = World::sqlite().await;
    let browsers = crowd(&mut world).await;
    let page = browsers[2].get("/c/ducks/members").await.expect(403);
    assert!(
        page.body.contains("needs the role moderator"),
        "{}",
        page.body
    );
    assert!(page.body.contains("yours is member"));
    assert!(page.body.contains("An admin or the owner"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_the_viewer_may_not_use_are_not_shown() {
    let mut world = World::sqlite().await;
    let browsers = crowd(&mut world).await;
    let member = browsers[2].get("/c/ducks/health").await.body;
    assert!(member.contains("/c/ducks/chat"));
    for hidden in [
        "/c/ducks/members",
        "/c/ducks/bots",
        "/c/ducks/settings",
        "\"/admin",
    ] {
        assert!(!member.contains(hidden), "{hidden}");
    }
    let admin = browsers[4].get("/c/ducks/health").await.body;
    assert!(admin.contains("/c/ducks/members") && admin.contains("/c/ducks/settings"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let world = World::sqlite().await;
    let browser = Browser::new(&world);
    let mut ids = Vec::new();
    for path in [
        "/",
        "/login",
        "/nowhere",
        "/me",
        "/c/x/chat/stream",
        "/favicon.ico",
    ] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && !policy.contains("unsafe"),
            "{path}"
        );
        for name in [
            "referrer-policy",
            "permissions-policy",
            "cross-origin-opener-policy",
        ] {
            assert!(!answer.header(name).is_empty(), "{path}: {name}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.headers.contains_key("strict-transport-security"));
        ids.push(answer.header("x-request-id").to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    let page = browser.get("/login").await;
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert!(page.header("vary").contains("Cookie"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_shows_the_id_that_is_in_its_header() {
    let world = World::sqlite().await;
    let answer = Browser::new(&world).get("/nowhere").await.expect(404);
    assert!(answer.body.contains(answer.header("x-request-id")));
    assert!(answer.body.contains("Nothing in this pond"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_from_other_sites_are_refused_before_anything_happens() {
    let mut world = World::sqlite().await;
    let browsers = crowd(&mut world).await;
    let before = world.dump().await;
    let admin = &browsers[4];
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://127.0.0.1:8080"),
        ],
    ];
    for headers in cases {
        let mut request = admin
            .request("POST", "/c/ducks/members/1/role")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = admin
            .send(request.body(Body::from("role=banned")).unwrap())
            .await;
        let answer = answer.expect(403);
        assert!(
            answer.body.contains("another site"),
            "{headers:?}: {}",
            answer.body
        );
    }
    assert_eq!(world.dump().await, before);
    // An old browser says only the origin.
    let request = admin
        .request("POST", "/c/ducks/settings")
        .header("origin", "http://127.0.0.1:8080")
        .header("content-type", "application/x-www-form-urlencoded");
    let form = "name=Ducks&description=&retention_days=30";
    admin
        .send(request.body(Body::from(form)).unwrap())
        .await
        .expect(303);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_of_the_wrong_kind_gets_a_page_that_says_so() {
    let mut world = World::sqlite().await;
    let browsers = crowd(&mut world).await;
    let admin = &browsers[5];
    let large = "x".repeat(65 * 1024);
    let answer = admin
        .post("/communities/new", &[("name", &large)])
        .await
        .expect(413);
    assert!(answer.body.contains("64 KiB") && answer.body.contains("<html"));
    let answer = admin
        .post("/communities/new", &[("nam", "x")])
        .await
        .expect(422);
    assert!(answer.body.contains("not understood"), "{}", answer.body);
    let answer = admin.post("/me", &[]).await.expect(405);
    assert!(answer.body.contains("Not like this"));
    assert_eq!(answer.header("allow"), "GET,HEAD");
    admin
        .get("/c/ducks/members?platform=myspace")
        .await
        .expect(422);
    admin.get("/c/ducks/members?after=zz").await.expect(422);
    admin
        .get("/c/ducks/members/notanumber/role")
        .await
        .expect(404);
    world.close().await;
}
