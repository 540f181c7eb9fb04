//! What works on a good day.

use std::time::Duration;

use kernel::{
    Act, CarryError, ChannelChoice, Clock, Connector, Courier, EventKind, Haste, Mentions,
    Returned, Role, Secret, SystemClock, Turn, event::ModerationAction,
};
use platforms::twitch::{Change, NewSegment, Recurrence, SCOPES, ScheduleError};
use simulator::twitch::Standing;

use super::world::{Check, DUCKS, GEESE, LONG, World, chat, direct, order};

#[tokio::test]
async fn what_people_say_is_heard() {
    let world = World::new().await;
    world.listen(1).await;
    world.server.set_standing(DUCKS, "mo", Standing::Moderator);
    let first = world.server.say(DUCKS, "ann", "hello @ducks");
    let second = world.server.reply(DUCKS, "mo", &first, "hi");
    let heard = world.ears.until(|all| all.len() == 2).await;
    assert_eq!(heard[0].event_id, first);
    assert_eq!(
        (
            heard[0].origin.server.as_str(),
            heard[0].account.username.as_str()
        ),
        (DUCKS, "ann")
    );
    assert_eq!(heard[1].event_id, second);
    assert_eq!(heard[1].account.standing, Some(Role::Moderator));
    let EventKind::Message(message) = &heard[1].kind else {
        panic!("no message");
    };
    assert_eq!(message.reply_to, Some(first));
    assert_eq!(world.grants.report_of(DUCKS), None);
    world.stop().await;
}

#[tokio::test]
async fn everything_else_that_happens_is_heard_once() {
    let world = World::new().await;
    world.listen(1).await;
    let server = &world.server;
    server.follow(DUCKS, "ann");
    server.subscribe(DUCKS, "ben", 2);
    server.resubscribe(DUCKS, "cy", 1, 7, "again");
    server.gift(DUCKS, Some("dee"), 1, 3);
    server.cheer(DUCKS, Some("eve"), 100, "go");
    server.raid(GEESE, DUCKS, 12);
    server.timeout(DUCKS, "fox", None, "spam", Duration::from_secs(60));
    server.ban(DUCKS, "fox", None, "spam");
    server.unban(DUCKS, "fox");
    server.go_live(DUCKS, "Race");
    server.go_offline(DUCKS);
    let heard = world
        .ears
        .until(|all| all.iter().any(|e| e.kind == EventKind::StreamOffline))
        .await;
    let kinds: Vec<_> = heard
        .iter()
        .map(|event| event.kind.tag().as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "follow",
            "subscription",
            "subscription",
            "gift",
            "cheer",
            "message",
            "raid",
            "timeout",
            "ban",
            "stream_online",
            "stream_offline"
        ]
    );
    assert_eq!(heard[2].kind.amount(), 7);
    assert_eq!(heard[3].kind.amount(), 3);
    assert_eq!(heard[6].kind.amount(), 12);
    assert!(matches!(&heard[7].kind, EventKind::Moderation(m)
        if m.action == ModerationAction::Timeout && m.duration_secs == Some(60)));
    world.stop().await;
}

#[tokio::test]
async fn an_order_is_said_and_comes_back_as_ours() {
    let world = World::new().await;
    world.listen(1).await;
    let asked = world.server.say(DUCKS, "ann", "!ping");
    let mut pong = order(chat(DUCKS), "/pong\nfor @everyone");
    pong.reply_to = Some(asked.clone());
    let receipt = world.carry(&pong).await.unwrap();
    let sent = &world.server.sent(DUCKS)[0];
    assert_eq!(sent.text, "pong for ＠everyone");
    assert_eq!(sent.reply_to, Some(asked));
    assert_eq!(receipt.message_id, Some(sent.id.clone()));
    assert!(receipt.is_confirmed && !receipt.was_cut);
    let heard = world.ears.until(|all| all.len() == 2).await;
    let is_ours = |event: &kernel::ChatEvent| matches!(&event.kind, kernel::EventKind::Message(said) if said.is_ours);
    assert!(is_ours(&heard[1]) && !is_ours(&heard[0]));
    world.stop().await;
}

#[tokio::test]
async fn an_announcement_is_made_and_a_long_text_is_cut() {
    let world = World::new().await;
    let mut long = order(chat(DUCKS), &"quack ".repeat(200));
    long.act = Act::Announce;
    let receipt = world.carry(&long).await.unwrap();
    assert!(receipt.was_cut && receipt.message_id.is_none());
    let sent = &world.server.sent(DUCKS)[0];
    assert!(sent.is_announcement && sent.text.chars().count() <= 500 && sent.text.ends_with('…'));
}

#[tokio::test]
async fn a_whisper_is_sent_and_never_called_delivered() {
    let world = World::new().await;
    let ann = world.server.user("ann");
    world.server.set_whispers("ann", false);
    let receipt = world
        .carry(&order(direct(DUCKS, &ann), "psst"))
        .await
        .unwrap();
    assert!(!receipt.is_confirmed && receipt.message_id.is_none());
    let whispers = world.server.whispers();
    assert_eq!(
        (whispers[0].text.as_str(), whispers[0].has_arrived),
        ("psst", false)
    );
}

#[tokio::test]
async fn the_forty_first_person_of_a_day_is_not_whispered_to() {
    let world = World::new().await;
    let courier = &world.courier;
    let limit = courier.turn(&order(direct(DUCKS, "90"), "x"), Haste::Line);
    assert_eq!(limit, Ok(Turn::Now));
    courier.leave(&order(direct(DUCKS, "90"), "x"));
    // Three a second is the limit: forty take some fourteen seconds, side by side or not.
    for n in 0..40 {
        let to = world.server.user(&format!("user{n}"));
        world
            .carry(&order(direct(DUCKS, &to), "psst"))
            .await
            .unwrap();
    }
    let one_more = order(direct(DUCKS, "91"), "psst");
    let refused = courier.turn(&one_more, Haste::Line);
    assert!(matches!(refused, Err(CarryError::Refused(why)) if why.contains("40 people")));
    let known = world.server.user("user3");
    world
        .carry(&order(direct(DUCKS, &known), "again"))
        .await
        .unwrap();
    assert_eq!(world.server.whispers().len(), 41);
    let log = world.server.exchanges();
    assert!(log.iter().all(|exchange| exchange.status != 429));
}

#[tokio::test]
async fn what_twitch_cannot_do_is_refused_in_clear_words() {
    let world = World::new().await;
    let courier = &world.courier;
    let refused = |act: Act, address| {
        let mut order = order(address, "x");
        order.act = act;
        match courier.turn(&order, Haste::Line) {
            Err(CarryError::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let message_id = || "m".to_owned();
    assert!(
        refused(
            Act::Edit {
                message_id: message_id()
            },
            chat(DUCKS)
        )
        .contains("cannot be changed")
    );
    assert!(
        refused(
            Act::Delete {
                message_id: message_id()
            },
            direct(DUCKS, "9")
        )
        .contains("taken back")
    );
    let mailbox = kernel::Address::Mailbox { to: "x".into() };
    assert!(refused(Act::Post, mailbox).contains("no address"));
    let nothing = world.carry(&order(chat(DUCKS), "...")).await;
    assert!(matches!(nothing, Err(CarryError::Refused(why)) if why.contains("says nothing")));
    let unknown = world.carry(&order(chat("77"), "hi")).await;
    assert!(matches!(unknown, Err(CarryError::Refused(why)) if why.contains("not connected")));
}

#[tokio::test]
async fn a_message_is_taken_away_if_the_broadcaster_allowed_it() {
    let world = World::new().await;
    let receipt = world.carry(&order(chat(DUCKS), "oops")).await.unwrap();
    let mut delete = order(chat(DUCKS), "");
    delete.act = Act::Delete {
        message_id: receipt.message_id.unwrap(),
    };
    world.carry(&delete).await.unwrap();
    assert!(world.server.sent(DUCKS)[0].is_deleted);
    let less = world.server.authorise(DUCKS, &["user:write:chat"]);
    world.grants.put(&less);
    let refused = world.carry(&delete).await;
    assert!(matches!(refused, Err(CarryError::Refused(why)) if why.contains("does not allow")));
}

#[tokio::test]
async fn who_may_be_mentioned_is_mentioned_and_nobody_else() {
    let world = World::new().await;
    let ann = world.server.user("ann");
    let mut order = order(chat(DUCKS), "@ann won, @bob lost");
    order.mentions = Mentions::Users(vec![ann]);
    world.carry(&order).await.unwrap();
    assert_eq!(world.server.sent(DUCKS)[0].text, "@ann won, ＠bob lost");
}

#[tokio::test]
async fn a_bot_account_speaks_with_the_applications_token() {
    let world = World::with(|_| {}, |settings| settings.bot_user_id = Some("900".into())).await;
    let bot = world.server.authorise(
        "900",
        &[
            "user:bot",
            "user:read:chat",
            "user:write:chat",
            "user:manage:whispers",
        ],
    );
    world.grants.put(&bot);
    world.listen(1).await;
    world.carry(&order(chat(DUCKS), "hello")).await.unwrap();
    assert_eq!(world.server.sent(DUCKS)[0].sender, "900");
    let heard = world.ears.until(|all| all.len() == 1).await;
    assert!(heard[0].account.is_bot);
    let ann = world.server.user("ann");
    world
        .carry(&order(direct(DUCKS, &ann), "psst"))
        .await
        .unwrap();
    assert_eq!(world.server.whispers()[0].from, "900");
    assert_eq!(
        world.server.n_sockets(),
        1,
        "the bot account has no channel to hear"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_channel_is_connected_checked_and_given_back() {
    let world = World::new().await;
    let connector = world.twitch.connector();
    let redirect = "http://127.0.0.1:9/connect/twitch";
    let url = connector.install_url("state-1", redirect);
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = http
        .get(format!("{url}&login_as=geese"))
        .send()
        .await
        .unwrap();
    let back = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let value = |name: &str| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(value("state"), "state-1");
    let returned = Returned {
        code: Secret::new(value("code")),
        redirect: redirect.into(),
        server: None,
    };
    let installed = connector.install(&returned).await.unwrap();
    assert_eq!(
        (installed.name.as_str(), installed.grant.server.as_str()),
        ("geese", GEESE)
    );
    assert_eq!(installed.grant.scopes, SCOPES);
    assert!(installed.grant.expires_at.unwrap() > SystemClock.now());
    let choice = ChannelChoice {
        id: GEESE.into(),
        name: "geese".into(),
    };
    assert_eq!(
        connector.channels(&installed.grant).await.unwrap(),
        [choice]
    );
    assert_eq!(
        connector.check(&installed.grant).await.unwrap(),
        "reached as geese, everything is allowed"
    );
    let again = connector.install(&returned).await.unwrap_err();
    assert!(again.0.contains("Invalid authorization code"), "{again}");
    connector.revoke(&installed.grant).await.unwrap();
    connector.revoke(&installed.grant).await.unwrap();
    assert!(connector.channels(&installed.grant).await.is_err());
    let asked = world.server.exchanges();
    let secret = world.server.client_secret();
    let leaked = asked.iter().filter(|e| {
        e.query
            .as_deref()
            .is_some_and(|query| query.contains(secret))
    });
    assert_eq!(leaked.count(), 0, "secrets go in bodies, not in addresses");
}

#[tokio::test]
async fn segments_follow_the_rule_of_partners_and_affiliates() {
    let world = World::new().await;
    world.grants.put(&world.server.authorise(GEESE, &SCOPES));
    let schedule = world.twitch.schedule();
    let now = SystemClock.now();
    let start = now.plus(Duration::from_secs(86_400));
    let once = NewSegment {
        title: "Regatta".into(),
        start,
        minutes: 90,
        timezone: "Europe/Berlin".into(),
        recurrence: Recurrence::Once,
    };
    assert_eq!(schedule.list(DUCKS, now).await.unwrap(), []);
    let made = schedule.create(DUCKS, &once).await.unwrap();
    assert_eq!(
        (made.title.as_str(), made.start.secs()),
        ("Regatta", start.secs())
    );
    let later = start.plus(Duration::from_secs(3_600));
    let change = Change {
        title: Some("Big regatta".into()),
        start: Some(later),
        ..Change::default()
    };
    schedule.update(DUCKS, &made.id, &change).await.unwrap();
    let listed = schedule.list(DUCKS, now).await.unwrap();
    assert_eq!(
        (listed[0].title.as_str(), listed[0].start.secs()),
        ("Big regatta", later.secs())
    );
    schedule.delete(DUCKS, &made.id).await.unwrap();
    schedule.delete(DUCKS, &made.id).await.unwrap();
    assert_eq!(
        schedule.update(DUCKS, &made.id, &change).await,
        Err(ScheduleError::NotFound)
    );

    let refused = schedule.create(GEESE, &once).await.unwrap_err();
    assert!(
        refused.to_string().contains("partners and affiliates"),
        "{refused}"
    );
    let weekly = NewSegment {
        recurrence: Recurrence::Weekly,
        ..once
    };
    let made = schedule.create(GEESE, &weekly).await.unwrap();
    let cancel = Change {
        is_canceled: Some(true),
        ..Change::default()
    };
    schedule.update(GEESE, &made.id, &cancel).await.unwrap();
    assert!(
        schedule.list(GEESE, now).await.unwrap()[0]
            .canceled_until
            .is_some()
    );
    let short = NewSegment {
        minutes: 5,
        ..weekly
    };
    assert!(matches!(
        schedule.create(GEESE, &short).await,
        Err(ScheduleError::NotPossible(_))
    ));
}

#[tokio::test]
async fn a_long_schedule_is_read_page_by_page() {
    let world = World::new().await;
    let schedule = world.twitch.schedule();
    let now = SystemClock.now();
    for n in 1..=60 {
        let segment = NewSegment {
            title: format!("Stream {n}"),
            start: now.plus(Duration::from_secs(n * 7_200)),
            minutes: 60,
            timezone: "UTC".into(),
            recurrence: Recurrence::Once,
        };
        schedule.create(DUCKS, &segment).await.unwrap();
    }
    let listed = schedule.list(DUCKS, now).await.unwrap();
    assert_eq!(listed.len(), 60);
    assert!(listed.windows(2).all(|pair| pair[0].start < pair[1].start));
}

#[tokio::test]
async fn requests_and_answers_are_as_twitchs_contract_says() {
    let world = World::new().await;
    world.listen(1).await;
    let receipt = world.carry(&order(chat(DUCKS), "hello")).await.unwrap();
    let mut again = order(chat(DUCKS), "hello");
    world.carry(&again).await.unwrap_err();
    again.act = Act::Announce;
    world.carry(&again).await.unwrap();
    let ann = world.server.user("ann");
    world
        .carry(&order(direct(DUCKS, &ann), "psst"))
        .await
        .unwrap();
    again.act = Act::Delete {
        message_id: receipt.message_id.unwrap(),
    };
    world.carry(&again).await.unwrap();
    world.check(Check::Answers);
    world.stop().await;
}

#[tokio::test]
async fn channels_come_and_go_with_their_grants() {
    let world = World::new().await;
    let listener = world.listen(1).await;
    world.grants.put(&world.server.authorise(GEESE, &SCOPES));
    listener.nudge();
    world.subscribed(20).await;
    world.server.say(GEESE, "ann", "honk");
    world.ears.until(|all| all.len() == 1).await;
    world.grants.take(DUCKS);
    listener.nudge();
    world.subscribed(10).await;
    assert!(
        world
            .server
            .wait_for(|server| server.n_sockets() == 1, LONG)
            .await
    );
    world.stop().await;
}
