//! The audit chain: what changes it is found, the database refuses to, writers do not break it.

use std::sync::Arc;

use kernel::{Actor, CommunityId};
use store::{
    Db, StoreError, Work,
    audit::{self, Entry, Verdict},
    sql,
};

use crate::world::{Seeded, World, both};

both![
    entries_are_stored_in_order_and_verified,
    an_entry_of_a_rolled_back_unit_of_work_leaves_no_trace,
    the_database_refuses_to_change_entries,
    every_single_edit_is_detected,
    concurrent_writers_keep_one_unbroken_chain,
    a_chain_that_grows_while_it_is_verified_is_intact,
];

fn entry(n: usize) -> Entry {
    Entry {
        action: "member.role.change",
        object: format!("user:{n}"),
        community: (!n.is_multiple_of(3)).then(|| CommunityId(i32::try_from(n % 3).unwrap())),
        detail: serde_json::json!({ "before": "member", "after": "vip", "n": n }),
    }
}

async fn append(world: &World, entries: usize) {
    let mut n = 0;
    while n < entries {
        let mut unit = world.begin().await;
        for _ in 0..(1 + n % 3).min(entries - n) {
            unit.audit(entry(n));
            n += 1;
        }
        unit.commit().await.unwrap();
    }
}

async fn entries_are_stored_in_order_and_verified(world: Arc<World>) {
    let empty = audit::verify(world.db.read()).await.unwrap();
    assert!(matches!(empty, Verdict::Intact { entries: 0, .. }));
    append(&world, 25).await;
    let Verdict::Intact { entries: 25, head } = audit::verify(world.db.read()).await.unwrap()
    else {
        panic!("the chain is intact")
    };
    let newest = audit::latest(world.db.read(), None, None, 10)
        .await
        .unwrap();
    assert_eq!(
        newest.iter().map(|r| r.seq).collect::<Vec<_>>(),
        (16..=25).rev().collect::<Vec<_>>()
    );
    assert_eq!(
        (newest[0].actor.as_str(), newest[0].object.as_str()),
        ("system:test", "user:24")
    );
    assert_eq!(
        (newest[0].hash.as_str(), newest[0].at),
        (head.as_str(), world.now().0)
    );
    let of_one = audit::latest(world.db.read(), Some(CommunityId(1)), Some(8), 10)
        .await
        .unwrap();
    assert_eq!(
        of_one.iter().map(|r| r.object.as_str()).collect::<Vec<_>>(),
        ["user:4", "user:1"]
    );
}

async fn an_entry_of_a_rolled_back_unit_of_work_leaves_no_trace(world: Arc<World>) {
    append(&world, 3).await;
    let mut unit = world.begin().await;
    unit.audit(entry(9));
    drop(unit);
    append(&world, 3).await;
    assert!(matches!(
        audit::verify(world.db.read()).await.unwrap(),
        Verdict::Intact { entries: 6, .. }
    ));
}

async fn the_database_refuses_to_change_entries(world: Arc<World>) {
    append(&world, 3).await;
    let mut statements = vec![
        "UPDATE audit SET detail = '{}' WHERE seq = 2",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 3",
    ];
    if world.is_sqlite() {
        statements.push("INSERT OR REPLACE INTO audit SELECT seq, at, 'user:1', action, object, community_id, detail, hash FROM audit");
    } else {
        statements.push("TRUNCATE audit");
    }
    for statement in statements {
        let refused = sql::execute(world.db.write(), statement, vec![]).await;
        assert!(refused.is_err(), "{statement}");
    }
    assert!(matches!(
        audit::verify(world.db.read()).await.unwrap(),
        Verdict::Intact { entries: 3, .. }
    ));
}

/// One random edit, as somebody with all rights on the database could make.
async fn edit(unit: &Work, random: &Seeded, entries: usize) -> String {
    let seq = 1 + random.below(entries);
    let other = 1 + (seq + random.below(entries - 1)) % entries;
    let run = async |statement: String| {
        let changed = sql::execute(unit.conn(), &statement, vec![]).await.unwrap();
        assert!(changed > 0, "{statement}");
        statement
    };
    match random.below(8) {
        0 => run(format!("UPDATE audit SET at = at + 1 WHERE seq = {seq}")).await,
        1 => {
            let columns = ["actor", "action", "object", "detail"];
            let column = columns[random.below(columns.len())];
            let change = [
                format!("{column} || ' '"),
                format!("substr({column}, 2)"),
                "''".to_owned(),
            ];
            let change = &change[random.below(change.len())];
            run(format!(
                "UPDATE audit SET {column} = {change} WHERE seq = {seq}"
            ))
            .await
        }
        2 => {
            run(format!(
                "UPDATE audit SET community_id = COALESCE(community_id, 0) + 1 WHERE seq = {seq}"
            ))
            .await
        }
        3 => run(format!(
            "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = {other}) WHERE seq = {seq}"
        ))
        .await,
        4 => run(format!("DELETE FROM audit WHERE seq = {seq}")).await,
        5 => {
            // Two entries change places.
            run(format!("UPDATE audit SET seq = -1 WHERE seq = {seq}")).await;
            run(format!("UPDATE audit SET seq = {seq} WHERE seq = {other}")).await;
            run(format!("UPDATE audit SET seq = {other} WHERE seq = -1")).await
        }
        6 => {
            // One is removed and the rest close up, the head too.
            run(format!("DELETE FROM audit WHERE seq = {seq}")).await;
            for n in seq + 1..=entries {
                run(format!("UPDATE audit SET seq = seq - 1 WHERE seq = {n}")).await;
            }
            run("UPDATE audit_head SET seq = seq - 1".to_owned()).await;
            format!("remove {seq} and close up")
        }
        _ => {
            // The end of one text moves to the start of the next: the same characters in all.
            run(format!(
                "UPDATE audit SET action = substr(action, 1, length(action) - 1), \
                 object = substr(action, length(action), 1) || object WHERE seq = {seq}"
            ))
            .await
        }
    }
}

async fn every_single_edit_is_detected(world: Arc<World>) {
    let entries = 40;
    append(&world, entries).await;
    let triggers: &[&str] = if world.is_sqlite() {
        &[
            "DROP TRIGGER audit_no_update",
            "DROP TRIGGER audit_no_delete",
            "DROP TRIGGER audit_no_replace",
        ]
    } else {
        &["DROP TRIGGER audit_append_only ON audit"]
    };
    for drop_trigger in triggers {
        world.sql(drop_trigger).await;
    }
    for _ in 0..300 {
        let unit = world.begin().await;
        let done = edit(&unit, &world.entropy, entries).await;
        let verdict = audit::verify(unit.conn()).await.unwrap();
        assert!(
            matches!(verdict, Verdict::Broken { .. }),
            "not detected: {done}"
        );
        drop(unit);
    }
    assert!(matches!(
        audit::verify(world.db.read()).await.unwrap(),
        Verdict::Intact { entries: 40, .. }
    ));
    for head in [
        "UPDATE audit_head SET seq = seq + 1",
        "UPDATE audit_head SET hash = ''",
        "DELETE FROM audit_head",
    ] {
        let unit = world.begin().await;
        sql::execute(unit.conn(), head, vec![]).await.unwrap();
        assert!(
            matches!(
                audit::verify(unit.conn()).await.unwrap(),
                Verdict::Broken { seq: 41, .. }
            ),
            "{head}"
        );
    }
}

async fn write_some(db: Db, world: Arc<World>, worker: usize) -> Result<(), StoreError> {
    for n in 0..10 {
        let mut unit = db.begin(&Actor::System("test"), world.now()).await?;
        unit.audit(entry(worker * 100 + n));
        unit.audit(entry(worker * 100 + n + 50));
        unit.commit().await?;
    }
    Ok(())
}

async fn concurrent_writers_keep_one_unbroken_chain(world: Arc<World>) {
    let another = world.another().await;
    let writers: Vec<_> = (0..8)
        .map(|worker| {
            let db = if worker % 2 == 0 {
                world.db.clone()
            } else {
                another.clone()
            };
            tokio::spawn(write_some(db, Arc::clone(&world), worker))
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let verdict = audit::verify(world.db.read()).await.unwrap();
    assert!(
        matches!(verdict, Verdict::Intact { entries: 160, .. }),
        "{verdict:?}"
    );
}

async fn a_chain_that_grows_while_it_is_verified_is_intact(world: Arc<World>) {
    let writers: Vec<_> = (0..3)
        .map(|worker| tokio::spawn(write_some(world.db.clone(), Arc::clone(&world), worker)))
        .collect();
    let mut n_seen = Vec::new();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let verdict = audit::verify(world.db.read()).await.unwrap();
        let Verdict::Intact { entries, .. } = verdict else {
            panic!("a false alarm: {verdict:?}")
        };
        n_seen.push(entries);
    }
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert!(n_seen.is_sorted(), "{n_seen:?}");
}
