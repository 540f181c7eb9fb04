//! Suspicious patterns on the pages of moderators.

use std::time::Duration;

use kernel::Role;
use testkit::World;

use super::browser::Browser;

const LIST: &str = "/c/ducks/members/suspicious";

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_read_judged_and_reopened_by_moderators_and_hidden_from_others() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await.user;
    let mo = Browser::of(&world, mo).await;
    let members = mo.get("/c/ducks/members").await.expect(200).body;
    assert!(members.contains(&format!("href=\"{LIST}\"")), "{members}");
    let empty = mo.get(LIST).await.expect(200).body;
    assert!(empty.contains("Nothing suspicious"), "{empty}");
    for n in 1..=12 {
        world.say(ducks, &format!("<raider>_{n}"), "hi").await;
    }
    world.clock.advance(Duration::from_secs(3_600));
    world.app.activity.watch().await.unwrap();
    let list = mo.get(LIST).await.expect(200).body;
    for part in [
        "Handles that differ by a number",
        "12 newcomers of the last 30 days have the same handle with different numbers.",
        "&#60;raider&#62;_1",
        "and 2 more",
        "Dismiss",
        "Confirm",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let (_, rest) = list.split_once("id=\"flag-").unwrap();
    let flag = format!("{LIST}/{}", rest.split('"').next().unwrap());
    let raider = world.user_of(ducks, "<raider>_3").await;
    let card = format!("/c/ducks/members/{raider}");
    let page = mo.get(&card).await.expect(200).body;
    assert!(
        page.contains("id=\"suspicious\"") && page.contains("12 newcomers"),
        "{page}"
    );
    let other = mo
        .get(&format!("/c/ducks/members/{ann}"))
        .await
        .expect(200)
        .body;
    assert!(!other.contains("id=\"suspicious\""), "{other}");

    let member = raider.to_string();
    let said = mo
        .post(&flag, &[("state", "dismissed"), ("member", &member)])
        .await
        .expect(303);
    assert_eq!(said.location(), format!("{card}?done=dismissed"));
    let open = mo.get(&format!("{LIST}?state=open")).await.expect(200).body;
    assert!(open.contains("No such flags"), "{open}");
    let kept = mo
        .get(&format!("{LIST}?state=dismissed"))
        .await
        .expect(200)
        .body;
    assert!(
        kept.contains("12 newcomers") && kept.contains("Undo"),
        "{kept}"
    );
    mo.post(&flag, &[("state", "confirmed")]).await.expect(422);
    let undone = mo.post(&flag, &[("state", "open")]).await.expect(303);
    assert_eq!(undone.location(), format!("{LIST}?done=reopened"));
    mo.post(&flag, &[("state", "confirmed")]).await.expect(303);
    mo.post(&flag, &[("state", "guilty")]).await.expect(404);
    mo.post(&format!("{LIST}/999"), &[("state", "open")])
        .await
        .expect(404);
    mo.get(&format!("{LIST}?state=guilty")).await.expect(422);

    let ann = Browser::of(&world, ann).await;
    ann.get(LIST).await.expect(403);
    ann.post(&flag, &[("state", "open")]).await.expect(403);
    world.close().await;
}
