//! Publishes the notices of committed work on the bus and wakes the job runner. Nothing depends on
//! it: a lost notice costs its listeners a second.

use std::sync::Arc;

use engines::Bus;
use store::{AfterCommit, Notice, job::Waker};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Notices that may wait for a slow bus; beyond that they are dropped and counted.
const QUEUE: usize = 4_096;

struct Announcer {
    sender: mpsc::Sender<Notice>,
    waker: Waker,
}

impl AfterCommit for Announcer {
    fn committed(&self, notices: Vec<Notice>, jobs_enqueued: bool) {
        for notice in notices {
            if self.sender.try_send(notice).is_err() {
                metrics::counter!("waddlebot_bus_dropped_total").increment(1);
            }
        }
        if jobs_enqueued {
            self.waker.wake();
        }
    }
}

/// Starts the publishing task, which ends with `stop`.
pub(crate) fn start(
    bus: Arc<dyn Bus>,
    waker: Waker,
    stop: CancellationToken,
) -> Arc<dyn AfterCommit> {
    let (sender, mut receiver) = mpsc::channel::<Notice>(QUEUE);
    tokio::spawn(async move {
        loop {
            let notice = tokio::select! {
                () = stop.cancelled() => break,
                notice = receiver.recv() => notice,
            };
            let Some(notice) = notice else { break };
            if let Err(error) = bus.publish(&notice.topic, &notice.payload).await {
                metrics::counter!("waddlebot_bus_failed_total").increment(1);
                debug!(topic = %notice.topic, error = %error, "a notice was not published");
            }
        }
    });
    Arc::new(Announcer { sender, waker })
}
