//! Requests that platforms make to us, at `/hooks/<platform>`: the raw request goes to the adapter,
//! which checks its signature; the adapter's answer goes back. Must never read a body before its
//! length is known to be bounded, or log one.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use kernel::Ear;
use platforms::{
    Webhook,
    webhook::{Answer, BODY_MAX, Delivered},
};

/// How long a platform may take to send its request: a slow one holds a connection.
const READ_MAX: Duration = Duration::from_secs(5);

struct Hooks {
    webhooks: Vec<Arc<dyn Webhook>>,
    ear: Arc<dyn Ear>,
}

/// The routes of these webhooks.
pub(crate) fn router(webhooks: Vec<Arc<dyn Webhook>>, ear: Arc<dyn Ear>) -> Router {
    Router::new()
        .route("/hooks/{platform}", post(take))
        .with_state(Arc::new(Hooks { webhooks, ear }))
}

async fn take(
    State(hooks): State<Arc<Hooks>>,
    Path(platform): Path<String>,
    request: Request,
) -> Response {
    let found = hooks
        .webhooks
        .iter()
        .find(|webhook| webhook.platform().as_str() == platform);
    let Some(webhook) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(READ_MAX, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return refused(&platform, "too_large", StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return refused(&platform, "too_slow", StatusCode::REQUEST_TIMEOUT),
    };
    let delivered = Delivered {
        headers: &parts.headers,
        body: &body,
    };
    response(webhook.deliver(delivered, &hooks.ear).await)
}

fn refused(platform: &str, reason: &'static str, status: StatusCode) -> Response {
    metrics::counter!("waddlebot_webhook_refused_total", "platform" => platform.to_owned(), "reason" => reason)
        .increment(1);
    status.into_response()
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    response
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use axum::{
        body::{Body, to_bytes},
        http::{Request, StatusCode},
    };
    use kernel::{Deaf, Ear, Heard, Platform};
    use platforms::{
        Webhook,
        webhook::{Answer, BODY_MAX, Delivered},
    };
    use tower::ServiceExt;

    #[derive(Default)]
    struct Nobody;

    #[async_trait]
    impl Ear for Nobody {
        async fn hear(&self, _: Heard) -> Result<(), Deaf> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Echo(Mutex<Vec<usize>>);

    #[async_trait]
    impl Webhook for Echo {
        fn platform(&self) -> Platform {
            Platform::Slack
        }

        async fn deliver(&self, delivered: Delivered<'_>, _: &Arc<dyn Ear>) -> Answer {
            self.0.lock().unwrap().push(delivered.body.len());
            match delivered.headers.get("x-good") {
                Some(_) => Answer::json(String::from_utf8_lossy(delivered.body)),
                None => Answer::empty(401),
            }
        }
    }

    async fn ask(echo: &Arc<Echo>, path: &str, good: bool, body: Vec<u8>) -> (StatusCode, String) {
        let router = super::router(vec![echo.clone()], Arc::new(Nobody));
        let mut request = Request::post(path);
        if good {
            request = request.header("x-good", "1");
        }
        let answer = router
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), BODY_MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_request_reaches_its_adapter_byte_for_byte_and_a_huge_one_does_not() {
        let echo = Arc::new(Echo::default());
        let (status, body) = ask(&echo, "/hooks/slack", true, b"{\"a\": 1}".to_vec()).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "{\"a\": 1}"));
        let (status, _) = ask(&echo, "/hooks/slack", false, b"x".to_vec()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let (status, _) = ask(&echo, "/hooks/slack", true, vec![b'x'; BODY_MAX + 1]).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        let (status, _) = ask(&echo, "/hooks/discord", true, Vec::new()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "not configured");
        assert_eq!(*echo.0.lock().unwrap(), [8, 1]);
    }
}
