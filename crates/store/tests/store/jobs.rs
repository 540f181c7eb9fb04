//! Enqueueing, due times, retries, dead letters, counters, pruning.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::{JobId, PageRequest};
use store::job::{self, Outcome, Priority, Replay, Settled, State};

use crate::world::{NOON, World, both, work};

both![
    a_job_of_a_rolled_back_unit_of_work_does_not_exist,
    an_open_job_keeps_others_with_its_key_out,
    many_jobs_are_enqueued_at_once_without_their_twins,
    a_job_is_not_claimed_before_it_is_due,
    a_job_that_became_useless_expires_visibly,
    higher_priorities_are_claimed_first,
    a_claimed_job_is_what_was_enqueued,
    retries_wait_longer_and_longer_and_never_the_same,
    a_rate_limit_waits_as_told_and_is_no_attempt,
    a_job_that_gives_up_is_a_dead_letter,
    a_dead_job_is_replayed_unless_a_twin_is_open,
    a_discarded_job_is_no_dead_letter,
    a_withdrawn_job_does_not_run,
    dead_letters_come_in_pages_newest_first,
    finished_jobs_are_pruned_after_a_week_dead_ones_never,
    the_counters_show_what_is_not_done,
];

async fn a_job_of_a_rolled_back_unit_of_work_does_not_exist(world: Arc<World>) {
    let mut unit = world.begin().await;
    unit.enqueue(work()).await.unwrap().unwrap();
    drop(unit);
    assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 0);
    assert!(world.claim(&world.queue(), 10).await.is_empty());
}

async fn an_open_job_keeps_others_with_its_key_out(world: Arc<World>) {
    let queue = world.queue();
    assert!(world.enqueue(work().unique("a")).await.is_some());
    assert_eq!(world.enqueue(work().unique("a")).await, None, "ready");
    assert!(
        world
            .enqueue(work().unique("b").due_at(NOON.plus(Duration::from_secs(1))))
            .await
            .is_some()
    );
    assert_eq!(world.enqueue(work().unique("b")).await, None, "waiting");
    let other_kind = job::NewJob::new("other", serde_json::json!(null)).unique("a");
    assert!(
        world.enqueue(other_kind).await.is_some(),
        "keys of different kinds do not meet"
    );
    let claimed = world.claim_one(&queue).await;
    assert_eq!(world.enqueue(work().unique("a")).await, None, "leased");
    queue
        .settle(&claimed, &Outcome::Done, world.now(), &*world.entropy)
        .await
        .unwrap();
    assert!(world.enqueue(work().unique("a")).await.is_some(), "done");
    assert!(world.enqueue(work()).await.is_some());
    assert!(
        world.enqueue(work()).await.is_some(),
        "jobs without a key are never twins"
    );
}

async fn many_jobs_are_enqueued_at_once_without_their_twins(world: Arc<World>) {
    world.enqueue(work().unique("7")).await.unwrap();
    let mut unit = world.begin().await;
    let jobs = (0..700)
        .map(|n| work().unique((n % 650).to_string()))
        .collect();
    let ids = job::enqueue_many(&mut unit, jobs).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 649);
    assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 650);
}

async fn a_job_is_not_claimed_before_it_is_due(world: Arc<World>) {
    let queue = world.queue();
    world
        .enqueue(work().due_at(NOON.plus(Duration::from_mins(1))))
        .await
        .unwrap();
    world.advance(Duration::from_micros(59_999_999));
    assert!(world.claim(&queue, 10).await.is_empty());
    world.advance(Duration::from_micros(1));
    assert_eq!(world.claim(&queue, 10).await.len(), 1);
}

async fn a_job_that_became_useless_expires_visibly(world: Arc<World>) {
    let queue = world.queue();
    let late = world.enqueue(work().not_after(NOON)).await.unwrap();
    let waiting = work()
        .due_at(NOON.plus(Duration::from_secs(9)))
        .not_after(NOON.plus(Duration::from_secs(10)));
    let never = world.enqueue(waiting).await.unwrap();
    let useful = world
        .enqueue(work().not_after(NOON.plus(Duration::from_mins(1))))
        .await
        .unwrap();
    world.advance(Duration::from_secs(11));
    let claimed = world.claim(&queue, 10).await;
    assert_eq!(
        claimed.iter().map(|job| job.id).collect::<Vec<_>>(),
        [useful]
    );
    for id in [late, never] {
        assert_eq!(world.job(id).await, Some((State::Expired, 0)));
    }
    // What is running may end.
    world.advance(Duration::from_mins(2));
    queue
        .heartbeat(&[claimed[0].lease], world.now())
        .await
        .unwrap();
    world.claim(&queue, 10).await;
    assert_eq!(world.job(useful).await, Some((State::Leased, 1)));
}

async fn higher_priorities_are_claimed_first(world: Arc<World>) {
    let queue = world.queue();
    for priority in Priority::ALL.into_iter().rev() {
        for _ in 0..2 {
            world.enqueue(work().priority(priority)).await.unwrap();
        }
        world.advance(Duration::from_secs(1));
    }
    let mut seen = Vec::new();
    for limit in [1, 2, 3, 4] {
        seen.extend(
            world
                .claim(&queue, limit)
                .await
                .iter()
                .map(|job| job.priority),
        );
    }
    let expected: Vec<Priority> = Priority::ALL
        .into_iter()
        .flat_map(|priority| [priority; 2])
        .collect();
    assert_eq!(seen, expected);
}

async fn a_claimed_job_is_what_was_enqueued(world: Arc<World>) {
    let payload = serde_json::json!({ "text": "Grüße\u{0}🦆", "n": 1.5, "list": [1, null] });
    let job = job::NewJob {
        payload: payload.clone(),
        ..work()
    };
    let until = NOON.plus(Duration::from_secs(5));
    let job = job
        .community(kernel::CommunityId(9))
        .priority(Priority::Bulk)
        .not_after(until)
        .max_attempts(0);
    let id = world.enqueue(job).await.unwrap();
    world.advance(Duration::from_secs(1));
    let claimed = world.claim_one(&world.queue()).await;
    assert_eq!(
        (claimed.id, claimed.kind.as_str(), &claimed.payload),
        (id, "work", &payload)
    );
    assert_eq!(
        (claimed.community, claimed.priority),
        (Some(kernel::CommunityId(9)), Priority::Bulk)
    );
    assert_eq!(
        (claimed.attempt, claimed.max_attempts),
        (1, 1),
        "there is always one attempt"
    );
    assert_eq!(
        (claimed.created_at, claimed.due_at, claimed.not_after),
        (NOON, NOON, Some(until))
    );
}

async fn retries_wait_longer_and_longer_and_never_the_same(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work().max_attempts(12)).await.unwrap();
    let mut waits = Vec::new();
    for attempt in 1..12 {
        let claimed = world.claim_one(&queue).await;
        assert_eq!(claimed.attempt, attempt);
        let before = world.now();
        let settled = queue
            .settle(&claimed, &Outcome::retry("busy"), before, &*world.entropy)
            .await
            .unwrap();
        let Settled::Retry(at) = settled else {
            panic!("{settled:?}")
        };
        let most = Duration::from_secs(1 << (attempt - 1)).min(Duration::from_mins(5));
        assert!(
            at > before && at.since(before) <= most,
            "attempt {attempt}: {:?}",
            at.since(before)
        );
        waits.push(at.since(before));
        world.advance(at.since(before).saturating_sub(Duration::from_micros(1)));
        assert!(
            world.claim(&queue, 1).await.is_empty(),
            "not before its time"
        );
        world.advance(Duration::from_micros(1));
    }
    assert!(
        waits.iter().max() > Some(&Duration::from_secs(30)),
        "{waits:?}"
    );
    assert_eq!(
        waits.iter().collect::<BTreeSet<_>>().len(),
        waits.len(),
        "{waits:?}"
    );
    let last = world.claim_one(&queue).await;
    let settled = queue
        .settle(&last, &Outcome::retry("busy"), world.now(), &*world.entropy)
        .await
        .unwrap();
    assert_eq!(settled, Settled::Dead);
    assert_eq!(world.job(id).await, Some((State::Dead, 12)));
}

async fn a_rate_limit_waits_as_told_and_is_no_attempt(world: Arc<World>) {
    let queue = world.queue();
    let id = world.enqueue(work().max_attempts(1)).await.unwrap();
    let wait = Duration::from_millis(12_345);
    for _ in 0..5 {
        let claimed = world.claim_one(&queue).await;
        assert_eq!(claimed.attempt, 1);
        let outcome = Outcome::Retry {
            after: Some(wait),
            reason: "429".to_owned(),
            counts: false,
        };
        let settled = queue
            .settle(&claimed, &outcome, world.now(), &*world.entropy)
            .await
            .unwrap();
        assert_eq!(settled, Settled::Retry(world.now().plus(wait)));
        assert_eq!(world.job(id).await, Some((State::Waiting, 0)));
        world.advance(wait);
    }
    let claimed = world.claim_one(&queue).await;
    let at_once = Outcome::Retry {
        after: Some(Duration::ZERO),
        reason: String::new(),
        counts: false,
    };
    queue
        .settle(&claimed, &at_once, world.now(), &*world.entropy)
        .await
        .unwrap();
    assert!(
        world.claim(&queue, 1).await.is_empty(),
        "never in the same instant"
    );
}

async fn kill(world: &World, job: job::NewJob) -> JobId {
    let id = world.enqueue(job).await.unwrap();
    let queue = world.queue();
    let claimed = world.claim_one(&queue).await;
    assert_eq!(claimed.id, id);
    let outcome = Outcome::fail("no such\u{0} channel");
    let settled = queue
        .settle(&claimed, &outcome, world.now(), &*world.entropy)
        .await
        .unwrap();
    assert_eq!(settled, Settled::Dead);
    id
}

async fn a_job_that_gives_up_is_a_dead_letter(world: Arc<World>) {
    let payload = serde_json::json!({ "to": 5 });
    let id = kill(
        &world,
        job::NewJob { payload, ..work() }.community(kernel::CommunityId(3)),
    )
    .await;
    let page = job::dead_letters(world.db.read(), &PageRequest::first(10))
        .await
        .unwrap();
    let [letter] = page.items.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!(
        (letter.id, letter.kind.as_str(), letter.payload.as_str()),
        (id, "work", r#"{"to":5}"#)
    );
    assert_eq!(
        (letter.reason.as_str(), letter.attempts),
        ("no such channel", 1)
    );
    assert_eq!(
        (letter.community, letter.died_at),
        (Some(kernel::CommunityId(3)), world.now())
    );
}

async fn a_dead_job_is_replayed_unless_a_twin_is_open(world: Arc<World>) {
    let id = kill(&world, work().unique("k")).await;
    let twin = world
        .enqueue(work().unique("k"))
        .await
        .expect("a dead job is not open");
    let mut unit = world.begin().await;
    assert_eq!(job::replay(&mut unit, id).await.unwrap(), Replay::OpenTwin);
    assert_eq!(job::replay(&mut unit, twin).await.unwrap(), Replay::NotDead);
    assert_eq!(
        job::replay(&mut unit, JobId(999)).await.unwrap(),
        Replay::NotDead
    );
    unit.commit().await.unwrap();
    let queue = world.queue();
    let claimed = world.claim_one(&queue).await;
    assert_eq!(claimed.id, twin);
    queue
        .settle(&claimed, &Outcome::Done, world.now(), &*world.entropy)
        .await
        .unwrap();

    world.advance(Duration::from_mins(1));
    let mut unit = world.begin().await;
    assert_eq!(job::replay(&mut unit, id).await.unwrap(), Replay::Replayed);
    unit.commit().await.unwrap();
    assert_eq!(
        world.enqueue(work().unique("k")).await,
        None,
        "the replayed job is open"
    );
    let claimed = world.claim_one(&queue).await;
    assert_eq!(
        (claimed.id, claimed.attempt, claimed.due_at),
        (id, 1, world.now())
    );
}

async fn a_discarded_job_is_no_dead_letter(world: Arc<World>) {
    let id = kill(&world, work()).await;
    let mut unit = world.begin().await;
    assert!(job::discard(&mut unit, id).await.unwrap());
    assert!(!job::discard(&mut unit, id).await.unwrap(), "only once");
    unit.commit().await.unwrap();
    assert_eq!(world.job(id).await, Some((State::Discarded, 1)));
    assert!(
        job::dead_letters(world.db.read(), &PageRequest::first(10))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn dead_letters_come_in_pages_newest_first(world: Arc<World>) {
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(kill(&world, work()).await);
        // Some die in the same instant.
        world.advance(Duration::from_secs(n % 2));
    }
    let mut request = PageRequest::first(3);
    let mut seen = Vec::new();
    loop {
        let page = job::dead_letters(world.db.read(), &request).await.unwrap();
        seen.extend(page.items.iter().map(|letter| letter.id));
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 3);
    }
    ids.reverse();
    assert_eq!(seen, ids);
}

async fn finished_jobs_are_pruned_after_a_week_dead_ones_never(world: Arc<World>) {
    let queue = world.queue();
    let dead = kill(&world, work()).await;
    let discarded = kill(&world, work()).await;
    let mut unit = world.begin().await;
    job::discard(&mut unit, discarded).await.unwrap();
    unit.commit().await.unwrap();
    let expired = world.enqueue(work().not_after(NOON)).await.unwrap();
    world.advance(Duration::from_secs(1));
    let mut unit = world.begin().await;
    job::enqueue_many(&mut unit, (0..2_100).map(|_| work()).collect())
        .await
        .unwrap();
    unit.commit().await.unwrap();
    world.sql("UPDATE job SET state = 3, finished_at = created_at WHERE state = 1 AND not_after IS NULL").await;
    let open = world.enqueue(work()).await.unwrap();
    assert_eq!(world.claim(&queue, 10).await.len(), 1);
    assert_eq!(world.job(expired).await, Some((State::Expired, 0)));

    world.advance(job::KEEP);
    assert_eq!(
        job::prune(&world.db, world.now()).await.unwrap(),
        1,
        "the discarded one"
    );
    world.advance(Duration::from_secs(1));
    assert_eq!(job::prune(&world.db, world.now()).await.unwrap(), 2_101);
    assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 2);
    assert_eq!(world.job(dead).await, Some((State::Dead, 1)));
    assert_eq!(world.job(open).await, Some((State::Leased, 1)));
}

async fn the_counters_show_what_is_not_done(world: Arc<World>) {
    let queue = world.queue();
    let done = world.enqueue(work()).await.unwrap();
    let claimed = world.claim_one(&queue).await;
    assert_eq!(claimed.id, done);
    queue
        .settle(&claimed, &Outcome::Done, world.now(), &*world.entropy)
        .await
        .unwrap();
    kill(&world, work()).await;
    world.advance(Duration::from_secs(5));
    world.enqueue(work()).await.unwrap();
    world.advance(Duration::from_secs(5));
    world.enqueue(work()).await.unwrap();
    world
        .enqueue(job::NewJob::new("other", serde_json::json!({})))
        .await
        .unwrap();
    let counts = job::stats(world.db.read()).await.unwrap();
    let shown: Vec<_> = counts
        .iter()
        .map(|c| {
            (
                c.kind.as_str(),
                c.state.as_str(),
                c.n,
                c.oldest_due.since(NOON).as_secs(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("other", "ready", 1, 10),
            ("work", "ready", 2, 5),
            ("work", "dead", 1, 0)
        ]
    );
}

async fn a_withdrawn_job_does_not_run(world: Arc<World>) {
    let queue = world.queue();
    let withdraw = async |key: &str| {
        let mut unit = world.begin().await;
        let withdrawn = job::withdraw(&mut unit, "work", key).await.unwrap();
        unit.commit().await.unwrap();
        withdrawn
    };
    let running = world.enqueue(work().unique("running")).await.unwrap();
    let claimed = world.claim_one(&queue).await;
    let later = NOON.plus(Duration::from_secs(1));
    let waiting = world
        .enqueue(work().unique("waiting").due_at(later))
        .await
        .unwrap();
    let ready = world.enqueue(work().unique("ready")).await.unwrap();
    let other = job::NewJob::new("other", serde_json::json!(null)).unique("ready");
    let other = world.enqueue(other).await.unwrap();
    assert!(withdraw("waiting").await && withdraw("ready").await);
    assert!(!withdraw("running").await && !withdraw("absent").await);
    for id in [waiting, ready] {
        assert_eq!(world.job(id).await, Some((State::Discarded, 0)));
    }
    assert_eq!(world.job(other).await, Some((State::Ready, 0)));
    let gave_up = Outcome::fail("for good");
    queue
        .settle(&claimed, &gave_up, world.now(), &*world.entropy)
        .await
        .unwrap();
    let keys = job::dead_keys(world.db.read(), "work").await.unwrap();
    assert_eq!(keys, ["running"]);
    assert!(withdraw("running").await, "a dead letter is done with");
    assert_eq!(world.job(running).await, Some((State::Discarded, 1)));
    assert!(
        job::dead_keys(world.db.read(), "work")
            .await
            .unwrap()
            .is_empty()
    );
    world.advance(Duration::from_secs(2));
    assert!(world.claim(&queue, 10).await.is_empty());
}
