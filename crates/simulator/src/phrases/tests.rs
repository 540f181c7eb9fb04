//! What the grammar promises about any sentence.

use super::{Lexicon, Move};
use crate::{SmallTalk, dice::Key};
use std::collections::BTreeSet;

const TALKS: [SmallTalk; 4] = [
    SmallTalk::Games,
    SmallTalk::Podcast,
    SmallTalk::Study,
    SmallTalk::Workshop,
];
const MOVES: [Move; 15] = [
    Move::Greet,
    Move::Welcome,
    Move::Introduce,
    Move::Ask,
    Move::Answer,
    Move::Tell,
    Move::Agree,
    Move::Thank,
    Move::Joke,
    Move::Share,
    Move::Leave,
    Move::GreetRaid,
    Move::BotWelcome,
    Move::BotRemind,
    Move::Spam,
];

#[test]
fn every_slot_of_every_frame_is_known() {
    for talk in TALKS {
        let lexicon = Lexicon::of(talk);
        for kind in MOVES.into_iter().chain([Move::Hype, Move::Title]) {
            for frame in (lexicon.own)(kind).iter().chain((lexicon.common)(kind)) {
                for slot in frame.split('{').skip(1) {
                    let slot = slot.split_once('}').map(|(slot, _)| slot);
                    assert!(
                        matches!(
                            slot,
                            Some(
                                "topic"
                                    | "other"
                                    | "thing"
                                    | "quality"
                                    | "time"
                                    | "name"
                                    | "n"
                                    | "code"
                            )
                        ),
                        "{frame}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_move_has_words_in_every_community() {
    for talk in TALKS {
        let lexicon = Lexicon::of(talk);
        let mut dice = Key::root(1, "words").dice();
        for kind in MOVES {
            assert!(
                !lexicon.frame(&mut dice, kind, &[]).is_empty(),
                "{talk:?} {kind:?}"
            );
        }
    }
    for talk in [SmallTalk::Games, SmallTalk::Workshop] {
        let mut dice = Key::root(1, "words").dice();
        for kind in [Move::Hype, Move::Title] {
            assert!(!Lexicon::of(talk).frame(&mut dice, kind, &[]).is_empty());
        }
    }
}

#[test]
fn addresses_are_in_reserved_domains_only() {
    for talk in TALKS {
        let lexicon = Lexicon::of(talk);
        for kind in MOVES {
            for frame in (lexicon.own)(kind).iter().chain((lexicon.common)(kind)) {
                for address in frame.split("https://").skip(1) {
                    let host = address.split(['/', ' ']).next().unwrap();
                    let reserved = [".example.com", ".example.net", ".example.org", ".test"];
                    assert!(reserved.iter().any(|end| host.ends_with(end)), "{frame}");
                }
            }
        }
    }
}

#[test]
fn there_is_enough_to_say() {
    for talk in TALKS {
        let lexicon = Lexicon::of(talk);
        let mut dice = Key::root(4, "variety").dice();
        let mut texts = BTreeSet::new();
        for _ in 0..4_000 {
            for kind in [Move::Ask, Move::Answer, Move::Tell] {
                let topic = dice.favourite(lexicon.topics);
                let frame = lexicon.frame(&mut dice, kind, &[]);
                texts.insert(lexicon.sentence(&mut dice, frame, topic, "Ada"));
            }
        }
        assert!(texts.len() > 2_000, "{talk:?}: {}", texts.len());
    }
}
