//! What Twitch does on a bad day.

use std::time::Duration;

use futures_util::future::join_all;
use kernel::{CarryError, Connector, Courier, Haste, Turn};
use simulator::wire::Fault;

use super::world::{DUCKS, LONG, World, chat, direct, order};

fn status(status: u16, body: &str, content_type: &str) -> Fault {
    Fault::Status {
        status,
        body: body.into(),
        content_type: content_type.into(),
    }
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_however_many_ask() {
    let world = World::new().await;
    world.server.expire_tokens();
    let orders: Vec<_> = (0..20)
        .map(|n| order(chat(DUCKS), &format!("message {n}")))
        .collect();
    let carried = join_all(orders.iter().map(|order| world.carry(order))).await;
    assert!(carried.iter().all(Result::is_ok), "{carried:?}");
    assert_eq!(world.server.sent(DUCKS).len(), 20);
    let exchanges = world.server.exchanges();
    let refreshes = exchanges.iter().filter(|e| e.path == "/oauth2/token");
    assert_eq!(refreshes.count(), 1);
    assert_eq!(world.grants.n_renewed(), 1);
    let stored = world.grants.get(DUCKS);
    assert_ne!(*stored.access.expose(), world.tokens.access);
    assert_ne!(
        *stored.refresh.unwrap().expose(),
        world.tokens.refresh,
        "it rotated"
    );
    // The rotated one is good for the next time.
    world.server.expire_tokens();
    world.carry(&order(chat(DUCKS), "later")).await.unwrap();
    assert_eq!(world.grants.n_renewed(), 2);
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_refreshed_before_it_is_used() {
    let world = World::new().await;
    world.grants.put_until(&world.tokens, 5);
    world.carry(&order(chat(DUCKS), "hi")).await.unwrap();
    assert_eq!(world.grants.n_renewed(), 1);
    assert_eq!(
        world
            .server
            .exchanges()
            .iter()
            .filter(|e| e.status == 401)
            .count(),
        0
    );
}

#[tokio::test]
async fn a_fresh_token_survives_that_it_cannot_be_stored() {
    let world = World::new().await;
    world.server.expire_tokens();
    world.grants.set_away(true);
    world.carry(&order(chat(DUCKS), "one")).await.unwrap();
    world.carry(&order(chat(DUCKS), "two")).await.unwrap();
    assert_eq!(world.grants.n_renewed(), 0);
    world.grants.set_away(false);
    world.carry(&order(chat(DUCKS), "three")).await.unwrap();
    assert_ne!(
        *world.grants.get(DUCKS).access.expose(),
        world.tokens.access
    );
}

#[tokio::test]
async fn a_refused_refresh_is_told_and_not_tried_again() {
    let world = World::new().await;
    world.server.revoke_token(DUCKS);
    for text in ["one", "two"] {
        let refused = world.carry(&order(chat(DUCKS), text)).await;
        assert!(
            matches!(refused, Err(CarryError::Refused(why)) if why.contains("connect it again"))
        );
    }
    assert!(
        world
            .grants
            .report_of(DUCKS)
            .unwrap()
            .contains("connect it again")
    );
    let exchanges = world.server.exchanges();
    assert_eq!(
        exchanges
            .iter()
            .filter(|e| e.path == "/oauth2/token")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_429_is_obeyed_and_is_no_failure() {
    let world = World::new().await;
    let courier = &world.courier;
    let limited = Fault::RateLimited {
        after_ms: 1_500,
        global: false,
    };
    world.server.faults().next("/chat/messages", 1, limited);
    let hello = order(chat(DUCKS), "hello");
    let Err(CarryError::RateLimited { after }) = world.carry(&hello).await else {
        panic!("not told to wait");
    };
    assert!(
        after > Duration::from_secs(1) && after <= Duration::from_millis(2_500),
        "{after:?}"
    );
    let Ok(Turn::In(place)) = courier.turn(&hello, Haste::Line) else {
        panic!("the turn did not wait");
    };
    assert!(place > Duration::from_secs(1), "{place:?}");
    world.carry(&hello).await.unwrap();
    let log = world.server.exchanges();
    let asked = log.iter().filter(|e| e.path == "/helix/chat/messages");
    assert_eq!(asked.count(), 2, "nothing was asked meanwhile");
}

#[tokio::test]
async fn what_was_certainly_not_done_may_be_tried_again_and_the_rest_is_unknown() {
    let world = World::new().await;
    let carried = async |fault: Fault, text: &str| {
        world.server.faults().next("/chat/messages", 1, fault);
        world.carry(&order(chat(DUCKS), text)).await.unwrap_err()
    };
    let html = "<html><h1>502 Bad Gateway</h1></html>";
    assert!(matches!(
        carried(status(503, html, "text/html"), "a").await,
        CarryError::Unavailable(_)
    ));
    assert!(matches!(
        carried(status(502, html, "text/html"), "b").await,
        CarryError::Unknown(_)
    ));
    assert!(matches!(
        carried(status(200, html, "text/html"), "c").await,
        CarryError::Unknown(_)
    ));
    assert!(matches!(
        carried(Fault::LostResponse, "d").await,
        CarryError::Unknown(_)
    ));
    assert_eq!(world.server.sent(DUCKS).len(), 1, "the lost one was done");
    assert!(matches!(
        carried(Fault::Reset, "e").await,
        CarryError::Unknown(_)
    ));
    let refused = carried(
        status(
            403,
            r#"{"error":"Forbidden","status":403,"message":"not there"}"#,
            "application/json",
        ),
        "f",
    )
    .await;
    assert_eq!(
        refused,
        CarryError::Refused("Twitch refused (403): not there".into())
    );
    assert!(world.carry(&order(chat(DUCKS), "g")).await.is_ok());
}

#[tokio::test]
async fn after_many_failures_nothing_is_sent_for_a_while() {
    let world = World::new().await;
    let courier = &world.courier;
    world
        .server
        .faults()
        .next("/chat/messages", 100, status(500, "", "text/plain"));
    for n in 0..5 {
        let failed = world.carry(&order(chat(DUCKS), &format!("{n}"))).await;
        assert!(matches!(failed, Err(CarryError::Unavailable(_))));
    }
    let closed = courier.turn(&order(chat(DUCKS), "x"), Haste::Next);
    assert!(
        matches!(closed, Err(CarryError::Closed { .. })),
        "{closed:?}"
    );
}

#[tokio::test]
async fn a_message_that_twitch_drops_is_not_called_sent() {
    let world = World::new().await;
    world.carry(&order(chat(DUCKS), "same")).await.unwrap();
    let again = world.carry(&order(chat(DUCKS), "same")).await;
    assert!(matches!(again, Err(CarryError::Refused(why)) if why.contains("the same was said")));
}

#[tokio::test]
async fn the_limits_of_chat_are_kept_without_being_told() {
    let world = World::new().await;
    let courier = &world.courier;
    let mut n_now = 0;
    for n in 0..150 {
        let order = order(chat(DUCKS), &format!("message {n}"));
        match courier.turn(&order, Haste::Line).unwrap() {
            Turn::Now => {
                courier.carry(&order).await.unwrap();
                n_now += 1;
            }
            Turn::In(after) => assert!(after > Duration::from_secs(1), "{after:?}"),
        }
    }
    assert_eq!(n_now, 100);
    assert_eq!(world.server.sent(DUCKS).len(), 100, "none was dropped");
}

#[tokio::test]
async fn a_revoked_channel_is_heard_again_after_it_was_connected_again() {
    let world = World::new().await;
    let listener = world.listen(1).await;
    world.server.revoke_token(DUCKS);
    assert!(
        world
            .server
            .wait_for(|server| server.n_sockets() == 0, LONG)
            .await
    );
    assert!(world.grants.report_of(DUCKS).unwrap().contains("connect"));
    world
        .grants
        .put(&world.server.authorise(DUCKS, &platforms::twitch::SCOPES));
    listener.nudge();
    world.subscribed(10).await;
    world
        .grants
        .reported(DUCKS, |trouble| trouble.is_none())
        .await;
    world.stop().await;
}

#[tokio::test]
async fn no_token_and_no_text_is_ever_logged() {
    let world = World::new().await;
    world.listen(1).await;
    let text = "a text that nobody may log: gosling";
    world.server.say(DUCKS, "ann", text);
    world.ears.until(|all| all.len() == 1).await;
    world.server.expire_tokens();
    let ann = world.server.user("ann");
    world
        .carry(&order(chat(DUCKS), &format!("{text} in chat")))
        .await
        .unwrap();
    world
        .carry(&order(direct(DUCKS, &ann), text))
        .await
        .unwrap();
    for fault in [
        Fault::LostResponse,
        status(200, "<html>", "text/html"),
        status(400, text, "text/plain"),
    ] {
        world.server.faults().next("/chat/messages", 1, fault);
        let error = world
            .carry(&order(chat(DUCKS), &format!("{text}!")))
            .await
            .unwrap_err();
        assert!(
            !format!("{error:?} {error}").contains("gosling"),
            "{error:?}"
        );
    }
    world.server.cut_sockets();
    assert!(
        world
            .server
            .wait_for(|server| server.n_sockets() == 0, LONG)
            .await
    );
    world.subscribed(10).await;
    world.server.reconnect_sockets();
    let grant = world.grants.get(DUCKS);
    assert!(!format!("{grant:?} {:?}", world.twitch).contains(grant.access.expose()));
    world.twitch.connector().revoke(&grant).await.unwrap();
    world.stop().await;
    // What our own crates say, at every level.
    let log = crate::log::text();
    assert!(log.contains("connection ended"), "something was logged");
    let ours = log.lines().filter(|line| line.contains(" platforms"));
    for line in ours {
        for secret in [
            &world.tokens.access,
            &world.tokens.refresh,
            grant.access.expose(),
            grant.refresh.as_ref().unwrap().expose(),
            world.server.client_secret(),
            "gosling",
        ] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
