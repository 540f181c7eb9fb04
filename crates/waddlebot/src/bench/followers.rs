//! The other side of `bench subscriptions`: many WebSockets, each with one subscription, by hand and with little
//! memory. Never a client for anything else: it believes the server.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::Args;
use kernel::{Clock, SystemClock};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

/// What is said when all follow.
pub(super) const READY: &str = "ready";
/// How many connect at a time.
const CONNECTING: usize = 64;
/// How long the last messages may take after the end.
const LAST: Duration = Duration::from_secs(2);

/// Whom to follow, and how many do.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// The community's id
    #[arg(long)]
    community: i32,
    /// A file with a cookie in each line; used in turn
    #[arg(long)]
    cookies: PathBuf,
    /// How many sockets
    #[arg(long)]
    sockets: usize,
}

/// Connects all, says so, listens until its input has a line or ends, and says how long messages took.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let cookies = std::fs::read_to_string(&arguments.cookies).context("reading cookies")?;
    let cookies: Vec<&str> = cookies.lines().collect();
    ensure!(!cookies.is_empty(), "there are no cookies");
    let arguments = Arc::new(arguments);
    let stop = CancellationToken::new();
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let (ready, mut all_ready) = tokio::sync::mpsc::channel::<()>(1);
    let mut tasks = Vec::new();
    for cookie in cookies.iter().cycle().take(arguments.sockets) {
        let (cookie, stop, ready) = ((*cookie).to_owned(), stop.clone(), ready.clone());
        let (arguments, connecting) = (Arc::clone(&arguments), Arc::clone(&connecting));
        tasks.push(tokio::spawn(async move {
            let place = connecting.acquire().await?;
            let mut socket = Socket::follow(&arguments, &cookie).await?;
            drop((place, ready));
            let mut micros = Vec::new();
            loop {
                tokio::select! {
                    heard = socket.text() => {
                        let heard = heard?;
                        match delay(&heard) {
                            Some(delay) => micros.push(delay),
                            None => bail!("the server says {}", String::from_utf8_lossy(&heard)),
                        }
                    }
                    () = stop.cancelled() => return anyhow::Ok(micros),
                }
            }
        }));
    }
    drop(ready);
    // Nobody sends: it ends when each has followed, or failed.
    while all_ready.recv().await.is_some() {}
    say(READY)?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()))
        .await
        .context("waiting for the end")??;
    tokio::time::sleep(LAST).await;
    stop.cancel();
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await.context("a follower")??);
    }
    micros.sort_unstable();
    let at = |share: usize| {
        let index = micros.len().saturating_sub(1) * share / 1_000;
        micros.get(index).copied().unwrap_or_default() / 1_000
    };
    say(&format!(
        "{} p50 {} ms, p95 {} ms, p99 {} ms, highest {} ms",
        micros.len(),
        at(500),
        at(950),
        at(990),
        at(1_000)
    ))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// How long the message with this text took, in microseconds.
fn delay(frame: &[u8]) -> Option<i64> {
    const MARK: &[u8] = br#""text":"at "#;
    let start = frame.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = frame.get(start..)?.split(|byte| *byte == b'"').next()?;
    let said: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(SystemClock.now().0 - said)
}

struct Socket(BufReader<TcpStream>);

impl Socket {
    async fn follow(arguments: &Arguments, cookie: &str) -> anyhow::Result<Self> {
        let address = arguments.address;
        let stream = TcpStream::connect(address).await?;
        let mut socket = Self(BufReader::with_capacity(2_048, stream));
        let hello = format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\nCookie: {cookie}\r\n\r\n"
        );
        socket.0.get_mut().write_all(hello.as_bytes()).await?;
        let mut line = String::new();
        socket.0.read_line(&mut line).await?;
        ensure!(line.starts_with("HTTP/1.1 101"), "the server says {line}");
        while line != "\r\n" {
            line.clear();
            ensure!(
                socket.0.read_line(&mut line).await? > 0,
                "the server is gone"
            );
        }
        let community = arguments.community;
        let chat = "subscription($id: Int!) { chatMessage(communityId: $id) { id platform username text sentAt } }";
        let chat = json!({ "query": chat, "variables": { "id": community } });
        for (message, answers) in [
            (json!({ "type": "connection_init" }), 1),
            (
                json!({ "type": "subscribe", "id": "chat", "payload": chat }),
                0,
            ),
            // Answered after the subscription is in place.
            (
                json!({ "type": "subscribe", "id": "settle", "payload": { "query": "{ __typename }" } }),
                2,
            ),
        ] {
            socket.send(0x1, message.to_string().as_bytes()).await?;
            for _ in 0..answers {
                let answer = socket.text().await?;
                let answer = String::from_utf8_lossy(&answer);
                ensure!(
                    !answer.contains(r#""type":"error""#),
                    "the server says {answer}"
                );
            }
        }
        Ok(socket)
    }

    /// Sends a frame with a length of two bytes (0xfe), masked with zeros, which leaves it as it is.
    async fn send(&mut self, opcode: u8, payload: &[u8]) -> anyhow::Result<()> {
        let n_bytes = u16::try_from(payload.len()).context("a long message")?;
        let mut frame = vec![0x80 | opcode, 0xfe];
        frame.extend(n_bytes.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend_from_slice(payload);
        Ok(self.0.get_mut().write_all(&frame).await?)
    }

    /// The next text; pings are answered. Not to be given up half way but at the end.
    async fn text(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            let (opcode, length) = (self.0.read_u8().await? & 0x0f, self.0.read_u8().await?);
            let length = match length {
                126 => u64::from(self.0.read_u16().await?),
                127 => self.0.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length)?];
            self.0.read_exact(&mut payload).await?;
            match opcode {
                0x1 => return Ok(payload),
                0x9 => self.send(0xa, &payload).await?,
                0xa => {}
                _ => bail!(
                    "the server closed the socket: {}",
                    String::from_utf8_lossy(&payload)
                ),
            }
        }
    }
}
