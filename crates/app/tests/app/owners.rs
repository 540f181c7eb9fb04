//! On PostgreSQL several units of work write at once: a batch of chat that has resolved its accounts
//! and a change of their owner wait for each other.

use std::sync::Arc;

use activity::Incoming;
use kernel::{Actor, Clock, CommunityId, Role};
use store::Work;
use testkit::{Person, World, message};

use super::links::{link, seated, sign_in};

/// A batch that has recorded what ada said and has not committed.
async fn recording(world: &mut World, community: CommunityId) -> Work {
    let event = world.event("ada", message("quack"));
    let mut work = world
        .app
        .db()
        .begin(&Actor::System("ingest"), world.clock.now())
        .await
        .unwrap();
    let batch = [Incoming { community, event }];
    activity::record(&mut work, &world.app.identity, &batch)
        .await
        .unwrap();
    work
}

/// Waits until a change waits for the batch, or is done without having waited.
async fn until_it_waits<T>(world: &World, change: &tokio::task::JoinHandle<T>) {
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while !change.is_finished() && world.number(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!change.is_finished(), "it did not wait for the batch");
}

/// Rows about what somebody said.
async fn rows_of(world: &World, person: &Person) -> i64 {
    let of = |table: &str| {
        format!(
            "(SELECT COUNT(*) FROM {table} WHERE user_id = {})",
            person.user
        )
    };
    world
        .number(&format!("SELECT {} + {}", of("member"), of("activity_day")))
        .await
}

async fn pond(world: &mut World) -> (CommunityId, Person) {
    let pond = world.community("Pond").await;
    let ada = world.person(pond, "ada", Some(Role::Member)).await;
    (pond, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_way_leaves_nothing_with_somebody_who_was_absorbed() {
    let Some(mut world) = World::postgres().await else {
        return;
    };
    let (pond, ada) = pond(&mut world).await;
    let ann = world.admin("ann").await;
    let batch = recording(&mut world, pond).await;
    let world = Arc::new(world);
    let (there, her) = (Arc::clone(&world), ann.clone());
    let change = tokio::spawn(async move { link(&there, &her, "discord", "id-ada").await });
    until_it_waits(&world, &change).await;
    batch.commit().await.unwrap();
    change.await.unwrap().unwrap();
    assert_eq!(rows_of(&world, &ada).await, 0);
    assert_eq!(rows_of(&world, &ann).await, 2, "what was said is hers");
    Arc::into_inner(world).unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_way_leaves_nothing_with_somebody_who_was_merged() {
    let Some(mut world) = World::postgres().await else {
        return;
    };
    let (pond, ada) = pond(&mut world).await;
    let ann = world.admin("ann").await;
    sign_in(&world, "discord", "id-ada").await.unwrap();
    // Proving it asks for a merge and stands for ada's confirmation.
    link(&world, &ann, "discord", "id-ada").await.unwrap_err();
    let merge = world.app.identity.merges(&ann.actor).await.unwrap()[0].id;
    let session = seated(&world, &ann).await;
    let batch = recording(&mut world, pond).await;
    let (identity, her) = (world.app.identity.clone(), ann.actor.clone());
    let side = identity::MergeSide::Kept;
    let change = tokio::spawn(async move {
        identity
            .confirm_merge(&her, session, None, merge, side)
            .await
    });
    until_it_waits(&world, &change).await;
    batch.commit().await.unwrap();
    let merged = change.await.unwrap().unwrap();
    assert_eq!(merged.state, identity::MergeState::Done);
    assert_eq!(rows_of(&world, &ada).await, 0);
    assert_eq!(rows_of(&world, &ann).await, 2);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_way_leaves_nothing_with_somebody_who_was_erased() {
    let Some(mut world) = World::postgres().await else {
        return;
    };
    let (pond, ada) = pond(&mut world).await;
    sign_in(&world, "discord", "id-ada").await.unwrap();
    let session = seated(&world, &ada).await;
    let asked = world
        .app
        .identity
        .request_erasure(&ada.actor, session, None)
        .await;
    asked.unwrap();
    world
        .clock
        .advance(std::time::Duration::from_secs(15 * 86_400));
    let batch = recording(&mut world, pond).await;
    let app = Arc::clone(&world.app);
    let change = tokio::spawn(async move { app.tend_privacy().await });
    until_it_waits(&world, &change).await;
    batch.commit().await.unwrap();
    assert_eq!(change.await.unwrap().unwrap(), 1);
    // What was counted stays, under a number that leads to nobody.
    for table in ["member", "message", "chat_event"] {
        assert_eq!(
            world.number(&format!("SELECT COUNT(*) FROM {table}")).await,
            0,
            "{table}"
        );
    }
    world.close().await;
}
