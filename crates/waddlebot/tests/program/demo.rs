//! The demo on a fresh directory: ready with history, signed in by its link, talking.

use super::run::{chat_file, get, server, shown, success, waddlebot};

/// The link's path and query in the greeting.
fn link(greeting: &str) -> &str {
    let (_, rest) = greeting
        .split_once("/login/link?token=")
        .expect("the greeting has a link");
    rest.split_whitespace().next().unwrap()
}

#[test]
fn the_demo_fills_itself_serves_pages_and_stops_on_sigterm() {
    let place = tempfile::tempdir().unwrap();
    let mut demo = server(place.path(), &["demo"], "/login/link?token=");
    assert!(n_made(&demo.greeting) > 10_000, "{}", demo.greeting);
    assert!(get(&demo.address, "/healthz").starts_with("HTTP/1.0 200"));
    assert!(get(&demo.address, "/readyz").contains("ready"));
    let page = get(
        &demo.address,
        &format!("/login/link?token={}", link(&demo.greeting)),
    );
    assert!(page.starts_with("HTTP/1.0 200"), "{page}");
    assert!(
        get(&demo.address, "/c/pixel-harbour/health").contains("/login"),
        "strangers are sent to sign in"
    );

    let pid = i32::try_from(demo.child.id()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(
        demo.child.wait().unwrap().success(),
        "a soft stop is a success"
    );

    // The second start has only the time since the first to add.
    let again = server(place.path(), &["demo"], "/login/link?token=");
    assert!(n_made(&again.greeting) < 1_000, "{}", again.greeting);
}

/// How many events the demo says it made; none if it says nothing.
fn n_made(greeting: &str) -> u64 {
    greeting.split_once("made ").map_or(0, |(_, rest)| {
        let number = rest.split_whitespace().next().unwrap();
        number.replace(',', "").parse().unwrap()
    })
}

#[test]
fn the_demo_does_not_mix_with_communities_of_somebody() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (file, _) = chat_file(place.path(), 1, 20);
    success(
        waddlebot(&data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    let output = waddlebot(&data)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(
        !output.status.success() && shown(&output).contains("choose another --data-dir"),
        "{}",
        shown(&output)
    );
    assert!(
        success(waddlebot(&data).args(["audit", "verify"])).contains("3 entries"),
        "nothing but the import is there"
    );
}

#[test]
fn an_unknown_setting_ends_the_program_with_help() {
    let place = tempfile::tempdir().unwrap();
    let output = waddlebot(place.path())
        .env("WADDLEBOT_SERVER__LISTN", "x")
        .arg("serve")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        shown(&output).contains("WADDLEBOT_SERVER__LISTN is not a setting"),
        "{}",
        shown(&output)
    );
}

#[test]
fn a_taken_address_is_told_before_anything_else_happens() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = waddlebot(place.path())
        .args(["demo", "--listen", &address])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        shown(&output).contains("choose another address with `--listen"),
        "{}",
        shown(&output)
    );
    assert!(!place.path().join("waddlebot.db").exists());
}
