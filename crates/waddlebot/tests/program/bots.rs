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
    assert!(
        none.contains("0  shipped 1  deployed") && none.contains("ships with the program"),
        "{none}"
    );
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
    // What is known of a model from elsewhere comes with it, and is compared.
    let words = |name: &str, text: &str| {
        let file = place.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let metrics = words(
        "metrics.json",
        r#"{"test": {"f1": 0.8}, "errors": {"people": 9, "bots": 3, "points": [[0.5, 0, 0.1]]}}"#,
    );
    let card = words("card.json", r#"{"data": "a pond", "limits": ["ducks"]}"#);
    let other = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../domains/bots/models/prior.onnx"
    );
    let list = words("list.json", "[1]");
    for wrong in [
        list.clone(),
        place.path().join("none.json").to_str().unwrap().to_owned(),
    ] {
        let refused = models(&["import", other, "--metrics", &wrong])
            .output()
            .unwrap();
        assert!(!refused.status.success(), "{}", shown(&refused));
    }
    let (chat, _) = chat_file(place.path(), 1, 5);
    success(
        waddlebot(&data)
            .arg("import")
            .arg(&chat)
            .args(["--community", "Pond"]),
    );
    let second = success(&mut models(&[
        "import",
        other,
        "--name",
        "theirs",
        "--community",
        "pond",
        "--metrics",
        &metrics,
        "--card",
        &card,
    ]));
    let second = second.split_whitespace().next().unwrap().to_owned();
    let known = success(&mut models(&["show", &second]));
    assert!(
        known.contains("\"ducks\"") && known.contains("0.8"),
        "{known}"
    );
    let both = success(&mut models(&["compare", &second, "0"]));
    assert!(
        both.contains("test.f1") && both.contains("cross_validation.recall"),
        "{both}"
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

/// A folder of labelled chat: people who talk, and one who announces.
fn labelled_chat(dir: &std::path::Path) {
    use std::io::Write;
    std::fs::create_dir_all(dir).unwrap();
    let file = std::fs::File::create(dir.join("messages.jsonl.gz")).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    for n in 0..12_i64 {
        for (who, text) in [
            ("ann", "did you see the heron"),
            ("bot", "new video at https://v.example"),
        ] {
            let at = 1_600_000_000_000 + n * 3_600_000;
            writeln!(
                out,
                r#"{{"platform":"irc","community":"c","channel":"c","message_id":"{who}-{n}","user_id":"{who}","username":"{who}","sent_at_ms":{at},"text":"{text}","mentions":0}}"#
            )
            .unwrap();
        }
    }
    out.finish().unwrap();
    let labels = "platform,user_id,is_bot,account_group\nirc,ann,0,a\nirc,bot,1,b\n";
    std::fs::write(dir.join("labels.csv"), labels).unwrap();
}

#[test]
fn signals_of_labelled_chat_are_written_as_a_table_without_names_or_texts() {
    let place = tempfile::tempdir().unwrap();
    let (chat, out) = (place.path().join("chat"), place.path().join("out.csv"));
    labelled_chat(&chat);
    let mut write = waddlebot(&place.path().join("data"));
    write
        .args(["bots", "features"])
        .arg(&chat)
        .arg("--out")
        .arg(&out);
    let said = success(&mut write);
    let table = std::fs::read_to_string(&out).unwrap();
    let mut lines = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    assert_eq!(
        head[..6],
        [
            "schema_hash",
            "source",
            "group",
            "account",
            "label",
            "is_latest"
        ]
    );
    assert_eq!(head[6..], ::bots::features::SCHEMA.names());
    let rows: Vec<_> = lines.collect();
    assert!(
        rows.iter()
            .all(|row| row.len() == head.len() && row[0] == ::bots::features::SCHEMA.hash())
    );
    let latest: Vec<&str> = rows
        .iter()
        .filter(|row| row[5] == "1")
        .map(|row| row[4])
        .collect();
    assert_eq!(
        latest,
        ["0", "1"],
        "one latest row for each account, with its label"
    );
    assert!(rows.len() > 2, "and earlier moments");
    assert!(
        !table.contains("heron") && !table.contains("ann,"),
        "{said}"
    );
    let again = write.output().unwrap();
    assert!(!again.status.success(), "a file is not written over");
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
