//! The schema: idempotent, safe when several processes start, and exactly as described.

use std::{collections::BTreeMap, sync::Arc};

use store::{
    Db, StoreError, migration,
    schema::{Kind, Personal},
    sql,
};

use crate::world::{NOON, World, both};

both![
    a_second_migration_changes_nothing,
    four_processes_that_start_at_once_migrate_once,
    a_newer_database_is_refused,
    the_database_has_exactly_the_described_columns,
    a_failed_migration_leaves_nothing_behind,
    scores_that_stood_beside_states_are_the_same_in_a_table_of_their_own,
];

async fn a_second_migration_changes_nothing(world: Arc<World>) {
    let (_, db) = world.empty().await;
    let all = migration::pending(&db).await.unwrap();
    assert!(!all.is_empty());
    let first = migration::run(&db, NOON).await.unwrap();
    assert_eq!((first.applied, first.already), (all.clone(), 0));
    assert!(migration::pending(&db).await.unwrap().is_empty());
    let second = migration::run(&db, NOON).await.unwrap();
    assert_eq!((second.applied, second.already), (vec![], all.len()));
    db.health().await.unwrap();
    db.close().await.unwrap();
}

async fn four_processes_that_start_at_once_migrate_once(world: Arc<World>) {
    let (url, _) = world.empty().await;
    let processes: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let db = World::open(&url).await;
                let report = migration::run(&db, NOON).await;
                db.close().await.unwrap();
                report
            })
        })
        .collect();
    let mut applied = 0;
    for process in processes {
        applied += usize::from(!process.await.unwrap().unwrap().applied.is_empty());
    }
    assert_eq!(applied, 1);
}

async fn a_newer_database_is_refused(world: Arc<World>) {
    world
        .sql("INSERT INTO schema_step (name, applied_at) VALUES ('m9999_future', 0)")
        .await;
    for refused in [
        migration::pending(&world.db).await.err(),
        migration::run(&world.db, NOON).await.err(),
    ] {
        assert!(
            matches!(&refused, Some(StoreError::Newer(step)) if step == "m9999_future"),
            "{refused:?}"
        );
    }
}

/// (type, may be null) by (table, column), as the database itself says.
async fn actual(db: &Db, is_sqlite: bool) -> BTreeMap<(String, String), (String, bool)> {
    let query = if is_sqlite {
        "SELECT m.name, c.name, lower(c.type), CASE WHEN c.\"notnull\" = 0 THEN 1 ELSE 0 END \
         FROM sqlite_master m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT CAST(table_name AS text), CAST(column_name AS text), CAST(data_type AS text), \
         CASE WHEN is_nullable = 'YES' THEN 1 ELSE 0 END \
         FROM information_schema.columns WHERE table_schema = 'public'"
    };
    let rows = sql::rows(db.read(), query, vec![]).await.unwrap();
    let text = |row: &store::sea_orm::QueryResult, n| row.try_get_by_index::<String>(n).unwrap();
    rows.iter()
        .map(|row| {
            let nullable = row.try_get_by_index::<i32>(3).unwrap() == 1;
            ((text(row, 0), text(row, 1)), (text(row, 2), nullable))
        })
        .collect()
}

async fn the_database_has_exactly_the_described_columns(world: Arc<World>) {
    let mut actual = actual(&world.db, world.is_sqlite()).await;
    let mut n_personal = 0;
    for table in migration::tables() {
        assert!(!table.owner.is_empty());
        for column in table.columns() {
            let key = (table.name.to_owned(), column.name.to_owned());
            let (kind, _) = actual
                .remove(&key)
                .unwrap_or_else(|| panic!("described, but absent: {key:?}"));
            let expected: &[&str] = match column.kind {
                Kind::Small => &["smallint"],
                Kind::Int => &["integer"],
                // A sequential key is `integer` on SQLite whatever its size.
                Kind::Big => &[
                    "bigint",
                    if world.is_sqlite() {
                        "integer"
                    } else {
                        "bigint"
                    },
                ],
                Kind::Text => &["text"],
                Kind::Bool => &["boolean"],
                Kind::Bytes => &["blob", "bytea"],
            };
            assert!(expected.contains(&kind.as_str()), "{key:?} is {kind}");
            n_personal += usize::from(column.personal != Personal::None);
        }
    }
    assert!(
        actual.is_empty(),
        "without description and personal-data tag: {:?}",
        actual.keys()
    );
    assert!(n_personal > 20);
}

async fn a_failed_migration_leaves_nothing_behind(world: Arc<World>) {
    let (_, db) = world.empty().await;
    // A table of somebody else's is in the way of the last one.
    let last = migration::tables().pop().unwrap().name;
    sql::execute(
        db.write(),
        &format!("CREATE TABLE {last} (id INTEGER)"),
        vec![],
    )
    .await
    .unwrap();
    migration::run(&db, NOON).await.unwrap_err();
    let tables: Vec<String> = actual(&db, world.is_sqlite())
        .await
        .into_keys()
        .map(|(table, _)| table)
        .collect();
    assert_eq!(tables, [last]);
    sql::execute(db.write(), &format!("DROP TABLE {last}"), vec![])
        .await
        .unwrap();
    migration::run(&db, NOON).await.unwrap();
}

/// What stood in the rows of states until `m0035_bot_score`.
const SCORE: &str =
    "scored_n, scored_at, probability_ppm, rule_ppm, model_id, exemption, predicted_ppm";

/// Takes the database back to what it was before that step, with three accounts.
async fn before_scores_had_a_table(world: &World) {
    world
        .sql("DELETE FROM schema_step WHERE name = 'm0035_bot_score'")
        .await;
    world.sql("DROP TABLE bot_score").await;
    for column in SCORE.split(", ") {
        let kind = match column {
            "scored_n" | "probability_ppm" | "rule_ppm" => "integer NOT NULL DEFAULT 0",
            "scored_at" => "bigint",
            "exemption" => "smallint",
            _ => "integer",
        };
        world
            .sql(&format!("ALTER TABLE bot_state ADD COLUMN {column} {kind}"))
            .await;
    }
    world
        .sql(
            "CREATE INDEX ix_bot_state_community_id_probability_ppm_account_id \
         ON bot_state (community_id, probability_ppm, account_id)",
        )
        .await;
    world.sql("INSERT INTO users (id, display_name, is_instance_admin, created_at) VALUES (7, 'x', FALSE, 0)").await;
    world.sql(
        "INSERT INTO community (id, slug, name, description, retention_days, created_at) VALUES (3, 'pond', 'Pond', '', 0, 0)",
    )
    .await;
    for account in 1..=4 {
        world.sql(&format!(
            "INSERT INTO platform_account (id, platform, platform_user_id, username, user_id, is_bot, first_seen_at) \
             VALUES ({account}, 1, 'id-{account}', 'x', 7, FALSE, 0)"
        ))
        .await;
    }
}

async fn scores_that_stood_beside_states_are_the_same_in_a_table_of_their_own(world: Arc<World>) {
    before_scores_had_a_table(&world).await;
    let state = if world.is_sqlite() {
        "x'0102'"
    } else {
        "'\\x0102'"
    };
    for (account, score) in [
        // Scored by a model; left alone by the rules; being made anew; never scored.
        (1, "40, 99, 812345, 700001, 6, NULL, 800000"),
        (2, "12, 98, 3, 4, NULL, 2, NULL"),
        (3, "0, 97, 5, 6, 0, NULL, 7"),
        (4, "0, NULL, 0, 0, NULL, NULL, NULL"),
    ] {
        let query = format!(
            "INSERT INTO bot_state (community_id, account_id, state, n_messages, last_at, {SCORE}) \
             VALUES (3, {account}, {state}, {account}0, {account}, {score})"
        );
        world.sql(&query).await;
    }
    let dump = async |from: &str| {
        let columns: Vec<String> = format!("community_id, account_id, {SCORE}")
            .split(", ")
            .map(|column| format!("COALESCE(CAST({column} AS text), '-')"))
            .collect();
        let query = format!(
            "SELECT {} FROM {from} ORDER BY account_id",
            columns.join(" || ' ' || ")
        );
        let rows = sql::rows(world.db.write(), &query, vec![]).await.unwrap();
        let text = |row: &store::sea_orm::QueryResult| row.try_get_by_index::<String>(0).unwrap();
        rows.iter().map(text).collect::<Vec<String>>()
    };
    let before = dump("bot_state WHERE account_id < 4").await;
    assert_eq!(before.len(), 3);

    let report = migration::run(&world.db, NOON).await.unwrap();
    assert_eq!(report.applied, ["m0035_bot_score"]);
    assert_eq!(dump("bot_score").await, before);
    let states = "SELECT COUNT(*) FROM bot_state WHERE n_messages = 10 * account_id AND last_at = account_id";
    assert_eq!(world.number(states).await, 4);
    let state = "SELECT state FROM bot_state WHERE account_id = 3";
    assert_eq!(
        sql::scalar::<Vec<u8>>(world.db.write(), state, vec![])
            .await
            .unwrap(),
        [1, 2]
    );
    // No column of a score is left there, and what is described is what is.
    the_database_has_exactly_the_described_columns(Arc::clone(&world)).await;
}
