//! What reputation and the health of a community make of the score of an account: a badge is withheld, moderators see why,
//! active people are counted with how many of them are bots, and no score changes.

use std::time::Duration;

use ::activity::{Doubt, MemberCard, Standings};
use ::bots::{BotShare, NewReview, Setting, Verdict};
use ::identity::{Adjustment, BadgeKind};
use kernel::{Clock, CommunityId, EventKind, Role, UserId};
use testkit::{Person, World, message, on_both};

use super::bot_scores::{advert, catch_up, chatter, open, talks};

async fn card(world: &World, community: CommunityId, user: UserId) -> MemberCard {
    let activity = &world.app.activity;
    let found = activity.member_card(&world.system(), community, user).await;
    found.unwrap().unwrap()
}

async fn standings(world: &World, community: CommunityId) -> Standings {
    let activity = &world.app.activity;
    activity
        .standings(&world.system(), community)
        .await
        .unwrap()
}

/// Who is at risk in a community, and whether for a doubt.
async fn at_risk(world: &World, community: CommunityId) -> Vec<(UserId, Option<Doubt>)> {
    let found = standings(world, community).await.at_risk;
    found
        .into_iter()
        .map(|one| (one.standing.user, one.doubt))
        .collect()
}

fn is_trusted(card: &MemberCard) -> bool {
    let mut kinds = card.badges.iter().map(|badge| badge.kind);
    kinds.any(|kind| kind == BadgeKind::Trusted)
}

/// Somebody whose account is old and whose score is high.
async fn trusted(world: &mut World, community: CommunityId, name: &str) -> Person {
    let person = world.person(community, name, Some(Role::Member)).await;
    let made = world.clock.now().minus(Duration::from_hours(24 * 180));
    let user = person.user;
    let old = format!(
        "UPDATE platform_account SET account_created_at = {} WHERE user_id = {user}",
        made.0
    );
    world.sql(&old).await;
    let adjustment = Adjustment {
        points: 200,
        note: "helped newcomers".to_owned(),
        key: name.to_owned(),
    };
    let (activity, system) = (&world.app.activity, world.system());
    let after = activity.adjust_reputation(&system, community, person.user, &adjustment);
    after.await.unwrap();
    person
}

async fn judge(world: &World, community: CommunityId, case: i32, verdict: Verdict) {
    let new = NewReview {
        verdict,
        reason: "because".to_owned(),
        revision: None,
    };
    let bots = &world.app.bots;
    bots.review(&world.system(), community, case, &new)
        .await
        .unwrap();
}

async fn share(world: &World, community: CommunityId) -> (u32, BotShare) {
    let bots = &world.app.bots;
    let found = bots
        .community_score(&world.system(), community)
        .await
        .unwrap();
    (found.counts.active_members, found.bots)
}

on_both! {
    async fn whoever_is_likely_a_bot_is_not_called_trusted_until_somebody_says_they_are_none(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let spammer = trusted(&mut world, pond, "spammer").await;
        let ann = trusted(&mut world, pond, "ann").await;
        talks(&mut world, pond, "ann", 40, 77, chatter(0)).await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        // The same account says harmless things elsewhere.
        world.say(lake, "spammer", "hello").await;
        let before = card(&world, pond, spammer.user).await;
        assert!(is_trusted(&before) && before.doubt.is_none(), "nobody has looked yet");
        assert_eq!(at_risk(&world, pond).await, []);
        catch_up(&world).await;

        let likely = card(&world, pond, spammer.user).await;
        assert_eq!((is_trusted(&likely), likely.doubt), (false, Some(Doubt::LikelyBot)));
        assert_eq!(likely.score, before.score, "nobody loses points by it");
        assert!(is_trusted(&card(&world, pond, ann.user).await));
        assert_eq!(card(&world, lake, spammer.user).await.doubt, None, "each community by itself");
        assert_eq!(at_risk(&world, pond).await, [(spammer.user, Some(Doubt::LikelyBot))]);
        let leaders = standings(&world, pond).await.leaders;
        let doubts: Vec<_> = leaders.iter().map(|one| (one.standing.user, one.doubt)).collect();
        assert!(doubts.contains(&(spammer.user, Some(Doubt::LikelyBot))), "{doubts:?}");
        assert!(doubts.contains(&(ann.user, None)), "{doubts:?}");
        let own = world.app.activity.own_reputation(&spammer.actor).await.unwrap();
        let badges = own.communities.iter().flat_map(|(_, _, badges)| badges);
        assert!(badges.into_iter().all(|badge| badge.kind != BadgeKind::Trusted));

        // What people say counts more than the number, either way.
        let case = open(&world, pond).await[0].id;
        judge(&world, pond, case, Verdict::Human).await;
        let cleared = card(&world, pond, spammer.user).await;
        assert_eq!((is_trusted(&cleared), cleared.doubt), (true, None));
        assert_eq!(at_risk(&world, pond).await, []);
        world.app.bots.undo_review(&world.system(), pond, case).await.unwrap();
        judge(&world, pond, case, Verdict::Bot).await;
        let called = card(&world, pond, spammer.user).await;
        assert_eq!((is_trusted(&called), called.doubt), (false, Some(Doubt::CalledBot)));
        assert_eq!(called.score, before.score);
        assert_eq!(at_risk(&world, pond).await, [(spammer.user, Some(Doubt::CalledBot))]);
    }

    async fn in_a_dry_run_only_what_people_said_withholds_a_badge(world: World) {
        let pond = world.community("Pond").await;
        let setting = Setting { is_dry_run: true, ..Setting::default() };
        world.app.bots.change_setting(&world.system(), pond, &setting).await.unwrap();
        let spammer = trusted(&mut world, pond, "spammer").await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        catch_up(&world).await;
        let case = open(&world, pond).await[0].id;
        let likely = card(&world, pond, spammer.user).await;
        assert_eq!((is_trusted(&likely), likely.doubt), (true, None));
        assert_eq!(at_risk(&world, pond).await, []);
        assert_eq!(share(&world, pond).await.1, BotShare::default(), "health says what reputation says");
        judge(&world, pond, case, Verdict::Bot).await;
        assert_eq!(share(&world, pond).await.1, BotShare { members: 1, messages: 60 });
        assert_eq!(card(&world, pond, spammer.user).await.doubt, Some(Doubt::CalledBot));
    }

    async fn health_counts_whom_reputation_doubts_and_nobody_who_is_left_alone(world: World) {
        let pond = world.community("Pond").await;
        let spammer = trusted(&mut world, pond, "spammer").await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        catch_up(&world).await;
        assert_eq!(at_risk(&world, pond).await, [(spammer.user, Some(Doubt::LikelyBot))]);
        assert_eq!(share(&world, pond).await.1, BotShare { members: 1, messages: 60 });
        // As a regular whom members reported: left alone, with a case that is open.
        world.sql("UPDATE bot_score SET exemption = 2").await;
        assert_eq!(at_risk(&world, pond).await, []);
        assert_eq!(card(&world, pond, spammer.user).await.doubt, None);
        assert_eq!(share(&world, pond).await.1, BotShare::default());
        let case = open(&world, pond).await[0].id;
        judge(&world, pond, case, Verdict::Bot).await;
        assert_eq!(at_risk(&world, pond).await, [(spammer.user, Some(Doubt::CalledBot))]);
        assert_eq!(share(&world, pond).await.1, BotShare { members: 1, messages: 60 });
    }

    async fn who_is_at_risk_by_points_and_in_doubt_is_shown_once_with_the_reason(world: World) {
        let pond = world.community("Pond").await;
        let spammer = trusted(&mut world, pond, "spammer").await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        world.say(pond, "rude", "grr").await;
        let rude = world.user_of(pond, "rude").await;
        for (user, points) in [(spammer.user, -350), (rude, -200)] {
            let adjustment = Adjustment { points, note: "rude".to_owned(), key: format!("{user}{points}") };
            let system = world.system();
            let after = world.app.activity.adjust_reputation(&system, pond, user, &adjustment).await;
            after.unwrap();
        }
        catch_up(&world).await;
        let wanted = [(rude, None), (spammer.user, Some(Doubt::LikelyBot))];
        assert_eq!(at_risk(&world, pond).await, wanted, "the lowest first");
    }

    async fn active_people_are_told_with_how_many_of_them_are_bots_and_how_much_they_wrote(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        for (place, name) in ["ann", "bob", "cid"].into_iter().enumerate() {
            talks(&mut world, pond, name, 40, 77, chatter(place)).await;
            talks(&mut world, lake, name, 2, 77, message_of).await;
        }
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        talks(&mut world, lake, "spammer", 2, 600, message_of).await;
        assert_eq!(share(&world, pond).await, (4, BotShare::default()));
        catch_up(&world).await;
        assert_eq!(share(&world, pond).await, (4, BotShare { members: 1, messages: 60 }));
        assert_eq!(share(&world, lake).await, (4, BotShare::default()), "what they write elsewhere is not theirs here");
        let both = world.app.bots.community_scores(&world.system(), &[pond, lake]).await.unwrap();
        assert_eq!(both[&pond].as_ref().unwrap().bots.members, 1);
        assert_eq!(both[&lake].as_ref().unwrap().bots.members, 0);
        // Of two accounts of one person one counts.
        talks(&mut world, pond, "copy", 60, 590, advert).await;
        catch_up(&world).await;
        assert_eq!(share(&world, pond).await.1, BotShare { members: 2, messages: 120 });
        let spammer = world.user_of(pond, "spammer").await;
        let copy = world.user_of(pond, "copy").await;
        world.sql(&format!("UPDATE activity_day SET user_id = {spammer} WHERE user_id = {copy}")).await;
        assert_eq!(share(&world, pond).await.1, BotShare { members: 1, messages: 120 });
        world.sql(&format!("UPDATE activity_day SET user_id = {copy} WHERE account_id = \
                            (SELECT id FROM platform_account WHERE user_id = {copy})")).await;
        // What was written long ago is not counted, whoever wrote it.
        world.clock.advance(Duration::from_hours(24 * 40));
        assert_eq!(share(&world, pond).await, (0, BotShare::default()));
    }
}

fn message_of(_: i64) -> EventKind {
    message("hello")
}
