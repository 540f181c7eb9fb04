//! The registry of models: files in ONNX, each with its hash, the schema of features it was made for, what
//! was measured, and what is to be known of it. At most one is deployed for everybody, and one for each
//! community that has its own.
//!
//! Invariants: a file is read by [`ml::onnx`] before it is registered, and its hash is compared each time it
//! is taken out; a model made for another schema is refused; taking one back puts the one before in its place.

mod deployment;
mod entry;

use std::collections::{BTreeMap, BTreeSet};

use ::store::{StoreError, audit::Entry};
use bytes::Bytes;
use engines::{BlobsError, Sha256};
use kernel::{Actor, CommunityId, Permission, Timestamp, UserId};
use serde_json::{Value, json};

use crate::{
    Bots, BotsError, ErrorCurve, Probability, SHIPPED_MODEL, Training,
    features::SCHEMA,
    list::check_words,
    reference::Reference,
    store::{self as tables, model as table, training},
};

/// The largest file, in bytes.
pub const MODEL_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The largest description and set of metrics, in bytes of JSON.
pub const MODEL_WORDS_BYTES_MAX: usize = 64 * 1_024;
/// How many models are listed.
const LISTED_MAX: i64 = 200;
/// How many versions of one name are kept at most.
const VERSIONS_MAX: i32 = 10_000;
/// How deep metrics are looked into.
const DEPTH_MAX: usize = 4;

/// What a model is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModelKind {
    /// Boosted trees or a forest.
    Trees,
    /// The linear baseline.
    Linear,
}

impl ModelKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Trees, Self::Linear];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trees => "trees",
            Self::Linear => "linear",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Trees => 1,
            Self::Linear => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a model is used for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModelState {
    /// It is being made.
    Training,
    /// It is there and decides nothing.
    Testing,
    /// It is what scores.
    Deployed,
    /// It is used no more; it can be deployed again.
    Retired,
}

impl ModelState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Training, Self::Testing, Self::Deployed, Self::Retired];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Testing => "testing",
            Self::Deployed => "deployed",
            Self::Retired => "retired",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Training => 0,
            Self::Testing => 1,
            Self::Deployed => 2,
            Self::Retired => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A registered model.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// Its id.
    pub id: i32,
    /// Its name; with the version it is the only one.
    pub name: String,
    /// Which of that name, from 1 on.
    pub version: u32,
    /// The community it is for; `None` = all that have none of their own.
    pub community: Option<CommunityId>,
    /// What it is.
    pub kind: ModelKind,
    /// What it is used for.
    pub state: ModelState,
    /// SHA-256 of its file.
    pub sha256: String,
    /// The size of its file.
    pub size_bytes: u64,
    /// The schema of features it was made for.
    pub schema_hash: String,
    /// The threshold that was chosen when it was made.
    pub threshold: Option<Probability>,
    /// What was measured, as JSON.
    pub metrics: Value,
    /// What is to be known of it, as JSON: data, limits, parameters.
    pub card: Value,
    /// What was deployed before it.
    pub replaced: Option<i32>,
    /// Who added it; `None` = the program, or somebody who was erased since.
    pub added_by: Option<UserId>,
    /// When.
    pub added_at: Timestamp,
    /// When it was deployed last.
    pub deployed_at: Option<Timestamp>,
    /// When it was retired last.
    pub retired_at: Option<Timestamp>,
}

impl Model {
    /// Whether it was made for the features of this program.
    pub fn is_current(&self) -> bool {
        self.schema_hash == SCHEMA.hash()
    }

    /// Whether it is for everybody and made for the features of this program: nothing else is tried.
    pub(crate) fn is_for_all(&self) -> bool {
        self.id > SHIPPED_MODEL && self.community.is_none() && self.is_current()
    }

    /// Whether it can be rolled out.
    pub fn may_roll_out(&self) -> bool {
        self.is_for_all() && matches!(self.state, ModelState::Testing | ModelState::Retired)
    }

    /// Whether an experiment can hold it against the rules.
    pub fn may_be_tried(&self) -> bool {
        self.is_for_all() && self.state != ModelState::Training
    }
}

/// A model to register.
#[derive(Clone, PartialEq, Debug)]
pub struct NewModel {
    /// Its name; the version is the next one.
    pub name: String,
    /// The community it is for; `None` = all.
    pub community: Option<CommunityId>,
    /// What was measured, as a JSON object.
    pub metrics: Value,
    /// What is to be known of it, as a JSON object.
    pub card: Value,
}

/// One number of two models.
#[derive(Clone, PartialEq, Debug)]
pub struct ComparedMetric {
    /// Its name; parts of it are separated by dots.
    pub name: String,
    /// Of the first model.
    pub left: Option<f64>,
    /// Of the second.
    pub right: Option<f64>,
}

/// Two models side by side.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelComparison {
    /// The first.
    pub left: Model,
    /// The second.
    pub right: Model,
    /// What was measured of either, by name.
    pub metrics: Vec<ComparedMetric>,
}

fn check_object(field: &'static str, value: &Value) -> Result<String, BotsError> {
    let text = value.to_string();
    if value.is_object() && text.len() <= MODEL_WORDS_BYTES_MAX {
        return Ok(text);
    }
    Err(BotsError::invalid(
        field,
        format!("give a JSON object of at most {MODEL_WORDS_BYTES_MAX} bytes"),
    ))
}

/// What is read out of a file before it is believed.
struct Read {
    kind: ModelKind,
    schema_hash: String,
    threshold: Option<Probability>,
}

fn read(bytes: &[u8]) -> Result<Read, BotsError> {
    if bytes.len() > MODEL_BYTES_MAX {
        return Err(BotsError::invalid(
            "file",
            format!(
                "a model has at most {} MiB",
                MODEL_BYTES_MAX / (1_024 * 1_024)
            ),
        ));
    }
    let (model, properties) =
        ml::onnx::read(bytes).map_err(|error| BotsError::invalid("file", error.to_string()))?;
    if properties.schema != SCHEMA.hash() {
        return Err(BotsError::invalid(
            "file",
            format!(
                "the model was made for other features (schema `{}`): this program has schema `{}`, train it again",
                shown(&properties.schema),
                SCHEMA.hash()
            ),
        ));
    }
    let names: BTreeSet<&String> = model.names().iter().collect();
    let are_known = names.iter().all(|name| SCHEMA.position(name).is_some());
    if !are_known || names.len() != model.names().len() {
        return Err(BotsError::invalid(
            "file",
            "the model names a feature twice, or one that the schema it says it was made for does not have",
        ));
    }
    let kind = match model {
        ml::Model::Trees(_) => ModelKind::Trees,
        ml::Model::Linear(_) => ModelKind::Linear,
    };
    Ok(Read {
        kind,
        schema_hash: properties.schema,
        threshold: properties.threshold.map(Probability::of),
    })
}

/// A text out of a file, made harmless for a message.
fn shown(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect()
}

/// The numbers of a JSON value by their paths.
fn numbers(value: &Value, path: &str, depth: usize, found: &mut BTreeMap<String, f64>) {
    if let Some(number) = value.as_f64() {
        found.insert(path.to_owned(), number);
    }
    if let (Some(object), true) = (value.as_object(), depth > 0) {
        for (key, value) in object {
            let path = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            numbers(value, &path, depth - 1, found);
        }
    }
}

fn compared(left: &Model, right: &Model) -> Vec<ComparedMetric> {
    let of = |model: &Model| {
        let mut found = BTreeMap::new();
        numbers(&model.metrics, "", DEPTH_MAX, &mut found);
        found
    };
    let (left, right) = (of(left), of(right));
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let pair = |name: &String| ComparedMetric {
        name: name.clone(),
        left: left.get(name).copied(),
        right: right.get(name).copied(),
    };
    names.into_iter().map(pair).collect()
}

fn entry(action: &'static str, model: &Model, detail: Value) -> Entry {
    Entry {
        action,
        object: format!("bot_model:{}", model.id),
        community: model.community,
        detail,
    }
}

fn named(model: &Model) -> String {
    format!("{} {}", model.name, model.version)
}

impl Bots {
    /// The models: those that are being made, under the numbers of their trainings as negative ids; the registered, the
    /// newest first, at most 200; and the one that ships, whose id is [`SHIPPED_MODEL`].
    pub async fn models(&self, actor: &Actor) -> Result<Vec<Model>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let conn = self.db.read();
        let trainings = training::newest(conn, LISTED_MAX).await?;
        let mut all: Vec<Model> = trainings.iter().filter_map(entry::learning).collect();
        all.extend(table::newest(conn, LISTED_MAX).await?);
        all.extend(self.found(SHIPPED_MODEL).await?);
        Ok(all)
    }

    /// A model: a registered one, the one that ships, or one that is being made.
    pub async fn model(&self, actor: &Actor, id: i32) -> Result<Option<Model>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(self.found(id).await?)
    }

    async fn found(&self, id: i32) -> Result<Option<Model>, StoreError> {
        let conn = self.db.read();
        match id {
            1.. => table::by_id(conn, id).await,
            SHIPPED_MODEL => {
                let deployed = table::deployed(conn, table::scope(None)).await?;
                Ok(entry::shipped(deployed.is_none()))
            }
            _ => {
                let training = training::by_id(conn, id.saturating_neg()).await?;
                Ok(training.as_ref().and_then(entry::learning))
            }
        }
    }

    /// The training that a model came of; `None` = it was brought as a file, or its training is long past.
    pub async fn training_of_model(
        &self,
        actor: &Actor,
        model: i32,
    ) -> Result<Option<Training>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(training::of_model(self.db.read(), model).await?)
    }

    /// Two models side by side.
    pub async fn compare_models(
        &self,
        actor: &Actor,
        left: i32,
        right: i32,
    ) -> Result<ModelComparison, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let left = self.found(left).await?.ok_or(BotsError::NotFound)?;
        let right = self.found(right).await?.ok_or(BotsError::NotFound)?;
        let metrics = compared(&left, &right);
        Ok(ModelComparison {
            left,
            right,
            metrics,
        })
    }

    /// Registers a model, which decides nothing yet. The same file for the same communities again is the
    /// model that is there already.
    pub async fn add_model(
        &self,
        actor: &Actor,
        new: &NewModel,
        file: Bytes,
    ) -> Result<Model, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        self.register(actor, new, file, None).await
    }

    /// Registers a model, with what the rows were like that it learned from, if that is known.
    pub(crate) async fn register(
        &self,
        actor: &Actor,
        new: &NewModel,
        file: Bytes,
        reference: Option<&Reference>,
    ) -> Result<Model, BotsError> {
        let name = check_words("name", &new.name)?;
        let metrics = check_object("metrics", &new.metrics)?;
        let errors = new.metrics.get("errors").filter(|errors| !errors.is_null());
        if errors.is_some_and(|errors| ErrorCurve::read(errors).is_none()) {
            return Err(BotsError::invalid(
                "metrics",
                "`errors` must be people, bots and ascending points of three shares",
            ));
        }
        let card = check_object("card", &new.card)?;
        let read = read(&file)?;
        let sha256 = Sha256::of(&file).to_string();
        let size_bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if let Some(community) = new.community {
            let known = self.identity.community(actor, community).await;
            if !matches!(known, Ok(Some(_))) {
                return Err(BotsError::NotFound);
            }
        }
        let scope = table::scope(new.community);
        if let Some(known) = table::by_hash(self.db.read(), scope, &sha256).await? {
            return Ok(known);
        }
        // The file first: a row never names one that is not there. One without a row harms nobody, and the
        // next attempt finds it.
        let blob = format!("models/{sha256}.onnx");
        match self.blobs.put_new(&blob, file).await {
            Ok(_) | Err(BlobsError::Exists(_)) => {}
            Err(error) => return Err(BotsError::Files(error)),
        }
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        if let Some(known) = table::by_hash(work.conn(), scope, &sha256).await? {
            return Ok(known);
        }
        let version = table::next_version(work.conn(), &name).await?;
        if version > VERSIONS_MAX {
            return Err(BotsError::Conflict(format!(
                "there are {VERSIONS_MAX} models of this name: choose another"
            )));
        }
        let row = table::New {
            name: &name,
            version,
            scope,
            kind: read.kind,
            blob: &blob,
            sha256: &sha256,
            size_bytes,
            schema_hash: &read.schema_hash,
            threshold: read.threshold,
            metrics: &metrics,
            card: &card,
            by: actor.user_id(),
            at: work.now(),
        };
        let id = table::insert(work.conn(), &row).await?;
        if let Some(reference) = reference {
            tables::reference::put(work.conn(), id, reference).await?;
        }
        let made = table::by_id(work.conn(), id).await?;
        let made = made.ok_or(BotsError::NotFound)?;
        let detail = json!({ "model": named(&made), "sha256": sha256 });
        work.audit(entry("bots.model.add", &made, detail));
        work.commit().await?;
        Ok(made)
    }

    /// The file of a model, for use elsewhere. It is what was registered, or an error.
    pub async fn model_file(&self, actor: &Actor, id: i32) -> Result<Bytes, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        if id == SHIPPED_MODEL {
            return Ok(Bytes::from_static(crate::prior::BYTES));
        }
        let model = table::by_id(self.db.read(), id).await?;
        let model = model.ok_or(BotsError::NotFound)?;
        self.file(&model).await
    }

    pub(crate) async fn file(&self, model: &Model) -> Result<Bytes, BotsError> {
        let path = format!("models/{}.onnx", model.sha256);
        let most = u64::try_from(MODEL_BYTES_MAX).unwrap_or(u64::MAX);
        let blob = self
            .blobs
            .get(&path, most)
            .await
            .map_err(BotsError::Files)?;
        if blob.sha256.to_string() != model.sha256 {
            tracing::error!(
                model.id = model.id,
                "the file of a model is not what was registered: it is not used"
            );
            return Err(BotsError::Conflict(
                "the file of the model is not what was registered: add it again".to_owned(),
            ));
        }
        Ok(blob.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{ModelKind, SCHEMA};

    #[test]
    fn numbers_are_found_by_their_paths_and_not_too_deep() {
        let metrics = json!({
            "auc": 0.99, "at": { "0.5": { "f1": 0.9, "note": "text" } }, "n": 3, "list": [1, 2],
            "a": { "b": { "c": { "d": { "e": 1 } } } },
        });
        let mut found = BTreeMap::new();
        super::numbers(&metrics, "", super::DEPTH_MAX, &mut found);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["at.0.5.f1", "auc", "n"]);
    }

    fn linear(names: &[&str]) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let weight = ml::logistic::Weight {
            mean: 0.0,
            deviation: 1.0,
            weight: 1.0,
        };
        let weights = vec![weight; names.len()];
        let model = ml::Logistic::from_parts(names, weights, 0.0).unwrap();
        let properties = ml::onnx::Properties {
            schema: SCHEMA.hash().to_owned(),
            ..ml::onnx::Properties::default()
        };
        ml::onnx::write(&model.into(), &properties).unwrap()
    }

    #[test]
    fn the_model_that_ships_can_be_registered_and_one_of_unknown_features_cannot() {
        let read = super::read(crate::prior::BYTES).unwrap();
        assert_eq!(read.kind, ModelKind::Trees);
        let names = SCHEMA.names();
        let (one, other) = (names[0].as_str(), names[1].as_str());
        assert!(
            super::read(&linear(&[other, one])).is_ok(),
            "some of them, in any order"
        );
        assert!(super::read(&linear(&[one, one])).is_err(), "one twice");
        assert!(
            super::read(&linear(&[one, "zodiac"])).is_err(),
            "an unknown one"
        );
    }

    #[test]
    fn what_is_no_model_is_refused_with_a_reason() {
        for bytes in [&b""[..], b"nonsense", &[0xff; 40]] {
            assert!(super::read(bytes).is_err());
        }
    }
}
