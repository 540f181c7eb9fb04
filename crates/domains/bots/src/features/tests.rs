//! What holds for every signal: streaming is batch, order does not matter, what is stored comes back.

use std::{collections::HashSet, fmt::Write as _};

use kernel::Timestamp;
use proptest::prelude::*;

use super::{
    Account, BadState, Community, Digest, MOST_SCENE_BYTES, MOST_STATE_BYTES, Message, SCHEMA,
    Scene, State, Vector,
};

/// One thing said: who, in which channel, how many seconds after the last, what, embeds, whether a reply.
type Said = (u8, u8, u32, String, u8, bool);

fn said() -> impl Strategy<Value = Vec<Said>> {
    let text = prop_oneof![
        "[a-z]{1,6}( [a-z]{1,6}){0,9}[.!?]?",
        Just(String::new()),
        Just("New review: ann; \"fix 17\" - https://example.org/r/17".to_owned()),
        Just("!help".to_owned()),
        Just("@ann: der Reiher steht am See".to_owned()),
        // More than half a byte counts.
        Just("#one ".repeat(20)),
        "\\PC{0,60}",
    ];
    prop::collection::vec(
        (
            0..4_u8,
            0..3_u8,
            prop_oneof![0..5_u32, 0..90_000_u32],
            text,
            0..2_u8,
            any::<bool>(),
        ),
        1..140,
    )
}

/// A community that was heard long enough for words and letters to be measured.
fn talkative() -> Scene {
    let mut scene = Scene::new();
    for n in 0..50 {
        let message = Message {
            text: &"morning evening ".repeat(60),
            sent_at: Timestamp::from_secs(1_690_000_000 + n * 60),
            channel: 9,
            n_mentions: 0,
            n_embeds: 0,
            is_reply: false,
        };
        scene.hear(9, &message);
    }
    scene
}

fn hear(scene: &mut Scene, at: &mut i64, said: &Said) -> Digest {
    let (who, channel, after, text, embeds, reply) = said;
    *at += i64::from(*after);
    scene.hear(
        u64::from(*who),
        &Message {
            text,
            sent_at: Timestamp::from_secs(*at),
            channel: u64::from(*channel),
            n_mentions: u32::from(*embeds),
            n_embeds: u32::from(*embeds),
            is_reply: *reply,
        },
    )
}

fn bits(vector: &Vector) -> Vec<u32> {
    vector
        .values()
        .iter()
        .map(|value| value.to_bits())
        .collect()
}

fn vector(state: &State, hours: [f32; 24]) -> Vector {
    let community = Community {
        members: 40,
        messages_per_day: 300.0,
        hours,
        ..Community::default()
    };
    let now = state.last_at().unwrap_or_default();
    state.vector(now, &Account::default(), &community)
}

proptest! {
    // A case is a whole conversation.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn streaming_with_restarts_gives_the_same_vectors_bit_for_bit_as_recomputing(said in said()) {
        // Streaming: everything is stored and read back between two messages.
        let mut scene = talkative().to_bytes();
        let mut streamed = vec![State::new().to_bytes(); 4];
        let mut at = 1_700_000_000;
        for one in &said {
            let mut now = Scene::from_bytes(&scene).unwrap();
            let digest = hear(&mut now, &mut at, one);
            scene = now.to_bytes();
            let mut state = State::from_bytes(&streamed[usize::from(one.0)]).unwrap();
            state.observe(&digest);
            streamed[usize::from(one.0)] = state.to_bytes();
            prop_assert!(scene.len() <= MOST_SCENE_BYTES);
            prop_assert!(streamed[usize::from(one.0)].len() <= MOST_STATE_BYTES);
        }
        // Batch: one pass over all messages.
        let mut batch_scene = talkative();
        let mut batch = vec![State::new(); 4];
        let mut at = 1_700_000_000;
        for one in &said {
            let digest = hear(&mut batch_scene, &mut at, one);
            batch[usize::from(one.0)].observe(&digest);
        }
        prop_assert_eq!(batch_scene.to_bytes(), scene);
        for (state, bytes) in batch.iter().zip(&streamed) {
            let read = State::from_bytes(bytes).unwrap();
            prop_assert_eq!(
                bits(&vector(&read, batch_scene.hours())),
                bits(&vector(state, batch_scene.hours()))
            );
        }
    }

    #[test]
    fn the_order_of_observing_does_not_matter(said in said(), seed in any::<u64>()) {
        let mut scene = Scene::new();
        let mut at = 1_700_000_000;
        let digests: Vec<Digest> = said.iter().map(|one| hear(&mut scene, &mut at, one)).collect();
        let mut shuffled = digests.clone();
        shuffled.sort_by_key(|digest| digest.simhash.rotate_left(7) ^ seed ^ u64::from(digest.gap));
        let (mut one, mut other) = (State::new(), State::new());
        for digest in &digests {
            one.observe(digest);
        }
        for digest in &shuffled {
            other.observe(digest);
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn two_accounts_of_one_person_merge_into_what_one_account_would_have_been(said in said()) {
        let mut scene = Scene::new();
        let mut at = 1_700_000_000;
        let (mut whole, mut a, mut b) = (State::new(), State::new(), State::new());
        for one in &said {
            let digest = hear(&mut scene, &mut at, one);
            whole.observe(&digest);
            if one.0 < 2 { a.observe(&digest) } else { b.observe(&digest) }
        }
        a.merge(&b);
        prop_assert_eq!(whole, a);
    }

    #[test]
    fn damaged_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = State::from_bytes(&bytes);
        let _ = Scene::from_bytes(&bytes);
        let mut state = State::new();
        state.observe(&Digest::alone(&Message {
            text: "hello there", sent_at: Timestamp::from_secs(1), channel: 1, n_mentions: 0, n_embeds: 0, is_reply: false,
        }));
        let whole = state.to_bytes();
        prop_assert!(State::from_bytes(&whole[..whole.len() - 1]).is_err());
    }
}

#[test]
fn an_account_that_never_spoke_has_no_numbers_made_up_for_it() {
    let vector = State::new().vector(
        Timestamp::from_secs(1_700_000_000),
        &Account::default(),
        &Community::default(),
    );
    assert_eq!(vector.values().len(), SCHEMA.columns().len());
    for (column, value) in SCHEMA.columns().iter().zip(vector.values()) {
        let known = matches!(column.name.as_str(), "messages_known" | "community_members");
        assert_eq!(value.is_nan(), !known, "{}", column.name);
    }
}

#[test]
fn every_signal_has_its_own_name_and_says_what_it_means() {
    let mut names = HashSet::new();
    for signal in SCHEMA.signals() {
        assert!(names.insert(signal.name), "{} is there twice", signal.name);
        for text in [
            signal.meaning,
            signal.range,
            signal.empty,
            signal.high,
            signal.low,
        ] {
            assert!(!text.is_empty(), "{}", signal.name);
            assert!(!text.contains('|'), "{} would break the table", signal.name);
        }
    }
    assert_eq!(SCHEMA.len(), names.len());
}

#[test]
fn times_without_seconds_do_not_make_anybody_fast() {
    // The same conversation, once with the seconds cut off.
    let talk = |coarse: bool| {
        let mut scene = Scene::new();
        let mut state = State::new();
        for n in 0..60_i64 {
            let mut at = 1_700_000_040 + n * 20;
            if coarse {
                at -= at % 60;
            }
            let digest = scene.hear(
                u64::try_from(n % 2).unwrap(),
                &Message {
                    text: "an answer that takes a person a while to type, really",
                    sent_at: Timestamp::from_secs(at),
                    channel: 1,
                    n_mentions: 0,
                    n_embeds: 0,
                    is_reply: false,
                },
            );
            if n % 2 == 0 {
                state.observe(&digest);
            }
        }
        vector(&state, scene.hours())
    };
    let (fine, coarse) = (talk(false), talk(true));
    for name in ["types_too_fast", "answers_too_fast"] {
        assert_eq!(fine.get(name), Some(0.0), "{name}");
        assert_eq!(coarse.get(name), Some(0.0), "{name}");
    }
    assert_eq!(fine.get("interval_median"), coarse.get("interval_median"));
}

#[test]
fn three_invented_accounts_have_the_vectors_they_always_had() {
    // A person, a bot that posts every hour, a bot that answers commands. All times have seconds.
    let mut scene = Scene::new();
    let mut states = [State::new(), State::new(), State::new()];
    let mut say = |who: usize, secs: i64, text: &str, n_embeds: u32| {
        let digest = scene.hear(
            u64::try_from(who).unwrap(),
            &Message {
                text,
                sent_at: Timestamp::from_secs(1_700_000_000 + secs),
                channel: 1,
                n_mentions: 0,
                n_embeds,
                is_reply: false,
            },
        );
        states[who].observe(&digest);
    };
    let person = [
        "good morning everyone :)",
        "!rank",
        "Did anybody see the match yesterday??",
        "@bea no, I was asleep... but it sounds great 😀",
        "https://example.org/news/17 look at this",
        "sooo tired",
    ];
    for hour in 0..12_i64 {
        let at = hour * 3_600;
        let minute = usize::try_from(hour).unwrap();
        say(
            1,
            at,
            &format!("Now playing: song {hour} - https://radio.example/{hour}"),
            0,
        );
        let text = person[minute % person.len()];
        say(0, at + 431 + hour * hour * 7, text, 0);
        if text.starts_with('!') {
            say(2, at + 432 + hour * hour * 7, "", 1);
        }
    }
    let hours = scene.hours();
    let vectors = states.map(|state| vector(&state, hours));
    let mut table = String::new();
    for (place, signal) in SCHEMA.signals().enumerate() {
        let values: Vec<String> = vectors
            .iter()
            .map(|vector| format!("{:>10.5}", vector.measured()[place]))
            .collect();
        let _ = writeln!(table, "{:<24}{}", signal.name, values.concat());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_three_accounts_say_is_a_chorus_and_what_two_friends_say_is_none() {
    let timed = |said: &[(u64, i64)]| {
        let mut scene = Scene::new();
        let mut state = State::new();
        for (speaker, at) in said {
            let digest = scene.hear(
                *speaker,
                &Message {
                    text: "what a lovely evening this is",
                    sent_at: Timestamp::from_secs(1_700_000_000 + at),
                    channel: 1,
                    n_mentions: 0,
                    n_embeds: 0,
                    is_reply: false,
                },
            );
            if *speaker == 3 {
                state.observe(&digest);
            }
        }
        state.facts().most_in_chorus
    };
    let heard = |speakers: &[u64], pause: i64| {
        let said: Vec<(u64, i64)> = (0..)
            .zip(speakers)
            .map(|(place, speaker)| (*speaker, place * pause))
            .collect();
        timed(&said)
    };
    assert_eq!(heard(&[1, 2, 3, 3], 60), 2);
    assert_eq!(heard(&[1, 1, 3, 3, 1, 3], 60), 0, "only one other");
    assert_eq!(heard(&[1, 2, 3], 601), 0, "not within ten minutes");
    assert_eq!(heard(&[1, 2, 3, 1, 2, 3], 1), 2);
    // Both times after the same two, an hour and a second between, or just the hour.
    assert_eq!(
        timed(&[(1, 0), (2, 1), (3, 2), (1, 3_600), (2, 3_601), (3, 3_603)]),
        1
    );
    assert_eq!(
        timed(&[(1, 0), (2, 1), (3, 2), (1, 3_600), (2, 3_601), (3, 3_602)]),
        2
    );
}

#[test]
fn what_was_before_an_instant_is_no_fact_of_later() {
    let mut state = State::new();
    let mut say = |at: i64| {
        let message = Message {
            text: "quack quack quack",
            sent_at: Timestamp::from_secs(at),
            channel: 1,
            n_mentions: 0,
            n_embeds: 0,
            is_reply: false,
        };
        state.observe(&Digest::alone(&message));
    };
    for second in 0..12 {
        say(1_000 + second);
    }
    say(90_000);
    let of = |since| {
        let facts = state.facts_since(Timestamp::from_secs(since));
        (
            facts.n_messages,
            facts.most_in_a_minute,
            facts.most_equal_texts,
        )
    };
    assert_eq!(of(0), (13, 12, 12));
    assert_eq!(of(1_010), (3, 2, 2));
    assert_eq!(of(90_000), (1, 1, 1));
}

/// One account's state after a conversation: who said what, how many seconds after the begin, whether as a reply.
fn heard(said: &[(u64, i64, &str, bool)], whose: u64) -> Vector {
    let mut scene = Scene::new();
    let mut state = State::new();
    for (speaker, at, text, is_reply) in said {
        let digest = scene.hear(
            *speaker,
            &Message {
                text,
                sent_at: Timestamp::from_secs(1_700_000_000 + at),
                channel: 1,
                n_mentions: 0,
                n_embeds: 0,
                is_reply: *is_reply,
            },
        );
        if *speaker == whose {
            state.observe(&digest);
        }
    }
    vector(&state, scene.hours())
}

#[test]
fn an_exchange_lasts_until_a_third_speaks_or_nobody_for_ten_minutes() {
    let depth = |said: &[(u64, i64)]| {
        let said: Vec<_> = said
            .iter()
            .map(|(who, at)| (*who, *at, "well, yes", false))
            .collect();
        let last = said.last().unwrap().0;
        heard(&said, last).get("exchange_depth")
    };
    assert_eq!(depth(&[(1, 0)]), Some(0.0));
    assert_eq!(depth(&[(1, 0), (2, 5)]), Some(1.0));
    // Its second message goes on: that is no turn.
    let talk = [(2, 0), (1, 1), (1, 2), (2, 3), (1, 4)];
    assert_eq!(depth(&talk), Some(4.0 / 3.0), "2, 2 and 4 turns");
    let third = [(1, 0), (2, 1), (1, 2), (3, 3)];
    assert_eq!(depth(&third), Some(1.0), "a third and the one before it");
    let silence = [(2, 0), (1, 1), (2, 2), (1, 700)];
    assert_eq!(depth(&silence), Some(0.5), "the second time it opens");
}

#[test]
fn who_is_turned_to_is_answered_and_by_how_many() {
    let said = [
        (1, 0, "does anybody know how to fix the gate", false),
        (2, 10, "ann: with a hammer", false),
        (1, 20, "which one is that", false),
        (3, 30, "the big one", true),
        (1, 40, "is there another", false),
        (4, 50, "sunny today", false),
        (1, 60, "so it is", false),
        (2, 300, "@ann much too late", false),
        (1, 310, "true", false),
        (4, 311, "@ann here you are", false),
        (1, 320, "thanks", false),
    ];
    let vector = heard(&said, 1);
    // Of the five before its last: the first, the second and the fifth. After the fourth more than two minutes passed.
    assert_eq!(vector.get("answered_share"), Some(0.6));
    assert_eq!(vector.get("answerers"), Some(1.0));
    assert_eq!(
        heard(&said, 3).get("answered_share").map(f32::is_nan),
        Some(true)
    );
}

#[test]
fn another_language_and_gibberish_surprise_and_who_mixes_them_varies() {
    let usual = [
        "has anybody seen the heron at the lake today",
        "what are we having for dinner tonight, something with beans?",
        "the morning was cold and it rained on the way home",
        "who wants to play another round later in the evening",
    ];
    let of = |own: &[&str]| {
        let mut said = Vec::new();
        for n in 0..700_i64 {
            let place = usize::try_from(n).unwrap();
            said.push((2, n * 60, usual[place % usual.len()], false));
        }
        for n in 0..8_i64 {
            let place = usize::try_from(n).unwrap();
            said.push((1, 42_000 + n * 60, own[place % own.len()], false));
        }
        let vector = heard(&said, 1);
        ["letter_surprise", "letter_surprise_spread"].map(|name| vector.get(name).unwrap())
    };
    let english = of(&[
        "is the heron at home today",
        "it was a cold evening at the lake",
    ]);
    let german = of(&["gestern abend hat jemand meinen schlüssel mitgenommen"]);
    let gibberish = of(&["xqzv wkjq zzxv qwrtp vbnkq"]);
    let mixed = of(&["is the heron at home today", "xqzv wkjq zzxv qwrtp vbnkq"]);
    assert!(english[0] + 1.0 < german[0], "{english:?} {german:?}");
    assert!(german[0] < gibberish[0], "{german:?} {gibberish:?}");
    assert!(english[1] + 0.5 < mixed[1], "{english:?} {mixed:?}");
}

#[test]
fn a_state_and_a_scene_of_the_version_before_are_refused() {
    let mut state = State::new().to_bytes();
    let mut scene = Scene::new().to_bytes();
    assert!(State::from_bytes(&state).is_ok() && Scene::from_bytes(&scene).is_ok());
    state[0] = 1;
    scene[0] = 1;
    assert_eq!(State::from_bytes(&state), Err(BadState::Earlier));
    assert_eq!(Scene::from_bytes(&scene).err(), Some(BadState::Earlier));
    state[0] = 200;
    assert_eq!(
        State::from_bytes(&state),
        Err(BadState::Damaged),
        "a later one"
    );
    // Too short for a version, and of this one but cut off.
    let cut = State::new().to_bytes();
    assert_eq!(State::from_bytes(&cut[..1]), Err(BadState::Damaged));
    assert_eq!(State::from_bytes(&cut[..9]), Err(BadState::Damaged));
}

#[test]
fn the_reference_is_current() {
    let committed = include_str!("../../../../../docs/reference/features.md");
    assert!(
        committed == super::reference(),
        "run `cargo xtask codegen` and commit docs/reference/features.md"
    );
}

#[test]
fn norms_say_how_far_from_the_median_member_somebody_is() {
    use super::Norms;
    let scored = |length: usize| {
        let mut scene = Scene::new();
        let mut state = State::new();
        for n in 0..10_i64 {
            let text = "a".repeat(length + usize::try_from(n % 3).unwrap());
            state.observe(&scene.hear(
                1,
                &Message {
                    text: &text,
                    sent_at: Timestamp::from_secs(1_700_000_000 + n * 600),
                    channel: 1,
                    n_mentions: 0,
                    n_embeds: 0,
                    is_reply: false,
                },
            ));
        }
        vector(&state, scene.hours())
    };
    let members: Vec<Vector> = (0..60).map(|n| scored(20 + n % 5)).collect();
    let norms = Norms::of(&members);
    let read = Norms::from_text(&norms.to_text());
    assert_eq!(read.members(), 60);
    let near = scored(22)
        .against(&read, 10)
        .get("length_typical_here")
        .unwrap();
    let far = scored(400)
        .against(&read, 10)
        .get("length_typical_here")
        .unwrap();
    assert!(near.abs() < 1.0, "{near}");
    assert!(far > 5.0, "{far}");
    // Who has said little is not far from anybody.
    let unsure = scored(400)
        .against(&read, 1)
        .get("length_typical_here")
        .unwrap();
    assert!(unsure < far, "{unsure}");
}
