//! Linked roles and the tokens they are told with: refreshed once however many want them; told once
//! however often something changes, and only what its owner lets others see.

use std::{sync::Arc, time::Duration};

use app::{App, AppError, Outcome};
use identity::{
    Audience, ClientInfo, Facet, IdentityError, LinkedRole, RoleState, Seat, Trip, Visibility,
};
use kernel::{Actor, Clock, LinkId, Platform, Role, RoleMetadata, Secret};
use testkit::{Person, Setup, World, on_both};

use super::links::{link, seated, sign_in};

const KEY: &str = "discord";
/// Until the tokens of a sign-in have ended.
const MONTHS: Duration = Duration::from_secs(120 * 86_400);
const QUARTER: Duration = Duration::from_mins(15);

/// Links an account and lets the provider be told about roles.
async fn link_for_roles(world: &World, person: &Person, code: &str) -> LinkId {
    let session = seated(world, person).await;
    let trip = Trip {
        provider: KEY,
        redirect: "https://bot.example.org/auth/discord/callback",
        return_to: "/me/accounts",
    };
    let app = &world.app;
    let url = app
        .link_for_roles_url(&person.actor, session, None, trip)
        .await
        .unwrap();
    let (_, rest) = url.split_once("state=").unwrap();
    let state = rest.split('&').next().unwrap();
    let seat = Seat {
        browser: None,
        session: Some(session),
    };
    let back = (state, Some(Secret::new(code.to_owned())));
    let returned = app
        .complete_sign_in(&person.actor, KEY, seat, back, &ClientInfo::default())
        .await
        .unwrap();
    match returned.outcome.unwrap() {
        Outcome::Linked(link) => link.id,
        other => panic!("{other:?}"),
    }
}

/// Runs what is due, as the worker does.
async fn work(world: &World) {
    let runner = app::jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
}

/// How often the provider was told something since the last time.
fn told(world: &World) -> usize {
    let asked = world.provider(KEY).asked();
    asked.iter().filter(|what| what.starts_with("tell")).count()
}

async fn role(world: &World, actor: &Actor) -> LinkedRole {
    let mut roles = world.app.identity.linked_roles(actor).await.unwrap();
    assert_eq!(roles.len(), 1);
    roles.remove(0)
}

async fn open_jobs(world: &World) -> i64 {
    world
        .number("SELECT COUNT(*) FROM job WHERE kind = 'roles.tend' AND state IN (0, 1, 2)")
        .await
}

fn is_relink<T: std::fmt::Debug>(answer: &Result<T, AppError>) -> bool {
    matches!(answer, Err(AppError::Conflict(words)) if words.contains("linked again"))
}

/// Ada of the pond, whose Discord account is linked and allows it.
async fn ada(world: &mut World) -> (Person, LinkId) {
    let pond = world.community("Pond").await;
    let ada = world.person(pond, "ada", Some(Role::Member)).await;
    let link = link_for_roles(world, &ada, "id-ada").await;
    (ada, link)
}

async fn show_reputation(world: &World, person: &Person, audience: Audience) {
    let mut wanted = Visibility::default();
    wanted.set(Platform::Discord, Facet::Reputation, audience);
    let identity = &world.app.identity;
    identity
        .change_visibility(&person.actor, &wanted, &ClientInfo::default())
        .await
        .unwrap();
}

on_both! {
    async fn tokens_are_refreshed_once_however_many_processes_want_them(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let made = link(&world, &ada, KEY, "id-ada").await.unwrap();
        let good = world.app.personal_tokens(made.id).await.unwrap();
        assert_eq!(good.access.expose(), "access-id-ada");
        world.clock.advance(MONTHS);
        let setup = Setup { providers: world.providers(), ..Setup::default() };
        let node = world.another(setup).await;
        let mut wanting = tokio::task::JoinSet::new();
        for n in 0..100 {
            let app: Arc<App> = Arc::clone(if n % 2 == 0 { &world.app } else { &node.app });
            wanting.spawn(async move { app.personal_tokens(made.id).await });
        }
        let mut n_given = 0;
        while let Some(given) = wanting.join_next().await {
            assert_eq!(given.unwrap().unwrap().access.expose(), "access-id-ada#1");
            n_given += 1;
        }
        assert_eq!((n_given, world.provider(KEY).n_refreshed()), (100, 1));
        assert_eq!(world.number("SELECT COUNT(*) FROM link_refresh").await, 0);
        node.stop().await;
    }

    async fn a_refused_refresh_is_not_repeated_and_says_to_link_again(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let made = link(&world, &ada, KEY, "id-ada").await.unwrap();
        assert!(!made.needs_relink);
        world.clock.advance(MONTHS);
        world.provider(KEY).end_tokens(true);
        world.provider(KEY).asked();
        for _ in 0..3 {
            let refused = world.app.personal_tokens(made.id).await;
            assert!(is_relink(&refused), "{refused:?}");
        }
        assert_eq!(world.provider(KEY).asked(), ["refresh"]);
        assert!(world.app.identity.links(&ada.actor).await.unwrap()[0].needs_relink);
        // The world's clock is past the end of what a sign-in gives: what counts is what is kept.
        link(&world, &ada, KEY, "id-ada").await.unwrap();
        assert!(!world.app.identity.links(&ada.actor).await.unwrap()[0].needs_relink);
        let fresh = world.app.personal_tokens(made.id).await.unwrap();
        assert_eq!(fresh.access.expose(), "access-id-ada#1");
    }

    async fn a_provider_that_is_away_ends_nothing(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let made = link(&world, &ada, KEY, "id-ada").await.unwrap();
        world.clock.advance(MONTHS);
        world.provider(KEY).fail(Some("away"));
        let failed = world.app.personal_tokens(made.id).await;
        assert!(matches!(failed, Err(AppError::Platform(_))), "{failed:?}");
        assert!(!world.app.identity.links(&ada.actor).await.unwrap()[0].needs_relink);
        world.provider(KEY).fail(None);
        assert!(world.app.personal_tokens(made.id).await.is_ok());
    }

    async fn who_died_while_refreshing_holds_others_up_for_a_minute_and_overwrites_nothing(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let made = link(&world, &ada, KEY, "id-ada").await.unwrap();
        let identity = &world.app.identity;
        let dead = identity.begin_refresh(made.id).await.unwrap().unwrap();
        assert!(identity.begin_refresh(made.id).await.unwrap().is_none());
        world.clock.advance(Duration::from_mins(1));
        let next = identity.begin_refresh(made.id).await.unwrap().unwrap();
        let mut late = world.app.personal_tokens(made.id).await.unwrap();
        late.access = Secret::new("late".to_owned());
        assert!(!identity.finish_refresh(&dead, &late).await.unwrap());
        // Linking again counts for more than a refresh of what was there before.
        link(&world, &ada, KEY, "id-ada").await.unwrap();
        assert!(!identity.finish_refresh(&next, &late).await.unwrap());
        let kept = world.app.personal_tokens(made.id).await.unwrap();
        assert_eq!(kept.access.expose(), "access-id-ada");
    }

    async fn signing_in_does_not_take_back_what_linking_allowed(world: World) {
        let (ada, link) = ada(&mut world).await;
        work(&world).await;
        sign_in(&world, KEY, "id-ada").await.unwrap();
        let links = world.app.identity.links(&ada.actor).await.unwrap();
        assert_eq!((links[0].id, links[0].scopes.len()), (link, 2));
        world.provider(KEY).end_tokens(true);
        show_reputation(&world, &ada, Audience::Everyone).await;
        work(&world).await;
        assert_eq!(role(&world, &ada.actor).await.state, RoleState::NeedsRelink);
        sign_in(&world, KEY, "id-ada").await.unwrap();
        let links = world.app.identity.links(&ada.actor).await.unwrap();
        assert_eq!(links[0].scopes.len(), 1, "dead tokens are worth less than any");
        world.app.tend_roles().await.unwrap();
        assert!(world.app.identity.linked_roles(&ada.actor).await.unwrap().is_empty());
    }

    async fn only_who_allows_it_is_told_about_and_only_what_others_may_see(world: World) {
        let pond = world.community("Lake").await;
        let bob = world.person(pond, "bob", None).await;
        link(&world, &bob, KEY, "id-bob").await.unwrap();
        let (ada, _) = ada(&mut world).await;
        work(&world).await;
        assert_eq!(world.provider(KEY).roles_of("id-bob"), None);
        let mut wanted = RoleMetadata {
            name: Some("ada".to_owned()),
            verified: Some(false),
            platforms: Some(1),
            ..RoleMetadata::default()
        };
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(wanted.clone()));
        let shown = role(&world, &ada.actor).await;
        assert_eq!((shown.state, &shown.wanted), (RoleState::Told, &wanted));
        show_reputation(&world, &ada, Audience::Community).await;
        work(&world).await;
        (wanted.tier, wanted.reputation) = (Some(2), Some(600));
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(wanted.clone()));
        link(&world, &ada, "campus", "9").await.unwrap();
        work(&world).await;
        wanted.platforms = Some(2);
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(wanted.clone()));
        show_reputation(&world, &ada, Audience::Nobody).await;
        work(&world).await;
        (wanted.tier, wanted.reputation) = (None, None);
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(wanted));
        assert_eq!(told(&world), 4, "each change once");
        let consents = world.app.identity.consents(&ada.actor).await.unwrap();
        assert!(consents.iter().any(|line| line.subject == "discord.roles" && line.after == KEY));
    }

    async fn chat_tells_nothing_until_a_quarter_of_an_hour_has_passed(world: World) {
        let (ada, _) = ada(&mut world).await;
        show_reputation(&world, &ada, Audience::Everyone).await;
        work(&world).await;
        told(&world);
        let pond = world.app.identity.communities(&world.system()).await.unwrap()[0].0.id;
        for _ in 0..30 {
            world.say(pond, "ada", "quack").await;
            // What a chatty evening brings.
            world.sql("UPDATE reputation SET change = change + 2000").await;
            assert_eq!(open_jobs(&world).await, 0, "nobody is woken by chat");
            world.app.tend_roles().await.unwrap();
        }
        assert_eq!(told(&world), 0);
        world.clock.advance(QUARTER);
        for _ in 0..3 {
            world.app.tend_roles().await.unwrap();
        }
        assert_eq!(told(&world), 1);
        let known = world.provider(KEY).roles_of("id-ada").unwrap();
        assert!(known.reputation.unwrap() > 600, "{known:?}");
        world.clock.advance(QUARTER);
        world.app.tend_roles().await.unwrap();
        assert_eq!(told(&world), 0, "the same is not told again");
    }

    async fn stopping_takes_back_what_was_told_and_telling_again_tells_it(world: World) {
        let (ada, link) = ada(&mut world).await;
        work(&world).await;
        let identity = world.app.identity.clone();
        let client = ClientInfo::default();
        let soon = identity.push_roles(&ada.actor, link, &client).await;
        assert!(matches!(soon, Err(IdentityError::Conflict(_))), "{soon:?}");
        identity.stop_roles(&ada.actor, link, &client).await.unwrap();
        work(&world).await;
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(RoleMetadata::default()));
        let stopped = role(&world, &ada.actor).await;
        assert_eq!((stopped.is_stopped, stopped.state, stopped.next_at), (true, RoleState::Told, None));
        show_reputation(&world, &ada, Audience::Everyone).await;
        assert_eq!(open_jobs(&world).await, 0, "who stopped it is left alone");
        world.clock.advance(QUARTER);
        world.app.tend_roles().await.unwrap();
        assert_eq!(told(&world), 2);
        identity.push_roles(&ada.actor, link, &client).await.unwrap();
        work(&world).await;
        assert!(world.provider(KEY).roles_of("id-ada").unwrap().reputation.is_some());
        let consents = identity.consents(&ada.actor).await.unwrap();
        let about = consents.iter().filter(|line| line.subject == "discord.roles").count();
        assert_eq!(about, 3, "allowed, stopped, allowed");
        world.clock.advance(Duration::from_mins(1));
        identity.push_roles(&ada.actor, link, &client).await.unwrap();
        work(&world).await;
        assert_eq!(told(&world), 2, "«tell it now» tells it even if nothing changed");
    }

    async fn what_fails_is_tried_ten_times_and_again_when_something_changes(world: World) {
        let (ada, _) = ada(&mut world).await;
        world.provider(KEY).fail(Some("away"));
        for _ in 0..30 {
            world.app.tend_roles().await.unwrap();
            world.clock.advance(Duration::from_secs(6 * 3_600));
        }
        assert_eq!(told(&world), 10);
        let failed = role(&world, &ada.actor).await;
        assert_eq!((failed.state, failed.trouble.as_deref()), (RoleState::GivenUp, Some("away")));
        world.provider(KEY).fail(None);
        show_reputation(&world, &ada, Audience::Everyone).await;
        work(&world).await;
        let well = role(&world, &ada.actor).await;
        assert_eq!((well.state, well.trouble), (RoleState::Told, None));
    }

    async fn a_provider_that_asks_to_wait_is_left_alone_so_long(world: World) {
        let (ada, _) = ada(&mut world).await;
        let pond = world.app.identity.communities(&world.system()).await.unwrap()[0].0.id;
        let bob = world.person(pond, "bob", None).await;
        link_for_roles(&world, &bob, "id-bob").await;
        world.provider(KEY).ask_to_wait(Some(Duration::from_secs(120)));
        work(&world).await;
        world.app.tend_roles().await.unwrap();
        assert_eq!(told(&world), 1, "after the first answer nobody is asked about");
        world.provider(KEY).ask_to_wait(None);
        world.clock.advance(Duration::from_secs(119));
        world.app.tend_roles().await.unwrap();
        assert_eq!(told(&world), 0);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.app.tend_roles().await.unwrap(), 2);
        assert_eq!(role(&world, &ada.actor).await.state, RoleState::Told);
    }

    async fn tokens_that_are_not_taken_are_refreshed_and_dead_ones_are_said_to_be(world: World) {
        let (ada, _) = ada(&mut world).await;
        world.provider(KEY).end_tokens(false);
        world.provider(KEY).asked();
        work(&world).await;
        assert_eq!(
            world.provider(KEY).asked(),
            ["tell roles with access-id-ada", "refresh", "tell roles with access-id-ada#1"]
        );
        world.provider(KEY).end_tokens(true);
        show_reputation(&world, &ada, Audience::Everyone).await;
        work(&world).await;
        assert_eq!(role(&world, &ada.actor).await.state, RoleState::NeedsRelink);
        assert!(world.app.identity.links(&ada.actor).await.unwrap()[0].needs_relink);
        world.provider(KEY).asked();
        world.clock.advance(QUARTER);
        world.app.tend_roles().await.unwrap();
        assert_eq!(world.provider(KEY).asked(), [""; 0], "a dead token is not tried again");
        link_for_roles(&world, &ada, "id-ada").await;
        work(&world).await;
        assert_eq!(role(&world, &ada.actor).await.state, RoleState::Told);
    }

    async fn unlinking_and_erasing_take_back_what_was_told_before_the_tokens_go(world: World) {
        let (ada, first) = ada(&mut world).await;
        work(&world).await;
        link(&world, &ada, "campus", "9").await.unwrap();
        work(&world).await;
        world.provider(KEY).asked();
        let session = seated(&world, &ada).await;
        world.app.unlink(&ada.actor, session, None, first).await.unwrap();
        assert_eq!(
            world.provider(KEY).asked(),
            ["tell nothing with access-id-ada", "revoke access-id-ada"]
        );
        assert_eq!(world.number("SELECT COUNT(*) FROM linked_role").await, 0);
        link_for_roles(&world, &ada, "id-ada").await;
        work(&world).await;
        let session = seated(&world, &ada).await;
        world.app.identity.request_erasure(&ada.actor, session, None).await.unwrap();
        world.clock.advance(Duration::from_secs(15 * 86_400));
        world.provider(KEY).end_tokens(false);
        world.provider(KEY).asked();
        world.app.tend_privacy().await.unwrap();
        assert_eq!(
            world.provider(KEY).asked(),
            ["tell nothing with access-id-ada", "refresh", "tell nothing with access-id-ada#1", "revoke access-id-ada#1"]
        );
        assert_eq!(world.provider(KEY).roles_of("id-ada"), Some(RoleMetadata::default()));
        for table in ["linked_role", "link_refresh", "identity_link"] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
    }

    async fn two_processes_tell_everything_once(world: World) {
        let pond = world.community("Pond").await;
        for n in 0..30 {
            let person = world.person(pond, &format!("duck-{n}"), None).await;
            link_for_roles(&world, &person, &format!("id-duck-{n}")).await;
        }
        let setup = Setup { providers: world.providers(), ..Setup::default() };
        let node = world.another(setup).await;
        let (here, there) = tokio::join!(world.app.tend_roles(), node.app.tend_roles());
        assert_eq!(here.unwrap() + there.unwrap(), 30);
        assert_eq!(told(&world), 30);
        work(&world).await;
        assert_eq!(told(&world), 0);
        node.stop().await;
    }
}
