//! How often we may ask.

use std::time::Duration;

use kernel::{CarryError, Courier, Haste, Turn};
use simulator::{
    discord::{Limits, Options},
    wire::Fault,
};

use super::rig::{CHANNEL, OTHER, Rig, options, order};

fn wait(rig: &Rig, channel: u64) -> Option<Duration> {
    let probe = order(channel, "x", "probe");
    match rig.discord.turn(&probe, Haste::Next).unwrap() {
        Turn::Now => {
            rig.discord.leave(&probe);
            None
        }
        Turn::In(after) => Some(after),
    }
}

#[tokio::test]
async fn a_429_for_one_channel_is_waited_out_there_and_nowhere_else() {
    let rig = Rig::start(options()).await;
    rig.server.faults().next(
        "/messages",
        1,
        Fault::RateLimited {
            after_ms: 730,
            global: false,
        },
    );
    let limited = rig.carry(&order(CHANNEL, "x", "n1")).await;
    assert_eq!(
        limited,
        Err(CarryError::RateLimited {
            after: Duration::from_millis(730)
        })
    );
    let left = wait(&rig, CHANNEL).unwrap();
    assert!(
        left > Duration::from_millis(400) && left <= Duration::from_millis(730),
        "{left:?}"
    );
    assert_eq!(wait(&rig, OTHER), None);
    rig.carry(&order(CHANNEL, "x", "n1")).await.unwrap();
    assert_eq!(rig.server.exchanges().all().len(), 2);
}

#[tokio::test]
async fn a_429_for_everything_stops_everything_for_exactly_that_long() {
    let rig = Rig::start(options()).await;
    rig.server.faults().next(
        "/messages",
        1,
        Fault::RateLimited {
            after_ms: 600,
            global: true,
        },
    );
    assert!(rig.carry(&order(CHANNEL, "x", "n1")).await.is_err());
    let left = wait(&rig, OTHER).unwrap();
    assert!(
        left > Duration::from_millis(300) && left <= Duration::from_millis(600),
        "{left:?}"
    );
    rig.carry(&order(OTHER, "x", "n2")).await.unwrap();
    assert_eq!(rig.server.exchanges().count(429), 1);
}

#[tokio::test]
async fn a_channel_that_others_use_too_much_is_left_alone() {
    let rig = Rig::start(options()).await;
    rig.server.share_limit(CHANNEL, Duration::from_millis(500));
    let limited = rig.carry(&order(CHANNEL, "x", "n1")).await;
    assert!(
        matches!(limited, Err(CarryError::RateLimited { after }) if after <= Duration::from_millis(500))
    );
    rig.carry(&order(OTHER, "x", "n2")).await.unwrap();
    rig.carry(&order(CHANNEL, "x", "n1")).await.unwrap();
    assert_eq!(
        (rig.server.exchanges().count(429), rig.server.n_invalid()),
        (1, 0)
    );
}

#[tokio::test]
async fn a_bucket_is_learned_from_its_first_answer_and_never_overrun() {
    let limits = Limits {
        messages: (3, Duration::from_millis(300)),
        ..Limits::generous()
    };
    let rig = Rig::start(Options {
        limits,
        ..options()
    })
    .await;
    let nonces: Vec<String> = (0..24).map(|n| format!("n{n}")).collect();
    let orders: Vec<_> = nonces
        .iter()
        .map(|nonce| order(CHANNEL, "x", nonce))
        .collect();
    let carried = futures_util::future::join_all(orders.iter().map(|order| rig.carry(order))).await;
    assert!(carried.iter().all(Result::is_ok));
    assert_eq!(rig.server.sent(CHANNEL).len(), 24);
    assert_eq!(rig.server.exchanges().count(429), 0);
}

#[tokio::test]
async fn fifty_in_a_second_are_never_exceeded_over_many_channels() {
    let mut with_many = options();
    with_many.limits.global = 50;
    with_many.guilds[0]
        .channels
        .extend((0..30).map(|n| simulator::discord::ChannelSpec {
            id: 300_000_000_000_000_000 + n,
            name: format!("room{n}"),
        }));
    let rig = Rig::start(with_many).await;
    let orders: Vec<_> = (0..120_u64)
        .map(|n| order(300_000_000_000_000_000 + n % 30, "x", &format!("n{n}")))
        .collect();
    let carried = futures_util::future::join_all(orders.iter().map(|order| rig.carry(order))).await;
    assert!(carried.iter().all(Result::is_ok), "{carried:?}");
    assert_eq!(rig.server.exchanges().count(429), 0);
}

#[tokio::test]
async fn a_refused_token_is_tried_once_and_what_was_to_be_said_waits() {
    let rig = Rig::start(options()).await;
    rig.server.set_token("another");
    let closed = rig.carry(&order(CHANNEL, "x", "n1")).await.unwrap_err();
    assert!(matches!(closed, CarryError::Closed { after, .. } if after == Duration::from_secs(60)));
    let closed = rig.carry(&order(OTHER, "x", "n2")).await.unwrap_err();
    assert!(matches!(closed, CarryError::Closed { why, .. } if why.contains("token")));
    assert_eq!(rig.server.exchanges().all().len(), 1);
}
