//! Running other programs: to their end, or in the background until a guard is dropped. Nothing that was started here
//! may outlive `xtask`, however it ends.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// Set once a person or a supervisor asked `xtask` to stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How long a stopped child may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// How often a child or a condition is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Makes Ctrl-C, SIGTERM and SIGHUP end the running child first, so that every guard is dropped on the way out. A
/// second signal ends `xtask` at once.
pub(crate) fn stop_children_on_signal() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("xtask: stopping what was started (again to leave at once)");
    })
    .context("installing the signal handler")
}

/// Runs a command to its end with its output passed through; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command, |_| ())?;
    ensure!(status.success(), "`{}` failed: {status}", line(command));
    Ok(())
}

/// Runs a command to its end, calling `watch` with its process id now and then, and returns how it ended.
pub(crate) fn status(command: &mut Command, mut watch: impl FnMut(u32)) -> Result<ExitStatus> {
    let mut guard = Guard::spawn(command.stdin(Stdio::null()), Signal::TERM)?;
    loop {
        interruption()?;
        watch(guard.child.id());
        if let Some(status) = guard.child.try_wait().context("waiting for a child")? {
            return Ok(status);
        }
        std::thread::sleep(TICK);
    }
}

/// Runs a command quietly and returns what it printed; when it fails, the error holds its last lines.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running `{}`", line(command)))?;
    interruption()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!(
        "`{}` failed: {}\n{}",
        line(command),
        output.status,
        last_lines(&String::from_utf8_lossy(&said), 20)
    )
}

/// Polls until `ready` says yes; fails at the deadline or when the person asked to stop.
pub(crate) fn wait_until(
    what: &str,
    deadline: Duration,
    mut ready: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let started = Instant::now();
    while !ready()? {
        interruption()?;
        ensure!(
            started.elapsed() < deadline,
            "{what} was not ready after {} s",
            deadline.as_secs()
        );
        std::thread::sleep(TICK);
    }
    Ok(())
}

/// Whether a signal asked `xtask` to stop.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The error that ends everything once a signal came.
fn interruption() -> Result<()> {
    ensure!(!is_interrupted(), "interrupted");
    Ok(())
}

/// A child in its own process group that is stopped when this value is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    stop_with: Signal,
}

impl Guard {
    /// Starts a command in the background; `stop_with` is the signal that ends it in good order.
    ///
    /// Its own process group keeps a Ctrl-C in the terminal from killing a database under a running test.
    pub(crate) fn spawn(command: &mut Command, stop_with: Signal) -> Result<Self> {
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting `{}`", line(command)))?;
        Ok(Self { child, stop_with })
    }

    /// Starts a service whose output goes to a file.
    pub(crate) fn service(mut command: Command, log: &Path, stop_with: Signal) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let err = out.try_clone().context("sharing the log file")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Self::spawn(&mut command, stop_with)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let signal = |signal| group.map(|group| kill_process_group(group, signal));
        if self.is_running() {
            signal(self.stop_with);
            let started = Instant::now();
            while self.is_running() && started.elapsed() < GRACE {
                std::thread::sleep(TICK);
            }
        }
        // The leader is gone or will not go; either way nothing of its group may stay.
        signal(Signal::KILL);
        if let Err(error) = self.child.wait() {
            eprintln!(
                "xtask: process {} could not be waited for: {error}",
                self.child.id()
            );
        }
    }
}

/// A command whose program dies with `xtask` even if that is killed: started through util-linux' `setpriv --pdeathsig`
/// where that exists.
pub(crate) fn dying_with_parent(program: impl AsRef<OsStr>) -> Command {
    match which::which("setpriv") {
        Ok(setpriv) if cfg!(target_os = "linux") => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}

/// The end of a text, for error messages.
pub(crate) fn last_lines(text: &str, n_lines: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(n_lines);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_keeps_the_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let error =
            output(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("sh -c") && text.contains("no such thing"),
            "{text}"
        );
    }

    #[test]
    fn dropping_a_guard_stops_the_child_and_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut command = dying_with_parent("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]);
        let guard = Guard::service(command, &log, Signal::TERM).unwrap();
        let grandchild = || {
            std::fs::read_to_string(&log)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        wait_until("the grandchild", Duration::from_secs(30), || {
            Ok(!grandchild().is_empty())
        })
        .unwrap();
        let (child, grandchild) = (guard.id().to_string(), grandchild());
        drop(guard);
        // A killed grandchild is reaped by init a moment later; until then its state is Z.
        for id in [child, grandchild] {
            wait_until("the end", Duration::from_secs(30), || Ok(!is_alive(&id))).unwrap();
        }
    }

    fn is_alive(id: &str) -> bool {
        let output = Command::new("ps")
            .args(["-o", "stat=", "-p", id])
            .output()
            .unwrap();
        let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        !state.is_empty() && !state.starts_with('Z')
    }
}
