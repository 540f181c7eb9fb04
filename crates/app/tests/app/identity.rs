//! Who people are: set-up, sign-in, sessions, roles, communities, accounts, and the audit trail.

use std::{net::IpAddr, sync::Arc, time::Duration};

use identity::{
    ClientInfo, CommunityChange, Identity, IdentityError, NewAccount, NewCommunity, NewServer,
    NewSession, SeenAccount,
};
use kernel::{
    Actor, CommunityId, EventKind, Page, PageRequest, Platform, Role, Secret, SessionId, UserId,
};
use store::audit::{Record, Verdict};
use testkit::{World, message, on_both};

const PASSWORD: &str = "correct horse battery";
const DAY: Duration = Duration::from_hours(24);

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn ann() -> NewAccount {
    NewAccount {
        display_name: "Ann".to_owned(),
        email: "Ann@Example.org".to_owned(),
        password: secret(PASSWORD),
    }
}

fn browser() -> ClientInfo {
    ClientInfo {
        user_agent: "Netscape 4".to_owned(),
        address: Some(IpAddr::from([203, 0, 113, 7])),
    }
}

async fn sign_in(world: &World, password: &str) -> Result<NewSession, IdentityError> {
    let identity = &world.app.identity;
    identity
        .sign_in("ann@example.org", &secret(password), &browser())
        .await
        .map(|entered| entered.session().unwrap())
}

/// Who a token belongs to now.
async fn owner_of(world: &World, token: &Secret<String>) -> Option<UserId> {
    let known = world
        .app
        .identity
        .authenticate(token.expose())
        .await
        .unwrap();
    known.map(|known| known.user.id)
}

/// Runs the same call many times at once.
async fn at_once<F, T>(identity: &Identity, n: usize, call: impl Fn(Identity) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..n)
        .map(|_| tokio::spawn(call(identity.clone())))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

async fn trail(world: &World) -> Vec<Record> {
    let page: Page<Record> = world
        .app
        .audit(&world.system(), &PageRequest::first(100))
        .await
        .unwrap();
    page.items
}

async fn actions(world: &World) -> Vec<String> {
    trail(world)
        .await
        .into_iter()
        .rev()
        .map(|entry| entry.action)
        .collect()
}

async fn assert_intact(world: &World) {
    let verdict = world.app.verify_audit(&world.system()).await.unwrap();
    assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
}

/// What a field-by-field refusal names.
fn field<T: std::fmt::Debug>(answer: Result<T, IdentityError>) -> &'static str {
    match answer {
        Err(IdentityError::Invalid { field, .. }) => field,
        other => panic!("not refused for a field: {other:?}"),
    }
}

on_both! {
    async fn an_account_that_presses_before_it_speaks_is_somebody_and_keeps_its_rights(world: World) {
        let pond = world.community("Pond").await;
        let mia = world.person(pond, "mia", Some(Role::Moderator)).await;
        let account = |name: &str| identity::SeenAccount {
            platform: kernel::Platform::Discord,
            platform_user_id: format!("id-{name}"),
            username: name.to_owned(),
            is_bot: false,
            account_created_at: None,
        };
        let identity = world.app.identity.clone();
        assert_eq!(identity.actor_of_account(&account("mia")).await.unwrap(), mia.actor);
        let both: Vec<_> = (0..2).map(|_| {
            let (identity, new) = (identity.clone(), account("new"));
            tokio::spawn(async move { identity.actor_of_account(&new).await.unwrap() })
        }).collect();
        let mut users = Vec::new();
        for actor in both {
            let actor = actor.await.unwrap();
            assert_eq!(actor.role_in(pond), None);
            users.push(actor.user_id().unwrap());
        }
        assert_eq!(users[0], users[1], "two at once meet one person");
        assert_ne!(users[0], mia.user);
        assert_eq!(world.number("SELECT COUNT(*) FROM platform_account WHERE platform_user_id = 'id-new'").await, 1);
    }

    async fn the_set_up_token_makes_one_administrator_once(world: World) {
        let identity = &world.app.identity;
        assert!(identity.needs_setup().await.unwrap());
        let first = identity.issue_setup_token().await.unwrap();
        let second = identity.issue_setup_token().await.unwrap();
        for void in [first.expose().as_str(), "", "nonsense"] {
            let refused = identity.set_up(void, &ann(), &browser()).await;
            assert!(matches!(refused, Err(IdentityError::TokenInvalid)), "{refused:?}");
        }
        let session = identity.set_up(second.expose(), &ann(), &browser()).await.unwrap();
        let known = identity.authenticate(session.token.expose()).await.unwrap().unwrap();
        assert!(known.actor.is_instance_admin() && known.user.claimed);
        assert!(!identity.needs_setup().await.unwrap());
        let again = identity.set_up(second.expose(), &ann(), &browser()).await;
        assert!(matches!(again, Err(IdentityError::TokenInvalid)), "{again:?}");
        let refused = identity.issue_setup_token().await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        assert_eq!(actions(&world).await, ["user.admin.create", "session.begin"]);
    }

    async fn the_set_up_token_expires_after_an_hour(world: World) {
        let identity = &world.app.identity;
        let token = identity.issue_setup_token().await.unwrap();
        world.clock.advance(Duration::from_hours(1));
        let refused = identity.set_up(token.expose(), &ann(), &browser()).await;
        assert!(matches!(refused, Err(IdentityError::TokenInvalid)), "{refused:?}");
    }

    async fn a_refused_account_leaves_the_set_up_token_good(world: World) {
        let identity = &world.app.identity;
        let token = identity.issue_setup_token().await.unwrap();
        let weak = NewAccount { password: secret("short"), ..ann() };
        assert_eq!(field(identity.set_up(token.expose(), &weak, &browser()).await), "password");
        identity.set_up(token.expose(), &ann(), &browser()).await.unwrap();
    }

    async fn of_parallel_set_ups_one_wins(world: World) {
        let token = world.app.identity.issue_setup_token().await.unwrap();
        let answers = at_once(&world.app.identity, 6, |identity| {
            let token = token.clone();
            async move { identity.set_up(token.expose(), &ann(), &browser()).await.is_ok() }
        }).await;
        assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 1);
    }

    async fn signing_in_needs_the_right_password_and_tells_no_more(world: World) {
        let identity = &world.app.identity;
        let id = identity.create_admin(&world.system(), &ann()).await.unwrap();
        let session = sign_in(&world, PASSWORD).await.unwrap();
        assert_eq!((session.user, owner_of(&world, &session.token).await), (id, Some(id)));
        let folded = identity.sign_in("  ANN@EXAMPLE.ORG ", &secret(PASSWORD), &browser()).await;
        assert_eq!(folded.unwrap().session().unwrap().user, id, "the address is compared without case");
        let wrong = sign_in(&world, "wrong horse battery").await.unwrap_err();
        let mut answers = vec![format!("{wrong:?} {wrong}")];
        for unknown in ["bob@example.org", "", "no address", "a\0b@example.org", &"x".repeat(70_000)] {
            let error = identity.sign_in(unknown, &secret(PASSWORD), &browser()).await.unwrap_err();
            answers.push(format!("{error:?} {error}"));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let longest = world.number("SELECT MAX(LENGTH(subject)) FROM sign_in_throttle").await;
        assert!(longest < 300, "a row of {longest} bytes was stored for a stranger");
    }

    async fn guesses_get_slower_and_a_success_forgets_them(world: World) {
        world.app.identity.create_admin(&world.system(), &ann()).await.unwrap();
        let wait = async |password: &str| match sign_in(&world, password).await {
            Err(IdentityError::Throttled { retry_after }) => Some(retry_after.as_secs()),
            Err(IdentityError::WrongCredentials) | Ok(_) => None,
            Err(other) => panic!("{other:?}"),
        };
        for n in 1..=6 {
            assert_eq!(wait("wrong horse battery").await, None, "attempt {n}");
        }
        for secs in [1, 2, 4, 8, 16] {
            assert_eq!(wait(PASSWORD).await, Some(secs), "even the right password waits");
            world.clock.advance(Duration::from_secs(secs));
            assert_eq!(wait("wrong horse battery").await, None);
        }
        world.clock.advance(Duration::from_secs(32));
        sign_in(&world, PASSWORD).await.unwrap();
        for n in 1..=6 {
            assert_eq!(wait("wrong horse battery").await, None, "attempt {n} after the success");
        }
        assert_eq!(wait(PASSWORD).await, Some(1));
        world.clock.advance(Duration::from_hours(1) + Duration::from_secs(1));
        for n in 1..=6 {
            assert_eq!(wait("wrong horse battery").await, None, "attempt {n} after an hour");
        }
    }

    async fn guesses_made_at_once_are_not_free(world: World) {
        world.app.identity.create_admin(&world.system(), &ann()).await.unwrap();
        let answers = at_once(&world.app.identity, 20, |identity| async move {
            let answer = identity.sign_in("ann@example.org", &secret("wrong horse"), &browser()).await;
            matches!(answer, Err(IdentityError::WrongCredentials))
        }).await;
        let tried = answers.into_iter().filter(|tried| *tried).count();
        assert_eq!(tried, 6, "five are free, the sixth brings the wait");
    }

    async fn a_network_is_slowed_down_whatever_addresses_it_tries(world: World) {
        world.app.identity.create_admin(&world.system(), &ann()).await.unwrap();
        // Fifty failures of one network, without the work of hashing.
        let now = kernel::Clock::now(&world.clock).0;
        world.sql(&format!(
            "INSERT INTO sign_in_throttle (subject, failures, blocked_until, updated_at) \
             VALUES ('network:203.0.113.0/24', 50, 0, {now})"
        )).await;
        sign_in(&world, PASSWORD).await.unwrap();
        assert!(matches!(sign_in(&world, "wrong horse").await, Err(IdentityError::WrongCredentials)));
        let elsewhere = ClientInfo { address: Some(IpAddr::from([198, 51, 100, 1])), ..browser() };
        let identity = &world.app.identity;
        assert!(matches!(sign_in(&world, PASSWORD).await, Err(IdentityError::Throttled { .. })));
        identity.sign_in("ann@example.org", &secret(PASSWORD), &elsewhere).await.unwrap();
        identity.sign_in("ann@example.org", &secret(PASSWORD), &ClientInfo::default()).await.unwrap();
    }

    async fn a_session_ends_after_an_idle_week_or_thirty_days(world: World) {
        let identity = &world.app.identity;
        identity.create_admin(&world.system(), &ann()).await.unwrap();
        let idle = sign_in(&world, PASSWORD).await.unwrap().token;
        let used = sign_in(&world, PASSWORD).await.unwrap().token;
        for day in 1..=6 {
            world.clock.advance(DAY);
            assert!(owner_of(&world, &used).await.is_some(), "day {day}");
        }
        world.clock.advance(Duration::from_secs(86_399));
        let admin = identity.authenticate(used.expose()).await.unwrap().unwrap();
        assert_eq!(identity.sessions(&admin.actor).await.unwrap().len(), 2);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(owner_of(&world, &idle).await, None);
        assert_eq!(identity.sessions(&admin.actor).await.unwrap().len(), 1, "ended ones are not listed");
        for _ in 7..29 {
            assert!(owner_of(&world, &used).await.is_some());
            world.clock.advance(DAY);
        }
        assert!(owner_of(&world, &used).await.is_some());
        world.clock.advance(DAY);
        assert_eq!(owner_of(&world, &used).await, None, "thirty days are the end");
        identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM session").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM sign_in_throttle").await, 0);
    }

    async fn signing_out_and_revoking_end_a_session_at_once(world: World) {
        let identity = &world.app.identity;
        identity.create_admin(&world.system(), &ann()).await.unwrap();
        let one = sign_in(&world, PASSWORD).await.unwrap().token;
        let two = sign_in(&world, PASSWORD).await.unwrap().token;
        identity.sign_out(one.expose()).await.unwrap();
        identity.sign_out(one.expose()).await.unwrap();
        assert_eq!(owner_of(&world, &one).await, None);
        let known = identity.authenticate(two.expose()).await.unwrap().unwrap();
        let listed = identity.sessions(&known.actor).await.unwrap();
        assert_eq!(listed.iter().map(|s| s.id).collect::<Vec<_>>(), [known.session]);
        assert_eq!((listed[0].user_agent.as_str(), listed[0].address_prefix.as_str()), ("Netscape 4", "203.0.113.0/24"));
        let other = world.admin("root").await;
        let foreign = identity.revoke_session(&other.actor, known.session).await;
        assert!(matches!(foreign, Err(IdentityError::NotFound)), "{foreign:?}");
        identity.revoke_session(&known.actor, known.session).await.unwrap();
        assert_eq!(owner_of(&world, &two).await, None);
        let gone = identity.revoke_session(&known.actor, known.session).await;
        assert!(matches!(gone, Err(IdentityError::NotFound)), "{gone:?}");
        assert!(actions(&world).await.contains(&"session.revoke".to_owned()));
    }

    async fn a_new_password_ends_all_other_sessions(world: World) {
        let identity = &world.app.identity;
        identity.create_admin(&world.system(), &ann()).await.unwrap();
        let here = sign_in(&world, PASSWORD).await.unwrap().token;
        let there = sign_in(&world, PASSWORD).await.unwrap().token;
        let known = identity.authenticate(here.expose()).await.unwrap().unwrap();
        let (actor, session) = (&known.actor, known.session);
        let change = async |old: &str, new: &str| {
            identity.change_password(actor, &secret(old), &secret(new), session).await
        };
        assert_eq!(field(change("wrong horse battery", "new horse battery").await), "current");
        assert_eq!(field(change(PASSWORD, "short").await), "password");
        assert!(owner_of(&world, &there).await.is_some(), "a refused change ends nothing");
        change(PASSWORD, "new horse battery").await.unwrap();
        assert!(owner_of(&world, &here).await.is_some());
        assert_eq!(owner_of(&world, &there).await, None);
        assert!(matches!(sign_in(&world, PASSWORD).await, Err(IdentityError::WrongCredentials)));
        sign_in(&world, "new horse battery").await.unwrap();
        let system = world.system();
        let ann = identity.find_by_email(&system, "ann@example.org").await.unwrap().unwrap();
        let link = identity.issue_sign_in_link(&system, ann).await.unwrap();
        identity.reset_password(&system, "ann@example.org", &secret("third horse battery")).await.unwrap();
        assert_eq!(owner_of(&world, &here).await, None, "a reset ends every session");
        let late = identity.redeem_sign_in_link(link.expose(), &ClientInfo::default()).await;
        assert!(matches!(late, Err(IdentityError::TokenInvalid)), "a reset voids every link");
        sign_in(&world, "third horse battery").await.unwrap();
        let trail = actions(&world).await;
        for action in ["user.password.change", "user.password.reset"] {
            assert!(trail.contains(&action.to_owned()), "{trail:?}");
        }
    }

    async fn a_sign_in_link_works_once_and_for_a_quarter_of_an_hour(world: World) {
        let identity = &world.app.identity;
        let root = world.admin("root").await;
        let link = identity.issue_sign_in_link(&world.system(), root.user).await.unwrap();
        let answers = at_once(identity, 20, |identity| {
            let link = link.clone();
            async move { identity.redeem_sign_in_link(link.expose(), &browser()).await.map(|s| s.session().unwrap().user) }
        }).await;
        let won: Vec<UserId> = answers.iter().filter_map(|answer| answer.as_ref().ok().copied()).collect();
        assert_eq!(won, [root.user]);
        assert!(answers.iter().all(|a| matches!(a, Ok(_) | Err(IdentityError::TokenInvalid))), "{answers:?}");
        let late = identity.issue_sign_in_link(&world.system(), root.user).await.unwrap();
        world.clock.advance(Duration::from_mins(15));
        let refused = identity.redeem_sign_in_link(late.expose(), &browser()).await;
        assert!(matches!(refused, Err(IdentityError::TokenInvalid)), "{refused:?}");
        let nobody = identity.issue_sign_in_link(&world.system(), UserId(999)).await;
        assert!(matches!(nobody, Err(IdentityError::NotFound)), "{nobody:?}");
        let link = identity.issue_sign_in_link(&world.system(), root.user).await.unwrap();
        let as_setup = identity.set_up(link.expose(), &ann(), &browser()).await;
        assert!(matches!(as_setup, Err(IdentityError::TokenInvalid)), "a link is no set-up token");
    }

    async fn a_community_keeps_its_last_owner(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let identity = &world.app.identity;
        for role in [None, Some(Role::Admin), Some(Role::Banned)] {
            for actor in [&olga.actor, &world.system()] {
                let refused = identity.set_role(actor, pond, olga.user, role).await;
                assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
            }
        }
    }

    async fn two_owners_who_demote_each_other_leave_one(world: World) {
        for round in 0..5 {
            let pond = world.community(&format!("Pond {round}")).await;
            let olga = world.person(pond, &format!("olga{round}"), Some(Role::Owner)).await;
            let otto = world.person(pond, &format!("otto{round}"), Some(Role::Owner)).await;
            let demote = |by: &testkit::Person, whom: UserId| {
                let (identity, actor) = (world.app.identity.clone(), by.actor.clone());
                tokio::spawn(async move {
                    identity.set_role(&actor, pond, whom, Some(Role::Member)).await
                })
            };
            let (one, two) = (demote(&olga, otto.user), demote(&otto, olga.user));
            let answers = [one.await.unwrap(), two.await.unwrap()];
            assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1, "{answers:?}");
            let owners = format!("SELECT COUNT(*) FROM membership WHERE community_id = {pond} AND role = 50");
            assert_eq!(world.number(&owners).await, 1);
        }
    }

    async fn a_right_that_was_taken_is_gone_for_whoever_asked_before(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let otto = world.person(pond, "otto", Some(Role::Owner)).await;
        let adam = world.person(pond, "adam", Some(Role::Admin)).await;
        let mike = world.person(pond, "mike", Some(Role::Member)).await;
        let identity = &world.app.identity;
        identity.set_role(&olga.actor, pond, otto.user, Some(Role::Member)).await.unwrap();
        identity.set_role(&olga.actor, pond, adam.user, Some(Role::Moderator)).await.unwrap();
        // Their actors still say owner and admin.
        for stale in [&otto.actor, &adam.actor] {
            let refused = identity.set_role(stale, pond, mike.user, Some(Role::Vip)).await;
            assert!(matches!(refused, Err(IdentityError::NotAllowed(_))), "{refused:?}");
        }
    }

    async fn only_roles_below_ones_own_are_given_and_taken(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let adam = world.person(pond, "adam", Some(Role::Admin)).await;
        let anna = world.person(pond, "anna", Some(Role::Admin)).await;
        let mike = world.person(pond, "mike", Some(Role::Member)).await;
        let identity = &world.app.identity;
        identity.set_role(&adam.actor, pond, mike.user, Some(Role::Moderator)).await.unwrap();
        for (whom, role) in [
            (mike.user, Some(Role::Admin)),
            (mike.user, Some(Role::Owner)),
            (anna.user, Some(Role::Member)),
            (olga.user, None),
            (adam.user, Some(Role::Owner)),
        ] {
            let refused = identity.set_role(&adam.actor, pond, whom, role).await;
            assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        }
        identity.set_role(&olga.actor, pond, anna.user, Some(Role::Owner)).await.unwrap();
        identity.set_role(&olga.actor, pond, olga.user, Some(Role::Member)).await.unwrap();
        let roles = identity.roles(&adam.actor, pond, &[olga.user, anna.user, mike.user, UserId(999)]).await.unwrap();
        let mut roles: Vec<Role> = roles.into_values().collect();
        roles.sort_unstable();
        assert_eq!(roles, [Role::Member, Role::Moderator, Role::Owner]);
        for (community, user) in [(pond, UserId(999)), (CommunityId(999), mike.user)] {
            let absent = identity.set_role(&world.system(), community, user, Some(Role::Vip)).await;
            assert!(matches!(absent, Err(IdentityError::NotFound)), "{absent:?}");
        }
        let entry = trail(&world).await.remove(0);
        assert_eq!((entry.action.as_str(), entry.community_id), ("member.role.change", Some(pond.0)));
        assert_eq!(entry.detail, r#"{"after":"member","before":"owner"}"#);
        assert_eq!(entry.actor, format!("user:{}", olga.user));
        let n = "SELECT COUNT(*) FROM domain_event WHERE kind = 'identity.role_changed'";
        assert_eq!(world.number(n).await, 7, "each change is told to whoever listens");
    }

    async fn slugs_are_made_from_names_and_belong_to_one_community(world: World) {
        let identity = &world.app.identity;
        let system = world.system();
        let create = async |name: &str, slug: Option<&str>| {
            let new = NewCommunity { slug: slug.map(str::to_owned), name: name.to_owned(), ..NewCommunity::default() };
            identity.create_community(&system, &new).await
        };
        assert_eq!(create("Pond & Friends", None).await.unwrap().slug, "pond-friends");
        assert_eq!(field(create("Pond Friends", None).await), "slug");
        assert_eq!(create("Pond Friends", Some("pond-2")).await.unwrap().slug, "pond-2");
        assert_eq!(field(create("X", Some("No Slug")).await), "slug");
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(field(create(bad, Some("fine")).await), "name");
        }
        let odd = identity.community_by_slug(&system, "a\0b").await.unwrap();
        assert_eq!(odd, None);
        let answers = at_once(identity, 10, |identity| async move {
            let new = NewCommunity { name: "Race".to_owned(), ..NewCommunity::default() };
            identity.create_community(&Actor::System("test"), &new).await
        }).await;
        assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1);
        assert!(answers.iter().all(|a| matches!(a, Ok(_) | Err(IdentityError::Invalid { field: "slug", .. }))), "{answers:?}");
    }

    async fn a_name_finds_its_community_and_no_other(world: World) {
        let system = world.system();
        let find = async |name: &str| {
            let new = NewCommunity { name: name.to_owned(), ..NewCommunity::default() };
            world.app.identity.find_or_create_community(&system, &new).await.unwrap()
        };
        let names = ["C++", "C#", "日本", "東京", "Ducks", "rust.0", "rust.1", "Pond & Friends"];
        let mut first = Vec::new();
        for name in names {
            first.push(find(name).await.id);
        }
        let mut distinct = first.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "no two names share a community");
        for (name, id) in names.iter().zip(&first) {
            assert_eq!(find(name).await.id, *id, "{name}");
        }
        assert_eq!(find("  ducks ").await.id, first[4], "case and blanks do not matter");
        assert_eq!(find("pond-friends").await.id, first[7], "the name in URLs is understood too");
        let change = CommunityChange { name: "Geese".to_owned(), description: String::new(), retention_days: 90 };
        world.app.identity.update_community(&system, first[4], &change).await.unwrap();
        assert_eq!(find("Ducks").await.id, first[4], "a renamed community is found by its old name");
        assert_eq!(find("Geese").await.id, first[4], "and by its new one");
        let answers = at_once(&world.app.identity, 10, |identity| async move {
            let new = NewCommunity { name: "Race".to_owned(), ..NewCommunity::default() };
            identity.find_or_create_community(&Actor::System("test"), &new).await.unwrap().id
        }).await;
        assert!(answers.iter().all(|id| *id == answers[0]), "{answers:?}");
    }

    async fn a_server_belongs_to_one_community(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let otto = world.person(lake, "otto", Some(Role::Owner)).await;
        let identity = &world.app.identity;
        let server = |name: &str| NewServer {
            platform: Platform::Discord,
            platform_server_id: "1234".to_owned(),
            name: name.to_owned(),
        };
        let made = identity.connect_server(&olga.actor, pond, &server("Pond")).await.unwrap();
        assert!(made.is_primary);
        let renamed = identity.connect_server(&olga.actor, pond, &server("Big Pond")).await.unwrap();
        assert_eq!((renamed.id, renamed.name.as_str()), (made.id, "Big Pond"));
        let refused = identity.connect_server(&otto.actor, lake, &server("Mine")).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        assert_eq!(identity.servers(&olga.actor, pond).await.unwrap(), [renamed]);
        assert_eq!(identity.community_of(Platform::Discord, "1234").await.unwrap(), Some(pond));
        assert_eq!(identity.community_of(Platform::Twitch, "1234").await.unwrap(), None);
        for bad in ["", "a\0b", &"x".repeat(201)] {
            let new = NewServer { platform_server_id: bad.to_owned(), ..server("Pond") };
            assert!(identity.connect_server(&olga.actor, pond, &new).await.is_err(), "{bad:?}");
        }
        let connects = trail(&world).await.iter().filter(|e| e.action == "community.server.connect").count();
        assert_eq!(connects, 1);
        // Two owners who claim the same server at the same moment.
        for round in 0..5 {
            let claim = |by: &testkit::Person, community: CommunityId| {
                let (identity, actor) = (identity.clone(), by.actor.clone());
                let new = NewServer { platform_server_id: format!("race {round}"), ..server(&community.to_string()) };
                tokio::spawn(async move { identity.connect_server(&actor, community, &new).await })
            };
            let (one, two) = (claim(&olga, pond), claim(&otto, lake));
            let answers = [one.await.unwrap(), two.await.unwrap()];
            let won: Vec<&str> = answers.iter().filter_map(|a| a.as_ref().ok()).map(|s| s.name.as_str()).collect();
            assert_eq!(won.len(), 1, "{answers:?}");
            let owner = identity.community_of(Platform::Discord, &format!("race {round}")).await.unwrap();
            assert_eq!(owner.unwrap().to_string(), won[0]);
        }
    }

    async fn an_account_is_one_person_whatever_it_is_called(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "hello").await;
        let ann = world.user_of(pond, "ann").await;
        let mut renamed = world.event("ann", message("again"));
        renamed.account.username = "Anna".into();
        world.record(vec![activity::Incoming { community: pond, event: renamed }]).await;
        assert_eq!(world.user_of(pond, "Anna").await, ann, "the same account is the same person");
        let accounts = world.app.activity.accounts(&world.system(), pond, &[ann]).await.unwrap();
        assert_eq!(accounts[&ann].iter().map(|a| a.username.as_str()).collect::<Vec<_>>(), ["Anna"]);
        let elsewhere = world.community("Lake").await;
        let nobody = world.app.activity.accounts(&world.system(), elsewhere, &[ann]).await.unwrap();
        assert!(nobody.is_empty(), "who was never seen in a community is unknown there");
        let shown = world.app.identity.me(&world.actor_of(ann).await).await.unwrap().unwrap();
        assert_eq!((shown.display_name.as_str(), shown.claimed), ("Anna", false), "an unclaimed person is called like their account");
        // Somebody else of the same name, on the same and on another platform.
        let mut twin = world.event("twin", message("me too"));
        twin.account.username = "Anna".into();
        let mut other = world.event("ann", message("me three"));
        other.platform = Platform::Twitch;
        other.account.username = "Anna".into();
        world.record(vec![
            activity::Incoming { community: pond, event: twin },
            activity::Incoming { community: pond, event: other },
        ]).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 3);
        assert_eq!(world.number("SELECT COUNT(DISTINCT user_id) FROM platform_account WHERE username = 'Anna'").await, 3);
    }

    async fn old_history_does_not_bring_an_old_name_back(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let name_of = async |world: &World| {
            let query = "SELECT display_name FROM users WHERE id = (SELECT MIN(id) FROM users)";
            store::sql::scalar::<String>(world.app.db().read(), query, vec![]).await.unwrap()
        };
        let written = async |world: &mut World, community, name: &str, days_ago: u32| {
            let mut event = world.event("ann", message("hello"));
            event.account.username = name.into();
            event.sent_at = event.sent_at.minus(DAY * days_ago);
            event.source = kernel::Source::Import;
            world.record(vec![activity::Incoming { community, event }]).await;
        };
        written(&mut world, pond, "Anna", 10).await;
        written(&mut world, pond, "Ann", 300).await;
        assert_eq!(name_of(&world).await, "Anna");
        let newest = world.app.activity.recent_messages(&world.system(), pond, None, None, 1).await.unwrap();
        assert_eq!((newest[0].username.as_str(), newest[0].text.as_str()), ("Anna", "hello"));
        written(&mut world, pond, "Annabel", 5).await;
        assert_eq!(name_of(&world).await, "Annabel");
        written(&mut world, lake, "Anne", 4).await;
        assert_eq!(name_of(&world).await, "Anne", "the first thing seen elsewhere is news there");
        // Within one batch the newest name wins, whatever its place.
        let mut batch = Vec::new();
        for (name, hours) in [("x", 3_u32), ("Latest", 1), ("y", 2)] {
            let mut event = world.event("ann", message("hello"));
            event.account.username = name.into();
            event.sent_at = event.sent_at.minus(Duration::from_hours(1) * hours);
            batch.push(activity::Incoming { community: pond, event });
        }
        world.record(batch).await;
        assert_eq!(name_of(&world).await, "Latest");
    }

    async fn five_hundred_newcomers_in_one_batch_are_five_hundred_people(world: World) {
        let pond = world.community("Pond").await;
        let mut batch = Vec::new();
        for n in 0..500 {
            let mut event = world.event(&format!("id{n}"), EventKind::Join);
            // Names repeat, ids do not.
            event.account.username = format!("duck{}", n % 7);
            batch.push(activity::Incoming { community: pond, event });
        }
        world.record(batch).await;
        for query in [
            "SELECT COUNT(*) FROM users",
            "SELECT COUNT(DISTINCT user_id) FROM platform_account",
            "SELECT COUNT(*) FROM member",
            "SELECT COUNT(*) FROM platform_account a JOIN users u ON u.id = a.user_id AND u.display_name = a.username",
        ] {
            assert_eq!(world.number(query).await, 500, "{query}");
        }
    }

    async fn everybody_who_meets_the_same_newcomers_at_once_finds_the_same_people(world: World) {
        let seen: Vec<SeenAccount> = (0..50).map(|n| SeenAccount {
            platform: Platform::Twitch,
            platform_user_id: format!("{n}"),
            username: format!("duck{n}"),
            is_bot: false,
            account_created_at: None,
        }).collect();
        let seen = Arc::new(seen);
        let mut tasks = Vec::new();
        for n in 0..4 {
            let (db, mut seen) = (world.app.db().clone(), Vec::clone(&seen));
            if n % 2 == 1 {
                seen.reverse();
            }
            tasks.push(tokio::spawn(async move {
                for _ in 0..10 {
                    let work = db.begin(&Actor::System("test"), kernel::Timestamp(0)).await.unwrap();
                    match identity::resolve(&work, &seen).await {
                        Ok(found) => {
                            work.commit().await.unwrap();
                            return found.people.len();
                        }
                        // The only collision there may be: the others were first.
                        Err(error) => assert!(matches!(error, store::StoreError::Duplicate(_)), "{error:?}"),
                    }
                }
                0
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), 50);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 50);
    }

    async fn every_change_leaves_an_entry_and_no_secret(world: World) {
        let identity = &world.app.identity;
        let token = identity.issue_setup_token().await.unwrap();
        let root = identity.set_up(token.expose(), &ann(), &browser()).await.unwrap();
        let known = identity.authenticate(root.token.expose()).await.unwrap().unwrap();
        let actor = &known.actor;
        let new = NewCommunity { name: "Pond".to_owned(), ..NewCommunity::default() };
        let pond = identity.create_community(actor, &new).await.unwrap();
        assert_eq!(identity.communities(&identity.refresh(actor).await.unwrap().unwrap()).await.unwrap(), [(pond.clone(), Some(Role::Owner))]);
        let change = CommunityChange { name: "Lake".to_owned(), description: "wet".to_owned(), retention_days: 30 };
        identity.update_community(actor, pond.id, &change).await.unwrap();
        for days in [0, 3_651] {
            let bad = CommunityChange { retention_days: days, ..change.clone() };
            assert_eq!(field(identity.update_community(actor, pond.id, &bad).await), "retention_days");
        }
        let server = NewServer { platform: Platform::Slack, platform_server_id: "T1".to_owned(), name: "T".to_owned() };
        identity.connect_server(actor, pond.id, &server).await.unwrap();
        let link = identity.issue_sign_in_link(actor, known.user.id).await.unwrap();
        let second = identity.redeem_sign_in_link(link.expose(), &browser()).await.unwrap().session().unwrap();
        identity.change_password(actor, &secret(PASSWORD), &secret("new horse battery"), SessionId(0)).await.unwrap();
        let run = world.app.activity.begin_import(actor, Some(pond.id), "k", "a.jsonl", "jsonl").await.unwrap();
        world.app.activity.finish_import(actor, &run).await.unwrap();
        assert_eq!(actions(&world).await, [
            "user.admin.create", "session.begin", "community.create", "community.update",
            "community.server.connect", "session.link.issue", "session.begin", "user.password.change",
            "import.begin", "import.finish",
        ]);
        assert_intact(&world).await;
        let hash: String = store::sql::scalar(
            world.app.db().read(), "SELECT password_hash FROM users WHERE id = $1", vec![known.user.id.0.into()],
        ).await.unwrap();
        let secrets = [token.expose().as_str(), root.token.expose(), link.expose(), second.token.expose(), PASSWORD, "new horse battery", &hash];
        let mut shown: Vec<String> = trail(&world).await.iter().map(|entry| format!("{entry:?}")).collect();
        shown.extend([
            format!("{token:?} {root:?} {link:?} {second:?} {known:?}"),
            format!("{:?} {:?} {:?}", ann(), identity, world.app),
        ]);
        for secret in secrets {
            assert!(shown.iter().all(|line| !line.contains(secret)), "a secret is shown");
        }
        // Nothing in the database but hashes either.
        let dump = world.dump().await;
        for secret in [token.expose(), root.token.expose(), link.expose(), second.token.expose()] {
            for (table, rows) in &dump {
                assert!(rows.iter().all(|row| !row.contains(secret.as_str())), "a token stands in {table}");
            }
        }
    }
}
