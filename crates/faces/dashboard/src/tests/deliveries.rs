//! The page of messages sent: what became of each and why, and what can be done about it.

use std::sync::Arc;

use app::jobs;
use delivery::{DeliveryFilter, DeliveryId, NewDelivery, Priority};
use kernel::{
    Act, Actor, Address, CarryError, Clock, CommunityId, Draft, Medium, Mentions, Order,
    PageRequest, Role,
};
use testkit::{Setup, TestCourier, World};

use super::browser::Browser;

const PAGE: &str = "/c/ducks/deliveries";

async fn post(world: &World, community: CommunityId, key: &str) -> DeliveryId {
    let order = Order {
        medium: Medium::Discord,
        address: Address::Channel {
            server: "9000".into(),
            channel: "general".into(),
        },
        act: Act::Post,
        draft: Draft::text("secret words"),
        reply_to: None,
        mentions: Mentions::Nobody,
        nonce: String::new(),
    };
    let new = NewDelivery::new(community, key, Priority::Sync, order);
    let system = Actor::System("commands");
    world.app.deliveries.post(&system, new).await.unwrap()
}

async fn run(world: &World) {
    let runner = jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_shows_why_and_is_sent_again_at_a_press() {
    let mut world = World::sqlite().await;
    let courier = TestCourier::new(Medium::Discord);
    world
        .restart(Setup {
            couriers: vec![Arc::<TestCourier>::clone(&courier)],
            ..Setup::default()
        })
        .await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let browser = Browser::of(&world, mo.user).await;
    let empty = browser.get(PAGE).await.expect(200).body;
    assert!(empty.contains("Nothing said yet"), "{empty}");
    courier.answer([Err(CarryError::Refused("Missing <Permissions>".into()))]);
    let id = post(&world, ducks, "a").await;
    run(&world).await;
    let failed = browser.get(PAGE).await.expect(200).body;
    for words in [
        "Failed",
        "Missing &#60;Permissions&#62;",
        "#general",
        "system:commands",
    ] {
        assert!(failed.contains(words), "{words}: {failed}");
    }
    assert!(!failed.contains("secret words"));
    let retry = format!("{PAGE}/{id}/retry");
    assert!(failed.contains(&retry));
    let answer = browser.post(&retry, &[]).await.expect(303);
    assert_eq!(answer.location(), format!("{PAGE}?done=retrying"));
    run(&world).await;
    let sent = browser
        .get(&format!("{PAGE}?state=sent"))
        .await
        .expect(200)
        .body;
    assert!(sent.contains("general") && !sent.contains(&retry));
    browser.post(&retry, &[]).await.expect(409);
    let none = browser.get(&format!("{PAGE}?state=failed")).await.body;
    assert!(none.contains("No such messages"));
    browser.get(&format!("{PAGE}?state=lost")).await.expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_cancelled_by_its_own_moderators_only_and_pages_show_all() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let geese = world.community("Geese").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let gus = world.person(geese, "gus", Some(Role::Moderator)).await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    let browser = Browser::of(&world, mo.user).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(post(&world, ducks, &n.to_string()).await);
    }
    let first = browser.get(PAGE).await.expect(200).body;
    let (before, _) = first.split_once("rel=\"next\"").unwrap();
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    let next = href.split('"').next().unwrap().replace("&#38;", "&");
    let second = browser.get(&next).await.expect(200).body;
    let count = |body: &str| body.matches("<th scope=\"row\">").count();
    assert_eq!((count(&first), count(&second)), (50, 10));
    let cancel = format!("{PAGE}/{}/cancel", ids[0]);
    let elsewhere = format!("/c/geese/deliveries/{}/cancel", ids[0]);
    let stranger = Browser::of(&world, gus.user).await;
    stranger.post(&cancel, &[]).await.expect(404);
    stranger.post(&elsewhere, &[]).await.expect(404);
    let member = Browser::of(&world, mia.user).await;
    member.post(&cancel, &[]).await.expect(403);
    let answer = browser.post(&cancel, &[]).await.expect(303);
    assert_eq!(answer.location(), format!("{PAGE}?done=cancelled"));
    let filter = DeliveryFilter {
        state: Some(delivery::State::Cancelled),
        medium: None,
    };
    let cancelled = world
        .app
        .deliveries
        .list(&mo.actor, ducks, filter, &PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(cancelled.items.len(), 1);
    world.expect_leftovers();
    world.close().await;
}
