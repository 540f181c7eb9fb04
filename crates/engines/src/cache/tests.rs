//! The contract of [`Cache`], run on every implementation, and what is particular to each.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::Timestamp;

use super::{Cache, MAX_KEY_BYTES, MAX_TTL, MAX_VALUE_BYTES, MemoryCache, RedisCache};
use crate::outside::{self, HandClock, Link, soon, unique};

const MINUTE: Duration = Duration::from_mins(1);

/// `pass` makes the time of a key pass.
async fn suite(cache: &dyn Cache, pass: impl AsyncFn(&str, Duration)) {
    assert_eq!(cache.get("page").await, None);
    cache.put("page", "first".into(), MINUTE).await;
    assert_eq!(cache.get("page").await.unwrap(), "first");
    cache.put("page", "second".into(), MINUTE).await;
    assert_eq!(cache.get("page").await.unwrap(), "second");
    assert_eq!(cache.get("pag").await, None);
    cache.remove("page").await;
    cache.remove("page").await;
    assert_eq!(cache.get("page").await, None);

    let odd = Bytes::from_static(b"\0\r\n\xff ");
    cache.put("odd \r\n key ✓", odd.clone(), MAX_TTL * 2).await;
    assert_eq!(cache.get("odd \r\n key ✓").await, Some(odd));
    cache.put("", Bytes::new(), MINUTE).await;
    assert_eq!(cache.get("").await.unwrap(), "");

    cache.put("brief", "x".into(), MINUTE).await;
    pass("brief", MINUTE).await;
    assert_eq!(cache.get("brief").await, None);

    what_cannot_be_kept_leaves_nothing_old(cache).await;
}

async fn what_cannot_be_kept_leaves_nothing_old(cache: &dyn Cache) {
    let largest = Bytes::from(vec![7; MAX_VALUE_BYTES]);
    let too_large = Bytes::from(vec![7; MAX_VALUE_BYTES + 1]);
    cache.put("size", largest.clone(), MINUTE).await;
    assert_eq!(cache.get("size").await, Some(largest));
    cache.put("size", too_large, MINUTE).await;
    assert_eq!(cache.get("size").await, None);

    cache.put("time", "old".into(), MINUTE).await;
    cache.put("time", "new".into(), Duration::ZERO).await;
    assert_eq!(cache.get("time").await, None);

    let longest = "k".repeat(MAX_KEY_BYTES);
    cache.put(&longest, "x".into(), MINUTE).await;
    assert_eq!(cache.get(&longest).await.unwrap(), "x");
    let too_long = format!("{longest}k");
    cache.put(&too_long, "x".into(), MINUTE).await;
    assert_eq!(cache.get(&too_long).await, None);
    cache.remove(&too_long).await;
}

fn memory(max_bytes: u64) -> (MemoryCache, Arc<HandClock>) {
    let clock = HandClock::at(Timestamp::from_secs(1_790_000_000));
    (MemoryCache::new(max_bytes, clock.clone()), clock)
}

#[tokio::test]
async fn the_memory_cache_keeps_the_contract() {
    let (cache, clock) = memory(16 * 1024 * 1024);
    suite(&cache, async |_key, ttl| clock.advance(ttl)).await;
    assert_eq!(cache.name(), "memory");
}

#[tokio::test]
async fn an_entry_is_there_until_its_last_microsecond() {
    let (cache, clock) = memory(1024 * 1024);
    cache.put("page", "x".into(), MINUTE).await;
    clock.advance(Duration::from_micros(59_999_999));
    assert!(cache.get("page").await.is_some());
    clock.advance(Duration::from_micros(1));
    assert!(cache.get("page").await.is_none());
}

#[tokio::test]
async fn the_memory_cache_holds_no_more_bytes_than_it_may() {
    let (cache, _clock) = memory(100_000);
    for n in 0..1_000 {
        let value = Bytes::from(vec![0; 1_000]);
        cache.put(&format!("key {n}"), value, MINUTE).await;
    }
    let weight_bytes = cache.weight_bytes().await;
    assert!((50_000..=100_000).contains(&weight_bytes), "{weight_bytes}");
}

#[tokio::test]
async fn the_redis_cache_keeps_the_contract() {
    let Some(address) = outside::redis() else {
        return;
    };
    let prefix = unique("contract:");
    let cache = RedisCache::open(&address, &prefix).unwrap();
    let client = redis::Client::open(address.expose().as_str()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let pass = async |key: &str, ttl: Duration| {
        let key = format!("{prefix}cache:{key}");
        let mut connection = connection.clone();
        let left_ms: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .unwrap();
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap();
        assert!((ttl_ms - 30_000..=ttl_ms).contains(&left_ms), "{left_ms}");
        // The server's clock cannot be moved, so the end of the key is.
        let _: i64 = redis::cmd("PEXPIREAT")
            .arg(&key)
            .arg(1)
            .query_async(&mut connection)
            .await
            .unwrap();
    };
    suite(&cache, pass).await;
    assert_eq!(cache.name(), "redis");
}

#[tokio::test]
async fn caches_with_different_prefixes_do_not_meet() {
    let Some(address) = outside::redis() else {
        return;
    };
    let ours = RedisCache::open(&address, &unique("ours:")).unwrap();
    let theirs = RedisCache::open(&address, &unique("theirs:")).unwrap();
    ours.put("page", "x".into(), MINUTE).await;
    assert_eq!(theirs.get("page").await, None);
    ours.remove("page").await;
}

#[tokio::test]
async fn without_redis_everything_is_a_miss() {
    let cache = RedisCache::open(&outside::nowhere().await, "absent:").unwrap();
    soon(cache.put("page", "x".into(), MINUTE)).await;
    assert_eq!(soon(cache.get("page")).await, None);
    soon(cache.remove("page")).await;
}

#[tokio::test]
async fn the_redis_cache_works_again_after_a_cut() {
    let Some(address) = outside::redis() else {
        return;
    };
    let link = Link::to(&address).await;
    let cache = RedisCache::open(&link.address(), &unique("cut:")).unwrap();
    cache.put("page", "x".into(), MINUTE).await;
    assert_eq!(cache.get("page").await.unwrap(), "x");
    link.cut();
    assert_eq!(cache.get("page").await, None);
    link.mend();
    soon(async { while cache.get("page").await.is_none() {} }).await;
    cache.remove("page").await;
}

#[test]
fn a_wrong_address_is_refused_without_showing_it() {
    let wrong = "redis//user:hunter2@host".to_owned().into();
    let Err(error) = RedisCache::open(&wrong, "") else {
        panic!("opened");
    };
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
