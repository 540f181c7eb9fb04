//! Over a database: following chat, a score with its state looked up in the process and in the database, everybody's scores.

use ::bots::Tick;
use anyhow::{Context, ensure};
use identity::NewCommunity;
use kernel::{AccountId, Actor, CommunityId};
use tokio::time::Instant;

use super::{Took, Watch, count, crowd::Line, percentiles, rate, tell};
use crate::{console, serve::System};

/// Events of one transaction.
const BATCH: usize = 2_000;
/// Accounts that are scored one after the other.
const ASKED: usize = 2_000;
/// How often everybody is scored again.
const ROUNDS: usize = 3;

pub(super) async fn run(system: &System, lines: &[Line]) -> anyhow::Result<()> {
    let engine = system.app.db().engine().as_str();
    let actor = Actor::System("bench");
    let new = NewCommunity {
        name: "Bench".to_owned(),
        ..NewCommunity::default()
    };
    let community = system.app.identity.find_or_create_community(&actor, &new);
    let community = community.await?.id;
    fill(system, community, lines).await?;

    let watch = Watch::start();
    let followed = follow(system).await?;
    let took = watch.took();
    ensure!(
        followed.n_messages == count(lines.len())?,
        "not every message was gone through"
    );
    let what = format!(
        "following chat, {} scores in it, CPU a message",
        console::grouped(followed.n_scored)
    );
    let measured = format!(
        "{:.1} µs, {}",
        took.each(followed.n_messages),
        rate(took.per_second(followed.n_messages))
    );
    tell(engine, &what, &measured, "");

    remembered(system, community, engine).await?;
    alone(system, community, engine).await?;
    everybody(system, community, engine).await
}

async fn fill(system: &System, community: CommunityId, lines: &[Line]) -> anyhow::Result<()> {
    let mut n = 0;
    for batch in lines.chunks(BATCH) {
        let events = batch.iter().zip(n..);
        let events = events.map(|(line, n)| line.event(community, n)).collect();
        system.ingest.import(events, None).await?;
        n += batch.len();
    }
    Ok(())
}

/// Goes through everything that was said.
async fn follow(system: &System) -> anyhow::Result<Tick> {
    let mut all = Tick::default();
    loop {
        let tick = system.app.bots.tick().await?;
        all.n_messages += tick.n_messages;
        all.n_scored += tick.n_scored;
        if !tick.is_behind {
            return Ok(all);
        }
    }
}

/// One score after the other, each with its state looked up in what the process remembers of who spoke last, as while chat is followed.
async fn remembered(system: &System, community: CommunityId, engine: &str) -> anyhow::Result<()> {
    let bots = &system.app.bots;
    let judging = bots.judging(community).await?;
    let mut asked = Vec::with_capacity(ASKED);
    let mut last = AccountId(0);
    loop {
        let page = bots.stored_states(community, last, 500).await?;
        let Some((newest, _)) = page.last() else {
            break;
        };
        last = *newest;
        for (account, _) in page {
            let is_known = judging.of_remembered(community, account).await.is_some();
            if is_known && asked.len() < ASKED {
                asked.push(account);
            }
        }
    }
    ensure!(
        asked.len() * 2 > ASKED,
        "the process remembers {} accounts only",
        asked.len()
    );
    let mut times = Vec::with_capacity(asked.len());
    let watch = Watch::start();
    for account in &asked {
        let begun = Instant::now();
        let score = judging.of_remembered(community, *account).await;
        times.push(begun.elapsed());
        ensure!(score.is_some(), "account {account} was forgotten");
    }
    let n = count(times.len())?;
    let measured = format!("{}, CPU {:.1} µs", percentiles(times), watch.took().each(n));
    tell(
        engine,
        "a score, its state looked up in the process",
        &measured,
        "p99 ≤ 100 µs",
    );
    Ok(())
}

/// One score after the other, each with its state from the database.
async fn alone(system: &System, community: CommunityId, engine: &str) -> anyhow::Result<()> {
    let bots = &system.app.bots;
    let judging = bots.judging(community).await?;
    let most = u32::try_from(ASKED).context("a page")?;
    let known = bots.stored_states(community, AccountId(0), most).await?;
    let mut times = Vec::with_capacity(known.len());
    let mut watch = Watch::start();
    for round in 0..2 {
        if round > 0 {
            watch = Watch::start();
        }
        for (account, _) in &known {
            let begun = Instant::now();
            let score = judging
                .of_account(system.app.db(), community, *account)
                .await?;
            let took = begun.elapsed();
            ensure!(score.is_some(), "account {account} was not scored");
            // The first round reads what nobody has read for long.
            if round > 0 {
                times.push(took);
            }
        }
    }
    let n = count(times.len())?;
    let measured = format!("{}, CPU {:.1} µs", percentiles(times), watch.took().each(n));
    tell(
        engine,
        "a score, its state looked up in the database",
        &measured,
        "",
    );
    Ok(())
}

/// Everybody, as by night and again.
async fn everybody(system: &System, community: CommunityId, engine: &str) -> anyhow::Result<()> {
    let bots = &system.app.bots;
    let watch = Watch::start();
    bots.renew_norms(community).await?;
    let took = watch.took();
    let what = "what is usual made anew";
    tell(
        engine,
        what,
        &format!("{:.2} s", took.wall.as_secs_f64()),
        "",
    );
    let say = |what: &str, took: Took, n: u64| {
        let measured = format!("{}, {:.1} CPU µs", rate(took.per_second(n)), took.each(n));
        tell(engine, what, &measured, "≥ 20,000/s");
    };
    let watch = Watch::start();
    let n = bots.score_all(community, None).await?;
    say(
        "everybody scored by other norms, with reasons",
        watch.took(),
        n,
    );
    let watch = Watch::start();
    let mut n = 0;
    for _ in 0..ROUNDS {
        n += bots.score_all(community, None).await?;
    }
    say("everybody scored again", watch.took(), n);
    let watch = Watch::start();
    bots.begin_night().await?;
    bots.renew_norms(community).await?;
    bots.score_all(community, None).await?;
    let took = watch.took();
    let what = "the whole job of the night";
    tell(
        engine,
        what,
        &format!("{:.2} s", took.wall.as_secs_f64()),
        "",
    );
    Ok(())
}
