//! Which own crate may know which: the table of allowed edges, compared with what cargo sees. Also what a crate must not
//! know outside the workspace: domains no HTTP or HTML, faces no SQL, the kernel nothing that does IO.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};

use super::Problem;

/// A crate, what it may use, and what its tests may use besides.
struct Row {
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const fn row(
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
) -> Row {
    Row {
        name,
        uses,
        tests_use,
    }
}

const DOMAINS: &[&str] = &[
    "kernel",
    "store",
    "engines",
    "identity",
    "activity",
    "community",
    "delivery",
    "webhook",
    "bots",
];

/// An edge that is not here does not exist. Tests of every crate may also use `kernel`.
const TABLE: &[Row] = &[
    row("kernel", &[], &[]),
    row("store", &["kernel"], &[]),
    row("engines", &["kernel"], &["simulator"]),
    row("ml", &["kernel"], &[]),
    row("platforms", &["kernel"], &["simulator", "contracts"]),
    row("identity", &["kernel", "store", "engines"], &[]),
    row("activity", &["kernel", "store", "engines", "identity"], &[]),
    row("delivery", &["kernel", "store"], &[]),
    row(
        "community",
        &["kernel", "store", "engines", "identity", "activity"],
        &[],
    ),
    row("webhook", &["kernel", "store"], &[]),
    row(
        "bots",
        &["kernel", "store", "engines", "identity", "activity", "ml"],
        &[],
    ),
    row("app", DOMAINS, &["testkit", "ml"]),
    row(
        "ingest",
        &[
            "kernel", "store", "engines", "identity", "activity", "delivery", "app",
        ],
        &["testkit"],
    ),
    row(
        "commands",
        &[
            "kernel",
            "identity",
            "activity",
            "community",
            "bots",
            "delivery",
            "app",
        ],
        &["testkit"],
    ),
    row(
        "graphql",
        &[
            "kernel",
            "identity",
            "activity",
            "community",
            "bots",
            "delivery",
            "webhook",
            "app",
        ],
        &["testkit"],
    ),
    row(
        "dashboard",
        &[
            "kernel",
            "identity",
            "activity",
            "community",
            "bots",
            "delivery",
            "webhook",
            "app",
        ],
        &["testkit", "ml"],
    ),
    row(
        "rest",
        &[
            "kernel",
            "identity",
            "activity",
            "community",
            "bots",
            "delivery",
            "webhook",
            "app",
        ],
        &["testkit"],
    ),
    row("simulator", &["kernel"], &["contracts"]),
    // Nothing that runs may know it: it is in `tests_use` only.
    row("contracts", &[], &[]),
    row(
        "testkit",
        &[
            "kernel",
            "store",
            "engines",
            "identity",
            "activity",
            "delivery",
            "webhook",
            "app",
            "ingest",
            "simulator",
        ],
        &[],
    ),
    row(
        "waddlebot",
        &[
            "kernel",
            "store",
            "engines",
            "identity",
            "activity",
            "delivery",
            "webhook",
            "bots",
            "app",
            "ingest",
            "commands",
            "graphql",
            "dashboard",
            "rest",
            "platforms",
            "simulator",
        ],
        &["testkit", "contracts"],
    ),
    row("e2e", &[], &["testkit"]),
    row("xtask", &[], &[]),
];

/// Crates from outside that a group of own crates must not name among its dependencies.
struct Ban {
    folder: &'static str,
    crates: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        folder: "crates/domains/",
        crates: &[
            "axum",
            "async-graphql",
            "askama",
            "tower",
            "tower-http",
            "hyper",
            "reqwest",
        ],
        why: "a domain knows no HTTP, GraphQL or HTML: put it into a face",
    },
    Ban {
        folder: "crates/faces/",
        crates: &[
            "sea-orm",
            "sqlx",
            "rusqlite",
            "redis",
            "object_store",
            "lettre",
        ],
        why: "a face calls one service and renders: put the query into the domain's `store.rs`",
    },
    Ban {
        folder: "crates/kernel/",
        crates: &["tokio", "sea-orm", "sqlx", "reqwest", "axum"],
        why: "the kernel does no IO and knows no runtime",
    },
];

/// One own crate as cargo sees it.
#[derive(Debug)]
struct Member {
    name: String,
    folder: String,
    uses: BTreeSet<String>,
    tests_use: BTreeSet<String>,
}

/// Compares the workspace with the tables.
pub(super) fn check(metadata: &Metadata) -> Result<Vec<Problem>> {
    let members = members(metadata)?;
    let mut problems = Vec::new();
    let own: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    for member in &members {
        problems.extend(check_edges(member, &own));
        problems.extend(check_bans(member));
    }
    Ok(problems)
}

fn members(metadata: &Metadata) -> Result<Vec<Member>> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| member(metadata, package))
        .collect()
}

fn member(metadata: &Metadata, package: &Package) -> Result<Member> {
    let folder = package
        .manifest_path
        .parent()
        .and_then(|folder| folder.strip_prefix(&metadata.workspace_root).ok())
        .with_context(|| format!("`{}` lies outside the workspace", package.name))?;
    let named = |is_wanted: fn(DependencyKind) -> bool| {
        let wanted = package
            .dependencies
            .iter()
            .filter(|dependency| is_wanted(dependency.kind));
        wanted.map(|dependency| dependency.name.clone()).collect()
    };
    Ok(Member {
        name: package.name.to_string(),
        folder: format!("{folder}/"),
        uses: named(|kind| kind != DependencyKind::Development),
        tests_use: named(|kind| kind == DependencyKind::Development),
    })
}

fn check_edges(member: &Member, own: &BTreeSet<&str>) -> Vec<Problem> {
    let rows: BTreeMap<&str, &Row> = TABLE.iter().map(|row| (row.name, row)).collect();
    let place = format!("{}Cargo.toml", member.folder);
    let Some(row) = rows.get(member.name.as_str()) else {
        let advice = format!(
            "crate `{}` has no row in xtask/src/tidy/arrows.rs: add one, draw it in ARCHITECTURE.md, and write a decision \
             in docs/decisions",
            member.name
        );
        return vec![Problem::new(place, advice)];
    };
    let mut problems = Vec::new();
    let is_own = |name: &&String| own.contains(name.as_str());
    for name in member.uses.iter().filter(is_own) {
        if !row.uses.contains(&name.as_str()) {
            problems.push(Problem::new(&place, forbidden(&member.name, name, "")));
        }
    }
    for name in member.tests_use.iter().filter(is_own) {
        let name = name.as_str();
        if name != "kernel" && !row.uses.contains(&name) && !row.tests_use.contains(&name) {
            problems.push(Problem::new(
                &place,
                forbidden(&member.name, name, "the tests of "),
            ));
        }
    }
    problems
}

fn forbidden(from: &str, to: &str, whose: &str) -> String {
    format!(
        "{whose}`{from}` must not depend on `{to}`: move the code to where the arrows of ARCHITECTURE.md allow it, or \
         write a decision in docs/decisions and change the table in xtask/src/tidy/arrows.rs"
    )
}

fn check_bans(member: &Member) -> Vec<Problem> {
    let bans = BANS
        .iter()
        .filter(|ban| member.folder.starts_with(ban.folder));
    bans.flat_map(|ban| ban.crates.iter().map(move |name| (ban, *name)))
        .filter(|(_, name)| member.uses.contains(*name))
        .map(|(ban, name)| {
            let place = format!("{}Cargo.toml", member.folder);
            Problem::new(place, format!("remove `{name}`: {}", ban.why))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, folder: &str, uses: &[&str], tests_use: &[&str]) -> Member {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Member {
            name: name.to_owned(),
            folder: folder.to_owned(),
            uses: set(uses),
            tests_use: set(tests_use),
        }
    }

    fn edges(member: &Member) -> Vec<Problem> {
        check_edges(
            member,
            &TABLE.iter().map(|row| row.name).chain(["new"]).collect(),
        )
    }

    #[test]
    fn allowed_edges_pass_and_foreign_crates_are_not_its_business() {
        let identity = member(
            "identity",
            "crates/domains/identity/",
            &["kernel", "store", "serde"],
            &["kernel"],
        );
        assert!(edges(&identity).is_empty());
        let app = member("app", "crates/app/", &["identity"], &["testkit"]);
        assert!(edges(&app).is_empty());
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_named() {
        let store = member("store", "crates/store/", &["identity"], &["testkit"]);
        let found = edges(&store);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found
                .iter()
                .all(|problem| problem.advice.contains("docs/decisions")),
            "{found:?}"
        );
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(edges(&member("new", "crates/new/", &[], &[])).len(), 1);
    }

    #[test]
    fn a_domain_must_not_know_http() {
        let calendar = member(
            "calendar",
            "crates/domains/calendar/",
            &["axum"],
            &["tower"],
        );
        assert_eq!(check_bans(&calendar).len(), 1);
        let dashboard = member("dashboard", "crates/faces/dashboard/", &["axum"], &[]);
        assert!(check_bans(&dashboard).is_empty());
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Every crate uses only crates above it, except that `simulator` stands beside.
        for (place, row) in TABLE.iter().enumerate() {
            for used in row.uses {
                let above = TABLE.iter().position(|other| other.name == *used);
                assert!(
                    above.is_some_and(|above| above < place),
                    "{} uses {used}",
                    row.name
                );
            }
        }
    }
}
