//! The runner: tasks, panics, bounds, draining, lost leases.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Actor, Clock, JobId, PageRequest, Timestamp};
use store::{
    AfterCommit, Db, Notice,
    job::{self, Claimed, Handler, NewJob, Outcome, Runner, State, Waker},
    sql,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::world::{World, both, work};

both![
    everything_due_at_an_instant_runs_and_what_that_enqueues,
    a_panic_is_a_failed_attempt,
    an_attempt_that_takes_too_long_is_stopped,
    two_runners_run_a_thousand_jobs_once_each,
    a_kind_keeps_to_its_bound_and_the_runner_to_its_own,
    a_kind_with_slots_of_its_own_neither_takes_nor_waits_for_the_common_ones,
    what_a_handler_recorded_itself_is_left_as_it_is,
    a_commit_wakes_the_runner,
    a_stop_waits_for_running_jobs,
    a_stop_gives_back_what_does_not_end,
    a_job_that_went_to_another_worker_is_stopped_here,
    a_clock_that_jumps_does_not_start_a_job_twice,
    a_killed_runners_job_is_run_by_another,
    the_runner_outlives_a_database_that_is_away,
    a_database_that_was_away_longer_than_a_lease_does_not_start_a_job_twice,
];

/// Counts its runs and tells when it has run.
#[derive(Default)]
pub(crate) struct Counting {
    n: AtomicUsize,
    ran: Notify,
}

impl Counting {
    pub(crate) fn n(&self) -> usize {
        self.n.load(Ordering::SeqCst)
    }

    async fn reaches(&self, n: usize) {
        while self.n() < n {
            self.ran.notified().await;
        }
    }
}

#[async_trait::async_trait]
impl Handler for Counting {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        self.n.fetch_add(1, Ordering::SeqCst);
        self.ran.notify_one();
        Outcome::Done
    }
}

/// Something that happens a number of times, none of which is lost if nobody waits yet.
struct Signal(Semaphore);

impl Default for Signal {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Signal {
    fn give(&self) {
        self.0.add_permits(1);
    }

    async fn take(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Starts, says so, and goes on when told; says also when it has ended or was stopped.
#[derive(Default)]
struct Gate {
    running: AtomicUsize,
    most: AtomicUsize,
    started: Signal,
    go: Signal,
    ended: Arc<Signal>,
}

struct Ended(Arc<Signal>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.give();
    }
}

#[async_trait::async_trait]
impl Handler for Gate {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        let _ended = Ended(Arc::clone(&self.ended));
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.started.give();
        self.go.take().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Outcome::Done
    }
}

fn runner(world: &World, db: &Db, handler: Arc<dyn Handler>) -> Runner {
    Runner::new(
        db.clone(),
        world.clock.clone(),
        world.entropy.clone(),
        "test",
    )
    .handler(handler)
}

fn spawn(runner: Runner) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let token = stop.clone();
    (stop, tokio::spawn(async move { runner.run(token).await }))
}

/// Enqueues its successor until the count in its payload is used up.
struct Chain(Db);

#[async_trait::async_trait]
impl Handler for Chain {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let left = job.payload["left"].as_i64().unwrap();
        let mut unit = self
            .0
            .begin(&Actor::System("chain"), job.created_at)
            .await
            .unwrap();
        if left > 0 {
            let payload = serde_json::json!({ "left": left - 1 });
            unit.enqueue(NewJob { payload, ..work() }).await.unwrap();
        }
        job.complete_in(&mut unit).await.unwrap();
        unit.commit().await.unwrap();
        Outcome::Done
    }
}

async fn everything_due_at_an_instant_runs_and_what_that_enqueues(world: Arc<World>) {
    let runner = runner(&world, &world.db, Arc::new(Chain(world.db.clone())));
    world
        .enqueue(NewJob {
            payload: serde_json::json!({ "left": 9 }),
            ..work()
        })
        .await;
    let later = world.now().plus(Duration::from_secs(1));
    world
        .enqueue(
            NewJob {
                payload: serde_json::json!({ "left": 0 }),
                ..work()
            }
            .due_at(later),
        )
        .await;
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 10);
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 0);
    assert_eq!(runner.run_due(later).await.unwrap(), 1);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE state = 3")
            .await,
        11
    );
}

struct Panicking;

#[async_trait::async_trait]
impl Handler for Panicking {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        panic!("attempt {} of a test", job.attempt);
    }
}

async fn a_panic_is_a_failed_attempt(world: Arc<World>) {
    let id = world.enqueue(work().max_attempts(2)).await.unwrap();
    let runner = runner(&world, &world.db, Arc::new(Panicking));
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 1);
    assert_eq!(world.job(id).await, Some((State::Waiting, 1)));
    world.advance(Duration::from_mins(1));
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 1);
    assert_eq!(world.job(id).await, Some((State::Dead, 2)));
    let page = job::dead_letters(world.db.read(), &PageRequest::first(1))
        .await
        .unwrap();
    assert_eq!(page.items[0].reason, "panicked");
}

struct Endless;

#[async_trait::async_trait]
impl Handler for Endless {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        std::future::pending().await
    }

    fn time_limit(&self) -> Duration {
        Duration::from_millis(1)
    }
}

async fn an_attempt_that_takes_too_long_is_stopped(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    assert_eq!(
        runner(&world, &world.db, Arc::new(Endless))
            .run_due(world.now())
            .await
            .unwrap(),
        1
    );
    assert_eq!(world.job(id).await, Some((State::Waiting, 1)));
}

#[derive(Default)]
struct Recording {
    ids: Mutex<Vec<JobId>>,
    counting: Counting,
}

#[async_trait::async_trait]
impl Handler for Recording {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        self.ids.lock().unwrap().push(job.id);
        self.counting.run(job).await
    }
}

async fn two_runners_run_a_thousand_jobs_once_each(world: Arc<World>) {
    let mut unit = world.begin().await;
    job::enqueue_many(&mut unit, (0..1_000).map(|_| work()).collect())
        .await
        .unwrap();
    unit.commit().await.unwrap();
    let handler = Arc::new(Recording::default());
    let (one, two) = (world.another().await, world.another().await);
    let running = [&one, &two].map(|db| spawn(runner(&world, db, handler.clone())));
    handler.counting.reaches(1_000).await;
    for (stop, ended) in running {
        stop.cancel();
        ended.await.unwrap();
    }
    let mut ids = handler.ids.lock().unwrap().clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), handler.counting.n()), (1_000, 1_000));
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE state = 3 AND attempt = 1")
            .await,
        1_000
    );
}

/// A gate of another kind.
struct Other(Arc<Gate>);

#[async_trait::async_trait]
impl Handler for Other {
    fn kind(&self) -> &'static str {
        "other"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        self.0.run(job).await
    }
}

async fn a_kind_keeps_to_its_bound_and_the_runner_to_its_own(world: Arc<World>) {
    for _ in 0..10 {
        world.enqueue(work()).await.unwrap();
        world
            .enqueue(NewJob::new("other", serde_json::json!({})))
            .await
            .unwrap();
    }
    let (narrow, wide) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let runner = Runner::new(
        world.db.clone(),
        world.clock.clone(),
        world.entropy.clone(),
        "test",
    )
    .handler_at_most(narrow.clone(), 1)
    .handler(Arc::new(Other(wide.clone())))
    .concurrency(4);
    let (stop, ended) = spawn(runner);
    // One of the narrow kind and three of the wide kind run; the others wait for them.
    narrow.started.take().await;
    for _ in 0..3 {
        wide.started.take().await;
    }
    for gate in [&narrow, &wide] {
        for _ in 0..10 {
            gate.go.give();
        }
    }
    for gate in [&narrow, &wide] {
        for _ in 0..10 {
            gate.ended.take().await;
        }
    }
    stop.cancel();
    ended.await.unwrap();
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE state = 3")
            .await,
        20
    );
    assert_eq!(narrow.most.load(Ordering::SeqCst), 1);
    assert!((3..=4).contains(&wide.most.load(Ordering::SeqCst)));
}

/// A gate of another kind with two slots of its own.
struct Apart(Arc<Gate>);

#[async_trait::async_trait]
impl Handler for Apart {
    fn kind(&self) -> &'static str {
        "apart"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        self.0.run(job).await
    }

    fn slots(&self) -> Option<usize> {
        Some(2)
    }
}

async fn a_kind_with_slots_of_its_own_neither_takes_nor_waits_for_the_common_ones(
    world: Arc<World>,
) {
    let (common, apart) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let runner = runner(&world, &world.db, common.clone())
        .handler(Arc::new(Apart(apart.clone())))
        .concurrency(1);
    for _ in 0..4 {
        world.enqueue(work()).await.unwrap();
        world
            .enqueue(NewJob::new("apart", serde_json::json!({})))
            .await
            .unwrap();
    }
    let (stop, ended) = spawn(runner);
    // One of the common slots and both of the others are taken at the same time.
    common.started.take().await;
    for _ in 0..2 {
        apart.started.take().await;
    }
    for gate in [&common, &apart] {
        for _ in 0..4 {
            gate.go.give();
        }
        for _ in 0..4 {
            gate.ended.take().await;
        }
    }
    stop.cancel();
    ended.await.unwrap();
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM job WHERE state = 3")
            .await,
        8
    );
    let most = |gate: &Gate| gate.most.load(Ordering::SeqCst);
    assert_eq!((most(&common), most(&apart)), (1, 2));
}

/// Rules on its own job: once «again», then «dead».
struct Ruling(Db);

#[async_trait::async_trait]
impl Handler for Ruling {
    fn kind(&self) -> &'static str {
        "work"
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let mut unit = self
            .0
            .begin(&Actor::System("ruling"), job.due_at)
            .await
            .unwrap();
        let ruling = if job.attempt == 1 {
            job::Ruling::Again {
                at: job.due_at.plus(Duration::from_secs(5)),
                reason: "not yet".to_owned(),
                counts: true,
            }
        } else {
            job::Ruling::Dead {
                reason: "enough".to_owned(),
            }
        };
        job::rule(&mut unit, &[(job.lease, ruling)]).await.unwrap();
        unit.commit().await.unwrap();
        Outcome::Recorded
    }
}

async fn what_a_handler_recorded_itself_is_left_as_it_is(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    let runner = runner(&world, &world.db, Arc::new(Ruling(world.db.clone())));
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 1);
    assert_eq!(world.job(id).await, Some((State::Waiting, 1)));
    world.advance(Duration::from_secs(5));
    assert_eq!(runner.run_due(world.now()).await.unwrap(), 1);
    assert_eq!(world.job(id).await, Some((State::Dead, 2)));
    let page = job::dead_letters(world.db.read(), &PageRequest::first(1))
        .await
        .unwrap();
    assert_eq!(page.items[0].reason, "enough");
}

struct Hook(Waker);

impl AfterCommit for Hook {
    fn committed(&self, _notices: Vec<Notice>, jobs_enqueued: bool) {
        if jobs_enqueued {
            self.0.wake();
        }
    }
}

async fn a_commit_wakes_the_runner(world: Arc<World>) {
    let handler = Arc::new(Counting::default());
    let waker = Waker::default();
    world.db.after_commit(Arc::new(Hook(waker.clone())));
    let (stop, ended) = spawn(runner(&world, &world.db, handler.clone()).with_waker(waker));
    for n in 1..=20 {
        world.enqueue(work()).await.unwrap();
        handler.reaches(n).await;
    }
    stop.cancel();
    ended.await.unwrap();
}

async fn a_stop_waits_for_running_jobs(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let (stop, ended) = spawn(runner(&world, &world.db, gate.clone()));
    gate.started.take().await;
    stop.cancel();
    let unclaimed = world.enqueue(work()).await.unwrap();
    gate.go.give();
    ended.await.unwrap();
    assert_eq!(world.job(id).await, Some((State::Done, 1)));
    assert_eq!(world.job(unclaimed).await, Some((State::Ready, 0)));
}

async fn a_stop_gives_back_what_does_not_end(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let (stop, ended) = spawn(runner(&world, &world.db, gate.clone()).drain_within(Duration::ZERO));
    gate.started.take().await;
    stop.cancel();
    ended.await.unwrap();
    gate.ended.take().await;
    assert_eq!(
        world.job(id).await,
        Some((State::Ready, 0)),
        "ready at once, the attempt not counted"
    );
}

async fn a_job_that_went_to_another_worker_is_stopped_here(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let runner = runner(&world, &world.db, gate.clone());
    let waker = runner.waker();
    let (stop, ended) = spawn(runner);
    gate.started.take().await;
    // Another worker took it, as after a long pause of this process.
    sql::execute(world.db.write(), "UPDATE job SET fence = fence + 1", vec![])
        .await
        .unwrap();
    world.advance(Duration::from_secs(10));
    waker.wake();
    gate.ended.take().await;
    stop.cancel();
    ended.await.unwrap();
    assert_eq!(
        world.job(id).await,
        Some((State::Leased, 1)),
        "the other worker's lease stands"
    );
}

async fn a_clock_that_jumps_does_not_start_a_job_twice(world: Arc<World>) {
    let first = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let runner = runner(&world, &world.db, gate.clone());
    let waker = runner.waker();
    let (stop, ended) = spawn(runner);
    gate.started.take().await;
    world.advance(Duration::from_hours(1));
    // Its lease seems to have run out long ago; the next round claims.
    let second = world.enqueue(work()).await.unwrap();
    waker.wake();
    gate.started.take().await;
    assert_eq!(world.job(first).await, Some((State::Leased, 1)));
    assert_eq!(gate.most.load(Ordering::SeqCst), 2);
    for _ in 0..2 {
        gate.go.give();
    }
    for _ in 0..2 {
        gate.ended.take().await;
    }
    stop.cancel();
    ended.await.unwrap();
    for id in [first, second] {
        assert_eq!(world.job(id).await, Some((State::Done, 1)));
    }
}

async fn a_killed_runners_job_is_run_by_another(world: Arc<World>) {
    let id = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let (_stop, ended) = spawn(runner(&world, &world.db, gate.clone()));
    gate.started.take().await;
    ended.abort();
    ended.await.unwrap_err();
    world.advance(Duration::from_secs(31));
    let counting = Arc::new(Counting::default());
    let another = world.another().await;
    let n_run = runner(&world, &another, counting)
        .run_due(world.now())
        .await
        .unwrap();
    assert_eq!((n_run, world.job(id).await), (1, Some((State::Done, 2))));
}

/// Says when it was asked.
struct Asked(Arc<World>, Notify);

impl Clock for Asked {
    fn now(&self) -> Timestamp {
        self.1.notify_one();
        self.0.now()
    }
}

async fn the_runner_outlives_a_database_that_is_away(world: Arc<World>) {
    let handler = Arc::new(Counting::default());
    let clock = Arc::new(Asked(Arc::clone(&world), Notify::new()));
    let runner = Runner::new(
        world.db.clone(),
        clock.clone(),
        world.entropy.clone(),
        "test",
    )
    .handler(handler.clone());
    let waker = runner.waker();
    let (stop, ended) = spawn(runner);
    world.enqueue(work()).await.unwrap();
    handler.reaches(1).await;
    // Without its table every statement of the runner fails. Each round asks the clock twice, so
    // after six questions at least one whole round has failed.
    world.sql("ALTER TABLE job RENAME TO job_away").await;
    for _ in 0..6 {
        waker.wake();
        clock.1.notified().await;
    }
    world.sql("ALTER TABLE job_away RENAME TO job").await;
    world.enqueue(work()).await.unwrap();
    waker.wake();
    handler.reaches(2).await;
    stop.cancel();
    ended.await.unwrap();
}

async fn a_database_that_was_away_longer_than_a_lease_does_not_start_a_job_twice(
    world: Arc<World>,
) {
    let first = world.enqueue(work()).await.unwrap();
    let gate = Arc::new(Gate::default());
    let clock = Arc::new(Asked(Arc::clone(&world), Notify::new()));
    let runner = Runner::new(
        world.db.clone(),
        clock.clone(),
        world.entropy.clone(),
        "test",
    )
    .handler(gate.clone());
    let waker = runner.waker();
    let (stop, ended) = spawn(runner);
    gate.started.take().await;
    world.sql("ALTER TABLE job RENAME TO job_away").await;
    world.advance(Duration::from_secs(31));
    // Rounds in which the lease cannot be extended.
    for _ in 0..8 {
        waker.wake();
        clock.1.notified().await;
    }
    world.sql("ALTER TABLE job_away RENAME TO job").await;
    let second = world.enqueue(work()).await.unwrap();
    waker.wake();
    gate.started.take().await;
    assert_eq!(world.job(first).await, Some((State::Leased, 1)));
    for _ in 0..2 {
        gate.go.give();
    }
    for _ in 0..2 {
        gate.ended.take().await;
    }
    stop.cancel();
    ended.await.unwrap();
    for id in [first, second] {
        assert_eq!(world.job(id).await, Some((State::Done, 1)));
    }
}
