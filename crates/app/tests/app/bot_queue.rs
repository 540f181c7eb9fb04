//! Who is drawn by chance has a turn in the queue, however little the program suspects them.

use ::bots::{CaseOrder, CaseQuery, CaseState, Reason, Verdict};
use kernel::{PageRequest, Role};
use testkit::on_both;

use super::bot_cases::{case, talker, verdict};

on_both! {
    async fn after_four_others_the_oldest_that_was_drawn_by_chance_has_its_turn(world: World) {
        let pond = world.community("Pond").await;
        let bots = world.app.bots.clone();
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let next = async |order| {
            let found = bots.next_case(&mo.actor, pond, order).await;
            found.unwrap().unwrap().id
        };
        let mut suspects = Vec::new();
        for n in 0..12 {
            let (_, about) = talker(&mut world, pond, &format!("suspect-{n}")).await;
            suspects.push(case(&world, pond, about, 700_000 + n).await);
        }
        let mut drawn = Vec::new();
        for n in 0..2 {
            let (_, about) = talker(&mut world, pond, &format!("drawn-{n}")).await;
            let id = case(&world, pond, about, 1_000).await;
            world.sql(&format!("UPDATE bot_case SET reasons = 16, value_ppm = 0, opened_at = {n} WHERE id = {id}")).await;
            drawn.push(id);
        }
        let mut given = Vec::new();
        for n in 0..12 {
            if n == 4 {
                assert!(suspects.contains(&next(CaseOrder::Probability).await), "who asks for the surest gets the surest");
            }
            let id = next(CaseOrder::Value).await;
            // Whoever leaves one to others had it all the same.
            let said = if n == 9 { Verdict::Skip } else { Verdict::Human };
            bots.review(&mo.actor, pond, id, &verdict(said, None)).await.unwrap();
            given.push(id);
        }
        assert_eq!((given[4], given[9]), (drawn[0], drawn[1]));
        assert_eq!(given.iter().filter(|id| suspects.contains(id)).count(), 10);
        let query = CaseQuery {
            state: CaseState::Open,
            reason: Some(Reason::Sample),
            order: CaseOrder::Value,
            is_for_me: false,
            page: PageRequest::first(10),
        };
        let found = bots.cases(&mo.actor, pond, &query).await.unwrap();
        let listed: Vec<i32> = found.items.iter().map(|case| case.id).collect();
        assert_eq!(listed, [drawn[1]], "those that were drawn are listed by themselves");
    }
}
