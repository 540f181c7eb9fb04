//! What no transcript shows: what is not heard, what happens to a flood, and to a fault.

use commands::Settings;
use kernel::{Clock, InteractionKind, Platform, Source};
use testkit::{message, on_both};

use super::stage::Stage;

on_both! {
    async fn only_live_messages_of_platforms_that_can_be_answered_are_heard(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Discord, Settings::default()).await;
        let live = stage.event("ann", message("!ping"));
        let mut history = stage.event("ann", message("!ping"));
        history.source = Source::Import;
        let mut irc = stage.event("ann", message("!ping"));
        irc.platform = Platform::Irc;
        let join = stage.event("ann", kernel::EventKind::Join);
        for event in [&history, &irc, &join] {
            stage.face.heard(stage.pond, event);
        }
        assert_eq!(stage.answers().await, []);
        stage.face.heard(stage.pond, &live);
        assert_eq!(stage.answers().await.len(), 1);
    }

    async fn a_code_from_the_page_of_accounts_links_who_types_it(world: World) {
        let ann = world.admin("ann").await;
        let token = world.token(ann.user).await;
        let session = world.app.identity.authenticate(&token).await.unwrap().unwrap().session;
        let mut stage = Stage::set(&mut world, Platform::Twitch, Settings::default()).await;
        let app = stage.world.app.clone();
        let code = app.chat_code(&ann.actor, session, None, Platform::Twitch).await.unwrap();
        let said = stage.says("annie", &format!("!verify {}", code.expose())).await;
        assert_eq!(said, ["this account is linked to ann now; if that is not you, unlink it: https://bot.example.org/link"]);
        assert_eq!(stage.user("annie").await, ann.user);
    }

    async fn a_message_heard_twice_is_answered_once(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Slack, Settings::default()).await;
        stage.role("mia", kernel::Role::Moderator).await;
        let event = stage.happens("mia", message("!ping")).await;
        for _ in 0..3 {
            stage.face.heard(stage.pond, &event);
        }
        assert_eq!(stage.answers().await.len(), 1);
    }

    async fn a_picked_command_costs_what_a_typed_one_does_and_once(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Discord, Settings::default()).await;
        let cost = "SELECT COALESCE(SUM(change), 0) FROM reputation";
        assert_eq!(stage.says("ann", "!ping").await, ["pong"]);
        assert_eq!(stage.world.number(cost).await, -100);
        let kind = InteractionKind::Command { name: "ping".into(), arguments: String::new() };
        assert_eq!(stage.asks("bob", kind.clone()).await, ["pong"]);
        assert_eq!(stage.world.number(cost).await, -200);
        // The platform hands the same one over again.
        stage.world.clock.advance(std::time::Duration::from_secs(60));
        for _ in 0..3 {
            stage.asks_again("bob", kind.clone()).await;
        }
        assert_eq!(stage.world.number(cost).await, -200);
        let press = InteractionKind::Press { id: "help:0".into(), message_id: "message-1".into() };
        stage.asks("bob", press).await;
        assert_eq!(stage.world.number(cost).await, -200, "a button is no command");
        let system = stage.world.system();
        let free = [(identity::Reason::Command, Some(0))];
        stage.world.app.identity.set_reputation_weights(&system, stage.pond, &free).await.unwrap();
        stage.world.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(stage.asks("bob", kind).await, ["pong"]);
        assert_eq!(stage.world.number(cost).await, -200, "where commands cost nothing, picked ones cost nothing");
    }

    async fn whoever_hears_chat_never_waits_and_what_is_too_much_is_dropped(world: World) {
        let settings = Settings { queue_max: 2, workers: 1, ..Settings::default() };
        let mut stage = Stage::set(&mut world, Platform::Twitch, settings).await;
        let mut events = Vec::new();
        for n in 0..50 {
            let name = format!("p{n}");
            events.push(stage.happens(&name, message("!ping")).await);
        }
        // No await between: the worker may have taken one or none by now.
        for event in &events {
            stage.face.heard(stage.pond, event);
        }
        let n_answered = stage.answers().await.len();
        assert!((2..50).contains(&n_answered), "{n_answered} of 50 were answered");
        stage.world.clock.advance(std::time::Duration::from_secs(3));
        assert_eq!(stage.says("p49", "!ping").await, ["pong"], "and then it goes on");
    }

    async fn the_umbrella_command_alone_is_help(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Slack, Settings::default()).await;
        for (who, name, arguments) in [("ann", "waddlebot", ""), ("bob", "", ""), ("cid", "waddlebot", "  !help ")] {
            let kind = InteractionKind::Command { name: name.into(), arguments: arguments.into() };
            let said = stage.asks(who, kind).await;
            assert!(said.len() == 1 && said[0].starts_with("What WaddleBot can do here"), "{said:?}");
        }
    }

    async fn another_prefix_is_obeyed_and_shown(world: World) {
        let settings = Settings { prefix: "?".into(), ..Settings::default() };
        let mut stage = Stage::set(&mut world, Platform::Twitch, settings).await;
        assert!(stage.says("ann", "!ping").await.is_empty());
        assert_eq!(stage.says("ann", "?ping").await, ["pong"]);
        assert_eq!(stage.says("ann", "?addcom").await, ["?addcom is for moderators and above"]);
    }

    async fn a_fault_of_ours_is_said_in_one_line_without_its_cause(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Discord, Settings::default()).await;
        stage.world.sql("ALTER TABLE command_setting RENAME TO gone").await;
        assert_eq!(stage.says("ann", "!ping").await, ["that did not work: please try again later"]);
        stage.world.sql("ALTER TABLE gone RENAME TO command_setting").await;
        assert_eq!(stage.says("ann", "!ping").await, ["pong"]);
    }

    async fn a_reply_that_cannot_be_sent_within_a_minute_is_not_sent(world: World) {
        let mut stage = Stage::set(&mut world, Platform::Discord, Settings::default()).await;
        let event = stage.happens("ann", message("!ping")).await;
        stage.face.heard(stage.pond, &event);
        stage.face.settled().await;
        stage.world.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(stage.answers().await, []);
        assert!(stage.world.clock.now() > event.sent_at);
        // It expired, and an expired delivery is seen as such.
        stage.world.expect_leftovers();
    }
}
