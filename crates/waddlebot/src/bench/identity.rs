//! What people cost: the page and the query of somebody among ten thousand with three accounts each, and what the
//! reputation of those who talk adds to recording a message.

use std::sync::Arc;

use activity::Incoming;
use anyhow::{Context, ensure};
use clap::Args;
use identity::{Arrival, ClientInfo, Intent, ProfileChange};
use kernel::{
    Account, Actor, ChatEvent, EventKind, Origin, Platform, Proof, Role, Secret, Source, UserId,
    event::Message,
};

use super::{
    overview::{Stage, ask, load, percentiles},
    usage,
};
use crate::console;

/// How many, how often.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// People, each with an account on every platform
    #[arg(long, default_value_t = 10_000)]
    people: u32,
    /// Requests a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seconds of load for each kind of request
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Messages recorded in each way, with and without reputation
    #[arg(long, default_value_t = 100_000)]
    messages: u32,
}

/// Events of one transaction, as the pipeline takes them when it is busy.
const BATCH: u32 = 500;
/// Different people who are asked for, spread over all.
const ASKED: u32 = 1_000;

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        database_url,
        people,
        rate,
        seconds,
        ..
    } = &arguments;
    let stage = Stage::fill(database_url, 0, 0).await?;
    let engine = stage.system.app.db().engine().as_str();
    let mut users = Vec::new();
    for n in 0..*people {
        users.push(person(&stage, n).await?);
    }
    record(&stage, &arguments).await?;

    let step = usize::try_from((*people / ASKED).max(1)).context("a step")?;
    let asked: Vec<(u32, UserId)> = (0..).zip(users).step_by(step).collect();
    let pages = asked
        .iter()
        .map(|(n, _)| stage.get(&format!("/u/person-{n}")));
    let query = "query($id: Int!) { user(hubUserId: $id) { displayName identities { platform platformUsername linkedAt } reputation { score level rank } } }";
    let queries = asked.iter().map(|(_, user)| {
        let body = serde_json::json!({ "query": query, "variables": { "id": user.0 } });
        stage.post(&body.to_string())
    });
    let loads: [(&str, Vec<String>); 2] = [
        ("profile page", pages.collect()),
        ("GraphQL query", queries.collect()),
    ];
    for (name, requests) in loads {
        let first = requests.first().context("nobody to ask for")?;
        let text = ask(stage.address, first).await?;
        for platform in ["discord", "twitch", "slack"] {
            ensure!(
                text.to_lowercase().contains(platform),
                "the answer does not tell the account on {platform}: {text}"
            );
        }
        let before = usage::now();
        let requests: Arc<[String]> = requests.into();
        let times = load(&stage, requests, *rate, *seconds).await?;
        let spent = usage::now().cpu_micros.saturating_sub(before.cpu_micros);
        console::say(format!(
            "{engine:<10} {name:<14} {} over {} people with 3 accounts at {rate}/s: {}, {} CPU µs for each (clients included)",
            times.len(),
            console::grouped((*people).into()),
            percentiles(times.clone()),
            spent / u64::try_from(times.len().max(1)).unwrap_or(1),
        ));
    }
    console::say(format!(
        "{engine:<10} peak {}",
        console::bytes(usage::now().peak_bytes)
    ));
    stage.stop().await
}

/// A way in which messages are recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As history, which changes no reputation, wakes nobody and makes nobody join.
    History,
    /// As they happen, but said by the program itself, whose words change no reputation: all else is as below.
    Ours,
    /// As they happen.
    Live,
}

impl Way {
    const ALL: [Self; 3] = [Self::History, Self::Ours, Self::Live];

    const fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Ours => "live, without reputation",
            Self::Live => "live",
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::History => Source::Import,
            Self::Ours | Self::Live => Source::Live,
        }
    }
}

/// Batches recorded in one way before the next one has its turn.
const TURN: u32 = 10;

/// Records as many messages of the people in each way, in turns, so that what else the machine does falls on all
/// alike; and says what reputation adds.
async fn record(stage: &Stage, arguments: &Arguments) -> anyhow::Result<()> {
    let engine = stage.system.app.db().engine().as_str();
    let regulars = regulars(arguments.people);
    // Everybody on every platform, so that the rows are there which the others change.
    let all = (0..arguments.people * 3).map(|n| message(stage, (0, n), n / 3, Way::Live));
    let all: Vec<Incoming> = all.collect();
    for batch in all.chunks(usize::try_from(BATCH).context("a size")?) {
        stage.system.ingest.import(batch.to_vec(), None).await?;
    }
    let mut spent = [0_u64; Way::ALL.len()];
    let mut n_messages = 0_u32;
    while n_messages < arguments.messages {
        for ((round, way), spent) in (1_u32..).zip(Way::ALL).zip(&mut spent) {
            let mut batches = Vec::new();
            for batch in 0..TURN {
                let first = n_messages + batch * BATCH;
                let said = (first..first + BATCH).zip(
                    regulars
                        .iter()
                        .cycle()
                        .skip(usize::try_from(first).context("a place")? % regulars.len().max(1)),
                );
                let said = said.map(|(n, person)| message(stage, (round, n), *person, way));
                batches.push(said.collect::<Vec<_>>());
            }
            let before = usage::now();
            for batch in batches {
                stage.system.ingest.import(batch, None).await?;
            }
            *spent += usage::now().cpu_micros.saturating_sub(before.cpu_micros);
        }
        n_messages += TURN * BATCH;
    }
    let each = |micros: u64| {
        f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / f64::from(n_messages.max(1))
    };
    for (way, spent) in Way::ALL.into_iter().zip(spent) {
        console::say(format!(
            "{engine:<10} recording {:<25} {:>9} messages: {:.1} CPU µs for each",
            way.name(),
            console::grouped(n_messages.into()),
            each(spent),
        ));
    }
    let [_, without, with] = spent;
    console::say(format!(
        "{engine:<10} reputation adds {:.1} CPU µs to each message",
        each(with) - each(without)
    ));
    Ok(())
}

/// Who says the next messages, in turn: few of the people write much.
fn regulars(people: u32) -> Vec<u32> {
    let person = |n: u32| {
        // The square favours low numbers. 7919 is a prime, so that they come in no order.
        let unit = f64::from(n.wrapping_mul(7_919) % 10_000) / 10_000.0;
        let places = f64::from(people) * unit * unit;
        let at_most = |p: &u32| f64::from(*p) <= places;
        (0..=people).rev().find(at_most).unwrap_or(0)
    };
    (0..10_000).map(person).collect()
}

/// Somebody with an account on each platform, a handle, and a place in the community.
async fn person(stage: &Stage, n: u32) -> anyhow::Result<UserId> {
    let identity = &stage.system.app.identity;
    let proof = |platform: Platform| Proof {
        subject: format!("{platform}-{n}"),
        username: format!("person {n}"),
        display_name: None,
        avatar: None,
        verified_email: None,
        account_created_at: Some(stage.system.app.clock.now()),
        tokens: None,
    };
    let arrival = |platform: Platform, intent: Intent| Arrival {
        provider: platform.as_str().to_owned(),
        intent,
        nonce: "bench".to_owned(),
        verifier: Secret::from(String::new()),
        redirect: String::new(),
        return_to: String::new(),
    };
    let discord = Platform::Discord;
    let arrived = arrival(discord, Intent::SignIn);
    let user = identity
        .finish_sign_in(
            &arrived,
            Some(discord),
            &proof(discord),
            &ClientInfo::default(),
        )
        .await?
        .session()
        .context("somebody new has no second factor")?
        .user;
    let actor = Actor::User {
        id: user,
        is_instance_admin: false,
        roles: std::collections::BTreeMap::new(),
        only: None,
    };
    for platform in [Platform::Twitch, Platform::Slack] {
        let arrived = arrival(platform, Intent::Link(user));
        identity
            .finish_link(&actor, &arrived, Some(platform), &proof(platform))
            .await?;
    }
    let change = ProfileChange {
        display_name: format!("Person {n}"),
        handle: format!("person-{n}"),
        bio: "Somebody of the bench".to_owned(),
        ..ProfileChange::default()
    };
    identity.change_profile(&actor, &change).await?;
    let system = Actor::System("bench");
    identity
        .set_role(&system, stage.community.id, user, Some(Role::Member))
        .await?;
    Ok(user)
}

/// A message with one of somebody's accounts, another one each time.
fn message(stage: &Stage, (round, n): (u32, u32), person: u32, way: Way) -> Incoming {
    let platforms = [Platform::Discord, Platform::Twitch, Platform::Slack];
    let place = usize::try_from(n % 3).unwrap_or(0);
    let platform = platforms.get(place).copied().unwrap_or(Platform::Discord);
    Incoming {
        community: stage.community.id,
        event: ChatEvent {
            platform,
            event_id: format!("bench-{round}-{n}"),
            origin: Origin {
                channel: "general".to_owned(),
                ..Origin::default()
            },
            account: Account {
                platform_user_id: format!("{platform}-{person}"),
                username: format!("person {person}"),
                ..Account::default()
            },
            sent_at: stage.system.app.clock.now(),
            source: way.source(),
            kind: EventKind::Message(Message {
                text: format!("message {n} of the bench"),
                is_ours: way == Way::Ours,
                ..Message::default()
            }),
        },
    }
}
