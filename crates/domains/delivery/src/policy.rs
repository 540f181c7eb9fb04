//! What a try's ending makes of a delivery. Pure: no clock, no database, no platform.

use std::time::Duration;

use ::store::job::Priority;
use kernel::{CarryError, Receipt};

use crate::State;

/// How a try ended, as far as the rule is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The platform took it.
    Done,
    /// The platform, or the breaker before it, asks to wait exactly this long.
    Wait(Duration),
    /// Certainly not done.
    Unavailable,
    /// Perhaps done.
    Unknown,
    /// It can never be done.
    Refused,
}

impl Ending {
    /// The ending that a courier told.
    pub const fn of(answer: &Result<Receipt, CarryError>) -> Self {
        match answer {
            Ok(_) => Self::Done,
            Err(CarryError::RateLimited { after } | CarryError::Closed { after, .. }) => {
                Self::Wait(*after)
            }
            Err(CarryError::Unavailable(_)) => Self::Unavailable,
            Err(CarryError::Unknown(_)) => Self::Unknown,
            Err(CarryError::Refused(_)) => Self::Refused,
        }
    }
}

/// What the rule must know of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Who goes first.
    pub priority: Priority,
    /// Whether doing it twice is the same as doing it once: the platform knows nonces, or it is an
    /// edit or a deletion.
    pub is_repeatable: bool,
    /// Whether this was the last try there may be.
    pub is_last: bool,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is sent.
    Sent,
    /// The same again after exactly this long; not an attempt.
    Wait(Duration),
    /// The same again after the usual back-off.
    Again,
    /// It came to its end.
    Over {
        /// In this state.
        state: State,
        /// Whether its job becomes a dead letter, for whoever runs the instance: only what ended
        /// for lack of tries, not what a platform refused.
        dead_letter: bool,
    },
}

/// The rule. A lost answer is tried again, at the price of perhaps saying it twice, unless somebody
/// is looking at the screen: they see what arrived and can ask again themselves.
pub const fn next(ending: Ending, case: Case) -> Next {
    match ending {
        Ending::Done => Next::Sent,
        Ending::Wait(after) => Next::Wait(after),
        Ending::Refused => Next::Over {
            state: State::Failed,
            dead_letter: false,
        },
        Ending::Unknown
            if !case.is_repeatable && matches!(case.priority, Priority::Interactive) =>
        {
            Next::Over {
                state: State::Unknown,
                dead_letter: false,
            }
        }
        Ending::Unknown if case.is_last => Next::Over {
            state: State::Unknown,
            dead_letter: true,
        },
        Ending::Unavailable if case.is_last => Next::Over {
            state: State::Failed,
            dead_letter: true,
        },
        Ending::Unknown | Ending::Unavailable => Next::Again,
    }
}

#[cfg(test)]
mod tests;
