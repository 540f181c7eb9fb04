//! The rule as a table: every ending × priority × repeatable × last.

use std::time::Duration;

use ::store::job::Priority;
use kernel::{CarryError, Receipt};

use super::{Case, Ending, Next, next};
use crate::State;

const AFTER: Duration = Duration::from_millis(1_234);

fn all_cases() -> impl Iterator<Item = Case> {
    Priority::ALL.into_iter().flat_map(|priority| {
        [(false, false), (false, true), (true, false), (true, true)].map(
            |(is_repeatable, is_last)| Case {
                priority,
                is_repeatable,
                is_last,
            },
        )
    })
}

const fn over(state: State, dead_letter: bool) -> Next {
    Next::Over { state, dead_letter }
}

#[test]
fn what_a_platform_took_is_sent_and_what_it_refused_has_failed_whatever_else() {
    for case in all_cases() {
        assert_eq!(next(Ending::Done, case), Next::Sent);
        assert_eq!(next(Ending::Refused, case), over(State::Failed, false));
    }
}

#[test]
fn a_wait_is_obeyed_exactly_even_after_the_last_attempt() {
    for case in all_cases() {
        assert_eq!(next(Ending::Wait(AFTER), case), Next::Wait(AFTER));
    }
}

#[test]
fn what_certainly_failed_is_tried_until_tries_run_out() {
    for case in all_cases() {
        let expected = if case.is_last {
            over(State::Failed, true)
        } else {
            Next::Again
        };
        assert_eq!(next(Ending::Unavailable, case), expected, "{case:?}");
    }
}

#[test]
fn only_an_interactive_message_on_a_platform_without_nonces_is_not_said_again() {
    for case in all_cases() {
        let expected = match (case.priority, case.is_repeatable, case.is_last) {
            (Priority::Interactive, false, _) => over(State::Unknown, false),
            (_, _, true) => over(State::Unknown, true),
            (_, _, false) => Next::Again,
        };
        assert_eq!(next(Ending::Unknown, case), expected, "{case:?}");
    }
}

#[test]
fn a_couriers_answer_is_read_as_what_it_says() {
    let why = || "why".to_owned();
    for (answer, ending) in [
        (Ok(Receipt::default()), Ending::Done),
        (
            Err(CarryError::RateLimited { after: AFTER }),
            Ending::Wait(AFTER),
        ),
        (
            Err(CarryError::Closed {
                after: AFTER,
                why: why(),
            }),
            Ending::Wait(AFTER),
        ),
        (Err(CarryError::Unavailable(why())), Ending::Unavailable),
        (Err(CarryError::Unknown(why())), Ending::Unknown),
        (Err(CarryError::Refused(why())), Ending::Refused),
    ] {
        assert_eq!(Ending::of(&answer), ending);
    }
}
