//! Which score is enough: the threshold with the best F1 among those that accuse few enough of the innocent.

use super::{Confusion, ranked};
use crate::number::real;

/// A threshold, and what it does on the rows it was chosen by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// Scores from here on count as found.
    pub threshold: f64,
    /// What it finds.
    pub confusion: Confusion,
}

/// The best F1 with a false-positive rate of at most `false_positive_rate_max`; of equals the one that finds fewer. It lies
/// in the middle between two scores, so that it does not hang on a single row. `None` if no threshold finds a positive row
/// within the bound.
pub fn best_threshold(
    scores: &[f64],
    labels: &[bool],
    false_positive_rate_max: f64,
) -> Option<Chosen> {
    let ties = ranked(scores, labels);
    let positives: usize = ties.iter().map(|tie| tie.positives).sum();
    let negatives: usize = ties.iter().map(|tie| tie.negatives).sum();
    let most_wrong = false_positive_rate_max * real(negatives);
    let mut best: Option<Chosen> = None;
    let (mut found, mut wrong) = (0, 0);
    for (place, tie) in ties.iter().enumerate() {
        found += tie.positives;
        wrong += tie.negatives;
        if real(wrong) > most_wrong {
            break;
        }
        let confusion = Confusion {
            true_positives: found,
            false_positives: wrong,
            true_negatives: negatives - wrong,
            false_negatives: positives - found,
        };
        let is_better = best.is_none_or(|best| confusion.f1() > best.confusion.f1());
        if confusion.true_positives > 0 && is_better {
            let next = ties.get(place + 1).map_or(tie.score, |next| next.score);
            let middle = f64::midpoint(tie.score, next);
            let is_between = middle > next && middle <= tie.score;
            best = Some(Chosen {
                threshold: if is_between { middle } else { tie.score },
                confusion,
            });
        }
    }
    best
}
