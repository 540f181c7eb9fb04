//! The HTTP side of the process: the faces behind one listener, and health and metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use app::App;
use axum::{
    Router,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;

use crate::{compose, config::Config, hooks, serve::System};

/// Bounds of the latency histogram, in seconds.
const LATENCY: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// Bounds of the histogram of what scoring an account took, in seconds: most take well below a millisecond.
const SCORING: [f64; 11] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.1, 0.5, 1.0,
];

/// Bounds of the histogram of what GraphQL queries cost.
const COST: [f64; 9] = [
    3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 100_000.0,
];

/// How long the answer to «ready?» may take.
const READY_TIMEOUT: Duration = Duration::from_secs(3);

/// Binds an address, saying what to do if it is taken.
pub(crate) async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}: choose another address with {setting}"))
}

/// Everything the public listener answers.
pub(crate) fn public(system: &System, config: &Config) -> anyhow::Result<Router> {
    let app = &system.app;
    let secure = config.public_url().starts_with("https://");
    let dashboard = dashboard::Settings {
        secure_cookies: secure,
        trusted_proxies: config.server.trusted_proxies.clone(),
    };
    let graphql = compose::graphql_settings(config)?;
    let rest = compose::rest_settings(config);
    Ok(Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(Arc::clone(app))
        .merge(hooks::router(
            system.adapters().webhooks.clone(),
            system.ear(),
        ))
        .merge(graphql::router(Arc::clone(app), graphql))
        .merge(rest::router(Arc::clone(app), rest))
        .merge(dashboard::router(Arc::clone(app), dashboard))
        .layer(middleware::from_fn_with_state(Arc::clone(app), measure)))
}

/// Connections open at once: the 10,000 that may follow something live, and room for requests beside
/// them. Beyond this new ones wait to be accepted.
const CONNECTIONS_MAX: usize = 12_288;
/// How long a client may leave what it is sent lying in the network: who does not read holds a
/// connection for nothing.
const STUCK_MAX: Duration = Duration::from_secs(30);
/// How long a client may take to send the headers of a request, and how long an idle connection is
/// kept: slower ones would hold connections for nothing.
const HEADERS_MAX: Duration = Duration::from_secs(15);
/// How long to wait after the system refused a connection (no file descriptors are left).
const REFUSED: Duration = Duration::from_millis(100);

/// Serves until `app.stop`, then lets requests finish.
pub(crate) async fn serve(
    app: &Arc<App>,
    listener: TcpListener,
    router: Router,
) -> anyhow::Result<()> {
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX);
    raise_open_files();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, address, place) = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        // Small messages (server-sent events, WebSocket) must not wait for each other.
        let _ = stream.set_nodelay(true);
        cut_off_when_stuck(&stream, STUCK_MAX);
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            router.clone().oneshot(request)
        });
        let connection = http
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no news.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// Lets the process have as many open files, and so connections, as the system allows it: the number it
/// starts with is often 1,024.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::debug!(error = %error, "the number of open files stays at {:?}", limit.current);
    }
}

/// Has the system break a connection whose client takes nothing for so long.
fn cut_off_when_stuck(stream: &TcpStream, after: Duration) {
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
            tracing::debug!(error = %error, "a connection has no limit of patience");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, after);
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    loop {
        // It is never closed.
        let place = Arc::clone(room).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            Err(error) => {
                tracing::warn!(error = %error, "a connection was not accepted");
                tokio::time::sleep(REFUSED).await;
            }
        }
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match tokio::time::timeout(READY_TIMEOUT, app.ready()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
                .into_response()
        }
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer in time\n",
        )
            .into_response(),
    }
}

/// The method as a label. Whoever sends a request may invent methods, and each label is kept for
/// ever.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts requests and their latency by route, never by address: addresses are unbounded.
async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = method_label(request.method());
    let begun = app.clock.now();
    let response = next.run(request).await;
    let took = app.clock.now().since(begun).as_secs_f64();
    let status = response.status().as_u16().to_string();
    metrics::histogram!("waddlebot_http_seconds", "route" => route.clone(), "method" => method)
        .record(took);
    metrics::counter!("waddlebot_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}

/// Installs the recorder of metrics. Called once.
pub(crate) fn record_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY)
        .and_then(|builder| {
            let scoring = Matcher::Full("waddlebot_bots_score_seconds".to_owned());
            builder.set_buckets_for_metric(scoring, &SCORING)
        })
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_cost".to_owned()), &COST)
        })
        .context("choosing the buckets of histograms")?
        .install_recorder()
        .context("starting the metrics")
}

/// `/metrics` on its own listener, with the state of the queue read at each scrape.
pub(crate) fn metrics_router(app: &Arc<App>, handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((
        Arc::clone(app),
        handle,
        JobLabels::default(),
    ))
}

/// Kind and state of the jobs that were counted so far.
type JobLabels = Arc<Mutex<BTreeSet<(String, &'static str)>>>;

/// What the queue counts now, and 0 for what it counted once: a gauge keeps what it was set to, and
/// an alarm on dead jobs must end when somebody has dealt with them.
fn with_zeros(
    told: &mut BTreeSet<(String, &'static str)>,
    counts: Vec<store::job::Count>,
) -> BTreeMap<(String, &'static str), i64> {
    let mut all: BTreeMap<_, _> = told.iter().cloned().map(|labels| (labels, 0)).collect();
    all.extend(
        counts
            .into_iter()
            .map(|count| ((count.kind, count.state.as_str()), count.n)),
    );
    told.extend(all.keys().cloned());
    all
}

async fn scrape(
    State((app, handle, told)): State<(Arc<App>, PrometheusHandle, JobLabels)>,
) -> Response {
    let who = kernel::Actor::System("metrics");
    if let Ok(alerts) = app.bots.alerts(&who).await {
        for kind in bots::AlertKind::ALL {
            let open = alerts
                .iter()
                .filter(|alert| alert.kind == kind && alert.cleared_at.is_none());
            let n = i64::try_from(open.count()).unwrap_or(i64::MAX);
            metrics::gauge!("waddlebot_bots_alerts", "kind" => kind.as_str()).set(real(n));
        }
    }
    if let Ok(status) = app.status(&who).await {
        let counts = {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            with_zeros(&mut told, status.jobs)
        };
        for ((kind, state), n) in counts {
            metrics::gauge!("waddlebot_jobs", "kind" => kind, "state" => state).set(real(n));
        }
        metrics::gauge!("waddlebot_quarantined")
            .set(real(i64::try_from(status.quarantined).unwrap_or(i64::MAX)));
        let backlog = i64::try_from(status.backlog).unwrap_or(i64::MAX);
        metrics::gauge!("waddlebot_ingest_backlog").set(real(backlog));
        let size = i64::try_from(status.database.size_bytes).unwrap_or(i64::MAX);
        metrics::gauge!("waddlebot_database_bytes").set(real(size));
    }
    handle.run_upkeep();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        handle.render(),
    )
        .into_response()
}

/// A count as a gauge value; exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "metrics are f64; counts stay below 2^53"
)]
fn real(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Timestamp;
    use store::job::{Count, State};
    use tokio::io::AsyncWriteExt;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_client_that_reads_nothing_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let deaf = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (mut stream, _) = listener.accept().await.unwrap();
        cut_off_when_stuck(&stream, Duration::from_millis(50));
        let chunk = vec![0; 64 * 1_024];
        let error = loop {
            if let Err(error) = stream.write_all(&chunk).await {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        drop(deaf);
    }

    #[test]
    fn invented_methods_share_one_label() {
        let invented = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
        assert_eq!(method_label(&Method::POST), "POST");
        assert_eq!(method_label(&invented("FOO1")), "other");
        assert_eq!(method_label(&invented("get")), "other");
    }

    #[test]
    fn jobs_that_are_gone_are_counted_as_none() {
        let count = |state, n| Count {
            kind: "mail".to_owned(),
            state,
            n,
            oldest_due: Timestamp(0),
        };
        let mut told = BTreeSet::new();
        with_zeros(&mut told, vec![count(State::Dead, 3)]);
        let next = with_zeros(&mut told, vec![count(State::Ready, 1)]);
        let next: Vec<_> = next.iter().map(|((_, state), n)| (*state, *n)).collect();
        assert_eq!(
            next,
            [(State::Dead.as_str(), 0), (State::Ready.as_str(), 1)]
        );
    }
}
