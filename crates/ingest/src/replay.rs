//! Feeds history through the pipeline as if it happened now: at its own pace or faster, with the
//! times of today and new ids, so that pages, live chat and reactions show what they would show.

use std::{sync::Arc, time::Duration};

use activity::Incoming;
use app::App;
use kernel::{ChatEvent, CommunityId, Source, Timestamp};

use crate::{
    format::{Fatal, ReadError, Reader},
    pipeline::{Ingest, IngestError},
};

/// The longest pause, whatever the history says: nights are skipped.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How to replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// How many times faster than it happened; above 0. Infinite means without pauses.
    pub speed: f64,
    /// Goes before every event id, so that the same file can be replayed again.
    pub run: String,
    /// Where the events go.
    pub community: CommunityId,
}

/// What was replayed.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Events handed to the pipeline.
    pub events: u64,
    /// Records that could not be used.
    pub rejected: u64,
    /// Why the input could not be read to its end, if so.
    pub broken: Option<Fatal>,
}

/// The pause between two events of history at a speed.
fn pause(earlier: Timestamp, later: Timestamp, speed: f64) -> Duration {
    let secs = later.since(earlier).as_secs_f64() / speed;
    Duration::try_from_secs_f64(secs)
        .unwrap_or(Duration::ZERO)
        .min(PAUSE_MAX)
}

/// The event as if it happened now.
fn as_live(mut event: ChatEvent, now: Timestamp, run: &str) -> ChatEvent {
    // Ids have at most 200 bytes; the end of an id tells more than its beginning.
    let room = 199_usize.saturating_sub(run.len());
    let mut start = event.event_id.len().saturating_sub(room);
    while !event.event_id.is_char_boundary(start) {
        start += 1;
    }
    event.event_id = format!("{run}-{}", event.event_id.get(start..).unwrap_or(""));
    event.sent_at = now;
    event.source = Source::Live;
    event
}

/// Replays a reader to its end, or until the program stops.
pub async fn run(
    app: &Arc<App>,
    ingest: &Ingest,
    mut reader: Box<dyn Reader + Send>,
    replay: &Replay,
    mut tell: impl FnMut(&Replayed),
) -> Result<Replayed, IngestError> {
    let mut done = Replayed::default();
    let mut before: Option<Timestamp> = None;
    while let Some(next) = reader.next() {
        let record = match next {
            Ok(record) => record,
            Err(ReadError::Rejected(_)) => {
                done.rejected += 1;
                continue;
            }
            Err(ReadError::Fatal(fatal)) => {
                done.broken = Some(fatal);
                break;
            }
        };
        let wait = before.map_or(Duration::ZERO, |before| {
            pause(before, record.event.sent_at, replay.speed)
        });
        before = Some(before.map_or(record.event.sent_at, |before| {
            before.max(record.event.sent_at)
        }));
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = app.stop.cancelled() => break,
            }
        }
        let event = as_live(record.event, app.clock.now(), &replay.run);
        ingest
            .submit(Incoming {
                community: replay.community,
                event,
            })
            .await?;
        done.events += 1;
        tell(&done);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, as_live, pause};
    use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp};
    use std::time::Duration;

    #[test]
    fn pauses_shrink_with_speed_and_nights_are_skipped() {
        let (a, b) = (Timestamp::from_secs(0), Timestamp::from_secs(10));
        assert_eq!(pause(a, b, 10.0), Duration::from_secs(1));
        assert_eq!(pause(a, Timestamp::from_secs(90_000), 1.0), PAUSE_MAX);
        assert_eq!(
            pause(b, a, 1.0),
            Duration::ZERO,
            "history out of order does not wait"
        );
        assert_eq!(pause(a, b, f64::INFINITY), Duration::ZERO);
    }

    #[test]
    fn a_replayed_event_is_new_and_of_today() {
        let event = ChatEvent {
            platform: Platform::Irc,
            event_id: "ü".repeat(150),
            origin: Origin::default(),
            account: Account::default(),
            sent_at: Timestamp::from_secs(1),
            source: Source::Import,
            kind: EventKind::Join,
        };
        let live = as_live(event.clone(), Timestamp::from_secs(9), "r1");
        assert!(live.event_id.starts_with("r1-ü") && live.event_id.len() <= 200);
        assert_eq!(
            (live.sent_at, live.source),
            (Timestamp::from_secs(9), Source::Live)
        );
        assert_ne!(
            as_live(event, Timestamp::from_secs(9), "r2").event_id,
            live.event_id
        );
    }
}
