//! To a provider and back: signing in, linking, unlinking.

use std::time::Duration;

use kernel::{Clock, Role};
use testkit::World;

use super::browser::{Answer, Browser};

const PAGE: &str = "/me/accounts";

pub(super) fn state_of(answer: &Answer, key: &str) -> String {
    let (start, rest) = answer.location().split_once("state=").unwrap();
    assert_eq!(start, format!("https://id.{key}.example/authorize?"));
    let (state, redirect) = rest.split_once('&').unwrap();
    assert_eq!(
        redirect,
        format!("redirect_uri=https://bot.example.org/auth/{key}/callback")
    );
    state.to_owned()
}

/// Presses «Sign in with …»; the browser keeps what binds it.
pub(super) async fn leave(browser: &mut Browser, key: &str, to: &str) -> String {
    let answer = browser
        .post(&format!("/login/with/{key}"), &[("return_to", to)])
        .await
        .expect(303);
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("wb_visit=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
            && cookie.contains("Max-Age=600"),
        "{cookie}"
    );
    browser.keep(&answer);
    state_of(&answer, key)
}

pub(super) async fn back(browser: &Browser, key: &str, query: &str) -> Answer {
    browser.get(&format!("/auth/{key}/callback?{query}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_seen_in_chat_signs_in_with_a_button() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    world.person(ducks, "ada", Some(Role::Member)).await;
    let mut browser = Browser::new(&world);
    let form = browser.get("/login?return_to=/me").await.expect(200);
    assert!(
        form.body.contains("Sign in with Discord") && form.body.contains("Sign in with Campus")
    );
    let policy = form.header("content-security-policy");
    assert!(policy.contains("https://id.discord.example"), "{policy}");
    for (wanted, to) in [
        ("/me", "/me"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
    ] {
        let state = leave(&mut browser, "discord", wanted).await;
        let done = back(
            &browser,
            "discord",
            &format!("code=id-ada&state={state}&scope=identify"),
        )
        .await
        .expect(303);
        assert_eq!(done.location(), to);
        let mut inside = browser.clone();
        inside.keep(&done);
        let page = inside.get("/me").await.expect(200);
        assert!(page.body.contains("<h1>ada</h1>"), "{}", page.body);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_begin_here_ends_here() {
    let world = World::sqlite().await;
    let mut browser = Browser::new(&world);
    let state = leave(&mut browser, "discord", "/").await;
    let other = Browser::new(&world);
    for (who, query) in [
        (&other, format!("code=1&state={state}")),
        (&browser, "code=1&state=nonsense".to_owned()),
        (&browser, format!("state={state}")),
        (
            &browser,
            format!("code={}&state={state}", "x".repeat(5_000)),
        ),
    ] {
        let refused = back(who, "discord", &query).await.expect(403);
        assert!(
            refused.body.contains("nobody was signed in"),
            "{}",
            refused.body
        );
    }
    back(&browser, "campus", &format!("code=1&state={state}"))
        .await
        .expect(403);
    back(&browser, "absent", &format!("code=1&state={state}"))
        .await
        .expect(404);
    browser.post("/login/with/absent", &[]).await.expect(404);
    let said_no = back(
        &browser,
        "discord",
        &format!("error=access_denied&state={state}"),
    )
    .await
    .expect(422);
    assert!(
        said_no.body.contains("You did not allow it"),
        "{}",
        said_no.body
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_and_a_broken_provider_are_explained_on_the_sign_in_page() {
    let world = World::sqlite().await;
    let mut browser = Browser::new(&world);
    let state = leave(&mut browser, "campus", "/").await;
    let refused = back(&browser, "campus", &format!("code=7&state={state}"))
        .await
        .expect(422);
    assert!(
        refused.body.contains("new people cannot register"),
        "{}",
        refused.body
    );
    let state = leave(&mut browser, "campus", "/").await;
    world.provider("campus").fail(Some("<b>closed</b>"));
    let refused = back(&browser, "campus", &format!("code=7&state={state}"))
        .await
        .expect(422);
    assert!(
        refused.body.contains("Campus said: &#60;b&#62;closed"),
        "{}",
        refused.body
    );
    let refused = browser.post("/login/with/campus", &[]).await.expect(422);
    assert!(refused.body.contains("Campus said:"), "{}", refused.body);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_accounts_is_shown_first() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let add = async |subject: &str| {
        let row = format!(
            "INSERT INTO identity_link (user_id, provider, subject, username, scopes, linked_at, last_used_at) VALUES ({}, 'campus', '{subject}', 'ann-{subject}', '', 1, 1)",
            ann.user
        );
        world.sql(&row).await;
    };
    let browser = Browser::of(&world, ann.user).await;
    add("8").await;
    let page = browser.get(PAGE).await.expect(200).body;
    assert!(!page.contains("Show first"), "there is nothing to choose");
    add("9").await;
    let id = world
        .number("SELECT id FROM identity_link WHERE subject = '9'")
        .await;
    let page = browser.get(PAGE).await.expect(200).body;
    assert_eq!(page.matches("Show first").count(), 2, "{page}");
    let choose = async |who: &Browser, first: &str| {
        let path = format!("{PAGE}/{id}/first");
        who.post(&path, &[("first", first)]).await
    };
    let done = choose(&browser, "true").await.expect(303);
    assert_eq!(done.location(), "/me/accounts?done=saved");
    let page = browser.get(done.location()).await.expect(200).body;
    let (other, chosen) = page.split_once("ann-9").unwrap();
    assert!(
        chosen.contains("<strong>Yes</strong>") && chosen.contains("Take back"),
        "{page}"
    );
    assert!(!chosen.contains("Show first") && !other.contains("<strong>Yes</strong>"));
    assert_eq!(other.matches("Show first").count(), 1, "{page}");
    let bob = world.admin("bob").await;
    let theirs = Browser::of(&world, bob.user).await;
    choose(&theirs, "true").await.expect(404);
    choose(&Browser::new(&world), "true").await.expect(303);
    choose(&browser, "false").await.expect(303);
    let page = browser.get(PAGE).await.expect(200).body;
    assert_eq!(page.matches("Show first").count(), 2, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_linked_shown_and_unlinked() {
    let mut world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let ducks = world.community("Ducks").await;
    world.person(ducks, "ada", Some(Role::Member)).await;
    let browser = Browser::of(&world, ann.user).await;
    let empty = browser.get(PAGE).await.expect(200);
    assert!(
        empty.body.contains("No account is linked yet"),
        "{}",
        empty.body
    );
    assert!(
        empty
            .header("content-security-policy")
            .contains("https://id.campus.example")
    );
    let go = async |code: &str| {
        let answer = browser
            .post(&format!("{PAGE}/link"), &[("provider", "discord")])
            .await
            .expect(303);
        let state = state_of(&answer, "discord");
        back(&browser, "discord", &format!("{code}&state={state}")).await
    };
    let no = go("error=access_denied").await.expect(303);
    assert_eq!(no.location(), "/me/accounts?done=not-linked");
    world
        .provider("discord")
        .know_email(Some("ada@example.org"));
    let done = go("code=id-ada").await.expect(303);
    assert_eq!(done.location(), "/me/accounts?done=linked");
    let page = browser.get(done.location()).await.expect(200).body;
    for part in [
        "The account was linked",
        "name of id-ada",
        "ada@example.org",
        "identify",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("access-id-ada"));

    // Somebody else cannot have it, nor see that it is there.
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let theirs = Browser::of(&world, bob.user).await;
    let begun = theirs
        .post(&format!("{PAGE}/link"), &[("provider", "discord")])
        .await
        .expect(303);
    let state = state_of(&begun, "discord");
    let refused = back(&theirs, "discord", &format!("code=id-ada&state={state}"))
        .await
        .expect(422);
    assert!(
        refused.body.contains("belongs to somebody else here"),
        "{}",
        refused.body
    );
    let (_, rest) = page.split_once("href=\"/me/accounts/").unwrap();
    let id = rest.split('/').next().unwrap();
    let end = format!("{PAGE}/{id}/unlink");
    theirs.get(&end).await.expect(404);
    theirs.post(&end, &[]).await.expect(404);
    Browser::new(&world).get(&end).await.expect(303);

    // Later the password is asked for.
    world.clock.advance(Duration::from_mins(6));
    let asked = browser.get(&end).await.expect(200);
    assert!(
        asked.body.contains("Unlink name of id-ada of Discord?"),
        "{}",
        asked.body
    );
    let refused = browser
        .post(&end, &[("password", "wrong horse battery")])
        .await
        .expect(422);
    assert!(
        refused.body.contains("The password is wrong."),
        "{}",
        refused.body
    );
    assert!(
        !refused.body.contains("wrong horse"),
        "a password never comes back"
    );
    let refused = browser
        .post(&format!("{PAGE}/link"), &[("provider", "campus")])
        .await
        .expect(422);
    assert!(
        refused.body.contains("enter your password"),
        "{}",
        refused.body
    );
    let done = browser
        .post(&end, &[("password", "correct horse battery")])
        .await
        .expect(303);
    assert_eq!(done.location(), "/me/accounts?done=unlinked");
    assert!(
        world
            .provider("discord")
            .asked()
            .contains(&"revoke access-id-ada".to_owned())
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_way_in_is_kept_with_words() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    world.person(ducks, "ada", Some(Role::Member)).await;
    let mut browser = Browser::new(&world);
    let state = leave(&mut browser, "discord", PAGE).await;
    let done = back(&browser, "discord", &format!("code=id-ada&state={state}"))
        .await
        .expect(303);
    browser.keep(&done);
    let page = browser.get(PAGE).await.expect(200).body;
    let (_, rest) = page.split_once("href=\"/me/accounts/").unwrap();
    let id = rest.split('/').next().unwrap();
    let refused = browser
        .post(&format!("{PAGE}/{id}/unlink"), &[])
        .await
        .expect(422);
    assert!(
        refused.body.contains("the only way you can sign in"),
        "{}",
        refused.body
    );
    world.clock.advance(Duration::from_mins(6));
    let page = browser.get(PAGE).await.expect(200).body;
    assert!(page.contains("confirm that it is you"), "{page}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_allowed_told_again_and_stopped_on_the_page() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", Some(Role::Member)).await;
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let browser = Browser::of(&world, ada.user).await;
    let work = async || {
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
    };
    let begun = browser
        .post(&format!("{PAGE}/link"), &[("for_roles", "discord")])
        .await
        .expect(303);
    let state = state_of(&begun, "discord");
    let done = back(&browser, "discord", &format!("code=id-ada&state={state}")).await;
    done.expect(303);
    let page = browser.get(PAGE).await.expect(200).body;
    let (_, rest) = page.split_once("/me/accounts/").unwrap();
    let id = rest.split('/').next().unwrap().to_owned();
    let (push, stop) = (
        format!("{PAGE}/{id}/roles/push"),
        format!("{PAGE}/{id}/roles/stop"),
    );
    assert!(page.contains(&push) && page.contains(&stop), "{page}");
    assert!(!page.contains("Last told"), "{page}");
    work().await;
    let page = browser.get(PAGE).await.expect(200).body;
    assert!(
        page.contains("Last told") && page.contains("Tell it now"),
        "{page}"
    );
    let known = || world.provider("discord").roles_of("id-ada").unwrap();
    assert_eq!(known().platforms, Some(1));

    // Nobody else decides, nor learns that there is something to decide.
    let theirs = Browser::of(&world, bob.user).await;
    for path in [&push, &stop] {
        theirs.post(path, &[]).await.expect(404);
        Browser::new(&world).post(path, &[]).await.expect(303);
    }
    let soon = browser.post(&push, &[]).await.expect(422).body;
    assert!(soon.contains("less than a minute ago"), "{soon}");
    world.clock.advance(Duration::from_mins(1));
    let asked = browser.post(&push, &[]).await.expect(303);
    assert_eq!(asked.location(), "/me/accounts?done=roles-asked");
    work().await;

    let stopped = browser.post(&stop, &[]).await.expect(303);
    assert_eq!(stopped.location(), "/me/accounts?done=roles-stopped");
    work().await;
    assert_eq!(known(), kernel::RoleMetadata::default(), "taken back");
    let page = browser.get(PAGE).await.expect(200).body;
    assert!(
        !page.contains(&stop) && page.contains("again</button>"),
        "{page}"
    );
    browser.post(&stop, &[]).await.expect(422);
    browser.post(&push, &[]).await.expect(303);
    work().await;
    assert_eq!(known().platforms, Some(1));
    world.close().await;
}
