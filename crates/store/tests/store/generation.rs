//! Generations grow with every change that may be seen, and with nothing else.

use std::sync::Arc;

use kernel::CommunityId;
use store::{Reach, Shown};

use crate::world::{World, both};

both![
    a_change_is_seen_by_whoever_may_see_it,
    what_says_nothing_has_changed_everything,
    the_widest_reach_counts,
    a_rolled_back_unit_of_work_has_changed_nothing,
    changes_at_the_same_moment_all_count,
];

const POND: CommunityId = CommunityId(1);
const LAKE: CommunityId = CommunityId(2);

/// The generations of all, of the pond, of the lake, of both, and of no community.
async fn generations(world: &World) -> [i64; 5] {
    let shown = [
        Shown::Everything,
        Shown::Communities(&[POND]),
        Shown::Communities(&[LAKE]),
        Shown::Communities(&[POND, LAKE]),
        Shown::Communities(&[]),
    ];
    let mut found = [0; 5];
    for (place, shown) in found.iter_mut().zip(shown) {
        *place = world.db.generation(shown).await.unwrap();
    }
    found
}

async fn commit(world: &World, reaches: &[Reach]) {
    let mut work = world.begin().await;
    for reach in reaches {
        work.reaches(*reach);
    }
    work.commit().await.unwrap();
}

async fn a_change_is_seen_by_whoever_may_see_it(world: Arc<World>) {
    let before = generations(&world).await;
    let grown = |by: [i64; 5]| std::array::from_fn(|n| before[n] + by[n]);
    commit(&world, &[Reach::Community(POND)]).await;
    assert_eq!(generations(&world).await, grown([1, 1, 0, 1, 0]));
    commit(&world, &[Reach::Community(LAKE)]).await;
    assert_eq!(generations(&world).await, grown([2, 1, 1, 2, 0]));
    commit(&world, &[Reach::Everything]).await;
    assert_eq!(generations(&world).await, grown([3, 2, 2, 3, 1]));
    commit(&world, &[Reach::Nothing]).await;
    assert_eq!(generations(&world).await, grown([3, 2, 2, 3, 1]));
    let many: Vec<CommunityId> = (1..=500).map(CommunityId).collect();
    let of_many = world
        .db
        .generation(Shown::Communities(&many))
        .await
        .unwrap();
    assert_eq!(of_many, grown([3, 0, 0, 0, 0])[0]);
}

async fn what_says_nothing_has_changed_everything(world: Arc<World>) {
    let before = generations(&world).await;
    commit(&world, &[]).await;
    let after = generations(&world).await;
    assert!(
        after
            .iter()
            .zip(before)
            .all(|(after, before)| *after > before)
    );
}

async fn the_widest_reach_counts(world: Arc<World>) {
    let before = generations(&world).await;
    commit(
        &world,
        &[
            Reach::Nothing,
            Reach::Community(LAKE),
            Reach::Community(POND),
            Reach::Nothing,
        ],
    )
    .await;
    let both = generations(&world).await;
    assert_eq!(both[3] - before[3], 2);
    assert_eq!(both[4], before[4]);
    commit(
        &world,
        &[Reach::Community(LAKE), Reach::Everything, Reach::Nothing],
    )
    .await;
    assert_eq!(generations(&world).await[4], both[4] + 1);
}

async fn a_rolled_back_unit_of_work_has_changed_nothing(world: Arc<World>) {
    let before = generations(&world).await;
    drop(world.begin().await);
    assert_eq!(generations(&world).await, before);
}

async fn changes_at_the_same_moment_all_count(world: Arc<World>) {
    let before = generations(&world).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            let reaches = match n % 3 {
                0 => vec![Reach::Community(LAKE), Reach::Community(POND)],
                1 => vec![Reach::Community(POND), Reach::Community(LAKE)],
                _ => vec![],
            };
            commit(&world, &reaches).await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let after = generations(&world).await;
    assert_eq!(after[1] - before[1], 20);
    assert_eq!(after[4] - before[4], 6);
}
