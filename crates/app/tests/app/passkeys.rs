//! Passkeys, with a device in software that signs for real: what signs in, what is refused and why,
//! what works once, and ways in that do not run out.

use std::time::Duration;

use app::AppError;
use identity::{
    AwaitedCode, ClientInfo, Confirmation, Entered, IdentityError, NewSession, PASSKEYS_MAX,
    PasskeyAnswer, PasskeyQuestion,
};
use kernel::{Clock, PageRequest, PasskeyId, Secret, SessionId};
use testkit::{Device, Person, Setup, World, on_both, totp_code};

use super::links::{link, sign_in as sign_in_with};

const HOME: &str = "https://bot.example.org";
const BROWSER: &str = "a-random-value-of-this-browser";
const PASSWORD: &str = "correct horse battery";

pub(super) fn device(seed: u32) -> Device {
    Device::new(HOME.to_owned(), seed)
}

fn here() -> ClientInfo {
    ClientInfo::default()
}

pub(super) fn answer<'a>(question: &'a PasskeyQuestion, credential: &'a str) -> PasskeyAnswer<'a> {
    PasskeyAnswer {
        ceremony: question.ceremony.expose(),
        credential,
    }
}

async fn add_in(
    world: &World,
    who: &Person,
    session: SessionId,
    device: &mut Device,
) -> Result<PasskeyId, IdentityError> {
    let asked = world
        .app
        .identity
        .begin_passkey(&who.actor, session)
        .await?;
    let made = device.create(&asked.options);
    world
        .app
        .identity
        .add_passkey(&who.actor, session, answer(&asked, &made), "Key ring")
        .await?;
    let own = world.app.identity.passkeys(&who.actor).await?;
    Ok(own.last().unwrap().id)
}

/// Adds a passkey in a session just begun.
pub(super) async fn add(world: &World, who: &Person, device: &mut Device) -> PasskeyId {
    let session = world.session(who.user).await;
    add_in(world, who, session, device).await.unwrap()
}

async fn ask(world: &World) -> PasskeyQuestion {
    let identity = &world.app.identity;
    identity.begin_passkey_sign_in(BROWSER).await.unwrap()
}

async fn finish(
    world: &World,
    asked: &PasskeyQuestion,
    credential: &str,
) -> Result<NewSession, IdentityError> {
    world
        .app
        .identity
        .finish_passkey_sign_in(BROWSER, answer(asked, credential), &here())
        .await
}

pub(super) async fn sign_in(
    world: &World,
    device: &mut Device,
) -> Result<NewSession, IdentityError> {
    let asked = ask(world).await;
    let signed = device.get(&asked.options);
    finish(world, &asked, &signed).await
}

/// Confirms a session with a passkey.
async fn confirm(
    world: &World,
    who: &Person,
    session: SessionId,
    device: &mut Device,
) -> Result<(), IdentityError> {
    let identity = &world.app.identity;
    let asked = identity
        .begin_passkey_confirmation(&who.actor, session)
        .await?;
    let signed = device.get_any(&asked.options);
    world
        .app
        .identity
        .confirm_with_passkey(&who.actor, session, answer(&asked, &signed), &here())
        .await
}

/// Proves the password of somebody with a second factor.
async fn first(world: &World, email: &str) -> AwaitedCode {
    let password = Secret::new(PASSWORD.to_owned());
    match world.app.identity.sign_in(email, &password, &here()).await {
        Ok(Entered::SecondFactor(awaited)) => awaited,
        other => panic!("no second factor is asked for: {other:?}"),
    }
}

async fn second(
    world: &World,
    awaited: &AwaitedCode,
    device: &mut Device,
) -> Result<NewSession, IdentityError> {
    let token = awaited.token.expose();
    let asked = world
        .app
        .identity
        .begin_passkey_second_factor(token)
        .await?;
    let signed = device.get_any(&asked.options);
    world
        .app
        .identity
        .finish_passkey_second_factor(token, answer(&asked, &signed), &here())
        .await
}

/// Switches the app with codes on.
async fn switch_on(world: &World, who: &Person, session: SessionId) {
    let identity = &world.app.identity;
    let setup = identity.begin_totp(&who.actor, session).await.unwrap();
    let code = totp_code(&setup.secret, world.clock.now());
    identity
        .confirm_totp(&who.actor, session, &code)
        .await
        .unwrap();
}

/// The question to which the device of [`WRITTEN_BY_0_6`] made its key.
const MADE_FROM: &str = r#"{"publicKey":{"challenge":"AA","rp":{"id":"bot.example.org"},"user":{"id":"0jZ_gAxkjaMFIMNktcdHBQ"}}}"#;
/// A credential as webauthn-rs 0.6 wrote it. Rows like this lie in people's databases: it is never
/// renewed.
const WRITTEN_BY_0_6: &str = r#"{"cred":{"cred_id":"PRc88xGnWzOsjOdWlYRyBHZL3jtWIpNt-zJa326u9rQ","cred":{"type_":"ES256","key":{"EC_EC2":{"curve":"SECP256R1","x":"jOQUwp6fHtlNA0oPvq0Lu6FiYTZd3FlSkfaOd_SFBQE","y":"fDa8vUbqOuKAFtQoGY5lJ1lK_4SkFfd2-tXKNeL67Bw"}}},"counter":1,"transports":null,"user_verified":true,"backup_eligible":false,"backup_state":false,"registration_policy":"required","extensions":{"cred_protect":"Ignored","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"Ignored"},"attestation":{"data":"None","metadata":"None"},"attestation_format":"none"}}"#;

/// What a device does that it should not.
type Change = fn(&mut Device);

fn is_refused<T>(done: &Result<T, IdentityError>) -> bool {
    matches!(
        done,
        Err(IdentityError::Invalid {
            field: "passkey",
            ..
        })
    )
}

#[track_caller]
fn refused<T: std::fmt::Debug>(done: &Result<T, IdentityError>) {
    assert!(is_refused(done), "not refused: {done:?}");
}

#[track_caller]
fn void<T: std::fmt::Debug>(done: Result<T, IdentityError>) {
    match done {
        Err(IdentityError::TokenInvalid) => {}
        other => panic!("the question is still good: {other:?}"),
    }
}

/// The history, newest first.
async fn history(world: &World, who: &Person, n: u32) -> Vec<(String, bool)> {
    let request = PageRequest::first(n);
    let identity = &world.app.identity;
    let page = identity.verifications(&who.actor, &request).await.unwrap();
    page.items
        .into_iter()
        .map(|one| (one.method, one.succeeded))
        .collect()
}

fn failed() -> (String, bool) {
    ("passkey".to_owned(), false)
}

on_both! {
    async fn a_passkey_signs_in_by_itself_and_counts_as_both_factors(world: World) {
        let ann = world.admin("ann").await;
        let session = world.session(ann.user).await;
        let mut key = device(1);
        add_in(&world, &ann, session, &mut key).await.unwrap();
        switch_on(&world, &ann, session).await;
        let identity = &world.app.identity;
        let own = identity.passkeys(&ann.actor).await.unwrap();
        assert_eq!((own[0].name.as_str(), own[0].last_used_at, own[0].is_backed_up), ("Key ring", None, false));
        world.clock.advance(Duration::from_secs(60));
        let entered = sign_in(&world, &mut key).await.unwrap();
        assert_eq!(entered.user, ann.user);
        let known = identity.authenticate(entered.token.expose()).await.unwrap().unwrap();
        let needed = identity.confirmation(&known.actor, known.session).await.unwrap();
        assert_eq!(needed, Confirmation::Given, "it was proved just now");
        assert_eq!(history(&world, &ann, 1).await, [("passkey".to_owned(), true)]);
        let own = identity.passkeys(&ann.actor).await.unwrap();
        assert_eq!(own[0].last_used_at, Some(world.clock.now()));
        for _ in 0..3 {
            sign_in(&world, &mut key).await.unwrap();
        }
        let audit = world.app.audit(&world.system(), &PageRequest::first(50)).await.unwrap();
        let audit = format!("{audit:?}");
        assert!(audit.contains("user.passkey.add") && !audit.contains("Key ring"), "{audit}");
    }

    async fn a_row_that_an_earlier_version_wrote_still_signs_in(world: World) {
        let ann = world.admin("ann").await;
        let mut key = device(1);
        key.create(MADE_FROM);
        world.sql(&format!(
            "INSERT INTO passkey (user_id, rp_id, handle, credential_id, credential, name, sign_count, backed_up, created_at) \
             VALUES ({}, 'bot.example.org', 'd2367f80-0c64-8da3-0520-c364b5c74705', \
               '3d173cf311a75b33ac8ce75695847204764bde3b5622936dfb325adf6eaef6b4', '{WRITTEN_BY_0_6}', 'Key ring', 1, FALSE, 1)",
            ann.user
        )).await;
        assert_eq!(sign_in(&world, &mut key).await.unwrap().user, ann.user);
    }

    async fn one_that_is_kept_in_many_places_does_not_count_and_says_so(world: World) {
        let ann = world.admin("ann").await;
        let mut key = device(1);
        key.count = None;
        add(&world, &ann, &mut key).await;
        for _ in 0..3 {
            sign_in(&world, &mut key).await.unwrap();
        }
        assert!(world.app.identity.passkeys(&ann.actor).await.unwrap()[0].is_backed_up);
    }

    async fn an_answer_that_is_not_what_was_asked_for_signs_nobody_in(world: World) {
        let ann = world.admin("ann").await;
        let mut key = device(1);
        add(&world, &ann, &mut key).await;
        let sessions = world.app.identity.sessions(&ann.actor).await.unwrap().len();
        let cases: [(&str, Change); 7] = [
            ("another page", |key| "https://bot.example.com".clone_into(&mut key.origin)),
            ("a page below it", |key| "https://evil.bot.example.org".clone_into(&mut key.origin)),
            ("another port", |key| "https://bot.example.org:8443".clone_into(&mut key.origin)),
            ("another site", |key| key.rp_id = Some("example.org".to_owned())),
            ("another challenge", |key| key.challenge = Some("bm90IHRoaXMgb25l".to_owned())),
            ("nobody was verified", |key| key.verifies = false),
            ("it says that it is somebody else's", |key| key.handle = Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned())),
        ];
        for (n, (what, change)) in cases.into_iter().enumerate() {
            let mut changed = key.clone();
            change(&mut changed);
            let done = sign_in(&world, &mut changed).await;
            assert!(is_refused(&done), "{what}: {done:?}");
            assert_eq!(history(&world, &ann, 50).await.iter().filter(|one| **one == failed()).count(), n + 1, "{what}");
        }
        // The key of somebody whom nobody knows.
        let mut unknown = device(9);
        let asked = world.app.identity.begin_passkey(&ann.actor, world.session(ann.user).await).await.unwrap();
        unknown.create(&asked.options);
        refused(&sign_in(&world, &mut unknown).await);
        for nonsense in ["", "{}", "null", "[]", "{\"id\":\"a\",\"rawId\":\"a\"}", &"a".repeat(40_000)] {
            let asked = ask(&world).await;
            refused(&finish(&world, &asked, nonsense).await);
        }
        // A good signature by another key under this one's name.
        let asked = ask(&world).await;
        let right = key.get(&asked.options);
        let wrong = unknown.get(&asked.options);
        let signature = |text: &str| text.split_once("\"signature\":\"").unwrap().1.split('"').next().unwrap().to_owned();
        let mixed = right.replace(&signature(&right), &signature(&wrong));
        refused(&finish(&world, &asked, &mixed).await);
        assert_eq!(world.app.identity.sessions(&ann.actor).await.unwrap().len(), sessions + 1, "the one to add with");
        sign_in(&world, &mut key).await.unwrap();
    }

    async fn a_new_one_is_added_only_with_the_answer_that_was_asked_for(world: World) {
        let ann = world.admin("ann").await;
        let cases: [(&str, Change); 4] = [
            ("another page", |key| "https://bot.example.com".clone_into(&mut key.origin)),
            ("another site", |key| key.rp_id = Some("example.org".to_owned())),
            ("another challenge", |key| key.challenge = Some("bm90IHRoaXMgb25l".to_owned())),
            ("nobody was verified", |key| key.verifies = false),
        ];
        let session = world.session(ann.user).await;
        for (what, change) in cases {
            let mut changed = device(1);
            change(&mut changed);
            let done = add_in(&world, &ann, session, &mut changed).await;
            assert!(is_refused(&done), "{what}: {done:?}");
        }
        assert!(world.app.identity.passkeys(&ann.actor).await.unwrap().is_empty());
        let mut key = device(1);
        let asked = world.app.identity.begin_passkey(&ann.actor, session).await.unwrap();
        assert!(asked.options.contains("\"residentKey\":\"required\"") && asked.options.contains("\"userVerification\":\"required\""), "{}", asked.options);
        let made = key.create(&asked.options);
        world.app.identity.add_passkey(&ann.actor, session, answer(&asked, &made), "").await.unwrap();
        void(world.app.identity.add_passkey(&ann.actor, session, answer(&asked, &made), "").await);
        assert_eq!(world.app.identity.passkeys(&ann.actor).await.unwrap()[0].name, "Passkey");
        // The device is told what it must not make again; made all the same, it is refused.
        let asked = world.app.identity.begin_passkey(&ann.actor, session).await.unwrap();
        assert!(asked.options.contains("excludeCredentials"));
        let again = device(1).create(&asked.options);
        let twice = world.app.identity.add_passkey(&ann.actor, session, answer(&asked, &again), "").await;
        assert!(matches!(twice, Err(IdentityError::Conflict(_) | IdentityError::Invalid { .. })), "{twice:?}");
    }

    async fn a_question_is_good_once_for_five_minutes_and_where_it_was_asked(world: World) {
        let ann = world.admin("ann").await;
        let bob = world.admin("bob").await;
        let mut key = device(1);
        add(&world, &ann, &mut key).await;
        let identity = &world.app.identity;
        let asked = ask(&world).await;
        let signed = key.get(&asked.options);
        let elsewhere = identity.finish_passkey_sign_in("another browser", answer(&asked, &signed), &here()).await;
        void(elsewhere);
        finish(&world, &asked, &signed).await.unwrap();
        void(finish(&world, &asked, &signed).await);
        // An old answer to a new question.
        refused(&finish(&world, &ask(&world).await, &signed).await);

        let late = ask(&world).await;
        let signed = key.get(&late.options);
        world.clock.advance(Duration::from_mins(5));
        void(finish(&world, &late, &signed).await);

        // One that was asked for another purpose, or in another session, or of somebody else.
        let session = world.session(ann.user).await;
        let other = world.session(ann.user).await;
        let asked = ask(&world).await;
        let signed = key.get(&asked.options);
        void(identity.confirm_with_passkey(&ann.actor, session, answer(&asked, &signed), &here()).await);
        let asked = identity.begin_passkey_confirmation(&ann.actor, session).await.unwrap();
        let signed = key.get(&asked.options);
        void(finish(&world, &asked, &signed).await);
        void(identity.confirm_with_passkey(&ann.actor, other, answer(&asked, &signed), &here()).await);
        let foreign = identity.confirm_with_passkey(&bob.actor, session, answer(&asked, &signed), &here()).await;
        assert!(matches!(foreign, Err(IdentityError::NotFound)), "{foreign:?}");
        identity.confirm_with_passkey(&ann.actor, session, answer(&asked, &signed), &here()).await.unwrap();
        void(identity.confirm_with_passkey(&ann.actor, session, answer(&asked, &signed), &here()).await);
    }

    async fn of_a_hundred_uses_of_one_question_exactly_one_wins(world: World) {
        let ann = world.admin("ann").await;
        // Once with a key that counts and once with one that does not, so that only the question decides.
        for (seed, count) in [(1, Some(0)), (2, None)] {
            let mut key = device(seed);
            key.count = count;
            add(&world, &ann, &mut key).await;
            let asked = ask(&world).await;
            let signed = key.get(&asked.options);
            let mut uses = tokio::task::JoinSet::new();
            for _ in 0..100 {
                let (identity, signed) = (world.app.identity.clone(), signed.clone());
                let ceremony = asked.ceremony.expose().clone();
                uses.spawn(async move {
                    let answer = PasskeyAnswer { ceremony: &ceremony, credential: &signed };
                    identity.finish_passkey_sign_in(BROWSER, answer, &here()).await
                });
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
    }

    async fn a_key_whose_counter_goes_back_is_refused(world: World) {
        let ann = world.admin("ann").await;
        let mut key = device(1);
        add(&world, &ann, &mut key).await;
        let mut copy = key.clone();
        for _ in 0..3 {
            sign_in(&world, &mut key).await.unwrap();
        }
        let session = world.session(ann.user).await;
        let before = world.app.identity.sessions(&ann.actor).await.unwrap().len();
        let done = sign_in(&world, &mut copy).await;
        assert!(matches!(done, Err(IdentityError::PasskeyCopied { .. })), "{done:?}");
        let words = format!("{done:?} {}", done.as_ref().unwrap_err());
        assert!(!words.contains("ann@example.org"), "{words}");
        let confirmed = confirm(&world, &ann, session, &mut copy).await;
        assert!(matches!(confirmed, Err(IdentityError::PasskeyCopied { .. })), "{confirmed:?}");
        assert_eq!(world.app.identity.sessions(&ann.actor).await.unwrap().len(), before);
        assert_eq!(history(&world, &ann, 2).await, [("passkey-copied".to_owned(), false), ("passkey-copied".to_owned(), false)]);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'user.passkey.copied'").await, 2);
        sign_in(&world, &mut key).await.unwrap();
    }

    async fn it_stands_in_for_the_code_of_the_app(world: World) {
        let ann = world.admin("ann").await;
        let bob = world.admin("bob").await;
        let session = world.session(ann.user).await;
        let (mut key, mut foreign) = (device(1), device(50));
        add_in(&world, &ann, session, &mut key).await.unwrap();
        add(&world, &bob, &mut foreign).await;
        switch_on(&world, &ann, session).await;
        let identity = &world.app.identity;
        let awaited = first(&world, "ann@example.org").await;
        assert!(identity.may_use_passkey(awaited.token.expose()).await.unwrap());
        refused(&second(&world, &awaited, &mut foreign).await);
        assert_eq!(history(&world, &ann, 1).await, [failed()]);
        let entered = second(&world, &awaited, &mut key).await.unwrap();
        assert_eq!(entered.user, ann.user);
        assert_eq!(history(&world, &ann, 1).await, [("passkey".to_owned(), true)]);
        void(second(&world, &awaited, &mut key).await);
        assert!(!identity.may_use_passkey(awaited.token.expose()).await.unwrap(), "it is used up");
        // A question for one first factor is not good for another one.
        let (one, other) = (first(&world, "ann@example.org").await, first(&world, "ann@example.org").await);
        let asked = identity.begin_passkey_second_factor(one.token.expose()).await.unwrap();
        let signed = key.get(&asked.options);
        void(world.app.identity.finish_passkey_second_factor(other.token.expose(), answer(&asked, &signed), &here()).await);
        for _ in 0..5 {
            refused(&second(&world, &one, &mut foreign).await);
        }
        let blocked = second(&world, &one, &mut key).await;
        assert!(matches!(blocked, Err(IdentityError::Throttled { .. })), "{blocked:?}");
    }

    async fn it_confirms_a_session_before_something_sensitive(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", None).await;
        let entered = sign_in_with(&world, "discord", "id-ann").await.unwrap();
        let identity = world.app.identity.clone();
        let session = identity.authenticate(entered.token.expose()).await.unwrap().unwrap().session;
        let mut key = device(1);
        add_in(&world, &ann, session, &mut key).await.unwrap();
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Passkey);
        let late = add_in(&world, &ann, session, &mut key).await;
        assert!(matches!(late, Err(IdentityError::Invalid { field: "password", .. })), "{late:?}");
        let bob = world.admin("bob").await;
        let mut foreign = device(50);
        add(&world, &bob, &mut foreign).await;
        refused(&confirm(&world, &ann, session, &mut foreign).await);
        confirm(&world, &ann, session, &mut key).await.unwrap();
        assert_eq!(identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Given);
        add_in(&world, &ann, session, &mut key).await.unwrap();
        let none = confirm(&world, &world.admin("eve").await, session, &mut key).await;
        assert!(matches!(none, Err(IdentityError::NotFound)), "somebody else's session: {none:?}");
        // With a second factor on it is as good as a code.
        switch_on(&world, &ann, session).await;
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Code);
        confirm(&world, &ann, session, &mut key).await.unwrap();
        identity.disable_totp(&ann.actor, session).await.unwrap();
    }

    async fn the_last_way_in_stays(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", None).await;
        sign_in_with(&world, "discord", "id-ann").await.unwrap();
        let (mut one, mut two) = (device(1), device(2));
        let first = add(&world, &ann, &mut one).await;
        let second = add(&world, &ann, &mut two).await;
        let session = world.session(ann.user).await;
        let (app, identity) = (&world.app, &world.app.identity);
        let only = identity.links(&ann.actor).await.unwrap()[0].id;
        app.unlink(&ann.actor, session, None, only).await.unwrap();
        identity.remove_passkey(&ann.actor, session, first).await.unwrap();
        let last = identity.remove_passkey(&ann.actor, session, second).await;
        assert!(matches!(last, Err(IdentityError::Conflict(_))), "{last:?}");
        refused(&sign_in(&world, &mut one).await);
        sign_in(&world, &mut two).await.unwrap();
        let linked = link(&world, &ann, "campus", "7").await.unwrap();
        identity.remove_passkey(&ann.actor, session, second).await.unwrap();
        let last = app.unlink(&ann.actor, session, None, linked.id).await;
        assert!(matches!(last, Err(AppError::Identity(IdentityError::Conflict(_)))), "{last:?}");
        let gone = identity.remove_passkey(&ann.actor, session, second).await;
        assert!(matches!(gone, Err(IdentityError::NotFound)), "{gone:?}");
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'user.passkey.remove'").await, 2);
    }

    async fn of_two_last_ways_in_removed_at_once_one_stays(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", None).await;
        sign_in_with(&world, "discord", "id-ann").await.unwrap();
        let ids = [add(&world, &ann, &mut device(1)).await, add(&world, &ann, &mut device(2)).await];
        let session = world.session(ann.user).await;
        let only = world.app.identity.links(&ann.actor).await.unwrap()[0].id;
        world.app.unlink(&ann.actor, session, None, only).await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for id in ids {
            let (identity, actor) = (world.app.identity.clone(), ann.actor.clone());
            all.spawn(async move { identity.remove_passkey(&actor, session, id).await.is_ok() });
        }
        let removed = all.join_all().await.into_iter().filter(|is_removed| *is_removed).count();
        assert_eq!(removed, 1);
    }

    async fn they_are_ones_own_are_named_and_at_most_ten(world: World) {
        let ann = world.admin("ann").await;
        let bob = world.admin("bob").await;
        let mut key = device(1);
        let identity = world.app.identity.clone();
        let session = world.session(ann.user).await;
        let mut begun = Vec::new();
        for _ in 0..PASSKEYS_MAX + 5 {
            begun.push(identity.begin_passkey(&ann.actor, session).await.unwrap());
        }
        let mut all = tokio::task::JoinSet::new();
        for asked in begun {
            let (identity, actor, made) = (identity.clone(), ann.actor.clone(), key.create(&asked.options));
            all.spawn(async move { identity.add_passkey(&actor, session, answer(&asked, &made), "x").await.is_ok() });
        }
        let added = all.join_all().await.into_iter().filter(|is_added| *is_added).count();
        assert_eq!(added, PASSKEYS_MAX, "also when they are added at the same moment");
        let more = identity.begin_passkey(&ann.actor, session).await;
        assert!(matches!(more, Err(IdentityError::Conflict(_))), "{more:?}");
        let id = identity.passkeys(&ann.actor).await.unwrap()[3].id;
        identity.rename_passkey(&ann.actor, id, " Laptop ").await.unwrap();
        assert_eq!(identity.passkeys(&ann.actor).await.unwrap()[3].name, "Laptop");
        for bad in ["", "  ", "a\nb", &"x".repeat(81)] {
            assert!(matches!(identity.rename_passkey(&ann.actor, id, bad).await, Err(IdentityError::Invalid { field: "name", .. })));
        }
        assert!(matches!(identity.rename_passkey(&bob.actor, id, "mine").await, Err(IdentityError::NotFound)));
        let session = world.session(bob.user).await;
        assert!(matches!(identity.remove_passkey(&bob.actor, session, id).await, Err(IdentityError::NotFound)));
        assert!(identity.passkeys(&bob.actor).await.unwrap().is_empty());
    }

    async fn an_operator_takes_them_away_with_the_second_factor(world: World) {
        let ann = world.admin("ann").await;
        let mut key = device(1);
        add(&world, &ann, &mut key).await;
        let asked = ask(&world).await;
        let signed = key.get(&asked.options);
        world.app.identity.reset_second_factor(&world.system(), "ann@example.org").await.unwrap();
        refused(&finish(&world, &asked, &signed).await);
        assert!(world.app.identity.passkeys(&ann.actor).await.unwrap().is_empty());
        assert!(world.app.identity.sessions(&ann.actor).await.unwrap().is_empty());
        let again = world.app.identity.reset_second_factor(&world.system(), "ann@example.org").await;
        assert!(matches!(again, Err(IdentityError::Conflict(_))), "{again:?}");
        // Switching the app off by oneself takes no passkey.
        let session = world.session(ann.user).await;
        let mut key = device(2);
        add_in(&world, &ann, session, &mut key).await.unwrap();
        switch_on(&world, &ann, session).await;
        world.app.identity.disable_totp(&ann.actor, session).await.unwrap();
        sign_in(&world, &mut key).await.unwrap();
    }

    async fn questions_are_few_and_go_when_their_time_is_over(world: World) {
        let ann = world.admin("ann").await;
        let session = world.session(ann.user).await;
        let mut key = device(1);
        add_in(&world, &ann, session, &mut key).await.unwrap();
        let identity = &world.app.identity;
        let mut last = None;
        for _ in 0..30 {
            world.clock.advance(Duration::from_secs(1));
            last = Some(identity.begin_passkey_confirmation(&ann.actor, session).await.unwrap());
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM passkey_ceremony").await, 20);
        let last = last.unwrap();
        let signed = key.get(&last.options);
        world.app.identity.confirm_with_passkey(&ann.actor, session, answer(&last, &signed), &here()).await.unwrap();
        let dump = format!("{:?}", world.dump().await);
        assert!(!dump.contains(last.ceremony.expose().as_str()), "only its hash is kept");
        world.clock.advance(Duration::from_mins(6));
        identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM passkey_ceremony").await, 0);
    }

    async fn where_the_site_has_another_name_they_are_worth_nothing_and_no_way_in(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", None).await;
        sign_in_with(&world, "discord", "id-ann").await.unwrap();
        let mut key = device(1);
        let id = add(&world, &ann, &mut key).await;
        let home = |public_url: &str| Setup { public_url: public_url.to_owned(), ..Setup::default() };
        world.restart(home("https://new.example.org")).await;
        let identity = world.app.identity.clone();
        let own = identity.passkeys(&ann.actor).await.unwrap();
        assert_eq!(own[0].elsewhere.as_deref(), Some("bot.example.org"));
        refused(&sign_in(&world, &mut key).await);
        let session = world.session(ann.user).await;
        let only = identity.links(&ann.actor).await.unwrap()[0].id;
        assert!(world.app.unlink(&ann.actor, session, None, only).await.is_err(), "it would be the last way in");
        world.app.identity.remove_passkey(&ann.actor, session, id).await.unwrap();

        world.restart(home("http://127.0.0.1:8080")).await;
        let identity = world.app.identity.clone();
        assert!(identity.passkeys_off().unwrap().contains("made of numbers"));
        let off = identity.begin_passkey_sign_in(BROWSER).await;
        assert!(matches!(off, Err(IdentityError::Conflict(_))), "{off:?}");
        let session = world.session(ann.user).await;
        assert!(matches!(identity.begin_passkey(&ann.actor, session).await, Err(IdentityError::Conflict(_))));
    }
}
