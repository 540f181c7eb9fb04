//! The contract of [`Meter`], run on every implementation, and what is particular to each.

use std::time::Duration;

use futures_util::future::join_all;
use kernel::Timestamp;

use super::{MemoryMeter, Meter, Quota, Reading, RedisMeter};
use crate::outside::{self, soon, unique};

const QUOTA: Quota = Quota {
    limit: 100,
    window: Duration::from_mins(1),
};
/// The middle of a minute.
const NOW: Timestamp = Timestamp::from_secs(1_790_000_010);

fn reading(is_granted: bool, used: u64) -> Reading {
    Reading {
        is_granted,
        used,
        resets_at: Timestamp::from_secs(1_790_000_040),
    }
}

async fn suite(meter: &dyn Meter) {
    assert_eq!(meter.take("ann", 0, QUOTA, NOW).await, reading(true, 0));
    assert_eq!(meter.take("ann", 60, QUOTA, NOW).await, reading(true, 60));
    // All or nothing: what is refused costs nothing.
    assert_eq!(meter.take("ann", 41, QUOTA, NOW).await, reading(false, 60));
    assert_eq!(meter.take("ann", 40, QUOTA, NOW).await, reading(true, 100));
    assert_eq!(meter.take("ann", 1, QUOTA, NOW).await, reading(false, 100));
    assert_eq!(meter.take("ann", 0, QUOTA, NOW).await, reading(true, 100));
    assert_eq!(
        meter.take("bob", 100, QUOTA, NOW).await,
        reading(true, 100),
        "each has its own"
    );
    assert_eq!(
        meter.take("ann", u64::MAX / 4, QUOTA, NOW).await,
        reading(false, 100)
    );

    let last = Timestamp(Timestamp::from_secs(1_790_000_040).0 - 1);
    assert!(!meter.take("ann", 1, QUOTA, last).await.is_granted);
    let next = meter
        .take("ann", 1, QUOTA, Timestamp::from_secs(1_790_000_040))
        .await;
    assert_eq!((next.is_granted, next.used), (true, 1), "it comes back");

    let together = join_all((0..50).map(|_| meter.take("many", 3, QUOTA, NOW))).await;
    let n_granted = together.iter().filter(|reading| reading.is_granted).count();
    assert_eq!(n_granted, 33, "never more than there is");
}

#[tokio::test]
async fn the_memory_meter_keeps_the_contract() {
    let meter = MemoryMeter::new(1_000);
    suite(&meter).await;
    assert_eq!(meter.name(), "memory");
}

#[tokio::test]
async fn the_memory_meter_counts_no_more_keys_than_it_may_and_strangers_are_counted_too() {
    let meter = MemoryMeter::new(100);
    for n in 0..5_000 {
        let key = format!("stranger {n}");
        assert!(meter.take(&key, 100, QUOTA, NOW).await.is_granted);
        assert!(!meter.take(&key, 1, QUOTA, NOW).await.is_granted, "{key}");
    }
    assert!(meter.n_keys().await <= 100);
}

#[tokio::test]
async fn the_redis_meter_keeps_the_contract_and_its_keys_end() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("contract:");
    let meter = RedisMeter::open(&address, &prefix).unwrap();
    suite(&meter).await;
    assert_eq!(meter.name(), "redis");

    let client = redis::Client::open(address.expose().as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let number = NOW.millis() / 60_000;
    let left_ms: i64 = redis::cmd("PTTL")
        .arg(format!("{prefix}meter:bob@{number}"))
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!((1..=30_000).contains(&left_ms), "{left_ms}");
}

#[tokio::test]
async fn processes_share_what_redis_counts() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("shared:");
    let one = RedisMeter::open(&address, &prefix).unwrap();
    let other = RedisMeter::open(&address, &prefix).unwrap();
    let takes = (0..40).map(|n| {
        let meter = if n % 2 == 0 { &one } else { &other };
        meter.take("ann", 7, QUOTA, NOW)
    });
    let together = join_all(takes).await;
    let n_granted = together.iter().filter(|reading| reading.is_granted).count();
    assert_eq!(n_granted, 14);
}

#[tokio::test]
async fn without_redis_limits_hold_all_the_same() {
    let meter = RedisMeter::open(&outside::nowhere().await, "absent:").unwrap();
    assert!(soon(meter.take("ann", 100, QUOTA, NOW)).await.is_granted);
    assert!(!soon(meter.take("ann", 1, QUOTA, NOW)).await.is_granted);
}
