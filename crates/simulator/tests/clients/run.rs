//! Runs a script with a client in it, and reads what it saw, a line of JSON each.

use std::{
    io::Write as _,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Generous: the machine may be compiling at the same time.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// A running script.
pub(crate) struct Client {
    script: &'static str,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stdin: ChildStdin,
    complaints: Arc<Mutex<String>>,
    /// What was seen while something else was waited for.
    earlier: Vec<Value>,
}

impl Client {
    /// Starts a script of this folder; `None`, said loudly, where its client is not installed.
    pub(crate) fn start(script: &'static str, told: &Value) -> Option<Self> {
        let mut command = interpreter(script)?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let mut child = command
            .arg(folder.join(script))
            .arg(told.to_string())
            // Nothing of the machine's surroundings: no proxy, no settings of a user.
            .env_remove("http_proxy")
            .env_remove("https_proxy")
            .env_remove("HTTP_PROXY")
            .env_remove("HTTPS_PROXY")
            .env_remove("ALL_PROXY")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let complaints = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let heard = Arc::clone(&complaints);
        tokio::spawn(async move {
            let mut part = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut part).await {
                let text = String::from_utf8_lossy(&part[..n]).into_owned();
                heard.lock().unwrap().push_str(&text);
            }
        });
        Some(Self {
            script,
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            stdin: child.stdin.take().unwrap(),
            child,
            complaints,
            earlier: Vec::new(),
        })
    }

    /// Waits until the script saw this, and answers the line.
    pub(crate) async fn saw(&mut self, what: &str) -> Value {
        if let Some(at) = self.earlier.iter().position(|line| line["saw"] == what) {
            return self.earlier.remove(at);
        }
        loop {
            let line = match tokio::time::timeout(WITHIN, self.lines.next_line()).await {
                Ok(Ok(Some(line))) => line,
                Ok(_) => self.fail(&format!("ended without having seen `{what}`")),
                Err(_) => self.fail(&format!("did not see `{what}`")),
            };
            match serde_json::from_str::<Value>(&line) {
                Ok(line) if line["saw"] == what => return line,
                Ok(line) => self.earlier.push(line),
                Err(_) => self.fail(&format!("says `{line}`, which is no JSON")),
            }
        }
    }

    /// Tells a script that waits to go on.
    pub(crate) async fn go(&mut self) {
        if self.stdin.write_all(b"go\n").await.is_err() {
            self.fail("listens no more");
        }
    }

    /// Waits for a good end; answers what it saw and nobody asked for.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        loop {
            match tokio::time::timeout(WITHIN, self.lines.next_line()).await {
                Ok(Ok(Some(line))) => match serde_json::from_str(&line) {
                    Ok(line) => self.earlier.push(line),
                    Err(_) => self.fail(&format!("says `{line}`, which is no JSON")),
                },
                Ok(_) => break,
                Err(_) => self.fail("does not end"),
            }
        }
        match tokio::time::timeout(WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => std::mem::take(&mut self.earlier),
            Ok(status) => self.fail(&format!("ended with {status:?}")),
            Err(_) => self.fail("does not end"),
        }
    }

    fn fail(&self, why: &str) -> ! {
        panic!("{} {why}\nit saw {:#?}", self.script, self.earlier);
    }
}

impl Drop for Client {
    /// A test that fails for another reason says what the client had to say.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let complaints = self.complaints.lock().unwrap();
            let _ = writeln!(std::io::stderr(), "{}: {complaints}", self.script);
        }
    }
}

/// What runs the script, if its client is installed.
fn interpreter(script: &str) -> Option<Command> {
    let is_python = Path::new(script).extension().is_some_and(|it| it == "py");
    if is_python {
        let mut command = Command::new(installed("WADDLEBOT_TEST_PYTHON", script)?);
        match std::env::var_os("WADDLEBOT_TEST_PYTHONPATH") {
            Some(packages) => command.env("PYTHONPATH", packages),
            None => command.env_remove("PYTHONPATH"),
        };
        return Some(command);
    }
    let modules = installed("WADDLEBOT_TEST_NODE_MODULES", script)?;
    let mut command = Command::new("node");
    command.env("WADDLEBOT_TEST_NODE_MODULES", modules);
    Some(command)
}

fn installed(variable: &str, script: &str) -> Option<String> {
    if let Ok(place) = std::env::var(variable) {
        return Some(place);
    }
    let why = format!("{script} needs clients that `cargo xtask test` installs ({variable})");
    assert!(
        std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_none(),
        "{why}"
    );
    // Past the test harness's capture, so that it is seen.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    None
}
