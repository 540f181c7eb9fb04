use super::Deltas;
use identity::Resolved;
use kernel::{
    Account, AccountId, ChatEvent, CommunityId, EventKind, Origin, Platform, Source, Timestamp,
    UserId, event::Message,
};
use proptest::prelude::*;

fn event(secs: i64, kind: EventKind) -> ChatEvent {
    ChatEvent {
        platform: Platform::Discord,
        event_id: secs.to_string(),
        origin: Origin::default(),
        account: Account {
            platform_user_id: "1".into(),
            username: format!("ann{secs}"),
            ..Account::default()
        },
        sent_at: Timestamp::from_secs(secs),
        source: Source::Live,
        kind,
    }
}

fn who(n: i32) -> Resolved {
    Resolved {
        account: AccountId(n.into()),
        user: UserId(n),
    }
}

const DAY: i64 = 86_400;

#[test]
fn messages_count_by_day_and_hour_and_other_events_by_kind() {
    let mut deltas = Deltas::default();
    for (secs, kind) in [
        (DAY + 3_600, EventKind::Message(Message::default())),
        (DAY + 10, EventKind::Message(Message::default())),
        (DAY * 2, EventKind::Message(Message::default())),
        (DAY, EventKind::Join),
        (DAY, EventKind::Cheer { bits: 100 }),
        (DAY + 1, EventKind::Cheer { bits: 50 }),
    ] {
        deltas.add(CommunityId(7), &event(secs, kind), who(3));
    }
    let day = &deltas.days[&(7, 1, 3)];
    assert_eq!(
        (day.messages, day.first_at.secs(), day.last_at.secs()),
        (2, DAY + 10, DAY + 3_600)
    );
    assert_eq!(deltas.hours[&(7, 1, 1, 1)], 1);
    let cheers = &deltas.kinds[&(7, 1, 1, kernel::event::EventTag::Cheer.code())];
    assert_eq!((cheers.events, cheers.amount), (2, 150));
    let member = &deltas.members[&(7, 3)];
    assert_eq!(
        (
            member.messages,
            member.first_message_day,
            member.first_at.secs()
        ),
        (3, Some(1), DAY)
    );
    assert_eq!(member.name, "ann172800", "the newest name wins");
}

#[test]
fn a_stream_going_online_makes_nobody_a_member() {
    let mut deltas = Deltas::default();
    deltas.add(CommunityId(7), &event(0, EventKind::StreamOffline), who(3));
    assert!(deltas.members.is_empty());
    assert_eq!(deltas.kinds.len(), 1);
}

proptest! {
    #[test]
    fn the_order_of_events_does_not_matter(mut secs in proptest::collection::vec(0_i64..DAY * 3, 1..40)) {
        let fold = |secs: &[i64]| {
            let mut deltas = Deltas::default();
            for s in secs {
                let person = i32::try_from(s % 3).unwrap();
                deltas.add(CommunityId(1), &event(*s, EventKind::Message(Message::default())), who(person));
            }
            deltas
        };
        let forward = fold(&secs);
        secs.reverse();
        prop_assert_eq!(forward, fold(&secs));
    }
}
