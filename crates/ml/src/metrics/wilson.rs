//! How sure a share is that was counted: Wilson's score interval, which stays between 0 and 1 and is honest about few.

use crate::metrics::Interval;

/// The normal quantile of an interval that holds in 95 of 100 cases.
const Z: f64 = 1.959_964;

/// Where the share lies of which so many of so many were counted, in 95 of 100 cases; `None` of nothing. What is more than
/// all counts as all.
pub fn wilson(part: u32, of: u32) -> Option<Interval> {
    if of == 0 {
        return None;
    }
    let n = f64::from(of);
    let share = f64::from(part.min(of)) / n;
    let square = Z * Z;
    let middle = share + square / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let whole = 1.0 + square / n;
    Some(Interval {
        low: ((middle - half) / whole).clamp(0.0, 1.0),
        high: ((middle + half) / whole).clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn few_say_little_and_many_say_much() {
        let ends = |part, of| {
            let found = wilson(part, of).map(|found| (found.low, found.high));
            found.map(|(low, high)| format!("{low:.3} {high:.3}"))
        };
        assert_eq!(ends(2, 2).as_deref(), Some("0.342 1.000"));
        assert_eq!(ends(0, 10).as_deref(), Some("0.000 0.278"));
        assert_eq!(ends(5, 10).as_deref(), Some("0.237 0.763"));
        assert_eq!(ends(700, 1_000).as_deref(), Some("0.671 0.728"));
        assert_eq!(ends(9, 2), ends(2, 2), "more than all is all");
        assert_eq!(ends(0, 0), None);
    }
}
