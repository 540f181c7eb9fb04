//! People: profile, privacy, merges, reputation.

use axum::http::Method;
use kernel::{Clock, Role};
use serde_json::json;
use testkit::on_both;

use super::Client;

on_both! {
    async fn a_person_is_found_by_id_handle_and_me_as_far_as_they_are_seen(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let bob = world.person(pond, "bob", Some(Role::Member)).await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let own = Client::of(&world, &ann).await;
        let changed = own.patch("/users/me", json!({ "handle": "ann", "bio": "Ducks." })).await.expect(200);
        assert_eq!(changed.json["handle"], "ann");
        let wrong = own.patch("/users/me", json!({ "website": "javascript:x" })).await.expect(422);
        assert_eq!(wrong.json["errors"][0]["field"], "website");
        let fellow = Client::of(&world, &bob).await;
        for path in ["/users/ann".to_owned(), format!("/users/{}", ann.user)] {
            let seen = fellow.get(&path).await.expect(200);
            assert_eq!(seen.json["bio"], "Ducks.");
            assert_eq!(seen.json["identities"][0], json!({ "platform": "discord", "username": "ann", "linked_at": null }));
            Client::anonymous(&world).get(&path).await.expect(404);
        }
        own.get("/users/me/reputations").await.expect(200);
        fellow.get("/users/ann/reputation").await.expect(404);
        let open = json!({ "discord": { "reputation": "community" } });
        let matrix = own.patch("/users/me/visibility", open).await.expect(200);
        assert_eq!(matrix.json["discord"]["reputation"], "community");
        assert_eq!(matrix.json["discord"]["profile"], "community");
        let seen = fellow.get("/users/ann/reputation").await.expect(200);
        assert_eq!(seen.json["score"], 600);
        let consents = own.get("/users/me/consents").await.expect(200);
        assert_eq!(consents.json["items"][0]["subject"], "discord.reputation");
        let odd = own.patch("/users/me/visibility", json!({ "myspace": {} })).await.expect(422);
        assert_eq!(odd.json["errors"][0]["field"], "myspace");
        own.get("/users/me/feed").await.expect(200);
        own.get("/users/me/identities").await.expect(200);
        own.get("/users/me/identities/primary").await.expect(404);
        for subject in ["8", "9"] {
            world.sql(&format!(
                "INSERT INTO identity_link (user_id, provider, subject, username, scopes, linked_at, last_used_at) VALUES ({}, 'campus', '{subject}', 'ann', '', 1, 1)",
                ann.user
            )).await;
        }
        let choose = async |platform: &str| own.put("/users/me/identities/primary", json!({ "platform": platform })).await;
        choose("campus").await.expect(409);
        choose("999").await.expect(404);
        let listed = own.get("/users/me/identities").await.expect(200);
        let second = &listed.json["items"][1];
        assert_eq!(second["is_primary"], false);
        let chosen = choose(&second["id"].to_string()).await.expect(200);
        assert_eq!((&chosen.json["platform_user_id"], &chosen.json["is_primary"]), (&json!("9"), &json!(true)));
        assert_eq!(own.get("/users/me/identities/primary").await.expect(200).json, chosen.json);
        own.delete("/users/me/identities/primary").await.expect(204);
        own.get("/users/me/identities/primary").await.expect(404);
        let history = own.get("/users/me/verifications").await.expect(200);
        assert_eq!(history.json["items"][0]["method"], "link");
    }

    async fn data_is_handed_out_once_and_leaving_is_taken_back(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let asked = client.ask(Method::POST, "/users/me/exports", None).await.expect(202);
        let id = asked.json["items"][0]["id"].as_i64().unwrap();
        client.ask(Method::POST, "/users/me/exports", None).await.expect(409);
        let fetch = format!("/users/me/exports/{id}/fetch");
        client.ask(Method::POST, &fetch, None).await.expect(404);
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        let file = client.ask(Method::POST, &fetch, None).await.expect(200);
        assert_eq!(file.header("content-type"), "application/zip");
        assert!(file.bytes.starts_with(b"PK"));
        client.ask(Method::POST, &fetch, None).await.expect(404);
        client.get("/users/me/erasure").await.expect(404);
        let leaving = client.ask(Method::POST, "/users/me/erasure", None).await.expect(202);
        let seen = client.get("/users/me/erasure").await.expect(200);
        assert_eq!(seen.json, leaving.json);
        client.delete("/users/me/erasure").await.expect(204);
        client.delete("/users/me/erasure").await.expect(404);
    }

    async fn two_become_one_and_two_again(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let old = world.person(pond, "old_ann", Some(Role::Vip)).await;
        let root = world.admin("root").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let [admin, here, there] = [
            Client::of(&world, &root).await,
            Client::of(&world, &ann).await,
            Client::of(&world, &old).await,
        ];
        let pair = json!({ "kept_user_id": ann.user.0, "merged_user_id": old.user.0 });
        here.post("/merges", pair.clone()).await.expect(403);
        let asked = admin.post("/merges", pair).await.expect(201);
        let id = asked.json["merge"]["id"].as_i64().unwrap();
        let confirm = format!("/merges/{id}/confirm");
        here.post(&confirm, json!({ "side": "both" })).await.expect(400);
        let one = here.post(&confirm, json!({ "side": "kept" })).await.expect(200);
        assert_eq!(one.json["state"], "requested");
        let done = there.post(&confirm, json!({ "side": "merged" })).await.expect(200);
        assert_eq!(done.json["state"], "done");
        let undo = format!("/merges/{id}/undo");
        here.ask(Method::POST, &undo, None).await.expect(204);
        here.ask(Method::POST, &undo, None).await.expect(409);
        let own = here.get("/users/me/merges").await.expect(200);
        assert_eq!(own.json["items"][0]["state"], "undone");
        admin.get("/merges").await.expect(200);
    }

    async fn a_reputation_is_changed_once_for_each_key(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        world.say(pond, "ann", "quack").await;
        let ann = world.user_of(pond, "ann").await;
        let client = Client::of(&world, &mona).await;
        let path = format!("/communities/{pond}/members/{ann}/reputation");
        let change = json!({ "points": -150, "reason": "spam" });
        client.post(&path, change.clone()).await.expect(400);
        let keyed = client.clone().showing("idempotency-key", "one".to_owned());
        for _ in 0..2 {
            let after = keyed.post(&path, change.clone()).await.expect(200);
            assert_eq!(after.json["score"], 450);
        }
        let history = client.get(&path).await.expect(200);
        assert_eq!(history.json["items"].as_array().unwrap().len(), 1);
        assert_eq!(history.json["items"][0]["note"], "spam");
        let at_risk = client.get(&format!("/communities/{pond}/reputation/at-risk")).await.expect(200);
        assert_eq!(at_risk.json["items"][0]["user_id"], ann.0);
        client.get(&format!("/communities/{pond}/reputation/leaderboard")).await.expect(200);
        let card = client.get(&format!("/communities/{pond}/members/{ann}")).await.expect(200);
        assert_eq!(card.json["reputation"]["score"], 450);
    }
}
