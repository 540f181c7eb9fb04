//! Who may be one person: found by names, told to those who may see both, and never more than told.

use std::{collections::BTreeMap, time::Duration};

use activity::Incoming;
use identity::{
    AccountPair, Audience, ClientInfo, Facet, IdentityError, MergeSide, ProfileChange, Sign,
    Suggestion,
};
use kernel::{AccountId, CommunityId, EventKind, PageRequest, Platform, Role, UserId};
use testkit::{Person, World, on_both};

use super::links::{seated, sign_in};

const DAY: Duration = Duration::from_secs(86_400);
const RARE: &str = "quackmaster_77";

/// Somebody joins on a platform.
async fn join(world: &mut World, community: CommunityId, platform: Platform, name: &str) {
    let mut event = world.event(name, EventKind::Join);
    event.platform = platform;
    world.record(vec![Incoming { community, event }]).await;
}

async fn account(world: &World, platform: Platform, name: &str) -> (AccountId, UserId) {
    let of = |column: &str| {
        format!(
            "SELECT {column} FROM platform_account WHERE platform = {} AND platform_user_id = 'id-{name}'",
            platform.code()
        )
    };
    let id = world.number(&of("id")).await;
    let user = world.number(&of("user_id")).await;
    (AccountId(id), UserId(i32::try_from(user).unwrap()))
}

/// Its owner, who signs in by now.
async fn claimed(world: &World, platform: Platform, name: &str) -> Person {
    let (_, user) = account(world, platform, name).await;
    world
        .sql(&format!(
            "UPDATE users SET claimed_at = 1 WHERE id = {user}"
        ))
        .await;
    Person {
        user,
        actor: world.actor_of(user).await,
    }
}

/// A night later everything is looked through again.
async fn night(world: &World) -> u64 {
    world.clock.advance(DAY);
    world.app.activity.find_suggestions().await.unwrap()
}

async fn listed(world: &World, community: CommunityId, dismissed: bool) -> Vec<Suggestion> {
    let page = PageRequest::first(100);
    let identity = &world.app.identity;
    let found = identity
        .suggestions(&world.system(), community, dismissed, &page)
        .await;
    found.unwrap().items
}

/// The same name on Discord and Twitch, by two people who were both seen in the pond.
async fn namesakes(world: &mut World) -> (CommunityId, Person, AccountPair) {
    let pond = world.community("Pond").await;
    join(world, pond, Platform::Discord, RARE).await;
    join(world, pond, Platform::Twitch, RARE).await;
    let (own, _) = account(world, Platform::Discord, RARE).await;
    let (other, _) = account(world, Platform::Twitch, RARE).await;
    let session = sign_in(world, "discord", &format!("id-{RARE}"))
        .await
        .unwrap();
    let person = Person {
        user: session.user,
        actor: world.actor_of(session.user).await,
    };
    (pond, person, AccountPair::new(own, other))
}

on_both! {
    async fn a_rare_name_on_two_platforms_is_suggested_where_both_were_seen(world: World) {
        let (pond, person, pair) = namesakes(&mut world).await;
        let lake = world.community("Lake").await;
        join(&mut world, lake, Platform::Discord, RARE).await;
        for platform in [Platform::Discord, Platform::Twitch] {
            join(&mut world, pond, platform, "alex").await;
        }
        // The same platform, a robot, and a name that everybody has.
        join(&mut world, pond, Platform::Discord, "Quack.Master 77").await;
        let mut robot = world.event("quackmaster77", EventKind::Join);
        robot.platform = Platform::Slack;
        robot.account.is_bot = true;
        world.record(vec![Incoming { community: pond, event: robot }]).await;
        for n in 0..13 {
            let mut event = world.event("anonymous_guest_99", EventKind::Join);
            event.platform = if n % 2 == 0 { Platform::Discord } else { Platform::Twitch };
            event.account.platform_user_id = format!("guest-{n}");
            world.record(vec![Incoming { community: pond, event }]).await;
        }
        night(&world).await;
        let found = listed(&world, pond, false).await;
        let pairs: Vec<_> = found.iter().map(Suggestion::pair).collect();
        let (third, _) = account(&world, Platform::Discord, "Quack.Master 77").await;
        let (twitch, _) = account(&world, Platform::Twitch, RARE).await;
        // Three people with the name: it is not as rare as it was.
        assert_eq!(pairs, [pair], "{found:?}");
        assert_eq!((found[0].confidence, &found[0].signs[..]), (42, &[Sign::SameHandle][..]));
        assert!(!pairs.contains(&AccountPair::new(third, twitch)), "alike is too little by then");
        assert_eq!(found[0].sides(person.user).unwrap().1.platform, Platform::Twitch);
        assert!(listed(&world, lake, false).await.is_empty(), "only one of them was seen there");
        let card = world.app.identity.suggestions_of(&world.system(), pond, person.user).await.unwrap();
        assert_eq!(card, found);
        assert!(world.app.identity.suggestions_of(&world.system(), lake, person.user).await.unwrap().is_empty());
    }

    async fn finding_again_changes_nothing_and_what_no_longer_holds_is_gone(world: World) {
        let (pond, _, pair) = namesakes(&mut world).await;
        assert_eq!(night(&world).await, 1);
        let first = listed(&world, pond, false).await;
        assert_eq!((first[0].pair(), first[0].confidence), (pair, 60));
        assert_eq!(night(&world).await, 1);
        assert_eq!(listed(&world, pond, false).await, first, "also its id and when it was found");
        let mut event = world.event(RARE, EventKind::Join);
        event.platform = Platform::Twitch;
        "somebody else".clone_into(&mut event.account.username);
        world.record(vec![Incoming { community: pond, event }]).await;
        assert_eq!(night(&world).await, 0);
        assert!(listed(&world, pond, false).await.is_empty());
        let keys = format!("SELECT COUNT(*) FROM account_name WHERE account_id = {} AND name_key = 'quackmaster77'", pair.high());
        assert_eq!(world.number(&keys).await, 0);
    }

    async fn a_name_chosen_here_is_compared_too_but_no_address(world: World) {
        let (pond, person, _) = namesakes(&mut world).await;
        join(&mut world, pond, Platform::Slack, "her-majesty-the-duck").await;
        join(&mut world, pond, Platform::Slack, "secret.address.4711").await;
        let change = ProfileChange {
            display_name: "Her Majesty the Duck".to_owned(),
            ..ProfileChange::default()
        };
        world.app.identity.change_profile(&person.actor, &change).await.unwrap();
        world.sql(&format!(
            "UPDATE users SET email = 'secret.address.4711@example.org', email_folded = 'secret.address.4711@example.org' WHERE id = {}",
            person.user
        )).await;
        night(&world).await;
        let found: BTreeMap<_, _> = listed(&world, pond, false).await.into_iter()
            .map(|one| (one.sides(person.user).unwrap().1.username.clone(), one.signs))
            .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found["her-majesty-the-duck"], [Sign::SharedName, Sign::RareName]);
        assert_eq!(found[RARE], [Sign::SameHandle, Sign::RareName]);
    }

    async fn not_the_same_person_stays_said_until_it_is_taken_back(world: World) {
        let (pond, _, pair) = namesakes(&mut world).await;
        let lake = world.community("Lake").await;
        for platform in [Platform::Discord, Platform::Twitch] {
            join(&mut world, lake, platform, RARE).await;
        }
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        night(&world).await;
        let identity = world.app.identity.clone();
        for _ in 0..2 {
            identity.dismiss_suggestion(&mo.actor, pond, pair).await.unwrap();
        }
        let dismissals = "SELECT COUNT(*) FROM audit WHERE action = 'suggestion.dismiss'";
        assert_eq!(world.number(dismissals).await, 1, "once");
        for _ in 0..2 {
            assert!(listed(&world, pond, false).await.is_empty());
            let said = listed(&world, pond, true).await;
            assert_eq!(said[0].unlike.unwrap().by, Some(mo.user));
            assert_eq!(listed(&world, lake, false).await.len(), 1, "one community's word is not the other's");
            night(&world).await;
        }
        let root = world.admin("root").await;
        assert_eq!(identity.all_suggestions(&root.actor).await.unwrap().len(), 1, "the lake has not said so");
        identity.dismiss_suggestion(&root.actor, lake, pair).await.unwrap();
        assert!(identity.all_suggestions(&root.actor).await.unwrap().is_empty());
        identity.restore_suggestion(&mo.actor, pond, pair).await.unwrap();
        assert_eq!(listed(&world, pond, false).await.len(), 1);
        let nobody = AccountPair::new(AccountId(998), AccountId(999));
        let absent = identity.dismiss_suggestion(&mo.actor, pond, nobody).await;
        assert!(matches!(absent, Err(IdentityError::NotFound)), "{absent:?}");
    }

    async fn a_person_is_told_of_accounts_they_may_see_and_of_no_others(world: World) {
        let (pond, person, pair) = namesakes(&mut world).await;
        let lake = world.community("Lake").await;
        join(&mut world, lake, Platform::Slack, RARE).await;
        night(&world).await;
        let identity = world.app.identity.clone();
        let told = identity.own_suggestions(&person.actor).await.unwrap();
        assert_eq!(told.len(), 1, "who is in the lake only is not told of: {told:?}");
        assert_eq!((told[0].pair, told[0].platform, told[0].username.as_str()), (pair, Platform::Twitch, RARE));

        // Nobody sees what its owner hides.
        let other = claimed(&world, Platform::Twitch, RARE).await;
        let mut wanted = identity.visibility(&other.actor).await.unwrap();
        wanted.set(Platform::Twitch, Facet::Profile, Audience::Nobody);
        identity.change_visibility(&other.actor, &wanted, &ClientInfo::default()).await.unwrap();
        assert!(identity.own_suggestions(&person.actor).await.unwrap().is_empty());
        let hidden = identity.dismiss_own_suggestion(&person.actor, pair).await;
        assert!(matches!(hidden, Err(IdentityError::NotFound)), "as if there were none: {hidden:?}");
        assert_eq!(identity.own_suggestions(&other.actor).await.unwrap().len(), 1, "the other one hides nothing");
        wanted.set(Platform::Twitch, Facet::Profile, Audience::Community);
        identity.change_visibility(&other.actor, &wanted, &ClientInfo::default()).await.unwrap();

        // What one says for oneself changes nothing for others.
        identity.dismiss_own_suggestion(&person.actor, pair).await.unwrap();
        night(&world).await;
        assert!(identity.own_suggestions(&person.actor).await.unwrap()[0].is_dismissed);
        assert!(!identity.own_suggestions(&other.actor).await.unwrap()[0].is_dismissed);
        assert_eq!(listed(&world, pond, false).await.len(), 1, "moderators judge for themselves");
        identity.restore_own_suggestion(&person.actor, pair).await.unwrap();
        assert!(!identity.own_suggestions(&person.actor).await.unwrap()[0].is_dismissed);

        // Neither with a key for another community, nor from where one is banned.
        let key = person.actor.clone().within(lake);
        assert!(identity.own_suggestions(&key).await.unwrap().is_empty());
        identity.set_role(&world.system(), pond, person.user, Some(Role::Banned)).await.unwrap();
        let banned = world.actor_of(person.user).await;
        assert!(identity.own_suggestions(&banned).await.unwrap().is_empty());
    }

    async fn who_has_another_account_there_is_suggested_less_and_not_told_why(world: World) {
        let (pond, person, _) = namesakes(&mut world).await;
        join(&mut world, pond, Platform::Twitch, "zzz").await;
        world.sql(&format!(
            "UPDATE platform_account SET user_id = {} WHERE platform_user_id = 'id-zzz'",
            person.user
        )).await;
        night(&world).await;
        let found = listed(&world, pond, false).await;
        assert_eq!(found[0].confidence, 45);
        assert!(found[0].signs.contains(&Sign::OtherAccount));
        let other = claimed(&world, Platform::Twitch, RARE).await;
        let told = world.app.identity.own_suggestions(&other.actor).await.unwrap();
        assert_eq!(told[0].signs, [Sign::SameHandle, Sign::RareName], "others' accounts are their own");
    }

    async fn a_merge_ends_a_suggestion_and_an_undo_brings_it_back_with_what_was_said(world: World) {
        let (pond, person, pair) = namesakes(&mut world).await;
        night(&world).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let root = world.admin("root").await;
        let identity = world.app.identity.clone();
        let seen = identity.all_suggestions(&root.actor).await.unwrap();
        let other = seen[0].sides(person.user).unwrap().1.user;
        let before = world.dump().await;
        let id = identity.request_merge(&root.actor, person.user, other).await.unwrap();
        let after = world.dump().await;
        for table in ["platform_account", "member", "users"] {
            assert_eq!(before[table], after[table], "{table}: a suggestion moves nothing");
        }
        for (who, side) in [(&root, MergeSide::Merged), (&person, MergeSide::Kept)] {
            let session = seated(&world, who).await;
            identity.confirm_merge(&who.actor, session, None, id, side).await.unwrap();
        }
        assert!(listed(&world, pond, false).await.is_empty(), "they are one already");
        assert!(identity.own_suggestions(&person.actor).await.unwrap().is_empty());
        night(&world).await;
        let session = seated(&world, &person).await;
        identity.undo_merge(&person.actor, session, None, id).await.unwrap();
        night(&world).await;
        assert_eq!(listed(&world, pond, false).await[0].pair(), pair);
        identity.dismiss_suggestion(&mo.actor, pond, pair).await.unwrap();
        let again = identity.request_merge(&root.actor, person.user, other).await.unwrap();
        identity.reject_merge(&person.actor, again).await.unwrap();
        assert_eq!(listed(&world, pond, true).await.len(), 1);
    }

    async fn nothing_of_it_is_left_of_somebody_who_was_erased(world: World) {
        let (pond, person, pair) = namesakes(&mut world).await;
        night(&world).await;
        let identity = world.app.identity.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        identity.dismiss_suggestion(&mo.actor, pond, pair).await.unwrap();
        identity.dismiss_own_suggestion(&person.actor, pair).await.unwrap();
        let session = seated(&world, &person).await;
        identity.request_erasure(&person.actor, session, None).await.unwrap();
        world.clock.advance(15 * DAY);
        assert_eq!(world.app.tend_privacy().await.unwrap(), 1);
        for table in ["merge_suggestion", "suggestion_dismissal"] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        night(&world).await;
        let names = "SELECT COUNT(*) FROM account_name WHERE name_key LIKE 'deleted%'";
        assert_eq!(world.number(names).await, 0, "the erased are not each other");
    }

    async fn a_list_goes_on_where_the_page_ended(world: World) {
        let pond = world.community("Pond").await;
        for n in 100..105 {
            for platform in [Platform::Discord, Platform::Twitch] {
                join(&mut world, pond, platform, &format!("quackmaster_{n}")).await;
            }
        }
        assert_eq!(night(&world).await, 5);
        let identity = &world.app.identity;
        let (mut seen, mut page) = (Vec::new(), PageRequest::first(2));
        loop {
            let found = identity.suggestions(&world.system(), pond, false, &page).await.unwrap();
            seen.extend(found.items.iter().map(Suggestion::pair));
            match found.next {
                Some(cursor) => page = PageRequest::after(cursor, 2),
                None => break,
            }
        }
        let whole: Vec<_> = listed(&world, pond, false).await.iter().map(Suggestion::pair).collect();
        assert_eq!(seen, whole);
        assert_eq!(seen.len(), 5);
    }
}
