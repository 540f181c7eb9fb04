//! graphql-sse: the results of an operation as server-sent events, each operation on a connection of its own
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>, distinct connections mode). What else the
//! protocol has, many operations on one connection, is what WebSockets are for.
//!
//! Must never outlive the session behind it, or make an event before the one before it is on its way: a client that
//! does not read keeps nothing but itself waiting.

use std::{collections::VecDeque, convert::Infallible, pin::Pin, sync::Arc};

use async_graphql::{ServerError, parser::types::OperationType};
use axum::{
    http::{HeaderValue, Method, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt, stream, stream::BoxStream};
use kernel::ErrorCode;
use tokio::time::{Sleep, sleep_until};

use super::{
    Gateway,
    connection::Connection,
    execute::{Answer, Checked},
    http::refused_kind,
    media::Media,
    operation,
    params::Params,
    refusal::Refusal,
    share::Told,
};

impl Gateway {
    /// Answers a client that takes events: with events for a subscription, and for anything else if it takes nothing
    /// but events. What is wrong with a document is told in an event, what is wrong with the request by its status.
    pub(crate) async fn answer_events(
        self: &Arc<Self>,
        params: Params,
        parts: &Parts,
        method: &Method,
        media: Option<Media>,
    ) -> Response {
        let refuse = |refusal: Refusal| match media {
            None if refusal.well_formed => respond(stream::iter(refused(&[refusal.into_error()]))),
            media => Self::render(refusal.into(), media.unwrap_or(Media::Json)),
        };
        let checked = match self.viewer(parts).await {
            Ok(viewer) => self.check(params, viewer).await,
            Err(refusal) => Err(refusal),
        };
        let checked = match checked {
            Ok(checked) => checked,
            Err(refusal) => return refuse(refusal),
        };
        if checked.kind == OperationType::Subscription {
            return match Connection::open(self, parts).await {
                Ok(connection) => self.follow_events(connection, checked),
                Err((status, why)) => refuse(Refusal::closed(status.as_u16(), why)),
            };
        }
        if let Some(refusal) = refused_kind(checked.kind, method) {
            return refuse(refusal);
        }
        let answer = self.execute(checked).await;
        match media {
            Some(media) => Self::render(answer, media),
            None => respond(stream::iter(whole(answer))),
        }
    }

    fn follow_events(self: &Arc<Self>, connection: Connection, checked: Checked) -> Response {
        let events = Events {
            check: Box::pin(sleep_until(connection.next_check())),
            outputs: operation::run(self.stream(checked, 1)).boxed(),
            gateway: Arc::clone(self),
            connection,
            waiting: VecDeque::new(),
            last: VecDeque::new(),
            is_over: false,
        };
        respond(stream::unfold(events, async |mut events| {
            let event = events.next().await?;
            Some((event, events))
        }))
    }
}

/// A subscription as events.
struct Events {
    gateway: Arc<Gateway>,
    connection: Connection,
    outputs: BoxStream<'static, Told>,
    check: Pin<Box<Sleep>>,
    /// What was told at once and is not on its way yet.
    waiting: VecDeque<Arc<str>>,
    /// What is left to say.
    last: VecDeque<Event>,
    is_over: bool,
}

impl Events {
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return self.last.pop_front();
        }
        let stop = self.gateway.app.stop.clone();
        loop {
            if let Some(event) = self.waiting.pop_front() {
                if self.connection.is_due() && !self.connection.check().await {
                    return self.end(signed_out());
                }
                return next(Ok(event.to_string()));
            }
            tokio::select! {
                told = self.outputs.next() => {
                    // Nothing is delivered on the word of an old check.
                    if self.connection.is_due() && !self.connection.check().await {
                        return self.end(signed_out());
                    }
                    return match told {
                        Some(Told::Events(events)) => {
                            self.waiting = events.into();
                            continue;
                        }
                        Some(Told::Answer(Answer::Executed(reply))) => next(reply.json()),
                        Some(Told::Answer(refused)) => self.end(whole(refused)),
                        None => self.end(vec![complete()]),
                    };
                }
                () = &mut self.check => {
                    if !self.connection.check().await {
                        return self.end(signed_out());
                    }
                    self.check.as_mut().reset(self.connection.next_check());
                }
                // Without `complete`: the client is to come back.
                () = stop.cancelled() => return None,
            }
        }
    }

    fn end(&mut self, last: Vec<Event>) -> Option<Event> {
        self.is_over = true;
        self.last = last.into();
        self.last.pop_front()
    }
}

/// All events of an operation with one answer.
fn whole(answer: Answer) -> Vec<Event> {
    match answer {
        Answer::Executed(reply) => {
            let result = next(reply.json());
            result.into_iter().chain([complete()]).collect()
        }
        Answer::Refused { errors, .. } => refused(&errors),
    }
}

fn refused(errors: &[ServerError]) -> Vec<Event> {
    metrics::counter!("waddlebot_graphql_refused_total").increment(1);
    let errors = serde_json::to_string(errors);
    let errors = next(errors.map(|errors| format!(r#"{{"errors":{errors}}}"#)));
    errors.into_iter().chain([complete()]).collect()
}

fn signed_out() -> Vec<Event> {
    let why = "the session or key behind this connection has ended";
    refused(&[Refusal::not_now(ErrorCode::Unauthenticated, why).into_error()])
}

/// `None` never comes: JSON has no way to fail on a value that is already made of JSON.
fn next(result: serde_json::Result<String>) -> Option<Event> {
    Some(Event::default().event("next").data(result.ok()?))
}

/// With empty data, without which browsers would not tell of it.
fn complete() -> Event {
    Event::default().event("complete").data("")
}

fn respond(events: impl stream::Stream<Item = Event> + Send + 'static) -> Response {
    let events = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new());
    let mut response = events.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, cookie, authorization, x-api-key"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Proxies that collect answers before they pass them on are told not to.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
