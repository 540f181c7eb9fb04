//! Models against runtimes and libraries that others wrote: ONNX Runtime gives the same probabilities for what is trained
//! here, and what LightGBM and scikit-learn export gives the same here as there.
//!
//! `cargo xtask test` installs them; without them these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ml::onnx::{self, Properties};
use ml::{Dataset, Example, Explainer, Logistic, Matrix, Model, boost, forest, logistic};
use tempfile::TempDir;

const COLUMNS: usize = 12;

/// Invented rows whose label hangs on some features together; some values are missing unless told otherwise.
fn rows(n: usize, seed: u64, is_whole: bool) -> Dataset {
    let mut state = seed;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 65536.0
    };
    let mut data = Dataset::new((0..COLUMNS).map(|n| format!("feature {n}")).collect());
    for (group, at) in (0..).zip(0..n) {
        let mut features: Vec<f32> = (0..COLUMNS).map(|_| unit() * 4.0 - 2.0).collect();
        let margin = 2.0 * features[0] + 2.0 * features[1] * features[2] - features[3];
        let label = margin + unit() * 2.0 - 1.0 > 1.0;
        for value in &mut features {
            if !is_whole && unit() < 0.05 {
                *value = f32::NAN;
            }
        }
        let example = Example {
            features: &features,
            label,
            weight: 1.0,
            group,
            at: i64::try_from(at).unwrap(),
        };
        data.push(&example).unwrap();
    }
    data
}

/// A script in Python and a folder that it shares with the test.
struct Script {
    command: Command,
    folder: TempDir,
}

impl Script {
    /// `None`, said loudly, where the packages are not installed.
    fn new(name: &str) -> Option<Self> {
        let mut command = Command::new(installed("WADDLEBOT_TEST_ML_PYTHON", name)?);
        match std::env::var_os("WADDLEBOT_TEST_ML_PYTHONPATH") {
            Some(packages) => command.env("PYTHONPATH", packages),
            None => command.env_remove("PYTHONPATH"),
        };
        let folder = tempfile::tempdir().unwrap();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
        command
            .arg(scripts.join(name))
            .arg(folder.path())
            .arg(COLUMNS.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("OMP_NUM_THREADS", "1");
        Some(Self { command, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn give(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn give_rows(&self, name: &str, matrix: &Matrix) {
        let bytes: Vec<u8> = matrix
            .iter()
            .flatten()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        self.give(name, &bytes);
    }

    fn run(&mut self) {
        let output = self.command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// 64-bit floats.
    fn numbers(&self, name: &str) -> Vec<f64> {
        let bytes = self.bytes(name);
        let (numbers, []) = bytes.as_chunks::<8>() else {
            panic!("{name} has half a number");
        };
        numbers
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes))
            .collect()
    }
}

fn installed(variable: &str, script: &str) -> Option<String> {
    if let Ok(place) = std::env::var(variable) {
        return Some(place);
    }
    let why = format!("{script} needs packages that `cargo xtask test` installs ({variable})");
    assert!(
        std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_none(),
        "{why}"
    );
    // Past the test harness's capture, so that it is seen.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    None
}

/// The largest difference; both lists have as many numbers.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn probabilities(model: &Model, matrix: &Matrix) -> Vec<f64> {
    matrix.iter().map(|row| model.probability(row)).collect()
}

#[test]
fn onnx_runtime_gives_the_same_probabilities() {
    let Some(mut script) = Script::new("score.py") else {
        return;
    };
    let train = rows(2000, 1, false);
    let other = rows(1000, 2, false);
    let boosted = boost::Params {
        trees: 200,
        max_depth: 6,
        max_leaves: 40,
        ..boost::Params::default()
    };
    let models: [(&str, Model); 3] = [
        (
            "boosted",
            boost::fit(&train, None, &boosted).unwrap().ensemble.into(),
        ),
        (
            "forest",
            forest::fit(&train, &forest::Params::default())
                .unwrap()
                .into(),
        ),
        (
            "linear",
            Logistic::fit(&train, &logistic::Params::default())
                .unwrap()
                .into(),
        ),
    ];
    for (name, model) in &models {
        let bytes = onnx::write(model, &Properties::default()).unwrap();
        script.give(&format!("{name}.onnx"), &bytes);
    }
    script.give_rows("rows", other.matrix());
    script.run();
    for (name, model) in models {
        let theirs = script.numbers(&format!("{name}.probabilities"));
        let most = difference(&probabilities(&model, other.matrix()), &theirs);
        assert!(most <= 1e-6, "{name}: {most}");
    }
}

#[test]
fn what_lightgbm_and_scikit_learn_export_gives_the_same_here() {
    let Some(mut script) = Script::new("export.py") else {
        return;
    };
    // scikit-learn's forest takes no missing values here.
    let train = rows(2000, 3, false);
    let other = rows(1000, 4, false);
    let whole = rows(1000, 5, true);
    let labels: Vec<u8> = train
        .labels()
        .iter()
        .map(|label| u8::from(*label))
        .collect();
    script.give_rows("train", train.matrix());
    script.give("labels", &labels);
    script.give_rows("rows", other.matrix());
    script.give_rows("whole", whole.matrix());
    script.run();
    for (name, matrix) in [
        ("lightgbm", other.matrix()),
        ("lightgbm-zipmap", other.matrix()),
        ("forest", whole.matrix()),
    ] {
        let (model, properties) = onnx::read(&script.bytes(&format!("{name}.onnx"))).unwrap();
        assert_eq!(properties.schema, "");
        let own = probabilities(&model, matrix);
        for whose in ["runtime", "library"] {
            let most = difference(&own, &script.numbers(&format!("{name}.{whose}")));
            assert!(most <= 1e-6, "{name}, {whose}: {most}");
        }
    }

    // LightGBM explains with the rows it was trained on; shown the same rows, so do we.
    let (model, _) = onnx::read(&script.bytes("lightgbm.onnx")).unwrap();
    let Model::Trees(mut ensemble) = model else {
        panic!("no trees");
    };
    ensemble.cover_with(train.matrix());
    let explainer = Explainer::new(&ensemble);
    let own = other.matrix().iter().flat_map(|row| {
        let mut values = explainer.contributions(row);
        values.push(explainer.average());
        values
    });
    let own: Vec<f64> = own.collect();
    let most = difference(&own, &script.numbers("contributions"));
    assert!(most <= 1e-5, "{most}");
}
