//! `kill -9` at any moment of an import loses nothing and counts nothing twice.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::run::{chat_file, success, waddlebot};
use kernel::{Clock, SystemClock};
use store::{Db, Options, sql};

const ROUNDS: u64 = 20;
const MESSAGES: usize = 3_000;

/// Kills the child when the moment has come; answers whether it was still running. The moment is
/// what is tested: any will do, so there is no condition to wait for.
fn kill_after(command: &mut Command, moment: Duration) -> bool {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (_kept, never) = std::sync::mpsc::channel::<()>();
    assert!(never.recv_timeout(moment).is_err());
    // Already gone is fine.
    let _ = child.kill();
    !child.wait().unwrap().success()
}

async fn count(db: &Db, query: &str) -> i64 {
    sql::scalar(db.read(), query, vec![]).await.unwrap()
}

/// What is stored and what is counted agree with what was in the files.
async fn check(url: &str, expected: u64) {
    let db = Db::open(&Options::new(url)).await.unwrap();
    let expected = i64::try_from(expected).unwrap();
    for query in [
        "SELECT COUNT(*) FROM message",
        "SELECT CAST(SUM(messages) AS bigint) FROM activity_day",
        "SELECT CAST(SUM(messages) AS bigint) FROM activity_hour",
        "SELECT CAST(SUM(messages) AS bigint) FROM member",
        "SELECT CAST(SUM(consumed) AS bigint) FROM import_run",
    ] {
        assert_eq!(count(&db, query).await, expected, "{query}");
    }
    assert_eq!(
        count(&db, "SELECT COUNT(*) FROM import_run WHERE NOT finished").await,
        0
    );
    assert_eq!(count(&db, "SELECT COUNT(*) FROM quarantine").await, 0);
    let verdict = store::audit::verify(db.read()).await.unwrap();
    assert!(
        matches!(verdict, store::audit::Verdict::Intact { .. }),
        "{verdict:?}"
    );
    db.close().await.unwrap();
}

fn rounds(place: &Path, database_url: Option<&str>) -> u64 {
    let data = place.join("data");
    let command = |file: &Path| {
        let mut command = waddlebot(&data);
        if let Some(url) = database_url {
            command.env("DATABASE_URL", url);
        }
        command
            .arg("import")
            .arg(file)
            .args(["--community", "pond"]);
        command
    };
    // The first one makes the tables too.
    let (file, mut expected) = chat_file(place, ROUNDS + 1, MESSAGES);
    success(&mut command(&file));
    // How long an import takes here and now.
    let (file, n) = chat_file(place, ROUNDS, MESSAGES);
    expected += n;
    let begun = SystemClock.now();
    success(&mut command(&file));
    let whole = SystemClock.now().since(begun);
    let mut killed = 0;
    for round in 0..ROUNDS {
        let (file, n) = chat_file(place, round, MESSAGES);
        expected += n;
        // From «hardly started» to «nearly done».
        let share = u32::try_from(round + 1).unwrap();
        let moment = whole * share / u32::try_from(ROUNDS + 1).unwrap();
        killed += u32::from(kill_after(&mut command(&file), moment));
        success(&mut command(&file));
    }
    assert!(
        killed >= 5,
        "only {killed} imports were still running when they were killed"
    );
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_imports_lose_nothing_on_sqlite() {
    let place = tempfile::tempdir().unwrap();
    let expected = rounds(place.path(), None);
    check(
        &format!(
            "sqlite://{}",
            place.path().join("data/waddlebot.db").display()
        ),
        expected,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_imports_lose_nothing_on_postgres() {
    let Some(server) = testkit::engine("WADDLEBOT_TEST_POSTGRES") else {
        return;
    };
    let database = testkit::PrivateDatabase::create(&server).await;
    let place = tempfile::tempdir().unwrap();
    let expected = rounds(place.path(), Some(&database.url));
    check(&database.url, expected).await;
    database.drop().await;
}
