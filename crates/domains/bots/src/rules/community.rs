//! The score of a community, 100 being clean: 30 % alerts about members, 25 % reputation, 20 % security, 25 % conspicuous
//! behaviour.
//!
//! What is not known is left out and the rest counts accordingly, from two known parts on: no constant stands in for a number nobody measured, and a
//! member who is conspicuous in two ways is one conspicuous member.

/// Parts without which there is no score of the whole: one is no picture of a community.
const PARTS_MIN: u32 = 2;

/// What was counted in a community. `None` is "not known", 0 is 0.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CommunityCounts {
    /// Members who said something in thirty days.
    pub active_members: u32,
    /// Of these, those with an alert nobody has dealt with.
    pub alerted_members: Option<u32>,
    /// Health of the community, 0 to 100.
    pub health: Option<f64>,
    /// Its engagement, 0 to 100; without it health counts alone.
    pub engagement: Option<f64>,
    /// Messages in thirty days.
    pub messages: u32,
    /// Of these, those a filter or a moderator objected to.
    pub violations: Option<u32>,
    /// Members who said something in a day.
    pub active_today: u32,
    /// Of these, those who burst, repeated themselves or said what two others had said: each counted once.
    pub conspicuous_today: Option<u32>,
}

/// The parts of the score.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Component {
    /// Members with open alerts.
    BadActor,
    /// Health and engagement.
    Reputation,
    /// Violations.
    Security,
    /// Conspicuous behaviour.
    AiBehavioral,
}

impl Component {
    /// Every part.
    pub const ALL: [Self; 4] = [
        Self::BadActor,
        Self::Reputation,
        Self::Security,
        Self::AiBehavioral,
    ];

    /// The word used in files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadActor => "bad_actor",
            Self::Reputation => "reputation",
            Self::Security => "security",
            Self::AiBehavioral => "ai_behavioral",
        }
    }

    /// Its weight in percent.
    pub const fn weight(self) -> u32 {
        match self {
            Self::BadActor => 30,
            Self::Reputation | Self::AiBehavioral => 25,
            Self::Security => 20,
        }
    }
}

/// School grades.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grade {
    /// 90 and more.
    A,
    /// 80 and more.
    B,
    /// 70 and more.
    C,
    /// 60 and more.
    D,
    /// Less.
    F,
}

impl Grade {
    /// The grade of a score.
    pub const fn of(score: u32) -> Self {
        match score {
            90.. => Self::A,
            80..=89 => Self::B,
            70..=79 => Self::C,
            60..=69 => Self::D,
            _ => Self::F,
        }
    }

    /// The letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::F => "F",
        }
    }
}

/// How large a community is, by members who said something in thirty days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Size {
    /// Less than 50.
    Small,
    /// Less than 500.
    Medium,
    /// 500 and more.
    Large,
}

impl Size {
    /// The size of so many members.
    pub const fn of(members: u32) -> Self {
        match members {
            ..=49 => Self::Small,
            50..=499 => Self::Medium,
            _ => Self::Large,
        }
    }

    /// The word used in files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// The score of a community.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommunityScore {
    /// 0 to 100; `None` if less than two of its parts are known.
    pub overall: Option<u32>,
    /// Its grade.
    pub grade: Option<Grade>,
    /// How large it is.
    pub size: Size,
    /// The parts, in the order of [`Component::ALL`]; `None` where nothing is known.
    pub components: [(Component, Option<u32>); 4],
}

/// Scores a community.
pub fn community_score(counts: &CommunityCounts) -> CommunityScore {
    let components = Component::ALL.map(|component| {
        let score = match component {
            Component::BadActor => {
                percent(counts.alerted_members, counts.active_members).map(|p| 100.0 - p * 5.0)
            }
            Component::Reputation => reputation(counts),
            Component::Security => {
                percent(counts.violations, counts.messages).map(|p| 100.0 - p * 10.0)
            }
            Component::AiBehavioral => {
                percent(counts.conspicuous_today, counts.active_today).map(|p| 100.0 - p * 10.0)
            }
        };
        (component, score.map(whole))
    });
    let known = components
        .iter()
        .filter_map(|(component, score)| score.map(|score| (component.weight(), score)));
    let (n, weights, sum) = known.fold((0, 0, 0), |(n, weights, sum), (weight, score)| {
        (n + 1, weights + weight, sum + weight * score)
    });
    let overall = (n >= PARTS_MIN).then(|| whole(f64::from(sum) / f64::from(weights)));
    CommunityScore {
        overall,
        grade: overall.map(Grade::of),
        size: Size::of(counts.active_members),
        components,
    }
}

/// The percentage; `None` if the part is not known or there is no whole.
fn percent(part: Option<u32>, whole: u32) -> Option<f64> {
    let part = part?.min(whole);
    (whole > 0).then(|| f64::from(part) / f64::from(whole) * 100.0)
}

fn reputation(counts: &CommunityCounts) -> Option<f64> {
    let health = counts.health.filter(|health| health.is_finite())?;
    Some(match counts.engagement.filter(|value| value.is_finite()) {
        Some(engagement) => 0.7 * health + 0.3 * engagement,
        None => health,
    })
}

/// Rounded, from 0 to 100.
fn whole(score: f64) -> u32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 100"
    )]
    let whole = score.round().clamp(0.0, 100.0) as u32;
    whole
}
