//! The pages about bots: the queue, a case with its verdict, and the overview. Nobody is banned by them.

use std::time::Duration;

use ::bots::{Probability, Setting};
use kernel::{Clock, CommunityId, EventKind, Role, Timestamp, UserId, event::Message};
use testkit::World;

use super::browser::Browser;

const QUEUE: &str = "/c/ducks/bots/queue";

/// A case about somebody, with a prediction of so many millionths behind it.
pub(super) async fn case(world: &World, community: CommunityId, about: UserId, ppm: i32) -> i64 {
    let own = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {about}");
    let account = world.number(&own).await;
    let bots = &world.app.bots;
    let raised = bots
        .report(
            &world.system(),
            community,
            kernel::AccountId(account),
            "sells <things>",
        )
        .await;
    assert!(raised.unwrap());
    for (at, ppm) in [(0, ppm / 2), (1, ppm)] {
        world
            .sql(&format!(
                "INSERT INTO bot_prediction (community_id, account_id, model_id, probability_ppm, rule_ppm, \
                 schema_hash, features, why, n_messages, at) VALUES ({community}, {account}, 7, {ppm}, 400000, \
                 'schema', '[1.5,null]', '[{{\"signal\":\"messages_per_active_day\",\"value\":5.5,\"median\":1.25,\
                 \"share\":1.2,\"sentence\":\"posts <fast>\"}},{{\"signal\":\"made_up\",\"value\":null,\
                 \"share\":-0.3,\"sentence\":\"asks back\"}}]', 12, {at})"
            ))
            .await;
    }
    world
        .sql(&format!(
            "UPDATE bot_case SET probability_ppm = {ppm}, value_ppm = 1000000 - {ppm}, prediction_id = \
             (SELECT MAX(id) FROM bot_prediction) WHERE account_id = {account}"
        ))
        .await;
    let id = format!("SELECT id FROM bot_case WHERE account_id = {account}");
    world.number(&id).await
}

async fn member(world: &mut World, community: CommunityId, name: &str, role: Role) -> UserId {
    world.person(community, name, Some(role)).await.user
}

/// The revision that the form of a case holds.
async fn revision(browser: &Browser, path: &str) -> String {
    let page = browser.get(path).await.expect(200).body;
    let (_, rest) = page.split_once("name=\"revision\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The form of a verdict.
fn answer<'a>(verdict: &'a str, reason: &'a str, seen: &'a str) -> [(&'a str, &'a str); 3] {
    [("verdict", verdict), ("reason", reason), ("revision", seen)]
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_lists_cases_in_the_order_of_its_address_and_looking_changes_nothing() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let browser = Browser::of(&world, mo).await;
    let empty = browser.get(QUEUE).await.expect(200).body;
    has(&empty, &["Nothing to review", "Open 0", "Withdrawn 0"]);
    for (state, words) in [
        ("bot", "Nobody was called a bot"),
        ("human", "Nobody was called a person"),
        ("withdrawn", "Nothing was withdrawn"),
    ] {
        let page = browser.get(&format!("{QUEUE}?state={state}")).await;
        has(&page.expect(200).body, &[words]);
    }
    let sure = member(&mut world, ducks, "<sure>", Role::Member).await;
    let maybe = member(&mut world, ducks, "maybe", Role::Member).await;
    let first = case(&world, ducks, sure, 930_000).await;
    let second = case(&world, ducks, maybe, 520_000).await;
    let before = world.dump().await;
    let page = browser.get(QUEUE).await.expect(200).body;
    has(
        &page,
        &[
            "&#60;sure&#62;",
            "Discord",
            "93 %",
            "Likely",
            "52 %",
            "Possible",
            "Members reported it",
            "not scored",
            "Open 2",
            "title=\"1 likely bot to look at\"",
            &format!("href=\"/c/ducks/members/{sure}\""),
            &format!("/c/ducks/bots/cases/{first}?order=value"),
        ],
    );
    assert!(!page.contains("only tries it"), "{page}");
    let place = |page: &str, id: i64| page.find(&format!("id=\"case-{id}\"")).unwrap();
    assert!(place(&page, second) < place(&page, first), "{page}");
    let page = browser.get(&format!("{QUEUE}?order=probability")).await;
    let page = page.expect(200).body;
    assert!(place(&page, first) < place(&page, second), "{page}");
    for (path, status) in [
        (format!("{QUEUE}?state=guilty"), 422),
        (format!("{QUEUE}?order=luck"), 422),
        (format!("{QUEUE}?after=zz"), 422),
        (format!("/c/ducks/bots/cases/{first}?order=luck"), 422),
        ("/c/ducks/bots/cases/999".to_owned(), 404),
        ("/c/ducks/bots/cases/x".to_owned(), 404),
        (format!("/c/ducks/bots/cases/{first}"), 200),
    ] {
        browser.get(&path).await.expect(status);
    }
    assert_eq!(world.dump().await, before, "who reads changes nothing");
    let setting = Setting {
        is_dry_run: true,
        ..Setting::default()
    };
    let bots = &world.app.bots;
    let changed = bots.change_setting(&world.system(), ducks, &setting).await;
    changed.unwrap();
    let page = browser.get(QUEUE).await.expect(200).body;
    has(&page, &["only tries it", "&#60;sure&#62;"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_goes_on_on_further_pages() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    for n in 0..51 {
        let about = member(&mut world, ducks, &format!("duck{n}"), Role::Member).await;
        case(&world, ducks, about, 900_000 - n).await;
    }
    let browser = Browser::of(&world, mo).await;
    let path = format!("{QUEUE}?state=open&order=probability");
    let page = browser.get(&path).await.expect(200).body;
    assert_eq!(page.matches("<tr id=\"case-").count(), 50);
    let (_, rest) = page.split_once("rel=\"next\"").map_or_else(
        || panic!("{page}"),
        |(before, after)| (after, before.rsplit_once("href=\"").unwrap().1),
    );
    let next = rest.split('"').next().unwrap().replace("&#38;", "&");
    let page = browser.get(&next).await.expect(200).body;
    assert_eq!(page.matches("<tr id=\"case-").count(), 1, "{page}");
    has(&page, &["duck50", "First page"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_shows_what_the_account_said_last_and_marks_what_repeats() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    for text in ["Buy  <now>", "buy <NOW>", "hello"] {
        world.say(ducks, "spam", text).await;
        world.clock.advance(Duration::from_secs(60));
    }
    world.say(ducks, "ann", "not mine").await;
    let spam = world.user_of(ducks, "spam").await;
    let id = case(&world, ducks, spam, 930_000).await;
    let mo = Browser::of(&world, mo).await;
    let page = mo.get(&format!("/c/ducks/bots/cases/{id}")).await;
    let page = page.expect(200).body;
    has(&page, &["What it said last", "buy &#60;NOW&#62;"]);
    assert_eq!(page.matches("the same 2 times").count(), 2, "{page}");
    assert_eq!(page.matches("class=\"tick\"").count(), 3, "{page}");
    assert!(!page.contains("not mine"), "{page}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_tells_why_what_members_said_and_who_looks() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let ann = member(&mut world, ducks, "ann", Role::Moderator).await;
    let mia = member(&mut world, ducks, "mia", Role::Member).await;
    let spam = member(&mut world, ducks, "spam", Role::Member).await;
    let id = case(&world, ducks, spam, 930_000).await;
    let own = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {spam}");
    let account = kernel::AccountId(world.number(&own).await);
    let told = world
        .app
        .bots
        .report(&world.actor_of(mia).await, ducks, account, "it is odd")
        .await;
    assert!(told.unwrap());
    let path = format!("/c/ducks/bots/cases/{id}");
    let mo = Browser::of(&world, mo).await;
    let page = mo.get(&path).await.expect(200).body;
    has(
        &page,
        &[
            "Why 93 %",
            "said by model 7",
            "the rules alone say 40 %",
            "Posts &#60;fast&#62;.",
            "towards a bot",
            "towards a person",
            "messages per active day",
            "+1.20",
            "−0.30",
            "5.5",
            "1.25",
            "Earlier predictions",
            "47 %",
            "sells &#60;things&#62;",
            "the program",
            "it is odd",
            &format!("href=\"/c/ducks/members/{mia}\""),
            "50 %",
            "Nobody knows yet",
            "1 open case",
            "data-key=\"b\"",
            "data-key=\"h\"",
            "data-key=\"s\"",
            "data-key=\"o\"",
            &format!("action=\"{path}/look\" data-look>"),
            "Probability, when filed",
            // What was true when it was filed need not be any more.
            "Members reported it",
        ],
    );
    assert!(
        !page.contains("Probability now"),
        "nobody was scored: {page}"
    );
    assert!(!page.contains("looking at it;"), "{page}");
    let looked = mo
        .post(&format!("{path}/look"), &[("order", "probability")])
        .await
        .expect(303);
    assert_eq!(
        looked.location(),
        format!("{path}?order=probability&done=looking")
    );
    let page = mo.get(looked.location()).await.expect(200).body;
    has(&page, &["You are looking at it", "For five minutes"]);
    let other = Browser::of(&world, ann).await;
    let page = other.get(&path).await.expect(200).body;
    has(&page, &[">mo</a> is looking at it."]);
    let queue = other.get(QUEUE).await.expect(200).body;
    has(&queue, &[">mo</a>"]);
    let late = other.post(&format!("{path}/look"), &[]).await.expect(303);
    assert_eq!(late.location(), format!("{path}?order=value&done=looking"));
    // Each sees the other.
    let page = mo.get(&path).await.expect(200).body;
    has(
        &page,
        &["You are looking at it", ">ann</a> is looking at it."],
    );
    world.clock.advance(Duration::from_secs(301));
    let page = other.get(&path).await.expect(200).body;
    assert!(!page.contains("is looking at it."), "{page}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_leads_to_the_next_case_and_can_be_taken_back() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let spam = member(&mut world, ducks, "spam", Role::Member).await;
    let odd = member(&mut world, ducks, "odd", Role::Member).await;
    let first = case(&world, ducks, spam, 930_000).await;
    let second = case(&world, ducks, odd, 600_000).await;
    let mo = Browser::of(&world, mo).await;
    let path = |id: i64| format!("/c/ducks/bots/cases/{id}");
    let seen = revision(&mo, &path(first)).await;
    let form = |verdict, seen| {
        [
            ("verdict", verdict),
            ("reason", "sells <things>"),
            ("revision", seen),
            ("order", "probability"),
        ]
    };
    let to = format!("{}/verdict", path(first));
    let said = mo.post(&to, &form("bot", &seen)).await.expect(303);
    let next = format!(
        "{}?order=probability&done=called-bot&last={first}",
        path(second)
    );
    assert_eq!(said.location(), next);
    let page = mo.get(&next).await.expect(200).body;
    has(
        &page,
        &[
            // Whoever is led to a case has it before them, without saying so.
            "You are looking at it",
            "Called a bot.",
            "Undo the last verdict",
            &format!("action=\"{}/undo\"", path(first)),
        ],
    );
    assert_eq!(page.matches("data-key=\"u\"").count(), 1);
    // The same again changes nothing and leads on.
    let again = mo.post(&to, &form("bot", &seen)).await.expect(303);
    assert_eq!(again.location(), next);
    // The last open one that is left to others leaves nothing to review.
    let seen = revision(&mo, &path(second)).await;
    let skipped = format!("{}/verdict", path(second));
    let skipped = mo.post(&skipped, &form("skip", &seen)).await.expect(303);
    assert_eq!(
        skipped.location(),
        format!("{QUEUE}?state=open&order=probability&done=skipped&last={second}")
    );
    let over = mo.get(skipped.location()).await.expect(200).body;
    assert!(
        over.contains("data-key=\"u\""),
        "a skip is taken back too: {over}"
    );
    let decided = mo.get(&format!("{QUEUE}?state=bot")).await.expect(200).body;
    has(&decided, &["spam", "by you", "Bots 1"]);
    let page = mo.get(&path(first)).await.expect(200).body;
    has(
        &page,
        &[
            "Take the verdict back",
            "sells &#60;things&#62;",
            "Was right",
        ],
    );
    assert!(!page.contains("name=\"verdict\""), "{page}");
    let undone = mo
        .post(&format!("{}/undo", path(first)), &[("order", "value")])
        .await
        .expect(303);
    assert_eq!(
        undone.location(),
        format!("{}?order=value&done=verdict-undone", path(first))
    );
    let page = mo.get(undone.location()).await.expect(200).body;
    has(&page, &["Taken back.", "taken back", "name=\"verdict\""]);
    let known = "SELECT COUNT(*) FROM bot_review WHERE took_secs IS NOT NULL";
    assert_eq!(
        world.number(known).await,
        1,
        "how long it took is known of the case that was come to"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM bot_label").await, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_moderators_are_led_to_different_cases() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let ann = member(&mut world, ducks, "ann", Role::Moderator).await;
    let mut cases = Vec::new();
    for (name, ppm) in [
        ("a", 950_000),
        ("b", 940_000),
        ("c", 930_000),
        ("d", 920_000),
    ] {
        let about = member(&mut world, ducks, name, Role::Member).await;
        cases.push(case(&world, ducks, about, ppm).await);
    }
    let (mo, ann) = (
        Browser::of(&world, mo).await,
        Browser::of(&world, ann).await,
    );
    let path = |id: i64| format!("/c/ducks/bots/cases/{id}");
    let mut led = Vec::new();
    for (browser, id) in [(&mo, cases[0]), (&ann, cases[1])] {
        let seen = revision(browser, &path(id)).await;
        let form = [
            ("verdict", "human"),
            ("reason", ""),
            ("revision", &seen),
            ("order", "probability"),
        ];
        let said = browser
            .post(&format!("{}/verdict", path(id)), &form)
            .await
            .expect(303);
        led.push(said.location().split('?').next().unwrap().to_owned());
    }
    // The first was led to the second's case, which was not yet decided.
    assert_eq!(led, [path(cases[1]), path(cases[2])]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_used_here_is_said_to_be_one_on_its_case_and_that_is_taken_back() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let mia = member(&mut world, ducks, "mia", Role::Member).await;
    let helper = member(&mut world, ducks, "helper", Role::Member).await;
    let id = case(&world, ducks, helper, 930_000).await;
    let path = format!("/c/ducks/bots/cases/{id}");
    let (mo, mia) = (
        Browser::of(&world, mo).await,
        Browser::of(&world, mia).await,
    );
    world
        .sql(&format!(
            "UPDATE platform_account SET user_id = {helper}, platform = 2 WHERE username = 'mia'"
        ))
        .await;
    let page = mo.get(&path).await.expect(200).body;
    has(
        &page,
        &[
            &format!("formaction=\"{path}/service\""),
            "A bot we use",
            "Everybody, and all that counted less",
            "begins at 84 %",
            "comes to 93 %",
            "47 % to 93 % in 2 predictions",
            "Also on Twitch",
        ],
    );
    let seen = revision(&mo, &path).await;
    let form = [
        ("reason", "tells <jokes>"),
        ("revision", seen.as_str()),
        ("order", "value"),
    ];
    let say = format!("{path}/service");
    mia.post(&say, &form).await.expect(403);
    let rulings =
        "SELECT COUNT(*) FROM bot_list_correction WHERE verdict = 3 AND reason = 'tells <jokes>'";
    assert_eq!(world.number(rulings).await, 0);
    let said = mo.post(&say, &form).await.expect(303);
    assert_eq!(
        said.location(),
        format!("{QUEUE}?state=open&order=value&done=called-service&used={id}")
    );
    assert_eq!(world.number(rulings).await, 1);
    let queue = mo.get(said.location()).await.expect(200).body;
    has(
        &queue,
        &[
            "It is a bot you use",
            &format!("action=\"{path}/service/undo\""),
        ],
    );
    let page = mo.get(&path).await.expect(200).body;
    has(&page, &["It is no bot we use"]);
    assert!(!page.contains("formaction="), "{page}");
    let settings = mo.get("/c/ducks/bots/settings").await.expect(200).body;
    has(&settings, &["helper", "tells &#60;jokes&#62;"]);
    let undo = format!("{path}/service/undo");
    let undone = mo.post(&undo, &[("order", "value")]).await.expect(303);
    assert_eq!(
        undone.location(),
        format!("{path}?order=value&done=uncorrected")
    );
    assert_eq!(world.number(rulings).await, 0);
    let silent = [("reason", " "), ("revision", "1"), ("order", "value")];
    mo.post(&say, &silent).await.expect(303);
    let rulings = "SELECT COUNT(*) FROM bot_list_correction WHERE reason = 'said on its case'";
    assert_eq!(
        world.number(rulings).await,
        1,
        "a reason is asked for if one likes"
    );
    // What was said is about the account, whatever it is called by now.
    world
        .sql("UPDATE platform_account SET username = 'renamed' WHERE username = 'helper'")
        .await;
    let page = mo.get(&path).await.expect(200).body;
    has(
        &page,
        &["renamed", "It is no bot we use", "said on its case"],
    );
    mo.post(&undo, &[("order", "value")]).await.expect(303);
    assert_eq!(world.number(rulings).await, 0);
    mo.post("/c/ducks/bots/cases/999/service", &form)
        .await
        .expect(404);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_decide_at_once_the_second_sees_the_case_again_with_what_they_typed() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let ann = member(&mut world, ducks, "ann", Role::Moderator).await;
    let mia = member(&mut world, ducks, "mia", Role::Member).await;
    let spam = member(&mut world, ducks, "spam", Role::Member).await;
    let id = case(&world, ducks, spam, 930_000).await;
    let path = format!("/c/ducks/bots/cases/{id}");
    let to = format!("{path}/verdict");
    let (mo, ann) = (
        Browser::of(&world, mo).await,
        Browser::of(&world, ann).await,
    );
    let seen = revision(&mo, &path).await;
    let long = "x".repeat(501);
    let refused = mo.post(&to, &answer("bot", &long, &seen)).await.expect(422);
    has(
        &refused.body,
        &["at most 500 characters", &long, "id=\"reason-problem\""],
    );
    mo.post(&to, &answer("guilty", "", &seen)).await.expect(422);
    ann.post(&to, &answer("human", "", &seen)).await.expect(303);
    let late = mo
        .post(&to, &answer("bot", "sells", &seen))
        .await
        .expect(409);
    has(
        &late.body,
        &["Somebody else decided meanwhile", "A person", ">ann</a>"],
    );
    // It is open again, and what was seen is out of date.
    ann.post(&format!("{path}/undo"), &[]).await.expect(303);
    let late = mo
        .post(&to, &answer("bot", "sells", &seen))
        .await
        .expect(409);
    has(
        &late.body,
        &["look at it again", "value=\"sells\"", "name=\"verdict\""],
    );
    // Members see nothing of it, and nobody judges themselves.
    let mia = Browser::of(&world, mia).await;
    mia.get(&path).await.expect(403);
    for action in ["verdict", "look", "undo"] {
        let fields = if action == "verdict" {
            &answer("bot", "", &seen)[..]
        } else {
            &[]
        };
        mia.post(&format!("{path}/{action}"), fields)
            .await
            .expect(403);
        let nowhere = format!("/c/ducks/bots/cases/999/{action}");
        mo.post(&nowhere, fields).await.expect(404);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_judges_themselves_and_a_case_about_oneself_is_not_the_next() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let spam = member(&mut world, ducks, "spam", Role::Member).await;
    // Moderators too may be bots.
    let setting = Setting {
        exempt_role: None,
        ..Setting::default()
    };
    let bots = &world.app.bots;
    let changed = bots.change_setting(&world.system(), ducks, &setting).await;
    changed.unwrap();
    let own = case(&world, ducks, mo, 990_000).await;
    let other = case(&world, ducks, spam, 600_000).await;
    let browser = Browser::of(&world, mo).await;
    let page = browser.get(&format!("/c/ducks/bots/cases/{own}")).await;
    let page = page.expect(200).body;
    has(&page, &["This is about you"]);
    assert!(!page.contains("name=\"verdict\""), "{page}");
    let to = format!("/c/ducks/bots/cases/{own}/verdict");
    let form = [("verdict", "human"), ("revision", "1")];
    let refused = browser.post(&to, &form).await.expect(409);
    has(&refused.body, &["This is about you"]);
    let path = format!("/c/ducks/bots/cases/{other}");
    let seen = revision(&browser, &path).await;
    let form = [("verdict", "human"), ("revision", seen.as_str())];
    let done = browser.post(&format!("{path}/verdict"), &form).await;
    assert_eq!(
        done.expect(303).location(),
        format!("{QUEUE}?state=open&order=value&done=called-human&last={other}")
    );
    let page = browser
        .get(&format!("{QUEUE}?done=called-human&last={other}"))
        .await;
    has(
        &page.expect(200).body,
        &["Called a person.", "Undo the last verdict"],
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_tells_the_score_the_spread_and_what_other_thresholds_would_do() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = member(&mut world, ducks, "mo", Role::Moderator).await;
    let mo = Browser::of(&world, mo).await;
    let menu = mo.get("/c/ducks/members").await.expect(200).body;
    has(&menu, &["href=\"/c/ducks/bots\" data-go=\"b\""]);
    let empty = mo.get("/c/ducks/bots").await.expect(200).body;
    has(
        &empty,
        &[
            "Nobody is scored yet",
            "href=\"/c/ducks/bots/queue\"",
            // What reviews say stands here too, before there are any.
            "In none of these weeks were ten accused accounts reviewed",
            "Here judges the model that ships.",
        ],
    );
    let now = world.clock.now();
    let mut batch = Vec::new();
    for n in 0..60 {
        let advert = EventKind::Message(Message {
            text: "Follow us at https://example.org/now for 50% off!".to_owned(),
            n_embeds: 1,
            ..Message::default()
        });
        let mut event = world.event("<spammer>", advert);
        event.sent_at = Timestamp(now.0 - (60 - n) * 600_000_000);
        batch.push(activity::Incoming {
            community: ducks,
            event,
        });
    }
    world.record(batch).await;
    while world.app.bots.tick().await.unwrap().is_behind {}
    let spammer = world.user_of(ducks, "<spammer>").await;
    let score = world
        .app
        .bots
        .score_of(&world.system(), ducks, spammer)
        .await;
    let score = score.unwrap().unwrap();
    let setting = Setting {
        likely: Probability::percent(100),
        possible: Probability::percent(100),
        ..Setting::default()
    };
    assert!(score.probability < setting.possible, "{score:?}");
    let bots = &world.app.bots;
    let changed = bots.change_setting(&world.system(), ducks, &setting).await;
    changed.unwrap();
    let page = mo.get("/c/ducks/bots").await.expect(200).body;
    has(
        &page,
        &[
            "0 likely bots, 0 possible, 1 others",
            "95–100 %",
            "likely from 100 %",
            "grade ",
        ],
    );
    assert!(!page.contains("Flagged only then"), "{page}");
    let tried = mo.get("/c/ducks/bots?likely=70&possible=50").await;
    let tried = tried.expect(200).body;
    has(
        &tried,
        &[
            "Flagged only then: 1 account. Flagged only now: 0 accounts.",
            "tried: likely from 70 %",
            "tried: possible from 50 %",
            "&#60;spammer&#62;",
            "value=\"70\"",
            // From 100 % on nobody is called a bot, neither rightly nor wrongly.
            "Of 100 people, likely bots by mistake</th><td class=\"num\">0</td><td class=\"num\">&#60; 0.1</td>",
            "Of 100 bots, not flagged</th><td class=\"num\">100</td>",
            "of which the model that ships had learned nothing",
        ],
    );
    let kept = world.app.bots.setting(&world.system(), ducks).await;
    assert_eq!(kept.unwrap(), setting, "trying changes nothing");
    assert!(!page.contains("id=\"crowd\""), "{page}");
    let until = now.secs() + 3_000;
    world
        .sql(&format!(
            "UPDATE bot_scene SET arrivals = '2800000 45 0.3 200 {until} 0 45'"
        ))
        .await;
    let page = mo.get("/c/ducks/bots").await.expect(200).body;
    let newest = "<a href=\"/c/ducks/members?sort=first\">Who came last</a>";
    has(
        &page,
        &["Many newcomers are coming at once, the last", newest],
    );
    world.clock.advance(Duration::from_secs(7_200));
    let page = mo.get("/c/ducks/bots").await.expect(200).body;
    has(&page, &["Many newcomers came at once, the last"]);
    for (query, words) in [
        ("likely=x", "Use a number of percent"),
        ("likely=101", "Use a number of percent"),
        ("likely=50&possible=60", "begins at or below"),
        ("likely=50&possible=0", "se a number of percent from 1"),
    ] {
        let page = mo.get(&format!("/c/ducks/bots?{query}")).await.expect(422);
        has(&page.body, &[words]);
    }
    world.close().await;
}
