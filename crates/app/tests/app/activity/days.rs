//! On how many days somebody wrote is kept beside their messages, and is what counting says: every world
//! compares it when it ends.

use std::{sync::Arc, time::Duration};

use activity::Incoming;
use kernel::{Actor, Clock, CommunityId, Platform, Source};
use store::Work;
use testkit::{World, message, on_both};

use super::{DAY, everybody, members};

/// Something that ann said with her account on a platform.
fn said(world: &mut World, community: CommunityId, platform: Platform) -> Incoming {
    let mut event = world.event("ann", message("quack"));
    event.platform = platform;
    Incoming { community, event }
}

/// Ann's accounts on Discord and Twitch, which are known to be hers.
async fn ann(world: &mut World) -> CommunityId {
    let pond = world.community("Pond").await;
    for platform in [Platform::Discord, Platform::Twitch] {
        let incoming = said(world, pond, platform);
        world.record(vec![incoming]).await;
    }
    let one = "(SELECT MIN(a.user_id) FROM platform_account a)";
    for table in ["platform_account", "activity_day"] {
        world
            .sql(&format!("UPDATE {table} SET user_id = {one}"))
            .await;
    }
    world
        .sql(&format!("DELETE FROM member WHERE user_id <> {one}"))
        .await;
    pond
}

async fn days(world: &World) -> i64 {
    world.number("SELECT SUM(active_days) FROM member").await
}

on_both! {
    async fn a_day_counts_once_for_all_accounts_in_whatever_order_it_is_told(world: World) {
        let pond = ann(&mut world).await;
        assert_eq!(days(&world).await, 1);
        world.clock.advance(DAY * 3);
        // Both accounts in one batch, and then one of them again.
        let both = vec![said(&mut world, pond, Platform::Discord), said(&mut world, pond, Platform::Twitch)];
        world.record(both).await;
        assert_eq!(days(&world).await, 2);
        let again = said(&mut world, pond, Platform::Twitch);
        world.record(vec![again]).await;
        assert_eq!(days(&world).await, 2);
        // A day between is told late, by each account for itself.
        for platform in [Platform::Twitch, Platform::Discord] {
            let mut late = said(&mut world, pond, platform);
            late.event.sent_at = world.clock.now().minus(DAY * 2);
            late.event.source = Source::Import;
            world.record(vec![late]).await;
            assert_eq!(days(&world).await, 3, "{platform}");
        }
        let found = members(&world, pond, &everybody()).await;
        assert_eq!((found.len(), found[0].active_days), (1, 3));
        // The words go, the days stay.
        let cutoff = world.clock.now().minus(Duration::from_secs(1));
        let scope = activity::Scope::LiveAndImported;
        world.app.activity.purge(&world.system(), pond, cutoff, scope).await.unwrap();
        assert_eq!(days(&world).await, 3);
    }

    async fn days_from_before_they_were_kept_are_counted_when_the_column_comes(world: World) {
        let pond = ann(&mut world).await;
        for _ in 0..3 {
            world.clock.advance(DAY);
            let incoming = said(&mut world, pond, Platform::Twitch);
            world.record(vec![incoming]).await;
        }
        world.say(pond, "bob", "hello").await;
        world.sql("ALTER TABLE member DROP COLUMN active_days").await;
        world.sql("DELETE FROM schema_step WHERE name = 'm0027_active_days'").await;
        let report = store::migration::run(world.app.db(), world.clock.now()).await.unwrap();
        assert_eq!(report.applied, ["m0027_active_days"]);
        assert_eq!(days(&world).await, 5);
    }
}

async fn recording(world: &World, incoming: Incoming) -> Work {
    let db = world.app.db();
    let mut work = db
        .begin(&Actor::System("ingest"), world.clock.now())
        .await
        .unwrap();
    activity::record(&mut work, &world.app.identity, &[incoming])
        .await
        .unwrap();
    work
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_that_open_the_same_day_of_one_person_count_it_once() {
    let Some(mut world) = World::postgres().await else {
        return;
    };
    let pond = ann(&mut world).await;
    world.clock.advance(DAY);
    let (first, second) = (
        said(&mut world, pond, Platform::Discord),
        said(&mut world, pond, Platform::Twitch),
    );
    let work = recording(&world, first).await;
    let world = Arc::new(world);
    let there = Arc::clone(&world);
    let other = tokio::spawn(async move { there.record(vec![second]).await });
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while !other.is_finished() && world.number(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!other.is_finished(), "it did not wait for the first");
    work.commit().await.unwrap();
    assert_eq!(other.await.unwrap().recorded, 1);
    assert_eq!(days(&world).await, 2);
    Arc::into_inner(world).unwrap().close().await;
}
