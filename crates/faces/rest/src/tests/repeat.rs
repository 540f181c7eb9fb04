//! Requests that are sent again.

use axum::http::Method;
use kernel::Role;
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Answer, Client};
use crate::repeat::{Keeps, keeps};

async fn communities(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM community").await
}

fn keyed(client: &Client, key: &str) -> Client {
    client.clone().showing("idempotency-key", key.to_owned())
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

on_both! {
    async fn what_is_sent_again_is_carried_out_once_and_answered_alike(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        let before = communities(&world).await;
        let first = client.post("/communities", json!({ "name": "Pond" })).await.expect(201);
        let again = client.post("/communities", json!({ "name": "Pond" })).await.expect(201);
        assert_eq!(first.json, again.json);
        assert!(!is_replayed(&first) && is_replayed(&again));
        assert_eq!(communities(&world).await, before + 1);
        let other = client.post("/communities", json!({ "name": "Lake" })).await.expect(422);
        assert_eq!(other.json["errors"][0]["field"], "Idempotency-Key");
        // Another route is another request, another person has their own keys, and so has a key that is
        // good for one community only.
        client.ask(Method::DELETE, "/users/me/erasure", None).await.expect(404);
        let twin = world.admin("twin").await;
        let twin = keyed(&Client::of(&world, &twin).await, "one");
        let theirs = twin.post("/communities", json!({ "name": "Pond" })).await.expect(422);
        assert_eq!(theirs.json["errors"][0]["field"], "slug", "it was carried out");
        world.clock.advance(std::time::Duration::from_secs(25 * 3_600));
        let later = client.post("/communities", json!({ "name": "Pond" })).await.expect(422);
        assert_eq!(later.json["errors"][0]["field"], "slug", "it was carried out");
        client.post("/communities", json!({ "name": "Lake" })).await.expect(201);
        world.clock.advance(std::time::Duration::from_secs(25 * 3_600));
        world.app.identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM repeatable").await, 0);
    }

    async fn what_was_refused_may_be_sent_again_with_its_key(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        client.post("/communities", json!({ "name": "" })).await.expect(422);
        client.post("/communities", json!({ "name": "Pond" })).await.expect(201);
        let bad = keyed(&Client::of(&world, &root).await, &"x".repeat(101));
        bad.post("/communities", json!({ "name": "Pond" })).await.expect(400);
        // Nobody has no keys.
        let nobody = keyed(&Client::anonymous(&world), "one");
        nobody.post("/communities", json!({ "name": "Pond" })).await.expect(401);
    }

    async fn of_a_hundred_at_once_exactly_one_is_carried_out(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        let before = communities(&world).await;
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            all.spawn(async move { client.post("/communities", json!({ "name": "Pond" })).await });
        }
        let mut first = 0;
        for answer in all.join_all().await {
            match answer.status.as_u16() {
                201 if is_replayed(&answer) => {}
                201 => first += 1,
                409 => assert_eq!(answer.header("retry-after"), "1"),
                other => panic!("{other} {}", answer.json),
            }
        }
        assert_eq!((first, communities(&world).await), (1, before + 1));
    }

    async fn secrets_are_not_kept(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        let new = json!({ "name": "bot", "days": 7 });
        let made = client.post("/auth/api-keys", new.clone()).await.expect(201);
        let again = client.post("/auth/api-keys", new).await.expect(409);
        assert!(again.json["detail"].as_str().unwrap().contains("shown once"), "{}", again.json);
        assert_eq!(world.number("SELECT COUNT(*) FROM api_key").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM repeatable WHERE answer IS NULL").await, 1);
        let key = made.json["key"].as_str().unwrap();
        let stored = world.dump().await;
        assert!(!stored.values().flatten().any(|row| row.contains(key)));
        // Not even a hash of what holds a password.
        client.post("/auth/confirm", json!({ "proof": "correct horse battery" })).await.expect(204);
        assert_eq!(world.number("SELECT COUNT(*) FROM repeatable").await, 1);
    }

    async fn what_nobody_knows_the_end_of_is_not_carried_out_again(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        let before = communities(&world).await;
        client.post("/communities", json!({ "name": "Pond" })).await.expect(201);
        // As if the program had ended before it wrote the answer down.
        world.sql("UPDATE repeatable SET status = NULL, answer = NULL").await;
        let early = client.post("/communities", json!({ "name": "Pond" })).await.expect(409);
        assert_eq!(early.header("retry-after"), "1");
        world.clock.advance(std::time::Duration::from_secs(61));
        let late = client.post("/communities", json!({ "name": "Pond" })).await.expect(409);
        assert!(late.header("retry-after").is_empty());
        assert!(late.json["detail"].as_str().unwrap().contains("nobody knows"), "{}", late.json);
        assert_eq!(communities(&world).await, before + 1);
    }

    async fn a_request_whose_sender_is_gone_is_carried_out_to_its_end(world: World) {
        let root = world.admin("root").await;
        let client = keyed(&Client::of(&world, &root).await, "one");
        let before = communities(&world).await;
        let asked = client.post("/communities", json!({ "name": "Pond" }));
        tokio::time::timeout(std::time::Duration::ZERO, asked).await.ok();
        let answer = loop {
            let answer = client.post("/communities", json!({ "name": "Pond" })).await;
            if answer.status != 409 {
                break answer.expect(201);
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(answer.json["name"], "Pond");
        assert_eq!(communities(&world).await, before + 1);
    }

    async fn a_key_of_one_community_does_not_get_the_answers_of_its_owner(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let own = Client::of(&world, &mona).await;
        let made = own.post("/auth/api-keys", json!({ "name": "bot", "days": 7, "community_id": pond.0 })).await.expect(201);
        let program = Client::anonymous(&world).showing("x-api-key", made.json["key"].as_str().unwrap().to_owned());
        let path = format!("/communities/{pond}/commands");
        let new = json!({ "name": "hello", "reply": "quack" });
        keyed(&own, "one").post(&path, new.clone()).await.expect(201);
        let refused = keyed(&program, "one").post(&path, new).await.expect(409);
        assert!(refused.json["detail"].as_str().unwrap().contains("there is a command"), "{}", refused.json);
    }
}

#[test]
fn what_is_kept_is_read_from_the_document() {
    for (method, path, expected) in [
        ("post", "/merges", Some(Keeps::Everything)),
        ("delete", "/users/me/erasure", Some(Keeps::Everything)),
        ("post", "/auth/api-keys", Some(Keeps::NoAnswer)),
        ("post", "/auth/recovery-codes", Some(Keeps::NoAnswer)),
        (
            "post",
            "/users/me/identities/link/{provider}",
            Some(Keeps::NoAnswer),
        ),
        (
            "post",
            "/communities/{community}/connections/install/{platform}",
            Some(Keeps::NoAnswer),
        ),
        (
            "post",
            "/users/me/identities/code/{platform}",
            Some(Keeps::NoAnswer),
        ),
        ("put", "/auth/password", None),
        ("post", "/auth/confirm", None),
        ("post", "/auth/login", None),
        ("get", "/merges", None),
    ] {
        let path = format!("/api/v1{path}");
        assert_eq!(keeps(method, &path), expected, "{method} {path}");
    }
}

#[test]
fn every_operation_says_what_its_key_does() {
    for (method, path, operation) in super::documents::operations() {
        let described = operation["parameters"].as_array().is_some_and(|all| {
            all.iter()
                .any(|one| one["name"] == "Idempotency-Key" && one["in"] == "header")
        });
        let is_old = operation["deprecated"] == Value::Bool(true);
        let expected = keeps(method.as_str(), &path).is_some();
        assert!(is_old || described == expected, "{method} {path}");
    }
}
