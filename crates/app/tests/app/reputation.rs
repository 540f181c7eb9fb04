//! Reputation on real databases: what is counted, once and exactly, and what stays.

use std::{collections::BTreeMap, time::Duration};

use activity::{ActivityError, Incoming};
use identity::{Adjustment, BadgeKind, IdentityError, Reason, Score};
use kernel::{
    Actor, Clock, CommunityId, EventKind, PageRequest, Platform, Role, Source, UserId,
    event::{Moderation, ModerationAction},
};
use testkit::{Statements, World, message, on_both};

const DAY: Duration = Duration::from_hours(24);

async fn score(world: &World, community: CommunityId, user: UserId) -> Score {
    let system = world.system();
    let users = [user];
    let scores = world.app.activity.reputations(&system, community, &users);
    scores.await.unwrap()[&user]
}

fn talk(world: &mut World, community: CommunityId, name: &str, n: usize) -> Vec<Incoming> {
    let said = (0..n).map(|n| message(&format!("quack {n}")));
    said.map(|kind| Incoming {
        community,
        event: world.event(name, kind),
    })
    .collect()
}

fn measure(action: ModerationAction) -> EventKind {
    EventKind::Moderation(Moderation {
        action,
        moderator: None,
        reason: String::new(),
        duration_secs: None,
    })
}

fn by(points: i32, key: &str) -> Adjustment {
    Adjustment {
        points,
        note: "helped a newcomer".to_owned(),
        key: key.to_owned(),
    }
}

async fn adjust(
    world: &World,
    actor: &Actor,
    community: CommunityId,
    user: UserId,
    how: &Adjustment,
) -> Result<Score, ActivityError> {
    world
        .app
        .activity
        .adjust_reputation(actor, community, user, how)
        .await
}

on_both! {
    async fn a_thousand_messages_lift_the_score_by_ten_and_a_replay_by_nothing(world: World) {
        let pond = world.community("Pond").await;
        let batch = talk(&mut world, pond, "ann", 1_000);
        for part in batch.chunks(77) {
            world.record(part.to_vec()).await;
        }
        let ann = world.user_of(pond, "ann").await;
        assert_eq!(score(&world, pond, ann).await.thousandths(), 610_000);
        world.record(batch.clone()).await;
        let mut doubled = talk(&mut world, pond, "ann", 1);
        doubled.push(doubled[0].clone());
        world.record(doubled).await;
        assert_eq!(score(&world, pond, ann).await.thousandths(), 610_010);
        assert_eq!(world.number("SELECT COUNT(*) FROM reputation_event").await, 0, "plain talk is summed up");
    }

    async fn imports_automated_accounts_and_our_own_words_earn_nothing(world: World) {
        let pond = world.community("Pond").await;
        let mut old = world.event("ann", message("hello"));
        old.source = Source::Import;
        let mut robot = world.event("robot", message("beep"));
        robot.account.is_bot = true;
        let ours = EventKind::Message(kernel::event::Message { text: "pong".to_owned(), is_ours: true, ..kernel::event::Message::default() });
        let ours = world.event("host", ours);
        let batch = [old, robot, ours].map(|event| Incoming { community: pond, event });
        world.record(batch.to_vec()).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM reputation").await, 0);
    }

    async fn every_change_but_talk_is_kept_with_before_and_after_and_stays_in_range(world: World) {
        let pond = world.community("Pond").await;
        let kinds = [
            message("hello"),
            EventKind::Follow,
            EventKind::Subscription { tier: 3, months: Some(12) },
            EventKind::Gift { count: 500, tier: 1 },
            measure(ModerationAction::Ban),
        ];
        let mut batch = Vec::new();
        for kind in kinds {
            batch.push(Incoming { community: pond, event: world.event("ann", kind) });
            world.clock.advance(Duration::from_secs(1));
        }
        world.record(batch).await;
        let ann = world.user_of(pond, "ann").await;
        let system = world.system();
        let page = PageRequest::first(3);
        let history = world.app.activity.reputation_history(&system, pond, ann, &page).await.unwrap();
        let steps: Vec<_> = history.items.iter().map(|e| (e.before.thousandths(), e.after.thousandths())).collect();
        assert_eq!(steps, [(850_000, 650_000), (621_010, 850_000), (601_010, 621_010)], "the newest first, the top is not passed");
        let rest = PageRequest::after(history.next.unwrap(), 3);
        let rest = world.app.activity.reputation_history(&system, pond, ann, &rest).await.unwrap();
        assert_eq!((rest.items.len(), rest.items[0].before.thousandths(), rest.next), (1, 600_010, None));
        for _ in 0..3 {
            let event = world.event("ann", measure(ModerationAction::Ban));
            world.record(vec![Incoming { community: pond, event }]).await;
        }
        assert_eq!(score(&world, pond, ann).await.thousandths(), 300_000);
        world.say(pond, "ann", "sorry").await;
        assert_eq!(score(&world, pond, ann).await.thousandths(), 300_010, "the bottom is left at once");
        let standings = world.app.activity.standings(&system, pond).await.unwrap();
        assert_eq!((standings.at_risk.len(), standings.at_risk[0].standing.user), (1, ann));
        assert_eq!(standings.leaders.len(), 1);
        let role = world.app.identity.roles(&system, pond, &[ann]).await.unwrap();
        assert_ne!(role.get(&ann), Some(&Role::Banned), "nobody is banned by it");
    }

    async fn batches_at_the_same_time_neither_stop_each_other_nor_lose_anything(world: World) {
        let pond = world.community("Pond").await;
        let names: Vec<String> = (0..8).map(|n| format!("duck{n}")).collect();
        for name in &names {
            world.say(pond, name, "here").await;
        }
        let mut batches = Vec::new();
        for turn in 0..16_usize {
            let mut batch = Vec::new();
            for n in 0..names.len() {
                let place = if turn % 2 == 0 { n } else { names.len() - 1 - n };
                for kind in [message("quack"), EventKind::Follow] {
                    batch.push(Incoming { community: pond, event: world.event(&names[place], kind) });
                }
            }
            batches.push(batch);
        }
        let db = world.app.db().clone();
        let mut all = tokio::task::JoinSet::new();
        for batch in batches {
            let (db, now) = (db.clone(), world.clock.now());
            let identity = world.app.identity.clone();
            all.spawn(async move {
                let mut work = db.begin(&Actor::System("test"), now).await.unwrap();
                activity::record(&mut work, &identity, &batch).await.unwrap();
                work.commit().await.unwrap();
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        for name in &names {
            let user = world.user_of(pond, name).await;
            assert_eq!(score(&world, pond, user).await.thousandths(), 600_000 + 10 + 16 * 1_010);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM reputation_event").await, 16 * 8);
    }

    async fn a_moderator_changes_a_score_once_with_a_reason_and_never_their_own(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        for _ in 0..2 {
            let after = adjust(&world, &mona.actor, pond, ann.user, &by(25, "k1")).await.unwrap();
            assert_eq!(after.points(), 625);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM reputation_event").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'member.reputation.adjust'").await, 1);
        assert_eq!(adjust(&world, &mona.actor, pond, ann.user, &by(550, "k2")).await.unwrap().points(), 850);
        assert_eq!(adjust(&world, &mona.actor, pond, ann.user, &by(-550, "k3")).await.unwrap().points(), 300);
        let nobody = UserId(999_999);
        let lake = world.community("Lake").await;
        let stranger = world.person(lake, "eve", Some(Role::Member)).await.user;
        for unknown in [nobody, stranger] {
            let answer = adjust(&world, &mona.actor, pond, unknown, &by(1, "k4")).await;
            assert!(matches!(answer, Err(ActivityError::NotFound)), "{answer:?}");
        }
        for (user, how) in [
            (mona.user, by(1, "k5")),
            (ann.user, by(0, "k6")),
            (ann.user, by(551, "k7")),
            (ann.user, Adjustment { note: " ".to_owned(), ..by(1, "k8") }),
        ] {
            assert!(adjust(&world, &mona.actor, pond, user, &how).await.is_err());
        }
        let answer = adjust(&world, &ann.actor, pond, mona.user, &by(1, "k9")).await;
        assert!(matches!(answer, Err(ActivityError::NotAllowed(_))), "{answer:?}");
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (activity, actor) = (world.app.activity.clone(), mona.actor.clone());
            all.spawn(async move { activity.adjust_reputation(&actor, pond, ann.user, &by(7, "once")).await.unwrap() });
        }
        while let Some(done) = all.join_next().await {
            assert_eq!(done.unwrap().points(), 307, "the same key at the same time changes it once");
        }
    }

    async fn a_score_follows_its_account_to_another_person_and_badges_say_why(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        for n in 0..10_u8 {
            world.clock.advance(DAY);
            world.say(pond, "ann", &format!("day {n}")).await;
        }
        let mut event = world.event("annie", EventKind::Subscription { tier: 2, months: None });
        event.platform = Platform::Twitch;
        event.account.created_at = Some(world.clock.now().minus(DAY * 180));
        world.record(vec![Incoming { community: pond, event }]).await;
        let annie = world.user_of(pond, "annie").await;
        assert_eq!(score(&world, pond, annie).await.thousandths(), 610_000);
        world.sql(&format!("UPDATE platform_account SET user_id = {} WHERE user_id = {annie}", ann.user)).await;
        assert_eq!(score(&world, pond, ann.user).await.thousandths(), 610_100, "both accounts count");
        let ann = testkit::Person { actor: world.actor_of(ann.user).await, ..ann };
        let own = world.app.activity.own_reputation(&ann.actor).await.unwrap();
        assert_eq!(own.global.thousandths(), 600_000 + 5_000 + 100 / 12, "by the age of the accounts");
        let (_, _, badges) = &own.communities[0];
        assert_eq!(badges.iter().map(|b| b.kind).collect::<Vec<_>>(), [BadgeKind::Active]);
        assert!(badges[0].why.contains("10 of the last 30 days"), "{}", badges[0].why);
        let system = world.system();
        adjust(&world, &system, pond, ann.user, &by(200, "k")).await.unwrap();
        let card = world.app.activity.member_card(&system, pond, ann.user).await.unwrap().unwrap();
        assert_eq!((card.score.points(), card.accounts.len()), (810, 2));
        assert!(card.badges.iter().any(|b| b.kind == BadgeKind::Trusted));
        world.sql(&format!("UPDATE platform_account SET user_id = {annie} WHERE platform = {}", Platform::Twitch.code())).await;
        let (one, other) = (score(&world, pond, ann.user).await, score(&world, pond, annie).await);
        assert_eq!(one.thousandths() + other.thousandths() - 1_200_000, 210_100, "taken apart again, nothing is lost");
    }

    async fn a_community_decides_what_counts_there_from_then_on_and_goes_back(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let adm = world.person(pond, "adm", Some(Role::Admin)).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let identity = world.app.identity.clone();
        let wanted = [(Reason::Chat, Some(500)), (Reason::Warn, Some(0)), (Reason::Follow, Some(2_500))];
        let denied = identity.set_reputation_weights(&mo.actor, pond, &wanted).await;
        assert!(matches!(denied, Err(IdentityError::NotAllowed(_))), "{denied:?}");
        for (reason, own) in [(Reason::Chat, 1_001), (Reason::Chat, -1), (Reason::Warn, 1), (Reason::Ban, -200_001), (Reason::Adjustment, 0)] {
            let refused = identity.set_reputation_weights(&adm.actor, pond, &[(Reason::Raid, Some(1)), (reason, Some(own))]).await;
            assert!(matches!(refused, Err(IdentityError::Invalid { field, .. }) if field == reason.as_str()), "{reason:?} {own}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM reputation_weight").await, 0, "all or none");
        let mut batch = talk(&mut world, pond, "ann", 2);
        world.record(batch.clone()).await;
        identity.set_reputation_weights(&adm.actor, pond, &wanted).await.unwrap();
        batch.extend(talk(&mut world, pond, "ann", 2));
        batch.extend(talk(&mut world, lake, "ann", 2));
        for kind in [EventKind::Follow, measure(ModerationAction::Warn), measure(ModerationAction::Timeout)] {
            batch.push(Incoming { community: pond, event: world.event("ann", kind) });
        }
        world.record(batch).await;
        let ann = world.user_of(pond, "ann").await;
        assert_eq!(score(&world, pond, ann).await.thousandths(), 600_020 + 1_000 + 2_500 - 50_000);
        assert_eq!(score(&world, lake, ann).await.thousandths(), 600_020, "elsewhere it counts as everywhere");

        let shown = identity.reputation_weights(&mo.actor, pond).await.unwrap();
        assert_eq!(shown.len(), Reason::ALL.len() - 1);
        let own: Vec<_> = shown.iter().filter(|one| one.own.is_some()).map(|one| (one.reason, one.counts())).collect();
        assert_eq!(own, [(Reason::Chat, 500), (Reason::Follow, 2_500), (Reason::Warn, 0)]);
        let entries = "SELECT COUNT(*) FROM audit WHERE action = 'community.reputation.weights'";
        identity.set_reputation_weights(&adm.actor, pond, &wanted).await.unwrap();
        assert_eq!(world.number(entries).await, 1, "the same again is no change");
        let log = world.app.audit(&world.system(), &PageRequest::first(1)).await.unwrap();
        let log = format!("{:?}", log.items[0]);
        assert!(log.contains("chat") && log.contains("500") && log.to_lowercase().contains("null"), "{log}");

        let back: Vec<_> = wanted.iter().map(|(reason, _)| (*reason, None)).collect();
        identity.set_reputation_weights(&adm.actor, pond, &back).await.unwrap();
        assert_eq!((world.number(entries).await, world.number("SELECT COUNT(*) FROM reputation_weight").await), (2, 0));
        let before = score(&world, pond, ann).await.thousandths();
        let batch = talk(&mut world, pond, "ann", 1);
        world.record(batch).await;
        assert_eq!(score(&world, pond, ann).await.thousandths(), before + 10);
        let gone = identity.set_reputation_weights(&world.system(), CommunityId(999), &wanted).await;
        assert!(matches!(gone, Err(IdentityError::NotFound)), "{gone:?}");
    }
}

/// The statements with which a batch is recorded.
async fn sent(world: &World, batch: &[Incoming]) -> BTreeMap<String, usize> {
    let db = world.app.db();
    let mut work = db.begin(&world.system(), world.clock.now()).await.unwrap();
    let statements = Statements::listen();
    activity::record(&mut work, &world.app.identity, batch)
        .await
        .unwrap();
    let counts = statements.counts();
    drop(statements);
    work.commit().await.unwrap();
    counts
}

#[tokio::test]
async fn what_a_community_decided_costs_no_statement_more_for_a_batch() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let mut batches = Vec::new();
    for _ in 0..3 {
        batches.push(talk(&mut world, pond, "ann", 50));
    }
    sent(&world, &batches[0]).await;
    let before = sent(&world, &batches[1]).await;
    let all = Reason::ALL.into_iter().filter(|r| *r != Reason::Adjustment);
    let all: Vec<_> = all.map(|reason| (reason, Some(0))).collect();
    let identity = &world.app.identity;
    identity
        .set_reputation_weights(&world.system(), pond, &all)
        .await
        .unwrap();
    let after = sent(&world, &batches[2]).await;
    assert_eq!(before, after);
    world.close().await;
}
