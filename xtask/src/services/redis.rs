//! A private Redis (or Valkey) that keeps nothing on disk.

use std::path::Path;

use anyhow::Result;
use rustix::process::Signal;

use super::{Launch, Service, ask, folder};
use crate::process::{self, Guard};

/// Starts the server.
pub(crate) fn start(program: &Path, temporary: &Path) -> Result<Service> {
    let home = folder(temporary, "redis")?;
    let log = temporary.join("redis.log");
    let spawn = |port: u16| {
        let mut command = process::dying_with_parent(program);
        command.current_dir(&home);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        Guard::service(command, &log, Signal::TERM)
    };
    Launch {
        name: "Redis",
        log: log.clone(),
        spawn: &spawn,
        is_ready: &|port| ask(port, "PING\r\n").is_some_and(|answer| answer.starts_with("+PONG")),
        url: &|port| format!("redis://127.0.0.1:{port}"),
    }
    .start()
}
