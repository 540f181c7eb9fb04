//! The queries of identity's tables. Nothing else may touch them.

pub(crate) mod account;
pub(crate) mod community;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod user;

/// `$first, $first+1, …` for an IN list of `n` values.
pub(crate) fn placeholders(first: usize, n: usize) -> String {
    (first..first + n)
        .map(|i| format!("${i}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// How many values one IN list may hold; longer lists are asked for in parts.
pub(crate) const IN_MAX: usize = 500;
