//! The table of operations and who may do them: one row per service call that acts for somebody.
//! The access test calls every row as every kind of actor and compares; a row without a call, or a
//! call without a row, fails. `docs/reference/operations.md` is made from it.

mod table;

use std::fmt::Write;

use kernel::{Permission, Role};

pub use table::OPERATIONS;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may ask; the operation itself checks a secret or tells nothing.
    Nothing,
    /// A signed-in person, about themselves.
    SignedIn,
    /// A permission in the community.
    Community(Permission),
    /// A permission of the instance.
    Instance(Permission),
}

/// A service operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// `crate.method`.
    pub name: &'static str,
    /// What it needs.
    pub needs: Needs,
}

impl Needs {
    /// Whether a member with this role may, in their own community; `None` = signed in elsewhere.
    pub fn allows(self, role: Option<Role>) -> bool {
        match self {
            Self::Nothing | Self::SignedIn => true,
            Self::Community(permission) => permission
                .minimum_role()
                .is_some_and(|least| role.is_some_and(|role| role >= least)),
            Self::Instance(_) => false,
        }
    }
}

/// The table as a Markdown page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Operations and roles\n\n\
         Made from `crates/app/src/operations/table.rs` by `cargo xtask codegen`; a test keeps it current.\n\
         Roles are those in the community concerned; an instance administrator may do everything.\n\
         «own» = only about oneself; «secret or nothing» = open, because the call checks a secret or tells only what the asker may see.\n\n\
         | operation | anonymous | other signed-in | banned | member | vip | moderator | admin | owner | instance admin |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for operation in OPERATIONS {
        let mark = |allowed: bool| match (operation.needs, allowed) {
            (_, false) => "–",
            (Needs::Nothing, true) => "secret or nothing",
            (Needs::SignedIn, true) => "own",
            (_, true) => "yes",
        };
        let anonymous = mark(operation.needs == Needs::Nothing);
        let roles = std::iter::once(None).chain(Role::ALL.map(Some));
        let cells: Vec<&str> = roles
            .map(|role| mark(operation.needs.allows(role)))
            .collect();
        let admin = match operation.needs {
            Needs::Nothing | Needs::SignedIn => mark(true),
            Needs::Community(_) | Needs::Instance(_) => "yes",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {anonymous} | {} | {admin} |",
            operation.name,
            cells.join(" | ")
        );
    }
    page
}
