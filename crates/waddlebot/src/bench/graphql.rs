//! A nested GraphQL query over a million messages: as often as 64 clients can ask, and a thousand times a second; worked
//! out each time, and from what is kept; and beside another server, if one is named. The clients are another process, so that only the server is measured.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    overview::{Stage, ask, post},
    usage,
};
use crate::console;

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
    /// Clients that ask as often as they can
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Requests a second where they come at their own pace
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// A program and its arguments that serves the same SQLite file, to be compared with: it is started with the file
    /// and a port behind them
    #[arg(long, num_args = 1.., value_delimiter = ',')]
    beside: Vec<String>,
}

const QUERY: &str = "query($id: Int!) { community(communityId: $id) { name memberCount \
    activity(period: LAST_30_DAYS) { dau { value previous } wau { value } messages { value spark } \
    daily { day activeMembers newcomers platforms { platform messages } } heatMap cohorts { week size active } } \
    members(first: 25) { totalCount nodes { userId name role messageCount activeDays lastSeenAt \
    reputation { score rank } accounts { platform username isBot } } } } }";

/// What is asked of the other server too, which knows nothing of periods.
const BESIDE: &str = "query($id: Int!) { community(communityId: $id) { id name slug members(first: 100, sort: MESSAGES) { \
    nodes { userId name role messageCount activeDays lastSeenAt reputation { score rank } \
    accounts { platform username isBot } } } } }";

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        database_url,
        messages,
        people,
        ..
    } = &arguments;
    let stage = Stage::fill(database_url, *messages, *people).await?;
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let asking = Asking {
        stage: &stage,
        arguments: &arguments,
        file: place.path().join("request"),
    };
    for (name, request) in asking.both(QUERY) {
        asking.measure(name, &request, 0, "self").await?;
        asking
            .measure(name, &request, arguments.rate, "self")
            .await?;
    }
    if !arguments.beside.is_empty() {
        beside(&asking).await?;
    }
    stage.stop().await
}

/// Asks WaddleBot and another server over the same file the same, and says how much less it takes here.
async fn beside(asking: &Asking<'_>) -> anyhow::Result<()> {
    let Asking {
        stage, arguments, ..
    } = asking;
    let path = arguments.database_url.strip_prefix("sqlite://");
    let path = path.context("the other server reads an SQLite file only")?;
    let path = path.split('?').next().unwrap_or(path);
    let other = Other::start(&arguments.beside, path).await?;
    let body = serde_json::json!({ "query": BESIDE, "variables": { "id": stage.community.id.0 } });
    let theirs = post(other.address, "", &body.to_string());
    let data = async |address: SocketAddr, request: &str| {
        let answer: serde_json::Value = serde_json::from_str(&ask(address, request).await?)?;
        anyhow::Ok(answer.get("data").cloned().unwrap_or(answer))
    };
    let ours = stage.post(&body.to_string());
    let (ours, answer) = (
        data(stage.address, &ours).await?,
        data(other.address, &theirs).await?,
    );
    ensure!(
        ours == answer,
        "the two answer differently: {ours} and {answer}"
    );
    let theirs = asking
        .measure("the other", &(other.address, theirs), 0, &other.process()?)
        .await?;
    for (name, request) in asking.both(BESIDE) {
        let ours = asking.measure(name, &request, 0, "self").await?;
        console::say(format!(
            "{:<21} {:.0} times less of the processors",
            name,
            theirs / ours
        ));
    }
    other.stop().await
}

/// What there is to measure with.
struct Asking<'a> {
    stage: &'a Stage,
    arguments: &'a Arguments,
    file: PathBuf,
}

impl Asking<'_> {
    /// The request that is worked out each time, and the one that may be answered from what is kept.
    fn both(&self, query: &str) -> [(&'static str, (SocketAddr, String)); 2] {
        let variables = serde_json::json!({ "id": self.stage.community.id.0 });
        let kept = serde_json::json!({ "query": query, "variables": variables });
        // Whoever asks for the cost gets an answer of their own.
        let made = serde_json::json!({
            "query": query, "variables": variables, "extensions": { "cost": true },
        });
        let request =
            |body: &serde_json::Value| (self.stage.address, self.stage.post(&body.to_string()));
        [("worked out", request(&made)), ("kept", request(&kept))]
    }

    /// Sends a request for some time, `rate` times a second or as often as it is answered (0); says how it was.
    /// Milliseconds of the server's processors for each.
    async fn measure(
        &self,
        name: &str,
        (address, request): &(SocketAddr, String),
        rate: u32,
        process: &str,
    ) -> anyhow::Result<f64> {
        std::fs::write(&self.file, request).context("writing the request")?;
        let Arguments {
            connections,
            seconds,
            ..
        } = self.arguments;
        let ask = async |seconds: u32| {
            let words = [
                format!("--address={address}"),
                format!("--connections={connections}"),
                format!("--rate={rate}"),
                format!("--seconds={seconds}"),
            ];
            asked(&self.file, &words).await
        };
        ask(2).await.context("warming up")?;
        let before = usage::of(process);
        let report = ask(*seconds).await?;
        let spent = usage::of(process)
            .cpu_micros
            .saturating_sub(before.cpu_micros);
        let each =
            f64::from(u32::try_from(spent).unwrap_or(u32::MAX)) / 1e3 / f64::from(report.n.max(1));
        let pace = match rate {
            0 => "as often as they can".to_owned(),
            rate => format!("{rate} times a second"),
        };
        console::say(format!(
            "{:<10} {name:<10} {connections} clients {pace}: {}, {each:.3} ms of the server's processors for each",
            self.stage.system.app.db().engine().as_str(),
            report.line,
        ));
        Ok(each)
    }
}

/// The other server.
struct Other {
    child: Child,
    address: SocketAddr,
}

impl Other {
    /// Starts it; answers when it listens.
    async fn start(command: &[String], file: &str) -> anyhow::Result<Self> {
        let (program, arguments) = command.split_first().context("no other server")?;
        let place = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a port")?;
        let address = place.local_addr()?;
        drop(place);
        let child = Command::new(program)
            .args(arguments)
            .arg(file)
            .arg(address.port().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting the other server")?;
        for _ in 0..300 {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Self { child, address });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the other server does not listen")
    }

    fn process(&self) -> anyhow::Result<String> {
        Ok(self
            .child
            .id()
            .context("the other server has ended")?
            .to_string())
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("stopping the other server")
    }
}

struct Report {
    n: u32,
    line: String,
}

/// Starts the clients and waits for what they say.
async fn asked(request: &Path, words: &[String]) -> anyhow::Result<Report> {
    let output = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["bench", "askers"])
        .arg(format!("--request={}", request.display()))
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("starting the clients")?;
    ensure!(output.status.success(), "the clients failed");
    let said = String::from_utf8_lossy(&output.stdout);
    let (n, line) = said
        .trim()
        .split_once(' ')
        .context("what the clients said")?;
    Ok(Report {
        n: n.parse().context("what the clients said")?,
        line: line.to_owned(),
    })
}
