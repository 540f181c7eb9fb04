//! Trainings at the operator's tracking server: told by a job, again whenever the registry changes, and never in the way of a
//! training.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ::app::jobs;
use ::bots::{AlertKind, TrainingState};
use async_trait::async_trait;
use kernel::{Clock, TrackError, Tracked, TrackedRun, TrackedState, Tracker};
use testkit::{Setup, World, on_both};

use super::bot_training::labels;

/// A server that remembers what it was told, and is away when it is told to be.
#[derive(Default)]
struct Server {
    runs: Mutex<Vec<TrackedRun>>,
    is_away: Mutex<bool>,
}

#[async_trait]
impl Tracker for Server {
    async fn track(&self, run: &TrackedRun) -> Result<Tracked, TrackError> {
        if *self.is_away.lock().unwrap() {
            return Err(TrackError::Unreachable("nobody is there".to_owned()));
        }
        self.runs.lock().unwrap().push(run.clone());
        Ok(Tracked {
            run: "r1".to_owned(),
            version: "1".to_owned(),
            without_files: None,
        })
    }
}

impl Server {
    fn states(&self) -> Vec<TrackedState> {
        let runs = self.runs.lock().unwrap();
        runs.iter().map(|run| run.state).collect()
    }
}

/// Runs what is due now, and what becomes due by it.
async fn run(world: &World) {
    let runner = jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
    runner.run_due(world.clock.now()).await.unwrap();
}

/// Trains on labels of a pond, with a server; answers the training and its model.
async fn trained(world: &mut World, server: &Arc<Server>) -> (i32, i32) {
    let setup = Setup {
        tracker: Some(server.clone()),
        ..Setup::default()
    };
    world.restart(setup).await;
    let pond = world.community("Pond").await;
    labels(world, pond, 14, 26).await;
    let (bots, system) = (&world.app.bots, world.system());
    let training = bots.start_training(&system, None).await.unwrap();
    run(world).await;
    let training = bots.training(&system, training.id).await.unwrap().unwrap();
    assert_eq!(training.state, TrainingState::Done, "{:?}", training.error);
    (training.id, training.model.unwrap())
}

on_both! {
    async fn a_training_is_told_once_with_its_figures_and_file_and_again_when_its_model_changes(world: World) {
        let server = Arc::new(Server::default());
        let (id, model) = trained(&mut world, &server).await;
        assert_eq!(server.states(), [TrackedState::Testing]);
        let (bots, system) = (&world.app.bots, world.system());
        let told = server.runs.lock().unwrap()[0].clone();
        let registered = bots.model(&system, model).await.unwrap().unwrap();
        assert_eq!(told.key, format!("{id}-{}", &registered.sha256[..16]));
        assert!(told.metrics.iter().any(|(name, _)| name == "cross_validation/precision"), "{:?}", told.metrics);
        let has = |name: &str, value: &str| told.params.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("rows", "40") && has("bots", "14") && (has("folds", "3") || has("folds", "5")), "{:?}", told.params);
        assert!(told.tags.contains(&("waddlebot.sha256".to_owned(), registered.sha256.clone())));
        let file = bots.model_file(&system, model).await.unwrap();
        assert_eq!(told.files[0].bytes, file);
        let all = format!("{:?} {:?} {:?}", told.params, told.tags, told.name);
        assert!(!all.contains("Pond") && !all.contains("somebody"), "{all}");

        bots.promote_model(&system, model).await.unwrap();
        run(&world).await;
        bots.roll_back_model(&system, None).await.unwrap();
        run(&world).await;
        assert_eq!(server.states(), [TrackedState::Testing, TrackedState::Deployed, TrackedState::Retired]);
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.track' AND state <> 3").await, 0);
    }

    async fn a_server_that_is_away_harms_no_training_and_is_an_alert_in_the_end_until_it_is_back(world: World) {
        let server = Arc::new(Server::default());
        *server.is_away.lock().unwrap() = true;
        let (id, model) = trained(&mut world, &server).await;
        let system = world.system();
        let alerts = world.app.bots.alerts(&system).await.unwrap();
        assert!(alerts.is_empty(), "it is tried again first");
        for _ in 0..25 {
            world.clock.advance(Duration::from_mins(6));
            run(&world).await;
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.track' AND state = 4").await, 1);
        let bots = &world.app.bots;
        let alerts = bots.alerts(&system).await.unwrap();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!((alerts[0].kind, alerts[0].cleared_at), (AlertKind::Tracking, None));
        assert!(alerts[0].words.contains(&format!("training {id}")) && alerts[0].words.contains("nobody is there"), "{alerts:?}");
        *server.is_away.lock().unwrap() = false;
        bots.promote_model(&system, model).await.unwrap();
        run(&world).await;
        assert_eq!(server.states(), [TrackedState::Deployed]);
        let alerts = bots.alerts(&system).await.unwrap();
        assert!(alerts[0].cleared_at.is_some(), "{alerts:?}");
        world.expect_leftovers();
    }

    async fn a_server_that_comes_later_is_told_of_all_trainings_from_before_once_the_oldest_first(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        let started = world.app.bots.start_training(&world.system(), None).await.unwrap();
        run(&world).await;
        world.app.bots.guard().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.track'").await, 0, "there is no server");
        // The same model came of many; nothing came of one, and one is still to be made.
        for (state, model) in [(2, "model_id"), (2, "NULL"), (0, "NULL")] {
            let n = if model == "NULL" { 1 } else { 24 };
            for nth in 0..n {
                world.sql(&format!(
                    "INSERT INTO bot_training (scope, state, asked_at, progress, n_rows, n_bots, n_people, n_new, model_id, log) \
                     SELECT scope, {state}, {nth}, 100, n_rows, n_bots, n_people, n_new, {model}, log FROM bot_training \
                     WHERE id = {}", started.id
                )).await;
            }
        }
        let server = Arc::new(Server::default());
        let setup = Setup { tracker: Some(server.clone()), ..Setup::default() };
        world.restart(setup).await;
        let bots = world.app.bots.clone();
        let mut told = Vec::new();
        for n in [20, 5, 0] {
            for _ in 0..2 {
                bots.guard().await.unwrap();
            }
            let open = "SELECT COUNT(*) FROM job WHERE kind = 'bots.track' AND state < 3";
            assert_eq!(world.number(open).await, n, "a second look asks for none twice");
            let runner = jobs::runner(&world.app, "tester");
            for _ in 0..n {
                runner.run_due(world.clock.now()).await.unwrap();
            }
            told = server.runs.lock().unwrap().iter().map(|run| run.name.clone()).collect();
            world.clock.advance(Duration::from_hours(1));
        }
        let wanted: Vec<String> = (started.id..started.id + 25).map(|id| format!("training {id}")).collect();
        let mut all = told.clone();
        all.sort_by_key(|name| name[9..].parse::<i32>().unwrap());
        assert_eq!(all, wanted, "each once");
        let (first, second) = told.split_at(20);
        assert!(first.iter().all(|name| wanted[..20].contains(name)) && second.len() == 5, "the oldest first: {told:?}");
        world.expect_leftovers();
    }

    async fn a_training_from_before_that_could_not_be_told_is_tried_again_a_day_later(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        world.app.bots.start_training(&world.system(), None).await.unwrap();
        run(&world).await;
        let server = Arc::new(Server::default());
        *server.is_away.lock().unwrap() = true;
        let setup = Setup { tracker: Some(server.clone()), ..Setup::default() };
        world.restart(setup).await;
        let bots = world.app.bots.clone();
        let jobs_of = async |state: i16| {
            world.number(&format!("SELECT COUNT(*) FROM job WHERE kind = 'bots.track' AND state = {state}")).await
        };
        bots.guard().await.unwrap();
        for _ in 0..25 {
            world.clock.advance(Duration::from_mins(6));
            run(&world).await;
        }
        assert_eq!(jobs_of(4).await, 1, "it was given up");
        bots.guard().await.unwrap();
        run(&world).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.track'").await, 1, "for a day");
        *server.is_away.lock().unwrap() = false;
        world.clock.advance(Duration::from_hours(24));
        for _ in 0..2 {
            bots.guard().await.unwrap();
            run(&world).await;
        }
        assert_eq!(server.states(), [TrackedState::Testing], "then it is told, once");
        assert!(bots.alerts(&world.system()).await.unwrap().iter().all(|alert| alert.cleared_at.is_some()));
        world.expect_leftovers();
    }

    async fn without_a_server_nothing_is_asked_for(world: World) {
        let pond = world.community("Pond").await;
        labels(&mut world, pond, 14, 26).await;
        world.app.bots.start_training(&world.system(), None).await.unwrap();
        run(&world).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_model").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM job WHERE kind = 'bots.track'").await, 0);
    }
}
