//! Cases: members report, moderators judge, whoever was judged may disagree, and nobody is punished by it.

use std::time::Duration;

use app::AppError;
use bots::{
    AppealState, BotsError, Called, Case, CaseFile, CaseOrder, CaseQuery, CaseState, LabelSource,
    Level, NewReview, Probability, REPORTS_A_DAY, Reason, ReportOutcome, Setting, Verdict, Waiting,
};
use identity::MergeSide;
use kernel::{AccountId, CommunityId, ErrorCode, PageRequest, Platform, Role, UserId};
use testkit::{Person, World, on_both};

const DAY: Duration = Duration::from_secs(86_400);

async fn account(world: &World, user: UserId) -> AccountId {
    let id = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user}");
    AccountId(world.number(&id).await)
}

/// Somebody who said something in a community, with their account.
pub(super) async fn talker(
    world: &mut World,
    community: CommunityId,
    name: &str,
) -> (Person, AccountId) {
    let person = world.person(community, name, Some(Role::Member)).await;
    let account = account(world, person.user).await;
    (person, account)
}

pub(super) fn verdict(verdict: Verdict, revision: Option<i32>) -> NewReview {
    NewReview {
        verdict,
        reason: "because".to_owned(),
        revision,
    }
}

async fn open(world: &World, community: CommunityId, order: CaseOrder) -> Vec<Case> {
    let query = CaseQuery {
        state: CaseState::Open,
        reason: None,
        order,
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

/// Moderators too may be bots.
async fn nobody_is_spared(world: &World, community: CommunityId) {
    let setting = Setting {
        exempt_role: None,
        ..Setting::default()
    };
    let changed = world
        .app
        .bots
        .change_setting(&world.system(), community, &setting)
        .await;
    changed.unwrap();
}

/// A case that a moderator opened about somebody, with a prediction behind it.
pub(super) async fn case(world: &World, community: CommunityId, about: AccountId, ppm: i32) -> i32 {
    let bots = &world.app.bots;
    assert!(
        bots.report(&world.system(), community, about, "spam")
            .await
            .unwrap()
    );
    world.sql(&format!(
        "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, \
         n_messages, at) VALUES ({community}, {about}, {ppm}, 400000, 'schema', '[1.5,null]', \
         '[{{\"signal\":\"pace\",\"value\":14.0,\"share\":1.2,\"sentence\":\"posts fast\"}}]', 12, 0)"
    )).await;
    world.sql(&format!(
        "UPDATE bot_case SET probability_ppm = {ppm}, value_ppm = 1000000 - {ppm}, prediction_id = \
         (SELECT MAX(id) FROM bot_prediction) WHERE account_id = {about}"
    )).await;
    let id = format!(
        "SELECT id FROM bot_case WHERE account_id = {about} AND community_id = {community}"
    );
    i32::try_from(world.number(&id).await).unwrap()
}

async fn file(world: &World, community: CommunityId, id: i32) -> CaseFile {
    let found = world.app.bots.case(&world.system(), community, id).await;
    found.unwrap().unwrap()
}

async fn labels(world: &World, community: CommunityId) -> Vec<(LabelSource, bool, u64)> {
    let counts = world
        .app
        .bots
        .label_counts(&world.system(), community)
        .await;
    let all = counts.unwrap().into_iter();
    all.map(|count| (count.source, count.is_bot, count.n))
        .collect()
}

async fn told(world: &World, kind: &str) -> i64 {
    world
        .number(&format!(
            "SELECT COUNT(*) FROM domain_event WHERE kind = '{kind}'"
        ))
        .await
}

/// What no verdict may change.
async fn consequences(world: &World) -> Vec<Vec<String>> {
    let mut dump = world.dump().await;
    [
        "membership",
        "reputation",
        "reputation_event",
        "delivery",
        "platform_account",
        "users",
    ]
    .map(|table| dump.remove(table).unwrap())
    .into()
}

on_both! {
    async fn who_follows_a_case_is_told_who_looks_at_it_as_long_as_they_may(world: World) {
        let pond = world.community("Pond").await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Moderator)).await;
        let (_, spam) = talker(&mut world, pond, "spam").await;
        let (_, other) = talker(&mut world, pond, "other").await;
        let (app, bots) = (&world.app, &world.app.bots);
        let id = case(&world, pond, spam, 930_000).await;
        let mut feed = app.follow_case(&ann.actor, pond, id).await.unwrap();
        assert_eq!(feed.next().await.unwrap().unwrap().viewers, [], "told at once");
        bots.look_at_case(&mo.actor, pond, id).await.unwrap();
        assert_eq!(feed.next().await.unwrap().unwrap().viewers, [mo.user]);
        // A look is over by itself; whatever wakes the page shows it.
        world.clock.advance(Duration::from_secs(301));
        case(&world, pond, other, 600_000).await;
        assert_eq!(feed.next().await.unwrap().unwrap().viewers, []);
        bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap();
        assert_eq!(feed.next().await.unwrap().unwrap().state, CaseState::Human);
        app.identity.set_role(&world.system(), pond, ann.user, Some(Role::Member)).await.unwrap();
        bots.undo_review(&mo.actor, pond, id).await.unwrap();
        assert!(feed.next().await.is_none(), "members hear no more");
        let absent = app.follow_case(&mo.actor, pond, 999).await;
        assert!(matches!(absent, Err(AppError::NotFound)), "{absent:?}");
        world.expect_leftovers();
    }

    async fn one_strangers_word_opens_no_case_and_two_do(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let (_, spammer) = talker(&mut world, pond, "spammer").await;
        let (ann, own) = talker(&mut world, pond, "ann").await;
        let (bob, _) = talker(&mut world, pond, "bob").await;
        for _ in 0..3 {
            assert!(!bots.report(&ann.actor, pond, spammer, "sells things").await.unwrap());
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_report").await, 1, "said three times, counted once");
        assert!(open(&world, pond, CaseOrder::Value).await.is_empty());
        assert!(bots.report(&bob.actor, pond, spammer, "").await.unwrap());
        let cases = open(&world, pond, CaseOrder::Value).await;
        assert_eq!((cases.len(), cases[0].reasons.clone()), (1, vec![Reason::Reports]));
        assert_eq!(cases[0].level, Level::Unlikely, "that two say so makes nobody likely a bot");
        let reports = file(&world, pond, cases[0].id).await.reports;
        assert_eq!(reports.len(), 2);
        assert_eq!((reports[1].reporter, reports[1].reason.as_str()), (Some(ann.user), "sells things"));
        let itself = bots.report(&ann.actor, pond, own, "").await.unwrap_err();
        assert_eq!(itself.code(), ErrorCode::BadUserInput);
        let lake = world.community("Lake").await;
        let unseen = bots.report(&world.system(), lake, spammer, "").await;
        assert!(matches!(unseen, Err(BotsError::NotFound)), "{unseen:?}");
        let nobody = bots.report(&ann.actor, pond, AccountId(999_999), "").await;
        assert!(matches!(nobody, Err(BotsError::NotFound)), "{nobody:?}");
        assert_eq!(told(&world, bots::CASE_OPENED).await, 1);
        let kim = world.person(pond, "kim", Some(Role::Member)).await;
        bots.report(&kim.actor, pond, spammer, "").await.unwrap();
        assert_eq!(told(&world, bots::CASE_OPENED).await, 1, "nothing else is said of it");
        // Of a case that chance opened, somebody is told when something speaks against the account.
        world.sql("UPDATE bot_case SET reasons = 16").await;
        let lee = world.person(pond, "lee", Some(Role::Member)).await;
        bots.report(&lee.actor, pond, spammer, "").await.unwrap();
        assert_eq!(told(&world, bots::CASE_OPENED).await, 2);
    }

    async fn whom_chat_means_is_found_by_id_or_name_where_they_were_seen(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        let bots = world.app.bots.clone();
        let (ann, own) = talker(&mut world, pond, "Ann").await;
        let (lara, _) = talker(&mut world, lake, "Lara").await;
        let row = format!("SELECT platform FROM platform_account WHERE id = {own}");
        let code = i16::try_from(world.number(&row).await).unwrap();
        let platform = Platform::ALL.into_iter().find(|platform| platform.code() == code).unwrap();
        let other = Platform::ALL.into_iter().find(|one| *one != platform).unwrap();
        let id = "id-Ann".to_owned();
        let name = |name: &str| Called::Name(name.to_owned());
        let of = async |community, platform, who: &Called| {
            bots.called(&world.system(), community, platform, who).await.unwrap()
        };
        for who in [Called::Id(id), name("ann"), name("ANN")] {
            assert_eq!(of(pond, platform, &who).await, Some(own), "{who:?}");
            assert_eq!(of(lake, platform, &who).await, None, "nobody saw her there");
            assert_eq!(of(pond, other, &who).await, None, "she is elsewhere");
        }
        for nobody in ["an", "ann%", "", "\0"] {
            assert_eq!(of(pond, platform, &name(nobody)).await, None);
        }
        let stranger = bots.called(&lara.actor, pond, platform, &name("ann")).await.unwrap_err();
        assert_eq!(stranger.code(), ErrorCode::Forbidden);
        let (_, twin) = talker(&mut world, pond, "ann two").await;
        world.sql(&format!(
            "UPDATE member SET name_folded = 'ann' WHERE user_id = (SELECT user_id FROM platform_account WHERE id = {twin})"
        )).await;
        let both = bots.called(&ann.actor, pond, platform, &name("ann")).await.unwrap_err();
        assert_eq!(both.code(), ErrorCode::Conflict, "which one is not guessed");
    }

    async fn whoever_cries_wolf_is_believed_less_and_nobody_reports_all_day(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (ann, _) = talker(&mut world, pond, "ann").await;
        let mut last = None;
        for n in 0..=REPORTS_A_DAY {
            let (_, about) = talker(&mut world, pond, &format!("duck{n}")).await;
            last = Some(bots.report(&ann.actor, pond, about, "").await);
            if n < 4 {
                bots.report(&mo.actor, pond, about, "").await.unwrap();
                let id = open(&world, pond, CaseOrder::Value).await[0].id;
                bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap();
            }
        }
        let refused = last.unwrap().unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RateLimited, "{refused}");
        world.clock.advance(DAY + Duration::from_secs(1));
        let (_, about) = talker(&mut world, pond, "another").await;
        bots.report(&ann.actor, pond, about, "").await.unwrap();
        let weight = "SELECT weight_ppm FROM bot_report WHERE account_id = ";
        let weight = world.number(&format!("{weight}{about}")).await;
        assert_eq!(weight, 166_667, "wrong four times: one of six");
    }

    async fn a_verdict_is_a_label_with_what_was_seen_and_punishes_nobody(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (spammer, about) = talker(&mut world, pond, "spammer").await;
        let id = case(&world, pond, about, 900_000).await;
        let before = consequences(&world).await;
        world.clock.advance(DAY);
        let seen = bots.look_at_case(&mo.actor, pond, id).await.unwrap();
        assert_eq!(seen.viewers, [mo.user]);
        world.clock.advance(Duration::from_secs(40));
        let decided = bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, Some(seen.revision))).await.unwrap();
        assert_eq!((decided.state, decided.decided_by), (CaseState::Bot, Some(mo.user)));
        assert_eq!(decided.viewers, []);
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, true, 1)]);
        let stored = "SELECT COUNT(*) FROM bot_label WHERE features = '[1.5,null]' AND schema_hash = 'schema' AND n_messages = 12";
        assert_eq!(world.number(stored).await, 1, "with the values of that prediction");
        assert_eq!(consequences(&world).await, before, "nobody is banned or scored");
        let whole = file(&world, pond, id).await;
        assert_eq!((whole.reviews.len(), whole.reviews[0].took_secs), (1, Some(40)));
        assert_eq!(whole.reports[0].outcome, ReportOutcome::Right);
        assert_eq!(whole.predictions[0].why[0].sentence, "posts fast");
        for _ in 0..2 {
            bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, None)).await.unwrap();
        }
        assert_eq!(told(&world, bots::CASE_DECIDED).await, 1, "the same again changes nothing");
        let other = bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::Conflict);
        let suspects = bots.suspects(&mo.actor, pond, Some(Probability::percent(50)), 100).await.unwrap();
        assert_eq!((suspects.len(), suspects[0].account.as_ref().unwrap().user), (1, spammer.user));

        let opened = bots.undo_review(&world.system(), pond, id).await.unwrap();
        assert_eq!((opened.state, opened.decided_at), (CaseState::Open, None));
        assert!(labels(&world, pond).await.is_empty(), "what was learned is forgotten");
        let whole = file(&world, pond, id).await;
        assert_eq!(whole.reports[0].outcome, ReportOutcome::Open);
        assert!(whole.reviews[0].undone_at.is_some());
        bots.undo_review(&mo.actor, pond, id).await.unwrap();
        bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap();
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, false, 1)]);
        assert_eq!(file(&world, pond, id).await.reports[0].outcome, ReportOutcome::Wrong);
        assert!(bots.suspects(&mo.actor, pond, Some(Probability::default()), 100).await.unwrap().is_empty());
        assert_eq!(world.number("SELECT COUNT(*) FROM audit WHERE action = 'bots.review'").await, 3);
    }

    async fn a_verdict_that_is_taken_back_makes_the_one_before_it_count_again(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (_, about) = talker(&mut world, pond, "spammer").await;
        let id = case(&world, pond, about, 900_000).await;
        bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap();
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, false, 1)]);
        let first = world.number("SELECT at FROM bot_label").await;
        // A quarter of a year later there is new evidence.
        world.clock.advance(DAY * 91);
        world.sql("UPDATE bot_case SET state = 0, decided_by = NULL, decided_at = NULL, revision = revision + 1").await;
        bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, None)).await.unwrap();
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, true, 1)]);
        bots.undo_review(&mo.actor, pond, id).await.unwrap();
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, false, 1)]);
        assert_eq!(world.number("SELECT at FROM bot_label").await, first, "of when it was said");
    }

    async fn of_two_moderators_the_first_decides_and_each_sees_the_other(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let ana = world.person(pond, "ana", Some(Role::Moderator)).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (_, about) = talker(&mut world, pond, "spammer").await;
        let id = case(&world, pond, about, 600_000).await;
        let seen = bots.look_at_case(&ana.actor, pond, id).await.unwrap();
        assert_eq!(bots.look_at_case(&mo.actor, pond, id).await.unwrap().viewers, [ana.user, mo.user], "Ana is reviewing");
        let ana_sees = bots.case(&ana.actor, pond, id).await.unwrap().unwrap().case;
        assert_eq!(ana_sees.viewers, [ana.user, mo.user], "and sees that Mo is");
        // Whoever looks on stays the first.
        world.clock.advance(Duration::from_secs(200));
        assert_eq!(bots.look_at_case(&ana.actor, pond, id).await.unwrap().viewers, [ana.user, mo.user]);
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(bots.look_at_case(&mo.actor, pond, id).await.unwrap().viewers, [mo.user]);
        let mut all = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (bots, actor) = (bots.clone(), if n % 2 == 0 { ana.actor.clone() } else { mo.actor.clone() });
            let said = verdict(if n % 2 == 0 { Verdict::Bot } else { Verdict::Human }, Some(seen.revision));
            all.spawn(async move { bots.review(&actor, pond, id, &said).await });
        }
        while let Some(answer) = all.join_next().await {
            match answer.unwrap() {
                Ok(case) => assert!(case.state.is_decided()),
                Err(BotsError::Conflict(_)) => {}
                Err(BotsError::Storage(error)) if error.is_transient() => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let counted = "SELECT COUNT(*) FROM bot_review WHERE undone_at IS NULL";
        assert_eq!(world.number(counted).await, 1);
        assert_eq!(labels(&world, pond).await.iter().map(|(_, _, n)| n).sum::<u64>(), 1);
    }

    async fn a_verdict_about_what_has_changed_since_is_refused_and_nobody_judges_themselves(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let (ann, _) = talker(&mut world, pond, "ann").await;
        let (_, about) = talker(&mut world, pond, "spammer").await;
        let id = case(&world, pond, about, 600_000).await;
        let seen = file(&world, pond, id).await.case.revision;
        bots.report(&ann.actor, pond, about, "again").await.unwrap();
        let stale = bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, Some(seen))).await.unwrap_err();
        assert_eq!(stale.code(), ErrorCode::Conflict);
        let own = account(&world, mo.user).await;
        nobody_is_spared(&world, pond).await;
        let id = case(&world, pond, own, 900_000).await;
        let itself = bots.review(&mo.actor, pond, id, &verdict(Verdict::Human, None)).await.unwrap_err();
        assert_eq!(itself.code(), ErrorCode::Conflict);
        let lake = world.community("Lake").await;
        let elsewhere = bots.review(&world.system(), lake, id, &verdict(Verdict::Bot, None)).await;
        assert!(matches!(elsewhere, Err(BotsError::NotFound)), "{elsewhere:?}");
        assert_eq!(bots.case(&world.system(), lake, id).await.unwrap(), None);
    }

    async fn a_queue_is_sorted_paged_and_leaves_out_what_one_left_to_others(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let mut by_ppm = Vec::new();
        for (name, ppm) in [("a", 300_000), ("b", 900_000), ("c", 600_000), ("d", 600_000)] {
            let (_, about) = talker(&mut world, pond, name).await;
            by_ppm.push((case(&world, pond, about, ppm).await, about));
        }
        let ids = |cases: &[Case]| cases.iter().map(|case| case.id).collect::<Vec<_>>();
        let [a, b, c, d] = [0, 1, 2, 3].map(|n| by_ppm[n].0);
        assert_eq!(ids(&open(&world, pond, CaseOrder::Probability).await), [b, d, c, a]);
        assert_eq!(ids(&open(&world, pond, CaseOrder::Value).await), [a, d, c, b]);
        let mut query = CaseQuery {
            state: CaseState::Open, order: CaseOrder::Probability, is_for_me: true, page: PageRequest::first(3),
            reason: None,
        };
        let mut paged = Vec::new();
        loop {
            let found = bots.cases(&mo.actor, pond, &query).await.unwrap();
            paged.extend(ids(&found.items));
            let Some(next) = found.next else { break };
            query.page = PageRequest::after(next, 3);
        }
        assert_eq!(paged, [b, d, c, a]);
        query.page = PageRequest::first(10);
        bots.review(&mo.actor, pond, b, &verdict(Verdict::Skip, None)).await.unwrap();
        assert_eq!(ids(&bots.cases(&mo.actor, pond, &query).await.unwrap().items), [d, c, a]);
        assert_eq!(open(&world, pond, CaseOrder::Probability).await.len(), 4, "others still see it");
        world.clock.advance(DAY);
        let (ann, _) = talker(&mut world, pond, "ann").await;
        bots.report(&ann.actor, pond, by_ppm[1].1, "").await.unwrap();
        assert_eq!(bots.cases(&mo.actor, pond, &query).await.unwrap().items.len(), 4, "there is something new");
        assert_eq!(bots.case_counts(&mo.actor, pond).await.unwrap()[&CaseState::Open], 4);
        assert!(labels(&world, pond).await.is_empty());
        let likely = async || bots.waiting(&mo.actor, pond).await.unwrap().likely;
        assert_eq!(likely().await, 1, "of those one is likely");
        let strict = Setting { likely: Probability::percent(60), ..Setting::default() };
        bots.change_setting(&world.system(), pond, &strict).await.unwrap();
        assert_eq!(likely().await, 3, "by the community's own threshold");
        bots.review(&mo.actor, pond, d, &verdict(Verdict::Human, None)).await.unwrap();
        assert_eq!(likely().await, 2, "what is decided waits no more");
        let brook = world.community("Brook").await;
        assert_eq!(bots.waiting(&world.system(), brook).await.unwrap(), Waiting::default());
    }

    async fn the_next_case_is_nobody_elses_and_not_about_oneself_nor_what_one_left_to_others(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let max = world.person(pond, "max", Some(Role::Moderator)).await;
        let next = async |who: &Person, order| {
            let found = bots.next_case(&who.actor, pond, order).await;
            found.unwrap().map(|case| case.id)
        };
        assert_eq!(next(&mo, CaseOrder::Value).await, None);
        nobody_is_spared(&world, pond).await;
        let own = case(&world, pond, account(&world, mo.user).await, 990_000).await;
        assert_eq!(next(&mo, CaseOrder::Value).await, None, "nobody judges themselves");
        let (_, about) = talker(&mut world, pond, "sure").await;
        let sure = case(&world, pond, about, 900_000).await;
        let (_, about) = talker(&mut world, pond, "unsure").await;
        let unsure = case(&world, pond, about, 500_000).await;
        assert_eq!(next(&mo, CaseOrder::Value).await, Some(unsure));
        assert_eq!(next(&mo, CaseOrder::Probability).await, Some(sure));
        assert_eq!(next(&max, CaseOrder::Probability).await, Some(own));
        bots.look_at_case(&max.actor, pond, unsure).await.unwrap();
        assert_eq!(next(&max, CaseOrder::Value).await, Some(unsure), "whoever has it gets it");
        assert_eq!(next(&mo, CaseOrder::Value).await, Some(sure));
        bots.review(&mo.actor, pond, sure, &verdict(Verdict::Skip, None)).await.unwrap();
        assert_eq!(next(&mo, CaseOrder::Value).await, None, "one is left to others, one is before somebody");
        world.clock.advance(Duration::from_secs(6 * 60));
        assert_eq!(next(&mo, CaseOrder::Value).await, Some(unsure), "nobody looks at it any more");
        bots.review(&max.actor, pond, unsure, &verdict(Verdict::Human, None)).await.unwrap();
        assert_eq!(next(&mo, CaseOrder::Value).await, None);
        let member = world.person(pond, "ann", Some(Role::Member)).await;
        let refused = bots.next_case(&member.actor, pond, CaseOrder::Value).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }

    async fn of_what_teaches_most_the_next_case_is_unlike_those_that_were_decided_and_pages_stay_in_their_order(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let max = world.person(pond, "max", Some(Role::Moderator)).await;
        let next = async |who: &Person, order| {
            let found = bots.next_case(&who.actor, pond, order).await;
            found.unwrap().map(|case| case.id)
        };
        let columns = ::bots::features::SCHEMA.columns().len();
        let mut ids = Vec::new();
        // A ring of three that teaches most, one whose numbers are far above it, one whose are further below, and one of whom
        // nothing is kept.
        let all = [("ring 1", "0.0"), ("ring 2", "0.1"), ("ring 3", "0.0"), ("above", "3.0"), ("below", "-4.0"), ("unknown", "")];
        for (ppm, (name, value)) in (100_000..).step_by(100_000).zip(all) {
            let (_, about) = talker(&mut world, pond, name).await;
            let id = case(&world, pond, about, ppm).await;
            world.sql(&format!("UPDATE bot_case SET value_ppm = 1000000 - {ppm} WHERE id = {id}")).await;
            if !value.is_empty() {
                world.sql(&format!(
                    "UPDATE bot_prediction SET schema_hash = '{}', features = '[{}]' WHERE account_id = {about}",
                    ::bots::features::SCHEMA.hash(), vec![value; columns].join(",")
                )).await;
            }
            ids.push(id);
        }
        let [first, second, third, above, below, unknown] = ids[..] else { panic!("{ids:?}") };
        let listed = async || -> Vec<i32> {
            open(&world, pond, CaseOrder::Value).await.iter().map(|case| case.id).collect()
        };
        assert_eq!(listed().await, ids);
        assert_eq!(next(&mo, CaseOrder::Value).await, Some(first), "nothing is known yet");
        assert_eq!(next(&mo, CaseOrder::Probability).await, Some(unknown));
        // Two who look at once get two that are unlike each other.
        bots.look_at_case(&mo.actor, pond, first).await.unwrap();
        assert_eq!(next(&mo, CaseOrder::Value).await, Some(first), "it is the same as long as nothing is decided");
        assert_eq!(next(&max, CaseOrder::Value).await, Some(below));
        let mut given = Vec::new();
        while let Some(id) = next(&mo, CaseOrder::Value).await {
            bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, None)).await.unwrap();
            given.push(id);
            let left: Vec<i32> = ids.iter().copied().filter(|id| !given.contains(id)).collect();
            assert_eq!(listed().await, left, "pages keep their order");
        }
        assert_eq!(given, [first, below, above, unknown, second, third]);
    }

    async fn a_person_who_was_judged_is_asked_about_again_only_after_a_long_time(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let (_, about) = talker(&mut world, pond, "ann").await;
        let id = case(&world, pond, about, 800_000).await;
        bots.review(&world.system(), pond, id, &verdict(Verdict::Human, None)).await.unwrap();
        assert!(!bots.report(&world.system(), pond, about, "").await.unwrap());
        assert_eq!(file(&world, pond, id).await.case.state, CaseState::Human);
        world.clock.advance(DAY * 91);
        assert!(bots.report(&world.system(), pond, about, "").await.unwrap());
        let again = file(&world, pond, id).await.case;
        assert_eq!((again.id, again.state, again.decided_by), (id, CaseState::Open, None));
        assert_eq!(told(&world, bots::CASE_OPENED).await, 2);
    }

    async fn in_a_dry_run_cases_are_written_down_and_nobody_is_told(world: World) {
        let pond = world.community("Pond").await;
        let dry = Setting { is_dry_run: true, ..Setting::default() };
        world.app.bots.change_setting(&world.system(), pond, &dry).await.unwrap();
        let (_, about) = talker(&mut world, pond, "ann").await;
        case(&world, pond, about, 800_000).await;
        assert_eq!(open(&world, pond, CaseOrder::Value).await.len(), 1);
        assert_eq!(told(&world, bots::CASE_OPENED).await, 0);
    }

    async fn whoever_was_called_a_bot_says_no_and_a_granted_appeal_makes_them_a_person(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let ana = world.person(pond, "ana", Some(Role::Moderator)).await;
        let (ann, about) = talker(&mut world, pond, "ann").await;
        let (bob, _) = talker(&mut world, pond, "bob").await;
        let id = case(&world, pond, about, 800_000).await;
        let early = bots.appeal(&ann.actor, id, "I am a duck").await;
        assert!(matches!(early, Err(BotsError::NotFound)), "what is open is nobody's to know: {early:?}");
        assert!(bots.own_verdicts(&ann.actor).await.unwrap().is_empty());
        bots.review(&mo.actor, pond, id, &verdict(Verdict::Bot, None)).await.unwrap();
        // The banned have no other way to say something.
        world.app.identity.set_role(&world.system(), pond, ann.user, Some(Role::Banned)).await.unwrap();
        let ann = Person { user: ann.user, actor: world.actor_of(ann.user).await };
        let foreign = bots.appeal(&bob.actor, id, "he is a duck").await;
        assert!(matches!(foreign, Err(BotsError::NotFound)), "{foreign:?}");
        let silent = bots.appeal(&ann.actor, id, "  ").await.unwrap_err();
        assert_eq!(silent.code(), ErrorCode::BadUserInput);
        let appeal = bots.appeal(&ann.actor, id, "I am a duck").await.unwrap();
        assert_eq!(bots.appeal(&ann.actor, id, " I am a duck").await.unwrap(), appeal, "the same again");
        let more = bots.appeal(&ann.actor, id, "really").await.unwrap_err();
        assert_eq!(more.code(), ErrorCode::Conflict, "one at a time, and no words are lost unsaid");
        let own = bots.own_verdicts(&ann.actor).await.unwrap();
        assert_eq!((own.len(), own[0].case, own[0].appeals.len()), (1, id, 1));
        let page = PageRequest::first(10);
        let waiting = bots.appeals(&mo.actor, pond, AppealState::Open, &page).await.unwrap();
        assert_eq!((waiting.items.len(), waiting.items[0].words.as_str()), (1, "I am a duck"));

        let judge = bots.answer_appeal(&mo.actor, pond, appeal, AppealState::Refused, "no").await.unwrap_err();
        assert_eq!(judge.code(), ErrorCode::Conflict, "who decided does not refuse");
        bots.answer_appeal(&ana.actor, pond, appeal, AppealState::Refused, "you post too fast").await.unwrap();
        let soon = bots.appeal(&ann.actor, id, "please").await.unwrap_err();
        assert_eq!(soon.code(), ErrorCode::RateLimited);
        world.clock.advance(DAY * 30);
        let again = bots.appeal(&ann.actor, id, "please").await.unwrap();
        assert_ne!(again, appeal);
        for _ in 0..2 {
            bots.answer_appeal(&mo.actor, pond, again, AppealState::Granted, "sorry").await.unwrap();
        }
        let other = bots.answer_appeal(&ana.actor, pond, again, AppealState::Refused, "").await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::Conflict);
        assert_eq!(file(&world, pond, id).await.case.state, CaseState::Human);
        assert_eq!(labels(&world, pond).await, [(LabelSource::Review, false, 1)]);
        let own = bots.own_verdicts(&ann.actor).await.unwrap();
        let answer = own[0].appeals[0].answer.as_str();
        assert_eq!((own.len(), own[0].stands, answer), (1, false, "sorry"), "the answer can still be read");
        let role = world.app.identity.roles(&world.system(), pond, &[ann.user]).await.unwrap()[&ann.user];
        assert_eq!(role, Role::Banned, "a label is no action, neither way");
        assert_eq!((told(&world, bots::APPEAL_MADE).await, told(&world, bots::APPEAL_ANSWERED).await), (2, 2));
    }

    async fn reports_follow_their_reporter_through_a_merge_and_come_back(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let (_, one) = talker(&mut world, pond, "one").await;
        let (_, two) = talker(&mut world, pond, "two").await;
        let (ann, _) = talker(&mut world, pond, "ann").await;
        let (bob, _) = talker(&mut world, pond, "bob").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        bots.report(&ann.actor, pond, one, "").await.unwrap();
        bots.report(&bob.actor, pond, two, "").await.unwrap();
        let of = async |person: &Person| {
            world.number(&format!("SELECT COUNT(*) FROM bot_report WHERE reporter_id = {}", person.user)).await
        };
        let root = world.admin("root").await;
        let identity = world.app.identity.clone();
        let id = identity.request_merge(&root.actor, ann.user, bob.user).await.unwrap();
        for (who, side) in [(&ann, MergeSide::Kept), (&bob, MergeSide::Merged)] {
            let session = world.session(who.user).await;
            identity.confirm_merge(&world.actor_of(who.user).await, session, None, id, side).await.unwrap();
        }
        assert_eq!((of(&ann).await, of(&bob).await), (2, 0));
        let session = world.session(ann.user).await;
        identity.undo_merge(&world.actor_of(ann.user).await, session, None, id).await.unwrap();
        assert_eq!((of(&ann).await, of(&bob).await), (1, 1));
        world.expect_leftovers();
    }
}
