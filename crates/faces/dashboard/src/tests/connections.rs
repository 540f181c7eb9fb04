//! Connecting a community: to the platform and back, the channel, the test, the end.

use kernel::{Grants, Platform, Role};
use testkit::{Person, World};

use super::browser::{Answer, Browser};

const PAGE: &str = "/c/ducks/settings/connections";

struct Stage {
    world: World,
    ada: Person,
    browser: Browser,
}

async fn stage() -> Stage {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", Some(Role::Admin)).await;
    let browser = Browser::of(&world, ada.user).await;
    Stage {
        world,
        ada,
        browser,
    }
}

/// Presses Connect and answers the state that went to the platform.
async fn begin(browser: &Browser, platform: &str) -> String {
    let answer = browser
        .post(&format!("{PAGE}/connect/{platform}"), &[])
        .await
        .expect(303);
    let (start, rest) = answer.location().split_once("state=").unwrap();
    assert_eq!(start, format!("https://id.{platform}.example/authorize?"));
    let (state, redirect) = rest.split_once('&').unwrap();
    assert_eq!(
        redirect,
        format!("redirect_uri=https://bot.example.org/connect/{platform}/callback")
    );
    state.to_owned()
}

async fn back(browser: &Browser, platform: &str, query: &str) -> Answer {
    browser
        .get(&format!("/connect/{platform}/callback?{query}"))
        .await
}

async fn connect(browser: &Browser, server: &str) {
    let state = begin(browser, "discord").await;
    let done = back(
        browser,
        "discord",
        &format!("code=c0de&state={state}&guild_id={server}&permissions=8"),
    )
    .await;
    assert_eq!(
        done.expect(303).location(),
        format!("{PAGE}?done=connected")
    );
}

/// The connection page's number of a server.
async fn id_of(browser: &Browser) -> String {
    let page = browser.get(PAGE).await.expect(200).body;
    let (_, rest) = page.split_once("id=\"connection-").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_connected_shown_tested_and_disconnected() {
    let Stage { world, browser, .. } = stage().await;
    let empty = browser.get(PAGE).await.expect(200).body;
    assert!(empty.contains("Connect Discord") && empty.contains("Connect Twitch"));
    assert!(!empty.contains("Connect Slack"), "{empty}");
    assert!(
        empty.contains("an administrator of the instance sets <code>[slack]</code>"),
        "{empty}"
    );
    connect(&browser, "123456").await;
    let page = browser
        .get(&format!("{PAGE}?done=connected"))
        .await
        .expect(200)
        .body;
    for shown in [
        "Connected. Choose a channel",
        "Pond on Discord",
        "123456",
        "✓ well",
        "by ada",
        "applications.commands",
        "nowhere yet",
        "Connect another server",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let id = id_of(&browser).await;

    let form = browser
        .get(&format!("{PAGE}/{id}/channel"))
        .await
        .expect(200);
    assert!(
        form.body.contains("general") && form.body.contains("news &#38; &#60;events&#62;"),
        "{}",
        form.body
    );
    let saved = browser
        .post(&format!("{PAGE}/{id}/channel"), &[("channel", "12")])
        .await
        .expect(303);
    let page = browser.get(saved.location()).await.expect(200).body;
    assert!(
        page.contains("The channel was saved.") && page.contains("news &#38; &#60;events&#62;")
    );

    let tested = browser.post(&format!("{PAGE}/{id}/test"), &[]).await;
    let tested = tested.expect(200).body;
    assert!(
        tested.contains("reached as Duck#1, 2 channels") && tested.contains("just now"),
        "{tested}"
    );
    world.connector(Platform::Discord).fail(Some(
        "403 {\"message\": \"Missing Access\", \"code\": 50001} <b>",
    ));
    let tested = browser.post(&format!("{PAGE}/{id}/test"), &[]).await;
    let raw =
        "403 {&#34;message&#34;: &#34;Missing Access&#34;, &#34;code&#34;: 50001} &#60;b&#62;";
    assert!(tested.expect(200).body.contains(raw));
    let later = browser.get(PAGE).await.expect(200).body;
    assert!(
        later.contains(raw) && later.contains("✗ trouble"),
        "it is remembered"
    );
    let form = browser
        .get(&format!("{PAGE}/{id}/channel"))
        .await
        .expect(200);
    assert!(form.body.contains("could not be listed") && form.body.contains("50001"));

    let ask = browser
        .get(&format!("{PAGE}/{id}/disconnect"))
        .await
        .expect(200)
        .body;
    assert!(ask.contains("Disconnect Pond on Discord?"), "{ask}");
    let done = browser
        .post(&format!("{PAGE}/{id}/disconnect"), &[])
        .await
        .expect(303);
    let page = browser.get(done.location()).await.expect(200).body;
    assert!(
        page.contains("Disconnected.") && !page.contains("123456"),
        "{page}"
    );
    for gone in ["channel", "disconnect"] {
        browser
            .get(&format!("{PAGE}/{id}/{gone}"))
            .await
            .expect(404);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_and_no_header_shows_a_token() {
    let Stage { world, browser, .. } = stage().await;
    world
        .connector(Platform::Discord)
        .give("canary-token", Some("canary-refresh"));
    connect(&browser, "1").await;
    let id = id_of(&browser).await;
    let pages = [
        browser.get(PAGE).await,
        browser.post(&format!("{PAGE}/{id}/test"), &[]).await,
        browser.get(&format!("{PAGE}/{id}/channel")).await,
        browser.get(&format!("{PAGE}/{id}/disconnect")).await,
        browser.get("/c/ducks/settings").await,
    ];
    for page in pages {
        let page = page.expect(200);
        assert!(!page.body.contains("canary") && !page.body.contains("v1|"));
        assert!(!format!("{:?}", page.headers).contains("canary"));
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_belongs_to_no_install_of_this_session_connects_nothing() {
    let Stage {
        world,
        ada,
        browser,
    } = stage().await;
    let state = begin(&browser, "discord").await;
    let elsewhere = Browser::of(&world, ada.user).await;
    let nobody = Browser::new(&world);
    let good = format!("code=c0de&state={state}&guild_id=1");
    for (browser, platform, query, expected) in [
        (&elsewhere, "discord", good.as_str(), 403),
        (&browser, "twitch", &good, 403),
        (&browser, "slack", &good, 409),
        (&browser, "irc", &good, 404),
        (&browser, "nowhere", &good, 404),
        (&browser, "discord", "code=c0de&state=forged", 403),
        (&browser, "discord", "code=c0de", 403),
        (&browser, "discord", "error=access_denied", 403),
        (&browser, "discord", "", 403),
        (&browser, "discord", &format!("state={state}"), 403),
        (
            &browser,
            "discord",
            &format!("code={}&state={state}", "x".repeat(4_097)),
            403,
        ),
    ] {
        let answer = back(browser, platform, query).await.expect(expected);
        assert!(
            !answer.body.contains(&state) && !answer.body.contains("c0de"),
            "{}",
            answer.body
        );
    }
    // Signed out: told so, and not sent round with the code in the address.
    let refused = back(&nobody, "discord", &good).await.expect(403);
    assert!(refused.body.contains("Sign in, open the community"));
    assert_eq!(refused.location(), "");
    assert!(world.connector(Platform::Discord).asked().is_empty());
    // The right one still works, once.
    back(&browser, "discord", &good).await.expect(303);
    back(&browser, "discord", &good).await.expect(403);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_told_kindly_and_a_failure_in_the_platforms_words() {
    let Stage { world, browser, .. } = stage().await;
    let state = begin(&browser, "discord").await;
    let denied = back(
        &browser,
        "discord",
        &format!("error=access_denied&error_description=no&state={state}"),
    )
    .await
    .expect(303);
    assert_eq!(denied.location(), format!("{PAGE}?done=declined"));
    let page = browser.get(denied.location()).await.expect(200).body;
    assert!(page.contains("nothing was connected"), "{page}");

    let state = begin(&browser, "discord").await;
    let query = format!("error=server_error&error_description=try+%3Clater%3E&state={state}");
    let failed = back(&browser, "discord", &query).await.expect(422).body;
    assert!(
        failed.contains("Discord said: server_error: try &#60;later&#62;"),
        "{failed}"
    );

    let state = begin(&browser, "discord").await;
    world
        .connector(Platform::Discord)
        .fail(Some("invalid_grant: the code was used"));
    let query = format!("code=c&state={state}&guild_id=1");
    let failed = back(&browser, "discord", &query).await.expect(422).body;
    assert!(
        failed.contains("Discord said: invalid_grant: the code was used"),
        "{failed}"
    );
    browser
        .post(&format!("{PAGE}/connect/slack"), &[])
        .await
        .expect(422);
    browser
        .post(&format!("{PAGE}/connect/irc"), &[])
        .await
        .expect(404);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_community_is_refused_with_words() {
    let Stage {
        mut world, browser, ..
    } = stage().await;
    connect(&browser, "1").await;
    let geese = world.community("Geese").await;
    let gus = world.person(geese, "gus", Some(Role::Owner)).await;
    let other = Browser::of(&world, gus.user).await;
    let url = other
        .post("/c/geese/settings/connections/connect/discord", &[])
        .await
        .expect(303);
    let (_, rest) = url.location().split_once("state=").unwrap();
    let state = rest.split('&').next().unwrap();
    let query = format!("code=c&state={state}&guild_id=1");
    let refused = back(&other, "discord", &query).await.expect(422).body;
    assert!(
        refused.contains("connected to another community"),
        "{refused}"
    );
    // And its connection cannot be reached by its number.
    let id = id_of(&browser).await;
    for page in ["channel", "disconnect"] {
        other
            .get(&format!("/c/geese/settings/connections/{id}/{page}"))
            .await
            .expect(404);
    }
    for action in ["test", "disconnect", "channel"] {
        let path = format!("/c/geese/settings/connections/{id}/{action}");
        other.post(&path, &[("channel", "11")]).await.expect(404);
    }
    let grants = world.app.grants();
    assert!(grants.of(Platform::Discord, "1").await.unwrap().is_some());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_follow_the_forms_to_the_platforms_and_nowhere_else() {
    let Stage { world, browser, .. } = stage().await;
    let page = browser.get(PAGE).await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://id.discord.example https://*.discord.example https://id.twitch.example https://*.twitch.example"),
        "{policy}"
    );
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
    let other = browser.get("/c/ducks/settings").await.expect(200);
    let policy = other.header("content-security-policy");
    assert!(policy.ends_with("form-action 'self'"), "{policy}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_connections_is_shown_to_those_who_may() {
    let Stage {
        mut world,
        ada,
        browser,
    } = stage().await;
    for page in ["/c/ducks/settings", "/c/ducks/health"] {
        let body = browser.get(page).await.expect(200).body;
        assert!(body.contains(&format!("href=\"{PAGE}\"")), "{page}: {body}");
    }
    let community = ada
        .actor
        .role_in(kernel::CommunityId(1))
        .map(|_| kernel::CommunityId(1));
    let mo = world
        .person(community.unwrap(), "mo", Some(Role::Moderator))
        .await;
    let moderator = Browser::of(&world, mo.user).await;
    let body = moderator.get("/c/ducks/health").await.expect(200).body;
    assert!(!body.contains(PAGE), "{body}");
    let root = world.admin("root").await;
    let operator = Browser::of(&world, root.user).await;
    let body = operator.get(PAGE).await.expect(200).body;
    assert!(body.contains("waddlebot config"), "{body}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_in_a_channel_that_whoever_manages_chooses() {
    const FORM: &str = "/c/ducks/bots/channel";
    const SETTINGS: &str = "/c/ducks/bots/settings";
    let Stage {
        mut world, browser, ..
    } = stage().await;
    let empty = browser.get(FORM).await.expect(200).body;
    assert!(
        empty.contains("connected to no Discord or Slack server"),
        "{empty}"
    );
    let settings = browser.get(SETTINGS).await.expect(200).body;
    assert!(settings.contains("nowhere but here"), "{settings}");
    connect(&browser, "123456").await;
    let form = browser.get(FORM).await.expect(200).body;
    for part in [
        "Pond on Discord on Discord",
        "news &#38; &#60;events&#62;",
        "value=\"likely\" checked",
        "value=\"\" checked",
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let (_, rest) = form
        .split_once("name=\"channel\" value=\"")
        .and_then(|(_, rest)| rest.split_once("name=\"channel\" value=\""))
        .unwrap();
    let first = rest.split('"').next().unwrap();
    let (server, channel) = first.split_once(':').unwrap();
    assert_eq!(channel, "11");
    let wanted = format!("{server}:12");
    let fields = |channel| [("channel", channel), ("level", "possible")];
    let unknown = format!("{server}:666");
    for wrong in ["999:12", "pond", unknown.as_str()] {
        let refused = browser.post(FORM, &fields(wrong)).await.expect(422).body;
        assert!(
            refused.contains("id=\"channel-problem\"")
                && refused.contains("value=\"possible\" checked"),
            "{wrong}: {refused}"
        );
    }
    let done = browser.post(FORM, &fields(&wanted)).await.expect(303);
    assert_eq!(
        done.location(),
        format!("{SETTINGS}?done=bots-channel#channel")
    );
    let settings = browser.get(SETTINGS).await.expect(200).body;
    assert!(
        settings.contains("likely and possible bots in <strong>news &#38; &#60;events&#62;"),
        "{settings}"
    );
    let again = browser.get(FORM).await.expect(200).body;
    assert!(
        again.contains(&format!("value=\"{wanted}\" checked")),
        "{again}"
    );
    // A platform that does not answer is told of; nowhere can be chosen all the same.
    world.connector(Platform::Discord).fail(Some("503 <away>"));
    let away = browser.get(FORM).await.expect(200).body;
    assert!(away.contains("503 &#60;away&#62;"), "{away}");
    let refused = browser.post(FORM, &fields(&wanted)).await.expect(422).body;
    assert!(refused.contains("503 &#60;away&#62;"), "{refused}");
    browser.post(FORM, &fields("")).await.expect(303);
    let settings = browser.get(SETTINGS).await.expect(200).body;
    assert!(settings.contains("nowhere but here"), "{settings}");
    // The greeting waits for a courier.
    world.expect_leftovers();
    world.close().await;
}
