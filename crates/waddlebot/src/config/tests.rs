use super::{Config, Sources};
use std::path::PathBuf;

fn env(pairs: &[(&str, &str)]) -> Sources {
    let environment = pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    Sources {
        environment,
        data_dir: Some("/nowhere".into()),
        ..Sources::default()
    }
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.toml");
    std::fs::write(&path, text).unwrap();
    let sources = Sources {
        file: Some(path),
        ..env(&[])
    };
    (dir, sources)
}

#[test]
fn the_default_file_is_a_complete_configuration() {
    let config = Config::load(&env(&[])).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, PathBuf::from("/nowhere"));
    assert_eq!(
        config.database_url().expose(),
        "sqlite:///nowhere/waddlebot.db"
    );
}

#[test]
fn the_environment_wins_over_the_file_and_keeps_the_type() {
    let (_dir, mut sources) = file("[jobs]\nconcurrency = 3\n[log]\nlevel = \"warn\"\n");
    sources.environment = vec![
        ("WADDLEBOT_JOBS__CONCURRENCY".into(), "5".into()),
        ("DATABASE_URL".into(), "postgres://u:p@h/d".into()),
        ("WADDLEBOT_TEST_POSTGRES".into(), "ignored".into()),
        (
            "WADDLEBOT_SERVER__TRUSTED_PROXIES".into(),
            "10.0.0.1, 10.0.0.2".into(),
        ),
        ("PATH".into(), "/bin".into()),
    ];
    let config = Config::load(&sources).unwrap();
    assert_eq!(
        (config.jobs.concurrency, config.log.level.as_str()),
        (5, "warn")
    );
    assert_eq!(config.database_url().expose(), "postgres://u:p@h/d");
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert!(
        !format!("{config:?}").contains("postgres://"),
        "secrets do not print"
    );
}

#[test]
fn unknown_keys_wrong_types_and_values_out_of_range_are_errors_that_help() {
    for (text, expected) in [
        ("[server]\nlistn = \"x\"\n", "did you mean `listen`?"),
        ("[servr]\n", "did you mean `server`?"),
        ("server = 1\n", "write [server]"),
        ("[jobs]\nconcurrency = 0\n", "must be from 1 to 256"),
        ("[jobs]\nconcurrency = \"many\"\n", "invalid type"),
        ("[server]\nlisten = \"nowhere\"\n", "invalid"),
        ("not toml", "is not valid TOML"),
    ] {
        let (_dir, sources) = file(text);
        let error = format!("{:#}", Config::load(&sources).unwrap_err());
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    for (name, value, expected) in [
        ("WADDLEBOT_SERVER__LISTN", "x", "is not a setting"),
        ("WADDLEBOT_JOBS__CONCURRENCY", "many", "whole number"),
    ] {
        let error = format!("{:#}", Config::load(&env(&[(name, value)])).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_operator_names_the_openid_connect_providers_and_may_keep_their_secrets_in_the_environment() {
    let (_dir, mut sources) = file(
        "[oidc.campus]\nlabel = \"Campus\"\nissuer = \"https://login.example.org\"\nclient_id = \"w\"\n",
    );
    sources.environment = vec![(
        "WADDLEBOT_OIDC__CAMPUS__CLIENT_SECRET".into(),
        "deep secret".into(),
    )];
    let config = Config::load(&sources).unwrap();
    let campus = &config.oidc["campus"];
    assert_eq!(campus.label, "Campus");
    assert_eq!(campus.client_secret.expose(), "deep secret");
    assert_eq!(campus.scopes, ["profile", "email"]);
    assert!(!format!("{config:?}").contains("deep secret"));
}

#[test]
fn a_key_that_an_openid_connect_provider_does_not_have_is_named() {
    let (_dir, sources) = file("[oidc.campus]\nisuer = \"https://login.example.org\"\n");
    let error = format!("{:#}", Config::load(&sources).unwrap_err());
    assert!(error.contains("isuer"), "{error}");
}

#[test]
fn the_rest_face_has_the_same_defaults_as_the_file() {
    let config = Config::load(&env(&[])).unwrap();
    let settings = crate::compose::rest_settings(&config);
    let defaults = rest::Settings::default();
    assert_eq!(settings.per_minute, defaults.per_minute);
    assert_eq!(settings.per_minute_anonymous, defaults.per_minute_anonymous);
}

#[test]
fn the_graphql_face_has_the_same_defaults_as_the_file() {
    let config = Config::load(&env(&[])).unwrap();
    let settings = crate::compose::graphql_settings(&config);
    assert_eq!(settings.unwrap(), graphql::Settings::default());
    for (name, value) in [
        ("COST_MAX", "99"),
        ("DEADLINE_SECS", "0"),
        ("TOKENS_MAX", "20001"),
    ] {
        let name = format!("WADDLEBOT_GRAPHQL__{name}");
        let error = format!("{:#}", Config::load(&env(&[(&name, value)])).unwrap_err());
        assert!(error.contains("must be from"), "{error}");
    }
}

#[test]
fn an_mlflow_server_needs_a_whole_address_and_an_experiment_whose_name_can_be_asked_for() {
    assert!(Config::load(&env(&[])).unwrap().mlflow.url.is_empty());
    let with = |words: &str| {
        let (_dir, sources) = file(&format!("[mlflow]\n{words}\n"));
        Config::load(&sources).map(|config| config.mlflow)
    };
    let given = with("url = \"http://10.0.0.7:5000/ml\"\ntoken = \"secret-word\"").unwrap();
    assert_eq!(given.experiment, "waddlebot-bots");
    assert!(
        !format!("{given:?}").contains("secret-word"),
        "secrets do not print"
    );
    for wrong in [
        "url = \"mlflow.internal:5000\"",
        "url = \"http://\"",
        "experiment = \"\"",
        "experiment = \"ann's\"",
        "experiment = \"a/b\"",
    ] {
        assert!(with(wrong).is_err(), "{wrong}");
    }
}
