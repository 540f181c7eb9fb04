//! Changes: what a person does to themselves, to merges and to reputations, and what is refused.

use identity::{KeyScope, NewApiKey};
use kernel::{Clock, Role, Secret};
use serde_json::{Value, json};
use testkit::on_both;

use super::{Client, JSON, code};

const MINUTES: std::time::Duration = std::time::Duration::from_secs(60);

fn field(json: &Value) -> &str {
    json["errors"][0]["extensions"]["field"]
        .as_str()
        .unwrap_or_default()
}

on_both! {
    async fn a_profile_is_changed_in_part_and_seen_at_once(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let client = Client::of(&world, &ann).await;
        let change = "mutation($input: ProfileInput!) { updateProfile(input: $input) { username displayName handle bio } }";
        let first = client.ask(change, json!({ "input": { "handle": "Ann", "bio": "Ducks." } })).await;
        assert_eq!(first["data"]["updateProfile"], json!({
            "username": "ann", "displayName": "ann", "handle": "ann", "bio": "Ducks.",
        }));
        let second = client.ask(change, json!({ "input": { "displayName": "Ann the Duck", "bio": "" } })).await;
        assert_eq!(second["data"]["updateProfile"], json!({
            "username": "ann", "displayName": "Ann the Duck", "handle": "ann", "bio": "",
        }));
        let wrong = client.ask(change, json!({ "input": { "handle": "a b" } })).await;
        assert_eq!((code(&wrong), field(&wrong)), ("BAD_USER_INPUT", "handle"));
    }

    async fn one_chooses_which_account_comes_first(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        for (provider, picture) in [("campus", "https://campus.example/a.png"), ("discord", "https://discord.example/b.png")] {
            world.sql(&format!(
                "INSERT INTO identity_link (user_id, provider, subject, username, avatar, scopes, linked_at, last_used_at) VALUES ({}, '{provider}', '9', 'ann', '{picture}', '', 1, 1)",
                ann.user
            )).await;
        }
        world.sql("UPDATE users SET claimed_at = 1").await;
        let client = Client::of(&world, &ann).await;
        let own = client.ask("{ me { avatarUrl own { links { id isPrimary } } } }", json!({})).await;
        assert_eq!(own["data"]["me"]["avatarUrl"], "https://campus.example/a.png");
        let id = own["data"]["me"]["own"]["links"][1]["id"].clone();
        let change = "mutation($id: Int) { choosePrimaryIdentity(id: $id) { provider isPrimary } }";
        let chosen = client.ask(change, json!({ "id": id })).await;
        assert_eq!(chosen["data"]["choosePrimaryIdentity"], json!([
            { "provider": "campus", "isPrimary": false },
            { "provider": "discord", "isPrimary": true },
        ]));
        let after = client.ask("{ me { avatarUrl } }", json!({})).await;
        assert_eq!(after["data"]["me"]["avatarUrl"], "https://discord.example/b.png");
        assert_eq!(code(&client.ask(change, json!({ "id": 9_999 })).await), "NOT_FOUND");
        let none = client.ask(change, json!({ "id": null })).await;
        assert_eq!(none["data"]["choosePrimaryIdentity"][1]["isPrimary"], false);
    }

    async fn nobody_changes_anything_without_signing_in(world: World) {
        let client = Client::anonymous(&world);
        for change in [
            r#"{ confirmSession(proof: "x") }"#,
            "{ updateProfile(input: {}) { id } }",
            r#"{ linkIdentity(provider: "discord") { url } }"#,
            "{ unlinkIdentity(id: 1) { id } }",
            "{ choosePrimaryIdentity(id: 1) { id } }",
            "{ requestMerge(keptUserId: 1, mergedUserId: 2) { id } }",
            "{ confirmMerge(id: 1, side: KEPT) { id } }",
            "{ rejectMerge(id: 1) { id } }",
            "{ undoMerge(id: 1) { id } }",
            "{ setVisibility(entries: []) { platform } }",
            "{ requestDataExport { id } }",
            "{ requestErasure { dueAt } }",
            "{ cancelErasure }",
            r#"{ adjustReputation(communityId: 1, userId: 1, points: 1, reason: "x", key: "x") { score } }"#,
        ] {
            let answer = client.ask(&format!("mutation {change}"), json!({})).await;
            assert_eq!((&answer["data"], code(&answer)), (&Value::Null, "UNAUTHENTICATED"), "{change}");
        }
    }

    async fn a_key_is_not_enough_for_what_needs_a_fresh_proof(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let session = world.session(ann.user).await;
        let wanted = NewApiKey { name: "bot".to_owned(), scope: KeyScope::Everything, days: 1 };
        let none = Secret::new(String::new());
        let made = world.app.identity.create_api_key(&ann.actor, session, &wanted, &none).await.unwrap();
        let client = Client::anonymous(&world);
        let key = ("x-api-key", made.key.expose().as_str());
        for (change, expected) in [
            ("mutation { requestErasure { dueAt } }", "FORBIDDEN"),
            ("mutation { requestDataExport { id } }", "FORBIDDEN"),
            (r#"mutation { confirmSession(proof: "x") }"#, "FORBIDDEN"),
            ("mutation { cancelErasure }", ""),
        ] {
            let body = json!({ "query": change }).to_string();
            let answer = client.post(body, &[JSON, key]).await;
            assert_eq!(answer.code(), expected, "{change}");
        }
    }

    async fn visibility_is_decided_and_every_decision_is_a_consent(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let answer = client.ask(
            "mutation($entries: [VisibilityInput!]!) { setVisibility(entries: $entries) { platform profile reputation } }",
            json!({ "entries": [{ "platform": "TWITCH", "profile": "NOBODY", "reputation": "EVERYONE" }] }),
        ).await;
        let rows = answer["data"]["setVisibility"].as_array().unwrap();
        let twitch = rows.iter().find(|row| row["platform"] == "TWITCH").unwrap();
        assert_eq!(*twitch, json!({ "platform": "TWITCH", "profile": "NOBODY", "reputation": "EVERYONE" }));
        let discord = rows.iter().find(|row| row["platform"] == "DISCORD").unwrap();
        assert_eq!(*discord, json!({ "platform": "DISCORD", "profile": "COMMUNITY", "reputation": "NOBODY" }));
        let seen = client.ask("{ me { own { consents { subject before after } } } }", json!({})).await;
        assert_eq!(seen["data"]["me"]["own"]["consents"], json!([
            { "subject": "twitch.reputation", "before": "nobody", "after": "everyone" },
            { "subject": "twitch.profile", "before": "community", "after": "nobody" },
        ]));
    }

    async fn data_is_asked_for_and_leaving_can_be_taken_back(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let asked = client.ask("mutation { requestDataExport { state progress } }", json!({})).await;
        assert_eq!(asked["data"]["requestDataExport"], json!([{ "state": "ASKED", "progress": 0.0 }]));
        let again = client.ask("mutation { requestDataExport { state } }", json!({})).await;
        assert_eq!(code(&again), "CONFLICT");
        let leaving = client.ask("mutation { requestErasure { requestedAt dueAt } }", json!({})).await;
        let seen = client.ask("{ me { own { erasure { requestedAt dueAt } } } }", json!({})).await;
        assert_eq!(seen["data"]["me"]["own"]["erasure"], leaving["data"]["requestErasure"]);
        let back = client.ask("mutation { a: cancelErasure b: cancelErasure }", json!({})).await;
        assert_eq!(back["data"], json!({ "a": true, "b": false }));
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        let made = client.ask("{ me { own { dataExports { state progress } } } }", json!({})).await;
        assert_eq!(made["data"]["me"]["own"]["dataExports"], json!([{ "state": "READY", "progress": 1.0 }]));
    }

    async fn an_old_session_has_to_be_confirmed_first(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        world.clock.advance(6 * MINUTES);
        let late = client.ask("mutation { requestErasure { dueAt } }", json!({})).await;
        assert_eq!((code(&late), field(&late)), ("BAD_USER_INPUT", "password"));
        let wrong = client.ask(r#"mutation { confirmSession(proof: "guess") }"#, json!({})).await;
        assert_eq!((code(&wrong), field(&wrong)), ("BAD_USER_INPUT", "password"));
        let root = world.admin("root").await;
        let client = Client::of(&world, &root).await;
        client.ask(r#"mutation { confirmSession(proof: "guess") }"#, json!({})).await;
        let failed = "SELECT COUNT(*) FROM verification_attempt WHERE method = 'password' AND result = 2";
        assert_eq!(world.number(failed).await, 1, "their history tells them");
    }

    async fn two_become_one_and_two_again(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let old = world.person(pond, "old_ann", Some(Role::Vip)).await;
        let stranger = world.person(pond, "sam", Some(Role::Owner)).await;
        let admin = world.admin("root").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let [asker, ann_here, old_here, sam_here] = [
            Client::of(&world, &admin).await,
            Client::of(&world, &ann).await,
            Client::of(&world, &old).await,
            Client::of(&world, &stranger).await,
        ];
        let ask = "mutation($kept: Int!, $merged: Int!) { requestMerge(keptUserId: $kept, mergedUserId: $merged) { id state } }";
        let both = json!({ "kept": ann.user.0, "merged": old.user.0 });
        assert_eq!(code(&sam_here.ask(ask, both.clone()).await), "FORBIDDEN");
        let asked = asker.ask(ask, both).await;
        let id = asked["data"]["requestMerge"]["id"].as_i64().unwrap();
        assert_eq!(asked["data"]["requestMerge"]["state"], "REQUESTED");
        let preview = "{ me { own { merges { id preview { kept { displayName counts { kind } } merged { displayName counts { kind } } } } } } }";
        let seen = ann_here.ask(preview, json!({})).await;
        let seen = &seen["data"]["me"]["own"]["merges"][0];
        assert_eq!(seen["preview"]["merged"], json!({ "displayName": "old_ann", "counts": null }));
        assert!(seen["preview"]["kept"]["counts"].is_array());
        let confirm = "mutation($id: Int!, $side: MergeSide!) { confirmMerge(id: $id, side: $side) { state } }";
        let foreign = sam_here.ask(confirm, json!({ "id": id, "side": "KEPT" })).await;
        assert_eq!(code(&foreign), "NOT_FOUND");
        let one = ann_here.ask(confirm, json!({ "id": id, "side": "KEPT" })).await;
        assert_eq!(one["data"]["confirmMerge"]["state"], "REQUESTED");
        let other = old_here.ask(confirm, json!({ "id": id, "side": "MERGED" })).await;
        assert_eq!(other["data"]["confirmMerge"]["state"], "DONE");
        let undo = "mutation($id: Int!) { undoMerge(id: $id) { state settledAt undoUntil } }";
        let foreign = sam_here.ask(undo, json!({ "id": id })).await;
        assert_eq!(code(&foreign), "NOT_FOUND");
        let undone = ann_here.ask(undo, json!({ "id": id })).await;
        assert_eq!(undone["data"]["undoMerge"]["state"], "UNDONE");
        let again = ann_here.ask(undo, json!({ "id": id })).await;
        assert_eq!(code(&again), "CONFLICT");
    }

    async fn a_moderator_changes_a_reputation_once_for_each_key(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        world.say(pond, "ann", "hello").await;
        let ann = world.user_of(pond, "ann").await;
        let client = Client::of(&world, &mona).await;
        let change = "mutation($user: Int!, $points: Int!, $key: String!) { \
            adjustReputation(communityId: 1, userId: $user, points: $points, reason: \"helped\", key: $key) { score tier } }";
        let change = change.replace("communityId: 1", &format!("communityId: {}", pond.0));
        let variables = json!({ "user": ann.0, "points": 50, "key": "thanks" });
        let first = client.ask(&change, variables.clone()).await;
        assert_eq!(first["data"]["adjustReputation"]["score"], 650);
        let second = client.ask(&change, variables).await;
        assert_eq!(second["data"], first["data"]);
        let own = client.ask(&change, json!({ "user": mona.user.0, "points": 50, "key": "me" })).await;
        assert!(!code(&own).is_empty());
    }

    async fn what_is_private_is_null_for_others_and_reputation_follows_its_owners_will(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "hello").await;
        let ann = world.user_of(pond, "ann").await;
        world.sql(&format!("UPDATE users SET claimed_at = 1 WHERE id = {ann}")).await;
        let system = world.system();
        world.app.identity.set_role(&system, pond, ann, Some(Role::Member)).await.unwrap();
        let bob = world.person(pond, "bob", Some(Role::Member)).await;
        let identity = &world.app.identity;
        let client = Client::of(&world, &bob).await;
        let query = "query($id: Int!) { user(hubUserId: $id) { hubUserId username email isInstanceAdmin own { links { id } } reputation { score totalMessages lastActive } } }";
        let seen = client.ask(query, json!({ "id": ann.0 })).await;
        assert_eq!(seen["data"]["user"], json!({
            "hubUserId": ann.0, "username": "ann", "email": null, "isInstanceAdmin": null, "own": null, "reputation": null,
        }));
        let owner = world.actor_of(ann).await;
        let mut open = identity.visibility(&owner).await.unwrap();
        open.set(kernel::Platform::Discord, identity::Facet::Reputation, identity::Audience::Community);
        identity.change_visibility(&owner, &open, &identity::ClientInfo::default()).await.unwrap();
        let seen = client.ask(query, json!({ "id": ann.0 })).await;
        let reputation = &seen["data"]["user"]["reputation"];
        assert_eq!((&reputation["score"], &reputation["totalMessages"]), (&json!(600), &json!(1)));
        assert!(reputation["lastActive"].is_string());
        let stranger = Client::anonymous(&world);
        assert_eq!(stranger.ask(query, json!({ "id": ann.0 })).await["data"]["user"], Value::Null);
    }
}
