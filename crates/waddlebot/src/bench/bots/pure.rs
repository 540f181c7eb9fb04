//! Without a database: the signals of a message, vectors, learning, scores.

use std::{collections::HashMap, path::Path};

use ::bots::{
    Judging,
    evaluate::Made,
    features::{Account, Community, Digest, Norms, Scene, State, Vector},
    learning::{Labelled, Learned, Recipe, learn},
};
use anyhow::Context;
use tokio::time::Instant;

use super::{
    Took, Watch, count,
    crowd::{Line, Size},
    percentiles, rate, real, tell,
};

/// Messages after which the first of two moments of an account is taken.
const EARLY: u32 = 20;
/// How often each row is scored.
const ROUNDS: u64 = 40;

pub(super) fn run(size: &Size, lines: &[Line], folder: Option<&Path>) -> anyhow::Result<()> {
    let n_messages = count(lines.len())?;
    let (heard, took) = hear(lines);
    tell(
        "",
        "signals of a message, CPU",
        &format!("{:.2} µs", took.each(n_messages)),
        "≤ 5 µs",
    );
    let rows = rows(size, &heard, lines);
    let n_rows = count(rows.len())?;
    let watch = Watch::start();
    for state in heard.states.values() {
        std::hint::black_box(vector(state, &heard.community));
    }
    let took = watch.took();
    tell(
        "",
        "a vector of signals from a state, CPU",
        &format!("{:.2} µs", took.each(count(heard.states.len())?)),
        "",
    );

    let recipe = Recipe::default();
    let watch = Watch::start();
    let learned = learn(&rows, &recipe).context("learning from the crowd")?;
    let took = watch.took();
    let what = format!(
        "learning from {n_rows} rows, {} times, with calibration",
        recipe.folds + 1
    );
    tell(
        "",
        &what,
        &format!("{:.2} s", took.wall.as_secs_f64()),
        "< 5 s",
    );
    let learned_in = took;

    let made = Made::unmeasured(learned, Norms::default());
    let file = made.onnx()?;
    let judging = Judging::by(&file).context("the model is not of these features")?;
    alone(&judging, &heard.states);
    let many = many(&judging, &rows);
    tell(
        "",
        "scores, signals ready, one thread",
        &rate(many.per_second(n_rows * ROUNDS)),
        "≥ 100,000/s",
    );
    if let Some(folder) = folder {
        let numbers = Numbers {
            learned_in,
            many_micros: many.each(n_rows * ROUNDS),
        };
        give(
            folder,
            &file,
            &rows,
            &made.learned,
            &recipe,
            &judging,
            &numbers,
        )
        .with_context(|| format!("writing to {}", folder.display()))?;
    }
    Ok(())
}

/// What is known of everybody at the end, and of each at an early moment.
struct Heard {
    states: HashMap<u32, State>,
    early: HashMap<u32, State>,
    community: Community,
}

/// Hears everything, as the follower of chat does; only that is measured.
fn hear(lines: &[Line]) -> (Heard, Took) {
    let mut scene = Scene::new();
    let mut states: HashMap<u32, State> = HashMap::new();
    let watch = Watch::start();
    for line in lines {
        let digest = scene.hear(line.speaker.into(), &line.message());
        states.entry(line.speaker).or_default().observe(&digest);
    }
    let took = watch.took();
    let heard = Heard {
        early: early(lines),
        community: Community {
            members: u32::try_from(states.len()).unwrap_or(u32::MAX),
            messages_per_day: 10_000.0,
            hours: scene.hours(),
            ..Community::default()
        },
        states,
    };
    (heard, took)
}

/// Everybody as they were after some messages.
fn early(lines: &[Line]) -> HashMap<u32, State> {
    let mut scene = Scene::new();
    let mut states: HashMap<u32, State> = HashMap::new();
    for line in lines {
        let digest: Digest = scene.hear(line.speaker.into(), &line.message());
        let state = states.entry(line.speaker).or_default();
        if state.total() < EARLY {
            state.observe(&digest);
        }
    }
    states
}

fn vector(state: &State, community: &Community) -> Vector {
    let now = state.last_at().unwrap_or_default();
    state.vector(now, &Account::default(), community)
}

/// Two moments of everybody.
fn rows(size: &Size, heard: &Heard, lines: &[Line]) -> Vec<Labelled> {
    let mut speakers: Vec<u32> = lines.iter().map(|line| line.speaker).collect();
    speakers.sort_unstable();
    speakers.dedup();
    let latest: Vec<Vector> = speakers
        .iter()
        .filter_map(|speaker| heard.states.get(speaker))
        .map(|state| vector(state, &heard.community))
        .collect();
    let norms = Norms::of(&latest);
    let moment = |speaker: u32, state: &State, is_latest: bool| Labelled {
        vector: vector(state, &heard.community).against(&norms, state.kept()),
        is_bot: size.label(speaker),
        account: speaker.into(),
        group: speaker.into(),
        source: 0,
        is_latest,
        weight: 1.0,
    };
    let of = |speaker: &u32| {
        let early = heard.early.get(speaker).map(|state| (state, false));
        let late = heard.states.get(speaker).map(|state| (state, true));
        let both = early.into_iter().chain(late);
        both.map(|(state, is_latest)| moment(*speaker, state, is_latest))
            .collect::<Vec<_>>()
    };
    speakers.iter().flat_map(of).collect()
}

/// Scores of one account after the other, each from its stored state.
fn alone(judging: &Judging, states: &HashMap<u32, State>) {
    let stored: Vec<Vec<u8>> = states.values().map(State::to_bytes).collect();
    let time = |stored: &Vec<u8>| {
        let begun = Instant::now();
        std::hint::black_box(judging.of_state(stored));
        begun.elapsed()
    };
    let times = stored.iter().map(time).collect();
    tell(
        "",
        "a score from a stored state, signals and all",
        &percentiles(times),
        "p99 ≤ 100 µs",
    );
}

/// Scores of all rows, of which the signals are there.
fn many(judging: &Judging, rows: &[Labelled]) -> Took {
    let watch = Watch::start();
    for _ in 0..ROUNDS {
        for row in rows {
            std::hint::black_box(judging.of_vector(&row.vector));
        }
    }
    watch.took()
}

/// What others are compared with.
struct Numbers {
    learned_in: Took,
    many_micros: f64,
}

/// Leaves what others are measured on: the rows as the model takes them, their labels, the model, its answers, and what
/// it took here.
fn give(
    folder: &Path,
    file: &[u8],
    rows: &[Labelled],
    learned: &Learned,
    recipe: &Recipe,
    judging: &Judging,
    numbers: &Numbers,
) -> anyhow::Result<()> {
    let values = rows.iter().flat_map(|row| learned.row(&row.vector));
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    std::fs::write(folder.join("rows"), bytes)?;
    let labels: Vec<u8> = rows.iter().map(|row| u8::from(row.is_bot)).collect();
    std::fs::write(folder.join("labels"), labels)?;
    let answers = rows.iter().filter_map(|row| judging.of_vector(&row.vector));
    let answers: Vec<u8> = answers.flat_map(|one| one.value().to_le_bytes()).collect();
    std::fs::write(folder.join("answers"), answers)?;
    std::fs::write(folder.join("model.onnx"), file)?;
    let params = &recipe.params;
    let own = serde_json::json!({
        "learned_secs": real(numbers.learned_in.cpu_micros) / 1e6,
        "many_micros": numbers.many_micros,
        "folds": recipe.folds,
        "trees": params.trees,
        "learning_rate": params.learning_rate,
        "max_depth": params.max_depth,
        "max_leaves": params.max_leaves,
        "min_child_weight": params.min_child_weight,
        "l2": params.l2,
        "subsample": params.subsample,
        "columns": params.columns,
        "bins": params.bins,
    });
    std::fs::write(folder.join("own.json"), own.to_string())?;
    Ok(())
}
