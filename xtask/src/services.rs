//! Private PostgreSQL, Redis and S3 servers for tests: own data in a temporary directory, own port on 127.0.0.1, gone
//! when the value is dropped. Never the machine's own servers.

mod postgres;
mod redis;
mod s3;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Guard};

pub(crate) use postgres::{Durability, start as start_postgres};
pub(crate) use redis::start as start_redis;
pub(crate) use s3::{install as install_s3, start as start_s3};

/// How long a server may take until it answers; generous, because the machine may be compiling at the same time.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Another process may take a free port between our look and the server's; then we look again.
const ATTEMPTS: u32 = 3;

/// A running server: where it is, and the process that ends with this value.
#[derive(Debug)]
pub(crate) struct Service {
    url: String,
    _process: Guard,
}

impl Service {
    /// Where clients find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// What the three servers have in common.
struct Launch<'a> {
    name: &'a str,
    log: PathBuf,
    /// Starts the server on a port.
    spawn: &'a dyn Fn(u16) -> Result<Guard>,
    /// Whether it answers.
    is_ready: &'a dyn Fn(u16) -> bool,
    url: &'a dyn Fn(u16) -> String,
}

impl Launch<'_> {
    fn start(&self) -> Result<Service> {
        for attempt in 1..=ATTEMPTS {
            let port = free_port()?;
            let mut process = (self.spawn)(port)?;
            let mut died = false;
            let ready = process::wait_until(self.name, READY_WITHIN, || {
                died = !process.is_running();
                Ok(died || (self.is_ready)(port))
            });
            match ready {
                Ok(()) if !died => {
                    return Ok(Service {
                        url: (self.url)(port),
                        _process: process,
                    });
                }
                Ok(()) => eprintln!(
                    "{} ended while starting (attempt {attempt} of {ATTEMPTS})",
                    self.name
                ),
                Err(error) => return Err(error.context(self.last_words())),
            }
        }
        bail!("{} does not start\n{}", self.name, self.last_words())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("the end of its log:\n{}", process::last_lines(&log, 20))
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener
        .local_addr()
        .context("reading the free port")?
        .port())
}

/// A folder for a service inside the temporary directory.
fn folder(temporary: &Path, name: &str) -> Result<PathBuf> {
    let folder = temporary.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Sends one request over TCP and returns the start of the answer, or nothing if nobody answers.
pub(crate) fn ask(port: u16, request: &str) -> Option<String> {
    use std::io::{Read, Write};
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = [0; 64];
    let n_bytes = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(answer.get(..n_bytes)?).into_owned())
}

/// Whether an HTTP server answers a GET with 200.
pub(crate) fn answers_ok(port: u16, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    ask(port, &request)
        .is_some_and(|answer| answer.starts_with("HTTP/1.") && answer.get(8..12) == Some(" 200"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::Command;

    use rustix::process::Signal;

    use super::*;

    /// A server for one request.
    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn only_status_200_is_ready() {
        assert!(answers_ok(answering("HTTP/1.1 200 OK\r\n\r\n"), "/readyz"));
        assert!(!answers_ok(
            answering("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
            "/readyz"
        ));
        assert!(!answers_ok(free_port().unwrap(), "/readyz"));
    }

    #[test]
    fn a_server_that_dies_is_tried_again_and_its_log_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let launch = Launch {
            name: "a broken server",
            log: log.clone(),
            spawn: &|_| {
                let mut command = Command::new("sh");
                command.args(["-c", "echo out of ducks; exit 1"]);
                Guard::service(command, &log, Signal::TERM)
            },
            is_ready: &|_| false,
            url: &|port| format!("tcp://127.0.0.1:{port}"),
        };
        let text = launch.start().unwrap_err().to_string();
        assert!(
            text.contains("a broken server") && text.contains("out of ducks"),
            "{text}"
        );
    }
}
