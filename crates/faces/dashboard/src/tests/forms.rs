//! Making and changing communities, and the instance's pages.

use kernel::Role;
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_community_is_listed_and_begins_with_advice() {
    let world = World::sqlite().await;
    let root = world.admin("root").await;
    let browser = Browser::of(&world, root.user).await;
    assert!(browser.get("/").await.body.contains("waddlebot import"));
    let fields = [
        ("name", "Pond & <Friends>"),
        ("slug", ""),
        ("description", "all\nducks"),
    ];
    let done = browser.post("/communities/new", &fields).await.expect(303);
    assert_eq!(done.location(), "/c/pond-friends/health?done=created");
    let page = browser.get(done.location()).await.expect(200).body;
    assert!(
        page.contains("Nothing heard yet") && page.contains("--community pond-friends"),
        "{page}"
    );
    let list = browser.get("/").await.body;
    assert!(list.contains("Pond &#38; &#60;Friends&#62;") && !list.contains("<Friends>"));
    let again = [
        ("name", "Other"),
        ("slug", "pond-friends"),
        ("description", ""),
    ];
    let answer = browser.post("/communities/new", &again).await.expect(422);
    assert!(answer.body.contains("is taken") && answer.body.contains("value=\"Other\""));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_saved_or_come_back_with_what_is_wrong() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", Some(Role::Admin)).await;
    let browser = Browser::of(&world, ada.user).await;
    let page = browser.get("/c/ducks/settings").await.expect(200).body;
    assert!(page.contains("Imported history is not touched"));
    let save = async |days: &str| {
        let fields = [
            ("name", "Mallards"),
            ("description", "quack"),
            ("retention_days", days),
        ];
        browser.post("/c/ducks/settings", &fields).await
    };
    for bad in ["", "0", "many", "3651", "-1"] {
        let answer = save(bad).await.expect(422);
        assert!(
            answer.body.contains("retention_days-problem"),
            "{bad}: {}",
            answer.body
        );
        assert!(
            answer.body.contains("value=\"Mallards\""),
            "what was typed is kept"
        );
    }
    let done = save("365").await.expect(303);
    let page = browser.get(done.location()).await.expect(200).body;
    assert!(
        page.contains("Saved.")
            && page.contains("value=\"365\"")
            && page.contains("value=\"Mallards\"")
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_changed_by_those_who_may_and_the_log_tells() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let olga = world.person(ducks, "olga", Some(Role::Owner)).await;
    let ada = world.person(ducks, "ada", Some(Role::Admin)).await;
    let mia = world.person(ducks, "mia", None).await;
    let path = |user| format!("/c/ducks/members/{user}/role");
    let admin = Browser::of(&world, ada.user).await;

    let form = admin.get(&path(mia.user)).await.expect(200).body;
    assert!(
        form.contains("Role of mia") && form.contains("mia</strong> on Discord"),
        "{form}"
    );
    assert!(
        !form.contains("value=\"owner\""),
        "an admin cannot make owners"
    );
    let back = "/c/ducks/members?q=mia";
    let fields = [("role", "moderator"), ("return_to", back)];
    let done = admin.post(&path(mia.user), &fields).await.expect(303);
    assert_eq!(done.location(), "/c/ducks/members?q=mia&done=role");
    let list = admin.get(done.location()).await.expect(200).body;
    assert!(list.contains("The role was changed.") && list.contains("role-moderator"));

    let answer = admin
        .post(&path(olga.user), &[("role", "member")])
        .await
        .expect(422);
    assert!(
        answer.body.contains("Only roles below your own"),
        "{}",
        answer.body
    );
    let owner = Browser::of(&world, olga.user).await;
    let answer = owner
        .post(&path(olga.user), &[("role", "member")])
        .await
        .expect(422);
    assert!(
        answer.body.contains("would have no owner"),
        "{}",
        answer.body
    );
    let moderator = Browser::of(&world, mia.user).await;
    moderator
        .post(&path(ada.user), &[("role", "")])
        .await
        .expect(403);
    admin
        .post(&path(mia.user), &[("role", "king")])
        .await
        .expect(422);
    admin.get(&path(kernel::UserId(9_999))).await.expect(404);

    let root = world.admin("root").await;
    let log = Browser::of(&world, root.user)
        .await
        .get("/admin/audit")
        .await
        .expect(200)
        .body;
    assert!(
        log.contains("member.role.change") && log.contains(&format!("user:{}", ada.user)),
        "{log}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_jobs_and_events_put_aside_are_shown_and_can_be_handled() {
    let mut world = World::sqlite().await;
    world.expect_leftovers();
    let ducks = world.community("Ducks").await;
    let event = world.event("eve", testkit::message("x"));
    let incoming = activity::Incoming {
        community: ducks,
        event,
    };
    world
        .app
        .activity
        .quarantine(&incoming, "the <id> is too long", "{}")
        .await
        .unwrap();
    let root = world.admin("root").await;
    let browser = Browser::of(&world, root.user).await;
    let page = browser.get("/admin/jobs").await.expect(200).body;
    assert!(
        page.contains("the &#60;id&#62; is too long") && page.contains("Nothing failed for good"),
        "{page}"
    );
    let status = browser.get("/admin").await.expect(200).body;
    assert!(status.contains("SQLite") && status.contains("✓ healthy"));
    browser
        .post("/admin/jobs/999/replay", &[])
        .await
        .expect(404);
    browser.post("/admin/jobs/x/discard", &[]).await.expect(404);
    world.close().await;
}
