//! Models as ONNX files: what is trained here runs in every ONNX runtime, and boosted trees made in Python run here.
//!
//! Read are `TreeEnsembleClassifier` with two classes, alone or followed by what exporters put behind it (`Identity`, `Cast`,
//! `ZipMap`, a multiplication by one), and the chain this crate writes for its linear baseline. Everything else is refused by
//! name. What is known about a model besides stands in the file's `metadata_props`.
//!
//! Must never believe a file: lengths, ids and numbers are checked, memory stays in proportion to the file's length.

mod graph;
mod linear;
mod trees;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::calibrate::Calibration;
use crate::model::Model;

/// The longest file.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a file is not taken or not written.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum OnnxError {
    /// No ONNX file, or one that ends too early.
    #[error("this is no whole ONNX file")]
    Broken,
    /// Larger than anything that is meant for here.
    #[error("the model is too large")]
    TooLarge,
    /// Something that may be right elsewhere.
    #[error("the model has {0}, which is not supported")]
    Unsupported(String),
    /// Something that is right nowhere.
    #[error("the model has {0}")]
    Invalid(&'static str),
    /// Names that cannot be kept in a list of lines.
    #[error("the name of a feature has a line break")]
    Name,
}

/// What is known about a model besides what it computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// Which features in which order, as a hash; empty if the file does not say.
    pub schema: String,
    /// Which model this is; empty if the file does not say.
    pub version: String,
    /// How its margins become probabilities.
    pub calibration: Calibration,
    /// From which probability on a row counts as found.
    pub threshold: Option<f64>,
    /// Whatever else stands there.
    pub other: BTreeMap<String, String>,
}

impl Default for Properties {
    fn default() -> Self {
        Self {
            schema: String::new(),
            version: String::new(),
            calibration: Calibration::NONE,
            threshold: None,
            other: BTreeMap::new(),
        }
    }
}

const SCHEMA: &str = "schema_hash";
const VERSION: &str = "version";
const SLOPE: &str = "calibration_a";
const SHIFT: &str = "calibration_b";
const THRESHOLD: &str = "threshold";
const NAMES: &str = "feature_names";
const IMPORTANCES: &str = "importances";

/// Writes a model.
pub fn write(model: &Model, properties: &Properties) -> Result<Vec<u8>, OnnxError> {
    if model.names().iter().any(|name| name.contains('\n')) {
        return Err(OnnxError::Name);
    }
    let mut all = properties.other.clone();
    let mut put = |key: &str, value: String| {
        all.insert(key.to_owned(), value);
    };
    put(SCHEMA, properties.schema.clone());
    put(VERSION, properties.version.clone());
    put(SLOPE, properties.calibration.a.to_string());
    put(SHIFT, properties.calibration.b.to_string());
    if let Some(threshold) = properties.threshold {
        put(THRESHOLD, threshold.to_string());
    }
    put(NAMES, model.names().join("\n"));
    let nodes = match model {
        Model::Trees(ensemble) => {
            let shares = ensemble.importances().iter().map(f64::to_string);
            put(IMPORTANCES, shares.collect::<Vec<_>>().join("\n"));
            vec![trees::write(ensemble)]
        }
        Model::Linear(logistic) => linear::write(logistic),
    };
    let bytes = graph::write(nodes, model.names().len(), &all);
    if bytes.len() > BYTES_MAX {
        return Err(OnnxError::TooLarge);
    }
    Ok(bytes)
}

/// Reads a model. One that does not name its features calls them `f0`, `f1`, …
pub fn read(bytes: &[u8]) -> Result<(Model, Properties), OnnxError> {
    if bytes.len() > BYTES_MAX {
        return Err(OnnxError::TooLarge);
    }
    let mut graph = graph::read(bytes)?;
    let place = graph
        .nodes
        .iter()
        .position(|node| node.op == trees::OP || node.op == linear::OP)
        .ok_or_else(|| OnnxError::Unsupported("no classifier of trees".to_owned()))?;
    let (own, behind) = graph
        .nodes
        .split_at_checked(place + 1)
        .ok_or(OnnxError::Broken)?;
    let reads_input = own
        .first()
        .is_some_and(|node| node.inputs.as_slice() == [graph.input]);
    if !reads_input {
        return Err(OnnxError::Unsupported(
            "a first step that does not read the input".to_owned(),
        ));
    }
    let mut model = match own {
        [node] if node.op == trees::OP => Model::Trees(trees::read(node, graph.features)?),
        [.., last] if last.op == linear::OP => Model::Linear(linear::read(own)?),
        [first, ..] => return Err(unsupported(first.op)),
        [] => return Err(OnnxError::Broken),
    };
    if graph
        .features
        .is_some_and(|columns| columns != model.names().len())
    {
        return Err(OnnxError::Invalid(
            "a row of another width than its features",
        ));
    }
    follow(own, behind, &graph.ones)?;
    let mut all = std::mem::take(&mut graph.properties);
    name(&mut model, &mut all)?;
    Ok((model, properties(all)?))
}

/// What stands behind the model must hand its answer on unchanged.
fn follow(
    own: &[graph::Node<'_>],
    behind: &[graph::Node<'_>],
    ones: &BTreeSet<&str>,
) -> Result<(), OnnxError> {
    let outputs = own.last().map(|node| node.outputs.as_slice());
    let Some([label, probabilities]) = outputs else {
        return Err(OnnxError::Invalid(
            "another number of outputs than label and probabilities",
        ));
    };
    let mut labels = BTreeSet::from([*label]);
    let mut scores = BTreeSet::from([*probabilities]);
    for node in behind {
        let inputs = node
            .inputs
            .iter()
            .filter(|input| !(node.op == "Mul" && ones.contains(*input)));
        let inputs: Vec<&str> = inputs.copied().collect();
        let [input] = inputs.as_slice() else {
            return Err(unsupported(node.op));
        };
        let is_label = labels.contains(input);
        let is_allowed = match node.op {
            "Identity" => is_label || scores.contains(input),
            "Cast" => is_label,
            "ZipMap" | "Mul" => scores.contains(input),
            _ => false,
        };
        if !is_allowed {
            return Err(unsupported(node.op));
        }
        let known = if is_label { &mut labels } else { &mut scores };
        known.extend(&node.outputs);
    }
    Ok(())
}

fn unsupported(op: &str) -> OnnxError {
    OnnxError::Unsupported(format!("the step `{}`", shown(op)))
}

/// A name out of a file, made harmless for a message.
fn shown(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.chars().filter(is_plain).take(40).collect()
}

fn name(model: &mut Model, all: &mut BTreeMap<String, String>) -> Result<(), OnnxError> {
    if let Some(names) = all.remove(NAMES) {
        let names: Vec<String> = names.split('\n').map(str::to_owned).collect();
        if !model.rename(names) {
            return Err(OnnxError::Invalid("names for another number of features"));
        }
    }
    let Some(shares) = all.remove(IMPORTANCES) else {
        return Ok(());
    };
    if let Model::Trees(ensemble) = model {
        let shares = shares
            .split('\n')
            .map(number)
            .collect::<Result<Vec<_>, _>>()?;
        if shares.len() != ensemble.names.len() {
            return Err(OnnxError::Invalid("importances of other features"));
        }
        ensemble.importances = shares;
    }
    Ok(())
}

fn properties(mut all: BTreeMap<String, String>) -> Result<Properties, OnnxError> {
    let mut take = |key: &str| all.remove(key);
    let mut calibration = Calibration::NONE;
    if let (Some(a), Some(b)) = (take(SLOPE), take(SHIFT)) {
        calibration = Calibration {
            a: number(&a)?,
            b: number(&b)?,
        };
    }
    Ok(Properties {
        schema: take(SCHEMA).unwrap_or_default(),
        version: take(VERSION).unwrap_or_default(),
        calibration,
        threshold: take(THRESHOLD).as_deref().map(number).transpose()?,
        other: all,
    })
}

fn number(text: &str) -> Result<f64, OnnxError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(OnnxError::Invalid("a property that is not a number")),
    }
}

#[cfg(test)]
mod tests;
