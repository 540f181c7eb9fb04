//! Webhooks over REST: a whole life of one, and that nobody else's can be reached.

use axum::http::Method;
use kernel::Role;
use serde_json::json;
use testkit::on_both;

use super::Client;

on_both! {
    async fn a_webhook_is_made_changed_tried_out_and_removed(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Admin)).await;
        let client = Client::of(&world, &ann).await;
        let base = format!("/communities/{pond}/webhooks");
        let body = json!({ "url": "https://receiver.example/a", "kinds": ["identity.role_changed"] });
        let made = client.post(&base, body.clone()).await.expect(201);
        assert!(made.json["secret"].as_str().unwrap().starts_with("whsec_"));
        let id = made.json["webhook"]["id"].as_i64().unwrap();
        client.post(&base, body).await.expect(409);
        let wrong = client.post(&base, json!({ "url": "http://a.example" })).await.expect(422);
        assert_eq!(wrong.json["errors"][0]["field"], "url");
        let own = format!("{base}/{id}");
        let seen = client.get(&own).await.expect(200);
        assert!(seen.json.get("secret").is_none() && seen.json["state"] == "on");
        let changed = client.patch(&own, json!({ "kinds": [], "description": "kitchen" })).await.expect(200);
        assert_eq!((&changed.json["kinds"], &changed.json["description"]), (&json!([]), &json!("kitchen")));
        let rotated = client.ask(Method::POST, &format!("{own}/secret"), None).await.expect(200);
        assert_ne!(rotated.json["secret"], made.json["secret"]);
        let sent = client.ask(Method::POST, &format!("{own}/ping"), None).await.expect(202);
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.app.clock.now()).await.unwrap();
        let listed = client.get(&format!("{own}/messages?state=delivered")).await.expect(200);
        assert_eq!(listed.json["items"][0]["webhook_id"], sent.json["webhook_id"]);
        let message = format!("{own}/messages/{}", sent.json["id"]);
        let tried = client.get(&message).await.expect(200);
        assert_eq!((&tried.json["tries"][0]["status"], &tried.json["kind"]), (&json!(204), &json!("webhook.ping")));
        let again = client.ask(Method::POST, &format!("{message}/replay"), None).await.expect(202);
        assert_eq!(again.json["state"], "waiting");
        runner.run_due(world.app.clock.now()).await.unwrap();
        assert_eq!(client.ask(Method::POST, &format!("{own}/pause"), None).await.expect(200).json["state"], "paused");
        client.post(&format!("{own}/replay"), json!({ "hours": 1 })).await.expect(409);
        assert_eq!(client.ask(Method::POST, &format!("{own}/resume"), None).await.expect(200).json["state"], "on");
        let none = client.post(&format!("{own}/replay"), json!({ "hours": 1 })).await.expect(202);
        assert_eq!(none.json["messages"], 0);
        client.post(&format!("{own}/replay"), json!({ "hours": 721 })).await.expect(422);
        client.delete(&own).await.expect(204);
        client.get(&own).await.expect(404);
        client.get(&message).await.expect(404);
    }

    async fn a_webhook_is_found_only_under_its_own_community_and_by_its_administrators(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ann = world.person(pond, "ann", Some(Role::Admin)).await;
        world.app.identity.set_role(&world.system(), lake, ann.user, Some(Role::Owner)).await.unwrap();
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let client = Client::of(&world, &ann).await;
        let made = client.post(&format!("/communities/{pond}/webhooks"), json!({ "url": "https://receiver.example/a" })).await.expect(201);
        let id = made.json["webhook"]["id"].as_i64().unwrap();
        client.get(&format!("/communities/{lake}/webhooks/{id}")).await.expect(404);
        client.delete(&format!("/communities/{lake}/webhooks/{id}")).await.expect(404);
        let moderator = Client::of(&world, &mona).await;
        moderator.get(&format!("/communities/{pond}/webhooks/{id}")).await.expect(404);
        moderator.get(&format!("/communities/{pond}/webhooks")).await.expect(403);
        client.get(&format!("/communities/{pond}/webhooks/{id}")).await.expect(200);
    }
}
