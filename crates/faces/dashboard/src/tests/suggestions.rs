//! Who may be one person, on the pages of moderators, of the person and of administrators.

use activity::Incoming;
use kernel::{EventKind, Platform, Role};
use testkit::World;

use super::browser::Browser;

const LIST: &str = "/c/ducks/members/suggestions";

fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_is_shown_to_those_it_is_for_and_dismissed_for_good_or_not() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world
        .person(ducks, "quackmaster_77", Some(Role::Member))
        .await
        .user;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let mut event = world.event("quackmaster_77", EventKind::Join);
    event.platform = Platform::Twitch;
    world
        .record(vec![Incoming {
            community: ducks,
            event,
        }])
        .await;
    let mo = Browser::of(&world, mo).await;
    let own = Browser::of(&world, ann).await;
    let members = mo.get("/c/ducks/members").await.expect(200).body;
    assert!(members.contains(&format!("href=\"{LIST}\"")), "{members}");
    let empty = mo.get(LIST).await.expect(200).body;
    assert!(empty.contains("Nobody looks like somebody else"), "{empty}");
    assert!(
        !own.get("/me/merge")
            .await
            .expect(200)
            .body
            .contains("May this be you")
    );

    world.app.activity.find_suggestions().await.unwrap();
    let list = mo.get(LIST).await.expect(200).body;
    for part in [
        "60 %",
        "possible",
        "Both accounts have the same handle. The name is a rare one.",
        "Not the same person",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let (low, high) = (
        hidden(&list, "low").to_owned(),
        hidden(&list, "high").to_owned(),
    );
    let form = |say| [("low", low.as_str()), ("high", high.as_str()), ("say", say)];
    let card = format!("/c/ducks/members/{ann}");
    let page = mo.get(&card).await.expect(200).body;
    assert!(page.contains("quackmaster_77 on Twitch</a>"), "{page}");

    let me = own.get("/me/merge").await.expect(200).body;
    for part in [
        "May this be you?",
        "quackmaster_77 on Twitch",
        "/me/accounts",
        "Not me",
    ] {
        assert!(me.contains(part), "{part}: {me}");
    }
    assert!(!me.contains("60 %"), "how sure it is, is for others");
    own.post(LIST, &form("unlike")).await.expect(403);
    let said = own
        .post("/me/merge/suggestions", &form("unlike"))
        .await
        .expect(303);
    assert_eq!(said.location(), "/me/merge?done=not-me");
    let me = own.get(said.location()).await.expect(200).body;
    assert!(me.contains("You said that this is not you"), "{me}");
    assert!(mo.get(LIST).await.expect(200).body.contains("60 %"));
    own.post("/me/merge/suggestions", &form("undo"))
        .await
        .expect(303);

    let mut from_card = form("unlike").to_vec();
    let id = ann.to_string();
    from_card.push(("member", &id));
    let said = mo.post(LIST, &from_card).await.expect(303);
    assert_eq!(said.location(), format!("{card}?done=unlike"));
    let page = mo.get(&card).await.expect(200).body;
    assert!(page.contains("not the same person, said"), "{page}");
    assert!(
        mo.get(LIST)
            .await
            .expect(200)
            .body
            .contains("Nobody looks like")
    );
    let kept = mo
        .get(&format!("{LIST}?show=dismissed"))
        .await
        .expect(200)
        .body;
    assert!(
        kept.contains("Undo") && kept.contains("quackmaster_77"),
        "{kept}"
    );
    let undone = mo.post(LIST, &form("undo")).await.expect(303);
    assert_eq!(undone.location(), format!("{LIST}?done=perhaps"));
    mo.post(LIST, &form("sure")).await.expect(404);
    mo.get(&format!("{LIST}?after=zz")).await.expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_asks_both_sides_of_a_guess_and_nothing_has_moved() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world
        .person(ducks, "quackmaster_77", Some(Role::Member))
        .await
        .user;
    let mut event = world.event("quackmaster_77", EventKind::Join);
    event.platform = Platform::Twitch;
    world
        .record(vec![Incoming {
            community: ducks,
            event,
        }])
        .await;
    world.app.activity.find_suggestions().await.unwrap();
    let root = world.admin("root").await;
    let root = Browser::of(&world, root.user).await;
    let page = root.get("/admin/merges").await.expect(200).body;
    assert!(page.contains("neither signs in"), "{page}");
    world
        .sql(&format!("UPDATE users SET claimed_at = 1 WHERE id = {ann}"))
        .await;
    let page = root.get("/admin/merges").await.expect(200).body;
    assert_eq!(hidden(&page, "kept"), ann.to_string());
    let form = [
        ("kept", hidden(&page, "kept")),
        ("merged", hidden(&page, "merged")),
    ];
    root.post("/admin/merges", &form).await.expect(303);
    let page = root.get("/admin/merges").await.expect(200).body;
    assert!(page.contains("has not confirmed yet"), "{page}");
    let accounts = format!("SELECT COUNT(*) FROM platform_account WHERE user_id = {ann}");
    assert_eq!(world.number(&accounts).await, 1);
    world.close().await;
}
