//! A place on loopback where a server listens, with its log and its faults around every request.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Exchange, Exchanges, Fault, Faults};

/// The largest request that is taken.
const BODY_MAX: usize = 8 * 1024 * 1024;
/// Paths that begin so drive the simulator and are neither logged nor disturbed.
const CONTROL: &str = "/_sim";

/// A running server. Dropping it ends it at once, open connections included.
#[derive(Debug)]
pub struct Place {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Place {
    /// `http://127.0.0.1:4711`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// Serves on loopback; port 0 takes a free one.
///
/// # Errors
/// If the port is taken.
pub async fn listen(port: u16, router: Router) -> std::io::Result<Place> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let task = tokio::spawn(async move {
        let served = axum::serve(
            listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        );
        tokio::select! {
            ended = served => if let Err(error) = ended {
                tracing::warn!(error = %error, "a simulated server ended");
            },
            () = stopped => {}
        }
    });
    Ok(Place {
        address,
        stop,
        task,
    })
}

/// A rate-limited answer in the platform's own form: milliseconds to wait, and whether everything is
/// meant.
pub type LimitedAnswer = fn(u64, bool) -> Response;

#[derive(Clone)]
struct Around {
    exchanges: Exchanges,
    faults: Faults,
    limited: LimitedAnswer,
}

/// Puts the log and the faults around a router. Apply after all routes are there.
pub fn around(
    router: Router,
    exchanges: Exchanges,
    faults: Faults,
    limited: LimitedAnswer,
) -> Router {
    let around = Around {
        exchanges,
        faults,
        limited,
    };
    router.layer(middleware::from_fn_with_state(around, pass))
}

async fn pass(State(around): State<Around>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let upgrade = request.headers().contains_key(header::UPGRADE);
    if path.starts_with(CONTROL) || upgrade {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut exchange = Exchange {
        method: parts.method.to_string(),
        path,
        query: parts.uri.query().map(str::to_owned),
        content_type: parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body: body.clone(),
        status: 0,
        reply: Bytes::new(),
    };
    let fault = around.faults.take(&exchange.method, &exchange.path);
    if let Some(delay) = fault.as_ref().and_then(Fault::delay) {
        tokio::time::sleep(delay).await;
    }
    let request = Request::from_parts(parts, Body::from(body));
    let response = match fault {
        Some(Fault::Status {
            status,
            body,
            content_type,
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
        }
        Some(Fault::RateLimited { after_ms, global }) => (around.limited)(after_ms, global),
        Some(Fault::Reset) => {
            around.exchanges.push(exchange);
            return broken();
        }
        Some(Fault::LostResponse) => {
            next.run(request).await;
            around.exchanges.push(exchange);
            return broken();
        }
        Some(Fault::Slow { .. }) | None => next.run(request).await,
    };
    let (parts, body) = response.into_parts();
    let reply = to_bytes(body, usize::MAX).await.unwrap_or_default();
    exchange.status = parts.status.as_u16();
    exchange.reply = reply.clone();
    around.exchanges.push(exchange);
    Response::from_parts(parts, Body::from(reply))
}

/// An answer that breaks the connection in the middle: it promises more than it sends, then fails.
fn broken() -> Response {
    let parts = futures_util::stream::iter([
        Ok(Bytes::from_static(b" ")),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    let mut response = Response::new(Body::from_stream(parts));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, header::HeaderValue::from(1_000_000));
    response
}
