//! PostgreSQL: nobody notices that its connections were lost, and nobody asks for nothing.

use std::sync::Arc;

use kernel::Actor;
use store::{Db, StoreError, sql};

use crate::{
    wire::Wire,
    world::{NOON, World},
};

/// Each test gets a database of its own, reached over a wire of its own.
macro_rules! over_a_wire {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            async fn test(world: std::sync::Arc<crate::world::World>) {
                let wire = crate::wire::Wire::to(&world.url()).await;
                let db = crate::world::World::open(&wire.url(&world.url())).await;
                super::$name(world, wire, db).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::world::on_postgres(test).await;
            }
        }
    )*};
}

over_a_wire![
    a_read_is_one_question_and_so_is_each_part_of_a_transaction,
    whoever_reads_when_all_connections_were_lost_is_answered,
    many_who_read_at_once_when_all_connections_were_lost_are_answered,
    whoever_begins_when_all_connections_were_lost_can_go_on,
    whoever_writes_when_all_connections_were_lost_writes_once,
    connections_that_the_server_ends_are_lost_too,
    what_was_lost_in_the_middle_fails_and_writes_nothing,
    what_is_dropped_is_rolled_back_and_its_connection_goes_on,
    states_of_accounts_are_not_pressed_together,
];

const COUNT: &str = "SELECT COUNT(*) FROM schema_step";
const STEP: &str = "INSERT INTO schema_step (name, applied_at) VALUES ($1, 0)";

async fn read(db: &Db) -> i64 {
    sql::scalar(db.read(), COUNT, vec![]).await.unwrap()
}

async fn begin(db: &Db) -> store::Work {
    db.begin(&Actor::System("test"), NOON).await.unwrap()
}

async fn a_read_is_one_question_and_so_is_each_part_of_a_transaction(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    let before = wire.asked();
    for _ in 0..20 {
        assert_eq!(read(&db).await, n);
    }
    assert_eq!(wire.asked() - before, 20);
    // The statements of a commit are prepared when they are first seen.
    begin(&db).await.commit().await.unwrap();
    let before = wire.asked();
    let work = begin(&db).await;
    let _: i64 = sql::scalar(work.conn(), COUNT, vec![]).await.unwrap();
    let within = wire.asked() - before;
    assert_eq!(within, 2, "it begins, and reads by what was prepared");
    work.commit().await.unwrap();
    let whole = wire.asked() - before;
    begin(&db).await.commit().await.unwrap();
    let empty = wire.asked() - before - whole;
    assert_eq!(whole, empty + 1);
}

async fn whoever_reads_when_all_connections_were_lost_is_answered(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    for _ in 0..3 {
        wire.break_all();
        assert_eq!(read(&db).await, n);
        let rows = sql::rows(db.read(), "SELECT name FROM schema_step", vec![]).await;
        assert_eq!(i64::try_from(rows.unwrap().len()).unwrap(), n);
    }
    let before = wire.asked();
    read(&db).await;
    assert_eq!(wire.asked() - before, 1, "it is over");
}

async fn many_who_read_at_once_when_all_connections_were_lost_are_answered(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    for _ in 0..5 {
        let all = (0..40).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let slow = "SELECT COUNT(*) FROM generate_series(1, 2000)";
                sql::scalar::<i64>(db.read(), slow, vec![]).await
            })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap().unwrap(), 2_000);
        }
        // Nobody is in the middle of a statement, and all connections are there.
        wire.break_all();
    }
}

async fn whoever_begins_when_all_connections_were_lost_can_go_on(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    for round in 0..3 {
        wire.break_all();
        let work = begin(&db).await;
        let name = format!("begun {round}");
        let written = sql::execute(work.conn(), STEP, vec![name.into()]).await;
        assert_eq!(written.unwrap(), 1);
        work.commit().await.unwrap();
    }
    assert_eq!(read(&db).await, n + 3);
}

async fn whoever_writes_when_all_connections_were_lost_writes_once(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    for round in 0..3 {
        wire.break_all();
        let name = format!("written {round}");
        let written = sql::execute(db.write(), STEP, vec![name.into()]).await;
        assert_eq!(written.unwrap(), 1);
    }
    assert_eq!(read(&db).await, n + 3);
}

async fn connections_that_the_server_ends_are_lost_too(world: Arc<World>, _wire: Wire, db: Db) {
    let n = read(&db).await;
    let end = "SELECT COUNT(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended = async || {
        let n: i64 = sql::scalar(world.db.write(), end, vec![]).await.unwrap();
        assert!(n > 0, "there was something to end");
    };
    ended().await;
    assert_eq!(read(&db).await, n);
    ended().await;
    begin(&db).await.commit().await.unwrap();
    ended().await;
    let written = sql::execute(db.write(), STEP, vec!["ended".into()]).await;
    assert_eq!(written.unwrap(), 1);
    assert_eq!(read(&db).await, n + 1);
}

async fn what_was_lost_in_the_middle_fails_and_writes_nothing(
    _world: Arc<World>,
    wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    let work = begin(&db).await;
    let written = sql::execute(work.conn(), STEP, vec!["first".into()]).await;
    assert_eq!(written.unwrap(), 1);
    wire.break_all();
    for name in ["second", "third"] {
        let failed = sql::execute(work.conn(), STEP, vec![name.into()]).await;
        let failed = failed.unwrap_err();
        assert!(matches!(failed, StoreError::Unavailable(_)), "{failed:?}");
    }
    assert!(work.commit().await.is_err());
    assert_eq!(read(&db).await, n);
}

async fn what_is_dropped_is_rolled_back_and_its_connection_goes_on(
    _world: Arc<World>,
    _wire: Wire,
    db: Db,
) {
    let n = read(&db).await;
    // More than there are connections.
    for round in 0..30 {
        let work = begin(&db).await;
        let name = format!("dropped {round}");
        let written = sql::execute(work.conn(), STEP, vec![name.into()]).await;
        assert_eq!(written.unwrap(), 1);
        drop(work);
        let work = begin(&db).await;
        let failed = sql::execute(work.conn(), "SELECT nonsense", vec![]).await;
        assert!(failed.is_err());
        drop(work);
    }
    assert_eq!(read(&db).await, n);
}

async fn states_of_accounts_are_not_pressed_together(_world: Arc<World>, _wire: Wire, db: Db) {
    // A table of the same settings, without what its rows point at.
    let work = begin(&db).await;
    let options =
        "SELECT array_to_string(reloptions, ',') FROM pg_class WHERE relname = 'bot_state'";
    let options: String = sql::scalar(work.conn(), options, vec![]).await.unwrap();
    let make = format!("CREATE TEMPORARY TABLE wide (state bytea) WITH ({options})");
    sql::execute(work.conn(), &make, vec![]).await.unwrap();
    let fill = "INSERT INTO wide VALUES (decode(repeat('ab', 4000), 'hex'))";
    sql::execute(work.conn(), fill, vec![]).await.unwrap();
    let size = "SELECT pg_column_size(state) FROM wide";
    let size: i32 = sql::scalar(work.conn(), size, vec![]).await.unwrap();
    assert_eq!(size, 4_004, "its bytes and their number");
}
