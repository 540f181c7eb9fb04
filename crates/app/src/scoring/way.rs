//! How going through messages went lately, and when whoever runs the instance is to be told that it does not.

use std::time::Duration;

use kernel::Timestamp;

/// For how long it may fail before somebody is told.
const STUCK: Duration = Duration::from_mins(5);

/// How it has gone lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Nothing is known yet: a process before may have told that it is stuck.
    New,
    Going,
    FailingSince(Timestamp),
    Told,
}

impl Way {
    /// Whether the next failure is the first of a row.
    pub(super) const fn is_new_failure(self) -> bool {
        matches!(self, Self::New | Self::Going)
    }

    /// Whether somebody may have been told that it is stuck.
    pub(super) const fn has_told(self) -> bool {
        matches!(self, Self::New | Self::Told)
    }

    /// How it goes after a step that began then has failed now; and, if somebody is to be told, since when it has.
    pub(super) fn failed(self, began: Timestamp, now: Timestamp) -> (Self, Option<Timestamp>) {
        let since = match self {
            Self::Told => return (self, None),
            Self::New | Self::Going => began,
            Self::FailingSince(since) => since,
        };
        let is_stuck = now.since(since) >= STUCK;
        (Self::FailingSince(since), is_stuck.then_some(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    #[test]
    fn who_runs_the_instance_is_told_after_five_minutes_of_failing_and_not_before() {
        let (way, told) = Way::Going.failed(at(0), at(1));
        assert_eq!((way, told), (Way::FailingSince(at(0)), None));
        assert!(!way.is_new_failure(), "the log has it once");
        let (way, told) = way.failed(at(290), at(299));
        assert_eq!((way, told), (Way::FailingSince(at(0)), None));
        let (way, told) = way.failed(at(299), at(300));
        assert_eq!((way, told), (Way::FailingSince(at(0)), Some(at(0))));
        // Where it could not be told, the next failure tells.
        assert_eq!(way.failed(at(305), at(306)).1, Some(at(0)));
    }

    #[test]
    fn a_step_that_waits_for_five_minutes_is_told_at_once() {
        let (way, told) = Way::New.failed(at(0), at(300));
        assert_eq!((way, told), (Way::FailingSince(at(0)), Some(at(0))));
    }

    #[test]
    fn what_was_told_is_not_told_again_and_is_taken_back_once() {
        assert_eq!(Way::Told.failed(at(0), at(9_000)), (Way::Told, None));
        assert!(Way::Told.has_told());
        assert!(Way::New.has_told(), "a process before may have");
        assert!(!Way::Going.has_told());
        assert!(!Way::FailingSince(at(0)).has_told());
    }
}
