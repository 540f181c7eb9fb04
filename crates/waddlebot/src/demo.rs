//! `waddlebot demo`: simulated communities with 90 days of history, and they keep talking: on local
//! servers that speak the platforms' wire protocols, heard and answered by the real adapters. A
//! second start adds only what is missing since the first.

mod platforms;
mod stage;

use std::{sync::Arc, time::Duration};

use activity::Incoming;
use anyhow::{Context, bail};
use app::App;
use identity::{NewAccount, NewCommunity};
use kernel::{Actor, ChatEvent, Clock, CommunityId, SystemClock, Timestamp, UserId};
use simulator::{CommunityPlan, History, Live, LiveMachines, Theatre, theatre};

use crate::{
    config::Config,
    console, lifecycle,
    serve::{self, Listeners, System},
};

/// The same crowd in every demo.
const SEED: u64 = 6;
/// How much history.
const HISTORY: Duration = Duration::from_secs(90 * 86_400);
/// Events recorded together.
const BATCH: usize = 2_000;
/// Whose address the demo's administrator has; `.invalid` can never receive mail (RFC 2606 §2).
const EMAIL: &str = "demo@waddlebot.invalid";

pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let mut config = config.clone();
    // Somebody who tries the program has no collector, and may run another instance.
    config.server.metrics_listen = None;
    let listeners = Listeners::bind(&config, true).await?;
    let plans = simulator::communities();
    let theatre = Theatre::open(SEED, &plans, SystemClock.now().day())
        .await
        .context("starting the simulated platforms")?;
    let theatre = Arc::new(theatre);
    platforms::point_to(&mut config, &theatre);
    let config = &config;
    let system = System::start_talking(config).await?;
    lifecycle::watch(system.app.stop.clone())?;
    if is_somebodys(&system).await? {
        system.stop().await?;
        bail!(
            "the database is in use already, and not by the demo, which would mix invented communities with yours: {}",
            if config.database.url.expose().is_empty() {
                "choose another --data-dir"
            } else {
                "leave `DATABASE_URL` and `database.url` empty"
            }
        );
    }
    let admin = administrator(&system).await?;
    let begun = system.app.clock.now();
    let mut recorded = 0;
    let mut crowds = Vec::new();
    for plan in plans {
        let community = found(&system, admin, &plan).await?;
        platforms::connect(&system.app, community, &plan, &theatre).await?;
        recorded += fill(&system, community, &plan).await?;
        crowds.push((community, plan));
    }
    if recorded > 0 {
        let took = system.app.clock.now().since(begun).as_secs_f64();
        console::say(format!(
            "made {} events of history in {took:.1} s",
            console::grouped(recorded)
        ));
    }
    let mut listening = system.listen();
    listening.push(system.app.start_scoring());
    for (_, plan) in &crowds {
        let (app, theatre) = (Arc::clone(&system.app), Arc::clone(&theatre));
        let now = app.clock.now();
        let mut people = Live::new(SEED, plan, now);
        let mut machines = LiveMachines::new(SEED, plan, now);
        let says = move |now| {
            let (event, wait) = people.next(now);
            (Some(event), wait)
        };
        tokio::spawn(perform(Arc::clone(&app), Arc::clone(&theatre), says));
        tokio::spawn(perform(app, theatre, move |now| machines.next(now)));
    }
    let now = system.app.clock.now();
    let stage = stage::Boards::new(crowds, theatre, now.day());
    system.app.raise_stage(Arc::new(stage));
    let worker = serve::start_jobs(&system.app, config).await?;
    let link = system
        .app
        .identity
        .issue_sign_in_link(&Actor::System("demo"), admin)
        .await?;
    console::say(format!(
        "\nWaddleBot is ready on {}. Ctrl-C stops it; the data stays in {}.\nOpen this address to look around (it signs you in once, within 15 minutes):\n\n    {}/login/link?token={}\n",
        config.public_url(),
        config.data_dir.display(),
        config.public_url(),
        link.expose()
    ));
    let served = listeners.serve(&system, config).await;
    system.app.stop.cancel();
    worker.await.context("stopping the jobs")?;
    serve::finish(listening).await;
    let stopped = system.stop().await;
    served?;
    stopped
}

/// Whether the database is in use, and not by a demo.
async fn is_somebodys(system: &System) -> anyhow::Result<bool> {
    let identity = &system.app.identity;
    let actor = Actor::System("demo");
    if identity.find_by_email(&actor, EMAIL).await?.is_some() {
        return Ok(false);
    }
    Ok(!identity.needs_setup().await? || !identity.communities(&actor).await?.is_empty())
}

/// The demo's administrator, who signs in by link: the password is random and told to nobody.
async fn administrator(system: &System) -> anyhow::Result<UserId> {
    let identity = &system.app.identity;
    let actor = Actor::System("demo");
    if let Some(id) = identity.find_by_email(&actor, EMAIL).await? {
        return Ok(id);
    }
    let account = NewAccount {
        display_name: "Demo".to_owned(),
        email: EMAIL.to_owned(),
        password: kernel::random::token(&*system.app.entropy).into(),
    };
    identity
        .create_admin(&actor, &account)
        .await
        .context("making the demo's administrator")
}

async fn found(
    system: &System,
    admin: UserId,
    plan: &CommunityPlan,
) -> anyhow::Result<CommunityId> {
    let identity = &system.app.identity;
    let stale = Actor::User {
        id: admin,
        is_instance_admin: false,
        roles: std::collections::BTreeMap::new(),
        only: None,
    };
    let actor = identity
        .refresh(&stale)
        .await?
        .context("the demo's administrator is gone")?;
    let new = NewCommunity {
        slug: Some(plan.slug.to_owned()),
        name: plan.name.to_owned(),
        description: plan.description.to_owned(),
    };
    let community = identity.find_or_create_community(&actor, &new).await?;
    Ok(community.id)
}

/// Records the history that is missing; answers how many events that were.
async fn fill(
    system: &System,
    community: CommunityId,
    plan: &CommunityPlan,
) -> anyhow::Result<u64> {
    let actor = Actor::System("demo");
    let now = system.app.clock.now();
    let known = system
        .app
        .activity
        .summary(&actor, community)
        .await?
        .last_at;
    // An interrupted history goes on at its last event, which is known already and changes nothing.
    let from = known.unwrap_or(now.minus(HISTORY));
    let mut recorded = 0;
    let mut batch = Vec::with_capacity(BATCH);
    let mut machines = simulator::machines(SEED, plan, from, now)
        .into_iter()
        .peekable();
    let mut people = History::new(SEED, plan, from, now).peekable();
    // By time, as they were said: what is said again shortly after is a hint.
    while let Some(event) = match (people.peek(), machines.peek()) {
        (Some(person), Some(machine)) if machine.sent_at < person.sent_at => machines.next(),
        (None, _) => machines.next(),
        _ => people.next(),
    } {
        let event = theatre::as_on_platform(event);
        batch.push(Incoming { community, event });
        if batch.len() == BATCH {
            recorded += system
                .ingest
                .import(std::mem::take(&mut batch), None)
                .await?
                .recorded;
        }
    }
    recorded += system.ingest.import(batch, None).await?.recorded;
    Ok(recorded)
}

/// Plays on the platforms what comes next, and after it waits as long as is said, until the program stops.
async fn perform(
    app: Arc<App>,
    theatre: Arc<Theatre>,
    mut next: impl FnMut(Timestamp) -> (Option<ChatEvent>, Duration) + Send,
) {
    loop {
        let (event, wait) = next(app.clock.now());
        if let Some(event) = event {
            theatre.play(&event);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.stop.cancelled() => return,
        }
    }
}
