//! Profiles: what a person says about themselves, who sees it, and one's own feed.

use std::net::IpAddr;

use activity::FeedQuery;
use identity::{Audience, ClientInfo, Eyes, Facet, IdentityError, ProfileChange, Visibility, Who};
use kernel::{
    Actor, EventKind, PageRequest, Permission, Platform, Role,
    event::{Moderation, ModerationAction},
};
use testkit::{Person, World, on_both};

/// A member who signs in: claimed, unlike those whom chat made.
async fn claimed(world: &mut World, pond: kernel::CommunityId, name: &str) -> Person {
    let person = world.person(pond, name, Some(Role::Member)).await;
    let claim = format!("UPDATE users SET claimed_at = 1 WHERE id = {}", person.user);
    world.sql(&claim).await;
    person
}

fn change(name: &str, handle: &str) -> ProfileChange {
    ProfileChange {
        display_name: name.to_owned(),
        handle: handle.to_owned(),
        bio: "likes ponds".to_owned(),
        website: "https://example.org/ann".to_owned(),
        location: "Reeds".to_owned(),
    }
}

fn query(platform: Option<Platform>, limit: u32) -> FeedQuery {
    FeedQuery {
        platform,
        page: PageRequest::first(limit),
    }
}

on_both! {
    async fn a_handle_belongs_to_one_person_and_the_audit_log_does_not_tell_words(world: World) {
        let pond = world.community("Pond").await;
        let ann = claimed(&mut world, pond, "ann").await;
        let bob = claimed(&mut world, pond, "bob").await;
        let identity = &world.app.identity;
        identity.change_profile(&ann.actor, &change("Ann", "Ann-1")).await.unwrap();
        let taken = identity.change_profile(&bob.actor, &change("Bob", "aNN-1")).await;
        assert!(matches!(taken, Err(IdentityError::Invalid { field: "handle", .. })), "{taken:?}");
        let seen = identity.profile(&bob.actor, Who::Handle("ANN-1"), Eyes::Own).await.unwrap().unwrap();
        assert_eq!((seen.display_name.as_str(), seen.profile.bio.as_str()), ("Ann", "likes ponds"));
        let log = world.dump().await["audit"].join("\n");
        assert!(log.contains("profile.change") && !log.contains("likes ponds"), "{log}");
    }

    async fn a_profile_is_seen_by_exactly_whom_its_owner_chose(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let ann = claimed(&mut world, pond, "ann").await;
        let bob = claimed(&mut world, pond, "bob").await;
        let sam = claimed(&mut world, lake, "sam").await;
        let root = world.admin("root").await;
        let identity = &world.app.identity;
        identity.change_profile(&ann.actor, &change("Ann", "ann")).await.unwrap();
        let sees = async |actor: &Actor| {
            let seen = identity.profile(actor, Who::Handle("ann"), Eyes::Own).await.unwrap();
            let by_id = identity.profile(actor, Who::User(ann.user), Eyes::Own).await.unwrap();
            assert_eq!(seen, by_id);
            seen.is_some()
        };
        for (audience, [member, outsider]) in [
            (Audience::Community, [true, false]),
            (Audience::Nobody, [false, false]),
            (Audience::Everyone, [true, true]),
        ] {
            let mut wanted = identity.visibility(&ann.actor).await.unwrap();
            wanted.set(Platform::Discord, Facet::Profile, audience);
            let client = ClientInfo {
                address: Some(IpAddr::from([203, 0, 113, 9])),
                ..ClientInfo::default()
            };
            identity.change_visibility(&ann.actor, &wanted, &client).await.unwrap();
            assert!(sees(&ann.actor).await, "oneself, always");
            assert_eq!(sees(&bob.actor).await, member, "{audience:?}");
            for other in [&sam.actor, &root.actor, &Actor::Anonymous] {
                assert_eq!(sees(other).await, outsider, "{audience:?}, {other:?}");
            }
            let preview = async |eyes| {
                identity.profile(&ann.actor, Who::Handle("ann"), eyes).await.unwrap().is_some()
            };
            assert_eq!(preview(Eyes::Community).await, member);
            assert_eq!(preview(Eyes::Everyone).await, outsider);
        }
        let log = identity.consents(&ann.actor).await.unwrap();
        let told: Vec<_> = log.iter().map(|c| (c.before.as_str(), c.after.as_str())).collect();
        assert_eq!(told, [("nobody", "everyone"), ("community", "nobody")], "newest first");
        assert_eq!(log[0].address_prefix, "203.0.113.0/24");
        assert_eq!(log[0].subject, "discord.profile");
    }

    async fn activity_is_shown_apart_from_the_profile_and_without_words(world: World) {
        let pond = world.community("Pond").await;
        let ann = claimed(&mut world, pond, "ann").await;
        let bob = claimed(&mut world, pond, "bob").await;
        world.say(pond, "ann", "quack").await;
        let activity = world.app.activity.clone();
        let shown = async |actor: &Actor| activity.activity_of(actor, ann.user, Eyes::Own).await.unwrap();
        assert_eq!(shown(&bob.actor).await[0].messages, 1);
        assert!(shown(&Actor::Anonymous).await.is_empty());
        let mut wanted = Visibility::default();
        wanted.set(Platform::Discord, Facet::Activity, Audience::Nobody);
        let identity = &world.app.identity;
        identity.change_visibility(&ann.actor, &wanted, &ClientInfo::default()).await.unwrap();
        assert!(shown(&bob.actor).await.is_empty());
        assert_eq!(shown(&ann.actor).await.len(), 1);
    }

    async fn a_feed_is_ones_own_in_pages_and_moderation_is_for_moderators(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        world.person(pond, "bob", Some(Role::Member)).await;
        for n in 0..5 {
            world.say(pond, "ann", &format!("quack {n}")).await;
            world.say(pond, "bob", "not mine").await;
            if n != 3 {
                world.clock.advance(std::time::Duration::from_secs(1));
            }
        }
        let warned = EventKind::Moderation(Moderation {
            action: ModerationAction::Warn,
            reason: "too loud".to_owned(),
            moderator: None,
            duration_secs: None,
        });
        let event = world.event("ann", warned);
        world.record(vec![activity::Incoming { community: pond, event }]).await;
        let activity = world.app.activity.clone();
        let mut texts = Vec::new();
        let mut wanted = query(None, 2);
        loop {
            let page = activity.own_feed(&ann.actor, &wanted).await.unwrap();
            texts.extend(page.items.into_iter().map(|item| item.text));
            let Some(next) = page.next else { break };
            wanted.page = PageRequest::after(next, 2);
        }
        let mut all: Vec<String> = (0..5).rev().map(|n| format!("quack {n}")).collect();
        // They joined at the instant of their first words.
        all.insert(4, String::new());
        assert_eq!(texts, all, "each once, newest first");
        let none = activity.own_feed(&ann.actor, &query(Some(Platform::Slack), 10)).await.unwrap();
        assert!(none.items.is_empty());

        let system = world.system();
        world.app.identity.set_role(&system, pond, ann.user, Some(Role::Moderator)).await.unwrap();
        let moderator = world.actor_of(ann.user).await;
        assert!(moderator.require(Permission::ViewMembers, pond).is_ok());
        let page = activity.own_feed(&moderator, &query(None, 10)).await.unwrap();
        assert_eq!(page.items.len(), 7);
        assert!(page.items[0].event.is_some(), "{:?}", page.items[0]);
    }

    async fn the_preview_of_a_retention_counts_what_the_night_removes(world: World) {
        let pond = world.community("Pond").await;
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        world.say(pond, "olga", "old").await;
        world.clock.advance(std::time::Duration::from_secs(3 * 86_400));
        world.say(pond, "olga", "new").await;
        let activity = &world.app.activity;
        assert_eq!(activity.retention_preview(&owner.actor, pond, 2).await.unwrap(), 1);
        assert_eq!(activity.retention_preview(&owner.actor, pond, 4).await.unwrap(), 0);
    }
}
