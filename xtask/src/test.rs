//! `cargo xtask test`: finds or installs what the tests need, starts private servers, runs `cargo test`, and stops what
//! it started, whatever happens. Never talks to a server it did not start.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::clients;
use crate::install::Programs;
use crate::process;
use crate::python::Python;
use crate::repo::Repo;
use crate::services::{self, Durability, Service};
use crate::steps::Steps;

/// How the tests are run.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Start no servers and look for no programs; tests that need them skip, and say so
    #[arg(long, conflicts_with = "require_all")]
    pub(crate) no_services: bool,
    /// Fail, instead of skipping, when a server cannot be had (also when the variable CI is `true`)
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Requests that are made from the OpenAPI document and the GraphQL schema for each operation; few by default, 200 to look for longer
    #[arg(long)]
    pub(crate) examples: Option<u32>,
    /// Arguments for `cargo test`, for example `-- -p kernel`; without `-p` the whole workspace is tested
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
}

/// Runs the tests and prints how long each step took.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    let result = run_steps(repo, options, &mut steps);
    let summary = steps.finish();
    result.and(summary)
}

fn run_steps(repo: &Repo, options: &Options, steps: &mut Steps) -> Result<()> {
    let require_all = options.require_all || (is_ci() && !options.no_services);
    let temporary = tempfile::Builder::new()
        .prefix("waddlebot-test-")
        .tempdir()
        .context("creating a temporary directory")?;
    let scope = Scope::of(&options.arguments);
    let mut environment = Environment::default();
    if require_all {
        environment.set("WADDLEBOT_TEST_REQUIRE_ALL", "1");
    }

    if let Some(examples) = options.examples {
        environment.set("WADDLEBOT_TEST_EXAMPLES", &examples.to_string());
    }

    // Dropped, and so stopped, when this function returns on any path; the directory goes last.
    let mut running: Vec<Service> = Vec::new();
    if !options.no_services {
        let programs = steps.run("find programs", Programs::find_or_install)?;
        environment.set(
            "WADDLEBOT_TEST_CHROMIUM",
            &programs.chromium.to_string_lossy(),
        );
        let postgres = steps.run("start PostgreSQL", || {
            services::start_postgres(&programs.postgres_bin, temporary.path(), Durability::None)
        })?;
        let redis = steps.run("start Redis", || {
            services::start_redis(&programs.redis, temporary.path())
        })?;
        environment.set("WADDLEBOT_TEST_POSTGRES", postgres.url());
        environment.set("WADDLEBOT_TEST_REDIS", redis.url());
        running.extend([postgres, redis]);
        if let Some(s3) = start_s3(repo, temporary.path(), require_all, steps)? {
            environment.set("WADDLEBOT_TEST_S3", s3.url());
            running.push(s3);
        }
        if scope.needs_clients {
            find_clients(repo, require_all, steps, &mut environment)?;
        }
        if scope.needs_models {
            let target_dir = repo.target_dir()?;
            let found = steps.run("find or install what runs models in Python", || {
                clients::python_for_models(&target_dir)
            });
            if let Some(python) = or_skip(found, require_all, steps)? {
                environment.set_python(
                    "WADDLEBOT_TEST_ML_PYTHON",
                    "WADDLEBOT_TEST_ML_PYTHONPATH",
                    &python,
                );
            }
        }
    }
    if scope.needs_program {
        let binary = steps.run("build waddlebot", || build_program(repo))?;
        environment.set("WADDLEBOT_TEST_BIN", &binary.to_string_lossy());
    }

    let references = temporary.path().join("snapshot-references");
    environment.set(
        "INSTA_SNAPSHOT_REFERENCES_FILE",
        &references.to_string_lossy(),
    );
    let mut command = cargo_test(repo, &scope, &options.arguments, &environment);
    steps.run("cargo test", || process::run(&mut command))?;
    if require_all && options.arguments.is_empty() {
        steps.run("unreferenced snapshots", || {
            reject_unreferenced(repo, &references)
        })?;
    }
    drop(running);
    Ok(())
}

fn start_s3(
    repo: &Repo,
    temporary: &Path,
    require_all: bool,
    steps: &mut Steps,
) -> Result<Option<Service>> {
    let target_dir = repo.target_dir()?;
    let found = steps.run("find or install moto", || services::install_s3(&target_dir));
    let Some(moto) = or_skip(found, require_all, steps)? else {
        return Ok(None);
    };
    let service = steps.run("start S3", || services::start_s3(&moto, temporary))?;
    Ok(Some(service))
}

/// Clients by others that are run against the simulators.
fn find_clients(
    repo: &Repo,
    require_all: bool,
    steps: &mut Steps,
    environment: &mut Environment,
) -> Result<()> {
    let target_dir = repo.target_dir()?;
    let found = steps.run("find or install clients in Python", || {
        clients::python(&target_dir)
    });
    if let Some(python) = or_skip(found, require_all, steps)? {
        environment.set_python(
            "WADDLEBOT_TEST_PYTHON",
            "WADDLEBOT_TEST_PYTHONPATH",
            &python,
        );
    }
    let found = steps.run("find or install clients in JavaScript", || {
        clients::node_modules(&target_dir)
    });
    if let Some(modules) = or_skip(found, require_all, steps)? {
        environment.set("WADDLEBOT_TEST_NODE_MODULES", &modules.to_string_lossy());
    }
    Ok(())
}

/// What the last step found; where it may be missing, the tests go on without it and say so.
fn or_skip<T>(found: Result<T>, require_all: bool, steps: &mut Steps) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if require_all => Err(error),
        Err(error) => {
            steps.excuse(&format!("{error:#}"));
            Ok(None)
        }
    }
}

/// The program that the end-to-end tests drive.
fn build_program(repo: &Repo) -> Result<PathBuf> {
    process::run(repo.cargo().args(["build", "--package", "waddlebot"]))?;
    let binary = repo.target_dir()?.join("debug/waddlebot");
    if !binary.is_file() {
        bail!("cargo built no `{}`", binary.display());
    }
    Ok(binary)
}

fn cargo_test(
    repo: &Repo,
    scope: &Scope,
    arguments: &[String],
    environment: &Environment,
) -> Command {
    let mut command = repo.cargo();
    command.arg("test");
    if scope.workspace {
        command.arg("--workspace");
    }
    command.arg("--no-fail-fast").args(arguments);
    // Errors that tests return tell where they were made in their own words; dozens of lines of each would hide the others.
    command.env("RUST_LIB_BACKTRACE", "0");
    for name in Environment::NAMES {
        // What the tests see comes from here alone, not from the shell around.
        command.env_remove(name);
    }
    command.envs(
        environment
            .variables
            .iter()
            .map(|(name, value)| (*name, value)),
    );
    command
}

/// Fails when a committed snapshot was read by no test.
fn reject_unreferenced(repo: &Repo, references: &Path) -> Result<()> {
    let read = std::fs::read_to_string(references).unwrap_or_default();
    let snapshots = repo.files()?.into_iter().map(|file| repo.root().join(file));
    let unused = unreferenced(snapshots, &read);
    if !unused.is_empty() {
        bail!(
            "no test reads these snapshots, remove them:\n{}",
            unused.join("\n")
        );
    }
    Ok(())
}

fn unreferenced(files: impl Iterator<Item = PathBuf>, referenced: &str) -> Vec<String> {
    let canonical =
        |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let referenced: std::collections::HashSet<PathBuf> = referenced
        .lines()
        .map(|line| canonical(Path::new(line)))
        .collect();
    files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "snap")
        })
        .filter(|file| !referenced.contains(&canonical(file)))
        .map(|file| file.display().to_string())
        .collect()
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// The variables that tell tests where the servers are.
#[derive(Debug, Default)]
struct Environment {
    variables: Vec<(&'static str, String)>,
}

impl Environment {
    const NAMES: [&'static str; 12] = [
        "WADDLEBOT_TEST_POSTGRES",
        "WADDLEBOT_TEST_REDIS",
        "WADDLEBOT_TEST_S3",
        "WADDLEBOT_TEST_CHROMIUM",
        "WADDLEBOT_TEST_BIN",
        "WADDLEBOT_TEST_PYTHON",
        "WADDLEBOT_TEST_PYTHONPATH",
        "WADDLEBOT_TEST_NODE_MODULES",
        "WADDLEBOT_TEST_ML_PYTHON",
        "WADDLEBOT_TEST_ML_PYTHONPATH",
        "WADDLEBOT_TEST_REQUIRE_ALL",
        "WADDLEBOT_TEST_EXAMPLES",
    ];

    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    fn set_python(&mut self, program: &'static str, packages: &'static str, python: &Python) {
        self.set(program, &python.program.to_string_lossy());
        if let Some(folder) = &python.packages {
            self.set(packages, &folder.to_string_lossy());
        }
    }
}

/// What `cargo test` was asked for.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each need stands for itself; any of them may come together"
)]
struct Scope {
    /// No package was named, so all are tested.
    workspace: bool,
    /// Tests that start the built program are among them.
    needs_program: bool,
    /// Tests that run clients by others are among them.
    needs_clients: bool,
    /// Tests that hold models against Python are among them.
    needs_models: bool,
}

impl Scope {
    fn of(arguments: &[String]) -> Self {
        let for_cargo = arguments.iter().take_while(|argument| *argument != "--");
        let mut packages: Vec<&str> = Vec::new();
        let mut is_name = false;
        for argument in for_cargo {
            if is_name {
                packages.push(argument);
                is_name = false;
                continue;
            }
            match argument.as_str() {
                "-p" | "--package" => is_name = true,
                "--workspace" | "--all" => return Self::everything_named(),
                other => packages.extend(
                    other
                        .strip_prefix("--package=")
                        .or_else(|| other.strip_prefix("-p").filter(|name| !name.is_empty())),
                ),
            }
        }
        let workspace = packages.is_empty();
        let has = |names: &[&str]| packages.iter().any(|name| names.contains(name));
        Self {
            workspace,
            needs_program: workspace || has(&["e2e", "waddlebot"]),
            needs_clients: workspace || has(&["simulator", "platforms", "graphql", "rest"]),
            needs_models: workspace || has(&["ml"]),
        }
    }

    /// The caller wrote `--workspace`, which must not be said twice.
    fn everything_named() -> Self {
        Self {
            workspace: false,
            needs_program: true,
            needs_clients: true,
            needs_models: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(line: &str) -> Scope {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Scope::of(&words)
    }

    #[test]
    fn without_packages_the_whole_workspace_is_tested() {
        for line in ["", "--release", "-- -p", "--test-threads"] {
            assert!(scope(line).workspace && scope(line).needs_program, "{line}");
        }
    }

    #[test]
    fn a_named_package_is_tested_alone() {
        for line in [
            "-p kernel",
            "--package kernel",
            "-pkernel",
            "--package=kernel",
            "-p kernel -- name",
        ] {
            assert!(
                !scope(line).workspace && !scope(line).needs_program,
                "{line}"
            );
        }
    }

    #[test]
    fn end_to_end_tests_get_the_program() {
        assert!(scope("-p e2e").needs_program);
        assert!(scope("-p kernel --package=waddlebot").needs_program);
    }

    #[test]
    fn tests_of_the_simulator_get_the_clients() {
        assert!(scope("-p simulator").needs_clients && scope("").needs_clients);
        assert!(!scope("-p kernel").needs_clients);
        assert!(scope("-p ml").needs_models && !scope("-p kernel").needs_models);
    }

    #[test]
    fn workspace_is_not_said_twice() {
        assert_eq!(
            scope("--workspace --exclude xtask"),
            Scope::everything_named()
        );
    }

    #[test]
    fn a_snapshot_that_no_test_reads_is_found() {
        let files = ["/r/a.snap", "/r/b.snap", "/r/c.rs"].map(PathBuf::from);
        assert_eq!(
            unreferenced(files.into_iter(), "/r/a.snap\n/r/a.snap\n"),
            ["/r/b.snap"]
        );
    }
}
