//! How alive and how healthy a community is, in a few numbers from the roll-ups, for the domains above, which authorise
//! before they ask.
//!
//! Must never put a constant in the place of what nobody measured.

use std::collections::{HashMap, HashSet};

use ::store::StoreError;
use kernel::{AccountId, CommunityId, Day};
use sea_orm::ConnectionTrait;

use crate::store::pulse as table;

/// Days with messages of which the course is looked at.
pub(crate) const COURSE_DAYS: i32 = 28;
/// Fewer days with messages have no course.
const COURSE_LEAST: usize = 7;

/// A community's last thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pulse {
    /// People who wrote in thirty days.
    pub active: u32,
    /// Messages in thirty days.
    pub messages: u32,
    /// Warnings, timeouts, kicks and bans in thirty days; `None` where none was ever recorded, which may be because nobody
    /// tells us of them.
    pub moderations: Option<u32>,
    /// 0 to 100: even days, people who take part, people who stay, and messages of many; `None` before there are seven
    /// days with messages.
    pub health: Option<f64>,
    /// 0 to 100: of all members those who wrote in seven days; `None` without members.
    pub engagement: Option<f64>,
}

/// What some accounts wrote in a community.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wrote {
    /// People of whom it was; somebody with two of the accounts counts once.
    pub people: u32,
    /// Messages.
    pub messages: u32,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Counts {
    pub(crate) active: u32,
    pub(crate) active_week: u32,
    pub(crate) members: u32,
    pub(crate) retained: u32,
    pub(crate) new: u32,
    pub(crate) churned: u32,
    pub(crate) moderations: Option<u32>,
    pub(crate) messages: u32,
    /// Messages on each of the last days, those without any left out.
    pub(crate) daily: Vec<u32>,
    /// Messages of each who wrote in seven days.
    pub(crate) per_person: Vec<u32>,
}

/// The numbers of communities up to a day, of all of them in the same few statements.
pub async fn pulses(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    today: Day,
) -> Result<HashMap<CommunityId, Pulse>, StoreError> {
    let counts = table::counts(conn, communities, today).await?;
    Ok(counts
        .into_iter()
        .map(|(community, counts)| (community, of(&counts)))
        .collect())
}

/// What accounts wrote after a day, in the community beside each; communities in which they wrote nothing are left out.
pub async fn wrote(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, AccountId)],
    after: Day,
) -> Result<HashMap<CommunityId, Wrote>, StoreError> {
    let asked: HashSet<(CommunityId, AccountId)> = seats.iter().copied().collect();
    let mut people = HashSet::new();
    let mut found: HashMap<CommunityId, Wrote> = HashMap::new();
    for (seat, user, messages) in table::wrote(conn, seats, after).await? {
        if asked.contains(&seat) {
            let here = found.entry(seat.0).or_default();
            here.messages = here.messages.saturating_add(messages);
            here.people += u32::from(people.insert((seat.0, user)));
        }
    }
    Ok(found)
}

fn share(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part.min(whole)) / f64::from(whole) * 100.0)
}

fn of(counts: &Counts) -> Pulse {
    let engagement = share(counts.active_week, counts.members);
    let known = counts.retained + counts.new + counts.churned + 1;
    let retention = f64::from(counts.retained) / f64::from(known) * 100.0;
    let health = match (
        evenness(&counts.daily),
        engagement,
        spread(&counts.per_person),
    ) {
        (Some(evenness), Some(engagement), Some(spread)) => {
            Some(0.25 * evenness + 0.30 * engagement + 0.25 * retention + 0.20 * spread)
        }
        _ => None,
    };
    Pulse {
        active: counts.active,
        messages: counts.messages,
        moderations: counts.moderations,
        health,
        engagement,
    }
}

/// How even the days are: 100 less half of their variation in percent.
fn evenness(daily: &[u32]) -> Option<f64> {
    if daily.len() < COURSE_LEAST {
        return None;
    }
    let days = f64::from(COURSE_DAYS);
    let mean = daily.iter().map(|n| f64::from(*n)).sum::<f64>() / days;
    let with: f64 = daily.iter().map(|n| (f64::from(*n) - mean).powi(2)).sum();
    // Days without messages count too.
    let shown = u32::try_from(daily.len()).unwrap_or(u32::MAX);
    let without = (days - f64::from(shown)).max(0.0) * mean * mean;
    let deviation = ((with + without) / days).sqrt();
    Some((100.0 - 50.0 * deviation / mean).max(0.0))
}

/// How many share the talk: 100 less the concentration of messages on few.
fn spread(per_person: &[u32]) -> Option<f64> {
    let whole: f64 = per_person.iter().map(|n| f64::from(*n)).sum();
    let squares: f64 = per_person
        .iter()
        .map(|n| (f64::from(*n) / whole).powi(2))
        .sum();
    (whole > 0.0).then_some((1.0 - squares) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{Counts, of};

    fn counts() -> Counts {
        Counts {
            active: 40,
            active_week: 20,
            members: 80,
            retained: 30,
            new: 5,
            churned: 4,
            moderations: Some(3),
            messages: 2_800,
            daily: vec![100; 28],
            per_person: vec![10; 20],
        }
    }

    #[test]
    fn an_even_community_of_many_is_healthy_by_its_four_parts() {
        let pulse = of(&counts());
        assert_eq!(pulse.engagement, Some(25.0));
        let health = pulse.health.unwrap();
        let wanted = 0.25 * 100.0 + 0.30 * 25.0 + 0.25 * 75.0 + 0.20 * 95.0;
        assert!((health - wanted).abs() < 1e-9, "{health} {wanted}");
    }

    #[test]
    fn what_nobody_measured_is_not_known() {
        let nothing = of(&Counts::default());
        assert_eq!((nothing.health, nothing.engagement), (None, None));
        let few = Counts {
            daily: vec![100; 6],
            ..counts()
        };
        assert_eq!(of(&few).health, None);
    }

    #[test]
    fn one_who_says_everything_and_a_single_busy_day_are_less_healthy() {
        let health = |counts: &Counts| of(counts).health.unwrap();
        let alone = Counts {
            per_person: vec![1_000, 1],
            ..counts()
        };
        let mut daily = vec![1; 27];
        daily.push(2_000);
        let busy = Counts { daily, ..counts() };
        assert!(health(&alone) < health(&counts()) && health(&busy) < health(&counts()));
    }
}
