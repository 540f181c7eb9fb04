//! Trainings at an MLflow tracking server, over its REST API (<https://mlflow.org/docs/latest/api_reference/rest-api.html>):
//! experiment, run, parameters, metrics, tags, files through the server's artefact proxy, registered model, version, alias.
//!
//! Each step looks first, or may be repeated: a run is found again by its key, so that a second try makes no second run. The
//! address is the operator's own, from the configuration, and may be one of their own network: unlike with webhooks, which
//! members of communities name, nothing is forbidden. Must never follow a redirect, or put the token into a log.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use kernel::{Secret, TrackError, Tracked, TrackedRun, TrackedState, Tracker};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT},
};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

use crate::http::{Call, Http, Reply};

/// How we present ourselves.
const AGENT: &str = concat!("WaddleBot/", env!("CARGO_PKG_VERSION"));
/// The tag a run is found by.
const KEY_TAG: &str = "waddlebot.key";
/// The tag that says why a run has no files.
const FILES_TAG: &str = "waddlebot.files";
/// The tag of a version that says what it is used for.
const STATE_TAG: &str = "waddlebot.state";
/// The alias of the version that scores.
const ALIAS: &str = "deployed";
/// Where the model lies within a run.
const MODEL_FOLDER: &str = "model";
/// How long a file may take.
const UPLOAD: Duration = Duration::from_secs(120);
/// The server takes at most so many parameters at once,
const PARAMS_MAX: usize = 100;
/// so many tags,
const TAGS_MAX: usize = 100;
/// and so many metrics, all three together at most 1,000.
const METRICS_MAX: usize = 800;
/// The longest values of parameters and tags.
const VALUE_MAX: usize = 5_000;
/// What is kept of an error's words.
const WORDS_MAX: usize = 300;

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its address, such as `http://mlflow.internal:5000`; a path before `/api` may be in it.
    pub url: Url,
    /// Who we are there; empty where a token alone says it.
    pub user: String,
    /// The password of the user, or the token; empty where the server asks nobody.
    pub token: Secret<String>,
    /// The experiment, which is made if it is not there; registered models have names that begin with it.
    pub experiment: String,
}

/// Keeps runs at the server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mlflow {
    http: Http,
    base: String,
    headers: HeaderMap,
    experiment: String,
}

/// A token that cannot be a header.
#[derive(Debug, thiserror::Error)]
#[error("the user or the token of the MLflow server has characters that no header can have")]
pub struct BadToken;

impl Mlflow {
    /// One for a server.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn new(settings: &Settings, http: Http) -> Result<Self, BadToken> {
        let token = settings.token.expose();
        let words = match (settings.user.is_empty(), token.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("Bearer {token}")),
            (false, _) => {
                let both = BASE64_STANDARD.encode(format!("{}:{token}", settings.user));
                Some(format!("Basic {both}"))
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(words) = words {
            let Ok(mut value) = HeaderValue::from_str(&words) else {
                return Err(BadToken);
            };
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            http,
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            headers,
            experiment: settings.experiment.clone(),
        })
    }

    async fn send(&self, mut call: Call) -> Result<Reply, TrackError> {
        call.headers.extend(self.headers.clone());
        let reply = self.http.call(call).await;
        reply.map_err(|error| TrackError::Unreachable(error.to_string()))
    }

    /// Asks for something by its name, such as `runs/create`.
    async fn ask(&self, method: Method, name: &str, body: &Value) -> Result<Value, TrackError> {
        let mut call = Call::new(method, format!("{}/api/2.0/mlflow/{name}", self.base));
        let json = HeaderValue::from_static("application/json");
        call.headers.insert(CONTENT_TYPE, json);
        call.body = Bytes::from(body.to_string());
        read(name, &self.send(call).await?)
    }

    async fn post(&self, name: &str, body: &Value) -> Result<Value, TrackError> {
        self.ask(Method::POST, name, body).await
    }

    async fn get(&self, name: &str, query: &[(&str, &str)]) -> Result<Value, TrackError> {
        let whole = format!("{}/api/2.0/mlflow/{name}", self.base);
        let Ok(url) = Url::parse_with_params(&whole, query) else {
            return Err(TrackError::Unclear(name.to_owned()));
        };
        read(name, &self.send(Call::new(Method::GET, url)).await?)
    }

    /// The id of the experiment, which is made if it is not there.
    async fn experiment(&self) -> Result<String, TrackError> {
        let query = [("experiment_name", self.experiment.as_str())];
        let by_name = || self.get("experiments/get-by-name", &query);
        let found = match by_name().await {
            Err(error) if is_absent(&error) => {
                let made = self
                    .post("experiments/create", &json!({ "name": self.experiment }))
                    .await;
                match made {
                    Ok(made) => return text(&made, "/experiment_id", "experiments/create"),
                    // Another process was quicker.
                    Err(error) if is_there(&error) => by_name().await?,
                    Err(error) => return Err(error),
                }
            }
            found => found?,
        };
        if found
            .pointer("/experiment/lifecycle_stage")
            .and_then(Value::as_str)
            == Some("deleted")
        {
            return Err(TrackError::Refused {
                call: "experiments/get-by-name".to_owned(),
                status: 409,
                words: format!(
                    "the experiment `{}` was deleted there: restore it or name another",
                    self.experiment
                ),
            });
        }
        text(
            &found,
            "/experiment/experiment_id",
            "experiments/get-by-name",
        )
    }

    /// The run of a training, which is made if it is not there: its id, and where its files go.
    async fn run(&self, run: &TrackedRun) -> Result<(String, String), TrackError> {
        let experiment = self.experiment().await?;
        let wanted = json!({
            "experiment_ids": [experiment], "filter": format!("tags.`{KEY_TAG}` = {}", quoted(&run.key)), "max_results": 1,
        });
        let found = self.post("runs/search", &wanted).await?;
        let info = if let Some(info) = found.pointer("/runs/0/info") {
            info.clone()
        } else {
            let new = json!({
                "experiment_id": experiment, "run_name": run.name, "start_time": run.started_ms,
                "tags": [tag(KEY_TAG, &run.key)],
            });
            let made = self.post("runs/create", &new).await?;
            made.pointer("/run/info").cloned().unwrap_or_default()
        };
        let id = text(&info, "/run_id", "runs/create")?;
        Ok((id, text(&info, "/artifact_uri", "runs/create")?))
    }

    /// Puts the files where the server hands them on; why not, if it does not.
    async fn files(&self, run: &TrackedRun, place: &str) -> Result<Option<String>, TrackError> {
        let Some(folder) = proxied(place) else {
            return Ok(Some(format!(
                "not stored: the server has no artefact proxy, its files go to {}",
                place.split(':').next().unwrap_or_default()
            )));
        };
        for file in &run.files {
            let url = format!(
                "{}/api/2.0/mlflow-artifacts/artifacts/{folder}/{}",
                self.base, file.path
            );
            let mut call = Call::new(Method::PUT, url);
            let binary = HeaderValue::from_static("application/octet-stream");
            call.headers.insert(CONTENT_TYPE, binary);
            call.body = Bytes::from(file.bytes.clone());
            call.timeout = UPLOAD;
            read("mlflow-artifacts/artifacts", &self.send(call).await?)?;
        }
        Ok(None)
    }

    /// The version of a run's model, which is made if it is not there.
    async fn version(
        &self,
        run: &TrackedRun,
        name: &str,
        id: &str,
        place: &str,
    ) -> Result<String, TrackError> {
        let made = self
            .post("registered-models/create", &json!({ "name": name }))
            .await;
        if let Err(error) = made
            && !is_there(&error)
        {
            return Err(error);
        }
        let filter = format!("run_id = {}", quoted(id));
        let found = self
            .get(
                "model-versions/search",
                &[("filter", &filter), ("max_results", "1")],
            )
            .await?;
        if found.pointer("/model_versions/0").is_some() {
            return text(&found, "/model_versions/0/version", "model-versions/search");
        }
        let new = json!({
            "name": name, "source": format!("{}/{MODEL_FOLDER}", place.trim_end_matches('/')), "run_id": id,
            "description": run.name, "tags": tags(&run.tags),
        });
        let made = self.post("model-versions/create", &new).await?;
        text(&made, "/model_version/version", "model-versions/create")
    }

    /// Says of a version what it is used for: a tag, and the alias of the one that scores.
    async fn state(
        &self,
        name: &str,
        version: &str,
        state: TrackedState,
    ) -> Result<(), TrackError> {
        let mut said = tag(STATE_TAG, state.as_str());
        if let Some(fields) = said.as_object_mut() {
            fields.insert("name".to_owned(), json!(name));
            fields.insert("version".to_owned(), json!(version));
        }
        self.post("model-versions/set-tag", &said).await?;
        if state == TrackedState::Deployed {
            let alias = json!({ "name": name, "alias": ALIAS, "version": version });
            self.post("registered-models/alias", &alias).await?;
            return Ok(());
        }
        let holder = match self
            .get(
                "registered-models/alias",
                &[("name", name), ("alias", ALIAS)],
            )
            .await
        {
            // Servers say so in both ways.
            Err(error) if is_absent(&error) || is_unknown_alias(&error) => return Ok(()),
            holder => text(
                &holder?,
                "/model_version/version",
                "registered-models/alias",
            )?,
        };
        if holder == version {
            let alias = json!({ "name": name, "alias": ALIAS });
            self.ask(Method::DELETE, "registered-models/alias", &alias)
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Tracker for Mlflow {
    async fn track(&self, run: &TrackedRun) -> Result<Tracked, TrackError> {
        let (id, place) = self.run(run).await?;
        let without_files = self.files(run, &place).await?;
        let mut all = run.tags.clone();
        all.push((
            FILES_TAG.to_owned(),
            without_files.clone().unwrap_or_else(|| "stored".to_owned()),
        ));
        let metric = |(name, value): &(String, f64)| json!({ "key": name, "value": value, "timestamp": run.ended_ms, "step": 0 });
        let batch = json!({
            "run_id": id,
            "metrics": run.metrics.iter().take(METRICS_MAX).map(metric).collect::<Vec<_>>(),
            "params": run.params.iter().take(PARAMS_MAX).map(|(name, value)| tag(name, value)).collect::<Vec<_>>(),
            "tags": tags(&all),
        });
        self.post("runs/log-batch", &batch).await?;
        let name = if run.lineage.is_empty() {
            self.experiment.clone()
        } else {
            format!("{}-{}", self.experiment, run.lineage)
        };
        let version = self.version(run, &name, &id, &place).await?;
        self.state(&name, &version, run.state).await?;
        let over = json!({ "run_id": id, "status": "FINISHED", "end_time": run.ended_ms });
        self.post("runs/update", &over).await?;
        if let Some(why) = &without_files {
            tracing::warn!(
                mlflow.run = id,
                "the files of a training are not at the MLflow server: {why}"
            );
        }
        Ok(Tracked {
            run: id,
            version,
            without_files,
        })
    }
}

/// What was answered, if that is yes.
fn read(call: &str, reply: &Reply) -> Result<Value, TrackError> {
    let body: Option<Value> = if reply.body.is_empty() {
        Some(Value::Null)
    } else {
        reply.json()
    };
    if reply.status.is_success() {
        return body.ok_or_else(|| TrackError::Unclear(call.to_owned()));
    }
    let field = |name: &str| body.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let code = field("error_code").unwrap_or_default();
    let words = format!("{code} {}", field("message").unwrap_or_default());
    let words: String = words
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(WORDS_MAX)
        .collect();
    Err(TrackError::Refused {
        call: call.to_owned(),
        status: reply.status.as_u16(),
        words,
    })
}

fn refusal(error: &TrackError) -> &str {
    match error {
        TrackError::Refused { words, .. } => words,
        TrackError::Unreachable(_) | TrackError::Unclear(_) => "",
    }
}

fn is_absent(error: &TrackError) -> bool {
    refusal(error).starts_with("RESOURCE_DOES_NOT_EXIST")
}

fn is_there(error: &TrackError) -> bool {
    refusal(error).starts_with("RESOURCE_ALREADY_EXISTS")
}

fn is_unknown_alias(error: &TrackError) -> bool {
    let words = refusal(error);
    words.starts_with("INVALID_PARAMETER_VALUE")
        && words.contains("alias")
        && words.contains("not found")
}

fn text(value: &Value, at: &str, call: &str) -> Result<String, TrackError> {
    let found = value.pointer(at).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| TrackError::Unclear(call.to_owned()))
}

fn tag(name: &str, value: &str) -> Value {
    let end = value.floor_char_boundary(VALUE_MAX);
    json!({ "key": name, "value": value.get(..end).unwrap_or_default() })
}

fn tags(list: &[(String, String)]) -> Vec<Value> {
    list.iter()
        .take(TAGS_MAX)
        .map(|(name, value)| tag(name, value))
        .collect()
}

/// Within a filter.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace(['\'', '\\'], ""))
}

/// The folder below the artefact proxy that `mlflow-artifacts:/1/abc/artifacts` stands for, also where a host is named before
/// it; nothing for places that the server does not hand on.
fn proxied(place: &str) -> Option<String> {
    let url = Url::parse(place).ok()?;
    let folder = url.path().trim_matches('/');
    (url.scheme() == "mlflow-artifacts" && !folder.is_empty()).then(|| folder.to_owned())
}

#[cfg(test)]
mod tests;
