//! The second factor: codes that work once, also when a hundred use one at the same moment; step-up;
//! and the history that its owner sees.

use std::time::Duration;

use identity::{AwaitedCode, ClientInfo, Confirmation, Entered, IdentityError, NewSession};
use kernel::{Clock, PageRequest, Secret, SessionId};
use store::{
    KeyRing,
    seal::{KEY_BYTES, Keys},
};
use testkit::{Person, SeededEntropy, World, on_both, totp_code};

const PASSWORD: &str = "correct horse battery";
const STEP: Duration = Duration::from_secs(30);

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn here() -> ClientInfo {
    ClientInfo::default()
}

/// Somebody with the second factor on.
pub(super) struct Protected {
    pub(super) person: Person,
    pub(super) session: SessionId,
    key: Secret<String>,
    recovery: Vec<Secret<String>>,
}

impl Protected {
    /// The code of a step that was not used yet.
    fn next(&self, world: &World) -> String {
        world.clock.advance(STEP);
        totp_code(&self.key, world.clock.now())
    }
}

pub(super) async fn protected(world: &World, name: &str) -> Protected {
    let person = world.admin(name).await;
    let session = world.session(person.user).await;
    let identity = &world.app.identity;
    let setup = identity.begin_totp(&person.actor, session).await.unwrap();
    let code = totp_code(&setup.secret, world.clock.now());
    let recovery = identity
        .confirm_totp(&person.actor, session, &code)
        .await
        .unwrap();
    Protected {
        person,
        session,
        key: setup.secret,
        recovery,
    }
}

/// Proves the first factor.
pub(super) async fn first(world: &World, email: &str) -> AwaitedCode {
    let identity = &world.app.identity;
    match identity.sign_in(email, &secret(PASSWORD), &here()).await {
        Ok(Entered::SecondFactor(awaited)) => awaited,
        other => panic!("no second factor is asked for: {other:?}"),
    }
}

pub(super) async fn second(
    world: &World,
    awaited: &AwaitedCode,
    code: &str,
) -> Result<NewSession, IdentityError> {
    let identity = &world.app.identity;
    identity
        .finish_second_factor(awaited.token.expose(), code, &here())
        .await
}

on_both! {
    async fn it_is_on_only_after_a_code_of_the_app_and_asked_for_from_then_on(world: World) {
        let ann = world.admin("ann").await;
        let session = world.session(ann.user).await;
        let identity = &world.app.identity;
        let setup = identity.begin_totp(&ann.actor, session).await.unwrap();
        assert!(identity.second_factor(&ann.actor).await.unwrap().since.is_none());
        let plain = identity.sign_in("ann@example.org", &secret(PASSWORD), &here()).await.unwrap();
        assert!(plain.session().is_some(), "a secret that nobody proved protects nothing and locks nobody out");
        let wrong = identity.confirm_totp(&ann.actor, session, "000000").await;
        assert!(matches!(wrong, Err(IdentityError::Invalid { field: "code", .. })), "{wrong:?}");
        let code = totp_code(&setup.secret, world.clock.now());
        let recovery = identity.confirm_totp(&ann.actor, session, &code).await.unwrap();
        assert_eq!(recovery.len(), 10);
        let factor = identity.second_factor(&ann.actor).await.unwrap();
        assert!(factor.since.is_some() && factor.codes_left == 10);
        assert_eq!(identity.sessions(&ann.actor).await.unwrap().len(), 1, "other browsers are signed out");
        let again = identity.begin_totp(&ann.actor, session).await;
        assert!(matches!(again, Err(IdentityError::Conflict(_))), "{again:?}");

        let awaited = first(&world, "ann@example.org").await;
        assert!(identity.authenticate(awaited.token.expose()).await.unwrap().is_none(), "it is no session");
        let link = identity.issue_sign_in_link(&world.system(), ann.user).await.unwrap();
        let by_link = identity.redeem_sign_in_link(link.expose(), &here()).await.unwrap();
        assert!(by_link.session().is_none(), "a link is a first factor too");
    }

    async fn the_code_of_a_step_works_once_and_the_token_until_a_code_was_right(world: World) {
        let ann = protected(&world, "ann").await;
        let awaited = first(&world, "ann@example.org").await;
        let used = totp_code(&ann.key, world.clock.now());
        assert!(second(&world, &awaited, &used).await.is_err(), "the code that switched it on was used");
        assert!(second(&world, &awaited, "123456").await.is_err());
        let code = ann.next(&world);
        let session = second(&world, &awaited, &code).await.unwrap();
        assert_eq!(session.user, ann.person.user);
        let spent = second(&world, &awaited, &ann.next(&world)).await;
        assert!(matches!(spent, Err(IdentityError::TokenInvalid)), "{spent:?}");
        let other = first(&world, "ann@example.org").await;
        assert!(second(&world, &other, &code).await.is_err(), "an old step is never accepted again");
        world.clock.advance(Duration::from_secs(600));
        let late = second(&world, &other, &ann.next(&world)).await;
        assert!(matches!(late, Err(IdentityError::TokenInvalid)), "{late:?}");
    }

    async fn of_a_hundred_uses_of_one_code_exactly_one_wins(world: World) {
        let ann = protected(&world, "ann").await;
        let code = ann.next(&world);
        let recovery = ann.recovery[0].expose().clone();
        for code in [code, recovery] {
            // Each has proved the first factor, so that only the code decides; and guesses that were
            // slowed down would prove nothing.
            let mut awaited = Vec::new();
            for _ in 0..100 {
                awaited.push(first(&world, "ann@example.org").await);
            }
            let mut uses = tokio::task::JoinSet::new();
            for one in awaited {
                let (identity, code) = (world.app.identity.clone(), code.clone());
                uses.spawn(async move {
                    identity.finish_second_factor(one.token.expose(), &code, &here()).await.is_ok()
                });
            }
            let won = uses.join_all().await.into_iter().filter(|is_won| *is_won).count();
            assert_eq!(won, 1);
            world.sql("DELETE FROM sign_in_throttle").await;
        }
    }

    async fn a_recovery_code_stands_in_for_the_app_once(world: World) {
        let ann = protected(&world, "ann").await;
        let identity = &world.app.identity;
        let typed = ann.recovery[3].expose().to_lowercase().replace('-', " ");
        let awaited = first(&world, "ann@example.org").await;
        second(&world, &awaited, &typed).await.unwrap();
        assert_eq!(identity.second_factor(&ann.person.actor).await.unwrap().codes_left, 9);
        let awaited = first(&world, "ann@example.org").await;
        assert!(second(&world, &awaited, &typed).await.is_err());
        let fresh = identity.renew_recovery_codes(&ann.person.actor, ann.session).await.unwrap();
        assert!(second(&world, &awaited, ann.recovery[4].expose()).await.is_err(), "old ones are void");
        second(&world, &awaited, fresh[4].expose()).await.unwrap();
    }

    async fn five_wrong_codes_cost_a_quarter_of_an_hour_even_for_the_right_one(world: World) {
        let ann = protected(&world, "ann").await;
        let awaited = first(&world, "ann@example.org").await;
        for _ in 0..5 {
            let wrong = second(&world, &awaited, "000000").await;
            assert!(matches!(wrong, Err(IdentityError::Invalid { .. })), "{wrong:?}");
        }
        let blocked = second(&world, &awaited, &ann.next(&world)).await;
        assert!(matches!(blocked, Err(IdentityError::Throttled { .. })), "{blocked:?}");
        // Proving the first factor again buys no more guesses.
        let awaited = first(&world, "ann@example.org").await;
        assert!(matches!(second(&world, &awaited, "000000").await, Err(IdentityError::Throttled { .. })));
        world.clock.advance(Duration::from_mins(15));
        let awaited = first(&world, "ann@example.org").await;
        second(&world, &awaited, &ann.next(&world)).await.unwrap();
    }

    async fn with_it_on_something_sensitive_needs_a_code_and_not_the_password(world: World) {
        let ann = protected(&world, "ann").await;
        let identity = &world.app.identity;
        let (actor, session) = (&ann.person.actor, ann.session);
        assert_eq!(identity.confirmation(actor, session).await.unwrap(), Confirmation::Given);
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(identity.confirmation(actor, session).await.unwrap(), Confirmation::Code);
        let by_password = identity.confirm_session(actor, session, &secret(PASSWORD), &here()).await;
        assert!(by_password.is_err());
        assert!(identity.disable_totp(actor, session).await.is_err());
        let code = secret(&ann.next(&world));
        identity.confirm_session(actor, session, &code, &here()).await.unwrap();
        assert_eq!(identity.confirmation(actor, session).await.unwrap(), Confirmation::Given);
        identity.disable_totp(actor, session).await.unwrap();
        let plain = identity.sign_in("ann@example.org", &secret(PASSWORD), &here()).await.unwrap();
        assert!(plain.session().is_some());
        assert_eq!(world.number("SELECT COUNT(*) FROM recovery_code").await, 0);
    }

    async fn a_session_is_confirmed_with_the_password_where_there_is_no_second_factor(world: World) {
        let ann = world.admin("ann").await;
        let session = world.session(ann.user).await;
        let identity = &world.app.identity;
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(identity.confirmation(&ann.actor, session).await.unwrap(), Confirmation::Password);
        let wrong = identity.confirm_session(&ann.actor, session, &secret("wrong horse battery"), &here()).await;
        assert!(matches!(wrong, Err(IdentityError::Invalid { field: "password", .. })), "{wrong:?}");
        identity.confirm_session(&ann.actor, session, &secret(PASSWORD), &here()).await.unwrap();
        identity.begin_totp(&ann.actor, session).await.unwrap();
        world.clock.advance(Duration::from_secs(301));
        assert!(identity.begin_totp(&ann.actor, session).await.is_err(), "five minutes, no more");
        let bob = world.admin("bob").await;
        let foreign = identity.confirm_session(&bob.actor, session, &secret(PASSWORD), &here()).await;
        assert!(matches!(foreign, Err(IdentityError::NotFound)), "{foreign:?}");
    }

    async fn an_administrator_takes_it_away(world: World) {
        let ann = protected(&world, "ann").await;
        let app = &world.app;
        let link = app.identity.issue_sign_in_link(&world.system(), ann.person.user).await.unwrap();
        app.identity.reset_second_factor(&world.system(), "ANN@example.org").await.unwrap();
        assert!(app.identity.sessions(&ann.person.actor).await.unwrap().is_empty());
        assert!(app.identity.redeem_sign_in_link(link.expose(), &here()).await.is_err());
        let audit = app.audit(&world.system(), &PageRequest::first(5)).await.unwrap();
        assert!(format!("{audit:?}").contains("user.second_factor.reset"));
        let again = app.identity.reset_second_factor(&world.system(), "ann@example.org").await;
        assert!(matches!(again, Err(IdentityError::Conflict(_))), "it is off already: {again:?}");
    }

    async fn secrets_are_sealed_and_sealed_anew_with_a_new_key(world: World) {
        let ann = protected(&world, "ann").await;
        let dump = format!("{:?}", world.dump().await);
        assert!(!dump.contains(ann.key.expose().as_str()));
        for code in &ann.recovery {
            assert!(!dump.contains(&code.expose().replace('-', "")) && !dump.contains(code.expose().as_str()));
        }
        let db = world.app.db();
        let keys = |id: &str, byte: u8| (id.to_owned(), Secret::new([byte; KEY_BYTES]));
        let both = KeyRing::new(&Keys::new("new", vec![keys("new", 8), keys("test", 7)]).unwrap());
        let done = app::reseal(db, &both, &SeededEntropy::new(5)).await.unwrap();
        assert_eq!((done.texts, done.overtaken), (1, 0));
        let new = KeyRing::new(&Keys::new("new", vec![keys("new", 8)]).unwrap());
        let report = app::check_seals(db, &new).await.unwrap();
        assert_eq!((report.by_key.get("new"), report.trouble), (Some(&1), None));
        let old = KeyRing::new(&Keys::new("test", vec![keys("test", 7)]).unwrap());
        assert_eq!(app::missing_key(db, &old).await.unwrap().as_deref(), Some("new"));
    }

    async fn a_wrong_password_or_code_of_somebody_signed_in_is_in_their_history(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let client = |last: u8| ClientInfo { address: Some([203, 0, last, 9].into()), ..ClientInfo::default() };
        let entered = identity.sign_in("ann@example.org", &secret(PASSWORD), &client(1)).await.unwrap();
        let token = entered.session().unwrap().token;
        let session = identity.authenticate(token.expose()).await.unwrap().unwrap().session;
        world.clock.advance(Duration::from_secs(301));
        let wrong = secret("wrong horse battery");
        assert!(identity.confirm_session(&ann.actor, session, &wrong, &client(2)).await.is_err());
        assert!(identity.confirm_session(&ann.actor, session, &secret(""), &client(2)).await.is_err(), "nothing was typed");
        assert!(identity.begin_email(&ann.actor, session, Some(&wrong), "new@example.org").await.is_err());
        assert!(identity.begin_email(&ann.actor, session, None, "new@example.org").await.is_err(), "nothing was typed");
        assert!(identity.change_password(&ann.actor, &wrong, &secret("another horse battery"), session).await.is_err());
        let page = identity.verifications(&ann.actor, &PageRequest::first(10)).await.unwrap();
        let at = world.clock.now();
        let seen: Vec<_> = page.items.iter().filter(|v| v.at == at).map(|v| (v.method.as_str(), v.succeeded, v.network.as_str())).collect();
        assert_eq!(seen, [
            ("password", false, "203.0.1.0/24"),
            ("password", false, "203.0.1.0/24"),
            ("password", false, "203.0.2.0/24"),
        ]);
        let bob = protected(&world, "bob").await;
        world.clock.advance(Duration::from_secs(301));
        assert!(identity.confirm_session(&bob.person.actor, bob.session, &secret("000000"), &client(3)).await.is_err());
        let page = identity.verifications(&bob.person.actor, &PageRequest::first(1)).await.unwrap();
        let last = &page.items[0];
        assert_eq!((last.method.as_str(), last.succeeded, last.network.as_str()), ("second-factor", false, "203.0.3.0/24"));
    }

    async fn its_owner_sees_every_attempt_and_nobody_elses(world: World) {
        let ann = protected(&world, "ann").await;
        let bob = world.admin("bob").await;
        let identity = &world.app.identity;
        let client = ClientInfo { address: Some([203, 0, 113, 9].into()), ..ClientInfo::default() };
        assert!(identity.sign_in("ann@example.org", &secret("wrong horse battery"), &client).await.is_err());
        let awaited = first(&world, "ann@example.org").await;
        assert!(second(&world, &awaited, "000000").await.is_err());
        second(&world, &awaited, &ann.next(&world)).await.unwrap();
        let page = identity.verifications(&ann.person.actor, &PageRequest::first(4)).await.unwrap();
        let seen: Vec<_> = page.items.iter().map(|v| (v.method.as_str(), v.succeeded, v.network.as_str())).collect();
        assert_eq!(seen, [
            ("totp", true, ""),
            ("second-factor", false, ""),
            ("password", true, ""),
            ("password", false, "203.0.113.0/24"),
        ]);
        let older = PageRequest::after(page.next.unwrap(), 50);
        assert!(!identity.verifications(&ann.person.actor, &older).await.unwrap().items.is_empty());
        assert!(identity.verifications(&bob.actor, &PageRequest::first(50)).await.unwrap().items.is_empty());
        world.clock.advance(Duration::from_secs(366 * 86_400));
        identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM verification_attempt").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM session_confirmation").await, 0);
    }
}
