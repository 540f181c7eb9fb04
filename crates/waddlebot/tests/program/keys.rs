//! The keys of sealed tokens: made once and loudly, never silently lost, changed without loss.

use std::{path::Path, sync::Arc};

use identity::{Identity, Install, NewCommunity, StoredGrants};
use kernel::{Actor, Grant, Grants, Installed, Platform, Secret, SystemClock};
use store::{Db, KeyRing, Options, seal::Keys};

use super::run::{chat_file, shown, success, waddlebot};

const TOKEN: &str = "canary-program-token";

/// The ring in a data directory's key file.
fn ring(data: &Path) -> KeyRing {
    let text = std::fs::read_to_string(data.join("keys.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let keys = table.get("keys").and_then(toml::Value::as_table).unwrap();
    let keys = keys.iter().map(|(id, key)| {
        let key = store::seal::parse_key(id, key.as_str().unwrap()).unwrap();
        (id.clone(), key)
    });
    let active = table.get("active").and_then(toml::Value::as_str).unwrap();
    KeyRing::new(&Keys::new(active, keys.collect()).unwrap())
}

async fn open(data: &Path) -> Db {
    let url = format!("sqlite://{}", data.join("waddlebot.db").display());
    Db::open(&Options::new(url)).await.unwrap()
}

/// An instance with one connected server.
async fn connected(data: &Path) -> String {
    let made = success(waddlebot(data).args(["migrate"]));
    assert!(made.contains("applied m0003_connections"), "{made}");
    let (file, _) = chat_file(data.parent().unwrap(), 1, 5);
    let said = success(
        waddlebot(data)
            .arg("import")
            .arg(&file)
            .args(["--community", "Pond"]),
    );
    let db = open(data).await;
    let identity = Identity::new(
        db.clone(),
        Arc::new(SystemClock),
        Arc::new(app::SystemEntropy),
        ring(data),
    );
    let actor = Actor::System("test");
    let pond = NewCommunity {
        name: "Pond".to_owned(),
        ..NewCommunity::default()
    };
    let install = Install {
        community: identity
            .find_or_create_community(&actor, &pond)
            .await
            .unwrap()
            .id,
        platform: Platform::Twitch,
        redirect: String::new(),
    };
    let installed = Installed {
        name: "pond".to_owned(),
        grant: Grant {
            platform: Platform::Twitch,
            server: "77".to_owned(),
            account: "77".to_owned(),
            access: Secret::new(TOKEN.to_owned()),
            refresh: Some(Secret::new("again".to_owned())),
            expires_at: None,
            scopes: Vec::new(),
        },
    };
    identity
        .finish_install(&actor, &install, &installed)
        .await
        .unwrap();
    db.close().await.unwrap();
    said
}

/// The token as the keys in the directory open it.
async fn token(data: &Path) -> String {
    let db = open(data).await;
    let grants = StoredGrants::new(
        db.clone(),
        ring(data),
        Arc::new(SystemClock),
        Arc::new(app::SystemEntropy),
    );
    let grant = grants.of(Platform::Twitch, "77").await.unwrap().unwrap();
    db.close().await.unwrap();
    grant.access.expose().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_keys_loudly_and_for_this_user_only() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let said = connected(&data).await;
    assert!(said.contains("MADE NEW KEYS"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(data.join("keys.toml"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = std::fs::read(data.join("keys.toml")).unwrap();
    let again = success(waddlebot(&data).args(["audit", "verify"]));
    assert!(!again.contains("KEYS"), "{again}");
    assert_eq!(std::fs::read(data.join("keys.toml")).unwrap(), before);
    let doctor = success(waddlebot(&data).arg("doctor"));
    assert!(doctor.contains("every sealed token opens (2)"), "{doctor}");
    let text = String::from_utf8(before).unwrap();
    let key = text.rsplit('"').nth(1).unwrap();
    for said in [
        said,
        again,
        doctor,
        success(waddlebot(&data).args(["keys", "list"])),
    ] {
        assert!(!said.contains(key) && !said.contains(TOKEN), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_file_stops_the_start_and_the_backup_brings_it_back() {
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup.zip"));
    connected(&data).await;
    let saved = success(waddlebot(&data).arg("backup").arg(&backup));
    assert!(saved.contains("guard it like a password"), "{saved}");
    std::fs::remove_file(data.join("keys.toml")).unwrap();
    for arguments in [["audit", "verify"], ["keys", "rotate"]] {
        let refused = waddlebot(&data).args(arguments).output().unwrap();
        let said = shown(&refused);
        assert!(
            !refused.status.success() && said.contains("sealed with the key `k"),
            "{said}"
        );
        assert!(
            !data.join("keys.toml").exists(),
            "no new keys take their place"
        );
    }
    let doctor = waddlebot(&data).arg("doctor").output().unwrap();
    assert!(
        !doctor.status.success() && shown(&doctor).contains("is gone"),
        "{}",
        shown(&doctor)
    );
    // Another's keys do not open it either.
    let other = place.path().join("other");
    success(waddlebot(&other).args(["audit", "verify"]));
    std::fs::copy(other.join("keys.toml"), data.join("keys.toml")).unwrap();
    let refused = waddlebot(&data).args(["audit", "verify"]).output().unwrap();
    assert!(
        shown(&refused).contains("which is not there"),
        "{}",
        shown(&refused)
    );

    success(
        waddlebot(&data)
            .arg("restore")
            .arg(&backup)
            .arg("--replace"),
    );
    assert_eq!(token(&data).await, TOKEN);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(data.join("keys.toml"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    success(waddlebot(&data).args(["audit", "verify"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_adds_a_key_and_seals_everything_with_it() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    connected(&data).await;
    let first = ring(&data).active();
    let rotated = success(waddlebot(&data).args(["keys", "rotate"]));
    assert!(rotated.contains("sealed 2 tokens"), "{rotated}");
    let second = ring(&data).active();
    assert_ne!(first, second);
    assert_eq!(token(&data).await, TOKEN);
    let list = success(waddlebot(&data).args(["keys", "list"]));
    let line = |id: &str| {
        list.lines()
            .find(|line| line.contains(id))
            .unwrap()
            .to_owned()
    };
    assert!(line(&first).contains("seals 0 tokens"), "{list}");
    assert!(line(&second).contains("seals 2 tokens  active"), "{list}");

    // Broken off after the key was added: goes on with that key and adds no third.
    let text = std::fs::read_to_string(data.join("keys.toml")).unwrap();
    let back = text.replace(
        &format!("active = \"{second}\""),
        &format!("active = \"{first}\""),
    );
    std::fs::write(data.join("keys.toml"), back).unwrap();
    let resumed = success(waddlebot(&data).args(["keys", "rotate"]));
    assert!(
        resumed.contains("going on with it") && resumed.contains("sealed 2 tokens"),
        "{resumed}"
    );
    assert_eq!(ring(&data).ids().len(), 2);
    assert_eq!(token(&data).await, TOKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_in_the_environment_needs_no_file_and_a_bad_one_is_not_printed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    connected(&data).await;
    let text = std::fs::read_to_string(data.join("keys.toml")).unwrap();
    let id = ring(&data).active();
    let key = text.rsplit('"').nth(1).unwrap().to_owned();
    std::fs::remove_file(data.join("keys.toml")).unwrap();
    let with = |ring: &str, arguments: &[&str]| {
        let mut command = waddlebot(&data);
        command.env("WADDLEBOT_KEYS__RING", ring).args(arguments);
        command
    };
    let new = "A".repeat(43);
    let grown = format!("new:{new},{id}:{key}");
    success(&mut with(&grown, &["audit", "verify"]));
    let rotated = success(&mut with(&grown, &["keys", "rotate"]));
    assert!(
        rotated.contains("sealed 2 tokens with the key new"),
        "{rotated}"
    );
    success(&mut with(&format!("new:{new}"), &["audit", "verify"]));
    assert!(!data.join("keys.toml").exists());
    let backup = place.path().join("backup.zip");
    let mut save = with(&grown, &["backup"]);
    let saved = success(save.arg(&backup));
    assert!(saved.contains("are not in the backup"), "{saved}");
    for bad in [format!("{id}:{}", &key[..20]), key.clone()] {
        let refused = with(&bad, &["audit", "verify"]).output().unwrap();
        let said = shown(&refused);
        assert!(
            !refused.status.success() && said.contains("keys.ring"),
            "{said}"
        );
        assert!(!said.contains(&key[..20]), "{said}");
    }
}
