//! Folding a batch of newly stored events into changes of the roll-ups. Pure: no clock, no database.
//! Keys are sorted, so that two writers lock rows in the same order.

use std::collections::BTreeMap;

use identity::Resolved;
use kernel::{ChatEvent, CommunityId, Timestamp, event::EventTag};

/// The largest amount one event adds: sums of a million of them still fit 64 bits, beyond which
/// SQLite would turn the sum into a floating number and PostgreSQL would refuse it.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Key of `activity_day`.
pub(crate) type DayKey = (i32, i32, i64);
/// Key of `activity_hour`: community, day, hour, platform.
pub(crate) type HourKey = (i32, i32, i16, i16);
/// Key of `activity_kind`: community, day, platform, kind.
pub(crate) type KindKey = (i32, i32, i16, i16);
/// Key of `member`.
pub(crate) type MemberKey = (i32, i32);

/// What one account said on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DayDelta {
    pub(crate) user: i32,
    pub(crate) platform: i16,
    pub(crate) messages: i32,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

/// How often a kind of event happened, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KindDelta {
    pub(crate) events: i32,
    pub(crate) amount: i64,
}

/// What was newly seen of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberDelta {
    pub(crate) name: String,
    pub(crate) platforms: i32,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    pub(crate) first_message_day: Option<i32>,
    pub(crate) messages: i64,
}

/// The changes of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deltas {
    pub(crate) days: BTreeMap<DayKey, DayDelta>,
    pub(crate) hours: BTreeMap<HourKey, i32>,
    pub(crate) kinds: BTreeMap<KindKey, KindDelta>,
    pub(crate) members: BTreeMap<MemberKey, MemberDelta>,
}

impl Deltas {
    /// Counts one stored event of a resolved account.
    pub(crate) fn add(&mut self, community: CommunityId, event: &ChatEvent, who: Resolved) {
        let (day, platform, at) = (event.sent_at.day().0, event.platform.code(), event.sent_at);
        let tag = event.kind.tag();
        let is_message = tag == EventTag::Message;
        if is_message {
            let delta = self
                .days
                .entry((community.0, day, who.account.0))
                .or_insert_with(|| DayDelta {
                    user: who.user.0,
                    platform,
                    messages: 0,
                    first_at: at,
                    last_at: at,
                });
            delta.messages += 1;
            delta.first_at = delta.first_at.min(at);
            delta.last_at = delta.last_at.max(at);
            *self
                .hours
                .entry((community.0, day, i16::from(at.hour()), platform))
                .or_default() += 1;
        } else {
            let delta = self
                .kinds
                .entry((community.0, day, platform, tag.code()))
                .or_default();
            delta.events += 1;
            let amount = event.kind.amount().clamp(-AMOUNT_MAX, AMOUNT_MAX);
            delta.amount = delta.amount.saturating_add(amount);
        }
        // The stream going on and off is the channel's doing, not a member's.
        if !matches!(tag, EventTag::StreamOnline | EventTag::StreamOffline) {
            self.add_member(community, event, who, is_message.then_some(day));
        }
    }

    fn add_member(
        &mut self,
        community: CommunityId,
        event: &ChatEvent,
        who: Resolved,
        message_day: Option<i32>,
    ) {
        let at = event.sent_at;
        let name = if event.account.username.is_empty() {
            &event.account.platform_user_id
        } else {
            &event.account.username
        };
        let delta = self
            .members
            .entry((community.0, who.user.0))
            .or_insert_with(|| MemberDelta {
                name: name.clone(),
                platforms: 0,
                first_at: at,
                last_at: at,
                first_message_day: None,
                messages: 0,
            });
        if at >= delta.last_at && delta.name != *name {
            delta.name.clone_from(name);
        }
        delta.platforms |= 1_i32 << event.platform.code();
        delta.first_at = delta.first_at.min(at);
        delta.last_at = delta.last_at.max(at);
        if let Some(day) = message_day {
            delta.messages += 1;
            delta.first_message_day =
                Some(delta.first_message_day.map_or(day, |first| first.min(day)));
        }
    }
}

#[cfg(test)]
mod tests;
