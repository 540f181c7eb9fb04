//! The overview page and its GraphQL query over a million messages, asked for 50 times a second.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use activity::Incoming;
use anyhow::{Context, bail};
use clap::Args;
use identity::{ClientInfo, Community, NewAccount, NewCommunity};
use kernel::{
    Account, Actor, ChatEvent, CommunityId, EventKind, Origin, Platform, Role, Source, Timestamp,
    event::Message,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::ingest::config;
use crate::{console, http, serve::System};

/// How much, how often.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// Messages, spread over a year
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// People who write them
    #[arg(long, default_value_t = 50_000)]
    people: u32,
    /// Requests a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of load for each kind of request
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// Connections kept open by the load.
const CONNECTIONS: u32 = 16;
const QUERY: &str = r#"{"query":"query($id: Int!) { community(communityId: $id) { name memberCount activity(period: LAST_90_DAYS) { dau { value previous } wau { value } mau { value } messages { value spark } daily { day activeMembers newcomers platforms { platform messages } } heatMap cohorts { week size active } platforms { platform messages activeMembers } } } }","variables":{"id":ID}}"#;

/// A server over a full database, and an administrator's session.
pub(super) struct Stage {
    pub(super) system: System,
    pub(super) community: Community,
    pub(super) address: SocketAddr,
    /// The cookie of the session.
    pub(super) cookie: String,
    server: tokio::task::JoinHandle<anyhow::Result<()>>,
    _place: tempfile::TempDir,
}

impl Stage {
    /// Fills an empty database with messages and serves it.
    pub(super) async fn fill(
        database_url: &str,
        messages: u32,
        people: u32,
    ) -> anyhow::Result<Self> {
        let place = tempfile::tempdir().context("making a temporary directory")?;
        let mut settings = config(place.path(), database_url)?;
        settings.graphql.cost_per_minute = 1_000_000_000;
        settings.sign_in.open_registration = true;
        settings.server.listen = "127.0.0.1:0".parse().context("an address")?;
        let system = System::start(&settings).await?;
        let actor = Actor::System("bench");
        let new = NewCommunity {
            name: "Bench".to_owned(),
            ..NewCommunity::default()
        };
        let identity = &system.app.identity;
        let community = identity.find_or_create_community(&actor, &new).await?;
        fill(&system, community.id, messages, people).await?;
        let account = NewAccount {
            display_name: "Bench".to_owned(),
            email: "bench@waddlebot.invalid".to_owned(),
            password: kernel::random::token(&*system.app.entropy).into(),
        };
        let admin = identity.create_admin(&actor, &account).await?;
        let role = Some(Role::Member);
        identity.set_role(&actor, community.id, admin, role).await?;
        let link = identity.issue_sign_in_link(&actor, admin).await?;
        let session = identity
            .redeem_sign_in_link(link.expose(), &ClientInfo::default())
            .await?
            .session()
            .context("a fresh administrator has no second factor")?;
        let cookie = format!("{}={}", app::session::COOKIE, session.token.expose());
        let listener = http::bind(settings.server.listen, "server.listen").await?;
        let address = listener.local_addr()?;
        let app = std::sync::Arc::clone(&system.app);
        let router = http::public(&system, &settings)?;
        let server = tokio::spawn(async move { http::serve(&app, listener, router).await });
        Ok(Self {
            system,
            community,
            address,
            cookie,
            server,
            _place: place,
        })
    }

    /// Stops everything.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.system.app.stop.cancel();
        self.server.await.context("stopping the server")??;
        self.system.stop().await
    }

    /// A request for a page.
    pub(super) fn get(&self, path: &str) -> String {
        let Self {
            address, cookie, ..
        } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n")
    }

    /// A request of a GraphQL body.
    pub(super) fn post(&self, body: &str) -> String {
        post(self.address, &format!("Cookie: {}\r\n", self.cookie), body)
    }
}

/// A request of a GraphQL body; `headers` end with a line's end each.
pub(super) fn post(address: SocketAddr, headers: &str, body: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The body of the answer to one request.
pub(super) async fn ask(address: SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.get_mut().write_all(request.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&answer(&mut stream).await?).into_owned())
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        database_url,
        messages,
        people,
        rate,
        seconds,
    } = &arguments;
    let stage = Stage::fill(database_url, *messages, *people).await?;
    let body = QUERY.replace("ID", &stage.community.id.to_string());
    let page = stage.get(&format!("/c/{}/health?period=90d", stage.community.slug));
    let query = stage.post(&body);
    for (name, request) in [("overview page", page), ("GraphQL query", query)] {
        let times = load(&stage, [request].into(), *rate, *seconds).await?;
        console::say(format!(
            "{:<10} {name:<14} {} requests at {rate}/s: {}",
            stage.system.app.db().engine().as_str(),
            times.len(),
            percentiles(times),
        ));
    }
    stage.stop().await
}

/// How long they took.
pub(super) fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        let place = (times.len().saturating_sub(1)) * share / 100;
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    format!(
        "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        at(50),
        at(95),
        at(99),
        at(100),
    )
}

/// Messages of a crowd in which few write much and many write little, over the year that ends now.
async fn fill(
    system: &System,
    community: CommunityId,
    messages: u32,
    people: u32,
) -> anyhow::Result<()> {
    let now = system.app.clock.now();
    let begin = now.minus(Duration::from_secs(365 * 86_400));
    let step = now.since(begin) / messages.max(1);
    let mut batch = Vec::with_capacity(2_000);
    // A linear congruential generator (Knuth's MMIX constants): the crowd is the same each time.
    let mut state = 1_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 32).unwrap_or(0)
    };
    for n in 0..messages {
        // The square of a uniform number favours low numbers: regulars.
        let unit = f64::from(next()) / 4_294_967_296.0;
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 <= value < people"
        )]
        let person = (unit * unit * f64::from(people)) as u32;
        let platform = [Platform::Discord, Platform::Twitch, Platform::Slack];
        let platform = platform
            .into_iter()
            .nth(usize::try_from(person % 3).unwrap_or(0))
            .unwrap_or(Platform::Discord);
        batch.push(Incoming {
            community,
            event: message(n, person, platform, begin.plus(step * n)),
        });
        if batch.len() == 2_000 {
            system
                .ingest
                .import(std::mem::take(&mut batch), None)
                .await?;
        }
    }
    system.ingest.import(batch, None).await?;
    Ok(())
}

fn message(n: u32, person: u32, platform: Platform, sent_at: Timestamp) -> ChatEvent {
    ChatEvent {
        platform,
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
        sent_at,
        source: Source::Import,
        kind: EventKind::Message(Message {
            text: format!("message {n} of the bench"),
            ..Message::default()
        }),
    }
}

/// Sends the requests in turn at a fixed rate over kept connections; answers the time from when each was due
/// to the last byte of its answer, so that waiting in line counts.
pub(super) async fn load(
    stage: &Stage,
    requests: Arc<[String]>,
    rate: u32,
    seconds: u32,
) -> anyhow::Result<Vec<Duration>> {
    let total = rate * seconds;
    let gap = Duration::from_secs(1) / rate.max(1);
    let begun = tokio::time::Instant::now();
    let mut tasks = Vec::new();
    for connection in 0..CONNECTIONS {
        let requests = Arc::clone(&requests);
        let address = stage.address;
        tasks.push(tokio::spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await?);
            let mut times = Vec::new();
            let mine = (connection..total).step_by(usize::try_from(CONNECTIONS)?);
            for (n, request) in mine.zip(requests.iter().cycle().skip(usize::try_from(connection)?))
            {
                let due = begun + gap * n;
                tokio::time::sleep_until(due).await;
                stream.get_mut().write_all(request.as_bytes()).await?;
                answer(&mut stream).await?;
                times.push(due.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.context("a connection of the load")??);
    }
    Ok(times)
}

/// Reads one HTTP/1.1 answer with a length or in chunks; only 200 is an answer. Its body.
pub(super) async fn answer(stream: &mut BufReader<TcpStream>) -> anyhow::Result<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.starts_with("HTTP/1.1 200") {
        bail!("the server answered `{}`", line.trim());
    }
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let header = line.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let mut body = Vec::new();
    if let Some(length) = length {
        stream.take(length).read_to_end(&mut body).await?;
        return Ok(body);
    }
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let size = u64::from_str_radix(line.trim(), 16).context("a chunk's size")?;
        (&mut *stream).take(size + 2).read_to_end(&mut body).await?;
        body.truncate(body.len().saturating_sub(2));
        if size == 0 {
            return Ok(body);
        }
    }
}
