//! Opening, units of work, notices, domain events, errors sorted by what to do about them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Actor, CommunityId, ErrorCode};
use store::{
    AfterCommit, Db, DomainEvent, Notice, Options, StoreError,
    event::Route,
    migration,
    sea_orm::{ConnectOptions, ConnectionTrait, Database, Value},
    sql,
};

use crate::world::{NOON, World, both, work};

both![
    notices_go_out_once_and_only_after_the_commit,
    a_domain_event_enqueues_a_job_for_each_subscriber,
    errors_are_sorted_by_what_to_do_about_them,
    upkeep_and_health_work_beside_writers,
    many_rows_are_inserted_in_order,
    many_rows_say_what_they_say_of_every_type_and_with_gaps,
    many_pairs_are_inserted_with_what_they_share,
    many_read_at_once_and_all_are_answered,
    whoever_stops_reading_or_fails_leaves_connections_for_others,
];

#[derive(Default)]
struct Heard(Mutex<Vec<(Vec<Notice>, bool)>>);

impl AfterCommit for Heard {
    fn committed(&self, notices: Vec<Notice>, jobs_enqueued: bool) {
        self.0.lock().unwrap().push((notices, jobs_enqueued));
    }
}

async fn notices_go_out_once_and_only_after_the_commit(world: Arc<World>) {
    let heard = Arc::new(Heard::default());
    world.db.after_commit(heard.clone());
    world.db.after_commit(Arc::new(Heard::default()));
    let mut unit = world.begin().await;
    unit.notify("chat:1", "new");
    unit.enqueue(work()).await.unwrap();
    drop(unit);
    assert!(heard.0.lock().unwrap().is_empty(), "rolled back");
    let mut unit = world.begin().await;
    for topic in ["chat:1", "chat:2", "chat:1"] {
        unit.notify(topic, "new");
    }
    assert!(heard.0.lock().unwrap().is_empty(), "not yet committed");
    unit.commit().await.unwrap();
    world.enqueue(work().unique("a")).await.unwrap();
    world.enqueue(work().unique("a")).await;
    let heard = std::mem::take(&mut *heard.0.lock().unwrap());
    let notice = |topic: &str| Notice {
        topic: topic.to_owned(),
        payload: "new".to_owned(),
    };
    assert_eq!(
        heard,
        [
            (vec![notice("chat:1"), notice("chat:2")], false),
            (vec![], true),
            (vec![], false)
        ]
    );
}

async fn a_domain_event_enqueues_a_job_for_each_subscriber(world: Arc<World>) {
    const ROUTES: &[Route] = &[
        Route {
            event: "identity.merged",
            job: "work",
        },
        Route {
            event: "identity.merged",
            job: "other",
        },
        Route {
            event: "identity.created",
            job: "work",
        },
    ];
    let event = |n: i32| DomainEvent {
        kind: "identity.merged",
        community: Some(CommunityId(4)),
        payload: serde_json::json!({ "user": n }),
    };
    let mut unit = world.begin().await;
    unit.emit(event(1), ROUTES).await.unwrap();
    drop(unit);
    let mut unit = world.begin().await;
    unit.emit(event(2), ROUTES).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM domain_event").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 2);
    let job = world.claim_one(&world.queue()).await;
    assert_eq!(
        (job.community, job.payload),
        (Some(CommunityId(4)), serde_json::json!({ "user": 2 }))
    );
}

async fn errors_are_sorted_by_what_to_do_about_them(world: Arc<World>) {
    let step = "INSERT INTO schema_step (name, applied_at) VALUES ('twice', 0)";
    world.sql(step).await;
    let twice = sql::execute(world.db.write(), step, vec![])
        .await
        .unwrap_err();
    assert!(matches!(twice, StoreError::Duplicate(_)), "{twice:?}");
    assert_eq!(
        (twice.code(), twice.is_transient()),
        (ErrorCode::Conflict, false)
    );
    let orphan =
        "INSERT INTO membership (community_id, user_id, role, joined_at) VALUES (7, 7, 0, 0)";
    let check = "INSERT INTO audit_head (id, seq, hash) VALUES (2, 0, '')";
    let null = "INSERT INTO schema_step (name) VALUES ('n')";
    for statement in [orphan, check, null] {
        let refused = sql::execute(world.db.write(), statement, vec![])
            .await
            .unwrap_err();
        assert!(
            matches!(refused, StoreError::Refused(_)),
            "{statement}: {refused:?}"
        );
    }
    let fault = sql::execute(world.db.write(), "SELECT nonsense FROM nowhere", vec![])
        .await
        .unwrap_err();
    assert!(matches!(fault, StoreError::Other(_)), "{fault:?}");
    assert!(
        !fault.to_string().contains("nonsense"),
        "SQL stays in the source"
    );
    let none = sql::scalar::<i64>(
        world.db.read(),
        "SELECT seq FROM audit WHERE seq = 0",
        vec![],
    )
    .await;
    assert!(matches!(none, Err(StoreError::Data(_))));
    // Nobody else's transaction is disturbed by what was refused.
    world.begin().await.commit().await.unwrap();
}

async fn upkeep_and_health_work_beside_writers(world: Arc<World>) {
    world.db.health().await.unwrap();
    world.enqueue(work()).await.unwrap();
    assert!(world.db.size_bytes().await.unwrap() > 50_000);
    world.db.optimize().await.unwrap();
    let unit = world.begin().await;
    assert_eq!(
        sql::scalar::<i64>(world.db.read(), "SELECT COUNT(*) FROM job", vec![])
            .await
            .unwrap(),
        1
    );
    drop(unit);
    world.db.close().await.unwrap();
    let closed = world.db.health().await.unwrap_err();
    assert!(closed.is_transient(), "{closed:?}");
}

async fn many_rows_are_inserted_in_order(world: Arc<World>) {
    let row = |n: i64| vec!["k".into(), "{}".into(), n.into()];
    let head = "INSERT INTO domain_event (kind, payload, at)";
    let unit = world.begin().await;
    sql::insert(unit.conn(), head, (0..1_000).map(row).collect(), "")
        .await
        .unwrap();
    let returned = sql::insert_returning(
        unit.conn(),
        head,
        (0..299).map(row).collect(),
        " RETURNING at",
    )
    .await
    .unwrap();
    sql::insert(unit.conn(), head, vec![], "").await.unwrap();
    unit.commit().await.unwrap();
    let at: Vec<i64> = returned
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    assert_eq!(at, (0..299).collect::<Vec<_>>());
    assert_eq!(
        world.number("SELECT COUNT(*) FROM domain_event").await,
        1_299
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM domain_event WHERE id <= 1000 AND at = id - 1")
            .await,
        1_000
    );
}

/// A row of every type in which only some numbers are absent.
fn of_every_type(n: i32) -> Vec<Value> {
    let is_there = n % 3 > 0;
    let words = format!("{{\"a\", {n} \\ NULL}}");
    vec![
        n.into(),
        i16::try_from(n % 7).ok().filter(|_| is_there).into(),
        (n * 1_000).into(),
        (i64::from(n) << 40).into(),
        is_there.then_some(i64::MIN).into(),
        words.into(),
        is_there.into(),
        vec![0_u8, 255, u8::try_from(n % 250).unwrap()].into(),
    ]
}

async fn many_rows_say_what_they_say_of_every_type_and_with_gaps(world: Arc<World>) {
    let bytes = if world.is_sqlite() { "blob" } else { "bytea" };
    let table = "every_type (id integer PRIMARY KEY, small smallint, big_of_int bigint, big bigint, gap bigint, words text, yes boolean";
    world
        .sql(&format!("CREATE TABLE {table}, bytes {bytes})"))
        .await;
    let unit = world.begin().await;
    let conn = unit.conn();
    let head = "INSERT INTO every_type (id, small, big_of_int, big, gap, words, yes, bytes)";
    // More than one statement, and a rest.
    let n = 5_003;
    let all = (0..n).map(of_every_type).collect();
    sql::insert(conn, head, all, "").await.unwrap();
    // A text that is absent is of no array: these go the other way, in order too.
    let mut others: Vec<Vec<Value>> = (n..n + 20).map(of_every_type).collect();
    others[7][5] = None::<String>.into();
    // So does the number that stands for nothing.
    others[9][4] = (i64::MIN + 1).into();
    let tail = " ON CONFLICT (id) DO UPDATE SET words = excluded.words RETURNING id";
    let returned = sql::insert_returning(conn, head, others, tail)
        .await
        .unwrap();
    let ids = returned.iter().map(|row| row.try_get_by_index(0).unwrap());
    assert_eq!(ids.collect::<Vec<i32>>(), (n..n + 20).collect::<Vec<_>>());
    // Many are changed, each to its own.
    let head = "UPDATE every_type SET small = v.column2, gap = v.column3 FROM (";
    let tail = ") AS v WHERE every_type.id = v.column1";
    let changed = (0..100).map(|n: i32| vec![n.into(), None::<i16>.into(), i64::from(n).into()]);
    sql::update(conn, head, changed.collect(), tail)
        .await
        .unwrap();

    let stored =
        "SELECT id, small, big_of_int, big, gap, words, yes, bytes FROM every_type ORDER BY id";
    let stored = sql::rows(conn, stored, vec![]).await.unwrap();
    assert_eq!(stored.len(), 5_023);
    for (id, row) in (0_i32..).zip(&stored) {
        let mut expected = of_every_type(id);
        if id < 100 {
            expected[1] = None::<i16>.into();
            expected[4] = i64::from(id).into();
        } else if id == n + 7 {
            expected[5] = None::<String>.into();
        } else if id == n + 9 {
            expected[4] = (i64::MIN + 1).into();
        }
        let found: Vec<Value> = vec![
            row.try_get_by_index::<i32>(0).unwrap().into(),
            row.try_get_by_index::<Option<i16>>(1).unwrap().into(),
            // What is narrower than its column was made as wide.
            i32::try_from(row.try_get_by_index::<i64>(2).unwrap())
                .unwrap()
                .into(),
            row.try_get_by_index::<i64>(3).unwrap().into(),
            row.try_get_by_index::<Option<i64>>(4).unwrap().into(),
            row.try_get_by_index::<Option<String>>(5).unwrap().into(),
            row.try_get_by_index::<bool>(6).unwrap().into(),
            row.try_get_by_index::<Vec<u8>>(7).unwrap().into(),
        ];
        assert_eq!(found, expected, "{id}");
    }
}

async fn many_pairs_are_inserted_with_what_they_share(world: Arc<World>) {
    let pairs: Vec<_> = (0..1_023_i64)
        .map(|n| [format!("{{\"n\":{n}}}").into(), n.into()])
        .collect();
    let head = "INSERT INTO domain_event (kind, payload, at) SELECT $1, v.column1, v.column2";
    let unit = world.begin().await;
    for pairs in [&pairs[..], &[]] {
        sql::insert_pairs(unit.conn(), head, &["k".into()], pairs, "")
            .await
            .unwrap();
    }
    unit.commit().await.unwrap();
    let right = "SELECT COUNT(*) FROM domain_event WHERE kind = 'k' AND at = id - 1 \
                 AND payload = '{\"n\":' || CAST(at AS text) || '}'";
    assert_eq!(world.number(right).await, 1_023);
}

/// Far more than there are connections, so that some wait for others.
const READERS: i64 = 100;

async fn steps(world: &World) -> i64 {
    let count = "SELECT COUNT(*) FROM schema_step";
    sql::scalar(world.db.read(), count, vec![]).await.unwrap()
}

async fn many_read_at_once_and_all_are_answered(world: Arc<World>) {
    for _ in 0..3 {
        let asked = (0..READERS).map(|n| {
            let db = world.db.clone();
            tokio::spawn(async move {
                let sum = "SELECT CAST($1 AS bigint) + COUNT(*) FROM job";
                sql::scalar::<i64>(db.read(), sum, vec![n.into()]).await
            })
        });
        let asked: Vec<_> = asked.collect();
        for (n, answer) in (0..READERS).zip(asked) {
            assert_eq!(answer.await.unwrap().unwrap(), n);
        }
        // What was committed meanwhile is seen: nobody goes on in an old view of the database.
        let before = steps(&world).await;
        let at =
            "INSERT INTO schema_step (name, applied_at) SELECT 'n' || COUNT(*), 0 FROM schema_step";
        world.sql(at).await;
        assert_eq!(steps(&world).await, before + 1);
    }
}

async fn whoever_stops_reading_or_fails_leaves_connections_for_others(world: Arc<World>) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                SELECT COUNT(*) FROM n";
    for _ in 0..READERS / 5 {
        // Dropped after its first step, before there is an answer.
        let slow = sql::scalar::<i64>(world.db.read(), many, vec![]);
        let stopped = tokio::time::timeout(Duration::ZERO, slow).await;
        assert!(stopped.is_err(), "nothing is so fast");
        let none = sql::scalar::<i64>(world.db.read(), "SELECT n FROM nowhere", vec![]).await;
        assert!(none.is_err());
        assert!(steps(&world).await > 0);
    }
}

/// What holds for one engine only.
mod sqlite {
    use super::{
        Actor, Arc, ConnectOptions, ConnectionTrait, Database, Db, Duration, NOON, Options,
        StoreError, World, migration, sql, work,
    };

    async fn begin_takes_the_lock(world: Arc<World>) {
        let unit = world.begin().await;
        let path = world.path("test.db").unwrap();
        let mut impatient = ConnectOptions::new("sqlite::memory:");
        impatient
            .max_connections(1)
            .map_sqlx_sqlite_opts(move |options| {
                options
                    .in_memory(false)
                    .shared_cache(false)
                    .filename(&path)
                    .busy_timeout(Duration::ZERO)
            });
        let other = Database::connect(impatient).await.unwrap();
        let locked = other
            .execute_unprepared("BEGIN IMMEDIATE")
            .await
            .unwrap_err();
        assert!(matches!(
            StoreError::from(locked),
            StoreError::Unavailable(_)
        ));
        unit.commit().await.unwrap();
        other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
        other.execute_unprepared("ROLLBACK").await.unwrap();
    }

    #[tokio::test]
    async fn a_unit_of_work_takes_the_write_lock_at_once() {
        crate::world::on_sqlite(begin_takes_the_lock).await;
    }

    async fn reader_refuses(world: Arc<World>) {
        let refused = sql::execute(world.db.read(), "DELETE FROM job", vec![])
            .await
            .unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        crate::world::on_sqlite(reader_refuses).await;
    }

    async fn settings(world: Arc<World>) {
        let durable = Db::open(&Options::new(world.url())).await.unwrap();
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("auto_vacuum", 2),
            ("busy_timeout", 10_000),
        ] {
            let asked = format!("PRAGMA {pragma}");
            let value: i64 = sql::scalar(durable.write(), &asked, vec![]).await.unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
        for pragma in ["foreign_keys", "query_only"] {
            let asked = format!("PRAGMA {pragma}");
            let value: i64 = sql::scalar(durable.read(), &asked, vec![]).await.unwrap();
            assert_eq!(value, 1, "{pragma}");
        }
        let mode: String = sql::scalar(durable.read(), "PRAGMA journal_mode", vec![])
            .await
            .unwrap();
        assert_eq!(mode, "wal");
    }

    #[tokio::test]
    async fn a_database_is_durable_and_keeps_its_foreign_keys() {
        crate::world::on_sqlite(settings).await;
    }

    async fn copies(world: Arc<World>) {
        world.enqueue(work()).await.unwrap();
        let open = world.db.begin(&Actor::System("test"), NOON).await.unwrap();
        drop(open);
        let target = world.path("copy.db").unwrap();
        world.db.copy_to(&target).await.unwrap();
        let copy = World::open(&format!("sqlite://{}", target.display())).await;
        assert!(migration::pending(&copy).await.unwrap().is_empty());
        let n: i64 = sql::scalar(copy.read(), "SELECT COUNT(*) FROM job", vec![])
            .await
            .unwrap();
        assert_eq!(n, 1);
        world
            .db
            .copy_to(&target)
            .await
            .expect_err("an existing file is not overwritten");
    }

    #[tokio::test]
    async fn a_copy_is_a_whole_database() {
        crate::world::on_sqlite(copies).await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_called_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("letter.db");
        std::fs::write(&path, "Dear diary, ".repeat(1_000)).unwrap();
        let opened = Db::open(&Options::new(format!("sqlite://{}", path.display()))).await;
        assert!(matches!(opened, Err(StoreError::Corrupt(_))), "{opened:?}");
        assert_eq!(
            std::fs::read(&path).unwrap().len(),
            12_000,
            "nothing was written to it"
        );
    }

    #[tokio::test]
    async fn places_that_cannot_hold_a_database_are_refused() {
        for url in [
            "mysql://host/db",
            "/tmp/x.db",
            "",
            "sqlite:///no/such/directory/x.db",
        ] {
            let opened = Db::open(&Options::new(url)).await;
            assert!(
                matches!(opened, Err(StoreError::Place(_))),
                "{url}: {opened:?}"
            );
        }
        let directory = tempfile::tempdir().unwrap();
        let opened = Db::open(&Options::new(format!(
            "sqlite://{}",
            directory.path().display()
        )))
        .await;
        assert!(
            matches!(
                opened,
                Err(StoreError::Unavailable(_) | StoreError::Place(_))
            ),
            "{opened:?}"
        );
    }
}

/// What holds for PostgreSQL only.
mod postgres {
    use super::{Arc, Db, Duration, Options, StoreError, World, sql, work};

    async fn reader_on_a_server_refuses(world: Arc<World>) {
        world.enqueue(work()).await.unwrap();
        let reader = world.db.read();
        let by_word = |refused: &StoreError, word: &str| {
            assert!(matches!(refused, StoreError::Other(_)), "{refused:?}");
            assert!(format!("{refused:?}").contains(word), "{refused:?}");
        };
        let refused = sql::execute(reader, "DELETE FROM job", vec![]).await;
        by_word(&refused.unwrap_err(), "DELETE");
        for (text, word) in [
            ("UPDATE job SET attempt = 9 RETURNING id", "UPDATE"),
            (
                "WITH gone AS (DELETE FROM job RETURNING id) SELECT id FROM gone",
                "DELETE",
            ),
            ("SELECT id FROM job FOR UPDATE", "UPDATE"),
            ("SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
        ] {
            let refused = sql::rows(reader, text, vec![]).await;
            by_word(&refused.unwrap_err(), word);
        }
        let n: i64 = sql::scalar(reader, "SELECT COUNT(*) FROM job", vec![])
            .await
            .unwrap();
        assert_eq!(n, 1, "nothing came of it");
    }

    #[tokio::test]
    async fn readers_cannot_write_on_postgres() {
        crate::world::on_postgres(reader_on_a_server_refuses).await;
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unavailable() {
        // Port 1 is reserved and nobody listens there.
        let url = "postgres://nobody@127.0.0.1:1/none";
        let options = Options {
            acquire_timeout: Duration::from_secs(1),
            ..Options::new(url)
        };
        let opened = Db::open(&options).await.unwrap_err();
        assert!(matches!(opened, StoreError::Unavailable(_)), "{opened:?}");
    }
}
