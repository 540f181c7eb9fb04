//! `!uptime`: how long the program has been running, and how long the stream has been live.

use crate::{
    call::{Answer, Call},
    reply::Reply,
    words,
};

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let now = call.app.clock.now();
        let running = words::lasting(now.since(call.app.started_at()));
        let live = call
            .app
            .activity
            .stream_since(&call.actor, call.community)
            .await?;
        Ok(Reply::line(match live {
            Some(since) => format!(
                "the stream has been live for {}; WaddleBot has been running for {running}",
                words::lasting(now.since(since))
            ),
            None => format!("WaddleBot has been running for {running}"),
        }))
    })
}
