//! A member's page and the change of a score by hand.

use kernel::Role;
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_a_member_and_changes_the_score_once_with_a_reason() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await.user;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let browser = Browser::of(&world, mo.user).await;
    let page = format!("/c/ducks/members/{ann}");
    let members = browser.get("/c/ducks/members").await.expect(200).body;
    assert!(members.contains(&format!("href=\"{page}\"")), "{members}");
    let empty = browser.get(&page).await.expect(200).body;
    assert!(
        empty.contains("600 of 850") && empty.contains("only summed up"),
        "{empty}"
    );

    let form = format!("{page}/reputation");
    let wrong = [("points", "many"), ("note", "helped"), ("key", "a")];
    let wrong = browser.post(&form, &wrong).await.expect(422).body;
    assert!(
        wrong.contains("id=\"points-problem\"") && wrong.contains("helped"),
        "{wrong}"
    );
    let right = [("points", "-110"), ("note", "shouted <b>"), ("key", "a")];
    for _ in 0..2 {
        let done = browser.post(&form, &right).await.expect(303);
        assert_eq!(done.location(), format!("{page}?done=reputation"));
    }
    let after = browser.get(&page).await.expect(200).body;
    assert!(
        after.contains("490 of 850") && after.contains("at risk"),
        "{after}"
    );
    assert!(after.contains("shouted &#60;b&#62;"), "{after}");
    let list = browser.get("/c/ducks/reputation").await.expect(200).body;
    assert!(
        list.contains(&format!("<a href=\"{page}\">ann</a>")),
        "{list}"
    );
    let own = browser.get(&format!("/c/ducks/members/{}", mo.user)).await;
    assert!(!own.expect(200).body.contains("Change the score"));
    let ann = Browser::of(&world, ann).await;
    let me = ann.get("/me").await.expect(200).body;
    assert!(me.contains("Everywhere") && me.contains("490"), "{me}");
    ann.post(&form, &right).await.expect(403);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_manages_the_community_decides_what_counts_and_others_see_it() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let adm = world.person(ducks, "adm", Some(Role::Admin)).await.user;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let (adm, mo) = (
        Browser::of(&world, adm).await,
        Browser::of(&world, mo).await,
    );
    let (page, form) = ("/c/ducks/reputation", "/c/ducks/reputation/weights");
    let seen = mo.get(page).await.expect(200).body;
    assert!(
        seen.contains("What counts") && !seen.contains(form),
        "{seen}"
    );
    mo.post(form, &[("chat", "0.5")]).await.expect(403);

    for (value, words) in [("many", "at most three decimals"), ("1.5", "from 0 to 1")] {
        let wrong = adm.post(form, &[("follow", "2.5"), ("chat", value)]).await;
        let wrong = wrong.expect(422).body;
        let kept = format!("name=\"chat\" value=\"{value}\"");
        assert!(
            wrong.contains("id=\"chat-problem\"") && wrong.contains(words) && wrong.contains(&kept),
            "{wrong}"
        );
        assert!(wrong.contains("value=\"2.5\""), "{wrong}");
    }
    let fields = [("follow", "2.5"), ("chat", ""), ("warn", "-1,25")];
    let done = adm.post(form, &fields).await.expect(303);
    assert_eq!(done.location(), "/c/ducks/reputation?done=weights");
    let after = adm.get(page).await.expect(200).body;
    assert!(after.contains("name=\"warn\" value=\"-1.25\""), "{after}");
    let seen = mo.get(page).await.expect(200).body;
    assert!(
        seen.contains("-1.25 <span class=\"fine\">(-25 elsewhere)"),
        "{seen}"
    );
    adm.post(form, &[("reset", "1"), ("follow", "7")])
        .await
        .expect(303);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM reputation_weight").await,
        0
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_likely_a_bot_is_among_those_at_risk_and_counted_on_the_health_page() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    for name in ["ann", "spam", "spam", "bob"] {
        world.say(ducks, name, "quack").await;
    }
    let moderator = Browser::of(&world, mo.user).await;
    let list = moderator.get("/c/ducks/reputation").await.expect(200).body;
    assert!(list.contains("Nobody is at 500 or below"), "{list}");
    let spam = world.user_of(ducks, "spam").await;
    world
        .sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) SELECT {ducks}, MIN(id), 0, 1, 930000, 500000, 0, 0, 1 \
             FROM platform_account WHERE user_id = {spam}"
        ))
        .await;
    let list = moderator.get("/c/ducks/reputation").await.expect(200).body;
    let row = format!("<a href=\"/c/ducks/members/{spam}\">spam</a>");
    assert!(
        list.contains(&row) && list.contains("<td>likely a bot</td>"),
        "{list}"
    );
    let page = format!("/c/ducks/members/{spam}");
    let page = moderator.get(&page).await.expect(200).body;
    assert!(
        page.contains("likely a bot, so not called trusted"),
        "{page}"
    );
    let member = Browser::of(&world, mia.user).await;
    let health = member.get("/c/ducks/health").await.expect(200).body;
    let words = "Of the 3 who wrote in the last 30 days, 1 is a called or likely bot, with 50 % of the messages.";
    assert!(
        health.contains(words) && !health.contains("spam"),
        "{health}"
    );
    world.close().await;
}
