//! The detection of bots: who looks like one, what people say about it, and what the accused may.

use axum::http::Method;
use kernel::{Clock, CommunityId, Role, UserId};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, community::connected};

async fn account(world: &World, user: UserId) -> i64 {
    let id = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user}");
    world.number(&id).await
}

/// A case about somebody of whom the program is 90 percent sure.
async fn case(world: &World, pond: CommunityId, by: &Client, about: i64) -> i64 {
    let report = json!({ "account_id": about, "reason": "sells things" });
    let said = by
        .post(&format!("/communities/{pond}/bots/reports"), report)
        .await
        .expect(204);
    assert!(said.bytes.is_empty(), "what follows is not told");
    world
        .sql(&format!(
            "UPDATE bot_case SET probability_ppm = 900000 WHERE account_id = {about}"
        ))
        .await;
    world
        .number(&format!(
            "SELECT id FROM bot_case WHERE account_id = {about}"
        ))
        .await
}

on_both! {
    async fn a_suspect_is_judged_once_and_the_verdict_can_be_taken_back(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let spam = world.person(pond, "spam", Some(Role::Member)).await;
        let client = Client::of(&world, &mona).await;
        let about = account(&world, spam.user).await;
        let id = case(&world, pond, &client, about).await;
        let bots = format!("/communities/{pond}/bots");
        let page = client.get(&format!("{bots}/cases?order=probability&for_me=true")).await.expect(200);
        let open = &page.json["items"][0];
        assert_eq!((&open["id"], &open["confidence"], &open["level"]), (&json!(id), &json!(90), &json!("likely")));
        assert_eq!((&open["account"]["id"], &open["account"]["username"]), (&json!(about), &json!("spam")));
        assert_eq!((&open["reasons"], &open["state"]), (&json!(["reports"]), &json!("open")));
        let next = client.get(&format!("{bots}/cases/next?order=probability")).await.expect(200);
        assert_eq!(next.json["id"], json!(id));
        let looked = client.ask(Method::POST, &format!("{bots}/cases/{id}/look"), None).await.expect(200);
        assert_eq!(looked.json["viewers"], json!([mona.user.0]));
        let seen = looked.json["revision"].as_i64().unwrap();
        let verdict = |revision: i64| json!({ "verdict": "bot", "reason": "sells things", "revision": revision });
        let path = format!("{bots}/cases/{id}/verdict");
        client.put(&path, verdict(seen + 1)).await.expect(409);
        let done = client.put(&path, verdict(seen)).await.expect(200);
        assert_eq!((&done.json["state"], &done.json["decided_by"]), (&json!("bot"), &json!(mona.user.0)));
        let counts = client.get(&format!("{bots}/case-counts")).await.expect(200);
        assert_eq!(counts.json, json!({ "open": 0, "bot": 1, "human": 0, "withdrawn": 0 }));
        client.get(&format!("{bots}/cases/next")).await.expect(204);
        client.put(&path, json!({ "verdict": "human" })).await.expect(409);
        let whole = client.get(&format!("{bots}/cases/{id}")).await.expect(200);
        assert_eq!(whole.json["reviews"][0]["verdict"], "bot");
        assert_eq!(whole.json["reports"][0]["outcome"], "right");
        let opened = client.delete(&path).await.expect(200);
        assert_eq!(opened.json["state"], "open");
        client.get(&format!("{bots}/cases/999")).await.expect(404);
        client.get(&format!("{bots}/cases?state=guilty")).await.expect(400);
    }

    async fn the_addresses_of_earlier_versions_list_suspects_and_judge_them(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let spam = world.person(pond, "spam", Some(Role::Member)).await;
        let client = Client::of(&world, &mona).await;
        let about = account(&world, spam.user).await;
        let id = case(&world, pond, &client, about).await;
        let n = async |query: &str| {
            let page = client.get(&format!("/admin/{pond}/suspected-bots{query}")).await.expect(200);
            page.json["items"].as_array().unwrap().len()
        };
        assert_eq!((n("").await, n("?limit=1&minConfidence=90").await, n("?minConfidence=91").await), (1, 1, 0));
        for (wrong, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("min_confidence=101", "min_confidence")] {
            let refused = client.get(&format!("/communities/{pond}/bots/suspects?{wrong}")).await.expect(422);
            assert_eq!(refused.json["errors"][0]["field"], field);
        }
        let path = format!("/admin/{pond}/suspected-bots/{id}/review");
        let done = client.put(&path, json!({ "isFalsePositive": true })).await.expect(200);
        assert_eq!(done.json["state"], "human");
        client.put(&path, json!({ "isFalsePositive": false })).await.expect(409);
    }

    async fn whoever_was_called_a_bot_sees_it_and_is_answered(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let other = world.person(pond, "mike", Some(Role::Moderator)).await;
        let duck = world.person(pond, "duck", Some(Role::Member)).await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let (first, second) = (Client::of(&world, &mona).await, Client::of(&world, &other).await);
        let accused = Client::of(&world, &duck).await;
        let about = account(&world, duck.user).await;
        let id = case(&world, pond, &first, about).await;
        let own = accused.get("/users/me/bot-verdicts").await.expect(200);
        assert_eq!(own.json["items"], json!([]), "what is open is not shown");
        let bots = format!("/communities/{pond}/bots");
        first.put(&format!("{bots}/cases/{id}/verdict"), json!({ "verdict": "bot" })).await.expect(200);
        let own = accused.get("/users/me/bot-verdicts").await.expect(200);
        assert_eq!((&own.json["items"][0]["case_id"], &own.json["items"][0]["account_id"]), (&json!(id), &json!(about)));
        let appeals = format!("/users/me/bot-verdicts/{id}/appeals");
        first.post(&appeals, json!({ "words": "no" })).await.expect(404);
        accused.post(&appeals, json!({ "words": "" })).await.expect(422);
        let made = accused.post(&appeals, json!({ "words": "I am a duck" })).await.expect(201);
        let again = accused.post(&appeals, json!({ "words": "I am a duck" })).await.expect(201);
        assert_eq!(made.json, again.json, "the same words again");
        accused.post(&appeals, json!({ "words": "really" })).await.expect(409);
        let judges = first.get(&format!("{bots}/appeals")).await.expect(200);
        assert_eq!(judges.json["items"][0]["may_refuse"], json!(false), "their own verdict");
        let listed = second.get(&format!("{bots}/appeals")).await.expect(200);
        assert_eq!(listed.json["items"][0]["may_refuse"], json!(true));
        assert_eq!(listed.json["items"][0]["words"], "I am a duck");
        let answer = format!("{bots}/appeals/{}/answer", made.json["id"]);
        let refused = json!({ "state": "refused" });
        first.put(&answer, refused).await.expect(409);
        second.put(&answer, json!({ "state": "open" })).await.expect(422);
        second.put(&answer, json!({ "state": "granted", "words": "sorry" })).await.expect(204);
        let own = accused.get("/users/me/bot-verdicts").await.expect(200);
        let verdict = &own.json["items"][0];
        assert_eq!(verdict["stands"], json!(false), "nothing speaks against them now");
        assert_eq!(verdict["appeals"][0]["answer"], "sorry");
        let granted = second.get(&format!("{bots}/appeals?state=granted")).await.expect(200);
        assert_eq!(granted.json["items"][0]["answer"], "sorry");
    }

    async fn a_setting_is_changed_by_who_saw_the_present_one(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let client = Client::of(&world, &ada).await;
        let path = format!("/communities/{pond}/bots/setting");
        let read = client.get(&path).await.expect(200);
        assert_eq!((&read.json["likely"], &read.json["exempt_role"]), (&json!(70.0), &json!("moderator")));
        let changed = |name: &str, value: Value| {
            let mut wanted = read.json.clone();
            wanted[name] = value;
            wanted
        };
        let holder = client.clone().showing("if-match", read.header("etag").to_owned());
        let strict = holder.put(&path, changed("likely", json!(80))).await.expect(200);
        assert_eq!(strict.json["likely"], 80.0);
        let exact = client.put(&path, changed("likely", json!(87.5))).await.expect(200);
        assert_eq!(exact.json["likely"], 87.5, "nothing is rounded away");
        client.put(&path, changed("likely", json!(80))).await.expect(200);
        holder.put(&path, changed("likely", json!(90))).await.expect(412);
        for (name, value) in [("possible", json!(71)), ("possible", json!(0)), ("likely", json!(101)), ("trusted_score", json!(1))] {
            client.put(&path, changed(name, value)).await.expect(422);
        }
        client.put(&path, json!({ "likely": 80 })).await.expect(400);
        assert_eq!(client.get(&path).await.expect(200).json["likely"], 80.0);
    }

    async fn moderators_are_told_in_a_channel_that_an_administrator_chooses(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (_, server) = connected(&world, pond, &ada, "1234").await;
        let client = Client::of(&world, &ada).await;
        let moderator = Client::of(&world, &mo).await;
        let path = format!("/communities/{pond}/bots/channel");
        assert_eq!(moderator.get(&path).await.expect(200).json, json!({ "channel": null }));
        let wanted = |server: i64, channel: &str, level: &str| json!({
            "channel": { "server_id": server, "channel": channel, "level": level },
        });
        for (server, channel) in [(server, "666"), (server + 1, "12")] {
            client.put(&path, wanted(server, channel, "likely")).await.expect(422);
        }
        client.put(&path, wanted(server, "12", "unlikely")).await.expect(400);
        client.put(&path, wanted(server, "12", "possible")).await.expect(200);
        assert_eq!(moderator.get(&path).await.expect(200).json, json!({
            "channel": { "server_id": server, "channel": "12", "name": "news & <events>", "level": "possible" },
        }));
        client.put(&path, json!({ "channel": null })).await.expect(200);
        assert_eq!(moderator.get(&path).await.expect(200).json, json!({ "channel": null }));
        world.expect_leftovers();
    }

    async fn a_candidate_is_seen_beside_what_is_deployed_before_it_judges_anybody(world: World) {
        let pond = world.community("Pond").await;
        let root = world.admin("root").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &root).await;
        let new = bots::NewModel {
            name: "trial".to_owned(),
            community: None,
            metrics: json!({}),
            card: json!({}),
        };
        let added = world.app.bots.add_model(&world.system(), &new, bots::prior::BYTES.into()).await;
        let path = format!("/bots/models/{}/shadow", added.unwrap().id);
        let account = account(&world, ann.user).await;
        let (schema, now) = (bots::features::SCHEMA.hash(), world.clock.now().0);
        let features = vec!["1"; bots::features::SCHEMA.columns().len()].join(",");
        world.sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) VALUES ({pond}, {account}, 1, 1, '{schema}', '[{features}]', '[]', 20, {now})"
        )).await;
        let seen = client.get(&path).await.expect(200).json;
        assert_eq!((&seen["against"], &seen["against_id"]), (&json!("shipped"), &Value::Null));
        assert_eq!((&seen["n_compared"], &seen["mean_difference"]), (&json!(1), &json!(0.0)));
        assert_eq!((&seen["candidate_bins"], &seen["differing"]), (&seen["deployed_bins"], &json!([])));
        assert_eq!(seen["candidate"]["precision"], Value::Null);
        let here = client.get(&format!("{path}?community_id={pond}")).await.expect(200).json;
        assert_eq!((&here["community_id"], &here["n_compared"]), (&json!(pond.0), &json!(1)));
        client.get(&format!("{path}?community_id=999")).await.expect(404);
        world.sql("UPDATE bot_model SET state = 0").await;
        client.get(&path).await.expect(409);
    }
}
