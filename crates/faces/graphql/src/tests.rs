//! The face over a whole app: requests in, status and JSON out.

mod answers;
mod changes;
mod documents;
mod http;
mod limits;
mod page;
mod queries;
mod socket;
mod sse;
mod statements;
mod toll;
mod usage;
mod webhook;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use testkit::{Person, World};
use tower::ServiceExt;

use crate::{Settings, router};

/// A client that may be signed in.
#[derive(Clone)]
struct Client {
    router: Router,
    cookie: Option<String>,
}

impl Client {
    fn anonymous(world: &World) -> Self {
        Self::with(world, Settings::default())
    }

    fn with(world: &World, settings: Settings) -> Self {
        Self {
            router: router(Arc::clone(&world.app), settings),
            cookie: None,
        }
    }

    async fn of(world: &World, person: &Person) -> Self {
        Self::anonymous(world).signed_in(world, person).await
    }

    async fn signed_in(mut self, world: &World, person: &Person) -> Self {
        let token = world.token(person.user).await;
        self.cookie = Some(format!("theme=dark; wb_session={token}"));
        self
    }

    /// Sends anything.
    async fn send(&self, mut request: Request<Body>) -> Response {
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert(header::COOKIE, cookie.parse().unwrap());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Posts JSON with more headers.
    async fn post(&self, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(header::HOST, "waddle.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        Answer::read(self.send(request).await).await
    }

    /// Asks and answers with the JSON.
    async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let answer = self.post(body, &[JSON]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
        answer.json
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// A read answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 64 * 1024 * 1024).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> &str {
        code(&self.json)
    }
}

/// The code of the first error.
fn code(json: &Value) -> &str {
    json["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or_default()
}
