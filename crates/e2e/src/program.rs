//! The built program on a free port with a data directory of its own. Never reads the program's data; a test
//! may make it older, because a real clock cannot be put forward.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::outside;

/// How long a start may take: the demo of an unoptimised build makes 90 days of history first.
const START: Duration = Duration::from_secs(180);

/// A running program, ended when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    base: String,
    /// What it printed before it was ready.
    greeting: String,
    place: TempDir,
}

impl Program {
    /// Starts `serve` or `demo` and waits until it has printed something with `ready` in it.
    pub(crate) fn start(subcommand: &str, ready: &str) -> Result<Self> {
        Self::start_named(subcommand, ready, "127.0.0.1")
    }

    /// The same, reached by a name of this machine.
    pub(crate) fn start_named(subcommand: &str, ready: &str, host: &str) -> Result<Self> {
        let binary = outside::binary().context("WADDLEBOT_TEST_BIN is not set")?;
        let place = tempfile::Builder::new()
            .prefix("waddlebot-e2e-")
            .tempdir()
            .context("making a data directory")?;
        // The port is free now; nobody else takes it in the moment between.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .context("finding a free port")?;
        let base = format!("http://{host}:{}", address.port());
        let log = place.path().join("log");
        let mut command = Command::new(&binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WADDLEBOT_")) {
            command.env_remove(name);
        }
        command.env_remove("DATABASE_URL").env_remove("REDIS_URL");
        let mut child = command
            .env("WADDLEBOT_SERVER__METRICS_LISTEN", "")
            .env("WADDLEBOT_SERVER__PUBLIC_URL", &base)
            .arg("--data-dir")
            .arg(place.path().join("data"))
            .arg(subcommand)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).context("making the log file")?)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut program = Self {
            child,
            base,
            greeting: String::new(),
            place,
        };
        if let Err(error) = program.listen_for(ready, &lines_of(stdout)) {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(error.context(format!("`{subcommand}` said: {}\n{said}", program.greeting)));
        }
        Ok(program)
    }

    fn listen_for(&mut self, ready: &str, lines: &Receiver<String>) -> Result<()> {
        loop {
            match lines.recv_timeout(START) {
                Ok(line) => {
                    let is_ready = line.contains(ready);
                    self.greeting.push_str(&line);
                    if is_ready {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("not ready in time"),
                Err(RecvTimeoutError::Disconnected) => bail!("the program ended"),
            }
        }
    }

    /// The address of its database.
    pub fn database(&self) -> String {
        let file = self.place.path().join("data/waddlebot.db");
        format!("sqlite://{}", file.display())
    }

    /// `http://127.0.0.1:PORT`, or with its name.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The printed link to this path, with its token, without the host.
    pub fn link(&self, path: &str) -> Result<String> {
        self.greeting
            .split_whitespace()
            .filter_map(|word| word.strip_prefix(&self.base))
            .find(|word| word.starts_with(path))
            .map(str::to_owned)
            .with_context(|| format!("no link to {path} in: {}", self.greeting))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Empties the pipe on a thread until the program ends, so that it never waits for us.
fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            // Nobody listens any more once the greeting was read.
            let _ = sender.send(std::mem::take(&mut line));
        }
    });
    receiver
}
