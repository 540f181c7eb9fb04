//! What was said while a session was lost for good: Discord replays nothing then, but its channels can
//! be read. Source: Discord «Get Channel Messages». Must never read more than its bounds: a long
//! absence is not made up for.

use serde_json::Value;
use twilight_http::routing::Route;

use super::{Discord, api::Ask, id::number, ignored, translate::SaidOnTheWire};

/// Channels looked at.
pub(super) const CHANNELS_MAX: usize = 2_000;
/// Messages on one page.
const PAGE: u16 = 100;
/// Pages of one channel.
const PAGES_MAX: usize = 5;
/// Messages of all channels together.
const MESSAGES_MAX: usize = 20_000;

/// Up to where a channel was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeardUpTo {
    pub guild: String,
    pub channel: String,
    pub message: String,
}

impl Discord {
    /// The messages after those that were heard, oldest first in each channel.
    pub(super) async fn missed(&self, channels: Vec<HeardUpTo>) -> Vec<SaidOnTheWire> {
        let mut all = Vec::new();
        for channel in channels {
            let mut after = channel.message.clone();
            for _ in 0..PAGES_MAX {
                if all.len() >= MESSAGES_MAX {
                    tracing::warn!("more was missed on Discord than is read again");
                    return all;
                }
                let page = self.messages_after(&channel, &after).await;
                let n = page.len();
                if let Some(last) = page.last() {
                    after.clone_from(&last.id);
                }
                all.extend(page);
                if n < usize::from(PAGE) {
                    break;
                }
            }
        }
        all
    }

    async fn messages_after(&self, channel: &HeardUpTo, after: &str) -> Vec<SaidOnTheWire> {
        let (Ok(channel_id), Ok(after)) = (number(&channel.channel), number(after)) else {
            return Vec::new();
        };
        let route = Route::GetMessages {
            after: Some(after),
            around: None,
            before: None,
            channel_id,
            limit: Some(PAGE),
        };
        let page: Vec<Value> = match self.api.read(Ask::new(&route)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(%error, "a channel of Discord could not be read again");
                ignored("unread_channel");
                return Vec::new();
            }
        };
        let read = |one: Value| {
            let mut message: SaidOnTheWire = serde_json::from_value(one).ok()?;
            message.guild_id = Some(channel.guild.clone());
            Some(message)
        };
        let mut messages: Vec<SaidOnTheWire> = page.into_iter().filter_map(read).collect();
        // Newest first as Discord answers; ids grow with time and have the same length for decades.
        messages.sort_by(|a, b| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id)));
        messages
    }
}
