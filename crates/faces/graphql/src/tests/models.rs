//! Models through the API: what whoever runs the instance sees of them and decides.

use kernel::{Clock, CommunityId, Role};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, code};

/// A tested model; its file is that of the model that ships.
async fn model(world: &World, community: Option<CommunityId>, f1: f64) -> i32 {
    let new = ::bots::NewModel {
        name: "trial".to_owned(),
        community,
        metrics: json!({ "test": { "f1": f1 } }),
        card: json!({ "data": "invented" }),
    };
    let bots = &world.app.bots;
    let system = world.system();
    let made = bots.add_model(&system, &new, ::bots::prior::BYTES.into());
    made.await.unwrap().id
}

async fn operator(world: &mut World) -> Client {
    let root = world.admin("root").await;
    Client::of(world, &root).await
}

on_both! {
    async fn models_are_paged_through_and_one_is_held_against_another(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let first = model(&world, None, 0.5).await;
        let second = model(&world, Some(pond), 0.75).await;
        let third = model(&world, Some(lake), 1.0).await;
        world.sql(&format!(
            "INSERT INTO bot_training (scope, state, asked_at, progress, n_rows, n_bots, n_people, n_new, model_id, log) \
             VALUES ({pond}, 2, 0, 100, 60, 20, 40, 7, {second}, '[\"began\",\"ended\"]')"
        )).await;
        let client = operator(&mut world).await;
        let pages = "query($after: String) {
            botModels(first: 2, after: $after) { nodes { id communityId } pageInfo { hasNextPage endCursor } }
        }";
        let answer = client.ask(pages, json!({})).await;
        let page = &answer["data"]["botModels"];
        assert_eq!(page["nodes"], json!([
            { "id": third, "communityId": lake.0 }, { "id": second, "communityId": pond.0 },
        ]), "{answer}");
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        let after = page["pageInfo"]["endCursor"].clone();
        let answer = client.ask(pages, json!({ "after": after })).await;
        let page = &answer["data"]["botModels"];
        // The one that ships comes last.
        assert_eq!(page["nodes"], json!([{ "id": first, "communityId": null }, { "id": 0, "communityId": null }]), "{answer}");
        assert_eq!(page["pageInfo"]["hasNextPage"], false);
        // One that is being made comes first, and its page goes on with the registered, also when it is over meanwhile.
        let training = world.app.bots.start_training(&world.system(), Some(pond)).await.unwrap().id;
        let one = "query($after: String) { botModels(first: 1, after: $after) { nodes { id state } pageInfo { endCursor } } }";
        let answer = client.ask(one, json!({})).await;
        let page = &answer["data"]["botModels"];
        assert_eq!(page["nodes"], json!([{ "id": -training, "state": "TRAINING" }]), "{answer}");
        let after = page["pageInfo"]["endCursor"].clone();
        for _ in 0..2 {
            let answer = client.ask(one, json!({ "after": after })).await;
            assert_eq!(answer["data"]["botModels"]["nodes"], json!([{ "id": third, "state": "TESTING" }]), "{answer}");
            world.sql(&format!("UPDATE bot_training SET state = 4 WHERE id = {training}")).await;
        }
        world.sql("DELETE FROM job WHERE kind = 'bots.train'").await;
        let one = "query($id: Int!, $other: Int!) {
            botModel(id: $id) {
                model { name version kind state isCurrent mayRollOut metrics }
                training { state rowCount newLabelCount modelId log }
                comparison(otherId: $other) { other { id } metrics { name own other } }
            }
        }";
        let answer = client.ask(one, json!({ "id": second, "other": first })).await;
        assert_eq!(answer["data"]["botModel"], json!({
            "model": {
                "name": "trial", "version": 2, "kind": "TREES", "state": "TESTING", "isCurrent": true,
                "mayRollOut": false, "metrics": { "test": { "f1": 0.75 } },
            },
            "training": {
                "state": "DONE", "rowCount": 60, "newLabelCount": 7, "modelId": second, "log": ["began", "ended"],
            },
            "comparison": { "other": { "id": first }, "metrics": [{ "name": "test.f1", "own": 0.75, "other": 0.5 }] },
        }), "{answer}");
        let answer = client.ask(one, json!({ "id": first, "other": 999 })).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        let brought = "query($id: Int!) { botModel(id: $id) { training { id } } }";
        let answer = client.ask(brought, json!({ "id": first })).await;
        assert_eq!(answer["data"]["botModel"], json!({ "training": null }), "{answer}");
        let answer = client.ask(brought, json!({ "id": 999 })).await;
        assert_eq!(answer, json!({ "data": { "botModel": null } }));
    }

    async fn a_model_is_rolled_out_halted_promoted_and_taken_back(world: World) {
        for name in ["Pond", "Lake", "Sea", "Puddle"] {
            world.community(name).await;
        }
        let model = model(&world, None, 0.5).await;
        let client = operator(&mut world).await;
        let change = async |text: &str, variables: Value| {
            let answer = client.ask(&format!("mutation($id: Int!) {{ {text} }}"), variables).await;
            (code(&answer).to_owned(), answer)
        };
        let start = "startBotRollout(modelId: $id) { id step state }";
        let (_, answer) = change(start, json!({ "id": model })).await;
        let rollout = answer["data"]["startBotRollout"]["id"].clone();
        assert_eq!(answer["data"]["startBotRollout"], json!({
            "id": rollout, "step": 10, "state": "RUNNING",
        }), "{answer}");
        let id = json!({ "id": rollout });
        let (refused, answer) = change("advanceBotRollout(id: $id, step: 50) { step }", id.clone()).await;
        assert_eq!(refused, "CONFLICT", "it is at another step: {answer}");
        let (refused, answer) = change("advanceBotRollout(id: $id, step: -1) { step }", id.clone()).await;
        assert_eq!(refused, "BAD_USER_INPUT", "{answer}");
        let (_, answer) = change("advanceBotRollout(id: $id, step: 10) { step }", id.clone()).await;
        assert_eq!(answer["data"]["advanceBotRollout"], json!({ "step": 50 }), "{answer}");
        let seen = "{ botRollouts { id communityCount guards { precisionNew } } }";
        let seen = client.ask(seen, json!({})).await["data"]["botRollouts"][0].take();
        assert_eq!(seen["id"], rollout);
        assert!((1..=3).contains(&seen["communityCount"].as_i64().unwrap()), "somebody is on each side: {seen}");
        let (_, answer) = change("haltBotRollout(id: $id, why: \"\") { state }", id.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["field"], "why", "{answer}");
        let halt = "haltBotRollout(id: $id, why: \"too early\") { state haltedWhy guards { reviewedNew } }";
        let (_, answer) = change(halt, id).await;
        assert_eq!(answer["data"]["haltBotRollout"], json!({
            "state": "HALTED", "haltedWhy": "too early", "guards": { "reviewedNew": 0 },
        }), "{answer}");
        let id = json!({ "id": model });
        let (_, answer) = change("promoteBotModel(id: $id) { state deployedAt }", id.clone()).await;
        assert_eq!(answer["data"]["promoteBotModel"]["state"], "DEPLOYED", "{answer}");
        assert!(answer["data"]["promoteBotModel"]["deployedAt"].is_string());
        let (refused, answer) = change("retireBotModel(id: $id)", id.clone()).await;
        assert_eq!(refused, "CONFLICT", "it scores: {answer}");
        let answer = client.ask("mutation { rollBackBotModel { id } }", json!({})).await;
        assert_eq!(answer, json!({ "data": { "rollBackBotModel": null } }), "there was none before");
        let answer = client.ask("mutation { rollBackBotModel { id } }", json!({})).await;
        assert_eq!(code(&answer), "NOT_FOUND", "nothing is deployed: {answer}");
        let (_, answer) = change("retireBotModel(id: $id)", id).await;
        assert_eq!(answer["data"]["retireBotModel"], true, "{answer}");
        let audit = "SELECT COUNT(*) FROM audit WHERE action IN ('bots.model.promote', 'bots.model.roll_back', \
                     'bots.rollout.start', 'bots.rollout.advance', 'bots.rollout.halt')";
        assert_eq!(world.number(audit).await, 5);
        world.expect_leftovers();
    }

    async fn a_training_is_asked_for_once_and_an_alert_is_seen_to(world: World) {
        let client = operator(&mut world).await;
        let start = "mutation { startBotTraining { id state } }";
        let answer = client.ask(start, json!({})).await;
        let training = answer["data"]["startBotTraining"]["id"].clone();
        assert_eq!(answer["data"]["startBotTraining"]["state"], "WAITING", "{answer}");
        let answer = client.ask(start, json!({})).await;
        assert_eq!(answer["data"]["startBotTraining"]["id"], training, "it waits already");
        let answer = client.ask("mutation { startBotTraining(communityId: 999) { id } }", json!({})).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        world.sql(
            "INSERT INTO bot_alert (kind, scope, words, numbers, at) VALUES (3, 0, 'it is slow', '{\"p99_ms\":700}', 0)"
        ).await;
        let alerts = "{ botTrainings { id } botAlerts { id kind words numbers communityId clearedAt clearedBy } }";
        let answer = client.ask(alerts, json!({})).await;
        assert_eq!(answer["data"]["botTrainings"], json!([{ "id": training }]), "{answer}");
        let alert = answer["data"]["botAlerts"][0]["id"].clone();
        assert_eq!(answer["data"]["botAlerts"], json!([{
            "id": alert, "kind": "LATENCY", "words": "it is slow", "numbers": { "p99_ms": 700 },
            "communityId": null, "clearedAt": null, "clearedBy": null,
        }]), "{answer}");
        let clear = "mutation($id: Int!) { clearBotAlert(id: $id) }";
        let answer = client.ask(clear, json!({ "id": alert })).await;
        assert_eq!(answer["data"]["clearBotAlert"], true, "{answer}");
        let answer = client.ask(alerts, json!({})).await;
        let cleared = &answer["data"]["botAlerts"][0];
        assert!(cleared["clearedAt"].is_string() && cleared["clearedBy"].is_number(), "{answer}");
        let answer = client.ask(clear, json!({ "id": 999 })).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        world.expect_leftovers();
    }
}

on_both! {
    async fn an_experiment_is_begun_read_and_stopped(world: World) {
        for name in ["Pond", "Lake", "Sea", "Puddle"] {
            world.community(name).await;
        }
        let model = model(&world, None, 0.5).await;
        let client = operator(&mut world).await;
        let start = "mutation($model: Int, $hypothesis: String!) {
            startBotExperiment(modelId: $model, hypothesis: $hypothesis) { id hypothesis modelId conclusion neededReviewCount }
        }";
        let answer = client.ask(start, json!({ "model": model, "hypothesis": "" })).await;
        assert_eq!(answer["errors"][0]["extensions"]["field"], "hypothesis", "{answer}");
        let answer = client.ask(start, json!({ "model": 999, "hypothesis": "x" })).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        let answer = client.ask(start, json!({ "model": model, "hypothesis": "it accuses fewer" })).await;
        let experiment = answer["data"]["startBotExperiment"]["id"].clone();
        assert_eq!(answer["data"]["startBotExperiment"], json!({
            "id": experiment, "hypothesis": "it accuses fewer", "modelId": model, "conclusion": "NOT_ENOUGH",
            "neededReviewCount": 50,
        }), "{answer}");
        let again = client.ask(start, json!({ "model": null, "hypothesis": "x" })).await;
        assert_eq!(code(&again), "CONFLICT", "one at a time: {again}");
        // The model is right about three of four, the rules about half.
        for (arm, bots, people) in [(0, 50, 50), (1, 75, 25)] {
            reviews(&mut world, arm, bots, people).await;
        }
        let read = "{ botExperiments {
            id startedBy endedAt conclusion neededReviewCount precision { difference low high pValue }
            arms { arm communityCount reviewedCount rightCount wrongCount precision falsePositiveRate detectionRate reviewSecondsMedian }
        } }";
        let answer = client.ask(read, json!({})).await;
        let seen = &answer["data"]["botExperiments"][0];
        let arms = &seen["arms"];
        let communities = arms[0]["communityCount"].as_i64().unwrap() + arms[1]["communityCount"].as_i64().unwrap();
        assert_eq!(communities, 4, "{answer}");
        for (nth, name, right, wrong, precision) in [(0, "RULES", 50, 50, 0.5), (1, "MODEL", 75, 25, 0.75)] {
            let arm = &arms[nth];
            assert_eq!(arm["arm"], name, "{answer}");
            assert_eq!((&arm["reviewedCount"], &arm["rightCount"], &arm["wrongCount"]), (&json!(100), &json!(right), &json!(wrong)));
            assert_eq!((&arm["precision"], &arm["reviewSecondsMedian"]), (&json!(precision), &json!(7)));
            assert_eq!((&arm["detectionRate"], &arm["falsePositiveRate"]), (&json!(1_000.0), &json!(f64::from(wrong))));
        }
        let precision = &seen["precision"];
        let (low, difference, high) = (&precision["low"], &precision["difference"], &precision["high"]);
        let ends = (low.as_f64().unwrap(), high.as_f64().unwrap());
        assert_eq!(difference, &json!(0.25), "{answer}");
        assert!(ends.0 < 0.25 && 0.25 < ends.1 && precision["pValue"].is_number(), "{answer}");
        assert_eq!((&seen["neededReviewCount"], &seen["endedAt"]), (&Value::Null, &Value::Null));
        assert!(seen["startedBy"].is_number());
        let stop = "mutation($id: Int!, $why: String!) { stopBotExperiment(id: $id, why: $why) { endedWhy endedAt } }";
        let answer = client.ask(stop, json!({ "id": experiment, "why": "enough" })).await;
        assert_eq!(answer["data"]["stopBotExperiment"]["endedWhy"], "enough", "{answer}");
        assert!(answer["data"]["stopBotExperiment"]["endedAt"].is_string());
        let answer = client.ask(stop, json!({ "id": experiment, "why": "again" })).await;
        assert_eq!(answer["data"]["stopBotExperiment"]["endedWhy"], "enough", "over is over: {answer}");
        let answer = client.ask(stop, json!({ "id": 999, "why": "x" })).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        let audit = "SELECT COUNT(*) FROM audit WHERE action IN ('bots.experiment.start', 'bots.experiment.stop')";
        assert_eq!(world.number(audit).await, 2);
        world.expect_leftovers();
    }

    async fn a_model_in_the_shadow_is_held_against_what_is_deployed(world: World) {
        let pond = world.community("Pond").await;
        let model = model(&world, None, 0.5).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let schema = &::bots::features::SCHEMA;
        let features = vec!["1"; schema.columns().len()].join(",");
        world.sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) SELECT {pond}, MIN(id), 1, 1, '{}', '[{features}]', '[]', 20, {} FROM platform_account \
             WHERE user_id = {}",
            schema.hash(), world.clock.now().0, ann.user
        )).await;
        let client = operator(&mut world).await;
        let shadow = "query($id: Int!, $community: Int) { botModel(id: $id) { model { name } shadow(communityId: $community) {
            against againstId communityId comparedCount leftOutCount leftAloneCount meanDifference
            candidateBins deployedBins likely { both onlyCandidate onlyDeployed } reviewedCount
            candidate { rightCount precision recall } differing { userId }
        } } }";
        let answer = client.ask(shadow, json!({ "id": model, "community": pond.0 })).await;
        let seen = &answer["data"]["botModel"]["shadow"];
        assert_eq!((&seen["against"], &seen["againstId"]), (&json!("SHIPPED"), &Value::Null), "{answer}");
        assert_eq!((&seen["communityId"], &seen["comparedCount"], &seen["leftOutCount"]), (&json!(pond.0), &json!(1), &json!(0)));
        assert_eq!((&seen["meanDifference"], &seen["differing"]), (&json!(0.0), &json!([])));
        assert_eq!(seen["candidateBins"], seen["deployedBins"]);
        let called: i64 = seen["candidateBins"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).sum();
        assert_eq!(called, 1);
        assert_eq!(seen["candidate"], json!({ "rightCount": 0, "precision": null, "recall": null }));
        let answer = client.ask(shadow, json!({ "id": model, "community": 999 })).await;
        assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
        assert_eq!(answer["data"]["botModel"]["model"]["name"], "trial", "the rest of the answer is there: {answer}");
        world.sql("UPDATE bot_model SET state = 0").await;
        let answer = client.ask(shadow, json!({ "id": model })).await;
        assert_eq!(code(&answer), "CONFLICT", "it is still being made: {answer}");
    }
}

/// People said of one accused and scored account of a side, whom they looked at for seven seconds each time, that it is a bot
/// and that it is none.
async fn reviews(world: &mut World, arm: i16, bots: u32, people: u32) {
    let side =
        format!("SELECT MIN(community_id) FROM bot_assignment WHERE kind = 2 AND arm = {arm}");
    let community = CommunityId(i32::try_from(world.number(&side).await).unwrap());
    let somebody = world
        .person(community, "somebody", Some(Role::Member))
        .await;
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        somebody.user
    );
    let account = world.number(&account).await;
    let now = world.clock.now().0;
    for statement in [
        format!(
            "INSERT INTO bot_prediction (community_id, account_id, model_id, probability_ppm, rule_ppm, schema_hash, features, \
             why, n_messages, at) SELECT {community}, {account}, CASE WHEN {arm} = 1 THEN MAX(model_id) END, 900000, 0, '', '', '[]', 20, \
             {now} FROM bot_experiment"
        ),
        format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) VALUES ({community}, {account}, 1, 1, 900000, 0, {now}, {now}, 1)"
        ),
        format!(
            "INSERT INTO bot_score (community_id, account_id, scored_n, scored_at, probability_ppm, rule_ppm) \
             VALUES ({community}, {account}, 20, {now}, 900000, 0)"
        ),
    ] {
        world.sql(&statement).await;
    }
    let case = world.number("SELECT MAX(id) FROM bot_case").await;
    for n in 0..bots + people {
        let verdict = if n < bots { 1 } else { 2 };
        world
            .sql(&format!(
                "INSERT INTO bot_review (case_id, community_id, account_id, verdict, reason, probability_ppm, prediction_id, \
                 was_sampled, took_secs, at) SELECT {case}, {community}, {account}, {verdict}, '', 900000, MAX(id), FALSE, 7, {now} \
                 FROM bot_prediction"
            ))
            .await;
    }
}
