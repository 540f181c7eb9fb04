//! Starting the binary, and files to feed it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use kernel::{EventKind, Timestamp};
use simulator::History;

/// The binary with a data directory, no metrics, and none of the caller's settings.
pub(super) fn waddlebot(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waddlebot"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WADDLEBOT_")) {
        command.env_remove(name);
    }
    command.env_remove("DATABASE_URL").env_remove("REDIS_URL");
    command
        .env("WADDLEBOT_SERVER__METRICS_LISTEN", "")
        .arg("--data-dir")
        .arg(data_dir);
    command
}

/// Runs to the end and expects success.
pub(super) fn success(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    shown(&output)
}

/// Everything a process said.
pub(super) fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A chat file of about `n` simulated messages; different seeds give different people and ids.
pub(super) fn chat_file(place: &Path, seed: u64, n: usize) -> (PathBuf, u64) {
    let file = place.join(format!("chat-{seed}.jsonl"));
    let mut out = std::fs::File::create(&file).unwrap();
    let plan = simulator::communities().remove(0);
    let from = Timestamp::from_secs(1_700_000_000);
    let mut written = 0;
    let messages = History::new(
        seed,
        &plan,
        from,
        from.plus(Duration::from_secs(60 * 86_400)),
    )
    .filter(|event| matches!(event.kind, EventKind::Message(_)));
    for mut event in messages.take(n) {
        event.event_id = format!("{seed}-{}", event.event_id);
        writeln!(out, "{}", ingest::format::jsonl::render(&event, None)).unwrap();
        written += 1;
    }
    (file, written)
}

/// A running server, ended when dropped.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) address: String,
    /// What it printed before it was ready, the link included.
    pub(super) greeting: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `serve` or `demo` on a free port and waits until it says where it is and which link to
/// open.
pub(super) fn server(data_dir: &Path, arguments: &[&str], until: &str) -> Server {
    // The port is free now; nobody else takes it in the moment between.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let child = waddlebot(data_dir)
        .args(arguments)
        .args(["--listen", &address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut server = Server {
        child,
        address,
        greeting: String::new(),
    };
    let mut lines = BufReader::new(server.child.stdout.take().unwrap());
    while !server.greeting.contains(until) {
        let n = lines.read_line(&mut server.greeting).unwrap();
        assert!(n > 0, "the program ended: {}", server.greeting);
    }
    // The rest of the line the text ended in has been read with it.
    server
}

/// One HTTP/1.0 request; the whole answer. Tries again while nobody listens yet.
pub(super) fn get(address: &str, path: &str) -> String {
    loop {
        if let Ok(mut stream) = std::net::TcpStream::connect(address) {
            write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            return answer;
        }
        std::thread::yield_now();
    }
}
