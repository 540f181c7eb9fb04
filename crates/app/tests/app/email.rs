//! Proving addresses: codes and links that work once, for whom they were made, and tell nobody who
//! is known here.

use std::time::Duration;

use identity::{ClientInfo, EmailLetter, EmailReason, IdentityError};
use kernel::{Clock, Secret};
use testkit::{Person, Setup, World, on_both};

const PASSWORD: &str = "correct horse battery";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn begin(world: &World, who: &Person, address: &str) -> Result<EmailLetter, IdentityError> {
    let session = world.session(who.user).await;
    let identity = &world.app.identity;
    identity
        .begin_email(&who.actor, session, None, address)
        .await
}

fn code_of(letter: &EmailLetter) -> String {
    match &letter.reason {
        EmailReason::Verify { code, .. } => code.expose().clone(),
        other => panic!("this letter has no code: {other:?}"),
    }
}

fn token_of(letter: &EmailLetter) -> String {
    match &letter.reason {
        EmailReason::Verify { token, .. }
        | EmailReason::Reset { token }
        | EmailReason::Register { token } => token.expose().clone(),
        EmailReason::Known => panic!("this letter has no link"),
    }
}

async fn signs_in(world: &World, email: &str, password: &str) -> bool {
    let client = ClientInfo::default();
    let identity = &world.app.identity;
    let done = identity.sign_in(email, &secret(password), &client).await;
    done.is_ok()
}

on_both! {
    async fn an_address_is_verified_by_its_code_or_its_link_once(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let before = identity.email_status(&ann.actor).await.unwrap();
        assert_eq!((before.address.as_deref(), before.verified_at), (Some("ann@example.org"), None));

        let letter = begin(&world, &ann, "Ann@example.org").await.unwrap();
        assert_eq!(letter.to, "Ann@example.org");
        let waiting = identity.email_status(&ann.actor).await.unwrap();
        assert_eq!(waiting.awaited.as_deref(), Some("Ann@example.org"));
        let typed = code_of(&letter).to_lowercase().replace('-', " ");
        identity.confirm_email(&ann.actor, &typed).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM notice").await, 0, "it is the same address");
        let status = identity.email_status(&ann.actor).await.unwrap();
        assert!(status.verified_at.is_some() && status.awaited.is_none());
        assert!(identity.confirm_email(&ann.actor, &code_of(&letter)).await.is_err(), "a code works once");
        let again = identity.follow_email_link(&token_of(&letter)).await;
        assert!(matches!(again, Err(IdentityError::TokenInvalid)), "and so does its link");

        let letter = begin(&world, &ann, "ann@other.example").await.unwrap();
        identity.follow_email_link(&token_of(&letter)).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM notice WHERE address = 'Ann@example.org'").await, 1, "its mailbox is told");
        app::jobs::runner(&world.app, "tester").run_due(world.clock.now()).await.unwrap();
        assert!(signs_in(&world, "ann@other.example", PASSWORD).await);
        assert!(!signs_in(&world, "ann@example.org", PASSWORD).await);
    }

    async fn a_newer_code_voids_the_older_and_both_end(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let first = begin(&world, &ann, "ann@example.org").await.unwrap();
        let second = begin(&world, &ann, "ann@example.org").await.unwrap();
        assert!(identity.confirm_email(&ann.actor, &code_of(&first)).await.is_err());
        assert!(identity.follow_email_link(&token_of(&first)).await.is_err());
        world.clock.advance(Duration::from_secs(601));
        assert!(identity.confirm_email(&ann.actor, &code_of(&second)).await.is_err(), "ten minutes are over");
        world.clock.advance(Duration::from_secs(2_400));
        identity.follow_email_link(&token_of(&second)).await.unwrap();

        let third = begin(&world, &ann, "ann@example.org").await.unwrap();
        world.clock.advance(Duration::from_secs(3_601));
        assert!(identity.follow_email_link(&token_of(&third)).await.is_err(), "an hour is over");
        identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM email_code").await, 0);
    }

    async fn five_wrong_codes_void_the_right_one_also_when_typed_at_once(world: World) {
        let ann = world.admin("ann").await;
        let letter = begin(&world, &ann, "ann@example.org").await.unwrap();
        let mut guesses = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (identity, actor) = (world.app.identity.clone(), ann.actor.clone());
            guesses.spawn(async move { identity.confirm_email(&actor, &format!("WRONG{n:03}")).await.is_ok() });
        }
        assert!(guesses.join_all().await.into_iter().all(|is_right| !is_right));
        assert_eq!(world.number("SELECT MAX(attempts) FROM email_code").await, 5);
        assert!(world.app.identity.confirm_email(&ann.actor, &code_of(&letter)).await.is_err());
    }

    async fn of_a_hundred_uses_of_one_code_exactly_one_wins(world: World) {
        let ann = world.admin("ann").await;
        let letter = begin(&world, &ann, "new@example.org").await.unwrap();
        let mut uses = tokio::task::JoinSet::new();
        for n in 0..100 {
            let (identity, actor) = (world.app.identity.clone(), ann.actor.clone());
            let (code, token) = (code_of(&letter), token_of(&letter));
            uses.spawn(async move {
                if n % 2 == 0 {
                    identity.confirm_email(&actor, &code).await.is_ok()
                } else {
                    identity.follow_email_link(&token).await.is_ok()
                }
            });
        }
        let won = uses.join_all().await.into_iter().filter(|is_won| *is_won).count();
        assert_eq!(won, 1);
    }

    async fn an_address_of_somebody_else_is_not_taken_and_not_told(world: World) {
        let ann = world.admin("ann").await;
        let bob = world.admin("bob").await;
        let letter = begin(&world, &bob, "ANN@example.org").await.unwrap();
        assert_eq!(letter.reason, EmailReason::Known, "only its mailbox learns of it");
        assert!(world.app.identity.confirm_email(&bob.actor, "ABCD-EFGH").await.is_err());

        // Free when asked for, somebody's by the time it is proved.
        let letter = begin(&world, &bob, "free@example.org").await.unwrap();
        let faster = begin(&world, &ann, "free@example.org").await.unwrap();
        world.app.identity.confirm_email(&ann.actor, &code_of(&faster)).await.unwrap();
        let late = world.app.identity.confirm_email(&bob.actor, &code_of(&letter)).await;
        assert!(matches!(late, Err(IdentityError::Conflict(_))), "{late:?}");
    }

    async fn another_address_needs_a_young_session_or_the_password(world: World) {
        let ann = world.admin("ann").await;
        let old = world.session(ann.user).await;
        world.clock.advance(Duration::from_secs(301));
        let identity = &world.app.identity;
        let none = identity.begin_email(&ann.actor, old, None, "new@example.org").await;
        assert!(matches!(none, Err(IdentityError::Invalid { field: "password", .. })), "{none:?}");
        let wrong = identity.begin_email(&ann.actor, old, Some(&secret("wrong horse battery")), "new@example.org").await;
        assert!(wrong.is_err());
        identity.begin_email(&ann.actor, old, Some(&secret(PASSWORD)), "new@example.org").await.unwrap();
        identity.begin_email(&ann.actor, old, None, "ann@example.org").await.unwrap();
    }

    async fn three_letters_an_hour_go_to_an_address(world: World) {
        let ann = world.admin("ann").await;
        for _ in 0..3 {
            begin(&world, &ann, "ann@example.org").await.unwrap();
        }
        let more = begin(&world, &ann, "ann@example.org").await;
        assert!(matches!(more, Err(IdentityError::Throttled { .. })), "{more:?}");
        let client = ClientInfo::default();
        let reset = world.app.identity.begin_reset("ann@example.org", &client).await.unwrap();
        assert_eq!(reset, None, "who is not signed in is told nothing, and no letter goes");
        world.clock.advance(Duration::from_secs(3_600));
        begin(&world, &ann, "ann@example.org").await.unwrap();
    }

    async fn a_forgotten_password_is_set_anew_by_a_link(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let client = ClientInfo::default();
        let token = world.token(ann.user).await;
        assert_eq!(identity.begin_reset("nobody@example.org", &client).await.unwrap(), None);
        let letter = identity.begin_reset("ANN@example.org", &client).await.unwrap().unwrap();
        assert_eq!(letter.to, "ann@example.org", "the mail goes to the address as it was proved, not as it was typed");
        let link = token_of(&letter);
        let weak = identity.finish_reset(&link, &secret("short")).await;
        assert!(matches!(weak, Err(IdentityError::Invalid { field: "password", .. })), "{weak:?}");
        identity.finish_reset(&link, &secret("a quite new password")).await.unwrap();
        assert!(signs_in(&world, "ann@example.org", "a quite new password").await);
        assert!(!signs_in(&world, "ann@example.org", PASSWORD).await);
        assert!(identity.authenticate(&token).await.unwrap().is_none(), "other browsers are signed out");
        assert!(identity.email_status(&ann.actor).await.unwrap().verified_at.is_some());
        assert_eq!(world.number("SELECT COUNT(*) FROM notice").await, 1, "the mailbox that got the link is told");
        app::jobs::runner(&world.app, "tester").run_due(world.clock.now()).await.unwrap();
        let again = identity.finish_reset(&link, &secret("yet another password")).await;
        assert!(matches!(again, Err(IdentityError::TokenInvalid)), "{again:?}");
        let other_use = identity.follow_email_link(&link).await;
        assert!(other_use.is_err(), "a link is good for one purpose");
    }

    async fn a_link_to_a_former_address_sets_no_password(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let stale = identity.begin_reset("ann@example.org", &ClientInfo::default()).await.unwrap().unwrap();
        let letter = begin(&world, &ann, "new@example.org").await.unwrap();
        identity.confirm_email(&ann.actor, &code_of(&letter)).await.unwrap();
        let done = identity.finish_reset(&token_of(&stale), &secret("a quite new password")).await;
        assert!(matches!(done, Err(IdentityError::TokenInvalid)), "{done:?}");
    }

    async fn people_register_where_the_instance_is_open(world: World) {
        let client = ClientInfo::default();
        let closed = world.app.identity.begin_registration("cas@example.org", &client).await;
        assert!(matches!(closed, Err(IdentityError::Conflict(_))), "{closed:?}");
        let setup = Setup { open_registration: true, ..Setup::default() };
        world.restart(setup).await;
        let identity = &world.app.identity;
        let letter = identity.begin_registration("cas@example.org", &client).await.unwrap().unwrap();
        let link = token_of(&letter);
        assert_eq!(identity.registration_address(&link).await.unwrap().as_deref(), Some("cas@example.org"));
        assert!(identity.finish_registration(&link, " ", &secret(PASSWORD), &client).await.is_err());
        let begun = identity.finish_registration(&link, "Cas", &secret(PASSWORD), &client).await.unwrap();
        let cas = identity.authenticate(begun.token.expose()).await.unwrap().unwrap();
        assert!(!cas.user.is_instance_admin, "nobody becomes an administrator by registering");
        assert!(identity.email_status(&cas.actor).await.unwrap().verified_at.is_some());
        assert!(identity.finish_registration(&link, "Cas", &secret(PASSWORD), &client).await.is_err());
        let known = identity.begin_registration("CAS@example.org", &client).await.unwrap().unwrap();
        assert_eq!(known.reason, EmailReason::Known);
    }

    async fn neither_addresses_nor_codes_are_in_the_audit_log(world: World) {
        let ann = world.admin("ann").await;
        let letter = begin(&world, &ann, "canary@example.org").await.unwrap();
        world.app.identity.confirm_email(&ann.actor, &code_of(&letter)).await.unwrap();
        let dump = world.dump().await;
        let log = dump["audit"].join("\n");
        assert!(log.contains("user.email.change"));
        assert!(!log.contains("canary"), "{log}");
        let all = format!("{dump:?}");
        assert!(!all.contains(&token_of(&letter)) && !all.contains(&code_of(&letter)));
    }
}
