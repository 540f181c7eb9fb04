//! What communities decide about the detection of bots, and lists of known accounts and domains.

use std::{collections::BTreeSet, time::Duration};

use bots::{
    BotsError, Case, Imported, Known, ListKind, Listable, Look, NewList, NewReview, Probability,
    Reason, Ruling, Setting, Verdict,
};
use kernel::{Clock, CommunityId, Day, ErrorCode, EventKind, PageRequest, Platform, Role};
use testkit::{World, on_both};

use super::bot_scores::{catch_up, chatter, happens, open, talks};

const DAY: Duration = Duration::from_secs(86_400);

fn unwanted(world: &World) -> NewList {
    NewList {
        name: "twitch-bots".to_owned(),
        kind: ListKind::Unwanted,
        platform: Some(Platform::Twitch),
        source: "https://lists.example/bots.txt".to_owned(),
        reason: "seen in many chats at once".to_owned(),
        as_of: world.clock.now().day(),
        half_life_days: 100,
    }
}

fn twitch(name: &str) -> Listable {
    Listable::Account(Platform::Twitch, name.to_owned())
}

async fn import(world: &World, list: &NewList, text: &str) -> Imported {
    let done = world
        .app
        .bots
        .import_list(&world.system(), list, text)
        .await;
    done.unwrap()
}

async fn known(world: &World, community: CommunityId, what: &Listable) -> Option<Known> {
    let listed = world
        .app
        .bots
        .listed(&world.system(), community, what)
        .await;
    listed.unwrap().known(world.clock.now())
}

/// Unwanted, listed not longer ago than a day.
fn is_fresh(known: Option<Known>) -> bool {
    matches!(known, Some(Known::Unwanted(weight)) if weight > 0.99)
}

async fn list_id(world: &World, community: CommunityId) -> i32 {
    let all = world
        .app
        .bots
        .lists(&world.system(), community)
        .await
        .unwrap();
    all[0].list.id
}

/// A minute later what waits runs.
async fn run_jobs(world: &mut World) {
    world.clock.advance(Duration::from_secs(66));
    let runner = app::jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
}

/// Who has an open case in a community, each because a list says so and without a score.
async fn named(world: &World, community: CommunityId) -> BTreeSet<String> {
    let cases = open(world, community).await;
    let is_only_named = |case: &Case| case.reasons == [Reason::List] && !case.is_scored;
    assert!(cases.iter().all(is_only_named), "{cases:?}");
    let names = cases.into_iter().map(|case| case.account.unwrap().username);
    names.collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn audited(world: &World, action: &str) -> i64 {
    world
        .number(&format!(
            "SELECT COUNT(*) FROM audit WHERE action = '{action}'"
        ))
        .await
}

on_both! {
    async fn a_setting_is_each_communitys_own_written_down_once_and_wrong_ones_change_nothing(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let bots = world.app.bots.clone();
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        assert_eq!(bots.setting(&owner.actor, pond).await.unwrap(), Setting::default());
        let strict = Setting {
            likely: Probability::percent(90),
            possible: Probability::millionths(654_321),
            is_dry_run: true,
            exempt_role: None,
            trusted_days: None,
            trusted_score: Some(600),
        };
        for _ in 0..2 {
            bots.change_setting(&owner.actor, pond, &strict).await.unwrap();
        }
        assert_eq!(bots.setting(&owner.actor, pond).await.unwrap(), strict);
        assert_eq!(bots.setting(&world.system(), lake).await.unwrap(), Setting::default());
        assert_eq!(audited(&world, "bots.setting").await, 1);
        let tenths = Probability::from_percent(0.7).unwrap();
        for wrong in [
            Setting { likely: Probability::percent(10), ..strict },
            Setting { possible: Probability::percent(0), ..strict },
            // Whoever writes 0.7 means 70 percent.
            Setting { likely: tenths, possible: tenths, ..strict },
        ] {
            let refused = bots.change_setting(&owner.actor, pond, &wrong).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::BadUserInput);
        }
        assert_eq!(bots.setting(&owner.actor, pond).await.unwrap(), strict);
        let nowhere = bots.change_setting(&world.system(), CommunityId(999), &strict).await;
        assert!(matches!(nowhere, Err(BotsError::NotFound)), "{nowhere:?}");
    }

    async fn a_list_is_renewed_and_what_stays_on_it_grows_no_younger(world: World) {
        let pond = world.community("Pond").await;
        let done = import(&world, &unwanted(&world), "ann\nBob\n@cat\nnot a name\n").await;
        assert_eq!((done.added, done.removed, done.kept, done.n_rejected), (3, 0, 0, 1));
        assert_eq!((done.rejected[0].line, done.rejected[0].beginning.as_str()), (4, "not a name"));
        let again = import(&world, &unwanted(&world), "ann\nBob\n@cat\nnot a name\n").await;
        assert!(again.is_unchanged);
        assert_eq!(audited(&world, "bots.list.import").await, 1);
        assert!(is_fresh(known(&world, pond, &twitch("Bob")).await));

        world.clock.advance(DAY * 100);
        let done = import(&world, &unwanted(&world), "ann\ndot,2020-01-01\neve\n").await;
        assert_eq!((done.added, done.removed, done.kept), (2, 2, 1));
        let all = world.app.bots.lists(&world.system(), pond).await.unwrap();
        assert_eq!((all.len(), all[0].list.n_entries), (1, 3));
        let Some(Known::Unwanted(weight)) = known(&world, pond, &twitch("ann")).await else {
            panic!("ann is on it");
        };
        assert!((0.49..0.51).contains(&weight), "she was listed a half-life ago: {weight}");
        assert!(is_fresh(known(&world, pond, &twitch("eve")).await));
        for gone in ["bob", "cat", "dot"] {
            assert_eq!(known(&world, pond, &twitch(gone)).await, None, "{gone}");
        }
        let elsewhere = Listable::Account(Platform::Discord, "ann".to_owned());
        assert_eq!(known(&world, pond, &elsewhere).await, None, "another platform's ann is somebody else");
    }

    async fn a_list_that_cannot_be_read_or_is_of_something_else_changes_nothing(world: World) {
        let system = world.system();
        let bots = world.app.bots.clone();
        import(&world, &unwanted(&world), "ann").await;
        let before = world.dump().await;
        let later = NewList { as_of: world.clock.now().day().plus(1), ..unwanted(&world) };
        let homeless = NewList { platform: None, ..unwanted(&world) };
        let domains = NewList { kind: ListKind::Dangerous, platform: None, ..unwanted(&world) };
        for (list, text, code) in [
            (unwanted(&world), "", ErrorCode::BadUserInput),
            (unwanted(&world), "two words\n", ErrorCode::BadUserInput),
            (unwanted(&world), "{\"domains\": 1}", ErrorCode::BadUserInput),
            (later, "ann", ErrorCode::BadUserInput),
            (homeless, "ann", ErrorCode::BadUserInput),
            (domains, "evil.example", ErrorCode::Conflict),
        ] {
            let refused = bots.import_list(&system, &list, text).await.unwrap_err();
            assert_eq!(refused.code(), code, "{text}");
        }
        assert_eq!(world.dump().await, before);
    }

    async fn a_community_chooses_its_lists_and_an_instance_removes_them(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        let bots = world.app.bots.clone();
        import(&world, &unwanted(&world), "ann").await;
        let id = list_id(&world, pond).await;
        for _ in 0..2 {
            bots.use_list(&owner.actor, pond, id, false).await.unwrap();
        }
        assert_eq!(audited(&world, "bots.list.use").await, 1);
        assert_eq!(known(&world, pond, &twitch("ann")).await, None);
        assert!(is_fresh(known(&world, lake, &twitch("ann")).await));
        assert!(!bots.lists(&owner.actor, pond).await.unwrap()[0].is_used);
        let absent = bots.use_list(&owner.actor, pond, id + 1, false).await;
        assert!(matches!(absent, Err(BotsError::NotFound)), "{absent:?}");
        bots.remove_list(&world.system(), id).await.unwrap();
        assert_eq!(known(&world, lake, &twitch("ann")).await, None);
        for table in ["bot_list", "bot_list_entry", "bot_list_choice"] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        let twice = bots.remove_list(&world.system(), id).await;
        assert!(matches!(twice, Err(BotsError::NotFound)), "{twice:?}");
        world.expect_leftovers();
    }

    async fn what_a_community_says_outlives_the_next_import_and_comes_before_what_the_instance_says(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let bots = world.app.bots.clone();
        import(&world, &unwanted(&world), "ann\nbob").await;
        for _ in 0..2 {
            bots.correct(&mo.actor, pond, &twitch("@Ann"), Some(Ruling::Wrong), "I know her").await.unwrap();
        }
        assert_eq!(audited(&world, "bots.list.correct").await, 1);
        import(&world, &unwanted(&world), "ann\nbob\ncat").await;
        assert_eq!(known(&world, pond, &twitch("ann")).await, Some(Known::Cleared));
        assert!(is_fresh(known(&world, lake, &twitch("ann")).await), "each for itself");
        bots.correct_everywhere(&world.system(), &twitch("ann"), Some(Ruling::Service), "a helper").await.unwrap();
        assert_eq!(known(&world, lake, &twitch("ann")).await, Some(Known::Service));
        assert_eq!(known(&world, pond, &twitch("ann")).await, Some(Known::Cleared));
        let page = PageRequest::first(1);
        let shown = bots.corrections(&mo.actor, pond, &page).await.unwrap();
        assert_eq!((shown.items.len(), shown.items[0].decided_by, shown.next), (1, Some(mo.user), None));
        assert_eq!((shown.items[0].what.clone(), shown.items[0].reason.as_str()), (twitch("ann"), "I know her"));
        bots.correct(&mo.actor, pond, &twitch("ann"), None, "").await.unwrap();
        assert_eq!(known(&world, pond, &twitch("ann")).await, Some(Known::Service));
        let silent = bots.correct(&mo.actor, pond, &twitch("bob"), Some(Ruling::Wrong), " ").await;
        assert_eq!(silent.unwrap_err().code(), ErrorCode::BadUserInput);
        let audit = world.dump().await["audit"].join("\n");
        assert!(!audit.contains("ann"), "nobody can be erased from the log, so no name is in it");
    }

    async fn corrections_come_page_by_page(world: World) {
        let pond = world.community("Pond").await;
        let system = world.system();
        let bots = world.app.bots.clone();
        for name in ["cat", "ann", "bob"] {
            bots.correct(&system, pond, &twitch(name), Some(Ruling::Right), "spam").await.unwrap();
        }
        let domain = Listable::Domain("Evil.Example.".to_owned());
        bots.correct(&system, pond, &domain, Some(Ruling::Right), "phishing").await.unwrap();
        assert!(is_fresh(known(&world, pond, &domain).await));
        let mut page = PageRequest::first(3);
        let mut seen = Vec::new();
        loop {
            let found = bots.corrections(&system, pond, &page).await.unwrap();
            seen.extend(found.items.into_iter().map(|one| one.what.value().to_owned()));
            let Some(next) = found.next else { break };
            page = PageRequest::after(next, 3);
        }
        assert_eq!(seen, ["ann", "bob", "cat", "evil.example"]);
    }

    async fn whoever_a_list_names_has_a_case_with_the_first_word_or_follow_and_nobody_else(world: World) {
        let pond = world.community("Pond").await;
        let list = NewList { platform: Some(Platform::Discord), ..unwanted(&world) };
        import(&world, &list, "lurker\ncommander\ncleared\n").await;
        let cleared = Listable::Account(Platform::Discord, "cleared".to_owned());
        world.app.bots.correct(&world.system(), pond, &cleared, Some(Ruling::Wrong), "ours").await.unwrap();
        happens(&mut world, pond, "lurker", EventKind::Follow).await;
        happens(&mut world, pond, "friend", EventKind::Follow).await;
        happens(&mut world, pond, "cleared", EventKind::Follow).await;
        world.say(pond, "commander", "hello everybody").await;
        world.say(pond, "ann", "hello you").await;
        catch_up(&world).await;
        let cases = open(&world, pond).await;
        let names: BTreeSet<&str> = cases.iter().map(|case| case.account.as_ref().unwrap().username.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["commander", "lurker"]), "{cases:?}");
        for case in &cases {
            assert_eq!(case.reasons, [Reason::List]);
            assert!(!case.is_scored, "there is too little to predict anything from");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_prediction").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_score WHERE scored_n > 0").await, 0, "nobody has a score");
        // Once is enough, also when they speak.
        world.clock.advance(DAY);
        happens(&mut world, pond, "lurker", EventKind::Follow).await;
        world.say(pond, "lurker", "first words").await;
        catch_up(&world).await;
        assert_eq!(open(&world, pond).await, cases, "nothing is new");
        // A correction withdraws the case at once.
        let commander = Listable::Account(Platform::Discord, "commander".to_owned());
        world.app.bots.correct(&world.system(), pond, &commander, Some(Ruling::Wrong), "ours too").await.unwrap();
        assert_eq!(open(&world, pond).await.len(), 1);
    }

    async fn whoever_came_before_the_list_has_a_case_when_it_comes(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        happens(&mut world, pond, "passer", EventKind::Join).await;
        world.clock.advance(DAY * 2);
        for community in [pond, lake] {
            happens(&mut world, community, "lurker", EventKind::Follow).await;
        }
        for name in ["talker", "cleared", "ann"] {
            world.say(pond, name, "hello").await;
        }
        catch_up(&world).await;
        let bots = world.app.bots.clone();
        let cleared = Listable::Account(Platform::Discord, "cleared".to_owned());
        bots.correct(&world.system(), pond, &cleared, Some(Ruling::Wrong), "ours").await.unwrap();
        let list = NewList { platform: Some(Platform::Discord), ..unwanted(&world) };
        import(&world, &list, "Talker\nlurker\npasser\ncleared\nnobody\n").await;
        assert_eq!((named(&world, pond).await, named(&world, lake).await), (set(&[]), set(&[])));
        run_jobs(&mut world).await;
        // Whoever joined two days ago is hardly still there.
        assert_eq!((named(&world, pond).await, named(&world, lake).await), (set(&["lurker", "talker"]), set(&["lurker"])));
        let cases = open(&world, pond).await;
        let id = list_id(&world, pond).await;
        let everywhere = Look { list: Some(id), ..Look::default() };
        assert_eq!(bots.look_for_listed(&everywhere).await.unwrap(), 3);
        assert_eq!(open(&world, pond).await, cases, "nothing is new");
        // What people decided stays, also when the list is left out and used again.
        let talker = cases.iter().find(|case| case.account.as_ref().unwrap().username == "talker").unwrap();
        let moderator = world.person(pond, "mod", Some(Role::Moderator)).await;
        let said = NewReview { verdict: Verdict::Human, reason: String::new(), revision: None };
        bots.review(&moderator.actor, pond, talker.id, &said).await.unwrap();
        for is_used in [false, true] {
            bots.use_list(&world.system(), pond, id, is_used).await.unwrap();
            run_jobs(&mut world).await;
        }
        assert_eq!((named(&world, pond).await, named(&world, lake).await), (set(&["lurker"]), set(&["lurker"])));
        // And whom a moderator calls unwanted, at once.
        let ann = Listable::Account(Platform::Discord, "ann".to_owned());
        bots.correct(&world.system(), pond, &ann, Some(Ruling::Right), "sells things").await.unwrap();
        assert_eq!(named(&world, pond).await, set(&["ann", "lurker"]));
    }

    async fn a_list_adds_to_a_case_what_it_says_and_takes_nothing_away(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "talker", "hello").await;
        talks(&mut world, pond, "ann", 12, 77, chatter(0)).await;
        catch_up(&world).await;
        let list = NewList { platform: Some(Platform::Discord), ..unwanted(&world) };
        import(&world, &list, "talker\nann\n").await;
        run_jobs(&mut world).await;
        // Members had reported them, and a prediction said how probable it is.
        let likely = "UPDATE bot_case SET probability_ppm = 720000, reasons = 4 WHERE account_id = \
                      (SELECT id FROM platform_account WHERE username = 'talker')";
        assert_eq!(world.sql(likely).await, 1);
        // Whoever has said enough is scored, also when the score is not there yet.
        world.sql("DELETE FROM bot_score").await;
        world.sql("DELETE FROM bot_case WHERE probability_ppm < 720000").await;
        let look = Look { list: Some(list_id(&world, pond).await), ..Look::default() };
        assert_eq!(world.app.bots.look_for_listed(&look).await.unwrap(), 1);
        let cases = open(&world, pond).await;
        let [case] = cases.as_slice() else {
            panic!("{cases:?}")
        };
        assert_eq!(case.probability, Probability::percent(72));
        assert!(case.reasons.len() > 1 && case.reasons.contains(&Reason::List), "{:?}", case.reasons);
    }

    async fn whoever_a_list_names_is_found_when_a_community_was_made_anew(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "talker", "hello").await;
        happens(&mut world, pond, "lurker", EventKind::Follow).await;
        world.say(pond, "ann", "hello").await;
        catch_up(&world).await;
        world.app.bots.rebuild(pond, &mut |_| {}).await.unwrap();
        let waiting = "SELECT COUNT(*) FROM job WHERE kind = 'bots.list' AND state < 2";
        assert_eq!(world.number(waiting).await, 0, "nobody is named by anything");
        let list = NewList { platform: Some(Platform::Discord), ..unwanted(&world) };
        import(&world, &list, "talker\nlurker\n").await;
        // It came while the community was made anew, and passed it over.
        world.sql("DELETE FROM job").await;
        world.app.bots.rebuild(pond, &mut |_| {}).await.unwrap();
        assert_eq!(world.number(waiting).await, 1);
        run_jobs(&mut world).await;
        assert_eq!(named(&world, pond).await, set(&["lurker", "talker"]));
        // So do names that only a correction says are unwanted, wherever it was said.
        let ann = Listable::Account(Platform::Discord, "ann".to_owned());
        world.app.bots.correct_everywhere(&world.system(), &ann, Some(Ruling::Right), "sells things").await.unwrap();
        run_jobs(&mut world).await;
        assert_eq!(named(&world, pond).await, set(&["ann", "lurker", "talker"]));
        world.sql("DELETE FROM bot_case").await;
        let around = Look { community: Some(pond), ..Look::default() };
        assert_eq!(world.app.bots.look_for_listed(&around).await.unwrap(), 3);
        assert_eq!(named(&world, pond).await, set(&["ann", "lurker", "talker"]));
    }

    async fn a_list_that_comes_or_goes_has_accounts_scored_again_at_once(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        world.say(pond, "ann", "hello").await;
        world.say(lake, "bob", "hello").await;
        catch_up(&world).await;
        let waiting = "SELECT COUNT(*) FROM job WHERE kind = 'bots.score' AND state < 2";
        let list = NewList { platform: Some(Platform::Discord), ..unwanted(&world) };
        import(&world, &list, "lurker\n").await;
        assert_eq!(world.number(waiting).await, 2, "each community");
        import(&world, &list, "lurker\n").await;
        let id = list_id(&world, pond).await;
        for is_used in [false, true, false, true] {
            world.app.bots.use_list(&world.system(), pond, id, is_used).await.unwrap();
        }
        assert_eq!(world.number(waiting).await, 2, "once a minute is enough");
        run_jobs(&mut world).await;
        for community in [pond, lake] {
            happens(&mut world, community, "lurker", EventKind::Follow).await;
        }
        catch_up(&world).await;
        assert_eq!((open(&world, pond).await.len(), open(&world, lake).await.len()), (1, 1));
        // Whoever leaves it out has its cases withdrawn, and nobody else.
        world.app.bots.use_list(&world.system(), pond, id, false).await.unwrap();
        assert_eq!(world.number(waiting).await, 1);
        run_jobs(&mut world).await;
        assert_eq!((open(&world, pond).await.len(), open(&world, lake).await.len()), (0, 1));
        world.app.bots.remove_list(&world.system(), id).await.unwrap();
        run_jobs(&mut world).await;
        assert_eq!(open(&world, lake).await.len(), 0);
        assert_eq!(audited(&world, "bots.review").await, 2, "and it is written down");
    }

    async fn lists_as_they_are_published_are_read_whole(world: World) {
        let pond = world.community("Pond").await;
        // The form of the lists of domains: one object, one array.
        let domains: Vec<String> = (0..22_000).map(|n| format!("nitro-{n}.example")).collect();
        let text = serde_json::json!({ "domains": domains }).to_string();
        let list = NewList {
            name: "phishing".to_owned(),
            kind: ListKind::Dangerous,
            platform: None,
            as_of: Day(20_000),
            half_life_days: 0,
            ..unwanted(&world)
        };
        let done = import(&world, &list, &text).await;
        assert_eq!((done.added, done.n_rejected), (22_000, 0));
        let one = Listable::Domain("nitro-21999.example".to_owned());
        assert!(is_fresh(known(&world, pond, &one).await));
        let done = import(&world, &list, &text.replace("nitro-", "gift-")).await;
        assert_eq!((done.added, done.removed, done.kept), (22_000, 22_000, 0));
    }
}
