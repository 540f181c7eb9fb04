//! `TreeEnsembleClassifier`: read in the layouts that every runtime understands the same way, written in one of them.
//!
//! Must never believe a file: every tree is walked from its root before it is taken, so that it is a tree.

use std::collections::BTreeMap;

use super::OnnxError;
use super::graph::{Node, NodeWriter};
use crate::ensemble::{Ensemble, Link};
use crate::number::narrow;
use crate::tree::{Question, Step, Tree};

/// The most nodes of all trees, the deepest way, the widest row.
const NODES_MAX: usize = 1_000_000;
const DEPTH_MAX: usize = 128;
const FEATURES_MAX: usize = 10_000;

/// The name of the operator.
pub(super) const OP: &str = "TreeEnsembleClassifier";

/// How a node compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Leaf,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A node as the file has it.
#[derive(Debug, Clone, Copy)]
struct Raw {
    tree: i64,
    id: i64,
    feature: i64,
    mode: Mode,
    value: f32,
    yes: i64,
    no: i64,
    is_missing_yes: bool,
    cover: f32,
    /// Votes of a leaf for the second class, all added up.
    vote: f64,
}

/// What is written: rows go through `input`, the outputs are `label` and `probabilities`.
pub(super) fn write(ensemble: &Ensemble) -> NodeWriter {
    let mut node = NodeWriter::new(OP, "input", &["label", "probabilities"]);
    let all = || {
        (0_i64..).zip(&ensemble.trees).flat_map(|(id, tree)| {
            (0_i64..)
                .zip(tree.steps())
                .enumerate()
                .map(move |(at, (node, step))| (id, node, tree.cover(at), step))
        })
    };
    let question = |step: &Step| match step {
        Step::Split(question) => Some(*question),
        Step::Leaf(_) => None,
    };
    let whole = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
    node.ints("nodes_treeids", all().map(|(tree, ..)| tree));
    node.ints("nodes_nodeids", all().map(|(_, node, ..)| node));
    let features = all().map(|(.., step)| question(&step).map_or(0, |q| whole(q.feature)));
    node.ints("nodes_featureids", features);
    let modes = all().map(|(.., step)| question(&step).map_or("LEAF", |_| "BRANCH_LT"));
    node.texts("nodes_modes", modes);
    let values = all().map(|(.., step)| question(&step).map_or(0.0, |q| q.threshold));
    node.floats("nodes_values", values);
    node.floats("nodes_hitrates", all().map(|(_, _, cover, _)| cover));
    let yes = all().map(|(.., step)| question(&step).map_or(0, |q| whole(q.yes)));
    node.ints("nodes_truenodeids", yes);
    let no = all().map(|(.., step)| question(&step).map_or(0, |q| whole(q.no)));
    node.ints("nodes_falsenodeids", no);
    let missing = all()
        .map(|(.., step)| question(&step).map_or(0, |question| i64::from(question.is_missing_yes)));
    node.ints("nodes_missing_value_tracks_true", missing);

    // Boosted: each leaf votes twice, for each class once. One vote would be shorter, but runtimes do not agree on what it
    // means if all votes are positive. A forest: one vote, its share of the probability, as other exporters write it.
    let leaves = || {
        all().filter_map(|(tree, node, _, step)| match step {
            Step::Leaf(value) => Some((tree, node, value)),
            Step::Split(_) => None,
        })
    };
    let votes = || {
        leaves().flat_map(|(tree, node, value)| {
            let votes: &[(i64, f32)] = match ensemble.link {
                Link::Logistic => &[(0, -value), (1, value)],
                Link::Identity => &[(0, value)],
            };
            let of_leaf = |(class, vote): &(i64, f32)| (tree, node, *class, *vote);
            votes.iter().map(of_leaf).collect::<Vec<_>>()
        })
    };
    node.ints("class_treeids", votes().map(|vote| vote.0));
    node.ints("class_nodeids", votes().map(|vote| vote.1));
    node.ints("class_ids", votes().map(|vote| vote.2));
    node.floats("class_weights", votes().map(|vote| vote.3));
    node.ints("classlabels_int64s", [0, 1]);
    let transform = match ensemble.link {
        Link::Logistic => "LOGISTIC",
        Link::Identity => "NONE",
    };
    node.text("post_transform", transform);
    node
}

/// Reads an ensemble; its features have no names yet.
pub(super) fn read(node: &Node<'_>, features: Option<usize>) -> Result<Ensemble, OnnxError> {
    refuse_doubles(node)?;
    let mut nodes = read_nodes(node)?;
    let link = read_votes(node, &mut nodes)?;
    let widest = nodes
        .iter()
        .filter(|raw| raw.mode != Mode::Leaf)
        .map(|raw| raw.feature.saturating_add(1))
        .max();
    let needed = usize::try_from(widest.unwrap_or(0)).unwrap_or(usize::MAX);
    let columns = features.unwrap_or(needed);
    if needed > columns {
        return Err(OnnxError::Invalid("a feature beyond the width of a row"));
    }
    if columns > FEATURES_MAX {
        return Err(OnnxError::TooLarge);
    }
    let mut by_tree: BTreeMap<i64, BTreeMap<i64, Raw>> = BTreeMap::new();
    for raw in nodes {
        let tree = by_tree.entry(raw.tree).or_default();
        if tree.insert(raw.id, raw).is_some() {
            return Err(OnnxError::Invalid("two nodes with the same id"));
        }
    }
    let trees = by_tree.values().map(build).collect::<Result<Vec<_>, _>>()?;
    if trees.is_empty() {
        return Err(OnnxError::Invalid("no tree"));
    }
    let names = (0..columns).map(|column| format!("f{column}")).collect();
    Ok(Ensemble::new(names, trees, link, vec![0.0; columns]))
}

fn refuse_doubles(node: &Node<'_>) -> Result<(), OnnxError> {
    for name in [
        "base_values_as_tensor",
        "class_weights_as_tensor",
        "nodes_hitrates_as_tensor",
        "nodes_values_as_tensor",
    ] {
        if node.has(name) {
            return Err(OnnxError::Unsupported(format!(
                "`{name}`: use 32-bit floats"
            )));
        }
    }
    Ok(())
}

fn read_nodes(node: &Node<'_>) -> Result<Vec<Raw>, OnnxError> {
    let trees = node.ints("nodes_treeids")?;
    let n = trees.len();
    if n > NODES_MAX {
        return Err(OnnxError::TooLarge);
    }
    let ids = of_length(n, node.ints("nodes_nodeids")?)?;
    let features = of_length(n, node.ints("nodes_featureids")?)?;
    let values = of_length(n, node.floats("nodes_values")?)?;
    let yes = of_length(n, node.ints("nodes_truenodeids")?)?;
    let no = of_length(n, node.ints("nodes_falsenodeids")?)?;
    let missing = node.ints("nodes_missing_value_tracks_true")?;
    let missing = of_length(
        n,
        if missing.is_empty() {
            vec![0; n]
        } else {
            missing
        },
    )?;
    let covers = node.floats("nodes_hitrates")?;
    let covers = of_length(
        n,
        if covers.is_empty() {
            vec![0.0; n]
        } else {
            covers
        },
    )?;
    let mut modes = node.texts("nodes_modes");
    let mut nodes = Vec::with_capacity(n);
    let numbers = trees.into_iter().zip(ids).zip(features).zip(values);
    let rest = yes.into_iter().zip(no).zip(missing).zip(covers);
    for ((((tree, id), feature), value), (((yes, no), missing), cover)) in numbers.zip(rest) {
        let mode = modes.next().ok_or(LENGTHS)??;
        nodes.push(Raw {
            tree,
            id,
            feature,
            mode: read_mode(mode)?,
            value,
            yes,
            no,
            is_missing_yes: missing != 0,
            cover: if cover.is_finite() {
                cover.max(0.0)
            } else {
                0.0
            },
            vote: 0.0,
        });
    }
    if modes.next().is_some() {
        return Err(LENGTHS);
    }
    Ok(nodes)
}

const LENGTHS: OnnxError = OnnxError::Invalid("lists of different lengths");

fn of_length<T>(n: usize, list: Vec<T>) -> Result<Vec<T>, OnnxError> {
    if list.len() == n {
        Ok(list)
    } else {
        Err(LENGTHS)
    }
}

fn read_mode(mode: &str) -> Result<Mode, OnnxError> {
    match mode {
        "LEAF" => Ok(Mode::Leaf),
        "BRANCH_LT" => Ok(Mode::Less),
        "BRANCH_LEQ" => Ok(Mode::LessOrEqual),
        "BRANCH_GT" => Ok(Mode::Greater),
        "BRANCH_GTE" => Ok(Mode::GreaterOrEqual),
        other => Err(OnnxError::Unsupported(format!(
            "questions of the kind `{}`",
            super::shown(other)
        ))),
    }
}

/// Gives leaves their votes and says what their sum is.
fn read_votes(node: &Node<'_>, nodes: &mut [Raw]) -> Result<Link, OnnxError> {
    let labels = node.ints("classlabels_int64s")?.len();
    let named = node.texts("classlabels_strings").take(3).count();
    if labels + named != 2 {
        return Err(OnnxError::Unsupported(
            "another number of classes than two".to_owned(),
        ));
    }
    let trees = node.ints("class_treeids")?;
    let n = trees.len();
    let ids = of_length(n, node.ints("class_nodeids")?)?;
    let classes = of_length(n, node.ints("class_ids")?)?;
    let weights = of_length(n, node.floats("class_weights")?)?;
    if n > 2 * NODES_MAX {
        return Err(OnnxError::TooLarge);
    }
    if classes.iter().any(|class| !(0..=1).contains(class)) {
        return Err(OnnxError::Invalid("a vote for a class that is not there"));
    }
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(OnnxError::Invalid("a vote that is not a number"));
    }
    let is_one_class = classes.windows(2).all(|pair| pair.first() == pair.last());
    let is_negative = weights.iter().any(|weight| *weight < 0.0);
    let link = match (node.text("post_transform")?, is_one_class, is_negative) {
        ("LOGISTIC", false, _) | ("LOGISTIC", true, true) => Link::Logistic,
        ("NONE" | "", _, false) => Link::Identity,
        ("LOGISTIC", true, false) => {
            return Err(OnnxError::Unsupported(
                "votes for one class that are all positive, with LOGISTIC: runtimes disagree on them".to_owned(),
            ));
        }
        ("NONE" | "", _, true) => {
            return Err(OnnxError::Unsupported(
                "negative votes without a transform: they are no probabilities".to_owned(),
            ));
        }
        (other, ..) => {
            return Err(OnnxError::Unsupported(format!(
                "the transform `{}`",
                super::shown(other)
            )));
        }
    };
    let mut votes: BTreeMap<(i64, i64), f64> = BTreeMap::new();
    let rows = trees.into_iter().zip(ids).zip(classes).zip(weights);
    for (((tree, id), class), weight) in rows {
        if is_one_class || class == 1 {
            *votes.entry((tree, id)).or_default() += f64::from(weight);
        }
    }
    let base = read_base(node, is_one_class)?;
    let first = nodes.iter().map(|raw| raw.tree).min();
    for raw in nodes.iter_mut().filter(|raw| raw.mode == Mode::Leaf) {
        raw.vote = votes.remove(&(raw.tree, raw.id)).unwrap_or(0.0);
        if Some(raw.tree) == first {
            raw.vote += base;
        }
    }
    if votes.is_empty() {
        Ok(link)
    } else {
        Err(OnnxError::Invalid("a vote of a node that is no leaf"))
    }
}

/// What is added to the score of the second class before anything else.
fn read_base(node: &Node<'_>, is_one_class: bool) -> Result<f64, OnnxError> {
    let base = node.floats("base_values")?;
    if base.iter().any(|value| !value.is_finite()) {
        return Err(OnnxError::Invalid("a base value that is not a number"));
    }
    match (base.as_slice(), is_one_class) {
        ([], _) => Ok(0.0),
        ([one], true) => Ok(f64::from(*one)),
        _ => Err(OnnxError::Unsupported(
            "base values for two classes: runtimes disagree on them".to_owned(),
        )),
    }
}

/// One tree from its root down.
fn build(nodes: &BTreeMap<i64, Raw>) -> Result<Tree, OnnxError> {
    let mut parents: BTreeMap<i64, u32> = BTreeMap::new();
    for raw in nodes.values().filter(|raw| raw.mode != Mode::Leaf) {
        for child in [raw.yes, raw.no] {
            *parents.entry(child).or_default() += 1;
        }
    }
    if parents.values().any(|count| *count > 1) {
        return Err(OnnxError::Invalid("a node with two parents"));
    }
    let mut roots = nodes.values().filter(|raw| !parents.contains_key(&raw.id));
    let (Some(root), None) = (roots.next(), roots.next()) else {
        return Err(OnnxError::Invalid("a tree without exactly one root"));
    };
    let mut tree = Tree::default();
    // By the first child of each question: that is the order in which trees grow, so a tree that was kept comes back as it was.
    let mut open = BTreeMap::new();
    let add = |open: &mut BTreeMap<i64, _>, place: (usize, usize), raw| {
        let raw: &Raw = raw;
        if raw.mode != Mode::Leaf {
            open.insert(raw.yes.min(raw.no), (place, raw));
        }
    };
    add(&mut open, (push(&mut tree, root), 1), root);
    while let Some((_, ((at, depth), raw))) = open.pop_first() {
        if depth > DEPTH_MAX {
            return Err(OnnxError::TooLarge);
        }
        let question = question(raw)?;
        let child = |id: i64| {
            nodes
                .get(&id)
                .ok_or(OnnxError::Invalid("a child that is not there"))
        };
        let (yes, no) = if is_turned(raw.mode) {
            (child(raw.no)?, child(raw.yes)?)
        } else {
            (child(raw.yes)?, child(raw.no)?)
        };
        let yes_at = push(&mut tree, yes);
        let no_at = push(&mut tree, no);
        let question = Question {
            yes: yes_at,
            no: no_at,
            ..question
        };
        if !tree.ask(at, &question) {
            return Err(OnnxError::TooLarge);
        }
        add(&mut open, (yes_at, depth + 1), yes);
        add(&mut open, (no_at, depth + 1), no);
    }
    // Nodes that go round in a circle have parents and are never reached.
    if tree.len() == nodes.len() {
        Ok(tree)
    } else {
        Err(OnnxError::Invalid("nodes that no root leads to"))
    }
}

fn push(tree: &mut Tree, raw: &Raw) -> usize {
    tree.push_leaf(narrow(raw.vote), raw.cover)
}

/// `value > threshold` is `value <= threshold` with the children exchanged.
const fn is_turned(mode: Mode) -> bool {
    matches!(mode, Mode::Greater | Mode::GreaterOrEqual)
}

/// The question in our own form, without its children: `value <= threshold` is `value < the next number`.
fn question(raw: &Raw) -> Result<Question, OnnxError> {
    if raw.value.is_nan() {
        return Err(OnnxError::Invalid("a threshold that is not a number"));
    }
    let Ok(feature) = usize::try_from(raw.feature) else {
        return Err(OnnxError::Invalid("a negative feature"));
    };
    let threshold = match raw.mode {
        Mode::LessOrEqual | Mode::Greater => raw.value.next_up(),
        Mode::Leaf | Mode::Less | Mode::GreaterOrEqual => raw.value,
    };
    Ok(Question {
        feature,
        threshold,
        is_missing_yes: raw.is_missing_yes != is_turned(raw.mode),
        yes: 0,
        no: 0,
    })
}
