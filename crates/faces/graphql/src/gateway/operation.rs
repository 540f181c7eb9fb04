//! An operation of a long connection, in a task of its own: it goes on while its connection waits for a slow client or
//! for a look at the session, and so never keeps what it holds meanwhile. (A statement that is not polled keeps its
//! connection to the database; a few of those, each waiting for another one, would stop everybody.)
//!
//! Must never be ahead of its client by more than one answer (or what is told at once), or outlive the stream of its answers.

use futures_util::{Stream, StreamExt, stream};
use tokio::{sync::mpsc, task::AbortHandle};

use super::share::Told;

/// Runs the operation; its answers.
pub(crate) fn run(
    answers: impl Stream<Item = Told> + Send + 'static,
) -> impl Stream<Item = Told> + Send + 'static {
    // Boxed, because a channel makes room for 32 from the beginning.
    let (sender, mut receiver) = mpsc::channel::<Box<Told>>(1);
    // Boxed, so that a task that is over, but not forgotten yet, keeps nothing of it.
    let mut answers = Box::pin(answers);
    let task = tokio::spawn(async move {
        while let Some(answer) = answers.next().await {
            if sender.send(Box::new(answer)).await.is_err() {
                return;
            }
        }
    });
    let running = Running::new(task.abort_handle());
    stream::poll_fn(move |context| {
        let _ = &running;
        receiver.poll_recv(context)
    })
    .map(|answer| *answer)
}

/// Counts a running operation and ends it when it is dropped.
struct Running(AbortHandle);

impl Running {
    fn new(task: AbortHandle) -> Self {
        metrics::gauge!("waddlebot_graphql_operations").increment(1);
        Self(task)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
        metrics::gauge!("waddlebot_graphql_operations").decrement(1);
    }
}
