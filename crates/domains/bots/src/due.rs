//! When an account is scored: first when there is something to go by, then as evidence changes.
//!
//! Pure. Must never look at a clock.

/// Messages after which an account is scored first.
pub(crate) const FIRST: u32 = 10;

/// The same of newcomers while many come at once.
pub(crate) const FIRST_IN_BURST: u32 = 3;

/// The fewest and the most messages between one scoring and the next.
const STEPS: [u32; 2] = [5, 25];

/// Whether an account with `n` messages is to be scored, which was scored last when it had `scored` (0 = never).
pub(crate) fn is_due(n: u32, scored: u32, first: u32, is_bursting: bool) -> bool {
    if n < first {
        return false;
    }
    let [least, most] = STEPS;
    let step = if is_bursting {
        least
    } else {
        (n / 4).clamp(least, most)
    };
    scored == 0 || n.saturating_sub(scored) >= step
}

#[cfg(test)]
mod tests {
    use super::{FIRST, FIRST_IN_BURST, is_due};

    #[test]
    fn nobody_is_scored_before_there_is_something_to_go_by() {
        assert!(!is_due(9, 0, FIRST, true));
        assert!(is_due(10, 0, FIRST, false));
        assert!(!is_due(2, 0, FIRST_IN_BURST, true));
        assert!(is_due(3, 0, FIRST_IN_BURST, false));
    }

    #[test]
    fn the_step_grows_with_what_is_known_and_a_burst_is_looked_at_soon() {
        let next = |scored: u32, is_bursting| {
            let mut all = scored + 1..;
            all.find(|n| is_due(*n, scored, FIRST, is_bursting))
        };
        assert_eq!(next(10, false), Some(15));
        assert_eq!(next(40, false), Some(53));
        assert_eq!(next(1_000, false), Some(1_025));
        assert_eq!(next(1_000, true), Some(1_005));
    }
}
