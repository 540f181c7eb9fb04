//! Trainings on an invented community: the prior learns what it did not know, and nobody judges what they taught.

use std::{fmt::Write as _, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::evaluate::replay;

/// Nobody listens, and nothing stops it.
#[derive(Default)]
struct Quiet {
    lines: Vec<String>,
    last: u32,
    is_stopped: bool,
}

impl Listener for Quiet {
    fn tell(&mut self, percent: u32, line: String) {
        self.last = self.last.max(percent);
        self.lines.push(line);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn is_tuned(&self) -> bool {
        false
    }
}

/// The same numbers for the same seed.
struct Rolls(u64);

impl Rolls {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

const WORDS: [&str; 24] = [
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
    "game",
    "nice",
    "but",
    "so",
];

fn words(rolls: &mut Rolls, n: u64) -> String {
    let word = |_| WORDS[usize::try_from(rolls.below(24)).unwrap()];
    (0..n).map(word).collect::<Vec<_>>().join(" ")
}

/// A community in which bots talk like people at any time of the day, but for a mark here and a name there: nothing the shipped
/// prior has met. The last ones are bots.
fn community(people: u64, bots: u64) -> Vec<Row> {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), people, bots);
    let replayed = replay(place.path(), 0).unwrap();
    let row = |case: &crate::evaluate::Case| {
        let who: u64 = case.user_id.trim_start_matches('u').parse().unwrap();
        Row {
            values: case.latest().unwrap().values().to_vec(),
            is_bot: case.is_bot.unwrap(),
            group: who,
            // In no order of the kinds.
            at: i64::try_from(who.wrapping_mul(7_919) % 1_009).unwrap(),
            weight: 1.0,
            is_judge: true,
            is_presumed: false,
            by_rules: Some(case.rule_score / 100.0),
        }
    };
    replayed.cases.iter().map(row).collect()
}

fn write(place: &Path, people: u64, bots: u64) {
    let mut rolls = Rolls(88_172_645_463_325_252);
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut labels = "platform,user_id,is_bot,account_group\n".to_owned();
    for who in 0..people + bots {
        let is_bot = who >= people;
        let mut at = 1_600_000_000_000 + rolls.below(86_400_000);
        for n in 0..14 + rolls.below(10) {
            at += 40_000 + rolls.below(20_000_000);
            let n_words = 1 + rolls.below(9);
            let text = words(&mut rolls, n_words);
            let text = match rolls.below(3) {
                0 if is_bot => format!("{text} #ducks"),
                1 if is_bot => format!("@u{} {text}!", rolls.below(people)),
                0 if rolls.below(4) == 0 => format!("@u{} {text}", rolls.below(people)),
                _ => text,
            };
            let line = format!(
                r#"{{"platform":"irc","community":"c","channel":"c","message_id":"{who}-{n}","user_id":"u{who}","username":"u{who}","sent_at_ms":{at},"text":"{text}","mentions":{}}}"#,
                u8::from(text.contains('@'))
            );
            lines.push((at, line));
        }
        let _ = writeln!(labels, "irc,u{who},{},g{who}", u8::from(is_bot));
    }
    lines.sort();
    let texts: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    let file = std::fs::File::create(place.join("messages.jsonl.gz")).unwrap();
    let mut out = GzEncoder::new(file, Compression::fast());
    out.write_all(texts.join("\n").as_bytes()).unwrap();
    out.finish().unwrap();
    std::fs::write(place.join("labels.csv"), labels).unwrap();
}

/// What a community learns of rows, beside the shipped prior.
fn taught(rows: &[Row]) -> Taught {
    teach(rows, &prior().unwrap(), Columns::All, &mut Quiet::default()).unwrap()
}

/// The kinds of models that competed.
fn kinds(taught: &Taught) -> Vec<&str> {
    let candidates = taught.metrics["candidates"].as_array().unwrap().iter();
    candidates.filter_map(|one| one["kind"].as_str()).collect()
}

fn f1(rows: &[&Row], threshold: f64, score: impl Fn(&Row) -> f64) -> f64 {
    judged(rows, threshold, score).confusion().f1()
}

/// Fifteen bots and thirty-five people; and everybody else.
fn fifty(rows: &[Row]) -> (Vec<Row>, Vec<&Row>) {
    let (mut bots, mut people) = (0, 0);
    let (mut labelled, mut rest) = (Vec::new(), Vec::new());
    for row in rows {
        let (n, most) = if row.is_bot {
            (&mut bots, 15)
        } else {
            (&mut people, 35)
        };
        *n += 1;
        if *n <= most {
            labelled.push(row.clone());
        } else {
            rest.push(row);
        }
    }
    (labelled, rest)
}

#[test]
fn fifty_labels_teach_the_prior_a_family_of_bots_it_did_not_know() {
    let rows = community(240, 60);
    let (labelled, rest) = fifty(&rows);
    assert_eq!((labelled.len(), rest.len()), (50, 250));
    let prior = prior().unwrap();
    let before = f1(&rest, prior.threshold, |row| {
        let margin = prior
            .ensemble
            .margin(&picked(row, &places(prior.ensemble.names())));
        prior.calibration.probability(margin)
    });
    let mut quiet = Quiet::default();
    let taught = teach(&labelled, &prior, Columns::All, &mut quiet).unwrap();
    let after = f1(&rest, taught.threshold, |row| {
        let margin = taught
            .model
            .margin(&picked(row, &places(taught.model.names())));
        taught.calibration.probability(margin)
    });
    assert!(
        after > 0.7 && after > before + 0.2,
        "{before} -> {after}: {:?}",
        quiet.lines
    );
    assert_eq!(taught.way, "adapted prior");
    let Model::Trees(ensemble) = &taught.model else {
        panic!("trees")
    };
    assert!(
        ensemble.trees() > prior.ensemble.trees(),
        "the prior is in it, and more"
    );
    assert_eq!(quiet.last, 90);
    assert_eq!(taught.metrics["test"]["rows"], 7, "15 % of each kind");
    assert_eq!(taught.metrics["candidates"].as_array().unwrap().len(), 1);
    let again = teach(&labelled, &prior, Columns::All, &mut Quiet::default()).unwrap();
    assert_eq!(
        (again.model, again.metrics),
        (taught.model, taught.metrics),
        "no randomness"
    );
}

#[test]
fn with_many_labels_other_kinds_compete_and_what_the_rules_said_judges_nobody() {
    let mut rows = community(160, 60);
    for row in rows
        .iter_mut()
        .filter(|row| !row.is_bot && row.group % 4 == 0)
    {
        row.is_judge = false;
        row.weight = 0.1;
    }
    let judges = rows.iter().filter(|row| row.is_judge).count();
    let taught = taught(&rows);
    let kinds = kinds(&taught);
    assert_eq!(
        kinds,
        [
            "adapted prior",
            "boosted trees",
            "random forest",
            "logistic baseline"
        ]
    );
    let count = |name: &str| taught.metrics[name]["rows"].as_u64().unwrap();
    let both = count("cross_validation") + count("test");
    assert_eq!(both, u64::try_from(judges).unwrap(), "{:?}", taught.metrics);
    assert!(taught.metrics["test"]["auc_roc"]["value"].as_f64().unwrap() > 0.9);
    assert!(taught.metrics["roc"].as_array().unwrap().len() <= 60);
    let errors = crate::ErrorCurve::read(&taught.metrics["errors"]).unwrap();
    let rows = errors.to_json();
    assert_eq!(
        rows["people"].as_u64().unwrap() + rows["bots"].as_u64().unwrap(),
        count("test")
    );
    assert_eq!(taught.metrics["importances"].as_array().unwrap().len(), 20);
}

#[test]
fn what_the_rules_are_sure_of_moves_neither_the_curve_nor_the_threshold() {
    let own = community(60, 40);
    let mut with_rules = own.clone();
    // Far away on either side, where every model is right.
    with_rules.extend(own.iter().map(|row| Row {
        group: row.group + 10_000,
        weight: 0.1,
        is_judge: false,
        ..row.clone()
    }));
    let both: Vec<&Row> = with_rules.iter().collect();
    let judges: Vec<&Row> = own.iter().collect();
    let told = |row: &Row| if row.is_bot { 2.0 } else { -2.0 };
    let noise = |n: usize| f64::from(u32::try_from(n % 7).unwrap()) - 3.0;
    let mut margins: Vec<f64> = own.iter().map(told).collect();
    for (n, margin) in margins.iter_mut().enumerate() {
        *margin += noise(n);
    }
    let far = own.iter().map(|row| told(row) * 50.0);
    let all: Vec<f64> = margins.iter().copied().chain(far).collect();
    let alone = calibrated(&judges, &margins).unwrap();
    assert_eq!(calibrated(&both, &all).unwrap(), alone);
    // A label that weighs half as much has half a say.
    let mut half = own.clone();
    for row in half.iter_mut().filter(|row| row.is_bot) {
        row.weight = 0.5;
    }
    let half: Vec<&Row> = half.iter().collect();
    let (curve, _) = calibrated(&half, &margins).unwrap();
    assert!(curve.probability(0.0) < alone.0.probability(0.0));
}

/// The same, but for members about whom nobody said anything.
fn unsaid(row: &Row) -> Row {
    Row {
        is_bot: false,
        is_judge: false,
        is_presumed: true,
        weight: 0.05,
        ..row.clone()
    }
}

#[test]
fn members_whom_nobody_suspects_teach_what_is_usual_and_a_model_of_its_own_competes_from_few_labels()
 {
    let mut rows = community(400, 60);
    // Moderators look at those first who are most like a bot.
    let shipped = prior().unwrap();
    let likeness = |row: &Row| {
        shipped
            .ensemble
            .margin(&picked(row, &places(shipped.ensemble.names())))
    };
    rows.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let (mut lesson, rest) = fifty(&rows);
    let (known, judged): (Vec<&Row>, Vec<&Row>) = rest.iter().partition(|row| row.group % 2 == 0);
    let without = taught(&lesson);
    assert_eq!(without.metrics["candidates"].as_array().unwrap().len(), 1);
    lesson.extend(known.into_iter().map(unsaid));
    let taught = taught(&lesson);
    let kinds = kinds(&taught);
    assert_eq!(kinds, ["adapted prior", "labels and presumed people"]);
    let mean = |taught: &Taught| {
        let own = places(taught.model.names());
        let answers: Vec<f64> = judged
            .iter()
            .filter(|row| !row.is_bot)
            .map(|row| {
                let margin = taught.model.margin(&picked(row, &own));
                taught.calibration.probability(margin)
            })
            .collect();
        answers.iter().sum::<f64>() / f64::from(u32::try_from(answers.len()).unwrap())
    };
    // Three in ten of those moderators decided on were bots, one in eight of all members.
    let (with, without) = (mean(&taught), mean(&without));
    assert!(with < 0.7 * without, "{with} {without}");
    let count = |name: &str| taught.metrics[name]["rows"].as_u64().unwrap();
    assert_eq!(
        count("cross_validation") + count("test"),
        50,
        "nobody is judged by what is presumed"
    );
}

#[test]
fn where_too_few_people_have_all_the_bots_the_prior_is_adapted_and_no_model_of_its_own_is_made() {
    // Two people, of whom one is learned from.
    let lesson: Vec<Row> = community(160, 12)
        .into_iter()
        .map(|row| match row.is_bot {
            true => Row {
                group: 9_000 + row.group % 2,
                ..row
            },
            false if row.group % 2 == 0 => unsaid(&row),
            false => row,
        })
        .collect();
    let mut quiet = Quiet::default();
    let taught = teach(&lesson, &prior().unwrap(), Columns::All, &mut quiet).unwrap();
    let refused = |line: &String| line.starts_with("no model of the community's own");
    assert!(quiet.lines.iter().any(refused), "{:?}", quiet.lines);
    assert_eq!(taught.way, "adapted prior");
}

#[test]
fn a_model_of_its_own_answers_with_its_own_curve_and_learns_nothing_of_what_the_rules_said() {
    let rows = community(160, 40);
    let mut lesson: Vec<Row> = rows
        .iter()
        .map(|row| {
            if row.group % 3 == 0 && !row.is_bot {
                unsaid(row)
            } else {
                row.clone()
            }
        })
        .collect();
    let of = |lesson: &[Row]| {
        let rows: Vec<&Row> = lesson.iter().collect();
        own::learn_own(&rows).unwrap()
    };
    let (margins, own) = of(&lesson);
    assert!(margins.iter().all(|margin| margin.is_finite()));
    let all: Vec<&Row> = rows.iter().collect();
    assert!(own.judged(&all).confusion().f1() > 0.8);
    // A line stands beside the trees where bots are few, and the card says how much it counts.
    let few = community(160, 12);
    let few: Vec<&Row> = few.iter().collect();
    let lines = [own.is_lined, own::learn_own(&few).unwrap().1.is_lined];
    let told = lines.map(|is_lined| own::parameters(is_lined)["line_share"].clone());
    assert_eq!((lines, told), ([false, true], [json!(0.0), json!(0.3)]));
    // The opposite of the truth, by the rules.
    lesson.extend(rows.iter().map(|row| Row {
        is_bot: !row.is_bot,
        is_judge: false,
        group: row.group + 10_000,
        ..row.clone()
    }));
    let (with_rules, same) = of(&lesson);
    assert_eq!(same.model, own.model);
    assert_eq!(
        with_rules.iter().filter(|margin| margin.is_nan()).count(),
        rows.len()
    );
}

#[test]
fn a_community_looks_at_all_of_its_signals_and_several_at_those_that_mean_the_same_everywhere() {
    let rows = community(160, 60);
    let prior = prior().unwrap();
    let of = |columns| teach(&rows, &prior, columns, &mut Quiet::default()).unwrap();
    let (alone, together) = (of(Columns::All), of(Columns::Everywhere));
    let local: Vec<String> = Columns::All
        .names()
        .into_iter()
        .filter(|name| !Columns::Everywhere.names().contains(name))
        .collect();
    assert!(!local.is_empty());
    let looks_at = |taught: &Taught| {
        let own = taught.model.names();
        local.iter().filter(|name| own.contains(name)).count()
    };
    assert_eq!((looks_at(&alone), looks_at(&together)), (local.len(), 0));
}

#[test]
fn of_labels_drawn_by_lot_nothing_can_be_learned_and_the_figures_say_so() {
    let mut rows = community(200, 0);
    let mut rolls = Rolls(4_711);
    for row in &mut rows {
        row.is_bot = rolls.below(2) == 0;
    }
    let taught = taught(&rows);
    let auc = taught.metrics["cross_validation"]["auc_roc"]["value"]
        .as_f64()
        .unwrap();
    assert!((0.35..0.65).contains(&auc), "{auc}");
}

#[test]
fn the_fewest_labels_that_are_enough_make_a_model() {
    let (mut bots, mut people) = (0, 0);
    let mut rows = community(30, 30);
    rows.retain(|row| {
        let n = if row.is_bot { &mut bots } else { &mut people };
        *n += 1;
        *n <= EACH_MIN
    });
    let prior = prior().unwrap();
    let taught = teach(&rows, &prior, Columns::All, &mut Quiet::default()).unwrap();
    assert!((0.0..=1.0).contains(&taught.threshold));
    assert_eq!(taught.metrics["test"]["rows"], 2);
}

#[test]
fn too_few_labels_and_a_stop_end_a_training_with_their_reason() {
    let rows = community(20, 4);
    let prior = prior().unwrap();
    let few = teach(&rows, &prior, Columns::All, &mut Quiet::default()).unwrap_err();
    assert!(
        matches!(
            few,
            CourseError::TooFew {
                bots: 4,
                people: 20
            }
        ),
        "{few}"
    );
    let rows = community(20, 9);
    let mut stopped = Quiet {
        is_stopped: true,
        ..Quiet::default()
    };
    let stopped = teach(&rows, &prior, Columns::All, &mut stopped).unwrap_err();
    assert!(matches!(stopped, CourseError::Stopped), "{stopped}");
}
