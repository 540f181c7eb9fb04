//! What a community has: numbers, messages, commands, connections, what is said, roles.

use axum::http::Method;
use kernel::{Platform, Role, Secret};
use serde_json::json;
use testkit::{Person, World, on_both};

use super::Client;

/// Connects a community to a Discord server; answers the connection's id and the server's.
pub(super) async fn connected(
    world: &World,
    pond: kernel::CommunityId,
    admin: &Person,
    server: &str,
) -> (i64, i64) {
    let redirect = world.app.install_callback(Platform::Discord);
    let session = world.session(admin.user).await;
    let (actor, app) = (&admin.actor, &world.app);
    let url = app
        .install_url(actor, pond, Platform::Discord, session, &redirect)
        .await
        .unwrap();
    let state = url.split_once("state=").unwrap().1;
    let state = state.split('&').next().unwrap();
    let answer = app::Answer {
        code: Secret::new("the-code".to_owned()),
        server: Some(server.to_owned()),
    };
    let done = app
        .complete_install(actor, Platform::Discord, session, state, Some(answer))
        .await
        .unwrap();
    let connection = done.outcome.unwrap().unwrap();
    (connection.id.0.into(), connection.server.0.into())
}

on_both! {
    async fn members_read_numbers_and_messages_page_by_page(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        for text in ["one", "two", "three"] {
            world.say(pond, "bob", text).await;
        }
        let client = Client::of(&world, &ann).await;
        let summary = client.get(&format!("/communities/{pond}/summary")).await.expect(200);
        assert_eq!((summary.json["members"].as_i64(), summary.json["messages_30d"].as_i64()), (Some(2), Some(3)));
        let overview = client.get(&format!("/communities/{pond}/overview?from=2026-05-31&until=2026-06-01")).await.expect(200);
        assert_eq!(overview.json["messages"]["value"], 3.0);
        assert_eq!(overview.json["daily"][1]["messages"][0], json!({ "platform": "discord", "messages": 3 }));
        assert_eq!(overview.json["daily"].as_array().unwrap().len(), 2);
        for wrong in ["from=yesterday", "until=2026-02-30", "from=2026-06-02&until=2026-06-01", "from=2020-01-01"] {
            client.get(&format!("/communities/{pond}/overview?{wrong}")).await.expect(400);
        }
        let mut path = format!("/communities/{pond}/messages?limit=2");
        let mut texts = Vec::new();
        loop {
            let page = client.get(&path).await.expect(200);
            let items = page.json["items"].as_array().unwrap();
            texts.extend(items.iter().map(|item| item["text"].as_str().unwrap().to_owned()));
            let Some(next) = page.json["next"].as_str() else { break };
            assert!(page.header("link").contains(next));
            path = format!("/communities/{pond}/messages?limit=2&after={next}");
        }
        assert_eq!(texts, ["three", "two", "one"]);
        let none = client.get(&format!("/communities/{pond}/messages?platform=slack")).await.expect(200);
        assert_eq!(none.json["items"], json!([]));
        let channels = client.get(&format!("/communities/{pond}/channels")).await.expect(200);
        assert_eq!(channels.json["items"][0]["name"], "general");
    }

    async fn commands_are_made_changed_with_care_and_removed(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let [mona, ann] = [Client::of(&world, &mona).await, Client::of(&world, &ann).await];
        let path = format!("/communities/{pond}/commands");
        let new = json!({ "name": "Hello", "reply": "quack", "aliases": ["hi"] });
        ann.post(&path, new.clone()).await.expect(403);
        let made = mona.post(&path, new.clone()).await.expect(201);
        assert_eq!((made.json["name"].as_str(), made.json["minimum_role"].as_str()), (Some("hello"), Some("member")));
        mona.post(&path, new).await.expect(409);
        let wrong = mona.post(&path, json!({ "name": "a b", "reply": "x" })).await.expect(422);
        assert_eq!(wrong.json["errors"][0]["field"], "name");
        let one = format!("{path}/hi");
        let seen = ann.get(&one).await.expect(200);
        let careful = mona.clone().showing("if-match", seen.header("etag").to_owned());
        let change = json!({ "reply": "QUACK", "minimum_role": "vip" });
        let changed = careful.patch(&one, change.clone()).await.expect(200);
        assert_eq!(changed.json["minimum_role"], "vip");
        careful.patch(&one, change).await.expect(412);
        let all = ann.get(&path).await.expect(200);
        assert_eq!((all.json["items"][0]["reply"].as_str(), all.json["items"][0]["uses"].as_i64()), (Some("QUACK"), Some(0)));
        ann.delete(&one).await.expect(403);
        mona.delete(&one).await.expect(204);
        mona.delete(&one).await.expect(404);
        let built_in = format!("/communities/{pond}/built-in-commands");
        let off = json!({ "is_enabled": false, "own": { "cooldown_user_secs": 60 } });
        ann.put(&format!("{built_in}/p"), off.clone()).await.expect(403);
        let set = mona.put(&format!("{built_in}/p"), off).await.expect(200);
        assert_eq!((set.json["name"].as_str(), set.json["cooldown_user_secs"].as_i64()), (Some("ping"), Some(60)));
        let listed = ann.get(&built_in).await.expect(200);
        assert_eq!(listed.json["items"][0], set.json);
        mona.put(&format!("{built_in}/nothing"), json!({ "is_enabled": true })).await.expect(404);
    }

    async fn what_events_are_worth_is_read_by_moderators_and_decided_by_admins_with_care(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let [ada, mona] = [Client::of(&world, &ada).await, Client::of(&world, &mona).await];
        let path = format!("/communities/{pond}/reputation/weights");
        let seen = mona.get(&path).await.expect(200);
        let chat = |answer: &crate::tests::Answer| {
            let all = answer.json["items"].as_array().unwrap();
            all.iter().find(|weight| weight["reason"] == "chat").unwrap().clone()
        };
        assert_eq!((&chat(&seen)["own"], &chat(&seen)["counts"]), (&json!(null), &chat(&seen)["standard"]));
        let change = |own: serde_json::Value| json!({ "weights": [{ "reason": "chat", "own": own }] });
        mona.patch(&path, change(json!(20))).await.expect(403);
        let careful = ada.clone().showing("if-match", seen.header("etag").to_owned());
        let changed = careful.patch(&path, change(json!(20))).await.expect(200);
        assert_eq!((&chat(&changed)["own"], &chat(&changed)["counts"]), (&json!(20), &json!(20)));
        careful.patch(&path, change(json!(30))).await.expect(412);
        ada.patch(&path, change(json!(-1))).await.expect(422);
        let unknown = json!({ "weights": [{ "reason": "chat", "own": 30 }, { "reason": "luck", "own": 1 }] });
        ada.patch(&path, unknown).await.expect(422);
        assert_eq!(chat(&mona.get(&path).await.expect(200)), chat(&changed), "all or none");
        let back = ada.patch(&path, change(json!(null))).await.expect(200);
        assert_eq!(chat(&back), chat(&seen));
    }

    async fn a_connection_is_managed_by_administrators_of_its_community_only(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let eve = world.person(lake, "eve", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let (id, server) = connected(&world, pond, &ada, "1234").await;
        let [ada, eve, ann] = [
            Client::of(&world, &ada).await,
            Client::of(&world, &eve).await,
            Client::of(&world, &ann).await,
        ];
        let path = format!("/communities/{pond}/connections");
        let servers = ann.get(&format!("/communities/{pond}/servers")).await.expect(200);
        assert_eq!(servers.json["items"][0]["platform_server_id"], "1234");
        ann.get(&path).await.expect(403);
        let all = ada.get(&path).await.expect(200);
        assert_eq!((all.json["items"][0]["id"].as_i64(), all.json["items"][0]["server_id"].as_i64()), (Some(id), Some(server)));
        assert!(!all.json.to_string().contains("token"), "{}", all.json);
        let one = format!("{path}/{id}");
        for there in [one.clone(), format!("/communities/{lake}/connections/{id}")] {
            eve.get(&there).await.expect(404);
            eve.delete(&there).await.expect(404);
        }
        let offered = ada.get(&format!("{one}/channels")).await.expect(200);
        assert_eq!(offered.json["items"][0], json!({ "id": "11", "name": "general" }));
        let chosen = ada.put(&format!("{one}/channel"), json!({ "channel": "11" })).await.expect(200);
        assert_eq!(chosen.json["channel"]["name"], "general");
        ada.put(&format!("{one}/channel"), json!({ "channel": "99" })).await.expect(409);
        let test = format!("{one}/test");
        ada.ask(Method::POST, &test, None).await.expect(200);
        world.connector(Platform::Discord).fail(Some("Missing Access"));
        let ill = ada.ask(Method::POST, &test, None).await.expect(409);
        assert_eq!(ill.json["detail"], "Missing Access");
        world.connector(Platform::Discord).fail(None);
        let begun = ada.ask(Method::POST, &format!("{path}/install/twitch"), None).await.expect(201);
        assert!(begun.json["url"].as_str().unwrap().starts_with("https://id.twitch.example/"));
        ada.ask(Method::POST, &format!("{path}/install/slack"), None).await.expect(409);
        ada.ask(Method::POST, &format!("{path}/install/myspace"), None).await.expect(404);
        ada.delete(&one).await.expect(204);
        ada.get(&one).await.expect(404);
    }

    async fn something_is_said_once_and_only_where_the_community_is_at_home(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let eve = world.person(lake, "eve", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let (_, server) = connected(&world, pond, &ada, "1234").await;
        let [mona, eve, ann] = [
            Client::of(&world, &mona).await,
            Client::of(&world, &eve).await,
            Client::of(&world, &ann).await,
        ];
        let path = format!("/communities/{pond}/deliveries");
        let say = |channel: Option<&str>| json!({ "server_id": server, "channel": channel, "words": { "body": "Quack!" } });
        mona.post(&path, say(Some("11"))).await.expect(400);
        let keyed = |client: &Client| client.clone().showing("idempotency-key", "one".to_owned());
        keyed(&ann).post(&path, say(Some("11"))).await.expect(403);
        keyed(&eve).post(&path, say(Some("11"))).await.expect(403);
        let elsewhere = keyed(&eve).post(&format!("/communities/{lake}/deliveries"), say(Some("11"))).await.expect(422);
        assert_eq!(elsewhere.json["errors"][0]["field"], "server_id");
        let foreign = keyed(&mona).post(&path, say(Some("4711"))).await.expect(422);
        assert_eq!(foreign.json["errors"][0]["field"], "channel");
        keyed(&mona).post(&path, say(None)).await.expect(422);
        let empty = json!({ "server_id": server, "channel": "11", "words": {} });
        keyed(&mona).post(&path, empty).await.expect(422);
        let script = json!({ "server_id": server, "channel": "11", "words": { "body": "x", "links": [{ "url": "javascript:x", "label": "x" }] } });
        keyed(&mona).post(&path, script).await.expect(422);
        let first = keyed(&mona).post(&path, say(Some("11"))).await.expect(202);
        let again = keyed(&mona).post(&path, say(Some("11"))).await.expect(202);
        assert_eq!((first.json["state"].as_str(), &first.json["id"]), (Some("pending"), &again.json["id"]));
        assert!(!first.json.to_string().contains("Quack!"), "the words are for the channel");
        let one = format!("{path}/{}", first.json["id"]);
        eve.get(&one).await.expect(404);
        eve.get(&format!("/communities/{lake}/deliveries/{}", first.json["id"])).await.expect(404);
        ann.get(&one).await.expect(404);
        mona.get(&one).await.expect(200);
        mona.delete(&one).await.expect(409);
        let cancelled = mona.ask(Method::POST, &format!("{one}/cancel"), None).await.expect(200);
        assert_eq!(cancelled.json["state"], "cancelled");
        mona.ask(Method::POST, &format!("{one}/retry"), None).await.expect(409);
        keyed(&mona).put(&format!("{one}/words"), json!({ "body": "x" })).await.expect(409);
        let listed = mona.get(&format!("{path}?state=cancelled&medium=discord")).await.expect(200);
        assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
        let none = mona.get(&format!("{path}?state=sent")).await.expect(200);
        assert_eq!(none.json["items"], json!([]));
    }

    async fn roles_are_given_and_taken_below_ones_own(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let [admin, moderator] = [Client::of(&world, &ada).await, Client::of(&world, &mona).await];
        let role = |user: kernel::UserId| format!("/communities/{pond}/members/{user}/role");
        moderator.put(&role(ann.user), json!({ "role": "vip" })).await.expect(403);
        admin.put(&role(ann.user), json!({ "role": "king" })).await.expect(400);
        admin.put(&role(ann.user), json!({ "role": "owner" })).await.expect(409);
        admin.put(&role(ann.user), json!({ "role": "vip" })).await.expect(204);
        let card = moderator.get(&format!("/communities/{pond}/members/{}", ann.user)).await.expect(200);
        assert_eq!(card.json["role"], "vip");
        admin.delete(&role(ann.user)).await.expect(204);
        let all = moderator.get(&format!("/communities/{pond}/members?search=ann")).await.expect(200);
        assert!(all.json["items"][0]["role"].is_null());
        admin.get(&format!("/communities/{pond}/imports")).await.expect(200);
        moderator.get(&format!("/communities/{pond}/imports")).await.expect(403);
        let preview = admin.get(&format!("/communities/{pond}/retention?days=1")).await.expect(200);
        assert_eq!(preview.json["messages"], 0);
        admin.get(&format!("/communities/{pond}/retention?days=0")).await.expect(422);
    }
}
