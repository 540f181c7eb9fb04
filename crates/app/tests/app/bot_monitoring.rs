//! What watches detection while it works: weeks of reviews, falls that are told of, and chat that has moved.

use ::bots::{AlertKind, Week, features::SCHEMA};
use kernel::{Clock, CommunityId, PageRequest, Role};
use serde_json::json;
use testkit::{World, on_both};

use super::bot_rollouts::{DAY, communities, model, reviews};

on_both! {
    async fn a_fall_of_f1_is_told_of_from_enough_sampled_bots_on_and_stays_until_it_is_over(world: World) {
        let pond = communities(&world, 1).await[0];
        let bots = world.app.bots.clone();
        let system = world.system();
        // Of the bots that were reviewed now, so many came by chance, and so many of these were accused.
        let sampled = async |world: &World, n: u32, found: u32| {
            let now = world.clock.now().0;
            world.sql(&format!(
                "UPDATE bot_review SET was_sampled = (took_secs < {n}), probability_ppm = CASE WHEN took_secs < {n} \
                 AND took_secs >= {found} THEN 100000 ELSE 900000 END WHERE at = {now}"
            )).await;
            world.app.bots.guard().await.unwrap();
            let alerts = world.app.bots.alerts(&world.system()).await.unwrap();
            alerts.iter().filter(|alert| alert.kind == AlertKind::Precision && alert.cleared_at.is_none()).count()
        };
        reviews(&mut world, i64::from(pond.0), 45, 0).await;
        assert_eq!(sampled(&world, 20, 20).await, 0);
        world.clock.advance(DAY * 35);
        reviews(&mut world, i64::from(pond.0), 45, 0).await;
        assert_eq!(sampled(&world, 1, 0).await, 0, "one bot that was missed proves nothing");
        assert_eq!(sampled(&world, 20, 12).await, 1);
        let told = bots.alerts(&system).await.unwrap().remove(0);
        assert!(told.words.contains("F1 fell from 1.00 to 0.75"), "{}", told.words);
        assert_eq!(sampled(&world, 19, 19).await, 1, "what cannot be compared any more has not recovered");
        assert_eq!(sampled(&world, 20, 20).await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_alert").await, 1);
    }

    async fn weeks_are_counted_from_reviews_and_a_fall_raises_an_alert_that_ends_with_it(world: World) {
        let pond = communities(&world, 2).await[0];
        let bots = world.app.bots.clone();
        let system = world.system();
        reviews(&mut world, i64::from(pond.0), 38, 2).await;
        world.clock.advance(DAY * 35);
        reviews(&mut world, i64::from(pond.0), 14, 6).await;
        let seen = bots.monitoring(&system, pond).await.unwrap();
        let with: Vec<&Week> = seen.weeks.iter().filter(|week| week.n_reviewed > 0).collect();
        assert_eq!((seen.weeks.len(), with.len()), (12, 2));
        assert_eq!(with[0].precision, Some(0.95));
        assert_eq!((with[0].review_secs_median, with[1].review_secs_median), (Some(19), Some(9)));
        assert_eq!((with[0].feedback_rate, with[1].feedback_rate), (Some(1.0), None), "the one case was opened in the first");
        world.sql(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, changed_at, revision) \
             SELECT community_id + 1, account_id, 0, reasons, 900000, 0, opened_at, changed_at, 1 FROM bot_case"
        ).await;
        let open = bots.instance_monitoring(&system).await.unwrap();
        assert!(open.weeks.iter().any(|week| week.feedback_rate == Some(0.5)), "of two cases one was decided");
        world.sql("DELETE FROM bot_case WHERE state = 0").await;
        assert_eq!((with[1].precision, with[1].recall, with[1].f1), (Some(0.7), None, None), "recall is not known");
        assert_eq!(bots.instance_monitoring(&system).await.unwrap().weeks, seen.weeks);
        let elsewhere = bots.monitoring(&system, CommunityId(2)).await.unwrap();
        assert!(elsewhere.weeks.iter().all(|week| week.n_reviewed == 0));
        let admin = world.admin("operator").await;
        for statement in [
            format!("UPDATE users SET email = 'o@example.org', email_folded = 'o@example.org' WHERE id = {}", admin.user),
            format!("INSERT INTO verified_email (user_id, address_folded, verified_at) VALUES ({}, 'o@example.org', 1)", admin.user),
        ] {
            world.sql(&statement).await;
        }
        for _ in 0..2 {
            bots.guard().await.unwrap();
        }
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        let letters = world.app.outbox(&system, &PageRequest::first(10)).await.unwrap();
        let about = |letter: &app::OutboxLetter| letter.subject.contains("detection of bots");
        assert_eq!(letters.items.iter().filter(|letter| about(letter)).count(), 1, "whoever runs the instance is told once");
        let letter = letters.items.iter().find(|letter| about(letter)).unwrap();
        let letter = world.app.outbox_mail(&system, &letter.name).await.unwrap().unwrap();
        assert!(format!("{letter:?}").contains("/admin/models/monitoring#alerts"), "{letter:?}");
        let alerts = bots.alerts(&system).await.unwrap();
        assert_eq!(alerts.len(), 1);
        assert!(alerts[0].words.contains("precision fell from 0.95 to 0.70"), "{}", alerts[0].words);
        reviews(&mut world, i64::from(pond.0), 200, 0).await;
        bots.guard().await.unwrap();
        assert!(bots.alerts(&system).await.unwrap()[0].cleared_at.is_some());
    }

    async fn chat_that_has_moved_is_seen_and_few_vectors_say_nothing(world: World) {
        let pond = world.community("Pond").await;
        let person = world.person(pond, "somebody", Some(Role::Member)).await;
        let account = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {}", person.user);
        let account = world.number(&account).await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let columns = SCHEMA.columns().len();
        let now = world.clock.now();
        let vectors = |days: u64, n: u32, shift: u32| {
            let at = now.minus(DAY * u32::try_from(days).unwrap()).0;
            let rows: Vec<String> = (0..n).map(|n| {
                let mut values = vec![(n % 20).to_string(); columns];
                values[5] = (n % 20 + shift).to_string();
                format!("({pond}, {account}, 100000, 0, '{}', '[{}]', '[]', 20, {at})", SCHEMA.hash(), values.join(","))
            }).collect();
            format!("INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, \
                     why, n_messages, at) VALUES {}", rows.join(","))
        };
        world.sql(&vectors(20, 300, 0)).await;
        world.sql(&vectors(2, 199, 15)).await;
        bots.measure_drift().await.unwrap();
        assert!(bots.instance_monitoring(&system).await.unwrap().drift.is_empty(), "199 vectors");
        world.sql(&vectors(1, 101, 15)).await;
        bots.measure_drift().await.unwrap();
        let drift = bots.instance_monitoring(&system).await.unwrap().drift;
        assert_eq!((drift.len(), drift[0].n), (20, 300));
        assert_eq!(drift[0].signal, SCHEMA.names()[5]);
        assert!(drift[0].psi > 0.25 && drift[1].psi < 0.1, "{drift:?}");
        assert_eq!(drift[0].against, None, "against the month before");
        let alerts = bots.alerts(&system).await.unwrap();
        assert_eq!((alerts.len(), alerts[0].kind), (1, AlertKind::Drift));
        // From now on a model judges that learned from as many bots as people, and from values like those of now.
        let model = model(&world, "learned").await;
        bots.promote_model(&system, model).await.unwrap();
        let spread = |bots: u32, people: u32| {
            json!({ "edges": [10.0], "bots": [bots, 300 - bots, 0], "people": [people, 300 - people, 0] })
        };
        let names = SCHEMA.names();
        // It saw the one that moved as it is now; of the other, half of the values are below 10 now.
        let signals = json!({ names[5].clone(): spread(0, 0), names[6].clone(): spread(300, 120) });
        let put = |n_people: u32| format!(
            "INSERT INTO bot_reference (model_id, n_bots, n_people, signals) VALUES ({model}, 300, {n_people}, '{signals}') \
             ON CONFLICT (model_id) DO UPDATE SET n_people = {n_people}"
        );
        world.sql(&put(199)).await;
        bots.measure_drift().await.unwrap();
        assert_eq!(bots.instance_monitoring(&system).await.unwrap().drift[0].against, None, "199 people");
        world.sql(&put(300)).await;
        bots.measure_drift().await.unwrap();
        let learned = bots.instance_monitoring(&system).await.unwrap().drift;
        let seen: Vec<_> = learned.iter().map(|drift| (drift.signal.as_str(), drift.against)).collect();
        assert_eq!(seen.len(), 2, "{learned:?}");
        assert!(seen.iter().all(|(_, against)| *against == Some(model)), "{seen:?}");
        let of = |name: &str| learned.iter().find(|drift| drift.signal == name).unwrap().psi;
        assert!(of(&names[6]) < 0.02, "where ten in a hundred are bots, 46 in a hundred are below: {learned:?}");
        assert!(of(&names[5]) < drift[0].psi, "nearer to what it learned from than to the month before: {learned:?}");
        // The alarm goes by the month before.
        assert_eq!(bots.alerts(&system).await.unwrap().iter().filter(|alert| alert.cleared_at.is_none()).count(), 1);
        world.expect_leftovers();
    }
}
