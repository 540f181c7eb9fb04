//! Leases, fences, heartbeats, crashes, completion in the handler's own unit of work.

use std::{sync::Arc, time::Duration};

use kernel::{Actor, PageRequest};
use store::{
    job::{self, Claimed, JobError, Outcome, Queue, Ruling, State},
    sql,
};
use tokio::sync::Mutex;

use crate::world::{World, both, work};

both![
    a_crashed_workers_job_comes_back_after_its_lease,
    a_stale_workers_outcome_is_lost,
    heartbeats_keep_a_lease,
    a_heartbeat_does_not_wait_for_a_handler_that_completes,
    a_job_completes_in_the_unit_of_work_of_its_effects,
    many_jobs_are_ruled_on_in_one_unit_of_work_but_no_lost_one,
    a_job_that_ends_its_worker_three_times_is_dead_and_its_neighbours_live,
    a_crash_in_the_last_attempt_is_the_end,
    a_released_job_is_ready_again_without_an_attempt,
    four_workers_claim_a_thousand_jobs_once_each,
];

const LEASE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_micros(1);

async fn settle(
    world: &World,
    queue: &Queue,
    job: &Claimed,
    outcome: Outcome,
) -> Result<(), JobError> {
    queue
        .settle(job, &outcome, world.now(), &*world.entropy)
        .await
        .map(|_| ())
}

async fn a_crashed_workers_job_comes_back_after_its_lease(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work()).await.unwrap();
    let first = world.claim_one(&queue).await;
    assert_eq!(first.attempt, 1);
    world.advance(LEASE);
    assert!(
        world.claim(&queue, 1).await.is_empty(),
        "the lease still holds"
    );
    world.advance(MOMENT);
    let second = world.claim_one(&queue).await;
    assert_eq!((second.id, second.attempt), (id, 2));
    assert!(second.lease.fence > first.lease.fence);
}

async fn a_stale_workers_outcome_is_lost(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work()).await.unwrap();
    let stale = world.claim_one(&queue).await;
    world.advance(LEASE + MOMENT);
    let holder = world.claim_one(&queue).await;
    for outcome in [Outcome::Done, Outcome::retry("late"), Outcome::fail("late")] {
        assert!(matches!(
            settle(&world, &queue, &stale, outcome).await,
            Err(JobError::Lost)
        ));
    }
    assert!(matches!(
        queue.release(stale.lease).await,
        Err(JobError::Lost)
    ));
    let lost = queue
        .heartbeat(&[holder.lease, stale.lease], world.now())
        .await
        .unwrap();
    assert_eq!(lost, [stale.lease]);
    let mut unit = world.begin().await;
    assert!(matches!(
        stale.complete_in(&mut unit).await,
        Err(JobError::Lost)
    ));
    drop(unit);
    assert_eq!(world.job(id).await, Some((State::Leased, 2)));
    settle(&world, &queue, &holder, Outcome::Done)
        .await
        .unwrap();
    assert!(matches!(
        settle(&world, &queue, &stale, Outcome::Done).await,
        Err(JobError::Lost)
    ));
    assert_eq!(world.job(id).await, Some((State::Done, 2)));
}

async fn heartbeats_keep_a_lease(world: Arc<World>) {
    let queue = world.queue();
    for _ in 0..5 {
        world.enqueue(work()).await.unwrap();
    }
    let held: Vec<_> = world
        .claim(&queue, 5)
        .await
        .iter()
        .map(|job| job.lease)
        .collect();
    for _ in 0..10 {
        world.advance(LEASE);
        assert!(
            queue
                .heartbeat(&held[..3], world.now())
                .await
                .unwrap()
                .is_empty()
        );
        let back = world.claim(&queue, 10).await;
        assert!(back.iter().all(|job| !held[..3].contains(&job.lease)));
    }
    assert_eq!(queue.heartbeat(&held, world.now()).await.unwrap().len(), 2);
    assert!(queue.heartbeat(&[], world.now()).await.unwrap().is_empty());
}

async fn a_heartbeat_does_not_wait_for_a_handler_that_completes(world: Arc<World>) {
    let queue = world.queue();
    world.enqueue(work()).await.unwrap();
    let job = world.claim_one(&queue).await;
    let mut unit = world.begin().await;
    job.complete_in(&mut unit).await.unwrap();
    if !world.is_sqlite() {
        // On SQLite every writer waits for the one that writes.
        assert!(
            queue
                .heartbeat(&[job.lease], world.now())
                .await
                .unwrap()
                .is_empty()
        );
        world.advance(LEASE + MOMENT);
        assert!(
            world.claim(&queue, 1).await.is_empty(),
            "what is being completed is not taken back"
        );
    }
    unit.commit().await.unwrap();
    assert!(
        queue
            .heartbeat(&[job.lease], world.now())
            .await
            .unwrap()
            .is_empty(),
        "completed is not lost"
    );
}

async fn a_job_completes_in_the_unit_of_work_of_its_effects(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work()).await.unwrap();
    let job = world.claim_one(&queue).await;
    let effect = |unit: store::Work| async {
        let event = "INSERT INTO domain_event (kind, payload, at) VALUES ('effect', '{}', 0)";
        sql::execute(unit.conn(), event, vec![]).await.unwrap();
        unit
    };
    let mut unit = effect(world.begin().await).await;
    job.complete_in(&mut unit).await.unwrap();
    drop(unit);
    assert_eq!(
        world.job(id).await,
        Some((State::Leased, 1)),
        "rolled back together"
    );
    let mut unit = effect(world.begin().await).await;
    job.complete_in(&mut unit).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(world.job(id).await, Some((State::Done, 1)));
    assert_eq!(world.number("SELECT COUNT(*) FROM domain_event").await, 1);
    settle(&world, &queue, &job, Outcome::Done)
        .await
        .expect("the runner may say it again");
    let again = settle(&world, &queue, &job, Outcome::retry("no")).await;
    assert!(matches!(again, Err(JobError::Lost)), "done stays done");
}

async fn a_job_that_ends_its_worker_three_times_is_dead_and_its_neighbours_live(world: Arc<World>) {
    let queue = world.queue();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.enqueue(work()).await.unwrap());
    }
    let poison = ids[2];
    let mut crashes = 0;
    // Each round is one process: it takes what it can get, and while the poison is among it, ends
    // before anything else is done.
    for _ in 0..60 {
        let taken = world.claim(&queue, 5).await;
        if taken.iter().any(|job| job.id == poison) {
            crashes += 1;
            world.advance(LEASE + MOMENT);
            continue;
        }
        for job in &taken {
            settle(&world, &queue, job, Outcome::Done).await.unwrap();
        }
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(crashes, 3);
    for id in ids {
        let expected = if id == poison {
            State::Dead
        } else {
            State::Done
        };
        assert_eq!(
            world.job(id).await.map(|(state, _)| state),
            Some(expected),
            "{id}"
        );
    }
    let page = job::dead_letters(world.db.read(), &PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(
        page.items[0].reason,
        "its worker ended three times while running it"
    );
}

async fn a_crash_in_the_last_attempt_is_the_end(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work().max_attempts(1)).await.unwrap();
    world.claim_one(&queue).await;
    world.advance(LEASE + MOMENT);
    assert!(world.claim(&queue, 1).await.is_empty());
    assert_eq!(world.job(id).await, Some((State::Dead, 1)));
}

async fn a_released_job_is_ready_again_without_an_attempt(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work()).await.unwrap();
    let job = world.claim_one(&queue).await;
    queue.release(job.lease).await.unwrap();
    assert_eq!(world.job(id).await, Some((State::Ready, 0)));
    assert_eq!(world.claim_one(&queue).await.attempt, 1);
}

async fn four_workers_claim_a_thousand_jobs_once_each(world: Arc<World>) {
    let mut unit = world.begin().await;
    let jobs = (0..1_000).map(|n| crate::world::work_of(n % 7)).collect();
    job::enqueue_many(&mut unit, jobs).await.unwrap();
    unit.commit().await.unwrap();
    let (one, two) = (world.another().await, world.another().await);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let workers = [&one, &one, &two, &two].map(|db| {
        let (queue, seen, world) = (
            Queue::new(db.clone(), "worker"),
            Arc::clone(&seen),
            Arc::clone(&world),
        );
        tokio::spawn(async move {
            loop {
                let claimed = world.claim(&queue, 16).await;
                if claimed.is_empty()
                    && world
                        .number("SELECT COUNT(*) FROM job WHERE state = 1")
                        .await
                        == 0
                {
                    return;
                }
                for job in &claimed {
                    settle(&world, &queue, job, Outcome::Done).await.unwrap();
                }
                seen.lock().await.extend(claimed.iter().map(|job| job.id));
            }
        })
    });
    for worker in workers {
        worker.await.unwrap();
    }
    let mut seen = seen.lock().await.clone();
    assert_eq!(seen.len(), 1_000);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 1_000, "none was claimed twice");
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE state = 3 AND attempt = 1")
            .await,
        1_000
    );
    // A second unit of work of somebody else's is not disturbed by the workers' names.
    one.begin(&Actor::System("test"), world.now())
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
}

async fn many_jobs_are_ruled_on_in_one_unit_of_work_but_no_lost_one(world: Arc<World>) {
    let queue = world.queue();
    for _ in 0..70 {
        world.enqueue(work()).await.unwrap();
    }
    let mut held = world.claim(&queue, 64).await;
    held.extend(world.claim(&queue, 64).await);
    let soon = world.now().plus(LEASE);
    let rulings: Vec<_> = held
        .iter()
        .enumerate()
        .map(|(n, claimed)| {
            let reason = "a reason".to_owned();
            let ruling = match n % 4 {
                0 => Ruling::Done,
                1 | 2 => Ruling::Again {
                    at: soon,
                    reason,
                    counts: n % 4 == 1,
                },
                _ => Ruling::Dead { reason },
            };
            (claimed.lease, ruling)
        })
        .collect();
    // The first went to somebody else meanwhile.
    let lost = held[0].id;
    world
        .sql(&format!(
            "UPDATE job SET fence = fence + 1 WHERE id = {lost}"
        ))
        .await;
    let mut rolled_back = world.begin().await;
    job::rule(&mut rolled_back, &rulings).await.unwrap();
    drop(rolled_back);
    assert_eq!(world.job(held[1].id).await, Some((State::Leased, 1)));
    let mut unit = world.begin().await;
    let kept = job::rule(&mut unit, &rulings).await.unwrap();
    assert!(job::rule(&mut unit, &[]).await.unwrap().is_empty());
    unit.commit().await.unwrap();
    assert_eq!(kept.len(), 69);
    assert!(kept.iter().all(|lease| lease.id != lost));
    assert_eq!(world.job(lost).await, Some((State::Leased, 1)));
    for (n, claimed) in held.iter().enumerate().skip(1) {
        let expected = [
            (State::Done, 1),
            (State::Waiting, 1),
            (State::Waiting, 0),
            (State::Dead, 1),
        ][n % 4];
        assert_eq!(world.job(claimed.id).await, Some(expected), "{n}");
    }
    world.advance(LEASE.saturating_sub(MOMENT));
    assert!(world.claim(&queue, 64).await.is_empty());
    world.advance(MOMENT);
    assert_eq!(world.claim(&queue, 64).await.len(), 35);
}
