//! A small SMTP server for tests: keeps what it is given, refuses `busy@` for now and `nobody@` for
//! good. No TLS.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone, Copy)]
pub(super) enum Strictness {
    Open,
    RefusesPasswords,
}

#[derive(Default)]
struct Heard {
    commands: Vec<String>,
    mails: Vec<String>,
}

pub(super) struct Sink {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    _task: AbortOnDropHandle<()>,
}

impl Sink {
    pub(super) async fn start(strictness: Strictness) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let shared = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client may hang up at any point.
                tokio::spawn(talk(stream, strictness, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            heard,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The mails as they came, the oldest first.
    pub(super) fn mails(&self) -> Vec<String> {
        self.heard.lock().unwrap().mails.clone()
    }

    pub(super) fn commands(&self) -> Vec<String> {
        self.heard.lock().unwrap().commands.clone()
    }
}

async fn talk(
    stream: TcpStream,
    strictness: Strictness,
    heard: Arc<Mutex<Heard>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    loop {
        let Some(line) = line(&mut stream).await? else {
            return Ok(());
        };
        heard.lock().unwrap().commands.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let reply = match (verb, strictness) {
            ("EHLO", Strictness::RefusesPasswords) => "250-sink\r\n250 AUTH PLAIN",
            ("EHLO", Strictness::Open) => "250-sink\r\n250 8BITMIME",
            ("AUTH", _) => "535 wrong password",
            ("RCPT", _) if line.contains("<busy@") => "451 later",
            ("RCPT", _) if line.contains("<nobody@") => "550 no such user",
            ("MAIL" | "RCPT" | "NOOP" | "RSET", _) => "250 ok",
            ("DATA", _) => {
                stream.write_all(b"354 go on\r\n").await?;
                let Some(mail) = data(&mut stream).await? else {
                    return Ok(());
                };
                heard.lock().unwrap().mails.push(mail);
                "250 kept"
            }
            ("QUIT", _) => "221 bye",
            _ => "502 what",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// A line without its end; `None` when the client hung up.
async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let n_bytes = stream.read_line(&mut line).await?;
    let line = line.strip_suffix("\r\n").map(str::to_owned);
    Ok(line.filter(|_| n_bytes > 0))
}

/// The mail up to the lonely dot, doubled dots undone.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut mail = String::new();
    while let Some(line) = line(stream).await? {
        if line == "." {
            return Ok(Some(mail));
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        mail.push_str("\r\n");
    }
    Ok(None)
}
