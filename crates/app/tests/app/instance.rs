//! The instance as its administrators see and repair it: status, dead letters, outbox, audit log,
//! and the program's own recurring jobs.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::{AppError, jobs};
use async_trait::async_trait;
use engines::{Mail, Mailer, OutboxMailer};
use identity::CommunityChange;
use kernel::{Actor, Clock, Cursor, JobId, PageRequest};
use store::{
    audit::Verdict,
    job::{Claimed, Handler, NewJob, Outcome, Runner, cron},
};
use testkit::{World, on_both};

const DAY: Duration = Duration::from_hours(24);

/// Fails until it is mended.
struct Fragile(Arc<AtomicBool>);

#[async_trait]
impl Handler for Fragile {
    fn kind(&self) -> &'static str {
        "test.fragile"
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        if self.0.load(Ordering::SeqCst) {
            Outcome::Done
        } else {
            Outcome::fail("it is broken")
        }
    }
}

fn runner(world: &World, mended: &Arc<AtomicBool>) -> Runner {
    jobs::runner(&world.app, "tester").handler(Arc::new(Fragile(Arc::clone(mended))))
}

async fn enqueue(world: &World, key: &str) -> Option<JobId> {
    let mut work = world
        .app
        .db()
        .begin(&world.system(), world.clock.now())
        .await
        .unwrap();
    let id = work
        .enqueue(NewJob::new("test.fragile", serde_json::json!({})).unique(key))
        .await
        .unwrap();
    work.commit().await.unwrap();
    id
}

on_both! {
    async fn the_status_tells_what_is_in_use_and_what_waits(world: World) {
        let system = world.system();
        let status = world.app.status(&system).await.unwrap();
        assert_eq!(status.started_at, world.clock.now());
        assert!(["SQLite", "PostgreSQL"].contains(&status.database.engine));
        assert!(status.database.size_bytes > 0 && status.database.trouble.is_none());
        let names: Vec<_> = status.dependencies.iter().map(|d| (d.name, d.engine, d.trouble.is_some())).collect();
        assert_eq!(names, [("bus", "memory", false), ("blobs", "directory", false), ("mail", "outbox", false)]);
        assert!(status.jobs.is_empty() && status.dead == 0 && status.quarantined == 0 && status.backlog == 0);
        world.app.ready().await.unwrap();
        enqueue(&world, "one").await;
        assert_eq!(world.app.status(&system).await.unwrap().jobs.len(), 1);
        runner(&world, &Arc::default()).run_due(world.clock.now()).await.unwrap();
        assert_eq!(world.app.status(&system).await.unwrap().dead, 1);
        world.expect_leftovers();
    }

    async fn a_dead_job_is_run_again_or_given_up(world: World) {
        let mended = Arc::new(AtomicBool::new(false));
        let runner = runner(&world, &mended);
        let root = world.admin("root").await;
        for key in ["first", "second"] {
            world.clock.advance(Duration::from_secs(1));
            enqueue(&world, key).await;
            runner.run_due(world.clock.now()).await.unwrap();
        }
        let dead = async |limit| world.app.dead_letters(&root.actor, &PageRequest::first(limit)).await.unwrap();
        let page = dead(1).await;
        let rest = world.app.dead_letters(&root.actor, &PageRequest::after(page.next.unwrap(), 1)).await.unwrap();
        let (second, first) = (page.items[0].clone(), rest.items[0].clone());
        assert!(rest.next.is_none() && first.id < second.id);
        assert_eq!((first.kind.as_str(), first.reason.as_str()), ("test.fragile", "it is broken"));
        // The same job is queued again meanwhile: it does the work.
        enqueue(&world, "first").await;
        let twin = world.app.replay_job(&root.actor, first.id).await;
        assert!(matches!(twin, Err(AppError::Conflict(_))), "{twin:?}");
        mended.store(true, Ordering::SeqCst);
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 1);
        world.app.replay_job(&root.actor, first.id).await.unwrap();
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 1);
        world.app.discard_job(&root.actor, second.id).await.unwrap();
        assert_eq!(dead(10).await.items, []);
        for gone in [first.id, second.id, JobId(999)] {
            for answer in [
                world.app.replay_job(&root.actor, gone).await,
                world.app.discard_job(&root.actor, gone).await,
            ] {
                assert!(matches!(answer, Err(AppError::NotFound)), "{answer:?}");
            }
        }
        let trail = world.app.audit(&root.actor, &PageRequest::first(2)).await.unwrap().items;
        let shown: Vec<_> = trail.iter().map(|e| (e.action.clone(), e.object.clone(), e.actor.clone())).collect();
        let actor = root.actor.label();
        assert_eq!(shown, [
            ("job.discard".to_owned(), format!("job:{}", second.id), actor.clone()),
            ("job.replay".to_owned(), format!("job:{}", first.id), actor),
        ]);
    }

    async fn the_outbox_is_read_letter_by_letter(world: World) {
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        let outbox = OutboxMailer::open(&world.place().join("outbox"), "waddlebot@example.org", clock).unwrap();
        for n in 0..3 {
            world.clock.advance(Duration::from_secs(1));
            outbox.send(&Mail {
                to: "ann@example.org".to_owned(),
                subject: format!("letter {n}"),
                text: format!("quack {n}"),
                html: None,
            }).await.unwrap();
        }
        let system = world.system();
        let first = world.app.outbox(&system, &PageRequest::first(2)).await.unwrap();
        let second = world.app.outbox(&system, &PageRequest::after(first.next.unwrap(), 2)).await.unwrap();
        assert!(second.next.is_none());
        let letters: Vec<_> = first.items.iter().chain(&second.items).collect();
        let subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        assert_eq!(subjects, ["letter 2", "letter 1", "letter 0"]);
        let read = world.app.outbox_mail(&system, &letters[1].name).await.unwrap().unwrap();
        assert_eq!((read.to.as_str(), read.text.trim_end(), read.sent_at), ("ann@example.org", "quack 1", letters[1].sent_at));
        for absent in ["", "0-0", "../outbox", "nonsense"] {
            assert_eq!(world.app.outbox_mail(&system, absent).await.unwrap(), None, "{absent}");
        }
    }

    async fn the_audit_log_is_paged_to_its_first_entry_and_intact(world: World) {
        for n in 0..25 {
            world.community(&format!("Pond {n}")).await;
        }
        let system = world.system();
        let mut seqs = Vec::new();
        let mut request = PageRequest::first(10);
        loop {
            let page = world.app.audit(&system, &request).await.unwrap();
            seqs.extend(page.items.iter().map(|entry| entry.seq));
            let Some(next) = page.next else { break };
            world.community(&format!("Lake {}", seqs.len())).await;
            request = PageRequest::after(Cursor::decode(&next.encode()).unwrap(), 10);
        }
        assert_eq!(seqs, (1..=25).rev().collect::<Vec<i64>>());
        assert!(matches!(world.app.verify_audit(&system).await.unwrap(), Verdict::Intact { entries: 27, .. }));
    }

    async fn the_recurring_jobs_run_when_their_time_comes(world: World) {
        let pond = world.community("Pond").await;
        let change = CommunityChange { name: "Pond".to_owned(), description: String::new(), retention_days: 1 };
        world.app.identity.update_community(&world.system(), pond, &change).await.unwrap();
        world.say(pond, "ann", "hello").await;
        let root = world.admin("root").await;
        let token = world.token(root.user).await;
        cron::register(world.app.db(), world.clock.now(), jobs::SCHEDULE).await.unwrap();
        let runner = jobs::runner(&world.app, "tester").with_cron();
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 0, "nothing is due yet");
        let mut kinds = BTreeSet::new();
        for entry in jobs::SCHEDULE {
            kinds.insert(entry.kind);
        }
        assert_eq!(kinds.len(), jobs::SCHEDULE.len());
        world.clock.advance(DAY);
        let n_run = runner.run_due(world.clock.now()).await.unwrap();
        // What runs on one day of the week is not due on the next day.
        let n_daily = jobs::SCHEDULE.iter().filter(|entry| entry.expression.ends_with('*')).count();
        assert_eq!(n_run, n_daily, "each once, however many slots were missed");
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 1, "the night's run came too early");
        world.clock.advance(DAY);
        runner.run_due(world.clock.now()).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM activity_hour").await, 1);
        assert!(world.app.identity.authenticate(&token).await.unwrap().is_some());
        world.clock.advance(DAY * 31);
        runner.run_due(world.clock.now()).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM session").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM one_time_token").await, 0);
        let status = world.app.status(&Actor::System("test")).await.unwrap();
        assert_eq!(status.jobs, [], "none failed");
    }
}
