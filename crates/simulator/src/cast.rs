//! Who of a simulated community one may speak as: its channel, its moderators, some regulars, and
//! somebody new. They are the people of the history, so that what is said as one of them counts for
//! that person.

use kernel::{Account, Day};

use crate::{
    CommunityPlan,
    dice::Key,
    person::{Part, Person},
    roster::Roster,
};

/// How many regulars are offered.
const REGULARS: usize = 6;
/// The key of the newcomer who belongs to nobody's day.
const GUEST: u64 = 0x6775_6573;

/// What somebody is in the community.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CastPart {
    /// The community's own channel.
    Broadcaster,
    /// Keeps order.
    Moderator,
    /// Comes most days.
    Regular,
    /// Was never here.
    Newcomer,
}

/// Somebody one may speak as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CastMember {
    /// What they are.
    pub part: CastPart,
    /// Their account at each of the plan's places, in the order of the places; `None` where they
    /// have none.
    pub accounts: Vec<Option<Account>>,
}

impl CastMember {
    /// A name they go by.
    pub fn name(&self) -> &str {
        let first = self.accounts.iter().flatten().next();
        first.map_or("", |account| account.username.as_str())
    }
}

/// The cast of a community on a day. Never empty; the same for the same seed, plan and day.
pub fn cast(seed: u64, plan: &CommunityPlan, day: Day) -> Vec<CastMember> {
    let root = Key::root(seed, plan.slug);
    let here = |part: CastPart, person: &Person| CastMember {
        part,
        accounts: (0..plan.places.len())
            .map(|place| person.at(place).cloned())
            .collect(),
    };
    let guest = Person::visitor(root.child(GUEST), plan);
    let mut members = vec![here(CastPart::Newcomer, &guest)];
    let mut n_regulars = 0;
    for present in Roster::of(root, plan, day).people {
        let part = match present.person.part {
            Part::Broadcaster => CastPart::Broadcaster,
            Part::Moderator => CastPart::Moderator,
            Part::Regular if n_regulars < REGULARS => {
                n_regulars += 1;
                CastPart::Regular
            }
            _ => continue,
        };
        members.push(here(part, &present.person));
    }
    members
}

#[cfg(test)]
mod tests {
    use kernel::Day;

    use super::{CastPart, cast};

    #[test]
    fn every_community_has_somebody_of_each_part_and_the_same_on_the_same_day() {
        for plan in crate::communities() {
            let day = Day(20_000);
            let members = cast(6, &plan, day);
            assert_eq!(members, cast(6, &plan, day));
            for part in [
                CastPart::Broadcaster,
                CastPart::Moderator,
                CastPart::Regular,
                CastPart::Newcomer,
            ] {
                assert!(members.iter().any(|m| m.part == part), "{part:?}");
            }
            for member in &members {
                assert_eq!(member.accounts.len(), plan.places().len());
                assert!(!member.name().is_empty());
            }
        }
    }
}
