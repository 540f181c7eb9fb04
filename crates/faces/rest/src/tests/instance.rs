//! The instance for those who run it; passkeys, suggestions, flags and linked roles over the wire.

use axum::http::Method;
use kernel::{Role, Secret};
use serde_json::{Value, json};
use testkit::{Device, on_both};

use super::Client;

on_both! {
    async fn those_who_run_the_instance_see_how_it_is_and_nobody_else_does(world: World) {
        let pond = world.community("Pond").await;
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        let root = world.admin("root").await;
        let (admin, other) = (Client::of(&world, &root).await, Client::of(&world, &owner).await);
        let health = Client::anonymous(&world).get("/health").await.expect(200);
        assert_eq!(health.json, json!({ "status": "ok" }));
        for path in ["", "/usage", "/jobs", "/quarantine", "/mails", "/mails/0-0", "/audit", "/audit/verification"] {
            other.get(&format!("/instance{path}")).await.expect(403);
        }
        let status = admin.get("/instance").await.expect(200);
        assert_eq!(status.json["parts"][0]["name"], "database");
        assert!(status.json["parts"].as_array().unwrap().iter().all(|part| part["trouble"].is_null()));
        admin.get("/instance/usage").await.expect(200);
        admin.get("/instance/jobs").await.expect(200);
        admin.get("/instance/quarantine").await.expect(200);
        let page = admin.get("/instance/audit?limit=1").await.expect(200);
        assert!(page.header("link").contains("rel=\"next\""));
        assert!(page.json["items"][0]["seq"].as_i64().unwrap() > 1);
        let verdict = admin.get("/instance/audit/verification").await.expect(200);
        assert_eq!(verdict.json["is_intact"], true);
        admin.ask(Method::POST, "/instance/jobs/1/replay", None).await.expect(404);
        admin.delete("/instance/jobs/1").await.expect(404);
    }

    async fn letters_are_read_with_a_session_and_not_with_a_key(world: World) {
        let root = world.admin("root").await;
        let admin = Client::of(&world, &root).await;
        let forgot = json!({ "email": "root@example.org" });
        Client::anonymous(&world).post("/auth/password/forgot", forgot).await.expect(202);
        let made = admin.post("/auth/api-keys", json!({ "name": "bot", "days": 7 })).await.expect(201);
        let key = made.json["key"].as_str().unwrap().to_owned();
        let program = Client::anonymous(&world).showing("x-api-key", key);
        let mails = loop {
            // The mail goes out after the answer.
            let mails = program.get("/instance/mails").await.expect(200);
            if mails.json["items"] != json!([]) {
                break mails;
            }
            tokio::task::yield_now().await;
        };
        assert!(mails.json["items"][0]["text"].is_null());
        let letter = format!("/instance/mails/{}", mails.json["items"][0]["name"].as_str().unwrap());
        program.get(&letter).await.expect(403);
        let read = admin.get(&letter).await.expect(200);
        assert!(read.json["text"].as_str().unwrap().contains("https://bot.example.org/"));
        admin.get("/instance/mails/0-0").await.expect(404);
    }

    async fn a_passkey_is_added_signs_in_confirms_and_is_removed(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        let mut device = Device::new("https://bot.example.org".to_owned(), 7);
        let answer = |asked: &Value, credential: &str| {
            let credential: Value = serde_json::from_str(credential).unwrap();
            json!({ "ceremony": asked["ceremony"], "credential": credential })
        };
        let asked = client.ask(Method::POST, "/auth/passkeys/begin", None).await.expect(200);
        let mut added = answer(&asked.json, &device.create(&asked.json["options"].to_string()));
        added["name"] = json!("Phone");
        client.post("/auth/passkeys", added.clone()).await.expect(204);
        client.post("/auth/passkeys", added).await.expect(401);
        let own = client.get("/auth/passkeys").await.expect(200);
        assert_eq!(own.json["items"][0]["name"], "Phone");
        let path = format!("/auth/passkeys/{}", own.json["items"][0]["id"]);
        client.patch(&path, json!({ "name": "" })).await.expect(422);
        client.patch(&path, json!({ "name": "Tablet" })).await.expect(204);
        let stranger = Client::anonymous(&world);
        let asked = stranger.ask(Method::POST, "/auth/passkey/begin", None).await.expect(200);
        let cookie = asked.header("set-cookie").split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("wb_browser="), "{cookie}");
        let proof = answer(&asked.json, &device.get(&asked.json["options"].to_string()));
        stranger.post("/auth/passkey/finish", proof.clone()).await.expect(401);
        let browser = stranger.clone().showing("cookie", cookie.clone());
        let entered = browser.post("/auth/passkey/finish", proof).await.expect(200);
        assert_eq!(entered.json["session"]["user_id"], ann.user.0);
        world.clock.advance(std::time::Duration::from_secs(360));
        let stale = client.get("/auth/confirm").await.expect(200);
        assert_eq!(stale.json["needs"], "password");
        client.delete(&path).await.expect(422);
        let asked = client.ask(Method::POST, "/auth/confirm/passkey/begin", None).await.expect(200);
        let proof = answer(&asked.json, &device.get(&asked.json["options"].to_string()));
        client.post("/auth/confirm/passkey", proof).await.expect(204);
        let fresh = client.get("/auth/confirm").await.expect(200);
        assert_eq!(fresh.json["needs"], "nothing");
        client.delete(&path).await.expect(204);
        client.delete(&path).await.expect(404);
    }

    async fn a_passkey_stands_for_the_code_that_is_owed(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        let mut device = Device::new("https://bot.example.org".to_owned(), 7);
        let asked = client.ask(Method::POST, "/auth/passkeys/begin", None).await.expect(200);
        let credential: Value = serde_json::from_str(&device.create(&asked.json["options"].to_string())).unwrap();
        let added = json!({ "ceremony": asked.json["ceremony"], "credential": credential });
        client.post("/auth/passkeys", added).await.expect(204);
        let setup = client.ask(Method::POST, "/auth/totp", None).await.expect(201);
        let secret = Secret::new(setup.json["secret"].as_str().unwrap().to_owned());
        let code = testkit::totp_code(&secret, kernel::Clock::now(&world.clock));
        client.post("/auth/totp/confirm", json!({ "code": code })).await.expect(200);
        let stranger = Client::anonymous(&world);
        let login = json!({ "email": "ann@example.org", "password": "correct horse battery" });
        let owed = stranger.post("/auth/login", login).await.expect(200);
        let token = &owed.json["second_factor"]["token"];
        let asked = stranger.post("/auth/second-factor/passkey/begin", json!({ "token": token })).await.expect(200);
        let credential: Value = serde_json::from_str(&device.get(&asked.json["options"].to_string())).unwrap();
        let proof = json!({ "token": token, "ceremony": asked.json["ceremony"], "credential": credential });
        let entered = stranger.post("/auth/second-factor/passkey/finish", proof.clone()).await.expect(200);
        assert!(!entered.header("set-cookie").is_empty());
        stranger.post("/auth/second-factor/passkey/finish", proof).await.expect(401);
        stranger.post("/auth/second-factor/passkey/begin", json!({ "token": token })).await.expect(401);
    }

    async fn guesses_and_flags_are_for_moderators(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let (moderator, member) = (Client::of(&world, &mona).await, Client::of(&world, &ann).await);
        for path in ["suggestions".to_owned(), "suspicions".to_owned(), format!("members/{}/suggestions", ann.user), format!("members/{}/suspicions", ann.user)] {
            let path = format!("/communities/{pond}/{path}");
            let list = moderator.get(&path).await.expect(200);
            assert_eq!(list.json["items"], json!([]));
            member.get(&path).await.expect(403);
        }
        let none = format!("/communities/{pond}/suggestions/1/2/dismissal");
        moderator.ask(Method::PUT, &none, None).await.expect(404);
        member.ask(Method::PUT, &none, None).await.expect(403);
        let flag = format!("/communities/{pond}/suspicions/1/state");
        moderator.put(&flag, json!({ "state": "dismissed" })).await.expect(404);
        member.put(&flag, json!({ "state": "dismissed" })).await.expect(403);
        member.get("/suggestions").await.expect(403);
        member.get("/users/me/suggestions").await.expect(200);
        member.ask(Method::PUT, "/users/me/suggestions/1/2/dismissal", None).await.expect(404);
        member.delete("/users/me/suggestions/1/2/dismissal").await.expect(404);
    }

    async fn what_providers_are_told_is_ones_own_affair(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let list = client.get("/users/me/linked-roles").await.expect(200);
        assert_eq!(list.json["items"], json!([]));
        client.ask(Method::POST, "/users/me/linked-roles/1/push", None).await.expect(404);
        client.delete("/users/me/linked-roles/1").await.expect(404);
        client.ask(Method::POST, "/users/me/linked-roles/link/campus", None).await.expect(404);
        let code = client.ask(Method::POST, "/users/me/identities/code/twitch", None).await.expect(201);
        assert_eq!(code.json["code"].as_str().unwrap().len(), 6);
        client.ask(Method::POST, "/users/me/identities/code/discord", None).await.expect(404);
    }
}
