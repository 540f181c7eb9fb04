//! `docs/reference/commands.md`, made from the registry.

use std::fmt::Write;

use community::VARIABLES;

use crate::{custom::FLAGS, rate, registry, words};

/// The table of commands, flags and variables as a Markdown page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Chat commands\n\n\
         Made from `crates/faces/commands/src/registry.rs` by `cargo xtask codegen`; a test keeps it current.\n\n\
         Commands are typed with the prefix `!` on every platform, picked as `/name` on Discord, and typed as\n\
         `/waddlebot name` on Slack. `<x>` must be given, `[x]` may be. A moderator may switch each of them off in a\n\
         community, and change its role and its cooldowns, on the page «Commands» of the dashboard.\n\n\
         | command | also | what it does | for | once in … s: person | channel |\n\
         |---|---|---|---|---|---|\n",
    );
    for spec in registry::specs() {
        let aliases: Vec<String> = spec.aliases.iter().map(|a| format!("`!{a}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `!{}` | {} | {} | {} | {} | {} |",
            spec.usage(),
            aliases.join(" "),
            spec.description,
            words::audience(spec.minimum_role),
            spec.cooldown_user_secs,
            spec.cooldown_channel_secs,
        );
    }
    let _ = write!(
        page,
        "\n## Who may use what\n\n\
         What counts is the stronger of two: the role in the community, and what the platform lets the account do in\n\
         that place (its moderators count as moderators, whom it honours as VIP; never more than moderator). Everybody\n\
         else counts as a member. Who is banned in the community is not answered.\n\n\
         A refusal is said in one line. A command that nobody knows is not answered: it may be another bot's. Neither is\n\
         one that is switched off, that must wait for its cooldown, or more than {} commands of one person in {} s –\n\
         unless it was picked or pressed: then its answer says why. Moderators wait for the channel's cooldown only.\n\n\
         ## Custom commands\n\n\
         `!addcom !rules Be kind, {{user}}` makes `!rules`. Names have 1 to {} of `a-z`, `0-9`, `-` and `_`, replies at most\n\
         {} characters, and a community at most {} commands. Flags stand before or after the name:\n\n\
         | flag | meaning |\n|---|---|\n",
        rate::COMMANDS_MAX,
        rate::WINDOW.as_secs(),
        community::NAME_MAX,
        community::REPLY_MAX,
        community::COMMANDS_MAX,
    );
    for flag in FLAGS {
        let _ = writeln!(page, "| `{}` | {} |", flag.written, flag.meaning);
    }
    page.push_str(
        "\nA reply may hold variables. They are filled in once: what somebody typed is never looked at again. Anything else\n\
         between braces stays as it is.\n\n\
         | variable | what stands there instead |\n|---|---|\n",
    );
    for variable in VARIABLES {
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            variable.written.replace('|', "\\|"),
            variable.meaning
        );
    }
    let _ = write!(
        page,
        "\nA reply never begins like a command of a platform (`/`, `.`), never notifies anybody, and is cut at {} characters\n\
         or where the platform cuts it.\n",
        community::SAID_MAX
    );
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_page_of_commands_is_current() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/commands.md");
        let wanted = super::reference();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored, wanted, "run this test with UPDATE=1");
    }
}
