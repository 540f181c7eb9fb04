//! What goes out.

use kernel::{
    Act, Address, Button, ButtonStyle, CarryError, CommandOption, CommandSpec, Courier, Draft,
    Heard, InteractionKind, Mentions, Order, Role,
};
use serde_json::json;
use simulator::wire::Fault;

use super::rig::{ANN, BOB, CHANNEL, GUILD, OTHER, Rig, options, order};

#[tokio::test]
async fn an_order_appears_is_changed_and_taken_back() {
    let rig = Rig::start(options()).await;
    let receipt = rig
        .carry(&order(CHANNEL, "hello *all*", "n1"))
        .await
        .unwrap();
    let id = receipt.message_id.clone().unwrap();
    assert!(receipt.is_confirmed && !receipt.was_cut);
    let sent = rig.server.sent(CHANNEL);
    assert_eq!(
        (sent[0].content.as_str(), sent[0].id.to_string()),
        (r"hello \*all\*", id.clone())
    );
    assert_eq!(sent[0].allowed_mentions, json!({ "parse": [] }));
    let edit = Order {
        act: Act::Edit {
            message_id: id.clone(),
        },
        ..order(CHANNEL, "hello again", "n2")
    };
    assert_eq!(rig.carry(&edit).await.unwrap().message_id, Some(id.clone()));
    assert_eq!(rig.server.sent(CHANNEL)[0].content, "hello again");
    let delete = Order {
        act: Act::Delete { message_id: id },
        draft: Draft::default(),
        ..order(CHANNEL, "", "n3")
    };
    for _ in 0..2 {
        // The second time it is gone already, which is what was wanted.
        assert!(rig.carry(&delete).await.unwrap().is_confirmed);
    }
    assert!(rig.server.sent(CHANNEL)[0].is_deleted);
    assert!(
        matches!(rig.carry(&edit).await, Err(CarryError::Refused(why)) if why.contains("10008"))
    );
}

#[tokio::test]
async fn an_answer_names_what_it_answers_and_notifies_whom_the_order_names() {
    let rig = Rig::start(options()).await;
    let asked = rig.server.say(GUILD, CHANNEL, ANN, "who?");
    let mut answer = order(CHANNEL, &format!("<@{ANN}> and <@{BOB}>"), "n1");
    answer.reply_to = Some(asked.to_string());
    answer.mentions = Mentions::Users(vec![ANN.to_string()]);
    rig.carry(&answer).await.unwrap();
    answer.reply_to = Some("12345".into());
    answer.nonce = "n2".into();
    rig.carry(&answer).await.unwrap();
    let sent = rig.server.sent(CHANNEL);
    assert_eq!(sent[0].reply_to, Some(asked));
    assert_eq!(sent[0].content, format!(r"<@{ANN}> and \<@{BOB}\>"));
    assert_eq!(
        sent[0].allowed_mentions,
        json!({ "parse": [], "users": [ANN.to_string()] })
    );
}

#[tokio::test]
async fn a_person_is_written_to_directly_unless_they_do_not_want_it() {
    let rig = Rig::start(options()).await;
    let direct = |user: u64, nonce: &str| Order {
        address: Address::Direct {
            server: GUILD.to_string(),
            user: user.to_string(),
        },
        ..order(CHANNEL, "psst", nonce)
    };
    rig.carry(&direct(ANN, "n1")).await.unwrap();
    rig.carry(&direct(ANN, "n2")).await.unwrap();
    assert_eq!(rig.server.sent_to(ANN).len(), 2);
    let opened = rig
        .server
        .exchanges()
        .all()
        .iter()
        .filter(|e| e.path.ends_with("/users/@me/channels"))
        .count();
    assert_eq!(opened, 1, "the channel is opened once");
    rig.server.takes_messages(BOB, false);
    let refused = loop {
        // Channels are opened one in a second: the line is obeyed.
        match rig.carry(&direct(BOB, "n3")).await.unwrap_err() {
            CarryError::RateLimited { after } => tokio::time::sleep(after).await,
            other => break other,
        }
    };
    assert!(matches!(refused, CarryError::Refused(why) if why.contains("50007")));
}

#[tokio::test]
async fn a_command_is_answered_in_its_place_and_a_second_answer_stands_beside_it() {
    let rig = Rig::listening(options()).await;
    rig.server
        .slash(GUILD, CHANNEL, ANN, "ping", &[("text", "x")]);
    let asked = rig
        .notes
        .wait_for(|all| {
            all.iter().find_map(|heard| match heard {
                Heard::Interaction(asked) => Some(asked.clone()),
                _ => None,
            })
        })
        .await;
    let answer = |text: &str, nonce: &str| Order {
        address: Address::Answer {
            server: GUILD.to_string(),
            channel: CHANNEL.to_string(),
            interaction: asked.id.clone(),
            token: asked.token.expose().clone(),
        },
        ..order(CHANNEL, text, nonce)
    };
    let first = rig.carry(&answer("pong", "n1")).await.unwrap();
    // The answer was lost, say; trying again says it once.
    assert!(rig.discord.knows_nonces(&answer("pong", "n1")));
    assert_eq!(
        rig.carry(&answer("pong", "n1")).await.unwrap().message_id,
        first.message_id
    );
    assert!(!rig.discord.knows_nonces(&answer("more", "n2")));
    let second = rig.carry(&answer("more", "n2")).await.unwrap();
    let edit = Order {
        act: Act::Edit {
            message_id: second.message_id.unwrap(),
        },
        ..answer("even more", "n3")
    };
    rig.carry(&edit).await.unwrap();
    let sent: Vec<_> = rig
        .server
        .sent(CHANNEL)
        .into_iter()
        .map(|sent| sent.content)
        .collect();
    assert_eq!(sent, ["pong", "even more"]);
}

#[tokio::test]
async fn options_come_in_the_order_of_the_command_however_they_were_filled_in() {
    const GIVE: CommandSpec = CommandSpec {
        name: "give",
        aliases: &[],
        description: "Gives.",
        options: &[
            CommandOption {
                name: "whom",
                description: "Whom.",
                is_required: true,
            },
            CommandOption {
                name: "what",
                description: "What.",
                is_required: true,
            },
        ],
        minimum_role: Role::Member,
        cooldown_user_secs: 0,
        cooldown_channel_secs: 0,
        category: "Test",
    };
    let rig = Rig::listening(options()).await;
    rig.discord.sync_commands(&[GIVE]).await.unwrap();
    let filled_in = [("what", "a duck"), ("whom", "bob")];
    rig.server.slash(GUILD, CHANNEL, ANN, "give", &filled_in);
    let arguments = rig
        .notes
        .wait_for(|all| {
            all.iter().find_map(|heard| match heard {
                Heard::Interaction(asked) => match &asked.kind {
                    InteractionKind::Command { arguments, .. } => Some(arguments.clone()),
                    InteractionKind::Press { .. } => None,
                },
                _ => None,
            })
        })
        .await;
    assert_eq!(arguments, "bob a duck");
}

#[tokio::test]
async fn who_presses_is_answered_alone_also_if_nothing_was_promised() {
    let rig = Rig::listening(options()).await;
    let mut with_button = order(CHANNEL, "come?", "n1");
    with_button.draft.buttons = vec![Button::Press {
        id: "calendar:rsvp:7".into(),
        label: "Yes".into(),
        style: ButtonStyle::Primary,
    }];
    let message = rig.carry(&with_button).await.unwrap().message_id.unwrap();
    for (n, promise_fails) in [(2_usize, false), (3, true)] {
        if promise_fails {
            rig.server.faults().next(
                "/callback",
                1,
                Fault::Status {
                    status: 500,
                    body: String::new(),
                    content_type: "text/plain".into(),
                },
            );
        }
        rig.server
            .press_button(message.parse().unwrap(), "calendar:rsvp:7", ANN)
            .unwrap();
        let asked = rig
            .notes
            .wait_for(|all| {
                let asked: Vec<_> = all
                    .iter()
                    .filter_map(|heard| match heard {
                        Heard::Interaction(asked) => Some(asked.clone()),
                        _ => None,
                    })
                    .collect();
                asked.get(n - 2).cloned()
            })
            .await;
        let answer = Order {
            address: Address::Answer {
                server: GUILD.to_string(),
                channel: CHANNEL.to_string(),
                interaction: asked.id.clone(),
                token: asked.token.expose().clone(),
            },
            ..order(CHANNEL, "you come", &format!("n{n}"))
        };
        rig.carry(&answer).await.unwrap();
        let sent = rig.server.sent(CHANNEL);
        assert_eq!((sent.len(), sent[n - 1].content.as_str()), (n, "you come"));
        assert_eq!(sent[n - 1].flags, if promise_fails { 0 } else { 64 });
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_said_once() {
    let rig = Rig::start(options()).await;
    let one = order(CHANNEL, "once", "n1");
    rig.server
        .faults()
        .next("/messages", 1, Fault::LostResponse);
    assert!(matches!(rig.carry(&one).await, Err(CarryError::Unknown(_))));
    assert!(rig.discord.knows_nonces(&one));
    rig.carry(&one).await.unwrap();
    assert_eq!(rig.server.sent(CHANNEL).len(), 1);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_asked_for_again_and_said_once() {
    let rig = Rig::hurried(options()).await;
    let one = order(CHANNEL, "once", "n1");
    let slow = Fault::Slow { by_ms: 5_000 };
    rig.server.faults().next("/messages", 1, slow);
    assert!(matches!(rig.carry(&one).await, Err(CarryError::Unknown(why)) if why.contains("time")));
    rig.carry(&one).await.unwrap();
    assert_eq!(rig.server.sent(CHANNEL).len(), 1);
}

#[tokio::test]
async fn every_bad_day_has_its_name() {
    let rig = Rig::start(options()).await;
    let page = |status| Fault::Status {
        status,
        body: "<html>Bad gateway</html>".into(),
        content_type: "text/html".into(),
    };
    let one = |nonce: &str| order(CHANNEL, "x", nonce);
    rig.server.faults().next("/messages", 1, page(502));
    assert!(matches!(
        rig.carry(&one("n1")).await,
        Err(CarryError::Unknown(_))
    ));
    rig.server.faults().next("/messages", 1, page(503));
    assert!(matches!(
        rig.carry(&one("n2")).await,
        Err(CarryError::Unavailable(_))
    ));
    rig.server.faults().next("/messages", 1, page(200));
    assert!(matches!(
        rig.carry(&one("n3")).await,
        Err(CarryError::Unknown(_))
    ));
    rig.server.faults().next("/messages", 1, page(403));
    assert!(matches!(
        rig.carry(&one("n4")).await,
        Err(CarryError::Refused(_))
    ));
    rig.server.faults().next("/messages", 1, Fault::Reset);
    assert!(matches!(
        rig.carry(&one("n5")).await,
        Err(CarryError::Unknown(_))
    ));
    rig.carry(&one("n6")).await.unwrap();
    for (address, text) in [
        (
            Address::Channel {
                server: "1".into(),
                channel: "general".into(),
            },
            "x",
        ),
        (
            Address::Mailbox {
                to: "ann@example.org".into(),
            },
            "x",
        ),
        (
            Address::Channel {
                server: "1".into(),
                channel: CHANNEL.to_string(),
            },
            " ",
        ),
    ] {
        let refused = rig
            .carry(&Order {
                address,
                ..order(CHANNEL, text, "n7")
            })
            .await;
        assert!(matches!(refused, Err(CarryError::Refused(_))));
    }
}

#[tokio::test]
async fn after_many_failures_nothing_is_asked_for_a_while() {
    let rig = Rig::start(options()).await;
    rig.server.faults().next(
        "/messages",
        5,
        Fault::Status {
            status: 500,
            body: String::new(),
            content_type: "text/plain".into(),
        },
    );
    for n in 0..5 {
        assert!(
            rig.carry(&order(CHANNEL, "x", &format!("n{n}")))
                .await
                .is_err()
        );
    }
    assert!(matches!(
        rig.carry(&order(OTHER, "x", "n6")).await,
        Err(CarryError::Closed { .. })
    ));
    assert_eq!(rig.server.exchanges().all().len(), 5);
}
