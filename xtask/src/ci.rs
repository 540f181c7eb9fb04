//! `cargo xtask ci`: everything that must pass before a change is merged, cheap things first. All steps run even when one
//! fails, so that one run shows everything.

use anyhow::Result;
use clap::Args;

use crate::repo::Repo;
use crate::steps::Steps;
use crate::{codegen, process, test, tidy};

/// How the gate is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop at the first step that fails
    #[arg(long)]
    fail_fast: bool,
}

/// One step: its name and what it does.
type Check = (&'static str, fn(&Repo) -> Result<()>);

const CHECKS: &[Check] = &[
    ("fmt", |repo| {
        process::run(repo.cargo().args(["fmt", "--all", "--check"]))
    }),
    ("tidy", tidy::run),
    ("clippy", |repo| {
        process::run(repo.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("test", |repo| {
        let options = test::Options {
            require_all: true,
            ..test::Options::default()
        };
        test::run(repo, &options)
    }),
    ("doc", |repo| {
        let mut command = repo.cargo();
        command
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--workspace", "--no-deps"]);
        process::run(&mut command)
    }),
    ("codegen", codegen::check),
];

/// Programs that are run when they are installed. `tidy` checks the heart of both by itself.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("deny", &["deny", "check", "bans", "licenses", "sources"]),
    ("machete", &["machete"]),
];

/// Runs the gate.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    for (name, check) in CHECKS {
        steps.check(name, || check(repo));
        if steps.has_failed() && (options.fail_fast || process::is_interrupted()) {
            return steps.finish();
        }
    }
    for (name, arguments) in OPTIONAL {
        if which::which(format!("cargo-{name}")).is_ok() {
            steps.check(name, || process::run(repo.cargo().args(*arguments)));
        } else {
            steps.skip(name, &format!("cargo-{name} is not installed"));
        }
    }
    steps.finish()
}
