//! The conversation with one client.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{KeptMail, MAIL_BYTES_MAX, Shared, SmtpFault};

/// Connections at once; a further one waits.
const CLIENTS_MAX: usize = 64;
/// The longest line of a command (RFC 5321 4.5.3.1.4, with room for SMTPUTF8).
const LINE_MAX: u64 = 4_096;
/// Receivers of one mail.
const RECEIVERS_MAX: usize = 100;
/// How long a client may think.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut clients = JoinSet::new();
    loop {
        if clients.len() >= CLIENTS_MAX {
            clients.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let shared = Arc::clone(&shared);
        clients.spawn(async move {
            // The client may hang up at any point.
            let _ = talk(stream, &shared).await;
        });
    }
}

/// What the client said so far of the mail.
#[derive(Default)]
struct Draft {
    from: Option<String>,
    to: Vec<String>,
}

async fn talk(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut draft = Draft::default();
    match shared.fault("CONNECT", "") {
        Some(SmtpFault::Reply { code, text }) => {
            return say(&mut stream, &format!("{code} {text}")).await;
        }
        Some(SmtpFault::Drop | SmtpFault::DropAfter) => return Ok(()),
        None => say(&mut stream, "220 simulator ESMTP").await?,
    }
    loop {
        let Some(line) = line(&mut stream).await? else {
            return Ok(());
        };
        shared.note(&line);
        let verb = verb(&line);
        let fault = shared.fault(&verb, &line);
        match &fault {
            Some(SmtpFault::Drop) => return Ok(()),
            Some(SmtpFault::Reply { code, text }) => {
                say(&mut stream, &format!("{code} {text}")).await?;
                continue;
            }
            Some(SmtpFault::DropAfter) | None => {}
        }
        if let ControlFlow::Break(()) = obey(&mut stream, shared, &mut draft, &verb, &line).await? {
            return Ok(());
        }
        if fault.is_some() {
            return Ok(());
        }
    }
}

async fn obey(
    stream: &mut BufReader<TcpStream>,
    shared: &Shared,
    draft: &mut Draft,
    verb: &str,
    line: &str,
) -> std::io::Result<ControlFlow<()>> {
    let reply = match verb {
        "EHLO" => {
            *draft = Draft::default();
            format!("250-simulator\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MAIL_BYTES_MAX}")
        }
        "HELO" => {
            *draft = Draft::default();
            "250 simulator".to_owned()
        }
        "MAIL" => match address(line, "FROM:") {
            Some(_) if draft.from.is_some() => "503 one mail at a time".to_owned(),
            Some(from) => {
                draft.from = Some(from);
                "250 ok".to_owned()
            }
            None => "501 MAIL FROM:<address>".to_owned(),
        },
        "RCPT" => match address(line, "TO:") {
            _ if draft.from.is_none() => "503 MAIL first".to_owned(),
            Some(to) if !to.is_empty() && draft.to.len() < RECEIVERS_MAX => {
                draft.to.push(to);
                "250 ok".to_owned()
            }
            Some(to) if !to.is_empty() => "452 too many receivers".to_owned(),
            _ => "501 RCPT TO:<address>".to_owned(),
        },
        "DATA" if draft.to.is_empty() => "503 RCPT first".to_owned(),
        "DATA" => {
            say(stream, "354 end with a lonely dot").await?;
            let Some(data) = data(stream).await? else {
                return Ok(ControlFlow::Break(()));
            };
            let draft = std::mem::take(draft);
            return keep(stream, shared, draft, data).await;
        }
        "RSET" => {
            *draft = Draft::default();
            "250 ok".to_owned()
        }
        "NOOP" => "250 ok".to_owned(),
        "VRFY" => "252 try it".to_owned(),
        "QUIT" => {
            say(stream, "221 bye").await?;
            return Ok(ControlFlow::Break(()));
        }
        _ => "502 not here".to_owned(),
    };
    say(stream, &reply).await?;
    Ok(ControlFlow::Continue(()))
}

async fn keep(
    stream: &mut BufReader<TcpStream>,
    shared: &Shared,
    draft: Draft,
    data: Result<Vec<u8>, TooLarge>,
) -> std::io::Result<ControlFlow<()>> {
    let Ok(data) = data else {
        say(stream, "552 too large").await?;
        return Ok(ControlFlow::Continue(()));
    };
    let fault = shared.fault("BODY", &draft.to.join(" "));
    match &fault {
        Some(SmtpFault::Drop) => return Ok(ControlFlow::Break(())),
        Some(SmtpFault::Reply { code, text }) => {
            say(stream, &format!("{code} {text}")).await?;
            return Ok(ControlFlow::Continue(()));
        }
        Some(SmtpFault::DropAfter) | None => {}
    }
    shared.keep(KeptMail {
        from: draft.from.unwrap_or_default(),
        to: draft.to,
        data,
    });
    if fault.is_some() {
        return Ok(ControlFlow::Break(()));
    }
    say(stream, "250 kept").await?;
    Ok(ControlFlow::Continue(()))
}

fn verb(line: &str) -> String {
    line.split([' ', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase()
}

/// The address between angle brackets after `FROM:` or `TO:`.
fn address(line: &str, after: &str) -> Option<String> {
    let at = line.to_ascii_uppercase().find(after)?;
    let rest = line.get(at + after.len()..)?.trim_start();
    let (address, _) = rest.strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

async fn say(stream: &mut BufReader<TcpStream>, reply: &str) -> std::io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await
}

/// A line of bytes with its end; empty when the client hung up. Longer ones come in pieces.
async fn piece(stream: &mut BufReader<TcpStream>, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = stream.take(max);
    let reading = limited.read_until(b'\n', &mut bytes);
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(read) => read?,
        Err(_) => return Ok(Vec::new()),
    };
    Ok(bytes)
}

/// A command without its line end; `None` when the client hung up or talks nonsense.
async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let bytes = piece(stream, LINE_MAX).await?;
    let Some(bytes) = bytes.strip_suffix(b"\n") else {
        return Ok(None);
    };
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    Ok(String::from_utf8(bytes.to_vec()).ok())
}

/// The mail was larger than [`MAIL_BYTES_MAX`].
struct TooLarge;

/// The mail up to the lonely dot, doubled dots undone; `None` when the client hung up.
async fn data(
    stream: &mut BufReader<TcpStream>,
) -> std::io::Result<Option<Result<Vec<u8>, TooLarge>>> {
    let mut mail = Vec::new();
    let mut is_too_large = false;
    let mut at_line_start = true;
    loop {
        let bytes = piece(stream, LINE_MAX).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if at_line_start && bytes == b".\r\n" {
            return Ok(Some(if is_too_large {
                Err(TooLarge)
            } else {
                Ok(mail)
            }));
        }
        let kept = match bytes.strip_prefix(b".") {
            Some(rest) if at_line_start => rest,
            _ => &bytes,
        };
        at_line_start = bytes.ends_with(b"\n");
        is_too_large |= mail.len() + kept.len() > MAIL_BYTES_MAX;
        if !is_too_large {
            mail.extend_from_slice(kept);
        }
    }
}
