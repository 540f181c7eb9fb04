//! The registry of models: files that are read before they are believed, deployed, taken back and compared.

use ::bots::{
    BotsError, MeasuredOn, Model, ModelState, NewModel, Probability, SHIPPED_MODEL,
    features::SCHEMA,
};
use bytes::Bytes;
use kernel::{CommunityId, ErrorCode};
use ml::{Logistic, onnx};
use serde_json::json;
use testkit::{World, on_both};

/// A linear model that was made for the features of a schema; each `n` makes another file.
pub(super) fn file(schema: &str, n: u32) -> Bytes {
    let names = SCHEMA.names();
    let n_features = names.len();
    let mut data = ml::Dataset::new(names);
    for row in 0..20_u16 {
        let example = ml::Example {
            features: &vec![f32::from(row); n_features],
            label: row >= 10,
            weight: 1.0,
            group: u64::from(row),
            at: i64::from(row),
        };
        data.push(&example).unwrap();
    }
    let model = Logistic::fit(&data, &ml::logistic::Params::default()).unwrap();
    let properties = onnx::Properties {
        schema: schema.to_owned(),
        version: n.to_string(),
        threshold: Some(0.7),
        ..onnx::Properties::default()
    };
    onnx::write(&model.into(), &properties).unwrap().into()
}

fn new(community: Option<CommunityId>, f1: f64) -> NewModel {
    NewModel {
        name: "trial".to_owned(),
        community,
        metrics: json!({ "test": { "f1": f1, "auc": 0.99 } }),
        card: json!({ "data": "twenty invented rows", "limits": "all of them" }),
    }
}

async fn add(world: &World, community: Option<CommunityId>, n: u32) -> Model {
    let file = file(SCHEMA.hash(), n);
    let made = world
        .app
        .bots
        .add_model(&world.system(), &new(community, f64::from(n)), file)
        .await;
    made.unwrap()
}

async fn states(world: &World) -> Vec<(i32, ModelState)> {
    let all = world.app.bots.models(&world.system()).await.unwrap();
    all.into_iter()
        .rev()
        .filter(|model| model.id > SHIPPED_MODEL)
        .map(|model| (model.id, model.state))
        .collect()
}

on_both! {
    async fn a_model_is_registered_once_with_its_hash_and_comes_out_as_it_went_in(world: World) {
        let bots = world.app.bots.clone();
        let first = add(&world, None, 1).await;
        assert_eq!((first.version, first.state, first.is_current()), (1, ModelState::Testing, true));
        assert_eq!(first.threshold.unwrap().confidence(), 70);
        assert_eq!(add(&world, None, 1).await, first, "the same file is the same model");
        let second = add(&world, None, 2).await;
        assert_eq!((second.version, second.name.as_str()), (2, "trial"));
        let out = bots.model_file(&world.system(), first.id).await.unwrap();
        assert_eq!(out, file(SCHEMA.hash(), 1));
        let row = format!("UPDATE bot_model SET sha256 = '{}' WHERE id = {}", second.sha256, first.id);
        world.sql(&format!("DELETE FROM bot_model WHERE id = {}", second.id)).await;
        world.sql(&row).await;
        assert_eq!(bots.model_file(&world.system(), first.id).await.unwrap(), file(SCHEMA.hash(), 2), "the hash names the file");
        let audited = "SELECT COUNT(*) FROM audit WHERE action = 'bots.model.add'";
        assert_eq!(world.number(audited).await, 2);
    }

    async fn a_file_that_was_changed_on_the_disk_is_neither_handed_out_nor_deployed(world: World) {
        let bots = world.app.bots.clone();
        let model = add(&world, None, 1).await;
        let path = world.place().join("blobs").join("models").join(format!("{}.onnx", model.sha256));
        std::fs::write(&path, file(SCHEMA.hash(), 2)).unwrap();
        let out = bots.model_file(&world.system(), model.id).await.unwrap_err();
        assert_eq!(out.code(), ErrorCode::Conflict, "{out}");
        let deployed = bots.promote_model(&world.system(), model.id).await.unwrap_err();
        assert_eq!(deployed.code(), ErrorCode::Conflict);
        std::fs::remove_file(&path).unwrap();
        let gone = bots.promote_model(&world.system(), model.id).await.unwrap_err();
        assert!(matches!(gone, BotsError::Files(_)), "{gone:?}");
        assert_eq!(states(&world).await, [(model.id, ModelState::Testing)]);
    }

    async fn what_is_no_model_or_one_of_other_features_leaves_nothing_behind(world: World) {
        let bots = world.app.bots.clone();
        let before = world.dump().await;
        let huge = Bytes::from(vec![0_u8; ::bots::MODEL_BYTES_MAX + 1]);
        for bytes in [Bytes::from_static(b"nonsense"), Bytes::new(), huge, file("0123456789abcdef", 1), file("", 1)] {
            let refused = bots.add_model(&world.system(), &new(None, 0.9), bytes).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::BadUserInput, "{refused}");
        }
        let no_object = NewModel { metrics: json!([1]), ..new(None, 0.9) };
        let refused = bots.add_model(&world.system(), &no_object, file(SCHEMA.hash(), 1)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::BadUserInput);
        let nowhere = bots.add_model(&world.system(), &new(Some(CommunityId(999)), 0.9), file(SCHEMA.hash(), 1)).await;
        assert!(matches!(nowhere, Err(BotsError::NotFound)), "{nowhere:?}");
        assert_eq!(world.dump().await, before);
        assert!(!world.place().join("blobs").join("models").exists());
    }

    async fn one_model_scores_and_taking_it_back_puts_the_one_before_in_its_place(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let pond = world.community("Pond").await;
        let (a, b) = (add(&world, None, 1).await.id, add(&world, None, 2).await.id);
        let own = add(&world, Some(pond), 1).await;
        assert_eq!(own.community, Some(pond));
        for _ in 0..2 {
            bots.promote_model(&system, a).await.unwrap();
        }
        bots.promote_model(&system, own.id).await.unwrap();
        let second = bots.promote_model(&system, b).await.unwrap();
        assert_eq!(second.replaced, Some(a));
        let deployed = |id| (id, ModelState::Deployed);
        let retired = |id| (id, ModelState::Retired);
        assert_eq!(states(&world).await, [retired(a), deployed(b), deployed(own.id)]);
        let busy = bots.retire_model(&system, b).await.unwrap_err();
        assert_eq!(busy.code(), ErrorCode::Conflict);
        bots.promote_model(&system, a).await.unwrap();
        let back = bots.roll_back_model(&system, None).await.unwrap();
        assert_eq!(back.map(|model| model.id), Some(b));
        let back = bots.roll_back_model(&system, None).await.unwrap();
        assert_eq!(back.map(|model| model.id), Some(a));
        assert_eq!(bots.roll_back_model(&system, None).await.unwrap(), None, "then the model that ships scores");
        let judge = bots.expected_errors(&system, pond, Probability::percent(70), Probability::percent(50)).await.unwrap();
        assert_eq!(judge.model, Some(own.id), "or the community's own");
        assert_eq!(states(&world).await, [retired(a), retired(b), deployed(own.id)]);
        let nothing = bots.roll_back_model(&system, None).await;
        assert!(matches!(nothing, Err(BotsError::NotFound)), "{nothing:?}");
        assert_eq!(bots.roll_back_model(&system, Some(pond)).await.unwrap(), None);
        let promoted = "SELECT COUNT(*) FROM audit WHERE action = 'bots.model.promote'";
        assert_eq!(world.number(promoted).await, 4);
        let told = async |kind: &str, whose: &str| {
            world.number(&format!("SELECT COUNT(*) FROM domain_event WHERE kind = '{kind}' AND community_id {whose}")).await
        };
        // a, b, a by hand, then b and a because what came after was taken back.
        assert_eq!((told(::bots::MODEL_PROMOTED, "IS NULL").await, told(::bots::MODEL_RETIRED, "IS NULL").await), (5, 5));
        assert_eq!((told(::bots::MODEL_PROMOTED, "IS NOT NULL").await, told(::bots::MODEL_RETIRED, "IS NOT NULL").await), (1, 1));
        world.expect_leftovers();
    }

    async fn a_model_of_an_older_schema_does_not_come_back(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let (a, b) = (add(&world, None, 1).await.id, add(&world, None, 2).await.id);
        bots.promote_model(&system, a).await.unwrap();
        bots.promote_model(&system, b).await.unwrap();
        world.sql(&format!("UPDATE bot_model SET schema_hash = 'older' WHERE id = {a}")).await;
        assert_eq!(bots.roll_back_model(&system, None).await.unwrap(), None);
        bots.retire_model(&system, a).await.unwrap();
        assert!(states(&world).await.iter().all(|(_, state)| *state == ModelState::Retired));
        world.expect_leftovers();
    }

    async fn a_model_whose_file_was_changed_does_not_come_back_and_the_next_in_line_scores(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let pond = world.community("Pond").await;
        let (a, b) = (add(&world, None, 1).await, add(&world, None, 2).await);
        for id in [a.id, b.id] {
            bots.promote_model(&system, id).await.unwrap();
        }
        let path = world.place().join("blobs").join("models").join(format!("{}.onnx", a.sha256));
        std::fs::write(&path, b"damaged").unwrap();
        assert_eq!(bots.roll_back_model(&system, None).await.unwrap(), None);
        assert_eq!(states(&world).await, [(a.id, ModelState::Retired), (b.id, ModelState::Retired)], "nothing is called deployed that does not score");
        let (likely, possible) = (Probability::percent(70), Probability::percent(50));
        let judge = bots.expected_errors(&system, pond, likely, possible).await.unwrap();
        assert_eq!(judge.model, Some(SHIPPED_MODEL));
        let said = format!("SELECT COUNT(*) FROM audit WHERE action = 'bots.model.roll_back' AND detail LIKE '%\"unusable\":{}%'", a.id);
        assert_eq!(world.number(&said).await, 1);
        // Mended, it can be promoted again.
        std::fs::write(&path, file(SCHEMA.hash(), 1)).unwrap();
        bots.promote_model(&system, a.id).await.unwrap();
        world.expect_leftovers();
    }

    async fn two_models_are_compared_number_by_number(world: World) {
        let bots = world.app.bots.clone();
        let (a, b) = (add(&world, None, 1).await.id, add(&world, None, 2).await.id);
        let both = bots.compare_models(&world.system(), a, b).await.unwrap();
        let metrics: Vec<_> = both.metrics.iter().map(|m| (m.name.as_str(), m.left, m.right)).collect();
        assert_eq!(metrics, [("test.auc", Some(0.99), Some(0.99)), ("test.f1", Some(1.0), Some(2.0))]);
        let absent = bots.compare_models(&world.system(), a, 999).await;
        assert!(matches!(absent, Err(BotsError::NotFound)), "{absent:?}");
    }

    async fn the_model_that_ships_stands_in_the_list_and_judges_where_nothing_else_was_promoted(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let shipped = async || {
            let mut all = bots.models(&system).await.unwrap();
            all.pop().unwrap()
        };
        let alone = shipped().await;
        assert_eq!((alone.id, alone.state, alone.is_current()), (SHIPPED_MODEL, ModelState::Deployed, true));
        assert_eq!(bots.model(&system, SHIPPED_MODEL).await.unwrap().as_ref(), Some(&alone));
        let sha256 = engines::Sha256::of(&bots.model_file(&system, SHIPPED_MODEL).await.unwrap()).to_string();
        assert_eq!(alone.sha256, sha256);
        let pond = world.community("Pond").await;
        let own = add(&world, Some(pond), 1).await.id;
        bots.promote_model(&system, own).await.unwrap();
        assert_eq!(shipped().await.state, ModelState::Deployed, "of one community only");
        let other = add(&world, None, 2).await.id;
        bots.promote_model(&system, other).await.unwrap();
        assert_eq!(shipped().await.state, ModelState::Retired);
        let both = bots.compare_models(&system, other, SHIPPED_MODEL).await.unwrap();
        let recall = both.metrics.iter().find(|one| one.name == "cross_validation.recall.value").unwrap();
        assert!(recall.left.is_none() && recall.right.is_some_and(|recall| recall > 0.5), "{recall:?}");
        // It is neither promoted nor retired by hand.
        assert!(matches!(bots.promote_model(&system, SHIPPED_MODEL).await, Err(BotsError::NotFound)));
        assert!(matches!(bots.retire_model(&system, SHIPPED_MODEL).await, Err(BotsError::NotFound)));
        world.expect_leftovers();
    }

    async fn what_was_measured_of_a_brought_model_is_compared_and_errors_that_do_not_read_are_refused(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        for errors in [json!({ "people": 1 }), json!({ "people": 4, "bots": 1, "points": [[0.9, 0, 0], [0.5, 0, 0]] }), json!(3)] {
            let wrong = NewModel { metrics: json!({ "errors": errors }), ..new(None, 0.9) };
            let refused = bots.add_model(&system, &wrong, file(SCHEMA.hash(), 1)).await;
            assert!(matches!(refused, Err(BotsError::Invalid { field: "metrics", .. })), "{refused:?}");
        }
        assert!(states(&world).await.is_empty());
    }

    async fn mistakes_are_expected_by_what_was_measured_of_whoever_judges_there(world: World) {
        let bots = world.app.bots.clone();
        let system = world.system();
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let (likely, possible) = (Probability::percent(70), Probability::percent(50));
        let of = async |community| bots.expected_errors(&system, community, likely, possible).await.unwrap();
        let shipped = of(pond).await;
        assert_eq!(shipped.model, Some(SHIPPED_MODEL));
        let (at_likely, at_possible) = (shipped.likely.unwrap(), shipped.possible.unwrap());
        assert!(at_likely.false_positive <= at_possible.false_positive, "{shipped:?}");
        assert!(at_likely.false_negative >= at_possible.false_negative, "{shipped:?}");
        let bare = add(&world, None, 1).await.id;
        bots.promote_model(&system, bare).await.unwrap();
        let unknown = of(pond).await;
        assert_eq!((unknown.model, unknown.measured_on, unknown.likely), (Some(bare), None, None));
        let errors = json!({ "people": 40, "bots": 10, "points": [[0.6, 0.2, 0.1], [0.8, 0.0, 0.3]] });
        let new = NewModel { metrics: json!({ "errors": errors }), ..new(Some(pond), 0.9) };
        let own = bots.add_model(&system, &new, file(SCHEMA.hash(), 2)).await.unwrap().id;
        bots.promote_model(&system, own).await.unwrap();
        let known = of(pond).await;
        assert_eq!((known.model, known.measured_on), (Some(own), Some(MeasuredOn { people: 40, bots: 10 })));
        let rates = known.likely.unwrap();
        assert!((rates.false_positive - 0.1).abs() < 1e-9 && (rates.false_negative - 0.2).abs() < 1e-9, "{rates:?}");
        assert_eq!(known.possible, None, "it was not measured below 60 %");
        assert_eq!(of(lake).await.model, Some(bare), "another community has another judge");
        let tried = bots.what_if(&system, pond, Probability::percent(80), likely).await.unwrap();
        assert_eq!(tried.errors_now, known);
        assert_eq!(tried.errors_then.possible, known.likely);
        world.expect_leftovers();
    }
}
