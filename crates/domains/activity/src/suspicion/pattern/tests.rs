use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Noon of a day.
fn noon(day: u32) -> Timestamp {
    Timestamp(0).plus(DAY * day).plus(DAY / 2)
}

#[test]
fn nothing_makes_no_flag() {
    assert!(shared_handles(&[]).is_empty());
    assert!(shared_timing(&[], noon(1), noon(1), noon(9)).is_empty());
    assert_eq!(link_burst(&[]), None);
    assert!(community_links(&[], noon(9)).is_empty());
    let clean = Record {
        n_accounts: 3,
        bans: 0,
        timeouts: 0,
        score: 600,
        is_banned: false,
    };
    assert_eq!(known_bad(clean), None);
}

#[test]
fn known_bad_is_who_was_banned_once_timed_out_often_or_scores_low_and_has_two_accounts() {
    let clean = Record {
        n_accounts: 2,
        bans: 0,
        timeouts: 2,
        score: 451,
        is_banned: false,
    };
    assert_eq!(known_bad(clean), None, "two time-outs happen");
    for bad in [
        Record { bans: 1, ..clean },
        Record {
            timeouts: 3,
            ..clean
        },
        Record {
            score: 450,
            ..clean
        },
        Record {
            is_banned: true,
            ..clean
        },
    ] {
        let evidence = known_bad(bad).unwrap();
        assert!(
            evidence.sentence().contains("linked to a person who"),
            "{evidence:?}"
        );
        assert_eq!(
            known_bad(Record {
                n_accounts: 1,
                ..bad
            }),
            None,
            "{bad:?}"
        );
    }
}

#[test]
fn five_newcomers_whose_handles_differ_by_a_number_are_flagged_and_four_are_not() {
    let handles = [
        "raider1", "Raider_2", "raider03", "raider-4", "raider", "ann", "duck1", "duck2",
    ];
    let found = shared_handles(&handles);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0.as_str(), &found[0].1[..]),
        ("raider", &[0, 1, 2, 3, 4][..])
    );
    assert_eq!(found[0].2, Evidence::SharedHandles { people: 5 });
    assert!(shared_handles(&handles[..4]).is_empty());
    // The same name by chance, without numbers, and names that are hardly more than a number.
    assert!(shared_handles(&["alex", "Alex", "a.lex", "alex_", "alex1"]).is_empty());
    assert!(shared_handles(&["ab1", "ab2", "ab3", "ab4", "ab5"]).is_empty());
}

fn arrivals(times: impl IntoIterator<Item = (Timestamp, bool)>) -> Vec<Arrival> {
    times
        .into_iter()
        .map(|(at, is_young)| Arrival { at, is_young })
        .collect()
}

#[test]
fn five_young_accounts_within_ten_minutes_are_flagged_once_the_window_is_over() {
    let (begun, start) = (noon(0), noon(10));
    let times = (0..5).map(|n| (start.plus(MINUTE * n), true));
    let raid = arrivals(times);
    let found = shared_timing(&raid, begun, begun, noon(11));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, &found[0].1[..]), (start, &[0, 1, 2, 3, 4][..]));
    let early = start.plus(MINUTE * 9);
    assert!(
        shared_timing(&raid, begun, begun, early).is_empty(),
        "not over"
    );
    assert!(
        shared_timing(&raid[..4], begun, begun, noon(11)).is_empty(),
        "four"
    );
    let slow = arrivals((0..5).map(|n| (start.plus(MINUTE * 3 * n), true)));
    assert!(
        shared_timing(&slow, begun, begun, noon(11)).is_empty(),
        "twelve minutes"
    );
    let old = arrivals((0..5).map(|n| (start.plus(MINUTE * n), false)));
    assert!(
        shared_timing(&old, begun, begun, noon(11)).is_empty(),
        "accounts of long ago"
    );
    assert!(
        shared_timing(&raid, begun, start, noon(11)).is_empty(),
        "the first day"
    );
}

#[test]
fn twenty_at_once_are_flagged_unless_the_place_is_always_that_busy() {
    let (begun, start) = (noon(0), noon(10));
    let crowd =
        |n: u32| (0..n).map(move |n| (start.plus(Duration::from_secs(u64::from(n))), false));
    let alone = arrivals(crowd(20));
    assert_eq!(shared_timing(&alone, begun, begun, noon(11)).len(), 1);
    assert!(shared_timing(&arrivals(crowd(19)), begun, begun, noon(11)).is_empty());
    // 600 newcomers every day.
    let busy = (2..10).flat_map(|day| {
        (0..600).map(move |n| {
            (
                Timestamp(0)
                    .plus(DAY * day)
                    .plus(Duration::from_secs(n * 130)),
                false,
            )
        })
    });
    let busy = arrivals(busy.chain(crowd(20)));
    let found = shared_timing(&busy, begun, begun, noon(11));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn five_links_in_a_day_are_a_burst_and_five_in_a_week_are_not() {
    let fast: Vec<Timestamp> = (0..5).map(|n| noon(3).plus(MINUTE * n)).collect();
    assert_eq!(link_burst(&fast), Some(Evidence::LinkBurst { links: 5 }));
    assert_eq!(link_burst(&fast[..4]), None);
    let slow: Vec<Timestamp> = (3..8).map(noon).collect();
    assert_eq!(link_burst(&slow), None);
}

#[test]
fn fifteen_people_who_link_within_an_hour_are_flagged_however_many_links_fourteen_make() {
    let links = |people: i32, each: u32| -> Vec<(i32, Timestamp)> {
        let one = |who: i32| (0..each).map(move |_| (who, noon(3).plus(MINUTE)));
        (0..people).flat_map(one).collect()
    };
    let found = community_links(&links(15, 2), noon(4));
    let evidence = Evidence::CommunityLinks {
        people: 15,
        links: 30,
    };
    assert_eq!((found.len(), found[0].2), (1, evidence));
    assert!(community_links(&links(14, 9), noon(4)).is_empty());
    assert!(
        community_links(&links(15, 1), noon(3).plus(MINUTE * 30)).is_empty(),
        "not over"
    );
}

#[test]
fn evidence_survives_its_json_and_has_a_sentence_of_its_own() {
    let all = [
        Evidence::KnownBad {
            bans: 1,
            timeouts: 4,
            score: 410,
            is_banned: true,
        },
        Evidence::SharedHandles { people: 5 },
        Evidence::SharedTiming {
            people: 20,
            young: 3,
            usual_per_day: 2,
        },
        Evidence::LinkBurst { links: 6 },
        Evidence::CommunityLinks {
            people: 15,
            links: 18,
        },
    ];
    assert_eq!(all.map(|one| one.pattern()), Pattern::ALL);
    for evidence in all {
        let json = evidence.to_json();
        assert!(
            json.as_object()
                .unwrap()
                .values()
                .all(serde_json::Value::is_number)
        );
        assert_eq!(
            Evidence::from_json(evidence.pattern(), &json),
            Some(evidence)
        );
        assert_eq!(
            Pattern::from_code(evidence.pattern().code()),
            Some(evidence.pattern())
        );
        assert!(evidence.sentence().ends_with('.'));
    }
    assert_eq!(
        all[0].sentence(),
        "Within the last 14 days an account was linked to a person who has the role «banned» here, was banned once here, was timed out 4 times here, has a score of 410."
    );
    assert_eq!(Evidence::from_json(Pattern::KnownBad, &json!({})), None);
}

proptest! {
    #[test]
    fn windows_are_the_same_whenever_they_are_looked_for_again(
        steps in prop::collection::vec((0_u64..400, any::<bool>()), 0..60),
        later in 0_u64..100_000,
    ) {
        let mut at = noon(10);
        let mut times = Vec::new();
        for (secs, is_young) in steps {
            at = at.plus(Duration::from_secs(secs));
            times.push((at, is_young));
        }
        let all = arrivals(times);
        let now = noon(10).plus(Duration::from_secs(later));
        let so_far: Vec<Arrival> = all.iter().copied().filter(|one| one.at <= now).collect();
        let young = |found: Vec<(Timestamp, Vec<usize>, Evidence)>| -> Vec<(Timestamp, Vec<usize>)> {
            found.into_iter().map(|one| (one.0, one.1)).filter(|one| one.1.len() < AT_ONCE).collect()
        };
        let early = young(shared_timing(&so_far, noon(0), noon(0), now));
        let late = young(shared_timing(&all, noon(0), noon(0), noon(20)));
        prop_assert!(early.iter().all(|one| late.contains(one)), "{early:?} {late:?}");
    }
}
