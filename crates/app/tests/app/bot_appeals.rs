//! Appeals and skips: what ends with a decision, who answers, and what can be taken back.

use std::time::Duration;

use ::bots::{AppealState, CaseOrder, CaseQuery, CaseState, NewReview, Verdict};
use kernel::{AccountId, CommunityId, ErrorCode, PageRequest, Role};
use testkit::{Person, World, on_both};

const DAY: Duration = Duration::from_secs(86_400);

/// A case that was opened about somebody by the program.
async fn case(world: &World, community: CommunityId, about: &Person) -> i32 {
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        about.user
    );
    let account = AccountId(world.number(&account).await);
    let bots = &world.app.bots;
    assert!(
        bots.report(&world.system(), community, account, "")
            .await
            .unwrap()
    );
    let id = format!("SELECT id FROM bot_case WHERE account_id = {account}");
    i32::try_from(world.number(&id).await).unwrap()
}

async fn judge(world: &World, who: &Person, community: CommunityId, case: i32, verdict: Verdict) {
    let new = NewReview {
        verdict,
        reason: String::new(),
        revision: None,
    };
    let decided = world.app.bots.review(&who.actor, community, case, &new);
    decided.await.unwrap();
}

async fn state(world: &World, who: &Person) -> AppealState {
    let own = world.app.bots.own_verdicts(&who.actor).await.unwrap();
    own[0].appeals[0].state
}

on_both! {
    async fn appeals_end_with_the_decision_and_another_one_can_be_appealed_against(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let max = world.person(pond, "max", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let id = case(&world, pond, &ann).await;
        judge(&world, &mo, pond, id, Verdict::Bot).await;
        let first = bots.appeal(&ann.actor, id, "I am a duck").await.unwrap();
        world.clock.advance(DAY);
        bots.undo_review(&mo.actor, pond, id).await.unwrap();
        assert_eq!(state(&world, &ann).await, AppealState::Ended, "she sees that it is over");
        judge(&world, &mo, pond, id, Verdict::Human).await;
        let page = PageRequest::first(10);
        let waiting = bots.appeals(&max.actor, pond, AppealState::Open, &page).await.unwrap();
        assert!(waiting.items.is_empty());
        for answer in [AppealState::Refused, AppealState::Granted] {
            let late = bots.answer_appeal(&max.actor, pond, first, answer, "").await.unwrap_err();
            assert_eq!(late.code(), ErrorCode::Conflict, "{answer:?}");
        }
        let odd = bots.answer_appeal(&max.actor, pond, first, AppealState::Ended, "").await;
        assert!(odd.is_err_and(|error| error.code() == ErrorCode::BadUserInput));

        for _ in 0..2 {
            world.clock.advance(DAY);
            bots.undo_review(&mo.actor, pond, id).await.unwrap();
            judge(&world, &mo, pond, id, Verdict::Bot).await;
            let appeal = bots.appeal(&ann.actor, id, "a duck, I say").await.unwrap();
            assert_ne!(appeal, first);
            bots.answer_appeal(&max.actor, pond, appeal, AppealState::Refused, "no").await.unwrap();
            let soon = bots.appeal(&ann.actor, id, "please").await.unwrap_err();
            assert_eq!(soon.code(), ErrorCode::RateLimited, "the same decision, in less than thirty days");
        }
    }

    async fn nobody_refuses_an_appeal_against_themselves_while_somebody_else_could(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let boss = world.person(pond, "boss", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let max = world.person(pond, "max", Some(Role::Moderator)).await;
        let id = case(&world, pond, &ann).await;
        judge(&world, &boss, pond, id, Verdict::Bot).await;
        let appeal = bots.appeal(&ann.actor, id, "I am a duck").await.unwrap();
        let may = async |who: &Person| {
            let page = PageRequest::first(10);
            bots.appeals(&who.actor, pond, AppealState::Open, &page).await.unwrap().items[0].may_refuse
        };
        assert_eq!((may(&boss).await, may(&max).await), (false, true));
        let own = bots.answer_appeal(&boss.actor, pond, appeal, AppealState::Refused, "").await.unwrap_err();
        assert_eq!(own.code(), ErrorCode::Conflict, "owners too");
        world.app.identity.set_role(&world.system(), pond, max.user, None).await.unwrap();
        assert!(may(&boss).await, "there is nobody else");
        bots.answer_appeal(&boss.actor, pond, appeal, AppealState::Refused, "").await.unwrap();
        assert_eq!(state(&world, &ann).await, AppealState::Refused);
    }

    async fn what_one_left_to_others_counts_once_and_can_be_taken_back(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let max = world.person(pond, "max", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let id = case(&world, pond, &ann).await;
        let mine = CaseQuery {
            state: CaseState::Open, order: CaseOrder::Value, is_for_me: true, page: PageRequest::first(10),
            reason: None,
        };
        let n_mine = async |who: &Person| bots.cases(&who.actor, pond, &mine).await.unwrap().items.len();
        judge(&world, &mo, pond, id, Verdict::Skip).await;
        judge(&world, &mo, pond, id, Verdict::Skip).await;
        let said = "SELECT COUNT(*) FROM bot_review WHERE undone_at IS NULL";
        assert_eq!(world.number(said).await, 1, "the same again changes nothing");
        bots.undo_review(&max.actor, pond, id).await.unwrap();
        assert_eq!((n_mine(&mo).await, n_mine(&max).await), (0, 1), "it is not Max's to take back");
        let open = bots.undo_review(&mo.actor, pond, id).await.unwrap();
        assert_eq!((open.state, n_mine(&mo).await), (CaseState::Open, 1));
        judge(&world, &mo, pond, id, Verdict::Skip).await;
        assert_eq!((world.number(said).await, n_mine(&mo).await), (1, 0));
    }
}
