//! Signing in with and linking accounts of providers: states that work once for whom they were
//! made, accounts that nobody takes from anybody, and ways in that do not run out.

use std::{collections::BTreeSet, time::Duration};

use app::{AppError, Outcome, Returned};
use identity::{
    Audience, ClientInfo, Confirmation, Eyes, Facet, IdentityError, Intent, NewSession, Seat, Trip,
    Who,
};
use kernel::{Actor, PageRequest, Platform, Role, Secret, SessionId};
use store::{
    KeyRing,
    seal::{KEY_BYTES, Keys},
};
use testkit::{Person, SeededEntropy, Setup, World, on_both};

const REDIRECT: &str = "https://bot.example.org/auth/discord/callback";
const BROWSER: &str = "a-random-value-of-this-browser";

fn trip<'a>(provider: &'a str, return_to: &'a str) -> Trip<'a> {
    Trip {
        provider,
        redirect: REDIRECT,
        return_to,
    }
}

fn this_browser() -> Seat<'static> {
    Seat {
        browser: Some(BROWSER),
        session: None,
    }
}

fn state_in(url: &str) -> String {
    let (_, rest) = url.split_once("state=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

/// Comes back from a provider with an account.
async fn back(
    world: &World,
    who: &Actor,
    provider: &str,
    seat: Seat<'_>,
    state: &str,
    code: &str,
) -> Result<Returned, AppError> {
    let code = Some(Secret::new(code.to_owned()));
    world
        .app
        .complete_sign_in(who, provider, seat, (state, code), &ClientInfo::default())
        .await
}

pub(super) async fn sign_in(
    world: &World,
    provider: &str,
    code: &str,
) -> Result<NewSession, AppError> {
    let url = world
        .app
        .sign_in_url(trip(provider, "/me"), BROWSER)
        .await
        .unwrap();
    let returned = back(
        world,
        &Actor::Anonymous,
        provider,
        this_browser(),
        &state_in(&url),
        code,
    )
    .await
    .unwrap();
    assert_eq!(
        (returned.intent, returned.return_to.as_str()),
        (Intent::SignIn, "/me")
    );
    match returned.outcome? {
        Outcome::SignedIn(entered) => Ok(entered.session().unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Somebody in a session just begun.
pub(super) async fn seated(world: &World, person: &Person) -> SessionId {
    let token = world.token(person.user).await;
    world
        .app
        .identity
        .authenticate(&token)
        .await
        .unwrap()
        .unwrap()
        .session
}

pub(super) async fn link(
    world: &World,
    person: &Person,
    provider: &str,
    code: &str,
) -> Result<identity::Link, AppError> {
    let session = seated(world, person).await;
    let url = world
        .app
        .link_url(&person.actor, session, None, trip(provider, "/me/accounts"))
        .await?;
    let seat = Seat {
        browser: None,
        session: Some(session),
    };
    let returned = back(world, &person.actor, provider, seat, &state_in(&url), code).await?;
    assert_eq!(returned.intent, Intent::Link(person.user));
    match returned.outcome? {
        Outcome::Linked(link) => Ok(link),
        other => panic!("{other:?}"),
    }
}

async fn actions(world: &World) -> BTreeSet<String> {
    let log = world
        .app
        .audit(&world.system(), &PageRequest::first(100))
        .await
        .unwrap();
    log.items.into_iter().map(|entry| entry.action).collect()
}

fn is_token_invalid<T: std::fmt::Debug>(answer: &Result<T, AppError>) -> bool {
    matches!(answer, Err(AppError::Identity(IdentityError::TokenInvalid)))
}

fn is_conflict<T: std::fmt::Debug>(answer: &Result<T, AppError>) -> bool {
    matches!(
        answer,
        Err(AppError::Identity(
            IdentityError::Conflict(_) | IdentityError::MergeNeeded(_)
        ))
    )
}

fn keys(id: &str, byte: u8) -> (String, store::seal::Key) {
    (id.to_owned(), Secret::new([byte; KEY_BYTES]))
}

on_both! {
    async fn of_a_hundred_uses_of_one_state_exactly_one_wins(world: World) {
        let url = world.app.sign_in_url(trip("campus", "/"), BROWSER).await.unwrap();
        let state = state_in(&url);
        let mut uses = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (identity, state) = (world.app.identity.clone(), state.clone());
            uses.spawn(async move { identity.redeem_state(&Actor::Anonymous, &state, "campus", this_browser()).await });
        }
        let mut won = 0;
        while let Some(done) = uses.join_next().await {
            match done.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert!(matches!(error, IdentityError::TokenInvalid), "{error:?}"),
            }
        }
        assert_eq!(won, 1);
    }

    async fn a_state_is_for_one_browser_one_provider_and_ten_minutes(world: World) {
        let url = world.app.sign_in_url(trip("campus", "/"), BROWSER).await.unwrap();
        let state = state_in(&url);
        let nobody = Actor::Anonymous;
        let other = Seat { browser: Some("another"), session: None };
        for (provider, seat) in [("campus", other), ("campus", Seat::default()), ("discord", this_browser())] {
            let refused = back(&world, &nobody, provider, seat, &state, "1").await;
            assert!(is_token_invalid(&refused), "{provider} {seat:?}: {refused:?}");
        }
        assert_eq!(world.provider("campus").asked(), ["authorize"], "nobody's code was redeemed");
        assert!(matches!(back(&world, &nobody, "absent", this_browser(), &state, "1").await, Err(AppError::NotFound)));
        world.clock.advance(Duration::from_mins(10));
        let late = back(&world, &nobody, "campus", this_browser(), &state, "1").await;
        assert!(is_token_invalid(&late), "{late:?}");
        world.app.identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM sign_in_state").await, 0);
    }

    async fn a_state_for_linking_is_for_one_session_of_one_person(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let bob = world.person(pond, "bob", None).await;
        let session = seated(&world, &ada).await;
        let url = world.app.link_url(&ada.actor, session, None, trip("campus", "/me/accounts")).await.unwrap();
        let state = state_in(&url);
        let elsewhere = seated(&world, &ada).await;
        let of_bob = seated(&world, &bob).await;
        let at = |session| Seat { browser: Some(BROWSER), session: Some(session) };
        for (who, seat) in [
            (&ada.actor, at(elsewhere)),
            (&bob.actor, at(of_bob)),
            (&bob.actor, at(session)),
            (&Actor::Anonymous, at(session)),
            (&ada.actor, this_browser()),
        ] {
            let refused = back(&world, who, "campus", seat, &state, "1").await;
            assert!(is_token_invalid(&refused), "{seat:?}: {refused:?}");
        }
        assert!(back(&world, &ada.actor, "campus", at(session), &state, "1").await.unwrap().outcome.is_ok());
    }

    async fn nobody_is_led_to_another_site(world: World) {
        for bad in ["https://evil.example", "//evil.example", "/\\evil.example", "/\tx", "", "me"] {
            let refused = world.app.sign_in_url(trip("campus", bad), BROWSER).await;
            assert!(matches!(refused, Err(AppError::Identity(IdentityError::Invalid { field: "return_to", .. }))), "{bad}: {refused:?}");
        }
    }

    async fn an_account_seen_in_chat_becomes_somebody_who_signs_in(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Moderator)).await;
        let session = sign_in(&world, "discord", "id-ada").await.unwrap();
        assert_eq!(session.user, ada.user);
        let known = world.app.identity.authenticate(session.token.expose()).await.unwrap().unwrap();
        assert!(known.user.claimed);
        assert_eq!(known.user.display_name, "ada");
        assert_eq!(sign_in(&world, "discord", "id-ada").await.unwrap().user, ada.user, "and again");
        let log = world.app.audit(&world.system(), &PageRequest::first(100)).await.unwrap();
        assert!(log.items.iter().any(|entry| entry.detail.contains("oauth:discord")));
        assert!(actions(&world).await.contains("user.claim"));
        assert_eq!(world.number("SELECT COUNT(*) FROM identity_link").await, 1);
    }

    async fn a_stranger_is_told_that_registration_is_closed(world: World) {
        let before = world.number("SELECT COUNT(*) FROM users").await;
        for provider in ["discord", "campus"] {
            let refused = sign_in(&world, provider, "77").await;
            assert!(is_conflict(&refused), "{refused:?}");
            assert!(refused.unwrap_err().to_string().contains("cannot register"));
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, before);
    }

    async fn a_stranger_becomes_a_user_where_registration_is_open(world: World) {
        world.restart(Setup { open_registration: true, ..Setup::default() }).await;
        // The process has providers of its own now.
        let begun = world.app.identity.begin_sign_in(trip("discord", "/"), BROWSER).await.unwrap();
        let arrival = world.app.identity.redeem_state(&Actor::Anonymous, &begun.state, "discord", this_browser()).await.unwrap();
        let proof = kernel::Proof {
            subject: "77".to_owned(),
            username: "newcomer".to_owned(),
            display_name: Some("New\u{7}comer".to_owned()),
            avatar: None,
            verified_email: None,
            account_created_at: None,
            tokens: None,
        };
        let session = world.app.identity
            .finish_sign_in(&arrival, Some(Platform::Discord), &proof, &ClientInfo::default())
            .await.unwrap().session().unwrap();
        let known = world.app.identity.authenticate(session.token.expose()).await.unwrap().unwrap();
        assert_eq!((known.user.display_name.as_str(), known.user.email, known.user.is_instance_admin), ("Newcomer", None, false));
        assert_eq!(
            world.number("SELECT COUNT(*) FROM platform_account WHERE platform_user_id = '77'").await, 1,
            "what they say in chat later is theirs"
        );
        assert!(actions(&world).await.contains("user.register"));
    }

    async fn an_address_never_says_who_somebody_is(world: World) {
        let ann = world.admin("ann").await;
        world.provider("campus").know_email(Some("ann@example.org"));
        let refused = sign_in(&world, "campus", "77").await;
        assert!(is_conflict(&refused), "{refused:?}");
        assert!(world.app.identity.links(&ann.actor).await.unwrap().is_empty());
    }

    async fn linking_brings_roles_and_history_along(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ann = world.admin("ann").await;
        world.app.identity.set_role(&world.system(), lake, ann.user, Some(Role::Member)).await.unwrap();
        let ada = world.person(pond, "ada", Some(Role::Moderator)).await;
        world.say(pond, "ada", "quack").await;
        world.say(lake, "ada", "quack").await;
        world.app.identity.set_role(&world.system(), lake, ada.user, Some(Role::Banned)).await.unwrap();
        let stale = world.token(ada.user).await;
        let made = link(&world, &ann, "discord", "id-ada").await.unwrap();
        assert_eq!((made.user, made.username.as_str(), made.scopes.len()), (ann.user, "name of id-ada", 1));
        let system = world.system();
        for (community, role) in [(pond, Role::Moderator), (lake, Role::Banned)] {
            let roles = world.app.identity.roles(&system, community, &[ann.user, ada.user]).await.unwrap();
            assert_eq!(roles.get(&ann.user), Some(&role), "{community}");
            assert_eq!(roles.get(&ada.user), None);
            assert_eq!(world.user_of(community, "ada").await, ann.user, "the history is hers");
        }
        for table in ["activity_day", "member", "platform_account", "membership", "session"] {
            let left = world.number(&format!("SELECT COUNT(*) FROM {table} WHERE user_id = {}", ada.user)).await;
            assert_eq!(left, 0, "{table}");
        }
        assert!(world.app.identity.authenticate(&stale).await.unwrap().is_none());
        world.say(pond, "ada", "again").await;
        assert_eq!(world.number("SELECT COUNT(*) FROM member WHERE name = 'ada'").await, 2, "what is said later too");
        assert_eq!(sign_in(&world, "discord", "id-ada").await.unwrap().user, ann.user);
        let again = link(&world, &ann, "discord", "id-ada").await.unwrap();
        assert_eq!(again.id, made.id, "linking one's own again is fine");
        assert!(actions(&world).await.contains("account.link"));
    }

    async fn histories_in_one_community_are_added_up(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let bob = world.person(pond, "bob", None).await;
        for (name, n) in [("ada", 2), ("bob", 3)] {
            for _ in 0..n {
                world.say(pond, name, "quack").await;
            }
        }
        sign_in(&world, "discord", "id-ada").await.unwrap();
        link(&world, &ada, "discord", "id-bob").await.unwrap();
        let query = format!("SELECT messages FROM member WHERE user_id = {}", ada.user);
        assert_eq!(world.number(&query).await, 5);
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM member WHERE user_id = {}", bob.user)).await, 0);
    }

    async fn nobody_takes_an_account_from_somebody_who_signs_in(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let bob = world.person(pond, "bob", None).await;
        sign_in(&world, "discord", "id-ada").await.unwrap();
        link(&world, &ada, "campus", "9").await.unwrap();
        let before = world.dump().await;
        for (provider, code) in [("discord", "id-ada"), ("campus", "9")] {
            let refused = link(&world, &bob, provider, code).await;
            assert!(is_conflict(&refused), "{refused:?}");
            assert!(refused.unwrap_err().to_string().contains("belongs to somebody else"));
        }
        let after = world.dump().await;
        for table in ["identity_link", "platform_account", "users", "membership"] {
            assert_eq!(before[table], after[table], "{table}");
        }
        // Unlinked, it is still theirs, and does not sign in.
        let session = seated(&world, &ada).await;
        let links = world.app.identity.links(&ada.actor).await.unwrap();
        let discord = links.iter().find(|l| l.provider == "discord").unwrap();
        world.app.unlink(&ada.actor, session, None, discord.id).await.unwrap();
        assert!(is_conflict(&link(&world, &bob, "discord", "id-ada").await));
        let refused = sign_in(&world, "discord", "id-ada").await;
        assert!(is_conflict(&refused), "{refused:?}");
    }

    async fn the_last_way_in_stays_and_tokens_are_given_back(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        sign_in(&world, "discord", "id-ada").await.unwrap();
        let session = seated(&world, &ada).await;
        let only = world.app.identity.links(&ada.actor).await.unwrap().remove(0);
        let refused = world.app.unlink(&ada.actor, session, None, only.id).await;
        assert!(is_conflict(&refused), "{refused:?}");
        let second = link(&world, &ada, "campus", "9").await.unwrap();
        world.provider("campus").asked();
        world.provider("campus").fail(Some("out of order"));
        let bob = world.person(pond, "bob", None).await;
        let foreign = world.app.unlink(&bob.actor, seated(&world, &bob).await, None, second.id).await;
        assert!(matches!(foreign, Err(AppError::Identity(IdentityError::NotFound))), "{foreign:?}");
        world.app.unlink(&ada.actor, session, None, second.id).await.unwrap();
        assert_eq!(world.provider("campus").asked(), ["revoke access-9"]);
        assert_eq!(world.number("SELECT COUNT(*) FROM identity_link").await, 1);
        assert!(actions(&world).await.contains("account.unlink"));
        // With a password the last link may go.
        let ann = world.admin("ann").await;
        let last = link(&world, &ann, "discord", "555").await.unwrap();
        world.app.unlink(&ann.actor, seated(&world, &ann).await, None, last.id).await.unwrap();
        assert!(world.app.identity.links(&ann.actor).await.unwrap().is_empty());
    }

    async fn the_account_that_was_chosen_comes_first_for_whoever_may_see_it(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let bob = world.person(pond, "bob", Some(Role::Member)).await;
        sign_in(&world, "discord", "id-ann").await.unwrap();
        let zoe = link(&world, &ann, "discord", "id-zoe").await.unwrap();
        let campus = link(&world, &ann, "campus", "7").await.unwrap();
        let theirs = link(&world, &bob, "campus", "8").await.unwrap();
        let identity = world.app.identity.clone();
        let mut open = identity.visibility(&ann.actor).await.unwrap();
        open.set(Platform::Discord, Facet::Profile, Audience::Everyone);
        identity.change_visibility(&ann.actor, &open, &ClientInfo::default()).await.unwrap();
        let seen = async |who: &Actor| {
            let view = identity.profile(who, Who::User(ann.user), Eyes::Own).await.unwrap().unwrap();
            let accounts: Vec<_> = view.accounts.iter().map(|account| account.id).collect();
            let links: Vec<_> = view.links.iter().map(|link| link.id).collect();
            (accounts, links)
        };
        let choose = async |link| identity.choose_primary_link(&ann.actor, link).await;
        let of_zoe = zoe.account.unwrap();
        let (accounts, links) = seen(&Actor::Anonymous).await;
        assert_eq!((accounts.len(), accounts[1], links.len(), links[1]), (2, of_zoe, 2, zoe.id));

        choose(Some(zoe.id)).await.unwrap();
        choose(Some(zoe.id)).await.unwrap();
        for who in [&Actor::Anonymous, &bob.actor, &ann.actor] {
            let (accounts, links) = seen(who).await;
            assert_eq!((accounts[0], links[0]), (of_zoe, zoe.id));
        }
        let own = identity.links(&ann.actor).await.unwrap();
        let chosen: Vec<_> = own.iter().map(|link| (link.provider.as_str(), link.is_primary)).collect();
        assert_eq!(chosen, [("campus", false), ("discord", false), ("discord", true)], "the list stays in its order");
        let audited = "SELECT COUNT(*) FROM audit WHERE action = 'account.primary'";
        assert_eq!(world.number(audited).await, 1, "the same again is nothing");
        assert!(!world.dump().await["audit"].join("").contains("id-zoe"));

        for nobodys in [theirs.id, kernel::LinkId(9_999)] {
            let refused = choose(Some(nobodys)).await;
            assert!(matches!(refused, Err(IdentityError::NotFound)), "{refused:?}");
        }
        assert_eq!(seen(&bob.actor).await.0[0], of_zoe, "what was refused changed nothing");

        // One that nobody else may see is first for oneself alone.
        choose(Some(campus.id)).await.unwrap();
        assert_eq!(seen(&bob.actor).await, (accounts.clone(), links.clone()));
        assert_eq!(seen(&ann.actor).await.1[0], campus.id);
        choose(None).await.unwrap();
        choose(None).await.unwrap();
        assert_eq!(seen(&bob.actor).await, (accounts, links));
        assert_eq!(world.number(audited).await, 3);

        choose(Some(zoe.id)).await.unwrap();
        let session = seated(&world, &ann).await;
        world.app.unlink(&ann.actor, session, None, zoe.id).await.unwrap();
        assert!(identity.links(&ann.actor).await.unwrap().iter().all(|link| !link.is_primary));
        assert_eq!(world.number("SELECT COUNT(*) FROM primary_link").await, 0);
    }

    async fn of_many_choices_at_once_one_stands(world: World) {
        let ann = world.admin("ann").await;
        let mut ids = Vec::new();
        for code in ["1", "2", "3", "4"] {
            ids.push(link(&world, &ann, "campus", code).await.unwrap().id);
        }
        let mut all = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (identity, actor, id) = (world.app.identity.clone(), ann.actor.clone(), ids[n % 4]);
            all.spawn(async move { identity.choose_primary_link(&actor, Some(id)).await.is_ok() });
        }
        assert!(all.join_all().await.into_iter().all(|is_done| is_done));
        let own = world.app.identity.links(&ann.actor).await.unwrap();
        assert_eq!(own.iter().filter(|link| link.is_primary).count(), 1);
    }

    async fn two_ways_in_are_never_both_taken_away_at_once(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        sign_in(&world, "discord", "id-ada").await.unwrap();
        link(&world, &ada, "campus", "9").await.unwrap();
        let session = seated(&world, &ada).await;
        let links = world.app.identity.links(&ada.actor).await.unwrap();
        let unlink = |id| world.app.identity.unlink(&ada.actor, session, None, id);
        let (one, other) = tokio::join!(unlink(links[0].id), unlink(links[1].id));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }

    async fn linking_needs_a_young_session_or_the_password(world: World) {
        let ann = world.admin("ann").await;
        let session = seated(&world, &ann).await;
        assert_eq!(world.app.identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Given);
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(world.app.identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Password);
        let begin = async |password: Option<&str>| {
            let password = password.map(|p| Secret::new(p.to_owned()));
            world.app.link_url(&ann.actor, session, password.as_ref(), trip("campus", "/")).await
        };
        for bad in [None, Some(""), Some("wrong horse battery")] {
            let refused = begin(bad).await;
            assert!(matches!(refused, Err(AppError::Identity(IdentityError::Invalid { field: "password", .. }))), "{bad:?}: {refused:?}");
        }
        begin(Some("correct horse battery")).await.unwrap();
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", None).await;
        let foreign = world.app.identity.confirmation(&ada.actor, session).await.unwrap();
        assert_eq!(foreign, Confirmation::SignInAgain, "somebody else's session");
    }

    async fn whoever_says_no_is_not_signed_in(world: World) {
        let url = world.app.sign_in_url(trip("discord", "/"), BROWSER).await.unwrap();
        let state = state_in(&url);
        let done = world.app
            .complete_sign_in(&Actor::Anonymous, "discord", this_browser(), (&state, None), &ClientInfo::default())
            .await.unwrap();
        assert!(matches!(done.outcome, Ok(Outcome::Declined)));
        assert!(is_token_invalid(&back(&world, &Actor::Anonymous, "discord", this_browser(), &state, "1").await));
    }

    async fn tokens_and_states_are_found_nowhere_and_follow_a_new_key(world: World) {
        let ann = world.admin("ann").await;
        link(&world, &ann, "campus", "c4nary").await.unwrap();
        let sent = world.provider("campus").sent();
        let dump = format!("{:?}", world.dump().await);
        for secret in ["access-c4nary", "refresh-c4nary", &sent.state, sent.verifier.expose()] {
            assert!(!dump.contains(secret), "{secret}");
        }
        let db = world.app.db();
        let old = KeyRing::new(&Keys::new("test", vec![keys("test", 7)]).unwrap());
        assert_eq!(app::check_seals(db, &old).await.unwrap().by_key["test"], 2);
        let both = KeyRing::new(&Keys::new("new", vec![keys("new", 8), keys("test", 7)]).unwrap());
        let done = app::reseal(db, &both, &SeededEntropy::new(5)).await.unwrap();
        assert_eq!((done.texts, done.overtaken), (2, 0));
        assert_eq!(app::missing_key(db, &old).await.unwrap().as_deref(), Some("new"));
    }
}
