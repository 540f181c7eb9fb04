//! A private PostgreSQL. It refuses to run as root, so root's goes to the user `postgres` or `nobody`.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{Launch, Service, folder};
use crate::process::{self, Guard};

/// The superuser of the private server; the product's tests create their own databases with it.
const USER: &str = "waddlebot";

/// Whether data must survive the machine's crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// For tests: as fast as it goes.
    None,
    /// For measuring: as in production.
    Full,
}

/// Creates a cluster in the temporary directory and starts it.
pub(crate) fn start(bin: &Path, temporary: &Path, durability: Durability) -> Result<Service> {
    let home = folder(temporary, "postgres")?;
    let owner = Owner::choose()?;
    if let Some(owner) = &owner {
        // The other user must reach its folder, but not list ours.
        std::fs::set_permissions(temporary, Permissions::from_mode(0o711))
            .context("opening the temporary directory")?;
        chown(&home, Some(owner.uid), Some(owner.gid)).context("giving PostgreSQL its folder")?;
    }
    let data = home.join("data");
    let as_owner = |program: &str| {
        let mut command = process::dying_with_parent(bin.join(program));
        command
            .current_dir(&home)
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Some(owner) = &owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    };
    process::output(
        as_owner("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username",
                USER,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
            ])
            .args(["--no-sync", "--no-instructions"]),
    )?;
    let log = temporary.join("postgres.log");
    let spawn = |port: u16| {
        let mut command = as_owner("postgres");
        command.arg("-D").arg(&data);
        for setting in settings(port, durability) {
            command.arg("-c").arg(setting);
        }
        // SIGQUIT stops at once; nobody will read the data again.
        Guard::service(command, &log, Signal::QUIT)
    };
    let pid_file = data.join("postmaster.pid");
    Launch {
        name: "PostgreSQL",
        log: log.clone(),
        spawn: &spawn,
        is_ready: &|_| std::fs::read_to_string(&pid_file).is_ok_and(|text| says_ready(&text)),
        url: &|port| format!("postgres://{USER}@127.0.0.1:{port}/postgres"),
    }
    .start()
}

fn settings(port: u16, durability: Durability) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "max_connections=300".to_owned(),
    ];
    if durability == Durability::None {
        let fast = [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ];
        settings.extend(fast.map(str::to_owned));
    }
    settings
}

/// The eighth line of `postmaster.pid` is the server's state.
fn says_ready(pid_file: &str) -> bool {
    pid_file
        .lines()
        .nth(7)
        .is_some_and(|state| state.trim() == "ready")
}

/// The user that runs the server when we are root.
#[derive(Debug)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    fn choose() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd")
            .context("looking for a user to run PostgreSQL as")?;
        let owner = ["postgres", "nobody"]
            .iter()
            .find_map(|name| find_user(&users, name));
        let owner = owner.context(
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`",
        )?;
        Ok(Some(owner))
    }
}

fn find_user(passwd: &str, name: &str) -> Option<Owner> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let mut ids = fields.skip(1);
        Some(Owner {
            uid: ids.next()?.parse().ok()?,
            gid: ids.next()?.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:1:1::/:/\npostgres:x:101:104:PG:/var/lib:/bin/sh\n";
        let owner = find_user(passwd, "postgres").unwrap();
        assert_eq!((owner.uid, owner.gid), (101, 104));
        assert!(find_user(passwd, "nobody").is_none());
    }

    #[test]
    fn the_server_is_ready_when_its_pid_file_says_so() {
        let lines = [
            "12",
            "/data",
            "0",
            "5432",
            "",
            "127.0.0.1",
            "1 2",
            "ready   ",
        ];
        assert!(says_ready(&lines.join("\n")));
        assert!(!says_ready(&lines.join("\n").replace("ready", "starting")));
        assert!(!says_ready("12\n/data"));
    }

    #[test]
    fn measuring_keeps_the_durability_of_production() {
        assert!(
            !settings(1, Durability::Full)
                .iter()
                .any(|setting| setting.contains("fsync"))
        );
        assert!(
            settings(1, Durability::None)
                .iter()
                .any(|setting| setting == "fsync=off")
        );
    }
}
