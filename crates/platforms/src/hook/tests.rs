//! Which addresses are called: hostile ones, names that change what they stand for, and what comes back. No network but
//! this machine.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn client() -> HookClient {
    HookClient::new(Settings::default()).unwrap()
}

/// One that may call a server of the test.
fn trusting(place: SocketAddr) -> HookClient {
    let settings = Settings {
        trusted: vec![place.to_string()],
        ..Settings::default()
    };
    HookClient::new(settings).unwrap()
}

fn call(url: &str) -> HookCall {
    HookCall {
        url: url.to_owned(),
        headers: vec![("webhook-id", "msg_1".to_owned())],
        body: "{\"a\":1}".to_owned(),
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    place
}

#[test]
fn an_address_of_the_public_internet_is_taken_as_it_is_kept() {
    for (typed, kept) in [
        ("https://example.org", "https://example.org/"),
        (
            "HTTPS://Example.ORG:443/Hooks?a=b",
            "https://example.org/Hooks?a=b",
        ),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        (
            "https://bücher.example/x",
            "https://xn--bcher-kva.example/x",
        ),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ] {
        assert_eq!(client().check(typed).as_deref(), Ok(kept));
    }
}

#[tokio::test]
async fn a_hostile_address_is_neither_kept_nor_called() {
    for url in [
        "",
        "example.org",
        "/hooks",
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "data:text/plain,a",
        "https://",
        "https://user@example.org/",
        "https://user:pw@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org/#x",
        "https://example.org:22/",
        "https://example.org:80/",
        "https://example.org:6379/",
        "https://example.org:99999/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
        "https://db.internal/",
        "https://printer.local/",
        "https://router.home.arpa/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://2130706433/",
        "https://127.0.0.1./",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.168.1.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://exa mple.org/",
        "https://exa<mple.org/",
    ] {
        assert!(client().check(url).is_err(), "{url}");
        assert_eq!(
            client().call(&call(url)).await,
            Err(HookError::Forbidden),
            "{url}"
        );
    }
    let long = format!("https://example.org/{}", "a".repeat(2_000));
    assert!(client().check(&long).is_err());
}

/// Answers what it is told, in turn, and counts.
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    n_asked: AtomicUsize,
}

impl Script {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |all: &&[&str]| all.iter().map(|one| one.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            n_asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Lookup for Script {
    async fn find(&self, _name: &str) -> Vec<IpAddr> {
        self.n_asked.fetch_add(1, Ordering::SeqCst);
        self.answers.lock().unwrap().pop_front().unwrap_or_default()
    }
}

#[tokio::test]
async fn a_name_that_leads_to_the_machine_or_its_network_is_not_called() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.1.2.3"],
        &["169.254.169.254"],
        &["::1"],
        &["::ffff:10.0.0.1"],
        // One bad address among good ones is enough.
        &["1.1.1.1", "192.168.0.1"],
    ] {
        let script = Script::of(&[answer]);
        let client = HookClient::with(Settings::default(), script, is_public).unwrap();
        let refused = client.call(&call("https://rebind.example/")).await;
        assert_eq!(refused, Err(HookError::Forbidden), "{answer:?}");
    }
    let nowhere = HookClient::with(Settings::default(), Script::of(&[]), is_public).unwrap();
    let refused = nowhere.call(&call("https://nowhere.example/")).await;
    assert_eq!(refused, Err(HookError::NotFound));
}

/// In this test `127.0.0.2` stands for the public internet.
fn only_two(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))
}

/// Counts connections and ends each at once.
fn count(listener: TcpListener) -> Arc<AtomicUsize> {
    let n = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&n);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.shutdown().await;
        }
    });
    n
}

/// Listens at one port of both addresses; somebody else may have taken it at one of them.
async fn at_both() -> (TcpListener, TcpListener, u16) {
    for _ in 0..100 {
        let public = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = public.local_addr().unwrap().port();
        if let Ok(private) = TcpListener::bind(("127.0.0.1", port)).await {
            return (public, private, port);
        }
    }
    panic!("no port is free at both addresses");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_leads_to_what_was_checked_or_nowhere() {
    let (public, private, port) = at_both().await;
    let (n_public, n_private) = (count(public), count(private));
    let script = Script::of(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let settings = Settings {
        ports: vec![port],
        ..Settings::default()
    };
    let client = HookClient::with(settings, script.clone(), only_two).unwrap();
    let url = format!("https://rebind.example:{port}/");
    let first = client.call(&call(&url)).await;
    assert_eq!(first, Err(HookError::NotConnected), "no TLS there");
    assert_eq!(script.n_asked.load(Ordering::SeqCst), 1, "resolved once");
    assert_eq!(
        n_public.load(Ordering::SeqCst),
        1,
        "connected to what was checked"
    );
    assert_eq!(client.call(&call(&url)).await, Err(HookError::Forbidden));
    assert_eq!(
        n_private.load(Ordering::SeqCst),
        0,
        "nobody called the machine"
    );
}

#[tokio::test]
async fn a_trusted_receiver_gets_the_body_as_it_is_and_its_answer_is_kept_short() {
    let answer = |headers: HeaderMap, body: Bytes| async move {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(body, "{\"a\":1}");
        assert_eq!(header("webhook-id"), "msg_1");
        assert_eq!(header("content-type"), "application/json");
        assert!(header("user-agent").starts_with("WaddleBot-Webhooks/"));
        let long = format!("thanks\0\n{}", "é".repeat(100_000));
        ([("retry-after", "120")], long)
    };
    let place = serve(Router::new().route("/", post(answer))).await;
    let reply = trusting(place)
        .call(&call(&format!("http://{place}/")))
        .await
        .unwrap();
    assert_eq!(
        (reply.status, reply.retry_after.as_deref()),
        (200, Some("120"))
    );
    assert!(reply.excerpt.starts_with("thanks  é"), "{}", reply.excerpt);
    assert!(reply.excerpt.len() <= 1_026 && reply.excerpt.len() > 1_000);
    // Only what is listed, and only as it is listed.
    let untrusted = client().call(&call(&format!("http://{place}/"))).await;
    assert_eq!(untrusted, Err(HookError::Forbidden));
    let refused = trusting(place).check(&format!("http://u:p@{place}/"));
    assert!(refused.is_err());
    assert!(trusting(place).check("http://127.0.0.1:1/").is_err());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inner = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&inner);
    let router = Router::new()
        .route(
            "/",
            post(|| async {
                (
                    axum::http::StatusCode::TEMPORARY_REDIRECT,
                    [("location", "/in")],
                )
            }),
        )
        .route(
            "/in",
            post(move || async move {
                counted.fetch_add(1, Ordering::SeqCst);
            }),
        );
    let place = serve(router).await;
    let reply = trusting(place)
        .call(&call(&format!("http://{place}/")))
        .await
        .unwrap();
    assert_eq!(reply.status, 307);
    assert_eq!(inner.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_and_one_that_is_not_made_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 16];
            let _ = stream.read(&mut some).await;
        }
    });
    let broken = trusting(place)
        .call(&call(&format!("http://{place}/")))
        .await;
    assert_eq!(broken, Err(HookError::Broken));
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = gone.local_addr().unwrap();
    drop(gone);
    let refused = trusting(place)
        .call(&call(&format!("http://{place}/")))
        .await;
    assert_eq!(refused, Err(HookError::NotConnected));
}
