//! Trainings: labels become a model that decides nothing yet, once, and what fails is seen.

use ::app::AppError;
use ::bots::{
    AlertKind, BotsError, LabelSource, ModelState, Training, TrainingState, TrainingTrigger,
    features::SCHEMA,
};
use kernel::{CommunityId, Role};
use testkit::{World, on_both};

/// An account of somebody in a community with the newest prediction about it and a review that labels it.
async fn labelled(world: &mut World, community: CommunityId, n: u32, is_bot: bool) -> i64 {
    let name = format!("somebody-{n}");
    let person = world.person(community, &name, Some(Role::Member)).await;
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        person.user
    );
    let account = world.number(&account).await;
    let features = vector(n, is_bot);
    world
        .sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) VALUES ({community}, {account}, 500000, 500000, '{}', '{features}', '[]', 60, 0)",
            SCHEMA.hash()
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, schema_hash, features, n_messages, \
             at) VALUES ({community}, {account}, {is_bot}, 1, 1000000, '{}', '{features}', 60, {})",
            SCHEMA.hash(),
            n + 1
        ))
        .await;
    account
}

/// Numbers in which bots repeat themselves.
fn vector(n: u32, is_bot: bool) -> String {
    let columns = SCHEMA.columns().len();
    let values = (0..columns).map(|column| {
        let noise = f64::from((n * 37 + u32::try_from(column).unwrap() * 101) % 97) / 97.0;
        let shift = if is_bot && column % 3 == 0 { 1.5 } else { 0.0 };
        format!("{:.3}", noise + shift)
    });
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

/// So many labelled bots and people of a community.
pub(super) async fn labels(world: &mut World, community: CommunityId, bots: u32, people: u32) {
    for n in 0..bots + people {
        labelled(world, community, n, n < bots).await;
    }
}

async fn ended(world: &World) -> Training {
    let bots = &world.app.bots;
    let training = bots.start_training(&world.system(), None).await.unwrap();
    bots.run_training(training.id, true).await.unwrap();
    world
        .sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'")
        .await;
    let after = bots.training(&world.system(), training.id).await.unwrap();
    after.unwrap()
}

on_both! {
    async fn labels_become_a_model_that_is_tested_and_decides_nothing(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let asked = bots.start_training(&system, None).await.unwrap();
        assert_eq!((asked.state, asked.n_new), (TrainingState::Waiting, 40));
        assert_eq!(asked.trigger, Some(TrainingTrigger::CommandLine), "no person asked, and no week was over");
        let same = bots.start_training(&system, None).await.unwrap();
        assert_eq!(same.id, asked.id, "one at a time");
        let learning = bots.models(&system).await.unwrap().remove(0);
        assert_eq!((learning.id, learning.state), (-asked.id, ModelState::Training), "a model to be");
        assert_eq!(bots.model(&system, -asked.id).await.unwrap(), Some(learning));
        let refused = bots.promote_model(&system, -asked.id).await;
        assert!(matches!(refused, Err(::bots::BotsError::NotFound)), "{refused:?}");
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.train'").await, 1);
        let training = ended(&world).await;
        assert_eq!(bots.model(&system, -asked.id).await.unwrap(), None, "it is made");
        assert_eq!(training.state, TrainingState::Done, "{training:?}");
        assert_eq!((training.n_rows, training.n_bots, training.n_people, training.progress), (40, 14, 26, 100));
        let model = bots.model(&system, training.model.unwrap()).await.unwrap().unwrap();
        assert_eq!((model.state, model.community, model.is_current()), (ModelState::Testing, None, true));
        assert!(model.threshold.is_some());
        assert_eq!(model.card["based_on"], "prior");
        assert_eq!(model.card["data"]["snapshot"], training.snapshot.clone().unwrap());
        assert!(model.metrics["test"]["f1"]["value"].is_number(), "{}", model.metrics);
        let kept = world.place().join("blobs/training").join(format!("{}.jsonl.gz", training.snapshot.unwrap()));
        assert!(kept.exists());
        let learned_from = format!("SELECT n_bots * 100 + n_people FROM bot_reference WHERE model_id = {}", model.id);
        assert_eq!(world.number(&learned_from).await, 1_426, "what its rows were like is kept");
        bots.promote_model(&system, model.id).await.unwrap();
        // Over is over: the job may come again.
        bots.run_training(training.id, true).await.unwrap();
        assert_eq!(bots.models(&system).await.unwrap().len(), 2, "beside the one that ships");
        assert!(bots.alerts(&system).await.unwrap().is_empty());
        world.expect_leftovers();
    }

    async fn a_training_of_one_community_learns_also_from_members_whom_nobody_suspects(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        let mut others = Vec::new();
        for n in 100..160 {
            let account = labelled(&mut world, pond, n, false).await;
            others.push(account.to_string());
        }
        world.sql(&format!("DELETE FROM bot_label WHERE account_id IN ({})", others.join(","))).await;
        // The rules take them for people, which is no reason to leave them out.
        world
            .sql(&format!("UPDATE bot_prediction SET rule_ppm = 10000 WHERE account_id IN ({})", others.join(",")))
            .await;
        world
            .sql(&format!(
                "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
                 changed_at, revision) VALUES ({pond}, {}, 0, 1, 700000, 0, 0, 0, 0)",
                others[0]
            ))
            .await;
        let (bots, system) = (world.app.bots.clone(), world.system());
        let asked = bots.start_training(&system, Some(pond)).await.unwrap();
        bots.run_training(asked.id, true).await.unwrap();
        let training = bots.training(&system, asked.id).await.unwrap().unwrap();
        assert_eq!((training.state, training.n_rows), (TrainingState::Done, 100), "{training:?}");
        let model = bots.model(&system, training.model.unwrap()).await.unwrap().unwrap();
        assert_eq!(
            model.card["data"]["labels"]["presumed"],
            serde_json::json!([0, 59]),
            "one of sixty is suspected"
        );
        assert_eq!(model.metrics["candidates"][1]["kind"], "labels and presumed people");
        world.expect_leftovers();
    }

    async fn a_training_is_followed_until_it_is_over_and_by_nobody_who_may_not(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        let (app, system) = (&world.app, world.system());
        let id = app.bots.start_training(&system, None).await.unwrap().id;
        let mut feed = app.follow_training(&system, id).await.unwrap();
        let hear = async {
            let mut told = Vec::new();
            while let Some(training) = feed.next().await {
                told.push(training.unwrap());
            }
            told
        };
        let (run, told) = tokio::join!(app.bots.run_training(id, true), hear);
        run.unwrap();
        let (first, last) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!((first.state, first.progress), (TrainingState::Waiting, 0));
        assert_eq!((last.state, last.progress), (TrainingState::Done, 100), "{last:?}");
        assert!(last.model.is_some() && told.windows(2).all(|two| two[0].progress <= two[1].progress), "{told:?}");
        let absent = app.follow_training(&system, id + 1).await;
        assert!(matches!(absent, Err(AppError::NotFound)), "{absent:?}");
        world.sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'").await;
    }

    async fn too_few_labels_are_left_out_without_an_alarm_and_the_week_asks_only_for_enough_that_is_new(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 4, 15).await;
        let bots = world.app.bots.clone();
        let training = ended(&world).await;
        assert_eq!(training.state, TrainingState::Skipped);
        assert!(training.error.unwrap().contains("4 bots and 15 people"));
        assert!(bots.alerts(&world.system()).await.unwrap().is_empty());
        assert_eq!(bots.ask_for_due_trainings().await.unwrap(), 0, "19 new ones, 4 of them bots");
        for n in 100..103 {
            labelled(&mut world, pond, n, true).await;
        }
        assert_eq!(bots.ask_for_due_trainings().await.unwrap(), 1);
        let training = ended(&world).await;
        assert_eq!(
            (training.state, training.asked_by, training.trigger),
            (TrainingState::Done, None, Some(TrainingTrigger::Schedule))
        );
        // What has been learned is not new any more.
        world.sql("UPDATE bot_training SET started_at = 1000").await;
        assert_eq!(bots.ask_for_due_trainings().await.unwrap(), 0);
    }

    async fn a_community_in_which_people_said_much_gets_a_first_model_of_its_own_from_the_week(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 20, 79).await;
        let bots = world.app.bots.clone();
        assert_eq!(bots.ask_for_due_trainings().await.unwrap(), 1, "99 accounts: for everybody alone");
        labelled(&mut world, pond, 200, true).await;
        assert_eq!(bots.ask_for_due_trainings().await.unwrap(), 2, "100: for the community too");
        let all = bots.trainings(&world.system()).await.unwrap();
        let asked: Vec<_> = all.iter().map(|training| (training.community, training.trigger)).collect();
        assert_eq!(asked, [(Some(pond), Some(TrainingTrigger::Schedule)), (None, Some(TrainingTrigger::Schedule))]);
        world.sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'").await;
    }

    async fn what_lists_marks_and_rules_say_is_learned_from_until_it_is_said_no_longer(world: World) {
        let pond = world.community("Pond").await;
        let mut accounts = Vec::new();
        for n in 0..4 {
            accounts.push(labelled(&mut world, pond, n, false).await);
        }
        world.sql("DELETE FROM bot_label").await;
        let [marked, sure, calm, unsure] = accounts[..] else { panic!("four") };
        world.sql(&format!("UPDATE platform_account SET is_bot = TRUE WHERE id = {marked}")).await;
        world.sql(&format!("UPDATE bot_prediction SET rule_ppm = 950000 WHERE account_id = {sure}")).await;
        world.sql(&format!("UPDATE bot_prediction SET rule_ppm = 10000 WHERE account_id = {calm}")).await;
        let counts = |world: &World| {
            let (bots, system) = (world.app.bots.clone(), world.system());
            async move {
                let counts = bots.label_counts(&system, pond).await.unwrap();
                counts.into_iter().map(|count| (count.source, count.is_bot, count.n)).collect::<Vec<_>>()
            }
        };
        ended(&world).await;
        assert_eq!(counts(&world).await, [
            (LabelSource::Rules, false, 1), (LabelSource::Rules, true, 1), (LabelSource::Service, true, 1),
        ]);
        world.sql(&format!("UPDATE platform_account SET is_bot = FALSE WHERE id = {marked}")).await;
        world.sql(&format!("UPDATE bot_prediction SET n_messages = 49 WHERE account_id = {sure}")).await;
        ended(&world).await;
        assert_eq!(counts(&world).await, [(LabelSource::Rules, false, 1)]);
        assert!(unsure > 0);
    }

    async fn a_training_that_fails_says_why_and_raises_one_alert_until_somebody_has_seen_to_it(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 6, 6).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        // Where files go, there is a file in the way.
        std::fs::create_dir_all(world.place().join("blobs")).unwrap();
        std::fs::write(world.place().join("blobs/training"), "in the way").unwrap();
        let training = bots.start_training(&system, None).await.unwrap();
        let first = bots.run_training(training.id, false).await;
        assert!(matches!(first, Err(BotsError::Files(_))), "{first:?}");
        let running = bots.training(&system, training.id).await.unwrap().unwrap();
        assert_eq!(running.state, TrainingState::Running, "it is tried again");
        for _ in 0..2 {
            let failed = ended(&world).await;
            assert_eq!(failed.state, TrainingState::Failed);
            assert!(failed.error.is_some());
        }
        let alerts = bots.alerts(&system).await.unwrap();
        assert_eq!(alerts.len(), 1);
        assert_eq!((alerts[0].kind, alerts[0].cleared_at), (AlertKind::Training, None));
        for _ in 0..2 {
            bots.clear_alert(&system, alerts[0].id).await.unwrap();
        }
        assert!(bots.alerts(&system).await.unwrap()[0].cleared_at.is_some());
        assert!(matches!(bots.clear_alert(&system, 999).await, Err(BotsError::NotFound)));
        // The next one that succeeds takes an alert back by itself.
        ended(&world).await;
        std::fs::remove_file(world.place().join("blobs/training")).unwrap();
        let done = ended(&world).await;
        assert_eq!(done.state, TrainingState::Done, "{done:?}");
        let open = bots.alerts(&system).await.unwrap().into_iter().filter(|alert| alert.cleared_at.is_none());
        assert_eq!(open.count(), 0);
    }

    async fn a_community_learns_from_its_own_labels_only(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        labels(&mut world, pond, 8, 8).await;
        for n in 200..204 {
            labelled(&mut world, lake, n, true).await;
        }
        let bots = world.app.bots.clone();
        let system = world.system();
        let nowhere = bots.start_training(&system, Some(CommunityId(999))).await;
        assert!(matches!(nowhere, Err(BotsError::NotFound)));
        let training = bots.start_training(&system, Some(pond)).await.unwrap();
        bots.run_training(training.id, true).await.unwrap();
        world.sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'").await;
        let training = bots.training(&system, training.id).await.unwrap().unwrap();
        assert_eq!((training.state, training.n_rows), (TrainingState::Done, 16));
        let model = bots.model(&system, training.model.unwrap()).await.unwrap().unwrap();
        assert_eq!(model.community, Some(pond));
    }

    async fn labels_that_are_brought_along_are_taken_for_known_accounts_and_wait_for_a_score(world: World) {
        let pond = world.community("Pond").await;
        let scored = labelled(&mut world, pond, 1, true).await;
        let unscored = labelled(&mut world, pond, 2, false).await;
        world.sql("DELETE FROM bot_label").await;
        world.sql(&format!("UPDATE platform_account SET platform = 2, platform_user_id = 'a' WHERE id = {scored}")).await;
        world.sql(&format!("UPDATE platform_account SET platform = 2, platform_user_id = 'b' WHERE id = {unscored}")).await;
        let rows = format!("UPDATE bot_prediction SET account_id = {scored} WHERE account_id = {unscored}");
        world.sql(&rows).await;
        let platform = kernel::Platform::from_code(2).unwrap().as_str();
        let text = format!("platform,user_id,is_bot\n{platform},a,1\n{platform},b,0\n{platform},c,1\nnowhere,d,1\n");
        let bots = world.app.bots.clone();
        let done = bots.import_labels(&world.system(), pond, &text).await.unwrap();
        assert_eq!((done.n_taken, done.n_waiting, done.n_unknown, done.n_rejected), (1, 1, 1, 1));
        let before = world.dump().await.remove("bot_label").unwrap();
        bots.import_labels(&world.system(), pond, &text).await.unwrap();
        assert_eq!(world.dump().await.remove("bot_label").unwrap(), before, "the same file changes nothing");
        let waiting = "SELECT COUNT(*) FROM bot_label WHERE source = 5 AND schema_hash = ''";
        assert_eq!(world.number(waiting).await, 1);
        let turned = format!("UPDATE bot_prediction SET account_id = {unscored} WHERE id = (SELECT MAX(id) FROM bot_prediction)");
        world.sql(&turned).await;
        ended(&world).await;
        assert_eq!(world.number(waiting).await, 0, "as soon as it is scored");
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_label WHERE source = 5 AND n_messages = 60").await, 2);
    }
}
