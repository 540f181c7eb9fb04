//! Communities, kinds and priorities are served in turn.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use store::job::{self, NewJob, Priority, Room};

use crate::world::{World, both, work, work_of};

both![
    a_community_with_twenty_thousand_jobs_does_not_delay_another,
    five_hundred_communities_are_served_in_turn,
    a_kind_without_room_is_passed_over,
    free_slots_are_filled_from_whoever_has_jobs,
];

async fn enqueue(world: &World, jobs: Vec<NewJob>) {
    let mut unit = world.begin().await;
    job::enqueue_many(&mut unit, jobs).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_community_with_twenty_thousand_jobs_does_not_delay_another(world: Arc<World>) {
    enqueue(&world, (0..20_000).map(|_| work_of(1)).collect()).await;
    world.advance(Duration::from_secs(1));
    enqueue(
        &world,
        vec![work_of(2), work(), work_of(3).priority(Priority::Bulk)],
    )
    .await;
    let claimed = world.claim(&world.queue(), 16).await;
    assert_eq!(claimed.len(), 16);
    for community in [Some(kernel::CommunityId(2)), None] {
        assert!(
            claimed.iter().any(|job| job.community == community),
            "{community:?}"
        );
    }
    assert!(
        claimed.iter().all(|job| job.priority == Priority::Sync),
        "a lower priority waits"
    );
}

async fn five_hundred_communities_are_served_in_turn(world: Arc<World>) {
    enqueue(&world, (0..5_000).map(|n| work_of(1 + n % 500)).collect()).await;
    let queue = world.queue();
    let mut served = BTreeSet::new();
    for _ in 0..500_usize.div_ceil(16) {
        served.extend(
            world
                .claim(&queue, 16)
                .await
                .into_iter()
                .map(|job| job.community),
        );
    }
    assert_eq!(served.len(), 500, "each has had its turn");
}

async fn a_kind_without_room_is_passed_over(world: Arc<World>) {
    let of = |kind| {
        (0..500).map(move |n| {
            NewJob::new(kind, serde_json::json!({})).community(kernel::CommunityId(n))
        })
    };
    enqueue(
        &world,
        of("full")
            .chain(of("narrow"))
            .chain(of("unknown"))
            .collect(),
    )
    .await;
    enqueue(&world, vec![work().priority(Priority::Backfill)]).await;
    let room = Room::new(16)
        .kind("full", 0)
        .kind("narrow", 3)
        .kind("work", 10);
    let claimed = world.queue().claim(world.now(), &room).await.unwrap();
    let kinds: Vec<&str> = claimed.iter().map(|job| job.kind.as_str()).collect();
    assert_eq!(kinds, ["narrow", "narrow", "narrow", "work"]);
}

async fn free_slots_are_filled_from_whoever_has_jobs(world: Arc<World>) {
    enqueue(
        &world,
        (0..100)
            .map(|_| work_of(1))
            .chain([work_of(2), work_of(3)])
            .collect(),
    )
    .await;
    enqueue(
        &world,
        (0..100)
            .map(|_| work_of(4).priority(Priority::Bulk))
            .collect(),
    )
    .await;
    let queue = world.queue();
    assert_eq!(world.claim(&queue, 64).await.len(), 64);
    let second = world.claim(&queue, 1_000).await;
    assert_eq!(second.len(), 64, "a batch is bounded");
    let n_bulk = second
        .iter()
        .filter(|job| job.priority == Priority::Bulk)
        .count();
    assert_eq!(n_bulk, 64 - (102 - 64));
    assert!(world.claim(&queue, 0).await.is_empty());
}
