//! What is told to an MLflow server, held against a small one in this process that keeps what the real one keeps and answers in
//! its words, as recorded of MLflow 3.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes as Body,
    extract::State,
    http::{HeaderMap as Headers, Method as Verb, StatusCode, Uri},
};
use kernel::TrackedFile;
use tokio::net::TcpListener;

use super::*;

#[derive(Default)]
struct Kept {
    /// Whether it hands files on.
    has_proxy: bool,
    experiment: Option<String>,
    run: Option<Value>,
    n_runs: usize,
    batch: Value,
    update: Value,
    files: BTreeMap<String, Vec<u8>>,
    models: Vec<String>,
    version: Option<Value>,
    n_versions: usize,
    state: String,
    alias: Option<String>,
    authorization: Vec<String>,
    /// The next answer is this.
    fails: Option<StatusCode>,
}

type Server = Arc<Mutex<Kept>>;

fn refused(status: u16, code: &str, message: &str) -> (StatusCode, String) {
    let body = json!({ "error_code": code, "message": message });
    (StatusCode::from_u16(status).unwrap(), body.to_string())
}

fn yes(body: &Value) -> (StatusCode, String) {
    (StatusCode::OK, body.to_string())
}

fn word(body: &Value, name: &str) -> String {
    body.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

async fn answer(
    State(server): State<Server>,
    verb: Verb,
    uri: Uri,
    headers: Headers,
    body: Body,
) -> (StatusCode, String) {
    let mut kept = server.lock().unwrap_or_else(PoisonError::into_inner);
    let given = headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    kept.authorization.extend(given);
    if let Some(status) = kept.fails.take() {
        return (status, "<html>".to_owned());
    }
    if let Some(path) = uri
        .path()
        .strip_prefix("/api/2.0/mlflow-artifacts/artifacts/")
    {
        assert_eq!(verb, Verb::PUT);
        kept.files.insert(path.to_owned(), body.to_vec());
        return yes(&json!({}));
    }
    let name = uri
        .path()
        .strip_prefix("/api/2.0/mlflow/")
        .unwrap()
        .to_owned();
    let read: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (verb.as_str(), name.as_str()) {
        (
            "GET" | "POST",
            "experiments/get-by-name" | "experiments/create" | "runs/search" | "runs/create",
        ) => of_runs(&mut kept, &name, &read),
        ("POST", "runs/log-batch") => {
            kept.batch = read;
            yes(&json!({}))
        }
        ("POST", "runs/update") => {
            kept.update = read;
            yes(&json!({}))
        }
        _ => of_models(&mut kept, verb.as_str(), &name, &read),
    }
}

fn of_runs(kept: &mut Kept, name: &str, read: &Value) -> (StatusCode, String) {
    match name {
        "experiments/get-by-name" => match &kept.experiment {
            Some(name) => yes(
                &json!({ "experiment": { "experiment_id": "1", "name": name, "lifecycle_stage": "active" } }),
            ),
            None => refused(
                404,
                "RESOURCE_DOES_NOT_EXIST",
                "Could not find experiment with name 'birds'",
            ),
        },
        "experiments/create" => {
            kept.experiment = Some(word(read, "name"));
            yes(&json!({ "experiment_id": "1" }))
        }
        "runs/search" => {
            assert_eq!(word(read, "filter"), "tags.`waddlebot.key` = '7-abcd'");
            assert_eq!(read.pointer("/experiment_ids/0"), Some(&json!("1")));
            yes(&kept
                .run
                .as_ref()
                .map_or(json!({}), |run| json!({ "runs": [run] })))
        }
        _ => {
            assert_eq!(
                read.pointer("/tags/0"),
                Some(&json!({ "key": "waddlebot.key", "value": "7-abcd" }))
            );
            kept.n_runs += 1;
            let place = if kept.has_proxy {
                "mlflow-artifacts:/1/r1/artifacts"
            } else {
                "s3://bucket/1/r1/artifacts"
            };
            let run = json!({ "info": { "run_id": "r1", "artifact_uri": place, "start_time": read.get("start_time") } });
            kept.run = Some(run.clone());
            yes(&json!({ "run": run }))
        }
    }
}

fn of_models(kept: &mut Kept, verb: &str, name: &str, read: &Value) -> (StatusCode, String) {
    match (verb, name) {
        ("POST", "registered-models/create") => {
            let name = word(read, "name");
            if kept.models.contains(&name) {
                return refused(
                    400,
                    "RESOURCE_ALREADY_EXISTS",
                    "Registered Model already exists.",
                );
            }
            kept.models.push(name);
            yes(&json!({ "registered_model": {} }))
        }
        ("GET", "model-versions/search") => yes(&kept
            .version
            .as_ref()
            .map_or(json!({}), |version| json!({ "model_versions": [version] }))),
        ("POST", "model-versions/create") => {
            kept.n_versions += 1;
            let version = json!({ "version": "4", "source": read.get("source"), "run_id": read.get("run_id") });
            kept.version = Some(version.clone());
            yes(&json!({ "model_version": version }))
        }
        ("POST", "model-versions/set-tag") => {
            assert_eq!(
                (word(read, "key"), word(read, "version")),
                ("waddlebot.state".into(), "4".into())
            );
            kept.state = word(read, "value");
            yes(&json!({}))
        }
        ("GET", "registered-models/alias") => match &kept.alias {
            Some(version) => yes(&json!({ "model_version": { "version": version } })),
            None => refused(
                400,
                "INVALID_PARAMETER_VALUE",
                "Registered model alias deployed not found.",
            ),
        },
        ("POST", "registered-models/alias") => {
            assert_eq!(word(read, "alias"), "deployed");
            kept.alias = Some(word(read, "version"));
            yes(&json!({}))
        }
        ("DELETE", "registered-models/alias") => {
            kept.alias = None;
            yes(&json!({}))
        }
        _ => panic!("the real server has no {verb} {name}"),
    }
}

async fn server(has_proxy: bool) -> (Server, String) {
    let kept = Server::default();
    kept.lock().unwrap().has_proxy = has_proxy;
    let router = Router::new().fallback(answer).with_state(Arc::clone(&kept));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (kept, url)
}

fn client(url: &str, user: &str, token: &str) -> Mlflow {
    let settings = Settings {
        url: url.parse().unwrap(),
        user: user.to_owned(),
        token: Secret::new(token.to_owned()),
        experiment: "birds".to_owned(),
    };
    Mlflow::new(&settings, Http::new().unwrap()).unwrap()
}

fn run(state: TrackedState) -> TrackedRun {
    TrackedRun {
        key: "7-abcd".to_owned(),
        name: "training 7".to_owned(),
        started_ms: 1_000,
        ended_ms: 5_000,
        params: vec![("rows".to_owned(), "40".to_owned())],
        metrics: vec![("test/precision".to_owned(), 0.9)],
        tags: vec![("waddlebot.training".to_owned(), "7".to_owned())],
        files: vec![TrackedFile {
            path: "model/model.onnx".to_owned(),
            bytes: vec![1, 2, 3],
        }],
        lineage: String::new(),
        state,
    }
}

#[tokio::test]
async fn a_training_is_a_run_with_its_files_and_a_version_and_a_second_try_makes_no_second_one() {
    let (kept, url) = server(true).await;
    let mlflow = client(&url, "", "word");
    let first = mlflow.track(&run(TrackedState::Testing)).await.unwrap();
    let again = mlflow.track(&run(TrackedState::Testing)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(
        (
            first.run.as_str(),
            first.version.as_str(),
            first.without_files
        ),
        ("r1", "4", None)
    );
    let kept = kept.lock().unwrap();
    assert_eq!((kept.n_runs, kept.n_versions), (1, 1));
    assert_eq!(kept.experiment.as_deref(), Some("birds"));
    assert_eq!(kept.models, ["birds"]);
    let files: Vec<(&str, &[u8])> = kept
        .files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    assert_eq!(files, [("1/r1/artifacts/model/model.onnx", &[1, 2, 3][..])]);
    assert_eq!(
        kept.batch,
        json!({
            "run_id": "r1",
            "metrics": [{ "key": "test/precision", "value": 0.9, "timestamp": 5_000, "step": 0 }],
            "params": [{ "key": "rows", "value": "40" }],
            "tags": [{ "key": "waddlebot.training", "value": "7" }, { "key": "waddlebot.files", "value": "stored" }],
        })
    );
    assert_eq!(
        kept.update,
        json!({ "run_id": "r1", "status": "FINISHED", "end_time": 5_000 })
    );
    let source = kept
        .version
        .as_ref()
        .and_then(|version| version.get("source"));
    assert_eq!(
        source,
        Some(&json!("mlflow-artifacts:/1/r1/artifacts/model"))
    );
    assert!(
        kept.authorization
            .iter()
            .all(|given| given == "Bearer word"),
        "with each call"
    );
    assert_eq!(
        (kept.state.as_str(), kept.alias.as_deref()),
        ("testing", None)
    );
}

#[tokio::test]
async fn the_version_that_scores_has_the_alias_until_it_is_retired() {
    let (kept, url) = server(true).await;
    let mlflow = client(&url, "ann", "word");
    mlflow.track(&run(TrackedState::Deployed)).await.unwrap();
    assert_eq!(kept.lock().unwrap().alias.as_deref(), Some("4"));
    mlflow.track(&run(TrackedState::Retired)).await.unwrap();
    {
        let mut kept = kept.lock().unwrap();
        assert_eq!(
            (kept.state.as_str(), kept.alias.as_deref()),
            ("retired", None)
        );
        let basic = BASE64_STANDARD.encode("ann:word");
        assert_eq!(kept.authorization.first(), Some(&format!("Basic {basic}")));
        kept.alias = Some("5".to_owned());
    }
    mlflow.track(&run(TrackedState::Retired)).await.unwrap();
    let alias = kept.lock().unwrap().alias.clone();
    assert_eq!(alias.as_deref(), Some("5"), "another version's stays");
}

#[tokio::test]
async fn without_an_artefact_proxy_the_run_says_that_its_files_are_not_there() {
    let (kept, url) = server(false).await;
    let found = client(&url, "", "")
        .track(&run(TrackedState::Testing))
        .await
        .unwrap();
    let why = "not stored: the server has no artefact proxy, its files go to s3";
    assert_eq!(found.without_files.as_deref(), Some(why));
    let kept = kept.lock().unwrap();
    assert!(kept.files.is_empty() && kept.authorization.is_empty());
    assert_eq!(kept.batch.pointer("/tags/1/value"), Some(&json!(why)));
}

#[tokio::test]
async fn a_server_that_refuses_or_is_away_is_an_error_that_names_the_call() {
    let (kept, url) = server(true).await;
    kept.lock().unwrap().fails = Some(StatusCode::FORBIDDEN);
    let error = client(&url, "", "secret-word")
        .track(&run(TrackedState::Testing))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TrackError::Refused { call, status: 403, .. } if call == "experiments/get-by-name")
    );
    assert!(!format!("{error:?} {error}").contains("secret-word"));
    let nowhere = client("http://127.0.0.1:1/", "", "");
    let error = nowhere
        .track(&run(TrackedState::Testing))
        .await
        .unwrap_err();
    assert!(matches!(error, TrackError::Unreachable(_)), "{error:?}");
}

#[test]
fn only_places_that_the_server_hands_on_are_written_to() {
    for (place, folder) in [
        ("mlflow-artifacts:/1/ab/artifacts", Some("1/ab/artifacts")),
        (
            "mlflow-artifacts://host:5000/1/ab/artifacts",
            Some("1/ab/artifacts"),
        ),
        ("mlflow-artifacts:/", None),
        ("s3://bucket/1/ab/artifacts", None),
        ("file:///srv/1/ab/artifacts", None),
        ("/srv/1/ab/artifacts", None),
    ] {
        assert_eq!(proxied(place).as_deref(), folder, "{place}");
    }
}
