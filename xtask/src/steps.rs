//! Names each step of a long command, says how long it took, and sums up at the end. Never decides what a step does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The steps done so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

impl Steps {
    /// Runs one step; its error ends the caller.
    pub(crate) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("── {name}");
        let started = Instant::now();
        let result = step();
        let took = started.elapsed();
        eprintln!(
            "── {name}: {} {}",
            if result.is_ok() {
                "took"
            } else {
                "failed after"
            },
            seconds(took)
        );
        let outcome = if result.is_ok() {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        self.done.push(Step {
            name: name.to_owned(),
            took,
            outcome,
        });
        result
    }

    /// Runs one step; its error is printed and remembered, and the next steps still run.
    pub(crate) fn check(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        if let Err(error) = self.run(name, step) {
            eprintln!("error: {name}: {error:#}");
        }
    }

    /// Turns the failure of the last step into a skip: the caller goes on without it.
    pub(crate) fn excuse(&mut self, why: &str) {
        eprintln!("── skipped: {why}");
        if let Some(step) = self.done.last_mut() {
            step.outcome = Outcome::Skipped(why.lines().next().unwrap_or_default().to_owned());
        }
    }

    /// Notes a step that could not run here.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("── {name}: skipped: {why}");
        self.done.push(Step {
            name: name.to_owned(),
            took: Duration::ZERO,
            outcome: Outcome::Skipped(why.to_owned()),
        });
    }

    /// Whether a step failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.done.iter().any(|step| step.outcome == Outcome::Failed)
    }

    /// Prints the table of steps, and fails when one of them did.
    pub(crate) fn finish(self) -> Result<()> {
        eprint!("{}", self.table());
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|step| step.outcome == Outcome::Failed)
            .map(|step| step.name.as_str())
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }

    fn table(&self) -> String {
        let width = self
            .done
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or_default();
        let row = |step: &Step| {
            let outcome = match &step.outcome {
                Outcome::Passed => "ok".to_owned(),
                Outcome::Failed => "FAILED".to_owned(),
                Outcome::Skipped(why) => format!("skipped: {why}"),
            };
            format!(
                "  {:<width$}  {:>9}  {outcome}\n",
                step.name,
                seconds(step.took)
            )
        };
        let rows: Vec<String> = self.done.iter().map(row).collect();
        let total = self.done.iter().map(|step| step.took).sum();
        format!(
            "\n{}  {:<width$}  {:>9}\n",
            rows.concat(),
            "total",
            seconds(total)
        )
    }
}

/// A duration for people.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    format!(
        "{} min {:02} s",
        duration.as_secs() / 60,
        duration.as_secs() % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_run_and_the_failed_ones_are_named() {
        let mut steps = Steps::default();
        steps.check("first", || bail!("no"));
        steps.check("second", || Ok(()));
        steps.skip("third", "not installed");
        steps.check("fourth", || bail!("no"));
        steps.excuse("can do without");
        assert!(steps.has_failed());
        let table = steps.table();
        for outcome in [
            "FAILED",
            "skipped: not installed",
            "skipped: can do without",
        ] {
            assert!(table.contains(outcome), "{table}");
        }
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: first");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
