//! What every adapter promises, whatever the platform. Each promise is written once and held by
//! Discord, Twitch and Slack over the wire; after each, every exchange it caused is held against the
//! platform's published contract.
//!
//! A new platform becomes a [`subject::Subject`] and a line in `promises!`.

mod discord;
mod slack;
mod subject;
mod twitch;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    Act, Button, ButtonStyle, CarryError, Colour, Deaf, Draft, Ear, EventKind, Field, Haste, Heard,
    Mentions, Order, Source, Turn,
};
use platforms::webhook::{BODY_MAX, Delivered};
use reqwest::header::HeaderMap;
use simulator::wire::Fault;

use subject::{LONG, SPOILT, Subject, Where, until};

/// Runs every promise for every platform.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        promises!(@of discord, Discord, $($promise),*);
        promises!(@of twitch, Twitch, $($promise),*);
        promises!(@of slack, Slack, $($promise),*);
    };
    (@of $name:ident, $subject:ident, $($promise:ident),*) => {
        /// One platform and all promises.
        mod $name {
            use std::sync::OnceLock;

            use contracts::Contract;

            use super::super::{$name::$subject as Tested, subject::Subject};

            /// Read once; `None`, said loudly, where the contracts are not.
            fn contract() -> Option<&'static Contract> {
                static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();
                CONTRACT.get_or_init(Tested::contract).as_ref()
            }

            $(
                #[tokio::test]
                async fn $promise() {
                    let tested = Tested::start().await;
                    super::super::$promise(&tested).await;
                    tested.is_in_order(contract());
                }
            )*
        }
    };
}

mod of {
    promises!(
        what_is_said_is_heard_once_with_who_where_when_and_a_stable_id,
        our_own_words_are_heard_as_ours_and_a_bots,
        an_order_is_carried_and_its_receipt_names_the_message,
        an_edit_and_a_deletion_are_carried_or_refused_in_clear_words,
        a_private_message_reaches_the_person_and_nobody_else,
        a_text_over_the_limit_is_cut_between_graphemes_and_the_receipt_says_so,
        no_text_can_wake_anybody_unless_told,
        a_draft_with_everything_is_shown_within_the_limits,
        a_monstrous_draft_is_cut_and_taken,
        a_429_is_obeyed_for_exactly_as_long_as_said,
        a_bad_answer_is_unavailable_or_unknown_and_never_a_crash,
        an_answer_that_never_comes_is_given_up,
        a_lost_answer_is_unknown_and_nonces_are_honest,
        a_revoked_token_is_refused_and_no_secret_is_logged,
        after_a_cut_it_listens_within_five_seconds_and_hears_everything_once,
        a_nudge_is_harmless,
        a_check_and_the_channels_are_in_peoples_words,
        a_forged_a_replayed_and_an_oversized_request_are_refused,
    );
}

async fn what_is_said_is_heard_once_with_who_where_when_and_a_stable_id<S: Subject>(s: &S) {
    let before = s.now();
    let id = s.say("hello pond");
    until("the first is heard", || !s.messages().is_empty()).await;
    let other = s.say("hello pond");
    until("the second is heard", || s.messages().len() >= 2).await;
    let last = s.say("that is all");
    until("the third is heard", || s.messages().len() >= 3).await;
    let ids: Vec<String> = s.messages().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [id, other, last], "each once, under its id");
    let first = s.heard().remove(0);
    assert_eq!((first.platform, first.source), (S::PLATFORM, Source::Live));
    assert_eq!(s.messages()[0].1, "hello pond");
    assert_eq!(first.account.platform_user_id, s.person());
    assert_eq!(first.account.username, S::PERSON);
    assert!(!first.account.is_bot);
    let kernel::Address::Channel { server, channel } = s.address(Where::Channel) else {
        panic!("no channel");
    };
    assert_eq!(
        (first.origin.server, first.origin.channel),
        (server, channel)
    );
    assert_eq!(first.origin.channel_name, S::CHANNEL);
    let (since, until) = (first.sent_at.since(before), before.since(first.sent_at));
    assert!(
        since < LONG && until < Duration::from_secs(1),
        "{since:?} {until:?}"
    );
}

async fn our_own_words_are_heard_as_ours_and_a_bots<S: Subject>(s: &S) {
    let theirs = s.say("!ping");
    let ours = s.carry(&s.text("!pong", "n1")).await.unwrap().message_id;
    until("both are heard", || s.messages().len() == 2).await;
    for event in s.heard() {
        let is_ours = Some(&event.event_id) == ours.as_ref();
        assert!(is_ours || event.event_id == theirs);
        assert!(matches!(&event.kind, EventKind::Message(said) if said.is_ours == is_ours));
        // Where a person lends us their account, it stays a person's.
        assert_eq!(event.account.is_bot, is_ours && !S::IS_LENT);
    }
}

async fn an_order_is_carried_and_its_receipt_names_the_message<S: Subject>(s: &S) {
    let receipt = s.carry(&s.text("hello", "n1")).await.unwrap();
    assert!(receipt.is_confirmed && !receipt.was_cut);
    let [sent] = s.sent().try_into().expect("one message");
    assert_eq!(Some(sent.id.clone()), receipt.message_id);
    assert!(sent.shows("hello") && !sent.is_deleted);
    let nothing = s.carry(&s.text(" \n", "n2")).await;
    assert!(
        matches!(nothing, Err(CarryError::Refused(_))),
        "{nothing:?}"
    );
    assert_eq!(s.sent().len(), 1, "nothing is not said");
}

async fn an_edit_and_a_deletion_are_carried_or_refused_in_clear_words<S: Subject>(s: &S) {
    let receipt = s.carry(&s.text("one", "n1")).await.unwrap();
    let message_id = receipt.message_id.unwrap();
    let edit = Order {
        act: Act::Edit {
            message_id: message_id.clone(),
        },
        ..s.text("two", "n2")
    };
    match s.carry(&edit).await {
        Ok(receipt) => {
            assert!(S::EDITS && receipt.is_confirmed);
            assert!(s.sent()[0].shows("two") && !s.sent()[0].shows("one"));
        }
        Err(CarryError::Refused(why)) => {
            assert!(!S::EDITS, "{why}");
            is_in_words(&why);
            assert!(s.sent()[0].shows("one"));
        }
        Err(other) => panic!("{other:?}"),
    }
    let delete = Order {
        act: Act::Delete { message_id },
        ..s.order(Where::Channel, Draft::default(), "n3")
    };
    for _ in 0..2 {
        // The second time it is gone already, which is what was wanted.
        assert!(s.carry(&delete).await.unwrap().is_confirmed);
        assert!(s.sent()[0].is_deleted);
    }
    assert_eq!(s.sent().len(), 1);
}

async fn a_private_message_reaches_the_person_and_nobody_else<S: Subject>(s: &S) {
    let psst = s.order(Where::Direct, Draft::text("psst"), "n1");
    let receipt = s.carry(&psst).await.unwrap();
    assert_eq!(receipt.is_confirmed, S::CONFIRMS_DIRECT);
    let [told] = s.told().try_into().expect("one message");
    assert!(told.shows("psst") && !told.wakes);
    assert!(s.sent().is_empty(), "not in the channel");
}

async fn a_text_over_the_limit_is_cut_between_graphemes_and_the_receipt_says_so<S: Subject>(s: &S) {
    let family = "👨‍👩‍👧‍👦";
    let receipt = s.carry(&s.text(&family.repeat(3_000), "n1")).await.unwrap();
    assert!(receipt.was_cut);
    let [sent] = s.sent().try_into().expect("one message");
    let parts: Vec<&String> = sent.parts.iter().filter(|part| !part.is_empty()).collect();
    assert!(!parts.is_empty());
    for part in parts {
        assert!(part.chars().count() <= S::TEXT_MAX);
        let whole = part.strip_suffix('…').expect("it says that more was there");
        let n = whole.len() / family.len();
        assert!(n > 0 && whole == family.repeat(n), "a family is torn apart");
    }
}

async fn no_text_can_wake_anybody_unless_told<S: Subject>(s: &S) {
    let names = format!(
        "@everyone @here @channel <!channel> <!here> <!subteam^S1> <@&7> {} @ann",
        s.mention()
    );
    let texts = [names.as_str(), "/ban ann", " \u{200b}./timeout ann"];
    for (n, text) in texts.into_iter().enumerate() {
        s.carry(&s.text(text, &format!("n{n}"))).await.unwrap();
    }
    let draft = Draft {
        title: Some(names.clone()),
        body: names.clone(),
        fields: vec![field(&names, &names)],
        ..Draft::default()
    };
    s.carry(&s.order(Where::Direct, draft, "n8")).await.unwrap();
    let all = [s.sent(), s.told()].concat();
    assert_eq!(all.len(), 4);
    for sent in all {
        assert!(!sent.wakes, "{:?}", sent.parts);
    }
    // And whoever is meant is woken.
    let told = Order {
        mentions: Mentions::Users(vec![s.person()]),
        ..s.text(&format!("{} won", s.mention()), "n9")
    };
    s.carry(&told).await.unwrap();
    let last = s.sent().pop().unwrap();
    assert!(last.wakes && last.shows("won"), "{:?}", last.parts);
}

async fn a_draft_with_everything_is_shown_within_the_limits<S: Subject>(s: &S) {
    let draft = Draft {
        title: Some("Race night".into()),
        body: "Tonight at the pond.".into(),
        fields: vec![field("Start", "20:00"), field("Prize", "a duck")],
        buttons: vec![
            Button::Press {
                id: "calendar:rsvp:7".into(),
                label: "I come".into(),
                style: ButtonStyle::Primary,
            },
            Button::Link {
                url: "https://bot.example.org/e/7".into(),
                label: "Page".into(),
            },
        ],
        image: Some("https://bot.example.org/pond.png".into()),
        colour: Some(Colour(0x00ff_cc00)),
    };
    let receipt = s
        .carry(&s.order(Where::Channel, draft, "n1"))
        .await
        .unwrap();
    assert!(receipt.is_confirmed && !receipt.was_cut);
    let [sent] = s.sent().try_into().expect("one message");
    for shown in [
        "Race night",
        "Tonight at the pond.",
        "Start",
        "20:00",
        "Prize",
        "a duck",
        "Page",
        "https://bot.example.org/e/7",
        "https://bot.example.org/pond.png",
    ] {
        assert!(sent.shows(shown), "{shown}: {:?}", sent.parts);
    }
    assert_eq!(sent.shows("I come"), S::PRESSES);
}

async fn a_monstrous_draft_is_cut_and_taken<S: Subject>(s: &S) {
    let press = |n: usize| Button::Press {
        id: format!("calendar:rsvp:{n}"),
        label: "l".repeat(200),
        style: ButtonStyle::Danger,
    };
    let link = Button::Link {
        url: format!("https://bot.example.org/{}", "x".repeat(4_000)),
        label: String::new(),
    };
    let draft = Draft {
        title: Some("🦆*<&".repeat(500)),
        body: "*_~`> @everyone <!channel> & \u{0}\u{1b}\r\n".repeat(2_000),
        fields: (0..80)
            .map(|n| field(&format!("{n}").repeat(300), &"v&".repeat(2_000)))
            .collect(),
        buttons: (0..60).map(press).chain([link]).collect(),
        image: Some("https://bot.example.org/".to_owned() + &"y".repeat(5_000)),
        colour: Some(Colour(u32::MAX)),
    };
    let receipt = s
        .carry(&s.order(Where::Channel, draft, "n1"))
        .await
        .unwrap();
    assert!(receipt.was_cut && receipt.is_confirmed);
    assert!(!s.sent()[0].wakes);
    // Nothing but borders: every field empty, and no word in it.
    let draft = Draft {
        title: Some("\u{0}".into()),
        body: "x".into(),
        fields: vec![field("", ""), field(" ", "\n")],
        buttons: vec![Button::Link {
            url: "javascript:alert(1)".into(),
            label: "x".into(),
        }],
        image: Some("not an address".into()),
        colour: Some(Colour(0)),
    };
    s.carry(&s.order(Where::Channel, draft, "n2"))
        .await
        .unwrap();
    assert_eq!(s.sent().len(), 2);
}

async fn a_429_is_obeyed_for_exactly_as_long_as_said<S: Subject>(s: &S) {
    let said = Duration::from_secs(2);
    let limited = Fault::RateLimited {
        after_ms: 2_000,
        global: false,
    };
    s.faults().next(S::POSTING, 1, limited);
    let order = s.text("hello", "n1");
    let error = s.carry(&order).await.unwrap_err();
    let began = s.now();
    let CarryError::RateLimited { after } = error else {
        panic!("{error:?}");
    };
    assert!(after.abs_diff(said) <= S::EXACT_TO, "{after:?}");
    let Ok(Turn::In(left)) = s.courier().turn(&order, Haste::Next) else {
        panic!("the next one may go");
    };
    assert!(left <= after, "no longer than said: {left:?}");
    let passed = s.now().since(began);
    assert!(
        left + passed + Duration::from_millis(50) >= after,
        "{left:?}"
    );
    let n_posted = || {
        let all = s.exchanges().into_iter();
        all.filter(|made| made.path.contains(S::POSTING)).count()
    };
    assert_eq!(n_posted(), 1);
    s.carry(&order).await.unwrap();
    let took = s.now().since(began);
    assert!(
        took + Duration::from_millis(50) >= after,
        "too early: {took:?}"
    );
    assert_eq!(n_posted(), 2, "nothing was asked meanwhile");
    assert_eq!(s.sent().len(), 1);
}

async fn a_bad_answer_is_unavailable_or_unknown_and_never_a_crash<S: Subject>(s: &S) {
    let page = format!("<html><h1>{SPOILT}</h1></html>");
    let status = |status: u16, kind: &str, body: &str| Fault::Status {
        status,
        body: body.into(),
        content_type: kind.into(),
    };
    let unfinished = format!("{{\"id\": \"{SPOILT}");
    let odd = format!("[\"{SPOILT}\"]");
    let bad = [
        status(500, "text/plain", SPOILT),
        status(502, "text/html", &page),
        status(503, "text/html", &page),
        Fault::Reset,
        status(200, "text/html", &page),
        status(200, "application/json", &unfinished),
        status(200, "application/json", &odd),
    ];
    for (n, fault) in bad.into_iter().enumerate() {
        s.faults().next(S::POSTING, 1, fault.clone());
        let order = s.text(&format!("secret words {n}"), &format!("n{n}"));
        let error = s.carry(&order).await.unwrap_err();
        assert!(
            matches!(error, CarryError::Unavailable(_) | CarryError::Unknown(_)),
            "{fault:?}: {error:?}"
        );
        let told = format!("{error} {error:?}");
        is_in_words(&error.to_string());
        assert!(
            !told.contains(SPOILT) && !told.contains("secret words"),
            "{told}"
        );
        if n == 3 {
            // A good one in between, so that the breaker stays closed.
            s.carry(&s.text("well", "m1")).await.unwrap();
        }
    }
    s.carry(&s.text("well again", "m2")).await.unwrap();
    assert_eq!(s.sent().len(), 2, "none of the bad ones was done");
}

async fn an_answer_that_never_comes_is_given_up<S: Subject>(s: &S) {
    s.faults()
        .next(S::POSTING, 1, Fault::Slow { by_ms: 600_000 });
    let error = s.carry(&s.text("hello", "n1")).await.unwrap_err();
    assert!(matches!(error, CarryError::Unknown(_)), "{error:?}");
    is_in_words(&error.to_string());
    s.carry(&s.text("well again", "n2")).await.unwrap();
}

async fn a_lost_answer_is_unknown_and_nonces_are_honest<S: Subject>(s: &S) {
    s.faults().next(S::POSTING, 1, Fault::LostResponse);
    let order = s.text("once", "n1");
    let error = s.carry(&order).await.unwrap_err();
    assert!(matches!(error, CarryError::Unknown(_)), "{error:?}");
    assert_eq!(s.sent().len(), 1, "it was done");
    assert_eq!(s.courier().knows_nonces(&order), S::KNOWS_NONCES);
    if s.courier().knows_nonces(&order) {
        let receipt = s.carry(&order).await.unwrap();
        assert_eq!(receipt.message_id, Some(s.sent()[0].id.clone()));
        assert_eq!(s.sent().len(), 1, "said once");
    }
}

async fn a_revoked_token_is_refused_and_no_secret_is_logged<S: Subject>(s: &S) {
    let words = "said in confidence: gosling";
    s.say(words);
    until("it is heard", || !s.messages().is_empty()).await;
    s.carry(&s.text(words, "n1")).await.unwrap();
    let bad = Fault::Status {
        status: 500,
        body: format!("{SPOILT} {words}"),
        content_type: "text/plain".into(),
    };
    s.faults().next(S::POSTING, 1, bad);
    s.carry(&s.text(words, "n2")).await.unwrap_err();
    s.cut(|| ()).await;
    let secrets = s.secrets();
    s.revoke();
    let error = s.carry(&s.text(words, "n3")).await.unwrap_err();
    // A token that is a setting is mended by whoever runs the program: what is to be said waits.
    let is_setting = s.grant().access.expose().is_empty();
    match &error {
        CarryError::Refused(why) => is_in_words(why),
        CarryError::Closed { why, .. } => assert!(is_setting && why.contains("token"), "{why}"),
        other => panic!("{other:?}"),
    }
    let check = s.connector().check(&s.grant()).await.unwrap_err();
    let report = s.report();
    assert!(report.is_some() || is_setting);
    let told = format!("{error} {error:?} {check} {check:?} {report:?}");
    let log = crate::log::text();
    assert!(log.contains(S::LOGS), "something was logged");
    for line in log.lines().chain([told.as_str()]) {
        assert!(!line.contains("gosling"), "a text: {line}");
        let leaked = secrets.iter().any(|secret| line.contains(secret));
        assert!(
            secrets.iter().all(|secret| secret.len() > 5) && !leaked,
            "a secret: {line}"
        );
    }
}

async fn after_a_cut_it_listens_within_five_seconds_and_hears_everything_once<S: Subject>(s: &S) {
    let mut said = vec![s.say("before")];
    until("it is heard", || s.messages().len() == 1).await;
    for n in 0..3 {
        let began = tokio::time::Instant::now();
        let mut meanwhile = Vec::new();
        s.cut(|| meanwhile.extend((0..5).map(|m| s.say(&format!("meanwhile {n} {m}")))))
            .await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        said.append(&mut meanwhile);
        said.push(s.say(&format!("after {n}")));
        until("all are heard", || s.messages().len() >= said.len()).await;
    }
    let ids: Vec<String> = s.messages().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), said.len(), "each once");
    let distinct: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(distinct, said.into_iter().collect());
}

async fn a_nudge_is_harmless<S: Subject>(s: &S) {
    assert_eq!(s.listener().platform(), S::PLATFORM);
    for n in 0..3 {
        s.listener().nudge();
        s.say(&format!("{n}"));
        until("it is heard", || s.messages().len() > n).await;
    }
    assert_eq!(s.messages().len(), 3, "each once");
    assert_eq!(s.report(), None);
    assert!(s.exchanges().iter().all(|made| made.status < 400));
}

async fn a_check_and_the_channels_are_in_peoples_words<S: Subject>(s: &S) {
    let grant = s.grant();
    let words = s.connector().check(&grant).await.unwrap();
    is_in_words(&words);
    assert!(words.contains(S::SERVER), "{words}");
    let kernel::Address::Channel { channel, .. } = s.address(Where::Channel) else {
        panic!("no channel");
    };
    let channels = s.connector().channels(&grant).await.unwrap();
    let found = channels.iter().find(|choice| choice.id == channel);
    assert_eq!(found.unwrap().name, S::CHANNEL);
    assert!(channels.iter().all(|choice| !choice.name.is_empty()));
    s.connector().enter(&grant, &channel).await.unwrap();
    let page = Fault::Status {
        status: 502,
        body: format!("<html>{SPOILT}</html>"),
        content_type: "text/html".into(),
    };
    s.faults().next("", 1, page);
    let failed = s.connector().check(&grant).await.unwrap_err().to_string();
    is_in_words(&failed);
    assert!(!failed.contains(SPOILT), "{failed}");
    s.revoke();
    let refused = s.connector().check(&grant).await.unwrap_err().to_string();
    is_in_words(&refused);
}

/// Counts what it hears.
#[derive(Default)]
struct Notes(Mutex<Vec<Heard>>);

#[async_trait]
impl Ear for Notes {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        self.0.lock().unwrap().push(heard);
        Ok(())
    }
}

async fn a_forged_a_replayed_and_an_oversized_request_are_refused<S: Subject>(s: &S) {
    let notes = Arc::new(Notes::default());
    let ear: Arc<dyn Ear> = notes.clone();
    let deliver = async |headers: &HeaderMap, body: &[u8]| {
        let delivered = Delivered { headers, body };
        s.webhook().deliver(delivered, &ear).await.status
    };
    assert_eq!(s.webhook().platform(), S::PLATFORM);
    let (now, body) = (s.now(), s.request());
    let good = s.signed(now, &body);
    let mut other = body.clone();
    other.push(b' ');
    assert!(
        matches!(deliver(&good, &other).await, 401 | 403),
        "another body"
    );
    for signature in ["", "v0=", "sha256=00", "zz", &"0".repeat(128)] {
        let mut forged = good.clone();
        forged.insert(S::SIGNATURE, signature.parse().unwrap());
        let status = deliver(&forged, &body).await;
        assert!(matches!(status, 400 | 401 | 403), "{signature}: {status}");
    }
    assert!(matches!(
        deliver(&HeaderMap::new(), &body).await,
        400 | 401 | 403
    ));
    let hour = Duration::from_secs(3_600);
    for at in [now.minus(hour), now.plus(hour)] {
        let status = deliver(&s.signed(at, &body), &body).await;
        assert!(matches!(status, 401 | 403), "an hour off: {status}");
    }
    let large = vec![b' '; BODY_MAX + 1];
    assert_eq!(deliver(&s.signed(now, &large), &large).await, 413);
    assert!(notes.0.lock().unwrap().is_empty(), "nothing was heard");
    for _ in 0..3 {
        let status = deliver(&good, &body).await;
        assert!((200..300).contains(&status), "{status}");
    }
    assert_eq!(notes.0.lock().unwrap().len(), 1, "heard once");
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.into(),
        value: value.into(),
        is_inline: true,
    }
}

/// A person can read it: words, no code.
fn is_in_words(text: &str) {
    assert!(text.split(' ').count() >= 3, "{text}");
    assert!(!text.contains(['{', '}', '<', '\n', '\0']), "{text}");
    assert!(text.chars().count() < 300, "{text}");
}
