//! Suspicious patterns: found where they are, said to moderators only, and never more than said.

use std::time::Duration;

use activity::{ActivityError, Evidence, Incoming, Pattern, Suspicion, SuspicionState};
use identity::Adjustment;
use kernel::{
    Actor, Clock, CommunityId, EventKind, PageRequest, Role, Timestamp,
    event::{Moderation, ModerationAction},
};
use testkit::{Person, World, on_both};

use super::links::{link, seated, sign_in};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// A community in which somebody was first seen long enough ago.
async fn settled(world: &mut World) -> CommunityId {
    let pond = world.community("Pond").await;
    world.say(pond, "olga", "quack").await;
    world.clock.advance(3 * DAY);
    pond
}

async fn look(world: &World) -> u64 {
    world.clock.advance(Duration::from_secs(3_600));
    world.app.activity.watch().await.unwrap()
}

async fn flags(
    world: &World,
    community: CommunityId,
    state: Option<SuspicionState>,
) -> Vec<Suspicion> {
    let page = PageRequest::first(100);
    let activity = &world.app.activity;
    let found = activity
        .suspicions(&world.system(), community, state, &page)
        .await;
    found.unwrap().items
}

/// Newcomers whose accounts were made some days ago, one a minute.
async fn arrive(world: &mut World, community: CommunityId, names: &[&str], days: u32) {
    for name in names {
        let mut event = world.event(name, EventKind::Join);
        event.account.created_at = Some(world.clock.now().minus(DAY * days));
        world.record(vec![Incoming { community, event }]).await;
        world.clock.advance(MINUTE);
    }
}

async fn punish(world: &mut World, community: CommunityId, name: &str, action: ModerationAction) {
    let event = world.event(
        name,
        EventKind::Moderation(Moderation {
            action,
            moderator: None,
            reason: String::new(),
            duration_secs: None,
        }),
    );
    world.record(vec![Incoming { community, event }]).await;
}

/// Somebody who signs in with their account on Discord.
async fn somebody(world: &mut World, community: CommunityId, name: &str) -> Person {
    let person = world.person(community, name, Some(Role::Member)).await;
    sign_in(world, "discord", &format!("id-{name}"))
        .await
        .unwrap();
    Person {
        user: person.user,
        actor: world.actor_of(person.user).await,
    }
}

/// What no flag may change.
async fn consequences(world: &World) -> Vec<Vec<String>> {
    let mut dump = world.dump().await;
    let kept = [
        "membership",
        "reputation",
        "reputation_event",
        "delivery",
        "platform_account",
    ];
    kept.map(|table| dump.remove(table).unwrap()).into()
}

const RAIDERS: [&str; 5] = ["raider_1", "raider_2", "raider_3", "raider_4", "raider_5"];

on_both! {
    async fn where_nothing_happens_nothing_is_flagged(world: World) {
        world.community("Empty").await;
        let pond = settled(&mut world).await;
        somebody(&mut world, pond, "ann").await;
        arrive(&mut world, pond, &["bob", "cat", "duck1", "duck2"], 1).await;
        assert_eq!(look(&world).await, 0);
        assert!(flags(&world, pond, None).await.is_empty());
    }

    async fn handles_that_differ_by_a_number_are_one_flag_however_often_it_is_looked(world: World) {
        let pond = settled(&mut world).await;
        // Made long ago, an hour apart: only the handles are alike.
        for name in RAIDERS {
            arrive(&mut world, pond, &[name], 400).await;
            world.clock.advance(MINUTE * 60);
        }
        let before = consequences(&world).await;
        assert_eq!(look(&world).await, 1);
        let first = flags(&world, pond, None).await;
        assert_eq!(first[0].evidence, Evidence::SharedHandles { people: 5 });
        assert_eq!((first[0].n_accounts, first[0].accounts.len()), (5, 5));
        arrive(&mut world, pond, &["raider_6"], 400).await;
        assert_eq!(look(&world).await, 1);
        let again = flags(&world, pond, None).await;
        assert_eq!((again.len(), again[0].id, again[0].first_seen_at), (1, first[0].id, first[0].first_seen_at));
        assert!(again[0].last_seen_at > first[0].last_seen_at);
        assert_eq!((again[0].evidence, again[0].n_accounts), (Evidence::SharedHandles { people: 6 }, 6));
        let mut after = consequences(&world).await;
        let last = before.len() - 1;
        after[last].retain(|row| !row.contains("raider_6"));
        assert_eq!(after, before, "nobody is banned or scored by it");
        let stored = world.dump().await;
        assert!(!stored["suspicion"].iter().any(|row| row.contains("raider")), "no names in it");
    }

    async fn young_accounts_that_come_at_once_are_flagged_and_a_quiet_evening_is_not(world: World) {
        let pond = settled(&mut world).await;
        let strangers = ["ant", "bee", "cow", "dog", "eel"];
        arrive(&mut world, pond, &strangers[..4], 2).await;
        assert_eq!(look(&world).await, 0, "four");
        let lake = world.community("Lake").await;
        world.say(lake, "olga", "quack").await;
        arrive(&mut world, lake, &strangers, 2).await;
        assert_eq!(look(&world).await, 0, "on a community's first day everybody is new");
        world.clock.advance(3 * DAY);
        arrive(&mut world, lake, &["fox", "gnu", "hen", "ibis", "jay"], 2).await;
        assert_eq!(look(&world).await, 1);
        let found = flags(&world, lake, None).await;
        let Evidence::SharedTiming { people, young, .. } = found[0].evidence else {
            panic!("{found:?}");
        };
        assert_eq!((people, young), (5, 5));
        assert!(flags(&world, pond, None).await.is_empty(), "each community for itself");
        assert_eq!(look(&world).await, 1);
        assert_eq!(flags(&world, lake, None).await.len(), 1, "the same window again");
    }

    async fn who_links_a_new_account_to_one_that_was_banned_here_is_flagged_here_only(world: World) {
        let pond = settled(&mut world).await;
        let lake = world.community("Lake").await;
        let ann = somebody(&mut world, pond, "ann").await;
        world.say(lake, "ann", "quack").await;
        punish(&mut world, pond, "ann", ModerationAction::Ban).await;
        assert_eq!(look(&world).await, 0, "one account is nothing new");
        link(&world, &ann, "discord", "id-second").await.unwrap();
        assert_eq!(look(&world).await, 1);
        let found = flags(&world, pond, None).await;
        let Evidence::KnownBad { bans, timeouts, .. } = found[0].evidence else {
            panic!("{found:?}");
        };
        assert_eq!((found[0].pattern(), bans, timeouts, found[0].n_accounts), (Pattern::KnownBad, 1, 0, 2));
        assert!(found[0].evidence.sentence().contains("banned once here"));
        assert!(flags(&world, lake, None).await.is_empty(), "what one place did is not the other's to know");
        let mine = world.app.activity.suspicions_of(&world.system(), pond, ann.user).await.unwrap();
        assert_eq!(mine, found);
        assert!(world.app.activity.suspicions_of(&world.system(), lake, ann.user).await.unwrap().is_empty());
        let roles = world.app.identity.roles(&world.system(), pond, &[ann.user]).await.unwrap();
        assert_eq!(roles[&ann.user], Role::Member, "nobody is banned by it");
    }

    async fn a_low_score_or_three_time_outs_are_known_bad_and_old_links_are_not(world: World) {
        let pond = settled(&mut world).await;
        let (ann, bob) = (somebody(&mut world, pond, "ann").await, somebody(&mut world, pond, "bob").await);
        let low = Adjustment { points: -150, note: "spam".to_owned(), key: "a".to_owned() };
        world.app.activity.adjust_reputation(&world.system(), pond, ann.user, &low).await.unwrap();
        for (who, code) in [(&ann, "id-ann2"), (&bob, "id-bob2")] {
            link(&world, who, "discord", code).await.unwrap();
        }
        assert_eq!(look(&world).await, 1);
        for _ in 0..3 {
            punish(&mut world, pond, "bob", ModerationAction::Timeout).await;
        }
        assert_eq!(look(&world).await, 2);
        world.clock.advance(20 * DAY);
        assert_eq!(look(&world).await, 0, "links of three weeks ago are not fresh");
        assert_eq!(flags(&world, pond, None).await.len(), 2, "what was found is kept");
    }

    async fn many_links_by_one_person_and_by_many_at_once_are_flagged(world: World) {
        let pond = settled(&mut world).await;
        let ann = somebody(&mut world, pond, "ann").await;
        for n in 0..4 {
            link(&world, &ann, "discord", &format!("id-more-{n}")).await.unwrap();
        }
        assert_eq!(look(&world).await, 1);
        let found = flags(&world, pond, None).await;
        assert_eq!(found[0].evidence, Evidence::LinkBurst { links: 5 });
        // Past midnight, so that it is an hour of its own.
        world.clock.advance(DAY);
        for n in 0..15 {
            somebody(&mut world, pond, &format!("member-no{n}-x")).await;
        }
        look(&world).await;
        let found = flags(&world, pond, None).await;
        let many = found.iter().find(|one| one.pattern() == Pattern::CommunityLinks).unwrap();
        assert_eq!(many.evidence, Evidence::CommunityLinks { people: 15, links: 15 });
        assert_eq!((many.n_accounts, many.accounts.len()), (15, 10));
    }

    async fn a_decision_survives_finding_it_again_is_audited_and_can_be_taken_back(world: World) {
        let pond = settled(&mut world).await;
        let lake = world.community("Lake").await;
        arrive(&mut world, pond, &RAIDERS, 400).await;
        look(&world).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let id = flags(&world, pond, None).await[0].id;
        let activity = world.app.activity.clone();
        let decide = async |actor: &Actor, community, state| {
            activity.decide_suspicion(actor, community, id, state).await
        };
        for _ in 0..2 {
            decide(&mo.actor, pond, SuspicionState::Dismissed).await.unwrap();
        }
        look(&world).await;
        let dismissed = flags(&world, pond, Some(SuspicionState::Dismissed)).await;
        assert_eq!((dismissed.len(), dismissed[0].decided_by), (1, Some(mo.user)));
        assert!(flags(&world, pond, Some(SuspicionState::Open)).await.is_empty());
        let refused = decide(&mo.actor, pond, SuspicionState::Confirmed).await;
        assert!(matches!(refused, Err(ActivityError::Invalid(_))), "{refused:?}");
        let elsewhere = decide(&world.system(), lake, SuspicionState::Open).await;
        assert!(matches!(elsewhere, Err(ActivityError::NotFound)), "{elsewhere:?}");
        decide(&mo.actor, pond, SuspicionState::Open).await.unwrap();
        let open = flags(&world, pond, Some(SuspicionState::Open)).await;
        assert_eq!((open[0].decided_by, open[0].decided_at), (None, None));
        decide(&mo.actor, pond, SuspicionState::Confirmed).await.unwrap();
        let written = "SELECT COUNT(*) FROM audit WHERE action = 'suspicion.decide'";
        assert_eq!(world.number(written).await, 3);
    }

    async fn of_many_who_decide_at_once_exactly_one_does(world: World) {
        let pond = settled(&mut world).await;
        arrive(&mut world, pond, &RAIDERS, 400).await;
        look(&world).await;
        let id = flags(&world, pond, None).await[0].id;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let mut all = tokio::task::JoinSet::new();
        for n in 0..20 {
            let (activity, actor) = (world.app.activity.clone(), mo.actor.clone());
            let state = if n % 2 == 0 { SuspicionState::Dismissed } else { SuspicionState::Confirmed };
            all.spawn(async move { activity.decide_suspicion(&actor, pond, id, state).await });
        }
        while let Some(answer) = all.join_next().await {
            let answer = answer.unwrap();
            assert!(matches!(answer, Ok(()) | Err(ActivityError::Invalid(_))), "{answer:?}");
        }
        let written = "SELECT COUNT(*) FROM audit WHERE action = 'suspicion.decide'";
        assert_eq!(world.number(written).await, 1);
    }

    async fn flags_follow_their_accounts_through_a_merge_and_vanish_with_an_erased_person(world: World) {
        let pond = settled(&mut world).await;
        let ann = somebody(&mut world, pond, "ann").await;
        let bob = somebody(&mut world, pond, "bob").await;
        punish(&mut world, pond, "bob", ModerationAction::Ban).await;
        link(&world, &bob, "discord", "id-bob2").await.unwrap();
        look(&world).await;
        let activity = world.app.activity.clone();
        let of = async |person: &Person| {
            activity.suspicions_of(&Actor::System("test"), pond, person.user).await.unwrap().len()
        };
        assert_eq!((of(&ann).await, of(&bob).await), (0, 1));
        let root = world.admin("root").await;
        let identity = world.app.identity.clone();
        let id = identity.request_merge(&root.actor, ann.user, bob.user).await.unwrap();
        for (who, side) in [(&ann, identity::MergeSide::Kept), (&bob, identity::MergeSide::Merged)] {
            let session = seated(&world, who).await;
            identity.confirm_merge(&who.actor, session, None, id, side).await.unwrap();
        }
        assert_eq!((of(&ann).await, of(&bob).await), (1, 0), "it is about the accounts");
        let session = seated(&world, &ann).await;
        identity.undo_merge(&ann.actor, session, None, id).await.unwrap();
        assert_eq!((of(&ann).await, of(&bob).await), (0, 1));

        let bob = Person { user: bob.user, actor: world.actor_of(bob.user).await };
        let session = seated(&world, &bob).await;
        identity.request_erasure(&bob.actor, session, None).await.unwrap();
        world.clock.advance(15 * DAY);
        assert_eq!(world.app.tend_privacy().await.unwrap(), 1);
        for table in ["suspicion", "suspicion_account"] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
    }

    async fn who_is_erased_leaves_a_flag_about_others_behind(world: World) {
        let pond = settled(&mut world).await;
        arrive(&mut world, pond, &RAIDERS, 400).await;
        look(&world).await;
        let mo = somebody(&mut world, pond, "mo").await;
        let user = world.user_of(pond, "raider_3").await;
        let system = world.system();
        world.app.identity.set_role(&system, pond, mo.user, Some(Role::Moderator)).await.unwrap();
        let judge = world.actor_of(mo.user).await;
        let id = flags(&world, pond, None).await[0].id;
        world.app.activity.decide_suspicion(&judge, pond, id, SuspicionState::Confirmed).await.unwrap();
        world.sql(&format!("UPDATE users SET claimed_at = 1 WHERE id = {user}")).await;
        for who in [Person { user, actor: world.actor_of(user).await }, mo] {
            let session = seated(&world, &who).await;
            world.app.identity.request_erasure(&who.actor, session, None).await.unwrap();
        }
        world.clock.advance(15 * DAY);
        assert_eq!(world.app.tend_privacy().await.unwrap(), 2);
        let left = flags(&world, pond, Some(SuspicionState::Confirmed)).await;
        assert_eq!((left[0].n_accounts, left[0].decided_by), (4, None));
    }

    async fn old_flags_are_forgotten(world: World) {
        let pond = settled(&mut world).await;
        arrive(&mut world, pond, &RAIDERS, 400).await;
        look(&world).await;
        world.clock.advance(89 * DAY);
        look(&world).await;
        assert_eq!(flags(&world, pond, None).await.len(), 1);
        world.clock.advance(2 * DAY);
        look(&world).await;
        assert!(flags(&world, pond, None).await.is_empty());
        assert_eq!(world.number("SELECT COUNT(*) FROM suspicion_account").await, 0);
    }

    async fn a_list_of_flags_goes_on_where_the_page_ended(world: World) {
        let pond = settled(&mut world).await;
        for n in 0..5 {
            world.sql(&format!(
                "INSERT INTO suspicion (community_id, pattern, subject, evidence, first_seen_at, last_seen_at, state) VALUES ({pond}, 4, 'account:{n}', '{{\"links\":5}}', 0, {}, 0)",
                n / 2
            )).await;
        }
        let (mut seen, mut page) = (Vec::new(), PageRequest::first(2));
        loop {
            let open = Some(SuspicionState::Open);
            let found = world.app.activity.suspicions(&world.system(), pond, open, &page).await.unwrap();
            seen.extend(found.items.iter().map(|one| (one.last_seen_at, one.id)));
            match found.next {
                Some(cursor) => page = PageRequest::after(cursor, 2),
                None => break,
            }
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.dedup();
        assert_eq!((seen.len(), &seen), (5, &sorted));
        assert_eq!(seen[0].0, Timestamp(2));
    }
}
