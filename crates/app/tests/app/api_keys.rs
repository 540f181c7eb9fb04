//! API keys: what they open, for how long, and how many there may be.

use std::time::Duration;

use identity::{IdentityError, KEY_DAYS_MAX, KeyScope, NewApiKey};
use kernel::{Actor, Permission, Role, Secret};
use testkit::{World, on_both};

const PASSWORD: &str = "correct horse battery";
const DAY: Duration = Duration::from_hours(24);

fn wanted(scope: KeyScope) -> NewApiKey {
    NewApiKey {
        name: "kitchen".to_owned(),
        scope,
        days: 30,
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn holder(world: &World, key: &Secret<String>) -> Option<Actor> {
    let found = world.app.identity.authenticate_key(key.expose()).await;
    found.unwrap().map(|holder| holder.actor)
}

on_both! {
    async fn a_key_acts_as_its_owner_with_the_rights_of_the_moment(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let mia = world.person(pond, "mia", Some(Role::Moderator)).await;
        let identity = world.app.identity.clone();
        identity.set_role(&world.system(), lake, mia.user, Some(Role::Owner)).await.unwrap();
        let actor = world.actor_of(mia.user).await;
        let all = identity.create_api_key(&actor, world.session(mia.user).await, &wanted(KeyScope::Everything), &secret("")).await.unwrap();
        let one = identity.create_api_key(&actor, world.session(mia.user).await, &wanted(KeyScope::Community(pond)), &secret("")).await.unwrap();

        assert_eq!(holder(&world, &all.key).await, Some(actor));
        let limited = holder(&world, &one.key).await.unwrap();
        assert!(limited.require(Permission::ViewMembers, pond).is_ok());
        assert!(limited.require(Permission::ViewCommunity, lake).is_err());

        identity.set_role(&world.system(), pond, mia.user, Some(Role::Member)).await.unwrap();
        let limited = holder(&world, &one.key).await.unwrap();
        assert!(limited.require(Permission::ViewMembers, pond).is_err(), "rights are read anew");
    }

    async fn a_limited_key_of_an_instance_administrator_stays_limited_when_roles_are_read_again(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ann = world.admin("ann").await;
        let identity = world.app.identity.clone();
        let made = identity.create_api_key(&ann.actor, world.session(ann.user).await, &wanted(KeyScope::Community(pond)), &secret(PASSWORD)).await.unwrap();
        let limited = holder(&world, &made.key).await.unwrap();
        let again = identity.refresh(&limited).await.unwrap().unwrap();
        for actor in [limited, again] {
            assert!(actor.require(Permission::ManageCommunity, pond).is_ok());
            assert!(actor.require(Permission::ViewCommunity, lake).is_err());
            assert!(actor.require_instance(Permission::OperateInstance).is_err());
            let seen = identity.communities(&actor).await.unwrap();
            assert_eq!(seen.iter().map(|(community, _)| community.id).collect::<Vec<_>>(), [pond]);
        }
    }

    async fn the_right_password_is_no_failed_attempt_whatever_becomes_of_the_wish(world: World) {
        let ann = world.admin("ann").await;
        let identity = world.app.identity.clone();
        let session = world.session(ann.user).await;
        world.clock.advance(Duration::from_secs(301));
        for _ in 0..20 {
            match identity.create_api_key(&ann.actor, session, &wanted(KeyScope::Everything), &secret(PASSWORD)).await {
                Ok(_) | Err(IdentityError::Conflict(_)) => {}
                Err(other) => panic!("unexpected: {other:?}"),
            }
        }
        let mut n_wrong = 0;
        while let Err(IdentityError::Invalid { field: "password", .. }) =
            identity.create_api_key(&ann.actor, session, &wanted(KeyScope::Everything), &secret("wrong horse battery")).await
        {
            n_wrong += 1;
            assert!(n_wrong < 20, "guesses are never slowed down");
        }
        assert!(n_wrong >= 5);
    }

    async fn a_key_is_worth_nothing_after_its_last_day_and_is_listed_a_month_longer(world: World) {
        let ann = world.admin("ann").await;
        let identity = world.app.identity.clone();
        let made = identity.create_api_key(&ann.actor, world.session(ann.user).await, &wanted(KeyScope::Everything), &secret(PASSWORD)).await.unwrap();
        world.clock.advance(Duration::from_secs(30 * 86_400 - 1));
        assert!(holder(&world, &made.key).await.is_some());
        world.clock.advance(Duration::from_secs(1));
        assert!(holder(&world, &made.key).await.is_none());
        assert!(matches!(
            identity.regenerate_api_key(&ann.actor, world.session(ann.user).await, made.id, &secret(PASSWORD)).await,
            Err(IdentityError::NotFound)
        ));
        identity.sweep().await.unwrap();
        assert_eq!(identity.api_keys(&ann.actor).await.unwrap().len(), 1);
        world.clock.advance(DAY * 30);
        identity.sweep().await.unwrap();
        assert!(identity.api_keys(&ann.actor).await.unwrap().is_empty());
    }

    async fn of_many_made_at_once_five_are_valid(world: World) {
        let pond = world.community("Pond").await;
        let mia = world.person(pond, "mia", Some(Role::Member)).await;
        let session = world.session(mia.user).await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (identity, actor) = (world.app.identity.clone(), mia.actor.clone());
                tokio::spawn(async move {
                    identity.create_api_key(&actor, session, &wanted(KeyScope::Everything), &secret("")).await
                })
            })
            .collect();
        let mut n_made = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => n_made += 1,
                Err(IdentityError::Conflict(_)) => {}
                Err(other) => panic!("unexpected: {other:?}"),
            }
        }
        let n_valid = world.app.identity.api_keys(&mia.actor).await.unwrap().len();
        assert_eq!((n_made, n_valid), (5, 5));
    }

    async fn only_hashes_are_stored_and_a_reset_password_ends_every_key(world: World) {
        let ann = world.admin("ann").await;
        let identity = world.app.identity.clone();
        let made = identity.create_api_key(&ann.actor, world.session(ann.user).await, &wanted(KeyScope::Everything), &secret(PASSWORD)).await.unwrap();
        let text = made.key.expose().trim_start_matches("wbot_user_").to_owned();
        let dump = world.dump().await;
        assert!(dump.values().flatten().all(|row| !row.contains(&text)), "the key is in the database");
        identity.reset_password(&world.system(), "ann@example.org", &secret("another horse battery")).await.unwrap();
        assert!(holder(&world, &made.key).await.is_none());
        assert!(holder(&world, &secret("wbot_user_")).await.is_none());
        assert!(holder(&world, &secret("")).await.is_none());
    }

    async fn bad_wishes_are_refused_with_the_field(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let mia = world.person(pond, "mia", Some(Role::Member)).await;
        let identity = &world.app.identity;
        let wish = |name: &str, days, scope| NewApiKey { name: name.to_owned(), days, scope };
        for (wrong, field) in [
            (wish(" ", 1, KeyScope::Everything), "name"),
            (wish(&"x".repeat(81), 1, KeyScope::Everything), "name"),
            (wish("x", 0, KeyScope::Everything), "days"),
            (wish("x", KEY_DAYS_MAX + 1, KeyScope::Everything), "days"),
            (wish("x", 1, KeyScope::Community(lake)), "community"),
        ] {
            match identity.create_api_key(&mia.actor, world.session(mia.user).await, &wrong, &secret("")).await {
                Err(IdentityError::Invalid { field: at, .. }) => assert_eq!(at, field),
                other => panic!("{wrong:?}: {other:?}"),
            }
        }
        assert!(identity.api_keys(&mia.actor).await.unwrap().is_empty());
    }
}
