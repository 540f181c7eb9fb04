//! Signing in, second factor, keys, addresses.

use axum::http::Method;
use kernel::{Clock, Role, Secret};
use serde_json::json;
use testkit::{on_both, totp_code};

use super::Client;

const PASSWORD: &str = "correct horse battery";

fn cookie(header: &str) -> String {
    header.split(';').next().unwrap().to_owned()
}

on_both! {
    async fn somebody_signs_in_sees_their_sessions_and_signs_out(world: World) {
        world.admin("ann").await;
        let stranger = Client::anonymous(&world);
        let wrong = json!({ "email": "ann@example.org", "password": "guess" });
        let refused = stranger.post("/auth/login", wrong).await.expect(401);
        assert_eq!(refused.code(), "UNAUTHENTICATED");
        let right = json!({ "email": "ann@example.org", "password": PASSWORD });
        let entered = stranger.post("/auth/login", right).await.expect(200);
        assert!(entered.json["session"]["user_id"].is_i64());
        let set = entered.header("set-cookie");
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
        let ann = stranger.clone().showing("cookie", cookie(set));
        let sessions = ann.get("/auth/sessions").await.expect(200);
        assert_eq!(sessions.json["items"][0]["is_current"], true);
        let left = ann.ask(Method::POST, "/auth/logout", None).await.expect(204);
        assert!(left.header("set-cookie").contains("Max-Age=0"));
        ann.get("/auth/sessions").await.expect(401);
    }

    async fn a_second_factor_is_switched_on_asked_for_and_switched_off(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        let setup = client.ask(Method::POST, "/auth/totp", None).await.expect(201);
        let secret = Secret::new(setup.json["secret"].as_str().unwrap().to_owned());
        let now = world.clock.now();
        let code = totp_code(&secret, now);
        let codes = client.post("/auth/totp/confirm", json!({ "code": code })).await.expect(200);
        assert_eq!(codes.json["codes"].as_array().unwrap().len(), 10);
        let stranger = Client::anonymous(&world);
        let login = json!({ "email": "ann@example.org", "password": PASSWORD });
        let owed = stranger.post("/auth/login", login).await.expect(200);
        assert!(owed.json["session"].is_null() && owed.header("set-cookie").is_empty());
        let token = &owed.json["second_factor"]["token"];
        let replay = json!({ "token": token, "code": code });
        stranger.post("/auth/second-factor/finish", replay).await.expect(422);
        world.clock.advance(std::time::Duration::from_secs(60));
        let fresh = totp_code(&secret, world.clock.now());
        let finish = json!({ "token": token, "code": fresh });
        let entered = stranger.post("/auth/second-factor/finish", finish).await.expect(200);
        assert!(!entered.header("set-cookie").is_empty());
        client.delete("/auth/totp").await.expect(204);
        let off = client.get("/auth/totp").await.expect(200);
        assert_eq!(off.json["is_on"], false);
    }

    async fn a_key_is_made_used_replaced_and_ended_and_proves_nothing_about_a_person(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        let made = client.post("/auth/api-keys", json!({ "name": "bot", "days": 7 })).await.expect(201);
        let key = made.json["key"].as_str().unwrap().to_owned();
        let id = made.json["id"].as_i64().unwrap();
        let bearer = |key: &str| Client::anonymous(&world).showing("authorization", format!("Bearer {key}"));
        let program = bearer(&key);
        program.get("/users/me").await.expect(200);
        let refused = program.ask(Method::POST, "/users/me/erasure", None).await.expect(403);
        assert_eq!(refused.code(), "FORBIDDEN");
        let again = client.ask(Method::POST, &format!("/auth/api-keys/{id}/regenerate"), None).await.expect(200);
        program.get("/users/me").await.expect(401);
        let other = bearer(again.json["key"].as_str().unwrap());
        other.get("/users/me").await.expect(200);
        client.delete(&format!("/auth/api-keys/{id}")).await.expect(204);
        other.get("/users/me").await.expect(401);
        client.delete(&format!("/auth/api-keys/{id}")).await.expect(404);
        let wrong = client.post("/auth/api-keys", json!({ "name": "", "days": 7 })).await.expect(422);
        assert_eq!(wrong.json["errors"][0]["field"], "name");
    }

    async fn an_old_session_is_made_fresh_by_the_password(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        world.clock.advance(std::time::Duration::from_secs(360));
        let refused = client.ask(Method::POST, "/users/me/erasure", None).await.expect(422);
        assert_eq!(refused.json["errors"][0]["field"], "password");
        client.post("/auth/confirm", json!({ "proof": "guess" })).await.expect(422);
        let failed = "SELECT COUNT(*) FROM verification_attempt WHERE method = 'password' AND result = 2";
        assert_eq!(world.number(failed).await, 1, "their history tells them");
        client.post("/auth/confirm", json!({ "proof": PASSWORD })).await.expect(204);
        let last = client.ask(Method::POST, "/users/me/erasure", None).await.expect(409);
        assert!(last.json["detail"].as_str().unwrap().contains("administrator"), "{}", last.json);
    }

    async fn whether_an_address_is_known_cannot_be_told(world: World) {
        world.admin("ann").await;
        let stranger = Client::anonymous(&world);
        for email in ["ann@example.org", "nobody@example.org"] {
            let answer = stranger.post("/auth/password/forgot", json!({ "email": email })).await.expect(202);
            assert!(answer.bytes.is_empty());
        }
        let wrong = json!({ "token": "0".repeat(64), "password": "a long password" });
        stranger.post("/auth/password/reset", wrong).await.expect(401);
        let closed = stranger.post("/auth/register", json!({ "email": "new@example.org" })).await;
        let methods = stranger.get("/auth/methods").await.expect(200);
        assert_eq!(methods.json["registration_is_open"], closed.status == 202);
    }

    async fn a_password_is_changed_by_whoever_knows_it(world: World) {
        let ann = world.admin("ann").await;
        let client = Client::of(&world, &ann).await;
        let change = |current: &str| json!({ "current": current, "new": "another long one" });
        client.ask(Method::PUT, "/auth/password", Some(change("guess"))).await.expect(422);
        client.ask(Method::PUT, "/auth/password", Some(change(PASSWORD))).await.expect(204);
        let login = json!({ "email": "ann@example.org", "password": "another long one" });
        Client::anonymous(&world).post("/auth/login", login).await.expect(200);
    }

    async fn roles_decide_here_as_everywhere(world: World) {
        let pond = world.community("Pond").await;
        let member = world.person(pond, "mike", Some(Role::Member)).await;
        let banned = world.person(pond, "bert", Some(Role::Banned)).await;
        let other = world.community("Lake").await;
        let here = Client::of(&world, &member).await;
        here.get(&format!("/communities/{pond}")).await.expect(200);
        here.get(&format!("/communities/{other}")).await.expect(404);
        here.get("/communities/99999").await.expect(404);
        here.get(&format!("/communities/{pond}/members")).await.expect(403);
        let refused = here.patch(&format!("/communities/{pond}"), json!({ "name": "Mine" })).await;
        refused.expect(403);
        here.post("/communities", json!({ "name": "Mine" })).await.expect(403);
        here.get("/merges").await.expect(403);
        let there = Client::of(&world, &banned).await;
        there.get(&format!("/communities/{pond}")).await.expect(404);
    }
}
