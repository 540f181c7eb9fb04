//! What a community decides about the detection of bots: thresholds, lists, corrections.

use bots::{ListKind, NewList};
use kernel::{Actor, CommunityId, Platform, Role};
use testkit::World;

use super::browser::Browser;

const PAGE: &str = "/c/ducks/bots/settings";
const CORRECTIONS: &str = "/c/ducks/bots/corrections";

async fn staff(world: &mut World) -> (CommunityId, Browser, Browser) {
    let ducks = world.community("Ducks").await;
    let adm = world.person(ducks, "adm", Some(Role::Admin)).await.user;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let browsers = (Browser::of(world, adm).await, Browser::of(world, mo).await);
    (ducks, browsers.0, browsers.1)
}

async fn list(world: &World, actor: &Actor) {
    let new = NewList {
        name: "Known <raiders>".to_owned(),
        kind: ListKind::Unwanted,
        platform: Some(Platform::Twitch),
        source: "https://example.org/raiders".to_owned(),
        reason: "seen in raids".to_owned(),
        as_of: world.app.clock.now().day(),
        half_life_days: 180,
    };
    world
        .app
        .bots
        .import_list(actor, &new, "raider_one\nraider_two\n")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_manages_the_community_sets_the_thresholds_and_moderators_read_them() {
    let mut world = World::sqlite().await;
    let (_, adm, mo) = staff(&mut world).await;
    let seen = mo.get(PAGE).await.expect(200).body;
    assert!(
        seen.contains("from 70 % on") && seen.contains("moderator and above"),
        "{seen}"
    );
    assert!(
        seen.contains("first seen 30 days ago, reputation of 740"),
        "{seen}"
    );
    assert!(!seen.contains("name=\"likely\""), "{seen}");
    assert!(
        seen.contains("Possible or more, from 50 % on</th><td class=\"num\">&#60; 0.1</td>")
            && seen.contains("had learned nothing. Here it may be otherwise."),
        "{seen}"
    );

    let fields = |likely, days| {
        [
            ("likely", likely),
            ("possible", "60"),
            ("is_dry_run", "on"),
            ("exempt_role", "vip"),
            ("trusted_days", days),
            ("trusted_score", ""),
        ]
    };
    mo.post(PAGE, &fields("80", "90")).await.expect(403);
    for (likely, days, field, words) in [
        ("most", "90", "likely", "from 1 to 100"),
        ("50", "90", "possible", "begins at or below"),
        ("80", "many", "trusted_days", "whole number, or nothing"),
        ("80", "4000", "trusted_days", "at most 3650 days"),
    ] {
        let wrong = adm.post(PAGE, &fields(likely, days)).await;
        let wrong = wrong.expect(422).body;
        for part in [format!("id=\"{field}-problem\"").as_str(), words] {
            assert!(wrong.contains(part), "{part}: {wrong}");
        }
        assert!(
            wrong.contains(&format!("value=\"{likely}\""))
                && wrong.contains(&format!("value=\"{days}\""))
                && wrong.contains("name=\"is_dry_run\" checked"),
            "what was typed is kept: {wrong}"
        );
    }
    let done = adm.post(PAGE, &fields("80", "90")).await.expect(303);
    assert_eq!(done.location(), format!("{PAGE}?done=bots-setting"));
    let after = adm.get(PAGE).await.expect(200).body;
    assert!(
        after.contains("value=\"80\"") && after.contains("name=\"is_dry_run\" checked"),
        "{after}"
    );
    let seen = mo.get(PAGE).await.expect(200).body;
    for part in [
        "from 80 % on",
        "from 60 % on",
        "yes, nobody is told",
        "vip and above",
        "first seen 90 days ago",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("reputation of 740"), "{seen}");
    let settings = adm.get("/c/ducks/settings").await.expect(200).body;
    assert!(settings.contains(&format!("href=\"{PAGE}\"")), "{settings}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_shown_with_where_it_comes_from_and_used_or_not() {
    let mut world = World::sqlite().await;
    let (ducks, adm, mo) = staff(&mut world).await;
    let empty = adm.get(PAGE).await.expect(200).body;
    assert!(empty.contains("waddlebot bots import-list"), "{empty}");
    let root = world.admin("root").await;
    list(&world, &root.actor).await;
    let seen = mo.get(PAGE).await.expect(200).body;
    for part in [
        "Known &#60;raiders&#62;",
        "bots nobody asked for on Twitch",
        "https://example.org/raiders",
        "after 180 days",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("/bots/lists/"), "{seen}");

    let known = world.app.bots.lists(&root.actor, ducks).await.unwrap();
    let (id, was_used) = (known[0].list.id, known[0].is_used);
    let form = format!("/c/ducks/bots/lists/{id}");
    let (to, done) = if was_used {
        ("no", "list-unused")
    } else {
        ("yes", "list-used")
    };
    mo.post(&form, &[("used", to)]).await.expect(403);
    adm.post(&form, &[("used", "perhaps")]).await.expect(404);
    adm.post("/c/ducks/bots/lists/999", &[("used", to)])
        .await
        .expect(404);
    let answer = adm.post(&form, &[("used", to)]).await.expect(303);
    assert_eq!(answer.location(), format!("{PAGE}?done={done}#lists"));
    let known = world.app.bots.lists(&root.actor, ducks).await.unwrap();
    assert_eq!(known[0].is_used, !was_used);
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_corrects_a_list_and_takes_it_back() {
    let mut world = World::sqlite().await;
    let (ducks, adm, mo) = staff(&mut world).await;
    let fields = |platform, name, ruling, reason| {
        [
            ("platform", platform),
            ("name", name),
            ("ruling", ruling),
            ("reason", reason),
        ]
    };
    for (name, reason, field) in [("", "ours", "name"), ("Our_Bot", "", "reason")] {
        let wrong = mo
            .post(CORRECTIONS, &fields("twitch", name, "service", reason))
            .await
            .expect(422)
            .body;
        assert!(
            wrong.contains(&format!("id=\"{field}-problem\""))
                && wrong.contains("value=\"twitch\" selected")
                && wrong.contains("value=\"service\" selected"),
            "{wrong}"
        );
    }
    for (name, platform) in [("Our_Bot", "twitch"), ("example.org", "domain")] {
        let said = mo
            .post(CORRECTIONS, &fields(platform, name, "wrong", "ours <b>"))
            .await
            .expect(303);
        assert_eq!(
            said.location(),
            format!("{PAGE}?done=corrected#corrections")
        );
    }
    let seen = mo.get(PAGE).await.expect(200).body;
    for part in [
        "our_bot",
        "example.org",
        "Domain",
        "ours &#60;b&#62;",
        "not unwanted",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let back = [("platform", "twitch"), ("name", "our_bot"), ("ruling", "")];
    let said = adm.post(CORRECTIONS, &back).await.expect(303);
    assert_eq!(
        said.location(),
        format!("{PAGE}?done=uncorrected#corrections")
    );
    let seen = mo.get(PAGE).await.expect(200).body;
    assert!(
        !seen.contains("our_bot") && seen.contains("example.org"),
        "{seen}"
    );
    mo.post(CORRECTIONS, &fields("myspace", "x", "wrong", "y"))
        .await
        .expect(422);
    let ann = world.person(ducks, "ann", Some(Role::Member)).await.user;
    let ann = Browser::of(&world, ann).await;
    ann.post(CORRECTIONS, &back).await.expect(403);
    world.close().await;
}
