//! A candidate held against the deployed model on what was scored lately, before anybody is judged by it.

use std::time::Duration;

use ::bots::{BotsError, Confirmed, NewModel, SHIPPED_MODEL, Setting, Shadow, features::SCHEMA};
use bytes::Bytes;
use kernel::{Clock, CommunityId, ErrorCode, Role};
use serde_json::json;
use testkit::{World, on_both};

use super::bot_models::file;

const DAY: Duration = Duration::from_secs(86_400);

async fn add(world: &World, community: Option<CommunityId>, file: Bytes) -> i32 {
    let new = NewModel {
        name: "trial".to_owned(),
        community,
        metrics: json!({}),
        card: json!({}),
    };
    let added = world.app.bots.add_model(&world.system(), &new, file).await;
    added.unwrap().id
}

/// Somebody about whom something was predicted some days ago, all values being this one; answers the account.
async fn predicted(
    world: &mut World,
    (community, name): (CommunityId, &str),
    days: u32,
    value: &str,
) -> i64 {
    let person = world.person(community, name, Some(Role::Member)).await;
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        person.user
    );
    let account = world.number(&account).await;
    let features = vec![value; SCHEMA.columns().len()].join(",");
    let at = world.clock.now().minus(DAY * days).0;
    world
        .sql(&format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
             n_messages, at) VALUES ({community}, {account}, 100000, 0, '{}', '[{features}]', '[]', 20, {at})",
            SCHEMA.hash()
        ))
        .await;
    account
}

async fn decided(world: &World, community: CommunityId, account: i64, state: i16) -> i64 {
    let insert = format!(
        "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, changed_at, \
         revision) VALUES ({community}, {account}, {state}, 1, 900000, 0, 0, 0, 1)"
    );
    world.sql(&insert).await;
    world.number("SELECT MAX(id) FROM bot_case").await
}

async fn shadow(world: &World, model: i32, community: Option<CommunityId>) -> Shadow {
    let bots = &world.app.bots;
    let found = bots.shadow(&world.system(), model, community).await;
    found.unwrap()
}

on_both! {
    async fn a_candidate_is_held_against_what_is_deployed_on_everybody_who_was_scored_lately(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let high = predicted(&mut world, (pond, "high"), 29, "19").await;
        let low = predicted(&mut world, (pond, "low"), 2, "0").await;
        let elsewhere = predicted(&mut world, (lake, "elsewhere"), 1, "19").await;
        predicted(&mut world, (lake, "long ago"), 31, "19").await;
        let stranger = predicted(&mut world, (lake, "stranger"), 1, "19").await;
        world.sql(&format!("UPDATE bot_prediction SET schema_hash = 'older' WHERE account_id = {stranger}")).await;
        // What was predicted before does not count twice.
        predicted(&mut world, (pond, "low"), 9, "19").await;
        let twice = format!("UPDATE bot_prediction SET id = 0 WHERE account_id = {low} AND id = (SELECT MAX(id) FROM bot_prediction)");
        world.sql(&twice).await;
        let case = decided(&world, pond, high, 1).await;
        decided(&world, lake, elsewhere, 2).await;
        // It says bot where values are high, and person where they are low.
        let linear = add(&world, None, file(SCHEMA.hash(), 1)).await;
        let copy = add(&world, None, Bytes::from_static(::bots::prior::BYTES)).await;
        let before = world.dump().await;
        let same = shadow(&world, copy, None).await;
        assert_eq!((same.against, same.counts.n_compared, same.n_left_out), (Some(SHIPPED_MODEL), 3, 1));
        assert_eq!((same.counts.mean_difference, same.differing.len()), (Some(0.0), 0));
        assert_eq!(same.counts.candidate_bins, same.counts.deployed_bins);
        let other = shadow(&world, linear, None).await;
        assert_eq!((other.model.id, other.community), (linear, None));
        let counts = &other.counts;
        assert_eq!(counts.likely.both + counts.likely.only_candidate, 2);
        assert_eq!((counts.candidate_bins[0], counts.candidate_bins[9]), (1, 2));
        assert_eq!(counts.n_reviewed, 2);
        assert_eq!(counts.candidate, Confirmed { n_right: 1, n_wrong: 1, n_missed: 0 });
        let apart = |shadow: &Shadow| -> Vec<u32> {
            shadow.differing.iter().map(|one| one.candidate.ppm().abs_diff(one.deployed.ppm())).collect()
        };
        assert!(apart(&other).is_sorted_by(|a, b| a >= b) && apart(&other).len() == 3, "{other:?}");
        let named = other.differing.iter().find(|one| one.account.id.0 == high).unwrap();
        assert_eq!((named.community, named.case.map(i64::from)), (pond, Some(case)));
        let here = shadow(&world, linear, Some(pond)).await;
        assert_eq!((here.community, here.counts.n_compared), (Some(pond), 2));
        assert_eq!(world.dump().await, before, "nobody is judged by it");
    }

    async fn what_is_deployed_is_held_against_what_it_replaced_and_who_has_a_model_of_its_own_is_left_out(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        predicted(&mut world, (pond, "ann"), 1, "9.5").await;
        predicted(&mut world, (lake, "bob"), 1, "19").await;
        let bots = world.app.bots.clone();
        let system = world.system();
        let first = add(&world, None, file(SCHEMA.hash(), 1)).await;
        let second = add(&world, None, Bytes::from_static(::bots::prior::BYTES)).await;
        let own = add(&world, Some(lake), file(SCHEMA.hash(), 2)).await;
        bots.promote_model(&system, first).await.unwrap();
        assert_eq!(shadow(&world, first, None).await.against, Some(SHIPPED_MODEL));
        assert_eq!(shadow(&world, second, None).await.against, Some(first));
        bots.promote_model(&system, second).await.unwrap();
        let after = shadow(&world, second, None).await;
        assert_eq!((after.against, after.counts.n_compared), (Some(first), 2));
        assert_eq!(shadow(&world, own, None).await.community, Some(lake), "it is for nobody else");
        bots.promote_model(&system, own).await.unwrap();
        assert_eq!(shadow(&world, first, None).await.counts.n_compared, 1);
        let there = shadow(&world, first, Some(lake)).await;
        assert_eq!((there.against, there.counts.n_compared), (Some(own), 1));
        // Without it, that community would have what everybody has.
        assert_eq!(shadow(&world, own, None).await.against, Some(second));
        // Half way between what it calls a person and what it calls a bot, so that thresholds decide.
        let mut called = Vec::new();
        for (likely, possible) in [(30, 20), (95, 90)] {
            let percent = ::bots::Probability::percent;
            let setting = Setting { likely: percent(likely), possible: percent(possible), ..Setting::default() };
            bots.change_setting(&system, pond, &setting).await.unwrap();
            let counts = shadow(&world, first, Some(pond)).await.counts;
            called.push(counts.possible.both + counts.possible.only_candidate);
        }
        assert_eq!(called, [1, 0]);
        world.expect_leftovers();
    }

    async fn what_cannot_be_compared_is_refused_with_a_reason(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let bots = world.app.bots.clone();
        let system = world.system();
        let own = add(&world, Some(lake), file(SCHEMA.hash(), 1)).await;
        let elsewhere = bots.shadow(&system, own, Some(pond)).await.unwrap_err();
        assert_eq!(elsewhere.code(), ErrorCode::BadUserInput, "{elsewhere}");
        let model = add(&world, None, file(SCHEMA.hash(), 2)).await;
        let nowhere = bots.shadow(&system, model, Some(CommunityId(999))).await;
        assert!(matches!(nowhere, Err(BotsError::NotFound)), "{nowhere:?}");
        let nothing = bots.shadow(&system, 999, None).await;
        assert!(matches!(nothing, Err(BotsError::NotFound)), "{nothing:?}");
        let empty = shadow(&world, model, None).await;
        assert_eq!((empty.counts.n_compared, empty.counts.mean_difference, empty.n_left_out), (0, None, 0));
        for change in ["schema_hash = 'older'", "state = 0"] {
            world.sql(&format!("UPDATE bot_model SET {change} WHERE id = {model}")).await;
            let refused = bots.shadow(&system, model, None).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::Conflict, "{refused}");
        }
    }
}
