//! Rollouts, experiments and what watches them: communities are drawn once, guards halt, and what went wrong is seen.

use std::time::Duration;

use ::bots::{
    AlertKind, BotsError, Conclusion, ModelState, NewExperiment, Probability, Rollout,
    RolloutState, Setting, features::SCHEMA,
};
use kernel::{Clock, CommunityId, ErrorCode, Role};
use serde_json::json;
use testkit::{Statements, World, on_both};

use super::bot_models::file;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// A tested model for everybody; its file is that of the model that ships.
pub(super) async fn model(world: &World, name: &str) -> i32 {
    let prior = ::bots::prior::BYTES;
    let new = ::bots::NewModel {
        name: name.to_owned(),
        community: None,
        metrics: serde_json::json!({}),
        card: serde_json::json!({}),
    };
    let made = world
        .app
        .bots
        .add_model(&world.system(), &new, prior.into())
        .await;
    made.unwrap().id
}

pub(super) async fn communities(world: &World, n: usize) -> Vec<CommunityId> {
    let mut all = Vec::new();
    for n in 0..n {
        all.push(world.community(&format!("Pond {n}")).await);
    }
    all
}

/// Communities on either side of what runs.
async fn sides(world: &World, kind: i16) -> [Vec<i64>; 2] {
    let mut sides = [Vec::new(), Vec::new()];
    for community in 1..=world.number("SELECT MAX(id) FROM community").await {
        let arm = format!(
            "SELECT COALESCE(MAX(arm), -1) FROM bot_assignment WHERE kind = {kind} AND community_id = {community}"
        );
        match world.number(&arm).await {
            0 => sides[0].push(community),
            1 => sides[1].push(community),
            _ => {}
        }
    }
    sides
}

/// A rollout in forty communities, half of which have the new model, with both sides.
async fn half(world: &World) -> (Rollout, [Vec<i64>; 2]) {
    communities(world, 40).await;
    let model = model(world, "new").await;
    let (bots, system) = (&world.app.bots, world.system());
    let rollout = bots.start_rollout(&system, model).await.unwrap();
    let rollout = bots.advance_rollout(&system, rollout.id, 10).await;
    (rollout.unwrap(), sides(world, 1).await)
}

/// People said of so many accounts that are accused by whatever judges a community that they are bots, and of so many that they are
/// not.
pub(super) async fn reviews(world: &mut World, community: i64, bots: u32, people: u32) {
    let community = CommunityId(i32::try_from(community).unwrap());
    let person = world
        .person(community, "somebody", Some(Role::Member))
        .await;
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        person.user
    );
    let account = world.number(&account).await;
    let now = world.clock.now().0;
    world
        .sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, changed_at, \
             revision) VALUES ({community}, {account}, 1, 1, 900000, 0, {now}, {now}, 1) ON CONFLICT DO NOTHING"
        ))
        .await;
    let case = format!(
        "SELECT id FROM bot_case WHERE account_id = {account} AND community_id = {community}"
    );
    let case = world.number(&case).await;
    // Nothing is the rules, 0 the model that ships.
    let judge = format!(
        "SELECT COALESCE(MAX(model), -1) FROM (SELECT r.model_id AS model FROM bot_rollout r JOIN bot_assignment a \
         ON a.kind = 1 AND a.run_id = r.id AND a.arm = 1 WHERE r.state = 0 AND a.community_id = {community} \
         UNION ALL SELECT COALESCE(e.model_id, 0) FROM bot_experiment e JOIN bot_assignment a \
         ON a.kind = 2 AND a.run_id = e.id AND a.arm = 1 WHERE e.state = 0 AND a.community_id = {community}) AS judge"
    );
    let judge = world.number(&judge).await;
    world
        .sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, model_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) VALUES ({community}, {account}, NULLIF({judge}, -1), 900000, 0, '', '', '[]', 20, {now})"
        ))
        .await;
    let prediction = world.number("SELECT MAX(id) FROM bot_prediction").await;
    for n in 0..bots + people {
        let verdict = if n < bots { 1 } else { 2 };
        world
            .sql(&format!(
                "INSERT INTO bot_review (case_id, community_id, account_id, verdict, reason, probability_ppm, prediction_id, \
                 was_sampled, took_secs, at) VALUES ({case}, {community}, {account}, {verdict}, '', 900000, {prediction}, FALSE, {n}, \
                 {now})"
            ))
            .await;
    }
}

/// Somebody says so much in a community that they are scored.
async fn talk(world: &mut World, community: i64) {
    let community = CommunityId(i32::try_from(community).unwrap());
    for n in 0..20 {
        world.clock.advance(Duration::from_secs(60));
        world
            .say(community, "chatterbox", &format!("number {n} of many"))
            .await;
    }
}

/// Runs what waits, and what begins within a minute, until nothing does.
async fn run_jobs(world: &World) {
    let runner = app::jobs::runner(&world.app, "tester");
    let soon = world.clock.now().plus(Duration::from_secs(66));
    while runner.run_due(soon).await.unwrap() > 0 {}
}

async fn newest(world: &World) -> Rollout {
    let all = world.app.bots.rollouts(&world.system()).await.unwrap();
    all.into_iter().next().unwrap()
}

on_both! {
    async fn a_rollout_goes_from_ten_percent_to_all_and_nobody_changes_back(world: World) {
        communities(&world, 60).await;
        let own = CommunityId(1);
        let bots = world.app.bots.clone();
        let system = world.system();
        let model = model(&world, "new").await;
        world.sql(&format!(
            "INSERT INTO bot_model (name, version, scope, kind, state, blob, sha256, size_bytes, schema_hash, metrics, card, \
             added_at) VALUES ('own', 1, {own}, 1, 2, 'x', 'x', 1, '{}', '{{}}', '{{}}', 0)", SCHEMA.hash()
        )).await;
        let first = bots.start_rollout(&system, model).await.unwrap();
        assert_eq!((first.step, first.state), (10, RolloutState::Running));
        assert_eq!(bots.start_rollout(&system, model).await.unwrap().id, first.id, "it is that already");
        let [old, new] = sides(&world, 1).await;
        assert_eq!(old.len() + new.len(), 59, "who has a model of its own is not asked");
        assert!(!new.contains(&1) && !old.contains(&1));
        assert_eq!(first.n_communities, u32::try_from(new.len()).unwrap());
        let busy = NewExperiment { hypothesis: "x".to_owned(), model: None };
        let busy = bots.start_experiment(&system, &busy).await.unwrap_err();
        assert_eq!(busy.code(), ErrorCode::Conflict);
        let half = bots.advance_rollout(&system, first.id, 10).await.unwrap();
        let [_, more] = sides(&world, 1).await;
        assert_eq!(half.step, 50);
        assert!(new.iter().all(|community| more.contains(community)) && more.len() > new.len());
        let late = bots.advance_rollout(&system, first.id, 10).await.unwrap_err();
        assert_eq!(late.code(), ErrorCode::Conflict, "somebody was faster");
        // One that comes meanwhile is drawn by the hourly look.
        world.community("Newcomer").await;
        bots.guard().await.unwrap();
        let [old, new] = sides(&world, 1).await;
        assert_eq!(old.len() + new.len(), 60);
        let all = bots.advance_rollout(&system, first.id, 50).await.unwrap();
        assert_eq!((all.step, all.n_communities), (100, 60));
        let done = bots.advance_rollout(&system, first.id, 100).await.unwrap();
        assert_eq!(done.state, RolloutState::Finished);
        let deployed = bots.model(&system, model).await.unwrap().unwrap();
        assert_eq!(deployed.state, ModelState::Deployed);
        let again = bots.start_rollout(&system, model).await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::Conflict, "it scores everywhere");
        let halted = bots.halt_rollout(&system, first.id, "too late").await.unwrap();
        assert_eq!(halted.state, RolloutState::Finished, "over is over");
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'bots.rollout.advance'").await, 3);
        // Each hears of it once: when it gets the model. The newcomer was given it before anybody could be told of a step.
        let told = "SELECT COUNT(*) * 1000 + COUNT(DISTINCT community_id) FROM domain_event \
                    WHERE kind = 'bots.rollout_advanced' AND community_id IS NOT NULL";
        let told = world.number(told).await;
        assert!(told % 1_000 == told / 1_000 && (59..=60).contains(&(told % 1_000)), "{told}");
        let steps = "SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.rollout_advanced' AND community_id IS NULL";
        assert_eq!(world.number(steps).await, 3);
        let nothing = bots.halt_rollout(&system, 999, "why").await;
        assert!(matches!(nothing, Err(BotsError::NotFound)));
        world.expect_leftovers();
    }

    async fn a_model_that_is_wrong_more_often_than_the_one_before_is_halted_by_itself(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let (rollout, [old, new]) = half(&world).await;
        reviews(&mut world, old[0], 19, 1).await;
        reviews(&mut world, new[0], 9, 10).await;
        bots.guard().await.unwrap();
        assert_eq!(newest(&world).await.state, RolloutState::Running, "nineteen reviews prove nothing");
        reviews(&mut world, new[1], 0, 1).await;
        let refused = bots.advance_rollout(&system, rollout.id, 50).await.unwrap_err();
        assert!(refused.to_string().contains("45 %"), "{refused}");
        for _ in 0..2 {
            bots.guard().await.unwrap();
        }
        let halted = newest(&world).await;
        assert_eq!(halted.state, RolloutState::Halted);
        let seen = halted.guards;
        assert_eq!((seen.n_old, seen.n_new, seen.precision_new), (20, 20, Some(0.45)));
        assert!(seen.precision_p_value.is_some_and(|p| p < 0.1), "{seen:?}");
        world.clock.advance(DAY);
        reviews(&mut world, new[1], 0, 5).await;
        assert_eq!(newest(&world).await.guards, seen, "what is said after its end is not said of it");
        assert!(halted.halted_why.unwrap().contains("precision 45 %"));
        let alerts = bots.alerts(&system).await.unwrap();
        assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::Rollout).count(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'bots.rollout.halt'").await, 1);
        let told = "SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.rollout_halted'";
        assert_eq!(world.number(told).await, 1 + i64::try_from(new.len()).unwrap(), "those who had it, and once for all");
        let model = bots.model(&system, rollout.model).await.unwrap().unwrap();
        assert_eq!(model.state, ModelState::Testing, "it can be tried again");
        world.expect_leftovers();
    }

    async fn a_review_counts_for_what_predicted_and_at_the_last_step_for_what_judged_before(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let (rollout, [old, new]) = half(&world).await;
        world.clock.advance(DAY);
        reviews(&mut world, old[0], 19, 1).await;
        reviews(&mut world, new[0], 30, 0).await;
        let seen = newest(&world).await.guards;
        assert_eq!((seen.n_old, seen.n_new), (20, 30));
        // What the one before said of somebody is no merit and no fault of the new one.
        world.sql(&format!("UPDATE bot_prediction SET model_id = NULL WHERE community_id = {}", new[0])).await;
        let seen = newest(&world).await.guards;
        assert_eq!((seen.n_old, seen.n_new), (20, 0));
        world.clock.advance(DAY);
        bots.advance_rollout(&system, rollout.id, 50).await.unwrap();
        let last = newest(&world).await;
        assert_eq!((last.step, last.n_communities), (100, 40));
        assert_eq!((last.guards.n_old, last.guards.n_new), (20, 0), "those that came last, before they came");
        reviews(&mut world, old[1], 2, 18).await;
        let objection = bots.advance_rollout(&system, rollout.id, 100).await.unwrap_err();
        assert!(objection.to_string().contains("precision 10 %"), "{objection}");
        bots.guard().await.unwrap();
        assert_eq!(newest(&world).await.state, RolloutState::Halted, "also where nobody is left to be compared with");
        world.expect_leftovers();
    }

    async fn what_judges_everybody_stays_while_it_is_compared_and_everybody_is_scored_by_what_comes(world: World) {
        communities(&world, 4).await;
        talk(&mut world, 1).await;
        while world.app.bots.tick().await.unwrap().is_behind {}
        run_jobs(&world).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let first = model(&world, "first").await;
        let other = file(SCHEMA.hash(), 1);
        let new = ::bots::NewModel { name: "second".to_owned(), community: None, metrics: json!({}), card: json!({}) };
        let second = bots.add_model(&system, &new, other).await.unwrap().id;
        bots.promote_model(&system, first).await.unwrap();
        let judged_by = "SELECT MIN(COALESCE(model_id, -1)) FROM bot_score";
        assert_ne!(world.number(judged_by).await, i64::from(first));
        run_jobs(&world).await;
        assert_eq!(world.number(judged_by).await, i64::from(first), "nobody waits for the night");
        let rollout = bots.start_rollout(&system, second).await.unwrap();
        for refused in [
            bots.promote_model(&system, second).await.map(|_| ()),
            bots.roll_back_model(&system, None).await.map(|_| ()),
            bots.retire_model(&system, second).await,
        ] {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::Conflict);
        }
        for step in [10, 50, 100] {
            bots.advance_rollout(&system, rollout.id, step).await.unwrap();
        }
        let found = bots.model(&system, second).await.unwrap().unwrap();
        assert_eq!(found.state, ModelState::Deployed);
        run_jobs(&world).await;
        assert_eq!(world.number(judged_by).await, i64::from(second));
        let new = NewExperiment { hypothesis: "rules accuse fewer".to_owned(), model: None };
        let begun = bots.start_experiment(&system, &new).await.unwrap();
        let refused = bots.promote_model(&system, first).await.unwrap_err();
        assert!(refused.to_string().contains("experiment"), "{refused}");
        bots.stop_experiment(&system, begun.id, "enough").await.unwrap();
        bots.promote_model(&system, first).await.unwrap();
        run_jobs(&world).await;
    }

    async fn an_experiment_says_nothing_of_few_reviews_and_ends_where_the_model_does_harm(world: World) {
        communities(&world, 30).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let new = NewExperiment { hypothesis: "models accuse fewer people".to_owned(), model: None };
        let begun = bots.start_experiment(&system, &new).await.unwrap();
        assert_eq!((begun.conclusion, begun.precision), (Conclusion::NotEnough { needed: 50 }, None));
        let [rules, model] = &begun.arms;
        assert_eq!(rules.n_communities + model.n_communities, 30);
        assert!(rules.n_communities >= 5 && model.n_communities >= 5);
        let unknown = NewExperiment { model: Some(999), ..new.clone() };
        assert_eq!(bots.start_experiment(&system, &unknown).await.unwrap_err().code(), ErrorCode::Conflict, "one at a time");
        let [by_rules, by_model] = sides(&world, 2).await;
        reviews(&mut world, by_rules[0], 90, 10).await;
        reviews(&mut world, by_model[0], 20, 29).await;
        bots.guard().await.unwrap();
        let few = bots.experiments(&system).await.unwrap().remove(0);
        assert_eq!((few.conclusion, few.ended_at), (Conclusion::NotEnough { needed: 50 }, None));
        assert_eq!(few.arms[1].review_secs_median, Some(24));
        reviews(&mut world, by_model[0], 20, 31).await;
        bots.guard().await.unwrap();
        let ended = bots.experiments(&system).await.unwrap().remove(0);
        assert_eq!(ended.conclusion, Conclusion::RulesBetter);
        let estimate = ended.precision.unwrap();
        assert!((estimate.difference + 0.5).abs() < 1e-9 && estimate.high < 0.0 && estimate.p_value < 0.05, "{estimate:?}");
        assert!(ended.ended_why.unwrap().contains("wrong more often"));
        world.clock.advance(DAY);
        reviews(&mut world, by_model[0], 30, 0).await;
        talk(&mut world, by_model[0]).await;
        while bots.tick().await.unwrap().is_behind {}
        let later = bots.experiments(&system).await.unwrap().remove(0);
        assert_eq!(later.arms, ended.arms, "what is said after its end is not said of it");
        // The next one ends after four weeks.
        let second = bots.start_experiment(&system, &new).await.unwrap();
        world.clock.advance(DAY * 27);
        bots.guard().await.unwrap();
        assert_eq!(bots.experiments(&system).await.unwrap()[0].ended_at, None);
        world.clock.advance(DAY);
        bots.guard().await.unwrap();
        let over = bots.experiments(&system).await.unwrap().remove(0);
        assert_eq!((over.id, over.ended_why.as_deref()), (second.id, Some("four weeks are over")));
        world.expect_leftovers();
    }

    async fn rates_of_an_arm_are_of_everybody_with_a_score_also_where_nobody_moved(world: World) {
        communities(&world, 4).await;
        for community in 1..=4 {
            talk(&mut world, community).await;
        }
        while world.app.bots.tick().await.unwrap().is_behind {}
        // As after weeks in which nothing moved.
        world.clock.advance(DAY);
        let bots = world.app.bots.clone();
        let system = world.system();
        let new = NewExperiment { hypothesis: "models see more".to_owned(), model: None };
        let begun = bots.start_experiment(&system, &new).await.unwrap();
        let sides = sides(&world, 2).await;
        let since = format!("SELECT COUNT(*) FROM bot_prediction WHERE at >= {}", begun.started_at.0);
        assert_eq!(world.number(&since).await, 0, "nothing is news");
        for side in &sides {
            reviews(&mut world, side[0], 1, 1).await;
        }
        let seen = bots.experiments(&system).await.unwrap().remove(0);
        for (arm, side) in seen.arms.iter().zip(&sides) {
            let scored = f64::from(u32::try_from(side.len()).unwrap());
            assert_eq!((arm.n_cases, arm.n_wrong), (1, 1));
            assert_eq!(arm.detection_rate, Some(1_000.0 / scored), "{side:?}");
            assert_eq!(arm.false_positive_rate, Some(1.0 / scored), "{side:?}");
        }
        let ended = bots.stop_experiment(&system, begun.id, "enough").await.unwrap();
        assert_eq!(ended.arms, seen.arms);
        world.sql("DELETE FROM bot_score").await;
        let later = bots.experiments(&system).await.unwrap().remove(0);
        assert_eq!(later.arms, ended.arms, "who has a score later does not count for it");
        world.expect_leftovers();
    }

    async fn who_was_accused_goes_by_what_each_community_calls_possible(world: World) {
        let ponds = communities(&world, 4).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let new = NewExperiment { hypothesis: "models see more".to_owned(), model: None };
        bots.start_experiment(&system, &new).await.unwrap();
        for pond in &ponds {
            reviews(&mut world, i64::from(pond.0), 3, 1).await;
        }
        let strict = Setting {
            possible: Probability::percent(91),
            likely: Probability::percent(95),
            ..Setting::default()
        };
        let week = async |of: Option<CommunityId>| {
            let seen = match of {
                Some(community) => bots.monitoring(&system, community).await,
                None => bots.instance_monitoring(&system).await,
            };
            let last = *seen.unwrap().weeks.last().unwrap();
            (last.n_reviewed, last.n_right, last.n_wrong)
        };
        let reviewed = async || {
            let seen = bots.experiments(&system).await.unwrap().remove(0);
            seen.arms.iter().map(|arm| arm.n_reviewed).sum::<u64>()
        };
        assert_eq!((week(None).await, reviewed().await), ((16, 12, 4), 16));
        bots.change_setting(&system, ponds[0], &strict).await.unwrap();
        assert_eq!(week(Some(ponds[0])).await, (4, 0, 0), "90 percent accuse nobody there");
        assert_eq!(week(Some(ponds[1])).await, (4, 3, 1));
        assert_eq!((week(None).await, reviewed().await), ((16, 9, 3), 12));
        world.expect_leftovers();
    }

    async fn many_experiments_and_weeks_are_read_with_as_many_statements_as_one(world: World) {
        communities(&world, 6).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let new = NewExperiment { hypothesis: "models see more".to_owned(), model: None };
        let mut sent = Vec::new();
        for n in 0..3 {
            let begun = bots.start_experiment(&system, &new).await.unwrap();
            let [_, by_model] = sides(&world, 2).await;
            reviews(&mut world, by_model[0], n, 2 * n).await;
            bots.stop_experiment(&system, begun.id, "enough").await.unwrap();
            world.clock.advance(DAY);
            let statements = Statements::listen();
            let all = bots.experiments(&system).await.unwrap();
            sent.push(statements.counts());
            let seen: Vec<u64> = all.iter().map(|one| one.arms.iter().map(|arm| arm.n_reviewed).sum()).collect();
            let wanted: Vec<u64> = (0..=n).rev().map(|n| u64::from(3 * n)).collect();
            assert_eq!(seen, wanted);
            let taken = all[0].arms.iter().find_map(|arm| arm.review_secs_median);
            assert_eq!(taken, (n > 0).then(|| (3 * n - 1) / 2), "the lower one of two in the middle");
        }
        assert_eq!((&sent[1], &sent[2]), (&sent[0], &sent[0]));
        let statements = Statements::listen();
        bots.instance_monitoring(&system).await.unwrap();
        let counts = statements.counts();
        assert!(counts.values().all(|n| *n == 1), "each is sent once, not for each week: {counts:?}");
        world.expect_leftovers();
    }

    async fn communities_are_judged_by_what_they_were_drawn_for_until_it_is_over(world: World) {
        communities(&world, 12).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let new = NewExperiment { hypothesis: "models see more".to_owned(), model: None };
        let experiment = bots.start_experiment(&system, &new).await.unwrap();
        let sides = sides(&world, 2).await;
        let judges = |world: &World, side: i64| {
            let query = format!(
                "SELECT COALESCE(MAX(CASE WHEN model_id IS NULL THEN -1 ELSE model_id END), -2) FROM bot_prediction WHERE community_id = {side}"
            );
            let world = world.app.db().clone();
            async move {
                let rows = store::sql::rows(world.read(), &query, vec![]).await.unwrap();
                rows[0].try_get_by_index::<i32>(0).unwrap()
            }
        };
        for side in [sides[0][0], sides[1][0]] {
            talk(&mut world, side).await;
        }
        while bots.tick().await.unwrap().is_behind {}
        assert_eq!(judges(&world, sides[0][0]).await, -1, "the rules");
        assert_eq!(judges(&world, sides[1][0]).await, ::bots::SHIPPED_MODEL, "whatever is deployed");
        bots.stop_experiment(&system, experiment.id, "enough").await.unwrap();
        let model = model(&world, "new").await;
        let rollout = bots.start_rollout(&system, model).await.unwrap();
        let rollout = bots.advance_rollout(&system, rollout.id, 10).await.unwrap();
        let rolled = self::sides(&world, 1).await;
        world.sql("DELETE FROM bot_prediction").await;
        world.sql("UPDATE bot_score SET predicted_ppm = NULL").await;
        for side in [rolled[0][0], rolled[1][0]] {
            talk(&mut world, side).await;
        }
        while bots.tick().await.unwrap().is_behind {}
        assert_eq!(judges(&world, rolled[0][0]).await, ::bots::SHIPPED_MODEL);
        assert_eq!(judges(&world, rolled[1][0]).await, model);
        bots.halt_rollout(&system, rollout.id, "enough").await.unwrap();
        world.sql("DELETE FROM bot_prediction").await;
        world.sql("UPDATE bot_score SET predicted_ppm = NULL").await;
        talk(&mut world, rolled[1][0]).await;
        while bots.tick().await.unwrap().is_behind {}
        assert_eq!(judges(&world, rolled[1][0]).await, ::bots::SHIPPED_MODEL, "halted means at once");
        // A score that takes too long is told of.
        world.sql("UPDATE bot_progress SET latency_us = 600000 WHERE id = 1").await;
        bots.guard().await.unwrap();
        let alerts = bots.alerts(&system).await.unwrap();
        assert!(alerts.iter().any(|alert| alert.kind == AlertKind::Latency && alert.cleared_at.is_none()));
        assert_eq!(bots.instance_monitoring(&system).await.unwrap().latency_p99_ms, Some(600));
        world.sql("UPDATE bot_progress SET latency_us = 90 WHERE id = 1").await;
        bots.guard().await.unwrap();
        let alerts = bots.alerts(&system).await.unwrap();
        assert!(alerts.iter().all(|alert| alert.cleared_at.is_some()));
        world.expect_leftovers();
    }
}
