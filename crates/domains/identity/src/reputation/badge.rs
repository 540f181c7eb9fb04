//! Badges: short claims about a person, each with its reason in words.

use super::{Score, Tier};

/// Days with messages, of the last 30, that make somebody active.
const ACTIVE_DAYS: u32 = 10;
/// Age of the oldest account of somebody trusted, in days.
const TRUSTED_DAYS: u32 = 90;

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BadgeKind {
    /// Has proved an account elsewhere.
    Verified,
    /// Talks often.
    Active,
    /// Has a high score and an account that is not new.
    Trusted,
}

impl BadgeKind {
    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Verified => "Verified",
            Self::Active => "Active",
            Self::Trusted => "Trusted",
        }
    }
}

/// A badge and why somebody has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// What is claimed.
    pub kind: BadgeKind,
    /// Why, as a sentence.
    pub why: String,
}

/// What badges are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Accounts elsewhere that were proved.
    pub n_links: u32,
    /// Days with a message in this community, of the last 30.
    pub active_days: u32,
    /// The score in this community.
    pub score: Score,
    /// The age of the oldest account in chat; 0 without one.
    pub age_days: u32,
    /// Whether it is in doubt that this is a person: who is called trusted must be beyond that.
    pub is_doubted: bool,
}

/// The badges somebody has.
pub fn badges(facts: &Facts) -> Vec<Badge> {
    let mut found = Vec::new();
    let mut give = |kind, why| found.push(Badge { kind, why });
    match facts.n_links {
        0 => {}
        1 => give(
            BadgeKind::Verified,
            "Has proved an account on another service.".to_owned(),
        ),
        n => give(
            BadgeKind::Verified,
            format!("Has proved {n} accounts on other services."),
        ),
    }
    if facts.active_days >= ACTIVE_DAYS {
        give(
            BadgeKind::Active,
            format!(
                "Wrote on {} of the last 30 days; {ACTIVE_DAYS} are needed.",
                facts.active_days
            ),
        );
    }
    let is_trusted = facts.score.tier() >= Tier::VeryGood && facts.age_days >= TRUSTED_DAYS;
    if is_trusted && !facts.is_doubted {
        give(
            BadgeKind::Trusted,
            format!(
                "Has a score of {} (740 are needed) and an account {} days old ({TRUSTED_DAYS} are needed).",
                facts.score, facts.age_days
            ),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{BadgeKind, Facts, badges};
    use crate::Score;

    #[test]
    fn each_badge_needs_what_it_claims() {
        let kinds = |facts: Facts| -> Vec<BadgeKind> {
            badges(&facts).into_iter().map(|badge| badge.kind).collect()
        };
        assert_eq!(kinds(Facts::default()), []);
        let linked = Facts {
            n_links: 1,
            ..Facts::default()
        };
        assert_eq!(kinds(linked), [BadgeKind::Verified]);
        let active = |active_days| Facts {
            active_days,
            ..Facts::default()
        };
        assert_eq!(kinds(active(9)), []);
        assert_eq!(kinds(active(10)), [BadgeKind::Active]);
        let trusted = |points, age_days| Facts {
            score: Score::stored(points),
            age_days,
            ..Facts::default()
        };
        assert_eq!(kinds(trusted(739_999, 90)), []);
        assert_eq!(kinds(trusted(740_000, 89)), []);
        assert_eq!(kinds(trusted(740_000, 90)), [BadgeKind::Trusted]);
        let doubted = Facts {
            is_doubted: true,
            n_links: 1,
            active_days: 10,
            ..trusted(740_000, 90)
        };
        assert_eq!(kinds(doubted), [BadgeKind::Verified, BadgeKind::Active]);
    }
}
