//! Models, graphs, nodes and attributes of ONNX: looked at where they lie, and written. Knows their field numbers, not what
//! a node computes.

use std::collections::{BTreeMap, BTreeSet};

use super::OnnxError;
use super::wire::{Message, fields};

/// The most nodes of a graph, names of a node, attributes of a node, properties of a model.
const NODES_MAX: usize = 16;
const NAMES_MAX: usize = 8;
const ATTRIBUTES_MAX: usize = 64;
const PROPERTIES_MAX: usize = 64;
/// The most numbers in one attribute: a forest of thousands of leaves is far below.
const NUMBERS_MAX: usize = 2_000_000;

const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// What is asked of a model.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) input: &'a str,
    /// How many features a row has, if it is said.
    pub(super) features: Option<usize>,
    pub(super) nodes: Vec<Node<'a>>,
    /// Constants that change nothing when something is multiplied by them.
    pub(super) ones: BTreeSet<&'a str>,
    pub(super) properties: BTreeMap<String, String>,
}

/// One step of the computation.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) op: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    attributes: BTreeMap<&'a str, &'a [u8]>,
}

/// Looks at a model.
pub(super) fn read(bytes: &[u8]) -> Result<Graph<'_>, OnnxError> {
    let mut graph = None;
    let mut properties = BTreeMap::new();
    for field in fields(bytes) {
        match field? {
            (7, value) => graph = Some(read_graph(value.bytes()?)?),
            (14, value) => {
                let (key, value) = read_property(value.bytes()?)?;
                properties.insert(key.to_owned(), value.to_owned());
                if properties.len() > PROPERTIES_MAX {
                    return Err(OnnxError::TooLarge);
                }
            }
            _ => {}
        }
    }
    let mut graph = graph.ok_or(OnnxError::Broken)?;
    graph.properties = properties;
    Ok(graph)
}

fn read_property(bytes: &[u8]) -> Result<(&str, &str), OnnxError> {
    let mut property = ("", "");
    for field in fields(bytes) {
        match field? {
            (1, value) => property.0 = value.text()?,
            (2, value) => property.1 = value.text()?,
            _ => {}
        }
    }
    Ok(property)
}

fn read_graph(bytes: &[u8]) -> Result<Graph<'_>, OnnxError> {
    let mut graph = Graph::default();
    let mut inputs: Vec<(&str, Option<usize>)> = Vec::new();
    let mut constants = BTreeSet::new();
    for field in fields(bytes) {
        match field? {
            (1, value) => {
                graph.nodes.push(read_node(value.bytes()?)?);
                if graph.nodes.len() > NODES_MAX {
                    return Err(OnnxError::TooLarge);
                }
            }
            (5, value) => {
                let (name, is_one) = read_constant(value.bytes()?)?;
                constants.insert(name);
                if is_one {
                    graph.ones.insert(name);
                }
            }
            (11, value) => inputs.push(read_input(value.bytes()?)?),
            _ => {}
        }
        if inputs.len() > NAMES_MAX || constants.len() > NAMES_MAX {
            return Err(OnnxError::TooLarge);
        }
    }
    // Old files list their constants among the inputs too.
    inputs.retain(|(name, _)| !constants.contains(name));
    let [(input, features)] = inputs.as_slice() else {
        return Err(OnnxError::Unsupported(
            "more than one input, or none".to_owned(),
        ));
    };
    graph.input = input;
    graph.features = *features;
    Ok(graph)
}

fn read_node(bytes: &[u8]) -> Result<Node<'_>, OnnxError> {
    let mut node = Node::default();
    for field in fields(bytes) {
        match field? {
            (1, value) => node.inputs.push(value.text()?),
            (2, value) => node.outputs.push(value.text()?),
            (4, value) => node.op = value.text()?,
            (5, value) => {
                let attribute = value.bytes()?;
                let mut name = "";
                for field in fields(attribute) {
                    if let (1, value) = field? {
                        name = value.text()?;
                    }
                }
                node.attributes.insert(name, attribute);
            }
            _ => {}
        }
        let is_large = node.inputs.len().max(node.outputs.len()) > NAMES_MAX;
        if is_large || node.attributes.len() > ATTRIBUTES_MAX {
            return Err(OnnxError::TooLarge);
        }
    }
    Ok(node)
}

/// The name of a constant, and whether it is a single 1.
fn read_constant(bytes: &[u8]) -> Result<(&str, bool), OnnxError> {
    let mut name = "";
    let mut numbers = Vec::new();
    for field in fields(bytes) {
        match field? {
            (8, value) => name = value.text()?,
            (4 | 9, value) => value.floats(&mut numbers, 1)?,
            _ => {}
        }
    }
    Ok((name, numbers == [1.0]))
}

/// The name of an input, and how many columns it has, if that is said. Only floats are taken.
fn read_input(bytes: &[u8]) -> Result<(&str, Option<usize>), OnnxError> {
    let mut name = "";
    let mut columns = None;
    for field in fields(bytes) {
        match field? {
            (1, value) => name = value.text()?,
            (2, value) => {
                for field in fields(value.bytes()?) {
                    if let (1, tensor) = field? {
                        columns = read_tensor_type(tensor.bytes()?)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, columns))
}

fn read_tensor_type(bytes: &[u8]) -> Result<Option<usize>, OnnxError> {
    let mut sizes = Vec::new();
    for field in fields(bytes) {
        match field? {
            (1, value) if value.int()? != FLOAT => {
                return Err(OnnxError::Unsupported(
                    "an input that is not of 32-bit floats".to_owned(),
                ));
            }
            (2, value) => {
                for field in fields(value.bytes()?) {
                    let (1, dimension) = field? else { continue };
                    let mut size = None;
                    for field in fields(dimension.bytes()?) {
                        if let (1, value) = field? {
                            size = usize::try_from(value.int()?).ok();
                        }
                    }
                    sizes.push(size);
                    if sizes.len() > 2 {
                        return Err(OnnxError::Unsupported(
                            "an input of more than two dimensions".to_owned(),
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(sizes.get(1).copied().flatten())
}

impl Node<'_> {
    /// Numbers of an attribute; empty if it is not there.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, OnnxError> {
        let mut list = Vec::new();
        for field in fields(self.attribute(name)) {
            if let (7, value) = field? {
                value.floats(&mut list, NUMBERS_MAX)?;
            }
        }
        Ok(list)
    }

    /// One number.
    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, OnnxError> {
        let mut list = Vec::new();
        for field in fields(self.attribute(name)) {
            if let (2, value) = field? {
                value.floats(&mut list, 1)?;
            }
        }
        Ok(list.first().copied())
    }

    /// Whole numbers of an attribute; empty if it is not there.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>, OnnxError> {
        let mut list = Vec::new();
        for field in fields(self.attribute(name)) {
            if let (8, value) = field? {
                value.ints(&mut list, NUMBERS_MAX)?;
            }
        }
        Ok(list)
    }

    /// Texts of an attribute, one after the other.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = Result<&str, OnnxError>> {
        fields(self.attribute(name)).filter_map(|field| match field {
            Ok((9, value)) => Some(value.text()),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// A text; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> Result<&str, OnnxError> {
        let mut text = "";
        for field in fields(self.attribute(name)) {
            if let (4, value) = field? {
                text = value.text()?;
            }
        }
        Ok(text)
    }

    /// Whether there is such an attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    fn attribute(&self, name: &str) -> &[u8] {
        self.attributes.get(name).copied().unwrap_or_default()
    }
}

/// A node being written.
#[derive(Debug)]
pub(super) struct NodeWriter {
    message: Message,
}

impl NodeWriter {
    pub(super) fn new(op: &str, input: &str, outputs: &[&str]) -> Self {
        let mut message = Message::default();
        message.text(1, input);
        for output in outputs {
            message.text(2, output);
        }
        message.text(3, op).text(4, op).text(7, "ai.onnx.ml");
        Self { message }
    }

    pub(super) fn floats(&mut self, name: &str, list: impl IntoIterator<Item = f32>) -> &mut Self {
        self.attribute(name, 6, |message| {
            for value in list {
                message.float(7, value);
            }
        })
    }

    pub(super) fn float(&mut self, name: &str, value: f32) -> &mut Self {
        self.attribute(name, 1, |message| {
            message.float(2, value);
        })
    }

    pub(super) fn ints(&mut self, name: &str, list: impl IntoIterator<Item = i64>) -> &mut Self {
        self.attribute(name, 7, |message| {
            for value in list {
                message.int(8, value);
            }
        })
    }

    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.attribute(name, 3, |message| {
            message.text(4, text);
        })
    }

    pub(super) fn texts<'b>(
        &mut self,
        name: &str,
        list: impl IntoIterator<Item = &'b str>,
    ) -> &mut Self {
        self.attribute(name, 8, |message| {
            for text in list {
                message.text(9, text);
            }
        })
    }

    fn attribute(&mut self, name: &str, kind: i64, fill: impl FnOnce(&mut Message)) -> &mut Self {
        let mut attribute = Message::default();
        attribute.text(1, name);
        fill(&mut attribute);
        attribute.int(20, kind);
        self.message.message(5, &attribute);
        self
    }
}

/// A whole model: rows of `input` in, `label` and `probabilities` out.
pub(super) fn write(
    nodes: Vec<NodeWriter>,
    features: usize,
    properties: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut graph = Message::default();
    for node in nodes {
        graph.message(1, &node.message);
    }
    graph.text(2, "classifier");
    let columns = i64::try_from(features).unwrap_or(i64::MAX);
    graph
        .message(11, &value_info("input", FLOAT, &[None, Some(columns)]))
        .message(12, &value_info("label", INT64, &[None]))
        .message(12, &value_info("probabilities", FLOAT, &[None, Some(2)]));
    let mut model = Message::default();
    model.int(1, 8).text(2, "ml").message(7, &graph);
    for (domain, version) in [("", 15), ("ai.onnx.ml", 3)] {
        let mut opset = Message::default();
        opset.text(1, domain).int(2, version);
        model.message(8, &opset);
    }
    for (key, value) in properties {
        let mut property = Message::default();
        property.text(1, key).text(2, value);
        model.message(14, &property);
    }
    model.into_bytes()
}

fn value_info(name: &str, kind: i64, sizes: &[Option<i64>]) -> Message {
    let mut shape = Message::default();
    for size in sizes {
        let mut dimension = Message::default();
        match size {
            Some(size) => dimension.int(1, *size),
            None => dimension.text(2, "rows"),
        };
        shape.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.int(1, kind).message(2, &shape);
    let mut of = Message::default();
    of.message(1, &tensor);
    let mut info = Message::default();
    info.text(1, name).message(2, &of);
    info
}
