//! GraphQL over HTTP: `POST` with JSON, `GET` for queries, and the ways to streams of events and WebSockets.
//!
//! Must never change anything on a `GET`, nor read a body that a foreign page could send without
//! being asked.

use std::{sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    body::Body,
    extract::{
        Query, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::{
    Gateway,
    answers::Freshness,
    batch::{self, Asked},
    body,
    execute::Answer,
    freshness,
    media::{self, Media},
    params::Params,
    refusal::Refusal,
    socket,
};
use crate::schema::Viewer;

/// `POST /graphql`.
pub(crate) async fn post(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::read(body, gateway.settings.limits.body_bytes).await;
    let headers = &parts.headers;
    let Some(accepted) = media::negotiate(accept(headers).as_deref()) else {
        return Gateway::render(not_acceptable(), Media::Json);
    };
    let media = accepted.media.unwrap_or(Media::Json);
    let answer = match gateway.read_post(headers, body) {
        Ok(Asked::One(params)) if accepted.events => {
            return gateway
                .answer_events(params, &parts, &Method::POST, accepted.media)
                .await;
        }
        Ok(Asked::Several(_)) if accepted.media.is_none() => not_acceptable(),
        Ok(Asked::One(params)) => gateway.answer(params, &parts, &Method::POST).await,
        Ok(Asked::Several(batch)) => {
            let answers = gateway.answer_batch(batch, &parts).await;
            return Gateway::render_batch(answers, media);
        }
        Err(refusal) => refusal.into(),
    };
    Gateway::render(answer, media)
}

/// `GET /graphql`: a query in the URL, or a WebSocket.
pub(crate) async fn get(
    State(gateway): State<Arc<Gateway>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let headers = &parts.headers;
    if headers.contains_key(header::UPGRADE) {
        return match upgrade {
            Ok(upgrade) => socket::open(gateway, upgrade, &parts).await,
            Err(rejection) => rejection.into_response(),
        };
    }
    let Some(accepted) = media::negotiate(accept(headers).as_deref()) else {
        return Gateway::render(not_acceptable(), Media::Json);
    };
    let media = accepted.media.unwrap_or(Media::Json);
    let answer = match read_url(&parts.uri) {
        Ok(params) if accepted.events => {
            return gateway
                .answer_events(params, &parts, &Method::GET, accepted.media)
                .await;
        }
        Ok(params) => gateway.answer(params, &parts, &Method::GET).await,
        Err(refusal) => refusal.into(),
    };
    Gateway::render_get(answer, media, headers)
}

/// Every other method.
pub(crate) async fn other(State(gateway): State<Arc<Gateway>>, body: Body) -> Response {
    // The body is read so that the client sees the status; what it holds does not matter.
    let _ = body::read(body, gateway.settings.limits.body_bytes).await;
    let refusal = Refusal::http(405, "use POST, or GET for queries");
    Gateway::render(refusal.into(), Media::Json)
}

fn accept(headers: &HeaderMap) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn read_url(uri: &axum::http::Uri) -> Result<Params, Refusal> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_rejection| Refusal::http(400, "the query string cannot be read"))?;
    Params::from_url(pairs)
}

fn not_acceptable() -> Answer {
    Refusal::http(
        406,
        "answers are application/graphql-response+json, application/json or, one at a time, text/event-stream",
    )
    .into()
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Gateway {
    fn read_post(
        &self,
        headers: &HeaderMap,
        body: Result<Vec<u8>, Refusal>,
    ) -> Result<Asked, Refusal> {
        let body = body?;
        if !media::is_json(text(headers, &header::CONTENT_TYPE)) {
            return Err(Refusal::http(
                415,
                "send the request as application/json in UTF-8",
            ));
        }
        if !self.is_from_own_page(headers) {
            return Err(Refusal::http(403, "requests from other sites are refused"));
        }
        Asked::from_body(&body)
    }

    /// Whether a browser's request comes from our own pages.
    pub(crate) fn is_from_own_page(&self, headers: &HeaderMap) -> bool {
        app::origin::is_own_page(headers, &self.settings.origins)
    }

    pub(crate) async fn answer(&self, params: Params, parts: &Parts, method: &Method) -> Answer {
        let viewer = match self.viewer(parts).await {
            Ok(viewer) => viewer,
            Err(refusal) => return refusal.into(),
        };
        match self.check_for(params, viewer, method).await {
            Ok(checked) => self.execute(checked).await,
            Err(refusal) => refusal.into(),
        }
    }

    async fn check_for(
        &self,
        params: Params,
        viewer: Viewer,
        method: &Method,
    ) -> Result<super::execute::Checked, Refusal> {
        let checked = self.check(params, viewer).await?;
        match refused_kind(checked.kind, method) {
            Some(refusal) => Err(refusal),
            None => Ok(checked),
        }
    }

    pub(crate) fn render(answer: Answer, media: Media) -> Response {
        respond(Written::new(answer, media), media)
    }

    /// The same for a `GET`, of which caches may know how fresh it is.
    fn render_get(answer: Answer, media: Media, asked: &HeaderMap) -> Response {
        let written = Written::new(answer, media);
        let named = match (written.freshness, &written.body) {
            (Some(freshness), Ok(body)) => Some((freshness, freshness::etag(body))),
            _ => None,
        };
        let response = respond(written, media);
        match named {
            Some((freshness, etag)) => freshness::told(response, freshness, &etag, asked),
            None => response,
        }
    }

    fn render_batch(answers: Vec<Answer>, media: Media) -> Response {
        let answers = answers.into_iter();
        let all: Vec<Written> = answers.map(|answer| Written::new(answer, media)).collect();
        let statuses: Vec<u16> = all.iter().map(|one| one.status).collect();
        let retry_after = all.iter().filter_map(|one| one.retry_after).max();
        let bodies: Result<Vec<String>, _> = all.into_iter().map(|one| one.body).collect();
        let whole = Written {
            status: batch::status(&statuses),
            body: bodies.map(|bodies| format!("[{}]", bodies.join(","))),
            retry_after,
            freshness: None,
        };
        respond(whole, media)
    }
}

/// Why an operation of this kind is not for this method; `None` if it is.
pub(crate) fn refused_kind(kind: OperationType, method: &Method) -> Option<Refusal> {
    match kind {
        OperationType::Subscription => Some(Refusal::http(
            400,
            "subscriptions are served over WebSocket (graphql-transport-ws) and as text/event-stream",
        )),
        OperationType::Mutation if method == Method::GET => {
            Some(Refusal::http(405, "mutations need POST"))
        }
        OperationType::Query | OperationType::Mutation => None,
    }
}

/// An answer as JSON, and what the protocol says of it.
struct Written {
    status: u16,
    body: serde_json::Result<String>,
    retry_after: Option<Duration>,
    freshness: Option<Freshness>,
}

impl Written {
    fn new(answer: Answer, media: Media) -> Self {
        match answer {
            Answer::Executed(reply) => Self {
                status: 200,
                retry_after: None,
                freshness: reply.freshness,
                body: reply.json(),
            },
            Answer::Refused {
                errors,
                status,
                well_formed,
                retry_after,
            } => {
                metrics::counter!("waddlebot_graphql_refused_total").increment(1);
                let errors = serde_json::to_string(&errors);
                Self {
                    status: if well_formed && media == Media::Json {
                        200
                    } else {
                        status
                    },
                    body: errors.map(|errors| format!(r#"{{"errors":{errors}}}"#)),
                    retry_after,
                    freshness: None,
                }
            }
        }
    }
}

fn respond(written: Written, media: Media) -> Response {
    let Written {
        status,
        body,
        retry_after,
        ..
    } = written;
    let mut response = match body {
        Ok(body) => body.into_response(),
        // JSON has no way to fail on a value that is already made of JSON.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, cookie, authorization, x-api-key"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    if status == 405 {
        let allow = header::HeaderValue::from_static("GET, POST");
        headers.insert(header::ALLOW, allow);
    }
    if let Some(wait) = retry_after {
        headers.insert(header::RETRY_AFTER, wait.as_secs().into());
    }
    response
}
