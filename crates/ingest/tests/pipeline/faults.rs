//! The database is cut off, or the disk is full.

use std::{path::Path, process::Command, sync::Arc};

use activity::Incoming;
use ingest::{
    IngestError,
    import::{ImportError, Target},
};
use store::StoreError;
use testkit::{Setup, World, message, on_postgres, skip};

use super::stage::{lines, run, until};

/// Cuts every connection of the world's database but the one that asks.
async fn cut(world: &World) {
    let query = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // The pool may hand out a connection that was cut the last time.
    while store::sql::scalar::<i64>(world.app.db().write(), query, vec![])
        .await
        .is_err()
    {}
}

#[testkit::tokio::test(
    flavor = "multi_thread",
    worker_threads = 2,
    crate = "::testkit::tokio"
)]
async fn a_server_that_cuts_all_connections_loses_nothing_and_counts_nothing_twice() {
    on_postgres(|mut world: World| async move {
        let node = world.another(Setup::default()).await;
        let pond = world.community("Pond").await;
        let all: Vec<Incoming> = (0..3_000)
            .map(|n| {
                let event = world.event(&format!("duck{}", n % 50), message("quack"));
                Incoming {
                    community: pond,
                    event,
                }
            })
            .collect();
        let ingest = node.ingest.clone();
        let feeder = tokio::spawn(async move {
            for part in all.chunks(30) {
                let tally = ingest.import(part.to_vec(), None).await.unwrap();
                assert_eq!(tally.quarantined, 0);
                // A commit whose answer was lost is found as duplicates the second time.
                assert_eq!(tally.recorded + tally.duplicates, 30);
            }
        });
        let mut n_cuts = 0;
        while !feeder.is_finished() && n_cuts < 20 {
            cut(&world).await;
            n_cuts += 1;
        }
        feeder.await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 3_000);
        for table in ["activity_day", "activity_hour", "member"] {
            assert_eq!(
                world
                    .number(&format!("SELECT SUM(messages) FROM {table}"))
                    .await,
                3_000,
                "{table}"
            );
        }
        node.stop().await;
        world
    })
    .await;
}

/// A small file system of its own, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let place = tempfile::TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(place.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(place)),
            Ok(output) => {
                skip(&format!(
                    "no small disk: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
                None
            }
            Err(error) => {
                skip(&format!("no small disk: {error}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a failing test still holds files there.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[testkit::tokio::test(
    flavor = "multi_thread",
    worker_threads = 2,
    crate = "::testkit::tokio"
)]
async fn a_full_disk_stops_an_import_which_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(20) else {
        return;
    };
    let place = tempfile::TempDir::new_in(disk.path()).unwrap();
    let elsewhere = tempfile::TempDir::new().unwrap();
    let mut world = World::in_place(place, Setup::default()).await;
    let pond = world.community("Pond").await;
    let ballast = world.place().join("ballast");
    std::fs::write(&ballast, vec![0_u8; 18 << 20]).unwrap();
    let path = elsewhere.path().join("chat.jsonl");
    std::fs::write(&path, lines(20_000)).unwrap();

    let (done, _) = run(&world, &path, Target::One(pond)).await;
    match done {
        Err(ImportError::Ingest(IngestError::Storage(error))) => {
            assert!(matches!(&*error, StoreError::Full(_)), "{error:?}");
            assert_eq!(error.code(), kernel::ErrorCode::StorageFull);
        }
        other => panic!("the disk should be full: {other:?}"),
    }
    // It still answers, and there is no half batch.
    let stored = world.number("SELECT COUNT(*) FROM message").await;
    assert_eq!(stored % 2_000, 0, "{stored}");
    assert_eq!(
        world
            .number("SELECT COALESCE(SUM(messages), 0) FROM activity_hour")
            .await,
        stored
    );
    let check: String = store::sql::scalar(world.app.db().read(), "PRAGMA integrity_check", vec![])
        .await
        .unwrap();
    assert_eq!(check, "ok");

    std::fs::remove_file(&ballast).unwrap();
    let (done, _) = run(&world, &path, Target::One(pond)).await;
    let summary = done.unwrap();
    assert_eq!(i64::try_from(summary.resumed_at).unwrap(), stored);
    assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 20_000);
    world.restart(Setup::default()).await;
    let check: String = store::sql::scalar(world.app.db().read(), "PRAGMA integrity_check", vec![])
        .await
        .unwrap();
    assert_eq!(check, "ok");
    world.close().await;
    drop(disk);
}

#[testkit::tokio::test(
    flavor = "multi_thread",
    worker_threads = 2,
    crate = "::testkit::tokio"
)]
async fn live_events_wait_for_room_on_a_full_disk() {
    let Some(disk) = SmallDisk::mount(6) else {
        return;
    };
    let place = tempfile::TempDir::new_in(disk.path()).unwrap();
    let mut world = World::in_place(place, Setup::default()).await;
    let pond = world.community("Pond").await;
    let mut room = 6_u32 << 20;
    let ballast = world.place().join("ballast");
    // Fills the disk to the last block.
    let mut filler = std::fs::File::create(&ballast).unwrap();
    while room > 0 {
        let block = vec![0_u8; usize::try_from(room).unwrap()];
        if std::io::Write::write_all(&mut filler, &block).is_err() {
            room /= 2;
        }
    }
    drop(filler);
    let text = "quack ".repeat(200);
    for _ in 0..1_000 {
        let event = world.event("ann", message(&text));
        world
            .ingest
            .submit(Incoming {
                community: pond,
                event,
            })
            .await
            .unwrap();
    }
    let app = Arc::clone(&world.app);
    assert!(app.ready().await.is_ok(), "reading goes on");
    let full = world.number("SELECT COUNT(*) FROM message").await;
    assert!(full < 1_000, "the disk is full");
    std::fs::remove_file(&ballast).unwrap();
    until(|| app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
    assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 1_000);
    world.close().await;
    drop(disk);
}
