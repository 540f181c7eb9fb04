//! What each event is worth, here and in a community that decided otherwise.

use std::collections::BTreeMap;

use kernel::{EventKind, event::ModerationAction};

/// Most that a single event can change, in thousandths: the whole range.
const MOST: i64 = 550_000;

/// Why a score changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Something was said.
    Chat,
    /// A command was given.
    Command,
    /// A follow.
    Follow,
    /// A subscription of tier 1.
    Subscription,
    /// A subscription of tier 2.
    Subscription2,
    /// A subscription of tier 3.
    Subscription3,
    /// A subscription for somebody else.
    Gift,
    /// A hundred of the smallest unit of money, such as a dollar.
    Donation,
    /// A hundred bits.
    Cheer,
    /// A raid.
    Raid,
    /// A boost of the server.
    Boost,
    /// A warning.
    Warn,
    /// A time-out.
    Timeout,
    /// A removal.
    Kick,
    /// A ban.
    Ban,
    /// A moderator changed it by hand.
    Adjustment,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 16] = [
        Self::Chat,
        Self::Command,
        Self::Follow,
        Self::Subscription,
        Self::Subscription2,
        Self::Subscription3,
        Self::Gift,
        Self::Donation,
        Self::Cheer,
        Self::Raid,
        Self::Boost,
        Self::Warn,
        Self::Timeout,
        Self::Kick,
        Self::Ban,
        Self::Adjustment,
    ];

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Chat => 1,
            Self::Command => 2,
            Self::Follow => 3,
            Self::Subscription => 4,
            Self::Subscription2 => 5,
            Self::Subscription3 => 6,
            Self::Gift => 7,
            Self::Donation => 8,
            Self::Cheer => 9,
            Self::Raid => 10,
            Self::Boost => 11,
            Self::Warn => 12,
            Self::Timeout => 13,
            Self::Kick => 14,
            Self::Ban => 15,
            Self::Adjustment => 16,
        }
    }

    /// The reason of a stored number; `None` if a newer program wrote it.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The name in forms and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Command => "command",
            Self::Follow => "follow",
            Self::Subscription => "subscription",
            Self::Subscription2 => "subscription2",
            Self::Subscription3 => "subscription3",
            Self::Gift => "gift",
            Self::Donation => "donation",
            Self::Cheer => "cheer",
            Self::Raid => "raid",
            Self::Boost => "boost",
            Self::Warn => "warn",
            Self::Timeout => "timeout",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::Adjustment => "adjustment",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chat => "Message",
            Self::Command => "Command",
            Self::Follow => "Follow",
            Self::Subscription => "Subscription",
            Self::Subscription2 => "Subscription, tier 2",
            Self::Subscription3 => "Subscription, tier 3",
            Self::Gift => "Gift",
            Self::Donation => "Donation",
            Self::Cheer => "Cheer",
            Self::Raid => "Raid",
            Self::Boost => "Boost",
            Self::Warn => "Warning",
            Self::Timeout => "Time-out",
            Self::Kick => "Kick",
            Self::Ban => "Ban",
            Self::Adjustment => "Changed by a moderator",
        }
    }

    /// Whether a change for this reason is kept as an entry of its own; the others are only summed
    /// up, so that the history stays small.
    pub(crate) const fn is_kept(self) -> bool {
        !matches!(self, Self::Chat | Self::Command)
    }
}

/// What one unit is worth unless a community decided otherwise, in thousandths of a point. Adjustments
/// say themselves what they are worth.
pub const fn weight(reason: Reason) -> i64 {
    match reason {
        Reason::Chat => 10,
        Reason::Command => -100,
        Reason::Follow | Reason::Donation | Reason::Cheer => 1_000,
        Reason::Subscription | Reason::Boost => 5_000,
        Reason::Subscription2 => 10_000,
        Reason::Subscription3 => 20_000,
        Reason::Gift => 3_000,
        Reason::Raid => 2_000,
        Reason::Warn => -25_000,
        Reason::Timeout => -50_000,
        Reason::Kick => -75_000,
        Reason::Ban => -200_000,
        Reason::Adjustment => 0,
    }
}

/// What a community may decide that it is worth, from and to, in thousandths of a point: what earns does
/// not cost and what costs does not earn; and what everybody does all the time is worth little. `None` =
/// nothing is to be decided.
pub const fn bounds(reason: Reason) -> Option<(i64, i64)> {
    let most = match reason {
        Reason::Adjustment => return None,
        Reason::Chat | Reason::Command => 1_000,
        _ => 200_000,
    };
    if weight(reason) < 0 {
        return Some((-most, 0));
    }
    Some((0, most))
}

/// What events are worth in one community.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weights(BTreeMap<Reason, i64>);

impl Weights {
    /// What one unit is worth there, in thousandths of a point.
    pub fn of(&self, reason: Reason) -> i64 {
        self.own(reason).unwrap_or_else(|| weight(reason))
    }

    /// What the community decided; `None` = nothing.
    pub fn own(&self, reason: Reason) -> Option<i64> {
        self.0.get(&reason).copied()
    }

    /// Takes a decision over.
    pub(crate) fn decide(&mut self, reason: Reason, weight: i64) {
        self.0.insert(reason, weight);
    }
}

/// What an event does to a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Why.
    pub reason: Reason,
    /// By how much, in thousandths of a point.
    pub change: i64,
}

/// Whether a text is a command rather than talk: `!` and a letter or digit.
fn is_command(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix('!');
    rest.and_then(|rest| rest.chars().next())
        .is_some_and(char::is_alphanumeric)
}

/// What an event does to the score of the account it is about, where events are worth this; `None` if
/// nothing.
pub fn effect(kind: &EventKind, weights: &Weights) -> Option<Effect> {
    let hundreds = |n: u64, reason| {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        n.saturating_mul(weights.of(reason)) / 100
    };
    let weight = |reason| weights.of(reason);
    let (reason, change) = match kind {
        EventKind::Message(message) if message.is_ours => return None,
        EventKind::Message(message) if is_command(&message.text) => {
            (Reason::Command, weight(Reason::Command))
        }
        EventKind::Message(_) => (Reason::Chat, weight(Reason::Chat)),
        EventKind::Follow => (Reason::Follow, weight(Reason::Follow)),
        EventKind::Subscription { tier, .. } => {
            let reason = match tier {
                2 => Reason::Subscription2,
                3 => Reason::Subscription3,
                _ => Reason::Subscription,
            };
            (reason, weight(reason))
        }
        EventKind::Gift { count, .. } => (
            Reason::Gift,
            weight(Reason::Gift).saturating_mul((*count).into()),
        ),
        EventKind::Donation { amount_minor, .. } => {
            (Reason::Donation, hundreds(*amount_minor, Reason::Donation))
        }
        EventKind::Cheer { bits } => (Reason::Cheer, hundreds((*bits).into(), Reason::Cheer)),
        EventKind::Raid { .. } => (Reason::Raid, weight(Reason::Raid)),
        EventKind::Moderation(measure) => {
            let reason = match measure.action {
                ModerationAction::Warn => Reason::Warn,
                ModerationAction::Timeout => Reason::Timeout,
                ModerationAction::Kick => Reason::Kick,
                ModerationAction::Ban => Reason::Ban,
            };
            (reason, weight(reason))
        }
        EventKind::Join
        | EventKind::Reaction { .. }
        | EventKind::StreamOnline { .. }
        | EventKind::StreamOffline => return None,
    };
    Some(Effect {
        reason,
        change: change.clamp(-MOST, MOST),
    })
}

#[cfg(test)]
mod tests {
    use super::{Reason, Weights, bounds, effect, weight};
    use kernel::{
        EventKind,
        event::{Message, Moderation, ModerationAction},
    };

    fn change(kind: &EventKind) -> i64 {
        effect(kind, &Weights::default()).map_or(0, |effect| effect.change)
    }

    fn says(text: &str, is_ours: bool) -> EventKind {
        EventKind::Message(Message {
            text: text.to_owned(),
            is_ours,
            ..Message::default()
        })
    }

    fn measure(action: ModerationAction) -> EventKind {
        EventKind::Moderation(Moderation {
            action,
            moderator: None,
            reason: String::new(),
            duration_secs: Some(600),
        })
    }

    fn subscription(tier: u8) -> EventKind {
        EventKind::Subscription {
            tier,
            months: Some(40),
        }
    }

    #[test]
    fn every_event_is_worth_what_the_table_says() {
        assert_eq!(change(&says("hello", false)), 10);
        assert_eq!(change(&says("! really", false)), 10);
        assert_eq!(change(&says("!uptime", false)), -100);
        assert_eq!(change(&says("hello", true)), 0);
        assert_eq!(change(&EventKind::Follow), 1_000);
        assert_eq!(change(&subscription(1)), 5_000);
        assert_eq!(change(&subscription(2)), 10_000);
        assert_eq!(change(&subscription(3)), 20_000);
        assert_eq!(change(&EventKind::Gift { count: 7, tier: 3 }), 21_000);
        let donation = EventKind::Donation {
            amount_minor: 1_234,
            currency: "USD".to_owned(),
        };
        assert_eq!(change(&donation), 12_340);
        assert_eq!(change(&EventKind::Cheer { bits: 150 }), 1_500);
        assert_eq!(change(&EventKind::Raid { viewers: 900 }), 2_000);
        assert_eq!(weight(Reason::Boost), 5_000);
        assert_eq!(change(&measure(ModerationAction::Warn)), -25_000);
        assert_eq!(change(&measure(ModerationAction::Timeout)), -50_000);
        assert_eq!(change(&measure(ModerationAction::Kick)), -75_000);
        assert_eq!(change(&measure(ModerationAction::Ban)), -200_000);
        assert_eq!(change(&EventKind::Join), 0);
        assert_eq!(change(&EventKind::StreamOffline), 0);
    }

    #[test]
    fn huge_amounts_do_not_overflow_and_codes_are_told_apart() {
        let donation = EventKind::Donation {
            amount_minor: u64::MAX,
            currency: "USD".to_owned(),
        };
        assert_eq!(change(&donation), 550_000);
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn a_community_decides_within_bounds_that_hold_what_everybody_has() {
        for reason in Reason::ALL {
            let bounds = bounds(reason);
            assert_eq!(bounds.is_none(), reason == Reason::Adjustment);
            let own = bounds.is_none_or(|(least, most)| (least..=most).contains(&weight(reason)));
            assert!(own, "{reason:?}");
        }
        assert_eq!(bounds(Reason::Warn), Some((-200_000, 0)));
        assert_eq!(bounds(Reason::Chat), Some((0, 1_000)));
    }

    #[test]
    fn what_a_community_decided_counts_there_and_the_rest_as_everywhere() {
        let mut here = Weights::default();
        here.decide(Reason::Cheer, 5);
        here.decide(Reason::Warn, 0);
        let change = |kind: &EventKind| effect(kind, &here).map_or(0, |effect| effect.change);
        assert_eq!(
            change(&EventKind::Cheer { bits: 150 }),
            7,
            "a thousandth that has begun is not given"
        );
        assert_eq!(change(&measure(ModerationAction::Warn)), 0);
        assert_eq!(change(&measure(ModerationAction::Kick)), -75_000);
        assert_eq!(
            (here.own(Reason::Cheer), here.own(Reason::Kick)),
            (Some(5), None)
        );
    }
}
