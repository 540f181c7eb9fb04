//! Which hosts a text links to, and whose word about a domain counts.

use std::collections::HashMap;

use kernel::Timestamp;

use super::{Links, above, hosts, judge};
use crate::{Cause, Correction, ListKind, Listable, Listed, Listing, Ruling};

const NOW: Timestamp = Timestamp::from_secs(400 * 86_400);

fn listed(kind: ListKind, days_ago: i64, ruling: Option<Ruling>) -> Listed {
    Listed {
        listings: vec![Listing {
            list: "phish".to_owned(),
            kind,
            platform: None,
            source: "https://example.org".to_owned(),
            reason: "steals".to_owned(),
            listed_at: Timestamp::from_secs((400 - days_ago) * 86_400),
            half_life_days: 100,
        }],
        correction: ruling.map(|ruling| Correction {
            what: Listable::Domain("any".to_owned()),
            ruling,
            reason: "ours".to_owned(),
            community: None,
            decided_by: None,
            decided_at: NOW,
            account: None,
        }),
    }
}

#[test]
fn the_host_of_a_link_is_found_however_it_is_dressed_up() {
    for text in [
        "free: https://evil.example/gift?x=1",
        "HTTPS://WWW.Evil.Example:8443",
        "[click](http://evil.example) now",
        "<https://evil.example|Steam gift>",
        "https://steamcommunity.com@evil.example/login",
        "go to www.evil.example, quick",
        "https://evil.example./",
        "https://evil.example\\@good.example",
    ] {
        assert_eq!(hosts(text), ["evil.example"], "{text}");
    }
    assert!(hosts("do not go to evil.example, ftp://evil.example, https://localhost").is_empty());
    assert_eq!(
        hosts("https://a.example https://b.example https://a.example"),
        ["a.example", "b.example"]
    );
    let many: Vec<String> = (0..100).map(|n| format!("https://e{n}.example")).collect();
    let many = many.join(" ");
    assert_eq!(hosts(&many).len(), super::LINKS_MAX);
}

#[test]
fn domains_above_a_host_count_but_not_the_last_part_alone() {
    assert_eq!(
        above("login.evil.example"),
        ["login.evil.example", "evil.example"]
    );
    assert_eq!(above("evil.example"), ["evil.example"]);
    let deep = format!("{}evil.example", "a.".repeat(60));
    let found = above(&deep);
    assert_eq!(
        (found.len(), found.first(), found.last()),
        (
            super::ABOVE_MAX,
            Some(&deep.as_str()),
            Some(&"evil.example")
        )
    );
}

#[test]
fn the_nearest_word_counts_people_before_lists_and_what_faded_not_at_all() {
    let of = |said: Vec<(&str, Listed)>| {
        let said: HashMap<Listable, Listed> = said
            .into_iter()
            .map(|(domain, listed)| (Listable::Domain(domain.to_owned()), listed))
            .collect();
        judge("login.evil.example", &said, NOW).map(|(domain, _)| domain.to_owned())
    };
    let dangerous = |days, ruling| listed(ListKind::Dangerous, days, ruling);
    assert_eq!(
        of(vec![("evil.example", dangerous(0, None))]).as_deref(),
        Some("evil.example")
    );
    assert_eq!(of(vec![("evil.example", dangerous(401, None))]), None);
    assert_eq!(of(vec![("other.example", dangerous(0, None))]), None);
    let own = ("login.evil.example", dangerous(0, None));
    assert_eq!(
        of(vec![
            own.clone(),
            ("evil.example", dangerous(0, Some(Ruling::Wrong)))
        ]),
        None
    );
    let right = ("login.evil.example", dangerous(0, Some(Ruling::Right)));
    let both = of(vec![
        right,
        ("evil.example", dangerous(0, Some(Ruling::Service))),
    ]);
    assert_eq!(both.as_deref(), Some("login.evil.example"));
}

#[test]
fn the_sentence_counts_names_what_cannot_be_clicked_and_says_who_listed_it() {
    let mut links = Links::default();
    links.add(
        "evil.example",
        1,
        &listed(ListKind::Suspicious, 0, None),
        NOW,
    );
    let mut why: Vec<Cause> = Vec::new();
    links.tell(&mut why);
    assert_eq!(
        why[0].sentence,
        "linked to a suspicious domain once (evil[.]example), listed by phish"
    );
    assert!(
        why[0].share.abs() < f64::EPSILON,
        "the model did not know of it"
    );
    for n in 0..4 {
        links.add(
            &format!("e{n}.example"),
            2,
            &listed(ListKind::Dangerous, 0, None),
            NOW,
        );
    }
    links.tell(&mut why);
    assert_eq!(why.len(), 1);
    let words = "linked to a phishing domain 9 times (e0[.]example, e1[.]example, e2[.]example, 2 more), listed by phish";
    assert_eq!((why[0].sentence.as_str(), links.n), (words, [8, 1]));
}
