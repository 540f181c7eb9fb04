//! What fields cost. The static cost bounds the work of services before anything runs; the budget
//! of the [`super::Viewer`] bounds the size of the answer while it is made.
//!
//! Must never be less than 1, whatever a client passes.

/// One overview: several aggregate queries.
pub(crate) const OVERVIEW: usize = 100;
/// One page of members or messages.
pub(crate) const PAGE: usize = 10;
/// One batched lookup.
pub(crate) const LOOKUP: usize = 2;
/// A community's summary.
pub(crate) const SUMMARY: usize = 5;

/// Longest list anybody may ask for.
pub(crate) const LIST_MAX: i32 = 100;

/// The cost of a list: `n` times what is below.
pub(crate) fn list(n: i32, below: usize) -> usize {
    let n = usize::try_from(n.clamp(1, LIST_MAX)).unwrap_or(1);
    n.saturating_mul(below.saturating_add(1))
}
