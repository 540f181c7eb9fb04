//! `waddlebot bots` over an instance: labels and lists go in, models are registered, scored with and taken back.

use super::run::{chat_file, shown, success, waddlebot};

#[test]
fn the_registry_is_run_from_the_command_line() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let models = |arguments: &[&str]| {
        let mut command = waddlebot(&data);
        command.args(["bots", "models"]).args(arguments);
        command
    };
    success(waddlebot(&data).arg("migrate"));
    let none = success(&mut models(&["list"]));
    assert!(none.contains("no models"), "{none}");
    let prior = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../domains/bots/models/prior.onnx"
    );
    let made = success(&mut models(&["import", prior, "--name", "ours"]));
    assert!(
        made.contains("ours 1  testing  for everybody  trees"),
        "{made}"
    );
    let id = made.split_whitespace().next().unwrap().to_owned();
    assert!(success(&mut models(&["promote", &id])).contains("deployed"));
    let whole = success(&mut models(&["show", &id]));
    assert!(
        whole.contains("SHA-256") && whole.contains("made elsewhere"),
        "{whole}"
    );
    let file = place.path().join("out.onnx");
    let file_name = file.to_str().unwrap();
    success(&mut models(&["export", &id, file_name]));
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(prior).unwrap());
    let again = models(&["export", &id, file_name]).output().unwrap();
    assert!(!again.status.success(), "a file is not written over");
    success(&mut models(&["compare", &id, &id]));
    let back = success(&mut models(&["roll-back"]));
    assert!(back.contains("none before"), "{back}");
    success(&mut models(&["retire", &id]));
    assert!(success(&mut models(&["list"])).contains("retired"));
    let unknown = models(&["show", "999"]).output().unwrap();
    assert!(!unknown.status.success() && shown(&unknown).contains("there is no model 999"));
    // A model of the registry judges folders as a file does.
    let folder = place.path().join("nothing");
    let judged = waddlebot(&data)
        .args(["bots", "evaluate", "--model", &id, "--test"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(
        shown(&judged).contains("nothing"),
        "the model was found, the folder was not: {}",
        shown(&judged)
    );
    let absent = waddlebot(&data)
        .args(["bots", "evaluate", "--model", "999", "--test"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(shown(&absent).contains("model 999"), "{}", shown(&absent));
}

#[test]
fn labels_and_lists_are_taken_and_too_few_of_them_teach_nothing() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (file, _) = chat_file(place.path(), 1, 40);
    success(
        waddlebot(&data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    let list = place.path().join("list.txt");
    std::fs::write(&list, "moobot\nnightbot,2026-01-01,helps\nno name at all\n").unwrap();
    let import = |source: &str| {
        let mut command = waddlebot(&data);
        command.args(["bots", "import-list"]).arg(&list).args([
            "--name",
            "helpers",
            "--kind",
            "service",
            "--platform",
            "twitch",
            "--source",
            source,
            "--as-of",
            "2026-02-01",
        ]);
        command
    };
    let taken = success(&mut import("https://lists.example"));
    assert!(
        taken.contains("2 entries added") && taken.contains("line 3"),
        "{taken}"
    );
    assert!(success(&mut import("https://lists.example")).contains("unchanged"));
    let labels = place.path().join("labels.csv");
    std::fs::write(
        &labels,
        "platform,user_id,is_bot\ntwitch,nobody,1\nnowhere,x,1\n",
    )
    .unwrap();
    let labelled = |slug: &str| {
        let mut command = waddlebot(&data);
        command
            .args(["bots", "import-labels"])
            .arg(&labels)
            .args(["--community", slug]);
        command
    };
    let said = success(&mut labelled("pond"));
    assert!(
        said.contains("0 labels to learn from") && said.contains("1 of accounts"),
        "{said}"
    );
    let nowhere = labelled("lake").output().unwrap();
    assert!(
        shown(&nowhere).contains("there is no community `lake`"),
        "{}",
        shown(&nowhere)
    );
    let scored = success(waddlebot(&data).args(["bots", "score", "--community", "pond"]));
    assert!(
        scored.contains("pond: ") && scored.contains("accounts scored"),
        "{scored}"
    );
    let trained = waddlebot(&data).args(["bots", "train"]).output().unwrap();
    assert!(!trained.status.success());
    assert!(
        shown(&trained).contains("0 bots and 0 people"),
        "{}",
        shown(&trained)
    );
}
