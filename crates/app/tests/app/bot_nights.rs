//! What happens without anybody asking: everybody is scored again by night, wherever the night before was stopped; and a
//! few accounts are drawn by chance each week, so that what the model never suspects is looked at too.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ::activity::Incoming;
use ::bots::{AlertKind, NewReview, Probability, Reason, Verdict, Week};
use kernel::{AccountId, Clock, CommunityId, EventKind, Timestamp};
use testkit::{World, message, on_both};
use tokio::sync::mpsc;

use super::bot_scores::{advert, catch_up, chatter, night, open, talks};

/// Each of so many members says a word.
async fn a_word_of_each(world: &mut World, community: CommunityId, n: usize) {
    let now = world.clock.now();
    let mut batch = Vec::new();
    for place in 0..n {
        let mut event = world.event(&format!("member-{place}"), chatter(place)(7));
        event.sent_at = now.minus(Duration::from_secs(60 * u64::try_from(n - place).unwrap()));
        batch.push(Incoming { community, event });
    }
    world.record(batch).await;
    catch_up(world).await;
}

/// Accounts of a community that were drawn by chance, with their cases.
async fn drawn(world: &World, community: CommunityId) -> BTreeMap<AccountId, ::bots::Case> {
    let cases = open(world, community).await;
    let by_chance = cases
        .into_iter()
        .filter(|case| case.reasons.contains(&Reason::Sample));
    by_chance
        .map(|case| (case.account.as_ref().unwrap().id, case))
        .collect()
}

async fn judge(world: &World, community: CommunityId, case: i32, verdict: Verdict) {
    let new = NewReview {
        verdict,
        reason: String::new(),
        revision: None,
    };
    let bots = &world.app.bots;
    let judged = bots.review(&world.system(), community, case, &new).await;
    judged.unwrap();
}

/// The week of now, as it is monitored.
async fn week(world: &World, community: CommunityId) -> Week {
    let bots = &world.app.bots;
    let seen = bots.monitoring(&world.system(), community).await.unwrap();
    *seen.weeks.last().unwrap()
}

/// What was found out about accounts: everything but when.
async fn findings(world: &World) -> Vec<Vec<String>> {
    let mut all = world.dump().await;
    let tables = [
        "bot_state",
        "bot_score",
        "bot_prediction",
        "bot_case",
        "domain_event",
    ];
    tables.map(|table| all.remove(table).unwrap()).into()
}

/// Accounts of a community that were scored, and all of which something is known.
async fn scored(world: &World, community: CommunityId) -> (i64, i64) {
    let of = |table: &str, more: &str| {
        format!("SELECT COUNT(*) FROM {table} WHERE community_id = {community}{more}")
    };
    let n = world.number(&of("bot_score", " AND scored_n > 0")).await;
    (n, world.number(&of("bot_state", "")).await)
}

/// Many accounts that said what `model` did, none of which was scored yet.
async fn copies(world: &mut World, community: CommunityId, model: &str, n: usize) {
    let mut batch = Vec::with_capacity(n);
    for nth in 0..n {
        let event = world.event(&format!("copy-{nth}"), EventKind::Join);
        batch.push(Incoming { community, event });
    }
    world.record(batch).await;
    let columns = "state, n_messages, last_at";
    let told = world
        .sql(&format!(
            "INSERT INTO bot_state (community_id, account_id, {columns}) \
             SELECT s.community_id, a.id, s.state, s.n_messages, s.last_at \
             FROM bot_state s JOIN platform_account m ON m.id = s.account_id CROSS JOIN platform_account a \
             WHERE m.username = '{model}' AND s.community_id = {community} AND a.username LIKE 'copy-%'"
        ))
        .await;
    assert_eq!(usize::try_from(told).unwrap(), n);
}

on_both! {
    async fn the_night_scores_everybody_wherever_it_was_stopped_and_twice_is_once(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        talks(&mut world, pond, "ann", 12, 77, chatter(0)).await;
        talks(&mut world, lake, "bob", 12, 77, advert).await;
        // Too few messages to say anything.
        talks(&mut world, lake, "cid", 3, 77, chatter(1)).await;
        catch_up(&world).await;
        copies(&mut world, pond, "ann", 600).await;
        assert_eq!((scored(&world, pond).await, scored(&world, lake).await), ((1, 601), (1, 2)));
        world.sql("DELETE FROM bot_score").await;

        // It is stopped after the first page: what that page found stays, and nothing of the next.
        let (told, mut pages) = mpsc::unbounded_channel();
        let bots = world.app.bots.clone();
        let mut tell = move |done, all| told.send((done, all)).unwrap();
        tokio::select! {
            biased;
            page = pages.recv() => assert_eq!(page, Some((512, 601))),
            all = bots.score_all(pond, Some(&mut tell)) => panic!("it went on to the end: {all:?}"),
        }
        assert_eq!((scored(&world, pond).await, scored(&world, lake).await), ((512, 601), (0, 2)));

        // The next night begins again and comes to the end.
        night(&world).await;
        assert_eq!((scored(&world, pond).await, scored(&world, lake).await), ((601, 601), (1, 2)));
        let same = "SELECT COUNT(DISTINCT probability_ppm) FROM bot_score s JOIN platform_account a ON a.id = s.account_id \
                    WHERE a.username LIKE 'copy-%'";
        assert_eq!(world.number(same).await, 1, "those of both pages are judged by the same");
        let predictions = "SELECT COUNT(DISTINCT account_id) FROM bot_prediction";
        assert_eq!(world.number(predictions).await, 602);
        let norms = format!("SELECT COUNT(*) FROM bot_norms WHERE made_at = {}", world.clock.now().0);
        assert_eq!(world.number(&norms).await, 2, "of each community");

        // Once more changes nothing, also in another process and after a restart.
        let after = findings(&world).await;
        night(&world).await;
        assert_eq!(findings(&world).await, after);
        world.restart(testkit::Setup::default()).await;
        night(&world).await;
        assert_eq!(findings(&world).await, after);

        // What was broken in between is found and put right, of everybody.
        world.sql("UPDATE bot_score SET probability_ppm = 999999 WHERE scored_n > 0").await;
        night(&world).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE probability_ppm = 999999").await, 0);
    }

    async fn what_changes_after_a_page_was_read_ahead_is_scored_as_it_is_then(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 12, 77, chatter(0)).await;
        talks(&mut world, pond, "spammer", 30, 600, advert).await;
        catch_up(&world).await;
        copies(&mut world, pond, "ann", 600).await;
        let bots = world.app.bots.clone();
        // While the first page is scored the second is read; before that is scored another process writes.
        let mut is_first = true;
        let mut tell = |_, _| {
            if !std::mem::take(&mut is_first) {
                return;
            }
            let change = async {
                world.sql(
                    "UPDATE bot_state SET n_messages = 30, state = (SELECT s.state FROM bot_state s JOIN platform_account a \
                     ON a.id = s.account_id WHERE a.username = 'spammer') \
                     WHERE account_id = (SELECT id FROM platform_account WHERE username = 'copy-599')",
                ).await;
                world.sql("UPDATE bot_scene SET turn = turn + 1").await;
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(change));
        };
        assert_eq!(bots.score_all(pond, Some(&mut tell)).await.unwrap(), 602);
        let of = |name: &str| format!(
            "SELECT scored_n FROM bot_score s JOIN platform_account a ON a.id = s.account_id WHERE a.username = '{name}'"
        );
        assert_eq!((world.number(&of("copy-599")).await, world.number(&of("copy-598")).await), (30, 12));
    }

    async fn making_a_community_anew_goes_on_where_it_was_stopped(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 1_300, 30, chatter(0)).await;
        talks(&mut world, pond, "bob", 900, 31, chatter(1)).await;
        catch_up(&world).await;
        let known = findings(&world).await[0].clone();
        let seen = format!("SELECT seen FROM bot_scene WHERE community_id = {pond}");
        let whole = world.number(&seen).await;
        let bots = world.app.bots.clone();
        // It is stopped once a part of it is committed.
        let (told, mut parts) = mpsc::unbounded_channel();
        let mut tell = move |done| told.send(done).unwrap();
        let first = tokio::select! {
            biased;
            first = parts.recv() => first.unwrap(),
            end = bots.rebuild(pond, &mut tell) => panic!("it came to the end: {end:?}"),
        };
        assert!(first < 2_200, "{first} at once");
        let between = world.number(&seen).await;
        assert!(between > 0 && between < whole, "{between} of {whole}");
        // Meanwhile somebody speaks: whoever goes through messages leaves the community to who makes it anew.
        world.say(pond, "ann", "are you there").await;
        catch_up(&world).await;
        let rest = world.app.bots.rebuild(pond, &mut |_| {}).await.unwrap();
        assert_eq!(rest, 2_201 - first, "not from the beginning");
        assert_eq!(world.number("SELECT SUM(n_messages) FROM bot_state").await, 2_201);
        assert_eq!(findings(&world).await[0].len(), known.len());
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_scene WHERE is_rebuilding").await, 0);
    }

    async fn whoever_runs_the_instance_is_told_once_that_messages_are_not_gone_through_and_it_ends(world: World) {
        let bots = world.app.bots.clone();
        let begun = world.clock.now();
        world.clock.advance(Duration::from_mins(7));
        for _ in 0..2 {
            bots.tell_stuck(begun, "the disk is full").await.unwrap();
        }
        let alerts = bots.alerts(&world.system()).await.unwrap();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!((alerts[0].kind, alerts[0].community), (AlertKind::Extraction, None));
        assert!(alerts[0].words.contains("7 minutes: the disk is full"), "{}", alerts[0].words);
        bots.tell_going().await.unwrap();
        assert!(bots.alerts(&world.system()).await.unwrap()[0].cleared_at.is_some());
    }

    async fn chance_draws_whom_nobody_suspects_few_of_them_and_nobody_twice_a_week(world: World) {
        let pond = world.community("Pond").await;
        let n = 150;
        for place in 0..n {
            let secs = 60 + i64::try_from(place).unwrap();
            talks(&mut world, pond, &format!("member-{place}"), 10, secs, chatter(place)).await;
        }
        catch_up(&world).await;
        let mut ever: BTreeSet<AccountId> = BTreeSet::new();
        let mut unsuspected = Vec::new();
        for _ in 0..9 {
            // Weeks of the draw begin on Thursdays, as 1970 did.
            let week = 7 * 86_400;
            let begins = (world.clock.now().secs().div_euclid(week) + 1) * week;
            world.clock.set(Timestamp::from_secs(begins + 60));
            a_word_of_each(&mut world, pond, n).await;
            night(&world).await;
            let here = drawn(&world, pond).await;
            let new: Vec<_> = here.values().filter(|case| !ever.contains(&case.account.as_ref().unwrap().id)).collect();
            assert!(new.len() <= 6, "one of two hundred, not {} of {n}", new.len());
            for case in &new {
                if case.probability < Probability::percent(40) {
                    unsuspected.push((case.account.as_ref().unwrap().id, case.id));
                }
            }
            // The other nights of the week draw the same, and ask again for nobody whom somebody has judged.
            if let Some(case) = new.first() {
                let (account, case) = (case.account.as_ref().unwrap().id, case.id);
                judge(&world, pond, case, Verdict::Human).await;
                world.clock.advance(Duration::from_hours(24 * 5));
                night(&world).await;
                let left: BTreeSet<AccountId> = drawn(&world, pond).await.into_keys().collect();
                let wanted: BTreeSet<AccountId> = here.keys().copied().filter(|id| *id != account).collect();
                assert_eq!(left, wanted);
            }
            ever.extend(here.into_keys());
        }
        assert!((2..=25).contains(&ever.len()), "{}", ever.len());
        let before: Vec<AccountId> = drawn(&world, pond).await.into_keys().collect();
        for _ in 0..9 {
            world.clock.advance(Duration::from_hours(24 * 7));
            night(&world).await;
        }
        let after: Vec<AccountId> = drawn(&world, pond).await.into_keys().collect();
        assert_eq!(after, before, "who fell silent is not drawn");
        assert!(!unsuspected.is_empty(), "only suspects were drawn of {}", ever.len());
        let told = "SELECT COUNT(*) FROM domain_event e WHERE kind = 'bots.case_opened'";
        let accused = world.number("SELECT COUNT(*) FROM bot_case WHERE reasons <> 16").await;
        assert!(world.number(told).await <= accused, "who was drawn by chance is not accused");
    }

    async fn recall_is_of_the_random_sample_alone(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "spammer", 60, 600, advert).await;
        talks(&mut world, pond, "shill", 60, 601, |_| message("Follow us at https://example.org/now for 50% off!")).await;
        catch_up(&world).await;
        for place in 0..150 {
            let secs = 60 + i64::try_from(place).unwrap();
            talks(&mut world, pond, &format!("member-{place}"), 10, secs, chatter(place)).await;
        }
        catch_up(&world).await;
        // Everybody who was drawn is a bot that the program did not see, says a moderator; and so is the advertiser.
        let mut sampled = drawn(&world, pond).await;
        for _ in 0..20 {
            sampled.retain(|_, case| case.probability < Probability::percent(40));
            if !sampled.is_empty() {
                break;
            }
            world.clock.advance(Duration::from_hours(24 * 7));
            a_word_of_each(&mut world, pond, 150).await;
            night(&world).await;
            sampled = drawn(&world, pond).await;
        }
        let hidden = sampled.values().next().unwrap().id;
        let suspect = open(&world, pond).await.into_iter().find(|case| {
            case.probability >= Probability::percent(70) && !case.reasons.contains(&Reason::Sample)
        });
        let suspect = suspect.unwrap().id;
        judge(&world, pond, suspect, Verdict::Bot).await;
        let seen = week(&world, pond).await;
        assert_eq!((seen.n_reviewed, seen.n_right, seen.n_sampled), (1, 1, 0));
        assert_eq!((seen.precision, seen.recall, seen.f1), (Some(1.0), None, None), "nothing is known of those not suspected");
        judge(&world, pond, hidden, Verdict::Bot).await;
        let seen = week(&world, pond).await;
        assert_eq!((seen.n_reviewed, seen.n_right, seen.n_sampled), (2, 1, 1));
        assert_eq!((seen.precision, seen.recall), (Some(1.0), Some(0.0)), "the one in the sample was missed");
        world.app.bots.undo_review(&world.system(), pond, hidden).await.unwrap();
        assert_eq!(week(&world, pond).await.recall, None);
    }
}
