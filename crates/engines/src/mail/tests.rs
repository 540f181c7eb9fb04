//! The contract of [`Mailer`], run on every implementation, and what is particular to each.

mod sink;

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, PageRequest, Secret, Timestamp};

use self::sink::{Sink, Strictness};
use super::{MAX_BODY_BYTES, Mail, MailError, Mailer, OutboxMail, OutboxMailer, SmtpMailer};
use crate::outside::{HandClock, soon};

const FROM: &str = "WaddleBot <bot@ducks.example>";

/// What arrived, as far as the contract goes: SMTP may add empty lines at the end.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    from: String,
    to: String,
    subject: String,
    text: String,
    html: Option<String>,
}

impl From<OutboxMail> for Seen {
    fn from(mail: OutboxMail) -> Self {
        Self {
            from: mail.from,
            to: mail.to,
            subject: mail.subject,
            text: mail.text.trim_end().to_owned(),
            html: mail.html,
        }
    }
}

fn mail() -> Mail {
    Mail {
        to: "ann@ducks.example".to_owned(),
        subject: "Sign in".to_owned(),
        text: "Hello\n".to_owned(),
        html: None,
    }
}

fn clock() -> Arc<HandClock> {
    HandClock::at(Timestamp::from_millis(1_763_923_816_123))
}

/// `arrived` gives all mails so far, the oldest first.
async fn suite(mailer: &dyn Mailer, arrived: impl AsyncFn() -> Vec<Seen>) {
    mailer.health().await.unwrap();
    let odd = Mail {
        to: "Änn Düçk <ann@ducks.example>".to_owned(),
        subject: format!("Grüße ✓ {}", "sehr lang ".repeat(40)),
        text: format!(
            ".\n..dots\n\nÄ ✓ =20 \n{}\nend.\n",
            "long line ".repeat(300)
        ),
        html: Some(format!("<p>Ä</p>\n.\n{}", "<b>long</b>".repeat(300))),
    };
    for mail in [&mail(), &odd] {
        soon(mailer.send(mail)).await.unwrap();
    }
    let mut seen = arrived().await;
    let second = seen.pop().unwrap();
    assert_eq!(second.to, odd.to);
    assert_eq!(second.subject, odd.subject);
    assert_eq!(second.text, odd.text.trim_end());
    assert_eq!(second.html, odd.html);
    let first = Seen {
        from: FROM.to_owned(),
        to: mail().to,
        subject: mail().subject,
        text: "Hello".to_owned(),
        html: None,
    };
    assert_eq!(seen, [first]);

    what_breaks_a_rule_is_refused_for_good(mailer).await;
    assert_eq!(arrived().await.len(), 2);
}

async fn what_breaks_a_rule_is_refused_for_good(mailer: &dyn Mailer) {
    let receivers = [
        "",
        "ann",
        "ann@",
        "ann@ducks.example, bob@ducks.example",
        "ann@ducks.example\r\nBcc: bob@ducks.example",
        "Ann\nBcc: bob@ducks.example <ann@ducks.example>",
        "ann@ducks.example\0",
        &format!("{} <ann@ducks.example>", "A".repeat(320)),
    ];
    let receivers = receivers.map(|to| Mail {
        to: to.to_owned(),
        ..mail()
    });
    let subjects = [
        "a\r\nBcc: bob@ducks.example",
        "a\nb",
        "a\rb",
        "a\0b",
        &"x".repeat(501),
    ];
    let subjects = subjects.map(|subject| Mail {
        subject: subject.to_owned(),
        ..mail()
    });
    let large = "x".repeat(MAX_BODY_BYTES + 1);
    let bodies = [
        Mail {
            text: large.clone(),
            ..mail()
        },
        Mail {
            html: Some(large),
            ..mail()
        },
    ];
    for mail in receivers.iter().chain(&subjects).chain(&bodies) {
        let error = soon(mailer.send(mail)).await.unwrap_err();
        assert!(matches!(error, MailError::Malformed(_)), "{error:?}");
        assert!(error.is_permanent());
    }
}

async fn read_all(outbox: &OutboxMailer) -> Vec<OutboxMail> {
    let mut mails = Vec::new();
    let page = outbox.list(&PageRequest::first(100)).await.unwrap();
    for entry in page.items.iter().rev() {
        mails.push(outbox.read(entry.id).await.unwrap().unwrap());
    }
    mails
}

#[tokio::test]
async fn the_outbox_keeps_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let outbox = OutboxMailer::open(&home.path().join("a/b"), FROM, clock()).unwrap();
    let arrived = async || {
        read_all(&outbox)
            .await
            .into_iter()
            .map(Seen::from)
            .collect()
    };
    suite(&outbox, arrived).await;
    assert_eq!(outbox.name(), "outbox");
}

#[tokio::test]
async fn the_outbox_is_paged_from_the_newest() {
    let home = tempfile::tempdir().unwrap();
    let clock = clock();
    // Two processes share the directory and their numbers collide.
    let web = OutboxMailer::open(home.path(), FROM, clock.clone()).unwrap();
    let worker = OutboxMailer::open(home.path(), FROM, clock.clone()).unwrap();
    for n in 0..25 {
        let mail = Mail {
            subject: n.to_string(),
            ..mail()
        };
        let outbox = if n % 2 == 0 { &web } else { &worker };
        outbox.send(&mail).await.unwrap();
        if n % 5 == 4 {
            clock.advance(Duration::from_micros(1));
        }
    }
    std::fs::write(home.path().join("notes.txt"), "not ours").unwrap();
    std::fs::write(home.path().join("1-x.eml"), "not ours").unwrap();

    let mut subjects = Vec::new();
    let mut request = PageRequest::first(10);
    loop {
        let page = web.list(&request).await.unwrap();
        subjects.extend(page.items.into_iter().map(|entry| entry.subject));
        match page.next {
            Some(cursor) => request = PageRequest::after(cursor, 10),
            None => break,
        }
    }
    assert_eq!(subjects.len(), 25);
    let blocks: Vec<i32> = subjects
        .iter()
        .map(|s| s.parse::<i32>().unwrap() / 5)
        .collect();
    assert!(
        blocks.is_sorted_by(|newer, older| newer >= older),
        "{blocks:?}"
    );
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 25);
}

#[cfg(unix)]
#[tokio::test]
async fn a_mail_is_one_file_that_only_the_program_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let outbox = OutboxMailer::open(&home.path().join("outbox"), FROM, clock()).unwrap();
    outbox.health().await.unwrap();
    outbox.send(&mail()).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(home.path().join("outbox")).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(names, ["1763923816123000-0.eml"]);
    let bytes = std::fs::read_to_string(home.path().join("outbox").join(&names[0])).unwrap();
    assert!(
        bytes.contains("Date: Sun, 23 Nov 2025 18:50:16 +0000\r\n"),
        "{bytes}"
    );
}

#[tokio::test]
async fn pruning_removes_old_mails_and_what_a_killed_process_left() {
    let home = tempfile::tempdir().unwrap();
    let clock = clock();
    let outbox = OutboxMailer::open(home.path(), FROM, clock.clone()).unwrap();
    outbox.send(&mail()).await.unwrap();
    let leftover = home.path().join(".unfinished-1763923816123000-abc");
    std::fs::write(&leftover, "half").unwrap();
    clock.advance(Duration::from_secs(1));
    outbox.send(&mail()).await.unwrap();
    assert_eq!(read_all(&outbox).await.len(), 2);
    assert_eq!(outbox.prune_before(clock.now()).await.unwrap(), 1);
    assert!(!leftover.exists());
    let left = read_all(&outbox).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id.sent_at(), clock.now());
    let gone = "1763923816123000-0".parse().unwrap();
    assert_eq!(outbox.read(gone).await.unwrap(), None);
}

#[test]
fn an_outbox_id_cannot_lead_out_of_the_outbox() {
    for text in [
        "", "-", "1", "1-", "-1", "+1-1", "../1-1", "1-1/..", "1-1.eml", "1-1-1", "٣-1",
    ] {
        assert!(text.parse::<super::OutboxId>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_is_a_passing_trouble() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("outbox");
    let outbox = OutboxMailer::open(&directory, FROM, clock()).unwrap();
    std::fs::remove_dir(&directory).unwrap();
    assert!(!outbox.send(&mail()).await.unwrap_err().is_permanent());
    outbox.health().await.unwrap_err();
}

fn smtp(address: String) -> SmtpMailer {
    SmtpMailer::open(&Secret::new(address), FROM, clock()).unwrap()
}

#[tokio::test]
async fn smtp_keeps_the_contract() {
    let sink = Sink::start(Strictness::Open).await;
    let mailer = smtp(format!("smtp://127.0.0.1:{}", sink.port()));
    let arrived = async || sink.mails().iter().map(|raw| seen(raw)).collect();
    suite(&mailer, arrived).await;
    assert_eq!(mailer.name(), "smtp");
}

fn seen(raw: &str) -> Seen {
    use mailparse::MailHeaderMap;
    let parsed = mailparse::parse_mail(raw.as_bytes()).unwrap();
    let header = |name| parsed.headers.get_first_value(name).unwrap();
    let body = |mime: &str| {
        let part = parsed.parts().find(|part| part.ctype.mimetype == mime)?;
        Some(part.get_body().unwrap().replace("\r\n", "\n"))
    };
    Seen {
        from: header("From"),
        to: header("To"),
        subject: header("Subject"),
        text: body("text/plain").unwrap().trim_end().to_owned(),
        html: body("text/html"),
    }
}

#[tokio::test]
async fn the_server_says_whether_trying_again_helps() {
    let sink = Sink::start(Strictness::Open).await;
    let mailer = smtp(format!("smtp://127.0.0.1:{}", sink.port()));
    let to = |receiver: &str| Mail {
        to: format!("{receiver}@ducks.example"),
        ..mail()
    };
    let busy = soon(mailer.send(&to("busy"))).await.unwrap_err();
    assert!(matches!(busy, MailError::Unavailable(_)));
    assert!(!busy.is_permanent());
    let nobody = soon(mailer.send(&to("nobody"))).await.unwrap_err();
    assert!(matches!(nobody, MailError::Rejected { code: 550, .. }));
    assert!(nobody.is_permanent());
    soon(mailer.send(&to("ann"))).await.unwrap();
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn a_wrong_password_does_not_condemn_the_mail() {
    let sink = Sink::start(Strictness::RefusesPasswords).await;
    let mailer = smtp(format!("smtp://bot:hunter2@127.0.0.1:{}", sink.port()));
    let error = soon(mailer.send(&mail())).await.unwrap_err();
    assert!(matches!(error, MailError::Unavailable(_)), "{error:?}");
    assert!(!error.is_permanent());
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_is_away_is_a_passing_trouble() {
    let nowhere = crate::outside::nowhere().await;
    let mailer = smtp(nowhere.expose().replace("redis://", "smtp://"));
    assert!(!soon(mailer.send(&mail())).await.unwrap_err().is_permanent());
    soon(mailer.health()).await.unwrap_err();
}

#[tokio::test]
async fn where_encryption_is_required_nothing_travels_without_it() {
    let sink = Sink::start(Strictness::Open).await;
    let port = sink.port();
    let mailer = smtp(format!("smtp://bot:hunter2@127.0.0.1:{port}?tls=required"));
    assert!(!soon(mailer.send(&mail())).await.unwrap_err().is_permanent());
    assert!(sink.mails().is_empty());
    let commands = sink.commands();
    assert!(
        commands
            .iter()
            .all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{commands:?}"
    );
}

#[tokio::test]
async fn a_password_without_encryption_is_refused() {
    let open = |address: &str| SmtpMailer::open(&Secret::new(address.to_owned()), FROM, clock());
    for address in [
        "smtp://bot:hunter2@mail.example",
        "smtp://bot:hunter2@mail.example?tls=opportunistic",
        "smtp://mail.example?tls=maybe",
        "http://mail.example",
        "mail.example",
        "",
    ] {
        let Err(error) = open(address) else {
            panic!("opened {address}");
        };
        assert!(error.is_permanent());
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    for address in [
        "smtps://bot:hunter2@mail.example",
        "smtp://bot:hunter2@mail.example:587?tls=required",
        "smtp://mail.example",
    ] {
        assert!(open(address).is_ok(), "{address}");
    }
    let sender = SmtpMailer::open(
        &Secret::new("smtp://mail.example".to_owned()),
        "bot",
        clock(),
    );
    assert!(matches!(sender, Err(MailError::BadConfig(_))));
}

#[test]
fn a_mail_is_not_printed() {
    let shown = format!("{:?}", mail());
    assert!(!shown.contains("ann@") && !shown.contains("Hello") && !shown.contains("Sign"));
}
