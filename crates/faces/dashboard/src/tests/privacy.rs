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
