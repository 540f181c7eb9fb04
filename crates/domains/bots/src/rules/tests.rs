//! Rules by example.

use super::{CommunityCounts, Component, Grade, Rule, Severity, Size, community_score, judge};
use crate::features::{Account, Facts};

const CLEAN: Facts = Facts {
    n_messages: 40,
    most_in_a_minute: 4,
    most_equal_texts: 1,
    most_in_chorus: 0,
    equal_pauses: [2, 12],
    silent_hours: 9,
    n_links: 3,
};

#[test]
fn who_talks_like_a_person_has_no_score() {
    let verdict = judge(&CLEAN, &Account::default());
    assert_eq!((verdict.score, verdict.findings.len()), (0.0, 0));
}

#[test]
fn each_rule_fires_from_its_bound_on() {
    let confidence = |facts: Facts, rule: Rule| {
        let verdict = judge(&facts, &Account::default());
        let found = verdict.findings.iter().find(|found| found.rule == rule);
        found.map(|found| (found.confidence, found.severity))
    };
    let burst = |n| {
        let facts = Facts {
            most_in_a_minute: n,
            ..CLEAN
        };
        confidence(facts, Rule::SpamBurst)
    };
    assert_eq!(burst(10), None);
    assert_eq!(burst(11), Some((55.0, Severity::Low)));
    assert_eq!(burst(16), Some((80.0, Severity::Medium)));
    assert_eq!(burst(31), Some((100.0, Severity::High)));
    assert_eq!(burst(51), Some((100.0, Severity::Critical)));
    let equal = |n| {
        let facts = Facts {
            most_equal_texts: n,
            ..CLEAN
        };
        confidence(facts, Rule::Duplicate)
    };
    assert_eq!(equal(2), None);
    assert_eq!(equal(3), Some((60.0, Severity::Medium)));
    assert_eq!(equal(5), Some((100.0, Severity::High)));
    let pauses = |equal, all| {
        let facts = Facts {
            equal_pauses: [equal, all],
            ..CLEAN
        };
        confidence(facts, Rule::Timer).map(|(confidence, _)| confidence)
    };
    assert_eq!(pauses(5, 5), None);
    assert_eq!(pauses(6, 8), Some(75.0));
}

#[test]
fn hints_add_up_and_trust_halves_them() {
    let facts = Facts {
        most_in_a_minute: 25,
        most_equal_texts: 9,
        ..CLEAN
    };
    let of = |reputation| {
        let account = Account {
            reputation,
            ..Account::default()
        };
        judge(&facts, &account).score
    };
    let plain = of(None);
    // 1 - (1 - 0.6) (1 - 0.7)
    assert!((plain - 88.0).abs() < 1e-9, "{plain}");
    assert!((of(Some(720.0)) - 44.0).abs() < 1e-9);
    assert!(of(Some(320.0)) > plain);
}

#[test]
fn a_community_is_scored_by_its_four_parts() {
    let counts = CommunityCounts {
        active_members: 400,
        alerted_members: Some(8),
        health: Some(80.0),
        engagement: Some(60.0),
        messages: 1_000,
        violations: Some(10),
        active_today: 100,
        conspicuous_today: Some(2),
    };
    let score = community_score(&counts);
    assert_eq!(
        score.components,
        [
            (Component::BadActor, Some(90)),
            (Component::Reputation, Some(74)),
            (Component::Security, Some(90)),
            (Component::AiBehavioral, Some(80)),
        ]
    );
    // 27 + 18.5 + 18 + 20
    assert_eq!(score.overall, Some(84));
    assert_eq!((score.grade, score.size), (Some(Grade::B), Size::Medium));
}

#[test]
fn what_is_not_known_is_left_out_and_not_made_up() {
    let counts = CommunityCounts {
        active_members: 20,
        alerted_members: Some(0),
        ..CommunityCounts::default()
    };
    let score = community_score(&counts);
    assert_eq!(score.overall, None, "one part is no picture of a community");
    let two = CommunityCounts {
        messages: 100,
        violations: Some(5),
        ..counts
    };
    // 30 of 100 and 20 of 50.
    assert_eq!(community_score(&two).overall, Some(80));
    assert_eq!(score.size, Size::Small);
    let unknown = score.components.iter().filter(|(_, score)| score.is_none());
    assert_eq!(unknown.count(), 3);
    assert_eq!(community_score(&CommunityCounts::default()).overall, None);
}

#[test]
fn grades_and_sizes_change_at_their_bounds() {
    let grades = [100, 90, 89, 80, 79, 70, 69, 60, 59, 0].map(|score| Grade::of(score).as_str());
    assert_eq!(grades.concat(), "AABBCCDDFF");
    assert_eq!(Size::of(49), Size::Small);
    assert_eq!(Size::of(500), Size::Large);
}
