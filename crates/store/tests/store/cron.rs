//! Cron entries: slots, restarts, catch-up, two nodes.

use std::{sync::Arc, time::Duration};

use kernel::Timestamp;
use store::{
    Db,
    job::{CatchUp, CronEntry, CronError, Runner, cron},
    sql,
};

use crate::world::{NOON, World, both};

both![
    an_entry_fires_from_its_first_slot_after_registration,
    a_restart_neither_repeats_nor_forgets_a_slot,
    after_a_pause_only_the_newest_slot_fires,
    after_a_pause_all_slots_fire_up_to_a_bound,
    after_a_pause_no_slot_fires_unless_it_is_fresh,
    two_nodes_enqueue_a_slot_once,
    a_changed_expression_takes_effect_and_a_removed_entry_is_gone,
    an_expression_that_names_no_time_is_refused,
    a_damaged_entry_does_not_stop_the_others,
    the_runner_runs_what_cron_enqueues,
];

const HOURLY: CronEntry = CronEntry {
    name: "tidy",
    expression: "0 * * * *",
    kind: "work",
    catch_up: CatchUp::Latest,
};
const HOUR: Duration = Duration::from_hours(1);

async fn register(world: &World, entry: CronEntry) {
    cron::register(&world.db, world.now(), &[entry])
        .await
        .unwrap();
}

async fn tick(world: &World) -> usize {
    cron::tick(&world.db, world.now()).await.unwrap()
}

/// The slots enqueued so far, in hours after noon.
async fn slots(db: &Db) -> Vec<i64> {
    let rows = sql::rows(
        db.read(),
        "SELECT due_at FROM job ORDER BY due_at, id",
        vec![],
    )
    .await
    .unwrap();
    rows.iter()
        .map(|row| (row.try_get_by_index::<i64>(0).unwrap() - NOON.0) / 3_600_000_000)
        .collect()
}

async fn an_entry_fires_from_its_first_slot_after_registration(world: Arc<World>) {
    register(&world, HOURLY).await;
    assert_eq!(tick(&world).await, 0, "the slot at this instant has passed");
    world.advance(HOUR.saturating_sub(Duration::from_micros(1)));
    assert_eq!(tick(&world).await, 0);
    world.advance(Duration::from_micros(1));
    assert_eq!(tick(&world).await, 1);
    assert_eq!(tick(&world).await, 0);
    let job = world.claim_one(&world.queue()).await;
    let at = NOON.plus(HOUR);
    assert_eq!((job.kind.as_str(), job.due_at), ("work", at));
    assert_eq!(
        job.payload,
        serde_json::json!({ "cron": "tidy", "slot_ms": at.millis() })
    );
    assert_eq!(
        cron::next_at(world.db.read()).await.unwrap(),
        Some(NOON.plus(2 * HOUR))
    );
}

async fn a_restart_neither_repeats_nor_forgets_a_slot(world: Arc<World>) {
    register(&world, HOURLY).await;
    world.advance(HOUR);
    assert_eq!(tick(&world).await, 1);
    register(&world, HOURLY).await;
    assert_eq!(tick(&world).await, 0);
    world.advance(HOUR + Duration::from_mins(30));
    register(&world, HOURLY).await;
    assert_eq!(
        tick(&world).await,
        1,
        "the slot that passed while nothing ran"
    );
    assert_eq!(slots(&world.db).await, [1, 2]);
    // The clock is set back: what has fired stays fired.
    let back = NOON.plus(Duration::from_mins(30));
    cron::register(&world.db, back, &[HOURLY]).await.unwrap();
    assert_eq!(cron::tick(&world.db, back).await.unwrap(), 0);
    assert_eq!(cron::tick(&world.db, NOON.plus(2 * HOUR)).await.unwrap(), 0);
}

async fn after_a_pause_only_the_newest_slot_fires(world: Arc<World>) {
    register(&world, HOURLY).await;
    world.advance(100 * HOUR + Duration::from_mins(59));
    assert_eq!(tick(&world).await, 1);
    assert_eq!(slots(&world.db).await, [100]);
}

async fn after_a_pause_all_slots_fire_up_to_a_bound(world: Arc<World>) {
    register(
        &world,
        CronEntry {
            catch_up: CatchUp::All { max: 4 },
            ..HOURLY
        },
    )
    .await;
    world.advance(3 * HOUR);
    assert_eq!(tick(&world).await, 3);
    world.advance(100 * HOUR);
    assert_eq!(tick(&world).await, 4);
    assert_eq!(slots(&world.db).await, [1, 2, 3, 100, 101, 102, 103]);
    assert_eq!(
        world.number("SELECT last_at FROM cron").await,
        NOON.plus(103 * HOUR).0
    );
}

async fn after_a_pause_no_slot_fires_unless_it_is_fresh(world: Arc<World>) {
    register(
        &world,
        CronEntry {
            catch_up: CatchUp::Skip,
            ..HOURLY
        },
    )
    .await;
    world.advance(3 * HOUR + Duration::from_mins(1));
    assert_eq!(tick(&world).await, 0);
    world.advance(Duration::from_secs(3_570));
    assert_eq!(tick(&world).await, 1, "half a minute late is not missed");
    assert_eq!(slots(&world.db).await, [4]);
}

async fn two_nodes_enqueue_a_slot_once(world: Arc<World>) {
    register(
        &world,
        CronEntry {
            catch_up: CatchUp::All { max: 50 },
            ..HOURLY
        },
    )
    .await;
    let (one, two) = (world.another().await, world.another().await);
    for _ in 0..20 {
        world.advance(HOUR);
        // The second node's clock is five seconds behind.
        let (now, behind) = (world.now(), world.now().minus(Duration::from_secs(5)));
        let ticks = tokio::join!(
            cron::tick(&one, now),
            cron::tick(&two, now),
            cron::tick(&one, now),
            cron::tick(&two, behind),
        );
        let n = ticks.0.unwrap() + ticks.1.unwrap() + ticks.2.unwrap() + ticks.3.unwrap();
        assert_eq!(n, 1);
        assert_eq!(cron::tick(&two, behind).await.unwrap(), 0);
        // Even when the job has been done in between.
        world.sql("UPDATE job SET state = 3, finished_at = 0").await;
    }
    assert_eq!(slots(&world.db).await, (1..=20).collect::<Vec<_>>());
}

async fn a_changed_expression_takes_effect_and_a_removed_entry_is_gone(world: Arc<World>) {
    register(&world, HOURLY).await;
    register(
        &world,
        CronEntry {
            expression: "30 */2 * * *",
            kind: "other",
            ..HOURLY
        },
    )
    .await;
    assert_eq!(
        cron::next_at(world.db.read()).await.unwrap(),
        Some(NOON.plus(Duration::from_mins(30)))
    );
    world.advance(HOUR);
    assert_eq!(tick(&world).await, 1);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE kind = 'other'")
            .await,
        1
    );
    cron::register(&world.db, world.now(), &[]).await.unwrap();
    assert_eq!(cron::next_at(world.db.read()).await.unwrap(), None);
    world.advance(100 * HOUR);
    assert_eq!(tick(&world).await, 0);
}

async fn an_expression_that_names_no_time_is_refused(world: Arc<World>) {
    for expression in ["", "often", "61 * * * *", "0 0 30 2 *"] {
        let refused = cron::register(
            &world.db,
            NOON,
            &[CronEntry {
                expression,
                ..HOURLY
            }],
        )
        .await;
        assert!(
            matches!(refused, Err(CronError::Expression { name: "tidy", .. })),
            "{expression}: {refused:?}"
        );
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM cron").await, 0);
}

async fn a_damaged_entry_does_not_stop_the_others(world: Arc<World>) {
    let other = CronEntry {
        name: "other",
        ..HOURLY
    };
    cron::register(&world.db, NOON, &[HOURLY, other])
        .await
        .unwrap();
    world
        .sql("UPDATE cron SET expression = 'damaged' WHERE name = 'other'")
        .await;
    world.advance(HOUR);
    assert_eq!(tick(&world).await, 1);
    cron::register(&world.db, world.now(), &[HOURLY, other])
        .await
        .unwrap();
    world.advance(HOUR);
    assert_eq!(tick(&world).await, 2, "registered again it is sound");
}

async fn the_runner_runs_what_cron_enqueues(world: Arc<World>) {
    register(&world, HOURLY).await;
    let counter = Arc::new(crate::runner::Counting::default());
    let runner = Runner::new(
        world.db.clone(),
        world.clock.clone(),
        world.entropy.clone(),
        "test",
    )
    .handler(counter.clone())
    .with_cron();
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 0);
    for hour in 1..=5 {
        world.advance(HOUR);
        assert_eq!(runner.run_due(world.now()).await.unwrap(), 1);
        assert_eq!(counter.n(), hour);
    }
    assert_eq!(runner.run_due(Timestamp(0)).await.unwrap(), 0);
}
