//! A browser as far as the server can tell: sends cookies and where a form was opened, follows
//! nothing by itself.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response, StatusCode},
};
use testkit::World;
use tower::ServiceExt;

use crate::{Settings, return_to};

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Where it sends the browser.
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get("location")
            .map_or("", |v| v.to_str().unwrap())
    }

    /// A header's text; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts the status, showing the body if it differs.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

/// A browser with at most one session.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    cookie: Option<String>,
}

impl Browser {
    /// Nobody signed in.
    pub(crate) fn new(world: &World) -> Self {
        let settings = Settings {
            ..Settings::default()
        };
        Self {
            router: crate::router(world.app.clone(), settings),
            cookie: None,
        }
    }

    /// Somebody signed in.
    pub(crate) async fn of(world: &World, user: kernel::UserId) -> Self {
        let token = world.token(user).await;
        Self {
            cookie: Some(format!("wb_session={token}")),
            ..Self::new(world)
        }
    }

    /// Takes over the cookie that an answer set.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie");
        let pair = cookie.split(';').next().unwrap();
        self.cookie = Some(pair.to_owned());
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080")
            .header(
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            );
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        request
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 8 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// Asks for the part of a page, as htmx does.
    pub(crate) async fn swap(&self, path: &str) -> Answer {
        let request = self
            .request("GET", path)
            .header("hx-request", "true")
            .header("hx-request-type", "partial");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form that was opened on this site.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .request("POST", path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encode(fields))).unwrap())
            .await
    }
}

/// A form's body.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", return_to::encode(value)))
        .collect();
    pairs.join("&")
}
