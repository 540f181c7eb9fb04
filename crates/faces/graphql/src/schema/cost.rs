//! What fields cost. The static cost bounds the work of services before anything runs; the budget
//! of the [`super::Viewer`] bounds the size of the answer while it is made.
//!
//! Must never be less than 1, whatever a client passes, nor so much that adding up the fields of a
//! document could overflow.

/// One overview: several aggregate queries.
pub(crate) const OVERVIEW: usize = 100;
/// Some thousands of accounts scored again.
pub(crate) const SHADOW: usize = 1_000;
/// One page of members or messages.
pub(crate) const PAGE: usize = 10;
/// One batched lookup.
pub(crate) const LOOKUP: usize = 2;
/// A community's summary.
pub(crate) const SUMMARY: usize = 5;

/// Longest list anybody may ask for.
pub(crate) const LIST_MAX: i32 = 100;

/// More than any document may cost, and little enough to be added up for every field.
const CEILING: usize = 1_000_000_000_000;

/// The cost of a list: `n` times what is below.
pub(crate) fn list(n: i32, below: usize) -> usize {
    let n = usize::try_from(n.clamp(1, LIST_MAX)).unwrap_or(1);
    n.saturating_mul(below.saturating_add(1)).min(CEILING)
}

#[cfg(test)]
mod tests {
    use super::{CEILING, LIST_MAX, list};

    #[test]
    fn lists_within_lists_never_overflow_and_never_cost_nothing() {
        let nested = (0..30).fold(1, |below, _| list(LIST_MAX, below));
        assert_eq!(nested, CEILING);
        assert!(
            nested.checked_mul(100_000).is_some(),
            "for every field of a document"
        );
        for n in [i32::MIN, -1, 0, 1] {
            assert_eq!(list(n, 3), 4);
        }
        assert_eq!(list(i32::MAX, 0), 100);
    }
}
