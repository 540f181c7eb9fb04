//! `waddlebot doctor`: checks configuration, disk, database, queue, engines and clock, and says what
//! to do about each trouble. Makes the directories that a start would make, and never a database;
//! otherwise changes nothing but a probe file and a probe blob, which it removes.

use std::{path::Path, process::ExitCode, time::Duration};

use engines::{Blobs, Bus};
use kernel::{Clock, SystemClock, Timestamp};
use store::{Db, Engine, KeyRing, job, migration, seal::Keys, sql};

use crate::{
    compose,
    config::Config,
    console,
    keys::{self, Kept},
};

/// Free space below which a warning is due, in bytes.
const SPACE_LOW: u64 = 1_000_000_000;
/// A job that is due longer than this means that no worker runs.
const JOB_LATE: Duration = Duration::from_secs(600);
/// 2026-01-01: a clock before it is wrong, because this program is younger.
const BUILT_AFTER: Timestamp = Timestamp::from_secs(1_767_225_600);
/// How far the clocks of this machine and the database may be apart.
const CLOCK_APART: Duration = Duration::from_secs(5);

enum Finding {
    Good(String),
    Warning(String),
    Bad(String),
}
use Finding::{Bad, Good, Warning};

/// Prints each finding as it comes and remembers the worst.
struct Report {
    bad: usize,
    warnings: usize,
}

impl Report {
    fn add(&mut self, subject: &str, finding: Finding) {
        let (mark, text) = match finding {
            Good(text) => ("ok  ", text),
            Warning(text) => {
                self.warnings += 1;
                ("warn", text)
            }
            Bad(text) => {
                self.bad += 1;
                ("BAD ", text)
            }
        };
        console::say(format!("{mark}  {subject:<14} {text}"));
    }
}

/// Runs every check. Exit code 1 if something must be mended.
pub(crate) async fn run(config: &anyhow::Result<Config>) -> anyhow::Result<ExitCode> {
    let mut report = Report {
        bad: 0,
        warnings: 0,
    };
    match config {
        Ok(config) => {
            report.add(
                "configuration",
                Good("readable, every key known".to_owned()),
            );
            check(config, &mut report).await;
        }
        Err(error) => report.add("configuration", Bad(format!("{error:#}"))),
    }
    console::say(match (report.bad, report.warnings) {
        (0, 0) => "\neverything is in order".to_owned(),
        (0, n) => format!("\nin order, with {}", console::plural(n, "warning")),
        (n, _) => format!("\n{n} must be mended"),
    });
    Ok(if report.bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn check(config: &Config, report: &mut Report) {
    report.add("data directory", data_dir(&config.data_dir));
    report.add("disk", disk(&config.data_dir));
    report.add("clock", clock());
    report.add("address", address(config).await);
    if let Some(file) = compose::database_options(config).absent_file() {
        let text = format!("{} is made at the first start", file.display());
        report.add("database", Good(text));
        return engines(config, report).await;
    }
    match compose::open_database(config).await {
        Ok(db) => {
            database(&db, report).await;
            report.add("keys", ring(config, &db).await);
            // Nothing is lost if closing fails now: nothing was written.
            let _ = db.close().await;
        }
        Err(error) => report.add(
            "database",
            Bad(format!(
                "{}; check `database.url`",
                console::causes(&error).join(": ")
            )),
        ),
    }
    engines(config, report).await;
}

fn data_dir(place: &Path) -> Finding {
    if let Err(error) = compose::make_data_dir(place) {
        return Bad(format!("{error:#}: choose another with --data-dir"));
    }
    let probe = place.join(".doctor-probe");
    if let Err(error) = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe))
    {
        return Bad(format!("`{}` cannot be written: {error}", place.display()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place).map_or(0, |meta| meta.permissions().mode() & 0o077);
        if mode != 0 {
            return Warning(format!(
                "others on this machine can look into it: chmod 700 {}",
                place.display()
            ));
        }
    }
    Good(place.display().to_string())
}

fn disk(place: &Path) -> Finding {
    match rustix::fs::statvfs(place) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!("{} free", console::bytes(free));
            if free < SPACE_LOW {
                Warning(format!("{text}: make room soon"))
            } else {
                Good(text)
            }
        }
        Err(error) => Warning(format!("free space cannot be read: {error}")),
    }
}

fn clock() -> Finding {
    let now = SystemClock.now();
    if now < BUILT_AFTER {
        return Bad(format!(
            "{now} is in the past: set the clock (timedatectl set-ntp true)"
        ));
    }
    Good(now.to_string())
}

async fn address(config: &Config) -> Finding {
    let listen = config.server.listen;
    match tokio::net::TcpListener::bind(listen).await {
        Ok(_) if listen.ip().is_loopback() => Good(format!("{listen} is free (this machine only)")),
        Ok(_) if config.public_url().starts_with("https://") => Good(format!("{listen} is free")),
        Ok(_) => Warning(format!(
            "{listen} is reachable by others without TLS: put a proxy in front and set server.public_url to https://…"
        )),
        Err(error) => Good(format!(
            "{listen} is in use ({error}); fine if WaddleBot runs there"
        )),
    }
}

async fn database(db: &Db, report: &mut Report) {
    match migration::pending(db).await {
        Ok(pending) if pending.is_empty() => report.add("schema", Good("up to date".to_owned())),
        Ok(pending) => {
            report.add(
                "schema",
                Warning(format!(
                    "{} missing: waddlebot migrate",
                    console::plural(pending.len(), "step")
                )),
            );
            return;
        }
        Err(error) => {
            report.add("schema", Bad(error.to_string()));
            return;
        }
    }
    let size = db
        .size_bytes()
        .await
        .map_or(0, |n| u64::try_from(n).unwrap_or(0));
    report.add(
        "database",
        match integrity(db).await {
            Ok(()) => Good(format!(
                "{}, {}",
                db.engine().as_str(),
                console::bytes(size)
            )),
            Err(text) => Bad(format!(
                "{}: {text}: restore a backup (waddlebot restore)",
                db.engine().as_str()
            )),
        },
    );
    if db.engine() == Engine::Postgres {
        report.add("clocks", database_clock(db).await);
    }
    report.add("queue", queue(db).await);
    report.add(
        "audit log",
        match store::audit::verify(db.read()).await {
            Ok(store::audit::Verdict::Intact { entries, .. }) => {
                Good(format!("{entries} entries, chain intact"))
            }
            Ok(store::audit::Verdict::Broken { seq, reason }) => {
                Bad(format!("broken at entry {seq}: {reason}"))
            }
            Err(error) => Bad(error.to_string()),
        },
    );
}

/// Opens every sealed token. Says ids of keys, never keys.
async fn ring(config: &Config, db: &Db) -> Finding {
    let (keys, file) = match keys::find(config) {
        Ok(Kept::Configured(keys)) => (keys, None),
        Ok(Kept::File(path, keys)) => (keys, Some(path)),
        Ok(Kept::Nowhere(_)) => {
            // A ring that has no key of the tokens, if there are any.
            let made = Keys::generate(&app::SystemEntropy);
            return match app::missing_key(db, &KeyRing::new(&made)).await {
                Ok(None) => Good("made at the first start".to_owned()),
                Ok(Some(id)) => Bad(format!(
                    "the key file with the key `{id}` is gone: put it back from a backup"
                )),
                // The schema has been reported already.
                Err(error) => Warning(error.to_string()),
            };
        }
        Err(error) => return Bad(format!("{error:#}")),
    };
    if let Some(path) = file.filter(|path| keys::is_open(path)) {
        return Warning(format!(
            "others on this machine can read them: chmod 600 {}",
            path.display()
        ));
    }
    match app::check_seals(db, &KeyRing::new(&keys)).await {
        Ok(report) => match report.trouble {
            None => Good(format!(
                "{} keys, {} active, every sealed token opens ({})",
                keys.texts().count(),
                keys.active(),
                report.by_key.values().sum::<u64>()
            )),
            Some((holder, error)) => Bad(format!("the tokens of {holder}: {error}")),
        },
        Err(error) => Warning(error.to_string()),
    }
}

async fn integrity(db: &Db) -> Result<(), String> {
    if db.engine() == Engine::Postgres {
        return db.health().await.map_err(|error| error.to_string());
    }
    let answer = sql::scalar::<String>(db.read(), "PRAGMA quick_check(1)", vec![]).await;
    match answer {
        Ok(text) if text == "ok" => Ok(()),
        Ok(text) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

async fn database_clock(db: &Db) -> Finding {
    let query = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)";
    match sql::scalar::<i64>(db.read(), query, vec![]).await {
        Ok(micros) => {
            let (theirs, ours) = (Timestamp(micros), SystemClock.now());
            let apart = theirs.since(ours).max(ours.since(theirs));
            if apart > CLOCK_APART {
                return Warning(format!(
                    "this machine and the database are {} s apart: use NTP on both",
                    apart.as_secs()
                ));
            }
            Good(format!("{} ms apart", apart.as_millis()))
        }
        Err(error) => Bad(error.to_string()),
    }
}

async fn queue(db: &Db) -> Finding {
    let counts = match job::stats(db.read()).await {
        Ok(counts) => counts,
        Err(error) => return Bad(error.to_string()),
    };
    let now = SystemClock.now();
    let dead: usize = counts
        .iter()
        .filter(|c| c.state == job::State::Dead)
        .map(|c| usize::try_from(c.n).unwrap_or(0))
        .sum();
    let late = counts
        .iter()
        .any(|c| c.state == job::State::Ready && now.since(c.oldest_due) > JOB_LATE);
    if dead > 0 {
        return Warning(format!(
            "{} gave up: look at /admin/jobs",
            console::plural(dead, "job")
        ));
    }
    if late {
        return Warning(
            "jobs wait for more than 10 minutes: is a process with the worker role running?"
                .to_owned(),
        );
    }
    Good("nothing gave up, nothing is late".to_owned())
}

async fn engines(config: &Config, report: &mut Report) {
    report.add(
        "bus",
        match compose::bus(config).await {
            Ok(bus) => match bus.health().await {
                Ok(()) => Good(Bus::name(&*bus).to_owned()),
                Err(error) => Warning(format!(
                    "{error}: live pages are slower until it is back; check `redis.url`"
                )),
            },
            Err(error) => Bad(format!("{error:#}")),
        },
    );
    report.add(
        "files",
        match compose::blobs(config) {
            Ok(blobs) => probe(&blobs).await,
            Err(error) => Bad(format!("{error:#}")),
        },
    );
    let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(SystemClock);
    report.add(
        "mail",
        match compose::mailer(config, &clock) {
            Ok((mailer, outbox)) => match mailer.health().await {
                Ok(()) if outbox.is_some() => {
                    Good("outbox directory; set `mail.url` to send to people".to_owned())
                }
                Ok(()) => Good("the mail server answers".to_owned()),
                Err(error) => Bad(format!("{error}: check `mail.url`")),
            },
            Err(error) => Bad(format!("{error:#}")),
        },
    );
}

/// Writes, reads and removes a blob.
async fn probe(blobs: &Blobs) -> Finding {
    let path = format!("doctor/{}", SystemClock.now().0);
    let text = b"probe".as_slice();
    if let Err(error) = blobs.put(&path, text.into()).await {
        return Bad(format!("cannot be written: {error}; check `blobs.url`"));
    }
    let read = blobs.get(&path, 16).await;
    let removed = blobs.delete(&path).await;
    match (read, removed) {
        (Ok(_), Ok(())) => Good(blobs.name().to_owned()),
        (Err(error), _) => Bad(format!("cannot be read back: {error}")),
        (_, Err(error)) => Warning(format!("a probe could not be removed: {error}")),
    }
}
