//! The other side of `bench graphql`: clients that send one request again and again. Never a client for anything else: it
//! believes the server.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use kernel::{Clock, SystemClock};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{Instant, sleep_until},
};

use super::overview::answer;

/// Whom to ask what, and how often.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// A file with the whole request
    #[arg(long)]
    request: PathBuf,
    /// How many connections
    #[arg(long)]
    connections: u32,
    /// Requests a second on all of them; 0: each as soon as the one before is answered
    #[arg(long)]
    rate: u32,
    /// For how long
    #[arg(long)]
    seconds: u32,
}

/// Asks, and says how many answers came and how long they took. At a rate the time counts from when a request
/// was due, so that waiting in line counts.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let request: Arc<[u8]> = std::fs::read(&arguments.request)
        .context("reading the request")?
        .into();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(arguments.seconds.into());
    let mut tasks = Vec::new();
    for connection in 0..arguments.connections {
        let request = Arc::clone(&request);
        let Arguments {
            address,
            connections,
            rate,
            ..
        } = arguments;
        tasks.push(tokio::spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await?);
            stream.get_ref().set_nodelay(true)?;
            let mut micros = Vec::new();
            let mut n = connection;
            loop {
                let due = if rate == 0 {
                    Instant::now()
                } else {
                    begun + Duration::from_secs(1) * n / rate
                };
                if due >= end {
                    return anyhow::Ok(micros);
                }
                sleep_until(due).await;
                let late = due.elapsed();
                let sent = SystemClock.now();
                stream.get_mut().write_all(&request).await?;
                answer(&mut stream).await?;
                micros.push((SystemClock.now().since(sent) + late).as_micros());
                n += connections;
            }
        }));
    }
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await.context("a client")??);
    }
    let took = begun.elapsed();
    ensure!(!micros.is_empty(), "nothing was answered");
    micros.sort_unstable();
    let at = |share: usize| {
        let place = (micros.len() - 1) * share / 100;
        let micros = micros.get(place).copied().unwrap_or_default();
        f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1e3
    };
    let n = u32::try_from(micros.len()).unwrap_or(u32::MAX);
    writeln!(
        std::io::stdout(),
        "{n} {:.0}/s, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        f64::from(n) / took.as_secs_f64(),
        at(50),
        at(99),
        at(100),
    )
    .context("saying how it was")
}
