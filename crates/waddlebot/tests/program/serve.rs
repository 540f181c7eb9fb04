//! `serve`, `admin`, `doctor`, `migrate`, `purge`, `audit`, `replay` on a fresh directory.

use std::{io::Write, process::Stdio};

use super::run::{chat_file, get, server, shown, success, waddlebot};

#[test]
fn a_fresh_instance_prints_its_set_up_link_and_the_page_opens() {
    let place = tempfile::tempdir().unwrap();
    let running = server(place.path(), &["serve"], "is ready on");
    let (_, rest) = running
        .greeting
        .split_once("/setup?token=")
        .expect("the greeting has the set-up link");
    let token = rest.split_whitespace().next().unwrap();
    let page = get(&running.address, &format!("/setup?token={token}"));
    assert!(
        page.starts_with("HTTP/1.0 200") && page.contains("<form"),
        "{page}"
    );
}

#[test]
fn an_administrator_is_made_over_the_database_and_the_password_is_read_from_standard_input() {
    let place = tempfile::tempdir().unwrap();
    let mut child = waddlebot(place.path())
        .args(["admin", "create", "--email", "ann@example.org"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"a long enough password\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && shown(&output).contains("made administrator"),
        "{}",
        shown(&output)
    );
    let running = server(place.path(), &["serve"], "is ready on");
    assert!(
        !running.greeting.contains("/setup?token="),
        "nobody can set up a second time"
    );
}

#[test]
fn doctor_migrate_and_audit_speak_of_a_healthy_instance() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("waddlebot.db");
    let fresh = waddlebot(place.path())
        .args(["migrate", "--check"])
        .output()
        .unwrap();
    assert!(
        !fresh.status.success() && shown(&fresh).contains("does not exist yet"),
        "{}",
        shown(&fresh)
    );
    success(waddlebot(place.path()).arg("doctor"));
    assert!(!file.exists(), "looking makes no database");
    assert!(success(waddlebot(place.path()).arg("migrate")).contains("applied"));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&file).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "the database is its owner's alone");
    }
    assert!(success(waddlebot(place.path()).args(["migrate", "--check"])).contains("up to date"));
    let (file, _) = chat_file(place.path(), 1, 50);
    success(
        waddlebot(place.path())
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    assert!(success(waddlebot(place.path()).args(["audit", "verify"])).contains("intact"));
    let doctor = success(waddlebot(place.path()).arg("doctor"));
    assert!(
        doctor.contains("chain intact") && doctor.contains("up to date"),
        "{doctor}"
    );
}

#[test]
fn doctor_names_what_must_be_mended() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(
        place.path().join("waddlebot.db"),
        b"this is not a database, but long enough to look at",
    )
    .unwrap();
    let output = waddlebot(place.path()).arg("doctor").output().unwrap();
    assert!(
        !output.status.success() && shown(&output).contains("BAD"),
        "{}",
        shown(&output)
    );
}

#[test]
fn a_file_that_cannot_be_imported_makes_no_community() {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (place.path().join("data"), place.path().join("a.txt"));
    std::fs::write(&file, "no format of ours").unwrap();
    for command in ["import", "replay"] {
        let output = waddlebot(&data)
            .arg(command)
            .arg(&file)
            .args(["--community", "Oops"])
            .output()
            .unwrap();
        assert!(
            !output.status.success() && shown(&output).contains("cannot tell the format"),
            "{}",
            shown(&output)
        );
    }
    let verified = success(waddlebot(&data).args(["audit", "verify"]));
    assert!(verified.contains("0 entries"), "{verified}");
}

#[test]
fn imports_report_what_they_rejected_and_change_nothing_the_second_time() {
    let place = tempfile::tempdir().unwrap();
    let (file, n) = chat_file(place.path(), 2, 100);
    std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap()
        .write_all(b"not json\n{\"platform\":\"myspace\"}\n")
        .unwrap();
    let data = place.path().join("data");
    let import = || {
        success(
            waddlebot(&data)
                .arg("import")
                .arg(&file)
                .args(["--community", "Pond"]),
        )
    };
    let first = import();
    assert!(
        first.contains(&format!("{n} recorded")) && first.contains("2 rejected"),
        "{first}"
    );
    assert!(first.contains("rejected line 101"), "{first}");
    let second = import();
    assert!(
        second.contains("0 recorded") && second.contains(&format!("{n} known already")),
        "{second}"
    );
    let nothing_new = "counts once, in the community that had it first";
    assert!(!first.contains(nothing_new), "{first}");
    assert!(second.contains(nothing_new), "{second}");
    let report = std::fs::read_dir(data.join("rejected"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(report.path())
            .unwrap()
            .lines()
            .count(),
        2
    );
}

#[test]
fn history_can_be_replayed_and_purged() {
    let place = tempfile::tempdir().unwrap();
    let (file, n) = chat_file(place.path(), 3, 40);
    let replay = success(waddlebot(place.path()).arg("replay").arg(&file).args([
        "--community",
        "Pond",
        "--speed",
        "inf",
    ]));
    assert!(replay.contains(&format!("{n} events replayed")), "{replay}");
    let purged = success(waddlebot(place.path()).args([
        "purge",
        "--community",
        "pond",
        "--older-than",
        "0",
    ]));
    assert!(
        purged.contains(&format!("removed {n} messages")),
        "{purged}"
    );
    let missing = waddlebot(place.path())
        .args(["purge", "--community", "nowhere", "--older-than", "1"])
        .output()
        .unwrap();
    assert!(
        shown(&missing).contains("no community `nowhere`"),
        "{}",
        shown(&missing)
    );
}
