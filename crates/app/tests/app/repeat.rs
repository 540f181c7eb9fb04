//! Requests that may be sent again: how many are remembered, and what of them.

use std::time::Duration;

use identity::{KeptAnswer, Repeat, Repeatable};
use testkit::on_both;

fn request(key: &str) -> Repeatable<'_> {
    Repeatable {
        route: "POST /anything",
        key,
        content: b"{}",
    }
}

on_both! {
    async fn of_somebodys_requests_the_last_thousand_are_remembered(world: World) {
        let root = world.admin("root").await;
        let identity = &world.app.identity;
        for n in 0..1_005 {
            world.clock.advance(Duration::from_millis(1));
            let begun = identity.begin_request(&root.actor, &request(&n.to_string())).await.unwrap();
            assert!(matches!(begun, Repeat::First(_)));
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM repeatable").await, 1_000);
        let old = identity.begin_request(&root.actor, &request("4")).await.unwrap();
        assert!(matches!(old, Repeat::First(_)), "forgotten");
        let new = identity.begin_request(&root.actor, &request("1004")).await.unwrap();
        assert_eq!(new, Repeat::UnderWay);
    }

    async fn an_answer_is_written_down_once_and_one_that_is_too_large_is_not(world: World) {
        let root = world.admin("root").await;
        let identity = &world.app.identity;
        let Repeat::First(first) = identity.begin_request(&root.actor, &request("a")).await.unwrap() else {
            panic!("it is the first");
        };
        let large = KeptAnswer { status: 200, body: Some("x".repeat(65 * 1024)) };
        identity.finish_request(&root.actor, &first, &large).await.unwrap();
        let late = KeptAnswer { status: 500, body: Some("{}".to_owned()) };
        identity.finish_request(&root.actor, &first, &late).await.unwrap();
        identity.forget_request(&root.actor, &first).await.unwrap();
        let again = identity.begin_request(&root.actor, &request("a")).await.unwrap();
        assert_eq!(again, Repeat::Done(KeptAnswer { status: 200, body: None }));
        let other = Repeatable { content: b"{ }", ..request("a") };
        assert_eq!(identity.begin_request(&root.actor, &other).await.unwrap(), Repeat::Differs);
    }
}
