//! Links to domains that lists call dangerous: a reason to look, which a correction takes back, and of which no text is kept.

use std::time::Duration;

use bots::{CaseState, Exemption, ListKind, Listable, NewList, Reason, Ruling, Setting};
use kernel::{Clock, CommunityId, Role};
use testkit::{World, on_both};

use super::bot_scores::{catch_up, chatter, night, open, talks};

const DAY: Duration = Duration::from_secs(86_400);
const LINK: &str = "gratis: https://login.evil.example/gift?to=me";

fn phish(world: &World, kind: ListKind) -> NewList {
    NewList {
        name: kind.as_str().to_owned(),
        kind,
        platform: None,
        source: "https://lists.example/domains.json".to_owned(),
        reason: "steals accounts".to_owned(),
        as_of: world.clock.now().day(),
        half_life_days: 10,
    }
}

async fn import(world: &World, kind: ListKind, text: &str) {
    let bots = &world.app.bots;
    let list = phish(world, kind);
    bots.import_list(&world.system(), &list, text)
        .await
        .unwrap();
}

async fn correct(world: &World, pond: CommunityId, domain: &str, ruling: Option<Ruling>) {
    let what = Listable::Domain(domain.to_owned());
    let bots = &world.app.bots;
    bots.correct(&world.system(), pond, &what, ruling, "we know")
        .await
        .unwrap();
}

/// The newest reasons of the open case of a community.
async fn why(world: &World, pond: CommunityId) -> Vec<String> {
    let case = open(world, pond).await[0].id;
    let file = world
        .app
        .bots
        .case(&world.system(), pond, case)
        .await
        .unwrap()
        .unwrap();
    let why = file.predictions[0].why.iter();
    why.filter(|one| one.signal == "phishing")
        .map(|one| one.sentence.clone())
        .collect()
}

async fn linked(world: &World) -> i64 {
    world
        .number("SELECT COALESCE(SUM(n), 0) FROM bot_link")
        .await
}

on_both! {
    async fn one_message_with_a_listed_link_opens_a_case_and_a_correction_takes_it_back(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        import(&world, ListKind::Dangerous, r#"{"domains": ["evil.example", "worse.example"]}"#).await;
        world.say(pond, "wolf", LINK).await;
        world.say(pond, "ann", "see https://fine.example, not evil.example").await;
        world.say(lake, "owl", "https://worse.example").await;
        catch_up(&world).await;
        let cases = open(&world, pond).await;
        assert_eq!(cases.len(), 1, "{cases:?}");
        assert_eq!(cases[0].reasons, [Reason::Phishing]);
        assert_eq!(why(&world, pond).await, ["linked to a phishing domain once (evil[.]example), listed by dangerous"]);
        let wolf = world.user_of(pond, "wolf").await;
        let score = world.app.bots.score_of(&world.system(), pond, wolf).await.unwrap();
        assert!(score.is_none(), "one message is too little for a score");
        assert_eq!(world.number("SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.case_opened'").await, 2);
        for (table, rows) in world.dump().await {
            let is_kept = rows.iter().any(|row| row.contains("gift?to") || row.contains("login.evil"));
            assert_eq!(is_kept, table == "message", "{table}");
        }

        correct(&world, pond, "evil.example", Some(Ruling::Wrong)).await;
        assert!(open(&world, pond).await.is_empty());
        world.say(pond, "wolf", LINK).await;
        catch_up(&world).await;
        assert!(open(&world, pond).await.is_empty(), "nor is it counted any more");
        assert_eq!(linked(&world).await, 2);
        assert_eq!(open(&world, lake).await.len(), 1, "another community says nothing about that");
        correct(&world, pond, "evil.example", None).await;
        world.say(pond, "wolf", LINK).await;
        catch_up(&world).await;
        assert_eq!(open(&world, pond).await[0].reasons, [Reason::Phishing]);
        assert_eq!(why(&world, pond).await, ["linked to a phishing domain 2 times (evil[.]example), listed by dangerous"]);
    }

    async fn who_is_scored_has_the_finding_with_the_rules_until_the_list_is_left_out(world: World) {
        let pond = world.community("Pond").await;
        import(&world, ListKind::Suspicious, "evil.example\n").await;
        talks(&mut world, pond, "wolf", 30, 77, chatter(0)).await;
        catch_up(&world).await;
        let wolf = world.user_of(pond, "wolf").await;
        let bots = world.app.bots.clone();
        let before = bots.score_of(&world.system(), pond, wolf).await.unwrap().unwrap();
        for _ in 0..2 {
            world.say(pond, "wolf", LINK).await;
        }
        catch_up(&world).await;
        let after = bots.score_of(&world.system(), pond, wolf).await.unwrap().unwrap();
        assert!(after.by_rules > before.by_rules, "{before:?} {after:?}");
        assert!(open(&world, pond).await[0].reasons.contains(&Reason::Phishing));
        assert_eq!(why(&world, pond).await, ["linked to a suspicious domain 2 times (evil[.]example), listed by suspicious"]);
        let list = bots.lists(&world.system(), pond).await.unwrap()[0].list.id;
        bots.use_list(&world.system(), pond, list, false).await.unwrap();
        bots.score_all(pond, None).await.unwrap();
        let then = bots.score_of(&world.system(), pond, wolf).await.unwrap().unwrap();
        assert_eq!((then.by_rules, open(&world, pond).await.len()), (before.by_rules, 0));
    }

    async fn an_entry_that_faded_does_nothing_and_what_was_linked_fades_with_it(world: World) {
        let pond = world.community("Pond").await;
        import(&world, ListKind::Dangerous, "evil.example\nold.example,2001-01-01\n").await;
        world.say(pond, "ann", "https://old.example").await;
        talks(&mut world, pond, "wolf", 30, 77, |n| testkit::message(&format!("{n} https://evil.example"))).await;
        catch_up(&world).await;
        assert_eq!((open(&world, pond).await.len(), linked(&world).await), (1, 30));
        world.clock.advance(DAY * 41);
        world.say(pond, "bob", LINK).await;
        catch_up(&world).await;
        assert_eq!(linked(&world).await, 30);
        let bots = world.app.bots.clone();
        bots.score_all(pond, None).await.unwrap();
        let wolf = world.user_of(pond, "wolf").await;
        let score = bots.score_of(&world.system(), pond, wolf).await.unwrap().unwrap();
        let cases = bots.history(&world.system(), pond, score.account.id).await.unwrap();
        assert!(cases[0].why.iter().any(|one| one.signal == "phishing"), "as it was said then");
        world.clock.advance(DAY * 50);
        night(&world).await;
        assert_eq!(linked(&world).await, 0, "it is forgotten");
    }

    async fn whoever_is_left_alone_is_not_looked_at_but_a_regular_who_may_have_been_taken_over(world: World) {
        let pond = world.community("Pond").await;
        import(&world, ListKind::Dangerous, "evil.example\n").await;
        let setting = Setting { is_dry_run: true, trusted_days: Some(1), trusted_score: Some(600), ..Setting::default() };
        world.app.bots.change_setting(&world.system(), pond, &setting).await.unwrap();
        world.person(pond, "mod", Some(Role::Moderator)).await;
        world.say(pond, "regular", "hello").await;
        world.clock.advance(DAY * 2);
        for name in ["mod", "regular"] {
            world.say(pond, name, LINK).await;
        }
        catch_up(&world).await;
        let cases = open(&world, pond).await;
        let names: Vec<&str> = cases.iter().filter_map(|case| Some(case.account.as_ref()?.username.as_str())).collect();
        assert_eq!(names, ["regular"]);
        let told = world.number("SELECT COUNT(*) FROM domain_event WHERE kind = 'bots.case_opened'").await;
        assert_eq!(told, 0, "it is a dry run");
        talks(&mut world, pond, "regular", 20, 77, chatter(0)).await;
        catch_up(&world).await;
        let regular = world.user_of(pond, "regular").await;
        let score = world.app.bots.score_of(&world.system(), pond, regular).await.unwrap().unwrap();
        assert_eq!(score.exemption, Some(Exemption::Regular));
        assert_eq!(open(&world, pond).await.len(), 1, "the case stays");
    }

    async fn a_list_that_came_later_counts_once_everything_is_made_anew_and_not_twice(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "wolf", 12, 77, |n| testkit::message(&format!("{n} https://evil.example"))).await;
        catch_up(&world).await;
        correct(&world, pond, "evil.example", Some(Ruling::Right)).await;
        assert_eq!(linked(&world).await, 0);
        for _ in 0..2 {
            world.app.bots.rebuild(pond, &mut |_| {}).await.unwrap();
            assert_eq!(linked(&world).await, 12);
        }
        assert!(open(&world, pond).await[0].reasons.contains(&Reason::Phishing));
        assert_eq!(why(&world, pond).await, ["linked to a phishing domain 12 times (evil[.]example), listed by a moderator"]);
        correct(&world, pond, "evil.example", Some(Ruling::Service)).await;
        let state = world.number("SELECT COUNT(*) FROM bot_case WHERE state = 3").await;
        let open = open(&world, pond).await;
        let left = open.iter().all(|case| case.state == CaseState::Open && case.reasons != [Reason::Phishing]);
        assert!(state == 1 || left, "{open:?}");
    }
}
