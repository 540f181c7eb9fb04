//! Connections: installs that work once for whom they were begun, tokens that nobody finds, and
//! keys that are changed while everything runs.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use app::{Answer, AppError, Completed};
use identity::{Connection, ConnectionStatus, IdentityError, StoredGrants};
use kernel::{
    Actor, ChannelChoice, CommunityId, ConnectionId, Grant, Grants, PageRequest, Platform, Role,
    Secret, SessionId, Timestamp,
};
use store::{
    KeyRing, SealError,
    seal::{KEY_BYTES, Keys},
};
use testkit::{Person, SeededEntropy, World, on_both};

const REDIRECT: &str = "https://bot.example.org/connect/discord/callback";
/// What must be found nowhere.
const CANARY: &str = "canary-5up3r-53cr3t";

/// Somebody who runs a community, in a session.
struct Seat {
    community: CommunityId,
    person: Person,
    session: SessionId,
}

async fn session_of(world: &World, person: &Person) -> SessionId {
    let token = world.token(person.user).await;
    let known = world.app.identity.authenticate(&token).await.unwrap();
    known.unwrap().session
}

async fn seat(world: &mut World, community: &str, name: &str) -> Seat {
    let community = world.community(community).await;
    let person = world.person(community, name, Some(Role::Admin)).await;
    let session = session_of(world, &person).await;
    Seat {
        community,
        person,
        session,
    }
}

/// The state in the address of a platform.
fn state_in(url: &str) -> String {
    let (_, rest) = url.split_once("state=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

async fn begin(world: &World, seat: &Seat) -> String {
    let url = world
        .app
        .install_url(
            &seat.person.actor,
            seat.community,
            Platform::Discord,
            seat.session,
            REDIRECT,
        )
        .await;
    state_in(&url.unwrap())
}

fn answer(server: &str) -> Answer {
    Answer {
        code: Secret::new("the-code".to_owned()),
        server: Some(server.to_owned()),
    }
}

async fn complete(
    world: &World,
    seat: &Seat,
    state: &str,
    server: &str,
) -> Result<Completed, AppError> {
    world
        .app
        .complete_install(
            &seat.person.actor,
            Platform::Discord,
            seat.session,
            state,
            Some(answer(server)),
        )
        .await
}

async fn connect(world: &World, seat: &Seat, server: &str) -> Connection {
    let state = begin(world, seat).await;
    let done = complete(world, seat, &state, server).await.unwrap();
    assert_eq!(done.community, seat.community);
    done.outcome.unwrap().unwrap()
}

async fn grant(world: &World, server: &str) -> Option<Grant> {
    let grants = world.app.grants();
    grants.of(Platform::Discord, server).await.unwrap()
}

/// Everything that is stored, as one text.
async fn stored(world: &World) -> String {
    let dump = world.dump().await;
    dump.into_values().flatten().collect::<Vec<_>>().join("\n")
}

async fn actions(world: &World) -> Vec<String> {
    let page = world
        .app
        .audit(&world.system(), &PageRequest::first(100))
        .await;
    let mut actions: Vec<String> = page.unwrap().items.into_iter().map(|e| e.action).collect();
    actions.reverse();
    actions.retain(|action| action.starts_with("connection.") || action.contains("server"));
    actions
}

fn invalid<T: std::fmt::Debug>(answer: &Result<T, AppError>) -> bool {
    matches!(answer, Err(AppError::Identity(IdentityError::TokenInvalid)))
}

fn keys(pairs: &[(&str, u8)]) -> KeyRing {
    let all = pairs
        .iter()
        .map(|(id, byte)| ((*id).to_owned(), Secret::new([*byte; KEY_BYTES])));
    KeyRing::new(&Keys::new(pairs[0].0, all.collect()).unwrap())
}

fn grants_with(world: &World, keys: KeyRing) -> StoredGrants {
    StoredGrants::new(
        world.app.db().clone(),
        keys,
        Arc::clone(&world.app.clock),
        Arc::new(SeededEntropy::new(77)),
    )
}

on_both! {
    async fn an_install_connects_the_server_and_seals_its_tokens(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        world.connector(Platform::Discord).give(CANARY, Some(&format!("{CANARY}-refresh")));
        let connection = connect(&world, &seat, "1234").await;
        assert_eq!(world.connector(Platform::Discord).asked(), [format!("install code=the-code redirect={REDIRECT}")]);
        assert_eq!(
            (connection.platform, connection.platform_server_id.as_str(), connection.server_name.as_str()),
            (Platform::Discord, "1234", "Pond on Discord")
        );
        assert_eq!((connection.status, connection.channel, connection.account.as_str()), (ConnectionStatus::Ok, None, "4711"));
        assert_eq!(connection.scopes, ["bot", "applications.commands"]);
        assert_eq!(connection.installed_by_name.as_deref(), Some("ada"));
        let identity = &world.app.identity;
        assert_eq!(identity.community_of(Platform::Discord, "1234").await.unwrap(), Some(seat.community));
        assert_eq!(identity.servers(&seat.person.actor, seat.community).await.unwrap()[0].id, connection.server);

        let grant = grant(&world, "1234").await.unwrap();
        assert_eq!(grant.access.expose(), CANARY);
        assert_eq!(grant.refresh.as_ref().unwrap().expose(), &format!("{CANARY}-refresh"));
        assert_eq!(grant.expires_at, Some(Timestamp::from_secs(1_790_000_000)));
        assert_eq!(world.app.grants().all(Platform::Discord).await.unwrap(), [grant]);
        assert!(world.app.grants().all(Platform::Twitch).await.unwrap().is_empty());

        assert_eq!(actions(&world).await, ["community.server.connect", "connection.install"]);
        let stored = stored(&world).await;
        assert!(!stored.contains(CANARY), "a token is stored open");
        assert!(!stored.contains("the-code"), "a code is stored");
        assert!(stored.contains("v1|test|"));
        let listed = identity.connections(&seat.person.actor, seat.community).await.unwrap();
        assert_eq!(listed.len(), 1);
        let shown = format!("{listed:?} {:?} {:?}", world.app, world.app.grants());
        assert!(!shown.contains(CANARY) && !shown.contains("v1|"));
    }

    async fn of_a_hundred_uses_of_one_state_exactly_one_wins(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let state = begin(&world, &seat).await;
        let tasks: Vec<_> = (0..100).map(|_| {
            let (app, state, actor) = (Arc::clone(&world.app), state.clone(), seat.person.actor.clone());
            let session = seat.session;
            tokio::spawn(async move {
                app.complete_install(&actor, Platform::Discord, session, &state, Some(answer("1234"))).await
            })
        }).collect();
        let mut n_won = 0;
        for task in tasks {
            let outcome = task.await.unwrap();
            if let Ok(done) = outcome {
                done.outcome.unwrap().unwrap();
                n_won += 1;
            } else {
                assert!(invalid(&outcome), "{outcome:?}");
            }
        }
        assert_eq!(n_won, 1);
        assert_eq!(world.connector(Platform::Discord).asked().len(), 1, "one code went to the platform");
        assert_eq!(world.number("SELECT COUNT(*) FROM connection").await, 1);
    }

    async fn a_state_is_good_only_for_whom_and_where_it_was_begun_and_for_ten_minutes(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let other = world.person(seat.community, "olga", Some(Role::Owner)).await;
        let elsewhere = session_of(&world, &seat.person).await;
        let state = begin(&world, &seat).await;
        assert_eq!(state.len(), 64);
        assert!(!stored(&world).await.contains(&state), "only the hash of a state is stored");
        let app = &world.app;
        let ada = &seat.person.actor;
        for refused in [
            app.complete_install(ada, Platform::Discord, elsewhere, &state, Some(answer("1"))).await,
            app.complete_install(ada, Platform::Twitch, seat.session, &state, Some(answer("1"))).await,
            app.complete_install(&other.actor, Platform::Discord, seat.session, &state, Some(answer("1"))).await,
            app.complete_install(ada, Platform::Discord, seat.session, "", Some(answer("1"))).await,
            app.complete_install(ada, Platform::Discord, seat.session, &"0".repeat(64), Some(answer("1"))).await,
        ] {
            assert!(invalid(&refused), "{refused:?}");
        }
        let refused = app.complete_install(&Actor::Anonymous, Platform::Discord, seat.session, &state, Some(answer("1"))).await;
        assert!(matches!(refused, Err(AppError::Identity(IdentityError::NotFound))), "{refused:?}");
        let refused = app.complete_install(ada, Platform::Slack, seat.session, &state, Some(answer("1"))).await;
        assert!(matches!(refused, Err(AppError::NotSetUp(Platform::Slack))), "{refused:?}");
        assert!(world.connector(Platform::Discord).asked().is_empty(), "no code went to the platform");
        assert!(world.connector(Platform::Twitch).asked().is_empty());

        // Wrong uses have not spent it; the right one does.
        complete(&world, &seat, &state, "1").await.unwrap().outcome.unwrap().unwrap();
        assert!(invalid(&complete(&world, &seat, &state, "1").await), "replayed");
        let late = begin(&world, &seat).await;
        world.clock.advance(Duration::from_mins(10));
        assert!(invalid(&complete(&world, &seat, &late, "1").await), "expired");
        world.app.identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM install_state").await, 0);
    }

    async fn who_loses_the_right_on_the_way_does_not_connect(world: World) {
        let mut seat = seat(&mut world, "Pond", "ada").await;
        let state = begin(&world, &seat).await;
        let identity = &world.app.identity;
        identity.set_role(&world.system(), seat.community, seat.person.user, Some(Role::Member)).await.unwrap();
        seat.person.actor = world.actor_of(seat.person.user).await;
        let refused = complete(&world, &seat, &state, "1").await;
        assert!(matches!(refused, Err(AppError::Identity(IdentityError::NotAllowed(_)))), "{refused:?}");
        assert!(world.connector(Platform::Discord).asked().is_empty());
    }

    async fn a_no_of_the_person_or_of_the_platform_uses_the_state_up_and_connects_nothing(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let state = begin(&world, &seat).await;
        let actor = &seat.person.actor;
        let done = world.app.complete_install(actor, Platform::Discord, seat.session, &state, None).await.unwrap();
        assert_eq!((done.community, done.outcome.unwrap()), (seat.community, None));
        assert!(invalid(&complete(&world, &seat, &state, "1").await));
        let state = begin(&world, &seat).await;
        world.connector(Platform::Discord).fail(Some("invalid_grant: the code has expired"));
        let done = complete(&world, &seat, &state, "1").await.unwrap();
        assert_eq!(done.outcome.unwrap_err().to_string(), "invalid_grant: the code has expired");
        assert!(invalid(&complete(&world, &seat, &state, "1").await));
        assert_eq!(world.number("SELECT COUNT(*) FROM connection").await, 0);
    }

    async fn nobody_begins_without_end(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        for _ in 0..50 {
            begin(&world, &seat).await;
        }
        let one_more = || world.app.install_url(&seat.person.actor, seat.community, Platform::Discord, seat.session, REDIRECT);
        let refused = one_more().await;
        assert!(matches!(refused, Err(AppError::Identity(IdentityError::Throttled { .. }))), "{refused:?}");
        world.clock.advance(Duration::from_mins(10));
        one_more().await.unwrap();
    }

    async fn a_server_of_another_community_is_refused_until_that_one_lets_go(world: World) {
        let pond = seat(&mut world, "Pond", "ada").await;
        let lake = seat(&mut world, "Lake", "lars").await;
        let first = connect(&world, &pond, "1234").await;
        world.connector(Platform::Discord).give(CANARY, None);
        let state = begin(&world, &lake).await;
        let refused = complete(&world, &lake, &state, "1234").await.unwrap().outcome.unwrap_err();
        assert!(refused.to_string().contains("connected to another community"), "{refused}");
        assert_eq!(grant(&world, "1234").await.unwrap().access.expose(), "discord-access-token", "nothing changed");
        world.app.disconnect(&pond.person.actor, first.id).await.unwrap();
        let second = connect(&world, &lake, "1234").await;
        assert_eq!(second.community, lake.community);
        let identity = &world.app.identity;
        assert_eq!(identity.community_of(Platform::Discord, "1234").await.unwrap(), Some(lake.community));
        assert!(identity.servers(&pond.person.actor, pond.community).await.unwrap().is_empty());
        assert_eq!(identity.connection(&pond.person.actor, first.id).await.unwrap(), None);
        assert_eq!(grant(&world, "1234").await.unwrap().access.expose(), CANARY);
        assert_eq!(grant(&world, "1234").await.unwrap().refresh, None, "no token of before is left");
    }

    async fn installing_again_renews_the_tokens_and_keeps_the_channel_and_the_day(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let first = connect(&world, &seat, "1234").await;
        let (app, actor) = (&world.app, &seat.person.actor);
        app.choose_channel(actor, first.id, Some("12")).await.unwrap();
        app.grants().report(Platform::Discord, "1234", Some("gone")).await.unwrap();
        world.clock.advance(Duration::from_hours(1));
        world.connector(Platform::Discord).give("fresh", None);
        world.connector(Platform::Discord).call_it(&format!("{}\n", "x".repeat(150)));
        let again = connect(&world, &seat, "1234").await;
        assert_eq!((again.id, again.status, again.connected_at), (first.id, ConnectionStatus::Ok, first.connected_at));
        assert_eq!(again.server_name, "x".repeat(100), "a name is cut to what we keep");
        assert_eq!(again.channel, Some(ChannelChoice { id: "12".to_owned(), name: "news & <events>".to_owned() }));
        assert_eq!(grant(&world, "1234").await.unwrap().access.expose(), "fresh");
    }

    async fn only_channels_that_the_platform_names_can_be_chosen(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let connection = connect(&world, &seat, "1234").await;
        let (app, actor) = (&world.app, &seat.person.actor);
        let channels = app.channels(actor, connection.id).await.unwrap();
        assert_eq!(channels.len(), 2);
        let refused = app.choose_channel(actor, connection.id, Some("13")).await;
        assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
        world.connector(Platform::Discord).asked();
        app.choose_channel(actor, connection.id, Some("11")).await.unwrap();
        assert_eq!(
            world.connector(Platform::Discord).asked(),
            ["channels 1234", "enter 11"],
            "a channel that was chosen is entered"
        );
        let chosen = async || app.identity.connection(actor, connection.id).await.unwrap().unwrap().channel;
        assert_eq!(chosen().await, Some(channels[0].clone()));
        world.connector(Platform::Discord).fail(Some("Missing Access"));
        let refused = app.choose_channel(actor, connection.id, Some("12")).await;
        assert_eq!(refused.unwrap_err().to_string(), "Missing Access");
        app.choose_channel(actor, connection.id, None).await.unwrap();
        assert_eq!(chosen().await, None);
        let bad = ChannelChoice { id: String::new(), name: "x".to_owned() };
        let refused = app.identity.choose_channel(actor, connection.id, Some(&bad)).await;
        assert!(matches!(refused, Err(IdentityError::Invalid { field: "channel", .. })), "{refused:?}");
    }

    async fn a_test_shows_the_platforms_own_words_and_is_remembered(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let connection = connect(&world, &seat, "1234").await;
        let (app, actor) = (&world.app, &seat.person.actor);
        let now = async || app.identity.connection(actor, connection.id).await.unwrap().unwrap();
        assert_eq!(now().await.checked_at, None);
        world.connector(Platform::Discord).fail(Some("401 Unauthorized {\"code\":0}"));
        let refused = app.test_connection(actor, connection.id).await.unwrap_err();
        assert_eq!(refused.to_string(), "401 Unauthorized {\"code\":0}");
        let ill = now().await;
        assert_eq!((ill.status, ill.trouble.as_deref()), (ConnectionStatus::Trouble, Some("401 Unauthorized {\"code\":0}")));
        assert_eq!(ill.checked_at, Some(world.app.clock.now()));
        world.connector(Platform::Discord).fail(None);
        let well = app.test_connection(actor, connection.id).await.unwrap();
        assert_eq!(well, "reached as Duck#1, 2 channels");
        assert_eq!((now().await.status, now().await.trouble), (ConnectionStatus::Ok, None));
        app.grants().report(Platform::Discord, "1234", Some(&format!("a\nb{}", "x".repeat(900)))).await.unwrap();
        let trouble = now().await.trouble.unwrap();
        assert!(trouble.starts_with("a b") && trouble.len() == 500, "{trouble}");
    }

    async fn disconnecting_gives_the_grant_back_and_erases_the_tokens_in_any_case(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let (app, actor) = (&world.app, &seat.person.actor);
        let connection = connect(&world, &seat, "1234").await;
        world.connector(Platform::Discord).asked();
        app.disconnect(actor, connection.id).await.unwrap();
        assert_eq!(world.connector(Platform::Discord).asked(), ["revoke 1234"]);
        assert_eq!(grant(&world, "1234").await, None);
        assert!(app.grants().all(Platform::Discord).await.unwrap().is_empty());
        assert!(!stored(&world).await.contains("v1|"), "no sealed token is left");
        assert_eq!(app.identity.community_of(Platform::Discord, "1234").await.unwrap(), None, "its chat is not recorded");
        assert!(app.identity.connections(actor, seat.community).await.unwrap().is_empty());
        for gone in [
            app.disconnect(actor, connection.id).await.err(),
            app.test_connection(actor, connection.id).await.err(),
            app.channels(actor, connection.id).await.err(),
            app.disconnect(actor, ConnectionId(-1)).await.err(),
        ] {
            assert!(matches!(gone, Some(AppError::NotFound)), "{gone:?}");
        }
        let again = connect(&world, &seat, "1234").await;
        world.connector(Platform::Discord).fail(Some("the platform is away"));
        app.disconnect(actor, again.id).await.unwrap();
        assert_eq!(grant(&world, "1234").await, None);
        assert_eq!(actions(&world).await, [
            "community.server.connect", "connection.install", "connection.disconnect",
            "community.server.connect", "connection.install", "connection.disconnect",
        ]);
    }

    async fn renewed_tokens_are_sealed_and_only_for_what_is_connected(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        let connection = connect(&world, &seat, "1234").await;
        let mut grant = grant(&world, "1234").await.unwrap();
        grant.access = Secret::new(CANARY.to_owned());
        grant.expires_at = None;
        let grants = world.app.grants();
        grants.renew(&grant).await.unwrap();
        assert_eq!(grants.of(Platform::Discord, "1234").await.unwrap(), Some(grant.clone()));
        assert!(!stored(&world).await.contains(CANARY));
        let stranger = Grant { server: "other".to_owned(), ..grant.clone() };
        let refused = grants.renew(&stranger).await.unwrap_err();
        assert!(!refused.to_string().contains(CANARY), "{refused}");
        world.app.disconnect(&seat.person.actor, connection.id).await.unwrap();
        grants.renew(&grant).await.unwrap_err();
        assert!(!stored(&world).await.contains("v1|"), "what has ended gets no token any more");
    }

    async fn a_token_moved_to_another_row_does_not_open_and_keeps_no_other_from_working(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        connect(&world, &seat, "1").await;
        connect(&world, &seat, "2").await;
        connect(&world, &seat, "3").await;
        world.sql(
            "UPDATE connection SET access_sealed = (SELECT access_sealed FROM connection WHERE platform_server_id = '1') \
             WHERE platform_server_id = '2'",
        ).await;
        let refused = world.app.grants().of(Platform::Discord, "2").await.unwrap_err();
        assert!(!refused.to_string().contains("v1|"), "{refused}");
        let all = world.app.grants().all(Platform::Discord).await.unwrap();
        let servers: Vec<&str> = all.iter().map(|grant| grant.server.as_str()).collect();
        assert_eq!(servers, ["1", "3"]);
        let report = app::check_seals(world.app.db(), &keys(&[("test", 7)])).await.unwrap();
        assert_eq!(report.by_key["test"], 6);
        assert_eq!(report.trouble.unwrap().1, SealError::DoesNotOpen("test".to_owned()));
    }

    async fn keys_are_changed_while_everything_runs_and_nothing_is_lost(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        for server in 0..5 {
            world.connector(Platform::Discord).give(&format!("access {server}"), Some(&format!("refresh {server}")));
            connect(&world, &seat, &server.to_string()).await;
        }
        let db = world.app.db();
        let old = keys(&[("test", 7)]);
        let both = keys(&[("new", 8), ("test", 7)]);
        let only_new = keys(&[("new", 8)]);
        let entropy = SeededEntropy::new(5);
        assert_eq!(app::missing_key(db, &both).await.unwrap(), None);
        assert_eq!(app::missing_key(db, &only_new).await.unwrap().as_deref(), Some("test"));
        let lost = app::reseal(db, &only_new, &entropy).await.unwrap_err();
        assert!(matches!(&lost, store::reseal::ResealError::Seal { cause: SealError::UnknownKey(id), .. } if id == "test"), "{lost:?}");

        let done = app::reseal(db, &both, &entropy).await.unwrap();
        assert_eq!((done.texts, done.overtaken), (10, 0));
        assert_eq!(app::reseal(db, &both, &entropy).await.unwrap().texts, 0, "again changes nothing");
        assert_eq!(app::missing_key(db, &only_new).await.unwrap(), None);
        assert_eq!(app::missing_key(db, &old).await.unwrap().as_deref(), Some("new"));
        let all = grants_with(&world, only_new).all(Platform::Discord).await.unwrap();
        let tokens: Vec<&str> = all.iter().map(|grant| grant.access.expose().as_str()).collect();
        assert_eq!(tokens, ["access 0", "access 1", "access 2", "access 3", "access 4"]);
        // A process that has only the old key says which one it lacks.
        let refused = grants_with(&world, old).of(Platform::Discord, "0").await.unwrap_err();
        assert!(refused.to_string().contains("key `new`"), "{refused}");
    }

    async fn sealing_anew_never_puts_an_old_token_over_a_fresh_one(world: World) {
        let seat = seat(&mut world, "Pond", "ada").await;
        connect(&world, &seat, "1234").await;
        let grants = world.app.grants().clone();
        let mut grant = grant(&world, "1234").await.unwrap();
        let both = keys(&[("new", 8), ("test", 7)]);
        let reader = grants_with(&world, both.clone());
        let db = world.app.db().clone();
        let sealing = tokio::spawn(async move {
            let entropy = SeededEntropy::new(5);
            let mut texts = 0;
            for _ in 0..50 {
                texts += app::reseal(&db, &both, &entropy).await.unwrap().texts;
            }
            texts
        });
        for n in 0..50 {
            grant.access = Secret::new(format!("token {n}"));
            grants.renew(&grant).await.unwrap();
            let found = reader.of(Platform::Discord, "1234").await.unwrap().unwrap();
            assert_eq!(found.access.expose(), &format!("token {n}"));
        }
        assert!(sealing.await.unwrap() > 0);
        let found = reader.of(Platform::Discord, "1234").await.unwrap().unwrap();
        assert_eq!(found.access.expose(), "token 49");
    }
}

/// What the program logs, as one text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_code_or_state_is_in_any_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut world = World::sqlite().await;
    let seat = seat(&mut world, "Pond", "ada").await;
    world
        .connector(Platform::Discord)
        .give(CANARY, Some(CANARY));
    let state = begin(&world, &seat).await;
    let done = complete(&world, &seat, &state, "1234").await.unwrap();
    let connection = done.outcome.unwrap().unwrap();
    let mut fresh = grant(&world, "1234").await.unwrap();
    fresh.access = Secret::new(format!("{CANARY}-2"));
    world.app.grants().renew(&fresh).await.unwrap();
    world
        // In two pieces: what a test writes into its statement is traced as it stands.
        .sql("UPDATE connection SET refresh_sealed = 'v1' || '|gone|AAAA|AAAA'")
        .await;
    assert!(
        world
            .app
            .grants()
            .all(Platform::Discord)
            .await
            .unwrap()
            .is_empty()
    );
    world
        .app
        .disconnect(&seat.person.actor, connection.id)
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        text.contains("cannot be opened") && text.contains("could not be given back"),
        "the log was listened to: {text}"
    );
    for secret in [CANARY, state.as_str(), "the-code", "v1|"] {
        assert!(!text.contains(secret), "`{secret}` is in the log");
    }
    world.close().await;
}
