//! The face over a whole app: requests in, status and JSON out.

mod answers;
mod bots;
mod changes;
mod documents;
mod hostile;
mod http;
mod limits;
mod models;
mod nodes;
mod operations;
mod page;
mod queries;
mod rights;
mod services;
mod socket;
mod sse;
mod statements;
mod toll;
mod usage;
mod webhook;

use std::{collections::HashMap, sync::Arc, time::Duration};

use app::Saying;
use async_graphql::parser::{
    parse_schema,
    types::{BaseType, Type, TypeKind, TypeSystemDefinition},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use identity::{Connection, Install};
use kernel::{ChannelChoice, CommunityId, DeliveryId, Draft, Grant, Installed, Platform, Secret};
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

/// The fields of the objects of the schema, by type and name.
type Fields = HashMap<String, HashMap<String, Type>>;

/// The type within lists.
fn base(ty: &BaseType) -> &str {
    match ty {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(&item.base),
    }
}

fn schema_fields() -> Fields {
    let definitions = parse_schema(crate::sdl()).unwrap().definitions;
    let objects = definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else {
            return None;
        };
        let TypeKind::Object(object) = definition.node.kind else {
            return None;
        };
        let fields = object.fields.into_iter().map(|field| field.node);
        let fields = fields.map(|field| (field.name.node.to_string(), field.ty.node));
        Some((definition.node.name.node.to_string(), fields.collect()))
    });
    objects.collect()
}

/// A connection of a community to a server on Discord, with a channel for announcements.
async fn connected(world: &World, community: CommunityId, name: &str) -> Connection {
    let (system, identity) = (world.system(), &world.app.identity);
    let install = Install {
        community,
        platform: Platform::Discord,
        redirect: String::new(),
    };
    let installed = Installed {
        name: "Pond".to_owned(),
        grant: Grant {
            platform: Platform::Discord,
            server: format!("server {name}"),
            account: "1".to_owned(),
            access: Secret::new("token".to_owned()),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        },
    };
    let made = identity.finish_install(&system, &install, &installed).await;
    let connection = made.unwrap();
    let channel = ChannelChoice {
        id: "1".to_owned(),
        name: "general".to_owned(),
    };
    let chosen = identity.choose_channel(&system, connection.id, Some(&channel));
    chosen.await.unwrap();
    connection
}

/// Something that the program said through a connection.
async fn said(world: &World, connection: &Connection, key: &str) -> DeliveryId {
    let saying = Saying {
        server: connection.server,
        channel: None,
        draft: Draft::text("hello"),
        key: key.to_owned(),
        wait: Duration::ZERO,
        worth_for: None,
    };
    let (system, community) = (world.system(), connection.community);
    world.app.say(&system, community, saying).await.unwrap()
}
