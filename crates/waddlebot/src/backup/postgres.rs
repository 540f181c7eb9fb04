//! PostgreSQL's own tools for its own data. The address goes to them by environment, so that no
//! password shows in the process list.

use std::{path::Path, process::Command};

use anyhow::{Context, bail};
use kernel::Secret;

/// Dumps a database in the custom format.
pub(super) fn dump(url: &Secret<String>, file: &Path) -> anyhow::Result<()> {
    let parts = Parts::of(url.expose()).context("reading `database.url`")?;
    let mut command = Command::new("pg_dump");
    command
        .args(["--format=custom", "--no-owner", "--no-privileges", "--file"])
        .arg(file);
    run(command, &parts)
}

/// Puts a dump back, all of it or nothing. `replace` drops what is there first.
pub(super) fn restore(url: &Secret<String>, file: &Path, replace: bool) -> anyhow::Result<()> {
    let parts = Parts::of(url.expose()).context("reading `database.url`")?;
    let mut command = Command::new("pg_restore");
    command.args([
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
    ]);
    if replace {
        command.args(["--clean", "--if-exists"]);
    }
    command.arg("--dbname").arg(&parts.database).arg(file);
    run(command, &parts)
}

fn run(mut command: Command, parts: &Parts) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .env("PGDATABASE", &parts.database)
        .env("PGHOST", &parts.host)
        .env("PGPORT", &parts.port);
    if let Some(user) = &parts.user {
        command.env("PGUSER", user);
    }
    if let Some(password) = &parts.password {
        command.env("PGPASSWORD", password.expose());
    }
    let output = command.output().with_context(|| {
        format!("starting {name}: install PostgreSQL's client tools (postgresql-client)")
    })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{name} failed: {}",
            text.lines().take(5).collect::<Vec<_>>().join("; ")
        );
    }
    Ok(())
}

/// The parts of a PostgreSQL address.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    host: String,
    port: String,
    user: Option<String>,
    password: Option<Secret<String>>,
    database: String,
}

impl Parts {
    fn of(address: &str) -> anyhow::Result<Self> {
        let url = url::Url::parse(address).context("it is not an address")?;
        let decoded = |text: &str| percent_decode(text);
        let query = |name: &str| {
            url.query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        Ok(Self {
            host: query("host")
                .or_else(|| url.host_str().map(str::to_owned))
                .unwrap_or_default(),
            port: url.port().unwrap_or(5432).to_string(),
            user: (!url.username().is_empty()).then(|| decoded(url.username())),
            password: url
                .password()
                .map(|password| Secret::new(decoded(password))),
            database: decoded(url.path().trim_start_matches('/')),
        })
    }
}

/// Decodes %XX; what is not valid stays as it is.
fn percent_decode(text: &str) -> String {
    let pairs = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes())
        .next()
        .map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::Parts;

    #[test]
    fn an_address_is_taken_apart() {
        let parts =
            Parts::of("postgres://us%40er:p%2Bw+d@db.example.org:6543/duck%20pond").unwrap();
        assert_eq!(
            (parts.host.as_str(), parts.port.as_str()),
            ("db.example.org", "6543")
        );
        assert_eq!(
            (parts.user.as_deref(), parts.database.as_str()),
            (Some("us@er"), "duck pond")
        );
        assert_eq!(parts.password.unwrap().expose(), "p+w+d");
        let socket = Parts::of("postgres:///pond?host=/run/postgresql").unwrap();
        assert_eq!(
            (socket.host.as_str(), socket.port.as_str()),
            ("/run/postgresql", "5432")
        );
    }
}
