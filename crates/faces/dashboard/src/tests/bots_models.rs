//! The registry of models, trainings, rollouts, experiments and monitoring, for those who run the instance.

use axum::body::{Body, Bytes, to_bytes};
use bots::{Model, NewModel};
use kernel::{Clock, CommunityId, Role};
use serde_json::{Value, json};
use testkit::World;

use super::{bots_appeals::called, browser::Browser};

/// The model that ships, as one that somebody registers.
async fn add(world: &World, community: Option<CommunityId>, f1: f64) -> Model {
    let new = NewModel {
        name: "trial <1>".to_owned(),
        community,
        metrics: metrics(f1),
        card: json!({ "data": { "accounts": 1_234 }, "parameters": { "n_trees": 80 } }),
    };
    let file = Bytes::from_static(bots::prior::BYTES);
    let made = world.app.bots.add_model(&world.system(), &new, file).await;
    made.unwrap()
}

fn metrics(f1: f64) -> Value {
    json!({
        "test": {
            "f1": { "value": f1, "low": 0.81, "high": 0.95 }, "precision": { "value": 0.93 },
            "recall": 0.87, "auc_roc": 0.99, "rows": 120,
        },
        "before": { "f1": 0.8, "precision": 0.93, "recall": 0.87, "rows": 120 },
        "confusion": {
            "true_positives": 41, "false_positives": 2, "true_negatives": 70, "false_negatives": 7,
        },
        "roc": [[0.0, 0.0], [0.1, 0.9], [1.0, 1.0]],
        "pr": [[0.0, 1.0], [1.0, 0.4]],
        "reliability": [[0.1, 0.2, 30], [0.9, 0.8, 12]],
        "importances": [["pace", 0.34]],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_a_model_comes_out_as_it_went_in_and_is_told_by_its_hash() {
    let mut world = World::sqlite().await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let model = add(&world, None, 0.9).await;
    let page = format!("/admin/models/{}", model.id);
    let file = format!("{page}/file");
    let seen = root.get(&page).await.expect(200).body;
    let button = format!(
        "<code>{}</code> <a class=\"button secondary small\" href=\"{file}\"",
        model.sha256
    );
    assert!(seen.contains(&button), "{seen}");
    let request = root.request("GET", &file).body(Body::empty()).unwrap();
    let answer = root.raw(request).await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let told = (header("content-type"), header("content-disposition"));
    let name = format!("attachment; filename=\"model-{}.onnx\"", model.id);
    assert_eq!(told, ("application/octet-stream".to_owned(), name));
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert!(bytes == bots::prior::BYTES, "{} bytes", bytes.len());
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", Some(Role::Owner)).await.user;
    Browser::of(&world, ada).await.get(&file).await.expect(403);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_read_compared_promoted_taken_back_and_retired() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let empty = root.get("/admin/models").await.expect(200).body;
    assert!(
        empty.contains("The registry is empty") && empty.contains("the one that ships"),
        "{empty}"
    );
    assert!(!empty.contains("Compare two"), "{empty}");
    let shipped = root.get("/admin/models/0").await.expect(200).body;
    for part in [
        "The model that ships",
        "judges now",
        "On parts it had not seen, in turn",
        "0.9",
        "model-card.md",
    ] {
        assert!(shipped.contains(part), "{part}: {shipped}");
    }
    assert!(
        !shipped.contains(">Promote<") && !shipped.contains("Take it back<"),
        "{shipped}"
    );
    let (one, own) = (
        add(&world, None, 0.9).await,
        add(&world, Some(ducks), 0.7).await,
    );
    let list = root.get("/admin/models").await.expect(200).body;
    for part in [
        "trial &#60;1&#62; 1",
        "Ducks",
        "1,234",
        "0.93",
        "0.87",
        "0.90",
        "0.99",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let page = format!("/admin/models/{}", one.id);
    let seen = root.get(&page).await.expect(200).body;
    for part in [
        "0.90 (0.81 to 0.95)",
        "<path class=\"line l-curve\"",
        "class=\"diagonal\"",
        "<code>pace</code>",
        "34 %",
        "parameters: n trees",
        &one.sha256,
        "Roll out in steps",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("id=\"worse\""), "{seen}");
    let of_ducks = root.get(&format!("/admin/models/{}", own.id)).await;
    let of_ducks = of_ducks.expect(200).body;
    assert!(!of_ducks.contains("Roll out in steps"), "{of_ducks}");
    // Before it is promoted one reads that the shipped one is better.
    let (before, after) = of_ducks.split_once(">Promote<").unwrap();
    assert!(
        before.contains("worse than the model that ships: F1 0.70 instead of 0.80."),
        "{before}"
    );
    assert!(
        after.contains("The shipped model, on the newest people"),
        "{after}"
    );

    let compare = format!("/admin/models/compare?left={}&right={}", one.id, own.id);
    let both = root.get(&compare).await.expect(200).body;
    for part in [
        "test: f1",
        "0.9</td>",
        "0.7</td>",
        "-0.2</td>",
        "<path class=\"line l-left\" d=\"M0,218L100,30.8L1000,10\"/>",
        "<path class=\"line l-right\" d=\"M0,218L100,30.8L1000,10\"/>",
        "trial &#60;1&#62; 2 <span class=\"fine\">dashed</span>",
        "Precision and recall of both models",
    ] {
        assert!(both.contains(part), "{part}: {both}");
    }
    assert!(!both.contains("brings no such curve"), "{both}");
    root.get("/admin/models/compare?left=1&right=999")
        .await
        .expect(404);
    let beside = format!("/admin/models/compare?left={}&right=0", one.id);
    let beside = root.get(&beside).await.expect(200).body;
    assert!(beside.contains("cross validation: recall"), "{beside}");

    let done = root.post(&format!("{page}/promote"), &[]).await.expect(303);
    assert_eq!(done.location(), format!("{page}?done=model-promoted"));
    let list = root.get("/admin/models").await.expect(200).body;
    assert!(!list.contains("the one that ships"), "{list}");
    let shipped = root.get("/admin/models/0").await.expect(200).body;
    assert!(
        shipped.contains("judges where nothing else was promoted"),
        "{shipped}"
    );
    let refused = root.post(&format!("{page}/retire"), &[]).await.expect(422);
    assert!(refused.body.contains("scores now"), "{}", refused.body);
    assert!(refused.body.contains("Take it back"), "{}", refused.body);
    let back = [("community", "")];
    let done = root.post("/admin/models/roll-back", &back).await;
    assert_eq!(
        done.expect(303).location(),
        "/admin/models?done=model-rolled-back"
    );
    root.post("/admin/models/roll-back", &back)
        .await
        .expect(404);
    let own_page = format!("/admin/models/{}", own.id);
    let done = root.post(&format!("{own_page}/retire"), &[]).await;
    assert_eq!(
        done.expect(303).location(),
        format!("{own_page}?done=model-retired")
    );
    root.post("/admin/models/999/promote", &[])
        .await
        .expect(404);

    let ada = world.person(ducks, "ada", Some(Role::Owner)).await.user;
    let ada = Browser::of(&world, ada).await;
    ada.post(&format!("{page}/promote"), &[]).await.expect(403);
    ada.post("/admin/models/roll-back", &back).await.expect(403);
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threshold_of_the_model_that_judges_is_offered_to_who_sets_thresholds() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let own = world.person(ducks, "own", Some(Role::Admin)).await.user;
    let own = Browser::of(&world, own).await;
    let path = "/c/ducks/bots/settings";
    let shipped = own.get(path).await.expect(200).body;
    assert!(!shipped.contains("id=\"best\""), "{shipped}");
    let model = add(&world, Some(ducks), 0.9).await;
    world
        .sql(&format!(
            "UPDATE bot_model SET threshold_ppm = 580000 WHERE id = {}",
            model.id
        ))
        .await;
    let bots = &world.app.bots;
    let system = world.system();
    bots.promote_model(&system, model.id).await.unwrap();
    let page = own.get(path).await.expect(200).body;
    for part in [
        "For the model that judges here 58 % was chosen",
        "href=\"/c/ducks/bots?likely=58#what-if\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let tried = own.get("/c/ducks/bots?likely=58").await.expect(200).body;
    assert!(tried.contains("value=\"58\""), "{tried}");
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_asked_for_and_tells_what_came_of_it() {
    let world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let list = "/admin/models/trainings";
    assert!(
        root.get(list)
            .await
            .expect(200)
            .body
            .contains("Ducks alone")
    );
    let of_ducks = ducks.to_string();
    let asked = root.post(list, &[("community", &of_ducks)]).await;
    let asked = asked.expect(303).location().to_owned();
    let (one, done) = asked.split_once('?').unwrap();
    assert_eq!(done, "done=training-asked");
    let waits = root.get(one).await.expect(200).body;
    assert!(
        waits.contains("waiting") && waits.contains("<progress"),
        "{waits}"
    );
    let id: i32 = one.rsplit('/').next().unwrap().parse().unwrap();
    let models = root.get("/admin/models").await.expect(200).body;
    assert!(
        models.contains(&format!("href=\"{one}\"")) && models.contains(">training</span>"),
        "{models}"
    );
    world.app.bots.run_training(id, true).await.unwrap();
    let models = root.get("/admin/models").await.expect(200).body;
    assert!(!models.contains(">training</span>"), "{models}");
    world
        .sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'")
        .await;
    let over = root.get(one).await.expect(200).body;
    assert!(
        over.contains("skipped") && over.contains("0 bots and 0 people"),
        "{over}"
    );
    let all = root.get(list).await.expect(200).body;
    assert!(
        all.contains(&format!("href=\"{one}\"")) && all.contains("by hand"),
        "{all}"
    );
    root.post(list, &[("community", "999")]).await.expect(404);
    root.get("/admin/models/trainings/999").await.expect(404);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_goes_on_step_by_step_and_is_halted_with_a_reason() {
    let mut world = World::sqlite().await;
    world.community("Ducks").await;
    let model = add(&world, None, 0.9).await.id.to_string();
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let list = "/admin/models/rollouts";
    let start = [("model", model.as_str())];
    for id in 1..=2 {
        let done = root.post(list, &start).await.expect(303);
        assert_eq!(done.location(), format!("{list}?done=rollout-started"));
        let page = root.get(list).await.expect(200).body;
        assert!(
            page.contains("Go on to 50 %") && page.contains("aria-current=\"step\">10 %"),
            "{page}"
        );
        let (advance, halt) = (format!("{list}/{id}/advance"), format!("{list}/{id}/halt"));
        root.post(&advance, &[("step", "10")]).await.expect(303);
        let stale = root.post(&advance, &[("step", "10")]).await.expect(422);
        assert!(stale.body.contains("look at it again"), "{}", stale.body);
        if id == 1 {
            let silent = root.post(&halt, &[("why", " ")]).await.expect(422).body;
            assert!(silent.contains("id=\"why-problem\""), "{silent}");
            root.post(&halt, &[("why", "too <many>")]).await.expect(303);
            let over = root.get(list).await.expect(200).body;
            assert!(
                over.contains("too &#60;many&#62;") && over.contains("halted"),
                "{over}"
            );
        } else {
            root.post(&advance, &[("step", "50")]).await.expect(303);
            let end = root.get(list).await.expect(200).body;
            assert!(end.contains("Deploy it"), "{end}");
            root.post(&advance, &[("step", "100")]).await.expect(303);
        }
    }
    let over = root.get(list).await.expect(200).body;
    assert!(
        over.contains("finished") && over.contains("There is no model to roll out"),
        "{over}"
    );
    let list = root.get("/admin/models").await.expect(200).body;
    assert!(list.contains("deployed"), "{list}");
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_says_that_there_are_too_few_reviews_and_no_number_that_means_nothing() {
    let mut world = World::sqlite().await;
    world.community("Geese").await;
    world.community("Ducks").await;
    let model = add(&world, None, 0.9).await.id.to_string();
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let list = "/admin/models/experiments";
    let fields = |hypothesis| [("hypothesis", hypothesis), ("model", model.as_str())];
    let empty = root.post(list, &fields("")).await.expect(422).body;
    assert!(
        empty.contains("id=\"hypothesis-problem\"")
            && empty.contains(&format!("value=\"{model}\" selected")),
        "{empty}"
    );
    let done = root.post(list, &fields("fewer <b> people")).await;
    assert_eq!(
        done.expect(303).location(),
        format!("{list}?done=experiment-started")
    );
    let page = root.get(list).await.expect(200).body;
    for part in [
        "fewer &#60;b&#62; people",
        "Not enough reviews to say anything: each side needs 50.",
        "The rules",
        "The model",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("in 95 of 100 cases"), "{page}");
    let refused = root
        .post("/admin/models/rollouts", &[("model", &model)])
        .await
        .expect(422)
        .body;
    assert!(refused.contains("stop it first"), "{refused}");
    let stop = format!("{list}/1/stop");
    let silent = root.post(&stop, &[("why", "")]).await.expect(422).body;
    assert!(silent.contains("id=\"why-problem\""), "{silent}");
    let done = root.post(&stop, &[("why", "enough")]).await.expect(303);
    assert_eq!(done.location(), format!("{list}?done=experiment-stopped"));
    let over = root.get(list).await.expect(200).body;
    assert!(over.contains("ended because: enough"), "{over}");
    world.expect_leftovers();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_drift_and_alerts_are_shown_and_an_alert_is_seen_to() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let page = "/admin/models/monitoring";
    let empty = root.get(page).await.expect(200).body;
    for part in [
        "Nothing went wrong.",
        "In none of these weeks were ten accused accounts reviewed",
        "Not known yet",
    ] {
        assert!(empty.contains(part), "{part}: {empty}");
    }
    for name in ["ann", "bob"] {
        let user = world.person(ducks, name, Some(Role::Member)).await.user;
        called(&world, ducks, user, &mo.actor).await;
    }
    let now = world.app.clock.now().0;
    world
        .sql("UPDATE bot_review SET probability_ppm = 900000")
        .await;
    world
        .sql(&format!(
            "INSERT INTO bot_drift (scope, signal, psi_ppm, n, at) VALUES (0, 'pace', 310000, 400, {now})"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO bot_alert (kind, scope, words, numbers, at) VALUES (5, {ducks}, 'pace <moved>', '{{}}', {now})"
        ))
        .await;
    let seen = root.get(page).await.expect(200).body;
    for part in [
        "Pace &#60;moved&#62;.",
        "Ducks",
        "moved far",
        "0.310",
        // Two are shown with what two are worth, and not drawn.
        "100 % (34 to 100 %)",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("<circle"), "{seen}");
    for n in 0..8 {
        let user = world
            .person(ducks, &format!("p{n}"), Some(Role::Member))
            .await
            .user;
        called(&world, ducks, user, &mo.actor).await;
    }
    world
        .sql("UPDATE bot_review SET probability_ppm = 900000")
        .await;
    let ten = root.get(page).await.expect(200).body;
    for part in ["<circle class=\"point l-precision\"", "100 % (72 to 100 %)"] {
        assert!(ten.contains(part), "{part}: {ten}");
    }
    let registry = root.get("/admin/models").await.expect(200).body;
    assert!(registry.contains("1 alert</a>"), "{registry}");
    let id = world.number("SELECT id FROM bot_alert").await;
    let done = root
        .post(&format!("/admin/models/alerts/{id}"), &[])
        .await
        .expect(303);
    assert_eq!(done.location(), format!("{page}?done=alert-cleared"));
    let after = root.get(page).await.expect(200).body;
    assert!(after.contains("just now</time>, seen to"), "{after}");
    root.post("/admin/models/alerts/999", &[]).await.expect(404);
    let mo = Browser::of(&world, mo.user).await;
    mo.post(&format!("/admin/models/alerts/{id}"), &[])
        .await
        .expect(403);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_seen_beside_the_deployed_one_on_those_who_were_scored_lately() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let bo = world
        .person(ducks, "bo <quack>", Some(Role::Member))
        .await
        .user;
    let model = add(&world, None, 0.9).await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let page = format!("/admin/models/{}", model.id);
    let empty = root.get(&page).await.expect(200).body;
    for part in [
        "id=\"shadow\"",
        "Nobody whom it could judge was scored",
        "of the model that ships",
        "Ducks</option>",
    ] {
        assert!(empty.contains(part), "{part}: {empty}");
    }
    let account = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {bo}");
    let account = world.number(&account).await;
    let now = world.clock.now().0;
    let features = vec!["null"; bots::features::SCHEMA.columns().len()].join(",");
    let schema = bots::features::SCHEMA.hash();
    world
        .sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) VALUES ({ducks}, {account}, 1, 1, '{schema}', '[{features}]', '[]', 20, {now})"
        ))
        .await;
    let same = root.get(&page).await.expect(200).body;
    for part in [
        "1 account. On average both are 0.0 points of a hundred apart",
        "class=\"line l-candidate\"",
        "class=\"line l-deployed\"",
        "Nobody of these was reviewed yet",
        "Both say the same of everybody",
    ] {
        assert!(same.contains(part), "{part}: {same}");
    }
    // A straight line that says bot of everybody of whom nothing is known.
    let weight = ml::logistic::Weight {
        mean: 0.0,
        deviation: 1.0,
        weight: 0.0,
    };
    let name = bots::features::SCHEMA.names().remove(0);
    let line = ml::Logistic::from_parts(vec![name], vec![weight], 5.0).unwrap();
    let properties = ml::onnx::Properties {
        schema: schema.to_owned(),
        ..ml::onnx::Properties::default()
    };
    let file = ml::onnx::write(&line.into(), &properties).unwrap();
    let new = NewModel {
        name: "line".to_owned(),
        community: None,
        metrics: json!({}),
        card: json!({}),
    };
    let added = world
        .app
        .bots
        .add_model(&world.system(), &new, file.into())
        .await;
    let page = format!("/admin/models/{}", added.unwrap().id);
    world
        .sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) VALUES ({ducks}, {account}, 1, 1, 900000, 0, 0, 0, 1)"
        ))
        .await;
    let case = world.number("SELECT MAX(id) FROM bot_case").await;
    let mine = root.get(&format!("{page}?community={ducks}")).await;
    let mine = mine.expect(200).body;
    for part in [
        "<th scope=\"row\">bo &#60;quack&#62; <span",
        "99 %",
        "selected>Ducks",
        "<th scope=\"row\">This model</th><td class=\"num\">1</td><td class=\"num\">0</td><td class=\"num\">0</td><td class=\"num\">100 %",
        &format!("/c/ducks/bots/cases/{case}?order=value"),
    ] {
        assert!(mine.contains(part), "{part}: {mine}");
    }
    root.get(&format!("{page}?community=999")).await.expect(404);
    root.get(&format!("{page}?community=x")).await.expect(404);
    let rollouts = root.get("/admin/models/rollouts").await.expect(200).body;
    assert!(rollouts.contains(&format!("{page}#shadow")), "{rollouts}");
    world
        .sql("UPDATE bot_model SET schema_hash = 'older'")
        .await;
    let older = root.get(&page).await.expect(200).body;
    assert!(older.contains("made for other features"), "{older}");
    world.close().await;
}
