//! The pages of webhooks: a whole life of one, by forms alone.

use std::sync::Arc;

use app::jobs;
use kernel::{Clock, HookReply, Role};
use testkit::{Setup, TestHooks, World};

use super::browser::Browser;

const LIST: &str = "/c/ducks/settings/webhooks";

async fn run(world: &World) {
    let runner = jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_tried_out_put_right_and_removed_on_its_pages() {
    let mut world = World::sqlite().await;
    let hooks = TestHooks::new();
    world
        .restart(Setup {
            hooks: Arc::clone(&hooks),
            ..Setup::default()
        })
        .await;
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", Some(Role::Admin)).await;
    let browser = Browser::of(&world, ada.user).await;
    let empty = browser.get(LIST).await.expect(200).body;
    assert!(empty.contains("No webhooks yet"), "{empty}");
    let new = format!("{LIST}/new");
    let form = browser.get(&new).await.expect(200).body;
    assert!(form.contains("identity.role_changed") && !form.contains("webhook.ping"));
    let wrong = [
        ("url", "http://a.example"),
        ("description", "<b>"),
        ("wants", "all"),
    ];
    let refused = browser.post(&new, &wrong).await.expect(422).body;
    assert!(
        refused.contains("url-problem") && refused.contains("&#60;b&#62;"),
        "{refused}"
    );
    let none = [("url", "https://a.example"), ("wants", "some")];
    let refused = browser.post(&new, &none).await.expect(422).body;
    assert!(refused.contains("Choose at least one kind"), "{refused}");
    let kinds = [
        ("url", "https://receiver.example/s3cret"),
        ("wants", "some"),
        ("kinds", "identity.role_changed"),
        ("kinds", "identity.person_merged"),
    ];
    let made = browser.post(&new, &kinds).await.expect(200).body;
    assert!(
        made.contains("whsec_") && made.contains("identity.person_merged"),
        "{made}"
    );
    let listed = browser.get(LIST).await.expect(200).body;
    assert!(
        listed.contains("receiver.example") && !listed.contains("s3cret"),
        "{listed}"
    );
    assert!(listed.contains("2 kinds"), "{listed}");
    let own = format!("{LIST}/1");
    let page = browser.get(&own).await.expect(200).body;
    assert!(
        !page.contains("whsec_") && page.contains("Nothing sent yet"),
        "{page}"
    );

    hooks.always(Ok(HookReply {
        status: 500,
        retry_after: None,
        excerpt: "<script>alert(1)</script>".to_owned(),
    }));
    let pinged = browser.post(&format!("{own}/ping"), &[]).await.expect(303);
    let message = pinged.location().to_owned();
    assert!(
        browser
            .get(&message)
            .await
            .expect(200)
            .body
            .contains("None yet")
    );
    run(&world).await;
    let tried = browser.get(&message).await.expect(200).body;
    assert!(
        tried.contains("500") && tried.contains("&#60;script&#62;alert"),
        "{tried}"
    );
    assert!(
        tried.contains("webhook.ping") && tried.contains("Next try"),
        "{tried}"
    );
    let page = browser.get(&own).await.expect(200).body;
    assert!(
        page.contains("Every try fails") && page.contains("next try"),
        "{page}"
    );
    browser
        .get(&format!("{own}?state=nonsense"))
        .await
        .expect(422);

    browser.post(&format!("{own}/pause"), &[]).await.expect(303);
    let paused = browser.get(&own).await.expect(200).body;
    assert!(
        paused.contains("Let it go on") && !paused.contains("Send a ping"),
        "{paused}"
    );
    browser.post(&format!("{own}/ping"), &[]).await.expect(409);
    browser
        .post(&format!("{own}/resume"), &[])
        .await
        .expect(303);
    hooks.always(TestHooks::status(410));
    run(&world).await;
    world.clock.advance(std::time::Duration::from_secs(10));
    run(&world).await;
    let off = browser.get(&own).await.expect(200).body;
    assert!(
        off.contains("Switched off") && off.contains("410 (gone)"),
        "{off}"
    );
    browser
        .post(&format!("{own}/resume"), &[])
        .await
        .expect(303);
    hooks.always(TestHooks::status(204));
    let replay = format!("{own}/replay");
    let again = browser.post(&replay, &[("hours", "24")]).await.expect(303);
    assert_eq!(again.location(), format!("{own}?done=sent-again"));
    run(&world).await;
    let delivered = browser
        .get(&format!("{own}?state=delivered"))
        .await
        .expect(200)
        .body;
    assert!(
        delivered.contains("webhook.ping") && delivered.contains("Send again"),
        "{delivered}"
    );
    let nothing = browser.post(&replay, &[("hours", "24")]).await.expect(303);
    assert_eq!(nothing.location(), format!("{own}?done=nothing-failed"));
    browser.post(&replay, &[("hours", "0")]).await.expect(422);

    let rotated = browser
        .post(&format!("{own}/secret"), &[])
        .await
        .expect(200)
        .body;
    assert!(rotated.contains("whsec_") && rotated.contains("The secret before signs until"));
    let change = [
        ("url", "https://new.example/"),
        ("description", "kitchen"),
        ("wants", "all"),
    ];
    let saved = browser
        .post(&format!("{own}/change"), &change)
        .await
        .expect(303);
    assert_eq!(saved.location(), format!("{own}?done=saved"));
    let page = browser.get(&own).await.expect(200).body;
    assert!(
        page.contains("kitchen") && page.contains("all events"),
        "{page}"
    );
    assert!(
        browser
            .get(&format!("{own}/remove"))
            .await
            .expect(200)
            .body
            .contains("https://new.example")
    );
    browser
        .post(&format!("{own}/remove"), &[])
        .await
        .expect(303);
    browser.get(&own).await.expect(404);
    browser.get(&message).await.expect(404);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_not_found_under_another_community() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let lake = world.community("Lake").await;
    let ada = world.person(ducks, "ada", Some(Role::Owner)).await;
    let system = world.system();
    let identity = &world.app.identity;
    identity
        .set_role(&system, lake, ada.user, Some(Role::Owner))
        .await
        .unwrap();
    let new = webhook::NewWebhook {
        url: "https://receiver.example/".to_owned(),
        ..webhook::NewWebhook::default()
    };
    world
        .app
        .webhooks
        .create(&system, ducks, &new)
        .await
        .unwrap();
    let browser = Browser::of(&world, ada.user).await;
    browser
        .get("/c/ducks/settings/webhooks/1")
        .await
        .expect(200);
    for path in ["1", "1/change", "1/remove", "x", "2"] {
        browser
            .get(&format!("/c/lake/settings/webhooks/{path}"))
            .await
            .expect(404);
    }
    browser
        .post("/c/lake/settings/webhooks/1/remove", &[])
        .await
        .expect(404);
    world.close().await;
}
