//! Parts of pages that follow what they show: over server-sent events each comes anew, rendered, whenever something of it
//! changed. A page says which of its parts with `data-follow`; without JavaScript it is loaded again by hand.
//!
//! Must never send what its reader may not see: the feed behind it looks their rights up again.

use std::{convert::Infallible, time::Duration};

use askama::Template;
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::PageError;

/// How often an idle stream says that it lives, so that proxies keep it.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it reconnects.
pub(crate) const RETRY: Duration = Duration::from_secs(3);

/// Answers with a part as it is now and whenever it comes anew, until nothing more comes or the program stops.
pub(crate) fn answer(
    parts: impl Stream<Item = String> + Send + 'static,
    stop: CancellationToken,
) -> Response {
    let first = Event::default().retry(RETRY).comment("hello");
    let parts = parts
        .take_until(stop.cancelled_owned())
        .map(|html| Event::default().event("part").data(html));
    let events = stream::iter([first]).chain(parts).map(Ok::<_, Infallible>);
    let keep = KeepAlive::new().interval(HEARTBEAT);
    Sse::new(events).keep_alive(keep).into_response()
}

/// What a feed or a service told; an error ends the stream, so that the browser asks again, and is logged.
pub(crate) fn told<T>(result: Result<T, impl Into<PageError>>) -> Option<T> {
    match result {
        Ok(told) => Some(told),
        Err(error) => {
            let chain = error.into().chain();
            warn!(error = chain, "a part of a page could not be followed");
            None
        }
    }
}

/// A part as it is sent.
pub(crate) fn drawn(part: &impl Template) -> Option<String> {
    told(part.render().map_err(PageError::template))
}
