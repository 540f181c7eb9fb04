//! Whether a community's stream is live, as far as its platforms have said.

use std::{collections::HashSet, time::Duration};

use kernel::{Actor, CommunityId, Permission, Timestamp, event::EventTag};

use crate::{Activity, ActivityError, store as tables};

/// How long a stream is believed to be live without a word that it ended: no platform lets one last
/// longer.
const STREAM_MAX: Duration = Duration::from_secs(48 * 3_600);

/// A beginning or an end in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamEvent {
    pub(crate) channel: i64,
    pub(crate) tag: EventTag,
    pub(crate) at: Timestamp,
}

/// When the longest of the streams that are live now began. `newest_first` are the beginnings and
/// ends of all channels.
fn live_since(newest_first: &[StreamEvent]) -> Option<Timestamp> {
    let mut told = HashSet::new();
    newest_first
        .iter()
        .filter(|event| told.insert(event.channel))
        .filter(|event| event.tag == EventTag::StreamOnline)
        .map(|event| event.at)
        .min()
}

impl Activity {
    /// When the community's stream began; `None` if none is known to be live. Of several, the one
    /// that is live longest.
    pub async fn stream_since(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Option<Timestamp>, ActivityError> {
        Self::require(actor, Permission::ViewActivity, community)?;
        let since = self.clock.now().minus(STREAM_MAX);
        let events = tables::stream::since(self.db.read(), community, since).await?;
        Ok(live_since(&events))
    }
}

#[cfg(test)]
mod tests {
    use super::{StreamEvent, live_since};
    use kernel::{
        Timestamp,
        event::EventTag::{self, StreamOffline, StreamOnline},
    };

    fn since(newest_first: &[(i64, EventTag, i64)]) -> Option<i64> {
        let events: Vec<StreamEvent> = newest_first
            .iter()
            .map(|(channel, tag, secs)| StreamEvent {
                channel: *channel,
                tag: *tag,
                at: Timestamp::from_secs(*secs),
            })
            .collect();
        live_since(&events).map(Timestamp::secs)
    }

    #[test]
    fn a_stream_is_live_from_its_last_beginning_to_its_end() {
        assert_eq!(since(&[]), None);
        assert_eq!(since(&[(1, StreamOnline, 5)]), Some(5));
        assert_eq!(since(&[(1, StreamOffline, 9), (1, StreamOnline, 5)]), None);
        assert_eq!(
            since(&[(1, StreamOnline, 12), (1, StreamOffline, 9)]),
            Some(12)
        );
    }

    #[test]
    fn the_end_in_one_channel_does_not_end_another() {
        let two = [
            (2, StreamOffline, 20),
            (1, StreamOnline, 10),
            (3, StreamOnline, 7),
            (2, StreamOnline, 5),
        ];
        assert_eq!(since(&two), Some(7));
    }
}
