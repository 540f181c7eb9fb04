//! That the room for documents is bounded, and who may push out whose.

use std::sync::Arc;

use testkit::World;

use super::{Documents, Limits, Params, Settings};

fn documents(room: u64) -> (Documents, Limits) {
    let limits = Limits {
        documents_bytes: room,
        ..Limits::default()
    };
    let settings = Settings {
        limits: limits.clone(),
        ..Settings::default()
    };
    (Documents::new(&settings), limits)
}

fn asks(text: &str) -> Params {
    let body = serde_json::json!({ "query": text });
    Params::from_object(body.as_object().unwrap().clone()).unwrap()
}

fn numbered(n: usize) -> Params {
    asks(&format!("{{ r {{ a{n} {} }} }}", "b ".repeat(200)))
}

#[tokio::test]
async fn a_document_is_parsed_once_and_found_again() {
    let world = World::sqlite().await;
    let (documents, limits) = documents(1024 * 1024);
    let first = documents
        .find(&world.app, &numbered(1), false, &limits)
        .await
        .unwrap();
    let again = documents
        .find(&world.app, &numbered(1), true, &limits)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let other = documents
        .find(&world.app, &numbered(2), false, &limits)
        .await
        .unwrap();
    assert!(!Arc::ptr_eq(&first, &other));
    world.close().await;
}

#[tokio::test]
async fn a_flood_of_strangers_stays_within_its_room_and_pushes_out_nobody_elses() {
    let world = World::sqlite().await;
    let (documents, limits) = documents(400_000);
    let ours = documents
        .find(&world.app, &numbered(0), false, &limits)
        .await
        .unwrap();
    for n in 1..2_000 {
        documents
            .find(&world.app, &numbered(n), true, &limits)
            .await
            .unwrap();
    }
    for cache in [&documents.of_people, &documents.of_strangers] {
        cache.run_pending_tasks().await;
    }
    assert!(documents.of_strangers.weighted_size() <= 100_000);
    assert!(documents.of_strangers.entry_count() > 0);
    let again = documents
        .find(&world.app, &numbered(0), false, &limits)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&ours, &again));
    world.close().await;
}

#[tokio::test]
async fn what_is_refused_is_not_kept() {
    let world = World::sqlite().await;
    let (documents, limits) = documents(1024 * 1024);
    for text in ["{ a ", "{ f(a: [[[", "{ ...A } fragment A on T { ...A }"] {
        assert!(
            documents
                .find(&world.app, &asks(text), false, &limits)
                .await
                .is_err()
        );
    }
    documents.of_people.run_pending_tasks().await;
    assert_eq!(documents.of_people.entry_count(), 0);
    world.close().await;
}
