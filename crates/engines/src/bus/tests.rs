//! The contract of [`Bus`], run on every implementation, and what is particular to each.

use super::{
    Bus, BusError, CAPACITY, MAX_PAYLOAD_BYTES, MemoryBus, RedisBus, Signal, Subscription,
};
use crate::outside::{self, Link, soon, unique};
use futures_util::StreamExt;
use futures_util::future::join_all;

async fn next(subscription: &mut Subscription) -> Signal {
    soon(subscription.recv()).await.expect("the bus is there")
}

fn notice(topic: &str, payload: &str) -> Signal {
    Signal::Notice {
        topic: topic.into(),
        payload: payload.into(),
    }
}

async fn suite(bus: &dyn Bus) {
    bus.health().await.unwrap();
    assert!(!bus.name().is_empty());
    bus.publish("chat:nobody", "unheard").await.unwrap();

    subscribers_hear_their_topic_in_order(bus).await;
    a_slow_subscriber_is_told_that_it_lagged(bus).await;
    limits_are_kept(bus).await;
}

async fn subscribers_hear_their_topic_in_order(bus: &dyn Bus) {
    let mut ann = bus.subscribe("chat:7").await.unwrap();
    let mut bob = bus.subscribe("chat:7").await.unwrap();
    let mut other = bus.subscribe("chat:8").await.unwrap();
    assert_eq!(ann.topic(), "chat:7");
    for n in 0..100 {
        bus.publish("chat:7", &format!("message {n} ✓\r\n"))
            .await
            .unwrap();
    }
    bus.publish("chat:8", "").await.unwrap();
    for n in 0..100 {
        let wanted = notice("chat:7", &format!("message {n} ✓\r\n"));
        assert_eq!(next(&mut ann).await, wanted);
        assert_eq!(next(&mut bob).await, wanted);
    }
    assert_eq!(next(&mut other).await, notice("chat:8", ""));
    drop(ann);
    bus.publish("chat:7", "one left").await.unwrap();
    let mut rest = Box::pin(bob.into_stream());
    assert_eq!(soon(rest.next()).await, Some(notice("chat:7", "one left")));
}

async fn a_slow_subscriber_is_told_that_it_lagged(bus: &dyn Bus) {
    let mut slow = bus.subscribe("chat:9").await.unwrap();
    let mut quick = bus.subscribe("chat:9").await.unwrap();
    let n_notices = CAPACITY + 100;
    for n in 0..n_notices {
        bus.publish("chat:9", &n.to_string()).await.unwrap();
        assert_eq!(next(&mut quick).await, notice("chat:9", &n.to_string()));
    }
    assert_eq!(next(&mut slow).await, Signal::Lagged(100));
    assert_eq!(next(&mut slow).await, notice("chat:9", "100"));
}

async fn limits_are_kept(bus: &dyn Bus) {
    for topic in ["", "two words", "line\nbreak", "größe", &"x".repeat(201)] {
        let refused = bus.publish(topic, "").await;
        assert!(matches!(refused, Err(BusError::BadTopic)), "{topic}");
        let refused = bus.subscribe(topic).await;
        assert!(matches!(refused, Err(BusError::BadTopic)), "{topic}");
    }
    let topic = "x".repeat(200);
    let mut heard = bus.subscribe(&topic).await.unwrap();
    let longest = "y".repeat(MAX_PAYLOAD_BYTES);
    bus.publish(&topic, &longest).await.unwrap();
    assert_eq!(next(&mut heard).await, notice(&topic, &longest));
    let refused = bus.publish(&topic, &format!("{longest}y")).await;
    assert!(matches!(refused, Err(BusError::PayloadTooLong(_))));
}

/// 10,000 topics come and go, a thousand at a time, some with two listeners.
async fn many_topics(bus: &dyn Bus) {
    for round in 0..10 {
        let names: Vec<_> = (0..1_000).map(|n| format!("chat:{round}:{n}")).collect();
        let twice = names.iter().chain(names.iter().step_by(7));
        let listening = join_all(twice.map(|name| bus.subscribe(name))).await;
        let mut listening: Vec<_> = listening.into_iter().map(Result::unwrap).collect();
        bus.publish("chat:0:999", "there").await.unwrap();
        if round == 0 {
            assert_eq!(
                next(&mut listening[999]).await,
                notice("chat:0:999", "there")
            );
        }
    }
}

#[tokio::test]
async fn the_memory_bus_keeps_the_contract() {
    suite(&MemoryBus::new()).await;
}

#[tokio::test]
async fn the_memory_bus_forgets_topics_nobody_listens_to() {
    let bus = MemoryBus::new();
    many_topics(&bus).await;
    assert_eq!(bus.n_topics(), 0);
    let kept = bus.subscribe("chat:7").await.unwrap();
    drop(bus.subscribe("chat:7").await.unwrap());
    assert_eq!(bus.n_topics(), 1);
    drop(kept);
    assert_eq!(bus.n_topics(), 0);
}

#[tokio::test]
async fn a_subscription_ends_with_its_bus() {
    let bus = MemoryBus::new();
    let mut subscription = bus.subscribe("chat:7").await.unwrap();
    drop(bus);
    assert_eq!(soon(subscription.recv()).await, None);
}

#[tokio::test]
async fn the_redis_bus_keeps_the_contract() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("contract:");
    suite(&RedisBus::open(&address, &prefix).await.unwrap()).await;
}

#[tokio::test]
async fn the_redis_bus_forgets_topics_nobody_listens_to() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("many-topics:");
    let bus = RedisBus::open(&address, &prefix).await.unwrap();
    many_topics(&bus).await;
    assert_eq!(bus.n_topics(), 0);

    let client = redis::Client::open(address.expose().as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    soon(async {
        loop {
            let channels: Vec<String> = redis::cmd("PUBSUB")
                .arg("CHANNELS")
                .arg(format!("{prefix}*"))
                .query_async(&mut connection)
                .await
                .unwrap();
            if channels == [format!("{prefix}bus: lost")] {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn processes_with_the_same_prefix_hear_each_other_and_no_others() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("processes:");
    let here = RedisBus::open(&address, &prefix).await.unwrap();
    let there = RedisBus::open(&address, &prefix).await.unwrap();
    let stranger = RedisBus::open(&address, &unique("strangers:"))
        .await
        .unwrap();
    let mut far = there.subscribe("chat:7").await.unwrap();
    let mut near = here.subscribe("chat:7").await.unwrap();
    stranger.publish("chat:7", "not for you").await.unwrap();
    here.publish("chat:7", "hello").await.unwrap();
    assert_eq!(next(&mut far).await, notice("chat:7", "hello"));
    assert_eq!(next(&mut near).await, notice("chat:7", "hello"));
}

#[tokio::test]
async fn a_topic_that_goes_and_comes_back_at_once_is_heard() {
    let Some(address) = outside::redis() else {
        return;
    };
    let bus = RedisBus::open(&address, &unique("flutter:")).await.unwrap();
    for n in 0..300 {
        let mut heard = bus.subscribe("chat:7").await.unwrap();
        bus.publish("chat:7", &n.to_string()).await.unwrap();
        // A notice of the round before may still arrive.
        while next(&mut heard).await != notice("chat:7", &n.to_string()) {}
    }
}

/// Both sides of a cut are told: this process, and the others that missed what it published.
#[tokio::test]
async fn after_a_cut_every_subscriber_is_told_to_read_again() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("cut:");
    let link = Link::to(&address).await;
    let cut_off = RedisBus::open(&link.address(), &prefix).await.unwrap();
    let other = RedisBus::open(&address, &prefix).await.unwrap();
    let mut near = cut_off.subscribe("chat:7").await.unwrap();
    let mut far = other.subscribe("chat:7").await.unwrap();

    link.cut();
    // Until the cut is noticed, a publish may still be tried; none succeeds.
    cut_off.publish("chat:7", "cut").await.unwrap_err();
    assert_eq!(next(&mut near).await, notice("chat:7", "cut"));
    cut_off.health().await.unwrap_err();
    let mut newcomer = cut_off.subscribe("chat:8").await.unwrap();

    link.mend();
    assert_eq!(next(&mut newcomer).await, Signal::Lagged(0));
    assert_eq!(next(&mut near).await, Signal::Lagged(0));
    assert_eq!(next(&mut far).await, Signal::Lagged(0));

    other.publish("chat:7", "whole").await.unwrap();
    while next(&mut near).await != notice("chat:7", "whole") {}
    assert_eq!(next(&mut far).await, notice("chat:7", "whole"));
    cut_off.publish("chat:8", "whole").await.unwrap();
    while next(&mut newcomer).await != notice("chat:8", "whole") {}
    soon(cut_off.health()).await.unwrap();
}

#[tokio::test]
async fn without_redis_the_bus_opens_and_serves_its_own_process() {
    let address = outside::nowhere().await;
    let bus = RedisBus::open(&address, "absent:").await.unwrap();
    let mut heard = bus.subscribe("chat:7").await.unwrap();
    assert!(matches!(
        bus.publish("chat:7", "hello").await,
        Err(BusError::Away)
    ));
    assert_eq!(next(&mut heard).await, notice("chat:7", "hello"));
    bus.health().await.unwrap_err();
    drop(bus);
    assert_eq!(soon(heard.recv()).await, None);
}

#[tokio::test]
async fn a_wrong_address_is_refused_without_showing_it() {
    let wrong = "redis//user:hunter2@host".to_owned().into();
    let Err(error) = RedisBus::open(&wrong, "").await else {
        panic!("opened");
    };
    assert!(matches!(error, BusError::BadAddress(_)));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
