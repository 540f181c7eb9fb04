//! What is special about a day: a stream, a launch with a rush of newcomers, an outage. A pure
//! function of plan and day, so that any day can be looked at alone.

use kernel::Day;

use crate::{CommunityPlan, dice::Key};

/// The special hours of one day, in seconds after midnight UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Occasions {
    /// Begin and end of the stream.
    pub(crate) stream: Option<(u32, u32)>,
    /// When the rush of newcomers sets in, and a raid where there is a stream.
    pub(crate) launch: Option<u32>,
    /// When the platforms fell silent, and when they came back.
    pub(crate) outage: Option<(u32, u32)>,
}

impl Occasions {
    /// The occasions of a day.
    pub(crate) fn of(root: Key, plan: &CommunityPlan, day: Day) -> Self {
        let mut dice = root.child(OCCASIONS).on(day).dice();
        let season = day.0.rem_euclid(CommunityPlan::SEASON);
        let stream = plan
            .streams
            .iter()
            .find(|slot| slot.weekday == day.weekday())
            .map(|slot| {
                let start = slot.start * 60 + dice.below(600);
                (start, start + slot.length * 60 + dice.below(900))
            });
        let launch = (season == plan.launch).then(|| match stream {
            Some((start, end)) => start + (end - start) / 3,
            None => 9 * 3_600 + dice.below(1_800),
        });
        let outage = (season == plan.outage).then(|| {
            let start = 12 * 3_600 + dice.below(7_200);
            (start, start + 5 * 3_600 + dice.below(3_600))
        });
        Self {
            stream,
            launch,
            outage,
        }
    }
}

/// Whether a plan streams on a day of the week.
pub(crate) fn streams_on(plan: &CommunityPlan, day: Day) -> bool {
    plan.streams.iter().any(|s| s.weekday == day.weekday())
}

/// Whether a day is the community's launch day.
pub(crate) fn is_launch(plan: &CommunityPlan, day: Day) -> bool {
    day.0.rem_euclid(CommunityPlan::SEASON) == plan.launch
}

const OCCASIONS: u64 = 10;
