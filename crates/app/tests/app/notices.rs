//! What people are told by mail about their account: once for each change, nothing for a change that
//! was refused, only where an address was verified, and never anything that opens something.

use std::{collections::BTreeMap, time::Duration};

use app::AppError;
use identity::{ClientInfo, EmailReason, IdentityError, KeyScope, MergeSide, NewApiKey};
use kernel::{Clock, PageRequest, PasskeyId, Role, Secret, SessionId};
use testkit::{Person, World, on_both, totp_code};

use super::{
    links::{link, seated},
    merges::{confirm, prove, somebody, undo},
    passkeys,
    second_factor::{first, protected, second},
};

const PASSWORD: &str = "correct horse battery";
const DAY: Duration = Duration::from_hours(24);

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn address(name: &str) -> String {
    format!("{name}@example.org")
}

/// The person has this address and proved it.
async fn verify(world: &World, person: &Person, address: &str) {
    let user = person.user;
    world
        .sql(&format!(
            "UPDATE users SET email = '{address}', email_folded = '{address}' WHERE id = {user}"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO verified_email (user_id, address_folded, verified_at) VALUES ({user}, '{address}', 1)"
        ))
        .await;
}

/// An administrator with a password whose address is verified.
async fn known(world: &World, name: &str) -> Person {
    let person = world.admin(name).await;
    verify(world, &person, &address(name)).await;
    person
}

/// A letter: to whom, about what, saying what.
type Letter = (String, String, String);
/// Letters by their names.
type Seen = BTreeMap<String, Letter>;

/// Sends what waits; answers every letter there is, by its name.
async fn letters(world: &World) -> Seen {
    let runner = app::jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
    let system = world.system();
    let page = world.app.outbox(&system, &PageRequest::first(100)).await;
    let mut all = Seen::new();
    for letter in page.unwrap().items {
        let whole = world.app.outbox_mail(&system, &letter.name).await;
        let whole = whole.unwrap().unwrap();
        let opens = ["token=", "wbot_user_", "://bot.example.org/auth"];
        assert!(!opens.iter().any(|part| whole.text.contains(part)));
        let long = |word: &str| word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        assert!(!whole.text.split(|c: char| !c.is_alphanumeric()).any(long));
        all.insert(letter.name, (whole.to, whole.subject, whole.text));
    }
    all
}

/// The letters that came since, by their receivers.
async fn news(world: &World, seen: &mut Seen) -> Vec<Letter> {
    let all = letters(world).await;
    let mut new = all.clone();
    new.retain(|name, _| !seen.contains_key(name));
    *seen = all;
    let mut new: Vec<Letter> = new.into_values().collect();
    new.sort();
    new
}

/// The one letter that came since to an address, which says all of this.
async fn expect(world: &World, seen: &mut Seen, to: &str, says: &[&str]) {
    let new = news(world, seen).await;
    let [(receiver, subject, text)] = new.as_slice() else {
        panic!("one letter is expected: {new:?}");
    };
    assert_eq!(receiver, to);
    let whole = format!("{subject}\n{text}");
    for words in says {
        assert!(whole.contains(words), "«{words}» is not in: {whole}");
    }
}

async fn nothing(world: &World, seen: &mut Seen) {
    assert_eq!(news(world, seen).await, Vec::<Letter>::new());
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM notice WHERE sent_at IS NULL")
            .await,
        0
    );
}

/// Switches the second factor on in a session; answers its recovery codes.
async fn switch_on(world: &World, who: &Person, session: SessionId) -> Vec<Secret<String>> {
    let identity = &world.app.identity;
    let setup = identity.begin_totp(&who.actor, session).await.unwrap();
    let code = totp_code(&setup.secret, world.clock.now());
    let codes = identity.confirm_totp(&who.actor, session, &code).await;
    codes.unwrap()
}

/// Has a code and a link sent to an address that is to be somebody's.
async fn begin_email(world: &World, who: &Person, address: &str) -> (String, String) {
    let session = seated(world, who).await;
    let identity = &world.app.identity;
    let letter = identity
        .begin_email(&who.actor, session, None, address)
        .await;
    match letter.unwrap().reason {
        EmailReason::Verify { code, token } => (code.expose().clone(), token.expose().clone()),
        other => panic!("no code was sent: {other:?}"),
    }
}

on_both! {
    async fn both_sides_of_a_merge_are_told_when_it_is_asked_for_done_and_undone(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", Some(Role::Member)).await;
        let bob = somebody(&mut world, pond, "bob", Some(Role::Member)).await;
        verify(&world, &ada, &address("ada")).await;
        verify(&world, &bob, &address("bob")).await;
        let mut seen = Seen::new();

        // An administrator is not merged into somebody who is none: refused, and nobody is told.
        world.sql(&format!("UPDATE users SET is_instance_admin = TRUE WHERE id = {}", bob.user)).await;
        let refused = link(&world, &ada, "discord", "id-bob").await;
        assert!(matches!(refused, Err(AppError::Identity(IdentityError::Conflict(_)))), "{refused:?}");
        nothing(&world, &mut seen).await;
        world.sql(&format!("UPDATE users SET is_instance_admin = FALSE WHERE id = {}", bob.user)).await;

        let id = prove(&world, &ada, "bob").await;
        let asked = news(&world, &mut seen).await;
        let to: Vec<_> = asked.iter().map(|(to, ..)| to.as_str()).collect();
        assert_eq!(to, ["ada@example.org", "bob@example.org"]);
        for (_, subject, text) in &asked {
            assert_eq!(subject, "A merge with your WaddleBot account was asked for");
            assert!(text.contains("reject it") && text.contains("https://bot.example.org/me/merge"), "{text}");
            assert!(!text.contains("ada") && !text.contains("bob@"), "neither learns who the other one is: {text}");
        }
        assert_eq!(prove(&world, &ada, "bob").await, id);
        nothing(&world, &mut seen).await;

        let other = confirm(&world, &ada, id, MergeSide::Merged).await;
        assert!(other.is_err());
        nothing(&world, &mut seen).await;
        confirm(&world, &ada, id, MergeSide::Kept).await.unwrap();
        let done = news(&world, &mut seen).await;
        let [(to_ada, of_ada, kept), (to_bob, of_bob, merged)] = done.as_slice() else {
            panic!("{done:?}");
        };
        assert_eq!((to_ada.as_str(), of_ada.as_str()), ("ada@example.org", "Two WaddleBot accounts became one"));
        assert_eq!((to_bob.as_str(), of_bob.as_str()), ("bob@example.org", "Your WaddleBot account became part of another one"));
        let until = world.clock.now().plus(30 * DAY).day().to_string();
        for text in [kept, merged] {
            assert!(text.contains(&until) && text.contains("undo"), "{text}");
        }

        undo(&world, &ada, id).await.unwrap();
        let undone = news(&world, &mut seen).await;
        let told: Vec<_> = undone.iter().map(|(to, subject, _)| (to.as_str(), subject.as_str())).collect();
        let subject = "A merge of your WaddleBot account was undone";
        assert_eq!(told, [("ada@example.org", subject), ("bob@example.org", subject)]);
        assert!(undo(&world, &ada, id).await.is_err());
        nothing(&world, &mut seen).await;
    }

    async fn letters_that_wait_follow_a_merge_and_end_with_an_erasure(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", Some(Role::Member)).await;
        let bob = somebody(&mut world, pond, "bob", Some(Role::Member)).await;
        verify(&world, &bob, &address("bob")).await;
        let id = prove(&world, &ada, "bob").await;
        confirm(&world, &ada, id, MergeSide::Kept).await.unwrap();
        let theirs = format!("SELECT COUNT(*) FROM notice WHERE user_id = {}", bob.user);
        assert_eq!(world.number(&theirs).await, 0);
        let subjects: Vec<_> = news(&world, &mut Seen::new()).await.into_iter().map(|(to, subject, _)| (to, subject)).collect();
        assert_eq!(subjects, [
            (address("bob"), "A merge with your WaddleBot account was asked for".to_owned()),
            (address("bob"), "Your WaddleBot account became part of another one".to_owned()),
        ]);
        assert_eq!(world.number("SELECT COUNT(*) FROM notice WHERE address <> ''").await, 0, "an address is kept until its letter was sent");

        let eve = somebody(&mut world, pond, "eve", Some(Role::Member)).await;
        verify(&world, &eve, &address("eve")).await;
        link(&world, &eve, "campus", "9").await.unwrap();
        let session = seated(&world, &eve).await;
        world.app.identity.request_erasure(&eve.actor, session, None).await.unwrap();
        world.clock.advance(15 * DAY);
        assert_eq!(world.app.tend_privacy().await.unwrap(), 1);
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM notice WHERE user_id = {}", eve.user)).await, 0);
        assert!(letters(&world).await.values().all(|(to, ..)| *to != address("eve")));
    }

    async fn five_wrong_codes_are_told_once_a_day(world: World) {
        let ann = protected(&world, "ann").await;
        verify(&world, &ann.person, &address("ann")).await;
        let mut seen = Seen::new();
        for day in 0..2 {
            let awaited = first(&world, "ann@example.org").await;
            for _ in 0..4 {
                assert!(second(&world, &awaited, "000000").await.is_err());
            }
            nothing(&world, &mut seen).await;
            assert!(second(&world, &awaited, "123456").await.is_err());
            let all = news(&world, &mut seen).await;
            assert_eq!(all.len(), usize::from(day == 0), "{all:?}");
            for (to, subject, text) in &all {
                assert_eq!((to.as_str(), subject.as_str()), ("ann@example.org", "Wrong codes for your WaddleBot account"));
                assert!(text.contains("quarter of an hour") && !text.contains("123456"), "{text}");
            }
            let blocked = second(&world, &awaited, "000000").await;
            assert!(matches!(blocked, Err(IdentityError::Throttled { .. })), "{blocked:?}");
            // Two hours: they are forgotten, and it is the same day.
            world.clock.advance(Duration::from_hours(2));
            nothing(&world, &mut seen).await;
        }
        world.clock.advance(DAY);
        let mut guesses = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (identity, actor, session) = (world.app.identity.clone(), ann.person.actor.clone(), ann.session);
            guesses.spawn(async move {
                let code = secret(&format!("{n:06}"));
                identity.confirm_session(&actor, session, &code, &ClientInfo::default()).await.is_ok()
            });
        }
        assert!(guesses.join_all().await.into_iter().all(|is_right| !is_right));
        let waiting = "SELECT COUNT(*) FROM notice WHERE sent_at IS NULL";
        assert_eq!(world.number(waiting).await, 1, "however many are typed at once");
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        assert_eq!(world.number(waiting).await, 0);
        let mail = world.app.outbox(&world.system(), &PageRequest::first(9)).await.unwrap();
        assert_eq!(mail.items.len(), 2);
        world.clock.advance(8 * DAY);
        world.app.identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM notice").await, 0);
    }

    async fn linking_and_unlinking_an_account_is_told_and_renewing_it_is_not(world: World) {
        let ann = known(&world, "ann").await;
        let mut seen = Seen::new();
        let made = link(&world, &ann, "campus", "9").await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["An account was linked to yours", "/me/accounts"]).await;
        link(&world, &ann, "campus", "9").await.unwrap();
        nothing(&world, &mut seen).await;
        let session = seated(&world, &ann).await;
        world.clock.advance(Duration::from_secs(301));
        assert!(world.app.unlink(&ann.actor, session, Some(&secret("wrong horse battery")), made.id).await.is_err());
        nothing(&world, &mut seen).await;
        world.app.unlink(&ann.actor, session, Some(&secret(PASSWORD)), made.id).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["An account was unlinked from yours", "change your password"]).await;
    }

    async fn a_new_password_is_told_however_it_came(world: World) {
        let ann = known(&world, "ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let session = seated(&world, &ann).await;
        let new = secret("another horse battery");
        assert!(identity.change_password(&ann.actor, &secret("wrong horse battery"), &new, session).await.is_err());
        assert!(identity.change_password(&ann.actor, &secret(PASSWORD), &secret("short"), session).await.is_err());
        nothing(&world, &mut seen).await;
        identity.change_password(&ann.actor, &secret(PASSWORD), &new, session).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["Your password at WaddleBot was changed", "Forgot your password?"]).await;

        let letter = identity.begin_reset("ann@example.org", &ClientInfo::default()).await.unwrap().unwrap();
        let identity::EmailReason::Reset { token } = &letter.reason else { panic!("{letter:?}") };
        assert!(identity.finish_reset("nonsense", &new).await.is_err());
        nothing(&world, &mut seen).await;
        identity.finish_reset(token.expose(), &secret("a third horse battery")).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["A new password was set", "a link that was mailed"]).await;
        assert!(identity.finish_reset(token.expose(), &secret("a third horse battery")).await.is_err());
        nothing(&world, &mut seen).await;

        identity.reset_password(&world.system(), "ann@example.org", &secret(PASSWORD)).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["A new password was set", "An operator of this instance"]).await;
    }

    async fn a_new_api_key_is_told_without_anything_of_it(world: World) {
        let ann = known(&world, "ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let session = seated(&world, &ann).await;
        let named = |name: &str| NewApiKey { name: name.to_owned(), scope: KeyScope::Everything, days: 30 };
        assert!(identity.create_api_key(&ann.actor, session, &named(" "), &secret("")).await.is_err());
        nothing(&world, &mut seen).await;
        let made = identity.create_api_key(&ann.actor, session, &named("see evil.example"), &secret("")).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["An API key was made", "revoke it", "/me/keys"]).await;
        identity.regenerate_api_key(&ann.actor, session, made.id, &secret("")).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["was renewed", "/me/keys"]).await;
        assert!(seen.values().all(|(_, _, text)| !text.contains("evil")), "words of whoever made it are not in it");
        identity.revoke_api_key(&ann.actor, made.id).await.unwrap();
        nothing(&world, &mut seen).await;
    }

    async fn a_second_factor_that_comes_or_goes_is_told(world: World) {
        let ann = known(&world, "ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let session = seated(&world, &ann).await;
        identity.begin_totp(&ann.actor, session).await.unwrap();
        assert!(identity.confirm_totp(&ann.actor, session, "000000").await.is_err());
        nothing(&world, &mut seen).await;
        let mut codes = switch_on(&world, &ann, session).await;
        expect(&world, &mut seen, "ann@example.org", &["was switched on", "tell an administrator at once", "/me/security"]).await;
        codes.extend(identity.renew_recovery_codes(&ann.actor, session).await.unwrap());
        expect(&world, &mut seen, "ann@example.org", &["Fresh recovery codes were made", "The old ones are void"]).await;
        for code in &codes {
            assert!(seen.values().all(|(_, _, text)| !text.contains(code.expose().as_str())));
        }
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (identity, actor) = (identity.clone(), ann.actor.clone());
            tries.spawn(async move { identity.disable_totp(&actor, session).await.is_ok() });
        }
        assert_eq!(tries.join_all().await.into_iter().filter(|is_off| *is_off).count(), 1);
        expect(&world, &mut seen, "ann@example.org", &["was switched off", "change your password now", "/me/security"]).await;

        switch_on(&world, &ann, session).await;
        expect(&world, &mut seen, "ann@example.org", &["was switched on"]).await;
        world.clock.advance(Duration::from_secs(301));
        assert!(identity.renew_recovery_codes(&ann.actor, session).await.is_err());
        assert!(identity.disable_totp(&ann.actor, session).await.is_err());
        nothing(&world, &mut seen).await;
    }

    async fn what_an_administrator_takes_away_is_told_to_whose_it_was(world: World) {
        let pond = world.community("Pond").await;
        let bob = world.person(pond, "bob", Some(Role::Owner)).await;
        let ann = protected(&world, "ann").await;
        verify(&world, &ann.person, &address("ann")).await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let refused = identity.reset_second_factor(&bob.actor, "ann@example.org").await;
        assert!(matches!(refused, Err(IdentityError::NotAllowed(_))), "{refused:?}");
        nothing(&world, &mut seen).await;
        identity.reset_second_factor(&world.system(), "ann@example.org").await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["was taken away", "An administrator took the second factor and the passkeys"]).await;
        let again = identity.reset_second_factor(&world.system(), "ann@example.org").await;
        assert!(matches!(again, Err(IdentityError::Conflict(_))), "{again:?}");
        nothing(&world, &mut seen).await;
    }

    async fn a_passkey_that_comes_or_goes_is_told_without_its_name(world: World) {
        let ann = known(&world, "ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let mut key = passkeys::device(1);
        let session = seated(&world, &ann).await;
        let asked = identity.begin_passkey(&ann.actor, session).await.unwrap();
        let made = key.create(&asked.options);
        nothing(&world, &mut seen).await;
        let add = async || identity.add_passkey(&ann.actor, session, passkeys::answer(&asked, &made), "see evil.example").await;
        add().await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["A passkey was added", "remove it now", "/me/security"]).await;
        assert!(add().await.is_err());
        nothing(&world, &mut seen).await;

        let id = identity.passkeys(&ann.actor).await.unwrap()[0].id;
        let added = world.clock.now().day().to_string();
        identity.rename_passkey(&ann.actor, id, "evil.example too").await.unwrap();
        world.clock.advance(DAY * 3);
        assert!(identity.remove_passkey(&ann.actor, session, id).await.is_err(), "not a young session");
        let session = seated(&world, &ann).await;
        assert!(identity.remove_passkey(&ann.actor, session, PasskeyId(id.0 + 1)).await.is_err());
        nothing(&world, &mut seen).await;
        identity.remove_passkey(&ann.actor, session, id).await.unwrap();
        expect(&world, &mut seen, "ann@example.org", &["A passkey of your WaddleBot account was removed", &format!("added on {added}")]).await;
        assert!(identity.remove_passkey(&ann.actor, session, id).await.is_err());
        nothing(&world, &mut seen).await;
        assert!(seen.values().all(|(_, _, text)| !text.contains("evil")), "words of whoever named it are not in it");
    }

    async fn a_passkey_that_looks_copied_is_told_once_a_day(world: World) {
        let ann = known(&world, "ann").await;
        let mut seen = Seen::new();
        let mut key = passkeys::device(1);
        passkeys::add(&world, &ann, &mut key).await;
        let added = world.clock.now().day().to_string();
        news(&world, &mut seen).await;
        let mut copy = key.clone();
        for _ in 0..30 {
            passkeys::sign_in(&world, &mut key).await.unwrap();
        }
        let mut wrong = key.clone();
        "https://bot.example.com".clone_into(&mut wrong.origin);
        assert!(passkeys::sign_in(&world, &mut wrong).await.is_err());
        nothing(&world, &mut seen).await;
        for day in 0..2 {
            for n in 0..3 {
                let done = passkeys::sign_in(&world, &mut copy).await;
                assert!(matches!(done, Err(IdentityError::PasskeyCopied { .. })), "{done:?}");
                if n == 0 {
                    expect(&world, &mut seen, "ann@example.org", &["may have been copied", &format!("added on {added}"), "Nobody was signed in"]).await;
                } else {
                    nothing(&world, &mut seen).await;
                }
            }
            let copied = "SELECT COUNT(*) FROM audit WHERE action = 'user.passkey.copied'";
            assert_eq!(world.number(copied).await, 3 * (day + 1), "the log has each");
            world.clock.advance(DAY);
        }
    }

    async fn who_asks_for_data_or_erasure_is_told_and_so_is_taking_it_back(world: World) {
        let ann = known(&world, "ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let session = seated(&world, &ann).await;
        world.clock.advance(Duration::from_secs(301));
        let wrong = secret("wrong horse battery");
        assert!(identity.request_export(&ann.actor, session, Some(&wrong)).await.is_err());
        assert!(identity.request_erasure(&ann.actor, session, Some(&wrong)).await.is_err());
        let session = seated(&world, &ann).await;
        let needed = identity.request_erasure(&ann.actor, session, None).await;
        assert!(matches!(needed, Err(IdentityError::Conflict(_))), "the only administrator: {needed:?}");
        assert!(identity.cancel_erasure(&ann.actor).await.is_err());
        nothing(&world, &mut seen).await;

        identity.request_export(&ann.actor, session, None).await.unwrap();
        let twice = identity.request_export(&ann.actor, session, None).await;
        assert!(matches!(twice, Err(IdentityError::Conflict(_))), "{twice:?}");
        expect(&world, &mut seen, "ann@example.org", &["A file with your data was asked for", "change your password", "/me/data"]).await;

        world.admin("root").await;
        let due = world.clock.now().plus(14 * DAY).day().to_string();
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (identity, actor) = (identity.clone(), ann.actor.clone());
            tries.spawn(async move { identity.request_erasure(&actor, session, None).await.is_ok() });
        }
        assert!(tries.join_all().await.into_iter().all(|is_held| is_held));
        expect(&world, &mut seen, "ann@example.org", &["Your WaddleBot account will be erased", &format!("That happens on {due}"), "/me/data"]).await;

        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (identity, actor) = (identity.clone(), ann.actor.clone());
            tries.spawn(async move { identity.cancel_erasure(&actor).await.is_ok() });
        }
        assert_eq!(tries.join_all().await.into_iter().filter(|is_taken| *is_taken).count(), 1);
        expect(&world, &mut seen, "ann@example.org", &["Your WaddleBot account stays", "took back"]).await;
    }

    async fn another_address_is_told_to_the_one_before(world: World) {
        let ann = known(&world, "ann").await;
        let bob = known(&world, "bob").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let (code, _) = begin_email(&world, &ann, "ANN@example.org").await;
        identity.confirm_email(&ann.actor, &code).await.unwrap();
        nothing(&world, &mut seen).await;

        let (code, _) = begin_email(&world, &ann, "new@example.net").await;
        let (late, _) = begin_email(&world, &bob, "new@example.net").await;
        assert!(identity.confirm_email(&ann.actor, "AAAA-AAAA").await.is_err());
        nothing(&world, &mut seen).await;
        identity.confirm_email(&ann.actor, &code).await.unwrap();
        expect(&world, &mut seen, "ANN@example.org", &["Your e-mail address at WaddleBot was changed", "tell an administrator at once"]).await;
        assert!(seen.values().all(|(_, _, text)| !text.contains("example.net")), "the new address is not in it");
        let taken = identity.confirm_email(&bob.actor, &late).await;
        assert!(matches!(taken, Err(IdentityError::Conflict(_))), "{taken:?}");
        nothing(&world, &mut seen).await;

        let (_, token) = begin_email(&world, &ann, "newer@example.net").await;
        identity.follow_email_link(&token).await.unwrap();
        expect(&world, &mut seen, "new@example.net", &["was changed"]).await;
        assert!(identity.follow_email_link(&token).await.is_err());
        nothing(&world, &mut seen).await;
    }

    async fn an_address_that_nobody_proved_is_told_nothing(world: World) {
        world.admin("root").await;
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let session = seated(&world, &ann).await;
        switch_on(&world, &ann, session).await;
        identity.renew_recovery_codes(&ann.actor, session).await.unwrap();
        identity.disable_totp(&ann.actor, session).await.unwrap();
        let mut key = passkeys::device(1);
        let id = passkeys::add(&world, &ann, &mut key).await;
        let mut copy = key.clone();
        for _ in 0..2 {
            passkeys::sign_in(&world, &mut key).await.unwrap();
        }
        assert!(passkeys::sign_in(&world, &mut copy).await.is_err());
        identity.remove_passkey(&ann.actor, session, id).await.unwrap();
        switch_on(&world, &ann, session).await;
        identity.reset_second_factor(&world.system(), "ann@example.org").await.unwrap();
        let session = seated(&world, &ann).await;
        identity.request_export(&ann.actor, session, None).await.unwrap();
        identity.request_erasure(&ann.actor, session, None).await.unwrap();
        identity.cancel_erasure(&ann.actor).await.unwrap();
        let (code, _) = begin_email(&world, &ann, "new@example.org").await;
        identity.confirm_email(&ann.actor, &code).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM notice").await, 0);
        assert!(letters(&world).await.is_empty());
    }

    async fn only_the_address_that_was_verified_when_it_happened_is_told(world: World) {
        let ann = world.admin("ann").await;
        let identity = &world.app.identity;
        let mut seen = Seen::new();
        let session = seated(&world, &ann).await;
        let change = async |old: &str, new: &str| {
            identity.change_password(&ann.actor, &secret(old), &secret(new), session).await.unwrap();
        };
        change(PASSWORD, "a second horse battery").await;
        nothing(&world, &mut seen).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM notice").await, 0, "nobody proved this address");

        verify(&world, &ann, &address("ann")).await;
        let letter = identity.begin_email(&ann.actor, session, None, "eve@example.org").await.unwrap();
        change("a second horse battery", "a third horse battery").await;
        expect(&world, &mut seen, "ann@example.org", &["was changed"]).await;
        change("a third horse battery", "a fourth horse battery").await;
        let identity::EmailReason::Verify { code, .. } = &letter.reason else { panic!("{letter:?}") };
        identity.confirm_email(&ann.actor, code.expose()).await.unwrap();
        let all = letters(&world).await;
        assert!(all.values().all(|(to, ..)| to == "ann@example.org"), "whoever puts in an address does not get what was written before: {all:?}");
        change("a fourth horse battery", PASSWORD).await;
        assert!(letters(&world).await.values().any(|(to, ..)| to == "eve@example.org"));
    }

    async fn a_letter_that_is_not_taken_is_sent_later_and_once(world: World) {
        let ann = known(&world, "ann").await;
        let session = seated(&world, &ann).await;
        let outbox = world.place().join("outbox");
        std::fs::remove_dir_all(&outbox).unwrap();
        std::fs::write(&outbox, "in the way").unwrap();
        world.app.identity.change_password(&ann.actor, &secret(PASSWORD), &secret("another horse battery"), session).await.unwrap();
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        let waiting = "SELECT COUNT(*) FROM job WHERE kind = 'identity.notice' AND state IN (0, 1)";
        assert_eq!(world.number(waiting).await, 1);
        std::fs::remove_file(&outbox).unwrap();
        std::fs::create_dir(&outbox).unwrap();
        world.clock.advance(Duration::from_mins(10));
        let mut seen = Seen::new();
        expect(&world, &mut seen, "ann@example.org", &["was changed"]).await;
        assert_eq!(world.number(waiting).await, 0);
        world.sql("UPDATE job SET state = 1, finished_at = NULL WHERE kind = 'identity.notice'").await;
        nothing(&world, &mut seen).await;
        assert_eq!(world.number(waiting).await, 0);
    }
}
