//! What comes of reports and corrections for whom they are about: what a case says, whom it is not opened about, and
//! whose word counts.

use ::activity::{Doubt, Doubts};
use ::bots::{
    Bots, CaseState, Exemption, LabelSource, Listable, NewReview, Probability, Reason, Ruling,
    Verdict,
};
use kernel::{AccountId, CommunityId, PageRequest, Platform, Role};
use testkit::{Person, World, on_both};

use super::bot_scores::{advert, catch_up, chatter, open, talks};

async fn member(world: &mut World, community: CommunityId, name: &str) -> Person {
    world.person(community, name, Some(Role::Member)).await
}

async fn account(world: &World, name: &str) -> AccountId {
    let id = format!("SELECT id FROM platform_account WHERE username = '{name}'");
    AccountId(world.number(&id).await)
}

async fn score(world: &World, community: CommunityId, name: &str) -> ::bots::Score {
    let user = world.user_of(community, name).await;
    let system = world.system();
    let found = world.app.bots.score_of(&system, community, user).await;
    found.unwrap().unwrap()
}

async fn judge(world: &World, community: CommunityId, case: i32, verdict: Verdict) {
    let new = NewReview {
        verdict,
        reason: String::new(),
        revision: None,
    };
    let (bots, system) = (&world.app.bots, world.system());
    let decided = bots.review(&system, community, case, &new).await;
    decided.unwrap();
}

async fn labels(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM bot_label").await
}

async fn doubt(bots: &Bots, world: &World, community: CommunityId, name: &str) -> Option<Doubt> {
    let user = world.user_of(community, name).await;
    let found = bots.about(community, &[user]).await.unwrap();
    found.get(&user).copied()
}

on_both! {
    async fn a_case_that_reports_open_says_what_the_program_thinks_and_its_verdict_is_learned(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        for (place, name) in ["ann", "bob", "cat"].into_iter().enumerate() {
            talks(&mut world, pond, name, 40, 77, chatter(place)).await;
        }
        catch_up(&world).await;
        let (dan, eve) = (member(&mut world, pond, "dan").await, member(&mut world, pond, "eve").await);
        let thought = score(&world, pond, "ann").await;
        // As after a sweep of what is old.
        world.sql("DELETE FROM bot_prediction").await;
        for who in [&dan, &eve] {
            bots.report(&who.actor, pond, thought.account.id, "odd").await.unwrap();
        }
        let case = open(&world, pond).await.into_iter().find(|case| case.reasons == [Reason::Reports]).unwrap();
        assert_eq!((case.probability, case.level, case.is_scored), (thought.probability, thought.level, true));
        judge(&world, pond, case.id, Verdict::Bot).await;
        let counted = bots.label_counts(&world.system(), pond).await.unwrap();
        assert_eq!((counted.len(), counted[0].source, counted[0].is_bot, counted[0].n), (1, LabelSource::Review, true, 1));
        let suspects = bots.suspects(&world.system(), pond, None, 10).await.unwrap();
        assert!(suspects.iter().any(|one| one.id == case.id), "found to be one, however unlikely: {suspects:?}");
        let sure = Some(Probability::percent(100));
        assert!(case.probability < Probability::percent(100));
        let suspects = bots.suspects(&world.system(), pond, sure, 10).await.unwrap();
        assert!(suspects.is_empty(), "whoever asks for the sure ones gets no others: {suspects:?}");
        let asked = Some(case.probability);
        let suspects = bots.suspects(&world.system(), pond, asked, 10).await.unwrap();
        assert!(suspects.iter().any(|one| one.id == case.id), "{suspects:?}");
    }

    async fn a_case_about_somebody_silent_says_that_they_are_not_scored_and_what_is_said_later_is_learned(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        member(&mut world, pond, "ann").await;
        let about = account(&world, "ann").await;
        assert!(bots.report(&world.system(), pond, about, "").await.unwrap());
        let case = open(&world, pond).await.remove(0);
        assert!(!case.is_scored);
        talks(&mut world, pond, "ann", 5, 60, advert).await;
        catch_up(&world).await;
        judge(&world, pond, case.id, Verdict::Bot).await;
        assert_eq!(labels(&world).await, 1, "of the few messages that there are");
    }

    async fn whom_a_correction_clears_has_no_case_and_is_in_no_doubt_at_once(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let helper = Listable::Account(Platform::Discord, "Helper".to_owned());
        talks(&mut world, pond, "Helper", 60, 600, advert).await;
        catch_up(&world).await;
        bots.report(&mo.actor, pond, account(&world, "Helper").await, "").await.unwrap();
        assert_eq!(doubt(&bots, &world, pond, "Helper").await, Some(Doubt::LikelyBot));
        for (ruling, exemption) in [(Ruling::Service, Exemption::Service), (Ruling::Wrong, Exemption::Cleared)] {
            assert!(open(&world, pond).await[0].reasons.contains(&Reason::Score));
            bots.correct(&mo.actor, pond, &helper, Some(ruling), "known").await.unwrap();
            assert!(open(&world, pond).await.is_empty(), "{ruling:?}");
            assert_eq!(score(&world, pond, "Helper").await.exemption, Some(exemption));
            assert_eq!(doubt(&bots, &world, pond, "Helper").await, None);
            // Taken back, the account is like any other.
            bots.correct(&mo.actor, pond, &helper, None, "").await.unwrap();
            assert_eq!(score(&world, pond, "Helper").await.exemption, None);
        }
        let why = "SELECT COUNT(*) FROM audit WHERE action = 'bots.review' AND CAST(detail AS text) LIKE '%a correction%'";
        assert_eq!(world.number(why).await, 2);
        bots.correct_everywhere(&world.system(), &helper, Some(Ruling::Service), "everybody's").await.unwrap();
        assert!(open(&world, pond).await.is_empty(), "the instance's word too");
    }

    async fn reports_about_whom_the_program_leaves_alone_wait_and_open_no_case(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        talks(&mut world, pond, "marked", 40, 600, advert).await;
        world.sql("UPDATE platform_account SET is_bot = TRUE WHERE username = 'marked'").await;
        catch_up(&world).await;
        let about = account(&world, "marked").await;
        for name in ["ann", "bob"] {
            let who = member(&mut world, pond, name).await;
            assert!(!bots.report(&who.actor, pond, about, name).await.unwrap());
        }
        assert!(!bots.report(&world.system(), pond, about, "").await.unwrap(), "nor a moderator's");
        assert!(open(&world, pond).await.is_empty());
        let waiting = bots.waiting_reports(&world.system(), pond, &PageRequest::first(2)).await.unwrap();
        assert_eq!((waiting.items.len(), waiting.items[1].report.reason.as_str()), (2, "bob"));
        let rest = PageRequest::after(waiting.next.unwrap(), 2);
        let rest = bots.waiting_reports(&world.system(), pond, &rest).await.unwrap();
        assert_eq!((rest.items.len(), rest.items[0].account.as_ref().map(|one| one.id)), (1, Some(about)));
    }

    async fn reports_after_somebody_found_a_person_wait_and_open_the_case_when_it_looks_worse(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        for (place, name) in ["ann", "bob", "cat"].into_iter().enumerate() {
            talks(&mut world, pond, name, 40, 77, chatter(place)).await;
        }
        catch_up(&world).await;
        let about = account(&world, "ann").await;
        bots.report(&world.system(), pond, about, "").await.unwrap();
        let case = score(&world, pond, "ann").await.case.unwrap();
        judge(&world, pond, case, Verdict::Human).await;
        let first = PageRequest::first(10);
        for (place, name) in ["dan", "eve", "fay"].into_iter().enumerate() {
            if name == "fay" {
                world.sql(&format!("UPDATE bot_score SET probability_ppm = 990000 WHERE account_id = {about}")).await;
            }
            let who = member(&mut world, pond, name).await;
            let is_open = bots.report(&who.actor, pond, about, "").await.unwrap();
            assert_eq!(is_open, name == "fay", "the same evidence was judged, another was not");
            let waiting = bots.waiting_reports(&world.system(), pond, &first).await.unwrap().items.len();
            assert_eq!(waiting, if is_open { 0 } else { place + 1 });
        }
        let again = bots.case(&world.system(), pond, case).await.unwrap().unwrap();
        assert_eq!((again.case.state, again.case.probability), (CaseState::Open, Probability::percent(99)));
    }

    async fn a_word_that_was_right_once_opens_no_case_alone_and_one_right_thrice_does(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let ann = member(&mut world, pond, "ann").await;
        for n in 0..4 {
            let name = format!("duck{n}");
            member(&mut world, pond, &name).await;
            let about = account(&world, &name).await;
            assert_eq!(bots.report(&ann.actor, pond, about, "").await.unwrap(), n == 3, "after {n}");
            bots.report(&world.system(), pond, about, "").await.unwrap();
            let case = open(&world, pond).await[0].id;
            judge(&world, pond, case, Verdict::Bot).await;
        }
    }
}
