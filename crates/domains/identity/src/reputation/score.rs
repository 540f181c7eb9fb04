//! A score and its tier.

/// Where everybody starts, in thousandths.
const START: i64 = 600_000;
/// The range of what is added to the start, in thousandths.
const LOWEST: i64 = -300_000;
const HIGHEST: i64 = 250_000;
/// At most this is «at risk»: 50 points above the threshold of 450.
const AT_RISK: i64 = 500_000;

/// A change from the start, within the range.
pub(crate) fn clamp(change: i64) -> i64 {
    change.clamp(LOWEST, HIGHEST)
}

/// A score. Invariant: from 300 to 850.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(i64);

impl Default for Score {
    fn default() -> Self {
        Self(START)
    }
}

impl Score {
    /// The score of somebody whose sum of changes is this, in thousandths.
    pub fn of(change: i64) -> Self {
        Self(START + clamp(change))
    }

    /// The score that was stored, in thousandths.
    pub fn stored(thousandths: i64) -> Self {
        Self::of(thousandths.saturating_sub(START))
    }

    /// In thousandths of a point, 300,000 to 850,000.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// In whole points, 300 to 850; a begun point does not count.
    pub fn points(self) -> i32 {
        i32::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }

    /// The sum of changes it stands for, in thousandths.
    pub(crate) const fn change(self) -> i64 {
        self.0 - START
    }

    /// The highest change at which somebody is at risk.
    pub(crate) const fn at_risk() -> i64 {
        AT_RISK - START
    }

    /// Whether moderators should look at this person.
    pub const fn is_at_risk(self) -> bool {
        self.0 <= AT_RISK
    }

    /// The tier it falls into.
    pub fn tier(self) -> Tier {
        match self.points() {
            ..580 => Tier::Poor,
            580..670 => Tier::Fair,
            670..740 => Tier::Good,
            740..800 => Tier::VeryGood,
            800.. => Tier::Exceptional,
        }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.points())
    }
}

/// A range of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// 300 to 579.
    Poor,
    /// 580 to 669.
    Fair,
    /// 670 to 739.
    Good,
    /// 740 to 799.
    VeryGood,
    /// 800 to 850.
    Exceptional,
}

impl Tier {
    /// From 1 to 5.
    pub const fn level(self) -> i32 {
        match self {
            Self::Poor => 1,
            Self::Fair => 2,
            Self::Good => 3,
            Self::VeryGood => 4,
            Self::Exceptional => 5,
        }
    }

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poor => "poor",
            Self::Fair => "fair",
            Self::Good => "good",
            Self::VeryGood => "very_good",
            Self::Exceptional => "exceptional",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Poor => "Poor",
            Self::Fair => "Fair",
            Self::Good => "Good",
            Self::VeryGood => "Very good",
            Self::Exceptional => "Exceptional",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Score, Tier};

    #[test]
    fn tiers_begin_where_they_should() {
        let tier = |points: i64| Score::stored(points * 1_000).tier();
        assert_eq!((tier(300), tier(579)), (Tier::Poor, Tier::Poor));
        assert_eq!((tier(580), tier(669)), (Tier::Fair, Tier::Fair));
        assert_eq!((tier(670), tier(739)), (Tier::Good, Tier::Good));
        assert_eq!((tier(740), tier(799)), (Tier::VeryGood, Tier::VeryGood));
        assert_eq!(
            (tier(800), tier(850)),
            (Tier::Exceptional, Tier::Exceptional)
        );
        assert_eq!(
            Score::stored(579_999).tier(),
            Tier::Poor,
            "a begun point does not count"
        );
        assert_eq!(Score::default().points(), 600);
    }

    #[test]
    fn no_score_leaves_the_range() {
        assert_eq!(Score::of(i64::MIN).points(), 300);
        assert_eq!(Score::of(i64::MAX).points(), 850);
        assert_eq!(Score::stored(i64::MIN).points(), 300);
        assert!(Score::stored(500_000).is_at_risk());
        assert!(!Score::stored(500_001).is_at_risk());
    }
}
