//! Backup and restore bring everything back, and refuse what is not whole.

use std::path::Path;

use super::run::{chat_file, server, shown, success, waddlebot};
use store::{Db, Options, sql};

async fn messages(url: &str) -> i64 {
    let db = Db::open(&Options::new(url)).await.unwrap();
    let n = sql::scalar(db.read(), "SELECT COUNT(*) FROM message", vec![])
        .await
        .unwrap();
    db.close().await.unwrap();
    n
}

fn file_url(data: &Path) -> String {
    format!("sqlite://{}", data.join("waddlebot.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restores_into_an_empty_place_and_replaces_only_when_told() {
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup.zip"));
    let (file, n) = chat_file(place.path(), 1, 80);
    success(
        waddlebot(&data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    success(waddlebot(&data).arg("backup").arg(&backup));
    let again = waddlebot(&data)
        .arg("backup")
        .arg(&backup)
        .output()
        .unwrap();
    assert!(
        shown(&again).contains("exists already"),
        "{}",
        shown(&again)
    );

    let other = place.path().join("other");
    success(waddlebot(&other).arg("restore").arg(&backup));
    assert_eq!(messages(&file_url(&other)).await, i64::try_from(n).unwrap());
    let refused = waddlebot(&other)
        .arg("restore")
        .arg(&backup)
        .output()
        .unwrap();
    assert!(shown(&refused).contains("--replace"), "{}", shown(&refused));
    std::fs::write(other.join("waddlebot.toml"), "[jobs]\nconcurrency = 2\n").unwrap();
    let replaced = success(
        waddlebot(&other)
            .arg("restore")
            .arg(&backup)
            .arg("--replace"),
    );
    assert!(replaced.contains("is kept at"), "{replaced}");
    assert!(other.join("waddlebot.toml").is_file(), "the settings stay");

    let cut = place.path().join("cut.zip");
    let bytes = std::fs::read(&backup).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let output = waddlebot(&place.path().join("third"))
        .arg("restore")
        .arg(&cut)
        .output()
        .unwrap();
    assert!(
        !output.status.success() && shown(&output).contains("not a backup, or it is cut off"),
        "{}",
        shown(&output)
    );
}

#[test]
fn a_backup_is_not_put_back_under_a_running_server() {
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup.zip"));
    let running = server(&data, &["serve"], "is ready on");
    success(waddlebot(&data).arg("backup").arg(&backup));
    let restore = || {
        waddlebot(&data)
            .arg("restore")
            .arg(&backup)
            .arg("--replace")
            .output()
            .unwrap()
    };
    let refused = restore();
    assert!(
        !refused.status.success() && shown(&refused).contains("stop it first"),
        "{}",
        shown(&refused)
    );
    assert_eq!(
        std::fs::read_dir(place.path()).unwrap().count(),
        2,
        "nothing was moved, nothing is left over"
    );
    drop(running);
    let done = restore();
    assert!(done.status.success(), "{}", shown(&done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_backup_restores_into_another_database() {
    let Some(server) = testkit::engine("WADDLEBOT_TEST_POSTGRES") else {
        return;
    };
    let (source, target) = (
        testkit::PrivateDatabase::create(&server).await,
        testkit::PrivateDatabase::create(&server).await,
    );
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup.zip"));
    let (file, n) = chat_file(place.path(), 1, 80);
    let at = |url: &str, data: &Path| {
        let mut command = waddlebot(data);
        command.env("DATABASE_URL", url);
        command
    };
    success(
        at(&source.url, &data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    success(at(&source.url, &data).arg("backup").arg(&backup));
    success(
        at(&target.url, &place.path().join("other"))
            .arg("restore")
            .arg(&backup),
    );
    assert_eq!(messages(&target.url).await, i64::try_from(n).unwrap());
    source.drop().await;
    target.drop().await;
}
