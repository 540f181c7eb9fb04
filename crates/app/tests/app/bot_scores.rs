//! Scoring behind the recording of chat: each message once, whoever follows; who is left alone; what moderators see.

use std::{collections::BTreeMap, time::Duration};

use ::activity::Incoming;
use ::bots::{
    AlertKind, BotsError, CaseOrder, CaseQuery, CaseState, Exemption, Level, Listable, NewReview,
    Probability, Reason, Ruling, SCORE_JOB, SHIPPED_MODEL, Score, ScoreQuery, Setting, Tick,
    Verdict,
};
use app::jobs;
use kernel::{
    Clock, CommunityId, EventKind, PageRequest, Platform, Role, Timestamp, UserId,
    event::{Message, Moderation, ModerationAction},
};
use store::job::NewJob;
use testkit::{Setup, Statements, World, message, on_both};

/// Everything there is to go through, in steps.
pub(super) async fn catch_up(world: &World) -> Tick {
    let mut all = Tick::default();
    loop {
        let tick = world.app.bots.tick().await.unwrap();
        all.n_messages += tick.n_messages;
        all.n_scored += tick.n_scored;
        if !tick.is_behind {
            return all;
        }
    }
}

/// A night: norms are made anew, and the jobs that score everybody run.
pub(super) async fn night(world: &World) {
    let mut work = world
        .app
        .db()
        .begin(&world.system(), world.clock.now())
        .await
        .unwrap();
    let job = NewJob::new(SCORE_JOB, serde_json::json!({}));
    work.enqueue(job).await.unwrap();
    work.commit().await.unwrap();
    let runner = jobs::runner(&world.app, "tester");
    let n = runner.run_due(world.clock.now()).await.unwrap();
    let communities = "SELECT COUNT(*) FROM bot_scene";
    assert_eq!(
        i64::try_from(n).unwrap(),
        1 + world.number(communities).await
    );
}

/// So many messages of somebody, one every `secs`, ending now.
pub(super) async fn talks(
    world: &mut World,
    community: CommunityId,
    name: &str,
    n: i64,
    secs: i64,
    text: impl Fn(i64) -> EventKind,
) {
    let now = world.clock.now();
    let mut batch = Vec::new();
    for place in 0..n {
        let mut event = world.event(name, text(place));
        event.sent_at = Timestamp(now.0 - (n - place) * secs * 1_000_000 - place * 7_919);
        batch.push(Incoming { community, event });
    }
    world.record(batch).await;
}

/// What an advertising machine says.
pub(super) fn advert(_: i64) -> EventKind {
    EventKind::Message(Message {
        text: "Follow us at https://example.org/now for 50% off!".to_owned(),
        n_embeds: 1,
        ..Message::default()
    })
}

/// What people say: something else each time, and nobody what another says.
pub(super) fn chatter(person: usize) -> impl Fn(i64) -> EventKind {
    let halves = [
        "has anybody seen the heron today",
        "lol no",
        "I was at the lake, it rained all morning :(",
        "ok",
        "what are we having for dinner? something with beans",
        "haha same",
        "brb",
        "that pond is cold though",
        "did you fix the gate @bob",
        "not yet, tomorrow maybe",
        "I love this song",
        "who wants to play later",
        "my bus is late again",
    ];
    move |place| {
        let n = usize::try_from(place).unwrap() + person * 29;
        let half = |n: usize| halves[n % halves.len()];
        let own = ["heron", "otter", "newt", "toad", "carp"][person % 5];
        let text = match n % 4 {
            0 => format!("{} {own} {}", half(n * 5), half(n / 13 + person)),
            1 => format!("{}, {}, {own}", half(n / 13 + 3), half(n * 7)),
            2 => format!("{own}: {} {}", half(n * 3), half(n * 11)),
            _ => format!(
                "{}... {} {own}{}",
                half(n),
                half(n / 7 + n),
                "!".repeat(n % 3)
            ),
        };
        message(&text)
    }
}

/// Two days in which somebody comes every two hours.
pub(super) async fn two_quiet_days(world: &mut World, community: CommunityId) {
    let begun = world.clock.now();
    for hours in (0..48).step_by(2) {
        world
            .clock
            .set(begun.plus(Duration::from_secs(hours * 3_600)));
        world
            .say(community, &format!("regular-{hours}"), "hello")
            .await;
    }
    catch_up(world).await;
}

/// Something that is no message, now.
pub(super) async fn happens(
    world: &mut World,
    community: CommunityId,
    name: &str,
    kind: EventKind,
) {
    let event = world.event(name, kind);
    world.record(vec![Incoming { community, event }]).await;
}

/// What was told of crowds.
async fn bursts(world: &World) -> Vec<String> {
    let query = "SELECT payload FROM domain_event WHERE kind = 'bots.burst' ORDER BY id";
    let rows = store::sql::rows(world.app.db().read(), query, vec![]).await;
    let payload = |row: &store::sea_orm::QueryResult| row.try_get_by_index(0).unwrap();
    rows.unwrap().iter().map(payload).collect()
}

async fn score(world: &World, community: CommunityId, user: UserId) -> Score {
    let found = world
        .app
        .bots
        .score_of(&world.system(), community, user)
        .await;
    found.unwrap().unwrap()
}

/// What goes on in communities, as it is stored.
async fn scenes(world: &World) -> Vec<(Vec<u8>, i64, String)> {
    let query =
        "SELECT scene, seen, arrivals FROM bot_scene WHERE NOT is_rebuilding ORDER BY community_id";
    let rows = store::sql::rows(world.app.db().read(), query, vec![]).await;
    let read = |row: &store::sea_orm::QueryResult| {
        (
            row.try_get_by_index(0).unwrap(),
            row.try_get_by_index(1).unwrap(),
            row.try_get_by_index(2).unwrap(),
        )
    };
    rows.unwrap().iter().map(read).collect()
}

/// The stored states, bit for bit.
pub(super) async fn bits(world: &World) -> Vec<(i64, Vec<u8>)> {
    let rows = store::sql::rows(
        world.app.db().read(),
        "SELECT account_id, state FROM bot_state ORDER BY community_id, account_id",
        vec![],
    );
    let rows = rows.await.unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
            )
        })
        .collect()
}

/// A connection as it is stored: of a platform, and how it is.
async fn connect(world: &World, community: CommunityId, server: i32, platform: i16, status: i16) {
    let server = format!("{platform}{server}");
    let columns = "community_id, platform, platform_server_id, name, link_type, status, is_primary, created_at";
    world
        .sql(&format!(
            "INSERT INTO community_server ({columns}) VALUES ({community}, {platform}, '{server}', 'x', 0, 1, FALSE, 0)"
        ))
        .await;
    let columns = "community_id, platform, platform_server_id, server_id, account, scopes, status, created_at, updated_at";
    world
        .sql(&format!(
            "INSERT INTO connection ({columns}) SELECT {community}, {platform}, '{server}', id, '', '', {status}, 0, 0 \
             FROM community_server WHERE platform_server_id = '{server}'"
        ))
        .await;
}

async fn told(world: &World) -> i64 {
    let query = "SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.case_opened'";
    world.number(query).await
}

/// The open case of whoever is called so.
async fn case_of(world: &World, community: CommunityId, name: &str) -> i32 {
    let open = open(world, community).await;
    let is_called =
        |case: &&::bots::Case| case.account.as_ref().is_some_and(|a| a.username == name);
    open.iter().find(is_called).unwrap().id
}

pub(super) async fn open(world: &World, community: CommunityId) -> Vec<::bots::Case> {
    let query = CaseQuery {
        state: CaseState::Open,
        reason: None,
        order: CaseOrder::Probability,
        is_for_me: false,
        page: PageRequest::first(50),
    };
    let found = world
        .app
        .bots
        .cases(&world.system(), community, &query)
        .await;
    found.unwrap().items
}

on_both! {
    async fn each_message_counts_once_under_two_followers_and_making_anew_comes_to_the_same(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        for (place, name) in ["ann", "bob", "cid", "dan", "eve"].into_iter().enumerate() {
            let secs = 30 + i64::try_from(place).unwrap() * 11;
            talks(&mut world, pond, name, 260, secs, chatter(place)).await;
            talks(&mut world, lake, name, 40, secs, advert).await;
        }
        let second = world.another(Setup::default()).await;
        let mut n_messages = 0;
        let mut idle = 0;
        while idle < 3 {
            let (one, other) = tokio::join!(world.app.bots.tick(), second.app.bots.tick());
            let (one, other) = (one.unwrap(), other.unwrap());
            n_messages += one.n_messages + other.n_messages;
            idle = if one.is_behind || other.is_behind { 0 } else { idle + 1 };
        }
        second.stop().await;
        assert_eq!(n_messages, 1_500);
        assert_eq!(world.number("SELECT SUM(n_messages) FROM bot_state").await, 1_500);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_state").await, 10);
        let (before, heard) = (bits(&world).await, scenes(&world).await);
        assert!(before.iter().all(|(_, state)| state.len() > 100));
        for community in [pond, lake] {
            let n = world.app.bots.rebuild(community, &mut |_| {}).await.unwrap();
            assert_eq!(n, if community == pond { 1_300 } else { 200 });
        }
        assert_eq!(bits(&world).await, before);
        assert_eq!(scenes(&world).await, heard);
        // And it goes on from there.
        world.say(pond, "ann", "back again").await;
        assert_eq!(catch_up(&world).await.n_messages, 1);
        assert_eq!(world.number("SELECT SUM(n_messages) FROM bot_state").await, 1_501);
    }

    async fn a_score_stays_while_somebody_goes_on_talking_and_goes_with_the_last_of_their_messages(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 40, 77, chatter(0)).await;
        talks(&mut world, pond, "bob", 30, 77, chatter(1)).await;
        talks(&mut world, pond, "cid", 3, 77, chatter(2)).await;
        catch_up(&world).await;
        let scores = "SELECT COUNT(*) FROM bot_score";
        assert_eq!(world.number(scores).await, 2, "nothing is said of whoever said nearly nothing");
        let of_ann = "(SELECT id FROM platform_account WHERE username = 'ann')";
        let scored = format!("SELECT scored_n FROM bot_score WHERE account_id = {of_ann}");
        let n = world.number(&scored).await;
        let before = world.dump().await.remove("bot_score").unwrap();
        world.say(pond, "ann", "one more").await;
        catch_up(&world).await;
        assert_eq!(world.number(&format!("SELECT n_messages FROM bot_state WHERE account_id = {of_ann}")).await, 41);
        assert_eq!(world.dump().await.remove("bot_score").unwrap(), before);
        // Enough more that it is looked at ann again.
        talks(&mut world, pond, "ann", 15, 77, chatter(0)).await;
        catch_up(&world).await;
        assert!(world.number(&scored).await > n);
        // Bob's messages are too old to be kept, and everything is made anew.
        world.sql("DELETE FROM message WHERE account_id = (SELECT id FROM platform_account WHERE username = 'bob')").await;
        let predicted = format!("SELECT COALESCE(predicted_ppm, -1) FROM bot_score WHERE account_id = {of_ann}");
        world.sql("UPDATE bot_score SET probability_ppm = 999999").await;
        let known = world.number(&predicted).await;
        assert!(known >= 0);
        let predictions = world.number("SELECT COUNT(*) FROM bot_prediction").await;
        world.app.bots.rebuild(pond, &mut |_| {}).await.unwrap();
        assert_eq!(world.number(scores).await, 1, "of bob there is nothing left");
        assert_eq!(world.number(&scored).await, 56);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE probability_ppm = 999999").await, 0);
        assert_eq!(world.number(&predicted).await, known, "what was predicted is not predicted again");
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_prediction").await, predictions);
    }

    async fn what_does_not_read_any_more_is_told_of_once_and_made_anew(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 40, 77, chatter(0)).await;
        talks(&mut world, pond, "bob", 30, 77, chatter(1)).await;
        catch_up(&world).await;
        let known = bits(&world).await;
        world.sql("UPDATE bot_state SET state = (SELECT scene FROM bot_scene)").await;
        // As after a start: nothing is remembered of what was read before.
        world.sql("UPDATE bot_scene SET turn = turn + 1").await;
        for words in ["quack", "and again"] {
            world.say(pond, "ann", words).await;
            catch_up(&world).await;
        }
        let bots = world.app.bots.clone();
        let open = async || {
            let alerts = bots.alerts(&world.system()).await.unwrap();
            alerts.into_iter().filter(|alert| alert.cleared_at.is_none()).collect::<Vec<_>>()
        };
        let alerts = open().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!((alerts[0].kind, alerts[0].community), (AlertKind::Extraction, Some(pond)));
        let waiting = "SELECT COUNT(*) FROM job WHERE kind = 'bots.recompute'";
        assert_eq!(world.number(waiting).await, 1);
        let runner = jobs::runner(&world.app, "tester");
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 1);
        assert_eq!(open().await, []);
        assert_eq!(world.number("SELECT SUM(n_messages) FROM bot_state").await, 72);
        assert_eq!(bits(&world).await.len(), known.len());
        // Nobody needs to say something: who scores everybody notices it too.
        world.sql("UPDATE bot_state SET state = (SELECT scene FROM bot_scene)").await;
        bots.score_all(pond, None).await.unwrap();
        assert_eq!(open().await.len(), 1);
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 1);
        assert_eq!(open().await, []);
    }

    async fn a_machine_is_found_explained_and_told_of_and_people_around_it_are_not(world: World) {
        let pond = world.community("Pond").await;
        for (place, name) in ["ann", "bob"].into_iter().enumerate() {
            talks(&mut world, pond, name, 60, 77, chatter(place)).await;
        }
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        assert_eq!(catch_up(&world).await.n_messages, 180);
        let spammer = score(&world, pond, world.user_of(pond, "spammer").await).await;
        assert_eq!((spammer.level, spammer.model), (Level::Likely, Some(SHIPPED_MODEL)), "{spammer:?}");
        assert_eq!((spammer.decided, spammer.exemption), (None, None));
        let ann = score(&world, pond, world.user_of(pond, "ann").await).await;
        assert_eq!(ann.level, Level::Unlikely, "{ann:?}");
        let cases = open(&world, pond).await;
        let accused: Vec<_> = cases.iter().filter(|case| case.reasons.contains(&Reason::Score)).collect();
        assert_eq!(accused.len(), 1, "{cases:?}");
        assert_eq!(accused[0].id, spammer.case.unwrap());
        let file = world.app.bots.case(&world.system(), pond, accused[0].id).await.unwrap().unwrap();
        let why = &file.predictions[0].why;
        assert_eq!(why.len(), 8);
        assert!(why.iter().any(|cause| cause.sentence.contains("of its messages")), "{why:?}");
        assert_eq!(told(&world).await, 1);
        let history = world.app.bots.history(&world.system(), pond, spammer.account.id).await.unwrap();
        assert_eq!(history[0].probability, spammer.probability);
        // More of the same is no news.
        talks(&mut world, pond, "spammer", 30, 1, advert).await;
        catch_up(&world).await;
        assert_eq!((told(&world).await, open(&world, pond).await.len()), (1, cases.len()));
        // What people say comes first.
        let verdict = NewReview { verdict: Verdict::Human, reason: String::new(), revision: None };
        world.app.bots.review(&world.system(), pond, accused[0].id, &verdict).await.unwrap();
        let spammer = score(&world, pond, spammer.account.user).await;
        assert_eq!(spammer.decided, Some(CaseState::Human));
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_label").await, 1, "with what it was judged by");
        assert_eq!(world.number("SELECT COUNT(*) FROM membership").await, 0, "nobody's role was touched");
    }

    async fn a_bot_that_is_used_is_known_by_its_account_and_not_by_its_name(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await.actor;
        for name in ["helper", "thief"] {
            talks(&mut world, pond, name, 40, 600, advert).await;
        }
        catch_up(&world).await;
        let (helper, thief) = (world.user_of(pond, "helper").await, world.user_of(pond, "thief").await);
        let named = |name: &str| Listable::Account(Platform::Discord, name.to_owned());
        let [helpers, thiefs] = ["helper", "thief"].map(|name| case_of(&world, pond, name));
        let (helpers, thiefs) = (helpers.await, thiefs.await);
        bots.correct(&world.system(), pond, &named("helper"), Some(Ruling::Service), "ours").await.unwrap();
        // Each goes by another name from here on.
        world.sql("UPDATE platform_account SET username = 'helper2' WHERE username = 'helper'").await;
        world.sql("UPDATE platform_account SET username = 'helper' WHERE username = 'thief'").await;
        bots.score_all(pond, None).await.unwrap();
        assert_eq!(score(&world, pond, helper).await.exemption, Some(Exemption::Service));
        assert_eq!(score(&world, pond, thief).await.exemption, None);
        let corrected = async |id| bots.case(&world.system(), pond, id).await.unwrap().unwrap().correction;
        assert_eq!(corrected(helpers).await.map(|one| one.what), Some(named("helper")));
        assert_eq!(corrected(thiefs).await, None);
        // What the instance says is about an account too, if just one is called so.
        bots.correct_everywhere(&world.system(), &named("HELPER"), Some(Ruling::Wrong), "a person").await.unwrap();
        world.sql("UPDATE platform_account SET username = 'thief' WHERE username = 'helper'").await;
        assert_eq!(corrected(thiefs).await.map(|one| one.ruling), Some(Ruling::Wrong));
        // Nobody lets themselves off; whom nobody saw is known by name only.
        let own = bots.correct(&mo, pond, &named("mo"), Some(Ruling::Wrong), "I am none").await;
        assert!(matches!(own, Err(BotsError::Invalid { field: "name", .. })), "{own:?}");
        bots.correct(&mo, pond, &named("later"), Some(Ruling::Service), "comes tomorrow").await.unwrap();
        talks(&mut world, pond, "later", 40, 600, advert).await;
        catch_up(&world).await;
        let later = world.user_of(pond, "later").await;
        assert_eq!(score(&world, pond, later).await.exemption, Some(Exemption::Service));
    }

    async fn who_is_left_alone_is_scored_and_has_no_case(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let role = world.person(pond, "mod", Some(Role::Moderator)).await;
        let service = Listable::Account(Platform::Discord, "helper".to_owned());
        bots.correct(&world.system(), pond, &service, Some(Ruling::Service), "ours").await.unwrap();
        let cleared = Listable::Account(Platform::Discord, "cleared".to_owned());
        bots.correct(&world.system(), pond, &cleared, Some(Ruling::Wrong), "a person").await.unwrap();
        for name in ["mod", "helper", "cleared", "marked"] {
            talks(&mut world, pond, name, 40, 600, advert).await;
        }
        world.sql("UPDATE platform_account SET is_bot = TRUE WHERE username = 'marked'").await;
        catch_up(&world).await;
        for (name, exemption) in [
            ("mod", Exemption::Role), ("helper", Exemption::Service), ("cleared", Exemption::Cleared),
            ("marked", Exemption::Marked),
        ] {
            let user = world.user_of(pond, name).await;
            let found = score(&world, pond, user).await;
            assert_eq!((found.exemption, found.case), (Some(exemption), None), "{name}");
        }
        assert!(open(&world, pond).await.is_empty());
        let histogram = bots.histogram(&world.system(), pond).await.unwrap();
        assert_eq!((histogram.exempt, histogram.likely), (4, 0));
        assert_eq!(histogram.bins.iter().sum::<u64>(), 4);
        // Without the role, the next look finds them.
        world.app.identity.set_role(&world.system(), pond, role.user, None).await.unwrap();
        assert_eq!(bots.score_all(pond, None).await.unwrap(), 4);
        let found = open(&world, pond).await;
        assert_eq!(found.len(), 1, "{found:?}");
    }

    async fn in_a_dry_run_everything_is_written_down_and_nobody_is_told(world: World) {
        let pond = world.community("Pond").await;
        let setting = Setting { is_dry_run: true, ..Setting::default() };
        world.app.bots.change_setting(&world.system(), pond, &setting).await.unwrap();
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        catch_up(&world).await;
        assert_eq!((open(&world, pond).await.len(), told(&world).await), (1, 0));
    }

    async fn what_a_list_names_is_looked_at_however_harmless_it_seems(world: World) {
        let pond = world.community("Pond").await;
        let what = Listable::Account(Platform::Discord, "wolf".to_owned());
        world.app.bots.correct(&world.system(), pond, &what, Some(Ruling::Right), "known").await.unwrap();
        talks(&mut world, pond, "wolf", 30, 77, chatter(0)).await;
        catch_up(&world).await;
        let cases = open(&world, pond).await;
        assert!(cases[0].reasons.contains(&Reason::List), "{cases:?}");
    }

    async fn other_thresholds_show_what_would_have_been_before_they_hold(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        talks(&mut world, pond, "ann", 60, 77, chatter(0)).await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        catch_up(&world).await;
        let ann = score(&world, pond, world.user_of(pond, "ann").await).await;
        assert!(ann.probability < Probability::percent(50), "{ann:?}");
        let low = Probability::percent(20);
        world.sql(&format!("UPDATE bot_score SET probability_ppm = {} WHERE account_id = {}", low.ppm(), ann.account.id)).await;
        let then = bots.what_if(&world.system(), pond, Probability::percent(70), low).await.unwrap();
        assert_eq!((then.now.likely, then.now.possible, then.now.in_a_month), (1, 0, 1));
        assert_eq!((then.then.likely, then.then.possible, then.n_newly, then.n_no_longer), (1, 1, 1, 0));
        assert_eq!(then.newly[0].account.id, ann.account.id);
        let case = open(&world, pond).await[0].id;
        let verdict = NewReview { verdict: Verdict::Bot, reason: String::new(), revision: None };
        bots.review(&world.system(), pond, case, &verdict).await.unwrap();
        let all = Probability::percent(100);
        let none = bots.what_if(&world.system(), pond, all, all).await.unwrap();
        assert_eq!((none.now.in_a_month, none.then.in_a_month), (1, 0));
        // Whoever was likely a bot and is not any more would have been told of all the same, for a month.
        let spammer = world.user_of(pond, "spammer").await;
        let now = score(&world, pond, spammer).await.account.id;
        world.sql(&format!("UPDATE bot_score SET probability_ppm = 10 WHERE account_id = {now}")).await;
        let tried = bots.what_if(&world.system(), pond, all, all).await.unwrap();
        assert_eq!((tried.now.likely, tried.now.in_a_month), (0, 1));
        world.clock.advance(Duration::from_secs(31 * 86_400));
        let tried = bots.what_if(&world.system(), pond, all, all).await.unwrap();
        assert_eq!(tried.now.in_a_month, 0);
        world.sql(&format!("UPDATE bot_score SET probability_ppm = 990000 WHERE account_id = {now}")).await;
        assert_eq!((none.now.right, none.now.wrong, none.now.missed), (1, 0, 0));
        let wrong_way = bots.what_if(&world.system(), pond, low, Probability::percent(60)).await;
        assert!(matches!(wrong_way, Err(BotsError::Invalid { field: "possible", .. })), "{wrong_way:?}");
        let of = |level| ScoreQuery { level, page: PageRequest::first(1) };
        let first = bots.scores(&world.system(), pond, &of(None)).await.unwrap();
        assert_eq!(first.items[0].decided, Some(CaseState::Bot));
        let page = PageRequest::after(first.next.unwrap(), 5);
        let rest = bots.scores(&world.system(), pond, &ScoreQuery { level: None, page }).await.unwrap();
        assert_eq!((rest.items.len(), rest.items[0].account.id), (1, ann.account.id));
        let unlikely = bots.scores(&world.system(), pond, &of(Some(Level::Unlikely))).await.unwrap();
        assert_eq!(unlikely.items[0].account.id, ann.account.id);
    }

    async fn all_who_follow_a_score_are_told_once_for_each_change_and_whoever_left_is_not(world: World) {
        let pond = world.community("Pond").await;
        let (mia, bert) = (
            world.person(pond, "mia", Some(Role::Member)).await,
            world.person(pond, "bert", Some(Role::Member)).await,
        );
        world.say(pond, "spam", "quack").await;
        let spam = world.user_of(pond, "spam").await;
        world.sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) SELECT {pond}, MIN(id), 0, 1, 930000, 500000, 0, 0, 1 \
             FROM platform_account WHERE user_id = {spam}"
        )).await;
        let case = i32::try_from(world.number("SELECT MAX(id) FROM bot_case").await).unwrap();
        let app = &world.app;
        let mut first = app.follow_bot_score(&mia.actor, pond).await.unwrap();
        let mut second = app.follow_bot_score(&bert.actor, pond).await.unwrap();
        let part = |told: Option<Result<bots::BotScore, app::AppError>>| told.unwrap().unwrap().score.components[0].1;
        let before = part(first.next().await);
        assert_eq!(part(second.next().await), before);
        let new = NewReview { verdict: Verdict::Human, reason: String::new(), revision: None };
        app.bots.review(&world.system(), pond, case, &new).await.unwrap();
        let after = part(first.next().await);
        assert!(after > before, "{before:?} {after:?}");
        assert_eq!(part(second.next().await), after);
        app.identity.set_role(&world.system(), pond, bert.user, Some(Role::Banned)).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(2));
        app.bots.undo_review(&world.system(), pond, case).await.unwrap();
        assert_eq!(part(first.next().await), before);
        assert!(second.next().await.is_none(), "the banned hear no more");
        // Nobody follows any more; whoever comes then is told again.
        drop((first, second));
        let mut later = app.follow_bot_score(&mia.actor, pond).await.unwrap();
        assert_eq!(part(later.next().await), before);
        world.clock.advance(std::time::Duration::from_secs(2));
        app.bots.review(&world.system(), pond, case, &new).await.unwrap();
        assert_eq!(part(later.next().await), after);
        world.expect_leftovers();
    }

    async fn who_follows_a_score_is_told_of_who_was_counted_also_where_the_score_stays(world: World) {
        let pond = world.community("Pond").await;
        let mia = world.person(pond, "mia", Some(Role::Member)).await;
        talks(&mut world, pond, "ann", 12, 77, chatter(0)).await;
        world.say(pond, "spam", "quack").await;
        catch_up(&world).await;
        let spam = world.user_of(pond, "spam").await;
        // Possible and not likely: an alert to nobody.
        world.sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) SELECT {pond}, MIN(id), 0, 1, 550000, 500000, 0, 0, 1 \
             FROM platform_account WHERE user_id = {spam}"
        )).await;
        let case = i32::try_from(world.number("SELECT MAX(id) FROM bot_case").await).unwrap();
        let app = &world.app;
        let mut feed = app.follow_bot_score(&mia.actor, pond).await.unwrap();
        let before = feed.next().await.unwrap().unwrap();
        assert_eq!((before.bots.members, before.bots.messages), (0, 0));
        let new = NewReview { verdict: Verdict::Bot, reason: String::new(), revision: None };
        app.bots.review(&world.system(), pond, case, &new).await.unwrap();
        let after = feed.next().await.unwrap().unwrap();
        assert_eq!((after.bots.members, after.bots.messages), (1, 1), "called one now");
        assert_eq!(after.score, before.score, "and no number of the score moved");
        world.expect_leftovers();
    }

    async fn a_community_has_a_score_of_what_was_counted_and_it_falls_with_a_machine(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let nothing = bots.community_score(&world.system(), pond).await.unwrap();
        assert_eq!((nothing.score.overall, nothing.score.grade), (None, None), "nothing is known");
        world.say(pond, "early", "quack").await;
        catch_up(&world).await;
        let early = bots.community_score(&world.system(), pond).await.unwrap();
        assert_eq!(early.counts.alerted_members, None, "nobody was scored");
        world.clock.advance(Duration::from_secs(40 * 86_400));
        // One after the other, so that nobody seems to say again what another has just said.
        let begun = world.clock.now();
        for (place, name) in ["ann", "bob", "cid", "dan"].into_iter().enumerate() {
            let hours = u64::try_from(place).unwrap() * 2;
            world.clock.set(begun.plus(Duration::from_secs(hours * 3_600)));
            talks(&mut world, pond, name, 40, 77, chatter(place)).await;
        }
        catch_up(&world).await;
        let clean = bots.community_score(&world.system(), pond).await.unwrap();
        assert_eq!((clean.counts.active_members, clean.counts.messages), (4, 160));
        assert_eq!((clean.counts.alerted_members, clean.counts.violations), (Some(0), None), "nobody tells of moderation");
        talks(&mut world, pond, "spammer", 60, 20, advert).await;
        catch_up(&world).await;
        let after = bots.community_score(&world.system(), pond).await.unwrap();
        assert_eq!((after.counts.active_members, after.counts.active_today), (5, 5));
        assert_eq!(after.counts.conspicuous_today, Some(1), "{:?}", after.counts);
        assert!(after.score.overall < clean.score.overall, "{after:?} {clean:?}");
    }

    async fn who_burst_long_ago_and_says_a_word_today_is_not_conspicuous_today(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let conspicuous = async |world: &World| {
            let found = bots.community_score(&world.system(), pond).await.unwrap();
            (found.counts.active_today, found.counts.conspicuous_today)
        };
        talks(&mut world, pond, "ann", 20, 2, chatter(0)).await;
        catch_up(&world).await;
        assert_eq!(conspicuous(&world).await, (1, Some(1)));
        world.clock.advance(Duration::from_secs(20 * 86_400));
        world.say(pond, "ann", "hello again").await;
        catch_up(&world).await;
        assert_eq!(conspicuous(&world).await, (1, Some(0)), "it was three weeks ago");
    }

    async fn the_part_of_moderation_is_known_where_somebody_tells_of_it_and_the_rest_counts_accordingly(world: World) {
        let [pond, lake, mead] = [world.community("Pond").await, world.community("Lake").await, world.community("Mead").await];
        for place in [pond, lake, mead] {
            talks(&mut world, place, "ann", 20, 77, chatter(0)).await;
        }
        catch_up(&world).await;
        let of = async |world: &World, community| {
            let found = world.app.bots.community_score(&world.system(), community).await.unwrap();
            let parts: Vec<Option<u32>> = found.score.components.iter().map(|(_, score)| *score).collect();
            (found.counts.violations, parts[2], found.score.overall)
        };
        // Slack tells of none, and a connection that ended does neither.
        for (server, platform, status) in [(1, 3, 1), (2, 1, 3)] {
            connect(&world, mead, server, platform, status).await;
        }
        connect(&world, lake, 3, 2, 1).await;
        assert_eq!(of(&world, pond).await, (None, None, Some(100)));
        assert_eq!(of(&world, mead).await, (None, None, Some(100)));
        assert_eq!(of(&world, lake).await, (Some(0), Some(100), Some(100)));
        let warned = EventKind::Moderation(Moderation {
            action: ModerationAction::Warn, moderator: None, reason: "loud".to_owned(), duration_secs: None,
        });
        happens(&mut world, pond, "ann", warned).await;
        let (violations, part, overall) = of(&world, pond).await;
        assert_eq!((violations, part), (Some(1), Some(50)), "one of twenty, ten points each percent");
        assert!(overall < Some(100));
        // It stays known once somebody told.
        world.clock.advance(Duration::from_secs(40 * 86_400));
        talks(&mut world, pond, "ann", 20, 77, chatter(0)).await;
        assert_eq!(of(&world, pond).await.0, Some(0));
    }

    async fn whoever_asks_for_the_score_of_a_community_while_it_is_reckoned_gets_the_same(world: World) {
        let pond = world.community("Pond").await;
        let mead = world.community("Mead").await;
        talks(&mut world, pond, "ann", 40, 77, chatter(0)).await;
        catch_up(&world).await;
        let bots = world.app.bots.clone();
        let actor = world.system();
        let sent = |statements: &Statements| statements.counts().values().sum::<usize>();
        // What is asked once in a process, or of a new connection, is asked before.
        let moor = world.community("Moor").await;
        bots.recent_score(&actor, moor).await.unwrap();
        let statements = Statements::listen();
        bots.recent_score(&actor, mead).await.unwrap();
        let alone = sent(&statements);
        assert!(alone > 0);
        let all = (0..8).map(|_| bots.recent_score(&actor, pond));
        let all = futures_util::future::try_join_all(all).await.unwrap();
        assert_eq!(sent(&statements), 2 * alone, "once for all of them");
        assert!(all.iter().all(|one| *one == all[0]));
        assert_eq!(bots.recent_score(&actor, pond).await.unwrap(), all[0]);
        assert_eq!(sent(&statements), 2 * alone, "and not again for a while");
    }

    async fn scoring_again_writes_what_changed_and_nothing_else(world: World) {
        let pond = world.community("Pond").await;
        for (place, name) in ["ann", "bob", "cid"].into_iter().enumerate() {
            talks(&mut world, pond, name, 40, 77, chatter(place)).await;
        }
        catch_up(&world).await;
        let bots = world.app.bots.clone();
        bots.score_all(pond, None).await.unwrap();
        let before = world.dump().await;
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(bots.score_all(pond, None).await.unwrap(), 3);
        assert_eq!(world.dump().await, before, "nothing is other than it was");
        // Everybody whose score is other than it is stored, each with their own.
        world.sql("UPDATE bot_score SET probability_ppm = 1, rule_ppm = 2, model_id = NULL").await;
        assert_eq!(bots.score_all(pond, None).await.unwrap(), 3);
        let scores = "SELECT COUNT(*) FROM bot_score WHERE probability_ppm <> 1 AND model_id = 0 AND scored_n = 40";
        assert_eq!(world.number(scores).await, 3);
        let now = world.clock.now().0;
        let when = format!("SELECT COUNT(*) FROM bot_score WHERE scored_at = {now}");
        assert_eq!(world.number(&when).await, 3);
        let again = world.dump().await;
        let shown = |dump: &BTreeMap<&str, Vec<String>>| dump["bot_prediction"].len();
        assert_eq!(shown(&again), shown(&before), "what was predicted is no news");
    }

    async fn of_many_predictions_the_newest_stay_and_those_that_a_case_shows(world: World) {
        let pond = world.community("Pond").await;
        for name in ["spammer", "copy"] {
            talks(&mut world, pond, name, 60, 600, advert).await;
        }
        talks(&mut world, pond, "ann", 40, 77, chatter(0)).await;
        catch_up(&world).await;
        // What is usual is made once before, so that nothing is news afterwards.
        night(&world).await;
        let n = "SELECT COUNT(*) FROM bot_prediction WHERE account_id = ";
        let account = |user: UserId| format!("SELECT id FROM platform_account WHERE user_id = {user}");
        let mut accounts = Vec::new();
        for name in ["spammer", "copy", "ann"] {
            let user = world.user_of(pond, name).await;
            accounts.push(world.number(&account(user)).await);
        }
        let [spammer, copy, ann] = accounts[..] else { panic!("three accounts") };
        let first = format!("SELECT MIN(id) FROM bot_prediction WHERE account_id = {spammer}");
        let first = world.number(&first).await;
        world.sql(&format!("UPDATE bot_case SET prediction_id = {first} WHERE account_id = {spammer}")).await;
        world.sql(&format!("UPDATE bot_case SET prediction_id = NULL WHERE account_id = {copy}")).await;
        let more = "INSERT INTO bot_prediction (community_id, account_id, model_id, probability_ppm, rule_ppm, \
                    schema_hash, features, why, n_messages, at) SELECT community_id, account_id, model_id, \
                    probability_ppm, rule_ppm, schema_hash, features, why, n_messages, at FROM bot_prediction";
        for account in [spammer, copy] {
            for _ in 0..6 {
                world.sql(&format!("{more} WHERE account_id = {account}")).await;
            }
            assert!(world.number(&format!("{n}{account}")).await > 40);
        }
        let before = world.number(&format!("{n}{ann}")).await;
        night(&world).await;
        assert_eq!(world.number(&format!("{n}{copy}")).await, 20);
        assert_eq!(world.number(&format!("{n}{spammer}")).await, 21, "and the one of the case");
        assert!(world.number(&format!("{n}{ann}")).await >= before, "who has few keeps them");
        let old = format!("SELECT COUNT(*) FROM bot_prediction WHERE id = {first}");
        assert_eq!(world.number(&old).await, 1);
    }

    async fn what_is_known_of_somebody_goes_with_them_and_their_messages_count_no_more(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        talks(&mut world, pond, "ann", 20, 77, chatter(0)).await;
        catch_up(&world).await;
        let account = score(&world, pond, world.user_of(pond, "spammer").await).await.account;
        let work = world.app.db().begin(&world.system(), world.clock.now()).await.unwrap();
        let subject = store::personal::Subject {
            user: account.user,
            accounts: vec![account.id],
            platform_ids: vec![(Platform::Discord, "id-spammer".to_owned())],
            names: vec!["spammer".to_owned()],
            email: None,
        };
        store::personal::Keeper::erase(&::bots::Kept, &work, &subject).await.unwrap();
        work.commit().await.unwrap();
        for table in ["bot_state", "bot_score", "bot_prediction", "bot_case"] {
            let left = format!("SELECT COUNT(*) FROM {table} WHERE account_id = {}", account.id);
            assert_eq!(world.number(&left).await, 0, "{table}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_state").await, 1);
    }

    async fn a_model_answers_for_features_by_name_and_keeps_nothing(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let before = world.dump().await;
        let ask = |features: &[(&str, f64)]| -> BTreeMap<String, Option<f64>> {
            features.iter().map(|(name, value)| ((*name).to_owned(), Some(*value))).collect()
        };
        let machine = ask(&[
            ("repeated_texts", 1.0), ("repeated_templates", 1.0), ("repeated_openings", 1.0), ("near_duplicates", 1.0),
            ("interval_timer", 1.0), ("link_share", 1.0),
        ]);
        let person = ask(&[
            ("repeated_texts", 0.0), ("repeated_templates", 0.0), ("near_duplicates", 0.0), ("interval_timer", 0.1),
        ]);
        let bots = world.app.bots.clone();
        let machine = bots.infer(&ann.actor, &machine).await.unwrap();
        let person = bots.infer(&ann.actor, &person).await.unwrap();
        assert!(machine.probability > person.probability, "{machine:?} {person:?}");
        assert_eq!((machine.model, machine.why.len()), (SHIPPED_MODEL, 8));
        assert!(machine.n_missing > 0 && machine.n_missing < machine.n_columns, "six signals and what follows from them");
        assert!(person.n_missing > machine.n_missing);
        for nothing in [BTreeMap::new(), BTreeMap::from([("link_share".to_owned(), None)])] {
            let nothing = bots.infer(&ann.actor, &nothing).await;
            assert!(matches!(nothing, Err(BotsError::Invalid { field: "features", .. })), "{nothing:?}");
        }
        let unknown = bots.infer(&ann.actor, &ask(&[("zodiac", 1.0)])).await;
        assert!(matches!(unknown, Err(BotsError::Invalid { field: "features", .. })), "{unknown:?}");
        assert_eq!(world.dump().await, before);
    }

    async fn a_crowd_of_newcomers_is_told_of_once_and_looked_at_sooner(world: World) {
        let pond = world.community("Pond").await;
        two_quiet_days(&mut world, pond).await;
        world.clock.advance(Duration::from_secs(1_000));
        for n in 0..30 {
            talks(&mut world, pond, &format!("raider-{n}"), 4, 20, advert).await;
        }
        catch_up(&world).await;
        let bursts = "SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.burst'";
        assert_eq!(world.number(bursts).await, 1);
        // Moderators see it while it goes on, and for a day.
        let (bots, now) = (world.app.bots.clone(), world.clock.now());
        let crowd = bots.waiting(&world.system(), pond).await.unwrap().crowd.unwrap();
        assert!(crowd.is_on && crowd.last_at <= now && now.since(crowd.last_at) < Duration::from_hours(1), "{crowd:?}");
        world.clock.advance(Duration::from_hours(2));
        let later = bots.waiting(&world.system(), pond).await.unwrap().crowd.unwrap();
        assert_eq!((later.is_on, later.last_at), (false, crowd.last_at));
        world.clock.advance(Duration::from_hours(23));
        assert_eq!(bots.waiting(&world.system(), pond).await.unwrap().crowd, None);
        let scored = "SELECT COUNT(*) FROM bot_score WHERE scored_n = 4";
        assert!(world.number(scored).await >= 18, "{}", world.number(scored).await);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE scored_n = 1").await, 0);
    }

    async fn a_wave_of_follows_is_a_crowd_and_whoever_then_speaks_came_once(world: World) {
        let pond = world.community("Pond").await;
        two_quiet_days(&mut world, pond).await;
        world.clock.advance(Duration::from_secs(1_000));
        // Six follow and then speak, twice over: they are six newcomers and no crowd of twelve or more.
        for n in 0..6 {
            happens(&mut world, pond, &format!("fan-{n}"), EventKind::Follow).await;
            world.say(pond, &format!("fan-{n}"), "hello").await;
            happens(&mut world, pond, &format!("fan-{n}"), EventKind::Follow).await;
        }
        catch_up(&world).await;
        // Nor do regulars come who follow at last, whenever it is looked at them.
        for hours in (0..48).step_by(2) {
            happens(&mut world, pond, &format!("regular-{hours}"), EventKind::Follow).await;
            world.say(pond, &format!("regular-{hours}"), "hello again").await;
        }
        for n in 0..6 {
            world.say(pond, &format!("fan-{n}"), "hello again").await;
        }
        catch_up(&world).await;
        assert_eq!(bursts(&world).await, [""; 0]);
        // More come, who only follow.
        for n in 6..9 {
            happens(&mut world, pond, &format!("fan-{n}"), EventKind::Follow).await;
        }
        // The program ends and begins again in between.
        world.restart(Setup::default()).await;
        catch_up(&world).await;
        assert_eq!(bursts(&world).await, [""; 0]);
        for n in 9..40 {
            happens(&mut world, pond, &format!("fan-{n}"), EventKind::Follow).await;
        }
        catch_up(&world).await;
        let told = bursts(&world).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("\"crowd\":\"follows\"") && told[0].contains("\"newcomers\":12"), "{told:?}");
        // Of those, whoever speaks is looked at sooner; the regulars are not.
        talks(&mut world, pond, "fan-20", 4, 20, advert).await;
        talks(&mut world, pond, "regular-0", 4, 20, advert).await;
        catch_up(&world).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE scored_n = 4").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE scored_n > 0").await, 1);
    }

    async fn a_wave_of_joins_is_a_crowd_and_sleepers_who_wake_together_are_one_too(world: World) {
        let pond = world.community("Pond").await;
        two_quiet_days(&mut world, pond).await;
        world.clock.advance(Duration::from_secs(1_000));
        // Six join and then speak: six newcomers.
        for n in 0..6 {
            happens(&mut world, pond, &format!("guest-{n}"), EventKind::Join).await;
            world.say(pond, &format!("guest-{n}"), "hello").await;
        }
        catch_up(&world).await;
        // Sleepers come one by one, a quarter of an hour apart, and say nothing.
        for n in 0..14 {
            world.clock.advance(Duration::from_mins(15));
            happens(&mut world, pond, &format!("sleeper-{n}"), EventKind::Join).await;
        }
        catch_up(&world).await;
        assert_eq!(bursts(&world).await, [""; 0]);
        // Within the day they are known.
        world.say(pond, "sleeper-13", "hello").await;
        // Two days later the others wake together.
        world.clock.advance(Duration::from_hours(48));
        for n in 0..13 {
            world.say(pond, &format!("sleeper-{n}"), "hello").await;
        }
        catch_up(&world).await;
        let told = bursts(&world).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("\"crowd\":\"newcomers\""), "{told:?}");
        world.clock.advance(Duration::from_hours(24));
        for n in 0..40 {
            happens(&mut world, pond, &format!("wave-{n}"), EventKind::Join).await;
            happens(&mut world, pond, &format!("wave-{n}"), EventKind::Join).await;
        }
        catch_up(&world).await;
        let told = bursts(&world).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].contains("\"crowd\":\"joins\"") && told[1].contains("\"newcomers\":12"), "{told:?}");
    }

    async fn a_raid_is_a_crowd_before_anybody_of_it_speaks_and_nobody_is_suspected_for_it(world: World) {
        let pond = world.community("Pond").await;
        two_quiet_days(&mut world, pond).await;
        world.clock.advance(Duration::from_secs(1_000));
        happens(&mut world, pond, "otter", EventKind::Raid { viewers: 11 }).await;
        catch_up(&world).await;
        assert_eq!(bursts(&world).await, [""; 0]);
        happens(&mut world, pond, "heron", EventKind::Raid { viewers: 80 }).await;
        happens(&mut world, pond, "newt", EventKind::Raid { viewers: 90 }).await;
        catch_up(&world).await;
        let told = bursts(&world).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("\"crowd\":\"raid\"") && told[0].contains("\"newcomers\":80"), "{told:?}");
        world.clock.advance(Duration::from_secs(300));
        talks(&mut world, pond, "guest", 3, 40, chatter(1)).await;
        catch_up(&world).await;
        let guest = world.user_of(pond, "guest").await;
        assert_eq!(score(&world, pond, guest).await.n_messages, 3);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_case").await, 0);
        // An hour later newcomers are looked at as always.
        world.clock.advance(Duration::from_secs(7_200));
        talks(&mut world, pond, "late", 4, 40, chatter(2)).await;
        catch_up(&world).await;
        let late = world.user_of(pond, "late").await;
        let late = world.app.bots.score_of(&world.system(), pond, late).await.unwrap();
        assert_eq!(late, None);
    }
}
