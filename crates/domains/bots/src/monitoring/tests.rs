//! What is counted of a week and what fell, without a database. Must never read a clock.

use super::*;

fn review(verdict: Verdict, percent: u32, was_sampled: bool) -> table::Reviewed {
    table::Reviewed {
        verdict,
        is_accused: percent >= 50,
        was_sampled,
        took_secs: None,
        at: Timestamp(0),
    }
}

fn counted(reviews: &[table::Reviewed]) -> Counts {
    let mut counts = Counts::default();
    for review in reviews {
        counts.add(review);
    }
    counts
}

#[test]
fn precision_is_of_the_accused_and_recall_of_the_random_sample_alone() {
    let counts = counted(&[
        review(Verdict::Bot, 90, false),
        review(Verdict::Bot, 80, false),
        review(Verdict::Human, 70, false),
        review(Verdict::Bot, 30, false),
        review(Verdict::Skip, 99, false),
        review(Verdict::Bot, 60, true),
        review(Verdict::Bot, 10, true),
        review(Verdict::Human, 5, true),
    ]);
    assert_eq!((counts.n_reviewed, counts.n_sampled), (7, 3));
    assert_eq!(counts.false_positive_rate(), Some(0.0));
    let people = counted(&[
        review(Verdict::Human, 50, true),
        review(Verdict::Human, 49, true),
        review(Verdict::Human, 99, false),
        review(Verdict::Bot, 99, true),
    ]);
    assert_eq!(
        people.false_positive_rate(),
        Some(0.5),
        "of two people in the sample one was accused"
    );
    assert_eq!(counts.precision(), Some(0.75));
    assert_eq!(
        counts.recall(),
        Some(0.5),
        "of two bots in the sample one was accused"
    );
    assert_eq!(counts.f1(), Some(0.6));
    let unsampled = counted(&[review(Verdict::Bot, 90, false)]);
    assert_eq!(
        (
            unsampled.recall(),
            unsampled.f1(),
            unsampled.false_positive_rate()
        ),
        (None, None, None),
        "nobody knows"
    );
}

#[test]
fn a_fall_is_of_enough_accused_and_enough_sampled_bots_and_of_more_than_five_percent() {
    let of = |right: u64, wrong: u64| Counts {
        n_right: right,
        n_wrong: wrong,
        n_reviewed: 500,
        ..Counts::default()
    };
    let fallen = |before: &Counts, now: &Counts| {
        let first = compared(before, now).into_iter().next();
        first.filter(Compared::fell).map(|figure| figure.name)
    };
    assert_eq!(fallen(&of(95, 5), &of(18, 4)), Some("precision"));
    assert_eq!(fallen(&of(95, 5), &of(19, 1)), None);
    assert_eq!(
        fallen(&of(95, 5), &of(10, 9)),
        None,
        "nineteen, however many reviews there are"
    );
    assert_eq!(fallen(&of(1, 0), &of(10, 90)), None);
    let sampled = |found, bots, counts: Counts| Counts {
        sampled_bots: bots,
        sampled_found: found,
        ..counts
    };
    let good = || of(95, 5);
    let whole = sampled(20, 20, good());
    assert_eq!(fallen(&whole, &sampled(12, 20, good())), Some("F1"));
    assert_eq!(
        fallen(&whole, &sampled(19, 20, good())),
        None,
        "one account is no fall"
    );
    assert_eq!(fallen(&whole, &sampled(0, 1, good())), None, "one bot");
    assert_eq!(
        fallen(&sampled(1, 1, good()), &sampled(0, 20, good())),
        None
    );
    let names = |now: &Counts| -> Vec<&str> {
        let all = compared(&whole, now);
        all.iter().map(|figure| figure.name).collect()
    };
    assert_eq!(names(&whole), ["F1", "precision"]);
    assert_eq!(names(&sampled(19, 19, good())), ["precision"]);
}

#[test]
fn a_column_that_moved_is_first_and_the_rest_hardly_moves() {
    let row = |n: u16, shift: f32| {
        let mut values = vec![f32::from(n % 50); SCHEMA.columns().len()];
        values[3] += shift;
        Scored {
            values,
            probability: Probability::percent(u32::from(n % 3) * 10),
        }
    };
    let before: Vec<Scored> = (0..400).map(|n| row(n, 0.0)).collect();
    let now: Vec<Scored> = (0..300).map(|n| row(n, 25.0)).collect();
    let moved = moved(&before, &now);
    assert_eq!(moved[0].0, SCHEMA.names()[3]);
    assert!(moved[0].1 > LARGE && moved[1].1 < 0.05, "{:?}", &moved[..2]);
    assert!(
        (bots(&now) - 0.1).abs() < 1e-9,
        "0, 10 and 20 percent in turn"
    );
    assert!(bots(&[]).abs() < 1e-9, "of nobody");
}
