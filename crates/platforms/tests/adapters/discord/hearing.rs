//! What comes in.

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{
    ChatEvent, Clock, EventKind, Heard, Role, ScheduleChange, SystemClock, event::ModerationAction,
};
use simulator::discord::Options;

use super::rig::{ANN, BOB, CHANNEL, GUILD, LONG, OWNER, Rig, options, order};

fn events(all: &[Heard]) -> Vec<&ChatEvent> {
    all.iter()
        .filter_map(|heard| match heard {
            Heard::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

fn texts(all: &[Heard]) -> Vec<String> {
    events(all)
        .into_iter()
        .filter_map(|event| match &event.kind {
            EventKind::Message(said) => Some(said.text.clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_people_do_is_heard() {
    let rig = Rig::listening(options()).await;
    let message = rig.server.say(GUILD, CHANNEL, OWNER, "hello <@5>");
    rig.server.join(GUILD, ANN);
    rig.server.react(GUILD, CHANNEL, message, ANN, "🦆");
    rig.server
        .timeout(GUILD, BOB, OWNER, Duration::from_secs(600), "spam");
    rig.server.kick(GUILD, BOB, OWNER, "again");
    rig.server.ban(GUILD, BOB, OWNER, "and again");
    rig.server.whisper(ANN, "between us");
    rig.server.say(GUILD, CHANNEL, ANN, "last");
    let all = rig
        .notes
        .wait_for(|all| {
            texts(all)
                .contains(&"last".to_owned())
                .then(|| all.to_vec())
        })
        .await;
    let all = events(&all);
    assert_eq!(
        all.len(),
        7,
        "what is said directly is not part of the community: {all:?}"
    );
    assert_eq!(
        (all[0].event_id.as_str(), all[0].account.username.as_str()),
        (message.to_string().as_str(), "olga")
    );
    assert_eq!(all[0].account.standing, Some(Role::Moderator));
    assert_eq!(all[0].origin.channel_name, "general");
    assert_eq!(all[1].kind, EventKind::Join);
    assert_eq!(
        all[2].kind,
        EventKind::Reaction {
            emoji: "🦆".into(),
            message_id: message.to_string()
        }
    );
    let measures: Vec<_> = all[3..6]
        .iter()
        .map(|event| match &event.kind {
            EventKind::Moderation(measure) => {
                assert_eq!(event.account.username, "bob");
                assert_eq!(measure.moderator, Some(OWNER.to_string()));
                (
                    measure.action,
                    measure.reason.clone(),
                    measure.duration_secs,
                )
            }
            other => panic!("not a measure: {other:?}"),
        })
        .collect();
    assert_eq!(measures[0].0, ModerationAction::Timeout);
    assert!(matches!(measures[0].2, Some(599..=601)), "{measures:?}");
    assert_eq!(measures[1], (ModerationAction::Kick, "again".into(), None));
    assert_eq!(
        measures[2],
        (ModerationAction::Ban, "and again".into(), None)
    );
}

#[tokio::test]
async fn fifty_cuts_under_load_lose_nothing_and_say_nothing_twice() {
    let rig = Rig::listening(options()).await;
    let mut n_said = 0;
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        for _ in 0..10 {
            rig.server.say(GUILD, CHANNEL, ANN, &format!("m{n_said}"));
            n_said += 1;
        }
        let before = rig.server.gateway_counts();
        let cut_at = SystemClock.now();
        rig.server.cut_gateways();
        for _ in 0..10 {
            rig.server.say(GUILD, CHANNEL, ANN, &format!("m{n_said}"));
            n_said += 1;
        }
        let again = rig
            .server
            .wait_for(
                |server| (server.gateway_counts().2 > before.2).then_some(()),
                LONG,
            )
            .await;
        again.expect("it did not come again");
        slowest = slowest.max(SystemClock.now().since(cut_at));
    }
    let heard = rig
        .notes
        .wait_for(|all| (texts(all).len() >= n_said).then(|| texts(all)))
        .await;
    let expected: Vec<String> = (0..n_said).map(|n| format!("m{n}")).collect();
    assert_eq!(heard, expected, "each once and in order");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert_eq!(
        rig.server.gateway_counts().1,
        1,
        "the same session all the time"
    );
}

#[tokio::test]
async fn what_a_lost_session_missed_is_read_again() {
    let rig = Rig::listening(options()).await;
    rig.server.say(GUILD, CHANNEL, ANN, "before");
    rig.notes
        .wait_for(|all| (texts(all).len() == 1).then_some(()))
        .await;
    let before = rig.server.gateway_counts();
    rig.server.invalidate_sessions(false);
    let left = rig
        .server
        .wait_for(
            |server| (server.gateway_counts().0 > before.0).then_some(()),
            LONG,
        )
        .await;
    left.expect("it did not come again");
    for n in 0..150 {
        rig.server.say(GUILD, CHANNEL, ANN, &format!("missed{n}"));
    }
    let ids = rig
        .notes
        .wait_for(|all| {
            let ids: BTreeSet<_> = events(all)
                .into_iter()
                .map(|event| event.event_id.clone())
                .collect();
            (ids.len() == 151).then_some(ids)
        })
        .await;
    assert_eq!(ids.len(), rig.server.messages(CHANNEL).len());
}

#[tokio::test]
async fn it_comes_again_when_asked_and_when_nobody_answers_its_heartbeats() {
    let rig = Rig::listening(Options {
        heartbeat: Duration::from_millis(300),
        ..options()
    })
    .await;
    let again = |before: u64| {
        rig.server.wait_for(
            move |server| (server.gateway_counts().2 > before).then_some(()),
            LONG,
        )
    };
    rig.server.reconnect_gateways();
    again(0).await.expect("op 7");
    rig.server.close_gateways(4_000);
    again(1).await.expect("4000");
    rig.server.invalidate_sessions(true);
    again(2).await.expect("op 9, resumable");
    rig.server.mute_heartbeats(true);
    again(3).await.expect("a zombie");
    rig.server.mute_heartbeats(false);
    rig.server.say(GUILD, CHANNEL, ANN, "still here");
    rig.notes
        .wait_for(|all| texts(all).contains(&"still here".to_owned()).then_some(()))
        .await;
}

#[tokio::test]
async fn what_nobody_understands_is_passed_over() {
    let rig = Rig::listening(options()).await;
    for text in [
        "<html>not json</html>",
        r#"{"op":0,"s":2,"t":"DUCK_CREATE","d":{"id":"1"}}"#,
        r#"{"op":0,"s":2,"t":"MESSAGE_CREATE","d":{"id":7}}"#,
        r#"{"op":99,"d":null}"#,
        r#"{"d":null}"#,
    ] {
        rig.server.say_over_gateways(text);
    }
    rig.server.say(GUILD, CHANNEL, ANN, "understood");
    let all = rig
        .notes
        .wait_for(|all| (!texts(all).is_empty()).then(|| all.to_vec()))
        .await;
    assert_eq!(texts(&all), ["understood"]);
}

#[tokio::test]
async fn a_wrong_token_and_missing_intents_are_hopeless() {
    let mut rig = Rig::listening(Options {
        refused_intents: 0,
        ..options()
    })
    .await;
    rig.server.set_token("another");
    rig.server.cut_gateways();
    assert!(rig.ended().await.unwrap_err().0.contains("token"));
    let server = simulator::discord::DiscordServer::start(Options {
        refused_intents: 1 << 15,
        ..options()
    })
    .await
    .unwrap();
    let discord = platforms::discord::Discord::new(
        super::rig::settings(&server),
        platforms::http::Http::new().unwrap(),
        Arc::new(SystemClock),
        Arc::new(Ones),
    )
    .unwrap();
    let listening = platforms::Listener::listen(
        &discord,
        Arc::new(super::rig::Notes::default()),
        tokio_util::sync::CancellationToken::new(),
    );
    let hopeless = tokio::time::timeout(LONG, listening)
        .await
        .unwrap()
        .unwrap_err();
    assert!(hopeless.0.contains("Message Content"), "{hopeless}");
}

struct Ones;

impl kernel::Entropy for Ones {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(1);
    }
}

#[tokio::test]
async fn stopping_ends_it_and_says_goodbye() {
    let mut rig = Rig::listening(options()).await;
    rig.stop();
    assert_eq!(rig.ended().await, Ok(()));
}

#[tokio::test]
async fn several_shards_hear_their_guilds() {
    let mut two = options();
    two.shards = 2;
    let mut other = two.guilds[0].clone();
    other.id += 1 << 22;
    other.channels = vec![simulator::discord::ChannelSpec {
        id: 77_000_000_000_000_000,
        name: "there".into(),
    }];
    let there = other.id;
    two.guilds.push(other);
    let rig = Rig::listening(two).await;
    // The second identifies five seconds after the first, as Discord demands.
    let both = rig
        .server
        .wait_for(
            |server| (server.gateway_counts().1 == 2).then_some(()),
            LONG,
        )
        .await;
    both.expect("the second shard did not identify");
    rig.server.say(GUILD, CHANNEL, ANN, "here");
    rig.server.say(there, 77_000_000_000_000_000, ANN, "there");
    let mut heard = rig
        .notes
        .wait_for(|all| (texts(all).len() == 2).then(|| texts(all)))
        .await;
    heard.sort();
    assert_eq!(heard, ["here", "there"]);
}

#[tokio::test]
async fn interest_in_an_event_is_noticed() {
    let rig = Rig::listening(options()).await;
    let event = rig
        .discord
        .create_event(&GUILD.to_string(), &super::calls::race(), "")
        .await
        .unwrap();
    rig.server.rsvp(GUILD, event.id.parse().unwrap(), ANN);
    rig.server.unrsvp(GUILD, event.id.parse().unwrap(), ANN);
    let changes = rig
        .notes
        .wait_for(|all| {
            let changes: Vec<_> = all
                .iter()
                .filter_map(|heard| match heard {
                    Heard::Schedule(notice) if notice.event_id == event.id => {
                        Some(notice.change.clone())
                    }
                    _ => None,
                })
                .collect();
            (changes.len() == 3).then_some(changes)
        })
        .await;
    let user = ANN.to_string();
    assert_eq!(changes[0], ScheduleChange::Changed);
    assert_eq!(
        changes[1],
        ScheduleChange::Interested { user: user.clone() }
    );
    assert_eq!(changes[2], ScheduleChange::NotInterested { user });
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_and_no_text_reaches_a_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let rig = Rig::listening(options()).await;
    rig.server.say(GUILD, CHANNEL, ANN, "said-in-confidence");
    rig.server.say_over_gateways(
        r#"{"op":0,"s":3,"t":"MESSAGE_CREATE","d":{"id":7,"content":"said-in-confidence"}}"#,
    );
    rig.server.say_over_gateways("said-in-confidence");
    rig.server.cut_gateways();
    rig.server.faults().next(
        "/callback",
        1,
        simulator::wire::Fault::Status {
            status: 500,
            body: "said-in-confidence".into(),
            content_type: "text/plain".into(),
        },
    );
    rig.server.slash(GUILD, CHANNEL, ANN, "ping", &[]);
    let token = rig
        .notes
        .wait_for(|all| {
            all.iter().find_map(|heard| match heard {
                Heard::Interaction(asked) => Some(asked.token.expose().clone()),
                _ => None,
            })
        })
        .await;
    rig.carry(&order(CHANNEL, "said-in-confidence", "n1"))
        .await
        .unwrap();
    rig.server.set_token("another");
    let refused = rig
        .carry(&order(CHANNEL, "said-in-confidence", "n2"))
        .await
        .unwrap_err();
    drop(guard);
    let bot_token = Options::default().token;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
        + &format!("{refused:?}{refused}");
    assert!(text.contains("gateway"), "the log was captured");
    for line in text.lines() {
        assert!(!line.contains(&bot_token), "the bot's token: {line}");
        assert!(!line.contains(&token), "an interaction's token: {line}");
        assert!(!line.contains("said-in-confidence"), "a text: {line}");
    }
}
