//! The rule score of an account: bursts, repeated texts, coordination, timing, reputation, moderation.

use crate::features::{Account, Facts};

/// The rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// More than ten messages within a minute.
    SpamBurst,
    /// The same text three times within half an hour.
    Duplicate,
    /// Texts that at least two other accounts had said shortly before.
    Coordinated,
    /// Pauses of the same length.
    Timer,
    /// Active at nearly every hour of the day.
    RoundTheClock,
    /// Little reputation.
    Reputation,
    /// Warned, timed out, kicked or banned before.
    Moderated,
    /// Linked to domains that lists call phishing.
    Phishing,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 8] = [
        Self::SpamBurst,
        Self::Duplicate,
        Self::Coordinated,
        Self::Timer,
        Self::RoundTheClock,
        Self::Reputation,
        Self::Moderated,
        Self::Phishing,
    ];

    /// The word used in files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SpamBurst => "spam_burst",
            Self::Duplicate => "duplicate",
            Self::Coordinated => "coordinated",
            Self::Timer => "timer",
            Self::RoundTheClock => "round_the_clock",
            Self::Reputation => "reputation",
            Self::Moderated => "moderated",
            Self::Phishing => "phishing",
        }
    }

    /// How much a finding counts when it is certain, 0 to 1. None is enough alone.
    const fn weight(self) -> f64 {
        match self {
            Self::SpamBurst => 0.6,
            Self::Duplicate | Self::Coordinated | Self::Phishing => 0.7,
            Self::Timer => 0.8,
            Self::RoundTheClock => 0.5,
            Self::Reputation | Self::Moderated => 0.4,
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth a look some day.
    Low,
    /// Worth a look.
    Medium,
    /// Worth a look now.
    High,
    /// Disturbs everybody.
    Critical,
}

impl Severity {
    /// The word used in files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a rule found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How sure it is, 0 to 100.
    pub confidence: f64,
    /// How grave that is.
    pub severity: Severity,
    /// What was counted: messages, texts, hours, points.
    pub count: f64,
}

/// What the rules say of an account.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// 0 (nothing) to 100.
    pub score: f64,
    /// Why, the surest first.
    pub findings: Vec<Finding>,
}

/// Reputation from which on an account is given the benefit of the doubt.
const TRUSTED: f32 = 700.0;

/// Reputation below which an account is looked at.
const DOUBTED: f32 = 450.0;

/// Judges an account.
pub fn judge(facts: &Facts, account: &Account) -> Verdict {
    let mut findings: Vec<Finding> = [
        burst(facts),
        duplicate(facts),
        coordinated(facts),
        timer(facts),
        round_the_clock(facts),
        reputation(account),
        moderated(account),
        phishing(account),
    ]
    .into_iter()
    .flatten()
    .collect();
    findings.sort_by(|a, b| {
        b.confidence
            .total_cmp(&a.confidence)
            .then(a.rule.cmp(&b.rule))
    });
    // Independent hints: each takes its part of what the others left.
    let left: f64 = findings
        .iter()
        .map(|found| 1.0 - found.rule.weight() * found.confidence / 100.0)
        .product();
    let doubt = match account.reputation {
        Some(reputation) if reputation >= TRUSTED => 0.5,
        _ => 1.0,
    };
    Verdict {
        score: (100.0 * (1.0 - left) * doubt).clamp(0.0, 100.0),
        findings,
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn burst(facts: &Facts) -> Option<Finding> {
    let n = facts.most_in_a_minute;
    (n > 10).then(|| Finding {
        rule: Rule::SpamBurst,
        confidence: (count(n) * 5.0).min(100.0),
        severity: match n {
            ..=15 => Severity::Low,
            16..=30 => Severity::Medium,
            31..=50 => Severity::High,
            _ => Severity::Critical,
        },
        count: count(n),
    })
}

fn duplicate(facts: &Facts) -> Option<Finding> {
    let n = facts.most_equal_texts;
    (n >= 3).then(|| Finding {
        rule: Rule::Duplicate,
        confidence: (count(n) * 20.0).min(100.0),
        severity: if n >= 5 {
            Severity::High
        } else {
            Severity::Medium
        },
        count: count(n),
    })
}

fn coordinated(facts: &Facts) -> Option<Finding> {
    let n = facts.most_in_chorus;
    (n >= 2).then(|| Finding {
        rule: Rule::Coordinated,
        confidence: (count(n) * 80.0 / 3.0).min(100.0),
        severity: if n >= 5 {
            Severity::High
        } else {
            Severity::Medium
        },
        count: count(n),
    })
}

fn timer(facts: &Facts) -> Option<Finding> {
    let [equal, all] = facts.equal_pauses;
    let share = count(equal) / count(all.max(1));
    (all >= 6 && share >= 0.5).then(|| Finding {
        rule: Rule::Timer,
        confidence: share * 100.0,
        severity: Severity::Medium,
        count: count(equal),
    })
}

fn round_the_clock(facts: &Facts) -> Option<Finding> {
    (facts.silent_hours <= 2 && facts.n_messages >= 48).then(|| Finding {
        rule: Rule::RoundTheClock,
        confidence: 60.0,
        severity: Severity::Low,
        count: f64::from(24 - facts.silent_hours.min(24)),
    })
}

fn reputation(account: &Account) -> Option<Finding> {
    let points = account.reputation?;
    (points < DOUBTED).then(|| Finding {
        rule: Rule::Reputation,
        confidence: (f64::from(DOUBTED - points) / 150.0 * 100.0).min(100.0),
        severity: Severity::Low,
        count: f64::from(points),
    })
}

fn moderated(account: &Account) -> Option<Finding> {
    let n = account.n_moderated?;
    (n > 0).then(|| Finding {
        rule: Rule::Moderated,
        confidence: (f64::from(n) * 25.0).min(100.0),
        severity: if n >= 3 {
            Severity::Medium
        } else {
            Severity::Low
        },
        count: f64::from(n),
    })
}

/// A dangerous domain counts twice a suspicious one.
fn phishing(account: &Account) -> Option<Finding> {
    let [dangerous, suspicious] = account.n_phishing.map(f64::from);
    let n = dangerous + suspicious;
    (n > 0.0).then(|| Finding {
        rule: Rule::Phishing,
        confidence: (dangerous * 50.0 + suspicious * 25.0).min(100.0),
        severity: if dangerous > 0.0 {
            Severity::High
        } else {
            Severity::Medium
        },
        count: n,
    })
}
