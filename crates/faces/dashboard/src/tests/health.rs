//! The health page over real roll-ups.

use std::time::Duration;

use activity::Incoming;
use kernel::{Day, Role, Source};
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_was_said_as_charts_and_as_tables() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    for _ in 0..3 {
        world.say(ducks, "ann", "quack").await;
        world.say(ducks, "bob", "quack").await;
        world.clock.advance(Duration::from_secs(86_400));
    }
    let browser = Browser::of(&world, mia.user).await;
    let page = browser
        .get("/c/ducks/health?period=7d")
        .await
        .expect(200)
        .body;
    assert!(
        page.contains("Messages per day") && page.contains("<p class=\"value\">6</p>"),
        "{page}"
    );
    for part in [
        "id=\"messages\"",
        "id=\"people\"",
        "id=\"newcomers\"",
        "id=\"hours\"",
        "id=\"retention\"",
        "id=\"platforms\"",
        "id=\"moderation\"",
        "id=\"events\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches(":00 UTC: ").count(), 168);
    assert!(page.matches("Show as table").count() >= 4);
    assert!(page.contains("role=\"img\""));
    let csv = browser
        .get("/c/ducks/health/messages.csv?period=7d")
        .await
        .expect(200);
    assert!(
        csv.body.contains("2026-06-01,2,0,0,0,0\r\n"),
        "{}",
        csv.body
    );
    assert_eq!(csv.body.lines().count(), 1 + 7);
    browser.get("/c/ducks/health/secrets.csv").await.expect(404);
    browser.get("/c/ducks/health/messages").await.expect(404);
    browser
        .get("/c/ducks/health/messages.csv?period=2w")
        .await
        .expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_of_2004_is_found_from_an_empty_month() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let start = Day::from_civil(2004, 2, 1).unwrap();
    let mut events = Vec::new();
    for i in 0..60 {
        let mut event = world.event("old", testkit::message("hello from the past"));
        event.sent_at = start.plus(i * 20).start();
        event.source = Source::Import;
        events.push(Incoming {
            community: ducks,
            event,
        });
    }
    world.record(events).await;
    let root = world.admin("root").await;
    let browser = Browser::of(&world, root.user).await;
    let page = browser.get("/c/ducks/health").await.expect(200).body;
    assert!(
        page.contains("There is history from 1 Feb 2004 – 26 Apr 2007."),
        "{page}"
    );
    let (_, rest) = page.split_once("<a class=\"button\" href=\"").unwrap();
    let href = rest.split('"').next().unwrap().replace("&#38;", "&");
    assert_eq!(href, "/c/ducks/health?from=2007-03-28&until=2007-04-26");
    let there = browser.get(&href).await.expect(200).body;
    assert!(there.contains("Messages per day") && there.contains("28 Mar 2007 – 26 Apr 2007"));
    let all = browser
        .get("/c/ducks/health?period=all")
        .await
        .expect(200)
        .body;
    assert!(
        all.contains("Messages per month") && all.contains("1 Feb 2004 – 26 Apr 2007"),
        "{all}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_makes_no_sense_is_explained_above_the_last_30_days() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    world.say(ducks, "ann", "quack").await;
    let root = world.admin("root").await;
    let browser = Browser::of(&world, root.user).await;
    for (query, words) in [
        ("period=2w", "must be 7d, 30d, 90d, 1y or all"),
        (
            "from=2026-06-01&until=2026-05-01",
            "must end after it begins",
        ),
        ("from=yesterday&until=2026-05-01", "must be a date like"),
        ("from=%3Cb%3E&until=", "must be a date like"),
    ] {
        let page = browser
            .get(&format!("/c/ducks/health?{query}"))
            .await
            .expect(200)
            .body;
        assert!(
            page.contains(words) && page.contains("Messages per day"),
            "{query}: {page}"
        );
        assert!(!page.contains("<b>"));
    }
    world.close().await;
}
