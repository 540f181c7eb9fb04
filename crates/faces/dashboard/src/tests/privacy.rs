//! Profiles and who sees them.

use kernel::Role;
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_written_shown_and_hidden() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let stranger = Browser::new(&world);
    let empty = browser.get("/me").await.expect(200);
    assert!(empty.body.contains("no public page yet"), "{}", empty.body);

    let fields = |handle| {
        [
            ("display_name", "Ann <b>"),
            ("handle", handle),
            ("bio", "line one\r\nline <two>"),
            ("website", "https://example.org/?a=1&b=2"),
            ("location", "Reeds"),
        ]
    };
    let wrong = browser.post("/me/profile", &fields("x")).await.expect(422);
    assert!(
        wrong.body.contains("id=\"handle-problem\""),
        "{}",
        wrong.body
    );
    let saved = browser
        .post("/me/profile", &fields("Ann"))
        .await
        .expect(303);
    assert_eq!(saved.location(), "/me?done=saved");

    let hidden = stranger.get("/u/ann").await.expect(404).body;
    let absent = stranger.get("/u/nobody-else").await.expect(404).body;
    let number = |page: &str| page.replace("/u/ann", "").replace("/u/nobody-else", "");
    assert_eq!(
        number(&hidden).len(),
        number(&absent).len(),
        "absent and hidden look the same"
    );
    let own = browser.get("/u/ann").await.expect(200).body;
    assert!(
        own.contains("Ann &#60;b&#62;") && own.contains("line &#60;two&#62;"),
        "{own}"
    );
    browser.get("/u/ann?as=everyone").await.expect(404);
    assert!(
        browser
            .get("/u/ann?as=community")
            .await
            .expect(200)
            .body
            .contains("in one of your communities")
    );

    let page = browser.get("/me/privacy").await.expect(200).body;
    assert!(page.contains("aria-label=\"profile on Discord\""), "{page}");
    let bad = [("discord.profile", "friends")];
    browser.post("/me/privacy", &bad).await.expect(422);
    let open = [("discord.profile", "everyone")];
    browser.post("/me/privacy", &open).await.expect(303);
    let page = browser.get("/me/privacy").await.expect(200).body;
    assert!(
        page.contains("discord.profile</th><td>community</td><td>everyone"),
        "{page}"
    );
    let seen = stranger.get("/u/ann").await.expect(200).body;
    assert!(
        seen.contains("rel=\"nofollow noopener noreferrer ugc\""),
        "{seen}"
    );
    assert!(
        !seen.contains("ann@example.org") && !seen.contains("Edit profile"),
        "{seen}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_shows_ones_own_words_and_nobody_elses() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await;
    world.say(ducks, "ann", "my <words>").await;
    world.say(ducks, "bob", "his words").await;
    let browser = Browser::of(&world, ann.user).await;
    for path in [
        "/me",
        "/me/activity",
        "/me/activity?platform=discord&after=nonsense",
    ] {
        let page = browser.get(path).await.expect(200).body;
        assert!(
            page.contains("my &#60;words&#62;") && !page.contains("his words"),
            "{path}: {page}"
        );
        assert!(page.contains("#general in Ducks"), "{path}: {page}");
    }
    let none = browser
        .get("/me/activity?platform=slack")
        .await
        .expect(200)
        .body;
    assert!(none.contains("Nothing here"), "{none}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_data_is_fetched_once_and_ones_end_is_confirmed_and_taken_back() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await;
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let browser = Browser::of(&world, ann.user).await;
    let asked = browser.post("/me/data/export", &[]).await.expect(303);
    assert_eq!(asked.location(), "/me/data?done=export");
    let busy = browser.get("/me/data").await.expect(200).body;
    assert!(
        busy.contains("waits for its turn") && busy.contains("Look again"),
        "{busy}"
    );
    let twice = browser.post("/me/data/export", &[]).await.expect(422).body;
    assert!(twice.contains("being put together already"), "{twice}");

    let runner = app::jobs::runner(&world.app, "tester");
    runner.run_due(world.app.clock.now()).await.unwrap();
    let page = browser.get("/me/data").await.expect(200).body;
    let (_, rest) = page.split_once("/me/data/exports/").expect("it is ready");
    let id = rest.split('"').next().unwrap();
    let path = format!("/me/data/exports/{id}");
    let other = Browser::of(&world, bob.user).await;
    other.post(&path, &[]).await.expect(404);
    browser.get(&path).await.expect(405);
    let file = browser.post(&path, &[]).await.expect(200);
    assert_eq!(file.header("content-type"), "application/zip");
    assert_eq!(file.header("cache-control"), "no-store");
    browser.post(&path, &[]).await.expect(404);
    assert!(
        browser
            .get("/me/data")
            .await
            .expect(200)
            .body
            .contains("was fetched")
    );

    let unsure = browser
        .post("/me/data/erase", &[("word", "no")])
        .await
        .expect(422)
        .body;
    assert!(unsure.contains("id=\"word-problem\""), "{unsure}");
    browser
        .post("/me/data/erase", &[("word", "Erase")])
        .await
        .expect(303);
    let page = browser.get("/me/data").await.expect(200).body;
    assert!(
        page.contains("Keep my account") && page.contains("15 Jun 2026"),
        "{page}"
    );
    browser.post("/me/data/erase/cancel", &[]).await.expect(303);
    assert!(
        !browser
            .get("/me/data")
            .await
            .expect(200)
            .body
            .contains("Keep my account")
    );
    world.close().await;
}
