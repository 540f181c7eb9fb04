//! `waddlebot webhooks`: a community's webhooks are made, looked at, switched and ended from the command line.

use std::path::Path;

use super::run::{chat_file, shown, success, waddlebot};

/// The community `pond` in a fresh data directory.
fn pond(place: &Path) -> std::path::PathBuf {
    let data = place.join("data");
    let (file, _) = chat_file(place, 1, 10);
    success(
        waddlebot(&data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    data
}

/// How many entries the audit log has, which is intact.
fn audited(data: &Path) -> u64 {
    let said = success(waddlebot(data).args(["audit", "verify"]));
    let rest = said.split("intact: ").nth(1).unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// The last word of what was printed: a secret.
fn secret(said: &str) -> String {
    let last = said.split_whitespace().last().unwrap_or_default();
    assert!(last.starts_with("whsec_"), "{said}");
    last.to_owned()
}

#[test]
fn webhooks_are_run_from_the_command_line_and_a_secret_is_printed_once() {
    let place = tempfile::tempdir().unwrap();
    let data = pond(place.path());
    let run = |arguments: &[&str]| {
        let mut command = waddlebot(&data);
        command.arg("webhooks").args(arguments);
        command
    };
    let refused = |arguments: &[&str]| {
        let output = run(arguments).output().unwrap();
        assert!(!output.status.success(), "{}", shown(&output));
        shown(&output)
    };
    assert!(success(&mut run(&["list"])).contains("no webhooks"));
    let before = audited(&data);
    let url = "https://receiver.example/hook?key=sesame";
    let create = ["create", url, "--community", "pond"];
    let narrow = ["--kind", "identity.role_changed", "--description", "bridge"];
    let made = success(&mut run(&[&create[..], &narrow[..]].concat()));
    let first = secret(&made);
    assert!(!made.contains("sesame"), "{made}");
    let id = made.split_whitespace().next().unwrap().to_owned();
    let listed = success(&mut run(&["list", "--community", "pond"]));
    let line =
        format!("{id}  on  https://receiver.example  identity.role_changed  \"bridge\"  of pond");
    assert!(listed.contains(&line), "{listed}");
    assert!(!listed.contains("whsec_") && !listed.contains("sesame"));
    assert!(refused(&create).contains("has a webhook with this address already"));
    let other = ["create", "https://other.example/", "--community"];
    assert!(refused(&[&other[..], &["lake"]].concat()).contains("there is no community `lake`"));
    let unknown = refused(&[&other[..], &["pond", "--kind", "weather"]].concat());
    assert!(
        unknown.contains("no events of the kind `weather`"),
        "{unknown}"
    );
    let second = secret(&success(&mut run(&["rotate", &id])));
    assert_ne!(first, second);
    success(&mut run(&["remove", &id]));
    assert!(success(&mut run(&["list"])).contains("no webhooks"));
    assert!(refused(&["rotate", &id]).contains("not found"));
    let written = audited(&data) - before;
    assert_eq!(written, 3, "made, another secret, removed");
}

#[test]
fn what_was_sent_is_listed_and_sent_again_from_the_command_line() {
    let place = tempfile::tempdir().unwrap();
    let data = pond(place.path());
    let run = |arguments: &[&str]| {
        let mut command = waddlebot(&data);
        command.arg("webhooks").args(arguments);
        command
    };
    let refused = |arguments: &[&str]| {
        let output = run(arguments).output().unwrap();
        assert!(!output.status.success(), "{}", shown(&output));
        shown(&output)
    };
    let create = ["create", "https://receiver.example", "--community", "pond"];
    let made = success(&mut run(&create));
    assert!(made.contains("all events"), "{made}");
    let id = made.split_whitespace().next().unwrap().to_owned();
    assert!(success(&mut run(&["deliveries", &id])).contains("no messages"));
    let pinged = success(&mut run(&["ping", &id]));
    let message = pinged.split_whitespace().nth(1).unwrap().to_owned();
    let listed = success(&mut run(&["deliveries", &id, "--state", "waiting"]));
    let line = format!("{message}  waiting  webhook.ping  of ");
    assert!(
        listed.contains(&line) && listed.contains("0 tries"),
        "{listed}"
    );
    assert!(success(&mut run(&["deliveries", &id, "--state", "failed"])).contains("no messages"));
    assert!(
        refused(&["deliveries", &id, "--state", "lost"]).contains("waiting, delivered or failed")
    );
    assert!(success(&mut run(&["delivery", &message])).contains(&line));
    assert!(refused(&["delivery", "999"]).contains("there is no message 999"));
    assert!(success(&mut run(&["disable", &id])).contains("paused"));
    assert!(refused(&["replay", &message]).contains("let it go on first"));
    assert!(success(&mut run(&["enable", &id])).contains(&format!("{id}  on")));
    assert!(success(&mut run(&["replay", &message])).contains("waits to be sent"));
    let all = ["replay", "--webhook", id.as_str(), "--since", "2026-01-01"];
    assert!(success(&mut run(&all)).contains("0 messages wait"));
    assert!(
        refused(&all[..3]).contains("--since"),
        "since when has to be said"
    );
    assert!(refused(&["replay"]).contains("--webhook"));
    assert!(refused(&["deliveries", "999"]).contains("not found"));
}
