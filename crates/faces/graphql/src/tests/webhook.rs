//! Webhooks over GraphQL: a whole life of one, and that nobody else's can be reached.

use kernel::Role;
use serde_json::json;
use testkit::on_both;

use super::{Client, code};

on_both! {
    async fn a_webhook_is_made_changed_tried_out_and_removed(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Admin)).await;
        let client = Client::of(&world, &ann).await;
        let make = "mutation($c: Int!, $i: WebhookInput!) { createWebhook(communityId: $c, input: $i) { secret webhook { id state kinds } } }";
        let input = json!({ "url": "https://receiver.example/a", "kinds": ["identity.role_changed"] });
        let made = client.ask(make, json!({ "c": pond.0, "i": input })).await;
        let made = &made["data"]["createWebhook"];
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
        assert_eq!(made["webhook"]["state"], "ON");
        let id = made["webhook"]["id"].clone();
        let wrong = client.ask(make, json!({ "c": pond.0, "i": { "url": "http://a.example" } })).await;
        assert_eq!((code(&wrong), &wrong["errors"][0]["extensions"]["field"]), ("BAD_USER_INPUT", &json!("url")));
        let change = "mutation($id: Int!, $i: WebhookChanges!) { changeWebhook(id: $id, input: $i) { kinds description } }";
        let changed = client.ask(change, json!({ "id": id, "i": { "kinds": [], "description": "kitchen" } })).await;
        assert_eq!(changed["data"]["changeWebhook"], json!({ "kinds": [], "description": "kitchen" }));
        let rotated = client.ask("mutation($id: Int!) { rotateWebhookSecret(id: $id) { secret } }", json!({ "id": id })).await;
        assert_ne!(rotated["data"]["rotateWebhookSecret"]["secret"], made["secret"]);
        let sent = client.ask("mutation($id: Int!) { pingWebhook(id: $id) { id state kind } }", json!({ "id": id })).await;
        let sent = &sent["data"]["pingWebhook"];
        assert_eq!((&sent["state"], &sent["kind"]), (&json!("WAITING"), &json!("webhook.ping")));
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.app.clock.now()).await.unwrap();
        let list = "query($id: Int!) { webhookMessages(webhookId: $id, state: DELIVERED) { nodes { id attempts } next } }";
        let listed = client.ask(list, json!({ "id": id })).await;
        assert_eq!(listed["data"]["webhookMessages"], json!({ "nodes": [{ "id": sent["id"], "attempts": 1 }], "next": null }));
        let again = client.ask("mutation($id: ID!) { replayWebhookMessage(id: $id) { state } }", json!({ "id": sent["id"] })).await;
        assert_eq!(again["data"]["replayWebhookMessage"]["state"], "WAITING");
        runner.run_due(world.app.clock.now()).await.unwrap();
        let one = client.ask("query($id: ID!) { webhookMessage(id: $id) { body tries { n status } } }", json!({ "id": sent["id"] })).await;
        assert_eq!(one["data"]["webhookMessage"]["tries"], json!([{ "n": 2, "status": 204 }, { "n": 1, "status": 204 }]));
        let paused = client.ask("mutation($id: Int!) { pauseWebhook(id: $id) { state } }", json!({ "id": id })).await;
        assert_eq!(paused["data"]["pauseWebhook"]["state"], "PAUSED");
        let replay = "mutation($id: Int!) { replayFailedWebhookMessages(webhookId: $id, since: \"2026-06-01T00:00:00Z\") }";
        assert_eq!(code(&client.ask(replay, json!({ "id": id })).await), "CONFLICT");
        let resumed = client.ask("mutation($id: Int!) { resumeWebhook(id: $id) { state } }", json!({ "id": id })).await;
        assert_eq!(resumed["data"]["resumeWebhook"]["state"], "ON");
        assert_eq!(client.ask(replay, json!({ "id": id })).await["data"]["replayFailedWebhookMessages"], 0);
        let removed = client.ask("mutation($id: Int!) { removeWebhook(id: $id) }", json!({ "id": id })).await;
        assert_eq!(removed["data"]["removeWebhook"], true);
        let gone = client.ask("query($id: Int!) { webhook(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(gone["data"]["webhook"], json!(null));
    }

    async fn somebody_elses_webhooks_look_like_none(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ann = world.person(pond, "ann", Some(Role::Moderator)).await;
        world.app.identity.set_role(&world.system(), lake, ann.user, Some(Role::Owner)).await.unwrap();
        let new = webhook::NewWebhook { url: "https://receiver.example/".to_owned(), ..webhook::NewWebhook::default() };
        let made = world.app.webhooks.create(&world.system(), pond, &new).await.unwrap().webhook.id;
        let client = Client::of(&world, &ann).await;
        for id in [made.0, 999] {
            let seen = client.ask("query($id: Int!) { webhook(id: $id) { id } webhookMessages(webhookId: $id) { next } webhookMessage(id: 1) { id } }", json!({ "id": id })).await;
            assert_eq!(seen["data"], json!({ "webhook": null, "webhookMessages": null, "webhookMessage": null }));
            for change in [
                "changeWebhook(id: $id, input: {}) { id }",
                "rotateWebhookSecret(id: $id) { secret }",
                "pauseWebhook(id: $id) { id }",
                "resumeWebhook(id: $id) { id }",
                "removeWebhook(id: $id)",
                "pingWebhook(id: $id) { id }",
            ] {
                let refused = client.ask(&format!("mutation($id: Int!) {{ {change} }}"), json!({ "id": id })).await;
                assert_eq!(code(&refused), "NOT_FOUND", "{change}");
            }
        }
        let listed = client.ask("query($c: Int!) { webhooks(communityId: $c) { id } }", json!({ "c": pond.0 })).await;
        assert_eq!(code(&listed), "FORBIDDEN");
        let anonymous = Client::anonymous(&world);
        let refused = anonymous.ask("mutation { removeWebhook(id: 1) }", json!({})).await;
        assert_eq!(code(&refused), "UNAUTHENTICATED");
    }
}
