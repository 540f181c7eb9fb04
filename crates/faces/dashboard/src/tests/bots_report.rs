//! Members report accounts that look like bots; moderators see the score on a member's page.

use kernel::{EventKind, Role, event::Message};
use testkit::World;

use super::{bots_appeals::account, browser::Browser};

const PAGE: &str = "/c/ducks/bots/report";

#[tokio::test(flavor = "multi_thread")]
async fn a_member_reports_by_name_and_is_told_nothing_but_thanks() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await.user;
    world.person(ducks, "Spam<bot>", None).await;
    let ann = Browser::of(&world, ann).await;
    let chat = ann.get("/c/ducks/chat").await.expect(200).body;
    assert!(chat.contains(&format!("href=\"{PAGE}\"")), "{chat}");
    ann.get(PAGE).await.expect(200);
    let fields = |name, reason| [("platform", "discord"), ("name", name), ("reason", reason)];
    let long = "x".repeat(301);
    for (name, reason, field, words) in [
        (
            "nobody<3",
            "",
            "name",
            "Nobody was seen here who is called so.",
        ),
        ("ann", "", "name", "This is your own account."),
        ("spam<bot>", &long, "reason", "at most 300 characters"),
    ] {
        let wrong = ann.post(PAGE, &fields(name, reason)).await.expect(422).body;
        assert!(
            wrong.contains(&format!("id=\"{field}-problem\"")) && wrong.contains(words),
            "{name}: {wrong}"
        );
        let kept = format!(
            "value=\"{}\"",
            name.replace('<', "&#60;").replace('>', "&#62;")
        );
        assert!(wrong.contains(&kept), "{kept}: {wrong}");
    }
    for _ in 0..2 {
        let done = ann
            .post(PAGE, &fields(" @SPAM<bot> ", "sells things"))
            .await;
        assert_eq!(done.expect(303).location(), format!("{PAGE}?done=reported"));
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM bot_report").await, 1);
    let odd = [("platform", "myspace"), ("name", "x")];
    ann.post(PAGE, &odd).await.expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_the_score_on_a_members_page_and_reports_from_there() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let browser = Browser::of(&world, mo).await;
    world.say(ducks, "seller", "hello").await;
    let seller = world.user_of(ducks, "seller").await;
    let card = format!("/c/ducks/members/{seller}");
    let before = browser.get(&card).await.expect(200).body;
    assert!(
        before.contains("Is it a bot?") && before.contains("it needs ten messages"),
        "{before}"
    );
    assert!(before.contains("Report as a bot"), "{before}");
    let own = browser.get(&format!("/c/ducks/members/{mo}")).await;
    assert!(!own.expect(200).body.contains("Report as a bot"));

    let advert = || {
        EventKind::Message(Message {
            text: "Follow us at https://example.org/now for 50% off!".to_owned(),
            n_embeds: 1,
            ..Message::default()
        })
    };
    let mut batch = Vec::new();
    for _ in 0..30 {
        let event = world.event("seller", advert());
        batch.push(activity::Incoming {
            community: ducks,
            event,
        });
    }
    world.record(batch).await;
    while world.app.bots.tick().await.unwrap().is_behind {}
    let scored = browser.get(&card).await.expect(200).body;
    assert!(
        scored.contains("What the rules say") && scored.contains("messages</dd>"),
        "{scored}"
    );

    let account = account(&world, seller).await.to_string();
    let member = seller.to_string();
    let fields = [
        ("member", member.as_str()),
        ("account", &account),
        ("reason", "sells things"),
    ];
    let done = browser.post(PAGE, &fields).await.expect(303);
    assert_eq!(done.location(), format!("{card}?done=reported"));
    let after = browser.get(&card).await.expect(200).body;
    let id = world.number("SELECT id FROM bot_case").await;
    assert!(
        after.contains(&format!("href=\"/c/ducks/bots/cases/{id}\"")),
        "{after}"
    );
    let nobody = [("account", "999999"), ("reason", "")];
    browser.post(PAGE, &nobody).await.expect(404);
    world.close().await;
}
