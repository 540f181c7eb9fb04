//! The face over a whole app: requests in, status and JSON out.

mod alias;
mod auth;
mod bots;
mod community;
mod coverage;
mod documents;
mod instance;
mod matrix;
mod people;
mod repeat;
mod webhook;
mod wire;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde_json::Value;
use testkit::{Person, World};
use tower::ServiceExt;

use crate::{Settings, router};

/// A client that may show something for its sender.
#[derive(Clone)]
struct Client {
    router: Router,
    shows: Vec<(&'static str, String)>,
}

/// A read answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The same if it has that status.
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        self
    }
}

impl Client {
    fn anonymous(world: &World) -> Self {
        Self::with(world, Settings::default())
    }

    fn with(world: &World, settings: Settings) -> Self {
        Self {
            router: router(Arc::clone(&world.app), settings),
            shows: Vec::new(),
        }
    }

    async fn of(world: &World, person: &Person) -> Self {
        let token = world.token(person.user).await;
        Self::anonymous(world).showing("cookie", format!("wb_session={token}"))
    }

    fn showing(mut self, name: &'static str, value: String) -> Self {
        self.shows.push((name, value));
        self
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        for (name, value) in &self.shows {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 * 1024 * 1024).await.unwrap().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "waddle.example");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }
}
