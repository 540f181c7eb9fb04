//! The calls about bots.

use std::collections::BTreeMap;

use ::bots::{
    AppealState, BotsError, Called, CaseOrder, CaseQuery, CaseState, Level, ListKind, Listable,
    ModeratorChannel, NewExperiment, NewList, NewModel, NewReview, Probability, Ruling, ScoreQuery,
    Setting, Verdict,
};
use bytes::Bytes;
use kernel::{AccountId, ChannelChoice, Day, PageRequest, Platform, ServerId, UserId};

use super::{Asker, Stage};

fn by_bots<T>(answer: Result<T, BotsError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(BotsError::NotAllowed(_) | BotsError::NotFound) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

fn list(n: u32) -> NewList {
    NewList {
        name: format!("list {n}"),
        kind: ListKind::Unwanted,
        platform: Some(Platform::Twitch),
        source: "https://lists.example/bots.txt".to_owned(),
        reason: "spam".to_owned(),
        as_of: Day(20_000),
        half_life_days: 365,
    }
}

/// A list of the instance, the only one.
async fn imported(stage: &Stage, n: u32) -> i32 {
    let (world, system) = (&stage.world, stage.world.system());
    world.sql("DELETE FROM bot_list_choice").await;
    world.sql("DELETE FROM bot_list_entry").await;
    world.sql("DELETE FROM bot_list").await;
    let done = world
        .app
        .bots
        .import_list(&system, &list(n), "moobot")
        .await;
    done.unwrap();
    let all = world.app.bots.lists(&system, stage.pond).await.unwrap();
    all.first().unwrap().list.id
}

/// An account of somebody on Discord, made if they have none.
async fn account(stage: &Stage, user: UserId) -> AccountId {
    let world = &stage.world;
    let row = format!(
        "INSERT INTO platform_account (platform, platform_user_id, username, user_id, is_bot, first_seen_at) \
         SELECT 1, 'own-{user}', 'own-{user}', {user}, FALSE, 0 WHERE NOT EXISTS \
         (SELECT 1 FROM platform_account WHERE user_id = {user} AND platform = 1)"
    );
    world.sql(&row).await;
    let id =
        format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user} AND platform = 1");
    AccountId(world.number(&id).await)
}

/// The only case of the community, about an account of somebody, with an appeal.
async fn case(stage: &Stage, user: UserId, code: i16) -> (i32, i32) {
    let (world, pond) = (&stage.world, stage.pond);
    let account = account(stage, user).await;
    for table in [
        "bot_case_viewer",
        "bot_appeal",
        "bot_report",
        "bot_review",
        "bot_case",
    ] {
        world.sql(&format!("DELETE FROM {table}")).await;
    }
    let row = format!(
        "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
         changed_at, revision) VALUES ({pond}, {account}, {code}, 1, 800000, 500000, 0, 0, 1)"
    );
    world.sql(&row).await;
    let row = "INSERT INTO bot_appeal (case_id, community_id, account_id, words, state, made_at, answer) \
               SELECT id, community_id, account_id, 'I am a duck', 0, 0, '' FROM bot_case";
    world.sql(row).await;
    let id = async |table: &str| {
        let n = world.number(&format!("SELECT MAX(id) FROM {table}")).await;
        i32::try_from(n).unwrap()
    };
    (id("bot_case").await, id("bot_appeal").await)
}

pub(super) async fn call(stage: &Stage, operation: &str, asker: &Asker, n: u32) -> Option<bool> {
    let (world, pond, actor) = (&stage.world, stage.pond, &asker.actor);
    let service = &world.app.bots;
    let moobot = Listable::Account(Platform::Twitch, "moobot".to_owned());
    Some(match operation {
        "bots.setting" => by_bots(service.setting(actor, pond).await),
        "bots.change_setting" => {
            let setting = Setting {
                trusted_days: Some(n % 100),
                ..Setting::default()
            };
            by_bots(service.change_setting(actor, pond, &setting).await)
        }
        "bots.channel" => by_bots(service.channel(actor, pond).await),
        "bots.choose_channel" => {
            let channel = ModeratorChannel {
                server: ServerId(1),
                channel: ChannelChoice {
                    id: n.to_string(),
                    name: "mods".to_owned(),
                },
                least: Level::Likely,
            };
            by_bots(service.choose_channel(actor, pond, Some(&channel)).await)
        }
        "bots.lists" => by_bots(service.lists(actor, pond).await),
        "bots.use_list" => {
            let id = imported(stage, n).await;
            by_bots(service.use_list(actor, pond, id, false).await)
        }
        "bots.import_list" => {
            imported(stage, n).await;
            by_bots(
                service
                    .import_list(actor, &list(n + 1_000_000), "moobot")
                    .await,
            )
        }
        "bots.remove_list" => {
            let id = imported(stage, n).await;
            by_bots(service.remove_list(actor, id).await)
        }
        "bots.listed" => by_bots(service.listed(actor, pond, &moobot).await),
        "bots.corrections" => {
            let page = PageRequest::first(10);
            by_bots(service.corrections(actor, pond, &page).await)
        }
        "bots.correct" => {
            let reason = format!("call {n}");
            let ruling = Some(Ruling::Service);
            by_bots(service.correct(actor, pond, &moobot, ruling, &reason).await)
        }
        "bots.correct_everywhere" => {
            let reason = format!("call {n}");
            let ruling = Some(Ruling::Wrong);
            by_bots(
                service
                    .correct_everywhere(actor, &moobot, ruling, &reason)
                    .await,
            )
        }
        other => return call_cases(stage, other, asker).await,
    })
}

async fn call_cases(stage: &Stage, operation: &str, asker: &Asker) -> Option<bool> {
    let (world, pond, actor) = (&stage.world, stage.pond, &asker.actor);
    let service = &world.app.bots;
    let page = PageRequest::first(10);
    let query = CaseQuery {
        state: CaseState::Open,
        reason: None,
        order: CaseOrder::Value,
        is_for_me: true,
        page: page.clone(),
    };
    let own = actor.user_id().unwrap_or(stage.target);
    let is_own = ["bots.own_verdicts", "bots.appeal"].contains(&operation);
    let (user, code) = match operation {
        _ if is_own => (own, 1),
        "bots.undo_review" | "bots.answer_appeal" => (stage.target, 1),
        _ => (stage.target, 0),
    };
    let (id, appeal) = case(stage, user, code).await;
    Some(match operation {
        "bots.cases" => by_bots(service.cases(actor, pond, &query).await),
        "bots.suspects" => by_bots(service.suspects(actor, pond, None, 10).await),
        "bots.suspects_of" => {
            let of = service.suspects_of(actor, &[pond], None, 10).await;
            by_bots(of.and_then(|mut of| Ok(of.remove(&pond).unwrap()?)))
        }
        "bots.next_case" => by_bots(service.next_case(actor, pond, CaseOrder::Value).await),
        "bots.case" => by_bots(service.case(actor, pond, id).await),
        "bots.cases_by_id" => by_bots(service.cases_by_id(actor, pond, &[id]).await),
        "bots.case_counts" => by_bots(service.case_counts(actor, pond).await),
        "bots.waiting" => by_bots(service.waiting(actor, pond).await),
        "bots.look_at_case" => by_bots(service.look_at_case(actor, pond, id).await),
        "bots.review" => {
            let new = NewReview {
                verdict: Verdict::Human,
                reason: String::new(),
                revision: Some(1),
            };
            by_bots(service.review(actor, pond, id, &new).await)
        }
        "bots.undo_review" => by_bots(service.undo_review(actor, pond, id).await),
        "bots.called" => {
            let who = Called::Name("nobody".to_owned());
            let found = service.called(actor, pond, Platform::Discord, &who).await;
            by_bots(found)
        }
        "bots.report" => {
            let account = account(stage, stage.target).await;
            by_bots(service.report(actor, pond, account, "spam").await)
        }
        "bots.waiting_reports" => by_bots(service.waiting_reports(actor, pond, &page).await),
        "bots.label_counts" => by_bots(service.label_counts(actor, pond).await),
        "bots.own_verdicts" => by_bots(service.own_verdicts(actor).await),
        "bots.appeal" => by_bots(service.appeal(actor, id, "I am a duck").await),
        "bots.appeals" => by_bots(service.appeals(actor, pond, AppealState::Open, &page).await),
        "bots.answer_appeal" => by_bots(
            service
                .answer_appeal(actor, pond, appeal, AppealState::Granted, "")
                .await,
        ),
        other => return call_models(stage, other, asker).await,
    })
}

/// The only model; its file is nowhere, which nobody is told who may not know of the model.
async fn call_models(stage: &Stage, operation: &str, asker: &Asker) -> Option<bool> {
    let (world, actor) = (&stage.world, &asker.actor);
    let service = &world.app.bots;
    world.sql("DELETE FROM bot_model").await;
    let code = if operation == "bots.roll_back_model" {
        2
    } else {
        1
    };
    let row = format!(
        "INSERT INTO bot_model (name, version, scope, kind, state, blob, sha256, size_bytes, schema_hash, metrics, \
         card, added_at) VALUES ('trial', 1, 0, 1, {code}, 'models/0.onnx', 'absent', 1, 'x', '{{}}', '{{}}', 0)"
    );
    world.sql(&row).await;
    let id = world.number("SELECT MAX(id) FROM bot_model").await;
    let id = i32::try_from(id).unwrap();
    let new = NewModel {
        name: "another".to_owned(),
        community: None,
        metrics: serde_json::json!({}),
        card: serde_json::json!({}),
    };
    Some(match operation {
        "bots.models" => by_bots(service.models(actor).await),
        "bots.model" => by_bots(service.model(actor, id).await),
        "bots.compare_models" => by_bots(service.compare_models(actor, id, id).await),
        "bots.shadow" => by_model(service.shadow(actor, id, None).await),
        "bots.add_model" => by_model(service.add_model(actor, &new, Bytes::new()).await),
        "bots.model_file" => by_model(service.model_file(actor, id).await),
        "bots.promote_model" => by_model(service.promote_model(actor, id).await),
        "bots.roll_back_model" => by_bots(service.roll_back_model(actor, None).await),
        "bots.retire_model" => by_bots(service.retire_model(actor, id).await),
        other => return call_trainings(stage, other, asker).await,
    })
}

async fn call_trainings(stage: &Stage, operation: &str, asker: &Asker) -> Option<bool> {
    let (world, actor) = (&stage.world, &asker.actor);
    let service = &world.app.bots;
    world.sql("DELETE FROM bot_alert").await;
    world
        .sql("INSERT INTO bot_alert (kind, scope, words, numbers, at) VALUES (4, 0, 'it failed', '{}', 0)")
        .await;
    let alert = world.number("SELECT MAX(id) FROM bot_alert").await;
    let alert = i32::try_from(alert).unwrap();
    let training = service.start_training(&world.system(), None).await;
    let training = training.unwrap().id;
    Some(match operation {
        "bots.import_labels" => by_bots(
            service
                .import_labels(actor, stage.pond, "platform,user_id,is_bot\ntwitch,1,1")
                .await,
        ),
        "bots.trainings" => by_bots(service.trainings(actor).await),
        "bots.training" => by_bots(service.training(actor, training).await),
        "bots.training_of_model" => by_bots(service.training_of_model(actor, 1).await),
        "bots.start_training" => by_bots(service.start_training(actor, Some(stage.pond)).await),
        "bots.alerts" => by_bots(service.alerts(actor).await),
        "bots.clear_alert" => by_bots(service.clear_alert(actor, alert).await),
        other => return call_tried(stage, other, asker).await,
    })
}

/// A model of the features of this program, a rollout and an experiment of it; the one that is asked for goes on.
async fn call_tried(stage: &Stage, operation: &str, asker: &Asker) -> Option<bool> {
    let (world, pond, actor) = (&stage.world, stage.pond, &asker.actor);
    let service = &world.app.bots;
    for table in ["bot_assignment", "bot_rollout", "bot_experiment"] {
        world.sql(&format!("DELETE FROM {table}")).await;
    }
    let schema = ::bots::features::SCHEMA.hash();
    let ready = format!("UPDATE bot_model SET schema_hash = '{schema}', state = 1");
    world.sql(&ready).await;
    let model = world.number("SELECT MAX(id) FROM bot_model").await;
    let model = i32::try_from(model).unwrap();
    let (rolled, tried) = match operation {
        "bots.start_rollout" | "bots.start_experiment" => (2, 1),
        "bots.stop_experiment" => (2, 0),
        _ => (0, 1),
    };
    let rollout = format!(
        "INSERT INTO bot_rollout (model_id, step, state, started_at, stepped_at) VALUES ({model}, 10, {rolled}, 0, 0)"
    );
    world.sql(&rollout).await;
    let experiment = format!(
        "INSERT INTO bot_experiment (hypothesis, state, started_at, p_ppm) VALUES ('ducks', {tried}, 0, 1000000)"
    );
    world.sql(&experiment).await;
    let rollout = world.number("SELECT MAX(id) FROM bot_rollout").await;
    let experiment = world.number("SELECT MAX(id) FROM bot_experiment").await;
    let rollout = i32::try_from(rollout).unwrap();
    let experiment = i32::try_from(experiment).unwrap();
    let new = NewExperiment {
        hypothesis: "models see more".to_owned(),
        model: None,
    };
    Some(match operation {
        "bots.rollouts" => by_bots(service.rollouts(actor).await),
        "bots.start_rollout" => by_bots(service.start_rollout(actor, model).await),
        "bots.advance_rollout" => by_bots(service.advance_rollout(actor, rollout, 10).await),
        "bots.halt_rollout" => by_bots(service.halt_rollout(actor, rollout, "enough").await),
        "bots.experiments" => by_bots(service.experiments(actor).await),
        "bots.start_experiment" => by_bots(service.start_experiment(actor, &new).await),
        "bots.stop_experiment" => {
            by_bots(service.stop_experiment(actor, experiment, "enough").await)
        }
        "bots.monitoring" => by_bots(service.monitoring(actor, pond).await),
        "bots.instance_monitoring" => by_bots(service.instance_monitoring(actor).await),
        other => return call_scores(stage, other, asker).await,
    })
}

async fn call_scores(stage: &Stage, operation: &str, asker: &Asker) -> Option<bool> {
    let (actor, pond) = (&asker.actor, stage.pond);
    let service = &stage.world.app.bots;
    let target = stage.target;
    let query = ScoreQuery {
        level: None,
        page: PageRequest::first(10),
    };
    Some(match operation {
        "bots.score_of" => by_bots(service.score_of(actor, pond, target).await),
        "bots.scores_of" => by_bots(service.scores_of(actor, pond, &[target]).await),
        "bots.scores" => by_bots(service.scores(actor, pond, &query).await),
        "bots.history" => by_bots(service.history(actor, pond, AccountId(1)).await),
        "bots.community_score" => by_bots(service.community_score(actor, pond).await),
        "bots.recent_score" => by_bots(service.recent_score(actor, pond).await),
        "bots.community_scores" => {
            let of = service.community_scores(actor, &[pond]).await;
            by_bots(of.and_then(|mut of| Ok(of.remove(&pond).unwrap()?)))
        }
        "bots.histogram" => by_bots(service.histogram(actor, pond).await),
        "bots.what_if" => {
            let (likely, possible) = (Probability::percent(90), Probability::percent(40));
            by_bots(service.what_if(actor, pond, likely, possible).await)
        }
        "bots.expected_errors" => {
            let (likely, possible) = (Probability::percent(90), Probability::percent(40));
            by_bots(service.expected_errors(actor, pond, likely, possible).await)
        }
        "bots.recompute" => by_bots(service.recompute(actor, pond).await),
        "bots.infer" => by_bots(
            service
                .infer(
                    actor,
                    &BTreeMap::from([("link_share".to_owned(), Some(0.0))]),
                )
                .await,
        ),
        _ => return None,
    })
}

/// The same where the file is at fault for those who may.
fn by_model<T>(answer: Result<T, BotsError>) -> bool {
    match answer {
        Err(BotsError::Files(_) | BotsError::Invalid { .. } | BotsError::Conflict(_)) => true,
        other => by_bots(other),
    }
}
