//! Allowances: each payer has its own under each name, and it comes back with the minute.

use std::time::Duration;

use app::{Caller, Payer};
use kernel::{ApiKeyId, Role, SessionId};
use testkit::on_both;

on_both! {
    async fn an_allowance_is_used_up_by_its_payer_alone_and_comes_back(world: World) {
        let app = &world.app;
        let (ann, bob) = (Payer::Person(kernel::UserId(1)), Payer::Person(kernel::UserId(2)));
        let half = app.take_allowance("graphql", &ann, 60, 100).await;
        assert_eq!((half.is_granted, half.limit, half.remaining), (true, 100, 40));
        let refused = app.take_allowance("graphql", &ann, 41, 100).await;
        assert_eq!((refused.is_granted, refused.remaining), (false, 40), "all or nothing");
        assert!(app.take_allowance("graphql", &bob, 100, 100).await.is_granted);
        assert!(app.take_allowance("rest", &ann, 100, 100).await.is_granted, "each name has its own");
        world.clock.set(refused.resets_at);
        let next = app.take_allowance("graphql", &ann, 100, 100).await;
        assert_eq!((next.is_granted, next.remaining), (true, 0));
        assert_eq!(next.resets_at.since(refused.resets_at), Duration::from_secs(60));
    }

    async fn who_pays_is_the_key_or_else_the_person_or_else_the_network(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let user = world.app.identity.me(&ann.actor).await.unwrap().unwrap();
        let mut caller = Caller {
            actor: ann.actor.clone(),
            user,
            session: Some(SessionId(1)),
            key: None,
        };
        let address = Some("203.0.113.77".parse().unwrap());
        assert_eq!(Payer::of(Some(&caller), address), Payer::Person(ann.user));
        caller.key = Some(ApiKeyId(7));
        assert_eq!(Payer::of(Some(&caller), address), Payer::Key(ApiKeyId(7)));
        assert_eq!(Payer::of(None, address), Payer::Network("203.0.113.0/24".to_owned()));
        let six = Some("2001:db8:1:2::3".parse().unwrap());
        assert_eq!(Payer::of(None, six), Payer::Network("2001:db8:1::/48".to_owned()));
    }
}
