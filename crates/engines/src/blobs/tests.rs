//! The contract of [`Blobs`], run on both homes, and what is particular to each.

use super::{Blobs, BlobsError, MAX_PATH_BYTES, S3Config, Sha256, size};
use bytes::Bytes;
use futures_util::{TryStreamExt, future::join_all, stream};

const KIB: u64 = 1024;

async fn suite(blobs: &Blobs) {
    blobs.health().await.unwrap();
    what_is_put_is_got(blobs).await;
    a_new_put_does_not_replace(blobs).await;
    parts_can_be_read(blobs).await;
    streams_are_stored_whole_or_not_at_all(blobs).await;
    lists_are_sorted_and_paged(blobs).await;
    bad_paths_are_refused(blobs).await;
}

async fn what_is_put_is_got(blobs: &Blobs) {
    let missing = blobs.get("models/bots.onnx", KIB).await;
    assert!(matches!(missing, Err(BlobsError::Missing(path)) if path == "models/bots.onnx"));
    assert!(!blobs.exists("models/bots.onnx").await.unwrap());

    let first = Bytes::from_static(b"abc");
    let stored = blobs.put("models/bots.onnx", first.clone()).await.unwrap();
    assert_eq!(stored.size_bytes, 3);
    assert_eq!(
        stored.sha256.to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let got = blobs.get("models/bots.onnx", 3).await.unwrap();
    assert_eq!((got.bytes, got.sha256), (first, stored.sha256));
    let too_large = blobs.get("models/bots.onnx", 2).await;
    assert!(matches!(
        too_large,
        Err(BlobsError::TooLarge {
            size_bytes: 3,
            limit_bytes: 2,
            ..
        })
    ));

    let second: Bytes = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    blobs.put("models/bots.onnx", second.clone()).await.unwrap();
    let got = blobs.get("models/bots.onnx", 4_096 * KIB).await.unwrap();
    assert_eq!(got.sha256, Sha256::of(&second));
    assert_eq!(got.bytes, second);
    let info = blobs.info("models/bots.onnx").await.unwrap();
    assert_eq!(info.path, "models/bots.onnx");
    assert_eq!(info.size_bytes, 3_000_000);
    assert!(info.modified_at.0 > 0);

    blobs.put("models/empty", Bytes::new()).await.unwrap();
    assert_eq!(blobs.get("models/empty", 0).await.unwrap().bytes, "");

    blobs.delete("models/bots.onnx").await.unwrap();
    blobs.delete("models/bots.onnx").await.unwrap();
    assert!(!blobs.exists("models/bots.onnx").await.unwrap());
}

async fn streams_are_stored_whole_or_not_at_all(blobs: &Blobs) {
    const PIECE: usize = 300_000;
    let whole: Bytes = (0..20_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let pieces = |whole: &Bytes| -> Vec<std::io::Result<Bytes>> {
        let starts = (0..whole.len()).step_by(PIECE);
        starts
            .map(|start| Ok(whole.slice(start..whole.len().min(start + PIECE))))
            .collect()
    };
    for content in [whole.clone(), whole.slice(..3), Bytes::new()] {
        let from = stream::iter(pieces(&content));
        let stored = blobs.put_stream("exports/a.zip", from, 20_000_000).await;
        let stored = stored.unwrap();
        assert_eq!(stored.sha256, Sha256::of(&content));
        let read = blobs.stream("exports/a.zip", 20_000_000).await.unwrap();
        assert_eq!(
            (read.size_bytes, stored.size_bytes),
            (size(content.len()), size(content.len()))
        );
        let parts: Vec<Bytes> = read.parts.try_collect().await.unwrap();
        assert!(
            parts.iter().all(|part| part.len() < 10_000_000),
            "none is the whole"
        );
        assert_eq!(parts.concat(), content);
    }
    let refused = blobs.stream("exports/absent.zip", KIB).await;
    assert!(
        matches!(refused, Err(BlobsError::Missing(_))),
        "{refused:?}"
    );

    let too_large = blobs.put_stream("exports/b.zip", stream::iter(pieces(&whole)), 19_999_999);
    let too_large = too_large.await;
    assert!(
        matches!(too_large, Err(BlobsError::TooLarge { .. })),
        "{too_large:?}"
    );
    let mut broken = pieces(&whole);
    broken.pop();
    broken.push(Err(std::io::Error::other("broken off")));
    let broken = blobs
        .put_stream("exports/b.zip", stream::iter(broken), u64::MAX)
        .await;
    assert!(
        matches!(broken, Err(BlobsError::BrokenOff(_))),
        "{broken:?}"
    );
    assert!(!blobs.exists("exports/b.zip").await.unwrap());
    let listed = blobs.list("exports", None, 9).await.unwrap();
    assert_eq!(listed.len(), 1, "nothing half is left over");
    blobs.stream("exports/a.zip", 0).await.unwrap();
    blobs.delete("exports/a.zip").await.unwrap();
}

async fn a_new_put_does_not_replace(blobs: &Blobs) {
    let first = blobs.put_new("once/blob", "first".into()).await.unwrap();
    let refusal = blobs.put_new("once/blob", "second".into()).await;
    assert!(matches!(refusal, Err(BlobsError::Exists(path)) if path == "once/blob"));
    let kept = blobs.get("once/blob", KIB).await.unwrap();
    assert_eq!(kept.sha256, first.sha256);
    blobs.delete("once/blob").await.unwrap();
    blobs.put_new("once/blob", "third".into()).await.unwrap();
}

async fn parts_can_be_read(blobs: &Blobs) {
    let bytes = Bytes::from_static(b"0123456789");
    blobs.put("parts/digits", bytes).await.unwrap();
    for (range, part) in [(0..1, "0"), (3..7, "3456"), (8..10, "89"), (8..999, "89")] {
        assert_eq!(blobs.get_range("parts/digits", range).await.unwrap(), part);
    }
    let backwards = std::ops::Range { start: 5, end: 4 };
    for range in [10..11, 99..999, 4..4, backwards, 0..u64::MAX] {
        let refused = blobs.get_range("parts/digits", range.clone()).await;
        assert!(
            matches!(refused, Err(BlobsError::BadRange(_))),
            "{range:?} {refused:?}"
        );
    }
    let missing = blobs.get_range("parts/none", 0..1).await;
    assert!(matches!(missing, Err(BlobsError::Missing(_))));
}

async fn lists_are_sorted_and_paged(blobs: &Blobs) {
    let names = [
        "list/a/1",
        "list/a.b",
        "list/a/2",
        "list/b=@+",
        "list/B",
        "listless",
    ];
    for name in names {
        blobs.put(name, Bytes::from_static(b"x")).await.unwrap();
    }
    let paths = async |folder: &str, after: Option<&str>, limit| -> Vec<String> {
        let list = blobs.list(folder, after, limit).await.unwrap();
        list.into_iter().map(|info| info.path).collect()
    };
    let all = ["list/B", "list/a.b", "list/a/1", "list/a/2", "list/b=@+"];
    assert_eq!(paths("list", None, 100).await, all);
    assert_eq!(paths("list/a", None, 100).await, ["list/a/1", "list/a/2"]);
    assert_eq!(paths("nothing", None, 100).await, [""; 0]);
    assert_eq!(paths("", Some("list/b=@+"), 100).await[0], "listless");

    let mut paged = Vec::new();
    loop {
        let after = paged.last().cloned();
        let page = paths("list", after.as_deref(), 2).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

async fn bad_paths_are_refused(blobs: &Blobs) {
    let longest = ["x".repeat(200), "y".repeat(200), "z".repeat(110)].join("/");
    assert_eq!(longest.len(), MAX_PATH_BYTES);
    blobs.put(&longest, Bytes::new()).await.unwrap();
    assert!(blobs.exists(&longest).await.unwrap());
    let long_part = "x".repeat(201);
    let too_long = format!("{longest}z");
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "a b",
        "a\nb",
        "a\0b",
        "ä",
        "a%2e",
        "a#1",
        "a?b",
        "~",
        &long_part,
        &too_long,
    ] {
        let refused = blobs.put(path, Bytes::new()).await;
        assert!(matches!(refused, Err(BlobsError::BadPath(_))), "{path:?}");
        let refused = blobs.get(path, KIB).await;
        assert!(matches!(refused, Err(BlobsError::BadPath(_))), "{path:?}");
        let refused = blobs.delete(path).await;
        assert!(matches!(refused, Err(BlobsError::BadPath(_))), "{path:?}");
    }
}

#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("deep/blobs with space");
    let address = url::Url::from_file_path(&directory).unwrap();
    let blobs = Blobs::open(address.as_str(), &S3Config::default()).unwrap();
    assert!(directory.is_dir());
    suite(&blobs).await;
    assert_eq!(blobs.name(), "directory");
}

/// Only on a directory: S3 promises the same, but the server for tests looks first and then writes.
#[tokio::test]
async fn of_many_new_puts_at_once_one_succeeds() {
    let home = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_directory(home.path()).unwrap();
    for round in 0..50 {
        let path = format!("once/{round}");
        let puts = (0..8_u8).map(|n| blobs.put_new(&path, Bytes::from(vec![n; 100])));
        let (done, refused): (Vec<_>, Vec<_>) =
            join_all(puts).await.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        for refusal in refused {
            assert!(matches!(refusal, Err(BlobsError::Exists(_))));
        }
        let winner = blobs.get(&path, KIB).await.unwrap();
        assert_eq!(winner.sha256, done[0].as_ref().unwrap().sha256);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_of_the_program_can_enter_the_directory() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("blobs");
    Blobs::in_directory(&directory).unwrap();
    let mode = directory.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_directory_that_vanished_is_not_healthy() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("blobs");
    let blobs = Blobs::in_directory(&directory).unwrap();
    std::fs::remove_dir(&directory).unwrap();
    let sick = blobs.health().await;
    assert!(matches!(sick, Err(BlobsError::Directory { .. })));
    std::fs::write(&directory, "a file").unwrap();
    let sick = blobs.health().await;
    assert!(matches!(sick, Err(BlobsError::NotADirectory(_))));
}

#[test]
fn wrong_addresses_are_refused() {
    for address in [
        "",
        "blobs",
        "/var/blobs",
        "ftp://host/x",
        "file://host/x",
        "s3:///x",
    ] {
        let refused = Blobs::open(address, &S3Config::default());
        assert!(
            matches!(refused, Err(BlobsError::BadAddress(_))),
            "{address}"
        );
    }
}

#[cfg(feature = "s3")]
mod s3 {
    use super::{Blobs, BlobsError, Bytes, S3Config, suite};
    use crate::outside::{self, soon, unique};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn config(endpoint: &str) -> S3Config {
        S3Config {
            endpoint: Some(endpoint.to_owned()),
            key_id: Some("test".to_owned()),
            secret: Some("hunter2".to_owned().into()),
            ..S3Config::default()
        }
    }

    async fn make_bucket(endpoint: &str, bucket: &str) {
        let host = endpoint.strip_prefix("http://").unwrap();
        let mut server = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!(
            "PUT /{bucket} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        server.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn a_bucket_keeps_the_contract() {
        let Some(endpoint) = outside::s3() else {
            return;
        };
        let bucket = unique("contract");
        make_bucket(&endpoint, &bucket).await;
        let blobs = Blobs::open(&format!("s3://{bucket}"), &config(&endpoint)).unwrap();
        suite(&blobs).await;
        assert_eq!(blobs.name(), "s3");
    }

    #[tokio::test]
    async fn a_prefix_in_a_bucket_keeps_the_contract_and_hides_the_rest() {
        let Some(endpoint) = outside::s3() else {
            return;
        };
        let bucket = unique("prefix");
        make_bucket(&endpoint, &bucket).await;
        let whole = Blobs::open(&format!("s3://{bucket}/"), &config(&endpoint)).unwrap();
        whole.put("secret", Bytes::new()).await.unwrap();
        let address = format!("s3://{bucket}/home/of/blobs");
        let blobs = Blobs::open(&address, &config(&endpoint)).unwrap();
        suite(&blobs).await;
        let all = blobs.list("", None, 1_000).await.unwrap();
        assert!(all.iter().all(|info| info.path != "secret"));
        assert!(whole.exists("home/of/blobs/listless").await.unwrap());
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_not_healthy() {
        let Some(endpoint) = outside::s3() else {
            return;
        };
        let address = format!("s3://{}", unique("absent"));
        let blobs = Blobs::open(&address, &config(&endpoint)).unwrap();
        blobs.health().await.unwrap_err();
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_an_error_without_the_key() {
        let nowhere = outside::nowhere().await;
        let endpoint = nowhere.expose().replace("redis://", "http://");
        let blobs = Blobs::open("s3://bucket", &config(&endpoint)).unwrap();
        let error = soon(blobs.get("a", 1)).await.unwrap_err();
        assert!(matches!(error, BlobsError::Store { .. }));
        assert!(!format!("{error} {error:?} {:?}", config("")).contains("hunter2"));
        soon(blobs.health()).await.unwrap_err();
    }

    #[test]
    fn plain_http_to_another_machine_must_be_asked_for() {
        let mut config = config("http://minio.example.org:9000");
        let refused = Blobs::open("s3://bucket", &config);
        assert!(matches!(refused, Err(BlobsError::BadAddress(_))));
        config.plain_http = true;
        Blobs::open("s3://bucket", &config).unwrap();
        config.endpoint = Some("https://minio.example.org:9000".to_owned());
        config.plain_http = false;
        Blobs::open("s3://bucket", &config).unwrap();
        config.secret = None;
        let refused = Blobs::open("s3://bucket", &config);
        assert!(matches!(refused, Err(BlobsError::BadAddress(_))));
    }
}
