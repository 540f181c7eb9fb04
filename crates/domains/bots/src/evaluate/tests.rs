//! Whole evaluations of invented communities, and what is said of broken folders.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use engines::Sha256;
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::{Evaluation, Outcome, Plan, evaluate, moments, prior, replay, within};
use crate::learning::{Columns, Learned, Line, Recipe, learn};

/// People who talk, and bots that announce; `seed` makes another community.
fn community(root: &Path, name: &str, seed: u64, people: u64, bots: u64) -> PathBuf {
    let dir = root.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |n: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % n
    };
    let words = [
        "duck",
        "pond",
        "really",
        "yesterday",
        "why",
        "no",
        "bread",
        "i",
        "think",
        "it",
        "was",
        "fun",
        "lol",
        "maybe",
        "where",
        "is",
        "the",
        "other",
        "one",
        "today",
    ];
    let mut lines: Vec<(u64, String)> = Vec::new();
    for who in 0..people + bots {
        let is_bot = who >= people;
        let mut at = 1_600_000_000_000 + roll(86_400_000);
        for n in 0..12 + roll(8) {
            let text = if is_bot {
                at += 3_600_000;
                format!("New video: number {n} - https://videos.example/{who}/{n}")
            } else {
                at += 30_000 + roll(20_000_000);
                let n = 1 + roll(9);
                let text: Vec<&str> = (0..n)
                    .map(|_| words[usize::try_from(roll(20)).unwrap()])
                    .collect();
                text.join(" ")
            };
            let line = format!(
                r#"{{"platform":"irc","community":"c","channel":"c","message_id":"{who}-{n}","user_id":"u{who}","username":"u{who}","sent_at_ms":{at},"text":"{text}","mentions":0}}"#
            );
            lines.push((at, line));
        }
    }
    lines.sort();
    let texts: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    messages(&dir, &texts.join("\n"));
    let mut labels = "platform,user_id,is_bot,account_group\n".to_owned();
    for who in 0..people + bots {
        let _ = writeln!(
            labels,
            "irc,u{who},{},{name}-{who}",
            u8::from(who >= people)
        );
    }
    std::fs::write(dir.join("labels.csv"), labels).unwrap();
    dir
}

fn messages(dir: &Path, text: &str) {
    let file = std::fs::File::create(dir.join("messages.jsonl.gz")).unwrap();
    let mut out = GzEncoder::new(file, Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap();
}

fn plan(train: Vec<PathBuf>, test: Vec<PathBuf>) -> Plan {
    let mut recipe = Recipe::default();
    recipe.params.trees = 40;
    Plan {
        train,
        test,
        folds: None,
        adapt: 0,
        model: None,
        min_messages: 1,
        recipe,
        draws: 20,
    }
}

#[test]
fn within_one_folder_all_signals_count_and_within_several_those_that_mean_the_same_everywhere() {
    let columns = |folders: usize| {
        let plan = within(&plan(Vec::new(), Vec::new()), folders);
        plan.recipe.for_sources(folders).columns
    };
    assert_eq!(columns(1), Columns::All);
    assert_eq!(columns(2), Columns::Everywhere);
}

#[test]
fn a_straight_line_stands_beside_the_trees_where_bots_are_few_or_where_it_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let learned = |bots: u64, line: Line| {
        let name = format!("of-{bots}");
        let dir = community(root.path(), &name, 5, 60, bots);
        let rows = moments(&[replay(&dir, 0).unwrap()], |_| 1.0);
        let recipe = Recipe {
            line,
            ..plan(Vec::new(), Vec::new()).recipe
        };
        learn(&rows, &recipe).unwrap()
    };
    let trees = |learned: &Learned| learned.ensemble.trees();
    let few = learned(12, Line::OfFew);
    assert!((41..=44).contains(&trees(&few)), "{}", trees(&few));
    assert!((few.threshold - 0.25).abs() < 1e-9, "{}", few.threshold);
    let share = |learned: &Learned, name: &str| {
        let names = learned.ensemble.names().iter();
        let shares = names.zip(learned.ensemble.importances());
        shares
            .filter(|(own, _)| *own == name)
            .map(|(_, share)| *share)
            .sum::<f64>()
    };
    assert!(share(&few, "sameness_here") > 0.0);
    assert_eq!(trees(&learned(30, Line::OfFew)), 40, "trees alone");
    assert!(trees(&learned(30, Line::Always)) > 40);
}

/// Everything the error says, cause by cause.
fn complaint(plan: &Plan) -> String {
    let error = evaluate(plan).unwrap_err();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        let _ = write!(text, ": {next}");
        cause = next.source();
    }
    text
}

fn tuned(outcome: &Outcome) -> (f64, f64) {
    let at = outcome.judgements[0].at.last().unwrap();
    assert_eq!(at.name, "tuned");
    (at.precision.value.unwrap(), at.recall.value.unwrap())
}

#[test]
fn bots_of_another_community_are_found_and_the_rules_are_judged_beside() {
    let root = TempDir::new().unwrap();
    let train = community(root.path(), "one", 1, 60, 12);
    let test = community(root.path(), "two", 2, 60, 12);
    let evaluation: Evaluation = evaluate(&plan(vec![train], vec![test])).unwrap();
    let [outcome] = evaluation.results.as_slice() else {
        panic!("one result, not {}", evaluation.results.len());
    };
    assert_eq!((outcome.accounts, outcome.bots), (72, 12));
    assert_eq!(tuned(outcome), (1.0, 1.0));
    let [model, rules] = outcome.judgements.as_slice() else {
        panic!("model and rules");
    };
    assert_eq!((model.judge, rules.judge), ("model", "rules"));
    assert!(model.auc_roc.low.unwrap() <= model.auc_roc.value.unwrap());
    assert!(!evaluation.importances.is_empty());
}

#[test]
fn nothing_is_learned_of_an_account_whose_group_is_judged() {
    let root = TempDir::new().unwrap();
    let one = community(root.path(), "one", 1, 60, 12);
    let two = community(root.path(), "two", 2, 60, 12);
    // The accounts that are judged, each said to be what it is not.
    let lies = root.path().join("lies");
    std::fs::create_dir_all(&lies).unwrap();
    std::fs::copy(
        two.join("messages.jsonl.gz"),
        lies.join("messages.jsonl.gz"),
    )
    .unwrap();
    let truth = std::fs::read_to_string(two.join("labels.csv")).unwrap();
    let turned = truth.replace(",0,", ",x,").replace(",1,", ",0,");
    std::fs::write(lies.join("labels.csv"), turned.replace(",x,", ",1,")).unwrap();
    let evaluation = evaluate(&plan(vec![one, lies], vec![two])).unwrap();
    assert_eq!(
        (evaluation.held_back, evaluation.train[1].labelled),
        (72, 0)
    );
    assert_eq!(tuned(&evaluation.results[0]), (1.0, 1.0));
}

#[test]
fn cross_validation_judges_every_account_once_alone_and_pooled() {
    let root = TempDir::new().unwrap();
    let one = community(root.path(), "one", 3, 40, 8);
    let two = community(root.path(), "two", 4, 40, 8);
    let evaluation = evaluate(&Plan {
        folds: Some(3),
        ..plan(vec![one, two], Vec::new())
    })
    .unwrap();
    let found: Vec<(&str, &str, usize)> = evaluation
        .results
        .iter()
        .map(|outcome| (outcome.name.as_str(), outcome.how, outcome.accounts))
        .collect();
    assert_eq!(
        found,
        [
            ("one", "alone", 48),
            ("two", "alone", 48),
            ("one", "pooled", 48),
            ("two", "pooled", 48),
            ("all", "pooled", 96),
        ]
    );
}

#[test]
fn an_account_whose_label_was_asked_for_is_not_judged() {
    let root = TempDir::new().unwrap();
    let train = community(root.path(), "one", 5, 40, 8);
    let test = community(root.path(), "two", 6, 40, 8);
    let evaluation = evaluate(&Plan {
        adapt: 10,
        ..plan(vec![train], vec![test])
    })
    .unwrap();
    let how: Vec<(&str, usize)> = evaluation
        .results
        .iter()
        .map(|outcome| (outcome.how, outcome.accounts))
        .collect();
    assert_eq!(how, [("unseen", 48), ("adapted", 38), ("halves", 48)]);
}

#[test]
fn a_model_that_was_kept_answers_as_it_did_when_it_was_made() {
    let root = TempDir::new().unwrap();
    let train = community(root.path(), "one", 7, 40, 8);
    let test = community(root.path(), "two", 8, 40, 8);
    let made = plan(vec![train.clone()], vec![test.clone()]);
    let taught = prior(&[train], &made.recipe).unwrap();
    let kept = taught.onnx().unwrap();
    let metrics = taught.metrics_of(&kept).unwrap();
    let errors = &metrics["errors"];
    assert_eq!(
        (&errors["people"], &errors["bots"]),
        (&40.into(), &8.into())
    );
    assert_eq!(metrics["confusion"]["true_positives"], 8);
    assert_eq!(metrics["cross_validation"]["rows"], 48);
    assert_eq!(metrics["model"], Sha256::of(&kept).to_string());
    let brought = evaluate(&Plan {
        train: Vec::new(),
        model: Some(kept),
        ..plan(Vec::new(), vec![test])
    })
    .unwrap();
    assert_eq!(tuned(&brought.results[0]), (1.0, 1.0));
    // The rules had nobody to be tuned by, and no number stands for that.
    let rules = serde_json::to_value(&brought.results[0].judgements[1]).unwrap();
    assert!(
        rules["at"][2]["threshold"].is_null() && rules["at"][2]["counts"].is_null(),
        "{rules}"
    );
    assert!(
        rules["at"][2]["recall"]["value"].is_null()
            && rules["at"][1]["recall"]["value"].is_number()
    );
    let other = evaluate(&Plan {
        model: Some(b"no model".to_vec()),
        ..made
    });
    assert!(other.is_err());
}

#[test]
fn what_is_broken_is_named_with_its_file_and_line() {
    let root = TempDir::new().unwrap();
    let dir = community(root.path(), "one", 9, 20, 4);
    let judge = |dir: &Path| complaint(&plan(vec![dir.to_owned()], vec![dir.to_owned()]));
    let same = judge(&dir);
    let has = |text: &str, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
    };
    has(&same, &["judged too", "folds"]);
    has(
        &judge(&root.path().join("nowhere")),
        &["messages.jsonl.gz", "cannot be read"],
    );
    let labels = dir.join("labels.csv");
    let good = std::fs::read_to_string(&labels).unwrap();
    std::fs::write(&labels, good.replace("is_bot", "bot")).unwrap();
    has(&judge(&dir), &["labels.csv", "line 1", "is_bot"]);
    std::fs::write(&labels, good.replace("u2,0", "u2,maybe")).unwrap();
    has(&judge(&dir), &["labels.csv", "line 4", "`maybe`"]);
    std::fs::remove_file(&labels).unwrap();
    has(&judge(&dir), &["`one` has no labels.csv"]);
    std::fs::write(&labels, good).unwrap();
    messages(&dir, "{\"platform\":\"irc\"}\n");
    has(&judge(&dir), &["messages.jsonl.gz", "line 1", "community"]);
}

#[test]
fn one_kind_of_account_is_nothing_to_learn_from() {
    let root = TempDir::new().unwrap();
    let dir = community(root.path(), "one", 10, 20, 1);
    let other = community(root.path(), "two", 11, 20, 4);
    let text = complaint(&plan(vec![dir], vec![other]));
    assert!(text.contains("there are 1 bots and 20 people"), "{text}");
}
