//! Measures training and scoring on invented rows (`cargo xtask bench models`), and leaves rows and model in a folder, so
//! that others can be measured on the same. Prints, never judges.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ml::onnx::{self, Properties};
use ml::{Dataset, Example, Explainer, Logistic, Model, boost, forest, logistic, metrics};

const COLUMNS: usize = 75;
const TRAIN: usize = 12_000;
const TEST: usize = 6_000;
/// How often each row is scored.
const ROUNDS: usize = 20;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.context("usage: measure FOLDER")?;
    let train = rows(TRAIN, 1)?;
    let test = rows(TEST, 2)?;
    say(&format!(
        "{TRAIN} rows to learn from, {TEST} to judge by, {COLUMNS} features, {} positive",
        train.positives()
    ))?;

    let boosted = boost::Params {
        trees: 200,
        ..boost::Params::default()
    };
    let (fitted, took) = timed(|| boost::fit(&train, None, &boosted));
    let ensemble = fitted.context("boosting")?.ensemble;
    let model = Model::Trees(ensemble.clone());
    learned("boosted, 200 trees of depth 4", took, &model, &test)?;
    let (grown, took) = timed(|| forest::fit(&train, &forest::Params::default()));
    learned(
        "forest, 200 trees",
        took,
        &grown.context("growing")?.into(),
        &test,
    )?;
    let (line, took) = timed(|| Logistic::fit(&train, &logistic::Params::default()));
    learned("logistic", took, &line.context("regressing")?.into(), &test)?;

    let mut sum = 0.0;
    let mut single: Vec<Duration> = Vec::new();
    let ((), whole) = timed(|| {
        for _ in 0..ROUNDS {
            sum += model.margins(test.matrix()).iter().sum::<f64>();
        }
    });
    for row in test.matrix().iter() {
        let (margin, took) = timed(|| model.margin(row));
        sum += margin;
        single.push(took);
    }
    scored("score of the boosted", &mut single, whole)?;
    let explainer = Explainer::new(&ensemble);
    let mut single: Vec<Duration> = Vec::new();
    for row in test.matrix().iter().take(1000) {
        let (contributions, took) = timed(|| explainer.contributions(row));
        sum += contributions.iter().sum::<f64>();
        single.push(took);
    }
    let each = single.iter().sum::<Duration>() / 1000;
    say(&format!(
        "explanation: {:.1} µs a row (sum of all: {sum:.0})",
        micros(each)
    ))?;

    let bytes = onnx::write(&model, &Properties::default())?;
    let (again, took) = timed(|| onnx::read(&bytes));
    again.context("reading the model back")?;
    say(&format!(
        "ONNX: {} KB, read in {:.1} ms",
        bytes.len() / 1000,
        micros(took) / 1e3
    ))?;
    give(&folder, &bytes, &train, &test)
}

fn learned(what: &str, took: Duration, model: &Model, test: &Dataset) -> anyhow::Result<()> {
    let margins = model.margins(test.matrix());
    let area = metrics::auc_roc(&margins, test.labels()).unwrap_or(0.0);
    let precision = metrics::auc_pr(&margins, test.labels()).unwrap_or(0.0);
    let secs = took.as_secs_f64();
    say(&format!(
        "{what}: learned in {secs:.2} s, AUC-ROC {area:.4}, average precision {precision:.4}"
    ))
}

fn scored(what: &str, single: &mut [Duration], whole: Duration) -> anyhow::Result<()> {
    single.sort_unstable();
    let at = |part: usize| single.get(single.len() * part / 100).copied();
    let (half, most) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    let n_rows = u32::try_from(TEST * ROUNDS)?;
    let a_second = f64::from(n_rows) / whole.as_secs_f64();
    say(&format!(
        "{what}: a row alone p50 {:.2} µs, p99 {:.2} µs; many {a_second:.0} rows/s",
        micros(half),
        micros(most)
    ))
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[expect(
    clippy::disallowed_methods,
    reason = "this measures the machine's time"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to standard output")
}

fn give(folder: &Path, model: &[u8], train: &Dataset, test: &Dataset) -> anyhow::Result<()> {
    for (name, data) in [("train", train), ("test", test)] {
        let values = data.matrix().iter().flatten();
        let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join(name), bytes)?;
        let labels: Vec<u8> = data.labels().iter().map(|label| u8::from(*label)).collect();
        std::fs::write(folder.join(format!("{name}.labels")), labels)?;
    }
    std::fs::write(folder.join("model.onnx"), model)?;
    Ok(())
}

/// Rows of which about one in seventeen is positive; the label hangs on twenty features, some of them together.
fn rows(n: usize, seed: u64) -> anyhow::Result<Dataset> {
    let mut state = seed;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u16::try_from(state >> 48).map_or(0.0, f32::from) / 65536.0
    };
    let mut data = Dataset::new((0..COLUMNS).map(|column| format!("f{column}")).collect());
    for (group, at) in (0..).zip(0..i64::try_from(n)?) {
        let mut features: Vec<f32> = (0..COLUMNS).map(|_| unit() * 4.0 - 2.0).collect();
        let mut margin = -9.0;
        for (place, value) in features.iter().enumerate().take(20) {
            let before = features.get(place.wrapping_sub(1)).copied().unwrap_or(1.0);
            margin += match place {
                0 => 3.0 * value,
                3 if *value > 1.0 => 4.0,
                2 => 2.0 * value * before,
                1 | 3 => 0.0,
                _ if place % 2 == 0 => 0.4 * value * before,
                _ => 0.4 * value,
            };
        }
        let label = unit() < 1.0 / (1.0 + (-2.0 * margin).exp());
        for value in &mut features {
            if unit() < 0.05 {
                *value = f32::NAN;
            }
        }
        data.push(&Example {
            features: &features,
            label,
            weight: 1.0,
            group,
            at,
        })?;
    }
    Ok(data)
}
