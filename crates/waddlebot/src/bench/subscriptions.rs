//! Followers of one community's chat over WebSockets: what ten thousand that wait cost in memory, and how long a
//! message takes to a thousand that listen. The followers are another process, so that only the server is measured.

use std::{process::Stdio, time::Duration};

use activity::Incoming;
use anyhow::{Context, bail, ensure};
use clap::Args;
use identity::{ClientInfo, NewCommunity};
use kernel::{
    Account, Actor, ChatEvent, Clock, CommunityId, EventKind, Origin, PageRequest, Platform, Role,
    Source, event::Message,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{ingest::config, usage};
use crate::{console, http, serve::System};

/// How many, how much.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// Followers that wait
    #[arg(long, default_value_t = 10_000)]
    idle: u32,
    /// Followers that listen
    #[arg(long, default_value_t = 1_000)]
    live: u32,
    /// Messages said in a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of waiting, and of talking
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// Sockets of one person.
const EACH: u32 = 50;

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let mut settings = config(place.path(), &arguments.database_url)?;
    settings.server.listen = "127.0.0.1:0".parse().context("an address")?;
    let system = System::start(&settings).await?;
    let new = NewCommunity {
        name: "Bench".to_owned(),
        ..NewCommunity::default()
    };
    let actor = Actor::System("bench");
    let community = system
        .app
        .identity
        .find_or_create_community(&actor, &new)
        .await?
        .id;
    let people = arguments.idle.max(arguments.live).div_ceil(EACH);
    let cookies = followers(&system, community, people).await?;
    let cookies_file = place.path().join("cookies");
    std::fs::write(&cookies_file, cookies.join("\n")).context("writing cookies")?;

    let listener = http::bind(settings.server.listen, "server.listen").await?;
    let address = listener.local_addr()?;
    let app = std::sync::Arc::clone(&system.app);
    let router = http::public(&system, &settings)?;
    let server = tokio::spawn(async move { http::serve(&app, listener, router).await });
    let engine = system.app.db().engine().as_str();
    let start = |sockets: u32| {
        Followers::start(vec![
            format!("--address={address}"),
            format!("--community={community}"),
            format!("--cookies={}", cookies_file.display()),
            format!("--sockets={sockets}"),
        ])
    };

    let before = usage::now();
    let waiting = start(arguments.idle).await?;
    let opened = usage::now();
    tokio::time::sleep(Duration::from_secs(arguments.seconds.into())).await;
    let after = usage::now();
    waiting.report().await?;
    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    console::say(format!(
        "{engine:<10} {} idle subscriptions: {} in all, {} for each, {:.1} % of a processor",
        console::grouped(arguments.idle.into()),
        console::bytes(after.resident_bytes),
        console::bytes(grown / u64::from(arguments.idle.max(1))),
        share(after.cpu_micros - opened.cpu_micros, arguments.seconds),
    ));

    let listening = start(arguments.live).await?;
    let (before, theirs_before) = (usage::now(), listening.usage());
    talk(&system, community, &arguments).await?;
    let (after, theirs) = (usage::now(), listening.usage());
    let (delivered, report) = listening.report().await?;
    let spent = after.cpu_micros.saturating_sub(before.cpu_micros);
    let theirs = theirs.cpu_micros.saturating_sub(theirs_before.cpu_micros);
    let wanted =
        u64::from(arguments.rate) * u64::from(arguments.seconds) * u64::from(arguments.live);
    console::say(format!(
        "{engine:<10} {} live subscriptions at {} messages/s: {} of {} delivered, {report}; {:.0} % of a processor, {:.1} µs for \
         each delivery; {:.0} % for those who listen",
        console::grouped(arguments.live.into()),
        arguments.rate,
        console::grouped(delivered),
        console::grouped(wanted),
        share(spent, arguments.seconds),
        micros(spent) / micros(delivered.max(1)),
        share(theirs, arguments.seconds),
    ));
    system.app.stop.cancel();
    server.await.context("stopping the server")??;
    system.stop().await
}

fn share(cpu_micros: u64, seconds: u32) -> f64 {
    micros(cpu_micros) / 1e4 / f64::from(seconds.max(1))
}

fn micros(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Members of the community who are signed in; their cookies.
async fn followers(system: &System, community: CommunityId, n: u32) -> anyhow::Result<Vec<String>> {
    let joins = (0..n).map(|n| Incoming {
        community,
        event: event(system, n, n, EventKind::Join),
    });
    system.ingest.import(joins.collect(), None).await?;
    let actor = Actor::System("bench");
    let mut query = activity::MemberQuery {
        search: String::new(),
        platform: None,
        sort: activity::MemberSort::Name,
        descending: false,
        page: PageRequest::first(100),
    };
    let identity = &system.app.identity;
    let mut cookies = Vec::new();
    loop {
        let page = system
            .app
            .activity
            .members(&actor, community, &query)
            .await?;
        for member in page.items {
            let user = member.user_id;
            let role = Some(Role::Member);
            identity.set_role(&actor, community, user, role).await?;
            let link = identity.issue_sign_in_link(&actor, user).await?;
            let session = identity
                .redeem_sign_in_link(link.expose(), &ClientInfo::default())
                .await?
                .session()
                .context("somebody new has no second factor")?;
            cookies.push(format!(
                "{}={}",
                app::session::COOKIE,
                session.token.expose()
            ));
        }
        match page.next {
            Some(cursor) => query.page = PageRequest::after(cursor, 100),
            None => return Ok(cookies),
        }
    }
}

/// Says the time of saying it, at an even pace.
async fn talk(
    system: &System,
    community: CommunityId,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / arguments.rate.max(1));
    for n in 0..arguments.rate * arguments.seconds {
        pace.tick().await;
        let text = format!("at {}", kernel::SystemClock.now().0);
        let said = EventKind::Message(Message {
            text,
            ..Message::default()
        });
        let event = event(system, 1_000_000 + n, n % 100, said);
        system.ingest.submit(Incoming { community, event }).await?;
    }
    Ok(())
}

fn event(system: &System, n: u32, person: u32, kind: EventKind) -> ChatEvent {
    ChatEvent {
        platform: Platform::Discord,
        event_id: format!("bench-{n}"),
        origin: Origin {
            channel: "general".to_owned(),
            ..Origin::default()
        },
        account: Account {
            platform_user_id: format!("person-{person}"),
            username: format!("person {person}"),
            ..Account::default()
        },
        sent_at: system.app.clock.now(),
        source: Source::Live,
        kind,
    }
}

/// The other process.
struct Followers {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Followers {
    /// Starts it; answers when all of them follow.
    async fn start(arguments: Vec<String>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("looking for this program")?;
        let mut child = Command::new(program)
            .args(["bench", "followers"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the followers")?;
        let stdin = child.stdin.take().context("the followers' input")?;
        let stdout = child.stdout.take().context("the followers' output")?;
        let mut followers = Self {
            child,
            stdin,
            lines: BufReader::new(stdout).lines(),
        };
        let said = followers.lines.next_line().await?;
        ensure!(
            said.as_deref() == Some(super::followers::READY),
            "the followers said {said:?}"
        );
        Ok(followers)
    }

    /// What it used so far.
    fn usage(&self) -> usage::Usage {
        let id = self.child.id().map(|id| id.to_string());
        id.map_or_else(usage::Usage::default, |id| usage::of(&id))
    }

    /// Ends it; answers how many messages it saw, and how long they took.
    async fn report(mut self) -> anyhow::Result<(u64, String)> {
        self.stdin.write_all(b"\n").await?;
        let Some(report) = self.lines.next_line().await? else {
            bail!("the followers said nothing");
        };
        let status = self.child.wait().await?;
        ensure!(status.success(), "the followers ended with {status}");
        let (n, report) = report.split_once(' ').context("what the followers saw")?;
        Ok((
            n.parse().context("how many messages they saw")?,
            report.to_owned(),
        ))
    }
}
